//! Scores as NDJSON: a line for each process, and with `--next` one for the system and for each cgroup before those that it would kill.

use super::rank::Rules;
use super::view::{Scope, View, is_set};
use super::{NEXT, Options, Show};
use crate::parse::memcg::{Bounds, Victims};
use crate::processes;
use crate::report::json::Envelope;
use crate::report::json::line::{Samples, bytes};
use crate::sample;
use crate::sys::clock::Now;
use crate::sys::out::Out;

/// All of it.
pub(super) fn put(view: &View<'_>, options: &Options<'_>, envelope: &Envelope, out: &mut Out<'_>) {
    let samples = Samples::at(envelope, &Now::read());
    for changes in [&[][..], options.changes] {
        let rules = view.rules(changes);
        match options.show {
            Show::Ranking => put_victims(view, rules, Scope::System, options.count, &samples, out),
            Show::Next => put_next(view, rules, &samples, out),
        }
        if options.changes.is_empty() {
            return;
        }
    }
}

/// Numbers of a process beside those of any sample.
const NUMBERS: [&str; 4] =
    ["memdoor.process.oom_score", "memdoor.oom.badness_bytes", "memdoor.oom.rank", "memdoor.what_if.oom_score_adj"];

fn put_victims(view: &View<'_>, rules: Rules<'_>, scope: Scope, most: usize, samples: &Samples<'_>, out: &mut Out<'_>) {
    let mut rank = 0;
    view.victims(rules, scope, most, &mut |victim| {
        rank += 1;
        let mut buf = [0; 4096];
        let process = victim.process;
        let cgroup = processes::group_of(&view.host.proc, process.pid, (process.state, process.threads), &mut buf);
        let cgroup = cgroup.map_or(&b""[..], |(_, path)| path);
        let mut line = samples.line("memdoor.process.sample", "likely OOM victim");
        sample::process(&mut line, process);
        line.texts(&["process.linux.cgroup", "memdoor.cgroup.path"], &[cgroup, view.path_of(scope)]);
        let badness = rules.kib(victim.badness).saturating_mul(1024);
        let numbers = [victim.score, Some(badness), Some(rank), rules.changed(process.pid)];
        line.numbers(&NUMBERS, &numbers);
        line.put(out);
    });
}

fn put_next(view: &View<'_>, rules: Rules<'_>, samples: &Samples<'_>, out: &mut Out<'_>) {
    let panics = is_set(view.host, c"sys/vm/panic_on_oom");
    let any = is_set(view.host, c"sys/vm/oom_kill_allocating_task");
    let kills = match (panics, any) {
        (true, _) => "panic",
        (false, true) => "allocating_task",
        (false, false) => "one",
    };
    put_scope(view, rules, Scope::System, (kills, None), samples, out);
    view.each_limited(&mut |group, bounds| {
        let kills = match bounds.victims {
            Victims::Nobody => "nobody",
            Victims::One | Victims::All => "one",
        };
        let about = (kills, Some(bounds));
        put_scope(view, rules, Scope::Group(group), about, samples, out);
    });
}

/// Texts of the system or a cgroup.
const WHERE: [&str; 3] = ["memdoor.cgroup.path", "memdoor.oom.kills", "memdoor.oom.group"];

/// Numbers of the system.
const OF_SYSTEM: [&str; 2] = ["system.memory.limit", "memdoor.host.swap_total_bytes"];

/// Numbers of a cgroup.
const OF_GROUP: [&str; 3] =
    ["memdoor.cgroup.limit_bytes", "memdoor.cgroup.usage_bytes", "memdoor.cgroup.swap_limit_bytes"];

/// The system or a cgroup, then who would be killed in it.
fn put_scope(
    view: &View<'_>,
    rules: Rules<'_>,
    scope: Scope,
    (kills, bounds): (&str, Option<&Bounds>),
    samples: &Samples<'_>,
    out: &mut Out<'_>,
) {
    let mut together = None;
    view.victims(rules, scope, 1, &mut |victim| {
        together = view.dies_with(victim.process, scope);
    });
    let texts = [
        view.path_of(scope),
        if together.is_some() { "all" } else { kills }.as_bytes(),
        together.map_or(b"", |group| view.groups.path(group)),
    ];
    let event = match scope {
        Scope::System => "memdoor.host.sample",
        Scope::Group(_) => "memdoor.cgroup.sample",
    };
    let mut line = samples.line(event, "next OOM kill");
    line.texts(&WHERE, &texts);
    match bounds {
        None => {
            let numbers = [view.meminfo.total, view.meminfo.swap_total].map(bytes);
            line.numbers(&OF_SYSTEM, &numbers);
        }
        Some(bounds) => {
            let numbers = [bounds.limit, bounds.usage, bounds.swap_limit].map(bytes);
            line.numbers(&OF_GROUP, &numbers);
        }
    }
    line.put(out);
    if kills != "nobody" {
        put_victims(view, rules, scope, NEXT, samples, out);
    }
}
