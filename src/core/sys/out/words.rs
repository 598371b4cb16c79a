//! Words on standard error: they may be lost, the work may not.
//!
//! A pipe that nobody reads is full after 64 KiB: a unit whose collector hangs, a shell's `2>&1 | less`. A monitor that waited there
//! would take no samples, and a kill would never end. So words wait for [`GRACE`], once; after that not at all until there is room again.
//!
//! A mode that reads what is there, writes its report and ends has nothing else to do: where both its outputs are one pipe, its words
//! wait as its report does ([`wait_with_words`]), for `dmesg 2>&1 | less` is to have them all.

extern crate std;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::os::fd::BorrowedFd;

use nix::sys::stat::fstat;

use super::{Broken, HOLD, Out, Sink, fd_of, wait_writable};
use crate::sys::clock::monotonic;
use crate::sys::ptrace;
use crate::sys::signal::{self, Until, Woken};

/// How long a reader of standard error may hold up the work, once.
const GRACE: Duration = Duration::from_millis(100);

/// It did not read in time, and has not since.
static LAGS: AtomicBool = AtomicBool::new(false);

/// Words wait for a reader as long as standard output does, as it is the same one.
static WAITS: AtomicBool = AtomicBool::new(false);

/// For a mode that only reads and reports: its words wait for the reader of its report.
pub fn wait_with_words() {
    let same = fd_of(Sink::Stdout).zip(fd_of(Sink::Stderr)).and_then(|(out, err)| {
        let (out, err) = (fstat(out).ok()?, fstat(err).ok()?);
        Some((out.st_dev, out.st_ino) == (err.st_dev, err.st_ino))
    });
    WAITS.store(same == Some(true), Ordering::Relaxed);
}

/// Waits until words can be written, but not for long: [`Broken::Stopped`] when they are lost.
pub(super) fn wait(fd: BorrowedFd<'_>, until: Option<Duration>) -> core::result::Result<(), Broken> {
    if WAITS.load(Ordering::Relaxed) {
        return wait_writable(fd, until);
    }
    let grace = match LAGS.load(Ordering::Relaxed) {
        true => Duration::ZERO,
        // A process in its exit stop waits for nobody's words.
        false if ptrace::is_holding() => HOLD,
        false => GRACE,
    };
    let end = monotonic().saturating_add(grace);
    let end = until.map_or(end, |until| until.min(end));
    loop {
        ptrace::serve();
        match signal::wait(Some((fd, Until::Writable)), Some(end.saturating_sub(monotonic()))) {
            Ok(Woken::Ready) => {
                LAGS.store(false, Ordering::Relaxed);
                return Ok(());
            }
            Ok(Woken::Timeout) => {
                LAGS.store(true, Ordering::Relaxed);
                return Err(Broken::Stopped);
            }
            Ok(Woken::Signal) => {}
            Err(errno) => return Err(Broken::Failed(errno)),
        }
    }
}

/// One line of words on standard error, at once: `memdoor: ...`.
pub fn say(words: core::fmt::Arguments<'_>) {
    let mut buf = [0; 512];
    let mut out = Out::new(Sink::Stderr, &mut buf);
    // Out never fails here: a broken standard error has nobody to be told.
    let _ = core::fmt::write(&mut out, words);
    out.put(b"\n");
    out.flush();
}
