//! A file for the textfile collector of node_exporter, in Prometheus's text format.
//!
//! Each process that ever ran would be a series of its own: numbers and names of processes are not in it.

use super::groups::Group;
use super::sample::Sample;
use super::sheet::named;
use super::sheet::push_parts;
use super::sheets::{KINDS, Numbers, STALLED};
use crate::fixed::Fixed;
use crate::parse::dec;
use crate::report::escape::{self, JSON_MAX, Source};
use crate::sys::Errno;
use crate::sys::ours::{Kind, Refused, Replaced, Use};
use crate::sys::out::{Broken, Out, Sink};
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

named!(
    /// All families: a name without `memdoor_`, where its value stands in [`Numbers`] if it has one alone, then what it is. `_total` at the
    /// end makes it a counter, and before that the unit says what a number is: of `seconds` it counts microseconds, of `ratio` hundredths of
    /// a percent; of `bytes` in a counter it counts pages.
    FAMILIES,
    "memory_used_ratio 6 Memory that is not available.
memory_size_bytes 0 MemTotal.
memory_available_bytes 3 MemAvailable, and what of the ARC of ZFS can shrink.
swap_size_bytes 8 SwapTotal.
swap_used_bytes 43 Swap in use.
reclaim_scanned_bytes_total 33 Memory that reclaim looked at.
reclaim_direct_scanned_bytes_total 34 Memory that reclaim looked at for processes that waited.
reclaim_stolen_bytes_total 35 Memory that reclaim took back.
allocation_stalls_total 36 Allocations that waited for reclaim.
major_faults_total 37 Page faults that had to read.
swapped_in_bytes_total 38 Memory read from swap.
swapped_out_bytes_total 39 Memory written to swap.
oom_kills_total 40 Processes that the OOM killer ended.
compaction_stalls_total 41 Allocations that waited for compaction.
compaction_failures_total 42 Compactions that found nothing.
open_files 44 Open files of the system.
open_files_limit 45 How many there may be.
last_sample_timestamp_seconds 46 When this was measured.
processes 47 Processes.
zombies 48 Processes that ended and were not collected.
top_process_bytes 7 RSS of the largest process.
pressure_ratio - Share of the time that processes waited for memory.
pressure_seconds_total - Time that processes waited for memory.
zone_unusable_ratio - Free memory in pieces too small for 2 MiB.
cgroup_usage_bytes - Memory of a cgroup.
cgroup_limit_bytes - Its limit.
cgroup_peak_bytes - The most that it had.
cgroup_oom_kills_total - OOM kills in it.
alerts_total - Alerts raised.
build_info - The version of memdoor."
);

const SOME_FULL: [&[u8]; 2] = [b"some", b"full"];

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
    let mut page =
        Page { families: core::str::from_utf8(&FAMILIES).unwrap_or_default().split('\n'), name: "", help: "", out };
    let mut numbers = Numbers::of(facts.sample);
    numbers.0[7] = facts.top.map(|top| top.0);
    numbers.0[47] = facts.processes;
    numbers.0[48] = facts.zombies;
    while let Some(place) = page.next() {
        let mut value = numbers.0.get(place).copied().flatten();
        if page.name.ends_with("_bytes_total") {
            value = value.map(|count| Pages(count).bytes(facts.page).0);
        }
        page.value(&[], value);
    }
    let stall = |at: usize| numbers.0.get(STALLED + at).copied().flatten();
    for (number, window) in ["10s", "1m", "5m", "10s", "1m", "5m"].into_iter().enumerate() {
        let share = stall(number / 3 * 4 + number % 3);
        let labels = [b"kind", SOME_FULL[number / 3], b"window", window.as_bytes()];
        page.value(&labels, share);
    }
    page.next();
    for (number, kind) in SOME_FULL.into_iter().enumerate() {
        page.value(&[b"kind", kind], stall(number * 4 + 3));
    }
    page.next();
    for zone in facts.sample.zones.iter().flatten() {
        let mut node = Fixed::<16>::new();
        node.push_dec(zone.node);
        let labels = [b"node", node.as_bytes(), b"zone", zone.name.as_bytes()];
        page.value(&labels, zone.unusable.map(|share| share.hundredths));
    }
    put_groups(facts.groups, &mut page);
    page.next();
    for (kind, count) in KINDS.iter().zip(facts.alerts) {
        page.value(&[b"kind", kind.as_bytes()], Some(*count));
    }
    page.next();
    page.value(&[b"version", env!("CARGO_PKG_VERSION").as_bytes()], Some(1));
}

fn put_groups(groups: &[Group], page: &mut Page<'_, '_>) {
    for at in 0..4 {
        page.next();
        for (number, group) in groups.iter().enumerate() {
            let path = group.path.as_bytes();
            // Paths that were cut may be alike, and one series twice makes node_exporter refuse the file.
            let mut earlier = groups.iter().take(number);
            if earlier.any(|other| other.path.as_bytes() == path) {
                continue;
            }
            let size = match at {
                0 => group.usage,
                1 => group.limit,
                2 => group.peak,
                _ => group.oom_kills_ever.map(Bytes),
            };
            page.value(&[b"cgroup", path], size.map(|size| size.0));
        }
    }
}

/// A page of families.
struct Page<'o, 'b> {
    families: core::str::Split<'static, char>,
    /// The one that is written.
    name: &'static str,
    /// What it is; empty once that stands there.
    help: &'static str,
    out: &'o mut Out<'b>,
}

impl Page<'_, '_> {
    /// Goes on to the next family. Where its value stands, if it has one alone.
    fn next(&mut self) -> Option<usize> {
        let (name, rest) = self.families.next()?.split_once(' ')?;
        let (place, help) = rest.split_once(' ')?;
        (self.name, self.help) = (name, help);
        dec(place.as_bytes())?.try_into().ok()
    }

    /// One value of it, its labels and their texts by turns; not known, it is not there.
    fn value(&mut self, labels: &[&[u8]], value: Option<u64>) {
        let Some(value) = value else { return };
        let name = self.name.as_bytes();
        let base = self.name.strip_suffix("_total");
        let help = core::mem::take(&mut self.help);
        if !help.is_empty() {
            let kind: &[u8] = if base.is_some() { b" counter\n" } else { b" gauge\n" };
            let help = [b" ", help.as_bytes(), b"\n# TYPE memdoor_", name, kind];
            for part in [&b"# HELP memdoor_"[..], name].iter().chain(&help) {
                self.out.put(part);
            }
        }
        self.out.put(b"memdoor_");
        self.out.put(name);
        let mut before: &[u8] = b"{";
        for pair in labels.chunks_exact(2) {
            for part in [before, pair[0], b"="] {
                self.out.put(part);
            }
            before = b",";
            // A label is quoted as a JSON string is: only `"` and `\` need it, once control characters are escaped.
            escape::json(self.out, pair[1], Source::Raw, JSON_MAX);
        }
        self.out.put(if labels.is_empty() { b" " } else { b"} " });
        let base = base.unwrap_or(self.name);
        let mut text = Fixed::<48>::new();
        if base.ends_with("_seconds") {
            push_parts(&mut text, value, 1_000_000);
        } else if base.ends_with("_ratio") {
            push_parts(&mut text, value, 10_000);
        } else {
            text.push_dec(value);
        }
        self.out.put(text.push(b"\n").as_bytes());
    }
}
