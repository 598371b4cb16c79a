//! `memdoor kill`.

use std::ffi::CString;
use std::time::Duration;

use lexopt::Parser;
use memdoor::cost::SelfReport;
use memdoor::kill::{
    Act, Join, Level, LogStream, Logging, Only, Options, Policy, Prefix, Run, Scope, ShortageRule, Unpinned,
};
use memdoor::pattern::Pattern;
use memdoor::report::Format;
use memdoor::sys::file::Dir;
use memdoor::units::Bytes;
use memdoor::victim::RankBy;

use super::options::{Asked, Config, Mode, Operands, Rule, option};
use super::values;
use super::{Command, Result, UsageError};

/// What was typed for `kill`, and what its options borrow: after a SIGHUP there is another one, so nothing of it is kept for ever.
pub(crate) struct Typed {
    options: Options<'static>,
    cgroup: Option<Vec<u8>>,
    /// As they were typed.
    names: Vec<String>,
    /// Those of the configuration that typed ones take the place of, and the lines that they stand in.
    unused: Vec<(String, String)>,
    families: Vec<(String, Pattern)>,
    only: Vec<Only>,
    prefer: Vec<Pattern>,
    avoid: Vec<Pattern>,
    ignore: Vec<Pattern>,
    log_file: Option<CString>,
}

const OF_THE_LOG: &str = "it is about that file";

