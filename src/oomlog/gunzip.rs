//! gzip as a stream: concatenated members, cut-off files, and no more memory for a bomb than for a line.
//!
//! flate2 reads a member with its header and its checksum. Not by its readers: where the data is damaged they lose what the same read
//! had unpacked before (up to a buffer of it), padding of zeros is an error to them, and so is whatever follows the last member.

use flate2::{Decompress, FlushDecompress, Status};

use super::buffer::Buffer;
use super::source::{Packing, Trouble};
use super::unpack::Unpack;
use crate::sys::Result;
use crate::sys::input::Input;

/// Compressed bytes for each read.
const INPUT: usize = 64 << 10;

/// What a member begins with.
const MAGIC: u8 = 0x1f;

pub(super) struct Gunzip {
    input: Buffer,
    start: usize,
    end: usize,
    member: Decompress,
    /// Whether anything of this member has been read.
    inside: bool,
    finished: bool,
    trouble: Option<Trouble>,
}

impl Gunzip {
    /// With the first bytes of the file, which were read to know what it is.
    pub(super) fn new(first: &[u8]) -> Self {
        let mut input = Buffer::new(INPUT);
        let end = first.len().min(INPUT);
        input[..end].copy_from_slice(&first[..end]);
        Self { input, start: 0, end, member: member(), inside: false, finished: false, trouble: None }
    }

    /// Whether another member begins here. What is padded with zeros ends well: gzip(1) does the same.
    fn begins(&mut self) -> bool {
        let rest = &self.input[self.start..self.end];
        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
        self.start += zeros;
        match rest.get(zeros) {
            // The next read decides.
            None => {}
            Some(byte) if *byte == MAGIC => self.inside = true,
            Some(_) => self.stop(Some(Trouble::Trailing(Packing::Gzip))),
        }
        self.inside
    }

    fn stop(&mut self, trouble: Option<Trouble>) {
        self.finished = true;
        self.trouble = self.trouble.or(trouble);
    }
}

impl Unpack for Gunzip {
    fn read(&mut self, file: &Input, out: &mut [u8]) -> Result<usize> {
        while !self.finished {
            if self.start == self.end {
                self.start = 0;
                self.end = file.read(&mut self.input)?;
                if self.end == 0 {
                    self.stop(self.inside.then_some(Trouble::CutOff(Packing::Gzip)));
                    break;
                }
            }
            if !self.inside && !self.begins() {
                continue;
            }
            let before = (self.member.total_in(), self.member.total_out());
            let input = &self.input[self.start..self.end];
            let done = self.member.decompress(input, out, FlushDecompress::None);
            let read = self.member.total_in() - before.0;
            let wrote = self.member.total_out() - before.1;
            self.start = (self.start + usize::try_from(read).unwrap_or(usize::MAX)).min(self.end);
            match done {
                Ok(Status::StreamEnd) => {
                    self.member = member();
                    self.inside = false;
                }
                Ok(_) if read == 0 && wrote == 0 => self.stop(Some(Trouble::Damaged(Packing::Gzip))),
                Ok(_) => {}
                Err(_) => self.stop(Some(Trouble::Damaged(Packing::Gzip))),
            }
            if wrote > 0 {
                return Ok(usize::try_from(wrote).unwrap_or(out.len()).min(out.len()));
            }
        }
        Ok(0)
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    fn packing(&self) -> Packing {
        Packing::Gzip
    }
}

/// With the largest window, which any member can be read with.
fn member() -> Decompress {
    Decompress::new_gzip(15)
}
