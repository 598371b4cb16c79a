//! A file's bytes by pread(2), a part of them kept.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use super::object::Fault;

/// What is read at once. The entries of one field are spread over the file, so that most of a larger block would be read for nothing.
pub(super) const BLOCK: usize = 4 << 10;

/// How many are kept: 2 MiB.
const KEPT: usize = 512;

/// The most that is asked for at once: a payload, and what is before it in its object.
pub(super) const LONGEST: usize = (64 << 10) + 128;

/// What was read of a file.
pub(super) struct Blocks {
    file: File,
    size: u64,
    /// A block is kept where its number says, in place of the one that was there.
    kept: Vec<Block>,
    /// Of what is in several blocks.
    joined: Vec<u8>,
}

#[derive(Clone)]
struct Block {
    number: u64,
    bytes: Vec<u8>,
}

impl Blocks {
    pub(super) fn new(file: File) -> std::io::Result<Self> {
        let size = file.metadata()?.len();
        let kept = vec![Block { number: u64::MAX, bytes: Vec::new() }; KEPT];
        Ok(Self { file, size, kept, joined: Vec::new() })
    }

    /// Where the file ended when it was looked at last.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Forgets what was read: somebody writes to the file.
    pub(super) fn forget(&mut self) {
        for block in &mut self.kept {
            block.number = u64::MAX;
        }
    }

    /// Forgets what was read, and looks where the file ends by now.
    pub(super) fn refresh(&mut self) -> std::io::Result<()> {
        self.forget();
        self.size = self.file.metadata()?.len();
        Ok(())
    }

    /// So many bytes from there; all of them, or none.
    pub(super) fn get(&mut self, at: u64, length: usize) -> Result<&[u8], Fault> {
        let end = at.checked_add(length as u64).filter(|end| *end <= self.size).ok_or(Fault::Beyond)?;
        if length > LONGEST {
            return Err(Fault::Size);
        }
        let (first, start) = (at / BLOCK as u64, offset_in_block(at));
        if end.div_ceil(BLOCK as u64) <= first + 1 {
            let kept = self.block(first)?;
            return self.kept[kept].bytes.get(start..start + length).ok_or(Fault::Beyond);
        }
        let mut joined = core::mem::take(&mut self.joined);
        joined.clear();
        let mut number = first;
        let mut start = start;
        while joined.len() < length {
            let kept = self.block(number)?;
            let bytes = self.kept[kept].bytes.get(start..).filter(|bytes| !bytes.is_empty()).ok_or(Fault::Beyond)?;
            joined.extend_from_slice(&bytes[..bytes.len().min(length - joined.len())]);
            (number, start) = (number + 1, 0);
        }
        self.joined = joined;
        Ok(&self.joined)
    }

    /// Where the next byte is that is not 0, from there on and before `to`, in steps of 8.
    pub(super) fn behind_zeros(&mut self, at: u64, to: u64) -> Result<u64, Fault> {
        let to = to.min(self.size);
        let mut at = at;
        while at < to {
            let start = offset_in_block(at);
            let kept = self.block(at / BLOCK as u64)?;
            let bytes = self.kept[kept].bytes.get(start..).filter(|bytes| !bytes.is_empty()).ok_or(Fault::Beyond)?;
            match bytes.iter().position(|byte| *byte != 0) {
                Some(zeros) => return Ok((at + zeros as u64) & !7),
                None => at += bytes.len() as u64,
            }
        }
        Ok(to)
    }

    /// Where a block is kept, which is read unless it is.
    fn block(&mut self, number: u64) -> Result<usize, Fault> {
        let place = usize::try_from(number % KEPT as u64).unwrap_or(0);
        let block = &mut self.kept[place];
        if block.number == number {
            return Ok(place);
        }
        block.number = u64::MAX;
        block.bytes.resize(BLOCK, 0);
        let mut length = 0;
        while length < BLOCK {
            match self.file.read_at(&mut block.bytes[length..], number * BLOCK as u64 + length as u64) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Read(error.raw_os_error().unwrap_or(0))),
            }
        }
        block.bytes.truncate(length);
        block.number = number;
        Ok(place)
    }
}

/// It is less than [`BLOCK`].
fn offset_in_block(at: u64) -> usize {
    usize::try_from(at % BLOCK as u64).unwrap_or(0)
}
