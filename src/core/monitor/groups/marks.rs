//! What is remembered of cgroups from one reading to the next.

use crate::sys::Result;
use crate::sys::reserved::Reserved;

/// Cgroups that are remembered for each one that there is room for: most have no limit and less than 1 %.
const OTHERS: usize = 8;

/// `max`, `oom` and `oom_kills` since a cgroup was made; `None`: not known, or not looked at.
pub(super) type Counts = [Option<u64>; 3];

/// A cgroup, with or without a limit.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Of its directory: what was made anew has another one, as kernfs gives a number again only when it has given all others.
    inode: u64,
    counts: Counts,
}

/// All cgroups of this reading, and of the one before.
#[derive(Debug)]
pub(super) struct Marks {
    /// Neither is ever longer than its room, so that nothing is allocated after [`Marks::arm`].
    now: Reserved<Mark>,
    before: Reserved<Mark>,
    /// Where the next one of the reading before is expected: they come in the same order again.
    cursor: usize,
    /// Whether these are all that there are, and whether those were.
    is_whole: bool,
    was_whole: bool,
}

impl Marks {
    pub(super) fn arm(room: usize) -> Result<Self> {
        let (now, before) = (Reserved::new(room * OTHERS)?, Reserved::new(room * OTHERS)?);
        Ok(Self { now, before, cursor: 0, is_whole: false, was_whole: false })
    }

    /// Begins a reading.
    pub(super) fn turn(&mut self) {
        core::mem::swap(&mut self.now, &mut self.before);
        self.was_whole = core::mem::replace(&mut self.is_whole, true);
        self.now.clear();
        self.cursor = 0;
    }

    /// One more could not be looked at.
    pub(super) fn miss(&mut self) {
        self.is_whole = false;
    }

    /// Remembers one.
    pub(super) fn note(&mut self, inode: u64, counts: Counts) {
        if self.now.push(Mark { inode, counts }).is_err() {
            self.miss();
        }
    }

    /// What was counted since the reading before: for a cgroup that was made since then all of it. Where a count went back it is
    /// another cgroup with the same inode, and for that, too, it is all.
    pub(super) fn since(&mut self, inode: u64, now: Counts) -> Counts {
        let count = self.before.len();
        let mut places = (self.cursor..count).chain(0..self.cursor.min(count));
        let is_it = |at: &usize| {
            let mark = self.before.get(*at);
            mark.is_some_and(|mark| mark.inode == inode)
        };
        let found = places.find(is_it);
        let before = match found.and_then(|at| self.before.get(at)) {
            Some(mark) => mark.counts,
            None if self.was_whole => [Some(0); 3],
            None => [None; 3],
        };
        self.cursor = found.map_or(self.cursor, |at| at + 1);
        let mut since = now;
        for (now, before) in since.iter_mut().zip(before) {
            let both = now.zip(before);
            *now = both.map(|(now, before)| now.checked_sub(before).unwrap_or(now));
        }
        since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Counts = [None; 3];

    fn counts(max: u64) -> Counts {
        [Some(max), None, Some(1)]
    }

    #[test]
    fn what_is_new_counts_from_nought_but_not_at_the_first_reading() {
        let mut marks = Marks::arm(2).expect("room");
        marks.turn();
        assert_eq!(marks.since(7, counts(5)), NONE);
        marks.note(7, counts(5));
        marks.note(8, NONE);
        marks.turn();
        assert_eq!(marks.since(7, counts(9)), [Some(4), None, Some(0)]);
        assert_eq!(marks.since(9, counts(3)), counts(3), "made since then");
        assert_eq!(marks.since(8, counts(3)), NONE, "not looked at before");
        assert_eq!(marks.since(7, counts(2)), [Some(2), None, Some(0)], "went back");
    }

    #[test]
    fn what_was_missed_before_is_not_taken_for_new() {
        for missed in [true, false] {
            let mut marks = Marks::arm(1).expect("room");
            marks.turn();
            if missed {
                marks.miss();
            } else {
                // One more than there is room for.
                (0..=OTHERS as u64).for_each(|inode| marks.note(inode, NONE));
            }
            marks.turn();
            assert_eq!(marks.since(99, counts(3)), NONE);
            marks.turn();
            assert_eq!(marks.since(99, counts(3)), counts(3));
        }
    }
}
