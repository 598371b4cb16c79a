//! What to change, each with the command to type and what it rests on.
pub(super) mod limit;
mod memory;

use crate::parse::{ascii, dec};
use core::fmt::Display;

use super::shortage::{is_fragmented, written_cache};
use super::victim::{freed_words, session_victims};
use super::{Mib, Who, size, whole};
use crate::oomlog::event::{Constraint, Event, Missing, Outcome, Zone};
use crate::oomlog::shell;
use crate::parse::version::Version as Linux;
use crate::report::escape::{Called, Escaped};
use crate::shell::word;
use crate::units::{Bytes, Percent};

/// What advice rests on, the most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grounds {
    /// A process that a session hangs on was killed.
    Session,
    /// vm.panic_on_oom ends the machine, not a process.
    PanicOnOom,
    /// Nobody was left to kill.
    NoneKillable,
    /// Much of it was tmpfs or shared memory.
    SharedMemory,
    /// Much of it was the kernel's own.
    KernelMemory,
    /// Much of it was kept as huge pages.
    HugePages,
    /// The nodes that it was limited to were short.
    Nodes,
    /// A cgroup was full of what it had written, and the disk had not.
    Written,
    /// A cgroup was at its limit. Behind it stands what follows from who had the memory.
    CgroupLimit,
    /// Protected processes held much of the memory.
    Protected,
    /// There is no swap.
    NoSwap,
    /// Swap was full.
    SwapFull,
    /// Several pages in a row were asked for and not found.
    Fragmentation,
    /// oom_score_adj made it the victim.
    Adjusted,
    /// The victim had reserved more than there is.
    Overcommit,
    /// The table of tasks is switched off.
    NoTable,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advice {
    /// In words.
    pub words: String,
    /// What to type; none when names of the log would be unsafe to type.
    pub command: Option<String>,
    /// What it rests on.
    pub evidence: String,
}

/// What one event suggests, by what it rests on.
#[must_use]
pub fn advise(event: &Event) -> Vec<(Grounds, Advice)> {
    let mut all = Vec::new();
    session(event, &mut all);
    if event.by_hand {
        return all;
    }
    ends(event, &mut all);
    if event.constraint == Constraint::Memcg {
        all.extend(limit::advise(event).map(|advice| (Grounds::CgroupLimit, advice)));
        written(event, &mut all);
    } else {
        memory::swap(event, &mut all);
        nodes(event, &mut all);
        memory::overcommit(event, &mut all);
    }
    memory::parts(event, &mut all);
    order(event, &mut all);
    scores(event, &mut all);
    let is_whole = event.lines.header.is_some() && event.lines.end.is_some();
    if event.missing.contains(&Missing::Table) && is_whole && has_dump_tasks(event) {
        let (words, command) = ("let the kernel print its table of tasks", "sysctl vm.oom_dump_tasks=1");
        fixed(&mut all, Grounds::NoTable, words, command, &"the report has none");
    }
    all
}

/// Whether the kernel has vm.oom_dump_tasks: since Linux 2.6.25 (fef1bdd68c81), and nothing but the release tells before oom_score_adj came.
fn has_dump_tasks(event: &Event) -> bool {
    let Some(release) = event.release.as_deref() else {
        return event.trigger.adj.is_some();
    };
    let mut numbers = release.split(|byte| !byte.is_ascii_digit()).map_while(dec);
    let version = [numbers.next(), numbers.next(), numbers.next()].map(Option::unwrap_or_default);
    version >= [2, 6, 25]
}

/// Adds advice.
fn add(
    all: &mut Vec<(Grounds, Advice)>,
    grounds: Grounds,
    words: &dyn Display,
    command: Option<String>,
    evidence: &dyn Display,
) {
    let advice = Advice { words: format!("{words}"), command, evidence: format!("{evidence}") };
    all.push((grounds, advice));
}

/// The same where the command is always one.
fn fixed(all: &mut Vec<(Grounds, Advice)>, grounds: Grounds, words: &str, command: &str, evidence: &dyn Display) {
    add(all, grounds, &words, Some(command.into()), evidence);
}

/// The oom_score_adj that a session is advised to have.
const SESSION: i64 = -500;

fn session(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let Some(comm) = session_victims(event).next() else {
        return;
    };
    // What it has by now is lower than what would be set, and higher would make it likelier to die.
    if event.victim.as_ref().and_then(|victim| victim.adj).is_some_and(|adj| adj <= SESSION) {
        return;
    }
    let name = Called(comm);
    // `pgrep -x systemd` would find PID 1, whose children inherit what it is given.
    let of_user = matches!(ascii(comm), "systemd" | "(sd-pam)");
    let command = if of_user {
        Some("systemctl edit user@.service   # [Service] OOMScoreAdjust=-500".into())
    } else {
        word(comm).map(|name| format!("for p in $(pgrep -x {name}); do choom -n -500 -p $p; done"))
    };
    add(
        all,
        Grounds::Session,
        &format_args!("protect the session: the kernel killed {name}, which ends a login"),
        command,
        &format_args!("{name} was killed"),
    );
}

