//! Tables: described once, written as CSV, text or JSON.
//!
//! What stands in one file is one or more tables. CSV has one header for all of a file's columns, so that every reader takes it for one
//! table: a row leaves those of the other tables empty. Text has them one after the other, JSON tells them by their event.

mod cell;
mod writer;

pub use cell::{Cell, Kind, push_parts};
pub use writer::{Full, HEADER, Pen, Writer, is_table, put_header};

/// Declares a text as a static of bytes.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $text:literal) => {
        $(#[$doc])*
        static $name: [u8; $text.len()] = {
            let Some(bytes) = $text.as_bytes().first_chunk() else {
                unreachable!()
            };
            *bytes
        };
    };
}
pub(in crate::modes::monitor) use named;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What CSV calls it, with its unit: `RSS_KB`.
    pub csv: &'static str,
    /// What text calls it.
    pub label: &'static str,
    /// What stands in it.
    pub kind: Kind,
    /// How wide it is in text, which has 80 columns; 0: it is not in text.
    pub width: usize,
    /// Its path in JSON: `process.memory.usage`.
    pub key: &'static str,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    /// What JSON calls a row: `memdoor.process.sample`.
    pub event: &'static str,
    /// What it is a table of: `the largest processes`.
    pub title: &'static str,
    /// Its columns, a line each: what CSV calls it, perhaps `=` and what text does; the letter of its [`Kind`] and its width in text; its
    /// path in JSON. The first of CSV, `Timestamp`, is the writer's. As an array of [`Column`]s it would take twice the room.
    pub columns: &'static [u8],
}

impl Sheet {
    /// Its columns.
    #[must_use]
    pub fn columns(&self) -> Columns {
        let columns = core::str::from_utf8(self.columns).unwrap_or_default();
        Columns(columns.split('\n'))
    }
}

/// The columns of a table.
#[derive(Clone, Debug)]
pub struct Columns(core::str::Split<'static, char>);

impl Iterator for Columns {
    type Item = Column;

    // Each form goes through them in its own way.
    #[inline(never)]
    fn next(&mut self) -> Option<Column> {
        let (csv, rest) = self.0.next()?.split_once(' ')?;
        let (shape, key) = rest.split_once(' ')?;
        let (csv, label) = csv.split_once('=').unwrap_or((csv, csv));
        let (kind, digits) = shape.as_bytes().split_first()?;
        let width = digits.iter().fold(0, |width, digit| width * 10 + usize::from(digit.wrapping_sub(b'0')));
        Some(Column { csv, label, kind: Kind::of(*kind), width, key })
    }
}
