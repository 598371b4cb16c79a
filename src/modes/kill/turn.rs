//! One memdoor acts at a time: two that see the same shortage would end two victims where one is enough.
//!
//! Who is to act takes a lock, and tells whom it ends; who finds it taken waits, and looks at memory once more. The rules:
//!
//! - **Root's lock** is on `/proc/vmallocinfo`, a file of mode 0400 that every kernel has: it needs no directory to write to, works on
//!   a read-only root and in a container (whose /proc is its own: memdoors that do not share a /proc do not see each other), and an
//!   ordinary user, who can't open it, can't hold root up. The file is never read.
//! - **A user's lock** is a file of mode 0600 in the first of `/dev/shm`, `/run/user/UID` and `/tmp` where it can be made. Where
//!   somebody else has made it, the next is tried; a user without a lock goes on without one.
//! - A user's memdoor yields to root's, always.
//! - Root's yields to a user's word only while the victim that it names is that user's own and holds at least as much as root's would
//!   give back, for [`USERS_WORD`] at most, and never below `--hard`. So nobody delays it for longer than one victim takes that does
//!   not hear SIGTERM.
//! - Every wait is bounded by this memdoor's own `--grace`. A lock that can't be had for another reason (ENOMEM at a cgroup's limit)
//!   stops no kill.

use core::ffi::CStr;
use core::time::Duration;

use crate::fixed::Fixed;
use crate::parse::locks::{self, Kind};
use crate::parse::{stat, status};
use crate::processes::{Comm, Memory};
use crate::sys::file::Dir;
use crate::sys::kept::Kept;
use crate::sys::lines::Lines;
use crate::sys::lock::{Lock, Taken};
use crate::sys::{Errno, Result, system};
use crate::target::{STAT_MAX, STATUS_MAX};
use crate::units::{Bytes, Pid};

/// Root's file: of root alone on every kernel since 2.6.28.
const ROOTS: &CStr = c"vmallocinfo";

/// What stands in the high half of the number that is told; the low half is the victim, 0 before it is chosen. "mdkl".
const MARK: u64 = 0x6d64_6b6c;

/// A user's word holds root up no longer.
pub(super) const USERS_WORD: Duration = Duration::from_secs(5);

/// A file, as `/proc/locks` names it.
type FileId = (u64, u64, u64);

/// Who is in the way.
#[derive(Clone, Debug)]
pub(super) struct Other {
    /// Its memdoor, where the lock says whose it is.
    pub(super) memdoor: Option<Named>,
    /// Whom it ends, once it has said so.
    pub(super) victim: Option<Named>,
    /// Whether it is an ordinary user's, and this one root's.
    pub(super) is_users_word: bool,
}

/// A process by its number and its name at that time.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) pid: Pid,
    pub(super) comm: Comm,
}

/// How one memdoor was waited for.
#[derive(Clone, Debug)]
pub(super) struct Waited {
    pub(super) whom: Other,
    pub(super) took: Duration,
    /// Whether it had not come to an end when the time for it was up.
    pub(super) is_in_vain: bool,
}

/// The lock, and where others' are seen.
#[derive(Debug)]
pub(super) struct Turn {
    lock: Option<Lock>,
    /// Which file the own lock is on.
    own: Option<FileId>,
    /// Which file root's is on.
    roots: Option<FileId>,
    locks: Kept,
    user: u32,
}

impl Turn {
    /// Opens it, and why it can't be.
    pub(super) fn arm(proc: &Dir) -> (Self, Result<()>) {
        let user = system::own_user();
        let roots = proc.device_and_inode(ROOTS).ok();
        let opened = match user {
            0 => Lock::of_kernel(proc, ROOTS).or_else(|_| users_lock(user)),
            _ => users_lock(user),
        };
        let failed = opened.as_ref().map(drop).map_err(|errno| *errno);
        let lock = opened.ok();
        let own = lock.as_ref().and_then(|lock| lock.file().ok());
        let mut turn = Self { lock, own, roots, locks: Kept::new(c"locks"), user };
        // Opened and read once: at a cgroup's limit it can be read, and not opened.
        let _ = turn.other(proc, Bytes(0));
        (turn, failed)
    }

