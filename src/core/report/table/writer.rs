//! Rows to bytes.

use core::iter;

use super::{Cell, Described, Form, Heading, Rows, Shape, Table, Tables};
use crate::fixed::Fixed;
use crate::report::Moment;
use crate::report::columns::{Keep, left, right};
use crate::report::json::Envelope;
use crate::report::json::line::Samples;
use crate::report::time::{Precision, rfc3339};
use crate::sys::clock::Now;
use crate::sys::out::Out;

/// One moment, in one form.
#[derive(Debug)]
pub struct Pen<'e> {
    /// How tables are written.
    pub form: Form,
    samples: Samples<'e>,
    time: Fixed<32>,
}

impl<'e> Pen<'e> {
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
    pen: &'w Pen<'w>,
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
        pen: &'w Pen<'w>,
        form: Form,
        tables: Tables,
        out: &'w mut Out<'b>,
        full: Option<&'w mut dyn Full>,
    ) -> Self {
        Self { pen, form, tables, at: None, has_title: false, out, rows: 0, full }
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
        self.write(table, &|at| table.columns.get(at).map_or(Cell::Unknown, |column| column.get.cell(row)));
    }

    fn write<'c>(&mut self, table: &'static dyn Described, cell: &dyn Fn(usize) -> Cell<'c>) {
        let at = self.tables.iter().position(|one| core::ptr::addr_eq(*one, table));
        debug_assert!(at.is_some(), "'{}' is not a table of this file", table.title());
        if at != self.at {
            self.end();
            self.at = at;
        }
        self.put(table, cell);
        if self.out.take_cut() {
            // What is held are whole rows. What follows may be the first of another file, and tells that it is ours by its title.
            self.has_title = false;
            if let Some(full) = &mut self.full {
                full.take(self.out, self.rows);
            }
            self.rows = 0;
            self.put(table, cell);
        }
        self.rows += 1;
    }

    fn put<'c>(&mut self, table: &'static dyn Described, cell: &dyn Fn(usize) -> Cell<'c>) {
        match self.form {
            Form::Csv => self.put_csv(cell),
            Form::Text => {
                self.put_title(table);
                for (at, heading) in table.headings().enumerate() {
                    put_cell(heading, &cell(at), at == 0, self.out);
                }
                self.out.put(b"\n");
            }
            Form::Json => {
                let mut line = self.pen.samples.line(table.event(), table.title());
                for (at, heading) in table.headings().enumerate() {
                    line.push(heading.key, cell(at).value());
                }
                line.put(self.out);
            }
        }
    }

    fn put_csv<'c>(&mut self, cell: &dyn Fn(usize) -> Cell<'c>) {
        self.out.put(self.pen.time.as_bytes());
        for (number, table) in self.tables.iter().enumerate() {
            for at in 0..table.headings().count() {
                self.out.put(b",");
                if Some(number) == self.at {
                    cell(at).put_csv(self.out);
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
        for part in [b" ", self.pen.time.as_bytes(), b"\n"] {
            self.out.put(part);
        }
        // Sentences need no name.
        if table.headings().all(|heading| heading.shape == Shape::Words) {
            return;
        }
        for (at, heading) in table.headings().enumerate() {
            put_in_text(heading, heading.label.as_bytes(), at == 0, self.out);
        }
        self.out.put(b"\n");
    }
}

fn put_cell(heading: &Heading, cell: &Cell<'_>, is_first: bool, out: &mut Out<'_>) {
    let figure = short(cell, heading.width);
    match *cell {
        Cell::Words(words) if is_first => wrap(words, out),
        Cell::Words(words) => {
            out.put(b" ");
            out.put(words);
        }
        Cell::Text(text) => put_in_text(heading, text, is_first, out),
        Cell::Unknown => put_in_text(heading, b"-", is_first, out),
        _ => put_in_text(heading, figure.as_bytes(), is_first, out),
    }
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

fn put_in_text(heading: &Heading, text: &[u8], is_first: bool, out: &mut Out<'_>) {
    if heading.width == 0 {
        return;
    }
    let keep = match heading.shape {
        Shape::Number => return right(out, text, heading.width - usize::from(is_first)),
        Shape::Path => Keep::End,
        Shape::Text | Shape::Words => Keep::Start,
    };
    if !is_first {
        out.put(b" ");
    }
    left(out, text, heading.width, keep);
}

/// A figure that fits: `1234k` when 1234567 does not.
fn short(cell: &Cell<'_>, width: usize) -> Fixed<32> {
    let mut figure = cell.figure();
    if let Cell::Count(mut number) = *cell {
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
