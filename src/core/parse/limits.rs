//! `/proc/PID/limits`: proc_pid_limits() of fs/proc/base.c. Everybody may read it.

use super::{dec, lines, words};

/// `Max open files`, the soft limit, which is how many descriptors a process may have; `None` when the line is not there.
#[must_use]
pub fn open_files(text: &[u8]) -> Option<u64> {
    let rest = lines(text).find_map(|line| line.strip_prefix(b"Max open files "))?;
    match words(rest).next()? {
        // As every limit may be; this one fs.nr_open bounds.
        b"unlimited" => Some(u64::MAX),
        digits => dec(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number() {
        let text = b"Limit                     Soft Limit           Hard Limit           Units     \nMax processes             unlimited            15                   processes \nMax open files            1024                 524288               files     \n";
        assert_eq!(open_files(text), Some(1024));
        assert_eq!(open_files(b"Max open files            unlimited  unlimited files\n"), Some(u64::MAX));
        for cut in ["Max open files", "Max open files    ", "", "Max open files -1\n"] {
            assert_eq!(open_files(cut.as_bytes()), None, "{cut}");
        }
    }
}
