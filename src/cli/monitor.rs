//! `memdoor monitor`.

use std::ffi::{CString, OsString};
use std::io::IsTerminal;
use std::time::Duration;

use lexopt::Parser;
use memdoor::exit::Exit;
use memdoor::modes::monitor::options::{Charset, Code, Color, Deep, Form, Limits, Options, To, What};
use memdoor::modes::watch::SelfReport;
use memdoor::parse::dec;
use memdoor::units::Percent;

use super::kill::parse::{backups, seconds, size};
use super::settings::Kind::Flag;
use super::settings::{Items, known};
use super::{Command, Result, UsageError, Word, about, config, unknown_option, usage};
use super::{value, value_in, values, word};

// Every option that may stand in the configuration, in the order of the usage text, with its default; without one it is not set, or
// depends on others.
text!(
    OPTIONS,
    "minutes 1
interval 1
output 1
format 1 text
top 1 10
window 1 60
alert +
deep ? false
analyze ? false
prometheus 1
max-bytes 1 10M
keep 1 5
exit-code ? false
self-report ? false"
);

/// `-o` without a directory.
const DEFAULT: &str = "default";

/// What was typed for `monitor`.
pub(crate) struct MonitorArgs {
    plain: Options<'static>,
    dir: Option<CString>,
    prometheus: Option<CString>,
}

impl MonitorArgs {
    fn of(items: &Items) -> Result<Self> {
        let path = |text: &str| CString::new(text).ok();
        let dir = items.read("output", path)?;
        let plain = plain(items, dir.is_some())?;
        Ok(Self {
            dir: dir.filter(|dir| dir.to_bytes() != DEFAULT.as_bytes()),
            prometheus: items.read("prometheus", path)?,
            plain,
        })
    }

    /// As the mode takes it.
    pub(crate) fn borrow(&self) -> Options<'_> {
        Options {
            to: match self.plain.to {
                To::Files(_) => To::Files(self.dir.as_deref()),
                other => other,
            },
            prometheus: self.prometheus.as_deref(),
            ..self.plain
        }
    }
}

fn plain(items: &Items, has_dir: bool) -> Result<Options<'static>> {
    let form = form(items)?;
    let what = choose(items.is_set("analyze")?, What::Analysis, What::Samples);
    let to = if has_dir { To::Files(None) } else { shown(form) };
    // An analysis is of minutes, and a screen is looked at.
    let (length, interval) = match (what, to) {
        (What::Analysis, _) => (300, 5),
        (What::Samples, To::Screen(..)) => (3600, 2),
        (What::Samples, _) => (3600, 30),
    };
    let length = items.read("minutes", minutes)?.unwrap_or(Duration::from_secs(length));
    let interval = items.read("interval", pause)?.unwrap_or(Duration::from_secs(interval));
    Ok(Options {
        length,
        interval,
        window: items.one("window", window)?,
        to: match what {
            What::Analysis if to != To::Files(None) => To::Lines,
            _ => to,
        },
        form,
        top: items.one("top", top)?,
        deep: choose(items.is_set("deep")?, Deep::Yes, Deep::No),
        what,
        limits: limits(items)?,
        prometheus: None,
        most: items.one("max-bytes", |text| size(text).filter(|size| size.0 >= 4096))?,
        keep: items.one("keep", backups)?,
        code: choose(items.is_set("exit-code")?, Code::Found, Code::Done),
        self_report: choose(items.is_set("self-report")?, SelfReport::Show, SelfReport::Hide),
    })
}

fn choose<T>(is_set: bool, set: T, unset: T) -> T {
    if is_set { set } else { unset }
}

fn form(items: &Items) -> Result<Form> {
    items.one("format", |text| match text {
        "csv" => Some(Form::Csv),
        "json" => Some(Form::Json),
        "text" => Some(Form::Text),
        _ => None,
    })
}

/// Without files: a screen where there is one, else lines.
fn shown(form: Form) -> To<'static> {
    if form != Form::Text || !std::io::stdout().is_terminal() || is("TERM", |term| term == "dumb") {
        return To::Lines;
    }
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
    let is_utf8 = locale.is_some_and(|name| {
        let name = name.to_string_lossy().to_ascii_lowercase();
        name.ends_with("utf-8") || name.ends_with("utf8")
    });
    To::Screen(
        choose(is("NO_COLOR", |value| !value.is_empty()), Color::Never, Color::Always),
        choose(is_utf8, Charset::Utf8, Charset::Ascii),
    )
}

