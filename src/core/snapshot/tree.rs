//! The target, its ancestors up to PID 1, and its children. Cheap reads only: no smaps of anybody.

use core::ffi::CStr;

use super::basic::BEGIN;
use super::{Completeness, Scene, carve};
use crate::error::{Absent, Source};
use crate::fixed::Fixed;
use crate::parse::{one_number, stat, status};
use crate::report::{Name, Relation, Relative, Report, Row, Section, Value};
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::pidfd::PidFd;
use crate::sys::ptrace;
use crate::target::{STAT_MAX, STATUS_MAX, children, live_thread};
use crate::units::{Pid, Ticks};

/// Deeper than any real tree: 32 pid namespaces may be nested.
const DEPTH_MAX: usize = 128;

/// Children shown; all are counted.
const CHILDREN_MAX: u64 = 64;

/// Its ancestors and children.
pub(super) const SECTION: Section =
    Section { key: "memdoor.snapshot.ancestor", banner: "##### PROCESS TREE INFORMATION #####\n" };

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    // An ancestor that is hidden or gone is no reason to keep the children back.
    let done = ancestors(scene, report).unwrap_or_else(|why| {
        report.missing(&SECTION, why);
        Completeness::after(why)
    });
    let listed = report_children(scene, report);
    let value = Value::of(listed.map_err(|errno| scene.target.absent(c"task/TID/children", errno)), Value::Count);
    let facts = [Name(BEGIN, "Child Processes", "").is(value)];
    report.facts(&facts);
    Ok(done.and(Completeness::of(&facts)))
}

/// Who a relative is, for the step to the next.
struct Step {
    parent: Option<Pid>,
    started: Ticks,
}

fn ancestors(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    let mut done = Completeness::Complete;
    let mut pid = scene.target.pid;
    let mut younger: Option<Ticks> = None;
    for depth in 0..DEPTH_MAX {
        let opened;
        let dir = if depth == 0 {
            Ok(scene.target.dir())
        } else {
            opened = open(&scene.host.proc, pid);
            opened.as_ref().map_err(|errno| *errno)
        };
        // An ancestor that has gone meanwhile has handed its children on: the chain is not known any further.
        let dir = match dir {
            Ok(dir) => dir,
            Err(errno) => {
                return Err(unseen(Relation::Ancestor, pid, absent(&scene.host.proc, pid, c"", errno), report));
            }
        };
        // The target's memory may show through a thread only.
        let view = if depth == 0 { scene.target.view() } else { dir };
        let (step, row) =
            relative(At { proc: &scene.host.proc, dir, view }, Relation::Ancestor, pid, scene.buf, younger, report);
        done = done.and(row);
        let step = step?;
        younger = Some(step.started);
        match step.parent {
            Some(parent) if parent != pid => pid = parent,
            _ => return Ok(done),
        }
    }
    Err(Absent::Malformed)
}

/// Where one process stands.
#[derive(Clone, Copy)]
struct At<'d> {
    proc: &'d Dir,
    /// Who it is.
    dir: &'d Dir,
    /// Its memory.
    view: &'d Dir,
}

