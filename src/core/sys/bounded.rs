//! Reading a file for no longer than a given time: pread(2) by another process, see [`super::helper`].
//!
//! Which files: those of a process that wait for its mmap_lock, kept open by memdoor as [`super::kept::Kept`].

use core::cell::Cell;
use core::ffi::c_int;
use core::time::Duration;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

extern crate std;

use super::clock::monotonic;
use super::file::{Dir, File, read_at};
use super::helper::{Descriptors, Helper, Unanswered, WORKERS};
use super::{Errno, Result, map};
use crate::units::Pid;

/// So long a process has to let its arguments or a part of its mappings be read, where no more is known of it.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// What is read at a time: the mappings of most processes.
const CHUNK: usize = 16 * 1024;

/// Of how many processes files are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// Of the same one always.
    One,
    /// Of several.
    Many,
}

/// What is asked, and the answer.
#[derive(Clone, Copy)]
struct Job {
    fd: c_int,
    offset: u64,
    wanted: usize,
    /// How much was read, or why not.
    read: Result<usize>,
    bytes: [u8; CHUNK],
}

/// Reads files in another process, which shares memdoor's descriptors. It is there for as long as memdoor, and each file that it reads
/// has a copy.
#[derive(Clone, Copy)]
pub struct Bounded(&'static Readers);

struct Readers {
    helper: Helper<Job>,
    /// Nobody waits longer than until then.
    until: Cell<Duration>,
}

impl Bounded {
    /// Starts the processes that read: of one process's files one, of others' two, so that one that is stuck holds up nobody else.
    pub fn start(proc: &Dir, of: Of) -> Result<Self> {
        let count = match of {
            Of::One => 1,
            Of::Many => WORKERS,
        };
        let empty = Job { fd: -1, offset: 0, wanted: 0, read: Ok(0), bytes: [0; CHUNK] };
        let helper = Helper::start(proc, count, Descriptors::Shared, empty, work)?;
        map::forever(Readers { helper, until: Cell::new(Duration::MAX) }).map(Self)
    }

    /// From now on no read waits longer than until then, on [`monotonic`]'s clock.
    pub fn wait_until(self, until: Duration) {
        self.0.until.set(until);
    }

    /// As [`File::read_at`], but may give less than there is room for before the end. ETIMEDOUT: it did not answer in that time, or an
    /// earlier read of a file of the same process has not ended yet.
    pub fn read_at(self, subject: Pid, file: &File, buf: &mut [u8], offset: u64, within: Duration) -> Result<usize> {
        let within = within.min(self.0.until.get().saturating_sub(monotonic()));
        let (fd, wanted) = (file.as_fd().as_raw_fd(), buf.len().min(CHUNK));
        let fill = |job: &mut Job| (job.fd, job.offset, job.wanted) = (fd, offset, wanted);
        let answer = self.0.helper.ask(
            Some(subject),
            || true,
            fill,
            within,
            |job| {
                let read = job.read?.min(buf.len());
                buf[..read].copy_from_slice(&job.bytes[..read]);
                Ok(read)
            },
        );
        match answer {
            Ok(answer) => answer,
            Err(Unanswered::Late) => Err(Errno::ETIMEDOUT),
            // To wait for a process is better than to know nothing of any.
            Err(Unanswered::Killed) => file.read_at(buf, offset),
        }
    }
}

impl core::fmt::Debug for Bounded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Bounded")
    }
}

/// Does a job, in the other process.
fn work(_: &Dir, job: &mut Job) {
    // SAFETY: the descriptor table is memdoor's, and memdoor keeps the file open until the answer or for as long as it does not come. Were
    // it closed meanwhile, this read fails or reads another file of memdoor's, and nobody takes the answer.
    let fd = unsafe { BorrowedFd::borrow_raw(job.fd) };
    let room = &mut job.bytes[..job.wanted.min(CHUNK)];
    let mut length = 0;
    // Of files of many lines the kernel gives one page at a time.
    job.read = loop {
        match read_at(fd, &mut room[length..], job.offset.saturating_add(length as u64)) {
            Ok(0) => break Ok(length),
            Ok(more) => length += more,
            Err(_) if length > 0 => break Ok(length),
            Err(errno) => break Err(errno),
        }
        if length == room.len() {
            break Ok(length);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::kept::Kept;
    use crate::sys::lines::Lines;

    #[test]
    fn what_another_process_reads_is_what_memdoor_would_have_read() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let own = proc.dir(c"self").expect("/proc/self");
        let bounded = Bounded::start(&proc, Of::Many).expect("two processes");
        // Opened after the start: the descriptor is shared.
        let mut kept = Kept::new(c"status");
        kept.read_by(Some(bounded), Pid::MAX);
        let mut buf = [0; 8192];
        let text = kept.once(&own, &mut buf).expect("status");
        assert!(text.starts_with(b"Name:\t"));
        let file = own.file(c"mountinfo").expect("mountinfo");
        let (mut direct, mut through) = ([0; 4096], [0; 4096]);
        let mut expected = Lines::new(&file, &mut direct);
        let mut kept = Kept::new(c"mountinfo");
        kept.read_by(Some(bounded), Pid::MAX);
        let mut lines = kept.lines(&own, &mut through).expect("lines");
        while let Some(line) = expected.next() {
            assert_eq!(lines.next().map(|line| line.expect("a line")), Some(line.expect("a line")));
        }
        assert!(lines.next().is_none());
    }

    #[test]
    fn an_error_is_the_kernels_and_no_read_waits_beyond_the_end_of_all() {
        let proc = Dir::open(c"/proc").expect("/proc");
        let bounded = Bounded::start(&proc, Of::Many).expect("two processes");
        let listing = proc.listing(c".").expect("/proc");
        let read =
            |subject, within| bounded.read_at(Pid::new(subject).expect("a pid"), &listing, &mut [0; 64], 0, within);
        assert_eq!(read(1, Duration::from_secs(60)), Err(Errno::EISDIR));
        bounded.wait_until(monotonic());
        // The answer may be there before anybody waits.
        assert!(matches!(read(2, Duration::from_secs(60)), Err(Errno::ETIMEDOUT | Errno::EISDIR)));
    }
}
