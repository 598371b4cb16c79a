//! The state of the machine's memory: show_mem() and show_free_areas() of mm/.

use super::scan::{leading, number, size, split};
use crate::parse::words;
use crate::units::Bytes;

/// `key:value` pairs of a line, without their unit; what is no such pair is passed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pairs<'l>(pub &'l [u8]);

impl<'l> Iterator for Pairs<'l> {
    type Item = (&'l [u8], u64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let text = self.0.trim_ascii_start();
            let end = text.iter().position(|byte| *byte == b' ');
            let (word, rest) = text.split_at(end.unwrap_or(text.len()));
            self.0 = rest;
            if word.is_empty() {
                return None;
            }
            if let Some((key, value)) = split(word, b":")
                && let Some((value, _)) = leading(value)
            {
                return Some((key, value));
            }
        }
    }
}

/// The lines of `active_anon:1 inactive_anon:2`, in pages, by the word that they begin with.
const FIRST: [&[u8]; 9] = [
    b"active_anon",
    b"active_file",
    b"unevictable",
    b"slab_reclaimable",
    b"mapped",
    b"sec_pagetables",
    b"kernel_misc_reclaimable",
    b"free",
    b"Active",
];

/// A line of counts in pages, of the whole machine.
#[must_use]
pub fn counts(text: &[u8]) -> Option<Pairs<'_>> {
    let text = text.trim_ascii();
    let (first, value) = split(text, b":")?;
    // In kB it is a zone's, or a node's.
    let (_, rest) = leading(value)?;
    let is_count = rest.is_empty() || rest.starts_with(b" ");
    (is_count && FIRST.contains(&first)).then_some(Pairs(text))
}

/// `Node 0 DMA32 free:40kB min:20kB low:30kB high:40kB ...`; without NUMA there is no node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zone<'l> {
    /// The node.
    pub node: Option<u64>,
    /// DMA, DMA32, Normal, HighMem, Movable.
    pub name: &'l [u8],
    /// Free memory.
    pub free: Option<Bytes>,
    /// Below this only the kernel's own needs are met.
    pub min: Option<Bytes>,
    /// Below this reclaim begins.
    pub low: Option<Bytes>,
    /// Up to this it goes on.
    pub high: Option<Bytes>,
    /// Physical pages in it.
    pub present: Option<Bytes>,
    /// Those that the allocator manages (Linux 3.8).
    pub managed: Option<Bytes>,
}

/// Parses a zone's line.
#[must_use]
pub fn zone(text: &[u8]) -> Option<Zone<'_>> {
    let (head, values) = split(text, b" free:")?;
    let mut head = words(head);
    let (node, name) = match (head.next()?, head.next(), head.next(), head.next()) {
        (b"Node", Some(node), Some(name), None) => (Some(crate::parse::dec(node)?), name),
        (name, None, None, None) => (None, name),
        _ => return None,
    };
    let is_name = name.iter().all(u8::is_ascii_alphanumeric);
    (is_name && values.first().is_some_and(u8::is_ascii_digit)).then(|| Zone {
        node,
        name,
        free: kib_at(values),
        min: size(values, b" min:"),
        low: size(values, b" low:"),
        high: size(values, b" high:"),
        present: size(values, b" present:"),
        managed: size(values, b" managed:"),
    })
}

/// The size that the text begins with.
pub(super) fn kib_at(text: &[u8]) -> Option<Bytes> {
    let (kib, rest) = leading(text)?;
    rest.starts_with(b"kB").then(|| Bytes::from_kib(kib))
}

/// One number about the whole machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Total {
    /// `Free swap  = 0kB`.
    FreeSwap(Bytes),
    /// `Total swap = 0kB`.
    TotalSwap(Bytes),
    /// `65406 pages RAM`, `515887 pages of RAM`.
    Ram(u64),
    /// `11791 pages reserved`, `8379 reserved pages`.
    Reserved(u64),
    /// `1706 total pagecache pages`.
    PageCache(u64),
    /// `0 pages in swap cache`.
    SwapCache(u64),
    /// `0 pages HighMem/MovableOnly`.
    HighMem(u64),
}

