//! The allocator of the binary: std's, counted, so that "no allocation after arming" is a figure and not a hope.

extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicU64, Ordering};
use std::alloc::System;

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Counts each allocation and reallocation, then passes it on.
pub struct Counting;

// SAFETY: every call goes to System unchanged, and System keeps GlobalAlloc's contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps alloc's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps realloc's contract.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps dealloc's contract.
        unsafe { System.dealloc(old, layout) }
    }
}

/// Allocations since the start; stays 0 in a program whose allocator is not [`Counting`].
#[must_use]
pub fn allocations() -> u64 {
    CALLS.load(Ordering::Relaxed)
}
