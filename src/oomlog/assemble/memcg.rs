//! Takes over what a report says about the memory cgroup at its limit, and which kind of cgroup that is.

use super::machine::note;
use super::open::{Open, text};
use crate::oomlog::event::{Counter, Position};
use crate::parse::cgroup::Version;
use crate::parse::oom_report::Line;
use crate::parse::oom_report::memcg::{Counter as Of, Stats, Usage};
use crate::parse::version::Version as Linux;
use crate::units::Bytes;

pub(super) fn feed(open: &mut Open, line: &Line<'_>, at: Position) {
    open.memcg_report = true;
    let event = &mut open.event;
    match line {
        Line::Whose(line) => {
            event.task_memcg = Some(text(line.task_memcg));
            event.memcg = Some(text(line.memcg));
        }
        Line::Usage(line) => usage(open, line, at),
        Line::Stats(line) => stats(open, line, at),
        Line::Stat(line) => note(&mut event.counters.stats, [(line.key, line.value)].into_iter()),
        _ => {}
    }
}

fn usage(open: &mut Open, line: &Usage, at: Position) {
    let counter = Counter { usage: line.usage, limit: line.limit, failcnt: line.failcnt };
    let event = &mut open.event;
    let counters = &mut event.counters;
    match line.of {
        Of::Memory => counters.memory = Some(counter),
        Of::MemorySwap => counters.memory_swap = Some(counter),
        Of::Kmem => counters.kmem = Some(counter),
        Of::Swap => {
            counters.swap = Some(counter);
            event.lines.swap = Some(at);
        }
    }
    event.lines.usage.get_or_insert(at);
}

fn stats(open: &mut Open, line: &Stats<'_>, at: Position) {
    let event = &mut open.event;
    event.lines.stats.get_or_insert(at);
    if event.memcg.is_none() && !line.memcg.is_empty() {
        event.memcg = Some(text(line.memcg));
    }
    // Here in KB and of each cgroup alone, the one at its limit and those below it; later in bytes, and of all of them.
    for (key, kib) in line.values {
        let value = Bytes::from_kib(kib).0;
        let stats = &mut event.counters.stats;
        match stats.iter_mut().find(|(known, _)| known == key) {
            Some((_, sum)) => *sum = sum.saturating_add(value),
            None => note(stats, [(key, value)].into_iter()),
        }
    }
}

/// Which kind of cgroup it is. v2 came with Linux 4.5 and printed v1's counters, all zero and unlimited, to 5.2; from then on v1
/// printed v2's statistics, to 6.4.
pub(super) fn version(open: &Open) -> Option<Version> {
    let counters = &open.event.counters;
    if !open.memcg_report {
        return None;
    }
    if counters.swap.is_some() {
        return Some(Version::V2);
    }
    let kernel = open.event.kernel();
    if kernel.is_some_and(|kernel| kernel < Linux::new(4, 5)) {
        return Some(Version::V1);
    }
    let of_v1 = [counters.memory_swap, counters.kmem];
    if of_v1.iter().flatten().next().is_some() {
        let is_used = |counter: &Counter| {
            let is_some = |bytes: Option<Bytes>| bytes.is_some_and(|bytes| bytes.0 > 0);
            let is_limited = counter.limited_to().is_some();
            is_some(counter.usage) || is_limited || counter.failcnt.is_some_and(|count| count > 0)
        };
        let is_v1 = of_v1.iter().flatten().any(is_used) || kernel.is_some_and(|kernel| kernel >= Linux::new(5, 3));
        return is_v1.then_some(Version::V1);
    }
    let has = |key: &[u8]| counters.stats.iter().any(|(known, _)| known == key);
    if has(b"hierarchical_memory_limit") {
        return Some(Version::V1);
    }
    let is_told_apart = kernel.is_some_and(|kernel| kernel >= Linux::new(6, 5));
    match (has(b"anon"), has(b"cache")) {
        (true, _) if is_told_apart => Some(Version::V2),
        (_, true) if is_told_apart => Some(Version::V1),
        _ => None,
    }
}
