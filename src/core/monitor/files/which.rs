//! Which files a session has, and which tables stand in each.

use crate::listed::listed;
use crate::monitor::analysis;
use crate::monitor::tables::{
    ALERTS, AREAS, CGROUPS, KERNEL, MEMORY, PRESSURE, PROCESSES, SLABS, SWAP, SWAPPED, ZONES,
};
use crate::report::json;
use crate::report::table::{Tables, header};
use crate::report::time::is_millis;
use crate::sys::ours::BEGINNING;

listed! {
    /// A file of a session.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    #[allow(missing_docs, reason = "the names are those of the files")]
    pub enum SessionFile {
        Memory,
        Processes,
        Cgroups,
        Fragmentation,
        Swap,
        Pressure,
        Summary,
        Alerts,
    }
}

impl SessionFile {
    /// The tables in it, and the last part of its name.
    #[must_use]
    pub const fn table(self) -> (Tables, &'static str) {
        match self {
            Self::Memory => (const { &[&MEMORY] }, "memory"),
            Self::Processes => (const { &[&PROCESSES] }, "processes"),
            Self::Cgroups => (const { &[&CGROUPS] }, "cgroups"),
            Self::Fragmentation => (const { &[&ZONES, &SLABS, &KERNEL] }, "fragmentation"),
            Self::Swap => (const { &[&SWAP, &AREAS, &SWAPPED] }, "swap"),
            Self::Pressure => (const { &[&PRESSURE] }, "pressure"),
            Self::Summary => (analysis::TABLES, "summary"),
            Self::Alerts => (const { &[&ALERTS] }, "alerts"),
        }
    }
}

/// Whether a file that begins so is one of these tables in some form: the header of CSV, the title and the time of text, an object of JSON.
#[must_use]
pub fn is_table(beginning: &[u8], tables: Tables) -> bool {
    // The longest is longer than what is looked at.
    let mut bytes = beginning.iter().copied();
    let is_csv = header(tables).flat_map(str::bytes).take(BEGINNING).all(|byte| bytes.next() == Some(byte));
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_text = tables.iter().any(|table| {
        let title = line.split_at_checked(table.title().len());
        title.is_some_and(|(title, rest)| {
            title.eq_ignore_ascii_case(table.title().as_bytes())
                && !title.iter().any(u8::is_ascii_lowercase)
                && rest.strip_prefix(b" ").is_some_and(is_millis)
        })
    });
    is_csv || is_text || beginning.starts_with(json::BEGINNING)
}
