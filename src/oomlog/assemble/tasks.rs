//! The rows of a report's table: their sums, and the first ones in three orders.

use super::open::{Brief, Kind, Open, text};
use crate::badness::badness;
use crate::oomlog::event::{Constraint, Event, PageTables, Position, Ranked, Row, Scale};
use crate::oomlog::scale::{of_machine, of_memcg};
use crate::parse::oom_report::table::{Columns, Row as RowLine, Task};
use crate::units::PageSize;

/// The page size of most machines, where nothing before the table tells.
const PAGE: PageSize = PageSize(4096);

/// oom_score_adj and oom_adj of who may not be killed.
const NEVER: i64 = -1000;
const NEVER_OLD: i64 = -17;

/// Whether tasks can be ranked by badness.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Ranking {
    /// No score is adjusted, or the scale is known.
    #[default]
    Sure,
    /// Some score is adjusted, by thousandths of the scale.
    Scaled,
    /// Some score is adjusted, and nobody knows by how much.
    Unknown,
}

pub(super) fn row(open: &mut Open, line: &RowLine<'_>, at: Position) {
    open.kind = Kind::Oom;
    open.event.lines.table.get_or_insert(at);
    let columns = open.columns.unwrap_or(Columns::FIRST);
    open.no_columns |= open.columns.is_none();
    let Some(mut task) = line.by(&columns) else {
        open.rows_lost = true;
        return;
    };
    if open.is_padded {
        task.comm = task.comm.trim_ascii_end();
    }
    if open.event.table.rows == 0 {
        open.page = page(open);
        open.event.scale = scale(open, open.page.unwrap_or(PAGE));
    }
    sum(open, &task);
    // Without the header nobody knows where the name begins.
    if open.columns.is_some() {
        list(open, &task);
    }
    open.keep(Brief { pid: task.pid, tgid: task.tgid, uid: task.uid, total_vm: task.total_vm, adj: task.adj });
}

fn sum(open: &mut Open, task: &Task<'_>) {
    let table = &mut open.event.table;
    let (rss, swap) = (task.rss.unwrap_or_default(), task.swap.unwrap_or_default());
    table.rows += 1;
    table.rss = table.rss.saturating_add(rss);
    table.swap = table.swap.saturating_add(swap);
    if is_never(task) {
        table.unkillable += 1;
        let pages = rss.saturating_add(swap);
        table.unkillable_pages = table.unkillable_pages.saturating_add(pages);
    }
}

fn is_never(task: &Task<'_>) -> bool {
    match task.adj {
        Some(adj) => adj == NEVER,
        None => task.old_adj == Some(NEVER_OLD),
    }
}

/// Puts the task where it belongs among the first ones.
fn list(open: &mut Open, task: &Task<'_>) {
    let rss = task.rss.unwrap_or_default();
    let both = rss.saturating_add(task.swap.unwrap_or_default());
    let rank = rank(open, task);
    let table = &mut open.event.table;
    if let Some(place) = place(&table.top, |row| row.rss >= rss) {
        table.top.truncate(Event::TOP - 1);
        table.top.insert(place, row_of(task));
    }
    let with_swap = |row: &Row| row.rss.saturating_add(row.swap.unwrap_or_default());
    if let Some(place) = place(&table.top_with_swap, |row| with_swap(row) >= both) {
        table.top_with_swap.truncate(Event::TOP - 1);
        table.top_with_swap.insert(place, row_of(task));
    }
    if let Some(badness) = rank
        && let Some(place) = place(&table.worst, |ranked| ranked.badness >= badness)
    {
        table.worst.truncate(Event::TOP - 1);
        let row = row_of(task);
        table.worst.insert(place, Ranked { row, badness });
    }
}

/// Where it belongs in an ordered list, when that is among those that are kept.
fn place<T>(list: &[T], is_before: impl Fn(&T) -> bool) -> Option<usize> {
    let place = list.partition_point(is_before);
    (place < Event::TOP).then_some(place)
}

fn row_of(task: &Task<'_>) -> Row {
    let pages = task.table_pages.map(PageTables::Pages);
    Row {
        comm: text(task.comm),
        pid: task.pid,
        uid: task.uid,
        total_vm: task.total_vm,
        rss: task.rss.unwrap_or_default(),
        swap: task.swap,
        page_tables: pages.or(task.table_bytes.map(PageTables::Bytes)),
        adj: task.adj,
    }
}

/// The task's badness, when it may be killed and the kernel is one that prints what counts.
fn rank(open: &mut Open, task: &Task<'_>) -> Option<i64> {
    let adj = task.adj?;
    if adj == NEVER {
        return None;
    }
    let scale = open.event.scale.map(|scale| scale.pages);
    if adj != 0 {
        open.ranking = match scale {
            Some(_) if open.ranking != Ranking::Unknown => Ranking::Scaled,
            _ => Ranking::Unknown,
        };
    }
    let page = open.page.unwrap_or(PAGE);
    let of_bytes = task.table_bytes.and_then(|bytes| bytes.0.checked_div(page.0));
    let tables = task.table_pages.or(of_bytes).unwrap_or_default();
    Some(badness(task.rss?, task.swap.unwrap_or_default(), tables, adj, scale.unwrap_or_default()))
}

/// The page size by what is before the table.
fn page(open: &Open) -> Option<PageSize> {
    open.block.or_else(|| super::finish::of_ram(open))
}

fn scale(open: &Open, page: PageSize) -> Option<Scale> {
    let machine = &open.event.machine;
    if open.memcg_report { of_memcg(&open.event.counters, machine.swap_total, page) } else { of_machine(machine, page) }
}

/// Once all is known: takes back what was ranked by what is not so.
pub(super) fn settle(open: &mut Open) {
    let is_other_page = match (open.event.page_size, open.page.unwrap_or(PAGE)) {
        (Some(size), assumed) => size != assumed,
        (None, _) => false,
    };
    if is_other_page && let Some(size) = open.event.page_size {
        open.event.scale = scale(open, size);
    }
    let event = &mut open.event;
    // Of these the scale is what some nodes have, and it is not said which pages are theirs.
    let is_of_nodes = matches!(event.constraint, Constraint::Cpuset | Constraint::Mempolicy);
    let is_of_memcg = event.constraint == Constraint::Memcg;
    if open.mixed || open.memory_mixed || is_of_nodes || is_of_memcg != open.memcg_report {
        event.scale = None;
    }
    let is_wrong = match open.ranking {
        Ranking::Sure => is_other_page,
        Ranking::Scaled => is_other_page || event.scale.is_none(),
        Ranking::Unknown => true,
    };
    if is_wrong {
        event.table.worst.clear();
    }
}
