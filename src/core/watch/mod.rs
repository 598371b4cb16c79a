//! `memdoor -p PID`: samples one process often, reports at the interval, and snapshots it once it reaches the threshold.

mod also;
mod arm;
mod below;
mod cost;
mod counts;
mod death;
mod end;
mod fate;
mod follow;
mod history;
mod kmsg;
mod options;
mod output;
mod record;
mod threshold;
mod verdict;

pub use options::{Below, EndCode, Follow, Lock, Options, Recording, SIZE_MIN, Seize};

extern crate std;

use core::time::Duration;
use std::os::fd::AsFd;

use crate::cgroup::Memcg;
use crate::error::Absent;
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::mode::{Buffers, with_report};
use crate::parse::statm::Statm;
use crate::report::json::Envelope;
use crate::snapshot::sockets::Sockets;
use crate::snapshot::{self, Completeness, Scene, When, memory};
use crate::sys::bounded::Bounded;
use crate::sys::clock::monotonic;
use crate::sys::out::{Broken, Out};
use crate::sys::ptrace;
use crate::sys::record::frame::Kind;
use crate::sys::signal::{self, Either, Stop, Until};
use crate::target::exe::Link;
use crate::target::family::Family;
use crate::target::{Life, Target};
use crate::trigger::also::Trouble;
use crate::trigger::{Action, Level, Trigger};
use counts::{Counts, Reading};
use death::{CHECK, DeathWatch};
use end::{Ending, Seen};
use history::Memory;
use kmsg::{KernelLog, Paths, Sizes};
use output::Lost;
use threshold::Threshold;

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
        match &mut Armed::arm(options, pid, buffers, &mut death_memory) {
            Ok(armed) => {
                let exit = armed.run();
                let is_over = exit.is_gone() || armed.is_over_and_lost;
                if !is_over || options.follow == Follow::End || armed.stop.is_some() {
                    return exit.worse(lost);
                }
                if armed.is_over_and_lost {
                    lost = exit;
                }
                armed.death.leave();
                options.count = armed.reports_left();
                previous = Some(armed.as_previous());
            }
            // It was found, and has gone since.
            Err(Exit::Gone) if options.pid.is_none() => {}
            Err(exit) => return exit.worse(lost),
        }
        options.pid = None;
    }
}

/// A watch that is ready: from here on nothing is allocated.
struct Armed<'a> {
    options: Options<'a>,
    target: Target,
    /// Who reads of the target what may block.
    by: Option<Bounded>,
    /// Whose it was when it was armed.
    user: Option<u64>,
    host: Host,
    memcg: Memcg,
    envelope: Envelope,
    out: Out<'a>,
    place: Option<record::Place>,
    /// The executable as of the last report.
    exe: Result<Link, Absent>,
    seen: Seen,
    completeness: Completeness,
    sockets: Sockets,
    death: DeathWatch,
    family: Family,
    log: KernelLog,
    /// Whether a cgroup's path is the one that the kernel's log would have: in a cgroup namespace it is another.
    paths: Paths,
    /// The signal that asked for the end.
    stop: Option<Stop>,
    buf: &'a mut [u8],
    trigger: Trigger,
    threshold: Threshold,
    /// The host's trouble at the last sample, where it was asked for.
    trouble: Option<Trouble>,
    /// Which of the bounds for that can't be judged any more.
    unjudged: also::Unjudged,
    /// What was seen so far.
    memory: Memory<'a>,
    /// When to look again at what changes slowly.
    next_check: Duration,
    reports: u64,
    /// What standard output has lost.
    lost: Lost,
    /// The target has ended, and the exit code is that of the reports that were lost: who follows goes on.
    is_over_and_lost: bool,
}

