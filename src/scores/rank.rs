//! Who comes before whom: the kernel's own formula, for the system and for each cgroup.

use crate::badness::{NEVER, badness};
use crate::processes::{Kind, Process};
use crate::units::{Bytes, PageSize, Pid};

/// The oom_score_adj that a process would have.
pub type Change = (Pid, i64);

/// What is the same for all rankings of one reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) page: PageSize,
    /// The one process that is never chosen, if it is here: PID 1 of the initial namespace. A container's PID 1 is like any other.
    pub(super) init: Option<Pid>,
    /// What is assumed.
    pub(super) changes: &'a [Change],
}

impl Rules<'_> {
    /// What its oom_score_adj is assumed to be.
    pub(super) fn changed(&self, pid: Pid) -> Option<i64> {
        let mut changes = self.changes.iter().rev();
        changes.find(|change| change.0 == pid).map(|change| change.1)
    }

    /// The process's oom_score_adj, or what it is assumed to be.
    pub(super) fn adj(&self, process: &Process) -> Option<i64> {
        self.changed(process.pid).or(process.oom_score_adj)
    }

    /// Its badness in pages where `scale` is all the memory there is; `None` for those that the kernel passes over: kernel threads,
    /// init, an oom_score_adj of -1000, and what has no memory any more.
    pub(super) fn badness(&self, process: &Process, scale: Bytes) -> Option<i64> {
        let adj = self.adj(process).filter(|adj| *adj != NEVER)?;
        if process.kind == Kind::Kernel || self.init == Some(process.pid) {
            return None;
        }
        let pages = |size: Option<Bytes>| size.unwrap_or_default().0 / self.page.0.max(1);
        let memory = &process.memory;
        memory.rss?;
        Some(badness(pages(memory.rss), pages(memory.swap), pages(memory.page_tables), adj, pages(Some(scale))))
    }

    /// A badness in kB, as the kernel's log has sizes.
    pub(super) fn kib(&self, badness: i64) -> i64 {
        let kib = i64::try_from(self.page.0 / 1024).unwrap_or(4);
        badness.saturating_mul(kib)
    }
}

/// Whether the kernel passes it over for a reason that only its score of 0 tells: it is being reaped, or its parent waits in vfork(2).
/// Nothing else has 0 (Linux 5.9) but what is adjusted by -998 or less.
pub(super) fn is_spared(score: Option<i64>, adj: Option<i64>) -> bool {
    score == Some(0) && adj.is_some_and(|adj| adj > -998)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::stat;

    fn process(pid: u64, flags: u64, rss_kib: u64, adj: i64) -> Process {
        let mut text = crate::fixed::Fixed::<256>::new();
        text.push_dec(pid).push(b" (x) S 1 1 1 0 -1 ");
        text.push_dec(flags).push(b" 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0");
        let stat = stat::parse(text.as_bytes()).expect("stat");
        let mut process = Process::of(Pid::new(pid).expect("a pid"), &stat);
        process.memory.rss = Some(Bytes::from_kib(rss_kib));
        process.memory.swap = Some(Bytes::from_kib(8));
        process.memory.page_tables = Some(Bytes::from_kib(6));
        process.oom_score_adj = Some(adj);
        process
    }

    #[test]
    fn badness_is_the_kernels_and_who_is_never_chosen_has_none() {
        let init = Pid::new(1);
        let rules = |changes| Rules { page: PageSize(4096), init, changes };
        let scale = Bytes::from_kib(40_003);
        let plain = process(7, 0, 40, 0);
        // 10 pages, 2 in swap, and of the page tables a whole page; 10,000 pages are the scale.
        assert_eq!(rules(&[]).badness(&plain, scale), Some(13));
        assert_eq!(rules(&[]).badness(&process(7, 0, 40, -10), scale), Some(13 - 100));
        let never = process(7, 0, 40, NEVER);
        assert_eq!(rules(&[]).badness(&never, scale), None);
        assert_eq!(rules(&[]).badness(&process(1, 0, 40, 0), scale), None);
        let kernel = process(7, 0x0020_0000, 40, 0);
        assert_eq!(rules(&[]).badness(&kernel, scale), None);
        let mut zombie = process(7, 0, 40, 0);
        zombie.memory.rss = None;
        assert_eq!(rules(&[]).badness(&zombie, scale), None);
        let pid = plain.pid;
        let what_if = [(pid, 0), (pid, 5)];
        assert_eq!(rules(&what_if).badness(&never, scale), Some(13 + 50));
        assert_eq!(rules(&what_if).kib(-3), -12);
        assert_eq!(rules(&[(pid, NEVER)]).badness(&plain, scale), None);
    }

    #[test]
    fn a_score_of_nought_tells_who_is_spared_unless_its_adjustment_explains_it() {
        assert!(is_spared(Some(0), Some(0)));
        assert!(!is_spared(Some(0), Some(-999)));
        assert!(!is_spared(Some(666), Some(0)));
        assert!(!is_spared(None, Some(0)));
    }
}
