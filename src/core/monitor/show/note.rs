//! Alerts: those of a sample until it is shown, and those that a screen shows.

use super::Show;
use crate::monitor::alerts::{Alert, Change};

impl Show<'_> {
    /// Keeps an alert until the sample is shown.
    pub(in crate::monitor) fn note(&mut self, alert: &Alert) {
        match self.new.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(alert.clone()),
            None => self.unsaid += 1,
        }
        self.board.note(alert);
        if alert.change == Change::Raised {
            self.counts[alert.kind as usize] += 1;
        }
    }
}
