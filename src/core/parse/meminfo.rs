//! `/proc/meminfo`: proc_meminfo(5).

use super::arcstats::ZfsCache;
use super::{key_value, kib, lines};
use crate::units::Bytes;

/// What memdoor needs of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Meminfo {
    /// `MemTotal`: RAM less what the kernel keeps for itself.
    pub total: Option<Bytes>,
    /// `MemFree`.
    pub free: Option<Bytes>,
    /// What can be had without swapping: `MemAvailable` (Linux 3.14), what of [`Meminfo::arc`] can shrink, and [`Meminfo::on_lists`].
    pub available: Option<Bytes>,
    /// The cache of ZFS, where there is one ([`Meminfo::with_arc`]): no part of `/proc/meminfo`, which counts it as used.
    pub arc: Option<ZfsCache>,
    /// Free pages on the lists of CPUs, where they were asked for ([`Meminfo::with_lists`]): no part of `/proc/meminfo` either.
    pub on_lists: Option<Bytes>,
    /// `SwapTotal`; 0 means that there is no swap.
    pub swap_total: Option<Bytes>,
    /// `SwapFree`; not known where that is more than there is ([`Meminfo::is_swap_untrue`]).
    pub swap_free: Option<Bytes>,
    /// `SwapFree` is above `SwapTotal`, as a container's meminfo may say it: how much swap is used is not known then, for every mode.
    pub is_swap_untrue: bool,
    /// What memory is used for.
    pub uses: Uses,
}

/// What memory is used for. Some of them overlap: each says with which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// `Buffers`: the page cache of block devices.
    Buffers,
    /// `Cached`: the page cache of files, `Shmem` included, `Buffers` and `SwapCached` not.
    Cached,
    /// `AnonPages`: anonymous pages that are mapped.
    Anon,
    /// `Shmem`: tmpfs, shared memory, memfd (Linux 2.6.32).
    Shmem,
    /// `KReclaimable`: `SReclaimable` and what else the kernel gives back (Linux 4.20).
    KernelReclaimable,
    /// `SReclaimable`: slab that can be given back.
    SlabReclaimable,
    /// `SUnreclaim`: slab that can not.
    SlabUnreclaimable,
    /// `KernelStack`; with CONFIG_VMAP_STACK they are in `VmallocUsed` as well.
    KernelStacks,
    /// `PageTables`.
    PageTables,
    /// `SecPageTables`: those of virtual machines and IOMMUs (Linux 6.1).
    SecondPageTables,
    /// `VmallocUsed`: pages (Linux 5.3); before it was always 0, which is not known.
    Vmalloc,
    /// `Percpu` (Linux 4.20), that of the boot included, which is not in `MemTotal`.
    Percpu,
    /// `Hugetlb`: huge pages of all sizes, used or not (Linux 4.16).
    Hugetlb,
    /// `Zswap`: what compressed pages take (Linux 5.19).
    Zswap,
    /// `GPUActive`: memory of graphics processors that is in use (recent kernels).
    GpuActive,
    /// `GPUReclaim`: what they keep beside that.
    GpuReclaim,
}

/// The kernel's keys, in the order of [`Use`].
const USES: [&[u8]; 16] = [
    b"Buffers",
    b"Cached",
    b"AnonPages",
    b"Shmem",
    b"KReclaimable",
    b"SReclaimable",
    b"SUnreclaim",
    b"KernelStack",
    b"PageTables",
    b"SecPageTables",
    b"VmallocUsed",
    b"Percpu",
    b"Hugetlb",
    b"Zswap",
    b"GPUActive",
    b"GPUReclaim",
];

/// The sizes of all [`Use`]s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Uses([Option<Bytes>; USES.len()]);

impl Uses {
    /// One of them.
    #[must_use]
    pub fn of(&self, which: Use) -> Option<Bytes> {
        let size = self.0.get(which as usize).copied().flatten();
        size.filter(|size| which != Use::Vmalloc || size.0 > 0)
    }
}

impl Meminfo {
    /// Counts what of the ARC can shrink as available. This is the one place that does so, so that every mode means the same by available
    /// and used: page cache is in `MemAvailable`, and the ARC is nothing else. Never more than there is.
    #[must_use]
    pub fn with_arc(self, arc: ZfsCache) -> Self {
        Self { available: self.with(arc.reclaimable()), arc: Some(arc), ..self }
    }

    /// Counts free pages on the lists of CPUs as available, as the kernel does before it calls memory short. Never more than there is.
    #[must_use]
    pub fn with_lists(self, on_lists: Bytes) -> Self {
        Self { available: self.with(on_lists), on_lists: Some(on_lists), ..self }
    }

    fn with(&self, more: Bytes) -> Option<Bytes> {
        let available = self.available?;
        let sum = available.plus(more);
        Some(self.total.map_or(sum, |total| sum.min(total.max(available))))
    }

