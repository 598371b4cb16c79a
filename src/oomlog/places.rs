//! Which files are logs: those of a directory, and those of a system's root, by one table of places.
mod journal;
mod root;

use core::ffi::CStr;

use std::ffi::CString;

use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::input::{Input, Kind};
use crate::sys::{Errno, Result};

/// More names in one directory than this are not read: 8 MiB are for all of memdoor.
pub const NAMES: usize = 4096;

/// What became of a name.
#[derive(Debug)]
pub enum Found {
    /// A log to read.
    Log(Input),
    /// A FIFO, a socket, a device, or a link to one or to nothing: it is skipped.
    Skipped,
    /// A symbolic link to a directory, which may lead back to where it is: it is skipped.
    DirectoryLink,
    /// It can't be opened.
    Failed(Errno),
    /// There are more names in this directory than are read.
    TooMany,
    /// A file of the journal that may not be read, and so many more of its directory.
    Closed(u64),
    /// Journals of so many other machines, which nobody has asked for.
    OtherMachines(u64),
    /// A directory in the directory, of which not all is read: by these names alone.
    Partly,
}

pub use root::{Root, journals, of_root};

/// Whose journals are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Machines {
    /// Those of the machine whose id the system has; of all, where it has none.
    #[default]
    This,
    /// Those of all machines.
    All,
}

/// What the names of a kernel's logs begin with.
pub const KERNEL_LOGS: [&[u8]; 5] = [b"kern", b"messages", b"syslog", b"dmesg", b"console"];

/// Hands on what each name in a directory is, in the order of the names; and the kernel's logs of the directories in it, as rsyslog has one
/// for each host. All that is below /var/log would be the logs of every program, and what is deeper is left alone.
pub fn of_directory(dir: &Dir, take: &mut dyn FnMut(&CStr, Found)) -> Result<()> {
    let (names, left) = names(dir, |_| true)?;
    let mut below = Vec::new();
    let mut links = Links::of(dir, &names);
    for name in names {
        // Nobody but this user's own processes has said what is in it.
        if journal::is_users(name.to_bytes()) {
            continue;
        }
        let opened = match Input::found(dir, &name) {
            Err(Errno::ELOOP) => {
                if let Some(found) = links.follow(dir, &name) {
                    take(&name, found);
                }
                continue;
            }
            opened => opened,
        };
        let is_directory = opened.as_ref().is_ok_and(|input| input.kind() == Ok(Kind::Directory));
        if is_directory {
            below.push(name);
        } else if let Some(found) = look(opened) {
            take(&name, found);
        }
    }
    for name in below.iter().filter(|name| !journal::is_machine(name.to_bytes())) {
        of_inner(dir, name, take)?;
    }
    if left > 0 {
        take(c"", Found::TooMany);
    }
    journal::of_directory(dir, &below, take);
    Ok(())
}

/// The files of one directory, and those that its symbolic links led to so far: a link is a name of a log (`syslog` that leads to another
/// disk), and each log is read once, however many lead to it.
struct Links(Vec<(u64, u64)>);

impl Links {
    fn of(dir: &Dir, names: &[CString]) -> Self {
        let is_file = |name: &&CString| dir.file_size(name).is_ok();
        Self(names.iter().filter(is_file).filter_map(|name| dir.identity(name).ok()).collect())
    }

    /// What a link leads to; `None` where that is read under another name.
    fn follow(&mut self, dir: &Dir, name: &CStr) -> Option<Found> {
        let mut found = || {
            let is_again = match Kind::found(dir, name)? {
                Kind::Directory => return Ok(Some(Found::DirectoryLink)),
                Kind::File => {
                    let identity = dir.identity(name)?;
                    let is_again = self.0.contains(&identity);
                    self.0.push(identity);
                    is_again
                }
                _ => return Ok(Some(Found::Skipped)),
            };
            Ok(if is_again { None } else { look(Input::linked(dir, name)) })
        };
        match found() {
            Ok(found) => found,
            // What leads nowhere is a log that is not there where it has the name of one.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) if !is_kernels(name) => Some(Found::Skipped),
            Err(errno) => Some(Found::Failed(errno)),
        }
    }
}

/// Whether it has the name of a kernel's log.
fn is_kernels(name: &CStr) -> bool {
    KERNEL_LOGS.iter().any(|start| name.to_bytes().starts_with(start))
}

