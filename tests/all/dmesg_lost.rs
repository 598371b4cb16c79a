//! Logs that have lost lines between two reports, and what says so: no event is put together over a hole, and none looks whole.

use crate::common;

use std::fs;

use common::host::TempDir;
use common::json::Json;
use common::run::{Ended, memdoor, run_command};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dmesg");

/// The first line that is kept of the second report is so many behind its header.
const BEHIND: usize = 60;

fn ask(log: &str) -> Ended {
    let mut command = memdoor(&["dmesg", "--format", "json", log]);
    command.env("TZ", "UTC");
    run_command(command)
}

fn events(ended: &Ended) -> Vec<Json> {
    ended.out.lines().map(Json::parse).filter(|line| line.text("event_name") == "memdoor.oom.kill").collect()
}

fn is_complete(event: &Json) -> bool {
    format!("{:?}", event.get("memdoor.oom.complete")).contains("rue")
}

fn lacks(event: &Json, word: &str) -> bool {
    event.get("memdoor.oom.missing").is_some_and(|missing| format!("{missing:?}").contains(word))
}

/// The start of a report, and the end of the one behind it, whose header is among the lines that are lost.
fn two() -> [Vec<String>; 2] {
    let text = fs::read_to_string(format!("{FIXTURES}/7.2-none-two.log")).expect("a fixture");
    let lines: Vec<String> = text.lines().map(String::from).collect();
    let second = lines.iter().position(|line| line.contains("42.577424")).expect("its header");
    [lines[..40].to_vec(), lines[second + BEHIND..].to_vec()]
}

/// As syslog has it.
fn in_syslog(lines: &[String], time: &str) -> Vec<String> {
    let text =
        |line: &String| line.trim_start().split_once("] ").map_or(line.trim().into(), |(_, text)| text.to_owned());
    lines.iter().map(|line| format!("Nov 30 10:00:{time} h kernel: {}", text(line))).collect()
}

#[test]
fn lines_lost_between_two_reports_make_no_event_of_both() {
    let dir = TempDir::new();
    let [first, second] = two();
    let foreign = |who: &str| -> Vec<String> {
        (0..50).map(|number| format!("Nov 30 10:00:11 h {who}: word {number}")).collect()
    };
    let said = |words: &str| vec![words.to_owned()];
    for (name, between, is_said, is_syslog) in [
        ("time jumps", vec![], false, None),
        ("the console says so", said("** 120 printk messages dropped **"), true, None),
        ("time jumps in syslog", vec![], false, Some("21")),
        ("a program has many lines between", foreign("app[3]"), false, Some("21")),
        ("the kernel has many lines between", foreign("kernel"), false, Some("21")),
        (
            "journald says so at the same second",
            said("Nov 30 10:00:01 h systemd-journald[9]: Missed 154 kernel messages"),
            true,
            Some("01"),
        ),
    ] {
        let (head, tail) = match is_syslog {
            Some(time) => (in_syslog(&first, "01"), in_syslog(&second, time)),
            None => (first.clone(), second.clone()),
        };
        let log = dir.write("log", [head, between, tail].concat().join("\n").as_bytes());
        let ended = ask(&log);
        let [cut, killed] = events(&ended).try_into().unwrap_or_else(|all| panic!("{name}: {all:#?}"));
        assert_eq!(cut.text("memdoor.oom.trigger.comm"), "stress-ng-vm", "{name}");
        assert_eq!(cut.text("memdoor.oom.outcome"), "unknown", "{name}");
        assert!(lacks(&cut, "end"), "{name}: {cut:?}");
        assert_eq!(killed.number("memdoor.oom.killed.pid"), 155, "{name}");
        assert!(killed.get("memdoor.oom.trigger.comm").is_none(), "{name}: {killed:?}");
        assert!(lacks(&killed, "header"), "{name}: {killed:?}");
        assert!(!is_complete(&cut) && !is_complete(&killed), "{name}");
        assert_eq!(ended.code(), if is_said { 4 } else { 0 }, "{name}: {}", ended.err);
    }
}

