//! How fast something grows: a straight line through the samples, by least squares.

use core::time::Duration;

use super::Sample;
use crate::units::Bytes;

/// Fewer points say nothing of a trend.
const POINTS_MIN: u32 = 4;

/// A line is looked for through the last 10 s; through less of them when something has begun since, at least 0.3 s.
const WINDOW_MS: u32 = 10_000;
const HALVINGS: u32 = 5;

/// Through more, when nothing grew in the last 10 s: a minute, ten, an hour, ten hours.
const LONGER_MS: [u32; 4] = [60_000, 600_000, 3_600_000, 36_000_000];

/// From here on a line through the last seconds is believed (R2 is the part of the variance that it explains).
pub const BELIEVED: R2 = R2(500);

/// From here on one through minutes is: a process that has grown once and stays does not grow.
const BELIEVED_LONG: R2 = R2(900);

/// So good a line needs no comparing with shorter ones.
const GOOD: R2 = R2(990);

/// What a shorter line must explain more.
const BETTER: u16 = 10;

/// Less than this over the whole window is no growth: a page here and there, whatever line goes through it.
pub const FLAT: u32 = 256 << 10;

/// The coefficient of determination in thousandths: 0 to 1000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct R2(pub u16);

/// A line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trend {
    /// Bytes a second; negative when it shrinks.
    pub per_second: i64,
    /// How good the line is.
    pub r2: R2,
    /// From the first of its samples to the last.
    pub span: Duration,
    /// Whether it rises by more than a few pages.
    pub direction: Direction,
}

/// Where a line leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Upwards.
    Rising,
    /// Neither, by more than 256 KiB over the whole of it.
    Flat,
    /// Downwards.
    Falling,
}

/// What a line is drawn through.
pub type Pick = fn(&Sample) -> Option<Bytes>;

/// The line through what was picked of the last seconds; of the last minutes or hours when it grew there alone. `None`: fewer than
/// four samples know it. `towards` is where the danger is.
#[must_use]
pub fn trend(samples: &[Sample], pick: Pick, towards: Direction) -> Option<Trend> {
    let short = through_seconds(samples, pick)?;
    if short.direction == towards && short.r2 >= BELIEVED {
        return Some(short);
    }
    let longer = LONGER_MS.into_iter().filter_map(|window| line(samples, window, pick));
    let mut steady = longer.filter(|long| {
        // Not the same samples once more.
        long.direction == towards && long.r2 >= BELIEVED_LONG && long.span > short.span * 2
    });
    Some(steady.next().unwrap_or(short))
}

/// The longest good line; or else the best, where a shorter one must be better by far.
fn through_seconds(samples: &[Sample], pick: Pick) -> Option<Trend> {
    let mut best: Option<Trend> = None;
    for halving in 0..=HALVINGS {
        let Some(line) = line(samples, WINDOW_MS >> halving, pick) else {
            break;
        };
        if best.is_none_or(|best| line.r2.0 >= best.r2.0.saturating_add(BETTER)) {
            best = Some(line);
        }
        if best.is_some_and(|best| best.r2 >= GOOD) {
            break;
        }
    }
    best
}

/// The line through the samples of the last `window` milliseconds.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a slope of 15 digits is good enough, and a float that does not fit saturates"
)]
fn line(samples: &[Sample], window: u32, pick: Pick) -> Option<Trend> {
    let (last, origin) = (samples.last()?.at, pick(samples.last()?)?.0 as f64);
    let (mut sums, mut span) = (Sums::default(), 0);
    for sample in samples.iter().rev() {
        let age = sample.at.until(last);
        if age > window {
            break;
        }
        let Some(value) = pick(sample) else { continue };
        span = age;
        // Both from the last sample on, so that the squares keep their digits.
        sums.add(-f64::from(age) / 1000.0, value.0 as f64 - origin);
    }
    let fit = sums.fit()?;
    let rise = fit.slope * f64::from(span) / 1000.0;
    Some(Trend {
        per_second: fit.slope as i64,
        r2: fit.r2,
        span: Duration::from_millis(span.into()),
        direction: match rise {
            _ if rise >= FLAT.into() => Direction::Rising,
            _ if -rise >= FLAT.into() => Direction::Falling,
            _ => Direction::Flat,
        },
    })
}

/// The sums that a line by least squares follows from.
#[derive(Clone, Copy, Default, Debug)]
pub struct Sums {
    count: u32,
    t: f64,
    y: f64,
    tt: f64,
    ty: f64,
    yy: f64,
}

/// A line by least squares.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fit {
    /// How much it rises in a second.
    pub slope: f64,
    /// Where it is at second 0.
    pub level: f64,
    /// How good it is.
    pub r2: R2,
}

