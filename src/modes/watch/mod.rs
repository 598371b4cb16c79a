//! `memdoor -p PID`: samples one process often, reports at the interval, and snapshots it once it reaches the threshold.

mod arm;
mod end;
mod kills;
mod options;
mod record;
mod threshold;

pub use options::{Below, Lock, Options, Recording, SIZE_MIN, SelfReport};

extern crate std;

use core::time::Duration;
use std::os::fd::AsFd;

use super::{Buffers, with_report};
use crate::error::Absent;
use crate::exit::Exit;
use crate::host::Host;
use crate::report::json::Envelope;
use crate::report::{Event, Fact, Head, Name, Section, Value};
use crate::snapshot::sockets::Sockets;
use crate::snapshot::{self, Completeness, Scene, memory};
use crate::sys::clock::{Now, monotonic};
use crate::sys::out::{Broken, Out};
use crate::sys::record::frame::Kind;
use crate::sys::signal::{self, Until, Woken};
use crate::target::exe::Link;
use crate::target::memcg::Memcg;
use crate::target::{Life, Target};
use crate::trigger::{Action, Level, SAMPLE, Trigger};
use crate::units::{Bytes, Pid};
use end::{Ending, Seen, bytes_or_gone};
use kills::Counts;
use threshold::Confirmed;

/// Watches until the end.
#[must_use]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    match Armed::arm(*options, buffers) {
        Ok(mut armed) => {
            let ending = armed.watch();
            armed.end(ending)
        }
        Err(exit) => exit,
    }
}

/// A watch that is ready: from here on nothing is allocated.
struct Armed<'a> {
    options: Options<'a>,
    target: Target,
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
    buf: &'a mut [u8],
    trigger: Trigger,
    /// The RSS that fires, as of the last check.
    fires_at: Option<Bytes>,
    /// How far statm may be off, as of the last check.
    statm_error: Bytes,
    confirmed: Option<Confirmed>,
    /// When to look again at what changes slowly.
    next_check: Duration,
    reports: u64,
}

