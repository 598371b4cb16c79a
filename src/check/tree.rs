//! The largest processes below those that started them, each with what it and all below it would give back.
use std::collections::BTreeMap;

use super::view::View;
use crate::processes::{self, CombinedMemory, Process, descending};
use crate::report::columns::{COMMAND_MAX, Mib, words};
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
    in_text("RSS MiB", 7, Known(|top| RSS.of(&top.seen))),
    in_text("FREEABLE MiB", 12, About(|top| Some(top.weight))),
    in_text("WITH ALL BELOW", 40, Command(|top| top.seen.command())),
]);

/// What each process and all below it would give back together, and what of that is nobody's below it: by that the largest are told, so that
/// memory which several of a tree share, and none of them gives back alone, is where the tree begins.
struct Weights {
    /// By row: with all below, and how much of that, or beside it, was not read.
    all: Vec<(Bytes, Bytes)>,
    /// By row: what is in no child's.
    own: Vec<Bytes>,
}

impl Weights {
    fn of(rows: &[Process]) -> Self {
        let mut below: Vec<Vec<&Process>> = vec![Vec::new(); rows.len()];
        for process in rows {
            upwards(rows, process, &mut |above| {
                let at = processes::find(rows, above.pid);
                if let Some(list) = at.and_then(|at| below.get_mut(at)) {
                    list.push(process);
                }
            });
        }
        let all: Vec<(Bytes, Bytes)> = below.iter().map(|below| together(below)).collect();
        let mut own: Vec<Bytes> = all.iter().map(|(size, _)| *size).collect();
        for (process, (size, _)) in rows.iter().zip(&all) {
            let above = process.parent.and_then(|pid| processes::find(rows, pid)).and_then(|at| own.get_mut(at));
            if let Some(above) = above {
                *above = Bytes(above.0.saturating_sub(size.0));
            }
        }
        Self { all, own }
    }

    fn all_of(&self, rows: &[Process], process: &Process) -> (Bytes, Bytes) {
        processes::find(rows, process.pid).and_then(|at| self.all.get(at)).copied().unwrap_or_default()
    }
}

/// Writes the tree, and how much the processes hold that are not in it.
pub(super) fn put(view: &View<'_>, out: &mut Out<'_>) {
    TREE.put_labels(out);
    let rows = view.table.rows();
    let weights = Weights::of(rows);
    let mut shown = [None; ROOM];
    let mut count = 0;
    let key = |at: usize| Some((i64::try_from(weights.own.get(at)?.0).ok()?, 0));
    for process in descending(rows.len(), &key).filter_map(|at| rows.get(at)).take(view.options.count) {
        upwards(rows, process, &mut |process| {
            let known = shown.iter().take(count).any(|pid| *pid == Some(process.pid));
            if let (false, Some(slot)) = (known, shown.get_mut(count)) {
                *slot = Some(process.pid);
                count += 1;
            }
        });
    }
    let shown = shown.get(..count).unwrap_or_default();
    put_below((view, &weights), None, shown, 0, out);
    let is_shown = |process: &Process| shown.contains(&Some(process.pid));
    let more = rows.iter().zip(&weights.own).filter(|(process, own)| own.0 > 0 && !is_shown(process));
    let (more, held) = more.fold((0, Bytes(0)), |(count, sum), (_, own)| (count + 1, sum.plus(*own)));
    if more > 0 {
        words(out, format_args!("and {more} more, which hold {} MiB: -n N shows more\n", Mib(held)));
    }
}

/// Those of `shown` whose parent is that, or is nobody that is here; the heaviest first.
fn put_below(
    (view, weights): (&View<'_>, &Weights),
    parent: Option<Pid>,
    shown: &[Option<Pid>],
    depth: usize,
    out: &mut Out<'_>,
) {
    let rows = view.table.rows();
    let key = |at: usize| {
        let process = find(rows, (*shown.get(at)?)?)?;
        let above = process.parent.filter(|pid| find(rows, *pid).is_some());
        let weight = i64::try_from(weights.all_of(rows, process).0.0).ok()?;
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
        TREE.put(&Top { seen, weight: weights.all_of(rows, process) }, out);
        put_below((view, weights), Some(process.pid), shown, depth + 1, out);
    }
}

/// What these would give back together, and how much of that, or beside it, was not read.
fn together(below: &[&Process]) -> (Bytes, Bytes) {
    let mut relatives: BTreeMap<Pid, u32> = BTreeMap::new();
    for kin in below.iter().filter_map(|process| process.kin) {
        *relatives.entry(kin.lead).or_default() += 1;
    }
    let mut sum = CombinedMemory::default();
    for process in below {
        let are_all_here = process.kin.is_none_or(|kin| relatives.get(&kin.lead) == Some(&kin.count));
        sum.add(&if are_all_here { process.memory } else { process.memory.while_relatives_live() });
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

fn find(rows: &[Process], pid: Pid) -> Option<&Process> {
    rows.get(processes::find(rows, pid)?)
}
