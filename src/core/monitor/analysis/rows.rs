//! Rows about the host and its processes.

use core::time::Duration;

use super::Facts;
use super::summary::{Figure, Range};
use crate::history::grown::{Grower, Growers};
use crate::monitor::process_table::{Growth, Row, SortKey, ZombieParent, fds};
use crate::report::table::Get::{Count, Rate, Share, Size, Span, Text, Thousandths};
use crate::report::table::{Rows, Table, Writer, called, column};
use crate::sample::number;
use crate::units::{Bytes, Percent};

/// A figure of the host over all samples.
pub(super) struct OfHost {
    figure: Figure,
    range: Range,
}

impl Rows for OfHost {
    type Row<'r> = Self;
}

pub(super) static HOST: Table<OfHost> = Table {
    event: "memdoor.monitor.host",
    title: "the host, first and last sample",
    columns: &[
        column("Figure", 22, "memdoor.host.figure", Text(|of| of.figure.name().as_bytes())),
        column("First_KB", 12, "memdoor.host.first_bytes", Size(|of| Some(of.range.first))),
        column("Last_KB", 12, "memdoor.host.last_bytes", Size(|of| of.range.last)),
        column("Least_KB", 12, "memdoor.host.least_bytes", Size(|of| Some(of.range.least))),
        column("Most_KB", 12, "memdoor.host.most_bytes", Size(|of| Some(of.range.most))),
    ],
};

/// A process that grows.
pub(super) struct OfGrowth<'r> {
    row: &'r Row,
    growth: Growth,
    left: Option<Duration>,
}

impl Rows for OfGrowth<'static> {
    type Row<'r> = OfGrowth<'r>;
}

pub(super) static GROWTH: Table<OfGrowth<'static>> = Table {
    event: "memdoor.process.growth",
    title: "who grows",
    columns: &[
        column("PID", 7, "process.pid", Count(|one| number(one.row.pid))),
        column("Command", 15, "memdoor.process.comm", Text(|one| one.row.comm.as_bytes())),
        column("RSS_KB", 9, "process.memory.usage", Size(|one| Some(one.row.rss))),
        column("Gained_KB", 9, "memdoor.growth.gained_bytes", Size(|one| one.growth.gained.try_into().ok().map(Bytes))),
        column("In_s", 6, "memdoor.growth.window_us", Span(|one| Some(one.growth.span))),
        called("Growth_KB_s", "KB_s", 9, "memdoor.growth.bytes_per_second", Rate(|one| Some(one.growth.per_second))),
        column("R2", 5, "memdoor.growth.r2", Thousandths(|one| Some(one.growth.r2.0))),
        column("Left_s", 8, "memdoor.growth.left_us", Span(|one| one.left)),
    ],
};

pub(super) static RSS: Table<Row> = Table {
    event: "memdoor.process.rss",
    title: "the largest by RSS",
    columns: &[
        column("PID", 7, "process.pid", Count(|row| number(row.pid))),
        column("Command", 15, "memdoor.process.comm", Text(|row| row.comm.as_bytes())),
        column("RSS_KB", 9, "process.memory.usage", Size(|row| Some(row.rss))),
        column("Shared_KB", 9, "memdoor.process.shared_bytes", Size(|row| Some(row.shared))),
        column("Freeable_KB", 11, "memdoor.process.freeable_bytes", Size(|row| Some(row.freeable()))),
        called(
            "Freeable_Percent",
            "%",
            6,
            "memdoor.process.freeable_percent",
            Share(|row| Percent::of(row.freeable(), row.held())),
        ),
        column("Swap_KB", 8, "memdoor.process.swap_bytes", Size(|row| row.swap)),
        called("Threads", "Thr", 5, "process.thread.count", Count(|row| Some(row.threads))),
        column("PSS_KB", 0, "memdoor.process.pss_bytes", Size(|row| row.pss)),
        column("USS_KB", 0, "memdoor.process.uss_bytes", Size(|row| row.uss)),
        column("Hugetlb_KB", 0, "memdoor.process.hugetlb_bytes", Size(|row| row.hugetlb)),
    ],
};

pub(super) static VSZ: Table<Row> = Table {
    event: "memdoor.process.vsz",
    title: "the largest by VSZ",
    columns: &[
        column("PID", 7, "process.pid", Count(|row| number(row.pid))),
        column("Command", 15, "memdoor.process.comm", Text(|row| row.comm.as_bytes())),
        column("VSZ_KB", 14, "process.memory.virtual", Size(|row| Some(row.vsz))),
        column("RSS_KB", 12, "process.memory.usage", Size(|row| Some(row.rss))),
    ],
};

/// Who does not reap most of all zombies.
pub(super) struct OfZombies<'r> {
    parent: ZombieParent<'r>,
    all: u64,
}

impl Rows for OfZombies<'static> {
    type Row<'r> = OfZombies<'r>;
}

