//! `memdoor kill`: the command line and the configuration, which has the same names.

pub(super) mod parse;

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::Parser;
use memdoor::exit::Exit;
use memdoor::modes::kill::{Act, Join, Logging, Only, Options, Prefix, Run, Unpinned, When, Whom};
use memdoor::modes::watch::SelfReport;
use memdoor::pattern::Pattern;
use memdoor::sys::file::Dir;

use super::settings::Items;
use super::settings::Kind::Flag;
use super::settings::known;
use super::{Command, Result, about, config, next, unknown_option, usage, value, values};
use parse::{backups, by, kills, level, millis, percent, pressure, seconds, size, to};

// Every option that may stand in the configuration, in the order of the usage text, with its default; without one it is not set.
text!(
    OPTIONS,
    "once ? false
dry-run ? false
threshold 1 90
swap-free 1
psi 1
any ? false
cgroup 1
only + browsers
family +
prefer +
avoid +
ignore +
by 1 tree
min-size 1 0
evidence-ms 1 300
grace 1 30
hard 1 5
cooldown 1 5
max-kills 1
allow-pid-race ? false
format 1 text
log-level 1 INFO
log 1 stderr
log-file 1
log-max-bytes 1 10485760
log-backup-count 1 5
self-report ? false"
);

/// OOM Tracker's names for them.
pub(in crate::cli) const OTHER_NAMES: [(&str, &str); 2] =
    [("memory-threshold-percent", "threshold"), ("kill-timeout-seconds", "grace")];

/// What `--only` stands for: browsers, families by their names, or regexes.
fn only(items: &Items) -> Result<Vec<Only>> {
    let mut families = Vec::new();
    for text in items.values("family") {
        let pair = values::family("--family", text.as_ref());
        let (name, regex) = pair.map_err(|error| items.at("family", &error.0))?;
        let _ = items.pattern("family", regex)?;
        families.push((name, regex));
    }
    let mut all = Vec::new();
    for text in items.values("only") {
        let before = all.len();
        match text.as_str() {
            "any" => all.push(Only::Any),
            "browsers" => all.push(Only::Browsers),
            _ => {}
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
    /// All that needs no memory of its own.
    plain: Options<'static>,
    cgroup: Option<String>,
    only: Vec<Only>,
    prefer: Vec<Pattern>,
    avoid: Vec<Pattern>,
    ignore: Vec<Pattern>,
    log_file: Option<CString>,
}

impl KillArgs {
    fn of(items: &Items) -> Result<Self> {
        check_swap(items)?;
        let plain = plain(items)?;
        let absolute = |path: &str| path.starts_with('/').then(|| path.into());
        Ok(Self {
            plain,
            cgroup: items.read("cgroup", absolute)?,
            only: only(items)?,
            prefer: items.patterns("prefer")?,
            avoid: items.patterns("avoid")?,
            ignore: items.patterns("ignore")?,
            log_file: items.read("log-file", |path| CString::new(path).ok())?,
        })
    }

    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> Options<'_> {
        Options {
            cgroup: self.cgroup.as_deref().map(str::as_bytes),
            whom: Whom {
                only: &self.only,
                prefer: &self.prefer,
                avoid: &self.avoid,
                ignore: &self.ignore,
                ..self.plain.whom
            },
            log: Logging { file: self.log_file.as_deref(), ..self.plain.log },
            ..self.plain
        }
    }
}

/// Numbers and policies.
fn plain(items: &Items) -> Result<Options<'static>> {
    let run = |once| if once { Run::Once } else { Run::Daemon };
    let act = |dry| if dry { Act::DryRun } else { Act::Kill };
    let join = |any| if any { Join::Any } else { Join::All };
    let unpinned = |allow| {
        if allow { Unpinned::Allow } else { Unpinned::Refuse }
    };
    let shown = |show| {
        if show { SelfReport::Show } else { SelfReport::Hide }
    };
    let format = |text: &str| values::format("", text.as_ref()).ok();
    let (compared, scope) = items.one("by", by)?;
    Ok(Options {
        scope,
        run: run(items.is_set("once")?),
        act: act(items.is_set("dry-run")?),
        when: When {
            threshold: items.one("threshold", percent)?,
            swap_free: items.read("swap-free", percent)?,
            pressure: items.read("psi", pressure)?,
            join: join(items.is_set("any")?),
            hard: items.one("hard", percent)?,
        },
        cgroup: None,
        whom: Whom {
            only: &[],
            prefer: &[],
            avoid: &[],
            ignore: &[],
            by: compared,
            least: items.one("min-size", size)?,
        },
        evidence: items.one("evidence-ms", millis)?,
        grace: items.one("grace", seconds)?,
        cooldown: items.one("cooldown", seconds)?,
        max_kills: items.read("max-kills", kills)?,
        unpinned: unpinned(items.is_set("allow-pid-race")?),
        format: items.one("format", format)?,
        log: Logging {
            level: items.one("log-level", level)?,
            to: items.one("log", to)?,
            prefix: prefix(),
            file: None,
            most: items.one("log-max-bytes", size)?.0,
            keep: items.one("log-backup-count", backups)?,
        },
        self_report: shown(items.is_set("self-report")?),
    })
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
        let known = known(&OPTIONS).find(|(known, _, _)| *known == option);
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
        return Ok(Command::Print { text: items.print(), exit: Exit::Done });
    }
    Ok(Command::Kill(Box::new(args)))
}

fn utf8(name: &str, value: OsString) -> Result<String> {
    value.into_string().map_err(|value| {
        let value = OsStr::from_bytes(value.as_bytes());
        values::wrong(name, value)
    })
}
