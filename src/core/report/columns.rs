//! Columns of text for 80-column terminals. Names of others are escaped, and their `|` is written as `\174` by the same rule:
//! monitoring takes what is behind one for figures.

use core::fmt::{Display, Formatter};

use super::escape::Escaped;
use super::put_fmt;
use crate::fixed::Fixed;
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};

/// Which part of a name that is too long stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Its start.
    Start,
    /// Its end: of paths, whose last part tells most.
    End,
}

/// Raw bytes of a name that are looked at; the widest column has 80.
const NAME_MAX: usize = 160;

/// Appends words with `format_args!`.
pub fn words(out: &mut Out<'_>, words: core::fmt::Arguments<'_>) {
    put_fmt(out, words);
}

/// A value, or `-` where it is not known.
pub struct OrDash<T>(pub Option<T>);

impl<T: Display> Display for OrDash<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// A size in MiB with one digit behind the point, rounded: `1210.3`.
pub struct Mib(pub Bytes);

impl Display for Mib {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        f.write_str(core::str::from_utf8(tenths(self.0).as_bytes()).unwrap_or_default())
    }
}

/// A percentage with one digit behind the point, cut: `79.9`.
pub struct Tenths(pub Percent);

impl Display for Tenths {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        f.write_str(core::str::from_utf8(percent(self.0).as_bytes()).unwrap_or_default())
    }
}

/// A size as [`Mib`], or `-`.
#[must_use]
pub fn in_mib(size: Option<Bytes>) -> OrDash<Mib> {
    OrDash(size.map(Mib))
}

/// A percentage as [`Tenths`], or `-`.
#[must_use]
pub fn in_tenths(share: Option<Percent>) -> OrDash<Tenths> {
    OrDash(share.map(Tenths))
}

/// A name.
pub struct Name<'a>(pub &'a [u8]);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        for (at, part) in self.0.split(|byte| *byte == b'|').enumerate() {
            f.write_str(if at > 0 { "\\174" } else { "" })?;
            Escaped(part).fmt(f)?;
        }
        Ok(())
    }
}

/// Appends a name.
pub fn name(out: &mut Out<'_>, bytes: &[u8]) {
    put_fmt(out, format_args!("{}", Name(bytes)));
}

/// The room for a process's arguments: what fills it may be cut.
pub const COMMAND_MAX: usize = 4096;

/// A process's name, or its arguments, each of which ends with NUL.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandLine<'a> {
    /// Words of ours that stand before it.
    pub before: &'a [u8],
    /// What the process chose.
    pub words: &'a [u8],
}

impl CommandLine<'_> {
    /// Appends it.
    pub fn put(&self, out: &mut Out<'_>) {
        out.put(self.before);
        for word in self.words.split_inclusive(|byte| *byte == 0) {
            name(out, word.strip_suffix(b"\0").unwrap_or(word));
            out.put(if word.ends_with(b"\0") { b" " } else { b"" });
        }
        out.put(if self.words.len() == COMMAND_MAX { b" [cut]" } else { b"" });
    }
}

/// Appends a name in a column of `width`, and blanks up to its end.
pub fn left(out: &mut Out<'_>, bytes: &[u8], width: usize, keep: Keep) {
    let columns = shortened(out, bytes, width, keep);
    blanks(out, width.saturating_sub(columns));
}

