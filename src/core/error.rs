//! Why something failed, and why a value is missing.

use core::ffi::CStr;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;

use nix::errno::Errno;

use crate::escape::Escaped;
use crate::fixed::Fixed;
use crate::units::Pid;

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
    /// What is said in place of that, where no system call said it.
    pub why: Option<Absent>,
    /// What to type next.
    pub hint: Option<&'static str>,
}

impl Error {
    /// An error without a hint.
    #[must_use]
    pub fn new(doing: &'static str, path: &[u8], errno: Errno) -> Self {
        Self { doing, path: Fixed::of(path), errno, why: None, hint: None }
    }

    /// Standard output could not be written. Wherever that is said, it is said with what to type.
    #[must_use]
    pub fn of_output(errno: Errno) -> Self {
        Self::new("write", b"standard output", errno).hint(match errno {
            Errno::ENOSPC | Errno::EDQUOT => {
                "what it goes to is full: make room (df shows how much there is), or send it elsewhere: >FILE"
            }
            Errno::EBADF => {
                "it is closed, or not open for writing: give memdoor one: >FILE (in a unit: StandardOutput=)"
            }
            _ => "send it elsewhere: >FILE",
        })
    }

    /// The same error for another reason than the errno.
    #[must_use]
    pub fn because(self, why: Absent) -> Self {
        Self { why: Some(why), ..self }
    }

    /// The same error with what to type next.
    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What to type next. A limit of this process is the cause whatever was tried, so it goes before the hint of the one who tried, but
    /// for who tried to lock memory, which has a limit of its own; the general hint for a permission comes after it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        let of_lock = self.hint.filter(|_| self.doing == "lock");
        of_lock.or(limit(self.errno)).or(self.hint).or(match self.errno {
            Errno::EACCES | Errno::EPERM => Some(by_right("run memdoor as root", self.needs())),
            _ => None,
        })
    }

    /// What root needs for it, who may do anything but what its capabilities were taken for: containers, setpriv(1), user namespaces.
    fn needs(&self) -> &'static str {
        let path = self.path.as_bytes();
        let is_of_process =
            path.strip_prefix(b"/proc/").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit));
        match () {
            () if path.ends_with(b"kmsg") => "root needs CAP_SYSLOG for that: start memdoor with it",
            () if is_of_process => "root needs CAP_SYS_PTRACE for that: start memdoor with it",
            () if self.doing == "write" => "root needs CAP_DAC_OVERRIDE for that: start memdoor with it",
            () => "root needs CAP_DAC_READ_SEARCH for that: start memdoor with it",
        }
    }
}

/// Whether memdoor runs as root. This layer asks the system nothing, so it is told.
static IS_ROOT: AtomicBool = AtomicBool::new(false);

/// memdoor's effective user is root, with these capabilities in its effective set, a bit each.
pub fn runs_as_root(capabilities: u64) {
    CAPABILITIES.store(capabilities, Ordering::Relaxed);
    IS_ROOT.store(true, Ordering::Relaxed);
}

static CAPABILITIES: AtomicU64 = AtomicU64::new(0);

/// Those that a hint may name, by their numbers in include/uapi/linux/capability.h.
const NAMED: [(&str, u32); 5] = [
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_DAC_READ_SEARCH", 2),
    ("CAP_SYS_PTRACE", 19),
    ("CAP_SYS_RESOURCE", 24),
    ("CAP_SYSLOG", 34),
];

/// What is said to root who has all that a hint would name.
const FORBIDDEN: &str = "memdoor has the capabilities for that: a security module (AppArmor, SELinux), a user namespace or a network file \
                         system forbids it";

/// Whether so many capabilities are all that the hint names, and it names one.
fn has_all(hint: &str, capabilities: u64) -> bool {
    let mut named = NAMED.iter().filter(|(name, _)| hint.contains(name)).peekable();
    named.peek().is_some() && named.all(|(_, number)| capabilities >> number & 1 == 1)
}

