//! Who the process is.

use core::time::Duration;

use super::{Cmdline, Completeness, Scene, carve};
use crate::error::Absent;
use crate::parse::{cgroup, stat, status};
use crate::report::{Event, Fact, Moment, Report, Value};
use crate::target::exe::LINK_MAX;
use crate::target::{STAT_MAX, STATUS_MAX};

/// Longer command lines are cut: 4 KiB is what ps(1) and kernels before 4.2 show.
const CMDLINE_MAX: usize = 4096;

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    let mut buf = &mut *scene.buf;
    let (stat_buf, status_buf) = (carve(&mut buf, STAT_MAX), carve(&mut buf, STATUS_MAX));
    let (cwd_buf, cmdline_buf) = (carve(&mut buf, LINK_MAX), carve(&mut buf, CMDLINE_MAX));

    scene.memcg.refresh(scene.target);
    let exe = scene.target.exe();
    let (view, files) = scene.target.view_and_files();
    let stat = files.stat.once(view, stat_buf);
    let status = files.status.once(view, status_buf).map(status::parse);
    let cwd = view.link(c"cwd", cwd_buf);
    let cmdline = match scene.cmdline {
        Cmdline::Show => Some(files.cmdline.once(view, cmdline_buf).map(<[u8]>::len)),
        Cmdline::Hide => None,
    };

    let stat = stat
        .map_err(|errno| scene.target.absent(errno))
        .and_then(|text| stat::parse(text).ok_or(Absent::Malformed));
    let status = status.map_err(|errno| scene.target.absent(errno));
    let exe = exe.map_err(|errno| scene.target.absent(errno));
    let exe = exe
        .as_ref()
        .map(crate::fixed::Fixed::as_bytes)
        .map_err(|why| *why);
    let cwd = cwd.map_err(|errno| scene.target.absent(errno));
    let cgroup = scene.memcg.path().map(|(_, path)| path);
    let owner = cgroup::owner(cgroup.unwrap_or_default());
    let started = stat.map(|stat| {
        Moment::at(
            scene
                .now
                .at_boottime(Duration::from_micros(stat.starttime.micros())),
        )
    });
    let state = stat
        .as_ref()
        .map(|stat| core::slice::from_ref(&stat.state))
        .map_err(|why| *why);
    let command_line = match cmdline {
        None => Value::Nothing,
        Some(Ok(len)) => Value::Text(spaced(cmdline_buf.get_mut(..len).unwrap_or_default())),
        Some(Err(errno)) => Value::Absent(scene.target.absent(errno)),
    };
    let name = exe.map(|path| path.rsplit(|byte| *byte == b'/').next().unwrap_or(path));
    let number =
        |field: Option<u64>| field.map_or(Value::Absent(Absent::NotSupported), Value::Count);
    let begin = |label, key, value| Fact::new(Event::Begin, label, key, value);
    let facts = [
        begin("PID", "", Value::Int(scene.target.pid.get().into())),
        begin(
            "Executable Absolute Path",
            "process.executable.path",
            Value::of(exe, Value::Text),
        ),
        begin(
            "",
            "process.executable.name",
            name.map_or(Value::Nothing, Value::Text),
        ),
        begin(
            "Parent PID",
            "process.parent_pid",
            Value::of(stat, |stat| Value::Count(stat.ppid)),
        ),
        begin(
            "Command Name",
            "memdoor.process.comm",
            Value::of(stat, |stat| Value::Text(stat.comm)),
        ),
        begin("State", "process.state", Value::of(state, Value::Text)),
        begin(
            "Effective User ID",
            "process.user.id",
            Value::of(status, |status| number(status.euid)),
        ),
        begin(
            "",
            "process.vpid",
            status
                .ok()
                .and_then(|status| status.vpid)
                .map_or(Value::Nothing, Value::Count),
        ),
        begin(
            "Start Time",
            "process.creation.time",
            Value::of(started, Value::Moment),
        ),
        begin(
            "Threads",
            "process.thread.count",
            Value::of(stat, |stat| Value::Count(stat.threads)),
        ),
        begin(
            "Current Working Directory",
            "process.working_directory",
            Value::of(cwd, Value::Text),
        ),
        begin(
            "Control Group",
            "process.linux.cgroup",
            Value::of(cgroup, Value::Text),
        ),
        begin(
            "",
            "service.name",
            owner.unit.map_or(Value::Nothing, Value::Text),
        ),
        begin(
            "",
            "container.id",
            owner.container.map_or(Value::Nothing, Value::Text),
        ),
        begin(
            "",
            "k8s.pod.uid",
            owner.pod.map_or(Value::Nothing, Value::Text),
        ),
        begin("Command Line", "process.command_line", command_line),
    ];
    let shown = if scene.cmdline == Cmdline::Show {
        &facts[..]
    } else {
        facts.split_last().map_or(&facts[..], |(_, rest)| rest)
    };
    report.facts(shown);
    Ok(Completeness::of(shown))
}

/// The arguments end with a NUL each; a kernel thread and a process that overwrote them have none.
fn spaced(text: &mut [u8]) -> &[u8] {
    let len = text
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let (arguments, _) = text.split_at_mut(len);
    arguments
        .iter_mut()
        .filter(|byte| **byte == 0)
        .for_each(|byte| *byte = b' ');
    arguments
}
