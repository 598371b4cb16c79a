//! What a process is called: read only as far as the question needs it.

use core::cell::RefMut;

use crate::essential::{self, Owner};
use crate::families::{self, Family};
use crate::fixed::Fixed;
use crate::parse::cgroup::{is_below, memory_cgroup};
use crate::parse::spaced;
use crate::parse::{stat, status};
use crate::pattern::{self, Field, Pattern, TEXT_MAX};
use crate::processes::reader::Reader;
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::system;
use crate::target::exe::present;
use crate::target::{STAT_MAX, STATUS_MAX};
use crate::units::Pid;

type Text = Fixed<TEXT_MAX>;

/// What stands before a pattern about arguments.
const CMDLINE: &[u8] = b"cmdline:";

/// Room for `/proc/PID/cgroup`.
const CGROUP_MAX: usize = 4096;

/// Where its executable is, as far as that was asked for.
#[allow(clippy::large_enum_variant, reason = "it is looked at where nothing may be allocated")]
enum Exe {
    /// Nobody has.
    Unasked,
    /// It may not be seen (EACCES: another user's, or one that is not dumpable), or is longer than a path may be.
    Unknown,
    /// The text of the link; empty where there is none, as of a kernel thread.
    Known(Text),
}

/// Its arguments with blanks between them, as far as a pattern asked for them.
#[allow(clippy::large_enum_variant, reason = "it is looked at where nothing may be allocated")]
enum Arguments<'a> {
    /// None did.
    Unasked,
    /// They could not be read, or not all of them. That is never taken for "it does not fit".
    Unknown,
    /// In the room of who read them.
    Lent(RefMut<'a, [u8]>),
    Own(Text),
}

/// A process to be looked at.
pub struct ProcessIdentity<'a> {
    dir: &'a Dir,
    /// What stands before the names of its files: nothing when the directory is its own.
    prefix: &'a [u8],
    comm: &'a [u8],
    exe: Exe,
    arguments: Arguments<'a>,
    /// Who reads its arguments, as that may block; its number.
    reader: Option<(&'a Reader, Pid)>,
}

impl<'a> ProcessIdentity<'a> {
    /// The process of this name: its files are `dir`'s below `prefix`, which is what [`crate::processes::view`] gives.
    pub const fn new(dir: &'a Dir, prefix: &'a [u8], comm: &'a [u8]) -> Self {
        Self { dir, prefix, comm, exe: Exe::Unasked, arguments: Arguments::Unasked, reader: None }
    }

    /// Its arguments are read by that one.
    pub fn read_by(self, reader: Option<&'a Reader>, pid: Pid) -> Self {
        Self { reader: reader.map(|reader| (reader, pid)), ..self }
    }

    fn path(&self, file: &[u8]) -> Fixed<48> {
        let mut path = Fixed::of(self.prefix);
        if !self.prefix.is_empty() {
            path.push(b"/");
        }
        path.push(file);
        path
    }

    /// Where its executable is, empty where it has none; `None`: it is not known.
    fn exe(&mut self) -> Option<&[u8]> {
        if matches!(self.exe, Exe::Unasked) {
            let mut buf = [0; TEXT_MAX];
            let path = self.path(b"exe");
            self.exe = match self.dir.link(path.as_c_str().unwrap_or_default(), &mut buf) {
                // A full buffer may have been cut.
                Ok(link) if link.len() < TEXT_MAX => Exe::Known(Text::of(link)),
                // A kernel thread, or one that has gone or is exiting.
                Err(Errno::ENOENT | Errno::ESRCH) => Exe::Known(Text::new()),
                Ok(_) | Err(_) => Exe::Unknown,
            };
        }
        match &self.exe {
            Exe::Known(text) => Some(text.as_bytes()),
            Exe::Unasked | Exe::Unknown => None,
        }
    }

    /// All of its arguments with blanks between them; `None`: they are not known.
    fn cmdline(&mut self) -> Option<&[u8]> {
        if matches!(self.arguments, Arguments::Unasked) {
            self.arguments = self.whole_arguments().unwrap_or(Arguments::Unknown);
        }
        match &self.arguments {
            Arguments::Unasked | Arguments::Unknown => None,
            Arguments::Lent(text) => Some(text),
            Arguments::Own(text) => Some(text.as_bytes()),
        }
    }

