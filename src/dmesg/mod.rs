//! `memdoor dmesg`: what the OOM killer did, by any kernel's log.
//!
//! Offline work: it may allocate, though never more than a few MiB whatever a log holds. It opens nothing of /proc, /dev or /etc that
//! it can't do without: a rescue system has none of them.
mod boots;
mod filter;
mod follow;
mod id;
mod machine;
mod queue;
mod reach;
mod read;
mod sink;
mod state;
mod trouble;
mod units;
mod words;
use core::ffi::CStr;
use core::fmt::Write;
use core::time::Duration;
use std::ffi::CString;

pub use crate::journal::Id;
pub use crate::oomlog::places::Machines;
pub use crate::oomlog::report::text::Subject;
pub use boots::{Boot, Span};
pub use filter::{Filter, Who};

use crate::error::{Error, by_right};
use crate::exit::Exit;
use crate::files::Unusable;
use crate::mode::Buffers;
use crate::oomlog::places::Root;
use crate::oomlog::report::json::Json;
use crate::oomlog::report::text::{Order, Text};
use crate::oomlog::report::{Extent, Lack, Run, Show, Typed};
use crate::oomlog::seen::number;
use crate::refusal::{fail, output_exit};
use crate::report::Format;
use crate::sys::Errno;
use crate::sys::file::Dir;
use crate::sys::ours::{Refused, Replaced, Why};
use crate::sys::out::{Out, Sink as To};
use crate::sys::signal;
use boots::Boots;
use queue::{Placed, Queue};
use reach::Reach;
use read::{Notes, Reader};
use sink::{Flush, Sink};
use state::State;
use trouble::News;
use units::Units;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Which logs.
    pub logs: Logs<'a>,
    /// The same in a few words, and what is asked of them.
    pub subject: &'a Subject,
    /// Which of their events.
    pub filter: Filter<'a>,
    /// Of which boot.
    pub boot: Option<Boot>,
    /// How they are written.
    pub format: Format,
    /// Whether an event is a reason for an exit code of its own.
    pub on_found: OnFound,
    /// The file that remembers what earlier runs have shown.
    pub since_last: Option<&'a CStr>,
}

/// Which logs are read.
#[derive(Clone, Copy, Debug)]
pub enum Logs<'a> {
    /// The running kernel's, what it holds now.
    Live,
    /// The running kernel's, as it is written.
    Follow,
    /// The same and all that was written of it on this system: its journals, then the logs of /var/log and those of crashes.
    System(Machines),
    /// Those of the system whose root this is.
    Root(&'a CStr, Machines),
    /// Files, directories, and `-` for standard input.
    Named(&'a [CString]),
}

/// What an event means for the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFound {
    /// Nothing: it was looked for, and found.
    #[default]
    Done,
    /// [`Exit::Found`].
    Found,
}

/// Reads, shows, ends.
#[must_use]
#[inline(never)]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    signal::ignore_snapshot_requests();
    let filter = match filter(options) {
        Ok(filter) => filter,
        Err(exit) => return exit,
    };
    let (mut kept, state) = match options.since_last.map(remembered) {
        None => (None, State::default()),
        Some(Ok((kept, state))) => (Some(kept), state),
        Some(Err(exit)) => return exit,
    };
    let mut sink = Sink {
        filter,
        show: show(options),
        out: Out::new(To::Stdout, buffers.out),
        run: Run::default(),
        seen: state.seen,
        troubles: state.troubles,
        reach: Reach::default(),
        units: Units::default(),
        queue: Queue::default(),
        placed: Placed::default(),
        unread: 0,
        events: 0,
        shown: 0,
        flush: match options.logs {
            Logs::Follow => Flush::Event,
            _ => Flush::Full,
        },
    };
    let exit = read(options, &mut sink).map_or_else(|exit| exit, |()| end(options, &mut sink, kept.as_mut()));
    if let Some(kept) = kept {
        kept.leave();
    }
    exit
}

/// What is asked of events, once it is known which boot is meant.
fn filter<'a>(options: &Options<'a>) -> Result<Filter<'a>, Exit> {
    let (root, machines) = match (options.boot, options.logs) {
        (None, _) => return Ok(options.filter),
        (Some(Boot::Id(id)), Logs::Live | Logs::Follow | Logs::Named(_)) => {
            let boot = Some(Span { id, from_us: None, until_us: None });
            return Ok(Filter { boot, ..options.filter });
        }
        (_, Logs::Root(path, machines)) => {
            let root = Dir::open(path).map_err(|errno| fail(&Error::new("open", path.to_bytes(), errno)))?;
            (Root::Other(root), machines)
        }
        (_, Logs::System(machines)) => (Root::Own, machines),
        (_, Logs::Live | Logs::Follow | Logs::Named(_)) => (Root::Own, Machines::This),
    };
    let boots = Boots::of(&root, machines);
    let boot = options.boot.and_then(|boot| boots.find(boot));
    if boot.is_none() {
        words::line(|out| {
            out.put(b"no journal of ");
            out.put(options.subject.logs.as_bytes());
            out.put(b" has that boot");
        });
        let known = boots.words();
        let hint = match known.as_str() {
            "" => "no boot is known there: without --boot its logs are read".into(),
            _ => format!("--boot takes one of these: {known}"),
        };
        crate::refusal::say_hint(Some(&hint));
        return Err(Exit::Error);
    }
    Ok(Filter { boot, ..options.filter })
}

