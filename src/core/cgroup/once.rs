//! One cgroup, each of its files opened, read once and closed: a look at cgroups that are not kept open.

use core::ffi::CStr;

use super::level::Names;
use crate::parse::cgroup::Version;
use crate::parse::memcg::{Limit, limit};
use crate::parse::{one_number, words};
use crate::sys::file::Dir;
use crate::sys::{Errno, Result};
use crate::units::Bytes;

/// The files of the memory controller in one directory.
pub struct Once<'d> {
    dir: &'d Dir,
    names: Names,
}

impl<'d> Once<'d> {
    /// Of the cgroup with this directory.
    #[must_use]
    pub const fn new(dir: &'d Dir, version: Version) -> Self {
        Self { dir, names: Names::of(version) }
    }

    /// Whether the memory controller is in this hierarchy, by the directory that the mount shows at its top: of a hybrid host's two the unified
    /// one lacks it, and so does any where the kernel has it turned off. What can't be asked is not known to lack it.
    #[must_use]
    pub fn has_controller(&self, version: Version) -> bool {
        let mut buf = [0; 512];
        match (version, self.text(c"cgroup.controllers", &mut buf)) {
            (Version::V1, _) | (_, Err(_)) => true,
            (Version::V2, Ok(text)) => words(text.trim_ascii()).any(|name| name == b"memory"),
        }
    }

    /// A file's text, as much as `buf` has room for. The kernel prints all of these in one go.
    pub fn text<'b>(&self, name: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        self.dir.file(name)?.once(buf)
    }

    /// A file with one number in it. EBADMSG: there is something else in it.
    pub fn number(&self, name: &CStr) -> Result<u64> {
        let mut buf = [0; 64];
        let number = one_number(self.text(name, &mut buf)?).and_then(|number| u64::try_from(number).ok());
        number.ok_or(Errno::EBADMSG)
    }

    /// What is charged to it: `memory.current` or `memory.usage_in_bytes`.
    pub fn usage(&self) -> Result<Bytes> {
        self.number(self.names.usage).map(Bytes)
    }

    /// The most that was ever charged to it: `memory.peak` (Linux 5.19) or `memory.max_usage_in_bytes`.
    pub fn peak(&self) -> Result<Bytes> {
        self.number(self.names.peak).map(Bytes)
    }

    /// Its own limit: `memory.max` or `memory.limit_in_bytes`. `None`: it has none.
    pub fn limit(&self) -> Result<Option<Bytes>> {
        self.limit_in(self.names.limit)
    }

    /// Its own limit of swap, v1: of memory and swap together. `None`: it has none, or swap is not counted.
    pub fn swap_limit(&self) -> Result<Option<Bytes>> {
        self.limit_in(self.names.swap_limit)
    }

    /// Where there is no such file there is no such limit: v2's root, a cgroup without the controller, a kernel that does not count swap. A
    /// file that can't be read (EMFILE, EACCES) says nothing of the kind.
    fn limit_in(&self, name: &CStr) -> Result<Option<Bytes>> {
        let mut buf = [0; 64];
        match self.text(name, &mut buf) {
            Ok(text) => limit(text).map(Limit::size).ok_or(Errno::EBADMSG),
            // v1 without swap accounting has the file, and EOPNOTSUPP in place of a number.
            Err(Errno::ENOENT | Errno::EOPNOTSUPP) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// `memory.stat`: 1.9 KiB on 6.18.
    pub fn stat<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        self.text(self.names.stat, buf)
    }

    /// `memory.events` or `memory.oom_control`.
    pub fn events<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        self.text(self.names.events, buf)
    }
}
