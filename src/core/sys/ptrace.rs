//! One thread of another process, seized so that it stops at its exit: ptrace(2), PTRACE_SEIZE since Linux 3.4.
//!
//! A seized thread runs on and only stops for its signals, a group stop, exec() and its exit. [`serve`] passes all of these on
//! unchanged but the last, which waits for [`let_go`]. When the tracer ends, in whatever way, the kernel lets the thread run on.
//!
//! The state is the process's, as the kernel's is: there is one tracer, without threads.

mod passed;

use core::ffi::{c_int, c_ulong, c_void};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use nix::sys::ptrace::{self, Options};

use super::clock::monotonic;
use super::signal::{self, Woken};
use super::{Errno, Result};
use crate::units::Pid;

pub use passed::{LAST, Passed, passed};

/// The thread that is seized, 0: none.
static SEIZED: AtomicI32 = AtomicI32::new(0);
/// Whom waitpid(2) is asked for, 0: nobody is traced. The thread that was seized, until its end was seen.
static TRACED: AtomicI32 = AtomicI32::new(0);
/// The first thread of its process: after an exec() of another thread that was seized, the kernel calls that one by this number.
static LEADER: AtomicI32 = AtomicI32::new(0);
/// The thread that is in its exit stop, 0: none. Its status, and when that was seen.
static HELD: AtomicI32 = AtomicI32::new(0);
static STATUS: AtomicI32 = AtomicI32::new(0);
static SINCE: AtomicU64 = AtomicU64::new(0);
/// The status of the last thread that has gone, -1: none has.
static GONE: AtomicI32 = AtomicI32::new(-1);
/// Whether an exit stop had to be passed on before anybody looked.
static MISSED: AtomicBool = AtomicBool::new(false);

/// include/uapi/linux/ptrace.h; libc has them for some targets only.
const EVENT_EXEC: c_int = 4;
const EVENT_EXIT: c_int = 6;
const EVENT_STOP: c_int = 128;

/// What waitpid(2) says of a traced thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    /// PTRACE_EVENT_EXIT: it is about to exit, and all that it has is still there.
    Exit,
    /// PTRACE_EVENT_EXEC: it has become the leader.
    Exec,
    /// A group stop: SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
    Group,
    /// A signal that is about to be delivered to it.
    Delivery(c_int),
    /// PTRACE_INTERRUPT, or the end of a group stop.
    Trap,
    /// It has exited: its wait status.
    Gone(c_int),
}

const fn stop_of(status: c_int) -> Stop {
    if !libc::WIFSTOPPED(status) {
        return Stop::Gone(status);
    }
    match (status >> 16, libc::WSTOPSIG(status)) {
        (0, signal) => Stop::Delivery(signal),
        (EVENT_EXIT, _) => Stop::Exit,
        (EVENT_EXEC, _) => Stop::Exec,
        (EVENT_STOP, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) => Stop::Group,
        _ => Stop::Trap,
    }
}

/// A thread in its exit stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// What waitpid(2) will say of it, by PTRACE_GETEVENTMSG.
    pub status: i32,
    /// Since when, on [`monotonic`]'s clock.
    pub since: Duration,
}

/// How [`release`] ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Released {
    /// It runs on, untraced.
    Free,
    /// It is dying, and held.
    Dying,
    /// It could not be stopped in that time, as in an uninterruptible sleep: it is still seized.
    Stuck,
}

/// Seizes a thread of the process `leader` by its number. It is not stopped.
///
/// EPERM: not permitted (another user, Yama), already traced, or it has exited. ESRCH: there is none.
pub fn seize(tid: Pid, leader: Pid) -> Result<()> {
    ptrace::seize(thread(tid.get()), Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACEEXIT)?;
    SEIZED.store(tid.get(), Relaxed);
    TRACED.store(tid.get(), Relaxed);
    LEADER.store(leader.get(), Relaxed);
    Ok(())
}

