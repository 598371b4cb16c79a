//! Makes an event of a report: what follows from its lines together, and what is missing.

use super::open::{Kind, Open};
use super::{memcg, tasks};
use crate::oomlog::event::{Constraint, Counters, Event, KnownBy, Missing, Outcome, PageTables, Row, Trigger, Victim};
use crate::parse::ascii;
use crate::parse::oom_report::kill::{Scope, Summary};
use crate::units::{Bytes, PageSize};

/// What the `oom-kill:` line says about the constraint. 5.2 printed NONE for a memory cgroup.
pub(super) fn constrain(event: &mut Event, line: &Summary<'_>) {
    let constraint = match line.constraint.map(ascii) {
        _ if line.memcg.is_some() => Constraint::Memcg,
        Some("CONSTRAINT_NONE") => Constraint::None,
        Some("CONSTRAINT_MEMCG") => Constraint::Memcg,
        Some("CONSTRAINT_CPUSET") => Constraint::Cpuset,
        Some("CONSTRAINT_MEMORY_POLICY") => Constraint::Mempolicy,
        _ => return,
    };
    event.constraint = constraint;
    event.known_by = Some(KnownBy::Summary);
}

/// The event, when the report is one.
pub(super) fn event(mut open: Open) -> Option<Event> {
    if open.kind != Kind::Oom {
        return None;
    }
    constraint(&mut open);
    victim(&mut open);
    open.event.by_hand |= open.event.trigger.order == Some(-1);
    open.event.page_size = page_size(&open);
    open.event.counters.version = memcg::version(&open);
    tasks::settle(&mut open);
    if open.mixed {
        let event = &mut open.event;
        event.trigger = Trigger::default();
        event.counters = Counters::default();
        if !open.names_memcg {
            event.memcg = None;
            // `Task in` names both, `oom-kill:` the task's alone.
            if event.lines.summary.is_none() {
                event.task_memcg = None;
            }
        }
        event.lines.usage = None;
        event.lines.stats = None;
    }
    missing(&mut open);
    Some(open.event)
}

fn constraint(open: &mut Open) {
    let event = &mut open.event;
    if event.known_by.is_some() {
        return;
    }
    let (constraint, by) = match open.scope {
        _ if open.memcg_report => (Constraint::Memcg, KnownBy::MemcgReport),
        Some(Scope::Memcg) => (Constraint::Memcg, KnownBy::KillLine),
        Some(Scope::Cpuset) => (Constraint::Cpuset, KnownBy::KillLine),
        Some(Scope::Mempolicy) => (Constraint::Mempolicy, KnownBy::KillLine),
        _ => return,
    };
    event.constraint = constraint;
    event.known_by = Some(by);
}

/// The victim: of the kill line; without it, of the `oom-kill:` line. `Kill process` alone does not tell: a child may have died.
fn victim(open: &mut Open) {
    let summary = open.summary.take();
    let named = summary.clone().map(Victim::of);
    let is_killed = open.killed.is_some();
    open.event.selected = open.selected.take().or(summary.clone());
    let Some(mut victim) = open.killed.take().or(named) else {
        return;
    };
    let pid = victim.task.pid;
    if let Some(row) = open.row(pid) {
        victim.uid = victim.uid.or(row.uid);
        victim.adj = victim.adj.or(row.adj);
    }
    for task in open.event.selected.iter().chain(&summary) {
        if task.pid == pid && victim.task.comm.is_none() {
            victim.task.comm.clone_from(&task.comm);
        }
    }
    if summary.is_some_and(|task| task.pid == pid) {
        victim.uid = victim.uid.or(open.summary_uid);
    }
    if open.event.selected.as_ref().is_some_and(|task| task.pid == pid) || !is_killed {
        open.event.selected = None;
    }
    correct_page_tables(&open.event, &mut victim);
    open.event.victim = Some(victim);
}

/// Linux 5.4 printed bytes with `kB` behind them (941f762bcb27 of 5.5 mended it); the table has them right.
fn correct_page_tables(event: &Event, victim: &mut Victim) {
    let table = &event.table;
    let rows = table.top.iter().chain(&table.top_with_swap);
    let is_it = |row: &&Row| row.pid == victim.task.pid;
    let in_table = rows.into_iter().find(is_it).and_then(|row| row.page_tables);
    if let (Some(PageTables::Bytes(bytes)), Some(printed)) = (in_table, victim.page_tables)
        && bytes.0 > 0
        && printed.kib() == bytes.0
    {
        victim.page_tables = Some(bytes);
    }
}

/// The page size by the smallest free block, or by two sizes of one thing: the victim's address space, or the machine's RAM.
fn page_size(open: &Open) -> Option<PageSize> {
    let of_victim = || {
        let victim = open.event.victim.as_ref()?;
        let pages = open.row(victim.task.pid)?.total_vm?;
        ratio(victim.total_vm?.0, pages)
    };
    open.block.or_else(of_victim).or_else(|| of_ram(open))
}

pub(super) fn of_ram(open: &Open) -> Option<PageSize> {
    let machine = &open.event.machine;
    let mut sizes = machine.zones.iter();
    let present = sizes.try_fold(Bytes(0), |sum, zone| Some(sum.plus(zone.present?)))?;
    ratio(present.0, machine.ram_pages?)
}

/// A power of two from 4 KiB to 64 KiB, within an eighth: the address space may have changed in between.
fn ratio(bytes: u64, pages: u64) -> Option<PageSize> {
    let sizes = [4096, 8192, 16384, 32768, 65536];
    sizes.into_iter().map(PageSize).find(|size| {
        let whole = pages.saturating_mul(size.0);
        pages > 0 && whole.abs_diff(bytes) <= whole / 8
    })
}

fn missing(open: &mut Open) {
    let event = &mut open.event;
    let is_end = event.outcome != Outcome::Unknown;
    let has_table = event.table.rows > 0;
    // Whose limit it is tells nothing of the memory.
    let has_counters = event.lines.usage.or(event.lines.stats).is_some();
    let has_memory = open.machine_report || open.memcg_report && has_counters;
    for (is_missing, what) in [
        (event.lines.header.is_none(), Missing::Header),
        (open.mixed, Missing::Mixed),
        (open.memory_mixed || !has_memory, Missing::Memory),
        (!has_table && open.columns.is_none(), Missing::Table),
        (open.no_columns, Missing::Columns),
        (open.rows_lost, Missing::Rows),
        (!is_end, Missing::End),
    ] {
        if is_missing {
            event.missing.push(what);
        }
    }
}
