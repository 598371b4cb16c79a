//! `memdoor kill`: ends the largest of the processes that it may choose when memory is short, before the kernel has to.
//!
//! Evidence is written before the first signal. Signals go through pidfds, opened while choosing and checked through the same
//! directory: never to a number.

mod act;
mod arm;
mod decide;
mod end;
mod evidence;
mod facts;
mod fits;
mod gauge;
mod history;
mod log;
mod member;
mod members;
mod options;
mod patience;
mod pending;
mod report;
mod select;
mod stalls;
mod survivor;
mod top;
mod turn;
mod when;
mod whole_cgroup;
mod words;

pub use history::{History, KILLS_MAX, Since};
pub use log::can_be_logged;
pub use options::{Act, Level, LogStream, Logging, Only, Options, Policy, Prefix, Run, Scope, Unpinned};
pub use when::{Join, ShortageRule};

use core::time::Duration;

use crate::cost::Cost;
use crate::cost::SelfReport;
use crate::exit::Exit;
use crate::host::Host;
use crate::mode::{Buffers, done, say_if_partial};
use crate::processes::reader::Reader;
use crate::report::columns::OrDash;
use crate::sys::clock::monotonic;
use crate::sys::signal::{self, Until};
use evidence::{Evidence, Output};
use gauge::Gauge;
use log::Log;
use members::Members;
use report::{Action, Outcome};
use select::Selection;
use when::{MeminfoQuirk, Pace, Reading, State};

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// For good.
    Exit(Exit),
    /// Before it began: what is asked for can't be done, as was said.
    Unfit(Exit),
    /// SIGHUP: the configuration is to be read anew.
    Reload,
}

/// Looks, and ends somebody when memory is short. `reader` reads what may block; without it memdoor does so itself.
#[must_use]
pub fn run(options: &Options<'_>, history: &mut History, reader: Option<&Reader>, buffers: Buffers<'_>) -> Ended {
    match Killer::arm(*options, history, reader, buffers) {
        Ok(mut killer) if options.run == Run::Once => Ended::Exit(killer.once()),
        Ok(mut killer) => {
            let ended = killer.daemon();
            let Killer { history, members, gauge, .. } = killer;
            history.stalls = gauge.stalls;
            if let Some(pending) = &mut history.pending {
                pending.members = Some(members);
            }
            ended
        }
        Err(exit) => Ended::Unfit(exit),
    }
}

/// What a signal asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    /// To end.
    Stop,
    /// To read the configuration anew; of a daemon alone.
    Reload,
}

/// A configuration holds for this long at least: a flood of SIGHUPs would else begin one run after the other, and none of them comes to send
/// the SIGKILL that is due.
const RUN_MIN: Duration = Duration::from_millis(250);

/// A run that is armed: from here on nothing is allocated.
struct Killer<'a> {
    options: Options<'a>,
    history: &'a mut History,
    host: Host,
    gauge: Gauge,
    selection: Selection<'a>,
    /// Reads what may block.
    reader: Option<&'a Reader>,
    members: Members,
    evidence: Evidence<'a>,
    log: Log<'a>,
    pace: Pace,
    /// When this run began, on the steady clock.
    began: Duration,
    /// One was ended that `--avoid` fits.
    has_ended_avoided: bool,
    looks: u64,
    /// What was said last about meminfo.
    quirk: MeminfoQuirk,
}