impl Armed<'_> {
    fn watch(&mut self) -> Ending {
        let step = SAMPLE.min(self.options.interval);
        let mut planned = monotonic();
        loop {
            if let Some(ending) = self.sample(planned) {
                return ending;
            }
            if let Some(record) = self.out.record() {
                record.idle(monotonic());
            }
            // Samples that were missed are not made up for.
            planned = planned.saturating_add(step).max(monotonic());
            if let Some(ending) = self.wait_until(planned) {
                return ending;
            }
        }
    }

    /// One reading and what follows from it.
    fn sample(&mut self, planned: Duration) -> Option<Ending> {
        let now = monotonic();
        let level = match self.read_rss() {
            Ok(rss) => {
                self.seen.reading(rss, now, planned);
                self.level(rss, now)
            }
            Err(Absent::Gone) => return Some(Ending::Gone),
            // No reading is no proof of being below: rather a snapshot too many.
            Err(_) => Level::Above,
        };
        if let Some(ending) = self.check(now) {
            return Some(ending);
        }
        let action = self.trigger.decide(now, level);
        self.act(action)
    }

    /// Once a second, whatever the interval: what changes slowly. exec(), limits, memory plugged in, the cgroup, OOM kills.
    fn check(&mut self, now: Duration) -> Option<Ending> {
        if now < self.next_check {
            return None;
        }
        self.next_check = now.saturating_add(CHECK);
        self.memcg.refresh(&mut self.target);
        self.refresh_threshold();
        let counts = self.count_kills();
        self.seen.kills.note(counts);
        self.check_identity()
    }

    fn count_kills(&mut self) -> Counts {
        Counts {
            own: self.memcg.oom_kills(),
            system: self.host.oom_kills(),
        }
    }

    fn act(&mut self, action: Action) -> Option<Ending> {
        if action == Action::Wait {
            return None;
        }
        if let Some(ending) = self.check_identity() {
            return Some(ending);
        }
        match action {
            Action::Snapshot => self.snapshot(Kind::Above),
            _ if self.options.below == Below::Report => self.report_below(),
            _ => {}
        }
        self.reports += 1;
        if let Some(broken) = self.out.broken() {
            return Some(Ending::output(broken));
        }
        (self.options.count == Some(self.reports)).then_some(Ending::CountReached)
    }

    /// Waits for the next sample, the target's end or a signal.
    fn wait_until(&mut self, planned: Duration) -> Option<Ending> {
        loop {
            if let Some(stop) = signal::stop_requested() {
                return Some(Ending::Stopped(stop));
            }
            if signal::take_snapshot_request()
                && let Some(ending) = self.snapshot_now()
            {
                return Some(ending);
            }
            let left = planned.saturating_sub(monotonic());
            let pidfd = self
                .target
                .pidfd()
                .map(|pidfd| (pidfd.as_fd(), Until::Readable));
            match signal::wait(pidfd, Some(left)) {
                Ok(Woken::Ready) => return Some(Ending::Gone),
                Ok(Woken::Timeout) => return None,
                Ok(Woken::Signal) => {}
                Err(errno) => return Some(Ending::Output(Broken::Failed(errno))),
            }
        }
    }

    /// SIGUSR1.
    fn snapshot_now(&mut self) -> Option<Ending> {
        if let Some(ending) = self.check_identity() {
            return Some(ending);
        }
        self.snapshot(Kind::Asked);
        self.out.broken().map(Ending::output)
    }

    /// One pread(2) of statm. Nothing in it means that the first thread has exited, or all of them.
    fn read_rss(&mut self) -> Result<Bytes, Absent> {
        match memory::rss(&mut self.target, self.host.page) {
            Err(Absent::Gone) if self.target.look_again() == Life::Alive => {
                memory::rss(&mut self.target, self.host.page)
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

    fn snapshot(&mut self, kind: Kind) {
        self.out.begin(kind);
        let mut scene = Scene {
            target: &mut self.target,
            host: &mut self.host,
            memcg: &mut self.memcg,
            sockets: &mut self.sockets,
            now: Now::read(),
            buf: self.buf,
            cmdline: self.options.cmdline,
            rss: None,
        };
        let taken = with_report(
            self.options.format,
            &mut self.out,
            &self.envelope,
            |report| snapshot::take(&mut scene, report),
        );
        let rss = scene.rss;
        self.out.seal();
        self.completeness = self.completeness.and(taken);
        self.seen.snapshot(rss, monotonic());
    }

    fn report_below(&mut self) {
        let now = Now::read();
        let head = Head {
            now: &now,
            pid: self.options.pid,
            comm: b"",
        };
        let [pid, exe] = identity(self.options.pid, self.exe.as_ref(), Event::Below);
        self.completeness = self.completeness.and(Completeness::of(&[exe]));
        let percent = self
            .options
            .threshold
            .map(|threshold| threshold.percent().into());
        let figures = [
            RSS.is(bytes_or_gone(self.seen.last_rss)),
            FIRES_AT.is(self.fires_at.map_or(Value::Nothing, Value::Bytes)),
            PERCENT.is(percent.map_or(Value::Nothing, Value::Count)),
        ];
        self.out.begin(Kind::Below);
        with_report(
            self.options.format,
            &mut self.out,
            &self.envelope,
            |report| {
                report.head(&head);
                report.begin(Section::Basic);
                // JSON gets all of it in one line; text the document's lines first and the figures that it lacks behind them.
                let [rss, fires_at, percent] = figures.map(Fact::json_only);
                report.facts(&[pid, exe, rss, fires_at, percent]);
                report.end(Section::Basic);
                report.sentence(BELOW);
                report.facts(&figures.map(Fact::text_only));
                report.foot();
            },
        );
        self.out.seal();
    }
}

/// PID and executable, as every report of the document begins.
fn identity<'f>(pid: Pid, exe: Result<&'f Link, &Absent>, event: Event) -> [Fact<'f>; 2] {
    let pid = Name(event, "PID", "").is(Value::Int(pid.get().into()));
    let path = exe.map(Link::as_bytes).map_err(|why| *why);
    let name = Name(event, "Executable Absolute Path", "process.executable.path");
    [pid, name.is(Value::of(path, Value::Text))]
}

const RSS: Name = Name(
    Event::Below,
    "Process RSS Memory Usage",
    "process.memory.usage",
);
const FIRES_AT: Name = Name(
    Event::Below,
    "Memory Pressure Threshold",
    "memdoor.watch.threshold_bytes",
);
const PERCENT: Name = Name(Event::Below, "", "memdoor.watch.threshold_percent");

/// How often what changes slowly is looked at: six system calls.
const CHECK: Duration = Duration::from_secs(1);

/// The document's sentence.
const BELOW: &str =
    "Process memory usage is not equal to or greater than input memory pressure threshold";
