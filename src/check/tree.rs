//! The largest processes below those that started them, each with what it and all below it would give back.

use std::cmp::Reverse;
use std::ops::Range;

use super::view::View;
use crate::processes::{self, CombinedMemory, Process};
use crate::report::columns::{COMMAND_MAX, Mib, words};
use crate::report::field::Get::{About, Command, Known};
use crate::report::table::{Rows, Table as Columns, in_text};
use crate::sample::{PID, RSS, Seen};
use crate::sys::out::Out;
use crate::units::Bytes;

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

/// Who is below whom. /proc is no snapshot, so that parents may seem to form a circle: that is cut.
struct Tree {
    /// By row.
    parents: Vec<Option<usize>>,
    /// The rows, each before all below it, which follow at once.
    order: Vec<usize>,
    /// By row: where in `order` it and all below it are.
    places: Vec<Range<usize>>,
    /// By row: how many are above it.
    depths: Vec<usize>,
}

impl Tree {
    fn of(rows: &[Process]) -> Self {
        let parents: Vec<_> = rows.iter().map(|row| processes::parent_of(rows, row)).collect();
        let mut tree = Self { parents, order: Vec::new(), places: vec![0..0; rows.len()], depths: vec![0; rows.len()] };
        tree.cut_circles();
        let mut children = vec![Vec::new(); rows.len()];
        for (at, parent) in tree.parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(at);
            }
        }
        for at in 0..rows.len() {
            if tree.parents[at].is_none() {
                tree.arrange(at, &mut children);
            }
        }
        tree
    }

    /// A way up that comes to a row twice ends before it does.
    fn cut_circles(&mut self) {
        let mut walks = vec![0; self.parents.len()];
        for start in 0..self.parents.len() {
            let mut here = start;
            walks[here] = start + 1;
            while let Some(above) = self.parents[here] {
                if walks[above] == start + 1 {
                    self.parents[here] = None;
                } else if walks[above] != 0 {
                    // From there on an earlier walk has been.
                    break;
                } else {
                    walks[above] = start + 1;
                    here = above;
                }
            }
        }
    }

    /// Puts a root and all below it in order. No recursion: nothing bounds how deep a tree is.
    fn arrange(&mut self, root: usize, children: &mut [Vec<usize>]) {
        let mut path = vec![root];
        self.places[root].start = self.order.len();
        self.order.push(root);
        while let Some(here) = path.last().copied() {
            match children[here].pop() {
                Some(child) => {
                    self.depths[child] = path.len();
                    self.places[child].start = self.order.len();
                    self.order.push(child);
                    path.push(child);
                }
                None => {
                    self.places[here].end = self.order.len();
                    path.pop();
                }
            }
        }
    }

    /// One and all below it.
    fn below(&self, at: usize) -> &[usize] {
        &self.order[self.places[at].clone()]
    }

    /// One and all above it.
    fn upwards(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(at), |at| self.parents[*at])
    }
}

/// What each process and all below it would give back together, and what of that is nobody's below it: by that the largest are told, so that
/// memory which several of a tree share, and none of them gives back alone, is where the tree begins.
struct Weights {
    /// By row: with all below, and how much of that, or beside it, was not read.
    all: Vec<(Bytes, Bytes)>,
    /// By row: what is in no child's.
    own: Vec<Bytes>,
}

impl Weights {
    fn of(rows: &[Process], tree: &Tree) -> Self {
        let mut relatives = Relatives(vec![0; rows.len()]);
        let all: Vec<_> = (0..rows.len()).map(|at| relatives.together(rows, tree.below(at))).collect();
        let mut own: Vec<Bytes> = all.iter().map(|(size, _)| *size).collect();
        for (at, (size, _)) in all.iter().enumerate() {
            if let Some(above) = tree.parents[at] {
                own[above] = Bytes(own[above].0.saturating_sub(size.0));
            }
        }
        Self { all, own }
    }
}

/// By the row of who stands for relatives: how many of them are counted.
struct Relatives(Vec<u32>);

