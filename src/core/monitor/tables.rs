//! The tables of the files of a session, and what their rows are made of. Units stand in the names of CSV: `KB` is 1024 bytes, `us`
//! microseconds.

use core::time::Duration;

use super::alerts::{Alert, Change, Limits};
use super::groups::Group;
use super::process_table::{Growth, ProcessTable, Row, SortKey};
use super::sample::{Sample, Slab, Swap, Zone, Zram};
use crate::fixed::Fixed;
use crate::host::Numbers;
use crate::parse::arcstats::ZfsCache;
use crate::parse::cgroup::{Owner, PodUid, owner};
use crate::parse::meminfo::{Meminfo, Use};
use crate::parse::pressure::Stall;
use crate::report::table::Get::{Count, Known, Path, Rate, Share, Size, Span, Text, Thousandths, Words};
use crate::report::table::{Rows, Table, Writer, called, column};
use crate::report::{Severity, Value};
use crate::sample::number;
use crate::units::Percent;

/// Processes that can be put in an order: a [`ProcessTable`].
pub trait Ranked {
    /// The first `count` by something; those that have none of it are left out.
    fn each_top<'c>(&'c self, by: SortKey, count: usize, each: &mut dyn FnMut(&'c Row));
    /// How one grows.
    fn growth(&self, row: &Row) -> Option<Growth>;
}

impl Ranked for ProcessTable {
    fn each_top<'c>(&'c self, by: SortKey, count: usize, each: &mut dyn FnMut(&'c Row)) {
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

impl Rows for Sample {
    type Row<'r> = Self;
}

impl Rows for Row {
    type Row<'r> = Self;
}

// The host's memory

/// The host, and the largest of its processes.
pub struct OfMemory<'r> {
    sample: &'r Sample,
    top: Option<&'r Row>,
}

impl Rows for OfMemory<'static> {
    type Row<'r> = OfMemory<'r>;
}

/// The host's memory. Its names in CSV are the document's, letter by letter.
pub static MEMORY: Table<OfMemory<'static>> = Table {
    event: "memdoor.host.sample",
    title: "memory of the host",
    columns: &[
        column("Total_KB", 10, "system.memory.limit", Size(|of| of.sample.meminfo.total)),
        column("Used_KB", 10, "memdoor.host.used_bytes", Size(|of| of.sample.meminfo.used())),
        column("Free_KB", 10, "memdoor.host.free_bytes", Size(|of| of.sample.meminfo.free)),
        called("Available_KB", "Avail_KB", 10, "system.memory.linux.available", Size(|of| of.sample.meminfo.available)),
        column("Buffers_KB", 0, "memdoor.host.buffers_bytes", Size(|of| of.sample.meminfo.uses.of(Use::Buffers))),
        column("Cached_KB", 9, "memdoor.host.cached_bytes", Size(|of| of.sample.meminfo.uses.of(Use::Cached))),
        called("Usage_Percent", "Used_%", 6, "memdoor.host.used_percent", Share(|of| of.sample.used_percent())),
        called(
            "Top_Process",
            "Top",
            9,
            "memdoor.host.top.comm",
            Text(|of| of.top.map_or(b"", |row| row.comm.as_bytes())),
        ),
        called("Top_Process_Mem", "Top_KB", 9, "memdoor.host.top.rss_bytes", Size(|of| of.top.map(|row| row.rss))),
    ],
};

/// [`MEMORY`]: one row. Its largest process is given.
pub fn memory(sample: &Sample, top: Option<&Row>, to: &mut Writer<'_, '_>) {
    to.row(&MEMORY, &OfMemory { sample, top });
}

// Processes

/// A process, and how it grows.
pub struct OfProcess<'r> {
    row: &'r Row,
    growth: Option<Growth>,
    left: Option<Duration>,
}

impl Rows for OfProcess<'static> {
    type Row<'r> = OfProcess<'r>;
}

