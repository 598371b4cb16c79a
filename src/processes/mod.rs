//! All processes of the machine, as a table whose room is taken once.
//!
//! Reading 2,000 processes: their stat 22 ms of CPU, their status 32, each other file about 11, most of it for opening and closing
//! (Linux 6.18). So each reading says how deep it goes.

extern crate alloc;

mod process;

use alloc::vec::Vec;
use core::ffi::CStr;

use crate::fixed::Fixed;
use crate::parse::{dec, one_number, stat, status};
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::{Errno, Result};
use crate::units::Pid;

pub use process::{COMM, Comm, Kind, Memory, Process};

/// Room for the longest file read of each: status.
const BUFFER: usize = 8 * 1024;

/// What is read of each process; each includes what is above it. Kernel threads have nothing below [`Depth::Identity`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Depth {
    /// stat: who it is, its parent and start.
    Identity,
    /// status as well: its user and its memory.
    Memory,
    /// oom_score_adj as well.
    Adjustment,
    /// oom_score as well.
    Badness,
}

/// Processes, as they were at the last reading.
#[derive(Debug)]
pub struct Table {
    /// Never longer than its room, so that nothing is allocated after [`Table::arm`].
    rows: Vec<Process>,
    overflow: u64,
}

impl Table {
    /// A table with room for so many processes.
    #[must_use]
    pub fn arm(room: usize) -> Self {
        Self {
            rows: Vec::with_capacity(room),
            overflow: 0,
        }
    }

    /// Reads all processes of `proc` anew. One that vanishes meanwhile is not in the table.
    pub fn read(&mut self, proc: &Dir, depth: Depth) -> Result<()> {
        self.read_some(proc, &mut |_, _| Some(depth))
    }

    /// Reads those that are wanted, and as deep as it takes: `wanted` gets the name of its directory and what its stat tells.
    pub fn read_some(
        &mut self,
        proc: &Dir,
        wanted: &mut dyn FnMut(&CStr, &Process) -> Option<Depth>,
    ) -> Result<()> {
        self.rows.clear();
        self.overflow = 0;
        let listing = proc.listing(c".")?;
        let mut entries = Entries::new(&listing)?;
        let mut buf = [0; BUFFER];
        while let Some(name) = entries.next() {
            let name = name?;
            let Some(pid) = dec(name.to_bytes()).and_then(Pid::new) else {
                continue;
            };
            let Some(mut process) = one(proc, pid, name, &mut buf) else {
                continue;
            };
            let Some(depth) = wanted(name, &process) else {
                continue;
            };
            if self.rows.len() < self.rows.capacity() {
                deepen(&mut process, proc, name, depth, &mut buf);
                self.rows.push(process);
            } else {
                self.overflow += 1;
            }
        }
        Ok(())
    }

    /// The processes, in the order of `/proc`: by number.
    #[must_use]
    pub fn rows(&self) -> &[Process] {
        &self.rows
    }

    /// Keeps only those for which `keep` holds; it is asked in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Process) -> bool) {
        self.rows.retain(|process| keep(process));
    }

    /// The same, to be put into another order.
    pub fn rows_mut(&mut self) -> &mut [Process] {
        &mut self.rows
    }

    /// How many processes had no room at the last reading.
    #[must_use]
    pub const fn overflow(&self) -> u64 {
        self.overflow
    }
}

/// One process, unless it has gone.
fn one(proc: &Dir, pid: Pid, name: &CStr, buf: &mut [u8]) -> Option<Process> {
    read(proc, name, c"stat", buf)
        .ok()
        .and_then(stat::parse)
        .map(|stat| Process::of(pid, &stat))
}

/// What is read beyond stat.
fn deepen(process: &mut Process, proc: &Dir, name: &CStr, depth: Depth, buf: &mut [u8]) {
    if process.kind == Kind::Kernel || depth == Depth::Identity {
        return;
    }
    let status = read(proc, name, c"status", buf).map(status::parse);
    if let Ok(status) = status {
        process.user = status.euid.and_then(|user| u32::try_from(user).ok());
        process.memory = Memory::of(&status);
    }
    let mut number = |file| one_number(read(proc, name, file, buf).ok()?);
    if depth >= Depth::Adjustment {
        process.oom_score_adj = number(c"oom_score_adj");
    }
    if depth == Depth::Badness {
        process.oom_score = number(c"oom_score");
    }
}

/// Reads `PID/FILE`.
fn read<'b>(proc: &Dir, pid: &CStr, file: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    let mut path = Fixed::<32>::of(pid.to_bytes());
    path.push(b"/").push(file.to_bytes());
    proc.read(path.as_c_str().ok_or(Errno::ENAMETOOLONG)?, buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_the_table_with_its_parent_and_memory() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let mut table = Table::arm(1 << 16);
        table.read(&proc, Depth::Badness).expect("a table");
        assert_eq!(table.overflow(), 0);
        let own = crate::sys::system::own_pid();
        let this = table
            .rows()
            .iter()
            .find(|process| u64::from(process.pid.get().unsigned_abs()) == own);
        let this = this.expect("this process");
        assert_eq!(this.kind, Kind::User);
        assert!(this.memory.rss.is_some_and(|rss| rss.0 > 0));
        assert!(this.oom_score.is_some() && this.oom_score_adj.is_some());
        let parent = this.parent.expect("a parent");
        assert!(table.rows().iter().any(|process| process.pid == parent));
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let mut table = Table::arm(1);
        table.read(&proc, Depth::Identity).expect("a table");
        assert_eq!(table.rows().len(), 1);
        assert!(table.overflow() > 0);
    }
}
