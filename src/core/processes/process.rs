//! One process of a table.

use super::freeable::{Forked, PageKinds, SharedFreed};
use super::kin::Kin;
use crate::fixed::Fixed;
use crate::parse::stat::{self, Stat};
use crate::parse::status::Status;
use crate::sys::system::Sender;
use crate::units::{Bytes, Pid, Ticks};

/// TASK_COMM_LEN: 15 bytes and their end. Those of kernel workers may be longer, and are cut.
pub const COMM: usize = 16;

/// The name of a process, raw: any bytes.
pub type Comm = Fixed<COMM>;

/// Whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A program's.
    User,
    /// The kernel's own: it has no memory.
    Kernel,
}

impl Kind {
    /// By its flags.
    #[must_use]
    pub const fn of(stat: &Stat<'_>) -> Self {
        if stat.is_kernel_thread { Self::Kernel } else { Self::User }
    }
}

/// Whose a process is, as kill(2) looks at it: not by its effective user, which a set-user-ID program may have changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The real user.
    pub real: u32,
    /// The saved set-user-ID.
    pub saved: u32,
}

impl Owner {
    /// What status tells of it.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let number = |user: Option<u64>| user.and_then(|user| u32::try_from(user).ok());
        Some(Self { real: number(status.ruid)?, saved: number(status.suid)? })
    }

    /// Whether one without rights over others may send it a signal: kill_ok_by_cred() of kernel/signal.c.
    #[must_use]
    pub fn hears(self, sender: Sender) -> bool {
        [sender.real, sender.effective].iter().any(|user| [self.real, self.saved].contains(user))
    }
}

/// How much the end of a process is wanted: first of all, before its size counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Rank {
    /// `--avoid` fits: only when nobody else is there.
    Avoided,
    /// Neither fits.
    #[default]
    Ordinary,
    /// `--prefer` fits.
    Preferred,
}

/// A process as it was when the table was read. To act on it, open it: its number may be another's by then.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    /// Its parent's; `None` for PID 1, kthreadd, and where the parent is outside of this pid namespace.
    pub parent: Option<Pid>,
    /// When it was started: with the number it tells one process from another. `None` where stat was not read.
    pub started: Option<Ticks>,
    /// Its name.
    pub comm: Comm,
    /// `R`, `S`, `D`, `Z`, ...
    pub state: u8,
    /// Whose it is.
    pub kind: Kind,
    /// Its effective user.
    pub user: Option<u32>,
    /// Who may send it signals.
    pub owner: Option<Owner>,
    /// What it has of memory.
    pub memory: Memory,
    /// How many threads it has; more than one in state `Z` when only its first has exited.
    pub threads: u64,
    /// 0 to 2000.
    pub oom_score: Option<i64>,
    /// -1000 to 1000.
    pub oom_score_adj: Option<i64>,
    /// Its memory cgroup, once [`super::Table::read_groups`] has found it.
    pub group: Option<usize>,
    /// Where it runs, once that was read: [`super::Table::find_places`].
    pub place: Option<Place>,
    /// Who may share anonymous memory with it, once [`super::Kinship::find`] has looked; `None`: nobody.
    pub kin: Option<Kin>,
    /// How much its end is wanted, where one is chosen: [`super::Table::read_wanted`] tells.
    pub rank: Rank,
}

impl Process {
    /// Whether memdoor may not signal it, as it is another user's. One whose user is not known is none: before a signal that is asked again.
    #[must_use]
    pub fn is_others(&self, user: Option<Sender>) -> bool {
        self.owner.zip(user).is_some_and(|(owner, user)| !owner.hears(user))
    }

    /// What stat tells of the process `pid`.
    #[must_use]
    pub fn of(pid: Pid, stat: &Stat<'_>) -> Self {
        Self {
            pid,
            parent: Pid::new(stat.ppid),
            started: Some(stat.starttime),
            comm: Comm::of(stat.comm),
            state: stat.state,
            kind: Kind::of(stat),
            user: None,
            owner: None,
            memory: Memory::default(),
            threads: stat.threads,
            oom_score: None,
            oom_score_adj: None,
            group: None,
            place: None,
            kin: None,
            rank: Rank::Ordinary,
        }
    }

