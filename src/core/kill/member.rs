//! One process that is to be ended, held by its directory and a pidfd: from here on its number counts for nothing.

extern crate std;

use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd};

use super::options::{Options, Policy, Unpinned};
use super::report::Pardon;
use super::whole_cgroup::CgroupToEnd;
use crate::fixed::Fixed;
use crate::identity::ProcessIdentity;
use crate::parse::{stat, status};
use crate::processes::reader::Reader;
use crate::processes::{self, Memory, Owner, Place, Process, Sender};
use crate::sys::file::Dir;
use crate::sys::pidfd::{End, PidFd, end_by_number};
use crate::sys::{Errno, Result};
use crate::target::{STAT_MAX, STATUS_MAX};
use crate::units::{Pid, Ticks};
use crate::victim::{Exclusion, Rank};

/// What signals go to.
#[derive(Debug)]
enum KillHandle {
    /// The process itself.
    Pinned(PidFd),
    /// Whoever has the number: `--allow-pid-race`.
    Number,
}

/// The last signal that it was sent, but for SIGCONT.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sent {
    Nothing,
    Sigterm,
    Sigkill,
}

/// Why it is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// It is of the victim's tree.
    Tree,
    /// All of its cgroup is, and that is ended as a whole.
    Companion,
}

/// A process that is held.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) pid: Pid,
    pub(super) started: Ticks,
    pub(super) dir: Dir,
    handle: KillHandle,
    pub(super) place: Place,
    /// What it had of memory when it was last looked at.
    pub(super) memory: Memory,
    pub(super) part: Part,
    pub(super) sent: Sent,
    /// Before then, on the steady clock, it is sent no SIGKILL.
    pub(super) kill_not_before: Duration,
}

/// Why a process is not held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotHeld {
    /// It has gone, another has its number, or it is not what was asked for any more.
    Changed,
    /// It could not be opened.
    Failed(Errno),
}

impl From<Errno> for NotHeld {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT | Errno::ESRCH => Self::Changed,
            other => Self::Failed(other),
        }
    }
}

/// What must hold of them still.
#[derive(Clone, Copy)]
pub(super) struct Eligibility<'a> {
    pub(super) policy: &'a Policy<'a>,
    pub(super) group: Option<&'a [u8]>,
    pub(super) user: Option<Sender>,
    pub(super) unpinned: Unpinned,
    /// The cgroup that is ended as a whole: whoever is in it is ended, whatever `--only` says.
    pub(super) cgroup: Option<&'a CgroupToEnd>,
    /// Reads what may block.
    pub(super) reader: Option<&'a Reader>,
}

impl<'a> Eligibility<'a> {
    /// What `options` ask for; no cgroup is ended as a whole yet. `whom` is theirs.
    pub(super) fn of(
        options: &Options<'a>,
        policy: &'a Policy<'a>,
        user: Option<Sender>,
        reader: Option<&'a Reader>,
    ) -> Self {
        Self { policy, group: options.cgroup, user, unpinned: options.unpinned, cgroup: None, reader }
    }
}

impl Member {
    /// Opens the process of a row, and looks at it once more through what was opened.
    pub(super) fn open(proc: &Dir, row: &Process, check: &Eligibility<'_>) -> core::result::Result<Self, NotHeld> {
        let name = Fixed::<16>::dec(row.pid.get());
        let dir = proc.dir(name.as_c_str().unwrap_or_default())?;
        let handle = match PidFd::open(row.pid) {
            Ok(pidfd) => KillHandle::Pinned(pidfd),
            Err(Errno::ENOSYS) if check.unpinned == Unpinned::Allow => KillHandle::Number,
            Err(errno) => return Err(errno.into()),
        };
        let mut member = Self {
            pid: row.pid,
            started: row.started.ok_or(NotHeld::Changed)?,
            dir,
            handle,
            place: row.whereabouts(proc),
            memory: row.memory.renewed(Memory::default()),
            part: Part::Tree,
            sent: Sent::Nothing,
            kill_not_before: Duration::ZERO,
        };
        // The directory still answers, and with the same start: so the number was this process's when the pidfd was opened.
        member.look(check)?;
        Ok(member)
    }

    /// Whether it is still who was chosen, how much it is wanted, and what it holds now.
    pub(super) fn look(&mut self, check: &Eligibility<'_>) -> core::result::Result<Rank, NotHeld> {
        let mut buf = [0; STAT_MAX];
        let stat = stat::parse(self.dir.read(c"stat", &mut buf)?).ok_or(NotHeld::Changed)?;
        if stat.starttime != self.started || stat::has_exited(stat.state, stat.threads) {
            return Err(NotHeld::Changed);
        }
        let (judged, _) = self.judge(&stat, check);
        let owner = self.weigh()?;
        let is_ours = check.user.is_none_or(|own| owner.is_some_and(|owner| owner.hears(own)));
        judged.ok().filter(|_| is_ours).ok_or(NotHeld::Changed)
    }

