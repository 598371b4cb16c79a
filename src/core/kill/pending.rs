//! A victim that was asked to end when SIGHUP came: what holds by then decides whether it is sent SIGKILL.
//!
//! The configuration is read where memory may be allocated, outside of a run. So a victim in its grace period is handed from the run that asked
//! it to the one that comes, with all that is held of it: no number is looked up again, and nobody is asked twice.

use core::time::Duration;

use super::Killer;
use super::member::Eligibility;
use super::members::Members;
use super::options::{Act, Scope};
use super::report::{Action, Outcome, Pardon};
use super::when::Reading;
use super::whole_cgroup::CgroupToEnd;

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
    /// Goes on with it, for what is left of the grace that holds now; or lets it go, when it is spared by what holds now.
    pub(super) fn resume(&mut self, pending: Pending) {
        let Pending { members, mut action, mut since, cgroup } = pending;
        let (Some(members), Some(victim)) = (members, action.victim.clone()) else {
            return;
        };
        self.members = members;
        let (policy, rank) = (self.options.policy, victim.tree.rank);
        let check = Eligibility::of(&self.options, &policy, self.selection.user(), self.reader);
        if self.options.cgroup != action.terms.cgroup() {
            // What was available before is of another memory than what is.
            since.before = Reading::default();
        }
        let is_whole = cgroup.is_some();
        let cgroup = cgroup.filter(|_| self.options.scope == Scope::Cgroup);
        action.effect.is_narrowed |= is_whole && cgroup.is_none();
        if cgroup.is_none() {
            self.members.narrow_to(policy.by);
        }
        let is_ending = self.members.alive_count() == 0;
        let is_mixed = cgroup.is_some() && !self.judge_whole(cgroup.as_ref(), &check, &mut action);
        let check = Eligibility { cgroup: cgroup.as_ref(), ..check };
        let is_spared = self.options.act == Act::DryRun
            || is_mixed
            || self.members.let_go_by_policy(&check, rank)
            || self.members.memory().freeable() < policy.least;
        action.outcome = if is_spared && !is_ending {
            action.effect.pardon = Some(Pardon::Configuration);
            Outcome::Pardoned
        } else {
            let size = self.members.memory().freeable();
            // Another that acts by now has seen nobody act: both go on.
            let _ = self.history.turn.tell(&self.host.proc, self.options.cgroup, victim.pid, size);
            self.see_through(&mut action, &check, since.asked)
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
