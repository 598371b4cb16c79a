//! When memory runs out, if all goes on as it does.

use core::time::Duration;

use super::trend::{BELIEVED, Direction, Pick, R2, Trend, trend};
use super::{Sample, Stamp, pace};
use crate::units::Bytes;

/// Nothing is foretold that is further off: until then the line has changed.
const HORIZON: Duration = Duration::from_secs(30 * 86_400);

/// What runs out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The limiting cgroup reaches its limit with memory that can't be dropped.
    Limit,
    /// MemAvailable and free swap reach 0.
    System,
}

impl End {
    /// For JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limit => "cgroup_limit",
            Self::System => "system_memory",
        }
    }
}

/// What runs out first, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forecast {
    /// What.
    pub end: End,
    /// From the last sample on.
    pub left: Duration,
}

/// Why there is no forecast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoForecast {
    /// Fewer than four samples.
    Early,
    /// Nothing grows.
    Flat,
    /// It grows, but on no line.
    Unsteady,
    /// It grows, and nothing runs out within 30 days.
    Far,
    /// It grows, and how much there is left is not known.
    Unknown,
    /// The process has exited.
    Gone,
}

impl NoForecast {
    /// In words, and for JSON.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Early => "too few samples yet",
            Self::Flat => "flat",
            Self::Unsteady => "no steady growth",
            Self::Far => "nothing within 30 days",
            Self::Unknown => "what is left is not known",
            Self::Gone => "it is gone",
        }
    }
}

/// What follows from the samples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Outlook {
    /// As of when.
    at: Stamp,
    /// How RSS and swap of the process grow.
    pub growth: Option<Trend>,
    /// What runs out first.
    pub forecast: Result<Forecast, NoForecast>,
    /// How much there is left of what has least left: of the limit, or of the system.
    pub room: Option<Bytes>,
}

impl Outlook {
    /// Of nothing yet.
    pub const NONE: Self = Self { at: Stamp(0), growth: None, forecast: Err(NoForecast::Early), room: None };

    /// From samples, the oldest first, and the limit of the limiting cgroup.
    #[must_use]
    pub fn of(samples: &[Sample], limit: Option<Bytes>) -> Self {
        let growth = trend(samples, Sample::footprint, Direction::Rising);
        let last = samples.last();
        let charged = last.and_then(Sample::charged);
        let of_limit = limit.zip(charged).map(|(limit, charged)| Bytes(limit.0.saturating_sub(charged.0)));
        let of_system = last.and_then(Sample::left);
        let ends = [
            (End::Limit, of_limit, Sample::charged as Pick, Direction::Rising),
            (End::System, of_system, Sample::left, Direction::Falling),
        ];
        let seen = ends
            .map(|(end, room, pick, towards)| until(samples, room?, pick, towards).map(|left| Forecast { end, left }));
        // Where neither has a line of its own, the process's growth has: what it would take alone.
        let least = [(End::Limit, of_limit), (End::System, of_system)];
        let least = least.into_iter().filter_map(|(end, room)| Some((room?, end)));
        let forecast = soonest(seen[0], seen[1]).map_or_else(|| alone(growth, least.min_by_key(|(room, _)| *room)), Ok);
        Self {
            at: last.map_or(Stamp::of(Duration::ZERO), |last| last.at),
            growth,
            forecast,
            room: of_limit.into_iter().chain(of_system).min(),
        }
    }

    /// What is left at a later moment.
    #[must_use]
    pub fn left(&self, now: Duration) -> Option<Duration> {
        let age = Duration::from_millis(self.at.until(Stamp::of(now)).into());
        let forecast = self.forecast.ok()?;
        Some(forecast.left.saturating_sub(age))
    }

    /// Whether the process itself neither grows nor shrinks, as far as is known.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.forecast == Err(NoForecast::Flat) && self.growth.is_some_and(|growth| growth.direction == Direction::Flat)
    }
}

/// A line is not believed further than so many times its own length: what everybody else on a machine does in four seconds says
/// nothing of the next hour.
const REACH: u32 = 64;

/// When what is picked has used up `room`.
fn until(samples: &[Sample], room: Bytes, pick: Pick, towards: Direction) -> Option<Duration> {
    let line = trend(samples, pick, towards)?;
    if line.direction != towards || line.r2 < BELIEVED {
        return None;
    }
    lasts(room, line.per_second).filter(|left| *left <= line.span.saturating_mul(REACH))
}

/// When the process alone has used up the least that is left.
fn alone(growth: Option<Trend>, least: Option<(Bytes, End)>) -> Result<Forecast, NoForecast> {
    let line = growth.ok_or(NoForecast::Early)?;
    if line.direction != Direction::Rising || line.r2 < STEADY {
        return Err(why(line));
    }
    let (room, end) = least.ok_or(NoForecast::Unknown)?;
    let left = lasts(room, line.per_second).ok_or(NoForecast::Far)?;
    Ok(Forecast { end, left })
}

/// A process whose growth is on a line as good as this goes on so, as a rule.
const STEADY: R2 = R2(900);

/// How long `room` lasts at a growth, or a loss, of `per_second` bytes, as far as anything is foretold.
fn lasts(room: Bytes, per_second: i64) -> Option<Duration> {
    let speed = per_second.checked_abs()?;
    pace::lasts(room, speed).filter(|left| *left <= HORIZON)
}

