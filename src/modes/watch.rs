//! `memdoor -p PID`: samples one process often, reports at the interval, and snapshots it once it reaches the threshold.

extern crate std;

use core::time::Duration;
use std::os::fd::AsFd;

use super::watch_end::{Ending, Seen};
use super::{Buffers, envelope, fail, refuse, say_hint, with_report};
use crate::error::{Absent, Because, Error};
use crate::exit::Exit;
use crate::host::Host;
use crate::report::json::Envelope;
use crate::report::{Event, Fact, Format, Head, Section, Value};
use crate::snapshot::sockets::Sockets;
use crate::snapshot::{self, Cmdline, Completeness, Scene, memory};
use crate::sys::clock::{Now, monotonic};
use crate::sys::harden::{self, Faults};
use crate::sys::out::{Broken, Out, Sink, say};
use crate::sys::signal::{self, Until, Woken};
use crate::sys::{Errno, heap};
use crate::target::exe::Link;
use crate::target::memcg::Memcg;
use crate::target::{Life, Target};
use crate::trigger::{self, Action, Base, Level, SAMPLE, Threshold, Trigger};
use crate::units::{Bytes, Pid};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Whom to watch.
    pub pid: Pid,
    /// The executable that it must be running.
    pub exe: Option<&'a [u8]>,
    /// When to take snapshots; `None`: at every interval.
    pub threshold: Option<Threshold>,
    /// What the threshold is a percentage of.
    pub base: Base,
    /// Between two reports.
    pub interval: Duration,
    /// How many reports, those left out by `-q` included; `None`: until the end.
    pub count: Option<u64>,
    /// What to do when memory can't be locked.
    pub lock: Lock,
    /// Whether to say that the target is below the threshold.
    pub below: Below,
    /// How reports are written.
    pub format: Format,
    /// Whether the command line is shown.
    pub cmdline: Cmdline,
    /// Whether to say at the end what watching cost.
    pub self_report: SelfReport,
}

/// What to do when memory can't be locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    /// Say so and go on.
    Try,
    /// End: `-l`.
    Require,
}

/// Whether reports below the threshold are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Below {
    /// They are.
    Report,
    /// They are not: `-q`.
    Quiet,
}

/// Whether memdoor says at its end what watching cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SelfReport {
    /// It does.
    Show,
    /// It does not.
    Hide,
}

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
pub(super) struct Armed<'a> {
    pub(super) options: Options<'a>,
    pub(super) target: Target,
    pub(super) host: Host,
    pub(super) memcg: Memcg,
    pub(super) envelope: Envelope,
    pub(super) out: Out<'a>,
    pub(super) exe: Link,
    pub(super) seen: Seen,
    pub(super) completeness: Completeness,
    sockets: Sockets,
    buf: &'a mut [u8],
    trigger: Trigger,
    /// The RSS that fires, as of the last report.
    fires_at: Option<Bytes>,
    /// When a reading close to the threshold was last confirmed, and what the walk over the page tables said.
    confirmed: Option<(Duration, Bytes)>,
    reports: u64,
}

impl<'a> Armed<'a> {
    /// Opens, reads and checks everything once, rehearses a snapshot of memdoor itself, and locks what that has touched.
    fn arm(options: Options<'a>, buffers: Buffers<'a>) -> Result<Self, Exit> {
        let Buffers { out, read } = buffers;
        let mut host = Host::open(c"/proc").map_err(|error| fail(&error))?;
        let mut target =
            Target::open(&host.proc, options.pid).map_err(|refusal| refuse(&refusal))?;
        let exe = check_exe(&target, &options)?;
        let envelope = envelope(&host);
        let mut memcg = Memcg::new(&host.proc, read);
        let sockets = Sockets::arm(&target);
        signal::install().map_err(|errno| fail(&Error::new("handle", b"signals", errno)))?;
        harden::touch_stack();
        touch(out);
        touch(read);
        rehearse(&mut host, &envelope, out, read, options.format);
        memcg.refresh(&mut target);
        let rss = memory::rss(&mut target, host.page).unwrap_or_default();
        target.prime(rss <= CHEAP_ROLLUP);
        let kills = host.oom_kills();
        lock_memory(options.lock)?;
        // Both are best effort, and without them memdoor still works: a container has neither right.
        let _ = harden::exempt_from_oom_killer(&host.proc);
        let _ = harden::raise_priority();
        let now = monotonic();
        let mut armed = Self {
            options,
            target,
            host,
            memcg,
            envelope,
            out: Out::new(Sink::Stdout, out),
            exe,
            seen: Seen::new(now, kills),
            completeness: Completeness::Complete,
            sockets,
            buf: read,
            trigger: Trigger::new(options.interval, now),
            fires_at: None,
            confirmed: None,
            reports: 0,
        };
        armed.refresh_threshold();
        armed.check_threshold()?;
        armed.seen.armed(heap::allocations(), Faults::so_far());
        Ok(armed)
    }

