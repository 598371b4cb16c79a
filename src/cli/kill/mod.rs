//! `memdoor kill`: the command line and the configuration, which has the same names.

mod parse;

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use lexopt::Parser;
use memdoor::exit::Exit;
use memdoor::modes::kill::{
    Act, Join, Level, Logging, Only, Options, Prefix, Run, To, Unpinned, When, Whom,
};
use memdoor::modes::watch::SelfReport;
use memdoor::pattern::Pattern;
use memdoor::report::Format;
use memdoor::sys::file::Dir;
use memdoor::units::Bytes;
use memdoor::victim::By;

use super::settings::Items;
use super::settings::Kind::{Flag, Many, One};
use super::settings::Known;
use super::{Command, Result, about, config, next, unknown_option, usage, value, values};
use parse::{backups, by, kills, level, millis, percent, pressure, seconds, size, to};

/// Every option that may stand in the configuration, in the order of the usage text, with its default; without one it is not set.
const OPTIONS: [Known; 27] = [
    ("once", Flag, "false"),
    ("dry-run", Flag, "false"),
    ("threshold", One, "90"),
    ("swap-free", One, ""),
    ("psi", One, ""),
    ("any", Flag, "false"),
    ("cgroup", One, ""),
    ("only", Many, "browsers"),
    ("family", Many, ""),
    ("prefer", Many, ""),
    ("avoid", Many, ""),
    ("ignore", Many, ""),
    ("by", One, "tree"),
    ("min-size", One, "0"),
    ("evidence-ms", One, "300"),
    ("grace", One, "30"),
    ("hard", One, "5"),
    ("cooldown", One, "5"),
    ("max-kills", One, ""),
    ("allow-pid-race", Flag, "false"),
    ("format", One, "text"),
    ("log-level", One, "INFO"),
    ("log", One, "stderr"),
    ("log-file", One, ""),
    ("log-max-bytes", One, "10485760"),
    ("log-backup-count", One, "5"),
    ("self-report", Flag, "false"),
];

/// OOM Tracker's names for them.
const OTHER_NAMES: [(&str, &str); 2] = [
    ("memory-threshold-percent", "threshold"),
    ("kill-timeout-seconds", "grace"),
];

/// What `--only` stands for: browsers, families by their names, or regexes.
fn only(items: &Items) -> Result<Vec<Only>> {
    let mut families = Vec::new();
    for text in items.values("family") {
        let is_name = |name: &str| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            !name.is_empty() && name != "browsers" && name.chars().all(is_part)
        };
        let pair = text.split_once('=').filter(|(name, _)| is_name(name));
        let (name, regex) = pair.ok_or_else(|| items.wrong("family", text))?;
        let _ = items.pattern("family", regex)?;
        families.push((name, regex));
    }
    let mut all = Vec::new();
    for text in items.values("only") {
        let before = all.len();
        if text == "browsers" {
            all.push(Only::Browsers);
        }
        for (_, regex) in families.iter().filter(|(name, _)| name == text) {
            all.push(Only::Fits(items.pattern("family", regex)?));
        }
        if all.len() == before {
            all.push(Only::Fits(items.pattern("only", text)?));
        }
    }
    Ok(all)
}

/// What was typed for `kill`.
pub(crate) struct KillArgs {
    run: Run,
    act: Act,
    when: When,
    cgroup: Option<String>,
    only: Vec<Only>,
    prefer: Vec<Pattern>,
    avoid: Vec<Pattern>,
    ignore: Vec<Pattern>,
    by: By,
    least: Bytes,
    evidence: Duration,
    grace: Duration,
    cooldown: Duration,
    max_kills: Option<u64>,
    unpinned: Unpinned,
    format: Format,
    level: Level,
    to: To,
    log_file: Option<CString>,
    log_most: u64,
    log_keep: u32,
    self_report: SelfReport,
}

