//! The log: one line for each decision, for whoever asks tomorrow why.

use core::fmt::{Arguments, Write};
use core::time::Duration;

use crate::fixed::Fixed;
use crate::sys::clock::monotonic;
use crate::sys::out::{Out, Sink};

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

/// The longest line: three names and a dozen figures.
const LINE: usize = 1024;

/// A log that nobody reads holds memdoor up no longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where lines go.
pub(super) struct Log {
    least: Level,
    prefix: Prefix,
    sink: Sink<'static>,
}

impl Log {
    pub(super) const fn new(least: Level, prefix: Prefix) -> Self {
        Self {
            least,
            prefix,
            sink: Sink::Stderr,
        }
    }

    /// One for rehearsals: it touches all that a real one does, but for write(2).
    pub(super) const fn silent() -> Self {
        Self {
            least: Level::Debug,
            prefix: Prefix::Priority,
            sink: Sink::Nowhere,
        }
    }

    /// Writes a line, at once.
    pub(super) fn line(&mut self, level: Level, words: Arguments<'_>) {
        if level < self.least {
            return;
        }
        let mut text = Fixed::<LINE>::new();
        // What does not fit is cut.
        let _ = text.write_fmt(words);
        let mut buf = [0; LINE + 64];
        let mut out = Out::new(self.sink, &mut buf);
        out.give_up_at(monotonic().saturating_add(PATIENCE));
        if self.prefix == Prefix::Priority {
            out.put(b"<");
            out.put_dec(level.priority());
            out.put(b">");
        }
        for part in [
            b"memdoor: ",
            level.name().as_bytes(),
            b" ",
            text.as_bytes(),
            b"\n",
        ] {
            out.put(part);
        }
        out.flush();
    }
}
