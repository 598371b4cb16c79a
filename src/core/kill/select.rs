//! Reads all processes, keeps those that may be chosen, and chooses.

use core::ffi::CStr;
use core::time::Duration;

use super::options::Policy;
use super::top::Top;
use crate::cgroup::Path;
use crate::fixed::Fixed;
use crate::identity::ProcessIdentity;
use crate::own::{is_helper, own_line};
use crate::parse::stat;
use crate::pattern::{Field, Pattern};
use crate::processes::reader::Reader;
use crate::processes::sharing::{GivenUp, REFINING, WORTH, settle};
use crate::processes::{self, Kind, Kinship, Memory, Process, Sender, Table, number};
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::sys::pidfd::is_refused;
use crate::sys::reserved::Reserved;
use crate::sys::{Result, system};
use crate::units::{Bytes, Pid};
use crate::victim::{self, Choice, Exclusion, ExclusionCounts, Node, Rank, RankBy};

/// So many parents are remembered that are to be spared with a child for which there was no room.
const HEIRS: usize = 64;

/// So few that may be chosen are all looked at closely, so that it is known of each whether it is exempt: 3 ms.
const FEW: usize = 128;

/// So often those that would be chosen may turn out to be exempt; then all are looked at.
const ROUNDS: usize = 8;

/// Those who may be chosen, as they were when last looked at.
pub(super) struct Selection<'a> {
    table: Table,
    /// One for each row of the table.
    nodes: Reserved<Node>,
    kinship: Kinship,
    /// Reads what may block.
    reader: Option<&'a Reader>,
    /// Who memdoor is, where it may not end everybody.
    user: Option<Sender>,
    /// How many may not be chosen, for each reason.
    pub(super) excluded: ExclusionCounts,
    /// The largest of all processes, those that may not be chosen included.
    pub(super) top: Top,
}

impl<'a> Selection<'a> {
    /// With room for so many that may be chosen.
    pub(super) fn arm(room: usize) -> Result<Self> {
        Ok(Self {
            table: Table::arm(room)?,
            nodes: Reserved::new(room)?,
            kinship: Kinship::arm(room)?,
            reader: None,
            user: system::signals_only(),
            excluded: ExclusionCounts::default(),
            top: Top::default(),
        })
    }

    /// What may block is read by this one; without it arguments are read where they are asked for, and shared memory is `RssShmem`.
    pub(super) fn with_reader(self, reader: Option<&'a Reader>) -> Self {
        Self { reader, ..self }
    }

    /// The same where trees end alone.
    pub(super) fn choose(&mut self, proc: &Dir, policy: &Policy<'_>, group: Option<&[u8]>) -> Result<Choice> {
        self.choose_with(proc, policy, group, &mut |_, _| None)
    }

    /// Looks at all processes and chooses. Each costs one read, one with a parent or a child that may be
    /// chosen two more, and one that may be the victim or next to it three more.
    ///
    /// `beside` is asked of the root of the tree that would be chosen whether its whole cgroup would end with it, and with that one that
    /// `--avoid` fits: the path of that cgroup, whose trees are then avoided, and the next one is chosen.
    pub(super) fn choose_with(
        &mut self,
        proc: &Dir,
        policy: &Policy<'_>,
        group: Option<&[u8]>,
        beside: &mut dyn FnMut(&Process, Rank) -> Option<Path>,
    ) -> Result<Choice> {
        let own = own_line(proc);
        let Self { table, excluded, reader, top, user, .. } = self;
        *excluded = ExclusionCounts::default();
        *top = Top::default();
        let mut wanted = |name: &CStr, process: &mut Process| {
            let judged = judge(proc, name, process, &own, policy, group, *reader);
            // Those of others take no room from one's own.
            let is_others = process.is_others(*user);
            let judged = match judged {
                // Whether a pattern fits one that may not be ended anyhow need not be known.
                Ok(_) | Err(Exclusion::Unread) if is_others => Err(Exclusion::OthersProcess),
                judged => judged,
            };
            match judged {
                Ok(rank) => process.rank = rank,
                Err(why) => excluded.add(why),
            }
            // Its readers share nearly all that they have with memdoor.
            if !is_helper(process, &own) {
                top.keep(process, judged.err());
            }
            judged.is_ok()
        };
        let by = policy.by;
        let mut heirs = [None; HEIRS];
        table.read_largest(proc, &mut wanted, &|process| weight(process, by), &mut |rows, left_out| {
            // One that is to be spared spares its tree, also when there is no room for it.
            let is_heir = by == RankBy::Tree && left_out.rank == Rank::Avoided;
            let mut parents = rows.iter_mut().filter(|row| is_heir && Some(row.pid) == left_out.parent);
            let is_found = parents.next().map(|row| row.rank = left_out.rank).is_some();
            if is_heir && !is_found {
                // A parent with a higher number comes later.
                heirs.rotate_right(1);
                heirs[0] = left_out.parent;
            }
            is_found
        })?;
        for row in table.rows_mut().iter_mut().filter(|row| heirs.contains(&Some(row.pid))) {
            row.rank = Rank::Avoided;
        }
        if policy.by == RankBy::Tree {
            table.find_places(proc);
        }
        top.look_closer(proc, *user);
        self.leave_out();
        if policy.by == RankBy::Score {
            for row in self.table.rows_mut() {
                row.oom_score = number(proc, row.pid, c"oom_score");
            }
        }
        Ok(self.narrow_down(proc, policy, beside))
    }

