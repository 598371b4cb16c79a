//! What `kill` is asked to do: policies, in the user's words.

use core::time::Duration;

use super::when::ShortageRule;
use crate::cost::SelfReport;
use crate::pattern::Pattern;
use crate::report::Format;
use crate::units::Bytes;
use crate::victim::RankBy;

pub use super::log::{Level, LogStream, Logging, Prefix};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// How often.
    pub run: Run,
    /// Whether it is done.
    pub act: Act,
    /// When.
    pub when: ShortageRule,
    /// The cgroup whose limit counts, and whose processes may be chosen: its path in the hierarchy.
    pub cgroup: Option<&'a [u8]>,
    /// Whom.
    pub policy: Policy<'a>,
    /// How much of what the victim belongs to is ended with it.
    pub scope: Scope,
    /// How long evidence may take; zero: none is written.
    pub evidence: Duration,
    /// How long the victim is waited for between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// How long nobody else is ended then.
    pub cooldown: Duration,
    /// How many an hour, at most.
    pub max_kills: Option<u64>,
    /// What to do on a kernel without pidfds.
    pub unpinned: Unpinned,
    /// How reports are written.
    pub format: Format,
    /// What is logged, and where to.
    pub log: Logging<'a>,
    /// Whether to say at the end what it cost.
    pub self_report: SelfReport,
}

/// How much is ended with the victim.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// Its tree.
    #[default]
    Tree,
    /// All processes of its cgroup, whatever they are called: a service, or a container.
    Cgroup,
}

/// How often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Run {
    /// Until a signal ends it.
    #[default]
    Daemon,
    /// Looks once, acts if need be, and ends: for timers and cron.
    Once,
}

/// Whether it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Act {
    /// It is.
    #[default]
    Kill,
    /// It is only said.
    DryRun,
}

/// What to do on a kernel without pidfds (before Linux 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unpinned {
    /// End: a signal by number may hit another process.
    #[default]
    Refuse,
    /// Signal by number, after the process was looked at once more.
    Allow,
}

/// Whom.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Only those that one of these fits.
    pub only: &'a [Only],
    /// First those that one of these fits.
    pub prefer: &'a [Pattern],
    /// Last those that one of these fits.
    pub avoid: &'a [Pattern],
    /// Never those that one of these fits.
    pub ignore: &'a [Pattern],
    /// What is compared.
    pub by: RankBy,
    /// Nobody who holds less.
    pub least: Bytes,
}

/// Who may be chosen.
#[derive(Debug)]
pub enum Only {
    /// Everybody but those that a machine or a login hangs on: [`crate::essential`].
    Any,
    /// Browsers: [`crate::families::BROWSERS`].
    Browsers,
    /// Whoever the pattern fits.
    Fits(Pattern),
}
