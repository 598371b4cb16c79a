//! A check as NDJSON: `memdoor.host.sample`, then a `memdoor.process.sample` for each of the largest by RSS, or by
//! freeable memory.

use super::account::{LINES, account};
use super::browsers::Browsers;
use super::view::{By, View};
use super::{Options, Show};
use crate::exit::Verdict;
use crate::host::Host;
use crate::parse::arcstats::ZfsCache;
use crate::parse::meminfo::Use;
use crate::processes::Process;
use crate::processes::slow::{self, Reader};
use crate::report::Value;
use crate::report::json::Envelope;
use crate::report::json::line::{Line, Samples, bytes};
use crate::sample;
use crate::snapshot::Cmdline;
use crate::sys::clock::Now;
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};

const NUMBERS: [&str; 17] = [
    "system.memory.limit",
    "system.memory.linux.available",
    "memdoor.host.used_bytes",
    "memdoor.host.free_bytes",
    "memdoor.host.swap_total_bytes",
    "memdoor.host.swap_free_bytes",
    "memdoor.host.swappiness",
    "memdoor.host.page_cache_bytes",
    "memdoor.host.slab_reclaimable_bytes",
    "memdoor.host.shmem_bytes",
    "memdoor.host.page_table_bytes",
    "memdoor.host.zram_stored_bytes",
    "memdoor.host.zram_used_bytes",
    "memdoor.host.zram_swap_bytes",
    "memdoor.host.socket_bytes",
    "memdoor.host.arc_bytes",
    "memdoor.host.arc_reclaimable_bytes",
];

/// Of some and full: the averages, then the sum.
const STALLS: [[&str; 4]; 2] = [
    [
        "memdoor.psi.memory.some.avg10",
        "memdoor.psi.memory.some.avg60",
        "memdoor.psi.memory.some.avg300",
        "memdoor.psi.memory.some.total_us",
    ],
    [
        "memdoor.psi.memory.full.avg10",
        "memdoor.psi.memory.full.avg60",
        "memdoor.psi.memory.full.avg300",
        "memdoor.psi.memory.full.total_us",
    ],
];

/// All of it.
pub(super) fn put(view: &View<'_>, options: &Options, verdict: Verdict, envelope: &Envelope, out: &mut Out<'_>) {
    let samples = Samples::at(envelope, &Now::read());
    let browsers = (options.show == Show::Browsers).then(|| Browsers::read(view.host, view.reader.as_ref(), options));
    put_host(view, options, verdict, browsers.as_ref(), &samples, out);
    match browsers {
        Some(browsers) => return browsers.put_json(&samples, out),
        None if options.show == Show::Where => return,
        None => {}
    }
    for by in [By::Rss, By::Freeable] {
        put_top(view, options, by, &samples, out);
    }
}

fn put_host(
    view: &View<'_>,
    options: &Options,
    verdict: Verdict,
    browsers: Option<&Browsers<'_>>,
    samples: &Samples<'_>,
    out: &mut Out<'_>,
) {
    let meminfo = &view.meminfo;
    let of = |which| bytes(meminfo.uses.of(which));
    let values = [
        bytes(meminfo.total),
        bytes(meminfo.available),
        bytes(Some(view.used())),
        bytes(meminfo.free),
        bytes(meminfo.swap_total),
        bytes(meminfo.swap_free),
        bytes(view.swappiness.map(Bytes)),
        bytes(view.page_cache()),
        of(Use::SlabReclaimable),
        of(Use::Shmem),
        of(Use::PageTables),
        bytes(view.zram.map(|zram| zram.stored)),
        bytes(view.zram.map(|zram| zram.used)),
        bytes(view.zram.map(|_| view.zram_swap)),
        bytes(view.sockets),
        bytes(meminfo.arc.map(|arc| arc.size)),
        bytes(meminfo.arc.map(ZfsCache::reclaimable)),
    ];
    let mut line = samples.line("memdoor.host.sample", "memory of the host");
    line.numbers(&NUMBERS, &values);
    if let Some(share) = Percent::of(view.used(), view.total()) {
        line.push("memdoor.check.used_percent", Value::Percent(share));
    }
    let warning = options.warning.map(|warning| warning.percent().into());
    line.numbers(
        &["memdoor.check.warning_percent", "memdoor.check.critical_percent"],
        &[warning, Some(options.critical.percent().into())],
    );
    line.texts(&["memdoor.check.status"], &[status(verdict)]);
    for (keys, stall) in STALLS.iter().zip(view.stalls()) {
        let Ok(stall) = stall else { continue };
        for (key, hundredths) in keys.iter().zip(stall.average) {
            line.push(key, Value::Percent(Percent { hundredths }));
        }
        line.push(keys[3], Value::Count(stall.total));
    }
    if options.show == Show::Where {
        put_where(view, &mut line);
    }
    if let Some(browsers) = browsers {
        browsers.push_all(&mut line);
    }
    line.put(out);
}

/// Where the memory is, and what of it nobody's end gives back.
fn put_where<'a>(view: &'a View<'_>, line: &mut Line<'a>) {
    let (sizes, rest) = account(&view.meminfo, view.beside());
    line.numbers(&LINES.each_ref().map(|line| line.key), &sizes.map(bytes));
    line.numbers(&["memdoor.where.rest_bytes"], &[Some(rest)]);
    if let Some(lasting) = &view.lasting {
        let sizes = [bytes(Some(lasting.files)), bytes(Some(lasting.segments))];
        line.numbers(&["memdoor.lasting.files_bytes", "memdoor.lasting.segments_bytes"], &sizes);
        if let Some(mount) = &lasting.fullest {
            line.texts(&["memdoor.lasting.fullest.path"], &[mount.point.as_bytes()]);
            line.numbers(&["memdoor.lasting.fullest.used_bytes"], &[bytes(Some(mount.used))]);
        }
    }
}

const fn status(verdict: Verdict) -> &'static [u8] {
    match verdict {
        Verdict::Ok => b"ok",
        Verdict::Warning => b"warning",
        Verdict::Critical => b"critical",
        Verdict::Unknown => b"unknown",
    }
}

fn put_top(view: &View<'_>, options: &Options, by: By, samples: &Samples<'_>, out: &mut Out<'_>) {
    let mut rank = 0;
    view.each_top(by, options.count, &mut |process| {
        rank += 1;
        let mut buf = [0; 4096];
        let cmdline = command_line((view.host, view.reader.as_ref()), options, process, &mut buf);
        let mut line = samples.line("memdoor.process.sample", "one of the largest processes");
        sample::process(&mut line, process);
        line.texts(&["process.command_line"], &[cmdline]);
        let key = match by {
            By::Rss => "memdoor.check.rank_by_rss",
            By::Freeable => "memdoor.check.rank_by_freeable",
        };
        line.push(key, Value::Count(rank));
        line.put(out);
    });
}

/// A process's command line where it was asked for, else nothing.
pub(super) fn command_line<'b>(
    (host, reader): (&Host, Option<&Reader>),
    options: &Options,
    process: &Process,
    buf: &'b mut [u8; 4096],
) -> &'b [u8] {
    match options.cmdline {
        Cmdline::Show => slow::arguments(reader, &host.proc, process.pid, buf),
        Cmdline::Hide => b"",
    }
}
