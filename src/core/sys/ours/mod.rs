//! Files of ours: the one place that decides what memdoor may write to, and what root may believe.
//!
//! memdoor runs as root and is given paths by hand, by cron and by configurations. What is at such a path may be a device node, somebody
//! else's log or /etc/passwd (`monitor --prometheus /dev/null` once replaced the node, `dmesg --since-last /etc/passwd` the accounts).
//! So every mode writes through the types below, and they keep these rules:
//!
//! 1. What is there must be a regular file with one name that belongs to root or to who runs memdoor. A symbolic link, a directory, a
//!    device, a FIFO, a socket or a file with a second name (hard link) is refused. Nothing but a regular file is ever opened: opening
//!    a FIFO waits, and opening /dev/watchdog starts it.
//!    What looks like one in /proc, /sys and their kind is refused, too.
//! 2. A file that is replaced or appended to ([`Replaced`], [`super::logfile::LogFile`]) must be empty or begin as its [`Kind`] does.
//!    All other files ([`NewFile`]: records, the files of a session, what is to replace another) are only ever created, with O_EXCL.
//! 3. The directories on the way are opened one by one. A link among them is followed only if it belongs to root or to who runs memdoor:
//!    nobody else leads root from /tmp to /etc. A directory that is not there is made under its own name, never where a link leads. See
//!    [`directory`].
//! 4. A mode asks before it does anything else, also whether the directory can be written to. [`Refused`] says what is in the way.
//! 5. A replacement is written beside the old file under a random name, gets the mode of its kind, goes to the disk, is renamed, and
//!    then the directory goes to the disk. What is at the path is looked at once more before that.
//!    What a run that was killed has left there a later one removes: [`abandoned`].
//! 6. What memdoor acts by as root (a configuration, a state) must be safe from others: [`believed`].
//!
//! The road not taken is openat2(2) with RESOLVE_NO_SYMLINKS: it needs Linux 5.6 and refuses /var/run, which is a link on every host.

mod abandoned;
mod believed;
mod replaced;
mod walk;

extern crate std;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use core::ffi::CStr;

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, lstat};
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};

use super::clock::monotonic;
use super::file::Dir;
use super::system::effective_user;
use super::{Errno, Result, filesystem};
use crate::fixed::Fixed;

pub use believed::{believed, is_missing};
pub use replaced::{PATIENCE, Replaced};
pub use walk::{Missing, Place, directory, is_here_removed, is_on_read_only, may_make};

/// A kind of file that memdoor replaces or appends to.
#[derive(Debug)]
pub struct Kind {
    /// What it is called: `state of memdoor dmesg`.
    pub name: &'static str,
    /// The option that names such a file: `--since-last FILE`.
    pub option: &'static str,
    /// Whether a file that begins so, [`BEGINNING`] bytes at most, is one.
    pub is_ours: fn(&[u8]) -> bool,
    /// The permissions of a new one.
    pub mode: u32,
    /// Whether memdoor acts by what is in it.
    pub use_of_it: Use,
}

/// Whether memdoor acts by what is in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// It only writes it.
    Written,
    /// It does what the file says: as root it refuses one that others may write to.
    Believed,
}

/// How much of a file is looked at to tell whether it is ours.
pub const BEGINNING: usize = 256;

/// What is in the way, and where.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The path of what is refused: the file's own, or that of a directory or link on the way to it.
    pub at: Fixed<512>,
    /// Why.
    pub why: Why,
}

/// Why a file is not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// A system call failed.
    Failed(Errno),
    /// It is no regular file.
    Is(Other),
    /// It is a regular file with so many names.
    Names(u64),
    /// It is in a file system of the kernel's, as /proc: a read or a write does something there.
    Kernel,
    /// It is neither empty nor of the kind that is asked for.
    Foreign,
    /// It belongs to this other user.
    Owner(u32),
    /// It is a symbolic link on the way that belongs to this other user.
    LinkOf(u32),
    /// It is a symbolic link to a directory that is not there: nothing is made where a link leads.
    LinkToNothing,
    /// Others than its owner may write to it; its permissions.
    Writable(u32),
    /// Another memdoor holds its lock.
    Busy,
}

/// What is no regular file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Other {
    Link,
    Directory,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
}

impl Why {
    /// The errno that says it best where there is room for no more.
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::Failed(errno) => errno,
            Self::Is(Other::Link) => Errno::ELOOP,
            Self::LinkToNothing => Errno::ENOENT,
            Self::Is(Other::Directory) => Errno::EISDIR,
            Self::Is(_) | Self::Names(_) | Self::Foreign | Self::Kernel => Errno::EEXIST,
            Self::Owner(_) | Self::LinkOf(_) | Self::Writable(_) => Errno::EPERM,
            Self::Busy => Errno::EAGAIN,
        }
    }

    fn at(self, path: &CStr) -> Refused {
        Refused { at: Fixed::of(path.to_bytes()), why: self }
    }
}

