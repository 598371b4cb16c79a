//! Whose line it is, when more reports than one are open: by caller, by time, by what they name; or nobody's for certain.

use super::DEAD;
use super::open::{Kind, Open};
use super::step::Step;
use crate::oomlog::apart::{Apart, NEAR};
use crate::oomlog::event::{Stamp, Text};
use crate::oomlog::record::{Origin, Record, When};

/// How many reports are open at once: CPUs that print at the same time, and those that were just finished.
pub(super) const OPEN: usize = 8;

/// A report is printed in less time than this, even over a serial line.
const LONGEST_US: i64 = 120_000_000;

/// Clocks of two CPUs differ by less.
const SLACK_US: i64 = 1_000;

/// The lines of two stack traces and registers, mixed.
const TRACES: u64 = 150;

/// What is known of a line besides its words.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// Its number among all lines of the kernel.
    pub(super) line: u64,
    /// Whether the log was put together from several.
    pub(super) spliced: bool,
    /// Whether it may be inside of a record of several lines.
    pub(super) is_inside: bool,
}

/// Whose a line may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// Nobody's.
    None,
    /// That one's.
    One(usize),
    /// Several may have it; bit n is for report n, the first of them is the number.
    Many(usize, u8),
}

/// How long after `last`, in microseconds, by the clock that both have and that tells most.
pub(super) fn gap(last: &Stamp, when: &When<'_>) -> Option<i64> {
    Apart::of_lines(last, when).most_telling()
}

/// Whether the line came so soon behind the report's last one that it may say again what the report has said: one line that a log has
/// twice. Where there are no times, its place tells: so many lines are between two of one group at most.
pub(super) fn is_soon(open: &Open, record: &Record<'_>, line: u64) -> bool {
    let apart = Apart::of_lines(&open.last, &record.when);
    match apart.most_telling() {
        Some(_) => apart.is_within(NEAR, NEAR),
        None => line.saturating_sub(open.touched_line) <= DEAD as u64,
    }
}

/// Whether the report may have a line of that caller and time.
fn may_have(open: &Open, record: &Record<'_>, is_inside: bool) -> bool {
    let caller_fits = match (open.caller, record.caller) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    };
    caller_fits && is_of_machine(open, record) && in_time(open, record, is_inside)
}

/// Whether nothing says that the line is of another machine, or of another boot.
pub(super) fn is_of_machine(open: &Open, record: &Record<'_>) -> bool {
    let is_same = |ours: &Option<Text>, theirs: Option<&[u8]>| match (ours, theirs) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    };
    is_same(&open.event.host, record.host) && is_same(&open.event.boot_id, record.boot_id)
}

/// Whether the report is of the machine that starts here. Where lines have their time since boot, that tells what is of before, and a
/// log that was put together with another machine's goes on.
pub(super) fn is_before_boot(open: &Open, record: &Record<'_>) -> bool {
    let is_timed = open.last.boot_us.is_some() || record.when.boot_us.is_some();
    !is_timed && is_of_machine(open, record) && in_time(open, record, false)
}

/// Whether the line came when and how the report does. Lines inside of a record lack its prefix in some logs.
fn in_time(open: &Open, record: &Record<'_>, is_inside: bool) -> bool {
    // The first line of a log was cut, and nothing is known of its time.
    if open.torn.is_some() && open.last == Stamp::default() {
        return true;
    }
    // A report comes by one way, with the same times and the host or none on every line.
    let is_alike = open.last.boot_us.is_some() == record.when.boot_us.is_some()
        && open.last.wall.is_some() == record.when.wall.is_some()
        && open.event.host.is_some() == record.host.is_some()
        && open.last.wall_us.is_some() == record.when.wall_us.is_some();
    let apart = Apart::of_lines(&open.last, &record.when);
    if let Some(gap) = apart.most_telling() {
        // By every clock: the time since boot comes again in the next boot, days later.
        let agrees = apart.is_within(LONGEST_US.unsigned_abs(), LONGEST_US.unsigned_abs());
        return (is_alike || is_inside) && (-SLACK_US..=LONGEST_US).contains(&gap) && agrees;
    }
    let ours = open.last.boot_us.is_some() || open.last.wall.is_some();
    let theirs = record.when.boot_us.is_some() || record.when.wall.is_some();
    match (ours, theirs) {
        (false, false) => true,
        // dmesg writes the time between lines instead of each line's.
        (true, false) => is_inside || record.origin == Origin::Kernel,
        (false, true) => open.kind == Kind::Maybe,
        (true, true) => false,
    }
}

