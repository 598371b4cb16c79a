//! Who ended the target, and on what evidence: never an OOM kill without any, never none because a source could not be read.

mod report;

use core::fmt::Write;
use core::time::Duration;

use super::Words;
use super::counts::{LATE, OomKillCountTrend, OomKillCounts, OomKillEvidence, Reading, Tenths};
use super::kmsg::{Coverage, Kills, Match, Missing, Relationship, Role, SharedMemory, Sizes, Victim};
use crate::cgroup::Sight;
use crate::error::Absent;
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::host::Numbers;
use crate::oom_kills::Short;
use crate::parse::wait::Ended;
use crate::sys::ptrace::{LAST, Passed};
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

/// What a verdict rests on.
pub(super) struct Sources<'k> {
    /// How the target ended, if that is known.
    pub(super) ended: Option<Ended>,
    /// When memdoor saw that.
    pub(super) gone: Duration,
    pub(super) coverage: Coverage,
    pub(super) kills: &'k Kills,
    /// Whether the cgroup whose kills were counted is that of its end.
    pub(super) sight: Sight,
    /// The last sizes of the target that were seen.
    pub(super) sizes: Option<Sizes>,
    /// The last signals that it was sent while it was seized, the newest first.
    pub(super) passed: [Option<Passed>; LAST],
}

/// What was counted.
#[derive(Clone, Copy)]
struct Tally {
    rise: OomKillEvidence,
    /// In the last so many seconds.
    window: Duration,
    /// What was counted and is not in the log.
    missing: Option<Missing>,
    /// Whether the system's kills were counted since the watch began: then a log that has as many has all of them.
    is_all_counted: bool,
    /// Whether a kill line that only a name makes the target's has sizes that the target can't have had.
    is_of_other_size: bool,
}

/// Judges by what is known, the surest first.
fn judge(ended: Option<Ended>, coverage: Coverage, kills: &Kills, tally: Tally) -> (Cause, Words) {
    let Tally { rise, window, missing, is_all_counted, is_of_other_size } = tally;
    let say = |cause, words: &str| (cause, Words::of(words.as_bytes()));
    let role = role(kills, rise);
    let is_sigkill = match (ended, role) {
        // It was on its way out already: its own status stands.
        (Some(Ended::Code(_)), Some(_)) if kills.by() == Match::Number => {
            return say(Cause::ExitCode, "it exited by itself, just when the OOM killer had chosen it");
        }
        (Some(Ended::Signal { number, .. }), Some(_))
            if i32::from(number) != signal::KILL && kills.by() == Match::Number =>
        {
            return say(Cause::Signal, "another signal ended it, just when the OOM killer had chosen it");
        }
        (Some(Ended::Code(_)), _) => return say(Cause::ExitCode, "no OOM kill: it exited by itself"),
        (Some(Ended::Signal { number, .. }), _) if i32::from(number) != signal::KILL => {
            return say(Cause::Signal, "no OOM kill: another signal ended it");
        }
        (Some(Ended::Signal { .. }), _) => true,
        (None, _) => false,
    };
    if let Some(role) = role {
        let (cause, words) = match kills.by() {
            Match::Number => of_role(role, kills.report().short()),
            Match::Name => by_name(is_of_other_size),
        };
        return say(cause, words);
    }
    // All kills are in the log, by their numbers, and it is none of them.
    let is_read = coverage == Coverage::Whole || (coverage == Coverage::GapsBefore && is_all_counted);
    let is_told = is_read && missing.is_none();
    let cause = match (rise, is_sigkill) {
        // Who shares the memory of the one that the log names is killed with it, without a line.
        (OomKillEvidence::Likely, true) if is_told => {
            return say(Cause::Sigkill, "no OOM kill of its own, but SIGKILL beside another one in its control group");
        }
        (_, true) if is_told => {
            return say(Cause::Sigkill, "no OOM kill: SIGKILL, and not from the kernel's OOM killer");
        }
        (_, false) if is_told => {
            return say(Cause::Unknown, "no OOM kill of it in the kernel's log; how it ended is not known");
        }
        // Its numbers are others, but not its names, and what was counted is in it under another one.
        (OomKillEvidence::Likely, _)
            if coverage == Coverage::Unnumbered && missing.is_none() && kills.perhaps_own() > 0 =>
        {
            return (Cause::PerhapsOomKill, of_another(kills, window));
        }
        _ => of_counts(rise, is_sigkill),
    };
    let mut words = rise.words(window);
    if cause == Cause::Unknown && rise.is_none() {
        words.push(b"; how it ended is not known");
    }
    (cause, words)
}

