//! Names of a log, and of files, in commands that somebody may type: never more than names.

use core::fmt;

use crate::escape::Escaped;

/// A name that is the same to a shell and to pgrep(1), which takes patterns.
#[must_use]
pub fn word(name: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_word = name.iter().all(is_plain) && name.first().is_some_and(u8::is_ascii_alphanumeric);
    core::str::from_utf8(name).ok().filter(|_| is_word)
}

/// A name as a shell takes it: see [`argument`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Argument<'n>(&'n str);

/// A name as a shell takes it. `None` for what nobody should type: control characters, bytes that are no ASCII, and what begins as an
/// option does, or as standard input.
#[must_use]
pub fn argument(name: &[u8]) -> Option<Argument<'_>> {
    let text = core::str::from_utf8(name).ok()?;
    let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (is_printable && !text.is_empty() && !text.starts_with('-')).then_some(Argument(text))
}

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:/=+-".contains(&byte);
        if self.0.bytes().all(is_plain) { f.write_str(self.0) } else { quoted("", self.0, f) }
    }
}

/// In single quotes, in which a shell takes all bytes but these as they are.
fn quoted(start: &str, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "'{start}")?;
    for (at, part) in text.split('\'').enumerate() {
        f.write_str(if at > 0 { r"'\''" } else { "" })?;
        f.write_str(part)?;
    }
    f.write_str("'")
}

/// A path that somebody has typed, as a shell takes it: one that [`argument`] refuses is shown all the same, as its bytes are that
/// person's own. In single quotes where a terminal shows it as it is; else as bash, zsh, ksh and busybox take bytes, `$'\xf6'`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path<'n>(pub &'n [u8]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        if let Some(plain) = argument(name) {
            return plain.fmt(f);
        }
        let start = if name.starts_with(b"-") { "./" } else { "" };
        if let Some(text) = core::str::from_utf8(name).ok().filter(|text| Escaped(name).is_written_as(text)) {
            return quoted(start, text, f);
        }
        write!(f, "$'{start}")?;
        for byte in name {
            match byte {
                b'\'' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
                b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
                byte => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_str("'")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_name_of_a_log_is_never_a_command() {
        let argument = |name| argument(name).map(|name| name.to_string());
        assert_eq!(argument(b"db.service").as_deref(), Some("db.service"));
        assert_eq!(argument(b"../b.xz").as_deref(), Some("../b.xz"));
        assert_eq!(argument(b"a b").as_deref(), Some("'a b'"));
        assert_eq!(argument(b"x'; rm -rf /; '").as_deref(), Some("'x'\\''; rm -rf /; '\\'''"));
        for unsafe_to_type in [&b"-x"[..], b"a\nb", b"\xff", b"", b"$\x1b"] {
            assert_eq!(argument(unsafe_to_type), None);
        }
    }

    #[test]
    fn a_path_that_was_typed_can_be_typed_again() {
        assert_eq!(Path(b"/tmp/x").to_string(), "/tmp/x");
        assert_eq!(Path("/tmp/größe/it's".as_bytes()).to_string(), "'/tmp/größe/it'\\''s'");
        assert_eq!(Path(b"/tmp/gr\xf6sse'\n").to_string(), "$'/tmp/gr\\xf6sse\\'\\x0a'");
        assert_eq!(Path(b"-x").to_string(), "'./-x'");
    }
}
