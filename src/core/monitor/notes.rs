//! What was noticed on the way, for the summary.

use core::fmt::Write;

use super::alerts::{Alert, Change};
use super::clocks::ClockJump;
use crate::fixed::Fixed;
use crate::report::Moment;
use crate::report::time::{Precision, rfc3339};
use crate::sys::clock::Now;

/// The last so many are kept.
const ROOM: usize = 16;

/// A time and a sentence.
pub(super) type Note = Fixed<300>;

/// The last notes.
#[derive(Debug)]
pub(super) struct Notes {
    all: [Note; ROOM],
    count: usize,
}

impl Notes {
    pub(super) const fn new() -> Self {
        Self { all: [const { Fixed::new() }; ROOM], count: 0 }
    }

    fn begin(&mut self, now: &Now) -> Option<&mut Note> {
        let slot = self.all.get_mut(self.count % ROOM)?;
        self.count += 1;
        *slot = Fixed::new();
        slot.push(rfc3339(now.utc, Moment::now(now).micros, Precision::Millis).as_bytes());
        slot.push(b" ");
        Some(slot)
    }

    /// The clocks leapt.
    pub(super) fn leap(&mut self, now: &Now, leap: ClockJump) {
        let Some(note) = self.begin(now) else { return };
        let (words, by) = match leap {
            ClockJump::Forward(by) => ("the clock was set forward by", by),
            ClockJump::Back(by) => ("the clock was set back by", by),
            ClockJump::Slept(by) => ("the machine was suspended for", by),
        };
        // A Fixed never returns an error: it cuts.
        let _ = write!(note, "{words} {} s", by.as_secs());
    }

    /// An alert.
    pub(super) fn alert(&mut self, now: &Now, alert: &Alert) {
        let Some(note) = self.begin(now) else { return };
        note.push(match alert.change {
            Change::Raised => b"raised: ",
            Change::Cleared => b"cleared: ",
            Change::Unknown => b"unknown: ",
        });
        note.push(alert.words.as_bytes());
    }

    /// Something else.
    pub(super) fn say(&mut self, now: &Now, words: &str) {
        if let Some(note) = self.begin(now) {
            note.push(words.as_bytes());
        }
    }

    /// The oldest first.
    pub(super) fn each(&self, each: &mut dyn FnMut(&Note)) {
        let kept = self.count.min(ROOM);
        for at in self.count - kept..self.count {
            if let Some(note) = self.all.get(at % ROOM) {
                each(note);
            }
        }
    }
}
