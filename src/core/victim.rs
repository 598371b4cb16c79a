//! Whom `kill` chooses: a pure function of the processes that may be chosen, as they stand in a table.
//!
//! It never looks at a process: what a row lacks counts as nothing held. The caller says where each row stands and lends the memory
//! to work in.

use crate::badness;
use crate::processes::{CombinedMemory, Kind, Memory, Owner, Process, Sender, find};

pub use crate::processes::Rank;
use crate::units::{Bytes, Pid};

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RankBy {
    /// Processes together with those of their descendants that may be chosen as well, by what they hold in sum.
    #[default]
    Tree,
    /// Single processes, by what they hold.
    Process,
    /// Single processes, by the kernel's own oom_score.
    Score,
}

/// Why a process may not be chosen; the first that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exclusion {
    /// It runs in the kernel.
    KernelThread,
    /// It has exited with all of its threads.
    Zombie,
    /// PID 1.
    Init,
    /// memdoor itself, or a process that it descends from.
    Own,
    /// A machine or a login hangs on it: [`crate::essential`], and the shell that somebody is logged in with.
    Essential,
    /// `--only` does not fit it.
    Unwanted,
    /// A pattern is about its arguments or its executable, and they could not be read: `--only` is not known to fit it, or `--ignore` not
    /// known not to.
    Unread,
    /// It is outside of `--cgroup`.
    Outside,
    /// `--ignore` fits it.
    Ignored,
    /// Another user's, and memdoor is not root's.
    OthersProcess,
    /// Its oom_score_adj is -1000: the kernel spares it, too.
    Exempt,
    /// It was gone before it could be looked at.
    Gone,
}

impl Exclusion {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All, in the order in which they are said.
    pub const ALL: [Self; 12] = [
        Self::KernelThread,
        Self::Zombie,
        Self::Init,
        Self::Own,
        Self::Essential,
        Self::Unwanted,
        Self::Unread,
        Self::Outside,
        Self::Ignored,
        Self::OthersProcess,
        Self::Exempt,
        Self::Gone,
    ];
}

/// How many may not be chosen, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExclusionCounts([u32; Exclusion::COUNT]);

impl ExclusionCounts {
    /// Counts one more.
    pub const fn add(&mut self, why: Exclusion) {
        self.0[why as usize] += 1;
    }

    /// How many are excluded because of that.
    #[must_use]
    pub const fn of(&self, why: Exclusion) -> u32 {
        self.0[why as usize]
    }

    /// Whether nobody is excluded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }
}

/// What one look at stat tells: why it may not be chosen, whatever it is called.
#[must_use]
pub fn objection(process: &Process, own: &[Pid]) -> Option<Exclusion> {
    if process.kind == Kind::Kernel {
        Some(Exclusion::KernelThread)
    } else if process.has_exited() {
        Some(Exclusion::Zombie)
    } else if process.pid.get() == 1 {
        Some(Exclusion::Init)
    } else if own.contains(&process.pid) {
        Some(Exclusion::Own)
    } else {
        None
    }
}

/// What its user (`None`: it has gone) and its oom_score_adj tell of one that is wanted. `user` is memdoor, and `None` for root, who may end anybody's.
#[must_use]
pub fn later_objection(of: Option<Owner>, oom_score_adj: Option<i64>, user: Option<Sender>) -> Option<Exclusion> {
    match (of, user) {
        (None, _) => Some(Exclusion::Gone),
        (Some(owner), Some(own)) if !owner.hears(own) => Some(Exclusion::OthersProcess),
        _ if oom_score_adj == Some(badness::NEVER) => Some(Exclusion::Exempt),
        _ => None,
    }
}

/// Room to work in, one for each row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// Given: how much it is wanted.
    pub rank: Rank,
    /// The row of the root of its tree, once [`choose`] is done.
    root: u32,
    /// Of a root: its tree.
    held: CombinedMemory,
    rss: Bytes,
    processes: u32,
    tree_rank: Rank,
    /// Of the first of relatives: how many of them are in its tree.
    relatives: u32,
}

