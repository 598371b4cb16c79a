//! Waits until no other memdoor ends somebody ([`super::turn`]), and for memory to come back: bounded by this memdoor's own `--grace`.

use core::time::Duration;

use super::Killer;
use super::end::DEATH;
use super::turn::{Other, USERS_WORD, Waited};
use super::when::{Reading, State};
use crate::sys::clock::monotonic;
use crate::sys::signal;
use crate::units::{Bytes, Pid};

/// What another's ended victim held comes back within this, as a rule in a few milliseconds: process_mrelease(2) is not asked for others' victims.
const COMES_BACK: Duration = Duration::from_secs(1);
/// How often it is looked whether another memdoor still acts.
const TURN_STEP: Duration = Duration::from_millis(50);
/// How often it is looked whether what has ended is counted as available.
const MEMORY_STEP: Duration = Duration::from_millis(10);

/// How long other memdoors are waited for, and were: one time for all rounds, as each would else begin it anew.
pub(super) struct Patience {
    /// When it ends.
    until: Duration,
    /// When it ends for the words of ordinary users, of which one was seen.
    users: Option<Duration>,
    /// Who was waited for last, and how long for all of them.
    pub(super) waited: Option<Waited>,
}

impl Patience {
    pub(super) fn new(grace: Duration) -> Self {
        Self { until: monotonic().saturating_add(grace).saturating_add(DEATH), users: None, waited: None }
    }

    /// When it ends for `whom`, as it is `now`. At the hard limit that one does not wait for its victim either, and no user's word counts.
    fn ends(&mut self, now: Duration, whom: &Other, is_hard: bool) -> Duration {
        if is_hard {
            self.until = self.until.min(now.saturating_add(DEATH));
        }
        match (whom.is_users_word, is_hard) {
            (false, _) => self.until,
            (true, false) => self.until.min(*self.users.get_or_insert(now.saturating_add(USERS_WORD))),
            (true, true) => now,
        }
    }

    fn note(&mut self, whom: Other, since: Duration, is_in_vain: bool) {
        let pid = |whom: &Other| whom.memdoor.as_ref().map(|memdoor| memdoor.pid);
        let (all, before) = match self.waited.take() {
            None => (Duration::ZERO, Duration::ZERO),
            Some(last) if pid(&last.whom) == pid(&whom) => (last.took, last.before),
            Some(last) => (last.took, last.took),
        };
        let took = all.saturating_add(monotonic().saturating_sub(since));
        self.waited = Some(Waited { whom, took, before, is_in_vain });
    }
}

impl Killer<'_> {
    /// Waits until no other memdoor ends somebody whose end helps, or memory is not short any more, or the time for it is up; whether
    /// somebody was waited for. With the victim that was chosen, and what it holds, that is told from then on.
    pub(super) fn take_turn(&mut self, chosen: Option<(Pid, Bytes)>, patience: &mut Patience) -> bool {
        let group = self.options.cgroup;
        let since = monotonic();
        let mut whom: Option<Other> = None;
        loop {
            let now = monotonic();
            let free = match chosen {
                None => self.history.turn.take(&self.host.proc, group),
                Some((victim, held)) => self.history.turn.tell(&self.host.proc, group, victim, held),
            };
            let other = match free {
                Ok(()) => {
                    let Some(whom) = whom else { return false };
                    self.gauge.stalls.relieve();
                    let when = self.options.when;
                    self.let_memory_come_back(COMES_BACK, &|reading| {
                        when.is_hard(reading) || signal::stop_requested().is_some()
                    });
                    patience.note(whom, since, false);
                    return true;
                }
                Err(other) => other,
            };
            let before = whom.take();
            let whom = &*whom.insert(match before {
                // Whom it ends is not told any more when that has ended, or is not known yet.
                Some(before) if other.victim.is_none() && before.victim.is_some() => before,
                _ => other,
            });
            let reading = self.gauge.read(&mut self.host);
            let until = patience.ends(now, whom, self.options.when.is_hard(&reading));
            let is_over = self.options.when.judge(&reading) == State::Enough || self.call().is_some();
            if is_over || now >= until {
                patience.note(whom.clone(), since, !is_over);
                return true;
            }
            let _ = signal::wait(None, Some(TURN_STEP.min(until.saturating_sub(now))));
        }
    }

    /// Gives what has ended the time to be free, and memory as it is then: the kernel shows no memory of a process that exits while it still
    /// gives it back, and for so long memory looks short. Not longer than until it is not, or `is_enough` holds.
    pub(super) fn let_memory_come_back(&mut self, within: Duration, is_enough: &dyn Fn(&Reading) -> bool) -> Reading {
        let until = monotonic().saturating_add(within);
        loop {
            let reading = self.gauge.read_whole(&mut self.host);
            let is_over = self.options.when.judge(&reading) != State::Short || is_enough(&reading);
            if is_over || monotonic() >= until {
                return reading;
            }
            let _ = signal::wait(None, Some(MEMORY_STEP));
        }
    }
}
