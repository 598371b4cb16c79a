//! Triggers of pressure stall information: the kernel wakes who waits when processes have stalled for memory.
//! Documentation/accounting/psi.rst, Linux 5.2.

extern crate std;

use core::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::Result;
use super::file::Dir;
use crate::fixed::Fixed;

/// A trigger: POLLPRI at most once a window.
#[derive(Debug)]
pub struct Trigger(OwnedFd);

/// Two seconds: what users without CAP_SYS_RESOURCE may ask for is multiples of it (Linux 6.4; nothing before).
const WINDOW_US: u32 = 2_000_000;

impl Trigger {
    /// From now on, when some processes have stalled for `stall_us` within 2 s. `file` is `pressure/memory` of `/proc` or a cgroup's
    /// `memory.pressure`.
    pub fn arm(dir: &Dir, file: &CStr, stall_us: u32) -> Result<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let fd = openat(dir, file, flags, Mode::empty())?;
        let mut words = Fixed::<48>::of(b"some ");
        words.push_dec(stall_us).push(b" ").push_dec(WINDOW_US);
        // The kernel wants the text's NUL as well.
        words.push(b"\0");
        nix::unistd::write(&fd, words.as_bytes())?;
        Ok(Self(fd))
    }
}

impl AsFd for Trigger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
