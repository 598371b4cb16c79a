//! Tables: described once, written as CSV, text or JSON.

use core::time::Duration;

use crate::units::{Bytes, Percent};

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What CSV calls it, with its unit: `RSS_KB`.
    pub csv: &'static str,
    /// What text calls it: `RSS kB`; empty: not in text, which has 80 columns.
    pub label: &'static str,
    /// How wide it is in text: the last column may be longer.
    pub width: usize,
    /// Its path in JSON: `memdoor.process.rss_bytes`.
    pub key: &'static str,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    /// What JSON calls a row: `memdoor.process.sample`.
    pub event: &'static str,
    /// What text writes above it: `PROCESSES`.
    pub title: &'static str,
    /// Its columns. The first of CSV, `Timestamp`, is the writer's.
    pub columns: &'static [Column],
}

/// What stands in a column of a row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cell<'a> {
    /// Not known: nothing in CSV, `-` in text, left out of JSON.
    Unknown,
    /// A size: kB in CSV and text, bytes in JSON.
    Size(Bytes),
    /// A difference of sizes a second, perhaps negative: kB/s in CSV and text, bytes in JSON.
    Rate(i64),
    /// A number.
    Count(u64),
    /// A share: `12.30`.
    Share(Percent),
    /// Thousandths: `0.998`.
    Thousandths(u16),
    /// A time, in seconds.
    Span(Duration),
    /// Bytes that somebody else chose: escaped as each format needs it; in CSV quoted, and never a formula of a spreadsheet.
    Text(&'a [u8]),
}
