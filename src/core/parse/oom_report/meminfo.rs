//! The state of the machine's memory: show_mem() and show_free_areas() of mm/.

use super::scan::{after, are_of_memory, is_of_memory, leading, number, size, split};
use crate::parse::ascii;
use crate::parse::words;
use crate::units::Bytes;

/// `key:value` pairs of a line, without their unit, which is no less than a byte; what is no such pair is passed over, and so is
/// what can't be of memory.
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
                && is_of_memory(value.saturating_mul(1024))
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
    /// Of it what only movable pages may take (CMA, Linux 3.5).
    pub free_cma: Option<Bytes>,
    /// Of it what only atomic allocations may take (Linux 5.0).
    pub reserved_highatomic: Option<Bytes>,
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
    /// `kernel_stack`, to Linux 5.8; then it is the node's.
    pub kernel_stack: Option<Bytes>,
    /// `all_unreclaimable?`, to Linux 4.7; then it is the node's.
    pub all_unreclaimable: Option<bool>,
}

/// Parses a zone's line.
#[must_use]
pub fn zone(text: &[u8]) -> Option<Zone<'_>> {
    let (head, values) = split(text, b" free:")?;
    let (node, name) = place(head)?;
    values.first().is_some_and(u8::is_ascii_digit).then(|| Zone {
        node,
        name,
        free: kib_at(values),
        free_cma: size(values, b" free_cma:"),
        reserved_highatomic: size(values, b" reserved_highatomic:"),
        min: size(values, b" min:"),
        low: size(values, b" low:"),
        high: size(values, b" high:"),
        present: size(values, b" present:"),
        managed: size(values, b" managed:"),
        kernel_stack: size(values, b" kernel_stack:"),
        all_unreclaimable: all_unreclaimable(values),
    })
}

/// `Node 0 DMA32`, or `DMA`.
fn place(head: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let mut head = words(head);
    let (node, name) = match (head.next()?, head.next(), head.next(), head.next()) {
        (b"Node", Some(node), Some(name), None) => (Some(crate::parse::dec(node)?), name),
        (name, None, None, None) => (None, name),
        _ => return None,
    };
    name.iter().all(u8::is_ascii_alphanumeric).then_some((node, name))
}

fn all_unreclaimable(text: &[u8]) -> Option<bool> {
    match after(text, b" all_unreclaimable? ")? {
        [b'y', b'e', b's', ..] => Some(true),
        [b'n', b'o', ..] => Some(false),
        _ => None,
    }
}

/// `Node 0 active_anon:4kB ... kernel_stack:1536kB all_unreclaimable? no` (Linux 4.8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its number.
    pub node: u64,
    /// `kernel_stack` (Linux 5.9).
    pub kernel_stack: Option<Bytes>,
    /// `all_unreclaimable?`: reclaim has given up.
    pub all_unreclaimable: Option<bool>,
}

/// Parses a node's line.
#[must_use]
pub fn node(text: &[u8]) -> Option<Node> {
    let (node, values) = leading(text.strip_prefix(b"Node ")?)?;
    values.starts_with(b" active_anon:").then(|| Node {
        node,
        kernel_stack: size(values, b" kernel_stack:"),
        all_unreclaimable: all_unreclaimable(values),
    })
}

/// More zones than any kernel has.
pub const ZONES: usize = 6;

/// `lowmem_reserve[]: 0 1943 1943 1943`: the pages that allocations for higher zones must leave, of the zone whose line it follows.
#[must_use]
pub fn lowmem_reserve(text: &[u8]) -> Option<[u64; ZONES]> {
    let rest = text.trim_ascii_start().strip_prefix(b"lowmem_reserve[]:")?;
    let mut pages = [0; ZONES];
    let mut numbers = words(rest);
    for slot in &mut pages {
        match numbers.next() {
            Some(number) => *slot = crate::parse::dec(number)?,
            None => break,
        }
    }
    Some(pages)
}

/// More orders than any kernel has.
pub const ORDERS: usize = 16;

/// `Node 0 DMA32: 12*4kB (UME) 3*8kB (M) ... = 123kB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocks<'l> {
    /// The node.
    pub node: Option<u64>,
    /// The zone.
    pub name: &'l [u8],
    /// How many blocks of 1, 2, 4 and so on pages are free for everybody.
    pub counts: [u64; ORDERS],
    /// The size of a page.
    pub page: Bytes,
}

/// Parses a zone's free blocks; `None` when the line was cut.
#[must_use]
pub fn blocks(text: &[u8]) -> Option<Blocks<'_>> {
    let (head, rest) = split(text, b": ")?;
    let (node, name) = place(head)?;
    let (mut counts, mut orders, mut page) = ([0; ORDERS], 0_usize, None);
    for word in words(rest) {
        match *word.first()? {
            // Of kinds that not everybody may have: CMA, reserves for atomic allocations, isolated.
            b'(' if !word.iter().any(|kind| b"UMER".contains(kind)) => {
                *counts.get_mut(orders.checked_sub(1)?)? = 0;
            }
            b'(' => {}
            b'=' => {
                let page = page?;
                return Some(Blocks { node, name, counts, page });
            }
            _ => {
                let (count, behind) = leading(word)?;
                let size = kib_at(behind.strip_prefix(b"*")?)?;
                page = page.or(Some(size));
                let size = size.0.saturating_mul(count);
                *counts.get_mut(orders)? = Some(count).filter(|_| is_of_memory(size))?;
                orders += 1;
            }
        }
    }
    None
}

