//! Takes over what a report says about the machine's memory.

use super::open::{Open, text};
use crate::oomlog::event::{Event, Machine, Named, Node, Position, Text, Zone};
use crate::parse::oom_report::Line;
use crate::parse::oom_report::holders::Holder;
use crate::parse::oom_report::meminfo::{Blocks, HugePages, Total, Zone as ZoneLine};
use crate::units::{Bytes, PageSize};

pub(super) fn feed(open: &mut Open, line: &Line<'_>, at: Position) {
    open.machine_report = true;
    open.event.lines.machine.get_or_insert(at);
    let machine = &mut open.event.machine;
    match line {
        Line::Counts(pairs) => note(&mut machine.counts, *pairs),
        Line::Node(line) if machine.nodes.len() < Event::STATS => machine.nodes.push(Node {
            line: at,
            node: Some(line.node),
            kernel_stack: line.kernel_stack,
            all_unreclaimable: line.all_unreclaimable,
        }),
        Line::Zone(line) if machine.zones.len() < Event::STATS => {
            add_to_node(&mut machine.nodes, line, at);
            machine.zones.push(zone(line, at));
        }
        Line::Reserve(pages) => {
            if let Some(zone) = machine.zones.last_mut() {
                zone.lowmem_reserve = Some(*pages);
            }
        }
        Line::Blocks(line) => {
            // A damaged line has blocks of 0 kB.
            open.block = Some(PageSize(line.page.0)).filter(|page| page.0 > 0);
            if let Some(zone) = zone_of(machine, line) {
                zone.blocks = Some(line.counts);
            }
        }
        Line::HugePages(HugePages { total, size, .. }) => {
            let sum = machine.huge.unwrap_or_default();
            machine.huge = Some(sum.plus(Bytes(size.0.saturating_mul(*total))));
        }
        Line::Total(line) => {
            if matches!(line, Total::TotalSwap(_)) {
                open.event.lines.swap = Some(at);
            }
            total(machine, *line);
        }
        Line::Slab(holder) => largest(&mut machine.slabs, holder),
        Line::Allocation(holder) => largest(&mut machine.allocations, holder),
        _ => {}
    }
}

pub(super) fn note<'l>(list: &mut Vec<(Text, u64)>, values: impl Iterator<Item = (&'l [u8], u64)>) {
    let room = Event::STATS.saturating_sub(list.len());
    list.extend(values.take(room).map(|(key, value)| (text(key), value)));
}

/// Keeps the largest ones, those that came first before others of the same size.
fn largest(list: &mut Vec<Named>, holder: &Holder<'_>) {
    let place = list.partition_point(|known| known.size >= holder.size);
    if place < Event::TOP {
        list.truncate(Event::TOP - 1);
        let named = Named { name: text(holder.name), size: holder.size };
        list.insert(place, named);
    }
}

/// The zone whose free blocks these are, when it has none yet.
pub(super) fn zone_of<'m>(machine: &'m mut Machine, line: &Blocks<'_>) -> Option<&'m mut Zone> {
    machine.zones.iter_mut().find(|zone| {
        let is_it = zone.node == line.node && zone.name == line.name;
        is_it && zone.blocks.is_none()
    })
}

fn total(machine: &mut Machine, total: Total) {
    match total {
        Total::FreeSwap(bytes) => machine.swap_free = Some(bytes),
        Total::TotalSwap(bytes) => machine.swap_total = Some(bytes),
        Total::Ram(pages) => machine.ram_pages = Some(pages),
        Total::Reserved(pages) => machine.reserved_pages = Some(pages),
        Total::PageCache(pages) => machine.cache_pages = Some(pages),
        Total::SwapCache(_) | Total::HighMem(_) => {}
    }
}

/// What older kernels say of each zone is what newer ones say of its node: the sum of stacks, and whether reclaim has given up on
/// all of it.
fn add_to_node(nodes: &mut Vec<Node>, line: &ZoneLine<'_>, at: Position) {
    if line.kernel_stack.is_none() && line.all_unreclaimable.is_none() {
        return;
    }
    let Some(node) = nodes.iter_mut().find(|node| node.node == line.node) else {
        if nodes.len() < Event::STATS {
            nodes.push(Node {
                line: at,
                node: line.node,
                kernel_stack: line.kernel_stack,
                all_unreclaimable: line.all_unreclaimable,
            });
        }
        return;
    };
    if let Some(bytes) = line.kernel_stack {
        node.kernel_stack = Some(node.kernel_stack.unwrap_or_default().plus(bytes));
    }
    if let (Some(all), Some(this)) = (node.all_unreclaimable, line.all_unreclaimable) {
        node.all_unreclaimable = Some(all && this);
    }
}

fn zone(line: &ZoneLine<'_>, at: Position) -> Zone {
    Zone {
        line: at,
        lowmem_reserve: None,
        blocks: None,
        node: line.node,
        name: text(line.name),
        free: line.free,
        free_cma: line.free_cma,
        reserved_highatomic: line.reserved_highatomic,
        min: line.min,
        low: line.low,
        high: line.high,
        managed: line.managed,
        present: line.present,
    }
}
