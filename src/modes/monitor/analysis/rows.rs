//! Rows about the host and its processes.

use super::{Facts, FIGURES, tables::At};
use crate::modes::monitor::crowd::{By, Row, fds};
use crate::modes::monitor::sample::Sample;
use crate::modes::monitor::sheet::{Cell, Writer};
use crate::parse::meminfo::Use;
use crate::units::{Bytes, Percent};

/// What [`figures`] gives.
const NAMES: [&str; FIGURES] = [
    "used",
    "available",
    "anonymous",
    "page cache",
    "tmpfs, shared memory",
    "slab, reclaimable",
    "slab, other",
    "page tables",
    "kernel stacks",
    "swap used",
];

pub(super) fn figures(sample: &Sample) -> [Option<Bytes>; FIGURES] {
    let of = |which| sample.meminfo.uses.of(which);
    let less = |all: Option<Bytes>, part: Option<Bytes>| {
        Some(Bytes(all?.0.saturating_sub(part.unwrap_or_default().0)))
    };
    [
        sample.used(),
        sample.meminfo.available,
        of(Use::Anon),
        less(of(Use::Cached), of(Use::Shmem)),
        of(Use::Shmem),
        of(Use::SlabReclaimable),
        of(Use::SlabUnreclaimable),
        of(Use::PageTables),
        of(Use::KernelStacks),
        sample.swap_used(),
    ]
}

/// The host, and processes by each measure.
pub(super) fn write(facts: &Facts<'_>, buf: &mut [u8], to: &mut Writer<'_, '_>) {
    to.begin(At::Host as usize);
    for (name, figure) in NAMES.iter().zip(&facts.course.figures) {
        if let Some([first, last, least, most]) = *figure {
            to.row(&[
                Cell::Text(name.as_bytes()),
                Cell::Size(first),
                Cell::Size(last),
                Cell::Size(least),
                Cell::Size(most),
            ]);
        }
    }
    to.begin(At::Growth as usize);
    facts
        .crowd
        .each_top(By::Growth, facts.top, &mut |row| growth(facts, row, to));
    to.begin(At::Rss as usize);
    facts.crowd.each_top(By::Rss, facts.top, &mut |row| {
        to.row(&[
            pid(row),
            Cell::Text(row.comm.as_bytes()),
            Cell::Size(row.rss),
            Cell::Size(row.shared),
            Cell::Size(row.anon()),
            Cell::share(Percent::of(row.anon(), row.rss)),
            Cell::size(row.swap),
            Cell::Count(row.threads),
            Cell::size(row.pss),
            Cell::size(row.uss),
        ]);
    });
    to.begin(At::Vsz as usize);
    facts.crowd.each_top(By::Vsz, facts.top, &mut |row| {
        to.row(&[
            pid(row),
            Cell::Text(row.comm.as_bytes()),
            Cell::Size(row.vsz),
            Cell::Size(row.rss),
        ]);
    });
    to.begin(At::Zombies as usize);
    if let Some(parent) = facts.crowd.negligent() {
        to.row(&[
            Cell::Count(parent.pid.get().unsigned_abs().into()),
            Cell::text(parent.row.map(|row| row.comm.as_bytes())),
            Cell::Count(parent.zombies),
            Cell::Count(facts.crowd.zombies()),
        ]);
    }
    to.begin(At::Fds as usize);
    facts
        .crowd
        .each_top(By::Fds, facts.top, &mut |row| descriptors(facts, row, to));
    let _ = buf;
}

pub(super) fn pid(row: &Row) -> Cell<'static> {
    Cell::Count(row.pid.get().unsigned_abs().into())
}

fn growth(facts: &Facts<'_>, row: &Row, to: &mut Writer<'_, '_>) {
    let Some(growth) = facts.crowd.growth(row) else {
        return;
    };
    let gained = u64::try_from(growth.gained).unwrap_or(0);
    let left = (facts.left)(row, &growth);
    to.row(&[
        pid(row),
        Cell::Text(row.comm.as_bytes()),
        Cell::Size(row.rss),
        Cell::Size(Bytes(gained)),
        Cell::Span(growth.span),
        Cell::Rate(growth.per_second),
        Cell::Thousandths(growth.r2.0),
        left.map_or(Cell::Unknown, Cell::Span),
    ]);
}

fn descriptors(facts: &Facts<'_>, row: &Row, to: &mut Writer<'_, '_>) {
    let kinds = fds::kinds(facts.host, row.pid).ok();
    let of = |pick: fn(&fds::Kinds) -> u64| Cell::count(kinds.as_ref().map(pick));
    let size = |pick: fn(&fds::Kinds) -> Bytes| Cell::size(kinds.as_ref().map(pick));
    let gained = row.fds_gained().and_then(|(gained, _)| u64::try_from(gained).ok());
    to.row(&[
        pid(row),
        Cell::Text(row.comm.as_bytes()),
        Cell::count(row.fds),
        Cell::count(row.fds_most),
        Cell::count(gained),
        of(|kinds| kinds.socket),
        of(|kinds| kinds.file),
        of(|kinds| kinds.pipe),
        of(|kinds| kinds.anon_inode),
        of(|kinds| kinds.deleted),
        of(|kinds| kinds.memfd),
        size(|kinds| kinds.deleted_size),
        size(|kinds| kinds.memfd_size),
    ]);
}

/// The mappings of those that grow.
pub(super) fn mappings(facts: &Facts<'_>, buf: &mut [u8], to: &mut Writer<'_, '_>) {
    facts.crowd.each_top(By::Growth, facts.top, &mut |row| {
        let growers = facts
            .mapped
            .growers(&facts.host.proc, row.pid, row.started, buf);
        for grower in growers.iter().flat_map(|growers| growers.all()).flatten() {
            to.row(&[
                pid(row),
                Cell::Text(row.comm.as_bytes()),
                Cell::Text(grower.kind.name().as_bytes()),
                Cell::Size(Bytes(grower.end.saturating_sub(grower.start))),
                Cell::Size(grower.by),
            ]);
        }
    });
}
