//! Everything that may fail loudly, allocate or take its time, before the watch begins.

use super::also::Unjudged;
use super::counts::{Counts, Reading};
use super::death::{DeathWatch, memory_for};
use super::end::{Seen, say_mismatch};
use super::follow::user;
use super::history::Memory;
use super::kmsg::{KernelLog, Known, Match, Paths};
use super::output::Lost;
use super::threshold::Threshold;
use super::{Armed, Lock, Options};
use crate::cgroup::{self, Memcg};
use crate::cost::Cost;
use crate::environment::{self, FEW, Locked};
use crate::error::{Absent, Because, Error, by_right};
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::history::History;
use crate::host::{Host, Numbers};
use crate::mode::{Buffers, Manner, arm_sockets, envelope, open_host, open_self, take_once};
use crate::refusal::{fail, refuse, say_hint};
use crate::report::Format;
use crate::report::json::Envelope;
use crate::snapshot::{Cmdline, Completeness, memory};
use crate::sys::bounded::{Bounded, Of};
use crate::sys::clock::monotonic;
use crate::sys::harden;
use crate::sys::map::Region;
use crate::sys::out::{Out, Sink, say};
use crate::sys::ptrace::Tracee;
use crate::sys::signal;
use crate::target::Target;
use crate::target::exe::Link;
use crate::target::family::Family;
use crate::trigger::Trigger;
use crate::units::Pid;

/// Both are best effort, and without them memdoor still works: a container has neither right.
fn come_first(host: &Host) {
    let _ = harden::exempt_from_oom_killer(&host.proc);
    let _ = harden::raise_priority();
}

impl<'a> Armed<'a> {
    /// Opens, reads and checks everything once, rehearses a snapshot of memdoor itself, and locks what that has touched.
    ///
    /// Apart, so that it can be left out of memory afterwards.
    #[inline(never)]
    pub(super) fn arm(
        options: Options<'a>,
        pid: Pid,
        buffers: Buffers<'a>,
        death_memory: &'a mut Option<Region>,
    ) -> Result<Self, Exit> {
        let Buffers { out, read, past } = buffers;
        let mut host = open_host(FEW)?;
        let mut target = open_target(&mut host, pid, &options)?;
        let rss = memory::rss(&mut target, host.page);
        let by = read_apart(&host, &mut target);
        let exe = check_exe(&target, &options)?;
        let (envelope, mut memcg) = (envelope(&host), Memcg::new(&host.proc, read));
        let sockets = arm_sockets(&target)?;
        let out = memory_for(&mut target, &options, out, death_memory)?;
        signal::install().map_err(|errno| fail(&Error::new("handle", b"signals", errno)))?;
        rehearse(&mut host, &envelope, out, read, past, options.format, by);
        memcg.refresh(&mut target);
        target.prime(rss.unwrap_or_default());
        let log = kernel_log(&host, &mut target, read);
        // After the log was opened: it never has fewer kills than are counted from here on, unless lines are missing.
        let counts = Counts { own: memcg.oom_kills(), system: host.oom_kills() };
        lock_memory(options.lock)?;
        come_first(&host);
        let now = monotonic();
        Ok(Self {
            options,
            user: user(options.follow, &target),
            family: Family::of(&target),
            target,
            by,
            paths: Paths::of(&host.proc),
            host,
            memcg,
            envelope,
            out: Out::new(Sink::Stdout, out),
            place: None,
            exe,
            seen: Seen::new(Reading { at: now, counts }),
            completeness: Completeness::Complete,
            sockets,
            death: DeathWatch::new(options.seize, options.threshold, Tracee::take(), now),
            log,
            stop: None,
            buf: read,
            trigger: Trigger::new(options.interval, now),
            threshold: Threshold::new(options.threshold, options.base, options.interval),
            trouble: None,
            unjudged: Unjudged::default(),
            next_check: now,
            memory: Memory::new(past, now),
            reports: 0,
            lost: Lost::default(),
            is_over_and_lost: false,
        })
    }

    /// Ends arming and watches. Apart, so that what was armed is not moved once more: it is 13 kB, and the stack that it would leave
    /// stays locked.
    pub(super) fn run(&mut self) -> Exit {
        self.threshold.refresh(&mut self.host, &mut self.target, &mut self.memcg);
        if let Err(exit) = self.ready() {
            return exit;
        }
        // A sample opens and reads what no snapshot does.
        if let Ok(statm) = memory::read_statm(&mut self.target) {
            self.take_sample(statm, monotonic());
        }
        harden::touch_stack();
        harden::leave_stack();
        self.seen.cost = Some(Cost::so_far());
        let ending = self.watch();
        self.end(ending)
    }

