//! What the host is like at one moment.

use core::time::Duration;

use super::unread::{Origin, Unread};
use crate::error::{Absent, Source};
use crate::fixed::Fixed;
use crate::host::{BLOCK, Host, zram_devices};
use crate::largest::keep;
use crate::parse::meminfo::Meminfo;
use crate::parse::pressure::Pressure;
use crate::parse::vmstat::Vmstat;
use crate::parse::{buddyinfo, file_nr, slabinfo, swaps, unescape};
use crate::sys::clock::{Now, monotonic};
use crate::sys::kept::Kept;
use crate::units::{Bytes, Percent};

pub use crate::parse::mm_stat::Zram;

/// Swap areas, NUMA zones and slab caches that there is room for; more are counted in [`Sample::unlisted`].
pub const SWAPS: usize = 16;
/// Zones: three or four a node.
pub const ZONES: usize = 32;
/// The largest slab caches.
pub const SLABS: usize = 10;

/// How long what is known of slab caches is good enough.
///
/// The kernel holds slab_mutex while it prints them, for which whoever creates or drops a cache waits (a container that starts, a
/// module), and the lock of each cache's list while it counts what is free, for which whoever allocates waits. 237 caches take 0.55 ms of CPU, 8 times
/// as much as all the rest of a sample.
pub const SLAB_PAUSE: Duration = Duration::from_secs(30);

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
    /// The same since the last sample before it that could read them, so that none is lost; all `None` in the first.
    pub delta: Vmstat,
    /// Swap areas.
    pub swaps: [Option<Swap>; SWAPS],
    /// All zram devices together (/sys/block/zram*/mm_stat).
    pub zram: Option<Zram>,
    /// Zones of /proc/buddyinfo.
    pub zones: [Option<Zone>; ZONES],
    /// The largest slab caches, the largest first (/proc/slabinfo, for root only), as of up to [`SLAB_PAUSE`] ago.
    pub slabs: [Option<Slab>; SLABS],
    /// Open files of the system and how many there may be (/proc/sys/fs/file-nr).
    pub files: Option<(u64, u64)>,
    /// Swap areas and zones without room.
    pub unlisted: u64,
    /// Why what is missing could not be read.
    pub unread: Unread,
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

