//! What runs that were killed have left: files that were to replace another.
//!
//! Such a file is locked (flock(2)) by who writes it, and the kernel gives the lock back however that one ends. So a file of such a name
//! that can be locked is nobody's any more. A signal that ends memdoor between a file's making and its renaming needs no handler then,
//! and neither does SIGKILL or a host that loses its power.

use core::ffi::CStr;

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat, fstatat};

use super::replaced::flock;
use super::{NewFile, remove};
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::system::effective_user;
use crate::sys::{Errno, Result};

/// What their names begin with; a number follows.
pub(super) const PREFIX: &[u8] = b".memdoor-new-";

/// Locks a new one. ESTALE: another run has taken it for abandoned in between, and removed it. Where the file system has no locks it is not
/// locked, and nobody takes it for anything.
pub(super) fn claim(new: &NewFile<'_>) -> Result<()> {
    let _ = flock(new.file()?);
    if fstat(new.file()?)?.st_nlink == 0 { Err(Errno::ESTALE) } else { Ok(()) }
}

/// Removes those in `dir` that nobody has any more, and that belong to who runs memdoor. One that can't be removed does no harm.
pub(super) fn remove_all(dir: &Dir) {
    let Ok(listing) = dir.listing(c".") else { return };
    let Ok(mut entries) = Entries::new(&listing) else { return };
    while let Some(Ok(name)) = entries.next() {
        let number = name.to_bytes().strip_prefix(PREFIX).unwrap_or_default();
        if !number.is_empty() && number.iter().all(u8::is_ascii_digit) {
            let _ = remove_abandoned(dir, name);
        }
    }
}

fn remove_abandoned(dir: &Dir, name: &CStr) -> Result<()> {
    let is_own = |stat: &nix::sys::stat::FileStat| {
        let is_file = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
        is_file && stat.st_uid == effective_user() && stat.st_nlink == 1
    };
    // Nothing but a regular file is opened.
    if !is_own(&fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW)?) {
        return Ok(());
    }
    let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(dir, name, flags, Mode::empty())?;
    if flock(&file).is_err() {
        return Ok(());
    }
    // It may have been renamed in between, and this name be that of another by now.
    let (own, now) = (fstat(&file)?, fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW)?);
    if is_own(&own) && (own.st_dev, own.st_ino) == (now.st_dev, now.st_ino) {
        remove(dir, name)?;
    }
    Ok(())
}
