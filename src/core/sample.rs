//! What `memdoor.process.sample` says of a process, whichever mode takes it, and what stands of it in columns.

use crate::processes::Process;
use crate::processes::sharing::WORTH;
use crate::report::columns::CommandLine;
use crate::report::field::Get::{About, Count, Int, Mib, Path, Text};
use crate::report::field::{Rows, fields};
use crate::units::{Bytes, Pid};

/// A process, and what the mode that looks at it knows of it besides.
#[derive(Clone, Copy)]
pub struct Seen<'p> {
    /// Who it is.
    pub process: &'p Process,
    /// What its share is of: MemTotal.
    pub total: Bytes,
    /// Its arguments, where they were asked for.
    pub command_line: &'p [u8],
    /// Words of ours before its name.
    pub before: &'p [u8],
    /// Its memory cgroup, where that was asked for.
    pub cgroup: &'p [u8],
    /// What the kernel says is its score, or would say.
    pub score: Option<i64>,
    /// The oom_score_adj that is assumed.
    pub changed: Option<i64>,
}

impl<'p> Seen<'p> {
    /// A process of which nothing else is known.
    #[must_use]
    pub const fn new(process: &'p Process) -> Self {
        Self { process, total: Bytes(0), command_line: b"", before: b"", cgroup: b"", score: None, changed: None }
    }

    /// Its arguments, or its name.
    #[must_use]
    pub fn command(&self) -> CommandLine<'_> {
        let words = if self.command_line.is_empty() { self.process.comm.as_bytes() } else { self.command_line };
        CommandLine { before: self.before, words }
    }
}

impl Rows for Seen<'static> {
    type Row<'r> = Seen<'r>;
}

// Who it is and what it has of memory.
fields! { pub SAMPLE of Seen<'static> {
    COMM = "memdoor.process.comm", Text(|one| one.process.comm.as_bytes());
    PID = "process.pid", Count(|one| number(one.process.pid));
    PARENT = "process.parent_pid", Count(|one| number(one.process.parent?));
    USER = "process.user.id", Count(|one| Some(one.process.user?.into()));
    RSS = "process.memory.usage", Mib(|one| one.process.memory.rss);
    ANON = "memdoor.process.anon_bytes", Mib(|one| one.process.memory.anon);
    FILE = "memdoor.process.file_bytes", Mib(|one| one.process.memory.file);
    SHMEM = "memdoor.process.shmem_bytes", Mib(|one| one.process.memory.shmem);
    SWAP = "memdoor.process.swap_bytes", Mib(|one| one.process.memory.swap);
    FREEABLE = "memdoor.process.freeable_bytes",
        About(|one| Some((one.process.memory.freeable()?, one.process.memory.unread())));
    UNREAD = "memdoor.process.freeable_unread_bytes", Mib(|one| worth(one.process.memory.unread()));
    TABLES = "memdoor.process.page_table_bytes", Mib(|one| one.process.memory.page_tables);
    HUGETLB = "memdoor.process.hugetlb_bytes", Mib(|one| one.process.memory.hugetlb);
    ADJ = "memdoor.process.oom_score_adj", Int(|one| one.process.oom_score_adj);
    COMMAND_LINE = "process.command_line", Text(|one| one.command_line);
    CGROUP = "process.linux.cgroup", Path(|one| one.cgroup);
    SCORE = "memdoor.process.oom_score", Int(|one| one.score);
} }

/// The number of a process.
#[must_use]
pub fn number(pid: Pid) -> Option<u64> {
    Some(pid.get().unsigned_abs().into())
}

/// What was not read, where it matters.
#[must_use]
pub fn worth(unread: Bytes) -> Option<Bytes> {
    Some(unread).filter(|unread| *unread >= WORTH)
}
