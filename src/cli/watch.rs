//! `memdoor -p PID`, `memdoor watch -p PID`.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use lexopt::Parser;
use memdoor::cost::SelfReport;
use memdoor::report::Format;
use memdoor::snapshot::Cmdline;
use memdoor::trigger::Base;
use memdoor::trigger::also::Also;
use memdoor::units::Bytes;
use memdoor::watch::{Below, EndCode, Follow, Lock, Options, Recording, Seize};

use super::options::{Asked, Config, Mode, Operands, Rule, option};
use super::values::{self, kept};
use super::{Command, Result, UsageError, cmdline};

/// What was typed for a watch.
pub(super) struct Typed {
    options: Options<'static>,
    cmdline: Option<Cmdline>,
    dir: Option<CString>,
    size: Option<Bytes>,
    keep: Option<u64>,
}

const ALL_SNAPSHOTS: &str = "every report is a snapshot then";
const OF_THE_RECORD: &str = "it is about the record in that directory";

pub(super) const MODE: Mode<Typed> = Mode {
    name: "",
    usage: &["memdoor -p|--pid <target process id>
               [-e|--exename <full path of target process>]
               [-m|--memory-pressure-threshold <percentage integer>]
               [-i|--interval <second(s)>]
               [-c|--count <count(s)>]
               [-l|--lock-memory]"],
    about: "Watches one process and writes a snapshot of it (memory, OOM score, process tree, every mapping, every socket) at once \
            when its RSS reaches the threshold, then at every interval. Ends when the process does.",
    operands: Operands::None,
    described: &[],
    options: &[
        option!("-p, --pid", values::PID, |o, v| o.options.pid = Some(v), "the process to watch")
            .once("a watch is of one process; for several: memdoor snapshot"),
        option!(
            "-e, --exename",
            values::EXE,
            |o, v| o.options.exe = Some(kept(v)),
            "the executable it must be running; memdoor ends when it runs another one"
        ),
        option!(
            "-m, --memory-pressure-threshold",
            values::THRESHOLD,
            |o, v| o.options.threshold = Some(v),
            "1 to 99: RSS / MemTotal * 100. Without it a snapshot is written at every interval"
        ),
        option!(
            "--of",
            values::BASE,
            |o, v| o.options.base = v,
            "what PERCENT is of: memtotal, cgroup (the limit that the process's control group will hit first), or auto (the smaller \
             of the two)"
        )
        .default("memtotal"),
        option!(
            "--also-available",
            values::AVAILABLE,
            |o, v| o.options.also.available = Some(v),
            "a snapshot as well while the system has so little memory available, 1 to 99 % of MemTotal, or less"
        ),
        option!(
            "--also-psi",
            values::PRESSURE.called("full=PERCENT"),
            |o, v| o.options.also.pressure = Some(v),
            "... while so much of the last 10 s was lost waiting for memory, or more; some=PERCENT: by some tasks"
        )
        .once("some or full"),
        option!(
            "-i, --interval",
            values::INTERVAL,
            |o, v| o.options.interval = v,
            "between reports, 0.01 or more. RSS is sampled every 5 to 200 ms whatever it is, the nearer the end the oftener"
        )
        .default("1"),
        option!(
            "-c, --count",
            values::COUNT.called("COUNT"),
            |o, v| o.options.count = Some(v),
            "ends after so many reports, those left out by -q included"
        ),
        option!("-q, --quiet", |o| o.options.below = Below::Quiet, "no reports below the threshold"),
        option!(
            "-l, --lock-memory",
            |o| o.options.lock = Lock::Require,
            "ends when memory can't be locked; without it that is a warning"
        ),
        option!(
            "--seize",
            values::SEIZE,
            |o, v| o.options.seize = v,
            "seizes the process (ptrace): it stops at its death for a last snapshot: danger (while its RSS is above PERCENT or its \
             forecast under 10 s), always or never"
        )
        .default("danger"),
        option!("--death-ms", values::DEATH, |o, v| o.options.death = v, "holds it no longer then: 10 to 1500").default("200"),
        option!(
            "--follow",
            |o| o.options.follow = Follow::Next,
            "when the process ends, waits for the next one that runs the same executable as the same user, and goes on. memdoor \
             watch -e PATH, without -p, waits for the first"
        ),
        option!(
            "--exit-code",
            |o| o.options.end_code = EndCode::How,
            "when the process ends, the exit code says how: 6 by the OOM killer, for certain or likely; 7 by another signal; 8 by \
             itself; 5 where that is not known, or only perhaps an OOM kill. Without it 5"
        ),
        option!("--self-report", |o| o.options.self_report = SelfReport::Show, "says at the end what watching cost"),
        option!(
            "-o, --output",
            values::DIR,
            |o, v| o.dir = Some(v),
            "writes all of it to a new file in DIR as well, first and whatever happens to standard output: its room is taken and \
             locked now, so that it works when memory is gone. memdoor-NAME-PID-TIME.txt or .ndjson; .part until the end"
        ),
        option!(
            "--record-size",
            values::RECORD_SIZE,
            |o, v| o.size = Some(v),
            "of that file, with k or M, 16k to 1024M; default: what four snapshots take, and so it is when not even one would fit. When it \
             is full the oldest reports below \
             the threshold go, then the oldest snapshots, never the first above the threshold nor the last"
        ),
        option!(
            "--keep",
            values::COUNT,
            |o, v| o.keep = Some(v),
            "of the finished files in DIR keeps the newest, this one and N - 1 others"
        ),
        option!("--format", values::FORMAT, |o, v| o.options.format = v, "text, or json: one object a line").default("text"),
        option!("--cmdline", |o| o.cmdline = Some(Cmdline::Show), ""),
        option!("--no-cmdline", |o| o.cmdline = Some(Cmdline::Hide), "show the command line or not; default: in text only"),
    ],
    rules: &[
        Rule::Needs("record-size", "output", OF_THE_RECORD),
        Rule::Needs("keep", "output", OF_THE_RECORD),
        Rule::Needs("also-available", "memory-pressure-threshold", ALL_SNAPSHOTS),
        Rule::Needs("also-psi", "memory-pressure-threshold", ALL_SNAPSHOTS),
    ],
    config: Config::None,
    more: "\
signals: SIGINT, SIGTERM, SIGHUP end the watch with a last report; SIGUSR1
         takes a snapshot now
",
    codes: &[
        (0, "done: -c reached, ended by a signal, or the reader has gone (| head)"),
        (1, "error: it can't be done; standard error says why"),
        (2, "the command line is wrong"),
        (4, "done, but part of the evidence could not be read: it stands as -; or it did not fit into the record"),
        (5, "the process is gone, or is not the one that -e names"),
        (6, "with --exit-code: the kernel's OOM killer ended the process, or likely did"),
        (7, "with --exit-code: another SIGKILL or another signal ended it"),
        (8, "with --exit-code: it exited by itself, whatever its own exit code"),
    ],
};

/// How the mode was named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `memdoor -p PID`: where a PID that was forgotten is an error.
    Short,
    /// `memdoor watch`.
    Named,
}

