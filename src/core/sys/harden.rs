//! What keeps memdoor itself alive and quick while memory is short.

use core::ffi::c_void;
use core::hint::black_box;
use core::ptr::NonNull;

use nix::sys::mman::{MapFlags, MlockAllFlags, MmapAdvise, ProtFlags, madvise, mlockall, munlock, munlockall, munmap};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};

use super::file::Dir;
use super::map::mapped;
use super::{Errno, Result};

/// Stack that the armed phase may use, below the function that runs it. Measured: 29 to 32 KiB at the end of a target, with all
/// that a verdict has; the rest is for signal handlers, whose frame with AVX-512 takes 3 KiB. Frames of debug builds are four times
/// as large.
const STACK: usize = if cfg!(debug_assertions) { 160 } else { 40 } * 1024;

/// What may be mapped once memory is locked: the rest of the stack, and what a report at the end takes of the heap.
const LATER: usize = Depth::Armed.bytes() + 512 * 1024;

/// Locks every page that is mapped and every one that will be: mlockall(2).
///
/// Without CAP_IPC_LOCK it needs RLIMIT_MEMLOCK above the mapped size and [`LATER`]: 2.4 MB for a watch, 2.8 for `kill`, 6.8 for `monitor`
/// (release build of 1.3 MB, 2026-11-30); since Linux 5.16 the default is 8 MiB. With less the limit would be met later: each mapping counts
/// against it then, by its size and not by what of it is touched, so that an allocation fails, and a stack that can't grow is a SIGSEGV.
/// Where that much is not left nothing stays locked: ENOMEM.
pub fn lock_memory() -> Result<()> {
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)?;
    keep_if_there_is_room()
}

/// Locks each page once it is touched, and takes room for none: mlockall(2) with MCL_ONFAULT, Linux 4.4. The limit is that of
/// [`lock_memory`].
pub fn lock_what_is_touched() -> Result<()> {
    let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault)?;
    keep_if_there_is_room()
}

/// Tries whether [`LATER`] can be mapped, by a mapping that nobody may touch and that takes no memory; if not, nothing stays locked.
fn keep_if_there_is_room() -> Result<()> {
    if has_room_to_lock() {
        return Ok(());
    }
    let _ = munlockall();
    Err(Errno::ENOMEM)
}

/// Whether what may be locked has a limit, RLIMIT_MEMLOCK. It does not count for who has CAP_IPC_LOCK.
#[must_use]
pub fn is_lock_limited() -> bool {
    getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft != libc::RLIM_INFINITY)
}

/// Whether [`LATER`] bytes of address space can be mapped. While nothing is locked: if not, `ulimit -v` or `ulimit -d` is in the way, and
/// the limit of locked memory is not.
#[must_use]
pub fn has_room_to_lock() -> bool {
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
    let Ok(start) = mapped(LATER, ProtFlags::PROT_NONE, flags, None) else {
        return false;
    };
    // SAFETY: the mapping is ours, of this length, and nobody has a reference into it.
    let _ = unsafe { munmap(start, LATER) };
    true
}

/// What is mapped stays locked, what will be mapped is not: for what is over RLIMIT_MEMLOCK. Fails where nothing may be locked.
pub fn lock_no_more() -> Result<()> {
    mlockall(MlockAllFlags::MCL_CURRENT)
}

/// Open files that are enough for any mode, whose target is no more than three cgroups below the root. With fewer what can't be opened is
/// left out; what a record takes is looked at before.
pub const OPEN_FILES: u64 = 64;

/// Raises the soft limit of open files to the hard one: about 50 are kept open, and `ulimit -n` may be lower.
pub fn raise_file_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}

/// How many files may be open at once.
#[must_use]
pub fn open_files_limit() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

/// How much stack is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// One look, and what is made of it.
    Look,
    /// To arm, and [`touch_stack`].
    Armed,
}

impl Depth {
    /// In bytes. Measured by the pages of a stack that were touched, in release builds on 2026-11-30: one look takes up to 84 kB
    /// (`snapshot`), what is armed up to 204 kB (`monitor`), what the kernel puts above a stack included. tests/build.rs tries every mode with
    /// what README says, tests/all/environment.rs with what its sentence asks for. Frames of debug builds are larger.
    const fn bytes(self) -> usize {
        let kib = match (self, cfg!(debug_assertions)) {
            (Self::Look, false) => 112,
            (Self::Look, true) => 320,
            (Self::Armed, false) => 256,
            (Self::Armed, true) => 768,
        };
        kib * 1024
    }

