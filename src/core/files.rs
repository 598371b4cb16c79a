//! Why a file is not written to, or not believed, in words. The rules are those of [`crate::sys::ours`].

use core::ffi::CStr;
use core::fmt::{Display, Formatter, Result};

use crate::error::{Because, limit};
use crate::exit::Exit;
use crate::report::escape::Escaped;
use crate::shell;
use crate::sys::file::{Dir, link_at};
use crate::sys::filesystem::{self, kind_at};
use crate::sys::ours::{Kind, Other, Refused, Why, is_here_removed, is_on_read_only, may_make};
use crate::sys::out::say;
use crate::sys::{Errno, harden, system};

/// A file that was refused, and what it was to be.
#[derive(Clone, Debug)]
pub struct Unusable<'a> {
    /// The verb: "write", "read".
    pub doing: &'static str,
    /// The path as it was given.
    pub path: &'a [u8],
    /// What it was to be: `state of memdoor dmesg`.
    pub name: &'static str,
    /// The option that names such a file: `--since-last FILE`.
    pub option: &'static str,
    /// What is in the way.
    pub refused: Refused,
}

impl<'a> Unusable<'a> {
    /// Of a file of this kind.
    #[must_use]
    pub fn of(kind: &Kind, doing: &'static str, path: &'a CStr, refused: Refused) -> Self {
        Self { doing, path: path.to_bytes(), name: kind.name, option: kind.option, refused }
    }

    /// Says so, with what to type.
    pub fn say(&self) -> Exit {
        say(format_args!("memdoor: {self}"));
        say(format_args!("hint: {}", self.hint()));
        Exit::Error
    }

    /// The hint of its sentence.
    #[must_use]
    pub const fn hint(&self) -> Hint<'_> {
        Hint(self)
    }

    /// Whether it is about the file itself and not about a part of the way to it.
    fn is_of_file(&self) -> bool {
        self.refused.at.is_cut() || self.refused.at.as_bytes() == self.path
    }
}

impl Unusable<'_> {
    /// Whether it is about an old one beside it, as `log.1`: another name would do, and so would another place for that.
    fn is_of_old(&self) -> bool {
        let number = self.refused.at.as_bytes().strip_prefix(self.path).and_then(|rest| rest.strip_prefix(b"."));
        number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
    }

    /// Whether it is about the working directory, which has been removed: nothing can be made there.
    fn is_nowhere(&self) -> bool {
        self.refused.why == Why::Failed(Errno::ENOENT) && !self.path.starts_with(b"/") && is_here_removed()
    }

    /// Whether it is about a link of `/proc/self/fd` to a pipe, as `/dev/stdin` and a shell's `<(command)` are: no path leads to what is
    /// behind it, and readlink(1) finds none.
    fn is_pipe(&self) -> bool {
        let at = if self.is_of_file() { self.path } else { self.refused.at.as_bytes() };
        self.refused.why == Why::Is(Other::Link) && kind_at(at) == filesystem::Kind::Pipes
    }

    /// Whether it is about a name of a descriptor of memdoor's own, as `/dev/stdin` is one: typed in a shell it is that shell's.
    fn is_descriptor(&self) -> bool {
        let at = if self.is_of_file() { self.path } else { self.refused.at.as_bytes() };
        let is_name_of_one = |path: &[u8]| [&b"/proc/"[..], b"/dev/fd/"].iter().any(|start| path.starts_with(start));
        let mut buf = [0; 256];
        is_name_of_one(at) || link_at(at, &mut buf).is_ok_and(is_name_of_one)
    }

    /// Whether it is about a directory that the path names before its last name.
    fn is_on_the_way(&self) -> bool {
        let behind = self.path.strip_prefix(self.refused.at.as_bytes());
        behind.is_some_and(|rest| rest.starts_with(b"/") && rest.iter().any(|byte| *byte != b'/'))
    }
}

