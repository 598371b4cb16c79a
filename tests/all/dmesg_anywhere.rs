//! The kernel's words behind any prefix, wrapped, encoded, torn and turned round: what was printed is an event, or is said to be none.

use crate::common;

use std::fs;

use common::host::TempDir;
use common::json::Json;
use common::run::{Ended, memdoor, run_command};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dmesg");

const KILL: &str = "Out of memory: Killed process 412 (app) total-vm:101000kB, anon-rss:65280kB, file-rss:1248kB, shmem-rss:0kB, UID:0 pgtables:168kB oom_score_adj:0";

/// Prefixes of no form that is known.
const PREFIXES: [&str; 9] = [
    "03.02.2026 04:05:06 web1 kernel: ",
    "2026/02/03 04:05:06 ",
    "web1/kernel: ",
    "[node/worker-3] ",
    "vmunix: ",
    "10.9.8.7: kern:     err: [2026-02-03T04:05:06.100000006Z]: ",
    "9m          Warning   OOMKilling           node/pool1          ",
    "02-03 04:05:06.100  1234  1234 E kernel  : ",
    "[21:03] bob: ",
];

fn ask(log: &str, format: &str) -> Ended {
    let mut command = memdoor(&["dmesg", "--fail-on-oom", "--format", format, log]);
    command.env("TZ", "UTC");
    run_command(command)
}

fn field(name: &str) -> String {
    format!("{FIXTURES}/../oom-field/{name}.log")
}

fn events(ended: &Ended) -> Vec<Json> {
    ended.out.lines().map(Json::parse).filter(|line| line.text("event_name") == "memdoor.oom.kill").collect()
}

fn is_unverified(event: &Json) -> bool {
    event.get("memdoor.source.unverified") == Some(&Json::Bool(true))
}

/// Who was killed, what it had, how many tasks there were, by whose request.
type Brief = (String, i64, i64, String);

fn brief(ended: &Ended) -> Vec<Brief> {
    let number = |event: &Json, key: &str| event.get(key).map_or(-1, |_| event.number(key));
    let of = |event: &Json| {
        let text = |key: &str| event.get(key).map_or(String::new(), |_| event.text(key).to_owned());
        (
            text("memdoor.oom.killed.comm"),
            number(event, "memdoor.oom.anon_rss_bytes"),
            number(event, "memdoor.oom.tasks"),
            text("memdoor.oom.trigger.comm"),
        )
    };
    events(ended).iter().map(of).collect()
}

/// The log and its text, whose lines begin with a time since boot.
fn plain() -> (Vec<Brief>, String) {
    let path = format!("{FIXTURES}/7.2-none-two.log");
    let ended = ask(&path, "json");
    let all = brief(&ended);
    assert_eq!((ended.code(), all.len()), (3, 2), "{ended:?}");
    (all, fs::read_to_string(path).expect("a fixture"))
}

/// The text without the times since boot.
fn bare(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split_once("] ").map_or(line.trim_start(), |(_, behind)| behind)).collect()
}

#[test]
fn a_kill_alone_behind_a_prefix_that_nobody_knows_is_an_event_of_an_unverified_source() {
    let dir = TempDir::new();
    for prefix in PREFIXES {
        // Another kernel line hides nothing.
        for other in ["", "[    1.000000] quiet\n"] {
            let log = dir.write("log", format!("{other}{prefix}{KILL}\n").as_bytes());
            let ended = ask(&log, "json");
            let [event] = events(&ended).try_into().unwrap_or_else(|all| panic!("{prefix}: {all:?} {ended:?}"));
            assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{prefix}");
            assert_eq!(event.number("memdoor.oom.killed.pid"), 412, "{prefix}");
            assert!(is_unverified(&event), "{prefix} {event:?}");
            let text = ask(&log, "text").out;
            assert!(text.contains("Source unverified: a prefix that is not known"), "{text}");
        }
    }
}