/// The kernel's logs of a directory in the directory.
fn of_inner(dir: &Dir, name: &CStr, take: &mut dyn FnMut(&CStr, Found)) -> Result<()> {
    // What can't be listed may have anything in it: that is no part of a directory that is left out by its name.
    let listed = dir.dir(name).and_then(|inner| Ok((names(&inner, |_| true)?, inner)));
    let ((names, left), inner) = match listed {
        Ok(listed) => listed,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => {
            take(name, Found::Failed(errno));
            return Ok(());
        }
    };
    let mut is_whole = left == 0;
    let mut links = Links::of(&inner, &names);
    for file in names {
        let is_wanted = is_kernels(&file);
        // Those are read apart.
        if journal::is_file(file.to_bytes()) {
            continue;
        }
        let found = match Input::found(&inner, &file) {
            Err(Errno::ELOOP) if is_wanted => links.follow(&inner, &file),
            Err(Errno::ELOOP) => {
                is_whole = false;
                continue;
            }
            opened => look(opened),
        };
        match found {
            Some(found) if is_wanted => take(&join(name, &file)?, found),
            // Where there is no room to look, nothing is known of what is behind it either.
            Some(found @ Found::Failed(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EIO)) => {
                take(&join(name, &file)?, found);
            }
            Some(Found::Log(_) | Found::Failed(_)) => is_whole = false,
            _ => {}
        }
    }
    if !is_whole {
        take(name, Found::Partly);
    }
    Ok(())
}

/// What was opened; directories are nothing.
fn look(opened: Result<Input>) -> Option<Found> {
    Some(match opened {
        // ELOOP: a link that leads to itself inside of a root. ENXIO: a socket, or a FIFO's other end.
        Err(Errno::ELOOP | Errno::ENXIO) => Found::Skipped,
        Err(errno) => Found::Failed(errno),
        Ok(input) => match input.kind() {
            Ok(Kind::File) => Found::Log(input),
            Ok(Kind::Directory) => return None,
            Ok(Kind::Other | Kind::Kmsg | Kind::Fifo | Kind::Terminal | Kind::Device) => Found::Skipped,
            Err(errno) => Found::Failed(errno),
        },
    })
}

/// The names that are wanted, in their order, and how many there were besides.
fn names(dir: &Dir, is_wanted: impl Fn(&[u8]) -> bool) -> Result<(Vec<CString>, u64)> {
    let listing = dir.listing(c".")?;
    let mut entries = Entries::new(&listing)?;
    let (mut names, mut left) = (Vec::new(), 0);
    while let Some(name) = entries.next() {
        let name = name?;
        let is_self = matches!(name.to_bytes(), b"." | b"..");
        if is_self || !is_wanted(name.to_bytes()) {
            continue;
        }
        if names.len() < NAMES {
            place(&mut names, CString::from(name), |name| name.to_bytes());
        } else {
            left += 1;
        }
    }
    Ok((names, left))
}

/// Puts a log where it belongs by its name. One by one: code that sorts is 4 KB, and as slow as this for a few names.
pub fn place<T>(names: &mut Vec<T>, name: T, text: impl Fn(&T) -> &[u8]) {
    let is_before = |other: &T| order(text(other), text(&name)).is_le();
    let at = names.partition_point(is_before);
    names.insert(at, name);
}

/// Oldest first: `kern.log.10.gz`, `kern.log.2.gz`, `kern.log.1`, `kern.log`; `messages-20261114.gz`, `messages`.
/// Of one crash pstore numbers the newest part 1: `dmesg-efi-...003`, then 002, then 001.
///
/// Logs of dmesg come last: what they have without the time of day is shown as another log has it.
fn order(one: &[u8], other: &[u8]) -> core::cmp::Ordering {
    let key = |name| (file(name).starts_with(b"dmesg"), split(name));
    key(one).cmp(&key(other))
}

/// The last part of a path.
fn file(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Whether both names are of one log that was rotated: an event may begin in the one and end in the other.
///
/// The same piece twice (`kern.log.1` while it is compressed to `kern.log.1.gz`) is two logs that have the same events.
#[must_use]
pub fn is_one_log(one: &[u8], other: &[u8]) -> bool {
    let ((log, age), (other, other_age)) = (split(one), split(other));
    log == other && age != other_age
}

/// Where a piece is in its log: those counted backwards (`.2`) are from oldest to newest as well as those with a date (`-20261114`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Age {
    Date(u64),
    Count(core::cmp::Reverse<u64>),
    /// It is written to now.
    Now,
}

