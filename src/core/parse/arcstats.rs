//! `/proc/spl/kstat/zfs/arcstats` of OpenZFS: the cache that ZFS keeps of its files, outside of the kernel's page cache.
//!
//! Two lines of heading, then `name type data`, as `size                            4    11534336000`. `/proc/meminfo` counts that memory as
//! used, in none of its lines by that name, though ZFS gives it back when memory is short.

use super::{ascii, dec, words};
use crate::units::Bytes;

/// The adaptive replacement cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZfsCache {
    /// `size`: what it takes of memory now.
    pub size: Bytes,
    /// `c_min`: it never shrinks below that (`zfs_arc_min`).
    pub least: Bytes,
}

impl ZfsCache {
    /// What ZFS gives back when memory is short: `size - c_min`. It is cache, as page cache is.
    #[must_use]
    pub const fn reclaimable(self) -> Bytes {
        Bytes(self.size.0.saturating_sub(self.least.0))
    }
}

/// The lines that were seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    size: Option<Bytes>,
    least: Option<Bytes>,
}

impl Lines {
    /// Adds a line.
    pub fn add(&mut self, line: &[u8]) {
        let mut words = words(line);
        let (Some(name), Some(data)) = (words.next(), words.nth(1)) else {
            return;
        };
        let slot = match ascii(name) {
            "size" => &mut self.size,
            "c_min" => &mut self.least,
            _ => return,
        };
        *slot = dec(data).map(Bytes);
    }

    /// The cache, if both of its lines were there: without `c_min` it is not known what can be given back.
    #[must_use]
    pub fn arc(&self) -> Option<ZfsCache> {
        Some(ZfsCache { size: self.size?, least: self.least? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Option<ZfsCache> {
        let mut seen = Lines::default();
        crate::parse::lines(text).for_each(|line| seen.add(line));
        seen.arc()
    }

    #[test]
    fn what_can_shrink_is_the_size_above_the_least() {
        let text = b"13 1 0x01 147 39984 4262718217 9183466498\nname                            type data\n\
            hits                            4    1234\nc                               4    9000\nc_min                           4    1000\n\
            c_max                           4    20000\nsize                            4    8000\nuncompressed_size               4    9999\n\
            hdr_size                        4    77\n";
        let arc = parse(text).expect("an ARC");
        assert_eq!((arc.size, arc.least, arc.reclaimable()), (Bytes(8000), Bytes(1000), Bytes(7000)));
    }

    #[test]
    fn a_small_cache_gives_back_nothing_and_a_cut_file_is_not_known() {
        assert_eq!(parse(b"c_min 4 1000\nsize 4 300\n").expect("an ARC").reclaimable(), Bytes(0));
        for text in [&b"size 4 300\n"[..], b"c_min 4 1000\n", b"size 4\nc_min 4 1\n", b"size 4 -1\nc_min 4 1\n", b""] {
            assert_eq!(parse(text), None, "{}", text.escape_ascii());
        }
    }
}
