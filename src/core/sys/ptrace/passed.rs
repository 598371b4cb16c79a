//! The last signals that were passed on to the seized thread, and who sent them. SIGKILL is none of them: the kernel tells nobody.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use nix::sys::ptrace;
use nix::unistd::Pid;

use crate::sys::clock::monotonic;

/// How many are remembered.
pub const LAST: usize = 4;

/// The last of one place.
pub(super) struct Kept {
    count: AtomicU64,
    /// The signal in the lowest byte, its sender's pid above it, 0: not a process.
    what: [AtomicU64; LAST],
    /// When, in microseconds of [`monotonic`].
    when: [AtomicU64; LAST],
}

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

impl Kept {
    pub(super) const fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            what: [const { AtomicU64::new(0) }; LAST],
            when: [const { AtomicU64::new(0) }; LAST],
        }
    }

    /// Forgets them.
    pub(super) fn forget(&self) {
        self.count.store(0, Relaxed);
    }

    /// Remembers the signal that `tid` is stopped for.
    pub(super) fn note(&self, tid: c_int, signal: c_int) {
        // What ends nobody is no evidence of an end.
        if matches!(signal, libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH) {
            return;
        }
        let sender = u64::from(sender(tid).unwrap_or_default());
        let number = u64::from(u8::try_from(signal).unwrap_or_default());
        let count = self.count.load(Relaxed);
        let slot = usize::try_from(count).unwrap_or_default() % LAST;
        self.what[slot].store(sender << 8 | number, Relaxed);
        let now = u64::try_from(monotonic().as_micros()).unwrap_or_default();
        self.when[slot].store(now, Relaxed);
        self.count.store(count.wrapping_add(1), Relaxed);
    }

    /// The last of them, the newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Passed> {
        let count = self.count.load(Relaxed);
        (1..=LAST as u64).map_while(move |back| {
            let slot = usize::try_from(count.checked_sub(back)?).unwrap_or_default() % LAST;
            let what = self.what[slot].load(Relaxed);
            let [signal, ..] = what.to_le_bytes();
            Some(Passed {
                signal,
                sender: u32::try_from(what >> 8).ok().filter(|pid| *pid != 0),
                at: Duration::from_micros(self.when[slot].load(Relaxed)),
            })
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_signals_are_kept_without_those_that_end_nobody() {
        let kept = Kept::new();
        for signal in [1, 2, 3, libc::SIGCHLD, 10, 12, 15] {
            kept.note(c_int::MAX, signal);
        }
        let mut signals = kept.newest_first().map(|passed| passed.signal);
        assert_eq!([(); 5].map(|()| signals.next()), [Some(15), Some(12), Some(10), Some(3), None]);
        drop(signals);
        kept.forget();
        assert_eq!(kept.newest_first().next(), None);
    }
}