/// A hint about a right: what is said to a user, and what to root, to whom "run memdoor as root" says nothing. Every hint that
/// says so comes through here. Root is not told to get what it has.
#[must_use]
pub fn by_right(user: &'static str, root: &'static str) -> &'static str {
    match IS_ROOT.load(Ordering::Relaxed) {
        false => user,
        true if has_all(root, CAPABILITIES.load(Ordering::Relaxed)) => FORBIDDEN,
        true => root,
    }
}

/// Whether memory is locked up to a limit. This layer asks the system nothing, so it is told.
static IS_LOCK_LIMITED: AtomicBool = AtomicBool::new(false);

/// Memory is locked from now on and no more than `ulimit -l` has of it, or it is not any more: what is mapped may fail for that.
pub fn locks_up_to_a_limit(is_so: bool) {
    IS_LOCK_LIMITED.store(is_so, Ordering::Relaxed);
}

/// Hints for the errnos that mean a limit of memdoor's own process or of the whole system: nothing was found out about what was tried.
#[must_use]
pub fn limit(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EMFILE => Some("raise the limit of open files: ulimit -n 1024 (in a unit: LimitNOFILE=1024)"),
        Errno::ENFILE => Some("the whole system has too many files open: sysctl fs.file-max"),
        Errno::ENOMEM if IS_LOCK_LIMITED.load(Ordering::Relaxed) => Some(
            "memory is locked, and there is a limit of that; where memory is not short, this process may not have as much: ulimit -l unlimited; ulimit -v unlimited; ulimit -d unlimited (in a unit: LimitMEMLOCK=infinity, LimitAS=infinity, LimitDATA=infinity)",
        ),
        Errno::ENOMEM => Some(
            "where memory is not short, this process may not have as much: ulimit -v unlimited; ulimit -d unlimited (in a unit: LimitAS=infinity, LimitDATA=infinity)",
        ),
        Errno::EFBIG => Some("raise the limit of a file's size: ulimit -f unlimited (in a unit: LimitFSIZE=infinity)"),
        _ => None,
    }
}

/// Why nothing was read of a file that the kernel always has something in.
const EMPTY: &str = "it is empty";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: ", self.doing, Escaped(self.path.as_bytes()))?;
        match self.why {
            // What could not be read stands before it.
            Some(Absent::Empty(_)) => f.write_str(EMPTY),
            Some(why) => why.fmt(f),
            None => Because(self.errno).fmt(f),
        }
    }
}

/// An errno in words: `permission denied (EACCES)`.
#[derive(Clone, Copy, Debug)]
pub struct Because(pub Errno);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, mut buf) = (self.0.desc(), [0; 4]);
        // In the middle of a sentence: "permission denied", but "I/O error".
        let mut letters = words.chars();
        let first = letters.next().unwrap_or_default();
        let is_word = letters.as_str().starts_with(|second: char| second.is_ascii_lowercase());
        let start: &str =
            if is_word { first.to_ascii_lowercase().encode_utf8(&mut buf) } else { first.encode_utf8(&mut buf) };
        write!(f, "{start}{} ({:?})", letters.as_str(), self.0)
    }
}

/// Where a file stands whose reading is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In `/proc/PID` of this process.
    Process(Pid),
    /// In `/proc/PID` of the process that the report is of.
    Target,
    /// In `/proc`.
    Proc,
    /// In the directory of a memory cgroup: the process's own, or one above it.
    Cgroup,
}

/// A file of the kernel's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Where it stands.
    pub place: Place,
    /// Its name there, which may have slashes.
    pub name: &'static CStr,
}

impl Source {
    /// A file of `/proc`.
    #[must_use]
    pub const fn proc(name: &'static CStr) -> Self {
        Self { place: Place::Proc, name }
    }

    /// A file of `/proc/PID`.
    #[must_use]
    pub const fn process(pid: Pid, name: &'static CStr) -> Self {
        Self { place: Place::Process(pid), name }
    }

