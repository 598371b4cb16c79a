//! A file for the textfile collector of node_exporter, in Prometheus's text format.
//!
//! Each process that ever ran would be a series of its own: numbers and names of processes are not in it.

extern crate std;

use core::ffi::CStr;
use std::os::fd::AsFd;

use super::groups::Group;
use super::sample::Sample;
use super::sheets::KINDS;
use crate::fixed::Fixed;
use crate::report::escape::{self, JSON_MAX, Source};
use crate::sys::clock::monotonic;
use crate::sys::logfile::Path;
use crate::sys::out::{Broken, Out, Sink};
use crate::sys::replace::Replacement;
use crate::sys::{Errno, Result};
use crate::units::{Bytes, PageSize, Pages};

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
    /// How often each kind of alert was raised, in the order of [`KINDS`].
    pub alerts: &'a [u64; KINDS.len()],
}

/// Those of one value: a name without `memdoor_`, then what it is. `_total` at the end makes it a counter, and before that the unit
/// says what a number is: of `seconds` it counts microseconds, of `ratio` hundredths of a percent.
const PLAIN: &str = "memory_used_ratio Memory that is not available.
memory_size_bytes MemTotal.
memory_available_bytes MemAvailable.
swap_size_bytes SwapTotal.
swap_used_bytes Swap in use.
reclaim_scanned_bytes_total Memory that reclaim looked at.
reclaim_direct_scanned_bytes_total Memory that reclaim looked at for processes that waited.
reclaim_stolen_bytes_total Memory that reclaim took back.
allocation_stalls_total Allocations that waited for reclaim.
major_faults_total Page faults that had to read.
swapped_in_bytes_total Memory read from swap.
swapped_out_bytes_total Memory written to swap.
oom_kills_total Processes that the OOM killer ended.
compaction_stalls_total Allocations that waited for compaction.
compaction_failures_total Compactions that found nothing.
processes Processes.
zombies Processes that have ended and that their parent has not collected.
top_process_bytes RSS of the largest process.
open_files Open files of the system.
open_files_limit How many there may be.
last_sample_timestamp_seconds When this was measured, since 1970.";

const STALLS: &str =
    "pressure_ratio Share of the time that some or all processes waited for memory.
pressure_seconds_total Time that some or all processes waited for memory.";

const ZONES: &str =
    "zone_unusable_ratio Free memory of a zone that is in pieces too small for 2 MiB.";

const GROUPS: &str = "cgroup_usage_bytes Memory of a cgroup.
cgroup_limit_bytes Its limit.
cgroup_peak_bytes The most that it had.
cgroup_oom_kills_total OOM kills in it.";

const OWN: &str = "alerts_total Alerts raised.
build_info The version of memdoor.";

/// Replaces `path` as a whole. `buf` is to write with.
pub fn publish(path: &CStr, facts: &Facts<'_>, buf: &mut [u8]) -> Result<()> {
    // No two runs have the same, and none waits for what a killed one has left; node_exporter reads *.prom alone.
    let mut name = Path::of(path.to_bytes());
    let nanos = u64::try_from(monotonic().as_nanos()).unwrap_or(0);
    name.push(b".new-").push_dec(nanos);
    let file = Replacement::create(name.as_c_str().ok_or(Errno::ENAMETOOLONG)?)?;
    let mut out = Out::new(Sink::Fd(file.as_fd()), buf);
    put(facts, &mut out);
    out.flush();
    match out.broken() {
        Some(Broken::Failed(errno)) => Err(errno),
        Some(_) => Err(Errno::EIO),
        None => file.publish(path),
    }
}

