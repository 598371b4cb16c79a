//! `/proc/meminfo`: proc_meminfo(5).

use super::{key_value, kib, lines};
use crate::units::Bytes;

/// What memdoor needs of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Meminfo {
    /// `MemTotal`: RAM less what the kernel keeps for itself.
    pub total: Option<Bytes>,
    /// `MemFree`.
    pub free: Option<Bytes>,
    /// `MemAvailable` (Linux 3.14).
    pub available: Option<Bytes>,
    /// `Buffers`.
    pub buffers: Option<Bytes>,
    /// `Cached`: the page cache, shmem included.
    pub cached: Option<Bytes>,
    /// `Shmem` (Linux 2.6.32).
    pub shmem: Option<Bytes>,
    /// `SwapTotal`; 0 means that there is no swap.
    pub swap_total: Option<Bytes>,
    /// `SwapFree`.
    pub swap_free: Option<Bytes>,
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
            b"Buffers" => meminfo.buffers = kib(value),
            b"Cached" => meminfo.cached = kib(value),
            b"Shmem" => meminfo.shmem = kib(value),
            b"SwapTotal" => meminfo.swap_total = kib(value),
            b"SwapFree" => meminfo.swap_free = kib(value),
            _ => {}
        }
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
}