/// Processes.
pub static PROCESSES: Table<OfProcess<'static>> = Table {
    event: "memdoor.process.sample",
    title: "the largest processes",
    columns: &[
        column("PID", 7, "process.pid", Count(|one| number(one.row.pid))),
        column("Command", 15, "memdoor.process.comm", Text(|one| one.row.comm.as_bytes())),
        column("State", 5, "process.state", Text(|one| core::slice::from_ref(&one.row.state))),
        column("Threads", 0, "process.thread.count", Count(|one| Some(one.row.threads))),
        column("RSS_KB", 9, "process.memory.usage", Size(|one| Some(one.row.rss))),
        column("Anon_KB", 0, "memdoor.process.anon_bytes", Size(|one| Some(one.row.anon()))),
        column("Swap_KB", 8, "memdoor.process.swap_bytes", Size(|one| one.row.swap)),
        column("VSZ_KB", 0, "process.memory.virtual", Size(|one| Some(one.row.vsz))),
        column("FDs", 5, "process.open_file_descriptor.count", Count(|one| one.row.fds)),
        column("Growth_KB_s", 11, "memdoor.growth.bytes_per_second", Rate(|one| Some(one.growth?.per_second))),
        column("R2", 5, "memdoor.growth.r2", Thousandths(|one| Some(one.growth?.r2.0))),
        column("Left_s", 6, "memdoor.growth.left_us", Span(|one| one.left)),
        column("PSS_KB", 0, "memdoor.process.pss_bytes", Size(|one| one.row.pss)),
        column("USS_KB", 0, "memdoor.process.uss_bytes", Size(|one| one.row.uss)),
        column("Hugetlb_KB", 0, "memdoor.process.hugetlb_bytes", Size(|one| one.row.hugetlb)),
        column("Freeable_KB", 0, "memdoor.process.freeable_bytes", Size(|one| Some(one.row.freeable()))),
        column("Parent_PID", 0, "process.parent_pid", Count(|one| number(one.row.parent?))),
    ],
};

/// [`PROCESSES`]: the `most` largest by RSS.
pub fn processes(processes: &Growing<'_>, most: usize, to: &mut Writer<'_, '_>) {
    processes.all.each_top(SortKey::Rss, most, &mut |row| {
        let growth = processes.all.growth(row);
        let left = growth.and_then(|growth| (processes.left)(row, &growth));
        to.row(&PROCESSES, &OfProcess { row, growth, left });
    });
}

// Cgroups

/// A cgroup, and whose it is.
pub struct OfGroup<'r> {
    group: &'r Group,
    owner: Owner<'r>,
    pod: Fixed<40>,
}

impl Rows for OfGroup<'static> {
    type Row<'r> = OfGroup<'r>;
}

/// Cgroups.
pub static CGROUPS: Table<OfGroup<'static>> = Table {
    event: "memdoor.cgroup.sample",
    title: "cgroups",
    columns: &[
        column("Path", 28, "memdoor.cgroup.path", Path(|of| of.group.path.as_bytes())),
        column("Usage_KB", 10, "memdoor.cgroup.usage_bytes", Size(|of| of.group.usage)),
        column("Limit_KB", 10, "memdoor.cgroup.limit_bytes", Size(|of| of.group.limit)),
        column("Percent", 7, "memdoor.cgroup.used_percent", Share(|of| of.group.percent())),
        column("Peak_KB", 0, "memdoor.cgroup.peak_bytes", Size(|of| of.group.peak)),
        column("Anon_KB", 0, "memdoor.cgroup.anon_bytes", Size(|of| of.group.anon)),
        column("File_KB", 0, "memdoor.cgroup.file_bytes", Size(|of| of.group.file)),
        column("Kernel_KB", 0, "memdoor.cgroup.kernel_bytes", Size(|of| of.group.kernel)),
        column("Sock_KB", 0, "memdoor.cgroup.sock_bytes", Size(|of| of.group.sock)),
        column("Full_avg10", 10, "memdoor.cgroup.pressure.full.avg10", Share(|of| waited(of.group.full, 0))),
        column("Max", 0, "memdoor.cgroup.delta.max", Count(|of| of.group.max)),
        column("OOM", 0, "memdoor.cgroup.delta.oom", Count(|of| of.group.oom)),
        column("OOM_kills", 9, "memdoor.cgroup.delta.oom_kill", Count(|of| of.group.oom_kills)),
        column("Container", 0, "container.id", Text(|of| of.owner.container.unwrap_or_default())),
        column("Pod", 0, "k8s.pod.uid", Text(|of| of.pod.as_bytes())),
        column("Unit", 0, "service.name", Text(|of| of.owner.unit.unwrap_or_default())),
    ],
};

/// [`CGROUPS`], in their order.
pub fn cgroups(groups: &[Group], to: &mut Writer<'_, '_>) {
    for group in groups {
        let owner = owner(group.path.as_bytes());
        let pod = owner.pod.map(PodUid::text).unwrap_or_default();
        to.row(&CGROUPS, &OfGroup { group, owner, pod });
    }
}

