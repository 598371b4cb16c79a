//! What a line of JSON and a section of text are about. Each is stated where it is read: `snapshot/memory.rs` has those of its figures.

use super::Severity;

/// What a line of JSON is about.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Its `event_name`.
    pub name: &'static str,
    /// What the line for people begins with: `memory figures of PID 8893 (comm)`.
    pub words: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Of what it is a part.
    pub part: Part,
}

/// Of what a line is a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// A snapshot, whose id it has.
    Snapshot,
    /// Nothing larger.
    Alone,
}

impl Event {
    /// A line of a snapshot.
    #[must_use]
    pub const fn of_snapshot(name: &'static str, words: &'static str) -> Self {
        Self { name, words, severity: Severity::Info, part: Part::Snapshot }
    }

    /// A line that stands alone.
    #[must_use]
    pub const fn alone(name: &'static str, words: &'static str, severity: Severity) -> Self {
        Self { name, words, severity, part: Part::Alone }
    }

    /// Whether both are the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self, other) || self.name == other.name
    }
}

/// A part of a report that has a banner in text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Section {
    /// What JSON calls it where it says that it is missing: the event that is its first or its most.
    pub key: &'static str,
    /// The line above it, and the header of its rows.
    pub banner: &'static str,
}
