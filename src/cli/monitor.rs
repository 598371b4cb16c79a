//! `memdoor monitor`.

use std::ffi::{CString, OsStr, OsString};
use std::io::IsTerminal;
use std::time::Duration;

use lexopt::Parser;
use memdoor::cost::SelfReport;
use memdoor::monitor::alerts::{self, Kind as Alert, Limits, Unit};
use memdoor::monitor::options::{Charset, Code, Color, Destination, Form, Options, Output, ReadPss};
use memdoor::parse::dec;
use memdoor::units::Bytes;

use super::options::{Asked, Config, Mode, Operands, Rule, option};
use super::values::{self, Kind, Read, Unfit, kept};
use super::{Command, Result};

const OF_THE_FILES: &str = "it is about the files of a session";

/// `-o` without a directory.
const DEFAULT: &str = "default";

/// What was typed for it.
pub(super) struct Typed {
    options: Options<'static>,
    length: Option<Duration>,
    interval: Option<Duration>,
    output: Option<CString>,
}

/// `memory=80`, `swap=off`.
const ALERT: Kind<(Alert, u64)> = Kind { word: "NAME=VALUE", allowed: alerts::ALLOWED, left_out: "", read: alert };

pub(super) const MODE: Mode<Typed> = Mode {
    name: "monitor",
    usage: &["memdoor monitor [MINUTES [INTERVAL]]"],
    about: "Records how memory goes, and says who is growing: on a screen, as lines where standard output is no terminal, or with -o \
            in files. --analyze says it once, at the end. SIGTERM and Ctrl-C end it with the summary; SIGHUP opens files anew.",
    operands: Operands::Of(&["minutes", "interval"]),
    described: &[],
    options: &[
        option!(
            "--minutes",
            values::MINUTES,
            |o, v| o.length = Some(v),
            "for so long; default 60, with --analyze 5; 0: until it is stopped"
        ),
        option!(
            "-i, --interval",
            values::SAMPLING,
            |o, v| o.interval = Some(v),
            "between two samples, 0.1 or more; default 30, 2 on a screen, 5 with --analyze"
        ),
        option!(
            "-o, --output",
            values::DIR.or("[DIR]", DEFAULT),
            |o, v| o.output = Some(v),
            "files memory_monitor_TIME_memory.log and so on in DIR, which is made (0700) if its parent is there; default \
             /var/log/memory-monitor, without rights there ."
        ),
        option!(
            "--format",
            values::FORM,
            |o, v| o.options.form = v,
            "text, csv or json; the memory file is always CSV"
        )
        .default("text"),
        option!("-n, --top", values::TOP, |o, v| o.options.top = v, "so many processes and cgroups are named")
            .default("10"),
        option!("--window", values::WINDOW, |o, v| o.options.window = v, "growth is looked for in the last so many")
            .default("60"),
        option!("--alert", ALERT, |o, v| o.options.limits = o.options.limits.with(v.0, v.1), alerts::HELP).many(),
        option!("--deep", |o| o.options.deep = ReadPss::Yes, "PSS and USS of the top, which holds their mmap_lock"),
        option!("--analyze", |o| o.options.what = Output::Analysis, "nothing but the summary, at the end"),
        option!(
            "--prometheus",
            values::FILE,
            |o, v| o.options.prometheus = Some(kept(v)),
            "metrics for node_exporter's textfile collector; a file of memdoor's own, or not there yet"
        ),
        option!("--max-bytes", values::FILE_SIZE, |o, v| o.options.most = v, "a file is rotated before it gets longer")
            .default("10M"),
        option!("--keep", values::OLD_FILES, |o, v| o.options.keep = v, "so many old ones of each").default("5"),
        option!("--exit-code", |o| o.options.code = Code::Found, "ends with 3 when an alert was raised"),
        option!("--self-report", |o| o.options.self_report = SelfReport::Show, "says at the end what it cost"),
    ],
    rules: &[Rule::Needs("max-bytes", "output", OF_THE_FILES), Rule::Needs("keep", "output", OF_THE_FILES)],
    config: Config::Read,
    more: "",
    codes: &[
        (0, "done"),
        (
            1,
            "error: /proc or standard output fails, a file can't be made; the file for Prometheus never could be written",
        ),
        (2, "the command line or the configuration is wrong"),
        (3, "with --exit-code: an alert was raised"),
        (
            4,
            "done, but /proc hides the processes of other users (hidepid), or something could not be read any more in the middle, or rows were lost, all of them on a disk that was full throughout",
        ),
    ],
};