// Free memory by its pieces, and what the kernel keeps its objects in

impl Rows for Zone {
    type Row<'r> = Self;
}

/// Zones of NUMA nodes.
pub static ZONES: Table<Zone> = Table {
    event: "memdoor.zone.sample",
    title: "free blocks by order",
    columns: &[
        called("Node", "N", 2, "memdoor.zone.node", Count(|zone| Some(zone.node.into()))),
        column("Zone", 8, "memdoor.zone.name", Text(|zone| zone.name.as_bytes())),
        called("Unusable_Percent", "Frag%", 6, "memdoor.zone.unusable_percent", Share(|zone| zone.unusable)),
        called("Order_0", "0", 5, "memdoor.zone.free.order_0", Count(|zone| Some(zone.free[0]))),
        called("Order_1", "1", 5, "memdoor.zone.free.order_1", Count(|zone| Some(zone.free[1]))),
        called("Order_2", "2", 5, "memdoor.zone.free.order_2", Count(|zone| Some(zone.free[2]))),
        called("Order_3", "3", 5, "memdoor.zone.free.order_3", Count(|zone| Some(zone.free[3]))),
        called("Order_4", "4", 5, "memdoor.zone.free.order_4", Count(|zone| Some(zone.free[4]))),
        called("Order_5", "5", 4, "memdoor.zone.free.order_5", Count(|zone| Some(zone.free[5]))),
        called("Order_6", "6", 4, "memdoor.zone.free.order_6", Count(|zone| Some(zone.free[6]))),
        called("Order_7", "7", 4, "memdoor.zone.free.order_7", Count(|zone| Some(zone.free[7]))),
        called("Order_8", "8", 4, "memdoor.zone.free.order_8", Count(|zone| Some(zone.free[8]))),
        called("Order_9", "9", 4, "memdoor.zone.free.order_9", Count(|zone| Some(zone.free[9]))),
        called("Order_10", "10", 4, "memdoor.zone.free.order_10", Count(|zone| Some(zone.free[10]))),
    ],
};

impl Rows for Slab {
    type Row<'r> = Self;
}

/// Slab caches.
pub static SLABS: Table<Slab> = Table {
    event: "memdoor.slab.sample",
    title: "the largest slab caches",
    columns: &[
        column("Cache", 32, "memdoor.slab.name", Text(|slab| slab.name.as_bytes())),
        column("Cache_KB", 12, "memdoor.slab.size_bytes", Size(|slab| Some(slab.size))),
        column("Active", 12, "memdoor.slab.active", Count(|slab| Some(slab.active))),
        column("Objects", 12, "memdoor.slab.objects", Count(|slab| Some(slab.objects))),
    ],
};

impl Rows for Meminfo {
    type Row<'r> = Self;
}

/// What the kernel has beside them.
pub static KERNEL: Table<Meminfo> = Table {
    event: "memdoor.kernel.sample",
    title: "the kernel's own memory",
    columns: &[
        column(
            "SReclaimable_KB",
            15,
            "memdoor.host.slab_reclaimable_bytes",
            Size(|of| of.uses.of(Use::SlabReclaimable)),
        ),
        column(
            "SUnreclaim_KB",
            13,
            "memdoor.host.slab_unreclaimable_bytes",
            Size(|of| of.uses.of(Use::SlabUnreclaimable)),
        ),
        column("PageTables_KB", 13, "memdoor.host.page_table_bytes", Size(|of| of.uses.of(Use::PageTables))),
        column("KernelStack_KB", 14, "memdoor.host.kernel_stack_bytes", Size(|of| of.uses.of(Use::KernelStacks))),
        column("Percpu_KB", 9, "memdoor.host.percpu_bytes", Size(|of| of.uses.of(Use::Percpu))),
        column("Vmalloc_KB", 10, "memdoor.host.vmalloc_bytes", Size(|of| of.uses.of(Use::Vmalloc))),
        column("ARC_KB", 0, "memdoor.host.arc_bytes", Size(|of| Some(of.arc?.size))),
        column(
            "ARC_can_shrink_KB",
            0,
            "memdoor.host.arc_reclaimable_bytes",
            Size(|of| of.arc.map(ZfsCache::reclaimable)),
        ),
    ],
};

