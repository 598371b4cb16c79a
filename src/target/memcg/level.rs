//! One cgroup: the files of the memory controller in one directory.

use super::Path;
use crate::error::Absent;
use crate::parse::cgroup::Version;
use crate::parse::memcg::{Limit, event, limit};
use crate::parse::one_number;
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::kept::Kept;
use crate::units::Bytes;

/// The kernel's names of the files, which differ between the hierarchies.
pub(super) struct Names {
    pub(super) limit: &'static core::ffi::CStr,
    pub(super) usage: &'static core::ffi::CStr,
    pub(super) peak: &'static core::ffi::CStr,
    pub(super) events: &'static core::ffi::CStr,
}

impl Names {
    pub(super) const fn of(version: Version) -> Self {
        match version {
            Version::V1 => Self {
                limit: c"memory.limit_in_bytes",
                usage: c"memory.usage_in_bytes",
                peak: c"memory.max_usage_in_bytes",
                events: c"memory.oom_control",
            },
            // memory.peak came with Linux 5.19.
            Version::V2 => Self {
                limit: c"memory.max",
                usage: c"memory.current",
                peak: c"memory.peak",
                events: c"memory.events",
            },
        }
    }
}

/// One cgroup between the target's own and the root, its files kept open: at the limit they can be read but not opened.
#[derive(Debug)]
pub(super) struct Level {
    /// How much of the target's path is this cgroup's.
    pub(super) end: usize,
    pub(super) dir: Dir,
    limit: Kept,
    usage: Kept,
    peak: Kept,
    events: Kept,
    stat: Kept,
}

impl Level {
    /// Opens a cgroup and reads its files once, so that they can be read again later.
    pub(super) fn open(mount: &Path, below: &[u8], names: &Names) -> Result<Self, Errno> {
        let mut path = mount.clone();
        path.push(below);
        let dir = Dir::open(path.as_c_str().ok_or(Errno::ENAMETOOLONG)?)?;
        let [limit, usage, peak] = [names.limit, names.usage, names.peak].map(Kept::new);
        let mut level = Self {
            end: below.len(),
            dir,
            limit,
            usage,
            peak,
            events: Kept::new(names.events),
            stat: Kept::new(c"memory.stat"),
        };
        let _ = (level.limit(), level.usage(), level.peak());
        Ok(level)
    }

    pub(super) fn limit(&mut self) -> Result<Limit, Absent> {
        let mut buf = [0; 64];
        match self.limit.once(&self.dir, &mut buf) {
            Ok(text) => limit(text).ok_or(Absent::Malformed),
            // v2's root, and cgroups whose parent has not enabled the controller, have no such file.
            Err(Errno::ENOENT) => Ok(Limit::None),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn usage(&mut self) -> Result<Bytes, Absent> {
        number(&mut self.usage, &self.dir)
    }

    /// The count behind `key` in memory.events or memory.oom_control.
    pub(super) fn event(&mut self, key: &[u8]) -> Result<u64, Absent> {
        let mut buf = [0; 1024];
        event(self.events.once(&self.dir, &mut buf)?, key).ok_or(Absent::NotSupported)
    }

    /// The figure behind `key` in memory.stat: bytes. 2 KiB on 6.18.
    pub(super) fn stat(&mut self, key: &[u8]) -> Result<u64, Absent> {
        let mut buf = [0; 4096];
        event(self.stat.once(&self.dir, &mut buf)?, key).ok_or(Absent::NotSupported)
    }

    pub(super) fn peak(&mut self) -> Result<Bytes, Absent> {
        number(&mut self.peak, &self.dir)
    }
}

fn number(file: &mut Kept, dir: &Dir) -> Result<Bytes, Absent> {
    let mut buf = [0; 64];
    let number = one_number(file.once(dir, &mut buf)?).ok_or(Absent::Malformed)?;
    u64::try_from(number)
        .map(Bytes)
        .map_err(|_| Absent::Malformed)
}
