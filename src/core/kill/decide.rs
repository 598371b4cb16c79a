//! Looks at all processes and chooses: a decision that is not carried out yet.

use core::time::Duration;

use super::Killer;
use super::member::Check;
use super::options::{Act, Scope};
use super::report::{Action, Candidate, Failure, Outcome, Terms};
use super::top::Top;
use super::when::{Reading, State};
use super::whole_cgroup::{Leaf, NotWhole, WholeCgroup, judge_cgroup};
use crate::cgroup::{Memcg, Path};
use crate::host::Numbers;
use crate::own::own_line;
use crate::parse::cgroup::Version;
use crate::processes::Process;
use crate::processes::reader::{self};
use crate::processes::sharing::{REFINING, WORTH};
use crate::sys::file::Dir;
use crate::target::Target;
use crate::units::{Pid, Ticks};
use crate::victim::{Choice, ExclusionCounts, Rank, Tree};

impl Killer<'_> {
    /// A decision that is not yet carried out.
    pub(super) fn action(&self, state: State, reading: Reading, choice: &Choice) -> Action {
        let rows = self.selection.rows();
        let named = |tree: &Tree| {
            let row = rows.get(tree.root)?;
            Some(Candidate { pid: row.pid, started: row.started?, comm: row.comm.clone(), tree: *tree })
        };
        let outcome = match (state, choice.best[0]) {
            (State::Enough, _) => Outcome::Enough,
            (State::Unknown, _) => Outcome::Unknown,
            (State::Short, None) => Outcome::Nobody,
            (State::Short, Some(_)) => Outcome::DryRun,
        };
        Action {
            outcome,
            terms: Terms::of(&self.options),
            state,
            reading,
            best: choice.best.each_ref().map(|tree| named(tree.as_ref()?)),
            trees: choice.trees,
            avoided: choice.avoided,
            too_small: choice.too_small,
            empty: choice.empty,
            excluded: self.selection.excluded,
            overflow: self.selection.overflow(),
            is_hidden: self.evidence.envelope.others.is_some(),
            exe: None,
            killed: 0,
            freed: None,
            held: None,
            left: None,
            is_narrowed: false,
            let_go: 0,
            pardon: None,
            survivor: None,
            after: None,
            risen: None,
            judged_anew: None,
            state_after: None,
            whole: None,
            is_by_cgroup_kill: false,
            top: None,
            lasting: None,
            waited: None,
            took: Duration::ZERO,
            failure: None,
        }
    }

    /// Looks at all processes and chooses.
    pub(super) fn decide(&mut self, state: State, reading: Reading) -> Action {
        let (policy, group) = (self.options.policy, self.options.cgroup);
        let choice = match self.choose() {
            Ok(choice) => choice,
            Err(errno) => {
                let action = self.idle(Outcome::Failed, state, reading);
                return Action { failure: Some(Failure::new("read all processes of /proc", errno)), ..action };
            }
        };
        let mut action = self.action(state, reading, &choice);
        if state == State::Short && group.is_none() {
            self.look_elsewhere(&mut action, &choice);
        }
        if let (Some(victim), Act::DryRun) = (action.best[0].clone(), self.options.act) {
            let leaf = self.leaf(&victim);
            let check = Check::of(&self.options, &policy, self.selection.user(), self.reader);
            let leaf = leaf.as_ref();
            let whole = leaf.map(|(_, path)| self.leaf_of(&victim, path));
            let _ = self.judge_whole(leaf, whole, &check, &mut action);
        }
        if let Some(victim) = &action.best[0] {
            let target = Target::open_same(&self.host.proc, victim.pid, victim.started);
            action.exe = target.and_then(|target| target.exe().ok());
        }
        action
    }

    /// Chooses. Of a whole cgroup those count as well that end with the one that is chosen: where one of them is avoided, so is that cgroup.
    fn choose(&mut self) -> crate::sys::Result<Choice> {
        let Self { options, selection, host, evidence, reader, .. } = self;
        let memcg = &mut evidence.memcg;
        let (policy, group, proc) = (options.policy, options.cgroup, &host.proc);
        if options.scope != Scope::Cgroup || policy.avoid.is_empty() {
            return selection.choose(proc, &policy, group);
        }
        let own = own_line(proc);
        let check = Check::of(options, &policy, selection.user(), *reader);
        selection.choose_with(proc, &policy, group, &mut |row, rank| {
            let (dir, path) = leaf(proc, memcg, row.pid, row.started?)?;
            let whole = leaf_of(proc, Some(row), rank, &path);
            let judged = judge_cgroup(proc, &dir, &own, &check, &whole);
            (path.as_bytes() != b"/" && judged == Err(NotWhole::Avoided)).then_some(path)
        })
    }

    /// How much lasts whoever ends, and whether that is why memory is short, so that nobody is ended for it.
    ///
    /// What a tmpfs holds has files in it that were deleted, and that end with those who may be ended: that does not last.
    fn look_elsewhere(&self, action: &mut Action, choice: &Choice) {
        action.lasting = reader::lasting(self.reader, &self.host.proc, REFINING);
        if action.lasting.as_ref().is_some_and(|lasting| lasting.files >= WORTH) {
            let deleted = self.selection.deleted_files();
            action.lasting = action.lasting.take().map(|lasting| lasting.without(deleted));
        }
        let resident = action.lasting.as_ref().map(|lasting| lasting.resident(action.reading.shmem));
        // Who is preferred may be small, and another one be what fills memory.
        let most = choice.best.iter().flatten().map(|tree| tree.held).max();
        if let (Some(resident), Some(most)) = (resident, most)
            // What a whole cgroup would give back is not known.
            && self.options.scope == Scope::Tree
            && self.options.when.is_elsewhere(&action.reading, resident, most)
        {
            action.outcome = Outcome::Elsewhere;
            // There is no victim, and these are who was near.
            action.best[2] = None;
            action.best.rotate_right(1);
        }
    }

    /// Who else is large: part of the evidence.
    pub(super) fn the_largest(&self) -> Option<Top> {
        (!self.options.evidence.is_zero()).then(|| self.selection.top.clone())
    }

    /// A decision that nobody was looked at for.
    pub(super) fn idle(&self, outcome: Outcome, state: State, reading: Reading) -> Action {
        let nobody = self.action(state, reading, &Choice::default());
        Action { outcome, excluded: ExclusionCounts::default(), overflow: 0, ..nobody }
    }

    /// One that SIGKILL did not end is no victim again as long as there is another: it is frozen or in uninterruptible sleep, and what it
    /// may hold still comes when it comes.
    pub(super) fn pass_over_survivors(&self, action: &mut Action) {
        let is_new = |one: &Option<Candidate>| one.as_ref().is_some_and(|one| !self.history.has_survived(one));
        if let Some(at) = action.best.iter().position(is_new) {
            action.best.rotate_left(at);
        }
    }

    /// The victim's own cgroup, and its path, when that is to be ended with it.
    pub(super) fn leaf(&mut self, victim: &Candidate) -> Option<(Dir, Path)> {
        let is_asked = self.options.scope == Scope::Cgroup;
        is_asked.then(|| leaf(&self.host.proc, &mut self.evidence.memcg, victim.pid, victim.started))?
    }

    /// The same with what all in it must have in common with the victim.
    pub(super) fn leaf_of<'p>(&self, victim: &Candidate, path: &'p Path) -> Leaf<'p> {
        let row = self.selection.rows().get(victim.tree.root).filter(|row| row.pid == victim.pid);
        leaf_of(&self.host.proc, row, victim.tree.rank, path)
    }

    /// Whether the cgroup may be ended as a whole; where it may not, the tree is ended alone, and the decision says why.
    pub(super) fn judge_whole<'l>(
        &self,
        leaf: Option<&'l (Dir, Path)>,
        whole: Option<Leaf<'_>>,
        check: &Check<'_>,
        action: &mut Action,
    ) -> Option<&'l (Dir, Path)> {
        if self.options.scope != Scope::Cgroup {
            return None;
        }
        let proc = &self.host.proc;
        let judged = match leaf.zip(whole) {
            Some(((dir, path), whole)) if path.as_bytes() != b"/" => {
                let judged = judge_cgroup(proc, dir, &own_line(proc), check, &whole);
                let is_v1 = self.evidence.memcg.version() == Some(Version::V1);
                let may_have_others = is_v1 && self.host.numbers() == Numbers::Other;
                judged.map(|whole| WholeCgroup { may_have_others, ..whole })
            }
            _ => Err(NotWhole::Root),
        };
        action.whole = Some(judged);
        leaf.filter(|_| judged.is_ok())
    }
}

/// The memory cgroup of a process, and its path.
fn leaf(proc: &Dir, memcg: &mut Memcg, pid: Pid, started: Ticks) -> Option<(Dir, Path)> {
    let mut target = Target::open_same(proc, pid, started)?;
    memcg.forget();
    memcg.refresh(&mut target);
    let path = Path::of(memcg.path().ok()?.1);
    let dir = memcg.dir()?.dir(c".").ok();
    memcg.forget();
    dir.map(|dir| (dir, path))
}

pub(super) fn leaf_of<'p>(proc: &Dir, row: Option<&Process>, rank: Rank, path: &'p Path) -> Leaf<'p> {
    Leaf {
        path: path.as_bytes(),
        place: row.map(|row| row.whereabouts(proc)).unwrap_or_default(),
        user: row.and_then(|row| row.user),
        rank,
    }
}
