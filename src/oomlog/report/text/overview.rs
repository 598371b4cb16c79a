//! The first screen, 24 lines of 80 columns at most: what happened, why, and what to do first.
use core::fmt::Write;

use super::lines::{DOUBLE, WIDTH, columns, cut_paragraph, paragraph, short};
use super::{Subject, ending, when};
use crate::oomlog::analysis::{Advice, Finding, Mb, Summary, cgroup_label, every, plural, shortage, victim};
use crate::oomlog::event::{Mark, Outcome};
use crate::oomlog::report::{Found, Lack, Run};
use crate::report::escape::Escaped;

const INDENT: &str = "             ";

/// What the screen says about the last event.
#[derive(Debug, Default)]
pub(super) struct Latest {
    what: String,
    why: Option<String>,
    victim: Option<String>,
    /// Where it stands.
    at_us: Option<i64>,
    /// Whether it says how it ended, and when one behind it began that does not.
    has_end: bool,
    begun: Option<String>,
    /// The times of the first event and of the last. Where any has a date, those without are counted instead.
    period: Option<[(Option<i64>, String); 2]>,
    undated: u64,
    is_dated: bool,
}

impl Latest {
    /// Takes one more, in whatever order.
    pub(super) fn update(&mut self, found: &Found<'_>) {
        let at = when(found);
        let is_dated = found.wall_us.is_some();
        self.undated += u64::from(!is_dated);
        if is_dated && !self.is_dated {
            self.is_dated = true;
            self.period = None;
        }
        if is_dated == self.is_dated {
            let this = (found.at_us, at.clone());
            let [since, until] = self.period.get_or_insert_with(|| [this.clone(), this.clone()]);
            if this.0 < since.0 {
                *since = this;
            } else if this.0 >= until.0 {
                *until = this;
            }
        }
        if found.at_us < self.at_us {
            return;
        }
        let event = found.event;
        let has_end = event.outcome != Outcome::Unknown || event.reaped;
        // A report that breaks off hides no kill before it.
        if self.has_end && !has_end {
            self.begun = Some(at);
            return;
        }
        self.has_end = has_end;
        self.begun = None;
        self.at_us = found.at_us;
        self.what = format!("{at}. {}", ending(found.event));
        self.why = first(shortage(found.event));
        self.victim = first(victim(found.event));
    }

    /// `Jan 07 03:19:32 to Jan 07 03:48:50`
    fn period(&self) -> Option<String> {
        let [(_, since), (_, until)] = self.period.as_ref()?;
        (since != until).then(|| format!("{since} to {until}"))
    }

    /// How many of them nothing dates, where others have a date: these stand before them.
    const fn undated(&self) -> u64 {
        if self.is_dated { self.undated } else { 0 }
    }
}

/// The most telling one.
fn first(findings: Vec<Finding>) -> Option<String> {
    let finding = findings.into_iter().next()?;
    let line = finding.line.map(|line| format!(" [{}]", Mark::of(line)));
    Some(finding.words + &line.unwrap_or_default())
}

/// Nothing was found, and whether that says anything about all of the time that was asked for.
pub(super) fn nothing(run: &Run, subject: &Subject, lacks: &[Lack]) -> String {
    let logs = if run.logs == 1 { "log" } else { "logs" };
    let mut words = format!("No OOM events found in {}", subject.logs);
    if !subject.asked.is_empty() {
        let _ = write!(words, " ({})", subject.asked);
    }
    let _ = write!(words, ": {} {logs}, {} bytes read", run.logs, run.bytes);
    let mut text = String::new();
    paragraph(&mut text, "", "  ", &words);
    for lack in lacks.iter().take(LACKS) {
        paragraph(&mut text, "⚠ ", "  ", &format!("{lack}"));
    }
    text
}

/// Logs that begin too late which are named here; standard error names all of them.
const LACKS: usize = 8;

/// Cgroups that are named on the first screen.
const CGROUPS: usize = 2;

/// Lines of a terminal, less one for the command that was typed, and one for the prompt.
const LINES: usize = 22;

