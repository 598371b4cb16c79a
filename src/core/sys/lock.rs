//! A lock that one process holds at a time, and a number that its holder tells everybody: flock(2), fcntl(2).
//!
//! The lock is an flock on a file that nobody but its owner can open: whoever can open a file can lock it, so a file that others may
//! read would let any user hold memdoor up. It ends with its holder, however that ends.
//!
//! The number is told by the range of a POSIX read lock on the same file: `/proc/locks` shows who holds which range to everybody, so
//! that nothing has to be written anywhere, not even where every file system is read-only.

extern crate std;

use core::ffi::{CStr, c_int, c_short};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl, open, openat};
use nix::sys::stat::{Mode, SFlag, fstat, major, minor};

use super::file::Dir;
use super::system::effective_user;
use super::{Errno, Result};

/// The lock's file, held open.
#[derive(Debug)]
pub struct Lock(OwnedFd);

/// Whether the lock could be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is held now.
    Ours,
    /// Somebody else holds it.
    Others,
}

impl Lock {
    /// The lock of a file of the kernel's below `dir`, which is only opened and never read. EACCES when others may open it, too.
    pub fn of_kernel(dir: &Dir, name: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        Self::checked(openat(dir, name, flags, Mode::empty())?)
    }

    /// The lock of a file that is made when it is not there. EACCES when somebody else made it, or others may open it.
    pub fn of_file(path: &CStr) -> Result<Self> {
        let flags =
            OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        Self::checked(open(path, flags, Mode::S_IRUSR | Mode::S_IWUSR)?)
    }

    fn checked(fd: OwnedFd) -> Result<Self> {
        let stat = fstat(&fd)?;
        let is_plain = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
        let is_private = stat.st_mode & 0o077 == 0;
        if is_plain && is_private && stat.st_uid == effective_user() { Ok(Self(fd)) } else { Err(Errno::EACCES) }
    }

    /// Which file it is, as `/proc/locks` has it: the device's major and minor number, and the inode.
    pub fn file(&self) -> Result<(u64, u64, u64)> {
        let stat = fstat(&self.0)?;
        Ok((major(stat.st_dev), minor(stat.st_dev), stat.st_ino))
    }

    /// Takes it if nobody has it, without waiting.
    pub fn take(&self) -> Result<Taken> {
        match self.flock(libc::LOCK_EX | libc::LOCK_NB) {
            Ok(()) => Ok(Taken::Ours),
            Err(Errno::EWOULDBLOCK) => Ok(Taken::Others),
            Err(errno) => Err(errno),
        }
    }

    /// Tells `number`, of at most 62 bits, instead of what was told before: at no moment nothing is told.
    pub fn tell(&self, number: u64) -> Result<()> {
        let length = i64::try_from(number).map_err(|_| Errno::EOVERFLOW)?;
        self.range(libc::F_RDLCK, number, 1)?;
        if length > 0 {
            self.range(libc::F_UNLCK, 0, length)?;
        }
        self.range(libc::F_UNLCK, number + 1, 0)
    }

    /// Tells nothing any more.
    pub fn tell_nothing(&self) {
        // What is not locked is unlocked without an error.
        let _ = self.range(libc::F_UNLCK, 0, 0);
    }

    /// Lets go of it; what was told stays told.
    pub fn leave(&self) {
        let _ = self.flock(libc::LOCK_UN);
    }

    fn flock(&self, how: c_int) -> Result<()> {
        // nix's Flock takes the descriptor with it, which is held longer than the lock is.
        // SAFETY: two integers and no memory.
        Errno::result(unsafe { libc::flock(self.0.as_raw_fd(), how) }).map(drop)
    }

    /// From `start` on; a length of 0 is all that follows.
    fn range(&self, kind: c_int, start: u64, length: i64) -> Result<()> {
        let lock = libc::flock {
            l_type: c_short::try_from(kind).map_err(|_| Errno::EINVAL)?,
            l_whence: c_short::try_from(libc::SEEK_SET).map_err(|_| Errno::EINVAL)?,
            l_start: i64::try_from(start).map_err(|_| Errno::EOVERFLOW)?,
            l_len: length,
            l_pid: 0,
        };
        fcntl(&self.0, FcntlArg::F_SETLK(&lock)).map(drop)
    }
}
