//! The target's death: who is seized and when, what is taken in the exit stop, and what is said of it at the end.

extern crate std;

use core::time::Duration;
use std::os::fd::AsFd;

use super::Common;
use super::checks::CHECK;
use super::fate::{Fate, SeizeState, words};
use super::member::{Evidence, Member};
use super::options::{Options, Seize};
use crate::error::Error;
use crate::exit::Exit;
use crate::host::Host;
use crate::parse::stat;
use crate::parse::wait::{self, Ended};
use crate::refusal::fail;
use crate::report::Format;
use crate::snapshot::{self, Death, Scene, When, memory};
use crate::sys::clock::monotonic;
use crate::sys::map::Region;
use crate::sys::ptrace::{self, Held, LAST, Passed, Released, Tracee};
use crate::sys::record::frame::Kind;
use crate::sys::signal::{self, Until, Woken};
use crate::sys::system;
use crate::target::{STAT_MAX, Scope, Target, Unseized};
use crate::trigger::{Level, Threshold};
use crate::units::Bytes;

/// For the target's end to be seen by its tracer once it may go on: freeing 100 GiB takes that long.
const END: Duration = Duration::from_secs(5);

/// For the target's parent to collect it, which is when the kernel tells its status without a tracer.
const COLLECTED: Duration = Duration::from_millis(100);

/// Threads are stopped by an interrupt within microseconds, unless they sleep uninterruptibly.
const INTERRUPT: Duration = Duration::from_millis(100);

/// Room for a snapshot without rows: a command line of 4 KiB, paths, and what stays free for what follows a cut.
const TEXT: usize = 12 * 1024;
const JSON: usize = 24 * 1024;

/// A thread that exits alone leaves others that run; all of a process's threads are exiting by then.
const ALONE: Duration = Duration::from_millis(20);

/// More sockets than this are noted by snapshots alone: listing them takes 1 ms.
const NOTED: usize = 1024;

/// What was seen in the exit stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped {
    status: i32,
    /// How long the target was held since that was seen.
    held: Duration,
    /// How long it may have been held before: memdoor itself did not run.
    unseen: Option<Duration>,
}

/// memdoor wakes up a few milliseconds late on a loaded machine. What is later than this was stopped (SIGSTOP) or starved.
const ASLEEP: Duration = Duration::from_millis(500);

/// What a watch knows of its target's death.
pub(super) struct DeathWatch {
    asked: Seize,
    /// Why there is no exit stop without a seizure, where nothing stood in its way.
    calm: SeizeState,
    tracee: Tracee,
    why: SeizeState,
    stopped: Option<Stopped>,
    next_try: Duration,
    /// When memdoor was to wake up last.
    wakes: Duration,
    /// smaps_rollup must be read once before a limit is hit, and no snapshot has.
    is_rollup_due: bool,
}

impl DeathWatch {
    pub(super) fn new(asked: Seize, threshold: Option<Threshold>, tracee: Tracee, now: Duration) -> Self {
        let why = match asked {
            Seize::Never => SeizeState::Never,
            Seize::Danger | Seize::Always => SeizeState::NotYet,
        };
        let calm = match threshold {
            Some(_) => SeizeState::Below,
            None => SeizeState::Unforeseen,
        };
        Self { asked, calm, tracee, why, stopped: None, next_try: Duration::ZERO, wakes: now, is_rollup_due: false }
    }

    /// What is to be done about a reading. Of one that swings around the threshold the target is not stopped each time: once a second.
    fn decide(&self, is_in_danger: bool, is_seized: bool, now: Duration) -> Order {
        let is_wanted = match self.asked {
            Seize::Never => return Order::Keep,
            Seize::Always => true,
            Seize::Danger => is_in_danger,
        };
        let may_try = now >= self.next_try;
        match (is_wanted, is_seized) {
            (true, false) if may_try && self.stopped.is_none() => Order::Seize,
            (false, true) if may_try => Order::Release,
            (false, false) => Order::Calm,
            _ => Order::Keep,
        }
    }

