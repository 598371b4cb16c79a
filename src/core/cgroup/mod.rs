//! Memory cgroups: the target's own with all above it, of which one has the limit that will be hit first, and any other by its path.

mod bounds;
mod charge;
mod group;
mod level;
mod once;

use crate::error::{Absent, Source};
use crate::fixed::Fixed;
use crate::parse::cgroup::{Version, memory_cgroup};
use crate::parse::memcg::{Limit, limit_of};
use crate::parse::mountinfo::{Mount, cgroup_mount};
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::target::Target;
use crate::units::Bytes;
use level::{Level, Names};

pub use bounds::Swap;
pub use charge::Charge;
pub use group::{LimitOwner, Used};
pub use once::Once;

/// A cgroup's path; kubelet's longest are about 250 bytes.
pub type Path = Fixed<1024>;

/// Room for the longest file read here: memory.stat, 1.9 KiB on 6.18, and `/proc/PID/cgroup` with v1's 14 hierarchies.
const TEXT_MAX: usize = 4096;

/// Cgroups from the target's own upwards; kubelet's nest five deep, desktops' eight. Those above the sixteenth are not looked at.
const LEVELS_MAX: usize = 16;

type Levels = [Option<Level>; LEVELS_MAX];

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
    /// Why there is no mount that is known.
    unmounted: Absent,
    place: Result<Place, Absent>,
    /// How often the target was seen to have moved.
    moves: u32,
}

/// Of when the place is that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// It is where the target is now.
    Now,
    /// It is where the target was seen last: it may have been moved since.
    Before,
}

/// A cgroup and those above it.
#[derive(Debug)]
struct Place {
    version: Version,
    path: Path,
    /// The target's own cgroup first; or why none can be looked into, as when the hierarchy is not mounted or not shown.
    levels: Result<Levels, Absent>,
    /// v1: the limit of an ancestor that is not shown here, as inside a container; or why that is not known.
    above: Result<Option<Bytes>, Absent>,
}

impl Memcg {
    /// Finds where the hierarchies are mounted: `/proc/self/mountinfo`, once. `buf` must hold the longest line.
    pub fn new(proc: &Dir, buf: &mut [u8]) -> Self {
        let mut found =
            Self { v1: None, v2: None, unmounted: Absent::NotMounted, place: Err(Absent::NotAsked), moves: 0 };
        if let Err(errno) = found.find_mounts(proc, buf) {
            found.unmounted = Source::proc(c"self/mountinfo").failed(errno);
        }
        found
    }

    fn find_mounts(&mut self, proc: &Dir, buf: &mut [u8]) -> Result<(), Errno> {
        let file = proc.file(c"self/mountinfo")?;
        Lines::new(&file, buf).each(&mut |line| match cgroup_mount(line) {
            Some(mount) if mount.version == Version::V1 => self.v1 = Some(mount),
            Some(mount) => self.v2 = Some(mount),
            None => {}
        })
    }

    /// Closes what is open and forgets whose it was: the next target must never be said to be in the cgroup of the last one, however
    /// little can be read of it.
    pub fn forget(&mut self) {
        self.place = Err(Absent::Late);
    }

