//! Which tables there are, and what stands in them.

use core::time::Duration;

use super::alerts::{Alert, Change, Kind};
use super::crowd::{Growth, Row};
use super::groups::Group;
use super::sample::Sample;
use super::sheet::{Cell, Sheet, Writer};
use crate::parse::cgroup::owner;
use crate::parse::meminfo::Use;
use crate::parse::pressure::Stall;
use crate::processes::descending;
use crate::units::{Bytes, Percent};

/// The host's memory. Its names in CSV are the document's, letter by letter.
pub static MEMORY: [Sheet; 1] = [Sheet {
    event: "memdoor.host.sample",
    title: "memory of the host",
    columns: "Total_KB 10 system.memory.limit
Used_KB 10 memdoor.host.used_bytes
Free_KB 10 memdoor.host.free_bytes
Available_KB=Avail_KB 10 system.memory.linux.available
Buffers_KB - memdoor.host.buffers_bytes
Cached_KB 10 memdoor.host.cached_bytes
Usage_Percent=Used_% 6 memdoor.host.used_percent
Top_Process <10 memdoor.host.top.comm
Top_Process_Mem=Top_KB 9 memdoor.host.top.rss_bytes",
}];

/// Processes.
pub static PROCESSES: [Sheet; 1] = [Sheet {
    event: "memdoor.process.sample",
    title: "the largest processes",
    columns: "PID 7 process.pid
Command <15 memdoor.process.comm
State <5 process.state
Threads - process.thread.count
RSS_KB 9 process.memory.usage
Anon_KB - memdoor.process.anon_bytes
Swap_KB 8 memdoor.process.swap_bytes
VSZ_KB - process.memory.virtual
FDs 5 process.open_file_descriptor.count
Growth_KB_s 11 memdoor.growth.bytes_per_second
R2 5 memdoor.growth.r2
Left_s 6 memdoor.growth.left_us
PSS_KB - memdoor.process.pss_bytes
USS_KB - memdoor.process.uss_bytes",
}];

/// Cgroups.
pub static CGROUPS: [Sheet; 1] = [Sheet {
    event: "memdoor.cgroup.sample",
    title: "cgroups",
    columns: "Path /28 memdoor.cgroup.path
Usage_KB 10 memdoor.cgroup.usage_bytes
Limit_KB 10 memdoor.cgroup.limit_bytes
Percent 7 memdoor.cgroup.used_percent
Peak_KB - memdoor.cgroup.peak_bytes
Anon_KB - memdoor.cgroup.anon_bytes
File_KB - memdoor.cgroup.file_bytes
Kernel_KB - memdoor.cgroup.kernel_bytes
Sock_KB - memdoor.cgroup.sock_bytes
Full_avg10 10 memdoor.cgroup.pressure.full.avg10
Max - memdoor.cgroup.delta.max
OOM - memdoor.cgroup.delta.oom
OOM_kills 9 memdoor.cgroup.delta.oom_kill
Container - container.id
Pod - k8s.pod.uid
Unit - service.name",
}];

/// Free memory by its pieces, and what the kernel keeps its objects in.
pub static FRAGMENTATION: [Sheet; 2] = [
    Sheet {
        event: "memdoor.zone.sample",
        title: "free blocks by order",
        columns: "Node=N 2 memdoor.zone.node
Zone <8 memdoor.zone.name
Unusable_Percent=Frag% 6 memdoor.zone.unusable_percent
Order_0=0 5 memdoor.zone.free.order_0
Order_1=1 5 memdoor.zone.free.order_1
Order_2=2 5 memdoor.zone.free.order_2
Order_3=3 5 memdoor.zone.free.order_3
Order_4=4 5 memdoor.zone.free.order_4
Order_5=5 4 memdoor.zone.free.order_5
Order_6=6 4 memdoor.zone.free.order_6
Order_7=7 4 memdoor.zone.free.order_7
Order_8=8 4 memdoor.zone.free.order_8
Order_9=9 4 memdoor.zone.free.order_9
Order_10=10 4 memdoor.zone.free.order_10",
    },
    Sheet {
        event: "memdoor.slab.sample",
        title: "the largest slab caches",
        columns: "Cache <32 memdoor.slab.name
Cache_KB 12 memdoor.slab.size_bytes
Active 12 memdoor.slab.active
Objects 12 memdoor.slab.objects",
    },
];

