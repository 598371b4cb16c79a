//! A record in memory: entries one behind the other, and room made by forgetting the least of them.
//!
//! The memory is a file's, so whatever moment memdoor is killed at, the file must make sense. Bytes that count are never written over
//! but with a State line in between that no longer counts them ([`super::frame`]); one that is torn is not taken for a state.
//! To forget an entry, it becomes a gap; what is above moves down into the gap in pieces no larger than the gap, so that after each of
//! them either the old or the new place of its bytes counts.

mod room;

use core::sync::atomic::{Ordering, compiler_fence};

use super::frame::{Form, Frame, Kind, State, check};
use crate::fixed::copy;

/// What is kept free for the end of the watch.
const RESERVE: usize = 4 * 1024;

/// The smallest record.
pub const MIN: usize = 16 * 1024;

/// A record.
pub struct Log<'m> {
    bytes: &'m mut [u8],
    form: Form,
    state: State,
    /// Behind what is written; what counts ends at or before it. There is no gap between calls.
    end: usize,
    kind: Kind,
    next: usize,
    fit: Fit,
    last: core::ops::Range<usize>,
    kept: Kept,
    /// Bytes that the open entry would have, and those of the longest so far.
    wanted: usize,
    longest: usize,
    /// Entries that are not there at all and should be.
    lost: usize,
}

/// Whether all of the open entry was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Whole,
    Cut,
    /// There was no room to begin it.
    None,
}

/// Which entries stay, even when they are cut: by their numbers.
#[derive(Clone, Copy, Default)]
struct Kept {
    /// The first snapshot above the threshold.
    first: Option<usize>,
    /// That at the death.
    death: Option<usize>,
}

/// What a record had no room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lack {
    /// So many of its entries are cut, or are not there at all.
    pub entries: usize,
    /// A record of this size would have had it.
    pub needed: usize,
}

/// What four entries of so many bytes take, and some reports below.
#[must_use]
pub const fn room_for(entry: usize) -> usize {
    (65_536 + 4 * entry).next_multiple_of(4096)
}

/// The least that has the head, the first snapshot above the threshold, of so many bytes, and something of the last.
#[must_use]
pub fn least_for(form: Form, head: usize, snapshot: usize) -> usize {
    let first = head + snapshot + 2 * form.frame_len();
    // The other way round than [`Log::limit`].
    (RESERVE + form.start() + first + first / 3).next_multiple_of(4096)
}

impl<'m> Log<'m> {
    /// A record in memory that is all newlines.
    pub fn new(bytes: &'m mut [u8], form: Form) -> Self {
        let end = form.start();
        let mut log = Self {
            bytes,
            form,
            state: State { end, ..State::default() },
            end,
            kind: Kind::Start,
            next: 0,
            fit: Fit::Whole,
            last: end..end,
            kept: Kept::default(),
            wanted: 0,
            longest: 0,
            lost: 0,
        };
        log.put(0, form.magic());
        // Both lines.
        log.count(log.state);
        log.count(log.state);
        log
    }

    /// Begins an entry; one that is open ends.
    pub fn begin(&mut self, kind: Kind) {
        self.seal();
        self.last = self.end..self.end;
        self.kind = kind;
        (self.fit, self.wanted) = (Fit::Whole, 0);
        let frame = self.frame(0, 0);
        // With less than this behind it, a frame is of no use.
        const LITTLE: usize = 512;
        if !self.make_room(self.form.frame_len() + LITTLE) {
            self.fit = Fit::None;
            return;
        }
        let at = self.end;
        self.put(at, frame.line(self.form).as_bytes());
        self.end += self.form.frame_len();
        self.next += 1;
        self.count(State { end: self.end, open: at, ..self.state });
    }

