//! `/proc/PID/statm`: proc_pid_statm(5). The one file that is read at every sample: one system call, no lock of the target.

use super::{dec, words};
use crate::units::Pages;

/// Sizes of an address space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Statm {
    /// Address space. 0 for a zombie and for a kernel thread: they have none.
    pub size: Pages,
    /// RSS: anon + file + shmem, without hugetlb.
    pub resident: Pages,
    /// Its part of files and shared memory.
    pub shared: Pages,
}

/// Parses the whole file.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Statm> {
    let mut fields = words(text);
    let size = Pages(dec(fields.next()?)?);
    let resident = Pages(dec(fields.next()?)?);
    let shared = Pages(dec(fields.next()?)?);
    // The fourth number proves that the third was whole.
    fields.next()?;
    Some(Statm { size, resident, shared })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_resident_and_shared_are_the_first_three() {
        let expected = Statm { size: Pages(765), resident: Pages(441), shared: Pages(413) };
        assert_eq!(parse(b"765 441 413 5 0 123 0\n"), Some(expected));
    }

    #[test]
    fn a_cut_or_negative_text_is_malformed() {
        for text in [&b""[..], b"765", b"765 44", b"765 441 4", b"-1 2 3", b"a b c"] {
            assert_eq!(parse(text), None);
        }
    }
}
