//! `/proc/PID/status`: proc_pid_status(5), fs/proc/array.c and fs/proc/task_mmu.c.

use super::{dec, key_value, kib, lines, words};
use crate::units::Bytes;

/// What memdoor needs of it. A zombie and a kernel thread have no `Vm` lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// `Tgid`: the process that the thread belongs to.
    pub tgid: Option<u64>,
    /// `Uid`, the effective one.
    pub euid: Option<u64>,
    /// The last of `NSpid`: the pid inside the process's own pid namespace (Linux 4.1).
    pub vpid: Option<u64>,
    /// `TracerPid`: who traces it; 0: nobody.
    pub tracer: Option<u64>,
    /// `VmSize`.
    pub size: Option<Bytes>,
    /// `VmHWM`: the largest RSS so far.
    pub peak_rss: Option<Bytes>,
    /// `VmLck`.
    pub locked: Option<Bytes>,
    /// `VmRSS`.
    pub rss: Option<Bytes>,
    /// `RssAnon` (Linux 4.5).
    pub anon: Option<Bytes>,
    /// `RssFile` (Linux 4.5).
    pub file: Option<Bytes>,
    /// `RssShmem` (Linux 4.5).
    pub shmem: Option<Bytes>,
    /// `VmPTE`.
    pub page_tables: Option<Bytes>,
    /// `VmSwap` (Linux 2.6.34; shmem in swap is not in it).
    pub swap: Option<Bytes>,
    /// `HugetlbPages` (Linux 4.4): not part of RSS.
    pub hugetlb: Option<Bytes>,
}

/// Parses the whole file, or as much of it as there is.
#[must_use]
pub fn parse(text: &[u8]) -> Status {
    let mut status = Status::default();
    for (key, value) in lines(text).filter_map(key_value) {
        match key {
            b"Tgid" => status.tgid = dec(value),
            b"Uid" => status.euid = words(value).nth(1).and_then(dec),
            b"NSpid" => status.vpid = words(value).last().and_then(dec),
            b"TracerPid" => status.tracer = dec(value),
            b"VmSize" => status.size = kib(value),
            b"VmHWM" => status.peak_rss = kib(value),
            b"VmLck" => status.locked = kib(value),
            b"VmRSS" => status.rss = kib(value),
            b"RssAnon" => status.anon = kib(value),
            b"RssFile" => status.file = kib(value),
            b"RssShmem" => status.shmem = kib(value),
            b"VmPTE" => status.page_tables = kib(value),
            b"VmSwap" => status.swap = kib(value),
            b"HugetlbPages" => status.hugetlb = kib(value),
            _ => {}
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_key() {
        let text = b"Name:\tleak\nUmask:\t0022\nTgid:\t77\nUid:\t1000\t0\t0\t0\nNSpid:\t77\t5\nVmPTE:\t      44 kB\nRssAnon:\t     112 kB\n";
        let expected = Status {
            tgid: Some(77),
            euid: Some(0),
            vpid: Some(5),
            page_tables: Some(Bytes(45_056)),
            anon: Some(Bytes(114_688)),
            ..Status::default()
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn a_name_that_looks_like_a_line_is_none() {
        let text = b"Name:\tVmPTE: 9 kB\nState:\tZ (zombie)\n";
        assert_eq!(parse(text), Status::default());
    }
}
