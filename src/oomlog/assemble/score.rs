//! How well a line that names somebody fits a report.

use super::hole;
use super::open::{Kind, Open, text};
use super::step::{Step, admits};
use crate::oomlog::event::Outcome;
use crate::parse::oom_report::Line;
use crate::parse::oom_report::kill::{Killed, Scope, Selected, Summary};

/// A score, higher for the better reason; `None` when the line can't be of this report.
///
/// `number` is the line's among those of reports; whether it came soon or at once behind the report's last one tells what numbers don't.
pub(super) fn score(
    open: &Open,
    step: Option<Step>,
    line: &Line<'_>,
    number: u64,
    [is_soon, is_at_once]: [bool; 2],
) -> Option<u8> {
    match line {
        Line::Killed(line) => killed(open, line, number, [is_soon, is_at_once]),
        Line::Begun(scope) => {
            let fits = !open.ended && open.kind == Kind::Oom && open.killed.is_none() && fits(open, *scope);
            fits.then_some(u8::from(is_next(open, number)))
        }
        Line::Group(memcg) => group(open, memcg, number),
        // Of a report whose end was lost, and that has him in its table.
        Line::Reaped(reaped) => {
            let nobody = open.killed.is_none() && open.summary.is_none();
            let fits = !open.ended && nobody && open.kind == Kind::Oom && open.row(reaped.pid).is_some();
            fits.then_some(u8::from(is_next(open, number)))
        }
        // Of a report that has selected nobody. A panic follows when nobody can be killed.
        Line::Panic(_) | Line::NoneKillable => {
            let nobody = open.killed.is_none() && open.summary.is_none() && open.selected.is_none();
            // The kernel says so once for each request; a panic may follow.
            let is_again = matches!(line, Line::NoneKillable) && open.event.outcome == Outcome::NoneKillable;
            let fits = !open.ended && nobody && !is_again && open.kind != Kind::Foreign;
            fits.then_some(u8::from(is_next(open, number)))
        }
        _ => {
            let fits = admits(open, step?, line);
            let points = match line {
                Line::Summary(line) => summary(open, line, is_at_once && is_next(open, number))?,
                Line::Selected(line) => selected(open, line, is_at_once && is_next(open, number))?,
                // A table that has begun, before a report that has only its header.
                Line::Row(_) => u8::from(matches!(open.step, Step::Columns | Step::Rows)),
                _ => 0,
            };
            fits.then_some(points)
        }
    }
}

/// Whether the last line of any report was one of this.
fn is_next(open: &Open, number: u64) -> bool {
    open.touched + 1 == number
}

fn by_task(open: &Open, pid: u64) -> Option<u8> {
    let trigger = if open.event.trigger.pid == Some(pid) { 5 } else { 0 };
    match open.row(pid) {
        Some(_) => Some(20 + trigger),
        // A thread of a process in the table, or a row that was lost.
        None => Some(if open.has_table() { trigger } else { 10 + trigger }),
    }
}

fn summary(open: &Open, line: &Summary<'_>, is_at_once: bool) -> Option<u8> {
    if !is_at_once && line.pid.is_some_and(|pid| hole::lacks(open, pid)) {
        return None;
    }
    let is_memcg = line.memcg.is_some();
    if (is_memcg && open.machine_report) || (!is_memcg && open.memcg_report && line.pid.is_some()) {
        return None;
    }
    let memcg = match (&open.event.memcg, line.memcg) {
        (Some(ours), Some(theirs)) if *ours == text(theirs) => 30,
        (Some(_), Some(_)) => return None,
        _ => 0,
    };
    Some(memcg + line.pid.map_or(Some(0), |pid| by_task(open, pid))?)
}

/// Whether the words of a kill line fit the report.
fn fits(open: &Open, scope: Scope) -> bool {
    match scope {
        Scope::Memcg => open.memcg_report || !open.machine_report,
        Scope::Unsaid | Scope::Unknown => true,
        _ => !open.memcg_report,
    }
}

fn selected(open: &Open, line: &Selected<'_>, is_at_once: bool) -> Option<u8> {
    if !fits(open, line.scope) {
        return None;
    }
    match &open.summary {
        Some(task) => (task.pid == line.pid).then_some(90),
        // Rows that are whole and without it are another's, or one of them was lost.
        None if open.has_table() && open.row(line.pid).is_none() => is_at_once.then_some(0),
        None => by_task(open, line.pid),
    }
}

fn killed(open: &Open, line: &Killed<'_>, number: u64, [is_soon, is_at_once]: [bool; 2]) -> Option<u8> {
    if !fits(open, line.scope) || open.kind == Kind::Foreign {
        return None;
    }
    let is = |task: &Option<crate::oomlog::event::Task>| task.as_ref().is_some_and(|task| task.pid == line.pid);
    let in_group = open.event.group_memcg.is_some();
    if open.ended && !in_group {
        // The group's line was lost, and the victim is logged again.
        return (is_soon && is_again(open, line)).then_some(30);
    }
    if !open.ended && (is(&open.summary) || is(&open.selected)) {
        return Some(100);
    }
    if in_group {
        let is_known = open.victim_pid() == Some(line.pid) || open.row(line.pid).is_some();
        let points = if is_known { 80 } else { 40 };
        let may_be = is_known || !open.has_table() || is_next(open, number);
        return may_be.then_some(points);
    }
    if open.step < Step::Header || open.event.lines.header.is_none() && open.step < Step::Title {
        return None;
    }
    match (&open.summary, &open.selected) {
        // A child of the selected.
        (_, Some(_)) => {
            // Linux 2.6.16 repeats the message before the child.
            let is_of_2_6 = line.total_vm.is_none() && open.scope == Some(line.scope);
            ((line.scope == Scope::Unsaid || is_of_2_6) && is_next(open, number)).then_some(70)
        }
        (Some(task), None) => {
            let tgid = |pid: u64| open.row(pid).and_then(|row| row.tgid);
            let is_thread = tgid(line.pid) == Some(task.pid) || tgid(task.pid) == Some(line.pid);
            let is_namesake = line.comm.is_some() && task.comm == line.comm.map(text);
            (is_next(open, number) && (is_thread || is_namesake)).then_some(50)
        }
        (None, None) => {
            if !is_at_once && hole::lacks(open, line.pid) {
                return None;
            }
            let points = by_task(open, line.pid)?;
            // Nothing but its place ties it to a report that does not name it; but before Linux 2.6.25 no report named anybody.
            let is_named = open.event.trigger.pid == Some(line.pid) || open.row(line.pid).is_some();
            let is_early = line.total_vm.is_none() && line.scope != Scope::Unsaid;
            let is_bare = is_early && open.columns.is_none() && open.brief.is_empty();
            (is_named || is_bare || is_next(open, number)).then_some(points)
        }
    }
}

fn is_again(open: &Open, line: &Killed<'_>) -> bool {
    open.killed.as_ref().is_some_and(|victim| {
        let is_same_task = victim.task.pid == line.pid && victim.task.comm == line.comm.map(text);
        is_same_task && line.total_vm.is_some() && victim.total_vm == line.total_vm
    })
}

/// The line follows the victim's, whose cgroup is the one that it names, or one below that.
fn group(open: &Open, memcg: &[u8], number: u64) -> Option<u8> {
    let is_due = open.killed.is_some() || open.summary.is_some();
    if !is_due || open.event.group_memcg.is_some() {
        return None;
    }
    match &open.event.task_memcg {
        Some(task) if task.starts_with(&text(memcg)) => Some(2),
        Some(_) => None,
        None => is_next(open, number).then_some(1),
    }
}
