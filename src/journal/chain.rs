//! The entries of a value, or of a file, as its index has them: the first one in the DATA object, the others in a list of ENTRY_ARRAYs, each
//! of which is longer than the one before it.
//!
//! Whoever writes to a file puts an object to its end first, and links it then: what is linked is there, and what is 0 in the last array
//! may be linked by the next look.

use super::file::File;
use super::layout::State;
use super::object::{Array, Fault, Head};

/// What comes next.
pub(super) enum Step {
    /// An entry, which is behind all that came before it.
    Entry(Head),
    /// The index has something that is no entry of this value: zeros, or what is not where it says.
    Bad(Fault),
    /// The index has no more, for now.
    End,
    /// Nothing behind this can be found by the index: what is wrong, and where.
    Broken(u64, Fault),
}

/// A place in the index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Chain {
    /// The DATA object whose entries they are; none: all entries.
    owner: Option<u64>,
    has_first: bool,
    array: Option<Array>,
    slot: u64,
    /// Where the last entry is.
    last: u64,
    /// How many came.
    found: u64,
    /// How many there are, as the owner said at first.
    said: u64,
    /// How many places of arrays may be looked at: in a sound file no two arrays have a byte in common.
    left: u64,
}

impl Chain {
    pub(super) fn new(file: &File, owner: Option<u64>, said: u64) -> Self {
        // The smallest place has 4 bytes.
        let left = file.blocks.size() / 4;
        Self { owner, has_first: owner.is_none(), array: None, slot: 0, last: 0, found: 0, said, left }
    }

    pub(super) const fn owner(&self) -> Option<u64> {
        self.owner
    }

    /// How many entries it has told of.
    pub(super) const fn found(&self) -> u64 {
        self.found
    }

    /// How many there are said to be.
    pub(super) const fn said(&self) -> u64 {
        self.said
    }

    /// The next one.
    pub(super) fn step(&mut self, file: &mut File) -> Step {
        // In order, so that the offset of what is broken is that of what was looked at.
        let place = self.array.map_or(self.owner.unwrap_or(0), |array| array.at);
        match self.next(file) {
            Ok(Some(at)) => match self.entry(file, at) {
                Ok(head) => {
                    self.last = at;
                    self.found += 1;
                    Step::Entry(head)
                }
                Err(fault) => Step::Bad(fault),
            },
            Ok(None) => Step::End,
            Err(fault) => Step::Broken(place, fault),
        }
    }

    /// The offset that the index has next: 0 where one was that has been zeroed.
    fn next(&mut self, file: &mut File) -> Result<Option<u64>, Fault> {
        if !self.has_first
            && let Some(owner) = self.owner
        {
            let first = file.data(owner)?.entry;
            self.has_first = first != 0;
            return Ok((first != 0).then_some(first));
        }
        loop {
            let Some(array) = self.array else {
                let first = match self.owner {
                    Some(owner) => file.data(owner)?.array,
                    None => file.header.entry_array,
                };
                if first == 0 {
                    return Ok(None);
                }
                self.array = Some(file.array(first)?);
                continue;
            };
            if self.slot < array.items {
                self.left = self.left.checked_sub(1).ok_or(Fault::Order)?;
                let at = file.slot(&array, self.slot)?;
                // Of the last array the rest is room that nobody has used yet.
                if at == 0 && file.array(array.at)?.next == 0 {
                    return Ok(None);
                }
                self.slot += 1;
                return Ok(Some(at));
            }
            match file.array(array.at)?.next {
                0 => return Ok(None),
                next if next <= array.at => return Err(Fault::Order),
                next => {
                    self.array = Some(file.array(next)?);
                    self.slot = 0;
                }
            }
        }
    }

    fn entry(&self, file: &mut File, at: u64) -> Result<Head, Fault> {
        if at == 0 {
            return Err(Fault::Type(0));
        }
        if at <= self.last {
            return Err(Fault::Order);
        }
        let read = self.is_whose(file, at);
        if read.is_err() && file.state() == State::Online {
            // It was linked since its block was read.
            file.blocks.forget();
            return self.is_whose(file, at);
        }
        read
    }

    fn is_whose(&self, file: &mut File, at: u64) -> Result<Head, Fault> {
        let head = file.head(at)?;
        match self.owner {
            Some(owner) if !file.items(&head)?.any(|item| item == owner) => Err(Fault::Stranger),
            _ => Ok(head),
        }
    }
}
