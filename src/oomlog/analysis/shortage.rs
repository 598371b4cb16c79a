//! Why memory ran out.

use super::account::{HUGE, REST, SHARED, UNRECLAIMABLE, account, unexplained};
use super::zones::{Nodes, Request};
use super::{Finding, Mib, whole};
use crate::oomlog::event::{Constraint, Counter, Event, Node, Outcome};
use crate::parse::memcg::Limit;
use crate::parse::oom_report::gfp;
use crate::report::escape::Escaped;
use crate::units::{Bytes, Percent};

/// Why, the most telling first. Empty when the log does not say.
#[must_use]
pub fn shortage(event: &Event) -> Vec<Finding> {
    let mut findings = Vec::new();
    if event.by_hand {
        let words = "asked for by hand (SysRq f): no allocation had failed";
        Finding::add(&mut findings, &words, event.lines.header);
    } else {
        match event.constraint {
            Constraint::Memcg => of_memcg(event, &mut findings),
            _ => of_machine(event, &mut findings),
        }
        held(event, &mut findings);
        swap(event, &mut findings);
    }
    outcome(event, &mut findings);
    findings
}

fn of_memcg(event: &Event, findings: &mut Vec<Finding>) {
    let counters = &event.counters;
    let line = event.lines.usage;
    let named = [("memory", counters.memory), ("memory+swap", counters.memory_swap), ("kernel memory", counters.kmem)];
    for (what, counter) in named {
        let Some((usage, limit)) = counter.and_then(limited) else {
            continue;
        };
        // A charge that failed is not in the usage any more, and others free meanwhile.
        if usage.0 < limit.0 - limit.0 / 32 {
            continue;
        }
        let hits = counter.and_then(|counter| counter.failcnt).unwrap_or(0);
        let often = match hits {
            0 => format_args!(""),
            _ => format_args!(", hit {hits} {}", super::plural(hits, "time", "times")),
        };
        let words = format_args!("the cgroup is at its {what} limit: {} of {} kB{often}", usage.kib(), limit.kib(),);
        Finding::add(findings, &words, line);
    }
    if let Some((cache, dirty)) = written_cache(event) {
        let words = format_args!(
            "{} of it is page cache, {} of that not yet on disk: who writes is faster than the disk",
            Mib(cache),
            Mib(dirty)
        );
        findings.insert(0, Finding::new(&words, event.lines.stats));
    }
    if !findings.is_empty() {
        return;
    }
    let words = match counters.memory.and_then(limited) {
        Some((usage, limit)) => format_args!(
            "the cgroup has used {} of its limit of {} kB: memory was freed again, or a large allocation failed",
            usage.kib(),
            limit.kib()
        ),
        None => format_args!("the cgroup could not be charged for more"),
    };
    Finding::add(findings, &words, line.or(event.lines.summary).or(event.lines.end));
}

/// The page cache of a cgroup, and what of it is not written yet, where that is most of what it may have.
pub(super) fn written_cache(event: &Event) -> Option<(Bytes, Bytes)> {
    let counters = &event.counters;
    let sum = |keys: &[&str]| super::account::sum(&counters.stats, keys);
    let cache = sum(&["cache"]).or_else(|| sum(&["file"]))?;
    let dirty = sum(&["dirty", "writeback"]).or_else(|| sum(&["file_dirty", "file_writeback"]))?;
    let (_, limit) = counters.memory.and_then(limited)?;
    (event.constraint == Constraint::Memcg && dirty > limit.0 / 2 && dirty <= cache)
        .then_some((Bytes(cache), Bytes(dirty)))
}

/// Usage and limit, when there is one.
fn limited(counter: Counter) -> Option<(Bytes, Bytes)> {
    let (usage, limit) = (counter.usage?, counter.limited_to()?);
    (limit.0 > 0).then_some((usage, limit))
}

/// The nodes that the allocation could come from: of its memory policy, or of its cpuset. `None`: all, or not said.
pub(in crate::oomlog) fn nodes(event: &Event) -> Option<&[u8]> {
    let is_list = |nodes: &&[u8]| nodes.first().is_some_and(u8::is_ascii_digit);
    let policy = event.trigger.nodemask.as_deref().filter(is_list);
    let cpuset = event.trigger.mems_allowed.as_deref().filter(is_list);
    policy.or(cpuset)
}

fn of_machine(event: &Event, findings: &mut Vec<Finding>) {
    let nodes = nodes(event);
    let limited = match event.constraint {
        Constraint::Cpuset => Some("the cpuset"),
        Constraint::Mempolicy => Some("the memory policy"),
        _ => None,
    };
    if let Some(what) = limited {
        let words = match nodes {
            Some(nodes) => format_args!("{what} allows memory of node {} only", Escaped(nodes)),
            None => format_args!("{what} does not allow all nodes"),
        };
        Finding::add(findings, &words, event.lines.summary.or(event.lines.end));
    }
    let Some(highest) = highest_zone(event) else {
        return;
    };
    if let Some(request) = Request::of(event, highest, Nodes(nodes)) {
        findings.extend(request.finding());
        findings.extend(request.elsewhere());
    }
    let given_up = |node: &&Node| node.all_unreclaimable == Some(true);
    if let Some(node) = event.machine.nodes.iter().find(given_up) {
        let which = node.node.map(|number| format!(" on node {number}")).unwrap_or_default();
        let words = format_args!("reclaim had given up{which} (all_unreclaimable)");
        Finding::add(findings, &words, Some(node.line));
    }
}

