//! `memdoor recover FILE`.

use lexopt::Parser;

use super::{Command, Result, UsageError, Word, about, unknown_option, usage, values, word};

/// Reads it.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let mut file = None;
    while let Some(word) = word(parser)? {
        match word {
            Word::Operand(operand) => {
                if file.replace(values::file("FILE", &operand)?).is_some() {
                    return Err(UsageError(format!(
                        "unexpected operand {}: one FILE at a time",
                        values::quoted(&operand)
                    )));
                }
            }
            Word::Option(name) => {
                return about(&name, usage::recover).ok_or_else(|| unknown_option(&name));
            }
        }
    }
    let missing = || UsageError("FILE is missing: the record to recover".into());
    file.map(Command::Recover).ok_or_else(missing)
}
