//! The alerts that a screen shows: the newest first, those that are over for a while as such, and how many there is no room for.

use crate::monitor::alerts::{Alert, Change, Kind};

/// Alerts that are kept to be shown: a screen has room for fewer.
const ROOM: usize = 16;

/// For so many samples an alert that is over is said to be so; on a screen that is drawn every 2 s that is a minute.
const SHOWN: u32 = 30;

/// What a screen may show, the newest first.
pub(super) struct Board {
    /// Raised, or over (or not known any more) and not yet forgotten; without gaps.
    all: [Option<Alert>; ROOM],
    /// For how many samples more each of them is shown, if it is over.
    left: [u32; ROOM],
    /// Raised alerts that had no room in [`Board::all`].
    hidden: u64,
}

/// Whether two alerts are about the same.
fn is_same(one: &Alert, other: &Alert) -> bool {
    let pid = |alert: &Alert| alert.process.as_ref().map(|(pid, _)| *pid);
    // A parent that does not reap may be another one when the zombies are gone.
    one.kind == other.kind && one.source == other.source && (pid(one) == pid(other) || one.kind == Kind::Zombies)
}

impl Board {
    pub(super) const fn new() -> Self {
        Self { all: [const { None }; ROOM], left: [0; ROOM], hidden: 0 }
    }

    /// The newest first.
    pub(super) const fn all(&self) -> &[Option<Alert>] {
        &self.all
    }

    /// Raised alerts that are not among them.
    pub(super) const fn hidden(&self) -> u64 {
        self.hidden
    }

    /// An alert begins or ends.
    pub(super) fn note(&mut self, alert: &Alert) {
        let is_known = |known: &Option<Alert>| known.as_ref().is_some_and(|known| is_same(known, alert));
        match self.all.iter().position(is_known) {
            Some(at) => self.remove(at),
            None if alert.change != Change::Raised => self.hidden = self.hidden.saturating_sub(1),
            None => {}
        }
        self.make_room();
        self.all.rotate_right(1);
        self.left.rotate_right(1);
        self.all[0] = Some(alert.clone());
        self.left[0] = SHOWN;
    }

    /// A sample was shown: what was over for long enough is forgotten.
    pub(super) fn age(&mut self) {
        for at in (0..ROOM).rev() {
            if !is_over(&self.all[at]) {
                continue;
            }
            self.left[at] = self.left[at].saturating_sub(1);
            if self.left[at] == 0 {
                self.remove(at);
            }
        }
    }

    /// The last place is free afterwards: what is over goes first, the oldest of it; then the oldest that is raised.
    fn make_room(&mut self) {
        let Some(oldest) = &self.all[ROOM - 1] else { return };
        let is_event = oldest.kind == Kind::OomKill;
        match self.all.iter().rposition(is_over) {
            Some(at) => self.remove(at),
            None => {
                // An OOM kill has no end that would be counted.
                self.hidden += u64::from(!is_event);
                self.remove(ROOM - 1);
            }
        }
    }

    fn remove(&mut self, at: usize) {
        self.all[at..].rotate_left(1);
        self.left[at..].rotate_left(1);
        self.all[ROOM - 1] = None;
    }
}

fn is_over(alert: &Option<Alert>) -> bool {
    alert.as_ref().is_some_and(|alert| alert.change != Change::Raised)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fixed::Fixed;
    use crate::processes::Comm;
    use crate::units::Pid;
    use std::vec::Vec;

    fn alert(kind: Kind, change: Change, pid: u64) -> Alert {
        let process = Pid::new(pid).map(|pid| (pid, Comm::of(b"x")));
        Alert { process, ..Alert::of_host(kind, change, None, Fixed::of(b"words")) }
    }

    fn shown(board: &Board) -> Vec<(i32, Change)> {
        let pid = |alert: &Alert| alert.process.as_ref().map_or(0, |(pid, _)| pid.get());
        board.all().iter().flatten().map(|alert| (pid(alert), alert.change)).collect()
    }

    #[test]
    fn the_newest_come_first_and_what_is_over_is_said_for_a_while() {
        let mut board = Board::new();
        for pid in 1..=3 {
            board.note(&alert(Kind::Growth, Change::Raised, pid));
        }
        board.note(&alert(Kind::Growth, Change::Cleared, 2));
        let raised = Change::Raised;
        assert_eq!(shown(&board), [(2, Change::Cleared), (3, raised), (1, raised)]);
        (0..SHOWN).for_each(|_| board.age());
        assert_eq!(shown(&board), [(3, raised), (1, raised)]);
        (0..2 * SHOWN).for_each(|_| board.age());
        assert_eq!(shown(&board), [(3, raised), (1, raised)], "what is raised stays");
    }

    #[test]
    fn what_had_no_room_is_counted_until_it_ends() {
        let mut board = Board::new();
        for pid in 1..=ROOM as u64 + 4 {
            board.note(&alert(Kind::Growth, Change::Raised, pid));
        }
        assert_eq!((board.hidden(), shown(&board)[0].0), (4, 20));
        // The oldest four are hidden: one of them ends.
        board.note(&alert(Kind::Growth, Change::Cleared, 2));
        assert_eq!(board.hidden(), 4, "one less is hidden, and to say so took the place of another");
        assert_eq!(shown(&board)[0], (2, Change::Cleared));
        // What is over goes before what is not.
        board.note(&alert(Kind::Swap, Change::Raised, 0));
        assert_eq!((board.hidden(), shown(&board).contains(&(2, Change::Cleared))), (4, false));
        let all = (1..=ROOM as u64 + 4).map(|pid| alert(Kind::Growth, Change::Cleared, pid));
        all.filter(|alert| alert.process.as_ref().is_some_and(|(pid, _)| pid.get() != 2))
            .for_each(|alert| board.note(&alert));
        board.note(&alert(Kind::Swap, Change::Cleared, 0));
        (0..SHOWN).for_each(|_| board.age());
        assert_eq!((board.hidden(), shown(&board)), (0, Vec::new()));
    }

    #[test]
    fn zombies_that_another_parent_had_are_over_when_there_are_none() {
        let mut board = Board::new();
        board.note(&alert(Kind::Zombies, Change::Raised, 7));
        board.note(&alert(Kind::Zombies, Change::Cleared, 0));
        assert_eq!(shown(&board), [(0, Change::Cleared)]);
    }
}