    /// How much it is wanted by what it runs now, or why it may not be ended, and whether all that this rests on was read.
    fn judge(&self, stat: &stat::Stat<'_>, check: &Eligibility<'_>) -> (core::result::Result<Rank, Exclusion>, bool) {
        let view = processes::view(&self.dir, b"", stat.state, stat.threads);
        let mut identity = ProcessIdentity::new(&self.dir, view.as_bytes(), stat.comm).read_by(check.reader, self.pid);
        let judged = identity.judge(check.policy, check.group);
        let is_companion = matches!(judged, Err(Exclusion::Unwanted | Exclusion::Unread))
            && check.cgroup.is_some_and(|cgroup| cgroup.takes(&mut identity, check.policy));
        (if is_companion { Ok(Rank::Ordinary) } else { judged }, !identity.has_unread())
    }

    /// Why it would not be asked to end by what it is now: it has called exec(2) since, or was moved. What can't be read, and one that is on
    /// its way, changes nothing: it was asked by what was read then.
    pub(super) fn pardon(&self, check: &Eligibility<'_>, rank: Rank) -> Option<Pardon> {
        let mut buf = [0; STAT_MAX];
        let stat = self.dir.read(c"stat", &mut buf).ok().and_then(stat::parse);
        let is_itself = |stat: &stat::Stat<'_>| {
            stat.starttime == self.started && !stat.is_exiting && !stat::has_exited(stat.state, stat.threads)
        };
        let stat = stat.filter(is_itself)?;
        match self.judge(&stat, check) {
            // That is found, whatever else is not known.
            (Err(Exclusion::Ignored), _) => Some(Pardon::Program),
            (Ok(Rank::Avoided), true) if rank != Rank::Avoided => Some(Pardon::Program),
            (Err(Exclusion::Outside), true) => Some(Pardon::Moved),
            (Err(Exclusion::Unread), _) | (Ok(_), _) | (Err(_), false) => None,
            (Err(_), true) => Some(Pardon::Program),
        }
    }

    /// Its parent, as it is now.
    pub(super) fn parent(&self) -> Option<Pid> {
        let mut buf = [0; STAT_MAX];
        Pid::new(stat::parse(self.dir.read(c"stat", &mut buf).ok()?)?.ppid)
    }

    /// Reads what it holds; whose it is.
    pub(super) fn weigh(&mut self) -> Result<Option<Owner>> {
        let (memory, owner) = self.read_memory()?;
        // One that is exiting has none any more: what it had is what its end gives back.
        if memory.rss.is_some() {
            self.memory = self.memory.grown_to(memory);
        }
        Ok(owner)
    }

    /// What it has of memory now; whose it is.
    fn read_memory(&self) -> Result<(Memory, Option<Owner>)> {
        let mut buf = [0; STATUS_MAX];
        let status = status::parse(self.dir.read(c"status", &mut buf)?);
        let mut memory = Memory::of(&status);
        if memory.rss.is_none() && status.threads > Some(1) {
            // Its first thread has exited before the others.
            memory = processes::live_thread(&self.dir, b"", &mut buf).map(|(_, memory)| memory).unwrap_or_default();
        }
        Ok((memory, Owner::of(&status)))
    }

    /// What of its memory it has not given back; `None` when it has ended. One that can't be read has given back nothing.
    pub(super) fn rest(&self) -> Option<Memory> {
        if !self.is_alive() {
            return None;
        }
        let now = self.read_memory().map(|(memory, _)| {
            let shared_freed =
                self.memory.shared_freed.map(|shared_freed| shared_freed.at_most(memory.shmem.unwrap_or_default()));
            Memory { shared_freed, ..self.memory.renewed(memory) }
        });
        // Growth since it was chosen does not count.
        let is_less = |now: &Memory| now.freeable().is_some_and(|now| Some(now) < self.memory.freeable());
        Some(now.ok().filter(is_less).unwrap_or(self.memory))
    }

    /// Whether the freezer holds it: of cgroup v1, as one of v2 lets SIGKILL through, or of a system that is being suspended. All
    /// kernels wait in this function then; it is shown to who may trace the process.
    pub(super) fn is_frozen(&self) -> bool {
        let mut buf = [0; 64];
        self.dir.read(c"wchan", &mut buf).is_ok_and(|place| place == b"__refrigerator")
    }

    pub(super) fn is_alive(&self) -> bool {
        match &self.handle {
            KillHandle::Pinned(pidfd) => !pidfd.has_exited(),
            KillHandle::Number => {
                let mut buf = [0; STAT_MAX];
                let stat = self.dir.read(c"stat", &mut buf).ok().and_then(stat::parse);
                stat.is_some_and(|stat| stat.starttime == self.started && !stat::has_exited(stat.state, stat.threads))
            }
        }
    }

    /// SIGTERM, which one that is stopped gets once it goes on, as service managers do it.
    pub(super) fn terminate(&mut self) -> Result<()> {
        self.signal(End::Ask)?;
        // It may have ended by now.
        let _ = self.signal(End::Wake);
        Ok(())
    }

    pub(super) fn signal(&mut self, how: End) -> Result<()> {
        let sent = match &self.handle {
            KillHandle::Pinned(pidfd) => pidfd.end(how),
            KillHandle::Number if self.is_alive() => end_by_number(self.pid, how),
            KillHandle::Number => Err(Errno::ESRCH),
        };
        if sent.is_ok() {
            let last = match how {
                End::Ask => Sent::Sigterm,
                End::Wake => Sent::Nothing,
                End::Force => Sent::Sigkill,
            };
            self.sent = self.sent.max(last);
        }
        sent
    }

    /// Takes its memory, whatever keeps it from ending (process_mrelease(2), Linux 5.15).
    pub(super) fn reap(&self) {
        if let KillHandle::Pinned(pidfd) = &self.handle {
            let _ = pidfd.reap();
        }
    }

    /// To wait for its end.
    pub(super) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        match &self.handle {
            KillHandle::Pinned(pidfd) => Some(pidfd.as_fd()),
            KillHandle::Number => None,
        }
    }
}

