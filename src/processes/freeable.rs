//! Freeable memory: what the end of processes gives back.
//!
//! It is the figure by which `kill` chooses, and the one that `check`, `scores` and `monitor` show, under this one name. It counts
//! - anonymous memory (`RssAnon`) and swap (`VmSwap`) of each process;
//! - shared memory that ends with them: anonymous MAP_SHARED memory, memfds and files of tmpfs that were deleted. A file of tmpfs that
//!   has a name and a System V segment survive whoever maps them.
//!
//! It leaves out RssFile: the page cache is given back without anybody's end.
//!
//! `RssShmem` does not tell one kind of shared memory from the other, and it counts a page for each process that maps it. So it stands
//! for all that is not known better, and once for processes that are counted together: the backends of a database all map the same
//! segment, and 200 times 8 GiB would be no figure. For the few that may be chosen [`Ending`] tells more, from smaps.

use super::Memory;
use crate::units::Bytes;

/// What was found out about the shared memory of a process that ends with those who map it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// smaps showed it, mapping by mapping.
    Parts {
        /// Its part of what is resident: a page that two processes map is half of each.
        share: Bytes,
        /// What of it is in swap. The kernel does not divide this, and VmSwap does not count it.
        swapped: Bytes,
    },
    /// smaps did not answer in time: all of `RssShmem`, but no more than maps has room for.
    AtMost(Bytes),
}

/// The memory of processes that would end together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Together {
    /// Anonymous memory and swap of each.
    private: Bytes,
    /// The parts of those whose shared memory was looked at.
    shares: Bytes,
    /// The most that one of them has in swap: all may map the same.
    swapped: Bytes,
    /// The most `RssShmem` that one of the others has.
    shmem: Bytes,
}

impl Together {
    /// Adds a process. One without memory, which is a zombie or has just exited, adds nothing.
    pub fn add(&mut self, memory: &Memory) {
        // Before Linux 4.5 only RSS is known, which has all of this in it.
        let Some(resident) = memory.anon.or(memory.rss) else {
            return;
        };
        self.private = self.private.plus(resident).plus(memory.swap.unwrap_or_default());
        match memory.ending {
            Some(Ending::Parts { share, swapped }) => {
                self.shares = self.shares.plus(share);
                self.swapped = self.swapped.max(swapped);
            }
            Some(Ending::AtMost(most)) => self.shmem = self.shmem.max(most),
            None => self.shmem = self.shmem.max(memory.shmem.unwrap_or_default()),
        }
    }

    /// What the end of all of them gives back.
    #[must_use]
    pub fn freeable(&self) -> Bytes {
        self.private.plus(self.shares).plus(self.swapped).plus(self.shmem)
    }
}

impl Memory {
    /// What the end of this process alone gives back; `None`: it has no memory, or that is not known.
    #[must_use]
    pub fn freeable(&self) -> Option<Bytes> {
        self.anon.or(self.rss)?;
        let mut alone = Together::default();
        alone.add(self);
        Some(alone.freeable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(anon: u64, shmem: u64, swap: u64) -> Memory {
        let some = |mib: u64| Some(Bytes(mib << 20));
        Memory {
            rss: some(anon + shmem + 7),
            anon: some(anon),
            shmem: some(shmem),
            swap: some(swap),
            ..Memory::default()
        }
    }

    fn together(all: &[Memory]) -> u64 {
        let mut sum = Together::default();
        all.iter().for_each(|memory| sum.add(memory));
        sum.freeable().0 >> 20
    }

    #[test]
    fn shared_memory_is_freeable_and_files_are_not() {
        assert_eq!(memory(1, 147, 3).freeable(), Some(Bytes(151 << 20)));
        assert_eq!(Memory::default().freeable(), None);
    }

    #[test]
    fn before_linux_4_5_rss_stands_for_all() {
        let old = Memory { anon: None, shmem: None, ..memory(30, 20, 5) };
        assert_eq!(old.freeable(), Some(Bytes(62 << 20)));
    }

    #[test]
    fn what_the_processes_of_a_tree_share_counts_once() {
        assert_eq!(together(&[memory(1, 800, 0), memory(2, 800, 0), memory(3, 500, 1)]), 807);
    }

    #[test]
    fn parts_from_smaps_are_added_and_beat_rssshmem() {
        let known = |anon, share: u64, swapped: u64| Memory {
            ending: Some(Ending::Parts { share: Bytes(share << 20), swapped: Bytes(swapped << 20) }),
            ..memory(anon, 800, 0)
        };
        // Two map the same 400 MiB, 60 of them in swap; a third one was not looked at.
        assert_eq!(together(&[known(1, 170, 60), known(2, 170, 60)]), 403);
        assert_eq!(together(&[known(1, 0, 0), memory(1, 20, 0)]), 22);
        // A segment of System V, or a file with a name: it stays.
        assert_eq!(known(1, 0, 0).freeable(), Some(Bytes(1 << 20)));
    }
}
