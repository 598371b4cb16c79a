//! A line for each sample, where there is neither a screen nor a file.

use core::fmt::Write;

use super::change;
use crate::monitor::Sampler;
use crate::monitor::alerts::Alert;
use crate::monitor::process_table::{Row, SortKey};
use crate::parse::pressure::Stall;
use crate::report::columns::{Mib, OrDash, in_mib, words};
use crate::report::time::ctime;
use crate::sys::out::Out;
use crate::units::{Bytes, Percent};

impl Sampler<'_> {
    /// `20:10:05 used 1210.3 of 24105.6 MB (5.02 %), ...`, and a line for each alert.
    pub(super) fn line(&self, new: &[Alert], out: &mut Out<'_>) {
        let sample = &self.sample;
        let share = |stall: Option<Stall>| OrDash(stall.map(|stall| Percent { hundredths: stall.avg10() }));
        let (used, total) = (in_mib(sample.meminfo.used()), in_mib(sample.meminfo.total));
        let (part, swap) = (OrDash(sample.used_percent()), in_mib(sample.meminfo.swap_used()));
        let (some, full) = (share(sample.pressure.some), share(sample.pressure.full));
        out.put(ctime(sample.now.local).as_bytes());
        words(out, format_args!(": used {used} of {total} MiB, {part} %; swap {swap} MiB; "));
        words(out, format_args!("PSI some {some} full {full} %; largest "));
        if let Some(row) = self.largest() {
            name(row, out);
            words(out, format_args!(" {} MiB", Mib(row.rss)));
        }
        self.processes.each_top(SortKey::Growth, 1, &mut |row| {
            let growth = self.processes.growth(row).filter(|growth| growth.per_second > 0);
            if let Some(growth) = growth {
                let rate = growth.per_second.unsigned_abs().saturating_mul(60);
                out.put(b"; fastest ");
                name(row, out);
                words(out, format_args!(" {} MiB a minute", Mib(Bytes(rate))));
            }
        });
        out.put(b"\n");
        for alert in new {
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
