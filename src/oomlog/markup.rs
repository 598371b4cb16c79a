//! A log inside of a web page, saved as it is: tags around its lines, and names for the characters that they are made of.
//!
//! The start of the log tells: in any other log a process may be called `<p>`.

/// What begins or ends a line of such a log and is no part of it.
const TAGS: [&[u8]; 12] =
    [b"pre", b"code", b"br", b"p", b"div", b"span", b"samp", b"td", b"tr", b"html", b"body", b"blockquote"];

const NAMES: [(&[u8], u8); 7] = [
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&amp;", b'&'),
    (b"&quot;", b'"'),
    (b"&#39;", b'\''),
    (b"&#x27;", b'\''),
    (b"&nbsp;", b' '),
];

/// So much of a log is looked at: a page may have a head.
const LOOKED_AT: usize = 16 << 10;

/// Whether a log that begins with this text is one.
pub(super) fn is_in(start: &[u8]) -> bool {
    let start = &start[..start.len().min(LOOKED_AT)];
    let begins = start.trim_ascii_start();
    let is_page = begins.first() == Some(&b'<') && (tag(begins).is_some() || begins.starts_with(b"<!DOCTYPE"));
    is_page || memchr::memmem::find(start, b"<pre>").is_some_and(|at| at == 0 || start[at - 1] == b'\n')
}

/// The length of one of those tags at the start of the text.
fn tag(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b"<")?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let is_known = TAGS.iter().any(|known| known.eq_ignore_ascii_case(&rest[..length]));
    let end = memchr::memchr(b'>', rest)?;
    // Attributes are behind a blank.
    let is_name = matches!(rest.get(length), Some(b'>' | b' ' | b'/'));
    (is_known && is_name).then_some(text.len() - rest.len() + end + 1)
}

/// The line without the tags around it.
fn inside(mut line: &[u8]) -> &[u8] {
    while let Some(length) = tag(line) {
        line = &line[length..];
    }
    while let Some(at) = memchr::memrchr(b'<', line) {
        match tag(&line[at..]) {
            Some(length) if at + length == line.trim_ascii_end().len() => line = &line[..at],
            _ => break,
        }
    }
    line
}

/// The line as it was before it came into a page.
pub(super) fn undone(line: &[u8]) -> Vec<u8> {
    let mut rest = inside(line);
    let mut text = Vec::with_capacity(rest.len());
    while let Some(at) = memchr::memchr(b'&', rest) {
        let (before, behind) = rest.split_at(at);
        text.extend_from_slice(before);
        let (byte, length) = NAMES
            .iter()
            .find_map(|(name, byte)| behind.starts_with(name).then_some((*byte, name.len())))
            .unwrap_or((b'&', 1));
        text.push(byte);
        rest = &behind[length..];
    }
    text.extend_from_slice(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_around_a_line_and_names_in_it_are_undone_and_those_of_the_kernel_stay() {
        for (line, expected) in [
            ("<pre>[    1.000000] x", "[    1.000000] x"),
            ("<pre class=\"log\"><code>&lt;6&gt;[    1.000000] a&amp;lt;b</code></pre>", "<6>[    1.000000] a&lt;b"),
            ("a line<br />", "a line"),
            ("</pre>", ""),
            ("<6>[    1.000000]  <TASK>", "<6>[    1.000000]  <TASK>"),
            ("<project> a<b>", "<project> a<b>"),
            ("a & b &c", "a & b &c"),
        ] {
            assert_eq!(undone(line.as_bytes()), expected.as_bytes(), "{line}");
        }
    }

    #[test]
    fn the_start_of_a_log_tells_that_it_is_in_a_page() {
        for start in ["<pre>x", "\n<html><body>", "<!DOCTYPE html>\n", "A page\n<pre>x"] {
            assert!(is_in(start.as_bytes()), "{start}");
        }
        for start in ["", "<6>[    1.000000] x", "[    1.000000] <pre>", " <TASK>\n"] {
            assert!(!is_in(start.as_bytes()), "{start}");
        }
    }
}
