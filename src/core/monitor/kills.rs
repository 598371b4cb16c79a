//! OOM kills, as the kernel's log tells them while it is followed.

use crate::fixed::Fixed;
use crate::host::Numbers;
use crate::oom_kills::{self, Report, drain, printed, resident};
use crate::parse::oom_report::{Line, line};
use crate::sys::kmsg::Kmsg;
use crate::sys::reserved::Reserved;
use crate::sys::{Errno, Result};
use crate::units::Bytes;

/// OOM kills that are remembered between two samples; more are counted. The kernel prints 10 reports in 5 s, but the line of each kill: a
/// service that is started again at once is killed several times a second, and samples are 30 s apart. 52 kB.
pub(super) const ROOM: usize = 256;

/// An OOM kill.
#[derive(Clone, Debug)]
pub struct Kill {
    /// The number of the process, in the initial pid namespace.
    pub pid: u64,
    /// Whether `/proc` has that number, too.
    pub numbers: Numbers,
    /// Its name, raw.
    pub comm: Fixed<16>,
    /// The cgroup whose limit it was, raw; empty where the whole system was short, or where the log does not say.
    pub cgroup: Fixed<160>,
    /// What it had: its anonymous, file and shared memory.
    pub rss: Option<Bytes>,
}

/// The kernel's log from now on.
#[derive(Debug)]
pub(super) struct Kills {
    /// Why it can't be read, where it can't: kills are only counted then.
    log: Result<Kmsg>,
    seen: Reserved<Kill>,
    /// How many more there were since the last look than there is room for.
    more: u64,
    report: Report,
    /// Which numbers `/proc` has.
    numbers: Numbers,
}

impl Kills {
    pub(super) fn arm(numbers: Numbers) -> Result<Self> {
        let log = oom_kills::open();
        let mut seen = Reserved::new(ROOM)?;
        // When kills come memory is short: its pages are there by then.
        let none = Kill { pid: 0, numbers, comm: Fixed::new(), cgroup: Fixed::new(), rss: None };
        seen.extend(core::iter::repeat(none));
        seen.clear();
        Ok(Self { log, seen, more: 0, report: Report::new(None), numbers })
    }

    /// Forgets those of the last look, and reads what has come. `buf` must hold a record.
    pub(super) fn read(&mut self, buf: &mut [u8]) {
        self.seen.clear();
        self.more = 0;
        let log = match core::mem::replace(&mut self.log, Err(Errno::EBADF)) {
            Ok(log) => log,
            why => return self.log = why,
        };
        // Records that were lost are counted by /proc/vmstat.
        let drained = drain(&log, buf, &mut |record| self.take(record.text));
        self.log = drained.map(|_| log);
    }

    fn take(&mut self, text: &[u8]) {
        let line = line(text);
        self.report.take(text, &line);
        if let Line::Killed(killed) = line {
            let kill = Kill {
                pid: killed.pid,
                numbers: self.numbers,
                comm: printed(killed.comm.unwrap_or_default()),
                cgroup: printed(self.report.limit().unwrap_or_default()),
                rss: resident(&killed),
            };
            self.more += u64::from(self.seen.push(kill).is_err());
        }
    }

    /// Those of the last look, as many as there is room for, and how many more there were.
    pub(super) fn seen(&self) -> (&[Kill], u64) {
        (&self.seen, self.more)
    }

    /// Why the log can't be read, where it can't: kills are counted and have no names.
    pub(super) fn unread(&self) -> Option<Errno> {
        self.log.as_ref().err().copied()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    fn silent() -> Kills {
        Kills { log: Err(Errno::ENOENT), ..Kills::arm(Numbers::Initial).expect("room") }
    }

    #[test]
    fn a_kill_is_known_with_its_cgroup() {
        let mut kills = silent();
        for text in [
            "leak invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop,task_memcg=/shop/a,task=leak,pid=7,uid=0",
            "Memory cgroup out of memory: Killed process 7 (leak) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0",
            "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
            "Out of memory: Killed process 8 (b) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0",
        ] {
            kills.take(text.as_bytes());
        }
        let seen = kills.seen().0.iter().map(|kill| {
            let text = |bytes: &[u8]| std::string::String::from_utf8_lossy(bytes).into_owned();
            (kill.pid, text(kill.comm.as_bytes()), text(kill.cgroup.as_bytes()))
        });
        let seen: std::vec::Vec<_> = seen.collect();
        assert_eq!(seen, [(7, "leak".into(), "/shop".into()), (8, "b".into(), "".into())]);
    }

    #[test]
    fn a_kill_without_its_report_is_in_no_cgroup_that_was_named_before_but_with_a_group_that_dies_as_one() {
        let report = [
            "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop,task_memcg=/shop/a,task=leak,pid=7,uid=0",
            "Memory cgroup out of memory: Killed process 7 (leak) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB",
        ];
        let group = "Tasks in /shop/a are going to be killed due to memory.oom.group set";
        let next =
            "Memory cgroup out of memory: Killed process 8 (b) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB";
        for (lines, cgroup) in [(&[next][..], &b""[..]), (&[group, next], b"/shop")] {
            let mut kills = silent();
            report.iter().chain(lines).for_each(|line| kills.take(line.as_bytes()));
            let last = kills.seen().0.last().expect("a kill");
            assert_eq!((last.pid, last.cgroup.as_bytes()), (8, cgroup));
        }
    }

    #[test]
    fn more_than_there_is_room_for_are_counted() {
        let mut kills = silent();
        for pid in 1..=ROOM + 12 {
            let text = format!(
                "Out of memory: Killed process {pid} (b) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB"
            );
            kills.take(text.as_bytes());
        }
        assert_eq!((kills.seen().0.len(), kills.seen().1), (ROOM, 12));
    }
}
