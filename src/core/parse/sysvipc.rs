//! `/proc/sysvipc/shm`: System V shared memory of one IPC namespace (sysvipc_shm_proc_show() of ipc/shm.c).

use super::{dec, signed, words};
use crate::units::{Bytes, Pid};

/// A segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its key; 0: IPC_PRIVATE.
    pub key: i64,
    /// Its number.
    pub id: u64,
    /// What was asked for.
    pub size: Bytes,
    /// Who made it; `None`: not of this pid namespace.
    pub creator: Option<Pid>,
    /// How many have it attached; nobody: it stays until somebody removes it.
    pub attached: u64,
    /// Whether it was removed (IPC_RMID; `dest` of ipcs(1)): it ends with the last process that has it attached.
    pub is_removed: bool,
    /// Whose it is.
    pub user: u64,
    /// What of it is in memory, and in swap (Linux 2.6.37).
    pub rss: Option<Bytes>,
    /// See `rss`.
    pub swap: Option<Bytes>,
}

/// include/linux/shm.h
const SHM_DEST: u64 = 0o1000;

/// Parses a line; `None` for the header.
#[must_use]
pub fn segment(text: &[u8]) -> Option<Segment> {
    // key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap
    let mut words = words(text);
    let key = signed(words.next()?)?;
    let id = dec(words.next()?)?;
    let permissions = words.next().and_then(|word| core::str::from_utf8(word).ok());
    let permissions = u64::from_str_radix(permissions?, 8).ok()?;
    let mut number = |skipped| words.nth(skipped).and_then(dec);
    Some(Segment {
        key,
        id,
        is_removed: permissions & SHM_DEST != 0,
        size: Bytes(number(0)?),
        creator: Pid::new(number(0)?),
        attached: number(1)?,
        user: number(0)?,
        rss: number(6).map(Bytes),
        swap: number(0).map(Bytes),
    })
}

/// Whether a line is the one of titles, which the kernel's file begins with.
#[must_use]
pub fn is_title(line: &[u8]) -> bool {
    let mut words = words(line);
    words.next() == Some(b"key") && words.next() == Some(b"shmid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_its_size_its_maker_and_who_uses_it() {
        let text = b" -559038737          7  1600               1048576  4242  4243      2  1000   100  1000   100 1700000000          0 1700000000               8192                 4096";
        let expected = Segment {
            key: -559_038_737,
            id: 7,
            size: Bytes(1 << 20),
            creator: Pid::new(4242),
            attached: 2,
            is_removed: true,
            user: 1000,
            rss: Some(Bytes(8192)),
            swap: Some(Bytes(4096)),
        };
        assert_eq!(segment(text), Some(expected));
        let old = &text[..text.len() - 42];
        let expected = Segment { rss: None, swap: None, ..expected };
        assert_eq!(segment(old), Some(expected));
    }

    #[test]
    fn headers_and_cut_lines_are_no_segments() {
        for text in [
            &b"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap"[..],
            b"",
            b"0 1 600 4096 1 2 1",
            b"0 -1 600 4096 1 2 1 0 0 0 0 0 0 0 0 0",
        ] {
            assert_eq!(segment(text), None, "{}", text.escape_ascii());
        }
        let outside = segment(b"0 1 600 4096 0 0 1 0 0").expect("a segment");
        assert_eq!(outside.creator, None);
    }
}
