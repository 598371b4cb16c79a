//! Freeable memory: what the end of processes gives back.
//!
//! It is the figure by which `kill` chooses, and the one that `check`, `scores` and `monitor` show, under this one name. It counts
//! - anonymous memory (`RssAnon`) and swap (`VmSwap`) of each process;
//! - shared memory that ends with them: anonymous MAP_SHARED memory, memfds and files of tmpfs that were deleted. A file of tmpfs that
//!   has a name and a System V segment survive whoever maps them;
//! - files that they have locked (mlock(2)): the kernel can't take them back as long as they live, and counts them as used.
//!
//! It leaves out what is given back without anybody's end, and counts as available while they live: the page cache, which RssFile is but for
//! those, and anonymous memory that was given up with MADV_FREE. Both only smaps tells ([`PageKinds`]); until it was read `RssAnon` stands with all
//! that it has, and of RssFile no more than `VmLck` has room for.
//!
//! `RssShmem` does not tell one kind of shared memory from the other, and it counts a page for each process that maps it. So it stands
//! for all that is not known better, and once for processes that are counted together: the backends of a database all map the same
//! segment, and 200 times 8 GiB would be no figure. For the few that may be chosen, or are shown first, [`SharedFreed`] tells more, from smaps.
//! What processes that live on map as well is not given back, and does not count there.
//!
//! `RssAnon` and `VmSwap` have of each relative what they share since a fork(2) ([`super::kin`]): 40 children of a server of 100 MiB are not
//! 4 GiB. Of them smaps tells ([`Forked`]), and for whom there is no time left the figure is
//! - what smaps showed of a relative: they share the same, as a rule ([`Basis::Sampled`]);
//! - where none was asked, what it has more than any relative, which nobody can share with it ([`Basis::Bounded`]): that is no more than what its
//!   end gives back, and may be less.
//!
//! All of this counts as given back only where no relative lives on: one of them that is spared keeps it ([`Memory::apart`]).

use super::Memory;
use crate::parse::smaps;
use crate::units::Bytes;

/// What was found out about the shared memory of a process that ends with those who map it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SharedFreed {
    /// smaps showed it, mapping by mapping.
    Parts(SharedParts),
    /// smaps did not answer in time: all of `RssShmem`, but no more than maps has room for.
    AtMost(Bytes),
}

/// What smaps shows of such memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SharedParts {
    /// What of it nobody else maps.
    pub private: Bytes,
    /// Its part of what others map, too: a page that two processes map is half of each.
    pub share: Bytes,
    /// The whole of that.
    pub shared: Bytes,
    /// What of it is in swap. The kernel does not divide this, and VmSwap does not count it.
    pub swapped: Bytes,
    /// What of `private` a relative has mapped as well, without having touched it.
    pub inherited: Bytes,
    /// What of its parts is files of a tmpfs that were deleted.
    pub files: Bytes,
}

impl SharedFreed {
    /// What smaps showed.
    pub(super) const fn of(parts: &smaps::Totals) -> Self {
        let smaps::Totals { private, share, shared, swapped, inherited, files, .. } = *parts;
        Self::Parts(SharedParts { private, share, shared, swapped, inherited, files })
    }

    /// The same of a process that has no more than so much shared memory, as it may by now.
    #[must_use]
    pub fn at_most(self, shmem: Bytes) -> Self {
        match self {
            Self::Parts(parts) => Self::Parts(SharedParts {
                private: parts.private.min(shmem),
                share: parts.share.min(shmem),
                shared: parts.shared.min(shmem),
                swapped: parts.swapped,
                inherited: parts.inherited.min(shmem),
                files: parts.files.min(shmem),
            }),
            Self::AtMost(most) => Self::AtMost(most.min(shmem)),
        }
    }
}

/// What smaps showed of pages that count otherwise than RssAnon and RssFile have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageKinds {
    /// It showed them.
    Read {
        /// Anonymous memory that was given up with MADV_FREE.
        lazy: Bytes,
        /// Its part of files that it has locked.
        locked: Bytes,
    },
    /// It did not answer in time.
    Unanswered,
}

