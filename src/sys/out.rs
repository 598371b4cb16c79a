//! Standard output and standard error: a lent buffer, few writes, and an error that sticks.

extern crate std;

use core::time::Duration;
use std::os::fd::BorrowedFd;

use nix::sys::stat::{SFlag, fstat};

use super::Errno;
use super::ptrace;
use super::signal::{self, Until, Woken};
use crate::fixed::copy;

/// Where bytes go.
#[derive(Clone, Copy, Debug)]
pub enum Sink<'fd> {
    /// Standard output: data.
    Stdout,
    /// Standard error: words.
    Stderr,
    /// A descriptor: what the tests read back.
    Fd(BorrowedFd<'fd>),
    /// The buffer itself, see [`Out::hold`].
    Memory,
    /// Nowhere: a rehearsal touches all that a real report touches, but for write(2).
    Nowhere,
}

/// Why nothing is written any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// The reader has gone (EPIPE): `| head -1`.
    ReaderGone,
    /// A signal asked for the end while the reader did not read.
    Stopped,
    /// Any other failure, as ENOSPC.
    Failed(Errno),
}

/// A buffered writer that never blocks a SIGINT, never allocates and after a failure swallows what follows.
pub struct Out<'b> {
    sink: Sink<'b>,
    /// At most this much a write(2): a write of PIPE_BUF bytes to a pipe that polls writable does not block.
    chunk: usize,
    buf: &'b mut [u8],
    len: usize,
    /// Where bytes go after [`Out::release`].
    later: Sink<'b>,
    /// Of [`Sink::Memory`]: room at the end that is not used before something was cut.
    reserve: usize,
    is_cut: bool,
    broken: Option<Broken>,
}

/// Room for what follows a cut: each time a third of it.
const RESERVE: usize = 6 * 1024;

impl<'b> Out<'b> {
    /// A writer to `sink`.
    #[must_use]
    pub fn new(sink: Sink<'b>, buf: &'b mut [u8]) -> Self {
        let broken = match sink {
            Sink::Stdout if closed::stdout() => Some(Broken::Failed(Errno::EBADF)),
            _ => None,
        };
        let blocks = fd_of(sink).is_some_and(may_block);
        Self {
            sink,
            chunk: if blocks { libc::PIPE_BUF } else { usize::MAX },
            buf,
            len: 0,
            later: sink,
            reserve: RESERVE,
            is_cut: false,
            broken,
        }
    }

    /// Appends bytes; writes when the buffer is full.
    #[inline]
    pub fn put(&mut self, mut bytes: &[u8]) {
        if matches!(self.sink, Sink::Memory) {
            return self.keep(bytes);
        }
        loop {
            let room = &mut self.buf[self.len..];
            if bytes.len() <= room.len() {
                copy(&mut room[..bytes.len()], bytes);
                self.len += bytes.len();
                return;
            }
            let (now, later) = bytes.split_at(room.len());
            room.copy_from_slice(now);
            self.len = self.buf.len();
            bytes = later;
            self.flush();
        }
    }

    /// Appends a decimal number.
    #[inline]
    pub fn put_dec(&mut self, number: impl itoa::Integer) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }

    /// From here on what is put stays in the buffer: what is said while a process is held, and nothing may wait. What does not fit is
    /// cut after the last whole line.
    pub fn hold(&mut self) {
        self.flush();
        self.sink = Sink::Memory;
        (self.reserve, self.is_cut) = (RESERVE, false);
    }

    /// Ends [`Out::hold`]; what was held is the next to be written.
    pub fn release(&mut self) {
        self.sink = self.later;
    }

    /// Forgets what the buffer holds.
    pub fn forget(&mut self) {
        self.len = 0;
    }

    /// Appends to what stays in memory.
    fn keep(&mut self, bytes: &[u8]) {
        let limit = self.buf.len().saturating_sub(self.reserve);
        let end = self.len.saturating_add(bytes.len());
        match self.buf.get_mut(self.len..end) {
            _ if self.is_cut => {}
            Some(room) if end <= limit => {
                copy(room, bytes);
                self.len = end;
            }
            _ => {
                let held = self.buf.get(..self.len).unwrap_or_default();
                let newline = held.iter().rposition(|byte| *byte == b'\n');
                self.len = newline.map_or(0, |at| at + 1);
                self.is_cut = true;
            }
        }
    }

    /// Whether something was cut since the last call. What comes then has some room again.
    pub fn take_cut(&mut self) -> bool {
        if self.is_cut {
            self.reserve = self.reserve.saturating_sub(RESERVE / 3);
        }
        core::mem::take(&mut self.is_cut)
    }

    /// Writes what the buffer holds. What is traced meanwhile goes on: its stops are answered.
    pub fn flush(&mut self) {
        if matches!(self.sink, Sink::Memory) {
            return;
        }
        ptrace::serve();
        let mut from = 0;
        while from < self.len && self.broken.is_none() {
            match self.write_some(from) {
                Ok(written) => from += written,
                Err(why) => self.broken = Some(why),
            }
        }
        self.len = 0;
    }

    /// Why writing ended, if it did.
    #[must_use]
    pub const fn broken(&self) -> Option<Broken> {
        self.broken
    }

    fn write_some(&self, from: usize) -> core::result::Result<usize, Broken> {
        let Some(fd) = fd_of(self.sink) else {
            return Ok(self.len - from);
        };
        if self.chunk != usize::MAX {
            wait_writable(fd)?;
        }
        let upto = self.len.min(from.saturating_add(self.chunk));
        match nix::unistd::write(fd, &self.buf[from..upto]) {
            Ok(0) => Err(Broken::Failed(Errno::EIO)),
            Ok(written) => Ok(written),
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(0),
            Err(Errno::EPIPE) => Err(Broken::ReaderGone),
            Err(errno) => Err(Broken::Failed(errno)),
        }
    }
}

