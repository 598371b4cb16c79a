//! All memory cgroups that matter: those with a limit, and those with more than 1 % of memory. v1, v2 and both mounted.

mod look;
mod marks;

use crate::cgroup::{self, Memcg, Once};
use crate::fixed::Fixed;
use crate::host::Host;
use crate::parse::cgroup::Version;
use crate::parse::pressure::Stall;
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::reserved::Reserved;
use crate::sys::{Errno, Result};
use crate::units::{Bytes, Percent};
use marks::Marks;

const PATH: usize = 320;

/// A cgroup's path: kubelet's longest are about 250 bytes; longer ones keep their end.
pub type Path = Fixed<PATH>;

/// Room for the paths of directories that are still to be listed: those that are beside the way down to the present one, and have others
/// below them. 300 pods have 40 KB.
const QUEUE: usize = 64 * 1024;

/// A cgroup at one moment. What could not be read is `None`.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Its path in the hierarchy, from `/`.
    pub path: Path,
    /// memory.current or memory.usage_in_bytes.
    pub usage: Option<Bytes>,
    /// memory.max or memory.limit_in_bytes; `None`: no limit.
    pub limit: Option<Bytes>,
    /// memory.peak or memory.max_usage_in_bytes.
    pub peak: Option<Bytes>,
    /// anon or total_rss of memory.stat.
    pub anon: Option<Bytes>,
    /// file or total_cache.
    pub file: Option<Bytes>,
    /// kernel (Linux 5.18) or memory.kmem.usage_in_bytes.
    pub kernel: Option<Bytes>,
    /// sock or memory.kmem.tcp.usage_in_bytes.
    pub sock: Option<Bytes>,
    /// memory.pressure's full (v2).
    pub full: Option<Stall>,
    /// How often its limit was hit since the sample before: `max` of memory.events (v2), memory.failcnt and
    /// memory.memsw.failcnt (v1).
    pub max: Option<u64>,
    /// OOM situations since the sample before (v2).
    pub oom: Option<u64>,
    /// OOM kills since the sample before.
    pub oom_kills: Option<u64>,
    /// The same since the cgroup was made: what memory.events or memory.oom_control says.
    pub oom_kills_ever: Option<u64>,
}

impl Group {
    /// Its usage as a share of its limit.
    #[must_use]
    pub fn percent(&self) -> Option<Percent> {
        Percent::of(self.usage?, self.limit?)
    }
}

/// All memory cgroups, found anew at each reading.
#[derive(Debug)]
pub struct Groups {
    top: Option<Top>,
    /// None of these is ever longer than its room, so that nothing is allocated after [`Groups::arm`].
    rows: Reserved<Group>,
    marks: Marks,
    /// Paths of directories that are still to be listed, each with its length behind it.
    queue: Reserved<u8>,
    unlisted: u64,
    /// Why one could not be looked into at the last reading.
    failed: Option<Errno>,
}

/// Where the walk begins. Paths below it are `./a/b`.
#[derive(Debug)]
struct Top {
    dir: Dir,
    device: u64,
    version: Version,
    /// What stands before a path: the part of the hierarchy that the mount does not show.
    hidden: cgroup::Path,
}

impl Top {
    fn find(host: &Host) -> Option<Self> {
        let memcg = Memcg::new(&host.proc, &mut [0; 4096]);
        let mount = memcg.mount()?;
        let hidden: &[u8] = match mount.root.as_bytes() {
            // Above its own namespace nothing has a name.
            root if root.starts_with(b"/..") => b"",
            root => root.strip_suffix(b"/").unwrap_or(root),
        };
        let dir = Dir::open(mount.point.as_c_str()?).ok()?;
        if !Once::new(&dir, mount.version).has_controller(mount.version) {
            return None;
        }
        let ((device, _), _) = dir.node().ok()?;
        Some(Self { dir, device, version: mount.version, hidden: cgroup::Path::of(hidden) })
    }

    /// What the kernel calls it, from `/`.
    fn path(&self, below: &cgroup::Path, into: &mut Path) {
        let below = below.as_bytes().get(1..).unwrap_or_default();
        let parts: [&[u8]; 2] = match (self.hidden.as_bytes(), below) {
            (b"", b"") => [b"", b"/"],
            (hidden, below) => [hidden, below],
        };
        let mut over = (parts[0].len() + parts[1].len()).saturating_sub(PATH - 1);
        for part in parts {
            let cut = over.min(part.len());
            over -= cut;
            into.push(part.get(cut..).unwrap_or_default());
        }
    }
}

impl Groups {
    /// Finds the hierarchy that has the memory controller, and takes room for so many cgroups: 1.5 KiB for each, and [`QUEUE`].
    pub fn arm(host: &Host, room: usize) -> Result<Self> {
        Ok(Self {
            top: Top::find(host),
            rows: Reserved::new(room)?,
            marks: Marks::arm(room)?,
            queue: Reserved::new(QUEUE)?,
            unlisted: 0,
            failed: None,
        })
    }

