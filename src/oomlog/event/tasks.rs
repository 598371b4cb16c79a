//! Tasks by name, the victim, and the table of tasks, summed up and ranked.

use super::Text;
use crate::units::Bytes;

/// A process by name and number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    /// Its name, unless that was cut.
    pub comm: Option<Text>,
    /// Its pid.
    pub pid: u64,
}

/// Who was killed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Victim {
    /// Who.
    pub task: Task,
    /// Its process, where it is a thread of one whose first thread has exited.
    pub process: Option<u64>,
    /// Whose process it was.
    pub uid: Option<u32>,
    /// Its address space.
    pub total_vm: Option<Bytes>,
    /// Anonymous memory.
    pub anon_rss: Option<Bytes>,
    /// Memory of files.
    pub file_rss: Option<Bytes>,
    /// Shared memory.
    pub shmem_rss: Option<Bytes>,
    /// Its page tables.
    pub page_tables: Option<Bytes>,
    /// Its oom_score_adj.
    pub adj: Option<i64>,
    /// Whether parts of its resident memory are not there that this kernel prints: the kill line was cut, or shortened.
    pub lacks_rss: bool,
}

impl Victim {
    /// One of whom no more is said.
    #[must_use]
    pub const fn of(task: Task) -> Self {
        Self {
            task,
            process: None,
            uid: None,
            total_vm: None,
            anon_rss: None,
            file_rss: None,
            shmem_rss: None,
            page_tables: None,
            adj: None,
            lacks_rss: false,
        }
    }
}

/// What the table adds up to. Sizes are in pages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    /// Rows that are certainly of this event.
    pub rows: u64,
    /// The largest by RSS; at most [`Event::TOP`](super::Event::TOP).
    pub top: Vec<Row>,
    /// The largest by RSS and swap together; at most [`Event::TOP`](super::Event::TOP).
    pub top_with_swap: Vec<Row>,
    /// The worst by badness, of those that may be killed; at most [`Event::TOP`](super::Event::TOP). Empty when badness can't be told: before Linux
    /// 2.6.36, and when scores are adjusted and [`Event::scale`](super::Event::scale) is not known.
    pub worst: Vec<Ranked>,
    /// Those with oom_score_adj -1000: nobody may kill them. How many, and what they hold.
    pub unkillable: u64,
    /// Their RSS and swap.
    pub unkillable_pages: u64,
    /// The sum of RSS; shared memory counts once for each task.
    pub rss: u64,
    /// The sum of swap entries, as far as the kernel prints them.
    pub swap: u64,
}

/// A row of the table. Sizes are in pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Who.
    pub comm: Text,
    /// Its pid.
    pub pid: u64,
    /// Its user.
    pub uid: Option<u32>,
    /// Its address space.
    pub total_vm: Option<u64>,
    /// Its resident memory.
    pub rss: u64,
    /// Its swap entries.
    pub swap: Option<u64>,
    /// Its page tables.
    pub page_tables: Option<PageTables>,
    /// Its oom_score_adj.
    pub adj: Option<i64>,
}

/// The size of page tables, in the unit of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageTables {
    /// `nr_ptes` and what else there is, to Linux 4.14.
    Pages(u64),
    /// `pgtables_bytes`.
    Bytes(Bytes),
}

/// A row and its badness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranked {
    /// Who.
    pub row: Row,
    /// oom_badness() of mm/oom_kill.c, in pages: RSS, swap, page tables, and oom_score_adj thousandths of the scale.
    pub badness: i64,
}

/// The memory that oom_score_adj is thousandths of: what could be used, swap included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    /// In pages.
    pub pages: u64,
    /// Whether swap is in it as it was: a cgroup's report does not say how much swap the machine has.
    pub is_exact: bool,
}
