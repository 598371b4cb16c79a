//! Sizes of all processes at the same moments, and the line through those of one.

use core::time::Duration;

use super::{Growth, POINTS, Row, Slot};
use crate::history::trend::{BELIEVED, FLAT, Sums};
use crate::processes::Kind;
use crate::units::{PageSize, Pages};

/// A size that is not known.
const UNKNOWN: u32 = u32::MAX;

/// From the first point to the last.
const STEPS: u32 = 31;

/// The moments. At first they are an interval apart, so that a line is there soon; whenever there is room for no more every other
/// one is forgotten, until they cover the window, and from then on the oldest.
#[derive(Debug)]
pub(super) struct Times {
    /// In milliseconds, which begin anew after 49 days: only the distance of two means something.
    at: [u32; POINTS],
    len: usize,
    step: u32,
    /// Between two samples.
    interval: Duration,
    window: u32,
    page: PageSize,
}

/// What makes room for a point.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Make {
    Nothing,
    /// Every other one is kept.
    Thin,
    /// The first one goes.
    Slide,
}

impl Times {
    pub(super) fn new(window: Duration, interval: Duration) -> Self {
        Self {
            at: [0; POINTS],
            len: 0,
            step: millis(interval),
            interval,
            // Beyond 24 days it can't be told what is older than what.
            window: millis(window).min(u32::MAX / 2),
            page: PageSize(4096),
        }
    }

    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) fn window(&self) -> Duration {
        Duration::from_millis(self.window.into())
    }

    /// Remembers what everybody has, if it is time.
    pub(super) fn mark(&mut self, at: Duration, page: PageSize, rows: &mut [Row], first: Option<Slot>) {
        let now = millis(at);
        // An interval is never exact.
        let due = self.step - self.step / 4;
        let last = self.at.get(self.len.wrapping_sub(1));
        if last.is_some_and(|last| now.wrapping_sub(*last) < due) {
            return;
        }
        self.page = page;
        let make = match self.len {
            POINTS if self.step < self.window / STEPS => Make::Thin,
            POINTS => Make::Slide,
            _ => Make::Nothing,
        };
        if make == Make::Thin {
            self.step = self.step.saturating_mul(2);
        }
        let len = self.len;
        self.len = push(&mut self.at, len, make, now);
        let mut here = first;
        while let Some(row) = here.and_then(|at| rows.get_mut(at)) {
            here = row.next;
            if row.kind == Kind::User {
                let pages = row.held().0 / page.0.max(1);
                let pages = u32::try_from(pages).unwrap_or(UNKNOWN).min(UNKNOWN - 1);
                push(&mut row.points, len, make, if row.unread.is_some() { UNKNOWN } else { pages });
                row.slope = self.slope(row);
            }
        }
    }

    /// Bytes a second, if it grows by more than noise; else 0.
    fn slope(&self, row: &Row) -> u64 {
        let known = || row.points.iter().take(self.len).filter(|size| **size != UNKNOWN);
        // Nearly everybody stays as it is, and that is soon seen.
        let range = known().max().unwrap_or(&0) - known().min().unwrap_or(&0);
        if Pages(range.into()).bytes(self.page).0 < FLAT.into() {
            return 0;
        }
        let growth = self.growth(row);
        let grows = growth.filter(|growth| growth.r2 >= BELIEVED && growth.gained >= FLAT.into());
        grows.map_or(0, |growth| growth.per_second.cast_unsigned())
    }

    /// The line through its sizes in the window.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "15 digits are good enough, and a float that does not fit saturates"
    )]
    pub(super) fn growth(&self, row: &Row) -> Option<Growth> {
        let last = *self.at.get(self.len.checked_sub(1)?)?;
        let bytes = |size: u32| Pages(size.into()).bytes(self.page).0 as f64;
        let (mut sums, mut span, mut origin, mut held) = (Sums::default(), 0, None, 0.0);
        let points = self.at.iter().zip(&row.points).take(self.len);
        for (at, size) in points.filter(|(_, size)| **size != UNKNOWN) {
            let age = last.wrapping_sub(*at);
            // Half a step more, as moments are never exact.
            if age > self.window.saturating_add(self.step / 2) {
                continue;
            }
            // Both from a point on, so that the squares keep their digits.
            let origin = *origin.get_or_insert(bytes(*size));
            span = span.max(age);
            held = bytes(*size);
            sums.add(-f64::from(age) / 1000.0, held - origin);
        }
        let fit = sums.fit()?;
        let rise = fit.slope * f64::from(span) / 1000.0;
        // A line may begin far below what was there, and below nothing: a share of that is no share of anything that the process had, and
        // nobody has gained more than it has.
        let start = (origin? + fit.level - rise).max(origin?).max(bytes(1));
        let gained = rise.min(held);
        Some(Growth {
            per_second: fit.slope as i64,
            r2: fit.r2,
            span: Duration::from_millis(span.into()),
            gained: gained as i64,
            percent: (gained * 10_000.0 / start) as i64,
        })
    }
}

