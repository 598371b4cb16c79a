//! What the running kernel's log says of the target's end.
//!
//! The device is opened when the watch is armed, waited for together with the target and read to its end before anything is said of
//! the end: so what is said is at hand while memory is short, and is not overwritten by a thousand rows of a table of tasks.
//!
//! The rule: the log is believed as far as it is whole. The kernel counts each OOM kill before it logs it, so that a count which rose
//! by more than the log has kills means that lines are missing, whatever the log itself says.

mod counting;
mod logged_kills;
mod victim;

pub(super) use logged_kills::LoggedKills;
pub(super) use victim::{Match, Relationship, Role, SharedMemory, Sizes, Victim, VictimFacts};

use core::time::Duration;

use super::counts::OomKillCountTrend;
use super::member::Evidence;
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::oom_kills::{self, Drained, drain};
use crate::parse::stat::Stat;
use crate::sys::Errno;
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::sys::kmsg::Kmsg;
use crate::sys::ptrace;
use crate::sys::signal::Woken;
use crate::target::family::{Descent, Family};
use crate::target::{STAT_MAX, Target};

/// A line stands in the log before the process that it names is gone; when the log is also written to a slow console, it may come later.
const LOG_DELAY: Duration = Duration::from_millis(100);

/// Records that were lost longer ago than this were not about the end: the log is read once a second.
const RECENT: Duration = Duration::from_secs(5);

/// A process is gone so long after the kernel has said that it killed it, as a rule: who lives on was not meant, where only the name
/// tells.
const DYING: Duration = Duration::from_secs(3);

/// Between taking a SIGKILL and the mark that it exits a process has neither: some instructions, and longer where the machine has no CPU
/// for it.
const MOMENT: Duration = Duration::from_millis(200);

/// A kernel that logs all the time is not read more often than this: a read takes 1 us a line, a wake-up 20 us.
const REST: Duration = Duration::from_millis(50);

/// So many times the largest buffer of a kernel is read before the end of the log is given up.
const ROUNDS: usize = 4;

/// The running kernel's log since the watch began.
pub(super) struct KernelLog {
    log: Result<Kmsg, Absent>,
    /// Whether a cgroup's path is the one that the log would have: in a cgroup namespace it is another.
    paths: Paths,
    /// When records were last overwritten before they could be read.
    lost: Option<Duration>,
    pub(super) kills: LoggedKills,
    /// When a kill of the target was read.
    found: Option<Duration>,
    /// When it was last read.
    read: Duration,
    /// When it was last known to hold nothing that was not read.
    empty: Duration,
}

/// How much of the log could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Coverage {
    /// All of it.
    Whole,
    /// All, but its numbers are those of another pid namespace.
    Unnumbered,
    /// All of the last seconds; records were lost before.
    GapsBefore,
    /// Records of the last seconds were lost.
    Gaps,
    /// Nothing.
    None(Absent),
}

/// OOM kills that were counted and are not in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Missing {
    /// How many were counted since the watch began, and how many of them the log may have.
    pub(super) counted: u64,
    pub(super) logged: u64,
    /// Where they were counted.
    pub(super) of: Counter,
}

/// Who counts OOM kills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counter {
    /// The target's own cgroup.
    Group,
    /// The system.
    System,
}

impl KernelLog {
    /// Opens the log, from now on.
    pub(super) fn open(proc: &Dir, pid: u64, comm: &[u8], by: Match) -> Self {
        let log = oom_kills::open();
        Self {
            log: log.map_err(|errno| match errno {
                // A container may have another device in its place, or none.
                Errno::ENOENT | Errno::ENXIO | Errno::ENODEV => Absent::Hidden,
                errno => Absent::from(errno),
            }),
            paths: Paths::of(proc),
            lost: None,
            kills: LoggedKills::new(pid, comm, by),
            found: None,
            read: Duration::ZERO,
            empty: monotonic(),
        }
    }

