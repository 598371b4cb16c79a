//! Takes what a line says over into its report.

use super::open::{Kind, Open, text};
use super::{hole, machine, memcg, tasks};
use crate::oomlog::event::{Event, Outcome, Position, Task, Victim};
use crate::parse::oom_report::Line;
use crate::parse::oom_report::header::Header;
use crate::parse::oom_report::kill::{Killed, Scope, Selected, Summary};

/// Takes a line over that is this report's.
pub(super) fn feed(open: &mut Open, line: &Line<'_>, at: Position) {
    open.in_stats = matches!(line, Line::Stats(_)) || (open.in_stats && matches!(line, Line::Stat(_)));
    let event = &mut open.event;
    match line {
        Line::Header(line) => header(event, line, at),
        Line::Running(line) => {
            if open.torn.is_some() {
                event.trigger.comm = Some(text(line.comm));
            }
            event.trigger.pid = Some(line.pid);
            event.release = line.release.map(text);
        }
        Line::Whose(_) | Line::Usage(_) | Line::Stats(_) | Line::Stat(_) => {
            memcg::feed(open, line, at);
        }
        Line::Cpuset(line) => {
            event.trigger.cpuset = Some(text(line.cpuset));
            event.trigger.mems_allowed = Some(text(line.mems_allowed));
        }
        Line::MemInfo
        | Line::Counts(_)
        | Line::Node(_)
        | Line::Zone(_)
        | Line::Reserve(_)
        | Line::Blocks(_)
        | Line::HugePages(_)
        | Line::Total(_)
        | Line::Slab(_)
        | Line::Allocation(_) => machine::feed(open, line, at),
        Line::NoCompaction => event.lacks_compaction = true,
        Line::MemcgCall => open.memcg_call = true,
        Line::Title => open.kind = Kind::Oom,
        Line::Columns(columns) => {
            open.kind = Kind::Oom;
            open.columns = Some(*columns);
            event.lines.table.get_or_insert(at);
        }
        Line::Row(line) => tasks::row(open, line, at),
        Line::Summary(line) => summary(open, line, at),
        Line::Selected(line) => selected(open, line, at),
        Line::Killed(line) => killed(open, line, at),
        Line::Begun(scope) => begun(open, *scope),
        Line::Group(memcg) => {
            open.kind = Kind::Oom;
            event.group_memcg = Some(text(memcg));
        }
        Line::Reaped(line) => reaped(open, Task { comm: line.comm.map(text), pid: line.pid }),
        Line::NoneKillable => none_killable(open, at),
        Line::Panic(why) => {
            open.kind = Kind::Oom;
            event.outcome = Outcome::Panic;
            event.panic = Some(text(why));
            event.lines.end = Some(at);
            event.ended = open.last.clone();
            open.ended = true;
        }
        _ => {}
    }
}

/// A panic may follow.
fn none_killable(open: &mut Open, at: Position) {
    open.kind = Kind::Oom;
    open.event.outcome = Outcome::NoneKillable;
    open.event.lines.end = Some(at);
    open.event.ended = open.last.clone();
}

/// Of nobody whose death is known: what is left of a lost report, or it was exiting anyway.
fn reaped(open: &mut Open, who: Task) {
    open.kind = Kind::Oom;
    open.event.reaped = true;
    open.summary = Some(who);
    open.ended = true;
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

fn summary(open: &mut Open, line: &Summary<'_>, at: Position) {
    let event = &mut open.event;
    event.lines.summary = Some(at);
    super::finish::constrain(event, line);
    if let Some(memcg) = line.memcg {
        open.names_memcg = true;
        event.memcg = Some(text(memcg));
    }
    if let Some(memcg) = line.task_memcg {
        event.task_memcg = Some(text(memcg));
    }
    if let (Some(cpuset), Some(nodes)) = (line.cpuset, line.mems_allowed) {
        event.trigger.cpuset = Some(text(cpuset));
        event.trigger.mems_allowed = Some(text(nodes));
    }
    if let (None, Some(nodemask)) = (&event.trigger.nodemask, line.nodemask) {
        event.trigger.nodemask = Some(text(nodemask));
    }
    open.rows_lost |= line.pid.is_some_and(|pid| hole::lacks(open, pid));
    open.kind = Kind::Oom;
    open.summary_uid = line.uid;
    open.summary = line.pid.map(|pid| Task { comm: line.comm.map(text), pid });
}

/// Somebody was killed, and the line ends before it names him: what follows is of another report.
fn begun(open: &mut Open, scope: Scope) {
    open.kind = Kind::Oom;
    open.ended = true;
    open.scope.get_or_insert(scope);
}

fn selected(open: &mut Open, line: &Selected<'_>, at: Position) {
    open.kind = Kind::Oom;
    open.event.lines.selected = Some(at);
    open.rows_lost |= hole::lacks(open, line.pid);
    open.scope = Some(line.scope);
    open.event.is_of_allocating |= line.is_of_allocating;
    open.selected = Some(Task { comm: line.comm.map(text), pid: line.pid });
    open.event.score = line.score;
}

/// The first kill is the victim's; those behind it are of its group.
fn killed(open: &mut Open, line: &Killed<'_>, at: Position) {
    open.kind = Kind::Oom;
    let task = Task { comm: line.comm.map(text), pid: line.pid };
    // Where the victim's own line was lost, the first of its group stands for it.
    let is_member = open.event.group_memcg.is_some() && open.victim_pid().is_some_and(|victim| victim != line.pid);
    if is_member || open.killed.is_some() {
        let is_known = open.event.group.iter().any(|known| known.pid == task.pid);
        let is_victim = open.victim_pid() == Some(task.pid);
        if !is_known && !is_victim {
            // A member behind those that are kept may be counted twice when its line is there twice.
            open.event.group_count += 1;
            if open.event.group.len() < Event::GROUP {
                open.event.group.push(task);
            }
        }
        return;
    }
    if line.scope != Scope::Unsaid {
        open.scope = Some(line.scope);
    }
    open.rows_lost |= open.summary.is_none() && open.selected.is_none() && hole::lacks(open, line.pid);
    open.event.is_of_allocating |= line.is_of_allocating;
    open.killed = Some(Victim {
        task,
        process: None,
        uid: line.uid,
        total_vm: line.total_vm,
        anon_rss: line.anon_rss,
        file_rss: line.file_rss,
        shmem_rss: line.shmem_rss,
        page_tables: line.page_tables,
        adj: line.adj,
        lacks_rss: line.is_cut,
    });
    // Linux 5.1 says in one line why and whom.
    open.prints_shmem |= line.scope != Scope::Unsaid && line.total_vm.is_some();
    open.event.outcome = Outcome::Killed;
    open.event.lines.end = Some(at);
    // It has been touched: that is this line's time.
    open.event.ended = open.last.clone();
    open.ended = true;
}
