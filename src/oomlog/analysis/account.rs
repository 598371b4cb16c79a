//! Where the memory was: the counts that a report prints, by what they are of.

use super::{Whole, size, whole};
use crate::oomlog::event::{Constraint, Counters, Event, Machine, Missing, Position};
use crate::units::Bytes;

/// A part of the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// What it is of, in plain words.
    pub what: &'static str,
    /// How much.
    pub bytes: Bytes,
    /// Which line says so.
    pub line: Option<Position>,
}

/// What processes have allocated.
pub(super) const ANON: &str = "anonymous (heaps, stacks)";
/// The same where nothing tells how much of it is shared.
const ANON_AND_SHARED: &str = "anonymous and shared memory";
/// The page cache without shared memory, which is counted with it.
const FILES: &str = "page cache (files)";
/// The same where nothing tells how much of it is shared.
const FILES_AND_SHARED: &str = "page cache and shared memory";
/// tmpfs, shm and shared anonymous mappings.
pub(super) const SHARED: &str = "shared memory and tmpfs";
/// Slab that reclaim can't take back.
pub(super) const UNRECLAIMABLE: &str = "slab, unreclaimable";
/// Reserved, used or not.
pub(super) const HUGE: &str = "huge pages (hugetlb)";
/// What the counts leave.
pub(super) const REST: &str = "not accounted for above";

/// What the kernel calls the parts of memory.stat that add up to a cgroup's usage, and what they are.
const OF_V2: &[(&[&str], &str)] = &[
    (&["anon"], ANON),
    (&["shmem"], SHARED),
    (&["kernel_stack"], "kernel stacks"),
    (&["pagetables", "sec_pagetables"], "page tables"),
    (&["percpu"], "kernel, per CPU"),
    (&["sock"], "socket buffers"),
    (&["vmalloc"], "kernel, vmalloc"),
    (&["zswap"], "compressed swap (zswap)"),
    (&["slab_reclaimable"], "slab, reclaimable"),
    (&["slab_unreclaimable"], UNRECLAIMABLE),
];

/// The same of cgroup v1, whose kernel memory has a counter of its own.
const OF_V1: &[(&[&str], &str)] = &[(&["rss"], ANON), (&["shmem"], SHARED)];

/// Counts of the machine, in pages. Kernels before 2.6.28 have fewer, with capitals.
const OF_MACHINE: &[(&[&str], &str)] = &[
    (&["shmem"], SHARED),
    (&["unevictable"], "unevictable (locked)"),
    (&["slab_reclaimable"], "slab, reclaimable"),
    (&["slab_unreclaimable"], UNRECLAIMABLE),
    (&["slab"], "slab"),
    (&["pagetables", "sec_pagetables"], "page tables"),
    (&["kernel_misc_reclaimable"], "kernel, reclaimable"),
    (&["bounce"], "bounce buffers"),
    (&["free"], "free"),
];

/// The parts and, as the last, what they leave unexplained of the whole. Empty when the report has no counts.
#[must_use]
pub fn account(event: &Event) -> Vec<Share> {
    let (mut shares, whole) = if event.constraint == Constraint::Memcg { of_memcg(event) } else { of_machine(event) };
    shares.retain(|share| share.bytes.0 > 0);
    if let (Some(whole), false) = (whole, shares.is_empty()) {
        let sum = shares.iter().fold(Bytes(0), |sum, share| sum.plus(share.bytes));
        shares.push(Share { what: REST, bytes: Bytes(whole.bytes.0.saturating_sub(sum.0)), line: whole.line });
    }
    shares
}

/// What no count accounts for, where that can be told at all: all counts that the sum needs are in the report, which goes on behind them.
/// A line that was lost is no memory that nobody has.
///
/// A cgroup's `rss` and `cache` may be less than what is on its lists, by charges that have moved: the larger of the two counts.
#[must_use]
pub(super) fn unexplained(event: &Event) -> Option<Bytes> {
    let shares = account(event);
    let rest = shares.last().filter(|share| share.what == REST)?.bytes;
    let is_memcg = event.constraint == Constraint::Memcg;
    let counts = if is_memcg { &event.counters.stats } else { &event.machine.counts };
    let has = |keys: &[&str]| keys.iter().all(|key| sum(counts, &[key]).is_some());
    let lists = ["active_anon", "inactive_anon", "active_file", "inactive_file", "unevictable"];
    if event.missing.contains(&Missing::Memory) {
        return None;
    }
    if !is_memcg {
        let has_lists = has(&lists) || has(&["active", "inactive"]) || has(&["Active", "Inactive"]);
        let has_slab = has(&["slab_reclaimable", "slab_unreclaimable"]) || has(&["slab"]);
        // Huge pages come before the sums: a kernel that has none prints no line of them.
        let goes_on_behind = event.machine.ram_pages.is_some();
        let has_others = has(&["free", "pagetables"]) && (event.machine.huge.is_some() || goes_on_behind);
        let goes_on = goes_on_behind || event.lines.table.or(event.lines.summary).or(event.lines.end).is_some();
        return (has_lists && has_slab && has_others && goes_on).then_some(rest);
    }
    let is_v2 = has(&["anon", "file", "slab_unreclaimable"]);
    let is_v1 = has(&["rss", "cache"]) && kernel_of_v1(&event.counters).is_some();
    if !has(&lists) || !is_v1 && !is_v2 {
        return None;
    }
    let names: &[&str] = if has(&["anon", "file"]) { &["anon", "file"] } else { &["rss", "cache"] };
    let on_lists = sum(counts, &lists)?.saturating_sub(sum(counts, names)?);
    Some(Bytes(rest.0.saturating_sub(on_lists)))
}