    /// The last signals that were passed on to it.
    pub(super) fn passed(&self) -> [Option<Passed>; LAST] {
        self.tracee.passed()
    }

    /// Lets it run on untraced, as another is watched next; at its next stop where it can't be stopped now.
    pub(super) fn leave(&self) {
        let _ = self.tracee.release(INTERRUPT);
    }

    /// memdoor is about to wait until then.
    pub(super) const fn wakes(&mut self, at: Duration) {
        self.wakes = at;
    }
}

/// What a reading asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Seize,
    Release,
    /// It is not seized, and need not be.
    Calm,
    /// As it is, which takes no system call.
    Keep,
}

/// The memory for output, in which the snapshot at the target's death must fit while nothing is written: for all mappings and
/// descriptors that it has now, and a quarter more.
pub(super) fn memory_for<'b>(
    target: &mut Target,
    options: &Options<'_>,
    lent: &'b mut [u8],
    own: &'b mut Option<Region>,
) -> Result<&'b mut [u8], Exit> {
    let (base, row) = match options.format {
        Format::Text => (TEXT, 110),
        Format::Json => (JSON, 330),
    };
    if options.seize == Seize::Never {
        return Ok(lent);
    }
    let rows = target.mappings().saturating_add(target.descriptors());
    let needed = base + rows.saturating_mul(row) / 4 * 5;
    if needed <= lent.len() {
        return Ok(lent);
    }
    let room = Region::new(needed);
    let room = room.map_err(|errno| fail(&Error::new("map", b"memory for a snapshot at death", errno)))?;
    Ok(own.insert(room).as_bytes())
}

impl DeathWatch {
    fn seize(&mut self, evidence: &mut Evidence, rss: Option<Bytes>, now: Duration) {
        let scope = match self.asked {
            Seize::Always => Scope::All,
            _ => Scope::Ordinary,
        };
        let own = system::own_pid();
        let Evidence { target, sockets, .. } = evidence;
        match target.seize(&self.tracee, scope, own) {
            Ok(()) => {
                self.why = SeizeState::Seized;
                self.next_try = now.saturating_add(CHECK);
                target.prime(rss.unwrap_or_default());
                sockets.note(target.view());
                self.is_rollup_due = true;
            }
            // The thread that was seized is exiting.
            Err(Unseized::Traced(tracer)) if tracer == own => {}
            Err(why) => {
                self.next_try = now.saturating_add(CHECK);
                self.why = SeizeState::Unseized(why);
            }
        }
    }

    /// Once a second while it is seized: which sockets it has.
    pub(super) fn note_sockets(&self, evidence: &mut Evidence) {
        let Evidence { target, sockets, .. } = evidence;
        if self.tracee.is_seized() && sockets.noted() <= NOTED {
            sockets.note(target.view());
        }
    }

    /// All that is known of its end.
    pub(super) fn fate(&self, target: &Target) -> Fate {
        let held = self.stopped.map(|stopped| (stopped.held, stopped.unseen));
        let why = match self.why {
            SeizeState::Seized if self.tracee.was_missed() => SeizeState::Missed,
            why => why,
        };
        Fate::new(self.how_it_ended(target), held, why)
    }

    /// How it ended: as its tracer was told, or as the kernel keeps it for who holds a pidfd.
    fn how_it_ended(&self, target: &Target) -> Option<Ended> {
        let stopped = self.stopped.map(|stopped| stopped.status);
        let status = self.tracee.gone().or(stopped).or_else(|| {
            let pidfd = target.pidfd()?;
            let known = pidfd.exit_status().ok()?;
            known.or_else(|| {
                let until = Some((pidfd.as_fd(), Until::HungUp));
                let woken = signal::wait(until, Some(COLLECTED));
                (woken == Ok(Woken::Ready)).then(|| pidfd.exit_status().ok().flatten())?
            })
        });
        let status = status.or_else(|| {
            // A zombie that its parent has not collected yet.
            let mut buf = [0; STAT_MAX];
            target.dir().read(c"stat", &mut buf).ok().and_then(stat::wait_status)
        });
        status.map(wait::status)
    }
}

