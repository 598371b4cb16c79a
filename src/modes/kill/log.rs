//! The log: one line for each decision, for whoever asks tomorrow why.

use core::ffi::CStr;
use core::fmt::{Arguments, Write};
use core::time::Duration;

use crate::error::{Because, Error};
use crate::fixed::Fixed;
use crate::report::Moment;
use crate::report::time::{Precision, rfc3339};
use crate::sys;
use crate::sys::clock::{Now, monotonic};
use crate::sys::logfile::{LogFile, LogSocket};
use crate::sys::out::{Out, Sink};
use crate::sys::system::own_pid;

/// How much a line matters; those below the least are left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Level {
    /// Each look at memory.
    Debug,
    /// What begins and ends.
    #[default]
    Info,
    /// Somebody was ended, or would have been; memory's figures are odd.
    Warning,
    /// Somebody was to be ended, and was not.
    Error,
    /// memdoor can't do its work.
    Critical,
}

impl Level {
    /// As it is written in options and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// syslog(3)'s number.
    const fn priority(self) -> u8 {
        match self {
            Self::Debug => 7,
            Self::Info => 6,
            Self::Warning => 4,
            Self::Error => 3,
            Self::Critical => 2,
        }
    }
}

/// What stands before a line on standard error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prefix {
    /// Nothing.
    #[default]
    None,
    /// `<4>`: sd-daemon(3), where systemd reads it.
    Priority,
}

/// Where lines go besides the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum To {
    /// Standard error.
    #[default]
    Stderr,
    /// journald, by its own protocol.
    Journal,
    /// syslogd.
    Syslog,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Logging<'a> {
    /// What is logged.
    pub level: Level,
    /// Where to.
    pub to: To,
    /// What stands before a line on standard error.
    pub prefix: Prefix,
    /// A file to write to as well.
    pub file: Option<&'a CStr>,
    /// How many bytes it may have.
    pub most: u64,
    /// How many old ones are kept.
    pub keep: u32,
}

/// The longest line: three names and a dozen figures.
const LINE: usize = 1024;

/// A log that nobody reads holds memdoor up no longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// syslog(3)'s LOG_DAEMON.
const DAEMON: u8 = 3 << 3;

/// An open log.
pub(super) struct Log<'a> {
    options: Logging<'a>,
    sink: Sink<'static>,
    socket: Option<LogSocket>,
    file: Option<LogFile>,
    /// It was said that the file, or the socket, can't be written.
    is_broken: bool,
}

impl<'a> Log<'a> {
    /// Opens the file and connects to the socket.
    pub(super) fn open(options: Logging<'a>) -> Result<Self, Error> {
        let socket = match options.to {
            To::Stderr => None,
            To::Journal => Some(connect(LogSocket::JOURNAL)?),
            To::Syslog => Some(connect(LogSocket::SYSLOG)?),
        };
        let file = options.file.map(|path| {
            LogFile::open(path, options.most, options.keep).map_err(|errno| Error::new("open", path.to_bytes(), errno))
        });
        Ok(Self { options, sink: Sink::Stderr, socket, file: file.transpose()?, is_broken: false })
    }

    /// One for rehearsals: it touches all that a real one does, but for what leaves memdoor.
    pub(super) const fn silent(options: Logging<'a>) -> Self {
        Self {
            options: Logging { level: Level::Debug, ..options },
            sink: Sink::Nowhere,
            socket: None,
            file: None,
            is_broken: false,
        }
    }

    /// Writes a line, at once. What does not fit is cut.
    pub(super) fn line(&mut self, level: Level, words: Arguments<'_>) {
        if level < self.options.level {
            return;
        }
        let mut text = Fixed::<LINE>::new();
        let _ = text.write_fmt(words);
        let text = text.as_bytes();
        let in_file = self.append(level, text);
        let in_socket = self.send(level, text);
        if self.socket.is_none() || in_socket.is_err() {
            self.say(level, text);
        }
        if let (Err(errno), false) = (in_file.and(in_socket), self.is_broken) {
            self.is_broken = true;
            let mut words = Fixed::<128>::new();
            let _ = write!(words, "cannot write the log: {}", Because(errno));
            self.say(Level::Error, words.as_bytes());
        }
    }

    fn say(&self, level: Level, text: &[u8]) {
        let mut buf = [0; LINE + 64];
        let mut out = Out::new(self.sink, &mut buf);
        out.give_up_at(monotonic().saturating_add(PATIENCE));
        if self.options.prefix == Prefix::Priority {
            out.put(b"<");
            out.put_dec(level.priority());
            out.put(b">");
        }
        for part in [b"memdoor: ", level.name().as_bytes(), b" ", text, b"\n"] {
            out.put(part);
        }
        out.flush();
    }

    /// `2026-11-21T10:08:31.123Z WARNING outcome=...`
    fn append(&mut self, level: Level, text: &[u8]) -> sys::Result<()> {
        let (Some(file), Some(path)) = (&mut self.file, self.options.file) else {
            return Ok(());
        };
        let moment = Moment::now(&Now::read());
        let mut line = Fixed::<{ LINE + 64 }>::new();
        let time = rfc3339(moment.utc, moment.micros, Precision::Millis);
        line.push(time.as_bytes()).push(b" ");
        line.push(level.name().as_bytes()).push(b" ");
        line.push(text).push(b"\n");
        file.append(path, line.as_bytes())
    }

    fn send(&mut self, level: Level, text: &[u8]) -> sys::Result<()> {
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        let mut line = Fixed::<{ LINE + 96 }>::new();
        if self.options.to == To::Journal {
            line.push(b"SYSLOG_IDENTIFIER=memdoor\nPRIORITY=");
            line.push_dec(level.priority()).push(b"\nMESSAGE=");
            line.push(text).push(b"\n");
        } else {
            line.push(b"<").push_dec(DAEMON | level.priority());
            line.push(b">memdoor[").push_dec(own_pid()).push(b"]: ");
            line.push(level.name().as_bytes()).push(b" ").push(text);
        }
        socket.send(line.as_bytes())
    }
}

fn connect(path: &'static CStr) -> Result<LogSocket, Error> {
    let failed = |errno| Error::new("connect to", path.to_bytes(), errno);
    LogSocket::open(path).map_err(|errno| failed(errno).hint("nobody logs there: use --log stderr or --log-file"))
}