/// Reads and reports one process. A parent that is younger than its child is another process that got the parent's number.
fn relative(
    at: At<'_>,
    relation: Relation,
    pid: Pid,
    buf: &mut [u8],
    younger: Option<Ticks>,
    report: &mut dyn Report,
) -> (Result<Step, Absent>, Completeness) {
    let At { proc, dir, view } = at;
    let mut buf = &mut *buf;
    let stat = dir.read(c"stat", carve(&mut buf, STAT_MAX)).map_err(|errno| absent(proc, pid, c"stat", errno));
    let stat = stat.and_then(|text| stat::parse(text).ok_or(Absent::Malformed));
    if let (Ok(stat), Some(younger)) = (&stat, younger)
        && stat.starttime > younger
    {
        return (Err(Absent::Gone), Completeness::Gone);
    }
    // The target's thread was found before; of a relative one is looked for, but in the exit stop nothing is opened.
    let may_open = core::ptr::eq(dir, view) && !ptrace::is_holding();
    let has_lost_its_leader = stat.is_ok_and(|stat| stat.state == b'Z' && stat.threads > 1);
    let thread = if has_lost_its_leader && may_open { live_thread(dir) } else { None };
    let view = thread.as_ref().map_or(view, |(_, thread)| thread);
    let status = view
        .read(c"status", carve(&mut buf, STATUS_MAX))
        .map(status::parse)
        .map_err(|errno| absent(proc, pid, c"status", errno));
    let number = |name: &'static CStr, buf: &mut [u8]| {
        let text = view.read(name, buf).map_err(|errno| absent(proc, pid, name, errno));
        text.and_then(|text| one_number(text).ok_or(Absent::Malformed))
    };
    // A zombie has no memory, which is not the same as not being able to read it.
    let is_zombie = stat.is_ok_and(|stat| stat::has_exited(stat.state, stat.threads));
    let source = Source::process(pid, c"status");
    let memory = |size: Option<_>, line| size.ok_or(if is_zombie { Absent::Exited } else { source.lacks(line) });
    let row = Relative {
        relation,
        pid,
        comm: stat.map(|stat| stat.comm),
        oom_score: number(c"oom_score", carve(&mut buf, 32)),
        oom_score_adj: number(c"oom_score_adj", carve(&mut buf, 32)),
        rss: status.and_then(|status| memory(status.rss, "VmRSS")),
        swap: status.and_then(|status| memory(status.swap, "VmSwap")),
    };
    report.row(Row::Relative(&row));
    let step = stat.map(|stat| Step { parent: Pid::new(stat.ppid), started: stat.starttime });
    (step, completeness(&row))
}

/// Reports a relative that `/proc` does not show: hidepid=1 and 2 let the directory be opened and not its files, hidepid=4 (Linux 5.8) does
/// not let it be opened either, and all of them are told in the same words. Nothing is reported of what is gone.
fn unseen(relation: Relation, pid: Pid, why: Absent, report: &mut dyn Report) -> Absent {
    if why != Absent::Gone {
        let (comm, oom_score, oom_score_adj, rss, swap) = (Err(why), Err(why), Err(why), Err(why), Err(why));
        report.row(Row::Relative(&Relative { relation, pid, comm, oom_score, oom_score_adj, rss, swap }));
    }
    why
}

fn completeness(row: &Relative<'_>) -> Completeness {
    let numbers = [row.oom_score.err(), row.oom_score_adj.err()];
    let sizes = [row.rss.err(), row.swap.err()];
    let missing = numbers.into_iter().chain(sizes).flatten();
    missing.fold(Completeness::Complete, |done, why| done.and(Completeness::after(why)))
}

/// The number was a relative's a moment ago, so a directory or a file that is not there now means that the process has gone, or that it is not
/// shown: by hidepid, where that is seen.
fn absent(proc: &Dir, pid: Pid, file: &'static CStr, errno: Errno) -> Absent {
    match errno {
        Errno::ENOENT | Errno::ESRCH if PidFd::open(pid).is_ok() => match proc.hides_others() {
            true => Absent::Hidepid,
            false => Absent::Unshown,
        },
        Errno::ENOENT | Errno::ESRCH => Absent::Gone,
        other => Source::process(pid, file).failed(other),
    }
}

/// Reports direct children, and counts them all.
fn report_children(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<u64, Errno> {
    let (proc, buf) = (&scene.host.proc, &mut *scene.buf);
    let mut count = 0;
    children::children(scene.target.dir(), &mut |pid| {
        count += 1;
        if count > CHILDREN_MAX {
            return;
        }
        // What can't be read of a child stands in its row.
        match open(proc, pid) {
            Ok(dir) => drop(relative(At { proc, dir: &dir, view: &dir }, Relation::Child, pid, buf, None, report)),
            Err(errno) => drop(unseen(Relation::Child, pid, absent(proc, pid, c"", errno), report)),
        }
    })?;
    Ok(count)
}

fn open(proc: &Dir, pid: Pid) -> Result<Dir, Errno> {
    let name = Fixed::<16>::dec(pid.get());
    proc.dir(name.as_c_str().unwrap_or_default())
}