/// Forgets how the last traced thread ended: another process is next.
pub fn forget() {
    GONE.store(-1, Relaxed);
    MISSED.store(false, Relaxed);
    passed::forget();
}

/// Whether a thread is seized and has not begun to exit.
#[must_use]
pub fn is_seized() -> bool {
    SEIZED.load(Relaxed) != 0
}

/// The thread in its exit stop.
#[must_use]
pub fn held() -> Option<Held> {
    (HELD.load(Relaxed) != 0)
        .then(|| Held { status: STATUS.load(Relaxed), since: Duration::from_micros(SINCE.load(Relaxed)) })
}

/// The wait status of the last traced thread that has gone.
#[must_use]
pub fn gone() -> Option<i32> {
    Some(GONE.load(Relaxed)).filter(|status| *status >= 0)
}

/// Whether an exit stop went by unseen, because nobody read memdoor's output.
#[must_use]
pub fn was_missed() -> bool {
    MISSED.load(Relaxed)
}

/// Whether something traced has not been collected yet: until then its parent does not see its end.
#[must_use]
pub fn is_tracing() -> bool {
    TRACED.load(Relaxed) != 0
}

/// Answers all stops that have come, without waiting: each is passed on as it came, but an exit stop, which is [`held`].
pub fn serve() {
    while is_tracing() && HELD.load(Relaxed) == 0 {
        let Some((tid, stop)) = next() else { return };
        answer(tid, stop);
    }
}

fn answer(tid: c_int, stop: Stop) {
    // An error means that it was killed meanwhile: the next stop, or its end, says so.
    let _ = match stop {
        Stop::Exit => {
            hold(tid);
            return;
        }
        Stop::Exec => {
            SEIZED.store(tid, Relaxed);
            request(libc::PTRACE_CONT, tid, 0)
        }
        Stop::Group => request(libc::PTRACE_LISTEN, tid, 0),
        // The same signal: the kernel then keeps its siginfo.
        Stop::Delivery(signal) => {
            passed::note(tid, signal);
            request(libc::PTRACE_CONT, tid, number(signal))
        }
        Stop::Trap => request(libc::PTRACE_CONT, tid, 0),
        Stop::Gone(status) => {
            let _ = SEIZED.compare_exchange(tid, 0, Relaxed, Relaxed);
            GONE.store(status, Relaxed);
            return;
        }
    };
}

fn hold(tid: c_int) {
    let status = ptrace::getevent(thread(tid)).unwrap_or(0);
    STATUS.store(c_int::try_from(status).unwrap_or(0), Relaxed);
    let now = u64::try_from(monotonic().as_micros()).unwrap_or(0);
    SINCE.store(now, Relaxed);
    HELD.store(tid, Relaxed);
}

/// Lets the thread in its exit stop go.
pub fn let_go() {
    let tid = HELD.swap(0, Relaxed);
    if tid != 0 {
        let _ = SEIZED.compare_exchange(tid, 0, Relaxed, Relaxed);
        let _ = request(libc::PTRACE_CONT, tid, 0);
    }
}

/// While nobody reads what memdoor writes: the target does not wait for that.
pub(super) fn let_go_unseen() {
    if held().is_some() {
        MISSED.store(true, Relaxed);
        let_go();
    }
}

/// Lets the seized thread run on untraced. That takes a stop of it, which may end a system call of it with EINTR, as SIGCONT does.
pub fn release(within: Duration) -> Released {
    let until = monotonic().saturating_add(within);
    serve();
    let tid = SEIZED.load(Relaxed);
    if tid == 0 || ptrace::interrupt(thread(tid)).is_err() {
        serve();
    }
    loop {
        if held().is_some() {
            return Released::Dying;
        }
        if !is_seized() || !is_tracing() {
            return Released::Free;
        }
        match next() {
            Some((_, stop @ (Stop::Exit | Stop::Gone(_)))) => answer(tid, stop),
            Some((stopped, stop)) => {
                let signal = match stop {
                    Stop::Delivery(signal) => number(signal),
                    _ => 0,
                };
                if request(libc::PTRACE_DETACH, stopped, signal).is_ok() {
                    SEIZED.store(0, Relaxed);
                    return Released::Free;
                }
            }
            None => {
                let left = until.saturating_sub(monotonic());
                if left.is_zero() || signal::wait(None, Some(left)) == Ok(Woken::Timeout) {
                    return Released::Stuck;
                }
            }
        }
    }
}