/// How long another run with the same file is waited for: most are done in a second, and cron starts the next.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file of `--since-last`, locked, and what is in it: of two runs at once the second knows what the first has shown. It is asked for
/// before a log is opened, as what can't be kept would be told again the next time.
fn remembered(path: &CStr) -> Result<(Replaced<'_>, State), Exit> {
    let mut kept = Replaced::open(path, &state::FILE).map_err(|refused| refuse("write", path, refused))?;
    match kept.lock(PATIENCE) {
        // A file system without locks (NFS without its daemon): two runs at once may show an event twice there, and none shows nothing.
        Err(Refused {
            why: Why::Failed(Errno::ENOLCK | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL), ..
        }) => {}
        locked => locked.map_err(|refused| refuse("write", path, refused))?,
    }
    let state = state::load(&kept, path.to_bytes()).map_err(|refused| refuse("read", path, refused))?;
    Ok((kept, state))
}

fn refuse(doing: &'static str, path: &CStr, refused: Refused) -> Exit {
    Unusable::of(&state::FILE, doing, path, refused).say()
}

/// Reads all that can be read. The reason has been said when that is nothing.
fn read(options: &Options<'_>, sink: &mut Sink<'_, '_>) -> Result<(), Exit> {
    let notes = match options.since_last {
        Some(_) => Notes::Silent,
        None => Notes::Said,
    };
    let mut reader = Reader::new(sink, notes);
    match options.logs {
        Logs::Live => reader.live(c"/dev/kmsg").map_err(|errno| fail(&unreadable(errno)))?,
        Logs::Follow => {
            let done = signal::install().and_then(|()| reader.follow());
            done.map_err(|errno| fail(&unfollowable(errno)))?;
        }
        Logs::System(machines) => {
            if let Err(errno) = reader.live(c"/dev/kmsg") {
                fail(&unreadable(errno));
                reader.sink.run.failed += 1;
            }
            reader.root(&Root::Own, b"/", machines);
        }
        Logs::Root(path, machines) => match Dir::open(path) {
            Ok(root) => reader.root(&Root::Other(root), path.to_bytes(), machines),
            Err(errno) => reader.failed("open", path.to_bytes(), errno),
        },
        Logs::Named(operands) => reader.named(operands),
    }
    if sink.run.logs > 0 || sink.unread > 0 || sink.broken().is_some() {
        return Ok(());
    }
    if sink.run.failed == 0 {
        no_log(&options.subject.logs);
        // A root or a directory in which there is nothing to search is as little clean as one that has logs of others alone.
        return Err(Exit::Partial);
    }
    Err(Exit::Error)
}

/// Says what all events have in common, and remembers them.
fn end(options: &Options<'_>, sink: &mut Sink<'_, '_>, kept: Option<&mut Replaced<'_>>) -> Exit {
    sink.release();
    let lacks = lacks(options, sink);
    let silence = silence(options, sink);
    let is_cron = options.since_last.is_some();
    let is_told = sink.units.say(&options.filter, &mut sink.troubles, is_cron, silence);
    // Cron mails whatever is said: nothing new is nothing to say.
    let is_news = options.since_last.is_none() || sink.shown > 0;
    // That nothing was found is no fact where nothing could be read.
    if is_news && sink.run.logs > 0 && !silence {
        sink.end(&lacks);
    }
    let exit = exit(sink, silence || is_told || !lacks.is_empty(), options.on_found);
    // What was not written is new the next time.
    if let (Some(kept), Some(path), None) = (kept, options.since_last, sink.broken())
        && let Err(refused) = state::save(kept, &sink.seen, &sink.troubles)
    {
        return refuse("write", path, refused);
    }
    exit
}

/// Says so where the kernel speaks in none of the logs: a clean bill of health is a fact of a kernel log alone, and neither dpkg.log nor a
/// file that nobody understands is one. To cron in words once for the same logs, and by the exit code each time; and never of files that are
/// empty, as a log is whose lines have just been rotated away.
fn silence(options: &Options<'_>, sink: &mut Sink<'_, '_>) -> bool {
    if matches!(options.logs, Logs::Follow) || sink.run.logs == 0 || sink.reach.heard() > 0 {
        return false;
    }
    let subject = options.subject.logs.as_bytes();
    let Run { logs, bytes, .. } = sink.run;
    if options.since_last.is_some() {
        let of_stdin = matches!(options.logs, Logs::Named(names) if names.iter().any(|name| name.as_bytes() == b"-"));
        let is_rotated = bytes == 0 && !of_stdin;
        if is_rotated {
            return false;
        }
        if sink.troubles.note(number(&[subject, b"no kernel log"])) == News::Known {
            return true;
        }
    }
    let noun = if logs == 1 { "log" } else { "logs" };
    words::line(|out| {
        out.put(b"no kernel log was found in ");
        out.put(subject);
        let _ = write!(out, ": no line of a kernel log was recognised in {logs} {noun}, {bytes} bytes");
    });
    // Which were searched, so that nobody has to guess what is missing.
    let searched = sink.reach.names();
    if !searched.is_empty() {
        words::line(|out| {
            let _ = write!(out, "searched: {searched}");
        });
    }
    // Of one that was not read its own command was said.
    if sink.unread == 0 {
        crate::refusal::say_hint(Some(match options.logs {
            Logs::System(_) => {
                "a log server, or a backup of this machine, may have its kernel's log: memdoor dmesg FILE"
            }
            _ => {
                "that machine's journal may have it: memdoor dmesg --root DIR, on itself memdoor dmesg --all; or by a pipe: journalctl _TRANSPORT=kernel -o export | memdoor dmesg -"
            }
        }));
    }
    true
}

