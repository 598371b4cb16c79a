//! Logs as streams: files, pipes, standard input, read once from front to end.

extern crate std;

use core::cell::Cell;
use core::ffi::CStr;
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, stat};

use super::clock::monotonic;
use super::file::{Dir, openat2_in_root};
use super::signal::{Until, Woken, wait};
use super::{Errno, Result, filesystem};

/// What a name leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// /dev/kmsg by whatever name: a read of it waits for what the kernel says next.
    Kmsg,
    /// A FIFO, or a pipe.
    Fifo,
    /// A terminal.
    Terminal,
    /// Another character device: /dev/zero has no end, and to open /dev/watchdog starts it.
    Device,
    /// A socket, a disk.
    Other,
}

impl Kind {
    fn of(stat: &FileStat) -> Self {
        // Documentation/admin-guide/devices.txt
        const KMSG: libc::dev_t = libc::makedev(1, 11);
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Self::File,
            SFlag::S_IFDIR => Self::Directory,
            SFlag::S_IFIFO => Self::Fifo,
            SFlag::S_IFCHR if stat.st_rdev == KMSG => Self::Kmsg,
            SFlag::S_IFCHR => Self::Device,
            _ => Self::Other,
        }
    }

    /// What a path leads to, before it is opened: links are followed.
    pub fn at(path: &CStr) -> Result<Self> {
        stat(path).map(|stat| Self::of(&stat))
    }

    /// The same of a name in a directory.
    pub fn found(dir: &Dir, name: &CStr) -> Result<Self> {
        fstatat(dir, name, AtFlags::empty()).map(|stat| Self::of(&stat))
    }
}

/// Who has a FIFO open to write to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writer {
    /// Somebody, or somebody did.
    Known,
    /// Nobody, for as long as was waited.
    Nobody,
}

/// Something to read bytes from, in order.
#[derive(Debug)]
pub struct Input {
    fd: OwnedFd,
    /// A byte that was read to see whether there is a writer.
    ahead: Cell<Option<u8>>,
}

impl AsFd for Input {
    /// For who reads a file in another order.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Input {
    /// Standard input; a descriptor of its own, so that it is closed with this. EBADF where it was closed when memdoor was started: what is
    /// in its place then is nobody's log.
    pub fn stdin() -> Result<Self> {
        if super::out::is_stdin_closed() {
            return Err(Errno::EBADF);
        }
        // nix takes a descriptor that somebody owns, and nobody owns this one.
        // SAFETY: fcntl with F_DUPFD_CLOEXEC takes numbers and touches no memory.
        let fd = unsafe { libc::fcntl(libc::STDIN_FILENO, libc::F_DUPFD_CLOEXEC, 3) };
        super::owned(fd.into()).map(Self::of)
    }

    const fn of(fd: OwnedFd) -> Self {
        Self { fd, ahead: Cell::new(None) }
    }

    /// What somebody has named: symbolic links are followed. It waits for nobody, not for the writer of a FIFO either: see
    /// [`Input::wait_for_writer`].
    pub fn open(path: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
        nix::fcntl::open(path, flags, Mode::empty()).map(Self::of)
    }

    /// What was found in a directory: never through a symbolic link, and never waiting.
    pub fn found(dir: &Dir, name: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        openat(dir, name, flags, Mode::empty()).map(Self::of)
    }

    /// What a symbolic link that was found in a directory leads to, wherever that is, and never waiting. Who opens it has seen that it is a
    /// file ([`Kind::found`]): to open a device may do something.
    pub fn linked(dir: &Dir, name: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
        openat(dir, name, flags, Mode::empty()).map(Self::of)
    }

    /// A path of another system, its symbolic links resolved inside that system's root: openat2(2), Linux 5.6.
    pub fn in_root(root: &Dir, path: &CStr) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
        openat2_in_root(root, path, flags).map(Self::of)
    }

    /// What it is.
    pub fn kind(&self) -> Result<Kind> {
        let kind = Kind::of(&fstat(&self.fd)?);
        let is_terminal = kind == Kind::Device && nix::unistd::isatty(&self.fd) == Ok(true);
        Ok(if is_terminal { Kind::Terminal } else { kind })
    }

    /// Waits until somebody has the FIFO open to write to it, for so long at most.
    ///
    /// poll(2) tells of what was written and of a writer that has gone, and not of one that writes nothing yet: a read does, which
    /// then is EAGAIN and not the end. A pipe without a name gets no new writer: there is nothing to wait for.
    pub fn wait_for_writer(&self, patience: Duration) -> Result<Writer> {
        /// How often is looked for a writer that writes nothing.
        const LOOK: Duration = Duration::from_millis(50);
        let is_pipe = filesystem::kind(&self.fd) == filesystem::Kind::Pipes;
        let until = monotonic().saturating_add(patience);
        let mut has_been = is_pipe;
        loop {
            let mut byte = [0];
            match nix::unistd::read(&self.fd, &mut byte) {
                Ok(0) if has_been => return Ok(Writer::Known),
                Ok(0) if monotonic() >= until => return Ok(Writer::Nobody),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => {
                    self.ahead.set(Some(byte[0]));
                    return Ok(Writer::Known);
                }
                Err(Errno::EAGAIN) => return Ok(Writer::Known),
                Err(errno) => return Err(errno),
            }
            has_been = wait(Some((self.fd.as_fd(), Until::Readable)), Some(LOOK))? == Woken::Ready;
        }
    }

    /// When it was last written to, in microseconds since 1970.
    pub fn modified_us(&self) -> Result<i64> {
        let stat = fstat(&self.fd)?;
        let micros = stat.st_mtime_nsec / 1000;
        Ok(stat.st_mtime.saturating_mul(1_000_000).saturating_add(micros))
    }

    /// Bytes between where it is read now and its end; of a file alone.
    pub fn left(&self) -> Result<u64> {
        let at = nix::unistd::lseek(&self.fd, 0, nix::unistd::Whence::SeekCur)?;
        Ok(u64::try_from(fstat(&self.fd)?.st_size - at).unwrap_or(0))
    }

    /// One read(2), which waits for who writes; 0 is the end, for now.
    pub fn read(&self, buf: &mut [u8]) -> Result<usize> {
        if let Some(first) = buf.first_mut()
            && let Some(byte) = self.ahead.take()
        {
            *first = byte;
            return Ok(1);
        }
        loop {
            match nix::unistd::read(&self.fd, buf) {
                Err(Errno::EINTR) => {}
                // Standard input may be without blocking because of who shares it.
                Err(Errno::EAGAIN) => {
                    wait(Some((self.fd.as_fd(), Until::Readable)), None)?;
                }
                done => return done,
            }
        }
    }
}
