//! Scores as NDJSON: a line for each process, and with `--next` one for the system and for each cgroup before those that it would kill.

use super::figures::{CandidateRow, LIKELY, PLACE, ScopeRow, seen};
use super::rank::Rules;
use super::view::{Scope, View, is_set};
use super::{NEXT, Options, Show};
use crate::parse::memcg::Victims;
use crate::report::columns::COMMAND_MAX;
use crate::report::json::Envelope;
use crate::report::json::line::Samples;
use crate::sample::{SAMPLE, Seen};
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

fn put_victims(view: &View<'_>, rules: Rules<'_>, scope: Scope, most: usize, samples: &Samples<'_>, out: &mut Out<'_>) {
    let mut rank = 0;
    view.victims(rules, scope, most, &mut |victim| {
        rank += 1;
        let mut buf = [0; COMMAND_MAX];
        let seen = Seen { score: victim.score, ..seen(view, victim.process, &mut buf) };
        let likely = CandidateRow { view, rules, scope, victim, rank };
        let mut line = samples.line("memdoor.process.sample", "likely OOM victim");
        line.row(SAMPLE, &seen);
        line.row(LIKELY, &likely);
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
    put_place(ScopeRow { kills, ..ScopeRow::new(view, Scope::System, None) }, rules, samples, out);
    view.each_limited(&mut |group, bounds| {
        let kills = match bounds.victims {
            Victims::Nobody => "nobody",
            Victims::One | Victims::All => "one",
        };
        put_place(ScopeRow { kills, ..ScopeRow::new(view, Scope::Group(group), Some(bounds)) }, rules, samples, out);
    });
}

/// The system or a cgroup, then who would be killed in it.
fn put_place(mut place: ScopeRow<'_>, rules: Rules<'_>, samples: &Samples<'_>, out: &mut Out<'_>) {
    let ScopeRow { view, scope, kills, .. } = place;
    view.victims(rules, scope, 1, &mut |victim| place.group = view.dies_with(victim.process, scope));
    place.kills = if place.group.is_some() { "all" } else { kills };
    let event = match scope {
        Scope::System => "memdoor.host.sample",
        Scope::Group(_) => "memdoor.cgroup.sample",
    };
    let mut line = samples.line(event, "next OOM kill");
    line.row(PLACE, &place);
    line.put(out);
    if kills != "nobody" {
        put_victims(view, rules, scope, NEXT, samples, out);
    }
}
