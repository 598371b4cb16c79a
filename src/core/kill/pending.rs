//! A victim that was asked to end when SIGHUP came: what holds by then decides whether it is sent SIGKILL.
//!
//! The configuration is read where memory may be allocated, outside of a run. So a victim in its grace period is handed from the run that asked
//! it to the one that comes, with all that is held of it: no number is looked up again, and nobody is asked twice.

use core::time::Duration;

use super::Killer;
use super::member::Eligibility;
use super::members::Members;
use super::options::{Act, Scope};
use super::report::{Action, Candidate, Outcome, Pardon};
use super::when::Reading;
use super::whole_cgroup::CgroupToEnd;
use crate::victim::Rank;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Pending {
    /// Its processes, once the run that held them is over.
    pub(super) members: Option<Members>,
    /// What was decided.
    pub(super) action: Action,
    pub(super) since: Since,
    /// Its cgroup, when that is ended as a whole.
    pub(super) cgroup: Option<CgroupToEnd>,
}

/// Where an end began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// When it was decided, on the steady clock.
    pub(super) started: Duration,
    /// When SIGTERM was sent.
    pub(super) asked: Duration,
    /// Memory before.
    pub(super) before: Reading,
}

impl Killer<'_> {
    /// Why it is not to be ended by what holds now. `--avoid` alone spares nobody where there is nobody else.
    fn pardon(&mut self, action: &mut Action, victim: &Candidate, check: &Eligibility<'_>) -> Option<Pardon> {
        if self.options.act == Act::DryRun {
            return Some(Pardon::Configuration);
        }
        match self.members.let_go_by_policy(check, victim.tree.rank) {
            Some(Pardon::Avoided) if self.is_first_choice(victim) => {
                if let Some(victim) = &mut action.victim {
                    victim.tree.rank = Rank::Avoided;
                }
            }
            None => {}
            pardon => return pardon,
        }
        let is_small = self.members.memory().freeable() < check.policy.least;
        is_small.then_some(Pardon::Configuration)
    }

    /// Whether it would be chosen now.
    fn is_first_choice(&mut self, victim: &Candidate) -> bool {
        let root = self.choose().ok().and_then(|choice| choice.best[0]).map(|tree| tree.root);
        let row = root.and_then(|root| self.selection.rows().get(root));
        row.is_some_and(|row| (row.pid, row.started) == (victim.pid, Some(victim.started)))
    }

    /// Goes on with it, for what is left of the grace that holds now; or lets it go, when it is spared by what holds now.
    pub(super) fn resume(&mut self, pending: Pending) {
        let Pending { members, mut action, mut since, cgroup } = pending;
        let (Some(members), Some(victim)) = (members, action.victim.clone()) else {
            return;
        };
        self.members = members;
        let policy = self.options.policy;
        let check = Eligibility::of(&self.options, &policy, self.selection.user(), self.reader);
        if self.options.cgroup != action.terms.cgroup() {
            // What was available before is of another memory than what is.
            since.before = Reading::default();
        }
        let is_whole = cgroup.is_some();
        // Where somebody in the cgroup is spared by now the tree ends alone, as it would have been decided.
        let cgroup = cgroup.filter(|_| self.options.scope == Scope::Cgroup);
        let cgroup = cgroup.filter(|cgroup| self.judge_whole(Some(cgroup), &check, &mut action));
        if cgroup.is_none() {
            action.effect.is_narrowed |= is_whole;
            self.members.narrow_to(policy.by);
        }
        let check = Eligibility { cgroup: cgroup.as_ref(), ..check };
        action.outcome = match self.pardon(&mut action, &victim, &check).filter(|_| self.members.alive_count() > 0) {
            Some(pardon) => {
                action.effect.pardon = Some(pardon);
                Outcome::Pardoned
            }
            None => {
                let size = self.members.memory().freeable();
                // Another that acts by now has seen nobody act: both go on.
                let _ = self.history.turn.tell(&self.host.proc, self.options.cgroup, victim.pid, size);
                self.see_through(&mut action, &check, since.asked)
            }
        };
        self.conclude(&mut action, since, cgroup);
        if self.history.pending.is_some() {
            return;
        }
        self.history.turn.release();
        self.tell_outcome(action);
        self.rest();
    }
}
