//! Which mappings of the largest processes have grown since they were first looked at.

use crate::history::grown::{Growers, Largest};
use crate::processes::reader::{self, Reader};
use crate::sys::file::Dir;
use crate::units::{Pid, Ticks};

/// Processes whose mappings are remembered: 536 bytes each.
const ROOM: usize = 10;

/// A process with its largest mappings of then.
#[derive(Clone, Copy, Debug)]
struct EarlierMappings {
    pid: Pid,
    started: Ticks,
    largest: Largest,
}

/// What was seen of the mappings of a few processes.
#[derive(Debug)]
pub(super) struct Mapped {
    all: [Option<EarlierMappings>; ROOM],
}

impl Mapped {
    pub(super) const fn new() -> Self {
        Self { all: [None; ROOM] }
    }

    /// Remembers the mappings of a process, unless that was done before or there is no room.
    pub(super) fn note(&mut self, reader: Option<&Reader>, proc: &Dir, pid: Pid, started: Ticks) {
        if self.then(pid, started).is_some() {
            return;
        }
        if let Some(slot) = self.all.iter_mut().find(|slot| slot.is_none()) {
            let largest = reader::largest(reader, proc, (pid, started));
            *slot = largest.map(|largest| EarlierMappings { pid, started, largest });
        }
    }

    fn then(&self, pid: Pid, started: Ticks) -> Option<&Largest> {
        let is_it = |then: &&EarlierMappings| then.pid == pid && then.started == started;
        let then = self.all.iter().flatten().find(is_it)?;
        Some(&then.largest)
    }

    /// Those of its mappings that have grown since; `None`: it was not looked at before, or is not there any more.
    pub(super) fn growers(&self, reader: Option<&Reader>, proc: &Dir, pid: Pid, started: Ticks) -> Option<Growers> {
        let then = *self.then(pid, started)?;
        reader::growers(reader, proc, (pid, started), then)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::history::grown::Kind;
    use crate::sys::map::{Access, Placeholder};
    use crate::sys::system::own_pid;

    #[test]
    fn a_mapping_that_is_new_has_grown_and_the_others_have_not() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let pid = Pid::new(own_pid()).expect("a pid");
        let mut mapped = Mapped::new();
        let mut buf = [0; 4096];
        let text = proc.read(c"self/stat", &mut buf).expect("stat");
        let started = crate::parse::stat::parse(text).expect("stat").starttime;
        assert!(mapped.growers(None, &proc, pid, started).is_none());
        mapped.note(None, &proc, pid, started);
        // Larger than any that the tests beside this one may map meanwhile.
        let held = Placeholder::anonymous(512 << 20, Access::Read).expect("a mapping");
        let growers = mapped.growers(None, &proc, pid, started);
        let first = growers.expect("looked at before").all()[0].expect("a mapping has grown");
        drop(held);
        // A stack of another test may have been where it is now.
        assert!(first.by.0 >= 256 << 20, "{first:?}");
        assert_eq!(first.kind, Kind::Anon);
    }
}
