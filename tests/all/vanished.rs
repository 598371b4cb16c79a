//! What can be read at first, and can't be any more while memdoor runs: files of /proc go blind, as those of lxcfs do when it ends.

use crate::common;

use common::host::TempDir;
use common::json::Json;
use common::run::{Ended, Running, memdoor, poll};
use common::skip;
use common::stage::{Stage, settled};
use nix::sys::signal::Signal;

/// What memdoor says when these files have become empty after its first look, and is asked to end.
fn without(stage: &Stage, words: &[&str], files: &[&str]) -> Ended {
    let run = stage.start(words);
    settled(&run);
    blind(stage, &run, files);
    stage.order("kill -TERM 3");
    run.end()
}

fn blind(stage: &Stage, run: &Running, files: &[&str]) {
    stage.at_once(run, |stage| files.iter().for_each(|file| stage.put(&format!("proc/{file}"), b"")));
}

fn events<'a>(lines: &'a [Json], name: &str) -> Vec<&'a Json> {
    lines.iter().filter(|line| line.text("event_name") == name).collect()
}

#[test]
fn monitor_says_of_each_source_that_it_can_not_be_read_any_more_and_ends_with_4() {
    let stage = match Stage::set() {
        Ok(stage) => stage,
        Err(why) => return skip(why),
    };
    let files = [
        ("meminfo", "how much memory and swap are used is not known"),
        ("pressure/memory", "who waits for memory is not known"),
        ("vmstat", "what the kernel reclaims is not known, and OOM kills are not counted"),
        ("swaps", "swap areas are not known"),
        ("buddyinfo", "how much free memory is in pieces is not known"),
        ("sys/fs/file-nr", "open files of the system are not known"),
    ];
    for form in ["json", "text", "csv"] {
        stage.available(50);
        let run = stage.start(&["monitor", "0", "60", "--format", form]);
        settled(&run);
        let before = files.map(|(file, _)| (file, std::fs::read(stage.path(&format!("proc/{file}"))).expect("a file")));
        blind(&stage, &run, &files.map(|(file, _)| file));
        stage.order("kill -TERM 3");
        let ended = run.end();
        before.iter().for_each(|(file, bytes)| stage.put(&format!("proc/{file}"), bytes));
        assert_eq!(ended.code(), 4, "{form}: {ended:#?}");
        for (file, missing) in files {
            let words =
                format!("memdoor: ALERT cannot read /proc/{file}: it is empty: {missing} until it can be read\n");
            assert_eq!(ended.words().matches(&words).count(), 1, "{form}: {words}{ended:#?}");
        }
        if form != "json" {
            continue;
        }
        let lines: Vec<Json> = ended.out.lines().map(Json::parse).collect();
        let unread = events(&lines, "memdoor.alert");
        let unread = unread.iter().filter(|line| line.text("memdoor.alert.kind") == "unread");
        let sources: Vec<&str> = unread.map(|line| line.text("memdoor.source.path")).collect();
        assert_eq!(sources, files.map(|(file, _)| format!("/proc/{file}")));
        let of_memory = |line: &&&Json| line.text("message") == "memory of the host";
        let hosts = events(&lines, "memdoor.host.sample");
        let known: Vec<bool> =
            hosts.iter().filter(of_memory).map(|line| line.get("system.memory.limit").is_some()).collect();
        assert_eq!(known, [true, false], "neither 0 nor what it was last");
    }
}

#[test]
fn an_alert_that_can_not_be_told_any_more_is_neither_raised_nor_over_and_what_comes_back_is_said() {
    let stage = match Stage::set() {
        Ok(stage) => stage,
        Err(why) => return skip(why),
    };
    stage.available(5);
    let meminfo = std::fs::read(stage.path("proc/meminfo")).expect("a file");
    let run = stage.start(&["monitor", "0", "60", "--format", "json", "--alert", "swap=off"]);
    settled(&run);
    for bytes in [&b""[..], b"x\n", &meminfo] {
        stage.at_once(&run, |stage| {
            stage.put("proc/meminfo", bytes);
            stage.order("kill -USR1 3");
        });
        settled(&run);
    }
    stage.order("kill -TERM 3");
    let ended = run.end();
    assert_eq!(ended.code(), 4, "what was missing in between is lost: {ended:#?}");
    let lines: Vec<Json> = ended.out.lines().map(Json::parse).collect();
    let told: Vec<(&str, &str)> = events(&lines, "memdoor.alert")
        .iter()
        .filter(|line| ["memory", "unread"].contains(&line.text("memdoor.alert.kind")))
        .map(|line| (line.text("memdoor.alert.kind"), line.text("memdoor.alert.change")))
        .collect();
    let expected = [
        ("memory", "raised"),
        ("unread", "raised"),
        ("memory", "unknown"),
        ("unread", "raised"),
        ("unread", "cleared"),
        ("memory", "raised"),
    ];
    assert_eq!(told, expected, "{ended:#?}");
    for words in ["it is empty", "/proc/meminfo gives no MemTotal", "over: /proc/meminfo can be read again"] {
        assert!(ended.words().contains(words), "{words}: {ended:#?}");
    }
}

