//! Logs of which lines were cut or lost: no figure is made up of what is left, and no name.

use crate::common;

use std::fs;

use common::host::TempDir;
use common::json::Json;
use common::run::{Ended, memdoor, run_command};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dmesg");

fn ask(log: &str, format: &str) -> Ended {
    let mut command = memdoor(&["dmesg", "--format", format, log]);
    command.env("TZ", "UTC");
    run_command(command)
}

fn events(log: &str) -> Vec<Json> {
    let ended = ask(log, "json");
    ended.out.lines().map(Json::parse).filter(|line| line.text("event_name") == "memdoor.oom.kill").collect()
}

/// The text's words on one line.
fn words(log: &str) -> String {
    ask(log, "text").out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lacks(event: &Json, word: &str) -> bool {
    event.get("memdoor.oom.missing").is_some_and(|missing| format!("{missing:?}").contains(word))
}

#[test]
fn a_sum_of_which_a_part_was_cut_is_no_sum() {
    let dir = TempDir::new();
    let line = "Out of memory: Killed process 412 (app) total-vm:901000kB, anon-rss:100000kB, file-rss:10000kB, shmem-rss:640000kB";
    for (cut, freed) in [
        ("", Some("732.4 MB")),
        ("kB", None),
        ("000kB", None),
        (":640000kB", None),
        ("ss:640000kB", None),
        (", shmem-rss:640000kB", None),
        (" file-rss:10000kB, shmem-rss:640000kB", None),
    ] {
        let kept = line.strip_suffix(cut).expect("its end");
        let log = dir.write("log", format!("Nov 21 10:00:00 h kernel: {kept}\n").as_bytes());
        let [event] = events(&log).try_into().expect("one event");
        let text = words(&log);
        if let Some(freed) = freed {
            assert!(text.contains(&format!("Memory freed: {freed} (RSS)")), "{kept}: {text}");
            assert_eq!(event.number("memdoor.oom.freed_bytes"), 750_000 << 10);
            assert!(!lacks(&event, "sizes"), "{event:?}");
        } else {
            let parts = if kept.contains("file-rss:10000kB") { "107.4 MB" } else { "97.7 MB" };
            assert!(text.contains(&format!("Memory freed: at least {parts} (RSS)")), "{kept}: {text}");
            assert!(text.contains("sizes of the victim"), "{kept}: {text}");
            assert!(event.get("memdoor.oom.freed_bytes").is_none(), "{kept}: {event:?}");
            assert!(lacks(&event, "sizes"), "{kept}: {event:?}");
        }
    }
    // Before Linux 4.5 there are two parts, and of 2.6.18 none.
    for whole in [
        "Killed process 412 (app) total-vm:901000kB, anon-rss:100000kB, file-rss:10000kB",
        "Out of Memory: Killed process 412 (app).",
    ] {
        let log = dir.write("log", format!("Nov 21 10:00:00 h kernel: {whole}\n").as_bytes());
        let [event] = events(&log).try_into().expect("one event");
        assert!(!lacks(&event, "sizes"), "{whole}: {event:?}");
    }
}

#[test]
fn what_is_shared_is_not_told_from_the_rest_where_its_count_was_lost() {
    let dir = TempDir::new();
    let text = fs::read_to_string(format!("{FIXTURES}/6.1-none-swap.log")).expect("a fixture");
    let of = |text: &str| {
        let log = dir.write("log", text.as_bytes());
        let [event] = events(&log).try_into().expect("one event");
        (event, words(&log))
    };
    let (event, whole) = of(&text);
    assert!(whole.contains("anonymous (heaps, stacks)") && !lacks(&event, "counts"), "{whole}");
    let lost: String =
        text.lines().filter(|line| !line.contains("shmem:1777")).map(|line| format!("{line}\n")).collect();
    assert_ne!(lost, text);
    let (event, lost) = of(&lost);
    assert!(!lost.contains("anonymous (heaps, stacks)") && lost.contains("anonymous and shared memory"), "{lost}");
    assert!(lost.contains("how much of the memory is shared") && lacks(&event, "counts"), "{lost}");
    assert!(format!("{:?}", event.get("memdoor.oom.complete")).contains("alse"), "{event:?}");
}

#[test]
fn a_newline_in_a_name_is_one_event_and_stays_in_the_name_in_every_text_log() {
    let dir = TempDir::new();
    let report = "ab\ncd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\0\
        CPU: 0 PID: 412 Comm: ab\ncd Not tainted 5.10.0-32-amd64 #1\0\
        memory: usage 65536kB, limit 65536kB, failcnt 9\0\
        Tasks state (memory values in pages):\0\
        [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\0\
        [    412]     0   412    25250    16632   172032        0             0 ab\ncd\0\
        oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=ab\ncd,pid=412,uid=0\0\
        Memory cgroup out of memory: Killed process 412 (ab\ncd) total-vm:101000kB, anon-rss:65280kB, file-rss:1248kB, shmem-rss:0kB, UID:0 pgtables:168kB oom_score_adj:0";
    for (name, is_blank) in [("ab\ncd", true), ("ab\ncd", false), ("\ncd", true), ("a\nb\nc", true), ("a\nb\nc", false)]
    {
        let mut log = String::new();
        for (number, record) in report.replace("ab\ncd", name).split('\0').enumerate() {
            let prefix = format!("[  100.{number:06}] ");
            // dmesg writes blanks, syslog(2) the prefix.
            let behind = if is_blank { " ".repeat(prefix.len()) } else { prefix.clone() };
            log += &format!("{prefix}{}\n", record.replace('\n', &format!("\n{behind}")));
        }
        let path = dir.write("log", log.as_bytes());
        let [event] = events(&path).try_into().unwrap_or_else(|all| panic!("{all:#?}\n{log}"));
        for key in ["memdoor.oom.trigger.comm", "memdoor.oom.killed.comm"] {
            assert_eq!(event.text(key), name.replace('\n', "\\012"), "{key}\n{log}");
        }
        assert_eq!(event.number("memdoor.oom.trigger.pid"), 412, "{log}");
    }
    // Whoever says a word at another time is not of the name.
    let other = "[  100.000000] ab\n[  100.000001] cd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n";
    let [event] = events(&dir.write("log", other.as_bytes())).try_into().expect("one event");
    assert_eq!(event.text("memdoor.oom.trigger.comm"), "cd");
}

/// The kernel's name of a process has 15 bytes, and any of them may be a newline; behind it may stand anything that a line begins with.
#[test]
fn the_rest_of_a_name_behind_newlines_is_the_names_in_every_form_of_log_whatever_it_looks_like() {
    const NAMES: [&str; 12] = [
        "x\ny",
        "x\n\ny",
        "\nxy",
        "xy\n",
        "a\nb\nc\nd",
        "x\na\na\ny",
        "a)\n(b",
        "x)\ny",
        "a\nMem-Info:",
        "x \n  y",
        "-- Reboot --\nx",
        "\nLinux version ",
    ];
    const SYSLOG: &str = "Nov 21 10:08:31 web1 kernel: ";
    const SINCE_BOOT: &str = "[   12.345678] ";
    let both = [SYSLOG, SINCE_BOOT].concat();
    let kill = |name: &str| {
        format!(
            "Memory cgroup out of memory: Killed process 7 ({name}) total-vm:1000kB, anon-rss:900kB, file-rss:4kB, shmem-rss:0kB, UID:5 pgtables:44kB oom_score_adj:0"
        )
    };
    let dir = TempDir::new();
    let blanks = |prefix: &str| " ".repeat(prefix.len());
    // What is before the record, and before each further line of it: of syslog(2), dmesg, dmesg -T, syslog, journalctl, `-o cat`, and what
    // writes a record as it is.
    let forms = [
        (SINCE_BOOT, SINCE_BOOT.to_owned()),
        (SINCE_BOOT, blanks(SINCE_BOOT)),
        (SINCE_BOOT, String::new()),
        ("[Sat Nov 21 10:08:31 2026] ", "[Sat Nov 21 10:08:31 2026] ".into()),
        (SYSLOG, SYSLOG.into()),
        (SYSLOG, blanks(SYSLOG)),
        (&both, both.clone()),
        (&both, SYSLOG.into()),
        (&both, [SYSLOG, &blanks(SINCE_BOOT)].concat()),
        (&both, String::new()),
        ("", String::new()),
    ];
    for name in NAMES {
        for (first, further) in &forms {
            let is_bare = further.is_empty();
            // Without a prefix a line is as good as the words in it.
            if is_bare && (name.contains("Reboot") || name.contains("version")) {
                continue;
            }
            let text = kill(name).replace('\n', &format!("\n{further}"));
            let log = format!("{first}before\n{first}{text}\n{first}behind\n");
            let [event] =
                events(&dir.write("log", log.as_bytes())).try_into().unwrap_or_else(|all| panic!("{all:#?}\n{log}"));
            assert_eq!(event.text("memdoor.oom.killed.comm"), name.replace('\n', "\\012"), "{log}");
            assert_eq!(event.number("memdoor.oom.freed_bytes"), 904 << 10, "{log}");
            assert_eq!(event.number("memdoor.oom.killed.uid"), 5, "{log}");
        }
    }
    // A mail wraps where the next word has no room, and only there.
    for (log, name) in [
        (
            "[   12.345678] Memory cgroup out of memory: Killed process 1234567 (Web\nContent) total-vm:1000kB,\nanon-rss:900kB, file-rss:4kB, shmem-rss:0kB\n",
            "Web Content",
        ),
        (
            "Out of memory: Killed process 7 (Web\nContent) total-vm:1000kB, anon-rss:900kB, file-rss:4kB, shmem-rss:0kB\n",
            "Web\\012Content",
        ),
    ] {
        let [event] = events(&dir.write("log", log.as_bytes())).try_into().expect("one event");
        assert_eq!(event.text("memdoor.oom.killed.comm"), name, "{log}");
    }
    // What does not fit into a name is none: who was killed is not known, and no line of another's is lost.
    for other in ["Mem-Info:) total-vm:1kB", "y, and many words) total-vm:1000kB, anon-rss:1kB, file-rss:0kB"] {
        let log = format!(
            "{SYSLOG}Out of memory: Killed process 7 (cut\n{SYSLOG}{other}\n{SYSLOG}{}\n",
            kill("z").replace("process 7", "process 8")
        );
        let found = events(&dir.write("log", log.as_bytes()));
        assert_eq!(found.len(), 2, "{found:#?}");
        if !other.starts_with("Mem") {
            assert_eq!(found[0].text_at("memdoor.oom.killed.comm"), None, "{log}");
        }
        assert_eq!(found[1].text("memdoor.oom.killed.comm"), "z");
    }
}

#[test]
fn a_report_whose_names_have_newlines_is_one_event_in_what_journalctl_prints() {
    let dir = TempDir::new();
    let report = "%N invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\0\
        CPU: 0 PID: 412 Comm: %N Not tainted 5.10.0-32-amd64 #1\0\
        memory: usage 65536kB, limit 65536kB, failcnt 9\0\
        Tasks state (memory values in pages):\0\
        [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\0\
        [    412]     0   412    25250    16632   172032        0             0 %N\0\
        oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=%N,pid=412,uid=0\0\
        Memory cgroup out of memory: Killed process 412 (%N) total-vm:101000kB, anon-rss:65280kB, file-rss:1248kB, shmem-rss:0kB, UID:0 pgtables:168kB oom_score_adj:0";
    let prefix = "Nov 21 10:08:31 web1 kernel: ";
    for name in ["ab\ncd", "\nab", "a)\n(b", "-- Reboot --\nx", "x\n-- Reboot --"] {
        let behind = format!("\n{}", " ".repeat(prefix.len()));
        let log: String = report
            .replace("%N", name)
            .split('\0')
            .map(|record| format!("{prefix}{}\n", record.replace('\n', &behind)))
            .collect();
        let [event] =
            events(&dir.write("log", log.as_bytes())).try_into().unwrap_or_else(|all| panic!("{all:#?}\n{log}"));
        for key in ["memdoor.oom.trigger.comm", "memdoor.oom.killed.comm"] {
            assert_eq!(event.text(key), name.replace('\n', "\\012"), "{key}\n{log}");
        }
        assert_eq!(event.text("memdoor.oom.memcg"), "/a", "{log}");
    }
}

/// A terminal, a pager or a form cuts lines at its last column, inside of numbers, names and the words that events are found by.
#[test]
fn a_log_that_was_cut_at_a_width_tells_what_the_whole_one_tells() {
    let dir = TempDir::new();
    let text = fs::read_to_string(format!("{FIXTURES}/6.12-none-rfc3339-then-memcg.log")).expect("a fixture");
    let told = |log: &str| {
        let key = |event: &Json, key: &str| event.text_at(&format!("memdoor.oom.{key}")).map(str::to_owned);
        let keys = ["gfp_mask", "gfp_flags", "trigger.comm", "killed.comm", "memcg", "outcome", "constraint"];
        let numbers = ["order", "killed.pid", "freed_bytes", "tasks", "total_vm_bytes"];
        let of = |event: &Json| {
            let numbers = numbers.map(|key| event.number(&format!("memdoor.oom.{key}")));
            (
                keys.map(|name| key(event, name)),
                numbers,
                event.get("memdoor.oom.top").cloned(),
                event.get("memdoor.oom.missing").cloned(),
            )
        };
        events(log).iter().map(of).collect::<Vec<_>>()
    };
    let whole = told(&dir.write("whole.log", text.as_bytes()));
    assert_eq!(whole.len(), 2);
    for width in 70..132 {
        let pieces = text.lines().flat_map(|line| line.as_bytes().chunks(width));
        let cut: Vec<u8> = pieces.flat_map(|piece| [piece, b"\n"].concat()).collect();
        assert_eq!(told(&dir.write("cut.log", &cut)), whole, "{width}");
    }
}

/// A kernel's counters of RSS may be below 0 for a moment, and are printed as what they are not; and a log may be damaged.
#[test]
fn a_number_that_no_memory_is_as_large_as_is_no_size() {
    let dir = TempDir::new();
    let line = |anon: &str| {
        format!(
            "[    1.000000] Out of memory: Killed process 7 (x) total-vm:9kB, anon-rss:{anon}kB, file-rss:4kB, shmem-rss:0kB, UID:0 pgtables:44kB oom_score_adj:0\n"
        )
    };
    for anon in [
        "18446744073709551615",
        "18446744073709551612",
        "18014398509481984",
        "4398046511104",
        "184467440737095516150",
        "-4",
    ] {
        let log = dir.write("log", line(anon).as_bytes());
        let [event] = events(&log).try_into().expect("one event");
        assert_eq!(event.get("memdoor.oom.anon_rss_bytes"), None, "{anon}");
        assert_eq!(event.get("memdoor.oom.freed_bytes"), None, "{anon}");
        assert_eq!(event.number("memdoor.oom.total_vm_bytes"), 9 << 10, "{anon}");
        assert!(lacks(&event, "sizes"), "{anon}: {event:?}");
        assert!(words(&log).contains("Memory freed: at least 0.0 MB (RSS)"), "{anon}");
    }
    // The control: 4 PiB less a page.
    let [event] = events(&dir.write("log", line("4398046511100").as_bytes())).try_into().expect("one event");
    assert_eq!(event.number("memdoor.oom.anon_rss_bytes"), 4_398_046_511_100 << 10);
    // Any number of a report: of a task, a zone, a count, the swap.
    let text = fs::read_to_string(format!("{FIXTURES}/6.1-none-swap.log")).expect("a fixture");
    let log: String = text
        .lines()
        .map(|line| {
            let (prefix, rest) = line.split_at(15.min(line.len()));
            let is_size = |word: &str| word.ends_with("kB") || word.contains("rss:") || rest.ends_with("pages RAM");
            let word = |word: &str| match word.find(|c: char| c.is_ascii_digit()) {
                Some(at) if is_size(word) || word[..at].ends_with(':') => {
                    format!("{}18446744073709551615kB", &word[..at])
                }
                _ => word.to_owned(),
            };
            let changed: Vec<String> = rest.split(' ').map(word).collect();
            format!("{prefix}{}\n", changed.join(" "))
        })
        .collect();
    assert!(log.matches("18446744073709551615kB").count() > 50, "{log}");
    let path = dir.write("log", log.as_bytes());
    let [event] = events(&path).try_into().expect("one event");
    let has_long = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 16);
    assert!(!has_long(&words(&path)) && !has_long(&format!("{:?}", event.get("memdoor.oom"))), "{event:?}");
    let row = "[    1.000000] x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0\n\
        [    1.000000] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n\
        [    1.000000] [      7]     0     7     2719 18446744073709551615    45056        5             0 a\n\
        [    1.000000] [      8]     0     8     2719       80    45056        5             0 b\n";
    let [event] = events(&dir.write("log", row.as_bytes())).try_into().expect("one event");
    assert!(!format!("{:?}", event.get("memdoor.oom.top")).contains("1844"), "{event:?}");
}

