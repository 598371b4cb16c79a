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

/// The cgroup that limits the target: the smallest limit from its own cgroup up to the root, the nearest one of equals. A larger limit
/// further down can't be reached first.
#[derive(Debug)]
pub struct Limiting {
    /// Its path in the hierarchy.
    pub path: Path,
    /// The limit when it was read last.
    pub limit: Bytes,
    dir: Dir,
    limit_file: Kept,
    usage: Kept,
    peak: Kept,
}

impl Limiting {
    fn number(file: &mut Kept, dir: &Dir) -> Result<Bytes, Absent> {
        let mut buf = [0; 64];
        let number = one_number(file.once(dir, &mut buf)?).ok_or(Absent::Malformed)?;
        u64::try_from(number)
            .map(Bytes)
            .map_err(|_| Absent::Malformed)
    }

    /// What is charged to it now.
    pub fn usage(&mut self) -> Result<Bytes, Absent> {
        Self::number(&mut self.usage, &self.dir)
    }

    /// The most that was ever charged to it.
    pub fn peak(&mut self) -> Result<Bytes, Absent> {
        Self::number(&mut self.peak, &self.dir)
    }

    /// Opens and reads each file once.
    fn prime(&mut self) {
        let _ = (self.usage(), self.peak());
        self.reread_limit();
    }

    fn reread_limit(&mut self) {
        let mut buf = [0; 64];
        if let Ok(Some(Limit::At(bytes))) = self.limit_file.once(&self.dir, &mut buf).map(limit) {
            self.limit = bytes;
        }
    }
}

/// The target's place among the memory cgroups.
#[derive(Debug)]
pub struct Memcg {
    v1: Option<Mount>,
    v2: Option<Mount>,
    place: Result<Place, Absent>,
}

/// One cgroup of one hierarchy.
#[derive(Debug)]
struct Place {
    version: Version,
    path: Path,
    events: Option<(Dir, Kept)>,
    /// Its count of OOM kills when the target was first seen in it.
    kills: Result<u64, Absent>,
    limiting: Result<Option<Limiting>, Absent>,
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

    /// Looks where the target is now. When nothing can be opened (ENOMEM at the limit), what was found before is kept and its limit
    /// read again through the kept file.
    pub fn refresh(&mut self, target: &mut Target) {
        let mut buf = [0; TEXT_MAX];
        let (view, files) = target.view_and_files();
        let found = match files.cgroup.file(view).and_then(|file| file.fill(&mut buf)) {
            Ok(text) => memory_cgroup(text)
                .map(|(version, path)| (version, Path::of(path)))
                .ok_or(Absent::NotSupported),
            Err(errno) => Err(target.absent(errno)),
        };
        // v1 shows "/" for a task that is exiting, whatever its group was. Asked after the path was read: who is not exiting now was
        // not then.
        if self.place.is_ok()
            && matches!(&found, Ok((Version::V1, path)) if path.as_bytes() == b"/")
            && target.stat(|stat| stat.is_exiting) != Ok(false)
        {
            return;
        }
        match found.and_then(|(version, path)| self.place(version, path)) {
            Ok(place) => self.adopt(place),
            Err(Absent::Failed(_) | Absent::Gone) if self.place.is_ok() => {
                if let Ok(Place {
                    limiting: Ok(Some(limiting)),
                    ..
                }) = &mut self.place
                {
                    limiting.reread_limit();
                }
            }
            Err(why) => self.place = Err(why),
        }
    }

    /// Takes a new place, but keeps the open files of an unchanged one: they work at the limit, where opening does not.
    fn adopt(&mut self, mut new: Place) {
        if let Ok(old) = &mut self.place
            && let (Ok(Some(old_limiting)), Ok(Some(limiting))) = (&mut old.limiting, &new.limiting)
            && old.path.as_bytes() == new.path.as_bytes()
            && old_limiting.path.as_bytes() == limiting.path.as_bytes()
        {
            old_limiting.limit = limiting.limit;
            return;
        }
        let known = match &self.place {
            Ok(old) if old.path.as_bytes() == new.path.as_bytes() => Some(old.kills),
            _ => None,
        };
        if let Ok(Some(limiting)) = &mut new.limiting {
            limiting.prime();
        }
        self.place = Ok(new);
        // Opens and reads the events file for the same reason.
        let kills = self.event(b"oom_kill");
        if let Ok(place) = &mut self.place {
            place.kills = known.unwrap_or(kills);
        }
    }

