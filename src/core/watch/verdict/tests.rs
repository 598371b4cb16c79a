//! What is concluded from which log and which counts.

extern crate std;

use core::time::Duration;

use super::super::counts::{Counts, OomKillEvidence};
use super::super::end::SECTION;
use super::super::kmsg::{Counter, Coverage, LoggedKills, Match, Missing, Relationship, Sizes};
use super::conclusion::{Beside, Exited, Findings};
use super::evidence::{Log, related_by_count};
use super::*;
use crate::cgroup::Sight;
use crate::error::Absent;
use crate::mode::with_report;
use crate::parse::wait;
use crate::report::Format;
use crate::report::json::Envelope;
use crate::sys::out::Out;
use crate::sys::ptrace::LAST;
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

fn kills(by: Match, line: &[u8]) -> LoggedKills {
    let mut kills = LoggedKills::new(77, b"x", by);
    kills.take(line, 0);
    kills
}

#[test]
fn a_kill_without_its_report_is_in_the_group_when_all_that_were_counted_are() {
    let line = b"Memory cgroup out of memory: Killed process 812 (worker) total-vm:1kB";
    let one = kills(Match::Number, line);
    let found = |own, system| {
        let kill = related_by_count(&one, own, system, Duration::ZERO);
        kill.map(|kill| (kill.victim.pid, kill.relationship))
    };
    assert_eq!(found(Some(1), Some(1)), Some((812, Relationship::Group)));
    for (own, system) in [(Some(0), Some(1)), (Some(1), Some(2)), (Some(2), Some(2)), (None, Some(1)), (None, None)] {
        assert_eq!(found(own, system), None, "{own:?} of {system:?}");
    }
}

fn cause(status: Option<i32>, coverage: Coverage, kills: &LoggedKills, rise: OomKillEvidence) -> Cause {
    of(status, coverage, kills, rise, None)
}

fn of(
    status: Option<i32>,
    coverage: Coverage,
    kills: &LoggedKills,
    rise: OomKillEvidence,
    missing: Option<Missing>,
) -> Cause {
    judge(status, Log { coverage, kills, missing, is_system_counted: true, rise }, None).0
}

/// The verdict on a target beside which nobody was killed.
fn judge(status: Option<i32>, log: Log<'_>, sizes: Option<Sizes>) -> (Cause, std::string::String) {
    let findings = Findings {
        exited: status.map(wait::status).map(Exited::of),
        logged: log.says(sizes),
        beside: Beside::Nobody,
        counted: log.rise,
        window: Duration::from_secs(5),
    };
    let conclusion = conclude(&findings);
    (conclusion.cause(), std::string::String::from_utf8_lossy(conclusion.words().as_bytes()).into_owned())
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
        let log = Log { coverage, kills: &silent, missing: None, is_system_counted: true, rise };
        let (cause, words) = judge(None, log, None);
        let is_said = words.contains("not known") || words.starts_with("unknown") || words.starts_with("it can't be");
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
    let rise = OomKillEvidence::Likely;
    let log = Log { coverage: Coverage::Unnumbered, kills: &named, missing: None, is_system_counted: true, rise };
    let (cause, words) = judge(SIGKILL, log, None);
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
        let mut named = LoggedKills::new(5, b"x", Match::Name);
        named.at((at(1000), at(1000)));
        named.take(line, 0);
        let sizes = Sizes { rss: Bytes(rss * MIB), total: Bytes(total * MIB), at: at(seen) };
        assert_eq!(named.is_of_other_size(sizes), is_other, "{rss} of {total} MiB at {seen} ms");
        let rise = OomKillEvidence::Likely;
        let log = Log { coverage: Coverage::Unnumbered, kills: &named, missing: None, is_system_counted: true, rise };
        let (cause, _) = judge(SIGKILL, log, Some(sizes));
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

/// Of a target that SIGKILL ended a second after the watch began, and whose log was read whole.
fn sigkilled(kills: &LoggedKills) -> Sources<'_> {
    Sources {
        ended: Some(wait::status(9)),
        gone: Duration::from_secs(1),
        coverage: Coverage::Whole,
        kills,
        sight: Sight::Now,
        sizes: None,
        passed: [None; LAST],
    }
}

/// The verdict on a target that SIGKILL ended, whose cgroup and system counted so many kills since the watch began, all of them in
/// the last second, and whose log has these lines.
fn verdict(lines: &[&[u8]], own: Option<u64>, system: u64, told: fn(Verdict<'_>)) {
    let count =
        |own: Option<u64>, system| Counts { own: own.map(|own| (1, own)).ok_or(Absent::Hidden), system: Ok(system) };
    let at = |seconds, counts| Reading { at: Duration::from_secs(seconds), counts };
    let mut kills = LoggedKills::new(77, b"x", Match::Number);
    lines.iter().for_each(|line| kills.take(line, 0));
    let counted = OomKillCounts::new(at(0, count(own.map(|_| 0), 0)));
    let sources = sigkilled(&kills);
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
        let mut kills = LoggedKills::new(77, b"x", Match::Number);
        kills.live_in_v2(b"/a");
        lines.iter().for_each(|line| kills.take(line.as_bytes(), 0));
        kills.settle_alone();
        let counts = |count| Counts { own: Ok((1, count)), system: Ok(count) };
        let at = |seconds, counts| Reading { at: Duration::from_secs(seconds), counts };
        let sources = sigkilled(&kills);
        let verdict = Verdict::of(&sources, &OomKillCounts::new(at(0, counts(0))), at(1, counts(1)));
        let words = std::string::String::from_utf8_lossy(verdict.words()).into_owned();
        assert!(words.starts_with(begins), "{words}");
        assert_eq!((verdict.cause.name(), verdict.exit()), (cause, exit), "{words}");
    }
}

fn said(verdict: &Verdict<'_>) -> std::vec::Vec<std::string::String> {
    verdict.sentences().iter().map(|line| std::string::String::from_utf8_lossy(line.as_bytes()).into_owned()).collect()
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
}
