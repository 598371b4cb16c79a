//! Where the figures of a sample come from, and why one of these could not be read.
//!
//! What a source told once and does not tell any more is missing from then on, in every table and every sentence: never 0, and never what it
//! was last. That it is so is said once for each cause, as an alert, and once when it is over (see `alerts/sources.rs`); an alert that
//! rests on it ends then, as it can't be told any more.
//! What a source never told (there is no PSI, /proc/slabinfo is root's) was not lost.

use core::fmt;

use crate::error::{Absent, Because};
use crate::listed::listed;

listed! {
    /// Where figures come from.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    #[allow(missing_docs, reason = "the names say it")]
    pub enum Origin {
        Meminfo,
        Pressure,
        Vmstat,
        Swaps,
        Buddyinfo,
        Slabinfo,
        FileNr,
        Cgroups,
        Processes,
        Log,
    }
}

impl Origin {
    /// Its path, and what is missing without it.
    const fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Meminfo => ("/proc/meminfo", "how much memory and swap are used is not known"),
            Self::Pressure => ("/proc/pressure/memory", "who waits for memory is not known"),
            Self::Vmstat => ("/proc/vmstat", "what the kernel reclaims is not known, and OOM kills are not counted"),
            Self::Swaps => ("/proc/swaps", "swap areas are not known"),
            Self::Buddyinfo => ("/proc/buddyinfo", "how much free memory is in pieces is not known"),
            Self::Slabinfo => ("/proc/slabinfo", "slab caches are not known"),
            Self::FileNr => ("/proc/sys/fs/file-nr", "open files of the system are not known"),
            Self::Cgroups => ("the directories of cgroups", "cgroups are left out"),
            Self::Processes => ("/proc/PID", "processes are left out"),
            Self::Log => ("/dev/kmsg", "OOM kills are counted, and have no names"),
        }
    }

    /// Its path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        self.described().0
    }

    /// What is missing without it.
    #[must_use]
    pub const fn missing(self) -> &'static str {
        self.described().1
    }
}

/// Why sources could not be read at one sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unread([Option<Absent>; Origin::COUNT]);

impl Unread {
    /// All of them were read.
    pub const NONE: Self = Self([None; Origin::COUNT]);

    /// One of them was read, or was not.
    pub const fn note(&mut self, origin: Origin, why: Option<Absent>) {
        self.0[origin as usize] = why;
    }

    /// What was read of one of them; nothing, where it could not be.
    pub fn take<T: Default>(&mut self, origin: Origin, read: Result<T, Absent>) -> T {
        self.note(origin, read.as_ref().err().copied());
        read.unwrap_or_default()
    }

    /// Why it could not be read; `None`: it was.
    #[must_use]
    pub const fn of(&self, origin: Origin) -> Option<Absent> {
        self.0[origin as usize]
    }
}

/// Why a source could not be read, with its path: an errno alone does not say of what.
#[derive(Clone, Copy, Debug)]
pub struct Why(pub Origin, pub Absent);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Absent::Failed(errno) => write!(f, "cannot read {}: {}", self.0.path(), Because(errno)),
            why => why.fmt(f),
        }
    }
}
