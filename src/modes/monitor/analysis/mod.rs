//! What the samples come to, at the end: who grows, who leaks, and where memory is that no process shows.

mod conclusion;
mod rows;
mod shared;
mod tables;

pub use tables::TABLES;

use core::fmt::Write;
use core::time::Duration;

use super::alerts;
use super::crowd::{Crowd, Growth, Row};
use super::mapped::Mapped;
use super::notes::Notes;
use super::options::Limits;
use super::sample::Sample;
use super::sheet::Writer;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::processes::{Comm, slow};
use crate::tmpfs::Mounts;
use crate::units::{Bytes, Percent, Pid};
use tables::At;

/// What of the host is compared, in the order of its rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Figure {
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

/// How many there are.
const FIGURES: usize = Figure::SwapUsed as usize + 1;

/// A figure over all samples that know it.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: Bytes,
    last: Bytes,
    least: Bytes,
    most: Bytes,
}

/// The host over all samples.
#[derive(Debug)]
pub(super) struct Course {
    /// By [`Figure`].
    figures: [Option<Range>; FIGURES],
    /// Samples so far.
    pub(super) samples: u64,
    /// The highest PSI full avg10.
    full: Option<Percent>,
    /// OOM kills since the first sample; `None`: this kernel does not count them (before Linux 4.13), or there was no second sample.
    oom_kills: Option<u64>,
    /// From the first sample to the last, suspended time not counted.
    pub(super) span: Duration,
    /// Alerts that were raised.
    pub(super) alerts: u64,
    /// How many of them say who grows, and whom the last one named.
    pub(super) growers: (u64, Option<(Pid, Comm)>),
}

impl Course {
    pub(super) const fn new() -> Self {
        Self {
            figures: [None; FIGURES],
            samples: 0,
            full: None,
            oom_kills: None,
            span: Duration::ZERO,
            alerts: 0,
            growers: (0, None),
        }
    }

    /// Adds a sample.
    pub(super) fn add(&mut self, sample: &Sample) {
        self.samples += 1;
        let full = sample.pressure.full.map(|stall| Percent { hundredths: stall.avg10() });
        self.full = self.full.max(full);
        if let Some(kills) = sample.delta.oom_kills {
            self.oom_kills = Some(self.oom_kills.unwrap_or(0) + kills);
        }
        let now = rows::figures(sample);
        for (figure, now) in self.figures.iter_mut().zip(now) {
            let Some(now) = now else { continue };
            *figure = Some(match *figure {
                None => Range { first: now, last: now, least: now, most: now },
                Some(range) => Range { last: now, least: range.least.min(now), most: range.most.max(now), ..range },
            });
        }
    }

    fn of(&self, figure: Figure) -> Option<Range> {
        *self.figures.get(figure as usize)?
    }
}

/// All that the analysis is made of.
pub(super) struct Facts<'a> {
    pub(super) host: &'a Host,
    pub(super) limits: &'a Limits,
    pub(super) top: usize,
    pub(super) course: &'a Course,
    pub(super) sample: &'a Sample,
    pub(super) crowd: &'a Crowd,
    /// How long memory lasts if one grows on like that.
    pub(super) left: &'a dyn Fn(&Row, &Growth) -> Option<Duration>,
    pub(super) mapped: &'a Mapped,
    /// Who reads of processes what may block.
    pub(super) slow: Option<&'a slow::Reader>,
    /// File systems in memory, as they were first.
    pub(super) mounts: &'a Mounts,
    /// What may be missing of all of it; empty for nothing.
    pub(super) caveat: &'static str,
    /// What else was noticed.
    pub(super) notes: &'a Notes,
}

impl Facts<'_> {
    /// Those that grow as the alert has it: by so much, so steadily.
    pub(super) fn grows(&self, row: &Row) -> Option<Growth> {
        let growth = self.crowd.growth(row)?;
        alerts::grows(row, self.crowd, self.limits).then_some(growth)
    }
}

/// Writes all tables that have rows. `buf` must hold a line of maps.
pub(super) fn write(facts: &Facts<'_>, buf: &mut [u8], to: &mut Writer<'_, '_>) {
    let now = Mounts::read(&facts.host.proc, buf);
    to.begin(At::Short as usize);
    conclusion::write(facts, &now, to);
    rows::write(facts, to);
    shared::write(facts, &now, buf, to);
    to.begin(At::Mappings as usize);
    rows::mappings(facts, to);
    to.begin(At::Notes as usize);
    facts.notes.each(&mut |note| {
        to.row(&[], &[note.as_bytes()]);
    });
    if now.untold > 0 {
        let mut words = Fixed::<128>::new();
        let untold = now.untold;
        // A Fixed never returns an error: it cuts.
        let _ = write!(words, "{untold} mounts of tmpfs are not in the account: there are too many to tell them apart");
        to.row(&[], &[words.as_bytes()]);
    }
}