/// What the screen is about.
#[derive(Clone, Copy)]
pub(super) struct Overview<'a> {
    pub(super) summary: &'a Summary,
    pub(super) run: &'a Run,
    pub(super) title: &'a str,
    pub(super) latest: &'a Latest,
    pub(super) advice: &'a [(Advice, u64)],
    /// A log that begins later than was asked for.
    pub(super) lack: Option<&'a Lack>,
}

impl Overview<'_> {
    /// The screen: with as many causes and as much advice as fit.
    pub(super) fn screen(&self) -> String {
        let sizes = [(3, 2), (2, 2), (1, 2), (1, 1), (0, 1)];
        let all = sizes.map(|(most_causes, most_advice)| {
            let mut to = String::new();
            let _ = writeln!(to, "{DOUBLE}");
            cut_paragraph(&mut to, "", "", &format!("SYSTEM OOM ANALYSIS - {}", self.title), 1);
            let _ = write!(to, "{DOUBLE}\n\n");
            counts(&mut to, self.summary, self.run, self.latest);
            if let Some(lack) = self.lack {
                cut_paragraph(&mut to, "⚠ ", "  ", &format!("{lack}"), 3);
            }
            to.push('\n');
            killed(&mut to, self.summary);
            causes(&mut to, self.summary, most_causes);
            scope(&mut to, self.summary);
            recent(&mut to, self.summary, self.latest);
            to.push('\n');
            to_do(&mut to, self.advice, most_advice);
            to
        });
        let [first, rest @ ..] = all;
        let fits = |text: &String| text.lines().count() <= LINES;
        if fits(&first) {
            return first;
        }
        rest.into_iter().find(fits).unwrap_or(first)
    }
}

fn to_do(to: &mut String, advice: &[(Advice, u64)], most: usize) {
    for (at, (advice, _)) in advice.iter().take(most).enumerate() {
        let first = if at == 0 { "What to do:  " } else { INDENT };
        let why = if advice.command.is_none() { NO_COMMAND } else { "" };
        let words = format!("{}. {}{why}", at + 1, advice.words);
        cut_paragraph(to, first, INDENT, &words, 2);
        // A command that is cut is worse than none: it stands below, too.
        let fits = |command: &&String| columns(command) <= WIDTH - 7;
        if let Some(command) = advice.command.as_ref().filter(fits) {
            let _ = writeln!(to, "     # {command}");
        }
    }
}

/// Why there is nothing to type behind the words.
const NO_COMMAND: &str = " (no command: a name in it is not safe to type)";

fn counts(to: &mut String, summary: &Summary, run: &Run, latest: &Latest) {
    let mut words = format!("⚠ Found {} OOM event(s)", summary.events);
    for (count, what) in [
        (summary.killed, "killed"),
        (summary.panics, "panic(s)"),
        (summary.none_killable, "without a killable process"),
        (summary.unknown, "of unknown end"),
        (run.repeated, "found again"),
        (latest.undated(), "without a date, listed first"),
    ] {
        if count > 0 {
            let _ = write!(words, ", {count} {what}");
        }
    }
    if let Some(period) = latest.period() {
        let _ = write!(words, "; {period}");
    }
    cut_paragraph(to, "", "  ", &words, 2);
}

fn killed(to: &mut String, summary: &Summary) {
    let victims = summary.victims.highest(6, |count| *count);
    if victims.is_empty() {
        return;
    }
    let mut words = String::new();
    for (at, (name, count)) in victims.iter().enumerate() {
        words.push_str(if at > 0 { ", " } else { "" });
        let _ = write!(words, "{}: {count} time(s)", Escaped(name));
    }
    let more = summary.victims.len().saturating_sub(6);
    if more > 0 || summary.victims.others > 0 {
        let _ = write!(words, ", and {} others", more as u64 + summary.victims.others);
    }
    cut_paragraph(to, "Killed:      ", INDENT, &words, 2);
}