pub(super) const MODE: Mode<Typed> = Mode {
    name: "kill",
    usage: &["memdoor kill"],
    about: "When memory is short, ends the largest browser before the kernel has to choose: evidence first, then SIGTERM, time, \
            SIGKILL. Goes on until a signal ends it.",
    operands: Operands::None,
    described: &[],
    options: &[
        option!("--once", |o| o.options.run = Run::Once, "looks once, acts if need be, ends: for timers and cron"),
        option!("--dry-run", |o| o.options.act = Act::DryRun, "says whom it would end, and ends nobody"),
        option!(
            "--threshold",
            values::SHARE,
            |o, v| o.options.when.threshold = v,
            "memory is short when so much of it is used, that is not available: 0 to 100"
        )
        .default("90")
        .known_as("memory-threshold-percent"),
        option!(
            "--swap-free",
            values::SHARE.called("PCT"),
            |o, v| o.options.when.swap_free = Some(v),
            "... and so little of swap is free, or less"
        ),
        option!(
            "--psi",
            values::PRESSURE,
            |o, v| o.options.when.pressure = Some(v),
            "... and processes stall for so many percent of 10 s"
        ),
        option!("--any", |o| o.options.when.join = Join::Any, "one of these is enough"),
        option!(
            "--cgroup",
            values::CGROUP,
            |o, v| o.cgroup = Some(v),
            "the memory, limit and processes of this cgroup alone"
        ),
        option!(
            "--only",
            values::ONLY,
            |o, v| o.names.push(v),
            "who may be ended; any, for servers: everybody but service managers, sshd, login shells, D-Bus, desktops and container \
             runtimes. May be repeated, as the next four"
        )
        .many()
        // Without its families nothing tells whether it is one.
        .when_replaced(|o, value, line| o.unused.push((value.to_string_lossy().into_owned(), line.into())))
        .default("browsers"),
        option!(
            "--family",
            values::FAMILY,
            |o, v| o.families.push(v),
            "a name for --only. What is typed adds to those of the configuration, and takes the place of those of the same NAME"
        )
        .adds_named(),
        option!("--prefer", values::PATTERN, |o, v| o.prefer.push(v), "").many(),
        option!("--avoid", values::PATTERN, |o, v| o.avoid.push(v), "").adds(),
        option!(
            "--ignore",
            values::PATTERN,
            |o, v| o.ignore.push(v),
            "first these; these last; these never. On the name (comm:, 15 bytes at most), the executable (exe:) or the arguments \
             (cmdline:, up to 64 KiB) of a process: comm: is the default. What can't be read of one, or is longer, spares it by the last \
             two, and fits none else. \
             What is typed of the last two adds to those of the configuration; of any other option it takes their place"
        )
        .adds(),
        option!(
            "--by",
            values::BY,
            |o, v| (o.options.policy.by, o.options.scope) = v,
            "the largest tree (a process and those of its descendants that may be ended, too, in one service and login), single \
             process, or the highest oom_score. Large is freeable memory: anonymous, swap, and shared memory that ends with it. \
             cgroup: the largest tree, and with it all processes of its cgroup, a service or a container, unless one is in it that \
             --ignore fits, or that any would spare and --only does not name; one in it that --avoid fits spares all of it"
        )
        .default("tree"),
        option!("--min-size", values::SIZE, |o, v| o.options.policy.least = v, "nobody who holds less; k, M, G").default("0"),
        option!(
            "--evidence-ms",
            values::EVIDENCE,
            |o, v| o.options.evidence = v,
            "a snapshot of the victim before the first signal takes no longer; 0: none"
        )
        .default("300"),
        option!("--grace", values::PATIENCE, |o, v| o.options.grace = v, "from SIGTERM to SIGKILL")
            .default("30")
            .known_as("kill-timeout-seconds"),
        option!(
            "--hard",
            values::SHARE,
            |o, v| o.options.when.hard = v,
            "no longer when less is available. Until then nobody is ended for what files of tmpfs and System V segments hold, as \
             nobody's end gives that back"
        )
        .default("5"),
        option!("--cooldown", values::PATIENCE, |o, v| o.options.cooldown = v, "nobody else for so long").default("5"),
        option!("--max-kills", values::KILLS, |o, v| o.options.max_kills = Some(v), "no more than N; default: no bound"),
        option!(
            "--allow-pid-race",
            |o| o.options.unpinned = Unpinned::Allow,
            "signals by number where the kernel has no pidfds (before Linux 5.3): they may hit another process"
        ),
        option!("--format", values::FORMAT, |o, v| o.options.format = v, "text, or json: one object a line").default("text"),
        option!(
            "--log-level",
            values::LEVEL,
            |o, v| o.options.log.level = v,
            "DEBUG, INFO, WARNING, ERROR or CRITICAL"
        )
        .default("INFO"),
        option!("--log", values::LOG, |o, v| o.options.log.to = v, "where a line for each decision goes").default("stderr"),
        option!(
            "--log-file",
            values::FILE.called("PATH"),
            |o, v| o.log_file = Some(v),
            "a file as well: at SIZE it becomes PATH.1, that PATH.2, and N are kept. What is there must be a log of memdoor kill, \
             or empty"
        ),
        option!("--log-max-bytes", values::SIZE, |o, v| o.options.log.most = v.0, "its SIZE; 0: it is never renamed").default("10485760"),
        option!("--log-backup-count", values::OLD_FILES, |o, v| o.options.log.keep = v, "its N; 0: it is never renamed").default("5"),
        option!("--self-report", |o| o.options.self_report = SelfReport::Show, "says at the end what it cost"),
    ],
    rules: &[
        Rule::Not("swap-free", "cgroup", "swap is the system's, and not the cgroup's"),
        Rule::Idle("cooldown", "once", "it is between two kills, and that ends at most one"),
        Rule::Idle("max-kills", "once", "it counts the kills of a daemon, and that ends at most one"),
        Rule::Needs("log-max-bytes", "log-file", OF_THE_LOG),
        Rule::Needs("log-backup-count", "log-file", OF_THE_LOG),
    ],
    config: Config::Read,
    more: "The configuration is read at every start, and on SIGHUP: lines of name = value,\n\
           as --print-config prints them. A line that begins with # is a comment, and so is\n\
           what stands behind a blank and # in a value without quotes:\n\
           ignore = \"cmdline:--a # b\"  # both kinds of quotes do\n",
    codes: &[
        (
            0,
            "done: memory is not short (any more), or the victim has ended, or another memdoor ended one; ended by a signal",
        ),
        (1, "error: it can't be done (a configuration can't be read), nobody may be ended (with --dry-run: 0), or the victim lives on"),
        (2, "the command line, or what stands in the configuration, is wrong"),
        (
            4,
            "done, but part of the evidence could not be read: it stands as -; or nobody reads standard output, and it was not written",
        ),
        (5, "the victim was gone, or another, before a signal was sent (--once)"),
    ],
};

