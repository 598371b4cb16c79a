//! One event in full.
mod table;
use core::fmt::Write;

use super::lines::paragraph;
use super::{boot, by, selected, when};
use crate::oomlog::analysis::{Finding, Mib, Who, freed, meaning, nodes, shortage, swap_state, victim};
use crate::oomlog::event::{Constraint, Event, KnownBy, Mark, Missing, Outcome, Victim};
use crate::oomlog::report::{Found, gfp_names};
use crate::parse::memcg::Limit;
use crate::report::escape::Escaped;

/// Where values begin.
const INDENT: &str = "                 ";

/// What is said of an event whose lines have an unknown prefix.
const UNVERIFIED: &str =
    "unverified: what stands before its lines is no form of a log that is known, and anybody may have written them";

/// All that is known of it, below its number.
pub(super) fn of(found: &Found<'_>) -> String {
    let event = found.event;
    let mut to = String::new();
    time(&mut to, found);
    trigger(&mut to, event);
    field(&mut to, "Scope", &scope(event));
    ending(&mut to, event);
    if let Some(words) = swap_state(event) {
        field(&mut to, "Swap", &words);
    }
    let path = Escaped(found.source);
    let (first, last) = (event.lines.first, event.lines.last);
    let (first, last) = (Mark::of(first), Mark::of(last));
    field(&mut to, "Log", &format!("{path}, {first} to {last}"));
    if !found.also.is_empty() {
        let others: Vec<String> = found.also.iter().map(|other| Escaped(other).to_string()).collect();
        field(&mut to, "Also in", &others.join(", "));
    }
    if let Some(host) = &event.host {
        field(&mut to, "Host", &format!("{}", Escaped(host)));
    }
    if event.is_unverified {
        field(&mut to, "Source", UNVERIFIED);
    }
    if let Some(release) = &event.release {
        field(&mut to, "Kernel", &format!("{}", Escaped(release)));
    }
    if !event.missing.is_empty() {
        field(&mut to, "Missing", &missing(event));
    }
    findings(&mut to, "Out of memory because:", &shortage(event));
    findings(&mut to, "Why this victim:", &victim(event));
    table::consumers(&mut to, event);
    table::sums(&mut to, event);
    table::shares(&mut to, event);
    to
}

fn field(to: &mut String, name: &str, words: &str) {
    paragraph(to, &format!("{:<17}", format!("{name}:")), INDENT, words);
}

fn time(to: &mut String, found: &Found<'_>) {
    let stamp = &found.event.when;
    let mut words = when(found);
    if let (Some(us), true) = (stamp.boot_us, found.wall_us.is_some()) {
        let _ = write!(words, ", {} s since boot", boot(us).trim_matches(['[', ']']));
    }
    if let Some(wall) = &stamp.wall
        && words.as_bytes() != wall.as_slice()
    {
        let _ = write!(words, "; in the log: {}", Escaped(wall));
    }
    field(to, "Timestamp", &words);
}

fn trigger(to: &mut String, event: &Event) {
    let trigger = &event.trigger;
    if trigger.comm.is_none() && trigger.pid.is_none() && trigger.gfp_mask.is_none() {
        return field(to, "Triggered by", "- (not in the log)");
    }
    let mut words = format!("{}", by(event));
    if let Some(adj) = trigger.adj.filter(|adj| *adj != 0) {
        let _ = write!(words, ", oom_score_adj {adj}");
    }
    field(to, "Triggered by", &words);
    if event.by_hand {
        return field(to, "Asked for", "nothing: a person asked for a kill (SysRq f)");
    }
    let mut words = match trigger.order {
        Some(order) => {
            let pages = u32::try_from(order).ok().and_then(|order| 1_u64.checked_shl(order)).unwrap_or(0);
            let unit = if pages == 1 { "page" } else { "pages in a row" };
            format!("{pages} {unit} (order {order})")
        }
        None => "- pages".into(),
    };
    if let Some(mask) = trigger.gfp_mask {
        let _ = write!(words, ", gfp_mask {mask:#x}");
    }
    if let Some(names) = gfp_names(event).filter(|names| !names.is_empty()) {
        let _ = write!(words, " = {}", names.replace('|', " | "));
    }
    if let Some(meaning) = meaning(event) {
        let _ = write!(words, ": {meaning}");
    }
    field(to, "Asked for", &words);
}

