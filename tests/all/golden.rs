//! What memdoor says of each kernel log in fixtures/dmesg, word for word: `golden/NAME.txt` and `golden/NAME.json`.
//!
//! `MEMDOOR_GOLDEN=write cargo test --test all golden` writes them anew; look at the difference before it is committed.

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::run::{memdoor, run_command};

fn fixtures() -> PathBuf {
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
fn said(name: &str, format: &str) -> String {
    let log = format!("{name}.log");
    let mut command = memdoor(&["dmesg", &log, "--format", format]);
    command.env("TZ", "UTC").current_dir(fixtures());
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

fn check(format: &str, end: &str) {
    let golden = fixtures().join("golden");
    let logs = names(&fixtures(), ".log");
    assert!(logs.len() >= 15);
    for name in &logs {
        let path = golden.join(format!("{name}{end}"));
        let said = said(name, format);
        if std::env::var_os("MEMDOOR_GOLDEN").is_some() {
            fs::write(&path, &said).expect("write");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let mut lines = said.lines().zip(expected.lines());
        let differs = lines.find(|(said, expected)| said != expected);
        assert_eq!(differs, None, "{}", path.display());
        assert_eq!(said.len(), expected.len(), "{}", path.display());
    }
    assert_eq!(names(&golden, end), logs, "a log is gone");
}

#[test]
fn the_text_of_every_log_is_the_same() {
    check("text", ".txt");
}

#[test]
fn the_json_of_every_log_is_the_same() {
    check("json", ".json");
}

#[test]
fn the_first_screen_fits_a_terminal() {
    for name in names(&fixtures(), ".log") {
        let said = said(&name, "text");
        let screen = said.split("TIMELINE OF OOM EVENTS").next().unwrap_or_default();
        // A blank line ends it.
        assert!(screen.lines().count() <= 23, "{screen}");
        for line in screen.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}