    /// Chooses until all that were chosen have been looked at closely. Who turns out to be exempt then is none of them any more, so the
    /// next one is looked at.
    fn narrow_down(
        &mut self,
        proc: &Dir,
        policy: &Policy<'_>,
        beside: &mut dyn FnMut(&Process, Rank) -> Option<Path>,
    ) -> Choice {
        let mut rounds = 0;
        let mut is_settled = false;
        self.kinship.find(proc, self.table.rows_mut(), WORTH);
        let given_up = GivenUp::read(proc);
        let until = monotonic().saturating_add(REFINING);
        loop {
            let Self { table, nodes, .. } = self;
            nodes.clear();
            let ranks = table.rows().iter().map(|row| row.rank);
            nodes.extend(ranks.map(Node::new));
            let choice = victim::choose(table.rows(), nodes, policy.by, policy.least);
            let all = table.rows().len() <= FEW || rounds == ROUNDS;
            rounds += 1;
            let mut asked = |at: usize, row: &Process| {
                let mut best = choice.best.iter().flatten();
                // All who are avoided are looked at: those that are exempt (-1000) drop out, and spare nobody of their tree.
                let is_avoided = row.rank == Rank::Avoided;
                all || is_avoided || best.any(|tree| victim::is_in(nodes, at, tree))
            };
            if table.look_closer(proc, &mut asked) > 0 {
                self.leave_out();
            } else if !is_settled && self.refine(&choice, given_up, until) {
                // Some are known better by now.
            } else if self.avoid_cgroup(proc, &choice, beside) {
                is_settled = false;
            } else if is_settled {
                self.leave_to_relatives(&choice);
                return choice;
            } else {
                // Until here those who were not asked stood in front with all that they may hold, so that they were. From here on they count
                // with what their end gives back for sure.
                settle(self.table.rows_mut());
                is_settled = true;
            }
        }
    }

    /// Puts those behind all others whose cgroup would end with the one that was chosen, if one that is avoided is in it; whether that
    /// is so.
    fn avoid_cgroup(
        &mut self,
        proc: &Dir,
        choice: &Choice,
        beside: &mut dyn FnMut(&Process, Rank) -> Option<Path>,
    ) -> bool {
        let tree = choice.best[0].filter(|tree| tree.rank != Rank::Avoided);
        let chosen = tree.and_then(|tree| Some((tree, self.table.rows().get(tree.root)?)));
        let Some((root, path)) = chosen.and_then(|(tree, row)| Some((tree.root, beside(row, tree.rank)?))) else {
            return false;
        };
        for (at, row) in self.table.rows_mut().iter_mut().enumerate() {
            let name = Fixed::<16>::dec(row.pid.get());
            let view = processes::view(proc, name.as_bytes(), row.state, row.threads);
            if at == root || ProcessIdentity::new(proc, view.as_bytes(), row.comm.as_bytes()).is_at(path.as_bytes()) {
                row.rank = Rank::Avoided;
            }
        }
        true
    }

