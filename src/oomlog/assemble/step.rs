//! How far a report is. The kernel prints its parts in one order, so a line of an earlier part is of another report.

use super::open::{Kind, Open, text};
use crate::oomlog::event::Event;
use crate::parse::oom_report::Line;
use crate::parse::oom_report::memcg::Counter;
use crate::parse::oom_report::meminfo::Total;
use crate::parse::version::Version as Linux;

/// The parts of a report, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::oomlog) enum Step {
    Header,
    Who,
    Whose,
    Usage,
    Swap,
    Kmem,
    Stats,
    MemInfo,
    Counts,
    Nodes,
    Zones,
    Blocks,
    HugePages,
    Totals,
    Allocations,
    Slabs,
    Title,
    Columns,
    Rows,
    Summary,
    Selected,
    End,
}

/// The part that a line is of, when it is one that no name or number ties to its report.
pub(super) fn of(line: &Line<'_>) -> Option<Step> {
    Some(match line {
        Line::Header(_) | Line::Foreign => Step::Header,
        Line::Running(_) | Line::Cpuset(_) | Line::NoCompaction | Line::MemcgCall => Step::Who,
        Line::Whose(_) => Step::Whose,
        Line::Usage(usage) => match usage.of {
            Counter::Memory => Step::Usage,
            Counter::MemorySwap | Counter::Swap => Step::Swap,
            Counter::Kmem => Step::Kmem,
        },
        Line::Stats(_) | Line::Stat(_) => Step::Stats,
        Line::MemInfo => Step::MemInfo,
        Line::Counts(_) => Step::Counts,
        Line::Node(_) => Step::Nodes,
        Line::Zone(_) | Line::Reserve(_) => Step::Zones,
        Line::Blocks(_) => Step::Blocks,
        Line::HugePages(_) => Step::HugePages,
        Line::Total(_) => Step::Totals,
        Line::Allocations | Line::Allocation(_) => Step::Allocations,
        Line::Slabs | Line::Slab(_) => Step::Slabs,
        Line::Title => Step::Title,
        Line::Columns(_) => Step::Columns,
        Line::Row(_) => Step::Rows,
        Line::Summary(_) => Step::Summary,
        Line::Selected(_) => Step::Selected,
        Line::NoneKillable | Line::Panic(_) => Step::End,
        _ => return None,
    })
}

/// Where in its report a line stands, whatever ties it to it.
pub(in crate::oomlog) fn place(line: &Line<'_>) -> Option<Step> {
    match line {
        // Others print these, too.
        Line::Running(_) | Line::Foreign => None,
        Line::Killed(_) | Line::Group(_) | Line::Reaped(_) => Some(Step::End),
        _ => of(line),
    }
}

/// Whether the line says no more than more of what others say: nothing is missing without it, and many a line looks like it.
pub(super) const fn is_detail(line: &Line<'_>) -> bool {
    matches!(
        line,
        Line::Node(_)
            | Line::Reserve(_)
            | Line::Blocks(_)
            | Line::NoCompaction
            | Line::MemcgCall
            | Line::Allocations
            | Line::Allocation(_)
            | Line::Slabs
            | Line::Slab(_)
    )
}

