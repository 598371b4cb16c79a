//! The host's figures, each stated once: JSON has them as they stand here, text in sentences.

use core::time::Duration;

use super::view::View;
use crate::exit::Verdict;
use crate::parse::arcstats::ZfsCache;
use crate::parse::meminfo::Use;
use crate::parse::pressure::Stall;
use crate::report::field::Get::{Count, Mib, Path, Share, Span, Tenths, Text};
use crate::report::field::{Rows, fields};
use crate::tmpfs::Lasting;
use crate::units::Percent;

impl Rows for View<'static> {
    type Row<'r> = View<'r>;
}

// All of the host but how much was waited.
fields! { pub(super) HOST of View<'static> {
    TOTAL = "system.memory.limit", Mib(|view| view.meminfo.total);
    AVAILABLE = "system.memory.linux.available", Mib(|view| view.meminfo.available);
    USED = "memdoor.host.used_bytes", Mib(|view| Some(view.used()));
    FREE = "memdoor.host.free_bytes", Mib(|view| view.meminfo.free);
    SWAP_TOTAL = "memdoor.host.swap_total_bytes", Mib(|view| view.meminfo.swap_total);
    SWAP_FREE = "memdoor.host.swap_free_bytes", Mib(|view| view.meminfo.swap_free);
    SWAPPINESS = "memdoor.host.swappiness", Count(|view| view.swappiness);
    PAGE_CACHE = "memdoor.host.page_cache_bytes", Mib(|view| view.page_cache());
    SLAB = "memdoor.host.slab_reclaimable_bytes", Mib(|view| view.meminfo.uses.of(Use::SlabReclaimable));
    SHMEM = "memdoor.host.shmem_bytes", Mib(|view| view.meminfo.uses.of(Use::Shmem));
    PAGE_TABLES = "memdoor.host.page_table_bytes", Mib(|view| view.meminfo.uses.of(Use::PageTables));
    ZRAM_STORED = "memdoor.host.zram_stored_bytes", Mib(|view| Some(view.zram?.stored));
    ZRAM_USED = "memdoor.host.zram_used_bytes", Mib(|view| Some(view.zram?.used));
    ZRAM_SWAP = "memdoor.host.zram_swap_bytes", Mib(|view| view.zram.map(|_| view.zram_swap));
    SOCKETS = "memdoor.host.socket_bytes", Mib(|view| view.sockets);
    ARC = "memdoor.host.arc_bytes", Mib(|view| Some(view.meminfo.arc?.size));
    ON_LISTS = "memdoor.host.cpu_lists_bytes", Mib(|view| view.meminfo.on_lists);
    ARC_RECLAIMABLE = "memdoor.host.arc_reclaimable_bytes", Mib(|view| view.meminfo.arc.map(ZfsCache::reclaimable));
    USED_PERCENT = "memdoor.check.used_percent", Tenths(|view| Percent::of(view.used(), view.total()));
    WARNING = "memdoor.check.warning_percent", Count(|view| Some(view.options.warning?.percent().into()));
    CRITICAL = "memdoor.check.critical_percent", Count(|view| Some(view.options.critical.percent().into()));
    STATUS = "memdoor.check.status", Text(|view| status(view.verdict()));
} }

// How much some waited for memory: of 10, 60 and 300 s, and since boot.
fields! { pub(super) SOME of Stall {
    SOME_10 = "memdoor.psi.memory.some.avg10", Share(|stall| share(stall, 0));
    SOME_60 = "memdoor.psi.memory.some.avg60", Share(|stall| share(stall, 1));
    SOME_300 = "memdoor.psi.memory.some.avg300", Share(|stall| share(stall, 2));
    SOME_TOTAL = "memdoor.psi.memory.some.total_us", Span(|stall| Some(Duration::from_micros(stall.total)));
} }

// The same of all.
fields! { pub(super) FULL of Stall {
    FULL_10 = "memdoor.psi.memory.full.avg10", Share(|stall| share(stall, 0));
    FULL_60 = "memdoor.psi.memory.full.avg60", Share(|stall| share(stall, 1));
    FULL_300 = "memdoor.psi.memory.full.avg300", Share(|stall| share(stall, 2));
    FULL_TOTAL = "memdoor.psi.memory.full.total_us", Span(|stall| Some(Duration::from_micros(stall.total)));
} }

/// What lasts whoever ends.
pub(super) struct OfLasting;

impl Rows for OfLasting {
    type Row<'r> = Lasting;
}

// What of shared memory nobody's end gives back.
fields! { pub(super) LASTING of OfLasting {
    FILES = "memdoor.lasting.files_bytes", Mib(|lasting| Some(lasting.files));
    SEGMENTS = "memdoor.lasting.segments_bytes", Mib(|lasting| lasting.segments.ok());
    FULLEST = "memdoor.lasting.fullest.path", Path(|of| of.fullest.as_ref().map_or(b"", |mount| mount.point.as_bytes()));
    FULLEST_USED = "memdoor.lasting.fullest.used_bytes", Mib(|lasting| Some(lasting.fullest.as_ref()?.used));
} }

const fn status(verdict: Verdict) -> &'static [u8] {
    match verdict {
        Verdict::Ok => b"ok",
        Verdict::Warning => b"warning",
        Verdict::Critical => b"critical",
        Verdict::Unknown => b"unknown",
    }
}

fn share(stall: &Stall, at: usize) -> Option<Percent> {
    Some(Percent { hundredths: *stall.average.get(at)? })
}