    fn place(&self, version: Version, path: Path) -> Result<Place, Absent> {
        if path.is_cut() {
            return Err(Absent::Failed(Errno::ENAMETOOLONG));
        }
        let mount = match version {
            Version::V1 => self.v1.as_ref(),
            Version::V2 => self.v2.as_ref(),
        };
        let place = |events, limiting| Place {
            version,
            path: path.clone(),
            events,
            kills: Err(Absent::NotSupported),
            limiting,
        };
        // Not mounted, or outside of what this mount or cgroup namespace shows: the path is known all the same.
        let Some((base, below)) =
            mount.and_then(|mount| Some((mount, below_mount(mount, path.as_bytes())?)))
        else {
            return Ok(place(None, Err(Absent::NotSupported)));
        };
        let names = Names::of(version);
        let mut at = base.point.clone();
        let own = open_below(&at, below)?;
        let limiting = match smallest_limit(&mut at, below, version) {
            Ok(found) => Ok(found),
            Err(errno @ (Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE)) => {
                return Err(Absent::Failed(errno));
            }
            Err(errno) => Err(Absent::from(errno)),
        };
        Ok(place(Some((own, Kept::new(names.events))), limiting))
    }

    /// The target's own cgroup.
    pub fn path(&self) -> Result<(Version, &[u8]), Absent> {
        self.place
            .as_ref()
            .map(|place| (place.version, place.path.as_bytes()))
            .map_err(|why| *why)
    }

    /// The cgroup that limits it, `None` when none does.
    pub fn limiting(&mut self) -> Result<Option<&mut Limiting>, Absent> {
        let place = self.place.as_mut().map_err(|why| *why)?;
        place
            .limiting
            .as_mut()
            .map(Option::as_mut)
            .map_err(|why| *why)
    }

    /// The count behind `key` in the events file of the target's own cgroup: `oom_kill`, `max`. The kernel counts an OOM kill in the
    /// victim's cgroup whether the cgroup or the whole system was short (v1: since Linux 4.13).
    pub fn event(&mut self, key: &[u8]) -> Result<u64, Absent> {
        let place = self.place.as_mut().map_err(|why| *why)?;
        let (dir, file) = place.events.as_mut().ok_or(Absent::NotSupported)?;
        let mut buf = [0; TEXT_MAX];
        event(file.once(dir, &mut buf)?, key).ok_or(Absent::NotSupported)
    }
}

impl Memcg {
    /// Whether OOM kills were counted in the target's own cgroup since it was first seen there. Another cgroup's count says nothing of
    /// this one: a target that moves is counted anew.
    pub fn has_killed(&mut self) -> Result<bool, Absent> {
        let before = self.place.as_ref().map_err(|why| *why)?.kills?;
        Ok(self.event(b"oom_kill")? > before)
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

fn open_below(mount: &Path, below: &[u8]) -> Result<Dir, Errno> {
    let mut path = mount.clone();
    path.push(below);
    Dir::open(path.as_c_str().ok_or(Errno::ENAMETOOLONG)?)
}

/// Walks from the cgroup `below` up to the mount.
fn smallest_limit(
    mount: &mut Path,
    below: &[u8],
    version: Version,
) -> Result<Option<Limiting>, Errno> {
    let names = Names::of(version);
    let mut best: Option<Limiting> = None;
    let mut end = below.len();
    loop {
        let here = below.get(..end).unwrap_or_default();
        let dir = open_below(mount, here)?;
        let mut buf = [0; 64];
        match dir.read(names.limit, &mut buf).map(limit) {
            Ok(Some(Limit::At(bytes))) if best.as_ref().is_none_or(|best| bytes < best.limit) => {
                best = Some(Limiting {
                    path: if here.is_empty() {
                        Path::of(b"/")
                    } else {
                        Path::of(here)
                    },
                    limit: bytes,
                    dir,
                    limit_file: Kept::new(names.limit),
                    usage: Kept::new(names.usage),
                    peak: Kept::new(names.peak),
                });
            }
            // v2's root, and cgroups whose parent has not enabled the controller, have no such file.
            Ok(_) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
        match here.iter().rposition(|byte| *byte == b'/') {
            Some(slash) if end > 0 => end = slash,
            _ => return Ok(best),
        }
    }
}
