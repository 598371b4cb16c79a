//! Takes what a line says over into its report.

extern crate alloc;

use alloc::vec::Vec;

use super::open::{Brief, Kind, Open, text};
use crate::oomlog::event::{Counter, Event, Outcome, Position, Row, Task, Text, Victim, Zone};
use crate::parse::oom_report::Line;
use crate::parse::oom_report::header::Header;
use crate::parse::oom_report::kill::{Killed, Scope, Selected, Summary};
use crate::parse::oom_report::memcg::{Counter as Of, Stats, Usage};
use crate::parse::oom_report::meminfo::{HugePages, Total, Zone as ZoneLine};
use crate::parse::oom_report::table::{Columns, Row as RowLine};
use crate::units::Bytes;

/// Takes a line over that is this report's.
pub(super) fn feed(open: &mut Open, line: &Line<'_>, at: Position) {
    open.in_stats =
        matches!(line, Line::Stats(_)) || (open.in_stats && matches!(line, Line::Stat(_)));
    let event = &mut open.event;
    match line {
        Line::Header(line) => header(event, line, at),
        Line::Running(line) => {
            event.trigger.pid = Some(line.pid);
            event.release = line.release.map(text);
        }
        Line::Whose(line) => {
            open.memcg_report = true;
            event.task_memcg = Some(text(line.task_memcg));
            event.memcg = Some(text(line.memcg));
        }
        Line::Usage(line) => usage(open, line, at),
        Line::Stats(line) => stats(open, line),
        Line::Stat(line) => note(
            &mut event.counters.stats,
            [(line.key, line.value)].into_iter(),
        ),
        Line::MemInfo | Line::Counts(_) | Line::Zone(_) | Line::HugePages(_) | Line::Total(_) => {
            open.machine_report = true;
            event.lines.machine.get_or_insert(at);
            machine(event, line, at);
        }
        Line::Title => open.kind = Kind::Oom,
        Line::Columns(columns) => {
            open.kind = Kind::Oom;
            open.columns = Some(*columns);
            event.lines.table.get_or_insert(at);
        }
        Line::Row(line) => row(open, line, at),
        Line::Summary(line) => summary(open, line, at),
        Line::Selected(line) => selected(open, line, at),
        Line::Killed(line) => killed(open, line, at),
        Line::NoneKillable => {
            open.kind = Kind::Oom;
            event.outcome = Outcome::NoneKillable;
            event.lines.end = Some(at);
        }
        Line::Panic(why) => {
            open.kind = Kind::Oom;
            event.outcome = Outcome::Panic;
            event.panic = Some(text(why));
            event.lines.end = Some(at);
            open.ended = true;
        }
        _ => {}
    }
}

fn header(event: &mut Event, line: &Header<'_>, at: Position) {
    event.lines.header = Some(at);
    event.trigger.comm = line.comm.map(text);
    event.trigger.gfp_mask = line.gfp_mask;
    event.trigger.gfp_flags = line.gfp_flags.map(text);
    event.trigger.nodemask = line.nodemask.map(text);
    event.trigger.order = line.order;
    event.trigger.adj = line.adj;
}

fn usage(open: &mut Open, line: &Usage, at: Position) {
    open.memcg_report = true;
    let counter = Counter {
        usage: line.usage,
        limit: line.limit,
        failcnt: line.failcnt,
    };
    let counters = &mut open.event.counters;
    match line.of {
        Of::Memory => counters.memory = Some(counter),
        Of::MemorySwap => counters.memory_swap = Some(counter),
        Of::Kmem => counters.kmem = Some(counter),
        Of::Swap => counters.swap = Some(counter),
    }
    open.event.lines.usage.get_or_insert(at);
}

fn stats(open: &mut Open, line: &Stats<'_>) {
    open.memcg_report = true;
    let event = &mut open.event;
    if event.memcg.is_none() && !line.memcg.is_empty() {
        event.memcg = Some(text(line.memcg));
    }
    // The first is the one at its limit; others are below it.
    if event.counters.stats.is_empty() {
        // Here in KB, later in bytes.
        let values = line.values.map(|(key, kib)| (key, Bytes::from_kib(kib).0));
        note(&mut event.counters.stats, values);
    }
}

fn note<'l>(list: &mut Vec<(Text, u64)>, values: impl Iterator<Item = (&'l [u8], u64)>) {
    let room = Event::STATS.saturating_sub(list.len());
    list.extend(values.take(room).map(|(key, value)| (text(key), value)));
}

