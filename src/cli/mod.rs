//! The command line: what was typed, checked, without a look at the machine. Free to allocate.

/// A static with the bytes of a text.
macro_rules! text {
    ($name:ident, $text:literal) => {
        pub(super) static $name: [u8; $text.len()] = {
            let Some(bytes) = $text.as_bytes().first_chunk() else { unreachable!() };
            *bytes
        };
    };
}

mod check;
mod config;
mod dmesg;
mod kill;
mod monitor;
mod protect;
mod recover;
mod scores;
mod settings;
mod snapshot;
mod usage;
mod values;
mod watch;

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::Arg::{Long, Short, Value};
use lexopt::Parser;
use memdoor::error::Because;
use memdoor::exit::Exit;
use memdoor::modes::kill::{Ended, History, run};
use memdoor::modes::{Buffers, fail_output};
use memdoor::processes::slow::Reader;
use memdoor::report::Format;
use memdoor::report::escape::Escaped;
use memdoor::snapshot::Cmdline;
use memdoor::sys::Errno;
use memdoor::sys::file::Dir;
use memdoor::sys::out::{Broken, Out, Sink, say};

pub(crate) use dmesg::DmesgArgs;
pub(crate) use kill::KillArgs;
pub(crate) use monitor::MonitorArgs;
pub(crate) use protect::ProtectArgs;
pub(crate) use scores::ScoresArgs;
pub(crate) use snapshot::SnapshotArgs;
pub(crate) use watch::WatchArgs;

/// What to do.
pub(crate) enum Command {
    /// `memdoor -p PID`, `memdoor watch -p PID`
    Watch(Box<WatchArgs>),
    /// `memdoor snapshot -p PID`
    Snapshot(SnapshotArgs),
    /// `memdoor dmesg FILE`
    Dmesg(Box<DmesgArgs>),
    /// `memdoor recover FILE`
    Recover(CString),
    /// `memdoor check`
    Check(Box<memdoor::modes::check::Options>),
    /// `memdoor scores`
    Scores(ScoresArgs),
    /// `memdoor kill`
    Kill(Box<KillArgs>),
    /// `memdoor monitor`
    Monitor(Box<MonitorArgs>),
    /// `memdoor protect session`
    Protect(Box<ProtectArgs>),
    /// Help, version, or both when nothing was typed.
    Print {
        /// What to print.
        text: String,
        /// How to end.
        exit: Exit,
    },
}

/// One line that quotes what was typed and says what is allowed.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl UsageError {
    /// Of two options one would be without effect beside the other: none is left out in silence.
    fn both(first: &str, second: &str, why: &str) -> Self {
        Self(format!("{first} and {second}: {why}"))
    }

    /// Each mode has a help of its own.
    fn of(self, mode: &str) -> Self {
        match mode {
            "" => self,
            mode => Self(self.0.replace("memdoor --help", &format!("memdoor {mode} --help"))),
        }
    }
}

type Result<T> = std::result::Result<T, UsageError>;

/// Options that watch and snapshot have.
#[derive(Default)]
struct OutputArgs {
    format: Format,
    cmdline: Option<Cmdline>,
}

impl OutputArgs {
    /// Text is read on the spot; JSON is shipped elsewhere, where a secret in a command line has no business unless it is asked for.
    fn cmdline(&self) -> Cmdline {
        self.cmdline.unwrap_or(match self.format {
            Format::Text => Cmdline::Show,
            Format::Json => Cmdline::Hide,
        })
    }