    /// What status alone tells. Before Linux 6.8 a kernel thread is known by its parent, kthreadd, and by having no memory.
    pub(super) fn of_status(pid: Pid, name: &[u8], status: &Status) -> Self {
        let (parent, state) = (status.parent.and_then(Pid::new), status.state);
        let is_kernel_thread = status.is_kernel_thread.unwrap_or_else(|| {
            let is_first_gone = matches!(state, Some(b'Z' | b'X' | b'x'));
            status.rss.is_none() && !is_first_gone && parent.is_none_or(|parent| parent.get() == 2)
        });
        Self {
            pid,
            parent,
            started: None,
            comm: Comm::of(name),
            state: state.unwrap_or(b'?'),
            kind: if is_kernel_thread { Kind::Kernel } else { Kind::User },
            user: None,
            owner: None,
            memory: Memory::default(),
            threads: status.threads.unwrap_or(1),
            oom_score: None,
            oom_score_adj: None,
            group: None,
            place: None,
            kin: None,
            rank: Rank::Ordinary,
        }
    }

    /// Whether it has exited with all of its threads.
    #[must_use]
    pub const fn has_exited(&self) -> bool {
        stat::has_exited(self.state, self.threads)
    }

    /// Whether its first thread has exited and others live: only those show its memory, its executable, its arguments and (in a v1
    /// hierarchy) its cgroup.
    #[must_use]
    pub const fn has_lost_its_leader(&self) -> bool {
        self.state == b'Z' && !self.has_exited()
    }

    /// How much it matters what of its memory is shared.
    pub(super) fn weight(&self) -> Bytes {
        let Memory { shmem, .. } = self.memory;
        let locked = self.memory.locked_files().plus(self.memory.may_be_locked());
        self.memory.anonymous().plus(shmem.unwrap_or_default()).plus(locked)
    }

    /// Takes over its user and its memory.
    pub(super) fn fill(&mut self, status: &Status) {
        self.user = status.euid.and_then(|user| u32::try_from(user).ok());
        self.owner = Owner::of(status);
        self.memory = Memory::of(status);
    }
}

/// Where a process runs, as far as that was read: what a tree of processes never crosses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Its service, container or logind session: [`crate::parse::cgroup::place`].
    pub unit: Option<u64>,
    /// Its terminal, 0: it has none.
    pub terminal: Option<u64>,
}

impl Place {
    /// Whether a child that runs here is another service or login than its parent, which runs there.
    ///
    /// The cgroup tells services, containers and logind's sessions apart; without logind the terminal tells logins apart. A child that
    /// has no terminal while its parent has one only called setsid(2), as the backends of PostgreSQL do.
    #[must_use]
    pub fn is_apart(&self, parent: &Self) -> bool {
        let is_other =
            |own: Option<u64>, parents: Option<u64>| own.zip(parents).is_some_and(|(own, parents)| own != parents);
        is_other(self.unit, parent.unit) || self.terminal > Some(0) && is_other(self.terminal, parent.terminal)
    }
}

/// What a process has of memory, as status tells. A zombie and a kernel thread have none: all is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// `VmSize`.
    pub size: Option<Bytes>,
    /// `VmRSS`.
    pub rss: Option<Bytes>,
    /// `RssAnon` (Linux 4.5).
    pub anon: Option<Bytes>,
    /// `RssFile` (Linux 4.5).
    pub file: Option<Bytes>,
    /// `RssShmem` (Linux 4.5).
    pub shmem: Option<Bytes>,
    /// `VmSwap`.
    pub swap: Option<Bytes>,
    /// `VmLck`: address space, of which not all need be resident.
    pub locked: Option<Bytes>,
    /// `VmPTE`.
    pub page_tables: Option<Bytes>,
    /// `HugetlbPages` (Linux 4.4): in none of the others, RSS, PSS and USS included.
    pub hugetlb: Option<Bytes>,
    /// What of the shared memory ends with it; `None` as long as nobody has looked at its mappings.
    pub shared_freed: Option<SharedFreed>,
    /// What of the anonymous memory relatives map as well; `None`: it has none, or nobody has looked.
    pub forked: Option<Forked>,
    /// What of it is given back without its end, and what of its files is not; `None` as long as nobody has looked at its mappings.
    pub kinds: Option<PageKinds>,
}

