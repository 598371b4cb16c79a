//! What `kill` says of a decision: whom it chose and why, who else was near, and what came of it.

use core::time::Duration;

use super::facts::{ACTION, BECAUSE, CHOSEN, DRY_RUN, NEXT, NEXT_JSON, NOT, OUTCOME};
use super::facts::{facts, left_out, line};
use super::log::Level;
use super::options::{Act, Options};
use super::when::{Reading, State};
use crate::error::Absent;
use crate::processes::Comm;
use crate::report::{Fact, Head, Name, Report, Section, Value};
use crate::sys::clock::Now;
use crate::target::exe::Link;
use crate::units::{Bytes, Pid, Ticks};
use crate::victim::{Tree, Why};

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Memory is not short.
    Enough,
    /// How much there is could not be told.
    Unknown,
    /// It is short, and nobody may be chosen.
    Nobody,
    /// It is short, and `--max-kills` is used up.
    Spent,
    /// What would have been done: `--dry-run`.
    DryRun,
    /// They have ended after SIGTERM.
    Terminated,
    /// They have ended, some after SIGKILL.
    Killed,
    /// Some have not ended.
    Survived,
    /// The one chosen was gone, or another, before a signal was sent.
    Vanished,
    /// A signal was not permitted, or could not be sent.
    Failed,
    /// memdoor was asked to end while it waited: nobody was sent SIGKILL.
    Interrupted,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Unknown => "unknown",
            Self::Nobody => "nobody",
            Self::Spent => "spent",
            Self::DryRun => "dry_run",
            Self::Terminated => "terminated",
            Self::Killed => "killed",
            Self::Survived => "survived",
            Self::Vanished => "vanished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Enough => "none: memory is not short",
            Self::Unknown => "none: how much memory is available is not known",
            Self::Nobody => "none: memory is short, and nobody may be chosen",
            Self::Spent => "none: memory is short, and --max-kills is used up",
            Self::DryRun => "none (dry run): it would get SIGTERM, and what is left of it SIGKILL",
            Self::Terminated => "SIGTERM: the victim has ended",
            Self::Killed => "SIGTERM, then SIGKILL: the victim has ended",
            Self::Survived => "SIGTERM, then SIGKILL: a part of the victim has not ended yet",
            Self::Vanished => "none: the victim was gone, or another, before a signal was sent",
            Self::Failed => "none: the victim could not be signalled",
            Self::Interrupted => "SIGTERM: memdoor was stopped before it sent SIGKILL",
        }
    }

    pub(super) const fn level(self) -> Level {
        match self {
            Self::Enough => Level::Debug,
            Self::Vanished | Self::DryRun | Self::Terminated | Self::Killed => Level::Warning,
            Self::Nobody | Self::Spent | Self::Unknown | Self::Interrupted => Level::Error,
            Self::Failed | Self::Survived => Level::Critical,
        }
    }
}

/// A tree and who its root is.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) pid: Pid,
    pub(super) started: Ticks,
    pub(super) comm: Comm,
    pub(super) tree: Tree,
}

/// A decision, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) outcome: Outcome,
    pub(super) state: State,
    pub(super) reading: Reading,
    /// The victim, and who was near.
    pub(super) best: [Option<Named>; 3],
    pub(super) trees: u32,
    pub(super) too_small: u32,
    pub(super) excluded: [u32; Why::COUNT],
    pub(super) overflow: u64,
    pub(super) exe: Option<Link>,
    /// Processes that were sent SIGKILL.
    pub(super) killed: u64,
    /// What those held that have ended.
    pub(super) freed: Option<Bytes>,
    /// Memory that was available afterwards.
    pub(super) after: Option<Bytes>,
    pub(super) took: Duration,
    pub(super) errno: Option<Absent>,
}

impl Action {
    /// Writes it.
    pub(super) fn report(&self, options: &Options<'_>, report: &mut dyn Report) {
        let now = Now::read();
        match &self.best[0] {
            Some(victim) => report.head(&Head { now: &now, pid: victim.pid, comm: victim.comm.as_bytes() }),
            None => report.moment(&now),
        }
        report.begin(Section::Kill);
        let (because, chosen, not) = (self.because(options), self.chosen(options.whom.by), self.not_candidates());
        let [_, second, third] = &self.best;
        let lines = [second, third].map(|near| near.as_ref().map(line).unwrap_or_default());
        let [one, two] = [second, third].map(|near| near.as_ref().map(facts));
        let objects = [one.as_ref(), two.as_ref()].map(|facts| facts.map_or(&[][..], |facts| facts));
        let count = objects.iter().filter(|facts| !facts.is_empty()).count();
        let next = match count {
            0 => Value::Nothing,
            _ => Value::Objects(&objects[..count]),
        };
        let (victim, figures) = (self.victim(), self.figures(options));
        let (results, excluded) = (self.results(), self.excluded());
        let head = [
            ACTION.is(Value::Words(self.outcome.words())),
            OUTCOME.is(Value::Words(self.outcome.name())),
            DRY_RUN.is(Value::Flag(options.act == Act::DryRun)),
            text(BECAUSE, because.as_bytes()),
        ];
        let tail = [
            text(CHOSEN, chosen.as_bytes()),
            text(NEXT, lines[0].as_bytes()),
            text(NEXT, lines[1].as_bytes()),
            NEXT_JSON.is(next),
            text(NOT, not.as_bytes()),
        ];
        let mut all = [left_out(); 56];
        let parts = head.iter().chain(&figures).chain(&victim).chain(&tail);
        let parts = parts.chain(&results).chain(&excluded);
        // What there is nothing of is left out in text, too.
        let known = parts.filter(|fact| !matches!(fact.value, Value::Nothing));
        for (slot, fact) in all.iter_mut().zip(known) {
            *slot = *fact;
        }
        report.facts(&all);
        report.end(Section::Kill);
        report.foot();
    }
}

/// A sentence of ours, the names in it escaped already; left out when it is empty.
fn text(name: Name, words: &[u8]) -> Fact<'_> {
    match core::str::from_utf8(words) {
        Ok(words) if !words.is_empty() => name.is(Value::Words(words)),
        _ => left_out(),
    }
}
