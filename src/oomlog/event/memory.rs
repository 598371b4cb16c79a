//! The memory that ran short: a cgroup's, or the machine's.

use super::{Position, Text};
use crate::parse::cgroup::Version;
use crate::parse::memcg::Limit;
use crate::units::Bytes;

/// One counter of a memory cgroup.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counter {
    /// In use.
    pub usage: Option<Bytes>,
    /// Its limit, as far as the log says it.
    pub limit: Option<Limit>,
    /// How often the limit was hit.
    pub failcnt: Option<u64>,
}

impl Counter {
    /// The limit that it has; `None` where it has none, or the log does not say.
    #[must_use]
    pub fn limited_to(&self) -> Option<Bytes> {
        self.limit?.size()
    }
}

/// A memory cgroup's counters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Which kind of cgroup it is, by what is printed of it.
    pub version: Option<Version>,
    /// `memory`.
    pub memory: Option<Counter>,
    /// `memory+swap`, v1.
    pub memory_swap: Option<Counter>,
    /// `kmem`, v1.
    pub kmem: Option<Counter>,
    /// `swap`, v2.
    pub swap: Option<Counter>,
    /// Its statistics, in bytes; at most [`Event::STATS`](super::Event::STATS).
    pub stats: Vec<(Text, u64)>,
}

/// The machine's memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Machine {
    /// `active_anon:..` and the like, in pages; at most [`Event::STATS`](super::Event::STATS).
    pub counts: Vec<(Text, u64)>,
    /// The zones; at most [`Event::STATS`](super::Event::STATS).
    pub zones: Vec<Zone>,
    /// The nodes, Linux 4.8; at most [`Event::STATS`](super::Event::STATS).
    pub nodes: Vec<Node>,
    /// `Unreclaimable slab info:`, the largest; at most [`Event::TOP`](super::Event::TOP).
    pub slabs: Vec<Named>,
    /// `Memory allocations:` (Linux 6.10), the largest; at most [`Event::TOP`](super::Event::TOP).
    pub allocations: Vec<Named>,
    /// Pages of RAM.
    pub ram_pages: Option<u64>,
    /// Pages that the kernel keeps.
    pub reserved_pages: Option<u64>,
    /// Pages of cache.
    pub cache_pages: Option<u64>,
    /// Swap that is free.
    pub swap_free: Option<Bytes>,
    /// All swap; 0 is none.
    pub swap_total: Option<Bytes>,
    /// Huge pages, used or not.
    pub huge: Option<Bytes>,
}

/// Something of the kernel's that has a name and a size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// Its name, as it is printed.
    pub name: Text,
    /// What it takes.
    pub size: Bytes,
}

/// A node's counts that are not among the machine's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Node {
    /// The line that says so, or its first zone's.
    pub line: Position,
    /// Its number; kernels without NUMA name none.
    pub node: Option<u64>,
    /// `kernel_stack`.
    pub kernel_stack: Option<Bytes>,
    /// `all_unreclaimable?`: reclaim has given up.
    pub all_unreclaimable: Option<bool>,
}

/// A zone's free blocks that everybody may have: how many of 1, 2, 4 and so on pages.
pub type Blocks = [u64; 16];

/// A zone's watermarks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    /// The line that says so.
    pub line: Position,
    /// `lowmem_reserve[]`, in pages: what allocations for higher zones must leave. Which of them counts depends on the allocation.
    pub lowmem_reserve: Option<[u64; 6]>,
    /// Its free blocks by order.
    pub blocks: Option<Blocks>,
    /// Its node.
    pub node: Option<u64>,
    /// Its name.
    pub name: Text,
    /// Free memory.
    pub free: Option<Bytes>,
    /// Of it what only movable pages may take (CMA).
    pub free_cma: Option<Bytes>,
    /// Of it what only atomic allocations may take.
    pub reserved_highatomic: Option<Bytes>,
    /// The watermark below which only the kernel's own needs are met.
    pub min: Option<Bytes>,
    /// The watermark below which reclaim begins.
    pub low: Option<Bytes>,
    /// The watermark up to which it goes on.
    pub high: Option<Bytes>,
    /// What the allocator manages.
    pub managed: Option<Bytes>,
    /// The physical pages in it.
    pub present: Option<Bytes>,
}
