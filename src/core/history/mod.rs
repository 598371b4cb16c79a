//! What was seen of a process's memory, from weeks ago to now, and what follows from it: arithmetic alone.
//!
//! [`History`] is a fixed number of samples whose density falls off with their age: the last seconds are fine, and the first sample
//! is still there after days. From it come the [`trend`], the [`forecast`], the pace of sampling ([`pace`]) and the [`curve`].

pub mod curve;
pub mod forecast;
pub mod grown;
pub mod pace;
pub mod trend;

use core::num::{NonZeroU16, NonZeroU32};
use core::time::Duration;

use crate::units::Bytes;
use forecast::Outlook;
use grown::First;

/// 96 samples of 36 bytes are 3.4 KiB of locked memory. They cover a second with 20 of them, 10 s with 40 and a week with 96.
pub const SAMPLES: usize = 96;

/// Older samples are forgotten: half of what a [`Stamp`] can tell apart, 24 days.
const AGE_MAX: u32 = u32::MAX / 2;

/// A size in units of 4 KiB, and one more: none is not known. Half of the room that an `Option<Bytes>` takes, and a history without
/// samples is all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size(Option<NonZeroU32>);

impl Size {
    /// Not known, which is not 0.
    pub const UNKNOWN: Self = Self(None);

    /// Rounded down. 16 TiB and more can't be told and are not known either.
    #[must_use]
    pub fn of(size: Option<Bytes>) -> Self {
        let units = size.and_then(|size| u32::try_from(size.0 / 4096).ok());
        Self(units.and_then(|units| NonZeroU32::MIN.checked_add(units)))
    }

    /// The size, if it is known.
    #[must_use]
    pub fn get(self) -> Option<Bytes> {
        let units = u64::from(self.0?.get()) - 1;
        Some(Bytes(units * 4096))
    }
}

/// Hundredths of a percent of time (PSI), 0 to 10000, and one more: none is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share(Option<NonZeroU16>);

impl Share {
    /// Not known, which is not 0.
    pub const UNKNOWN: Self = Self(None);

    /// What does not fit is not known.
    #[must_use]
    pub fn of(hundredths: Option<u64>) -> Self {
        let fits = hundredths.and_then(|hundredths| u16::try_from(hundredths).ok());
        Self(fits.and_then(|hundredths| NonZeroU16::MIN.checked_add(hundredths)))
    }

    /// Hundredths of a percent, if known.
    #[must_use]
    pub fn get(self) -> Option<u16> {
        Some(self.0?.get() - 1)
    }
}

/// A moment on the steady clock in milliseconds, which begin anew after 49 days: only the distance of two means something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp(u32);

impl Stamp {
    /// The moment `now` of the steady clock.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "it wraps, as its documentation says")]
    pub const fn of(now: Duration) -> Self {
        Self((now.as_secs() as u32).wrapping_mul(1000).wrapping_add(now.subsec_millis()))
    }

    /// Milliseconds from this moment to a later one.
    #[must_use]
    pub const fn until(self, later: Self) -> u32 {
        later.0.wrapping_sub(self.0)
    }
}

/// All that was known at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// When.
    pub at: Stamp,
    /// RSS.
    pub rss: Size,
    /// RSS less file and shared memory.
    pub anon: Size,
    /// VmSwap.
    pub swap: Size,
    /// MemAvailable.
    pub available: Size,
    /// SwapFree.
    pub swap_free: Size,
    /// What is charged to the limiting cgroup.
    pub usage: Size,
    /// What of that can't be dropped: without page cache, and with what is in swap.
    pub charged: Size,
    /// PSI of memory, `some avg10`.
    pub some: Share,
    /// PSI of memory, `full avg10`.
    pub full: Share,
}

