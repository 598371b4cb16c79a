//! Ends the victim: evidence first, then SIGTERM, time, SIGKILL, and what that gave back.

use core::time::Duration;

use super::members::{self, Check, Dying, Leaf, Lost, Mixed, Whole};
use super::options::{Act, Scope};
use super::pending::{Pending, Since};
use super::report::{Action, Failure, Named, Outcome, Pardon, Terms};
use super::top::Top;
use super::turn::{Other, USERS_WORD, Waited};
use super::when::{Reading, State};
use super::{Armed, Call};
use crate::cgroup::{Memcg, Path};
use crate::host::Numbers;
use crate::mode::with_report;
use crate::own::own_line;
use crate::parse::cgroup::Version;
use crate::processes::Process;
use crate::processes::slow::{self, REFINING, WORTH};
use crate::snapshot::{self, Completeness, Scene, When};
use crate::sys::Errno;
use crate::sys::clock::{monotonic, sleep};
use crate::sys::file::Dir;
use crate::sys::out::{Out, Sink};
use crate::sys::signal::{self, Until};
use crate::target::Target;
use crate::units::{Bytes, Pid, Ticks};
use crate::victim::{By, Choice, Rank, Tree, Why};

/// How often it is looked whether they live, and whether memory can wait.
const STEP: Duration = Duration::from_millis(100);
/// Once the root has ended, its children have this long to follow it.
const ORPHANS: Duration = Duration::from_secs(1);
/// How long SIGKILL may take: a process in uninterruptible sleep does not end before that does.
const DEATH: Duration = Duration::from_secs(5);
/// How long one is waited for that has given back all that it held.
const EMPTIED: Duration = Duration::from_secs(1);
/// How often newcomers are looked for: each time one generation of them may have come.
const GENERATIONS: usize = 8;
/// How often those that have joined a cgroup late are given their time before the others are sent SIGKILL.
const LATECOMERS: usize = 3;
/// A report that nobody reads is given up: the next victim does not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What another's ended victim held comes back within this, as a rule in a few milliseconds: process_mrelease(2) is not asked for others' victims.
const COMES_BACK: Duration = Duration::from_secs(1);

/// How often it is looked whether another memdoor still acts.
const TURN_STEP: Duration = Duration::from_millis(50);
/// How often all is looked at anew because another memdoor came first: then this one goes on, as it would without a lock.
const ROUNDS: usize = 3;
/// What memdoor itself has ended is counted as available within this time.
const SETTLE: Duration = Duration::from_millis(300);
/// How often it is looked whether that is so.
const MEMORY_STEP: Duration = Duration::from_millis(10);

/// How long other memdoors are waited for, and were: one time for all rounds, as each would else begin it anew.
struct Patience {
    /// When it ends.
    until: Duration,
    /// When it ends for the words of ordinary users, of which one was seen.
    users: Option<Duration>,
    /// Who was waited for last, and how long for all of them.
    waited: Option<Waited>,
}

impl Patience {
    fn new(grace: Duration) -> Self {
        Self { until: monotonic().saturating_add(grace).saturating_add(DEATH), users: None, waited: None }
    }

    /// When it ends for `whom`, as it is `now`. At the hard limit that one does not wait for its victim either, and no user's word counts.
    fn ends(&mut self, now: Duration, whom: &Other, is_hard: bool) -> Duration {
        if is_hard {
            self.until = self.until.min(now.saturating_add(DEATH));
        }
        match (whom.is_users_word, is_hard) {
            (false, _) => self.until,
            (true, false) => self.until.min(*self.users.get_or_insert(now.saturating_add(USERS_WORD))),
            (true, true) => now,
        }
    }

