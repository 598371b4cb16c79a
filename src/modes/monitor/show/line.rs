//! A line for each sample, where there is neither a screen nor a file.

use core::fmt::Write;

use super::{ALERTS, change};
use crate::modes::monitor::Seen;
use crate::modes::monitor::alerts::Alert;
use crate::modes::monitor::crowd::{By, Row};
use crate::modes::monitor::sheets::size;
use crate::parse::pressure::Stall;
use crate::report::columns::fill;
use crate::report::time::ctime;
use crate::sys::out::Out;

impl Seen<'_> {
    /// `20:10:05 used 1210.3 of 24105.6 MB (5.02 %), ...`, and a line for each alert.
    pub(super) fn line(&self, new: &[Option<Alert>; ALERTS], out: &mut Out<'_>) {
        let sample = &self.sample;
        let share = |stall: Option<Stall>| stall.map(Stall::avg10);
        out.put(ctime(sample.now.local).as_bytes());
        fill(
            out,
            ": used ~m of ~m MB, ~p %; swap ~m MB; PSI some ~p full ~p %; largest ",
            &[
                size(sample.meminfo.used()),
                size(sample.meminfo.total),
                sample.used_percent().map(|share| share.hundredths),
                size(sample.meminfo.swap_used()),
                share(sample.pressure.some),
                share(sample.pressure.full),
            ],
        );
        if let Some(row) = self.largest() {
            name(row, out);
            fill(out, " ~m MB", &[Some(row.rss.0)]);
        }
        self.crowd.each_top(By::Growth, 1, &mut |row| {
            let growth = self.crowd.growth(row).filter(|growth| growth.per_second > 0);
            if let Some(growth) = growth {
                let rate = growth.per_second.unsigned_abs().saturating_mul(60);
                out.put(b"; fastest ");
                name(row, out);
                fill(out, " ~m MB a minute", &[Some(rate)]);
            }
        });
        out.put(b"\n");
        for alert in new.iter().flatten() {
            out.put(b"  ");
            out.put(change(alert));
            out.put(alert.words.as_bytes());
            out.put(b"\n");
        }
    }
}

fn name(row: &Row, out: &mut Out<'_>) {
    // Out remembers an error.
    let _ = write!(out, "{}", row.who());
}
