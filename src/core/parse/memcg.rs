//! The memory controller's files: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.

use super::{dec, lines, words};
use crate::units::Bytes;

/// From this number on a v1 limit means "none": `PAGE_COUNTER_MAX` is 2^63 rounded down to a page (9223372036854771712 with pages of
/// 4 KiB, 9223372036854710272 with 64), and before Linux 3.19 it was 2^63 - 1 or 2^64 - 1.
const V1_UNLIMITED: u64 = 1 << 62;

/// The same of a 32-bit kernel: 2^31 - 1 pages.
const V1_UNLIMITED_32: u64 = ((1 << 31) - 1) * 4096;

/// A limit of a cgroup, from `memory.max`, `memory.limit_in_bytes`, their like for swap, or a kernel log.
///
/// "No limit" is a value of its own in this type and never a number: no output shows the kernel's largest number or 0 in its place.
/// JSON, CSV and Prometheus leave it out, text says `-` or names no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// `max`, or v1's largest number.
    None,
    /// At most this much.
    At(Bytes),
}

impl Limit {
    /// The limit as a size; `None` where there is no limit.
    #[must_use]
    pub const fn size(self) -> Option<Bytes> {
        match self {
            Self::None => None,
            Self::At(size) => Some(size),
        }
    }
}

/// What the OOM killer goes by in a cgroup.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// `memory.max` or `memory.limit_in_bytes`; `None`: it has none, or none that can be read.
    pub limit: Option<Bytes>,
    /// `memory.current` or `memory.usage_in_bytes`; only where there is a limit.
    pub usage: Option<Bytes>,
    /// What its processes may have swapped out beside that, which is never more than the system has; only where there is a limit.
    pub swap: Bytes,
    /// The cgroup's own limit of swap (v1: what its limit of memory and swap leaves beside that of memory); `None`: it has none.
    pub swap_limit: Option<Bytes>,
    /// What happens to the others.
    pub victims: Victims,
}

/// Whom the OOM killer kills when a cgroup is at its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Victims {
    /// One process.
    #[default]
    One,
    /// `memory.oom.group` (v2, Linux 4.19): all processes of the cgroup together.
    All,
    /// `oom_kill_disable` of `memory.oom_control` (v1): nobody; they wait.
    Nobody,
}

/// Parses a limit file.
#[must_use]
pub fn limit(text: &[u8]) -> Option<Limit> {
    match text.trim_ascii() {
        b"max" => Some(Limit::None),
        number => dec(number).map(limit_of),
    }
}

/// What a number of bytes means as a limit.
#[must_use]
pub const fn limit_of(bytes: u64) -> Limit {
    match bytes {
        V1_UNLIMITED.. | V1_UNLIMITED_32 => Limit::None,
        bytes => Limit::At(Bytes(bytes)),
    }
}

/// The count behind `key` in `memory.events` (v2) or `memory.oom_control` (v1): lines of `key count`.
#[must_use]
pub fn event(text: &[u8], key: &[u8]) -> Option<u64> {
    lines(text).find_map(|line| {
        let mut words = words(line);
        (words.next()? == key).then(|| words.next().and_then(dec))?
    })
}

/// What the kernel takes back of a cgroup and those below it, by `memory.stat`, before it kills in it: what MemAvailable of the system is,
/// less what is free.
///
/// si_mem_available() of mm/show_mem.c counts the page cache of both LRU lists, active and inactive, and reclaimable slab. A file that
/// is read twice is active, and is dropped all the same. tmpfs and other shared memory are on the lists of anonymous memory, and what is
/// locked on none of these. It leaves out a part of each, up to the low watermark of the zones, which a cgroup has none of: reclaim begins
/// at its limit. Slab is told by v2 alone (`slab_reclaimable`); where it is not it counts as used.
#[must_use]
pub fn reclaimable(text: &[u8]) -> Option<Bytes> {
    // v1 has a cgroup's own figures under v2's names.
    let sum = |active, inactive| Some(Bytes(event(text, active)?).plus(Bytes(event(text, inactive)?)));
    let cache = sum(b"total_active_file", b"total_inactive_file").or_else(|| sum(b"active_file", b"inactive_file"));
    cache.map(|cache| cache.plus(Bytes(event(text, b"slab_reclaimable").unwrap_or(0))))
}

