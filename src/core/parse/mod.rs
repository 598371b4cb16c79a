//! Kernel text to facts. `&[u8]` in, plain structs out; no I/O, no heap, and no input makes it panic.
//!
//! One file for each kernel file, named after it. A field that the text lacks is `None`, never 0.

pub mod arcstats;
pub mod buddyinfo;
pub mod cgroup;
pub mod file_nr;
pub mod kmsg;
pub mod limits;
pub mod locks;
pub mod maps;
pub mod memcg;
pub mod meminfo;
pub mod mm_stat;
pub mod mountinfo;
pub mod net;
pub mod oom_report;
pub mod pressure;
pub mod slabinfo;
pub mod smaps;
pub mod smaps_rollup;
pub mod stat;
pub mod statm;
pub mod status;
pub mod swaps;
pub mod sysvipc;
pub mod version;
pub mod vmstat;
pub mod wait;
pub mod zoneinfo;

use crate::units::Bytes;

/// A decimal number that is the whole of `text`; `None` when it is empty, signed, too large or anything else.
#[must_use]
pub fn dec(text: &[u8]) -> Option<u64> {
    number(text, 10)
}

/// A hexadecimal number that is the whole of `text`, without a prefix.
#[must_use]
pub fn hex(text: &[u8]) -> Option<u64> {
    number(text, 16)
}

fn number(text: &[u8], radix: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        sum.checked_mul(radix.into())?.checked_add(digit.into())
    })
}

/// A decimal number that may be negative: oom_score_adj.
#[must_use]
pub fn signed(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => i64::try_from(dec(digits)?).ok()?.checked_neg(),
        None => i64::try_from(dec(text)?).ok(),
    }
}

/// An oom_score_adj: the kernel has none below -1000 or above 1000.
#[must_use]
pub fn oom_score_adj(text: &[u8]) -> Option<i64> {
    signed(text).filter(|adj| (-1000..=1000).contains(adj))
}

/// The file's one number: oom_score, oom_score_adj, memory.current.
#[must_use]
pub fn one_number(text: &[u8]) -> Option<i64> {
    signed(text.trim_ascii())
}

/// The text to match with names: bytes are matched one by one, in 10 bytes of code for each. Empty when it is no text.
#[must_use]
pub fn ascii(text: &[u8]) -> &str {
    core::str::from_utf8(text).unwrap_or_default()
}

/// The words of a line, split at any run of blanks and tabs.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// The lines of a text, without their newline.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// `Key:   value` of status, meminfo and smaps: the key must begin the line, so that a process named `VmPTE: 9` forges nothing.
#[must_use]
pub fn key_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (key, value) = line.split_at(colon);
    Some((key, value.get(1..)?.trim_ascii()))
}

/// `1234 kB`, the unit of status, meminfo and smaps.
#[must_use]
pub fn kib(value: &[u8]) -> Option<Bytes> {
    let digits = value.strip_suffix(b"kB")?.trim_ascii_end();
    dec(digits).map(Bytes::from_kib)
}

/// The bytes of a path that the kernel wrote with blank, tab, newline and backslash as `\040`, `\011`, `\012`, `\134`
/// (mangle_path() of fs/seq_file.c).
pub fn unescape(text: &[u8], each: &mut dyn FnMut(u8)) {
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal =
            tail.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(|digit| matches!(digit, b'0'..=b'7')));
        if let Some(digits) = octal {
            let value = digits.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
            each(u8::try_from(value & 0xff).unwrap_or(b'?'));
            rest = tail.get(3..).unwrap_or_default();
        } else {
            each(byte);
            rest = tail;
        }
    }
}

/// `/proc/PID/cmdline` with blanks between the arguments, in place: they end with a NUL each; a process that overwrote them may have none.
pub fn spaced(text: &mut [u8]) -> &[u8] {
    let length = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let (arguments, _) = text.split_at_mut(length);
    arguments.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_all_digits_and_fits() {
        assert_eq!(dec(b"18446744073709551615"), Some(u64::MAX));
        for wrong in [&b""[..], b"18446744073709551616", b"1 ", b"+1", b"-1", b"1a", b"\xff"] {
            assert_eq!(dec(wrong), None);
        }
        assert_eq!(hex(b"7fFd"), Some(0x7ffd));
        assert_eq!(hex(b"0x7f"), None);
    }

    #[test]
    fn an_adjustment_may_be_negative() {
        assert_eq!(one_number(b"-1000\n"), Some(-1000));
        assert_eq!(one_number(b"0\n"), Some(0));
        assert_eq!(one_number(b"--1"), None);
        assert_eq!(one_number(b""), None);
    }

    #[test]
    fn a_size_has_its_unit() {
        assert_eq!(kib(b"12 kB"), Some(Bytes(12_288)));
        assert_eq!(kib(b"12"), None);
        assert_eq!(kib(b"18446744073709551615 kB"), Some(Bytes(u64::MAX)));
    }
}
