//! Where the journal's own files are: a host may have no other log.
//!
//! A directory for each machine, by its id; in it `system.journal`, which is written to, and what was rotated,
//! `system@SEQUENCE-NUMBER-TIME.journal` and, where journald found it damaged or not closed, `system@TIME-RANDOM.journal~`, whose times
//! are the first entry's and that of the rename, in microseconds and hexadecimal. `user-UID` is of that user's processes, and has nothing of
//! the kernel's.

use core::ffi::CStr;
use std::ffi::CString;

use super::root::Root;
use super::{Found, Machines, join, look, names};
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::input::Input;

/// Whether it has the name of a file of the journal.
pub(super) fn is_file(name: &[u8]) -> bool {
    name.ends_with(b".journal") || name.ends_with(b".journal~")
}

/// Whether it is one of a user's processes.
pub(super) fn is_users(name: &[u8]) -> bool {
    is_file(name) && name.starts_with(b"user-")
}

/// Whether it is a machine's id.
pub(super) fn is_machine(name: &[u8]) -> bool {
    name.len() == 32 && name.iter().all(u8::is_ascii_hexdigit)
}

/// How much of a file's name is that of all pieces, and since when the piece is one; no time: it is written to.
pub(super) fn age(name: &[u8]) -> Option<(usize, Option<u64>)> {
    let stem = name.strip_suffix(b".journal").or(name.strip_suffix(b".journal~"))?;
    let Some(at) = stem.iter().position(|byte| *byte == b'@') else {
        return Some((stem.len(), None));
    };
    let mut parts = stem[at + 1..].split(|byte| *byte == b'-');
    let time = match [parts.next(), parts.next(), parts.next()] {
        [Some(_), Some(_), Some(time)] => time,
        [Some(time), ..] => time,
        _ => return None,
    };
    crate::parse::hex(time).map(|us| (at, Some(us)))
}

/// The journals below a directory, which may be /var/log, a root, or /var/log/journal itself; `below` are the directories in it.
pub(super) fn of_directory(dir: &Dir, below: &[CString], take: &mut dyn FnMut(&CStr, Found)) {
    let Ok(root) = dir.dir(c".").map(Root::Other) else {
        return;
    };
    for machine in below.iter().filter(|name| is_machine(name.to_bytes())) {
        of_machine(&root, machine, take);
    }
    // Of one in the directory itself that can't be listed that was said.
    let is_listed =
        |place: &CStr| place != c"journal" || root.dir(place).and_then(|dir| names(&dir, |_| false)).is_ok();
    for place in [c"journal", c"var/log/journal", c"run/log/journal"].into_iter().filter(|place| is_listed(place)) {
        of_place(&root, place, None, take);
    }
}

/// The journals of a place of a root: of this machine, or of all. How many others there are.
pub(super) fn of_place(root: &Root, at: &CStr, machine: Option<&[u8]>, take: &mut dyn FnMut(&CStr, Found)) -> u64 {
    let names = match root.dir(at).and_then(|dir| names(&dir, |_| true)) {
        Ok((names, 0)) => names,
        Ok((names, _)) => {
            take(at, Found::TooMany);
            names
        }
        // ENOSYS: before Linux 5.6 nothing keeps links inside of a root.
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ENOSYS) => return 0,
        Err(errno) => {
            take(at, Found::Failed(errno));
            return 0;
        }
    };
    if names.iter().any(|name| is_file(name.to_bytes())) {
        of_machine(root, at, take);
    }
    let mut others = 0;
    // `remote` is where a server of journals puts those that it is sent.
    for name in names.iter().filter(|name| is_machine(name.to_bytes()) || name.as_c_str() == c"remote") {
        if machine.is_some_and(|machine| machine != name.to_bytes()) {
            others += 1;
        } else if let Ok(path) = join(at, name) {
            of_machine(root, &path, take);
        }
    }
    others
}

/// The files of one directory, the oldest first. What may not be read is named once for all of them.
fn of_machine(root: &Root, at: &CStr, take: &mut dyn FnMut(&CStr, Found)) {
    let names = root.dir(at).and_then(|dir| names(&dir, |name| is_file(name) && !is_users(name)));
    let (names, left) = match names {
        Ok(names) => names,
        // A link that leads out of the root, and what has gone meanwhile.
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EXDEV) => return,
        Err(errno) => return take(at, Found::Failed(errno)),
    };
    let mut closed: Vec<CString> = Vec::new();
    for name in names {
        let Ok(path) = join(at, &name) else {
            continue;
        };
        let opened = root.input(&path);
        match opened {
            Err(Errno::EACCES | Errno::EPERM) => closed.push(path),
            // journald removes the oldest while they are read.
            Err(Errno::ENOENT) => {}
            opened => {
                if let Some(found) = look(opened) {
                    take(&path, found);
                }
            }
        }
    }
    if let Some(last) = closed.last() {
        take(last, Found::Closed(closed.len() as u64 - 1));
    }
    if left > 0 {
        take(at, Found::TooMany);
    }
}

/// The machine whose system this is: its /etc/machine-id.
pub(super) fn machine(root: &Root, machines: Machines) -> Option<Vec<u8>> {
    if machines == Machines::All {
        return None;
    }
    let mut buf = [0; 64];
    let input: Input = root.input(c"etc/machine-id").ok()?;
    let length = input.read(&mut buf).ok()?;
    let id = buf[..length].trim_ascii();
    is_machine(id).then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::places::place;

    #[test]
    fn a_file_of_the_journal_is_as_old_as_its_name_says() {
        for (name, expected) in [
            (&b"system.journal"[..], Some((6, None))),
            (b"system@aa11-0000000000000001-0000000000000010.journal", Some((6, Some(16)))),
            (b"system@0000000000000010-1f2e.journal~", Some((6, Some(16)))),
            (b"system@.journal", None),
            (b"system.log", None),
        ] {
            assert_eq!(age(name), expected, "{name:?}");
        }
    }

    #[test]
    fn pieces_of_a_journal_are_in_the_order_of_their_times() {
        let mut sorted = Vec::new();
        for name in ["system.journal", "system@0000000000000011-1f2e.journal~", "system@aa-01-0000000000000010.journal"]
        {
            place(&mut sorted, name, |name| name.as_bytes());
        }
        assert_eq!(
            sorted,
            ["system@aa-01-0000000000000010.journal", "system@0000000000000011-1f2e.journal~", "system.journal"]
        );
    }
}