/// Parses one of the lines with one number.
#[must_use]
pub fn total(text: &[u8]) -> Option<Total> {
    if let Some(rest) = text.strip_prefix(b"Free swap") {
        return swap(rest).map(Total::FreeSwap);
    }
    if let Some(rest) = text.strip_prefix(b"Total swap") {
        return swap(rest).map(Total::TotalSwap);
    }
    let (count, rest) = leading(text)?;
    Some(match rest.trim_ascii_end() {
        b" pages RAM" | b" pages of RAM" => Total::Ram(count),
        b" pages reserved" | b" reserved pages" => Total::Reserved(count),
        b" total pagecache pages" => Total::PageCache(count),
        b" pages in swap cache" | b" pages swap cached" => Total::SwapCache(count),
        b" pages HighMem/MovableOnly" | b" pages HighMem" => Total::HighMem(count),
        _ => return None,
    })
}

/// `  = 0kB`, or `:  0kB` of 2.6.9.
fn swap(text: &[u8]) -> Option<Bytes> {
    let sign = text.iter().position(|byte| matches!(byte, b'=' | b':'))?;
    kib_at(text.get(sign + 1..)?.trim_ascii_start())
}

/// `Node 0 hugepages_total=8 hugepages_free=8 hugepages_surp=0 hugepages_size=2048kB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HugePages {
    /// How many there are.
    pub total: u64,
    /// Those that nobody uses.
    pub free: u64,
    /// The size of one.
    pub size: Bytes,
}

/// Parses a node's huge pages of one size.
#[must_use]
pub fn huge_pages(text: &[u8]) -> Option<HugePages> {
    Some(HugePages {
        total: number(text, b"hugepages_total=")?,
        free: number(text, b"hugepages_free=")?,
        size: size(text, b"hugepages_size=")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_pairs_and_a_zones_sizes_are_none() {
        let pairs = counts(b" active_file:1 inactive_file:2 isolated_file:0").expect("one");
        assert!(pairs.eq([
            (&b"active_file"[..], 1),
            (b"inactive_file", 2),
            (b"isolated_file", 0)
        ]));
        assert!(counts(b"Active:31 inactive:491089 dirty:0").is_some());
        assert_eq!(counts(b"active_anon:4kB inactive_anon:2kB"), None);
        assert_eq!(counts(b"active_anon"), None);
    }

    #[test]
    fn a_zone_has_its_watermarks_with_and_without_a_node() {
        let text = b"Node 0 DMA32 free:22904kB boost:0kB min:4536kB low:7748kB high:109";
        let line = zone(text).expect("one");
        assert_eq!((line.node, line.name), (Some(0), &b"DMA32"[..]));
        assert_eq!(line.free, Some(Bytes::from_kib(22_904)));
        assert_eq!(line.min, Some(Bytes::from_kib(4536)));
        assert_eq!(line.high, None);
        assert_eq!(zone(b"Normal free:1kB min:2kB").expect("one").node, None);
        assert_eq!(zone(b"mapped:1 free:2"), None);
        assert_eq!(zone(b"Node 0 Normal: 1*4kB"), None);
    }

    #[test]
    fn totals_of_old_and_new() {
        for (text, total) in [
            (
                &b"Free swap  = 20904kB"[..],
                Total::FreeSwap(Bytes::from_kib(20_904)),
            ),
            (
                b"Free swap:            8kB",
                Total::FreeSwap(Bytes::from_kib(8)),
            ),
            (b"Total swap = 0kB", Total::TotalSwap(Bytes(0))),
            (b"65406 pages RAM", Total::Ram(65_406)),
            (b"515887 pages of RAM", Total::Ram(515_887)),
            (b"8379 reserved pages", Total::Reserved(8379)),
        ] {
            assert_eq!(super::total(text), Some(total));
        }
        assert_eq!(super::total(b"65406 pages"), None);
    }

    #[test]
    fn huge_pages_have_their_size() {
        let text =
            b"Node 0 hugepages_total=8 hugepages_free=3 hugepages_surp=0 hugepages_size=2048kB";
        let huge = huge_pages(text).expect("one");
        assert_eq!(
            (huge.total, huge.free, huge.size),
            (8, 3, Bytes::from_kib(2048))
        );
    }
}