#[test]
fn a_report_behind_a_prefix_that_nobody_knows_is_whole() {
    let dir = TempDir::new();
    let (expected, text) = plain();
    for prefix in PREFIXES {
        let log: String = bare(&text).iter().map(|line| format!("{prefix}{line}\n")).collect();
        let ended = ask(&dir.write("log", log.as_bytes()), "json");
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{prefix} {}", ended.err);
        assert_eq!(brief(&ended), expected, "{prefix}");
        assert!(events(&ended).iter().all(is_unverified), "{prefix}");
    }
}

#[test]
fn what_a_program_says_that_its_transport_names_is_no_event_and_nothing_to_speak_of() {
    let dir = TempDir::new();
    for prefix in
        ["Feb  3 04:05:06 web1 root: ", "Feb  3 04:05:06 web1 app[12]: ", "03.02.2026 04:05:06 web1 app[12]: "]
    {
        let log = dir.write("log", format!("Feb  3 04:05:05 web1 kernel: quiet\n{prefix}{KILL}\n").as_bytes());
        let ended = ask(&log, "json");
        assert_eq!((ended.code(), ended.err.as_str(), events(&ended).len()), (0, "", 0), "{prefix}");
    }
}

#[test]
fn a_kill_that_somebody_repeats_behind_other_words_is_told_once() {
    let dir = TempDir::new();
    let log = format!("[    1.000000] {KILL}\n9m  Warning  OOMKilling  node/x  {KILL}\n");
    let ended = ask(&dir.write("log", log.as_bytes()), "json");
    let [event] = events(&ended).try_into().unwrap_or_else(|all| panic!("{all:?}"));
    assert!(!is_unverified(&event), "{event:?}");
}

#[test]
fn lines_of_a_report_that_belong_to_no_event_are_counted_and_said() {
    let dir = TempDir::new();
    let rows = format!(
        "[    1.000000] quiet\n{}",
        (101..=117).map(|pid| format!("foo: Killed process {pid} (x\n")).collect::<String>()
    );
    for (text, words) in [
        (rows.as_str(), "17 lines of OOM reports could not be placed: line 2 to line 18"),
        ("[    1.000000] quiet\nfoo: Killed process 7 (x\n", "1 line of OOM reports could not be placed: line 2"),
        ("[    1.000000] oom_reaper: unable to reap pid:7 (x)\n", "1 line of OOM reports could not be placed: line 1"),
    ] {
        // What is searched for stands in any log of such lines.
        let log = dir.write("log", format!("{text}[   13.000000] a process of the oom-killer\n").as_bytes());
        let ended = ask(&log, "json");
        assert_eq!((ended.code(), events(&ended).len()), (4, 0), "{text} {ended:?}");
        assert!(ended.err.contains(words), "{}", ended.err);
        // Where there is an event besides, that is what was asked for.
        let log = dir.write("log", format!("{text}[   20.000000] {KILL}\n").as_bytes());
        let ended = ask(&log, "json");
        assert_eq!((ended.code(), events(&ended).len()), (3, 1), "{text} {ended:?}");
        assert!(ended.err.contains(words), "{}", ended.err);
    }
}

