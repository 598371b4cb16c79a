//! `memdoor recover FILE`.

use std::ffi::CString;

use lexopt::Parser;

use super::options::{Asked, Config, Mode, Operands};
use super::{Command, Result, UsageError, values};

type Typed = Option<CString>;

pub(super) const MODE: Mode<Typed> = Mode {
    name: "recover",
    usage: &["memdoor recover FILE"],
    about: "Writes to standard output what is complete in a file that memdoor -o DIR left behind (.part), because memdoor or the \
            machine was stopped: whole reports, and of the one that was being written the sections so far.",
    operands: Operands::Each(|file, operand| {
        let path = (values::OPERAND.read)(operand).unwrap_or_default();
        match file.replace(path) {
            Some(_) => {
                Err(UsageError::new(format!("unexpected operand {}: one FILE at a time", values::quoted(operand))))
            }
            None => Ok(()),
        }
    }),
    described: &[("FILE", "the file, which stays as it is")],
    options: &[],
    rules: &[],
    config: Config::None,
    more: "",
    codes: &[
        (0, "done: nothing was cut"),
        (1, "error: it can't be read, or is no record of memdoor"),
        (2, "the command line is wrong"),
        (4, "done, but a part is not complete, or had no room (short): standard error says how much"),
    ],
};

/// Parses the command line of `memdoor recover`.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    match MODE.read(None, parser)? {
        Asked::Print(text) => Ok(Command::shown(text)),
        Asked::Run(Some(file)) => Ok(Command::Recover(file)),
        Asked::Run(None) => Err(UsageError::new("FILE is missing: the record to recover".into())),
    }
}
