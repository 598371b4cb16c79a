//! How many bytes the threshold is now, and where a reading of RSS stands against it.

extern crate std;

use core::time::Duration;
use std::os::fd::AsFd;

use super::follow::stopped;
use super::member::Evidence;
use super::options::{Follow, Options};
use crate::environment;
use crate::environment::MOUNT;
use crate::error::{Absent, by_right, limit};
use crate::exit::Exit;
use crate::host::{Host, total};
use crate::refusal::say_hint;
use crate::snapshot::Completeness;
use crate::sys::Errno;
use crate::sys::out::say;
use crate::sys::signal::{self, Until};
use crate::target::Life;
use crate::trigger::{self, Base, Level, Of};
use crate::units::{Bytes, Pid};

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

const LEAVE_OUT: &str = "leave --of out: the threshold is then a percentage of MemTotal";
const RIGHTS: &str = "root needs CAP_DAC_READ_SEARCH for that: start memdoor with it";

/// Whether a limit may well be there, and looking for it failed: what is not there, or was removed while it was looked at (ENODEV), is none.
fn is_failure(why: Absent) -> bool {
    let is_none =
        |errno| matches!(errno, Errno::ENOENT | Errno::ENODEV | Errno::ESRCH | Errno::ENOTSUP | Errno::ENOSYS);
    matches!(why, Absent::Untrue(..)) || why.errno().is_some_and(|errno| !is_none(errno))
}

/// Whether such a failure stays for as long as memdoor runs: its own limits and rights do, and what is short now (ENOMEM, ENFILE) passes.
fn lasts(why: Absent) -> bool {
    matches!(why.errno(), Some(Errno::EMFILE | Errno::EACCES | Errno::EPERM))
}

/// The threshold of one process.
pub(super) struct Threshold {
    /// What was asked for; `None`: no threshold, and every reading is above it.
    percent: Option<trigger::Threshold>,
    base: Base,
    /// Between two walks over the page tables: each stalls the target.
    rest: Duration,
    /// The RSS that fires, as of the last check.
    fires_at: Option<Bytes>,
    /// What that is a percentage of.
    reference: Option<Of>,
    /// How far statm may be off, as of the last check.
    statm_error: Bytes,
    confirmed: Option<Confirmed>,
    /// Why its limit could not be read, as of the last check.
    unread: Option<Absent>,
    /// Partial once MemTotal had to stand for a limit that can't be read.
    completeness: Completeness,
}

/// What changed at a check that is worth a sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    /// MemTotal stands for a limit that may be smaller.
    Unread(Absent),
    /// It is a percentage of something else from now on; the limit, if there is one.
    Moved(Of, Option<Bytes>),
}

impl Threshold {
    pub(super) fn new(percent: Option<trigger::Threshold>, base: Base, interval: Duration) -> Self {
        Self {
            percent,
            base,
            rest: interval.max(Duration::from_secs(1)),
            fires_at: None,
            reference: None,
            statm_error: Bytes(0),
            confirmed: None,
            unread: None,
            completeness: Completeness::Complete,
        }
    }

    /// How many bytes it is; `None`: that is not known, or there is no threshold.
    pub(super) const fn fires_at(&self) -> Option<Bytes> {
        self.fires_at
    }

    /// Its percentage, as it was asked for.
    pub(super) fn percent(&self) -> Option<u8> {
        self.percent.map(trigger::Threshold::percent)
    }

    /// Whether what it stands for could be read.
    pub(super) const fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// Where the reading stands. Close to the threshold and on a kernel whose statm is inexact, what an exact walk over the page
    /// tables said last corrects it: `walk` makes one, at most once an interval and once a second.
    pub(super) fn level(&mut self, rss: Bytes, now: Duration, walk: impl FnOnce() -> Option<Bytes>) -> Level {
        let Some(fires_at) = self.fires_at else {
            return Level::Above;
        };
        let rss = if trigger::is_close(rss, fires_at, self.statm_error) {
            let is_due = self.confirmed.is_none_or(|last| now >= last.at.saturating_add(self.rest));
            if let Some(exact) = is_due.then(walk).flatten() {
                self.confirmed = Some(Confirmed { at: now, rss, exact });
            }
            self.confirmed.map_or(rss, |exact| exact.correct(rss))
        } else {
            rss
        };
        if rss >= fires_at { Level::Above } else { Level::Below }
    }

    /// What the threshold is in bytes now: limits are changed and memory is plugged in while memdoor watches. News are said.
    pub(super) fn refresh(&mut self, host: &mut Host, evidence: &mut Evidence) {
        if self.percent.is_none() {
            return;
        }
        let Evidence { target, memcg, .. } = evidence;
        self.statm_error = host.statm_error(|| target.stat(|stat| stat.threads));
        let memtotal = host.meminfo().and_then(|meminfo| total(&meminfo)).ok();
        match self.judge(memtotal, memcg.limit()) {
            None => {}
            Some(News::Unread(why)) => self.say_unread_limit(target.pid, why),
            Some(News::Moved(of, limit)) => self.say_reference(target.pid, of, limit),
        }
    }