/// Once a stop was asked for, a reader that makes room within this time gets the rest of the report: it is slow, not stopped.
const PATIENCE: Duration = Duration::from_millis(500);

/// A process in its exit stop does not wait any longer for a reader that does not read.
const HOLD: Duration = Duration::from_millis(50);

/// Waits until a write would not block; a stop signal bounds the wait, so that Ctrl-C works while a pager is paused.
fn wait_writable(fd: BorrowedFd<'_>) -> core::result::Result<(), Broken> {
    loop {
        ptrace::serve();
        let held = ptrace::held().map(|_| HOLD);
        let patience = held.or_else(|| signal::stop_requested().map(|_| PATIENCE));
        match signal::wait(Some((fd, Until::Writable)), patience) {
            Ok(Woken::Timeout) if held.is_some() => ptrace::let_go_unseen(),
            Ok(Woken::Timeout) => return Err(Broken::Stopped),
            Ok(Woken::Signal) => {}
            Ok(Woken::Ready) => return Ok(()),
            Err(errno) => return Err(Broken::Failed(errno)),
        }
    }
}

/// Whether a write can wait for a reader: pipes, sockets and terminals. A file never does, nor does /dev/null.
fn may_block(fd: BorrowedFd<'_>) -> bool {
    let kind = fstat(fd).map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT);
    match kind {
        Ok(SFlag::S_IFIFO | SFlag::S_IFSOCK) => true,
        Ok(SFlag::S_IFCHR) => nix::unistd::isatty(fd).unwrap_or(false),
        _ => false,
    }
}

fn fd_of(sink: Sink<'_>) -> Option<BorrowedFd<'_>> {
    let number = match sink {
        Sink::Fd(fd) => return Some(fd),
        Sink::Stdout => libc::STDOUT_FILENO,
        Sink::Stderr => libc::STDERR_FILENO,
        Sink::Nowhere | Sink::Memory => return None,
    };
    // SAFETY: memdoor never closes its standard descriptors, and std opens the closed ones on /dev/null before main().
    Some(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Appends to an [`Out`] with `write!`: for words, not for rows.
impl core::fmt::Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// One line of words on standard error, at once: `memdoor: ...`.
pub fn say(words: core::fmt::Arguments<'_>) {
    let mut buf = [0; 512];
    let mut out = Out::new(Sink::Stderr, &mut buf);
    // Out never fails here: a broken standard error has nobody to be told.
    let _ = core::fmt::write(&mut out, words);
    out.put(b"\n");
    out.flush();
}

/// Whether standard output was closed when memdoor was started: std opens /dev/null in its place before main(), and a
/// night's evidence would go there in silence.
mod closed {
    use core::sync::atomic::{AtomicBool, Ordering};

    static STDOUT: AtomicBool = AtomicBool::new(false);

    extern "C" fn note() {
        // SAFETY: fcntl(F_GETFD) of a number touches no memory.
        let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
        STDOUT.store(flags < 0, Ordering::Relaxed);
    }

    /// Runs before std's own start.
    #[used]
    // SAFETY: libc calls each pointer of .init_array once before main; `note` needs nothing of what main sets up.
    #[unsafe(link_section = ".init_array")]
    static NOTE: extern "C" fn() = note;

    pub(super) fn stdout() -> bool {
        STDOUT.load(Ordering::Relaxed)
    }
}
