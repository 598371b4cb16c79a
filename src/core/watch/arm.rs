//! Everything that may fail loudly, allocate or take its time, before the watch begins.

use super::also::AlsoWatched;
use super::checks::Checks;
use super::counts::Reading;
use super::death::{DeathWatch, memory_for};
use super::end::WatchSummary;
use super::history::Memory;
use super::identity::Identity;
use super::kmsg::{KernelLog, Match, VictimFacts};
use super::member::{Evidence, Member};
use super::output::Output;
use super::threshold::Threshold;
use super::{Common, Lock, Options, Watch};
use crate::cgroup::{self, Memcg};
use crate::cost::Cost;
use crate::environment::{self, FEW, Locked};
use crate::error::Error;
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::history::History;
use crate::host::{Host, Numbers};
use crate::mode::{Buffers, Manner, arm_sockets, envelope, open_host, open_self, take_once};
use crate::refusal::{fail, refuse};
use crate::report::Format;
use crate::report::json::Envelope;
use crate::snapshot::{Cmdline, memory};
use crate::sys::bounded::{Bounded, Of};
use crate::sys::clock::monotonic;
use crate::sys::harden;
use crate::sys::map::Region;
use crate::sys::out::{Out, Sink};
use crate::sys::ptrace::Tracee;
use crate::sys::signal;
use crate::target::Target;
use crate::target::family::Family;
use crate::trigger::Trigger;
use crate::units::Pid;

/// Both are best effort, and without them memdoor still works: a container has neither right.
fn come_first(host: &Host) {
    let _ = harden::exempt_from_oom_killer(&host.proc);
    let _ = harden::raise_priority();
}

impl<'a> Watch<'a> {
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
        let tracee = Tracee::take();
        let Buffers { out, read, past } = buffers;
        let mut host = open_host(FEW)?;
        let mut target = open_target(&mut host, pid, &options)?;
        let rss = memory::rss(&mut target, host.page);
        let by = read_apart(&host, &mut target);
        let identity = Identity::of(&target, &options)?;
        let (envelope, mut memcg) = (envelope(&host), Memcg::new(&host.proc, read));
        let sockets = arm_sockets(&target)?;
        let out = memory_for(&mut target, &options, out, death_memory)?;
        signal::install().map_err(|errno| fail(&Error::new("handle", b"signals", errno)))?;
        rehearse(&mut host, &envelope, out, read, past, options.format, by);
        memcg.refresh(&mut target);
        target.prime(rss.unwrap_or_default());
        let log = kernel_log(&host, &mut target, read);
        let family = Family::of(&target);
        let mut evidence = Evidence { target, by, memcg, sockets, identity };
        // After the log was opened: it never has fewer kills than are counted from here on, unless lines are missing.
        let first = evidence.count_kills(&mut host);
        lock_memory(options.lock)?;
        come_first(&host);
        let now = monotonic();
        let out = Output::new(Out::new(Sink::Stdout, out), envelope, options.format);
        Ok(Self {
            common: Common { options, host, buf: read, log, also: AlsoWatched::new(options.also), out },
            member: Member {
                evidence,
                family,
                seen: WatchSummary::new(Reading { at: now, ..first }),
                death: DeathWatch::new(options.seize, options.threshold, tracee, now),
                trigger: Trigger::new(options.interval, now),
                threshold: Threshold::new(options.threshold, options.base, options.interval),
                memory: Memory::new(past, now),
            },
            checks: Checks::new(now),
            stop: None,
            reports: 0,
            is_over_and_lost: false,
        })
    }

    /// Ends arming and watches. Apart, so that what was armed is not moved once more: it is 13 kB, and the stack that it would leave
    /// stays locked.
    pub(super) fn run(&mut self) -> Exit {
        if let Err(exit) = self.ready() {
            return exit;
        }
        let Self { common, member, .. } = self;
        // A sample opens and reads what no snapshot does.
        if let Ok(statm) = memory::read_statm(&mut member.evidence.target) {
            member.take_sample(statm, monotonic(), common);
        }
        harden::touch_stack();
        harden::leave_stack();
        member.seen.cost = Some(Cost::so_far());
        let ending = self.watch();
        self.end(ending)
    }

    /// What can't be kept up for the whole watch is better said now.
    fn ready(&mut self) -> Result<(), Exit> {
        let Common { options, host, buf, also, out, .. } = &mut self.common;
        let Member { evidence, threshold, .. } = &mut self.member;
        threshold.refresh(host, evidence);
        threshold.wait_for_limit(options, host, evidence)?;
        threshold.check(host, evidence.target.pid)?;
        also.check(host)?;
        out.check(options.record);
        match options.record {
            Some(asked) => out.start_record(asked, evidence, buf),
            None => Ok(()),
        }
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
    let mut log = KernelLog::open(&host.proc, pid, comm.as_bytes(), by);
    log.read(buf, &|_, _| VictimFacts::default());
    log
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
