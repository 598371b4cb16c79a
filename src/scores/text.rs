//! Scores for people, in 80 columns.

use super::figures::{BADNESS, CandidateRow, LIMIT, PATH, SWAP_TOTAL, ScopeRow, TOTAL, USAGE, seen};
use super::rank::Rules;
use super::view::{Scope, View, ZeroLine, is_set};
use super::{NEXT, Options, Show};
use crate::badness;
use crate::environment::Others;
use crate::escape::Called;
use crate::parse::memcg::{Bounds, Victims};
use crate::processes::{self, Process, descending};
use crate::report::columns::{COMMAND_MAX, Mib, OrDash, in_tenths, name, words};
use crate::report::field::Get::Int;
use crate::report::table::{Table, in_text};
use crate::sample::{CGROUP, COMM, FREEABLE, PID, RSS, SCORE, SWAP, Seen, TABLES};
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};

/// All of it.
pub(super) fn put(view: &View<'_>, options: &Options<'_>, others: Others, out: &mut Out<'_>) {
    let caveat = others.caveat();
    if !caveat.is_empty() {
        out.put(caveat.as_bytes());
        out.put(b"\n\n");
    }
    let is_trial = !options.changes.is_empty();
    if is_trial {
        out.put(b"AS IT IS\n\n");
    }
    put_once(view, options, view.rules(&[]), out);
    if is_trial {
        let rules = view.rules(options.changes);
        put_assumption(view, options, out);
        put_once(view, options, rules, out);
    }
    if options.show == Show::Ranking {
        put_guide(view, out);
    }
}

fn put_once(view: &View<'_>, options: &Options<'_>, rules: Rules<'_>, out: &mut Out<'_>) {
    match options.show {
        Show::Ranking => {
            put_ranking(view, options.count, rules, out);
            put_protected(view, options.count, rules, out);
        }
        Show::Next => put_next(view, rules, out),
    }
}

fn put_assumption(view: &View<'_>, options: &Options<'_>, out: &mut Out<'_>) {
    for (at, (pid, adj)) in options.changes.iter().enumerate() {
        out.put(if at == 0 { b"\nWHAT IF " } else { b"    AND " });
        let process = view.table.rows().iter().find(|row| row.pid == *pid);
        if let Some(process) = process {
            put_who(process, out);
            words(out, format_args!(" had oom_score_adj {adj} instead of {}", OrDash(process.oom_score_adj)));
        }
        out.put(b"\n");
    }
    out.put(b"\n");
}

/// The columns of processes by their scores.
static PROCESSES: Table<Seen<'static>> = Table::of_text(&[
    PID.column("PID", 8),
    COMM.column("COMM", 15),
    SCORE.column("SCORE", 5),
    in_text("ADJ", 5, Int(|one| one.changed.or(one.process.oom_score_adj))),
    RSS.column("RSS MiB", 7),
    SWAP.column("SWAP MiB", 7),
    TABLES.column("TABLES", 6),
    FREEABLE.column("FREEABLE", 8),
    CGROUP.column("CGROUP", 11),
]);

fn put_ranking(view: &View<'_>, most: usize, rules: Rules<'_>, out: &mut Out<'_>) {
    out.put(b"MOST LIKELY OOM VICTIMS, the first one first\n");
    PROCESSES.put_labels(out);
    view.victims(rules, Scope::System, most, &mut |victim| {
        put_row(view, rules, victim.process, victim.score, out);
    });
}

/// What the kernel says is its score, or would say with the oom_score_adj that is assumed.
fn score(view: &View<'_>, rules: Rules<'_>, process: &Process, real: Option<i64>) -> Option<i64> {
    if rules.adj(process) == process.oom_score_adj {
        return real;
    }
    match (view.zero_line, rules.badness(process, view.scale())) {
        (ZeroLine::At666, Some(badness)) => Some(badness::score(badness, view.scale_pages())),
        // It is passed over.
        (ZeroLine::At666, None) => Some(0),
        (ZeroLine::At0, _) => None,
    }
}

fn put_protected(view: &View<'_>, most: usize, rules: Rules<'_>, out: &mut Out<'_>) {
    let rows = view.table.rows();
    let key = |at: usize| {
        let row = rows.get(at)?;
        let adj = rules.adj(row).filter(|adj| *adj < 0)?;
        Some((-adj, row.memory.rss.unwrap_or_default().0))
    };
    let count = (0..rows.len()).filter(|at| key(*at).is_some()).count();
    words(out, format_args!("\nPROTECTED (oom_score_adj below 0): {count}\n"));
    if count > 0 {
        PROCESSES.put_labels(out);
    }
    for row in descending(rows.len(), &key).take(most).filter_map(|at| rows.get(at)) {
        put_row(view, rules, row, processes::number(&view.host.proc, row.pid, c"oom_score"), out);
    }
    if count > most {
        words(out, format_args!("... and {} more: -n\n", count - most));
    }
}