#[test]
fn lines_that_a_mail_or_a_terminal_has_wrapped_anywhere_are_whole() {
    let dir = TempDir::new();
    let (expected, text) = plain();
    let wrap = |line: &str, wide: usize| {
        let mut all = String::new();
        let mut columns = 0;
        for word in line.split(' ') {
            if columns > 0 && columns + 1 + word.len() > wide {
                while all.ends_with(' ') {
                    all.pop();
                }
                all.push('\n');
                columns = 0;
                if word.is_empty() {
                    continue;
                }
            } else if columns > 0 || all.ends_with(' ') {
                all.push(' ');
                columns += 1;
            }
            all.push_str(word);
            columns += word.len();
        }
        all + "\n"
    };
    for wide in [66, 72, 76, 80, 100] {
        let mail: String = text
            .lines()
            .map(|line| if line.starts_with(' ') { format!("{line}\n") } else { wrap(line, wide) })
            .collect();
        let fold: String = text
            .lines()
            .flat_map(|line| line.as_bytes().chunks(wide))
            .map(|piece| format!("{}\n", String::from_utf8_lossy(piece)))
            .collect();
        for (kind, log) in [("mail", mail), ("fold", fold)] {
            let ended = ask(&dir.write("log", log.as_bytes()), "json");
            assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{kind} {wide} {}", ended.err);
            assert_eq!(brief(&ended), expected, "{kind} {wide}");
        }
    }
    let [event] = events(&ask(&field("01-mail-wrapped-kill-line"), "json")).try_into().expect("one event");
    assert_eq!((event.text("memdoor.oom.killed.comm"), event.text("memdoor.oom.constraint")), ("indexer", "none"));
    assert_eq!((event.number("memdoor.oom.freed_bytes"), event.number("memdoor.oom.tasks")), (2_800_000 << 10, 2));
}

#[test]
fn what_a_transport_has_encoded_is_as_the_kernel_said_it() {
    let dir = TempDir::new();
    let (expected, text) = plain();
    let json = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
    let lines = |end: &str, of: &dyn Fn(&str) -> String| text.lines().map(of).collect::<Vec<_>>().join(end);
    let printable = |line: &str| {
        let mut all = String::new();
        for piece in line.as_bytes().chunks(60) {
            let piece = String::from_utf8_lossy(piece).replace('=', "=3D");
            all += &format!("{}{piece}", if all.is_empty() { "" } else { "=\n" });
        }
        all
    };
    let inner = |line: &str| format!("{{\"log\":{},\"stream\":\"stdout\"}}", json(&format!("{line}\n")));
    let halves = |line: &str, of: &dyn Fn(&str, bool) -> String| {
        let (one, other) = line.split_at(line.len() / 2);
        of(one, false) + &of(other, true)
    };
    let docker = |line: &str| {
        halves(line, &|part, is_end| {
            let part = if is_end { format!("{part}\n") } else { part.to_owned() };
            format!("{{\"log\":{},\"stream\":\"stdout\",\"time\":\"2026-02-03T04:05:06.1Z\"}}\n", json(&part))
        })
    };
    let cri = |line: &str| {
        halves(line, &|part, is_end| {
            format!("2026-02-03T04:05:06.100000001Z stdout {} {part}\n", if is_end { 'F' } else { 'P' })
        })
    };
    for (name, log) in [
        ("quoted-printable", format!("Content-Transfer-Encoding: quoted-printable\n\n{}\n", lines("\n", &printable))),
        ("Ansible's stdout", format!("web1 | CHANGED => {{\"rc\": 0, \"stdout\": {}}}\n", json(&text))),
        (
            "Ansible's both",
            format!(
                "ok: [web1] => {{\n    \"stdout\": {},\n    \"stdout_lines\": [\n{}\n    ]\n}}\n",
                json(&text),
                lines(",\n", &|line| format!("        {}", json(line)))
            ),
        ),
        (
            "results",
            format!(
                "{{\"results\":[{{\"item\":\"a\",\"stdout\":{},\"stdout_lines\":[{}]}}]}}",
                json(&text),
                lines(",", &json)
            ),
        ),
        ("JSON in JSON", lines("\n", &|line| format!("{{\"timestamp\":1,\"message\":{}}}", json(&inner(line))))),
        ("Docker's parts", lines("", &docker)),
        ("the CRI's parts", lines("", &cri)),
        ("columns of CSV", lines("\n", &|line| format!("\"2026-02-03T04:05:06Z\",\"{line}\",\"177\",\"{{}}\""))),
        (
            "a column of CSV",
            lines("\n", &|line| {
                if line.contains(',') {
                    format!("1770091506100,\"{line}\",1770091506100000000")
                } else {
                    format!("1770091506100,{line},1770091506100000000")
                }
            }),
        ),
    ] {
        let ended = ask(&dir.write("log", log.as_bytes()), "json");
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{name} {}", ended.err);
        assert_eq!(brief(&ended), expected, "{name}");
    }
    let [event] = events(&ask(&field("04-mail-quoted-printable"), "json")).try_into().expect("one event");
    assert_eq!((event.number("memdoor.oom.order"), event.text("memdoor.oom.gfp_flags")), (0, "GFP_KERNEL"));
    assert_eq!(event.number("memdoor.oom.freed_bytes"), 700_000 << 10);
}

