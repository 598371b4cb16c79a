//! Standard output and standard error: a lent buffer, few writes, and an error that sticks.

mod closed;
mod held;
mod record;
mod words;

extern crate std;

use core::time::Duration;
use std::os::fd::BorrowedFd;

use nix::sys::stat::{SFlag, fstat};

use self::record::{Beside, Reader};
use super::Errno;
use super::clock::monotonic;
use super::ptrace;
use super::record::Record;
use super::record::frame::Kind;
use super::signal::{self, Until, Woken};
use crate::fixed::copy;
pub use words::{say, wait_with_words};

/// Where bytes go.
#[derive(Clone, Copy, Debug)]
pub enum Sink<'fd> {
    /// Standard output: data.
    Stdout,
    /// Standard error: words, which may be lost where nobody reads them, see [`words`].
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
    /// After a failure, until something was written.
    is_untried: bool,
    /// Whether the last byte that was written ends no line.
    is_mid_line: bool,
    /// When a reader that does not read is given up.
    until: Option<Duration>,
    /// Gets all of it first; what else there is gets each entry when it is complete.
    record: Option<Record>,
    reader: Reader,
    beside: Beside,
}

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
            reserve: held::RESERVE,
            is_cut: false,
            broken,
            is_untried: false,
            is_mid_line: false,
            until: None,
            record: None,
            reader: Reader::Reads,
            beside: Beside::No,
        }
    }

    /// A reader that has not read by then, on the steady clock, is given up: [`Broken::Stopped`].
    pub fn give_up_at(&mut self, until: Duration) {
        self.until = Some(until);
    }

    /// From now on to this record first.
    pub fn record_to(&mut self, record: Option<Record>) {
        self.record = record;
    }

    /// Gives the record back.
    pub fn take_record(&mut self) -> Option<Record> {
        self.record.take()
    }

    /// The record, if there is one.
    pub fn record(&mut self) -> Option<&mut Record> {
        self.record.as_mut()
    }

    /// Begins an entry of the record.
    pub fn begin(&mut self, kind: Kind) {
        if let Some(record) = &mut self.record {
            record.begin(kind);
        }
    }

    /// Ends it: from now on it counts as a whole.
    pub fn seal(&mut self) {
        self.flush();
        if self.record.is_some() {
            self.seal_record();
        }
    }

    /// Appends bytes; writes when the buffer is full.
    pub fn put(&mut self, bytes: &[u8]) {
        if matches!(self.sink, Sink::Memory) {
            return self.keep(bytes);
        }
        let end = self.len + bytes.len();
        match self.buf.get_mut(self.len..end) {
            Some(room) => {
                copy(room, bytes);
                self.len = end;
            }
            None => self.put_in_pieces(bytes),
        }
    }

    #[cold]
    fn put_in_pieces(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.buf.get_mut(self.len..).unwrap_or_default();
            let taken = room.len().min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            room[..taken].copy_from_slice(now);
            self.len += taken;
            bytes = later;
            if self.len == self.buf.len() {
                self.drain();
            }
        }
    }

    /// Appends a decimal number.
    pub fn put_dec(&mut self, number: impl itoa::Integer) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Writes what the buffer holds. What is in the record counts from here on.
    pub fn flush(&mut self) {
        if matches!(self.sink, Sink::Memory) {
            return;
        }
        self.drain();
        if let Some(record) = &mut self.record {
            record.commit();
        }
    }

    /// What is traced meanwhile goes on: its stops are answered.
    fn drain(&mut self) {
        ptrace::serve();
        if self.record.is_some() {
            self.drain_to_record();
        } else {
            let bytes = &self.buf[..self.len];
            let mut from = 0;
            while from < self.len && self.broken.is_none() {
                let until = self.until;
                let wait = |fd: BorrowedFd<'_>| match self.sink {
                    Sink::Stderr => words::wait(fd, until),
                    _ => wait_writable(fd, until),
                };
                match self.write_some(&bytes[from..], wait) {
                    Ok(written) => {
                        from += written;
                        self.is_untried &= written == 0;
                    }
                    Err(why) => self.broken = Some(why),
                }
            }
            if let Some(last) = from.checked_sub(1) {
                self.is_mid_line = bytes[last] != b'\n';
            }
        }
        self.len = 0;
    }

    /// Why writing ended, if it did. With a record it never does.
    #[must_use]
    pub const fn broken(&self) -> Option<Broken> {
        match self.record {
            None => self.broken,
            Some(_) => None,
        }
    }

    /// Why a report did not get out, where it is not the reader that has gone: with a record as well, which has it.
    #[must_use]
    pub const fn failed(&self) -> Option<Errno> {
        match self.broken {
            Some(Broken::Failed(errno)) => Some(errno),
            _ => None,
        }
    }

    /// After a failure what follows is written again, behind `note`, which begins a line even where the last one was cut.
    pub fn try_again(&mut self, note: &'static [u8]) {
        (self.broken, self.is_untried) = (None, true);
        if self.record.is_some() {
            self.reader = Reader::Missed(note);
            return;
        }
        self.len = 0;
        if self.is_mid_line {
            self.put(b"\n");
        }
        self.put(note);
    }

    /// Whether something was written since [`Out::try_again`], and nothing waits.
    #[must_use]
    pub const fn writes_again(&self) -> bool {
        self.len == 0 && !self.is_untried
    }

    fn write_some(
        &self,
        bytes: &[u8],
        wait: impl FnOnce(BorrowedFd<'_>) -> core::result::Result<(), Broken>,
    ) -> core::result::Result<usize, Broken> {
        let Some(fd) = fd_of(self.sink) else {
            return Ok(bytes.len());
        };
        // What has its number is /dev/null, and takes everything.
        if matches!(self.sink, Sink::Stdout) && closed::stdout() {
            return Err(Broken::Failed(Errno::EBADF));
        }
        if self.chunk != usize::MAX {
            wait(fd)?;
        }
        match nix::unistd::write(fd, &bytes[..bytes.len().min(self.chunk)]) {
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
fn wait_writable(fd: BorrowedFd<'_>, until: Option<Duration>) -> core::result::Result<(), Broken> {
    loop {
        ptrace::serve();
        let held = ptrace::is_holding().then_some(HOLD);
        let patience = held
            .or_else(|| signal::stop_requested().map(|_| PATIENCE))
            .or_else(|| until.map(|until| until.saturating_sub(monotonic())));
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

/// Whether standard input was closed when memdoor was started. What has its number then is no input of anybody's.
pub(super) fn is_stdin_closed() -> bool {
    closed::stdin()
}
