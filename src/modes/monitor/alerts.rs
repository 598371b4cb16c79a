//! What is worth saying: once when it begins, once when it ends.

use crate::fixed::Fixed;
use crate::processes::Comm;
use crate::units::Pid;

/// What an alert is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(
    missing_docs,
    reason = "the names say it, and options.rs says from when on"
)]
pub enum Kind {
    Memory,
    Swap,
    Zombies,
    Fds,
    SystemFds,
    Growth,
    Pressure,
    OomKill,
    Fragmentation,
}

/// Whether it begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Change {
    Raised,
    Cleared,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// What it is about.
    pub kind: Kind,
    /// Whether it begins or ends.
    pub change: Change,
    /// Of whom, if it is about a process: its name as it is, not escaped.
    pub process: Option<(Pid, Comm)>,
    /// The value, the limit and what to know of it, names in it escaped: `12 MiB/s, R2 0.998, 212 MiB more in 60 s`.
    pub words: Fixed<256>,
}
