//! Who ended the target, and on what evidence: never an OOM kill without any, never none because a source could not be read.

mod report;

use super::counts::{Counted, Counts, Course, Rise};
use super::kmsg::{Coverage, Kills, Match, Role, Short};
use crate::error::Absent;
use crate::parse::wait::Ended;
use crate::sys::signal;
use crate::units::Bytes;

/// Who ended it: memdoor.verdict.cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
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
    const fn name(self) -> &'static str {
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
}

/// Judges by what is known, the surest first.
fn judge(ended: Option<Ended>, coverage: Coverage, kills: &Kills, rise: Rise) -> (Cause, &'static str) {
    let is_sigkill = match ended {
        Some(Ended::Code(_)) => return (Cause::ExitCode, "no OOM kill: it exited by itself"),
        Some(Ended::Signal { number, .. }) if i32::from(number) != signal::KILL => {
            return (Cause::Signal, "no OOM kill: another signal ended it");
        }
        Some(Ended::Signal { .. }) => true,
        None => false,
    };
    if let Some(role) = role(kills, rise) {
        return match kills.by() {
            Match::Number => of_role(role, kills.short()),
            Match::Name => (Cause::LikelyOomKill, "likely an OOM kill: the kernel's log has one of this name"),
        };
    }
    let is_late = matches!(rise, Rise::Likely | Rise::PerhapsSystem);
    let is_at_odds = is_late && kills.other().is_none();
    match (coverage, rise) {
        // Who shares the memory of the one that the log names is killed with it, without a line.
        (Coverage::Whole, Rise::Likely) if !is_at_odds && is_sigkill => {
            (Cause::Sigkill, "no OOM kill of its own, but SIGKILL just after another one in its group")
        }
        (Coverage::Whole, _) if !is_at_odds && is_sigkill => {
            (Cause::Sigkill, "no OOM kill: SIGKILL, and not from the kernel's OOM killer")
        }
        (Coverage::Whole, _) if !is_at_odds => {
            (Cause::Unknown, "no OOM kill in the kernel's log; how it ended is not known")
        }
        (_, Rise::Likely) => (Cause::LikelyOomKill, rise.words()),
        (_, Rise::PerhapsSystem | Rise::PerhapsEarlier) => (Cause::PerhapsOomKill, rise.words()),
        (_, Rise::NoneInGroup | Rise::NoneInSystem) if is_sigkill => (Cause::Sigkill, rise.words()),
        (_, _) => (Cause::Unknown, rise.words()),
    }
}

/// What the log says of it. A name alone is no evidence where nothing was counted lately.
fn role(kills: &Kills, rise: Rise) -> Option<Role> {
    let is_counted = matches!(rise, Rise::Likely | Rise::PerhapsSystem);
    kills.role().filter(|_| kills.by() == Match::Number || is_counted)
}

const fn of_role(role: Role, short: Option<Short>) -> (Cause, &'static str) {
    match (role, short) {
        (Role::WithGroup, _) => {
            (Cause::OomGroup, "OOM kill of its whole control group (oom.group): another was chosen")
        }
        (Role::Chosen, Some(Short::Cgroup)) => (Cause::CgroupOom, "OOM kill: a control group was at its memory limit"),
        (Role::Chosen, Some(Short::System)) => (Cause::GlobalOom, "OOM kill: the whole system was out of memory"),
        (Role::Chosen, Some(Short::Nodes)) => {
            (Cause::GlobalOom, "OOM kill: the nodes of a cpuset or memory policy were out of memory")
        }
        (Role::Chosen, None) => (Cause::OomKill, "OOM kill: where memory was short is not in the kernel's log"),
    }
}

/// A verdict, and what it rests on.
pub(super) struct Verdict<'k> {
    cause: Cause,
    words: &'static str,
    evidence: Option<Evidence<'k>>,
    /// The cgroup that limited the target, and its limit.
    limiting: Option<(&'k [u8], Bytes)>,
}

/// What was read of the end of a target.
struct Evidence<'k> {
    coverage: Coverage,
    kills: &'k Kills,
    /// Whether the log's kill is the target's.
    is_of_target: bool,
    /// OOM kills in its own cgroup.
    own: Result<Course, Absent>,
    /// The same of the system.
    system: Result<Course, Absent>,
}

impl<'k> Verdict<'k> {
    /// Of a watch that ends before its target.
    pub(super) const fn not_ended(cause: &'static str, words: &'static str) -> Self {
        Self { cause: Cause::NotEnded(cause), words, evidence: None, limiting: None }
    }