/// What a cgroup and those below it have, as memory.stat counts it. `None`: this kernel does not say it here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stat {
    /// `anon`, or v1's `total_rss`.
    pub anon: Option<Bytes>,
    /// `file`, or v1's `total_cache`: shared memory is in it.
    pub file: Option<Bytes>,
    /// `kernel` (v2, Linux 5.18).
    pub kernel: Option<Bytes>,
    /// `sock` (v2): what sockets hold.
    pub sock: Option<Bytes>,
}

/// Parses memory.stat. Only v1 has `total_` figures, and there `kernel` and `sock` are files of their own.
#[must_use]
pub fn stat(text: &[u8]) -> Stat {
    let size = |key: &[u8]| event(text, key).map(Bytes);
    Stat {
        anon: size(b"total_rss").or_else(|| size(b"anon")),
        file: size(b"total_cache").or_else(|| size(b"file")),
        kernel: size(b"kernel"),
        sock: size(b"sock"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_and_those_below_it_are_counted_together() {
        let v1 = b"cache 1\nrss 2\nrss_huge 3\nshmem 4\ntotal_cache 50\ntotal_rss 60\ntotal_rss_huge 70\n";
        let expected = Stat { anon: Some(Bytes(60)), file: Some(Bytes(50)), ..Stat::default() };
        assert_eq!(stat(v1), expected);
        let v2 = b"anon 1\nfile 2\nkernel 3\nkernel_stack 4\nsock 5\nfile_mapped 6\n";
        let expected =
            Stat { anon: Some(Bytes(1)), file: Some(Bytes(2)), kernel: Some(Bytes(3)), sock: Some(Bytes(5)) };
        assert_eq!(stat(v2), expected);
        assert_eq!(stat(b"anon\nfile -1\nkernel_stack 4\n"), Stat::default());
    }

    #[test]
    fn no_limit_is_written_in_two_ways() {
        assert_eq!(limit(b"max\n"), Some(Limit::None));
        assert_eq!(limit(b"9223372036854771712\n"), Some(Limit::None));
        assert_eq!(limit(b"9223372036854775807\n"), Some(Limit::None));
        assert_eq!(limit(b"18446744073709551615\n"), Some(Limit::None));
        assert_eq!(limit(b"9223372036854710272\n"), Some(Limit::None), "pages of 64 KiB");
        assert_eq!(limit(b"8796093018112\n"), Some(Limit::None), "a 32-bit kernel");
        assert_eq!(limit(b"67108864\n"), Some(Limit::At(Bytes(67_108_864))));
        assert_eq!(limit(b"0\n"), Some(Limit::At(Bytes(0))));
        assert_eq!(limit(b"maxi\n"), None);
    }

    #[test]
    fn what_the_kernel_takes_back_is_the_cache_of_both_lists_and_slab_of_all_below_the_group() {
        let v1 = b"inactive_file 1\nactive_file 2\ntotal_inactive_file 30\ntotal_active_file 40\n";
        assert_eq!(reclaimable(v1), Some(Bytes(70)));
        assert_eq!(reclaimable(b"anon 9\ninactive_file 5\nactive_file 6\n"), Some(Bytes(11)));
        let v2 = b"anon 9\nfile 30\nshmem 7\ninactive_file 5\nactive_file 6\nunevictable 12\nslab_reclaimable 3\nslab_unreclaimable 4\n";
        assert_eq!(reclaimable(v2), Some(Bytes(14)));
        assert_eq!(reclaimable(b"anon 9\n"), None);
    }

    #[test]
    fn an_event_is_found_by_its_whole_name() {
        let text = b"low 0\nhigh 0\nmax 17\noom 2\noom_kill 1\noom_group_kill 0\n";
        assert_eq!(event(text, b"oom_kill"), Some(1));
        assert_eq!(event(text, b"oom"), Some(2));
        assert_eq!(event(text, b"oom_k"), None);
        assert_eq!(event(b"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", b"oom_kill"), Some(3));
    }
}
