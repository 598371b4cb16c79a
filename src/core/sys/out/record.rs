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
    /// It could not be written, and has lost an entry or a part of one: what it finds there.
    Missed(&'static [u8]),
}

/// What of the open entry went to standard output before its end, because the record had no room for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    /// Nothing: it fits.
    No,
    /// All so far.
    All,
    /// What the reader read.
    Part,
}

impl Out<'_> {
    /// What the buffer holds goes into the record. What does not fit there goes to standard output all the same, behind what did.
    pub(super) fn drain_to_record(&mut self) {
        let buf = core::mem::take(&mut self.buf);
        if let Some(mut record) = self.record.take() {
            let bytes = buf.get(..self.len).unwrap_or_default();
            let taken = record.append(bytes);
            let rest = bytes.get(taken..).unwrap_or_default();
            if !rest.is_empty() {
                let lost = record.form().lost();
                if self.beside == Beside::No {
                    self.pass_beside(record.open(), lost);
                }
                self.pass_beside(rest, lost);
            }
            self.record = Some(record);
        }
        self.buf = buf;
    }

    fn pass_beside(&mut self, bytes: &[u8], lost: &[u8]) {
        if self.beside != Beside::Part {
            self.pass_on(bytes, lost);
            self.beside = match self.reader {
                Reader::Reads => Beside::All,
                Reader::Lags | Reader::Missed(_) => Beside::Part,
            };
        }
    }

    /// Only now standard output gets the entry, as far as its reader reads: nobody may hold up a record.
    pub(super) fn seal_record(&mut self) {
        if let Some(mut record) = self.record.take() {
            let lost = record.form().lost();
            let beside = core::mem::replace(&mut self.beside, Beside::No);
            let entry = record.seal();
            if beside == Beside::No {
                self.pass_on(entry, lost);
            }
            self.record = Some(record);
        }
    }

    /// Best effort: what a reader does not take within [`GRACE`] it does not get, and is told so.
    fn pass_on(&mut self, entry: &[u8], lost: &[u8]) {
        // A failure may have cut a line.
        let end = match self.reader {
            Reader::Missed(_) if self.is_mid_line => &b"\n"[..],
            _ => b"",
        };
        let (note, grace) = match self.reader {
            Reader::Reads => (&b""[..], GRACE),
            Reader::Lags => (lost, Duration::ZERO),
            Reader::Missed(note) => (note, GRACE),
        };
        self.reader = Reader::Reads;
        let until = monotonic() + grace;
        for mut rest in [end, note, entry] {
            while !rest.is_empty() && self.broken.is_none() && self.reader == Reader::Reads {
                let whole = whole_lines(rest, self.chunk);
                match self.write_some(whole, |fd| wait_until(fd, until)) {
                    Ok(written) => {
                        if let Some(last) = written.checked_sub(1).and_then(|last| rest.get(last)) {
                            (self.is_mid_line, self.is_untried) = (*last != b'\n', false);
                        }
                        rest = rest.get(written..).unwrap_or_default();
                    }
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
