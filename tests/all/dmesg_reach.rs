//! `memdoor dmesg --since`: a log that does not reach back to the time that was asked for is no clean bill of health.

use crate::common;

use common::host::{TempDir, works};
use common::json::Json;
use common::run::{Ended, memdoor, run_command};
use common::skip;

/// A line of the kernel's, at that time of 2026-11-21.
fn said(clock: &str, words: &str) -> String {
    format!("2026-11-21T{clock}+00:00 web1 kernel: [    5.000000] {words}\n")
}

fn killed(clock: &str, pid: u64) -> String {
    said(clock, &format!("Out of memory: Killed process {pid} (java) total-vm:{pid}kB, anon-rss:40kB, file-rss:0kB"))
}

fn ask(args: &[&str]) -> Ended {
    let mut command = memdoor(&[&["dmesg"], args].concat());
    command.env("TZ", "UTC");
    run_command(command)
}

fn summary(ended: &Ended) -> Json {
    let last = Json::parse(ended.out.lines().last().expect("a summary"));
    assert_eq!(last.text("event_name"), "memdoor.run.summary");
    last
}

/// Its words on one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_log_that_begins_after_the_time_that_was_asked_for_is_no_clean_bill_of_health() {
    let dir = TempDir::new();
    let path = dir.write("kern.log", said("10:00:00", "quiet").as_bytes());
    let begins = format!(
        "{path} begins at 2026-11-21 10:00:00: what happened between 2026-11-20 00:00:00 and then is not in it"
    );
    let ended = ask(&["--since", "2026-11-20", &path]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(
        words(&ended.out).starts_with(&format!("No OOM events found in {path} (since 2026-11-20): 1 log, ")),
        "{ended:?}"
    );
    assert!(words(&ended.out).ends_with(&begins), "{ended:?}");
    let (warning, hint) = ended.err.split_once('\n').expect("two lines");
    assert_eq!(warning, format!("memdoor: warning: {begins}"));
    let journal = "journalctl _TRANSPORT=kernel -o short-iso --since '2026-11-20 00:00:00' | memdoor dmesg -\n";
    assert!(hint.starts_with("hint: older pieces of it may have it") && hint.ends_with(journal), "{hint}");

    let ended = ask(&["--format", "json", "--since", "2026-11-20", &path]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    let summary = summary(&ended);
    assert_eq!(summary.text("memdoor.run.begins"), "2026-11-21T10:00:00.000000Z");
    assert_eq!(summary.text("severity_text"), "WARN");
    assert!(ended.out.contains(&format!("\"incomplete\":[\"{begins}\"]")), "{}", ended.out);
}

/// The control: nothing is said where nothing is missing.
#[test]
fn a_log_that_reaches_back_as_far_as_was_asked_is_believed() {
    let dir = TempDir::new();
    let path = dir.write("kern.log", [said("10:00:00", "quiet"), killed("11:00:00", 7)].concat().as_bytes());
    for args in [
        &["--since", "2026-11-21T10:00:00Z"][..],
        &["--since", "2026-11-21T11:30:00Z"],
        &["--until", "2026-11-21T10:00:00Z"],
        &[],
    ] {
        let text = ask(&[args, &[&path]].concat());
        assert_eq!((text.code(), text.err.as_str()), (0, ""), "{args:?}");
        assert!(!text.out.contains("begins at"), "{args:?} {}", text.out);
        let json = ask(&[args, &["--format", "json", &path]].concat());
        let summary = summary(&json);
        assert!(summary.get("memdoor.run.begins").is_none() && summary.get("memdoor.incomplete").is_none());
    }
}

#[test]
fn events_are_shown_with_what_the_log_does_not_reach_back_to() {
    let dir = TempDir::new();
    let path = dir.write("kern.log", killed("11:00:00", 7).as_bytes());
    let begins = "begins at 2026-11-21 11:00:00: what happened between 2026-11-20 00:00:00 and then is not in it";
    let ended = ask(&["--since", "2026-11-20", &path]);
    // Done, but there may have been more; somebody who waits for an event has one.
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.out.contains("Found 1 OOM event(s)"), "{ended:?}");
    let screen = words(ended.out.split("TIMELINE").next().expect("the first screen"));
    assert!(screen.contains(begins), "{ended:?}");
    assert!(ended.err.contains(begins), "{ended:?}");
    assert_eq!(ask(&["--fail-on-oom", "--since", "2026-11-20", &path]).code(), 3);
    assert_eq!(ask(&["--since", "2026-11-21T11:00:00Z", &path]).code(), 0);
}

