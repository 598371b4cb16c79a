//! Files and directories of `/proc` and `/sys`, opened relative to a directory that is held open.

extern crate std;

use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AtFlags, FcntlArg, OFlag, OpenHow, ResolveFlag, fcntl, openat, openat2};
use nix::sys::stat::{Mode, SFlag, fstat, fstatat, major, minor};

use super::{Errno, Result, filesystem};
use crate::fixed::Fixed;
use crate::units::Bytes;

/// What statx(2) tells of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    /// Device and inode: which file it is. No device number is written as in [`Dir::identity`].
    pub identity: (u64, u64),
    /// Its length; of `/proc/PID/fd` how many there are in it (Linux 6.2), 0 before.
    pub size: u64,
    /// What it takes of the disk, or of memory.
    pub held: Bytes,
    /// Its names: 0 when it was deleted, or never had one.
    pub names: u64,
}

/// The most that [`Dir::can_be_held`] tries.
pub const DESCRIPTORS_MAX: usize = 192;

/// A directory held open by an `O_PATH` descriptor.
///
/// One under `/proc/PID` is pinned to that process: once it has gone, every use fails with ESRCH or ENOENT, whoever has the
/// number by then.
#[derive(Debug)]
pub struct Dir(OwnedFd);

impl Dir {
    /// One that is open already.
    pub(super) const fn of(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Opens a directory by its path.
    pub fn open(path: &CStr) -> Result<Self> {
        nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map(Self)
    }

    /// Opens a directory below this one.
    pub fn dir(&self, name: &CStr) -> Result<Self> {
        openat(&self.0, name, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map(Self)
    }

    /// Opens a directory by its path in the system whose root this is.
    pub fn dir_in_root(&self, path: &CStr) -> Result<Self> {
        openat2_in_root(&self.0, path, OFlag::O_PATH | OFlag::O_DIRECTORY).map(Self)
    }

    /// Opens a file below this directory for reading.
    ///
    /// `O_NONBLOCK` means nothing to procfs; it keeps a FIFO in its place from holding memdoor for ever.
    pub fn file(&self, name: &CStr) -> Result<File> {
        openat(&self.0, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY, Mode::empty())
            .map(File)
    }

    /// Opens a directory below this one for [`super::getdents::Entries`].
    pub fn listing(&self, name: &CStr) -> Result<File> {
        openat(&self.0, name, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map(File)
    }

    /// Where the symbolic link `name` points, readlinkat(2). A full buffer may mean that the rest was cut.
    pub fn link<'b>(&self, name: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        readlinkat(self.0.as_raw_fd(), name, buf)
    }

    /// Where it is by now, as `proc`, the own `/proc`, shows it: it may have been moved since it was opened.
    pub fn path_now<'b>(&self, proc: &Self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        let mut name = Fixed::<32>::of(b"self/fd/");
        name.push_dec(self.0.as_raw_fd());
        proc.link(name.as_c_str().ok_or(Errno::ENAMETOOLONG)?, buf)
    }

    /// Device and inode of what `name` leads to, symbolic links followed.
    pub fn identity(&self, name: &CStr) -> Result<(u64, u64)> {
        let stat = fstatat(&self.0, name, AtFlags::empty())?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// The same as `/proc/locks` writes it: the device's major and minor number, and the inode; a symbolic link is not followed.
    pub fn device_and_inode(&self, name: &CStr) -> Result<(u64, u64, u64)> {
        let stat = fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok((major(stat.st_dev), minor(stat.st_dev), stat.st_ino))
    }

    /// The user whose file `name` is, and its mode; a symbolic link is followed, as `/proc/PID/exe` is.
    pub fn owner(&self, name: &CStr) -> Result<(u32, u32)> {
        let stat = fstatat(&self.0, name, AtFlags::empty())?;
        Ok((stat.st_uid, stat.st_mode))
    }

    /// When something was written to a file of it last, in nanoseconds since 1970; a link is not followed.
    pub fn modified(&self, name: &CStr) -> Result<i128> {
        let stat = fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec))
    }