#[test]
fn a_number_that_ends_with_its_line_is_no_number() {
    let dir = TempDir::new();
    let log = dir.write("log", b"[    1.000000] app invoked oom-killer: gfp_mask=0x14\n");
    let [event] = events(&log).try_into().expect("one event");
    assert_eq!((event.text("memdoor.oom.trigger.comm"), event.get("memdoor.oom.gfp_mask")), ("app", None));
}

/// Before Linux 5.1 two lines tell of a kill: who is selected, and who is killed, which may be a child.
#[test]
fn who_was_selected_is_named_and_found_where_the_line_behind_it_was_lost() {
    let dir = TempDir::new();
    let line = |pid| {
        format!("Nov 21 10:00:00 h kernel: Out of memory: Kill process {pid} (java) score 900 or sacrifice child\n")
    };
    let log = dir.write("log", line(1234).as_bytes());
    let text = words(&log);
    let said = "Selected: java (PID 1234), score 900 - the log does not say whether it or a child of it was killed";
    assert_eq!(text.matches(said).count(), 3, "{text}");
    let [event] = events(&log).try_into().expect("one event");
    assert_eq!(event.number("memdoor.oom.selected.pid"), 1234);
    assert_eq!(event.text("message"), "Out of memory: java (PID 1234) was selected, the end is missing");
    let ended = run_command(memdoor(&["dmesg", "--victim", "java", "--fail-on-oom", &log]));
    assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{ended:?}");
    // Two of them are two.
    let log = dir.write("log", [line(1234), line(1235)].concat().as_bytes());
    assert_eq!(events(&log).len(), 2);
}