#[test]
fn a_log_that_begins_after_the_end_of_what_was_asked_for_has_nothing_of_it() {
    let dir = TempDir::new();
    let path = dir.write("kern.log", said("10:00:00", "quiet").as_bytes());
    for args in [&["--until", "2026-11-20"][..], &["--since", "2026-11-19", "--until", "2026-11-20"]] {
        let ended = ask(&[args, &[&path]].concat());
        assert_eq!(ended.code(), 4, "{ended:?}");
        let expected =
            "begins at 2026-11-21 10:00:00, after the time that was asked for: nothing of that time is in it";
        assert!(ended.err.contains(expected) && words(&ended.out).contains(expected), "{ended:?}");
    }
}

#[test]
fn a_log_that_ends_long_before_the_time_that_was_asked_for_is_no_clean_bill_of_health() {
    let dir = TempDir::new();
    let path = dir.write("kern.log", [said("10:00:00", "quiet"), killed("11:00:00", 7)].concat().as_bytes());
    let ended = ask(&["--since", "2026-11-23T11:30:00Z", &path]);
    let ends = format!(
        "{path} ends at 2026-11-21 11:00:00, before the time that was asked for: no line of that time was read, and what writes it may have stopped"
    );
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.err.starts_with(&format!("memdoor: warning: {ends}\nhint: newer logs may have it")), "{ended:?}");
    assert!(words(&ended.out).ends_with(&ends), "{ended:?}");
    let json = ask(&["--format", "json", "--since", "2026-11-23T11:30:00Z", &path]);
    assert!(summary(&json).get("memdoor.run.begins").is_none(), "{json:?}");
    // A kernel that is well is silent for hours.
    assert_eq!(ask(&["--since", "2026-11-22T10:59:00Z", &path]).code(), 0);
    // A log of programs goes on, and tells nothing of what writes the kernel's words.
    let programs = b"2026-11-23T12:00:00+00:00 web1 sshd[7]: a\n";
    let other = dir.write("auth.log", programs);
    let both = ask(&["--since", "2026-11-23T11:30:00Z", &path, &other]);
    assert!(both.code() == 4 && both.err.contains(&ends), "{both:?}");
    // One that has both goes on: the kernel was silent. So it was in a piece that has none of its words.
    for (piece, last) in [
        (&[said("10:00:00", "quiet").as_bytes(), programs].concat()[..], ""),
        (said("10:00:00", "quiet").as_bytes(), "syslog"),
    ] {
        let mut logs = vec!["--since", "2026-11-23T11:30:00Z", &path];
        let (piece, last) =
            (dir.write("syslog.1", piece), dir.write(if last.is_empty() { "other.log" } else { last }, programs));
        logs.extend([piece.as_str(), &last]);
        let all = ask(&logs);
        assert_eq!((all.code(), all.err.as_str()), (0, ""), "{all:?}");
    }
}

#[test]
fn the_live_log_says_where_it_begins_and_which_logs_may_have_more() {
    let ended = ask(&["--since", "@86400", "--victim", "nobody has this name"]);
    if ended.code() == 1 {
        return skip("needs to read the live log");
    }
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.out.starts_with("No OOM events found in the logs of this machine (since @86400, "), "{ended:?}");
    assert!(ended.err.contains("what happened between 1970-01-02 00:00:00 and then is not in it\n"), "{ended:?}");
    let hint = ended.err.lines().last().expect("a hint");
    for what in ["hint: a log server, ", "memdoor dmesg FILE --since '1970-01-02 00:00:00'"] {
        assert!(hint.contains(what), "{hint}");
    }
}

