//! The memory that ran short: a cgroup's, or the machine's.

extern crate alloc;

use alloc::vec::Vec;

use super::Text;
use crate::units::Bytes;

/// One counter of a memory cgroup.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counter {
    /// In use.
    pub usage: Option<Bytes>,
    /// Its limit.
    pub limit: Option<Bytes>,
    /// How often the limit was hit.
    pub failcnt: Option<u64>,
}

/// A memory cgroup's counters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
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

/// A zone's watermarks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    /// Its node.
    pub node: Option<u64>,
    /// Its name.
    pub name: Text,
    /// Free memory.
    pub free: Option<Bytes>,
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
