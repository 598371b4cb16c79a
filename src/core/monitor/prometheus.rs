//! A file for the textfile collector of node_exporter, in Prometheus's text format.
//!
//! Each process that ever ran would be a series of its own: numbers and names of processes are not in it.

use core::time::Duration;

use super::alerts;
use super::groups::Group;
use super::sample::{Sample, Zone};
use super::tables::waited;
use crate::fixed::Fixed;
use crate::parse::pressure::Stall;
use crate::report::escape::{self, JSON_MAX, Source};
use crate::report::table::Get::{self, Count, Share, Size, Span};
use crate::report::table::Rows;
use crate::sys::Errno;
use crate::sys::ours::{Kind, Refused, Replaced, Use};
use crate::sys::out::{Broken, Out, Sink};
use crate::units::{Bytes, PageSize, Pages, Percent};

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The host.
    pub sample: &'a Sample,
    /// The size of its pages.
    pub page: PageSize,
    /// How many processes there are.
    pub processes: Option<u64>,
    /// How many of them are zombies.
    pub zombies: Option<u64>,
    /// RSS of the largest.
    pub top: Option<Bytes>,
    /// Cgroups.
    pub groups: &'a [Group],
    /// How often each kind of alert was raised, by [`alerts::Kind`].
    pub alerts: &'a [u64; alerts::Kind::COUNT],
}

/// What Prometheus makes of the values of a family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    /// They go up and down.
    Gauge,
    /// They are since boot, or since memdoor was started: `_total` at the end of the name.
    Counter,
}

/// A family of values: one of each row. The unit is the value's, and the name says it.
struct Family<R: Rows> {
    /// Without `memdoor_`.
    name: &'static str,
    kind: Type,
    help: &'static str,
    get: Get<R>,
}

const fn gauge<R: Rows>(name: &'static str, help: &'static str, get: Get<R>) -> Family<R> {
    Family { name, kind: Type::Gauge, help, get }
}

const fn counter<R: Rows>(name: &'static str, help: &'static str, get: Get<R>) -> Family<R> {
    Family { name, kind: Type::Counter, help, get }
}

impl Rows for Facts<'static> {
    type Row<'r> = Facts<'r>;
}

impl Facts<'_> {
    /// What the kernel counts in pages.
    fn pages(&self, count: Option<u64>) -> Option<Bytes> {
        Some(Pages(count?).bytes(self.page))
    }
}

/// Of the host: one value each, without a label. A new one is a new row.
static HOST: &[Family<Facts<'static>>] = &[
    gauge("memory_used_ratio", "Memory that is not available.", Share(|of| of.sample.used_percent())),
    gauge("memory_size_bytes", "MemTotal.", Size(|of| of.sample.meminfo.total)),
    gauge(
        "memory_available_bytes",
        "MemAvailable, free pages on the lists of CPUs, and what of the ARC of ZFS can shrink.",
        Size(|of| of.sample.meminfo.available),
    ),
    gauge("swap_size_bytes", "SwapTotal.", Size(|of| of.sample.meminfo.swap_total)),
    gauge("swap_used_bytes", "Swap in use.", Size(|of| of.sample.meminfo.swap_used())),
    counter(
        "reclaim_scanned_bytes_total",
        "Memory that reclaim looked at.",
        Size(|of| of.pages(of.sample.counters.scanned)),
    ),
    counter(
        "reclaim_direct_scanned_bytes_total",
        "Memory that reclaim looked at for processes that waited.",
        Size(|of| of.pages(of.sample.counters.scanned_direct)),
    ),
    counter(
        "reclaim_stolen_bytes_total",
        "Memory that reclaim took back.",
        Size(|of| of.pages(of.sample.counters.stolen)),
    ),
    counter("allocation_stalls_total", "Allocations that waited for reclaim.", Count(|of| of.sample.counters.stalls)),
    counter("major_faults_total", "Page faults that had to read.", Count(|of| of.sample.counters.major_faults)),
    counter("swapped_in_bytes_total", "Memory read from swap.", Size(|of| of.pages(of.sample.counters.swapped_in))),
    counter("swapped_out_bytes_total", "Memory written to swap.", Size(|of| of.pages(of.sample.counters.swapped_out))),
    counter("oom_kills_total", "Processes that the OOM killer ended.", Count(|of| of.sample.counters.oom_kills)),
    counter(
        "compaction_stalls_total",
        "Allocations that waited for compaction.",
        Count(|of| of.sample.counters.compact_stalls),
    ),
    counter(
        "compaction_failures_total",
        "Compactions that found nothing.",
        Count(|of| of.sample.counters.compact_fails),
    ),
    gauge("open_files", "Open files of the system.", Count(|of| Some(of.sample.files?.0))),
    gauge("open_files_limit", "How many there may be.", Count(|of| Some(of.sample.files?.1))),
    gauge("last_sample_timestamp_seconds", "When this was measured.", Span(|of| Some(of.sample.now.realtime))),
    gauge("processes", "Processes.", Count(|of| of.processes)),
    gauge("zombies", "Processes that ended and were not collected.", Count(|of| of.zombies)),
    gauge("top_process_bytes", "RSS of the largest process.", Size(|of| of.top)),
];

