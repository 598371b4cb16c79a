//! Which zones an allocation could come from, and what they lacked: zone_watermark_ok() of mm/page_alloc.c, from what was printed.
use crate::parse::ascii;

use super::{Finding, Mib};
use crate::oomlog::event::{Event, Zone};
use crate::parse::oom_report::gfp;
use crate::report::escape::Escaped;
use crate::units::Bytes;

/// Nodes that a list names: `0,2-3`. `(null)` is all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nodes<'t>(pub(super) Option<&'t [u8]>);

impl Nodes<'_> {
    pub(super) fn has(&self, node: u64) -> bool {
        let Some(list) = self.0.filter(|list| !list.starts_with(b"(")) else {
            return true;
        };
        list.split(|byte| *byte == b',').any(|range| {
            let mut ends = range.splitn(2, |byte| *byte == b'-').map(crate::parse::dec);
            match (ends.next().flatten(), ends.next()) {
                (Some(first), None) => first == node,
                (Some(first), Some(Some(last))) => (first..=last).contains(&node),
                _ => false,
            }
        })
    }
}

/// The kind of a zone by its name.
fn kind(zone: &Zone) -> Option<gfp::Zone> {
    Some(match ascii(&zone.name) {
        "DMA" => gfp::Zone::Dma,
        "DMA32" => gfp::Zone::Dma32,
        "Normal" => gfp::Zone::Normal,
        "HighMem" => gfp::Zone::HighMem,
        "Movable" => gfp::Zone::Movable,
        _ => return None,
    })
}

/// What the allocation could use, and what it lacked there.
pub(super) struct Request<'e> {
    event: &'e Event,
    highest: gfp::Zone,
    nodes: Nodes<'e>,
    order: u32,
}

/// Why a zone could not give the pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Lack {
    /// It has them: they were freed meanwhile.
    Nothing,
    /// It has enough, and nothing tells whether these are in a row.
    Unsaid,
    /// Free is above what is asked for, but in too small pieces.
    Block,
    /// Free is between min and high; the last try before a kill asks for high.
    AboveMin,
    /// What lower zones keep for those who can use nothing else.
    Reserve,
    /// Free is below min.
    Min,
}

impl<'e> Request<'e> {
    /// `None` when the log does not say which zones it may be.
    pub(super) fn of(event: &'e Event, highest: gfp::Zone, nodes: Nodes<'e>) -> Option<Self> {
        let order = u32::try_from(event.trigger.order?).ok()?;
        Some(Self { event, highest, nodes, order })
    }

    fn may_use(&self, zone: &Zone) -> bool {
        let is_low_enough = kind(zone).is_some_and(|kind| kind <= self.highest);
        is_low_enough && zone.node.is_none_or(|node| self.nodes.has(node))
    }

    /// The largest zone that it could use says what was missing; others are alike or too small to matter.
    pub(super) fn finding(&self) -> Option<Finding> {
        let zone = self.largest()?;
        let (free, min) = (self.free(zone)?, zone.min?);
        let lack = self.lack(zone)?;
        let had = self.had(zone);
        let kept = self.reserve(zone);
        let pages = 1_u64.checked_shl(self.order).unwrap_or(u64::MAX);
        let words = match lack {
            Lack::Min => format_args!("{had}, below its min watermark of {} kB", min.kib()),
            Lack::Reserve => {
                format_args!("{had}, but keeps {} kB for allocations that can use no higher zone", min.plus(kept).kib())
            }
            Lack::AboveMin => format_args!(
                "{had}: above min ({} kB), below the high watermark ({} kB) that the last try before a kill needs",
                min.kib(),
                zone.high.unwrap_or_default().kib()
            ),
            Lack::Block => match super::size(self.event, pages) {
                Some(bytes) => format_args!(
                    "{} is fragmented: {} kB free, but no block of {} kB or more ({pages} pages in a row, order {})",
                    name(zone),
                    free.kib(),
                    bytes.kib(),
                    self.order
                ),
                None => format_args!(
                    "{} is fragmented: {} kB free, but no block of {pages} pages in a row (order {})",
                    name(zone),
                    free.kib(),
                    self.order
                ),
            },
            Lack::Unsaid => format_args!(
                "{had}, enough for a page; whether {pages} pages in a row (order {}) were among it is not said: its free list is not in the log",
                self.order
            ),
            Lack::Nothing => format_args!(
                "{had}, above its high watermark, when the report was printed: memory was freed in between, or something else was short"
            ),
        };
        Some(Finding::new(&words, Some(zone.line)))
    }

    /// Whether it was for want of pages in a row, and of nothing else.
    pub(super) fn is_of_fragmentation(&self) -> bool {
        self.largest().and_then(|zone| self.lack(zone)) == Some(Lack::Block)
    }

    fn largest(&self) -> Option<&Zone> {
        let usable = self.event.machine.zones.iter().filter(|zone| self.may_use(zone));
        usable.max_by_key(|zone| zone.managed.or(zone.present))
    }

