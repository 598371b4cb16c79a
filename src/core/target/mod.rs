//! One process, and never another one that got its number.
//!
//! A number is not a process. From the first moment on the target is a directory descriptor of `/proc/PID`, which is pinned to it, and a
//! pidfd; nothing is opened by number again.

pub mod children;
pub mod exe;
pub mod family;
mod files;
pub mod find;
mod refusal;
mod tracee;

use core::ffi::CStr;

use crate::error::{Absent, Source};
use crate::fixed::Fixed;
use crate::parse::{self, dec, stat, status};
use crate::sys::Errno;
use crate::sys::bounded::Bounded;
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::kept::Kept;
use crate::sys::pidfd::PidFd;
use crate::units::{Bytes, Pid, Ticks};

pub use files::Files;
pub use refusal::{NamedBy, Refusal};
pub use tracee::{Scope, Unseized};

/// Room for `/proc/PID/stat`: 52 numbers of up to 20 digits and a comm of up to 63 bytes are 1155.
pub const STAT_MAX: usize = 1280;

/// Room for `/proc/PID/status`: 1.5 KiB on small machines; Cpus_allowed and Mems_allowed add 2.5 KiB at 8192 CPUs and 1024 nodes.
pub const STATUS_MAX: usize = 8 * 1024;

/// A process.
#[derive(Debug)]
pub struct Target {
    /// Its number in the `/proc` it was opened in.
    pub pid: Pid,
    /// When it was started, field 22 of stat.
    pub started: Ticks,
    /// Its kept files, relative to [`Target::view`].
    pub files: Files,
    pidfd: Option<PidFd>,
    dir: Dir,
    /// The process's own stat, not the thread's: the thread has another starttime and, in a namespace, another pid.
    stat: Kept,
    /// A live thread, when the first thread has exited before the others and shows no memory any more.
    thread: Option<Thread>,
}

/// The thread that shows a process's memory.
#[derive(Debug)]
struct Thread {
    tid: Pid,
    /// `/proc/PID/task/TID`.
    dir: Dir,
    /// Its descriptor of its own: Linux 6.9.
    pidfd: Option<PidFd>,
}

impl Thread {
    /// Of the process whose directory this is, which may have exited for good.
    fn of(process: &Dir) -> Option<Self> {
        let (tid, dir) = live_thread(process)?;
        let pidfd = process.dir(c"..").ok().and_then(|proc| pinned(&proc, PidFd::open_thread(tid).ok()?, tid));
        // The directory still answers, so the number has been this thread's all the time.
        let pidfd = pidfd.filter(|_| dir.read(c"stat", &mut [0; STAT_MAX]).is_ok());
        Some(Self { tid, dir, pidfd })
    }
}

/// What [`Target::look_again`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// Its memory can be read, perhaps through another thread than before.
    Alive,
    /// All of its threads have exited.
    Exited,
}

impl Target {
    /// The process of that number that was started then: another may have it by now.
    #[must_use]
    pub fn open_same(proc: &Dir, pid: Pid, started: Ticks) -> Option<Self> {
        Self::open(proc, pid).ok().filter(|target| target.started == started)
    }

    /// The process that has the number `pid` in `proc` now.
    pub fn open(proc: &Dir, pid: Pid) -> Result<Self, Refusal> {
        let name = Fixed::<16>::dec(pid.get());
        let name = name.as_c_str().unwrap_or_default();
        let dir = proc.dir(name).map_err(|errno| refusal::cannot_open(proc, pid, errno))?;
        let mut target = Self::in_dir(dir, pid)?;
        target.pidfd = open_pidfd(proc, pid);
        // The directory still answers, so the number has been this process's all the time and the pidfd is of the same process.
        match target.stat(|stat| stat.starttime) {
            Ok(started) if started == target.started => Ok(target),
            Ok(_) => Err(Refusal::NoSuchProcess(pid)),
            Err(why) => Err(refusal::without_stat(&target.dir, pid, why)),
        }
    }