/// Of these lengths are the averages of a [`Stall`], in their order.
const WINDOWS: [&str; 3] = ["10s", "1m", "5m"];

impl Rows for Percent {
    type Row<'r> = Self;
}

impl Rows for Stall {
    type Row<'r> = Self;
}

impl Rows for u64 {
    type Row<'r> = Self;
}

static PRESSURE_RATIO: Family<Percent> =
    gauge("pressure_ratio", "Share of the time that processes waited for memory.", Share(|of| Some(*of)));

static PRESSURE_SECONDS: Family<Stall> = counter(
    "pressure_seconds_total",
    "Time that processes waited for memory.",
    Span(|of| Some(Duration::from_micros(of.total))),
);

static ZONE_UNUSABLE: Family<Zone> =
    gauge("zone_unusable_ratio", "Free memory in pieces too small for 2 MiB.", Share(|zone| zone.unusable));

impl Rows for Group {
    type Row<'r> = Self;
}

/// Of each cgroup.
static GROUPS: &[Family<Group>] = &[
    gauge("cgroup_usage_bytes", "Memory of a cgroup.", Size(|group| group.usage)),
    gauge("cgroup_limit_bytes", "Its limit.", Size(|group| group.limit)),
    gauge("cgroup_peak_bytes", "The most that it had.", Size(|group| group.peak)),
    counter("cgroup_oom_kills_total", "OOM kills in it.", Count(|group| group.oom_kills_ever)),
];

static RAISED: Family<u64> = counter("alerts_total", "Alerts raised.", Count(|count| Some(*count)));

static BUILD: Family<u64> = gauge("build_info", "The version of memdoor.", Count(|one| Some(*one)));

/// What such a file is: any of its families may be missing, so that any may be the first, and there is nobody else's.
pub static FILE: Kind = Kind {
    name: "file of memdoor monitor for Prometheus",
    option: "--prometheus FILE",
    is_ours: |beginning| {
        let starts: [&[u8]; 3] = [b"# HELP memdoor_", b"# TYPE memdoor_", b"memdoor_"];
        let is_ours = |line: &[u8]| starts.iter().any(|start| line.starts_with(start));
        // The last line may be cut.
        let whole = beginning.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        beginning.starts_with(b"# HELP memdoor_") && whole.into_iter().all(is_ours)
    },
    // node_exporter runs as a user of its own.
    mode: 0o644,
    use_of_it: Use::Written,
};

/// Replaces the file as a whole. `buf` is to write with.
pub fn publish(file: &mut Replaced<'_>, facts: &Facts<'_>, buf: &mut [u8]) -> Result<(), Refused> {
    file.replace(|file| {
        let mut out = Out::new(Sink::Fd(file), buf);
        put(facts, &mut out);
        out.flush();
        match out.broken() {
            Some(Broken::Failed(errno)) => Err(errno),
            Some(_) => Err(Errno::EIO),
            None => Ok(()),
        }
    })
}

