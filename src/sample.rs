//! What `memdoor.process.sample` says of a process, whichever mode takes it.

use crate::processes::Process;
use crate::processes::slow::WORTH;
use crate::report::json::line::{Line, bytes};

const NUMBERS: [&str; 13] = [
    "process.pid",
    "process.parent_pid",
    "process.user.id",
    "process.memory.usage",
    "memdoor.process.anon_bytes",
    "memdoor.process.file_bytes",
    "memdoor.process.shmem_bytes",
    "memdoor.process.swap_bytes",
    "memdoor.process.freeable_bytes",
    "memdoor.process.freeable_unread_bytes",
    "memdoor.process.page_table_bytes",
    "memdoor.process.hugetlb_bytes",
    "memdoor.process.oom_score_adj",
];

/// Appends who it is and what it has of memory.
pub(crate) fn process<'p>(line: &mut Line<'p>, process: &'p Process) {
    let memory = &process.memory;
    let numbers = [
        Some(process.pid.get().into()),
        process.parent.map(|parent| parent.get().into()),
        process.user.map(i64::from),
        bytes(memory.rss),
        bytes(memory.anon),
        bytes(memory.file),
        bytes(memory.shmem),
        bytes(memory.swap),
        bytes(memory.freeable()),
        bytes(Some(memory.unread()).filter(|unread| *unread >= WORTH)),
        bytes(memory.page_tables),
        bytes(memory.hugetlb),
        process.oom_score_adj,
    ];
    line.texts(&["memdoor.process.comm"], &[process.comm.as_bytes()]);
    line.numbers(&NUMBERS, &numbers);
}
