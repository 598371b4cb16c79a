//! Where a log's bytes come from, and what went wrong on the way.

extern crate alloc;

use alloc::boxed::Box;

use super::gunzip::{Gunzip, MAGIC};
use crate::sys::Result;
use crate::sys::input::Input;

/// Why a log may hold more than was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// gzip: the file ends inside of a member. What was before it has been read.
    CutOff,
    /// gzip: the bytes are not what their checksum or their code says.
    Damaged,
    /// gzip: something that is no member follows the last one.
    Trailing,
}

impl core::fmt::Display for Trouble {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::CutOff => "the gzip file is cut off: what it holds was read",
            Self::Damaged => "the gzip file is damaged: what is before the damage was read",
            Self::Trailing => "something else follows the gzip data: it was not read",
        })
    }
}

/// A log as plain bytes, compressed or not.
pub struct Source {
    input: Input,
    coding: Coding,
}

enum Coding {
    /// Nothing was read yet.
    Unknown,
    Plain,
    Gzip(Box<Gunzip>),
}

impl Source {
    /// Reads from `input`, whose first two bytes tell what it is: a log's name says nothing.
    #[must_use]
    pub const fn new(input: Input) -> Self {
        Self {
            input,
            coding: Coding::Unknown,
        }
    }

    /// What went wrong so far.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match &self.coding {
            Coding::Gzip(gzip) => gzip.trouble(),
            _ => None,
        }
    }

    /// Fills `buf` as far as one read goes; 0 is the end.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        match &mut self.coding {
            Coding::Plain => self.input.read(buf),
            Coding::Gzip(gzip) => gzip.read(&self.input, buf),
            Coding::Unknown => self.first(buf),
        }
    }

    fn first(&mut self, buf: &mut [u8]) -> Result<usize> {
        // A pipe may give one byte at a time.
        let mut first = [0; 2];
        let mut length = 0;
        while length < first.len() {
            match self.input.read(&mut first[length..])? {
                0 => break,
                more => length += more,
            }
        }
        if first == MAGIC {
            self.coding = Coding::Gzip(Box::new(Gunzip::new(&first)));
            return self.read(buf);
        }
        self.coding = Coding::Plain;
        let room = buf.len().min(length);
        buf[..room].copy_from_slice(&first[..room]);
        Ok(room)
    }
}
