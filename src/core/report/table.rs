//! Tables: described once, written as CSV, text or JSON.
//!
//! A column is one line of code: what each form calls it, how wide it is, and where in a row its value is found. Of what kind the value is
//! says the type of what finds it ([`Get`]), so that a column of sizes can't be given a count, nor a row lack a column. A new column is a new
//! line, and nothing else:
//!
//! ```text
//! column("RSS_KB", 9, "process.memory.usage", Size(|one| Some(one.row.rss))),
//! ```
//!
//! What stands in one file is one or more tables. CSV has one header for all of a file's columns, so that every reader takes it for one
//! table: a row leaves those of the other tables empty. Text has them one after the other, JSON tells them by their event.

mod cell;
mod writer;

use core::time::Duration;

use crate::units::{Bytes, Percent};
pub use cell::Cell;
pub use writer::{Full, HEADER, Pen, Writer, header, put_header};

/// How tables are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Form {
    Csv,
    Json,
    #[default]
    Text,
}

/// What a table has rows of. A row may borrow; the type that names it is the row's own, of rows that borrow for ever.
pub trait Rows: 'static {
    /// A row.
    type Row<'r>;
}

/// Where in a row the value of a column is, and of what kind it is.
pub enum Get<R: Rows> {
    /// A [`Cell::Size`].
    Size(for<'r> fn(&'r R::Row<'r>) -> Option<Bytes>),
    /// A [`Cell::Rate`].
    Rate(for<'r> fn(&'r R::Row<'r>) -> Option<i64>),
    /// A [`Cell::Count`].
    Count(for<'r> fn(&'r R::Row<'r>) -> Option<u64>),
    /// A [`Cell::Share`].
    Share(for<'r> fn(&'r R::Row<'r>) -> Option<Percent>),
    /// [`Cell::Thousandths`].
    Thousandths(for<'r> fn(&'r R::Row<'r>) -> Option<u16>),
    /// A [`Cell::Span`].
    Span(for<'r> fn(&'r R::Row<'r>) -> Option<Duration>),
    /// A [`Cell::Text`], of which the start stays when it is too long; empty, it is not known.
    Text(for<'r> fn(&'r R::Row<'r>) -> &'r [u8]),
    /// The same, of which the end stays: a path.
    Path(for<'r> fn(&'r R::Row<'r>) -> &'r [u8]),
    /// [`Cell::Words`]; empty, there are none.
    Words(for<'r> fn(&'r R::Row<'r>) -> &'r [u8]),
}

impl<R: Rows> Get<R> {
    /// What stands in this column of a row.
    pub fn cell<'r>(&self, row: &'r R::Row<'r>) -> Cell<'r> {
        let text = |text: &'r [u8], cell: fn(&'r [u8]) -> Cell<'r>| match text {
            b"" => Cell::Unknown,
            text => cell(text),
        };
        match self {
            Self::Size(get) => get(row).map_or(Cell::Unknown, Cell::Size),
            Self::Rate(get) => get(row).map_or(Cell::Unknown, Cell::Rate),
            Self::Count(get) => get(row).map_or(Cell::Unknown, Cell::Count),
            Self::Share(get) => get(row).map_or(Cell::Unknown, Cell::Share),
            Self::Thousandths(get) => get(row).map_or(Cell::Unknown, Cell::Thousandths),
            Self::Span(get) => get(row).map_or(Cell::Unknown, Cell::Span),
            Self::Text(get) | Self::Path(get) => text(get(row), Cell::Text),
            Self::Words(get) => text(get(row), Cell::Words),
        }
    }

    const fn shape(&self) -> Shape {
        match self {
            Self::Text(_) => Shape::Text,
            Self::Path(_) => Shape::Path,
            Self::Words(_) => Shape::Words,
            _ => Shape::Number,
        }
    }
}

/// How a column stands in text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// At its right.
    Number,
    /// At its left, cut at its end.
    Text,
    /// At its left, cut at its start.
    Path,
    /// As long as it is.
    Words,
}

/// What a column is called, and how it stands in text.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    /// What CSV calls it, with its unit: `RSS_KB`.
    pub csv: &'static str,
    /// What text calls it.
    pub label: &'static str,
    /// How wide it is in text, which has 80 columns; 0: it is not in text.
    pub width: usize,
    /// Its path in JSON: `process.memory.usage`.
    pub key: &'static str,
    shape: Shape,
}

/// A column of a table of `R`.
pub struct Column<R: Rows> {
    heading: Heading,
    get: Get<R>,
}

/// A column that text and CSV call the same. The first of CSV, `Timestamp`, is the writer's.
#[must_use]
pub const fn column<R: Rows>(csv: &'static str, width: usize, key: &'static str, get: Get<R>) -> Column<R> {
    called(csv, csv, width, key, get)
}

/// A column that text calls `label`, which is shorter.
#[must_use]
pub const fn called<R: Rows>(
    csv: &'static str,
    label: &'static str,
    width: usize,
    key: &'static str,
    get: Get<R>,
) -> Column<R> {
    Column { heading: Heading { csv, label, width, key, shape: get.shape() }, get }
}

/// A table. It is a static: the writer knows it by its address.
pub struct Table<R: Rows> {
    /// What JSON calls a row: `memdoor.process.sample`.
    pub event: &'static str,
    /// What it is a table of: `the largest processes`.
    pub title: &'static str,
    /// Its columns, in their order.
    pub columns: &'static [Column<R>],
}

impl<R: Rows> Table<R> {
    /// Whether anything is known of a row.
    pub fn is_any_known<'r>(&self, row: &'r R::Row<'r>) -> bool {
        self.columns.iter().any(|column| column.get.cell(row) != Cell::Unknown)
    }
}

/// A table of whatever it is: one of those of a file.
pub trait Described: Sync {
    /// [`Table::event`].
    fn event(&self) -> &'static str;
    /// [`Table::title`].
    fn title(&self) -> &'static str;
    /// What the column of this number is called.
    fn heading(&self, at: usize) -> Option<&Heading>;
}

impl<R: Rows> Described for Table<R> {
    fn event(&self) -> &'static str {
        self.event
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn heading(&self, at: usize) -> Option<&Heading> {
        self.columns.get(at).map(|column| &column.heading)
    }
}

impl dyn Described {
    /// What its columns are called.
    pub fn headings(&self) -> impl Iterator<Item = &Heading> {
        (0..).map_while(|at| self.heading(at))
    }
}

/// The tables of one file.
pub type Tables = &'static [&'static dyn Described];