/// The size that the text begins with.
pub(super) fn kib_at(text: &[u8]) -> Option<Bytes> {
    let (kib, rest) = leading(text)?;
    rest.starts_with(b"kB").then(|| Bytes::from_kib(kib)).filter(|size| is_of_memory(size.0))
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
    let (count, rest) = leading(text).filter(|(count, _)| are_of_memory(*count))?;
    Some(match ascii(rest.trim_ascii_end()) {
        " pages RAM" | " pages of RAM" => Total::Ram(count),
        " pages reserved" | " reserved pages" => Total::Reserved(count),
        " total pagecache pages" => Total::PageCache(count),
        " pages in swap cache" | " pages swap cached" => Total::SwapCache(count),
        " pages HighMem/MovableOnly" | " pages HighMem" => Total::HighMem(count),
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
    let size = size(text, b"hugepages_size=")?;
    let pages = |key| number(text, key).filter(|pages| is_of_memory(size.0.saturating_mul(*pages)));
    Some(HugePages { total: pages(b"hugepages_total=")?, free: pages(b"hugepages_free=")?, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_pairs_and_a_zones_sizes_are_none() {
        let pairs = counts(b" active_file:1 inactive_file:2 isolated_file:0").expect("one");
        assert!(pairs.eq([(&b"active_file"[..], 1), (b"inactive_file", 2), (b"isolated_file", 0)]));
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
    fn a_node_and_a_zone_say_whether_reclaim_has_given_up() {
        let found =
            node(b"Node 1 active_anon:4kB kernel_stack:1536kB pagetables:8kB all_unreclaimable? yes Balloon:0kB");
        assert_eq!(
            found,
            Some(Node { node: 1, kernel_stack: Some(Bytes::from_kib(1536)), all_unreclaimable: Some(true) })
        );
        assert_eq!(node(b"Node 1 DMA free:4kB min:1kB"), None);
        assert_eq!(node(b"active_anon:4kB"), None);
        let zone = zone(b"DMA free:4kB min:1kB kernel_stack:16kB all_unreclaimable? no");
        let zone = zone.expect("one");
        assert_eq!(zone.all_unreclaimable, Some(false));
        assert_eq!(zone.kernel_stack, Some(Bytes::from_kib(16)));
    }

    #[test]
    fn blocks_that_not_everybody_may_have_are_none() {
        let text = b"DMA: 5*4kB (UC) 4*8kB (C) 3*16kB (H) 2*32kB (I) = 164kB";
        assert_eq!(blocks(text).expect("one").counts[..4], [5, 0, 0, 0]);
    }

    #[test]
    fn reserves_and_blocks_of_old_and_new() {
        assert_eq!(lowmem_reserve(b"lowmem_reserve[]: 0 1943 1943 1944"), Some([0, 1943, 1943, 1944, 0, 0]));
        assert_eq!(lowmem_reserve(b"lowmem_reserve[]: 0 19x"), None);
        let mut counts = [0; ORDERS];
        (counts[0], counts[2], counts[10]) = (12, 3, 1);
        for (text, node) in [
            (&b"Node 0 DMA32: 12*4kB (UME) 0*8kB 3*16kB (M) 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 1*4096kB (M) = 4192kB"[..], Some(0)),
            (b"DMA32: 12*4kB 0*8kB 3*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 1*4096kB = 4192kB", None),
        ] {
            let found = blocks(text).expect("one");
            assert_eq!((found.node, found.name), (node, &b"DMA32"[..]));
            assert_eq!((found.counts, found.page), (counts, Bytes::from_kib(4)));
        }
        for wrong in [&b"HighMem: empty"[..], b"DMA: 1*4kB 2*8kB", b"DMA: = 0kB", b"a b: 1*4kB = 4kB", b"x: y"] {
            assert_eq!(blocks(wrong), None);
        }
    }

    #[test]
    fn totals_of_old_and_new() {
        for (text, total) in [
            (&b"Free swap  = 20904kB"[..], Total::FreeSwap(Bytes::from_kib(20_904))),
            (b"Free swap:            8kB", Total::FreeSwap(Bytes::from_kib(8))),
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
        let text = b"Node 0 hugepages_total=8 hugepages_free=3 hugepages_surp=0 hugepages_size=2048kB";
        let huge = huge_pages(text).expect("one");
        assert_eq!((huge.total, huge.free, huge.size), (8, 3, Bytes::from_kib(2048)));
    }
}
