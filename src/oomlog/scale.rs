//! What the adjustments of tasks are held against in [`crate::badness`], as far as a report tells.

use super::event::{Counters, Machine, Scale};
use crate::units::{Bytes, PageSize};

/// What adjustments of a memory cgroup's tasks are held against: mem_cgroup_get_max(), its limit and the swap that it may use.
#[must_use]
pub(super) fn of_memcg(counters: &Counters, swap: Option<Bytes>, page: PageSize) -> Option<Scale> {
    let limit = counters.memory?.limited_to()?.0;
    let of_both = counters.memory_swap.and_then(|counter| counter.limit);
    let of_swap = counters.swap.and_then(|counter| counter.limit);
    let most = of_both
        .map(|both| both.size().map_or(u64::MAX, |both| both.0.saturating_sub(limit)))
        .or(of_swap.map(|swap| swap.size().map_or(u64::MAX, |swap| swap.0)));
    let (swap, is_exact) = match (most, swap) {
        (Some(0), _) | (_, Some(Bytes(0))) => (0, true),
        (Some(most), Some(swap)) => (most.min(swap.0), true),
        (Some(u64::MAX) | None, None) => (0, false),
        (Some(most), None) => (most, false),
        (None, Some(swap)) => (swap.0, false),
    };
    Some(Scale { pages: limit.saturating_add(swap) / page.0.max(1), is_exact })
}

/// What they are held against otherwise: RAM that the kernel does not keep for itself, and swap.
#[must_use]
pub(super) fn of_machine(machine: &Machine, page: PageSize) -> Option<Scale> {
    let ram = machine.ram_pages?.saturating_sub(machine.reserved_pages?);
    let swap = machine.swap_total.map(|swap| swap.0 / page.0.max(1));
    Some(Scale { pages: ram.saturating_add(swap.unwrap_or_default()), is_exact: swap.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::event::Counter;
    use crate::parse::memcg::limit_of;

    const PAGE: PageSize = PageSize(4096);

    fn counter(kib: u64) -> Option<Counter> {
        Some(Counter { limit: Some(limit_of(Bytes::from_kib(kib).0)), ..Counter::default() })
    }

    #[test]
    fn a_cgroups_scale_is_its_limit_and_the_swap_that_it_may_use() {
        const NONE: u64 = 9_007_199_254_740_988;
        // memory+swap, swap, the machine's swap: pages of swap, exact or not.
        for (both, swap, machine, pages, is_exact) in [
            (Some(4000), None, None, 0, true),
            (Some(8000), None, None, 1000, false),
            (Some(8000), None, Some(400), 100, true),
            (Some(NONE), None, None, 0, false),
            (Some(NONE), None, Some(400), 100, true),
            (None, Some(0), None, 0, true),
            (None, Some(400), None, 100, false),
            (None, Some(NONE), None, 0, false),
            (None, None, None, 0, false),
            (None, None, Some(0), 0, true),
        ] {
            let counters = Counters {
                memory: counter(4000),
                memory_swap: both.and_then(counter),
                swap: swap.and_then(counter),
                ..Counters::default()
            };
            let found = of_memcg(&counters, machine.map(Bytes::from_kib), PAGE);
            let pages = 1000 + pages;
            assert_eq!(found, Some(Scale { pages, is_exact }), "{both:?} {swap:?}");
        }
        assert_eq!(of_memcg(&Counters::default(), None, PAGE), None);
    }

    #[test]
    fn the_machines_scale_is_ram_and_swap() {
        let mut machine = Machine { ram_pages: Some(1000), reserved_pages: Some(100), ..Machine::default() };
        let scale = |pages, is_exact| Some(Scale { pages, is_exact });
        assert_eq!(of_machine(&machine, PAGE), scale(900, false));
        machine.swap_total = Some(Bytes(40_960));
        assert_eq!(of_machine(&machine, PAGE), scale(910, true));
        machine.reserved_pages = None;
        assert_eq!(of_machine(&machine, PAGE), None);
    }
}
