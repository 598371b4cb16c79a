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
        while let Some(is_wanted) = self.step() {
            if is_wanted {
                return Some(&self.entry);
            }
        }
        None
    }

    /// Whether the next entry is wanted, which is then loaded.
    fn step(&mut self) -> Option<bool> {
        let Self { file, query, streams, entry, items, until, salvage } = self;
        let heads = streams.iter_mut().filter_map(|stream| stream.peek(file, *until, salvage));
        let head = heads.min_by_key(|head| head.at)?;
        for stream in streams {
            if stream.peek(file, *until, salvage).is_some_and(|same| same.at == head.at) {
                stream.take();
                salvage.found += 1;
            }
        }
        let is_early = query.since_us.is_some_and(|since| head.realtime < since);
        if is_early || query.boot.is_some_and(|boot| boot != head.boot) {
            return Some(false);
        }
        if !entry.load(file, &head, items) {
            salvage.fault(head.at, Fault::Hash);
            salvage.found -= 1;
            return Some(false);
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
        Some(is_of_time)
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