/// Says what of the time that was asked for is in no log, with what to type. To cron in words once for each log; the exit code says it
/// each time, as of a log that can't be read: what was shown is remembered, and not of which times logs were read, so that no earlier run
/// stands for what this log does not reach back to.
fn lacks(options: &Options<'_>, sink: &mut Sink<'_, '_>) -> Vec<Lack> {
    let lacks = sink.reach.lacks(&options.filter);
    let mut said = lacks.iter().collect::<Vec<_>>();
    if options.since_last.is_some() {
        said.retain(|lack| {
            let what: &[u8] = if lack.extent == Extent::Ended { b"ends before" } else { b"begins later" };
            sink.troubles.note(number(&[&lack.source, what])) == News::Said
        });
    }
    for lack in &said {
        words::line(|out| {
            let _ = write!(out, "warning: {lack}");
        });
    }
    let Some(first) = said.first() else {
        return lacks;
    };
    let since = first.since_us.map(|us| format!(" --since '{}'", Typed(us))).unwrap_or_default();
    let until = options.filter.until_us.map(|us| format!(" --until '{}'", Typed(us))).unwrap_or_default();
    let journal = format!("journalctl _TRANSPORT=kernel -o short-iso{since}{until} | memdoor dmesg -");
    let hint = match options.logs {
        Logs::Live | Logs::Follow => {
            format!("files may have it: memdoor dmesg /var/log{since}{until}; or the journal: {journal}")
        }
        // All that there is here was read.
        Logs::System(_) => {
            format!("a log server, or a backup of this machine, may have it: memdoor dmesg FILE{since}{until}")
        }
        Logs::Root(..) | Logs::Named(_) if first.extent == Extent::Ended => {
            format!("newer logs may have it, or that machine's journal: {journal}")
        }
        Logs::Root(..) | Logs::Named(_) => {
            format!("older pieces of it may have it (kern.log.1, kern.log.2.gz), or that machine's journal: {journal}")
        }
    };
    crate::refusal::say_hint(Some(&hint));
    lacks
}

fn show(options: &Options<'_>) -> Box<dyn Show> {
    let order = match options.logs {
        Logs::Follow => Order::AtOnce,
        _ => Order::Together,
    };
    match options.format {
        Format::Text => Box::new(Text::new(options.subject.clone(), order)),
        Format::Json => Box::new(Json::default()),
    }
}

fn no_log(subject: &str) {
    words::line(|out| {
        out.put(b"there is no log to read in ");
        out.put(subject.as_bytes());
    });
    crate::refusal::say_hint(Some("name a log, or a directory that has some: memdoor dmesg /var/log"));
}

/// Why the live log can't be read, and what to do about it.
fn unreadable(errno: Errno) -> Error {
    let error = Error::new("read", b"the live kernel log (/dev/kmsg, syslog(2))", errno);
    match errno {
        Errno::EPERM | Errno::EACCES => error.hint(by_right(
            "run memdoor as root (sysctl kernel.dmesg_restrict is 1), or name a log: memdoor dmesg /var/log",
            "root needs CAP_SYSLOG for that: start memdoor with it, or name a log: memdoor dmesg /var/log",
        )),
        _ => error.hint("name a log: memdoor dmesg /var/log"),
    }
}

/// The same of following it, for which there is one way only: syslog(2) has no place to go on from.
fn unfollowable(errno: Errno) -> Error {
    match errno {
        Errno::EPERM | Errno::EACCES => unreadable(errno),
        _ => Error::new("follow", b"/dev/kmsg", errno)
            .hint("without that device there is the log as it is now: memdoor dmesg"),
    }
}

/// An output that failed outweighs all; an event that somebody waits for outweighs a log that could not be read, does not reach back
/// as far as was asked, or is none of the kernel's (`is_short`): whatever was found, there may have been more.
fn exit(sink: &Sink<'_, '_>, is_short: bool, on_found: OnFound) -> Exit {
    let written = sink.broken().map_or(Exit::Done, output_exit);
    let found = match on_found {
        OnFound::Found if sink.shown > 0 => Exit::Found,
        _ => Exit::Done,
    };
    let read = if sink.run.failed > 0 || is_short { Exit::Partial } else { Exit::Done };
    written.worse(found).worse(read)
}
