//! What stands in a column of a row: a value with its unit, and how each form writes it.

use core::time::Duration;

use crate::fixed::Fixed;
use crate::report::Value;
use crate::report::escape::{self, Source};
use crate::sys::out::Out;
use crate::units::{Bytes, Percent, micros};

/// What stands in a column of a row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cell<'a> {
    /// Not known: nothing in CSV, `-` in text, left out of JSON.
    Unknown,
    /// A size: kB in CSV and text, bytes in JSON.
    Size(Bytes),
    /// A difference of sizes a second, perhaps negative: `-12.34` kB/s in CSV and text, bytes in JSON.
    Rate(i64),
    /// A number.
    Count(u64),
    /// A share: `12.30`.
    Share(Percent),
    /// Thousandths: `0.998`.
    Thousandths(u16),
    /// A time: whole seconds in CSV and text, microseconds in JSON.
    Span(Duration),
    /// Bytes that somebody else chose: escaped as each format needs it; in CSV quoted, and never a formula of a spreadsheet.
    Text(&'a [u8]),
    /// A sentence of ours, the names in it escaped already; at the end of a line of text, as long as it is.
    Words(&'a [u8]),
}

impl<'a> Cell<'a> {
    /// The figure that CSV and text have; empty when it is not known, or no figure.
    #[must_use]
    pub fn figure(&self) -> Fixed<32> {
        let mut text = Fixed::new();
        match *self {
            Self::Unknown | Self::Text(_) | Self::Words(_) => {}
            Self::Size(size) => _ = text.push_dec(size.kib()),
            Self::Count(count) => _ = text.push_dec(count),
            Self::Span(span) => _ = text.push_dec(span.as_secs()),
            Self::Share(share) => push_parts(&mut text, share.hundredths, 100),
            Self::Thousandths(parts) => push_parts(&mut text, parts.into(), 1000),
            Self::Rate(rate) => {
                text.push(if rate < 0 { b"-" } else { b"" });
                // A process that gains 500 bytes a second has 40 MB more tomorrow.
                let hundredths = u128::from(rate.unsigned_abs()) * 100 / 1024;
                push_parts(&mut text, u64::try_from(hundredths).unwrap_or(u64::MAX), 100);
            }
        }
        text
    }

    /// What Prometheus has: bytes, seconds, shares of 1; empty when it is not known, or no figure.
    #[must_use]
    pub fn in_base_units(&self) -> Fixed<32> {
        let mut text = Fixed::new();
        match *self {
            Self::Unknown | Self::Text(_) | Self::Words(_) => {}
            Self::Size(size) => _ = text.push_dec(size.0),
            Self::Rate(rate) => _ = text.push_dec(rate),
            Self::Count(count) => _ = text.push_dec(count),
            Self::Share(share) => push_parts(&mut text, share.hundredths, 10_000),
            Self::Thousandths(parts) => push_parts(&mut text, parts.into(), 1000),
            Self::Span(span) => push_parts(&mut text, micros(span), 1_000_000),
        }
        text
    }

    /// What JSON has.
    pub(super) fn value(self) -> Value<'a> {
        match self {
            Self::Unknown => Value::Nothing,
            Self::Size(size) => Value::Bytes(size),
            Self::Rate(rate) => Value::Int(rate),
            Self::Count(count) => Value::Count(count),
            Self::Share(share) => Value::Percent(share),
            Self::Thousandths(parts) => Value::Thousandths(parts),
            Self::Span(span) => Value::Span(span),
            Self::Text(bytes) => Value::Text(bytes),
            Self::Words(words) => Value::Words(core::str::from_utf8(words).unwrap_or_default()),
        }
    }

    /// Writes it as a field of CSV.
    pub(super) fn put_csv(&self, out: &mut Out<'_>) {
        match *self {
            Self::Text(bytes) => put_text(bytes, Source::Raw, out),
            // In quotes, so that neither a comma nor a semicolon divides it; it begins with a word of ours.
            Self::Words(words) => {
                out.put(b"\"");
                for (at, part) in words.split(|byte| *byte == b'"').enumerate() {
                    out.put(if at > 0 { b"\"\"" } else { b"" });
                    out.put(part);
                }
                out.put(b"\"");
            }
            _ => out.put(self.figure().as_bytes()),
        }
    }
}

/// `12.30` for 1230 of 100, `0.998` for 998 of 1000.
fn push_parts(text: &mut Fixed<32>, number: u64, parts: u64) {
    text.push_dec(number / parts).push(b".");
    // A one in front keeps the zeros.
    let mut rest = itoa::Buffer::new();
    let rest = rest.format(parts + number % parts).as_bytes();
    text.push(rest.get(1..).unwrap_or_default());
}

/// A field of RFC 4180 with a name of somebody else, escaped as everywhere: a reader gets lines of printable text.
///
/// The byte that makes a spreadsheet take a field for a formula is written as `\075` by the same rule, and so is a `;`, which
/// divides fields where numbers have a decimal comma: behind it a formula could begin. 0xEF begins the wide forms of these bytes.
fn put_text(bytes: &[u8], source: Source, out: &mut Out<'_>) {
    let quote: &[u8] = match bytes.iter().any(|byte| matches!(byte, b'"' | b',')) {
        true => b"\"",
        false => b"",
    };
    out.put(quote);
    let mut rest = bytes;
    let is_special = |at: usize, byte: u8| match byte {
        b'=' | b'+' | b'-' | b'@' | 0xef => at == 0,
        byte => matches!(byte, b';' | b'"'),
    };
    let mut from = 0;
    while let Some(&first) = rest.first() {
        if is_special(from, first) {
            match first {
                b'"' => out.put(b"\"\""),
                byte => {
                    let octal = [byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| b'0' + digit);
                    out.put(b"\\");
                    out.put(&octal);
                }
            }
            (rest, from) = (rest.get(1..).unwrap_or_default(), from + 1);
            continue;
        }
        let plain = rest.iter().enumerate();
        let length = plain.take_while(|(at, byte)| !is_special(from + at, **byte)).count();
        let (now, later) = rest.split_at(length);
        escape::text(out, now, source);
        (rest, from) = (later, from + length);
    }
    out.put(quote);
}
