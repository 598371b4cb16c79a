//! The files of `/proc/PID` that are kept open.

use core::ffi::CStr;
use core::time::Duration;

use crate::sys::bounded::{Bounded, PATIENCE};
use crate::sys::kept::Kept;
use crate::units::Pid;

/// The files of the target that stay open. At a cgroup's hard limit they can still be read, while openat(2) fails.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as the kernel names them")]
pub struct Files {
    pub statm: Kept,
    pub stat: Kept,
    pub status: Kept,
    pub oom_score: Kept,
    pub oom_score_adj: Kept,
    pub cgroup: Kept,
    pub cmdline: Kept,
    pub maps: Kept,
    pub smaps_rollup: Kept,
    /// In place of smaps_rollup before Linux 4.14.
    pub smaps: Kept,
}

impl Files {
    pub(super) const fn new() -> Self {
        Self {
            statm: Kept::new(c"statm"),
            stat: Kept::new(c"stat"),
            status: Kept::new(c"status"),
            oom_score: Kept::new(c"oom_score"),
            oom_score_adj: Kept::new(c"oom_score_adj"),
            cgroup: Kept::new(c"cgroup"),
            cmdline: Kept::new(c"cmdline"),
            maps: Kept::new(c"maps"),
            smaps_rollup: Kept::new(c"smaps_rollup"),
            smaps: Kept::new(c"smaps"),
        }
    }

    /// Those that wait for the mmap_lock of the process, which may be held for ever, are read by `by`, if there is one.
    pub(super) fn read_by(&mut self, by: Option<Bounded>, process: Pid) {
        for file in [&mut self.cmdline, &mut self.maps, &mut self.smaps_rollup, &mut self.smaps] {
            file.read_by(by, process);
        }
    }

    /// How long a read of the file of this name waits.
    pub(super) fn patience(&mut self, name: &CStr) -> Duration {
        let file = self.all().into_iter().find(|file| file.name() == name);
        file.map_or(PATIENCE, |file| file.patience())
    }

    /// Those of every kernel.
    pub(super) fn all(&mut self) -> [&mut Kept; 9] {
        [
            &mut self.statm,
            &mut self.stat,
            &mut self.status,
            &mut self.oom_score,
            &mut self.oom_score_adj,
            &mut self.cgroup,
            &mut self.cmdline,
            &mut self.maps,
            &mut self.smaps_rollup,
        ]
    }
}
