//! Where the memory went: MemTotal as a sum in which nothing is counted twice.
//!
//! `/proc/meminfo` is no sum: Shmem is in Cached, SReclaimable in KReclaimable, and the stacks of tasks are in VmallocUsed since they are
//! mapped (CONFIG_VMAP_STACK, the default of all large architectures; without it the rest grows by them). Buffers of sockets are partly
//! slab, and nothing tells how much: only what all unreclaimable slab could not hold is counted here. SwapCached is left out: most of it
//! is in AnonPages. ZFS takes most of its cache as single pages, which no line of meminfo counts, and small parts from slab and vmalloc;
//! how much is not told. So that nothing is counted twice it comes last, and is at most what the others leave. Per-CPU memory of the boot is not in MemTotal, which can make the rest negative on an idle machine of many CPUs.

use crate::parse::meminfo::Meminfo;
use crate::parse::meminfo::Use::{self, *};
use crate::units::Bytes;

/// A line: what it is, where its figure comes from, its key in JSON, and how it is made of uses.
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) source: &'static str,
    pub(super) key: &'static str,
    size: Size,
}

impl Line {
    /// Whether it is of what few hosts have, or a container's meminfo does not tell: ZFS's cache, memory of graphics processors, and the
    /// lists of CPUs. Where there is none a line about it would only make the table longer than a terminal.
    pub(super) const fn may_be_left_out(&self) -> bool {
        matches!(self.size, Size::Zfs | Size::Lists | Size::Sum(GpuActive, _))
    }
}

/// How a figure is made.
enum Size {
    /// `MemFree`.
    Free,
    /// Free pages on lists of CPUs.
    Lists,
    /// A use.
    Of(Use),
    /// Two, of which the second may not be known.
    Sum(Use, Use),
    /// What one is more than another, which it includes.
    Less(Use, Use),
    /// The page cache: the first two without the third.
    Without(Use, Use, Use),
    /// What sockets hold and slab can't.
    Sockets,
    /// Zram devices.
    Zram,
    /// ZFS's cache, as much of it as the others leave.
    Zfs,
}

const fn line(label: &'static str, source: &'static str, key: &'static str, size: Size) -> Line {
    Line { label, source, key, size }
}

/// All lines, in the order in which they are shown.
#[rustfmt::skip]
pub(super) static LINES: [Line; 18] = [
    line("free", "MemFree", "memdoor.where.free_bytes", Size::Free),
    line("free, on CPUs' lists", "/proc/zoneinfo count", "memdoor.where.cpu_lists_bytes", Size::Lists),
    line("anonymous", "AnonPages", "memdoor.where.anon_bytes", Size::Of(Anon)),
    line("page cache", "Cached + Buffers - Shmem", "memdoor.where.page_cache_bytes", Size::Without(Cached, Buffers, Shmem)),
    line("tmpfs, shared memory", "Shmem", "memdoor.where.shmem_bytes", Size::Of(Shmem)),
    line("slab, reclaimable", "SReclaimable", "memdoor.where.slab_reclaimable_bytes", Size::Of(SlabReclaimable)),
    line("slab, other", "SUnreclaim", "memdoor.where.slab_unreclaimable_bytes", Size::Of(SlabUnreclaimable)),
    line("kernel, reclaimable", "KReclaimable - SReclaimable", "memdoor.where.kernel_reclaimable_bytes", Size::Less(KernelReclaimable, SlabReclaimable)),
    line("page tables", "PageTables + SecPageTables", "memdoor.where.page_table_bytes", Size::Sum(PageTables, SecondPageTables)),
    line("kernel stacks", "KernelStack", "memdoor.where.kernel_stack_bytes", Size::Of(KernelStacks)),
    line("vmalloc", "VmallocUsed - KernelStack", "memdoor.where.vmalloc_bytes", Size::Less(Vmalloc, KernelStacks)),
    line("per-CPU", "Percpu", "memdoor.where.percpu_bytes", Size::Of(Percpu)),
    line("sockets beyond slab", "/proc/net/sockstat mem - SUnreclaim", "memdoor.where.socket_bytes", Size::Sockets),
    line("huge pages", "Hugetlb", "memdoor.where.hugetlb_bytes", Size::Of(Hugetlb)),
    line("zram", "/sys/block/zram*/mm_stat", "memdoor.where.zram_bytes", Size::Zram),
    line("zswap", "Zswap", "memdoor.where.zswap_bytes", Size::Of(Zswap)),
    line("GPU", "GPUActive + GPUReclaim", "memdoor.where.gpu_bytes", Size::Sum(GpuActive, GpuReclaim)),
    line("ZFS ARC", "arcstats size, beyond slab and vmalloc", "memdoor.where.arc_bytes", Size::Zfs),
];

/// Which of them is the page cache.
pub(super) const PAGE_CACHE: usize = 3;

/// What [`LINES`] are made of, besides what is in meminfo.
#[derive(Clone, Copy, Default)]
pub(super) struct Beside {
    pub(super) sockets: Option<Bytes>,
    pub(super) zram: Option<Bytes>,
}

