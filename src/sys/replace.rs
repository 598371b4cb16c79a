//! A file that is replaced as a whole: whoever reads it sees the old one or the new one, and a full disk leaves the old one alone.

extern crate std;

use core::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, OFlag, open, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{fsync, unlink};

use super::{Errno, Result};

/// The new file, which has another name until it is complete. It is removed when it is dropped before that.
#[derive(Debug)]
pub struct Replacement<'p> {
    fd: OwnedFd,
    name: &'p CStr,
    is_done: bool,
}

impl<'p> Replacement<'p> {
    /// A new file of this name, for its owner only: never one that is there, nor one that a symbolic link leads to.
    pub fn create(name: &'p CStr) -> Result<Self> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(Self { fd, name, is_done: false })
    }

    /// Takes the place of `path`, in the same directory, once its bytes are on the disk.
    pub fn replace(self, path: &CStr) -> Result<()> {
        match fsync(&self.fd) {
            // Not every file system has something to do then.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOSYS) => {}
            Err(errno) => return Err(errno),
        }
        self.rename(path)
    }

    /// The same for what everybody may read and what is of no use after a crash: nobody waits for the disk.
    pub fn publish(self, path: &CStr) -> Result<()> {
        fchmod(&self.fd, Mode::from_bits_truncate(0o644))?;
        self.rename(path)
    }

    fn rename(mut self, path: &CStr) -> Result<()> {
        renameat(AT_FDCWD, self.name, AT_FDCWD, path)?;
        self.is_done = true;
        Ok(())
    }
}

impl AsFd for Replacement<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Replacement<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            // It is of no use, and what keeps it from going has been told already.
            let _ = unlink(self.name);
        }
    }
}
