//! `memdoor.oom.kill`: an event as one object.
mod words;

use super::{OOM_KILL, count, envelope, int, is, list, moment, name, now, path, put_line, slices, some, text, words};
use crate::oomlog::analysis::{self, Finding, Share, account, freed, shortage, size, victim};
use crate::oomlog::event::{Event, Mark, Position, Ranked, Row, Task};
use crate::oomlog::report::{Found, gfp_names};
use crate::report::{Fact, Value};
use crate::sys::out::Out;
use crate::units::Bytes;
use words::{constraint, headline, missing, outcome, severity};

/// Members of a group that are listed; all of them are counted. A line stays under 16 KiB.
const MEMBERS: usize = 16;

/// Writes an event as a line of JSON.
pub(super) fn put(found: &Found<'_>, out: &mut Out<'_>) {
    let event = found.event;
    let (message, mask, flags) = (headline(event), mask(event), gfp_names(event));
    let (timestamp, observed) = (found.wall_us.and_then(moment), now());
    let mut facts = Vec::from(envelope(OOM_KILL, severity(event), &message));
    facts.insert(1, words("timestamp", timestamp.as_deref()));
    facts.insert(2, words("observed_timestamp", observed.as_deref()));
    source(found, &mut facts);
    let also: Vec<&[u8]> = found.also.iter().map(Vec::as_slice).collect();
    if !also.is_empty() {
        facts.push(is("memdoor.source.also", Value::Texts(&also)));
    }
    trigger(event, mask.as_deref(), flags.as_deref(), &mut facts);
    scope(event, &mut facts);
    killed(event, &mut facts);
    let (why, chosen) = (shortage(event), victim(event));
    let (shares, missing) = (account(event), missing(event));
    let group = rows(event.group.iter().take(MEMBERS), of_task);
    let top = rows(&event.table.top, |row| of_row(event, row));
    let worst = rows(&event.table.worst, |ranked| of_ranked(event, ranked));
    let memory = rows(&shares, of_share);
    let (why, chosen) = (rows(&why, of_finding), rows(&chosen, of_finding));
    let (group, top, worst) = (slices(&group), slices(&top), slices(&worst));
    let (memory, why, chosen) = (slices(&memory), slices(&why), slices(&chosen));
    facts.extend([
        list("memdoor.oom.group", &group),
        some("memdoor.oom.group_killed", event.group_count),
        some("memdoor.oom.tasks", event.table.rows),
        list("memdoor.oom.top", &top),
        list("memdoor.oom.ranking", &worst),
        list("memdoor.oom.memory", &memory),
        list("memdoor.oom.why", &why),
        list("memdoor.oom.why_victim", &chosen),
        is("memdoor.oom.reaped", Value::Flag(event.reaped)),
        is("memdoor.oom.complete", Value::Flag(event.is_complete())),
    ]);
    if !missing.is_empty() {
        facts.push(is("memdoor.oom.missing", Value::List(&missing)));
    }
    put_line(out, &facts);
}

fn rows<'a, T: 'a, const N: usize>(
    all: impl IntoIterator<Item = &'a T>,
    facts: impl Fn(&'a T) -> [Fact<'a>; N],
) -> Vec<[Fact<'a>; N]> {
    all.into_iter().map(facts).collect()
}

fn of_task(task: &Task) -> [Fact<'_>; 2] {
    [name("comm", task.comm.as_deref()), count("pid", Some(task.pid))]
}

fn of_share(share: &Share) -> [Fact<'_>; 3] {
    [words("of", Some(share.what)), bytes("bytes", Some(share.bytes)), at(["line", "byte", "record"], share.line)]
}

/// In hexadecimal, as kernels print it.
fn mask(event: &Event) -> Option<String> {
    event.trigger.gfp_mask.map(|mask| format!("{mask:#x}"))
}

