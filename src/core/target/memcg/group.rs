//! A cgroup by its path, whoever is in it.

use super::{Memcg, Path};
use crate::error::Absent;
use crate::parse::cgroup::Version;
use crate::parse::mountinfo::Mount;
use crate::sys::file::Dir;
use crate::units::Bytes;

impl Memcg {
    /// Where the hierarchy that has the memory controller is mounted.
    #[must_use]
    pub const fn mount(&self) -> Option<&Mount> {
        match &self.v1 {
            Some(mount) => Some(mount),
            None => self.v2.as_ref(),
        }
    }

    /// Why no cgroup can be looked at, where that is so.
    #[must_use]
    pub const fn unmounted(&self) -> Option<Absent> {
        match self.mount() {
            Some(_) => None,
            None => Some(self.unmounted),
        }
    }

    /// Looks at the cgroup of this path from now on, in the hierarchy that has the memory controller.
    pub fn look_at(&mut self, path: &[u8]) -> Result<Version, Absent> {
        let version = match self.v1 {
            Some(_) => Version::V1,
            None => Version::V2,
        };
        let place = self.open(version, Path::of(path));
        let opened = place.as_ref().map_err(|why| *why);
        let known = opened.and_then(|place| place.levels.as_ref().map_err(|why| *why));
        known.map(drop)?;
        self.place = place;
        Ok(version)
    }

    /// What the cgroup with the smallest limit can't give back, and that limit; `None` without a limit. Pages of files that nobody used
    /// lately are not counted: the kernel takes them first.
    pub fn used(&mut self) -> Result<Option<(Bytes, Bytes)>, Absent> {
        let Some((limit, at)) = self.smallest()? else {
            return Ok(None);
        };
        let place = self.place.as_ref().map_err(|why| *why)?;
        let levels = place.levels.as_ref().map_err(|why| *why)?;
        let level = levels.get(at).and_then(Option::as_ref);
        let level = level.ok_or(Absent::Malformed)?;
        let idle = match place.version {
            Version::V1 => "total_inactive_file",
            Version::V2 => "inactive_file",
        };
        let idle = level.figure(idle).unwrap_or(0);
        Ok(Some((Bytes(level.usage()?.0.saturating_sub(idle)), limit)))
    }

    /// The directory of the cgroup that is looked at.
    #[must_use]
    pub fn dir(&self) -> Option<&Dir> {
        let levels = self.place.as_ref().ok()?.levels.as_ref().ok()?;
        Some(&levels.first()?.as_ref()?.dir)
    }
}
