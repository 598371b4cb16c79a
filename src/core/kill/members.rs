//! The processes of the victim's tree, each held by its directory and a pidfd: from here on no number counts.

extern crate std;

use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd};

use super::options::{Options, Policy, Unpinned};
use crate::badness;
use crate::fixed::Fixed;
use crate::identity::ProcessIdentity;
use crate::parse::{self, stat, status};
use crate::processes::reader::Reader;
use crate::processes::{self, CombinedMemory, Comm, Memory, Owner, Place, Process, Sender};
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::sys::pidfd::{End, PidFd, end_by_number};
use crate::sys::reserved::Reserved;
use crate::sys::{Errno, Result};
use crate::target::children;
use crate::target::{STAT_MAX, STATUS_MAX};
use crate::units::{Bytes, Pid, Ticks};
use crate::victim::{Exclusion, Rank, RankBy};

/// How many can be held: two descriptors each. The rest of a larger tree is ended with the next one.
pub(super) const ROOM: usize = 512;

/// So many that there was no room for are remembered, until there is.
const UNHELD: usize = 2048;

/// Who joins a cgroup while that is ended has so long between SIGTERM and SIGKILL, at least.
const LATE: Duration = Duration::from_secs(1);

/// What signals go to.
#[derive(Debug)]
enum KillHandle {
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
    grip: KillHandle,
    place: Place,
    /// What it had of memory when it was last looked at.
    memory: Memory,
    /// Whether it is held because all of its cgroup is, and not as one of the tree.
    is_companion: bool,
    /// Whether SIGTERM was sent to it.
    is_asked: bool,
    /// Whether SIGKILL was sent to it.
    is_killed: bool,
    /// Before then, on the steady clock, it is sent none.
    ripe_at: Duration,
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

/// A cgroup that is ended as a whole, and whose it is: the victim's.
///
/// A cgroup of the memory controller is no service or login by itself. Where systemd divides by a hierarchy of its own (v1), the one that
/// memory is counted in may be `/user.slice`, with the logins of all users in it.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'a> {
    pub(super) path: &'a [u8],
    pub(super) place: Place,
    pub(super) user: Option<u32>,
    /// How much the victim is wanted. Only where there is nobody else do those go with it that `--avoid` fits.
    pub(super) rank: Rank,
}

impl ProcessIdentity<'_> {
    /// Why one that is ended with another of its cgroup, whether `--only` fits it or not, may not be.
    fn objection(&mut self, policy: &Policy<'_>, rank: Rank) -> Option<NotWhole> {
        match () {
            () if self.may_fit_any(policy.ignore) => Some(NotWhole::Protected),
            // sshd and the shell that somebody is logged in with are in many a service's cgroup, and no --only is about them. What is
            // PID 1 of a container (tini, dumb-init) goes with the container.
            () if !policy.only.iter().any(|only| self.is_named(only))
                && self.is_essential()
                && !self.is_init_of_a_container() =>
            {
                Some(NotWhole::Protected)
            }
            () if rank != Rank::Avoided && self.may_fit_any(policy.avoid) => Some(NotWhole::Avoided),
            () => None,
        }
    }
}

impl Leaf<'_> {
    /// Why one that is in it is not ended with it: it is not of the victim's service or login, or not of its user.
    fn objection(&self, proc: &Dir, row: &Process) -> Option<NotWhole> {
        let place = row.whereabouts(proc);
        // Where one of the two is not known it is not known that they are the same.
        let is_here = place.unit.is_some() && place.unit == self.place.unit && !place.is_apart(&self.place);
        match () {
            () if row.user != self.user => Some(NotWhole::OthersProcess),
            () if !is_here => Some(NotWhole::Apart),
            () => None,
        }
    }
}

/// What must hold of them still.
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) policy: &'a Policy<'a>,
    pub(super) group: Option<&'a [u8]>,
    pub(super) user: Option<Sender>,
    pub(super) unpinned: Unpinned,
    /// The cgroup that is ended as a whole: whoever is in it is ended, whatever `--only` says.
    pub(super) leaf: Option<Leaf<'a>>,
    /// Reads what may block.
    pub(super) reader: Option<&'a Reader>,
}