impl PageKinds {
    /// What smaps showed of a process that has so much shared memory.
    pub(super) fn of(parts: &smaps::Totals, shmem: Bytes) -> Self {
        let smaps::Totals { lazy, locked, locked_on_none, private, shared, .. } = *parts;
        // A file whose device tells no disk may be of a tmpfs, where it stays: what is more than all that is shared memory is of none.
        let of_tmpfs = Bytes(shmem.0.saturating_sub(private.plus(shared).0));
        Self::Read { lazy, locked: locked.plus(Bytes(locked_on_none.0.saturating_sub(of_tmpfs.0))) }
    }
}

/// Anonymous memory, and what of it is in swap, that relatives map as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forked {
    /// What of it they may map as well.
    pub cow: Bytes,
    /// Its part of that.
    pub share: Bytes,
    /// From where that is known.
    pub basis: Basis,
}

/// From where it is known what relatives share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// smaps showed it.
    Read,
    /// The same, and a relative has the same address space: all that they have is of both.
    OneSpace,
    /// smaps did not answer in time, and nothing is known yet: it counts as if it shared nothing, until all have been asked.
    Unanswered,
    /// smaps of a relative showed how much it may be.
    Sampled,
    /// It is no more than what another relative has.
    Bounded,
}

/// The memory of processes that would end together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CombinedMemory {
    /// Anonymous memory and swap of each, and shared memory that nobody else maps.
    private: Bytes,
    /// The parts of what others map, too, of those whose shared memory was looked at.
    shares: Bytes,
    /// The most that one of them maps of that.
    shared: Bytes,
    /// The most that one of them has in swap: all may map the same.
    swapped: Bytes,
    /// The most `RssShmem` that one of the others has, and of files that it may have locked.
    shmem: Bytes,
    /// The parts of anonymous memory that relatives map, too, of those who end with all relatives.
    forked_shares: Bytes,
    /// The most of it that one of them has.
    forked: Bytes,
    /// Anonymous memory of those of whom only a relative was looked at.
    sampled: Bytes,
    /// Anonymous memory that is left out, as a relative may map it, whom nobody could look at.
    left_out: Bytes,
}

impl CombinedMemory {
    /// Adds a process, with all its relatives if it has any. One without memory, which is a zombie or has just exited, adds nothing.
    pub fn add(&mut self, memory: &Memory) {
        // Before Linux 4.5 only RSS is known, which has all of this in it.
        if memory.anon.or(memory.rss).is_none() {
            return;
        }
        let anonymous = memory.anonymous();
        self.private = self.private.plus(memory.locked_files());
        let may_be_locked = memory.may_be_locked();
        // There may be less since.
        let cow = memory.forked.map_or(Bytes(0), |forked| forked.cow.min(anonymous));
        self.private = self.private.plus(Bytes(anonymous.0 - cow.0));
        if let Some(forked) = memory.forked {
            let share = forked.share.min(cow);
            self.forked_shares = self.forked_shares.plus(share);
            if share.0 > 0 {
                self.forked = self.forked.max(cow);
            }
            match forked.basis {
                Basis::Read | Basis::OneSpace | Basis::Unanswered => {}
                Basis::Sampled => self.sampled = self.sampled.plus(Bytes(anonymous.0 - cow.0)),
                Basis::Bounded => self.left_out = self.left_out.plus(Bytes(cow.0 - share.0)),
            }
        }
        match memory.shared_freed {
            Some(SharedFreed::Parts(SharedParts { private, share, shared, swapped, .. })) => {
                self.private = self.private.plus(private);
                self.shares = self.shares.plus(share);
                self.shared = self.shared.max(shared);
                self.swapped = self.swapped.max(swapped);
                self.shmem = self.shmem.max(may_be_locked);
            }
            Some(SharedFreed::AtMost(most)) => self.shmem = self.shmem.max(most.plus(may_be_locked)),
            None => self.shmem = self.shmem.max(memory.shmem.unwrap_or_default().plus(may_be_locked)),
        }
    }

    /// What the end of all of them gives back.
    #[must_use]
    pub fn freeable(&self) -> Bytes {
        let together = between(self.shares, self.shared);
        // Where others map all of the shared memory that is resident, the same is taken for that in swap.
        let swapped = if together.0 == 0 && self.shared.0 > 0 { Bytes(0) } else { self.swapped };
        let forked = between(self.forked_shares, self.forked);
        self.private.plus(together).plus(swapped).plus(forked).plus(self.shmem)
    }