impl Display for Unusable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "cannot {} {}: ", self.doing, Escaped(self.path))?;
        if !self.is_of_file() {
            write!(f, "{}: ", Escaped(self.refused.at.as_bytes()))?;
        }
        match self.refused.why {
            Why::Failed(errno) if self.is_nowhere() => {
                write!(f, "the working directory was removed: {}", Because(errno))
            }
            Why::Failed(errno) => Because(errno).fmt(f),
            Why::Is(Other::Link) if self.is_pipe() => f.write_str("it is a pipe, and no regular file"),
            Why::Is(Other::Link) => f.write_str("it is a symbolic link, and links are not followed"),
            Why::Is(other) => write!(f, "it is {}, and no regular file", kind(other)),
            Why::Names(count) => write!(f, "it has {count} names (hard links), and would change under all of them"),
            Why::Kernel => f.write_str("it is a file of the kernel's, which is on no disk"),
            Why::Foreign => write!(f, "what is there is no {}, and stays as it is", self.name),
            Why::Owner(user) => write!(f, "it belongs to another user (UID {user})"),
            Why::LinkToNothing => {
                f.write_str("it is a symbolic link to what is not there, and nothing is made where a link leads")
            }
            Why::LinkOf(user) => write!(f, "a symbolic link of another user (UID {user}) is not followed"),
            Why::Writable(mode) => write!(f, "others than its owner may write to it (mode {mode:04o})"),
            Why::Busy => f.write_str("another memdoor is using it"),
        }
    }
}

const fn kind(other: Other) -> &'static str {
    match other {
        Other::Link => "a symbolic link",
        Other::Directory => "a directory",
        Other::CharacterDevice => "a character device",
        Other::BlockDevice => "a block device",
        Other::Fifo => "a FIFO",
        Other::Socket => "a socket",
    }
}

/// What to type about a unusable.
#[derive(Clone, Copy, Debug)]
pub struct Hint<'a>(&'a Unusable<'a>);

impl Display for Hint<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Unusable { doing, option, refused, path, .. } = self.0;
        // A limit of this process is the cause whatever was tried: another place would be no better.
        if let Why::Failed(errno) = refused.why
            && let Some(hint) = limit(errno)
        {
            if errno == Errno::EMFILE
                && let Some(limit) = harden::open_files_limit()
            {
                write!(f, "memdoor may have {limit} files open, and {} are enough: ", harden::OPEN_FILES)?;
            }
            return f.write_str(hint);
        }
        let at = Typed(if self.0.is_of_file() { path } else { refused.at.as_bytes() });
        match refused.why {
            _ if self.0.is_nowhere() => {
                write!(f, "cd to another directory, or name a path that begins with /: {option}")
            }
            Why::Is(_) | Why::Names(_) | Why::Foreign if self.0.is_of_old() => {
                write!(f, "move {at} away, or name another file: {option}")
            }
            Why::Owner(_) => write!(f, "chown {} {at}", system::effective_user()),
            Why::LinkToNothing => write!(f, "make the directory that it leads to: readlink -m {at} shows it"),
            Why::LinkOf(_) => write!(f, "name the path without that link: readlink -f {at} shows where it leads"),
            Why::Writable(_) => write!(f, "chmod go-w {at}"),
            Why::Is(Other::Link) if self.0.is_pipe() && *doing == "read" => {
                write!(f, "write what comes through it to a file (command >FILE), and name that: {option}")
            }
            Why::Is(Other::Link) if self.0.is_pipe() => write!(f, "name a file that is on a disk: {option}"),
            Why::Is(Other::Link) if self.0.is_descriptor() => {
                write!(f, "name the file itself, and not the descriptor that it is open as: {option}")
            }
            Why::Is(Other::Link) => write!(f, "name the file that it leads to: readlink -f {at} shows it"),
            Why::Busy => write!(f, "wait until that one has ended, or name another file: {option}"),
            Why::Failed(_) | Why::Is(_) | Why::Names(_) | Why::Foreign if *doing == "read" => {
                write!(f, "name another file: {option}")
            }
            // /run is made by who mounts it: where it is not there, nobody keeps anything in it.
            Why::Failed(Errno::ENOENT)
                if self.0.is_on_the_way() && (parent(path) == b"/run" || is_on_read_only(parent(path))) =>
            {
                write!(f, "name a place on a file system that can be written to: {option}")
            }
            Why::Failed(Errno::ENOENT) if self.0.is_on_the_way() && !may_make(parent(path)) => {
                write!(f, "name a place where this user may write: {option}")
            }
            Why::Failed(Errno::ENOENT) if self.0.is_on_the_way() => write!(f, "mkdir -p {}", Typed(parent(path))),
            Why::Failed(_) | Why::Kernel => write!(f, "name another place: {option}"),
            Why::Is(_) | Why::Names(_) | Why::Foreign => {
                write!(f, "name a file that is not there yet, or that memdoor has written: {option}")
            }
        }
    }
}

