//! Makes an event of a report: what follows from its lines together, and what is missing.

use super::open::{Kind, Open};
use super::{memcg, tasks};
use crate::oomlog::event::{
    Constraint, Counters, Event, KnownBy, Missing, Outcome, PageTables, Row, Table, Task, Text, Trigger, Victim,
};
use crate::parse::ascii;
use crate::parse::oom_report::kill::{Scope, Summary};
use crate::parse::version::Version;
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
        _ if open.memcg_call && !open.machine_report => (Constraint::Memcg, KnownBy::CallTrace),
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
        victim.process = row.tgid.filter(|tgid| *tgid != pid);
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
    let is_it = |task: &Task| task.pid == pid || victim.process == Some(task.pid);
    if open.event.selected.as_ref().is_some_and(is_it) || !is_killed {
        open.event.selected = None;
    }
    correct_page_tables(&open.event, &mut victim);
    victim.lacks_rss = is_killed && lacks_rss(open, &victim);
    name_rows(&mut open.event.table, &victim);
    open.event.victim = Some(victim);
}

/// The victim's row has its name as well, cut where a newline is in it: two names would be two programs.
fn name_rows(table: &mut Table, victim: &Victim) {
    let Some(comm) = victim.task.comm.as_ref().filter(|comm| comm.contains(&b'\n')) else {
        return;
    };
    let worst = table.worst.iter_mut().map(|ranked| &mut ranked.row);
    for row in table.top.iter_mut().chain(&mut table.top_with_swap).chain(worst) {
        let rest = comm.strip_prefix(row.comm.as_slice());
        if row.pid == victim.task.pid && rest.is_some_and(|rest| rest.starts_with(b"\n")) {
            row.comm.clone_from(comm);
        }
    }
}

/// Whether the kill line has not all parts of the resident memory that its kernel prints: none before Linux 2.6.36, two before 4.5
/// (eca56ff906bd), then three. A sum needs all of them.
fn lacks_rss(open: &Open, victim: &Victim) -> bool {
    let event = &open.event;
    let is_of = |version: Version| event.kernel().is_some_and(|kernel| kernel >= version);
    let has_any = [victim.total_vm, victim.anon_rss, victim.file_rss, victim.shmem_rss].iter().any(Option::is_some);
    if !has_any {
        // Or somebody left out what he did not need.
        return victim.task.comm.is_none() || is_of(Version::new(3, 0));
    }
    // Names of the flags are of Linux 4.6. Of a kill line alone its form tells.
    let prints_shmem = open.prints_shmem
        || is_of(Version::new(4, 5))
        || event.trigger.gfp_flags.is_some()
        || open.columns.is_some_and(|columns| columns.count_shared_apart());
    let has_shmem = victim.shmem_rss.is_some() || !prints_shmem && !victim.lacks_rss;
    victim.anon_rss.is_none() || victim.file_rss.is_none() || !has_shmem
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

/// Whether lines of counts were lost that tell what the others are of: shared memory is counted with anonymous memory on a machine's
/// lists, and with the files of a cgroup.
fn lacks_counts(event: &Event, is_memcg: bool) -> bool {
    let has = |counts: &[(Text, u64)], name: &[u8]| counts.iter().any(|(known, _)| known == name);
    if !is_memcg {
        let counts = &event.machine.counts;
        // Linux 2.6.32 counts both.
        let is_recent =
            has(counts, b"isolated_anon") || event.kernel().is_some_and(|kernel| kernel >= Version::new(3, 0));
        return has(counts, b"active_anon") && is_recent && !has(counts, b"shmem");
    }
    let stats = &event.counters.stats;
    has(stats, b"anon") && has(stats, b"file") && !has(stats, b"shmem")
}

fn missing(open: &mut Open) {
    let event = &mut open.event;
    let is_end = event.outcome != Outcome::Unknown;
    let has_table = event.table.rows > 0;
    // Whose limit it is tells nothing of the memory.
    let has_counters = event.lines.usage.or(event.lines.stats).is_some();
    let has_memory = open.machine_report || open.memcg_report && has_counters;
    let lacks_counts = has_memory && !open.memory_mixed && lacks_counts(event, open.memcg_report);
    for (is_missing, what) in [
        (event.lines.header.is_none(), Missing::Header),
        (open.mixed, Missing::Mixed),
        (open.memory_mixed || !has_memory, Missing::Memory),
        (!has_table && open.columns.is_none(), Missing::Table),
        (open.no_columns, Missing::Columns),
        (open.rows_lost, Missing::Rows),
        (open.lines_lost, Missing::Lines),
        (lacks_counts, Missing::Counts),
        (!is_end, Missing::End),
        (event.victim.as_ref().is_some_and(|victim| victim.lacks_rss), Missing::Sizes),
    ] {
        if is_missing {
            event.missing.push(what);
        }
    }
}
