//! Names of a log, and of files, in commands that somebody may type: never more than names.

extern crate alloc;

use alloc::format;
use alloc::string::String;

use crate::report::escape::Escaped;

/// A name that is the same to a shell and to pgrep(1), which takes patterns.
#[must_use]
pub fn word(name: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_word = name.iter().all(is_plain) && name.first().is_some_and(u8::is_ascii_alphanumeric);
    core::str::from_utf8(name).ok().filter(|_| is_word)
}

/// A name as a shell takes it. `None` for what nobody should type: control characters, bytes that are no ASCII, and what begins as an
/// option does, or as standard input.
#[must_use]
pub fn argument(name: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(name).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:/=+-".contains(&byte);
    let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_printable || text.is_empty() || text.starts_with('-') {
        return None;
    }
    Some(if text.bytes().all(is_plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) })
}

/// A path that somebody has typed, as a shell takes it: one that [`argument`] refuses is shown all the same, as its bytes are that
/// person's own. In single quotes where a terminal shows it as it is; else as bash, zsh, ksh and busybox take bytes, `$'\xf6'`.
#[must_use]
pub fn path(name: &[u8]) -> String {
    if let Some(plain) = argument(name) {
        return plain;
    }
    let start = if name.starts_with(b"-") { "./" } else { "" };
    match core::str::from_utf8(name) {
        Ok(text) if format!("{}", Escaped(name)) == text => format!("'{start}{}'", text.replace('\'', "'\\''")),
        _ => {
            let bytes = name.iter().map(|byte| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' => char::from(*byte).into(),
                byte => format!("\\x{byte:02x}"),
            });
            format!("$'{start}{}'", bytes.collect::<String>())
        }
    }
}

/// A file below a directory of cgroups, which a path that a log names cannot leave.
#[must_use]
pub fn cgroup_file(directory: &[u8], path: &[u8], name: &[u8]) -> Option<String> {
    let is_inside = path.split(|byte| *byte == b'/').all(|part| part != b"..");
    argument(&[directory, path, b"/", name].concat()).filter(|_| is_inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_log_is_never_a_command() {
        assert_eq!(argument(b"db.service").as_deref(), Some("db.service"));
        assert_eq!(argument(b"a b").as_deref(), Some("'a b'"));
        assert_eq!(argument(b"x'; rm -rf /; '").as_deref(), Some("'x'\\''; rm -rf /; '\\'''"));
        for unsafe_to_type in [&b"-x"[..], b"a\nb", b"\xff", b"", b"$\x1b"] {
            assert_eq!(argument(unsafe_to_type), None);
        }
    }

    #[test]
    fn a_path_that_was_typed_can_be_typed_again() {
        assert_eq!(path(b"/tmp/x"), "/tmp/x");
        assert_eq!(path("/tmp/größe/it's".as_bytes()), "'/tmp/größe/it'\\''s'");
        assert_eq!(path(b"/tmp/gr\xf6sse'\n"), "$'/tmp/gr\\xf6sse\\'\\x0a'");
        assert_eq!(path(b"-x"), "'./-x'");
    }

    #[test]
    fn a_path_of_a_log_stays_among_the_cgroups() {
        let file = |path: &[u8]| cgroup_file(b"/sys/fs/cgroup", path, b"memory.max");
        let expected = "/sys/fs/cgroup/a..b/memory.max";
        assert_eq!(file(b"/a..b").as_deref(), Some(expected));
        for leaving in [&b"/.."[..], b"/../../etc", b"/a/../../b", b"../b"] {
            assert_eq!(file(leaving), None);
        }
        assert_eq!(argument(b"../b.xz").as_deref(), Some("../b.xz"));
    }
}
