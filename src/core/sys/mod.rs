//! The only layer with `unsafe`, and the only one with descriptors. It moves bytes and knows nothing of what they mean.
//!
//! System calls are nix's where it has them. Where libc is called instead the comment there says why, unless nix simply lacks the call.
//!
//! Nothing here allocates, except where a doc comment says so.

#![allow(unsafe_code)]

pub mod bounded;
pub mod clock;
pub mod file;
pub mod filesystem;
pub mod getdents;
pub mod harden;
pub mod heap;
pub mod helper;
pub mod input;
pub mod kept;
pub mod kmsg;
pub mod lines;
pub mod lock;
pub mod logfile;
pub mod map;
pub mod netlink;
pub mod ours;
pub mod out;
pub mod pidfd;
pub mod psi;
pub mod ptrace;
pub mod record;
pub mod reserved;
pub mod signal;
pub mod socket;
pub mod start;
pub mod system;
pub mod thread;
#[cfg(all(panic = "abort", not(debug_assertions)))]
mod unwind;
pub mod zone;

extern crate std;

use core::ffi::c_long;
use std::os::fd::{FromRawFd, OwnedFd};

pub use nix::errno::Errno;

/// What a system call gives.
pub type Result<T> = core::result::Result<T, Errno>;

/// A descriptor that a raw system call has just returned, or its errno.
fn owned(fd: c_long) -> Result<OwnedFd> {
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(Errno::last)?;
    // SAFETY: the kernel returned this descriptor to the caller a moment ago, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
