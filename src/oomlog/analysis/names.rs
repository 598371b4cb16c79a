//! Something for each name of a log, up to a bound.

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::oomlog::event::Text;

/// Names that are told apart; more are counted together.
const NAMES: usize = 1024;

/// Bytes of names that are kept: a path has up to 4 KiB.
const NAME_BYTES: usize = 256 << 10;

/// Something for each name, up to a bound.
#[derive(Clone, Debug, Default)]
pub struct Names<T> {
    map: BTreeMap<Text, T>,
    bytes: usize,
    /// How often a name came that found no place.
    pub others: u64,
}

impl<T: Default> Names<T> {
    pub(super) fn of(&mut self, name: &[u8]) -> Option<&mut T> {
        if !self.map.contains_key(name) {
            if self.map.len() >= NAMES || self.bytes + name.len() > NAME_BYTES {
                self.others += 1;
                return None;
            }
            self.bytes += name.len();
            self.map.insert(name.into(), T::default());
        }
        self.map.get_mut(name)
    }

    /// How many have a place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The highest of them, at most `most`; equal ones by name. Picked one by one: sorting code is 4 KB for each type.
    pub fn highest(&self, most: usize, key: impl Fn(&T) -> u64) -> Vec<(&[u8], &T)> {
        let mut all: Vec<(&[u8], &T)> = Vec::with_capacity(most + 1);
        for (name, one) in &self.map {
            let place = all.partition_point(|(_, other)| key(other) >= key(one));
            if place < most {
                all.truncate(most - 1);
                all.insert(place, (name.as_slice(), one));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn names_without_a_place_are_counted() {
        let mut names = Names::<u64>::default();
        for number in 0..NAMES + 5 {
            if let Some(count) = names.of(format!("{number}").as_bytes()) {
                *count += 1;
            }
        }
        assert_eq!(names.others, 5);
        assert_eq!(names.len(), NAMES);
        assert_eq!(names.highest(3, |count| *count).len(), 3);
    }
}