/// Swap.
pub static SWAP: [Sheet; 3] = [
    Sheet {
        event: "memdoor.swap.sample",
        title: "swap of the host",
        columns: "Total_KB 10 memdoor.host.swap_total_bytes
Free_KB 10 memdoor.host.swap_free_bytes
Pages_in 10 memdoor.host.delta.swapped_in_pages
Pages_out 10 memdoor.host.delta.swapped_out_pages
Zram_stored_KB=Stored_KB 10 memdoor.host.zram_stored_bytes
Zram_used_KB=In_KB 10 memdoor.host.zram_used_bytes
Zram_ratio=Ratio 7 memdoor.host.zram_ratio",
    },
    Sheet {
        event: "memdoor.swap.area",
        title: "swap areas",
        columns: "Area /40 memdoor.swap.path
Size_KB 12 memdoor.swap.size_bytes
Used_KB 12 memdoor.swap.used_bytes
Percent 8 memdoor.swap.used_percent",
    },
    Sheet {
        event: "memdoor.process.swap",
        title: "the most swapped processes",
        columns: "PID 7 process.pid
Command <15 memdoor.process.comm
Swap_KB 12 memdoor.process.swap_bytes
RSS_KB 12 process.memory.usage",
    },
];

/// What waits for memory, and what the kernel did to get some since the sample before.
pub static PRESSURE: [Sheet; 1] = [Sheet {
    event: "memdoor.pressure.sample",
    title: "pressure in percent, and reclaim since the sample before",
    columns: "Some_avg10=Some10 6 memdoor.psi.memory.some.avg10
Some_avg60=Some60 6 memdoor.psi.memory.some.avg60
Some_avg300=Some300 7 memdoor.psi.memory.some.avg300
Some_total_us - memdoor.psi.memory.some.total_us
Full_avg10=Full10 6 memdoor.psi.memory.full.avg10
Full_avg60=Full60 6 memdoor.psi.memory.full.avg60
Full_avg300=Full300 7 memdoor.psi.memory.full.avg300
Full_total_us - memdoor.psi.memory.full.total_us
Scanned 8 memdoor.host.delta.scanned_pages
Scanned_direct=Direct 7 memdoor.host.delta.scanned_direct_pages
Stolen - memdoor.host.delta.stolen_pages
Stalls 6 memdoor.host.delta.stalls
Major_faults=Faults 7 memdoor.host.delta.major_faults
Swapped_in - memdoor.host.delta.swapped_in_pages
Swapped_out - memdoor.host.delta.swapped_out_pages
OOM_kills=OOM 3 memdoor.host.delta.oom_kills
Compact_stalls - memdoor.host.delta.compact_stalls
Compact_fails - memdoor.host.delta.compact_fails",
}];

/// What was worth saying.
pub static ALERTS: [Sheet; 1] = [Sheet {
    event: "memdoor.alert",
    title: "alerts",
    columns: "Alert <13 memdoor.alert.kind
Change <7 memdoor.alert.change
PID 7 process.pid
Command <15 memdoor.process.comm
Words <5 memdoor.alert.words",
}];

/// What an alert is about, in the order of [`Kind`].
pub const KINDS: [&str; 9] = [
    "memory",
    "swap",
    "zombies",
    "fds",
    "system_fds",
    "growth",
    "pressure",
    "oom_kill",
    "fragmentation",
];

