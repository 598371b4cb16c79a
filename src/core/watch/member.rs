//! One process that is watched: what is read of it, and what follows from that.

use core::time::Duration;

use super::also;
use super::counts::{Counts, Reading};
use super::death::DeathWatch;
use super::end::{Ending, WatchSummary};
use super::history::Memory;
use super::identity::Identity;
use super::kmsg::{KernelLog, Sizes};
use super::threshold::Threshold;
use super::{Below, Common};
use crate::cgroup::Memcg;
use crate::error::Absent;
use crate::host::Host;
use crate::parse::statm::Statm;
use crate::snapshot::sockets::Sockets;
use crate::snapshot::{self, Scene, When, memory};
use crate::sys::bounded::Bounded;
use crate::sys::clock::monotonic;
use crate::sys::ptrace;
use crate::sys::record::frame::Kind;
use crate::target::family::Family;
use crate::target::{Life, Target};
use crate::trigger::also::Trouble;
use crate::trigger::{Action, Level, Trigger};
use crate::units::PageSize;

/// A process with all that its watch knows of it.
pub(super) struct Member<'a> {
    pub(super) evidence: Evidence,
    pub(super) family: Family,
    pub(super) seen: WatchSummary,
    pub(super) death: DeathWatch,
    pub(super) trigger: Trigger,
    pub(super) threshold: Threshold,
    /// What was seen so far.
    pub(super) memory: Memory<'a>,
}

/// What a snapshot is taken of: the process, and what is open of it and around it.
pub(super) struct Evidence {
    pub(super) target: Target,
    /// Who reads of the target what may block.
    pub(super) by: Option<Bounded>,
    pub(super) memcg: Memcg,
    pub(super) sockets: Sockets,
    pub(super) identity: Identity,
}

impl Evidence {
    /// The scene of a snapshot.
    pub(super) fn scene<'s>(&'s mut self, host: &'s mut Host, buf: &'s mut [u8], when: When) -> Scene<'s> {
        let Self { target, memcg, sockets, identity, .. } = self;
        Scene { exe: identity.exe(), ..Scene::new(target, host, memcg, sockets, buf, when) }
    }

    /// One pread(2) of statm. Nothing in it means that the first thread has exited, or all of them.
    pub(super) fn read_statm(&mut self, log: &mut KernelLog) -> Result<Statm, Absent> {
        match memory::read_statm(&mut self.target) {
            Err(Absent::Gone) if self.target.look_again() == Life::Alive => {
                // Of the thread that shows it now the kernel's log would speak.
                log.tell(self);
                memory::read_statm(&mut self.target)
            }
            reading => reading,
        }
    }

    /// How a process that runs another executable than the one named ends its watch.
    pub(super) fn check_identity(&mut self, wanted: Option<&[u8]>) -> Option<Ending> {
        (!self.identity.is_still(&self.target, wanted)).then_some(Ending::Mismatch)
    }

    /// The OOM kills that were counted where it is, and in the system.
    pub(super) fn count_kills(&mut self, host: &mut Host) -> Reading {
        let counts = Counts { own: self.memcg.oom_kills(), system: host.oom_kills() };
        Reading { at: monotonic(), counts }
    }
}

impl Member<'_> {
    /// One reading: where it stands against the threshold.
    pub(super) fn read(&mut self, planned: Duration, now: Duration, common: &mut Common<'_>) -> Result<Level, Absent> {
        let statm = self.evidence.read_statm(&mut common.log)?;
        let page = common.host.page;
        let rss = statm.resident.bytes(page);
        self.seen.reading(rss, now, planned);
        self.note_sizes(statm, now, page);
        common.log.doubt(&mut self.evidence.target);
        if self.memory.is_due(rss, now) {
            self.take_sample(statm, now, common);
        }
        let walk = || memory::rollup(&mut self.evidence.target, common.buf, Some(rss)).ok()?.rss;
        Ok(self.threshold.level(rss, now, walk))
    }

    fn note_sizes(&mut self, statm: Statm, now: Duration, page: PageSize) {
        self.seen.sizes = Some(Sizes { rss: statm.resident.bytes(page), total: statm.size.bytes(page), at: now });
    }

    /// The log has just named one of the target's name, where numbers can't be compared. As long as the target still has an address space
    /// its size tells whether it was the one, and the next reading may be far off.
    pub(super) fn measure_beside_namesake(&mut self, common: &mut Common<'_>) {
        if common.log.kills.wants_sizes(self.seen.sizes)
            && let Ok(statm) = memory::read_statm(&mut self.evidence.target)
        {
            self.note_sizes(statm, monotonic(), common.host.page);
        }
    }

    pub(super) fn take_sample(&mut self, statm: Statm, now: Duration, common: &mut Common<'_>) {
        self.memory.take_sample(statm, now, &mut self.evidence, &mut common.host, &mut common.also);
    }

    /// Once a second: what changes slowly. exec(), limits, memory plugged in, the cgroup, OOM kills.
    pub(super) fn check(&mut self, common: &mut Common<'_>) -> Option<Ending> {
        let Common { options, host, log, buf, .. } = common;
        let Self { evidence, family, seen, .. } = self;
        evidence.memcg.refresh(&mut evidence.target);
        self.threshold.refresh(host, evidence);
        seen.counted.note(evidence.count_kills(host));
        family.refresh();
        if !ptrace::is_tracing() {
            family.compare(&host.proc);
        }
        log.tell(evidence);
        log.read_of(family, host, buf);
        self.death.note_sockets(evidence);
        evidence.check_identity(options.exe)
    }

    /// Reports what a reading asks for.
    pub(super) fn report(&mut self, action: Action, trouble: Option<Trouble>, common: &mut Common<'_>) {
        match action {
            Action::Snapshot => self.snapshot(Kind::Above, trouble, common),
            _ if common.options.below == Below::Report => self.report_below(&mut common.out),
            _ => {}
        }
    }

    pub(super) fn snapshot(&mut self, kind: Kind, trouble: Option<Trouble>, common: &mut Common<'_>) {
        // The history in it ends with it.
        if let Ok(statm) = self.evidence.read_statm(&mut common.log) {
            self.take_sample(statm, monotonic(), common);
        }
        let because = trouble.map(|trouble| also::because(trouble, common.options.also));
        let mut scene = Scene {
            because: because.as_ref(),
            cmdline: common.options.cmdline,
            past: Some(self.memory.samples),
            ..self.evidence.scene(&mut common.host, common.buf, When::Alive)
        };
        let taken = common.out.report(kind, |report| snapshot::take(&mut scene, report));
        let rss = scene.rss;
        common.out.note(taken);
        self.seen.snapshot(rss, monotonic());
    }
}