    /// A process by its directory alone, without a pidfd: Linux before 5.3, and fixtures.
    pub fn in_dir(dir: Dir, pid: Pid) -> Result<Self, Refusal> {
        let mut target = Self {
            pid,
            started: Ticks(0),
            files: Files::new(),
            pidfd: None,
            dir,
            stat: Kept::new(c"stat"),
            thread: None,
        };
        let mut buf = [0; STATUS_MAX];
        let status = target.files.status.once(&target.dir, &mut buf).map(status::parse);
        let tgid = status.map_err(|errno| Refusal::unreadable(&target.dir, pid, b"status", errno))?.tgid;
        if let Some(of) = tgid.and_then(Pid::new).filter(|of| *of != pid) {
            return Err(Refusal::Thread { pid, of });
        }
        let facts =
            target.stat(|stat| (stat.starttime, stat.is_kernel_thread, stat.state, stat.ppid, Fixed::of(stat.comm)));
        let (started, is_kernel_thread, state, parent, comm) =
            facts.map_err(|why| refusal::without_stat(&target.dir, pid, why))?;
        target.started = started;
        if is_kernel_thread {
            return Err(Refusal::KernelThread { pid, comm });
        }
        if is_dead(state) && target.look_again() == Life::Exited {
            return Err(Refusal::Zombie { pid, comm, parent });
        }
        Ok(target)
    }

    /// What may block for as long as the process likes is read by another process from now on, if there is one.
    pub fn read_by(&mut self, by: Option<Bounded>) {
        self.files.read_by(by, self.pid);
    }

    /// The directory where its memory shows.
    #[must_use]
    pub fn view(&self) -> &Dir {
        view(&self.thread, &self.dir)
    }

    /// The view and the files below it, for reading the one through the other.
    pub fn view_and_files(&mut self) -> (&Dir, &mut Files) {
        (view(&self.thread, &self.dir), &mut self.files)
    }

    /// Its own directory, `/proc/PID`.
    #[must_use]
    pub const fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The process as a descriptor; `None` before Linux 5.3.
    #[must_use]
    pub const fn pidfd(&self) -> Option<&PidFd> {
        self.pidfd.as_ref()
    }

    /// Through what its descriptors are duplicated: where its first thread has exited that one has none any more, and the thread that shows
    /// its memory lends them.
    pub fn lender(&self) -> Result<&PidFd, Absent> {
        match &self.thread {
            Some(thread) => thread.pidfd.as_ref().ok_or(Absent::Leaderless),
            None => self.pidfd.as_ref().ok_or(Absent::NoPidfd),
        }
    }

    /// Whether it has not exited yet. A zombie has.
    pub fn is_alive(&mut self) -> bool {
        match &self.pidfd {
            Some(pidfd) => !pidfd.has_exited(),
            None => self.stat(|stat| stat.state).is_ok_and(|state| !is_dead(state)) || self.thread.is_some(),
        }
    }

    /// Whether it is exiting or has exited: what it held may be gone already, while its number and its pidfd still say that it lives.
    pub fn is_leaving(&mut self) -> bool {
        !self.is_alive() || self.stat(|stat| stat.is_exiting && stat.threads <= 1) != Ok(false)
    }

    /// Why `file` of its directory could not be read.
    ///
    /// ENOENT there means that the process has gone, that hidepid hides it, or that this kernel has no such file. The last is known only
    /// when `stat`, which every kernel has, is still there.
    pub fn absent(&mut self, file: &'static CStr, errno: Errno) -> Absent {
        let source = Source::process(self.pid, file);
        match errno {
            Errno::ENOENT | Errno::ESRCH if !self.is_alive() => Absent::Gone,
            Errno::ESRCH => Absent::Gone,
            Errno::ENOENT if self.dir.identity(c"stat").is_ok() => Absent::NotProvided(source),
            Errno::ETIMEDOUT => Absent::Stuck(self.files.patience(file)),
            other => source.failed(other),
        }
    }

    /// Why `file` of its directory, which was read, tells nothing: it is empty, or is not what its documentation says.
    #[must_use]
    pub const fn unsaid(&self, file: &'static CStr, is_empty: bool) -> Absent {
        if is_empty { Source::process(self.pid, file).empty() } else { Absent::Malformed }
    }

    /// Reads stat of the process and hands it to `pick`.
    pub fn stat<T>(&mut self, pick: impl FnOnce(stat::Stat<'_>) -> T) -> Result<T, Absent> {
        let mut buf = [0; STAT_MAX];
        let text = self.stat.once(&self.dir, &mut buf).map(<[u8]>::len);
        let len = text.map_err(|errno| match errno {
            Errno::ENOENT | Errno::ESRCH => Absent::Gone,
            other => Source::process(self.pid, c"stat").failed(other),
        })?;
        stat::parse(buf.get(..len).unwrap_or_default()).map(pick).ok_or_else(|| self.unsaid(c"stat", len == 0))
    }

    /// The thread that shows its memory, where the first one has exited.
    #[must_use]
    pub fn shown_by(&self) -> Option<Pid> {
        self.thread.as_ref().map(|thread| thread.tid)
    }

    /// The same, and that thread's name; none where it can't be read any more.
    pub fn shown_as<'b>(&mut self, buf: &'b mut [u8]) -> Option<(Pid, &'b [u8])> {
        let tid = self.shown_by()?;
        let (view, files) = self.view_and_files();
        Some((tid, stat::parse(files.stat.once(view, buf).ok()?)?.comm))
    }

