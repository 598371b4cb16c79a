//! One memdoor acts at a time: two that see the same shortage would end two victims where one is enough.
//!
//! Who is to act takes a lock while it chooses, tells whom it ends, leaves the lock, and tells nothing any more when that one has
//! ended. Who finds that a victim was told whose end helps it, too, waits for that, and looks at memory once more. The rules:
//!
//! - A victim's end helps who looks at the whole system, and who looks at a cgroup that the victim is in: memdoors of cgroups that
//!   have nothing in common do not wait for each other.
//! - **Root's lock** is on `/proc/vmallocinfo`, a file of mode 0400 that every kernel has: it needs no directory to write to, works on
//!   a read-only root and in a container (whose /proc is its own: memdoors that do not share a /proc do not see each other), and an
//!   ordinary user, who can't open it, can't hold root up. The file is never read.
//! - **A user's lock** is a file of mode 0600 in the first of `/dev/shm`, `/run/user/UID` and `/tmp` where it can be made. Where
//!   somebody else has made it, the next is tried; a user without a lock goes on without one.
//! - What is told is believed of who has such a lock: a number on another file is anybody's, and a process that has it may have become
//!   root by running a set-user-ID program since.
//! - A user's memdoor yields to root's, always. Both tell before they look, so that at least one sees the other.
//! - Root's yields to a user's word only while the victim that it names is that user's own and holds at least as much as root's would
//!   give back, for [`USERS_WORD`] at most, and never below `--hard`. So nobody delays it for longer than one victim takes that does
//!   not hear SIGTERM.
//! - Who has ended somebody tells when, in place of the victim, for as long as it runs: the stall that ended with that victim is in the
//!   pressure of 10 s and more afterwards, and a memdoor that has waited for nobody would end another one for it (`--psi`).
//! - Every wait is bounded by this memdoor's own `--grace`, all of them together. A lock that can't be had for another reason (ENOMEM at a cgroup's limit)
//!   stops no kill.

use core::ffi::CStr;
use core::time::Duration;

use crate::fixed::Fixed;
use crate::identity::ProcessIdentity;
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

/// What stands in the high half of the number that is told; the low half is the victim. "mdkl".
const MARK: u64 = 0x6d64_6b6c;

/// The same where the low half is when somebody was ended, in tenths of a second on the steady clock. "mdke".
const MARK_OF_END: u64 = 0x6d64_6b65;

/// For so long the kernel's average of 10 s may have a stall that is over.
const LINGERS: Duration = Duration::from_secs(20);

/// A user's word holds root up no longer.
pub(super) const USERS_WORD: Duration = Duration::from_secs(5);

/// A file, as `/proc/locks` names it.
type FileId = (u64, u64, u64);

/// Who is in the way.
#[derive(Clone, Debug)]
pub(super) struct Other {
    /// Its memdoor, where the lock says whose it is.
    pub(super) memdoor: Option<Named>,
    /// Whom it ends: not known while it chooses, nor when that one has gone.
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
    /// What of that was for others before it.
    pub(super) before: Duration,
    /// Whether it had not come to an end when the time for it was up.
    pub(super) is_in_vain: bool,
}

/// The lock, and where others' are seen.
#[derive(Debug)]
pub(super) struct Turn {
    is_armed: bool,
    lock: Option<Lock>,
    /// Which file the own lock is on.
    own: Option<FileId>,
    /// Which file root's is on.
    roots: Option<FileId>,
    /// When this memdoor has ended somebody last, as it is told.
    ended: Option<u64>,
    /// The newest end by another that was heeded.
    heeded: u64,
    locks: Kept,
    user: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            is_armed: false,
            lock: None,
            own: None,
            roots: None,
            ended: None,
            heeded: 0,
            locks: Kept::new(c"locks"),
            user: u32::MAX,
        }
    }
}

impl Turn {
    /// Opens it where it is not yet, and why it can't be.
    pub(super) fn arm(&mut self, proc: &Dir) -> Result<()> {
        if self.is_armed {
            return Ok(());
        }
        let user = system::effective_user();
        let roots = proc.device_and_inode(ROOTS).ok();
        let opened = match user {
            0 => Lock::of_kernel(proc, ROOTS).or_else(|_| users_lock(user)),
            _ => users_lock(user),
        };
        let failed = opened.as_ref().map(drop).map_err(|errno| *errno);
        let lock = opened.ok();
        let own = lock.as_ref().and_then(|lock| lock.file().ok());
        *self = Self { is_armed: true, lock, own, roots, user, ..Self::default() };
        // Opened and read once: at a cgroup's limit it can be read, and not opened.
        let _ = self.other(proc, None, None);
        failed
    }

    /// Takes the lock, to choose; or who is in the way.
    pub(super) fn take(&mut self, proc: &Dir, group: Option<&[u8]>) -> core::result::Result<(), Other> {
        let taken = self.lock.as_ref().map(Lock::take);
        let other = self.other(proc, group, None);
        match (taken, other) {
            (Some(Ok(Taken::Others)), other) => {
                Err(other.unwrap_or(Other { memdoor: None, victim: None, is_users_word: false }))
            }
            (_, Some(other)) => {
                // Others may choose meanwhile.
                self.release();
                Err(other)
            }
            (_, None) => Ok(()),
        }
    }

