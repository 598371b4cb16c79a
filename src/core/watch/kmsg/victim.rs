//! A process that the OOM killer killed, and what it is to the target of a watch.

use core::time::Duration;

use crate::fixed::Fixed;
use crate::units::Bytes;

/// Whether the kernel's numbers are those by which the target is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Match {
    /// They are: the kernel logs those of the initial pid namespace.
    Number,
    /// They are another namespace's: only the name can be compared.
    Name,
}

/// What the kernel's log said of the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Role {
    /// It was chosen.
    Chosen,
    /// Another process of its cgroup was, and memory.oom.group let all of them die.
    WithGroup,
}

/// How a process that was killed is related to the target: nearest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in super::super) enum Relationship {
    /// It is a child of the target.
    Child,
    /// It is a child's child, or further down.
    Descendant,
    /// It is in the target's memory cgroup, or in one below that.
    Group,
    /// The limit of its cgroup was hit, or of one above, which is the target's limit, too.
    Limit,
    /// Nothing is known but that its memory had the same sizes.
    Sizes,
}

impl Relationship {
    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::Child => "child",
            Self::Descendant => "descendant",
            Self::Group => "cgroup",
            Self::Limit => "limit",
            Self::Sizes => "sizes",
        }
    }

    /// What it is to the target.
    pub(in super::super) const fn words(self) -> &'static str {
        match self {
            Self::Child => "a child of it",
            Self::Descendant => "a descendant of it",
            Self::Group => "in its control group",
            Self::Limit => "under a memory limit that they share",
            Self::Sizes => "whose memory had the same sizes",
        }
    }
}

/// Whether a process that was killed had one address space with the target (clone(2) with CLONE_VM, vfork(2)): the kernel kills all that
/// share it, whatever their cgroups, and logs one of them. "No OOM kill of its own" is said only of who did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum SharedMemory {
    /// Their memory differs.
    No,
    /// In one report both have the same sizes.
    Likely,
    /// Nothing tells.
    Untold,
}

/// What is known of a victim beside the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in super::super) struct VictimFacts {
    /// Whose child it is.
    pub(in super::super) kin: Option<Relationship>,
    /// Whether it was seen with an address space of its own.
    pub(in super::super) is_apart: bool,
}

/// A process that the OOM killer killed.
#[derive(Clone, Debug)]
pub(in super::super) struct Victim {
    pub(in super::super) pid: u64,
    /// Its name, the device's escapes undone.
    pub(in super::super) comm: Fixed<64>,
    /// When, in microseconds since boot as the log has them.
    pub(in super::super) boot_us: u64,
    /// What it was to the target; `None`: nothing that is known.
    pub(in super::super) kin: Option<Relationship>,
    /// Whether the target had its memory.
    pub(in super::super) sharing: SharedMemory,
    /// Between which moments of the steady clock it was logged: the log was read to its end at the first, and again at the second.
    pub(in super::super) logged: (Duration, Duration),
}

/// What the target had at a sample.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Sizes {
    pub(in super::super) rss: Bytes,
    /// Its address space.
    pub(in super::super) total: Bytes,
    pub(in super::super) at: Duration,
}
