//! `memdoor protect`.

use std::ffi::{CString, OsString};

use lexopt::Parser;
use memdoor::modes::protect::{self, Change, Whom};
use memdoor::pattern::Pattern;
use memdoor::report::Format;
use memdoor::units::Pid;

use super::{Command, Result, UsageError, Word, about, unknown_option, usage, value, values, word};

/// What was typed for it.
pub(crate) struct ProtectArgs {
    whom: Chosen,
    change: Change,
    state: CString,
    format: Format,
}

enum Chosen {
    Session,
    Pid(Pid, i64),
    Match(Pattern, i64),
    Undo,
}

impl ProtectArgs {
    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> protect::Options<'_> {
        protect::Options {
            whom: match &self.whom {
                Chosen::Session => Whom::Session,
                Chosen::Pid(pid, adj) => Whom::Pid(*pid, *adj),
                Chosen::Match(pattern, adj) => Whom::Match(pattern, *adj),
                Chosen::Undo => Whom::Undo,
            },
            change: self.change,
            state: &self.state,
            format: self.format,
        }
    }
}

/// What may be typed, each once.
#[derive(Default)]
struct Typed {
    session: Option<()>,
    undo: Option<()>,
    pid: Option<Pid>,
    pattern: Option<Pattern>,
    adj: Option<i64>,
}

/// Reads it.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let mut typed = Typed::default();
    let (mut change, mut format, mut state) = (Change::Make, Format::default(), None);
    while let Some(word) = word(parser)? {
        let name = match word {
            Word::Operand(operand) if operand == "session" => {
                typed.session = Some(());
                continue;
            }
            Word::Operand(operand) => return Err(unexpected(&operand)),
            Word::Option(name) => name,
        };
        if let Some(command) = about(&name, usage::protect) {
            return Ok(command);
        }
        let is_again = match name.as_str() {
            "-p" | "--pid" => typed.pid.is_some(),
            "--match" => typed.pattern.is_some(),
            "--adj" => typed.adj.is_some(),
            _ => false,
        };
        if is_again {
            return Err(UsageError(format!("{name} is there twice: one change a call")));
        }
        match name.as_str() {
            "-p" | "--pid" => typed.pid = Some(values::pid(&name, &value(&name, parser)?)?),
            "--match" => typed.pattern = Some(values::pattern(&name, &value(&name, parser)?)?),
            "--adj" => typed.adj = Some(values::adj(&name, &value(&name, parser)?)?),
            "--undo" => typed.undo = Some(()),
            "--dry-run" => change = Change::Show,
            "--state" => state = Some(values::file(&name, &value(&name, parser)?)?),
            "--format" => format = values::format(&name, &value(&name, parser)?)?,
            _ => return Err(unknown_option(&name)),
        }
    }
    Ok(Command::Protect(Box::new(ProtectArgs {
        whom: chosen(typed)?,
        change,
        state: state.map_or_else(default_state, Ok)?,
        format,
    })))
}

fn chosen(typed: Typed) -> Result<Chosen> {
    let missing = || UsageError("--adj N is missing: an oom_score_adj from -1000 to 1000".into());
    match typed {
        Typed { session: Some(()), undo: None, pid: None, pattern: None, adj: None } => Ok(Chosen::Session),
        Typed { session: None, undo: Some(()), pid: None, pattern: None, adj: None } => Ok(Chosen::Undo),
        Typed { session: None, undo: None, pid: Some(pid), pattern: None, adj } => {
            Ok(Chosen::Pid(pid, adj.ok_or_else(missing)?))
        }
        Typed { session: None, undo: None, pid: None, pattern: Some(pattern), adj } => {
            Ok(Chosen::Match(pattern, adj.ok_or_else(missing)?))
        }
        _ => Err(UsageError(
            "one of these: session, -p PID --adj N, --match PATTERN --adj N, --undo: see memdoor protect --help".into(),
        )),
    }
}

fn unexpected(operand: &OsString) -> UsageError {
    let operand = values::quoted(operand);
    UsageError(format!("unexpected operand {operand}: session is the only one"))
}

/// In memory, as the changes are.
fn default_state() -> Result<CString> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    let dir = match own {
        Some(dir) if memdoor::sys::system::effective_user() != 0 => dir,
        _ => "/run".into(),
    };
    let mut path = dir;
    path.push("/memdoor-protect.state");
    values::file("--state", &path)
}