#[test]
fn a_kill_that_is_cut_before_it_names_anybody_is_an_event_whose_victim_nobody_knows() {
    let dir = TempDir::new();
    for (kill, count) in [
        ("Out of memory: Killed process 24", 1),
        ("Out of memory: Kill process 24", 1),
        ("Memory cgroup out of memory: Kill", 1),
        ("Killed process ", 1),
        // Words that others may say, or have for a name.
        ("Killed process", 0),
        ("Out of memory", 0),
        ("Out of memory: Kills are bad", 0),
        ("Killed proc", 0),
        ("my own: Killed process 24", 0),
    ] {
        for end in ["", "\n", "\nNov 21 10:00:01 h kernel: [   13.000000] a line\n"] {
            let text = format!("Nov 21 10:00:00 h kernel: [   12.000000] {kill}{end}");
            let log = dir.write("log", text.as_bytes());
            let events = events(&log);
            assert_eq!(events.len(), count, "{text}");
            if let [event] = &events[..] {
                assert_eq!(event.text("memdoor.oom.outcome"), "unknown");
                assert!(event.get("memdoor.oom.killed").is_none() && lacks(event, "end"), "{event:?}");
            }
        }
    }
    // Without a prefix, any program may end with these words.
    assert_eq!(events(&dir.write("log", b"[    1.000000] a\nKilled process \n")).len(), 0);
}