impl From<Errno> for Why {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

/// A name in a directory that is held open.
#[derive(Clone, Copy, Debug)]
pub struct At<'p> {
    /// The directory.
    pub dir: &'p Dir,
    /// The name, without a slash.
    pub name: &'p CStr,
}

/// A file that did not exist before: removed again when it is dropped before [`NewFile::keep`].
#[derive(Debug)]
pub struct NewFile<'p> {
    at: At<'p>,
    fd: Option<OwnedFd>,
}

impl<'p> NewFile<'p> {
    /// Makes it, with these permissions less the umask: EEXIST when there is anything of that name, a link that leads nowhere included.
    pub fn create(at: At<'p>, mode: u32) -> Result<Self> {
        let flags =
            OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(at.dir, at.name, flags, Mode::from_bits_truncate(mode))?;
        Ok(Self { at, fd: Some(fd) })
    }

    /// It stays.
    pub fn keep(mut self) -> Result<OwnedFd> {
        self.fd.take().ok_or(Errno::EBADF)
    }

    /// The open file.
    pub fn file(&self) -> Result<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd).ok_or(Errno::EBADF)
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if self.fd.is_some() {
            // It is of no use, and what keeps it from going has been told already.
            let _ = remove(self.at.dir, self.at.name);
        }
    }
}

/// A new file with a name that nobody can guess, beside what it is to replace.
///
/// The name has none of the other's: that may be as long as a name can be. node_exporter reads `*.prom` alone, a shell no names with a
/// dot in front. It is locked for as long as this run has it open, so that a later one can tell that it was left: [`abandoned`].
fn beside<'p>(dir: &'p Dir, name: &'p mut Fixed<64>) -> Result<NewFile<'p>> {
    *name = Fixed::of(abandoned::PREFIX);
    name.push_dec(random());
    let name = name.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
    let new = NewFile::create(At { dir, name }, 0o600)?;
    abandoned::claim(&new)?;
    Ok(new)
}

/// Whether a file can be made in `dir`: by making one, without a name where the file system has that (O_TMPFILE, Linux 3.11), so that
/// nothing is left of it even by SIGKILL.
pub fn probe(dir: &Dir) -> Result<()> {
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    match openat(dir, c".", flags, Mode::from_bits_truncate(0o600)) {
        Ok(_) => return Ok(()),
        // Kernels before 3.11 take it for opening a directory to write to.
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::ENOENT | Errno::EINVAL) => {}
        Err(errno) => return Err(errno),
    }
    let mut name = Fixed::new();
    beside(dir, &mut name).map(drop)
}

/// 64 bits of the kernel's random numbers. Early after boot there may be none, and O_EXCL protects a name that was guessed, too.
fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    // nix has no getrandom(2).
    // SAFETY: the kernel fills the bytes that it is given.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    if usize::try_from(got) == Ok(bytes.len()) {
        return u64::from_ne_bytes(bytes);
    }
    u64::try_from(monotonic().as_nanos() & u128::from(u64::MAX)).unwrap_or(0)
}

/// The kind of a file by its mode; `None` for a regular one.
fn other(mode: u32) -> Option<Other> {
    match SFlag::from_bits_truncate(mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => None,
        SFlag::S_IFLNK => Some(Other::Link),
        SFlag::S_IFDIR => Some(Other::Directory),
        SFlag::S_IFBLK => Some(Other::BlockDevice),
        SFlag::S_IFIFO => Some(Other::Fifo),
        SFlag::S_IFSOCK => Some(Other::Socket),
        _ => Some(Other::CharacterDevice),
    }
}

/// What is there and no regular file, links looked at and not followed; `None` for a regular file, and where nothing can be told.
#[must_use]
pub fn other_than_a_file(path: &CStr) -> Option<Other> {
    lstat(path).ok().and_then(|stat| other(stat.st_mode))
}

/// Who may own what root meets: nobody else can have put it there.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == effective_user()
}

/// Whether what memdoor makes in `dir` belongs to this user: of a server that takes root for nobody (NFS), and where everything belongs
/// to who has mounted it (CIFS, FAT).
fn is_who_makes(dir: &Dir, user: u32) -> bool {
    let mut name = Fixed::new();
    beside(dir, &mut name).and_then(|new| fstat(new.file()?)).is_ok_and(|stat| stat.st_uid == user)
}