impl Relatives {
    /// What these would give back together, and how much of that, or beside it, was not read.
    fn together(&mut self, rows: &[Process], below: &[usize]) -> (Bytes, Bytes) {
        let lead = |at: usize| processes::find(rows, rows[at].kin?.lead);
        for lead in below.iter().filter_map(|at| lead(*at)) {
            self.0[lead] += 1;
        }
        let mut sum = CombinedMemory::default();
        for at in below {
            let process = &rows[*at];
            let here = lead(*at).map(|lead| self.0[lead]);
            let are_all_here = process.kin.is_none_or(|kin| here == Some(kin.count));
            sum.add(&if are_all_here { process.memory } else { process.memory.while_relatives_live() });
        }
        for lead in below.iter().filter_map(|at| lead(*at)) {
            self.0[lead] = 0;
        }
        (sum.freeable(), sum.unread().plus(sum.left_out()))
    }
}

/// Writes the tree, and how much the processes hold that are not in it.
pub(super) fn put(view: &View<'_>, out: &mut Out<'_>) {
    TREE.put_labels(out);
    let rows = view.table.rows();
    let tree = Tree::of(rows);
    let weights = Weights::of(rows, &tree);
    let mut largest: Vec<usize> = (0..rows.len()).collect();
    largest.sort_by_key(|at| Reverse((weights.own[*at], *at)));
    let mut shown = vec![false; rows.len()];
    for at in largest.into_iter().take(view.options.count) {
        tree.upwards(at).for_each(|at| shown[at] = true);
    }
    put_shown(view, &tree, &weights, &shown, out);
    let more = (0..rows.len()).filter(|at| weights.own[*at].0 > 0 && !shown[*at]);
    let (more, held) = more.fold((0, Bytes(0)), |(count, sum), at| (count + 1, sum.plus(weights.own[at])));
    if more > 0 {
        words(out, format_args!("and {more} more, which hold {} MiB: -n N shows more\n", Mib(held)));
    }
}

/// Those that are shown, each before those below it; of those with one parent the heaviest first.
fn put_shown(view: &View<'_>, tree: &Tree, weights: &Weights, shown: &[bool], out: &mut Out<'_>) {
    let rows = view.table.rows();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut next = Vec::new();
    for at in (0..rows.len()).filter(|at| shown[*at]) {
        tree.parents[at].map_or(&mut next, |parent| &mut children[parent]).push(at);
    }
    // The next one is taken from the end.
    let order = |list: &mut Vec<usize>| list.sort_by_key(|at| (weights.all[*at].0, *at));
    order(&mut next);
    children.iter_mut().for_each(order);
    let blanks = vec![b' '; 2 * tree.depths.iter().max().unwrap_or(&0) + 1];
    while let Some(at) = next.pop() {
        let mut buf = [0; COMMAND_MAX];
        let before = &blanks[..=2 * tree.depths[at]];
        let seen = Seen { before, ..view.seen(&rows[at], &mut buf) };
        TREE.put(&Top { seen, weight: weights.all[at] }, out);
        next.append(&mut children[at]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::stat;
    use crate::units::Pid;

    /// Rows with these numbers and parents.
    fn rows(parents: &[(u64, u64)]) -> Vec<Process> {
        let row = |(pid, parent): &(u64, u64)| {
            let zeros = " 0".repeat(48);
            let text = format!("{pid} (x) S {parent}{zeros}");
            let stat = stat::parse(text.as_bytes()).expect("a row");
            Process::of(Pid::new(*pid).expect("a pid"), &stat)
        };
        parents.iter().map(row).collect()
    }

    #[test]
    fn a_tree_of_any_depth_and_width_is_whole() {
        let chain: Vec<_> = (1..=2000).map(|pid| (pid, pid - 1)).collect();
        let tree = Tree::of(&rows(&chain));
        assert_eq!((tree.below(0).len(), tree.below(1999).len(), tree.depths[1999]), (2000, 1, 1999));
        assert_eq!(tree.upwards(1999).count(), 2000);
        let flat: Vec<_> = (1..=2000).map(|pid| (pid, u64::from(pid > 1))).collect();
        let tree = Tree::of(&rows(&flat));
        assert_eq!((tree.below(0).len(), tree.depths[1999]), (2000, 1));
    }

    #[test]
    fn parents_that_seem_to_form_a_circle_end_somewhere_and_lose_nobody() {
        for circle in [&[(7, 7)][..], &[(7, 8), (8, 7)], &[(5, 7), (7, 8), (8, 9), (9, 7)]] {
            let rows = rows(circle);
            let tree = Tree::of(&rows);
            let mut all = tree.order.clone();
            all.sort_unstable();
            assert_eq!(all, (0..rows.len()).collect::<Vec<_>>(), "{circle:?}");
        }
    }
}
