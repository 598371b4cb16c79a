//! Packed logs as streams, one file for each way: concatenated members, cut-off and damaged files, and a bounded window for each.
//!
//! What a read has unpacked before something was found wrong is handed on: it is what such a log was kept for.

mod bzip2;
mod xz;
mod zstd;

use std::io;

use super::buffer::Buffer;
use super::gunzip::Gunzip;
use super::source::{Packing, Trouble};
use crate::sys::input::Input;
use crate::sys::{Errno, Result};

use self::zstd::Unzstd;

/// Packed bytes for each read.
const INPUT: usize = 64 << 10;

/// The largest window that is unpacked with: that of `xz -9`. zstd(1) wants to be asked for more than 128 MiB, and uses 8 for its -19.
const WINDOW: usize = 64 << 20;

/// A log that is unpacked as it is read.
pub(super) trait Unpack {
    /// Fills `out` as far as one step goes; 0 is the end, whether it is a good one or not.
    fn read(&mut self, file: &Input, out: &mut [u8]) -> Result<usize>;

    /// What went wrong so far.
    fn trouble(&self) -> Option<Trouble>;

    /// How it is packed.
    fn packing(&self) -> Packing;
}

/// What unpacks a file that begins with these bytes, which were read to know what it is.
pub(super) fn of(packing: Packing, first: &[u8]) -> Option<Box<dyn Unpack>> {
    Some(match packing {
        Packing::Plain => return None,
        Packing::Gzip => Box::new(Gunzip::new(first)),
        Packing::Xz => Box::new(Members::<xz::Stream>::new(Feed::new(first))),
        Packing::Zstd => Box::new(Unzstd::new(Feed::new(first))),
        Packing::Bzip2 => Box::new(Members::<bzip2::Stream>::new(Feed::new(first))),
    })
}

/// The packed bytes of a file, a part of them ahead.
struct Feed {
    bytes: Buffer,
    start: usize,
    end: usize,
    is_at_end: bool,
}

impl Feed {
    fn new(first: &[u8]) -> Self {
        let mut bytes = Buffer::new(INPUT);
        bytes[..first.len()].copy_from_slice(first);
        Self { bytes, start: 0, end: first.len(), is_at_end: false }
    }

    /// What is ahead.
    fn ahead(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn pass(&mut self, length: usize) {
        self.start = (self.start + length).min(self.end);
    }

    /// Reads until so many bytes are ahead, which are few, or the file has ended.
    fn fill(&mut self, file: &Input, wanted: usize) -> Result<()> {
        while self.end - self.start < wanted && !self.is_at_end {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let length = file.read(&mut self.bytes[self.end..])?;
            self.end += length;
            self.is_at_end = length == 0;
        }
        Ok(())
    }

    /// What comes next, behind zeros that pad a file: the start of a member of this kind, something else, or nothing.
    fn next(&mut self, file: &Input, is_start: impl Fn(&[u8]) -> bool) -> Result<Next> {
        loop {
            self.fill(file, 8)?;
            let ahead = self.ahead();
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            if ahead.is_empty() {
                return Ok(Next::Nothing);
            }
            if zeros == 0 {
                return Ok(if is_start(ahead) { Next::Member } else { Next::Other });
            }
            self.pass(zeros);
        }
    }
}

/// What follows a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    Member,
    Other,
    Nothing,
}

/// A file as std reads one.
struct Reading<'f> {
    feed: &'f mut Feed,
    file: &'f Input,
    failed: Option<Errno>,
}

impl io::Read for Reading<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Err(errno) = self.feed.fill(self.file, 1) {
            self.failed = Some(errno);
            return Err(io::Error::from_raw_os_error(errno as i32));
        }
        let ahead = self.feed.ahead();
        let length = out.len().min(ahead.len());
        out[..length].copy_from_slice(&ahead[..length]);
        self.feed.pass(length);
        Ok(length)
    }
}

/// How a decoder that is given bytes has come along.
enum Step {
    /// So many bytes were read and written; there is more, unless both are 0.
    More([usize; 2]),
    /// The member has ended.
    End([usize; 2]),
    /// It can't go on: what is wrong, and what was written before.
    Failed([usize; 2], Trouble),
}

/// A decoder that is given bytes, a member at a time.
trait Member {
    const PACKING: Packing;

    fn new() -> Self;

    /// Whether one begins so.
    fn is_start(bytes: &[u8]) -> bool;

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step;
}

/// A file of such members.
struct Members<M> {
    feed: Feed,
    member: Option<M>,
    is_finished: bool,
    trouble: Option<Trouble>,
}

impl<M: Member> Members<M> {
    fn new(feed: Feed) -> Self {
        Self { feed, member: None, is_finished: false, trouble: None }
    }

    fn stop(&mut self, trouble: Option<Trouble>) {
        self.is_finished = true;
        self.trouble = self.trouble.or(trouble);
    }
}

impl<M: Member> Unpack for Members<M> {
    fn read(&mut self, file: &Input, out: &mut [u8]) -> Result<usize> {
        while !self.is_finished && !out.is_empty() {
            let Some(member) = &mut self.member else {
                match self.feed.next(file, M::is_start)? {
                    Next::Member => self.member = Some(M::new()),
                    Next::Other => self.stop(Some(Trouble::Trailing(M::PACKING))),
                    Next::Nothing => self.stop(None),
                }
                continue;
            };
            self.feed.fill(file, 1)?;
            let is_at_end = self.feed.ahead().is_empty();
            let step = member.step(self.feed.ahead(), out);
            let ([read, written], end) = match step {
                // Nothing goes in, and nothing comes out.
                Step::More([0, 0]) if is_at_end => ([0, 0], Some(Some(Trouble::CutOff(M::PACKING)))),
                Step::More([0, 0]) => ([0, 0], Some(Some(Trouble::Damaged(M::PACKING)))),
                Step::More(done) => (done, None),
                Step::End(done) => (done, Some(None)),
                Step::Failed(done, trouble) => (done, Some(Some(trouble))),
            };
            self.feed.pass(read);
            match end {
                Some(None) => self.member = None,
                Some(trouble) => self.stop(trouble),
                None => {}
            }
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    fn packing(&self) -> Packing {
        M::PACKING
    }
}

/// By how much a count of all bytes has grown.
fn grown(before: u64, now: u64) -> usize {
    usize::try_from(now - before).unwrap_or(usize::MAX)
}