/// A zone of a NUMA node.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The node.
    pub node: u32,
    /// `DMA32`, `Normal`, `Movable`.
    pub name: Fixed<16>,
    /// Free blocks of 2^order pages, by order.
    pub free: buddyinfo::Free,
    /// How much of its free memory is in blocks too small for 2 MiB (order 9 of pages of 4 KiB): the unusable free space index of
    /// mm/vmstat.c. `None`: nothing of it is free.
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
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            now: Now::read(),
            meminfo: Meminfo::default(),
            pressure: Pressure::default(),
            counters: Vmstat::default(),
            delta: Vmstat::default(),
            swaps: [const { None }; SWAPS],
            zram: None,
            zones: [const { None }; ZONES],
            slabs: [const { None }; SLABS],
            files: None,
            unlisted: 0,
            unread: Unread::NONE,
        }
    }

    /// What is used, as a share of MemTotal; `None` without MemAvailable.
    #[must_use]
    pub fn used_percent(&self) -> Option<Percent> {
        Percent::of(self.meminfo.used()?, self.meminfo.total?)
    }

    /// The zone whose free memory is in the smallest pieces.
    #[must_use]
    pub fn most_fragmented(&self) -> Option<&Zone> {
        self.zones.iter().flatten().max_by_key(|zone| zone.unusable)
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a [`Sample`] comes from: files that stay open.
#[derive(Debug)]
pub struct Sources {
    swaps: Kept,
    buddyinfo: Kept,
    slabinfo: Kept,
    files: Kept,
    /// When slab caches were looked at last, on the steady clock.
    slabs_at: Option<Duration>,
    /// Why they could not be read then.
    slabs_unread: Option<Absent>,
    /// The counters when they were read last.
    counted: Vmstat,
}

impl Sources {
    /// Opens and reads all of it once: what was read before can be read where nothing can be opened.
    pub fn arm(host: &mut Host) -> Self {
        let mut this = Self {
            swaps: Kept::new(c"swaps"),
            buddyinfo: Kept::new(c"buddyinfo"),
            slabinfo: Kept::new(c"slabinfo"),
            files: Kept::new(c"sys/fs/file-nr"),
            slabs_at: None,
            slabs_unread: None,
            counted: Vmstat::default(),
        };
        this.read(host, &mut Sample::new());
        // Whoever asks next has no caches yet, and no sample before.
        this.slabs_at = None;
        this.counted = Vmstat::default();
        this
    }

    /// Looks at the host, in the place of the sample before. 90 us of CPU, two thirds of it
    /// the kernel's; with slab caches 0.6 ms (6.18, 2 CPUs, 237 caches, 192 lines of vmstat).
    pub fn read(&mut self, host: &mut Host, into: &mut Sample) {
        into.now = Now::read();
        host.look_for_arc();
        // What can't be read is not known, here and below, and it is known why.
        let unread = &mut into.unread;
        let meminfo = host.meminfo().map(|meminfo| host.with_lists(meminfo));
        into.meminfo = unread.take(Origin::Meminfo, meminfo);
        if into.meminfo.total.is_some() && into.meminfo.available.is_none() {
            unread.note(Origin::Meminfo, Some(Source::proc(c"meminfo").lacks("MemAvailable")));
        }
        into.pressure = unread.take(Origin::Pressure, host.pressure());
        let mut counters = Vmstat::default();
        let read = host.vmstat(&mut counters).map(|()| counters);
        into.counters = unread.take(Origin::Vmstat, read);
        into.delta = into.counters.since(self.counted);
        if read.is_ok() {
            self.counted = into.counters;
        }
        into.zram = zram_devices(BLOCK);
        let files = self.files(host);
        into.files = unread.take(Origin::FileNr, files.map(Some));
        into.unlisted = 0;
        let read = self.swaps(host, into);
        into.unread.take(Origin::Swaps, read);
        let read = self.zones(host, into);
        into.unread.take(Origin::Buddyinfo, read);
        let now = monotonic();
        if self.slabs_at.is_none_or(|at| now.saturating_sub(at) >= SLAB_PAUSE) {
            self.slabs_at = Some(now);
            self.slabs_unread = self.slabs(host, into).err();
        }
        into.unread.note(Origin::Slabinfo, self.slabs_unread);
    }

    fn files(&mut self, host: &Host) -> Result<(u64, u64), Absent> {
        let mut buf = [0; 128];
        let source = Source::proc(self.files.name());
        let text = self.files.once(&host.proc, &mut buf).map_err(|errno| source.failed(errno))?;
        if text.is_empty() {
            return Err(source.empty());
        }
        file_nr::parse(text).ok_or(Absent::Malformed)
    }

    fn swaps(&mut self, host: &Host, into: &mut Sample) -> Result<(), Absent> {
        into.swaps.iter_mut().for_each(|swap| *swap = None);
        let mut each = |line: &[u8]| {
            let Some(found) = swaps::line(line) else {
                return;
            };
            let mut path = Fixed::new();
            unescape(found.name, &mut |byte| _ = path.push(&[byte]));
            let swap = Swap { path, size: found.size, used: found.used };
            into.unlisted += put(&mut into.swaps, swap);
        };
        each_line(&mut self.swaps, host, &mut each)
    }

    fn zones(&mut self, host: &Host, into: &mut Sample) -> Result<(), Absent> {
        let order = buddyinfo::two_mib(host.page);
        into.zones.iter_mut().for_each(|zone| *zone = None);
        let mut each = |line: &[u8]| {
            let Some(found) = buddyinfo::line(line) else {
                return;
            };
            let zone = Zone {
                node: found.node,
                name: Fixed::of(found.name),
                free: found.free,
                unusable: buddyinfo::unusable(&found.free, order),
            };
            into.unlisted += put(&mut into.zones, zone);
        };
        each_line(&mut self.buddyinfo, host, &mut each)
    }

    fn slabs(&mut self, host: &Host, into: &mut Sample) -> Result<(), Absent> {
        into.slabs.iter_mut().for_each(|slab| *slab = None);
        let mut each = |line: &[u8]| {
            let cache = slabinfo::line(line, host.page);
            // One without slabs is none of the largest, however few there are.
            if let Some(cache) = cache.filter(|cache| cache.size.0 > 0) {
                let slab = Slab {
                    name: Fixed::of(cache.name),
                    active: cache.active,
                    objects: cache.objects,
                    size: cache.size,
                };
                keep(&mut into.slabs, slab, |slab| slab.size);
            }
        };
        each_line(&mut self.slabinfo, host, &mut each)
    }
}

/// Hands each line of a file of `/proc` to `each`; none of these files is empty in any kernel.
fn each_line(file: &mut Kept, host: &Host, each: &mut dyn FnMut(&[u8])) -> Result<(), Absent> {
    let (mut lines, source) = (0_u64, Source::proc(file.name()));
    let read = file.each_line(&host.proc, &mut |line| {
        lines += 1;
        each(line);
    });
    read.map_err(|errno| source.failed(errno))?;
    if lines == 0 { Err(source.empty()) } else { Ok(()) }
}

/// Puts it into the first empty place. How many had none: 0 or 1.
fn put<T>(places: &mut [Option<T>], what: T) -> u64 {
    match places.iter_mut().find(|place| place.is_none()) {
        Some(place) => {
            *place = Some(what);
            0
        }
        None => 1,
    }
}
