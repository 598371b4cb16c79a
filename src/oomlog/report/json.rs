//! Events as NDJSON: `memdoor.oom.kill`, and `memdoor.run.summary` at the end.
mod kill;
use core::time::Duration;

use super::{Extent, Found, Lack, Run, Show};
use crate::oomlog::analysis::{Advice, Summary};
use crate::report::Severity;
use crate::report::json::put_object;
use crate::report::time::{Precision, rfc3339};
use crate::report::{Event, Fact, Moment, Name, Value};
use crate::sys::clock::Now;
use crate::sys::out::Out;

const OOM_KILL: &Event = &Event::alone("memdoor.oom.kill", "OOM kill", Severity::Error);
const RUN_SUMMARY: &Event = &Event::alone("memdoor.run.summary", "summary", Severity::Info);

/// Things of one kind that a summary lists; how many more there are is a number of its own.
const NAMES: usize = 6;

/// Three paths of 2 KiB leave room for the rest of the line.
const CGROUPS: usize = 3;

/// How many of a list are left out.
const fn more(all: usize, listed: usize) -> u64 {
    all.saturating_sub(listed) as u64
}

/// A count; there is none of it when it is 0.
fn some(key: &'static str, number: u64) -> Fact<'static> {
    count(key, Some(number).filter(|number| *number > 0))
}

/// JSON, an object a line.
#[derive(Default)]
pub struct Json {
    summary: Summary,
}

impl Show for Json {
    fn event(&mut self, found: &Found<'_>, out: &mut Out<'_>) {
        self.summary.add(found.event, found.at());
        kill::put(found, out);
    }

    fn end(&mut self, run: &Run, lacks: &[Lack], out: &mut Out<'_>) {
        put_summary(&self.summary, run, lacks, out);
    }
}

/// A value of that key; it stands in JSON alone.
const fn is<'a>(key: &'static str, value: Value<'a>) -> Fact<'a> {
    Name(OOM_KILL, "", key).is(value)
}

/// Text that a log has, cut to `most` bytes: a line has four paths and up to 46 names, and stays under 16 KiB whatever they hold.
fn cut<'a>(key: &'static str, text: Option<&'a [u8]>, most: usize) -> Fact<'a> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return is(key, Value::Nothing);
    };
    let is_plain = text.iter().all(u8::is_ascii_graphic);
    // Escaped and quoted, a byte takes up to five.
    let most = if is_plain { most } else { most.div_ceil(5) };
    match text.get(..most) {
        Some(start) if start.len() < text.len() => is(key, Value::Cut(start)),
        _ => is(key, Value::Text(text)),
    }
}

/// A word or two.
fn text<'a>(key: &'static str, text: Option<&'a [u8]>) -> Fact<'a> {
    cut(key, text, 256)
}

/// The name of a task: 15 bytes, of kernel threads up to 63.
fn name<'a>(key: &'static str, comm: Option<&'a [u8]>) -> Fact<'a> {
    cut(key, comm, 160)
}

/// A path of a cgroup or of a log.
fn path<'a>(key: &'static str, path: Option<&'a [u8]>) -> Fact<'a> {
    cut(key, path, 2048)
}

fn words<'a>(key: &'static str, words: Option<&'a str>) -> Fact<'a> {
    is(key, words.map_or(Value::Nothing, Value::Words))
}

fn count(key: &'static str, count: Option<u64>) -> Fact<'static> {
    is(key, count.map_or(Value::Nothing, Value::Count))
}

fn int(key: &'static str, number: Option<i64>) -> Fact<'static> {
    is(key, number.map_or(Value::Nothing, Value::Int))
}

/// Which part of the time that was asked for is in no log; the path's end is what tells logs apart.
fn reason(lack: &Lack) -> String {
    const MOST: usize = 128;
    let from = lack.source.len().saturating_sub(MOST);
    format!("{}", Lack { source: lack.source[from..].into(), ..lack.clone() })
}

/// What every line begins with.
fn envelope<'a>(line: &Event, severity: Severity, message: &'a str) -> [Fact<'a>; 7] {
    [
        words("schema", Some("memdoor/1")),
        words("event_name", Some(line.name)),
        words("severity_text", Some(severity.text())),
        count("severity_number", Some(severity.number())),
        words("message", Some(message)),
        words("os.type", Some("linux")),
        words("memdoor.version", Some(env!("CARGO_PKG_VERSION"))),
    ]
}

/// `2026-11-21T10:08:31.027622Z`
fn moment(us: i64) -> Option<String> {
    let moment = Moment::at(Duration::from_micros(u64::try_from(us).ok()?));
    let text = rfc3339(moment.utc, moment.micros, Precision::Micros);
    core::str::from_utf8(text.as_bytes()).ok().map(String::from)
}

fn now() -> Option<String> {
    let now = Now::read().realtime;
    moment(i64::try_from(now.as_micros()).ok()?)
}

fn put_line(out: &mut Out<'_>, facts: &[Fact<'_>]) {
    put_object(out, facts);
    out.put(b"\n");
}