/// Parses the command line of a watch.
pub(super) fn args(args: Vec<OsString>, form: Form) -> Result<Command> {
    let line = typed_line(&args);
    let options = Options {
        pid: None,
        exe: None,
        threshold: None,
        base: Base::default(),
        also: Also::default(),
        interval: Duration::ZERO,
        count: None,
        lock: Lock::Try,
        below: Below::Report,
        format: Format::default(),
        cmdline: Cmdline::Show,
        seize: Seize::default(),
        death: Duration::ZERO,
        self_report: SelfReport::Hide,
        follow: Follow::End,
        end_code: EndCode::Gone,
        record: None,
    };
    let start = Typed { options, cmdline: None, dir: None, size: None, keep: None };
    let Typed { options, cmdline: asked, dir, size, keep } = match MODE.read(start, &mut Parser::from_iter(args))? {
        Asked::Print(text) => return Ok(Command::shown(text)),
        Asked::Run(typed) => typed,
    };
    check_pid(&options, form)?;
    let record = dir.map(|dir| Recording { dir: kept(dir), size, keep, typed: kept(line) });
    Ok(Command::Watch(Box::new(Options { cmdline: cmdline(asked, options.format), record, ..options })))
}

/// What was typed, for the record's first lines.
fn typed_line(args: &[OsString]) -> Vec<u8> {
    let words: Vec<&[u8]> = args.iter().skip(1).map(|word| word.as_bytes()).collect();
    words.join(&b' ')
}

/// A PID that was forgotten, or was empty in a script, is an error where nothing says that a name is meant.
fn check_pid(options: &Options<'_>, form: Form) -> Result<()> {
    let hint = match (options.pid, options.exe, form) {
        (Some(_), ..) | (None, Some(_), Form::Named) => return Ok(()),
        (None, Some(_), Form::Short) => " (memdoor watch -e PATH waits for one that runs PATH)",
        (None, None, Form::Named) => ", or -e PATH: the first that runs PATH",
        (None, None, Form::Short) => "",
    };
    Err(UsageError::new(format!("-p PID is missing: the process to watch{hint}")))
}
