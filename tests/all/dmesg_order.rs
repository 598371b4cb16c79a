//! Events of several logs stand in the order of their times, whichever log was read first.

use crate::common;

use common::host::TempDir;
use common::json::Json;
use common::run::{memdoor, run_command};

/// A kill by that process, and what is before it on its line.
fn kill(prefix: &str, pid: u32) -> String {
    format!(
        "{prefix}Out of memory: Killed process {pid} (java) total-vm:9kB, anon-rss:{pid}kB, file-rss:0kB, shmem-rss:0kB\n"
    )
}

fn ask(format: &str, logs: &[&str]) -> String {
    let mut command = memdoor(&["dmesg", "--format", format]);
    command.args(logs).env("TZ", "UTC");
    let ended = run_command(command);
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.out
}

fn pids(logs: &[&str]) -> Vec<i64> {
    let out = ask("json", logs);
    let lines = out.lines().map(Json::parse).filter(|line| line.text("event_name") == "memdoor.oom.kill");
    lines.map(|event| event.number("memdoor.oom.killed.pid")).collect()
}

#[test]
fn the_most_recent_event_is_the_latest_by_the_clock_and_not_the_last_that_was_read() {
    let dir = TempDir::new();
    let new = dir.write("kern.log", kill("2026-11-21T10:08:31+00:00 h kernel: ", 2).as_bytes());
    let old = dir.write("messages", kill("2026-11-21T09:00:00+00:00 h kernel: ", 1).as_bytes());
    for logs in [&[new.as_str(), &old][..], &[&old, &new], &[&dir.join("")]] {
        assert_eq!(pids(logs), [1, 2], "{logs:?}");
        let text = ask("text", logs);
        assert!(text.contains("; Nov 21 09:00:00 to Nov 21 10:08:31\n"), "{text}");
        assert!(text.contains("Most recent: Nov 21 10:08:31. Killed: java (PID 2)"), "{text}");
        assert!(text.contains("\n1. Nov 21 09:00:00\n") && text.contains("\n2. Nov 21 10:08:31\n"), "{text}");
        let (before, last) = text.split_once("MOST RECENT OOM EVENT").expect("a title");
        assert!(before.contains("--- OOM Event #1 ---") && last.contains("--- OOM Event #2 ---"), "{text}");
        assert!(last.contains("java (PID 2)"), "{text}");
    }
}

#[test]
fn the_newest_200_are_shown_in_detail_however_the_logs_are_named() {
    let dir = TempDir::new();
    let log = |from: u32| -> String {
        let line = |n: u32| kill(&format!("2026-11-21T10:{:02}:{:02}+00:00 h kernel: ", n / 60, n % 60), n);
        (from..from + 200).map(line).collect()
    };
    let (old, new) = (dir.write("a", log(1).as_bytes()), dir.write("b", log(301).as_bytes()));
    let text = ask("text", &[&new, &old]);
    let (_, detail) = text.split_once("--- OOM Event #").expect("details");
    assert!(detail.starts_with("201 ---\nTimestamp:       Nov 21 10:05:01"), "{}", &detail[..200]);
    assert!(text.contains("Most recent: Nov 21 10:08:20. Killed: java (PID 500)"), "{text}");
}

#[test]
fn what_nothing_dates_is_counted_and_stands_before_all_that_has_a_date() {
    let dir = TempDir::new();
    let dated = dir.write("dated", kill("2026-11-21T10:08:31+00:00 h kernel: ", 2).as_bytes());
    let booted = [kill("[    5.000000] ", 3), kill("[    4.000000] ", 1)].concat();
    let booted = dir.write("booted", booted.as_bytes());
    // Of no date they stay as they were read.
    assert_eq!(pids(&[&dated, &booted]), [3, 1, 2]);
    let text = ask("text", &[&dated, &booted]);
    assert!(text.contains("3 OOM event(s), 3 killed, 2 without a date, listed first\n"), "{text}");
    assert!(text.contains("Most recent: Nov 21 10:08:31."), "{text}");
    let text = ask("text", &[&booted]);
    assert!(!text.contains("without a date") && text.contains("; [5.000000] to [4.000000]\n"), "{text}");
    // Another log has its time: there it stands.
    let also = dir.write("also", kill("2026-11-21T10:09:00+00:00 h kernel: [    5.000000] ", 3).as_bytes());
    assert_eq!(pids(&[&dated, &booted, &also]), [1, 2, 3]);
}

#[test]
fn pieces_that_were_put_together_the_wrong_way_round_are_in_order_and_a_clock_that_was_set_back_changes_none() {
    let dir = TempDir::new();
    let line = |time: &str, boot: u32, pid| kill(&format!("2026-10-{time}+00:00 h kernel: [{boot:5}.000000] "), pid);
    let logs = [line("25T10:00:00", 5000, 2), line("24T10:00:00", 1000, 1)].concat();
    assert_eq!(pids(&[&dir.write("log", logs.as_bytes())]), [1, 2]);
    // The end of summer time, in a log without a zone: the clock since boot goes on.
    let line = |time: &str, boot: &str, pid| kill(&format!("Oct 25 {time} h kernel: {boot}"), pid);
    let log = [line("02:50:00", "[ 5000.000000] ", 1), line("02:10:00", "[ 6200.000000] ", 2)].concat();
    assert_eq!(pids(&[&dir.write("log", log.as_bytes())]), [1, 2]);
    let log = [line("02:50:00", "", 1), line("02:10:00", "", 2)].concat();
    assert_eq!(pids(&[&dir.write("log", log.as_bytes())]), [2, 1]);
}