/// Processes, and what is known of each beside its row.
#[derive(Clone, Copy)]
pub struct Growing<'a> {
    /// All of them.
    pub rows: &'a [Row],
    /// How one grows.
    pub growth: &'a dyn Fn(&Row) -> Option<Growth>,
    /// How long memory, or its cgroup's limit, lasts if it grows on like that.
    pub left: &'a dyn Fn(&Row, &Growth) -> Option<Duration>,
}

impl Growing<'_> {
    /// Hands on the first `most` of them by size; those without one are not among them.
    pub fn each_largest(
        &self,
        most: usize,
        size: fn(&Row) -> Option<Bytes>,
        each: &mut dyn FnMut(&Row),
    ) {
        let key = |at: usize| {
            let size = size(self.rows.get(at)?).filter(|size| size.0 > 0)?;
            Some((i64::try_from(size.0).ok()?, 0))
        };
        for at in descending(self.rows.len(), &key).take(most) {
            if let Some(row) = self.rows.get(at) {
                each(row);
            }
        }
    }
}

/// [`MEMORY`]: one row. Its largest process is given.
pub fn memory(sample: &Sample, top: Option<&Row>, to: &mut Writer<'_, '_>) {
    let meminfo = &sample.meminfo;
    to.row(&[
        Cell::size(meminfo.total),
        Cell::size(sample.used()),
        Cell::size(meminfo.free),
        Cell::size(meminfo.available),
        Cell::size(meminfo.uses.of(Use::Buffers)),
        Cell::size(meminfo.uses.of(Use::Cached)),
        Cell::share(sample.used_percent()),
        Cell::text(top.map(|row| row.comm.as_bytes())),
        Cell::size(top.map(|row| row.rss)),
    ]);
}

/// [`PROCESSES`]: the `most` largest by RSS.
pub fn processes(processes: &Growing<'_>, most: usize, to: &mut Writer<'_, '_>) {
    processes.each_largest(most, |row| Some(row.rss), &mut |row| {
        let growth = (processes.growth)(row);
        let left = growth.and_then(|growth| (processes.left)(row, &growth));
        to.row(&[
            pid(row),
            Cell::Text(row.comm.as_bytes()),
            Cell::Text(&[row.state]),
            Cell::Count(row.threads),
            Cell::Size(row.rss),
            Cell::Size(row.anon()),
            Cell::size(row.swap),
            Cell::Size(row.vsz),
            Cell::count(row.fds),
            growth.map_or(Cell::Unknown, |growth| Cell::Rate(growth.per_second)),
            growth.map_or(Cell::Unknown, |growth| Cell::Thousandths(growth.r2.0)),
            left.map_or(Cell::Unknown, Cell::Span),
            Cell::size(row.pss),
            Cell::size(row.uss),
        ]);
    });
}

fn pid(row: &Row) -> Cell<'_> {
    Cell::count(row.pid.get().try_into().ok())
}

/// [`CGROUPS`], in their order.
pub fn cgroups(groups: &[Group], to: &mut Writer<'_, '_>) {
    for group in groups {
        let path = group.path.as_bytes();
        let owner = owner(path);
        let full = group.full.map(|full| Percent {
            hundredths: full.avg10(),
        });
        to.row(&[
            Cell::Text(path),
            Cell::size(group.usage),
            Cell::size(group.limit),
            Cell::share(group.percent()),
            Cell::size(group.peak),
            Cell::size(group.anon),
            Cell::size(group.file),
            Cell::size(group.kernel),
            Cell::size(group.sock),
            Cell::share(full),
            Cell::count(group.max),
            Cell::count(group.oom),
            Cell::count(group.oom_kills),
            Cell::text(owner.container),
            Cell::text(owner.pod),
            Cell::text(owner.unit),
        ]);
    }
}