impl Armed<'_> {
    fn watch(&mut self) -> Ending {
        let mut planned = monotonic();
        loop {
            if let Some(ending) = self.sample(planned) {
                return ending;
            }
            if let Some(record) = self.out.record() {
                record.idle(monotonic());
            }
            // Samples that were missed are not made up for.
            let now = monotonic();
            planned = planned.saturating_add(self.step(now)).max(now);
            if let Some(ending) = self.wait_until(planned) {
                return ending;
            }
        }
    }

    /// One reading and what follows from it.
    fn sample(&mut self, planned: Duration) -> Option<Ending> {
        let now = monotonic();
        let level = match self.read_statm() {
            Ok(statm) => {
                let rss = statm.resident.bytes(self.host.page);
                self.seen.reading(rss, now, planned);
                self.seen.sizes = Some(Sizes { rss, total: statm.size.bytes(self.host.page), at: now });
                self.doubt_log();
                self.remember(statm, now);
                let walk = || memory::rollup(&mut self.target, self.buf, Some(rss)).ok()?.rss;
                self.threshold.level(rss, now, walk)
            }
            Err(Absent::Gone) => return Some(Ending::Gone),
            // No reading is no proof of being below: rather a snapshot too many.
            Err(_) => Level::Above,
        };
        if let Some(ending) = self.check(now) {
            return Some(ending);
        }
        self.seize_at(level, now);
        let snapshots = self.seen.snapshots;
        // The target's own threshold is reason enough.
        let trouble = self.trouble.filter(|_| level == Level::Below);
        let level = trouble.map_or(level, |_| Level::Above);
        let action = self.trigger.decide(now, level);
        let ending = self.act(action, trouble);
        self.read_ahead(snapshots);
        ending
    }

    /// Once a second, whatever the interval: what changes slowly. exec(), limits, memory plugged in, the cgroup, OOM kills.
    fn check(&mut self, now: Duration) -> Option<Ending> {
        if now < self.next_check {
            return None;
        }
        self.next_check = now.saturating_add(CHECK);
        self.memcg.refresh(&mut self.target);
        self.threshold.refresh(&mut self.host, &mut self.target, &mut self.memcg);
        let counts = self.count_kills();
        self.seen.counted.note(counts);
        self.family.refresh();
        if !ptrace::is_tracing() {
            self.family.compare(&self.host.proc);
        }
        self.tell_log();
        self.read_log();
        self.note_sockets();
        self.check_identity()
    }

    fn count_kills(&mut self) -> Reading {
        let counts = Counts { own: self.memcg.oom_kills(), system: self.host.oom_kills() };
        Reading { at: monotonic(), counts }
    }

    fn act(&mut self, action: Action, trouble: Option<Trouble>) -> Option<Ending> {
        if action == Action::Wait {
            return None;
        }
        if let Some(ending) = self.check_identity() {
            return Some(ending);
        }
        match action {
            Action::Snapshot => self.snapshot(Kind::Above, trouble),
            _ if self.options.below == Below::Report => self.report_below(),
            _ => {}
        }
        self.reports += 1;
        if let Some(ending) = self.look_at_output() {
            return Some(ending);
        }
        (self.options.count == Some(self.reports)).then_some(Ending::CountReached)
    }

    /// Waits for the next sample, the target's end or a signal.
    fn wait_until(&mut self, planned: Duration) -> Option<Ending> {
        loop {
            self.serve();
            if let Some(ending) = self.look_at_output() {
                return Some(ending);
            }
            if let Some(stop) = signal::stop_requested() {
                return Some(Ending::Stopped(stop));
            }
            if signal::take_snapshot_request()
                && let Some(ending) = self.snapshot_now()
            {
                return Some(ending);
            }
            let now = monotonic();
            let left = planned.saturating_sub(now);
            let pidfd = self.target.pidfd();
            let pidfd = pidfd.map(|pidfd| (pidfd.as_fd(), Until::Readable));
            let log = self.log.awaited(now).map(|log| (log.as_fd(), Until::Readable));
            let is_log_awaited = log.is_some();
            self.death.wakes(now.max(planned));
            match signal::wait_for_either(pidfd, log, left) {
                Ok(Either::First) => return Some(Ending::Gone),
                // Who was killed is looked at while it can still be seen.
                Ok(Either::Second) => self.read_log(),
                Ok(Either::Timeout) => {
                    if is_log_awaited {
                        self.log.is_empty_at(monotonic());
                    }
                    return None;
                }
                Ok(Either::Signal) => {}
                Err(errno) => return Some(Ending::Output(Broken::Failed(errno))),
            }
        }
    }

    /// SIGUSR1.
    fn snapshot_now(&mut self) -> Option<Ending> {
        if let Some(ending) = self.check_identity() {
            return Some(ending);
        }
        self.snapshot(Kind::Asked, None);
        self.look_at_output()
    }

    /// One pread(2) of statm. Nothing in it means that the first thread has exited, or all of them.
    fn read_statm(&mut self) -> Result<Statm, Absent> {
        match memory::read_statm(&mut self.target) {
            Err(Absent::Gone) if self.target.look_again() == Life::Alive => {
                // Of the thread that shows it now the kernel's log would speak.
                self.tell_log();
                memory::read_statm(&mut self.target)
            }
            reading => reading,
        }
    }

    /// Whether the process still runs what the user named. exec() keeps the process and changes that.
    fn check_identity(&mut self) -> Option<Ending> {
        // Not readable any more (a set-uid exec): the process is the same, and evidence is worth more than the name.
        let link = self.target.exe().ok()?;
        let before = self.exe.as_ref().map(Link::as_bytes);
        let is_same = before == Ok(link.as_bytes());
        let wanted = self.options.exe.filter(|_| !is_same);
        let is_named = wanted.is_none_or(|wanted| self.target.runs(&link, wanted));
        self.exe = Ok(link);
        (!is_named).then_some(Ending::Mismatch)
    }

    fn snapshot(&mut self, kind: Kind, trouble: Option<Trouble>) {
        // The history in it ends with it.
        if let Ok(statm) = self.read_statm() {
            self.take_sample(statm, monotonic());
        }
        self.out.begin(kind);
        let because = trouble.map(|trouble| also::because(trouble, self.options.also));
        let mut scene = Scene {
            because: because.as_ref(),
            cmdline: self.options.cmdline,
            exe: self.exe.as_ref().map_err(|why| *why),
            past: Some(self.memory.samples),
            ..Scene::new(&mut self.target, &mut self.host, &mut self.memcg, &mut self.sockets, self.buf, When::Alive)
        };
        let taken = with_report(self.options.format, &mut self.out, &self.envelope, |report| {
            snapshot::take(&mut scene, report)
        });
        let rss = scene.rss;
        self.out.seal();
        self.completeness = self.completeness.and(taken);
        self.seen.snapshot(rss, monotonic());
    }
}