/// Whether it is a regular file with one name, of root's or of who runs memdoor.
fn check_plain(dir: &Dir, stat: &FileStat) -> core::result::Result<(), Why> {
    #[allow(clippy::useless_conversion, reason = "32 bits on aarch64")]
    let names = u64::from(stat.st_nlink);
    match other(stat.st_mode) {
        Some(other) => Err(Why::Is(other)),
        None if names > 1 => Err(Why::Names(names)),
        None if !is_trusted(stat.st_uid) && !is_who_makes(dir, stat.st_uid) => Err(Why::Owner(stat.st_uid)),
        None => Ok(()),
    }
}

/// Opens what is there, by `flags`, once it has been found to be of `kind`; `None` when nothing is there.
pub(super) fn open_ours(at: At<'_>, kind: &Kind, flags: OFlag) -> core::result::Result<Option<OwnedFd>, Why> {
    let before = match fstatat(at.dir, at.name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    check_plain(at.dir, &before)?;
    if is_of_kernel(at.dir) {
        return Err(Why::Kernel);
    }
    // O_NONBLOCK is for what somebody has put in its place since.
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let fd = openat(at.dir, at.name, flags, Mode::empty())?;
    let stat = fstat(&fd)?;
    check_plain(at.dir, &stat)?;
    if kind.use_of_it == Use::Believed && effective_user() == 0 && may_others_write(&stat) {
        return Err(Why::Writable(stat.st_mode & 0o7777));
    }
    let mut buf = [0; BEGINNING];
    let beginning = beginning(&fd, &mut buf)?;
    match beginning.is_empty() || (kind.is_ours)(beginning) {
        true => Ok(Some(fd)),
        false => Err(Why::Foreign),
    }
}

fn beginning<'b>(fd: &OwnedFd, buf: &'b mut [u8; BEGINNING]) -> Result<&'b [u8]> {
    loop {
        match nix::sys::uio::pread(fd, buf, 0) {
            Ok(length) => return Ok(buf.get(..length).unwrap_or_default()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether what is in `dir` looks like files and is the kernel: a read of /proc/kmsg or of trace_pipe takes what it reads from others,
/// and what is appended to /proc/sysrq-trigger ends the host. tmpfs, and so /dev, is not among them.
fn is_of_kernel(dir: &Dir) -> bool {
    matches!(filesystem::kind(dir), filesystem::Kind::Proc | filesystem::Kind::Kernel)
}

const fn may_others_write(stat: &FileStat) -> bool {
    stat.st_mode & 0o022 != 0
}

/// Waits until the disk has the file, where the file system has something to do then.
fn sync(file: impl AsFd) -> Result<()> {
    match fsync(file) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Waits until the disk has the names of a directory. An O_PATH descriptor can't: EBADF. Nor can who may only write to it.
fn sync_names(dir: &Dir) -> Result<()> {
    match openat(dir, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(dir) => sync(dir),
        Err(Errno::EACCES) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Gives a file below `dir` another name, unless something has that already: EEXIST.
///
/// It is renameat2(2) with RENAME_NOREPLACE, Linux 3.15. A file system without it (NFS) gets a second name and loses the first, and one
/// that has no second names (FAT) is looked at before.
pub(super) fn rename_to_free(dir: &Dir, from: &CStr, to: &CStr) -> Result<()> {
    // By number: nix has it for glibc alone.
    use std::os::fd::AsRawFd;
    let fd = dir.as_fd().as_raw_fd();
    // SAFETY: both names end with a NUL and live through the call.
    let done =
        unsafe { libc::syscall(libc::SYS_renameat2, fd, from.as_ptr(), fd, to.as_ptr(), libc::RENAME_NOREPLACE) };
    match Errno::result(done) {
        Ok(_) => return Ok(()),
        Err(Errno::EINVAL | Errno::ENOSYS) => {}
        Err(errno) => return Err(errno),
    }
    match nix::unistd::linkat(dir, from, dir, to, AtFlags::empty()) {
        Ok(()) => remove(dir, from),
        Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS) if is_free(At { dir, name: to }) => {
            nix::fcntl::renameat(dir, from, dir, to)
        }
        Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS) => Err(Errno::EEXIST),
        Err(errno) => Err(errno),
    }
}

/// Whether nothing has this name.
#[must_use]
pub fn is_free(at: At<'_>) -> bool {
    fstatat(at.dir, at.name, AtFlags::AT_SYMLINK_NOFOLLOW) == Err(Errno::ENOENT)
}

/// Removes a file below `dir`; a symbolic link goes itself.
pub fn remove(dir: &Dir, name: &CStr) -> Result<()> {
    unlinkat(dir, name, UnlinkatFlags::NoRemoveDir)
}
