//! File systems in memory, and System V segments: memory that no process shows, and that stays when processes end.
//!
//! A file system is counted once, however often it is mounted (bind mounts, a mount of one of its directories, propagation into another
//! place): what tells one from another is its device, which mountinfo and stat(2) both show. What is found at a mount point is
//! counted only if it has that device, because another mount may lie over it, and its figures would be those of a disk.

use crate::error::{Absent, Source};
use crate::fixed::Fixed;
use crate::largest::keep;
use crate::parse::mountinfo::tmpfs_mount;
use crate::parse::sysvipc::{self, Segment};
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::units::Bytes;

/// The fullest that are named.
const SHOWN: usize = 5;

/// A tmpfs.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Where it is mounted first, raw.
    pub point: Fixed<256>,
    /// What is in it, in memory or swap.
    pub used: Bytes,
}

/// File systems that are told apart: a node of Kubernetes has 110 pods with four or five tmpfs each. Of what is beyond that it is not known
/// whether it was counted before, so it is not counted, and [`Mounts::untold`] says how many mounts these are.
const DEVICES: usize = 1024;

/// All that memdoor's own mount namespace shows.
#[derive(Debug)]
pub struct Mounts {
    /// The fullest first.
    pub fullest: [Option<Mount>; SHOWN],
    /// The sum over all.
    pub used: Bytes,
    /// Mounts that are left out, because there was no room to remember their device.
    pub untold: u64,
    /// By its device one that is mounted twice is known.
    devices: [u64; DEVICES],
    count: usize,
}

impl Mounts {
    const fn none() -> Self {
        Self { fullest: [const { None }; SHOWN], used: Bytes(0), untold: 0, devices: [0; DEVICES], count: 0 }
    }

    /// Looks at each: one fstatfs(2).
    #[must_use]
    pub fn read(proc: &Dir, buf: &mut [u8]) -> Self {
        let mut all = Self::none();
        let Ok(file) = proc.file(c"self/mountinfo") else {
            return all;
        };
        let mut lines = Lines::new(&file, buf);
        while let Some(Ok(line)) = lines.next() {
            if let Some((point, device)) = tmpfs_mount(line)
                && !all.is_known(device)
                && let Some(used) = used_of(&point, device)
            {
                all.add(point.as_bytes(), device, used);
            }
        }
        all
    }

    /// How much was in the same file system; of one that was not among the fullest, the most that it can have had.
    #[must_use]
    pub fn used_at(&self, now: &Mount) -> Bytes {
        let mut all = self.fullest.iter().flatten();
        let then = all.find(|then| then.point.as_bytes() == now.point.as_bytes());
        let least = || self.fullest.last()?.as_ref().map(|last| last.used);
        then.map(|then| then.used).or_else(least).unwrap_or_default()
    }

    fn is_known(&self, device: u64) -> bool {
        self.devices.iter().take(self.count).any(|known| *known == device)
    }

    /// Adds one that is not known yet.
    fn add(&mut self, point: &[u8], device: u64, used: Bytes) {
        let Some(slot) = self.devices.get_mut(self.count) else {
            self.untold += 1;
            return;
        };
        *slot = device;
        self.count += 1;
        self.used = self.used.plus(used);
        let point = Fixed::of(point);
        keep(&mut self.fullest, Mount { point, used }, |mount| mount.used);
    }
}

/// What the file system of this device holds, if it is what lies at `point` now.
fn used_of(point: &Fixed<1024>, device: u64) -> Option<Bytes> {
    let dir = Dir::open(point.as_c_str()?).ok()?;
    let is_it = dir.about(c".").is_ok_and(|about| about.identity.0 == device);
    is_it.then(|| dir.used().ok().map(Bytes))?
}

/// Where segments are listed.
const SEGMENTS: Source = Source::proc(c"sysvipc/shm");

/// Hands each System V segment of memdoor's own IPC namespace to `each`; or why they are not known, up to an error.
///
/// The kernel's file has a line of titles when there is no segment. Container runtimes mask it by another one (`/dev/null`) or by an empty
/// directory over it, and a kernel may have none: then nothing says that there are none.
pub fn each_segment(proc: &Dir, buf: &mut [u8], each: &mut dyn FnMut(Segment)) -> Result<(), Absent> {
    let failed = |errno| SEGMENTS.failed(errno);
    let file = proc.file(c"sysvipc/shm").map_err(failed)?;
    let (mut is_titled, mut is_empty) = (false, true);
    let read = Lines::new(&file, buf).each(&mut |line| {
        is_empty = false;
        is_titled |= sysvipc::is_title(line);
        sysvipc::segment(line).into_iter().for_each(&mut *each);
    });
    read.map_err(failed)?;
    match is_titled {
        true => Ok(()),
        false => Err(if is_empty { SEGMENTS.empty() } else { SEGMENTS.lacks("shmid") }),
    }
}

/// Memory that lasts: nobody's end gives it back, but for files that were deleted and are still open.
///
/// `Shmem` of /proc/meminfo is more than that: it has anonymous shared memory, memfds and buffers of graphics in it, which end with
/// processes. So this is what file systems and segments say themselves, those that memdoor sees: not those of other mount and IPC namespaces.
#[derive(Clone, Debug)]
pub struct Lasting {
    /// In files of tmpfs, in memory or swap.
    pub files: Bytes,
    /// In System V segments that nobody has removed, in memory or swap; or why that is not known.
    pub segments: Result<Bytes, Absent>,
    /// The tmpfs that has most of it.
    pub fullest: Option<Mount>,
}

