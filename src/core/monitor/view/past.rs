//! What the curve is drawn through.

use core::time::Duration;

use crate::units::Percent;

/// Points of a line of memory used: as many as wide terminals have columns.
const POINTS: usize = 240;

/// Memory used, sample by sample.
#[derive(Clone, Debug)]
pub struct Past {
    /// Hundredths of a percent, the newest last.
    used: [u16; POINTS],
    /// When each was, in seconds of the steady clock: samples that are asked for come between those of the interval.
    at: [u32; POINTS],
    count: usize,
}

impl Past {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { used: [0; POINTS], at: [0; POINTS], count: 0 }
    }

    /// Remembers one more, and forgets the oldest without room. `at` is on the steady clock.
    pub fn push(&mut self, used: Option<Percent>, at: Duration) {
        let Some(used) = used else { return };
        self.at.rotate_left(1);
        if let Some(last) = self.at.last_mut() {
            *last = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        }
        self.used.rotate_left(1);
        if let Some(last) = self.used.last_mut() {
            *last = u16::try_from(used.hundredths).unwrap_or(u16::MAX);
        }
        self.count = (self.count + 1).min(POINTS);
    }

    /// The newest ones, `most` at most.
    pub(super) fn newest(&self, most: usize) -> &[u16] {
        let from = POINTS - self.count.min(most);
        self.used.get(from..).unwrap_or_default()
    }

    /// From the first of so many of the newest to the last.
    pub(super) fn span(&self, most: usize) -> Duration {
        let first = self.at.get(POINTS - self.count.min(most)).copied();
        let seconds = self.at.last().zip(first).map_or(0, |(last, first)| last.saturating_sub(first));
        Duration::from_secs(seconds.into())
    }
}

impl Default for Past {
    fn default() -> Self {
        Self::new()
    }
}
