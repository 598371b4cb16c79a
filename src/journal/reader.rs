//! The entries of a file that a query is about, in the order in which they were written.

use super::entry::{Entry, Speaker};
use super::file::{File, Refusal};
use super::layout::State;
use super::object::Fault;
use super::query::Query;
use super::salvage::Salvage;
use super::stream::{Stream, Until};

/// Reads the entries of a file.
pub struct Reader {
    file: File,
    query: Query,
    /// One for each term.
    streams: Vec<Stream>,
    entry: Entry,
    items: Vec<u64>,
    until: Until,
    salvage: Salvage,
}

/// What comes next to who looks at messages first.
pub enum Next<'r> {
    /// An entry.
    Entry(&'r Entry),
    /// One that was passed over by its message, which has so many bytes. [`Reader::load`] takes where it is.
    Passed {
        /// Where it is.
        at: u64,
        /// The length of its message.
        length: usize,
    },
}

/// Whether an entry is wanted, by its message.
pub type Sift<'s> = dyn FnMut(&[u8]) -> bool + 's;

/// Whether an entry is wanted.
enum Step {
    /// It is, and loaded.
    Wanted,
    Unwanted,
    /// Its message, of so many bytes, says that it is not.
    Passed(u64, usize),
}

/// What a file that is followed is by now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Now {
    /// Its writer has it open.
    Written,
    /// Nobody writes to it any more: another has taken its name.
    Archived,
    /// Its writer has closed it, and may open it again.
    Closed,
}

impl Reader {
    pub(super) fn new(file: File, query: Query) -> Self {
        let mut streams: Vec<Stream> = query.any.iter().map(|term| Stream::new(Some(term.clone()))).collect();
        if streams.is_empty() {
            streams.push(Stream::new(None));
        }
        let salvage = Salvage::new(file.header.state, file.cut_off());
        Self { file, query, streams, entry: Entry::default(), items: Vec::new(), until: Until::End, salvage }
    }

    /// The same of a file that somebody writes to: what is not there yet is not taken for lost, and comes after a [`Reader::refresh`].
    #[must_use]
    pub const fn following(mut self) -> Self {
        self.until = Until::Now;
        self
    }

    /// The next entry; none is the end, or the end for now.
    pub fn next(&mut self) -> Option<&Entry> {
        loop {
            if let Step::Wanted = self.step(None)? {
                return Some(&self.entry);
            }
        }
    }

    /// The same, where entries that have the first term and no other are passed over if their message is not wanted: of such an entry nothing
    /// but the message is read, and that has its own hash.
    pub fn next_or_passed(&mut self, is_wanted: &mut Sift<'_>) -> Option<Next<'_>> {
        loop {
            match self.step(Some(is_wanted))? {
                Step::Wanted => return Some(Next::Entry(&self.entry)),
                Step::Passed(at, length) => return Some(Next::Passed { at, length }),
                Step::Unwanted => {}
            }
        }
    }

    /// An entry that was passed over, all of it.
    pub fn load(&mut self, at: u64) -> Option<&Entry> {
        let Self { file, entry, items, .. } = self;
        let head = file.head(at).ok()?;
        entry.load(file, &head, items).then_some(&self.entry)
    }

    /// The entry that was loaded last.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Looks at the next entry.
    fn step(&mut self, sift: Option<&mut Sift<'_>>) -> Option<Step> {
        let Self { file, query, streams, entry, items, until, salvage } = self;
        let heads = streams.iter_mut().filter_map(|stream| stream.peek(file, *until, salvage));
        let head = heads.min_by_key(|head| head.at)?;
        let mut has_another = false;
        for (number, stream) in streams.iter_mut().enumerate() {
            if stream.peek(file, *until, salvage).is_some_and(|same| same.at == head.at) {
                stream.take();
                salvage.found += 1;
                has_another |= number > 0;
            }
        }
        let is_early = query.since_us.is_some_and(|since| head.realtime < since);
        if is_early || query.boot.is_some_and(|boot| boot != head.boot) {
            return Some(Step::Unwanted);
        }
        if let Some(is_wanted) = sift.filter(|_| !has_another)
            && let Some(message) = file.message(&head, items)
            && !is_wanted(message)
        {
            return Some(Step::Passed(head.at, message.len()));
        }
        if !entry.load(file, &head, items) {
            salvage.fault(head.at, Fault::Hash);
            salvage.found -= 1;
            return Some(Step::Unwanted);
        }
        let event_us = entry.event_us();
        let is_of_time = query.since_us.is_none_or(|since| event_us >= since)
            && query.until_us.is_none_or(|until| event_us <= until);
        if is_of_time {
            salvage.in_parts += u64::from(entry.lost > 0);
            salvage.too_long += u64::from(entry.too_long);
            if let Speaker::Missed(messages) = entry.speaker() {
                salvage.missed = salvage.missed.saturating_add(messages);
            }
        }
        Some(if is_of_time { Step::Wanted } else { Step::Unwanted })
    }

    /// Looks at the file anew: what was written since comes next. After a refusal, of a file that was written over, it is as it was.
    pub fn refresh(&mut self) -> Result<Now, Refusal> {
        self.file.refresh()?;
        for stream in &mut self.streams {
            stream.refresh(&self.file);
        }
        self.salvage.state = self.file.header.state;
        Ok(match self.file.header.state {
            State::Archived => Now::Archived,
            State::Offline => Now::Closed,
            State::Online | State::Other(_) => Now::Written,
        })
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// What there is to say of it, so far.
    #[must_use]
    pub const fn salvage(&self) -> &Salvage {
        &self.salvage
    }
}
