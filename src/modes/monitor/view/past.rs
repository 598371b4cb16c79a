//! What the curve is drawn through.

use crate::units::Percent;

/// Points of a line of memory used: as many as wide terminals have columns.
const POINTS: usize = 240;

/// Memory used, sample by sample.
#[derive(Clone, Debug)]
pub struct Past {
    /// Hundredths of a percent, the newest last.
    used: [u16; POINTS],
    count: usize,
}

impl Past {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { used: [0; POINTS], count: 0 }
    }

    /// Remembers one more, and forgets the oldest without room.
    pub fn push(&mut self, used: Option<Percent>) {
        let Some(used) = used else { return };
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
}

impl Default for Past {
    fn default() -> Self {
        Self::new()
    }
}
