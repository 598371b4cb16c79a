//! `/proc/swaps`: swapon(8).
//!
//! `/dev/zram0    partition    131068    1044    100`, sizes in KiB, under a header.

use super::{dec, words};
use crate::units::Bytes;

/// A swap area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swap {
    /// Where its pages go.
    pub medium: Medium,
    /// Its size.
    pub size: Bytes,
}

/// Where pages of swap go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    /// Compressed, into memory.
    Zram,
    /// To a disk, or to what looks like one.
    Other,
}

/// Parses a line; `None` for the header.
#[must_use]
pub fn line(text: &[u8]) -> Option<Swap> {
    let mut words = words(text);
    let name = words.next()?;
    let size = Bytes::from_kib(dec(words.nth(1)?)?);
    let medium = match name.strip_prefix(b"/dev/zram") {
        Some(number) if dec(number).is_some() => Medium::Zram,
        _ => Medium::Other,
    };
    Some(Swap { medium, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zram_is_told_by_its_name() {
        let found = |text| line(text).map(|swap| (swap.medium, swap.size));
        let zram = b"/dev/zram0                              partition\t131068\t\t1044\t\t100";
        assert_eq!(found(zram), Some((Medium::Zram, Bytes::from_kib(131_068))));
        let file = b"/swap\\040file file 1048572 0 -2";
        assert_eq!(
            found(file),
            Some((Medium::Other, Bytes::from_kib(1_048_572)))
        );
        assert_eq!(
            found(b"/dev/zrambling partition 8 0 -2"),
            Some((Medium::Other, Bytes(8192)))
        );
        assert_eq!(
            found(b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"),
            None
        );
    }
}
