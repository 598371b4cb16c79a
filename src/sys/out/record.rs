//! Output that a record gets first.

extern crate std;

use core::time::Duration;
use std::os::fd::BorrowedFd;

use super::{Broken, Out};
use crate::sys::clock::monotonic;
use crate::sys::signal::{self, Until, Woken};

/// Who reads standard output while a record is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    /// It does.
    Reads,
    /// It did not in time, and has lost the rest of an entry.
    Lags,
}

impl Out<'_> {
    /// Only now standard output gets the entry, as far as its reader reads: nobody may hold up a record.
    #[inline(never)]
    pub(super) fn seal_record(&mut self) {
        if let Some(mut record) = self.record.take() {
            let lost = record.form().lost();
            self.pass_on(record.seal(), lost);
            self.record = Some(record);
        }
    }

    /// Best effort: what a reader does not take within [`GRACE`] it does not get, and is told so.
    fn pass_on(&mut self, entry: &[u8], lost: &[u8]) {
        let (note, grace) = match self.reader {
            Reader::Reads => (&b""[..], GRACE),
            Reader::Lags => (lost, Duration::ZERO),
        };
        self.reader = Reader::Reads;
        let until = monotonic() + grace;
        for mut rest in [note, entry] {
            while !rest.is_empty() && self.broken.is_none() && self.reader == Reader::Reads {
                let whole = whole_lines(rest, self.chunk);
                match self.write_some(whole, |fd| wait_until(fd, until)) {
                    Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                    Err(Broken::Stopped) => self.reader = Reader::Lags,
                    Err(why) => self.broken = Some(why),
                }
            }
        }
    }
}

/// How long a reader of standard output may hold up a watch that has a record, once; after that not at all until it reads.
const GRACE: Duration = Duration::from_millis(200);

/// Waits until a write would not block, or gives up.
fn wait_until(fd: BorrowedFd<'_>, until: Duration) -> core::result::Result<(), Broken> {
    loop {
        let left = until.saturating_sub(monotonic());
        match signal::wait(Some((fd, Until::Writable)), Some(left)) {
            Ok(Woken::Ready) => return Ok(()),
            Ok(Woken::Timeout) => return Err(Broken::Stopped),
            Ok(Woken::Signal) => {}
            Err(errno) => return Err(Broken::Failed(errno)),
        }
    }
}

/// As many lines as one write may have, so that what comes next begins a line even when the rest is lost.
fn whole_lines(bytes: &[u8], chunk: usize) -> &[u8] {
    let Some(piece) = bytes.get(..chunk) else {
        return bytes;
    };
    let end = piece.iter().rposition(|byte| *byte == b'\n');
    end.map_or(piece, |newline| &piece[..=newline])
}