#[test]
fn a_log_whose_newest_line_is_the_first_is_read_from_its_end_whatever_its_times_are() {
    let dir = TempDir::new();
    let (expected, text) = plain();
    let bare = bare(&text);
    let syslog = |line: &&str| format!("Feb  3 04:05:06 web1 kernel: {line}\n");
    for (name, log) in [
        ("dmesg", text.lines().rev().map(|line| format!("{line}\n")).collect::<String>()),
        ("syslog", bare.iter().rev().map(syslog).collect()),
    ] {
        let ended = ask(&dir.write("log", log.as_bytes()), "json");
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{name} {}", ended.err);
        assert_eq!(brief(&ended), expected, "{name}");
        // The lines are those of the file.
        let lines: Vec<&str> = log.lines().collect();
        for event in events(&ended) {
            let line = usize::try_from(event.number("memdoor.source.line")).expect("a number");
            assert!(lines[line - 1].contains("invoked oom-killer"), "{name} {line}");
        }
    }
}

#[test]
fn a_torn_first_line_loses_no_kill_and_makes_no_event_of_its_own() {
    let dir = TempDir::new();
    let (expected, text) = plain();
    for cut in 1..12 {
        let start = text.find("invoked oom-killer").map_or(0, |at| text[..at].rfind('\n').map_or(0, |at| at + 1));
        let ended = ask(&dir.write("log", &text.as_bytes()[start + cut..]), "json");
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{cut} {}", ended.err);
        assert_eq!(brief(&ended), expected, "{cut}");
    }
    for cut in 0..KILL.find("412").expect("a pid") {
        let ended = ask(&dir.write("log", format!("{}\n[    2.000000] quiet\n", &KILL[cut..]).as_bytes()), "json");
        let found = events(&ended).len();
        assert!(found == 1 || ended.code() == 4, "{cut} {ended:?}");
    }
}

#[test]
fn a_torn_date_on_the_first_line_is_that_of_the_lines_behind_it() {
    let dir = TempDir::new();
    let log: String = [
        "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "CPU: 0 PID: 412 Comm: java Not tainted 6.1.0",
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=java,pid=412,uid=0",
        KILL,
    ]
    .iter()
    .map(|line| format!("Feb  3 19:57:08 web1 kernel: {line}\n"))
    .collect();
    for cut in 0.."Feb  3 ".len() {
        let found = events(&ask(&dir.write("log", &log.as_bytes()[cut..]), "json"));
        assert_eq!(found.len(), 1, "{cut}");
        assert_eq!(found[0].number("memdoor.oom.trigger.pid"), 412, "{cut}");
    }
}

#[test]
fn an_archive_is_named_with_what_reads_it() {
    let dir = TempDir::new();
    let mut header = vec![0; 512];
    header[..16].copy_from_slice(b"var/log/kern.log");
    header[257..262].copy_from_slice(b"ustar");
    let log = dir.write("a.tar", &[header.as_slice(), format!("[    1.000000] {KILL}\n").as_bytes()].concat());
    let ended = ask(&log, "json");
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.err.contains("it is a file of tar: nothing of it was read. Type: tar -xOf "), "{}", ended.err);
}
