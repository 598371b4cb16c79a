//! The entries of a part of a file, object by object, whatever its index says.
//!
//! Objects stand one behind the other. Where something else stands between them, the next one is looked for in steps of 8 bytes, and taken
//! for one only where all in it is as it must be: above all, what an entry refers to was written before it. A size is believed where
//! another object, zeros or the file's end follow: a size that was damaged would hide all that is in it.

use super::file::File;
use super::object::{ARRAY, ENTRY, FIELD, Fault, HEAD, Head, ITEMS, Kind, Object};
use super::payload::Packing;
use super::salvage::Salvage;

/// Types of objects may be added: up to this one they are taken for some.
const LATER: u8 = 15;

/// The most DATA objects that are held for one value: in a sound file there is one.
const SAME: usize = 64;

/// A place in a file, and where to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Walk {
    at: u64,
    to: u64,
    /// How many bytes of items may still be read, so that a file of entries inside of each other takes no longer than others.
    left: u64,
    /// Bytes that were no object since the last one: zeros, and others.
    between: [u64; 2],
}

impl Walk {
    pub(super) const fn new(from: u64, to: u64) -> Self {
        // Any number may be what a header says.
        let from = if from < to { from } else { to };
        let mut walk = Self { at: from.next_multiple_of(8), to: 0, left: 0, between: [0; 2] };
        walk.go_on_to(to);
        walk
    }

    /// The file has grown: what was not there may be by now.
    pub(super) const fn go_on_to(&mut self, to: u64) {
        if to > self.to {
            self.left += 4 * (to - self.to);
            self.to = to;
            self.between = [0; 2];
        }
    }

    /// The next entry that has one of the values whose DATA objects these are; those that are `term` are put among them. Without a term any
    /// entry will do.
    pub(super) fn next(
        &mut self,
        file: &mut File,
        term: Option<&[u8]>,
        values: &mut Vec<u64>,
        salvage: &mut Salvage,
    ) -> Option<Head> {
        // Where nothing but zeros is left this is where to go on when the file has grown.
        let mut behind_last = self.at;
        while self.at + HEAD as u64 <= self.to {
            let at = self.at;
            let Some(object) = file.sound(at) else {
                self.skip(file, salvage);
                continue;
            };
            self.found_object(salvage);
            self.at = if file.goes_on(object.end()) { object.end() } else { at + HEAD as u64 };
            if object.end() > self.at {
                salvage.fault(object.end(), Fault::Size);
            }
            behind_last = self.at;
            match Kind::of(object.number) {
                Some(Kind::Data)
                    if values.len() < SAME
                        && !values.contains(&at)
                        && term.is_some_and(|term| file.is_term(at, term)) =>
                {
                    values.push(at);
                }
                Some(Kind::Entry) => {
                    if let Ok(head) = self.entry(file, at, term.is_some().then_some(values)) {
                        return Some(head);
                    }
                }
                _ => {}
            }
        }
        // Zeros that nothing follows are room.
        salvage.damage(self.at, self.between[1]);
        self.between = [0; 2];
        self.at = behind_last;
        None
    }

    /// An entry that has one of these values, and of which nothing is behind it.
    fn entry(&mut self, file: &mut File, at: u64, values: Option<&mut Vec<u64>>) -> Result<Head, Fault> {
        let head = file.head(at)?;
        let bytes = (head.items * file.header.layout.entry_item()) as u64;
        self.left = self.left.checked_sub(bytes).ok_or(Fault::Order)?;
        let first = file.header.size;
        let mut has_value = values.is_none();
        for item in file.items(&head)? {
            if item % 8 != 0 || item < first || item >= at {
                return Err(Fault::Place);
            }
            has_value |= values.as_ref().is_some_and(|values| values.contains(&item));
        }
        if has_value { Ok(head) } else { Err(Fault::Stranger) }
    }

    /// Goes on to where an object may begin.
    fn skip(&mut self, file: &mut File, salvage: &mut Salvage) {
        let at = self.at;
        match file.blocks.behind_zeros(at, self.to) {
            Ok(next) if next > at => {
                self.between[0] += next - at;
                self.at = next;
            }
            Ok(_) => {
                self.between[1] += 8;
                self.at = at + 8;
            }
            Err(fault) => {
                // A part of a disk that can't be read: the next block may be.
                salvage.fault(at, fault);
                self.at = (at + 1).next_multiple_of(super::blocks::BLOCK as u64);
                self.between[1] += self.at - at;
            }
        }
    }

    /// What was between it and the last one is lost.
    fn found_object(&mut self, salvage: &mut Salvage) {
        salvage.damage(self.at, self.between[0] + self.between[1]);
        self.between = [0; 2];
    }
}

impl File {
    /// An object whose size its type may have, and whose reserved bytes are 0.
    fn sound(&mut self, at: u64) -> Option<Object> {
        let first = self.blocks.get(at, 8).ok()?;
        let is_unpacked = first[1] == 0;
        if first[2..] != [0; 6] || Packing::of(first[1]).is_none() {
            return None;
        }
        let kind = Kind::of(first[0]);
        let object = self.object(at).ok()?;
        let Some(kind) = kind else {
            // Of a later systemd: skipped where another object follows.
            let is_followed = object.number <= LATER
                && is_unpacked
                && self.blocks.get(object.end(), 1).is_ok_and(|next| next[0] != 0);
            return (is_followed && self.goes_on(object.end())).then_some(object);
        };
        let layout = self.header.layout;
        // How much is before the rest, of what the rest is made, and how much of that there may be.
        let (fixed, item, most) = match kind {
            Kind::Data => (layout.payload(), 1, u64::MAX),
            Kind::Field => (FIELD, 1, 64),
            Kind::Entry => (ENTRY, layout.entry_item(), (ITEMS * layout.entry_item()) as u64),
            Kind::EntryArray => (ARRAY, layout.array_item(), u64::MAX),
            Kind::DataTable | Kind::FieldTable => (HEAD, 16, u64::MAX),
            Kind::Tag => (HEAD, 48, 48),
        };
        let rest = object.size.checked_sub(fixed as u64)?;
        let is_sound = rest > 0 && rest <= most && rest % item as u64 == 0;
        (is_sound && (is_unpacked || kind == Kind::Data)).then_some(object)
    }

    /// Whether there may be an object, nothing yet, or the file's end.
    fn goes_on(&mut self, at: u64) -> bool {
        let size = self.blocks.size();
        if at + 8 > size {
            return true;
        }
        match self.blocks.get(at, 8) {
            Ok([0, ..]) => true,
            Ok([kind, flags, reserved @ ..]) => {
                Kind::of(*kind).is_some() && *reserved == [0; 6] && Packing::of(*flags).is_some()
            }
            // What can't be read says nothing against it.
            _ => true,
        }
    }

    fn is_term(&mut self, at: u64, term: &[u8]) -> bool {
        self.data(at).and_then(|data| self.is_value(&data, term)).unwrap_or(false)
    }
}
