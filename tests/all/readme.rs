//! README is true: its options are those of `--help`, its exit codes those of the binary, its commands run, and what it
//! shows is what memdoor prints.

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::run::{memdoor, run, run_command};
use common::target::{Victim, path};

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("README.md")
}

/// The text from one heading to the next.
fn chapter<'r>(readme: &'r str, heading: &str) -> &'r str {
    let start = readme.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no chapter {heading}"));
    let text = &readme[start + 1..];
    text[3..].find("\n## ").map_or(text, |end| &text[..end + 3])
}

/// Words like `-p` and `--pid`.
fn options(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("--") && word.len() > 3 || is_short(word))
        .map(str::to_string)
        .collect()
}

fn is_short(word: &str) -> bool {
    let mut chars = word.chars();
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    chars.next() == Some('-') && is_letter(chars.next()) && chars.next().is_none()
}

/// `Label` of lines like `Label: value`.
fn labels(text: &str) -> BTreeSet<&str> {
    let is_label = |label: &&str| {
        let words = label.chars().all(|c| c.is_ascii_alphabetic() || " (),".contains(c));
        words && label.starts_with(|c: char| c.is_ascii_uppercase())
    };
    text.lines()
        .filter_map(|line| line.split(": ").next().filter(|label| line.len() > label.len()))
        .filter(is_label)
        .collect()
}

#[test]
fn every_option_of_help_is_explained_and_no_other() {
    let modes = [
        &["--help"][..],
        &["snapshot", "--help"],
        &["protect", "--help"],
        &["dmesg", "--help"],
        &["recover", "--help"],
        &["check", "--help"],
        &["scores", "--help"],
        &["monitor", "--help"],
        &["kill", "--help"],
    ];
    let help = modes.map(|mode| run(mode).out).concat();
    let readme = readme();
    let explained = options(chapter(&readme, "Options"));
    assert_eq!(options(&help), explained);
}

#[test]
fn the_commands_for_a_hurry_run() {
    let victim = Victim::start(&["hold", "1"]);
    let readme = readme();
    let commands: Vec<&str> =
        chapter(&readme, "In a hurry").lines().filter_map(|line| line.strip_prefix("    memdoor ")).collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands {
        let typed = command
            .split('#')
            .next()
            .unwrap_or_default()
            .replace("31486", &victim.id())
            .replace("/opt/leaker", path().to_str().expect("UTF-8"));
        let typed = typed.split(">>").next().unwrap_or_default();
        let mut words: Vec<&str> = typed.split_whitespace().collect();
        match words[0] {
            "snapshot" | "dmesg" | "check" | "scores" | "protect" | "kill" => {}
            "monitor" => words.extend(["--minutes", "0.02", "--interval", "0.5"]),
            _ => words.extend(["-c", "1"]),
        }
        let ended = run(&words);
        if words[0] == "dmesg" {
            // Not everybody may read the kernel's log, and not every machine has others.
            let is_refused = ended.words().contains("hint:") || ended.words().contains("no log");
            assert!(matches!(ended.code(), 0 | 4) || is_refused, "{words:?}");
            continue;
        }
        // Without a limit on the cgroup there is nothing to take a percentage of, and memdoor says so.
        let has_no_limit = words.contains(&"cgroup") && ended.words().contains("memory limit");
        assert!(ended.code() == 0 || has_no_limit, "{words:?}: {}", ended.words());
    }
}

#[test]
fn the_minute_shows_the_banners_and_labels_that_memdoor_prints() {
    let victim = Victim::start(&["hold", "1"]);
    let real = run(&["snapshot", "-p", &victim.id()]).out;
    let readme = readme();
    let shown = chapter(&readme, "One minute with it");
    let is_banner = |line: &&str| line.starts_with("#####") || line.starts_with("START ADDRESS");
    let banners: Vec<&str> = real.lines().filter(is_banner).collect();
    assert_eq!(banners.len(), 7);
    for banner in banners {
        assert!(shown.contains(banner), "{banner}");
    }
    for label in labels(&real) {
        assert!(shown.contains(&format!("\n{label}: ")), "{label} is not in README");
    }
    // The other way round: nothing is shown that is not printed, but for a process's history and death, the end of a watch and a cgroup's limit.
    let other = [
        "Memory Pressure Threshold",
        "ERROR",
        "Snapshot At",
        "Snapshot",
        "RSS Curve",
        "RSS Growth",
        "Forecast",
        "RSS Curve",
        "RSS Growth",
        "Forecast",
    ];
    let of_end = shown.split("PROCESS END INFORMATION").nth(1).expect("the end");
    let of_cgroup = |label: &str| label.contains("Control Group");
    for label in labels(shown) {
        let is_elsewhere = other.contains(&label) || of_cgroup(label) || of_end.contains(&format!("\n{label}: "));
        assert!(labels(&real).contains(label) || is_elsewhere, "{label} is not printed");
    }
}

