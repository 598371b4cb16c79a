//! A verdict and its evidence in a report.

use core::fmt::Write;
use core::time::Duration;

use super::{Cause, Evidence, Verdict};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::modes::watch::counts::Course;
use crate::modes::watch::kmsg::{Coverage, Kills};
use crate::report::Event::WatchEnd;
use crate::report::{Fact, Name, Report, Value};
use crate::sys::clock::monotonic;
use crate::sys::ptrace::{self, Passed};
use crate::sys::signal;
use crate::units::micros;

const VERDICT: Name = Name(WatchEnd, "Verdict", "memdoor.verdict.summary");
/// Of a watch that ends before its target.
const ENDED: Name = Name(WatchEnd, "Watch Ended Because", "memdoor.verdict.summary");
const CAUSE: Name = Name(WatchEnd, "", "memdoor.verdict.cause");
const CGROUP: Name = Name(WatchEnd, "OOM Control Group", "memdoor.verdict.cgroup");
const LIMITING: Name = Name(WatchEnd, "Limiting Control Group", "memdoor.cgroup.path");
const LIMITED_TO: Name = Name(WatchEnd, "Control Group Memory Limit", "memdoor.cgroup.limit_bytes");
const LIMIT: Name = Name(WatchEnd, "OOM Control Group Limit", "memdoor.verdict.limit_bytes");
const USAGE: Name = Name(WatchEnd, "OOM Control Group Usage", "memdoor.verdict.usage_bytes");
const CHOSEN: Name = Name(WatchEnd, "OOM Killer Chose PID", "memdoor.oom.killed.pid");
const TRIGGER: Name = Name(WatchEnd, "OOM Killer Invoked By PID", "memdoor.oom.trigger.pid");
const EVIDENCE: Name = Name(WatchEnd, "", "memdoor.verdict.evidence");
const KERNEL_LOG: Name = Name(WatchEnd, "Kernel Log", "");
const SENTENCE: Name = Name(WatchEnd, "Evidence", "");

/// Lines of the log, and sentences of ours.
const LINES: usize = 6;
const SENTENCES: usize = 3 + ptrace::LAST;

impl Verdict<'_> {
    const fn name(&self) -> Name {
        match self.cause {
            Cause::NotEnded(_) => ENDED,
            _ => VERDICT,
        }
    }

    /// The log, where it is of the target.
    fn log(&self) -> Option<&Kills> {
        let evidence = self.evidence.as_ref()?;
        evidence.is_of_target.then_some(evidence.kills)
    }

    /// Hands its facts, and those of `others` before them, to a report: in JSON they are one line.
    pub(in super::super) fn report(&self, others: &[Fact<'_>], report: &mut dyn Report) {
        let lines = self.log().map_or([&b""[..]; LINES], Kills::lines);
        let sentences = self.evidence.as_ref().map(Evidence::sentences);
        let sentences = sentences.unwrap_or_default();
        let sentences = sentences.each_ref().map(Fixed::as_bytes);
        let said = lines.iter().chain(&sentences);
        let said = said.filter(|text| !text.is_empty());
        let mut list = [""; LINES + SENTENCES];
        let mut count = 0;
        for (slot, text) in list.iter_mut().zip(said) {
            // The log's lines are ASCII, the kernel escapes all else.
            *slot = core::str::from_utf8(text).unwrap_or_default();
            count += 1;
        }
        let list = list.get(..count).unwrap_or_default();
        let mut facts = [CAUSE.if_any(None); 40];
        let own = self.facts(list);
        let mut count = 0;
        for (slot, fact) in facts.iter_mut().zip(others.iter().chain(&own)) {
            *slot = *fact;
            count += 1;
        }
        report.facts(facts.get(..count).unwrap_or_default());
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            report.facts(&[KERNEL_LOG.is(Value::Text(line))]);
        }
        for sentence in sentences.into_iter().filter(|text| !text.is_empty()) {
            report.facts(&[SENTENCE.is(Value::Text(sentence))]);
        }
    }

    fn facts<'a>(&'a self, evidence: &'a [&'a str]) -> [Fact<'a>; 10] {
        let log = self.log();
        let (usage, limit) = log.map_or((None, None), Kills::usage);
        let chosen = log.filter(|_| self.cause == Cause::OomGroup);
        let is_cgroup = matches!(self.cause, Cause::CgroupOom | Cause::OomGroup);
        let is_named = log.is_some_and(|log| log.cgroup().is_some());
        let limiting = self.limiting.filter(|_| !is_named);
        let of_cgroup = |value: Option<Value<'a>>| value.filter(|_| is_cgroup);
        [
            CAUSE.is(Value::Words(self.cause.name())),
            self.name().is(Value::Words(self.words)),
            CGROUP.if_any(of_cgroup(log.and_then(Kills::cgroup).map(Value::Text))),
            LIMITING.if_any(limiting.map(|(path, _)| Value::Text(path))),
            LIMITED_TO.if_any(limiting.map(|(_, limit)| Value::Bytes(limit))),
            LIMIT.if_any(of_cgroup(limit.map(Value::Bytes))),
            USAGE.if_any(of_cgroup(usage.map(Value::Bytes))),
            CHOSEN.if_any(chosen.and_then(Kills::chosen).map(Value::Count)),
            TRIGGER.if_any(log.and_then(Kills::trigger).map(Value::Count)),
            EVIDENCE.if_any((!evidence.is_empty()).then_some(Value::List(evidence))),
        ]
    }
}

