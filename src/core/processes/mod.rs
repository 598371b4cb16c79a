//! All processes of the machine, as a table whose room is taken once.
//!
//! Reading 2,000 processes: their stat 17 ms of CPU, their status 25, each other file about 10, most of it for opening and closing
//! (Linux 6.18). So each reading says how deep it goes, and whoever looks for a few reads the rest of them only.

mod freeable;
mod groups;
mod kin;
mod order;
mod process;
pub mod reader;
pub mod sharing;

use core::ffi::CStr;

use crate::fixed::Fixed;
use crate::parse::{cgroup, dec, one_number, stat, status};
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::reserved::Reserved;
use crate::sys::{Errno, Result};
use crate::units::Pid;

pub use crate::sys::system::Sender;
pub use freeable::{Basis, CombinedMemory, Forked, SharedFreed};
pub use groups::{Group, Groups};
pub use kin::{Kin, Kinship};
pub use order::descending;
pub use process::{COMM, Comm, Kind, Memory, Owner, Place, Process, Rank};

/// Reads one process of `/proc`: its number, its directory, and room to read into. `None`: it is not wanted.
type Reading<'r> = dyn FnMut(Pid, &CStr, &mut [u8]) -> Result<Option<Process>> + 'r;

/// The same for each process that a walk comes to.
type Visit<'v> = dyn FnMut(Pid, &CStr, &mut [u8]) -> Result<()> + 'v;

/// Room for the longest file read of each: status.
const BUFFER: usize = 8 * 1024;

/// What is read of each process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// status and oom_score_adj, all that the kernel's formula takes, without stat: a third of the cost less.
    Weight,
    /// stat as well, for its start, and oom_score, which follows from the others.
    Badness,
}

/// Processes, as they were at the last reading.
#[derive(Debug)]
pub struct Table {
    /// Never longer than its room, so that nothing is allocated after [`Table::arm`].
    rows: Reserved<Process>,
    overflow: u64,
}

impl Table {
    /// A table with room for so many processes; ENOMEM where the address space has none for it (ulimit -v).
    pub fn arm(room: usize) -> Result<Self> {
        Ok(Self { rows: Reserved::new(room)?, overflow: 0 })
    }

    /// A table with room for those of `proc` now, and as many again.
    pub fn arm_for(proc: &Dir) -> Result<Self> {
        Self::arm(proc.directories() * 2 + 1024)
    }

    /// Reads all processes of `proc` anew. One that vanishes meanwhile is not in the table. An error is never about one of them: the
    /// listing, or want of descriptors or memory, by which all would seem to have vanished.
    pub fn read(&mut self, proc: &Dir, depth: Depth) -> Result<()> {
        self.collect(proc, &mut |pid, name, buf| match depth {
            Depth::Weight => weigh(proc, pid, name, buf).map(Some),
            Depth::Badness => {
                let mut process = examine(proc, pid, name, buf)?;
                if process.kind == Kind::User {
                    process.oom_score = Some(number_in(proc, name, c"oom_score", buf)?);
                }
                Ok(Some(process))
            }
        })
    }

    /// Reads status of all and keeps those that are wanted: `wanted` gets the name of its directory and who it is, and may rank it. Their
    /// starts, oom_score_adjs and places are left for [`Table::look_closer`] and [`Table::find_places`].
    pub fn read_wanted(&mut self, proc: &Dir, wanted: &mut dyn FnMut(&CStr, &mut Process) -> bool) -> Result<()> {
        self.collect(proc, &mut |pid, name, buf| {
            let mut process = glance(proc, pid, name, buf)?;
            Ok(wanted(name, &mut process).then_some(process))
        })
    }

    /// The same where more may be wanted than there is room for: then those are kept that have most by `weight`. Who is left out is handed to
    /// `left_out` with those that are kept, which says whether it changed what one of them weighs, and is counted as overflow.
    pub fn read_largest<W: PartialOrd>(
        &mut self,
        proc: &Dir,
        wanted: &mut dyn FnMut(&CStr, &mut Process) -> bool,
        weight: &dyn Fn(&Process) -> W,
        left_out: &mut dyn FnMut(&mut [Process], &Process) -> bool,
    ) -> Result<()> {
        self.rows.clear();
        let Self { rows, overflow } = self;
        *overflow = 0;
        let mut least = None;
        walk(proc, &mut |pid, name, buf| {
            let mut process = glance(proc, pid, name, buf)?;
            if !wanted(name, &mut process) {
                return Ok(());
            }
            let Err(mut process) = rows.push(process) else { return Ok(()) };
            *overflow += 1;
            // Looked for again only when it has gone: most that come have less.
            let at = *least.get_or_insert_with(|| smallest(rows, weight));
            if let Some(row) = rows.get_mut(at).filter(|row| weight(&process) > weight(row)) {
                core::mem::swap(row, &mut process);
                least = None;
            }
            if left_out(rows, &process) {
                least = None;
            }
            Ok(())
        })?;
        // In the order of their numbers again, in which parents are looked for.
        rows.sort_unstable_by_key(|row| row.pid);
        Ok(())
    }

