//! Who lives on, and why SIGKILL has not ended it.

use super::member::Sent;
use super::members::Members;
use crate::parse::stat;
use crate::processes::Comm;
use crate::target::STAT_MAX;
use crate::units::Pid;

/// One that lives on, and what it does.
#[derive(Clone, Debug)]
pub(super) struct Survivor {
    pub(super) pid: Pid,
    pub(super) comm: Comm,
    pub(super) stuck: Stuck,
}

/// Why SIGKILL has not ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stuck {
    /// It was sent none.
    Unasked,
    /// The freezer of cgroup v1, or of a suspended system, holds it: the signal takes effect when it is thawed.
    Frozen,
    /// It is in uninterruptible sleep, and ends when that does.
    Uninterruptible,
    /// It is on its way.
    Exiting,
}

impl Stuck {
    /// For JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unasked => "unasked",
            Self::Frozen => "frozen",
            Self::Uninterruptible => "uninterruptible",
            Self::Exiting => "exiting",
        }
    }

    /// What it does.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Unasked => "it was sent no SIGKILL",
            Self::Frozen => {
                "it is frozen, and SIGKILL takes effect when it is thawed: write THAWED to freezer.state of its v1 freezer cgroup"
            }
            Self::Uninterruptible => "it is in uninterruptible sleep, and ends when that does",
            Self::Exiting => "it is on its way",
        }
    }
}

impl Members {
    /// The first that lives.
    pub(super) fn survivor(&self) -> Option<Survivor> {
        let member = self.all.iter().find(|member| member.is_alive())?;
        let mut buf = [0; STAT_MAX];
        let stat = stat::parse(member.dir.read(c"stat", &mut buf).ok()?)?;
        let stuck = match stat.state {
            _ if member.sent != Sent::Sigkill => Stuck::Unasked,
            _ if stat.is_exiting => Stuck::Exiting,
            _ if member.is_frozen() => Stuck::Frozen,
            b'D' => Stuck::Uninterruptible,
            _ => Stuck::Exiting,
        };
        Some(Survivor { pid: member.pid, comm: Comm::of(stat.comm), stuck })
    }
}
