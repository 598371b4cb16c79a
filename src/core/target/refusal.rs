//! Why a PID can't be watched, and what to type instead.

use core::fmt;

use crate::error::{Absent, Error, by_right, limit};
use crate::escape::Called;
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::pidfd::PidFd;
use crate::units::Pid;

/// Why there is no target.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// No process has the number.
    NoSuchProcess(Pid),
    /// One has, but `/proc` does not show it: hidepid.
    Hidden(Pid),
    /// One has, but `/proc` does not show it, and not for hidepid.
    Unshown(Pid),
    /// There is no `/proc`.
    NoProc,
    /// The number is that of a thread.
    Thread {
        /// What was asked for.
        pid: Pid,
        /// The process it belongs to.
        of: Pid,
    },
    /// It runs in the kernel and has no memory of its own.
    KernelThread {
        /// What was asked for.
        pid: Pid,
        /// Its name.
        comm: Fixed<64>,
    },
    /// It has exited and waits for its parent.
    Zombie {
        /// What was asked for.
        pid: Pid,
        /// Its name.
        comm: Fixed<64>,
        /// Who has not collected it.
        parent: u64,
    },
    /// Something else.
    Failed(Error),
}

/// The option by which a process was named: what is to be typed next is named by the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamedBy {
    /// `-p PID`, which every mode has that is about a process.
    Pid,
    /// `--what-if PID=ADJ` of `scores`.
    WhatIf(i64),
}

impl Refusal {
    /// What is said to who named the process so.
    #[must_use]
    pub const fn in_words(&self, by: NamedBy) -> InWords<'_> {
        InWords(self, by)
    }

    /// A file of the process can't be read; without it nothing is known of it.
    pub(super) fn unreadable(dir: &Dir, pid: Pid, name: &[u8], errno: Errno) -> Self {
        // hidepid lets the directory be opened and nothing in it, the way back included: hidepid=1 says EPERM, hidepid=2 ENOENT.
        let hides = || dir.dir(c"..").map_or(true, |proc| proc.hides_others());
        match errno {
            Errno::EPERM if hides() => Self::Hidden(pid),
            Errno::ENOENT => not_shown(pid, hides),
            Errno::ESRCH => Self::NoSuchProcess(pid),
            other => Self::Failed(Error::new("read", path(pid, name).as_bytes(), other)),
        }
    }

    /// Whether the process that had the number has ended, or another has the number now: all that the rest tell is that this one could
    /// not be looked at, and who remembers something of it has to go on remembering.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::NoSuchProcess(_) | Self::Zombie { .. } | Self::Thread { .. } | Self::KernelThread { .. })
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::NoSuchProcess(_) | Self::Zombie { .. } => Exit::Gone,
            _ => Exit::Error,
        }
    }

    /// What to type next.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Hidden(_) => Some(by_right(
                "/proc is mounted with hidepid: run memdoor as root",
                "/proc is mounted with hidepid, and root needs CAP_SYS_PTRACE to see through it: start memdoor with it",
            )),
            Self::Unshown(_) => {
                Some("see what lies over it, or that /proc is this pid namespace's: grep /proc /proc/self/mountinfo")
            }
            Self::NoProc => Some("mount -t proc proc /proc"),
            Self::Failed(error) => error.advice(),
            _ => None,
        }
    }
}

/// Why `/proc/PID` can't be opened.
pub(super) fn cannot_open(proc: &Dir, pid: Pid, errno: Errno) -> Refusal {
    if errno != Errno::ENOENT {
        return Refusal::Failed(Error::new("open", path(pid, b"").as_bytes(), errno));
    }
    if proc.identity(c"self").is_err() {
        return Refusal::NoProc;
    }
    not_shown(pid, || proc.hides_others())
}

/// With hidepid `/proc` has no entry for a process that lives: never conclude "exited" from ENOENT, nor from want of a descriptor or
/// of memory for the look that tells.
fn not_shown(pid: Pid, hides: impl FnOnce() -> bool) -> Refusal {
    match PidFd::open(pid) {
        Ok(_) if hides() => Refusal::Hidden(pid),
        Ok(_) => Refusal::Unshown(pid),
        Err(errno) if limit(errno).is_some() => Refusal::Failed(Error::new("open", path(pid, b"").as_bytes(), errno)),
        Err(_) => Refusal::NoSuchProcess(pid),
    }
}

/// Its stat could not be read, by which it is told from another of its number.
pub(super) fn without_stat(dir: &Dir, pid: Pid, why: Absent) -> Refusal {
    match why {
        Absent::Gone => Refusal::NoSuchProcess(pid),
        why => match why.errno() {
            Some(errno) => Refusal::unreadable(dir, pid, b"stat", errno),
            // It was read, and no system call failed: what is wrong with it is said, and the errno is nobody's.
            None => Refusal::Failed(Error::new("read", path(pid, b"stat").as_bytes(), Errno::EBADMSG).because(why)),
        },
    }
}

fn path(pid: Pid, name: &[u8]) -> Fixed<64> {
    let mut path = Fixed::of(b"/proc/");
    path.push_dec(pid.get());
    if !name.is_empty() {
        path.push(b"/").push(name);
    }
    path
}

/// A refusal in words, for who named the process so.
#[derive(Clone, Copy, Debug)]
pub struct InWords<'a>(&'a Refusal, NamedBy);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // The original's line, which scripts look for.
            Refusal::NoSuchProcess(pid) => {
                write!(f, "ERROR: PID {pid} is not accessible: No such process")
            }
            Refusal::Hidden(pid) => write!(f, "memdoor: PID {pid} exists, but /proc/{pid} is hidden from this user"),
            Refusal::Unshown(pid) => write!(f, "memdoor: PID {pid} exists, but /proc/{pid} does not show it"),
            Refusal::NoProc => f.write_str("memdoor: cannot open /proc/self: no proc file system is mounted on /proc"),
            Refusal::Thread { pid, of } => {
                write!(f, "memdoor: PID {pid} is a thread of process {of}: use ")?;
                match self.1 {
                    NamedBy::Pid => write!(f, "-p {of}"),
                    NamedBy::WhatIf(adj) => write!(f, "--what-if {of}={adj}"),
                }
            }
            Refusal::KernelThread { pid, comm } => {
                write!(
                    f,
                    "memdoor: PID {pid} ({}) is a kernel thread: it has no memory of its own",
                    Called(comm.as_bytes())
                )
            }
            Refusal::Zombie { pid, comm, parent } => {
                let comm = Called(comm.as_bytes());
                write!(
                    f,
                    "memdoor: PID {pid} ({comm}) is a zombie: it has exited, and PID {parent} has not collected it"
                )
            }
            Refusal::Failed(error) => write!(f, "memdoor: {error}"),
        }
    }
}