    /// Finds out where those run whose parent or child is in the table as well: only they can be in one tree, or be apart.
    pub fn find_places(&mut self, proc: &Dir) {
        for at in 0..self.rows.len() {
            let Some(parent) = parent_of(&self.rows, &self.rows[at]) else { continue };
            for at in [at, parent] {
                self.rows[at].place = Some(self.rows[at].whereabouts(proc));
            }
        }
    }

    /// Reads those rows anew that are asked for and were not looked at closely yet, their start first: who gets the number of one later
    /// is not taken for it. One that has gone or has another name then has no user. How many they were.
    pub fn look_closer(&mut self, proc: &Dir, asked: &mut dyn FnMut(usize, &Process) -> bool) -> usize {
        let mut count = 0;
        let mut buf = [0; BUFFER];
        for (at, row) in self.rows.iter_mut().enumerate() {
            if row.started.is_some() || !asked(at, row) {
                continue;
            }
            count += 1;
            let name = Fixed::<16>::dec(row.pid.get());
            let name = name.as_c_str().unwrap_or_default();
            let fresh = examine(proc, row.pid, name, &mut buf).ok();
            let is_it = |fresh: &Process| fresh.comm.as_bytes() == row.comm.as_bytes();
            match fresh.filter(is_it) {
                Some(fresh) => {
                    let memory = row.memory.renewed(fresh.memory);
                    *row = Process {
                        oom_score: row.oom_score,
                        group: row.group,
                        rank: row.rank,
                        place: row.place,
                        kin: row.kin,
                        memory,
                        ..fresh
                    }
                }
                None => (row.user, row.owner) = (None, None),
            }
        }
        count
    }

