//! The last signals that were passed on to the seized thread, and who sent them. SIGKILL is none of them: the kernel tells nobody.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use nix::sys::ptrace;
use nix::unistd::Pid;

use super::monotonic;

/// How many are remembered.
pub const LAST: usize = 4;

static COUNT: AtomicU64 = AtomicU64::new(0);
/// The signal in the lowest byte, its sender's pid above it, 0: not a process.
static WHAT: [AtomicU64; LAST] = [const { AtomicU64::new(0) }; LAST];
/// When, in microseconds of [`monotonic`].
static WHEN: [AtomicU64; LAST] = [const { AtomicU64::new(0) }; LAST];

/// A signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passed {
    /// Its number.
    pub signal: u8,
    /// The process that sent it, as memdoor's pid namespace numbers it; `None`: the kernel did, or that is not known.
    pub sender: Option<u32>,
    /// When it was passed on, on [`monotonic`]'s clock.
    pub at: Duration,
}

/// Forgets them.
pub(super) fn forget() {
    COUNT.store(0, Relaxed);
}

/// Remembers the signal that `tid` is stopped for.
pub(super) fn note(tid: c_int, signal: c_int) {
    // What ends nobody is no evidence of an end.
    if matches!(signal, libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH) {
        return;
    }
    let sender = u64::from(sender(tid).unwrap_or_default());
    let number = u64::from(u8::try_from(signal).unwrap_or_default());
    let count = COUNT.load(Relaxed);
    let slot = usize::try_from(count).unwrap_or_default() % LAST;
    WHAT[slot].store(sender << 8 | number, Relaxed);
    let now = u64::try_from(monotonic().as_micros()).unwrap_or_default();
    WHEN[slot].store(now, Relaxed);
    COUNT.store(count.wrapping_add(1), Relaxed);
}

/// The last of them, the newest first.
pub fn passed() -> impl Iterator<Item = Passed> {
    let count = COUNT.load(Relaxed);
    (1..=LAST as u64).map_while(move |back| {
        let slot = usize::try_from(count.checked_sub(back)?).unwrap_or_default() % LAST;
        let what = WHAT[slot].load(Relaxed);
        let [signal, ..] = what.to_le_bytes();
        Some(Passed {
            signal,
            sender: u32::try_from(what >> 8).ok().filter(|pid| *pid != 0),
            at: Duration::from_micros(WHEN[slot].load(Relaxed)),
        })
    })
}

/// Who sent it: by kill(2), tkill(2) or sigqueue(3), which have a si_code of 0 or less.
fn sender(tid: c_int) -> Option<u32> {
    let info = ptrace::getsiginfo(Pid::from_raw(tid)).ok()?;
    if !matches!(info.si_code, libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE) {
        return None;
    }
    // SAFETY: with these codes the kernel has set si_pid.
    let pid = unsafe { info.si_pid() };
    u32::try_from(pid).ok().filter(|pid| *pid != 0)
}
