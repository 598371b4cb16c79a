//! `/proc/buddyinfo`: free blocks by zone and order (mm/vmstat.c).
//!
//! `Node 0, zone   Normal      2   4314   5677 ...`: blocks of 2^order pages, from order 0.

use super::{dec, words};
use crate::units::{Bytes, PageSize, Percent};

/// Orders that are told apart: 0 to 10, all that a kernel with pages of 4 KiB has.
pub const ORDERS: usize = 11;

/// Free blocks by order. Kernels with larger ones (64 KiB pages: up to order 13) count as so many of the last.
pub type Free = [u64; ORDERS];

/// A zone of a NUMA node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zone<'a> {
    /// The node.
    pub node: u32,
    /// `DMA32`, `Normal`, `Movable`.
    pub name: &'a [u8],
    /// Its free memory.
    pub free: Free,
}

/// Parses a line; `None` unless it tells of at least one order.
#[must_use]
pub fn line(text: &[u8]) -> Option<Zone<'_>> {
    let (node, rest) = text.split_at(text.iter().position(|byte| *byte == b',')?);
    let node = node.strip_prefix(b"Node")?.trim_ascii();
    let mut words = words(rest.get(1..)?);
    words.next().filter(|word| *word == b"zone")?;
    let name = words.next()?;
    let mut free = [0_u64; ORDERS];
    let mut orders = 0;
    for word in words {
        let last = ORDERS - 1;
        let blocks = dec(word)?.checked_shl(orders_above(orders, last))?;
        let slot = free.get_mut(orders.min(last))?;
        *slot = slot.saturating_add(blocks);
        orders += 1;
    }
    (orders > 0).then_some(Zone { node: u32::try_from(dec(node)?).ok()?, name, free })
}

fn orders_above(order: usize, last: usize) -> u32 {
    u32::try_from(order.saturating_sub(last)).unwrap_or(u32::MAX)
}

/// The order of blocks of 2 MiB: 9 where pages have 4 KiB.
#[must_use]
pub fn two_mib(page: PageSize) -> u32 {
    ((2_u64 << 20) / page.0.max(1)).checked_ilog2().unwrap_or(0)
}

/// The share of free memory that is in blocks smaller than 2^order pages: unusable_free_index() of mm/vmstat.c, which has it in thousandths.
/// That calls a zone with nothing free all unusable; here nothing is known of it.
#[must_use]
pub fn unusable(free: &Free, order: u32) -> Option<Percent> {
    // Of a page, any size will do.
    let (mut all, mut small) = (Bytes(0), Bytes(0));
    for (at, blocks) in (0_u32..).zip(free) {
        let size = Bytes(blocks.saturating_mul(1 << at));
        all = all.plus(size);
        if at < order {
            small = small.plus(size);
        }
    }
    Percent::of(small, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_free_blocks_by_order() {
        let text =
            b"Node 3, zone   Normal      2   4314   5677   1720   1124    601    235     60     15      4   2148 ";
        let zone = line(text).expect("a zone");
        assert_eq!((zone.node, zone.name), (3, &b"Normal"[..]));
        assert_eq!(zone.free, [2, 4314, 5677, 1720, 1124, 601, 235, 60, 15, 4, 2148]);
    }

    #[test]
    fn fewer_orders_have_no_blocks_and_more_of_them_count_as_pieces() {
        let few = line(b"Node 0, zone  DMA 1 2").expect("a zone");
        assert_eq!(few.free, [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let many = line(b"Node 0, zone  DMA32 0 0 0 0 0 0 0 0 0 0 1 1 0 3").expect("a zone");
        assert_eq!(many.free[10], 1 + 2 + 3 * 8);
        for text in [
            &b""[..],
            b"Node",
            b"Node 0, zone",
            b"Node 0, zone DMA",
            b"Node 0, zone DMA x",
            b"Node 0, node DMA 1",
            b"Node -1, zone DMA 1",
            b"Node 4294967296, zone DMA 1",
        ] {
            assert_eq!(line(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn unusable_is_what_is_in_smaller_blocks() {
        let free = |blocks: &[(usize, u64)]| {
            let mut free = [0; ORDERS];
            for (order, count) in blocks {
                free[*order] = *count;
            }
            free
        };
        let percent = |free, order| unusable(&free, order).map(|share| share.hundredths);
        assert_eq!(percent(free(&[(10, 1)]), 9), Some(0));
        assert_eq!(percent(free(&[(9, 1), (8, 2)]), 9), Some(5000));
        assert_eq!(percent(free(&[(0, 512), (9, 1)]), 9), Some(5000));
        assert_eq!(percent(free(&[(0, 512), (9, 1)]), 0), Some(0));
        assert_eq!(percent(free(&[(0, 3)]), 9), Some(10_000));
        assert_eq!(percent(free(&[]), 9), None);
        // /sys/kernel/debug/extfrag/unusable_index of 5.10 said 0.091 and 0.221 of this DMA zone, and 0.060 of this DMA32.
        let of = |text: &[u8], order| line(text).and_then(|zone| percent(zone.free, order));
        let dma =
            b"Node 0, zone      DMA      1      0      0      1      2      0      1      0      1      1      3 ";
        assert_eq!((of(dma, 9), of(dma, 10)), (Some(915), Some(2212)));
        let dma32 =
            b"Node 0, zone    DMA32      4     11      4      8      7      5      8      6      5      3     43 ";
        assert_eq!(of(dma32, 9), Some(605));
        assert_eq!(percent([u64::MAX; ORDERS], 9), Some(10_000));
    }

    #[test]
    fn two_mib_are_so_many_pages() {
        assert_eq!([4096, 16_384, 65_536].map(|page| two_mib(PageSize(page))), [9, 7, 5]);
        assert_eq!(two_mib(PageSize(0)), 21);
        assert_eq!(two_mib(PageSize(1 << 40)), 0);
    }
}