    fn collect(&mut self, proc: &Dir, read: &mut Reading<'_>) -> Result<()> {
        self.rows.clear();
        self.overflow = 0;
        walk(proc, &mut |pid, name, buf| {
            if let Some(process) = read(pid, name, buf)? {
                self.overflow += u64::from(self.rows.push(process).is_err());
            }
            Ok(())
        })
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

    /// The same, to be changed: their order stays, as [`find`] rests on it.
    pub fn rows_mut(&mut self) -> &mut [Process] {
        &mut self.rows
    }

    /// Finds the memory cgroup of each.
    pub fn read_groups(&mut self, proc: &Dir, groups: &mut Groups) {
        let mut buf = [0; BUFFER];
        for process in self.rows.iter_mut() {
            let found = group_of(proc, process.pid, (process.state, process.threads), &mut buf);
            process.group = found.and_then(|(version, path)| groups.add(version, path));
        }
    }

    /// How many processes had no room at the last reading.
    #[must_use]
    pub const fn overflow(&self) -> u64 {
        self.overflow
    }
}

/// One process by its number, with its start, its user, its memory and its oom_score_adj; `None` when it has gone.
#[must_use]
pub fn look(proc: &Dir, pid: Pid) -> Option<Process> {
    let name = Fixed::<16>::dec(pid.get());
    examine(proc, pid, name.as_c_str()?, &mut [0; BUFFER]).ok()
}

/// Visits the directory of each process. What `visit` fails with is that process's own, as it vanishes meanwhile, unless it is want of
/// descriptors or memory: then each process would seem to have gone, and a host without processes is not what was seen.
fn walk(proc: &Dir, visit: &mut Visit<'_>) -> Result<()> {
    let listing = proc.listing(c".")?;
    let mut entries = Entries::new(&listing)?;
    let mut buf = [0; BUFFER];
    let (mut is_any_read, mut is_short) = (false, false);
    while let Some(name) = entries.next() {
        let name = name?;
        let Some(pid) = dec(name.to_bytes()).and_then(Pid::new) else {
            continue;
        };
        match visit(pid, name, &mut buf) {
            Ok(()) => is_any_read = true,
            // It says nothing of this process, and the next one will not be read either.
            Err(errno @ (Errno::EMFILE | Errno::ENFILE)) => return Err(errno),
            // At a cgroup's limit one file may be opened and another not.
            Err(Errno::ENOMEM) => is_short = true,
            Err(_) => {}
        }
    }
    if is_short && !is_any_read { Err(Errno::ENOMEM) } else { Ok(()) }
}

/// stat alone.
fn identify(proc: &Dir, pid: Pid, name: &CStr, buf: &mut [u8]) -> Result<Process> {
    let stat = stat::parse(read(proc, name, c"stat", buf)?).ok_or(Errno::ESRCH)?;
    Ok(Process::of(pid, &stat))
}

/// stat, status and oom_score_adj, unless it has gone.
fn examine(proc: &Dir, pid: Pid, name: &CStr, buf: &mut [u8]) -> Result<Process> {
    let mut process = identify(proc, pid, name, buf)?;
    if process.kind == Kind::Kernel {
        return Ok(process);
    }
    process.fill_in(proc, name, buf);
    process.oom_score_adj = Some(number_in(proc, name, c"oom_score_adj", buf)?);
    Ok(process)
}

/// status alone.
fn glance(proc: &Dir, pid: Pid, name: &CStr, buf: &mut [u8]) -> Result<Process> {
    let text = read(proc, name, c"status", buf)?;
    let (status, comm) = (status::parse(text), status::name(text).unwrap_or_default());
    let mut process = Process::of_status(pid, comm.as_bytes(), &status);
    process.fill(&status);
    process.look_at_threads(proc, name, buf);
    Ok(process)
}

/// status and oom_score_adj.
fn weigh(proc: &Dir, pid: Pid, name: &CStr, buf: &mut [u8]) -> Result<Process> {
    let mut process = glance(proc, pid, name, buf)?;
    if process.memory.rss.is_some() {
        process.oom_score_adj = Some(number_in(proc, name, c"oom_score_adj", buf)?);
    }
    Ok(process)
}

/// A file of one number; ESRCH when there is none in it.
fn number_in(proc: &Dir, name: &CStr, file: &CStr, buf: &mut [u8]) -> Result<i64> {
    one_number(read(proc, name, file, buf)?).ok_or(Errno::ESRCH)
}

impl Process {
    /// Where it runs: two files, unless that was read before.
    #[must_use]
    pub fn whereabouts(&self, proc: &Dir) -> Place {
        if let Some(place) = self.place {
            return place;
        }
        let name = Fixed::<16>::dec(self.pid.get());
        let view = view(proc, name.as_bytes(), self.state, self.threads);
        let view = view.as_c_str().unwrap_or_default();
        let mut buf = [0; 4096];
        let unit = read(proc, view, c"cgroup", &mut buf).ok().map(cgroup::place);
        let stat = read(proc, view, c"stat", &mut buf).ok().and_then(stat::parse);
        Place { unit, terminal: stat.map(|stat| stat.terminal) }
    }

    /// Its user and its memory; of one that has gone neither.
    fn fill_in(&mut self, proc: &Dir, name: &CStr, buf: &mut [u8]) {
        if let Ok(status) = read(proc, name, c"status", buf).map(status::parse) {
            self.fill(&status);
        }
        self.look_at_threads(proc, name, buf);
    }