/// The name of the whole log, and which piece of it this is.
fn split(name: &[u8]) -> (&[u8], Age) {
    let base = name.strip_suffix(b".gz").unwrap_or(name);
    let file = file(base);
    if let Some((length, us)) = journal::age(file) {
        // `system@...` is older than `system.journal`, of whichever run of journald it is.
        return (&name[..name.len() - file.len() + length], us.map_or(Age::Now, Age::Date));
    }
    let is_pstore = file.starts_with(b"dmesg-") || file.starts_with(b"console-");
    let base = match base.strip_suffix(b".enc.z").or(base.strip_suffix(b".z")) {
        Some(bare) if is_pstore => bare,
        _ => base,
    };
    let digits = base.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (stem, digits) = base.split_at(base.len() - digits);
    let Some(number) = crate::parse::dec(digits) else {
        return (base, Age::Now);
    };
    let count = Age::Count(core::cmp::Reverse(number));
    match (stem, digits.len()) {
        // fs/pstore: on EFI the time, then the part in two digits and the count in three: dmesg-efi-170000000003001.
        (_, 14..) if is_pstore => (&base[..base.len() - 5], count),
        // /var/log/dmesg.1 is of another boot than /var/log/dmesg.
        _ if is_pstore || file.starts_with(b"dmesg") => (base, Age::Now),
        ([stem @ .., b'-' | b'.'], 8..) => (stem, Age::Date(number)),
        ([stem @ .., b'.'], 1..=4) if !stem.is_empty() => (stem, count),
        _ => (base, Age::Now),
    }
}

fn join(place: &CStr, name: &CStr) -> Result<CString> {
    let path = [place.to_bytes(), b"/", name.to_bytes()].concat();
    CString::new(path).map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_logs_are_read_oldest_first() {
        let sorted = [
            &b"kern.log.10.gz"[..],
            b"kern.log.2.gz",
            b"kern.log.1",
            b"kern.log",
            b"messages-20261107.gz",
            b"messages-20261114",
            b"messages-20261121",
            b"messages",
            b"system@0006c0a1b2c3d4e5-1f2e3d4c5b6a7988.journal~",
            b"system@aa11aa11aa11aa11aa11aa11aa11aa11-0000000000000001-0006c0a1b2c3d4e6.journal",
            b"system@0011aa11aa11aa11aa11aa11aa11aa11-0000000000000001-0006c0a1b2c3d4e7.journal",
            b"system.journal",
            b"web-1",
            b"web-2",
            b"dmesg",
            b"dmesg-efi-170000000002001",
            b"dmesg-efi-170000000001001",
            b"dmesg-efi-170000000102001",
            b"dmesg-efi-170000000101001",
            b"dmesg-ramoops-0",
            b"dmesg-ramoops-1",
            b"dmesg.0",
            b"dmesg.1.gz",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|one, other| order(one, other));
        assert_eq!(names.map(text), sorted.map(text));
    }

    fn text(name: &[u8]) -> &str {
        core::str::from_utf8(name).expect("UTF-8")
    }

    #[test]
    fn pieces_of_one_log_are_told_from_logs_of_their_own() {
        for (one, other) in [
            ("kern.log", "kern.log.1"),
            ("kern.log.1", "kern.log.10.gz"),
            ("/var/log/messages", "/var/log/messages-20261114.gz"),
            ("dmesg-efi-170000000002001", "dmesg-efi-170000000001001"),
            ("a/system.journal", "a/system@0006c0a1b2c3d4e5-1f2e3d4c5b6a7988.journal~"),
        ] {
            assert!(is_one_log(one.as_bytes(), other.as_bytes()), "{one} {other}");
        }
        for (one, other) in [
            ("kern.log", "syslog"),
            ("kern.log", "kern.log"),
            ("kern.log.1", "kern.log.1.gz"),
            ("a/kern.log", "b/kern.log.1"),
            ("a/system.journal", "b/system@0006c0a1b2c3d4e5-1f2e3d4c5b6a7988.journal~"),
            ("system.journal", "remote-web1.journal"),
            ("dmesg.0", "dmesg.1.gz"),
            ("dmesg-efi-170000000002001", "dmesg-efi-170000000101001"),
            ("dmesg-ramoops-0", "dmesg-ramoops-1"),
            ("web-1.log", "web-2.log"),
            ("web-1", "web-2"),
            ("log1", "log2"),
        ] {
            assert!(!is_one_log(one.as_bytes(), other.as_bytes()), "{one} {other}");
        }
    }
}
