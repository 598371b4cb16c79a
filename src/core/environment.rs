//! What memdoor needs of where it runs, looked at once before anything else: what is not there, and what to type.
//!
//! A reader that fails for want of a descriptor, or an empty `/proc`, looks like a machine without processes, and "no process to change" or
//! "nobody may be chosen" is then a lie. So the causes that concern all readers alike are told here, by one sentence and exit code 1
//! (`check`: UNKNOWN, 3), and readers tell of the rest. tests/all/environment.rs has each mode under each of them.

use core::fmt;

use crate::error::{Absent, Because, Error, Source, by_right, limit, locks_up_to_a_limit, runs_as_root};
use crate::exit::Exit;
use crate::host::Host;
use crate::parse::meminfo::Meminfo;
use crate::refusal::say_hint;
use crate::report::json::Envelope;
use crate::sys::file::Dir;
use crate::sys::harden::{self, Depth, StackTooSmall};
use crate::sys::out::say;
use crate::sys::{Errno, system, zone};

/// Descriptors for one look at the machine: a directory, a listing, and a few files.
pub const FEW: usize = 8;

/// Descriptors of a mode that stays and keeps its files open: `monitor` and `kill`.
pub const MANY: usize = 32;

/// Open files that a watch with a record has, of a process so many cgroups below the root: 28 and 8 for each cgroup on 2026-11-30 (cgroup
/// v1, with swap), and 8 for what a snapshot opens and closes. A watch without one leaves out what can't be opened; a record is not among
/// what may be left out, and it is opened last.
const fn of_record(levels: usize) -> usize {
    36 + 8 * levels
}

/// Those of them that are open once the target is: three streams, /proc, meminfo, and five of the target.
const OPEN_BY_THEN: usize = 10;

/// Makes sure of the descriptors of a watch with a record before it is armed: else its end would come when all else is ready.
pub fn can_record(proc: &Dir, levels: usize) -> Result<(), Exit> {
    let needed = of_record(levels);
    proc.can_be_held(needed - OPEN_BY_THEN).map_err(|errno| Unfit::Record(needed, errno).fail())
}

/// Why the machine can't be looked at.
#[derive(Debug)]
pub enum Unfit {
    /// Something can't be opened.
    Failed(Error),
    /// A file of `/proc` that the mode can't do without tells nothing.
    Unread(Absent),
    /// `/proc` is there, and empty.
    NotMounted,
    /// `/proc` shows processes only: subset=pid (Linux 5.8).
    Subset,
    /// `/proc` has other numbers for processes than memdoor's own pid namespace.
    Foreign,
    /// So many files can't be open at once.
    Files(usize, Errno),
    /// So many files can't be kept open, which a record takes.
    Record(usize, Errno),
    /// So many bytes can't be allocated.
    Memory(usize),
    /// The stack can't grow as far as it will.
    Stack(StackTooSmall),
}