    /// Called when its memory reads as nothing: finds a thread that still shows it.
    ///
    /// When the first thread of a process exits before the others, `/proc/PID` is a zombie's while the process lives on.
    pub fn look_again(&mut self) -> Life {
        if self.stat(|stat| stat.state).is_ok_and(|state| !is_dead(state)) {
            return Life::Alive;
        }
        match Thread::of(&self.dir) {
            Some(thread) => {
                self.thread = Some(thread);
                self.files.all().into_iter().for_each(Kept::reset);
                Life::Alive
            }
            None => Life::Exited,
        }
    }

    /// How many descriptors it has open; 0 when that can't be seen.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        let Ok(listing) = self.view().listing(c"fd") else {
            return 0;
        };
        let Ok(mut entries) = Entries::new(&listing) else {
            return 0;
        };
        let mut count = 0;
        while let Some(Ok(_)) = entries.next() {
            count += 1;
        }
        count
    }

    /// Opens what ticks and snapshots need and reads it once, so that it can be read at a cgroup's limit.
    ///
    /// smaps_rollup, whose reading walks the page tables and stalls the target meanwhile, only where that takes about 1 ms:
    /// under 64 MiB of `rss`, in mappings that fit one read.
    pub fn prime(&mut self, rss: Bytes) {
        let (view, files) = (view(&self.thread, &self.dir), &mut self.files);
        let mut buf = [0; 4096];
        // The kernel ends a read before the line that does not fit: what leaves this much room is all.
        let maps = files.maps.once(view, &mut buf).map(<[u8]>::len);
        let is_small = rss <= Bytes(64 << 20) && maps.is_ok_and(|length| length < 3072);
        for file in files.all() {
            // What can't be opened now is tried again when it is needed, and its reason reported then.
            let _ = file.open(view);
            if is_small || file.name() != c"smaps_rollup" {
                let _ = file.once(view, &mut buf);
            }
        }
    }
}

/// A thread that is not exiting, of the process whose directory this is: its number and its directory.
#[must_use]
pub fn live_thread(process: &Dir) -> Option<(Pid, Dir)> {
    let tasks = process.dir(c"task").ok()?;
    let listing = tasks.listing(c".").ok()?;
    let mut entries = Entries::new(&listing).ok()?;
    while let Some(Ok(name)) = entries.next() {
        let Some(tid) = dec(name.to_bytes()).and_then(Pid::new) else {
            continue;
        };
        let Ok(thread) = tasks.dir(name) else {
            continue;
        };
        let mut buf = [0; STAT_MAX];
        let is_live = thread
            .read(c"stat", &mut buf)
            .ok()
            .and_then(stat::parse)
            .is_some_and(|stat| !is_dead(stat.state) && !stat.is_exiting);
        if is_live {
            return Some((tid, thread));
        }
    }
    None
}

/// Where the memory shows: the thread's directory, or else the process's.
fn view<'d>(thread: &'d Option<Thread>, dir: &'d Dir) -> &'d Dir {
    thread.as_ref().map_or(dir, |thread| &thread.dir)
}

/// Whether a state of stat is that of a process that has exited.
#[must_use]
pub const fn is_dead(state: u8) -> bool {
    matches!(state, b'Z' | b'X' | b'x')
}

/// The pidfd of `pid`, unless this kernel has none or the number means another process to pidfd_open(2) than to this `/proc`.
fn open_pidfd(proc: &Dir, pid: Pid) -> Option<PidFd> {
    pinned(proc, PidFd::open(pid).ok()?, pid)
}

/// `fd`, if it is of whom `proc` numbers so.
///
/// `/proc` may be mounted from another pid namespace than memdoor's own: fdinfo shows the pidfd's process as THIS `/proc` numbers it.
fn pinned(proc: &Dir, fd: PidFd, pid: Pid) -> Option<PidFd> {
    let name = Fixed::<32>::of(b"self/fdinfo/").push_dec(fd.number()).clone();
    let mut buf = [0; 512];
    let text = proc.read(name.as_c_str()?, &mut buf).ok()?;
    let shown = parse::lines(text).filter_map(parse::key_value).find(|(key, _)| *key == b"Pid")?.1;
    (dec(shown) == u64::try_from(pid.get()).ok()).then_some(fd)
}
