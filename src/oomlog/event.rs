//! One OOM event: what its lines said, owned, and what they left unsaid.

mod memory;
mod tasks;

pub use memory::{Blocks, Counter, Counters, Machine, Named, Node, Zone};
pub use tasks::{PageTables, Ranked, Row, Scale, Table, Task, Victim};

use super::record::When;
use crate::parse::version::{self, Version};
use crate::units::PageSize;

/// Text as it was printed, its escapes undone.
pub type Text = Vec<u8>;

/// Where a line is in what is read: its number, from 1; with [`BYTES`], that of its first byte, from 1.
pub type Position = u64;

/// Set in the position of a line so far into a log that lines are not counted any more.
pub const BYTES: Position = 1 << 39;

/// Set in the position of a record of the live log, which has the kernel's sequence number.
pub const RECORDS: Position = 1 << 38;

/// A position for people: `line 50`, or `byte 987654321` as `tail -c +987654321` takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// A line's number.
    Line(u64),
    /// The number of its first byte.
    Byte(u64),
    /// The kernel's number of the record.
    Record(u64),
}

impl Mark {
    /// What a position says.
    #[must_use]
    pub const fn of(position: Position) -> Self {
        if position & BYTES != 0 {
            Self::Byte(position & !BYTES)
        } else if position & RECORDS != 0 {
            Self::Record(position & !RECORDS)
        } else {
            Self::Line(position)
        }
    }
}

impl core::fmt::Display for Mark {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Byte(number) => write!(f, "byte {number}"),
            Self::Record(number) => write!(f, "record {number}"),
        }
    }
}

/// All that a log says about one OOM event. `None` is what it does not say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Event {
    /// When the first line was printed.
    pub when: Stamp,
    /// When the line was printed that says how it ended: a log that begins in the middle of the report has that one, too.
    pub ended: Stamp,
    /// Who asked for memory.
    pub trigger: Trigger,
    /// Whether a person asked for a kill, by SysRq f: no allocation had failed.
    pub by_hand: bool,
    /// Whether memory was short everywhere, or for some.
    pub constraint: Constraint,
    /// Which words say so.
    pub known_by: Option<KnownBy>,
    /// The cgroup whose limit it is.
    pub memcg: Option<Text>,
    /// The cgroup of the victim, or of the trigger before Linux 5.0.
    pub task_memcg: Option<Text>,
    /// The memory cgroup's counters.
    pub counters: Counters,
    /// The machine's memory.
    pub machine: Machine,
    /// Who was killed, or would have been: see `outcome`.
    pub victim: Option<Victim>,
    /// Who was selected, when another was killed, or when nothing tells who was.
    pub selected: Option<Task>,
    /// The badness that `Kill process` names, before Linux 5.1.
    pub score: Option<u64>,
    /// The first of those killed after the victim by memory.oom.group, in the log's order: [`Event::GROUP`] at most.
    pub group: Vec<Task>,
    /// How many there were.
    pub group_count: u64,
    /// Whether the kernel says that it kills who asked for memory (vm.oom_kill_allocating_task).
    pub is_of_allocating: bool,
    /// The cgroup with memory.oom.group set.
    pub group_memcg: Option<Text>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why the kernel panicked.
    pub panic: Option<Text>,
    /// What the table of tasks adds up to.
    pub table: Table,
    /// Whether the victim's memory was taken back by the oom_reaper.
    pub reaped: bool,
    /// Bytes in a page, from sizes that are printed in both units.
    pub page_size: Option<PageSize>,
    /// What badness was held against, when the log says.
    pub scale: Option<Scale>,
    /// The machine's name, where the transport says it.
    pub host: Option<Text>,
    /// The boot, where the journal says it.
    pub boot_id: Option<Text>,
    /// The kernel's release.
    pub release: Option<Text>,
    /// Whether the kernel says that it was built without compaction.
    pub lacks_compaction: bool,
    /// Whether what stands before its lines is of no form that is known, so that anybody may have written them.
    pub is_unverified: bool,
    /// The lines that this rests on.
    pub lines: Evidence,
    /// What is missing, in the report's order.
    pub missing: Vec<Missing>,
}

