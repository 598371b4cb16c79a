//! The processes of the victim's tree, each held by its directory and a pidfd: from here on no number counts.

extern crate alloc;
extern crate std;

use alloc::vec::Vec;
use std::os::fd::{AsFd, BorrowedFd};

use super::options::{Unpinned, Whom};
use crate::fixed::Fixed;
use crate::modes::looks::Looks;
use crate::parse::{stat, status};
use crate::processes::slow::Reader;
use crate::processes::{self, Memory, Place, Process, Together};
use crate::sys::file::Dir;
use crate::sys::pidfd::{End, PidFd, end_by_number};
use crate::sys::{Errno, Result};
use crate::target::{STAT_MAX, STATUS_MAX};
use crate::units::{Bytes, Pid, Ticks};

/// How many can be held: two descriptors each. The rest of a larger tree is ended with the next one.
pub(super) const ROOM: usize = 512;

/// What signals go to.
#[derive(Debug)]
enum Grip {
    /// The process itself.
    Pinned(PidFd),
    /// Whoever has the number: `--allow-pid-race`.
    Number,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Member {
    pid: Pid,
    started: Ticks,
    dir: Dir,
    grip: Grip,
    place: Place,
    /// What it had of memory when it was last looked at.
    memory: Memory,
    /// Whether SIGKILL was sent to it.
    is_killed: bool,
}

/// Why a process is not held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lost {
    /// It has gone, another has its number, or it is not what was asked for any more.
    Changed,
    /// It could not be opened.
    Failed(Errno),
}

impl From<Errno> for Lost {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT | Errno::ESRCH => Self::Changed,
            other => Self::Failed(other),
        }
    }
}

/// What must hold of them still.
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) whom: &'a Whom<'a>,
    pub(super) group: Option<&'a [u8]>,
    pub(super) user: Option<u32>,
    pub(super) unpinned: Unpinned,
    /// Reads what may block.
    pub(super) reader: Option<&'a Reader>,
}

impl Member {
    /// Opens the process of a row, and looks at it once more through what was opened.
    fn open(proc: &Dir, row: &Process, check: &Check<'_>) -> core::result::Result<Self, Lost> {
        let name = Fixed::<16>::new().push_dec(row.pid.get()).clone();
        let dir = proc.dir(name.as_c_str().unwrap_or_default())?;
        let grip = match PidFd::open(row.pid) {
            Ok(pidfd) => Grip::Pinned(pidfd),
            Err(Errno::ENOSYS) if check.unpinned == Unpinned::Allow => Grip::Number,
            Err(errno) => return Err(errno.into()),
        };
        let mut member = Self {
            pid: row.pid,
            started: row.started.ok_or(Lost::Changed)?,
            dir,
            grip,
            place: row.place,
            memory: Memory { ending: row.memory.ending, ..Memory::default() },
            is_killed: false,
        };
        // The directory still answers, and with the same start: so the number was this process's when the pidfd was opened.
        member.look(check)?;
        Ok(member)
    }

    /// Whether it is still who was chosen, and what it holds now.
    fn look(&mut self, check: &Check<'_>) -> core::result::Result<(), Lost> {
        let mut buf = [0; STAT_MAX];
        let stat = stat::parse(self.dir.read(c"stat", &mut buf)?).ok_or(Lost::Changed)?;
        if stat.starttime != self.started || stat::has_exited(stat.state, stat.threads) {
            return Err(Lost::Changed);
        }
        let view = processes::view(&self.dir, b"", stat.state, stat.threads);
        let mut looks = Looks::new(&self.dir, view.as_bytes(), stat.comm).read_by(check.reader, self.pid);
        let judged = looks.judge(check.whom, check.group);
        let user = self.weigh()?;
        let is_ours = check.user.is_none_or(|own| user == Some(own));
        match judged {
            Ok(_) if is_ours => Ok(()),
            _ => Err(Lost::Changed),
        }
    }

    /// Reads what it holds; its user.
    fn weigh(&mut self) -> Result<Option<u32>> {
        let mut buf = [0; STATUS_MAX];
        let status = status::parse(self.dir.read(c"status", &mut buf)?);
        let mut memory = Memory::of(&status);
        if memory.rss.is_none() && status.threads > Some(1) {
            // Its first thread has exited before the others.
            memory = processes::live_thread(&self.dir, b"", &mut buf).map(|(_, memory)| memory).unwrap_or_default();
        }
        // One that is exiting has none any more: what it had is what its end gives back.
        if memory.rss.is_some() {
            self.memory = Memory { ending: self.memory.ending, ..memory };
        }
        Ok(status.euid.and_then(|user| u32::try_from(user).ok()))
    }

    fn is_alive(&self) -> bool {
        match &self.grip {
            Grip::Pinned(pidfd) => !pidfd.has_exited(),
            Grip::Number => {
                let mut buf = [0; STAT_MAX];
                let stat = self.dir.read(c"stat", &mut buf).ok().and_then(stat::parse);
                stat.is_some_and(|stat| stat.starttime == self.started && !stat::has_exited(stat.state, stat.threads))
            }
        }
    }

    fn end(&mut self, how: End) -> Result<()> {
        let sent = match &self.grip {
            Grip::Pinned(pidfd) => pidfd.end(how),
            Grip::Number if self.is_alive() => end_by_number(self.pid, how),
            Grip::Number => Err(Errno::ESRCH),
        };
        self.is_killed |= sent.is_ok() && how == End::Force;
        sent
    }
}

