//! A file of one process that stays open between readings.
//!
//! At a memory cgroup's hard limit openat(2) fails with ENOMEM, while a descriptor that was opened and read before still works.

use core::ffi::CStr;
use core::time::Duration;

use super::bounded::{Bounded, PATIENCE};
use super::file::{Dir, File, ReadAt};
use super::lines::Lines;
use super::{Errno, Result};
use crate::units::Pid;

/// A file that is opened at the first use and then kept.
#[derive(Debug)]
pub struct Kept {
    name: &'static CStr,
    file: Option<File>,
    /// Why it could not be opened last.
    refused: Errno,
    slow: Option<Slow>,
}

/// By whom a file is read whose reading may block.
#[derive(Debug)]
struct Slow {
    by: Bounded,
    subject: Pid,
    patience: Duration,
}

impl Kept {
    /// Names the file; nothing is opened yet.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        Self { name, file: None, refused: Errno::ENOENT, slow: None }
    }

    /// From now on it is read by another process, if there is one, and no read waits longer than [`Kept::patience`]: reading it may block
    /// for as long as the process `subject` likes. An answer that does not come is ETIMEDOUT.
    pub fn read_by(&mut self, by: Option<Bounded>, subject: Pid) {
        self.slow = by.map(|by| Slow { by, subject, patience: PATIENCE });
    }

    /// A read of it takes longer than [`PATIENCE`], even if nobody holds it up.
    pub fn takes(&mut self, longer: Duration) {
        if let Some(slow) = &mut self.slow {
            slow.patience = PATIENCE.saturating_add(longer);
        }
    }

    /// How long a read waits for an answer.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.slow.as_ref().map_or(PATIENCE, |slow| slow.patience)
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

    /// Opens it if it is not.
    pub fn open(&mut self, dir: &Dir) -> Result<()> {
        if self.file.is_none() {
            let opened = dir.file(self.name);
            self.file = Some(opened.inspect_err(|errno| self.refused = *errno)?);
        }
        Ok(())
    }

    /// Whether it is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Reads it if it is open, and else says why it is not: openat(2) takes a page of the kernel's even for a file that is not there.
    pub fn if_open<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        match self.is_open() {
            true => self.start(buf),
            false => Err(self.refused),
        }
    }

    /// Reads a file that the kernel prints in one go. A file of FUSE, as lxcfs puts over /proc/meminfo, whose server was started anew never
    /// answers by the old descriptor: it is opened once more.
    pub fn once<'b>(&mut self, dir: &Dir, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        self.open(dir)?;
        let length = match self.read_at(buf, 0) {
            Err(Errno::ENOTCONN | Errno::ESTALE | Errno::ECONNABORTED) => {
                self.file = Some(dir.file(self.name)?);
                self.read_at(buf, 0)?
            }
            read => read?,
        };
        Ok(&buf[..length])
    }

    fn start<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        let length = self.read_at(buf, 0)?;
        Ok(&buf[..length])
    }

    /// Hands each line to `each`; one longer than 4 KiB is cut. Of files of many lines the kernel gives no more than that in one read.
    pub fn each_line(&mut self, dir: &Dir, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut buf = [0; 4096];
        self.open(dir)?;
        Lines::new(self, &mut buf).each(each)
    }

    /// Its lines. For a file bound to an address space (maps, smaps_rollup): exec() leaves a kept descriptor on the old one,
    /// which then gives nothing, so a file that begins with nothing is opened once more.
    pub fn lines<'b>(&mut self, dir: &Dir, buf: &'b mut [u8]) -> Result<Lines<'_, 'b>> {
        let was_kept = self.is_open();
        self.open(dir)?;
        let len = match self.read_at(buf, 0) {
            // To open it again gains nothing, and the one that is open must stay so while it is read.
            Err(Errno::ETIMEDOUT) => return Err(Errno::ETIMEDOUT),
            Ok(0) | Err(_) if was_kept => {
                if let Ok(fresh) = dir.file(self.name) {
                    self.file = Some(fresh);
                }
                self.read_at(buf, 0)?
            }
            other => other?,
        };
        Ok(Lines::resume(self, buf, len))
    }
}

impl ReadAt for Kept {
    /// EBADF: it is not open.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let file = self.file.as_ref().ok_or(Errno::EBADF)?;
        match &self.slow {
            Some(slow) => slow.by.read_at(slow.subject, file, buf, offset, slow.patience),
            None => file.read_at(buf, offset),
        }
    }
}