impl Killer<'_> {
    fn once(&mut self) -> Exit {
        let armed = Cost::so_far();
        let exit = self.look_once();
        if self.options.self_report == SelfReport::Show {
            armed.report("looks", self.looks);
        }
        exit
    }

    fn look_once(&mut self) -> Exit {
        let (state, reading) = self.look();
        let is_asked = self.options.act == Act::DryRun;
        if state == State::Enough && !is_asked {
            return Exit::Done;
        }
        let outcome = self.act(state, reading);
        // Behind it: to look for whom patterns fit takes its time, and memory is short.
        self.say_what_surprises();
        if self.evidence.output == Output::Broken {
            return Exit::Error;
        }
        match outcome {
            Outcome::Enough
            | Outcome::DryRun
            | Outcome::Terminated
            | Outcome::Killed
            | Outcome::Relieved
            | Outcome::Spared
            | Outcome::Pardoned => {
                let completeness = self.evidence.completeness;
                let exit = done(completeness);
                say_if_partial(exit, completeness);
                if self.evidence.output == Output::Unread { exit.worse(Exit::Partial) } else { exit }
            }
            Outcome::Vanished => Exit::Gone,
            Outcome::Unknown | Outcome::Nobody | Outcome::InFiles if is_asked => Exit::Done,
            Outcome::Unknown
            | Outcome::Nobody
            | Outcome::InFiles
            | Outcome::Spent
            | Outcome::Survived
            | Outcome::Failed
            | Outcome::Stopped
            | Outcome::Reload
            | Outcome::Pending
            | Outcome::Interrupted => Exit::Error,
        }
    }

    fn daemon(&mut self) -> Ended {
        let when = self.options.when;
        match core::mem::take(&mut self.history.since) {
            Since::Start => self.log.line(Level::Info, format_args!("started: {when}")),
            Since::Anew => self.log.line(Level::Info, format_args!("SIGHUP: the configuration was read anew: {when}")),
            Since::Kept(why) => {
                let why = core::str::from_utf8(why.as_bytes()).unwrap_or_default();
                self.log.line(Level::Error, format_args!("SIGHUP: the configuration stays as it was: {why}"));
            }
        }
        let armed = Cost::so_far();
        if let Some(pending) = self.history.pending.take() {
            self.resume(pending);
        }
        let ended = self.watch();
        if self.options.self_report == SelfReport::Show {
            armed.report("looks", self.looks);
        }
        ended
    }

    fn watch(&mut self) -> Ended {
        loop {
            // Before each look: one may come behind a victim that is held still, and nobody else is to be asked then.
            match self.call() {
                Some(Call::Stop) => return self.stopped(),
                Some(Call::Reload) => {
                    let _ = signal::take_reload_request();
                    return Ended::Reload;
                }
                None => {}
            }
            let (state, reading) = self.look();
            let now = monotonic();
            let mut wait = self.pace.next(now, &self.options.when, &reading);
            if state == State::Short {
                let rested = self.history.rests_since.map_or(Duration::MAX, |since| now.saturating_sub(since));
                let rest = self.options.cooldown.saturating_sub(rested);
                let is_light = self.history.hard_breaks_rest;
                if rest.is_zero() || (is_light && self.options.when.is_hard(&reading)) {
                    self.act_within_budget(now, state, reading);
                } else {
                    wait = if is_light { wait.min(rest) } else { rest };
                }
            }
            self.wait(wait);
        }
    }

    /// What was asked of memdoor, which comes before each look that may act, and before each signal: who stops it, or has it read another
    /// configuration, means that nobody is ended from then on by what held before.
    fn call(&self) -> Option<Call> {
        signal::let_in();
        match self.options.run {
            _ if signal::stop_requested().is_some() => Some(Call::Stop),
            Run::Daemon if signal::is_reload_requested() && self.until_reload().is_zero() => Some(Call::Reload),
            _ => None,
        }
    }

    /// How long this run goes on before another configuration is read: what is due in it is done, however often somebody sends SIGHUP.
    fn until_reload(&self) -> Duration {
        RUN_MIN.saturating_sub(monotonic().saturating_sub(self.began))
    }

    fn act_within_budget(&mut self, now: Duration, state: State, reading: Reading) {
        self.history.hard_breaks_rest = false;
        if self.history.kills.is_spent(now, self.options.max_kills) {
            let mut action = self.action(state, reading, &crate::victim::Choice::default());
            action.outcome = Outcome::Spent;
            if self.history.is_news(Outcome::Spent, true, now) {
                self.say(&action);
            }
        } else {
            let outcome = self.act(state, reading);
            if matches!(outcome, Outcome::Relieved | Outcome::Reload | Outcome::Pending) {
                // Nobody was looked for, and memory may be short again at any time; or it is not over, and the cooldown began with SIGTERM.
                return;
            }
            self.history.hard_breaks_rest = outcome == Outcome::InFiles;
        }
        // Whatever came of it: looking at all processes is not done 20 times a second.
        self.rest();
    }

    /// From now on nobody is ended for the time of `--cooldown`.
    fn rest(&mut self) {
        self.history.rests_since = Some(monotonic());
    }

    /// Reads memory.
    fn look(&mut self) -> (State, Reading) {
        self.looks += 1;
        let reading = self.gauge.read(&mut self.host);
        let quirk = self.gauge.quirk;
        if quirk != self.quirk {
            self.quirk = quirk;
            if quirk != MeminfoQuirk::Nothing {
                self.log.line(Level::Warning, format_args!("{}", quirk.words()));
            }
        }
        let state = self.options.when.judge(&reading);
        // What is not known is a dash, and never 0.
        let (used, mark) = (reading.used(), if reading.used().is_some() { "%" } else { "" });
        let short = match state {
            State::Short => "true",
            State::Enough => "false",
            State::Unknown => "-",
        };
        self.log.line(Level::Debug, format_args!("used={}{mark} short={short}", OrDash(used)));
        (state, reading)
    }

    /// Until it is time to look again, processes stall, or a signal comes.
    fn wait(&mut self, wait: Duration) {
        if self.call().is_some() {
            return;
        }
        let wait = if signal::is_reload_requested() { wait.min(self.until_reload()) } else { wait };
        let trigger = self.gauge.trigger().map(|fd| (fd, Until::Urgent));
        if signal::wait(trigger, Some(wait)).is_err() {
            self.gauge.drop_trigger();
        }
    }

    fn stopped(&mut self) -> Ended {
        self.log.line(Level::Info, format_args!("stopped"));
        Ended::Exit(Exit::Done)
    }

    /// Says what was decided and what came of it: a line in the log, and a report.
    fn say(&mut self, action: &Action) {
        let broken = self.evidence.report(action);
        self.evidence.note(broken, self.options.run, &mut self.log);
        action.log(&self.options, &mut self.log);
    }
}