    fn note(&mut self, whom: Other, since: Duration, is_in_vain: bool) {
        let pid = |whom: &Other| whom.memdoor.as_ref().map(|memdoor| memdoor.pid);
        let (all, before) = match self.waited.take() {
            None => (Duration::ZERO, Duration::ZERO),
            Some(last) if pid(&last.whom) == pid(&whom) => (last.took, last.before),
            Some(last) => (last.took, last.took),
        };
        let took = all.saturating_add(monotonic().saturating_sub(since));
        self.waited = Some(Waited { whom, took, before, is_in_vain });
    }
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
    const fn before_a_signal(self) -> Outcome {
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

impl Armed<'_> {
    /// A decision that is not yet carried out.
    pub(super) fn action(&self, state: State, reading: Reading, choice: &Choice) -> Action {
        let rows = self.selection.rows();
        let named = |tree: &Tree| {
            let row = rows.get(tree.root)?;
            Some(Named { pid: row.pid, started: row.started?, comm: row.comm.clone(), tree: *tree })
        };
        let outcome = match (state, choice.best[0]) {
            (State::Enough, _) => Outcome::Enough,
            (State::Unknown, _) => Outcome::Unknown,
            (State::Short, None) => Outcome::Nobody,
            (State::Short, Some(_)) => Outcome::DryRun,
        };
        Action {
            outcome,
            terms: Terms::of(&self.options),
            state,
            reading,
            best: choice.best.each_ref().map(|tree| named(tree.as_ref()?)),
            trees: choice.trees,
            too_small: choice.too_small,
            empty: choice.empty,
            excluded: self.selection.excluded,
            overflow: self.selection.overflow(),
            is_hidden: self.envelope.others.is_some(),
            exe: None,
            killed: 0,
            freed: None,
            held: None,
            left: None,
            is_narrowed: false,
            let_go: 0,
            pardon: None,
            survivor: None,
            after: None,
            risen: None,
            judged_anew: None,
            state_after: None,
            whole: None,
            is_by_cgroup_kill: false,
            top: None,
            lasting: None,
            waited: None,
            took: Duration::ZERO,
            failure: None,
        }
    }

    /// Looks at all processes, chooses, and does what is to be done about it; says so.
    pub(super) fn act(&mut self, state: State, reading: Reading) -> Outcome {
        let action = match (state, self.options.act) {
            (State::Short, Act::Kill) => self.end_one_in_turn(),
            _ => self.decide(state, reading),
        };
        self.tell_outcome(action)
    }

    /// Says what came of a decision, unless that is not known yet.
    pub(super) fn tell_outcome(&mut self, mut action: Action) -> Outcome {
        if action.outcome == Outcome::Pending {
            return action.outcome;
        }
        if matches!(action.outcome, Outcome::Nobody | Outcome::Elsewhere | Outcome::DryRun | Outcome::Vanished)
            && action.top.is_none()
        {
            action.top = self.the_largest();
        }
        let victim = action.best[0].as_ref().filter(|_| action.outcome != Outcome::DryRun);
        self.has_ended_avoided |= victim.is_some_and(|victim| victim.tree.rank == Rank::Avoided);
        let is_own_look = action.waited.is_none();
        if self.history.is_news(action.outcome, is_own_look, monotonic()) {
            self.say(&action);
        }
        action.outcome
    }

    /// Looks at all processes and chooses.
    fn decide(&mut self, state: State, reading: Reading) -> Action {
        let (whom, group) = (self.options.whom, self.options.cgroup);
        let choice = match self.choose() {
            Ok(choice) => choice,
            Err(errno) => {
                let action = self.idle(Outcome::Failed, state, reading);
                return Action { failure: Some(Failure::new("read all processes of /proc", errno)), ..action };
            }
        };
        let mut action = self.action(state, reading, &choice);
        if state == State::Short && group.is_none() {
            self.look_elsewhere(&mut action, &choice);
        }
        if let (Some(victim), Act::DryRun) = (action.best[0].clone(), self.options.act) {
            let leaf = self.leaf(&victim);
            let check = Check::of(&self.options, &whom, self.selection.user(), self.reader);
            let leaf = leaf.as_ref();
            let whole = leaf.map(|(_, path)| self.leaf_of(&victim, path));
            let _ = self.judge_whole(leaf, whole, &check, &mut action);
        }
        if let Some(victim) = &action.best[0] {
            action.exe = Target::open(&self.host.proc, victim.pid)
                .ok()
                .filter(|target| target.started == victim.started)
                .and_then(|target| target.exe().ok());
        }
        action
    }

    /// Chooses. Of a whole cgroup those count as well that end with the one that is chosen: where one of them is avoided, so is that cgroup.
    fn choose(&mut self) -> crate::sys::Result<Choice> {
        let Self { options, selection, host, memcg, reader, .. } = self;
        let (whom, group, proc) = (options.whom, options.cgroup, &host.proc);
        if options.scope != Scope::Cgroup || whom.avoid.is_empty() {
            return selection.choose(proc, &whom, group);
        }
        let own = own_line(proc);
        let check = Check::of(options, &whom, selection.user(), *reader);
        selection.choose_with(proc, &whom, group, &mut |row, rank| {
            let (dir, path) = leaf(proc, memcg, row.pid, row.started?)?;
            let whole = leaf_of(proc, Some(row), rank, &path);
            let judged = members::judge_cgroup(proc, &dir, &own, &check, &whole);
            (path.as_bytes() != b"/" && judged == Err(Mixed::Avoided)).then_some(path)
        })
    }

    /// How much lasts whoever ends, and whether that is why memory is short, so that nobody is ended for it.
    ///
    /// What a tmpfs holds has files in it that were deleted, and that end with those who may be ended: that does not last.
    fn look_elsewhere(&self, action: &mut Action, choice: &Choice) {
        action.lasting = slow::lasting(self.reader, &self.host.proc, REFINING);
        if action.lasting.as_ref().is_some_and(|lasting| lasting.files >= WORTH) {
            let deleted = self.selection.deleted_files();
            action.lasting = action.lasting.take().map(|lasting| lasting.without(deleted));
        }
        let resident = action.lasting.as_ref().map(|lasting| lasting.resident(action.reading.shmem));
        // Who is preferred may be small, and another one be what fills memory.
        let most = choice.best.iter().flatten().map(|tree| tree.held).max();
        if let (Some(resident), Some(most)) = (resident, most)
            // What a whole cgroup would give back is not known.
            && self.options.scope == Scope::Tree
            && self.options.when.is_elsewhere(&action.reading, resident, most)
        {
            action.outcome = Outcome::Elsewhere;
            // There is no victim, and these are who was near.
            action.best[2] = None;
            action.best.rotate_right(1);
        }
    }

    /// Who else is large: part of the evidence.
    pub(super) fn the_largest(&self) -> Option<Top> {
        (!self.options.evidence.is_zero()).then(|| self.selection.top.clone())
    }

    /// A decision that nobody was looked at for.
    fn idle(&self, outcome: Outcome, state: State, reading: Reading) -> Action {
        let nobody = self.action(state, reading, &Choice::default());
        Action { outcome, excluded: [0; Why::COUNT], overflow: 0, ..nobody }
    }

    /// Ends one, and nobody when another memdoor has just done so and that was enough.
    fn end_one_in_turn(&mut self) -> Action {
        let mut patience = Patience::new(self.options.grace);
        let mut rounds = 0;
        let action = loop {
            rounds += 1;
            self.take_turn(None, &mut patience);
            // The second look: what was seen before the lock was had is old.
            let reading = self.gauge.read(&mut self.host);
            let state = self.options.when.judge(&reading);
            if let Some(call) = self.call() {
                break self.idle(call.before_a_signal(), state, reading);
            }
            match state {
                State::Short => {}
                State::Enough => break self.idle(Outcome::Relieved, state, reading),
                State::Unknown => break self.idle(Outcome::Unknown, state, reading),
            }
            let mut action = self.decide(state, reading);
            if action.outcome != Outcome::Elsewhere {
                self.pass_over_survivors(&mut action);
            }
            let victim = action.best[0].clone().filter(|_| action.outcome != Outcome::Failed);
            let Some(victim) = victim else {
                break action;
            };
            // A security module's rule, which is told by the signal alone: another one may be signalled, and that one is not asked again.
            let is_to_go_on = self.end(&mut action, &victim, rounds < ROUNDS, &mut patience)
                || action.is_refused() && rounds < ROUNDS;
            if !is_to_go_on {
                break action;
            }
        };
        // Of one that is held still the lock tells on.
        if action.outcome != Outcome::Pending {
            self.history.turn.release();
        }
        Action { waited: patience.waited, ..action }
    }

    /// Waits until no other memdoor ends somebody whose end helps, or memory is not short any more, or the time for it is up; whether
    /// somebody was waited for. With the victim that was chosen, and what it holds, that is told from then on.
    fn take_turn(&mut self, chosen: Option<(Pid, Bytes)>, patience: &mut Patience) -> bool {
        let group = self.options.cgroup;
        let since = monotonic();
        let mut whom: Option<Other> = None;
        loop {
            let now = monotonic();
            let free = match chosen {
                None => self.history.turn.take(&self.host.proc, group),
                Some((victim, held)) => self.history.turn.tell(&self.host.proc, group, victim, held),
            };
            let other = match free {
                Ok(()) => {
                    let Some(whom) = whom else { return false };
                    let when = self.options.when;
                    self.let_memory_come_back(COMES_BACK, &|reading| {
                        when.is_hard(reading) || signal::stop_requested().is_some()
                    });
                    patience.note(whom, since, false);
                    return true;
                }
                Err(other) => other,
            };
            let before = whom.take();
            let whom = &*whom.insert(match before {
                // Whom it ends is not told any more when that has ended, or is not known yet.
                Some(before) if other.victim.is_none() && before.victim.is_some() => before,
                _ => other,
            });
            let reading = self.gauge.read(&mut self.host);
            let until = patience.ends(now, whom, self.options.when.is_hard(&reading));
            let is_over = self.options.when.judge(&reading) == State::Enough || self.call().is_some();
            if is_over || now >= until {
                patience.note(whom.clone(), since, !is_over);
                return true;
            }
            let _ = signal::wait(None, Some(TURN_STEP.min(until.saturating_sub(now))));
        }
    }

    /// Gives what has ended the time to be free, and memory as it is then: the kernel shows no memory of a process that exits while it still
    /// gives it back, and for so long memory looks short. Not longer than until it is not, or `is_enough` holds.
    fn let_memory_come_back(&mut self, within: Duration, is_enough: &dyn Fn(&Reading) -> bool) -> Reading {
        let until = monotonic().saturating_add(within);
        loop {
            let reading = self.gauge.read_whole(&mut self.host);
            let is_over = self.options.when.judge(&reading) != State::Short || is_enough(&reading);
            if is_over || monotonic() >= until {
                return reading;
            }
            let _ = signal::wait(None, Some(MEMORY_STEP));
        }
    }

    /// Tells the victim, before its evidence is written, which takes its time, and looks once more when it is; whom it had to wait for.
    fn tell_and_write(&mut self, action: &mut Action, victim: &Named, size: Bytes, patience: &mut Patience) -> bool {
        if self.take_turn(Some((victim.pid, size)), patience) {
            return true;
        }
        let until = monotonic().saturating_add(self.options.evidence);
        self.evidence(victim, until);
        action.top = self.the_largest();
        self.take_turn(Some((victim.pid, size)), patience)
    }

    /// Opens the victim's tree, and what that holds; `None`: it is not there any more, or can't be opened, as the action says then.
    fn take_hold(&mut self, action: &mut Action, victim: &Named, check: &Check<'_>) -> Option<Bytes> {
        self.members.clear();
        let rows = self.selection.members(&victim.tree);
        let held = self.members.hold(&self.host.proc, rows, check);
        let sum = self.members.together();
        match held {
            // It may have given back meanwhile what it was chosen for.
            Ok(()) if sum.freeable() >= check.whom.least && !sum.is_empty() => return Some(sum.freeable()),
            Ok(()) | Err(Lost::Changed) => action.outcome = Outcome::Vanished,
            Err(Lost::Failed(errno)) => {
                (action.outcome, action.failure) = (Outcome::Failed, Some(Failure::new("open the victim", errno)));
            }
        }
        None
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

    /// Ends the victim's tree; or had to wait for another memdoor, so that all is to be looked at anew: whether that is so.
    fn end(&mut self, action: &mut Action, victim: &Named, may_wait: bool, patience: &mut Patience) -> bool {
        let started = monotonic();
        let whom = self.options.whom;
        let check = Check::of(&self.options, &whom, self.selection.user(), self.reader);
        let Some(size) = self.take_hold(action, victim, &check) else { return false };
        let leaf = self.leaf(victim);
        let whole = leaf.as_ref().map(|(_, path)| self.leaf_of(victim, path));
        let check = Check { leaf: whole, ..check };
        let is_whole = self.judge_whole(leaf.as_ref(), whole, &check, action).is_some();
        let cgroup = leaf.as_ref().filter(|_| is_whole).map(|(dir, _)| dir);
        if let Some(cgroup) = cgroup {
            let _ = self.members.hold_cgroup(&self.host.proc, cgroup, &check);
        }
        if self.tell_and_write(action, victim, size, patience) && may_wait {
            self.members.clear();
            return true;
        }
        let Some(before) = self.look_again(action) else { return false };
        let sent = if cgroup.is_some() { self.members.ask_all() } else { self.members.ask_root() };
        let asked = monotonic();
        action.outcome = match sent {
            Ok(()) => {
                // From here on it counts, whatever comes of it.
                self.history.kills.note(asked);
                self.rest();
                self.see_through(action, &check, cgroup, asked)
            }
            Err(Errno::ESRCH) => Outcome::Vanished,
            Err(errno) => {
                // Another one may be signalled the next time.
                self.history.note_survivor(victim);
                action.failure = Some(Failure::new("signal the victim", errno));
                Outcome::Failed
            }
        };
        let cgroup = leaf.filter(|_| is_whole);
        self.conclude(action, Since { started, asked, before }, cgroup);
        false
    }

    /// Sums up what came of it, and lets go of all; or keeps what is held for the run that comes, where a SIGHUP came before the end.
    pub(super) fn conclude(&mut self, action: &mut Action, since: Since, cgroup: Option<(Dir, Path)>) {
        if action.outcome == Outcome::Pending {
            self.history.pending = Some(Pending { members: None, action: action.clone(), since, cgroup });
            return;
        }
        action.took = monotonic().saturating_sub(since.started);
        self.sum_up(action, &since.before);
        self.members.clear();
    }

    /// What it gave back.
    fn sum_up(&mut self, action: &mut Action, before: &Reading) {
        if matches!(action.outcome, Outcome::Terminated | Outcome::Killed) && self.members.left().is_some() {
            action.outcome = Outcome::Survived;
        }
        if action.outcome == Outcome::Survived
            && let Some(victim) = &action.best[0]
        {
            self.history.note_survivor(victim);
        }
        action.left = self.members.left();
        action.let_go = self.members.let_go();
        action.judged_anew = Some(self.options.when).filter(|when| *when != action.terms.when);
        let is_spared = matches!(action.outcome, Outcome::Spared | Outcome::Pardoned);
        if is_spared || matches!(action.outcome, Outcome::Terminated | Outcome::Killed | Outcome::Survived) {
            // What those gave back who live on is not held by anybody who has ended.
            let has_nobody_ended = is_spared && self.members.alive() == self.members.count();
            action.freed = Some(if has_nobody_ended { Bytes(0) } else { self.members.freed() });
            action.held = u32::try_from(self.members.count()).ok();
            action.survivor = self.members.survivor();
        }
        // Whoever waits for this one looks at memory next.
        let has_ended = matches!(action.outcome, Outcome::Terminated | Outcome::Killed);
        let least = action.freed.unwrap_or_default().0 / 2;
        let after = self.let_memory_come_back(if has_ended { SETTLE } else { Duration::ZERO }, &|after| {
            let (Some(before), Some(after)) = (before.available, after.available) else {
                return true;
            };
            after.0.saturating_sub(before.0) >= least
        });
        action.after = after.available.filter(|_| self.options.cgroup == action.terms.cgroup());
        action.risen = match (before.available, after.available) {
            (Some(before), Some(after)) => {
                let signed = |size: Bytes| i64::try_from(size.0).unwrap_or(i64::MAX);
                Some(signed(after).saturating_sub(signed(before)))
            }
            _ => None,
        };
        action.state_after = Some(self.options.when.judge(&after));
    }

    /// The victim's own cgroup, and its path, when that is to be ended with it.
    fn leaf(&mut self, victim: &Named) -> Option<(Dir, Path)> {
        let is_asked = self.options.scope == Scope::Cgroup;
        is_asked.then(|| leaf(&self.host.proc, &mut self.memcg, victim.pid, victim.started))?
    }

    /// The same with what all in it must have in common with the victim.
    fn leaf_of<'p>(&self, victim: &Named, path: &'p Path) -> Leaf<'p> {
        let row = self.selection.rows().get(victim.tree.root).filter(|row| row.pid == victim.pid);
        leaf_of(&self.host.proc, row, victim.tree.rank, path)
    }