    /// What can't be kept up for the whole watch is better said now.
    fn ready(&mut self) -> Result<(), Exit> {
        let Self { threshold, host, target, memcg, .. } = self;
        threshold.wait_for_limit(&self.options, host, target, memcg)?;
        threshold.check(host, target.pid)?;
        self.check_also()?;
        self.check_output();
        self.start_record()
    }
}

/// The process, when there are the descriptors for what may not be missed.
fn open_target(host: &mut Host, pid: Pid, options: &Options<'_>) -> Result<Target, Exit> {
    // This file and the target's first, and so kept open: with few descriptors some of the evidence may be missed, the threshold may not.
    host.meminfo().map_err(environment::fail_meminfo)?;
    let mut target = Target::open(&host.proc, pid).map_err(|refusal| refuse(&refusal))?;
    if options.record.is_some() {
        environment::can_record(&host.proc, cgroup::levels(&mut target))?;
    }
    Ok(target)
}

/// Has what may block for as long as the target likes read by another process. Without one a watch may have to wait for its target.
fn read_apart(host: &Host, target: &mut Target) -> Option<Bounded> {
    let by = Bounded::start(&host.proc, Of::One).ok();
    target.read_by(by);
    by
}

/// The kernel's log from now on; what is in it by then is read once, so that reading it later touches nothing new.
fn kernel_log(host: &Host, target: &mut Target, buf: &mut [u8]) -> KernelLog {
    let comm: Fixed<64> = target.stat(|stat| Fixed::of(stat.comm)).unwrap_or_default();
    let by = match host.numbers() {
        Numbers::Initial => Match::Number,
        Numbers::Other => Match::Name,
    };
    let pid = u64::try_from(target.pid.get()).unwrap_or_default();
    let mut log = KernelLog::open(pid, comm.as_bytes(), by);
    log.read(buf, &|_, _| Known::default());
    log
}

/// The executable as it is now, when it is the one that the user named.
fn check_exe(target: &Target, options: &Options<'_>) -> Result<Result<Link, Absent>, Exit> {
    let pid = target.pid;
    match (target.exe(), options.exe) {
        (Ok(link), Some(wanted)) if !target.runs(&link, wanted) => {
            say_mismatch(pid, wanted, Some(&link));
            Err(Exit::Gone)
        }
        (Ok(link), _) => Ok(Ok(link)),
        (Err(errno), Some(_)) => {
            say(format_args!("memdoor: cannot read /proc/{pid}/exe: {}", Because(errno)));
            say_hint(Some(by_right(
                "run memdoor as root or as the target's user, or leave -e out: the process is pinned without it",
                "root needs CAP_SYS_PTRACE for that: start memdoor with it, or leave -e out: the process is pinned without it",
            )));
            Err(Exit::Error)
        }
        (Err(errno), None) => Ok(Err(errno.into())),
    }
}

fn lock_memory(lock: Lock) -> Result<(), Exit> {
    match (environment::lock(Locked::All), lock) {
        (Ok(()), _) => Ok(()),
        (Err(errno), Lock::Require) => {
            Err(fail(&Error::new("lock", b"memory", errno).hint(environment::unlocked(errno))))
        }
        (Err(errno), Lock::Try) => {
            environment::say_unlocked(errno);
            Ok(())
        }
    }
}

/// Takes a snapshot of memdoor itself into nowhere: every page of code, stack and buffers that a real one needs is there afterwards.
/// The target is spared: its page tables are not walked before it crosses the threshold.
fn rehearse(
    host: &mut Host,
    envelope: &Envelope,
    out: &mut [u8],
    buf: &mut [u8],
    past: &mut History,
    format: Format,
    by: Option<Bounded>,
) {
    touch(out);
    touch(buf);
    let Some(mut target) = open_self(host) else {
        return;
    };
    target.read_by(by);
    let mut out = Out::new(Sink::Nowhere, out);
    let cmdline = Cmdline::Show;
    let manner = Manner { format, cmdline };
    past.rehearse();
    // Without it a watch is slower to begin with, and no worse. Twice: the second is not the first of its history.
    for _ in 0..2 {
        let past = Some(&mut *past);
        let _ = take_once(&mut target, host, envelope, &mut out, buf, manner, past);
    }
}

/// Writes to each page, so that it is there.
fn touch(buffer: &mut [u8]) {
    for page in buffer.chunks_mut(4096) {
        page.fill(0);
    }
    core::hint::black_box(buffer);
}
