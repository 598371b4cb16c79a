//! Rows about the host and its processes.

use super::{FIGURES, Facts, Figure, tables::At};
use crate::history::grown::Growers;
use crate::modes::monitor::crowd::{By, Row, fds};
use crate::modes::monitor::sample::Sample;
use crate::modes::monitor::sheet::Writer;
use crate::modes::monitor::sheets::{pid, size};
use crate::parse::meminfo::Use;
use crate::units::{Bytes, Percent, micros};

/// What each is called, in the order of the rows.
const NAMES: [(Figure, &str); FIGURES] = [
    (Figure::Used, "used"),
    (Figure::Available, "available"),
    (Figure::Anon, "anonymous"),
    (Figure::PageCache, "page cache"),
    (Figure::Shmem, "tmpfs, shared memory"),
    (Figure::SlabReclaimable, "slab, reclaimable"),
    (Figure::SlabUnreclaimable, "slab, other"),
    (Figure::PageTables, "page tables"),
    (Figure::KernelStacks, "kernel stacks"),
    (Figure::Percpu, "percpu"),
    (Figure::Vmalloc, "vmalloc"),
    (Figure::SwapUsed, "swap used"),
];

/// By [`super::Figure`].
pub(super) fn figures(sample: &Sample) -> [Option<Bytes>; FIGURES] {
    let of = |which| sample.meminfo.uses.of(which);
    let less = |all: Option<Bytes>, part: Option<Bytes>| Some(Bytes(all?.0.saturating_sub(part.unwrap_or_default().0)));
    [
        sample.meminfo.used(),
        sample.meminfo.available,
        of(Use::Anon),
        less(of(Use::Cached), of(Use::Shmem)),
        of(Use::Shmem),
        of(Use::SlabReclaimable),
        of(Use::SlabUnreclaimable),
        of(Use::PageTables),
        of(Use::KernelStacks),
        of(Use::Percpu),
        of(Use::Vmalloc),
        sample.meminfo.swap_used(),
    ]
}

/// The host, and processes by each measure.
pub(super) fn write(facts: &Facts<'_>, to: &mut Writer<'_, '_>) {
    to.begin(At::Host as usize);
    for (figure, name) in NAMES {
        if let Some(range) = facts.course.of(figure) {
            let sizes = [range.first, range.last, range.least, range.most];
            to.row(&sizes.map(|size| Some(size.0)), &[name.as_bytes()]);
        }
    }
    let (crowd, top) = (facts.crowd, facts.top);
    to.begin(At::Growth as usize);
    crowd.each_top(By::Growth, top, &mut |row| growth(facts, row, to));
    to.begin(At::Rss as usize);
    crowd.each_top(By::Rss, top, &mut |row| {
        let freeable = row.freeable();
        let share = Percent::of(freeable, row.held());
        let numbers = [
            pid(row.pid),
            Some(row.rss.0),
            Some(row.shared.0),
            Some(freeable.0),
            share.map(|share| share.hundredths),
            size(row.swap),
            Some(row.threads),
            size(row.pss),
            size(row.uss),
            size(row.hugetlb),
        ];
        to.row(&numbers, &[row.comm.as_bytes()]);
    });
    to.begin(At::Vsz as usize);
    crowd.each_top(By::Vsz, top, &mut |row| {
        let numbers = [pid(row.pid), Some(row.vsz.0), Some(row.rss.0)];
        to.row(&numbers, &[row.comm.as_bytes()]);
    });
    to.begin(At::Zombies as usize);
    if let Some(parent) = crowd.negligent() {
        let comm = parent.row.map_or(&b""[..], |row| row.comm.as_bytes());
        let numbers = [pid(parent.pid), Some(parent.zombies), Some(crowd.zombies())];
        to.row(&numbers, &[comm]);
    }
    to.begin(At::Fds as usize);
    crowd.each_top(By::Fds, top, &mut |row| descriptors(facts, row, to));
}

fn growth(facts: &Facts<'_>, row: &Row, to: &mut Writer<'_, '_>) {
    let Some(growth) = facts.crowd.growth(row) else {
        return;
    };
    let numbers = [
        pid(row.pid),
        Some(row.rss.0),
        u64::try_from(growth.gained).ok(),
        Some(micros(growth.span)),
        Some(growth.per_second.cast_unsigned()),
        Some(growth.r2.0.into()),
        (facts.left)(row, &growth).map(micros),
    ];
    to.row(&numbers, &[row.comm.as_bytes()]);
}

fn descriptors(facts: &Facts<'_>, row: &Row, to: &mut Writer<'_, '_>) {
    let gained = row.fds_gained().map(|(gained, _)| gained);
    let kinds = fds::kinds(facts.host, row.pid).ok();
    // Links that may not be read are of no kind.
    let kinds = kinds.filter(|kinds| kinds.unreadable == 0);
    let kinds = kinds.map(|kinds| {
        [
            kinds.socket,
            kinds.file,
            kinds.pipe,
            kinds.anon_inode,
            kinds.deleted,
            kinds.memfd,
            kinds.deleted_size.0,
            kinds.memfd_size.0,
        ]
    });
    let mut numbers = [None; 12];
    let gained = gained.and_then(|gained| u64::try_from(gained).ok());
    let own = [pid(row.pid), row.fds, row.fds_most, gained];
    let kinds = kinds.into_iter().flatten().map(Some);
    for (slot, number) in numbers.iter_mut().zip(own.into_iter().chain(kinds)) {
        *slot = number;
    }
    to.row(&numbers, &[row.comm.as_bytes()]);
}

/// The mappings of those that grow.
pub(super) fn mappings(facts: &Facts<'_>, to: &mut Writer<'_, '_>) {
    facts.crowd.each_top(By::Growth, facts.top, &mut |row| {
        let growers = facts.mapped.growers(facts.slow, &facts.host.proc, row.pid, row.started);
        for grower in growers.iter().flat_map(Growers::all).flatten() {
            let length = grower.end.saturating_sub(grower.start);
            let numbers = [pid(row.pid), Some(length), Some(grower.by.0)];
            to.row(&numbers, &[row.comm.as_bytes(), grower.kind.name().as_bytes()]);
        }
    });
}
