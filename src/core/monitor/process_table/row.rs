//! What is known of one process.

use core::time::Duration;

use super::{POINTS, Slot};
use crate::history::trend::R2;
use crate::parse::stat;
use crate::processes::sharing::WORTH;
use crate::processes::{Comm, Kind, Memory, SharedFreed};
use crate::report::escape::Called;
use crate::sys::Errno;
use crate::units::{Bytes, Percent, Pid, Ticks};

/// `java (PID 4242)`, the name escaped.
#[derive(Clone, Copy, Debug)]
pub struct NameAndPid<'a>(pub Pid, pub &'a Comm);

impl core::fmt::Display for NameAndPid<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} (PID {})", Called(self.1.as_bytes()), self.0)
    }
}

/// A process that is followed.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number.
    pub pid: Pid,
    /// When it was started: with the number it tells one process from another.
    pub started: Ticks,
    /// Its name, as of the last whole look.
    pub comm: Comm,
    /// Its parent's number, as of the last whole look.
    pub parent: Option<Pid>,
    /// `R`, `S`, `D`, `Z`, ...; `Z` is known at once, others as of the last whole look.
    pub state: u8,
    /// Threads, as of the last whole look.
    pub threads: u64,
    /// VmSize.
    pub vsz: Bytes,
    /// RSS: from statm.
    pub rss: Bytes,
    /// File and shared memory of it: statm's third number.
    pub shared: Bytes,
    /// What of it is shared memory, as of the last whole look.
    pub shmem: Bytes,
    /// What of that ends with it, and how much it had when that was found out: of the top ones.
    pub(super) shared_freed: Option<(SharedFreed, Bytes)>,
    /// VmSwap, as of the last whole look; `None`: it has no memory, as a zombie.
    pub swap: Option<Bytes>,
    /// Open descriptors, as of the last whole look.
    pub fds: Option<u64>,
    /// How many it may have (`Max open files`, soft).
    pub fds_most: Option<u64>,
    /// How many it had when that was read.
    pub(super) fds_then: Option<u64>,
    /// With --deep, of the top ones.
    pub pss: Option<Bytes>,
    /// With --deep, of the top ones: what of PSS it alone maps.
    pub uss: Option<Bytes>,
    /// HugetlbPages, as of the last whole look: in neither RSS, PSS nor USS.
    pub hugetlb: Option<Bytes>,
    /// RSS and swap at the first sample that saw it.
    pub first: Bytes,
    /// Why it could not be read at the last sample: what stands here is of one before, and is shown nowhere.
    pub unread: Option<Errno>,
    /// Whose it is: a kernel thread has no memory.
    pub kind: Kind,
    /// The inode of its directory.
    pub(super) inode: u64,
    /// The row with the next larger number, or the next one that is free.
    pub(super) next: Option<Slot>,
    /// The sample that saw it last, and the one that looked at it wholly.
    pub(super) seen: u32,
    pub(super) looked: u32,
    /// Descriptors when they were first counted, and when they were counted last.
    pub(super) fds_first: Option<(u64, Duration)>,
    pub(super) fds_at: Duration,
    /// Bytes a second if it grows, by more than noise; else 0.
    pub(super) slope: u64,
    /// RSS and swap in pages, at [`Times`].
    pub(super) points: [u32; POINTS],
}