    /// Notes in `found`, in the order of the lists, which patterns fit somebody who runs, or may. memdoor and what it descends from have
    /// the text of those about arguments in their own.
    pub(super) fn find_fitting(&mut self, proc: &Dir, lists: &[&[Pattern]], found: &mut [bool]) -> Result<()> {
        let own = own_line(proc);
        let (reader, user) = (self.reader, self.user);
        let mut look = |name: &CStr, process: &mut Process| {
            if process.kind == Kind::User && !process.has_exited() && !is_helper(process, &own) {
                let view = processes::view(proc, name.to_bytes(), process.state, process.threads);
                let identity = ProcessIdentity::new(proc, view.as_bytes(), process.comm.as_bytes());
                let mut identity = identity.read_by(reader, process.pid);
                // Of who is not ended anyhow it need not be known whether a pattern fits.
                let is_others = process.is_others(user);
                let is_safe = is_others || victim::objection(process, &own).is_some();
                let is_own = own.contains(&process.pid);
                for (pattern, is_found) in lists.iter().copied().flatten().zip(found.iter_mut()) {
                    if *is_found || is_own && pattern.field() == Field::Cmdline {
                        continue;
                    }
                    *is_found = identity.fits(pattern) || !is_safe && identity.is_unread(pattern);
                }
            }
            false
        };
        self.table.read_wanted(proc, &mut look)
    }

    /// Has all asked once that may be asked.
    pub(super) fn rehearse_reader(&self, proc: &Dir) {
        let mut buf = [0; crate::target::STAT_MAX];
        let stat = proc.read(c"self/stat", &mut buf).ok().and_then(stat::parse);
        if let (Some(reader), Some(stat)) = (self.reader, stat)
            && let Some(own) = Pid::new(stat.pid)
        {
            reader.rehearse(&mut Process::of(own, &stat));
        }
    }

    /// Finds out what of the shared memory ends with those that were chosen; whether there was anything to find out.
    fn refine(&mut self, choice: &Choice, given_up: GivenUp, until: Duration) -> bool {
        let Self { table, nodes, reader, .. } = self;
        let Some(reader) = *reader else { return false };
        let is_near = |at: usize| choice.best.iter().flatten().any(|tree| victim::is_in(nodes, at, tree));
        reader.refine_all(table.rows_mut(), given_up, until, &is_near) > 0
    }

    /// What those who may be chosen map of files of a tmpfs that were deleted: each its part, and of whom there is no answer in time all
    /// that it may be.
    pub(super) fn deleted_files(&self) -> Bytes {
        let until = monotonic().saturating_add(REFINING);
        self.reader.map(|reader| reader.deleted_files(self.rows(), until)).unwrap_or_default()
    }

    /// Leaves out of the memory of those that were chosen what relatives keep who live on.
    fn leave_to_relatives(&mut self, choice: &Choice) {
        let Self { table, nodes, .. } = self;
        for at in 0..table.rows().len() {
            if choice.best.iter().flatten().any(|tree| victim::is_in(nodes, at, tree)) {
                let memory = victim::ending_of(table.rows(), nodes, at);
                if let Some(row) = table.rows_mut().get_mut(at) {
                    row.memory = memory;
                }
            }
        }
    }

    /// Takes out those that may not be chosen for what is known of them by now.
    fn leave_out(&mut self) {
        let Self { table, excluded, user, .. } = self;
        let objection = |row: &Process| {
            // Only of those that are near: each costs three system calls.
            let is_refused = || row.started.is_some() && is_refused(row.pid);
            let known = victim::later_objection(row.owner, row.oom_score_adj, *user);
            known.or_else(|| is_refused().then_some(Exclusion::OthersProcess))
        };
        table.retain(|row| match objection(row) {
            Some(why) => {
                excluded.add(why);
                false
            }
            None => true,
        });
    }

