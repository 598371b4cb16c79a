//! Whether standard output was closed when memdoor was started: std opens /dev/null in its place before main(), and a night's evidence
//! would go there in silence.

use core::sync::atomic::{AtomicBool, Ordering};

static STDOUT: AtomicBool = AtomicBool::new(false);

extern "C" fn note() {
    // SAFETY: fcntl(F_GETFD) of a number touches no memory.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    STDOUT.store(flags < 0, Ordering::Relaxed);
}

/// Runs before std's own start.
#[used]
// SAFETY: libc calls each pointer of .init_array once before main; `note` needs nothing of what main sets up.
#[unsafe(link_section = ".init_array")]
static NOTE: extern "C" fn() = note;

pub(super) fn stdout() -> bool {
    STDOUT.load(Ordering::Relaxed)
}
