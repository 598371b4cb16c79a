//! Why this victim: the kernel's own ranking, worked out again from the table.
use core::fmt::{Display, Formatter, Write};

use super::{Finding, Mb, Who, in_mib, plural, size};
use crate::oomlog::event::{Event, Outcome, Ranked, Victim};
use crate::report::escape::Escaped;
use crate::units::Bytes;

/// Why the kernel chose whom it chose, and who would have been next.
#[must_use]
pub fn victim(event: &Event) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(victim) = &event.victim else {
        return findings;
    };
    match &event.selected {
        Some(selected) => {
            let words = format_args!(
                "{} was selected; {} was killed in its place, a child with memory of its own or another thread",
                Who::task(selected),
                Who::task(&victim.task)
            );
            Finding::add(&mut findings, &words, event.lines.selected.or(event.lines.summary));
            ranking(event, selected.pid, &mut findings);
        }
        None => ranking(event, victim.task.pid, &mut findings),
    }
    if let Some(process) = victim.process {
        let words = format_args!("it is a thread of process {process}, whose first thread has exited");
        Finding::add(&mut findings, &words, event.lines.end);
    }
    if let (Some(adj @ ..0), None, false) = (victim.adj, &event.selected, event.is_of_allocating) {
        let words = format_args!(
            "it was killed although its oom_score_adj is {adj}: nothing that could be killed weighed more"
        );
        Finding::add(&mut findings, &words, event.lines.end);
    }
    if let Some(memcg) = &event.group_memcg {
        let others = event.group_count;
        let words = format_args!(
            "memory.oom.group of {}: {others} {} killed with it",
            Escaped(memcg),
            plural(others, "other was", "others were")
        );
        Finding::add(&mut findings, &words, None);
    }
    findings
}

/// What was freed: the resident memory of the victim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freed {
    /// The sum of the parts that the log has.
    pub bytes: Bytes,
    /// Whether these are all that the kernel printed; else it is at least that.
    pub is_whole: bool,
}

impl Display for Freed {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.is_whole { "" } else { "at least " })?;
        Mb(self.bytes).fmt(f)
    }
}

/// What was freed, as far as the kill line says it.
#[must_use]
pub fn freed(victim: &Victim) -> Option<Freed> {
    let parts = [victim.anon_rss, victim.file_rss, victim.shmem_rss];
    let bytes = parts.into_iter().flatten().reduce(Bytes::plus)?;
    Some(Freed { bytes, is_whole: !victim.lacks_rss })
}

fn ranking(event: &Event, pid: u64, findings: &mut Vec<Finding>) {
    let worst = &event.table.worst;
    let line = event.lines.table;
    let Some(first) = worst.first() else {
        let has_scores = event.table.top.iter().any(|row| row.adj.is_some());
        if has_scores {
            let words = "not worked out again: the log does not say what oom_score_adj is measured against";
            Finding::add(findings, &words, line);
        }
        return;
    };
    let place = worst.iter().position(|ranked| ranked.row.pid == pid);
    if place.is_none() && is_row_lost(event, pid) {
        let victim = event.victim.as_ref().filter(|victim| victim.task.pid == pid);
        let own = victim.and_then(freed).map(|rss| format!(" (the kill line says RSS {rss})"));
        let words = format_args!(
            "its row is missing from the table{}; the worst of those that are there is {}: {}",
            own.unwrap_or_default(),
            Who::row(&first.row),
            badness(event, first)
        );
        return Finding::add(findings, &words, line);
    }
    let words = match place {
        Some(0) => format_args!("it has the highest badness: {}", badness(event, first)),
        Some(at) => format_args!(
            "its badness is number {} of the table: {}; ahead of it {}: {}",
            at + 1,
            badness(event, &worst[at]),
            Who::row(&first.row),
            badness(event, first)
        ),
        None => format_args!(
            "it is not among the worst of the table; the worst is {}: {}",
            Who::row(&first.row),
            badness(event, first)
        ),
    };
    Finding::add(findings, &words, line);
    if place != Some(0) {
        let words = if event.is_of_allocating {
            "it is the one that asked for memory: vm.oom_kill_allocating_task kills that one"
        } else {
            "the log does not say why the worse were spared: they may have been exiting, or not eligible here"
        };
        return Finding::add(findings, &words, None);
    }
    let is_adjusted = worst.iter().take(2).any(|ranked| ranked.row.adj != Some(0));
    if is_adjusted && event.scale.is_some_and(|scale| !scale.is_exact) {
        let words = "oom_score_adj weighs more than that where the host has swap, which the log does not say";
        Finding::add(findings, &words, event.lines.usage);
    }
    if let Some(second) = worst.get(1) {
        let words = format_args!("next would be {}: {}", Who::row(&second.row), badness(event, second));
        Finding::add(findings, &words, line);
    }
}

