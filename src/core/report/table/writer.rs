//! Rows to bytes.

use core::iter;

use super::{Described, Form, Heading, Rows, Shape, Table, Tables};
use crate::fixed::Fixed;
use crate::report::columns::{Keep, left, right, shortened};
use crate::report::json::Envelope;
use crate::report::json::line::{Samples, Subject};
use crate::report::time::{Precision, rfc3339};
use crate::report::{Moment, Value};
use crate::sys::clock::Now;
use crate::sys::out::Out;

/// One moment, in one form.
#[derive(Debug)]
pub struct TableContext<'e> {
    /// How tables are written.
    pub form: Form,
    samples: Samples<'e>,
    time: Fixed<32>,
}

impl<'e> TableContext<'e> {
    /// That of `now`.
    #[must_use]
    pub fn new(form: Form, envelope: &'e Envelope, now: &Now) -> Self {
        let moment = Moment::now(now);
        Self { form, samples: Samples::at(envelope, now), time: rfc3339(moment.utc, moment.micros, Precision::Millis) }
    }
}

/// Who is called when rows do not fit into memory any more: it writes what is held.
pub trait Full {
    /// Takes what `out` holds: so many rows.
    fn take(&mut self, out: &mut Out<'_>, rows: u64);
}

/// Writes the tables of one file, or of standard output, at one moment.
pub struct Writer<'w, 'b> {
    context: &'w TableContext<'w>,
    form: Form,
    tables: Tables,
    /// Which of them the last row was of.
    at: Option<usize>,
    has_title: bool,
    out: &'w mut Out<'b>,
    rows: u64,
    full: Option<&'w mut dyn Full>,
}

impl<'w, 'b> Writer<'w, 'b> {
    /// A writer of `tables` on `out`.
    pub fn new(
        context: &'w TableContext<'w>,
        form: Form,
        tables: Tables,
        out: &'w mut Out<'b>,
        full: Option<&'w mut dyn Full>,
    ) -> Self {
        Self { context, form, tables, at: None, has_title: false, out, rows: 0, full }
    }

    /// Ends a table. One without rows has left no trace.
    pub fn end(&mut self) {
        if core::mem::take(&mut self.has_title) {
            self.out.put(b"\n");
        }
    }

    /// Ends the last one. How many rows are held.
    pub fn finish(mut self) -> u64 {
        self.end();
        self.rows
    }

    /// Writes a row of one of the tables. A row of another table ends the one before.
    pub fn row<'r, R: Rows>(&mut self, table: &'static Table<R>, row: &'r R::Row<'r>) {
        let message = match R::message(row) {
            b"" => table.title.as_bytes(),
            message => message,
        };
        let subject = Subject { event: table.event, severity: R::severity(row), message };
        self.write(table, &subject, &|at| table.value(at, row));
    }

    fn write<'c>(&mut self, table: &'static dyn Described, subject: &Subject<'_>, value: &dyn Fn(usize) -> Value<'c>) {
        let at = self.tables.iter().position(|one| core::ptr::addr_eq(*one, table));
        debug_assert!(at.is_some(), "'{}' is not a table of this file", table.title());
        if at != self.at {
            self.end();
            self.at = at;
        }
        self.put(table, subject, value);
        if self.out.take_cut() {
            // What is held are whole rows. What follows may be the first of another file, and tells that it is ours by its title.
            self.has_title = false;
            if let Some(full) = &mut self.full {
                full.take(self.out, self.rows);
            }
            self.rows = 0;
            self.put(table, subject, value);
        }
        self.rows += 1;
    }

    fn put<'c>(&mut self, table: &'static dyn Described, subject: &Subject<'_>, value: &dyn Fn(usize) -> Value<'c>) {
        match self.form {
            Form::Csv => self.put_csv(value),
            Form::Text => {
                self.put_title(table);
                put_values(table, value, self.out);
            }
            Form::Json => {
                let mut line = self.context.samples.line_of(subject);
                for (at, heading) in table.headings().enumerate() {
                    line.push(heading.key, value(at));
                }
                line.put(self.out);
            }
        }
    }

    fn put_csv<'c>(&mut self, value: &dyn Fn(usize) -> Value<'c>) {
        self.out.put(self.context.time.as_bytes());
        for (number, table) in self.tables.iter().enumerate() {
            for at in 0..table.headings().count() {
                self.out.put(b",");
                if Some(number) == self.at {
                    value(at).put_csv(self.out);
                }
            }
        }
        self.out.put(b"\n");
    }

    fn put_title(&mut self, table: &'static dyn Described) {
        if core::mem::replace(&mut self.has_title, true) {
            return;
        }
        for byte in table.title().bytes() {
            self.out.put(&[byte.to_ascii_uppercase()]);
        }
        for part in [b" ", self.context.time.as_bytes(), b"\n"] {
            self.out.put(part);
        }
        // Sentences need no name.
        if table.headings().all(|heading| heading.shape == Shape::Words) {
            return;
        }
        put_labels(table, self.out);
    }
}