/// The counts that OOM Tracker's users look for: how much of it was in use lately.
#[must_use]
pub fn lru(event: &Event) -> Vec<(&'static str, Bytes)> {
    const LISTS: [&str; 4] = ["active_anon", "inactive_anon", "active_file", "inactive_file"];
    let is_memcg = event.constraint == Constraint::Memcg;
    let value = |name: &str| {
        if is_memcg {
            sum(&event.counters.stats, &[name]).map(Bytes)
        } else {
            size(event, sum(&event.machine.counts, &[name])?)
        }
    };
    LISTS.into_iter().filter_map(|name| Some((name, value(name)?))).collect()
}

fn of_memcg(event: &Event) -> (Vec<Share>, Option<Whole>) {
    let counters = &event.counters;
    let stats = &counters.stats;
    let line = event.lines.stats.or(event.lines.usage);
    let share = |what, bytes| Share { what, bytes: Bytes(bytes), line };
    // By their names: v1 printed those of v2 from Linux 5.2 to 6.4.
    let is_v1 = sum(stats, &["anon"]).is_none();
    let names = if is_v1 { OF_V1 } else { OF_V2 };
    let mut shares = listed(stats, names, share);
    let files = if is_v1 { "cache" } else { "file" };
    if let Some(all) = sum(stats, &[files]) {
        // Shared memory is counted as files, too.
        let files = match sum(stats, &["shmem"]) {
            Some(shared) => share(FILES, all.saturating_sub(shared)),
            None => share(FILES_AND_SHARED, all),
        };
        shares.insert(shares.len().min(1), files);
    }
    let has_details = sum(stats, &["kernel_stack", "slab_reclaimable", "slab"]).is_some();
    if let (Some(kernel), false) = (kernel_of_v1(counters), has_details) {
        shares.push(Share { what: "kernel memory", bytes: kernel, line: event.lines.usage });
    }
    let usage = counters.memory.and_then(|memory| memory.usage);
    let whole = usage.map(|bytes| Whole { bytes, what: "the cgroup's usage", line: event.lines.usage });
    (shares, whole)
}

fn kernel_of_v1(counters: &Counters) -> Option<Bytes> {
    counters.kmem.and_then(|kmem| kmem.usage)
}

fn of_machine(event: &Event) -> (Vec<Share>, Option<Whole>) {
    let machine = &event.machine;
    let line = event.lines.machine;
    let pages = |count: u64| size(event, count).unwrap_or_default();
    let share = |what, count| Share { what, bytes: pages(count), line };
    if event.page_size.is_none() {
        return (Vec::new(), None);
    }
    let mut shares = listed(&machine.counts, OF_MACHINE, share);
    let shmem = sum(&machine.counts, &["shmem"]);
    let anon = sum(&machine.counts, &["active_anon", "inactive_anon", "isolated_anon"]);
    let file = sum(&machine.counts, &["active_file", "inactive_file", "isolated_file"]);
    // Before 2.6.28 there was one list for both.
    let both = sum(&machine.counts, &["Active", "active", "Inactive", "inactive"]);
    let of_lists = [
        // Shared memory is on the lists of anonymous memory; Linux 2.6.32 counts it.
        match shmem {
            Some(shmem) => (ANON, anon.map(|all| all.saturating_sub(shmem))),
            None => (ANON_AND_SHARED, anon),
        },
        (FILES, file),
        ("anonymous and page cache", both),
    ];
    let of_lists = of_lists.into_iter().filter_map(|(what, count)| Some(share(what, count?)));
    shares.splice(0..0, of_lists);
    shares.extend(kernel_stacks(machine).map(|bytes| Share { what: "kernel stacks", bytes, line }));
    shares.extend(machine.huge.map(|bytes| Share { what: HUGE, bytes, line }));
    (shares, whole(event))
}

fn kernel_stacks(machine: &Machine) -> Option<Bytes> {
    let stacks = machine.nodes.iter().filter_map(|node| node.kernel_stack);
    stacks.reduce(Bytes::plus)
}

fn listed(
    counts: &[(Vec<u8>, u64)],
    names: &[(&[&str], &'static str)],
    share: impl Fn(&'static str, u64) -> Share,
) -> Vec<Share> {
    names.iter().filter_map(|(keys, what)| Some(share(what, sum(counts, keys)?))).collect()
}

/// The sum of those of the counts that the report has; `None` when it has none of them.
pub(super) fn sum(counts: &[(Vec<u8>, u64)], keys: &[&str]) -> Option<u64> {
    let of_keys = counts.iter().filter(|(name, _)| keys.iter().any(|key| key.as_bytes() == name.as_slice()));
    of_keys.map(|(_, count)| *count).reduce(u64::saturating_add)
}
