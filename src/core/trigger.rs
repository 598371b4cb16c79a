//! When to report: decisions as pure functions of numbers.

pub mod also;

use core::time::Duration;

use crate::units::Bytes;

/// Crossings closer together than this wait: a target that sways around its threshold is to fill no disk.
const CROSSING_GAP: Duration = Duration::from_secs(1);

/// 1 to 99 percent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Threshold(u8);

impl Threshold {
    /// `None` outside of 1 to 99.
    #[must_use]
    pub fn new(percent: u64) -> Option<Self> {
        u8::try_from(percent).ok().filter(|percent| (1..=99).contains(percent)).map(Self)
    }

    /// The same from nothing to all; `None` above 100.
    #[must_use]
    pub fn of_all(percent: u64) -> Option<Self> {
        u8::try_from(percent).ok().filter(|percent| *percent <= 100).map(Self)
    }

    /// The percentage.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }

    fn hundredths(self) -> u64 {
        u64::from(self.0) * 100
    }

    /// The smallest RSS that reaches the threshold of `whole`: RSS / whole * 100 >= percent, without rounding.
    #[must_use]
    pub fn of(self, whole: Bytes) -> Bytes {
        let bytes = (u128::from(whole.0) * u128::from(self.0)).div_ceil(100);
        Bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

/// What the threshold is a percentage of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Base {
    /// MemTotal, as the document has it.
    #[default]
    Memtotal,
    /// The limit of the target's cgroup.
    Cgroup,
    /// Whichever of the two is smaller.
    Auto,
}

/// What a [`Base`] is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// MemTotal.
    Memtotal,
    /// The limit of the target's cgroup.
    Limit,
}

/// What a [`Base`] stands for now and how many bytes that is, `None` when it is not known.
#[must_use]
pub fn base(of: Base, memtotal: Option<Bytes>, cgroup: Option<Bytes>) -> Option<(Of, Bytes)> {
    let memtotal = memtotal.map(|memtotal| (Of::Memtotal, memtotal));
    let cgroup = cgroup.map(|cgroup| (Of::Limit, cgroup));
    match of {
        Base::Memtotal => memtotal,
        Base::Cgroup => cgroup,
        Base::Auto => memtotal.into_iter().chain(cgroup).min_by_key(|(_, whole)| *whole),
    }
}

/// Whether a reading is too close to the threshold to be trusted: within 1 % of it or within the reading's own error.
#[must_use]
pub fn is_close(rss: Bytes, threshold: Bytes, error: Bytes) -> bool {
    error.0 > 0 && rss.0.abs_diff(threshold.0) <= error.0.max(threshold.0 / 100)
}

/// Where a reading stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Under the threshold.
    Below,
    /// On it or over it; or there is no threshold.
    Above,
}

/// What to do about a reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing is due.
    Wait,
    /// Say that the target is below the threshold.
    Below,
    /// Take a snapshot.
    Snapshot,
}

/// Reports every interval, and at once when the threshold is crossed.
#[derive(Clone, Copy, Debug)]
pub struct Trigger {
    interval: Duration,
    due: Duration,
    last: Level,
    last_snapshot: Option<Duration>,
}

impl Trigger {
    /// The first report is due at `now`.
    #[must_use]
    pub const fn new(interval: Duration, now: Duration) -> Self {
        Self { interval, due: now, last: Level::Below, last_snapshot: None }
    }

    /// Decides on the reading taken at `now`, on the steady clock.
    pub fn decide(&mut self, now: Duration, level: Level) -> Action {
        let is_due = now >= self.due;
        let gap = CROSSING_GAP.min(self.interval);
        let has_rested = self.last_snapshot.is_none_or(|last| now >= last.saturating_add(gap));
        let crosses = level == Level::Above && self.last == Level::Below;
        let action = match level {
            Level::Above if is_due || (crosses && has_rested) => Action::Snapshot,
            Level::Below if is_due => Action::Below,
            _ => Action::Wait,
        };
        // A crossing that has to rest first stays a crossing.
        if !(crosses && action == Action::Wait) {
            self.last = level;
        }
        match action {
            Action::Wait => {}
            Action::Snapshot if !is_due => self.due = now.saturating_add(self.interval),
            Action::Below | Action::Snapshot => self.due = next_due(self.due, self.interval, now),
        }
        if action == Action::Snapshot {
            self.last_snapshot = Some(now);
        }
        action
    }
}