/// The log that README reads is a fixture, so what it shows is there word for word.
#[test]
fn the_kernel_log_of_readme_is_what_memdoor_prints() {
    let readme = readme();
    let shown = chapter(&readme, "Explaining OOM kills");
    let mut parts = shown.split("```").skip(1).step_by(2);
    let screen = parts.next().expect("the first screen");
    let (command, screen) =
        screen.strip_prefix("console\n$ memdoor ").and_then(|text| text.split_once('\n')).expect("a command");
    let words: Vec<&str> = command.split(' ').collect();
    let mut command = memdoor(&words);
    command.env("TZ", "UTC").current_dir(env!("CARGO_MANIFEST_DIR"));
    let out = run_command(command).out;
    assert!(out.starts_with(screen), "{out}");
    assert!(screen.lines().count() <= 24);
    let detail = parts.next().expect("an event").strip_prefix("text\n");
    for line in detail.expect("text").lines() {
        assert!(line.starts_with("[...") || out.contains(line), "{line}");
    }
}

#[test]
fn readme_fits_a_terminal_outside_of_tables_and_output() {
    let mut is_output = false;
    for line in readme().lines() {
        is_output ^= line.starts_with("```");
        assert!(is_output || line.starts_with('|') || line.chars().count() <= 80, "{line}");
    }
}

/// The modes that have a row in the table of README for a code are those whose `--help` lists it: no code that a mode can't give, and none
/// that it can and is silent about.
#[test]
fn the_exit_codes_of_each_help_are_those_of_the_table() {
    const MODES: [&str; 9] = ["watch", "snapshot", "check", "scores", "monitor", "protect", "kill", "dmesg", "recover"];
    let readme = readme();
    let table = chapter(&readme, "Exit codes");
    let rows = table.lines().filter(|line| line.as_bytes().get(2).is_some_and(u8::is_ascii_digit));
    let rows: Vec<(&str, &str)> = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            let code = cells.next().expect("a code").trim_start_matches("| ");
            (code, cells.next().expect("modes"))
        })
        .collect();
    assert_eq!(rows.len(), 9, "{rows:?}");
    for mode in MODES {
        let help = run(&[mode, "--help"]).out;
        let (_, listed) = help.split_once("exit codes:\n").unwrap_or_else(|| panic!("{mode}: {help}"));
        let is_code = |line: &&str| line.starts_with("  ") && line.as_bytes()[2].is_ascii_digit();
        let listed: Vec<&str> = listed.lines().filter(is_code).map(|line| &line[2..3]).collect();
        let has = |of: &str| {
            let named = format!("`{mode}`");
            of.split([' ', ',', ';', ':']).any(|word| word == mode || word == named || word == "all")
        };
        let expected: Vec<&str> = rows.iter().filter(|(_, of)| has(of)).map(|(code, _)| *code).collect();
        assert_eq!(listed, expected, "{mode}");
    }
}

/// The first words in backticks of each row of a table, by the column.
fn column(table: &str, at: usize) -> Vec<BTreeSet<&str>> {
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(at));
    cells
        .map(|cell| cell.split('`').skip(1).step_by(2).collect())
        .filter(|words: &BTreeSet<_>| !words.is_empty())
        .collect()
}

/// What memdoor has written in each mode is in the golden files; what README names stands in the source.
#[test]
fn the_events_of_json_are_those_that_memdoor_writes() {
    let readme = readme();
    let (table, _) = chapter(&readme, "JSON").split_once("**Snapshots.**").expect("a table");
    let named: BTreeSet<&str> =
        column(table, 1).into_iter().flatten().filter(|name| name.starts_with("memdoor.")).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = texts(&root.join("fixtures/golden"));
    let written: BTreeSet<&str> = golden
        .iter()
        .flat_map(|text| text.split("\"event_name\":\"").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(written.len() > 30, "{written:?}");
    let missing: Vec<_> = written.difference(&named).collect();
    assert!(missing.is_empty(), "not in README: {missing:?}");
    let source = texts(&root.join("src")).concat();
    let is_written =
        |name: &str| [format!("\"{name}\""), format!("\"{name}\\\"")].iter().any(|text| source.contains(text));
    for name in named {
        assert!(is_written(name), "{name} is not written");
    }
}

#[test]
fn the_alerts_and_outcomes_are_those_of_the_code() {
    let readme = readme();
    let alerts = column(chapter(&readme, "Monitoring the host"), 0).into_iter().flatten();
    let kinds = memdoor::monitor::alerts::Kind::ALL.map(|kind| kind.name());
    assert_eq!(alerts.collect::<BTreeSet<_>>(), BTreeSet::from(kinds));
    let (_, outcomes) = chapter(&readme, "JSON").split_once("| outcome |").expect("a table");
    let named: BTreeSet<&str> = column(outcomes, 0).into_iter().flatten().collect();
    let source = include_str!("../../src/core/kill/report.rs");
    let (_, names) = source.split_once("fn name(self)").expect("the names");
    let names = names.split_once("\n    }\n").expect("their end").0.split('"').skip(1).step_by(2);
    // It is not over, and never said.
    let said: BTreeSet<&str> = names.filter(|name| *name != "pending").collect();
    assert_eq!(named, said);
}

/// All files below a directory that are text.
fn texts(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(texts(&path)),
            false => all.push(String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned()),
        }
    }
    all
}
