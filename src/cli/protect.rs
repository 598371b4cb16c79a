//! `memdoor protect`.

use std::ffi::CString;
use std::path::Path;

use lexopt::Parser;
use memdoor::pattern::Pattern;
use memdoor::protect::{Change, Options, Targets};
use memdoor::report::Format;
use memdoor::units::Pid;

use super::options::{Asked, Config, Mode, Operands, Rule, option};
use super::values::{self, kept};
use super::{Command, Result, UsageError};

/// What was typed for it.
#[derive(Default)]
pub(super) struct Typed {
    is_session: bool,
    is_undo: bool,
    is_dry: bool,
    pid: Option<Pid>,
    pattern: Option<Pattern>,
    adj: Option<i64>,
    state: Option<CString>,
    format: Format,
}

const ONE: &str = "one change a call";

pub(super) const MODE: Mode<Typed> = Mode {
    name: "protect",
    usage: &[
        "memdoor protect session",
        "memdoor protect -p|--pid <process id> --adj N",
        "memdoor protect --match <pattern> --adj N",
        "memdoor protect --undo",
    ],
    about: "Changes the oom_score_adj of running processes, by which the kernel chooses whom it kills, and shows what it was and \
            what it is: -1000 is never killed, 1000 first. Each 10 count as much as 1 % of all memory. Anybody may raise their own \
            processes; lowering takes CAP_SYS_RESOURCE, which root has on a host, and not in a container. As root it is about \
            everybody's processes, else about one's own.",
    operands: Operands::Each(|typed, operand| {
        if operand != "session" {
            let operand = values::quoted(operand);
            return Err(UsageError::new(format!("unexpected operand {operand}: session is the only one")));
        }
        typed.is_session = true;
        Ok(())
    }),
    described: &[(
        "session",
        "the processes that a login or the machine hangs on (display manager, session, compositor, D-Bus, sshd, systemd, \
         container runtimes) to -500, browsers to 300; what is lower or higher already stays",
    )],
    options: &[
        option!("-p, --pid", values::PID, |o, v| o.pid = Some(v), "one process").once(ONE),
        option!(
            "--match",
            values::PATTERN.called("PATTERN"),
            |o, v| o.pattern = Some(v),
            "all whose name matches the regular expression; exe:REGEX is about the executable, cmdline:REGEX about the arguments, \
             comm:REGEX about the name. Neither PID 1, which only -p 1 changes, nor memdoor itself"
        )
        .once(ONE),
        option!("--adj", values::ADJ, |o, v| o.adj = Some(v), "-1000 to 1000").once(ONE),
        option!(
            "--undo",
            |o| o.is_undo = true,
            "puts back what was changed since boot, unless somebody else has changed it since"
        ),
        option!("--dry-run", |o| o.is_dry = true, "only shows what would be done"),
        option!(
            "--state",
            values::CHANGED_FILE,
            |o, v| o.state = Some(v),
            "remembers what is changed, before it is; where that can't be, nothing is changed. A file of memdoor's own, or not \
             there yet; default: /run/memdoor-protect.state, for others than root in $XDG_RUNTIME_DIR"
        ),
        option!("--format", values::FORMAT, |o, v| o.format = v, "text or json").default("text"),
    ],
    rules: &[
        Rule::Not("undo", "adj", "what is put back is what it was before"),
        Rule::Not("undo", "match", "all that was changed is put back"),
        Rule::Not("undo", "pid", "all that was changed is put back"),
    ],
    config: Config::None,
    more: "",
    codes: &[
        (0, "done, or it was so already, or session or --undo had nothing to do"),
        (1, "error: the kernel refused it for a process, all that --match fits are other users', it can't be remembered, or there is no state to undo"),
        (2, "the command line is wrong"),
        (4, "done, but root may not see all processes (hidepid), or not read arguments"),
        (5, "there is no process PID, or none that --match fits"),
    ],
};

/// Parses the command line of `memdoor protect`.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let typed = match MODE.read(Typed::default(), parser)? {
        Asked::Print(text) => return Ok(Command::shown(text)),
        Asked::Run(typed) => typed,
    };
    let change = if typed.is_dry { Change::Show } else { Change::Make };
    let format = typed.format;
    let state = typed.state.clone().map_or_else(default_state, Ok)?;
    Ok(Command::Protect(Options { targets: targets(typed)?, change, state: kept(state), format }))
}

fn targets(typed: Typed) -> Result<Targets<'static>> {
    let missing = || UsageError::new("--adj N is missing: an oom_score_adj from -1000 to 1000".into());
    match typed {
        Typed { is_session: true, is_undo: false, pid: None, pattern: None, adj: None, .. } => Ok(Targets::Session),
        Typed { is_session: false, is_undo: true, pid: None, pattern: None, adj: None, .. } => Ok(Targets::Undo),
        Typed { is_session: false, is_undo: false, pid: Some(pid), pattern: None, adj, .. } => {
            Ok(Targets::Pid(pid, adj.ok_or_else(missing)?))
        }
        Typed { is_session: false, is_undo: false, pid: None, pattern: Some(pattern), adj, .. } => {
            Ok(Targets::Match(kept(pattern), adj.ok_or_else(missing)?))
        }
        _ => Err(UsageError::new(
            "one of these: session, -p PID --adj N, --match PATTERN --adj N, --undo: see memdoor protect --help".into(),
        )),
    }
}

/// In memory, as the changes are.
fn default_state() -> Result<CString> {
    // A relative one is none: the XDG Base Directory Specification says so.
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_absolute());
    let dir = match own {
        Some(dir) if memdoor::sys::system::effective_user() != 0 => dir,
        _ => "/run".into(),
    };
    let mut path = dir;
    path.push("/memdoor-protect.state");
    (values::FILE.read)(&path).map_err(|_| UsageError::new("$XDG_RUNTIME_DIR is no path".into()))
}
