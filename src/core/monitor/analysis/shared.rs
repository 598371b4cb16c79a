//! Memory that no process's own figures show: System V and POSIX segments, and file systems in memory.

use core::ffi::CStr;

use super::Facts;
use crate::fixed::Fixed;
use crate::largest::keep;
use crate::parse::sysvipc::Segment;
use crate::report::table::Get::{Count, Path, Size, Text};
use crate::report::table::{Rows, Table, Writer, column};
use crate::sample::number;
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::tmpfs::{Mount, Mounts, each_segment};
use crate::units::Bytes;

/// Segments, and files of /dev/shm, that are named.
const SHOWN: usize = 5;

/// A file of /dev/shm.
#[derive(Clone, Debug)]
pub(super) struct Posix {
    name: Fixed<64>,
    used: Bytes,
    user: u32,
}

/// A System V segment, and the name of who made it, who may be gone.
pub(super) struct OfSegment<'r> {
    segment: &'r Segment,
    creator: &'r [u8],
}

impl Rows for OfSegment<'static> {
    type Row<'r> = OfSegment<'r>;
}

pub(super) static SEGMENTS: Table<OfSegment<'static>> = Table {
    event: "memdoor.shm.segment",
    title: "largest System V segments",
    columns: &[
        column("Shmid", 10, "memdoor.shm.id", Count(|of| Some(of.segment.id))),
        column("Size_KB", 12, "memdoor.shm.size_bytes", Size(|of| Some(of.segment.size))),
        column("RSS_KB", 12, "memdoor.shm.rss_bytes", Size(|of| of.segment.rss)),
        column("Swap_KB", 10, "memdoor.shm.swap_bytes", Size(|of| of.segment.swap)),
        column("Attached", 8, "memdoor.shm.attached", Count(|of| Some(of.segment.attached))),
        column("PID", 7, "process.pid", Count(|of| of.segment.creator.and_then(number))),
        column("Command", 15, "memdoor.process.comm", Text(|of| of.creator)),
    ],
};

impl Rows for Posix {
    type Row<'r> = Self;
}

pub(super) static FILES: Table<Posix> = Table {
    event: "memdoor.shm.file",
    title: "largest files in /dev/shm",
    columns: &[
        column("Name", 50, "memdoor.shm.name", Text(|file| file.name.as_bytes())),
        column("Used_KB", 12, "memdoor.shm.used_bytes", Size(|file| Some(file.used))),
        column("UID", 10, "memdoor.shm.uid", Count(|file| Some(file.user.into()))),
    ],
};

/// A file system in memory, and how much fuller it is than it was.
pub(super) struct OfMount<'r> {
    mount: &'r Mount,
    gained: Option<Bytes>,
}

impl Rows for OfMount<'static> {
    type Row<'r> = OfMount<'r>;
}

pub(super) static MOUNTS: Table<OfMount<'static>> = Table {
    event: "memdoor.tmpfs.sample",
    title: "fullest tmpfs",
    columns: &[
        column("Mount", 50, "memdoor.tmpfs.path", Path(|of| of.mount.point.as_bytes())),
        column("Used_KB", 12, "memdoor.tmpfs.used_bytes", Size(|of| Some(of.mount.used))),
        column("Gained_KB", 12, "memdoor.tmpfs.gained_bytes", Size(|of| of.gained)),
    ],
};

pub(super) fn write(facts: &Facts<'_>, now: &Mounts, buf: &mut [u8], to: &mut Writer<'_, '_>) {
    for segment in segments(&facts.host.proc, buf).iter().flatten() {
        let row = facts.processes.rows().find(|row| Some(row.pid) == segment.creator);
        let creator = row.map_or(&b""[..], |row| row.comm.as_bytes());
        to.row(&SEGMENTS, &OfSegment { segment, creator });
    }
    files(c"/dev/shm").iter().flatten().for_each(|file| to.row(&FILES, file));
    for mount in now.fullest.iter().flatten().filter(|mount| mount.used.0 > 0) {
        to.row(&MOUNTS, &OfMount { mount, gained: gained(facts.mounts, mount) });
    }
}

/// How much fuller it is than it was; `None`: it is emptier.
pub(super) fn gained(then: &Mounts, now: &Mount) -> Option<Bytes> {
    now.used.0.checked_sub(then.used_at(now).0).map(Bytes)
}

fn segments(proc: &Dir, buf: &mut [u8]) -> [Option<Segment>; SHOWN] {
    let mut all = [None; SHOWN];
    // What was read up to an error is all that can be told.
    let _ = each_segment(proc, buf, &mut |segment| keep(&mut all, segment, |one| one.rss.unwrap_or(one.size)));
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
