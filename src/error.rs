//! Why something failed, and why a value is missing.

mod errno;

use core::fmt;

use nix::errno::Errno;

use crate::fixed::Fixed;

/// A failed operation: what was tried, on which path, and why not.
///
/// Prints as ``cannot open /proc/4242/maps: permission denied (EACCES)``.
#[derive(Clone, Debug)]
pub struct Error {
    /// The verb: "open", "read", "write", "lock".
    pub doing: &'static str,
    /// What it was done to.
    pub path: Fixed<128>,
    /// Why it failed.
    pub errno: Errno,
    /// What to type next.
    pub hint: Option<&'static str>,
}

impl Error {
    /// An error without a hint.
    #[must_use]
    pub fn new(doing: &'static str, path: &[u8], errno: Errno) -> Self {
        Self { doing, path: Fixed::of(path), errno, hint: None }
    }

    /// The same error with what to type next.
    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = core::str::from_utf8(self.path.as_bytes()).unwrap_or("(unprintable)");
        write!(f, "cannot {} {}: {}", self.doing, path, Because(self.errno))
    }
}

/// An errno in words: `permission denied (EACCES)`.
#[derive(Clone, Copy, Debug)]
pub struct Because(pub Errno);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, words) = errno::words(self.0);
        write!(f, "{words} ({name})")
    }
}

/// Why a value is missing. A missing value is never 0 and never -1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absent {
    /// The kernel denied it: EACCES or EPERM.
    NotPermitted,
    /// The process has gone (ESRCH), or its memory has: a zombie.
    Gone,
    /// A part of it was read; its own line says what is missing.
    InPart,
    /// It ran another program while it was looked at.
    Changed,
    /// It has exited and has none any more, as a zombie's memory.
    Exited,
    /// Its time was up: what dies is not held for long.
    Late,
    /// Another process that was asked to read it did not answer in time: the process's mmap_lock is held.
    Stuck,
    /// It is dying: a snapshot at its death follows.
    Dying,
    /// The memory set aside for a snapshot at its death is full.
    NoRoom,
    /// The cgroup is mounted elsewhere: this mount or namespace does not show it.
    Hidden,
    /// This kernel, or this kind of process, has no such value.
    NotSupported,
    /// The kernel's text is not what its documentation says.
    Malformed,
    /// Any other failure, as ENOMEM at a cgroup's limit or EMFILE.
    Failed(Errno),
}

impl Absent {
    /// Whether evidence was lost. What the kernel or a zombie does not have is not lost: exit code 4 does not count it.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::NotSupported | Self::Exited)
    }
}

impl From<Errno> for Absent {
    /// ENOENT stands for "no such file in this kernel"; [`crate::target::Target::absent`] knows when it means that the process has gone.
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EACCES | Errno::EPERM => Self::NotPermitted,
            Errno::ESRCH => Self::Gone,
            Errno::ENOENT | Errno::ENOSYS | Errno::ENOTSUP => Self::NotSupported,
            other => Self::Failed(other),
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted => f.write_str("permission denied"),
            Self::Gone => f.write_str("the process is gone"),
            Self::InPart => f.write_str("read in part"),
            Self::Changed => f.write_str("it ran another program meanwhile"),
            Self::Exited => f.write_str("a zombie has none"),
            Self::Late => f.write_str("left out: the time for it was up"),
            Self::Stuck => f.write_str("did not answer in 200 ms"),
            Self::Dying => f.write_str("left out: the process is dying"),
            Self::NoRoom => f.write_str("cut: the memory set aside is full"),
            Self::Hidden => f.write_str("not visible from here"),
            Self::NotSupported => f.write_str("not provided by this kernel"),
            Self::Malformed => f.write_str("the kernel's text is malformed"),
            Self::Failed(errno) => Because(*errno).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_error_says_what_was_tried_on_which_path_and_why_not() {
        let error = Error::new("open", b"/proc/4242/smaps_rollup", Errno::EACCES);
        assert_eq!(error.to_string(), "cannot open /proc/4242/smaps_rollup: permission denied (EACCES)");
    }

    #[test]
    fn what_the_kernel_does_not_have_is_not_lost() {
        assert!(!Absent::from(Errno::ENOENT).is_loss());
        assert!(Absent::from(Errno::ENOMEM).is_loss());
        assert_eq!(Absent::Failed(Errno::ENOMEM).to_string(), "out of memory (ENOMEM)");
    }
}