    /// A file of `/proc/PID` of the process that the report is of.
    #[must_use]
    pub const fn target(name: &'static CStr) -> Self {
        Self { place: Place::Target, name }
    }

    /// A file of a memory cgroup.
    #[must_use]
    pub const fn cgroup(name: &'static CStr) -> Self {
        Self { place: Place::Cgroup, name }
    }

    /// It was tried to be read, and that failed.
    #[must_use]
    pub const fn failed(self, errno: Errno) -> Absent {
        Absent::Unread(self, errno)
    }

    /// It was read, and does not give a value for `line`.
    #[must_use]
    pub const fn lacks(self, line: &'static str) -> Absent {
        Absent::Unlisted(self, line)
    }

    /// It was read, and does not give a value for `line` that the kernel always gives.
    #[must_use]
    pub const fn untrue(self, line: &'static str) -> Absent {
        Absent::Untrue(self, line)
    }

    /// It was read, and nothing is in it, where the kernel always has something.
    #[must_use]
    pub const fn empty(self) -> Absent {
        Absent::Empty(self)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.to_str().unwrap_or("?");
        match self.place {
            Place::Process(pid) => write!(f, "/proc/{pid}/{name}"),
            Place::Target => write!(f, "/proc/PID/{name}"),
            Place::Proc => write!(f, "/proc/{name}"),
            Place::Cgroup => write!(f, "{name} of the control group"),
        }
    }
}

/// Why a value is missing. A missing value is never 0 and never -1.
///
/// A reason says what was seen and no more: which file could not be read and with which errno, or which line a file that was read does not
/// give. That the kernel does not provide something is said only where that was seen ([`Absent::NotProvided`]); an errno alone never
/// means it, as ENOENT may be hidepid, another namespace or a mount over the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absent {
    /// A file could not be read.
    Unread(Source, Errno),
    /// A file was read and does not give a value for this line: the kernel is older than the line, or what stands in the file's place
    /// (lxcfs) does not know it.
    Unlisted(Source, &'static str),
    /// The same of a line that every kernel gives: something else lies over the file, or is in its place, and what it told is lost.
    Untrue(Source, &'static str),
    /// The file is empty. The kernel's never is while what it tells of is there: something else lies over it, or is in its place.
    Empty(Source),
    /// The kernel has no such file, while others that stand beside it in every kernel are there.
    NotProvided(Source),
    /// Something else that was tried failed, as ENOMEM at a cgroup's limit or EMFILE: where this stands says what it was.
    Failed(Errno),
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
    /// It was asked for so long, through another process, and did not answer: its mmap_lock is held.
    Stuck(Duration),
    /// It is dying: a snapshot at its death follows.
    Dying,
    /// The memory set aside for a snapshot at its death is full.
    NoRoom,
    /// The cgroup is mounted elsewhere: this mount or namespace does not show it.
    Hidden,
    /// `/proc` does not show the process to this user: hidepid.
    Hidepid,
    /// `/proc` does not show the process, which lives, and not for hidepid: something lies over it, or it is another pid namespace's.
    Unshown,
    /// No hierarchy with the memory controller is mounted here.
    NotMounted,
    /// It was not looked at.
    NotAsked,
    /// There is no pidfd: Linux before 5.3, or `/proc` is another pid namespace's.
    NoPidfd,
    /// Its first thread has exited, and there is no pidfd of another: Linux before 6.9, or `/proc` is another pid namespace's.
    Leaderless,
    /// Only the parent and a tracer are told, and neither is memdoor.
    NotTold,
    /// No method told what it is.
    Unidentified,
    /// It is compared with what was not known then, or is not now.
    Incomparable,
    /// It is a share of nothing.
    OfNothing,
    /// The kernel's text is not what its documentation says.
    Malformed,
}

impl Absent {
    /// Whether evidence was lost. What the kernel or a zombie does not have is not lost: exit code 4 does not count it.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        match self {
            Self::Unlisted(..) | Self::NotProvided(_) | Self::Exited | Self::NotMounted | Self::NotAsked => false,
            Self::NoPidfd | Self::NotTold | Self::Incomparable | Self::OfNothing => false,
            Self::Failed(errno) => !matches!(errno, Errno::ENOENT | Errno::ENOSYS | Errno::ENOTSUP),
            // Which files a cgroup has depends on the kernel, on its place in the tree and on what its parent has turned on.
            Self::Unread(Source { place: Place::Cgroup, .. }, Errno::ENOENT | Errno::ENOTSUP) => false,
            _ => true,
        }
    }

    /// What the kernel answered, where that is the reason.
    #[must_use]
    pub const fn errno(self) -> Option<Errno> {
        match self {
            Self::Unread(_, errno) | Self::Failed(errno) => Some(errno),
            _ => None,
        }
    }

    /// Whether a right is missing.
    #[must_use]
    pub const fn is_denied(self) -> bool {
        matches!(self, Self::Hidepid) || matches!(self.errno(), Some(Errno::EACCES | Errno::EPERM))
    }

    /// Whether there is none to be read here, which is known: the next file or cgroup may have it.
    #[must_use]
    pub const fn is_lack(self) -> bool {
        matches!(self, Self::Unlisted(..) | Self::NotProvided(_) | Self::Unread(_, Errno::ENOENT))
    }
}