impl Unfit {
    /// The hint of its sentence.
    ///
    /// `mount -t proc proc /proc` is said only where no proc is mounted there. Where one is, as in a pid namespace that shares the mounts
    /// of its host, it would lie over the host's own for all of the host's processes.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Failed(error) => error.advice(),
            Self::Unread(why) => match why.errno() {
                Some(errno) => Error::new("read", b"", errno).advice(),
                // Containers put files of their own over it, as lxcfs does.
                None => Some("the kernel's own is below what lies over it: umount /proc/meminfo"),
            },
            Self::NotMounted => Some("mount -t proc proc /proc"),
            Self::Subset => Some(
                "show all of it to memdoor alone: unshare --mount sh -c 'mount -t proc proc /proc && exec memdoor ...'",
            ),
            Self::Foreign => {
                Some("start memdoor with a /proc of its own: unshare --pid --fork --mount-proc memdoor ...")
            }
            Self::Files(_, errno) | Self::Record(_, errno) => limit(*errno),
            Self::Stack(StackTooSmall::Stack { .. }) => Some("ulimit -s 8192 (in a unit: LimitSTACK=8M)"),
            Self::Memory(_) | Self::Stack(StackTooSmall::Space { .. }) => limit(Errno::ENOMEM),
        }
    }

    /// Says it on standard error.
    pub fn fail(&self) -> Exit {
        say(format_args!("memdoor: {self}"));
        say_hint(self.hint());
        Exit::Error
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Unread(why) => why.fmt(f),
            Self::NotMounted => f.write_str("cannot open /proc/self: no proc file system is mounted on /proc"),
            Self::Subset => {
                f.write_str("cannot open /proc/meminfo: /proc is mounted to show processes only (subset=pid)")
            }
            Self::Foreign => {
                f.write_str("/proc is of another pid namespace: its numbers mean other processes to memdoor")
            }
            Self::Files(count, errno) => write!(f, "cannot open {count} more files at once: {}", Because(*errno)),
            Self::Record(count, errno) => {
                write!(f, "cannot keep {count} files open, as a watch with a record does: {}", Because(*errno))
            }
            Self::Memory(size) => write!(f, "cannot allocate {size} bytes: {}", Because(Errno::ENOMEM)),
            Self::Stack(StackTooSmall::Stack { limit, needed }) => {
                write!(f, "cannot grow the stack to {} KiB: its limit is {} KiB", needed >> 10, limit >> 10)
            }
            Self::Stack(StackTooSmall::Space { limit }) => {
                let why = Because(Errno::ENOMEM);
                write!(f, "cannot grow the stack: the address space is limited to {} KiB: {why}", limit >> 10)
            }
        }
    }
}

/// Looks for limits of this process that would end it in the middle: the stack for one look, and the first few descriptors, which the
/// configuration takes. It comes before the command line is read.
pub fn settle() -> Result<(), Unfit> {
    /// Standard streams apart.
    const FIRST: usize = 3;
    if system::effective_user() == 0 {
        runs_as_root(system::capabilities());
    }
    zone::settle();
    harden::secure_stack(Depth::Look).map_err(Unfit::Stack)?;
    // For every mode, so that a limit of the size of files is an error with a text.
    crate::sys::signal::ignore_file_size_limit();
    // As many as may be had; what then can't be opened is told by who opens it.
    let _ = harden::raise_file_limit();
    let root = Dir::open(c"/").map_err(|errno| Unfit::Files(FIRST, errno))?;
    root.can_be_held(FIRST).map_err(|errno| Unfit::Files(FIRST, errno))
}

/// Says that there is no memory for an allocation: for [`crate::sys::heap::Failed`].
#[must_use]
pub fn no_memory(size: usize) -> i32 {
    Unfit::Memory(size).fail() as i32
}

/// Why there is no room for a table of processes: the address space is limited, which is said before anything is looked at.
pub fn no_room(errno: Errno) -> Unfit {
    Unfit::Failed(Error::new("reserve", b"memory for the table of processes", errno))
}

/// Makes sure of the stack of a mode that stays: `watch`, `kill` and `monitor`.
pub fn deepen() -> Result<(), Exit> {
    harden::secure_stack(Depth::Armed).map_err(|why| Unfit::Stack(why).fail())
}

/// How memory is locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Locked {
    /// All that is mapped.
    All,
    /// Each page once it is touched.
    Touched,
}

/// Locks memory once all is armed: what is mapped later may meet the limit, and the hint of its error names that limit then.
pub fn lock(what: Locked) -> Result<(), Errno> {
    let locked = match what {
        Locked::All => harden::lock_memory(),
        Locked::Touched => harden::lock_what_is_touched(),
    };
    locks_up_to_a_limit(locked.is_ok() && harden::is_lock_limited());
    locked
}

/// What to type where memory can't be locked, and is not.
pub fn unlocked(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOMEM if !harden::has_room_to_lock() => {
            "its address space is limited: ulimit -v unlimited; ulimit -d unlimited (in a unit: LimitAS=infinity, LimitDATA=infinity)"
        }
        _ => "run as root or with CAP_IPC_LOCK, or raise the limit: ulimit -l unlimited",
    }
}

/// Says that memory is not locked: without that a mode works all the same.
pub fn say_unlocked(errno: Errno) {
    let (because, hint) = (Because(errno), unlocked(errno));
    say(format_args!(
        "memdoor: warning: cannot lock memory: {because}; it may be slow to wake under pressure ({hint})"
    ));
}

