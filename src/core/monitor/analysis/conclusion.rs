//! Three lines in plain words, each with the figures that it rests on.

use core::fmt::Write;

use super::summary::Figure;
use super::{Facts, SHORT, Sentence, shared::gained};
use crate::fixed::Fixed;
use crate::monitor::process_table::{Growth, Row, SortKey};
use crate::report::columns::{Mib, OrDash, in_mib};
use crate::report::escape::{Called, Escaped};
use crate::report::table::Writer;
use crate::tmpfs::Mounts;
use crate::units::Bytes;

/// A line of it: names in it may be long.
type Words = Fixed<400>;

/// Growth of a file system in memory, or of what the kernel keeps, that is worth a word.
const MUCH: Bytes = Bytes(16 << 20);

/// Descriptors more than before that are worth a word.
const MANY: i64 = 64;

pub(super) fn write(facts: &Facts<'_>, now: &Mounts, to: &mut Writer<'_, '_>) {
    let caveat = Words::of(facts.caveat.as_bytes());
    for words in [caveat, host(facts), growers(facts), others(facts, now)] {
        if !words.as_bytes().is_empty() {
            to.row(&SHORT, &Sentence(words.as_bytes()));
        }
    }
}

/// `Memory: 1210.3 of 24105.6 MB used, 4.9 MB more than 300 s ago; at least 22895.3 MB available; swap 0.0 MB; PSI full 0.00 %; OOM
/// kills 0.`
fn host(facts: &Facts<'_>) -> Words {
    let mut words = Words::new();
    let of = |figure| facts.summary.of(figure);
    let used = of(Figure::Used);
    let (first, last) = (used.map(|used| used.first), used.and_then(|used| used.last));
    let (change, direction) = match (first, last) {
        (Some(first), Some(last)) if last < first => (Some(Bytes(first.0 - last.0)), "less"),
        (Some(first), Some(last)) => (Some(Bytes(last.0 - first.0)), "more"),
        _ => (None, "more"),
    };
    let (now, total, change) = (in_mib(last), in_mib(facts.sample.meminfo.total), in_mib(change));
    let seconds = facts.summary.span.as_secs();
    let available = in_mib(of(Figure::Available).map(|available| available.least));
    let swap = in_mib(of(Figure::SwapUsed).and_then(|swap| swap.last));
    let (full, kills) = (OrDash(facts.summary.full), OrDash(facts.summary.oom_kills));
    // A Fixed never returns an error: it cuts.
    let _ = write!(
        words,
        "Memory: {now} of {total} MiB used, {change} MiB {direction} than {seconds} s ago; at least {available} MiB available; swap {swap} MiB; PSI full at most {full} %; OOM kills {kills}."
    );
    words
}

/// `Growing: leak (PID 4242), 2048.0 kB/s, R2 0.999: 600.0 MB more in 300 s; memory lasts 9800 s like that.`
fn growers(facts: &Facts<'_>) -> Words {
    let mut words = Words::new();
    let mut count = 0;
    let mut first: Option<(&Row, Growth)> = None;
    facts.processes.each_top(SortKey::Growth, usize::MAX, &mut |row| {
        if let Some(growth) = facts.grows(row) {
            count += 1;
            first = first.or(Some((row, growth)));
        }
    });
    let Some((row, growth)) = first else {
        return no_growers(facts);
    };
    words.push(b"Growing: ");
    name(&mut words, row);
    let rate = Mib(Bytes(u64::try_from(growth.per_second).unwrap_or(0).saturating_mul(60)));
    let more = in_mib(u64::try_from(growth.gained).ok().map(Bytes));
    let seconds = growth.span.as_secs();
    // A Fixed never returns an error: it cuts.
    let _ = write!(words, ", R2 0.{:03}", growth.r2.0.min(999));
    let _ = write!(words, ", {rate} MiB a minute: {more} MiB more in {seconds} s");
    if let Some(left) = (facts.left)(row, &growth) {
        let _ = write!(words, "; memory lasts {} s like that", left.as_secs());
    }
    if count > 1 {
        let _ = write!(words, "; {} others grow, too", count - 1);
    }
    words.push(b".");
    words
}

