//! Alerts: those of a sample until it is shown, and those that a screen shows.

use super::Show;
use crate::monitor::alerts::{Alert, Change};

impl Show<'_> {
    /// Keeps an alert until the sample is shown.
    pub(in crate::monitor) fn note(&mut self, alert: &Alert) {
        let noted = self.new.push(alert.clone());
        debug_assert!(noted.is_ok(), "a sample brings no more than alerts::MOST");
        self.board.note(alert);
        if alert.change == Change::Raised {
            self.counts[alert.kind as usize] += 1;
        }
    }
}