impl Node {
    /// Of a process that may be chosen.
    #[must_use]
    pub fn new(rank: Rank) -> Self {
        Self {
            rank,
            root: 0,
            held: CombinedMemory::default(),
            rss: Bytes(0),
            processes: 0,
            tree_rank: rank,
            relatives: 0,
        }
    }
}

/// A tree, or a single process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tree {
    /// The row of its root.
    pub root: usize,
    /// What the end of all its processes gives back: [`CombinedMemory::freeable`].
    pub held: Bytes,
    /// What of that was not looked at, and may stay: [`CombinedMemory::unread`].
    pub unread: Bytes,
    /// What of it is not counted, and may be given back as well: [`CombinedMemory::left_out`].
    pub left_out: Bytes,
    /// Their RSS: what several of them share counts for each.
    pub rss: Bytes,
    /// How many they are.
    pub processes: u32,
    /// How much it is wanted.
    pub rank: Rank,
    /// The root's oom_score, 0 where it was not read.
    pub score: i64,
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// The one to end, and the next two.
    pub best: [Option<Tree>; 3],
    /// How many trees there are, those that are too small included.
    pub trees: u32,
    /// How many of them are avoided.
    pub avoided: u32,
    /// How many of them are smaller than asked for.
    pub too_small: u32,
    /// How many of them hold nothing that their end would give back ([`Tree::is_empty`]): none of them is ever chosen.
    pub empty: u32,
}

impl Tree {
    /// Whether its end would give back nothing, and it is known that it would not: to end it helps nobody.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held.0 == 0 && self.left_out.0 == 0
    }
}

/// The largest tree of at least `least` bytes, and never one that is empty, the most wanted first. `rows` are those that may be chosen, in the order of their
/// numbers, and as many as `nodes`.
///
/// A process belongs to its parent's tree when the parent may be chosen, too. A parent that was started after its child is another
/// process that got the parent's number, and a parent in another service or login is none ([`crate::processes::Place`]). Linear but for one binary search a process: paths to the root are made short when they are
/// walked.
#[must_use]
pub fn choose(rows: &[Process], nodes: &mut [Node], by: RankBy, least: Bytes) -> Choice {
    let count = rows.len().min(nodes.len());
    let (rows, nodes) = (&rows[..count], &mut nodes[..count]);
    arrange(rows, nodes, by);
    let mut choice = Choice::default();
    for tree in (0..count).filter_map(|at| tree(rows, nodes, at)) {
        choice.trees += 1;
        choice.avoided += u32::from(tree.rank == Rank::Avoided);
        match () {
            () if tree.is_empty() => choice.empty += 1,
            () if tree.held < least => choice.too_small += 1,
            () => insert(&mut choice.best, tree, by),
        }
    }
    choice
}

/// Puts each row into its tree. `rows` and `nodes` are as [`choose`] takes them.
pub fn arrange(rows: &[Process], nodes: &mut [Node], by: RankBy) {
    link(rows, nodes, by);
    sum(rows, nodes);
}

/// The tree whose root the row is, once it is arranged.
#[must_use]
pub fn tree(rows: &[Process], nodes: &[Node], at: usize) -> Option<Tree> {
    let (row, node) = (rows.get(at)?, nodes.get(at)?);
    (index(node.root) == at).then_some(Tree {
        root: at,
        held: node.held.freeable(),
        unread: node.held.unread(),
        left_out: node.held.left_out(),
        rss: node.rss,
        processes: node.processes,
        rank: node.tree_rank,
        score: row.oom_score.unwrap_or(0),
    })
}

/// Whether the row is in that tree.
#[must_use]
pub fn is_in(nodes: &[Node], at: usize, tree: &Tree) -> bool {
    let node = nodes.get(at);
    node.is_some_and(|node| index(node.root) == tree.root)
}

/// The rows of a tree, its root first.
pub fn members(nodes: &[Node], tree: &Tree) -> impl Iterator<Item = usize> {
    let (root, tree) = (tree.root, *tree);
    let others = (0..nodes.len()).filter(move |at| *at != root && is_in(nodes, *at, &tree));
    core::iter::once(root).chain(others)
}