    /// Looks where the target is now: one read while it stays where it is. What can't be looked at anew (ENOMEM at the limit) stays
    /// as it was found before, and that is said.
    ///
    /// Of a process that has ended it can be read until its parent collects it; v1 veils it once the process exits.
    pub fn refresh(&mut self, target: &mut Target) -> Sight {
        let mut buf = [0; TEXT_MAX];
        let (view, files) = target.view_and_files();
        let text = files.cgroup.once(view, &mut buf);
        let source = Source::process(target.pid, c"cgroup");
        let found = match text.map_err(|errno| target.absent(c"cgroup", errno)) {
            Ok(text) => memory_cgroup(text).ok_or(source.lacks("memory cgroup")),
            Err(why) => Err(why),
        };
        // v1 shows "/" for a task that is exiting, whatever its cgroup was. Asked after the path was read: who is not exiting now was not
        // then.
        let mut is_veiled = || target.stat(|stat| stat.is_exiting) != Ok(false);
        let known = self.path().map(|(_, known)| known);
        let place = match found {
            Ok((Version::V1, b"/")) if known.is_ok() && is_veiled() => return Sight::Before,
            Ok((_, path)) if known == Ok(path) => {
                self.look();
                return Sight::Now;
            }
            // A cgroup may be removed once all in it have ended.
            Ok((Version::V2, path)) if known.is_ok() && known.ok() == path.strip_suffix(b" (deleted)") => {
                return Sight::Now;
            }
            Ok((version, path)) => self.open(version, Path::of(path)),
            Err(why) => Err(why),
        };
        match place {
            Err(Absent::Unread(..) | Absent::Failed(_) | Absent::Gone) if self.place.is_ok() => return Sight::Before,
            place => self.place = place,
        }
        self.moves = self.moves.wrapping_add(1);
        if self.place.is_ok() { Sight::Now } else { Sight::Before }
    }

    /// Opens what has come to its cgroups since they were opened, and looks at the limit of those that are not shown.
    fn look(&mut self) {
        if let Ok(Place { version, path, levels: Ok(levels), above }) = &mut self.place {
            levels.iter_mut().flatten().for_each(Level::look);
            let limit = limit_above(*version, path, levels);
            // What can't be read now has not been removed.
            if limit.is_ok() || above.is_err() {
                *above = limit;
            }
        }
    }

    /// OOM kills counted in the target's own cgroup, and a number of that cgroup: another one after each move.
    pub fn oom_kills(&mut self) -> Result<(u32, u64), Absent> {
        Ok((self.moves, self.event("oom_kill")?))
    }

    /// Opens the cgroup at `path` and all above it.
    fn open(&self, version: Version, path: Path) -> Result<Place, Absent> {
        if path.is_cut() {
            return Err(Absent::Failed(Errno::ENAMETOOLONG));
        }
        let names = Names::of(version);
        let mount = match version {
            Version::V1 => self.v1.as_ref(),
            Version::V2 => self.v2.as_ref(),
        };
        let below = mount.and_then(|mount| Some((mount, below_mount(mount, path.as_bytes())?)));
        let levels = match below.map(|(mount, below)| open_levels(mount, below, &names)) {
            Some(Err(errno @ (Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE))) => {
                return Err(Absent::Failed(errno));
            }
            // The path is known all the same when its directory is not there or not permitted.
            Some(opened) => opened.map_err(Absent::from),
            None if mount.is_some() => Err(Absent::Hidden),
            None => Err(self.unmounted),
        };
        let above = match &levels {
            Ok(levels) => limit_above(version, &path, levels),
            Err(why) => Err(*why),
        };
        Ok(Place { version, path, above, levels })
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
        let levels = place.levels.as_mut().map_err(|why| *why)?;
        // A mount may show a part of the hierarchy only: what it shows is the end of the target's path.
        let own = levels.first().and_then(Option::as_ref).map_or(0, |own| own.end);
        let hidden = place.path.as_bytes().len().saturating_sub(own);
        let level = levels.get_mut(at).and_then(Option::as_mut).ok_or(Absent::Malformed)?;
        let (usage, peak) = (level.usage(), level.peak());
        let end = hidden + level.end;
        let path = place.path.as_bytes().get(..end).unwrap_or_default();
        Ok(Some(Limiting { path: if path.is_empty() { b"/" } else { path }, limit, usage, peak }))
    }

    /// The smallest limit and which level has it.
    fn smallest(&mut self) -> Result<Option<(Bytes, usize)>, Absent> {
        let place = self.place.as_mut().map_err(|why| *why)?;
        let levels = place.levels.as_mut().map_err(|why| *why)?;
        let topmost = levels.iter().flatten().count().saturating_sub(1);
        let mut smallest = place.above?.map(|limit| (limit, topmost));
        for (at, level) in levels.iter_mut().flatten().enumerate() {
            if let Limit::At(limit) = level.limit()?
                && smallest.is_none_or(|(least, level)| limit < least || (limit == least && level == topmost))
            {
                smallest = Some((limit, at));
            }
        }
        Ok(smallest)
    }

