//! What a process runs and whose it is: whether it is still the one that was named.

use super::options::{Follow, Options};
use crate::error::{Absent, Because, by_right};
use crate::exit::Exit;
use crate::refusal::say_hint;
use crate::report::escape::Escaped;
use crate::report::{Event, Fact, Name, Value};
use crate::sys::out::say;
use crate::target::Target;
use crate::target::exe::Link;
use crate::units::Pid;

/// As it was seen last.
pub(super) struct Identity {
    /// The executable as of the last report.
    exe: Result<Link, Absent>,
    /// Whose it was when it was armed, where the next one must be the same user's.
    pub(super) user: Option<u64>,
}

impl Identity {
    /// What it is now, when it runs the one that the user named. Why not has been said.
    pub(super) fn of(target: &Target, options: &Options<'_>) -> Result<Self, Exit> {
        let exe = check_exe(target, options.exe)?;
        let user = match options.follow {
            Follow::Next => target.user(),
            Follow::End => None,
        };
        Ok(Self { exe, user })
    }

    /// The executable, or why it could not be read.
    pub(super) fn exe(&self) -> Result<&Link, Absent> {
        self.exe.as_ref().map_err(|why| *why)
    }

    /// Whether the process still runs what the user named. exec() keeps the process and changes that.
    pub(super) fn is_still(&mut self, target: &Target, wanted: Option<&[u8]>) -> bool {
        // Not readable any more (a set-uid exec): the process is the same, and evidence is worth more than the name.
        let Ok(link) = target.exe() else {
            return true;
        };
        let is_same = self.exe().map(Link::as_bytes) == Ok(link.as_bytes());
        let wanted = wanted.filter(|_| !is_same);
        let is_named = wanted.is_none_or(|wanted| target.runs(&link, wanted));
        self.exe = Ok(link);
        is_named
    }

    /// PID and executable, as every report of the document begins.
    pub(super) fn facts(&self, pid: Pid, event: &'static Event) -> [Fact<'_>; 2] {
        let pid = Name(event, "PID", "").is(Value::Int(pid.get().into()));
        let path = self.exe().map(Link::as_bytes);
        let name = Name(event, "Executable Absolute Path", "process.executable.path");
        [pid, name.is(Value::of(path, Value::Text))]
    }

    /// The document's line, and what it runs instead.
    pub(super) fn say_mismatch(&self, pid: Pid, wanted: &[u8]) {
        say_mismatch(pid, wanted, self.exe().ok());
    }
}

/// The executable as it is now, when it is the one that the user named.
fn check_exe(target: &Target, wanted: Option<&[u8]>) -> Result<Result<Link, Absent>, Exit> {
    let pid = target.pid;
    match (target.exe(), wanted) {
        (Ok(link), Some(wanted)) if !target.runs(&link, wanted) => {
            say_mismatch(pid, wanted, Some(&link));
            Err(Exit::Gone)
        }
        (Ok(link), _) => Ok(Ok(link)),
        (Err(errno), Some(_)) => {
            say(format_args!("memdoor: cannot read /proc/{pid}/exe: {}", Because(errno)));
            say_hint(Some(by_right(
                "run memdoor as root or as the target's user, or leave -e out: the process is pinned without it",
                "root needs CAP_SYS_PTRACE for that: start memdoor with it, or leave -e out: the process is pinned without it",
            )));
            Err(Exit::Error)
        }
        (Err(errno), None) => Ok(Err(errno.into())),
    }
}

fn say_mismatch(pid: Pid, wanted: &[u8], link: Option<&Link>) {
    let path = Escaped(wanted);
    say(format_args!("ERROR: PID {pid} does not match the executable name {path}"));
    if let Some(link) = link {
        say(format_args!("hint: it runs {}", Escaped(link.as_bytes())));
    }
}
