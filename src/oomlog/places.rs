//! Which files are logs: those of a directory, and those of another system's root.

extern crate alloc;

use core::ffi::CStr;

use alloc::ffi::CString;
use alloc::vec::Vec;

use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::input::{Input, Kind};
use crate::sys::{Errno, Result};

/// More names in one directory than this are not read: 8 MiB are for all of memdoor.
const NAMES: usize = 4096;

/// What became of a name.
#[derive(Debug)]
pub enum Found {
    /// A log to read.
    Log(Input),
    /// A FIFO, a socket, a device or a symbolic link: it is skipped.
    Skipped,
    /// It can't be opened.
    Failed(Errno),
}

/// Hands on what each name in a directory is, in the order of the names. What is below it is left alone.
pub fn of_directory(dir: &Dir, take: &mut dyn FnMut(&CStr, Found)) -> Result<()> {
    for name in names(dir, |_| true)? {
        if let Some(found) = look(Input::found(dir, &name)) {
            take(&name, found);
        }
    }
    Ok(())
}

/// Where logs are below a root, and what their names begin with; pstore's pieces are of one crash.
const PLACES: [(&CStr, &[&[u8]]); 5] = [
    (c"var/log", &[b"kern.log", b"messages", b"syslog", b"dmesg"]),
    (c"var/crash", &[b""]),
    (c"var/lib/systemd/pstore", &[b"dmesg-", b"console-"]),
    (c"sys/fs/pstore", &[b"dmesg-", b"console-"]),
    (c"var/spool/abrt", &[b"dmesg"]),
];

/// The same for the logs of the system whose root is `root`; symbolic links lead nowhere outside of it.
pub fn of_root(root: &Dir, take: &mut dyn FnMut(&CStr, Found)) -> Result<()> {
    for (place, starts) in PLACES {
        below(root, place, starts, 2, take)?;
    }
    Ok(())
}

/// The logs of one directory, and of those in it as far as `depth` says: /var/crash has one for each crash.
fn below(
    root: &Dir,
    place: &CStr,
    starts: &[&[u8]],
    depth: usize,
    take: &mut dyn FnMut(&CStr, Found),
) -> Result<()> {
    let dir = match root.dir_in_root(place) {
        Ok(dir) => dir,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        Err(errno) => {
            take(place, Found::Failed(errno));
            return Ok(());
        }
    };
    let is_wanted = |name: &[u8]| starts.iter().any(|start| name.starts_with(start));
    let of_crashes = starts.contains(&&b""[..]) || place.to_bytes().ends_with(b"pstore");
    for name in names(&dir, |name| is_wanted(name) || of_crashes)? {
        let path = join(place, &name)?;
        let opened = Input::in_root(root, &path);
        if let Ok(input) = &opened
            && input.kind() == Ok(Kind::Directory)
        {
            if of_crashes && depth > 0 {
                below(root, &path, starts, depth - 1, take)?;
            }
            continue;
        }
        if let (true, Some(found)) = (is_wanted(name.to_bytes()), look(opened)) {
            take(&path, found);
        }
    }
    Ok(())
}

/// What was opened; directories are nothing.
fn look(opened: Result<Input>) -> Option<Found> {
    Some(match opened {
        // ELOOP: a symbolic link, which O_NOFOLLOW refuses. ENXIO: a socket, or a FIFO's other end.
        Err(Errno::ELOOP | Errno::ENXIO) => Found::Skipped,
        Err(errno) => Found::Failed(errno),
        Ok(input) => match input.kind() {
            Ok(Kind::File) => Found::Log(input),
            Ok(Kind::Directory) => return None,
            Ok(Kind::Other) => Found::Skipped,
            Err(errno) => Found::Failed(errno),
        },
    })
}

fn names(dir: &Dir, is_wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<CString>> {
    let listing = dir.listing(c".")?;
    let mut entries = Entries::new(&listing)?;
    let mut names = Vec::new();
    while let Some(name) = entries.next() {
        let name = name?;
        let is_self = matches!(name.to_bytes(), b"." | b"..");
        if !is_self && is_wanted(name.to_bytes()) && names.len() < NAMES {
            names.push(CString::from(name));
        }
    }
    names.sort_by(|one, other| order(one.to_bytes(), other.to_bytes()));
    Ok(names)
}

/// Oldest first: `kern.log.10.gz`, `kern.log.2.gz`, `kern.log.1`, `kern.log`; dates in names grow with their names.
/// Of one crash pstore numbers the newest part 1: `dmesg-efi-...003`, then 002, then 001.
fn order(one: &[u8], other: &[u8]) -> core::cmp::Ordering {
    let (one, other) = (split(one), split(other));
    one.0.cmp(other.0).then_with(|| other.1.cmp(&one.1))
}

/// A name without the number at its end, and the number: small ones count backwards, dates forwards.
fn split(name: &[u8]) -> (&[u8], u64) {
    let base = name.strip_suffix(b".gz").unwrap_or(name);
    let base = base
        .strip_suffix(b".enc.z")
        .or_else(|| base.strip_suffix(b".z"))
        .unwrap_or(base);
    let digits = base
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (stem, number) = base.split_at(base.len() - digits);
    let number = crate::parse::dec(number).unwrap_or(0);
    // pstore: `dmesg-ramoops-0`, and on EFI the time, the part in two digits and the count in three: dmesg-efi-170000000003001.
    match (stem.strip_suffix(b"."), number) {
        (_, 10_000_000..=99_999_999) => (stem, u64::MAX - number),
        (Some(stem), number) => (stem, number),
        (None, number) => (stem, number),
    }
}

fn join(place: &CStr, name: &CStr) -> Result<CString> {
    let path = [place.to_bytes(), b"/", name.to_bytes()].concat();
    CString::new(path).map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;

    #[test]
    fn rotated_logs_are_read_oldest_first() {
        let mut names = vec![
            &b"kern.log"[..],
            b"kern.log.1",
            b"kern.log.10.gz",
            b"kern.log.2.gz",
            b"messages-20261114",
            b"messages-20261107.gz",
            b"messages-20261121",
            b"dmesg-efi-170000000002001",
            b"dmesg-efi-170000000001001",
        ];
        names.sort_by(|one, other| order(one, other));
        assert_eq!(
            names,
            [
                &b"dmesg-efi-170000000002001"[..],
                b"dmesg-efi-170000000001001",
                b"kern.log.10.gz",
                b"kern.log.2.gz",
                b"kern.log.1",
                b"kern.log",
                b"messages-20261107.gz",
                b"messages-20261114",
                b"messages-20261121",
            ]
        );
    }
}