/// The times in a line's prefixes, owned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stamp {
    /// Since boot, in microseconds.
    pub boot_us: Option<u64>,
    /// The wall clock time as it is written.
    pub wall: Option<Text>,
    /// The same since 1970 in microseconds.
    pub wall_us: Option<i64>,
}

impl Stamp {
    /// What a record's prefixes say.
    #[must_use]
    pub fn of(when: &When<'_>) -> Self {
        Self { boot_us: when.boot_us, wall: when.wall.map(Vec::from), wall_us: when.wall_us }
    }
}

/// The allocation that could not be met.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trigger {
    /// Who asked.
    pub comm: Option<Text>,
    /// Its thread id.
    pub pid: Option<u64>,
    /// The allocation's flags, as bits.
    pub gfp_mask: Option<u64>,
    /// Their names.
    pub gfp_flags: Option<Text>,
    /// The nodes that it could come from.
    pub nodemask: Option<Text>,
    /// The cpuset of who asked.
    pub cpuset: Option<Text>,
    /// The nodes that the cpuset allows.
    pub mems_allowed: Option<Text>,
    /// 2^order pages; -1 for SysRq.
    pub order: Option<i64>,
    /// The asking task's oom_score_adj.
    pub adj: Option<i64>,
}

/// What was short of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Constraint {
    /// The whole system.
    None,
    /// A memory cgroup.
    Memcg,
    /// The nodes of a cpuset.
    Cpuset,
    /// The nodes of a memory policy.
    Mempolicy,
    /// The log does not say, or in a word that nobody knows.
    #[default]
    Unknown,
}

/// How the constraint is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KnownBy {
    /// The `oom-kill:` line.
    Summary,
    /// A memory cgroup's report.
    MemcgReport,
    /// The call trace: mem_cgroup_out_of_memory() called the OOM killer.
    CallTrace,
    /// The words of the kill line.
    KillLine,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outcome {
    /// A kill line says who was killed.
    Killed,
    /// The kernel panicked.
    Panic,
    /// Nobody could be killed.
    NoneKillable,
    /// The log ends before it, or lost it.
    #[default]
    Unknown,
}

/// The lines that an event rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    /// The first one.
    pub first: Position,
    /// The last one.
    pub last: Position,
    /// `invoked oom-killer`.
    pub header: Option<Position>,
    /// The memory cgroup's usage and limit.
    pub usage: Option<Position>,
    /// The first of the cgroup's statistics.
    pub stats: Option<Position>,
    /// `Mem-Info:`, or its first line.
    pub machine: Option<Position>,
    /// `Total swap`, or the cgroup's `swap: usage`.
    pub swap: Option<Position>,
    /// The table's header, or its first row.
    pub table: Option<Position>,
    /// `oom-kill:`.
    pub summary: Option<Position>,
    /// `Kill process`.
    pub selected: Option<Position>,
    /// `Killed process`, the panic, or that nobody could be killed.
    pub end: Option<Position>,
}

/// Why something is missing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Missing {
    /// No `invoked oom-killer` line: cut off, lost, or rate-limited.
    Header,
    /// Two reports are mixed, and nothing tells whose trigger and memory these are.
    Mixed,
    /// Neither a memory cgroup's report nor Mem-Info.
    Memory,
    /// No table of tasks: cut off, lost, or vm.oom_dump_tasks is 0.
    Table,
    /// Rows without their header, which names the columns.
    Columns,
    /// Rows that were cut, or may be of another report.
    Rows,
    /// Messages that the log says are missing in the middle of it.
    Lines,
    /// Counts of memory without which others are not what they seem.
    Counts,
    /// No kill line, and no other end.
    End,
    /// Parts of the victim's memory.
    Sizes,
}

impl Event {
    /// Tasks that are kept of a table.
    pub const TOP: usize = 10;

    /// Members of a group that are kept.
    pub const GROUP: usize = 1024;

    /// Counts that are kept of a report; 7.2 prints 60 for a cgroup.
    pub const STATS: usize = 96;

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The kernel's version, when the log names its release.
    #[must_use]
    pub fn kernel(&self) -> Option<Version> {
        version::parse(self.release.as_deref()?)
    }
}
