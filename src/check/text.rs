//! A check for people and for monitoring: the plugin's line first, then 80 columns.

use super::account::{LINES, account};
use super::browsers::Browsers;
use super::view::{By, View};
use super::{Options, Show, json, swap, tree};
use crate::environment::Others;
use crate::error::Absent;
use crate::exit::Verdict;
use crate::host::Host;
use crate::parse::meminfo::Use;
use crate::parse::pressure::Stall;
use crate::processes::Process;
use crate::processes::slow::Reader;
use crate::report::columns::{
    Keep, Mb, OrDash, Tenths, about_mb, in_mb, left, mb, name, number, percent, right, words,
};
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
        Show::Tree => return tree::put(view, options, out),
        Show::Glance => {}
    }
    put_figures(view, options, out);
    for (by, what) in [(By::Rss, "RSS"), (By::Freeable, "FREEABLE MEMORY")] {
        words(out, format_args!("TOP {} BY {what}", options.count));
        out.put(if by == By::Rss { COLUMNS } else { "\n" }.as_bytes());
        view.each_top(by, options.count, &mut |process| {
            put_process(view, options, process, out);
        });
    }
}

fn share(part: Bytes, whole: Bytes) -> OrDash<Tenths> {
    OrDash(Percent::of(part, whole).map(Tenths))
}

/// A number of bytes, or `-`.
fn in_bytes(size: Option<Bytes>) -> OrDash<u64> {
    OrDash(size.map(|size| size.0))
}

/// `MEMORY OK - 4.8% used, ... | used=4.8%;80;90;0;100 ...`
fn put_plugin(view: &View<'_>, options: &Options, verdict: Verdict, out: &mut Out<'_>) {
    let total = view.total();
    let used = share(view.used(), total);
    let available = view.meminfo.available;
    words(out, format_args!("MEMORY {} - {used}% used, ", verdict.word()));
    words(out, format_args!("{} of {} MB available | used={used}%;", in_mb(available), Mb(total)));
    if let Some(warning) = options.warning {
        out.put_dec(warning.percent());
    }
    words(out, format_args!(";{};0;100 ", options.critical.percent()));
    words(out, format_args!("available={}B;;;0;{}", in_bytes(available), total.0));
    if let (Some(used), Some(total)) = (view.meminfo.swap_used(), view.meminfo.swap_total) {
        words(out, format_args!(" swap_used={}B;;;0;{}", used.0, total.0));
    }
    for (who, stall) in ["some", "full"].into_iter().zip(view.stalls()) {
        if let Ok(stall) = stall {
            words(out, format_args!(" psi_{who}_avg10={}%", Percent { hundredths: stall.avg10() }));
        }
    }
    out.put(b"\n");
}

fn put_figures(view: &View<'_>, options: &Options, out: &mut Out<'_>) {
    let (used, total) = (view.used(), view.total());
    let (threshold, at) = (options.critical.of(total), options.critical.percent());
    let gap = Mb(Bytes(used.0.abs_diff(threshold.0)));
    words(out, format_args!("Used:        {} of {} MB; the threshold, {at} %, is ", Mb(used), Mb(total)));
    if used < threshold {
        words(out, format_args!("{gap} MB away\n"));
    } else {
        words(out, format_args!("reached: {gap} MB above\n"));
    }
    put_swap(view, out);
    for (label, stall) in ["Some waited: ", "All waited:  "].into_iter().zip(view.stalls()) {
        out.put(label.as_bytes());
        put_stall(stall, out);
    }
    put_arc(view, out);
    let of = |which| in_mb(view.meminfo.uses.of(which));
    let (cache, slab) = (in_mb(view.page_cache()), of(Use::SlabReclaimable));
    words(out, format_args!("Page cache:  {cache} MB; slab that can be given back: {slab} MB\n"));
    words(out, format_args!("tmpfs, shm:  {} MB; page tables: {} MB\n", of(Use::Shmem), of(Use::PageTables)));
}

/// ZFS's cache, where there is one.
fn put_arc(view: &View<'_>, out: &mut Out<'_>) {
    if let Some(arc) = view.meminfo.arc {
        let (size, reclaimable) = (Mb(arc.size), Mb(arc.reclaimable()));
        words(out, format_args!("ZFS ARC:     {size} MB; {reclaimable} MB of it can shrink, and count as available\n"));
    }
}

fn put_stall(stall: Result<Stall, Absent>, out: &mut Out<'_>) {
    match stall {
        Err(why) => words(out, format_args!("- ({why})\n")),
        Ok(stall) => {
            let [ten, sixty, three_hundred] = stall.average.map(|hundredths| Percent { hundredths });
            let seconds = stall.total / 1_000_000;
            words(out, format_args!("{ten} % of 10 s, {sixty} % of 60 s, {three_hundred} % of 300 s; "));
            words(out, format_args!("{seconds} s since boot\n"));
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
                words(out, format_args!("{} of {} MB ({} %): ", Mb(used), Mb(total), share(used, total)));
            }
            out.put(swap::verdict(total, used).as_bytes());
        }
    }
    if let Some(zram) = view.zram.filter(|zram| zram.stored > Bytes(0)) {
        words(out, format_args!("\nzram:        {} MB, in {} MB of memory", Mb(zram.stored), Mb(zram.used)));
    }
    words(out, format_args!("\nSwappiness:  {}", OrDash(view.swappiness)));
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
    about_mb(out, memory.freeable(), memory.unread(), 12);
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
    let line = json::command_line((host, reader), options, process, &mut buf);
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
        words(out, format_args!("Sockets hold {} MB in all, part of it in slab.\n", Mb(sockets)));
    }
    put_lasting(view, out);
}

/// What of shared memory nobody's end gives back.
fn put_lasting(view: &View<'_>, out: &mut Out<'_>) {
    let Some(lasting) = &view.lasting else { return };
    let (files, segments) = (Mb(lasting.files), Mb(lasting.segments));
    let who = if lasting.segments > lasting.files { "ipcs -m" } else { "df -t tmpfs" };
    words(
        out,
        format_args!("Stays until deleted and closed: {files} MB in tmpfs, {segments} MB in segments ({who})\n"),
    );
}

fn put_line(label: &str, size: Option<Bytes>, source: &str, total: Bytes, out: &mut Out<'_>) {
    left(out, label.as_bytes(), 22, Keep::Start);
    mb(out, size, 11);
    put_share(size, total, out);
    out.put(b"  ");
    out.put(source.as_bytes());
    out.put(b"\n");
}