fn machine(event: &mut Event, line: &Line<'_>, at: Position) {
    let machine = &mut event.machine;
    match line {
        Line::Counts(pairs) => note(&mut machine.counts, *pairs),
        Line::Zone(line) if machine.zones.len() < Event::STATS => {
            machine.zones.push(zone(line, at));
        }
        Line::HugePages(HugePages { total, size, .. }) => {
            let sum = machine.huge.unwrap_or_default();
            machine.huge = Some(sum.plus(Bytes(size.0.saturating_mul(*total))));
        }
        Line::Total(total) => match *total {
            Total::FreeSwap(bytes) => machine.swap_free = Some(bytes),
            Total::TotalSwap(bytes) => machine.swap_total = Some(bytes),
            Total::Ram(pages) => machine.ram_pages = Some(pages),
            Total::Reserved(pages) => machine.reserved_pages = Some(pages),
            Total::PageCache(pages) => machine.cache_pages = Some(pages),
            Total::SwapCache(_) | Total::HighMem(_) => {}
        },
        _ => {}
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
        min: line.min,
        low: line.low,
        high: line.high,
        managed: line.managed,
        present: line.present,
    }
}

fn row(open: &mut Open, line: &RowLine<'_>, at: Position) {
    open.kind = Kind::Oom;
    open.event.lines.table.get_or_insert(at);
    let table = &mut open.event.table;
    let columns = open.columns.unwrap_or(Columns::FIRST);
    open.no_columns |= open.columns.is_none();
    let Some(task) = line.by(&columns) else {
        open.rows_lost = true;
        return;
    };
    table.rows += 1;
    let rss = task.rss.unwrap_or_default();
    table.rss = table.rss.saturating_add(rss);
    table.swap = table.swap.saturating_add(task.swap.unwrap_or_default());
    let place = table.top.partition_point(|row| row.rss >= rss);
    // Without the header nobody knows where the name begins.
    if place < Event::TOP && open.columns.is_some() {
        table.top.truncate(Event::TOP - 1);
        let row = Row {
            comm: text(task.comm),
            pid: task.pid,
            uid: task.uid,
            total_vm: task.total_vm,
            rss,
            swap: task.swap,
            page_tables: None,
            adj: task.adj,
        };
        table.top.insert(place, row);
    }
    open.keep(Brief {
        pid: task.pid,
        tgid: task.tgid,
        uid: task.uid,
        total_vm: task.total_vm,
        adj: task.adj,
    });
}

fn summary(open: &mut Open, line: &Summary<'_>, at: Position) {
    let event = &mut open.event;
    event.lines.summary = Some(at);
    super::finish::constrain(event, line);
    if let Some(memcg) = line.memcg {
        event.memcg = Some(text(memcg));
    }
    if let Some(memcg) = line.task_memcg {
        event.task_memcg = Some(text(memcg));
    }
    if let (None, Some(nodemask)) = (&event.trigger.nodemask, line.nodemask) {
        event.trigger.nodemask = Some(text(nodemask));
    }
    open.kind = Kind::Oom;
    open.summary_uid = line.uid;
    open.summary = line.pid.map(|pid| Task {
        comm: line.comm.map(text),
        pid,
    });
}

fn selected(open: &mut Open, line: &Selected<'_>, at: Position) {
    open.kind = Kind::Oom;
    open.event.lines.selected = Some(at);
    open.scope = Some(line.scope);
    open.selected = Some(Task {
        comm: line.comm.map(text),
        pid: line.pid,
    });
}

/// The first kill is the victim's; those behind it are of its group.
fn killed(open: &mut Open, line: &Killed<'_>, at: Position) {
    open.kind = Kind::Oom;
    let task = Task {
        comm: line.comm.map(text),
        pid: line.pid,
    };
    let is_member = open.event.group_memcg.is_some() && open.victim_pid() != Some(line.pid);
    if is_member || open.killed.is_some() {
        let is_known = open.event.group.iter().any(|known| known.pid == task.pid);
        let is_victim = open.victim_pid() == Some(task.pid);
        if !is_known && !is_victim && open.event.group.len() < super::GROUP {
            open.event.group.push(task);
        }
        return;
    }
    if line.scope != Scope::Unsaid {
        open.scope = Some(line.scope);
    }
    open.killed = Some(Victim {
        task,
        uid: line.uid,
        total_vm: line.total_vm,
        anon_rss: line.anon_rss,
        file_rss: line.file_rss,
        shmem_rss: line.shmem_rss,
        page_tables: line.page_tables,
        adj: line.adj,
    });
    open.event.outcome = Outcome::Killed;
    open.event.lines.end = Some(at);
    open.ended = true;
}
