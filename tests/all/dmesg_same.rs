//! Which events are one, what several logs know of it together, and what is asked for and not known.

use crate::common;

use std::fs;

use common::host::TempDir;
use common::json::Json;
use common::run::{Ended, memdoor, run_command};

const KILL: &str = "Memory cgroup out of memory: Killed process 412 (app) total-vm:101000kB, anon-rss:65280kB, \
                    file-rss:1248kB, shmem-rss:0kB, UID:0 pgtables:168kB oom_score_adj:0";

/// One report of 5.10 that a kernel writes in two seconds at most.
const REPORT: &str = "app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n\
    CPU: 0 PID: 412 Comm: app Not tainted 5.10.0-32-amd64 #1\n\
    memory: usage 65536kB, limit 65536kB, failcnt 9\n\
    Tasks state (memory values in pages):\n\
    [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n\
    [    412]     0   412    25250    16632   172032        0             0 app\n\
    oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop/a,task_memcg=/shop/a,task=app,pid=412,uid=0";

fn ask(dir: &TempDir, args: &[&str]) -> Ended {
    let base = ["dmesg", "--format", "json", "--fail-on-oom"];
    let mut command = memdoor(&[&base, args].concat());
    command.current_dir(dir.path()).env("TZ", "UTC");
    run_command(command)
}

fn events(ended: &Ended) -> Vec<Json> {
    let lines = ended.out.lines().map(Json::parse);
    lines.filter(|line| line.text("event_name") == "memdoor.oom.kill").collect()
}

fn write(dir: &TempDir, name: &str, lines: &[String]) {
    fs::write(dir.path().join(name), lines.join("\n") + "\n").expect("writable");
}

