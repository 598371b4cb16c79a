//! Lines of a fixed length: pieces of text, and between them fields of so many bytes.

use crate::fixed::Fixed;

/// A line of a frame: long enough for either form.
pub(super) type Line = Fixed<256>;

/// The width of a number, padded with blanks.
pub(super) const WIDE: usize = 12;
/// The width of a check, in hexadecimal digits.
pub(super) const HEX: usize = 16;

pub(super) fn length(pieces: &[&str], widths: &[usize]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum::<usize>() + widths.iter().sum::<usize>()
}

pub(super) fn join(pieces: &[&str], fields: &[&[u8]]) -> Line {
    let mut line = Line::new();
    for (at, piece) in pieces.iter().enumerate() {
        line.push(piece.as_bytes());
        line.push(fields.get(at).copied().unwrap_or_default());
    }
    line
}

pub(super) fn decimal(mut number: usize) -> [u8; WIDE] {
    let mut digits = [b' '; WIDE];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[number % 10];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits
}

pub(super) fn hex(number: u64) -> [u8; HEX] {
    let mut rest = number;
    let mut digits = [0; HEX];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[usize::from(rest.to_le_bytes()[0] & 15)];
        rest >>= 4;
    }
    digits
}

/// The fields of a line, once all that is between them is as it must be.
pub(super) struct Fields<'b> {
    widths: core::slice::Iter<'b, usize>,
    pieces: core::slice::Iter<'b, &'static str>,
    rest: &'b [u8],
}

impl<'b> Fields<'b> {
    pub(super) fn new(pieces: &'b [&'static str], widths: &'b [usize], bytes: &'b [u8]) -> Option<Self> {
        let line = bytes.get(..length(pieces, widths))?;
        let (first, pieces) = pieces.split_first()?;
        Some(Self { widths: widths.iter(), pieces: pieces.iter(), rest: line.strip_prefix(first.as_bytes())? })
    }

    pub(super) fn next(&mut self) -> Option<&'b [u8]> {
        let (field, rest) = self.rest.split_at_checked(*self.widths.next()?)?;
        self.rest = rest.strip_prefix(self.pieces.next()?.as_bytes())?;
        Some(field)
    }

    pub(super) fn number(&mut self) -> Option<usize> {
        let digits = self.next()?.trim_ascii_start();
        number(digits, 10).and_then(|number| usize::try_from(number).ok())
    }

    pub(super) fn hex(&mut self) -> Option<u64> {
        number(self.next()?, 16)
    }
}

fn number(digits: &[u8], base: u32) -> Option<u64> {
    let first = digits.first().map(|_| 0_u64);
    digits.iter().try_fold(first?, |sum, digit| {
        let digit = char::from(*digit).to_digit(base)?;
        sum.checked_mul(base.into())?.checked_add(digit.into())
    })
}
