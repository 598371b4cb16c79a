//! The tables of the analysis.

use crate::modes::monitor::sheet::Sheet;

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

/// All of them, in their order.
pub static TABLES: [Sheet; 12] = [
    Sheet {
        event: "memdoor.monitor.conclusion",
        title: "in short",
        columns: "Words <5 memdoor.monitor.words",
    },
    Sheet {
        event: "memdoor.monitor.host",
        title: "the host, from the first sample to the last",
        columns: "Figure <22 memdoor.host.figure
First_KB 12 memdoor.host.first_bytes
Last_KB 12 memdoor.host.last_bytes
Least_KB 12 memdoor.host.least_bytes
Most_KB 12 memdoor.host.most_bytes",
    },
    Sheet {
        event: "memdoor.process.growth",
        title: "who grows: a line through the sizes of the window, and how well they fit it",
        columns: "PID 7 process.pid
Command <15 memdoor.process.comm
RSS_KB 9 process.memory.usage
Gained_KB 9 memdoor.growth.gained_bytes
In_s 6 memdoor.growth.window_us
Growth_KB_s=KB_s 9 memdoor.growth.bytes_per_second
R2 5 memdoor.growth.r2
Left_s 8 memdoor.growth.left_us",
    },
    Sheet {
        event: "memdoor.process.rss",
        title: "the largest by RSS; what others may share, and what is its own",
        columns: "PID 7 process.pid
Command <15 memdoor.process.comm
RSS_KB 9 process.memory.usage
Shared_KB 9 memdoor.process.shared_bytes
Own_KB 9 memdoor.process.anon_bytes
Own_Percent=Own_% 6 memdoor.process.anon_percent
Swap_KB 8 memdoor.process.swap_bytes
Threads=Thr 5 process.thread.count
PSS_KB - memdoor.process.pss_bytes
USS_KB - memdoor.process.uss_bytes",
    },
    Sheet {
        event: "memdoor.process.vsz",
        title: "the largest by VSZ: address space, which need not be memory",
        columns: "PID 7 process.pid
Command <15 memdoor.process.comm
VSZ_KB 14 process.memory.virtual
RSS_KB 12 process.memory.usage",
    },
    Sheet {
        event: "memdoor.process.zombies",
        title: "who does not reap its zombies",
        columns: "PID 7 process.pid
Command <15 memdoor.process.comm
Zombies 8 memdoor.process.zombies
All 8 memdoor.host.zombies",
    },
    Sheet {
        event: "memdoor.process.fds",
        title: "most descriptors, and of what",
        columns: "PID 7 process.pid
Command <12 memdoor.process.comm
FDs 6 process.open_file_descriptor.count
Limit 7 memdoor.process.fds.limit
Gained 6 memdoor.process.fds.gained
Socket=Sock 5 memdoor.process.fds.socket
File 5 memdoor.process.fds.file
Pipe 5 memdoor.process.fds.pipe
Anon_inode=Anon 5 memdoor.process.fds.anon_inode
Deleted=Del 4 memdoor.process.fds.deleted
Memfd 5 memdoor.process.fds.memfd
Deleted_KB - memdoor.process.fds.deleted_bytes
Memfd_KB - memdoor.process.fds.memfd_bytes",
    },
    Sheet {
        event: "memdoor.shm.segment",
        title: "the largest System V segments, and who made them",
        columns: "Shmid 10 memdoor.shm.id
Size_KB 12 memdoor.shm.size_bytes
RSS_KB 12 memdoor.shm.rss_bytes
Swap_KB 10 memdoor.shm.swap_bytes
Attached 8 memdoor.shm.attached
PID 7 process.pid
Command <15 memdoor.process.comm",
    },
    Sheet {
        event: "memdoor.shm.file",
        title: "the largest POSIX segments: files in /dev/shm",
        columns: "Name <50 memdoor.shm.name
Used_KB 12 memdoor.shm.used_bytes
UID 10 memdoor.shm.uid",
    },
    Sheet {
        event: "memdoor.tmpfs.sample",
        title: "the fullest file systems in memory",
        columns: "Mount /50 memdoor.tmpfs.path
Used_KB 12 memdoor.tmpfs.used_bytes
Gained_KB 12 memdoor.tmpfs.gained_bytes",
    },
    Sheet {
        event: "memdoor.process.grown",
        title: "mappings that grew",
        columns: "PID 7 process.pid
Command <15 memdoor.process.comm
Kind <6 memdoor.mapping.kind
Size_KB 12 memdoor.mapping.size_bytes
Gained_KB 12 memdoor.mapping.gained_bytes",
    },
    Sheet {
        event: "memdoor.monitor.note",
        title: "notes",
        columns: "Words <5 memdoor.monitor.words",
    },
];
