//! A verdict and its evidence in a report.

use core::fmt::Write;
use core::time::Duration;

use super::super::end::WATCH_END;
use super::Verdict;
use super::cause::Cause;
use super::conclusion::push_name;
use super::evidence::{Evidence, apart};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::oom_kills::printed;
use crate::report::{Fact, Name, Report, Value};
use crate::sys::clock::monotonic;
use crate::sys::ptrace::{LAST, Passed};
use crate::sys::signal;
use crate::units::micros;
use crate::watch::counts::{OomKillCountTrend, OomKillEvidence, Tenths};
use crate::watch::kmsg::{Counter, Coverage, LoggedKills, Match, Missing, Relationship, Victim};

const VERDICT: Name = Name(WATCH_END, "Verdict", "memdoor.verdict.summary");
/// Of a watch that ends before its target.
const ENDED: Name = Name(WATCH_END, "Watch Ended Because", "memdoor.verdict.summary");
const CAUSE: Name = Name(WATCH_END, "", "memdoor.verdict.cause");

/// Lines of the log, and sentences of ours.
const LINES: usize = 6;
const SENTENCES: usize = 3 + KIN + LAST;

/// Of those who were killed and are related to the target.
const KIN: usize = 3;

impl Verdict<'_> {
    const fn name(&self) -> Name {
        match self.cause {
            Cause::NotEnded(_) => ENDED,
            _ => VERDICT,
        }
    }

    /// The log, where it is of the target.
    fn log(&self) -> Option<&LoggedKills> {
        let evidence = self.evidence.as_ref()?;
        evidence.is_of_target().then_some(evidence.kills)
    }

    /// Hands its facts, and those of `others` before them, to a report: in JSON they are one line.
    pub(in super::super) fn report(&self, others: &[Fact<'_>], report: &mut dyn Report) {
        // As they were printed, so that the one escaping of the output is the only one: the device has another.
        let lines = self.log().map_or([&b""[..]; LINES], LoggedKills::lines).map(printed::<1024>);
        let lines = lines.each_ref().map(Fixed::as_bytes);
        let cgroup = self.log().and_then(|log| log.report().limit()).map(printed::<1024>);
        let sentences = self.sentences();
        let sentences = sentences.each_ref().map(Fixed::as_bytes);
        let said = lines.iter().chain(&sentences);
        let said = said.filter(|text| !text.is_empty());
        let mut list = [&b""[..]; LINES + SENTENCES];
        let mut count = 0;
        for (slot, text) in list.iter_mut().zip(said) {
            *slot = text;
            count += 1;
        }
        let list = list.get(..count).unwrap_or_default();
        let mut facts = [CAUSE.if_any(None); 40];
        let own = self.facts(list, cgroup.as_ref().map(Fixed::as_bytes));
        let mut count = 0;
        for (slot, fact) in facts.iter_mut().zip(others.iter().chain(&own)) {
            *slot = *fact;
            count += 1;
        }
        report.facts(facts.get(..count).unwrap_or_default());
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            report.facts(&[Name(WATCH_END, "Kernel Log", "").is(Value::Text(line))]);
        }
        for sentence in sentences.into_iter().filter(|text| !text.is_empty()) {
            report.facts(&[Name(WATCH_END, "Evidence", "").is(Value::Text(sentence))]);
        }
    }

    /// The evidence that is no line of the log.
    pub(super) fn sentences(&self) -> [Fixed<256>; SENTENCES] {
        self.evidence.as_ref().map(Evidence::sentences).unwrap_or_default()
    }

    fn facts<'a>(&'a self, evidence: &'a [&'a [u8]], cgroup: Option<&'a [u8]>) -> [Fact<'a>; 14] {
        let log = self.log();
        let (usage, limit) = log.map_or((None, None), |log| log.report().usage());
        let chosen = log.filter(|_| self.cause == Cause::OomGroup);
        let is_cgroup = matches!(self.cause, Cause::CgroupOom | Cause::OomGroup);
        let limiting = self.limiting.filter(|_| cgroup.is_none());
        let beside = self.evidence.as_ref().and_then(Evidence::related);
        let is_of_initial = self.evidence.as_ref().is_some_and(|evidence| evidence.kills.by() == Match::Name);
        let (chose, invoked) = match is_of_initial {
            false => ("OOM Killer Chose PID", "OOM Killer Invoked By PID"),
            true => {
                ("OOM Killer Chose PID Of Initial PID Namespace", "OOM Killer Invoked By PID Of Initial PID Namespace")
            }
        };
        let of_cgroup = |value: Option<Value<'a>>| value.filter(|_| is_cgroup);
        [
            CAUSE.is(Value::Words(self.cause.name())),
            self.name().is(Value::Text(self.words.as_bytes())),
            Name(WATCH_END, "OOM Control Group", "memdoor.verdict.cgroup").if_any(of_cgroup(cgroup.map(Value::Text))),
            Name(WATCH_END, "Limiting Control Group", "memdoor.cgroup.path")
                .if_any(limiting.map(|(path, _)| Value::Text(path))),
            Name(WATCH_END, "Control Group Memory Limit", "memdoor.cgroup.limit_bytes")
                .if_any(limiting.map(|(_, limit)| Value::Bytes(limit))),
            Name(WATCH_END, "OOM Control Group Limit", "memdoor.verdict.limit_bytes")
                .if_any(of_cgroup(limit.map(Value::Bytes))),
            Name(WATCH_END, "OOM Control Group Usage", "memdoor.verdict.usage_bytes")
                .if_any(of_cgroup(usage.map(Value::Bytes))),
            Name(WATCH_END, chose, "memdoor.oom.killed.pid")
                .if_any(chosen.and_then(|log| log.report().chosen()).map(Value::Count)),
            Name(WATCH_END, invoked, "memdoor.oom.trigger.pid")
                .if_any(log.and_then(|log| log.report().trigger()).map(Value::Count)),
            Name(WATCH_END, "", "memdoor.verdict.beside.pid").if_any(beside.map(|kill| Value::Count(kill.victim.pid))),
            // Of the watched process no number of that namespace is known: who joins by PID must not join these.
            Name(WATCH_END, "", "memdoor.verdict.beside.pid_namespace")
                .if_any(beside.filter(|_| is_of_initial).map(|_| Value::Words("initial"))),
            Name(WATCH_END, "", "memdoor.verdict.beside.name")
                .if_any(beside.map(|kill| Value::Text(kill.victim.comm.as_bytes()))),
            Name(WATCH_END, "", "memdoor.verdict.beside.relation")
                .if_any(beside.map(|kill| Value::Words(kill.relationship.name()))),
            Name(WATCH_END, "", "memdoor.verdict.evidence")
                .if_any((!evidence.is_empty()).then_some(Value::Texts(evidence))),
        ]
    }
}

