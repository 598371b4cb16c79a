//! Which tables there are, and what stands in them.

mod described;

use core::time::Duration;

pub use described::{ALERTS, CGROUPS, FRAGMENTATION, KINDS, MEMORY, PRESSURE, PROCESSES, SWAP};

use super::alerts::{Alert, Change, Kind};
use super::crowd::{By, Crowd, Growth, Row};
use super::groups::Group;
use super::sample::Sample;
use super::sheet::Writer;
use crate::parse::arcstats::ZfsCache;
use crate::parse::cgroup::{PodUid, owner};
use crate::parse::meminfo::Use;
use crate::parse::pressure::Stall;
use crate::units::{Bytes, Percent, Pid, micros};

/// Processes that can be put in an order: a [`Crowd`].
pub trait Ranked {
    /// The first `count` by something; those that have none of it are left out.
    fn each_top<'c>(&'c self, by: By, count: usize, each: &mut dyn FnMut(&'c Row));
    /// How one grows.
    fn growth(&self, row: &Row) -> Option<Growth>;
}

impl Ranked for Crowd {
    fn each_top<'c>(&'c self, by: By, count: usize, each: &mut dyn FnMut(&'c Row)) {
        Self::each_top(self, by, count, each);
    }

    fn growth(&self, row: &Row) -> Option<Growth> {
        Self::growth(self, row)
    }
}

/// Processes, and what is known of each beside its row.
#[derive(Clone, Copy)]
pub struct Growing<'a> {
    /// All of them.
    pub all: &'a dyn Ranked,
    /// How long memory, or its cgroup's limit, lasts if it grows on like that.
    pub left: &'a dyn Fn(&Row, &Growth) -> Option<Duration>,
}

pub(super) fn size(size: Option<Bytes>) -> Option<u64> {
    size.map(|size| size.0)
}

fn share(share: Option<Percent>) -> Option<u64> {
    share.map(|share| share.hundredths)
}

pub(super) fn pid(pid: Pid) -> Option<u64> {
    Some(pid.get().unsigned_abs().into())
}

/// All numbers of a sample, in the order of the tables: [`MEMORY`], the host's of [`SWAP`], [`PRESSURE`] with its differences, then
/// the counters since boot, and what only Prometheus gets.
#[derive(Debug)]
pub struct Numbers(pub [Option<u64>; 49]);

/// Where these begin.
pub(super) const SWAPPED: usize = 8;
pub(super) const STALLED: usize = 15;
pub(super) const DELTA: usize = 23;
pub(super) const COUNTERS: usize = 33;
pub(super) const OTHERS: usize = 43;

impl Numbers {
    /// Those of `sample`.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        let mut all = Self([None; 49]);
        let meminfo = &sample.meminfo;
        let zram = sample.zram;
        let ratio = zram.and_then(|zram| Percent::of(zram.stored, zram.used));
        let of_memory = [
            meminfo.total,
            sample.meminfo.used(),
            meminfo.free,
            meminfo.available,
            meminfo.uses.of(Use::Buffers),
            meminfo.uses.of(Use::Cached),
            sample.used_percent().map(|share| Bytes(share.hundredths)),
            None,
            meminfo.swap_total,
            meminfo.swap_free,
            sample.delta.swapped_in.map(Bytes),
            sample.delta.swapped_out.map(Bytes),
            zram.map(|zram| zram.stored),
            zram.map(|zram| zram.used),
            // 100 % is 1.00.
            ratio.map(|ratio| Bytes(ratio.hundredths / 100)),
        ];
        all.set(0, &of_memory.map(size));
        let stalls = [sample.pressure.some, sample.pressure.full];
        for (number, stall) in stalls.into_iter().enumerate() {
            if let Some(Stall { average, total }) = stall {
                let [ten, sixty, three_hundred] = average;
                let numbers = [ten, sixty, three_hundred, total].map(Some);
                all.set(STALLED + number * 4, &numbers);
            }
        }
        for (at, counts) in [(DELTA, &sample.delta), (COUNTERS, &sample.counters)] {
            let counts = [
                counts.scanned,
                counts.scanned_direct,
                counts.stolen,
                counts.stalls,
                counts.major_faults,
                counts.swapped_in,
                counts.swapped_out,
                counts.oom_kills,
                counts.compact_stalls,
                counts.compact_fails,
            ];
            all.set(at, &counts);
        }
        let files = sample.files;
        let others = [
            size(sample.meminfo.swap_used()),
            files.map(|(open, _)| open),
            files.map(|(_, most)| most),
            Some(micros(sample.now.realtime)),
        ];
        all.set(OTHERS, &others);
        all
    }

    #[inline(never)]
    fn set(&mut self, at: usize, numbers: &[Option<u64>]) {
        for (slot, number) in self.0.iter_mut().skip(at).zip(numbers) {
            *slot = *number;
        }
    }

    /// From one place to another.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> &[Option<u64>] {
        self.0.get(from..to).unwrap_or_default()
    }
}

