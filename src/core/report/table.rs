//! Tables: described once, written as CSV, text or JSON.
//!
//! A column is one line of code: what each form calls it, how wide it is, and where in a row its value is found ([`Field`]), so that no
//! row lacks a column. A new column is a new line, and nothing else:
//!
//! ```text
//! column("RSS_KB", 9, "process.memory.usage", Size(|one| Some(one.row.rss))),
//! ```
//!
//! What stands in one file is one or more tables. CSV has one header for all of a file's columns, so that every reader takes it for one
//! table: a row leaves those of the other tables empty. Text has them one after the other, JSON tells them by their event.

mod cell;
mod writer;

use super::Value;
pub use super::field::{Field, Get, Rows};
pub use writer::{Full, HEADER, TableContext, Writer, header, put_header};

/// How tables are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Form {
    Csv,
    Json,
    #[default]
    Text,
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

impl Shape {
    const fn of<R: Rows>(get: &Get<R>) -> Self {
        match get {
            Get::Text(_) | Get::Command(_) => Self::Text,
            Get::Path(_) => Self::Path,
            Get::Words(_) => Self::Words,
            _ => Self::Number,
        }
    }
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

impl<R: Rows> Column<R> {
    pub(super) const fn new(csv: &'static str, label: &'static str, width: usize, field: Field<R>) -> Self {
        let Field { key, get } = field;
        Self { heading: Heading { csv, label, width, key, shape: Shape::of(&get) }, get }
    }
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
    Column::new(csv, label, width, Field { key, get })
}

/// A column of text alone.
#[must_use]
pub const fn in_text<R: Rows>(label: &'static str, width: usize, get: Get<R>) -> Column<R> {
    called("", label, width, "", get)
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
    /// A table of text alone.
    #[must_use]
    pub const fn of_text(columns: &'static [Column<R>]) -> Self {
        Self { event: "", title: "", columns }
    }

    /// Whether anything is known of a row.
    pub fn is_any_known<'r>(&self, row: &'r R::Row<'r>) -> bool {
        self.columns.iter().any(|column| !matches!(column.get.value(row), Value::Nothing))
    }

    fn value<'r>(&self, at: usize, row: &'r R::Row<'r>) -> Value<'r> {
        Value::or_nothing(self.columns.get(at), |column| column.get.value(row))
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