    /// Whether this `/proc` is mounted with hidepid, and memdoor has not the right to see through that. PID 1 tells, which every pid namespace
    /// has: hidepid=1 says EPERM of its files, hidepid=2 and 4 have no such directory.
    #[must_use]
    pub fn hides_others(&self) -> bool {
        matches!(self.file(c"1/status"), Err(Errno::EPERM | Errno::ENOENT)) && self.is_proc()
    }

    /// Whether it is in a proc file system, fstatfs(2).
    #[must_use]
    pub fn is_proc(&self) -> bool {
        filesystem::kind(&self.0) == filesystem::Kind::Proc
    }

    /// Whether so many more descriptors can be had at once, at most [`DESCRIPTORS_MAX`]; if not, EMFILE or ENFILE.
    pub fn can_be_held(&self, times: usize) -> Result<()> {
        let mut held = [const { None }; DESCRIPTORS_MAX];
        for place in held.iter_mut().take(times) {
            let fd = fcntl(&self.0, FcntlArg::F_DUPFD_CLOEXEC(0))?;
            *place = Some(super::owned(fd.into())?);
        }
        Ok(())
    }

    /// How much of its file system is used, in bytes, fstatfs(2): of a tmpfs, memory and swap.
    pub fn used(&self) -> Result<u64> {
        let of = nix::sys::statfs::fstatfs(&self.0)?;
        let blocks = of.blocks().saturating_sub(of.blocks_free());
        Ok(blocks.saturating_mul(of.block_size()))
    }

    /// What the regular file `name` takes, in bytes, and whose it is; symbolic links are not followed.
    pub fn file_size(&self, name: &CStr) -> Result<(u64, u32)> {
        let stat = fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Errno::EINVAL);
        }
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        Ok((blocks.saturating_mul(512), stat.st_uid))
    }

    /// What the kernel knows of what `name` leads to, symbolic links followed: statx(2), Linux 4.11. It asks no server for what it
    /// does not know, so that one that does not answer holds nobody up.
    pub fn about(&self, name: &CStr) -> Result<About> {
        let mut found = MaybeUninit::<libc::statx>::zeroed();
        // nix has no statx(2).
        // SAFETY: `name` ends with a NUL, and the kernel fills the structure that it is given.
        let done = unsafe {
            libc::syscall(
                libc::SYS_statx,
                self.0.as_raw_fd(),
                name.as_ptr(),
                libc::AT_STATX_DONT_SYNC | libc::AT_NO_AUTOMOUNT,
                libc::STATX_BASIC_STATS,
                found.as_mut_ptr(),
            )
        };
        if done != 0 {
            return Err(Errno::last());
        }
        // SAFETY: it is integers, and was zeroed.
        let found = unsafe { found.assume_init() };
        let device = u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor);
        Ok(About {
            identity: (device, found.stx_ino),
            size: found.stx_size,
            held: Bytes(found.stx_blocks.saturating_mul(512)),
            names: found.stx_nlink.into(),
        })
    }

    /// How many directories it holds by its count of links. For `/proc` that is how many processes there are (proc_root_getattr()).
    #[must_use]
    pub fn directories(&self) -> usize {
        let links = fstat(&self.0).map_or(0, |stat| stat.st_nlink);
        usize::try_from(links).unwrap_or(0)
    }

    /// Its own device and inode, and its count of links: 2 and one for each directory in it, where the file system counts them.
    pub fn node(&self) -> Result<((u64, u64), u64)> {
        let stat = fstat(&self.0)?;
        #[allow(clippy::useless_conversion, reason = "32 bits on aarch64")]
        let links = u64::from(stat.st_nlink);
        Ok(((stat.st_dev, stat.st_ino), links))
    }

    /// Reads a small file below this directory once, then closes it.
    pub fn read<'b>(&self, name: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        let len = self.file(name)?.fill(buf)?.len();
        Ok(&buf[..len])
    }

    /// Opens a file of the kernel's below this directory for writing: whether that is permitted.
    pub fn writable(&self, name: &CStr) -> Result<OwnedFd> {
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        openat(&self.0, name, flags, Mode::empty())
    }

    /// Writes to such a file, in one write(2).
    pub fn write(&self, name: &CStr, bytes: &[u8]) -> Result<()> {
        match nix::unistd::write(&self.writable(name)?, bytes)? {
            written if written == bytes.len() => Ok(()),
            _ => Err(Errno::EIO),
        }
    }

    /// The absolute name of `path` with every symbolic link resolved as a process whose root is this directory would:
    /// openat2(2) with `RESOLVE_IN_ROOT`, Linux 5.6.
    pub fn realpath_in_root<'b>(&self, path: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        let found = openat2_in_root(&self.0, path, OFlag::O_PATH)?;
        let mut name = crate::fixed::Fixed::<32>::of(b"/proc/self/fd/");
        name.push_dec(found.as_raw_fd());
        readlinkat(libc::AT_FDCWD, name.as_c_str().ok_or(Errno::ENAMETOOLONG)?, buf)
    }
}

