//! The causes that a verdict can have.

use crate::exit::Exit;
use crate::parse::wait::Ended;

/// Who ended the target: memdoor.verdict.cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Cause {
    /// The OOM killer: the system was out of memory, or the nodes that a cpuset or a memory policy allows.
    GlobalOom,
    /// The OOM killer: a memory cgroup was at its limit.
    CgroupOom,
    /// The OOM killer: with another process of its cgroup, whose memory.oom.group is set.
    OomGroup,
    /// The OOM killer; the kernel's words for where memory was short are new.
    OomKill,
    /// Counts rose just then, and nothing better could be read.
    LikelyOomKill,
    /// Counts rose that others may have raised.
    PerhapsOomKill,
    /// SIGKILL of another process: a person, a supervisor, a userspace OOM killer.
    Sigkill,
    /// Another signal.
    Signal,
    /// It exited by itself.
    ExitCode,
    /// Not known.
    Unknown,
    /// It has not ended: the watch has.
    NotEnded(&'static str),
}

impl Cause {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GlobalOom => "global_oom",
            Self::CgroupOom => "cgroup_oom",
            Self::OomGroup => "oom_group",
            Self::OomKill => "oom_kill",
            Self::LikelyOomKill => "likely_oom_kill",
            Self::PerhapsOomKill => "perhaps_oom_kill",
            Self::Sigkill => "sigkill",
            Self::Signal => "signal",
            Self::ExitCode => "exit_code",
            Self::Unknown => "unknown",
            Self::NotEnded(name) => name,
        }
    }

    /// The exit code that `--exit-code` asks for. A likely OOM kill is one, a perhaps is none; what can't be told has the code of what is
    /// not known, whatever signal it was.
    pub(super) const fn exit(self, ended: Option<Ended>) -> Exit {
        match (self, ended) {
            (Self::Unknown, _) => Exit::Gone,
            (Self::GlobalOom | Self::CgroupOom | Self::OomGroup | Self::OomKill | Self::LikelyOomKill, _) => {
                Exit::OomKilled
            }
            (_, Some(Ended::Signal { .. })) => Exit::Killed,
            (_, Some(Ended::Code(_))) => Exit::Ended,
            (_, None) => Exit::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::wait;

    #[test]
    fn the_exit_code_of_an_end_without_an_oom_kill_is_that_of_how_it_ended() {
        let code = |status: Option<i32>| Cause::NotEnded("").exit(status.map(wait::status));
        assert_eq!(code(Some(137 << 8)), Exit::Ended);
        assert_eq!(code(Some(15)), Exit::Killed);
        assert_eq!(code(None), Exit::Gone);
    }

    #[test]
    fn the_exit_code_of_what_can_not_be_told_is_that_of_what_is_not_known() {
        for status in [Some(9), None] {
            assert_eq!(Cause::Unknown.exit(status.map(wait::status)), Exit::Gone);
        }
    }
}
