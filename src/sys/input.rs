//! Logs as streams: files, pipes, standard input, read once from front to end.

extern crate std;

use core::ffi::{CStr, c_int};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::file::{Dir, openat2_in_root};
use super::{Errno, Result};

/// What a name leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// /dev/kmsg by whatever name: a read of it waits for what the kernel says next.
    Kmsg,
    /// A pipe, a socket, another device.
    Other,
}

/// Something to read bytes from, in order.
#[derive(Debug)]
pub struct Input(OwnedFd);

impl Input {
    /// Standard input; a descriptor of its own, so that it is closed with this.
    pub fn stdin() -> Result<Self> {
        // SAFETY: fcntl with F_DUPFD_CLOEXEC takes numbers and touches no memory.
        let fd = unsafe { libc::fcntl(libc::STDIN_FILENO, libc::F_DUPFD_CLOEXEC, 3) };
        super::owned(fd.into()).map(Self)
    }

    /// What somebody has named: symbolic links are followed, and a FIFO may make us wait for its writer.
    pub fn open(path: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        nix::fcntl::open(path, flags, Mode::empty()).map(Self)
    }

    /// What was found in a directory: never through a symbolic link, and never waiting.
    pub fn found(dir: &Dir, name: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        openat(dir, name, flags, Mode::empty()).map(Self)
    }

    /// A path of another system, its symbolic links resolved inside that system's root: openat2(2), Linux 5.6.
    pub fn in_root(root: &Dir, path: &CStr) -> Result<Self> {
        const FLAGS: c_int = libc::O_RDONLY | libc::O_NOCTTY | libc::O_NONBLOCK;
        openat2_in_root(root.as_fd().as_raw_fd(), path, FLAGS).map(Self)
    }

    /// What it is.
    pub fn kind(&self) -> Result<Kind> {
        // Documentation/admin-guide/devices.txt
        const KMSG: libc::dev_t = libc::makedev(1, 11);
        let stat = fstat(&self.0)?;
        Ok(match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFCHR if stat.st_rdev == KMSG => Kind::Kmsg,
            _ => Kind::Other,
        })
    }

    /// When it was last written to, in microseconds since 1970.
    pub fn modified_us(&self) -> Result<i64> {
        let stat = fstat(&self.0)?;
        let micros = stat.st_mtime_nsec / 1000;
        Ok(stat.st_mtime.saturating_mul(1_000_000).saturating_add(micros))
    }

    /// Bytes between where it is read now and its end; of a file alone.
    pub fn left(&self) -> Result<u64> {
        let at = nix::unistd::lseek(&self.0, 0, nix::unistd::Whence::SeekCur)?;
        Ok(u64::try_from(fstat(&self.0)?.st_size - at).unwrap_or(0))
    }

    /// One read(2); 0 is the end, for now.
    pub fn read(&self, buf: &mut [u8]) -> Result<usize> {
        loop {
            match nix::unistd::read(&self.0, buf) {
                Err(Errno::EINTR) => {}
                done => return done,
            }
        }
    }
}
