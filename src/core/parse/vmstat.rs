//! `/proc/vmstat`: mm/vmstat.c. Names differ between kernels; what a kernel counts by zone or by kind is added up.

use super::{dec, lines, words};

/// Counters since boot, or their differences; `None`: this kernel does not count it.
///
/// Reclaim that a memory cgroup's limit asks for is in none of the first four: 6.18 counts it in `pgscan_anon` and `pgscan_file` alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Vmstat {
    /// Pages that reclaim looked at: `pgscan_kswapd`, `pgscan_direct` and what else asks for it by now (`khugepaged`,
    /// `proactive`). By zone before Linux 4.8.
    pub scanned: Option<u64>,
    /// Of these, by processes that had to wait for it: `pgscan_direct`.
    pub scanned_direct: Option<u64>,
    /// Pages that it took back: `pgsteal_` and the same; in one before Linux 3.5.
    pub stolen: Option<u64>,
    /// Allocations that had to wait for reclaim: `allocstall`, by zone since Linux 4.8.
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
    /// `pglazyfree` (Linux 4.12): pages that were given up with MADV_FREE, each time that they were.
    pub given_up: Option<u64>,
    /// `pglazyfreed`: those of them that reclaim has taken.
    pub given_up_taken: Option<u64>,
}

/// The zones of include/linux/mmzone.h, as they end a name. `pgscan_direct_throttle` is none of them: it counts waits, not pages.
const ZONES: [&[u8]; 6] = [b"_dma", b"_dma32", b"_normal", b"_high", b"_movable", b"_device"];

/// A counter of [`Vmstat`].
type Counter = fn(&mut Vmstat) -> &mut Option<u64>;

/// Names without their zone, and what they add to.
const NAMES: [(&[u8], Counter); 18] = [
    (b"pgscan_kswapd", |of| &mut of.scanned),
    // And to what was scanned in all.
    (b"pgscan_direct", |of| &mut of.scanned_direct),
    (b"pgscan_khugepaged", |of| &mut of.scanned),
    (b"pgscan_proactive", |of| &mut of.scanned),
    (b"pgsteal", |of| &mut of.stolen),
    (b"pgsteal_kswapd", |of| &mut of.stolen),
    (b"pgsteal_direct", |of| &mut of.stolen),
    (b"pgsteal_khugepaged", |of| &mut of.stolen),
    (b"pgsteal_proactive", |of| &mut of.stolen),
    (b"allocstall", |of| &mut of.stalls),
    (b"pgmajfault", |of| &mut of.major_faults),
    (b"pswpin", |of| &mut of.swapped_in),
    (b"pswpout", |of| &mut of.swapped_out),
    (b"oom_kill", |of| &mut of.oom_kills),
    (b"compact_stall", |of| &mut of.compact_stalls),
    (b"compact_fail", |of| &mut of.compact_fails),
    (b"pglazyfree", |of| &mut of.given_up),
    (b"pglazyfreed", |of| &mut of.given_up_taken),
];

impl Vmstat {
    /// Adds what a line counts.
    pub fn add(&mut self, line: &[u8]) {
        let mut words = words(line);
        let (Some(name), Some(Some(count))) = (words.next(), words.next().map(dec)) else {
            return;
        };
        let zone = ZONES.iter().find_map(|zone| name.strip_suffix(*zone));
        let stem = zone.unwrap_or(name);
        let Some((_, counter)) = NAMES.iter().find(|(name, _)| *name == stem) else {
            return;
        };
        let add = |slot: &mut Option<u64>| *slot = Some(slot.unwrap_or(0).saturating_add(count));
        add(counter(self));
        if stem == b"pgscan_direct" {
            add(&mut self.scanned);
        }
    }

