//! What keeps memdoor itself alive and quick while memory is short.

use core::ffi::c_void;
use core::hint::black_box;

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

use super::file::Dir;
use super::{Errno, Result};

/// Stack that the armed phase may use, below the function that runs it. Measured: 29 to 32 KiB at the end of a target, with all
/// that a verdict has; the rest is for signal handlers, whose frame with AVX-512 takes 3 KiB. Frames of debug builds are four times
/// as large.
const STACK: usize = if cfg!(debug_assertions) { 160 } else { 40 } * 1024;

/// Locks every page that is mapped and every one that will be: mlockall(2).
///
/// Without CAP_IPC_LOCK it needs RLIMIT_MEMLOCK above the mapped size, about 1 MiB: since Linux 5.16 the default is 8 MiB.
pub fn lock_memory() -> Result<()> {
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)
}

/// Locks each page once it is touched, and takes room for none: mlockall(2) with MCL_ONFAULT, Linux 4.4.
pub fn lock_what_is_touched() -> Result<()> {
    let flags = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: it changes no memory but where it may go.
    Errno::result(unsafe { libc::mlockall(flags) }).map(drop)
}

/// What is mapped stays locked, what will be mapped is not: for what is over RLIMIT_MEMLOCK. Fails where nothing may be locked.
pub fn lock_no_more() -> Result<()> {
    mlockall(MlockAllFlags::MCL_CURRENT)
}

/// Raises the soft limit of open files to the hard one: about 40 are kept open, and `ulimit -n` may be lower.
pub fn raise_file_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let limit = libc::rlimit { rlim_cur: hard, rlim_max: hard };
    // musl's setrlimit() brings 1.6 kB to stop all threads with, for Linux before 2.6.36; std needs 3.2.
    // SAFETY: of the calling process, from a structure that the kernel reads; null asks for no old one.
    let done = unsafe { libc::prlimit(0, libc::RLIMIT_NOFILE, &raw const limit, core::ptr::null_mut()) };
    Errno::result(done).map(drop)
}

/// Writes `-1000` to the own oom_score_adj: needs CAP_SYS_RESOURCE, which containers lack.
pub fn exempt_from_oom_killer(proc: &Dir) -> Result<()> {
    let mode = nix::fcntl::OFlag::O_WRONLY | nix::fcntl::OFlag::O_CLOEXEC;
    let file = nix::fcntl::openat(proc, c"self/oom_score_adj", mode, nix::sys::stat::Mode::empty())?;
    nix::unistd::write(&file, b"-1000").map(drop)
}

/// Asks for the best nice value: lateness on a thrashing machine drops from about 100 ms to 4 (needs CAP_SYS_NICE).
pub fn raise_priority() -> Result<()> {
    // SAFETY: three integers and no memory.
    let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Touches the stack that the armed phase will use, so that it grows now.
#[inline(never)]
pub fn touch_stack() {
    let mut stack = [0_u8; STACK];
    for page in stack.chunks_mut(4096) {
        page[0] = 1;
    }
    black_box(&stack);
}

/// Gives back what arming needed of the stack below that: 30 to 50 KiB.
#[inline(never)]
pub fn leave_stack() {
    const PAGES: usize = 64;
    let here = black_box(0_u8);
    let page = usize::try_from(super::system::page_size().0).unwrap_or(65_536);
    let Some(end) = (&raw const here).addr().checked_sub(STACK) else {
        return;
    };
    let end = end / page * page;
    for number in 1..=PAGES {
        let Some(start) = end.checked_sub(number * page) else {
            return;
        };
        let start: *mut c_void = core::ptr::with_exposed_provenance_mut(start);
        // SAFETY: it changes no memory, whatever is there.
        unsafe { libc::munlock(start, page) };
        // SAFETY: below the stack pointer is nothing that anybody uses; the gap below the stack, of 1 MiB, is no memory: ENOMEM.
        if unsafe { libc::madvise(start, page, libc::MADV_DONTNEED) } != 0 {
            return;
        }
    }
}

/// Page faults of this process so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Answered without I/O.
    pub minor: u64,
    /// That waited for a disk.
    pub major: u64,
}

impl Faults {
    /// getrusage(2).
    #[must_use]
    pub fn so_far() -> Self {
        let count = |faults: i64| u64::try_from(faults).unwrap_or(0);
        getrusage(UsageWho::RUSAGE_SELF).map_or(Self::default(), |usage| Self {
            minor: count(usage.minor_page_faults()),
            major: count(usage.major_page_faults()),
        })
    }

    /// The faults between `earlier` and these.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self { minor: self.minor.saturating_sub(earlier.minor), major: self.major.saturating_sub(earlier.major) }
    }
}
