//! Looks at all processes and chooses: a decision that is not carried out yet.

use super::Killer;
use super::member::Eligibility;
use super::options::{Act, Scope};
use super::report::{Action, Candidate, Effect, Failure, Outcome, Terms};
use super::top::Top;
use super::when::{Reading, State};
use super::whole_cgroup::{CgroupToEnd, NotWhole, WholeCgroup, judge_cgroup};
use crate::host::Numbers;
use crate::own::own_line;
use crate::parse::cgroup::Version;
use crate::processes::reader;
use crate::processes::sharing::{REFINING, WORTH};
use crate::target::Target;
use crate::victim::{Choice, ExclusionCounts, Tree};

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
        let [victim, near @ ..] = choice.best.each_ref().map(|tree| named(tree.as_ref()?));
        Action {
            outcome,
            terms: Terms::of(&self.options),
            state,
            reading,
            victim,
            near,
            trees: choice.trees,
            avoided: choice.avoided,
            too_small: choice.too_small,
            empty: choice.empty,
            excluded: self.selection.excluded,
            overflow: self.selection.overflow(),
            is_hidden: self.evidence.envelope.others.is_some(),
            exe: None,
            whole: None,
            top: None,
            lasting: None,
            waited: None,
            failure: None,
            effect: Effect::default(),
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
        if let (Some(victim), Act::DryRun) = (action.victim.clone(), self.options.act) {
            let check = Eligibility::of(&self.options, &policy, self.selection.user(), self.reader);
            let cgroup = self.cgroup_of(&victim);
            let _ = self.judge_whole(cgroup.as_ref(), &check, &mut action);
        }
        if let Some(victim) = &action.victim {
            let target = Target::open_same(&self.host.proc, victim.pid, victim.started);
            action.exe = target.and_then(|target| target.exe().ok());
        }
        action
    }

    /// Chooses. Of a whole cgroup those count as well that end with the one that is chosen: where one of them is avoided, so is that cgroup.
    pub(super) fn choose(&mut self) -> crate::sys::Result<Choice> {
        let Self { options, selection, host, evidence, reader, .. } = self;
        let memcg = &mut evidence.memcg;
        let (policy, group, proc) = (options.policy, options.cgroup, &host.proc);
        if options.scope != Scope::Cgroup || policy.avoid.is_empty() {
            return selection.choose(proc, &policy, group);
        }
        let own = own_line(proc);
        let check = Eligibility::of(options, &policy, selection.user(), *reader);
        selection.choose_with(proc, &policy, group, &mut |row, rank| {
            let cgroup = CgroupToEnd::of(proc, memcg, row, rank).filter(|cgroup| !cgroup.is_root())?;
            let judged = judge_cgroup(proc, &cgroup, &own, &check);
            (judged == Err(NotWhole::Avoided)).then(|| cgroup.path().clone())
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
            && self.options.when.is_in_files(&action.reading, resident, most)
        {
            action.outcome = Outcome::InFiles;
            action.near = [action.victim.take(), action.near[0].take()];
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
        let [second, third] = &mut action.near;
        let mut ranked = [action.victim.take(), second.take(), third.take()];
        if let Some(at) = ranked.iter().position(is_new) {
            ranked.rotate_left(at);
        }
        [action.victim, *second, *third] = ranked;
    }

    /// The victim's own cgroup, when that is to be ended with it.
    pub(super) fn cgroup_of(&mut self, victim: &Candidate) -> Option<CgroupToEnd> {
        let row = self.selection.rows().get(victim.tree.root).filter(|row| row.pid == victim.pid);
        let row = row.filter(|_| self.options.scope == Scope::Cgroup)?;
        CgroupToEnd::of(&self.host.proc, &mut self.evidence.memcg, row, victim.tree.rank)
    }

    /// Whether the cgroup may be ended as a whole; where it may not, the tree is ended alone, and the decision says why.
    pub(super) fn judge_whole(
        &self,
        cgroup: Option<&CgroupToEnd>,
        check: &Eligibility<'_>,
        action: &mut Action,
    ) -> bool {
        if self.options.scope != Scope::Cgroup {
            return false;
        }
        let proc = &self.host.proc;
        let judged = match cgroup.filter(|cgroup| !cgroup.is_root()) {
            Some(cgroup) => {
                let is_v1 = self.evidence.memcg.version() == Some(Version::V1);
                let may_have_others = is_v1 && self.host.numbers() == Numbers::Other;
                let judged = judge_cgroup(proc, cgroup, &own_line(proc), check);
                judged.map(|whole| WholeCgroup { may_have_others, ..whole })
            }
            None => Err(NotWhole::Root),
        };
        action.whole = Some(judged);
        judged.is_ok()
    }
}