fn put_summary(summary: &Summary, run: &Run, lacks: &[Lack], out: &mut Out<'_>) {
    let message = format!("{} OOM event(s) found in {} log(s)", summary.events, run.logs);
    let now = now();
    let advice = summary.advice();
    let victims = victims(summary);
    let causes = causes(summary);
    let cgroups = cgroups(summary);
    let advice_count = advice.len();
    let advice = recommendations(&advice);
    let (victims, causes) = (slices(&victims), slices(&causes));
    let (cgroups, advice) = (slices(&cgroups), slices(&advice));
    let session = summary.session.as_ref().map(|(comm, _)| comm.as_slice());
    let severity = if lacks.is_empty() { Severity::Info } else { Severity::Warn };
    let begins = lacks.iter().filter(|lack| lack.extent != Extent::Ended).map(|lack| lack.at_us).max().and_then(moment);
    // Paths of any length: the line stays under 16 KiB.
    let reasons: Vec<String> = lacks.iter().take(NAMES).map(reason).collect();
    let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
    let mut facts = Vec::from(envelope(RUN_SUMMARY, severity, &message));
    facts.insert(1, words("timestamp", now.as_deref()));
    facts.extend(counts(summary, run).map(|(key, number)| count(key, Some(number))));
    facts.extend([
        name("memdoor.run.session_killed", session),
        list("memdoor.run.victims", &victims),
        list("memdoor.run.root_causes", &causes),
        list("memdoor.run.cgroups", &cgroups),
        list("memdoor.run.recommendations", &advice),
        some("memdoor.run.victims_more", more(summary.victims.len(), NAMES) + summary.victims.others),
        some("memdoor.run.cgroups_more", more(summary.cgroups.len(), CGROUPS) + summary.cgroups.others),
        some("memdoor.run.recommendations_more", more(advice_count, NAMES) + summary.not_advised()),
        words("memdoor.run.begins", begins.as_deref()),
        is("memdoor.incomplete", if reasons.is_empty() { Value::Nothing } else { Value::List(&reasons) }),
    ]);
    put_line(out, &facts);
}

fn counts(summary: &Summary, run: &Run) -> [(&'static str, u64); 19] {
    let [system, memcg, cpuset, mempolicy, unknown] = summary.constraints;
    [
        ("memdoor.run.events", summary.events),
        ("memdoor.run.killed", summary.killed),
        ("memdoor.run.panics", summary.panics),
        ("memdoor.run.none_killable", summary.none_killable),
        ("memdoor.run.outcome_unknown", summary.unknown),
        ("memdoor.run.constraints.none", system),
        ("memdoor.run.constraints.memcg", memcg),
        ("memdoor.run.constraints.cpuset", cpuset),
        ("memdoor.run.constraints.mempolicy", mempolicy),
        ("memdoor.run.constraints.unknown", unknown),
        ("memdoor.run.logs", run.logs),
        ("memdoor.run.logs_failed", run.failed),
        ("memdoor.run.read_bytes", run.bytes),
        ("memdoor.run.repeated", run.repeated),
        ("memdoor.run.left_out", run.left_out),
        ("memdoor.run.undated", run.undated),
        ("memdoor.run.victim_unknown", run.victim_unknown),
        ("memdoor.run.cgroup_unknown", run.cgroup_unknown),
        ("memdoor.run.overwritten", run.overwritten),
    ]
}

fn victims(summary: &Summary) -> Vec<[Fact<'_>; 2]> {
    top(summary.victims.highest(NAMES, |count| *count), |(comm, killed)| {
        [name("comm", Some(comm)), count("count", Some(**killed))]
    })
}

fn causes(summary: &Summary) -> Vec<[Fact<'_>; 4]> {
    top(summary.root_causes(NAMES), |(comm, hog)| {
        [
            name("comm", Some(comm)),
            is("average_rss_bytes", Value::Bytes(hog.average())),
            count("present", Some(hog.present)),
            count("of", Some(summary.with_table)),
        ]
    })
}

fn cgroups(summary: &Summary) -> Vec<[Fact<'_>; 3]> {
    let micros = |seconds: u64| seconds.saturating_mul(1_000_000);
    let all = summary.cgroups.highest(CGROUPS, |cgroup| cgroup.count);
    top(all, |(of, cgroup)| {
        [path("path", Some(of)), count("count", Some(cgroup.count)), count("period_us", cgroup.period().map(micros))]
    })
}

fn recommendations(all: &[(Advice, u64)]) -> Vec<[Fact<'_>; 4]> {
    top(all.iter().collect(), |(advice, events)| {
        [
            words("text", Some(&advice.words)),
            words("command", advice.command.as_deref()),
            words("evidence", Some(&advice.evidence)),
            count("events", Some(*events)),
        ]
    })
}

/// The first of them as facts.
fn top<'a, T, const N: usize>(all: Vec<T>, facts: impl Fn(&T) -> [Fact<'a>; N]) -> Vec<[Fact<'a>; N]> {
    all.iter().take(NAMES).map(facts).collect()
}

fn slices<'a, const N: usize>(all: &'a [[Fact<'a>; N]]) -> Vec<&'a [Fact<'a>]> {
    all.iter().map(<[_; N]>::as_slice).collect()
}

fn list<'a>(key: &'static str, objects: &'a [&'a [Fact<'a>]]) -> Fact<'a> {
    let value = if objects.is_empty() { Value::Nothing } else { Value::Objects(objects) };
    is(key, value)
}
