//! A host, its processes and its cgroups as `monitor` would have found them: for what is written of them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::time::Duration;

use memdoor::fixed::Fixed;
use memdoor::history::trend::R2;
use memdoor::host::Numbers;
use memdoor::monitor::alerts::{Alert, Change, Kind};
use memdoor::monitor::files::SessionFile;
use memdoor::monitor::groups::Group;
use memdoor::monitor::options::Form;
use memdoor::monitor::process_table::{Growth, Row, SortKey};
use memdoor::monitor::prometheus::Facts;
use memdoor::monitor::sample::{Sample, Slab, Swap, Zone, Zram};
use memdoor::monitor::tables::{self, Growing, Ranked};
use memdoor::parse::arcstats::ZfsCache;
use memdoor::parse::pressure::{Pressure, Stall};
use memdoor::parse::vmstat::Vmstat;
use memdoor::parse::{meminfo, pressure};
use memdoor::processes::{Comm, descending};
use memdoor::report::json::Envelope;
use memdoor::report::table::{TableContext, Writer, put_header};
use memdoor::sys::clock::{Civil, Now};
use memdoor::sys::out::{Out, Sink};
use memdoor::units::{Bytes, PageSize, Percent, Pid, Ticks};

/// Names that somebody has chosen to do harm: to a spreadsheet, a terminal, a parser.
pub const HOSTILE: [&[u8]; 20] = [
    b"=1+1",
    b"+1",
    b"-2+3",
    b"@SUM(A1)",
    b"\t=1",
    b"\r=1",
    b"a,b",
    b"a\"b",
    b"\"",
    b"\",=1",
    b"a;=1;+1",
    b"two\nlines",
    b"\x1b]0;x\x07",
    b"\xff\xfe\x80",
    b"\xef\xbc\x9d1+1",
    b"\xef\xbb\xbf=1",
    b"back\\slash\\075",
    b"a|b}{#\"\\",
    "日本語".as_bytes(),
    b"\\",
];

pub const MIB: u64 = 1 << 20;

pub fn civil() -> Civil {
    Civil { year: 2026, month: 11, day: 21, hour: 10, minute: 8, second: 31, weekday: 6 }
}

pub fn now() -> Now {
    Now {
        realtime: Duration::from_micros(1_795_255_711_123_456),
        boottime: Duration::from_secs(86_400),
        local: civil(),
        utc: civil(),
    }
}

pub fn envelope() -> Envelope {
    Envelope { host: Fixed::of(b"host\"1"), ..Envelope::default() }
}

fn stall(average: [u64; 3], total: u64) -> Option<Stall> {
    Some(Stall { average, total })
}

fn counts(factor: u64) -> Vmstat {
    Vmstat {
        scanned: Some(1000 * factor),
        scanned_direct: Some(200 * factor),
        stolen: Some(900 * factor),
        stalls: Some(3 * factor),
        major_faults: Some(41 * factor),
        swapped_in: Some(7 * factor),
        swapped_out: Some(8 * factor),
        oom_kills: Some(factor),
        compact_stalls: Some(5 * factor),
        compact_fails: None,
        given_up: None,
        given_up_taken: None,
    }
}

/// A host with 16 GB that swaps.
pub fn sample() -> Sample {
    let meminfo = b"MemTotal: 16384000 kB\nMemFree: 1024000 kB\nMemAvailable: 7864320 kB\nBuffers: 204800 kB\nCached: 6144000 kB\n\
        SReclaimable: 512000 kB\nSUnreclaim: 256000 kB\nKernelStack: 16384 kB\nPageTables: 65536 kB\n\
        VmallocUsed: 81920 kB\nPercpu: 4096 kB\nSwapTotal: 2097148 kB\nSwapFree: 1048572 kB\n";
    let mut sample = empty();
    let arc = ZfsCache { size: Bytes(64 * MIB), least: Bytes(64 * MIB) };
    sample.meminfo = meminfo::parse(meminfo).with_arc(arc);
    sample.pressure = Pressure { some: stall([123, 45, 6], 12_496_112), full: stall([12, 0, 10_000], 500_000) };
    assert_eq!(pressure::parse(b"").some, None, "an empty file is no pressure of 0");
    sample.counters = counts(1000);
    sample.delta = counts(1);
    sample.swaps[0] =
        Some(Swap { path: Fixed::of(b"/dev/zram0"), size: Bytes::from_kib(1_048_576), used: Bytes::from_kib(524_288) });
    sample.zram = Some(Zram { stored: Bytes(512 * MIB), used: Bytes(128 * MIB) });
    for (at, name) in [b"DMA".as_slice(), b"DMA32", b"Normal"].into_iter().enumerate() {
        sample.zones[at] = Some(Zone {
            node: 0,
            name: Fixed::of(name),
            free: [1_234_567, 70_001, 9999, 512, 256, 128, 64, 32, 16, 8, 0],
            unusable: Some(Percent { hundredths: 9931 }),
        });
    }
    sample.slabs[0] =
        Some(Slab { name: Fixed::of(b"dentry"), active: 1_000_000, objects: 1_200_000, size: Bytes(250 * MIB) });
    sample.files = Some((3296, 9_223_372));
    sample
}

