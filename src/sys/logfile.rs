//! Logs: a file that is appended to and rotated, and the sockets of journald and syslogd.

extern crate std;

use core::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, OFlag, open, renameat};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send, socket};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{ftruncate, mkdir};

use super::system::effective_user;
use super::{Errno, Result};
use crate::fixed::Fixed;

/// A path, PATH_MAX at most with the number of an old file behind it.
pub type Path = Fixed<4096>;

/// A file that grows by lines, and becomes `NAME.1` when it is full; `NAME.1` becomes `NAME.2`, and the oldest goes.
#[derive(Debug)]
pub struct LogFile {
    fd: OwnedFd,
    /// How many bytes it may have.
    most: u64,
    /// How many old ones are kept.
    keep: u32,
}

impl LogFile {
    /// Opens it, or makes it: for its owner, readable by its group, and never through a symbolic link.
    pub fn open(path: &CStr, most: u64, keep: u32) -> Result<Self> {
        Self::with(OFlag::empty(), path, most, keep)
    }

    /// Makes it: EEXIST when there is something of that name.
    pub fn create(path: &CStr, most: u64, keep: u32) -> Result<Self> {
        Self::with(OFlag::O_EXCL, path, most, keep)
    }

    /// Makes it, or opens what was made by who memdoor is: in a directory of all, somebody else may have been faster.
    pub fn reopen(path: &CStr, most: u64, keep: u32) -> Result<Self> {
        match Self::create(path, most, keep) {
            Err(Errno::EEXIST) => {}
            made => return made,
        }
        let file = Self::open(path, most, keep)?;
        let stat = fstat(&file.fd)?;
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        if kind == SFlag::S_IFREG && stat.st_uid == effective_user() { Ok(file) } else { Err(Errno::EEXIST) }
    }

    fn with(more: OFlag, path: &CStr, most: u64, keep: u32) -> Result<Self> {
        let flags = OFlag::O_WRONLY
            | OFlag::O_APPEND
            | OFlag::O_CREAT
            | OFlag::O_NOFOLLOW
            | OFlag::O_NOCTTY
            | OFlag::O_NONBLOCK
            | OFlag::O_CLOEXEC;
        let fd = open(path, flags | more, Mode::from_bits_truncate(0o640))?;
        Ok(Self { fd, most, keep })
    }

    /// Appends a line with one write(2); before that the file is rotated when the line does not fit.
    pub fn append(&mut self, path: &CStr, line: &[u8]) -> Result<()> {
        self.make_room(path, line.len())?;
        self.write(line)
    }

    /// Rotates it when so many bytes more do not fit, and begins it anew when it was removed, as its room is not free before that. How
    /// many bytes there are now; others may have cut it, so it is asked every time.
    pub fn make_room(&mut self, path: &CStr, length: usize) -> Result<u64> {
        let stat = fstat(&self.fd)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let is_full = size > 0 && size.saturating_add(length as u64) > self.most;
        if stat.st_nlink > 0 && !is_full {
            return Ok(size);
        }
        if stat.st_nlink > 0 {
            self.rotate(path)?;
        }
        *self = Self::reopen(path, self.most, self.keep)?;
        Ok(0)
    }

    /// Appends bytes. When not all can be written none are: half a line would be no line to whoever reads it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let errno = match nix::unistd::write(&self.fd, rest) {
                Ok(0) => Errno::EIO,
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    continue;
                }
                Err(Errno::EINTR) => continue,
                Err(errno) => errno,
            };
            if let Ok(written @ 1..) = i64::try_from(bytes.len() - rest.len()) {
                // What can't be cut, as a FIFO, keeps its half: the errno of the write tells more.
                let size = fstat(&self.fd).map_or(0, |stat| stat.st_size);
                let _ = ftruncate(&self.fd, size.saturating_sub(written));
            }
            return Err(errno);
        }
        Ok(())
    }

    /// Without old ones to keep the file begins anew.
    fn rotate(&self, path: &CStr) -> Result<()> {
        for number in (1..=self.keep).rev() {
            let from = match number {
                1 => Path::of(path.to_bytes()),
                number => numbered(path, number - 1),
            };
            let to = numbered(path, number);
            let (Some(from), Some(to)) = (from.as_c_str(), to.as_c_str()) else {
                return Err(Errno::ENAMETOOLONG);
            };
            match renameat(AT_FDCWD, from, AT_FDCWD, to) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        if self.keep == 0 {
            nix::unistd::unlink(path)?;
        }
        Ok(())
    }
}

impl AsFd for LogFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Makes a directory for logs, for its owner and readable by its group, unless there is one.
pub fn make_dir(path: &CStr) -> Result<()> {
    match mkdir(path, Mode::from_bits_truncate(0o750)) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn numbered(path: &CStr, number: u32) -> Path {
    let mut path = Path::of(path.to_bytes());
    path.push(b".").push_dec(number);
    path
}

/// A socket that takes lines: connected once, and again when whoever reads it was started anew.
#[derive(Debug)]
pub struct LogSocket {
    fd: Option<OwnedFd>,
    path: &'static CStr,
}

impl LogSocket {
    /// Of journald: `KEY=value` lines, systemd's native protocol.
    pub const JOURNAL: &CStr = c"/run/systemd/journal/socket";
    /// Of syslogd: RFC 3164.
    pub const SYSLOG: &CStr = c"/dev/log";

    /// Connects to it.
    pub fn open(path: &'static CStr) -> Result<Self> {
        let fd = Some(connected(path)?);
        Ok(Self { fd, path })
    }

    /// Sends a datagram, without waiting for room.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let fd = self.fd.as_ref().ok_or(Errno::ENOTCONN);
        match fd.and_then(|fd| send(fd.as_raw_fd(), bytes, flags)) {
            Ok(_) => Ok(()),
            Err(Errno::EAGAIN) => Err(Errno::EAGAIN),
            Err(_) => {
                self.fd = None;
                let fd = connected(self.path)?;
                send(fd.as_raw_fd(), bytes, flags)?;
                self.fd = Some(fd);
                Ok(())
            }
        }
    }
}

fn connected(path: &CStr) -> Result<OwnedFd> {
    let fd = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}
