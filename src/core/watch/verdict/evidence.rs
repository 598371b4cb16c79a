//! What was read of the end of a target, and what it comes to: [`Findings`].

use core::time::Duration;

use super::super::counts::{LAST_SECONDS, OomKillCountTrend, OomKillCounts, OomKillEvidence, Reading};
use super::super::kmsg::{Coverage, LoggedKills, Match, Missing, Relationship, Role, SharedMemory, Sizes, Victim};
use super::conclusion::{Beside, Exited, Findings, Logged, MemorySizes, OtherName, RelatedKill};
use crate::cgroup::Sight;
use crate::error::Absent;
use crate::parse::wait::Ended;
use crate::sys::ptrace::{LAST, Passed};

/// What a verdict rests on.
pub(in super::super) struct Sources<'k> {
    /// How the target ended, if that is known.
    pub(in super::super) ended: Option<Ended>,
    /// When memdoor saw that.
    pub(in super::super) gone: Duration,
    pub(in super::super) coverage: Coverage,
    pub(in super::super) kills: &'k LoggedKills,
    /// Whether the cgroup whose kills were counted is that of its end.
    pub(in super::super) sight: Sight,
    /// The last sizes of the target that were seen.
    pub(in super::super) sizes: Option<Sizes>,
    /// The last signals that it was sent while it was seized, the newest first.
    pub(in super::super) passed: [Option<Passed>; LAST],
}

/// What was read of the end of a target.
pub(super) struct Evidence<'k> {
    pub(super) findings: Findings<'k>,
    pub(super) coverage: Coverage,
    pub(super) kills: &'k LoggedKills,
    pub(super) gone: Duration,
    /// What was counted and is not in the log.
    pub(super) missing: Option<Missing>,
    /// OOM kills in its own cgroup.
    pub(super) own: Result<OomKillCountTrend, Absent>,
    /// The same of the system.
    pub(super) system: Result<OomKillCountTrend, Absent>,
    pub(super) passed: [Option<Passed>; LAST],
}

impl<'k> Evidence<'k> {
    pub(super) fn of(sources: &Sources<'k>, counted: &OomKillCounts, end: Reading) -> Self {
        let &Sources { ended, gone, coverage, kills, sight, sizes, passed } = sources;
        let (own, system) = (counted.own(end), counted.system(end));
        let missing = kills.missing(own, system).filter(|_| !matches!(coverage, Coverage::None(_)));
        let (rise, window) = counted.rise(end, sight);
        let [own_rise, system_rise] =
            [own, system].map(|course| course.ok().and_then(OomKillCountTrend::since_the_start));
        let log = Log { coverage, kills, missing, is_system_counted: system_rise.is_some(), rise };
        let logged = log.says(sizes);
        let beside = match logged {
            Logged::Killed(..) | Logged::KilledByName(_) => Beside::Nobody,
            _ => match related(kills, gone).or_else(|| related_by_count(kills, own_rise, system_rise, gone)) {
                Some(kill) => Beside::Relative(kill),
                None => counted.own_rose_within(end).map_or(Beside::Nobody, Beside::Counted),
            },
        };
        let findings = Findings { exited: ended.map(Exited::of), logged, beside, counted: rise, window };
        Self { findings, coverage, kills, gone, missing, own, system, passed }
    }

    /// Whether the log's kill is the target's.
    pub(super) const fn is_of_target(&self) -> bool {
        matches!(self.findings.logged, Logged::Killed(..) | Logged::KilledByName(_))
    }

    /// Who else was killed, where that may be why the target ended.
    pub(super) const fn related(&self) -> Option<&RelatedKill<'k>> {
        match &self.findings.beside {
            Beside::Relative(kill) => Some(kill),
            Beside::Nobody | Beside::Counted(_) => None,
        }
    }
}

/// The log, beside what was counted.
pub(super) struct Log<'k> {
    pub(super) coverage: Coverage,
    pub(super) kills: &'k LoggedKills,
    pub(super) missing: Option<Missing>,
    /// Whether the system's kills were counted since the watch began: then a log that has as many has all of them.
    pub(super) is_system_counted: bool,
    pub(super) rise: OomKillEvidence,
}

impl Log<'_> {
    /// What it says of a target whose last sizes are given.
    pub(super) fn says(&self, sizes: Option<Sizes>) -> Logged {
        let Self { coverage, kills, missing, .. } = *self;
        if let Some(role) = self.role() {
            return match kills.by() {
                Match::Number => Logged::Killed(role, kills.report().short()),
                Match::Name if sizes.is_some_and(|sizes| kills.is_of_other_size(sizes)) => {
                    Logged::KilledByName(MemorySizes::Impossible)
                }
                Match::Name => Logged::KilledByName(MemorySizes::Possible),
            };
        }
        let is_read = coverage == Coverage::Whole || (coverage == Coverage::GapsBefore && self.is_system_counted);
        match missing {
            Some(_) => Logged::Incomplete,
            None if is_read => Logged::OnlyOthers,
            None if coverage == Coverage::Unnumbered
                && self.rise == OomKillEvidence::Likely
                && kills.perhaps_own() > 0 =>
            {
                Logged::AsAnother(if kills.is_other_a_namesake() { OtherName::Same } else { OtherName::Different })
            }
            None => Logged::Incomplete,
        }
    }

    /// What it says that the target was. A name alone is no evidence where nothing was counted lately.
    fn role(&self) -> Option<Role> {
        use OomKillEvidence as Rose;
        let is_counted = matches!(self.rise, Rose::Likely | Rose::PerhapsUnseen | Rose::PerhapsSystem);
        self.kills.role().filter(|_| self.kills.by() == Match::Number || is_counted)
    }
}

/// The kill of a process that is related to a target that was not killed: first of whose memory it may have had, then of the nearest.
/// `None` when that was long before the end.
fn related(kills: &LoggedKills, gone: Duration) -> Option<RelatedKill<'_>> {
    let lately = kills.kin().filter(|(victim, _)| apart(victim, gone) <= LAST_SECONDS);
    let (victim, relationship) = lately.min_by_key(|(victim, kin)| (victim.sharing != SharedMemory::Likely, *kin))?;
    Some(RelatedKill { victim, relationship, within: apart(victim, gone), by: kills.by() })
}

/// The same of a kill whose report the kernel left out (it prints 10 in 5 s, of others the kill line alone, without a cgroup): when
/// the counts of the target's cgroup and of the system rose by as many as the log has kills, each of them was in that cgroup.
pub(super) fn related_by_count(
    kills: &LoggedKills,
    own: Option<u64>,
    system: Option<u64>,
    gone: Duration,
) -> Option<RelatedKill<'_>> {
    let are_all_in_group = kills.total() > 0 && own == Some(kills.total()) && system == own;
    let victim = kills.other().filter(|victim| are_all_in_group && apart(victim, gone) <= LAST_SECONDS)?;
    Some(RelatedKill { victim, relationship: Relationship::Group, within: apart(victim, gone), by: kills.by() })
}

/// How far a kill was from the end, at most.
pub(super) fn apart(victim: &Victim, gone: Duration) -> Duration {
    let (after, by) = victim.logged;
    gone.max(by).saturating_sub(after)
}