impl Sample {
    /// Nothing known but the time.
    #[must_use]
    pub const fn unknown(at: Stamp) -> Self {
        Self {
            at,
            rss: Size::UNKNOWN,
            anon: Size::UNKNOWN,
            swap: Size::UNKNOWN,
            available: Size::UNKNOWN,
            swap_free: Size::UNKNOWN,
            usage: Size::UNKNOWN,
            charged: Size::UNKNOWN,
            some: Share::UNKNOWN,
            full: Share::UNKNOWN,
        }
    }

    /// RSS and what of the process is in swap: what it takes of the machine.
    #[must_use]
    pub fn footprint(&self) -> Option<Bytes> {
        let swap = self.swap.get().unwrap_or_default();
        Some(self.rss.get()?.plus(swap))
    }

    /// What the cgroup has that can't be dropped.
    #[must_use]
    pub fn charged(&self) -> Option<Bytes> {
        self.charged.get()
    }

    /// What the system has left: MemAvailable, and the swap that is free.
    #[must_use]
    pub fn left(&self) -> Option<Bytes> {
        let swap = self.swap_free.get().unwrap_or_default();
        Some(self.available.get()?.plus(swap))
    }
}

/// The samples, the oldest first.
#[derive(Debug)]
pub struct History {
    samples: [Sample; SAMPLES],
    len: usize,
    outlook: Outlook,
    /// What the first snapshot saw.
    pub first: First,
}

