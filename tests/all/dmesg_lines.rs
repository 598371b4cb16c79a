//! Logs that are no lines as others have them: all on one, or one with a whole log in it.

use crate::common;

use std::fs;

use common::gzip::gzip;
use common::host::{TempDir, works};
use common::json::Json;
use common::run::{Ended, memdoor, run, run_command, through_shell};
use common::skip;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dmesg/6.18-memcg-40-ms-apart.log");

/// Two kills of a kernel, without the times in brackets, behind lines of no interest.
fn messages() -> Vec<String> {
    let text = fs::read_to_string(FIXTURE).expect("a fixture");
    let lines = text.lines().filter_map(|line| Some(line.split_once("] ")?.1.to_owned()));
    let noise = (0..100).map(|number| format!("usb 1-1: new device number {number}, \"quoted\" }},{{ \\ as {{it}} is"));
    noise.chain(lines).collect()
}

fn ask(path: &str) -> Ended {
    run(&["dmesg", "--format", "json", "--fail-on-oom", path])
}

/// Who was killed, by whose request.
fn kills(ended: &Ended) -> Vec<(String, i64, String)> {
    let lines = ended.out.lines().map(Json::parse).filter(|line| line.text("event_name") != "memdoor.run.summary");
    lines
        .map(|event| {
            let text = |key: &str| event.text(key).to_owned();
            (text("memdoor.oom.killed.comm"), event.number("memdoor.oom.killed.pid"), text("memdoor.oom.trigger.comm"))
        })
        .collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn expected() -> Vec<(String, i64, String)> {
    let plain = ask(FIXTURE);
    assert_eq!(plain.code(), 3, "{plain:?}");
    let kills = kills(&plain);
    assert_eq!(kills.len(), 2);
    kills
}

#[test]
fn a_whole_log_on_one_line_of_json_has_its_events_however_long_the_line_is() {
    let dir = TempDir::new();
    let entry = |text: &String| {
        let labels = "\"labels\":{\"all\":[{\"id\":1},{\"id\":2}]}";
        format!("{{\"pri\":4,\"time\":1.5,{labels},\"msg\":{},\"tags\":[{{\"line\":\"of another\"}}]}}", quoted(text))
    };
    let journal = |text: &String| {
        format!(
            "{{\"_BOOT_ID\":\"b0\",\"MESSAGE\":{},\"__REALTIME_TIMESTAMP\":\"1795255379163609\",\"_TRANSPORT\":\"kernel\"}}",
            quoted(text)
        )
    };
    for noise in [0, 1000, 3_000, 30_000] {
        let noise: Vec<String> = (0..noise).map(|number| format!("{number} usb 1-1: nothing of interest")).collect();
        let all: Vec<String> = noise.iter().cloned().chain(messages()).chain(noise.iter().cloned()).collect();
        let entries: Vec<String> = all.iter().map(entry).collect();
        let of_journal: Vec<String> = all.iter().map(journal).collect();
        for (name, text) in [
            ("dmesg", format!("{{\"dmesg\":[{}]}}", entries.join(","))),
            ("array", format!("[{}]\n", of_journal.join(","))),
            ("blank", format!("[ {} ]\n", of_journal.join(", "))),
            ("together", of_journal.concat()),
            ("sequence", format!("\x1e{}\n", of_journal.join("\n\x1e"))),
            ("stream", format!("data: {}\n\n", of_journal.join("\n\ndata: "))),
        ] {
            let ended = ask(&dir.write(name, text.as_bytes()));
            assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{name} {} {}", all.len(), ended.err);
            assert_eq!(kills(&ended), expected(), "{name} {}", all.len());
        }
    }
}

#[test]
fn a_carriage_return_alone_ends_a_line_and_before_a_newline_it_is_none() {
    let dir = TempDir::new();
    let text = fs::read_to_string(FIXTURE).expect("a fixture");
    for lines in [0, 5_000, 20_000] {
        let noise: String = (0..lines).map(|number| format!("[    1.000000] nothing of interest {number}\n")).collect();
        for end in ["\r", "\r\n", "\r\r\n"] {
            let ended = ask(&dir.write("log", [&noise, &text].map(|text| text.replace('\n', end)).concat().as_bytes()));
            assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{end:?} {}", ended.err);
            assert_eq!(kills(&ended), expected(), "{end:?}");
        }
    }
}

#[test]
fn one_object_with_many_lines_in_its_text_is_as_good_as_the_lines() {
    let dir = TempDir::new();
    let text = fs::read_to_string(FIXTURE).expect("a fixture");
    let object =
        |text: &str| format!("{{\"log\":{},\"stream\":\"stdout\",\"time\":\"2026-11-21T10:08:31Z\"}}", quoted(text));
    let ended = ask(&dir.write("docker", object(&text).as_bytes()));
    assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{}", ended.err);
    assert_eq!(kills(&ended), expected());
    // What is cut off is said, with what reads it.
    let noise = "[    1.000000] nothing of interest\n".repeat(3000);
    let path = dir.write("long docker", object(&[&noise, text.as_str()].concat()).as_bytes());
    let ended = run(&["dmesg", &path]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    let command = format!("jq -r '.. | strings' '{path}' | memdoor dmesg -");
    let warning = format!("memdoor: warning: {path}: a line of more than 64 KiB tells of the OOM killer, ");
    assert!(ended.err.starts_with(&warning) && ended.err.contains(&format!("Type: {command}\n")), "{}", ended.err);
    if !works(&["jq", "--version"]) {
        return skip("needs jq");
    }
    let script = command.replace("memdoor dmesg -", "\"$@\"");
    let ended = run_command(through_shell(&script, &memdoor(&["dmesg", "--format", "json", "-"])));
    assert_eq!(kills(&ended), expected());
}

#[test]
fn a_kill_far_into_a_long_line_is_never_passed_over_in_silence_and_no_long_text_is_a_name() {
    let dir = TempDir::new();
    const KILL: &str = "Out of memory: Killed process 7 (java) total-vm:7kB, anon-rss:40kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:48kB oom_score_adj:0";
    const HEADER: &str = "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
    for before in [66_000, 70_000, 600_000, 1_500_000] {
        for words in [KILL, HEADER] {
            for end in ["", "\n", "\n[    2.000000] a line\n"] {
                let log = format!("[    1.000000] a line\n{}{words}{end}", "other text ".repeat(before / 11));
                let path = dir.write("log", log.as_bytes());
                let ended = run(&["dmesg", "--format", "json", &path]);
                assert_eq!(ended.code(), 4, "{before} {words} {end:?} {ended:?}");
                assert!(ended.err.contains("a line of more than 64 KiB tells of the OOM killer"), "{}", ended.err);
                assert!(ended.out.len() < 4000 && !ended.out.contains("text other text"), "{}", ended.out);
            }
        }
        let path =
            dir.write("log", format!("[    1.000000] a\n{}{KILL}\n", "other text ".repeat(before / 11)).as_bytes());
        let ended = run(&["dmesg", &path]);
        let at = ended.err.find("Type: ").expect("a command") + 6;
        let script = ended.err[at..].trim_end().replace("memdoor dmesg -", "\"$@\"");
        let ended = run_command(through_shell(&script, &memdoor(&["dmesg", "--format", "json", "-"])));
        assert!(ended.out.contains("\"killed\":{\"comm\":\"java\",\"pid\":7,"), "{script} {ended:?}");
        // What filters a text has none of a packed file, whatever that is called.
        let packed = dir.write("packed log", &gzip(&fs::read(&path).expect("the log")));
        let ended = run(&["dmesg", &packed]);
        let at = ended.err.find("Type: ").expect("a command") + 6;
        let script = ended.err[at..].trim_end().replace("memdoor dmesg -", "\"$@\"");
        assert!(script.starts_with(&format!("zcat <'{packed}' | grep ")), "{script}");
        let ended = run_command(through_shell(&script, &memdoor(&["dmesg", "--format", "json", "-"])));
        assert!(ended.out.contains("\"killed\":{\"comm\":\"java\",\"pid\":7,"), "{script} {ended:?}");
    }
    // A program that says in a long line of its own that memory was short has killed nobody.
    let log = format!("[    1.000000] a\n{} out of memory {}\n", "x".repeat(60_000), "y".repeat(60_000));
    let ended = ask(&dir.write("log", log.as_bytes()));
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{ended:?}");
}

/// Lines of the fixture without its brackets, each behind what `prefix` gives for its number.
fn behind(prefix: impl Fn(usize) -> String, end: &str) -> String {
    let text = fs::read_to_string(FIXTURE).expect("a fixture");
    let lines = text.lines().filter_map(|line| Some(line.split_once("] ")?.1));
    (1..).zip(lines).map(|(number, line)| format!("{}{line}{end}\n", prefix(number))).collect()
}

#[test]
fn a_report_is_whole_behind_a_prefix_that_is_known_and_behind_one_that_nobody_knows() {
    let dir = TempDir::new();
    let level = |number: usize| ["WARN", "info", "ERR"][number % 3];
    for (name, text) in [
        ("dmesg -T -d", behind(|n| format!("[Mon Nov 30 14:42:37 2026 <    0.{n:06}>] "), "")),
        ("dmesg -t -d", behind(|n| format!("[<    0.{n:06}>] "), "")),
        ("klog", behind(|n| format!("W1121 10:09:02.{n:06}       1 kmsg.go:{n}] "), "")),
        ("a line of CSV", behind(|_| "\"".into(), "\"")),
        ("a list of texts", behind(|_| "  \"".into(), "\",")),
        ("a column of CSV", behind(|n| format!("2026-11-21T10:09:02Z,web{n},kernel,\""), "\"")),
        ("columns of CSV", behind(|n| format!("{n},\""), "\",\"web1\"")),
        ("numbers", behind(|n| format!("host|{n}|x> "), "")),
        ("levels", behind(|n| format!("2026/11/21 10:09:02 [{}] prog.x ", level(n)), "")),
        ("a word", behind(|_| "foo=bar ".into(), "")),
        ("padded", behind(|n| format!("#{n:5} | "), "")),
    ] {
        let ended = ask(&dir.write("log", text.as_bytes()));
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{name} {}", ended.err);
        assert_eq!(kills(&ended), expected(), "{name}");
        let events: Vec<Json> = ended.out.lines().map(Json::parse).collect();
        for event in &events[..2] {
            assert_eq!(event.get("memdoor.oom.complete"), Some(&Json::Bool(true)), "{name}");
        }
    }
    // What is behind another prefix than the header's is of another report.
    let header = "foo| java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
    let quoted = "foo| app: Out of memory: Killed process 7 (java) total-vm:7kB, anon-rss:40kB, file-rss:0kB";
    let ended = run(&["dmesg", &dir.write("log", format!("{header}\n{quoted}\n").as_bytes())]);
    assert!(ended.out.contains("Found 2 OOM event(s), 1 killed, 1 of unknown end"), "{ended:?}");
}

#[test]
fn blanks_behind_all_lines_are_no_part_of_a_name_and_a_name_may_be_a_blank() {
    let dir = TempDir::new();
    let text = fs::read_to_string(FIXTURE).expect("a fixture").replace('\n', "   \n");
    let ended = ask(&dir.write("log", text.as_bytes()));
    assert_eq!(kills(&ended), expected());
    assert!(!ended.out.contains("node  ") && !ended.out.contains("node \""), "{}", ended.out);
    let header = "  invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n";
    for prefix in ["[    5.000000] ", "Nov 21 10:08:31 web1 kernel: ", "<4>[    5.000000] "] {
        let ended = run(&["dmesg", "--format", "json", &dir.write("log", format!("{prefix}{header}").as_bytes())]);
        let event = Json::parse(ended.out.lines().next().expect("an event"));
        assert_eq!(event.text("memdoor.oom.trigger.comm"), " ", "{prefix}");
    }
}

/// What grep and cat put before a line is no part of its date, whatever that is.
#[test]
fn what_grep_puts_before_lines_is_taken_off_in_front_of_any_date() {
    let dir = TempDir::new();
    for date in ["Nov 21 10:09:02", "Nov  1 10:09:02", "2026-11-21T10:09:02+00:00", "Fri Nov 21 10:09:02 2026"] {
        for (name, prefix) in [
            ("grep -n", &(|n: usize| format!("{n}{}", if n % 7 == 1 { ':' } else { '-' })) as &dyn Fn(usize) -> String),
            ("grep -Hn", &|n: usize| format!("/var/log/kern.log-{n}-")),
            ("grep -H", &|_| "kern.log-".into()),
            ("cat -n", &|n| format!("{n:6}\t")),
        ] {
            let text = behind(|n| format!("{}{date} web1 kernel: [    0.{n:06}] ", prefix(n)), "");
            let ended = ask(&dir.write("log", text.as_bytes()));
            assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{name} {date}: {ended:?}");
            assert_eq!(kills(&ended), expected(), "{name} {date}");
            assert!(ended.out.contains(&format!("\"log_time\":\"{date}\"")), "{name} {date}: {}", ended.out);
        }
    }
}

#[test]
fn a_log_whose_newest_line_is_the_first_is_read_from_its_end_packed_or_not() {
    let dir = TempDir::new();
    let text = fs::read_to_string(FIXTURE).expect("a fixture");
    let turned: String = text.split_inclusive('\n').rev().collect();
    for (name, bytes) in [("log", turned.as_bytes()), ("log.gz", &gzip(turned.as_bytes()))] {
        let ended = ask(&dir.write(name, bytes));
        assert_eq!((ended.code(), ended.err.as_str(), kills(&ended)), (3, "", expected()), "{name} {ended:?}");
    }
}

#[test]
fn frames_of_syslog_one_behind_the_other_are_as_good_as_lines() {
    let dir = TempDir::new();
    let frames: Vec<String> = messages()
        .iter()
        .map(|message| format!("<6>1 2026-11-21T10:08:31.000000+00:00 web1 kernel - - - {message}"))
        .collect();
    let counted: String = frames.iter().map(|frame| format!("{} {frame}", frame.len())).collect();
    let ended_by_nul: String = frames.iter().map(|frame| format!("{frame}\0")).collect();
    // Beyond what is kept of a line, and of a chunk.
    let noise = "<6>1 2026-11-21T10:08:31Z web1 kernel - - - usb 1-1: a new device";
    let noise = format!("{} {noise}", noise.len());
    for text in [counted.clone(), ended_by_nul, noise.repeat(20_000) + &counted] {
        assert!(!text.contains('\n'));
        let ended = ask(&dir.write("log", text.as_bytes()));
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{}", ended.err);
        assert_eq!(kills(&ended), expected());
    }
    let ended = ask(&dir.write("log.gz", &gzip(counted.as_bytes())));
    assert_eq!(kills(&ended), expected());
}

#[test]
fn a_log_in_a_web_page_is_read_without_its_tags() {
    let dir = TempDir::new();
    let text = fs::read_to_string(FIXTURE).expect("a fixture");
    let start = text.find("invoked").and_then(|at| text[..at].rfind('\n')).map_or(0, |at| at + 1);
    let report = &text[start..];
    let escaped = report.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for page in [
        format!("<pre>{report}</pre>\n"),
        format!("<html><body>\n<pre class=\"log\"><code>{escaped}</code></pre></body></html>\n"),
        format!("<p>{}</p>", escaped.replace('\n', "<br>\n")),
    ] {
        let ended = ask(&dir.write("log", page.as_bytes()));
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{}", ended.err);
        assert_eq!(kills(&ended), expected(), "{page}");
    }
    // In any other log these are of a name.
    let log = report.replace(" invoked", "<br> invoked");
    let ended = ask(&dir.write("log", log.as_bytes()));
    assert!(kills(&ended).iter().all(|(_, _, trigger)| trigger.ends_with("<br>")), "{}", ended.out);
}

#[test]
fn a_journal_whose_messages_journalctl_left_out_is_not_clean() {
    let dir = TempDir::new();
    let entry = |message: &str| {
        format!("{{\"_TRANSPORT\":\"kernel\",\"__REALTIME_TIMESTAMP\":\"1795255711000000\",\"MESSAGE\":{message}}}\n")
    };
    let log = dir.write("log", entry("null").repeat(9).as_bytes());
    let ended = run(&["dmesg", &log]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    let hint = "Type: journalctl -o json --all _TRANSPORT=kernel | memdoor dmesg -\n";
    assert!(ended.err.contains(hint), "{}", ended.err);
    // One long field of a program's is none of the kernel's.
    let log = dir.write("log", (entry("null") + &entry("\"usb 1-1: a new device\"")).as_bytes());
    let ended = run(&["dmesg", &log]);
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{ended:?}");
}

/// A crash leaves blocks of NULs in a file: what is around them is a log all the same, be it one without any prefix.
#[test]
fn a_log_without_prefixes_that_has_nuls_in_it_is_read() {
    let dir = TempDir::new();
    let text = messages().join("\n") + "\n";
    for log in ["\0".repeat(5000) + &text, text.replacen('\n', &format!("\n{}", "\0".repeat(5000)), 1)] {
        let ended = ask(&dir.write("log", log.as_bytes()));
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{}", ended.err);
        assert_eq!(kills(&ended), expected());
    }
}