/// [`MEMORY`]: one row. Its largest process is given.
pub fn memory(sample: &Sample, top: Option<&Row>, to: &mut Writer<'_, '_>) {
    let mut numbers = Numbers::of(sample);
    numbers.0[7] = top.map(|row| row.rss.0);
    let comm = top.map(|row| row.comm.as_bytes());
    to.row(numbers.part(0, SWAPPED), &[comm.unwrap_or_default()]);
}

/// [`PROCESSES`]: the `most` largest by RSS.
pub fn processes(processes: &Growing<'_>, most: usize, to: &mut Writer<'_, '_>) {
    processes.all.each_top(By::Rss, most, &mut |row| {
        let growth = processes.all.growth(row);
        let left = growth.and_then(|growth| (processes.left)(row, &growth));
        let numbers = [
            pid(row.pid),
            Some(row.threads),
            Some(row.rss.0),
            Some(row.anon().0),
            size(row.swap),
            Some(row.vsz.0),
            row.fds,
            growth.map(|growth| growth.per_second.cast_unsigned()),
            growth.map(|growth| growth.r2.0.into()),
            left.map(micros),
            size(row.pss),
            size(row.uss),
            size(row.hugetlb),
            Some(row.freeable().0),
        ];
        to.row(&numbers, &[row.comm.as_bytes(), &[row.state]]);
    });
}

/// [`CGROUPS`], in their order.
pub fn cgroups(groups: &[Group], to: &mut Writer<'_, '_>) {
    for group in groups {
        let path = group.path.as_bytes();
        let owner = owner(path);
        let numbers = [
            size(group.usage),
            size(group.limit),
            share(group.percent()),
            size(group.peak),
            size(group.anon),
            size(group.file),
            size(group.kernel),
            size(group.sock),
            group.full.map(|full| full.avg10()),
            group.max,
            group.oom,
            group.oom_kills,
        ];
        let pod = owner.pod.map(PodUid::text).unwrap_or_default();
        let [container, unit] = [owner.container, owner.unit].map(Option::unwrap_or_default);
        to.row(&numbers, &[path, container, pod.as_bytes(), unit]);
    }
}

/// [`FRAGMENTATION`]: zones, then caches, then what the kernel has beside them.
pub fn fragmentation(sample: &Sample, to: &mut Writer<'_, '_>) {
    for zone in sample.zones.iter().flatten() {
        let mut numbers = [None; 13];
        numbers[0] = Some(zone.node.into());
        numbers[1] = share(zone.unusable);
        for (number, free) in numbers[2..].iter_mut().zip(zone.free) {
            *number = Some(free);
        }
        to.row(&numbers, &[zone.name.as_bytes()]);
    }
    to.begin(1);
    for slab in sample.slabs.iter().flatten() {
        let numbers = [slab.size.0, slab.active, slab.objects].map(Some);
        to.row(&numbers, &[slab.name.as_bytes()]);
    }
    to.begin(2);
    let uses =
        [Use::SlabReclaimable, Use::SlabUnreclaimable, Use::PageTables, Use::KernelStacks, Use::Percpu, Use::Vmalloc];
    let mut sizes = [None; 8];
    let arc = sample.meminfo.arc;
    let known = uses.map(|of| sample.meminfo.uses.of(of)).into_iter();
    let known = known.chain([arc.map(|arc| arc.size), arc.map(ZfsCache::reclaimable)]);
    for (slot, known) in sizes.iter_mut().zip(known) {
        *slot = size(known);
    }
    if sizes.iter().any(Option::is_some) {
        to.row(&sizes, &[]);
    }
}

/// [`SWAP`]: the host, its areas, and the `most` processes that have most in them.
pub fn swap(sample: &Sample, processes: &Growing<'_>, most: usize, to: &mut Writer<'_, '_>) {
    to.row(Numbers::of(sample).part(SWAPPED, STALLED), &[]);
    to.begin(1);
    for area in sample.swaps.iter().flatten() {
        let used = share(Percent::of(area.used, area.size));
        let numbers = [Some(area.size.0), Some(area.used.0), used];
        to.row(&numbers, &[area.path.as_bytes()]);
    }
    to.begin(2);
    processes.all.each_top(By::Swap, most, &mut |row| {
        let numbers = [pid(row.pid), size(row.swap), Some(row.rss.0)];
        to.row(&numbers, &[row.comm.as_bytes()]);
    });
}

/// [`PRESSURE`]: one row.
pub fn pressure(sample: &Sample, to: &mut Writer<'_, '_>) {
    to.row(Numbers::of(sample).part(STALLED, COUNTERS), &[]);
}

/// [`ALERTS`]: a row.
pub fn alert(alert: &Alert, to: &mut Writer<'_, '_>) {
    let change: &[u8] = match alert.change {
        Change::Raised => b"raised",
        Change::Cleared => b"cleared",
    };
    let process = alert.process.as_ref();
    let comm = process.map(|(_, comm)| comm.as_bytes());
    to.row(
        &[process.and_then(|process| pid(process.0))],
        &[kind(alert.kind).as_bytes(), change, comm.unwrap_or_default(), alert.words.as_bytes()],
    );
}

/// What an alert is about, in a word.
#[must_use]
pub fn kind(kind: Kind) -> &'static str {
    KINDS.get(kind as usize).copied().unwrap_or_default()
}