    /// Takes the lock and tells the victim, if it is chosen already, which gives back so much; or who is in the way.
    pub(super) fn take(&mut self, proc: &Dir, victim: Option<Pid>, held: Bytes) -> core::result::Result<(), Other> {
        let taken = self.lock.as_ref().map(Lock::take);
        if let Some(Ok(Taken::Others)) = taken {
            let unknown = Other { memdoor: None, victim: None, is_users_word: false };
            return Err(self.other(proc, held).unwrap_or(unknown));
        }
        // Told before others are looked for: of two that do so, at least one sees the other.
        if let Some(lock) = &self.lock {
            let number = victim.map_or(0, |pid| u64::from(pid.get().unsigned_abs()));
            let _ = lock.tell(MARK << 32 | number);
        }
        let Some(other) = self.other(proc, held) else {
            return Ok(());
        };
        if let (Some(lock), false) = (&self.lock, other.is_users_word) {
            lock.tell_nothing();
        }
        Err(other)
    }

    /// Lets others act.
    pub(super) fn release(&self) {
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }

    /// Another memdoor that acts and is to be yielded to.
    fn other(&mut self, proc: &Dir, held: Bytes) -> Option<Other> {
        let (own, roots, user) = (self.own, self.roots, self.user);
        let mut buf = [0; 4096];
        let mut lines = Lines::new(self.locks.file(proc).ok()?, &mut buf);
        while let Some(Ok(line)) = lines.next() {
            let Some(lock) = locks::line(line).filter(|lock| lock.kind == Kind::PosixRead) else {
                continue;
            };
            let own_pid = system::own_pid();
            if lock.start >> 32 != MARK || u64::from(lock.pid.get().unsigned_abs()) == own_pid {
                continue;
            }
            let victim = Pid::new(lock.start & 0xffff_ffff);
            let is_trusted = Some(lock.file) == roots || Some(lock.file) == own;
            let is_heeded = is_trusted
                || match User::of(proc, lock.pid) {
                    Some(theirs) if user != 0 => {
                        // The same user's by another file: of two that see each other, one goes first.
                        theirs.user == user && (victim.is_some() || u64::from(lock.pid.get().unsigned_abs()) < own_pid)
                    }
                    Some(theirs) if theirs.user != 0 => victim.and_then(|pid| User::of(proc, pid)).is_some_and(|of| {
                        of.user == theirs.user && of.held.is_some_and(|size| size >= held && size > Bytes(0))
                    }),
                    _ => false,
                };
            if is_heeded {
                return Some(Other {
                    memdoor: Named::of(proc, lock.pid),
                    victim: victim.and_then(|pid| Named::of(proc, pid)),
                    is_users_word: !is_trusted && user == 0,
                });
            }
        }
        None
    }
}

/// Whose a process is, by its effective user: the owner of its directory would be root for who is not dumpable. And what it holds.
struct User {
    user: u32,
    held: Option<Bytes>,
}

impl User {
    fn of(proc: &Dir, pid: Pid) -> Option<Self> {
        let path = Fixed::<32>::new().push_dec(pid.get()).push(b"/status").clone();
        let mut buf = [0; STATUS_MAX];
        let status = status::parse(proc.read(path.as_c_str()?, &mut buf).ok()?);
        let user = u32::try_from(status.euid?).ok()?;
        Some(Self { user, held: Memory::of(&status).freeable() })
    }
}

impl Named {
    fn of(proc: &Dir, pid: Pid) -> Option<Self> {
        let path = Fixed::<32>::new().push_dec(pid.get()).push(b"/stat").clone();
        let mut buf = [0; STAT_MAX];
        let stat = stat::parse(proc.read(path.as_c_str()?, &mut buf).ok()?)?;
        Some(Self { pid, comm: Comm::of(stat.comm) })
    }
}

/// The first that can be made or opened; why the last can't be.
fn users_lock(user: u32) -> Result<Lock> {
    let mut failed = Errno::ENOENT;
    for (dir, is_by_user) in [(&b"/dev/shm"[..], false), (b"/run/user/", true), (b"/tmp", false)] {
        let mut path = Fixed::<64>::of(dir);
        if is_by_user {
            path.push_dec(user);
        }
        path.push(b"/memdoor-kill-").push_dec(user).push(b".lock");
        match Lock::of_file(path.as_c_str().unwrap_or_default()) {
            Ok(lock) => return Ok(lock),
            Err(errno) => failed = errno,
        }
    }
    Err(failed)
}