fn is(name: &str, test: fn(&OsString) -> bool) -> bool {
    std::env::var_os(name).is_some_and(|value| test(&value))
}

/// 0: until it is stopped.
fn minutes(text: &str) -> Option<Duration> {
    match seconds(text)? {
        Duration::ZERO => Some(Duration::MAX),
        minutes => minutes.checked_mul(60),
    }
}

fn window(text: &str) -> Option<Duration> {
    minutes(text).filter(|window| *window < Duration::MAX)
}

fn pause(text: &str) -> Option<Duration> {
    seconds(text).filter(|pause| *pause >= Duration::from_millis(100))
}

fn top(text: &str) -> Option<usize> {
    let number = usize::try_from(dec(text.as_bytes())?).ok()?;
    (1..=100).contains(&number).then_some(number)
}

/// `memory=80`, `swap=off`.
fn limits(items: &Items) -> Result<Limits> {
    let mut limits = Limits::default();
    for text in items.values("alert") {
        set(&mut limits, text).ok_or_else(|| items.wrong("alert", text))?;
    }
    Ok(limits)
}

fn set(limits: &mut Limits, text: &str) -> Option<()> {
    let (name, value) = text.split_once('=')?;
    let number = match value {
        // Nothing is as much as that.
        "off" => u64::MAX,
        value => dec(value.as_bytes()).filter(|number| *number <= 1_000_000)?,
    };
    let share = Percent { hundredths: number.saturating_mul(100) };
    match name {
        "zombies" => limits.zombies = number,
        // More than all of it is never reached.
        "memory" | "swap" | "fds" | "psi" | "fragmentation" if (101..u64::MAX).contains(&number) => {
            return None;
        }
        "memory" => limits.memory = share,
        "swap" => limits.swap = share,
        "fds" => limits.fds = share,
        "growth" => limits.growth = share,
        "psi" => limits.pressure = share,
        "fragmentation" => limits.fragmentation = share,
        _ => return None,
    }
    Some(())
}

/// Reads it. Two operands are minutes and the interval, as scripts have them that this takes the place of.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let mut typed: Vec<(&str, OsString)> = Vec::new();
    let (mut file, mut is_shown, mut operands) = (None, false, ["minutes", "interval"].iter());
    while let Some(word) = word(parser)? {
        let name = match word {
            Word::Option(name) => name,
            Word::Operand(operand) => {
                let name = operands.next().ok_or_else(|| {
                    let operand = values::quoted(&operand);
                    UsageError(format!("unexpected operand {operand}: see memdoor monitor --help"))
                })?;
                typed.push((name, operand));
                continue;
            }
        };
        if let Some(command) = about(&name, usage::monitor) {
            return Ok(command);
        }
        let long = match name.as_str() {
            "-o" => "output",
            "-i" => "interval",
            "-n" => "top",
            name => name.strip_prefix("--").unwrap_or_default(),
        };
        match (long, known(&OPTIONS).find(|(known, _, _)| *known == long)) {
            ("config", _) => file = Some(values::file(&name, &value(&name, parser)?)?),
            ("print-config", _) => is_shown = true,
            ("output", _) => typed.push(("output", values::given(&name, values::allowed("--output"), dir(parser))?)),
            (_, Some((known, Flag, _))) => typed.push((known, "true".into())),
            (_, Some((known, _, _))) => typed.push((known, value_in("monitor", &name, known, parser)?)),
            _ => return Err(unknown_option(&name)),
        }
    }
    let mut items = Items::new("monitor", &OPTIONS, &[]);
    items.configure(config::read(file.as_deref(), "monitor")?)?;
    for (name, value) in typed {
        let value = value.into_string().map_err(|value| values::wrong(name, &value))?;
        items.type_in(name, value);
    }
    let args = MonitorArgs::of(&items)?;
    Ok(if is_shown {
        Command::Print { text: items.print(), exit: Exit::Done }
    } else {
        Command::Monitor(Box::new(args))
    })
}

/// The directory behind `-o`, if there is one: neither an option nor a number, which are minutes.
fn dir(parser: &mut Parser) -> OsString {
    let is_dir = |word: &std::ffi::OsStr| {
        let word = word.to_string_lossy();
        !word.starts_with('-') && word.contains(|letter: char| !letter.is_ascii_digit())
    };
    let attached = parser.optional_value();
    let next = || parser.try_raw_args()?.next_if(is_dir);
    attached.or_else(next).unwrap_or_else(|| DEFAULT.into())
}