impl Member<'_> {
    /// Seizes the target or lets it go, as the reading asks. While it stays as it is, no system call is made.
    pub(super) fn seize_at(&mut self, level: Level, now: Duration, host: &mut Host) {
        match self.death.decide(self.is_in_danger(level, now), self.death.tracee.is_seized(), now) {
            Order::Seize => self.death.seize(&mut self.evidence, self.seen.last_rss, now),
            Order::Release => {
                self.death.next_try = now.saturating_add(CHECK);
                if !self.is_swapped_out(host) && self.death.tracee.release(INTERRUPT) == Released::Free {
                    self.death.why = self.death.calm;
                }
            }
            Order::Calm => self.death.why = self.death.calm,
            Order::Keep => {}
        }
    }

    /// Whether it is below the threshold for its swap alone: that is no less danger, and the kernel kills for it, too.
    fn is_swapped_out(&mut self, host: &mut Host) -> bool {
        let rss = self.seen.last_rss.unwrap_or_default();
        let system = host.meminfo().unwrap_or_default();
        let swap = self.evidence.swap(&system).unwrap_or_default();
        self.threshold.fires_at().is_some_and(|fires_at| rss.plus(swap) >= fires_at)
    }

    /// What the death must find read before: what a snapshot has not read just now.
    pub(super) fn read_ahead(&mut self, snapshots: u64, buf: &mut [u8]) {
        let is_due = core::mem::take(&mut self.death.is_rollup_due);
        if is_due && snapshots == self.seen.snapshots {
            let _ = memory::rollup(&mut self.evidence.target, buf, self.seen.last_rss);
        }
    }

    /// Answers the target's stops; at its death takes the snapshot.
    pub(super) fn serve(&mut self, common: &mut Common<'_>) {
        if ptrace::is_tracing() {
            ptrace::serve();
            if let Some(held) = self.death.tracee.held() {
                self.at_death(held, common);
                ptrace::serve();
            }
        }
    }

    fn at_death(&mut self, held: Held, common: &mut Common<'_>) {
        let ended = wait::status(held.status);
        let target = &mut self.evidence.target;
        // All of a process's threads exit by exit_group(2), one alone by exit(2), and both look the same here.
        let is_sure = matches!(ended, Ended::Signal { .. }) || target.stat(|stat| stat.threads) == Ok(1);
        common.out.to.hold();
        // The last of the curve.
        if let Ok(statm) = memory::read_statm(target) {
            self.take_sample(statm, monotonic(), common);
        }
        let until = held.since.saturating_add(common.options.death);
        let by = self.evidence.by;
        let mut scene = Scene {
            cmdline: common.options.cmdline,
            past: Some(self.memory.samples),
            ..self.evidence.scene(&mut common.host, common.buf, When::Dying { until })
        };
        if let Some(by) = by {
            by.wait_until(until);
        }
        let words = words(ended);
        let death = Death { status: words.as_bytes(), since: held.since };
        let taken = common.out.write(|report| snapshot::take_at_death(&mut scene, &death, report));
        let rss = scene.rss;
        self.death.tracee.let_go();
        if let Some(by) = by {
            by.wait_until(Duration::MAX);
        }
        let time = monotonic().saturating_sub(held.since);
        let out = &mut common.out.to;
        out.release();
        if !is_sure && lives_on(&self.evidence.target) {
            return out.forget();
        }
        let unseen = Some(held.since.saturating_sub(self.death.wakes)).filter(|late| *late > ASLEEP);
        self.death.stopped = Some(Stopped { status: held.status, held: time, unseen });
        out.begin(Kind::Death);
        if out.record().is_some() {
            out.flush();
        }
        // The record has its room. Any other file takes memory, and at a cgroup's limit there is none before the target's is free: the
        // kernel does not spare others for a victim whose last thread exits.
        let _ = is_gone_by(&self.evidence.target, monotonic().saturating_add(END));
        out.seal();
        common.out.note(taken);
        self.seen.snapshot(rss, monotonic());
    }

    /// Whether it is gone by then. Its exit stop is served as ever.
    pub(super) fn dies_by(&mut self, until: Duration, common: &mut Common<'_>) -> bool {
        loop {
            self.serve(common);
            if !self.evidence.target.is_alive() {
                return true;
            }
            let left = until.saturating_sub(monotonic());
            if left.is_zero() {
                return false;
            }
            let pidfd = self.evidence.target.pidfd();
            let pidfd = pidfd.map(|pidfd| (pidfd.as_fd(), Until::Readable));
            // However it ends, what follows is looked at.
            let _ = signal::wait(pidfd, Some(left.min(CHECK)));
        }
    }

    /// Sees the target's end through: until its tracer has collected it, its parent does not see it.
    pub(super) fn finish(&mut self, common: &mut Common<'_>) {
        let until = monotonic().saturating_add(END);
        loop {
            self.serve(common);
            let left = until.saturating_sub(monotonic());
            if !self.death.tracee.is_tracing() || left.is_zero() {
                break;
            }
            let _ = signal::wait(None, Some(left));
        }
    }
}

