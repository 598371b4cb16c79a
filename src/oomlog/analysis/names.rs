//! Something for each name of a log, up to a bound.

use crate::oomlog::event::Text;

/// Names that are told apart; more are counted together.
const NAMES: usize = 1024;

/// Bytes of names that are kept: a path has up to 4 KiB.
const NAME_BYTES: usize = 256 << 10;

/// Something for each name, up to a bound. Searched in a row of them: a map from the standard library is 3 kB of code for each type.
#[derive(Clone, Debug, Default)]
pub struct Names<T> {
    index: Index,
    /// Where the index says.
    all: Vec<T>,
    /// How often a name came that found no place.
    pub others: u64,
}

/// The names, and where what belongs to them is.
#[derive(Clone, Debug, Default)]
struct Index {
    sorted: Vec<(Text, usize)>,
    bytes: usize,
}

impl Index {
    /// The place of a name; a new one is the last.
    fn place(&mut self, name: &[u8]) -> Option<usize> {
        let search = |(known, _): &(Text, usize)| known.as_slice().cmp(name);
        match self.sorted.binary_search_by(search) {
            Ok(at) => self.sorted.get(at).map(|(_, place)| *place),
            Err(at) => {
                let place = self.sorted.len();
                if place >= NAMES || self.bytes + name.len() > NAME_BYTES {
                    return None;
                }
                self.bytes += name.len();
                self.sorted.insert(at, (name.into(), place));
                Some(place)
            }
        }
    }
}

impl<T: Default> Names<T> {
    pub(super) fn of(&mut self, name: &[u8]) -> Option<&mut T> {
        let Some(place) = self.index.place(name) else {
            self.others += 1;
            return None;
        };
        if place == self.all.len() {
            self.all.push(T::default());
        }
        self.all.get_mut(place)
    }

    /// How many have a place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The highest of them, at most `most`; equal ones by name. Picked one by one: sorting code is 4 KB for each type.
    pub fn highest(&self, most: usize, key: impl Fn(&T) -> u64) -> Vec<(&[u8], &T)> {
        let mut all: Vec<(&[u8], &T)> = Vec::with_capacity(most + 1);
        for (name, place) in &self.index.sorted {
            let Some(one) = self.all.get(*place) else {
                continue;
            };
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
