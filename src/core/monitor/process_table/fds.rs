//! What the descriptors of a process are.

use core::ffi::CStr;

use crate::fixed::Fixed;
use crate::host::Host;
use crate::sys::file::{About, Dir};
use crate::sys::getdents::Entries;
use crate::sys::{Errno, Result};
use crate::units::{Bytes, Pid};

/// So many are looked at, 20 ms at most: who has more leaks one kind.
const LOOKED_AT: u64 = 1 << 14;

/// So many files that have no name any more are told apart; what further ones take is added for each descriptor.
const APART: usize = 64;

/// How many descriptors there are of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DescriptorCounts {
    /// `socket:[...]`
    pub socket: u64,
    /// Files and directories.
    pub file: u64,
    /// `pipe:[...]`
    pub pipe: u64,
    /// `anon_inode:...`: epoll, eventfd, timerfd, inotify, io_uring, pidfd, BPF.
    pub anon_inode: u64,
    /// Files that were deleted, and take room until they are closed.
    pub deleted: u64,
    /// `/dev/...`, but /dev/shm.
    pub device: u64,
    /// memfd_create(2).
    pub memfd: u64,
    /// Namespaces and what else there is.
    pub other: u64,
    /// Those whose link may not be read.
    pub unreadable: u64,
    /// What deleted files take, each counted once.
    pub deleted_size: Bytes,
    /// What memfds take of memory, each counted once.
    pub memfd_size: Bytes,
}

impl DescriptorCounts {
    /// How many were looked at: all of them, or 16,384.
    #[must_use]
    pub const fn looked_at(&self) -> u64 {
        let files = self.file + self.deleted + self.device + self.memfd;
        files + self.socket + self.pipe + self.anon_inode + self.other + self.unreadable
    }
}

/// Of what kind the descriptors of a process are. They change meanwhile: it is what was seen.
pub fn kinds(host: &Host, pid: Pid) -> Result<DescriptorCounts> {
    let mut path = Fixed::<32>::new();
    path.push_dec(pid.get()).push(b"/fd");
    let path = path.as_c_str().unwrap_or_default();
    let dir = host.proc.dir(path)?;
    let listing = host.proc.listing(path)?;
    let mut entries = Entries::new(&listing)?;
    let mut kinds = DescriptorCounts::default();
    let mut known = UnnamedFiles { files: [(0, 0); APART], len: 0 };
    while kinds.looked_at() < LOOKED_AT
        && let Some(name) = entries.next()
    {
        let name = name?;
        if !name.to_bytes().starts_with(b".") {
            kinds.add(&dir, name, &mut known);
        }
    }
    Ok(kinds)
}

/// Files without a name, each once.
struct UnnamedFiles {
    files: [(u64, u64); APART],
    len: usize,
}

impl UnnamedFiles {
    /// What it takes, unless that was added already.
    fn size(&mut self, about: &About) -> Bytes {
        let is_known = self.files.iter().take(self.len).any(|file| *file == about.identity);
        if is_known {
            return Bytes(0);
        }
        if let Some(place) = self.files.get_mut(self.len) {
            *place = about.identity;
            self.len += 1;
        }
        about.held
    }
}

impl DescriptorCounts {
    fn add(&mut self, dir: &Dir, name: &CStr, known: &mut UnnamedFiles) {
        // A path, and what the kernel adds.
        let mut buf = [0; 4096 + 16];
        let link = match dir.link(name, &mut buf) {
            Ok(link) => link,
            // Closed meanwhile.
            Err(Errno::ENOENT) => return,
            Err(_) => {
                self.unreadable += 1;
                return;
            }
        };
        // A file may be called as if it were deleted.
        let about = link.ends_with(b" (deleted)").then(|| dir.about(name));
        let nameless = about.and_then(Result::ok).filter(|about| about.names == 0);
        let count = match (link, &nameless) {
            ([b'/', b'm', b'e', b'm', b'f', b'd', b':', ..], Some(about)) => {
                self.memfd_size = self.memfd_size.plus(known.size(about));
                &mut self.memfd
            }
            (_, Some(about)) => {
                self.deleted_size = self.deleted_size.plus(known.size(about));
                &mut self.deleted
            }
            _ => self.of(link),
        };
        *count += 1;
    }

    /// By what the link of one that has a name begins with.
    fn of(&mut self, link: &[u8]) -> &mut u64 {
        let is = |start: &str| link.starts_with(start.as_bytes());
        match () {
            () if is("socket:") => &mut self.socket,
            () if is("pipe:") => &mut self.pipe,
            // Linux 6.9 gives pidfds a filesystem of their own.
            () if is("anon_inode:") || is("pidfd:") => &mut self.anon_inode,
            () if is("/dev/") && !is("/dev/shm/") => &mut self.device,
            () if is("/") => &mut self.file,
            () => &mut self.other,
        }
    }
}
