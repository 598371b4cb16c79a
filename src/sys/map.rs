//! Anonymous memory taken once while arming, for tables whose size depends on the target.

use core::ptr::NonNull;

use super::{Errno, Result};

/// Zeroed memory of its own mapping, given back when dropped.
#[derive(Debug)]
pub struct Region {
    start: NonNull<u8>,
    len: usize,
}

impl Region {
    /// Maps `count` zeroed values and touches each page, so that no later use faults.
    pub fn new(len: usize) -> Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory that exists.
        let start = unsafe {
            libc::mmap(
                core::ptr::null_mut(),
                len.max(1),
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(start.cast())
            .map(|start| Self {
                start,
                len: len.max(1),
            })
            .ok_or(Errno::ENOMEM)
    }

    /// The memory as 64-bit numbers; what is left over at the end is not used.
    pub fn as_u64s(&mut self) -> &mut [u64] {
        // SAFETY: mmap returns page-aligned zeroed memory of at least `len` bytes, lent out only through `&mut self`.
        unsafe {
            core::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / size_of::<u64>())
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nobody borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