/// None of those that are there at the end grows. Who was said to grow before may have ended, or have stopped growing. After too few
/// samples nobody's growth is known.
fn no_growers(facts: &Facts<'_>) -> Words {
    let mut words = Words::new();
    let processes = facts.processes;
    if !processes.rows().any(|row| processes.growth(row).is_some()) {
        let taken = facts.summary.samples;
        // A Fixed never returns an error: it cuts.
        let _ = write!(words, "Who grows is not known: it takes 4 samples of one process, and {taken} were taken.");
        return words;
    }
    let limit = facts.limits.shown(crate::monitor::alerts::Kind::Growth);
    let _ = write!(words, "Nobody grows steadily now (R2 above 0.8) by more than {limit} % and 16 MiB");
    if let (count, Some((pid, comm))) = &facts.summary.growers {
        // A Fixed never returns an error: it cuts.
        let _ = write!(words, "; {} (PID {pid}) did before, and has ended or grows no more", Called(comm.as_bytes()));
        if *count > 1 {
            let _ = write!(words, "; {} alerts more were of growth", count - 1);
        }
    }
    words.push(b".");
    words
}

fn name(words: &mut Words, row: &Row) {
    // A Fixed never returns an error: it cuts.
    let _ = write!(words, "{}", row.who());
}

/// `Also: 3 zombies of sh (PID 12); fdleak (PID 77): 812 descriptors, 300 more; /dev/shm: 204.8 MB, 200.0 MB more.`
fn others(facts: &Facts<'_>, now: &Mounts) -> Words {
    let mut words = Words::of(b"Also: ");
    let start = words.as_bytes().len();
    let next = |words: &mut Words| {
        let is_first = words.as_bytes().len() == start;
        words.push(if is_first { b"" } else { b"; " });
    };
    if let Some(parent) = facts.processes.zombie_parent() {
        next(&mut words);
        let _ = write!(words, "zombies: {}", facts.processes.zombies());
        match parent.row {
            Some(row) => {
                let _ = write!(words, ", {} of ", parent.zombies);
                name(&mut words, row);
            }
            None => _ = write!(words, " of PID {}", parent.pid),
        }
    }
    let mut leak: Option<(&Row, i64)> = None;
    for row in facts.processes.rows() {
        let gained = row.fds_gained().map_or(0, |(gained, _)| gained);
        if gained >= MANY && leak.is_none_or(|(_, most)| gained > most) {
            leak = Some((row, gained));
        }
    }
    if let Some((row, gained)) = leak {
        next(&mut words);
        name(&mut words, row);
        let _ = write!(words, " has {} descriptors, {gained} more", OrDash(row.fds));
    }
    for mount in now.fullest.iter().flatten() {
        let Some(more) = gained(facts.mounts, mount).filter(|more| *more >= MUCH) else {
            continue;
        };
        next(&mut words);
        let _ = write!(words, "{}", Escaped(mount.point.as_bytes()));
        let _ = write!(words, " (tmpfs) has {} MiB, {} MiB more", Mib(mount.used), Mib(more));
    }
    kernel(facts, &mut |what, more| {
        next(&mut words);
        let _ = write!(words, "{what}: {} MiB more", Mib(more));
    });
    if words.as_bytes().len() == start {
        return Words::of(
            b"No zombies; nobody opened 64 descriptors more than it closed, and neither tmpfs nor the kernel took 16 MiB more.",
        );
    }
    words.push(b".");
    words
}

/// What the kernel keeps and does not give back, where it grew.
fn kernel(facts: &Facts<'_>, say: &mut dyn FnMut(&str, Bytes)) {
    let kinds = [
        (Figure::SlabUnreclaimable, "slab that can't be given back"),
        (Figure::PageTables, "page tables"),
        (Figure::KernelStacks, "kernel stacks"),
    ];
    for (figure, what) in kinds {
        if let Some(range) = facts.summary.of(figure) {
            let more = range.last.map(|last| Bytes(last.0.saturating_sub(range.first.0)));
            if let Some(more) = more.filter(|more| *more >= MUCH) {
                say(what, more);
            }
        }
    }
}