impl Lasting {
    /// Looks at all of it.
    #[must_use]
    pub fn read(proc: &Dir, buf: &mut [u8]) -> Self {
        let mut segments = Bytes(0);
        let read = each_segment(proc, buf, &mut |segment| {
            if !segment.is_removed {
                segments = segments.plus(segment.rss.unwrap_or_default()).plus(segment.swap.unwrap_or_default());
            }
        });
        let Mounts { used, fullest: [fullest, ..], .. } = Mounts::read(proc, buf);
        Self { files: used, segments: read.map(|()| segments), fullest: fullest.filter(|mount| mount.used.0 > 0) }
    }

    /// The same without files that are in those file systems and were deleted: they last no longer than those who map them.
    #[must_use]
    pub fn without(self, deleted: Bytes) -> Self {
        Self { files: Bytes(self.files.0.saturating_sub(deleted.0)), ..self }
    }

    /// All of it that is known, in memory or swap.
    #[must_use]
    pub fn all(&self) -> Bytes {
        self.files.plus(self.segments.unwrap_or_default())
    }

    /// All of it that may be in memory: what is known to be in swap, or can't be in `Shmem`, is not.
    #[must_use]
    pub fn resident(&self, shmem: Option<Bytes>) -> Bytes {
        let all = self.all();
        shmem.map_or(all, |shmem| all.min(shmem))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::system::own_pid;

    #[test]
    fn the_fullest_come_first_and_none_twice() {
        let mut all = Mounts::none();
        for (device, used) in [(1, 5), (2, 9), (2, 9), (3, 1), (4, 7), (5, 2), (6, 8), (3, 1)] {
            if !all.is_known(device) {
                all.add(std::format!("/{device}").as_bytes(), device, Bytes(used));
            }
        }
        let used: std::vec::Vec<u64> = all.fullest.iter().flatten().map(|mount| mount.used.0).collect();
        assert_eq!(used, [9, 8, 7, 5, 2]);
        assert_eq!(all.used, Bytes(32));
    }
    #[test]
    fn of_more_than_there_is_room_for_nothing_is_counted_twice() {
        let mut all = Mounts::none();
        for device in 1..=DEVICES as u64 + 3 {
            all.add(b"/x", device, Bytes(1));
        }
        assert_eq!((all.used, all.untold), (Bytes(DEVICES as u64), 3));
    }

    #[test]
    fn what_lasts_is_never_more_than_the_shared_memory_that_there_is() {
        let lasting = Lasting { files: Bytes(30), segments: Ok(Bytes(12)), fullest: None };
        assert_eq!(lasting.resident(Some(Bytes(100))), Bytes(42));
        assert_eq!(lasting.resident(Some(Bytes(40))), Bytes(40), "the rest is in swap");
        assert_eq!(lasting.resident(None), Bytes(42), "before Linux 2.6.32");
    }

    /// A file over it, an empty one, none, and the kernel's own without any segment.
    #[test]
    fn segments_are_none_only_where_the_kernel_says_so() {
        let dir = std::env::temp_dir().join(std::format!("memdoor-sysvipc-{}", own_pid()));
        std::fs::create_dir_all(dir.join("sysvipc")).expect("a directory");
        let path = std::ffi::CString::new(dir.to_str().expect("UTF-8")).expect("no NUL");
        let proc = Dir::open(&path).expect("a directory");
        let of = |text: Option<&str>| {
            let file = dir.join("sysvipc/shm");
            let _ = std::fs::remove_file(&file);
            if let Some(text) = text {
                std::fs::write(file, text).expect("written");
            }
            let mut count = 0;
            each_segment(&proc, &mut [0; 4096], &mut |_| count += 1).map(|()| count)
        };
        let title = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n";
        assert_eq!(of(Some(title)), Ok(0));
        assert_eq!(of(Some("")), Err(SEGMENTS.empty()));
        assert_eq!(of(Some("masked\n")), Err(SEGMENTS.lacks("shmid")));
        assert_eq!(of(None), Err(SEGMENTS.failed(crate::sys::Errno::ENOENT)));
        let _ = std::fs::remove_dir_all(&dir);
    }

    /// A /proc whose mountinfo names what is mounted on this machine, and what is not.
    #[test]
    fn a_tmpfs_is_counted_once_and_what_lies_over_it_is_not_taken_for_it() {
        let shm = Dir::open(c"/dev/shm").expect("/dev/shm");
        let device = shm.about(c".").expect("statx").identity.0;
        let (major, minor) = (device >> 32, device & 0xffff_ffff);
        let dir = std::env::temp_dir().join(std::format!("memdoor-tmpfs-{}", own_pid()));
        std::fs::create_dir_all(dir.join("self")).expect("a directory");
        let mountinfo = std::format!(
            "28 1 {major}:{minor} / /dev/shm rw - tmpfs tmpfs rw\n\
             29 1 {major}:{minor} /sub /dev/shm rw - tmpfs tmpfs rw\n\
             30 1 0:999999 / /proc rw - tmpfs tmpfs rw\n"
        );
        std::fs::write(dir.join("self/mountinfo"), mountinfo).expect("mountinfo");
        let path = std::ffi::CString::new(dir.to_str().expect("UTF-8")).expect("no NUL");
        let all = Mounts::read(&Dir::open(&path).expect("a directory"), &mut [0; 4096]);
        let _ = std::fs::remove_dir_all(&dir);
        assert_eq!(all.count, 1, "bind mounts are one, and /proc is no tmpfs whatever lies below it");
        assert_eq!(all.fullest.iter().flatten().count(), 1);
    }
}