/// The sizes of [`LINES`], those that are not known as `None`, and what they leave of MemTotal: negative when they are more.
pub(super) fn account(meminfo: &Meminfo, beside: Beside) -> ([Option<Bytes>; LINES.len()], i64) {
    let mut sizes = [None; LINES.len()];
    let total = meminfo.total.unwrap_or_default().0;
    let mut known = 0_u64;
    for (slot, line) in sizes.iter_mut().zip(&LINES) {
        *slot = match line.size {
            Size::Zfs => meminfo.arc.map(|arc| Bytes(arc.size.0.min(total.saturating_sub(known)))),
            _ => size(meminfo, beside, &line.size),
        };
        known = known.saturating_add(slot.unwrap_or_default().0);
    }
    let signed = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    (sizes, signed(total).saturating_sub(signed(known)))
}

fn size(meminfo: &Meminfo, beside: Beside, size: &Size) -> Option<Bytes> {
    let of = |which: &Use| meminfo.uses.of(*which);
    let (sum, less) = match size {
        // It is what the others leave: only whoever adds them up knows it.
        Size::Zfs => return None,
        Size::Free => (meminfo.free?, Bytes(0)),
        Size::Lists => (meminfo.on_lists?, Bytes(0)),
        Size::Zram => (beside.zram?, Bytes(0)),
        Size::Of(one) => (of(one)?, Bytes(0)),
        Size::Sum(one, more) => (of(one)?.plus(of(more).unwrap_or_default()), Bytes(0)),
        Size::Less(one, part) => (of(one)?, of(part)?),
        Size::Without(one, more, part) => (of(one)?.plus(of(more).unwrap_or_default()), of(part)?),
        Size::Sockets => (beside.sockets?, of(&SlabUnreclaimable)?),
    };
    Some(Bytes(sum.0.saturating_sub(less.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::meminfo;

    fn read(release: &str) -> Meminfo {
        let path = format!("{}/fixtures/meminfo/{release}.txt", env!("CARGO_MANIFEST_DIR"));
        meminfo::parse(&std::fs::read(path).expect("a fixture"))
    }

    #[test]
    fn lines_and_rest_are_memtotal_on_every_kernel() {
        for release in ["5.10", "6.1", "6.12", "6.18", "7.2"] {
            let meminfo = read(release);
            let beside = Beside { zram: Some(Bytes(12_288)), sockets: Some(Bytes(8192)) };
            let (sizes, rest) = account(&meminfo, beside);
            let sum: u64 = sizes.iter().flatten().map(|size| size.0).sum();
            let total = meminfo.total.expect("MemTotal").0;
            assert_eq!(i64::try_from(sum).expect("fits") + rest, i64::try_from(total).expect("fits"));
            // What nothing explains is a small part, even of a guest with 256 MiB and pages on each CPU's list.
            assert!(rest.unsigned_abs() < total / 10, "{release}: {rest} of {total}");
        }
    }

    #[test]
    fn what_is_in_two_lines_of_meminfo_is_counted_once() {
        let text = b"MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 10 kB\nCached: 300 kB\nAnonPages: 200 kB\nShmem: 60 kB\nKReclaimable: 45 kB\nSReclaimable: 40 kB\nSUnreclaim: 30 kB\nKernelStack: 16 kB\nVmallocUsed: 50 kB\nPageTables: 8 kB\nSecPageTables: 2 kB\n";
        let meminfo = meminfo::parse(text).with_lists(Bytes::from_kib(7));
        let (sizes, rest) = account(&meminfo, Beside { sockets: Some(Bytes::from_kib(100)), zram: None });
        let kib = sizes.map(|size| size.map(Bytes::kib));
        let expected = [100, 7, 200, 250, 60, 40, 30, 5, 10, 16, 34].map(Some);
        assert_eq!(kib[..11], expected);
        // Of 100 kB of sockets 30 may be slab.
        assert_eq!(kib[11..], [None, Some(70), None, None, None, None, None]);
        assert_eq!(rest, 1024 * (1000 - 752 - 70));
    }

    #[test]
    fn the_arc_is_a_line_that_never_takes_more_than_the_others_leave() {
        let meminfo = meminfo::parse(b"MemTotal: 1000 kB\nMemFree: 100 kB\nSUnreclaim: 200 kB\n");
        let kib = Bytes::from_kib;
        for (size, shown, rest) in [(500, 500, 200), (800, 700, 0), (u64::MAX >> 10, 700, 0)] {
            let arc = crate::parse::arcstats::ZfsCache { size: kib(size), least: kib(50) };
            let (sizes, left) = account(&meminfo.with_arc(arc), Beside::default());
            assert_eq!((sizes[17], left), (Some(kib(shown)), rest * 1024));
        }
        assert_eq!(account(&meminfo, Beside::default()).0[17], None, "without ZFS it is not there");
    }

    #[test]
    fn a_rest_below_nought_is_told_as_such() {
        let text = b"MemTotal: 100 kB\nMemFree: 90 kB\nPercpu: 20 kB\n";
        assert_eq!(account(&meminfo::parse(text), Beside::default()).1, -10 * 1024);
    }
}
