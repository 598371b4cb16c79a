//! Events for people: one screen that tells what happened and what to do, then the timeline, each event, and all advice.
mod detail;
mod lines;
mod overview;

use core::fmt::Write;
use std::collections::VecDeque;

use super::{Found, Lack, Run, Show};
use crate::oomlog::analysis::{Summary, Who, freed, is_session};
use crate::oomlog::event::{Event, Outcome};
use crate::report::escape::Escaped;
use crate::report::time::month_day;
use crate::sys::clock::{Zone, civil};
use crate::sys::out::Out;
use core::time::Duration;
use lines::{DOUBLE, SINGLE, paragraph};

/// Entries of the timeline that are kept, the newest: 150 bytes each.
const TIMELINE: usize = 10_000;

/// Events that are shown in detail, the newest: 4 KB each.
const DETAILS: usize = 200;

/// What was asked for, as it was typed, and cut to what a title of 80 columns holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subject {
    /// Which logs: `/var/log`, `the live kernel log`.
    pub logs: String,
    /// Which of their events: `last 7 days, victim java`; empty is all.
    pub asked: String,
}

impl Subject {
    /// `last 7 days, /var/log`. A title cuts what is behind its end, so that what is asked of the logs comes first.
    #[must_use]
    pub fn title(&self) -> String {
        match self.asked.as_str() {
            "" => self.logs.clone(),
            asked => format!("{asked}, {}", self.logs),
        }
    }
}

/// When events are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// All of them at the end, below what they have in common.
    Together,
    /// Each when it comes: --follow.
    AtOnce,
}

/// Text for a terminal of 80 columns.
pub struct Text {
    order: Order,
    /// What the title says besides.
    subject: Subject,
    summary: Summary,
    timeline: Newest,
    details: Newest,
    latest: overview::Latest,
}

impl Text {
    /// Text about `subject`.
    #[must_use]
    pub fn new(subject: Subject, order: Order) -> Self {
        Self {
            order,
            subject,
            summary: Summary::default(),
            timeline: Newest::new(TIMELINE),
            details: Newest::new(DETAILS),
            latest: overview::Latest::default(),
        }
    }
}

impl Show for Text {
    fn event(&mut self, found: &Found<'_>, out: &mut Out<'_>) {
        self.summary.add(found.event, found.at());
        let detail = detail::of(found);
        if self.order == Order::AtOnce {
            put_detail(out, self.summary.events, &detail);
            out.put(b"\n");
            return;
        }
        self.latest.update(found);
        self.timeline.keep(found.at_us, entry(found));
        self.details.keep(found.at_us, detail);
    }

    fn end(&mut self, run: &Run, lacks: &[Lack], out: &mut Out<'_>) {
        if self.order == Order::AtOnce {
            return;
        }
        if self.summary.events == 0 {
            return out.put(overview::nothing(run, &self.subject, lacks).as_bytes());
        }
        let advice = self.summary.advice();
        let found = overview::Overview {
            summary: &self.summary,
            run,
            title: &self.subject.title(),
            latest: &self.latest,
            advice: &advice,
            lack: lacks.first(),
        };
        out.put(found.screen().as_bytes());
        self.put_timeline(out);
        self.put_details(out);
        put_title(out, "RECOMMENDATIONS");
        out.put(overview::recommendations(&self.summary, &advice).as_bytes());
    }
}

impl Text {
    fn put_timeline(&self, out: &mut Out<'_>) {
        out.put(b"\nTIMELINE OF OOM EVENTS\n");
        out.put(SINGLE.as_bytes());
        out.put(b"\n");
        let left_out = self.summary.events - self.timeline.len();
        if left_out > 0 {
            put_note(out, &format!("({left_out} earlier ones are counted above, but not listed: --until shows them)"));
        }
        for (number, entry) in self.timeline.numbered(self.summary.events) {
            let _ = write!(out, "\n{number}. {entry}");
        }
    }

    fn put_details(&self, out: &mut Out<'_>) {
        let left_out = self.summary.events - self.details.len();
        if left_out > 0 {
            put_note(
                out,
                &format!(
                    "\n(details of the {DETAILS} most recent events follow; --until or --format json shows the others)"
                ),
            );
        }
        for (number, detail) in self.details.numbered(self.summary.events) {
            if number == self.summary.events {
                put_title(out, "MOST RECENT OOM EVENT - DETAILED ANALYSIS");
            } else {
                out.put(b"\n");
            }
            put_detail(out, number, detail);
        }
    }
}

fn put_detail(out: &mut Out<'_>, number: u64, detail: &str) {
    let _ = write!(out, "--- OOM Event #{number} ---\n{detail}");
}

fn put_note(out: &mut Out<'_>, words: &str) {
    out.put(words.as_bytes());
    out.put(b"\n");
}

