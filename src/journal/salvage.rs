//! What was found in a file that is not whole, and how, and what is missing.

use core::fmt;

use super::layout::State;
use super::object::Fault;

/// What there is to say of a reading. It is complete once [`super::Reader::next`] has said that there is no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Salvage {
    /// What the file's writer has last said of it.
    pub state: State,
    /// How many bytes were cut off at the file's end, that its header tells of.
    pub cut_off: u64,
    /// Entries of the terms that were found, in whichever way; one that has two of the terms counts twice.
    pub found: u64,
    /// Those among them that the index does not have any more.
    pub walked: u64,
    /// Entries of which a part could not be read.
    pub in_parts: u64,
    /// Values of more than 64 KiB, which are not read.
    pub too_long: u64,
    /// Bytes between objects that are none.
    pub damaged: u64,
    /// The first that was found wrong, and where.
    pub first: Option<(u64, Fault)>,
    /// How many messages of the kernel journald has missed, as it says itself: they are in no file.
    pub missed: u64,
    /// How many entries the index says that there are.
    pub(super) said: u64,
    pub(super) is_said: bool,
    /// Up to where damage was counted: two terms are looked for in the same places.
    counted: u64,
}

impl Salvage {
    pub(super) const fn new(state: State, cut_off: u64) -> Self {
        Self {
            state,
            cut_off,
            found: 0,
            walked: 0,
            in_parts: 0,
            too_long: 0,
            damaged: 0,
            first: None,
            missed: 0,
            said: 0,
            is_said: true,
            counted: 0,
        }
    }

    /// How many entries there should be and were not found; none where the index that would tell is damaged.
    #[must_use]
    pub const fn missing(&self) -> Option<u64> {
        if self.is_said { Some(self.said.saturating_sub(self.found)) } else { None }
    }

    /// Whether all that the file ever had of what was asked for was read: nothing is to be said, but for a state.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let Self { cut_off, in_parts, too_long, damaged, first, .. } = self;
        self.missing() == Some(0) && first.is_none() && cut_off + in_parts + too_long + damaged == 0
    }

    pub(super) fn fault(&mut self, at: u64, fault: Fault) {
        self.first = self.first.or(Some((at, fault)));
    }

    /// So many bytes before that place are lost.
    pub(super) const fn damage(&mut self, before: u64, bytes: u64) {
        if before > self.counted {
            self.counted = before;
            self.damaged += bytes;
        }
    }
}

impl fmt::Display for Salvage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut say = |number: u64, one: &str, many: &str| {
            if number == 0 {
                return Ok(());
            }
            let before = core::mem::replace(&mut separator, ", ");
            write!(f, "{before}{number} {}", if number == 1 { one } else { many })
        };
        say(self.cut_off, "byte is cut off at its end", "bytes are cut off at its end")?;
        say(self.damaged, "byte in it is damaged", "bytes in it are damaged")?;
        match self.missing() {
            Some(missing) => say(missing, "entry is missing", "entries are missing")?,
            None => say(
                self.found,
                "entry was found, and its index can't tell of how many",
                "entries were found, and its index can't tell of how many",
            )?,
        }
        say(self.walked, "entry was found without its index", "entries were found without its index")?;
        say(self.in_parts, "entry lacks a part", "entries lack parts")?;
        say(self.too_long, "value of more than 64 KiB was not read", "values of more than 64 KiB were not read")?;
        say(
            self.missed,
            "message of the kernel was missed by journald",
            "messages of the kernel were missed by journald",
        )?;
        if self.missing().is_none() && self.found == 0 {
            write!(f, "{separator}no entry was found, and its index is damaged")?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str(match self.state {
                State::Online => "it is open to be written to, or was not closed",
                _ => "it is whole",
            })?;
        }
        if let Some((at, fault)) = self.first {
            write!(f, " (at byte {at}: {fault})")?;
        }
        Ok(())
    }
}
