//! `/proc/swaps`: swapon(8).
//!
//! `/dev/zram0    partition    131068    1044    100`, sizes in KiB, under a header.

use super::{dec, words};
use crate::units::Bytes;

/// A swap area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swap<'a> {
    /// Its device or file as the kernel writes it: [`super::unescape`] gives the path.
    pub name: &'a [u8],
    /// Where its pages go.
    pub medium: Medium,
    /// Its size.
    pub size: Bytes,
    /// How much of it is used.
    pub used: Bytes,
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
pub fn line(text: &[u8]) -> Option<Swap<'_>> {
    let mut words = words(text);
    let name = words.next()?;
    let size = Bytes::from_kib(dec(words.nth(1)?)?);
    let medium = match name.strip_prefix(b"/dev/zram") {
        Some(number) if dec(number).is_some() => Medium::Zram,
        _ => Medium::Other,
    };
    Some(Swap { name, medium, size, used: Bytes::from_kib(dec(words.next()?)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_have_blanks() {
        let text = b"/mnt/my\\040swap\\134\\012(deleted)        file\t\t1048572\t\t524288\t\t-2";
        let swap = line(text).expect("an area");
        assert_eq!((swap.size.kib(), swap.used.kib()), (1_048_572, 524_288));
        let mut path = crate::fixed::Fixed::<64>::new();
        super::super::unescape(swap.name, &mut |byte| _ = path.push(&[byte]));
        assert_eq!(path.as_bytes(), b"/mnt/my swap\\\n(deleted)");
        assert_eq!(line(b"/swap file 1 -"), None);
        assert_eq!(line(b"/swap file 1"), None);
    }

    #[test]
    fn zram_is_told_by_its_name() {
        let found = |text| line(text).map(|swap| (swap.medium, swap.size));
        let zram = b"/dev/zram0                              partition\t131068\t\t1044\t\t100";
        assert_eq!(found(zram), Some((Medium::Zram, Bytes::from_kib(131_068))));
        let file = b"/swap\\040file file 1048572 0 -2";
        assert_eq!(found(file), Some((Medium::Other, Bytes::from_kib(1_048_572))));
        assert_eq!(found(b"/dev/zrambling partition 8 0 -2"), Some((Medium::Other, Bytes(8192))));
        assert_eq!(found(b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"), None);
    }
}