impl Row {
    /// Who it is, for sentences.
    #[must_use]
    pub const fn who(&self) -> NameAndPid<'_> {
        NameAndPid(self.pid, &self.comm)
    }

    /// One of whom nothing else is known.
    #[must_use]
    pub fn new(pid: Pid, started: Ticks) -> Self {
        Self { pid, started, ..Self::empty(None) }
    }

    /// Nobody's. Its number is that of nobody who would be looked for.
    pub(super) const fn empty(next: Option<Slot>) -> Self {
        Self {
            pid: Pid::MAX,
            started: Ticks(0),
            comm: Comm::new(),
            parent: None,
            state: b'?',
            threads: 0,
            vsz: Bytes(0),
            rss: Bytes(0),
            shared: Bytes(0),
            shmem: Bytes(0),
            shared_freed: None,
            swap: None,
            fds: None,
            fds_most: None,
            fds_then: None,
            pss: None,
            uss: None,
            hugetlb: None,
            first: Bytes(0),
            unread: None,
            kind: Kind::User,
            inode: 0,
            next,
            seen: 0,
            looked: 0,
            fds_first: None,
            fds_at: Duration::ZERO,
            slope: 0,
            points: [u32::MAX; POINTS],
        }
    }

    /// Memory that no file backs: RSS without file and shared memory.
    #[must_use]
    pub const fn anon(&self) -> Bytes {
        Bytes(self.rss.0.saturating_sub(self.shared.0))
    }

    /// What its end would give back.
    #[must_use]
    pub fn freeable(&self) -> Bytes {
        // There may be less of it by now.
        let shmem = self.shmem.min(self.shared);
        let memory = Memory {
            anon: Some(self.anon()),
            shmem: Some(shmem),
            shared_freed: self.shared_freed.map(|(shared_freed, _)| shared_freed.at_most(shmem)),
            swap: self.swap,
            ..Memory::default()
        };
        memory.freeable().unwrap_or_default()
    }

    /// Whether it is worth while to find out what of its shared memory ends with it: it has some, and an eighth more or less than when that
    /// was done.
    pub(super) fn wants_its_ending(&self) -> bool {
        let known = self.shared_freed.map(|(_, shmem)| shmem.0);
        self.shmem >= WORTH && known.is_none_or(|known| self.shmem.0.abs_diff(known) >= known / 8)
    }

    /// What it has: RSS and swap.
    #[must_use]
    pub fn held(&self) -> Bytes {
        self.rss.plus(self.swap.unwrap_or_default())
    }

    /// Whether it has exited, as a whole, and waits to be reaped.
    #[must_use]
    pub const fn is_zombie(&self) -> bool {
        stat::has_exited(self.state, self.threads)
    }

    /// Whether it grows, steadily and by more than noise.
    #[must_use]
    pub const fn is_growing(&self) -> bool {
        self.slope > 0
    }

    /// Its descriptors as a share of how many it may have.
    #[must_use]
    pub fn fds_share(&self) -> Option<Percent> {
        Percent::of(Bytes(self.fds?), Bytes(self.fds_most?))
    }

    /// How many descriptors it has more than when they were first counted, and how long ago that was.
    #[must_use]
    pub fn fds_gained(&self) -> Option<(i64, Duration)> {
        let (first, at) = self.fds_first?;
        let gained = self.fds?.wrapping_sub(first).cast_signed();
        Some((gained, self.fds_at.saturating_sub(at)))
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
    /// What it gained in that span, by the line; never more than it has.
    pub gained: i64,
    /// The same in percent of what it had at the start of the line, as measured or by the line, whichever is more, in hundredths.
    pub percent: i64,
}

#[cfg(test)]
pub(in crate::monitor) mod tests {
    use super::*;

    /// A process that holds so much.
    pub(in crate::monitor) fn row(pid: u64, rss: u64) -> Row {
        Row {
            pid: Pid::new(pid).expect("a pid"),
            comm: Comm::of(b"java"),
            threads: 1,
            rss: Bytes(rss),
            ..Row::empty(None)
        }
    }

    #[test]
    fn what_is_shared_is_not_anonymous_and_swap_is_held() {
        let mut one = row(7, 100);
        (one.shared, one.swap) = (Bytes(130), Some(Bytes(50)));
        assert_eq!((one.anon(), one.held()), (Bytes(0), Bytes(150)));
        one.shmem = Bytes(90);
        assert_eq!(one.freeable(), Bytes(140));
        one.shared_freed = Some((SharedFreed::AtMost(Bytes(20)), Bytes(90)));
        assert_eq!(one.freeable(), Bytes(70));
        assert_eq!(one.fds_gained(), None);
        (one.fds, one.fds_first) = (Some(3), Some((10, Duration::ZERO)));
        one.fds_at = Duration::from_secs(9);
        assert_eq!(one.fds_gained(), Some((-7, Duration::from_secs(9))));
    }

    #[test]
    fn the_ending_of_shared_memory_is_asked_for_again_when_that_has_changed() {
        let mut one = row(7, 100 << 20);
        one.shmem = Bytes(WORTH.0 - 1);
        assert!(!one.wants_its_ending(), "there is next to none");
        one.shmem = Bytes(80 << 20);
        assert!(one.wants_its_ending());
        one.shared_freed = Some((SharedFreed::AtMost(Bytes(0)), one.shmem));
        for (mib, expected) in [(80, false), (89, false), (90, true), (71, false), (70, true)] {
            one.shmem = Bytes(mib << 20);
            assert_eq!(one.wants_its_ending(), expected, "{mib}");
        }
    }
}
