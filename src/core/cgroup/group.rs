//! A cgroup by its path, whoever is in it.

use super::{Memcg, Path};
use crate::error::Absent;
use crate::parse::cgroup::Version;
use crate::parse::memcg::Limit;
use crate::parse::mountinfo::Mount;
use crate::sys::file::Dir;
use crate::units::Bytes;

/// Whose limit it is that a cgroup reaches first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LimitOwner {
    /// Its own.
    #[default]
    Own,
    /// That of one above it, whose path is so many bytes of its own.
    Above(usize),
    /// That of one above it that this mount does not show.
    Hidden,
}

/// How much of a limit a cgroup uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Used {
    /// What is charged to it and those below it, less what the kernel takes back before it kills ([`crate::parse::memcg::reclaimable`]).
    pub used: Bytes,
    /// The smallest limit of it and those above it.
    pub limit: Bytes,
    /// Whose that is. What others below an ancestor use is not in `used`.
    pub whose: LimitOwner,
}

impl Memcg {
    /// Where the hierarchy that has the memory controller is mounted.
    #[must_use]
    pub const fn mount(&self) -> Option<&Mount> {
        match &self.v1 {
            Some(mount) => Some(mount),
            None => self.v2.as_ref(),
        }
    }

    /// Which hierarchy has the memory controller, where one is mounted.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        match (&self.v1, &self.v2) {
            (Some(_), _) => Some(Version::V1),
            (None, Some(_)) => Some(Version::V2),
            (None, None) => None,
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

    /// Why no cgroup of the hierarchy of this version can be looked at: on a hybrid host the other one may be mounted.
    #[must_use]
    pub const fn unmounted_of(&self, version: Version) -> Option<Absent> {
        match (version, &self.v1, &self.v2) {
            (Version::V1, Some(_), _) | (Version::V2, _, Some(_)) => None,
            _ => Some(self.unmounted),
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

    /// What the cgroup itself uses, and the smallest limit of it and those above it; `None` without a limit.
    ///
    /// An ancestor may be full of what its other members use: whoever looks at one of them alone would end an innocent one for that.
    pub fn used(&mut self) -> Result<Option<Used>, Absent> {
        let Some((limit, at)) = self.smallest()? else {
            return Ok(None);
        };
        let place = self.place.as_ref().map_err(|why| *why)?;
        let levels = place.levels.as_ref().map_err(|why| *why)?;
        let level = |at: usize| levels.get(at).and_then(Option::as_ref).ok_or(Absent::Malformed);
        let (own, limiting) = (level(0)?, level(at)?);
        let used = Bytes(own.usage()?.0.saturating_sub(own.reclaimable()?.0));
        let whose = match at {
            _ if place.above == Ok(Some(limit)) && limiting.limit()? != Limit::At(limit) => LimitOwner::Hidden,
            0 => LimitOwner::Own,
            _ => LimitOwner::Above(place.path.as_bytes().len().saturating_sub(own.end) + limiting.end),
        };
        Ok(Some(Used { used, limit, whose }))
    }

    /// The directory of the cgroup that is looked at.
    #[must_use]
    pub fn dir(&self) -> Option<&Dir> {
        let levels = self.place.as_ref().ok()?.levels.as_ref().ok()?;
        Some(&levels.first()?.as_ref()?.dir)
    }
}