/// The next stop or end of the traced thread. Nobody else is waited for: memdoor has children that are not traced, those of
/// [`super::helper`] and its shell's before exec().
fn next() -> Option<(c_int, Stop)> {
    let traced = TRACED.load(Relaxed);
    let leader = LEADER.load(Relaxed);
    let found = match wait(traced) {
        Err(Errno::ECHILD) if leader != traced => {
            let found = wait(leader);
            if found.is_ok() {
                TRACED.store(leader, Relaxed);
            }
            found
        }
        found => found,
    };
    if found == Err(Errno::ECHILD) {
        SEIZED.store(0, Relaxed);
        TRACED.store(0, Relaxed);
    }
    found.ok().flatten()
}

/// waitpid(2), without waiting. ECHILD: nobody of that number is traced by memdoor or its child.
fn wait(tid: c_int) -> Result<Option<(c_int, Stop)>> {
    let mut status: c_int = 0;
    // nix's waitpid fails with EINVAL where a thread stops for a real-time signal, and the stop is lost.
    // SAFETY: the kernel writes one int to `status`, and nothing else.
    let found = unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL | libc::WNOHANG) };
    match found {
        0 => Ok(None),
        1.. => Ok(Some((found, stop_of(status)))),
        _ => Err(Errno::last()),
    }
}

fn number(signal: c_int) -> c_ulong {
    c_ulong::try_from(signal).unwrap_or(0)
}

fn thread(tid: c_int) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(tid)
}

/// ptrace(2) without an address. nix has no LISTEN, and passes no real-time signal on.
fn request(what: RequestType, tid: c_int, data: c_ulong) -> Result<()> {
    // SAFETY: CONT, LISTEN and DETACH take numbers, and touch no memory of this process.
    let done = unsafe { libc::ptrace(what, tid, NOWHERE, data) };
    if done < 0 { Err(Errno::last()) } else { Ok(()) }
}

/// The address that none of these requests takes.
const NOWHERE: *mut c_void = core::ptr::null_mut();

/// glibc has `enum __ptrace_request`, musl an int.
#[cfg(target_env = "musl")]
type RequestType = c_int;
#[cfg(not(target_env = "musl"))]
type RequestType = core::ffi::c_uint;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_waitpid_is_one_kind_of_stop() {
        let stopped = |event: c_int, signal: c_int| stop_of(event << 16 | signal << 8 | 0x7f);
        assert_eq!(stopped(0, libc::SIGUSR1), Stop::Delivery(libc::SIGUSR1));
        assert_eq!(stopped(0, libc::SIGSTOP), Stop::Delivery(libc::SIGSTOP));
        assert_eq!(stopped(EVENT_EXIT, libc::SIGTRAP), Stop::Exit);
        assert_eq!(stopped(EVENT_EXEC, libc::SIGTRAP), Stop::Exec);
        assert_eq!(stopped(EVENT_STOP, libc::SIGSTOP), Stop::Group);
        assert_eq!(stopped(EVENT_STOP, libc::SIGTTOU), Stop::Group);
        assert_eq!(stopped(EVENT_STOP, libc::SIGTRAP), Stop::Trap);
        assert_eq!(stop_of(9), Stop::Gone(9));
        assert_eq!(stop_of(137 << 8), Stop::Gone(137 << 8));
    }
}
