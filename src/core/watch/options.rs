//! What a watch is asked to do: policies, in the user's words.

use core::time::Duration;

pub use super::record::{Recording, SIZE_MIN};
use crate::cost::SelfReport;
use crate::report::Format;
use crate::snapshot::Cmdline;
use crate::trigger::also::Also;
use crate::trigger::{Base, Threshold};
use crate::units::Pid;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Whom to watch; `None`: the first that runs `exe`, waited for.
    pub pid: Option<Pid>,
    /// The executable that it must be running.
    pub exe: Option<&'a [u8]>,
    /// When to take snapshots; `None`: at every interval.
    pub threshold: Option<Threshold>,
    /// What the threshold is a percentage of.
    pub base: Base,
    /// What takes snapshots as well, below the threshold.
    pub also: Also,
    /// Between two reports.
    pub interval: Duration,
    /// How many reports, those left out by `-q` included; `None`: until the end.
    pub count: Option<u64>,
    /// What to do when memory can't be locked.
    pub lock: Lock,
    /// Whether to say that the target is below the threshold.
    pub below: Below,
    /// How reports are written.
    pub format: Format,
    /// Whether the command line is shown.
    pub cmdline: Cmdline,
    /// When the target is seized, so that it stops at its death.
    pub seize: Seize,
    /// How long it may be held then.
    pub death: Duration,
    /// Whether to say at the end what watching cost.
    pub self_report: SelfReport,
    /// What to do when the target has ended.
    pub follow: Follow,
    /// What the exit code says of the target's end.
    pub end_code: EndCode,
    /// The file to write to as well.
    pub record: Option<Recording<'a>>,
}

/// What to do when memory can't be locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    /// Say so and go on.
    Try,
    /// End: `-l`.
    Require,
}

/// When the target is seized (ptrace(2), PTRACE_SEIZE), so that a snapshot can be taken at its death.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Seize {
    /// While it is above the threshold.
    #[default]
    Danger,
    /// From the beginning, and even if it is the first process of a pid namespace.
    Always,
    /// Never.
    Never,
}

/// Whether reports below the threshold are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Below {
    /// They are.
    Report,
    /// They are not: `-q`.
    Quiet,
}

/// What to do when the target has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// End.
    End,
    /// Watch the next process that runs its executable as its user: `--follow`.
    Next,
}

/// What the exit code says of the target's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCode {
    /// That it has ended.
    Gone,
    /// How it did, where that is known: `--exit-code`.
    How,
}
