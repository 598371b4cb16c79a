//! What goes first when a record is full: the oldest reports below the threshold, then the oldest snapshots. What stays: the head, the
//! first snapshot above the threshold, the last one, the moment of death, the end. So the first leaves room for something of the last, and
//! one at the death, which is the last then, may take the place of the last above.

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
        let all = self.bytes.len();
        let room = all.saturating_sub(RESERVE);
        match self.kind {
            Kind::Ended => all,
            Kind::Above if self.kept.first.is_none() => room - room.saturating_sub(self.form.start()) / 4,
            _ => room,
        }
    }

    /// The same of one that does not fit, and has to say so at its end.
    pub(super) fn limit_of_cut(&self) -> usize {
        self.limit().saturating_sub(self.form.cut().len())
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
        let last = self.last_snapshot().filter(|_| self.kind != Kind::Death);
        let kept = [self.kept.first, self.kept.death, last];
        self.run(wanted, Worth::Little, kept).or_else(|| self.run(wanted, Worth::Less, kept))
    }

    fn run(&self, wanted: usize, worth: Worth, kept: [Option<usize>; 3]) -> Option<(usize, usize)> {
        let mut gap = None;
        for (at, frame) in self.entries() {
            let is_kept = kept.contains(&Some(frame.number));
            let is_it = match frame.kind {
                Kind::Below | Kind::Short => worth == Worth::Little && !is_kept,
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

    fn last_snapshot(&self) -> Option<usize> {
        let is_snapshot = |frame: &Frame| matches!(frame.kind, Kind::Asked | Kind::Above);
        let snapshots = self.entries().filter(|(_, frame)| is_snapshot(frame));
        snapshots.last().map(|(_, frame)| frame.number)
    }

    /// Sealed entries and where their frames are.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, Frame)> {
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