fn ends(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let panic = event.panic.as_deref().unwrap_or_default();
    let is_asked = panic.windows(12).any(|words| words == b"panic_on_oom");
    match event.outcome {
        Outcome::Panic if is_asked => fixed(
            all,
            Grounds::PanicOnOom,
            "let the kernel kill a process instead of the machine",
            "sysctl vm.panic_on_oom=0",
            &Escaped(panic),
        ),
        Outcome::Panic | Outcome::NoneKillable if event.table.unkillable > 0 => fixed(
            all,
            Grounds::NoneKillable,
            "leave something to kill: take oom_score_adj -1000 off all but the few that must live",
            "grep -l -- -1000 /proc/[0-9]*/oom_score_adj",
            &format_args!("nobody could be killed; {} tasks have oom_score_adj -1000", event.table.unkillable),
        ),
        _ => {}
    }
}

fn written(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let Some((cache, dirty)) = written_cache(event) else {
        return;
    };
    let evidence = format_args!("{} of page cache, {} of it not on disk", Mib(cache), Mib(dirty));
    let words = "limit who writes (ionice, io.max), raise the limit, or let cgroup v2 slow the writer down (memory.high below memory.max)";
    add(all, Grounds::Written, &words, Some("iostat -x 5".into()), &evidence);
}

fn nodes(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let Some(nodes) = super::shortage::nodes(event) else {
        return;
    };
    let (words, command) = match event.constraint {
        Constraint::Cpuset => {
            let cpuset = event.trigger.cpuset.as_deref().unwrap_or_default();
            let file = shell::cgroup_file(b"/sys/fs/cgroup/", cpuset, b"cpuset.mems");
            let command = file.map(|file| format!("numactl -H; cat {file}"));
            ("widen the cpuset's memory nodes, or move work out of it", command)
        }
        Constraint::Mempolicy => (
            "bind to more nodes, or prefer a node instead of binding to it",
            Some("numactl -H; numactl --preferred=NODE PROGRAM".into()),
        ),
        _ => return,
    };
    let evidence = format_args!("only node {} could be used", Escaped(nodes));
    add(all, Grounds::Nodes, &words, command, &evidence);
}

fn order(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let Some(order @ 1..=10) = event.trigger.order else {
        return;
    };
    // Since Linux 2.6.35, where it was not left out of the kernel: and for pages in a row alone.
    let can_compact = event.kernel().is_none_or(|kernel| kernel >= Linux::new(3, 0)) && !event.lacks_compaction;
    if event.constraint == Constraint::Memcg || !can_compact || !is_fragmented(event) {
        return;
    }
    // Twice what is kept now, never more than a twentieth of the zones that the kernel itself can use.
    let is_low = |zone: &&Zone| !matches!(ascii(&zone.name), "HighMem" | "Movable");
    let sum = |size: fn(&Zone) -> Option<Bytes>| {
        let zones = event.machine.zones.iter().filter(is_low);
        zones.map(|zone| size(zone).unwrap_or_default()).fold(Bytes(0), Bytes::plus)
    };
    let (min, managed) = (sum(|zone| zone.min), sum(|zone| zone.managed.or(zone.present)));
    let kept = (min.kib().saturating_mul(2)).min(managed.kib() / 20);
    let more = (kept > min.kib()).then(|| format!("sysctl vm.min_free_kbytes={kept}; "));
    add(
        all,
        Grounds::Fragmentation,
        &"keep more memory free for requests of several pages in a row, and compact it",
        Some(more.unwrap_or_default() + "echo 1 >/proc/sys/vm/compact_memory"),
        &format_args!("{} pages in a row were asked for (order {order})", 1_u64 << order),
    );
}

fn scores(event: &Event, all: &mut Vec<(Grounds, Advice)>) {
    let table = &event.table;
    if let (Some(whole), Some(held)) = (whole(event), size(event, table.unkillable_pages))
        && Percent::of(held, whole.bytes).is_some_and(|percent| percent.hundredths >= 2500)
    {
        fixed(
            all,
            Grounds::Protected,
            "processes that may not be killed hold much: others die for them",
            "grep -l -- -1000 /proc/[0-9]*/oom_score_adj",
            &format_args!("{} with oom_score_adj -1000 had {}", table.unkillable, Mib(held)),
        );
    }
    let Some(victim) = &event.victim else {
        return;
    };
    let is_largest = table.top.first().is_none_or(|row| row.pid == victim.task.pid);
    if let Some(adj @ 1..) = victim.adj
        && !is_largest
    {
        let name = victim.task.comm.as_deref().and_then(word);
        add(
            all,
            Grounds::Adjusted,
            &format_args!("{} was preferred as a victim: is that what you want?", Who::task(&victim.task)),
            name.map(|name| format!("for p in $(pgrep -x {name}); do choom -n 0 -p $p; done")),
            &format_args!("oom_score_adj {adj}; it freed {}", freed_words(event).unwrap_or_else(|| "-".into())),
        );
    }
}
