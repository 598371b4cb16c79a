//! A file of one process that stays open between readings.
//!
//! At a memory cgroup's hard limit openat(2) fails with ENOMEM, while a descriptor that was opened and read before still works.

use core::ffi::CStr;

use super::file::{Dir, File};
use super::lines::Lines;
use super::{Errno, Result};

/// A file that is opened at the first use and then kept.
#[derive(Debug)]
pub struct Kept {
    name: &'static CStr,
    file: Option<File>,
    /// Why it could not be opened last.
    refused: Errno,
}

impl Kept {
    /// Names the file; nothing is opened yet.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        Self { name, file: None, refused: Errno::ENOENT }
    }

    /// The name below its directory.
    #[must_use]
    pub const fn name(&self) -> &'static CStr {
        self.name
    }

    /// Closes the file, so that the next use opens it anew.
    pub fn reset(&mut self) {
        self.file = None;
    }

    /// The open file.
    pub fn file(&mut self, dir: &Dir) -> Result<&File> {
        if self.file.is_none() {
            let opened = dir.file(self.name);
            self.file = Some(opened.inspect_err(|errno| self.refused = *errno)?);
        }
        self.file.as_ref().ok_or(Errno::EBADF)
    }

    /// Whether it is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Reads it if it is open, and else says why it is not: openat(2) takes a page of the kernel's even for a file that is not there.
    pub fn if_open<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        self.file.as_ref().ok_or(self.refused)?.once(buf)
    }

    /// Reads a file that the kernel prints in one go.
    pub fn once<'b>(&mut self, dir: &Dir, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        self.file(dir)?.once(buf)
    }

    /// Hands each line to `each`; one longer than 4 KiB is cut. Of files of many lines the kernel gives no more than that in one read.
    pub fn each_line(&mut self, dir: &Dir, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut buf = [0; 4096];
        let mut lines = Lines::new(self.file(dir)?, &mut buf);
        while let Some(line) = lines.next() {
            each(line?);
        }
        Ok(())
    }

    /// Its lines. For a file bound to an address space (maps, smaps_rollup): exec() leaves a kept descriptor on the old one,
    /// which then gives nothing, so a file that begins with nothing is opened once more.
    pub fn lines<'b>(&mut self, dir: &Dir, buf: &'b mut [u8]) -> Result<Lines<'_, 'b>> {
        let was_kept = self.file.is_some();
        let first = self.file(dir)?.read_at(buf, 0);
        let len = match first {
            Ok(0) | Err(_) if was_kept => {
                let fresh = dir.file(self.name);
                if let Ok(file) = fresh {
                    self.file = Some(file);
                }
                self.file(dir)?.read_at(buf, 0)?
            }
            other => other?,
        };
        Ok(Lines::resume(self.file(dir)?, buf, len))
    }
}