    /// What to wait for: readable when something was logged. Nothing while it rests from the last read, but for a report that has begun:
    /// whose child the victim was can be looked at for as long as its parent has not collected it, which is a millisecond.
    pub(super) fn awaited(&self, now: Duration) -> Option<&Kmsg> {
        let is_hurried = self.kills.is_report_open() && !ptrace::is_tracing();
        let is_rested = now.saturating_sub(self.read) >= REST;
        self.log.as_ref().ok().filter(|_| is_hurried || is_rested)
    }

    /// Nothing was logged by then: a wait for it ended so.
    pub(super) const fn note_empty(&mut self, now: Duration) {
        self.empty = now;
    }

    /// Reads what has come, to its end. `buf` must hold a record; `ask` says what is known of a process that was killed.
    pub(super) fn read(&mut self, buf: &mut [u8], ask: &dyn Fn(&Victim, &[u8]) -> VictimFacts) {
        if self.kills.by() == Match::Name
            && let Some(found) = self.found
            && monotonic().saturating_sub(found) > DYING
        {
            self.disown();
        }
        let Self { log, kills, found, .. } = self;
        let Ok(log) = log else {
            return;
        };
        let now = monotonic();
        kills.at((self.empty, now));
        let mut gaps = false;
        let drained = loop_until_whole(&mut || {
            let drained = drain(log, buf, &mut |record| {
                kills.take(record.text, record.boot_us);
                if kills.role().is_some() && found.is_none() {
                    *found = Some(now);
                }
            });
            gaps |= drained == Ok(Drained::Gaps);
            drained
        });
        kills.settle(ask);
        if gaps {
            self.lost = Some(monotonic());
        }
        match drained {
            Ok(_) => (self.read, self.empty) = (now, now),
            Err(errno) => self.log = Err(Absent::from(errno)),
        }
    }

    /// Whether a kill was found by its name alone, and long enough ago that its victim shows it.
    fn may_be_anothers(&self) -> bool {
        let is_long_ago = |found| monotonic().saturating_sub(found) > MOMENT;
        self.kills.by() == Match::Name && self.found.is_some_and(is_long_ago)
    }

    /// What was found by its name alone was not the target: it lives on, or its exit status says that no SIGKILL ended it.
    pub(super) fn disown(&mut self) {
        self.kills.disown();
        self.found = None;
    }

    /// Reads on for as long as `is_due` says that a line is to come, or until it has had time to.
    pub(super) fn wait(
        &mut self,
        buf: &mut [u8],
        ask: &dyn Fn(&Victim, &[u8]) -> VictimFacts,
        is_due: &mut dyn FnMut(&LoggedKills) -> bool,
    ) {
        let until = monotonic().saturating_add(LOG_DELAY);
        loop {
            self.read(buf, ask);
            let left = until.saturating_sub(monotonic());
            let Ok(log) = &self.log else {
                return;
            };
            if !is_due(&self.kills) || left.is_zero() {
                return;
            }
            if matches!(log.wait(left), Ok(Woken::Timeout) | Err(_)) {
                return;
            }
        }
    }

    /// How much of it was read.
    pub(super) fn coverage(&self) -> Coverage {
        let is_recent = |lost: Duration| monotonic().saturating_sub(lost) < RECENT;
        match (&self.log, self.lost) {
            (Err(why), _) => Coverage::None(*why),
            (Ok(_), Some(lost)) if is_recent(lost) => Coverage::Gaps,
            (Ok(_), _) if self.kills.by() == Match::Name => Coverage::Unnumbered,
            (Ok(_), Some(_)) => Coverage::GapsBefore,
            (Ok(_), None) => Coverage::Whole,
        }
    }
}

/// What is common to the paths of cgroups here and in the kernel's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Paths {
    /// They are the same: both begin at the root of the hierarchy.
    Same,
    /// memdoor is in a cgroup namespace, and sees the paths from there.
    Other,
}

impl Paths {
    /// Which they are: `/proc/self/ns/cgroup` (Linux 4.6).
    fn of(proc: &Dir) -> Self {
        /// PROC_CGROUP_INIT_INO of include/linux/proc_ns.h.
        const INITIAL: &[u8] = b"cgroup:[4026531835]";
        let mut buf = [0; 64];
        match proc.link(c"self/ns/cgroup", &mut buf) {
            Ok(INITIAL) | Err(Errno::ENOENT) => Self::Same,
            _ => Self::Other,
        }
    }
}

