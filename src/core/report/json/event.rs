//! The names of JSON lines: SCHEMA of README.

use crate::report::{Event, Severity};

impl Event {
    /// event_name
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Below => "memdoor.watch.below",
            Self::Begin => "memdoor.snapshot.begin",
            Self::Memory => "memdoor.snapshot.memory",
            Self::Oom => "memdoor.snapshot.oom",
            Self::Cgroup => "memdoor.snapshot.cgroup",
            Self::System => "memdoor.snapshot.system",
            Self::Sample => "memdoor.process.sample",
            Self::History => "memdoor.snapshot.history",
            Self::Relative => "memdoor.snapshot.ancestor",
            Self::Mapping => "memdoor.snapshot.mapping",
            Self::Mapped => "memdoor.snapshot.mapped",
            Self::Grower => "memdoor.snapshot.grown",
            Self::Socket => "memdoor.snapshot.socket",
            Self::Network => "memdoor.snapshot.network",
            Self::End => "memdoor.snapshot.end",
            Self::WatchEnd => "memdoor.watch.end",
            Self::Record => "memdoor.record.begin",
            Self::Kill => "memdoor.action.kill",
            Self::SourceError => "memdoor.source.error",
            Self::OomKill => "memdoor.oom.kill",
            Self::RunSummary => "memdoor.run.summary",
            Self::Protect => "memdoor.action.protect",
        }
    }

    /// The human line: "... of PID 8893 (comm)".
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Below => "memory below the threshold",
            Self::Begin => "snapshot",
            Self::Memory => "memory figures",
            Self::Oom => "OOM score",
            Self::Cgroup => "control group",
            Self::System => "system memory at the snapshot",
            Self::Sample => "sample",
            Self::History => "memory history",
            Self::Relative => "process tree",
            Self::Mapping => "mapping",
            Self::Mapped => "mappings by kind",
            Self::Grower => "mapping that has grown",
            Self::Socket => "socket",
            Self::Network => "socket counts",
            Self::End => "end of the snapshot",
            Self::WatchEnd => "end of the watch",
            Self::Record => "record of a watch",
            Self::Kill => "kill",
            Self::SourceError => "could not read a part of the snapshot",
            Self::OomKill => "OOM kill",
            Self::RunSummary => "summary",
            Self::Protect => "oom_score_adj",
        }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::WatchEnd | Self::Kill => Severity::Warn,
            Self::SourceError | Self::OomKill => Severity::Error,
            _ => Severity::Info,
        }
    }

    pub(super) const fn is_of_snapshot(self) -> bool {
        !matches!(
            self,
            Self::Below | Self::WatchEnd | Self::Record | Self::Kill | Self::Protect | Self::OomKill | Self::RunSummary
        )
    }
}
