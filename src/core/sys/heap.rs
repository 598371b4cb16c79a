//! The allocator of the binary: std's, counted, so that "no allocation after arming" is a figure and not a hope.

extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::alloc::System;

static CALLS: AtomicU64 = AtomicU64::new(0);
static SEALED: AtomicBool = AtomicBool::new(false);

/// While one exists nothing may allocate: a build with debug assertions, as tests have it, aborts at the first allocation. A release goes on,
/// as evidence is worth more than the rule, and counts.
#[derive(Debug)]
pub struct Sealed(());

/// From here on nothing may allocate.
#[must_use]
pub fn seal() -> Sealed {
    SEALED.store(true, Ordering::Relaxed);
    Sealed(())
}

impl Drop for Sealed {
    fn drop(&mut self) {
        SEALED.store(false, Ordering::Relaxed);
    }
}

/// Counts one, which is a fault of the program while memory is short.
fn count(size: usize) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    if cfg!(debug_assertions) && SEALED.swap(false, Ordering::Relaxed) {
        super::out::say(format_args!("memdoor: {size} bytes were allocated after arming"));
        std::process::abort();
    }
}

/// Says that so many bytes could not be had, and returns the exit code.
pub type Failed = fn(usize) -> i32;

/// Counts each allocation and reallocation, then passes it on.
///
/// One that fails ends the process with what [`Failed`] says and returns, from the first one on, which std makes before main(). Whoever
/// allocates has no way to go on without (`Vec`, `String`, the regex), and Rust's own answer is abort(3): SIGABRT, a core file and no word
/// of `ulimit -v`. Nothing armed allocates, so a watch that has begun never ends here.
pub struct Counting(pub Failed);

impl Counting {
    /// What was asked for, if there was memory for it.
    fn given(&self, memory: *mut u8, size: usize) -> *mut u8 {
        if memory.is_null() {
            let code = self.0(size);
            // SAFETY: it ends the process and touches no memory; nothing that runs at exit needs to.
            unsafe { libc::_exit(code) };
        }
        memory
    }
}

// SAFETY: every call goes to System unchanged, and System keeps GlobalAlloc's contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps alloc's contract.
        self.given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps realloc's contract.
        self.given(unsafe { System.realloc(old, layout, size) }, size)
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
