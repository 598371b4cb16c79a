//! Who the process is.

use core::time::Duration;

use super::{Cmdline, Completeness, Scene, When, carve};
use crate::error::Absent;
use crate::parse::cgroup;
use crate::parse::stat::{self, Stat};
use crate::parse::status::{self, Status};
use crate::report::Event::Begin;
use crate::report::{Fact, Moment, Name, Report, Value};
use crate::sys::Errno;
use crate::target::exe::{LINK_MAX, Link};
use crate::target::{STAT_MAX, STATUS_MAX, Target};

const PID: Name = Name(Begin, "PID", "");
const EXE: Name = Name(Begin, "Executable Absolute Path", "process.executable.path");
const EXE_NAME: Name = Name(Begin, "", "process.executable.name");
const KIND: Name = Name(Begin, "", "memdoor.snapshot.kind");
const PARENT: Name = Name(Begin, "Parent PID", "process.parent_pid");
const COMM: Name = Name(Begin, "Command Name", "memdoor.process.comm");
const STATE: Name = Name(Begin, "State", "process.state");
const USER: Name = Name(Begin, "Effective User ID", "process.user.id");
const VPID: Name = Name(Begin, "", "process.vpid");
const STARTED: Name = Name(Begin, "Start Time", "process.creation.time");
const THREADS: Name = Name(Begin, "Threads", "process.thread.count");
const CWD: Name = Name(
    Begin,
    "Current Working Directory",
    "process.working_directory",
);
const CGROUP: Name = Name(Begin, "Control Group", "process.linux.cgroup");
const UNIT: Name = Name(Begin, "", "service.name");
const CONTAINER: Name = Name(Begin, "", "container.id");
const POD: Name = Name(Begin, "", "k8s.pod.uid");
const CMDLINE: Name = Name(Begin, "Command Line", "process.command_line");

/// Longer command lines are cut: 4 KiB is what ps(1) and kernels before 4.2 show.
const CMDLINE_MAX: usize = 4096;

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    scene.memcg.refresh(scene.target);
    let reads = match scene.when {
        When::Dying { .. } => Reads::Kept,
        _ => Reads::All(scene.cmdline),
    };
    let found = Found::read(scene.target, reads, scene.buf);
    let stat = found.stat;
    let exe = match (scene.exe, &found.exe) {
        (Some(known), Err(_)) => Ok(known.as_bytes()),
        (_, read) => read.as_ref().map(Link::as_bytes).map_err(|why| *why),
    };
    let exe_name = exe.map(|path| path.rsplit(|byte| *byte == b'/').next().unwrap_or(path));
    let state = stat
        .as_ref()
        .map(|stat| core::slice::from_ref(&stat.state))
        .map_err(|why| *why);
    let started = stat.map(|stat| Duration::from_micros(stat.starttime.micros()));
    let started = started.map(|since_boot| Moment::at(scene.now.at_boottime(since_boot)));
    let user = found
        .status
        .and_then(|status| status.euid.ok_or(Absent::Malformed));
    let vpid = found.status.ok().and_then(|status| status.vpid);
    let cgroup = scene.memcg.path().map(|(_, path)| path);
    let owner = cgroup::owner(cgroup.unwrap_or_default());
    let text = |known: Option<_>| known.map_or(Value::Nothing, Value::Text);
    let facts = [
        PID.is(Value::Int(scene.target.pid.get().into())),
        EXE.is(Value::of(exe, Value::Text)),
        EXE_NAME.is(text(exe_name.ok())),
        KIND.is(scene.when.kind()),
        PARENT.is(Value::of(stat, |stat| Value::Count(stat.ppid))),
        COMM.is(Value::of(stat, |stat| Value::Text(stat.comm))),
        STATE.is(Value::of(state, Value::Text)),
        USER.is(Value::of(user, Value::Count)),
        VPID.is(vpid.map_or(Value::Nothing, Value::Count)),
        STARTED.is(Value::of(started, Value::Moment)),
        THREADS.is(Value::of(stat, |stat| Value::Count(stat.threads))),
        shown_unless(reads, CWD.is(Value::of(found.cwd, Value::Text))),
        CGROUP.is(Value::of(cgroup, Value::Text)),
        UNIT.is(text(owner.unit)),
        CONTAINER.is(text(owner.container)),
        POD.is(text(owner.pod)),
        shown_unless(
            reads,
            CMDLINE.is(Value::of(found.cmdline, |text| match text.len() {
                CMDLINE_MAX => Value::Cut(text),
                _ => Value::Text(text),
            })),
        ),
    ];
    let shown = match (scene.cmdline, facts.split_last()) {
        (Cmdline::Hide, Some((_, others))) => others,
        _ => &facts,
    };
    report.facts(shown);
    Ok(Completeness::of(shown))
}

/// What is read of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// All.
    All(Cmdline),
    /// What needs no page of the kernel's: links and command lines take one for each read, and while the whole system is out of memory
    /// that waits for 2 s, until the oom_reaper has taken this process's own (seen on 5.10 and 6.1). Earlier snapshots have them.
    Kept,
}

/// The fact, or one that is in no format.
const fn shown_unless(reads: Reads, fact: Fact<'_>) -> Fact<'_> {
    match reads {
        Reads::All(_) => fact,
        Reads::Kept => Fact {
            value: Value::Nothing,
            ..fact
        }
        .text_only()
        .json_only(),
    }
}

/// What `/proc/PID` says of it.
struct Found<'b> {
    stat: Result<Stat<'b>, Absent>,
    status: Result<Status, Absent>,
    exe: Result<Link, Absent>,
    cwd: Result<&'b [u8], Absent>,
    cmdline: Result<&'b [u8], Absent>,
}

impl<'b> Found<'b> {
    fn read(target: &mut Target, reads: Reads, mut buf: &'b mut [u8]) -> Self {
        let (stat_buf, status_buf) = (carve(&mut buf, STAT_MAX), carve(&mut buf, STATUS_MAX));
        let (cwd_buf, cmdline_buf) = (carve(&mut buf, LINK_MAX), carve(&mut buf, CMDLINE_MAX));
        let (exe, cwd) = match reads {
            Reads::All(_) => (target.exe(), target.cwd(cwd_buf)),
            Reads::Kept => (Err(Errno::ENODATA), Err(Errno::ENODATA)),
        };
        let (view, files) = target.view_and_files();
        let stat = files.stat.once(view, stat_buf);
        let status = files.status.once(view, status_buf).map(status::parse);
        let length = match reads {
            Reads::All(Cmdline::Show) => files.cmdline.once(view, cmdline_buf).map(<[u8]>::len),
            _ => Ok(0),
        };
        let stat = stat.map_err(|errno| target.absent(errno));
        Self {
            stat: stat.and_then(|text| stat::parse(text).ok_or(Absent::Malformed)),
            status: status.map_err(|errno| target.absent(errno)),
            exe: exe.map_err(|errno| target.absent(errno)),
            cwd: cwd.map_err(|errno| target.absent(errno)),
            cmdline: length
                .map(|length| spaced(cmdline_buf.get_mut(..length).unwrap_or_default()))
                .map_err(|errno| target.absent(errno)),
        }
    }
}

/// The arguments end with a NUL each; a process that overwrote them may have none.
fn spaced(text: &mut [u8]) -> &[u8] {
    let length = text
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let (arguments, _) = text.split_at_mut(length);
    arguments
        .iter_mut()
        .filter(|byte| **byte == 0)
        .for_each(|byte| *byte = b' ');
    arguments
}
