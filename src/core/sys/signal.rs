//! The signals that steer memdoor, and waiting that they can end.
//!
//! They are blocked except inside [`wait`], so that nothing else ever sees EINTR from them and none is lost between a
//! check and a wait (ppoll(2) explains that race).

extern crate std;

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use core::time::Duration;
use std::os::fd::BorrowedFd;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::time::TimeSpec;

use super::{Errno, Result};

static STOP: AtomicI32 = AtomicI32::new(0);
static SNAPSHOT: AtomicBool = AtomicBool::new(false);
static RELOAD: AtomicBool = AtomicBool::new(false);

extern "C" fn on_stop(signal: c_int) {
    STOP.store(signal, Ordering::Relaxed);
}

extern "C" fn on_snapshot(_: c_int) {
    SNAPSHOT.store(true, Ordering::Relaxed);
}

extern "C" fn on_reload(_: c_int) {
    RELOAD.store(true, Ordering::Relaxed);
}

/// It only ends a wait: what has stopped or gone is asked of waitpid(2), see [`super::ptrace`], and a size of the terminal.
extern "C" fn on_child(_: c_int) {}

/// From here on SIGINT, SIGTERM and SIGHUP ask for an orderly end, SIGUSR1 for a snapshot, and SIGCHLD says that what is traced
/// has stopped.
///
/// A SIGHUP that nohup(1) ignored stays ignored. SIGINT does not: shells ignore it for background jobs, yet `kill -INT` is meant.
/// SIGXFSZ is ignored, so that a file size limit is an error of write(2) with a text.
pub fn install() -> Result<()> {
    let stop = SigAction::new(SigHandler::Handler(on_stop), SaFlags::empty(), SigSet::empty());
    let snapshot = SigAction::new(SigHandler::Handler(on_snapshot), SaFlags::empty(), SigSet::empty());
    let child = SigAction::new(SigHandler::Handler(on_child), SaFlags::empty(), SigSet::empty());
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&steering()), None)?;
    for (signal, action) in [
        (Signal::SIGINT, stop),
        (Signal::SIGTERM, stop),
        (Signal::SIGHUP, stop),
        (Signal::SIGUSR1, snapshot),
        (Signal::SIGCHLD, child),
        (Signal::SIGXFSZ, ignore),
    ] {
        // SAFETY: the handlers store to an atomic or do nothing, which is async-signal-safe.
        let before = unsafe { sigaction(signal, &action) }?;
        if signal == Signal::SIGHUP && matches!(before.handler(), SigHandler::SigIgn) {
            // SAFETY: as above; it puts back what was there.
            unsafe { sigaction(signal, &before) }?;
        }
    }
    Ok(())
}

/// From here on a limit of the size of files is EFBIG of write(2), and no death.
pub fn ignore_file_size_limit() {
    ignore(Signal::SIGXFSZ);
}

/// For one snapshot, which a signal ends as it ends any program: but SIGUSR1, which asks a watch for one more, does not.
pub fn ignore_snapshot_requests() {
    ignore(Signal::SIGUSR1);
}

/// Children that end are there until they are collected, even if whoever started memdoor ignores SIGCHLD.
pub(super) fn notice_children() {
    let usual = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    if let Ok(before) = unsafe { sigaction(Signal::SIGCHLD, &usual) }
        && !matches!(before.handler(), SigHandler::SigIgn)
    {
        // SAFETY: it puts back what was there.
        let _ = unsafe { sigaction(Signal::SIGCHLD, &before) };
    }
}

/// After [`install`]: the end of a terminal changes nothing.
pub fn ignore_hangup() {
    ignore(Signal::SIGHUP);
}

fn ignore(signal: Signal) {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    let _ = unsafe { sigaction(signal, &ignore) };
}

/// After [`install`]: SIGHUP asks for the configuration to be read anew, as daemons have it, even if nohup(1) ignored it.
pub fn reload_on_hup() -> Result<()> {
    let reload = SigAction::new(SigHandler::Handler(on_reload), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler stores to an atomic, which is async-signal-safe.
    unsafe { sigaction(Signal::SIGHUP, &reload) }.map(drop)
}

/// After [`install`]: a terminal that has another size ends a wait.
pub fn wake_on_resize() -> Result<()> {
    let resized = SigAction::new(SigHandler::Handler(on_child), SaFlags::empty(), SigSet::empty());
    let set: SigSet = [Signal::SIGWINCH].into_iter().collect();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
    // SAFETY: the handler does nothing, which is async-signal-safe.
    unsafe { sigaction(Signal::SIGWINCH, &resized) }.map(drop)
}

/// Whether SIGHUP came since the last call.
#[must_use]
pub fn take_reload_request() -> bool {
    RELOAD.swap(false, Ordering::Relaxed)
}

/// The same, and the next call of [`take_reload_request`] says so, too.
#[must_use]
pub fn is_reload_requested() -> bool {
    RELOAD.load(Ordering::Relaxed)
}

fn steering() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGCHLD].into_iter().collect()
}

