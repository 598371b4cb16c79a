//! `memdoor -p PID`, `memdoor watch -p PID`.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use lexopt::Parser;
use memdoor::modes::watch;
use memdoor::trigger::also::Also;
use memdoor::trigger::{Base, Threshold};
use memdoor::units::{Bytes, Pid};

use super::{
    Command, OutputArgs, Result, UsageError, about, next, unknown_option, usage, value, values,
};

/// What was typed for a watch.
pub(crate) struct WatchArgs {
    pid: Pid,
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
        Some(watch::Recording {
            dir: self.dir.as_deref()?,
            size: self.size,
            keep: self.keep,
            typed: &self.typed,
        })
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
        Err(UsageError(format!(
            "{lonely} without -o DIR: it is about the record in that directory"
        )))
    }
}

/// Takes an option on what fires as well.
fn also(also: &mut Also, name: &str, parser: &mut Parser) -> Result<bool> {
    match name {
        "--also-available" => {
            also.available = Some(values::threshold(name, &value(name, parser)?)?);
        }
        "--also-psi" => also.pressure = Some(values::pressure(name, &value(name, parser)?)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Without a threshold nothing is below it.
fn check(also: Also, threshold: Option<Threshold>) -> Result<()> {
    let lonely = match also {
        _ if threshold.is_some() => return Ok(()),
        Also {
            available: Some(_), ..
        } => "--also-available",
        Also {
            pressure: Some(_), ..
        } => "--also-psi",
        _ => return Ok(()),
    };
    Err(UsageError(format!(
        "{lonely} without -m PERCENT: every report is a snapshot then"
    )))
}

impl WatchArgs {
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
            record: self.record.borrow(),
        }
    }
}

fn twice(name: &str) -> UsageError {
    UsageError(format!(
        "{name} twice: a watch is of one process; for several: memdoor snapshot"
    ))
}

/// Reads it.
pub(super) fn args(args: Vec<OsString>) -> Result<Command> {
    let mut record = RecordArgs::typed(&args);
    let parser = &mut Parser::from_iter(args);
    let (mut pid, mut exe, mut threshold, mut count) = (None, None, None, None);
    let mut interval = Duration::from_secs(1);
    let (mut base, mut also_of) = (Base::default(), Also::default());
    let mut lock = watch::Lock::Try;
    let mut below = watch::Below::Report;
    let (mut seize, mut death) = (watch::Seize::default(), Duration::from_millis(200));
    let mut self_report = watch::SelfReport::Hide;
    let mut output = OutputArgs::default();
    while let Some(name) = next(parser)? {
        if let Some(command) = about(&name, usage::watch) {
            return Ok(command);
        }
        match name.as_str() {
            "-p" | "--pid" => {
                let before = pid.replace(values::pid(&name, &value(&name, parser)?)?);
                before.map_or(Ok(()), |_| Err(twice(&name)))?;
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
            "--seize" => seize = values::seize(&name, &value(&name, parser)?)?,
            "--death-ms" => death = values::death(&name, &value(&name, parser)?)?,
            "--self-report" => self_report = watch::SelfReport::Show,
            _ if output.take(&name, parser)? || record.take(&name, parser)? => {}
            _ if also(&mut also_of, &name, parser)? => {}
            _ => return Err(unknown_option(&name)),
        }
    }
    record.check()?;
    check(also_of, threshold)?;
    let pid = pid.ok_or_else(|| UsageError("-p PID is missing: the process to watch".into()))?;
    Ok(Command::Watch(Box::new(WatchArgs {
        pid,
        exe,
        threshold,
        base,
        also: also_of,
        interval,
        count,
        lock,
        below,
        output,
        seize,
        death,
        self_report,
        record,
    })))
}
