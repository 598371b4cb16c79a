//! A file that is replaced as a whole: whoever reads it sees the old one or the new one, and a full disk leaves the old one alone.

extern crate std;

use core::cell::Cell;
use core::ffi::CStr;
use core::time::Duration;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::{Mode, fchmod, fstat};

use super::{Kind, NewFile, Place, Refused, Why, abandoned, beside, open_ours, probe, remove, sync, sync_names};
use crate::fixed::Fixed;
use crate::sys::clock::monotonic;
use crate::sys::file::File;
use crate::sys::{Errno, Result, signal};

/// How long another memdoor is waited for that holds the lock for as long as it takes to look at all processes.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A file of one kind that is replaced, or will be made.
#[derive(Debug)]
pub struct Replaced<'p> {
    path: &'p CStr,
    place: Place,
    kind: &'static Kind,
    lock: Option<OwnedFd>,
    /// There was none before this run: what is there is the empty file that was made to be locked, or what has replaced that.
    is_made: Cell<bool>,
}

impl<'p> Replaced<'p> {
    /// Looks at what is there and whether another can be put in its place. Nothing is changed, but that what ended runs have left half
    /// written beside it is removed.
    pub fn open(path: &'p CStr, kind: &'static Kind) -> core::result::Result<Self, Refused> {
        let replaced = Self::look(path, kind)?;
        if let Ok(at) = replaced.place.at() {
            abandoned::remove_all(at.dir);
        }
        replaced.place.at().and_then(|at| probe(at.dir)).map_err(|errno| Why::from(errno).at(path))?;
        Ok(replaced)
    }

    /// The same of a file that is only read this time.
    pub fn look(path: &'p CStr, kind: &'static Kind) -> core::result::Result<Self, Refused> {
        let replaced = Self { path, place: Place::of(path)?, kind, lock: None, is_made: Cell::new(false) };
        replaced.old()?;
        Ok(replaced)
    }

    /// What is there, to be read; `None` when there is nothing yet.
    pub fn old(&self) -> core::result::Result<Option<File>, Refused> {
        let opened = self.place.at().map_err(Why::from).and_then(|at| open_ours(at, self.kind, OFlag::O_RDONLY));
        opened.map(|fd| fd.map(File::of)).map_err(|why| why.at(self.path))
    }

    /// Locks it against other runs until it is dropped, and makes an empty one when there is none. Another run is waited for `within` that
    /// time.
    pub fn lock(&mut self, within: Duration) -> core::result::Result<(), Refused> {
        let until = monotonic().saturating_add(within);
        let locked = loop {
            match self.try_lock() {
                Err(Why::Busy) if monotonic() < until => {
                    // How a wait of 20 ms ends is of no interest.
                    let _ = signal::wait(None, Some(Duration::from_millis(20)));
                }
                locked => break locked,
            }
        };
        self.lock = Some(locked.map_err(|why| why.at(self.path))?);
        Ok(())
    }

    fn try_lock(&self) -> core::result::Result<OwnedFd, Why> {
        let at = self.place.at()?;
        let fd = match open_ours(at, self.kind, OFlag::O_RDONLY)? {
            Some(fd) => fd,
            None => match NewFile::create(at, self.kind.mode) {
                Ok(new) => {
                    self.is_made.set(true);
                    new.keep()?
                }
                // Another was faster.
                Err(Errno::EEXIST) => return Err(Why::Busy),
                Err(errno) => return Err(errno.into()),
            },
        };
        flock(&fd)?;
        // The one who had the lock may have replaced the file meanwhile.
        let is_it = match open_ours(at, self.kind, OFlag::O_RDONLY)? {
            Some(now) => identity(&now)? == identity(&fd)?,
            None => false,
        };
        if is_it { Ok(fd) } else { Err(Why::Busy) }
    }

    /// Removes it again if it was made by [`Replaced::lock`] and never written to, and gives the lock back: who has nothing to remember leaves
    /// nothing behind.
    pub fn leave(self) {
        self.remove_if_made(|size| size == 0);
    }

    /// The same of one that was written to, too: what this run has put into it is void.
    pub fn take_away(self) {
        self.remove_if_made(|_| true);
    }

    fn remove_if_made(&self, is_void: impl FnOnce(i64) -> bool) {
        if let (true, Some(lock), Ok(at)) = (self.is_made.get(), &self.lock, self.place.at())
            && let Ok(Some(now)) = open_ours(at, self.kind, OFlag::O_RDONLY)
            && identity(&now) == identity(lock)
            && fstat(&now).is_ok_and(|stat| is_void(stat.st_size))
        {
            let _ = remove(at.dir, at.name);
        }
    }

    /// Replaces it by what `write` writes, all or nothing. A lock goes over to the new file.
    pub fn replace(&mut self, write: impl FnOnce(BorrowedFd<'_>) -> Result<()>) -> core::result::Result<(), Refused> {
        let replaced = match self.try_replace(write) {
            // Somebody has removed the directory, and made it anew.
            Err((Why::Failed(Errno::ENOENT | Errno::ESTALE), Some(write))) => {
                self.place = Place::of(self.path)?;
                self.try_replace(write)
            }
            replaced => replaced,
        };
        replaced.map_err(|(why, _)| why.at(self.path))
    }

    /// Gives `write` back when it was not called.
    fn try_replace<W>(&mut self, write: W) -> core::result::Result<(), (Why, Option<W>)>
    where
        W: FnOnce(BorrowedFd<'_>) -> Result<()>,
    {
        let mut name = Fixed::new();
        let begun = self.place.at().and_then(|at| Ok((at, beside(at.dir, &mut name)?)));
        let (at, new) = match begun {
            Ok(begun) => begun,
            Err(errno) => return Err((errno.into(), Some(write))),
        };
        let written = new.file().and_then(|file| {
            write(file)?;
            fchmod(file, Mode::from_bits_truncate(self.kind.mode))?;
            sync(file)
        });
        let taken = written.map_err(Why::from).and_then(|()| {
            // What is there now may be another file than the one that was looked at when this began.
            open_ours(at, self.kind, OFlag::O_RDONLY)?;
            if self.lock.is_some() {
                flock(new.file()?)?;
            }
            renameat(at.dir, new.at.name, at.dir, at.name)?;
            let fd = new.keep()?;
            // From here on there is a new file, whether or not its name is on the disk already.
            sync_names(at.dir)?;
            Ok(fd)
        });
        match taken {
            Ok(fd) => {
                if self.lock.is_some() {
                    self.lock = Some(fd);
                }
                Ok(())
            }
            Err(why) => Err((why, None)),
        }
    }
}

fn identity(fd: &OwnedFd) -> Result<(u64, u64)> {
    fstat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}

pub(super) fn flock(fd: impl AsFd) -> core::result::Result<(), Why> {
    // nix's Flock takes the descriptor with it; a lock is let go of here by closing what it is on.
    // SAFETY: a descriptor and a number, no memory.
    let done = unsafe { libc::flock(fd.as_fd().as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
    match Errno::result(done) {
        Ok(_) => Ok(()),
        Err(Errno::EWOULDBLOCK) => Err(Why::Busy),
        Err(errno) => Err(errno.into()),
    }
}
