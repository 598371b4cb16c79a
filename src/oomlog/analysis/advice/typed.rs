//! Names of a log in commands that somebody may type: never more than names.

extern crate alloc;

use alloc::format;
use alloc::string::String;

/// A name that is the same to a shell and to pgrep(1), which takes patterns.
pub(in crate::oomlog::analysis) fn word(name: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_word = name.iter().all(is_plain) && name.first().is_some_and(u8::is_ascii_alphanumeric);
    core::str::from_utf8(name).ok().filter(|_| is_word)
}

/// A name as a shell takes it. `None` for what nobody should type: control characters, bytes that are no ASCII.
pub(in crate::oomlog::analysis) fn shell(name: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(name).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:/=+-".contains(&byte);
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        || text.is_empty()
        || text.starts_with('-')
        || text.split('/').any(|part| part == "..")
    {
        return None;
    }
    Some(if text.bytes().all(is_plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_log_is_never_a_command() {
        assert_eq!(shell(b"db.service").as_deref(), Some("db.service"));
        assert_eq!(shell(b"a b").as_deref(), Some("'a b'"));
        assert_eq!(
            shell(b"x'; rm -rf /; '").as_deref(),
            Some("'x'\\''; rm -rf /; '\\'''")
        );
        for unsafe_to_type in [&b"-x"[..], b"a\nb", b"\xff", b"", b"$\x1b"] {
            assert_eq!(shell(unsafe_to_type), None);
        }
    }
}
