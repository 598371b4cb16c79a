//! What transports do to bytes that they can't carry, and how to undo it.

use super::record::Record;
use crate::parse::kmsg;

/// The lines of a record: the kernel prints some (`active_anon:...`, a cgroup's statistics) as one record of several, whose newlines
/// become `\x0a` in /dev/kmsg, `#012` by rsyslog, and stay newlines in JSON.
///
/// A process's name may hold a newline too. Lines that name one are a single line by their nature, and never split.
pub fn lines_of(record: Record<'_>) -> impl Iterator<Item = Record<'_>> {
    let mut rest = Some(record.text);
    // Most lines have no newline, and that is sooner known.
    let whole = newline(record.text).is_none() || names_a_process(record.text);
    core::iter::from_fn(move || {
        let text = rest?;
        let (line, behind) = match newline(text) {
            Some((at, length)) if !whole => (&text[..at], Some(&text[at + length..])),
            _ => (text, None),
        };
        // A newline at the very end ends the last line.
        rest = behind.filter(|behind| !behind.is_empty());
        Some(Record { text: line, ..record })
    })
}

/// The messages with a process's name inside, by the words that surround it.
fn names_a_process(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] =
        [b"invoked oom-killer", b"rocess ", b"oom-kill:", b" Comm: ", b", comm: ", b" cpuset=", b"ask in ", b"task="];
    let is_row = matches!(text, [b'[', b' ' | b'0'..=b'9', ..]);
    is_row || WORDS.iter().any(|word| contains(text, word))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

/// Where the first newline is in whatever form, and its length.
fn newline(text: &[u8]) -> Option<(usize, usize)> {
    memchr::memchr3_iter(b'\n', b'\\', b'#', text).find_map(|at| match text.get(at..)? {
        [b'\n', ..] => Some((at, 1)),
        [b'\\', b'x', b'0', b'a' | b'A', ..] | [b'#', b'0', b'1', b'2', ..] => Some((at, 4)),
        _ => None,
    })
}

/// Undoes the escapes in a name: `\x0a` of printk (only bytes that it does escape), `#012` of rsyslog (only control characters).
///
/// The buffer should be as long as the name; what does not fit is left out.
pub fn unescape<'b>(name: &[u8], buf: &'b mut [u8]) -> &'b [u8] {
    kmsg::undo(name, buf, |text| kmsg::escaped(text).or_else(|| rsyslog(text)))
}

/// `#012`, and how long that is.
fn rsyslog(text: &[u8]) -> Option<(u8, usize)> {
    let [b'#', a @ (b'0' | b'1'), b, c, ..] = text else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(8).and_then(|digit| u8::try_from(digit).ok());
    let byte = digit(a)? * 64 + digit(b)? * 8 + digit(c)?;
    (byte < 32 || byte == 127).then_some((byte, 4))
}

/// What is behind the colour codes that the text begins with.
pub(super) fn skip_colour(mut text: &[u8]) -> &[u8] {
    while let Some(length) = colour(text) {
        text = &text[length..];
    }
    text
}

/// The length of a control sequence (ECMA-48 5.4) at the start of the text.
fn colour(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let length = parameters.iter().take(24).take_while(|byte| (0x20..=0x3f).contains(*byte)).count();
    let is_final = parameters.get(length).is_some_and(|byte| (0x40..=0x7e).contains(byte));
    is_final.then_some(2 + length + 1)
}

/// Takes the control sequences out of a line in place, and returns what is left: dmesg colours words inside of a message too. Blanks
/// that a web page made unbreakable (U+00A0) become blanks; the kernel prints none, it escapes what is not ASCII.
pub fn without_colour(line: &mut [u8]) -> &mut [u8] {
    let Some(first) = line.iter().position(|byte| matches!(byte, 0x1b | 0xc2)) else {
        return line;
    };
    let (mut from, mut to) = (first, first);
    while from < line.len() {
        if let Some(length) = colour(&line[from..]) {
            from += length;
        } else if line[from..].starts_with("\u{a0}".as_bytes()) {
            line[to] = b' ';
            from += 2;
            to += 1;
        } else {
            line[to] = line[from];
            from += 1;
            to += 1;
        }
    }
    &mut line[..to]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::prefix::record;

    fn texts(line: &[u8]) -> Vec<&[u8]> {
        lines_of(record(line)).map(|line| line.text).collect()
    }

    #[test]
    fn a_record_of_several_lines_is_split_whatever_its_newlines_became() {
        for line in [
            &b"4,1,2,-;active_anon:1\\x0a active_file:2\\x0a free:3"[..],
            b"Nov 21 10:03:56 host kernel: active_anon:1#012 active_file:2#012 free:3",
            b"[    1.000000] active_anon:1\n active_file:2\n free:3\n",
        ] {
            assert_eq!(texts(line), [&b"active_anon:1"[..], b" active_file:2", b" free:3"]);
        }
    }

    #[test]
    fn a_newline_in_a_name_is_no_end_of_line() {
        let line = b"Out of memory: Killed process 12 (a\\x0ab) total-vm:1kB";
        assert_eq!(texts(line), [&line[..]]);
        let mut buf = [0; 8];
        assert_eq!(unescape(b"a\\x0ab", &mut buf), b"a\nb");
        assert_eq!(unescape(b"a#012b#177", &mut buf), b"a\nb\x7f");
    }

    #[test]
    fn what_no_transport_escapes_is_left_alone() {
        let mut buf = [0; 32];
        for name in [&b"a\\x41b"[..], b"#041", b"#9", b"\\x0", b"\\x5g", b"#12"] {
            assert_eq!(unescape(name, &mut buf), name);
        }
        assert_eq!(unescape(b"\\x5c\\xff", &mut buf), b"\\\xff");
        assert_eq!(unescape(b"longer", &mut [0; 3]), b"lon");
    }

    #[test]
    fn colour_goes_and_all_else_stays() {
        let mut line = *b"\x1b[32m[    1.0] \x1b[0m\x1b[33moom_reaper: \x1b[0mreaped\x1b";
        assert_eq!(without_colour(&mut line), b"[    1.0] oom_reaper: reaped\x1b");
        let mut line = *b"[\xc2\xa0 1.0] \xc2\xa9\xc2";
        assert_eq!(without_colour(&mut line), b"[  1.0] \xc2\xa9\xc2");
    }
}
