//! Which descriptors of a process are sockets: the links of `/proc/PID/fd`.

use core::ffi::CStr;

use super::table::Entry;
use crate::error::{Absent, Source};
use crate::fixed::Fixed;
use crate::parse::dec;
use crate::sys::Errno;
use crate::sys::file::{Dir, File};
use crate::sys::getdents::Entries;

/// `socket:[4294967295]` is 19 bytes; a path that is cut does not become one.
const LINK: usize = 32;

/// The descriptors of a process, held open for one pass.
pub(super) struct Listing {
    list: File,
    fds: Dir,
}

impl Listing {
    /// Needs the permission to read the process as a debugger would (`PTRACE_MODE_READ_FSCREDS`).
    pub(super) fn open(view: &Dir) -> Result<Self, Absent> {
        Ok(Self { list: view.listing(c"fd").map_err(of_process)?, fds: view.dir(c"fd").map_err(of_process)? })
    }

    /// Calls `each` for every descriptor of a socket. Returns why a link could not be read, if one could not.
    pub(super) fn sockets(&self, each: &mut dyn FnMut(Entry)) -> Result<Option<Absent>, Absent> {
        let mut unread = None;
        let mut entries = Entries::new(&self.list).map_err(of_process)?;
        while let Some(name) = entries.next() {
            let name = name.map_err(of_process)?;
            let Some(fd) = number(name.to_bytes()) else {
                continue;
            };
            match self.inode(name) {
                Ok(Some(inode)) => each(Entry { inode, fd }),
                // ENOENT: closed since it was listed.
                Ok(None) | Err(Errno::ENOENT) => {}
                Err(errno @ (Errno::EACCES | Errno::EPERM | Errno::ESRCH)) => {
                    return Err(of_process(errno));
                }
                Err(errno) => unread = Some(of_process(errno)),
            }
        }
        Ok(unread)
    }

    /// Whether a descriptor still is of that socket. When in doubt it is: nothing may be called closed that can't be read.
    pub(super) fn still_has(&self, entry: Entry) -> bool {
        let mut name = Fixed::<16>::new();
        name.push_dec(entry.fd);
        let inode = name.as_c_str().map(|name| self.inode(name));
        !matches!(inode, Some(Ok(inode)) if inode != Some(entry.inode)) && !matches!(inode, Some(Err(Errno::ENOENT)))
    }

    fn inode(&self, name: &CStr) -> Result<Option<u32>, Errno> {
        let mut buf = [0; LINK];
        Ok(inode_of(self.fds.link(name, &mut buf)?))
    }
}

/// Every process has `fd`: if there is none, then the process has gone.
fn of_process(errno: Errno) -> Absent {
    match errno {
        Errno::ENOENT | Errno::ESRCH => Absent::Gone,
        other => Source::target(c"fd").failed(other),
    }
}

/// `socket:[1076]`. No path looks like it: those begin with a slash, and the kernel's other links with other words.
fn inode_of(link: &[u8]) -> Option<u32> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

fn number(text: &[u8]) -> Option<u32> {
    u32::try_from(dec(text)?).ok()
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn only_a_whole_link_is_a_socket() {
        assert_eq!(inode_of(b"socket:[1076]"), Some(1076));
        assert_eq!(inode_of(b"socket:[4294967295]"), Some(u32::MAX));
        for other in [
            &b"socket:[107"[..],
            b"socket:[]",
            b"socket:[+1]",
            b"socket:[-1]",
            b"socket:[4294967296]",
            b"/tmp/socket:[1]",
            b"socket:[1] (deleted)",
            b"pipe:[1]",
            b"",
        ] {
            assert_eq!(inode_of(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn a_closed_descriptor_is_not_had_any_more() {
        let view = Dir::open(c"/proc/self").expect("/proc");
        let listing = Listing::open(&view).expect("fd");
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
        let fd = socket.as_raw_fd().unsigned_abs();
        let mut found = None;
        let unread = listing.sockets(&mut |entry| {
            if entry.fd == fd {
                found = Some(entry);
            }
        });
        assert_eq!(unread, Ok(None));
        let entry = found.expect("the own socket");
        assert!(listing.still_has(entry));
        assert!(!listing.still_has(Entry { inode: entry.inode ^ 1, ..entry }));
        assert!(!listing.still_has(Entry { fd: 0x7fff_ffff, ..entry }));
    }
}