    fn look_at_threads(&mut self, proc: &Dir, name: &CStr, buf: &mut [u8]) {
        if self.has_lost_its_leader() {
            self.memory = live_thread(proc, name.to_bytes(), buf).map(|(_, memory)| memory).unwrap_or_default();
        }
    }
}

/// Room for `4194304/task/4194304`.
pub const VIEW: usize = 24;

/// A path below a directory: what is to be read of a process is read there.
pub type View = Fixed<VIEW>;

/// Of a process whose first thread has exited before the others: the directory of one that shows its memory, and the memory.
///
/// `prefix` is the process's directory below `dir`, and empty when it is `dir` itself. None: it has no memory any more.
pub fn live_thread(dir: &Dir, prefix: &[u8], buf: &mut [u8]) -> Option<(View, Memory)> {
    let mut tasks = View::of(prefix);
    tasks.push(if prefix.is_empty() { b"task" } else { b"/task" });
    let listing = dir.listing(tasks.as_c_str()?).ok()?;
    let mut entries = Entries::new(&listing).ok()?;
    while let Some(Ok(thread)) = entries.next() {
        if dec(thread.to_bytes()).is_none() {
            continue;
        }
        let mut view = tasks.clone();
        view.push(b"/").push(thread.to_bytes());
        let status = read(dir, view.as_c_str()?, c"status", buf).map(status::parse);
        let memory = Memory::of(&status.unwrap_or_default());
        if memory.rss.is_some() {
            return Some((view, memory));
        }
    }
    None
}

/// Where, below `dir`, the memory, the executable, the arguments and the cgroup of a process show: `prefix`, its own directory there
/// (empty when `dir` is it), or that of a thread that lives when the first has exited. `state` and `threads` are those of its stat.
#[must_use]
pub fn view(dir: &Dir, prefix: &[u8], state: u8, threads: u64) -> View {
    let has_lost_its_leader = state == b'Z' && !stat::has_exited(state, threads);
    let found = if has_lost_its_leader { search(dir, prefix) } else { None };
    found.unwrap_or_else(|| View::of(prefix))
}

/// Where the one is that has least.
fn smallest<W: PartialOrd>(rows: &[Process], weight: &dyn Fn(&Process) -> W) -> usize {
    let mut least = 0;
    for (at, row) in rows.iter().enumerate() {
        if rows.get(least).is_some_and(|old| weight(row) < weight(old)) {
            least = at;
        }
    }
    least
}

/// Where a process is in the rows of a [`Table`], which stay in the order of their numbers.
#[must_use]
pub fn find(rows: &[Process], pid: Pid) -> Option<usize> {
    rows.binary_search_by_key(&pid, |row| row.pid).ok()
}

/// Where the parent of one is in the same rows.
#[must_use]
pub fn parent_of(rows: &[Process], row: &Process) -> Option<usize> {
    find(rows, row.parent?)
}

/// Apart, so that what nearly nobody needs takes no room on the stack of those who ask.
#[inline(never)]
fn search(dir: &Dir, prefix: &[u8]) -> Option<View> {
    live_thread(dir, prefix, &mut [0; BUFFER]).map(|(view, _)| view)
}

/// A number of `PID/FILE`: oom_score.
#[must_use]
pub fn number(proc: &Dir, pid: Pid, file: &CStr) -> Option<i64> {
    one_number(read_of(proc, pid, file, &mut [0; 64]).ok()?)
}

/// The memory cgroup of a process in this state and with so many threads. In a v1 hierarchy a first thread that has exited is in the root,
/// wherever the others are.
pub fn group_of<'b>(
    proc: &Dir,
    pid: Pid,
    (state, threads): (u8, u64),
    buf: &'b mut [u8],
) -> Option<(cgroup::Version, &'b [u8])> {
    let name = Fixed::<16>::dec(pid.get());
    let view = view(proc, name.as_bytes(), state, threads);
    cgroup::memory_cgroup(read(proc, view.as_c_str()?, c"cgroup", buf).ok()?)
}

/// Its whole command line, as it set it: words that end with a NUL.
pub fn command_line<'b>(proc: &Dir, pid: Pid, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    read_of(proc, pid, c"cmdline", buf)
}

fn read_of<'b>(proc: &Dir, pid: Pid, file: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    let name = Fixed::<16>::dec(pid.get());
    read(proc, name.as_c_str().unwrap_or_default(), file, buf)
}

/// Reads `PID/FILE`, which the kernel prints in one go.
pub fn read<'b>(proc: &Dir, pid: &CStr, file: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    let mut path = Fixed::<64>::of(pid.to_bytes());
    path.push(b"/").push(file.to_bytes());
    let file = proc.file(path.as_c_str().ok_or(Errno::ENAMETOOLONG)?)?;
    file.once(buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_the_table_with_its_parent_and_memory() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let mut table = Table::arm(1 << 16).expect("room");
        table.read(&proc, Depth::Badness).expect("a table");
        assert_eq!(table.overflow(), 0);
        let own = crate::sys::system::own_pid();
        let this = table.rows().iter().find(|process| u64::from(process.pid.get().unsigned_abs()) == own);
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
        let mut table = Table::arm(1).expect("room");
        table.read(&proc, Depth::Weight).expect("a table");
        assert_eq!(table.rows().len(), 1);
        assert!(table.overflow() > 0);
    }
}