#[test]
fn a_few_lines_lost_inside_of_a_report_leave_it_one_that_is_not_whole() {
    let dir = TempDir::new();
    let text = fs::read_to_string(format!("{FIXTURES}/7.2-none-two.log")).expect("a fixture");
    let lines: Vec<&str> = text.lines().take(75).collect();
    let at = lines.iter().position(|line| line.contains("postgres")).expect("a row");
    let marked = |mark: String| [&lines[..at], &[&mark], &lines[at + 2..]].concat().join("\n");
    let of_its_own = marked("** 2 printk messages dropped **".into());
    // To Linux 4.9 the next message is behind it.
    let before_next = of_its_own.replace("dropped **\n", "dropped ** ");
    for text in [of_its_own, before_next] {
        let ended = ask(&dir.write("log", text.as_bytes()));
        let [event] = events(&ended).try_into().unwrap_or_else(|all| panic!("{all:#?}\n{text}"));
        assert_eq!(event.number("memdoor.oom.killed.pid"), 146);
        assert!(lacks(&event, "lines") && !is_complete(&event), "{event:?}");
        assert!(ended.err.contains("2 messages of the kernel"), "{}", ended.err);
        assert_eq!(ended.code(), 4);
    }
}

const HEADER: &str = "[  100.000000] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n";

fn kill(seconds: u64, pid: u64, name: &str) -> String {
    format!(
        "[{seconds:5}.000001] Memory cgroup out of memory: Killed process {pid} ({name}) total-vm:200000kB, anon-rss:102000kB, file-rss:400kB, shmem-rss:0kB, UID:0 pgtables:234kB oom_score_adj:0\n"
    )
}

#[test]
fn a_kill_that_comes_much_later_is_not_given_to_the_cgroup_whose_report_was_cut() {
    let dir = TempDir::new();
    let old = "[  100.000001] Task in /docker/a killed as a result of limit of /docker/a\n[  100.000002] memory: usage 1024kB, limit 1024kB, failcnt 3\n";
    let named = "[  100.000001] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/docker/a,task_memcg=/docker/a,task=java,pid=7,uid=0\n";
    for start in [old, named] {
        let ended = ask(&dir.write("log", [HEADER, start, &kill(150, 9, "other")].concat().as_bytes()));
        let [cut, killed] = events(&ended).try_into().unwrap_or_else(|all| panic!("{all:#?}"));
        assert_eq!(cut.text("memdoor.oom.memcg"), "/docker/a");
        assert_eq!(cut.text("memdoor.oom.outcome"), "unknown");
        assert_eq!(killed.number("memdoor.oom.killed.pid"), 9);
        assert!(killed.get("memdoor.oom.memcg").is_none(), "{killed:?}");
    }
    // The one who was selected dies later all the same, where the console was slow.
    let ended = ask(&dir.write("log", [HEADER, named, &kill(115, 7, "java")].concat().as_bytes()));
    let [event] = events(&ended).try_into().unwrap_or_else(|all| panic!("{all:#?}"));
    assert_eq!(event.text("memdoor.oom.memcg"), "/docker/a");
    assert_eq!(event.number("memdoor.oom.killed.pid"), 7);
}

#[test]
fn a_table_that_lacks_the_victim_is_anothers_unless_the_line_comes_at_once() {
    let dir = TempDir::new();
    let table = "[  100.000001] Tasks state (memory values in pages):\n\
        [  100.000002] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n\
        [  100.000003] [      5]     0     5     1123      119    49152        0             0 sh\n";
    for (seconds, expected) in [(100, 1), (104, 2)] {
        let summary = format!(
            "[  {seconds}.000004] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=x,pid=9,uid=0\n"
        );
        let ended = ask(&dir.write("log", [HEADER, table, &summary, &kill(seconds, 9, "x")].concat().as_bytes()));
        let all = events(&ended);
        assert_eq!(all.len(), expected, "{all:#?}");
        // A row at least is missing where it is one.
        assert!(all.iter().all(|event| !is_complete(event)), "{all:#?}");
        assert_eq!(lacks(&all[0], "rows"), expected == 1, "{all:#?}");
    }
}