impl Evidence<'_> {
    /// What the log has to say where it does not speak for itself, and what was counted.
    fn sentences(&self) -> [Fixed<256>; SENTENCES] {
        let mut sentences = [const { Fixed::new() }; SENTENCES];
        let [log, first, second, third, own, system, signals @ ..] = &mut sentences;
        *log = self.log();
        for (slot, (victim, kin)) in [first, second, third].into_iter().zip(self.kills.kin()) {
            *slot = self.related_sentence(victim, kin);
        }
        *own = count("its control group's count of OOM kills", self.own);
        *system = count("the system's count of OOM kills", self.system);
        let now = monotonic();
        for (slot, passed) in signals.iter_mut().zip(self.passed.iter().flatten()) {
            *slot = signal(passed, now);
        }
        sentences
    }

    /// `the kernel's log: PID 812 (worker), a child of it, was OOM-killed at 5043.123456 s, within 0.2 s of its end`
    fn related_sentence(&self, victim: &Victim, kin: Relationship) -> Fixed<256> {
        let mut words = Fixed::of(b"the kernel's log: ");
        push_name(victim, self.kills.by(), &mut words);
        let _ = write!(words, ", {}", kin.words());
        let (seconds, micros) = (victim.boot_us / 1_000_000, victim.boot_us % 1_000_000);
        let within = Tenths(apart(victim, self.gone));
        // A Fixed never returns an error: it cuts.
        let _ = write!(words, ", was OOM-killed at {seconds}.{micros:06} s, within {within} s of its end");
        words
    }

    /// What the log has to say where it does not speak for itself.
    ///
    /// "No OOM kill" is said of a log that is whole and has none: never of one that has fewer than were counted.
    fn log(&self) -> Fixed<256> {
        let mut words = Fixed::of(b"the kernel's log");
        let lost = match self.coverage {
            Coverage::GapsBefore => "; records before the last seconds were lost",
            _ => "",
        };
        let kills = self.kills;
        let _ = match (self.coverage, kills.role(), self.missing, kills.other()) {
            (Coverage::Unnumbered, Some(_), ..) if self.is_of_target() => {
                write!(words, " has numbers of another pid namespace: found by its name")
            }
            (Coverage::Unnumbered, Some(_), ..) if self.findings.counted == OomKillEvidence::Untold => {
                write!(
                    words,
                    ": one of this name was OOM-killed; whether in the control group of this process is not known"
                )
            }
            (Coverage::Unnumbered, Some(_), ..) => {
                write!(words, ": one of this name was OOM-killed, but none was counted where this process was")
            }
            (_, Some(_), ..) => {
                words.clear();
                Ok(())
            }
            (Coverage::None(why), ..) => write!(words, ": not read ({why})"),
            (_, None, Some(Missing { counted, logged, of }), _) => {
                let of = match of {
                    Counter::Group => "its control group",
                    Counter::System => "the system",
                };
                let lost = if self.coverage == Coverage::Gaps { " (records were lost)" } else { "" };
                write!(
                    words,
                    " is incomplete{lost}: {of} counted {counted} OOM kills since the watch began, it has {logged}"
                )
            }
            (Coverage::Gaps, ..) => write!(words, ": records of the last seconds were lost"),
            (_, None, None, None) if lost.is_empty() => write!(words, ": no OOM kill since the watch began"),
            (_, None, None, None) => write!(words, ": no OOM kill in its last seconds{lost}"),
            // Its own sentence follows.
            (_, None, None, Some(other)) if lost.is_empty() && is_newest_kin(kills, other) => {
                words.clear();
                Ok(())
            }
            (_, None, None, Some(other)) => {
                let whose = if kills.perhaps_own() == 0 && kills.kin().next().is_none() {
                    "in other control groups only"
                } else {
                    "not this process"
                };
                let _ = write!(words, ": {whose}, last ");
                push_name(other, kills.by(), &mut words);
                let (seconds, micros) = (other.boot_us / 1_000_000, other.boot_us % 1_000_000);
                write!(words, " at {seconds}.{micros:06} s{lost}")
            }
        };
        words
    }
}

