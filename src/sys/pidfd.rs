//! A process as a descriptor, pidfd_open(2): Linux 5.3.

extern crate std;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Result;
use crate::units::Pid;

/// One process, whoever gets its number after it.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// The process that has this number now. No permission is needed.
    ///
    /// ESRCH: none has. EINVAL: the number is that of a thread. ENOSYS: Linux before 5.3.
    pub fn open(pid: Pid) -> Result<Self> {
        // SAFETY: two integers and no memory.
        super::owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.get(), 0) }).map(Self)
    }

    /// Whether the process has exited: poll(2) without waiting.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1))
    }

    /// A duplicate of the process's descriptor `fd`, pidfd_getfd(2): Linux 5.6, and the permission to ptrace-attach.
    ///
    /// Drop it at once: while it is held, the process's own close() does not end the connection.
    pub fn getfd(&self, fd: i32) -> Result<OwnedFd> {
        // SAFETY: three integers and no memory.
        super::owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, self.0.as_raw_fd(), fd, 0) })
    }

    /// The descriptor's number, for /proc/self/fdinfo.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
