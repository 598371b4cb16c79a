//! Ending one thread while its process lives on.

/// Ends the calling thread only. When it is the main thread, the process becomes a zombie leader: `/proc/PID` shows state Z
/// and no memory, while its other threads run and hold all of it.
///
/// For the processes that the tests watch; memdoor itself has no threads.
pub fn exit() -> ! {
    // exit(2) the system call, not exit(3) the function: the latter ends all threads.
    // SAFETY: it does not return. The stack stays mapped and nothing is dropped, so what other threads borrow lives on.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("exit(2) does not return")
}