/// Where the symbolic link at `path` points, readlink(2).
pub fn link_at<'b>(path: &[u8], buf: &'b mut [u8]) -> Result<&'b [u8]> {
    let path = crate::fixed::Fixed::<512>::of(path);
    readlinkat(libc::AT_FDCWD, path.as_c_str().ok_or(Errno::ENAMETOOLONG)?, buf)
}

pub(super) fn readlinkat<'b>(dir: c_int, name: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    // nix's readlinkat returns an OsString, which is on the heap.
    // SAFETY: `name` ends with a NUL and the kernel writes at most `buf.len()` bytes into `buf`.
    let len = unsafe { libc::readlinkat(dir, name.as_ptr(), buf.as_mut_ptr().cast(), buf.len()) };
    let len = usize::try_from(len).map_err(|_| Errno::last())?;
    Ok(&buf[..len])
}

/// Opens `path` as a process whose root is `root` would, whatever its symbolic links say.
pub(super) fn openat2_in_root(root: impl AsFd, path: &CStr, flags: OFlag) -> Result<OwnedFd> {
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_IN_ROOT);
    openat2(root, path, how)
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// An open file, read with pread(2) so that it can be read again from the start without a seek.
#[derive(Debug)]
pub struct File(OwnedFd);

impl File {
    /// One that is open already.
    pub(super) const fn of(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Opens a regular file that may be somebody else's trap: neither through a symbolic link nor waiting.
    pub fn open_plain(path: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        let file = nix::fcntl::open(path, flags, Mode::empty()).map(Self)?;
        let mode = SFlag::from_bits_truncate(fstat(&file.0)?.st_mode) & SFlag::S_IFMT;
        match mode {
            SFlag::S_IFREG => Ok(file),
            SFlag::S_IFDIR => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    /// How long it is.
    pub fn size(&self) -> Result<usize> {
        usize::try_from(fstat(&self.0)?.st_size).map_err(|_| Errno::EOVERFLOW)
    }

    /// One pread(2): all of a file that the kernel prints in one go (statm, stat, status, meminfo, oom_score).
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        read_at(self.0.as_fd(), buf, offset)
    }

    /// Reads from the start once: enough for a file that the kernel prints in one go.
    pub fn once<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        let len = self.read_at(buf, 0)?;
        Ok(&buf[..len])
    }

    /// Reads from the start until the end, or until `buf` is full.
    pub fn fill<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        let mut len = 0;
        while len < buf.len() {
            match self.read_at(&mut buf[len..], len as u64)? {
                0 => break,
                more => len += more,
            }
        }
        Ok(&buf[..len])
    }
}

/// One pread(2).
pub(super) fn read_at(fd: BorrowedFd<'_>, buf: &mut [u8], offset: u64) -> Result<usize> {
    let offset = i64::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
    loop {
        match nix::sys::uio::pread(fd, buf, offset) {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

/// What can be read from any place in it.
pub trait ReadAt {
    /// Reads from `offset` on; 0 bytes: it ends there.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.read_at(buf, offset)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
