//! `/proc/vmstat`: mm/vmstat.c. Names differ between kernels; what a kernel counts by zone or by kind is added up.

/// Counters since boot, or their differences; `None`: this kernel does not count it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Vmstat {
    /// Pages that reclaim looked at: `pgscan_kswapd` and `pgscan_direct`.
    pub scanned: Option<u64>,
    /// Of these, by processes that had to wait for it: `pgscan_direct`.
    pub scanned_direct: Option<u64>,
    /// Pages that it took back: `pgsteal_kswapd` and `pgsteal_direct`.
    pub stolen: Option<u64>,
    /// Allocations that had to wait for reclaim: `allocstall` or `allocstall_*`.
    pub stalls: Option<u64>,
    /// `pgmajfault`: faults that had to read.
    pub major_faults: Option<u64>,
    /// `pswpin`, in pages.
    pub swapped_in: Option<u64>,
    /// `pswpout`, in pages.
    pub swapped_out: Option<u64>,
    /// `oom_kill` (Linux 4.13).
    pub oom_kills: Option<u64>,
    /// `compact_stall`: allocations that had to wait for compaction.
    pub compact_stalls: Option<u64>,
    /// `compact_fail`: those for which it found nothing.
    pub compact_fails: Option<u64>,
}