impl KernelLog {
    /// What the log must be read with: what the target is called now, where it is, and which thread has its memory.
    pub(super) fn tell(&mut self, evidence: &mut Evidence) {
        let Evidence { target, memcg, .. } = evidence;
        let kills = &mut self.kills;
        if kills.by() == Match::Name
            && let Ok(comm) = target.stat(|stat| Fixed::<64>::of(stat.comm))
        {
            kills.rename(comm.as_bytes());
        }
        let mut buf = [0; STAT_MAX];
        if let Some((tid, comm)) = target.shown_as(&mut buf)
            && let Ok(tid) = u64::try_from(tid.get())
        {
            kills.shown_by(tid, comm);
        }
        if self.paths == Paths::Same
            && let Ok((version, path)) = memcg.counted_in()
        {
            kills.live_in(version, path);
        }
    }

    /// Reads it to its end, with this family.
    pub(super) fn read_of(&mut self, family: &Family, host: &Host, buf: &mut [u8]) {
        self.read(buf, &|victim, comm| known(family, &host.proc, victim, comm));
    }

    /// The kernel sends SIGKILL before it logs whom it killed. So a target that neither exits nor has that signal waiting, a moment after a
    /// line with its name, is not the one that the line means. In an exit stop of another tracer it has neither, too.
    pub(super) fn doubt(&mut self, target: &mut Target) {
        let lives = |stat: Stat<'_>| !stat.is_exiting && !stat.is_killed && stat.state != b't';
        if self.may_be_anothers() && target.stat(lives) == Ok(true) {
            self.disown();
        }
    }

    /// Reads on while what must be in it may still come: the kernel counts a kill first, and logs it then.
    pub(super) fn read_until_told(
        &mut self,
        family: &Family,
        host: &Host,
        buf: &mut [u8],
        is_due: impl Fn(&LoggedKills) -> bool,
    ) {
        let ask = |victim: &Victim, comm: &[u8]| known(family, &host.proc, victim, comm);
        self.wait(buf, &ask, &mut |kills| kills.role().is_none() && is_due(kills));
    }
}

/// Whose child the victim is. To look at it takes opening files, which waits for the victim's memory where memdoor is in the same full
/// cgroup: so that is not done of one whose cgroup says enough, nor while the target is seized and its stops are to be answered.
fn known(family: &Family, proc: &Dir, victim: &Victim, comm: &[u8]) -> VictimFacts {
    if family.has(victim.pid) {
        return VictimFacts { kin: Some(Relationship::Child), is_apart: family.is_apart(victim.pid) };
    }
    if victim.kin.is_some() || ptrace::is_tracing() {
        return VictimFacts::default();
    }
    let kin = family.descent(proc, victim.pid, comm).map(|descent| match descent {
        Descent::Child => Relationship::Child,
        Descent::Descendant => Relationship::Descendant,
    });
    VictimFacts { kin, is_apart: false }
}

/// Who prints faster than the log is read is not waited for.
fn loop_until_whole(drain: &mut dyn FnMut() -> crate::sys::Result<Drained>) -> crate::sys::Result<Drained> {
    let mut drained = drain();
    for _ in 1..ROUNDS {
        if drained != Ok(Drained::Gaps) {
            break;
        }
        drained = drain();
    }
    drained
}

impl LoggedKills {
    /// Whether more kills were counted than the log has: then the log is not whole. The target's own cgroup first, whose count is of
    /// fewer.
    pub(super) fn missing(
        &self,
        own: Result<OomKillCountTrend, Absent>,
        system: Result<OomKillCountTrend, Absent>,
    ) -> Option<Missing> {
        let of = |course: Result<OomKillCountTrend, Absent>, logged, of| {
            let counted = course.ok()?.since_the_start()?;
            (counted > logged).then_some(Missing { counted, logged, of })
        };
        of(own, self.perhaps_own(), Counter::Group).or_else(|| of(system, self.total(), Counter::System))
    }
}
