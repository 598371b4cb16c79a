//! Whether standard input or output was closed when memdoor was started: std opens /dev/null in its place before main(), and a night's evidence
//! would go there in silence.

extern crate std;

use core::sync::atomic::{AtomicBool, Ordering};
use std::os::fd::IntoRawFd;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

static STDOUT: AtomicBool = AtomicBool::new(false);
static STDIN: AtomicBool = AtomicBool::new(false);

extern "C" fn note() {
    for number in libc::STDIN_FILENO..=libc::STDERR_FILENO {
        // nix takes what is open, and whether it is open is asked.
        // SAFETY: fcntl(F_GETFD) of a number touches no memory.
        let is_open = unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
        if number == libc::STDOUT_FILENO {
            STDOUT.store(!is_open, Ordering::Relaxed);
        }
        if number == libc::STDIN_FILENO {
            STDIN.store(!is_open, Ordering::Relaxed);
        }
        if !is_open {
            fill();
        }
    }
}

/// Takes the lowest number that is free, so that no file of memdoor's gets that of standard error. std does so too, but aborts where there
/// is no /dev/null, as in a chroot; the root directory serves as well, since every write to it fails.
fn fill() {
    let filled = open(c"/dev/null", OFlag::O_RDWR, Mode::empty())
        .or_else(|_| open(c"/", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()));
    // It stays open, and is nobody's.
    let _ = filled.map(IntoRawFd::into_raw_fd);
}

/// Runs before std's own start.
#[used]
// SAFETY: libc calls each pointer of .init_array once before main; `note` needs nothing of what main sets up.
#[unsafe(link_section = ".init_array")]
static NOTE: extern "C" fn() = note;

pub(in super::super) fn stdin() -> bool {
    STDIN.load(Ordering::Relaxed)
}

pub(super) fn stdout() -> bool {
    STDOUT.load(Ordering::Relaxed)
}