/// Lets in what came since the last wait: the signals are blocked but in [`wait`], so that without it what was asked meanwhile is seen behind
/// the next wait only. It takes no time.
pub fn let_in() {
    let _ = wait(None, Some(Duration::ZERO));
}

/// The signal that asked for an end, if one came.
#[must_use]
pub fn stop_requested() -> Option<Stop> {
    Stop::from_number(STOP.load(Ordering::Relaxed))
}

/// Whether SIGUSR1 came since the last call.
#[must_use]
pub fn take_snapshot_request() -> bool {
    SNAPSHOT.swap(false, Ordering::Relaxed)
}

/// A signal that ends memdoor in good order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Ctrl-C.
    Int,
    /// A service manager's stop.
    Term,
    /// The terminal has gone.
    Hup,
}

impl Stop {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            libc::SIGINT => Some(Self::Int),
            libc::SIGTERM => Some(Self::Term),
            libc::SIGHUP => Some(Self::Hup),
            _ => None,
        }
    }

    /// What the original says when it ends.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Int => "SIGINT received, exiting...",
            Self::Term => "SIGTERM received, exiting...",
            Self::Hup => "SIGHUP received, exiting...",
        }
    }

    /// The signal's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "SIGINT",
            Self::Term => "SIGTERM",
            Self::Hup => "SIGHUP",
        }
    }
}

/// What the OOM killer sends.
pub const KILL: i32 = libc::SIGKILL;

/// The name of a signal: `SIGKILL`. Real-time signals have none.
#[must_use]
pub fn name(number: u8) -> Option<&'static str> {
    Signal::try_from(c_int::from(number)).ok().map(Signal::as_str)
}

/// What [`wait`] waits for on a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// There is something to read; for a pidfd: the process has exited.
    Readable,
    /// A write would not block.
    Writable,
    /// A trigger has fired: [`super::psi`].
    Urgent,
    /// POLLHUP alone; for a pidfd: the process has been collected (Linux 6.15).
    HungUp,
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// The descriptor is ready.
    Ready,
    /// The time is up.
    Timeout,
    /// A signal came.
    Signal,
}

/// Waits for a descriptor, for the time to pass or for a signal: one ppoll(2).
pub fn wait(fd: Option<(BorrowedFd<'_>, Until)>, timeout: Option<Duration>) -> Result<Woken> {
    let mut fds = fd.map(|(fd, until)| poll_fd(fd, until));
    poll(fds.as_mut().map_or(&mut [][..], core::slice::from_mut), timeout)
}

/// The same of two, of which either may be left out.
pub fn wait_for_either(
    first: Option<(BorrowedFd<'_>, Until)>,
    second: Option<(BorrowedFd<'_>, Until)>,
    timeout: Duration,
) -> Result<Either> {
    let (woken, is_first) = match (first, second) {
        (Some((one, until)), Some((other, of_other))) => {
            let mut fds = [poll_fd(one, until), poll_fd(other, of_other)];
            let woken = poll(&mut fds, Some(timeout))?;
            (woken, fds.first().and_then(PollFd::any) == Some(true))
        }
        _ => (wait(first.or(second), Some(timeout))?, first.is_some()),
    };
    Ok(match woken {
        Woken::Ready if is_first => Either::First,
        Woken::Ready => Either::Second,
        Woken::Timeout => Either::Timeout,
        Woken::Signal => Either::Signal,
    })
}

/// How a wait for one of two descriptors ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Either {
    /// The first is ready, and perhaps the second.
    First,
    /// The second alone is.
    Second,
    /// The time is up, and neither is.
    Timeout,
    /// A signal came.
    Signal,
}

fn poll_fd(fd: BorrowedFd<'_>, until: Until) -> PollFd<'_> {
    let flags = match until {
        Until::Readable => PollFlags::POLLIN,
        Until::Writable => PollFlags::POLLOUT,
        Until::Urgent => PollFlags::POLLPRI,
        Until::HungUp => PollFlags::empty(),
    };
    PollFd::new(fd, flags)
}

fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<Woken> {
    match ppoll(fds, timeout.map(TimeSpec::from_duration), Some(SigSet::empty())) {
        Ok(0) => Ok(Woken::Timeout),
        Ok(_) => Ok(Woken::Ready),
        Err(Errno::EINTR) => Ok(Woken::Signal),
        Err(errno) => Err(errno),
    }
}
