//! A record of `/dev/kmsg`: Documentation/ABI/testing/dev-kmsg, Linux 3.5. Extended netconsole sends the same.

use super::dec;

/// A record's first line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'l> {
    /// The facility above its lowest three bits, the level in them.
    pub priority: u64,
    /// Its number since boot.
    pub sequence: u64,
    /// Microseconds since boot, without the time that the machine slept.
    pub boot_us: u64,
    /// What follows the flags, without the comma before it: `caller=T12`.
    pub more: &'l [u8],
    /// What was printed: control characters, bytes from 127 on and the backslash are `\xNN`.
    pub text: &'l [u8],
}

impl Record<'_> {
    /// Whether the kernel printed it. What programs write to the device gets another facility, whatever they ask for.
    #[must_use]
    pub const fn is_kernel(&self) -> bool {
        self.priority >> 3 == 0
    }
}

/// Parses `6,1234,5678901,-,caller=T12;words`; netconsole may put the kernel's release before it (Linux 6.2).
#[must_use]
pub fn record(line: &[u8]) -> Option<Record<'_>> {
    // Priority, sequence and time are below 64 digits; the fields behind them few.
    let near = &line[..line.len().min(160)];
    let end = near.iter().position(|byte| *byte == b';')?;
    let head = near.get(..end)?;
    let comma = head.iter().position(|byte| *byte == b',')?;
    let head = match head.split_at(comma) {
        (release, rest) if release.contains(&b'.') => rest.get(1..)?,
        _ => head,
    };
    let mut fields = head.splitn(4, |byte| *byte == b',');
    let (priority, sequence, boot_us) = (dec(fields.next()?)?, dec(fields.next()?)?, dec(fields.next()?)?);
    // `-`, or `c` and `+` for the first and further parts of a continued line.
    let (flag, more) = fields.next()?.split_first()?;
    let is_flag = matches!(flag, b'-' | b'c' | b'+');
    let more = more.strip_prefix(b",").or_else(|| more.is_empty().then_some(more))?;
    is_flag.then_some(Record { priority, sequence, boot_us, more, text: &line[end + 1..] })
}

/// Undoes the escapes in a name: what the device prints as `\x0a` is one byte.
///
/// The buffer should be as long as the name; what does not fit is left out.
pub fn unescape<'b>(name: &[u8], buf: &'b mut [u8]) -> &'b [u8] {
    undo(name, buf, escaped)
}

/// The same of any escapes: `escaped` says which byte the text begins with, and how long that is.
pub fn undo<'b>(name: &[u8], buf: &'b mut [u8], escaped: impl Fn(&[u8]) -> Option<(u8, usize)>) -> &'b [u8] {
    let mut rest = name;
    let mut len = 0;
    while let (Some(first), Some(slot)) = (rest.first(), buf.get_mut(len)) {
        let (byte, length) = escaped(rest).unwrap_or((*first, 1));
        *slot = byte;
        rest = &rest[length..];
        len += 1;
    }
    &buf[..len]
}

/// The byte that the text begins with in the form `\x0a`, and how long that is.
#[must_use]
pub fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    let [b'\\', b'x', high, low, ..] = text else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = digit(high)? * 16 + digit(low)?;
    // Documentation/ABI/testing/dev-kmsg: below 32, from 127 on, and the backslash.
    (!(32..127).contains(&byte) || byte == b'\\').then_some((byte, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_header_and_what_was_printed() {
        let record = record(b"4,789,5000123,-,caller=T7;Killed process 7 (a;b)").expect("a record");
        assert_eq!((record.priority, record.sequence, record.boot_us), (4, 789, 5_000_123));
        assert_eq!(record.more, b"caller=T7");
        assert_eq!(record.text, b"Killed process 7 (a;b)");
        assert!(record.is_kernel());
    }

    #[test]
    fn only_what_the_device_escapes_is_undone() {
        let mut buf = [0; 64];
        assert_eq!(unescape(b"machine-qemu\\x5cx2d1.scope", &mut buf), b"machine-qemu\\x2d1.scope");
        assert_eq!(unescape(b"a\\x0ab\\xc3\\xa9", &mut buf), b"a\nb\xc3\xa9");
        assert_eq!(unescape(b"a\\x41 #012", &mut buf), b"a\\x41 #012");
    }

    #[test]
    fn what_programs_write_is_not_the_kernels() {
        let record = record(b"12,1,2,-;Killed process 7 (x)").expect("a record");
        assert!(!record.is_kernel());
    }

    #[test]
    fn netconsole_may_begin_with_the_release() {
        let record = record(b"6.12.0-1,6,416,1758426,-,ncfrag=0/33;x").expect("a record");
        assert_eq!((record.priority, record.sequence), (6, 416));
        assert_eq!(record.more, b"ncfrag=0/33");
    }

    #[test]
    fn anything_else_is_none() {
        for text in [&b""[..], b";", b"6,1,2;x", b"6,1,2,x;x", b"6,1,2,-x;x", b"6,,2,-;x", b"a,1,2,-;x", b"6,1,2,-"] {
            assert_eq!(record(text), None, "{}", text.escape_ascii());
        }
    }
}
