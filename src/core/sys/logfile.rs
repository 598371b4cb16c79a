//! Logs: a file that is appended to and rotated, and the sockets of journald and syslogd.

extern crate std;

use core::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AtFlags, OFlag};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send, socket};
use nix::sys::stat::{fstat, fstatat};
use nix::unistd::ftruncate;

use super::ours::{At, Kind, NewFile, Refused, Why, open_ours, remove, rename_to_free};
use super::{Errno, Result};
use crate::fixed::Fixed;

/// A path, PATH_MAX at most with the number of an old file behind it.
pub type Path = Fixed<4096>;

/// A file that grows by lines, and becomes `NAME.1` when it is full; `NAME.1` becomes `NAME.2`, and the oldest goes.
///
/// What is at any of these names and is not of its kind is neither written to, nor renamed, nor removed: [`super::ours`].
#[derive(Debug)]
pub struct LogFile {
    fd: OwnedFd,
    kind: &'static Kind,
    /// How many bytes it may have.
    most: u64,
    /// How many old ones are kept.
    keep: u32,
}

impl LogFile {
    /// Opens it, or makes it. What stands where old ones will go must be old ones.
    pub fn open(at: At<'_>, kind: &'static Kind, most: u64, keep: u32) -> core::result::Result<Self, Refused> {
        for number in 1..=keep {
            let name = numbered(at.name, number);
            let name = name.as_c_str().ok_or_else(|| refused(at.name, Errno::ENAMETOOLONG.into()))?;
            open_ours(At { name, ..at }, kind, OFlag::O_RDONLY).map_err(|why| refused(name, why))?;
        }
        Self::open_one(at, kind, most, keep).map_err(|why| refused(at.name, why))
    }

    /// Makes it: EEXIST when there is something of that name.
    pub fn create(at: At<'_>, kind: &'static Kind, most: u64, keep: u32) -> core::result::Result<Self, Refused> {
        let made = NewFile::create(at, kind.mode).and_then(NewFile::keep);
        made.map(|fd| Self { fd, kind, most, keep }).map_err(|errno| refused(at.name, errno.into()))
    }

    /// Makes it, or opens one of its kind: whoever has renamed the old one may have left an empty one.
    pub fn reopen(at: At<'_>, kind: &'static Kind, most: u64, keep: u32) -> core::result::Result<Self, Refused> {
        Self::open_one(at, kind, most, keep).map_err(|why| refused(at.name, why))
    }

    fn open_one(at: At<'_>, kind: &'static Kind, most: u64, keep: u32) -> core::result::Result<Self, Why> {
        let fd = match NewFile::create(at, kind.mode) {
            Ok(new) => new.keep()?,
            Err(Errno::EEXIST) => {
                open_ours(at, kind, OFlag::O_RDWR | OFlag::O_APPEND)?.ok_or(Why::Failed(Errno::ENOENT))?
            }
            Err(errno) => return Err(errno.into()),
        };
        Ok(Self { fd, kind, most, keep })
    }

    /// Rotates it when so many bytes more do not fit, and begins it anew when it was removed, as its room is not free before that. How
    /// many bytes there are now; others may have cut it, so it is asked every time. What is refused is named by its name alone.
    pub fn make_room(&mut self, at: At<'_>, length: usize) -> core::result::Result<u64, Refused> {
        let failed = |errno: Errno| refused(at.name, errno.into());
        let stat = fstat(&self.fd).map_err(failed)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let is_full = size > 0 && size.saturating_add(length as u64) > self.most;
        if stat.st_nlink > 0 && !is_full {
            return Ok(size);
        }
        if stat.st_nlink > 0 {
            self.rotate(at)?;
        }
        *self = Self::reopen(at, self.kind, self.most, self.keep)?;
        Ok(u64::try_from(fstat(&self.fd).map_err(failed)?.st_size).unwrap_or(0))
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
                // The errno of the write tells more than one of this.
                let size = fstat(&self.fd).map_or(0, |stat| stat.st_size);
                let _ = ftruncate(&self.fd, size.saturating_sub(written));
            }
            return Err(errno);
        }
        Ok(())
    }

    /// Whether the name still leads to this file: logrotate may have renamed it.
    fn is_at(&self, at: At<'_>) -> Result<bool> {
        let own = fstat(&self.fd)?;
        match fstatat(at.dir, at.name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(now) => Ok((now.st_dev, now.st_ino) == (own.st_dev, own.st_ino)),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Renames this file and the old ones, the oldest of which goes. Without old ones to keep this one goes.
    fn rotate(&self, at: At<'_>) -> core::result::Result<(), Refused> {
        if !self.is_at(at).map_err(|errno| refused(at.name, errno.into()))? {
            return Ok(());
        }
        if self.keep == 0 {
            return remove(at.dir, at.name).map_err(|errno| refused(at.name, errno.into()));
        }
        for number in (0..=self.keep).rev() {
            let from = numbered(at.name, number);
            let from = from.as_c_str().ok_or_else(|| refused(at.name, Errno::ENAMETOOLONG.into()))?;
            self.move_on(At { name: from, ..at }, at.name, number).map_err(|why| refused(from, why))?;
        }
        Ok(())
    }

    /// Renames one of them, if it is there and ours, to what is free by now.
    fn move_on(&self, from: At<'_>, name: &CStr, number: u32) -> core::result::Result<(), Why> {
        if number > 0 && open_ours(from, self.kind, OFlag::O_RDONLY)?.is_none() {
            return Ok(());
        }
        if number == self.keep {
            return Ok(remove(from.dir, from.name)?);
        }
        let to = numbered(name, number + 1);
        Ok(rename_to_free(from.dir, from.name, to.as_c_str().ok_or(Errno::ENAMETOOLONG)?)?)
    }
}

impl AsFd for LogFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn refused(name: &CStr, why: Why) -> Refused {
    Refused { at: Fixed::of(name.to_bytes()), why }
}

/// `NAME.2`; 0 is the name itself.
fn numbered(name: &CStr, number: u32) -> Fixed<256> {
    let mut name = Fixed::of(name.to_bytes());
    if number > 0 {
        name.push(b".").push_dec(number);
    }
    name
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path.to_str().unwrap_or_default()
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
