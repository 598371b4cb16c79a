//! How many bytes the threshold is now, and where a reading of RSS stands against it.

extern crate std;

use core::time::Duration;
use std::os::fd::AsFd;

use super::Armed;
use super::follow::stopped;
use super::options::Follow;
use crate::environment;
use crate::environment::MOUNT;
use crate::error::Absent;
use crate::exit::Exit;
use crate::host::total;
use crate::refusal::say_hint;
use crate::snapshot::{Completeness, memory};
use crate::sys::out::say;
use crate::sys::signal::{self, Until};
use crate::target::Life;
use crate::trigger::{self, Base, Level, Of, Threshold};
use crate::units::Bytes;

/// How often it is looked whether a process has a limit yet: a supervisor moves it within milliseconds, or after its own start.
const LOOK: Duration = Duration::from_millis(100);

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
    ///
    /// A limit that is removed leaves MemTotal, whatever was asked for: the process may now fill the host, and a percentage of a limit that
    /// nothing holds to would never be that of the danger. What can't be read is not removed: the reference stays.
    pub(super) fn refresh_threshold(&mut self) {
        let Some(threshold) = self.options.threshold else {
            return;
        };
        self.statm_error = self.host.statm_error(|| self.target.stat(|stat| stat.threads));
        let memtotal = self.host.meminfo().and_then(|meminfo| total(&meminfo)).ok();
        let limit = match (self.options.base, self.memcg.limit()) {
            (Base::Memtotal, _) => None,
            (_, Ok(limit)) => limit,
            (_, Err(_)) if self.reference == Some(Of::Limit) => return,
            (Base::Auto, Err(why)) if self.reference.is_none() && memtotal.is_some() => {
                self.say_unread_limit(why);
                None
            }
            (_, Err(_)) => None,
        };
        let base = match self.options.base {
            Base::Cgroup if limit.is_none() && self.reference.is_some() => Base::Memtotal,
            asked => asked,
        };
        let Some((of, whole)) = trigger::base(base, memtotal, limit) else {
            return;
        };
        let fires_at = threshold.of(whole);
        if self.reference.is_some_and(|before| before != of) {
            self.say_reference(of, limit, threshold, fires_at);
        }
        (self.reference, self.fires_at) = (Some(of), Some(fires_at));
    }

    /// Says once that MemTotal stands for a limit that may be smaller. Where the kernel has no memory cgroups there is none.
    fn say_unread_limit(&mut self, why: Absent) {
        if matches!(why, Absent::Unlisted(..) | Absent::NotProvided(_)) {
            return;
        }
        self.completeness = Completeness::Partial;
        let pid = self.target.pid;
        say(format_args!(
            "memdoor: PID {pid}: the memory limit of its control group can't be read: {why}: MemTotal stands for it"
        ));
        if why == Absent::NotMounted {
            say_hint(Some(MOUNT));
        }
    }

    /// Says what the threshold is a percentage of from now on: once for each change.
    fn say_reference(&self, of: Of, limit: Option<Bytes>, threshold: Threshold, fires_at: Bytes) {
        let (why, of) = match (of, limit) {
            (Of::Limit, _) => ("its control group has a memory limit now", "that limit"),
            (Of::Memtotal, Some(_)) => ("the memory limit of its control group is above MemTotal now", "MemTotal"),
            (Of::Memtotal, None) => ("its control group has no memory limit any more", "MemTotal"),
        };
        let (pid, percent, kib) = (self.target.pid, threshold.percent(), fires_at.0 >> 10);
        say(format_args!("memdoor: PID {pid}: {why}: from here on the threshold is {percent} % of {of}, {kib} kB"));
    }

    /// `--of cgroup` of the next process, which its supervisor moves into a limited cgroup once it runs: that is waited for as long as the
    /// process lives, and said. One that `-p` names is refused at once, to who typed it.
    pub(super) fn wait_for_limit(&mut self) -> Result<(), Exit> {
        let is_next = self.options.follow == Follow::Next && self.options.pid.is_none();
        if !is_next || self.options.base != Base::Cgroup || self.options.threshold.is_none() || self.fires_at.is_some()
        {
            return Ok(());
        }
        let pid = self.target.pid;
        say(format_args!(
            "memdoor: PID {pid} is in no control group with a memory limit that can be read yet: waiting for one"
        ));
        while self.fires_at.is_none() {
            if let Some(stop) = signal::stop_requested() {
                return Err(stopped(stop, self.options.format));
            }
            let ended = self.target.pidfd().map(|pidfd| (pidfd.as_fd(), Until::Readable));
            // A signal ends the wait early, and is looked at first.
            let _ = signal::wait(ended, Some(LOOK));
            if self.target.look_again() != Life::Alive {
                say(format_args!("memdoor: PID {pid} has ended, and was in no such control group: it was not watched"));
                return Err(Exit::Gone);
            }
            self.memcg.refresh(&mut self.target);
            self.refresh_threshold();
        }
        say(format_args!("memdoor: PID {pid} is in a control group with a memory limit now: watching it"));
        Ok(())
    }

    /// A threshold of nothing never fires: better said now than found out afterwards.
    pub(super) fn check_threshold(&mut self) -> Result<(), Exit> {
        if self.options.threshold.is_none() || self.fires_at.is_some() {
            return Ok(());
        }
        let pid = self.target.pid;
        match self.options.base {
            Base::Memtotal => {
                let read = self.host.meminfo().and_then(|meminfo| total(&meminfo));
                read.map_or_else(|why| Err(environment::fail_meminfo(why)), |_| Ok(()))
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
