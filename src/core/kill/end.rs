//! Ends the victim that was chosen: evidence first, then SIGTERM, time, SIGKILL, and what that gave back.

use core::time::Duration;

use super::member::{Eligibility, NotHeld};
use super::members::Dying;
use super::patience::Patience;
use super::pending::{Pending, Since};
use super::report::{Action, Candidate, Failure, Outcome};
use super::when::{Reading, State};
use super::whole_cgroup::{CgroupToEnd, WholeCgroup, judge_cgroup};
use super::{Call, Killer};
use crate::own::own_line;
use crate::sys::Errno;
use crate::sys::clock::{monotonic, sleep};
use crate::sys::signal::{self, Until};
use crate::units::Bytes;
use crate::victim::{Rank, RankBy};

/// How often it is looked whether they live, and whether memory can wait.
const STEP: Duration = Duration::from_millis(100);
/// Once the root has ended, its children have this long to follow it.
const ORPHANS: Duration = Duration::from_secs(1);
/// How long SIGKILL may take: a process in uninterruptible sleep does not end before that does.
pub(super) const DEATH: Duration = Duration::from_secs(5);
/// How long one is waited for that has given back all that it held.
const EMPTIED: Duration = Duration::from_secs(1);
/// How often newcomers are looked for: each time one generation of them may have come.
const GENERATIONS: usize = 8;
/// How often those that have joined a cgroup late are given their time before the others are sent SIGKILL.
const LATECOMERS: usize = 3;
/// What memdoor itself has ended is counted as available within this time.
const SETTLE: Duration = Duration::from_millis(300);

/// What came of a victim that was to be ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// The outcome of the action.
    AsTheActionSays,
    /// Another memdoor was waited for, before a signal was sent: memory is to be looked at anew.
    LookAnew,
}

/// How the time between SIGTERM and SIGKILL went.
enum Wait {
    /// All have ended.
    Ended,
    /// Time is up, or memory is.
    Up,
    /// Time is up, and memory is not short any more.
    Relieved,
    /// memdoor is to end, or to read the configuration anew, which may spare them.
    Called(Call),
}

impl Call {
    /// What comes of a decision that it has come before.
    pub(super) const fn before_a_signal(self) -> Outcome {
        match self {
            Self::Stop => Outcome::Stopped,
            Self::Reload => Outcome::Reload,
        }
    }

    /// The same where SIGTERM was sent.
    const fn behind_sigterm(self) -> Outcome {
        match self {
            Self::Stop => Outcome::Interrupted,
            Self::Reload => Outcome::Pending,
        }
    }
}