const fn index(row: u32) -> usize {
    row as usize
}

/// Sets each row's root.
fn link(rows: &[Process], nodes: &mut [Node], by: RankBy) {
    for (at, row) in rows.iter().enumerate() {
        let parent = match by {
            RankBy::Tree => parent_of(rows, row),
            RankBy::Process | RankBy::Score => None,
        };
        // Rows are fewer than there are numbers, which are 2^22 at most.
        nodes[at].root = u32::try_from(parent.unwrap_or(at)).unwrap_or(0);
    }
    for at in 0..rows.len() {
        let root = root_of(nodes, at);
        // All on the way lead there at once from now on.
        let mut here = at;
        while index(nodes[here].root) != here && nodes[here].root != root {
            here = index(core::mem::replace(&mut nodes[here].root, root));
        }
    }
}

fn parent_of(rows: &[Process], row: &Process) -> Option<usize> {
    let at = crate::processes::parent_of(rows, row)?;
    let is_younger = match (rows[at].started, row.started) {
        (Some(parent), Some(child)) => parent > child,
        // Of those that can't be the largest the start is not read.
        _ => false,
    };
    let is_apart = row.place.zip(rows[at].place).is_some_and(|(own, parents)| own.is_apart(&parents));
    (rows[at].pid != row.pid && !is_younger && !is_apart).then_some(at)
}

/// Follows parents up. Processes of one moment that name each other as parents, which only a table read while numbers were handed out
/// anew can show, are cut apart where the walk began.
fn root_of(nodes: &mut [Node], at: usize) -> u32 {
    let mut here = at;
    for _ in 0..=nodes.len() {
        #[cfg(test)]
        tests::STEPS.with(|steps| steps.set(steps.get() + 1));
        let next = index(nodes[here].root);
        if next == here {
            return nodes[here].root;
        }
        here = next;
    }
    nodes[here].root = u32::try_from(here).unwrap_or(0);
    nodes[here].root
}

/// What of its memory ends with its tree: less than all that it has if a relative is in no tree, or in another one.
#[must_use]
pub fn ending_of(rows: &[Process], nodes: &[Node], at: usize) -> Memory {
    let Some((row, node)) = rows.get(at).zip(nodes.get(at)) else { return Memory::default() };
    let Some(kin) = row.kin else { return row.memory };
    let lead = lead_of(rows, row).and_then(|lead| nodes.get(lead));
    let are_all_here = lead.is_some_and(|lead| lead.root == node.root && lead.relatives == kin.count);
    if are_all_here { row.memory } else { row.memory.while_relatives_live() }
}

/// The row of the first of its relatives. `None`: that is in no tree.
fn lead_of(rows: &[Process], row: &Process) -> Option<usize> {
    let lead = row.kin?.lead;
    find(rows, lead)
}

fn sum(rows: &[Process], nodes: &mut [Node]) {
    for (at, row) in rows.iter().enumerate() {
        if let Some(lead) = lead_of(rows, row).filter(|lead| nodes[*lead].root == nodes[at].root) {
            nodes[lead].relatives += 1;
        }
    }
    for (at, row) in rows.iter().enumerate() {
        let rank = nodes[at].rank;
        let memory = ending_of(rows, nodes, at);
        let tree = &mut nodes[index(nodes[at].root)];
        tree.held.add(&memory);
        tree.rss = tree.rss.plus(row.memory.rss.unwrap_or_default());
        tree.processes += 1;
        // One process that is to be spared spares its tree.
        tree.tree_rank = match (tree.tree_rank, rank) {
            (Rank::Avoided, _) | (_, Rank::Avoided) => Rank::Avoided,
            (one, other) => one.max(other),
        };
    }
}

