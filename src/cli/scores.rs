//! `memdoor scores`.

use lexopt::Parser;
use memdoor::modes::scores::{self, Change, Show};
use memdoor::report::Format;

use super::{Command, Result, UsageError, about, next, unknown_option, usage, value, values};

/// What was typed for scores.
#[derive(Default)]
pub(crate) struct ScoresArgs {
    count: Option<u64>,
    show: Show,
    changes: Vec<Change>,
    format: Format,
}

impl ScoresArgs {
    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> scores::Options<'_> {
        // Two short lists stand beside each other better than two long ones.
        let count = self.count.unwrap_or(if self.changes.is_empty() { 20 } else { 5 });
        scores::Options {
            count: usize::try_from(count).unwrap_or(usize::MAX),
            show: self.show,
            changes: &self.changes,
            format: self.format,
        }
    }
}

/// Reads it.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let mut args = ScoresArgs::default();
    let mut top = None;
    while let Some(name) = next(parser)? {
        if let Some(command) = about(&name, usage::scores) {
            return Ok(command);
        }
        match name.as_str() {
            "-n" | "--top" => {
                args.count = Some(values::count(&name, &value(&name, parser)?)?);
                top = Some(name);
            }
            "--next" => args.show = Show::Next,
            "--what-if" => args.changes.push(values::change(&name, &value(&name, parser)?)?),
            "--format" => args.format = values::format(&name, &value(&name, parser)?)?,
            _ => return Err(unknown_option(&name)),
        }
    }
    if let (Show::Next, Some(top)) = (args.show, top) {
        return Err(UsageError::both("--next", &top, "--next shows the victims and the next two, and no list"));
    }
    Ok(Command::Scores(args))
}
