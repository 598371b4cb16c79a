//! Which mappings of the largest processes have grown since they were first looked at.

use crate::fixed::Fixed;
use crate::history::grown::{Grower, Growers, Kind, Largest, SMALLEST};
use crate::parse::maps::{self, Mapping};
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::units::{Bytes, Pid, Ticks};

/// Processes whose mappings are remembered: 536 bytes each.
const ROOM: usize = 10;

/// A process with its largest mappings of then.
#[derive(Clone, Copy, Debug)]
struct Then {
    pid: Pid,
    started: Ticks,
    largest: Largest,
}

/// What was seen of the mappings of a few processes.
#[derive(Debug)]
pub(super) struct Mapped {
    all: [Option<Then>; ROOM],
}

impl Mapped {
    pub(super) const fn new() -> Self {
        Self { all: [None; ROOM] }
    }

    /// Remembers the mappings of a process, unless that was done before or there is no room.
    pub(super) fn note(&mut self, proc: &Dir, pid: Pid, started: Ticks, buf: &mut [u8]) {
        if self.then(pid, started).is_some() {
            return;
        }
        let Some(slot) = self.all.iter_mut().find(|slot| slot.is_none()) else {
            return;
        };
        let mut largest = Largest::new();
        let whole = each(proc, pid, buf, &mut |mapping| {
            largest.note(mapping.start, mapping.end);
        });
        *slot = whole.map(|()| Then { pid, started, largest });
    }

    fn then(&self, pid: Pid, started: Ticks) -> Option<&Largest> {
        let is_it = |then: &&Then| then.pid == pid && then.started == started;
        let then = self.all.iter().flatten().find(is_it)?;
        Some(&then.largest)
    }

    /// Those of its mappings that have grown since; `None`: it was not looked at before, or is not there any more.
    pub(super) fn growers(&self, proc: &Dir, pid: Pid, started: Ticks, buf: &mut [u8]) -> Option<Growers> {
        let then = self.then(pid, started)?;
        let mut growers = Growers::none();
        each(proc, pid, buf, &mut |mapping| {
            let by = match mapping.size().0 {
                SMALLEST.. => then.growth(mapping.start, mapping.end),
                _ => 0,
            };
            if by > 0 {
                growers.note(Grower {
                    start: mapping.start,
                    end: mapping.end,
                    kind: Kind::of(mapping.path),
                    by: Bytes(by),
                });
            }
        })?;
        Some(growers)
    }
}

/// Hands each mapping to `take`; `None` when they can't be read.
fn each(proc: &Dir, pid: Pid, buf: &mut [u8], take: &mut dyn FnMut(&Mapping<'_>)) -> Option<()> {
    let mut name = Fixed::<24>::new();
    name.push_dec(pid.get()).push(b"/maps");
    let file = proc.file(name.as_c_str()?).ok()?;
    let mut lines = Lines::new(&file, buf);
    let mut count = 0;
    while let Some(line) = lines.next() {
        if let Some(mapping) = maps::line(line.ok()?) {
            take(&mapping);
            count += 1;
        }
    }
    // One that has exited has none.
    (count > 0).then_some(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::map::{Access, Placeholder};
    use crate::sys::system::own_pid;

    #[test]
    fn a_mapping_that_is_new_has_grown_and_the_others_have_not() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let pid = Pid::new(own_pid()).expect("a pid");
        let mut buf = std::vec![0; 24 * 1024];
        let mut mapped = Mapped::new();
        let started = Ticks(1);
        assert!(mapped.growers(&proc, pid, started, &mut buf).is_none());
        mapped.note(&proc, pid, started, &mut buf);
        // Larger than any that the tests beside this one may map meanwhile.
        let held = Placeholder::anonymous(512 << 20, Access::Read).expect("a mapping");
        let growers = mapped.growers(&proc, pid, started, &mut buf);
        let first = growers.expect("looked at before").all()[0].expect("a mapping has grown");
        drop(held);
        // A stack of another test may have been where it is now.
        assert!(first.by.0 >= 256 << 20, "{first:?}");
        assert_eq!(first.kind, Kind::Anon);
    }
}