fn scope(event: &Event) -> String {
    let nodes = nodes(event).map(|nodes| format!(", node {}", Escaped(nodes)));
    let nodes = nodes.unwrap_or_default();
    match event.constraint {
        Constraint::None => "whole system".into(),
        Constraint::Cpuset => {
            let name = event.trigger.cpuset.as_deref().unwrap_or(b"-");
            format!("the nodes of cpuset {}{nodes}", Escaped(name))
        }
        Constraint::Mempolicy => format!("the nodes of a memory policy{nodes}"),
        Constraint::Unknown => {
            "not said: whether of the whole system, of a cgroup or of some nodes is not in the log".into()
        }
        Constraint::Memcg => {
            let Some(path) = event.memcg.as_deref() else {
                return match event.known_by {
                    Some(KnownBy::CallTrace) => {
                        "a cgroup, by the call trace (mem_cgroup_out_of_memory); which is not said".into()
                    }
                    _ => "a cgroup; which is not said".into(),
                };
            };
            let version = event.counters.version.map(|version| format!(" (v{})", version.number()));
            let mut words = format!("cgroup {}{}", Escaped(path), version.unwrap_or_default());
            let memory = event.counters.memory.unwrap_or_default();
            match (memory.usage, memory.limit) {
                (Some(usage), Some(Limit::At(limit))) => {
                    let _ = write!(words, ", usage {} kB, limit {} kB", usage.kib(), limit.kib());
                }
                (Some(usage), Some(Limit::None)) => {
                    let _ = write!(words, ", usage {} kB, no limit of memory alone", usage.kib());
                }
                _ => {}
            }
            if let Some(task) = event.task_memcg.as_ref().filter(|task| Some(*task) != event.memcg.as_ref()) {
                let _ = write!(words, "; the task is in {}", Escaped(task));
            }
            words
        }
    }
}

fn ending(to: &mut String, event: &Event) {
    match (event.outcome, &event.victim) {
        (Outcome::Killed, Some(victim)) => killed(to, event, victim),
        (Outcome::Panic, _) => {
            let why = event.panic.as_deref().unwrap_or(b"-");
            field(to, "Killed process", &format!("none: kernel panic: {}", Escaped(why)));
        }
        (Outcome::NoneKillable, _) => field(to, "Killed process", "none: no process could be killed"),
        (_, Some(victim)) if event.reaped => {
            let words = format!(
                "{}: the oom_reaper took its memory back; the log does not say that it was killed",
                Who::task(&victim.task)
            );
            field(to, "Reaped", &words);
        }
        (_, Some(victim)) => {
            field(to, "Selected", &format!("{}; the log does not say that it was killed", Who::task(&victim.task)));
        }
        (_, None) => match &event.group_memcg {
            Some(memcg) => {
                let words =
                    format!("- (not in the log); all of {} were to be killed (memory.oom.group)", Escaped(memcg));
                field(to, "Killed process", &words);
            }
            None => match selected(event) {
                Some(words) => field(to, "Selected", &words),
                None => field(to, "Killed process", "- (not in the log)"),
            },
        },
    }
}

fn killed(to: &mut String, event: &Event, victim: &Victim) {
    let mut words = format!("{}", Who::task(&victim.task));
    if let Some(process) = victim.process {
        let _ = write!(words, ", a thread of process {process}");
    }
    if let Some(uid) = victim.uid {
        let _ = write!(words, ", UID {uid}");
    }
    if let Some(adj) = victim.adj {
        let _ = write!(words, ", oom_score_adj {adj}");
    }
    field(to, "Killed process", &words);
    let freed = freed(victim).map_or_else(|| "- (RSS is not in the log)".into(), |freed| format!("{freed} (RSS)"));
    field(to, "Memory freed", &freed);
    let mut words = String::new();
    for (name, bytes) in [
        ("anon", victim.anon_rss),
        ("file", victim.file_rss),
        ("shmem", victim.shmem_rss),
        ("page tables", victim.page_tables),
        ("address space", victim.total_vm),
    ] {
        if let Some(bytes) = bytes {
            words.push_str(if words.is_empty() { "" } else { ", " });
            let _ = write!(words, "{name} {}", Mib(bytes));
        }
    }
    if !words.is_empty() {
        paragraph(to, INDENT, INDENT, &words);
    }
    let reaped = if event.reaped { "yes, by the oom_reaper" } else { "the log does not say so" };
    field(to, "Reaped", reaped);
    if !event.group.is_empty() {
        let mut words = String::new();
        for task in event.group.iter().take(10) {
            let _ = write!(words, "{}, ", Who::task(task));
        }
        let more = event.group_count.saturating_sub(10);
        let end = if more > 0 { format!("and {more} more") } else { String::new() };
        field(to, "Killed with it", (words + &end).trim_end_matches([',', ' ']));
    }
}

fn missing(event: &Event) -> String {
    let words = event.missing.iter().map(|missing| match missing {
        Missing::Header => "who asked for memory",
        Missing::Mixed => "whose trigger and memory these are: two reports are mixed",
        Missing::Memory => "the state of memory",
        Missing::Table => "the table of tasks",
        Missing::Columns => "the table's header",
        Missing::Rows => "rows of the table",
        Missing::Lines => "lines that the log has lost",
        Missing::Counts => "how much of the memory is shared",
        Missing::End => "how it ended",
        Missing::Sizes => "sizes of the victim",
    });
    let mut all = String::new();
    for word in words {
        all.push_str(if all.is_empty() { "" } else { ", " });
        all.push_str(word);
    }
    all
}

fn findings(to: &mut String, title: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = write!(to, "\n{title}\n");
    for finding in findings {
        let line = finding.line.map(|line| format!(" [{}]", Mark::of(line))).unwrap_or_default();
        paragraph(to, "  - ", "    ", &format!("{}{line}", finding.words));
    }
}
