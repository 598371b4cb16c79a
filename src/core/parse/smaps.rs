//! `/proc/PID/smaps` (proc_pid_smaps(5), fs/proc/task_mmu.c), as far as it tells what memory ends with a process.
//!
//! Each mapping begins with its line of maps; lines of sizes follow, `Pss:    12 kB`. Reading it walks the page tables under the
//! process's mmap_lock, 1.2 ms for 64 MiB.

use super::maps::{self, Mapping};
use super::{ascii, key_value, kib};
use crate::units::Bytes;

/// Shared memory that ends with those who map it, summed over mappings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Pages that nobody else maps.
    pub private: Bytes,
    /// Its part of those that others map, too: a page that two processes map counts half.
    pub share: Bytes,
    /// The whole of those.
    pub shared: Bytes,
    /// `Swap` of it, which the kernel does not divide.
    pub swapped: Bytes,
    /// Its address space: it can't be more.
    pub size: Bytes,
    /// Anonymous memory that other processes map as well, since a fork(2) after which nobody has written to it.
    pub cow: Bytes,
    /// Its part of that.
    pub cow_share: Bytes,
    /// What of `private` a relative has mapped as well, and not touched.
    pub inherited: Bytes,
    /// What of the process's part of it all is files of a tmpfs that were deleted.
    pub files: Bytes,
    /// The address space of those: they can't be more.
    pub file_size: Bytes,
    /// Anonymous memory that it has given up with MADV_FREE and not written to since (`LazyFree`, Linux 4.12): the kernel takes it when it
    /// wants to, as it does the page cache, and counts it as that. It is in none of `cow`.
    pub lazy: Bytes,
    /// Its part of files on a disk that it has locked (mlock(2), `Locked`), and that nobody can take back as long as it lives.
    pub locked: Bytes,
    /// The same of files whose device tells no disk: overlayfs, btrfs and network file systems have such a one, and a tmpfs, too.
    pub locked_on_none: Bytes,
    /// Whether it and a relative have one address space (CLONE_VM): all that is private here is theirs, too. smaps does not tell it.
    pub is_one_space: bool,
    /// Whether the lines that come are of such a mapping, and of which kind.
    at: At,
    /// What they said so far.
    now: Now,
}

/// The sizes of one mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Now {
    rss: Bytes,
    pss: Bytes,
    /// `Pss_Dirty` (Linux 6.0).
    pss_dirty: Option<Bytes>,
    private: Bytes,
    swap: Bytes,
    /// What of `private` was not written to.
    clean: Bytes,
    /// What of it is anonymous, and what of that relatives map as well, and its part of that.
    anonymous: Bytes,
    cow: Bytes,
    cow_share: Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum At {
    /// Of another one.
    #[default]
    Other,
    /// A file that outlives its processes, and whether it is on a disk.
    File { is_on_disk: bool },
    /// MAP_SHARED, and whose it is.
    Shared { is_file: bool, is_inherited: bool },
    /// MAP_PRIVATE: pages that were written to are anonymous.
    Private,
    /// Nothing but anonymous memory.
    Anonymous,
}

impl At {
    /// The kind of a mapping, beside a relative that maps what `is_inherited` says.
    fn of(mapping: &Mapping<'_>, is_inherited: &mut dyn FnMut(&Mapping<'_>) -> bool) -> Self {
        match mapping.perms {
            _ if is_anonymous(mapping) => At::Anonymous,
            _ if !ends_with_its_processes(mapping) && mapping.path.starts_with(b"/") => {
                At::File { is_on_disk: !mapping.dev.starts_with(b"00:") }
            }
            _ if !ends_with_its_processes(mapping) => At::Other,
            [.., b's'] => At::Shared { is_file: is_file(mapping), is_inherited: is_inherited(mapping) },
            _ => At::Private,
        }
    }
}

impl Totals {
    /// Adds a line of smaps, or of maps, which has the first line of each mapping only.
    pub fn add(&mut self, line: &[u8]) {
        self.add_beside(line, &mut |_| false);
    }

