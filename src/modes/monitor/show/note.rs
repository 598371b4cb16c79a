//! Alerts: those of a sample until it is shown, and those that are raised.

use super::Show;
use crate::modes::monitor::alerts::{Alert, Change};

impl Show<'_> {
    /// Keeps an alert until the sample is shown.
    pub(in crate::modes::monitor) fn note(&mut self, alert: &Alert) {
        let is_it = |other: &Alert| {
            let pid = |alert: &Alert| alert.process.as_ref().map(|(pid, _)| *pid);
            other.kind == alert.kind && pid(other) == pid(alert)
        };
        if let Some(slot) = self.new.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(alert.clone());
        }
        if alert.change == Change::Cleared {
            let mut raised = self.raised.iter_mut();
            if let Some(slot) = raised.find(|slot| slot.as_ref().is_some_and(is_it)) {
                *slot = None;
            }
            return;
        }
        if let Some(count) = self.counts.get_mut(alert.kind as usize) {
            *count += 1;
        }
        let at = self.raised.iter().position(|slot| slot.as_ref().is_some_and(is_it));
        let at = at.or_else(|| self.raised.iter().position(Option::is_none));
        if let Some(slot) = at.and_then(|at| self.raised.get_mut(at)) {
            *slot = Some(alert.clone());
        }
    }
}
