//! Ends the victim: evidence first, then SIGTERM, time, SIGKILL, and what that gave back.

use core::time::Duration;

use super::Armed;
use super::log::Level;
use super::members::{Check, Lost};
use super::options::Act;
use super::report::{Action, Named, Outcome};
use super::when::{Reading, State};
use crate::error::Absent;
use crate::modes::with_report;
use crate::snapshot::{self, Completeness, Scene, When};
use crate::sys::Errno;
use crate::sys::clock::monotonic;
use crate::sys::out::{Out, Sink};
use crate::sys::signal::{self, Until, Woken};
use crate::target::Target;
use crate::victim::{By, Choice, Tree};

/// How often it is looked whether they live, and whether memory can wait.
const STEP: Duration = Duration::from_millis(100);
/// Once the root has ended, its children have this long to follow it.
const ORPHANS: Duration = Duration::from_secs(1);
/// How long SIGKILL may take: a process in uninterruptible sleep does not end before that does.
const DEATH: Duration = Duration::from_secs(5);
/// How often newcomers are looked for: each time one generation of them may have come.
const GENERATIONS: usize = 8;
/// A report that nobody reads is given up: the next victim does not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the time between SIGTERM and SIGKILL went.
enum Wait {
    /// All have ended.
    Ended,
    /// Time is up, or memory is.
    Up,
    /// memdoor is to end.
    Stopped,
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
            state,
            reading,
            best: choice.best.each_ref().map(|tree| named(tree.as_ref()?)),
            trees: choice.trees,
            too_small: choice.too_small,
            excluded: self.selection.excluded,
            overflow: self.selection.overflow(),
            exe: None,
            killed: 0,
            freed: None,
            after: None,
            took: Duration::ZERO,
            errno: None,
        }
    }

    /// Looks at all processes, chooses, and does what is to be done about it; says so.
    pub(super) fn act(&mut self, state: State, reading: Reading) -> Outcome {
        let (whom, group) = (self.options.whom, self.options.cgroup);
        let choice = match self.selection.choose(&self.host.proc, &whom, group) {
            Ok(choice) => choice,
            Err(errno) => {
                self.log.line(Level::Critical, format_args!("cannot read /proc: {}", crate::error::Because(errno)));
                return Outcome::Failed;
            }
        };
        let mut action = self.action(state, reading, &choice);
        if let Some(victim) = action.best[0].clone() {
            action.exe = Target::open(&self.host.proc, victim.pid)
                .ok()
                .filter(|target| target.started == victim.started)
                .and_then(|target| target.exe().ok());
            if state == State::Short && self.options.act == Act::Kill {
                self.end(&mut action, &victim);
            }
        }
        if self.history.is_news(action.outcome, monotonic()) {
            self.say(&action);
        }
        action.outcome
    }

    /// Ends the victim's tree.
    fn end(&mut self, action: &mut Action, victim: &Named) {
        let started = monotonic();
        let (whom, group) = (self.options.whom, self.options.cgroup);
        let check = Check {
            whom: &whom,
            group,
            user: self.selection.user(),
            unpinned: self.options.unpinned,
            reader: self.reader,
        };
        self.members.clear();
        let rows = self.selection.members(&victim.tree);
        let held = self.members.hold(&self.host.proc, rows, &check);
        let is_still_large = self.members.freeable() >= whom.least;
        match held {
            Ok(()) if is_still_large => {}
            Ok(()) | Err(Lost::Changed) => {
                action.outcome = Outcome::Vanished;
                return;
            }
            Err(Lost::Failed(errno)) => {
                (action.outcome, action.errno) = (Outcome::Failed, Some(Absent::from(errno)));
                return;
            }
        }
        self.evidence(victim);
        action.outcome = match self.members.ask_root() {
            Ok(()) => self.see_through(action, &check),
            Err(Errno::ESRCH) => Outcome::Vanished,
            Err(errno) => {
                action.errno = Some(Absent::from(errno));
                Outcome::Failed
            }
        };
        action.took = monotonic().saturating_sub(started);
        if matches!(action.outcome, Outcome::Terminated | Outcome::Killed | Outcome::Survived) {
            action.freed = Some(self.members.freed());
        }
        action.after = self.gauge.read(&mut self.host).available;
        self.members.clear();
    }

    /// From SIGTERM on.
    fn see_through(&mut self, action: &mut Action, check: &Check<'_>) -> Outcome {
        match self.wait_for_end() {
            Wait::Ended => return Outcome::Terminated,
            Wait::Stopped => return Outcome::Interrupted,
            Wait::Up => {}
        }
        self.join_newcomers(check);
        let (killed, failed) = self.members.kill();
        action.killed = killed;
        action.errno = failed.map(Absent::from);
        let until = monotonic().saturating_add(DEATH);
        while self.members.alive() > 0 {
            if monotonic() >= until {
                return Outcome::Survived;
            }
            let _ = signal::wait(None, Some(Duration::from_millis(5)));
        }
        Outcome::Killed
    }

    /// Until all have ended, the time is up, or memory can't wait.
    fn wait_for_end(&mut self) -> Wait {
        let mut until = monotonic().saturating_add(self.options.grace);
        let mut is_orphaned = false;
        loop {
            if self.members.alive() == 0 {
                return Wait::Ended;
            }
            let now = monotonic();
            let reading = self.gauge.read(&mut self.host);
            if now >= until || self.options.when.is_hard(&reading) {
                return Wait::Up;
            }
            if signal::stop_requested().is_some() {
                return Wait::Stopped;
            }
            if !is_orphaned && !self.members.is_root_alive() {
                is_orphaned = true;
                until = until.min(now.saturating_add(ORPHANS));
            }
            let step = STEP.min(until.saturating_sub(now));
            // An exited root is ready at once: then only time is waited for.
            let root = self.members.root().filter(|_| !is_orphaned);
            match signal::wait(root.map(|root| (root, Until::Readable)), Some(step)) {
                Ok(Woken::Ready | Woken::Timeout | Woken::Signal) => {}
                Err(_) => return Wait::Up,
            }
        }
    }

    /// Those that joined the tree meanwhile: children that were started since, and theirs. All are stopped, or more would be started while
    /// they are looked for, and lose their parent.
    fn join_newcomers(&mut self, check: &Check<'_>) {
        if check.whom.by != By::Tree {
            return;
        }
        for _ in 0..GENERATIONS {
            self.members.stop();
            let before = self.members.count();
            let (proc, members) = (&self.host.proc, &mut self.members);
            let selection = &mut self.selection;
            if selection.choose(proc, check.whom, check.group).is_err() {
                return;
            }
            selection.look_at_children(proc, &|parent| members.has(parent));
            for row in selection.rows() {
                if members.is_child(row) {
                    let one = core::iter::once(row);
                    let _ = members.hold(proc, one, check);
                }
            }
            if self.members.count() == before {
                return;
            }
        }
    }

    /// A snapshot of the victim, written out before anything happens to it.
    fn evidence(&mut self, victim: &Named) {
        if self.options.evidence.is_zero() {
            return;
        }
        let until = monotonic().saturating_add(self.options.evidence);
        let target = Target::open(&self.host.proc, victim.pid).ok();
        let target = target.filter(|target| target.started == victim.started);
        let Some(mut target) = target else {
            self.completeness = Completeness::Partial;
            return;
        };
        let mut out = Out::new(Sink::Stdout, self.out);
        out.give_up_at(until);
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
        self.completeness = self.completeness.and(taken);
        let broken = out.broken();
        self.note(broken);
    }

    /// Says what was decided and what came of it: a line in the log, and a report.
    pub(super) fn say(&mut self, action: &Action) {
        let mut out = Out::new(Sink::Stdout, self.out);
        out.give_up_at(monotonic().saturating_add(PATIENCE));
        with_report(self.options.format, &mut out, &self.envelope, |report| {
            action.report(&self.options, report);
        });
        out.flush();
        let broken = out.broken();
        self.note(broken);
        action.log(&self.options, &mut self.log);
    }
}
