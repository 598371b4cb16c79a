//! No backtraces and no unwinding: 250 KB less of std's symbolizer and of libunwind, half of the binary and of the memory that is
//! locked (measured: .text 403 KB to 158 KB).
//!
//! A release build aborts on a panic and is stripped, so a backtrace would be a list of numbers, and no frame is ever unwound.
//! std reaches libunwind through the functions below. With a stack walk that visits no frame, link-time optimisation drops the
//! symbolizer behind it; with all of them defined here the linker leaves libunwind out. Only in release builds: tests unwind.
//!
//! Road not taken: building std itself without backtraces (`-Z build-std`) needs a nightly compiler.

extern crate std;

use core::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK` of the Itanium C++ ABI: there is no frame to visit.
const END_OF_STACK: c_int = 5;

/// Defines functions of unwind.h under their own names.
macro_rules! unwind_h {
    ($($name:ident($($argument:ty),*) -> $result:ty = $body:expr;)*) => {$(
        // SAFETY: it has the signature of unwind.h, touches no argument, and nothing else in the binary has this name.
        #[unsafe(no_mangle)]
        extern "C" fn $name($(_: $argument),*) -> $result {
            $body
        }
    )*};
}

unwind_h! {
    _Unwind_Backtrace(*const c_void, *mut c_void) -> c_int = END_OF_STACK;
    // The personality routine's: called while an exception is in flight, and none ever is.
    _Unwind_GetIP(*mut c_void) -> usize = std::process::abort();
    _Unwind_GetIPInfo(*mut c_void, *mut c_int) -> usize = std::process::abort();
    _Unwind_GetLanguageSpecificData(*mut c_void) -> *mut c_void = std::process::abort();
    _Unwind_GetRegionStart(*mut c_void) -> usize = std::process::abort();
    _Unwind_GetTextRelBase(*mut c_void) -> usize = std::process::abort();
    _Unwind_GetDataRelBase(*mut c_void) -> usize = std::process::abort();
    _Unwind_SetGR(*mut c_void, c_int, usize) -> () = std::process::abort();
    _Unwind_SetIP(*mut c_void, usize) -> () = std::process::abort();
    _Unwind_Resume(*mut c_void) -> ! = std::process::abort();
}
