//! What is said of whom the OOM killer would choose, and of where memory is short, each figure stated once.

use super::rank::Rules;
use super::view::{Scope, Victim, View};
use crate::parse::memcg::Bounds;
use crate::processes::{self, Process};
use crate::report::columns::COMMAND_MAX;
use crate::report::field::Get::{Count, Growth, Int, Mib, Path, Text};
use crate::report::field::{Rows, fields};
use crate::sample::Seen;

/// One that may be chosen, in the system or a cgroup.
pub(super) struct CandidateRow<'r> {
    pub(super) view: &'r View<'r>,
    pub(super) rules: Rules<'r>,
    pub(super) scope: Scope,
    pub(super) victim: &'r Victim<'r>,
    /// From 1 on.
    pub(super) rank: u64,
}

impl Rows for CandidateRow<'static> {
    type Row<'r> = CandidateRow<'r>;
}

// What JSON says of it beside what it says of every process.
fields! { pub(super) LIKELY of CandidateRow<'static> {
    WHERE = "memdoor.cgroup.path", Path(|of| of.view.path_of(of.scope));
    BADNESS = "memdoor.oom.badness_bytes", Growth(|of| Some(of.rules.kib(of.victim.badness).saturating_mul(1024)));
    RANK = "memdoor.oom.rank", Count(|of| Some(of.rank));
    WHAT_IF = "memdoor.what_if.oom_score_adj", Int(|of| of.rules.changed(of.victim.process.pid));
} }

/// Where memory is short: the system, or a cgroup and its limits.
pub(super) struct ScopeRow<'r> {
    pub(super) view: &'r View<'r>,
    pub(super) scope: Scope,
    pub(super) bounds: Option<&'r Bounds>,
    /// Whom the kernel kills there: what is known of it.
    pub(super) kills: &'static str,
    /// What dies as a whole.
    pub(super) group: Option<usize>,
}

impl<'r> ScopeRow<'r> {
    pub(super) const fn new(view: &'r View<'r>, scope: Scope, bounds: Option<&'r Bounds>) -> Self {
        Self { view, scope, bounds, kills: "one", group: None }
    }

    fn system(&self) -> Option<&'r View<'r>> {
        (self.scope == Scope::System).then_some(self.view)
    }
}

impl Rows for ScopeRow<'static> {
    type Row<'r> = ScopeRow<'r>;
}

fields! { pub(super) PLACE of ScopeRow<'static> {
    PATH = "memdoor.cgroup.path", Path(|of| of.view.path_of(of.scope));
    KILLS = "memdoor.oom.kills", Text(|of| of.kills.as_bytes());
    GROUP = "memdoor.oom.group", Path(|of| of.group.map_or(b"", |group| of.view.groups.path(group)));
    TOTAL = "system.memory.limit", Mib(|of| of.system()?.meminfo.total);
    SWAP_TOTAL = "memdoor.host.swap_total_bytes", Mib(|of| of.system()?.meminfo.swap_total);
    LIMIT = "memdoor.cgroup.limit_bytes", Mib(|of| of.bounds?.limit);
    USAGE = "memdoor.cgroup.usage_bytes", Mib(|of| of.bounds?.usage);
    SWAP_LIMIT = "memdoor.cgroup.swap_limit_bytes", Mib(|of| of.bounds?.swap_limit);
} }

/// A process with its cgroup.
pub(super) fn seen<'p>(view: &View<'_>, process: &'p Process, buf: &'p mut [u8; COMMAND_MAX]) -> Seen<'p> {
    let found = processes::group_of(&view.host.proc, process.pid, (process.state, process.threads), buf);
    Seen { cgroup: found.map_or(b"", |(_, path)| path), ..Seen::new(process) }
}