/// Writes all of it.
pub fn put(facts: &Facts<'_>, out: &mut Out<'_>) {
    put_plain(facts, out);
    let sample = facts.sample;
    let stalls = [
        ("some", sample.pressure.some),
        ("full", sample.pressure.full),
    ];
    each(STALLS, out, &mut |at, family| {
        for (kind, stall) in stalls {
            let Some(stall) = stall else { continue };
            let windows = ["10s", "1m", "5m"].iter().zip(stall.average);
            match at {
                0 => windows.for_each(|(window, share)| {
                    let labels = [("kind", kind.as_bytes()), ("window", window.as_bytes())];
                    family.value(&labels, Some(share));
                }),
                _ => family.value(&[("kind", kind.as_bytes())], Some(stall.total)),
            }
        }
    });
    each(ZONES, out, &mut |_, family| {
        for zone in sample.zones.iter().flatten() {
            let mut node = Fixed::<16>::new();
            node.push_dec(zone.node);
            let labels = [("node", node.as_bytes()), ("zone", zone.name.as_bytes())];
            family.value(&labels, zone.unusable.map(|share| share.hundredths));
        }
    });
    each(GROUPS, out, &mut |at, family| {
        for (number, group) in facts.groups.iter().enumerate() {
            // Paths that were cut may be alike, and one series twice makes node_exporter refuse the file.
            let mut earlier = facts.groups.iter().take(number);
            if earlier.any(|other| other.path.as_bytes() == group.path.as_bytes()) {
                continue;
            }
            let size = [group.usage, group.limit, group.peak].get(at).copied();
            let value = match size {
                Some(size) => size.map(|size| size.0),
                None => group.oom_kills_ever,
            };
            family.value(&[("cgroup", group.path.as_bytes())], value);
        }
    });
    each(OWN, out, &mut |at, family| match at {
        0 => {
            for (kind, count) in KINDS.iter().zip(facts.alerts) {
                family.value(&[("kind", kind.as_bytes())], Some(*count));
            }
        }
        _ => {
            let version = env!("CARGO_PKG_VERSION").as_bytes();
            family.value(&[("version", version)], Some(1));
        }
    });
}

fn put_plain(facts: &Facts<'_>, out: &mut Out<'_>) {
    let (sample, counters) = (facts.sample, &facts.sample.counters);
    let size = |size: Option<Bytes>| size.map(|size| size.0);
    let pages = |count: Option<u64>| count.map(|count| Pages(count).bytes(facts.page).0);
    let values = [
        sample.used_percent().map(|share| share.hundredths),
        size(sample.meminfo.total),
        size(sample.meminfo.available),
        size(sample.meminfo.swap_total),
        size(sample.swap_used()),
        pages(counters.scanned),
        pages(counters.scanned_direct),
        pages(counters.stolen),
        counters.stalls,
        counters.major_faults,
        pages(counters.swapped_in),
        pages(counters.swapped_out),
        counters.oom_kills,
        counters.compact_stalls,
        counters.compact_fails,
        facts.processes,
        facts.zombies,
        size(facts.top),
        sample.files.map(|(open, _)| open),
        sample.files.map(|(_, most)| most),
        u64::try_from(sample.now.realtime.as_micros()).ok(),
    ];
    each(PLAIN, out, &mut |at, family| {
        family.value(&[], values.get(at).copied().flatten());
    });
}

/// Hands on each family, by its place.
fn each(
    families: &'static str,
    out: &mut Out<'_>,
    values: &mut dyn FnMut(usize, &mut Family<'_, '_>),
) {
    for (at, line) in families.split('\n').enumerate() {
        let (name, help) = line.split_once(' ').unwrap_or_default();
        let mut family = Family {
            name,
            help,
            is_begun: false,
            out,
        };
        values(at, &mut family);
    }
}

/// All values of one name.
struct Family<'o, 'b> {
    name: &'static str,
    help: &'static str,
    is_begun: bool,
    out: &'o mut Out<'b>,
}

impl Family<'_, '_> {
    /// One of them; not known, it is not there.
    fn value(&mut self, labels: &[(&str, &[u8])], value: Option<u64>) {
        let Some(value) = value else { return };
        let base = self.name.strip_suffix("_total");
        if !core::mem::replace(&mut self.is_begun, true) {
            let kind = if base.is_some() { "counter" } else { "gauge" };
            let parts = [
                "# HELP memdoor_",
                self.name,
                " ",
                self.help,
                "\n# TYPE memdoor_",
                self.name,
                " ",
                kind,
                "\n",
            ];
            for part in parts {
                self.out.put(part.as_bytes());
            }
        }
        self.out.put(b"memdoor_");
        self.out.put(self.name.as_bytes());
        for (at, (label, text)) in labels.iter().enumerate() {
            self.out.put(if at == 0 { b"{" } else { b"," });
            self.out.put(label.as_bytes());
            self.out.put(b"=");
            // A label is quoted as a JSON string is: only `"` and `\` need it, once control characters are escaped.
            escape::json(self.out, text, Source::Raw, JSON_MAX);
        }
        self.out.put(if labels.is_empty() { b" " } else { b"} " });
        let base = base.unwrap_or(self.name);
        let parts = match () {
            () if base.ends_with("_seconds") => 1_000_000,
            () if base.ends_with("_ratio") => 10_000,
            () => 1,
        };
        let mut text = Fixed::<48>::new();
        if parts == 1 {
            text.push_dec(value);
        } else {
            super::sheet::cell::push_parts(&mut text, value, parts);
        }
        text.push(b"\n");
        self.out.put(text.as_bytes());
    }
}