    fn whole_arguments(&self) -> Option<Arguments<'a>> {
        if let Some((reader, pid)) = self.reader {
            let text = reader.whole_arguments(pid)?;
            let text = RefMut::map(text, |text| {
                let length = spaced(text).len();
                &mut text[..length]
            });
            return Some(Arguments::Lent(RefMut::map(text, pattern::in_utf8)));
        }
        // Where no other process could be started that reads them there is no room for long ones either.
        let mut buf = [0; TEXT_MAX - 1];
        let length = self.arguments(&mut buf)?.len();
        let text = buf.get_mut(..length).filter(|text| text.len() < TEXT_MAX - 1)?;
        Some(Arguments::Own(Text::of(spaced(text))))
    }

    /// Whether a pattern is found in what it is about.
    pub fn fits(&mut self, pattern: &Pattern) -> bool {
        let text = match pattern.field() {
            Field::Comm => Some(self.comm),
            Field::Exe => return self.exe().is_some_and(|link| fits_exe(pattern, link)),
            Field::Cmdline => self.cmdline(),
        };
        text.is_some_and(|text| pattern.is_match(text))
    }

    /// Whether the pattern itself stands in its arguments, as in those of who was told to run memdoor with it.
    pub fn has_in_arguments(&mut self, pattern: &Pattern) -> bool {
        let text = pattern.text().as_bytes();
        pattern.field() == Field::Cmdline
            && self.cmdline().is_some_and(|line| {
                let mut rest = line.windows(CMDLINE.len() + text.len());
                rest.any(|part| part.strip_prefix(CMDLINE) == Some(text))
            })
    }

    /// Whether one of these patterns is found.
    pub fn fits_any(&mut self, patterns: &[Pattern]) -> bool {
        patterns.iter().any(|pattern| self.fits(pattern))
    }

    /// Whether one of them may fit: one about what is not known of it may. For patterns that spare.
    pub fn may_fit_any(&mut self, patterns: &[Pattern]) -> bool {
        patterns.iter().any(|pattern| self.fits(pattern) || self.is_unread(pattern))
    }

    /// Whether what a pattern is about was asked for and is not known.
    pub const fn is_unread(&self, pattern: &Pattern) -> bool {
        match pattern.field() {
            Field::Comm => false,
            Field::Exe => matches!(self.exe, Exe::Unknown),
            Field::Cmdline => matches!(self.arguments, Arguments::Unknown),
        }
    }

    /// Whether anything that was asked for is not known.
    pub const fn has_unread(&self) -> bool {
        matches!(self.exe, Exe::Unknown) || matches!(self.arguments, Arguments::Unknown)
    }

    /// The browser that it belongs to.
    pub fn browser(&mut self) -> Option<&'static Family> {
        let comm = self.comm;
        families::browser(comm, None).or_else(|| {
            let may_be = families::may_be_helper(comm);
            may_be.then(|| families::browser(comm, self.exe()))?
        })
    }

    /// Whether a machine or a login hangs on it.
    pub fn is_essential(&mut self) -> bool {
        let comm = self.comm;
        if essential::may_be(comm) {
            let file = self.dir.owner(self.path(b"exe").as_c_str().unwrap_or_default()).ok();
            let of_others = Owner::of(file, system::effective_user()) == Owner::Other;
            let exe = self.exe().filter(|exe| !exe.is_empty());
            return !of_others && essential::role(comm, exe).is_some();
        }
        essential::is_shell(comm) && self.is_login_shell()
    }

    /// Whether it is PID 1 of a pid namespace below memdoor's: a container hangs on it, and nothing outside of that.
    pub fn is_init_of_a_container(&self) -> bool {
        let mut buf = [0; STATUS_MAX];
        let status = self.dir.read(self.path(b"status").as_c_str().unwrap_or_default(), &mut buf);
        status.is_ok_and(|text| status::parse(text).vpid == Some(1))
    }

    fn is_login_shell(&self) -> bool {
        let mut buf = [0; STAT_MAX];
        let stat = self.dir.read(self.path(b"stat").as_c_str().unwrap_or_default(), &mut buf);
        let has_terminal = stat.ok().and_then(stat::parse).is_some_and(|stat| stat.terminal > 0);
        let mut buf = [0; 1024];
        // Of a shell that does not answer it is not known whether somebody types into it: it is spared.
        self.arguments(&mut buf).is_none_or(|arguments| essential::is_login_shell(arguments, has_terminal))
    }

    /// The start of its arguments, words that end with a NUL; `None` when they can't be read.
    fn arguments<'b>(&self, buf: &'b mut [u8]) -> Option<&'b [u8]> {
        if let Some((reader, pid)) = self.reader {
            return reader.arguments(pid, buf);
        }
        let file = self.dir.file(self.path(b"cmdline").as_c_str().unwrap_or_default());
        let length = file.and_then(|file| file.read_at(buf, 0)).ok()?;
        buf.get(..length)
    }

    /// Whether its memory cgroup is that or below it.
    pub fn is_in(&self, group: &[u8]) -> bool {
        self.has_cgroup(&|own| is_below(own, group))
    }

    /// Whether its memory cgroup is that one.
    pub fn is_at(&self, group: &[u8]) -> bool {
        self.has_cgroup(&|own| own == group)
    }

    fn has_cgroup(&self, is_it: &dyn Fn(&[u8]) -> bool) -> bool {
        let mut buf = [0; CGROUP_MAX];
        let path = self.path(b"cgroup");
        let text = self.dir.read(path.as_c_str().unwrap_or_default(), &mut buf);
        text.ok().and_then(memory_cgroup).is_some_and(|(_, own)| is_it(own))
    }
}

/// Whether a pattern is found in the text of `/proc/PID/exe`, or in it without the ` (deleted)` that stands there once the file was removed
/// or replaced, as an upgrade does it: `exe:/postgres$` goes on to mean a server that was not started anew since.
#[must_use]
pub fn fits_exe(pattern: &Pattern, link: &[u8]) -> bool {
    pattern.is_match(link) || pattern.is_match(present(link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_that_was_upgraded_fits_as_before_and_as_the_kernel_calls_it_now() {
        let fits = |pattern: &str, link: &str| fits_exe(&Pattern::parse(pattern).expect(pattern), link.as_bytes());
        for link in ["/opt/pg/bin/postgres", "/opt/pg/bin/postgres (deleted)"] {
            assert!(fits("exe:/postgres$", link) && fits("exe:^/opt/pg/bin/postgres$", link), "{link}");
        }
        assert!(fits(r"exe:postgres \(deleted\)$", "/opt/pg/bin/postgres (deleted)"));
        assert!(!fits("exe:/postgres$", "/opt/postgres (deleted)x") && !fits("exe:/postgres$", ""));
    }
}
