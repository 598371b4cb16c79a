//! `memdoor -p PID`, `memdoor watch -p PID`.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use lexopt::Parser;
use memdoor::modes::watch;
use memdoor::trigger::also::Also;
use memdoor::trigger::{Base, Threshold};
use memdoor::units::{Bytes, Pid};

use super::{Command, OutputArgs, Result, UsageError, about, next, unknown_option, usage, value, values};

/// What was typed for a watch.
pub(crate) struct WatchArgs {
    pid: Option<Pid>,
    exe: Option<Vec<u8>>,
    threshold: Option<Threshold>,
    base: Base,
    also: Also,
    interval: Duration,
    count: Option<u64>,
    lock: watch::Lock,
    below: watch::Below,
    output: OutputArgs,
    seize: watch::Seize,
    death: Duration,
    self_report: watch::SelfReport,
    follow: watch::Follow,
    end_code: watch::EndCode,
    record: RecordArgs,
}

/// What was typed for its record.
#[derive(Default)]
struct RecordArgs {
    dir: Option<CString>,
    size: Option<Bytes>,
    keep: Option<u64>,
    typed: Vec<u8>,
}

impl RecordArgs {
    /// With the command line as it was typed, for the record's first lines.
    fn typed(args: &[OsString]) -> Self {
        let mut record = Self::default();
        for word in args.iter().skip(1) {
            record.typed.extend_from_slice(word.as_bytes());
            record.typed.push(b' ');
        }
        record.typed.pop();
        record
    }

    fn borrow(&self) -> Option<watch::Recording<'_>> {
        Some(watch::Recording { dir: self.dir.as_deref()?, size: self.size, keep: self.keep, typed: &self.typed })
    }

    /// Takes an option that is one of these.
    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool> {
        match name {
            "-o" | "--output" => self.dir = Some(values::file(name, &value(name, parser)?)?),
            "--record-size" => self.size = Some(values::size(name, &value(name, parser)?)?),
            "--keep" => self.keep = Some(values::count(name, &value(name, parser)?)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        let lonely = match (&self.dir, self.size, self.keep) {
            (None, Some(_), _) => "--record-size",
            (None, None, Some(_)) => "--keep",
            _ => return Ok(()),
        };
        Err(UsageError(format!("{lonely} without -o DIR: it is about the record in that directory")))
    }
}

/// Takes an option on what fires as well.
fn also(also: &mut Also, name: &str, parser: &mut Parser) -> Result<bool> {
    match name {
        "--also-available" => {
            also.available = Some(values::threshold(name, &value(name, parser)?)?);
        }
        "--also-psi" => {
            let before = also.pressure.replace(values::pressure(name, &value(name, parser)?)?);
            before.map_or(Ok(()), |_| Err(UsageError(format!("{name} twice: some or full"))))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Without a threshold nothing is below it.
fn check(also: Also, threshold: Option<Threshold>) -> Result<()> {
    let lonely = match also {
        _ if threshold.is_some() => return Ok(()),
        Also { available: Some(_), .. } => "--also-available",
        Also { pressure: Some(_), .. } => "--also-psi",
        _ => return Ok(()),
    };
    Err(UsageError(format!("{lonely} without -m PERCENT: every report is a snapshot then")))
}

impl WatchArgs {
    /// What holds where nothing is typed.
    fn new(record: RecordArgs) -> Self {
        Self {
            pid: None,
            exe: None,
            threshold: None,
            base: Base::default(),
            also: Also::default(),
            interval: Duration::from_secs(1),
            count: None,
            lock: watch::Lock::Try,
            below: watch::Below::Report,
            output: OutputArgs::default(),
            seize: watch::Seize::default(),
            death: Duration::from_millis(200),
            self_report: watch::SelfReport::Hide,
            follow: watch::Follow::End,
            end_code: watch::EndCode::Gone,
            record,
        }
    }

    /// Takes an option that is one of a watch's.
    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool> {
        match name {
            "-p" | "--pid" => {
                let before = self.pid.replace(values::pid(name, &value(name, parser)?)?);
                before.map_or(Ok(()), |_| Err(twice(name)))?;
            }
            "-e" | "--exename" => {
                self.exe = Some(values::path(name, value(name, parser)?)?.into_vec());
            }
            "-m" | "--memory-pressure-threshold" => {
                self.threshold = Some(values::threshold(name, &value(name, parser)?)?);
            }
            "-i" | "--interval" => self.interval = values::interval(name, &value(name, parser)?)?,
            "-c" | "--count" => self.count = Some(values::count(name, &value(name, parser)?)?),
            "-l" | "--lock-memory" => self.lock = watch::Lock::Require,
            "-q" | "--quiet" => self.below = watch::Below::Quiet,
            "--of" => self.base = values::base(name, &value(name, parser)?)?,
            "--seize" => self.seize = values::seize(name, &value(name, parser)?)?,
            "--death-ms" => self.death = values::death(name, &value(name, parser)?)?,
            "--follow" => self.follow = watch::Follow::Next,
            "--exit-code" => self.end_code = watch::EndCode::How,
            "--self-report" => self.self_report = watch::SelfReport::Show,
            _ => {
                return Ok(self.output.take(name, parser)?
                    || self.record.take(name, parser)?
                    || also(&mut self.also, name, parser)?);
            }
        }
        Ok(true)
    }

    /// A PID that was forgotten, or was empty in a script, is an error where nothing says that a name is meant.
    fn check_pid(&self, form: Form) -> Result<()> {
        let hint = match (self.pid, &self.exe, form) {
            (Some(_), ..) | (None, Some(_), Form::Named) => return Ok(()),
            (None, Some(_), Form::Short) => " (memdoor watch -e PATH waits for one that runs PATH)",
            (None, None, Form::Named) => ", or -e PATH: the first that runs PATH",
            (None, None, Form::Short) => "",
        };
        Err(UsageError(format!("-p PID is missing: the process to watch{hint}")))
    }

    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> watch::Options<'_> {
        watch::Options {
            pid: self.pid,
            exe: self.exe.as_deref(),
            threshold: self.threshold,
            base: self.base,
            also: self.also,
            interval: self.interval,
            count: self.count,
            lock: self.lock,
            below: self.below,
            format: self.output.format,
            cmdline: self.output.cmdline(),
            seize: self.seize,
            death: self.death,
            self_report: self.self_report,
            follow: self.follow,
            end_code: self.end_code,
            record: self.record.borrow(),
        }
    }
}

fn twice(name: &str) -> UsageError {
    UsageError(format!("{name} twice: a watch is of one process; for several: memdoor snapshot"))
}

/// How the mode was named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `memdoor -p PID`: where a PID that was forgotten is an error.
    Short,
    /// `memdoor watch`.
    Named,
}

/// Reads it.
pub(super) fn args(args: Vec<OsString>, form: Form) -> Result<Command> {
    let mut watch = WatchArgs::new(RecordArgs::typed(&args));
    let parser = &mut Parser::from_iter(args);
    while let Some(name) = next(parser)? {
        if let Some(command) = about(&name, usage::watch) {
            return Ok(command);
        }
        if !watch.take(&name, parser)? {
            return Err(unknown_option(&name));
        }
    }
    watch.record.check()?;
    check(watch.also, watch.threshold)?;
    watch.check_pid(form)?;
    Ok(Command::Watch(Box::new(watch)))
}
