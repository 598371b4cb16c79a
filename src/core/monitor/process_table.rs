//! All processes over time: one row each, kept from sample to sample by pid and starttime.
//!
//! What 2,000 processes cost a sample is what the kernel takes to open, print and close a file of each: 7 us for statm, 10 for stat, 14 for
//! status, 5 to count descriptors (Linux 6.18). So an ordinary sample reads the names in `/proc`, and statm of each process, and a
//! sixteenth of all is looked at wholly, in turn, so that everybody is within [`TURNS`] samples. The largest and the fastest growing
//! are each time.
//!
//! # Who is who
//! The names in `/proc` come with an inode number. The kernel makes it up when it first looks the directory up (proc_fill_cache() of
//! fs/proc/base.c), binds it to the process itself (its `struct pid`, not its number), and drops it with the process
//! (proc_flush_pid()). So the same number with the same inode is the same process, and nothing has to be read to know it. Another
//! inode is another process, or the kernel has dropped the directory from its cache: the starttime tells. Before Linux 6.16 a number
//! is free an instant before its directory is dropped; who looks just then sees the old inode, and the next sample, as reading a
//! file by its path makes the kernel look again, the new one.

pub mod fds;
mod look;
mod points;
mod row;
mod top;

use core::time::Duration;

use crate::error::limit;
use crate::host::Host;
use crate::monitor::options::ReadPss;
use crate::parse::dec;
use crate::processes::reader::Reader;
use crate::sys::getdents::{Entries, Entry};
use crate::sys::pidfd::PidFd;
use crate::sys::reserved::Reserved;
use crate::sys::{Errno, Result};
use crate::units::Pid;
use look::{Owner, RowReader};
use points::Times;
#[cfg(test)]
pub(super) use row::tests::row as row_for_tests;
pub use row::{Growth, NameAndPid, Row};
pub use top::{SortKey, ZombieParent};

/// Sizes that are remembered of each process: enough for a line that tells growth from noise, 128 bytes a process.
pub const POINTS: usize = 32;

/// Everybody is looked at wholly within so many samples.
pub const TURNS: usize = 16;

/// The place of a row.
type Slot = usize;

/// How closely processes are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look<'r> {
    /// Finds out what of the shared memory of the top ones ends with them, which may block.
    pub reader: Option<&'r Reader>,
    /// So many of the largest and of the fastest growing are looked at wholly.
    pub top: usize,
    /// Whether PSS and USS of the largest are read, which takes their mmap_lock.
    pub deep: ReadPss,
    /// Who else is looked at wholly.
    pub coverage: Coverage,
    /// Whether swap is used.
    pub swap: Swapping,
}

/// Who is looked at wholly, beside the top ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Coverage {
    /// A sixteenth, in turn.
    #[default]
    Some,
    /// Everybody.
    All,
}

/// Whether anything is in swap: then that of a process is read whenever its RSS changes, as one becomes the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Swapping {
    #[default]
    No,
    Yes,
}

/// The processes.
#[derive(Debug)]
pub struct ProcessTable {
    /// Never longer than its room, so that nothing is allocated after [`ProcessTable::arm`]. A row stays where it is; what is free, or
    /// whose number comes next, is a list of places.
    rows: Reserved<Row>,
    first: Option<Slot>,
    free: Option<Slot>,
    times: Times,
    /// Counts samples.
    turn: u32,
    unlisted: u64,
    hidden: u64,
    exited: u64,
    /// As of the last sample `/proc` hides processes of other users: who has no row any more may live.
    hides_others: bool,
    /// Why one could not be read at the last sample: one that was known, or a new one where that is a limit of memdoor's own ([`limit`]).
    failed: Option<Errno>,
}

impl ProcessTable {
    /// Room for twice as many processes as there are, and then some. They are looked at each `interval`, and their growth is that
    /// of the last `window`.
    pub fn arm(host: &Host, window: Duration, interval: Duration) -> Result<Self> {
        Self::with_room((host.proc.directories() * 2 + 1024).max(8192), window, interval)
    }

    /// Room for so many.
    pub fn with_room(room: usize, window: Duration, interval: Duration) -> Result<Self> {
        Ok(Self {
            rows: Reserved::new(room)?,
            first: None,
            free: None,
            times: Times::new(window, interval),
            turn: 0,
            unlisted: 0,
            hidden: 0,
            exited: 0,
            hides_others: false,
            failed: None,
        })
    }

    /// Looks at all processes at the moment `at` of the steady clock. After an error those that it did not come to are as they were.
    /// Nobody at all is an error when a limit is why: no machine is without processes.
    pub fn read(&mut self, host: &Host, at: Duration, look: &Look<'_>) -> Result<()> {
        self.turn = self.turn.wrapping_add(1);
        (self.unlisted, self.hidden, self.failed) = (0, 0, None);
        let mut reader = RowReader::new(host, at, look, self.turn);
        let listing = host.proc.listing(c".")?;
        let mut entries = Entries::new(&listing)?;
        let mut before = None;
        while let Some(entry) = entries.entry() {
            let entry = entry?;
            if let Some(pid) = dec(entry.name.to_bytes()).and_then(Pid::new) {
                before = self.see(before, pid, &entry, &mut reader);
            }
        }
        if let (Some(errno), None) = (self.failed, self.first) {
            return Err(errno);
        }
        self.hides_others = self.forget_the_gone() && host.proc.hides_others();
        self.look_at_the_top(&mut reader, look);
        self.times.mark(at, host.page, &mut self.rows, self.first);
        Ok(())
    }

