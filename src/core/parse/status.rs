//! `/proc/PID/status`: proc_pid_status(5), fs/proc/array.c and fs/proc/task_mmu.c.

use super::{ascii, dec, key_value, kib, lines, words};
use crate::fixed::Fixed;
use crate::units::Bytes;

/// What memdoor needs of it. A zombie and a kernel thread have no `Vm` lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// `State`: `R`, `S`, `D`, `Z`, ...
    pub state: Option<u8>,
    /// `PPid`: 0 as in stat.
    pub parent: Option<u64>,
    /// `Threads`.
    pub threads: Option<u64>,
    /// `Kthread`: whether it runs in the kernel (Linux 6.8).
    pub is_kernel_thread: Option<bool>,
    /// `Tgid`: the process that the thread belongs to.
    pub tgid: Option<u64>,
    /// `Uid`, the real one.
    pub ruid: Option<u64>,
    /// `Uid`, the effective one.
    pub euid: Option<u64>,
    /// `Uid`, the saved set-user-ID.
    pub suid: Option<u64>,
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
        match ascii(key) {
            "State" => status.state = value.first().copied(),
            "PPid" => status.parent = dec(value),
            "Threads" => status.threads = dec(value),
            "Kthread" => status.is_kernel_thread = dec(value).map(|number| number != 0),
            "Tgid" => status.tgid = dec(value),
            "Uid" => {
                let mut users = words(value).map(dec);
                let mut next = || users.next().flatten();
                (status.ruid, status.euid, status.suid) = (next(), next(), next());
            }
            "NSpid" => status.vpid = words(value).last().and_then(dec),
            "TracerPid" => status.tracer = dec(value),
            "VmSize" => status.size = kib(value),
            "VmHWM" => status.peak_rss = kib(value),
            "VmLck" => status.locked = kib(value),
            "VmRSS" => status.rss = kib(value),
            "RssAnon" => status.anon = kib(value),
            "RssFile" => status.file = kib(value),
            "RssShmem" => status.shmem = kib(value),
            "VmPTE" => status.page_tables = kib(value),
            "VmSwap" => status.swap = kib(value),
            "HugetlbPages" => status.hugetlb = kib(value),
            // What follows it, signals, capabilities and CPUs, is half of the text.
            "SigQ" => break,
            _ => {}
        }
    }
    status
}

/// `Name`, raw: the kernel writes a newline in it as `\\n` and a backslash as `\\\\` (proc_task_name() of fs/proc/array.c).
#[must_use]
pub fn name(text: &[u8]) -> Option<Fixed<64>> {
    let (key, value) = lines(text).next().map(|line| line.split_at_checked(6))??;
    let mut name = Fixed::new();
    let mut rest = (key == b"Name:\t").then_some(value)?;
    while let Some((byte, tail)) = rest.split_first() {
        let (plain, tail) = match (byte, tail) {
            (b'\\', [b'n', tail @ ..]) => (&b"\n"[..], tail),
            (b'\\', [b'\\', tail @ ..]) => (&b"\\"[..], tail),
            (byte, tail) => (core::slice::from_ref(byte), tail),
        };
        name.push(plain);
        rest = tail;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_process_set() {
        for (text, expected) in [
            (&b"Name:\tleak\nUmask:\t0022\n"[..], Some(&b"leak"[..])),
            (b"Name:\ta) R (b\\n c\\\\n\t\n", Some(b"a) R (b\n c\\n\t")),
            (b"Name:\t\nState:\tS\n", Some(b"")),
            (b"State:\tS\n", None),
            (b"Name:", None),
            (b"", None),
        ] {
            let found = name(text);
            assert_eq!(found.as_ref().map(Fixed::as_bytes), expected);
        }
    }

    #[test]
    fn lines_are_found_by_their_key() {
        let text = b"Name:\tleak\nUmask:\t0022\nTgid:\t77\nUid:\t1000\t0\t7\t0\nNSpid:\t77\t5\nKthread:\t0\nVmPTE:\t      44 kB\nRssAnon:\t     112 kB\nThreads:\t3\nSigQ:\t0/9\nThreads:\t9\n";
        let expected = Status {
            threads: Some(3),
            tgid: Some(77),
            ruid: Some(1000),
            euid: Some(0),
            suid: Some(7),
            vpid: Some(5),
            is_kernel_thread: Some(false),
            page_tables: Some(Bytes(45_056)),
            anon: Some(Bytes(114_688)),
            ..Status::default()
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn a_name_that_looks_like_a_line_is_none() {
        let text = b"Name:\tVmPTE: 9 kB\nState:\tZ (zombie)\n";
        let expected = Status { state: Some(b'Z'), ..Status::default() };
        assert_eq!(parse(text), expected);
    }
}