/// [`FRAGMENTATION`]: zones, then caches.
pub fn fragmentation(sample: &Sample, to: &mut Writer<'_, '_>) {
    for zone in sample.zones.iter().flatten() {
        let mut cells = [Cell::Unknown; 14];
        cells[0] = Cell::Count(zone.node.into());
        cells[1] = Cell::Text(zone.name.as_bytes());
        cells[2] = Cell::share(zone.unusable);
        for (cell, free) in cells[3..].iter_mut().zip(zone.free) {
            *cell = Cell::Count(free);
        }
        to.row(&cells);
    }
    to.begin(1);
    for slab in sample.slabs.iter().flatten() {
        to.row(&[
            Cell::Text(slab.name.as_bytes()),
            Cell::Size(slab.size),
            Cell::Count(slab.active),
            Cell::Count(slab.objects),
        ]);
    }
}

/// [`SWAP`]: the host, its areas, and the `most` processes that have most in them.
pub fn swap(sample: &Sample, processes: &Growing<'_>, most: usize, to: &mut Writer<'_, '_>) {
    let zram = sample.zram;
    let ratio = zram.and_then(|zram| {
        let share = Percent::of(zram.stored, zram.used)?;
        // 100 % is 1.00.
        Some(Percent {
            hundredths: share.hundredths / 100,
        })
    });
    to.row(&[
        Cell::size(sample.meminfo.swap_total),
        Cell::size(sample.meminfo.swap_free),
        Cell::count(sample.delta.swapped_in),
        Cell::count(sample.delta.swapped_out),
        Cell::size(zram.map(|zram| zram.stored)),
        Cell::size(zram.map(|zram| zram.used)),
        Cell::share(ratio),
    ]);
    to.begin(1);
    for area in sample.swaps.iter().flatten() {
        to.row(&[
            Cell::Text(area.path.as_bytes()),
            Cell::Size(area.size),
            Cell::Size(area.used),
            Cell::share(Percent::of(area.used, area.size)),
        ]);
    }
    to.begin(2);
    processes.each_largest(most, |row| row.swap, &mut |row| {
        to.row(&[
            pid(row),
            Cell::Text(row.comm.as_bytes()),
            Cell::size(row.swap),
            Cell::Size(row.rss),
        ]);
    });
}

/// [`PRESSURE`]: one row.
pub fn pressure(sample: &Sample, to: &mut Writer<'_, '_>) {
    let mut cells = [Cell::Unknown; 18];
    let (stalls, deltas) = cells.split_at_mut(8);
    let pressure = [sample.pressure.some, sample.pressure.full];
    for (cells, stall) in stalls.chunks_mut(4).zip(pressure) {
        let Some(Stall { average, total }) = stall else {
            continue;
        };
        for (cell, hundredths) in cells.iter_mut().zip(average) {
            *cell = Cell::Share(Percent { hundredths });
        }
        cells[3] = Cell::Count(total);
    }
    let delta = &sample.delta;
    let counts = [
        delta.scanned,
        delta.scanned_direct,
        delta.stolen,
        delta.stalls,
        delta.major_faults,
        delta.swapped_in,
        delta.swapped_out,
        delta.oom_kills,
        delta.compact_stalls,
        delta.compact_fails,
    ];
    for (cell, count) in deltas.iter_mut().zip(counts) {
        *cell = Cell::count(count);
    }
    to.row(&cells);
}

/// [`ALERTS`]: a row.
pub fn alert(alert: &Alert, to: &mut Writer<'_, '_>) {
    let change: &[u8] = match alert.change {
        Change::Raised => b"raised",
        Change::Cleared => b"cleared",
    };
    let process = alert.process.as_ref();
    to.row(&[
        Cell::Text(kind(alert.kind).as_bytes()),
        Cell::Text(change),
        Cell::count(process.and_then(|(pid, _)| pid.get().try_into().ok())),
        Cell::text(process.map(|(_, comm)| comm.as_bytes())),
        Cell::Words(alert.words.as_bytes()),
    ]);
}

/// What an alert is about, in a word.
#[must_use]
pub fn kind(kind: Kind) -> &'static str {
    KINDS.get(kind as usize).copied().unwrap_or_default()
}
