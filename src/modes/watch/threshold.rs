//! How many bytes the threshold is now, and where a reading of RSS stands against it.

use core::time::Duration;

use super::Armed;
use crate::error::Source;
use crate::exit::Exit;
use crate::modes::{environment, say_hint};
use crate::snapshot::memory;
use crate::sys::out::say;
use crate::trigger::{self, Base, Level};
use crate::units::Bytes;

/// A reading of statm and what an exact walk over the page tables said at the same time.
#[derive(Clone, Copy)]
pub(super) struct Confirmed {
    at: Duration,
    rss: Bytes,
    exact: Bytes,
}

impl Confirmed {
    /// A later reading, off by as much as this one was.
    fn correct(self, rss: Bytes) -> Bytes {
        let more = self.exact.0.saturating_sub(self.rss.0);
        let less = self.rss.0.saturating_sub(self.exact.0);
        Bytes(rss.0.saturating_add(more).saturating_sub(less))
    }
}

impl Armed<'_> {
    /// Where the reading stands. Close to the threshold and on a kernel whose statm is inexact, what an exact walk over the page
    /// tables said last corrects it.
    pub(super) fn level(&mut self, rss: Bytes, now: Duration) -> Level {
        let Some(fires_at) = self.fires_at else {
            return Level::Above;
        };
        let rss = if trigger::is_close(rss, fires_at, self.statm_error) {
            self.confirm(rss, now);
            self.confirmed.map_or(rss, |exact| exact.correct(rss))
        } else {
            rss
        };
        if rss >= fires_at { Level::Above } else { Level::Below }
    }

    /// Walks the page tables, at most once an interval and once a second: it stalls the target.
    fn confirm(&mut self, rss: Bytes, now: Duration) {
        let rest = self.options.interval.max(Duration::from_secs(1));
        if self.confirmed.is_some_and(|last| now < last.at.saturating_add(rest)) {
            return;
        }
        if let Ok(Some(exact)) = memory::rollup(&mut self.target, self.buf, Some(rss)).map(|rollup| rollup.rss) {
            self.confirmed = Some(Confirmed { at: now, rss, exact });
        }
    }

    /// What the threshold is in bytes now: limits are changed and memory is plugged in while memdoor watches.
    pub(super) fn refresh_threshold(&mut self) {
        let Some(threshold) = self.options.threshold else {
            return;
        };
        self.statm_error = self.host.statm_error(|| self.target.stat(|stat| stat.threads));
        let memtotal = self.host.meminfo().ok().and_then(|meminfo| meminfo.total);
        let cgroup = match self.options.base {
            Base::Memtotal => None,
            Base::Cgroup | Base::Auto => self.memcg.limit().ok().flatten(),
        };
        if let Some(whole) = trigger::base(self.options.base, memtotal, cgroup) {
            self.fires_at = Some(threshold.of(whole));
        }
    }

    /// A threshold of nothing never fires: better said now than found out afterwards.
    pub(super) fn check_threshold(&mut self) -> Result<(), Exit> {
        if self.options.threshold.is_none() || self.fires_at.is_some() {
            return Ok(());
        }
        let pid = self.target.pid;
        match self.options.base {
            Base::Memtotal => {
                let lack = Source::proc(c"meminfo").lacks("MemTotal");
                Err(environment::fail_meminfo(self.host.meminfo().err().unwrap_or(lack)))
            }
            Base::Cgroup | Base::Auto => {
                say(format_args!("memdoor: PID {pid} is in no control group with a memory limit that can be read"));
                say_hint(Some("leave --of out: the threshold is then a percentage of MemTotal"));
                Err(Exit::Error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_corrected_by_what_the_last_walk_found_it_off() {
        let walk = |rss, exact| Confirmed { at: Duration::ZERO, rss: Bytes(rss), exact: Bytes(exact) };
        assert_eq!(walk(4, 434).correct(Bytes(1000)), Bytes(1430));
        assert_eq!(walk(434, 4).correct(Bytes(1000)), Bytes(570));
        assert_eq!(walk(434, 4).correct(Bytes(100)), Bytes(0));
    }
}