    /// The same beside a relative, which maps what `is_inherited` says of shared memory.
    pub fn add_beside(&mut self, line: &[u8], is_inherited: &mut dyn FnMut(&Mapping<'_>) -> bool) {
        if let Some(mapping) = maps::line(line) {
            self.at = At::of(&mapping, is_inherited);
            if matches!(self.at, At::Shared { .. } | At::Private) {
                self.size = self.size.plus(mapping.size());
                if is_file(&mapping) {
                    self.file_size = self.file_size.plus(mapping.size());
                }
            }
            return;
        }
        if self.at == At::Other {
            return;
        }
        let Some((key, value)) = key_value(line) else { return };
        let Some(size) = kib(value) else { return };
        match (ascii(key), self.at) {
            ("Rss", _) => self.now = Now { rss: size, ..Now::default() },
            ("Pss", _) => self.now.pss = size,
            ("Pss_Dirty", _) => self.now.pss_dirty = Some(size),
            ("Private_Clean", _) => (self.now.private, self.now.clean) = (self.now.private.plus(size), size),
            ("Private_Dirty", _) => self.now.private = self.now.private.plus(size),
            // It follows them.
            ("Anonymous", At::Shared { is_file, is_inherited }) => {
                if is_file {
                    self.files = self.files.plus(self.now.pss);
                }
                if is_inherited {
                    self.inherited = self.inherited.plus(self.now.private);
                }
                self.take(Bytes(0));
            }
            ("Anonymous", At::Anonymous) => self.take_anonymous(),
            ("Anonymous", At::File { .. }) => {
                self.note_written(size);
                self.now.anonymous = size;
            }
            ("Anonymous", _) => {
                self.note_written(size);
                self.take(size);
            }
            ("LazyFree", At::Anonymous) => self.take_lazy(size),
            // The Pss of a locked mapping, which has pages of its own in it where they were written to.
            ("Locked", At::File { is_on_disk }) => {
                let files = Bytes(size.0.saturating_sub(self.now.anonymous.0));
                let sum = if is_on_disk { &mut self.locked } else { &mut self.locked_on_none };
                *sum = sum.plus(files);
            }
            ("Swap", At::Shared { .. }) => self.swapped = self.swapped.plus(size),
            // Of a private mapping of a file what was written to is in swap as well.
            ("Swap", At::Anonymous | At::File { .. } | At::Private) => self.now.swap = size,
            ("SwapPss", At::Anonymous | At::File { .. } | At::Private) => self.take_swap(size),
            _ => {}
        }
    }

    fn take_anonymous(&mut self) {
        let Now { rss, pss, private, clean, .. } = core::mem::take(&mut self.now);
        let cow = Bytes(rss.0.saturating_sub(private.0));
        let cow_share = Bytes(pss.0.saturating_sub(private.0));
        self.cow = self.cow.plus(cow);
        self.cow_share = self.cow_share.plus(cow_share);
        self.now = Now { clean, cow, cow_share, ..Now::default() };
    }

    /// What was written to in a private mapping of a file is anonymous memory, and of several since a fork(2): data of libraries, models.
    /// Pages of the file itself are shared with everybody, and are none of it.
    fn note_written(&mut self, anonymous: Bytes) {
        let Now { rss, pss, pss_dirty, private, clean, .. } = self.now;
        let own = anonymous.0.min(private.0.saturating_sub(clean.0));
        let cow = anonymous.0 - own;
        let share = match pss_dirty {
            Some(pss) => pss.0.saturating_sub(own),
            // Before Linux 6.0 its part of the file's pages is not told apart: as large for each page.
            None => {
                let (all, part) = (rss.0.saturating_sub(private.0), pss.0.saturating_sub(private.0));
                part.saturating_mul(cow).checked_div(all).unwrap_or(0)
            }
        };
        self.cow = self.cow.plus(Bytes(cow));
        self.cow_share = self.cow_share.plus(Bytes(share.min(cow)));
    }

    /// What was given up is clean. What there is more of it than clean pages that nobody else maps is of several, since a fork(2).
    fn take_lazy(&mut self, size: Bytes) {
        let Now { clean, cow, cow_share, .. } = self.now;
        let several = size.0.saturating_sub(clean.0).min(cow.0);
        let share = (cow_share.0 * several).checked_div(cow.0).unwrap_or(0);
        self.lazy = self.lazy.plus(size);
        self.cow = Bytes(self.cow.0 - several);
        self.cow_share = Bytes(self.cow_share.0 - share);
    }

    /// What is in swap of relatives as well: of each page that several have, others have at least half.
    fn take_swap(&mut self, part: Bytes) {
        let swap = core::mem::take(&mut self.now.swap);
        let own = (part.0 * 2).saturating_sub(swap.0).min(swap.0);
        self.cow = self.cow.plus(Bytes(swap.0 - own));
        self.cow_share = self.cow_share.plus(Bytes(part.0.saturating_sub(own)));
    }

    /// Adds up what was said of a mapping. `anonymous`: what of it counts as the process's anonymous memory.
    fn take(&mut self, anonymous: Bytes) {
        let less = |size: Bytes, by: Bytes| Bytes(size.0.saturating_sub(by.0));
        let Now { rss, pss, private, .. } = core::mem::take(&mut self.now);
        let private = less(private, anonymous);
        self.private = self.private.plus(private);
        self.share = self.share.plus(less(less(pss, anonymous), private));
        self.shared = self.shared.plus(less(less(rss, anonymous), private));
    }
}

/// Whether it is a mapping without a file.
fn is_anonymous(mapping: &Mapping<'_>) -> bool {
    let path = mapping.path;
    let is_named = [&b"[heap]"[..], b"[stack", b"[anon:"].iter().any(|name| path.starts_with(name));
    mapping.perms[3] == b'p' && (path.is_empty() || is_named)
}

/// Whether what ends with its processes is a file of a file system that is mounted, and so counts among what that holds.
fn is_file(mapping: &Mapping<'_>) -> bool {
    let path = mapping.path;
    !path.starts_with(b"[") && !path.starts_with(b"/memfd:") && path != b"/dev/zero (deleted)"
}

/// Whether what is mapped is shared memory that is freed once nobody maps it.
///
/// The kernel gives anonymous shared memory, memfds and System V segments names of its own, each with ` (deleted)` at the end; a segment
/// stays nevertheless until it is removed. A file that was deleted is freed with its last user. One on a disk has a device with a
/// major number and is page cache: it is none of shared memory.
#[must_use]
pub fn ends_with_its_processes(mapping: &Mapping<'_>) -> bool {
    let path = mapping.path;
    if path.starts_with(b"[anon_shmem:") {
        // prctl(PR_SET_VMA_ANON_NAME), Linux 6.2.
        return true;
    }
    path.ends_with(b" (deleted)") && !path.starts_with(b"/SYSV") && mapping.dev.starts_with(b"00:")
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// What nobody else maps, its part of what others map, the whole of that, swap and address space.
    fn of(text: &str) -> [u64; 5] {
        let mut totals = Totals::default();
        crate::parse::lines(text.as_bytes()).for_each(|line| totals.add(line));
        [totals.private, totals.share, totals.shared, totals.swapped, totals.size].map(Bytes::kib)
    }

    const SIZES: &str = "Size:                 64 kB\nRss:                  40 kB\nPss:                  28 kB\nPss_Dirty:            20 kB\n\
                         Shared_Clean:          0 kB\nShared_Dirty:         24 kB\nPrivate_Clean:         6 kB\nPrivate_Dirty:        10 kB\n\
                         Anonymous:             8 kB\nSwap:                  4 kB\nSwapPss:               0 kB\nVmFlags: rd wr sh\n";

    fn mapping(perms: &str, dev: &str, path: &str) -> [u64; 5] {
        of(&std::format!("7f0000000000-7f0000010000 {perms} 00000000 {dev} 1030                  {path}\n{SIZES}"))
    }

    #[test]
    fn anonymous_shared_memory_memfds_and_deleted_files_end_with_their_processes() {
        for path in ["/dev/zero (deleted)", "/memfd:leak (deleted)", "/dev/shm/gone (deleted)", "[anon_shmem:pool]"] {
            assert_eq!(mapping("rw-s", "00:01", path), [16, 12, 24, 4, 64], "{path}");
        }
    }

    #[test]
    fn what_a_fork_left_shared_is_anonymous_memory_of_several() {
        for path in ["", "[heap]", "[stack]", "[anon:arena]"] {
            let mut totals = Totals::default();
            let text = std::format!("7f0000000000-7f0000010000 rw-p 00000000 00:00 0 {path}\n{SIZES}");
            crate::parse::lines(text.as_bytes()).for_each(|line| totals.add(line));
            assert_eq!([totals.cow, totals.cow_share, totals.size].map(Bytes::kib), [24 + 4, 12, 0], "{path}");
        }
    }

    #[test]
    fn what_was_written_to_in_a_private_mapping_of_a_file_is_of_several_as_well_since_a_fork() {
        let of = |path: &str, dirty: &str| {
            let mut totals = Totals::default();
            let text = std::format!(
                "7f0000000000-7f0000010000 rw-p 00000000 fe:00 1030 {path}\nRss: 100 kB\nPss: 40 kB\n{dirty}Shared_Clean: 20 kB\n\
                Shared_Dirty: 60 kB\nPrivate_Clean: 4 kB\nPrivate_Dirty: 16 kB\nAnonymous: 76 kB\nSwap: 8 kB\nSwapPss: 2 kB\nLocked: 0 kB\n"
            );
            crate::parse::lines(text.as_bytes()).for_each(|line| totals.add(line));
            [totals.cow, totals.cow_share, totals.size].map(Bytes::kib)
        };
        for path in ["/srv/model", "/usr/lib/libpython3.so", "/memfd:model (deleted)"] {
            assert_eq!(of(path, "Pss_Dirty: 28 kB\n"), [60 + 8, 12 + 2, 0], "{path}");
            // A quarter of what is shared is its part.
            assert_eq!(of(path, ""), [60 + 8, 15 + 2, 0], "{path}");
        }
    }

    /// 40 kB of which it shares 24 since a fork(2), and so much was given up: what is in none of its parts, and is not given back by it.
    #[test]
    fn what_was_given_up_is_neither_its_own_nor_what_a_fork_left_shared() {
        let of = |lazy: &str| {
            let mut totals = Totals::default();
            let text = std::format!("7f0000000000-7f0000010000 rw-p 00000000 00:00 0 \n{SIZES}");
            let text = text.replace("Swap:                  4 kB\n", &std::format!("{lazy}Swap: 0 kB\n"));
            crate::parse::lines(text.as_bytes()).for_each(|line| totals.add(line));
            [totals.lazy, totals.cow, totals.cow_share].map(Bytes::kib)
        };
        // Before Linux 4.12 nothing tells it.
        assert_eq!(of(""), [0, 24, 12]);
        assert_eq!(of("LazyFree:              6 kB\n"), [6, 24, 12], "6 kB are its own, and clean");
        assert_eq!(of("LazyFree:             18 kB\n"), [18, 12, 6], "the rest is of several");
        assert_eq!(of("LazyFree:            999 kB\n"), [999, 0, 0]);
    }

    #[test]
    fn locked_files_are_told_apart_from_what_was_written_to_and_by_whether_their_device_is_a_disk() {
        let of = |dev: &str, path: &str, locked: u64| {
            let mut totals = Totals::default();
            let text =
                std::format!("7f0000000000-7f0000010000 rw-p 00000000 {dev} 1030 {path}\n{SIZES}Locked: {locked} kB\n");
            crate::parse::lines(text.as_bytes()).for_each(|line| totals.add(line));
            [totals.locked, totals.locked_on_none].map(Bytes::kib)
        };
        assert_eq!(of("fe:00", "/srv/index", 28), [20, 0]);
        assert_eq!(of("fe:00", "/srv/index (deleted)", 28), [20, 0]);
        assert_eq!(of("00:1a", "/srv/index", 28), [0, 20]);
        assert_eq!(of("fe:00", "/srv/index", 0), [0, 0]);
        for path in ["", "[heap]", "/memfd:pool (deleted)"] {
            assert_eq!(of("00:01", path, 28), [0, 0], "{path}");
        }
    }

    #[test]
    fn what_a_relative_maps_as_well_and_deleted_files_are_told_apart() {
        let of = |path: &str, is_inherited: bool| {
            let mut totals = Totals::default();
            let text = std::format!("7f0000000000-7f0000010000 rw-s 00000000 00:01 1030 {path}\n{SIZES}");
            let mut beside = |mapping: &Mapping<'_>| is_inherited && mapping.inode == 1030;
            crate::parse::lines(text.as_bytes()).for_each(|line| totals.add_beside(line, &mut beside));
            [totals.inherited, totals.files].map(Bytes::kib)
        };
        assert_eq!(of("/dev/zero (deleted)", true), [16, 0]);
        assert_eq!(of("/memfd:pool (deleted)", false), [0, 0]);
        assert_eq!(of("/dev/shm/pool (deleted)", false), [0, 28]);
    }

    #[test]
    fn named_files_segments_and_the_page_cache_stay() {
        for (dev, path) in [
            ("00:1a", "/dev/shm/pool"),
            ("00:01", "/SYSV00000000 (deleted)"),
            ("fe:00", "/usr/lib/libc.so.6 (deleted)"),
            ("00:00", "[heap]"),
            ("00:00", ""),
        ] {
            assert_eq!(mapping("rw-s", dev, path), [0; 5], "{path}");
        }
    }

    #[test]
    fn what_was_written_to_in_a_private_mapping_is_anonymous() {
        assert_eq!(mapping("rw-p", "00:01", "/memfd:image (deleted)"), [8, 12, 24, 0, 64]);
    }

    #[test]
    fn maps_alone_tells_how_much_it_may_be() {
        let maps = "7f0000000000-7f0000010000 rw-s 00000000 00:01 9                  /memfd:a (deleted)\n\
                    7f0000010000-7f0000020000 rw-s 00000000 00:01 7                  /SYSV00000000 (deleted)\n";
        assert_eq!(of(maps), [0, 0, 0, 0, 64]);
    }
}