    /// Finds or makes the row of a process; the place from which to look for the next one.
    fn see(&mut self, before: Option<Slot>, pid: Pid, entry: &Entry<'_>, reader: &mut RowReader<'_>) -> Option<Slot> {
        // `/proc` has numbers in order, so the row is the next one; a directory that only looks like it may have them in any.
        let mut before = before.filter(|at| self.rows.get(*at).is_some_and(|row| row.pid < pid));
        let mut here = self.after(before);
        while let Some(row) = here.and_then(|at| self.rows.get(at))
            && row.pid < pid
        {
            (before, here) = (here, row.next);
        }
        let known = here.and_then(|at| Some((at, self.rows.get_mut(at)?)));
        let Some((slot, row)) = known.filter(|(_, row)| row.pid == pid) else {
            return self.add(before, here, pid, entry, reader);
        };
        match reader.again(row, slot, entry) {
            Owner::Same => self.failed = row.unread.or(self.failed),
            // Its row is found not to be seen, and goes.
            Owner::Gone => return before,
            Owner::Other => self.exited += 1,
        }
        Some(slot)
    }

    /// Adds a process between two rows, if there is room.
    fn add(
        &mut self,
        before: Option<Slot>,
        after: Option<Slot>,
        pid: Pid,
        entry: &Entry<'_>,
        reader: &mut RowReader<'_>,
    ) -> Option<Slot> {
        let slot = self.free.unwrap_or(self.rows.len());
        if slot == self.rows.len() {
            let _ = self.rows.push(Row::empty(None));
        }
        let Some(row) = self.rows.get_mut(slot) else {
            self.unlisted += 1;
            return before;
        };
        let free = row.next;
        *row = Row::empty(after);
        if let Err(errno) = reader.first(row, pid, entry) {
            self.hidden += u64::from(matches!(errno, Errno::EACCES | Errno::EPERM));
            self.failed = limit(errno).and(Some(errno)).or(self.failed);
            *row = Row::empty(free);
            self.free = Some(slot);
            return before;
        }
        self.free = free;
        self.link(before, Some(slot));
        Some(slot)
    }

    /// Frees the rows of those that were not seen; whether there was one.
    fn forget_the_gone(&mut self) -> bool {
        let exited = self.exited;
        let (mut before, mut here) = (None, self.first);
        while let Some((at, row)) = here.and_then(|at| Some((at, self.rows.get_mut(at)?))) {
            here = row.next;
            if row.seen == self.turn {
                before = Some(at);
                continue;
            }
            // Never one of the top ones.
            *row = Row::empty(self.free);
            self.free = Some(at);
            self.exited += 1;
            self.link(before, here);
        }
        self.exited > exited
    }

    fn after(&self, before: Option<Slot>) -> Option<Slot> {
        before.map_or(self.first, |at| self.rows.get(at)?.next)
    }

    fn link(&mut self, before: Option<Slot>, next: Option<Slot>) {
        match before.and_then(|at| self.rows.get_mut(at)) {
            Some(row) => row.next = next,
            None => self.first = next,
        }
    }

    /// The processes as of the last sample, by number.
    pub fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        let row = |at: Option<Slot>| self.rows.get(at?);
        core::iter::successors(row(self.first), move |last| row(last.next))
    }

    /// Of how long growth is the growth.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.times.window()
    }

    /// Between two looks.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.times.interval()
    }

    /// How it grew, by a line through its sizes in the window; `None`: fewer than four are known.
    #[must_use]
    pub fn growth(&self, row: &Row) -> Option<Growth> {
        self.times.growth(row)
    }

    /// How many there was no room for at the last sample.
    #[must_use]
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// How many may not be looked at (hidepid=1).
    #[must_use]
    pub const fn hidden(&self) -> u64 {
        self.hidden
    }

    /// Why processes that are there could not be read at the last sample.
    #[must_use]
    pub const fn failed(&self) -> Option<Errno> {
        self.failed
    }

    /// Whether one that has no row any more may live, and `/proc` not show it: it was remounted with hidepid since, and the number is in use.
    pub(super) fn may_hide(&self, pid: Pid) -> bool {
        self.hides_others && !matches!(PidFd::open(pid), Err(Errno::ESRCH | Errno::EINVAL))
    }

    /// How many have exited since arming, of those that a sample saw.
    #[must_use]
    pub const fn exited(&self) -> u64 {
        self.exited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Bytes, PageSize};

    impl ProcessTable {
        /// Of these rows, all with the sizes told at each second.
        pub(in super::super) fn of(rows: &[Row], seconds: u64, size: fn(u64) -> u64) -> Self {
            let window = Duration::from_secs(seconds);
            let mut processes = Self::with_room(rows.len(), window, Duration::from_secs(1)).expect("room");
            for (at, row) in rows.iter().enumerate() {
                let next = (at + 1 < rows.len()).then_some(at + 1);
                assert!(processes.rows.push(Row { next, ..row.clone() }).is_ok());
            }
            processes.first = (!rows.is_empty()).then_some(0);
            (0..=seconds).for_each(|second| processes.have(second, size(second)));
            processes
        }

        /// All have so much at that second.
        pub(in super::super) fn have(&mut self, second: u64, size: u64) {
            for row in self.rows.iter_mut() {
                row.rss = Bytes(size);
            }
            let at = Duration::from_secs(second);
            let first = self.first;
            self.times.mark(at, PageSize(4096), &mut self.rows, first);
        }

        /// All of them are otherwise.
        pub(in super::super) fn change(&mut self, how: impl Fn(&mut Row)) {
            self.rows.iter_mut().for_each(how);
        }

        /// One row, of which nothing is known yet.
        pub(in super::super) fn begin_with(&mut self, row: Row) {
            assert!(self.rows.push(row).is_ok());
            self.first = Some(0);
        }

        /// It exits.
        pub(in super::super) fn lose_the_first(&mut self) {
            self.first = self.after(self.first);
        }
    }
}