    /// Whether no more is available than there is. The kernel never says more, a file in its place may: nothing would be used then, and
    /// that would be a clean bill of health.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.total.is_none_or(|total| self.available.is_none_or(|available| available <= total))
    }

    /// What of the ARC can shrink; 0 without ZFS.
    #[must_use]
    pub fn arc_reclaimable(&self) -> Bytes {
        self.arc.map(ZfsCache::reclaimable).unwrap_or_default()
    }

    /// What is used: all that is not available.
    #[must_use]
    pub fn used(&self) -> Option<Bytes> {
        Some(Bytes(self.total?.0.saturating_sub(self.available?.0)))
    }

    /// How much swap is used.
    #[must_use]
    pub fn swap_used(&self) -> Option<Bytes> {
        Some(Bytes(self.swap_total?.0.saturating_sub(self.swap_free?.0)))
    }
}

/// Parses the whole file, or as much of it as there is.
#[must_use]
pub fn parse(text: &[u8]) -> Meminfo {
    let mut meminfo = Meminfo::default();
    for (key, value) in lines(text).filter_map(key_value) {
        match key {
            b"MemTotal" => meminfo.total = kib(value),
            b"MemFree" => meminfo.free = kib(value),
            b"MemAvailable" => meminfo.available = kib(value),
            b"SwapTotal" => meminfo.swap_total = kib(value),
            b"SwapFree" => meminfo.swap_free = kib(value),
            _ => {
                let slots = meminfo.uses.0.iter_mut().zip(USES);
                for (slot, _) in slots.filter(|(_, name)| *name == key) {
                    *slot = kib(value);
                }
            }
        }
    }
    meminfo.is_swap_untrue = meminfo.swap_total.is_some_and(|total| meminfo.swap_free > Some(total));
    if meminfo.is_swap_untrue {
        meminfo.swap_free = None;
    }
    meminfo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_before_3_14_has_no_available_memory_rather_than_none() {
        let meminfo = parse(b"MemTotal:        6790004 kB\nMemFree:          100 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n");
        assert_eq!(meminfo.total, Some(Bytes::from_kib(6_790_004)));
        assert_eq!(meminfo.available, None);
        assert_eq!(meminfo.swap_total, Some(Bytes(0)));
    }

    #[test]
    fn arc_that_can_shrink_is_available_and_never_more_than_there_is() {
        let kib = Bytes::from_kib;
        let meminfo = parse(b"MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 100 kB\n");
        let arc = |size, least| ZfsCache { size: kib(size), least: kib(least) };
        let with = |size, least| meminfo.with_arc(arc(size, least));
        assert_eq!((with(500, 100).available, with(500, 100).used()), (Some(kib(500)), Some(kib(500))));
        assert_eq!(with(50, 100).available, Some(kib(100)));
        assert_eq!(with(5000, 100).available, Some(kib(1000)));
        assert_eq!(with(u64::MAX >> 10, 0).used(), Some(Bytes(0)));
        assert_eq!(parse(b"MemTotal: 1000 kB\n").with_arc(arc(500, 100)).available, None);
    }

    #[test]
    fn free_pages_on_lists_of_cpus_are_available_and_never_more_than_there_is() {
        let kib = Bytes::from_kib;
        let meminfo = parse(b"MemTotal: 1000 kB\nMemAvailable: 100 kB\n");
        let with = meminfo.with_lists(kib(50));
        assert_eq!((with.available, with.on_lists), (Some(kib(150)), Some(kib(50))));
        assert_eq!(meminfo.with_lists(kib(5000)).available, Some(kib(1000)));
        assert_eq!(parse(b"MemTotal: 1000 kB\n").with_lists(kib(50)).available, None);
    }

    #[test]
    fn how_much_swap_is_used_is_not_known_where_more_is_free_than_there_is() {
        let more = parse(b"SwapTotal: 10 kB\nSwapFree: 11 kB\n");
        assert_eq!((more.swap_free, more.swap_used(), more.is_swap_untrue), (None, None, true));
        let none = parse(b"MemTotal: 1000 kB\n");
        assert_eq!((none.swap_free, none.is_swap_untrue), (None, false));
        let all = parse(b"SwapTotal: 10 kB\nSwapFree: 10 kB\n");
        assert_eq!((all.swap_used(), all.is_swap_untrue), (Some(Bytes(0)), false));
    }

    #[test]
    fn a_line_is_found_by_its_whole_key_and_vmalloc_of_nought_is_not_known() {
        let text = b"Cached: 7 kB\nSwapCached: 9 kB\nVmallocUsed: 0 kB\nGPUActive: 3 kB\nGPUReclaim: 4 kB\nHugepagesize: 2048 kB\nHugetlb: 4096 kB\n";
        let uses = parse(text).uses;
        assert_eq!(uses.of(Use::Cached), Some(Bytes::from_kib(7)));
        assert_eq!(uses.of(Use::Vmalloc), None);
        assert_eq!(uses.of(Use::GpuReclaim), Some(Bytes::from_kib(4)));
        assert_eq!(uses.of(Use::Hugetlb), Some(Bytes::from_kib(4096)));
        assert_eq!(uses.of(Use::Percpu), None);
    }
}
