//! The host over all samples.

use core::time::Duration;

use crate::listed::listed;
use crate::monitor::sample::Sample;
use crate::parse::meminfo::Use;
use crate::processes::Comm;
use crate::units::{Bytes, Percent, Pid};

listed! {
    /// What of the host is compared.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) enum Figure {
        Used,
        Available,
        Anon,
        PageCache,
        Shmem,
        SlabReclaimable,
        SlabUnreclaimable,
        PageTables,
        KernelStacks,
        Percpu,
        Vmalloc,
        SwapUsed,
    }
}

impl Figure {
    /// What it is called, and where it is found.
    const fn described(self) -> (&'static str, fn(&Sample) -> Option<Bytes>) {
        match self {
            Self::Used => ("used", |of| of.meminfo.used()),
            Self::Available => ("available", |of| of.meminfo.available),
            Self::Anon => ("anonymous", |of| of.meminfo.uses.of(Use::Anon)),
            Self::PageCache => ("page cache", page_cache),
            Self::Shmem => ("tmpfs, shared memory", |of| of.meminfo.uses.of(Use::Shmem)),
            Self::SlabReclaimable => ("slab, reclaimable", |of| of.meminfo.uses.of(Use::SlabReclaimable)),
            Self::SlabUnreclaimable => ("slab, other", |of| of.meminfo.uses.of(Use::SlabUnreclaimable)),
            Self::PageTables => ("page tables", |of| of.meminfo.uses.of(Use::PageTables)),
            Self::KernelStacks => ("kernel stacks", |of| of.meminfo.uses.of(Use::KernelStacks)),
            Self::Percpu => ("percpu", |of| of.meminfo.uses.of(Use::Percpu)),
            Self::Vmalloc => ("vmalloc", |of| of.meminfo.uses.of(Use::Vmalloc)),
            Self::SwapUsed => ("swap used", |of| of.meminfo.swap_used()),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        self.described().0
    }

    fn of(self, sample: &Sample) -> Option<Bytes> {
        (self.described().1)(sample)
    }
}

/// Files in memory that can be dropped: shared memory is among what is cached.
fn page_cache(sample: &Sample) -> Option<Bytes> {
    let of = |which| sample.meminfo.uses.of(which);
    Some(Bytes(of(Use::Cached)?.0.saturating_sub(of(Use::Shmem).unwrap_or_default().0)))
}

/// A figure over all samples that know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) first: Bytes,
    /// At the last sample; `None`: that could not read it.
    pub(super) last: Option<Bytes>,
    pub(super) least: Bytes,
    pub(super) most: Bytes,
}

/// The host over all samples.
#[derive(Debug)]
pub(in crate::monitor) struct HostSummary {
    /// By [`Figure`].
    figures: [Option<Range>; Figure::COUNT],
    /// Samples so far.
    pub(in crate::monitor) samples: u64,
    /// The highest PSI full avg10.
    pub(super) full: Option<Percent>,
    /// OOM kills since the first sample; `None`: this kernel does not count them (before Linux 4.13), or there was no second sample.
    pub(super) oom_kills: Option<u64>,
    /// From the first sample to the last, suspended time not counted.
    pub(in crate::monitor) span: Duration,
    /// Alerts that were raised.
    pub(in crate::monitor) alerts: u64,
    /// How many of them say who grows, and whom the last one named.
    pub(in crate::monitor) growers: (u64, Option<(Pid, Comm)>),
}

impl HostSummary {
    pub(in crate::monitor) const fn new() -> Self {
        Self {
            figures: [None; Figure::COUNT],
            samples: 0,
            full: None,
            oom_kills: None,
            span: Duration::ZERO,
            alerts: 0,
            growers: (0, None),
        }
    }

    /// Adds a sample.
    pub(in crate::monitor) fn add(&mut self, sample: &Sample) {
        self.samples += 1;
        let full = sample.pressure.full.map(|stall| Percent { hundredths: stall.avg10() });
        self.full = self.full.max(full);
        if let Some(kills) = sample.delta.oom_kills {
            self.oom_kills = Some(self.oom_kills.unwrap_or(0) + kills);
        }
        for figure in Figure::ALL {
            let range = &mut self.figures[figure as usize];
            let Some(now) = figure.of(sample) else {
                if let Some(range) = range {
                    range.last = None;
                }
                continue;
            };
            *range = Some(match *range {
                None => Range { first: now, last: Some(now), least: now, most: now },
                Some(range) => {
                    Range { last: Some(now), least: range.least.min(now), most: range.most.max(now), ..range }
                }
            });
        }
    }

    pub(super) const fn of(&self, figure: Figure) -> Option<Range> {
        self.figures[figure as usize]
    }
}
