//! One cgroup: the files of the memory controller in one directory.

use super::{Path, TEXT_MAX};
use crate::error::{Absent, Source};
use crate::parse::cgroup::Version;
use crate::parse::memcg::{Limit, event, limit, reclaimable};
use crate::parse::one_number;
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::kept::Kept;
use crate::units::Bytes;

/// The kernel's names of the files, which differ between the hierarchies.
#[derive(Debug)]
#[allow(missing_docs, reason = "the kernel's documents say it: cgroup-v2.rst, cgroup-v1/memory.rst")]
pub(super) struct Names {
    pub limit: &'static core::ffi::CStr,
    pub usage: &'static core::ffi::CStr,
    pub peak: &'static core::ffi::CStr,
    pub events: &'static core::ffi::CStr,
    pub stat: &'static core::ffi::CStr,
    pub swap_usage: &'static core::ffi::CStr,
    pub swap_limit: &'static core::ffi::CStr,
}

impl Names {
    /// Those of a hierarchy.
    pub(super) const fn of(version: Version) -> Self {
        match version {
            Version::V1 => Self {
                limit: c"memory.limit_in_bytes",
                usage: c"memory.usage_in_bytes",
                peak: c"memory.max_usage_in_bytes",
                events: c"memory.oom_control",
                stat: c"memory.stat",
                swap_usage: c"memory.memsw.usage_in_bytes",
                swap_limit: c"memory.memsw.limit_in_bytes",
            },
            // memory.peak came with Linux 5.19.
            Version::V2 => Self {
                limit: c"memory.max",
                usage: c"memory.current",
                peak: c"memory.peak",
                events: c"memory.events",
                stat: c"memory.stat",
                swap_usage: c"memory.swap.current",
                swap_limit: c"memory.swap.max",
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
    swap_usage: Kept,
    swap_limit: Kept,
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
            stat: Kept::new(names.stat),
            swap_usage: Kept::new(names.swap_usage),
            swap_limit: Kept::new(names.swap_limit),
        };
        level.look();
        Ok(level)
    }

    /// Opens what is not open, and reads it once: a controller may be turned on later. What follows never opens anything, as it is
    /// read at the target's death, too, when the whole system may be out of memory.
    pub(super) fn look(&mut self) {
        let mut buf = [0; TEXT_MAX];
        let Self { limit, usage, peak, events, stat, swap_usage, swap_limit, .. } = self;
        for file in [limit, usage, peak, events, stat, swap_usage, swap_limit] {
            if !file.is_open() {
                let _ = file.once(&self.dir, &mut buf);
            }
        }
    }

    pub(super) fn limit(&self) -> Result<Limit, Absent> {
        let mut buf = [0; 64];
        match self.limit.if_open(&mut buf) {
            Ok(text) => limit(text).ok_or(Absent::Malformed),
            // v2's root, and cgroups whose parent has not enabled the controller, have no such file.
            Err(Errno::ENOENT) => Ok(Limit::None),
            Err(errno) => Err(Source::cgroup(self.limit.name()).failed(errno)),
        }
    }

    pub(super) fn usage(&self) -> Result<Bytes, Absent> {
        number(&self.usage)
    }

    /// What of it the kernel takes back before it kills.
    pub(super) fn reclaimable(&self) -> Result<Bytes, Absent> {
        let mut buf = [0; TEXT_MAX];
        reclaimable(read(&self.stat, &mut buf)?).ok_or(Source::cgroup(self.stat.name()).lacks("inactive_file"))
    }

    /// The figure behind `key` in memory.stat, which every kernel has there: bytes.
    pub(super) fn figure(&self, key: &'static str) -> Result<u64, Absent> {
        let mut buf = [0; TEXT_MAX];
        event(read(&self.stat, &mut buf)?, key.as_bytes()).ok_or(Source::cgroup(self.stat.name()).untrue(key))
    }

    /// What of it is in swap, and how much may be; v1: of memory and swap together.
    pub(super) fn swap(&self) -> Result<(Bytes, Limit), Absent> {
        let mut buf = [0; 64];
        let most = limit(read(&self.swap_limit, &mut buf)?).ok_or(Absent::Malformed)?;
        Ok((number(&self.swap_usage)?, most))
    }

    /// The count behind `key` in memory.events or memory.oom_control.
    pub(super) fn event(&self, key: &'static str) -> Result<u64, Absent> {
        let mut buf = [0; 1024];
        event(read(&self.events, &mut buf)?, key.as_bytes()).ok_or(Source::cgroup(self.events.name()).lacks(key))
    }

    pub(super) fn peak(&self) -> Result<Bytes, Absent> {
        number(&self.peak)
    }
}

/// A file of the cgroup, or which it is and why it can't be read.
fn read<'b>(file: &Kept, buf: &'b mut [u8]) -> Result<&'b [u8], Absent> {
    file.if_open(buf).map_err(|errno| Source::cgroup(file.name()).failed(errno))
}

fn number(file: &Kept) -> Result<Bytes, Absent> {
    let mut buf = [0; 64];
    let number = one_number(read(file, &mut buf)?).ok_or(Absent::Malformed)?;
    u64::try_from(number).map(Bytes).map_err(|_| Absent::Malformed)
}
