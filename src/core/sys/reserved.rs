//! A list whose room is taken once, while arming.

use core::fmt;
use core::mem::{MaybeUninit, needs_drop};
use core::ops::{Deref, DerefMut};
use core::slice;

use super::Result;
use super::map::Region;

/// A list of at most so many values, in a mapping of its own, which is given back when it is dropped.
///
/// What does not fit is refused and never makes room. A page of it becomes resident when it is first used, or when memory is locked.
pub struct Reserved<T> {
    region: Region,
    capacity: usize,
    len: usize,
    _values: core::marker::PhantomData<T>,
}

impl<T> Reserved<T> {
    /// Room for so many. ENOMEM where there is none: the address space is limited (ulimit -v).
    pub fn new(capacity: usize) -> Result<Self> {
        const { assert!(align_of::<T>() <= 4096, "a mapping is aligned to a page") };
        let bytes = capacity.checked_mul(size_of::<T>()).ok_or(super::Errno::ENOMEM)?;
        Ok(Self { region: Region::untouched(bytes)?, capacity, len: 0, _values: core::marker::PhantomData })
    }

    /// How many it has room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether there is room for one more.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.len < self.capacity
    }

    /// Appends a value; without room it is given back.
    pub fn push(&mut self, value: T) -> core::result::Result<(), T> {
        let at = self.len;
        match self.slots().get_mut(at) {
            Some(slot) => {
                slot.write(value);
                self.len += 1;
                Ok(())
            }
            None => Err(value),
        }
    }

    /// Appends those that there is room for.
    pub fn extend(&mut self, values: impl IntoIterator<Item = T>) {
        // The room is looked at first, as `push` would drop the value that was taken for it.
        let mut values = values.into_iter();
        while self.has_room()
            && let Some(value) = values.next()
        {
            let _ = self.push(value);
        }
    }

    /// Drops all behind the first `len`.
    pub fn truncate(&mut self, len: usize) {
        while self.len > len {
            self.len -= 1;
            let at = self.len;
            if needs_drop::<T>()
                && let Some(slot) = self.slots().get_mut(at)
            {
                // SAFETY: `push` wrote it, and `len` no longer counts it, so that nobody reads it again.
                unsafe { slot.assume_init_drop() };
            }
        }
    }

    /// Drops all.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Keeps those of which `keep` says so, in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut kept = 0;
        for at in 0..self.len {
            if self.get(at).is_some_and(&mut keep) {
                self.swap(kept, at);
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    fn slots(&mut self) -> &mut [MaybeUninit<T>] {
        let start = self.region.as_bytes().as_mut_ptr().cast();
        // SAFETY: the mapping has room for so many values, is aligned for them (it begins at a page), and is lent through `&mut self`.
        unsafe { slice::from_raw_parts_mut(start, self.capacity) }
    }
}

impl<T: Copy> Reserved<T> {
    /// Appends all of these, or none if there is no room for all.
    pub fn extend_from_slice(&mut self, values: &[T]) -> bool {
        let fits = values.len() <= self.capacity - self.len;
        if fits {
            self.extend(values.iter().copied());
        }
        fits
    }
}

impl<T> Deref for Reserved<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the first `len` were written by `push`, the mapping begins at a page, and nobody writes while it is borrowed.
        unsafe { slice::from_raw_parts(self.region.start().cast(), self.len) }
    }
}

impl<T> DerefMut for Reserved<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let start = self.region.as_bytes().as_mut_ptr().cast();
        // SAFETY: the first `len` were written by `push`, and they are lent through `&mut self` alone.
        unsafe { slice::from_raw_parts_mut(start, self.len) }
    }
}

impl<T> Drop for Reserved<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<T: fmt::Debug> fmt::Debug for Reserved<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::rc::Rc;

    #[test]
    fn what_does_not_fit_is_given_back_and_nothing_moves() {
        let mut list = Reserved::new(2).expect("room");
        assert_eq!((list.push(1_u64), list.push(2), list.push(3)), (Ok(()), Ok(()), Err(3)));
        assert_eq!(&list[..], [1, 2]);
        list.extend(7..);
        assert_eq!(list.len(), 2);
        list.truncate(1);
        assert!(!list.extend_from_slice(&[4, 5]), "both or none");
        assert!(list.extend_from_slice(&[4]));
        assert_eq!(&list[..], [1, 4]);
    }

    #[test]
    fn each_value_is_dropped_once() {
        let value = Rc::new(());
        let mut list = Reserved::new(8).expect("room");
        list.extend((0..8).map(|at| (at, Rc::clone(&value))));
        assert_eq!(Rc::strong_count(&value), 9);
        list.retain(|(at, _)| at % 3 == 0);
        assert_eq!(list.iter().map(|(at, _)| *at).collect::<std::vec::Vec<_>>(), [0, 3, 6]);
        assert_eq!(Rc::strong_count(&value), 4);
        drop(list);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn no_room_at_all_is_room_for_none_and_too_much_is_enomem() {
        let mut none = Reserved::new(0).expect("room");
        assert_eq!(none.push(1_u8), Err(1));
        assert_eq!(Reserved::<u64>::new(usize::MAX).map(|_| ()), Err(super::super::Errno::ENOMEM));
        assert_eq!(Reserved::<()>::new(3).expect("room").push(()), Ok(()));
    }
}