/// [`ZONES`], then [`SLABS`], then [`KERNEL`].
pub fn fragmentation(sample: &Sample, to: &mut Writer<'_, '_>) {
    sample.zones.iter().flatten().for_each(|zone| to.row(&ZONES, zone));
    sample.slabs.iter().flatten().for_each(|slab| to.row(&SLABS, slab));
    if KERNEL.is_any_known(&sample.meminfo) {
        to.row(&KERNEL, &sample.meminfo);
    }
}

// Swap

/// The host's swap.
pub static SWAP: Table<Sample> = Table {
    event: "memdoor.host.sample",
    title: "swap of the host",
    columns: &[
        column("Total_KB", 10, "memdoor.host.swap_total_bytes", Size(|of| of.meminfo.swap_total)),
        column("Free_KB", 10, "memdoor.host.swap_free_bytes", Size(|of| of.meminfo.swap_free)),
        column("Pages_in", 10, "memdoor.host.delta.swapped_in_pages", Count(|of| of.delta.swapped_in)),
        column("Pages_out", 10, "memdoor.host.delta.swapped_out_pages", Count(|of| of.delta.swapped_out)),
        called("Zram_stored_KB", "Stored_KB", 10, "memdoor.host.zram_stored_bytes", Size(|of| Some(of.zram?.stored))),
        called("Zram_used_KB", "In_KB", 10, "memdoor.host.zram_used_bytes", Size(|of| Some(of.zram?.used))),
        called("Zram_ratio", "Ratio", 7, "memdoor.host.zram_ratio", Share(|of| ratio(of.zram?))),
    ],
};

/// How much less memory it takes: two digits, as a percentage has, and 100 % is 1.00.
fn ratio(zram: Zram) -> Option<Percent> {
    let ratio = Percent::of(zram.stored, zram.used)?;
    Some(Percent { hundredths: ratio.hundredths / 100 })
}

impl Rows for Swap {
    type Row<'r> = Self;
}

/// Its areas.
pub static AREAS: Table<Swap> = Table {
    event: "memdoor.swap.sample",
    title: "swap areas",
    columns: &[
        column("Area", 40, "memdoor.swap.path", Path(|area| area.path.as_bytes())),
        column("Size_KB", 12, "memdoor.swap.size_bytes", Size(|area| Some(area.size))),
        column("Used_KB", 12, "memdoor.swap.used_bytes", Size(|area| Some(area.used))),
        column("Percent", 8, "memdoor.swap.used_percent", Share(|area| Percent::of(area.used, area.size))),
    ],
};

/// Who has most in it.
pub static SWAPPED: Table<Row> = Table {
    event: "memdoor.process.sample",
    title: "the most swapped processes",
    columns: &[
        column("PID", 7, "process.pid", Count(|row| number(row.pid))),
        column("Command", 15, "memdoor.process.comm", Text(|row| row.comm.as_bytes())),
        column("Swap_KB", 12, "memdoor.process.swap_bytes", Size(|row| row.swap)),
        column("RSS_KB", 12, "process.memory.usage", Size(|row| Some(row.rss))),
    ],
};

/// [`SWAP`], [`AREAS`], and of [`SWAPPED`] the `most` that have most.
pub fn swap(sample: &Sample, processes: &Growing<'_>, most: usize, to: &mut Writer<'_, '_>) {
    to.row(&SWAP, sample);
    sample.swaps.iter().flatten().for_each(|area| to.row(&AREAS, area));
    processes.all.each_top(SortKey::Swap, most, &mut |row| to.row(&SWAPPED, row));
}

// Pressure