/// A process that has not exited.
pub(super) fn running(proc: &Dir, pid: Pid) -> Option<Process> {
    processes::look(proc, pid).filter(|row| !row.has_exited())
}

#[cfg(test)]
mod tests {
    use super::super::members::Members;
    use super::*;
    use crate::kill::options::Only;
    use crate::parse::stat::Stat;
    use crate::pattern::Pattern;
    use crate::units::Bytes;
    use crate::victim::RankBy;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, Process) {
        let child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let pid = Pid::new(child.id().into()).expect("a pid");
        let proc = Dir::open(c"/proc").expect("/proc");
        let row = loop {
            let path = Fixed::<32>::new().push_dec(pid.get()).push(b"/stat").clone();
            let mut buf = [0; STAT_MAX];
            let text = proc.read(path.as_c_str().expect("short"), &mut buf).expect("stat");
            let stat: Stat<'_> = stat::parse(text).expect("valid");
            // Until exec() it has the name of this test.
            if stat.comm == b"sleep" {
                break Process::of(pid, &stat);
            }
        };
        (child, row)
    }

    fn with_check<T>(body: impl FnOnce(&Dir, &Eligibility<'_>) -> T) -> T {
        let only = [Only::Fits(Pattern::parse("^sleep$").expect("valid"))];
        let policy = Policy { only: &only, prefer: &[], avoid: &[], ignore: &[], by: RankBy::Tree, least: Bytes(0) };
        let check = Eligibility {
            policy: &policy,
            group: None,
            user: None,
            unpinned: Unpinned::Allow,
            cgroup: None,
            reader: None,
        };
        body(&Dir::open(c"/proc").expect("/proc"), &check)
    }

    #[test]
    fn a_row_of_another_start_is_another_process() {
        let (mut child, row) = sleeper();
        let other = Process { started: row.started.map(|start| Ticks(start.0 - 1)), ..row.clone() };
        with_check(|proc, check| {
            assert_eq!(Member::open(proc, &other, check).err(), Some(NotHeld::Changed));
            assert!(Member::open(proc, &row, check).is_ok());
        });
        child.kill().expect("kill");
        child.wait().expect("wait");
        with_check(|proc, check| {
            assert_eq!(Member::open(proc, &row, check).err(), Some(NotHeld::Changed));
        });
    }

    #[test]
    fn one_that_has_ended_is_nobodys_parent_any_more_as_its_number_may_be_anothers() {
        let (mut child, row) = sleeper();
        with_check(|proc, check| {
            let mut members = Members::arm().expect("room");
            members.hold(proc, core::iter::once(&row), check).expect("held");
            assert!(members.has(row.pid));
            child.kill().expect("kill");
            child.wait().expect("wait");
            assert!(!members.has(row.pid));
        });
    }

    #[test]
    fn by_number_a_process_is_looked_at_before_each_signal() {
        let (mut child, row) = sleeper();
        let mut member = with_check(|proc, check| Member::open(proc, &row, check).expect("open"));
        member.handle = KillHandle::Number;
        assert!(member.is_alive());
        assert_eq!(member.signal(End::Force), Ok(()));
        child.wait().expect("wait");
        // Collected: whoever has the number now gets nothing.
        assert_eq!(member.signal(End::Force), Err(Errno::ESRCH));
    }
}