    fn watch(&mut self) -> Ending {
        let step = SAMPLE.min(self.options.interval);
        let mut planned = monotonic();
        loop {
            if let Some(ending) = self.sample(planned) {
                return ending;
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
        let action = self.trigger.decide(now, level);
        self.act(action)
    }

    fn act(&mut self, action: Action) -> Option<Ending> {
        if action == Action::Wait {
            return None;
        }
        if let Some(ending) = self.check_identity() {
            return Some(ending);
        }
        match action {
            Action::Snapshot => self.snapshot(),
            _ if self.options.below == Below::Report => self.report_below(),
            _ => {}
        }
        self.refresh_threshold();
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
            if signal::take_snapshot_request() {
                self.snapshot();
                if let Some(broken) = self.out.broken() {
                    return Some(Ending::output(broken));
                }
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

    /// One pread(2) of statm. Nothing in it means that the first thread has exited, or all of them.
    fn read_rss(&mut self) -> Result<Bytes, Absent> {
        match memory::rss(&mut self.target, self.host.page) {
            Err(Absent::Gone) if self.target.look_again() == Life::Alive => {
                memory::rss(&mut self.target, self.host.page)
            }
            reading => reading,
        }
    }

    /// Where the reading stands. Close to the threshold and on a kernel whose statm is coarse it is confirmed by smaps_rollup, at most
    /// once an interval: that walk stalls the target.
    fn level(&mut self, rss: Bytes, now: Duration) -> Level {
        let Some(fires_at) = self.fires_at else {
            return Level::Above;
        };
        let mut rss = rss;
        if trigger::is_close(rss, fires_at, self.host.statm_error) {
            let due = self
                .confirmed
                .is_none_or(|(at, _)| now >= at.saturating_add(self.options.interval));
            if due
                && let Ok(Some(exact)) =
                    memory::rollup(&mut self.target, self.buf).map(|rollup| rollup.rss)
            {
                self.confirmed = Some((now, exact));
            }
            rss = self.confirmed.map_or(rss, |(_, exact)| exact);
        }
        if rss >= fires_at {
            Level::Above
        } else {
            Level::Below
        }
    }

    /// What the threshold is in bytes now: limits are changed and memory is plugged in while memdoor watches.
    fn refresh_threshold(&mut self) {
        let Some(threshold) = self.options.threshold else {
            return;
        };
        self.memcg.refresh(&mut self.target);
        let memtotal = self.host.meminfo().ok().and_then(|meminfo| meminfo.total);
        let cgroup = self
            .memcg
            .limiting()
            .ok()
            .flatten()
            .map(|limiting| limiting.limit);
        if let Some(whole) = trigger::base(self.options.base, memtotal, cgroup) {
            self.fires_at = Some(threshold.of(whole));
        }
    }

    /// A threshold of nothing never fires: better said now than found out afterwards.
    fn check_threshold(&mut self) -> Result<(), Exit> {
        if self.options.threshold.is_none() || self.fires_at.is_some() {
            return Ok(());
        }
        let pid = self.options.pid;
        match self.options.base {
            Base::Memtotal => Err(fail(&Error::new(
                "read",
                b"MemTotal of /proc/meminfo",
                Errno::ENODATA,
            ))),
            Base::Cgroup | Base::Auto => {
                say(format_args!(
                    "memdoor: PID {pid} is in no control group with a memory limit that can be read"
                ));
                say_hint(Some(
                    "leave --of out: the threshold is then a percentage of MemTotal",
                ));
                Err(Exit::Error)
            }
        }
    }

    /// Whether the process still runs what the user named. exec() keeps the process and changes that.
    fn check_identity(&mut self) -> Option<Ending> {
        match self.target.exe() {
            Ok(link) if link.as_bytes() == self.exe.as_bytes() => None,
            Ok(link) => {
                let is_named = self
                    .options
                    .exe
                    .is_none_or(|wanted| self.target.runs(&link, wanted));
                self.exe = link;
                (!is_named).then_some(Ending::Mismatch)
            }
            // Not readable any more (a set-uid exec): the process is the same, and evidence is worth more than the name.
            Err(_) => None,
        }
    }

    fn snapshot(&mut self) {
        let mut scene = Scene {
            target: &mut self.target,
            host: &mut self.host,
            memcg: &mut self.memcg,
            sockets: &mut self.sockets,
            now: Now::read(),
            buf: self.buf,
            cmdline: self.options.cmdline,
        };
        let taken = with_report(
            self.options.format,
            &mut self.out,
            &self.envelope,
            |report| snapshot::take(&mut scene, report),
        );
        self.completeness = self.completeness.and(taken);
        self.seen.snapshots += 1;
    }

    fn report_below(&mut self) {
        let now = Now::read();
        let pid = self.options.pid;
        let head = Head {
            now: &now,
            pid,
            comm: b"",
        };
        let identity = identity(pid, &self.exe, Event::Below);
        let percent = self
            .options
            .threshold
            .map_or(Value::Nothing, |at| Value::Count(at.percent().into()));
        let fires_at = self.fires_at.map_or(Value::Nothing, Value::Bytes);
        let fact = |label, key, value| Fact::new(Event::Below, label, key, value);
        let figures = [
            fact(
                "Process RSS Memory Usage",
                "process.memory.usage",
                Value::Bytes(self.seen.last_rss),
            ),
            fact(
                "Memory Pressure Threshold",
                "memdoor.watch.threshold_bytes",
                fires_at,
            ),
            fact("", "memdoor.watch.threshold_percent", percent),
        ];
        with_report(
            self.options.format,
            &mut self.out,
            &self.envelope,
            |report| {
                report.head(&head);
                report.begin(Section::Basic);
                // JSON gets all of it in one line; text the document's lines first and the figures that it lacks behind them.
                let [pid, exe] = identity;
                let [rss, fires_at, percent] = figures.map(Fact::json_only);
                report.facts(&[pid, exe, rss, fires_at, percent]);
                report.end(Section::Basic);
                report.sentence(BELOW);
                report.facts(&figures.map(Fact::text_only));
                report.foot();
            },
        );
        self.out.flush();
    }
}

/// PID and executable, as every report of the document begins.
pub(super) fn identity<'f>(pid: Pid, exe: &'f Link, event: Event) -> [Fact<'f>; 2] {
    [
        Fact::new(event, "PID", "", Value::Int(pid.get().into())),
        Fact::new(
            event,
            "Executable Absolute Path",
            "process.executable.path",
            Value::Text(exe.as_bytes()),
        ),
    ]
}

/// The document's sentence.
const BELOW: &str =
    "Process memory usage is not equal to or greater than input memory pressure threshold";

/// Below this RSS a walk over the page tables takes about 1 ms, cheap enough to have smaps_rollup read once before it is needed.
const CHEAP_ROLLUP: Bytes = Bytes(64 << 20);

/// The executable as it is now, when it is the one that the user named.
fn check_exe(target: &Target, options: &Options<'_>) -> Result<Link, Exit> {
    let pid = options.pid;
    match (target.exe(), options.exe) {
        (Ok(link), Some(wanted)) if !target.runs(&link, wanted) => {
            say_mismatch(pid, wanted);
            Err(Exit::Gone)
        }
        (Ok(link), _) => Ok(link),
        (Err(errno), Some(_)) => {
            say(format_args!(
                "memdoor: cannot read /proc/{pid}/exe: {}",
                Because(errno)
            ));
            say_hint(Some(
                "run memdoor as root or as the target's user, or leave -e out: the process is pinned without it",
            ));
            Err(Exit::Error)
        }
        (Err(_), None) => Ok(Link::of(b"-")),
    }
}

/// The document's line.
pub(super) fn say_mismatch(pid: Pid, wanted: &[u8]) {
    let path = wanted.escape_ascii();
    say(format_args!(
        "ERROR: PID {pid} does not match the executable name {path}"
    ));
}

fn lock_memory(lock: Lock) -> Result<(), Exit> {
    let Err(errno) = harden::lock_memory() else {
        return Ok(());
    };
    let because = Because(errno);
    let hint = "run as root or with CAP_IPC_LOCK, or raise the limit: ulimit -l unlimited";
    match lock {
        Lock::Require => Err(fail(&Error::new("lock", b"memory", errno).hint(hint))),
        Lock::Try => {
            say(format_args!(
                "memdoor: warning: cannot lock memory: {because}; it may be slow to wake under pressure ({hint})"
            ));
            Ok(())
        }
    }
}

/// Takes a snapshot of memdoor itself into nowhere: every page of code, stack and buffers that a real one needs is there afterwards.
/// The target is spared: its page tables are not walked before it crosses the threshold.
fn rehearse(host: &mut Host, envelope: &Envelope, out: &mut [u8], buf: &mut [u8], format: Format) {
    let Some(own) = u64::try_from(nix::unistd::getpid().as_raw())
        .ok()
        .and_then(Pid::new)
    else {
        return;
    };
    let Ok(mut target) = Target::open(&host.proc, own) else {
        return;
    };
    let mut memcg = Memcg::new(&host.proc, buf);
    let mut sockets = Sockets::arm(&target);
    let mut out = Out::new(Sink::Nowhere, out);
    let mut scene = Scene {
        target: &mut target,
        host,
        memcg: &mut memcg,
        sockets: &mut sockets,
        now: Now::read(),
        buf,
        cmdline: Cmdline::Show,
    };
    with_report(format, &mut out, envelope, |report| {
        snapshot::take(&mut scene, report)
    });
}

/// Writes to each page, so that it is there.
fn touch(buffer: &mut [u8]) {
    for page in buffer.chunks_mut(4096) {
        page.fill(0);
    }
    core::hint::black_box(buffer);
}