/// Puts `value` behind the first `len`; how many there are then.
fn push(points: &mut [u32; POINTS], len: usize, make: Make, value: u32) -> usize {
    let len = match make {
        Make::Nothing => len,
        Make::Thin => {
            for at in 0..POINTS / 2 {
                points[at] = points[at * 2];
            }
            POINTS / 2
        }
        Make::Slide => {
            points.copy_within(1.., 0);
            POINTS - 1
        }
    };
    if let Some(place) = points.get_mut(len) {
        *place = value;
    }
    len + 1
}

/// Of a moment of the steady clock, or of a time.
#[allow(clippy::cast_possible_truncation, reason = "moments begin anew, and times are below 49 days")]
fn millis(time: Duration) -> u32 {
    time.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use super::super::Row;
    use super::super::row::tests::row;
    use super::*;
    use crate::history::trend::R2;

    const PAGE: PageSize = PageSize(4096);

    /// Sizes in KiB, a second apart.
    fn marked(window: u64, sizes: impl Iterator<Item = u64>) -> (Times, [Row; 1]) {
        let mut times = Times::new(Duration::from_secs(window), Duration::from_secs(1));
        let mut rows = [row(7, 0)];
        for (second, kib) in sizes.enumerate() {
            rows[0].rss = crate::units::Bytes::from_kib(kib);
            // The clock has begun anew meanwhile.
            let at = Duration::from_millis(u64::from(u32::MAX) - 5000 + second as u64 * 1000);
            times.mark(at, PAGE, &mut rows, Some(0));
        }
        (times, rows)
    }

    #[test]
    fn a_line_is_found_soon_and_through_the_whole_window_later() {
        for (seconds, span) in [(3, None), (4, Some(3)), (32, Some(31)), (600, None)] {
            let (times, [row]) = marked(300, (0..seconds).map(|n| n * 512));
            let growth = times.growth(&row);
            if let Some(span) = span {
                assert_eq!(growth.expect("a line").span, Duration::from_secs(span));
            } else if seconds == 3 {
                assert_eq!((growth, row.slope), (None, 0));
                continue;
            }
            let growth = growth.expect("a line");
            assert!((growth.per_second - (512 << 10)).abs() < 9000, "{growth:?}");
            assert!(growth.r2 >= R2(999), "{growth:?}");
            // Once it slides, all but two steps of the window are covered, and no more than it.
            assert!(seconds < 600 || (276..=308).contains(&growth.span.as_secs()));
            assert_eq!(row.slope.cast_signed(), growth.per_second);
        }
    }

    #[test]
    fn growth_is_of_what_was_there_at_the_start_of_the_line() {
        let (times, [row]) = marked(60, (0..11).map(|n| 10_240 + n * 1024));
        let growth = times.growth(&row).expect("a line");
        assert_eq!((growth.gained, growth.percent), (10 << 20, 10_000));
    }

    #[test]
    fn growth_is_a_share_of_what_was_measured_and_no_more_than_there_is_however_low_the_line_begins() {
        // It had 8 MiB, and at the end it grew fast: the line through that begins below nothing.
        let (times, [row]) = marked(60, (0..6).map(|n| if n < 4 { 8 << 10 } else { ((n - 2) * 20) << 10 }));
        let growth = times.growth(&row).expect("a line");
        assert!(growth.percent <= growth.gained / (8 << 20) * 10_000 + 10_000, "{growth:?}");
        assert!(growth.gained <= 60 << 20, "{growth:?}");
        let (times, [row]) = marked(60, [4, 4, 4, 4, 4, 20 << 10].into_iter());
        let growth = times.growth(&row).expect("a line");
        assert!(growth.gained <= 20 << 20, "{growth:?}");
    }

    #[test]
    fn what_stays_sways_or_shrinks_does_not_grow() {
        let sizes: [fn(u64) -> u64; 4] =
            [|_| 9000, |t| 9000 + 200 * (t % 2), |t| 90_000 - 1000 * t, |t| 9000 + 5000 * (t % 2)];
        for (at, size) in sizes.iter().enumerate() {
            let (times, [row]) = marked(60, (0..20).map(size));
            assert_eq!(row.slope, 0, "{at}: {:?}", times.growth(&row));
        }
    }

    #[test]
    fn what_came_later_has_a_line_of_its_own() {
        let (mut times, [old]) = marked(300, (0..100).map(|_| 100));
        let mut rows = [old, row(8, 0)];
        rows[0].next = Some(1);
        for second in 100..140 {
            rows[1].rss = crate::units::Bytes(second << 20);
            let at = Duration::from_millis(u64::from(u32::MAX) - 5000 + second * 1000);
            times.mark(at, PAGE, &mut rows, Some(0));
        }
        let growth = times.growth(&rows[1]).expect("a line");
        assert_eq!((growth.per_second, growth.r2), (1 << 20, R2(1000)));
        assert!(growth.span <= Duration::from_secs(40), "{growth:?}");
    }

    #[test]
    fn sizes_that_do_not_fit_are_still_sizes() {
        let mut times = Times::new(Duration::MAX, Duration::MAX);
        let mut rows = [row(7, u64::MAX)];
        for second in 0..200 {
            times.mark(Duration::from_secs(second << 40), PageSize(0), &mut rows, Some(0));
        }
        let _ = times.growth(&rows[0]);
    }
}
