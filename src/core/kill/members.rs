//! All that are to be ended: the victim's tree, its root first, or all of a control group.

extern crate std;

use core::time::Duration;
use std::os::fd::BorrowedFd;

use super::member::{Eligibility, Member, NotHeld, Part, Sent, running};
use super::report::Pardon;
use crate::badness;
use crate::processes::{CombinedMemory, Memory, Process};
use crate::sys::file::Dir;
use crate::sys::pidfd::End;
use crate::sys::reserved::Reserved;
use crate::sys::{Errno, Result};
use crate::target::children;
use crate::units::{Bytes, Pid, Ticks};
use crate::victim::{Rank, RankBy};

/// How many can be held: two descriptors each. The rest of a larger tree is ended with the next one.
pub(super) const ROOM: usize = 512;

/// So many that there was no room for are remembered, until there is.
const UNHELD: usize = 2048;

/// A tree, its root first.
#[derive(Debug)]
pub(super) struct Members {
    /// Never longer than [`ROOM`], so that nothing is allocated once it is armed.
    pub(super) all: Reserved<Member>,
    /// Those that have ended and made room: how many, and what they held.
    settled: (usize, CombinedMemory),
    /// Those that were to be held, and are not; each once.
    unheld: Reserved<(Pid, Ticks)>,
    /// How many more there were than that has room for.
    uncounted: u32,
    /// Why the first of them could not be opened; `None`: there was no room.
    why_left: Option<Errno>,
    /// Of those that were chosen, how many are not held any more because they are spared by now.
    let_go: u32,
}

/// Processes of the tree that could not be held, and so were not ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NotEnded {
    pub(super) count: u32,
    /// `None`: there was no room for them.
    pub(super) why: Option<Errno>,
}

/// How far those are that were sent SIGKILL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dying {
    /// All have ended.
    Nobody,
    /// Those that have not have given back what they held.
    Emptied,
    /// One still holds memory.
    Holding,
}

impl Members {
    pub(super) fn arm() -> Result<Self> {
        Ok(Self {
            all: Reserved::new(ROOM)?,
            settled: (0, CombinedMemory::default()),
            unheld: Reserved::new(UNHELD)?,
            uncounted: 0,
            why_left: None,
            let_go: 0,
        })
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.unheld.clear();
        self.settled = (0, CombinedMemory::default());
        (self.uncounted, self.why_left, self.let_go) = (0, None, 0);
    }

