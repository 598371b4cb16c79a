//! The tables of the files of a session, as [`Sheet`]s. Units stand in the names of CSV: `KB` is 1024 bytes, `us` microseconds.

use crate::modes::monitor::sheet::{Sheet, named};

/// The host's memory. Its names in CSV are the document's, letter by letter.
pub static MEMORY: [Sheet; 1] =
    [Sheet { event: "memdoor.host.sample", title: "memory of the host", columns: &MEMORY_COLUMNS }];

/// Processes.
pub static PROCESSES: [Sheet; 1] =
    [Sheet { event: "memdoor.process.sample", title: "the largest processes", columns: &PROCESS_COLUMNS }];

/// Cgroups.
pub static CGROUPS: [Sheet; 1] = [Sheet { event: "memdoor.cgroup.sample", title: "cgroups", columns: &CGROUP_COLUMNS }];

/// Free memory by its pieces, and what the kernel keeps its objects in.
pub static FRAGMENTATION: [Sheet; 3] = [
    Sheet { event: "memdoor.zone.sample", title: "free blocks by order", columns: &ZONE_COLUMNS },
    Sheet { event: "memdoor.slab.sample", title: "the largest slab caches", columns: &SLAB_COLUMNS },
    Sheet { event: "memdoor.kernel.sample", title: "the kernel's own memory", columns: &KERNEL_COLUMNS },
];

/// Swap.
pub static SWAP: [Sheet; 3] = [
    Sheet { event: "memdoor.host.sample", title: "swap of the host", columns: &SWAP_COLUMNS },
    Sheet { event: "memdoor.swap.sample", title: "swap areas", columns: &AREA_COLUMNS },
    Sheet { event: "memdoor.process.sample", title: "the most swapped processes", columns: &SWAPPED_COLUMNS },
];

/// What waits for memory, and what the kernel did to get some since the sample before.
pub static PRESSURE: [Sheet; 1] = [Sheet {
    event: "memdoor.host.sample",
    title: "pressure (%) and reclaim since the last sample",
    columns: &PRESSURE_COLUMNS,
}];

/// What was worth saying.
pub static ALERTS: [Sheet; 1] = [Sheet { event: "memdoor.alert", title: "alerts", columns: &ALERT_COLUMNS }];

/// What an alert is about, in the order of [`Kind`].
pub const KINDS: [&str; 9] =
    ["memory", "swap", "zombies", "fds", "system_fds", "growth", "pressure", "oom_kill", "fragmentation"];

named!(
    MEMORY_COLUMNS,
    "Total_KB k10 system.memory.limit
Used_KB k10 memdoor.host.used_bytes
Free_KB k10 memdoor.host.free_bytes
Available_KB=Avail_KB k10 system.memory.linux.available
Buffers_KB k memdoor.host.buffers_bytes
Cached_KB k9 memdoor.host.cached_bytes
Usage_Percent=Used_% p6 memdoor.host.used_percent
Top_Process=Top t9 memdoor.host.top.comm
Top_Process_Mem=Top_KB k9 memdoor.host.top.rss_bytes"
);

named!(
    PROCESS_COLUMNS,
    "PID n7 process.pid
Command t15 memdoor.process.comm
State t5 process.state
Threads n process.thread.count
RSS_KB k9 process.memory.usage
Anon_KB k memdoor.process.anon_bytes
Swap_KB k8 memdoor.process.swap_bytes
VSZ_KB k process.memory.virtual
FDs n5 process.open_file_descriptor.count
Growth_KB_s r11 memdoor.growth.bytes_per_second
R2 m5 memdoor.growth.r2
Left_s s6 memdoor.growth.left_us
PSS_KB k memdoor.process.pss_bytes
USS_KB k memdoor.process.uss_bytes
Hugetlb_KB k memdoor.process.hugetlb_bytes
Freeable_KB k memdoor.process.freeable_bytes"
);

named!(
    CGROUP_COLUMNS,
    "Path e28 memdoor.cgroup.path
Usage_KB k10 memdoor.cgroup.usage_bytes
Limit_KB k10 memdoor.cgroup.limit_bytes
Percent p7 memdoor.cgroup.used_percent
Peak_KB k memdoor.cgroup.peak_bytes
Anon_KB k memdoor.cgroup.anon_bytes
File_KB k memdoor.cgroup.file_bytes
Kernel_KB k memdoor.cgroup.kernel_bytes
Sock_KB k memdoor.cgroup.sock_bytes
Full_avg10 p10 memdoor.cgroup.pressure.full.avg10
Max n memdoor.cgroup.delta.max
OOM n memdoor.cgroup.delta.oom
OOM_kills n9 memdoor.cgroup.delta.oom_kill
Container t container.id
Pod t k8s.pod.uid
Unit t service.name"
);

