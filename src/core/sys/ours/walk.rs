//! From a path to a directory that is held open, one name after the other.

extern crate std;

use core::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat};
use nix::unistd::AccessFlags;

use super::{At, Other, Refused, Why, is_trusted};
use crate::fixed::Fixed;
use crate::sys::file::{Dir, readlinkat};
use crate::sys::system::effective_user;
use crate::sys::{Errno, Result, filesystem};

/// What is done about a directory that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// It is an error.
    Refuse,
    /// The last one of the path is made, for its owner only.
    Make,
}

/// Where a file is: its directory, held open, and its name there.
#[derive(Debug)]
pub struct Place {
    dir: Dir,
    name: Fixed<256>,
}

impl Place {
    /// Opens the directories of `path`, and not what has the last name.
    pub fn of(path: &CStr) -> core::result::Result<Self, Refused> {
        let walk = PathWalk::new(path.to_bytes(), Care::Links).map_err(|errno| Why::from(errno).at(path))?;
        walk.place(End::Itself).map(|(place, _)| place)
    }

    /// The directory and the name.
    pub fn at(&self) -> Result<At<'_>> {
        Ok(At { dir: &self.dir, name: self.name.as_c_str().ok_or(Errno::ENAMETOOLONG)? })
    }
}

/// Whether nothing can be made at `path`, by the nearest directory above it that is there: its file system is mounted read-only.
#[must_use]
pub fn is_on_read_only(path: &[u8]) -> bool {
    let mut path = path;
    loop {
        let text = if path.is_empty() { &b"/"[..] } else { path };
        if let Ok(of) = nix::sys::statvfs::statvfs(text) {
            return of.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY);
        }
        match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => path = path.get(..slash).unwrap_or_default(),
            None => return false,
        }
    }
}

/// Whether a directory may be made at `path` by this user: in the nearest one above it that is there, access(2).
#[must_use]
pub fn may_make(path: &[u8]) -> bool {
    let mut path = path;
    loop {
        let text = if path.is_empty() { &b"/"[..] } else { path };
        match nix::unistd::access(text, AccessFlags::W_OK | AccessFlags::X_OK) {
            Err(Errno::ENOENT) => {}
            done => return done.is_ok(),
        }
        match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => path = path.get(..slash).unwrap_or_default(),
            None => return true,
        }
    }
}

/// Whether the working directory has been removed: it is still there for who is in it, and nothing can be made in it.
#[must_use]
pub fn is_here_removed() -> bool {
    open_dir(c".").and_then(fstat).is_ok_and(|stat| stat.st_nlink == 0)
}

/// Opens the directory `path`. A link on the way, the last name included, must belong to root or to who runs memdoor. Nothing is made
/// where a link leads: what a dangling one names somebody may have had a reason to remove.
pub fn directory(path: &CStr, missing: Missing) -> core::result::Result<Dir, Refused> {
    let mut walk = PathWalk::new(path.to_bytes(), Care::Links).map_err(|errno| Why::from(errno).at(path))?;
    walk.missing = missing;
    while let Some(name) = walk.next_name()? {
        walk.enter(&name).map_err(|refused| match (&walk.last_link, refused.why) {
            (Some(link), Why::Failed(Errno::ENOENT)) if missing == Missing::Make => {
                Refused { at: link.clone(), why: Why::LinkToNothing }
            }
            _ => refused,
        })?;
    }
    Ok(Dir::of(walk.dir))
}

/// What is looked at on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Care {
    /// Who has made a link.
    Links,
    /// The same, and who may put another file in the place of the one that is looked for.
    Directories,
}

/// What is done with a link that has the last name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// It is the place itself.
    Itself,
    /// It is one more part of the way.
    Followed,
}

/// So many links are followed: path_resolution(7).
const LINKS: u8 = 40;

/// A path that is walked.
pub(super) struct PathWalk {
    dir: OwnedFd,
    /// What is still to be walked.
    rest: Fixed<4096>,
    /// What was walked so far, for words.
    walked: Fixed<512>,
    links: u8,
    care: Care,
    missing: Missing,
    /// The first link that had the last name, once it is followed.
    last_link: Option<Fixed<512>>,
    unsafe_part: Option<Refused>,
}

