//! Directory entries without opendir(3), which allocates.

extern crate std;

use core::ffi::CStr;
use core::ops::Range;
use nix::unistd::{Whence, lseek};
use std::os::fd::{AsFd, AsRawFd};

use super::file::File;
use super::{Errno, Result};

/// Room for the entries of one getdents64(2): about 40 of `/proc/PID/fd` per KiB.
pub const BUFFER: usize = 2048;

/// The names in a directory, as getdents64(2) gives them, `.` and `..` included.
pub struct Entries<'f> {
    dir: &'f File,
    /// `linux_dirent64` begins with two 64-bit numbers; an aligned buffer isn't needed as fields are read byte by byte.
    buf: [u8; BUFFER],
    at: usize,
    end: usize,
}

/// A name, and what it names.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'e> {
    /// The name.
    pub name: &'e CStr,
    /// The inode's number, d_ino. Of `/proc/PID` it is made up when the directory is first looked up and stays as long as the kernel
    /// keeps that in its cache.
    pub inode: u64,
}

/// Offset of d_reclen in `struct linux_dirent64` (getdents(2)): after d_ino and d_off, 8 bytes each.
const RECLEN: usize = 16;
/// Offset of d_type.
const TYPE: usize = 18;
/// Offset of d_name: after d_reclen (2 bytes) and d_type (1).
const NAME: usize = 19;

impl<'f> Entries<'f> {
    /// The entries of `dir`, from its first.
    pub fn new(dir: &'f File) -> Result<Self> {
        lseek(dir, 0, Whence::SeekSet)?;
        Ok(Self { dir, buf: [0; BUFFER], at: 0, end: 0 })
    }

    /// The next name, `None` at the end.
    pub fn next(&mut self) -> Option<Result<&CStr>> {
        let entry = self.advance()?;
        Some(entry.and_then(|entry| name_of(&self.buf[entry])))
    }

    /// The next name with its inode, `None` at the end.
    pub fn entry(&mut self) -> Option<Result<Entry<'_>>> {
        let entry = self.advance()?;
        Some(entry.and_then(|entry| {
            let entry = &self.buf[entry];
            let inode = entry.first_chunk::<8>();
            Ok(Entry { name: name_of(entry)?, inode: inode.map_or(0, |ino| u64::from_ne_bytes(*ino)) })
        }))
    }

    /// The next directory but `.` and `..`; where the file system does not tell (DT_UNKNOWN), it may be something else.
    pub fn next_dir(&mut self) -> Option<Result<&CStr>> {
        loop {
            let entry = match self.advance()? {
                Ok(entry) => entry,
                Err(errno) => return Some(Err(errno)),
            };
            let kind = self.buf[entry.clone()].get(TYPE);
            let name = name_of(&self.buf[entry.clone()]);
            if matches!(kind, Some(&(libc::DT_DIR | libc::DT_UNKNOWN)))
                && !matches!(name.map(CStr::to_bytes), Ok(b"." | b".."))
            {
                return Some(name_of(&self.buf[entry]));
            }
        }
    }

    /// Where the next entry is in the buffer.
    fn advance(&mut self) -> Option<Result<Range<usize>>> {
        if self.at >= self.end {
            match self.refill() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(errno) => return Some(Err(errno)),
            }
        }
        let entry = &self.buf[self.at..self.end];
        let length = entry.get(RECLEN..RECLEN + 2).map_or(0, |b| usize::from(u16::from_ne_bytes([b[0], b[1]])));
        let start = self.at;
        self.at = match length {
            0 => self.end,
            length => start + length,
        };
        if length <= entry.len() { Some(Ok(start..start + length)) } else { Some(Err(Errno::EBADMSG)) }
    }

    fn refill(&mut self) -> Result<usize> {
        let fd = self.dir.as_fd().as_raw_fd();
        // SAFETY: the kernel writes at most `buf.len()` bytes into `buf`.
        let read = unsafe { libc::syscall(libc::SYS_getdents64, fd, self.buf.as_mut_ptr(), self.buf.len()) };
        self.at = 0;
        self.end = usize::try_from(read).map_err(|_| Errno::last())?;
        Ok(self.end)
    }
}

fn name_of(entry: &[u8]) -> Result<&CStr> {
    let name = entry.get(NAME..);
    let name = name.and_then(|name| CStr::from_bytes_until_nul(name).ok());
    name.ok_or(Errno::EBADMSG)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::file::Dir;

    #[test]
    fn a_process_has_the_inode_that_its_directory_has() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let name = std::format!("{}", std::process::id());
        let own = std::ffi::CString::new(name).expect("no NUL");
        let listing = proc.listing(c".").expect("listing");
        let mut entries = Entries::new(&listing).expect("entries");
        let found = loop {
            let entry = entries.entry().expect("this process").expect("entry");
            if entry.name == own.as_c_str() {
                break entry.inode;
            }
        };
        assert_eq!(proc.identity(&own).expect("identity").1, found);
    }

    #[test]
    fn the_root_has_proc_in_it_both_times() {
        let root = Dir::open(c"/").expect("/");
        let listing = root.listing(c".").expect("listing");
        for _ in 0..2 {
            let mut entries = Entries::new(&listing).expect("entries");
            let mut found = false;
            while let Some(name) = entries.next() {
                found |= name.expect("name") == c"proc";
            }
            assert!(found);
        }
    }

    #[test]
    fn directories_are_told_from_files() {
        let proc = Dir::open(c"/proc/self").expect("/proc");
        let listing = proc.listing(c".").expect("listing");
        let mut entries = Entries::new(&listing).expect("entries");
        let mut found = std::vec::Vec::new();
        while let Some(name) = entries.next_dir() {
            found.push(name.expect("name").to_bytes().to_vec());
        }
        let has = |name: &[u8]| found.iter().any(|found| found == name);
        assert!(has(b"fd") && has(b"task"));
        assert!(!has(b"stat") && !has(b"cwd") && !has(b".") && !has(b".."));
    }
}
