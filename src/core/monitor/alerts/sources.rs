//! Sources of the samples: each that can't be read any more is said once for each cause, and once more when it can be again.

use core::fmt::Write;

use super::{Alert, Alerts, Change, Facts, Kind, Words};
use crate::error::Absent;
use crate::monitor::unread::{Origin, Why};

/// What is known of one source.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceState {
    /// It could be read once: what it never told was not lost.
    was_read: bool,
    /// Why it can't be any more, as it was said.
    said: Option<Absent>,
}

impl SourceState {
    pub(super) const NONE: Self = Self { was_read: false, said: None };
}

impl Alerts {
    pub(super) fn judge_sources(&mut self, facts: &Facts<'_>, each: &mut dyn FnMut(&Alert)) {
        for origin in Origin::ALL {
            let known = &mut self.sources[origin as usize];
            let why = facts.unread.of(origin);
            known.was_read |= why.is_none();
            if !known.was_read || core::mem::replace(&mut known.said, why) == why {
                continue;
            }
            let mut words = Words::new();
            // A Fixed never returns an error: it cuts.
            let change = match why {
                Some(why) => {
                    self.has_lost = true;
                    let _ = write!(words, "{}: {} until it can be read", Why(origin, why), origin.missing());
                    Change::Raised
                }
                None => {
                    let _ = write!(words, "{} can be read again", origin.path());
                    Change::Cleared
                }
            };
            let (kind, source) = (Kind::Unread, Some(origin));
            each(&Alert { source, ..Alert::of_host(kind, change, None, words) });
        }
    }
}
