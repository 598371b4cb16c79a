//! `memdoor dmesg`: what the OOM killer did, by any kernel's log.
//!
//! Offline work: it may allocate, though never more than a few MiB whatever a log holds. It opens nothing of /proc, /dev or /etc that
//! it can't do without: a rescue system has none of them.

extern crate alloc;

mod filter;
mod id;
mod read;
mod show;
mod sink;
mod words;

use alloc::ffi::CString;
use core::ffi::CStr;

pub use filter::{Filter, Who};

use super::{Buffers, fail, output_exit};
use crate::error::Error;
use crate::exit::Exit;
use crate::oomlog::report::Run;
use crate::oomlog::seen::Seen;
use crate::report::Format;
use crate::sys::Errno;
use crate::sys::out::{Out, Sink as To};
use crate::sys::signal;
use read::{Notes, Reader};
use sink::{Flush, Sink};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Which logs.
    pub logs: Logs<'a>,
    /// Which of their events.
    pub filter: Filter<'a>,
    /// How they are written.
    pub format: Format,
    /// Whether an event is a reason for an exit code of its own.
    pub on_found: OnFound,
}

/// Which logs are read.
#[derive(Clone, Copy, Debug)]
pub enum Logs<'a> {
    /// The running kernel's, what it holds now.
    Live,
    /// Those of the system whose root this is.
    Root(&'a CStr),
    /// Files, directories, and `-` for standard input.
    Named(&'a [CString]),
}

/// What an event means for the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFound {
    /// Nothing: it was looked for, and found.
    Done,
    /// [`Exit::Found`].
    Found,
}

/// Reads, shows, ends.
#[must_use]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    signal::ignore_what_is_not_an_end();
    let mut sink = Sink {
        filter: options.filter,
        show: show::show(options),
        out: Out::new(To::Stdout, buffers.out),
        run: Run::default(),
        seen: Seen::new(),
        shown: 0,
        flush: Flush::Full,
    };
    let mut reader = Reader::new(&mut sink, Notes::Said);
    match options.logs {
        Logs::Live => {
            if let Err(errno) = reader.live() {
                return fail(&unreadable(errno));
            }
        }
        Logs::Root(path) => reader.root(path),
        Logs::Named(operands) => reader.named(operands),
    }
    if sink.run.logs == 0 && sink.broken().is_none() {
        if sink.run.failed == 0 {
            words::line(|out| out.put(b"there is no log to read"));
        }
        return Exit::Error;
    }
    sink.end();
    exit(&sink, options.on_found)
}

/// Why the live log can't be read, and what to do about it.
fn unreadable(errno: Errno) -> Error {
    let error = Error::new("read", b"the kernel's log (/dev/kmsg, syslog(2))", errno);
    match errno {
        Errno::EPERM | Errno::EACCES => error.hint(
            "run memdoor as root, or name a log: memdoor dmesg /var/log (sysctl kernel.dmesg_restrict=1 keeps it from others)",
        ),
        _ => error.hint("name a log: memdoor dmesg /var/log"),
    }
}

/// An output that failed outweighs all; an event that somebody waits for outweighs a log that could not be read.
fn exit(sink: &Sink<'_, '_>, on_found: OnFound) -> Exit {
    let written = sink.broken().map_or(Exit::Done, output_exit);
    let found = match on_found {
        OnFound::Found if sink.shown > 0 => Exit::Found,
        _ => Exit::Done,
    };
    let read = if sink.run.failed > 0 {
        Exit::Partial
    } else {
        Exit::Done
    };
    written.worse(found).worse(read)
}
