//! A file that can still be written to when nothing else can: made, written and mapped before, so that a report is a memcpy.
//!
//! At a memory cgroup's hard limit write(2) to a file that has no pages yet fails with ENOMEM, fallocated or not. Pages that were written
//! once and are locked through a mapping are there. What is in them outlives this process, whatever ends it: the kernel writes it back.

mod fields;
pub mod frame;
pub mod log;
pub mod read;

extern crate std;

use core::ffi::CStr;
use core::time::Duration;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AtFlags, FallocateFlags, OFlag, fallocate};
use nix::sys::mman::MapFlags;
use nix::sys::stat::{fstat, fstatat};
use nix::unistd::{fdatasync, ftruncate};

use self::frame::{Form, Kind};
use self::log::{Lack, Log};
use super::file::Dir;
use super::map::{WRITABLE, mapped};
use super::ours::{At, Kind as FileKind, NewFile, Use, open_ours, rename_to_free};
use super::{Errno, Result, filesystem};

/// A record on a file of its own.
pub struct Record {
    file: OwnedFd,
    log: Log<'static>,
    disk: Disk,
    /// Until then it is not waited for again.
    next_sync: Duration,
}

/// Whether the disk has what the record has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Same,
    Behind,
    /// It was told to write, then.
    Writing(Duration),
}

/// How long it is left alone with what it was told to write: after that there is little to wait for.
const HEAD_START: Duration = Duration::from_millis(500);

/// While snapshots come every second, it is waited for only so often: a disk that is thrashed may take long, and the target is not
/// looked at meanwhile.
const REST: Duration = Duration::from_secs(10);

impl Record {
    /// A new file of `size` bytes, for its owner only. `lent` is overwritten. A file that can't be completed is removed.
    pub fn create(at: At<'_>, size: usize, form: Form, lent: &mut [u8]) -> Result<Self> {
        let new = NewFile::create(at, FILE.mode)?;
        fill(new.file()?, size, lent)?;
        let bytes = map(new.file()?, size)?;
        Ok(Self { file: new.keep()?, log: Log::new(bytes, form), disk: Disk::Behind, next_sync: Duration::ZERO })
    }

    /// How its lines are written.
    pub(super) fn form(&self) -> Form {
        self.log.form()
    }

    /// Begins an entry.
    pub(super) fn begin(&mut self, kind: Kind) {
        // Reports below the threshold are left to the kernel's own time.
        if kind != Kind::Below {
            self.disk = Disk::Behind;
        }
        self.log.begin(kind);
    }

    /// More of it; returns how much there was room for.
    pub(super) fn append(&mut self, bytes: &[u8]) -> usize {
        self.log.append(bytes)
    }

    /// What there is of it.
    pub(super) fn open(&self) -> &[u8] {
        self.log.open()
    }

    /// A section of it is complete.
    pub(super) fn commit(&mut self) {
        self.log.commit();
    }

    /// Ends it and returns its bytes.
    pub(super) fn seal(&mut self) -> &[u8] {
        self.log.seal();
        self.log.last()
    }

    /// When nothing is urgent: has the disk write what it has not, and makes room for what is next.
    pub fn idle(&mut self, now: Duration) {
        match self.disk {
            Disk::Same => {}
            Disk::Behind => {
                self.start_writing();
                self.log.prepare();
                self.disk = Disk::Writing(now);
            }
            Disk::Writing(since) => {
                let due = self.next_sync.max(since.saturating_add(HEAD_START));
                if now >= due {
                    // A disk that fails is no reason to end a watch: the pages stay, and the end says it.
                    let _ = fdatasync(&self.file);
                    self.disk = Disk::Same;
                    self.next_sync = now.saturating_add(REST);
                }
            }
        }
    }

    /// What it has no room for.
    #[must_use]
    pub fn lack(&self) -> Option<Lack> {
        self.log.lack()
    }

