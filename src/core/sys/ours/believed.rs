//! What memdoor does because a file says so: as root it believes no file that others may write to.

extern crate std;

use core::ffi::CStr;

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use super::walk::{Care, End, PathWalk, is_read_only};
use super::{Refused, Why, is_trusted, may_others_write, other};
use crate::sys::Errno;
use crate::sys::file::File;
use crate::sys::system::effective_user;

/// Opens a configuration, along links.
///
/// For root the file, the links and the directories on the way must belong to root, and neither their group nor others may write to them
/// but for a directory with the sticky bit, and where the file system is mounted read-only. Anybody else is believed to know what they
/// name. It is a regular file or /dev/null, which says nothing.
pub fn believed(path: &CStr) -> core::result::Result<File, Refused> {
    let walk = PathWalk::new(path.to_bytes(), Care::Directories).map_err(|errno| Why::from(errno).at(path))?;
    let (place, unsafe_part) = walk.place(End::Followed)?;
    let at = place.at().map_err(|errno| Why::from(errno).at(path))?;
    let open = || {
        check(&fstatat(at.dir, at.name, AtFlags::AT_SYMLINK_NOFOLLOW)?)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let fd = openat(at.dir, at.name, flags, Mode::empty())?;
        let stat = fstat(&fd)?;
        check(&stat)?;
        if effective_user() == 0 && !is_null(&stat) {
            if !is_trusted(stat.st_uid) {
                return Err(Why::Owner(stat.st_uid));
            }
            if may_others_write(&stat) && !is_read_only(&fd) {
                return Err(Why::Writable(stat.st_mode & 0o7777));
            }
        }
        Ok(File::of(fd))
    };
    let file = open().map_err(|why: Why| why.at(path))?;
    unsafe_part.map_or(Ok(file), Err)
}

fn check(stat: &FileStat) -> core::result::Result<(), Why> {
    match other(stat.st_mode) {
        Some(other) if !is_null(stat) => Err(Why::Is(other)),
        _ => Ok(()),
    }
}

/// Documentation/admin-guide/devices.txt
fn is_null(stat: &FileStat) -> bool {
    const NULL: libc::dev_t = libc::makedev(1, 3);
    other(stat.st_mode) == Some(super::Other::CharacterDevice) && stat.st_rdev == NULL
}

/// Whether the errno says that nothing is there.
#[must_use]
pub fn is_missing(refused: &Refused) -> bool {
    refused.why == Why::Failed(Errno::ENOENT)
}
