//! What the kernel itself has logged since the last look.

use crate::parse::kmsg::{Record, record};
use crate::sys::Result;
use crate::sys::kmsg::{Kmsg, Read};

/// As many records as the largest buffers hold: who prints faster than they are read does not hold anybody up.
const AT_ONCE: usize = 65_536;

/// Whether that was all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Drained {
    /// It was.
    Whole,
    /// Records were overwritten before they could be read, or there are more.
    Gaps,
}

/// Hands on what has come. `buf` must hold a record.
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