impl From<Errno> for Absent {
    /// What was tried stands beside it.
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ESRCH => Self::Gone,
            other => Self::Failed(other),
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(source, errno) => write!(f, "cannot read {source}: {}", Because(*errno)),
            Self::Unlisted(source, line) | Self::Untrue(source, line) => write!(f, "{source} gives no {line}"),
            Self::Empty(source) => write!(f, "cannot read {source}: {EMPTY}"),
            Self::NotProvided(source) => write!(f, "not provided by this kernel: {source}"),
            Self::Failed(errno) => Because(*errno).fmt(f),
            Self::Gone => f.write_str("the process is gone"),
            Self::InPart => f.write_str("read in part"),
            Self::Changed => f.write_str("it ran another program meanwhile"),
            Self::Exited => f.write_str("a zombie has none"),
            Self::Late => f.write_str("left out: the time for it was up"),
            Self::Stuck(after) => write!(f, "did not answer in {} ms", after.as_millis()),
            Self::Dying => f.write_str("left out: the process is dying"),
            Self::NoRoom => f.write_str("cut: the memory set aside is full"),
            Self::Hidden => f.write_str("not visible from here"),
            Self::Hidepid => f.write_str("hidden from this user (hidepid)"),
            Self::Unshown => f.write_str("there is such a process, but /proc does not show it"),
            Self::NotMounted => f.write_str("no memory controller is mounted here"),
            Self::NotAsked => f.write_str("it was not looked at"),
            Self::NoPidfd => f.write_str("no pidfd: Linux before 5.3, or another pid namespace's /proc"),
            Self::Leaderless => f.write_str(
                "its first thread has exited, and there is no pidfd of another: Linux before 6.9, or another pid namespace's /proc",
            ),
            Self::NotTold => f.write_str("not seen: only its parent and a tracer are told"),
            Self::Unidentified => f.write_str("no table and no descriptor tells"),
            Self::Incomparable => f.write_str("not known then, or not now"),
            Self::OfNothing => f.write_str("a share of 0"),
            Self::Malformed => f.write_str("the kernel's text is malformed"),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn root_is_not_told_to_get_a_capability_that_it_has() {
        let hint = "root needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for it";
        assert!(has_all(hint, u64::MAX) && has_all(hint, 1 << 19 | 1 << 2));
        assert!(!has_all(hint, 1 << 19) && !has_all(hint, 0));
        assert!(!has_all("root needs CAP_SYSLOG for that: start memdoor with it", u64::MAX ^ 1 << 34));
        assert!(!has_all("ulimit -l unlimited", u64::MAX), "it is about none");
    }

