//! The command line: what was typed, checked, without a look at the machine. Free to allocate.

mod check;
mod config;
mod dmesg;
mod help;
mod kill;
mod monitor;
mod options;
mod protect;
mod recover;
mod scores;
mod snapshot;
mod values;
mod watch;

use std::ffi::{CString, OsString};
use std::time::Duration;

use lexopt::Parser;
use memdoor::error::Because;
use memdoor::exit::Exit;
use memdoor::fixed::Fixed;
use memdoor::kill::{Ended, History, Run, Since, can_be_logged, run};
use memdoor::mode::Buffers;
use memdoor::processes::reader::Reader;
use memdoor::refusal::fail_output;
use memdoor::report::Format;
use memdoor::snapshot::Cmdline;
use memdoor::sys::Errno;
use memdoor::sys::file::Dir;
use memdoor::sys::out::{Broken, Out, Sink, say};
use memdoor::sys::signal;

/// What to do.
pub(crate) enum Command {
    /// `memdoor -p PID`, `memdoor watch -p PID`
    Watch(Box<memdoor::watch::Options<'static>>),
    /// `memdoor snapshot -p PID`
    Snapshot(memdoor::once::Options<'static>),
    /// `memdoor dmesg FILE`
    Dmesg(Box<memdoor::dmesg::Options<'static>>),
    /// `memdoor recover FILE`
    Recover(CString),
    /// `memdoor check`
    Check(Box<memdoor::check::Options>),
    /// `memdoor scores`
    Scores(memdoor::scores::Options<'static>),
    /// `memdoor kill`
    Kill(Box<kill::Typed>),
    /// `memdoor monitor`
    Monitor(Box<memdoor::monitor::options::Options<'static>>),
    /// `memdoor protect session`
    Protect(memdoor::protect::Options<'static>),
    /// Help, version, or both when nothing was typed.
    Print {
        /// What to print.
        text: String,
        /// How to end.
        exit: Exit,
    },
}

impl Command {
    /// A text that was asked for.
    fn shown(text: String) -> Self {
        Self::Print { text, exit: Exit::Done }
    }
}

/// One line that quotes what was typed and says what is allowed; or what can't be read of what was named, which is no fault of it.
#[derive(Debug)]
pub(crate) struct UsageError {
    pub(crate) words: String,
    exit: Exit,
}

impl UsageError {
    pub(crate) const fn new(words: String) -> Self {
        Self { words, exit: Exit::Usage }
    }

    /// A file that was named, or the default one, can't be read, or may not be believed.
    const fn unread(words: String) -> Self {
        Self { words, exit: Exit::Error }
    }

    /// Each mode has a help of its own.
    fn of(self, mode: &str) -> Self {
        match mode {
            "" => self,
            mode => {
                let words = self.words.replace("memdoor --help", &format!("memdoor {mode} --help"));
                Self { words, ..self }
            }
        }
    }
}

type Result<T> = std::result::Result<T, UsageError>;

/// Text is read on the spot; JSON is shipped elsewhere, where a secret in a command line has no business unless it is asked for.
fn cmdline(asked: Option<Cmdline>, format: Format) -> Cmdline {
    asked.unwrap_or(match format {
        Format::Text => Cmdline::Show,
        Format::Json => Cmdline::Hide,
    })
}

/// Reads the command line, the program's name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mode = args.get(1).and_then(|word| word.to_str()).filter(|word| !word.starts_with('-')).map(str::to_string);
    let mode = mode.as_deref();
    dispatch(mode, args).map_err(|error| error.of(mode.unwrap_or_default()))
}

fn dispatch(mode: Option<&str>, mut args: Vec<OsString>) -> Result<Command> {
    let Some(mode) = mode else {
        // The document's name for it, which no watch has.
        if args.get(1).is_some_and(|word| word.as_encoded_bytes().starts_with(b"--analyze-oom")) {
            return dmesg::args(&mut Parser::from_iter(args));
        }
        return match args.len() {
            0 | 1 => Ok(Command::Print { text: bare(), exit: Exit::Usage }),
            _ => watch::args(args, watch::Form::Short),
        };
    };
    args.remove(1);
    if mode == "watch" {
        return watch::args(args, watch::Form::Named);
    }
    let parser = &mut Parser::from_iter(args);
    match mode {
        "snapshot" => snapshot::args(parser),
        "dmesg" | "oom" => dmesg::args(parser),
        "recover" => recover::args(parser),
        "check" => Ok(check::args(parser)),
        "scores" => scores::args(parser),
        "monitor" => monitor::args(parser),
        "kill" => kill::args(parser),
        "protect" => protect::args(parser),
        "help" => Ok(Command::shown(help::of(&watch::MODE))),
        other => help::unknown_mode(&values::quoted(other.as_ref())),
    }
}

/// The modes beside the watch, in the order in which they are listed: their names, and how they are called.
fn other_modes() -> [(&'static str, &'static [&'static str]); 8] {
    const fn of<T>(mode: &options::Mode<T>) -> (&'static str, &'static [&'static str]) {
        (mode.name, mode.usage)
    }
    [
        of(&snapshot::MODE),
        of(&check::MODE),
        of(&scores::MODE),
        of(&monitor::MODE),
        of(&protect::MODE),
        of(&kill::MODE),
        of(&dmesg::MODE),
        of(&recover::MODE),
    ]
}

/// Nothing was typed: the version, the document's usage and where to find more.
fn bare() -> String {
    help::version() + &help::usage(&watch::MODE) + "See memdoor --help, and memdoor MODE --help.\n"
}

/// Runs `memdoor kill`. After SIGHUP the command line and the configuration hold as they are then; when they are wrong, as they were.
// Its frame, 50 KiB with what a daemon of it has, is no part of the stack of the other modes.
#[inline(never)]
pub(crate) fn kill(mut options: Box<kill::Typed>, buffers: Buffers<'_>) -> Exit {
    let Buffers { out, read, past } = buffers;
    let mut history = History::default();
    // Before anything large is mapped, and once: a SIGHUP changes nothing of it.
    let reader = reader();
    // What held before a SIGHUP, until it is seen that what came with it can be done.
    let mut before = None;
    let mut has_watched = false;
    loop {
        let buffers = Buffers { out: &mut *out, read: &mut *read, past: &mut *past };
        let ended = run(&options.borrow(), &mut history, reader.as_ref().ok(), buffers);
        has_watched |= matches!(ended, Ended::Reload);
        match ended {
            Ended::Exit(exit) => return exit,
            Ended::Unfit(exit) => {
                if let Some(old) = before.take() {
                    options = old;
                    history.since = kept("what the new one asks for can't be done, as standard error says");
                    continue;
                }
                // A cgroup that is made anew just now, a meminfo that can't be read: a SIGHUP at that moment ends no guard.
                if !has_watched {
                    return exit;
                }
                say(format_args!(
                    "memdoor: nobody is ended until it can be; it is tried again every {} s",
                    AGAIN.as_secs()
                ));
                let _ = signal::wait(None, Some(AGAIN));
                if signal::stop_requested().is_some() {
                    return Exit::Done;
                }
            }
            Ended::Reload => match parse(std::env::args_os()) {
                // A service that looks once more and ends leaves the host alone, and nobody would know it.
                Ok(Command::Kill(new)) if new.borrow().run == Run::Once => {
                    history.since = kept(
                        "once = true can't come to hold while memdoor goes on: stop it, and start memdoor kill --once",
                    );
                }
                Ok(Command::Kill(new)) if can_be_logged(new.borrow().log) => {
                    before = Some(std::mem::replace(&mut options, new));
                    history.since = Since::Anew;
                }
                Ok(Command::Kill(_)) => {
                    say(format_args!("memdoor: the configuration stays as it was"));
                    history.since = kept("the log that the new one asks for can't be opened, as standard error says");
                }
                Ok(_) => {}
                Err(error) => {
                    refuse(&error);
                    before = None;
                    history.since = kept(error.words.lines().next().unwrap_or_default());
                }
            },
        }
    }
}

/// How long a daemon that can't be armed any more waits until it tries once more.
const AGAIN: Duration = Duration::from_secs(5);

/// Reads what may block. Without it memdoor does so itself, which is said.
fn reader() -> std::result::Result<Reader, Errno> {
    let reader = Dir::open(c"/proc").and_then(|proc| Reader::start_for_patterns(&proc));
    if let Err(errno) = &reader
        && *errno != Errno::ENOENT
    {
        let because = Because(*errno);
        say(format_args!("memdoor: warning: cannot start the process that reads what may block: {because}"));
        if *errno == Errno::EAGAIN {
            say(format_args!(
                "hint: raise the limit of processes: ulimit -u unlimited (in a unit: LimitNPROC=infinity)"
            ));
        }
    }
    reader
}

/// For the log, which says why nothing has changed: whoever wrote what is wrong waits for it to hold.
fn kept(why: &str) -> Since {
    Since::Kept(Fixed::of(why.as_bytes()))
}

/// Prints help or version on standard output.
pub(crate) fn print(text: &str, exit: Exit, buffer: &mut [u8]) -> Exit {
    let mut out = Out::new(Sink::Stdout, buffer);
    out.put(text.as_bytes());
    out.flush();
    match out.broken() {
        Some(Broken::Failed(errno)) => fail_output(errno),
        _ => exit,
    }
}

/// Says what is wrong with the command line, or the configuration.
pub(crate) fn refuse(error: &UsageError) -> Exit {
    say(format_args!("memdoor: {}", error.words));
    error.exit
}

#[cfg(test)]
mod tests;
