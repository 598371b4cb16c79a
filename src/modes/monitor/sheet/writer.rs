//! Rows to bytes.

use super::{Cell, Place, Sheet};
use crate::fixed::Fixed;
use crate::modes::monitor::options::Form;
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
        Self {
            form,
            samples: Samples::at(envelope, now),
            time: rfc3339(moment.utc, moment.micros, Precision::Millis),
        }
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
        Self {
            pen,
            form,
            table,
            at: 0,
            has_title: false,
            out,
            rows: 0,
            full,
        }
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

    /// Writes a row: a cell for each column.
    pub fn row(&mut self, cells: &[Cell<'_>]) {
        let had_title = self.has_title;
        self.put(cells);
        if self.out.take_cut() {
            // What is held are whole rows.
            self.has_title = had_title;
            if let Some(full) = &mut self.full {
                full.take(self.out, self.rows);
            }
            self.rows = 0;
            self.put(cells);
        }
        self.rows += 1;
    }

    fn put(&mut self, cells: &[Cell<'_>]) {
        match self.form {
            Form::Csv => self.put_csv(cells),
            Form::Text => self.put_text(cells),
            Form::Json => self.put_json(cells),
        }
    }

    fn put_csv(&mut self, cells: &[Cell<'_>]) {
        self.out.put(self.pen.time.as_bytes());
        for (number, sheet) in self.table.iter().enumerate() {
            let cells = if number == self.at { cells } else { &[] };
            for (at, _) in sheet.columns().enumerate() {
                self.out.put(b",");
                if let Some(cell) = cells.get(at) {
                    cell.put_csv(self.out);
                }
            }
        }
        self.out.put(b"\n");
    }

    fn put_json(&mut self, cells: &[Cell<'_>]) {
        let Some(sheet) = self.table.get(self.at) else {
            return;
        };
        let mut line = self.pen.samples.line(sheet.event, sheet.title);
        for (column, cell) in sheet.columns().zip(cells) {
            line.push(column.key, cell.value());
        }
        line.put(self.out);
    }

    fn put_text(&mut self, cells: &[Cell<'_>]) {
        let Some(sheet) = self.table.get(self.at) else {
            return;
        };
        if !self.has_title {
            self.has_title = true;
            for byte in sheet.title.bytes() {
                self.out.put(&[byte.to_ascii_uppercase()]);
            }
            self.out.put(b" ");
            self.out.put(self.pen.time.as_bytes());
            self.out.put(b"\n");
            self.put_columns(sheet, None);
        }
        self.put_columns(sheet, Some(cells));
    }

    /// Without cells the header.
    fn put_columns(&mut self, sheet: &Sheet, cells: Option<&[Cell<'_>]>) {
        let mut is_first = true;
        for (at, column) in sheet.columns().enumerate() {
            let cell = cells.map(|cells| cells.get(at).unwrap_or(&Cell::Unknown));
            let figure = cell.map(|cell| short(cell, column.width));
            let text = match (cell, &figure) {
                (Some(Cell::Text(bytes)), _) => bytes,
                (Some(Cell::Unknown), _) => &b"-"[..],
                (_, Some(figure)) => figure.as_bytes(),
                (_, None) => column.label.as_bytes(),
            };
            let keep = match column.place {
                Place::Nowhere => continue,
                // A name stands there only by mistake.
                Place::Right if !matches!(cell, Some(Cell::Text(_))) => {
                    right(self.out, text, column.width - usize::from(is_first));
                    is_first = false;
                    continue;
                }
                Place::Right | Place::Start => Keep::Start,
                Place::End => Keep::End,
            };
            if !core::mem::take(&mut is_first) {
                self.out.put(b" ");
            }
            match cell {
                Some(Cell::Words(words)) => self.out.put(words),
                _ => left(self.out, text, column.width, keep),
            }
        }
        self.out.put(b"\n");
    }
}

/// A figure that fits: `1234k` when 1234567 does not.
fn short(cell: &Cell<'_>, width: usize) -> Fixed<32> {
    let mut figure = cell.figure();
    if let Cell::Count(mut number) = *cell {
        let mut units = ["k", "M", "G", "T"].into_iter();
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

/// Hands the header of CSV to `put`, piece by piece.
pub fn put_header(table: &[Sheet], put: &mut dyn FnMut(&[u8])) {
    put(b"Timestamp");
    for column in table.iter().flat_map(Sheet::columns) {
        put(b",");
        put(column.csv.as_bytes());
    }
    put(b"\n");
}