fn parent(path: &[u8]) -> &[u8] {
    let is_slash = |byte: &u8| *byte == b'/';
    let end = path.iter().rposition(|byte| !is_slash(byte)).map_or(0, |last| last + 1);
    let slash = path.get(..end).unwrap_or_default().iter().rposition(is_slash);
    slash.and_then(|slash| path.get(..slash)).filter(|path| !path.is_empty()).unwrap_or(b"/")
}

/// A path as a shell takes it.
struct Typed<'a>(&'a [u8]);

impl Display for Typed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        shell::Path(self.0).fmt(f)
    }
}

/// Where a directory is that was opened long ago, and may have been renamed since: it is held, and not its path, which may lead to another
/// one by now. Whoever names a file in it at the end asks here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Where<'p> {
    /// There.
    AsTyped(&'p [u8]),
    /// Here.
    Moved(&'p [u8]),
    /// Not there.
    Unknown,
}

impl<'p> Where<'p> {
    /// Where `dir` is, which was opened as `typed`; `proc` is the own `/proc`.
    pub fn of(dir: &Dir, typed: &'p CStr, proc: &Dir, buf: &'p mut [u8]) -> Self {
        let is_same = match (Dir::open(typed).and_then(|there| there.identity(c".")), dir.identity(c".")) {
            (Ok(there), Ok(own)) => there == own,
            _ => false,
        };
        if is_same {
            let path = typed.to_bytes();
            return Self::AsTyped(path.strip_suffix(b"/").unwrap_or(path));
        }
        let room = buf.len();
        match dir.path_now(proc, buf) {
            // A path that was cut, or of what is no more, leads nowhere.
            Ok(path) if path.len() < room && !path.ends_with(b" (deleted)") => Self::Moved(path),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fixed::Fixed;
    use std::string::ToString;

    #[test]
    fn where_no_directory_can_be_made_another_place_is_named() {
        let hint = |path: &[u8], at: &[u8]| {
            let refused = Refused { at: Fixed::of(at), why: Why::Failed(Errno::ENOENT) };
            let option = "--state FILE";
            Unusable { doing: "write", path, name: "state", option, refused }.hint().to_string()
        };
        let elsewhere = "name a place on a file system that can be written to: --state FILE";
        assert_eq!(hint(b"/run/memdoor-protect.state", b"/run"), elsewhere);
        assert_eq!(hint(b"/tmp/none/state", b"/tmp/none"), "mkdir -p /tmp/none");
        let old = Refused { at: Fixed::of(b"/tmp/log.1"), why: Why::Is(Other::Link) };
        let log = Unusable { doing: "write", path: b"/tmp/log", name: "log", option: "--log-file PATH", refused: old };
        assert_eq!(log.hint().to_string(), "move /tmp/log.1 away, or name another file: --log-file PATH");
        assert_eq!(hint("/tmp/größe/state".as_bytes(), "/tmp/größe".as_bytes()), "mkdir -p '/tmp/größe'");
    }
}
