//! OOM kills as the running kernel logs them: the one reader for what may run while memory is short.
//!
//! The watch and the monitor open the log when they are armed and read it from there on. `memdoor dmesg` reads logs of any age and form and
//! allocates: its own way through them is `oomlog`.

mod report;

pub(crate) use report::{Report, Short, resident};

use crate::fixed::Fixed;
use crate::parse::kmsg::{Record, record, unescape};
use crate::sys::Result;
use crate::sys::kmsg::{Kmsg, Read};

/// As many records as the largest buffers hold: a kernel that prints faster than its log is read does not hold the reader up.
const AT_ONCE: usize = 65_536;

/// Opens `/dev/kmsg` at its end: only what is logged from now on is read.
pub(crate) fn open() -> Result<Kmsg> {
    let log = Kmsg::open(c"/dev/kmsg")?;
    log.skip()?;
    Ok(log)
}

/// A text of the log as the kernel printed it, the device's escapes undone; what is longer is cut.
pub(crate) fn printed<const N: usize>(text: &[u8]) -> Fixed<N> {
    Fixed::of(unescape(text, &mut [0; N]))
}

/// Whether the log was read without a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Drained {
    /// To its end, and nothing was lost.
    Whole,
    /// Records were overwritten before they could be read, or there are more.
    Gaps,
}

/// Hands on the kernel's own records that were logged since the last call. `buf` must hold a record.
pub(crate) fn drain(log: &Kmsg, buf: &mut [u8], take: &mut dyn FnMut(&Record<'_>)) -> Result<Drained> {
    let mut drained = Drained::Whole;
    for _ in 0..AT_ONCE {
        match log.next(buf)? {
            Read::Record(line) => {
                if let Some(record) = record(line).filter(Record::is_kernel) {
                    take(&record);
                }
            }
            Read::Lost => drained = Drained::Gaps,
            Read::End => return Ok(drained),
        }
    }
    Ok(Drained::Gaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_proc_shows() {
        for (text, name) in [(&b"a\\x0ab\\x5cx"[..], &b"a\nb\\x"[..]), (b"\\x0", b"\\x0"), (b"\\xzz\\", b"\\xzz\\")] {
            assert_eq!(printed::<32>(text).as_bytes(), name);
        }
    }
}
