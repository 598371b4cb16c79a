//! `--boot`: which one is meant, by the boots that the journals know.
use core::fmt::Write;

use super::machine::machine;
use crate::journal::{File, Id};
use crate::oomlog::places::{self, Found, Machines, Root};
use crate::oomlog::report::Typed;
use std::os::fd::AsFd;

/// A boot as it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boot {
    /// By its id.
    Id(Id),
    /// So many before the last one.
    Back(usize),
}

/// A boot, and the time that is its own: from its first entry to that of the next one, in microseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Which.
    pub id: Id,
    /// `None`: nothing tells.
    pub from_us: Option<i64>,
    /// `None`: it is the last, or nothing tells.
    pub until_us: Option<i64>,
}

/// How many of those that there are are named to who asks for another.
const NAMED: usize = 5;

/// The boots that are known of a system, the oldest first, with the time of their first entry.
pub(super) struct Boots(Vec<(Id, Option<i64>)>);

impl Boots {
    /// Of a system's journals; of the running one the boot that it is in is known as well.
    pub(super) fn of(root: &Root, machines: Machines) -> Self {
        let mut all = Self(Vec::new());
        places::journals(root, machines, &mut |_, found| {
            // What can't be read is said when it is to be.
            let Found::Log(input) = found else { return };
            let file = input.as_fd().try_clone_to_owned().ok().and_then(|file| File::of(file.into()).ok());
            let mut file = file;
            for (id, first_us) in file.as_mut().and_then(|file| file.boots().ok()).unwrap_or_default() {
                all.add(id, first_us.and_then(|us| i64::try_from(us).ok()));
            }
        });
        // What nothing dates is in a damaged file, and older than what is written now.
        all.0.sort_by_key(|(_, first)| *first);
        if let (Root::Own, Some(now)) = (root, Id::parse(machine().boot_id.as_bytes())) {
            let first = all.0.iter().position(|(id, _)| *id == now).and_then(|at| all.0.remove(at).1);
            all.0.push((now, first));
        }
        all
    }

    fn add(&mut self, id: Id, first_us: Option<i64>) {
        match self.0.iter_mut().find(|(known, _)| *known == id) {
            Some((_, first)) => *first = [*first, first_us].into_iter().flatten().min(),
            None => self.0.push((id, first_us)),
        }
    }

    /// The one that is asked for.
    pub(super) fn find(&self, boot: Boot) -> Option<Span> {
        let at = match boot {
            Boot::Id(id) => self.0.iter().position(|(known, _)| *known == id)?,
            Boot::Back(back) => self.0.len().checked_sub(back + 1)?,
        };
        let (id, from_us) = self.0[at];
        let until_us = self.0.get(at + 1).and_then(|(_, next)| *next);
        Some(Span { id, from_us, until_us })
    }

    /// `0 is 4f... since 2026-11-30 10:43:24, -1 is ...`
    pub(super) fn words(&self) -> String {
        let mut words = String::new();
        for (back, (id, first)) in self.0.iter().rev().take(NAMED).enumerate() {
            let (separator, sign) = (if back > 0 { ", " } else { "" }, if back > 0 { "-" } else { "" });
            let _ = write!(words, "{separator}{sign}{back} is {id}");
            if let Some(us) = first {
                let _ = write!(words, " since {}", Typed(*us));
            }
        }
        let more = self.0.len().saturating_sub(NAMED);
        if more > 0 {
            let _ = write!(words, ", and {more} more");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Id {
        Id::parse(format!("{number:032x}").as_bytes()).expect("an id")
    }

    #[test]
    fn boots_are_counted_back_from_the_last_and_each_ends_where_the_next_begins() {
        let boots = Boots(vec![(id(1), Some(10)), (id(2), Some(20)), (id(3), None)]);
        let span = |number, from_us, until_us| Some(Span { id: id(number), from_us, until_us });
        for (boot, expected) in [
            (Boot::Back(0), span(3, None, None)),
            (Boot::Back(1), span(2, Some(20), None)),
            (Boot::Back(2), span(1, Some(10), Some(20))),
            (Boot::Back(3), None),
            (Boot::Id(id(1)), span(1, Some(10), Some(20))),
            (Boot::Id(id(4)), None),
        ] {
            assert_eq!(boots.find(boot), expected, "{boot:?}");
        }
    }
}