    /// Which cgroup limited the target. Where the kernel's log does not say whose limit it was, it is the likeliest.
    pub(super) fn limited_by(self, limiting: Option<(&'k [u8], Bytes)>) -> Self {
        let is_at_limit = matches!(self.cause, Cause::CgroupOom | Cause::LikelyOomKill);
        Self { limiting: limiting.filter(|_| is_at_limit), ..self }
    }

    /// Of a target that has ended.
    pub(super) fn of(
        ended: Option<Ended>,
        coverage: Coverage,
        kills: &'k Kills,
        counted: &Counted,
        end: Counts,
    ) -> Self {
        let rise = counted.rise(end);
        let (cause, words) = judge(ended, coverage, kills, rise);
        let evidence = Evidence {
            coverage,
            kills,
            is_of_target: role(kills, rise).is_some(),
            own: counted.own(end),
            system: counted.system(end),
        };
        Self { cause, words, evidence: Some(evidence), limiting: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::wait;

    const ALONE: &[u8] = b"Memory cgroup out of memory: Killed process 77 (x) total-vm:1kB";
    const SIGKILL: Option<i32> = Some(9);
    const COVERAGES: [Coverage; 4] = [
        Coverage::Whole,
        Coverage::Unnumbered,
        Coverage::Gaps,
        Coverage::None(Absent::Failed(nix::errno::Errno::EPERM)),
    ];
    const RISES: [Rise; 6] =
        [Rise::Likely, Rise::PerhapsSystem, Rise::PerhapsEarlier, Rise::NoneInGroup, Rise::NoneInSystem, Rise::Unknown];

    fn kills(by: Match, line: &[u8]) -> Kills {
        let mut kills = Kills::new(77, b"x", by);
        kills.take(line, 0);
        kills
    }

    fn cause(status: Option<i32>, coverage: Coverage, kills: &Kills, rise: Rise) -> Cause {
        judge(status.map(wait::status), coverage, kills, rise).0
    }

    #[test]
    fn an_exit_and_another_signal_are_no_oom_kill_whatever_was_counted() {
        let named = kills(Match::Number, ALONE);
        for (coverage, rise) in COVERAGES.into_iter().flat_map(|c| RISES.map(|r| (c, r))) {
            assert_eq!(cause(Some(137 << 8), coverage, &named, rise), Cause::ExitCode);
            assert_eq!(cause(Some(11), coverage, &named, rise), Cause::Signal);
        }
    }

    #[test]
    fn what_the_log_says_of_it_counts_most() {
        let named = kills(Match::Number, ALONE);
        for (coverage, rise) in COVERAGES.into_iter().flat_map(|c| RISES.map(|r| (c, r))) {
            for status in [SIGKILL, None] {
                assert_eq!(cause(status, coverage, &named, rise), Cause::CgroupOom);
            }
        }
    }

    #[test]
    fn never_an_oom_kill_without_evidence_and_never_none_for_want_of_a_source() {
        let silent = kills(Match::Number, b"x");
        for rise in [Rise::NoneInGroup, Rise::NoneInSystem, Rise::Unknown] {
            assert_eq!(cause(SIGKILL, Coverage::Whole, &silent, rise), Cause::Sigkill);
            assert_eq!(cause(None, Coverage::Whole, &silent, rise), Cause::Unknown);
        }
        for coverage in COVERAGES.into_iter().skip(1) {
            let with = |rise| cause(SIGKILL, coverage, &silent, rise);
            assert_eq!(with(Rise::Unknown), Cause::Unknown);
            assert_eq!(with(Rise::Likely), Cause::LikelyOomKill);
            assert_eq!(with(Rise::PerhapsEarlier), Cause::PerhapsOomKill);
            assert_eq!(with(Rise::NoneInGroup), Cause::Sigkill);
        }
    }

    #[test]
    fn a_count_that_rose_is_another_processs_when_the_log_names_that_one() {
        let other = kills(Match::Number, b"Out of memory: Killed process 5 (y) total-vm:1kB");
        assert_eq!(cause(SIGKILL, Coverage::Whole, &other, Rise::Likely), Cause::Sigkill);
        let silent = kills(Match::Number, b"x");
        let late = cause(SIGKILL, Coverage::Whole, &silent, Rise::Likely);
        assert_eq!(late, Cause::LikelyOomKill);
    }

    #[test]
    fn a_name_alone_is_no_evidence_where_none_was_counted() {
        let named = kills(Match::Name, ALONE);
        let by_name = |rise| cause(SIGKILL, Coverage::Unnumbered, &named, rise);
        assert_eq!(by_name(Rise::Likely), Cause::LikelyOomKill);
        assert_eq!(by_name(Rise::PerhapsEarlier), Cause::PerhapsOomKill);
        assert_eq!(by_name(Rise::NoneInGroup), Cause::Sigkill);
    }
}
