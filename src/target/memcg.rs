//! The target's memory cgroup, and the ancestor whose limit will be hit first.

use super::Target;
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::parse::cgroup::{Version, memory_cgroup};
use crate::parse::memcg::{Limit, event, limit};
use crate::parse::mountinfo::{Mount, cgroup_mount};
use crate::parse::one_number;
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::kept::Kept;
use crate::sys::lines::Lines;
use crate::units::Bytes;

/// A cgroup's path; kubelet's longest are about 250 bytes.
pub type Path = Fixed<1024>;

/// Room for the longest file read here: memory.events, memory.oom_control and `/proc/PID/cgroup` with v1's 14 hierarchies.
const TEXT_MAX: usize = 4096;

/// The kernel's names of the files, which differ between the hierarchies.
struct Names {
    limit: &'static core::ffi::CStr,
    usage: &'static core::ffi::CStr,
    peak: &'static core::ffi::CStr,
    events: &'static core::ffi::CStr,
}

impl Names {
    const fn of(version: Version) -> Self {
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

/// Cgroups from the target's own to the root; kubelet's nest five deep.
const LEVELS_MAX: usize = 32;

/// One cgroup between the target's own and the root, its files kept open: at the limit they can be read but not opened.
#[derive(Debug)]
struct Level {
    /// How much of the target's path is this cgroup's.
    end: usize,
    dir: Dir,
    limit: Kept,
    usage: Kept,
    peak: Kept,
}

impl Level {
    /// Opens a cgroup and reads its files once, so that they can be read again later.
    fn open(mount: &Path, below: &[u8], names: &Names) -> Result<Self, Errno> {
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
        };
        let _ = (level.limit(), level.usage(), level.peak());
        Ok(level)
    }

    fn limit(&mut self) -> Result<Limit, Absent> {
        let mut buf = [0; 64];
        match self.limit.once(&self.dir, &mut buf) {
            Ok(text) => limit(text).ok_or(Absent::Malformed),
            // v2's root, and cgroups whose parent has not enabled the controller, have no such file.
            Err(Errno::ENOENT) => Ok(Limit::None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn usage(&mut self) -> Result<Bytes, Absent> {
        number(&mut self.usage, &self.dir)
    }

    fn peak(&mut self) -> Result<Bytes, Absent> {
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

/// The cgroup that limits the target: the smallest limit from its own cgroup up to the root, the nearest one of equals. A
/// larger limit further down can't be reached first.
#[derive(Clone, Copy, Debug)]
pub struct Limiting<'a> {
    /// Its path in the hierarchy.
    pub path: &'a [u8],
    /// Its limit.
    pub limit: Bytes,
    /// What is charged to it now.
    pub usage: Result<Bytes, Absent>,
    /// The most that was ever charged to it (v2: Linux 5.19).
    pub peak: Result<Bytes, Absent>,
}

/// The target's place among the memory cgroups.
#[derive(Debug)]
pub struct Memcg {
    v1: Option<Mount>,
    v2: Option<Mount>,
    place: Result<Place, Absent>,
}

/// A cgroup and those above it.
#[derive(Debug)]
struct Place {
    version: Version,
    path: Path,
    events: Kept,
    /// The target's own cgroup first. Empty when the hierarchy is not mounted, or not shown by this mount or namespace.
    levels: [Option<Level>; LEVELS_MAX],
}

impl Memcg {
    /// Finds where the hierarchies are mounted: `/proc/self/mountinfo`, once. `buf` must hold the longest line.
    pub fn new(proc: &Dir, buf: &mut [u8]) -> Self {
        let mut found = Self {
            v1: None,
            v2: None,
            place: Err(Absent::NotSupported),
        };
        let Ok(file) = proc.file(c"self/mountinfo") else {
            return found;
        };
        let mut lines = Lines::new(&file, buf);
        while let Some(Ok(line)) = lines.next() {
            match cgroup_mount(line) {
                Some(mount) if mount.version == Version::V1 => found.v1 = Some(mount),
                Some(mount) => found.v2 = Some(mount),
                None => {}
            }
        }
        found
    }

    /// Looks where the target is now: one read while it stays where it is. What can't be looked at anew (ENOMEM at the limit) stays
    /// as it was found before.
    pub fn refresh(&mut self, target: &mut Target) {
        let mut buf = [0; TEXT_MAX];
        let (view, files) = target.view_and_files();
        let text = files.cgroup.once(view, &mut buf);
        let found = match text.map_err(|errno| target.absent(errno)) {
            Ok(text) => memory_cgroup(text).ok_or(Absent::NotSupported),
            Err(why) => Err(why),
        };
        let is_known = |path: &[u8]| self.path().is_ok_and(|(_, known)| known == path);
        let place = match found {
            Ok((_, path)) if is_known(path) => return,
            Ok((version, path)) => self.open(version, Path::of(path)),
            Err(why) => Err(why),
        };
        match place {
            Err(Absent::Failed(_) | Absent::Gone) if self.place.is_ok() => {}
            place => self.place = place,
        }
        // Opens and reads the events file, so that it can be read again later.
        let _ = self.event(b"oom_kill");
    }

    /// Opens the cgroup at `path` and all above it.
    fn open(&self, version: Version, path: Path) -> Result<Place, Absent> {
        if path.is_cut() {
            return Err(Absent::Failed(Errno::ENAMETOOLONG));
        }
        let names = Names::of(version);
        let mut levels = [const { None }; LEVELS_MAX];
        let mount = match version {
            Version::V1 => self.v1.as_ref(),
            Version::V2 => self.v2.as_ref(),
        };
        if let Some(mount) = mount
            && let Some(below) = below_mount(mount, path.as_bytes())
        {
            let mut end = Some(below.len());
            for slot in &mut levels {
                let Some(here) = end.and_then(|end| below.get(..end)) else {
                    break;
                };
                *slot = match Level::open(&mount.point, here, &names).map_err(Absent::from) {
                    Ok(level) => Some(level),
                    // Not there or not permitted: the path is known all the same.
                    Err(Absent::NotSupported | Absent::NotPermitted) if here == below => break,
                    Err(why) => return Err(why),
                };
                end = here.iter().rposition(|byte| *byte == b'/');
            }
        }
        Ok(Place {
            version,
            path,
            events: Kept::new(names.events),
            levels,
        })
    }

    /// The target's own cgroup.
    pub fn path(&self) -> Result<(Version, &[u8]), Absent> {
        let place = self.place.as_ref().map_err(|why| *why)?;
        Ok((place.version, place.path.as_bytes()))
    }

    /// The smallest limit, `None` when there is none.
    pub fn limit(&mut self) -> Result<Option<Bytes>, Absent> {
        Ok(self.smallest()?.map(|(limit, _)| limit))
    }

    /// The cgroup that limits the target, `None` when none does.
    pub fn limiting(&mut self) -> Result<Option<Limiting<'_>>, Absent> {
        let Some((limit, at)) = self.smallest()? else {
            return Ok(None);
        };
        let place = self.place.as_mut().map_err(|why| *why)?;
        // A mount may show a part of the hierarchy only: what it shows is the end of the target's path.
        let own = place.levels[0].as_ref().map_or(0, |own| own.end);
        let hidden = place.path.as_bytes().len().saturating_sub(own);
        let level = place
            .levels
            .get_mut(at)
            .and_then(Option::as_mut)
            .ok_or(Absent::Malformed)?;
        let (usage, peak) = (level.usage(), level.peak());
        let end = hidden + level.end;
        let path = place.path.as_bytes().get(..end).unwrap_or_default();
        Ok(Some(Limiting {
            path: if path.is_empty() { b"/" } else { path },
            limit,
            usage,
            peak,
        }))
    }

    /// The smallest limit and which level has it.
    fn smallest(&mut self) -> Result<Option<(Bytes, usize)>, Absent> {
        let place = self.place.as_mut().map_err(|why| *why)?;
        if place.levels.first().is_none_or(Option::is_none) {
            return Err(Absent::NotSupported);
        }
        let mut smallest = None;
        for (at, level) in place.levels.iter_mut().flatten().enumerate() {
            if let Limit::At(limit) = level.limit()?
                && smallest.is_none_or(|(least, _)| limit < least)
            {
                smallest = Some((limit, at));
            }
        }
        Ok(smallest)
    }

    /// The count behind `key` in the events file of the target's own cgroup: `oom_kill`, `max`. The kernel counts an OOM kill in
    /// the victim's cgroup whether the cgroup or the whole system was short (v1: since Linux 4.13).
    pub fn event(&mut self, key: &[u8]) -> Result<u64, Absent> {
        let place = self.place.as_mut().map_err(|why| *why)?;
        let own = place
            .levels
            .first()
            .and_then(Option::as_ref)
            .ok_or(Absent::NotSupported)?;
        let mut buf = [0; TEXT_MAX];
        event(place.events.once(&own.dir, &mut buf)?, key).ok_or(Absent::NotSupported)
    }
}

/// The part of a cgroup's path below the mount's own root; `None` when the mount does not show it.
fn below_mount<'p>(mount: &Mount, path: &'p [u8]) -> Option<&'p [u8]> {
    if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
        return None;
    }
    let below = match mount.root.as_bytes() {
        b"/" => path,
        root => path.strip_prefix(root)?,
    };
    (below.is_empty() || below.starts_with(b"/")).then_some(below)
}