#[test]
fn a_kill_of_another_day_is_another_event_whatever_else_is_alike() {
    let dir = TempDir::new();
    let syslog = |day: u32, clock: &str| format!("Nov {day} {clock} h kernel: {KILL}");
    let rfc3339 = |day: u32, boot: &str| format!("2026-11-{day}T10:00:00.000000+00:00 h kernel: [{boot}] {KILL}");
    let ctime = |day: u32| format!("[Sat Nov {day} 10:00:00 2026] {KILL}");
    let french = |day: u32| format!("janv. {day} 10:00:00 h kernel: {KILL}");
    for (lines, count) in [
        (vec![syslog(21, "10:00:00"), syslog(25, "10:00:00")], 2),
        (vec![syslog(21, "10:00:00"), syslog(21, "10:01:00")], 2),
        ((21..26).map(|day| syslog(day, "10:00:00")).collect(), 5),
        ((21..26).map(ctime).collect(), 5),
        ((21..26).map(french).collect(), 5),
        (vec![rfc3339(21, "  100.000000"), rfc3339(25, "  101.900000")], 2),
        (vec![rfc3339(21, "  100.000000"), rfc3339(25, "  100.000000")], 2),
        (vec![rfc3339(21, "  100.000000"), rfc3339(25, "  100.000000").replace("65280", "65281")], 2),
        // Two programs write one log.
        (vec![syslog(21, "10:00:00"), syslog(21, "10:00:00")], 1),
        (vec![syslog(21, "10:00:00"), syslog(21, "10:00:02")], 1),
        (vec![rfc3339(21, "  100.000000"), rfc3339(21, "  100.000000")], 1),
    ] {
        write(&dir, "one.log", &lines);
        let ended = ask(&dir, &["one.log"]);
        assert_eq!(events(&ended).len(), count, "{lines:#?}");
        // And where each is in a log of its own.
        for (number, line) in lines.iter().enumerate() {
            write(&dir, &format!("log-{number}"), core::slice::from_ref(line));
        }
        let names: Vec<String> = (0..lines.len()).map(|number| format!("log-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(events(&ask(&dir, &names)).len(), count, "{lines:#?}");
    }
}

#[test]
fn a_kill_of_another_day_is_news_whatever_was_asked_and_shown_before() {
    let dir = TempDir::new();
    let line = |day: u32| format!("2026-11-{day}T10:00:00Z h kernel: {KILL}");
    write(&dir, "kern.log", &[line(21), line(25)]);
    let since = ask(&dir, &["kern.log", "--since", "2026-11-23"]);
    assert_eq!((since.code(), events(&since).len()), (3, 1), "{since:?}");
    write(&dir, "kern.log", &[line(21)]);
    let state = ["kern.log", "--since-last", "state"];
    assert_eq!(ask(&dir, &state).code(), 3);
    assert_eq!(ask(&dir, &state).code(), 0, "it is known");
    write(&dir, "kern.log", &[line(21), line(25)]);
    let again = ask(&dir, &state);
    assert_eq!((again.code(), events(&again).len()), (3, 1), "{again:?}");
}

#[test]
fn what_several_logs_know_of_an_event_does_not_depend_on_their_order() {
    let dir = TempDir::new();
    let raw: Vec<String> = REPORT.lines().chain([KILL]).map(|line| format!("[ 4711.000100] {line}")).collect();
    let syslog: Vec<String> =
        REPORT.lines().chain([KILL]).map(|line| format!("2026-11-21T10:00:00.000000+00:00 h kernel: {line}")).collect();
    write(&dir, "raw.log", &raw);
    write(&dir, "syslog", &syslog);
    for names in [["raw.log", "syslog"], ["syslog", "raw.log"]] {
        let all = ask(&dir, &names);
        let [event] = events(&all).try_into().expect("one event");
        assert_eq!(event.text("timestamp"), "2026-11-21T10:00:00.000000Z", "{names:?}");
        assert_eq!(event.number("memdoor.oom.boot_us"), 4_711_000_100, "{names:?}");
        let later = ask(&dir, &[&names[..], &["--since", "2026-11-22"]].concat());
        assert_eq!((later.code(), events(&later).len()), (0, 0), "{later:?}");
        assert!(!later.err.contains("time"), "{later:?}");
        // It was left out, and is news for whoever asks for it.
        let _ = fs::remove_file(dir.path().join("state"));
        let cron = [&names[..], &["--since-last", "state"]].concat();
        assert_eq!(ask(&dir, &[&cron[..], &["--since", "2026-11-22"]].concat()).code(), 0);
        assert_eq!(ask(&dir, &cron).code(), 3, "{names:?}");
        assert_eq!(ask(&dir, &cron).code(), 0, "{names:?}");
    }
}

#[test]
fn the_cgroup_of_a_kill_is_that_of_the_report_which_another_log_has() {
    let dir = TempDir::new();
    let line = |text: &str| format!("2026-11-21T10:00:00.000000+00:00 h kernel: {text}");
    write(&dir, "bare.log", &[line(KILL)]);
    write(&dir, "whole.log", &REPORT.lines().chain([KILL]).map(line).collect::<Vec<_>>());
    for names in [["bare.log", "whole.log"], ["whole.log", "bare.log"]] {
        for (cgroup, count) in [("/shop", 1), ("/else", 0)] {
            let ended = ask(&dir, &[&names[..], &["--cgroup", cgroup]].concat());
            assert_eq!(events(&ended).len(), count, "{ended:?}");
            assert!(!ended.err.contains("control group"), "{ended:?}");
        }
    }
}

#[test]
fn an_event_whose_cgroup_or_victim_is_not_named_is_shown_and_counted() {
    let dir = TempDir::new();
    let line = |text: &str| format!("2026-11-21T10:00:00.000000+00:00 h kernel: {text}");
    write(&dir, "bare.log", &[line(KILL)]);
    let ended = ask(&dir, &["bare.log", "--cgroup", "/shop"]);
    assert_eq!((ended.code(), events(&ended).len()), (3, 1), "{ended:?}");
    assert!(ended.err.contains("1 event shown whose control group the log does not name"), "{ended:?}");
    let summary = ended.out.lines().last().map(Json::parse).expect("a summary");
    assert_eq!(summary.number("memdoor.run.cgroup_unknown"), 1);
    assert_eq!(summary.number("memdoor.run.victim_unknown"), 0);

    let cut: Vec<String> = REPORT.lines().take(6).map(line).collect();
    write(&dir, "cut.log", &cut);
    let ended = ask(&dir, &["cut.log", "--victim", "java"]);
    assert_eq!((ended.code(), events(&ended).len()), (3, 1), "{ended:?}");
    assert!(ended.err.contains("1 event shown whose victim the log does not name"), "{ended:?}");
    // Who is known is another.
    let ended = ask(&dir, &["bare.log", "--victim", "java"]);
    assert_eq!((ended.code(), events(&ended).len(), ended.err.as_str()), (0, 0, ""), "{ended:?}");
}

/// A log of the fixtures.
fn fixture(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dmesg").join(name);
    fs::read_to_string(path).expect("a fixture")
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_log_that_begins_in_the_middle_of_a_report_has_the_same_event_as_the_log_that_has_it_whole() {
    for (name, count) in [("6.1-none-swap.log", 1), ("6.12-none-rfc3339-then-memcg.log", 2)] {
        let whole = lines(&fixture(name));
        let ended = |dir: &TempDir, names: &[&str]| events(&ask(dir, names)).len();
        let dir = TempDir::new();
        write(&dir, "whole.log", &whole);
        let kill = whole.iter().position(|line| line.contains("Killed process")).expect("a kill");
        for from in [6, 20, 40, kill - 1, kill] {
            write(&dir, "later.log", &whole[from..]);
            assert_eq!(ended(&dir, &["whole.log", "later.log"]), count, "{name} from {from}");
            assert_eq!(ended(&dir, &["later.log", "whole.log"]), count, "{name} from {from}");
        }
    }
}

#[test]
fn a_piece_that_was_cut_in_the_middle_of_a_report_does_not_spoil_the_next_one_which_has_it_whole() {
    for (name, header) in [("6.1-none-swap.log", "invoked"), ("6.12-none-rfc3339-then-memcg.log", "invoked")] {
        let whole = lines(&fixture(name));
        let dir = TempDir::new();
        write(&dir, "kern.log", &whole);
        let expected: Vec<(String, bool)> = events(&ask(&dir, &["kern.log"])).iter().map(brief).collect();
        let start = whole.iter().position(|line| line.contains(header)).expect("a report");
        for length in [1, 5, 20, 40] {
            write(&dir, "kern.log.1", &whole[..start + length]);
            let found: Vec<(String, bool)> =
                events(&ask(&dir, &["kern.log.1", "kern.log"])).iter().map(brief).collect();
            assert_eq!(found, expected, "{name} {length}");
        }
    }
}

/// Who died, and whether something of the report is missing.
fn brief(event: &Json) -> (String, bool) {
    (event.text("message").to_owned(), event.get("memdoor.incomplete").is_some())
}

#[test]
fn a_containers_time_before_each_line_does_not_part_a_report_where_lines_have_no_uptime() {
    let dir = TempDir::new();
    let plain = lines(&fixture("5.10-memcg-oom-group.log"));
    write(&dir, "plain", &plain);
    let expected: Vec<_> = events(&ask(&dir, &["plain"])).iter().map(brief).collect();
    assert_eq!(expected.len(), 1);
    for behind in ["", "stdout F "] {
        let at = |(number, line): (usize, &String)| {
            format!("2026-11-21T10:11:12.{:09}Z {behind}{line}", 123_456_789 + number * 3000)
        };
        write(&dir, "log", &plain.iter().enumerate().map(at).collect::<Vec<_>>());
        assert_eq!(events(&ask(&dir, &["log"])).iter().map(brief).collect::<Vec<_>>(), expected, "{behind}");
    }
}

#[test]
fn a_hosts_name_before_each_line_hides_no_kill_and_a_kill_that_may_be_quoted_is_one_of_an_unverified_source() {
    let dir = TempDir::new();
    let plain = lines(&fixture("7.2-none-two.log"));
    for before in ["web1: ", "web1: kern  :warn  : ", "web1 | kern  :warn  : ", "    74\t"] {
        write(&dir, "log", &plain.iter().map(|line| format!("{before}{line}")).collect::<Vec<_>>());
        let ended = ask(&dir, &["log"]);
        let killed = events(&ended).iter().filter(|event| event.text("message").contains("killed")).count();
        assert_eq!((ended.code(), killed), (3, 2), "{before} {ended:?}");
    }
    let kill = plain.iter().find(|line| line.contains("Killed process")).expect("a kill");
    write(&dir, "log", &["[    1.000000] quiet".to_owned(), format!("web1: {kill}")]);
    let ended = ask(&dir, &["log"]);
    let [event] = events(&ended).try_into().unwrap_or_else(|all| panic!("{all:?}"));
    assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{ended:?}");
    assert_eq!(event.get("memdoor.source.unverified"), Some(&Json::Bool(true)), "{event:?}");
}