/// Puts a tree among the best; of equals the first stays first.
fn insert(best: &mut [Option<Tree>; 3], tree: Tree, by: RankBy) {
    let weight = |tree: &Tree| match by {
        RankBy::Tree | RankBy::Process => (tree.rank, 0, tree.held),
        RankBy::Score => (tree.rank, tree.score, tree.held),
    };
    let mut tree = Some(tree);
    for slot in best {
        let is_better = match (&tree, &slot) {
            (Some(new), Some(old)) => weight(new) > weight(old),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_better {
            core::mem::swap(slot, &mut tree);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::processes::{Basis, Comm, Forked, Kin, Place};
    use crate::units::Ticks;
    use std::cell::Cell;
    use std::vec::Vec;

    std::thread_local! {
        /// How many parents were followed.
        pub(super) static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    fn pid(number: u64) -> Pid {
        Pid::new(number).expect("a pid")
    }

    /// A process of so many MiB, started in the order of the numbers.
    fn process(number: u64, parent: u64, mib: u64) -> Process {
        Process {
            pid: pid(number),
            parent: Pid::new(parent),
            started: Some(Ticks(number)),
            comm: Comm::of(b"x"),
            state: b'S',
            kind: Kind::User,
            user: Some(1000),
            owner: Some(Owner { real: 1000, saved: 1000 }),
            memory: Memory {
                rss: Some(Bytes((mib + 10) << 20)),
                anon: Some(Bytes(mib << 20)),
                swap: Some(Bytes(0)),
                ..Memory::default()
            },
            oom_score: None,
            oom_score_adj: Some(0),
            threads: 1,
            group: None,
            place: None,
            kin: None,
            rank: Rank::Ordinary,
        }
    }

    fn choose_of(rows: &[Process], by: RankBy) -> (Choice, Vec<Node>) {
        let mut nodes: Vec<Node> = rows.iter().map(|_| Node::new(Rank::Ordinary)).collect();
        (choose(rows, &mut nodes, by, Bytes(0)), nodes)
    }

    fn numbers(choice: &Choice, rows: &[Process]) -> Vec<i32> {
        let trees = choice.best.iter().flatten();
        trees.map(|tree| rows[tree.root].pid.get()).collect()
    }

    #[test]
    fn the_largest_tree_wins_even_if_its_root_is_small() {
        let rows = [
            process(10, 1, 1),
            process(11, 10, 50),
            process(12, 11, 60),
            process(20, 1, 100),
            process(30, 1, 5),
            process(40, 1, 7),
        ];
        let (choice, nodes) = choose_of(&rows, RankBy::Tree);
        assert_eq!(numbers(&choice, &rows), [10, 20, 40]);
        let best = choice.best[0].expect("one");
        assert_eq!(best.held, Bytes(111 << 20));
        assert_eq!((best.rss, best.processes), (Bytes(141 << 20), 3));
        assert_eq!(choice.trees, 4);
        assert_eq!(members(&nodes, &best).collect::<Vec<_>>(), [0, 1, 2]);
        let (choice, _) = choose_of(&rows, RankBy::Process);
        assert_eq!(numbers(&choice, &rows), [20, 12, 11]);
    }

    /// Forks of one server, of which so many are anywhere: each has so much, and shares all but 1 MiB of it.
    fn forked(rows: &mut [Process], count: u32) {
        let lead = rows[0].pid;
        for row in rows {
            let cow = Bytes(row.memory.anonymous().0 - (1 << 20));
            row.kin = Some(Kin { lead, count, nearest: lead, most: cow, is_sampled: true });
            row.memory.forked =
                Some(Forked { cow, share: Bytes(cow.0.div_ceil(u64::from(count))), basis: Basis::Read });
        }
    }

    #[test]
    fn what_forks_share_is_their_trees_unless_one_of_them_lives_on() {
        let mut rows = [process(10, 1, 81), process(11, 10, 81), process(12, 10, 81), process(20, 1, 90)];
        forked(&mut rows[..3], 3);
        let (choice, _) = choose_of(&rows, RankBy::Tree);
        assert_eq!(numbers(&choice, &rows), [20, 10]);
        let held = |choice: &Choice| choice.best[1].map(|tree| tree.held.0 >> 20);
        assert_eq!(held(&choice), Some(80 + 3));
        assert_eq!(held(&choose_of(&rows, RankBy::Process).0), Some(1));
        // One that may not be chosen.
        forked(&mut rows[..3], 4);
        assert_eq!(held(&choose_of(&rows, RankBy::Tree).0), Some(3));
        forked(&mut rows[..3], 3);
        assert_eq!(held(&choose_of(&rows[1..], RankBy::Tree).0), Some(1));
    }

    #[test]
    fn by_score_the_kernels_own_figure_decides() {
        let mut rows = [process(10, 1, 100), process(20, 1, 1), process(30, 20, 1)];
        for (row, score) in rows.iter_mut().zip([600, 900, 700]) {
            row.oom_score = Some(score);
        }
        let (choice, _) = choose_of(&rows, RankBy::Score);
        assert_eq!(numbers(&choice, &rows), [20, 30, 10]);
    }

    #[test]
    fn swap_counts_and_before_linux_4_5_rss_stands_for_anonymous_memory() {
        let mut rows = [process(10, 1, 1), process(20, 1, 30), process(30, 1, 1)];
        rows[0].memory.swap = Some(Bytes(50 << 20));
        rows[2].memory.anon = None;
        rows[2].memory.rss = Some(Bytes(40 << 20));
        let (choice, _) = choose_of(&rows, RankBy::Tree);
        assert_eq!(numbers(&choice, &rows), [10, 30, 20]);
    }

    #[test]
    fn what_is_preferred_goes_first_and_what_is_avoided_last_whatever_the_size() {
        let rows = [process(10, 1, 100), process(20, 1, 50), process(30, 1, 1), process(31, 30, 1)];
        let ranks = [Rank::Avoided, Rank::Ordinary, Rank::Ordinary, Rank::Preferred];
        let mut nodes = ranks.map(Node::new);
        let choice = choose(&rows, &mut nodes, RankBy::Tree, Bytes(0));
        assert_eq!(numbers(&choice, &rows), [30, 20, 10]);
        // One that is avoided spares its tree, even beside one that is preferred.
        let mut nodes = [Rank::Ordinary, Rank::Ordinary, Rank::Avoided, Rank::Preferred].map(Node::new);
        let choice = choose(&rows, &mut nodes, RankBy::Tree, Bytes(0));
        assert_eq!(numbers(&choice, &rows), [10, 20, 30]);
    }

    #[test]
    fn a_parent_younger_than_its_child_is_another_process() {
        let mut rows = [process(10, 1, 5), process(11, 10, 5)];
        rows[0].started = Some(Ticks(99));
        let (choice, _) = choose_of(&rows, RankBy::Tree);
        assert_eq!(choice.trees, 2);
        rows[0].started = rows[1].started;
        assert_eq!(choose_of(&rows, RankBy::Tree).0.trees, 1, "10 ms are one moment");
    }

    #[test]
    fn a_tree_never_crosses_a_service_or_a_login() {
        let mut rows = [process(10, 1, 5), process(11, 10, 50), process(12, 11, 60), process(20, 10, 100)];
        let unit = |unit| Place { unit: Some(unit), terminal: Some(0) };
        for (row, place) in rows.iter_mut().zip([unit(1), unit(2), unit(2), unit(1)]) {
            row.place = Some(place);
        }
        let (choice, _) = choose_of(&rows, RankBy::Tree);
        assert_eq!(numbers(&choice, &rows), [11, 10]);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let mut rows = [process(10, 12, 1), process(11, 10, 1), process(12, 11, 1), process(13, 13, 1)];
        for row in &mut rows {
            row.started = Some(Ticks(5));
        }
        let (choice, nodes) = choose_of(&rows, RankBy::Tree);
        assert_eq!(choice.trees, 2);
        let all: u32 = choice.best.iter().flatten().map(|tree| tree.processes).sum();
        assert_eq!(all, 4);
        assert!(nodes.iter().all(|node| nodes[index(node.root)].root == node.root));
    }

    #[test]
    fn a_chain_of_30_000_parents_takes_no_longer_than_as_many_single_ones() {
        // Numbers handed out anew: each parent's is above its child's, so that every walk begins at the far end.
        let last = 30_001;
        let mut rows: Vec<Process> = (2..=last).map(|number| process(number, number + 1, 1)).collect();
        for row in &mut rows {
            row.started = Some(Ticks(last - u64::try_from(row.pid.get()).expect("positive")));
        }
        STEPS.set(0);
        let (choice, _) = choose_of(&rows, RankBy::Tree);
        assert_eq!((choice.trees, choice.best[0].expect("one").processes), (1, 30_000));
        // Quadratic it would be 450 million.
        assert!((30_000..200_000).contains(&STEPS.get()), "{}", STEPS.get());
    }

    #[test]
    fn what_is_smaller_than_asked_for_is_counted_and_left_alone() {
        let rows = [process(10, 1, 5), process(20, 1, 50)];
        let mut nodes = [Node::new(Rank::Preferred), Node::new(Rank::Ordinary)];
        let choice = choose(&rows, &mut nodes, RankBy::Tree, Bytes(10 << 20));
        assert_eq!(numbers(&choice, &rows), [20]);
        assert_eq!((choice.trees, choice.too_small), (2, 1));
    }

    #[test]
    fn whose_end_would_give_back_nothing_is_no_victim_however_much_it_is_wanted() {
        let rows = [process(10, 1, 0), process(20, 1, 5)];
        let ranks = [Rank::Preferred, Rank::Ordinary];
        for by in [RankBy::Tree, RankBy::Process, RankBy::Score] {
            let choose = |rows: &[Process]| {
                let mut nodes: Vec<Node> = ranks[..rows.len()].iter().map(|rank| Node::new(*rank)).collect();
                choose(rows, &mut nodes, by, Bytes(0))
            };
            let choice = choose(&rows);
            assert_eq!((numbers(&choice, &rows), choice.trees, choice.empty), (std::vec![20], 2, 1), "{by:?}");
            let choice = choose(&rows[..1]);
            assert_eq!((choice.best[0], choice.empty, choice.too_small), (None, 1, 0), "{by:?}");
        }
        // Of one whose smaps did not answer it is not known.
        let mut unread = process(10, 1, 5);
        let cow = Bytes(5 << 20);
        unread.memory.forked = Some(Forked { cow, share: Bytes(0), basis: Basis::Bounded });
        assert!(choose_of(&[unread], RankBy::Process).0.best[0].is_some());
    }

    #[test]
    fn without_anybody_nobody_is_chosen() {
        assert_eq!(choose_of(&[], RankBy::Tree).0, Choice::default());
    }

    #[test]
    fn who_may_never_be_chosen_is_told_by_stat_alone() {
        let own = [pid(77), pid(70)];
        let why = |change: &dyn Fn(&mut Process)| {
            let mut row = process(10, 1, 5);
            change(&mut row);
            objection(&row, &own)
        };
        assert_eq!(why(&|_| {}), None);
        assert_eq!(why(&|row| row.kind = Kind::Kernel), Some(Exclusion::KernelThread));
        assert_eq!(why(&|row| row.state = b'Z'), Some(Exclusion::Zombie));
        // Its first thread alone has exited.
        assert_eq!(why(&|row| (row.state, row.threads) = (b'Z', 2)), None);
        assert_eq!(why(&|row| row.pid = pid(1)), Some(Exclusion::Init));
        assert_eq!(why(&|row| row.pid = pid(77)), Some(Exclusion::Own));
        assert_eq!(why(&|row| row.pid = pid(70)), Some(Exclusion::Own));
    }

    #[test]
    fn others_and_the_exempt_are_spared_and_root_may_end_anybody() {
        let (adj, theirs) = (Some(0), Some(Owner { real: 1000, saved: 1000 }));
        let user = |user| Some(Sender { real: user, effective: user });
        assert_eq!(later_objection(theirs, adj, user(1000)), None);
        assert_eq!(later_objection(theirs, adj, user(1001)), Some(Exclusion::OthersProcess));
        assert_eq!(later_objection(theirs, adj, None), None);
        assert_eq!(later_objection(theirs, Some(-1000), None), Some(Exclusion::Exempt));
        assert_eq!(later_objection(None, adj, None), Some(Exclusion::Gone));
    }
}
