//! `memdoor snapshot -p PID`.

use lexopt::Parser;
use memdoor::modes::snapshot;
use memdoor::units::Pid;

use super::{Command, OutputArgs, Result, UsageError, about, next, unknown_option, usage, value, values};

/// What was typed for snapshots.
pub(crate) struct SnapshotArgs {
    pids: Vec<Pid>,
    output: OutputArgs,
}

impl SnapshotArgs {
    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> snapshot::Options<'_> {
        snapshot::Options { pids: &self.pids, format: self.output.format, cmdline: self.output.cmdline() }
    }
}

/// Reads it.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let mut pids = Vec::new();
    let mut output = OutputArgs::default();
    while let Some(name) = next(parser)? {
        if let Some(command) = about(&name, usage::snapshot) {
            return Ok(command);
        }
        match name.as_str() {
            "-p" | "--pid" => pids.extend(values::pids(&name, &value(&name, parser)?)?),
            _ if output.take(&name, parser)? => {}
            _ => return Err(unknown_option(&name)),
        }
    }
    if pids.is_empty() {
        return Err(UsageError("-p PID is missing: the process to take a snapshot of".into()));
    }
    Ok(Command::Snapshot(SnapshotArgs { pids, output }))
}