fn causes(to: &mut String, summary: &Summary, most: usize) {
    let causes = summary.root_causes(most);
    // Nobody is to blame for being there.
    let title = if causes.first().is_some_and(|(_, hog)| hog.is_cause()) { "Root cause:  " } else { "Largest:     " };
    for (at, (name, hog)) in causes.iter().enumerate() {
        let first = if at == 0 { title } else { INDENT };
        let words = format!(
            "{}. {:<16} - Average {} (present in {}/{} events)",
            at + 1,
            format!("{}", Escaped(name)),
            Mb(hog.average()),
            hog.present,
            summary.with_table
        );
        cut_paragraph(to, first, INDENT, &words, 1);
    }
}

fn scope(to: &mut String, summary: &Summary) {
    let [system, memcg, cpuset, mempolicy, unknown] = summary.constraints;
    let mut words = String::new();
    for (count, what) in [
        (system, "whole system"),
        (memcg, "cgroup limit"),
        (cpuset, "cpuset"),
        (mempolicy, "memory policy"),
        (unknown, "not said"),
    ] {
        if count > 0 {
            words.push_str(if words.is_empty() { "" } else { ", " });
            let _ = write!(words, "{what} {count}");
        }
    }
    cut_paragraph(to, "Scope:       ", INDENT, &words, 1);
    for (path, cgroup) in summary.cgroups.highest(CGROUPS, |cgroup| cgroup.count) {
        let period = cgroup.period().map(|seconds| format!(", {}", every(seconds))).unwrap_or_default();
        let words = format!("{} {} time(s){period}", short(&cgroup_label(path), 50), cgroup.count);
        cut_paragraph(to, INDENT, INDENT, &words, 1);
    }
    let more = summary.cgroups.len().saturating_sub(CGROUPS) as u64 + summary.cgroups.others;
    if more > 0 {
        let _ = writeln!(to, "{INDENT}and {more} more {}: see the timeline", plural(more, "cgroup", "cgroups"));
    }
}

fn recent(to: &mut String, summary: &Summary, latest: &Latest) {
    cut_paragraph(to, "Most recent: ", INDENT, &latest.what, 2);
    if let Some(why) = &latest.why {
        cut_paragraph(to, "  because:   ", INDENT, why, 2);
    }
    if let Some(victim) = &latest.victim {
        cut_paragraph(to, "  chosen:    ", INDENT, victim, 2);
    }
    if let Some(at) = &latest.begun {
        let words = format!("one more had begun at {at}; how it ended is not in the log");
        cut_paragraph(to, "  and then:  ", INDENT, &words, 2);
    }
    if let Some((name, count)) = &summary.session {
        let words = format!("⚠  CAUSED LOGOUT - Session process killed: {} ({count} time(s))", Escaped(name));
        cut_paragraph(to, "", "   ", &words, 1);
    }
}

/// All advice, each with its command and what it rests on.
pub(super) fn recommendations(summary: &Summary, advice: &[(Advice, u64)]) -> String {
    let mut to = String::new();
    if summary.session.is_some() {
        to.push_str("⚠  CRITICAL: Session processes were killed, causing logout!\n\n");
    }
    for (at, (advice, events)) in advice.iter().enumerate() {
        let number = format!("{}. ", at + 1);
        let why = if advice.command.is_none() { NO_COMMAND } else { "" };
        paragraph(&mut to, &number, "   ", &format!("{}{why}", advice.words));
        if let Some(command) = &advice.command {
            let _ = writeln!(to, "     # {command}");
        }
        let words = format!("because: {} (in {events} of {} events)", advice.evidence, summary.events);
        paragraph(&mut to, "   ", "   ", &words);
    }
    let more = summary.not_advised();
    if more > 0 {
        let words = format!(
            "{more} more {} at their limits: --cgroup PATH shows what to do about each",
            plural(more, "cgroup was", "cgroups were")
        );
        paragraph(&mut to, "   ", "   ", &words);
    }
    if advice.is_empty() {
        match summary.events {
            0 | 1 => to.push_str("None: nothing in the log calls for one.\n"),
            // Kill lines alone say nothing of the memory.
            events => {
                let words = format!(
                    "It recurs: {events} events, and the log has too little of them to tell why. For the whole reports (a search for some of their lines leaves out the rest):"
                );
                paragraph(&mut to, "", "", &words);
                to.push_str("     # journalctl -k -b all -o short-iso | memdoor dmesg -\n");
            }
        }
    }

    to
}
