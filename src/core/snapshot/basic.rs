//! Who the process is.

use core::time::Duration;

use super::{Cmdline, Completeness, Scene, When, carve};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::parse::stat::{self, Stat};
use crate::parse::status::{self, Status};
use crate::parse::{cgroup, spaced};
use crate::report::{Event, Moment, Name, Report, Section, Value};
use crate::target::exe::{LINK_MAX, Link};
use crate::target::{STAT_MAX, STATUS_MAX, Target};

/// The head of a snapshot.
pub(super) const BEGIN: &Event = &Event::of_snapshot("memdoor.snapshot.begin", "snapshot");

/// Who the process is.
pub(crate) const SECTION: Section =
    Section { key: "memdoor.snapshot.begin", banner: "##### PROCESS BASIC INFORMATION #####\n" };

const PID: Name = Name(BEGIN, "PID", "");

/// Longer command lines are cut: 4 KiB is what ps(1) and kernels before 4.2 show.
const CMDLINE_MAX: usize = 4096;

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    match scene.when {
        When::Alive | When::Condemned { .. } => {
            let _ = scene.memcg.refresh(scene.target);
        }
        // At its death its cgroup is the one of a second ago: to look takes a page of the kernel's.
        When::Dying { .. } => {}
    }
    let found = Found::read(scene.target, scene.when, scene.cmdline, scene.buf);
    let stat = found.stat;
    let exe = match (&found.exe, scene.exe) {
        (Some(read), _) => read.as_ref().map(Link::as_bytes).map_err(|why| *why),
        (None, known) => known.map(Link::as_bytes),
    };
    let exe_name = exe.map(|path| path.rsplit(|byte| *byte == b'/').next().unwrap_or(path));
    let state = stat.as_ref().map(|stat| core::slice::from_ref(&stat.state)).map_err(|why| *why);
    let started = stat.map(|stat| Duration::from_micros(stat.starttime.micros()));
    let started = started.map(|since_boot| Moment::at(scene.now.at_boottime(since_boot)));
    let user = found.status.and_then(|status| status.euid.ok_or(Absent::Malformed));
    let vpid = found.status.ok().and_then(|status| status.vpid);
    let cgroup = scene.memcg.path().map(|(_, path)| path);
    let owner = cgroup::owner(cgroup.unwrap_or_default());
    let pod = owner.pod.map(cgroup::PodUid::text);
    let text = |known: Option<_>| known.map_or(Value::Nothing, Value::Text);
    let because = scene.because;
    let facts = [
        PID.is(Value::Int(scene.target.pid.get().into())),
        Name(BEGIN, "Executable Absolute Path", "process.executable.path").is(Value::of(exe, Value::Text)),
        Name(BEGIN, "", "process.executable.name").is(text(exe_name.ok())),
        Name(BEGIN, "", "memdoor.snapshot.kind").is(scene.when.kind()),
        Name(BEGIN, "Snapshot Because", "").if_any(because.map(|because| Value::Text(because.words.as_bytes()))),
        Name(BEGIN, "", "memdoor.snapshot.reason")
            .is(because.map_or(Value::Nothing, |because| Value::Words(because.reason))),
        Name(BEGIN, "Parent PID", "process.parent_pid").is(Value::of(stat, |stat| Value::Count(stat.ppid))),
        Name(BEGIN, "Command Name", "memdoor.process.comm").is(Value::of(stat, |stat| Value::Text(stat.comm))),
        Name(BEGIN, "State", "process.state").is(Value::of(state, Value::Text)),
        Name(BEGIN, "Effective User ID", "process.user.id").is(Value::of(user, Value::Count)),
        Name(BEGIN, "", "process.vpid").is(vpid.map_or(Value::Nothing, Value::Count)),
        Name(BEGIN, "Start Time", "process.creation.time").is(Value::of(started, Value::Moment)),
        Name(BEGIN, "Threads", "process.thread.count").is(Value::of(stat, |stat| Value::Count(stat.threads))),
        Name(BEGIN, "Current Working Directory", "process.working_directory")
            .if_any(found.cwd.map(|cwd| Value::of(cwd, Value::Text))),
        Name(BEGIN, "Control Group", "process.linux.cgroup").is(Value::of(cgroup, Value::Text)),
        Name(BEGIN, "", "service.name").is(text(owner.unit)),
        Name(BEGIN, "", "container.id").is(text(owner.container)),
        Name(BEGIN, "", "k8s.pod.uid").is(text(pod.as_ref().map(Fixed::as_bytes))),
        Name(BEGIN, "Command Line", "process.command_line").if_any(found.cmdline.map(|text| Value::of(text, cmdline))),
    ];
    report.facts(&facts);
    Ok(Completeness::of(&facts))
}

fn cmdline(text: &[u8]) -> Value<'_> {
    match text.len() {
        CMDLINE_MAX => Value::Cut(text),
        _ => Value::Text(text),
    }
}

/// What `/proc/PID` says of it; `None` is what was not to be read.
///
/// At its death links and the command line are not: each takes a page of the kernel's, and while the whole system is out of memory that
/// waits for 2 s, until the oom_reaper has taken this process's own (seen on 5.10 and 6.1). Earlier snapshots have them.
struct Found<'b> {
    stat: Result<Stat<'b>, Absent>,
    status: Result<Status, Absent>,
    exe: Option<Result<Link, Absent>>,
    cwd: Option<Result<&'b [u8], Absent>>,
    cmdline: Option<Result<&'b [u8], Absent>>,
}

impl<'b> Found<'b> {
    fn read(target: &mut Target, when: When, cmdline: Cmdline, mut buf: &'b mut [u8]) -> Self {
        let (stat_buf, status_buf) = (carve(&mut buf, STAT_MAX), carve(&mut buf, STATUS_MAX));
        let (cwd_buf, cmdline_buf) = (carve(&mut buf, LINK_MAX), carve(&mut buf, CMDLINE_MAX));
        let (exe, cwd) = match when {
            When::Alive | When::Condemned { .. } => (Some(target.exe()), Some(target.cwd(cwd_buf))),
            When::Dying { .. } => (None, None),
        };
        let (view, files) = target.view_and_files();
        let stat = files.stat.once(view, stat_buf);
        let status = files.status.once(view, status_buf).map(status::parse);
        let arguments = match (when, cmdline) {
            (When::Alive, Cmdline::Show) => Some(files.cmdline.once(view, cmdline_buf).map(<[u8]>::len)),
            _ => None,
        };
        let mut because = |file, errno| target.absent(file, errno);
        let stat = stat.map_err(|errno| because(c"stat", errno));
        Self {
            stat: stat.and_then(|text| stat::parse(text).ok_or(Absent::Malformed)),
            status: status.map_err(|errno| because(c"status", errno)),
            exe: exe.map(|exe| exe.map_err(|errno| because(c"exe", errno))),
            cwd: cwd.map(|cwd| cwd.map_err(|errno| because(c"cwd", errno))),
            cmdline: arguments.map(|length| {
                let length = length.map_err(|errno| because(c"cmdline", errno))?;
                Ok(spaced(cmdline_buf.get_mut(..length).unwrap_or_default()))
            }),
        }
    }
}
