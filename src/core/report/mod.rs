//! Facts to bytes. A report never reads: what it prints was handed to it.
//!
//! Bounded facts are handed over as a slice of [`Fact`], each with its text label and its JSON key, so that a section is described
//! once for all formats. Unbounded ones come as [`Row`]s. What a mode shows once or again and again, a [`field::Field`] describes.

pub mod columns;
pub mod escape;
mod event;
pub mod field;
mod flush;
pub mod json;
mod row;
mod severity;
pub mod table;
pub mod text;
pub mod time;

use core::time::Duration;

use crate::error::Absent;
use crate::sys::clock::{Civil, Now};
use crate::units::{Bytes, Percent, Pid};
use columns::CommandLine;
pub use event::{Event, Part, Section};
pub use flush::Flush;
pub use row::{Grower, Relation, Relative, Row, Sample};
pub use severity::Severity;

/// How reports are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// The document's lines, for people and for scripts written for the original.
    #[default]
    Text,
    /// NDJSON: one object a line.
    Json,
}

/// What a value is called: the JSON line it belongs to, its label in text and its path in JSON. Either may be empty: the value is
/// then not in that format.
#[derive(Clone, Copy, Debug)]
pub struct Name(pub &'static Event, pub &'static str, pub &'static str);

impl Name {
    /// The fact that the thing of this name is `value`.
    #[must_use]
    pub const fn is<'a>(self, value: Value<'a>) -> Fact<'a> {
        Fact { event: self.0, label: self.1, key: self.2, value }
    }

    /// The fact, or without a value one that is in no format.
    #[must_use]
    pub const fn if_any<'a>(self, value: Option<Value<'a>>) -> Fact<'a> {
        match value {
            Some(value) => self.is(value),
            None => Self(self.0, "", "").is(Value::Nothing),
        }
    }
}

/// One value with its names.
#[derive(Clone, Copy, Debug)]
pub struct Fact<'a> {
    /// Which JSON line it belongs to.
    pub event: &'static Event,
    /// Its label in text; empty for JSON only.
    pub label: &'static str,
    /// Its path in JSON; empty for text only.
    pub key: &'static str,
    /// The value, or why it is missing.
    pub value: Value<'a>,
}

/// A value that a report can print.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// `n kB` in text, bytes in JSON.
    Bytes(Bytes),
    /// `1210.3` MB in text, bytes in JSON.
    Mib(Bytes),
    /// The same of a size of which so much was not read: `~` stands before it where that matters.
    About(Bytes, Bytes),
    /// A count.
    Count(u64),
    /// A number that may be negative.
    Int(i64),
    /// Bytes that somebody else chose: escaped.
    Text(&'a [u8]),
    /// The same, cut short: marked in text, listed under memdoor.incomplete in JSON.
    Cut(&'a [u8]),
    /// `52.73 %`.
    Percent(Percent),
    /// The same with one digit in text, cut: 79.96 is below 80.
    Tenths(Percent),
    /// A difference of sizes, perhaps negative: `-4 kB` in text, bytes in JSON.
    Growth(i64),
    /// Such a difference a second: `-12.34` kB/s in text, bytes in JSON.
    Rate(i64),
    /// `0.998`: thousandths.
    Thousandths(u16),
    /// `12.345 s` in text, microseconds in JSON.
    Span(Duration),
    /// A wall clock time: local in text, UTC in JSON.
    Moment(Moment),
    /// A sentence of ours, the names in it escaped already.
    Words(&'a str),
    /// A process's name or arguments: text only, as long as it is.
    Command(CommandLine<'a>),
    /// True or false: JSON only.
    Flag(bool),
    /// Several words: JSON only.
    List(&'a [&'a str]),
    /// The same of texts as they came, each escaped at the output.
    Texts(&'a [&'a [u8]]),
    /// Several objects, each of its own facts, whose keys begin anew: JSON only.
    Objects(&'a [&'a [Fact<'a>]]),
    /// Known to be none: a cgroup without a limit. `none` in text, absent in JSON.
    Nothing,
    /// Not known, and why. `-` in text, listed under memdoor.incomplete in JSON.
    Absent(Absent),
}

/// A wall clock time in both zones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// In the local zone.
    pub local: Civil,
    /// In UTC.
    pub utc: Civil,
    /// Of the second.
    pub micros: u32,
}

impl Fact<'_> {
    /// The same fact for text alone.
    #[must_use]
    pub const fn text_only(self) -> Self {
        Self { key: "", ..self }
    }

    /// The same fact for JSON alone.
    #[must_use]
    pub const fn json_only(self) -> Self {
        Self { label: "", ..self }
    }

    /// Why its value is missing, where it is.
    #[must_use]
    pub const fn absent(&self) -> Option<Absent> {
        match self.value {
            Value::Absent(why) => Some(why),
            _ => None,
        }
    }
}

impl<'a> Value<'a> {
    /// The text, or nothing when it is empty.
    #[must_use]
    pub const fn text_or_nothing(text: &'a [u8]) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text) }
    }

    /// The value, or nothing.
    pub fn or_nothing<T>(found: Option<T>, value: impl FnOnce(T) -> Self) -> Self {
        found.map_or(Self::Nothing, value)
    }

    /// The value, or its absence.
    pub fn of<T>(found: Result<T, Absent>, value: impl FnOnce(T) -> Self) -> Self {
        found.map_or_else(Self::Absent, value)
    }
}

/// What stands above a report.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// When it was taken.
    pub now: &'a Now,
    /// Of whom.
    pub pid: Pid,
    /// The process's name, for the human line of JSON.
    pub comm: &'a [u8],
}

/// A format.
pub trait Report {
    /// Begins a report of no process.
    fn moment(&mut self, now: &Now);
    /// Begins a report: the time.
    fn head(&mut self, head: &Head<'_>);
    /// Begins a section: its banner, and the header of its rows.
    fn begin(&mut self, section: &Section);
    /// Writes bounded facts, in the order given.
    fn facts(&mut self, facts: &[Fact<'_>]);
    /// Writes one of many.
    fn row(&mut self, row: Row<'_>);
    /// Says that a section, or the rest of it, could not be read.
    fn missing(&mut self, section: &Section, why: Absent);
    /// A sentence of the document: text only.
    fn sentence(&mut self, words: &str);
    /// Ends a section.
    fn end(&mut self, section: &Section);
    /// Ends a report.
    fn foot(&mut self);
    /// Where it goes.
    fn out(&mut self) -> &mut dyn Flush;
}

fn put_fmt(to: &mut impl core::fmt::Write, words: core::fmt::Arguments<'_>) {
    // Neither Out nor Fixed ever returns an error: the one remembers it, the other cuts.
    let _ = to.write_fmt(words);
}
