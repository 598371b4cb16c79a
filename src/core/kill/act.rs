//! What is done where memory is short: one is ended, or it is said why nobody is.

use super::Killer;
use super::end::Ended;
use super::options::Act;
use super::patience::Patience;
use super::report::{Action, Outcome};
use super::when::{Reading, State};
use crate::sys::clock::monotonic;
use crate::victim::Rank;

/// How often all is looked at anew because another memdoor came first: then this one goes on, as it would without a lock.
const ROUNDS: usize = 3;

impl Killer<'_> {
    /// Looks at all processes, chooses, and does what is to be done about it; says so.
    pub(super) fn act(&mut self, state: State, reading: Reading) -> Outcome {
        let action = match (state, self.options.act) {
            (State::Short, Act::Kill) => self.end_one_in_turn(),
            _ => self.decide(state, reading),
        };
        self.tell_outcome(action)
    }

    /// Says what came of a decision, unless that is not known yet.
    pub(super) fn tell_outcome(&mut self, mut action: Action) -> Outcome {
        if action.outcome == Outcome::Pending {
            return action.outcome;
        }
        if matches!(action.outcome, Outcome::Nobody | Outcome::InFiles | Outcome::DryRun | Outcome::Vanished)
            && action.top.is_none()
        {
            action.top = self.the_largest();
        }
        let victim = action.victim.as_ref().filter(|_| action.outcome != Outcome::DryRun);
        self.has_ended_avoided |= victim.is_some_and(|victim| victim.tree.rank == Rank::Avoided);
        let is_own_look = action.waited.is_none();
        if self.history.is_news(action.outcome, is_own_look, monotonic()) {
            self.say(&action);
        }
        action.outcome
    }

    /// Ends one, and nobody when another memdoor has just done so and that was enough.
    fn end_one_in_turn(&mut self) -> Action {
        let mut patience = Patience::new(self.options.grace);
        let mut rounds = 0;
        let action = loop {
            rounds += 1;
            self.take_turn(None, &mut patience);
            // The stall that another's victim has ended is no reason for one more. What stalls in one cgroup may have nothing to do with it.
            if self.options.when.pressure.is_some()
                && self.options.cgroup.is_none()
                && self.history.turn.has_another_ended(&self.host.proc, monotonic())
            {
                self.gauge.stalls.relieve();
            }
            // The second look: what was seen before the lock was had is old.
            let reading = self.gauge.read(&mut self.host);
            let state = self.options.when.judge(&reading);
            if let Some(call) = self.call() {
                break self.idle(call.before_a_signal(), state, reading);
            }
            match state {
                State::Short => {}
                State::Enough => break self.idle(Outcome::Relieved, state, reading),
                State::Unknown => break self.idle(Outcome::Unknown, state, reading),
            }
            let mut action = self.decide(state, reading);
            if action.outcome != Outcome::InFiles {
                self.pass_over_survivors(&mut action);
            }
            let victim = action.victim.clone().filter(|_| action.outcome != Outcome::Failed);
            let Some(victim) = victim else {
                break action;
            };
            // A security module's rule, which is told by the signal alone: another one may be signalled, and that one is not asked again.
            let ended = self.end(&mut action, &victim, rounds < ROUNDS, &mut patience);
            let is_to_go_on = ended == Ended::LookAnew || action.is_refused() && rounds < ROUNDS;
            if !is_to_go_on {
                break action;
            }
        };
        // A victim that is still in its grace period stays announced.
        if action.outcome != Outcome::Pending {
            self.history.turn.release();
        }
        Action { waited: patience.waited, ..action }
    }
}