    /// Does not wait for the disk, as msync(MS_ASYNC) does not; but that has been left to the kernel's own time since Linux 2.6.19.
    fn start_writing(&self) {
        let fd = self.file.as_raw_fd();
        // nix has no sync_file_range(2).
        // SAFETY: a descriptor and integers, no memory.
        let _ = unsafe { libc::sync_file_range(fd, 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    }

    /// Cuts the file to what is in it, and gives it its name unless something has that already. Where another file has taken its place
    /// by then, both stay where they are: who moved the record away has a use for it, and the other is none of ours.
    pub fn finish(&mut self, dir: &Dir, from: &CStr, to: &CStr) -> core::result::Result<(), Unfinished> {
        self.log.seal();
        let length = i64::try_from(self.log.length()).map_err(|_| Errno::EOVERFLOW)?;
        ftruncate(&self.file, length)?;
        match fdatasync(&self.file) {
            Ok(()) | Err(Errno::EINVAL | Errno::ENOSYS) => {}
            Err(errno) => return Err(errno.into()),
        }
        let own = fstat(&self.file)?;
        if own.st_nlink == 0 {
            return Err(Unfinished::Deleted);
        }
        match fstatat(dir, from, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(there) if (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino) => Ok(rename_to_free(dir, from, to)?),
            Ok(_) => Err(Unfinished::MovedAway { inode: own.st_ino, is_taken: true }),
            Err(Errno::ENOENT) => Err(Unfinished::MovedAway { inode: own.st_ino, is_taken: false }),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Why a record did not get its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfinished {
    /// A system call failed.
    Failed(Errno),
    /// It has no name any more, and is gone with this process, whatever has its name by now.
    Deleted,
    /// It has another name now.
    MovedAway {
        /// The record's, by which find(1) finds it.
        inode: u64,
        /// Whether another file has its name.
        is_taken: bool,
    },
}

impl From<Errno> for Unfinished {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

/// Writes `size` newlines, so that the file has its blocks and its pages: ENOSPC is an error here and SIGBUS would be later.
fn fill(file: BorrowedFd<'_>, size: usize, lent: &mut [u8]) -> Result<()> {
    let length = i64::try_from(size).map_err(|_| Errno::EFBIG)?;
    match fallocate(file, FallocateFlags::empty(), 0, length) {
        // Not every file system can; those blocks are then taken by writing.
        Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINTR) => {}
        Err(errno) => return Err(errno),
    }
    lent.fill(b'\n');
    let mut left = size;
    while left > 0 {
        let piece = lent.get(..left.min(lent.len())).unwrap_or_default();
        match nix::unistd::write(file, piece) {
            Ok(0) => return Err(Errno::EIO),
            Ok(written) => left -= written,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    match fdatasync(file) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOSYS) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Maps the file, and dirties each page once more through the mapping: a page that was written back faults at the next store.
fn map(file: BorrowedFd<'_>, size: usize) -> Result<&'static mut [u8]> {
    let start = mapped(size, WRITABLE, MapFlags::MAP_SHARED, Some(file))?;
    // SAFETY: the mapping has this length, is never unmapped, and only this slice leads to it. The file is this process's own: 0600 and
    // new; who may still write to it may as well write to this process's memory.
    let bytes = unsafe { core::slice::from_raw_parts_mut(start.cast::<u8>().as_ptr(), size) };
    for page in bytes.chunks_mut(4096) {
        // Else the compiler leaves out what is there already.
        core::hint::black_box(&mut *page);
        page[0] = b'\n';
        core::hint::black_box(page);
    }
    Ok(bytes)
}

/// What a record on the disk is: those are only ever created, and an old one is removed only if it begins so.
pub static FILE: FileKind = FileKind {
    name: "record of memdoor",
    option: "-o DIR",
    is_ours: |beginning| Form::of(beginning).is_some(),
    mode: 0o600,
    use_of_it: Use::Written,
};

/// Whether what is there is a record: what may be removed. An empty file is none: nobody knows whose it is, and no room is won.
#[must_use]
pub fn is_record(at: At<'_>) -> bool {
    let file = open_ours(at, &FILE, OFlag::O_RDONLY).ok().flatten();
    file.is_some_and(|file| fstat(&file).is_ok_and(|stat| stat.st_size > 0))
}

/// Whether what is in `dir` is in memory only: gone with a reboot.
pub fn is_in_memory(dir: &Dir) -> bool {
    filesystem::kind(dir) == filesystem::Kind::Memory
}