    /// What of [`Self::freeable`] may stay all the same: shared memory that was not looked at, or of which there was no answer in time, and
    /// memory of which only a relative was asked.
    #[must_use]
    pub const fn unread(&self) -> Bytes {
        self.shmem.plus(self.sampled)
    }

    /// What is not in [`Self::freeable`] and may be given back all the same: what relatives may share, and nobody could look at.
    #[must_use]
    pub const fn left_out(&self) -> Bytes {
        self.left_out
    }

    /// Whether their end gives back nothing, and it is known that it does not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.freeable().0 == 0 && self.left_out.0 == 0
    }

    /// What is not free as long as they live: all that they map, whoever else does.
    #[must_use]
    pub fn kept(&self) -> Bytes {
        let (shared, forked) = (self.shares.max(self.shared), self.forked_shares.max(self.forked));
        self.private.plus(shared).plus(forked).plus(self.swapped).plus(self.shmem)
    }
}

/// What they map of the same shared memory that nobody outside maps: their parts of it, and the most that one of them maps.
///
/// As long as only they map it, their parts add up to the whole of it, which is at least what one of them maps. What is missing to that is
/// the part of others, who live on and keep the pages: as much again is theirs, if each such page is mapped by one of them and one other
/// process, as a buffer of a program and its display server is. Of a single process it is nothing, whoever the others are.
const fn between(shares: Bytes, shared: Bytes) -> Bytes {
    let missing = shared.0.saturating_sub(shares.0);
    Bytes(shares.0.saturating_sub(missing))
}

impl Memory {
    /// What is read of the same process later, when nobody asks smaps any more: shared memory that came since ends with it where all that
    /// it had before does. Of one that has a segment or a named file as well it may be of those.
    #[must_use]
    pub fn grown_to(&self, fresh: Self) -> Self {
        let more = |before: Bytes| Bytes(fresh.shmem.unwrap_or_default().0.saturating_sub(before.0));
        let shared_freed = match (self.shared_freed, self.shmem.filter(|_| self.rss.is_some())) {
            (Some(SharedFreed::Parts(parts)), Some(before)) if parts.private.plus(parts.shared) >= before => {
                Some(SharedFreed::Parts(SharedParts { private: parts.private.plus(more(before)), ..parts }))
            }
            (Some(SharedFreed::AtMost(most)), Some(before)) => Some(SharedFreed::AtMost(most.plus(more(before)))),
            (shared_freed, _) => shared_freed,
        };
        Self { shared_freed, ..self.renewed(fresh) }
    }

    /// The same where a relative lives on, who keeps what they share.
    #[must_use]
    pub fn while_relatives_live(&self) -> Self {
        let forked = self.forked.map(|forked| Forked { share: Bytes(0), ..forked });
        let shared_freed = self.shared_freed.map(|shared_freed| match shared_freed {
            // Nothing of what is in swap is known to be theirs alone.
            SharedFreed::Parts(parts) if parts.inherited.0 > 0 => SharedFreed::Parts(SharedParts {
                private: Bytes(parts.private.0.saturating_sub(parts.inherited.0)),
                swapped: Bytes(0),
                inherited: Bytes(0),
                ..parts
            }),
            other => other,
        });
        Self { shared_freed, forked, ..*self }
    }

    /// What the end of this process alone gives back; `None`: it has no memory, or that is not known.
    #[must_use]
    pub fn freeable(&self) -> Option<Bytes> {
        self.anon.or(self.rss)?;
        Some(self.alone().freeable())
    }

    /// Anonymous memory and swap, but for what was given up: what is shared since a fork(2). Before Linux 4.5 all of RSS.
    #[must_use]
    pub fn anonymous(&self) -> Bytes {
        let lazy = match self.kinds {
            Some(PageKinds::Read { lazy, .. }) => lazy,
            Some(PageKinds::Unanswered) | None => Bytes(0),
        };
        let resident = self.anon.or(self.rss).unwrap_or_default();
        Bytes(resident.0.saturating_sub(lazy.0)).plus(self.swap.unwrap_or_default())
    }