/// Appends a name, or what of it has room in `width`. How wide it is.
pub fn shortened(out: &mut Out<'_>, bytes: &[u8], width: usize, keep: Keep) -> usize {
    let cut = bytes.len().saturating_sub(NAME_MAX);
    let part = match keep {
        Keep::Start => bytes.get(..bytes.len() - cut),
        Keep::End => bytes.get(cut..),
    };
    let mut text = Fixed::<{ NAME_MAX * 4 + 1 }>::new();
    put_fmt(&mut text, format_args!("{}", Name(part.unwrap_or_default())));
    let text = core::str::from_utf8(text.as_bytes()).unwrap_or("?");
    let columns = text.chars().count();
    let over = columns.saturating_sub(width);
    let (skip, take) = match keep {
        _ if over == 0 => (0, columns),
        Keep::Start => (0, width.saturating_sub(3)),
        Keep::End => (over + 3, width.saturating_sub(3)),
    };
    let dots: &[u8] = if over == 0 { b"" } else { b"..." };
    if keep == Keep::End {
        out.put(dots);
    }
    for char in text.chars().skip(skip).take(take) {
        out.put(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
    if keep == Keep::Start {
        out.put(dots);
    }
    columns.min(width)
}

/// Appends text of ours at the right of a column of `width`, a blank before it.
pub fn right(out: &mut Out<'_>, text: &[u8], width: usize) {
    out.put(b" ");
    blanks(out, width.saturating_sub(text.len()));
    out.put(text);
}

/// A number at the right of a column, `-` when it is not known.
pub fn number(out: &mut Out<'_>, number: Option<i64>, width: usize) {
    match number {
        Some(number) => right(out, itoa::Buffer::new().format(number).as_bytes(), width),
        None => right(out, b"-", width),
    }
}

/// A size in MiB at the right of a column, `-` when it is not known.
pub fn mb(out: &mut Out<'_>, size: Option<Bytes>, width: usize) {
    match size {
        Some(size) => right(out, tenths(size).as_bytes(), width),
        None => right(out, b"-", width),
    }
}

/// MiB with one digit behind the point, rounded.
#[must_use]
pub fn tenths(size: Bytes) -> Fixed<32> {
    // A kernel never counts as far as this saturates, a hostile fixture does.
    let tenths = (size.0 / 1024).saturating_mul(10).saturating_add(512) / 1024;
    let mut text = Fixed::new();
    text.push_dec(tenths / 10).push(b".").push_dec(tenths % 10);
    text
}

/// A percentage with one digit behind the point, cut: 79.96 is below 80.
#[must_use]
pub fn percent(percent: Percent) -> Fixed<32> {
    let mut text = Fixed::new();
    text.push_dec(percent.hundredths / 100).push(b".").push_dec(percent.hundredths % 100 / 10);
    text
}

fn blanks(out: &mut Out<'_>, count: usize) {
    for _ in 0..count {
        out.put(b" ");
    }
}

#[cfg(test)]
pub(super) mod tests {
    extern crate std;
    use super::*;
    use crate::sys::out::Sink;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::string::String;

    /// What is written, as text.
    pub(in crate::report) fn written(put: impl FnOnce(&mut Out<'_>)) -> String {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let mut buf = [0; 4096];
        let mut out = Out::new(Sink::Fd(writer.as_fd()), &mut buf);
        put(&mut out);
        out.flush();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("UTF-8");
        text
    }

    #[test]
    fn a_name_fills_its_column_and_no_more() {
        for (bytes, keep, expected) in [
            (&b"leak"[..], Keep::Start, "leak      "),
            (b"a-long-name-of-18", Keep::Start, "a-long-..."),
            (b"/lab/app/leaf one", Keep::End, "...eaf one"),
            ("größe".as_bytes(), Keep::Start, "größe     "),
            (b"a\x1b|b", Keep::Start, "a\\033\\174b"),
        ] {
            assert_eq!(written(|out| left(out, bytes, 10, keep)), expected);
        }
        let long = [b'x'; 5000];
        assert_eq!(written(|out| left(out, &long, 10, Keep::End)), "...xxxxxxx");
        assert_eq!(written(|out| name(out, b"a|b\\|071")), "a\\174b\\\\174071");
    }

    #[test]
    fn a_value_that_is_not_known_is_a_dash() {
        let share = Percent { hundredths: 799 };
        let known = format_args!(
            "{} MiB, {} %, {} %",
            in_mib(Some(Bytes(5 << 20))),
            OrDash(Some(share)),
            in_tenths(Some(share))
        );
        assert_eq!(std::string::ToString::to_string(&known), "5.0 MiB, 7.99 %, 7.9 %");
        let unknown = format_args!("{} {} {}", in_mib(None), in_tenths(None), OrDash(None::<u64>));
        assert_eq!(std::string::ToString::to_string(&unknown), "- - -");
    }

    #[test]
    fn sizes_are_rounded_to_tenths_and_what_is_not_known_is_a_dash() {
        assert_eq!(tenths(Bytes(0)).as_bytes(), b"0.0");
        assert_eq!(tenths(Bytes(1_000_000)).as_bytes(), b"1.0");
        assert_eq!(tenths(Bytes(u64::MAX)).as_bytes(), b"17592186044416.0");
        assert_eq!(written(|out| mb(out, None, 6)), "      -");
        assert_eq!(written(|out| number(out, Some(-1000), 5)), " -1000");
        assert_eq!(percent(Percent { hundredths: 7996 }).as_bytes(), b"79.9");
    }
}
