//! `/proc/PID/limits`: proc_pid_limits() of fs/proc/base.c. Everybody may read it.

use super::{dec, lines, words};

/// A resource limit: getrlimit(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// So much, in the unit of the resource.
    At(u64),
    /// `unlimited`.
    Unlimited,
}

/// The soft limit, which the kernel enforces, and the hard one, up to which the process itself may raise it, of the resource that its line
/// calls `name`: `Max open files`. `None`: the line is not there, or is none.
#[must_use]
pub fn limit(text: &[u8], name: &str) -> Option<(Limit, Limit)> {
    let rest = lines(text).find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b" "))?;
    let mut numbers = words(rest).map(|word| match word {
        b"unlimited" => Some(Limit::Unlimited),
        digits => dec(digits).map(Limit::At),
    });
    Some((numbers.next()??, numbers.next()??))
}

/// `Max open files`, the soft limit, which is how many descriptors a process may have; `None` when the line is not there.
#[must_use]
pub fn open_files(text: &[u8]) -> Option<u64> {
    match limit(text, "Max open files")?.0 {
        Limit::At(count) => Some(count),
        // As every limit may be; this one fs.nr_open bounds.
        Limit::Unlimited => Some(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"Limit                     Soft Limit           Hard Limit           Units     \nMax processes             unlimited            15                   processes \nMax open files            1024                 524288               files     \n";

    #[test]
    fn the_soft_limit_is_the_first_number() {
        assert_eq!(open_files(TEXT), Some(1024));
        assert_eq!(limit(TEXT, "Max processes"), Some((Limit::Unlimited, Limit::At(15))));
        assert_eq!(open_files(b"Max open files            unlimited  unlimited files\n"), Some(u64::MAX));
    }

    #[test]
    fn a_line_that_is_cut_or_is_anothers_has_no_limits() {
        for cut in [
            "Max open files",
            "Max open files    ",
            "Max open files 12",
            "",
            "Max open files -1 5\n",
            "Max open filesystems 1 2\n",
        ] {
            assert_eq!(open_files(cut.as_bytes()), None, "{cut}");
        }
    }
}