    /// Its part of files that it has locked, as far as smaps showed them.
    #[must_use]
    pub fn locked_files(&self) -> Bytes {
        match self.kinds {
            Some(PageKinds::Read { locked, .. }) => locked.min(self.file.unwrap_or_default()),
            Some(PageKinds::Unanswered) | None => Bytes(0),
        }
    }

    /// The most that this may be as long as smaps was not read.
    #[must_use]
    pub fn may_be_locked(&self) -> Bytes {
        match self.kinds {
            Some(PageKinds::Read { .. }) => Bytes(0),
            Some(PageKinds::Unanswered) | None => self.locked.unwrap_or_default().min(self.file.unwrap_or_default()),
        }
    }

    /// It alone: its relatives live on.
    fn alone(&self) -> CombinedMemory {
        let mut alone = CombinedMemory::default();
        alone.add(&self.while_relatives_live());
        alone
    }

    /// How far [`Self::freeable`] may be wrong, as something was not read in time: what may stay, and what may be given back as well.
    #[must_use]
    pub fn unread(&self) -> Bytes {
        let alone = self.alone();
        alone.unread().plus(alone.left_out())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_memory_that_came_since_counts_where_all_that_was_there_ends_with_the_process() {
        let held =
            |before: Memory, shmem: u64| before.grown_to(memory(1, shmem, 0)).freeable().map(|size| size.0 >> 20);
        let known = |shmem: u64, private: u64| Memory {
            shared_freed: known(1, [private, 0, 0, 0]).shared_freed,
            ..memory(1, shmem, 0)
        };
        assert_eq!(held(known(10, 10), 30), Some(31));
        assert_eq!(held(known(0, 0), 20), Some(21));
        // A segment of 10 MiB, which stays: what came may be of it.
        assert_eq!(held(known(10, 0), 30), Some(1));
        let unread = Memory { shared_freed: Some(SharedFreed::AtMost(Bytes(10 << 20))), ..memory(1, 10, 0) };
        assert_eq!(held(unread, 30), Some(31));
        // What was not weighed before has nothing to compare with.
        assert_eq!(held(Memory { rss: None, shmem: None, ..known(0, 5) }, 30), Some(6));
    }

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

    /// Looked at: what it alone maps, its part of what others map, the whole of that, and swap.
    fn known(anon: u64, mib: [u64; 4]) -> Memory {
        let [private, share, shared, swapped] = mib.map(|mib| Bytes(mib << 20));
        let parts = SharedFreed::Parts(SharedParts { private, share, shared, swapped, ..SharedParts::default() });
        Memory { shared_freed: Some(parts), ..memory(anon, 800, 0) }
    }

    /// A forked process: so much anonymous memory, of which so much is mapped by so many.
    fn forked(anon: u64, cow: u64, by: u64) -> Memory {
        let mib = |mib: u64| Bytes(mib << 20);
        let forked = Forked { cow: mib(cow), share: mib(cow / by), basis: Basis::Read };
        Memory { forked: Some(forked), ..memory(anon, 0, 0) }
    }

    #[test]
    fn what_a_server_shares_with_its_forks_counts_once_and_of_one_of_them_not_at_all() {
        assert_eq!(together(&[forked(62, 60, 3); 3]), 66);
        assert_eq!(forked(62, 60, 3).freeable(), Some(Bytes(2 << 20)));
        // Of 40 of 41 the one that lives on keeps it.
        assert_eq!(together(&[forked(62, 60, 41).while_relatives_live(); 40]), 80);
    }

    #[test]
    fn what_a_relative_has_mapped_and_not_touched_is_given_back_with_all_of_them_alone() {
        let mut one = known(1, [100, 0, 0, 5]);
        if let Some(SharedFreed::Parts(SharedParts { inherited, .. })) = &mut one.shared_freed {
            *inherited = Bytes(100 << 20);
        }
        assert_eq!(together(&[one, memory(1, 0, 0)]), 107);
        assert_eq!(one.freeable(), Some(Bytes(1 << 20)));
    }

    #[test]
    fn what_was_not_read_is_said_to_be_more_or_less() {
        let by = |known| {
            let Memory { forked, .. } = forked(62, 60, 3);
            Memory { forked: forked.map(|forked| Forked { basis: known, ..forked }), ..memory(62, 0, 0) }
        };
        let mib = |known| (by(known).freeable().map(|size| size.0 >> 20), by(known).unread().0 >> 20);
        assert_eq!(mib(Basis::Read), (Some(2), 0));
        assert_eq!(mib(Basis::Sampled), (Some(2), 2), "it may stay");
        assert_eq!(mib(Basis::Bounded), (Some(2), 60), "it may be given back");
    }

    fn together(all: &[Memory]) -> u64 {
        let mut sum = CombinedMemory::default();
        all.iter().for_each(|memory| sum.add(memory));
        sum.freeable().0 >> 20
    }

    #[test]
    fn shared_memory_is_freeable_and_files_are_not() {
        assert_eq!(memory(1, 147, 3).freeable(), Some(Bytes(151 << 20)));
        assert_eq!(Memory::default().freeable(), None);
    }

    #[test]
    fn what_was_given_up_is_not_freeable_and_what_is_locked_is() {
        let mib = |mib: u64| Bytes(mib << 20);
        let memory = Memory { file: Some(mib(30)), locked: Some(mib(25)), ..memory(40, 5, 2) };
        let read = |lazy, locked| {
            let kinds = Some(PageKinds::Read { lazy: mib(lazy), locked: mib(locked) });
            let memory = Memory { kinds, ..memory };
            (memory.freeable().unwrap_or_default().0 >> 20, memory.unread().0 >> 20)
        };
        assert_eq!(read(0, 0), (47, 5));
        assert_eq!(read(35, 0), (12, 5));
        assert_eq!(read(99, 0), (7, 5), "there may be less of it by now");
        assert_eq!(read(0, 20), (67, 5));
        assert_eq!(read(0, 99), (77, 5), "no more than there is of files");
        // Not read: no more than is locked, nor than there is of files.
        for kinds in [None, Some(PageKinds::Unanswered)] {
            let memory = Memory { kinds, ..memory };
            assert_eq!((memory.freeable(), memory.unread()), (Some(mib(72)), mib(30)));
        }
    }

    /// overlayfs, btrfs, and a tmpfs.
    #[test]
    fn a_locked_file_without_a_disk_counts_for_what_can_not_be_of_a_tmpfs() {
        let kib = |kib: u64| Bytes(kib << 10);
        let of = |locked_on_none, shmem| {
            let mut parts = smaps::Totals::default();
            (parts.locked, parts.locked_on_none, parts.private) = (kib(3), kib(locked_on_none), kib(10));
            PageKinds::of(&parts, kib(shmem))
        };
        let locked = |locked| PageKinds::Read { lazy: Bytes(0), locked: kib(locked) };
        assert_eq!([of(40, 0), of(40, 10), of(40, 30), of(40, 50)], [locked(43), locked(43), locked(23), locked(3)]);
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
        // Two map the same 400 MiB, 60 of them in swap; a third one was not looked at.
        let known = |private, share, shared, swapped| known(1, [private, share, shared, swapped]);
        assert_eq!(together(&[known(0, 170, 340, 60), known(0, 170, 340, 60)]), 402);
        assert_eq!(together(&[known(0, 0, 0, 0), memory(1, 20, 0)]), 22);
        // A segment of System V, or a file with a name: it stays.
        assert_eq!(known(0, 0, 0, 0).freeable(), Some(Bytes(1 << 20)));
    }

    #[test]
    fn what_somebody_who_lives_on_maps_is_not_given_back() {
        // One other process, and three others.
        assert_eq!(together(&[known(1, [5, 20, 40, 8])]), 6);
        assert_eq!(together(&[known(1, [5, 10, 40, 8])]), 6);
        // All of a tree, and one outside of it that maps a part of what one of them does.
        assert_eq!(together(&[known(1, [0, 8, 16, 0]), known(1, [0, 8 + 5, 26, 0])]), 2 + 16);
        // As long as one lives, all that it maps is kept.
        let mut rest = CombinedMemory::default();
        rest.add(&known(1, [5, 8, 16, 2]));
        assert_eq!(rest.kept(), Bytes((1 + 5 + 16 + 2) << 20));
    }
}
