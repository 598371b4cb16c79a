//! Which files a session has, and which tables stand in each.

use crate::modes::monitor::analysis::TABLES;
use crate::modes::monitor::sheet::Sheet;
use crate::modes::monitor::sheets::{ALERTS, CGROUPS, FRAGMENTATION, MEMORY, PRESSURE, PROCESSES, SWAP};
/// A file of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are those of the files")]
pub enum Which {
    Memory,
    Processes,
    Cgroups,
    Fragmentation,
    Swap,
    Pressure,
    Summary,
    Alerts,
}

impl Which {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Memory,
        Self::Processes,
        Self::Cgroups,
        Self::Fragmentation,
        Self::Swap,
        Self::Pressure,
        Self::Summary,
        Self::Alerts,
    ];

    /// The tables in it, and the last part of its name.
    #[must_use]
    pub const fn table(self) -> (&'static [Sheet], &'static str) {
        match self {
            Self::Memory => (&MEMORY, "memory"),
            Self::Processes => (&PROCESSES, "processes"),
            Self::Cgroups => (&CGROUPS, "cgroups"),
            Self::Fragmentation => (&FRAGMENTATION, "fragmentation"),
            Self::Swap => (&SWAP, "swap"),
            Self::Pressure => (&PRESSURE, "pressure"),
            Self::Summary => (&TABLES, "summary"),
            Self::Alerts => (&ALERTS, "alerts"),
        }
    }
}