/// Whether memory was there, but not in a row.
pub(super) fn is_fragmented(event: &Event) -> bool {
    let request = highest_zone(event).and_then(|highest| Request::of(event, highest, Nodes(nodes(event))));
    request.is_some_and(|request| request.is_of_fragmentation())
}

/// The highest zone that the allocation may use, by its flags.
fn highest_zone(event: &Event) -> Option<gfp::Zone> {
    meaning(event).map(|meaning| meaning.zone)
}

/// What the allocation was for, by its flags as they are printed, or as that kernel's bits say.
pub(in crate::oomlog) fn meaning(event: &Event) -> Option<gfp::Meaning> {
    let meaning = match event.trigger.gfp_flags.as_deref() {
        Some(names) => gfp::Meaning::of_names(names),
        None => gfp::names(event.trigger.gfp_mask?, event.release.as_deref())?.meaning(),
    };
    // The charge of a process's page says GFP_KERNEL, too.
    Some(if event.constraint == Constraint::Memcg { meaning.charged() } else { meaning })
}

fn swap(event: &Event, findings: &mut Vec<Finding>) {
    if event.constraint == Constraint::Memcg {
        let Some((usage, limit)) = event.counters.swap.and_then(|swap| swap.usage.zip(swap.limited_to())) else {
            return;
        };
        let words = if limit.0 == 0 {
            format_args!("the cgroup may not swap (memory.swap.max is 0)")
        } else if usage >= limit {
            format_args!("its swap is at its limit, too: {} kB", limit.kib())
        } else {
            return;
        };
        Finding::add(findings, &words, event.lines.swap);
    } else if let Some(words) = swap_state(event) {
        Finding::add(findings, &words, event.lines.swap);
    }
}

/// What holds a quarter of the memory and is of no process: killing frees little of it. Above a half it is the first to tell.
fn held(event: &Event, findings: &mut Vec<Finding>) {
    let Some(whole) = whole(event) else {
        return;
    };
    for share in account(event) {
        let bytes = match share.what {
            REST => unexplained(event).unwrap_or_default(),
            _ => share.bytes,
        };
        let Some(percent) = Percent::of(bytes, whole.bytes) else {
            continue;
        };
        let name = match share.what {
            SHARED => "shared memory and tmpfs",
            UNRECLAIMABLE => "the kernel's unreclaimable slab",
            HUGE => "huge pages",
            REST => "what no count of the report accounts for",
            _ => continue,
        };
        if percent.hundredths < 2000 {
            continue;
        }
        let is_victims = share.what == SHARED && is_of_victim(event, share.bytes);
        let consequence =
            if is_victims { "the victim had mapped most of it" } else { "killing a process frees little of it" };
        let words =
            format_args!("{name} had {}, {} % of {}: {consequence}", Mib(bytes), percent.hundredths / 100, whole.what);
        let place = if is_victims || percent.hundredths < 5000 { findings.len() } else { 0 };
        findings.insert(place, Finding::new(&words, share.line));
    }
}

/// Whether the victim had half of the shared memory mapped, which goes with it unless it is a file's.
pub(super) fn is_of_victim(event: &Event, shared: Bytes) -> bool {
    let mapped = event.victim.as_ref().and_then(|victim| victim.shmem_rss);
    mapped.is_some_and(|mapped| mapped.0 > shared.0 / 2)
}

/// How much swap there was, of the machine or of the cgroup.
#[must_use]
pub fn swap_state(event: &Event) -> Option<String> {
    if event.constraint == Constraint::Memcg {
        let counters = &event.counters;
        let (name, counter) = match counters.swap {
            Some(swap) => ("swap", swap),
            None => ("memory and swap", counters.memory_swap?),
        };
        let usage = counter.usage?;
        let limit = match counter.limit? {
            Limit::At(limit) => format!("of {} kB", limit.kib()),
            Limit::None => "without a limit".into(),
        };
        return Some(format!("the cgroup's {name}: {} kB used {limit}", usage.kib()));
    }
    let (free, total) = (event.machine.swap_free, event.machine.swap_total?);
    let percent = free.and_then(|free| Percent::of(free, total));
    Some(match (free, percent) {
        (_, None) if total.0 == 0 => "there is no swap".into(),
        (Some(free), Some(percent)) if percent.hundredths < 500 => {
            format!("swap is full: {} of {} free", Mib(free), Mib(total))
        }
        (Some(free), _) => format!("swap had {} of {} free", Mib(free), Mib(total)),
        (None, _) => format!("there are {} of swap", Mib(total)),
    })
}

fn outcome(event: &Event, findings: &mut Vec<Finding>) {
    let words = match event.outcome {
        Outcome::NoneKillable => format_args!(
            "nobody could be killed: what is left is init, kernel threads, or protected by oom_score_adj -1000"
        ),
        Outcome::Panic => format_args!("the kernel panicked: {}", Escaped(event.panic.as_deref().unwrap_or(b"-"))),
        _ => return,
    };
    Finding::add(findings, &words, event.lines.end);
}