/// A host of which nothing could be read.
pub fn empty() -> Sample {
    Sample { now: now(), ..Sample::new() }
}

pub fn row(pid: u64, comm: &[u8], rss: u64) -> Row {
    let mut row = Row::new(Pid::new(pid).expect("a pid"), Ticks(1));
    row.comm = Comm::of(comm);
    row.parent = Pid::new(1);
    row.state = b'S';
    row.threads = 12;
    (row.vsz, row.rss, row.shared) = (Bytes(4 * rss), Bytes(rss), Bytes(rss / 4));
    row.swap = Some(Bytes(rss / 8));
    (row.fds, row.fds_most) = (Some(1023), Some(1024));
    row.uss = Some(Bytes(rss / 2));
    row.hugetlb = Some(Bytes(2 * MIB));
    row.first = Bytes(rss / 2);
    row
}

/// Rows in place of a processes. Nothing here is on the heap, which tests/no_heap.rs counts.
pub struct Rows<'r>(pub &'r [Row]);

impl Ranked for Rows<'_> {
    fn each_top<'c>(&'c self, by: SortKey, count: usize, each: &mut dyn FnMut(&'c Row)) {
        let key = |at: usize| {
            let row: &Row = self.0.get(at)?;
            let size = match by {
                SortKey::Growth => growth(row).map_or(0, |growth| growth.per_second.max(0)),
                by => by.of(row).cast_signed(),
            };
            (size > 0).then_some((size, 0))
        };
        let first = descending(self.0.len(), &key).take(count);
        first.filter_map(|at| self.0.get(at)).for_each(each);
    }

    fn growth(&self, row: &Row) -> Option<Growth> {
        growth(row)
    }
}

/// Of those whose number is odd.
pub fn growth(row: &Row) -> Option<Growth> {
    let per_second = i64::try_from(row.rss.0 / 128).expect("a size") - 3 * 1024 * 1024;
    (row.pid.get() % 2 == 1).then(|| Growth {
        per_second,
        r2: R2(998),
        span: Duration::from_secs(60),
        gained: per_second * 60,
        percent: 1250,
    })
}

pub fn left(_: &Row, growth: &Growth) -> Option<Duration> {
    (growth.per_second > 0).then(|| Duration::from_millis(3_661_900))
}

pub fn growing<'a>(rows: &'a Rows<'a>) -> Growing<'a> {
    Growing { all: rows, left: &left }
}

pub fn group(path: &[u8], usage: u64, limit: Option<u64>) -> Group {
    Group {
        path: Fixed::of(path),
        usage: Some(Bytes(usage)),
        limit: limit.map(Bytes),
        peak: Some(Bytes(usage + MIB)),
        anon: Some(Bytes(usage / 2)),
        file: Some(Bytes(usage / 4)),
        kernel: Some(Bytes(usage / 8)),
        sock: Some(Bytes(0)),
        full: stall([250, 0, 0], 1),
        max: Some(3),
        oom: None,
        oom_kills: Some(1),
        oom_kills_ever: Some(2),
    }
}

pub fn alert(kind: Kind, process: Option<(u64, &[u8])>, words: &[u8]) -> Alert {
    Alert {
        kind,
        change: Change::Raised,
        value: (kind != Kind::OomKill).then_some(8320),
        limit: (kind != Kind::OomKill).then_some(8000),
        source: None,
        process: process.map(|(pid, comm)| (Pid::new(pid).expect("a pid"), Comm::of(comm))),
        numbers: Numbers::Initial,
        words: Fixed::of(words),
    }
}