#[test]
fn who_says_that_kernel_lines_were_lost_is_heard_with_the_count_and_the_line() {
    let dir = TempDir::new();
    for (line, count) in [
        ("Nov 30 10:00:01 h systemd-journald[12]: Missed 154 kernel messages", "154 messages"),
        ("Nov 30 10:00:01 h kernel: ** 120 printk messages dropped **", "120 messages"),
        ("[   12.345678] ** 120 printk messages dropped **", "120 messages"),
        ("Nov 30 10:00:01 h systemd-journald[12]: /dev/kmsg buffer overrun, some messages lost.", ": messages"),
        ("Nov 30 10:00:01 h rsyslogd: imkmsg: lost 200 messages", "200 messages"),
        ("Nov 30 10:00:01 h kernel: printk: 120 messages suppressed.", "120 messages"),
        ("Nov 30 10:00:01 h kernel: oom_kill_process: 12 callbacks suppressed", "12 messages"),
        (
            r#"{"_TRANSPORT":"driver","SYSLOG_IDENTIFIER":"systemd-journald","MESSAGE":"Missed 154 kernel messages"}"#,
            "154 messages",
        ),
    ] {
        let log = dir.write("kern.log", format!("Nov 30 10:00:00 h kernel: usb 1-1: new device\n{line}\n").as_bytes());
        let ended = ask(&log);
        assert_eq!(ended.code(), 4, "{line}: {}", ended.err);
        assert!(ended.err.contains(&format!("{count} of the kernel")), "{line}: {}", ended.err);
        assert!(ended.err.contains("line 2"), "{line}: {}", ended.err);
    }
    // The report that was held back is an event that has only its kill line: nothing else is missing.
    let limited = "[  120.000001] oom_kill_process: 1 callbacks suppressed\n";
    let ended = ask(&dir.write("kern.log", [&kill(110, 9, "other"), limited].concat().as_bytes()));
    assert_eq!((events(&ended).len(), ended.code()), (1, 0), "{}", ended.err);
    for line in [
        "Nov 30 10:00:01 h kernel: net_ratelimit: 12 callbacks suppressed",
        "Nov 30 10:00:01 h app[3]: Missed 154 kernel messages",
        "Nov 30 10:00:01 h app[3]: ** 120 printk messages dropped **",
    ] {
        let log = dir.write("kern.log", format!("Nov 30 10:00:00 h kernel: usb 1-1: new device\n{line}\n").as_bytes());
        assert_eq!(ask(&log).code(), 0, "{line}");
    }
}

#[test]
fn kills_of_every_vendor_and_lines_cut_in_their_first_words_are_an_event_or_are_named() {
    let dir = TempDir::new();
    let stamp = "Nov 30 10:00:01 h kernel: ";
    for (lines, kills) in [
        (&["Out of memory in UB 123: OOM killed process 8 (php) score 0 vm:447936kB, rss:63604kB, swap:0kB"][..], 1),
        (&["OOM killed process 8 (php) vm=447936, rss=63604, swap=0"], 1),
        (&["Killed process 8 (php) in VE \"101\" total-vm:800000kB, anon-rss:700000kB, file-rss:4kB"], 1),
        (&["Killed process 8 (php) vsz:800000kB, anon-rss:700000kB, file-rss:4kB"], 1),
        (
            &["Out of Memory: Kill process 7 (sh) score 12345 and children.", "Out of Memory: Killed process 8 (php)."],
            1,
        ),
        (&["php invoked oom-killer: ..."], 0),
        (&["php invoked oom-killer: [...]"], 0),
        (&["Memory cgroup out of memory: Kil"], 0),
        (&["Memory cgroup out of memory"], 0),
        (&["Out of memory:"], 0),
    ] {
        let log: String = lines.iter().map(|line| format!("{stamp}{line}\n")).collect();
        let ended = ask(&dir.write("log", log.as_bytes()));
        let all = events(&ended);
        if kills == 0 {
            assert!(all.len() == 1 || ended.code() == 4 && ended.err.contains("could not be placed"), "{log}{ended:?}");
            continue;
        }
        assert_eq!(all.len(), kills, "{log}{all:#?}");
        assert_eq!(all[0].number("memdoor.oom.killed.pid"), 8, "{log}");
        assert_eq!(all[0].text("memdoor.oom.killed.comm"), "php", "{log}");
    }
}