impl Sums {
    /// Adds a point. Both numbers should be small: from the last point on, the squares keep their digits.
    pub fn add(&mut self, seconds: f64, value: f64) {
        let (t, y) = (seconds, value);
        self.count += 1;
        (self.t, self.y) = (self.t + t, self.y + y);
        (self.tt, self.ty) = (self.tt + t * t, self.ty + t * y);
        self.yy += y * y;
    }

    /// The line; `None` when there are fewer than four points, or all at one moment.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "R2 is from 0 to 1")]
    pub fn fit(&self) -> Option<Fit> {
        let n = f64::from(self.count);
        let (t_sum, y_sum) = (self.t, self.y);
        let (tt, ty, yy) = (self.tt - t_sum * t_sum / n, self.ty - t_sum * y_sum / n, self.yy - y_sum * y_sum / n);
        if self.count < POINTS_MIN || tt <= 0.0 {
            return None;
        }
        let slope = ty / tt;
        let r2 = if yy > 0.0 { ty * ty / (tt * yy) } else { 0.0 };
        Some(Fit { slope, level: (y_sum - slope * t_sum) / n, r2: R2((r2 * 1000.0 + 0.5) as u16) })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::tests::{MIB, mib, sample};
    use super::*;
    use std::vec::Vec;

    fn rising(samples: &[Sample]) -> Option<Trend> {
        trend(samples, Sample::footprint, Direction::Rising)
    }

    /// Samples of what `rss` says at each moment, in MiB of seconds.
    fn series(until_ms: u64, step: usize, rss: impl Fn(f64) -> f64) -> Vec<Sample> {
        let times = (0..=until_ms).step_by(step);
        times.map(|ms| sample(ms, mib(rss(ms as f64 / 1000.0)).0)).collect()
    }

    fn mib_per_second(trend: Trend) -> f64 {
        trend.per_second as f64 / MIB as f64
    }

    #[test]
    fn a_line_is_found_exactly() {
        let found = rising(&series(8000, 250, |t| 100.0 + 5.0 * t)).expect("a trend");
        assert!((mib_per_second(found) - 5.0).abs() < 0.01, "{found:?}");
        assert_eq!((found.r2, found.direction), (R2(1000), Direction::Rising));
        assert_eq!(found.span, Duration::from_secs(8));
    }

    #[test]
    fn three_samples_say_nothing_and_missing_ones_are_no_zeros() {
        assert_eq!(rising(&series(500, 250, |t| t)), None);
        let mut some = series(2000, 250, |t| 10.0 + t);
        for sample in some.iter_mut().skip(1).step_by(2) {
            sample.rss = super::super::Size::UNKNOWN;
        }
        let found = rising(&some).expect("five are left");
        assert!((mib_per_second(found) - 1.0).abs() < 0.01, "{found:?}");
        some.last_mut().expect("one").rss = super::super::Size::UNKNOWN;
        assert_eq!(rising(&some), None, "nothing is known of now");
    }

    #[test]
    fn a_leak_that_has_just_begun_is_not_averaged_with_the_quiet_before() {
        let begun = series(20_000, 250, |t| 50.0 + 20.0 * (t - 18.0).max(0.0));
        let found = rising(&begun).expect("a trend");
        assert!((mib_per_second(found) - 20.0).abs() < 3.0, "{found:?}");
        assert!(found.span < Duration::from_secs(3), "{found:?}");
    }

    #[test]
    fn a_leak_that_ten_seconds_do_not_show_is_found_in_minutes() {
        // 1 MiB a minute, by pages.
        let slow = series(1_200_000, 2000, |t| 50.0 + t / 60.0);
        let found = rising(&slow).expect("a trend");
        assert_eq!(found.direction, Direction::Rising);
        assert!((mib_per_second(found) * 60.0 - 1.0).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn what_stays_what_sways_and_what_has_grown_once_does_not_grow() {
        let stays = rising(&series(60_000, 250, |_| 50.0)).expect("a trend");
        assert_eq!((stays.direction, stays.per_second), (Direction::Flat, 0));
        let pages = series(60_000, 250, |t| 50.0 + 0.02 * (t % 0.5));
        assert_eq!(rising(&pages).expect("one").direction, Direction::Flat);
        let once = series(600_000, 1000, |t| 50.0 + t.min(30.0));
        assert_eq!(rising(&once).expect("one").direction, Direction::Flat);
        let falls = rising(&series(5000, 250, |t| 50.0 - t)).expect("a trend");
        assert_eq!(falls.direction, Direction::Falling);
        assert!(falls.per_second < 0);
    }
}
