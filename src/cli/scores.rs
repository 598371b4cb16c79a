//! `memdoor scores`.

use lexopt::Parser;
use memdoor::scores::{Change, Options, Show};

use super::options::{Asked, Config, Mode, Operands, Rule, option};
use super::values::{self, kept};
use super::{Command, Result, UsageError};

/// What was typed for it.
pub(super) struct Typed {
    options: Options<'static>,
    count: Option<usize>,
    changes: Vec<Change>,
}

pub(super) const MODE: Mode<Typed> = Mode {
    name: "scores",
    usage: &["memdoor scores"],
    about: "Lists whom the OOM killer would kill first, by the kernel's own formula, and who is protected from it.",
    operands: Operands::None,
    described: &[],
    options: &[
        option!(
            "-n, --top",
            values::LINES,
            |o, v| o.count = Some(v),
            "so many of each list; default 20, with --what-if 5"
        ),
        option!(
            "--next",
            |o| o.options.show = Show::Next,
            "instead: who would be killed now, in the whole system and in each cgroup with a memory limit, and who then"
        ),
        option!(
            "--what-if",
            values::CHANGE,
            |o, v| o.changes.push(v),
            "shows both as they are, and again as if the process had that oom_score_adj, -1000 to 1000; nothing is changed"
        )
        .many(),
        option!("--format", values::FORMAT, |o, v| o.options.format = v, "text, or json: one object a line").default("text"),
    ],
    rules: &[Rule::Not("next", "top", "--next shows the victims and the next two, and no list")],
    config: Config::None,
    more: "",
    codes: &[
        (0, "done"),
        (1, "error: /proc can't be read, or the PID of --what-if is a thread, of the kernel's or of a process"),
        (2, "the command line is wrong"),
        (4, "done, but /proc hides the processes of other users (hidepid)"),
        (5, "no process has the PID of --what-if, or it has exited"),
    ],
};

/// Parses the command line of `memdoor scores`.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let options = Options { count: 0, show: Show::default(), changes: &[], format: Default::default() };
    Ok(match MODE.read(Typed { options, count: None, changes: Vec::new() }, parser)? {
        Asked::Print(text) => Command::shown(text),
        Asked::Run(Typed { options, count, changes }) => {
            let twice =
                changes.iter().enumerate().find(|(at, (pid, _))| changes[..*at].iter().any(|one| one.0 == *pid));
            if let Some((_, (pid, _))) = twice {
                return Err(UsageError::new(format!("--what-if twice of PID {pid}: a process has one oom_score_adj")));
            }
            // Two short lists stand beside each other better than two long ones.
            let count = count.unwrap_or(if changes.is_empty() { 20 } else { 5 });
            Command::Scores(Options { count, changes: kept(changes), ..options })
        }
    })
}