/// What the counts tell where the log does not.
const fn of_counts(rise: OomKillEvidence, is_sigkill: bool) -> Cause {
    use OomKillEvidence as Rose;
    match rise {
        Rose::Likely => Cause::LikelyOomKill,
        Rose::PerhapsUnseen | Rose::PerhapsSystem | Rose::PerhapsEarlier => Cause::PerhapsOomKill,
        Rose::NoneInGroup | Rose::NoneSinceMoved | Rose::NoneInSystem if is_sigkill => Cause::Sigkill,
        Rose::NoneInGroup | Rose::NoneSinceMoved | Rose::NoneInSystem | Rose::Untold | Rose::Unknown => Cause::Unknown,
    }
}

/// Of a target whose name the log has, where numbers can't be compared.
const fn by_name(is_of_other_size: bool) -> (Cause, &'static str) {
    match is_of_other_size {
        true => (
            Cause::PerhapsOomKill,
            "perhaps an OOM kill: the kernel's log has one of this name, whose memory had other sizes",
        ),
        false => (Cause::LikelyOomKill, "likely an OOM kill: the kernel's log has one of this name"),
    }
}

/// Of a target that SIGKILL ended beside the OOM kill of a process whose memory it may have had.
fn with_the_memory_of(victim: &Victim, kin: Relationship, by: Match, apart: Duration) -> (Cause, Words) {
    let (cause, begin, end) = match victim.sharing {
        SharedMemory::Likely => (
            Cause::LikelyOomKill,
            "likely an OOM kill",
            "; of both the log has the same sizes: who shares memory dies together",
        ),
        SharedMemory::No | SharedMemory::Untold => {
            (Cause::PerhapsOomKill, "perhaps an OOM kill", "; whether they shared their memory is not known")
        }
    };
    let (mut words, within) = (Words::new(), Tenths(apart));
    // A Fixed never returns an error: it cuts.
    let _ = write!(words, "{begin}: SIGKILL, within {within} s of the OOM kill of ");
    name(victim, by, &mut words);
    if kin != Relationship::Sizes {
        let _ = write!(words, ", {}", kin.words());
    }
    words.push(end.as_bytes());
    (cause, words)
}

/// Of a target whose cgroup counted a kill which the log has, but not as the target's.
fn of_another(kills: &Kills, window: Duration) -> Words {
    let mut words = Words::new();
    let of = Tenths(window);
    let whose = if kills.is_other_a_namesake() { "of another process of this name" } else { "under another name" };
    // A Fixed never returns an error: it cuts.
    let _ = write!(
        words,
        "perhaps an OOM kill: its control group counted one in its last {of} s, which the kernel's log has {whose}"
    );
    words
}

/// What the log says of it. A name alone is no evidence where nothing was counted lately.
fn role(kills: &Kills, rise: OomKillEvidence) -> Option<Role> {
    let is_counted =
        matches!(rise, OomKillEvidence::Likely | OomKillEvidence::PerhapsUnseen | OomKillEvidence::PerhapsSystem);
    kills.role().filter(|_| kills.by() == Match::Number || is_counted)
}

/// Who was killed and is related to a target that was not: first whose memory it may have had, then the nearest. `None` when that was long
/// before the end.
fn beside(kills: &Kills, gone: Duration) -> Option<(&Victim, Relationship)> {
    let lately = kills.kin().filter(|(victim, _)| apart(victim, gone) <= LATE);
    lately.min_by_key(|(victim, kin)| (victim.sharing != SharedMemory::Likely, *kin))
}

