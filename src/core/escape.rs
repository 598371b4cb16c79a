//! The one form in which bytes of other processes, of the kernel or of a log are shown.
//!
//! The rule, in text, in words on standard error and inside JSON strings alike: a byte that is part of a control character (C0, DEL, C1),
//! of a character that turns the direction of text, of a line separator, or of no valid UTF-8 is written as a backslash and three octal
//! digits, as the kernel writes a newline in `/proc/PID/maps` and `ls -b` writes names. A backslash is written as `\134` only where three
//! octal digits follow it, so systemd's `\x2d` stays as it is and every text can be turned back: replace each `\ooo` by its byte.
//!
//! It is the only one. What has another (`\xff` of /dev/kmsg, `#377` of rsyslog) is undone where it is read or before it is shown, so that
//! the same name looks the same wherever it stands, and `escape_ascii` is for tests.

/// Who has escaped the bytes before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nobody: comm, links, command lines.
    Raw,
    /// It is escaped already, so backslashes pass: sentences of ours, and paths in maps, where the kernel wrote newlines as `\012`.
    Kernel,
}

/// Text of somebody else within a sentence of ours, escaped by the same rule.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl core::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut done = Ok(());
        pieces(self.0, Source::Raw, &mut |piece| {
            if done.is_ok() {
                // Pieces are whole characters.
                done = f.write_str(core::str::from_utf8(piece).unwrap_or("?"));
            }
        });
        done
    }
}

/// The name of a process in a sentence, escaped; `-` for one without a name, which would leave a hole.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a>(pub &'a [u8]);

impl core::fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            [] => f.write_str("-"),
            name => Escaped(name).fmt(f),
        }
    }
}

impl Escaped<'_> {
    /// Whether nothing in it has to be escaped, and it is this text.
    #[must_use]
    pub fn is_written_as(&self, text: &str) -> bool {
        let mut rest = Some(text.as_bytes());
        pieces(self.0, Source::Raw, &mut |piece| rest = rest.and_then(|rest| rest.strip_prefix(piece)));
        rest.is_some_and(<[u8]>::is_empty)
    }
}

/// Printable ASCII without a backslash needs nothing: nearly every path and comm.
#[must_use]
pub fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\')
}

/// The escaped text in pieces: a piece is one character, an escape, or a run of plain ASCII of at most 64 bytes.
pub fn pieces(bytes: &[u8], source: Source, put: &mut dyn FnMut(&[u8])) {
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take(64).take_while(|byte| matches!(byte, b' '..=b'~') && **byte != b'\\').count();
        let (piece, tail) = rest.split_at(run.max(char_len(rest)));
        let is_escape_of_ours = source == Source::Raw
            && tail.get(..3).is_some_and(|next| next.iter().all(|digit| matches!(digit, b'0'..=b'7')));
        if first == b'\\' && is_escape_of_ours {
            put(b"\\134");
        } else if run > 0 || is_printable(piece) {
            put(piece);
        } else {
            for byte in piece {
                put(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
            }
        }
        rest = tail;
    }
}

/// Bytes of the character at the start; 1 for a byte that starts none. Never 0, never more than there is.
fn char_len(bytes: &[u8]) -> usize {
    let head = bytes.get(..4).unwrap_or(bytes);
    match head.utf8_chunks().next().map(|chunk| chunk.valid()) {
        Some(valid) if !valid.is_empty() => valid.chars().next().map_or(1, char::len_utf8),
        _ => 1,
    }
}

fn is_printable(piece: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(piece) else {
        return false;
    };
    text.chars().all(|c| {
        let turns =
            matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !c.is_control() && !turns && !matches!(c, '\u{2028}' | '\u{2029}')
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{string::String, vec::Vec};

    fn escaped(bytes: &[u8], source: Source) -> String {
        let mut found = Vec::new();
        pieces(bytes, source, &mut |piece| found.extend_from_slice(piece));
        String::from_utf8(found).expect("escaped text is UTF-8")
    }

    /// The rule of the module's doc comment, backwards.
    fn unescaped(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let mut plain = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let digits =
                bytes.get(at + 1..at + 4).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
            if let (b'\\', Some(digits)) = (bytes[at], digits) {
                plain.push(digits.iter().fold(0_u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
                at += 4;
            } else {
                plain.push(bytes[at]);
                at += 1;
            }
        }
        plain
    }

    #[test]
    fn a_terminal_gets_no_control_character() {
        assert_eq!(escaped(b"a\x1b]52;c;cHduZWQ=\x07b", Source::Raw), "a\\033]52;c;cHduZWQ=\\007b");
        assert_eq!(escaped(b"\n\r\t\x7f", Source::Raw), "\\012\\015\\011\\177");
        assert_eq!(escaped("c1:\u{9b}31m".as_bytes(), Source::Raw), "c1:\\302\\23331m");
        assert_eq!(escaped("exe\u{202e}gpj".as_bytes(), Source::Raw), "exe\\342\\200\\256gpj");
    }

    #[test]
    fn what_is_no_utf_8_is_octal_and_what_is_stays() {
        assert_eq!(escaped(b"\xff\xc3", Source::Raw), "\\377\\303");
        assert_eq!(escaped("größe/日本".as_bytes(), Source::Raw), "größe/日本");
    }

    #[test]
    fn systemd_names_and_kernel_escapes_stay_as_they_are() {
        assert_eq!(escaped(b"dev-disk-by\\x2duuid.slice", Source::Raw), "dev-disk-by\\x2duuid.slice");
        assert_eq!(escaped(b"/tmp/a\\012b", Source::Kernel), "/tmp/a\\012b");
        assert_eq!(escaped(b"/tmp/a\\012b", Source::Raw), "/tmp/a\\134012b");
    }

    #[test]
    fn every_short_text_can_be_turned_back() {
        let alphabet = [b'\\', b'0', b'7', b'8', b'x', b'\n', 0xc3, 0xa4, b'"', 0xe2, 0x80, 0xae];
        let mut texts: Vec<Vec<u8>> = std::vec![Vec::new()];
        for _ in 0..5 {
            let longer: Vec<Vec<u8>> =
                texts.iter().flat_map(|text| alphabet.map(|byte| [text, &[byte][..]].concat())).collect();
            for text in &longer {
                assert_eq!(&unescaped(&escaped(text, Source::Raw)), text);
            }
            texts = longer.into_iter().step_by(7).collect();
        }
    }
}
