//! `/sys/block/zram*/mm_stat`: Documentation/admin-guide/blockdev/zram.rst (Linux 4.2).
//!
//! `orig_data_size compr_data_size mem_used_total ...`, in bytes.

use super::{dec, words};
use crate::units::Bytes;

/// A zram device, or all together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Zram {
    /// What was written to it.
    pub stored: Bytes,
    /// The memory that it takes for that.
    pub used: Bytes,
}

/// Parses the whole file.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Zram> {
    let mut numbers = words(text.trim_ascii()).map(dec);
    Some(Zram { stored: Bytes(numbers.next()??), used: Bytes(numbers.nth(1)??) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_takes_less() {
        let text = b" 1069056     5555    12288        0    12288      260        0        0        0\n";
        let expected = Zram { stored: Bytes(1_069_056), used: Bytes(12_288) };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse(b"1 2\n"), None);
        assert_eq!(parse(b""), None);
    }
}
