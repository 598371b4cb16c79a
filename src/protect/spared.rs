//! Whom a pattern never means, whatever it fits: PID 1 and memdoor itself.

use crate::fixed::Fixed;
use crate::pattern::Field;
use crate::processes::Process;
use crate::refusal::say_hint;
use crate::report::escape::Called;
use crate::sys::file::Dir;
use crate::sys::out::say;
use crate::sys::system;
use crate::target::exe::{LINK_MAX, present};
use crate::units::Pid;

use super::Targets;

/// Processes above memdoor that are looked at: 32 pid namespaces may be nested, and shells in them.
const ABOVE: usize = 64;

/// Those that are left as they are, though a pattern or `session` fits them.
///
/// - PID 1: without it the machine, or the container, is gone. Only `-p 1` changes it.
/// - memdoor itself and every other process that runs the same executable or another of that name: a watch exempts itself from the OOM killer, and a pattern
///   that is wider than it looks would take that back.
/// - With a pattern about command lines, the processes that memdoor descends from: the pattern stands in the command line of the shell
///   or sudo that was told to run it, and so fits them. With other patterns they are processes like any other: who says `bash` means
///   this shell as well.
pub(super) struct Spared<'a> {
    proc: &'a Dir,
    /// memdoor itself, and then those above it.
    line: [Option<Pid>; ABOVE],
    /// Device and inode of memdoor's executable; `None` where it can't be seen.
    exe: Option<(u64, u64)>,
}

impl<'a> Spared<'a> {
    pub(super) fn find(proc: &'a Dir, rows: &[Process]) -> Self {
        let mut line = [None; ABOVE];
        let mut next = Pid::new(system::own_pid());
        for place in &mut line {
            let Some(pid) = next else { break };
            *place = Some(pid);
            next = rows.iter().find(|row| row.pid == pid).and_then(|row| row.parent);
        }
        Self { proc, line, exe: proc.identity(c"self/exe").ok() }
    }

    /// Whether `process`, which `whom` fits, is one of them. PID 1 is said: somebody may have meant it.
    pub(super) fn holds(&self, process: &Process, targets: Targets<'_>) -> bool {
        if process.pid.get() == 1 {
            let comm = Called(process.comm.as_bytes());
            say(format_args!("memdoor: PID 1 ({comm}) fits, too, and is left as it is"));
            say_hint(Some("memdoor protect -p 1 --adj N changes it"));
            return true;
        }
        let is_own = self.line[0] == Some(process.pid) || self.runs_memdoor(process.pid);
        let is_about_arguments = matches!(targets, Targets::Match(pattern, _) if pattern.field() == Field::Cmdline);
        is_own || (is_about_arguments && self.line.contains(&Some(process.pid)))
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
