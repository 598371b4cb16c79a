//! The log: one line for each decision, for whoever asks tomorrow why.

use core::ffi::CStr;
use core::fmt::{Arguments, Write};
use core::time::Duration;

use crate::error::{Because, Error};
use crate::exit::Exit;
use crate::files::Unusable;
use crate::fixed::Fixed;
use crate::refusal::fail;
use crate::report::Moment;
use crate::report::time::{MILLIS, Precision, is_millis, rfc3339};
use crate::sys;
use crate::sys::clock::{Now, monotonic};
use crate::sys::logfile::{LogFile, LogSocket};
use crate::sys::ours::{Kind, Place, Refused, Use, Why};
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
pub enum LogStream {
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
    pub to: LogStream,
    /// What stands before a line on standard error.
    pub prefix: Prefix,
    /// A file to write to as well.
    pub file: Option<&'a CStr>,
    /// How many bytes it may have; 0: any number.
    pub most: u64,
    /// How many old ones are kept; 0: it becomes none, and grows.
    pub keep: u32,
}

impl Logging<'_> {
    /// At how many bytes it is rotated. As Python's logging has these options, from which they come, 0 of either is never: a log of which
    /// no old one is kept would lose all lines at each rotation.
    const fn bound(&self) -> u64 {
        if self.most == 0 || self.keep == 0 { u64::MAX } else { self.most }
    }
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
    file: Option<(Place, LogFile)>,
    /// It was said that the file, or the socket, can't be written.
    is_broken: bool,
}

impl<'a> Log<'a> {
    /// Opens the file and connects to the socket. Why that can't be has been said.
    pub(super) fn open(options: Logging<'a>) -> Result<Self, Exit> {
        let socket = match options.to {
            LogStream::Stderr => None,
            LogStream::Journal => Some(connect(LogSocket::JOURNAL).map_err(|error| fail(&error))?),
            LogStream::Syslog => Some(connect(LogSocket::SYSLOG).map_err(|error| fail(&error))?),
        };
        // Last, as it is made where there is none.
        let file = options.file.map(|path| {
            open_file(path, options.bound(), options.keep)
                .map_err(|refused| Unusable::of(&FILE, "write", path, refused).say())
        });
        let file = file.transpose()?;
        Ok(Self { options, sink: Sink::Stderr, socket, file, is_broken: false })
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
        match (in_file, in_socket) {
            (Ok(()), Ok(())) => {}
            (Err(refused), _) => {
                let path = self.options.file.unwrap_or_default();
                self.complain(format_args!("{}", Unusable::of(&FILE, "write", path, refused)));
            }
            (_, Err(errno)) => {
                let path = self.socket.as_ref().map_or("", LogSocket::path);
                self.complain(format_args!("cannot write {path}: {}", Because(errno)));
            }
        }
    }

    /// Says once, with its path, what of the log is not written.
    #[cold]
    fn complain(&mut self, why: Arguments<'_>) {
        if core::mem::replace(&mut self.is_broken, true) {
            return;
        }
        // The path, escaped at worst, and the reason; in words that are cut the reason would be missing.
        let mut words = Fixed::<{ 4 * 4096 + 512 }>::new();
        let _ = write!(words, "{why}; tried again with each line");
        self.say(Level::Error, words.as_bytes());
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
    fn append(&mut self, level: Level, text: &[u8]) -> Result<(), Refused> {
        let (Some((place, file)), Some(path)) = (&mut self.file, self.options.file) else {
            return Ok(());
        };
        let line = line(level, text);
        let length = line.as_bytes().len();
        let failed = |errno: sys::Errno| failed(path, errno);
        let mut room = |place: &Place| {
            let room = file.make_room(place.at().map_err(failed)?, length);
            room.map_err(|refused| beside(path, refused))
        };
        let size = match room(place) {
            // The directory was removed and made anew, or renamed.
            Err(Refused { why: Why::Failed(sys::Errno::ENOENT | sys::Errno::ESTALE), .. }) => {
                *place = Place::of(path)?;
                room(place)?
            }
            size => size?,
        };
        if size == 0 {
            file.write(self::line(Level::Info, HEAD.as_bytes()).as_bytes()).map_err(failed)?;
        }
        file.write(line.as_bytes()).map_err(failed)
    }

    fn send(&mut self, level: Level, text: &[u8]) -> sys::Result<()> {
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        let mut line = Fixed::<{ LINE + 96 }>::new();
        if self.options.to == LogStream::Journal {
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

/// Whether there can be a log as it is asked for: after a SIGHUP that is seen before what held until then is given up. Why not has been said.
#[must_use]
pub fn can_be_logged(options: Logging<'_>) -> bool {
    Log::open(options).is_ok()
}

/// What a log is: by its first line, which tells it ([`HEAD`]). In one of version 2.0.0 that may be any of its lines, as it was rotated in
/// front of any.
static FILE: Kind = Kind {
    name: "log of memdoor kill",
    option: "--log-file PATH",
    is_ours: is_log,
    mode: 0o640,
    use_of_it: Use::Written,
};

/// Behind time and level in the first line of each file.
const HEAD: &str = concat!("memdoor ", env!("CARGO_PKG_VERSION"), " kill: log");

/// What lines of 2.0.0 began with, behind time and level.
const OF_2_0: [&str; 9] = [
    "started: threshold ",
    "outcome=",
    "used=",
    "stopped",
    "SIGHUP: the configuration ",
    "cannot lock memory: ",
    "cannot read /proc: ",
    "/proc/meminfo",
    "standard output is not written any more",
];

fn is_log(beginning: &[u8]) -> bool {
    let Some((time, [b' ', rest @ ..])) = beginning.split_at_checked(MILLIS) else {
        return false;
    };
    let is_time = is_millis(time);
    let levels = [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical];
    let behind = levels.iter().find_map(|level| rest.strip_prefix(level.name().as_bytes())?.strip_prefix(b" "));
    let starts = OF_2_0.iter().chain(&["memdoor "]);
    is_time && behind.is_some_and(|text| starts.clone().any(|start| text.starts_with(start.as_bytes())))
}

fn open_file(path: &CStr, most: u64, keep: u32) -> Result<(Place, LogFile), Refused> {
    let place = Place::of(path)?;
    let at = place.at().map_err(|errno| failed(path, errno))?;
    let file = LogFile::open(at, &FILE, most, keep).map_err(|refused| beside(path, refused))?;
    Ok((place, file))
}

fn failed(path: &CStr, errno: sys::Errno) -> Refused {
    Refused { at: Fixed::of(path.to_bytes()), why: Why::Failed(errno) }
}

/// What is refused in the directory of `path`, of which the name alone is told: it may be that of an old one.
fn beside(path: &CStr, refused: Refused) -> Refused {
    let bytes = path.to_bytes();
    let parent = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let mut at = Fixed::of(bytes.get(..parent).unwrap_or_default());
    at.push(refused.at.as_bytes());
    Refused { at, why: refused.why }
}

type Line = Fixed<{ LINE + 64 }>;

fn line(level: Level, text: &[u8]) -> Line {
    let moment = Moment::now(&Now::read());
    let time = rfc3339(moment.utc, moment.micros, Precision::Millis);
    let mut line = Line::of(time.as_bytes());
    line.push(b" ").push(level.name().as_bytes()).push(b" ");
    line.push(text).push(b"\n");
    line
}

fn connect(path: &'static CStr) -> Result<LogSocket, Error> {
    let failed = |errno| Error::new("connect to", path.to_bytes(), errno);
    LogSocket::open(path).map_err(|errno| failed(errno).hint("nobody logs there: use --log stderr or --log-file"))
}