impl KillArgs {
    fn of(items: &Items) -> Result<Self> {
        let flag = |name: &str| items.is_set(name);
        check_swap(items)?;
        Ok(Self {
            run: if flag("once")? {
                Run::Once
            } else {
                Run::Daemon
            },
            act: if flag("dry-run")? {
                Act::DryRun
            } else {
                Act::Kill
            },
            when: When {
                threshold: items.one("threshold", percent)?,
                swap_free: items.read("swap-free", percent)?,
                pressure: items.read("psi", pressure)?,
                join: if flag("any")? { Join::Any } else { Join::All },
                hard: items.one("hard", percent)?,
            },
            cgroup: items.read("cgroup", |path| path.starts_with('/').then(|| path.into()))?,
            only: only(items)?,
            prefer: items.patterns("prefer")?,
            avoid: items.patterns("avoid")?,
            ignore: items.patterns("ignore")?,
            by: items.one("by", by)?,
            least: items.one("min-size", size)?,
            evidence: items.one("evidence-ms", millis)?,
            grace: items.one("grace", seconds)?,
            cooldown: items.one("cooldown", seconds)?,
            max_kills: items.read("max-kills", kills)?,
            unpinned: if flag("allow-pid-race")? {
                Unpinned::Allow
            } else {
                Unpinned::Refuse
            },
            format: items.one("format", |text| values::format("", text.as_ref()).ok())?,
            level: items.one("log-level", level)?,
            to: items.one("log", to)?,
            log_file: items.read("log-file", |path| CString::new(path).ok())?,
            log_most: items.one("log-max-bytes", size)?.0,
            log_keep: items.one("log-backup-count", backups)?,
            self_report: if flag("self-report")? {
                SelfReport::Show
            } else {
                SelfReport::Hide
            },
        })
    }

    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> Options<'_> {
        Options {
            run: self.run,
            act: self.act,
            when: self.when,
            cgroup: self.cgroup.as_deref().map(str::as_bytes),
            whom: Whom {
                only: &self.only,
                prefer: &self.prefer,
                avoid: &self.avoid,
                ignore: &self.ignore,
                by: self.by,
                least: self.least,
            },
            evidence: self.evidence,
            grace: self.grace,
            cooldown: self.cooldown,
            max_kills: self.max_kills,
            unpinned: self.unpinned,
            format: self.format,
            log: Logging {
                level: self.level,
                to: self.to,
                prefix: prefix(),
                file: self.log_file.as_deref(),
                most: self.log_most,
                keep: self.log_keep,
            },
            self_report: self.self_report,
        }
    }
}

fn check_swap(items: &Items) -> Result<()> {
    if items.values("swap-free").len() + items.values("cgroup").len() < 2 {
        return Ok(());
    }
    let words = "--swap-free is about the system's swap: it does not go with --cgroup";
    Err(items.at("swap-free", words))
}

/// Whether the journal reads standard error: systemd.exec(5), JOURNAL_STREAM.
fn prefix() -> Prefix {
    let own = Dir::open(c"/proc/self/fd").and_then(|fds| fds.identity(c"2"));
    let own = own.map(|(device, inode)| format!("{device}:{inode}"));
    match (std::env::var_os("JOURNAL_STREAM"), own) {
        (Some(stream), Ok(own)) if stream == *own => Prefix::Priority,
        _ => Prefix::None,
    }
}

/// Reads it.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let mut typed: Vec<(String, String)> = Vec::new();
    let (mut file, mut is_shown) = (None, false);
    while let Some(name) = next(parser)? {
        if let Some(command) = about(&name, usage::kill) {
            return Ok(command);
        }
        let option = name.strip_prefix("--").unwrap_or_default();
        let known = OPTIONS.iter().find(|(known, _, _)| *known == option);
        match (name.as_str(), known) {
            ("--config", _) => file = Some(values::file(&name, &value(&name, parser)?)?),
            ("--print-config", _) => is_shown = true,
            (_, Some((_, Flag, _))) => typed.push((option.into(), "true".into())),
            (_, Some(_)) => typed.push((option.into(), utf8(&name, value(&name, parser)?)?)),
            _ => return Err(unknown_option(&name)),
        }
    }
    let mut items = Items::new("kill", &OPTIONS, &OTHER_NAMES);
    items.configure(config::read(file.as_deref(), "kill")?)?;
    for (name, value) in typed {
        items.type_in(&name, value);
    }
    let args = KillArgs::of(&items)?;
    if is_shown {
        return Ok(Command::Print {
            text: items.print(),
            exit: Exit::Done,
        });
    }
    Ok(Command::Kill(Box::new(args)))
}

fn utf8(name: &str, value: OsString) -> Result<String> {
    value.into_string().map_err(|value| {
        let value = OsStr::from_bytes(value.as_bytes());
        values::wrong(name, value)
    })
}
