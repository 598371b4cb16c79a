//! What is left: every line of the OOM killer's own words is part of an event, or is counted here, so that no log in which one stands is clean.
//!
//! A line whose transport names another program than the kernel is somebody's quotation and is none of them.

use crate::oomlog::event::Position;
use crate::parse::oom_report::anchor::has_words;
use crate::parse::oom_report::{Line, line};

/// Lines of reports that belong to no event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unplaced {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Position,
    /// The last of them.
    pub last: Position,
}

/// Those that were seen so far.
#[derive(Default)]
pub(super) struct Net {
    unplaced: Option<Unplaced>,
}

impl Net {
    pub(super) const fn new() -> Self {
        Self { unplaced: None }
    }

    /// A line that no report has.
    pub(super) fn see(&mut self, text: &[u8], at: Position) {
        if is_of_report(text) {
            self.count(1, at, at);
        }
    }

    /// So many lines between these two.
    pub(super) fn count(&mut self, count: u64, first: Position, last: Position) {
        let all = self.unplaced.get_or_insert(Unplaced { count: 0, first, last });
        all.count += count;
        all.first = all.first.min(first);
        all.last = all.last.max(last);
    }

    /// What was counted since this was asked last.
    pub(super) const fn take(&mut self) -> Option<Unplaced> {
        self.unplaced.take()
    }
}

/// Whether nobody but the OOM killer says this.
fn is_of_report(text: &[u8]) -> bool {
    // Without one of these there is none of its words, and most lines end here.
    let may_be = memchr::memmem::find(text, b"oom").is_some()
        || memchr::memmem::find(text, b"ill").is_some()
        || memchr::memmem::find(text, b"total").is_some()
        || memchr::memmem::find(text, b"Tasks").is_some();
    may_be && (has_words(text) || matches!(line(text), Line::Unreaped(_)))
}
