//! `memdoor -p PID`: samples one process often, reports at the interval, and snapshots it once it reaches the threshold.

mod also;
mod arm;
mod below;
mod checks;
mod cost;
mod counts;
mod death;
mod end;
mod fate;
mod follow;
mod history;
mod identity;
mod kmsg;
mod member;
mod options;
mod output;
mod record;
mod threshold;
mod verdict;

pub use options::{Below, EndCode, Follow, Lock, Options, Recording, SIZE_MIN, Seize};

extern crate std;

use core::time::Duration;
use std::os::fd::AsFd;

use crate::error::Absent;
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::mode::Buffers;
use crate::sys::clock::monotonic;
use crate::sys::out::Broken;
use crate::sys::record::frame::Kind;
use crate::sys::signal::{self, Either, Stop, Until};
use crate::trigger::also::Trouble;
use crate::trigger::{Action, Level};
use also::AlsoWatched;
use checks::Checks;
use end::Ending;
use follow::Previous;
use kmsg::KernelLog;
use member::Member;
use output::Output;

/// A sentence about an end: with the names of two processes, and the numbers between them.
type Words = Fixed<256>;

/// Watches until the end; with `--follow` one process after the other.
#[must_use]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    let Buffers { out, read, past } = buffers;
    let mut options = *options;
    let mut previous = None;
    // What a whole run with --follow comes to where some of its reports were lost.
    let mut lost = Exit::Done;
    if let Some(Err(exit)) = options.record.map(|asked| record::check(&asked)) {
        return exit;
    }
    loop {
        let pid = match options.pid {
            Some(pid) => pid,
            None => match follow::wait(&options, previous, read) {
                Ok(pid) => pid,
                Err(exit) => return exit.worse(lost),
            },
        };
        let (out, read, past) = (&mut *out, &mut *read, &mut *past);
        let buffers = Buffers { out, read, past };
        let mut death_memory = None;
        // Not moved once more: it is 15 kB of that stack.
        match &mut Watch::arm(options, pid, buffers, &mut death_memory) {
            Ok(watch) => {
                let exit = watch.run();
                let is_over = exit.is_gone() || watch.is_over_and_lost;
                if !is_over || options.follow == Follow::End || watch.stop.is_some() {
                    return exit.worse(lost);
                }
                if watch.is_over_and_lost {
                    lost = exit;
                }
                watch.member.death.leave();
                options.count = watch.reports_left();
                previous = Some(Previous::of(&watch.member.evidence, watch.common.buf));
            }
            // It was found, and has gone since.
            Err(Exit::Gone) if options.pid.is_none() => {}
            Err(exit) => return exit.worse(lost),
        }
        options.pid = None;
    }
}

/// A watch that is ready: from here on nothing is allocated.
struct Watch<'a> {
    common: Common<'a>,
    /// Who is watched: a roster of one.
    member: Member<'a>,
    checks: Checks,
    /// The signal that asked for the end.
    stop: Option<Stop>,
    reports: u64,
    /// The target has ended, and the exit code is that of the reports that were lost: who follows goes on.
    is_over_and_lost: bool,
}

/// What is not of a member: the machine, what was asked for, and where the reports go.
struct Common<'a> {
    options: Options<'a>,
    host: Host,
    /// Room for reading.
    buf: &'a mut [u8],
    log: KernelLog,
    also: AlsoWatched,
    out: Output<'a>,
}

impl Watch<'_> {
    fn watch(&mut self) -> Ending {
        let mut planned = monotonic();
        loop {
            if let Some(ending) = self.sample(planned) {
                return ending;
            }
            if let Some(record) = self.common.out.to.record() {
                record.idle(monotonic());
            }
            // Samples that were missed are not made up for.
            let now = monotonic();
            planned = planned.saturating_add(self.member.step(now, self.common.options.interval)).max(now);
            if let Some(ending) = self.wait_until(planned) {
                return ending;
            }
        }
    }

    /// One reading and what follows from it.
    fn sample(&mut self, planned: Duration) -> Option<Ending> {
        let now = monotonic();
        let Self { common, member, .. } = self;
        let level = match member.read(planned, now, common) {
            Ok(level) => level,
            Err(Absent::Gone) => return Some(Ending::Gone),
            // No reading is no proof of being below: rather a snapshot too many.
            Err(_) => Level::Above,
        };
        if self.checks.are_due(now)
            && let Some(ending) = member.check(common)
        {
            return Some(ending);
        }
        member.seize_at(level, now, &mut common.host);
        let snapshots = member.seen.snapshots;
        // The target's own threshold is reason enough.
        let trouble = common.also.trouble.filter(|_| level == Level::Below);
        let level = trouble.map_or(level, |_| Level::Above);
        let action = member.trigger.decide(now, level);
        let ending = self.act(action, trouble);
        self.member.read_ahead(snapshots, self.common.buf);
        ending
    }

    fn act(&mut self, action: Action, trouble: Option<Trouble>) -> Option<Ending> {
        if action == Action::Wait {
            return None;
        }
        let Self { common, member, .. } = self;
        if let Some(ending) = member.evidence.check_identity(common.options.exe) {
            return Some(ending);
        }
        member.report(action, trouble, common);
        self.reports += 1;
        if let Some(ending) = common.out.look() {
            return Some(ending);
        }
        (common.options.count == Some(self.reports)).then_some(Ending::CountReached)
    }

    /// Of `-c` reports, those that are not made yet.
    fn reports_left(&self) -> Option<u64> {
        let count = self.common.options.count?;
        Some(count.saturating_sub(self.reports))
    }

    /// Waits for the next sample, the target's end or a signal.
    fn wait_until(&mut self, planned: Duration) -> Option<Ending> {
        let Self { common, member, .. } = self;
        loop {
            member.serve(common);
            if let Some(ending) = common.out.look() {
                return Some(ending);
            }
            if let Some(stop) = signal::stop_requested() {
                return Some(Ending::Stopped(stop));
            }
            if signal::take_snapshot_request()
                && let Some(ending) = snapshot_now(member, common)
            {
                return Some(ending);
            }
            let now = monotonic();
            let left = planned.saturating_sub(now);
            let pidfd = member.evidence.target.pidfd();
            let pidfd = pidfd.map(|pidfd| (pidfd.as_fd(), Until::Readable));
            let log = common.log.awaited(now).map(|log| (log.as_fd(), Until::Readable));
            let is_log_awaited = log.is_some();
            member.death.wakes(now.max(planned));
            match signal::wait_for_either(pidfd, log, left) {
                Ok(Either::First) => return Some(Ending::Gone),
                // Who was killed is looked at while it can still be seen.
                Ok(Either::Second) => {
                    common.log.read_of(&member.family, &common.host, common.buf);
                    member.measure_beside_namesake(common);
                }
                Ok(Either::Timeout) => {
                    if is_log_awaited {
                        common.log.note_empty(monotonic());
                    }
                    return None;
                }
                Ok(Either::Signal) => {}
                Err(errno) => return Some(Ending::Output(Broken::Failed(errno))),
            }
        }
    }
}

/// SIGUSR1.
fn snapshot_now(member: &mut Member<'_>, common: &mut Common<'_>) -> Option<Ending> {
    if let Some(ending) = member.evidence.check_identity(common.options.exe) {
        return Some(ending);
    }
    member.snapshot(Kind::Asked, None, common);
    common.out.look()
}