named!(
    ZONE_COLUMNS,
    "Node=N n2 memdoor.zone.node
Zone t8 memdoor.zone.name
Unusable_Percent=Frag% p6 memdoor.zone.unusable_percent
Order_0=0 n5 memdoor.zone.free.order_0
Order_1=1 n5 memdoor.zone.free.order_1
Order_2=2 n5 memdoor.zone.free.order_2
Order_3=3 n5 memdoor.zone.free.order_3
Order_4=4 n5 memdoor.zone.free.order_4
Order_5=5 n4 memdoor.zone.free.order_5
Order_6=6 n4 memdoor.zone.free.order_6
Order_7=7 n4 memdoor.zone.free.order_7
Order_8=8 n4 memdoor.zone.free.order_8
Order_9=9 n4 memdoor.zone.free.order_9
Order_10=10 n4 memdoor.zone.free.order_10"
);

named!(
    SLAB_COLUMNS,
    "Cache t32 memdoor.slab.name
Cache_KB k12 memdoor.slab.size_bytes
Active n12 memdoor.slab.active
Objects n12 memdoor.slab.objects"
);

named!(
    KERNEL_COLUMNS,
    "SReclaimable_KB k15 memdoor.host.slab_reclaimable_bytes
SUnreclaim_KB k13 memdoor.host.slab_unreclaimable_bytes
PageTables_KB k13 memdoor.host.page_table_bytes
KernelStack_KB k14 memdoor.host.kernel_stack_bytes
Percpu_KB k9 memdoor.host.percpu_bytes
Vmalloc_KB k10 memdoor.host.vmalloc_bytes
ARC_KB k memdoor.host.arc_bytes
ARC_can_shrink_KB k memdoor.host.arc_reclaimable_bytes"
);

named!(
    SWAP_COLUMNS,
    "Total_KB k10 memdoor.host.swap_total_bytes
Free_KB k10 memdoor.host.swap_free_bytes
Pages_in n10 memdoor.host.delta.swapped_in_pages
Pages_out n10 memdoor.host.delta.swapped_out_pages
Zram_stored_KB=Stored_KB k10 memdoor.host.zram_stored_bytes
Zram_used_KB=In_KB k10 memdoor.host.zram_used_bytes
Zram_ratio=Ratio p7 memdoor.host.zram_ratio"
);

named!(
    AREA_COLUMNS,
    "Area e40 memdoor.swap.path
Size_KB k12 memdoor.swap.size_bytes
Used_KB k12 memdoor.swap.used_bytes
Percent p8 memdoor.swap.used_percent"
);

named!(
    SWAPPED_COLUMNS,
    "PID n7 process.pid
Command t15 memdoor.process.comm
Swap_KB k12 memdoor.process.swap_bytes
RSS_KB k12 process.memory.usage"
);

named!(
    PRESSURE_COLUMNS,
    "Some_avg10=Some10 p6 memdoor.psi.memory.some.avg10
Some_avg60=Some60 p6 memdoor.psi.memory.some.avg60
Some_avg300=Some300 p7 memdoor.psi.memory.some.avg300
Some_total_us n memdoor.psi.memory.some.total_us
Full_avg10=Full10 p6 memdoor.psi.memory.full.avg10
Full_avg60=Full60 p6 memdoor.psi.memory.full.avg60
Full_avg300=Full300 p7 memdoor.psi.memory.full.avg300
Full_total_us n memdoor.psi.memory.full.total_us
Scanned n8 memdoor.host.delta.scanned_pages
Scanned_direct=Direct n7 memdoor.host.delta.scanned_direct_pages
Stolen n memdoor.host.delta.stolen_pages
Stalls n6 memdoor.host.delta.stalls
Major_faults=Faults n7 memdoor.host.delta.major_faults
Swapped_in n memdoor.host.delta.swapped_in_pages
Swapped_out n memdoor.host.delta.swapped_out_pages
OOM_kills=OOM n3 memdoor.host.delta.oom_kills
Compact_stalls n memdoor.host.delta.compact_stalls
Compact_fails n memdoor.host.delta.compact_fails"
);

named!(
    ALERT_COLUMNS,
    "Alert t13 memdoor.alert.kind
Change t7 memdoor.alert.change
PID n7 process.pid
Command t15 memdoor.process.comm
Words w5 memdoor.alert.words"
);