/// All events as JSON, without where they were read and when.
fn told(logs: &[&str]) -> String {
    let mut command = memdoor(&["dmesg", "--format", "json"]);
    command.args(logs).env("TZ", "UTC");
    let ended = run_command(command);
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{logs:?}");
    let lines = ended.out.lines().filter(|line| line.contains("memdoor.oom.kill"));
    let without_lines = |line: &str| {
        let (_, rest) = line.split_once("\"event_name\"").expect("its name");
        let (before, source) = rest.split_once("\"source\"").expect("its source");
        let (_, after) = source.split_once("},").expect("an object");
        let mut text = [before, after].concat();
        while let Some(at) = text.find(",\"line\":") {
            let length = text[at + 8..].bytes().take_while(u8::is_ascii_digit).count();
            text.replace_range(at..at + 8 + length, "");
        }
        text + "\n"
    };
    lines.map(without_lines).collect()
}

/// The prefixes, both headers, each part of a row, the kill lines: a cut at each third byte of the first report's ends, and here and there.
#[test]
fn a_log_that_was_rotated_in_the_middle_of_a_line_has_the_same_events() {
    let dir = TempDir::new();
    let text = fs::read(format!("{FIXTURES}/6.12-none-rfc3339-then-memcg.log")).expect("a fixture");
    let older = dir.join("kern.log.1");
    let newer = dir.write("kern.log", &text);
    let whole = told(&[&newer]);
    assert_eq!(whole.lines().count(), 2);
    let end = memchr::memmem::find(&text, b"Killed process").expect("a kill");
    let cuts = (0..text.len()).step_by(101).chain((end - 400..end + 250).step_by(3)).chain((0..700).step_by(7));
    for at in cuts {
        fs::write(&older, &text[..at]).expect("the older piece");
        fs::write(&newer, &text[at..]).expect("the newer piece");
        assert_eq!(
            told(&[&older, &newer]),
            whole,
            "{at}: {}",
            String::from_utf8_lossy(&text[at.saturating_sub(60)..at])
        );
    }
    // What the next piece begins with is a line of its own: the other has no end.
    let kill = "2026-11-21T10:09:29.724468+00:00 h kernel: [   25.083209] Out of memory: Killed process 7";
    let line = kill.replace("process 7", "process 8 (a) total-vm:9kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB\n");
    fs::write(&older, format!("{}\n{kill}", kill.replace("Out of memory: Killed process 7", "a line")))
        .expect("the older piece");
    fs::write(&newer, line.replace("25.08", "95.08").replace("10:09", "10:10")).expect("the newer piece");
    let both = told(&[&older, &newer]);
    assert_eq!(both.lines().count(), 2, "{both}");
    assert!(both.lines().next().is_some_and(|first| first.contains("\"outcome\":\"unknown\"")), "{both}");
}