pub(super) static ZOMBIES: Table<OfZombies<'static>> = Table {
    event: "memdoor.process.zombies",
    title: "who does not reap",
    columns: &[
        column("PID", 7, "process.pid", Count(|of| number(of.parent.pid))),
        column("Command", 15, "memdoor.process.comm", Text(|of| of.parent.row.map_or(b"", |row| row.comm.as_bytes()))),
        column("Zombies", 8, "memdoor.process.zombies", Count(|of| Some(of.parent.zombies))),
        column("All", 8, "memdoor.host.zombies", Count(|of| Some(of.all))),
    ],
};

/// A process with its descriptors. Where a link may not be read, it is of no kind, and how many there are of each is not known.
pub(super) struct OfFds<'r> {
    row: &'r Row,
    kinds: Option<fds::DescriptorCounts>,
}

impl Rows for OfFds<'static> {
    type Row<'r> = OfFds<'r>;
}

pub(super) static FDS: Table<OfFds<'static>> = Table {
    event: "memdoor.process.fds",
    title: "most descriptors",
    columns: &[
        column("PID", 7, "process.pid", Count(|of| number(of.row.pid))),
        column("Command", 12, "memdoor.process.comm", Text(|of| of.row.comm.as_bytes())),
        column("FDs", 6, "process.open_file_descriptor.count", Count(|of| of.row.fds)),
        column("Limit", 7, "memdoor.process.fds.limit", Count(|of| of.row.fds_most)),
        column("Gained", 6, "memdoor.process.fds.gained", Count(|of| of.row.fds_gained()?.0.try_into().ok())),
        called("Socket", "Sock", 5, "memdoor.process.fds.socket", Count(|of| Some(of.kinds?.socket))),
        column("File", 5, "memdoor.process.fds.file", Count(|of| Some(of.kinds?.file))),
        column("Pipe", 5, "memdoor.process.fds.pipe", Count(|of| Some(of.kinds?.pipe))),
        called("Anon_inode", "Anon", 5, "memdoor.process.fds.anon_inode", Count(|of| Some(of.kinds?.anon_inode))),
        called("Deleted", "Del", 4, "memdoor.process.fds.deleted", Count(|of| Some(of.kinds?.deleted))),
        column("Memfd", 5, "memdoor.process.fds.memfd", Count(|of| Some(of.kinds?.memfd))),
        column("Deleted_KB", 0, "memdoor.process.fds.deleted_bytes", Size(|of| Some(of.kinds?.deleted_size))),
        column("Memfd_KB", 0, "memdoor.process.fds.memfd_bytes", Size(|of| Some(of.kinds?.memfd_size))),
    ],
};

/// A mapping that has grown, and whose it is.
pub(super) struct OfMapping<'r> {
    row: &'r Row,
    grower: &'r Grower,
}

impl Rows for OfMapping<'static> {
    type Row<'r> = OfMapping<'r>;
}

pub(super) static MAPPINGS: Table<OfMapping<'static>> = Table {
    event: "memdoor.process.grown",
    title: "mappings that grew",
    columns: &[
        column("PID", 7, "process.pid", Count(|of| number(of.row.pid))),
        column("Command", 15, "memdoor.process.comm", Text(|of| of.row.comm.as_bytes())),
        column("Kind", 6, "memdoor.mapping.kind", Text(|of| of.grower.kind.name().as_bytes())),
        column("Size_KB", 12, "memdoor.mapping.size_bytes", Size(|of| Some(length(of.grower)))),
        column("Gained_KB", 12, "memdoor.mapping.gained_bytes", Size(|of| Some(of.grower.by))),
    ],
};

const fn length(grower: &Grower) -> Bytes {
    Bytes(grower.end.saturating_sub(grower.start))
}

/// The host, and processes by each measure.
pub(super) fn write(facts: &Facts<'_>, to: &mut Writer<'_, '_>) {
    for figure in Figure::ALL {
        if let Some(range) = facts.summary.of(figure) {
            to.row(&HOST, &OfHost { figure, range });
        }
    }
    let (processes, top) = (facts.processes, facts.top);
    processes.each_top(SortKey::Growth, top, &mut |row| {
        if let Some(growth) = processes.growth(row) {
            let left = (facts.left)(row, &growth);
            to.row(&GROWTH, &OfGrowth { row, growth, left });
        }
    });
    processes.each_top(SortKey::Rss, top, &mut |row| to.row(&RSS, row));
    processes.each_top(SortKey::Vsz, top, &mut |row| to.row(&VSZ, row));
    if let Some(parent) = processes.zombie_parent() {
        to.row(&ZOMBIES, &OfZombies { parent, all: processes.zombies() });
    }
    processes.each_top(SortKey::Fds, top, &mut |row| {
        let kinds = fds::kinds(facts.host, row.pid).ok();
        to.row(&FDS, &OfFds { row, kinds: kinds.filter(|kinds| kinds.unreadable == 0) });
    });
}

/// The mappings of those that grow.
pub(super) fn mappings(facts: &Facts<'_>, to: &mut Writer<'_, '_>) {
    facts.processes.each_top(SortKey::Growth, facts.top, &mut |row| {
        let growers = facts.mapped.growers(facts.reader, &facts.host.proc, row.pid, row.started);
        for grower in growers.iter().flat_map(Growers::all).flatten() {
            to.row(&MAPPINGS, &OfMapping { row, grower: &grower });
        }
    });
}