/// A position, under the key of what it counts: lines, bytes, or records.
fn at(keys: [&'static str; 3], position: Option<Position>) -> Fact<'static> {
    let [line, byte, record] = keys;
    match position.filter(|position| *position > 0).map(Mark::of) {
        Some(Mark::Line(number)) => count(line, Some(number)),
        Some(Mark::Byte(number)) => count(byte, Some(number)),
        Some(Mark::Record(number)) => count(record, Some(number)),
        None => is(line, Value::Nothing),
    }
}

fn bytes(key: &'static str, bytes: Option<Bytes>) -> Fact<'static> {
    is(key, bytes.map_or(Value::Nothing, Value::Bytes))
}

fn of_row<'a>(event: &Event, row: &'a Row) -> [Fact<'a>; 5] {
    [
        name("comm", Some(&row.comm)),
        count("pid", Some(row.pid)),
        bytes("rss_bytes", size(event, row.rss)),
        bytes("swap_bytes", row.swap.and_then(|pages| size(event, pages))),
        int("oom_score_adj", row.adj),
    ]
}

fn of_ranked<'a>(event: &Event, ranked: &'a Ranked) -> [Fact<'a>; 3] {
    let badness = size(event, ranked.badness.unsigned_abs())
        .and_then(|bytes| i64::try_from(bytes.0).ok())
        .map(|bytes| bytes * ranked.badness.signum());
    [name("comm", Some(&ranked.row.comm)), count("pid", Some(ranked.row.pid)), int("badness_bytes", badness)]
}

fn of_finding(finding: &Finding) -> [Fact<'_>; 2] {
    [words("text", Some(&finding.words)), at(["line", "byte", "record"], finding.line)]
}

/// Where it is from, and of which machine: this one, or another of which the log says little.
fn source<'a>(found: &Found<'a>, facts: &mut Vec<Fact<'a>>) {
    let event = found.event;
    facts.extend([
        text("memdoor.event.id", Some(found.id)),
        path("memdoor.source.path", Some(found.source)),
        at(["memdoor.source.line", "memdoor.source.byte", "memdoor.source.record"], Some(event.lines.first)),
        is("memdoor.source.unverified", if event.is_unverified { Value::Flag(true) } else { Value::Nothing }),
        text("memdoor.oom.log_time", event.when.wall.as_deref()),
        count("memdoor.oom.boot_us", event.when.boot_us),
    ]);
    let (name, boot, release) = match found.machine {
        Some(machine) => {
            facts.push(text("host.id", Some(machine.host_id.as_bytes())));
            facts.push(text("host.arch", Some(machine.arch.as_bytes())));
            let (name, release) = (machine.host.as_bytes(), machine.release.as_bytes());
            (Some(name), event.boot_id.as_deref(), Some(release))
        }
        None => (event.host.as_deref(), event.boot_id.as_deref(), event.release.as_deref()),
    };
    facts.extend([text("host.name", name), text("host.boot.id", boot), text("os.version", release)]);
}

fn trigger<'a>(event: &'a Event, mask: Option<&'a str>, flags: Option<&'a str>, facts: &mut Vec<Fact<'a>>) {
    let trigger = &event.trigger;
    facts.extend([
        name("memdoor.oom.trigger.comm", trigger.comm.as_deref()),
        count("memdoor.oom.trigger.pid", trigger.pid),
        int("memdoor.oom.trigger.oom_score_adj", trigger.adj),
        words("memdoor.oom.gfp_mask", mask),
        words("memdoor.oom.gfp_flags", flags),
        int("memdoor.oom.order", trigger.order),
        text("memdoor.oom.nodemask", trigger.nodemask.as_deref()),
    ]);
}

fn scope<'a>(event: &'a Event, facts: &mut Vec<Fact<'a>>) {
    let memory = event.counters.memory.unwrap_or_default();
    facts.extend([
        words("memdoor.oom.constraint", Some(constraint(event.constraint))),
        path("memdoor.oom.memcg", event.memcg.as_deref()),
        path("memdoor.oom.task_memcg", event.task_memcg.as_deref()),
        path("memdoor.oom.group_memcg", event.group_memcg.as_deref()),
        count("memdoor.oom.cgroup_version", event.counters.version.map(crate::parse::cgroup::Version::number)),
        bytes("memdoor.oom.usage_bytes", memory.usage),
        bytes("memdoor.oom.limit_bytes", memory.limited_to()),
        count("memdoor.oom.failcnt", memory.failcnt),
        bytes("memdoor.oom.swap_total_bytes", event.machine.swap_total),
        bytes("memdoor.oom.swap_free_bytes", event.machine.swap_free),
        bytes("memdoor.oom.whole_bytes", analysis::whole(event).map(|whole| whole.bytes)),
        bytes("memdoor.oom.page_size_bytes", event.page_size.map(|page| Bytes(page.0))),
    ]);
}

fn killed<'a>(event: &'a Event, facts: &mut Vec<Fact<'a>>) {
    facts.push(words("memdoor.oom.outcome", Some(outcome(event.outcome))));
    facts.push(text("memdoor.oom.panic", event.panic.as_deref()));
    if let Some(selected) = &event.selected {
        facts.extend([
            name("memdoor.oom.selected.comm", selected.comm.as_deref()),
            count("memdoor.oom.selected.pid", Some(selected.pid)),
        ]);
    }
    // Without a kill line it is the one that `oom-kill:` names, and the outcome is unknown.
    let Some(victim) = &event.victim else {
        return;
    };
    facts.extend([
        name("memdoor.oom.killed.comm", victim.task.comm.as_deref()),
        count("memdoor.oom.killed.pid", Some(victim.task.pid)),
        count("memdoor.oom.killed.process", victim.process),
        count("memdoor.oom.killed.uid", victim.uid.map(u64::from)),
        bytes("memdoor.oom.total_vm_bytes", victim.total_vm),
        bytes("memdoor.oom.anon_rss_bytes", victim.anon_rss),
        bytes("memdoor.oom.file_rss_bytes", victim.file_rss),
        bytes("memdoor.oom.shmem_rss_bytes", victim.shmem_rss),
        bytes("memdoor.oom.page_table_bytes", victim.page_tables),
        int("memdoor.oom.oom_score_adj", victim.adj),
        bytes("memdoor.oom.freed_bytes", freed(victim).filter(|freed| freed.is_whole).map(|freed| freed.bytes)),
    ]);
}