/// Whether the table had a row of it that the log lost: by what the kill line says it would be among the worst, or all are there and it is
/// not one of them.
fn is_row_lost(event: &Event, pid: u64) -> bool {
    let worst = &event.table.worst;
    let Some(last) = worst.last().filter(|_| worst.len() >= Event::TOP) else {
        return true;
    };
    let own = || {
        let victim = event.victim.as_ref().filter(|victim| victim.task.pid == pid)?;
        let pages = i64::try_from(freed(victim)?.bytes.0.checked_div(event.page_size?.0)?).ok()?;
        let added = match victim.adj? {
            0 => 0,
            adj => adj.checked_mul(i64::try_from(event.scale?.pages / 1000).ok()?)?,
        };
        pages.checked_add(added)
    };
    own().is_some_and(|own| own > last.badness)
}

/// `512.0 MB (RSS 500.1 MB, swap 11.9 MB, oom_score_adj 300 adds 75.0 MB)`
fn badness(event: &Event, ranked: &Ranked) -> String {
    let row = &ranked.row;
    let own = row.rss.saturating_add(row.swap.unwrap_or(0));
    let mut words = signed(event, ranked.badness);
    words.push_str(" (RSS ");
    words.push_str(&in_mib(event, row.rss));
    if let Some(swap) = row.swap.filter(|swap| *swap > 0) {
        let _ = write!(words, ", swap {}", in_mib(event, swap));
    }
    let adj = row.adj.unwrap_or(0);
    let added = event.scale.map(|scale| adj.saturating_mul(i64::try_from(scale.pages / 1000).unwrap_or(i64::MAX)));
    if adj != 0 {
        let _ = write!(words, ", oom_score_adj {adj}");
        if let Some(added) = added {
            let verb = if adj < 0 { "takes off" } else { "adds" };
            let _ = write!(words, " {verb} {}", in_mib(event, added.unsigned_abs()));
        }
    }
    let tables = ranked.badness.saturating_sub(added.unwrap_or(0)).saturating_sub_unsigned(own);
    if let Ok(tables @ 1..) = u64::try_from(tables)
        && size(event, tables).is_none_or(|bytes| bytes.0 > 1 << 20)
    {
        let _ = write!(words, ", page tables {}", in_mib(event, tables));
    }
    if row.swap.is_none() {
        words.push_str("; swap is not in this kernel's table");
    }
    words.push(')');
    words
}

/// Below nothing it is nothing: to Linux 5.8 a task that may be killed weighed one at least.
fn signed(event: &Event, pages: i64) -> String {
    in_mib(event, u64::try_from(pages).unwrap_or(0))
}

/// Whether its death ends somebody's session: the desktop's own processes, and those that a login hangs on. Names are cut at 15 bytes.
#[must_use]
pub fn is_session(comm: &[u8]) -> bool {
    const WHOLE: [&[u8]; 20] = [
        b"gnome-shell",
        b"nautilus",
        b"systemd",
        b"(sd-pam)",
        b"dbus-daemon",
        b"dbus-broker",
        b"Xorg",
        b"Xwayland",
        b"X",
        b"plasmashell",
        b"kwin_x11",
        b"kwin_wayland",
        b"ksmserver",
        b"startplasma-way",
        b"xfce4-session",
        b"cinnamon",
        b"sway",
        b"Hyprland",
        b"lxsession",
        b"lightdm",
    ];
    const STARTS: [&[u8]; 5] = [b"gnome-session", b"gdm-", b"sddm", b"mate-session", b"cinnamon-sess"];
    WHOLE.contains(&comm) || STARTS.iter().any(|start| comm.starts_with(start))
}

/// Those of an event whose death ended a session.
pub(super) fn session_victims(event: &Event) -> impl Iterator<Item = &[u8]> {
    let killed = event.outcome == Outcome::Killed;
    let first = event.victim.iter().map(|victim| &victim.task);
    let all = first.chain(&event.group).filter(move |_| killed);
    all.filter_map(|task| task.comm.as_deref()).filter(|comm| is_session(comm))
}

/// `384.8 MB`, or nothing known.
pub(super) fn freed_words(event: &Event) -> Option<String> {
    event.victim.as_ref().and_then(freed).map(|freed| format!("{freed}"))
}