/// Finds the owner among the reports that `score` gives a score; a higher one excludes the lower ones.
pub(super) fn owner(opens: &[Open], record: &Record<'_>, now: Now, score: impl Fn(&Open) -> Option<u8>) -> Owner {
    let mut scores = [None; OPEN];
    for (slot, open) in scores.iter_mut().zip(opens) {
        *slot = if may_have(open, record, now.is_inside) { score(open) } else { None };
    }
    let best = scores.iter().flatten().max().copied();
    let is_same_caller = |at: usize| {
        let ours = opens.get(at).and_then(|open| open.caller);
        ours.is_some() && ours == record.caller
    };
    let mut mask = those(u8::MAX, |at| scores[at].is_some());
    mask = prefer(mask, is_same_caller);
    mask = prefer(mask, |at| scores[at] == best);
    mask = prefer(mask, |at| !is_asleep(opens, mask, at, now.line));
    if let Some(at) = nearest(opens, mask, record, now.spliced) {
        mask = 1 << at;
    }
    let first = mask.trailing_zeros() as usize;
    match mask.count_ones() {
        0 => Owner::None,
        1 => Owner::One(first),
        _ => Owner::Many(first, mask),
    }
}

fn those(mask: u8, is_one: impl Fn(usize) -> bool) -> u8 {
    let kept = (0..OPEN).filter(|at| mask & (1 << at) != 0 && is_one(*at));
    kept.fold(0, |kept, at| kept | 1 << at)
}

/// Those of the reports that are preferred, if there are any.
fn prefer(mask: u8, is_preferred: impl Fn(usize) -> bool) -> u8 {
    match those(mask, is_preferred) {
        0 => mask,
        kept => kept,
    }
}

/// Whether another began after this one's last line and went on without it: kernels print one report at a time, so this one was cut.
/// But reports that are mixed line by line are silent as long as the other's stack trace.
fn is_asleep(opens: &[Open], mask: u8, at: usize, line: u64) -> bool {
    let Some(open) = opens.get(at) else {
        return false;
    };
    let is_long = open.kind != Kind::Oom || line.saturating_sub(open.touched_line) > TRACES;
    let went_on = |other: &Open| {
        let is_later = other.start > open.touched && other.touched > other.start;
        is_later && (is_long || other.step >= Step::Columns)
    };
    those(mask, |other| opens.get(other).is_some_and(went_on)) != 0
}

/// The report whose last line is nearest in time, when that tells them apart: in logs that were put together from several, times go
/// back and forth between reports; else two that print at the same time are near to each other both.
fn nearest(opens: &[Open], mask: u8, record: &Record<'_>, spliced: bool) -> Option<usize> {
    let (mut best, mut second) = (None, i64::MAX);
    for at in (0..OPEN).filter(|at| mask & (1 << at) != 0) {
        let gap = gap(&opens.get(at)?.last, &record.when)?.max(0);
        match best {
            Some((_, least)) if least <= gap => second = second.min(gap),
            Some((_, least)) => {
                second = least;
                best = Some((at, gap));
            }
            None => best = Some((at, gap)),
        }
    }
    let (at, least) = best?;
    let is_clear = if spliced {
        second > least.saturating_mul(4).saturating_add(200)
    } else {
        // A CPU that waits for a slow console is silent for less.
        second > 5_000_000 && least < 100_000
    };
    is_clear.then_some(at)
}

/// Whether the line's time is before that of an open report: then the log was put together from several.
pub(super) fn is_back_in_time(opens: &[Open], before: &Stamp, record: &Record<'_>) -> bool {
    let is_time = record.when.boot_us.is_some() || record.when.wall_us.is_some();
    let is_back = |open: &Open| gap(&open.last, &record.when).is_some_and(|gap| gap < -SLACK_US);
    // Of text only: it is again what it was for a report, and was something else in between.
    let is_again = |open: &Open| gap(&open.last, &record.when) == Some(0);
    let differs = gap(before, &record.when).is_some_and(|gap| gap != 0);
    opens.iter().any(|open| if is_time { is_back(open) } else { differs && is_again(open) })
}
