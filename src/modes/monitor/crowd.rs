//! All processes over time: one row each, kept from sample to sample by pid and starttime.

use crate::history::trend::R2;
use crate::processes::Comm;
use crate::units::{Bytes, Pid, Ticks};
use core::time::Duration;

/// Sizes that are remembered of each process: enough for a line that tells growth from noise, 128 bytes a process.
pub const POINTS: usize = 32;

/// A process that is followed.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number.
    pub pid: Pid,
    /// When it was started: with the number it tells one process from another.
    pub started: Ticks,
    /// Its name.
    pub comm: Comm,
    /// Its parent's number, as of the last whole look.
    pub parent: Option<Pid>,
    /// `R`, `S`, `D`, `Z`, ...
    pub state: u8,
    /// Threads.
    pub threads: u64,
    /// VmSize.
    pub vsz: Bytes,
    /// RSS: from statm.
    pub rss: Bytes,
    /// File and shared memory of it: statm's third number.
    pub shared: Bytes,
    /// VmSwap, as of the last whole look; `None`: not looked at, as no swap is used.
    pub swap: Option<Bytes>,
    /// Open descriptors, as of the last whole look.
    pub fds: Option<u64>,
    /// How many it may have (`Max open files`, soft).
    pub fds_most: Option<u64>,
    /// With --deep, of the top ones.
    pub pss: Option<Bytes>,
    /// With --deep, of the top ones.
    pub uss: Option<Bytes>,
    /// RSS and swap at the first sample that saw it.
    pub first: Bytes,
}

impl Row {
    /// Memory that no file backs: RSS without file and shared memory.
    #[must_use]
    pub const fn anon(&self) -> Bytes {
        Bytes(self.rss.0.saturating_sub(self.shared.0))
    }

    /// What it has: RSS and swap.
    #[must_use]
    pub fn held(&self) -> Bytes {
        self.rss.plus(self.swap.unwrap_or_default())
    }
}

/// How a process grew in the window.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Growth {
    /// Bytes a second; negative when it shrinks.
    pub per_second: i64,
    /// How good the line is.
    pub r2: R2,
    /// From the first of its samples to the last.
    pub span: Duration,
    /// What it gained in that span, by the line.
    pub gained: i64,
    /// The same in percent of what it had at the start of the line, in hundredths.
    pub percent: i64,
}
