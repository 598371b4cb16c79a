//! Anonymous memory taken once while arming, for tables whose size depends on the target.

extern crate std;

use core::ffi::c_void;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, Ordering};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::os::fd::BorrowedFd;

use super::{Errno, Result};

/// What may be read and written.
pub(super) const WRITABLE: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

/// A new mapping at an address of the kernel's choice: of a file's first bytes, or of zeros.
pub(super) fn mapped(
    len: usize,
    protection: ProtFlags,
    flags: MapFlags,
    file: Option<BorrowedFd<'_>>,
) -> Result<NonNull<c_void>> {
    let len = NonZeroUsize::new(len).ok_or(Errno::EINVAL)?;
    match file {
        // SAFETY: it touches no memory that exists.
        Some(file) => unsafe { mmap(None, len, protection, flags, file, 0) },
        // SAFETY: as above.
        None => unsafe { mmap_anonymous(None, len, protection, flags) },
    }
}

/// Puts a value where it stays, in a mapping of its own.
pub fn forever<T>(value: T) -> Result<&'static T> {
    assert!(align_of::<T>() <= 4096, "a mapping is aligned to a page");
    let region = core::mem::ManuallyDrop::new(Region::new(size_of::<T>())?);
    let place = region.start.cast::<T>();
    // SAFETY: the mapping has room for the value and is aligned for it, and nobody else has it.
    unsafe { place.write(value) };
    // SAFETY: it was written just now, is never given back, and nobody writes to it again but through this reference.
    Ok(unsafe { place.as_ref() })
}

/// Zeroed memory of its own mapping, given back when dropped.
#[derive(Debug)]
pub struct Region {
    start: NonNull<u8>,
    len: usize,
}

impl Region {
    /// Maps `len` zeroed bytes and touches each page, so that no later use faults.
    pub fn new(len: usize) -> Result<Self> {
        Self::map(len, MapFlags::MAP_PRIVATE | MapFlags::MAP_POPULATE)
    }

    /// Maps `len` zeroed bytes of which none is resident before it is used, or locked.
    pub(super) fn untouched(len: usize) -> Result<Self> {
        Self::map(len, MapFlags::MAP_PRIVATE)
    }

    /// The same as a mapping that children share: the kernel counts it as RssShmem, and not as anonymous memory.
    ///
    /// For the processes that the tests watch; memdoor itself shares no memory.
    pub fn shared(len: usize) -> Result<Self> {
        Self::map(len, MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE)
    }

    fn map(len: usize, how: MapFlags) -> Result<Self> {
        let len = len.max(1);
        let start = mapped(len, WRITABLE, how, None)?;
        Ok(Self { start: start.cast(), len })
    }

    /// Where it begins; aligned to a page.
    pub(super) const fn start(&self) -> *const u8 {
        self.start.as_ptr()
    }

    /// The memory as bytes.
    pub fn as_bytes(&mut self) -> &mut [u8] {
        // SAFETY: mmap returned zeroed memory of this length, lent out only through `&mut self`.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// The memory as 64-bit numbers; what is left over at the end is not used.
    pub fn as_u64s(&mut self) -> &mut [u64] {
        // SAFETY: mmap returns page-aligned zeroed memory of at least `len` bytes, lent out only through `&mut self`.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / size_of::<u64>()) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nobody borrows it any more.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}

/// Memory that several processes may map: what one writes the others read. Unmapped when dropped.
#[derive(Debug)]
pub struct Shared {
    start: NonNull<u8>,
    len: usize,
}

impl Shared {
    /// Zeroed memory that processes forked from here on share with this one.
    pub fn anonymous(len: usize) -> Result<Self> {
        Self::map(len, None)
    }

    /// The first `len` bytes of a file, for the processes that the tests watch.
    pub fn file(file: BorrowedFd<'_>, len: usize) -> Result<Self> {
        Self::map(len, Some(file))
    }

    /// A System V segment of its own, for the processes that the tests watch. It outlives them: only the end of its IPC namespace
    /// removes it.
    pub fn segment(len: usize) -> Result<Self> {
        // nix has no System V memory.
        // SAFETY: three numbers and no memory.
        let id = Errno::result(unsafe { libc::shmget(libc::IPC_PRIVATE, len, 0o600) })?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that exists.
        let start = unsafe { libc::shmat(id, core::ptr::null(), 0) };
        if start.addr() == usize::MAX {
            return Err(Errno::last());
        }
        NonNull::new(start.cast()).map(|start| Self { start, len }).ok_or(Errno::ENOMEM)
    }

    fn map(len: usize, file: Option<BorrowedFd<'_>>) -> Result<Self> {
        let start = mapped(len, WRITABLE, MapFlags::MAP_SHARED, file)?;
        Ok(Self { start: start.cast(), len })
    }

    /// Where it begins; page-aligned. Whoever reads or writes there says why nobody else does at that time.
    #[must_use]
    pub const fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Writes to each page, so that all of it is resident.
    pub fn touch(&self) {
        for offset in (0..self.len).step_by(4096) {
            // SAFETY: offset is less than len, so the address is within the mapping.
            let byte = unsafe { self.start.as_ptr().add(offset) };
            // SAFETY: the byte is mapped and writable. Others may write at the same time, which is why it is an atomic.
            let byte = unsafe { AtomicU8::from_ptr(byte) };
            byte.fetch_or(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and who uses it has ended before.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}

/// What a [`Placeholder`]'s memory may be used for. Neighbours that differ do not merge into one mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// `---p`
    None,
    /// `r--p`
    Read,
}

/// A mapping that is only there to be listed: its memory can't be reached through it.
///
/// For the processes that the tests watch; memdoor itself has no use for one.
#[derive(Debug)]
pub struct Placeholder {
    start: NonNull<c_void>,
    len: usize,
}

impl Placeholder {
    /// A private anonymous mapping of `len` bytes that never becomes resident.
    pub fn anonymous(len: usize, access: Access) -> Result<Self> {
        Self::map(len, access, None)
    }

    /// A private mapping of the first `len` bytes of a file.
    pub fn file(file: BorrowedFd<'_>, len: usize) -> Result<Self> {
        Self::map(len, Access::Read, Some(file))
    }

    fn map(len: usize, access: Access, file: Option<BorrowedFd<'_>>) -> Result<Self> {
        let protection = match access {
            Access::None => ProtFlags::PROT_NONE,
            Access::Read => ProtFlags::PROT_READ,
        };
        let start = mapped(len, protection, MapFlags::MAP_PRIVATE, file)?;
        Ok(Self { start, len })
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this length, and nobody has its address.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}
