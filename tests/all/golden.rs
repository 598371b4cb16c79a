//! What memdoor says, word for word: `fixtures/golden/MODE/NAME-FORMAT.txt`, of every mode, in every format.
//!
//! `MEMDOOR_GOLDEN=write cargo test --test all golden` writes them anew; look at the difference before it is committed. Most are said on
//! the made-up host of tests/common/stage.rs, so that every figure is the same on every machine; what tells of this run (clocks, durations)
//! is written as `#`. To add one, add a line to [`CASES`].

use crate::common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::json::Json;
use common::run::{Ended, Running, memdoor, run, run_command};
use common::skip;
use common::stage::{JAVA, Stage, settled};
use common::terminal::{Pty, Screen};
use memdoor::monitor::view::{ENTER, LEAVE};
use regex_lite::{Captures, Regex};

fn golden(mode: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(mode)
}

/// Compares with the file, or writes it.
fn compare(path: &Path, said: &str) {
    if std::env::var_os("MEMDOOR_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, said).expect("write");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let mut lines = said.lines().zip(expected.lines());
    let differs = lines.find(|(said, expected)| said != expected);
    assert_eq!(differs, None, "{}", path.display());
    assert_eq!(said.len(), expected.len(), "{}: one is longer", path.display());
}

/// What tells of this run and not of memdoor, as `#`: clocks, durations, where the tests are built, the machine.
fn normal(text: &str) -> String {
    // What a pattern finds keeps its shape: columns stay where they are.
    const CLOCKS: [&str; 4] = [
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?",
        r"\d{8}[T_]\d{6}",
        r"\b\d\d:\d\d:\d\d\b",
        r"\b\d{4}-\d\d-\d\d\b",
    ];
    // How often a watch has looked, and what it made of that, is a matter of time.
    const FIGURES: &[(&str, &str)] = &[
        // Above the clocks: Tuesday has a T, and the 1st one digit.
        (
            r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d ##:##:## (\d{4}|####)",
            "### ### ## ##:##:## ####",
        ),
        (r"\d+(\.\d+)? s since boot", "# s since boot"),
        (r"\b\d+(\.\d+)? (m?s)\b", "# $2"),
        // What stands behind it is moved by its digits.
        (r"(?m)^(Used .* in) # s +", "$1 # s "),
        (r"_ms=\d+", "_ms=#"),
        (r"(timestamp_seconds )\d+(\.\d+)?", "$1#"),
        (r#""bytes": *\d+,"check":"[0-9a-f]+""#, "\"bytes\":#,\"check\":\"#\""),
        (r"\d+ bytes, check [0-9a-f]+", "# bytes, check #"),
        (r#"("[a-z_.]*_(ms|ns|us|seconds)":)\d+(\.\d+)?"#, "$1#"),
        (r#"("(arch|release|version)":")[^"]*"#, "$1#"),
        (r#"("id":")\d{16}-"#, "$1#-"),
        (r#"(?m)^\d+\.\d{3}( +)\d+( +\d+){3}.*$"#, "#.###$1(a sample)"),
        (r"(?m)^(RSS Curve|RSS Growth|Forecast|Samples): .*$", "$1: #"),
        (r#""growth":\{[^}]*\},"#, ""),
        (r#""forecast":\{[^}]*\}"#, "\"forecast\":{#}"),
        (r#""samples":\d+"#, "\"samples\":#"),
        (
            r#"(?m)^(\{"schema":"memdoor/1","event_name":"memdoor.process.sample","timestamp":)[^}]*.*"snapshot":.*$"#,
            "$1(a sample)",
        ),
        (r"(?m)^(Entry: +\d+ [a-z]+) +# bytes", "$1 # bytes"),
        (r"(Memdoor Version: ).*", "$1#"),
        (r#""end": *\d+,"gap":\[[ \d,]*\],"open": *\d+,"check":"[0-9a-f]+""#, "\"end\":#"),
        (r"(?m)^(State: +\d+, end) .*$", "$1 #"),
        // The kernel counts the memory of TCP for all network namespaces together.
        (r#"("socket_bytes":)\d+"#, "$1#"),
        (r"(?m)^Sockets hold .*\n", ""),
        // They are among the processes, with numbers of their own.
        (r#"(?m)^( +\d+ memdoor-r[a-z.]+ |\{.*"comm":"memdoor-reader").*\n"#, ""),
        (r"and \d+ more, which hold [\d.]+ MiB", "and # more, which hold # MiB"),
        // Where that line is wrapped depends on how many seconds it was.
        (r"(?m)^(Memory: .* s ago; at least)\s+([\d.]+)\s+MiB\s+available;", "$1 $2 MiB available;"),
        // What this machine has in tmpfs.
        (r"(?m)^(Stays until deleted and closed:|In tmpfs And System V Segments:) .*\n", ""),
        (r#","lasting":\{([^{}]|\{[^{}]*\})*\}"#, ""),
        // Its helper process is there or is gone by then.
        (r#"("(own|unwanted|zombies)":)\d+"#, "$1#"),
        (r"\d+ (memdoor and above|not --only|zombies)", "# $1"),
    ];
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").expect("osrelease");
    let mut text = text.replace(common::run::MEMDOOR, "memdoor").replace(kernel.trim_end(), "KERNEL-RELEASE");
    text = text.replace(concat!("memdoor version ", env!("CARGO_PKG_VERSION")), "memdoor version #");
    for clock in CLOCKS {
        let shape =
            |found: &Captures<'_>| found[0].replace(|char: char| char.is_ascii_alphanumeric() && char != 'T', "#");
        text = Regex::new(clock).expect("valid").replace_all(&text, shape).into_owned();
    }
    for &(figure, instead) in FIGURES {
        text = Regex::new(figure).expect("valid").replace_all(&text, instead).into_owned();
    }
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.dedup_by(|line, before| line == before && line.contains("(a sample)"));
    lines.concat()
}

/// One run of memdoor on a made-up host.
struct Run {
    words: &'static [&'static str],
    /// What is changed of the host before.
    before: fn(&Stage),
    /// What happens while it runs.
    during: fn(&Stage, &mut Running),
}

/// Runs on one host, one after another; each format is a file.
struct Case {
    mode: &'static str,
    name: &'static str,
    formats: &'static [&'static str],
    runs: &'static [Run],
    /// A file or directory below the stage that is shown at the end, too.
    shows: Option<&'static str>,
}

const NOTHING: fn(&Stage) = |_| {};
const TO_ITS_END: fn(&Stage, &mut Running) = |_, _| {};
const BOTH: &[&str] = &["text", "json"];

const fn plain(words: &'static [&'static str]) -> Run {
    Run { words, before: NOTHING, during: TO_ITS_END }
}

const fn case(mode: &'static str, name: &'static str, formats: &'static [&'static str], runs: &'static [Run]) -> Case {
    Case { mode, name, formats, runs, shows: None }
}

const fn on(before: fn(&Stage), words: &'static [&'static str]) -> Run {
    Run { words, before, during: TO_ITS_END }
}

const fn on_screen(words: &'static [&'static str]) -> Run {
    Run { words, before: NOTHING, during: grows_and_is_looked_at }
}

/// A daemon that may end java, and has all the time that its evidence takes on a loaded machine.
const DAEMON_KILLS: &[&str] = &["kill", "--only", "^java$", "--evidence-ms", "10000"];

/// 5 % of memory are available.
const SHORT: fn(&Stage) = |stage| stage.available(5);

const CASES: &[Case] = &[
    case("check", "ok", BOTH, &[plain(&["check"])]),
    case("check", "warning", BOTH, &[plain(&["check", "-w", "70", "-n", "2"])]),
    case("check", "critical", BOTH, &[on(SHORT, &["check"])]),
    case("check", "unknown", &["text"], &[on(|stage| stage.put("proc/meminfo", b""), &["check"])]),
    case("check", "where", BOTH, &[plain(&["check", "--where"])]),
    case("check", "tree", &["text"], &[plain(&["check", "--tree"])]),
    case("check", "browsers", BOTH, &[plain(&["check", "--browsers"])]),
    case("check", "family", BOTH, &[plain(&["check", "--family", "postgres=^postgres$", "--cmdline"])]),
    case("scores", "all", BOTH, &[plain(&["scores"])]),
    case("scores", "top", BOTH, &[plain(&["scores", "-n", "3"])]),
    case("scores", "next", BOTH, &[plain(&["scores", "--next"])]),
    case("scores", "what-if", BOTH, &[plain(&["scores", "--what-if", "13=-500"])]),
    case("scores", "what-if-gone", BOTH, &[plain(&["scores", "--what-if", "4242=0"])]),
    case("snapshot", "java", BOTH, &[plain(&["snapshot", "-p", "13"])]),
    case("snapshot", "no-cmdline", &["text"], &[plain(&["snapshot", "-p", "13", "--no-cmdline"])]),
    case("snapshot", "cmdline", &["json"], &[plain(&["snapshot", "-p", "13", "--cmdline"])]),
    case("snapshot", "hostile", BOTH, &[plain(&["snapshot", "-p", "14"])]),
    case("snapshot", "kernel-thread", BOTH, &[plain(&["snapshot", "-p", "2"])]),
    case("snapshot", "two-and-one-gone", BOTH, &[plain(&["snapshot", "-p", "9,4242", "-p", "15"])]),
    case("snapshot", "sockets", BOTH, &[on(sockets, &["snapshot", "-p", "13"])]),
    case("snapshot", "zombie", BOTH, &[on(zombie, &["snapshot", "-p", "16"])]),
    case(
        "watch",
        "below-above-killed",
        BOTH,
        &[Run {
            words: &["-p", "13", "-m", "30", "-i", "60", "--death-ms", "1500"],
            before: NOTHING,
            during: grows_and_is_killed,
        }],
    ),
    case(
        "watch",
        "quiet",
        BOTH,
        &[Run {
            words: &["-p", "13", "-m", "30", "-i", "60", "--death-ms", "1500", "-q"],
            before: NOTHING,
            during: grows_and_is_killed,
        }],
    ),
    case(
        "watch",
        "ends-by-itself",
        BOTH,
        &[Run {
            words: &["-p", "13", "-m", "90", "-i", "60", "--seize", "always", "--death-ms", "1500"],
            before: NOTHING,
            during: is_ended,
        }],
    ),
    case(
        "watch",
        "oom-killed",
        BOTH,
        &[Run {
            words: &["-p", "13", "-m", "90", "-i", "60", "--seize", "always", "--death-ms", "1500"],
            before: NOTHING,
            during: is_oom_killed,
        }],
    ),
    case(
        "watch",
        "stopped",
        BOTH,
        &[Run {
            words: &["-p", "13", "-m", "90", "-i", "60"],
            before: NOTHING,
            during: |stage, watch| after_a_report(stage, watch, "kill -TERM 3"),
        }],
    ),
    case("watch", "counted", BOTH, &[plain(&["-p", "13", "-c", "1"])]),
    case("watch", "of-cgroup", BOTH, &[plain(&["-p", "13", "-m", "50", "--of", "cgroup", "-c", "1"])]),
    case("watch", "another-executable", BOTH, &[plain(&["-p", "13", "-e", "/usr/bin/python3", "-c", "1"])]),
    case("watch", "gone", BOTH, &[plain(&["-p", "4242", "-c", "1"])]),
    Case {
        shows: Some("work"),
        ..case(
            "watch",
            "record",
            BOTH,
            &[Run {
                words: &["-p", "13", "-m", "30", "-i", "60", "--death-ms", "1500", "-o", "."],
                before: NOTHING,
                during: grows_and_is_killed,
            }],
        )
    },
    case("recover", "killed-watch", BOTH, KILLED_WATCH),
    case("recover", "no-record", &["text"], &[on(|stage| stage.put("work/record", b"text\n"), &["recover", "record"])]),
    case("kill", "not-short", BOTH, &[plain(&["kill", "--once", "--dry-run"])]),
    case("kill", "dry-run", BOTH, &[on(SHORT, &["kill", "--once", "--dry-run"])]),
    case(
        "kill",
        "by-process",
        BOTH,
        &[on(
            SHORT,
            &[
                "kill",
                "--once",
                "--dry-run",
                "--by",
                "process",
                "--only",
                "^(java|firefox|Web Content|postgres|chrome)$",
                "--ignore",
                "^java$",
            ],
        )],
    ),
    case(
        "kill",
        "by-score",
        BOTH,
        &[on(
            SHORT,
            &["kill", "--once", "--dry-run", "--by", "score", "--only", "^(java|firefox|Web Content|postgres|chrome)$"],
        )],
    ),
    case("kill", "nobody", BOTH, &[on(SHORT, &["kill", "--once", "--only", "^nobody$"])]),
    case("kill", "once", BOTH, &[on(SHORT, &["kill", "--once", "--only", "^java$", "--evidence-ms", "10000"])]),
    case("kill", "daemon", BOTH, &[Run { words: &["kill", "--only", "^java$"], before: NOTHING, during: is_stopped }]),
    case("kill", "daemon-kills", BOTH, &[Run { words: DAEMON_KILLS, before: SHORT, during: has_killed }]),
    // Once, however busy the machine is.
    case(
        "kill",
        "daemon-dry-run",
        BOTH,
        &[Run { words: &["kill", "--dry-run", "--cooldown", "600"], before: SHORT, during: is_stopped }],
    ),
    case("kill", "print-config", &["text"], &[plain(&["kill", "--print-config", "--only", "^java$"])]),
    case("protect", "session-dry-run", BOTH, &[plain(&["protect", "session", "--dry-run"])]),
    Case {
        shows: Some("proc/16/oom_score_adj"),
        ..case(
            "protect",
            "pid-and-undo",
            BOTH,
            &[plain(&["protect", "-p", "16", "--adj", "700"]), plain(&["protect", "--undo"])],
        )
    },
    case(
        "protect",
        "match-dry-run",
        BOTH,
        &[plain(&["protect", "--match", "^postgres$", "--adj", "-800", "--dry-run"])],
    ),
    case("protect", "undo-nothing", BOTH, &[plain(&["protect", "--undo"])]),
    case("protect", "gone", BOTH, &[plain(&["protect", "-p", "4242", "--adj", "1"])]),
    case(
        "monitor",
        "once",
        &["text", "csv", "json"],
        &[Run { words: &["monitor", "0", "60"], before: NOTHING, during: is_stopped }],
    ),
    case(
        "monitor",
        "alerts",
        &["text", "csv", "json"],
        &[Run { words: &["monitor", "0", "60", "--deep", "-n", "3"], before: SHORT, during: is_stopped }],
    ),
    Case {
        shows: Some("work"),
        ..case(
            "monitor",
            "files",
            &["text", "csv", "json"],
            &[Run { words: &["monitor", "0", "60", "-o", "."], before: SHORT, during: is_stopped }],
        )
    },
    case(
        "monitor",
        "analyze",
        &["text", "json"],
        &[Run { words: &["monitor", "--analyze", "0", "60"], before: SHORT, during: is_stopped }],
    ),
    Case {
        shows: Some("work"),
        ..case(
            "monitor",
            "prometheus",
            &["text"],
            &[Run { words: &["monitor", "0", "60", "--prometheus", "page.prom"], before: SHORT, during: is_stopped }],
        )
    },
    case("monitor", "screen", &["screen"], &[on_screen(&["monitor", "0", "60"])]),
    case("monitor", "print-config", &["text"], &[plain(&["monitor", "--print-config"])]),
];

/// A watch that a SIGKILL ended, and what is left of its record.
const KILLED_WATCH: &[Run] = &[
    Run {
        words: &["-p", "13", "-m", "10", "-i", "60", "-o", "."],
        before: NOTHING,
        during: |stage, watch| after_a_report(stage, watch, "kill -9 3"),
    },
    on(
        |stage| {
            let record = fs::read_dir(stage.path("work")).expect("work").next().expect("a record").expect("an entry");
            fs::rename(record.path(), stage.path("work/record.part")).expect("renamed");
        },
        &["recover", "record.part"],
    ),
];

fn sockets(stage: &Stage) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let table = fs::read(fixtures.join("net/tcp/sockets.txt")).expect("a fixture");
    stage.put("proc/13/net/tcp", &table);
    stage.put("proc/13/sockets", b"its descriptors are those of the fixture");
    for fd in fs::read_dir(fixtures.join("process/sockets/fd")).expect("a fixture") {
        let fd = fd.expect("an entry");
        let to = fs::read_link(fd.path()).expect("a link");
        let name = format!("proc/13/fd/{}", fd.file_name().display());
        std::os::unix::fs::symlink(to, stage.path(&name)).expect("a link");
    }
}

fn zombie(stage: &Stage) {
    let stat = fs::read_to_string(stage.path("proc/16/stat")).expect("stat");
    let stat = stat.replace(") S ", ") Z ");
    stage.put("proc/16/stat", stat.as_bytes());
    stage.put("proc/16/task/16/stat", stat.as_bytes());
    stage.put("proc/16/maps", b"");
    stage.put("proc/16/cmdline", b"");
    fs::remove_file(stage.path("proc/16/exe")).expect("removed");
    stage.put(
        "proc/16/status",
        b"Name:\tpython3\nState:\tZ (zombie)\nTgid:\t16\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t16\nThreads:\t1\n",
    );
}

/// Reads one report of a watch, and then lets something happen.
fn after_a_report(stage: &Stage, watch: &mut Running, order: &str) {
    a_report(watch);
    stage.order(order);
}

/// Reads a whole report of a watch, in either format.
fn a_report(watch: &mut Running) {
    while let Some((_, line)) = watch.line() {
        let is_text = line == "##### PROCESS NETWORK CONNECTION INFORMATION #####"
            || line.starts_with("Process memory usage is not");
        if is_text || line.contains("memdoor.watch.below") || line.contains("memdoor.snapshot.end") {
            return;
        }
    }
}

/// java goes over 30 % of memory and is killed.
fn grows_and_is_killed(stage: &Stage, watch: &mut Running) {
    if !watch.name().contains("\"-q\"") {
        a_report(watch);
    } else {
        settled(watch);
    }
    stage.at_once(watch, |stage| stage.holds(JAVA, 2_500_000, 112_500, 0));
    a_report(watch);
    stage.seized(watch);
    stage.order("kill -9 13");
}

/// Its parent collects it at once or later: how it ended is told for sure to who has seized it.
fn is_ended(stage: &Stage, watch: &mut Running) {
    a_report(watch);
    stage.seized(watch);
    stage.order("kill -TERM 13");
}

fn is_oom_killed(stage: &Stage, watch: &mut Running) {
    a_report(watch);
    stage.seized(watch);
    stage.at_once(watch, |stage| {
        stage.put("sys/fs/cgroup/lab/memory.events", b"low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n");
        stage
            .put("sys/fs/cgroup/lab/app/memory.events", b"low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\noom_group_kill 0\n");
        stage.order("kill -9 13");
    });
}

/// It has said whom it ended, and is stopped.
fn has_killed(stage: &Stage, running: &mut Running) {
    let parts = ["Action: SIGTERM: the victim has ended", "\"outcome\":\"terminated\""];
    while let Some((_, line)) = running.line() {
        if parts.iter().any(|part| line.contains(part)) {
            break;
        }
    }
    stage.order("kill -TERM 3");
}

/// It has looked once, and is stopped.
fn is_stopped(stage: &Stage, running: &mut Running) {
    settled(running);
    stage.order("kill -TERM 3");
}

/// It is stopped, and so looks once more: java has grown since.
fn grows_and_is_looked_at(stage: &Stage, monitor: &mut Running) {
    settled(monitor);
    stage.at_once(monitor, |stage| stage.holds(JAVA, 2_500_000, 112_500, 0));
    stage.order("kill -TERM 3");
}

/// What stood on the screen at last, and what was left on the terminal when it had gone.
fn off_screen(written: &str) -> String {
    let [enter, leave] = [ENTER, LEAVE].map(|bytes| str::from_utf8(bytes).expect("UTF-8"));
    let (_, rest) = written.split_once(enter).expect("a screen");
    let (screen, rest) = rest.split_once(leave).expect("its end");
    format!("[screen]\n{}[behind it]\n{}", Screen::shows((80, 24), screen.as_bytes()).text(), rest.replace('\r', ""))
}

/// A run as it looks to who types it.
fn transcript(words: &[&str], ended: &Ended) -> String {
    let mut text = format!("$ memdoor {}\n{}", words.join(" "), ended.out);
    let err = ended.words();
    if !err.is_empty() {
        let _ = write!(text, "[standard error]\n{err}");
    }
    match ended.status.code() {
        Some(code) => text + &format!("[exit code {code}]\n"),
        None => text + "[killed]\n",
    }
}

/// The files that a run left there.
fn shown(path: &Path, text: &mut String) {
    let mut files: Vec<PathBuf> = match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| entry.expect("an entry").path()).collect(),
        Err(_) => vec![path.to_owned()],
    };
    files.sort();
    for file in files {
        let name = file.file_name().expect("a name").display();
        let _ = write!(text, "[{name}]\n{}", fs::read_to_string(&file).expect("UTF-8"));
    }
}

/// What a case says in a format.
fn said(stage: &Stage, case: &Case, format: &str) -> String {
    let mut text = String::new();
    for one in case.runs {
        (one.before)(stage);
        // Text is what everybody gets who does not ask; recover knows no formats.
        let asks = !matches!(format, "text" | "screen") && one.words.first() != Some(&"recover");
        let words = if asks { [one.words, &["--format", format]].concat() } else { one.words.to_vec() };
        let pty = (format == "screen").then(Pty::open);
        let mut running = match &pty {
            Some(pty) => stage.start_on(pty, &words),
            None => stage.start(&words),
        };
        (one.during)(stage, &mut running);
        let mut ended = running.end();
        if let Some(pty) = pty {
            ended.out = off_screen(&pty.written());
        }
        if format == "json" {
            for line in ended.out.lines() {
                Json::parse(line);
            }
        }
        text += &transcript(&words, &ended);
    }
    if let Some(path) = case.shows {
        shown(&stage.path(path), &mut text);
    }
    normal(&text)
}

fn every_case(mode: &str) {
    help(mode);
    let mut names = BTreeSet::from(["help.txt".to_owned()]);
    for case in CASES.iter().filter(|case| case.mode == mode) {
        for format in case.formats {
            let stage = match Stage::set() {
                Ok(stage) => stage,
                Err(why) => return skip(why),
            };
            let name = match *format {
                "screen" => format!("{}.txt", case.name),
                format => format!("{}-{format}.txt", case.name),
            };
            compare(&golden(mode).join(&name), &said(&stage, case, format));
            assert!(names.insert(name), "one name, one file");
        }
    }
    let there = fs::read_dir(golden(mode)).expect("golden files");
    let there: BTreeSet<String> =
        there.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect();
    assert_eq!(there, names, "a file of no case, or a case without its file");
}

#[test]
fn check_says_the_same() {
    every_case("check");
}

#[test]
fn scores_says_the_same() {
    every_case("scores");
}

#[test]
fn snapshot_says_the_same() {
    every_case("snapshot");
}

#[test]
fn watch_says_the_same() {
    every_case("watch");
}

#[test]
fn recover_says_the_same() {
    every_case("recover");
}

#[test]
fn kill_says_the_same() {
    every_case("kill");
}

#[test]
fn protect_says_the_same() {
    every_case("protect");
}

#[test]
fn monitor_says_the_same() {
    every_case("monitor");
}

fn help(mode: &str) {
    let words = [mode, "--help"];
    compare(&golden(mode).join("help.txt"), &normal(&transcript(&words, &run(&words))));
}

#[test]
fn a_command_line_without_a_mode_is_answered_the_same() {
    let mut text = String::new();
    for words in [&[][..], &["--version"], &["--frobnicate"], &["frobnicate"], &["-p"], &["kill", "--only"]] {
        text += &transcript(words, &run(words));
    }
    compare(&golden("bare").join("usage.txt"), &normal(&text));
}

// Kernel logs: fixtures/dmesg/NAME.log

fn logs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dmesg")
}

/// The names of the files of a directory that end so, without that end.
fn names(dir: &Path, end: &str) -> BTreeSet<String> {
    fs::read_dir(dir)
        .expect("fixtures")
        .filter_map(|entry| {
            let name = entry.expect("an entry").file_name();
            Some(name.to_str().expect("UTF-8").strip_suffix(end)?.to_owned())
        })
        .collect()
}

/// What memdoor says of a log, in that format; when it was read is left out, and its own version.
fn of_log(name: &str, format: &str) -> String {
    let log = format!("{name}.log");
    let mut command = memdoor(&["dmesg", &log, "--format", format]);
    command.env("TZ", "UTC").current_dir(logs());
    let ended = run_command(command);
    assert_eq!(ended.code(), 0, "{name}: {}", ended.err);
    let version = concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"");
    ended
        .out
        .lines()
        .map(|line| {
            let is_summary = line.contains("memdoor.run.summary");
            let line = without(line, "observed_timestamp");
            let line = if is_summary { without(&line, "timestamp") } else { line };
            line.replace(version, "\"version\":\"\"") + "\n"
        })
        .collect()
}

/// The line with nothing as the value of that member.
fn without(line: &str, member: &str) -> String {
    let key = format!("\"{member}\":\"");
    let Some((before, value)) = line.split_once(&key) else {
        return line.to_owned();
    };
    let (_, behind) = value.split_once('"').expect("the value's end");
    format!("{before}{key}\"{behind}")
}

fn every_log(format: &str, end: &str) {
    let logs = names(&logs(), ".log");
    assert!(logs.len() >= 15);
    for name in &logs {
        compare(&golden("dmesg").join(format!("{name}{end}")), &of_log(name, format));
    }
    help("dmesg");
    let mut there = names(&golden("dmesg"), end);
    there.remove("help");
    assert_eq!(there, logs, "a log is gone");
}

#[test]
fn the_text_of_every_log_is_the_same() {
    every_log("text", ".txt");
}

#[test]
fn the_json_of_every_log_is_the_same() {
    every_log("json", ".json");
}

#[test]
fn the_first_screen_fits_a_terminal() {
    for name in names(&logs(), ".log") {
        let said = of_log(&name, "text");
        let screen = said.split("TIMELINE OF OOM EVENTS").next().unwrap_or_default();
        // A blank line ends it.
        assert!(screen.lines().count() <= 23, "{screen}");
        for line in screen.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}