    /// What it is of these.
    ///
    /// A limit that is removed leaves MemTotal, whatever was asked for: the process may now fill the host, and a percentage of a limit that
    /// nothing holds to would never be that of the danger. What can't be read is not removed: the reference stays.
    fn judge(&mut self, memtotal: Option<Bytes>, limit: Result<Option<Bytes>, Absent>) -> Option<News> {
        let mut news = None;
        self.unread = limit.err();
        let limit = match (self.base, limit) {
            (Base::Memtotal, _) => None,
            (_, Ok(limit)) => limit,
            (_, Err(_)) if self.reference == Some(Of::Limit) => return None,
            (Base::Auto, Err(why)) if self.reference.is_none() && memtotal.is_some() => {
                news = Some(News::Unread(why));
                None
            }
            (_, Err(_)) => None,
        };
        let base = match self.base {
            Base::Cgroup if limit.is_none() && self.reference.is_some() => Base::Memtotal,
            asked => asked,
        };
        let (of, whole) = trigger::base(base, memtotal, limit)?;
        if self.reference.is_some_and(|before| before != of) {
            news = Some(News::Moved(of, limit));
        }
        (self.reference, self.fires_at) = (Some(of), Some(self.percent?.of(whole)));
        news
    }

    /// Says once that MemTotal stands for a limit that may be smaller. Where the kernel has no memory cgroups there is none.
    fn say_unread_limit(&mut self, pid: Pid, why: Absent) {
        if matches!(why, Absent::Unlisted(..) | Absent::NotProvided(_)) {
            return;
        }
        self.completeness = Completeness::Partial;
        say(format_args!(
            "memdoor: PID {pid}: the memory limit of its control group can't be read: {why}: MemTotal stands for it"
        ));
        if why == Absent::NotMounted {
            say_hint(Some(MOUNT));
        }
    }

    /// Says what the threshold is a percentage of from now on: once for each change.
    fn say_reference(&self, pid: Pid, of: Of, limit: Option<Bytes>) {
        let (why, of) = match (of, limit) {
            (Of::Limit, _) => ("its control group has a memory limit now", "that limit"),
            (Of::Memtotal, Some(_)) => ("the memory limit of its control group is above MemTotal now", "MemTotal"),
            (Of::Memtotal, None) => ("its control group has no memory limit any more", "MemTotal"),
        };
        let (percent, kib) = (self.percent().unwrap_or_default(), self.fires_at.unwrap_or_default().0 >> 10);
        say(format_args!("memdoor: PID {pid}: {why}: from here on the threshold is {percent} % of {of}, {kib} kB"));
    }

    /// `--of cgroup` of the next process, which its supervisor moves into a limited cgroup once it runs: that is waited for as long as the
    /// process lives, and said. One that `-p` names is refused at once, to who typed it.
    pub(super) fn wait_for_limit(
        &mut self,
        options: &Options<'_>,
        host: &mut Host,
        evidence: &mut Evidence,
    ) -> Result<(), Exit> {
        let is_next = options.follow == Follow::Next && options.pid.is_none();
        if !is_next || self.base != Base::Cgroup || self.percent.is_none() || self.fires_at.is_some() {
            return Ok(());
        }
        let pid = evidence.target.pid;
        let is_waited_for = |threshold: &Self| threshold.fires_at.is_none() && !threshold.unread.is_some_and(lasts);
        // What no wait mends is told by the check that follows.
        if !is_waited_for(self) {
            return Ok(());
        }
        say(format_args!(
            "memdoor: PID {pid} is in no control group with a memory limit that can be read yet: waiting for one"
        ));
        while is_waited_for(self) {
            if let Some(stop) = signal::stop_requested() {
                return Err(stopped(stop, options.format));
            }
            let ended = evidence.target.pidfd().map(|pidfd| (pidfd.as_fd(), Until::Readable));
            // A signal ends the wait early, and is looked at first.
            let _ = signal::wait(ended, Some(LOOK));
            if evidence.target.look_again() != Life::Alive {
                say(format_args!("memdoor: PID {pid} has ended, and was in no such control group: it was not watched"));
                return Err(Exit::Gone);
            }
            evidence.memcg.refresh(&mut evidence.target);
            self.refresh(host, evidence);
        }
        if self.fires_at.is_some() {
            say(format_args!("memdoor: PID {pid} is in a control group with a memory limit now: watching it"));
        }
        Ok(())
    }