type Name = Fixed<256>;

impl PathWalk {
    pub(super) fn new(path: &[u8], care: Care) -> Result<Self> {
        let rest = Fixed::of(path);
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if rest.is_cut() {
            return Err(Errno::ENAMETOOLONG);
        }
        let start = if path.starts_with(b"/") { c"/" } else { c"." };
        // What would be tried in it fails in one way or another: O_TMPFILE with EPERM.
        if start == c"." && is_here_removed() {
            return Err(Errno::ENOENT);
        }
        Ok(Self {
            dir: open_dir(start)?,
            rest,
            walked: Fixed::new(),
            links: 0,
            care,
            missing: Missing::Refuse,
            last_link: None,
            unsafe_part: None,
        })
    }

    /// Walks to the directory of the last name. What is unsafe about the way comes with it: it does not matter when nothing is there.
    pub(super) fn place(mut self, end: End) -> core::result::Result<(Place, Option<Refused>), Refused> {
        loop {
            let is_directory = self.rest.as_bytes().ends_with(b"/");
            let Some(name) = self.next_name()? else {
                return Err(self.refused(Why::Is(Other::Directory)));
            };
            if !self.rest.as_bytes().is_empty() {
                self.enter(&name)?;
                continue;
            }
            if is_directory || matches!(name.as_bytes(), b"." | b"..") {
                let why = self.open(&name).map_or_else(Why::Failed, |_| Why::Is(Other::Directory));
                return Err(self.refused(why));
            }
            let Some(link) = self.link(&name).filter(|_| end == End::Followed) else {
                self.check_directory()?;
                return Ok((Place { dir: Dir::of(self.dir), name }, self.unsafe_part));
            };
            self.follow(&name, &link)?;
        }
    }

    /// The next name, taken off the rest; `None` at its end.
    fn next_name(&mut self) -> core::result::Result<Option<Name>, Refused> {
        let rest = self.rest.as_bytes();
        let is_slash = |byte: &u8| *byte == b'/';
        let start = rest.iter().position(|byte| !is_slash(byte));
        let Some(start) = start else {
            self.note_walked(b"/");
            return Ok(None);
        };
        let rest = &rest[start..];
        let length = rest.iter().position(is_slash).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        let more = behind.iter().position(|byte| !is_slash(byte)).map_or(&b""[..], |at| &behind[at..]);
        let (name, rest) = (Name::of(name), Fixed::of(more));
        let was_root = start > 0;
        if was_root || !self.walked.as_bytes().is_empty() {
            self.note_walked(b"/");
        }
        self.walked.push(name.as_bytes());
        self.rest = rest;
        if name.is_cut() {
            return Err(self.refused(Errno::ENAMETOOLONG.into()));
        }
        Ok(Some(name))
    }

    fn note_walked(&mut self, slash: &[u8]) {
        if !self.walked.as_bytes().ends_with(b"/") {
            self.walked.push(slash);
        }
    }

