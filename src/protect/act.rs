//! One process's oom_score_adj: read, written, read again.

use crate::error::{Absent, Because, Source};
use crate::fixed::Fixed;
use crate::parse::cgroup::{memory_cgroup, owner};
use crate::parse::oom_score_adj;
use crate::processes::Comm;
use crate::sys::Errno;
use crate::target::Target;
use crate::units::Pid;

use super::Change;

/// The name of a unit; systemd's are 255 bytes at most.
pub(super) type Unit = Fixed<256>;

/// What was done to one process.
pub(super) struct Row {
    pub(super) pid: Pid,
    pub(super) comm: Comm,
    /// The service that it is in, whose unit can make the change last.
    pub(super) unit: Unit,
    pub(super) before: Result<i64, Absent>,
    pub(super) after: i64,
    pub(super) outcome: Outcome,
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It is changed.
    Done,
    /// It would be.
    Would,
    /// It was so before.
    Already,
    /// Somebody else has changed it since: it stays as it is.
    Changed,
    /// The kernel refused it.
    Refused(Errno),
    /// It was written, and could not be read again: it may be changed.
    Unsure(Absent),
    /// What it is could not be read, and it was left as it is.
    Unread(Absent),
}

impl core::fmt::Display for Outcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Would => f.write_str("would be done"),
            Self::Already => f.write_str("so already"),
            Self::Changed => f.write_str("left: changed since"),
            Self::Refused(errno) => write!(f, "refused: {}", Because(*errno)),
            Self::Unsure(why) => write!(f, "written, not read again: {why}"),
            Self::Unread(why) => write!(f, "left: {why}"),
        }
    }
}

impl Outcome {
    /// Why it is not as it was asked for.
    pub(super) fn failure(self) -> Option<Absent> {
        match self {
            Self::Refused(errno) => Some(errno.into()),
            Self::Unsure(why) | Self::Unread(why) => Some(why),
            Self::Done | Self::Would | Self::Already | Self::Changed => None,
        }
    }
}

impl Row {
    pub(super) fn of(target: &mut Target, before: i64, after: i64, outcome: Outcome) -> Self {
        Self { pid: target.pid, comm: comm(target), unit: unit(target), before: Ok(before), after, outcome }
    }
}

/// Its oom_score_adj now. What lies over the file and has none in it is said as that: what none has been can't be put back.
pub(super) fn adj(target: &mut Target) -> Result<i64, Absent> {
    let mut buf = [0; 32];
    let source = Source::process(target.pid, c"oom_score_adj");
    match target.dir().read(c"oom_score_adj", &mut buf) {
        Ok([]) => Err(source.empty()),
        Ok(text) => oom_score_adj(text.trim_ascii()).ok_or(source.untrue("number from -1000 to 1000")),
        Err(errno) => Err(target.absent(c"oom_score_adj", errno)),
    }
}

/// Makes it `after`. The directory is pinned to the process: no other one that has its number can be meant.
pub(super) fn set(target: &mut Target, after: i64, change: Change) -> Row {
    let before = adj(target);
    let outcome = match (before, change) {
        (Ok(now), _) if now == after => Outcome::Already,
        // What it was could not be put back.
        (Err(why), _) => Outcome::Unread(why),
        (_, Change::Show) => match target.dir().writable(c"oom_score_adj") {
            Ok(_) => Outcome::Would,
            Err(errno) => Outcome::Refused(errno),
        },
        (_, Change::Make) => write(target, after),
    };
    Row { pid: target.pid, comm: comm(target), unit: unit(target), before, after, outcome }
}

fn write(target: &mut Target, after: i64) -> Outcome {
    let mut text = Fixed::<16>::new();
    text.push_dec(after);
    match target.dir().write(c"oom_score_adj", text.as_bytes()) {
        Ok(()) => match adj(target) {
            Ok(now) if now == after => Outcome::Done,
            Ok(_) => Outcome::Changed,
            Err(why) => Outcome::Unsure(why),
        },
        Err(errno) => Outcome::Refused(errno),
    }
}

fn comm(target: &mut Target) -> Comm {
    let comm = target.stat(|stat| Comm::of(stat.comm));
    comm.unwrap_or_default()
}

fn unit(target: &Target) -> Unit {
    let mut buf = [0; 4096];
    let text = target.dir().read(c"cgroup", &mut buf).unwrap_or_default();
    let path = memory_cgroup(text).map_or(&b""[..], |(_, path)| path);
    let unit = owner(path).unit.unwrap_or_default();
    // A scope takes no OOMScoreAdjust=.
    let service = unit.ends_with(b".service").then_some(unit);
    Fixed::of(service.unwrap_or_default())
}
