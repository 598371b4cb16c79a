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
    let (mut cmdline, mut format) = (Cmdline::Hide, Format::Text);
    let mut typed = Typed::default();
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
            "-n" | "--top" => {
                count = values::count(&name, &value(&name, parser)?)?;
                typed.of_processes(name)?;
            }
            "--where" => typed.show(Show::Where, name)?,
            "--tree" => typed.show(Show::Tree, name)?,
            "--browsers" => typed.show(Show::Browsers, name)?,
            "--family" => {
                let given = value(&name, parser)?;
                let (family, regex) = values::family(&name, &given)?;
                let pattern = values::pattern(&name, regex.as_ref())?;
                // It lives as long as memdoor does.
                families.push((String::leak(family.into()), pattern));
                typed.show(Show::Browsers, name)?;
            }
            "--cmdline" => {
                cmdline = Cmdline::Show;
                typed.of_processes(name)?;
            }
            "--format" => format = values::format(&name, &value(&name, parser)?)?,
            _ => return Err(unknown_option(&name)),
        }
    }
    let (warning, critical) = thresholds(warning, critical)?;
    Ok(Command::Check(Box::new(Options {
        warning,
        critical,
        count: usize::try_from(count).unwrap_or(usize::MAX),
        show: typed.show.map_or(Show::Glance, |(show, _)| show),
        families: families.leak(),
        cmdline,
        format,
    })))
}

/// What was asked for so far and by which option, so that one that would be without effect beside another is an error that names both.
#[derive(Default)]
struct Typed {
    show: Option<(Show, String)>,
    /// The first option about the processes that are listed.
    of_processes: Option<String>,
}

impl Typed {
    fn show(&mut self, show: Show, name: String) -> Result<()> {
        match &self.show {
            Some((before, first)) if *before != show => {
                return Err(UsageError::both(first, &name, "each is shown instead of the other; one a call"));
            }
            _ => self.show = Some((show, name)),
        }
        self.check()
    }

    fn of_processes(&mut self, name: String) -> Result<()> {
        self.of_processes.get_or_insert(name);
        self.check()
    }

    fn check(&self) -> Result<()> {
        match (&self.show, &self.of_processes) {
            (Some((Show::Where, place)), Some(listed)) => {
                Err(UsageError::both(place, listed, &format!("{place} lists no processes")))
            }
            _ => Ok(()),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(args: &[&str]) -> Option<String> {
        match read(&mut Parser::from_args(args)) {
            Ok(_) => None,
            Err(error) => Some(error.0),
        }
    }

    #[test]
    fn of_two_options_that_exclude_each_other_none_is_ignored_and_the_error_names_both() {
        let shows = [&["--where"][..], &["--tree"], &["--browsers"], &["--family", "jvm=^java$"]];
        let listed = [&["-n", "3"][..], &["--top", "3"], &["--cmdline"]];
        let named = |a: &[&str], b: &[&str]| {
            let said = said(&[a, b].concat());
            said.is_some_and(|said| said.starts_with(&format!("{} and {}: ", a[0], b[0])))
        };
        for a in shows {
            for b in shows {
                let is_same =
                    a == b || (a[0] != "--where" && b[0] != "--where" && a[0] != "--tree" && b[0] != "--tree");
                assert_eq!(named(a, b), !is_same, "{a:?} {b:?}");
            }
            for b in listed {
                let is_ignored = a == ["--where"];
                assert_eq!(named(a, b), is_ignored, "{a:?} {b:?}");
                assert_eq!(said(&[b, a].concat()).is_some(), is_ignored, "{b:?} {a:?}");
            }
        }
        assert_eq!(
            said(&["--where", "--tree"]).as_deref(),
            Some("--where and --tree: each is shown instead of the other; one a call")
        );
    }
}
