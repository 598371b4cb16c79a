//! The tables of the analysis.

use crate::modes::monitor::sheet::{Sheet, named};

/// Where each stands in [`TABLES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum At {
    Short,
    Host,
    Growth,
    Rss,
    Vsz,
    Zombies,
    Fds,
    Segments,
    Files,
    Mounts,
    Mappings,
    Notes,
}

named!(SHORT, "Words w5 memdoor.monitor.words");

named!(
    HOST,
    "Figure t22 memdoor.host.figure
First_KB k12 memdoor.host.first_bytes
Last_KB k12 memdoor.host.last_bytes
Least_KB k12 memdoor.host.least_bytes
Most_KB k12 memdoor.host.most_bytes"
);

named!(
    GROWTH,
    "PID n7 process.pid
Command t15 memdoor.process.comm
RSS_KB k9 process.memory.usage
Gained_KB k9 memdoor.growth.gained_bytes
In_s s6 memdoor.growth.window_us
Growth_KB_s=KB_s r9 memdoor.growth.bytes_per_second
R2 m5 memdoor.growth.r2
Left_s s8 memdoor.growth.left_us"
);

named!(
    RSS,
    "PID n7 process.pid
Command t15 memdoor.process.comm
RSS_KB k9 process.memory.usage
Shared_KB k9 memdoor.process.shared_bytes
Freeable_KB k11 memdoor.process.freeable_bytes
Freeable_Percent=% p6 memdoor.process.freeable_percent
Swap_KB k8 memdoor.process.swap_bytes
Threads=Thr n5 process.thread.count
PSS_KB k memdoor.process.pss_bytes
USS_KB k memdoor.process.uss_bytes
Hugetlb_KB k memdoor.process.hugetlb_bytes"
);

named!(
    VSZ,
    "PID n7 process.pid
Command t15 memdoor.process.comm
VSZ_KB k14 process.memory.virtual
RSS_KB k12 process.memory.usage"
);

named!(
    ZOMBIES,
    "PID n7 process.pid
Command t15 memdoor.process.comm
Zombies n8 memdoor.process.zombies
All n8 memdoor.host.zombies"
);

named!(
    FDS,
    "PID n7 process.pid
Command t12 memdoor.process.comm
FDs n6 process.open_file_descriptor.count
Limit n7 memdoor.process.fds.limit
Gained n6 memdoor.process.fds.gained
Socket=Sock n5 memdoor.process.fds.socket
File n5 memdoor.process.fds.file
Pipe n5 memdoor.process.fds.pipe
Anon_inode=Anon n5 memdoor.process.fds.anon_inode
Deleted=Del n4 memdoor.process.fds.deleted
Memfd n5 memdoor.process.fds.memfd
Deleted_KB k memdoor.process.fds.deleted_bytes
Memfd_KB k memdoor.process.fds.memfd_bytes"
);

named!(
    SEGMENTS,
    "Shmid n10 memdoor.shm.id
Size_KB k12 memdoor.shm.size_bytes
RSS_KB k12 memdoor.shm.rss_bytes
Swap_KB k10 memdoor.shm.swap_bytes
Attached n8 memdoor.shm.attached
PID n7 process.pid
Command t15 memdoor.process.comm"
);

named!(
    FILES,
    "Name t50 memdoor.shm.name
Used_KB k12 memdoor.shm.used_bytes
UID n10 memdoor.shm.uid"
);

named!(
    MOUNTS,
    "Mount e50 memdoor.tmpfs.path
Used_KB k12 memdoor.tmpfs.used_bytes
Gained_KB k12 memdoor.tmpfs.gained_bytes"
);

named!(
    MAPPINGS,
    "PID n7 process.pid
Command t15 memdoor.process.comm
Kind t6 memdoor.mapping.kind
Size_KB k12 memdoor.mapping.size_bytes
Gained_KB k12 memdoor.mapping.gained_bytes"
);

named!(NOTES, "Words w5 memdoor.monitor.words");

/// All of them, in their order.
pub static TABLES: [Sheet; 12] = [
    Sheet { event: "memdoor.monitor.conclusion", title: "in short", columns: &SHORT },
    Sheet { event: "memdoor.monitor.host", title: "the host, first and last sample", columns: &HOST },
    Sheet { event: "memdoor.process.growth", title: "who grows", columns: &GROWTH },
    Sheet { event: "memdoor.process.rss", title: "the largest by RSS", columns: &RSS },
    Sheet { event: "memdoor.process.vsz", title: "the largest by VSZ", columns: &VSZ },
    Sheet { event: "memdoor.process.zombies", title: "who does not reap", columns: &ZOMBIES },
    Sheet { event: "memdoor.process.fds", title: "most descriptors", columns: &FDS },
    Sheet { event: "memdoor.shm.segment", title: "largest System V segments", columns: &SEGMENTS },
    Sheet { event: "memdoor.shm.file", title: "largest files in /dev/shm", columns: &FILES },
    Sheet { event: "memdoor.tmpfs.sample", title: "fullest tmpfs", columns: &MOUNTS },
    Sheet { event: "memdoor.process.grown", title: "mappings that grew", columns: &MAPPINGS },
    Sheet { event: "memdoor.monitor.note", title: "notes", columns: &NOTES },
];
