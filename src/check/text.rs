//! A check for people and for monitoring: the plugin's line first, then 80 columns.

use super::account::{LINES, account};
use super::browsers::Browsers;
use super::figures::*;
use super::view::{SortKey, View};
use super::{Show, swap, tree};
use crate::environment::Others;
use crate::report::Value;
use crate::report::columns::{COMMAND_MAX, CommandLine, Mib, words};
use crate::report::field::Get::{self, Command, Tenths, Text};
use crate::report::table::{Rows, Table, in_text};
use crate::sample::{ADJ, FREEABLE, PID, RSS, Seen};
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};

/// The columns of the largest processes.
static PROCESSES: Table<Seen<'static>> = Table::of_text(&[
    PID.column("PID", 8),
    RSS.column("RSS MiB", 8),
    in_text("%MEM", 5, Tenths(|one| Percent::of(one.process.memory.rss?, one.total))),
    FREEABLE.column("FREEABLE MiB", 12),
    ADJ.column("ADJ", 5),
    in_text("COMMAND", 40, Command(|one| one.command())),
]);

/// All of it, and what browsers hold if that was asked for.
pub(super) fn put(view: &View<'_>, browsers: Option<&Browsers<'_>>, others: Others, out: &mut Out<'_>) {
    put_plugin(view, out);
    let caveat = others.caveat();
    if !caveat.is_empty() {
        out.put(caveat.as_bytes());
        out.put(b"\n");
    }
    match (view.options.show, browsers) {
        (_, Some(browsers)) => return browsers.put(out),
        (Show::Where, _) => return put_where(view, out),
        (Show::Tree, _) => return tree::put(view, out),
        (Show::Glance | Show::Browsers, _) => {}
    }
    put_figures(view, out);
    for (by, what) in [(SortKey::Rss, "RSS"), (SortKey::Freeable, "FREEABLE MEMORY")] {
        words(out, format_args!("TOP {} BY {what}\n", view.options.count));
        if by == SortKey::Rss {
            PROCESSES.put_labels(out);
        }
        view.each_top(by, &mut |process| PROCESSES.put(&view.seen(process, &mut [0; COMMAND_MAX]), out));
    }
}

/// `MEMORY OK - 4.8% used, ... | used=4.8%;80;90;0;100 ...`
fn put_plugin(view: &View<'_>, out: &mut Out<'_>) {
    let (used, critical, word) = (USED_PERCENT.of(view), CRITICAL.of(view), view.verdict().word());
    let (available, total) = (AVAILABLE.of(view), TOTAL.of(view));
    words(out, format_args!("MEMORY {word} - {used}% used, {available} of {total} MiB available | used={used}%;"));
    if let Value::Count(warning) = WARNING.of(view) {
        out.put_dec(warning);
    }
    words(out, format_args!(";{critical};0;100 available="));
    for piece in [available.in_base_units().as_bytes(), b"B;;;0;", total.in_base_units().as_bytes()] {
        out.put(piece);
    }
    if let (Some(used), Some(total)) = (view.meminfo.swap_used(), view.meminfo.swap_total) {
        words(out, format_args!(" swap_used={}B;;;0;{}", used.0, total.0));
    }
    for (who, stall) in ["some", "full"].into_iter().zip(view.stalls()) {
        if let Ok(stall) = stall {
            words(out, format_args!(" psi_{who}_avg10={}%", SOME_10.of(&stall)));
        }
    }
    out.put(b"\n");
}

fn put_figures(view: &View<'_>, out: &mut Out<'_>) {
    let (used, critical) = (view.used(), view.options.critical);
    let threshold = critical.of(view.total());
    let (gap, at) = (Mib(Bytes(used.0.abs_diff(threshold.0))), CRITICAL.of(view));
    let side = if used < threshold { "below" } else { "above" };
    words(out, format_args!("Used:        {} of {} MiB; ", USED.of(view), TOTAL.of(view)));
    words(out, format_args!("{gap} MiB {side} the threshold of {at} %\n"));
    put_swap(view, out);
    for (label, stall) in ["Some waited: ", "All waited:  "].into_iter().zip(view.stalls()) {
        out.put(label.as_bytes());
        match &stall {
            Err(why) => words(out, format_args!("- ({why})\n")),
            Ok(stall) => {
                let [ten, sixty, more, seconds] = [SOME_10, SOME_60, SOME_300, SOME_TOTAL].map(|of| of.of(stall));
                words(out, format_args!("{ten} % of 10 s, {sixty} % of 60 s, {more} % of 300 s; "));
                words(out, format_args!("{seconds} s since boot\n"));
            }
        }
    }
    if view.meminfo.on_lists.is_some() {
        words(out, format_args!("CPUs' lists: {} MiB are free there, and count as available\n", ON_LISTS.of(view)));
    }
    put_arc(view, out);
    let (cache, slab, tables) = (PAGE_CACHE.of(view), SLAB.of(view), PAGE_TABLES.of(view));
    words(out, format_args!("Page cache:  {cache} MiB; slab that can be given back: {slab} MiB\n"));
    words(out, format_args!("tmpfs, shm:  {} MiB; page tables: {tables} MiB\n", SHMEM.of(view)));
}