    /// The cgroup in whose events file the target's OOM kill is counted: its own, or the nearest above it that has the file.
    pub fn counted_in(&mut self) -> Result<(Version, &[u8]), Absent> {
        let place = self.place.as_mut().map_err(|why| *why)?;
        let levels = place.levels.as_mut().map_err(|why| *why)?;
        let own = levels.first().and_then(Option::as_ref).map_or(0, |own| own.end);
        let hidden = place.path.as_bytes().len().saturating_sub(own);
        let mut levels = levels.iter_mut().flatten();
        let counts = |level: &&mut Level| !level.event("oom_kill").is_err_and(Absent::is_lack);
        let level = levels.find(counts).ok_or(Absent::NotMounted)?;
        let path = place.path.as_bytes().get(..hidden + level.end).unwrap_or_default();
        Ok((place.version, if path.is_empty() { b"/" } else { path }))
    }

    /// The count behind `key` in the events file of the target's own cgroup, or of the nearest above it that has one: `oom_kill`, `max`.
    /// The kernel counts an OOM kill in the victim's cgroup (v2: and all above) whether the cgroup or the whole system was short
    /// (v1: since Linux 4.13).
    pub fn event(&mut self, key: &'static str) -> Result<u64, Absent> {
        let place = self.place.as_mut().map_err(|why| *why)?;
        let levels = place.levels.as_mut().map_err(|why| *why)?;
        let mut counts = levels.iter_mut().flatten().map(|level| level.event(key));
        let mut lack = Absent::NotMounted;
        let known = counts.find(|count| match count {
            Err(why) if why.is_lack() => {
                lack = *why;
                false
            }
            _ => true,
        });
        known.unwrap_or(Err(lack))
    }
}

/// How many cgroups are looked at for a process, its own and all above; 1 where that can't be read.
#[must_use]
pub fn levels(target: &mut Target) -> usize {
    let mut buf = [0; TEXT_MAX];
    let (view, files) = target.view_and_files();
    let path = files.cgroup.once(view, &mut buf).ok().and_then(memory_cgroup).map_or(&b""[..], |(_, path)| path);
    (1 + path.iter().filter(|byte| **byte == b'/').count()).min(LEVELS_MAX)
}

/// The cgroup `below` and all above it.
fn open_levels(mount: &Mount, below: &[u8], names: &Names) -> Result<Levels, Errno> {
    let mut levels = [const { None }; LEVELS_MAX];
    let mut end = Some(below.len());
    for slot in &mut levels {
        let Some(here) = end.and_then(|end| below.get(..end)) else {
            break;
        };
        *slot = Some(Level::open(&mount.point, here, names)?);
        end = here.iter().rposition(|byte| *byte == b'/');
    }
    Ok(levels)
}

/// v1's memory.stat tells the smallest limit of all ancestors: when it is smaller than all that are shown, one above them has it. Where all
/// are shown it is not asked for: memory.stat adds up all below. Where it can't be read nothing tells that there is none.
fn limit_above(version: Version, path: &Path, levels: &Levels) -> Result<Option<Bytes>, Absent> {
    let Some(own) = levels.first().and_then(Option::as_ref).filter(|_| version == Version::V1) else {
        return Ok(None);
    };
    let is_top_shown = levels.iter().flatten().last().is_some_and(|top| top.end == 0);
    if is_top_shown && own.end == path.as_bytes().len() {
        return Ok(None);
    }
    let Limit::At(smallest) = limit_of(own.figure("hierarchical_memory_limit")?) else {
        return Ok(None);
    };
    let is_shown = |level: &Level| matches!(level.limit(), Ok(Limit::At(limit)) if limit <= smallest);
    Ok((!levels.iter().flatten().any(is_shown)).then_some(smallest))
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
