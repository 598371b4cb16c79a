//! `memdoor dmesg FILE`, `memdoor oom FILE`.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::Parser;
use memdoor::modes::dmesg;
use memdoor::report::Format;

use super::{Command, Result, UsageError, Word, about, unknown_option, usage, value, values, word};

/// What was typed for kernel logs.
pub(crate) struct DmesgArgs {
    operands: Vec<CString>,
    root: Option<CString>,
    since_us: Option<i64>,
    until_us: Option<i64>,
    victim: Option<OsString>,
    cgroup: Option<OsString>,
    format: Format,
    on_found: dmesg::OnFound,
}

impl DmesgArgs {
    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> dmesg::Options<'_> {
        let logs = match &self.root {
            Some(root) => dmesg::Logs::Root(root),
            None if self.operands.is_empty() => dmesg::Logs::Live,
            None => dmesg::Logs::Named(&self.operands),
        };
        let filter = dmesg::Filter {
            since_us: self.since_us,
            until_us: self.until_us,
            victim: self.victim.as_deref().map(values::who),
            cgroup: self.cgroup.as_deref().map(OsStr::as_bytes),
        };
        dmesg::Options {
            logs,
            filter,
            format: self.format,
            on_found: self.on_found,
        }
    }
}

/// Reads it.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let now_us = values::now_us();
    let mut operands = Vec::new();
    let (mut root, mut since, mut days, mut until) = (None, None, None, None);
    let (mut victim, mut cgroup) = (None, None);
    let mut format = Format::default();
    let mut on_found = dmesg::OnFound::Done;
    while let Some(word) = word(parser)? {
        let name = match word {
            Word::Option(name) => name,
            Word::Operand(operand) => {
                operands.push(values::file("FILE", &operand)?);
                continue;
            }
        };
        if let Some(command) = about(&name, usage::dmesg) {
            return Ok(command);
        }
        match name.as_str() {
            "--since" => since = Some(Time::read(&name, parser, now_us)?),
            "--until" => until = Some(Time::read(&name, parser, now_us)?),
            "--days" => days = Some(values::days(&name, &value(&name, parser)?, now_us)?),
            "--victim" => victim = Some(values::victim(&name, value(&name, parser)?)?),
            "--cgroup" => cgroup = Some(values::path(&name, value(&name, parser)?)?),
            "--root" => root = Some(values::file(&name, &value(&name, parser)?)?),
            "--format" => format = values::format(&name, &value(&name, parser)?)?,
            "--fail-on-oom" => on_found = dmesg::OnFound::Found,
            _ => return Err(unknown_option(&name)),
        }
    }
    if let (Some(_), Some(operand)) = (&root, operands.first()) {
        let operand = values::quoted(OsStr::from_bytes(operand.to_bytes()));
        return Err(UsageError(format!(
            "unexpected operand {operand}: --root reads the logs of that system and nothing else"
        )));
    }
    let since_us = since_us(since.as_ref(), days, until.as_ref())?;
    Ok(Command::Dmesg(Box::new(DmesgArgs {
        operands,
        root,
        since_us,
        until_us: until.map(|time| time.us),
        victim,
        cgroup,
        format,
        on_found,
    })))
}

/// A time and how it was typed.
struct Time {
    typed: OsString,
    us: i64,
}

impl Time {
    fn read(name: &str, parser: &mut Parser, now_us: i64) -> Result<Self> {
        let typed = value(name, parser)?;
        let us = values::time(name, &typed, now_us)?;
        Ok(Self { typed, us })
    }
}

/// From when on, which two options say.
fn since_us(since: Option<&Time>, days: Option<i64>, until: Option<&Time>) -> Result<Option<i64>> {
    if since.is_some() && days.is_some() {
        return Err(UsageError(
            "--since and --days: both say from when on; one of them is enough".into(),
        ));
    }
    if let (Some(since), Some(until)) = (since, until)
        && since.us > until.us
    {
        let (since, until) = (values::quoted(&since.typed), values::quoted(&until.typed));
        return Err(UsageError(format!(
            "--since {since} is later than --until {until}: nothing can be in between"
        )));
    }
    Ok(days.or(since.map(|time| time.us)))
}
