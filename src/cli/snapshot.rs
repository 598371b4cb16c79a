//! `memdoor snapshot -p PID`.

use lexopt::Parser;
use memdoor::once::Options;
use memdoor::report::Format;
use memdoor::snapshot::Cmdline;
use memdoor::units::Pid;

use super::options::{Asked, Config, Mode, Operands, option};
use super::values::{self, kept};
use super::{Command, Result, UsageError, cmdline};

/// What was typed for snapshots.
#[derive(Default)]
pub(super) struct Typed {
    pids: Vec<Pid>,
    format: Format,
    cmdline: Option<Cmdline>,
}

pub(super) const MODE: Mode<Typed> = Mode {
    name: "snapshot",
    usage: &["memdoor snapshot -p|--pid <process id>[,...] ..."],
    about: "Writes one snapshot of each process now, whatever memory it has, then ends.",
    operands: Operands::None,
    described: &[],
    options: &[
        option!("-p, --pid", values::PIDS, |o, v| o.pids.extend(v), "the process; several with commas, or -p again")
            .many(),
        option!("--format", values::FORMAT, |o, v| o.format = v, "text, or json: one object a line").default("text"),
        option!("--cmdline", |o| o.cmdline = Some(Cmdline::Show), ""),
        option!(
            "--no-cmdline",
            |o| o.cmdline = Some(Cmdline::Hide),
            "show the command line or not; default: in text only"
        ),
    ],
    rules: &[],
    config: Config::None,
    more: "",
    codes: &[
        (0, "done, or the reader has gone (| head)"),
        (1, "error: it can't be done; standard error says why"),
        (2, "the command line is wrong"),
        (4, "done, but part of the evidence could not be read: it stands as -"),
        (5, "a process is gone"),
    ],
};

/// Parses the command line of `memdoor snapshot`.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    match MODE.read(Typed::default(), parser)? {
        Asked::Print(text) => Ok(Command::shown(text)),
        Asked::Run(typed) if typed.pids.is_empty() => {
            Err(UsageError::new("-p PID is missing: the process to take a snapshot of".into()))
        }
        Asked::Run(Typed { pids, format, cmdline: asked }) => {
            Ok(Command::Snapshot(Options { pids: kept(pids), format, cmdline: cmdline(asked, format) }))
        }
    }
}
