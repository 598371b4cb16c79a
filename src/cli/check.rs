//! `memdoor check`.

use lexopt::Parser;
use memdoor::check::{Options, Show};
use memdoor::exit::Verdict;
use memdoor::families::BROWSERS;
use memdoor::pattern::Pattern;
use memdoor::snapshot::Cmdline;
use memdoor::trigger::Threshold;

use super::options::{Asked, Config, Mode, Operands, Rule, option};
use super::values::{self, kept};
use super::{Command, Result, UsageError};

/// What was typed for it.
pub(super) struct Typed {
    options: Options,
    families: Vec<(&'static str, Pattern)>,
}

const ONE_OF_THEM: &str = "each is shown instead of the other; one a call";

pub(super) const MODE: Mode<Typed> = Mode {
    name: "check",
    usage: &["memdoor check"],
    about: "Memory at a glance, and whether it is used beyond a threshold. Changes nothing. The first line and the exit code are \
            those of a monitoring plugin. Used is what is not available: MemTotal - MemAvailable - ARC of ZFS that can shrink.",
    operands: Operands::None,
    described: &[],
    options: &[
        option!(
            "-w, --warning",
            values::USED,
            |o, v| o.options.warning = Some(v),
            "0 to 100, WARNING from there on; default 80, none where that is not below --critical"
        ),
        option!(
            "-c, --critical, --threshold",
            values::USED,
            |o, v| o.options.critical = v,
            "0 to 100, CRITICAL from there on"
        )
        .default("90"),
        option!("-n, --top", values::LINES, |o, v| o.options.count = v, "so many of the largest processes")
            .default("5"),
        option!("--where", |o| o.options.show = Show::Where, "instead: where the memory is, as a sum"),
        option!("--tree", |o| o.options.show = Show::Tree, "instead: the largest processes, below their parents"),
        option!(
            "--browsers",
            |o| o.options.show = Show::Browsers,
            "instead: what browsers hold, and the largest processes of each instance"
        ),
        option!(
            "--family",
            values::FAMILY,
            |o, v| {
                o.options.show = Show::Browsers;
                o.families.push((kept(v.0), v.1));
            },
            "the same, and what the regex fits: the name, or with exe: or cmdline: before it those"
        )
        .many(),
        option!("--cmdline", |o| o.options.cmdline = Cmdline::Show, "whole command lines in place of names"),
        option!("--format", values::FORMAT, |o, v| o.options.format = v, "text, or json: one object a line")
            .default("text"),
    ],
    rules: &[
        Rule::Not("where", "tree", ONE_OF_THEM),
        Rule::Not("where", "browsers", ONE_OF_THEM),
        Rule::Not("where", "family", ONE_OF_THEM),
        Rule::Not("tree", "browsers", ONE_OF_THEM),
        Rule::Not("tree", "family", ONE_OF_THEM),
        Rule::Not("where", "top", "a sum names no processes"),
        Rule::Not("where", "cmdline", "a sum names no processes"),
        Rule::Not("tree", "format=json", "in JSON each process has its parent's PID: leave --tree out"),
    ],
    config: Config::None,
    more: "",
    codes: &[
        (0, "OK"),
        (1, "WARNING"),
        (2, "CRITICAL"),
        (3, "UNKNOWN: it can't be read, or the command line is wrong"),
    ],
};

/// Parses the command line of `memdoor check`. One that is wrong is UNKNOWN to who monitors, on standard output and with 3: 2 would be
/// CRITICAL.
pub(super) fn args(parser: &mut Parser) -> Command {
    read(parser).unwrap_or_else(|error| Command::Print {
        text: format!("MEMORY UNKNOWN - {}\n", error.of("check").words),
        exit: Verdict::Unknown.into(),
    })
}

fn read(parser: &mut Parser) -> Result<Command> {
    // The table's default takes its place.
    let Some(critical) = Threshold::of_all(0) else { unreachable!() };
    let options = Options {
        warning: None,
        critical,
        count: 0,
        show: Show::default(),
        families: &[],
        cmdline: Cmdline::Hide,
        format: Default::default(),
    };
    Ok(match MODE.read(Typed { options, families: Vec::new() }, parser)? {
        Asked::Print(text) => Command::shown(text),
        Asked::Run(Typed { options, families }) => {
            let warning = warning(options.warning, options.critical)?;
            // Two of one name in a table are one to who reads it.
            let is_browser = |name: &str| BROWSERS.iter().any(|browser| browser.name.eq_ignore_ascii_case(name));
            if let Some((name, _)) = families.iter().find(|(name, _)| is_browser(name)) {
                return Err(UsageError::new(format!(
                    "--family {name}: a browser is called so, which is shown anyway: take another NAME"
                )));
            }
            Command::Check(Box::new(Options { warning, families: kept(families), ..options }))
        }
    })
}

/// 80 where nothing is typed, and none where that would come after CRITICAL.
fn warning(typed: Option<Threshold>, critical: Threshold) -> Result<Option<Threshold>> {
    match typed {
        Some(warning) if warning > critical => Err(UsageError::new(format!(
            "--warning {} is above --critical {}: it would never be reached",
            warning.percent(),
            critical.percent()
        ))),
        Some(warning) => Ok(Some(warning)),
        None => Ok(Threshold::of_all(80).filter(|default| *default < critical)),
    }
}
