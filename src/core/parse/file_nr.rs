//! `/proc/sys/fs/file-nr`: proc_sys_fs(5).
//!
//! `672 0 2466170`: file structures, those of them that are free (0 since Linux 2.6), and the most there may be (fs.file-max).

use super::{dec, words};

/// Open files of the system, and how many there may be.
#[must_use]
pub fn parse(text: &[u8]) -> Option<(u64, u64)> {
    let mut numbers = words(text.trim_ascii()).map(dec);
    let (all, free, most) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some((all.checked_sub(free)?, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_those_that_are_not_free() {
        assert_eq!(parse(b"672\t0\t2466170\n"), Some((672, 2_466_170)));
        assert_eq!(parse(b"1184\t84\t9223372036854775807\n"), Some((1100, 9_223_372_036_854_775_807)));
        for text in [&b""[..], b"672\t0\n", b"1 2 3\n", b"1\t-1\t3\n"] {
            assert_eq!(parse(text), None, "{}", text.escape_ascii());
        }
    }
}
