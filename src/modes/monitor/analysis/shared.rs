//! Memory that no process's own figures show: System V and POSIX segments, and file systems in memory.

use core::ffi::CStr;

use super::{Facts, tables::At};
use crate::fixed::Fixed;
use crate::largest::keep;
use crate::modes::monitor::sheet::Writer;
use crate::modes::monitor::sheets::{pid, size};
use crate::parse::sysvipc::Segment;
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::tmpfs::{Mount, Mounts, each_segment};
use crate::units::Bytes;

/// Segments, and files of /dev/shm, that are named.
const SHOWN: usize = 5;

/// A file of /dev/shm.
#[derive(Clone, Debug)]
struct Posix {
    name: Fixed<64>,
    used: Bytes,
    user: u32,
}

pub(super) fn write(facts: &Facts<'_>, now: &Mounts, buf: &mut [u8], to: &mut Writer<'_, '_>) {
    to.begin(At::Segments as usize);
    for segment in segments(&facts.host.proc, buf).iter().flatten() {
        let creator = segment.creator;
        // Who made it may be gone.
        let row = facts.crowd.rows().find(|row| Some(row.pid) == creator);
        let numbers = [
            Some(segment.id),
            Some(segment.size.0),
            size(segment.rss),
            size(segment.swap),
            Some(segment.attached),
            creator.and_then(pid),
        ];
        let comm = row.map_or(&b""[..], |row| row.comm.as_bytes());
        to.row(&numbers, &[comm]);
    }
    to.begin(At::Files as usize);
    for file in files(c"/dev/shm").iter().flatten() {
        let numbers = [file.used.0, file.user.into()].map(Some);
        to.row(&numbers, &[file.name.as_bytes()]);
    }
    to.begin(At::Mounts as usize);
    let mounts = now.fullest.iter().flatten();
    for mount in mounts.filter(|mount| mount.used.0 > 0) {
        let gained = size(gained(facts.mounts, mount));
        to.row(&[Some(mount.used.0), gained], &[mount.point.as_bytes()]);
    }
}

/// How much fuller it is than it was; `None`: it is emptier.
pub(super) fn gained(then: &Mounts, now: &Mount) -> Option<Bytes> {
    now.used.0.checked_sub(then.used_at(now).0).map(Bytes)
}

fn segments(proc: &Dir, buf: &mut [u8]) -> [Option<Segment>; SHOWN] {
    let mut all = [None; SHOWN];
    each_segment(proc, buf, &mut |segment| keep(&mut all, segment, |one| one.rss.unwrap_or(one.size)));
    all
}

fn files(path: &CStr) -> [Option<Posix>; SHOWN] {
    let mut all = [const { None }; SHOWN];
    let Ok(dir) = Dir::open(path) else {
        return all;
    };
    let Ok(listing) = dir.listing(c".") else {
        return all;
    };
    let Ok(mut entries) = Entries::new(&listing) else {
        return all;
    };
    while let Some(Ok(name)) = entries.next() {
        if let Ok((used, user)) = dir.file_size(name) {
            let file = Posix { name: Fixed::of(name.to_bytes()), used: Bytes(used), user };
            keep(&mut all, file, |file| file.used);
        }
    }
    all
}
