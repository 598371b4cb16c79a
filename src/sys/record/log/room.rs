//! What goes first when a record is full: the oldest reports below the threshold, then the oldest snapshots. What stays: the head, the
//! first snapshot above the threshold, the last one, the moment of death, the end.

use super::{Log, RESERVE};
use crate::sys::record::frame::{Frame, Kind};

/// What an entry is worth when there is no room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// Below the threshold, or cut.
    Little,
    /// A snapshot that is neither the first above nor the last.
    Less,
}

impl Log<'_> {
    /// How far entries of this kind may reach.
    pub(super) fn limit(&self) -> usize {
        match self.kind {
            Kind::Ended | Kind::Death => self.bytes.len(),
            _ => self.bytes.len().saturating_sub(RESERVE),
        }
    }

    /// Forgets entries until so many bytes fit; says whether they do.
    pub(super) fn make_room(&mut self, bytes: usize) -> bool {
        loop {
            let missing = (self.end + bytes).saturating_sub(self.limit());
            if missing == 0 {
                return true;
            }
            // Several at once, as all that is above them has to move.
            let Some(gap) = self.least(missing.max(self.bytes.len() / 16)) else {
                return false;
            };
            self.forget(gap);
        }
    }

    /// The entries that are worth least, one behind the other, of `wanted` bytes or what there is.
    fn least(&self, wanted: usize) -> Option<(usize, usize)> {
        let kept = (self.first_above(), self.last_snapshot());
        self.run(wanted, Worth::Little, kept).or_else(|| self.run(wanted, Worth::Less, kept))
    }

    fn run(
        &self,
        wanted: usize,
        worth: Worth,
        (first, last): (Option<usize>, Option<usize>),
    ) -> Option<(usize, usize)> {
        let mut gap = None;
        for (at, frame) in self.entries() {
            let is_kept = [first, last].contains(&Some(frame.number));
            let is_it = match frame.kind {
                Kind::Below | Kind::Short => worth == Worth::Little,
                Kind::Asked | Kind::Above => worth == Worth::Less && !is_kept,
                _ => false,
            };
            let (from, to) = gap.unwrap_or((at, at));
            if is_it && to - from < wanted {
                gap = Some((from, at + self.form.frame_len() + frame.bytes));
            } else if gap.is_some() {
                break;
            }
        }
        gap
    }

    pub(super) fn first_above(&self) -> Option<usize> {
        let mut entries = self.entries();
        let first = entries.find(|(_, frame)| frame.kind == Kind::Above);
        first.map(|(_, frame)| frame.number)
    }

    fn last_snapshot(&self) -> Option<usize> {
        let is_snapshot = |frame: &Frame| matches!(frame.kind, Kind::Asked | Kind::Above);
        let snapshots = self.entries().filter(|(_, frame)| is_snapshot(frame));
        snapshots.last().map(|(_, frame)| frame.number)
    }

    /// Sealed entries and where their frames are.
    fn entries(&self) -> impl Iterator<Item = (usize, Frame)> {
        let end = if self.state.open == 0 { self.state.end } else { self.state.open };
        let mut at = self.form.start();
        core::iter::from_fn(move || {
            let frame = Frame::read(self.form, self.bytes.get(at..end)?)?;
            let here = at;
            at += self.form.frame_len() + frame.bytes;
            Some((here, frame))
        })
    }
}
