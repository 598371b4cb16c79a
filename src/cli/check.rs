//! `memdoor check`.

use lexopt::Parser;
use memdoor::exit::Verdict;
use memdoor::modes::check::{Options, Show};
use memdoor::pattern::Pattern;
use memdoor::report::Format;
use memdoor::snapshot::Cmdline;
use memdoor::trigger::Threshold;

use super::{Command, Result, UsageError, about, next, unknown_option, usage, value, value_in, values};

/// Reads it. A command line that is wrong is UNKNOWN to who monitors, on standard output and with 3: 2 would be CRITICAL.
pub(super) fn args(parser: &mut Parser) -> Command {
    read(parser).unwrap_or_else(|error| Command::Print {
        text: format!("MEMORY UNKNOWN - {}\n", error.of("check").0),
        exit: Verdict::Unknown.into(),
    })
}

fn read(parser: &mut Parser) -> Result<Command> {
    let (mut warning, mut critical) = (None, None);
    let mut count = 5;
    let mut families: Vec<(&'static str, Pattern)> = Vec::new();
    let (mut show, mut cmdline, mut format) = (Show::Glance, Cmdline::Hide, Format::Text);
    while let Some(name) = next(parser)? {
        if let Some(command) = about(&name, usage::check) {
            return Ok(command);
        }
        match name.as_str() {
            "-w" | "--warning" => {
                warning = Some(values::percent(&name, &value_in("check", &name, "warning", parser)?)?);
            }
            "-c" | "--critical" | "--threshold" => {
                critical = Some(values::percent("--critical", &value_in("check", &name, "critical", parser)?)?);
            }
            "-n" | "--top" => count = values::count(&name, &value(&name, parser)?)?,
            "--where" => show = Show::Where,
            "--tree" => show = Show::Tree,
            "--browsers" => show = Show::Browsers,
            "--family" => {
                let typed = value(&name, parser)?;
                let (family, regex) = values::family(&name, &typed)?;
                let pattern = values::pattern(&name, regex.as_ref())?;
                // It lives as long as memdoor does.
                families.push((String::leak(family.into()), pattern));
                show = Show::Browsers;
            }
            "--cmdline" => cmdline = Cmdline::Show,
            "--format" => format = values::format(&name, &value(&name, parser)?)?,
            _ => return Err(unknown_option(&name)),
        }
    }
    let (warning, critical) = thresholds(warning, critical)?;
    Ok(Command::Check(Box::new(Options {
        warning,
        critical,
        count: usize::try_from(count).unwrap_or(usize::MAX),
        show,
        families: families.leak(),
        cmdline,
        format,
    })))
}

/// 80 and 90 where nothing is typed; no default warning that would come after the other.
fn thresholds(warning: Option<Threshold>, critical: Option<Threshold>) -> Result<(Option<Threshold>, Threshold)> {
    let percent = |number| Threshold::new(number).ok_or_else(|| UsageError(String::new()));
    let critical = critical.map_or_else(|| percent(90), Ok)?;
    match warning {
        Some(warning) if warning.percent() > critical.percent() => Err(UsageError(format!(
            "--warning {} is above --critical {}: it would never be reached",
            warning.percent(),
            critical.percent()
        ))),
        Some(warning) => Ok((Some(warning), critical)),
        None => {
            let default = percent(80)?;
            let is_below = default.percent() < critical.percent();
            Ok((is_below.then_some(default), critical))
        }
    }
}
