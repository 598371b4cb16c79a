//! What the host is like at one moment.

use crate::fixed::Fixed;
use crate::parse::meminfo::Meminfo;
use crate::parse::pressure::Pressure;
use crate::parse::vmstat::Vmstat;
use crate::sys::clock::Now;
use crate::units::{Bytes, Percent};

/// Swap areas, NUMA zones and slab caches that there is room for; more are counted in [`Sample::unlisted`].
pub const SWAPS: usize = 16;
/// Zones: three or four a node.
pub const ZONES: usize = 32;
/// The largest slab caches.
pub const SLABS: usize = 10;

/// What the host is like at one moment. What could not be read is `None` or empty.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When.
    pub now: Now,
    /// /proc/meminfo.
    pub meminfo: Meminfo,
    /// /proc/pressure/memory.
    pub pressure: Pressure,
    /// Counters of /proc/vmstat since boot.
    pub counters: Vmstat,
    /// The same since the sample before; all `None` in the first.
    pub delta: Vmstat,
    /// Swap areas.
    pub swaps: [Option<Swap>; SWAPS],
    /// All zram devices together.
    pub zram: Option<Zram>,
    /// Zones of /proc/buddyinfo.
    pub zones: [Option<Zone>; ZONES],
    /// The largest slab caches, the largest first (/proc/slabinfo, for root only).
    pub slabs: [Option<Slab>; SLABS],
    /// Open files of the system and how many there may be (/proc/sys/fs/file-nr).
    pub files: Option<(u64, u64)>,
    /// Swap areas and zones without room.
    pub unlisted: u64,
}

/// A swap area: a line of /proc/swaps.
#[derive(Clone, Debug)]
pub struct Swap {
    /// Its device or file.
    pub path: Fixed<64>,
    /// Its size.
    pub size: Bytes,
    /// How much of it is used.
    pub used: Bytes,
}

/// zram devices together: /sys/block/zram*/mm_stat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zram {
    /// What was written to them.
    pub stored: Bytes,
    /// The memory that they take for that.
    pub used: Bytes,
}

/// A zone of a NUMA node.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The node.
    pub node: u32,
    /// `DMA32`, `Normal`, `Movable`.
    pub name: Fixed<16>,
    /// Free blocks of 2^order pages, by order.
    pub free: [u64; 11],
    /// How much of its free memory is in blocks too small for 2 MiB (order 9): the unusable free space index of mm/vmstat.c.
    pub unusable: Option<Percent>,
}

/// A slab cache.
#[derive(Clone, Debug)]
pub struct Slab {
    /// `dentry`.
    pub name: Fixed<32>,
    /// Objects in use.
    pub active: u64,
    /// Objects that there is room for.
    pub objects: u64,
    /// The memory of its slabs.
    pub size: Bytes,
}

impl Sample {
    /// What is used: all that is not available; `None` without MemAvailable.
    #[must_use]
    pub fn used(&self) -> Option<Bytes> {
        Some(Bytes(
            self.meminfo
                .total?
                .0
                .saturating_sub(self.meminfo.available?.0),
        ))
    }

    /// The same as a share of MemTotal.
    #[must_use]
    pub fn used_percent(&self) -> Option<Percent> {
        Percent::of(self.used()?, self.meminfo.total?)
    }

    /// How much swap is used.
    #[must_use]
    pub fn swap_used(&self) -> Option<Bytes> {
        let (total, free) = (self.meminfo.swap_total?, self.meminfo.swap_free?);
        Some(Bytes(total.0.saturating_sub(free.0)))
    }

    /// The zone whose free memory is in the smallest pieces.
    #[must_use]
    pub fn most_fragmented(&self) -> Option<&Zone> {
        self.zones.iter().flatten().max_by_key(|zone| zone.unusable)
    }
}
