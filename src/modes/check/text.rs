//! A check for people and for monitoring: the plugin's line first, then 80 columns.

use super::account::{LINES, account};
use super::browsers::Browsers;
use super::view::{By, View};
use super::{Options, Show, swap, tree};
use crate::error::Absent;
use crate::exit::Verdict;
use crate::host::Host;
use crate::modes::environment::Others;
use crate::parse::meminfo::Use;
use crate::parse::pressure::Stall;
use crate::processes::Process;
use crate::processes::slow::{self, Reader};
use crate::report::columns::{Keep, fill, left, mb, name, number, percent, right, words};
use crate::snapshot::Cmdline;
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};

/// All of it.
pub(super) fn put(view: &View<'_>, options: &Options, verdict: Verdict, others: Others, out: &mut Out<'_>) {
    const COLUMNS: &str = "\n     PID   RSS MB  %MEM  FREEABLE MB   ADJ COMMAND\n";
    put_plugin(view, options, verdict, out);
    let caveat = others.caveat();
    if !caveat.is_empty() {
        out.put(caveat.as_bytes());
        out.put(b"\n");
    }
    match options.show {
        Show::Where => return put_where(view, out),
        Show::Browsers => return Browsers::read(view.host, view.reader.as_ref(), options).put(out),
        Show::Tree => return tree::put(view, options.count, out),
        Show::Glance => {}
    }
    put_figures(view, options, out);
    let count = u64::try_from(options.count).ok();
    for (by, title) in [(By::Rss, "TOP ~d BY RSS"), (By::Freeable, "TOP ~d BY FREEABLE MEMORY")] {
        fill(out, title, &[count]);
        out.put(if by == By::Rss { COLUMNS } else { "\n" }.as_bytes());
        view.each_top(by, options.count, &mut |process| {
            put_process(view, options, process, out);
        });
    }
}

/// Hundredths of a percent.
fn share(part: Option<Bytes>, whole: Bytes) -> Option<u64> {
    Percent::of(part?, whole).map(|share| share.hundredths)
}

/// `MEMORY OK - 4.8% used, ... | used=4.8%;80;90;0;100 ...`
fn put_plugin(view: &View<'_>, options: &Options, verdict: Verdict, out: &mut Out<'_>) {
    let total = view.total();
    let used = share(Some(view.used()), total);
    let size = |size: Option<Bytes>| size.map(|size| size.0);
    let (available, total) = (size(view.meminfo.available), Some(total.0));
    out.put(b"MEMORY ");
    out.put(verdict.word().as_bytes());
    fill(out, " - ~q% used, ~m of ~m MB available | used=~q%;", &[used, available, total, used]);
    if let Some(warning) = options.warning {
        out.put_dec(warning.percent());
    }
    let critical = Some(options.critical.percent().into());
    fill(out, ";~d;0;100 available=~dB;;;0;~d", &[critical, available, total]);
    if let (Some(used), total @ Some(_)) = (view.meminfo.swap_used(), size(view.meminfo.swap_total)) {
        fill(out, " swap_used=~dB;;;0;~d", &[Some(used.0), total]);
    }
    for (words, stall) in [" psi_some_avg10=~p%", " psi_full_avg10=~p%"].into_iter().zip(view.stalls()) {
        if let Ok(stall) = stall {
            fill(out, words, &[Some(stall.average[0])]);
        }
    }
    out.put(b"\n");
}

fn put_figures(view: &View<'_>, options: &Options, out: &mut Out<'_>) {
    let (used, total) = (view.used().0, view.total());
    let (threshold, at) = (options.critical.of(total).0, options.critical.percent());
    let words = if used < threshold {
        "Used:        ~m of ~m MB; the threshold, ~d %, is ~m MB away\n"
    } else {
        "Used:        ~m of ~m MB; the threshold, ~d %, is reached: ~m MB above\n"
    };
    let gap = used.abs_diff(threshold);
    fill(out, words, &[used, total.0, at.into(), gap].map(Some));
    put_swap(view, out);
    for (words, stall) in ["Some waited: ", "All waited:  "].into_iter().zip(view.stalls()) {
        out.put(words.as_bytes());
        put_stall(stall, out);
    }
    let of = |which| view.meminfo.uses.of(which).map(|size| size.0);
    put_arc(view, out);
    fill(
        out,
        "Page cache:  ~m MB; slab that can be given back: ~m MB\ntmpfs, shm:  ~m MB; page tables: ~m MB\n",
        &[view.page_cache().map(|size| size.0), of(Use::SlabReclaimable), of(Use::Shmem), of(Use::PageTables)],
    );
}

/// ZFS's cache, where there is one.
fn put_arc(view: &View<'_>, out: &mut Out<'_>) {
    if let Some(arc) = view.meminfo.arc {
        let numbers = [arc.size.0, arc.reclaimable().0].map(Some);
        fill(out, "ZFS ARC:     ~m MB; ~m MB of it can shrink, and count as available\n", &numbers);
    }
}