fn put_title(out: &mut Out<'_>, title: &str) {
    for line in ["", DOUBLE, title, DOUBLE, ""] {
        out.put(line.as_bytes());
        out.put(b"\n");
    }
}

/// The newest of all texts, in their order: their number is known when all are.
struct Newest {
    most: usize,
    kept: VecDeque<(Option<i64>, Box<str>)>,
}

impl Newest {
    const fn new(most: usize) -> Self {
        Self { most, kept: VecDeque::new() }
    }

    fn keep(&mut self, at_us: Option<i64>, text: String) {
        let at = self.kept.partition_point(|(other, _)| *other <= at_us);
        let is_full = self.kept.len() >= self.most;
        // It is older than all that there is room for.
        if is_full && at == 0 {
            return;
        }
        self.kept.insert(at, (at_us, text.into_boxed_str()));
        if is_full {
            self.kept.pop_front();
        }
    }

    fn len(&self) -> u64 {
        self.kept.len() as u64
    }

    /// Each with its number, from 1, of so many in all.
    fn numbered(&self, all: u64) -> impl Iterator<Item = (u64, &str)> {
        let first = all - self.len() + 1;
        (first..).zip(self.kept.iter().map(|(_, text)| &**text))
    }
}

/// `Jan 07 03:19:32` in the local zone; `[123.456789]` when only the time since boot is known.
fn when(found: &Found<'_>) -> String {
    let wall = found.wall_us.and_then(|us| u64::try_from(us).ok());
    let stamp = &found.event.when;
    match (wall, stamp.boot_us, &stamp.wall) {
        (Some(us), ..) => {
            let text = month_day(civil(Duration::from_micros(us), Zone::Local));
            format!("{}", Escaped(text.as_bytes()))
        }
        (None, Some(us), _) => boot(us),
        (None, None, Some(text)) => format!("{}", Escaped(text)),
        (None, None, None) => "(no time in the log)".into(),
    }
}

/// `[123.456789]`
fn boot(us: u64) -> String {
    format!("[{}.{:06}]", us / 1_000_000, us % 1_000_000)
}

/// `Killed: chrome (PID 892044) - Freed 384.8 MB`, or how else it ended.
fn ending(event: &Event) -> String {
    match (event.outcome, &event.victim) {
        (Outcome::Killed, Some(victim)) => {
            let mut words = format!("Killed: {}", Who::task(&victim.task));
            if let Some(process) = victim.process {
                let _ = write!(words, ", a thread of {process}");
            }
            if let Some(freed) = freed(victim) {
                let _ = write!(words, " - Freed {freed}");
            }
            if !event.group.is_empty() {
                let _ = write!(words, ", and {} of its group", event.group_count);
            }
            words
        }
        (Outcome::Panic, _) => "Killed: nobody - the kernel panicked".into(),
        (Outcome::NoneKillable, _) => "Killed: nobody - no killable process".into(),
        (_, Some(victim)) if event.reaped => {
            format!("Reaped: {} - the log does not say why it died", Who::task(&victim.task))
        }
        (_, Some(victim)) => {
            format!("Selected: {} - the log does not say whether it was killed", Who::task(&victim.task))
        }
        (_, None) => match selected(event) {
            Some(words) => format!("Selected: {words}"),
            None => "Killed: - (no line was recognised that says how it ended)".into(),
        },
    }
}

/// `java (PID 1234), score 900 - the log does not say whether it or a child of it was killed`: the first of two lines, without the second.
fn selected(event: &Event) -> Option<String> {
    let mut words = format!("{}", Who::task(event.selected.as_ref()?));
    if let Some(score) = event.score {
        let _ = write!(words, ", score {score}");
    }
    words.push_str(" - the log does not say whether it or a child of it was killed");
    Some(words)
}

/// An entry of the timeline, behind its number.
fn entry(found: &Found<'_>) -> String {
    let event = found.event;
    let mut text = format!("{}\n", when(found));
    paragraph(&mut text, "   ", "      ", &ending(event));
    if event.is_unverified {
        text.push_str("   Source unverified: a prefix that is not known\n");
    }
    if event.trigger.comm.is_some() || event.trigger.pid.is_some() {
        paragraph(&mut text, "   ", "      ", &format!("Triggered by: {}", by(event)));
    }
    let tasks = event.victim.iter().map(|victim| &victim.task).chain(&event.group);
    if event.outcome == Outcome::Killed && tasks.filter_map(|task| task.comm.as_deref()).any(is_session) {
        text.push_str("   ⚠  CAUSED LOGOUT - Session process killed!\n");
    }
    text
}

fn by(event: &Event) -> Who<'_> {
    Who { comm: event.trigger.comm.as_deref(), pid: event.trigger.pid }
}
