//! What comes before main(): a look whether there is memory for the start of std itself, and what was typed first.
//!
//! std takes memory before it calls main(), some 30 kB: a name for the thread, a stack for the handler of SIGSEGV. Where a limit (`ulimit -v`,
//! `ulimit -d`) leaves less, it panics or aborts, and nobody says which limit that is. So a constructor of the binary takes as much and more,
//! through the allocator of [`super::heap`], which says why it can't and ends the process, and gives it back. With still less execve(2)
//! fails: the kernel then ends the process, before there is any program in it.
//!
//! Road not taken: a `main` of C (`#![no_main]`) would do without std's start, and with it without what stands in for closed standard streams,
//! for SIGPIPE and for the arguments.

extern crate std;

use core::alloc::Layout;
use core::ffi::{CStr, c_char};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// More than std's start takes on any page size (two stacks of 64 kB with a page of 64 kB before them), and less than the least of what
/// memdoor does: its first look at the stack maps 112 kB, its buffers take 160.
const ENOUGH: Layout = match Layout::from_size_align(256 * 1024, 1) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

static FIRST: AtomicPtr<c_char> = AtomicPtr::new(null_mut());

/// The first argument: the mode. It is there before main() is, for what fails so early.
#[must_use]
pub fn first_argument() -> Option<&'static CStr> {
    let first = FIRST.load(Ordering::Relaxed);
    if first.is_null() {
        return None;
    }
    // SAFETY: `remember` got it from the kernel's table of arguments, which are C strings that nobody changes.
    Some(unsafe { CStr::from_ptr(first) })
}

// SAFETY: the C library calls each function of this section once, before main(), and needs no arguments to be taken.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    remember();
    // SAFETY: its size is not zero.
    let memory = unsafe { std::alloc::alloc(ENOUGH) };
    // The compiler would leave out what is taken and given back.
    let memory = core::hint::black_box(memory);
    if !memory.is_null() {
        // SAFETY: it was allocated above, with this layout.
        unsafe { std::alloc::dealloc(memory, ENOUGH) };
    }
}

/// Looks for the first argument where the kernel has put it: below the environment stand the arguments, a null behind them and their
/// number before them. musl hands them to std only in main().
fn remember() {
    // SAFETY: it is the C library's, of that type.
    unsafe extern "C" {
        static environ: *const *mut c_char;
    }
    // SAFETY: the C library has set it, and no other thread is there yet that could change it.
    let environment = unsafe { environ };
    if environment.is_null() {
        return;
    }
    // Nothing has run that could put another environment there: this is the kernel's, so what is below is its, too. No argument is at an
    // address as low as their number, so that the search ends at it.
    let below = |words: usize| {
        // SAFETY: it is in the kernel's table, which is on the stack: see above.
        let place = unsafe { environment.sub(words) };
        // SAFETY: as before, and aligned as the table is.
        unsafe { *place }
    };
    let count = (0..).find(|count| below(count + 2).addr() == *count).unwrap_or(0);
    if count > 1 {
        FIRST.store(below(count), Ordering::Relaxed);
    }
}