    /// A threshold of nothing never fires: better said now than found out afterwards.
    pub(super) fn check(&self, host: &mut Host, pid: Pid) -> Result<(), Exit> {
        if self.percent.is_none() || self.fires_at.is_some() {
            return Ok(());
        }
        match self.base {
            Base::Memtotal => {
                let read = host.meminfo().and_then(|meminfo| total(&meminfo));
                read.map_or_else(|why| Err(environment::fail_meminfo(why)), |_| Ok(()))
            }
            Base::Cgroup | Base::Auto => {
                match self.unread.filter(|why| is_failure(*why)) {
                    Some(why) => {
                        say(format_args!(
                            "memdoor: PID {pid}: the memory limit of its control group can't be read: {why}"
                        ));
                        let of_right = || why.is_denied().then(|| by_right("run memdoor as root", RIGHTS));
                        say_hint(why.errno().and_then(limit).or_else(of_right).or(Some(LEAVE_OUT)));
                    }
                    None => {
                        say(format_args!(
                            "memdoor: PID {pid} is in no control group with a memory limit that can be read"
                        ));
                        say_hint(Some(LEAVE_OUT));
                    }
                }
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

    const MEMTOTAL: Option<Bytes> = Some(Bytes(1000));
    const UNREAD: Result<Option<Bytes>, Absent> = Err(Absent::Hidden);

    fn half_of(base: Base) -> Threshold {
        Threshold::new(trigger::Threshold::new(50), base, Duration::ZERO)
    }

    #[test]
    fn without_a_threshold_every_reading_is_above_it_and_nothing_is_walked() {
        let mut none = Threshold::new(None, Base::Memtotal, Duration::ZERO);
        assert_eq!(none.level(Bytes(0), Duration::ZERO, || panic!("a walk")), Level::Above);
    }

    #[test]
    fn the_smaller_of_memtotal_and_the_limit_is_the_reference_and_a_change_of_it_is_news() {
        let mut half = half_of(Base::Auto);
        assert_eq!((half.judge(MEMTOTAL, Ok(Some(Bytes(100)))), half.fires_at()), (None, Some(Bytes(50))));
        assert_eq!((half.judge(MEMTOTAL, Ok(Some(Bytes(200)))), half.fires_at()), (None, Some(Bytes(100))));
        let above = Some(Bytes(2000));
        assert_eq!(half.judge(MEMTOTAL, Ok(above)), Some(News::Moved(Of::Memtotal, above)));
        assert_eq!(half.fires_at(), Some(Bytes(500)));
        assert_eq!(half.judge(MEMTOTAL, Ok(above)), None);
    }

    #[test]
    fn a_limit_that_is_removed_leaves_memtotal_and_one_that_cannot_be_read_stays() {
        for base in [Base::Cgroup, Base::Auto] {
            let mut half = half_of(base);
            assert_eq!(half.judge(MEMTOTAL, Ok(Some(Bytes(100)))), None);
            assert_eq!((half.judge(MEMTOTAL, UNREAD), half.fires_at()), (None, Some(Bytes(50))));
            assert_eq!(half.judge(MEMTOTAL, Ok(None)), Some(News::Moved(Of::Memtotal, None)));
            assert_eq!(half.fires_at(), Some(Bytes(500)));
        }
    }

    #[test]
    fn a_limit_that_was_never_read_is_said_once_and_only_where_memtotal_stands_for_it() {
        let mut half = half_of(Base::Auto);
        assert_eq!(half.judge(MEMTOTAL, UNREAD), Some(News::Unread(Absent::Hidden)));
        assert_eq!((half.judge(MEMTOTAL, UNREAD), half.fires_at()), (None, Some(Bytes(500))));
        let mut of_limit = half_of(Base::Cgroup);
        assert_eq!((of_limit.judge(MEMTOTAL, UNREAD), of_limit.fires_at()), (None, None));
    }

    #[test]
    fn page_tables_are_walked_close_to_the_threshold_alone_and_once_a_second() {
        let mut half = half_of(Base::Memtotal);
        assert_eq!(half.judge(MEMTOTAL, Ok(None)), None);
        half.statm_error = Bytes(40);
        let at = |millis| Duration::from_millis(millis);
        assert_eq!(half.level(Bytes(400), at(0), || panic!("it is far off")), Level::Below);
        assert_eq!(half.level(Bytes(480), at(0), || Some(Bytes(505))), Level::Above);
        assert_eq!(half.level(Bytes(470), at(999), || panic!("it was walked just now")), Level::Below);
        assert_eq!(half.level(Bytes(470), at(1000), || None), Level::Below);
        assert_eq!(half.level(Bytes(470), at(1001), || Some(Bytes(500))), Level::Above);
    }
}
