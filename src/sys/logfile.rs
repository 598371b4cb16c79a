//! Logs: a file that is appended to and rotated, and the sockets of journald and syslogd.

extern crate std;

use core::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, OFlag, open, renameat};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send, socket,
};
use nix::sys::stat::{Mode, fstat};

use super::{Errno, Result};
use crate::fixed::Fixed;

/// A path, PATH_MAX at most with the number of an old file behind it.
type Path = Fixed<4096>;

/// A file that grows by lines, and becomes `NAME.1` when it is full; `NAME.1` becomes `NAME.2`, and the oldest goes.
#[derive(Debug)]
pub struct LogFile {
    fd: OwnedFd,
    size: u64,
    /// How many bytes it may have.
    most: u64,
    /// How many old ones are kept.
    keep: u32,
}

impl LogFile {
    /// Opens it, or makes it: for its owner, readable by its group, and never through a symbolic link.
    pub fn open(path: &CStr, most: u64, keep: u32) -> Result<Self> {
        let flags = OFlag::O_WRONLY
            | OFlag::O_APPEND
            | OFlag::O_CREAT
            | OFlag::O_NOFOLLOW
            | OFlag::O_NOCTTY
            | OFlag::O_NONBLOCK
            | OFlag::O_CLOEXEC;
        let fd = open(path, flags, Mode::from_bits_truncate(0o640))?;
        let size = u64::try_from(fstat(&fd)?.st_size).unwrap_or(0);
        Ok(Self {
            fd,
            size,
            most,
            keep,
        })
    }

    /// Appends a line with one write(2); before that the file is rotated when the line does not fit.
    pub fn append(&mut self, path: &CStr, line: &[u8]) -> Result<()> {
        let length = line.len() as u64;
        if self.size > 0 && self.size.saturating_add(length) > self.most {
            self.rotate(path)?;
        }
        match nix::unistd::write(&self.fd, line)? {
            all if all == line.len() => self.size += length,
            _ => return Err(Errno::ENOSPC),
        }
        Ok(())
    }

    /// Without old ones to keep the file begins anew.
    fn rotate(&mut self, path: &CStr) -> Result<()> {
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
        *self = Self::open(path, self.most, self.keep)?;
        Ok(())
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
    let fd = socket(
        AddressFamily::Unix,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}
