//! The largest processes below those that started them, each with what it and all below it would give back.
use std::collections::BTreeMap;

use super::view::{By, View};
use crate::processes::{Process, Together, descending};
use crate::report::columns::COMMAND_MAX;
use crate::report::field::Get::{About, Command, Known};
use crate::report::table::{Rows, Table as Columns, in_text};
use crate::sample::{PID, RSS, Seen};
use crate::sys::out::Out;
use crate::units::{Bytes, Pid};

/// Processes in a tree: the largest and those above them.
const ROOM: usize = 256;

/// How far up is looked: /proc is no snapshot, and parents may seem to form a circle.
const DEPTH: usize = 64;

const INDENT: &[u8] = &[b' '; 2 * DEPTH];

/// A process, and what it and all below it would give back, and how much of that, or beside it, was not read.
struct Top<'r> {
    seen: Seen<'r>,
    weight: (Bytes, Bytes),
}

impl Rows for Top<'static> {
    type Row<'r> = Top<'r>;
}

static TREE: Columns<Top<'static>> = Columns::of_text(&[
    in_text("PID", 8, Known(|top| PID.of(&top.seen))),
    in_text("RSS MB", 7, Known(|top| RSS.of(&top.seen))),
    in_text("FREEABLE MB", 12, About(|top| Some(top.weight))),
    in_text("WITH ALL BELOW", 40, Command(|top| top.seen.command())),
]);

/// Writes it.
pub(super) fn put(view: &View<'_>, out: &mut Out<'_>) {
    TREE.put_labels(out);
    let rows = view.table.rows();
    let mut shown = [None; ROOM];
    let mut count = 0;
    view.each_top(By::Freeable, &mut |process| {
        upwards(rows, process, &mut |process| {
            let known = shown.iter().take(count).any(|pid| *pid == Some(process.pid));
            if let (false, Some(slot)) = (known, shown.get_mut(count)) {
                *slot = Some(process.pid);
                count += 1;
            }
        });
    });
    let shown = shown.get(..count).unwrap_or_default();
    put_below(view, None, shown, 0, out);
}

/// Those of `shown` whose parent is that, or is nobody that is here; the heaviest first.
fn put_below(view: &View<'_>, parent: Option<Pid>, shown: &[Option<Pid>], depth: usize, out: &mut Out<'_>) {
    let rows = view.table.rows();
    let key = |at: usize| {
        let process = find(rows, (*shown.get(at)?)?)?;
        let above = process.parent.filter(|pid| find(rows, *pid).is_some());
        let weight = i64::try_from(weight(rows, process).0.0).ok()?;
        (above == parent).then_some((weight, 0))
    };
    for at in descending(shown.len(), &key) {
        let process = shown.get(at).copied().flatten().and_then(|pid| find(rows, pid));
        let (Some(process), ..DEPTH) = (process, depth) else {
            continue;
        };
        let mut buf = [0; COMMAND_MAX];
        let before = INDENT.get(..=2 * depth).unwrap_or(INDENT);
        let seen = Seen { before, ..view.seen(process, &mut buf) };
        TREE.put(&Top { seen, weight: weight(rows, process) }, out);
        put_below(view, Some(process.pid), shown, depth + 1, out);
    }
}

/// What a process and all below it would give back, and how much of that, or beside it, was not read.
fn weight(rows: &[Process], top: &Process) -> (Bytes, Bytes) {
    let is_below = |process: &Process| {
        let mut is_below = false;
        upwards(rows, process, &mut |above| is_below |= above.pid == top.pid);
        is_below
    };
    let below: Vec<&Process> = rows.iter().filter(|process| is_below(process)).collect();
    let mut relatives: BTreeMap<Pid, u32> = BTreeMap::new();
    for kin in below.iter().filter_map(|process| process.kin) {
        *relatives.entry(kin.lead).or_default() += 1;
    }
    let mut sum = Together::default();
    for process in below {
        let are_all_here = process.kin.is_none_or(|kin| relatives.get(&kin.lead) == Some(&kin.count));
        sum.add(&if are_all_here { process.memory } else { process.memory.apart() });
    }
    (sum.freeable(), sum.unread().plus(sum.left_out()))
}

/// A process and those above it.
fn upwards(rows: &[Process], process: &Process, each: &mut dyn FnMut(&Process)) {
    let mut here = Some(process);
    for _ in 0..DEPTH {
        let Some(process) = here else { return };
        each(process);
        here = process.parent.and_then(|pid| find(rows, pid));
    }
}

/// Rows are in the order of /proc.
fn find(rows: &[Process], pid: Pid) -> Option<&Process> {
    let at = rows.binary_search_by_key(&pid, |row| row.pid).ok()?;
    rows.get(at)
}