    /// Goes into a directory, or along a link.
    fn enter(&mut self, name: &Name) -> core::result::Result<(), Refused> {
        let opened = match self.open(name) {
            Err(Errno::ENOENT) if self.may_make() => self.make(name),
            opened => opened,
        };
        let fd = opened.map_err(|errno| self.refused(errno.into()))?;
        let stat = fstat(&fd).map_err(|errno| self.refused(errno.into()))?;
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => {
                self.check_directory()?;
                self.dir = fd;
                Ok(())
            }
            SFlag::S_IFLNK => self.follow(name, &fd),
            _ => Err(self.refused(Errno::ENOTDIR.into())),
        }
    }

    fn open(&self, name: &Name) -> Result<OwnedFd> {
        let name = name.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
        openat(&self.dir, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
    }

    fn may_make(&self) -> bool {
        self.missing == Missing::Make && self.rest.as_bytes().is_empty() && self.last_link.is_none()
    }

    fn make(&self, name: &Name) -> Result<OwnedFd> {
        match mkdirat(&self.dir, name.as_c_str().ok_or(Errno::ENAMETOOLONG)?, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => self.open(name),
            Err(errno) => Err(errno),
        }
    }

    /// What has this name, if it is a link.
    fn link(&self, name: &Name) -> Option<OwnedFd> {
        let fd = self.open(name).ok()?;
        let is_link = fstat(&fd).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFLNK);
        is_link.then_some(fd)
    }

    /// Goes on along a link, which is held open: what it says is read from that very link.
    fn follow(&mut self, name: &Name, link: &OwnedFd) -> core::result::Result<(), Refused> {
        let stat = fstat(link).map_err(|errno| self.refused(errno.into()))?;
        if !is_trusted(stat.st_uid) {
            return Err(self.refused(Why::LinkOf(stat.st_uid)));
        }
        self.links += 1;
        if self.links > LINKS {
            return Err(self.refused(Errno::ELOOP.into()));
        }
        self.check_directory()?;
        if self.rest.as_bytes().is_empty() && self.last_link.is_none() {
            self.last_link = Some(self.walked.clone());
        }
        let next = if is_of_proc(link) { self.jump(name) } else { self.read(link) };
        next.map_err(|errno| self.refused(errno.into()))
    }

    /// Replaces the link by what it says.
    fn read(&mut self, link: &OwnedFd) -> Result<()> {
        let mut buf = [0; 4096];
        let mut text = Fixed::of(readlinkat(link.as_raw_fd(), c"", &mut buf)?);
        if !self.rest.as_bytes().is_empty() {
            text.push(b"/").push(self.rest.as_bytes());
        }
        if text.is_cut() {
            return Err(Errno::ENAMETOOLONG);
        }
        if text.as_bytes().starts_with(b"/") {
            self.dir = open_dir(c"/")?;
            self.walked.clear();
        } else {
            self.walked = Fixed::of(self.parent());
        }
        self.rest = text;
        Ok(())
    }

    /// A link of /proc leads to the very directory, whatever its text says: /proc/PID/root of a container reads `/`.
    fn jump(&mut self, name: &Name) -> Result<()> {
        let name = name.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
        self.dir = openat(&self.dir, name, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(())
    }

    /// Notes whether somebody else may put something in the place of what is in the directory.
    fn check_directory(&mut self) -> core::result::Result<(), Refused> {
        if self.care == Care::Links || self.unsafe_part.is_some() || effective_user() != 0 {
            return Ok(());
        }
        let stat = fstat(&self.dir).map_err(|errno| self.refused(errno.into()))?;
        let why = if !is_trusted(stat.st_uid) {
            Why::Owner(stat.st_uid)
        } else if is_open_to_others(&stat) && !is_read_only(&self.dir) {
            Why::Writable(stat.st_mode & 0o7777)
        } else {
            return Ok(());
        };
        let parent = if self.parent().is_empty() { b"." } else { self.parent() };
        self.unsafe_part = Some(Refused { at: Fixed::of(parent), why });
        Ok(())
    }

    /// What was walked before the last name.
    fn parent(&self) -> &[u8] {
        let walked = self.walked.as_bytes();
        let slash = walked.iter().rposition(|byte| *byte == b'/');
        slash.map_or(&b""[..], |at| &walked[..at.max(1)])
    }

    fn refused(&self, why: Why) -> Refused {
        Refused { at: self.walked.clone(), why }
    }
}

fn open_dir(path: &CStr) -> Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Whether it has a link's text from procfs.
fn is_of_proc(link: &OwnedFd) -> bool {
    filesystem::kind(link) == filesystem::Kind::Proc
}

/// With the sticky bit others may add files, and neither rename nor remove those of root.
const fn is_open_to_others(stat: &FileStat) -> bool {
    super::may_others_write(stat) && stat.st_mode & libc::S_ISVTX == 0
}

/// Where nothing can be written the permissions do not matter: volumes of Kubernetes are 0777, and mounted read-only.
pub(super) fn is_read_only(file: impl AsFd) -> bool {
    use nix::sys::statvfs::{FsFlags, fstatvfs};
    fstatvfs(file).is_ok_and(|of| of.flags().contains(FsFlags::ST_RDONLY))
}