    /// Holds the processes of these rows as well, but those that are held already. Only the first is needed for it to succeed.
    pub(super) fn hold<'r>(
        &mut self,
        proc: &Dir,
        rows: impl Iterator<Item = &'r Process>,
        check: &Eligibility<'_>,
    ) -> core::result::Result<(), NotHeld> {
        for row in rows {
            let is_known = |member: &Member| (member.pid, Some(member.started)) == (row.pid, row.started);
            if self.all.iter().any(is_known) {
                continue;
            }
            if !self.all.has_room() {
                self.note_unheld(row);
                continue;
            }
            match Member::open(proc, row, check).map(|member| self.all.push(member)) {
                Ok(_) => self.unheld.retain(|&(pid, started)| (pid, Some(started)) != (row.pid, row.started)),
                Err(why) if self.all.is_empty() => return Err(why),
                Err(NotHeld::Changed) => {}
                Err(NotHeld::Failed(errno)) => {
                    self.note_unheld(row);
                    self.why_left.get_or_insert(errno);
                }
            }
        }
        Ok(())
    }

    fn note_unheld(&mut self, row: &Process) {
        let Some(started) = row.started else { return };
        let one = (row.pid, started);
        if !self.unheld.contains(&one) && self.unheld.push(one).is_err() {
            self.uncounted = self.uncounted.saturating_add(1);
        }
    }

    /// Whether some are to be ended and are not held.
    pub(super) fn has_unheld(&self) -> bool {
        !self.unheld.is_empty()
    }

    /// Those that have ended make room, but for the root.
    pub(super) fn forget_ended(&mut self) {
        let root = self.all.first().map(|root| root.pid);
        let (count, memory) = &mut self.settled;
        self.all.retain(|member| {
            let stays = Some(member.pid) == root || member.is_alive();
            if !stays {
                *count += 1;
                memory.add(&member.memory);
            }
            stays
        });
    }

    /// Holds those that there was no room for, as far as there is by now; how many.
    pub(super) fn hold_unheld(&mut self, proc: &Dir, check: &Eligibility<'_>) -> usize {
        let before = self.all.len();
        let mut at = 0;
        while let Some(&(pid, started)) = self.unheld.get(at).filter(|_| self.all.has_room()) {
            let row = running(proc, pid).filter(|row| row.started == Some(started));
            let held = self.all.len();
            if let Some(row) = row {
                let _ = self.hold(proc, core::iter::once(&row), check);
            }
            // One that is held now has left the list, and the next one has its place.
            at += usize::from(self.all.len() == held);
        }
        self.all.len() - before
    }

    /// What they hold.
    pub(super) fn memory(&self) -> CombinedMemory {
        let mut sum = self.settled.1;
        self.all.iter().for_each(|member| sum.add(&member.memory));
        sum
    }

    /// How many are held, or were until they ended.
    pub(super) fn count(&self) -> usize {
        self.settled.0 + self.all.len()
    }

    /// Whether the process that has this number now is among them: one that has ended may have left its number to somebody else.
    pub(super) fn has(&self, pid: Pid) -> bool {
        self.all.iter().any(|member| member.pid == pid && member.is_alive())
    }

    /// Those that were to be held, and are not, and live.
    pub(super) fn still_unheld(&self, proc: &Dir) -> Option<NotEnded> {
        let lives = |(pid, started)| running(proc, pid).is_some_and(|row| row.started == Some(started));
        let count = self.unheld.iter().filter(|one| lives(**one)).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(self.uncounted);
        (count > 0).then_some(NotEnded { count, why: self.why_left })
    }

    /// How far those are that were sent SIGKILL.
    pub(super) fn dying(&self) -> Dying {
        let rests = self.all.iter().filter(|member| member.sent == Sent::Sigkill).filter_map(Member::rest);
        rests.fold(Dying::Nobody, |all, rest| match all {
            Dying::Holding => all,
            _ if kept([rest]) > Bytes(0) => Dying::Holding,
            _ => Dying::Emptied,
        })
    }

    /// When SIGKILL may be sent to all that live; zero: at once.
    pub(super) fn kill_not_before(&self) -> Duration {
        let living = self.all.iter().filter(|member| member.sent != Sent::Sigkill && member.is_alive());
        living.map(|member| member.kill_not_before).max().unwrap_or_default()
    }

    /// Why those that were asked to end may not be any more, by what `check` says now; one of them that may not is let go. `rank` is how
    /// much they were wanted: one that is to be avoided by now is so with all.
    pub(super) fn let_go_by_policy(&mut self, check: &Eligibility<'_>, rank: Rank) -> Option<Pardon> {
        let mut pardon = None;
        let mut at = 0;
        while let Some(member) = self.all.get_mut(at) {
            let looked = if member.is_alive() { member.look(check) } else { Ok(rank) };
            match looked {
                Ok(Rank::Avoided) if rank != Rank::Avoided => pardon = Some(Pardon::Avoided),
                // The first is the root, without which there is no tree.
                Err(_) if at == 0 && member.is_alive() => return Some(Pardon::Configuration),
                Err(_) if at > 0 => {
                    let pid = member.pid;
                    self.let_go_where(&|member| member.pid == pid);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        pardon
    }

    /// Lets go of those that by now run what may not be ended, or were moved; why the root is one of these, which spares all: without it
    /// there is no tree.
    pub(super) fn let_go_of_changed(&mut self, check: &Eligibility<'_>, rank: Rank) -> Option<Pardon> {
        let pardon = |member: &Member| if member.is_alive() { member.pardon(check, rank) } else { None };
        let of_root = self.all.first().and_then(pardon);
        if of_root.is_none() {
            let root = self.all.first().map(|root| root.pid);
            self.let_go_where(&|member| Some(member.pid) != root && pardon(member).is_some());
        }
        of_root
    }

    /// Of a whole cgroup that was asked to end, keeps those that end by what holds now: the tree, or its root.
    pub(super) fn narrow_to(&mut self, by: RankBy) {
        let root = self.all.first().map(|root| root.pid);
        let is_kept = |member: &Member| match by {
            RankBy::Tree => member.part == Part::Tree,
            RankBy::Process | RankBy::Score => Some(member.pid) == root,
        };
        self.let_go_where(&|member| !is_kept(member));
    }

    fn let_go_where(&mut self, is_it: &dyn Fn(&Member) -> bool) {
        let mut let_go = 0;
        self.all.retain(|member| {
            let goes = is_it(member);
            let_go += u32::from(goes && member.is_alive());
            !goes
        });
        self.let_go += let_go;
    }

    /// Of those that were chosen, how many are spared by now.
    pub(super) const fn let_go_count(&self) -> u32 {
        self.let_go
    }

    /// SIGTERM to all; what the first could not be sent.
    pub(super) fn terminate_all(&mut self) -> Result<()> {
        self.terminate_root()?;
        for member in self.all.iter_mut().skip(1) {
            // Who has ended needs none.
            let _ = member.terminate();
        }
        Ok(())
    }

    /// Whether a process is the child of one of them, in the same service and login.
    pub(super) fn has_child(&self, proc: &Dir, row: &Process) -> bool {
        let is_here = |member: &Member| !row.whereabouts(proc).is_apart(&member.place);
        self.all.iter().any(|member| row.parent == Some(member.pid) && is_here(member))
    }

    /// SIGTERM to the root; ESRCH when it has ended. A zombie takes every signal, and hears none.
    pub(super) fn terminate_root(&mut self) -> Result<()> {
        let root = self.all.first_mut().filter(|root| root.is_alive()).ok_or(Errno::ESRCH)?;
        root.terminate()
    }

    /// The root's pidfd, to wait for its end.
    pub(super) fn root_pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.all.first()?.pidfd()
    }

    pub(super) fn is_root_alive(&self) -> bool {
        self.all.first().is_some_and(Member::is_alive)
    }

    pub(super) fn alive_count(&self) -> usize {
        self.all.iter().filter(|member| member.is_alive()).count()
    }

    /// SIGKILL to each that is alive and may be sent it at that time, and what it held as it stood before. How many there were, and why one
    /// could not be signalled.
    ///
    /// A process that was sent SIGKILL starts no more children (copy_process() looks for it twice), so a parent is sent it before its
    /// children, and its children are looked for before that and once more behind it: they are listed until it has exited, which takes longer
    /// than the look. Nobody is stopped meanwhile (SIGSTOP), as it would be the surer way: a memdoor that is itself killed in between would leave
    /// a tree behind that stands still for ever.
    pub(super) fn kill_all(&mut self, proc: &Dir, check: &Eligibility<'_>, now: Duration) -> (u64, Option<Errno>) {
        let (mut count, mut failed) = (0, None);
        // All are weighed before one is signalled: children may die with their parent.
        for member in self.all.iter_mut().filter(|member| member.sent != Sent::Sigkill) {
            let _ = member.weigh();
        }
        let mut at = 0;
        while at < self.all.len() {
            if self.all.get(at).is_some_and(|member| member.kill_not_before > now) {
                at += 1;
                continue;
            }
            self.hold_children(at, proc, check);
            let Some(member) = self.all.get_mut(at) else { break };
            let sent = if member.sent == Sent::Sigkill || !member.is_alive() {
                Err(Errno::ESRCH)
            } else {
                member.signal(End::Force)
            };
            match sent {
                Ok(()) => count += 1,
                // It ended by itself.
                Err(Errno::ESRCH) => {}
                Err(errno) => failed = Some(errno),
            }
            self.hold_children(at, proc, check);
            at += 1;
        }
        // All have the signal before memory is taken from any, so that none forks meanwhile.
        self.reap_memory();
        (count, failed)
    }

    /// Holds those that one of them has started since the choice, where trees are ended. Nothing where the kernel does not list children.
    fn hold_children(&mut self, at: usize, proc: &Dir, check: &Eligibility<'_>) {
        // Its own descriptor, as the list of members gets longer meanwhile.
        let parent = self.all.get(at).filter(|_| check.policy.by == RankBy::Tree);
        let Some(dir) = parent.and_then(|parent| parent.dir.dir(c".").ok()) else { return };
        let _ = children::children(&dir, &mut |pid| {
            if self.has(pid) {
                return;
            }
            let Some(mut row) = running(proc, pid).filter(|row| row.oom_score_adj != Some(badness::NEVER)) else {
                return;
            };
            let place = row.whereabouts(proc);
            row.place = Some(place);
            let Some(member) = self.all.get(at) else { return };
            // Listed a moment ago, it may have been handed on since, as its parent has exited.
            let is_its_child = row.parent == Some(member.pid) || !member.is_alive();
            if is_its_child && row.started >= Some(member.started) && !place.is_apart(&member.place) {
                let _ = self.hold(proc, core::iter::once(&row), check);
            }
        });
    }

    /// Takes the memory of those that were sent SIGKILL and have not ended, whatever keeps them: with it that is quicker (Linux 5.15), and
    /// of one that is frozen or in uninterruptible sleep it is the only way.
    pub(super) fn reap_memory(&self) {
        let dying = self.all.iter().filter(|member| member.sent == Sent::Sigkill && member.is_alive());
        dying.for_each(Member::reap);
    }

    /// What those held that have ended, and what those do not hold any more that live on. Shared memory is not free as long as one of them
    /// maps it.
    pub(super) fn freed(&self) -> Bytes {
        Bytes(self.memory().freeable().0.saturating_sub(kept(self.all.iter().filter_map(Member::rest)).0))
    }
}

/// What is not free as long as those live who have this memory.
fn kept(all: impl IntoIterator<Item = Memory>) -> Bytes {
    let mut sum = CombinedMemory::default();
    all.into_iter().for_each(|memory| sum.add(&memory));
    sum.kept()
}
