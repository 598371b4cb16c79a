//! Where the journal's own files are: nobody but journalctl reads them, and a host may have no other log.

use core::ffi::CStr;

use super::{Found, join, names};
use crate::sys::file::Dir;
use crate::sys::{Errno, Result};

/// Below a root.
const OF_ROOT: &CStr = c"var/log/journal";

/// Says so when there are such files below `root`.
pub(super) fn of_root(root: &Dir, take: &mut dyn FnMut(&CStr, Found)) {
    look(root, OF_ROOT, take);
}

/// The same for a directory, which may be /var/log, a root, or /var/log/journal itself.
pub(super) fn of_directory(dir: &Dir, take: &mut dyn FnMut(&CStr, Found)) {
    look(dir, c"journal", take);
    look(dir, OF_ROOT, take);
    let is_machine = |name: &[u8]| name.len() == 32 && name.iter().all(u8::is_ascii_hexdigit);
    let has_any = names(dir, is_machine).and_then(|(machines, _)| any(machines.iter().map(|name| has(dir, name, 0))));
    tell(has_any, c"", take);
}

fn look(root: &Dir, place: &CStr, take: &mut dyn FnMut(&CStr, Found)) {
    tell(has(root, place, 1), place, take);
}

fn tell(has: Result<bool>, place: &CStr, take: &mut dyn FnMut(&CStr, Found)) {
    match has {
        // What may not be listed is there for others; beside text logs that is no failure.
        Ok(true) | Err(Errno::EACCES | Errno::EPERM) => take(place, Found::Journal),
        // ENOSYS: before Linux 5.6 nothing keeps links inside of a root.
        Ok(false) | Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ENOSYS) => {}
        Err(errno) => take(place, Found::Failed(errno)),
    }
}

/// Whether there are files of the journal in this directory, or as deep below it.
fn has(root: &Dir, place: &CStr, depth: u32) -> Result<bool> {
    let (names, _) = names(&root.dir_in_root(place)?, |_| true)?;
    let is_one = |name: &CStr| {
        let name = name.to_bytes();
        name.ends_with(b".journal") || name.ends_with(b".journal~")
    };
    if names.iter().any(|name| is_one(name)) {
        return Ok(true);
    }
    let below = names.iter().filter(|_| depth > 0);
    any(below.map(|name| join(place, name).and_then(|path| has(root, &path, depth - 1))))
}

/// Whether one of them has; what could not be looked at is no reason to say that there is none.
fn any(all: impl Iterator<Item = Result<bool>>) -> Result<bool> {
    let mut failed = None;
    for one in all {
        match one {
            Ok(true) => return Ok(true),
            // No directory, or a link that leads out of the root.
            Ok(false) | Err(Errno::ENOTDIR | Errno::ENOENT | Errno::ELOOP | Errno::EXDEV) => {}
            Err(errno) => failed = failed.or(Some(errno)),
        }
    }
    failed.map_or(Ok(false), Err)
}