/// Whether it was one thread alone that exited.
fn lives_on(target: &Target) -> bool {
    !is_gone_by(target, monotonic().saturating_add(ALONE)) && target.has_running_thread()
}

/// Waits until all of its threads have exited, and their memory is free.
fn is_gone_by(target: &Target, until: Duration) -> bool {
    loop {
        let left = until.saturating_sub(monotonic());
        let pidfd = target.pidfd();
        let pidfd = pidfd.map(|pidfd| (pidfd.as_fd(), Until::Readable));
        match signal::wait(pidfd, Some(left)) {
            Ok(Woken::Ready) => return true,
            Ok(Woken::Signal) if !left.is_zero() => ptrace::serve(),
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(9);

    fn death(asked: Seize) -> DeathWatch {
        DeathWatch::new(asked, Threshold::new(50), Tracee::none(), Duration::ZERO)
    }

    #[test]
    fn the_target_is_seized_in_danger_always_or_never_as_it_was_asked_for() {
        for (asked, calm, danger) in [
            (Seize::Never, Order::Keep, Order::Keep),
            (Seize::Danger, Order::Calm, Order::Seize),
            (Seize::Always, Order::Seize, Order::Seize),
        ] {
            let death = death(asked);
            let decide = |is_in_danger| death.decide(is_in_danger, false, NOW);
            assert_eq!((decide(false), decide(true)), (calm, danger), "{asked:?}");
        }
    }

    #[test]
    fn what_could_not_be_seized_just_now_rests_and_is_tried_again() {
        let mut death = death(Seize::Danger);
        death.next_try = NOW + CHECK;
        assert_eq!(death.decide(true, false, NOW), Order::Keep);
        assert_eq!(death.decide(true, false, NOW + CHECK), Order::Seize);
    }

    #[test]
    fn who_is_seized_is_let_go_out_of_danger_once_a_second_and_never_where_always_was_asked_for() {
        let mut one = death(Seize::Danger);
        assert_eq!(one.decide(true, true, NOW), Order::Keep);
        assert_eq!(one.decide(false, true, NOW), Order::Release);
        one.next_try = NOW + CHECK;
        assert_eq!(one.decide(false, true, NOW), Order::Keep);
        assert_eq!(death(Seize::Always).decide(false, true, NOW), Order::Keep);
    }

    #[test]
    fn who_was_seen_in_its_exit_stop_is_not_seized_again() {
        let mut death = death(Seize::Always);
        death.stopped = Some(Stopped { status: 9, held: Duration::ZERO, unseen: None });
        assert_eq!(death.decide(true, false, NOW), Order::Keep);
    }
}
