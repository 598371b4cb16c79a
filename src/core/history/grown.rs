//! What grew since the first snapshot: sizes by kind, and the mappings that did.

use core::time::Duration;

use crate::largest::keep;
use crate::listed::listed;
use crate::units::Bytes;

listed! {
    /// What a mapping is of.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Kind {
        /// brk(2).
        Heap,
        /// Anonymous and private: malloc's large pieces, arenas, stacks of threads.
        Anon,
        /// The first thread's stack.
        Stack,
        /// A file.
        File,
        /// Shared memory: POSIX, System V, memfd, anonymous.
        Shm,
        /// vdso and the like, devices without a path.
        Other,
    }
}

impl Kind {
    /// By the last column of maps.
    #[must_use]
    pub fn of(path: &[u8]) -> Self {
        match path {
            b"" => Self::Anon,
            b"[heap]" => Self::Heap,
            [b'[', b'a', b'n', b'o', b'n', b'_', ..] => Self::Shm,
            [b'[', b'a', b'n', b'o', b'n', ..] => Self::Anon,
            [b'[', b's', b't', b'a', b'c', b'k', ..] => Self::Stack,
            [b'/', rest @ ..] => {
                // As fs/proc shows what lies on the kernel's own tmpfs, and what is shared without a file.
                let shared: [&[u8]; 4] = [b"dev/shm/", b"memfd:", b"SYSV", b"dev/zero (deleted)"];
                if shared.iter().any(|start| rest.starts_with(start)) {
                    Self::Shm
                } else if rest.starts_with(b"anon_hugepage") {
                    Self::Anon
                } else {
                    Self::File
                }
            }
            _ => Self::Other,
        }
    }

    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Anon => "anon",
            Self::Stack => "stack",
            Self::File => "file",
            Self::Shm => "shm",
            Self::Other => "other",
        }
    }
}

/// What a process has of memory, as status tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the kernel's names")]
pub struct Sizes {
    pub rss: Option<Bytes>,
    pub anon: Option<Bytes>,
    pub file: Option<Bytes>,
    pub shmem: Option<Bytes>,
    pub swap: Option<Bytes>,
}

impl Sizes {
    /// How much more there is of each than there was, in bytes; `None` where one of the two is not known.
    #[must_use]
    pub fn differences(self, then: Self) -> [Option<i64>; 5] {
        let all = |sizes: Self| [sizes.rss, sizes.anon, sizes.file, sizes.shmem, sizes.swap];
        let (now, then) = (all(self), all(then));
        core::array::from_fn(|at| {
            let (now, then) = (now.get(at)?.as_ref()?.0, then.get(at)?.as_ref()?.0);
            i64::try_from(now).ok()?.checked_sub(i64::try_from(then).ok()?)
        })
    }
}

/// What the first snapshot saw.
#[derive(Debug)]
pub struct First {
    /// When, and how much there was.
    pub sizes: Option<(Duration, Sizes)>,
    /// Its largest mappings.
    pub mappings: Option<Largest>,
}

impl First {
    pub(super) const fn none() -> Self {
        Self { sizes: None, mappings: None }
    }
}

/// Mappings that are remembered.
const REMEMBERED: usize = 32;

/// The largest mappings of a process.
#[derive(Clone, Copy, Debug)]
pub struct Largest {
    /// Start and end, in no order.
    ranges: [(u64, u64); REMEMBERED],
    len: usize,
    /// The size of the largest that was not kept; 0: all were.
    passed_over: u64,
}

impl Largest {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: [(0, 0); REMEMBERED], len: 0, passed_over: 0 }
    }

    /// Keeps it if it is one of the largest so far.
    pub fn note(&mut self, start: u64, end: u64) {
        if let Some(slot) = self.ranges.get_mut(self.len) {
            *slot = (start, end);
            self.len += 1;
            return;
        }
        let size = end - start;
        // Most mappings are as small as the smallest kept: then nothing is searched.
        if size <= self.passed_over {
            return;
        }
        let least = self.ranges.iter_mut().min_by_key(|(start, end)| end - start);
        if let Some(least) = least {
            let kept = least.1 - least.0;
            if size > kept {
                *least = (start, end);
            }
            self.passed_over = self.passed_over.max(size.min(kept));
        }
    }

    /// How much a mapping has grown since: by what of it was no mapping then. Anonymous ones grow downwards and merge, so neither end
    /// need be the same. What is not remembered was no larger than what was passed over.
    #[must_use]
    pub fn growth(&self, start: u64, end: u64) -> u64 {
        let kept = self.ranges.get(..self.len).unwrap_or_default();
        let overlap: u64 = kept.iter().map(|(from, to)| end.min(*to).saturating_sub(start.max(*from))).sum();
        let then = if overlap == 0 { self.passed_over } else { overlap };
        (end - start).saturating_sub(then)
    }
}