    /// Looks closely at those that may be chosen and have one of these parents.
    pub(super) fn look_at_children(&mut self, proc: &Dir, is_parent: &dyn Fn(Pid) -> bool) {
        let mut asked = |_, row: &Process| row.parent.is_some_and(is_parent);
        self.table.look_closer(proc, &mut asked);
        self.leave_out();
    }

    /// Those who may be chosen.
    pub(super) fn rows(&self) -> &[Process] {
        self.table.rows()
    }

    /// How many of them had no room.
    pub(super) const fn overflow(&self) -> u64 {
        self.table.overflow()
    }

    /// The processes of a tree, its root first.
    pub(super) fn members(&self, tree: &victim::Tree) -> impl Iterator<Item = &Process> {
        let rows = self.table.rows();
        victim::members(&self.nodes, tree).filter_map(|at| rows.get(at))
    }

    /// Who memdoor is, where it may not end everybody.
    pub(super) const fn user(&self) -> Option<Sender> {
        self.user
    }
}

/// Who is kept when more may be chosen than there is room for: the most wanted first, and of them who has most RSS and swap. The largest is
/// often the youngest: the order of numbers says nothing. A tree of many small ones may lose some of them.
fn weight(process: &Process, by: RankBy) -> (Rank, Bytes) {
    let Memory { rss, swap, .. } = process.memory;
    let rank = match (by, process.rank) {
        // In a tree it counts for the others, too: without it they would not be spared.
        (RankBy::Tree, Rank::Avoided) => Rank::Ordinary,
        (_, rank) => rank,
    };
    (rank, rss.unwrap_or_default().plus(swap.unwrap_or_default()))
}

