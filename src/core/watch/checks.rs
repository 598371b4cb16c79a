//! When to look at what changes slowly.

use core::time::Duration;

/// How often: some system calls of each process.
pub(super) const CHECK: Duration = Duration::from_secs(1);

/// Once a second, whatever the interval.
pub(super) struct Checks {
    next: Duration,
}

impl Checks {
    /// The first is due at `now`.
    pub(super) const fn new(now: Duration) -> Self {
        Self { next: now }
    }

    /// Whether one is due. Those that were missed are not made up for.
    pub(super) fn are_due(&mut self, now: Duration) -> bool {
        let are_due = now >= self.next;
        if are_due {
            self.next = now.saturating_add(CHECK);
        }
        are_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_slowly_is_looked_at_once_a_second_and_once_after_a_pause() {
        let mut checks = Checks::new(Duration::ZERO);
        let due = [0, 1, 999, 1000, 1999, 60_000, 60_999, 61_000];
        let due = due.map(|millis| checks.are_due(Duration::from_millis(millis)));
        assert_eq!(due, [true, false, false, true, false, true, false, true]);
    }
}
