//! Tables: described once, written as CSV, text or JSON.
//!
//! What stands in one file is one or more tables. CSV has one header for all of a file's columns, so that every reader takes it for one
//! table: a row leaves those of the other tables empty. Text has them one after the other, JSON tells them by their event.

pub mod cell;
mod writer;

pub use cell::Cell;
pub use writer::{Full, Pen, Writer, put_header};

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What CSV calls it, with its unit: `RSS_KB`.
    pub csv: &'static str,
    /// What text calls it.
    pub label: &'static str,
    /// Where it stands in text.
    pub place: Place,
    /// How wide it is there.
    pub width: usize,
    /// Its path in JSON: `process.memory.usage`.
    pub key: &'static str,
}

/// Where a column stands in text, which has 80 of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A number: at the right.
    Right,
    /// A name, of which the start stays when it is too long.
    Start,
    /// A path, of which the end stays.
    End,
    /// It is in CSV and in JSON only.
    Nowhere,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    /// What JSON calls a row: `memdoor.process.sample`.
    pub event: &'static str,
    /// What it is a table of: `the largest processes`.
    pub title: &'static str,
    /// Its columns, a line each: what CSV calls it, perhaps `=` and what text does; how wide it is in text, behind a `<` or a `/` if it
    /// is a name or a path, or `-`; its path in JSON. The first of CSV, `Timestamp`, is the writer's.
    pub columns: &'static str,
}

impl Sheet {
    /// Its columns.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.columns.split('\n').map(|line| {
            let (csv, rest) = line.split_once(' ').unwrap_or_default();
            let (width, key) = rest.split_once(' ').unwrap_or_default();
            let (csv, label) = csv.split_once('=').unwrap_or((csv, csv));
            let (place, digits) = match width.split_at_checked(1) {
                Some(("<", digits)) => (Place::Start, digits),
                Some(("/", digits)) => (Place::End, digits),
                Some(("-", _)) => (Place::Nowhere, ""),
                _ => (Place::Right, width),
            };
            let digits = digits.bytes();
            let width = digits.fold(0, |number, digit| {
                number * 10 + usize::from(digit.wrapping_sub(b'0'))
            });
            Column {
                csv,
                label,
                place,
                width,
                key,
            }
        })
    }
}