fn put_row(view: &View<'_>, rules: Rules<'_>, process: &Process, real: Option<i64>, out: &mut Out<'_>) {
    let mut buf = [0; COMMAND_MAX];
    let score = score(view, rules, process, real);
    PROCESSES.put(&Seen { score, changed: rules.changed(process.pid), ..seen(view, process, &mut buf) }, out);
}

fn put_next(view: &View<'_>, rules: Rules<'_>, out: &mut Out<'_>) {
    let system = ScopeRow::new(view, Scope::System, None);
    let (ram, swap) = (TOTAL.of(&system), SWAP_TOTAL.of(&system));
    out.put(b"WHO WOULD BE KILLED NOW, if memory ran out in\n\nthe whole system\n");
    words(out, format_args!("  RAM {ram} MiB, swap {swap} MiB\n"));
    if is_set(view.host, c"sys/vm/panic_on_oom") {
        out.put(b"  nobody: the kernel panics (vm.panic_on_oom); else:\n");
    }
    if is_set(view.host, c"sys/vm/oom_kill_allocating_task") {
        out.put(b"  whoever asks for memory (vm.oom_kill_allocating_task); else:\n");
    }
    put_victims(view, rules, Scope::System, out);
    let mut is_any = false;
    view.each_limited(&mut |group, bounds| {
        is_any = true;
        put_limit(view, group, bounds, out);
        if bounds.victims == Victims::Nobody {
            return out.put(b"  nobody: its processes wait (oom_kill_disable)\n");
        }
        put_victims(view, rules, Scope::Group(group), out);
    });
    match view.unseen {
        Some(why) => {
            words(out, format_args!("\nNOT SEEN: the limits of cgroups ({why}); one of them may be reached first.\n"))
        }
        None if !is_any => out.put(b"\nNo cgroup with processes in it has a memory limit.\n"),
        None => {}
    }
}

fn put_limit(view: &View<'_>, group: usize, bounds: &Bounds, out: &mut Out<'_>) {
    let place = ScopeRow::new(view, Scope::Group(group), Some(bounds));
    let share = bounds.usage.zip(bounds.limit).and_then(|(usage, limit)| Percent::of(usage, limit));
    let (path, limit, usage, share) = (PATH.of(&place), LIMIT.of(&place), USAGE.of(&place), in_tenths(share));
    words(out, format_args!("\n{path}\n  limit {limit} MiB, {usage} MiB used ({share} %)"));
    if bounds.swap > Bytes(0) {
        words(out, format_args!(", swap up to {} MiB", Mib(bounds.swap)));
    }
    out.put(b"\n");
}

fn put_victims(view: &View<'_>, rules: Rules<'_>, scope: Scope, out: &mut Out<'_>) {
    let mut place = 0;
    view.victims(rules, scope, NEXT, &mut |victim| {
        out.put(if place == 0 { b"  victim: " } else { b"  then:   " });
        put_who(victim.process, out);
        let likely = CandidateRow { view, rules, scope, victim, rank: place };
        words(out, format_args!(", badness {} KiB, adj {}\n", BADNESS.of(&likely), OrDash(victim.adj)));
        if place == 0
            && let Some(group) = view.dies_with(victim.process, scope)
        {
            words(out, format_args!("          and all {} processes of ", view.members(group, rules)));
            name(out, view.groups.path(group));
            out.put(b" (memory.oom.group)\n");
        }
        place += 1;
    });
    if place == 0 {
        out.put(b"  nobody: none of its processes may be killed\n");
    }
}

/// `leaker (PID 31486)`
fn put_who(process: &Process, out: &mut Out<'_>) {
    words(out, format_args!("{} (PID {})", Called(process.comm.as_bytes()), process.pid));
}

fn put_guide(view: &View<'_>, out: &mut Out<'_>) {
    let point = Mib(Bytes(view.scale().0 / 1000));
    out.put(b"\nGUIDE: the highest score goes first. It follows from badness = RSS + swap + page\n");
    words(out, format_args!("tables + adj * (RAM + swap) / 1000: a point of adj counts as {point} MiB here.\n"));
    out.put(match view.zero_line {
        ZeroLine::At666 => {
            b"666 is the zero line since Linux 5.9 (nothing held, adj 0); 1333 is all memory.\n" as &[u8]
        }
        ZeroLine::At0 => b"0 is the zero line before Linux 5.9 (666 since); 1000 is all memory.\n",
    });
    out.put(
        b"adj -1000 is never killed and shows 0; 1000 goes first. To protect a process, as\n\
        root: memdoor protect -p PID --adj -500; a service: OOMScoreAdjust=-500.\n\
        In each cgroup with a limit: --next. With another adj: --what-if PID=ADJ\n",
    );
}