impl Typed {
    /// Before anything is typed. Each row of [`OPTIONS`] puts its default over what stands here.
    fn new() -> Self {
        let policy = Policy { only: &[], prefer: &[], avoid: &[], ignore: &[], by: RankBy::Tree, least: Bytes(0) };
        let when = ShortageRule { threshold: 0, swap_free: None, pressure: None, join: Join::All, hard: 0 };
        let log = Logging { level: Level::Info, to: LogStream::Stderr, prefix: prefix(), file: None, most: 0, keep: 0 };
        let options = Options {
            run: Run::default(),
            act: Act::default(),
            when,
            cgroup: None,
            policy,
            scope: Scope::default(),
            evidence: Duration::ZERO,
            grace: Duration::ZERO,
            cooldown: Duration::ZERO,
            max_kills: None,
            unpinned: Unpinned::default(),
            format: Format::default(),
            log,
            self_report: SelfReport::Hide,
        };
        Self {
            options,
            cgroup: None,
            names: Vec::new(),
            unused: Vec::new(),
            families: Vec::new(),
            only: Vec::new(),
            prefer: Vec::new(),
            avoid: Vec::new(),
            ignore: Vec::new(),
            log_file: None,
        }
    }

    /// What the names of `--only` stand for: all, browsers, families by their names, or patterns.
    fn find_only(&mut self) -> Result<()> {
        for (option, patterns) in [("--prefer", &self.prefer), ("--avoid", &self.avoid), ("--ignore", &self.ignore)] {
            let mut families = self.families.iter().map(|(family, _)| family);
            let is_name = |family: &&String| patterns.iter().any(|pattern| pattern.text() == **family);
            if let Some(family) = families.find(is_name) {
                return Err(UsageError::new(format!(
                    "{option}: {family} is the name of a --family, which only --only takes: type its pattern, or ^{family}$ for processes of that name"
                )));
            }
        }
        let is_family = |name: &str| self.families.iter().any(|(family, _)| family == name);
        // Only a name that is too long for a comm, and no family's, has not been refused before.
        let pattern = |name: &str, line: &str| {
            Pattern::parse(name).map_err(|why| {
                UsageError::new(format!("{line}--only: {} is not allowed: {why}", values::quoted(name.as_ref())))
            })
        };
        for (name, line) in &self.unused {
            if !matches!(name.as_str(), "any" | "browsers") && !is_family(name) {
                pattern(name, &format!("{line}: "))?;
            }
        }
        for name in &self.names {
            self.only.push(match name.as_str() {
                "any" => Only::Any,
                "browsers" => Only::Browsers,
                name if is_family(name) => continue,
                name => Only::Fits(pattern(name, "")?),
            });
        }
        let named = self.families.drain(..).filter(|(family, _)| self.names.contains(family));
        self.only.extend(named.map(|(_, pattern)| Only::Fits(pattern)));
        Ok(())
    }

    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> Options<'_> {
        Options {
            cgroup: self.cgroup.as_deref(),
            policy: Policy {
                only: &self.only,
                prefer: &self.prefer,
                avoid: &self.avoid,
                ignore: &self.ignore,
                ..self.options.policy
            },
            log: Logging { file: self.log_file.as_deref(), ..self.options.log },
            ..self.options
        }
    }
}

/// Parses the command line of `memdoor kill`.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    Ok(match MODE.read(Typed::new(), parser)? {
        Asked::Print(text) => Command::shown(text),
        Asked::Run(mut typed) => {
            typed.find_only()?;
            Command::Kill(Box::new(typed))
        }
    })
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
