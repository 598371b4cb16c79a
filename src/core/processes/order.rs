//! Rows in an order of their own, without moving them.

/// The numbers below `count` that have a key, the one with the largest first; of equals the largest number.
///
/// Each step looks at all of them: for the first few of many that is less work than to sort them, and it takes no room. The key is a
/// pair, so that whoever asks can say what decides between equals.
pub fn descending(count: usize, key: &dyn Fn(usize) -> Option<(i64, u64)>) -> impl Iterator<Item = usize> {
    let mut last: Option<((i64, u64), usize)> = None;
    core::iter::from_fn(move || {
        let keys = (0..count).filter_map(|at| Some((key(at)?, at)));
        last = Some(keys.filter(|key| last.is_none_or(|last| *key < last)).max()?);
        Some(last?.1)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_largest_comes_first_and_of_equals_the_last() {
        let keys = [3, 9, -1, 9, 0];
        let key = |at: usize| (keys[at] >= 0).then_some((keys[at], 0));
        let all: Vec<usize> = descending(5, &key).collect();
        assert_eq!(all, [3, 1, 0, 4]);
        let second = |at: usize| Some((0, [1, 5, 2][at]));
        let all: Vec<usize> = descending(3, &second).collect();
        assert_eq!(all, [1, 2, 0]);
    }
}