impl<'a> Check<'a> {
    /// What `options` ask for; no cgroup is ended as a whole yet. `whom` is theirs.
    pub(super) fn of(
        options: &Options<'a>,
        policy: &'a Policy<'a>,
        user: Option<Sender>,
        reader: Option<&'a Reader>,
    ) -> Self {
        Self { policy, group: options.cgroup, user, unpinned: options.unpinned, leaf: None, reader }
    }
}

impl Member {
    /// Opens the process of a row, and looks at it once more through what was opened.
    fn open(proc: &Dir, row: &Process, check: &Check<'_>) -> core::result::Result<Self, NotHeld> {
        let name = Fixed::<16>::dec(row.pid.get());
        let dir = proc.dir(name.as_c_str().unwrap_or_default())?;
        let grip = match PidFd::open(row.pid) {
            Ok(pidfd) => KillHandle::Pinned(pidfd),
            Err(Errno::ENOSYS) if check.unpinned == Unpinned::Allow => KillHandle::Number,
            Err(errno) => return Err(errno.into()),
        };
        let mut member = Self {
            pid: row.pid,
            started: row.started.ok_or(NotHeld::Changed)?,
            dir,
            grip,
            place: row.whereabouts(proc),
            memory: row.memory.renewed(Memory::default()),
            is_companion: false,
            is_asked: false,
            is_killed: false,
            ripe_at: Duration::ZERO,
        };
        // The directory still answers, and with the same start: so the number was this process's when the pidfd was opened.
        member.look(check)?;
        Ok(member)
    }

    /// Whether it is still who was chosen, how much it is wanted, and what it holds now.
    fn look(&mut self, check: &Check<'_>) -> core::result::Result<Rank, NotHeld> {
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
    fn judge(&self, stat: &stat::Stat<'_>, check: &Check<'_>) -> (core::result::Result<Rank, Exclusion>, bool) {
        let view = processes::view(&self.dir, b"", stat.state, stat.threads);
        let mut identity = ProcessIdentity::new(&self.dir, view.as_bytes(), stat.comm).read_by(check.reader, self.pid);
        let judged = identity.judge(check.policy, check.group);
        let is_companion = matches!(judged, Err(Exclusion::Unwanted | Exclusion::Unread))
            && check
                .leaf
                .is_some_and(|leaf| identity.is_at(leaf.path) && identity.objection(check.policy, leaf.rank).is_none());
        (if is_companion { Ok(Rank::Ordinary) } else { judged }, !identity.has_unread())
    }

    /// Whether it has called exec(2) since it was asked to end, and by what it runs now would not have been asked. What can't be read, and
    /// one that is on its way, changes nothing: it was asked by what was read then.
    fn has_become_another(&self, check: &Check<'_>, rank: Rank) -> bool {
        let mut buf = [0; STAT_MAX];
        let stat = self.dir.read(c"stat", &mut buf).ok().and_then(stat::parse);
        let is_itself = |stat: &stat::Stat<'_>| {
            stat.starttime == self.started && !stat.is_exiting && !stat::has_exited(stat.state, stat.threads)
        };
        let Some(stat) = stat.filter(is_itself) else { return false };
        match self.judge(&stat, check) {
            // That is found, whatever else is not known.
            (Err(Exclusion::Ignored), _) => true,
            (Ok(Rank::Avoided), true) => rank != Rank::Avoided,
            (Err(why), true) => why != Exclusion::Unread,
            _ => false,
        }
    }

    /// Its parent, as it is now.
    fn parent(&self) -> Option<Pid> {
        let mut buf = [0; STAT_MAX];
        Pid::new(stat::parse(self.dir.read(c"stat", &mut buf).ok()?)?.ppid)
    }