impl Default for Largest {
    fn default() -> Self {
        Self::new()
    }
}

/// Smaller mappings are not compared.
pub const SMALLEST: u64 = 1 << 20;

/// How many are shown.
pub const SHOWN: usize = 5;

/// A mapping that has grown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grower {
    /// Its first address.
    pub start: u64,
    /// The address behind its last.
    pub end: u64,
    /// Of what.
    pub kind: Kind,
    /// By how much.
    pub by: Bytes,
}

/// Those that have grown most, the most first.
#[derive(Clone, Copy, Debug)]
pub struct Growers {
    top: [Option<Grower>; SHOWN],
}

impl Growers {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self { top: [None; SHOWN] }
    }

    /// Takes one in if it belongs there.
    pub fn note(&mut self, grower: Grower) {
        keep(&mut self.top, grower, |grower| grower.by);
    }

    /// The most first.
    #[must_use]
    pub const fn all(&self) -> [Option<Grower>; SHOWN] {
        self.top
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_kind_is_told_by_the_last_column() {
        for (path, kind) in [
            (&b""[..], Kind::Anon),
            (b"[anon:glibc: malloc]", Kind::Anon),
            (b"[anon_shmem:dalvik]", Kind::Shm),
            (b"[heap]", Kind::Heap),
            (b"[stack]", Kind::Stack),
            (b"[stack:77]", Kind::Stack),
            (b"/usr/lib/libc.so.6 (deleted)", Kind::File),
            (b"/dev/shm/pg.1", Kind::Shm),
            (b"/memfd:doublemapper (deleted)", Kind::Shm),
            (b"/SYSV00000000 (deleted)", Kind::Shm),
            (b"/dev/zero (deleted)", Kind::Shm),
            (b"/dev/zero", Kind::File),
            (b"/anon_hugepage (deleted)", Kind::Anon),
            (b"[vdso]", Kind::Other),
            (b"anon_inode:[io_uring]", Kind::Other),
        ] {
            assert_eq!(Kind::of(path), kind, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn what_is_not_known_of_both_has_not_grown_by_zero() {
        let then =
            Sizes { rss: Some(Bytes(4096)), anon: Some(Bytes(1 << 20)), swap: Some(Bytes(0)), ..Sizes::default() };
        let now = Sizes { rss: Some(Bytes(8192)), anon: Some(Bytes(0)), file: Some(Bytes(0)), ..Sizes::default() };
        let grown = [Some(4096), Some(-(1 << 20)), None, None, None];
        assert_eq!(now.differences(then), grown);
    }

    #[test]
    fn a_mapping_grows_at_either_end_and_by_merging() {
        let mut then = Largest::new();
        then.note(10 * MIB, 20 * MIB);
        then.note(30 * MIB, 40 * MIB);
        assert_eq!(then.growth(10 * MIB, 20 * MIB), 0);
        assert_eq!(then.growth(10 * MIB, 25 * MIB), 5 * MIB);
        assert_eq!(then.growth(5 * MIB, 20 * MIB), 5 * MIB, "downwards");
        assert_eq!(then.growth(10 * MIB, 40 * MIB), 10 * MIB, "merged");
        assert_eq!(then.growth(12 * MIB, 14 * MIB), 0, "shrunk");
        assert_eq!(then.growth(50 * MIB, 53 * MIB), 3 * MIB, "new");
    }

    #[test]
    fn the_largest_are_remembered_and_the_others_were_no_larger() {
        let mut then = Largest::new();
        for n in 0..100 {
            then.note(n * 1000 * MIB, n * 1000 * MIB + n * MIB);
        }
        for n in 68..100 {
            assert_eq!(then.growth(n * 1000 * MIB, n * 1000 * MIB + n * MIB), 0, "{n}");
        }
        // Not remembered, so it is not said to be new.
        assert_eq!(then.growth(50_000 * MIB, 50_000 * MIB + 50 * MIB), 0);
        assert_eq!(then.growth(50_000 * MIB, 50_000 * MIB + 80 * MIB), 13 * MIB);
    }

    #[test]
    fn the_five_that_grew_most_are_shown_in_order() {
        let mut growers = Growers::none();
        for by in [3, 9, 1, 7, 5, 8, 2] {
            growers.note(Grower { start: 0, end: by, kind: Kind::Anon, by: Bytes(by) });
        }
        let shown: Vec<u64> = growers.all().into_iter().flatten().map(|grower| grower.by.0).collect();
        assert_eq!(shown, [9, 8, 7, 5, 3]);
    }
}