    /// Which hierarchy it is; `None`: none that has the memory controller is mounted.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.top.as_ref().map(|top| top.version)
    }

    /// Those that have a limit or more than 1 % of memory, the largest first: who shows ten of them shows the first ten.
    #[must_use]
    pub fn rows(&self) -> &[Group] {
        &self.rows
    }

    /// How many of these there was no room for; what is below them is not counted.
    #[must_use]
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Why some, or all, could not be looked into at the last reading.
    #[must_use]
    pub const fn failed(&self) -> Option<Errno> {
        self.failed
    }

    /// Looks at all of them; `total` is MemTotal. 209 cgroups of which 7 are listed take 3.5 ms of CPU, and 13 ms when all are listed:
    /// 17 us to see whether one is, and 50 us more if so (v1 on 6.18, 95 % of it the kernel's).
    pub fn read(&mut self, total: Option<Bytes>) {
        self.marks.turn();
        self.rows.clear();
        self.queue.clear();
        (self.unlisted, self.failed) = (0, None);
        // Taken out while it is used, as the rest changes meanwhile.
        let Some(top) = self.top.take() else {
            return;
        };
        let small = total.map(|total| Bytes(total.0 / 100));
        let mut looked = self.look(&top, &cgroup::Path::of(b"."), small);
        // The top neither goes nor lacks the controller.
        self.failed = looked.err();
        self.settle(looked);
        while let Some(path) = self.pop() {
            looked = self.list(&top, &path, small);
            self.settle(looked);
        }
        self.top = Some(top);
        self.sort();
    }

    /// Each row to its place: n^2 / 2 comparisons, and n moves of half a KiB.
    fn sort(&mut self) {
        for at in 0..self.rows.len() {
            let rest = self.rows.iter().enumerate().skip(at).rev();
            if let Some((largest, _)) = rest.max_by_key(|(_, row)| row.usage) {
                self.rows.swap(at, largest);
            }
        }
    }

    /// Looks at all that are directly below `path`. A directory that is removed meanwhile ends there.
    fn list(&mut self, top: &Top, path: &cgroup::Path, small: Option<Bytes>) -> Result<()> {
        let listing = top.dir.listing(path.as_c_str().ok_or(Errno::ENAMETOOLONG)?)?;
        let mut entries = Entries::new(&listing)?;
        while let Some(name) = entries.next_dir() {
            let mut below = path.clone();
            below.push(b"/").push(name?.to_bytes());
            let looked = self.look(top, &below, small);
            self.settle(looked);
        }
        Ok(())
    }

    fn settle(&mut self, looked: Result<()>) {
        match looked {
            // It has gone, or the controller is turned on neither for it nor for what is below.
            Ok(()) | Err(Errno::ENOENT | Errno::ENODEV | Errno::ENOTDIR) => {}
            Err(errno) => {
                self.failed = Some(errno);
                self.marks.miss();
            }
        }
    }

    fn look(&mut self, top: &Top, path: &cgroup::Path, small: Option<Bytes>) -> Result<()> {
        let dir = top.dir.dir(path.as_c_str().ok_or(Errno::ENAMETOOLONG)?)?;
        let ((device, inode), links) = dir.node()?;
        if device != top.device {
            // Something else is mounted there.
            return Ok(());
        }
        let files = Once::new(&dir, top.version);
        let is_top = path.as_bytes() == b".";
        let usage = match files.usage() {
            // v2's root has none.
            Err(Errno::ENOENT) if is_top => None,
            usage => Some(usage?),
        };
        // cgroupfs counts directories as links. Most have none below them, and to find that out by listing 30 files is dear.
        if links != 2 && !self.push(path.as_bytes()) {
            self.miss();
        }
        let limit = match files.limit() {
            // It is as little known as that of one that says nothing; what else it has is.
            Err(Errno::EBADMSG) => None,
            limit => limit?,
        };
        let is_large = usage.zip(small).is_some_and(|(usage, small)| usage > small);
        let mut counts = [None; 3];
        // v1's root has all of the memory, and no limit.
        let is_listed = limit.is_some() || is_large && !(is_top && top.version == Version::V1);
        let (rows, unlisted) = (&mut self.rows, &mut self.unlisted);
        if is_listed && let Some(group) = place(rows, unlisted, usage) {
            look::fill(group, &files, top.version);
            top.path(path, &mut group.path);
            group.usage = usage;
            group.limit = limit;
            counts = [group.max, group.oom, group.oom_kills];
            [group.max, group.oom, group.oom_kills] = self.marks.since(inode, counts);
        }
        self.marks.note(inode, counts);
        Ok(())
    }

    fn miss(&mut self) {
        self.unlisted += 1;
        self.marks.miss();
    }

    /// Whether there is room to list it later.
    fn push(&mut self, path: &[u8]) -> bool {
        let Ok(length) = u16::try_from(path.len()) else {
            return false;
        };
        let is_room = self.queue.capacity() - self.queue.len() >= path.len() + 2;
        if is_room {
            self.queue.extend_from_slice(path);
            self.queue.extend_from_slice(&length.to_ne_bytes());
        }
        is_room
    }

    fn pop(&mut self) -> Option<cgroup::Path> {
        let (rest, length) = self.queue.split_last_chunk()?;
        let start = rest.len().checked_sub(u16::from_ne_bytes(*length).into())?;
        let path = cgroup::Path::of(rest.get(start..)?);
        self.queue.truncate(start);
        Some(path)
    }
}

/// An empty row more. Without room, the smallest is left out.
fn place<'r>(rows: &'r mut Reserved<Group>, unlisted: &mut u64, usage: Option<Bytes>) -> Option<&'r mut Group> {
    if rows.push(Group::default()).is_ok() {
        return rows.last_mut();
    }
    *unlisted += 1;
    let least = rows.iter_mut().min_by_key(|row| row.usage);
    let least = least.filter(|least| least.usage < usage)?;
    *least = Group::default();
    Some(least)
}
