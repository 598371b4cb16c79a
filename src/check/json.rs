//! A check as NDJSON: `memdoor.host.sample`, then a `memdoor.process.sample` for each of the largest by RSS, or by
//! freeable memory.

use super::Show;
use super::account::{LINES, account};
use super::browsers::{Browsers, FAMILY};
use super::figures::{FULL, HOST, LASTING, SOME};
use super::view::{SortKey, View};
use crate::report::Value;
use crate::report::columns::COMMAND_MAX;
use crate::report::json::Envelope;
use crate::report::json::line::Samples;
use crate::sample::SAMPLE;
use crate::sys::clock::Now;
use crate::sys::out::Out;

/// All of it, and what browsers hold if that was asked for.
pub(super) fn put(view: &View<'_>, browsers: Option<&Browsers<'_>>, envelope: &Envelope, out: &mut Out<'_>) {
    let samples = Samples::at(envelope, &Now::read());
    put_host(view, browsers, &samples, out);
    match browsers {
        Some(browsers) => return browsers.put_json(&samples, out),
        None if view.options.show == Show::Where => return,
        None => {}
    }
    for (by, rank) in
        [(SortKey::Rss, "memdoor.check.rank_by_rss"), (SortKey::Freeable, "memdoor.check.rank_by_freeable")]
    {
        let mut ranks = 1..;
        view.each_top(by, &mut |process| {
            let mut buf = [0; COMMAND_MAX];
            let seen = view.seen(process, &mut buf);
            let mut line = samples.line("memdoor.process.sample", "one of the largest processes");
            line.row(SAMPLE, &seen);
            line.push(rank, Value::or_nothing(ranks.next(), Value::Count));
            line.put(out);
        });
    }
}

fn put_host(view: &View<'_>, browsers: Option<&Browsers<'_>>, samples: &Samples<'_>, out: &mut Out<'_>) {
    let (all, stalls) = (browsers.map(Browsers::all), view.stalls());
    let mut line = samples.line("memdoor.host.sample", "memory of the host");
    line.row(HOST, view);
    for (figures, stall) in [SOME, FULL].into_iter().zip(&stalls) {
        if let Ok(stall) = stall {
            line.row(figures, stall);
        }
    }
    if view.options.show == Show::Where {
        let (sizes, rest) = account(&view.meminfo, view.beside());
        for (of, size) in LINES.iter().zip(sizes) {
            line.push(of.key, Value::or_nothing(size, Value::Bytes));
        }
        line.push("memdoor.where.rest_bytes", Value::Int(rest));
        if let Some(lasting) = &view.lasting {
            line.row(LASTING, lasting);
            if let Err(why) = lasting.segments {
                line.push("memory in System V segments", Value::Absent(why));
            }
        }
    }
    if let Some(all) = &all {
        line.row(FAMILY, all);
    }
    line.put(out);
}