/// The next point of the grid behind `now`: reports do not drift, and those missed while the machine was stuck are not made up for.
fn next_due(due: Duration, interval: Duration, now: Duration) -> Duration {
    let next = due.saturating_add(interval);
    if next > now { next } else { now.saturating_add(interval) }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The times, in ms, at which `is_above` leads to each action when sampled every 50 ms.
    fn run(interval: u64, until: u64, is_above: impl Fn(u64) -> bool) -> (Vec<u64>, Vec<u64>) {
        let mut trigger = Trigger::new(ms(interval), ms(0));
        let (mut below, mut snapshots) = (Vec::new(), Vec::new());
        for now in (0..=until).step_by(50) {
            let level = if is_above(now) { Level::Above } else { Level::Below };
            match trigger.decide(ms(now), level) {
                Action::Wait => {}
                Action::Below => below.push(now),
                Action::Snapshot => snapshots.push(now),
            }
        }
        (below, snapshots)
    }

    #[test]
    fn a_crossing_is_reported_at_once_and_then_every_interval() {
        let (below, snapshots) = run(1000, 5000, |now| now >= 2350);
        assert_eq!(below, [0, 1000, 2000]);
        assert_eq!(snapshots, [2350, 3350, 4350]);
    }

    #[test]
    fn a_target_above_from_the_start_is_reported_at_the_start() {
        assert_eq!(run(1000, 2500, |_| true), (Vec::new(), Vec::from([0, 1000, 2000])));
    }

    #[test]
    fn swaying_around_the_threshold_gives_one_snapshot_a_second_at_most() {
        let (_, snapshots) = run(60_000, 10_000, |now| now / 50 % 2 == 1);
        assert!(snapshots.windows(2).all(|pair| pair[1] - pair[0] >= 1000), "{snapshots:?}");
        assert!(snapshots.len() >= 9, "{snapshots:?}");
    }

    #[test]
    fn reports_do_not_drift_and_missed_ones_are_not_made_up_for() {
        let mut trigger = Trigger::new(ms(1000), ms(0));
        assert_eq!(trigger.decide(ms(0), Level::Below), Action::Below);
        assert_eq!(trigger.decide(ms(1030), Level::Below), Action::Below);
        assert_eq!(trigger.decide(ms(2000), Level::Below), Action::Below);
        assert_eq!(trigger.decide(ms(9500), Level::Below), Action::Below);
        assert_eq!(trigger.decide(ms(9600), Level::Below), Action::Wait);
        assert_eq!(trigger.decide(ms(10_500), Level::Below), Action::Below);
    }

    #[test]
    fn the_threshold_is_reached_exactly_where_the_documents_formula_reaches_it() {
        for percent in 1..=99_u64 {
            for whole in [1, 99, 100, 101, 6_790_004 * 1024, u64::MAX] {
                let needed = Threshold::new(percent).expect("1 to 99").of(Bytes(whole)).0;
                let reaches = |rss: u64| u128::from(rss) * 100 >= u128::from(percent) * u128::from(whole);
                assert!(reaches(needed) && !reaches(needed - 1), "{percent} % of {whole}");
            }
        }
        assert_eq!(Threshold::new(0), None);
        assert_eq!(Threshold::new(100), None);
        assert_eq!(Threshold::new(357), None);
    }

    #[test]
    fn auto_is_the_smaller_of_what_is_known() {
        assert_eq!(base(Base::Auto, Some(Bytes(9)), Some(Bytes(5))), Some((Of::Limit, Bytes(5))));
        assert_eq!(base(Base::Auto, Some(Bytes(5)), Some(Bytes(9))), Some((Of::Memtotal, Bytes(5))));
        assert_eq!(base(Base::Auto, Some(Bytes(9)), None), Some((Of::Memtotal, Bytes(9))));
        assert_eq!(base(Base::Cgroup, Some(Bytes(9)), None), None);
    }

    #[test]
    fn only_a_reading_with_an_error_is_ever_too_close() {
        assert!(!is_close(Bytes(1000), Bytes(1000), Bytes(0)));
        assert!(is_close(Bytes(995), Bytes(1000), Bytes(1)));
        assert!(is_close(Bytes(900), Bytes(1000), Bytes(100)));
        assert!(!is_close(Bytes(899), Bytes(1000), Bytes(100)));
    }
}
