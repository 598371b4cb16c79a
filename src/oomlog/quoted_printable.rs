//! Quoted-printable (RFC 2045, 6.7), in which mails carry what they quote: `=3D` is an equals sign, and `=` at a line's end says that it goes
//! on. A line that was not written so is left as it is: there every sign is written so, and no other line of the kernel's looks like it.

use super::event::Position;
use super::feed::LINE;
use crate::parse;

/// Whether a log that begins with this text has such lines.
pub(super) fn is_in(start: &[u8]) -> bool {
    memchr::memmem::find(start, b"quoted-printable").is_some() || memchr::memmem::find(start, b"=3D").is_some()
}

/// Lines of which the first is here and the last is not.
#[derive(Default)]
pub(super) struct Soft {
    text: Vec<u8>,
    at: Position,
}

impl Soft {
    /// The next line: what it is with those before it, unless it goes on.
    pub(super) fn next(&mut self, line: &[u8], at: Position) -> Option<(Vec<u8>, Position)> {
        let is_begun = !self.text.is_empty();
        if !is_begun {
            self.at = at;
        }
        let (text, goes_on) = undone(line.trim_ascii_end()).unwrap_or((line.to_vec(), false));
        self.text.extend_from_slice(&text);
        if goes_on && self.text.len() < LINE {
            return None;
        }
        Some((core::mem::take(&mut self.text), self.at))
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) -> Option<(Vec<u8>, Position)> {
        (!self.text.is_empty()).then(|| (core::mem::take(&mut self.text), self.at))
    }
}

/// What the line says, and whether it goes on; `None`: it is not written so.
fn undone(line: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        text.extend_from_slice(before);
        if behind.is_empty() {
            return Some((text, true));
        }
        let code = behind.get(..2).filter(|code| code.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')))?;
        text.push(u8::try_from(parse::hex(code)?).ok()?);
        rest = &behind[2..];
    }
    text.extend_from_slice(rest);
    Some((text, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_ends_of_lines_are_as_they_were_and_other_lines_stay() {
        let mut soft = Soft::default();
        let mut next =
            |line: &str| soft.next(line.as_bytes(), 1).map(|(text, _)| String::from_utf8(text).expect("ASCII"));
        assert_eq!(next("order=3D0, adj=3D=").as_deref(), None);
        assert_eq!(next("-998=20").as_deref(), Some("order=0, adj=-998 "));
        for plain in ["order=0, pid=5102", "task=indexer,pid=10", "a", ""] {
            assert_eq!(next(plain).as_deref(), Some(plain));
        }
    }
}