/// How much a process is wanted, or why it may not be chosen, as far as status tells and what it is called.
fn judge(
    proc: &Dir,
    name: &CStr,
    process: &mut Process,
    own: &[Pid],
    policy: &Policy<'_>,
    group: Option<&[u8]>,
    reader: Option<&Reader>,
) -> core::result::Result<Rank, Exclusion> {
    if let Some(why) = victim::objection(process, own) {
        return Err(why);
    }
    if is_helper(process, own) {
        return Err(Exclusion::Own);
    }
    let view = processes::view(proc, name.to_bytes(), process.state, process.threads);
    let identity = ProcessIdentity::new(proc, view.as_bytes(), process.comm.as_bytes());
    identity.read_by(reader, process.pid).judge(policy, group)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::kill::options::Only;
    use crate::pattern::Pattern;
    use std::ffi::CString;
    use std::path::{Path, PathBuf};
    use std::string::String;
    use std::{env, format, fs};

    /// A directory like /proc, gone when dropped.
    struct Made(PathBuf);

    /// Numbers of processes here begin there: neither this test's own nor its parents' are among them.
    const FAR: u32 = 4_000_000;

    impl Made {
        fn new(name: &str) -> Self {
            let dir = env::temp_dir().join(format!("memdoor-{name}-{}", std::process::id()));
            fs::create_dir_all(&dir).expect("a directory");
            Self(dir)
        }

        /// A process of so many kB; without an adj it goes while it is looked at.
        fn process(&self, pid: u32, comm: &str, kib: u64, adj: Option<i64>) {
            self.child(pid, 1, comm, kib, adj);
        }

        fn child(&self, pid: u32, parent: u32, comm: &str, kib: u64, adj: Option<i64>) {
            let far = |pid: u32| if pid > 1 { pid + FAR } else { pid };
            let (pid, parent) = (far(pid), far(parent));
            let dir = self.0.join(format!("{pid}"));
            fs::create_dir_all(&dir).expect("a directory");
            let write = |name: &str, text: String| fs::write(dir.join(name), text).expect(name);
            let zeros = "0 ".repeat(17);
            write("stat", format!("{pid} ({comm}) S {parent} {zeros}{pid} 0 0\n"));
            write(
                "status",
                format!(
                    "Name:\t{comm}\nState:\tS (sleeping)\nPPid:\t{parent}\nUid:\t0\t0\t0\t0\nVmRSS:\t{kib} kB\nRssAnon:\t{kib} kB\nThreads:\t1\n"
                ),
            );
            if let Some(adj) = adj {
                write("oom_score_adj", format!("{adj}\n"));
            }
        }

        fn open(&self) -> Dir {
            let path: &Path = &self.0;
            let path = CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
            Dir::open(&path).expect("a directory")
        }
    }

    /// What a test calls it.
    fn number(row: &Process) -> u32 {
        row.pid.get().unsigned_abs() - FAR
    }

    impl Drop for Made {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn patterns(text: &str) -> std::vec::Vec<Pattern> {
        std::vec![Pattern::parse(text).expect("valid")]
    }

    fn policy<'a>(only: &'a [Only], avoid: &'a [Pattern], by: RankBy) -> Policy<'a> {
        Policy { only, prefer: &[], avoid, ignore: &[], by, least: Bytes(0) }
    }

    fn anybody() -> [Only; 1] {
        [Only::Fits(patterns("comm:[a-z]").remove(0))]
    }

    #[test]
    fn one_that_goes_while_it_is_looked_at_changes_nobody_elses_rank() {
        let made = Made::new("ranks");
        for at in 0..20 {
            // Those that stay and those that go, in turns: whatever the order of the directory.
            made.process(100 + at, "goes", 10, None);
            made.process(200 + at, "spared", 1000, Some(0));
        }
        made.process(300, "plain", 500, Some(0));
        let (only, avoid) = (anybody(), patterns("^spared$"));
        let mut selection = Selection::arm(100).expect("room");
        let policy = policy(&only, &avoid, RankBy::Process);
        let choice = selection.choose(&made.open(), &policy, None).expect("read");
        let chosen = choice.best[0].expect("one");
        assert_eq!(number(&selection.rows()[chosen.root]), 300);
        assert_eq!(selection.excluded.of(Exclusion::Gone), 20);
    }

    #[test]
    fn of_many_only_those_that_may_be_the_victim_are_looked_at_closely() {
        let made = Made::new("many");
        for at in 0..300 {
            made.process(1000 + at, "small", 10 + u64::from(at), Some(0));
        }
        // The three largest are exempt, and so is one that nobody asks for.
        for at in 0..3 {
            made.process(2000 + at, "exempt", 9000, Some(-1000));
        }
        made.process(3000, "exempt", 1, Some(-1000));
        let only = anybody();
        let mut selection = Selection::arm(1000).expect("room");
        let policy = policy(&only, &[], RankBy::Process);
        let choice = selection.choose(&made.open(), &policy, None).expect("read");
        let best = choice.best.map(|tree| {
            let row = &selection.rows()[tree.expect("one").root];
            (number(row), row.oom_score_adj, row.started.is_some())
        });
        assert_eq!(best, [1299, 1298, 1297].map(|pid| (pid, Some(0), true)));
        assert_eq!(selection.excluded.of(Exclusion::Exempt), 3);
        let rows = selection.rows().iter();
        assert_eq!(rows.filter(|row| row.started.is_some()).count(), 3);
    }

    /// The numbers of processes grow, and who leaks is often among the youngest.
    #[test]
    fn of_more_than_there_is_room_for_the_largest_are_kept_whatever_their_numbers() {
        let made = Made::new("crowd");
        for at in 0..40 {
            made.process(1000 + at, "small", 10 + u64::from(at), Some(0));
        }
        made.process(5000, "leaker", 9000, Some(0));
        made.process(4000, "wanted", 1, Some(0));
        let (only, prefer) = (anybody(), patterns("^wanted$"));
        let mut selection = Selection::arm(8).expect("room");
        let policy = policy(&only, &[], RankBy::Process);
        let chosen = |selection: &mut Selection<'_>, policy: &Policy<'_>| {
            let choice = selection.choose(&made.open(), policy, None).expect("read");
            choice.best.map(|tree| number(&selection.rows()[tree.expect("one").root]))
        };
        assert_eq!(chosen(&mut selection, &policy), [5000, 1039, 1038]);
        assert_eq!((selection.rows().len(), selection.overflow()), (8, 34));
        // Who is preferred is, however small.
        assert_eq!(chosen(&mut selection, &Policy { prefer: &prefer, ..policy }), [4000, 5000, 1039]);
    }

    #[test]
    fn one_that_is_avoided_spares_its_tree_without_room_for_it() {
        let made = Made::new("crowd-avoided");
        for at in 0..40 {
            made.process(1000 + at, "small", 10 + u64::from(at), Some(0));
        }
        made.process(2000, "root", 9000, Some(0));
        made.child(2001, 2000, "kept", 1, Some(0));
        let (only, avoid) = (anybody(), patterns("^kept$"));
        let mut selection = Selection::arm(8).expect("room");
        let choice = selection.choose(&made.open(), &policy(&only, &avoid, RankBy::Tree), None).expect("read");
        assert_eq!(number(&selection.rows()[choice.best[0].expect("one").root]), 1039);
    }

    /// As one that runs a set-user-ID program of this user's: kill(2) refuses it, and it was chosen again and again.
    #[test]
    fn whose_effective_user_alone_is_ones_own_may_not_be_ended_by_a_user() {
        let made = Made::new("users");
        made.process(1000, "own", 10, Some(0));
        made.process(1001, "others", 9000, Some(0));
        let status = made.0.join(format!("{}/status", 1001 + FAR));
        let text = fs::read_to_string(&status).expect("status").replace("Uid:\t0\t0\t0", "Uid:\t0\t1000\t0");
        fs::write(&status, text).expect("status");
        let status = made.0.join(format!("{}/status", 1000 + FAR));
        let text = fs::read_to_string(&status).expect("status").replace("Uid:\t0\t0\t0", "Uid:\t0\t0\t1000");
        fs::write(&status, text).expect("status");
        let only = anybody();
        let mut selection = Selection::arm(8).expect("room");
        selection.user = Some(Sender { real: 1000, effective: 1000 });
        let choice = selection.choose(&made.open(), &policy(&only, &[], RankBy::Process), None).expect("read");
        let best = choice.best.map(|tree| tree.map(|tree| number(&selection.rows()[tree.root])));
        assert_eq!(best, [Some(1000), None, None]);
        assert_eq!(selection.excluded.of(Exclusion::OthersProcess), 1);
    }

    #[test]
    fn when_all_are_exempt_nobody_is_chosen_however_many_they_are() {
        let made = Made::new("exempt");
        for at in 0..300 {
            made.process(1000 + at, "exempt", 10, Some(-1000));
        }
        let only = anybody();
        for by in [RankBy::Tree, RankBy::Process, RankBy::Score] {
            let mut selection = Selection::arm(1000).expect("room");
            let policy = policy(&only, &[], by);
            let choice = selection.choose(&made.open(), &policy, None).expect("read");
            assert_eq!(choice, Choice::default());
            assert_eq!(selection.excluded.of(Exclusion::Exempt), 300);
        }
    }

    /// One that is exempt is no member either: what it started is a tree of its own, and it makes nobody avoided.
    #[test]
    fn an_exempt_member_is_left_out_of_its_tree() {
        let made = Made::new("member");
        for at in 0..200 {
            made.process(5000 + at, "small", 10, Some(0));
        }
        made.process(1000, "root", 100, Some(0));
        made.child(1001, 1000, "spared", 5000, Some(-1000));
        made.child(1002, 1001, "leaf", 300, Some(0));
        made.process(2000, "other", 200, Some(0));
        let only = anybody();
        let (policy, proc) = (policy(&only, &[], RankBy::Tree), made.open());
        let mut selection = Selection::arm(1000).expect("room");
        let mut wanted = |_: &CStr, row: &mut Process| {
            let is_spared = row.comm.as_bytes() == b"spared";
            row.rank = if is_spared { Rank::Avoided } else { Rank::Ordinary };
            true
        };
        let table = &mut selection.table;
        table.read_wanted(&proc, &mut wanted).expect("read");
        // As /proc has them, and no other directory.
        table.rows_mut().sort_unstable_by_key(|row| row.pid);
        let choice = selection.narrow_down(&proc, &policy, &mut |_, _| None);
        let rows = selection.rows();
        let best = choice.best.map(|tree| {
            let tree = tree.expect("one");
            (number(&rows[tree.root]), tree.held.kib(), tree.processes)
        });
        assert_eq!(best, [(1002, 300, 1), (2000, 200, 1), (1000, 100, 1)]);
    }
}