#[test]
fn the_oldest_piece_of_a_log_and_the_oldest_log_of_a_machine_count() {
    let dir = TempDir::new();
    dir.write("kern.log", said("12:00:00", "quiet").as_bytes());
    dir.write("kern.log.1", said("10:00:00", "quiet").as_bytes());
    dir.write("syslog", b"2026-11-21T11:00:00+00:00 web1 sshd[7]: a\n2026-11-21T11:00:01+00:00 web1 kernel: b\n");
    dir.write("dmesg", b"[    5.000000] no time of day\n");
    // It begins first, and the kernel does not speak in it.
    dir.write("dpkg.log", b"2026-01-01 10:00:00 startup archives unpack\n");
    let all = dir.join("");
    assert_eq!(ask(&["--since", "2026-11-21T10:00:00Z", &all]).code(), 0);
    let ended = ask(&["--since", "2026-11-21T09:00:00Z", &all]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.err.starts_with(&format!("memdoor: warning: {} begins at", dir.join("kern.log.1"))), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 2, "{}", ended.err);
    // Another machine's log is no stand-in.
    let other = dir.write("kern.log.1", b"2026-11-21T10:00:00+00:00 web2 kernel: quiet\n");
    let ended = ask(&["--since", "2026-11-21T10:30:00Z", &all]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.err.contains("syslog begins at") && !ended.err.contains(&other), "{ended:?}");
}

#[test]
fn a_year_that_is_not_said_is_that_of_the_file() {
    let dir = TempDir::new();
    let path = dir.write("kern.log", b"Nov 21 10:00:00 web1 kernel: quiet\n");
    assert!(works(&["touch", "-d", "2025-11-22T00:00:00Z", &path]), "touch");
    let ended = ask(&["--since", "2025-11-20", &path]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.err.contains("begins at 2025-11-21 10:00:00"), "{ended:?}");
}

/// Cron would mail it with each run.
#[test]
fn cron_hears_once_that_a_log_does_not_reach_back_and_the_exit_code_says_it_each_time() {
    let dir = TempDir::new();
    let path = dir.write("kern.log", said("10:00:00", "quiet").as_bytes());
    let state = dir.join("state");
    let args = ["--since-last", &state, "--since", "2026-11-20", &path];
    let first = ask(&args);
    assert_eq!((first.code(), first.out.as_str()), (4, ""), "{first:?}");
    assert!(first.err.contains("begins at"), "{first:?}");
    for _ in 0..2 {
        let again = ask(&args);
        assert_eq!((again.code(), again.out, again.err), (4, String::new(), String::new()));
    }
    // Where nothing is missing there is nothing to say.
    assert_eq!(ask(&["--since-last", &state, "--since", "2026-11-21T10:00:00Z", &path]).code(), 0);
}

#[test]
fn a_directory_without_a_log_is_named_without_what_was_asked_of_it() {
    let dir = TempDir::new();
    let ended = ask(&["--since", "1h", &dir.join("")]);
    assert_eq!(ended.code(), 4);
    let expected = format!("memdoor: there is no log to read in {}\n", dir.join(""));
    assert!(ended.err.starts_with(&expected), "{}", ended.err);
}

#[test]
fn a_time_that_is_to_come_is_refused_as_nothing_can_have_happened_since() {
    let dir = TempDir::new();
    let log = dir.write("kern.log", killed("10:00:00", 7).as_bytes());
    for (since, words) in [
        ("9999-01-01", "--since '9999-01-01' is in the future: it is 9999-01-01 00:00:00, and now is "),
        ("@99999999999", "--since '@99999999999' is in the future"),
    ] {
        let ended = ask(&["--since", since, &log]);
        assert_eq!((ended.code(), ended.out.as_str()), (2, ""), "{ended:?}");
        assert!(ended.err.contains(words) && !ended.err.contains("yesterday"), "{ended:?}");
    }
    // The last minute of the day, unless that is now.
    let ended = ask(&["--since", "23:59:59", &log]);
    let is_late = ended.code() == 4;
    assert!(is_late || ended.code() == 2 && ended.err.contains("; yesterday's is --since '2"), "{ended:?}");
    for past in ["now", "today", "1h"] {
        // It is taken; the log ended long before.
        let ended = ask(&["--since", past, "--until", "9999-01-01", &log]);
        assert!(ended.code() == 4 && ended.err.contains("log ends at 2026-11-21 10:00:00"), "{past} {ended:?}");
    }
}