    /// Takes an option that is one of these.
    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool> {
        match name {
            "--format" => self.format = values::format(name, &value(name, parser)?)?,
            "--cmdline" => self.cmdline = Some(Cmdline::Show),
            "--no-cmdline" => self.cmdline = Some(Cmdline::Hide),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads the command line, the program's name first.
#[inline(never)]
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mode = args.get(1).and_then(|word| word.to_str()).filter(|word| !word.starts_with('-')).map(str::to_string);
    let mode = mode.as_deref();
    dispatch(mode, args).map_err(|error| error.of(mode.unwrap_or_default()))
}

fn dispatch(mode: Option<&str>, mut args: Vec<OsString>) -> Result<Command> {
    match mode {
        None if args.len() <= 1 => Ok(Command::Print { text: usage::bare(), exit: Exit::Usage }),
        None => watch::args(args, watch::Form::Short),
        Some("watch") => {
            args.remove(1);
            watch::args(args, watch::Form::Named)
        }
        Some("snapshot") => {
            args.remove(1);
            snapshot::args(&mut Parser::from_iter(args))
        }
        Some("dmesg" | "oom") => {
            args.remove(1);
            dmesg::args(&mut Parser::from_iter(args))
        }
        Some("recover") => {
            args.remove(1);
            recover::args(&mut Parser::from_iter(args))
        }
        Some("check") => {
            args.remove(1);
            Ok(check::args(&mut Parser::from_iter(args)))
        }
        Some("scores") => {
            args.remove(1);
            scores::args(&mut Parser::from_iter(args))
        }
        Some("monitor") => {
            args.remove(1);
            monitor::args(&mut Parser::from_iter(args))
        }
        Some("kill") => {
            args.remove(1);
            kill::args(&mut Parser::from_iter(args))
        }
        Some("protect") => {
            args.remove(1);
            protect::args(&mut Parser::from_iter(args))
        }
        Some("help") => Ok(Command::Print { text: usage::watch(), exit: Exit::Done }),
        Some(other) => Err(UsageError(format!(
            "unknown mode {}: the modes are watch, snapshot, check, scores, monitor, protect, kill, dmesg and recover",
            values::quoted(other.as_ref())
        ))),
    }
}

/// What comes next on a command line.
enum Word {
    /// An option as it is written in usage texts.
    Option(String),
    /// Anything else.
    Operand(OsString),
}

fn word(parser: &mut Parser) -> Result<Option<Word>> {
    match parser.next() {
        Ok(None) => Ok(None),
        Ok(Some(Short(letter))) => Ok(Some(Word::Option(format!("-{letter}")))),
        Ok(Some(Long(word))) => Ok(Some(Word::Option(format!("--{word}")))),
        Ok(Some(Value(operand))) if operand.is_empty() => Err(values::empty("an operand", "see memdoor --help")),
        Ok(Some(Value(operand))) => Ok(Some(Word::Operand(operand))),
        Err(lexopt::Error::UnexpectedValue { option, value }) => {
            let value = Escaped(value.as_bytes());
            Err(UsageError(format!("unexpected argument for option '{option}': \"{value}\": see memdoor --help")))
        }
        Err(error) => Err(UsageError(format!("{error}: see memdoor --help"))),
    }
}

/// The next option of a mode that takes nothing else.
fn next(parser: &mut Parser) -> Result<Option<String>> {
    match word(parser)? {
        None => Ok(None),
        Some(Word::Option(name)) => Ok(Some(name)),
        Some(Word::Operand(operand)) => {
            let operand = values::quoted(&operand);
            Err(UsageError(format!("unexpected operand {operand}: memdoor takes options only")))
        }
    }
}

/// `-h` and `-V`, which every mode has.
fn about(name: &str, help: fn() -> String) -> Option<Command> {
    let text = match name {
        "-h" | "--help" => help(),
        "-V" | "--version" => usage::version(),
        _ => return None,
    };
    let exit = Exit::Done;
    Some(Command::Print { text, exit })
}

/// The value of an option, which is never empty.
///
/// Every value of every mode comes through here, every operand through [`word`], and every line of the configuration through
/// [`settings::Items::configure`]: an empty one is an unset variable of a script, and no option takes it to mean "everything".
/// `tests::an_empty_value_is_a_usage_error_for_every_option_of_every_mode` tries each option that a usage text names.
fn value(name: &str, parser: &mut Parser) -> Result<OsString> {
    value_that(name, values::allowed(name), parser)
}

/// The same of an option of a mode that takes something else there than in others, `long` without its hyphens: the range of `-c` is that
/// of `check --critical`, and not of `watch --count`.
fn value_in(mode: &str, name: &str, long: &str, parser: &mut Parser) -> Result<OsString> {
    value_that(name, values::allowed_in(mode, &format!("--{long}")), parser)
}

fn value_that(name: &str, takes: &str, parser: &mut Parser) -> Result<OsString> {
    let missing = |_| UsageError(format!("{name} needs a value: {takes}"));
    values::given(name, takes, parser.value().map_err(missing)?)
}

fn unknown_option(name: &str) -> UsageError {
    UsageError(format!("unknown option {}: see memdoor --help", values::quoted(name.as_ref())))
}

/// Runs `memdoor kill`. After SIGHUP the command line and the configuration hold as they are then; when they are wrong, as they were.
#[inline(never)]
pub(crate) fn kill(mut options: Box<KillArgs>, buffers: Buffers<'_>) -> Exit {
    let Buffers { out, read, past } = buffers;
    let mut history = History::default();
    // Before anything large is mapped, and once: a SIGHUP changes nothing of it.
    let reader = Dir::open(c"/proc").and_then(|proc| Reader::start(&proc));
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
    loop {
        let buffers = Buffers { out: &mut *out, read: &mut *read, past: &mut *past };
        match run(&options.borrow(), &mut history, reader.as_ref().ok(), buffers) {
            Ended::Exit(exit) => return exit,
            Ended::Reload => match parse(std::env::args_os()) {
                Ok(Command::Kill(new)) => options = new,
                Ok(_) => {}
                Err(error) => {
                    refuse(&error);
                    say(format_args!("memdoor: the configuration stays as it was"));
                }
            },
        }
    }
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

/// Says what is wrong with the command line.
pub(crate) fn refuse(error: &UsageError) -> Exit {
    say(format_args!("memdoor: {}", error.0));
    Exit::Usage
}

#[cfg(test)]
mod tests;