    /// What was counted since `earlier`. A counter that went back is not known: the machine is another one, or was restored.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        let since =
            |now: Option<u64>, before: Option<u64>| now.zip(before).and_then(|(now, before)| now.checked_sub(before));
        Self {
            scanned: since(self.scanned, earlier.scanned),
            scanned_direct: since(self.scanned_direct, earlier.scanned_direct),
            stolen: since(self.stolen, earlier.stolen),
            stalls: since(self.stalls, earlier.stalls),
            major_faults: since(self.major_faults, earlier.major_faults),
            swapped_in: since(self.swapped_in, earlier.swapped_in),
            swapped_out: since(self.swapped_out, earlier.swapped_out),
            oom_kills: since(self.oom_kills, earlier.oom_kills),
            compact_stalls: since(self.compact_stalls, earlier.compact_stalls),
            compact_fails: since(self.compact_fails, earlier.compact_fails),
            given_up: since(self.given_up, earlier.given_up),
            given_up_taken: since(self.given_up_taken, earlier.given_up_taken),
        }
    }
}

/// Parses the whole file, or as much of it as there is.
#[must_use]
pub fn parse(text: &[u8]) -> Vmstat {
    let mut vmstat = Vmstat::default();
    lines(text).for_each(|line| vmstat.add(line));
    vmstat
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux 2.6.32 and 3.10: by zone, and pgsteal without who did it in the older one.
    #[test]
    fn old_kernels_count_by_zone() {
        let text = b"pgsteal_dma 1\npgsteal_dma32 20\npgsteal_normal 300\npgsteal_movable 0\npgscan_kswapd_dma32 5\npgscan_kswapd_normal 6\n\
            pgscan_direct_dma32 70\npgscan_direct_high 80\nkswapd_steal 9\nallocstall 11\npginodesteal 12\n";
        let old = parse(text);
        assert_eq!(old.stolen, Some(321));
        assert_eq!((old.scanned, old.scanned_direct), (Some(161), Some(150)));
        assert_eq!((old.stalls, old.oom_kills), (Some(11), None));
        let text = b"pgsteal_kswapd_normal 3\npgsteal_direct_normal 4\npgscan_direct_throttle 1000\n";
        let newer = parse(text);
        assert_eq!((newer.stolen, newer.scanned), (Some(7), None));
    }

    #[test]
    fn new_kernels_count_by_who_reclaims_and_by_kind_which_is_the_same_again() {
        let text = b"allocstall_dma 0\nallocstall_movable 14\nallocstall_device 1\npgsteal_kswapd 5\npgsteal_khugepaged 6\npgsteal_proactive 7\n\
            pgscan_kswapd 10\npgscan_direct 20\npgscan_khugepaged 30\npgscan_proactive 40\npgscan_direct_throttle 500\npgscan_anon 60\n\
            pgscan_file 40\npgsteal_anon 18\noom_kill 3\ncompact_stall 2\ncompact_fail 1\ncompact_success 1\npglazyfree 12\npglazyfreed 11\npgmajfault 8\npswpin 9\npswpout 10\n";
        let expected = Vmstat {
            scanned: Some(100),
            scanned_direct: Some(20),
            stolen: Some(18),
            stalls: Some(15),
            major_faults: Some(8),
            swapped_in: Some(9),
            swapped_out: Some(10),
            oom_kills: Some(3),
            compact_stalls: Some(2),
            compact_fails: Some(1),
            given_up: Some(12),
            given_up_taken: Some(11),
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn what_went_back_or_was_not_known_has_no_difference() {
        let earlier = parse(b"pswpin 5\noom_kill 7\n");
        let delta = parse(b"pswpin 9\noom_kill 6\npswpout 4\n").since(earlier);
        let expected = Vmstat { swapped_in: Some(4), ..Vmstat::default() };
        assert_eq!(delta, expected);
        assert_eq!(parse(b"pswpin -1\npswpout\n pgmajfault\n\noom_kill 99999999999999999999\n"), Vmstat::default());
        assert_eq!(parse(b"pgscan_direct_dma 18446744073709551615\npgscan_direct_dma32 1\n").scanned, Some(u64::MAX));
    }
}
