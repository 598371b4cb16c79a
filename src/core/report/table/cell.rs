//! A value in a column of a row: without its unit, which is in the column's name.

use crate::fixed::Fixed;
use crate::report::escape::{self, Source};
use crate::report::{Value, columns};
use crate::sys::out::Out;
use crate::units::micros;

impl Value<'_> {
    /// The figure that CSV and text have; empty when it is not known, or no figure.
    #[must_use]
    pub fn figure(&self) -> Fixed<32> {
        let mut text = Fixed::new();
        match *self {
            Self::Bytes(size) => _ = text.push_dec(size.kib()),
            Self::Mib(size) | Self::About(size, _) => {
                text.push(if self.is_vague() { b"~" } else { b"" }).push(columns::tenths(size).as_bytes());
            }
            Self::Count(count) => _ = text.push_dec(count),
            Self::Int(number) => _ = text.push_dec(number),
            Self::Growth(bytes) => _ = text.push_dec(bytes / 1024),
            Self::Span(span) => _ = text.push_dec(span.as_secs()),
            Self::Percent(share) => push_parts(&mut text, share.hundredths, 100),
            Self::Tenths(share) => text = columns::percent(share),
            Self::Thousandths(parts) => push_parts(&mut text, parts.into(), 1000),
            Self::Rate(rate) => {
                text.push(if rate < 0 { b"-" } else { b"" });
                // A process that gains 500 bytes a second has 40 MB more tomorrow.
                let hundredths = u128::from(rate.unsigned_abs()) * 100 / 1024;
                push_parts(&mut text, u64::try_from(hundredths).unwrap_or(u64::MAX), 100);
            }
            _ => {}
        }
        text
    }

    /// What Prometheus has: bytes, seconds, shares of 1; empty when it is not known, or no figure.
    #[must_use]
    pub fn in_base_units(&self) -> Fixed<32> {
        let mut text = Fixed::new();
        match *self {
            Self::Bytes(size) | Self::Mib(size) | Self::About(size, _) => _ = text.push_dec(size.0),
            Self::Int(number) | Self::Growth(number) | Self::Rate(number) => _ = text.push_dec(number),
            Self::Count(count) => _ = text.push_dec(count),
            Self::Percent(share) | Self::Tenths(share) => push_parts(&mut text, share.hundredths, 10_000),
            Self::Thousandths(parts) => push_parts(&mut text, parts.into(), 1000),
            Self::Span(span) => push_parts(&mut text, micros(span), 1_000_000),
            _ => {}
        }
        text
    }

    /// Whether so much of it was not read that it matters.
    const fn is_vague(&self) -> bool {
        matches!(self, Self::About(_, unread) if unread.0 >= 1 << 20)
    }

    /// Writes it as a field of CSV.
    pub(super) fn put_csv(&self, out: &mut Out<'_>) {
        match *self {
            Self::Text(bytes) => put_text(bytes, Source::Raw, out),
            // In quotes, so that neither a comma nor a semicolon divides it; it begins with a word of ours.
            Self::Words(words) => {
                out.put(b"\"");
                for (at, part) in words.as_bytes().split(|byte| *byte == b'"').enumerate() {
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
