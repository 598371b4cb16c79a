//! `/proc/locks`: proc_locks(5), fs/locks.c. Locks of processes that this pid namespace does not show are not in it.

use super::{dec, hex, words};
use crate::units::Pid;

/// A lock that is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lock {
    /// Which kind.
    pub kind: Kind,
    /// Who holds it.
    pub pid: Pid,
    /// The file system's device, major and minor number, and the file's inode.
    pub file: (u64, u64, u64),
    /// The first byte of its range.
    pub start: u64,
}

/// The kinds that memdoor knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// flock(2), exclusive.
    Exclusive,
    /// A POSIX lock for reading.
    PosixRead,
}

/// Parses a line: `11: POSIX  ADVISORY  READ 27756 00:15:4026531929 7882543359405851335 7882543359405851335`. `None` for other kinds,
/// and for who only waits (`11: -> FLOCK ...`).
#[must_use]
pub fn line(line: &[u8]) -> Option<Lock> {
    let mut words = words(line).skip(1);
    let kind = match (words.next()?, words.next()?, words.next()?) {
        (b"FLOCK", _, b"WRITE") => Kind::Exclusive,
        (b"POSIX", _, b"READ") => Kind::PosixRead,
        _ => return None,
    };
    let pid = dec(words.next()?).and_then(Pid::new)?;
    let mut file = words.next()?.split(|byte| *byte == b':');
    let file = (hex(file.next()?)?, hex(file.next()?)?, dec(file.next()?)?);
    Some(Lock { kind, pid, file, start: dec(words.next()?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_holds_which_range_of_which_file() {
        let parsed = |text: &[u8]| line(text).map(|lock| (lock.kind, lock.pid.get(), lock.file, lock.start));
        assert_eq!(
            parsed(b"12: FLOCK  ADVISORY  WRITE 27756 00:15:4026531929 0 EOF"),
            Some((Kind::Exclusive, 27756, (0, 0x15, 4_026_531_929), 0))
        );
        assert_eq!(
            parsed(b"11: POSIX  ADVISORY  READ  712 103:02:77 7882543359405851335 7882543359405851335"),
            Some((Kind::PosixRead, 712, (0x103, 2, 77), 7_882_543_359_405_851_335))
        );
        for other in [
            &b"1: -> FLOCK  ADVISORY  WRITE 27756 00:15:1 0 EOF"[..],
            b"1: OFDLCK ADVISORY  READ -1 00:15:1 0 EOF",
            b"1: FLOCK  ADVISORY  READ 5 00:15:1 0 EOF",
            b"1: FLOCK  ADVISORY  WRITE 0 00:15:1 0 EOF",
            b"1: FLOCK  ADVISORY  WRITE 5 00:15 0 EOF",
            b"1: FLOCK",
            b"",
        ] {
            assert_eq!(parsed(other), None, "{}", other.escape_ascii());
        }
    }
}