    /// The limit that is needed where so many bytes of the stack are used already: in whole steps of 32 KiB, so that the same limit
    /// is enough each time. Arguments, environment and the random start of a stack (up to 8 KiB) take up to 16 KiB as a rule; with that it
    /// is 128 KiB for one look and 288 for what is armed.
    fn needed(self, used: u64) -> u64 {
        const STEP: u64 = 32 << 10;
        used.saturating_add(self.bytes() as u64).checked_next_multiple_of(STEP).unwrap_or(u64::MAX)
    }
}

/// Makes sure that the stack may grow as much as it will: a stack that may not is a SIGSEGV in the middle of the work. The soft limit is
/// raised to the hard one (the kernel compares at each growth, and keeps 128 MiB below the stack free whatever the limit is). Where
/// even that is less than is needed, or where the address space is limited and nearly full, the limit is the error.
#[inline(never)]
pub fn secure_stack(depth: Depth) -> core::result::Result<(), StackTooSmall> {
    let here = black_box(0_u8);
    // nix has neither getauxval(3) nor, below, setpriority(2).
    // SAFETY: it reads a table that the kernel put on the stack; of a kind that is missing it returns 0.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) };
    // The name of the executable is the last thing above the stack, behind the arguments and the environment, which count as well.
    let top = if name == 0 { u64::MAX } else { name };
    let used = top.saturating_sub((&raw const here).addr() as u64);
    let used = if used > 64 << 20 { 128 << 10 } else { used };
    let (soft, hard) = getrlimit(Resource::RLIMIT_STACK).unwrap_or((u64::MAX, u64::MAX));
    let needed = depth.needed(used);
    if soft < needed {
        let raised = hard.min(8 << 20).max(soft);
        if setrlimit(Resource::RLIMIT_STACK, raised, hard).is_err() || raised < needed {
            return Err(StackTooSmall::Stack { limit: soft, needed });
        }
    }
    let (space, _) = getrlimit(Resource::RLIMIT_AS).unwrap_or((u64::MAX, u64::MAX));
    if space < 1 << 40 {
        // A stack grows into the address space that is left, or not at all: it grows now. Whether it can, an ordinary mapping tells.
        drop(super::map::Region::new(depth.bytes()).map_err(|_| StackTooSmall::Space { limit: space })?);
        match depth {
            Depth::Look => grow_stack::<{ Depth::Look.bytes() }>(),
            Depth::Armed => grow_stack::<{ Depth::Armed.bytes() }>(),
        }
    }
    Ok(())
}

/// Why the stack can't grow as much as is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StackTooSmall {
    /// `ulimit -s`: the limit and what is needed, in bytes.
    Stack {
        /// The limit.
        limit: u64,
        /// What is needed, with what arguments and environment take.
        needed: u64,
    },
    /// `ulimit -v`, in bytes.
    Space {
        /// The limit.
        limit: u64,
    },
}

#[inline(never)]
fn grow_stack<const BYTES: usize>() {
    let mut stack = [0_u8; BYTES];
    for page in stack.chunks_mut(4096) {
        page[0] = 1;
    }
    black_box(&stack);
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
        let Some(start) = NonNull::<c_void>::new(core::ptr::with_exposed_provenance_mut(start)) else {
            return;
        };
        // SAFETY: it changes no memory, whatever is there.
        let _ = unsafe { munlock(start, page) };
        // SAFETY: below the stack pointer is nothing that anybody uses; the gap below the stack, of 1 MiB, is no memory: ENOMEM.
        if unsafe { madvise(start, page, MmapAdvise::MADV_DONTNEED) }.is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_the_stack_that_is_needed_does_not_depend_on_where_the_stack_begins() {
        for depth in [Depth::Look, Depth::Armed] {
            let needed = depth.needed(1);
            assert!((1..=16 << 10).all(|used| depth.needed(used) == needed), "{depth:?}");
            assert!(needed >= depth.bytes() as u64 + (16 << 10) && depth.needed(64 << 10) > needed, "{depth:?}");
        }
    }
}
