//! The largest processes of the host, those that may not be ended included: who reads the evidence of a kill asks who else there was.

use crate::largest;
use crate::processes::{Comm, Owner, Process, Sender, number};
use crate::sys::file::Dir;
use crate::units::{Bytes, Pid};
use crate::victim::{self, Exclusion};

/// So many are shown.
pub(super) const COUNT: usize = 5;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct LargeProcess {
    pub(super) pid: Pid,
    pub(super) comm: Comm,
    pub(super) rss: Bytes,
    pub(super) swap: Option<Bytes>,
    /// Why it may not be ended.
    pub(super) why: Option<Exclusion>,
    owner: Option<Owner>,
}

/// Those that take most of memory and swap, as the kernel weighs them, the largest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Top {
    pub(super) all: [Option<LargeProcess>; COUNT],
}

impl Top {
    /// Keeps it if it is one of the largest so far.
    pub(super) fn keep(&mut self, process: &Process, why: Option<Exclusion>) {
        let Some(rss) = process.memory.rss else { return };
        let large = LargeProcess {
            pid: process.pid,
            comm: process.comm.clone(),
            rss,
            swap: process.memory.swap,
            why,
            owner: process.owner,
        };
        largest::keep(&mut self.all, large, |one| one.rss.plus(one.swap.unwrap_or_default()));
    }

    /// Reads what status does not tell and may forbid to end one of them. `user`: whose processes alone memdoor may end.
    pub(super) fn look_closer(&mut self, proc: &Dir, user: Option<Sender>) {
        for large in self.all.iter_mut().flatten().filter(|large| large.why.is_none()) {
            large.why = victim::later_objection(large.owner, number(proc, large.pid, c"oom_score_adj"), user);
        }
    }
}