impl Evidence<'_> {
    /// What the log has to say where it does not speak for itself, and what was counted.
    fn sentences(&self) -> [Fixed<200>; SENTENCES] {
        let mut sentences = [const { Fixed::new() }; SENTENCES];
        let [log, own, system, signals @ ..] = &mut sentences;
        *log = self::log(self.coverage, self.kills);
        *own = count("its control group's count of OOM kills", self.own);
        *system = count("the system's count of OOM kills", self.system);
        let now = monotonic();
        for (slot, passed) in signals.iter_mut().zip(ptrace::passed()) {
            *slot = signal(&passed, now);
        }
        sentences
    }
}

/// `SIGTERM from PID 812 came 2.104 s before`
fn signal(passed: &Passed, now: Duration) -> Fixed<200> {
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

/// `the system's count of OOM kills: at the start 3, 5 s ago 3, now 4`
fn count(what: &str, course: Result<Course, Absent>) -> Fixed<200> {
    let mut words = Fixed::new();
    // A Fixed never returns an error: it cuts.
    let _ = match course {
        Ok(Course { first: Some(first), before: Some(before), now }) if first == before && before == now => {
            write!(words, "{what}: {now}, unchanged since the start")
        }
        Ok(course) => {
            let _ = write!(words, "{what}:");
            for (count, when) in [(course.first, "at the start"), (course.before, "5 s ago")] {
                if let Some(count) = count {
                    let _ = write!(words, " {when} {count},");
                }
            }
            write!(words, " now {}", course.now)
        }
        Err(why) => write!(words, "{what}: not read ({why})"),
    };
    words
}

/// What the log has to say where it does not speak for itself.
fn log(coverage: Coverage, kills: &Kills) -> Fixed<200> {
    let mut words = Fixed::new();
    let _ = match (coverage, kills.role(), kills.other()) {
        (Coverage::Unnumbered, Some(_), _) => {
            write!(words, "the kernel's log has numbers of another pid namespace: found by its name")
        }
        (_, Some(_), _) => Ok(()),
        (Coverage::None(why), ..) => write!(words, "the kernel's log: not read ({why})"),
        (Coverage::Gaps, ..) => write!(words, "the kernel's log: records of the last seconds were lost"),
        (_, None, None) => write!(words, "the kernel's log: no OOM kill since the watch began"),
        (_, None, Some(other)) => {
            let _ = write!(words, "the kernel's log: not this process, last PID {} (", other.pid);
            words.push(other.comm.as_bytes());
            let (seconds, micros) = (other.boot_us / 1_000_000, other.boot_us % 1_000_000);
            write!(words, ") at {seconds}.{micros:06} s")
        }
    };
    words
}