/// ZFS's cache, where there is one.
fn put_arc(view: &View<'_>, out: &mut Out<'_>) {
    if view.meminfo.arc.is_some() {
        let (size, reclaimable) = (ARC.of(view), ARC_RECLAIMABLE.of(view));
        words(
            out,
            format_args!("ZFS ARC:     {size} MiB; {reclaimable} MiB of it can shrink, and count as available\n"),
        );
    }
}

fn put_swap(view: &View<'_>, out: &mut Out<'_>) {
    out.put(b"Swap:        ");
    let total = view.meminfo.swap_total.unwrap_or_default();
    match view.meminfo.swap_used() {
        None if view.meminfo.is_swap_untrue => out.put(b"- (/proc/meminfo's SwapFree is above SwapTotal)"),
        None => out.put(b"- (/proc/meminfo has no SwapTotal or no SwapFree)"),
        Some(used) => {
            if total > Bytes(0) {
                let share = Value::or_nothing(Percent::of(used, total), Value::Tenths);
                words(out, format_args!("{} of {} MiB ({share} %): ", Mib(used), Mib(total)));
            }
            out.put(swap::verdict(total, used).as_bytes());
        }
    }
    if view.zram.is_some_and(|zram| zram.stored > Bytes(0)) {
        let (stored, used) = (ZRAM_STORED.of(view), ZRAM_USED.of(view));
        words(out, format_args!("\nzram:        {stored} MiB, in {used} MiB of memory"));
    }
    words(out, format_args!("\nSwappiness:  {}", SWAPPINESS.of(view)));
    let advice = |swappiness| swap::advice(swappiness, total, view.zram_swap);
    if let Some(advice) = view.swappiness.and_then(advice) {
        out.put(b": ");
        out.put(advice.as_bytes());
    }
    out.put(b"\n");
}

/// A line of where the memory is.
struct Part {
    label: &'static str,
    size: Option<Bytes>,
    source: &'static str,
    total: Bytes,
}

impl Rows for Part {
    type Row<'r> = Self;
}

static PARTS: Table<Part> = Table::of_text(&[
    in_text("WHERE THE MEMORY IS", 22, Text(|part| part.label.as_bytes())),
    in_text("MiB", 11, Get::Mib(|part| part.size)),
    in_text("%", 5, Tenths(|part| Percent::of(part.size?, part.total))),
    in_text(" FROM", 40, Command(|part| CommandLine { before: b" ", words: part.source.as_bytes() })),
]);

fn put_where(view: &View<'_>, out: &mut Out<'_>) {
    let total = view.total();
    let (sizes, rest) = account(&view.meminfo, view.beside());
    let rest_size = Some(Bytes(rest.unsigned_abs()));
    PARTS.put_labels(out);
    let mut put = |label, size, source| PARTS.put(&Part { label, size, source, total }, out);
    for (line, size) in LINES.iter().zip(sizes) {
        if !(line.may_be_left_out() && size.is_none()) {
            put(line.label, size, line.source);
        }
    }
    if rest < 0 {
        put("counted too much", rest_size, "to be taken off: more than MemTotal");
    } else {
        put("unexplained rest", rest_size, "MemTotal - all of these");
    }
    put("in all", Some(total), "MemTotal");
    put_arc(view, out);
    if view.sockets.is_some_and(|size| size.0 > 0) {
        words(out, format_args!("Sockets hold {} MiB in all, part of it in slab.\n", SOCKETS.of(view)));
    }
    put_lasting(view, out);
}

/// What of shared memory nobody's end gives back.
fn put_lasting(view: &View<'_>, out: &mut Out<'_>) {
    let Some(lasting) = &view.lasting else { return };
    let (files, segments) = (FILES.of(lasting), SEGMENTS.of(lasting));
    words(out, format_args!("Stays until deleted and closed: {files} MiB in tmpfs, "));
    // The reason has a line of its own: no line is longer than 80.
    match lasting.segments {
        Ok(size) => {
            let who = if size > lasting.files { "ipcs -m" } else { "df -t tmpfs" };
            words(out, format_args!("{segments} MiB in segments ({who})\n"));
        }
        Err(why) => words(out, format_args!("- in segments\n({why})\n")),
    }
}
