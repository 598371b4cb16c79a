//! One process: a glance at its statm, or a whole look.

use core::ffi::CStr;
use core::time::Duration;

use super::{Coverage, Look, Row, Slot, Swapping, TURNS};
use crate::fixed::Fixed;
use crate::host::Host;
use crate::parse::{limits, stat, statm, status};
use crate::processes::reader;
use crate::processes::{self, Comm, Kind, Memory, View};
use crate::sys::file::Dir;
use crate::sys::getdents::{Entries, Entry};
use crate::sys::{Errno, Result};
use crate::units::{Bytes, PageSize, Pid};

/// Room for the longest file read of each: status.
const BUFFER: usize = 8 * 1024;

/// So many descriptors are counted one by one: more are so many.
const COUNTED: u64 = 1 << 16;

/// An RSS that changes by so much may have come from swap, or gone to it.
const CHANGED: u64 = 256 << 10;

/// Reads processes at one sample.
pub(super) struct RowReader<'r> {
    proc: &'r Dir,
    page: PageSize,
    at: Duration,
    look: &'r Look<'r>,
    turn: u32,
    counting: Counting,
    buf: [u8; BUFFER],
}

/// How descriptors are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// fstatat(2) of `PID/fd` says how many (Linux 6.2, proc_fd_getattr()), to everybody.
    Size,
    /// The names in it are counted, which the kernel makes up one by one: of the top ones only, and for root and their owner only.
    Names,
}

/// Whole looks between two at the limit of descriptors.
const LIMIT_LOOKS: usize = 16;

/// Whom a number in `/proc` stands for.
pub(super) enum Owner {
    /// Who had it.
    Same,
    /// Nobody any more.
    Gone,
    /// Another process, which has its row now.
    Other,
}

impl<'r> RowReader<'r> {
    pub(super) fn new(host: &'r Host, at: Duration, look: &'r Look<'r>, turn: u32) -> Self {
        // memdoor itself has descriptors: a kernel that says 0 does not count.
        let own = host.proc.about(c"self/fd").map_or(0, |about| about.size);
        Self {
            proc: &host.proc,
            page: host.page,
            at,
            look,
            turn,
            counting: match own {
                0 => Counting::Names,
                _ => Counting::Size,
            },
            buf: [0; BUFFER],
        }
    }

    /// One that no sample has seen, in a row of its own. After an error the row is nobody's.
    pub(super) fn first(&mut self, row: &mut Row, pid: Pid, entry: &Entry<'_>) -> Result<()> {
        let text = processes::read(self.proc, entry.name, c"stat", &mut self.buf)?;
        let stat = stat::parse(text).ok_or(Errno::ESRCH)?;
        row.pid = pid;
        row.started = stat.starttime;
        row.comm = Comm::of(stat.comm);
        row.parent = Pid::new(stat.ppid);
        (row.state, row.threads) = (stat.state, stat.threads);
        (row.kind, row.inode) = (Kind::of(&stat), entry.inode);
        if row.kind == Kind::User {
            self.whole(row, entry.name)?;
            row.first = row.held();
        }
        row.seen = self.turn;
        Ok(())
    }

    /// One that a sample has seen.
    pub(super) fn again(&mut self, row: &mut Row, slot: Slot, entry: &Entry<'_>) -> Owner {
        let is_due = self.look.coverage == Coverage::All || slot % TURNS == self.turn as usize % TURNS;
        let done = match row.kind {
            _ if row.inode != entry.inode => self.identify(row, entry),
            // What a kernel thread starts is one as well, up to its exec() (Linux before 5.19).
            Kind::Kernel if is_due => self.identify(row, entry),
            Kind::Kernel => Ok(()),
            // Nothing of it changes but who its parent is.
            Kind::User if row.is_zombie() && !is_due => Ok(()),
            Kind::User if is_due || row.is_near_its_limit() => self.whole(row, entry.name),
            Kind::User => self.glance(row, entry.name),
        };
        match done {
            Err(Errno::ESTALE) => {
                *row = Row { pid: row.pid, ..Row::empty(row.next) };
                match self.first(row, row.pid, entry) {
                    Ok(()) => Owner::Other,
                    Err(_) => Owner::Gone,
                }
            }
            Err(Errno::ENOENT | Errno::ESRCH) => Owner::Gone,
            // Any other error is a limit or a right of memdoor's own, as EMFILE and EPERM: it is there, and nothing is known of it now.
            read => {
                (row.seen, row.unread) = (self.turn, read.err());
                Owner::Same
            }
        }
    }

    /// Whether it is still who it was, by its start: if not, ESTALE.
    fn identify(&mut self, row: &mut Row, entry: &Entry<'_>) -> Result<()> {
        let text = processes::read(self.proc, entry.name, c"stat", &mut self.buf)?;
        let stat = stat::parse(text).filter(|stat| stat.starttime == row.started);
        let stat = stat.ok_or(Errno::ESTALE)?;
        (row.inode, row.kind) = (entry.inode, Kind::of(&stat));
        match row.kind {
            Kind::User => self.whole(row, entry.name),
            Kind::Kernel => Ok(()),
        }
    }

    fn glance(&mut self, row: &mut Row, name: &CStr) -> Result<()> {
        let text = processes::read(self.proc, name, c"statm", &mut self.buf)?;
        // All zeros: it has exited, or is about to.
        let Some(statm) = statm::parse(text).filter(|statm| statm.size.0 > 0) else {
            return self.status(row, name);
        };
        let rss = statm.resident.bytes(self.page);
        let change = rss.0.abs_diff(row.rss.0);
        row.vsz = statm.size.bytes(self.page);
        (row.rss, row.shared) = (rss, statm.shared.bytes(self.page));
        (row.pss, row.uss) = (None, None);
        if self.look.swap == Swapping::Yes && change >= CHANGED {
            return self.status(row, name);
        }
        Ok(())
    }

