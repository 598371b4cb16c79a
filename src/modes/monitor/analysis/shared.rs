//! Memory that no process's own figures show: System V and POSIX segments, and file systems in memory.

use core::ffi::CStr;

use super::{Facts, tables::At};
use crate::fixed::Fixed;
use crate::modes::monitor::sheet::{Cell, Writer};
use crate::modes::monitor::tmpfs::{Mount, Mounts};
use crate::parse::sysvipc::{self, Segment};
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::lines::Lines;
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
        let row = facts.crowd.rows().find(|row| Some(row.pid) == creator);
        to.row(&[
            Cell::Count(segment.id),
            Cell::Size(segment.size),
            Cell::size(segment.rss),
            Cell::size(segment.swap),
            Cell::Count(segment.attached),
            Cell::count(creator.map(|pid| pid.get().unsigned_abs().into())),
            // Who made it may be gone.
            Cell::text(row.map(|row| row.comm.as_bytes())),
        ]);
    }
    to.begin(At::Files as usize);
    for file in files(c"/dev/shm").iter().flatten() {
        to.row(&[
            Cell::Text(file.name.as_bytes()),
            Cell::Size(file.used),
            Cell::Count(file.user.into()),
        ]);
    }
    to.begin(At::Mounts as usize);
    for mount in now.fullest.iter().flatten().filter(|mount| mount.used.0 > 0) {
        to.row(&[
            Cell::Text(mount.point.as_bytes()),
            Cell::Size(mount.used),
            Cell::size(gained(facts.mounts, mount)),
        ]);
    }
}

/// How much fuller it is than it was; `None`: it is emptier.
pub(super) fn gained(then: &Mounts, now: &Mount) -> Option<Bytes> {
    now.used.0.checked_sub(then.used_at(now).0).map(Bytes)
}

/// Keeps the largest, the largest first.
fn keep<T>(all: &mut [Option<T>; SHOWN], new: T, size: fn(&T) -> Bytes) {
    let is_less = |slot: &Option<T>| slot.as_ref().is_none_or(|old| size(old) < size(&new));
    if let Some(at) = all.iter().position(is_less)
        && let Some(from) = all.get_mut(at..)
    {
        from.rotate_right(1);
        if let Some(slot) = from.first_mut() {
            *slot = Some(new);
        }
    }
}

fn segments(proc: &Dir, buf: &mut [u8]) -> [Option<Segment>; SHOWN] {
    let mut all = [None; SHOWN];
    if let Ok(file) = proc.file(c"sysvipc/shm") {
        let mut lines = Lines::new(&file, buf);
        while let Some(Ok(line)) = lines.next() {
            if let Some(segment) = sysvipc::segment(line) {
                keep(&mut all, segment, |segment| segment.rss.unwrap_or(segment.size));
            }
        }
    }
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
            let file = Posix {
                name: Fixed::of(name.to_bytes()),
                used: Bytes(used),
                user,
            };
            keep(&mut all, file, |file| file.used);
        }
    }
    all
}
