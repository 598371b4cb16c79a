//! Whom a pattern never means, whatever it fits: PID 1 and memdoor itself.

use crate::fixed::Fixed;
use crate::own::{OWN_MAX, own_line};
use crate::pattern::Field;
use crate::processes::Process;
use crate::sys::file::Dir;
use crate::target::exe::{LINK_MAX, present};
use crate::units::Pid;

use super::Targets;

/// Those that are left as they are, though a pattern or `session` fits them.
///
/// - PID 1: without it the machine, or the container, is gone. Only `-p 1` changes it.
/// - memdoor itself and every other process that runs the same executable or another of that name: a watch exempts itself from the OOM
///   killer, and a pattern that is wider than it looks would take that back.
/// - With a pattern about command lines, the processes that memdoor descends from: the pattern stands in the command line of the shell
///   or sudo that was told to run it, and so fits them. With other patterns they are processes like any other: who says `bash` means
///   this shell as well.
pub(super) struct Spared<'a> {
    proc: &'a Dir,
    /// memdoor itself, and then those above it.
    line: [Pid; OWN_MAX],
    /// Device and inode of memdoor's executable; `None` where it can't be seen.
    exe: Option<(u64, u64)>,
}

/// Which of them it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SparedAs {
    Init,
    Own,
}

impl<'a> Spared<'a> {
    pub(super) fn find(proc: &'a Dir) -> Self {
        Self { proc, line: own_line(proc), exe: proc.identity(c"self/exe").ok() }
    }

    /// Which of them a process is that `targets` fit.
    pub(super) fn of(&self, process: &Process, targets: Targets<'_>) -> Option<SparedAs> {
        if process.pid.get() == 1 {
            return Some(SparedAs::Init);
        }
        let is_own = self.line[0] == process.pid || self.runs_memdoor(process.pid);
        let is_about_arguments = matches!(targets, Targets::Match(pattern, _) if pattern.field() == Field::Cmdline);
        (is_own || (is_about_arguments && self.line.contains(&process.pid))).then_some(SparedAs::Own)
    }

    fn runs_memdoor(&self, pid: Pid) -> bool {
        let mut path = Fixed::<32>::new();
        path.push_dec(pid.get()).push(b"/exe");
        let path = path.as_c_str().unwrap_or_default();
        let mut buf = [0; LINK_MAX];
        let name =
            self.proc.link(path, &mut buf).map(present).ok().and_then(|link| link.rsplit(|byte| *byte == b'/').next());
        let exe = self.proc.identity(path).ok();
        name == Some(b"memdoor") || (exe.is_some() && exe == self.exe)
    }
}