    /// `Node 0 Normal had 5000 kB free`, and what of it was for others.
    fn had(&self, zone: &Zone) -> String {
        let mut words = format!("{} had {} kB free", name(zone), zone.free.unwrap_or_default().kib());
        let [atomic, cma] = self.of_others(zone);
        for (bytes, what) in [(atomic, "reserved for atomic allocations"), (cma, "CMA for movable pages alone")] {
            if bytes.0 > 0 {
                words += &format!(", {} of it {what}", bytes.kib());
            }
        }
        match self.free(zone) {
            Some(free) if atomic.0 > 0 || cma.0 > 0 => format!("{words}: {} kB are left", free.kib()),
            _ => words,
        }
    }

    fn lack(&self, zone: &Zone) -> Option<Lack> {
        let (free, min) = (self.free(zone)?, zone.min?);
        let needs = |mark: Bytes| free <= mark.plus(self.reserve(zone));
        Some(if free <= min {
            Lack::Min
        } else if needs(min) {
            Lack::Reserve
        } else if self.order > 0 && self.lacks_block(zone) {
            Lack::Block
        } else if zone.high.is_some_and(needs) {
            Lack::AboveMin
        } else if self.order > 0 && zone.blocks.is_none() {
            Lack::Unsaid
        } else {
            Lack::Nothing
        })
    }

    /// What of a zone's free memory this allocation may not take, as __zone_watermark_unusable_free() of mm/page_alloc.c has it: what is
    /// reserved for atomic allocations, and CMA, which is for movable pages alone.
    fn of_others(&self, zone: &Zone) -> [Bytes; 2] {
        let is_atomic = self.event.trigger.gfp_flags.as_deref().is_some_and(|flags| {
            flags
                .split(|byte| *byte == b'|')
                .any(|flag| matches!(flag, b"GFP_ATOMIC" | b"__GFP_HIGH" | b"__GFP_ATOMIC"))
        });
        let atomic = if is_atomic { Bytes(0) } else { zone.reserved_highatomic.unwrap_or_default() };
        let cma = match self.highest {
            gfp::Zone::Movable => Bytes(0),
            _ => zone.free_cma.unwrap_or_default(),
        };
        [atomic, cma]
    }

    /// What is free for this allocation.
    fn free(&self, zone: &Zone) -> Option<Bytes> {
        let [atomic, cma] = self.of_others(zone);
        Some(Bytes(zone.free?.0.saturating_sub(atomic.0).saturating_sub(cma.0)))
    }

    fn lacks_block(&self, zone: &Zone) -> bool {
        if self.highest == gfp::Zone::Movable && zone.free_cma.is_some_and(|cma| cma.0 > 0) {
            return false;
        }
        let order = usize::try_from(self.order).unwrap_or(usize::MAX);
        zone.blocks
            .and_then(|blocks| blocks.get(order..).map(|larger| larger.iter().all(|count| *count == 0)))
            .unwrap_or(false)
    }

    /// What the zone keeps from an allocation that may use a higher one. The array has a place for each kind of zone that the kernel
    /// was built with: on 64 bits DMA, DMA32, Normal, Movable; with high memory DMA, Normal, HighMem, Movable.
    fn reserve(&self, zone: &Zone) -> Bytes {
        let pages = || {
            let kept = zone.lowmem_reserve?;
            let has_high = self.has(gfp::Zone::HighMem);
            let place = match self.highest {
                gfp::Zone::Dma => 0,
                gfp::Zone::Dma32 => 1,
                gfp::Zone::Normal if has_high => 1,
                _ => 2,
            };
            kept.get(place).copied()
        };
        pages().and_then(|pages| super::size(self.event, pages)).unwrap_or_default()
    }

    fn has(&self, wanted: gfp::Zone) -> bool {
        let zones = &self.event.machine.zones;
        zones.iter().any(|zone| kind(zone) == Some(wanted))
    }

    /// Free memory that this allocation could not use: in higher zones, and on other nodes.
    pub(super) fn elsewhere(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for zone in &self.event.machine.zones {
            let (Some(free), Some(high)) = (zone.free, zone.high) else {
                continue;
            };
            let is_plenty = free.0 > high.0.saturating_mul(2) && free.0 > 16 << 20;
            if self.may_use(zone) || !is_plenty || findings.len() >= 3 {
                continue;
            }
            let is_higher = kind(zone).is_some_and(|kind| kind > self.highest);
            let why = if is_higher { "this allocation can't use that zone" } else { "it may not come from that node" };
            let words = format_args!("{} had {} free, but {why}", name(zone), Mib(free));
            Finding::add(&mut findings, &words, Some(zone.line));
        }
        findings
    }
}

/// `Node 0 Normal`
fn name(zone: &Zone) -> String {
    match zone.node {
        Some(node) => format!("Node {node} {}", Escaped(&zone.name)),
        None => format!("{}", Escaped(&zone.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_nodes_has_numbers_and_ranges() {
        let nodes = Nodes(Some(b"0,2-4"));
        assert!(nodes.has(0) && nodes.has(3) && !nodes.has(1) && !nodes.has(5));
        assert!(Nodes(Some(b"(null)")).has(9) && Nodes(None).has(9));
        assert!(!Nodes(Some(b"x-3,")).has(3));
    }
}