/// Tables of text alone, which say themselves what stands above them.
impl<R: Rows> Table<R> {
    /// Writes what its columns are called.
    pub fn put_labels(&'static self, out: &mut Out<'_>) {
        put_labels(self, out);
    }

    /// Writes a row.
    pub fn put<'r>(&'static self, row: &'r R::Row<'r>, out: &mut Out<'_>) {
        put_values(self, &|at| self.value(at, row), out);
    }
}

fn put_labels(table: &'static dyn Described, out: &mut Out<'_>) {
    for (heading, place) in in_text(table) {
        put_in_text(heading, heading.label.as_bytes(), place, out);
    }
    out.put(b"\n");
}

fn put_values<'c>(table: &'static dyn Described, value: &dyn Fn(usize) -> Value<'c>, out: &mut Out<'_>) {
    for (heading, place) in in_text(table) {
        let value = value(place.at);
        match value {
            Value::Words(words) if place.at == 0 => wrap(words.as_bytes(), out),
            Value::Words(words) => {
                out.put(b" ");
                out.put(words.as_bytes());
            }
            Value::Command(command) => {
                out.put(b" ");
                command.put(out);
            }
            Value::Text(text) => put_in_text(heading, text, place, out),
            Value::Nothing => put_in_text(heading, b"-", place, out),
            _ => put_in_text(heading, short(&value, heading.width).as_bytes(), place, out),
        }
    }
    out.put(b"\n");
}

/// Where a column stands in a line of text.
#[derive(Clone, Copy)]
struct Place {
    /// Its number among all columns.
    at: usize,
    /// Whether it is the last: no blanks follow what stands in it.
    is_last: bool,
}

/// The columns that are in text.
fn in_text(table: &'static dyn Described) -> impl Iterator<Item = (&'static Heading, Place)> {
    let is_there = |(_, heading): &(usize, &Heading)| heading.width > 0;
    let last = table.headings().enumerate().filter(is_there).last().map_or(0, |(at, _)| at);
    let all = table.headings().enumerate().filter(is_there);
    all.map(move |(at, heading)| (heading, Place { at, is_last: at == last }))
}

/// Lines of 80 columns at most, if no word is longer.
fn wrap(words: &[u8], out: &mut Out<'_>) {
    let mut column = 0;
    for word in words.split(|byte| *byte == b' ') {
        if column > 0 && column + 1 + word.len() > 80 {
            out.put(b"\n ");
            column = 1;
        }
        if column > 0 {
            out.put(b" ");
            column += 1;
        }
        out.put(word);
        column += word.len();
    }
}

fn put_in_text(heading: &Heading, text: &[u8], place: Place, out: &mut Out<'_>) {
    let keep = match heading.shape {
        Shape::Number => return right(out, text, heading.width - usize::from(place.at == 0)),
        Shape::Path => Keep::End,
        Shape::Text | Shape::Words => Keep::Start,
    };
    out.put(if place.at == 0 { b"" } else { b" " });
    if place.is_last {
        shortened(out, text, heading.width, keep);
    } else {
        left(out, text, heading.width, keep);
    }
}

/// A figure that fits: `1234k` when 1234567 does not.
fn short(value: &Value<'_>, width: usize) -> Fixed<32> {
    let mut figure = value.figure();
    if let Value::Count(mut number) = *value {
        let mut units = ["k", "M", "G", "T", "P", "E"].into_iter();
        while figure.as_bytes().len() > width
            && let Some(unit) = units.next()
        {
            number /= 1000;
            figure = Fixed::new();
            figure.push_dec(number).push(unit.as_bytes());
        }
    }
    figure
}

/// Room for the longest header of CSV.
pub const HEADER: usize = 512;

/// The header of CSV, piece by piece.
pub fn header(tables: Tables) -> impl Iterator<Item = &'static str> {
    let names = tables.iter().flat_map(|table| table.headings()).flat_map(|heading| [",", heading.csv]);
    iter::once("Timestamp").chain(names).chain(iter::once("\n"))
}

/// Writes the header of CSV.
pub fn put_header(tables: Tables, out: &mut Out<'_>) {
    header(tables).for_each(|piece| out.put(piece.as_bytes()));
}