/// The machine behind `/proc`, with so many descriptors to spare.
pub fn open(descriptors: usize) -> Result<Host, Unfit> {
    let host = Host::open(c"/proc").map_err(Unfit::Failed)?;
    host.proc.can_be_held(descriptors).map_err(|errno| Unfit::Files(descriptors, errno))?;
    check_proc(&host.proc)?;
    Ok(host)
}

/// Whether it is a `/proc`, of memdoor's own pid namespace, that can be read. Fixtures in its place are no proc file system, and are
/// believed when they have a meminfo.
fn check_proc(proc: &Dir) -> Result<(), Unfit> {
    if proc.is_proc() {
        // The link has the reader's number in the pid namespace of this mount, and is not there when the reader has none in it.
        let mut buf = [0; 16];
        match proc.link(c"self", &mut buf) {
            Ok(number) if crate::parse::dec(number) == Some(system::own_pid()) => {}
            Ok(_) | Err(Errno::ENOENT) => return Err(Unfit::Foreign),
            Err(errno) => return Err(Unfit::Failed(Error::new("read", b"/proc/self", errno))),
        }
    }
    match proc.file(c"meminfo") {
        Ok(_) => Ok(()),
        Err(Errno::ENOENT) if proc.is_proc() => Err(Unfit::Subset),
        Err(Errno::ENOENT) => Err(Unfit::NotMounted),
        Err(errno) => Err(Unfit::Failed(Error::new("read", b"/proc/meminfo", errno))),
    }
}

/// Whether `/proc` shows the processes of other users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Others {
    /// Processes of all users are listed.
    Shown,
    /// It is mounted with hidepid, and memdoor has not the right to see through that.
    Hidden,
}

impl Others {
    /// Which it is now.
    pub fn of(proc: &Dir) -> Self {
        if proc.hides_others() { Self::Hidden } else { Self::Shown }
    }

    /// Looks, and says that they are hidden: on standard error, and in each line of JSON. Every mode that is about all processes comes
    /// through here.
    pub fn say(proc: &Dir, envelope: &mut Envelope) -> Self {
        let others = Self::of(proc);
        if others == Self::Hidden {
            envelope.others = Some(Absent::Hidepid);
            say(format_args!("memdoor: warning: /proc hides processes of other users (hidepid): they are left out"));
            say_hint(Some(by_right(
                "run memdoor as root",
                "root needs CAP_SYS_PTRACE for that: start memdoor with it",
            )));
        }
        others
    }

    /// The sentence over what is said of all processes, in text: without it a list of the largest is one of somebody's own.
    pub const fn caveat(self) -> &'static str {
        match self {
            Self::Shown => "",
            Self::Hidden => "NOT SEEN: processes of other users (hidepid); one of them may come first",
        }
    }

    /// `exit` of a mode that is about all processes: without those of others it is done in part.
    pub fn qualify(self, exit: Exit) -> Exit {
        match self {
            Self::Shown => exit,
            Self::Hidden => exit.worse(Exit::Partial),
        }
    }
}

/// What to type where no hierarchy with the memory controller is mounted.
pub const MOUNT: &str = "mount it: mount -t cgroup2 none /sys/fs/cgroup (v1: mount -t cgroup -o memory none /sys/fs/cgroup/memory); in a \
                                chroot: mount --rbind /sys sys";

/// What a mode says that has no room for its tables.
pub fn fail_no_room(errno: Errno) -> Exit {
    no_room(errno).fail()
}

/// What a mode says of a file of the machine that it can't do without.
pub fn fail_meminfo(why: Absent) -> Exit {
    Unfit::Unread(why).fail()
}

/// Memory of the system, of which a mode must know how much there is and how much is used: a mode that stays would else look for ever
/// at what says nothing, as if nothing was wrong.
///
/// `is_available_known`: whether that is enough for the mode.
pub fn memory(host: &mut Host, is_available_known: impl FnOnce(&Meminfo) -> bool) -> Result<Meminfo, Unfit> {
    let meminfo = host.meminfo().map_err(Unfit::Unread)?;
    if !is_available_known(&meminfo) {
        return Err(Unfit::Unread(Source::proc(c"meminfo").lacks("MemAvailable")));
    }
    Ok(meminfo)
}
