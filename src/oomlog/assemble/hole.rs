//! Lines that were lost between two of one report, as far as anything tells: what is behind the hole may be of another one, and a kill may be in
//! it. So nothing goes on over a hole but what is tied to the report by the number of who was selected.
//!
//! A hole is where somebody says that messages are missing, where time jumps, or where a table is whole and does not have the one who is killed.

use super::open::Open;
use super::whose::gap;
use crate::oomlog::apart::Apart;
use crate::oomlog::record::Record;
use crate::parse::oom_report::Line;
use crate::parse::oom_report::lost::{Lost, Place};

/// The fewest records that hide the end of a report and the next one up to a line that may go on with the first: a kill line, a header, who runs,
/// a call trace, and what is before the table.
const LEAST: u64 = 10;

/// Two lines of one report are not this far apart, in microseconds: a line of 80 bytes takes 0.1 s on the slowest console, and a call trace has 60.
const JUMP_US: i64 = 10_000_000;

/// Lines of one report are printed at once: these far apart at most where nothing else ties them, by each clock. Syslog's has seconds.
const AT_ONCE: [u64; 2] = [1_000_000, 2_000_000];

/// Notes that messages are missing behind the last line of a report.
pub(super) fn note(open: &mut Open, lost: Lost) {
    if open.ended || lost.place != Place::Here {
        return;
    }
    open.lines_lost = true;
    open.severed |= lost.count.is_none_or(|count| count >= LEAST);
}

/// Whether there is a hole between the report and this line, and nothing ties the two.
pub(super) fn is_behind(open: &Open, line: &Line<'_>, record: &Record<'_>, number: u64) -> bool {
    !open.ended && (open.severed || has_jumped(open, record, number)) && !is_tied(open, line)
}

/// Whether time has jumped since its last line. Where memory is short who writes syslog's time may be late in the middle of a report: then
/// nothing else stands between its lines.
fn has_jumped(open: &Open, record: &Record<'_>, number: u64) -> bool {
    let is_far = gap(&open.last, &record.when).is_some_and(|gap| gap > JUMP_US);
    let is_printk = open.last.boot_us.is_some() && record.when.boot_us.is_some();
    is_far && (is_printk || number > open.touched_line + 1)
}

/// Whether the line names whom the report has selected.
fn is_tied(open: &Open, line: &Line<'_>) -> bool {
    let Line::Killed(killed) = line else {
        return false;
    };
    let selected = open.summary.iter().chain(&open.selected);
    selected.into_iter().any(|task| task.pid == killed.pid)
}

/// Whether the report's table is whole and does not have this process, nor a thread of it, nor was it the one who asked.
pub(super) fn lacks(open: &Open, pid: u64) -> bool {
    open.has_table() && open.event.trigger.pid != Some(pid) && open.row(pid).is_none() && !open.has_process(pid)
}

/// Whether a line came at once behind the report's last one. Where there are no times its place tells.
pub(super) fn is_at_once(open: &Open, record: &Record<'_>, number: u64) -> bool {
    let apart = Apart::of_lines(&open.last, &record.when);
    match apart.most_telling() {
        Some(_) => apart.is_within(AT_ONCE[0], AT_ONCE[1]),
        None => number == open.touched_line + 1,
    }
}
