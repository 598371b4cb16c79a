//! How soon to look again: the nearer the end the sooner.

use core::time::Duration;

use crate::units::Bytes;

/// Between two readings of RSS as a rule: at 200 MiB/s a leaker grows by 10 MiB meanwhile, and 20 wake-ups a second of about 25 us
/// are 0.05 % of a CPU.
pub const USUAL: Duration = Duration::from_millis(50);

/// Close to the end.
pub const FASTEST: Duration = Duration::from_millis(5);

/// While nothing grows and nothing near could be reached meanwhile.
pub const SLOWEST: Duration = Duration::from_millis(200);

/// The fastest growth that is reckoned with, in bytes a millisecond: a process that touches huge pages on one CPU grew by 4 GiB a
/// second (6.18, 2-CPU virtual machine).
const FASTEST_GROWTH: u64 = (4 << 30) / 1000;

/// Between two samples of all: of cgroup, system and PSI 60 us together.
const SAMPLE_SLOWEST: Duration = Duration::from_secs(1);
const SAMPLE_FASTEST: Duration = Duration::from_millis(20);

/// What the pace depends on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Situation {
    /// Until memory runs out, if that is foretold.
    pub end: Option<Duration>,
    /// Until RSS reaches the threshold at the speed that it grows with.
    pub crossing: Option<Duration>,
    /// The least growth by which anything is reached: the threshold, a limit, the end of the system's memory.
    pub room: Option<Bytes>,
    /// Whether nothing grows.
    pub calm: Calm,
}

/// Whether there was any growth lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Calm {
    /// For seconds nothing grew.
    Calm,
    /// Something did, or it is not known yet.
    Restless,
}

/// Until the next reading of RSS.
#[must_use]
pub fn reading(now: Situation) -> Duration {
    let nearest = now.end.into_iter().chain(now.crossing).min();
    match (nearest, now.calm, now.room) {
        (Some(nearest), _, _) => (nearest / 64).clamp(FASTEST, USUAL),
        (None, Calm::Calm, Some(room)) => Duration::from_millis(room.0 / FASTEST_GROWTH).clamp(USUAL, SLOWEST),
        _ => USUAL,
    }
}

/// Between the last sample and the next. A watch that has just begun takes more of them, so that it soon has a curve.
#[must_use]
pub fn sample(end: Option<Duration>, watched: Duration) -> Duration {
    let nearest = end.map_or(SAMPLE_SLOWEST, |end| end / 16);
    nearest.min((watched / 8).max(USUAL)).clamp(SAMPLE_FASTEST, SAMPLE_SLOWEST)
}

/// Whether RSS has changed so much since the last sample that the next should not wait: by 1/64 of what there is left.
#[must_use]
pub fn is_news(rss: Bytes, sampled: Bytes, room: Option<Bytes>) -> bool {
    let enough = room.unwrap_or(sampled).0 / 64;
    rss.0.abs_diff(sampled.0) >= enough.max(256 << 10)
}

/// The least time between two samples, whatever the news.
#[must_use]
pub const fn rest() -> Duration {
    SAMPLE_FASTEST
}

/// How long `room` lasts at a growth of `per_second` bytes.
#[must_use]
pub fn lasts(room: Bytes, per_second: i64) -> Option<Duration> {
    let speed = u64::try_from(per_second).ok().filter(|speed| *speed > 0)?;
    Some(Duration::from_millis(room.0.saturating_mul(1000) / speed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Situation = Situation { end: None, crossing: None, room: Some(Bytes(8 << 30)), calm: Calm::Calm };

    const fn secs(secs: u64) -> Option<Duration> {
        Some(Duration::from_secs(secs))
    }

    #[test]
    fn a_calm_process_with_much_room_is_looked_at_five_times_a_second() {
        assert_eq!(reading(CALM), SLOWEST);
        let restless = Situation { calm: Calm::Restless, ..CALM };
        assert_eq!(reading(restless), USUAL);
        let unknown = Situation { room: None, ..CALM };
        assert_eq!(reading(unknown), USUAL);
    }

    #[test]
    fn the_fastest_growth_reaches_nothing_between_two_readings() {
        for mib in 0..4096 {
            let room = Bytes(mib << 20);
            let step = reading(Situation { room: Some(room), ..CALM });
            let grown = (4_u128 << 30) * step.as_millis() / 1000;
            assert!(step == USUAL || grown <= u128::from(room.0) + (5 << 20), "{mib} MiB: {step:?}");
        }
    }

    #[test]
    fn the_nearer_the_end_or_the_threshold_the_sooner() {
        let near = |end, crossing| reading(Situation { end, crossing, ..CALM });
        assert_eq!(near(secs(60), None), USUAL);
        assert_eq!(near(secs(1), secs(60)), Duration::from_millis(1000) / 64);
        assert_eq!(near(secs(60), secs(1)), Duration::from_millis(1000) / 64);
        assert_eq!(near(secs(0), None), FASTEST);
    }

    #[test]
    fn samples_are_rarer_than_readings_and_thicken_as_well() {
        let long = Duration::from_secs(3600);
        assert_eq!(sample(None, long), Duration::from_secs(1));
        assert_eq!(sample(secs(8), long), Duration::from_millis(500));
        assert_eq!(sample(secs(0), long), Duration::from_millis(20));
        assert_eq!(sample(None, Duration::ZERO), USUAL);
        assert_eq!(sample(None, Duration::from_secs(2)), Duration::from_millis(250));
    }

    #[test]
    fn a_jump_is_news_measured_by_the_room_there_is() {
        let (mib, gib) = (1 << 20, 1 << 30);
        assert!(is_news(Bytes(11 * mib), Bytes(10 * mib), Some(Bytes(64 * mib))));
        assert!(!is_news(Bytes(11 * mib), Bytes(10 * mib), Some(Bytes(8 * gib))));
        assert!(is_news(Bytes(10 * mib), Bytes(900 * mib), Some(Bytes(8 * gib))));
        assert!(!is_news(Bytes(4096), Bytes(0), Some(Bytes(0))), "a page is none");
    }

    #[test]
    fn what_does_not_grow_lasts() {
        assert_eq!(lasts(Bytes(100), 50), secs(2));
        assert_eq!(lasts(Bytes(100), 0), None);
        assert_eq!(lasts(Bytes(100), -5), None);
    }
}