/// The same of a kill whose report the kernel left out (it prints 10 in 5 s, of others the kill line alone, without a cgroup): when
/// the counts of the target's cgroup and of the system rose by as many as the log has kills, each of them was in that cgroup.
fn beside_by_count(
    kills: &Kills,
    own: Option<u64>,
    system: Option<u64>,
    gone: Duration,
) -> Option<(&Victim, Relationship)> {
    let are_all_in_group = kills.total() > 0 && own == Some(kills.total()) && system == own;
    let last = kills.other().filter(|victim| are_all_in_group && apart(victim, gone) <= LATE)?;
    Some((last, Relationship::Group))
}

/// How far a kill was from the end, at most.
fn apart(victim: &Victim, gone: Duration) -> Duration {
    let (after, by) = victim.logged;
    gone.max(by).saturating_sub(after)
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
    words: Words,
    ended: Option<Ended>,
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
    rise: OomKillEvidence,
    /// Who else was killed, where that may be why the target ended.
    beside: Option<(&'k Victim, Relationship)>,
    gone: Duration,
    missing: Option<Missing>,
    /// OOM kills in its own cgroup.
    own: Result<OomKillCountTrend, Absent>,
    /// The same of the system.
    system: Result<OomKillCountTrend, Absent>,
    passed: [Option<Passed>; LAST],
}

impl<'k> Verdict<'k> {
    /// Of a watch that ends before its target.
    pub(super) fn not_ended(cause: &'static str, words: &[u8]) -> Self {
        Self { cause: Cause::NotEnded(cause), words: Words::of(words), ended: None, evidence: None, limiting: None }
    }

    /// Which cgroup limited the target. Where the kernel's log does not say whose limit it was, it is the likeliest.
    pub(super) fn limited_by(self, limiting: Option<(&'k [u8], Bytes)>) -> Self {
        let is_at_limit = matches!(self.cause, Cause::CgroupOom | Cause::LikelyOomKill);
        Self { limiting: limiting.filter(|_| is_at_limit), ..self }
    }

    /// Of a target that has ended.
    pub(super) fn of(sources: &Sources<'k>, counted: &OomKillCounts, end: Reading) -> Self {
        let &Sources { ended, gone, coverage, kills, sight, sizes, passed } = sources;
        let (own, system) = (counted.own(end), counted.system(end));
        let missing = kills.missing(own, system).filter(|_| !matches!(coverage, Coverage::None(_)));
        let (rise, window) = counted.rise(end, sight);
        let is_all_counted = system.is_ok_and(|system| system.since_the_start().is_some());
        let is_of_other_size = sizes.is_some_and(|sizes| kills.is_of_other_size(sizes));
        let tally = Tally { rise, window, missing, is_all_counted, is_of_other_size };
        let (mut cause, mut words) = judge(ended, coverage, kills, tally);
        let is_of_target = role(kills, rise).is_some();
        let [own_rise, system_rise] =
            [own, system].map(|course| course.ok().and_then(OomKillCountTrend::since_the_start));
        let beside = beside(kills, gone).or_else(|| beside_by_count(kills, own_rise, system_rise, gone));
        let beside = beside.filter(|_| !is_of_target);
        let base = match cause {
            Cause::ExitCode => Some("it exited by itself"),
            Cause::Signal => Some("another signal ended it"),
            Cause::Sigkill => Some("SIGKILL"),
            _ => None,
        };
        // Without a line that says whose it was, a kill that was counted says it: in the target's own cgroup alone.
        let counted_beside = counted.own_rose_within(end).filter(|_| cause != Cause::Sigkill && !is_of_target);
        match (base, beside, counted_beside) {
            (Some(_), Some((victim, kin)), _) if cause == Cause::Sigkill && victim.sharing != SharedMemory::No => {
                (cause, words) = with_the_memory_of(victim, kin, kills.by(), apart(victim, gone));
            }
            (Some(base), Some((victim, kin)), _) => {
                words = Words::new();
                let within = Tenths(apart(victim, gone));
                // A Fixed never returns an error: it cuts.
                let _ = write!(words, "no OOM kill of its own: {base}, within {within} s of the OOM kill of ");
                name(victim, kills.by(), &mut words);
                let _ = write!(words, ", {}", kin.words());
            }
            (Some(base), None, Some(within)) => {
                words = Words::new();
                let within = Tenths(within);
                let _ = write!(
                    words,
                    "no OOM kill of its own: {base}, within {within} s of one that its control group counted"
                );
            }
            _ => {}
        }
        let evidence = Evidence { coverage, kills, is_of_target, rise, beside, gone, missing, own, system, passed };
        Self { cause, words, ended, evidence: Some(evidence), limiting: None }
    }

    /// One line for a person.
    pub(super) fn words(&self) -> &[u8] {
        self.words.as_bytes()
    }

    /// The exit code that `--exit-code` asks for. A likely OOM kill is one, a perhaps is none; what can't be told has the code of what is
    /// not known, whatever signal it was.
    pub(super) const fn exit(&self) -> Exit {
        match (self.cause, self.ended) {
            (Cause::Unknown, _) => Exit::Gone,
            (Cause::GlobalOom | Cause::CgroupOom | Cause::OomGroup | Cause::OomKill | Cause::LikelyOomKill, _) => {
                Exit::OomKilled
            }
            (_, Some(Ended::Signal { .. })) => Exit::Killed,
            (_, Some(Ended::Code(_))) => Exit::Ended,
            (_, None) => Exit::Gone,
        }
    }
}

/// `PID 812 (worker)`; where that number is none of those that the rest of the report has, it says so.
fn name<const N: usize>(victim: &Victim, by: Match, words: &mut Fixed<N>) {
    let _ = match by {
        Match::Number => write!(words, "PID {} (", victim.pid),
        Match::Name => write!(words, "PID {} {} (", victim.pid, Numbers::OF_INITIAL),
    };
    let comm = victim.comm.as_bytes();
    words.push(if comm.is_empty() { b"-" } else { comm }).push(b")");
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::counts::Counts;
    use super::super::end::SECTION;
    use super::super::kmsg::Counter;
    use super::*;
    use crate::mode::with_report;
    use crate::parse::wait;
    use crate::report::Format;
    use crate::report::json::Envelope;
    use crate::sys::out::Out;
    use std::format;

    const ALONE: &[u8] = b"Memory cgroup out of memory: Killed process 77 (x) total-vm:1kB";
    const SIGKILL: Option<i32> = Some(9);
    const COVERAGES: [Coverage; 5] = [
        Coverage::Whole,
        Coverage::Unnumbered,
        Coverage::GapsBefore,
        Coverage::Gaps,
        Coverage::None(Absent::Failed(nix::errno::Errno::EPERM)),
    ];
    const MISSING: Missing = Missing { counted: 2, logged: 1, of: Counter::Group };
    const RISES: [OomKillEvidence; 9] = [
        OomKillEvidence::Likely,
        OomKillEvidence::PerhapsUnseen,
        OomKillEvidence::PerhapsSystem,
        OomKillEvidence::PerhapsEarlier,
        OomKillEvidence::NoneInGroup,
        OomKillEvidence::NoneSinceMoved,
        OomKillEvidence::NoneInSystem,
        OomKillEvidence::Untold,
        OomKillEvidence::Unknown,
    ];

    fn kills(by: Match, line: &[u8]) -> Kills {
        let mut kills = Kills::new(77, b"x", by);
        kills.take(line, 0);
        kills
    }

    #[test]
    fn a_kill_without_its_report_is_in_the_group_when_all_that_were_counted_are() {
        let line = b"Memory cgroup out of memory: Killed process 812 (worker) total-vm:1kB";
        let one = kills(Match::Number, line);
        let found =
            |own, system| beside_by_count(&one, own, system, Duration::ZERO).map(|(victim, kin)| (victim.pid, kin));
        assert_eq!(found(Some(1), Some(1)), Some((812, Relationship::Group)));
        for (own, system) in [(Some(0), Some(1)), (Some(1), Some(2)), (Some(2), Some(2)), (None, Some(1)), (None, None)]
        {
            assert_eq!(found(own, system), None, "{own:?} of {system:?}");
        }
    }

    fn cause(status: Option<i32>, coverage: Coverage, kills: &Kills, rise: OomKillEvidence) -> Cause {
        of(status, coverage, kills, rise, None)
    }

    fn of(
        status: Option<i32>,
        coverage: Coverage,
        kills: &Kills,
        rise: OomKillEvidence,
        missing: Option<Missing>,
    ) -> Cause {
        let tally =
            Tally { rise, window: Duration::from_secs(5), missing, is_all_counted: true, is_of_other_size: false };
        judge(status.map(wait::status), coverage, kills, tally).0
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
        for rise in [OomKillEvidence::NoneInGroup, OomKillEvidence::NoneInSystem, OomKillEvidence::Unknown] {
            assert_eq!(cause(SIGKILL, Coverage::Whole, &silent, rise), Cause::Sigkill);
            assert_eq!(cause(None, Coverage::Whole, &silent, rise), Cause::Unknown);
        }
        let lost_before = cause(SIGKILL, Coverage::GapsBefore, &silent, OomKillEvidence::NoneInSystem);
        assert_eq!(lost_before, Cause::Sigkill);
        for coverage in COVERAGES.into_iter().filter(|c| !matches!(c, Coverage::Whole | Coverage::GapsBefore)) {
            let with = |rise| cause(SIGKILL, coverage, &silent, rise);
            assert_eq!(with(OomKillEvidence::Unknown), Cause::Unknown);
            assert_eq!(with(OomKillEvidence::Untold), Cause::Unknown);
            assert_eq!(with(OomKillEvidence::Likely), Cause::LikelyOomKill);
            assert_eq!(with(OomKillEvidence::PerhapsEarlier), Cause::PerhapsOomKill);
            assert_eq!(with(OomKillEvidence::NoneInGroup), Cause::Sigkill);
        }
    }

    #[test]
    fn of_an_end_that_nobody_saw_the_words_say_that_it_is_not_known_wherever_the_code_does() {
        let silent = kills(Match::Number, b"x");
        for (coverage, rise) in COVERAGES.into_iter().flat_map(|c| RISES.map(|r| (c, r))) {
            let tally = Tally {
                rise,
                window: Duration::from_secs(5),
                missing: None,
                is_all_counted: true,
                is_of_other_size: false,
            };
            let (cause, words) = judge(None, coverage, &silent, tally);
            let words = std::string::String::from_utf8_lossy(words.as_bytes()).into_owned();
            let is_said =
                words.contains("not known") || words.starts_with("unknown") || words.starts_with("it can't be");
            assert_eq!(cause == Cause::Unknown, is_said, "{words}");
        }
    }

    #[test]
    fn what_was_counted_and_has_another_name_in_the_log_of_another_namespace_is_a_perhaps_at_most() {
        let other = kills(Match::Name, b"Memory cgroup out of memory: Killed process 5 (y) total-vm:1kB");
        for status in [SIGKILL, None] {
            let with = |missing| of(status, Coverage::Unnumbered, &other, OomKillEvidence::Likely, missing);
            assert_eq!(with(None), Cause::PerhapsOomKill);
            // One more was counted than the log has.
            assert_eq!(with(Some(MISSING)), Cause::LikelyOomKill);
        }
    }

    #[test]
    fn a_count_that_rose_is_another_processs_when_the_log_names_that_one() {
        let other = kills(Match::Number, b"Out of memory: Killed process 5 (y) total-vm:1kB");
        assert_eq!(cause(SIGKILL, Coverage::Whole, &other, OomKillEvidence::Likely), Cause::Sigkill);
        let silent = kills(Match::Number, b"x");
        for kills in [&other, &silent] {
            let late = of(SIGKILL, Coverage::Whole, kills, OomKillEvidence::Likely, Some(MISSING));
            assert_eq!(late, Cause::LikelyOomKill);
            let before = of(SIGKILL, Coverage::Whole, kills, OomKillEvidence::PerhapsEarlier, Some(MISSING));
            assert_eq!(before, Cause::PerhapsOomKill);
        }
    }

    #[test]
    fn a_kill_of_a_namesake_that_the_target_has_outlived_is_said_to_be_another_processs_of_this_name() {
        let mut named = kills(Match::Name, ALONE);
        named.disown();
        let tally = Tally {
            rise: OomKillEvidence::Likely,
            window: Duration::from_secs(5),
            missing: None,
            is_all_counted: true,
            is_of_other_size: false,
        };
        let (cause, words) = judge(SIGKILL.map(wait::status), Coverage::Unnumbered, &named, tally);
        let words = std::string::String::from_utf8_lossy(words.as_bytes()).into_owned();
        assert_eq!(cause, Cause::PerhapsOomKill, "{words}");
        assert!(words.ends_with(" s, which the kernel's log has of another process of this name"), "{words}");
    }

    #[test]
    fn a_kill_line_of_the_targets_name_with_sizes_that_it_can_not_have_had_is_a_perhaps() {
        const MIB: u64 = 1 << 20;
        let line = b"Memory cgroup out of memory: Killed process 5 (x) total-vm:66000kB, anon-rss:33000kB, file-rss:500kB, shmem-rss:0kB";
        let at = Duration::from_millis;
        for (rss, total, seen, is_other) in [
            // 33 MiB of a line at 1.000 s, and a target that had 13 MiB just then.
            (13, 64, 1000, true),
            (30, 64, 999, false),
            // In a second it can have grown to that.
            (13, 64, 0, false),
            // Seen after the line it may have been losing its memory.
            (1, 64, 1001, false),
            // But an address space that is still there has the size that it had.
            (1, 3, 1001, true),
            (1, 31, 1001, false),
            // An address space does not shrink to a part of it.
            (30, 400, 0, true),
            (30, 400, 1001, true),
        ] {
            let mut named = Kills::new(5, b"x", Match::Name);
            named.at((at(1000), at(1000)));
            named.take(line, 0);
            let sizes = Sizes { rss: Bytes(rss * MIB), total: Bytes(total * MIB), at: at(seen) };
            assert_eq!(named.is_of_other_size(sizes), is_other, "{rss} of {total} MiB at {seen} ms");
            let tally = Tally {
                rise: OomKillEvidence::Likely,
                window: at(5000),
                missing: None,
                is_all_counted: true,
                is_of_other_size: is_other,
            };
            let (cause, _) = judge(SIGKILL.map(wait::status), Coverage::Unnumbered, &named, tally);
            let expected = if is_other { Cause::PerhapsOomKill } else { Cause::LikelyOomKill };
            assert_eq!(cause, expected, "{rss} of {total} MiB at {seen} ms");
        }
    }

    #[test]
    fn a_name_alone_is_no_evidence_where_none_was_counted() {
        let named = kills(Match::Name, ALONE);
        let by_name = |rise| cause(SIGKILL, Coverage::Unnumbered, &named, rise);
        assert_eq!(by_name(OomKillEvidence::Likely), Cause::LikelyOomKill);
        assert_eq!(by_name(OomKillEvidence::PerhapsEarlier), Cause::PerhapsOomKill);
        assert_eq!(by_name(OomKillEvidence::NoneInGroup), Cause::Sigkill);
    }

    /// The verdict on a target that SIGKILL ended, whose cgroup and system counted so many kills since the watch began, all of them in
    /// the last second, and whose log has these lines.
    fn verdict(lines: &[&[u8]], own: Option<u64>, system: u64, told: fn(Verdict<'_>)) {
        let count = |own: Option<u64>, system| Counts {
            own: own.map(|own| (1, own)).ok_or(Absent::Hidden),
            system: Ok(system),
        };
        let at = |seconds, counts| Reading { at: Duration::from_secs(seconds), counts };
        let mut kills = Kills::new(77, b"x", Match::Number);
        lines.iter().for_each(|line| kills.take(line, 0));
        let counted = OomKillCounts::new(at(0, count(own.map(|_| 0), 0)));
        let sources = Sources {
            ended: Some(wait::status(9)),
            gone: Duration::from_secs(1),
            coverage: Coverage::Whole,
            kills: &kills,
            sight: Sight::Now,
            sizes: None,
            passed: [None; LAST],
        };
        told(Verdict::of(&sources, &counted, at(1, count(own, system))));
    }

    #[test]
    fn a_sigkill_beside_an_oom_kill_is_none_of_its_own_only_of_who_did_not_share_the_memory_of_the_victim() {
        let report = |rss: &str| -> [std::string::String; 4] {
            let row = format!(
                "[     77]     0    77    16500    {rss}    16000      384         0   167936        0             0 x"
            );
            [
                "y invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0".into(),
                row,
                "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=y,pid=5,uid=0".into(),
                "Memory cgroup out of memory: Killed process 5 (y) total-vm:66000kB, anon-rss:65000kB, file-rss:500kB, shmem-rss:0kB".into(),
            ]
        };
        for (rss, begins, cause, exit) in [
            (
                "16375",
                "likely an OOM kill: SIGKILL, within 1.0 s of the OOM kill of PID 5 (y), in its control group; of both",
                "likely_oom_kill",
                Exit::OomKilled,
            ),
            (
                "15500",
                "perhaps an OOM kill: SIGKILL, within 1.0 s of the OOM kill of PID 5 (y), in its control group; whether",
                "perhaps_oom_kill",
                Exit::Killed,
            ),
            (
                "  400",
                "no OOM kill of its own: SIGKILL, within 1.0 s of the OOM kill of PID 5 (y), in its control group",
                "sigkill",
                Exit::Killed,
            ),
        ] {
            let lines = report(rss);
            let mut kills = Kills::new(77, b"x", Match::Number);
            kills.live_in_v2(b"/a");
            lines.iter().for_each(|line| kills.take(line.as_bytes(), 0));
            kills.settle_alone();
            let counts = |count| Counts { own: Ok((1, count)), system: Ok(count) };
            let at = |seconds, counts| Reading { at: Duration::from_secs(seconds), counts };
            let sources = Sources {
                ended: Some(wait::status(9)),
                gone: Duration::from_secs(1),
                coverage: Coverage::Whole,
                kills: &kills,
                sight: Sight::Now,
                sizes: None,
                passed: [None; LAST],
            };
            let verdict = Verdict::of(&sources, &OomKillCounts::new(at(0, counts(0))), at(1, counts(1)));
            let words = std::string::String::from_utf8_lossy(verdict.words()).into_owned();
            assert!(words.starts_with(begins), "{words}");
            assert_eq!((verdict.cause.name(), verdict.exit()), (cause, exit), "{words}");
        }
    }

    fn said(verdict: &Verdict<'_>) -> std::vec::Vec<std::string::String> {
        verdict
            .sentences()
            .iter()
            .map(|line| std::string::String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect()
    }

    #[test]
    fn a_log_with_fewer_kills_than_were_counted_is_said_to_be_incomplete_and_never_to_have_none() {
        for (own, system) in [(Some(1), 1), (None, 1), (Some(0), 1), (Some(2), 2)] {
            verdict(&[], own, system, |verdict| {
                let said = said(&verdict);
                assert!(said[0].starts_with("the kernel's log is incomplete: "), "{said:#?}");
                assert!(said.iter().all(|line| !line.contains("no OOM kill")), "{said:#?}");
                let words = std::string::String::from_utf8_lossy(verdict.words()).into_owned();
                assert!(!words.contains("log"), "{words}");
            });
        }
        verdict(&[], Some(1), 1, |verdict| assert_eq!(verdict.cause, Cause::LikelyOomKill));
        verdict(&[], None, 1, |verdict| assert_eq!(verdict.cause, Cause::PerhapsOomKill));
        verdict(&[], Some(0), 1, |verdict| assert_eq!(verdict.cause, Cause::Sigkill));
        // One more was counted than the log has.
        let other = b"Memory cgroup out of memory: Killed process 5 (y) total-vm:1kB";
        verdict(&[other], Some(2), 2, |verdict| {
            assert_eq!(verdict.cause, Cause::LikelyOomKill);
            let line =
                "the kernel's log is incomplete: its control group counted 2 OOM kills since the watch began, it has 1";
            assert_eq!(said(&verdict)[0], line);
        });
        verdict(&[other], Some(1), 1, |verdict| {
            // In its cgroup, and without a report: nothing says whether they shared their memory.
            assert_eq!(verdict.cause, Cause::PerhapsOomKill);
            assert_eq!(said(&verdict)[0], "the kernel's log: not this process, last PID 5 (y) at 0.000000 s");
        });
        verdict(&[], Some(0), 0, |verdict| {
            assert_eq!(said(&verdict)[0], "the kernel's log: no OOM kill since the watch began");
        });
    }

    /// A verdict in a report, as text and as JSON.
    fn reported(verdict: &Verdict<'_>) -> [std::string::String; 2] {
        [Format::Text, Format::Json].map(|format| {
            let mut buf = [0; 8192];
            let mut out = Out::in_memory(&mut buf);
            with_report(format, &mut out, &Envelope::default(), |report| {
                report.begin(&SECTION);
                verdict.report(&[], report);
                report.end(&SECTION);
            });
            core::str::from_utf8(out.held()).expect("UTF-8").replace(r"\\", r"\")
        })
    }

    #[test]
    fn what_the_kernels_log_names_has_the_form_that_it_has_elsewhere_in_the_report() {
        let group = r"oom_memcg=/qemu\x5cx2d1.scope,task_memcg=/qemu\x5cx2d1.scope";
        let summary = format!("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,{group}");
        let report = [
            &br"a\xff invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"[..],
            &[summary.as_bytes(), br",task=a\xff,pid=77,uid=0"].concat(),
            br"Memory cgroup out of memory: Killed process 77 (a\xff) total-vm:1kB",
        ];
        verdict(&report, Some(1), 1, |verdict| {
            for text in reported(&verdict) {
                for part in [r"/qemu\x2d1.scope", r"a\377 invoked", r"task=a\377,pid=77", r"process 77 (a\377) total"] {
                    assert!(text.contains(part), "{part}: {text}");
                }
                assert!(!text.contains("xff") && !text.contains("x5c"), "{text}");
            }
        });
        // And in a sentence of memdoor's own.
        let other = br"Memory cgroup out of memory: Killed process 5 (b\xff) total-vm:1kB";
        verdict(&[other], Some(1), 1, |verdict| {
            for text in reported(&verdict) {
                assert!(text.contains(r"not this process, last PID 5 (b\377) at"), "{text}");
            }
        });
    }

    #[test]
    fn the_exit_code_says_oom_kill_of_what_is_certain_or_likely_and_not_of_a_perhaps() {
        verdict(&[ALONE], Some(1), 1, |verdict| assert_eq!(verdict.exit(), Exit::OomKilled));
        verdict(&[], Some(1), 1, |verdict| assert_eq!(verdict.exit(), Exit::OomKilled));
        verdict(&[], None, 1, |verdict| assert_eq!(verdict.exit(), Exit::Killed));
        verdict(&[], Some(0), 0, |verdict| assert_eq!(verdict.exit(), Exit::Killed));
        let ended = |status: Option<i32>| {
            let verdict = Verdict { ended: status.map(wait::status), ..Verdict::not_ended("", b"") };
            verdict.exit()
        };
        assert_eq!(ended(Some(137 << 8)), Exit::Ended);
        assert_eq!(ended(Some(15)), Exit::Killed);
        assert_eq!(ended(None), Exit::Gone);
    }

    #[test]
    fn the_exit_code_of_what_can_not_be_told_is_that_of_what_is_not_known() {
        for status in [SIGKILL, None] {
            let verdict =
                Verdict { ended: status.map(wait::status), cause: Cause::Unknown, ..Verdict::not_ended("", b"") };
            assert_eq!(verdict.exit(), Exit::Gone);
        }
    }
}
