//! The largest processes of the host, those that may not be ended included: who reads the evidence of a kill asks who else there was.

use core::time::Duration;

use super::options::Whom;
use super::select::Selection;
use crate::error::Absent;
use crate::largest;
use crate::processes::{self, Comm, Go, Process};
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::units::{Bytes, Pid};
use crate::victim::Why;

/// So many are shown.
pub(super) const COUNT: usize = 5;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Large {
    pub(super) pid: Pid,
    pub(super) comm: Comm,
    pub(super) rss: Bytes,
    pub(super) swap: Option<Bytes>,
    /// Why it may not be ended.
    pub(super) why: Option<Why>,
}

/// Those that take most of memory and swap, as the kernel weighs them, the largest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Top {
    pub(super) all: [Option<Large>; COUNT],
    /// Why they are not known.
    pub(super) absent: Option<Absent>,
}

impl Top {
    /// Looks at all processes: 25 ms for 2,000. What is not read by `until` may be the largest, so nobody is named then.
    pub(super) fn read(
        proc: &Dir,
        selection: &Selection,
        whom: &Whom<'_>,
        group: Option<&[u8]>,
        until: Duration,
    ) -> Self {
        let mut all = [const { None::<Process> }; COUNT];
        let mut is_late = false;
        let walked = processes::each(proc, &mut |process| {
            if process.memory.rss.is_some() {
                let weight =
                    |one: &Process| one.memory.rss.unwrap_or_default().plus(one.memory.swap.unwrap_or_default());
                largest::keep(&mut all, process, weight);
            }
            is_late = monotonic() >= until;
            if is_late { Go::No } else { Go::On }
        });
        let absent = if is_late { Some(Absent::Late) } else { walked.err().map(Absent::from) };
        if absent.is_some() {
            return Self { absent, ..Self::default() };
        }
        let named = |process: Process| Large {
            pid: process.pid,
            rss: process.memory.rss.unwrap_or_default(),
            swap: process.memory.swap,
            why: selection.objection(proc, &process, whom, group),
            comm: process.comm,
        };
        Self { all: all.map(|one| one.map(named)), absent: None }
    }
}
