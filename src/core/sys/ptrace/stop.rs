//! What waitpid(2) says of a traced thread, and what it is answered with.

use core::ffi::{c_int, c_ulong, c_void};

use crate::sys::{Errno, Result};

/// include/uapi/linux/ptrace.h; libc has them for some targets only.
const EVENT_EXEC: c_int = 4;
const EVENT_EXIT: c_int = 6;
const EVENT_STOP: c_int = 128;

/// What waitpid(2) says of a traced thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
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

pub(super) const fn stop_of(status: c_int) -> Stop {
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

/// waitpid(2), without waiting. ECHILD: nobody of that number is traced by memdoor or its child.
pub(super) fn wait(tid: c_int) -> Result<Option<(c_int, Stop)>> {
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

pub(super) fn number(signal: c_int) -> c_ulong {
    c_ulong::try_from(signal).unwrap_or(0)
}

pub(super) fn thread(tid: c_int) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(tid)
}

/// ptrace(2) without an address. nix has no LISTEN, and passes no real-time signal on.
pub(super) fn request(what: RequestType, tid: c_int, data: c_ulong) -> Result<()> {
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