fn put_stall(stall: Result<Stall, Absent>, out: &mut Out<'_>) {
    match stall {
        Err(why) => words(out, format_args!("- ({why})\n")),
        Ok(stall) => {
            let [ten, sixty, three_hundred] = stall.average;
            let seconds = stall.total / 1_000_000;
            let numbers = [ten, sixty, three_hundred, seconds].map(Some);
            fill(out, "~p % of 10 s, ~p % of 60 s, ~p % of 300 s; ~d s since boot\n", &numbers);
        }
    }
}

fn put_swap(view: &View<'_>, out: &mut Out<'_>) {
    out.put(b"Swap:        ");
    let total = view.meminfo.swap_total.unwrap_or_default();
    match view.meminfo.swap_used() {
        None => out.put(b"- (/proc/meminfo has no SwapTotal or no SwapFree)"),
        Some(used) => {
            if total > Bytes(0) {
                let numbers = [Some(used.0), Some(total.0), share(Some(used), total)];
                fill(out, "~m of ~m MB (~q %): ", &numbers);
            }
            out.put(swap::verdict(total, used).as_bytes());
        }
    }
    if let Some(zram) = view.zram.filter(|zram| zram.stored > Bytes(0)) {
        let numbers = [zram.stored.0, zram.used.0].map(Some);
        fill(out, "\nzram:        ~m MB, in ~m MB of memory", &numbers);
    }
    fill(out, "\nSwappiness:  ~d", &[view.swappiness]);
    let advice = |swappiness| swap::advice(swappiness, total, view.zram_swap);
    if let Some(advice) = view.swappiness.and_then(advice) {
        out.put(b": ");
        out.put(advice.as_bytes());
    }
    out.put(b"\n");
}

fn put_process(view: &View<'_>, options: &Options, process: &Process, out: &mut Out<'_>) {
    let memory = &process.memory;
    number(out, Some(process.pid.get().into()), 7);
    mb(out, memory.rss, 8);
    put_share(memory.rss, view.total(), out);
    mb(out, memory.freeable(), 12);
    number(out, process.oom_score_adj, 5);
    out.put(b" ");
    put_command((view.host, view.reader.as_ref()), options, process, out);
}

/// A process's name or command line, as asked for, and the end of the line.
pub(super) fn put_command(
    (host, reader): (&Host, Option<&Reader>),
    options: &Options,
    process: &Process,
    out: &mut Out<'_>,
) {
    let mut buf = [0; 4096];
    let line = match options.cmdline {
        Cmdline::Show => slow::arguments(reader, &host.proc, process.pid, &mut buf),
        Cmdline::Hide => &b""[..],
    };
    if line.is_empty() {
        name(out, process.comm.as_bytes());
    }
    for word in line.split_inclusive(|byte| *byte == 0) {
        match word.strip_suffix(b"\0") {
            Some(word) => {
                name(out, word);
                out.put(b" ");
            }
            None => name(out, word),
        }
    }
    if line.len() == 4096 {
        out.put(b" [cut]");
    }
    out.put(b"\n");
}

/// A percentage in a column.
fn put_share(part: Option<Bytes>, whole: Bytes, out: &mut Out<'_>) {
    let share = part.and_then(|part| Percent::of(part, whole)).map(percent);
    right(out, share.as_ref().map_or(b"-", |share| share.as_bytes()), 5);
}

fn put_where(view: &View<'_>, out: &mut Out<'_>) {
    let total = view.total();
    let (sizes, rest) = account(&view.meminfo, view.beside());
    let rest_size = Some(Bytes(rest.unsigned_abs()));
    out.put(b"WHERE THE MEMORY IS             MB     %  FROM\n");
    for (line, size) in LINES.iter().zip(sizes) {
        // Few hosts have ZFS, and those that have none need no line about it.
        if !(line.is_arc() && size.is_none()) {
            put_line(line.label, size, line.source, total, out);
        }
    }
    if rest < 0 {
        put_line("counted too much", rest_size, "to be taken off: more than MemTotal", total, out);
    } else {
        put_line("unexplained rest", rest_size, "MemTotal - all of these", total, out);
    }
    put_line("in all", Some(total), "MemTotal", total, out);
    put_arc(view, out);
    if let Some(sockets) = view.sockets.filter(|size| size.0 > 0) {
        fill(out, "Sockets hold ~m MB in all, part of it in slab.\n", &[Some(sockets.0)]);
    }
    put_lasting(view, out);
}

/// What of shared memory nobody's end gives back.
fn put_lasting(view: &View<'_>, out: &mut Out<'_>) {
    let Some(lasting) = &view.lasting else { return };
    let words = if lasting.segments > lasting.files {
        "Stays until it is deleted: ~m MB in tmpfs, ~m MB in segments (ipcs -m)\n"
    } else {
        "Stays until it is deleted: ~m MB in tmpfs, ~m MB in segments (df -t tmpfs)\n"
    };
    fill(out, words, &[lasting.files.0, lasting.segments.0].map(Some));
}

fn put_line(label: &str, size: Option<Bytes>, source: &str, total: Bytes, out: &mut Out<'_>) {
    left(out, label.as_bytes(), 22, Keep::Start);
    mb(out, size, 11);
    put_share(size, total, out);
    out.put(b"  ");
    out.put(source.as_bytes());
    out.put(b"\n");
}
