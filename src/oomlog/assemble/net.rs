//! What is left: every line of the OOM killer's own words is part of an event, or is counted here, so that no log in which one stands is clean.
//!
//! A line whose transport names another program than the kernel is somebody's quotation and is none of them.

use core::fmt;

use crate::oomlog::event::Position;
use crate::parse::oom_report::anchor::has_words;
use crate::parse::oom_report::lost::Lost;
use crate::parse::oom_report::{Line, line};
use crate::units::plural;

/// Lines of reports that belong to no event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unplaced {
    /// How many, and how many messages are missing where these are.
    pub count: Count,
    /// The first of them.
    pub first: Position,
    /// The last of them.
    pub last: Position,
}

/// What a log does not tell, though it says that there was something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Lines of reports that belong to no event.
    pub lines: u64,
    /// Messages of the kernel that are missing, as somebody says who has counted them.
    pub lost: u64,
    /// How often somebody says so who has not.
    pub uncounted: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = plural(self.lines, "line", "lines");
        if self.lines > 0 {
            write!(f, "{} {lines} of OOM reports could not be placed", self.lines)?;
        }
        if self.lost + self.uncounted == 0 {
            return Ok(());
        }
        let and = if self.lines > 0 { ", and " } else { "" };
        let how_many = match (self.lost, self.uncounted) {
            (0, _) => "messages".into(),
            (lost, 0) => format!("{lost} {}", plural(lost, "message", "messages")),
            (lost, _) => format!("more than {lost} messages"),
        };
        write!(f, "{and}{how_many} of the kernel did not get into this log, as it says itself")
    }
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
        self.at(first, last).lines += count;
    }

    /// A line that says that messages are missing.
    pub(super) fn lost(&mut self, lost: Lost, at: Position) {
        let count = self.at(at, at);
        count.lost = count.lost.saturating_add(lost.count.unwrap_or(0));
        count.uncounted += u64::from(lost.count.is_none());
    }

    fn at(&mut self, first: Position, last: Position) -> &mut Count {
        let all = self.unplaced.get_or_insert(Unplaced { count: Count::default(), first, last });
        all.first = all.first.min(first);
        all.last = all.last.max(last);
        &mut all.count
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
        || memchr::memmem::find(text, b"emory").is_some()
        || memchr::memmem::find(text, b"total").is_some()
        || memchr::memmem::find(text, b"Tasks").is_some();
    may_be && (has_words(text) || matches!(line(text), Line::Unreaped(_)))
}