/// Writes all of it.
pub fn put(facts: &Facts<'_>, out: &mut Out<'_>) {
    let sample = facts.sample;
    for family in HOST {
        Page::of(family, out).put(&[], facts);
    }
    let stalls = [("some", sample.pressure.some), ("full", sample.pressure.full)];
    let mut page = Page::of(&PRESSURE_RATIO, out);
    for (kind, stall) in stalls {
        for (at, window) in WINDOWS.into_iter().enumerate() {
            if let Some(share) = waited(stall, at) {
                page.put(&[("kind", kind.as_bytes()), ("window", window.as_bytes())], &share);
            }
        }
    }
    let mut page = Page::of(&PRESSURE_SECONDS, out);
    for (kind, stall) in stalls {
        if let Some(stall) = stall {
            page.put(&[("kind", kind.as_bytes())], &stall);
        }
    }
    let mut page = Page::of(&ZONE_UNUSABLE, out);
    for zone in sample.zones.iter().flatten() {
        let mut node = Fixed::<16>::new();
        node.push_dec(zone.node);
        page.put(&[("node", node.as_bytes()), ("zone", zone.name.as_bytes())], zone);
    }
    for family in GROUPS {
        let mut page = Page::of(family, out);
        for (number, group) in facts.groups.iter().enumerate() {
            let path = group.path.as_bytes();
            // Paths that were cut may be alike, and one series twice makes node_exporter refuse the file.
            let mut earlier = facts.groups.iter().take(number);
            if !earlier.any(|other| other.path.as_bytes() == path) {
                page.put(&[("cgroup", path)], group);
            }
        }
    }
    let mut page = Page::of(&RAISED, out);
    for kind in alerts::Kind::ALL {
        page.put(&[("kind", kind.name().as_bytes())], &facts.alerts[kind as usize]);
    }
    Page::of(&BUILD, out).put(&[("version", env!("CARGO_PKG_VERSION").as_bytes())], &1);
}

/// A family that is written.
struct Page<'o, 'b, R: Rows> {
    family: &'static Family<R>,
    /// Its help and its type stand above its first value.
    has_help: bool,
    out: &'o mut Out<'b>,
}

impl<'o, 'b, R: Rows> Page<'o, 'b, R> {
    const fn of(family: &'static Family<R>, out: &'o mut Out<'b>) -> Self {
        Self { family, has_help: false, out }
    }

    /// One value of it, with its labels; not known, it is not there.
    fn put<'r>(&mut self, labels: &[(&str, &[u8])], row: &'r R::Row<'r>) {
        let Family { name, kind, help, get } = self.family;
        let value = get.value(row).in_base_units();
        if value.as_bytes().is_empty() {
            return;
        }
        if !core::mem::replace(&mut self.has_help, true) {
            let kind = match kind {
                Type::Gauge => "gauge",
                Type::Counter => "counter",
            };
            for part in ["# HELP memdoor_", name, " ", help, "\n# TYPE memdoor_", name, " ", kind, "\n"] {
                self.out.put(part.as_bytes());
            }
        }
        self.out.put(b"memdoor_");
        self.out.put(name.as_bytes());
        let mut before: &[u8] = b"{";
        for (label, text) in labels {
            for part in [before, label.as_bytes(), b"="] {
                self.out.put(part);
            }
            before = b",";
            // A label is quoted as a JSON string is: only `"` and `\` need it, once control characters are escaped.
            escape::json(self.out, text, Source::Raw, JSON_MAX);
        }
        self.out.put(if labels.is_empty() { b" " } else { b"} " });
        self.out.put(value.as_bytes());
        self.out.put(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<R: Rows>(family: &Family<R>) {
        let unit = match family.get {
            Size(_) => "_bytes",
            Share(_) => "_ratio",
            Span(_) => "_seconds",
            _ => "",
        };
        let (name, base) = (family.name, family.name.strip_suffix("_total"));
        assert_eq!(base.is_some(), family.kind == Type::Counter, "{name}");
        let base = base.unwrap_or(name);
        let said = ["_bytes", "_ratio", "_seconds"].into_iter().find(|unit| base.ends_with(unit));
        assert_eq!(said.unwrap_or_default(), unit, "{name}");
    }

    #[test]
    fn the_name_of_a_family_says_its_unit_and_its_type() {
        HOST.iter().for_each(check);
        GROUPS.iter().for_each(check);
        check(&PRESSURE_RATIO);
        check(&PRESSURE_SECONDS);
        check(&ZONE_UNUSABLE);
        check(&RAISED);
        check(&BUILD);
    }
}