    /// Writes more of the open entry; it does not count yet. Returns how much of it there was room for: none once something had none.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        self.wanted += bytes.len();
        if self.state.open == 0 || self.fit != Fit::Whole {
            return 0;
        }
        let is_enough = self.make_room(bytes.len());
        let limit = if is_enough { self.limit() } else { self.limit_of_cut() };
        let room = limit.saturating_sub(self.end);
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.put(self.end, taken);
        self.end += taken.len();
        if !is_enough {
            self.fit = Fit::Cut;
        }
        taken.len()
    }

    /// What is written counts: a section is complete.
    pub fn commit(&mut self) {
        // Of a section that was cut nothing counts before it is clear where.
        if self.state.open != 0 && self.state.end != self.end && self.fit == Fit::Whole {
            self.count(State { end: self.end, ..self.state });
        }
    }

    /// Ends the open entry: from now on a check guards it.
    pub fn seal(&mut self) {
        let at = self.state.open;
        if at == 0 {
            if core::mem::replace(&mut self.fit, Fit::Whole) == Fit::None {
                self.note_lost();
            }
            return;
        }
        let from = at + self.form.frame_len();
        if self.fit == Fit::Cut {
            self.cut_to_a_line(from);
        }
        let is_empty = from == self.end;
        self.note(!is_empty);
        if is_empty {
            self.end = at;
            self.next -= 1;
        } else {
            let sum = check(self.bytes.get(from..self.end).unwrap_or_default());
            let frame = Frame { number: self.next - 1, ..self.frame(self.end - from, sum) };
            // Until the state says so, the line above an open entry is not looked at.
            self.put(at, frame.line(self.form).as_bytes());
            self.last = from..self.end;
        }
        self.count(State { end: self.end, open: 0, ..self.state });
        if is_empty {
            self.wipe(at, from);
        }
    }

    /// Of an entry that ends: what it was, and how much it would have taken.
    fn note(&mut self, is_there: bool) {
        self.longest = self.longest.max(self.wanted);
        let number = Some(self.next - 1).filter(|_| is_there);
        match self.kind {
            Kind::Above | Kind::Asked if is_there => {
                // Who has this one has a last one.
                self.lost = 0;
                if self.kind == Kind::Above {
                    self.kept.first = self.kept.first.or(number);
                }
            }
            Kind::Death => self.kept.death = number,
            _ => {}
        }
    }

    /// Of one that had no room at all. Reports below the threshold come and go.
    fn note_lost(&mut self) {
        self.longest = self.longest.max(self.wanted);
        self.lost += usize::from(self.kind != Kind::Below);
    }

    /// What there was no room for, of what would be there now.
    #[must_use]
    pub fn lack(&self) -> Option<Lack> {
        let entries = self.lost + self.entries().filter(|(_, frame)| frame.kind == Kind::Short).count();
        (entries > 0).then(|| Lack { entries, needed: room_for(self.longest).max(self.bytes.len() + 4096) })
    }

    /// Bytes of the open entry so far.
    #[must_use]
    pub fn open(&self) -> &[u8] {
        let from = match self.state.open {
            0 => self.end,
            at => at + self.form.frame_len(),
        };
        self.bytes.get(from..self.end).unwrap_or_default()
    }

    /// Bytes of the last entry that was sealed.
    #[must_use]
    pub fn last(&self) -> &[u8] {
        self.bytes.get(self.last.clone()).unwrap_or_default()
    }

    /// Makes room for one more entry as long as the last, while there is time.
    pub fn prepare(&mut self) {
        if self.state.open == 0 {
            self.kind = Kind::Above;
            let wanted = self.last.len() + self.last.len() / 8 + 2 * RESERVE;
            self.make_room(wanted.min(self.bytes.len() / 2));
        }
    }

    /// How its lines are written.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The length of the file at the end.
    #[must_use]
    pub fn length(&self) -> usize {
        self.end
    }

    fn frame(&self, bytes: usize, check: u64) -> Frame {
        let kind = if self.fit == Fit::Cut { Kind::Short } else { self.kind };
        Frame { number: self.next, kind, bytes, check }
    }

    /// Cuts the open entry after a line, behind which there is room to say that it was cut.
    fn cut_to_a_line(&mut self, from: usize) {
        let most = self.end.min(self.limit_of_cut()).max(from);
        let written = self.bytes.get(from..most).unwrap_or_default();
        let end = written.iter().rposition(|byte| *byte == b'\n');
        let end = from + end.map_or(0, |newline| newline + 1);
        if end < self.state.end {
            self.count(State { end, ..self.state });
        }
        let stale = self.end;
        self.end = end;
        self.wipe(end, stale);
        let mark = self.form.cut();
        if end > from && end + mark.len() <= self.limit() {
            self.put(end, mark);
            self.end += mark.len();
        }
    }

    fn forget(&mut self, (from, to): (usize, usize)) {
        let size = to - from;
        let (mut from, mut to) = (from, to);
        let below = |offset: usize| offset.saturating_sub(size);
        self.state.end = below(self.state.end);
        self.state.open = below(self.state.open);
        self.last = below(self.last.start)..below(self.last.end);
        while to < self.end {
            self.count(State { gap: (from, to), ..self.state });
            let piece = size.min(self.end - to);
            self.slide(to..to + piece, from);
            (from, to) = (from + piece, to + piece);
        }
        self.count(State { gap: (0, 0), ..self.state });
        let stale = self.end;
        self.end -= size;
        self.wipe(self.end, stale);
    }

    fn slide(&mut self, mut from: core::ops::Range<usize>, to: usize) {
        from.end = reached(from.start, from.end);
        self.bytes.copy_within(from, to);
    }

    fn wipe(&mut self, from: usize, to: usize) {
        let to = reached(from, to);
        if let Some(stale) = self.bytes.get_mut(from..to) {
            stale.fill(b'\n');
        }
    }

    /// Makes `state` the one that counts.
    fn count(&mut self, state: State) {
        self.state = State { number: self.state.number + 1, ..state };
        let line = self.state.line(self.form);
        let at = self.form.magic().len() + self.state.number % 2 * self.form.state_len();
        // Memory of a file is read by others once this process has been killed: no store may be moved past this one.
        compiler_fence(Ordering::SeqCst);
        self.put(at, line.as_bytes());
        compiler_fence(Ordering::SeqCst);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = reached(at, at + bytes.len());
        if let (Some(to), Some(bytes)) = (self.bytes.get_mut(at..end), bytes.get(..end - at)) {
            copy(to, bytes);
        }
    }
}

/// How far a store gets that is meant to end at `to`; in tests memdoor may be killed in the middle of one.
#[cfg(not(test))]
const fn reached(_: usize, to: usize) -> usize {
    to
}

#[cfg(test)]
use tests::reached;

#[cfg(test)]
mod tests;
