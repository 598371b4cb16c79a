//! Rows to bytes.

use super::{Cell, Column, Columns, Kind, Sheet};
use crate::fixed::Fixed;
use crate::modes::monitor::options::Form;
use crate::report::Moment;
use crate::report::columns::{Keep, left, right};
use crate::report::json::Envelope;
use crate::report::json::line::Samples;
use crate::report::time::{Precision, is_millis, rfc3339};
use crate::sys::clock::Now;
use crate::sys::ours::BEGINNING;
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
    table: &'static [Sheet],
    /// Which of them.
    at: usize,
    has_title: bool,
    out: &'w mut Out<'b>,
    rows: u64,
    full: Option<&'w mut dyn Full>,
}

impl<'w, 'b> Writer<'w, 'b> {
    /// A writer of `table` on `out`.
    pub fn new(
        pen: &'w Pen<'w>,
        form: Form,
        table: &'static [Sheet],
        out: &'w mut Out<'b>,
        full: Option<&'w mut dyn Full>,
    ) -> Self {
        Self { pen, form, table, at: 0, has_title: false, out, rows: 0, full }
    }

    /// What follows are rows of this one.
    pub fn begin(&mut self, at: usize) {
        self.end();
        self.at = at;
    }

    /// Ends a table. One without rows has left no trace.
    pub fn end(&mut self) {
        if core::mem::take(&mut self.has_title) {
            self.out.put(b"\n");
        }
    }

    /// Ends the last one. How many rows are held.
    pub(in crate::modes::monitor) fn finish(mut self) -> u64 {
        self.end();
        self.rows
    }

    /// Writes a row: its numbers and its texts, each in the order of their columns. A rate is the bits of an `i64`.
    pub fn row(&mut self, numbers: &[Option<u64>], texts: &[&[u8]]) {
        self.put(numbers, texts);
        if self.out.take_cut() {
            // What is held are whole rows. What follows may be the first of another file, and tells that it is ours by its title.
            self.has_title = false;
            if let Some(full) = &mut self.full {
                full.take(self.out, self.rows);
            }
            self.rows = 0;
            self.put(numbers, texts);
        }
        self.rows += 1;
    }

    fn put(&mut self, numbers: &[Option<u64>], texts: &[&[u8]]) {
        let Some(sheet) = self.table.get(self.at) else {
            return;
        };
        let cells = Cells { columns: sheet.columns(), numbers: numbers.iter(), texts: texts.iter() };
        match self.form {
            Form::Csv => self.put_csv(cells),
            Form::Text => {
                self.put_title(sheet);
                let mut is_first = true;
                for (column, cell) in cells {
                    put_cell(&column, &cell, is_first, self.out);
                    is_first = false;
                }
                self.out.put(b"\n");
            }
            Form::Json => {
                let mut line = self.pen.samples.line(sheet.event, sheet.title);
                for (column, cell) in cells {
                    line.push(column.key, cell.value());
                }
                line.put(self.out);
            }
        }
    }

    fn put_csv(&mut self, mut cells: Cells<'_>) {
        self.out.put(self.pen.time.as_bytes());
        for (number, sheet) in self.table.iter().enumerate() {
            for _ in sheet.columns() {
                self.out.put(b",");
                if number == self.at
                    && let Some((_, cell)) = cells.next()
                {
                    cell.put_csv(self.out);
                }
            }
        }
        self.out.put(b"\n");
    }

    fn put_title(&mut self, sheet: &Sheet) {
        if core::mem::replace(&mut self.has_title, true) {
            return;
        }
        for byte in sheet.title.bytes() {
            self.out.put(&[byte.to_ascii_uppercase()]);
        }
        for part in [b" ", self.pen.time.as_bytes(), b"\n"] {
            self.out.put(part);
        }
        let mut is_first = true;
        // Sentences need no name.
        if sheet.columns().all(|column| column.kind == Kind::Words) {
            return;
        }
        for column in sheet.columns() {
            let label = column.label.as_bytes();
            put_in_text(&column, label, is_first, self.out);
            is_first = false;
        }
        self.out.put(b"\n");
    }
}

/// The columns of a row with what stands in them.
struct Cells<'c> {
    columns: Columns,
    numbers: core::slice::Iter<'c, Option<u64>>,
    texts: core::slice::Iter<'c, &'c [u8]>,
}

impl<'c> Iterator for Cells<'c> {
    type Item = (Column, Cell<'c>);

    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        let column = self.columns.next()?;
        let kind = column.kind;
        let cell = if kind.is_text() {
            self.texts.next().map(|text| Cell::of_text(kind, text))
        } else {
            let number = self.numbers.next().copied().flatten();
            number.map(|number| Cell::of_number(kind, number))
        };
        Some((column, cell.unwrap_or(Cell::Unknown)))
    }
}

fn put_cell(column: &Column, cell: &Cell<'_>, is_first: bool, out: &mut Out<'_>) {
    let figure = short(cell, column.width);
    match *cell {
        Cell::Words(words) if is_first => wrap(words, out),
        Cell::Words(words) => {
            out.put(b" ");
            out.put(words);
        }
        Cell::Text(text) => put_in_text(column, text, is_first, out),
        Cell::Unknown => put_in_text(column, b"-", is_first, out),
        _ => put_in_text(column, figure.as_bytes(), is_first, out),
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

fn put_in_text(column: &Column, text: &[u8], is_first: bool, out: &mut Out<'_>) {
    if column.width == 0 {
        return;
    }
    let keep = match column.kind {
        Kind::Path => Keep::End,
        _ => Keep::Start,
    };
    if !column.kind.is_text() {
        return right(out, text, column.width - usize::from(is_first));
    }
    if !is_first {
        out.put(b" ");
    }
    left(out, text, column.width, keep);
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

/// Whether a file that begins so is one of these tables in some form: the header of CSV, the title and the time of text, an object of JSON.
#[must_use]
pub fn is_table(beginning: &[u8], table: &[Sheet]) -> bool {
    let mut buf = [0; HEADER];
    let mut header = Out::in_memory(&mut buf);
    put_header(table, &mut header);
    let header = header.held();
    // The longest is longer than what is looked at.
    let seen = header.len().min(BEGINNING);
    let is_csv = beginning.get(..seen) == header.get(..seen);
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_text = table.iter().any(|sheet| {
        let title = line.split_at_checked(sheet.title.len());
        title.is_some_and(|(title, rest)| {
            title.eq_ignore_ascii_case(sheet.title.as_bytes())
                && !title.iter().any(u8::is_ascii_lowercase)
                && rest.strip_prefix(b" ").is_some_and(is_millis)
        })
    });
    is_csv || is_text || beginning.starts_with(b"{\"schema\":\"memdoor/1\",")
}

/// Room for the longest header of CSV.
pub const HEADER: usize = 512;

/// Writes the header of CSV.
pub fn put_header(table: &[Sheet], out: &mut Out<'_>) {
    out.put(b"Timestamp");
    for sheet in table {
        for column in sheet.columns() {
            out.put(b",");
            out.put(column.csv.as_bytes());
        }
    }
    out.put(b"\n");
}