fn soonest(one: Option<Forecast>, other: Option<Forecast>) -> Option<Forecast> {
    match (one, other) {
        (Some(one), Some(other)) if other.left < one.left => Some(other),
        (one, other) => one.or(other),
    }
}

fn why(growth: Trend) -> NoForecast {
    match growth.direction {
        Direction::Rising => NoForecast::Unsteady,
        Direction::Falling if growth.r2 < BELIEVED => NoForecast::Unsteady,
        Direction::Falling | Direction::Flat => NoForecast::Flat,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::tests::{MIB, sample};
    use super::super::{SAMPLES, Size};
    use super::*;
    use std::vec::Vec;

    fn size(mib: f64) -> Size {
        Size::of(Some(super::super::tests::mib(mib)))
    }

    /// Ten seconds: the process and its cgroup grow by `grows`, the system loses `loses`, in MiB a second.
    fn seconds(grows: f64, loses: f64) -> Vec<Sample> {
        let at = |n: u64| {
            let t = n as f64 / 4.0;
            Sample {
                rss: size(100.0 + grows * t),
                usage: size(190.0 + grows * t),
                charged: size(130.0 + grows * t),
                available: size(4000.0 - loses * t),
                swap_free: size(100.0),
                ..sample(n * 250, 0)
            }
        };
        (0..=40).map(at).collect()
    }

    fn seen(samples: &[Sample], limit: Option<u64>) -> Result<(End, u64), NoForecast> {
        let outlook = Outlook::of(samples, limit.map(|mib| Bytes(mib * MIB)));
        outlook.forecast.map(|seen| (seen.end, seen.left.as_secs()))
    }

    #[test]
    fn the_limit_is_reached_by_what_can_not_be_dropped() {
        // 190 + 100 - 60 of 330: 100 MiB are left at 10 MiB/s.
        assert_eq!(seen(&seconds(10.0, 0.0), Some(330)), Ok((End::Limit, 10)));
        let outlook = Outlook::of(&seconds(10.0, 0.0), Some(Bytes(330 * MIB)));
        assert_eq!(outlook.room, Some(Bytes(100 * MIB)));
        assert!(!outlook.is_flat());
        let later = Duration::from_millis(13_000);
        assert_eq!(outlook.left(later).map(|left| left.as_secs()), Some(7));
        assert_eq!(outlook.left(Duration::from_secs(100)), Some(Duration::ZERO));
    }

    #[test]
    fn free_swap_is_room_and_what_comes_first_is_told() {
        // 4000 - 200 + 100 left at 20 MiB/s.
        assert_eq!(seen(&seconds(0.0, 20.0), Some(330)), Ok((End::System, 195)));
        assert_eq!(seen(&seconds(1.0, 20.0), Some(330)), Ok((End::Limit, 190)));
        assert_eq!(seen(&seconds(10.0, 390.0), Some(330)), Ok((End::System, 0)));
        assert_eq!(seen(&seconds(20.0, 20.0), None), Ok((End::System, 195)));
    }

    #[test]
    fn without_growth_there_is_no_forecast_and_it_says_why() {
        assert_eq!(seen(&seconds(0.0, 0.0), Some(330)), Err(NoForecast::Flat));
        assert!(Outlook::of(&seconds(0.0, 0.0), Some(Bytes(330 * MIB))).is_flat());
        assert_eq!(seen(&[], None), Err(NoForecast::Early));
        assert_eq!(seen(&seconds(9.0, 0.0)[..3], Some(330)), Err(NoForecast::Early));
        assert_eq!(seen(&seconds(-1.0, -1.0), Some(330)), Err(NoForecast::Flat));
        let line =
            Trend { per_second: 1 << 20, r2: R2(1000), span: Duration::from_secs(10), direction: Direction::Rising };
        let room = |mib: u64| Some((Bytes(mib * MIB), End::Limit));
        assert_eq!(alone(Some(line), room(9_000_000)), Err(NoForecast::Far));
        assert_eq!(alone(Some(line), None), Err(NoForecast::Unknown));
        let unsteady = Trend { r2: R2(700), ..line };
        assert_eq!(alone(Some(unsteady), room(1)), Err(NoForecast::Unsteady));
    }

    #[test]
    fn a_steady_leak_is_foretold_by_itself_and_others_only_as_far_as_they_were_seen() {
        // Nothing but the process grows: 4100 MiB at 1 MiB/s.
        let leak = seen(&seconds(1.0, 0.0), Some(9_000_000));
        assert_eq!(leak, Ok((End::System, 4100)));
        // Ten seconds of somebody else's 1 MiB/s say nothing of an hour.
        assert_eq!(seen(&seconds(0.0, 1.0), None), Err(NoForecast::Flat));
    }

    #[test]
    fn what_jumps_up_and_down_is_not_foretold() {
        let mut state = 1_u64;
        let mut noise = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mib = 100.0 + (state >> 40) as f64 / 200_000.0;
            Sample { rss: size(mib), usage: size(mib), charged: size(mib), ..sample(n * 100, 0) }
        };
        let samples: Vec<_> = (0..SAMPLES as u64).map(&mut noise).collect();
        assert!(seen(&samples, Some(330)).is_err(), "{:?}", seen(&samples, Some(330)));
    }
}