fn is_newest_kin(kills: &LoggedKills, other: &Victim) -> bool {
    kills.kin().next().is_some_and(|(kin, _)| (kin.pid, kin.boot_us) == (other.pid, other.boot_us))
}

/// `SIGTERM from PID 812 came 2.104 s before`
fn signal(passed: &Passed, now: Duration) -> Fixed<256> {
    let mut words = Fixed::new();
    // A Fixed never returns an error: it cuts.
    let _ = match signal::name(passed.signal) {
        Some(name) => write!(words, "{name}"),
        None => write!(words, "signal {}", passed.signal),
    };
    if let Some(pid) = passed.sender {
        let _ = write!(words, " from PID {pid}");
    }
    let millis = micros(now.saturating_sub(passed.at)) / 1000;
    let _ = write!(words, " came {}.{:03} s before", millis / 1000, millis % 1000);
    words
}

/// `the system's count of OOM kills: at the start 3, 5.0 s before 3, now 4`
fn count(what: &str, course: Result<OomKillCountTrend, Absent>) -> Fixed<256> {
    let mut words = Fixed::new();
    // A Fixed never returns an error: it cuts.
    let _ = match course {
        Ok(OomKillCountTrend { first: Some(first), before, now })
            if first == now && before.is_none_or(|(before, _)| before == now) =>
        {
            write!(words, "{what}: {now}, unchanged since the start")
        }
        Ok(course) => {
            let _ = write!(words, "{what}:");
            if let Some(first) = course.first {
                let _ = write!(words, " at the start {first},");
            }
            if let Some((before, ago)) = course.before {
                let _ = write!(words, " {} s ago {before},", Tenths(ago));
            }
            write!(words, " now {}", course.now)
        }
        Err(why) => write!(words, "{what}: not read ({why})"),
    };
    words
}