/// Hostile processes, cgroups, areas, zones and caches, and each name once.
pub fn hostile() -> (Sample, Vec<Row>, Vec<Group>, Vec<Alert>) {
    let mut sample = sample();
    let numbered = || HOSTILE.iter().zip(1_u64..);
    let rows: Vec<Row> = numbered().map(|(name, at)| row(1000 + at, name, (100 - at) * MIB * 8)).collect();
    let groups: Vec<Group> = numbered()
        .map(|(name, at)| group(&[b"/x.slice/", *name].concat(), at * MIB, Some(MIB)))
        .chain([group(b"=/2", 5, None)])
        .collect();
    let alerts =
        numbered().map(|(name, at)| alert(Kind::Growth, Some((at, name)), b"12 MiB/s, \\033, \"so\"")).collect();
    for (slot, name) in sample.swaps.iter_mut().zip(HOSTILE) {
        *slot = Some(Swap { path: Fixed::of(name), size: Bytes(MIB), used: Bytes(MIB) });
    }
    for (slot, name) in sample.slabs.iter_mut().zip(HOSTILE) {
        *slot = Some(Slab { name: Fixed::of(name), active: u64::MAX, objects: 1, size: Bytes(1 << 50) });
    }
    for (slot, name) in sample.zones.iter_mut().zip(HOSTILE) {
        *slot = Some(Zone { node: u32::MAX, name: Fixed::of(name), free: [u64::MAX; 11], unusable: None });
    }
    (sample, rows, groups, alerts)
}

/// How many were raised of each kind.
const ALERTS: [u64; Kind::COUNT] = {
    let mut all = [0; Kind::COUNT];
    (all[Kind::Memory as usize], all[Kind::Growth as usize]) = (1, 3);
    all
};

/// What is exported of it.
pub fn facts<'a>(sample: &'a Sample, groups: &'a [Group]) -> Facts<'a> {
    Facts {
        sample,
        page: PageSize(4096),
        processes: Some(321),
        zombies: Some(2),
        top: Some(Bytes(1 << 30)),
        groups,
        alerts: &ALERTS,
    }
}

/// What is written, as bytes: the one reader of it is the caller.
pub fn written(put: impl FnOnce(&mut Out<'_>)) -> Vec<u8> {
    let fd = nix::sys::memfd::memfd_create(c"written", nix::sys::memfd::MFdFlags::empty()).expect("a memfd");
    let mut file = File::from(fd);
    let mut buf = [0; 4096];
    let mut out = Out::new(Sink::Fd(file.as_fd()), &mut buf);
    put(&mut out);
    out.flush();
    assert_eq!(out.broken(), None);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).expect("seek");
    file.read_to_end(&mut bytes).expect("read");
    bytes
}

/// All rows of a table, with its header when it is CSV.
pub fn table(
    which: SessionFile,
    form: Form,
    sample: &Sample,
    rows: &[Row],
    groups: &[Group],
    alerts: &[Alert],
) -> String {
    let envelope = envelope();
    let pen = TableContext::new(form, &envelope, &sample.now);
    let bytes = written(|out| {
        if form == Form::Csv {
            put_header(which.table().0, out);
        }
        let mut to = Writer::new(&pen, form, which.table().0, out, None);
        put_rows(which, sample, rows, groups, alerts, &mut to);
        to.end();
    });
    String::from_utf8(bytes).expect("UTF-8")
}

pub fn put_rows(
    which: SessionFile,
    sample: &Sample,
    rows: &[Row],
    groups: &[Group],
    alerts: &[Alert],
    to: &mut Writer<'_, '_>,
) {
    let all = Rows(rows);
    let growing = growing(&all);
    match which {
        SessionFile::Memory => tables::memory(sample, rows.first(), to),
        SessionFile::Processes => tables::processes(&growing, 100, to),
        SessionFile::Cgroups => tables::cgroups(groups, to),
        SessionFile::Fragmentation => tables::fragmentation(sample, to),
        SessionFile::Swap => tables::swap(sample, &growing, 100, to),
        SessionFile::Pressure => tables::pressure(sample, to),
        SessionFile::Summary => {}
        SessionFile::Alerts => alerts.iter().for_each(|alert| tables::alert(alert, to)),
    }
}
