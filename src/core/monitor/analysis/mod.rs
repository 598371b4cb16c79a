//! What the samples come to, at the end: who grows, who leaks, and where memory is that no process shows.

mod conclusion;
mod rows;
mod shared;
mod summary;

use core::fmt::Write;
use core::time::Duration;

use super::alerts;
use super::alerts::Limits;
use super::mapped::Mapped;
use super::notes::Notes;
use super::process_table::{Growth, ProcessTable, Row};
use super::sample::Sample;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::processes::reader::Reader;
use crate::report::table::Get::Words;
use crate::report::table::{Rows, Table, Tables, Writer, column};
use crate::tmpfs::Mounts;
use rows::{FDS, GROWTH, HOST, MAPPINGS, RSS, VSZ, ZOMBIES};
use shared::{FILES, MOUNTS, SEGMENTS};
pub(super) use summary::HostSummary;

/// All of its tables, in their order.
pub const TABLES: Tables =
    &[&SHORT, &HOST, &GROWTH, &RSS, &VSZ, &ZOMBIES, &FDS, &SEGMENTS, &FILES, &MOUNTS, &MAPPINGS, &NOTES];

/// A sentence.
pub(super) struct Sentence<'r>(&'r [u8]);

impl Rows for Sentence<'static> {
    type Row<'r> = Sentence<'r>;
}

static SHORT: Table<Sentence<'static>> = Table {
    event: "memdoor.monitor.conclusion",
    title: "in short",
    columns: &[column("Words", 5, "memdoor.monitor.words", Words(|sentence| sentence.0))],
};

static NOTES: Table<Sentence<'static>> = Table {
    event: "memdoor.monitor.note",
    title: "notes",
    columns: &[column("Words", 5, "memdoor.monitor.words", Words(|sentence| sentence.0))],
};

/// All that the analysis is made of.
pub(super) struct Facts<'a> {
    pub(super) host: &'a Host,
    pub(super) limits: &'a Limits,
    pub(super) top: usize,
    pub(super) summary: &'a HostSummary,
    pub(super) sample: &'a Sample,
    pub(super) processes: &'a ProcessTable,
    /// How long memory lasts if one grows on like that.
    pub(super) left: &'a dyn Fn(&Row, &Growth) -> Option<Duration>,
    pub(super) mapped: &'a Mapped,
    /// Who reads of processes what may block.
    pub(super) reader: Option<&'a Reader>,
    /// File systems in memory, as they were first.
    pub(super) mounts: &'a Mounts,
    /// What may be missing of all of it; empty for nothing.
    pub(super) caveat: &'static str,
    /// What else was noticed.
    pub(super) notes: &'a Notes,
}

impl Facts<'_> {
    /// Those that grow as the alert has it: by so much, so steadily.
    pub(super) fn grows(&self, row: &Row) -> Option<Growth> {
        let growth = self.processes.growth(row)?;
        alerts::grows(row, self.processes, self.limits).then_some(growth)
    }
}

/// Writes all tables that have rows. `buf` must hold a line of maps.
pub(super) fn write(facts: &Facts<'_>, buf: &mut [u8], to: &mut Writer<'_, '_>) {
    let now = Mounts::read(&facts.host.proc, buf);
    conclusion::write(facts, &now, to);
    rows::write(facts, to);
    shared::write(facts, &now, buf, to);
    rows::mappings(facts, to);
    facts.notes.each(&mut |note| to.row(&NOTES, &Sentence(note.as_bytes())));
    if now.untold > 0 {
        let mut words = Fixed::<128>::new();
        let untold = now.untold;
        // A Fixed never returns an error: it cuts.
        let _ = write!(words, "{untold} mounts of tmpfs are not in the account: there are too many to tell them apart");
        to.row(&NOTES, &Sentence(words.as_bytes()));
    }
}
