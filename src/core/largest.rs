//! The largest of many, without the heap: a place for each that is kept.

use crate::units::Bytes;

/// Puts `new` where it belongs, the largest first; of equals the older one is first. What has no place is dropped.
pub fn keep<T>(all: &mut [Option<T>], new: T, size: impl Fn(&T) -> Bytes) {
    let is_less = |place: &Option<T>| place.as_ref().is_none_or(|old| size(old) < size(&new));
    if let Some(at) = all.iter().position(is_less)
        && let Some(from) = all.get_mut(at..)
    {
        from.rotate_right(1);
        if let Some(place) = from.first_mut() {
            *place = Some(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_and_of_equals_the_older() {
        let mut all = [None; 3];
        for (name, size) in [('a', 2), ('b', 5), ('c', 2), ('d', 1), ('e', 5), ('f', 1)] {
            keep(&mut all, (name, size), |(_, size)| Bytes(*size));
        }
        assert_eq!(all, [Some(('b', 5)), Some(('e', 5)), Some(('a', 2))]);
        keep(&mut [], ('g', 9), |(_, size)| Bytes(*size));
    }
}