    /// All but stat, which would tell nothing new.
    fn whole(&mut self, row: &mut Row, name: &CStr) -> Result<()> {
        self.status(row, name)?;
        row.looked = self.turn;
        if self.counting == Counting::Size || self.look.coverage == Coverage::All {
            self.count(row, name);
        }
        // A process sets its limit after it was started, as a rule, and opens its files after that: one that has more of them than when its
        // limit was read may have another by now. A limit that is lowered later (prlimit(1)) is seen within so many whole looks.
        let is_old = (self.turn as usize / TURNS).is_multiple_of(LIMIT_LOOKS);
        if row.fds_most.is_none() || row.fds > row.fds_then || row.is_near_its_limit() || is_old {
            let text = processes::read(self.proc, name, c"limits", &mut self.buf);
            (row.fds_most, row.fds_then) = (text.ok().and_then(limits::open_files), row.fds);
        }
        Ok(())
    }

    fn status(&mut self, row: &mut Row, name: &CStr) -> Result<()> {
        let text = processes::read(self.proc, name, c"status", &mut self.buf)?;
        let status = status::parse(text);
        if let Some(name) = status::name(text) {
            row.comm = Comm::of(name.as_bytes());
        }
        row.parent = status.parent.and_then(Pid::new);
        row.state = status.state.unwrap_or(row.state);
        row.threads = status.threads.unwrap_or(row.threads);
        let mut memory = Memory::of(&status);
        if row.state == b'Z' && !row.is_zombie() {
            let found = processes::live_thread(self.proc, name.to_bytes(), &mut self.buf);
            memory = found.map(|(_, memory)| memory).unwrap_or_default();
        }
        row.vsz = memory.size.unwrap_or_default();
        row.rss = memory.rss.unwrap_or_default();
        row.shared = match memory.file.zip(memory.shmem) {
            Some((file, shmem)) => file.plus(shmem),
            // Before Linux 4.5 only statm tells it. Without it all would be taken for anonymous.
            None if memory.rss.is_some() => self.shared(name).unwrap_or(row.shared).min(row.rss),
            None => Bytes(0),
        };
        row.shmem = memory.shmem.unwrap_or_default();
        (row.swap, row.hugetlb) = (memory.swap, memory.hugetlb);
        (row.pss, row.uss) = (None, None);
        Ok(())
    }

    /// Where its memory and its descriptors show.
    fn view(&self, row: &Row, name: &CStr) -> View {
        processes::view(self.proc, name.to_bytes(), row.state, row.threads)
    }

    /// What of its RSS is of files or shared memory, as statm has it.
    fn shared(&mut self, name: &CStr) -> Option<Bytes> {
        let text = processes::read(self.proc, name, c"statm", &mut self.buf).ok()?;
        Some(statm::parse(text)?.shared.bytes(self.page))
    }

    fn count(&self, row: &mut Row, name: &CStr) {
        let mut path = Fixed::<32>::of(self.view(row, name).as_bytes());
        path.push(b"/fd");
        let path = path.as_c_str().unwrap_or_default();
        row.fds = match self.counting {
            // It has closed them.
            _ if row.is_zombie() => None,
            Counting::Size => self.proc.about(path).ok().map(|about| about.size),
            Counting::Names => names(self.proc, path).ok(),
        };
        if let Some(fds) = row.fds {
            row.fds_first.get_or_insert((fds, self.at));
            row.fds_at = self.at;
        }
    }

    /// One of the top ones: a whole look, if it had none yet.
    pub(super) fn top(&mut self, row: &mut Row) -> Result<()> {
        let name = Fixed::<16>::dec(row.pid.get());
        let name = name.as_c_str().unwrap_or_default();
        if row.looked != self.turn {
            self.whole(row, name)?;
        }
        if self.counting == Counting::Names && self.look.coverage == Coverage::Some {
            self.count(row, name);
        }
        Ok(())
    }

    /// What of its shared memory ends with one of them; by `until` there must be an answer.
    pub(super) fn shared_freed(&self, row: &mut Row, until: Duration) {
        if let Some(reader) = self.look.reader.filter(|_| row.wants_its_ending()) {
            row.shared_freed = Some((reader.shared_freed(row.pid, Some(row.started), row.shmem, until), row.shmem));
        }
    }

    /// PSS and USS of one of them.
    pub(super) fn deep(&self, row: &mut Row) {
        if let Some(rollup) = reader::rollup(self.look.reader, self.proc, (row.pid, row.started)) {
            (row.pss, row.uss) = (rollup.pss, rollup.uss());
        }
    }
}

impl Row {
    /// Whether it has more than half of the descriptors that it may have.
    fn is_near_its_limit(&self) -> bool {
        let known = self.fds.zip(self.fds_most);
        known.is_some_and(|(fds, most)| fds > most / 2)
    }
}

/// How many names a directory has, but `.` and `..`.
fn names(proc: &Dir, path: &CStr) -> Result<u64> {
    let listing = proc.listing(path)?;
    let mut entries = Entries::new(&listing)?;
    let mut count = 0;
    while count < COUNTED
        && let Some(name) = entries.next()
    {
        count += u64::from(!name?.to_bytes().starts_with(b"."));
    }
    Ok(count)
}