/// What waits for memory, and what the kernel did to get some since the sample before.
pub static PRESSURE: Table<Sample> = Table {
    event: "memdoor.host.sample",
    title: "pressure (%) and reclaim since the last sample",
    columns: &[
        called("Some_avg10", "Some10", 6, "memdoor.psi.memory.some.avg10", Share(|of| waited(of.pressure.some, 0))),
        called("Some_avg60", "Some60", 6, "memdoor.psi.memory.some.avg60", Share(|of| waited(of.pressure.some, 1))),
        called("Some_avg300", "Some300", 7, "memdoor.psi.memory.some.avg300", Share(|of| waited(of.pressure.some, 2))),
        column("Some_total_us", 0, "memdoor.psi.memory.some.total_us", Count(|of| Some(of.pressure.some?.total))),
        called("Full_avg10", "Full10", 6, "memdoor.psi.memory.full.avg10", Share(|of| waited(of.pressure.full, 0))),
        called("Full_avg60", "Full60", 6, "memdoor.psi.memory.full.avg60", Share(|of| waited(of.pressure.full, 1))),
        called("Full_avg300", "Full300", 7, "memdoor.psi.memory.full.avg300", Share(|of| waited(of.pressure.full, 2))),
        column("Full_total_us", 0, "memdoor.psi.memory.full.total_us", Count(|of| Some(of.pressure.full?.total))),
        column("Scanned", 8, "memdoor.host.delta.scanned_pages", Count(|of| of.delta.scanned)),
        called(
            "Scanned_direct",
            "Direct",
            7,
            "memdoor.host.delta.scanned_direct_pages",
            Count(|of| of.delta.scanned_direct),
        ),
        column("Stolen", 0, "memdoor.host.delta.stolen_pages", Count(|of| of.delta.stolen)),
        column("Stalls", 6, "memdoor.host.delta.stalls", Count(|of| of.delta.stalls)),
        called("Major_faults", "Faults", 7, "memdoor.host.delta.major_faults", Count(|of| of.delta.major_faults)),
        column("Swapped_in", 0, "memdoor.host.delta.swapped_in_pages", Count(|of| of.delta.swapped_in)),
        column("Swapped_out", 0, "memdoor.host.delta.swapped_out_pages", Count(|of| of.delta.swapped_out)),
        called("OOM_kills", "OOM", 3, "memdoor.host.delta.oom_kills", Count(|of| of.delta.oom_kills)),
        column("Compact_stalls", 0, "memdoor.host.delta.compact_stalls", Count(|of| of.delta.compact_stalls)),
        column("Compact_fails", 0, "memdoor.host.delta.compact_fails", Count(|of| of.delta.compact_fails)),
    ],
};

/// The share of the last 10, 60 or 300 s.
pub(super) fn waited(stall: Option<Stall>, at: usize) -> Option<Percent> {
    Some(Percent { hundredths: *stall?.average.get(at)? })
}

/// [`PRESSURE`]: one row.
pub fn pressure(sample: &Sample, to: &mut Writer<'_, '_>) {
    to.row(&PRESSURE, sample);
}

// Alerts

impl Rows for Alert {
    type Row<'r> = Self;

    fn message(alert: &Self) -> &[u8] {
        alert.words.as_bytes()
    }

    fn severity(alert: &Self) -> Severity {
        match alert.change {
            Change::Raised | Change::Unknown => Severity::Warn,
            Change::Cleared => Severity::Info,
        }
    }
}

/// What was worth saying.
pub static ALERTS: Table<Alert> = Table {
    event: "memdoor.alert",
    title: "alerts",
    columns: &[
        column("Alert", 13, "memdoor.alert.kind", Text(|alert| alert.kind.name().as_bytes())),
        column("Change", 7, "memdoor.alert.change", Text(|alert| alert.change.name().as_bytes())),
        // Text has them in its words.
        column("Value", 0, "memdoor.alert.value", Known(|alert| in_unit(alert, alert.value))),
        column("Limit", 0, "memdoor.alert.limit", Known(|alert| in_unit(alert, alert.limit))),
        column("Unit", 0, "memdoor.alert.unit", Text(|alert| alert.unit().as_bytes())),
        column("PID", 7, "process.pid", Count(|alert| number_here(alert, Numbers::Initial))),
        column(
            "Command",
            15,
            "memdoor.process.comm",
            Text(|alert| alert.process.as_ref().map_or(b"", |of| of.1.as_bytes())),
        ),
        column("Words", 5, "memdoor.alert.words", Words(|alert| alert.words.as_bytes())),
        column(
            "Source",
            0,
            "memdoor.source.path",
            Text(|alert| alert.source.map_or(b"", |origin| origin.path().as_bytes())),
        ),
        // The number that a process has in the kernel's log alone. Text has it in its words.
        column("Log_PID", 0, "memdoor.oom.killed.pid", Count(|alert| number_here(alert, Numbers::Other))),
    ],
};

/// The number of its process, if it is one of these.
fn number_here(alert: &Alert, numbers: Numbers) -> Option<u64> {
    let (pid, _) = alert.process.as_ref().filter(|_| alert.numbers == numbers)?;
    number(*pid)
}

fn in_unit(alert: &Alert, number: Option<u64>) -> Value<'_> {
    // No value is above a limit that is off.
    Value::or_nothing(number.filter(|number| *number != Limits::OFF), |number| alert.kind.unit().value(number))
}

/// [`ALERTS`]: a row.
pub fn alert(alert: &Alert, to: &mut Writer<'_, '_>) {
    to.row(&ALERTS, alert);
}