/// A tree, its root first.
#[derive(Debug)]
pub(super) struct Members {
    /// Never longer than [`ROOM`], so that nothing is allocated once it is armed.
    all: Vec<Member>,
}

impl Members {
    pub(super) fn arm() -> Self {
        Self { all: Vec::with_capacity(ROOM) }
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// Holds the processes of these rows as well, but those that are held already. Only the first is needed for it to succeed.
    pub(super) fn hold<'r>(
        &mut self,
        proc: &Dir,
        rows: impl Iterator<Item = &'r Process>,
        check: &Check<'_>,
    ) -> core::result::Result<(), Lost> {
        for row in rows {
            let is_known = |member: &Member| (member.pid, Some(member.started)) == (row.pid, row.started);
            if self.all.len() == ROOM || self.all.iter().any(is_known) {
                continue;
            }
            match Member::open(proc, row, check) {
                Ok(member) => self.all.push(member),
                Err(why) if self.all.is_empty() => return Err(why),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// What their end gives back.
    pub(super) fn freeable(&self) -> Bytes {
        together(self.all.iter())
    }

    /// How many are held.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Whether a process is among them.
    pub(super) fn has(&self, pid: Pid) -> bool {
        self.all.iter().any(|member| member.pid == pid)
    }

    /// Whether a process is the child of one of them, in the same service and login.
    pub(super) fn is_child(&self, row: &Process) -> bool {
        self.all.iter().any(|member| row.parent == Some(member.pid) && !row.place.is_apart(&member.place))
    }

    /// SIGTERM to the root.
    pub(super) fn ask_root(&mut self) -> Result<()> {
        let root = self.all.first_mut().ok_or(Errno::ESRCH)?;
        root.end(End::Ask)
    }

    /// The root's pidfd, to wait for its end.
    pub(super) fn root(&self) -> Option<BorrowedFd<'_>> {
        match &self.all.first()?.grip {
            Grip::Pinned(pidfd) => Some(pidfd.as_fd()),
            Grip::Number => None,
        }
    }

    pub(super) fn is_root_alive(&self) -> bool {
        self.all.first().is_some_and(Member::is_alive)
    }

    pub(super) fn alive(&self) -> usize {
        self.all.iter().filter(|member| member.is_alive()).count()
    }

    /// SIGSTOP to all, before SIGKILL.
    pub(super) fn stop(&mut self) {
        for member in &mut self.all {
            // Who has ended needs none.
            let _ = member.end(End::Hold);
        }
    }

    /// SIGKILL to each that is alive, and what it held as it stood before. How many there were, and why one could not be signalled.
    pub(super) fn kill(&mut self) -> (u64, Option<Errno>) {
        let (mut count, mut failed) = (0, None);
        // All are weighed before one is signalled: children may die with their parent.
        for member in &mut self.all {
            let _ = member.weigh();
        }
        for member in &mut self.all {
            if member.is_killed || !member.is_alive() {
                continue;
            }
            match member.end(End::Force) {
                Ok(()) => count += 1,
                // It ended by itself.
                Err(Errno::ESRCH) => {}
                Err(errno) => failed = Some(errno),
            }
        }
        // All have the signal before memory is taken from any, so that none forks meanwhile.
        for member in self.all.iter().filter(|member| member.is_killed) {
            if let Grip::Pinned(pidfd) = &member.grip {
                // It is quicker with it (Linux 5.15), and as sure without.
                let _ = pidfd.reap();
            }
        }
        (count, failed)
    }

    /// What the end of those has given back that have ended.
    pub(super) fn freed(&self) -> Bytes {
        together(self.all.iter().filter(|member| !member.is_alive()))
    }
}

fn together<'m>(members: impl Iterator<Item = &'m Member>) -> Bytes {
    let mut sum = Together::default();
    members.for_each(|member| sum.add(&member.memory));
    sum.freeable()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modes::kill::options::Only;
    use crate::parse::stat::Stat;
    use crate::pattern::Pattern;
    use crate::victim::By;
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

    fn with_check<T>(body: impl FnOnce(&Dir, &Check<'_>) -> T) -> T {
        let only = [Only::Fits(Pattern::parse("^sleep$").expect("valid"))];
        let whom = Whom { only: &only, prefer: &[], avoid: &[], ignore: &[], by: By::Tree, least: Bytes(0) };
        let check = Check { whom: &whom, group: None, user: None, unpinned: Unpinned::Allow, reader: None };
        body(&Dir::open(c"/proc").expect("/proc"), &check)
    }

    #[test]
    fn a_row_of_another_start_is_another_process() {
        let (mut child, row) = sleeper();
        let other = Process { started: row.started.map(|start| Ticks(start.0 - 1)), ..row.clone() };
        with_check(|proc, check| {
            assert_eq!(Member::open(proc, &other, check).err(), Some(Lost::Changed));
            assert!(Member::open(proc, &row, check).is_ok());
        });
        child.kill().expect("kill");
        child.wait().expect("wait");
        with_check(|proc, check| {
            assert_eq!(Member::open(proc, &row, check).err(), Some(Lost::Changed));
        });
    }

    #[test]
    fn by_number_a_process_is_looked_at_before_each_signal() {
        let (mut child, row) = sleeper();
        let mut member = with_check(|proc, check| Member::open(proc, &row, check).expect("open"));
        member.grip = Grip::Number;
        assert!(member.is_alive());
        assert_eq!(member.end(End::Force), Ok(()));
        child.wait().expect("wait");
        // Collected: whoever has the number now gets nothing.
        assert_eq!(member.end(End::Force), Err(Errno::ESRCH));
    }
}