impl Memory {
    /// What status tells of it.
    #[must_use]
    pub const fn of(status: &Status) -> Self {
        Self {
            size: status.size,
            rss: status.rss,
            anon: status.anon,
            file: status.file,
            shmem: status.shmem,
            swap: status.swap,
            page_tables: status.page_tables,
            hugetlb: status.hugetlb,
            locked: status.locked,
            shared_freed: None,
            forked: None,
            kinds: None,
        }
    }

    /// What is read of the same process later, with what was found out about its mappings.
    #[must_use]
    pub const fn renewed(&self, fresh: Self) -> Self {
        Self { shared_freed: self.shared_freed, forked: self.forked, kinds: self.kinds, ..fresh }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::status;

    #[test]
    fn a_signal_reaches_whose_real_or_saved_user_is_the_senders_real_or_effective_one() {
        let own = Sender { real: 1000, effective: 1000 };
        for (real, saved, expected) in
            [(1000, 1000, true), (1000, 0, true), (0, 1000, true), (0, 0, false), (1001, 1001, false)]
        {
            assert_eq!(Owner { real, saved }.hears(own), expected, "{real} {saved}");
        }
        assert!(Owner { real: 5, saved: 5 }.hears(Sender { real: 1000, effective: 5 }));
        // The effective one, 1000, does not count.
        let owner = Owner::of(&status::parse(b"Uid:\t0\t1000\t7\t1000\n"));
        assert_eq!(owner, Some(Owner { real: 0, saved: 7 }));
        assert!(owner.is_some_and(|owner| !owner.hears(own)));
    }

    #[test]
    fn a_service_and_a_login_are_apart_and_a_session_of_its_own_is_not() {
        let place = |unit, terminal| Place { unit: Some(unit), terminal: Some(terminal) };
        assert!(!place(1, 0).is_apart(&place(1, 0)));
        assert!(place(2, 0).is_apart(&place(1, 0)));
        // A login by a daemon that has no terminal, and one from another login.
        assert!(place(1, 34816).is_apart(&place(1, 0)));
        assert!(place(1, 34817).is_apart(&place(1, 34816)));
        assert!(!place(1, 0).is_apart(&place(1, 34816)), "setsid(2)");
        assert!(!place(1, 34816).is_apart(&Place::default()) && !Place::default().is_apart(&place(1, 0)));
    }

    #[test]
    fn a_kernel_thread_is_known_without_its_flags() {
        let kind = |text: &[u8]| {
            let pid = Pid::new(77).expect("a pid");
            Process::of_status(pid, b"x", &status::parse(text)).kind
        };
        for (text, expected) in [
            (&b"State:\tI (idle)\nPPid:\t2\n"[..], Kind::Kernel),
            (b"State:\tS (sleeping)\nPPid:\t0\n", Kind::Kernel),
            (b"State:\tS (sleeping)\nPPid:\t9\nKthread:\t1\n", Kind::Kernel),
            (b"State:\tS (sleeping)\nPPid:\t2\nKthread:\t0\n", Kind::User),
            // A container's PID 1 and 2, one that is exiting, and a zombie.
            (b"State:\tS (sleeping)\nPPid:\t0\nVmRSS:\t8 kB\n", Kind::User),
            (b"State:\tS (sleeping)\nPPid:\t2\nVmRSS:\t8 kB\n", Kind::User),
            (b"State:\tR (running)\nPPid:\t9\n", Kind::User),
            (b"State:\tZ (zombie)\nPPid:\t2\n", Kind::User),
        ] {
            assert_eq!(kind(text), expected, "{}", text.escape_ascii());
        }
    }
}
