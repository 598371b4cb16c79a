//! Scores for people, in 80 columns.

use super::rank::Rules;
use super::view::{Scope, Victim, View, ZeroLine, is_set};
use super::{NEXT, Options, Show};
use crate::badness;
use crate::parse::memcg::{Bounds, Victims};
use crate::processes::{self, Process, descending};
use crate::report::columns::{Keep, left, mb, name, number, percent, tenths, words};
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};

/// All of it.
pub(super) fn put(view: &View<'_>, options: &Options<'_>, out: &mut Out<'_>) {
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
            words(out, format_args!(" had oom_score_adj {adj}"));
            if let Some(now) = process.oom_score_adj {
                words(out, format_args!(" instead of {now}"));
            }
        }
        out.put(b"\n");
    }
    out.put(b"\n");
}

const COLUMNS: &[u8] = b"     PID COMM            SCORE   ADJ   RSS MB  SWAP MB TABLES CGROUP\n";

fn put_ranking(view: &View<'_>, most: usize, rules: Rules<'_>, out: &mut Out<'_>) {
    out.put(b"MOST LIKELY OOM VICTIMS, the first one first\n");
    out.put(COLUMNS);
    view.victims(rules, Scope::System, most, &mut |victim| {
        let is_assumed = victim.adj != victim.process.oom_score_adj;
        let score = match view.zero_line {
            _ if !is_assumed => victim.score,
            ZeroLine::At666 => Some(badness::score(victim.badness, view.scale_pages())),
            ZeroLine::At0 => None,
        };
        put_row(view, victim.process, score, victim.adj, out);
    });
}

fn put_protected(view: &View<'_>, most: usize, rules: Rules<'_>, out: &mut Out<'_>) {
    let rows = view.table.rows();
    let key = |at: usize| {
        let row = rows.get(at)?;
        let adj = rules.adj(row).filter(|adj| *adj < 0)?;
        Some((-adj, row.memory.rss.unwrap_or_default().0))
    };
    let count = (0..rows.len()).filter(|at| key(*at).is_some()).count();
    words(
        out,
        format_args!("\nPROTECTED (oom_score_adj below 0): {count}\n"),
    );
    if count > 0 {
        out.put(COLUMNS);
    }
    for (place, at) in descending(rows.len(), &key).enumerate() {
        if place == most {
            break;
        }
        if let Some(row) = rows.get(at) {
            let score = processes::number(&view.host.proc, row.pid, c"oom_score");
            put_row(view, row, score, rules.adj(row), out);
        }
    }
    if count > most {
        words(out, format_args!("... and {} more: -n\n", count - most));
    }
}

fn put_row(
    view: &View<'_>,
    process: &Process,
    score: Option<i64>,
    adj: Option<i64>,
    out: &mut Out<'_>,
) {
    let memory = &process.memory;
    number(out, Some(process.pid.get().into()), 7);
    out.put(b" ");
    left(out, process.comm.as_bytes(), 15, Keep::Start);
    number(out, score, 5);
    number(out, adj, 5);
    mb(out, memory.rss, 8);
    mb(out, memory.swap, 8);
    mb(out, memory.page_tables, 6);
    out.put(b" ");
    let mut buf = [0; 4096];
    let cgroup = processes::group_of(&view.host.proc, process.pid, &mut buf);
    let cgroup = cgroup.map_or(&b"-"[..], |(_, path)| path);
    left(out, cgroup, 18.min(cgroup.len()), Keep::End);
    out.put(b"\n");
}

fn put_next(view: &View<'_>, rules: Rules<'_>, out: &mut Out<'_>) {
    out.put(b"WHO WOULD BE KILLED NOW, if memory ran out in\n\nthe whole system\n  RAM ");
    out.put(tenths(view.meminfo.total.unwrap_or_default()).as_bytes());
    out.put(b" MB, swap ");
    out.put(tenths(view.meminfo.swap_total.unwrap_or_default()).as_bytes());
    out.put(b" MB\n");
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
    if !is_any {
        out.put(b"\nNo cgroup with processes in it has a memory limit.\n");
    }
}

fn put_limit(view: &View<'_>, group: usize, bounds: &Bounds, out: &mut Out<'_>) {
    let limit = bounds.limit.unwrap_or_default();
    out.put(b"\n");
    name(out, view.groups.path(group));
    out.put(b"\n  limit ");
    out.put(tenths(limit).as_bytes());
    out.put(b" MB, ");
    match bounds.usage {
        Some(usage) => {
            out.put(tenths(usage).as_bytes());
            out.put(b" MB used");
        }
        None => out.put(b"usage not known"),
    }
    if let Some(share) = bounds.usage.and_then(|usage| Percent::of(usage, limit)) {
        out.put(b" (");
        out.put(percent(share).as_bytes());
        out.put(b" %)");
    }
    if bounds.swap > Bytes(0) {
        out.put(b", swap up to ");
        out.put(tenths(bounds.swap).as_bytes());
        out.put(b" MB");
    }
    out.put(b"\n");
}

fn put_victims(view: &View<'_>, rules: Rules<'_>, scope: Scope, out: &mut Out<'_>) {
    let mut place = 0;
    view.victims(rules, scope, NEXT, &mut |victim| {
        out.put(if place == 0 {
            b"  victim: "
        } else {
            b"  then:   "
        });
        put_victim(rules, victim, out);
        if place == 0
            && let Some(group) = view.dies_with(victim.process, scope)
        {
            let count = view.members(group, rules);
            words(out, format_args!("          and all {count} processes of "));
            name(out, view.groups.path(group));
            out.put(b" (memory.oom.group)\n");
        }
        place += 1;
    });
    if place == 0 {
        out.put(b"  nobody: none of its processes may be killed\n");
    }
}

fn put_victim(rules: Rules<'_>, victim: &Victim<'_>, out: &mut Out<'_>) {
    put_who(victim.process, out);
    let kib = rules.kib(victim.badness);
    words(out, format_args!(", badness {kib} kB"));
    if let Some(adj) = victim.adj {
        words(out, format_args!(", adj {adj}"));
    }
    out.put(b"\n");
}

/// `leaker (PID 31486)`
fn put_who(process: &Process, out: &mut Out<'_>) {
    name(out, process.comm.as_bytes());
    words(out, format_args!(" (PID {})", process.pid));
}

fn put_guide(view: &View<'_>, out: &mut Out<'_>) {
    out.put(b"\nGUIDE: the highest score goes first. It follows from badness = RSS + swap + page\ntables + adj * (RAM + swap) / 1000: a point of adj counts as ");
    out.put(tenths(Bytes(view.scale().0 / 1000)).as_bytes());
    out.put(match view.zero_line {
        ZeroLine::At666 => b" MB here.\n666 is the zero line since Linux 5.9 (nothing held, adj 0); 1333 is all memory.\n" as &[u8],
        ZeroLine::At0 => b" MB here.\n0 is the zero line before Linux 5.9 (666 since); 1000 is all memory.\n",
    });
    out.put(b"adj -1000 is never killed and shows 0; 1000 goes first. To protect a process, as\nroot: echo -500 >/proc/PID/oom_score_adj; a service: OOMScoreAdjust=-500.\nIn each cgroup with a limit: --next. With another adj: --what-if PID=ADJ\n");
}
