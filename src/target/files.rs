//! The files of `/proc/PID` that are kept open.

use crate::sys::kept::Kept;

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
        }
    }

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
