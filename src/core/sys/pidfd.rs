//! A process as a descriptor, pidfd_open(2): Linux 5.3. By number: neither nix nor musl has these calls.

extern crate std;

use nix::sys::signal::{Signal, kill};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Errno, Result};
use crate::units::Pid;

/// What is sent to a process that is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// SIGTERM: it may put things in order.
    Ask,
    /// SIGCONT: behind SIGTERM, which one that is stopped does not get before.
    Wake,
    /// SIGKILL.
    Force,
}

impl End {
    const fn signal(self) -> i32 {
        match self {
            Self::Ask => libc::SIGTERM,
            Self::Wake => libc::SIGCONT,
            Self::Force => libc::SIGKILL,
        }
    }
}

/// kill(2), by number: whoever has it by now. Only for kernels without pidfds, and only when that was asked for.
pub fn end_by_number(pid: Pid, end: End) -> Result<()> {
    // A Pid is positive, so it names one process and no group.
    kill(nix::unistd::Pid::from_raw(pid.get()), Signal::try_from(end.signal())?)
}

/// Whether the kernel refuses memdoor's signals to this process (EPERM): for its user, or for a security module's rule. No signal is
/// sent for it. Where it can't be asked it is not known, and told by the first signal.
#[must_use]
pub fn is_refused(pid: Pid) -> bool {
    PidFd::open(pid).is_ok_and(|pidfd| pidfd.send(0) == Err(Errno::EPERM))
}

mod ioctls {
    // include/uapi/linux/pidfd.h: struct pidfd_info begins with its u64 mask and, in its first version, is 64 bytes long and ends with
    // the exit code.
    nix::ioctl_read_bad!(get_info, nix::request_code_readwrite!(0xFF, 11, 64), [u64; 8]);
}

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

    /// The thread that has this number now: of a process whose first thread has exited, the only one whose descriptors can be duplicated.
    ///
    /// EINVAL: Linux before 6.9.
    pub fn open_thread(tid: Pid) -> Result<Self> {
        // PIDFD_THREAD of include/uapi/linux/pidfd.h.
        const THREAD: libc::c_int = libc::O_EXCL;
        // SAFETY: two integers and no memory.
        super::owned(unsafe { libc::syscall(libc::SYS_pidfd_open, tid.get(), THREAD) }).map(Self)
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

    /// pidfd_send_signal(2), Linux 5.1: to this process or, when it has been collected, to nobody (ESRCH).
    pub fn end(&self, end: End) -> Result<()> {
        self.send(end.signal())
    }

    fn send(&self, signal: i32) -> Result<()> {
        let (fd, info) = (self.0.as_raw_fd(), core::ptr::null::<libc::siginfo_t>());
        // SAFETY: integers, and no siginfo: the kernel makes one as kill(2) does.
        let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, info, 0) };
        Errno::result(done).map(drop)
    }

    /// process_mrelease(2), Linux 5.15: takes the memory of a process that SIGKILL was sent to, without waiting until it gets to that
    /// itself. EINVAL: it was not killed; ESRCH: it has none any more; ENOSYS.
    pub fn reap(&self) -> Result<()> {
        // SAFETY: two integers and no memory of ours.
        let done = unsafe { libc::syscall(libc::SYS_process_mrelease, self.0.as_raw_fd(), 0) };
        Errno::result(done).map(drop)
    }

    /// The wait status of a process that has been collected, PIDFD_GET_INFO with PIDFD_INFO_EXIT: Linux 6.15. `None` before that.
    pub fn exit_status(&self) -> Result<Option<i32>> {
        const INFO_EXIT: u64 = 1 << 3;
        let mut info = [0; 8];
        info[0] = INFO_EXIT;
        // SAFETY: the kernel writes at most as many bytes as the request's number says, which is the size of `info`.
        unsafe { ioctls::get_info(self.0.as_raw_fd(), &raw mut info) }?;
        let last = info[7].to_ne_bytes();
        let code = last.last_chunk().map(|code| i32::from_ne_bytes(*code));
        Ok(code.filter(|_| info[0] & INFO_EXIT != 0))
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