    /// Reads what it holds; whose it is.
    fn weigh(&mut self) -> Result<Option<Owner>> {
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
    fn rest(&self) -> Option<Memory> {
        if !self.is_alive() {
            return None;
        }
        let now = self.read_memory().map(|(memory, _)| {
            let ending = self.memory.ending.map(|ending| ending.at_most(memory.shmem.unwrap_or_default()));
            Memory { ending, ..self.memory.renewed(memory) }
        });
        // What it took since is nothing that it gives back.
        let is_less = |now: &Memory| now.freeable().is_some_and(|now| Some(now) < self.memory.freeable());
        Some(now.ok().filter(is_less).unwrap_or(self.memory))
    }

    /// Whether the freezer holds it: of cgroup v1, as one of v2 lets SIGKILL through, or of a system that is being suspended. All
    /// kernels wait in this function then; it is shown to who may trace the process.
    fn is_frozen(&self) -> bool {
        let mut buf = [0; 64];
        self.dir.read(c"wchan", &mut buf).is_ok_and(|place| place == b"__refrigerator")
    }

    fn is_alive(&self) -> bool {
        match &self.grip {
            KillHandle::Pinned(pidfd) => !pidfd.has_exited(),
            KillHandle::Number => {
                let mut buf = [0; STAT_MAX];
                let stat = self.dir.read(c"stat", &mut buf).ok().and_then(stat::parse);
                stat.is_some_and(|stat| stat.starttime == self.started && !stat::has_exited(stat.state, stat.threads))
            }
        }
    }

    /// SIGTERM, which one that is stopped gets once it goes on, as service managers do it.
    fn ask(&mut self) -> Result<()> {
        self.end(End::Ask)?;
        self.is_asked = true;
        // It may have ended by now.
        let _ = self.end(End::Wake);
        Ok(())
    }

    fn end(&mut self, how: End) -> Result<()> {
        let sent = match &self.grip {
            KillHandle::Pinned(pidfd) => pidfd.end(how),
            KillHandle::Number if self.is_alive() => end_by_number(self.pid, how),
            KillHandle::Number => Err(Errno::ESRCH),
        };
        self.is_killed |= sent.is_ok() && how == End::Force;
        sent
    }
}

/// A tree, its root first.
#[derive(Debug)]
pub(super) struct Members {
    /// Never longer than [`ROOM`], so that nothing is allocated once it is armed.
    all: Reserved<Member>,
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

/// One that lives on, and what it does.
#[derive(Clone, Debug)]
pub(super) struct Survivor {
    pub(super) pid: Pid,
    pub(super) comm: Comm,
    pub(super) stuck: Stuck,
}

/// Why SIGKILL has not ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stuck {
    /// It was sent none.
    Unasked,
    /// The freezer of cgroup v1, or of a suspended system, holds it: the signal takes effect when it is thawed.
    Frozen,
    /// It is in uninterruptible sleep, and ends when that does.
    Uninterruptible,
    /// It is on its way.
    Exiting,
}

impl Stuck {
    /// For JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unasked => "unasked",
            Self::Frozen => "frozen",
            Self::Uninterruptible => "uninterruptible",
            Self::Exiting => "exiting",
        }
    }

    /// What it does.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Unasked => "it was sent no SIGKILL",
            Self::Frozen => {
                "it is frozen, and SIGKILL takes effect when it is thawed: write THAWED to freezer.state of its v1 freezer cgroup"
            }
            Self::Uninterruptible => "it is in uninterruptible sleep, and ends when that does",
            Self::Exiting => "it is on its way",
        }
    }
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
        check: &Check<'_>,
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
    pub(super) fn settle(&mut self) {
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
    pub(super) fn hold_the_rest(&mut self, proc: &Dir, check: &Check<'_>) -> usize {
        let before = self.all.len();
        let mut at = 0;
        while let Some(&(pid, started)) = self.unheld.get(at).filter(|_| self.all.has_room()) {
            let row = running(proc, pid).filter(|row| row.started == Some(started));
            let held = self.all.len();
            if let Some(row) = row {
                let _ = self.hold(proc, core::iter::once(&row), check);
            }
            // Of what is held now the place is free, and the next one's.
            at += usize::from(self.all.len() == held);
        }
        self.all.len() - before
    }

    /// What they hold.
    pub(super) fn together(&self) -> CombinedMemory {
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
    pub(super) fn left(&self, proc: &Dir) -> Option<NotEnded> {
        let lives = |(pid, started)| running(proc, pid).is_some_and(|row| row.started == Some(started));
        let count = self.unheld.iter().filter(|one| lives(**one)).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(self.uncounted);
        (count > 0).then_some(NotEnded { count, why: self.why_left })
    }

    /// How far those are that were sent SIGKILL.
    pub(super) fn dying(&self) -> Dying {
        let rests = self.all.iter().filter(|member| member.is_killed).filter_map(Member::rest);
        rests.fold(Dying::Nobody, |all, rest| match all {
            Dying::Holding => all,
            _ if kept([rest]) > Bytes(0) => Dying::Holding,
            _ => Dying::Emptied,
        })
    }

    /// The first that lives.
    pub(super) fn survivor(&self) -> Option<Survivor> {
        let member = self.all.iter().find(|member| member.is_alive())?;
        let mut buf = [0; STAT_MAX];
        let stat = stat::parse(member.dir.read(c"stat", &mut buf).ok()?)?;
        let stuck = match stat.state {
            _ if !member.is_killed => Stuck::Unasked,
            _ if stat.is_exiting => Stuck::Exiting,
            _ if member.is_frozen() => Stuck::Frozen,
            b'D' => Stuck::Uninterruptible,
            _ => Stuck::Exiting,
        };
        Some(Survivor { pid: member.pid, comm: Comm::of(stat.comm), stuck })
    }

    /// Holds all processes of a cgroup as well, but those that the kernel spares, too.
    pub(super) fn hold_cgroup(&mut self, proc: &Dir, cgroup: &Dir, check: &Check<'_>) -> Result<()> {
        each_in_cgroup(cgroup, &mut |pid| {
            let row = if self.has(pid) { None } else { running(proc, pid) };
            if let Some(row) = row {
                let is_another = check.leaf.is_some_and(|leaf| leaf.objection(proc, &row).is_some());
                if row.oom_score_adj != Some(badness::NEVER) && !is_another {
                    let from = self.all.len();
                    let _ = self.hold(proc, core::iter::once(&row), check);
                    if let Some(member) = self.all.get_mut(from) {
                        member.is_companion = true;
                    }
                }
            }
            None
        })
        .map(drop)
    }

    /// Holds those that have joined the cgroup since the others were asked to end, and asks them. Nobody is sent SIGKILL without SIGTERM
    /// and [`LATE`] before it, but for children that one of those has started: they are of what is ended already.
    pub(super) fn join_cgroup(&mut self, proc: &Dir, cgroup: &Dir, check: &Check<'_>) {
        let from = self.all.len();
        let _ = self.hold_cgroup(proc, cgroup, check);
        for at in from..self.all.len() {
            let parent = self.all.get(at).and_then(Member::parent);
            let is_child = self.all.iter().any(|member| Some(member.pid) == parent);
            if let Some(member) = self.all.get_mut(at) {
                let _ = member.ask();
                if !is_child {
                    member.ripe_at = monotonic().saturating_add(LATE);
                }
            }
        }
    }

    /// When SIGKILL may be sent to all that live; zero: at once.
    pub(super) fn ripe_at(&self) -> Duration {
        let living = self.all.iter().filter(|member| !member.is_killed && member.is_alive());
        living.map(|member| member.ripe_at).max().unwrap_or_default()
    }

    /// Whether those that were asked to end may not be any more, by what `check` says now; one of them that may not is let go. `rank` is how
    /// much they were wanted: one that is to be spared by now spares all.
    pub(super) fn are_spared(&mut self, check: &Check<'_>, rank: Rank) -> bool {
        let mut is_spared = false;
        let mut at = 0;
        while let Some(member) = self.all.get_mut(at) {
            let looked = if member.is_alive() { member.look(check) } else { Ok(rank) };
            match looked {
                Ok(Rank::Avoided) if rank != Rank::Avoided => is_spared = true,
                // The first is the root, without which there is no tree.
                Err(_) if at == 0 && member.is_alive() => is_spared = true,
                Err(_) if at > 0 => {
                    let pid = member.pid;
                    self.let_go_of(&|member| member.pid == pid);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        is_spared
    }

    /// Lets go of those that by now run what may not be ended; whether the root does, which spares all: without it there is no tree.
    pub(super) fn let_go_of_others(&mut self, check: &Check<'_>, rank: Rank) -> bool {
        let has_become_another = |member: &Member| member.is_alive() && member.has_become_another(check, rank);
        if self.all.first().is_some_and(has_become_another) {
            return true;
        }
        let root = self.all.first().map(|root| root.pid);
        self.let_go_of(&|member| Some(member.pid) != root && has_become_another(member));
        false
    }

    /// Of a whole cgroup that was asked to end, keeps those that end by what holds now: the tree, or its root.
    pub(super) fn keep_those_of(&mut self, by: RankBy) {
        let root = self.all.first().map(|root| root.pid);
        let is_kept = |member: &Member| match by {
            RankBy::Tree => !member.is_companion,
            RankBy::Process | RankBy::Score => Some(member.pid) == root,
        };
        self.let_go_of(&|member| !is_kept(member));
    }

    fn let_go_of(&mut self, is_it: &dyn Fn(&Member) -> bool) {
        let mut let_go = 0;
        self.all.retain(|member| {
            let goes = is_it(member);
            let_go += u32::from(goes && member.is_alive());
            !goes
        });
        self.let_go += let_go;
    }

    /// Of those that were chosen, how many are spared by now.
    pub(super) const fn let_go(&self) -> u32 {
        self.let_go
    }

    /// One of them that lives.
    pub(super) fn living(&self) -> Option<Pid> {
        self.all.iter().find(|member| member.is_alive()).map(|member| member.pid)
    }

    /// SIGKILL to all of a cgroup in one step, with those that joined it since: cgroup.kill of v2, Linux 5.14. Not where there are
    /// cgroups below it, whose processes nobody has looked at. How many there were; `None`: it is to be done one by one.
    pub(super) fn kill_cgroup(&mut self, cgroup: &Dir) -> Option<u64> {
        let has_none_below = matches!(cgroup.node(), Ok((_, 2)));
        if !has_none_below {
            return None;
        }
        for member in self.all.iter_mut() {
            let _ = member.weigh();
        }
        let alive = self.alive();
        cgroup.write(c"cgroup.kill", b"1").ok()?;
        for member in self.all.iter_mut() {
            member.is_killed = true;
        }
        self.reap();
        u64::try_from(alive).ok()
    }

    /// SIGTERM to all; what the first could not be sent.
    pub(super) fn ask_all(&mut self) -> Result<()> {
        self.ask_root()?;
        for member in self.all.iter_mut().skip(1) {
            // Who has ended needs none.
            let _ = member.ask();
        }
        Ok(())
    }

    /// Whether a process is the child of one of them, in the same service and login.
    pub(super) fn is_child(&self, proc: &Dir, row: &Process) -> bool {
        let is_here = |member: &Member| !row.whereabouts(proc).is_apart(&member.place);
        self.all.iter().any(|member| row.parent == Some(member.pid) && is_here(member))
    }

    /// SIGTERM to the root; ESRCH when it has ended. A zombie takes every signal, and hears none.
    pub(super) fn ask_root(&mut self) -> Result<()> {
        let root = self.all.first_mut().filter(|root| root.is_alive()).ok_or(Errno::ESRCH)?;
        root.ask()
    }

    /// The root's pidfd, to wait for its end.
    pub(super) fn root(&self) -> Option<BorrowedFd<'_>> {
        match &self.all.first()?.grip {
            KillHandle::Pinned(pidfd) => Some(pidfd.as_fd()),
            KillHandle::Number => None,
        }
    }

    pub(super) fn is_root_alive(&self) -> bool {
        self.all.first().is_some_and(Member::is_alive)
    }

    pub(super) fn alive(&self) -> usize {
        self.all.iter().filter(|member| member.is_alive()).count()
    }

    /// SIGKILL to each that is alive and may be sent it at that time, and what it held as it stood before. How many there were, and why one
    /// could not be signalled.
    ///
    /// A process that was sent SIGKILL starts no more children (copy_process() looks for it twice), so a parent is sent it before its
    /// children, and its children are looked for before that and once more behind it: they are listed until it has exited, which takes longer
    /// than the look. Nobody is stopped meanwhile (SIGSTOP), as it would be the surer way: a memdoor that is itself killed in between would leave
    /// a tree behind that stands still for ever.
    pub(super) fn kill(&mut self, proc: &Dir, check: &Check<'_>, now: Duration) -> (u64, Option<Errno>) {
        let (mut count, mut failed) = (0, None);
        // All are weighed before one is signalled: children may die with their parent.
        for member in self.all.iter_mut().filter(|member| !member.is_killed) {
            let _ = member.weigh();
        }
        let mut at = 0;
        while at < self.all.len() {
            if self.all.get(at).is_some_and(|member| member.ripe_at > now) {
                at += 1;
                continue;
            }
            self.hold_children(at, proc, check);
            let Some(member) = self.all.get_mut(at) else { break };
            let sent = if member.is_killed || !member.is_alive() { Err(Errno::ESRCH) } else { member.end(End::Force) };
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
        self.reap();
        (count, failed)
    }

    /// Holds those that one of them has started since the choice, where trees are ended. Nothing where the kernel does not list children.
    fn hold_children(&mut self, at: usize, proc: &Dir, check: &Check<'_>) {
        // Its own descriptor, as the list of members gets longer meanwhile.
        let parent = self.all.get(at).filter(|_| check.policy.by == RankBy::Tree);
        let Some(dir) = parent.and_then(|parent| parent.dir.dir(c".").ok()) else { return };
        let _ = children::children(&dir, &mut |pid| {
            if self.all.iter().any(|member| member.pid == pid && member.is_alive()) {
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
    pub(super) fn reap(&self) {
        for member in self.all.iter().filter(|member| member.is_killed && member.is_alive()) {
            if let KillHandle::Pinned(pidfd) = &member.grip {
                let _ = pidfd.reap();
            }
        }
    }

    /// What those held that have ended, and what those do not hold any more that live on. Shared memory is not free as long as one of them
    /// maps it.
    pub(super) fn freed(&self) -> Bytes {
        Bytes(self.together().freeable().0.saturating_sub(kept(self.all.iter().filter_map(Member::rest)).0))
    }
}

/// What is not free as long as those live who have this memory.
fn kept(all: impl IntoIterator<Item = Memory>) -> Bytes {
    let mut sum = CombinedMemory::default();
    all.into_iter().for_each(|memory| sum.add(&memory));
    sum.kept()
}

/// Why a cgroup is not ended as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotWhole {
    /// It is the root of the hierarchy, or can't be found.
    Root,
    /// memdoor, or a process that it descends from, is in it.
    Own,
    /// PID 1 is in it.
    Init,
    /// A process that `--ignore` fits, or that may never be ended, is in it.
    Protected,
    /// A process that `--avoid` fits is in it, and there is somebody else.
    Avoided,
    /// A process of another service or login is in it.
    Apart,
    /// Another user's process is in it.
    OthersProcess,
    /// A process of another pid namespace is in it.
    Unseen,
    /// Its processes can't be read.
    Unread,
}

impl NotWhole {
    /// For JSON and the evidence.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Root => "it is the root of the hierarchy, or is not to be found",
            Self::Own => "memdoor, or what it descends from, is in it",
            Self::Init => "PID 1 is in it",
            Self::Protected => "one that may not be ended is in it",
            Self::Avoided => "one that --avoid fits is in it",
            Self::Apart => "a process of another service or login is in it",
            Self::OthersProcess => "another user's process is in it",
            Self::Unseen => "a process that this /proc does not show is in it",
            Self::Unread => "its processes could not be read",
        }
    }
}

/// What is in a cgroup that may be ended as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WholeCgroup {
    pub(super) processes: u32,
    /// How many of them are spared because the kernel spares them, too (oom_score_adj -1000).
    pub(super) exempt: u32,
    /// Whether there may be others that this pid namespace has no numbers for: cgroup.procs of v1 leaves them out, that of v2 has a 0.
    pub(super) may_have_others: bool,
}

/// Whether a cgroup may be ended as a whole: all in it are of the victim's service or login and of its user, and nobody is in it who may
/// never be ended ([`crate::essential`], whatever `--only` is, but for whom that itself names), or who is avoided. `own` is memdoor and
/// what it descends from.
pub(super) fn judge_cgroup(
    proc: &Dir,
    cgroup: &Dir,
    own: &[Pid],
    check: &Check<'_>,
    leaf: &Leaf<'_>,
) -> core::result::Result<WholeCgroup, NotWhole> {
    let mut whole = WholeCgroup { processes: 0, exempt: 0, may_have_others: false };
    let mixed = each_in_cgroup(cgroup, &mut |pid| {
        // Opened before the look, so that both are of one process.
        let dir = &proc.dir(Fixed::<16>::dec(pid.get()).as_c_str()?).ok()?;
        let row = &running(proc, pid)?;
        whole.processes += 1;
        whole.exempt += u32::from(row.oom_score_adj == Some(badness::NEVER));
        let view = processes::view(dir, b"", row.state, row.threads);
        let mut identity =
            ProcessIdentity::new(dir, view.as_bytes(), row.comm.as_bytes()).read_by(check.reader, row.pid);
        // Asked first: of one that --only does not fit, the judgement says only that.
        let objection = identity.objection(check.policy, leaf.rank);
        match (row.pid.get(), identity.judge(check.policy, check.group)) {
            (1, _) => Some(NotWhole::Init),
            _ if own.contains(&row.pid) => Some(NotWhole::Own),
            _ if objection == Some(NotWhole::Protected) => objection,
            (_, Err(why)) if !matches!(why, Exclusion::Unwanted | Exclusion::Unread) => Some(NotWhole::Protected),
            _ if row.owner.zip(check.user).is_some_and(|(owner, user)| !owner.hears(user)) => {
                Some(NotWhole::OthersProcess)
            }
            // Last: where it is the only reason, the victim is another one ([`super::select::Selection::choose`]).
            _ => leaf.objection(proc, row).or(objection),
        }
    });
    match mixed {
        Ok(Some(mixed)) => Err(mixed),
        Ok(None) => Ok(whole),
        Err(_) => Err(NotWhole::Unread),
    }
}

/// Hands the number of each process of a cgroup to `take`, until that gives something.
fn each_in_cgroup(cgroup: &Dir, take: &mut dyn FnMut(Pid) -> Option<NotWhole>) -> Result<Option<NotWhole>> {
    let file = cgroup.file(c"cgroup.procs")?;
    let mut buf = [0; 4096];
    let mut lines = Lines::new(&file, &mut buf);
    while let Some(line) = lines.next() {
        let Some(pid) = parse::dec(line?).and_then(Pid::new) else {
            // 0 stands for who has no number in this pid namespace.
            return Ok(Some(NotWhole::Unseen));
        };
        if let Some(mixed) = take(pid) {
            return Ok(Some(mixed));
        }
    }
    Ok(None)
}

/// A process that has not exited.
fn running(proc: &Dir, pid: Pid) -> Option<Process> {
    processes::look(proc, pid).filter(|row| !row.has_exited())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kill::options::Only;
    use crate::parse::stat::Stat;
    use crate::pattern::Pattern;
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
        let policy = Policy { only: &only, prefer: &[], avoid: &[], ignore: &[], by: RankBy::Tree, least: Bytes(0) };
        let check =
            Check { policy: &policy, group: None, user: None, unpinned: Unpinned::Allow, leaf: None, reader: None };
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
        member.grip = KillHandle::Number;
        assert!(member.is_alive());
        assert_eq!(member.end(End::Force), Ok(()));
        child.wait().expect("wait");
        // Collected: whoever has the number now gets nothing.
        assert_eq!(member.end(End::Force), Err(Errno::ESRCH));
    }
}