impl History {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { samples: [Sample::unknown(Stamp(0)); SAMPLES], len: 0, outlook: Outlook::NONE, first: First::none() }
    }

    /// Takes in a process that grows, to go through all that follows from that once before it matters.
    pub fn rehearse(&mut self) {
        for n in 0..100 {
            let size = |units: u32| Size::of(Some(Bytes(u64::from(units) * 4096)));
            let sample = Sample {
                at: Stamp(n * 250),
                rss: size(n * 1000),
                anon: size(0),
                swap: size(0),
                available: size(1_000_000 - n * 1000),
                swap_free: size(0),
                usage: size(n * 1000),
                charged: size(n * 1000),
                some: Share::of(Some(0)),
                full: Share::of(Some(0)),
            };
            self.push(sample, Some(Bytes(1 << 40)));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.len, self.outlook) = (0, Outlook::NONE);
        self.first = First::none();
    }

    /// Adds what is known now; `limit` is that of the limiting cgroup, with the swap that it may have. When there is no room, the sample is forgotten that is missed least.
    pub fn push(&mut self, sample: Sample, limit: Option<Bytes>) {
        while self.oldest_age(sample.at) > AGE_MAX {
            self.forget(0);
        }
        if self.len == SAMPLES {
            self.forget(dispensable(&self.samples, sample.at));
        }
        if let Some(slot) = self.samples.get_mut(self.len) {
            *slot = sample;
            self.len += 1;
        }
        self.outlook = Outlook::of(self.samples(), limit);
    }

    fn oldest_age(&self, now: Stamp) -> u32 {
        self.samples().first().map_or(0, |first| first.at.until(now))
    }

    fn forget(&mut self, at: usize) {
        if at < self.len {
            self.samples.copy_within(at + 1..self.len, at);
            self.len -= 1;
        }
    }

    /// All of them, the oldest first.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        self.samples.get(..self.len).unwrap_or_default()
    }

    /// What follows from them.
    #[must_use]
    pub const fn outlook(&self) -> Outlook {
        self.outlook
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

/// The sample whose neighbours are closest together, measured by its age: so the distances grow as the age does. Never the oldest.
fn dispensable(samples: &[Sample], now: Stamp) -> usize {
    let mut least = (u64::MAX, 1);
    let mut best = 1;
    for (at, window) in samples.windows(3).enumerate() {
        let [before, this, after] = window else {
            continue;
        };
        let (gap, age) = (before.at.until(after.at), this.at.until(now));
        // gap / age < least.0 / least.1
        if u64::from(gap).saturating_mul(least.1) < least.0.saturating_mul(u64::from(age)) {
            (least, best) = ((gap.into(), u64::from(age).max(1)), at + 1);
        }
    }
    best
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    pub(crate) const MIB: u64 = 1 << 20;

    /// So many MiB.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn mib(mib: f64) -> Bytes {
        Bytes((mib * MIB as f64) as u64)
    }

    /// A sample at so many milliseconds whose RSS is `rss`.
    pub(crate) fn sample(millis: u64, rss: u64) -> Sample {
        let at = Stamp::of(Duration::from_millis(millis));
        Sample { rss: Size::of(Some(Bytes(rss))), ..Sample::unknown(at) }
    }

    /// The ages that are left after `count` samples, one each `step` milliseconds, the youngest first.
    fn ages(count: u64, step: u64) -> Vec<u32> {
        let mut history = History::new();
        for n in 0..count {
            history.push(sample(n * step, 0), None);
        }
        let now = Stamp::of(Duration::from_millis((count - 1) * step));
        let ages = history.samples().iter().rev();
        ages.map(|sample| sample.at.until(now)).collect()
    }

    #[test]
    fn a_sample_is_small_and_a_history_less_than_a_page() {
        assert_eq!(size_of::<Sample>(), 36);
        assert!(size_of::<History>() <= 4096 + 256, "{}", size_of::<History>());
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        assert_eq!(Size::of(None).get(), None);
        assert_eq!(Size::of(Some(Bytes(0))).get(), Some(Bytes(0)));
        assert_eq!(Size::of(Some(Bytes(1 << 44))).get(), None, "16 TiB");
        assert_eq!(Size::of(Some(Bytes(4097))).get(), Some(Bytes(4096)));
        assert_eq!(Share::of(None).get(), None);
        assert_eq!(Share::of(Some(10_000)).get(), Some(10_000));
        assert_eq!(Share::of(Some(70_000)).get(), None);
        let none = sample(0, 0);
        assert_eq!((none.left(), none.charged()), (None, None));
        assert_eq!(none.footprint(), Some(Bytes(0)));
    }

    #[test]
    fn the_last_seconds_stay_fine_and_a_day_is_covered() {
        let day = 24 * 3600 * 20;
        let ages = ages(day, 50);
        assert_eq!(ages.len(), SAMPLES);
        assert_eq!(ages[0], 0);
        assert_eq!(ages[SAMPLES - 1], (u32::try_from(day).expect("fits") - 1) * 50, "the first");
        let within = |age| ages.iter().filter(|other| **other <= age).count();
        assert!(within(1000) >= 12, "{ages:?}");
        assert!(within(10_000) >= 24, "{ages:?}");
        assert!(within(60_000) >= 36, "{ages:?}");
        // No hole is larger than the age at which it begins.
        for pair in ages.windows(2) {
            assert!(pair[1] <= 2 * pair[0] + 400, "{pair:?} in {ages:?}");
        }
    }

    #[test]
    fn few_samples_are_all_there() {
        assert_eq!(ages(SAMPLES as u64, 1000).len(), SAMPLES);
        assert_eq!(ages(5, 1000), [0, 1000, 2000, 3000, 4000]);
    }

    #[test]
    fn the_clock_may_begin_anew() {
        let wrap = u64::from(u32::MAX);
        let mut history = History::new();
        for n in 0..200 {
            history.push(sample(wrap - 5000 + n * 50, 0), None);
        }
        let now = history.samples().last().expect("one").at;
        let ages: Vec<_> = history.samples().iter().map(|sample| sample.at.until(now)).collect();
        assert!(ages.is_sorted_by(|old, young| old > young), "{ages:?}");
        assert_eq!(ages.first(), Some(&9950));
        // What is so old that its age can't be told is forgotten.
        history.push(sample(wrap + (1 << 31) + 6000, 0), None);
        assert_eq!(history.samples().len(), 1);
    }
}
