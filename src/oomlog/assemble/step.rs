//! How far a report is. The kernel prints its parts in one order, so a line of an earlier part is of another report.

use super::open::{Kind, Open, text};
use crate::oomlog::event::Event;
use crate::parse::oom_report::Line;
use crate::parse::oom_report::memcg::Counter;
use crate::parse::oom_report::meminfo::Total;

/// The parts of a report, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Step {
    Header,
    Who,
    Whose,
    Usage,
    Swap,
    Kmem,
    Stats,
    MemInfo,
    Counts,
    Zones,
    HugePages,
    Totals,
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
        Line::Running(_) | Line::Cpuset(_) => Step::Who,
        Line::Whose(_) => Step::Whose,
        Line::Usage(usage) => match usage.of {
            Counter::Memory => Step::Usage,
            Counter::MemorySwap | Counter::Swap => Step::Swap,
            Counter::Kmem => Step::Kmem,
        },
        Line::Stats(_) | Line::Stat(_) => Step::Stats,
        Line::MemInfo => Step::MemInfo,
        Line::Counts(_) => Step::Counts,
        Line::Zone(_) => Step::Zones,
        Line::HugePages(_) => Step::HugePages,
        Line::Total(_) => Step::Totals,
        Line::Title => Step::Title,
        Line::Columns(_) => Step::Columns,
        Line::Row(_) => Step::Rows,
        Line::Summary(_) => Step::Summary,
        Line::Selected(_) => Step::Selected,
        Line::NoneKillable | Line::Panic(_) => Step::End,
        _ => return None,
    })
}

/// Whether the line may be the next of the report, as far as order goes, and is not there yet.
pub(super) fn admits(open: &Open, step: Step, line: &Line<'_>) -> bool {
    if open.ended || step < open.step {
        return false;
    }
    if open.kind == Kind::Foreign && (step < Step::MemInfo || step > Step::Totals) {
        return matches!(line, Line::Running(_) | Line::Cpuset(_));
    }
    let event = &open.event;
    match line {
        Line::Running(running) => {
            let is_same = event.trigger.comm.as_ref() == Some(&text(running.comm));
            is_same && event.trigger.pid.is_none()
        }
        Line::Cpuset(cpuset) => event.trigger.comm.as_ref() == Some(&text(cpuset.comm)),
        Line::Whose(_) | Line::Usage(_) => step > open.step && !open.machine_report,
        Line::Stats(_) => !open.machine_report,
        Line::Stat(_) => open.in_stats,
        Line::MemInfo => step > open.step && !open.memcg_report,
        Line::Counts(pairs) => {
            let first = pairs.clone().next();
            let is_new = |key| !event.machine.counts.iter().any(|(known, _)| known == key);
            !open.memcg_report && first.is_some_and(|(key, _)| is_new(key))
        }
        Line::Zone(zone) => {
            let is_new = |known: &crate::oomlog::event::Zone| {
                known.node != zone.node || known.name != zone.name
            };
            !open.memcg_report && event.machine.zones.iter().all(is_new)
        }
        Line::HugePages(_) => !open.memcg_report,
        Line::Total(total) => !open.memcg_report && is_new(event, *total),
        Line::Title | Line::Columns(_) | Line::Summary(_) | Line::Selected(_) => step > open.step,
        Line::Row(row) => open.row(row.pid).is_none(),
        _ => true,
    }
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
