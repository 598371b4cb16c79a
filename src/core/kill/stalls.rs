//! How much processes stalled in the last 10 s, since the last victim's end: what `--psi` is compared with.
//!
//! The kernel's avg10 decays with a time constant of 10 s: for 20 s and more after a stall has ended it is above most bounds, and with the
//! usual cooldown of 5 s a second and a third process were ended for a stall that the end of the first had ended. So the stall is counted by
//! `total=`, and what was before the last victim's end is over. avg10 stands in only for the first 10 s of a run, which has seen nothing yet.

use core::time::Duration;

use crate::parse::pressure::Stall;
use crate::units::Percent;

/// What the bound is a share of.
const WINDOW: Duration = Duration::from_secs(10);
/// How far points are apart, at least.
const STEP: Duration = Duration::from_secs(1);
/// So many lie within the window, with one before it.
const POINTS: usize = 12;

/// `total=` at a time on the steady clock.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    at: Duration,
    us: u64,
}

/// The last points, the oldest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stalls {
    points: [Point; POINTS],
    count: usize,
    /// A victim has ended, and nothing before the first point counts.
    is_relieved: bool,
}

impl Stalls {
    /// Adds what was read now, and gives the share of the last 10 s.
    pub(super) fn share(&mut self, now: Duration, stall: Stall) -> Percent {
        let is_older = |point: &Point| point.us > stall.total;
        if self.points().last().is_some_and(is_older) {
            // Another cgroup of that path, whose count began anew.
            self.count = 0;
        }
        if self.points().last().is_none_or(|last| now.saturating_sub(last.at) >= STEP) {
            self.add(Point { at: now, us: stall.total });
        }
        let age = |point: &Point| now.saturating_sub(point.at);
        let before = self.points().iter().rev().find(|point| age(point) >= WINDOW);
        let first = self.points().first().filter(|_| self.is_relieved);
        match before.or(first) {
            Some(point) => {
                let stalled = u128::from(stall.total.saturating_sub(point.us));
                let hundredths = stalled * 10_000 / age(point).max(WINDOW).as_micros();
                Percent { hundredths: u64::try_from(hundredths).unwrap_or(u64::MAX).min(10_000) }
            }
            None => Percent { hundredths: stall.avg10() },
        }
    }

    /// A victim has ended: what comes next is the first of what counts.
    pub(super) fn relieve(&mut self) {
        (self.count, self.is_relieved) = (0, true);
    }

    fn points(&self) -> &[Point] {
        self.points.get(..self.count).unwrap_or_default()
    }

    fn add(&mut self, point: Point) {
        if self.count == POINTS {
            self.points.rotate_left(1);
            self.count -= 1;
        }
        if let Some(place) = self.points.get_mut(self.count) {
            *place = point;
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read at that time, if so many milliseconds were stalled by then.
    fn at(stalls: &mut Stalls, seconds: f64, stalled_ms: u64, avg10: u64) -> u64 {
        let stall = Stall { average: [avg10, 0, 0], total: stalled_ms * 1000 };
        stalls.share(Duration::from_secs_f64(1000.0 + seconds), stall).hundredths
    }

    #[test]
    fn a_stall_counts_for_10_s_and_before_them_the_kernels_average_does() {
        let mut stalls = Stalls::default();
        assert_eq!(at(&mut stalls, 0.0, 500, 4321), 4321);
        (1..10).for_each(|second| _ = at(&mut stalls, f64::from(second), 500, 4321));
        assert_eq!(at(&mut stalls, 10.0, 1500, 4321), 1000);
        (11..30).for_each(|second| _ = at(&mut stalls, f64::from(second), 1500, 4321));
        assert_eq!(at(&mut stalls, 30.0, 1500, 4321), 0);
    }

    #[test]
    fn what_was_before_a_victims_end_does_not_end_another() {
        let mut stalls = Stalls::default();
        at(&mut stalls, 0.0, 5000, 9000);
        stalls.relieve();
        assert_eq!(at(&mut stalls, 0.1, 5000, 9000), 0);
        assert_eq!(at(&mut stalls, 5.0, 5016, 6000), 16);
        // One that goes on does.
        assert_eq!(at(&mut stalls, 6.0, 6016, 6000), 1016);
        // And of a count that begins anew nothing is known.
        assert_eq!(at(&mut stalls, 7.0, 3, 6000), 0);
    }

    #[test]
    fn looks_that_come_often_keep_10_s() {
        let mut stalls = Stalls::default();
        (0..4000u32).for_each(|step| _ = at(&mut stalls, f64::from(step) / 20.0, step.into(), 0));
        assert_eq!(stalls.count, POINTS);
        assert!((190..=200).contains(&at(&mut stalls, 200.0, 4000, 0)));
    }
}
