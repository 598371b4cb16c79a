//! What outlives a SIGHUP.

use core::time::Duration;

use super::pending::Pending;
use super::report::{Candidate, Outcome};
use super::stalls::Stalls;
use super::turn::Turn;
use crate::fixed::Fixed;
use crate::units::{Pid, Ticks};

/// What comes before a run.
#[derive(Clone, Debug, Default)]
#[allow(clippy::large_enum_variant, reason = "there is one of it, and no heap once it is armed")]
pub enum Since {
    /// memdoor was started.
    #[default]
    Start,
    /// SIGHUP, and what holds is as it was read then.
    Anew,
    /// SIGHUP, and what held before holds still, for this reason.
    Kept(Fixed<400>),
}

/// `--max-kills` up to this many an hour.
pub const KILLS_MAX: usize = 64;

const HOUR: Duration = Duration::from_secs(3600);

/// What outlives a SIGHUP: who was ended when, on the steady clock.
#[derive(Debug, Default)]
pub struct History {
    /// What came before this run: its first line in the log.
    pub since: Since,
    /// Whether there was a run before this one.
    pub(super) is_going_on: bool,
    /// Since when nobody is ended, for the cooldown that holds by now.
    pub(super) rests_since: Option<Duration>,
    /// Unless it gets worse: nobody was ended because memory is in files, and below `--hard` somebody is.
    pub(super) hard_breaks_rest: bool,
    /// The last decision, and when it was said.
    last: Option<(Outcome, Duration)>,
    /// The newest of those that SIGKILL did not end, the oldest of them first.
    survivors: [Option<(Pid, Ticks)>; SURVIVORS],
    /// The newest kills, the oldest of them at `next`.
    pub(super) kills: KillTimes,
    /// How much processes stalled lately.
    pub(super) stalls: Stalls,
    /// One that was asked to end, and has not yet.
    pub(super) pending: Option<Pending>,
    /// The lock, which is told for that one meanwhile: closing any descriptor of its file would let it go, so there is one for all runs.
    pub(super) turn: Turn,
}

/// So many that could not be ended are remembered.
const SURVIVORS: usize = 8;

/// While memory is short and nobody can be ended, that is said this often.
const REMINDER: Duration = Duration::from_secs(60);

impl History {
    /// Whether it is to be said: the same lack of anybody to end, or of a shortage that lasts (unless another memdoor ended it), is so
    /// only now and then.
    pub(super) fn is_news(&mut self, outcome: Outcome, is_own_look: bool, now: Duration) -> bool {
        let is_idle = outcome.may_last() || (outcome == Outcome::Relieved && is_own_look);
        let is_known =
            self.last.is_some_and(|(last, at)| last == outcome && is_idle && now.saturating_sub(at) < REMINDER);
        if !is_known {
            self.last = Some((outcome, now));
        }
        !is_known
    }

    /// SIGKILL did not end it.
    pub(super) fn note_survivor(&mut self, victim: &Candidate) {
        if !self.has_survived(victim) {
            self.survivors.rotate_left(1);
            self.survivors[SURVIVORS - 1] = Some((victim.pid, victim.started));
        }
    }

    pub(super) fn has_survived(&self, victim: &Candidate) -> bool {
        self.survivors.contains(&Some((victim.pid, victim.started)))
    }
}

#[derive(Clone, Debug)]
pub(super) struct KillTimes {
    at: [Option<Duration>; KILLS_MAX],
    next: usize,
}

impl Default for KillTimes {
    fn default() -> Self {
        Self { at: [None; KILLS_MAX], next: 0 }
    }
}

impl KillTimes {
    pub(super) fn note(&mut self, now: Duration) {
        self.at[self.next % KILLS_MAX] = Some(now);
        self.next = (self.next + 1) % KILLS_MAX;
    }

    /// Whether `most` were made within the hour before `now`.
    pub(super) fn is_spent(&self, now: Duration, most: Option<u64>) -> bool {
        let recent = self.at.iter().flatten();
        let recent = recent.filter(|at| now.saturating_sub(**at) < HOUR).count();
        most.is_some_and(|most| u64::try_from(recent).unwrap_or(u64::MAX) >= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_of_the_last_hour() {
        let mut kills = KillTimes::default();
        let at = |minutes: u64| Duration::from_secs(60 * (1000 + minutes));
        for minute in [0, 10, 20] {
            assert!(!kills.is_spent(at(minute), Some(3)));
            kills.note(at(minute));
        }
        assert!(kills.is_spent(at(20), Some(3)));
        assert!(kills.is_spent(at(59), Some(3)));
        assert!(!kills.is_spent(at(60), Some(3)));
        assert!(!kills.is_spent(at(20), None));
        for minute in 0..200 {
            kills.note(at(minute));
        }
        assert!(kills.is_spent(at(199), Some(60)));
        assert!(!kills.is_spent(at(199), Some(61)));
    }
}
