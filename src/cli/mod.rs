//! The command line: what was typed, checked, without a look at the machine. Free to allocate.

mod usage;
mod values;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};
use lexopt::Parser;
use memdoor::exit::Exit;
use memdoor::modes::{snapshot, watch};
use memdoor::report::Format;
use memdoor::snapshot::Cmdline;
use memdoor::sys::out::{Broken, Out, Sink, say};
use memdoor::trigger::{Base, Threshold};
use memdoor::units::Pid;

/// What to do.
pub(crate) enum Command {
    /// `memdoor -p PID`, `memdoor watch -p PID`
    Watch(Box<WatchArgs>),
    /// `memdoor snapshot -p PID`
    Snapshot(SnapshotArgs),
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

type Result<T> = std::result::Result<T, UsageError>;

/// What was typed for a watch.
pub(crate) struct WatchArgs {
    pid: Pid,
    exe: Option<Vec<u8>>,
    threshold: Option<Threshold>,
    base: Base,
    interval: Duration,
    count: Option<u64>,
    lock: watch::Lock,
    below: watch::Below,
    output: OutputArgs,
    self_report: watch::SelfReport,
}

impl WatchArgs {
    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> watch::Options<'_> {
        watch::Options {
            pid: self.pid,
            exe: self.exe.as_deref(),
            threshold: self.threshold,
            base: self.base,
            interval: self.interval,
            count: self.count,
            lock: self.lock,
            below: self.below,
            format: self.output.format,
            cmdline: self.output.cmdline(),
            self_report: self.self_report,
        }
    }
}

/// What was typed for snapshots.
pub(crate) struct SnapshotArgs {
    pids: Vec<Pid>,
    output: OutputArgs,
}

impl SnapshotArgs {
    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> snapshot::Options<'_> {
        snapshot::Options {
            pids: &self.pids,
            format: self.output.format,
            cmdline: self.output.cmdline(),
        }
    }
}

/// Options that both modes have.
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
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let mode = args
        .get(1)
        .and_then(|word| word.to_str())
        .filter(|word| !word.starts_with('-'));
    match mode {
        None if args.len() <= 1 => Ok(Command::Print {
            text: usage::bare(),
            exit: Exit::Usage,
        }),
        None => watch_args(&mut Parser::from_iter(args)),
        Some("watch") => {
            args.remove(1);
            watch_args(&mut Parser::from_iter(args))
        }
        Some("snapshot") => {
            args.remove(1);
            snapshot_args(&mut Parser::from_iter(args))
        }
        Some("help") => Ok(Command::Print {
            text: usage::watch(),
            exit: Exit::Done,
        }),
        Some(other) => Err(UsageError(format!(
            "unknown mode {}: the modes are watch and snapshot",
            values::quoted(other.as_ref())
        ))),
    }
}

fn watch_args(parser: &mut Parser) -> Result<Command> {
    let (mut pid, mut exe, mut threshold, mut count) = (None, None, None, None);
    let mut interval = Duration::from_secs(1);
    let mut base = Base::default();
    let mut lock = watch::Lock::Try;
    let mut below = watch::Below::Report;
    let mut self_report = watch::SelfReport::Hide;
    let mut output = OutputArgs::default();
    while let Some(name) = next(parser)? {
        match name.as_str() {
            "-h" | "--help" => {
                return Ok(Command::Print {
                    text: usage::watch(),
                    exit: Exit::Done,
                });
            }
            "-V" | "--version" => {
                return Ok(Command::Print {
                    text: usage::version(),
                    exit: Exit::Done,
                });
            }
            "-p" | "--pid" => {
                let typed = values::pid(&name, &value(&name, parser)?)?;
                if pid.replace(typed).is_some() {
                    return Err(UsageError(format!(
                        "{name} twice: a watch is of one process; for several: memdoor snapshot"
                    )));
                }
            }
            "-e" | "--exename" => {
                exe = Some(values::path(&name, value(&name, parser)?)?.into_vec())
            }
            "-m" | "--memory-pressure-threshold" => {
                threshold = Some(values::threshold(&name, &value(&name, parser)?)?)
            }
            "-i" | "--interval" => interval = values::interval(&name, &value(&name, parser)?)?,
            "-c" | "--count" => count = Some(values::count(&name, &value(&name, parser)?)?),
            "-l" | "--lock-memory" => lock = watch::Lock::Require,
            "-q" | "--quiet" => below = watch::Below::Quiet,
            "--of" => base = values::base(&name, &value(&name, parser)?)?,
            "--self-report" => self_report = watch::SelfReport::Show,
            _ if output.take(&name, parser)? => {}
            _ => return Err(unknown_option(&name)),
        }
    }
    let pid = pid.ok_or_else(|| UsageError("-p PID is missing: the process to watch".into()))?;
    Ok(Command::Watch(Box::new(WatchArgs {
        pid,
        exe,
        threshold,
        base,
        interval,
        count,
        lock,
        below,
        output,
        self_report,
    })))
}

fn snapshot_args(parser: &mut Parser) -> Result<Command> {
    let mut pids = Vec::new();
    let mut output = OutputArgs::default();
    while let Some(name) = next(parser)? {
        match name.as_str() {
            "-h" | "--help" => {
                return Ok(Command::Print {
                    text: usage::snapshot(),
                    exit: Exit::Done,
                });
            }
            "-V" | "--version" => {
                return Ok(Command::Print {
                    text: usage::version(),
                    exit: Exit::Done,
                });
            }
            "-p" | "--pid" => pids.extend(values::pids(&name, &value(&name, parser)?)?),
            _ if output.take(&name, parser)? => {}
            _ => return Err(unknown_option(&name)),
        }
    }
    if pids.is_empty() {
        return Err(UsageError(
            "-p PID is missing: the process to take a snapshot of".into(),
        ));
    }
    Ok(Command::Snapshot(SnapshotArgs { pids, output }))
}

/// The next option as it is written in usage texts.
fn next(parser: &mut Parser) -> Result<Option<String>> {
    match parser.next() {
        Ok(None) => Ok(None),
        Ok(Some(Short(letter))) => Ok(Some(format!("-{letter}"))),
        Ok(Some(Long(word))) => Ok(Some(format!("--{word}"))),
        Ok(Some(Value(operand))) => {
            let operand = values::quoted(&operand);
            Err(UsageError(format!(
                "unexpected operand {operand}: memdoor takes options only"
            )))
        }
        Err(error) => Err(UsageError(format!("{error}: see memdoor --help"))),
    }
}

fn value(name: &str, parser: &mut Parser) -> Result<OsString> {
    parser
        .value()
        .map_err(|_| UsageError(format!("{name} needs a value: {}", values::allowed(name))))
}

fn unknown_option(name: &str) -> UsageError {
    UsageError(format!(
        "unknown option {}: see memdoor --help",
        values::quoted(name.as_ref())
    ))
}

/// Prints help or version on standard output.
pub(crate) fn print(text: &str, exit: Exit, buffer: &mut [u8]) -> Exit {
    let mut out = Out::new(Sink::Stdout, buffer);
    out.put(text.as_bytes());
    out.flush();
    match out.broken() {
        Some(Broken::Failed(errno)) => {
            say(format_args!(
                "memdoor: cannot write standard output: {}",
                memdoor::error::Because(errno)
            ));
            Exit::Error
        }
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
