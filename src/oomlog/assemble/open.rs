//! A report that is not finished: what it has so far, and what may still come.

use super::step::Step;
use super::tasks::Ranking;
use crate::oomlog::event::{Event, Position, Stamp, Task, Text, Victim};
use crate::oomlog::record::{Caller, Record};
use crate::parse::oom_report::kill::Scope;
use crate::parse::oom_report::table::Columns;
use crate::units::PageSize;

/// Rows that are kept to look the victim up: 56 bytes each, of up to eight reports, 1.8 MB.
const ROWS: usize = 4096;

/// Names and paths are cut here: PATH_MAX.
const TEXT: usize = 4096;

/// What of a row is kept.
#[derive(Clone, Copy)]
pub(super) struct Brief {
    pub(super) pid: u64,
    pub(super) tgid: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) total_vm: Option<u64>,
    pub(super) adj: Option<i64>,
}

/// What a report is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An OOM report.
    Oom,
    /// Mem-Info and the like, which others print too: an OOM report when its table follows.
    Maybe,
    /// Of somebody else; it is here so that its lines go to nobody else.
    Foreign,
}

/// A report that is not finished.
pub(super) struct Open {
    pub(super) event: Event,
    pub(super) kind: Kind,
    pub(super) step: Step,
    pub(super) caller: Option<Caller>,
    pub(super) last: Stamp,
    /// The numbers of its first and last line among those of all reports.
    pub(super) start: u64,
    pub(super) touched: u64,
    /// The number of its last line among all lines.
    pub(super) touched_line: u64,
    pub(super) columns: Option<Columns>,
    pub(super) brief: Vec<Brief>,
    pub(super) rows_lost: bool,
    /// Whether somebody says that messages are missing inside of it.
    pub(super) lines_lost: bool,
    /// Whether those are so many that what follows may be of another report.
    pub(super) severed: bool,
    pub(super) no_columns: bool,
    /// Whether the log has blanks behind its lines: then those behind a name are none of it.
    pub(super) is_padded: bool,
    pub(super) mixed: bool,
    pub(super) memory_mixed: bool,
    pub(super) in_stats: bool,
    pub(super) memcg_report: bool,
    /// Whether its call trace is that of a memory cgroup at its limit.
    pub(super) memcg_call: bool,
    pub(super) machine_report: bool,
    /// The page size by the smallest of the free blocks.
    pub(super) block: Option<PageSize>,
    /// The page size that the table was read by.
    pub(super) page: Option<PageSize>,
    pub(super) ranking: Ranking,
    /// Of `oom-kill:`.
    pub(super) summary: Option<Task>,
    pub(super) summary_uid: Option<u32>,
    /// Whether that says which cgroups these are.
    pub(super) names_memcg: bool,
    /// Of `Kill process`.
    pub(super) selected: Option<Task>,
    pub(super) scope: Option<Scope>,
    pub(super) killed: Option<Victim>,
    /// Whether the kill line's form is of a kernel whose kill lines have `shmem-rss`.
    pub(super) prints_shmem: bool,
    /// Nothing but what follows a kill may come.
    pub(super) ended: bool,
    /// What is before `invoked oom-killer` in the first line of a log, whose start was cut off with its time: the next line has both.
    pub(super) torn: Option<Text>,
}

impl Open {
    pub(super) fn new(kind: Kind, record: &Record<'_>, position: Position, number: u64, line: u64) -> Self {
        let mut event = Event { when: Stamp::of(&record.when), ..Event::default() };
        event.lines.first = position;
        event.lines.last = position;
        event.host = record.host.map(Vec::from);
        event.boot_id = record.boot_id.map(Vec::from);
        event.is_unverified = record.is_unverified;
        Self {
            last: event.when.clone(),
            event,
            kind,
            step: Step::Header,
            caller: record.caller,
            start: number,
            touched: number,
            touched_line: line,
            columns: None,
            brief: Vec::new(),
            rows_lost: false,
            lines_lost: false,
            severed: false,
            no_columns: false,
            is_padded: false,
            mixed: false,
            memory_mixed: false,
            in_stats: false,
            memcg_report: false,
            memcg_call: false,
            machine_report: false,
            block: None,
            page: None,
            ranking: Ranking::default(),
            summary: None,
            summary_uid: None,
            names_memcg: false,
            selected: None,
            scope: None,
            killed: None,
            prints_shmem: false,
            ended: false,
            torn: None,
        }
    }

    /// Notes that a line is of this report.
    pub(super) fn touch(&mut self, record: &Record<'_>, position: Position, number: u64, line: u64) {
        if self.torn.is_some() && self.event.when == Stamp::default() {
            self.event.when = Stamp::of(&record.when);
        }
        self.touched_line = line;
        self.touched = number;
        self.event.is_unverified |= record.is_unverified;
        self.event.lines.last = position;
        // A container's log gives each line its own time, and lines inside of a record have no bracket: the next one has it again, and is
        // held against the last that had it.
        let is_inside = self.last.boot_us.is_some() && record.when.boot_us.is_none();
        if !is_inside && (record.when.boot_us.is_some() || record.when.wall.is_some()) {
            self.last = Stamp::of(&record.when);
        }
        self.caller = self.caller.or(record.caller);
        if self.event.host.is_none() {
            self.event.host = record.host.map(Vec::from);
        }
        if self.event.boot_id.is_none() {
            self.event.boot_id = record.boot_id.map(Vec::from);
        }
    }

    /// The row of a task.
    pub(super) fn row(&self, pid: u64) -> Option<&Brief> {
        let at = self.brief.binary_search_by_key(&pid, |row| row.pid).ok()?;
        self.brief.get(at)
    }

    /// Whether a row is of a thread of that process: its first one had exited.
    pub(super) fn has_process(&self, pid: u64) -> bool {
        self.brief.iter().any(|row| row.tgid == Some(pid))
    }

    /// Keeps a row; the first of two with one pid stays.
    pub(super) fn keep(&mut self, row: Brief) {
        if self.brief.len() >= ROWS {
            return;
        }
        if let Err(at) = self.brief.binary_search_by_key(&row.pid, |row| row.pid) {
            self.brief.insert(at, row);
        }
    }

    /// Whether the table is whole as far as it is known, so that who is not in it is not of it.
    pub(super) fn has_table(&self) -> bool {
        let is_full = self.brief.len() >= ROWS;
        !self.brief.is_empty() && !self.rows_lost && !self.no_columns && !is_full
    }

    /// Who is certainly or probably killed, as far as it is known.
    pub(super) fn victim_pid(&self) -> Option<u64> {
        self.killed.as_ref().map(|victim| victim.task.pid).or(self.summary.as_ref().map(|task| task.pid))
    }
}

/// Text of a log, its escapes undone.
pub(super) fn text(bytes: &[u8]) -> Text {
    let bytes = bytes.get(..TEXT).unwrap_or(bytes);
    let mut buf = vec![0; bytes.len()];
    let len = crate::oomlog::escape::unescape(bytes, &mut buf).len();
    buf.truncate(len);
    buf
}