/// Parses the command line of `memdoor monitor`. Two operands are minutes and the interval, as the scripts have them that it replaces.
pub(super) fn args(parser: &mut Parser) -> Result<Command> {
    let options = Options {
        length: Duration::ZERO,
        interval: Duration::ZERO,
        window: Duration::ZERO,
        to: Destination::Lines,
        form: Form::default(),
        top: 0,
        deep: ReadPss::default(),
        what: Output::default(),
        limits: Limits::default(),
        prometheus: None,
        most: Bytes(0),
        keep: 0,
        code: Code::default(),
        self_report: SelfReport::Hide,
    };
    Ok(match MODE.read(Typed { options, length: None, interval: None, output: None }, parser)? {
        Asked::Print(text) => Command::shown(text),
        Asked::Run(typed) => Command::Monitor(Box::new(completed(typed))),
    })
}

/// With the defaults that depend on other options.
fn completed(typed: Typed) -> Options<'static> {
    let Typed { options, length, interval, output } = typed;
    let to = match output {
        Some(dir) => Destination::Files((dir.to_bytes() != DEFAULT.as_bytes()).then(|| kept(dir))),
        None if options.what == Output::Analysis => Destination::Lines,
        None => shown(options.form),
    };
    // An analysis is of minutes, and a screen is looked at.
    let (minutes, seconds) = match (options.what, to) {
        (Output::Analysis, _) => (5, 5),
        (Output::Samples, Destination::Screen(..)) => (60, 2),
        (Output::Samples, _) => (60, 30),
    };
    let length = length.unwrap_or(Duration::from_secs(60 * minutes));
    let interval = interval.unwrap_or(Duration::from_secs(seconds));
    Options { length, interval, to, ..options }
}

/// Without files: a screen where there is one, else lines.
fn shown(form: Form) -> Destination<'static> {
    if form != Form::Text || !std::io::stdout().is_terminal() || is("TERM", |term| term == "dumb") {
        return Destination::Lines;
    }
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
    let is_utf8 = locale.is_some_and(|name| {
        let name = name.to_string_lossy().to_ascii_lowercase();
        name.ends_with("utf-8") || name.ends_with("utf8")
    });
    let color = if is("NO_COLOR", |value| !value.is_empty()) { Color::Never } else { Color::Always };
    Destination::Screen(color, if is_utf8 { Charset::Utf8 } else { Charset::Ascii })
}

fn is(name: &str, test: fn(&OsString) -> bool) -> bool {
    std::env::var_os(name).is_some_and(|value| test(&value))
}

fn alert(text: &OsStr) -> Read<(Alert, u64)> {
    let (name, value) = text.to_str().and_then(|text| text.split_once('=')).ok_or(Unfit::NotAllowed)?;
    let alert = Limits::named(name).ok_or(Unfit::NotAllowed)?;
    if value == "off" {
        return Ok((alert, Limits::OFF));
    }
    let number = dec(value.as_bytes()).filter(|number| *number <= 1_000_000).ok_or(Unfit::NotAllowed)?;
    match alert.unit() {
        Unit::Count => Ok((alert, number)),
        // A share is never more than all; what grows may have grown tenfold.
        Unit::Percent if number > 100 && alert != Alert::Growth => Err(Unfit::NotAllowed),
        Unit::Percent => Ok((alert, number * 100)),
    }
}