    /// Tells the victim, whose end gives back so much, and lets others choose; or who told another one at the same time.
    pub(super) fn tell(
        &mut self,
        proc: &Dir,
        group: Option<&[u8]>,
        victim: Pid,
        held: Bytes,
    ) -> core::result::Result<(), Other> {
        if let Some(lock) = &self.lock {
            let _ = lock.tell(MARK << 32 | u64::from(victim.get().unsigned_abs()));
            lock.leave();
        }
        let Some(other) = self.other(proc, group, Some(held)) else {
            return Ok(());
        };
        if !other.is_users_word {
            self.release();
        }
        Err(other)
    }

    /// Tells no victim any more, but when there was one.
    pub(super) fn release(&self) {
        if let Some(lock) = &self.lock {
            let is_told = self.ended.is_some_and(|at| lock.tell(MARK_OF_END << 32 | at).is_ok());
            if !is_told {
                lock.tell_nothing();
            }
            lock.leave();
        }
    }

    /// Somebody has ended by this memdoor, which [`Turn::release`] tells.
    pub(super) fn note_end(&mut self, now: Duration) {
        self.ended = Some(tenths(now));
        self.heeded = tenths(now);
    }

    /// Whether another memdoor has ended somebody since this was asked last, so lately that the stall before that is still in the pressure. Only
    /// root's word counts, and that of who has the same file.
    pub(super) fn has_another_ended(&mut self, proc: &Dir, now: Duration) -> bool {
        let since = self.heeded.max(tenths(now.saturating_sub(LINGERS)));
        let trusted = [self.own, self.roots];
        let own_pid = Pid::new(system::own_pid());
        let mut newest = None;
        self.each_lock(proc, &mut |lock| {
            let is_told = lock.start >> 32 == MARK_OF_END && Some(lock.pid) != own_pid;
            if is_told && trusted.contains(&Some(lock.file)) {
                newest = newest.max(Some(lock.start & 0xffff_ffff).filter(|at| *at > since && *at <= tenths(now)));
            }
        });
        self.heeded = newest.unwrap_or(self.heeded);
        newest.is_some()
    }

    /// The locks that tell something.
    fn each_lock(&mut self, proc: &Dir, each: &mut dyn FnMut(&locks::Lock)) {
        let mut buf = [0; 4096];
        if self.locks.open(proc).is_err() {
            return;
        }
        let mut lines = Lines::new(&self.locks, &mut buf);
        while let Some(Ok(line)) = lines.next() {
            if let Some(lock) = locks::line(line).filter(|lock| lock.kind == Kind::PosixRead) {
                each(&lock);
            }
        }
    }

    /// Another memdoor that ends somebody whose end helps this one as well, and that is to be yielded to. `held`: what the own victim
    /// would give back; before it is chosen no user's word counts for root.
    ///
    /// The kernel prints `/proc/locks` in pieces, and passes a line over when one before it goes meanwhile: who is not found is looked
    /// for a second time.
    fn other(&mut self, proc: &Dir, group: Option<&[u8]>, held: Option<Bytes>) -> Option<Other> {
        self.look_for_other(proc, group, held).or_else(|| self.look_for_other(proc, group, held))
    }

    fn look_for_other(&mut self, proc: &Dir, group: Option<&[u8]>, held: Option<Bytes>) -> Option<Other> {
        let trusted = [self.own, self.roots];
        let user = self.user;
        let own_pid = Pid::new(system::own_pid())?;
        let mut found = None;
        self.each_lock(proc, &mut |lock| {
            let told = (lock.start >> 32 == MARK && lock.pid != own_pid).then(|| Pid::new(lock.start & 0xffff_ffff));
            let Some(victim) = told.flatten().filter(|_| found.is_none()) else {
                return;
            };
            let is_trusted = trusted.contains(&Some(lock.file));
            let is_heeded = is_trusted || is_believed(proc, user, (lock.pid, own_pid), victim, held);
            if is_heeded && helps(proc, victim, group) {
                found = Some(Other {
                    // What hidepid hides has a number all the same.
                    memdoor: Named::of(proc, lock.pid).or(Some(Named { pid: lock.pid, comm: Comm::new() })),
                    victim: Named::of(proc, victim),
                    is_users_word: !is_trusted && user == 0,
                });
            }
        });
        found
    }
}

/// As an end is told: 32 bits of it last for 13 years.
fn tenths(at: Duration) -> u64 {
    (u64::try_from(at.as_millis()).unwrap_or(u64::MAX) / 100) & 0xffff_ffff
}

/// Whether the end of `victim` gives memory back to the cgroup that this memdoor looks at.
fn helps(proc: &Dir, victim: Pid, group: Option<&[u8]>) -> bool {
    group.is_none_or(|group| {
        let name = Fixed::<16>::dec(victim.get());
        ProcessIdentity::new(proc, name.as_bytes(), b"").is_in(group)
    })
}

/// Whether one is believed whose number is on a file that is neither root's nor the own: `pids` are its and the own.
fn is_believed(proc: &Dir, user: u32, pids: (Pid, Pid), victim: Pid, held: Option<Bytes>) -> bool {
    let (pid, own_pid) = pids;
    let Some(theirs) = User::of(proc, pid) else {
        return false;
    };
    if user != 0 {
        // The same user's, by a file in another directory: of two that see each other, one goes first.
        return theirs.user == user && pid < own_pid;
    }
    let (Some(held), Some(of)) = (held, User::of(proc, victim)) else {
        return false;
    };
    theirs.user != 0 && of.user == theirs.user && of.held.is_some_and(|size| size >= held && size > Bytes(0))
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
