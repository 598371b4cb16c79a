//! The running kernel's log: /dev/kmsg, and syslog(2) where that is missing.

extern crate std;

use core::ffi::CStr;
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};

use super::signal::{self, Until, Woken};
use super::{Errno, Result};

/// The longest record: CONSOLE_EXT_LOG_MAX of Linux, 8192 since 2.6's devkmsg; a shorter buffer is EINVAL.
pub const RECORD: usize = 8192;

/// The kernel's log, a record for each read, from the oldest that is left.
#[derive(Debug)]
pub struct Kmsg(OwnedFd);

/// What a read of the log gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read<'b> {
    /// A record: its line, without those of its properties.
    Record(&'b [u8]),
    /// Records were overwritten before they could be read.
    Lost,
    /// Nothing more for now.
    End,
}

impl Kmsg {
    /// Opens the device by its path: `/dev/kmsg`. ENODEV: what is there is another.
    pub fn open(path: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let log = open(path, flags, Mode::empty())?;
        // include/linux/major.h and drivers/char/mem.c.
        const KMSG: libc::dev_t = libc::makedev(1, 11);
        match fstat(&log)?.st_rdev {
            KMSG => Ok(Self(log)),
            _ => Err(Errno::ENODEV),
        }
    }

    /// Passes over what the log holds now: from here on only new records are read.
    pub fn skip(&self) -> Result<()> {
        nix::unistd::lseek(&self.0, 0, nix::unistd::Whence::SeekEnd).map(drop)
    }

    /// Waits until there is a record.
    pub fn wait(&self, timeout: Duration) -> Result<Woken> {
        signal::wait(Some((self.as_fd(), Until::Readable)), Some(timeout))
    }

    /// The next record, without waiting for one.
    pub fn next<'b>(&self, buf: &'b mut [u8]) -> Result<Read<'b>> {
        loop {
            match nix::unistd::read(&self.0, buf) {
                Ok(0) | Err(Errno::EAGAIN) => return Ok(Read::End),
                Ok(length) => {
                    let line = buf[..length].split(|byte| *byte == b'\n').next();
                    return Ok(Read::Record(line.unwrap_or_default()));
                }
                Err(Errno::EPIPE) => return Ok(Read::Lost),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl AsFd for Kmsg {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The size of the kernel's buffer, syslog(2) SYSLOG_ACTION_SIZE_BUFFER.
pub fn size() -> Result<usize> {
    const SIZE_BUFFER: i64 = 10;
    syslog(SIZE_BUFFER, &mut [])
}

/// The end of the kernel's buffer as far as it fits, syslog(2) SYSLOG_ACTION_READ_ALL: `<4>[  123.456789] ` lines.
pub fn read_all(buf: &mut [u8]) -> Result<&[u8]> {
    const READ_ALL: i64 = 3;
    let length = syslog(READ_ALL, buf)?;
    Ok(&buf[..length.min(buf.len())])
}

fn syslog(action: i64, buf: &mut [u8]) -> Result<usize> {
    let room = libc::c_int::try_from(buf.len()).unwrap_or(libc::c_int::MAX);
    // nix's syslog is syslog(3).
    // SAFETY: the kernel writes at most `room` bytes into `buf`, and nothing for an action that reads a number.
    let done = unsafe { libc::syscall(libc::SYS_syslog, action, buf.as_mut_ptr(), room) };
    usize::try_from(done).map_err(|_| Errno::last())
}