#[test]
fn the_summary_says_nothing_of_now_that_was_not_read_now() {
    let stage = match Stage::set() {
        Ok(stage) => stage,
        Err(why) => return skip(why),
    };
    stage.available(50);
    let ended = without(&stage, &["monitor", "--analyze", "0", "60"], &["meminfo"]);
    assert_eq!(ended.code(), 4, "{ended:#?}");
    let out = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains("Memory: - of - MiB used, - MiB more than"), "{out}");
    assert!(out.contains("at least 3906.3 MiB available; swap - MiB"), "what was seen once was seen: {out}");
}

#[test]
fn a_watch_says_that_what_else_fires_can_not_be_judged_any_more_and_ends_with_4() {
    let stage = match Stage::set() {
        Ok(stage) => stage,
        Err(why) => return skip(why),
    };
    stage.available(50);
    let words = ["-p", "13", "-m", "99", "-i", "1", "-c", "4", "--also-available", "5", "--also-psi", "full=90"];
    let mut run = stage.start(&words);
    // Its first report: it is armed.
    run.until("Memory Pressure Threshold: ");
    blind(&stage, &run, &["meminfo", "pressure/memory"]);
    let ended = run.end();
    assert_eq!(ended.code(), 4, "{ended:#?}");
    for (option, file) in [("--also-available", "meminfo"), ("--also-psi", "pressure/memory")] {
        let words =
            format!("memdoor: PID 13: {option} can't be judged any more: cannot read /proc/{file}: it is empty\n");
        assert_eq!(ended.words().matches(&words).count(), 1, "{words}{ended:#?}");
    }
}

#[test]
fn what_kill_could_not_read_is_a_dash_in_its_log_and_not_0() {
    let stage = match Stage::set() {
        Ok(stage) => stage,
        Err(why) => return skip(why),
    };
    // Near the threshold, so that it looks often.
    stage.available(15);
    let run = stage.start(&["kill", "--dry-run", "--log-level", "DEBUG", "--log-file", "log"]);
    settled(&run);
    blind(&stage, &run, &["meminfo"]);
    let log = poll("a look that saw nothing", || {
        let log = std::fs::read_to_string(stage.path("work/log")).unwrap_or_default();
        log.contains("used=-").then_some(log)
    });
    stage.order("kill -TERM 3");
    let _ = run.end();
    assert!(log.contains(" DEBUG used=85.00% short=false\n"), "{log}");
    assert!(log.contains(" DEBUG used=- short=-\n"), "{log}");
    assert!(!log.contains("used=0.00"), "{log}");
}

#[test]
fn the_summary_of_a_session_is_named_where_its_directory_is_by_then() {
    let dir = TempDir::new();
    let (typed, moved) = (dir.join("typed"), dir.join("moved"));
    let end = |change: &dyn Fn()| {
        let run = Running::start(memdoor(&["monitor", "0", "60", "-o", &typed]));
        poll("its first sample", || {
            let files = std::fs::read_dir(&typed).ok()?;
            let is_written = |entry: std::fs::DirEntry| {
                entry.file_name().to_string_lossy().ends_with("_memory.log")
                    && entry.metadata().is_ok_and(|of| of.len() > 0)
            };
            files.flatten().any(is_written).then_some(())
        });
        change();
        run.signal(Signal::SIGTERM);
        run.end()
    };
    let ended = end(&|| std::fs::rename(&typed, &moved).expect("moved"));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let (_, rest) = ended.err.split_once("memdoor: the summary is in ").expect("where it is");
    let (path, rest) = rest.split_once(": ").expect("why it is not where it was");
    assert!(path.starts_with(&moved) && rest.starts_with(&format!("{typed} was moved")), "{ended:#?}");
    let summary = std::fs::read_to_string(path).expect("it is there");
    assert!(summary.contains("IN SHORT"), "{summary}");
    // As it was typed, where nobody has moved it.
    let ended = end(&|| {});
    let (_, rest) = ended.err.split_once(&format!("memdoor: the summary is in {typed}/")).expect("where it is");
    assert!(!rest.contains("moved"), "{ended:#?}");
}
