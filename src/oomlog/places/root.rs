//! The logs of a system, this one or another, by one table of places.

use core::ffi::CStr;
use std::ffi::CString;

use super::{Found, Machines, join, journal, look, names};
use crate::sys::file::Dir;
use crate::sys::input::{Input, Kind};
use crate::sys::{Errno, Result};

/// What is in a place.
enum What {
    /// The journal's own files.
    Journal,
    /// Files whose names begin so.
    Logs(&'static [&'static [u8]]),
    /// The same, and a directory for each crash, as deep as that.
    Crashes(&'static [&'static [u8]]),
}

/// Where logs are below a root, in the order in which they are read; pstore's pieces are of one crash.
const PLACES: [(&CStr, What); 7] = [
    (c"var/log/journal", What::Journal),
    (c"run/log/journal", What::Journal),
    (c"var/log", What::Logs(&[b"kern.log", b"messages", b"syslog", b"dmesg"])),
    (c"var/crash", What::Crashes(&[b""])),
    (c"var/lib/systemd/pstore", What::Crashes(&[b"dmesg-", b"console-"])),
    (c"sys/fs/pstore", What::Crashes(&[b"dmesg-", b"console-"])),
    (c"var/spool/abrt", What::Crashes(&[b"dmesg"])),
];

/// A system's `/`.
#[derive(Debug)]
pub enum Root {
    /// That of the running one: its links lead where they lead, and openat2(2) is not needed, which Linux 5.6 has.
    Own,
    /// That of another one, which no link leads out of.
    Other(Dir),
}

impl Root {
    pub(super) fn dir(&self, path: &CStr) -> Result<Dir> {
        match self {
            Self::Own => Dir::open(&own(path)?),
            Self::Other(root) => root.dir_in_root(path),
        }
    }

    pub(super) fn input(&self, path: &CStr) -> Result<Input> {
        match self {
            Self::Own => {
                let path = own(path)?;
                // To open a device may do something.
                match Kind::at(&path)? {
                    Kind::Device | Kind::Kmsg => Err(Errno::ELOOP),
                    _ => Input::open(&path),
                }
            }
            Self::Other(root) => Input::in_root(root, path),
        }
    }
}

fn own(path: &CStr) -> Result<CString> {
    join(c"", path)
}

/// Hands on the logs of a system; the journals of which machines is asked for.
pub fn of_root(root: &Root, machines: Machines, take: &mut dyn FnMut(&CStr, Found)) -> Result<()> {
    journals(root, machines, take);
    for (place, what) in PLACES {
        match what {
            What::Journal => {}
            What::Logs(starts) => below(root, place, starts, 0, take)?,
            What::Crashes(starts) => below(root, place, starts, 2, take)?,
        }
    }
    Ok(())
}

/// The same of its journals alone.
pub fn journals(root: &Root, machines: Machines, take: &mut dyn FnMut(&CStr, Found)) {
    let machine = journal::machine(root, machines);
    for (place, _) in PLACES.iter().filter(|(_, what)| matches!(what, What::Journal)) {
        let others = journal::of_place(root, place, machine.as_deref(), take);
        if others > 0 {
            take(place, Found::OtherMachines(others));
        }
    }
}

/// The logs of one directory, and of those in it as far as `depth` says: /var/crash has one for each crash.
fn below(root: &Root, place: &CStr, starts: &[&[u8]], depth: usize, take: &mut dyn FnMut(&CStr, Found)) -> Result<()> {
    let dir = match root.dir(place) {
        Ok(dir) => dir,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        Err(errno) => {
            take(place, Found::Failed(errno));
            return Ok(());
        }
    };
    let is_wanted = |name: &[u8]| starts.iter().any(|start| name.starts_with(start));
    let of_crashes = depth > 0;
    let (names, left) = match names(&dir, |name| is_wanted(name) || of_crashes) {
        Ok(names) => names,
        Err(errno) => {
            take(place, Found::Failed(errno));
            return Ok(());
        }
    };
    if left > 0 {
        take(place, Found::TooMany);
    }
    for name in names {
        let path = join(place, &name)?;
        let opened = root.input(&path);
        if let Ok(input) = &opened
            && input.kind() == Ok(Kind::Directory)
        {
            if of_crashes {
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