impl Killer<'_> {
    /// Ends the victim's tree, unless it had to wait for another memdoor, which may have ended somebody meanwhile.
    pub(super) fn end(
        &mut self,
        action: &mut Action,
        victim: &Candidate,
        may_wait: bool,
        patience: &mut Patience,
    ) -> Ended {
        let started = monotonic();
        let policy = self.options.policy;
        let check = Eligibility::of(&self.options, &policy, self.selection.user(), self.reader);
        let Some(size) = self.take_hold(action, victim, &check) else { return Ended::AsTheActionSays };
        let cgroup = self.cgroup_of(victim);
        let is_whole = self.judge_whole(cgroup.as_ref(), &check, action);
        let cgroup = cgroup.filter(|_| is_whole);
        let check = Eligibility { cgroup: cgroup.as_ref(), ..check };
        if let Some(cgroup) = &cgroup {
            let _ = self.members.hold_cgroup(&self.host.proc, cgroup, &check);
        }
        if self.tell_and_write(action, victim, size, patience) && may_wait {
            self.members.clear();
            return Ended::LookAnew;
        }
        let Some(before) = self.look_again(action) else { return Ended::AsTheActionSays };
        let sent = if cgroup.is_some() { self.members.terminate_all() } else { self.members.terminate_root() };
        let asked = monotonic();
        action.outcome = match sent {
            Ok(()) => {
                // From here on it counts, whatever comes of it.
                self.history.kills.note(asked);
                self.rest();
                self.see_through(action, &check, asked)
            }
            Err(Errno::ESRCH) => Outcome::Vanished,
            Err(errno) => {
                // Another one may be signalled the next time.
                self.history.note_survivor(victim);
                action.failure = Some(Failure::new("signal the victim", errno));
                Outcome::Failed
            }
        };
        self.conclude(action, Since { started, asked, before }, cgroup);
        Ended::AsTheActionSays
    }

    /// Opens the victim's tree, and what that holds; `None`: it is not there any more, or can't be opened, as the action says then.
    fn take_hold(&mut self, action: &mut Action, victim: &Candidate, check: &Eligibility<'_>) -> Option<Bytes> {
        self.members.clear();
        let rows = self.selection.members(&victim.tree);
        let held = self.members.hold(&self.host.proc, rows, check);
        let sum = self.members.memory();
        match held {
            // It may have given back meanwhile what it was chosen for.
            Ok(()) if sum.freeable() >= check.policy.least && !sum.is_empty() => return Some(sum.freeable()),
            Ok(()) | Err(NotHeld::Changed) => action.outcome = Outcome::Vanished,
            Err(NotHeld::Failed(errno)) => {
                (action.outcome, action.failure) = (Outcome::Failed, Some(Failure::new("open the victim", errno)));
            }
        }
        None
    }

    /// Announces the victim to other memdoors and writes its snapshot; whether another memdoor had to be waited for before or after that.
    fn tell_and_write(
        &mut self,
        action: &mut Action,
        victim: &Candidate,
        size: Bytes,
        patience: &mut Patience,
    ) -> bool {
        if self.take_turn(Some((victim.pid, size)), patience) {
            return true;
        }
        let until = monotonic().saturating_add(self.options.evidence);
        if !self.options.evidence.is_zero() {
            let broken = self.evidence.snapshot(&mut self.host, victim, until);
            self.evidence.note(broken, self.options.run, &mut self.log);
        }
        action.top = self.the_largest();
        self.take_turn(Some((victim.pid, size)), patience)
    }

    /// How much memory there is now, after the evidence, which takes its time; `None`: nobody is ended any more, as the action says then.
    fn look_again(&mut self, action: &mut Action) -> Option<Reading> {
        let now = self.gauge.read(&mut self.host);
        if self.options.when.judge(&now) == State::Enough {
            (action.outcome, action.state, action.reading) = (Outcome::Relieved, State::Enough, now);
        } else if let Some(call) = self.call() {
            action.outcome = call.before_a_signal();
        } else {
            return Some(now);
        }
        self.members.clear();
        None
    }

    /// Sums up what came of it, and lets go of all; or keeps what is held for the run that comes, where a SIGHUP came before the end.
    pub(super) fn conclude(&mut self, action: &mut Action, since: Since, cgroup: Option<CgroupToEnd>) {
        if action.outcome == Outcome::Pending {
            self.history.pending = Some(Pending { members: None, action: action.clone(), since, cgroup });
            return;
        }
        action.effect.took = monotonic().saturating_sub(since.started);
        if action.outcome.did_end() {
            self.gauge.stalls.relieve();
            self.history.turn.note_end(monotonic());
        }
        self.sum_up(action, &since.before);
        self.members.clear();
    }

    /// What it gave back.
    fn sum_up(&mut self, action: &mut Action, before: &Reading) {
        action.effect.left = self.members.still_unheld(&self.host.proc);
        if action.outcome.did_end() && action.effect.left.is_some() {
            action.outcome = Outcome::Survived;
        }
        if action.outcome == Outcome::Survived
            && let Some(victim) = &action.victim
        {
            self.history.note_survivor(victim);
        }
        action.effect.let_go = self.members.let_go_count();
        action.effect.judged_anew = Some(self.options.when).filter(|when| *when != action.terms.when);
        if action.outcome.has_sent() {
            // `freed` is what those held that have ended: nothing where nobody has, whatever the others gave back.
            let has_nobody_ended = action.outcome.did_spare() && self.members.alive_count() == self.members.count();
            action.effect.freed = Some(if has_nobody_ended { Bytes(0) } else { self.members.freed() });
            // Of a cgroup that is not ended as a whole any more those that are let go were none of the tree.
            let let_go = if action.effect.is_narrowed { 0 } else { action.effect.let_go };
            action.effect.held = u32::try_from(self.members.count()).ok().map(|count| count.saturating_add(let_go));
            action.effect.survivor = self.members.survivor();
        }
        // Whoever waits for this one looks at memory next.
        let has_ended = action.outcome.did_end();
        let least = action.effect.freed.unwrap_or_default().0 / 2;
        let after = self.let_memory_come_back(if has_ended { SETTLE } else { Duration::ZERO }, &|after| {
            let (Some(before), Some(after)) = (before.available, after.available) else {
                return true;
            };
            after.0.saturating_sub(before.0) >= least
        });
        action.effect.after = after.available.filter(|_| self.options.cgroup == action.terms.cgroup());
        action.effect.risen = match (before.available, after.available) {
            (Some(before), Some(after)) => {
                let signed = |size: Bytes| i64::try_from(size.0).unwrap_or(i64::MAX);
                Some(signed(after).saturating_sub(signed(before)))
            }
            _ => None,
        };
        action.effect.state_after = Some(self.options.when.judge(&after));
    }

    /// From SIGTERM on, which was sent at that time.
    pub(super) fn see_through(&mut self, action: &mut Action, check: &Eligibility<'_>, asked: Duration) -> Outcome {
        match self.wait_for_end(check, asked.saturating_add(self.options.grace)) {
            Wait::Ended => return Outcome::Terminated,
            Wait::Called(call) => return call.behind_sigterm(),
            Wait::Relieved => return Outcome::Spared,
            Wait::Up => {}
        }
        // It may have called exec(2) or been moved since it was asked, and be by now what nobody is to end.
        let rank = action.victim.as_ref().map_or(Rank::Ordinary, |victim| victim.tree.rank);
        if let Some(pardon) = self.members.let_go_of_changed(check, rank) {
            action.effect.pardon = Some(pardon);
            return Outcome::Pardoned;
        }
        let (killed, failed) = match check.cgroup {
            Some(cgroup) => match self.kill_whole(action, cgroup, check) {
                Ok(done) => done,
                Err(call) => return call.behind_sigterm(),
            },
            None => {
                self.join_newcomers(check);
                // To look at all processes takes its time.
                if let Some(call) = self.call() {
                    return call.behind_sigterm();
                }
                self.kill_tree(check)
            }
        };
        action.effect.killed = killed;
        action.failure = failed.map(|errno| Failure::new("signal a process of the tree", errno));
        self.wait_for_death();
        match (self.members.alive_count(), killed) {
            // Those that were left have ended meanwhile, or are spared by now.
            (0, 0) => Outcome::Terminated,
            (0, _) => Outcome::Killed,
            _ => Outcome::Survived,
        }
    }

    /// SIGKILL to all of the tree; who there was no room for gets it when others have ended.
    fn kill_tree(&mut self, check: &Eligibility<'_>) -> (u64, Option<Errno>) {
        let (mut killed, mut failed) = self.members.kill_all(&self.host.proc, check, Duration::MAX);
        for _ in 0..GENERATIONS {
            if !self.make_room() {
                break;
            }
            if self.members.hold_unheld(&self.host.proc, check) == 0 {
                break;
            }
            let (count, errno) = self.members.kill_all(&self.host.proc, check, Duration::MAX);
            (killed, failed) = (killed + count, failed.or(errno));
        }
        (killed, failed)
    }

    /// Makes room of those that were sent SIGKILL for those that are not held yet; whether there are any.
    fn make_room(&mut self) -> bool {
        let is_needed = self.members.has_unheld();
        if is_needed {
            self.wait_for_death();
            self.members.forget_ended();
        }
        is_needed
    }

    /// Until those have ended that were sent SIGKILL, or no more is to be had of waiting for it.
    fn wait_for_death(&mut self) {
        let began = monotonic();
        loop {
            let took = monotonic().saturating_sub(began);
            let is_over = match self.members.dying() {
                Dying::Nobody => true,
                // What keeps it from ending may last, and nothing is to be had of it any more.
                Dying::Emptied => took >= EMPTIED,
                Dying::Holding => took >= DEATH,
            };
            if is_over {
                break;
            }
            let _ = signal::wait(None, Some(Duration::from_millis(5)));
            self.members.reap_memory();
        }
    }

    /// Until all have ended, the time is up, or memory can't wait.
    fn wait_for_end(&mut self, check: &Eligibility<'_>, mut until: Duration) -> Wait {
        let mut is_orphaned = false;
        loop {
            if self.members.alive_count() == 0 && self.members.still_unheld(&self.host.proc).is_none() {
                return Wait::Ended;
            }
            if let Some(call) = self.call() {
                return Wait::Called(call);
            }
            if let Some(cgroup) = check.cgroup {
                self.members.join_cgroup(&self.host.proc, cgroup, check);
            }
            let now = monotonic();
            let reading = self.gauge.read(&mut self.host);
            if now >= until || self.options.when.is_hard(&reading) {
                // It was asked to end, and what made that necessary is over: it may take its time. What is left of one whose root has
                // ended is of no use to anybody.
                let is_whole = !is_orphaned && self.members.is_root_alive();
                let is_relieved = is_whole && self.options.when.judge(&reading) == State::Enough;
                return if is_relieved { Wait::Relieved } else { Wait::Up };
            }
            if check.cgroup.is_none() && !is_orphaned && !self.members.is_root_alive() {
                is_orphaned = true;
                until = until.min(now.saturating_add(ORPHANS));
            }
            let step = STEP.min(until.saturating_sub(now));
            // An exited root is ready at once: then only time is waited for.
            let root = self.members.root_pidfd().filter(|_| !is_orphaned && self.members.is_root_alive());
            // What it fails of (ENOMEM) is no reason to hurry.
            if signal::wait(root.map(|root| (root, Until::Readable)), Some(step)).is_err() {
                sleep(step);
            }
        }
    }

    /// Those that joined the tree since the choice: children that were started since. Theirs, and those that come while this is looked for,
    /// [`Members::kill_all`] finds, where the kernel lists children.
    fn join_newcomers(&mut self, check: &Eligibility<'_>) {
        if check.policy.by != RankBy::Tree {
            return;
        }
        let (proc, members) = (&self.host.proc, &mut self.members);
        let selection = &mut self.selection;
        if selection.choose(proc, check.policy, check.group).is_err() {
            return;
        }
        selection.look_at_children(proc, &|parent| members.has(parent));
        for row in selection.rows() {
            if members.has_child(proc, row) {
                let one = core::iter::once(row);
                let _ = members.hold(proc, one, check);
            }
        }
    }

    /// SIGKILL to all of a cgroup: at once where the kernel can, and else one by one, with those that join it meanwhile. Who does is asked
    /// first, and has its time.
    ///
    /// Once one was sent SIGKILL it goes on to its end; a call before that is what it gives.
    fn kill_whole(
        &mut self,
        action: &mut Action,
        cgroup: &CgroupToEnd,
        check: &Eligibility<'_>,
    ) -> Result<(u64, Option<Errno>), Call> {
        for _ in 0..LATECOMERS {
            self.members.join_cgroup(&self.host.proc, cgroup, check);
            let has_waited = self.wait_for_latecomers();
            if let Some(call) = self.call() {
                return Err(call);
            }
            if !has_waited {
                break;
            }
        }
        let now = self.kill_those_due_by();
        // Who joined it since it was judged ends with it, unless it is one for whom it would not have been ended.
        let own = own_line(&self.host.proc);
        let judged = judge_cgroup(&self.host.proc, cgroup, &own, check);
        let is_plain = matches!(judged, Ok(WholeCgroup { exempt: 0, .. })) && self.members.kill_not_before() <= now;
        if let Some(count) = is_plain.then(|| self.members.kill_cgroup(&cgroup.dir)).flatten() {
            action.effect.is_by_cgroup_kill = true;
            return Ok((count, None));
        }
        let (mut killed, mut failed) = (0, None);
        for _ in 0..GENERATIONS {
            let now = self.kill_those_due_by();
            let (count, errno) = self.members.kill_all(&self.host.proc, check, now);
            (killed, failed) = (killed + count, failed.or(errno));
            self.make_room();
            let before = self.members.count();
            self.members.join_cgroup(&self.host.proc, cgroup, check);
            if self.members.count() == before && !self.wait_for_latecomers() {
                break;
            }
        }
        Ok((killed, failed))
    }

    /// SIGKILL may be sent to whose time is up by then: all, when memory can't wait.
    fn kill_those_due_by(&mut self) -> Duration {
        let reading = self.gauge.read(&mut self.host);
        if self.options.when.is_hard(&reading) { Duration::MAX } else { monotonic() }
    }

    /// Gives those their time that have joined late; whether there was one, and it is over.
    fn wait_for_latecomers(&mut self) -> bool {
        let until = self.members.kill_not_before();
        if until <= monotonic() {
            return false;
        }
        loop {
            let left = until.saturating_sub(self.kill_those_due_by());
            if left.is_zero() {
                return monotonic() >= until;
            }
            if self.call().is_some() {
                return false;
            }
            if self.members.kill_not_before().is_zero() {
                // It has ended.
                return true;
            }
            let _ = signal::wait(None, Some(STEP.min(left)));
        }
    }
}
