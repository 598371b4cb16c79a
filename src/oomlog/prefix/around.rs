//! What is around a line and no part of it.

/// Without the signs that mails and tables put before what they quote, and the quotes around a line of CSV or of a list of texts.
pub(super) fn unquoted(line: &[u8]) -> &[u8] {
    let inside = line.trim_ascii();
    let inside =
        inside.strip_suffix(b",").unwrap_or(inside).strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let mut rest = inside.unwrap_or(line);
    while let [b'>' | b'|', behind @ ..] = rest.trim_ascii_start() {
        rest = behind.strip_prefix(b" ").unwrap_or(behind);
    }
    rest
}

/// Without CR and LF, NULs on either side (a crash leaves them in files), and the colour that ends a line.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| *byte != 0);
    let mut line = &line[start.unwrap_or(line.len())..];
    loop {
        line = match line {
            [rest @ .., b'\n' | b'\r' | 0] => rest,
            [rest @ .., 0x1b, b'[', b'm'] | [rest @ .., 0x1b, b'[', b'0', b'm'] => rest,
            _ => return line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
        };
    }
}