    #[test]
    fn an_error_says_what_was_tried_on_which_path_and_why_not() {
        let error = Error::new("open", b"/proc/4242/smaps_rollup", Errno::EACCES);
        assert_eq!(error.to_string(), "cannot open /proc/4242/smaps_rollup: permission denied (EACCES)");
    }

    #[test]
    fn where_locked_memory_has_a_limit_the_hint_names_that_limit_too() {
        let failed = Error::new("map", b"memory", Errno::ENOMEM);
        assert!(failed.advice().is_some_and(|hint| !hint.contains("ulimit -l")));
        locks_up_to_a_limit(true);
        let hint = failed.advice().unwrap_or_default();
        assert!(hint.contains("ulimit -l unlimited") && hint.contains("ulimit -v unlimited"), "{hint}");
        // Who locks knows which limit it was.
        assert_eq!(Error::new("lock", b"memory", Errno::ENOMEM).hint("ulimit -l").advice(), Some("ulimit -l"));
        locks_up_to_a_limit(false);
        assert!(failed.advice().is_some_and(|hint| !hint.contains("ulimit -l")));
    }

    #[test]
    fn an_errno_begins_in_lower_case_unless_it_is_an_abbreviation() {
        assert_eq!(Because(Errno::ENOMEM).to_string(), "out of memory (ENOMEM)");
        assert_eq!(Because(Errno::EIO).to_string(), "I/O error (EIO)");
        assert_eq!(Because(Errno::EBADFD).to_string(), "file descriptor in bad state (EBADFD)");
    }

    #[test]
    fn a_reason_names_the_file_and_its_errno_and_never_guesses_that_the_kernel_lacks_it() {
        let pid = Pid::new(4242).expect("a pid");
        let file = Source::process(pid, c"smaps_rollup");
        let errnos = [Errno::ENOENT, Errno::EACCES, Errno::EPERM, Errno::EMFILE, Errno::ENOSYS, Errno::ENOTSUP];
        for errno in errnos {
            for why in [file.failed(errno), Source::cgroup(c"memory.peak").failed(errno), Absent::from(errno)] {
                let words = why.to_string();
                assert!(words.contains(&std::format!("({errno:?})")), "{words}");
                assert!(!words.contains("not provided"), "{words}");
            }
        }
        assert_eq!(
            file.failed(Errno::EACCES).to_string(),
            "cannot read /proc/4242/smaps_rollup: permission denied (EACCES)"
        );
        assert_eq!(Source::proc(c"meminfo").lacks("MemAvailable").to_string(), "/proc/meminfo gives no MemAvailable");
        assert_eq!(Absent::NotProvided(file).to_string(), "not provided by this kernel: /proc/4242/smaps_rollup");
        assert_eq!(Absent::Failed(Errno::ENOMEM).to_string(), "out of memory (ENOMEM)");
    }

    #[test]
    fn what_the_kernel_does_not_have_is_not_lost_and_what_is_denied_is() {
        let file = Source::target(c"smaps_rollup");
        assert!(!Absent::NotProvided(file).is_loss());
        assert!(!Source::proc(c"meminfo").lacks("MemAvailable").is_loss());
        assert!(!Source::cgroup(c"memory.peak").failed(Errno::ENOENT).is_loss());
        for errno in [Errno::EACCES, Errno::EPERM, Errno::EMFILE, Errno::ENOMEM] {
            assert!(file.failed(errno).is_loss() && Absent::from(errno).is_loss(), "{errno}");
        }
        assert!(file.failed(Errno::ENOENT).is_loss(), "its neighbours may be hidden as well");
        assert!(Absent::from(Errno::EPERM).is_denied() && !Absent::Gone.is_denied());
    }
}