    /// Whether the cgroup may be ended as a whole; where it may not, the tree is ended alone, and the decision says why.
    pub(super) fn judge_whole<'l>(
        &self,
        leaf: Option<&'l (Dir, Path)>,
        whole: Option<Leaf<'_>>,
        check: &Check<'_>,
        action: &mut Action,
    ) -> Option<&'l (Dir, Path)> {
        if self.options.scope != Scope::Cgroup {
            return None;
        }
        let proc = &self.host.proc;
        let judged = match leaf.zip(whole) {
            Some(((dir, path), whole)) if path.as_bytes() != b"/" => {
                let judged = members::judge_cgroup(proc, dir, &own_line(proc), check, &whole);
                let is_v1 = self.memcg.version() == Some(Version::V1);
                let may_have_others = is_v1 && self.host.numbers() == Numbers::Other;
                judged.map(|whole| Whole { may_have_others, ..whole })
            }
            _ => Err(Mixed::Root),
        };
        action.whole = Some(judged);
        leaf.filter(|_| judged.is_ok())
    }

    /// SIGKILL to all of a cgroup: at once where the kernel can, and else one by one, with those that join it meanwhile. Who does is asked
    /// first, and has its time.
    ///
    /// Once one was sent SIGKILL it goes on to its end; a call before that is what it gives.
    fn kill_whole(
        &mut self,
        action: &mut Action,
        cgroup: &Dir,
        check: &Check<'_>,
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
        let now = self.ripe_by();
        // Who joined it since it was judged ends with it, unless it is one for whom it would not have been ended.
        let own = own_line(&self.host.proc);
        let judged = check.leaf.map(|whole| members::judge_cgroup(&self.host.proc, cgroup, &own, check, &whole));
        let is_plain = matches!(judged, Some(Ok(Whole { exempt: 0, .. }))) && self.members.ripe_at() <= now;
        if let Some(count) = is_plain.then(|| self.members.kill_cgroup(cgroup)).flatten() {
            action.is_by_cgroup_kill = true;
            return Ok((count, None));
        }
        let (mut killed, mut failed) = (0, None);
        for _ in 0..GENERATIONS {
            let now = self.ripe_by();
            let (count, errno) = self.members.kill(&self.host.proc, check, now);
            (killed, failed) = (killed + count, failed.or(errno));
            let before = self.members.count();
            self.members.join_cgroup(&self.host.proc, cgroup, check);
            if self.members.count() == before && !self.wait_for_latecomers() {
                break;
            }
        }
        Ok((killed, failed))
    }

    /// Those that were asked so long ago may be sent SIGKILL: when memory can't wait, all.
    fn ripe_by(&mut self) -> Duration {
        let reading = self.gauge.read(&mut self.host);
        if self.options.when.is_hard(&reading) { Duration::MAX } else { monotonic() }
    }

    /// Gives those their time that have joined late; whether there was one, and it is over.
    fn wait_for_latecomers(&mut self) -> bool {
        let until = self.members.ripe_at();
        if until <= monotonic() {
            return false;
        }
        loop {
            let left = until.saturating_sub(self.ripe_by());
            if left.is_zero() {
                return monotonic() >= until;
            }
            if self.call().is_some() {
                return false;
            }
            if self.members.ripe_at().is_zero() {
                // It has ended.
                return true;
            }
            let _ = signal::wait(None, Some(STEP.min(left)));
        }
    }

    /// From SIGTERM on, which was sent at that time.
    pub(super) fn see_through(
        &mut self,
        action: &mut Action,
        check: &Check<'_>,
        cgroup: Option<&Dir>,
        asked: Duration,
    ) -> Outcome {
        match self.wait_for_end(check, cgroup, asked.saturating_add(self.options.grace)) {
            Wait::Ended => return Outcome::Terminated,
            Wait::Called(call) => return call.behind_sigterm(),
            Wait::Relieved => return Outcome::Spared,
            Wait::Up => {}
        }
        // It may have called exec(2) since it was asked, and be by now what nobody is to end.
        let rank = action.best[0].as_ref().map_or(Rank::Ordinary, |victim| victim.tree.rank);
        if self.members.let_go_of_others(check, rank) {
            action.pardon = Some(Pardon::Program);
            return Outcome::Pardoned;
        }
        let (killed, failed) = match cgroup {
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
                self.members.kill(&self.host.proc, check, Duration::MAX)
            }
        };
        action.killed = killed;
        action.failure = failed.map(|errno| Failure::new("signal a process of the tree", errno));
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
            self.members.reap();
        }
        match self.members.alive() {
            0 => Outcome::Killed,
            _ => Outcome::Survived,
        }
    }

    /// One that SIGKILL did not end is no victim again as long as there is another: it is frozen or in uninterruptible sleep, and what it
    /// may hold still comes when it comes.
    fn pass_over_survivors(&self, action: &mut Action) {
        let is_new = |one: &Option<Named>| one.as_ref().is_some_and(|one| !self.history.has_survived(one));
        if let Some(at) = action.best.iter().position(is_new) {
            action.best.rotate_left(at);
        }
    }

    /// Until all have ended, the time is up, or memory can't wait.
    fn wait_for_end(&mut self, check: &Check<'_>, cgroup: Option<&Dir>, mut until: Duration) -> Wait {
        let mut is_orphaned = false;
        loop {
            if self.members.alive() == 0 {
                return Wait::Ended;
            }
            if let Some(call) = self.call() {
                return Wait::Called(call);
            }
            if let Some(cgroup) = cgroup {
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
            if cgroup.is_none() && !is_orphaned && !self.members.is_root_alive() {
                is_orphaned = true;
                until = until.min(now.saturating_add(ORPHANS));
            }
            let step = STEP.min(until.saturating_sub(now));
            // An exited root is ready at once: then only time is waited for.
            let root = self.members.root().filter(|_| !is_orphaned && self.members.is_root_alive());
            // What it fails of (ENOMEM) is no reason to hurry.
            if signal::wait(root.map(|root| (root, Until::Readable)), Some(step)).is_err() {
                sleep(step);
            }
        }
    }

    /// Those that joined the tree since the choice: children that were started since. Theirs, and those that come while this is looked for,
    /// [`members::Members::kill`] finds, where the kernel lists children.
    fn join_newcomers(&mut self, check: &Check<'_>) {
        if check.whom.by != By::Tree {
            return;
        }
        let (proc, members) = (&self.host.proc, &mut self.members);
        let selection = &mut self.selection;
        if selection.choose(proc, check.whom, check.group).is_err() {
            return;
        }
        selection.look_at_children(proc, &|parent| members.has(parent));
        for row in selection.rows() {
            if members.is_child(proc, row) {
                let one = core::iter::once(row);
                let _ = members.hold(proc, one, check);
            }
        }
    }

    /// A snapshot of the victim, written out before anything happens to it.
    fn evidence(&mut self, victim: &Named, until: Duration) {
        if self.options.evidence.is_zero() {
            return;
        }
        let target = Target::open(&self.host.proc, victim.pid).ok();
        let target = target.filter(|target| target.started == victim.started);
        let Some(mut target) = target else {
            self.completeness = self.completeness.and(Completeness::Gone);
            return;
        };
        let mut out = Out::new(Sink::Stdout, self.out);
        out.give_up_at(until);
        // The last victim's cgroup is not this one's.
        self.memcg.forget();
        let mut scene = Scene::new(
            &mut target,
            &mut self.host,
            &mut self.memcg,
            &mut self.sockets,
            self.buf,
            When::Condemned { until },
        );
        let taken =
            with_report(self.options.format, &mut out, &self.envelope, |report| snapshot::take(&mut scene, report));
        // What nobody reads is late as well, and was not unread by memdoor.
        if out.broken().is_none() {
            self.completeness = self.completeness.and(taken);
        }
        // Up to 128 descriptors, which the members of the tree may need.
        self.memcg.forget();
        let broken = out.broken();
        self.note(broken);
    }

    /// Says what was decided and what came of it: a line in the log, and a report.
    pub(super) fn say(&mut self, action: &Action) {
        let mut out = Out::new(Sink::Stdout, self.out);
        out.give_up_at(monotonic().saturating_add(PATIENCE));
        with_report(self.options.format, &mut out, &self.envelope, |report| {
            action.report(report);
        });
        out.flush();
        let broken = out.broken();
        self.note(broken);
        action.log(&self.options, &mut self.log);
    }
}

/// The memory cgroup of a process, and its path.
fn leaf(proc: &Dir, memcg: &mut Memcg, pid: Pid, started: Ticks) -> Option<(Dir, Path)> {
    let target = Target::open(proc, pid).ok();
    let mut target = target.filter(|target| target.started == started)?;
    memcg.forget();
    memcg.refresh(&mut target);
    let path = Path::of(memcg.path().ok()?.1);
    let dir = memcg.dir()?.dir(c".").ok();
    memcg.forget();
    dir.map(|dir| (dir, path))
}

pub(super) fn leaf_of<'p>(proc: &Dir, row: Option<&Process>, rank: Rank, path: &'p Path) -> Leaf<'p> {
    Leaf {
        path: path.as_bytes(),
        place: row.map(|row| row.whereabouts(proc)).unwrap_or_default(),
        user: row.and_then(|row| row.user),
        rank,
    }
}