/// Whether the line may be the next of the report, as far as order goes, and is not there yet.
pub(super) fn admits(open: &Open, step: Step, line: &Line<'_>) -> bool {
    if open.ended || step < open.step {
        return false;
    }
    if open.kind == Kind::Foreign && (step < Step::MemInfo || step > Step::Slabs) {
        return matches!(line, Line::Running(_) | Line::Cpuset(_));
    }
    let event = &open.event;
    match line {
        Line::Running(running) => {
            let is_same = event.trigger.comm.as_ref() == Some(&text(running.comm));
            (is_same || is_torn(open, running.comm)) && event.trigger.pid.is_none()
        }
        Line::Cpuset(cpuset) => event.trigger.comm.as_ref() == Some(&text(cpuset.comm)) || is_torn(open, cpuset.comm),
        Line::Whose(_) | Line::Usage(_) => step > open.step && !open.machine_report,
        Line::Stats(_) => !open.machine_report,
        Line::Stat(_) => open.in_stats,
        Line::MemInfo => step > open.step && may_have_machine(open),
        Line::Counts(pairs) => {
            let first = pairs.clone().next();
            let is_new = |key| !event.machine.counts.iter().any(|(known, _)| known == key);
            may_have_machine(open) && first.is_some_and(|(key, _)| is_new(key))
        }
        Line::Zone(zone) => {
            let is_new = |known: &crate::oomlog::event::Zone| known.node != zone.node || known.name != zone.name;
            may_have_machine(open) && event.machine.zones.iter().all(is_new)
        }
        Line::Node(line) => {
            let is_new = |known: &crate::oomlog::event::Node| known.node != Some(line.node);
            may_have_machine(open) && event.machine.nodes.iter().all(is_new)
        }
        Line::Reserve(_) => {
            let zone = event.machine.zones.last();
            open.step == step && zone.is_some_and(|zone| zone.lowmem_reserve.is_none())
        }
        Line::Blocks(line) => event.machine.zones.iter().any(|zone| {
            let is_it = zone.node == line.node && zone.name == line.name;
            is_it && zone.blocks.is_none()
        }),
        Line::Allocations | Line::Slabs => step > open.step && open.machine_report,
        Line::Allocation(_) | Line::Slab(_) => step == open.step,
        Line::HugePages(_) => may_have_machine(open),
        Line::Total(total) => may_have_machine(open) && is_new(event, *total),
        Line::Title | Line::Columns(_) | Line::Summary(_) | Line::Selected(_) => step > open.step,
        Line::Row(row) => open.row(row.pid).is_none(),
        _ => true,
    }
}

/// Whether that may be the name in a header that was torn: it has what is left of a prefix before it, or is what is left of it.
fn is_torn(open: &Open, comm: &[u8]) -> bool {
    let comm = text(comm);
    open.torn.as_ref().is_some_and(|torn| !torn.is_empty() && (torn.ends_with(&comm) || comm.ends_with(torn)))
}

/// Whether Mem-Info is due: not in a memory cgroup's report, but that Linux 2.6.29 to 3.8 printed it there too.
fn may_have_machine(open: &Open) -> bool {
    let is_old = || {
        let kernel = open.event.kernel();
        kernel.is_some_and(|kernel| kernel < Linux::new(3, 9))
    };
    !open.memcg_report || open.machine_report || is_old() && open.event.lines.stats.is_none()
}

fn is_new(event: &Event, total: Total) -> bool {
    let machine = &event.machine;
    match total {
        Total::FreeSwap(_) => machine.swap_free.is_none(),
        Total::TotalSwap(_) => machine.swap_total.is_none(),
        Total::Ram(_) => machine.ram_pages.is_none(),
        Total::Reserved(_) => machine.reserved_pages.is_none(),
        Total::PageCache(_) => machine.cache_pages.is_none(),
        Total::SwapCache(_) | Total::HighMem(_) => true,
    }
}

/// What a line begins that no report can have.
///
/// Of a process's name up to 14 bytes can stand at the start of a line of a text log ([`crate::parse::oom_report::table::Row::is_certain`]),
/// so that a line which begins a report has more of the kernel's than that; inside of a report less is enough.
/// tests/all/hostile.rs tries them all.
pub(super) fn alone(line: &Line<'_>) -> Option<Kind> {
    match line {
        Line::Usage(usage) if usage.usage.is_none() || usage.limit.is_none() => None,
        Line::Columns(columns) if !columns.are_certain() => None,
        Line::Whose(_)
        | Line::Usage(_)
        | Line::Stats(_)
        | Line::Columns(_)
        | Line::Summary(_)
        | Line::Selected(_)
        | Line::Killed(_)
        | Line::Begun(_)
        | Line::Group(_)
        | Line::Reaped(_)
        | Line::NoneKillable
        | Line::Panic(_) => Some(Kind::Oom),
        Line::MemInfo | Line::Counts(_) | Line::Zone(_) | Line::Total(_) | Line::Title => Some(Kind::Maybe),
        Line::Row(row) if row.is_certain() => Some(Kind::Maybe),
        _ => None,
    }
}
