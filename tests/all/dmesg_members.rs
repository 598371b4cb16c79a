//! Logs of JSON and the journal's forms: which member has the kernel's words, and whose words they are.

use crate::common;

use common::host::TempDir;
use common::json::Json;
use common::run::{memdoor, run_command};

const KILL: &str = "Out of memory: Killed process 8 (app) total-vm:32kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB";

/// How many kills there are in a log.
fn kills(log: &str) -> usize {
    let dir = TempDir::new();
    let ended = run_command(memdoor(&["dmesg", "--format", "json", &dir.write("log", log.as_bytes())]));
    let lines = ended.out.lines().map(Json::parse);
    lines.filter(|line| line.text("event_name") == "memdoor.oom.kill").count()
}

#[test]
fn a_text_of_any_name_that_holds_the_kernels_words_is_read() {
    for name in ["_raw", "_msg", "SyslogMessage", "_z", "Body", "_Source", "MESSAGE_TEXT"] {
        for text in [KILL.to_owned(), format!("Nov 30 10:00:01 h kernel: {KILL}")] {
            let compact = format!("{{\"_time\":\"2026-11-30T10:00:01Z\",\"{name}\":\"{text}\",\"host\":\"h\"}}\n");
            let pretty = format!("{{\n  \"host\": \"h\",\n  \"{name}\": \"{text}\"\n}}\n");
            let inside = format!("{{\"a\":{{\"{name}\":\"{text}\"}}}}\n");
            for log in [compact, pretty, inside] {
                assert_eq!(kills(&log), 1, "{log}");
            }
        }
    }
    // The journal's own fields say what a process is called and runs.
    for name in ["_COMM", "_CMDLINE", "SYSLOG_IDENTIFIER"] {
        assert_eq!(kills(&format!("{{\"{name}\":\"{KILL}\",\"MESSAGE\":\"hello\"}}\n")), 0, "{name}");
    }
}

#[test]
fn an_object_that_is_a_members_value_is_no_record_of_its_own_whether_it_is_on_one_line_or_several() {
    let compact = format!(
        "{{\"@timestamp\":\"2026-11-30T10:00:01.5Z\",\"event\":{{\"original\":\"Nov 30 10:00:01 h kernel: {KILL}\"}},\"message\":\"{KILL}\"}}\n"
    );
    let pretty = format!(
        "{{\n  \"@timestamp\": \"2026-11-30T10:00:01.5Z\",\n  \"event\": {{\n    \"original\": \"Nov 30 10:00:01 h kernel: {KILL}\"\n  }},\n  \"message\": \"{KILL}\"\n}}\n"
    );
    for log in [compact, pretty.clone()] {
        assert_eq!(kills(&log), 1, "{log}");
    }
    // The next object is another record, and so is one of an array inside of one.
    let other = pretty.replace("process 8", "process 9");
    assert_eq!(kills(&[&*pretty, &other].concat()), 2);
    assert_eq!(kills(&format!("{{\n  \"hits\": {{\n    \"hits\": [\n{pretty},\n{other}\n    ]\n  }}\n}}\n")), 2);
}

#[test]
fn what_a_program_has_written_to_dev_kmsg_is_not_the_kernels_in_any_form_of_the_journal() {
    let json = |facility: u8| {
        let fields = [
            format!("\"SYSLOG_FACILITY\":\"{facility}\""),
            "\"_TRANSPORT\":\"kernel\"".into(),
            "\"SYSLOG_IDENTIFIER\":\"kernel\"".into(),
            format!("\"MESSAGE\":\"{KILL}\""),
        ];
        let reversed: Vec<String> = fields.iter().rev().cloned().collect();
        [format!("{{{}}}\n", fields.join(",")), format!("{{{}}}\n", reversed.join(","))]
    };
    let export = |facility: u8| {
        format!(
            "__REALTIME_TIMESTAMP=1\n_TRANSPORT=kernel\nSYSLOG_FACILITY={facility}\nSYSLOG_IDENTIFIER=kernel\nMESSAGE={KILL}\n\n"
        )
    };
    let verbose = |facility: u8| {
        format!(
            "Fri 2025-11-21 10:03:52.027622 UTC [s=a;i=1;b=c;m=d;t=e;x=f]\n    _TRANSPORT=kernel\n    SYSLOG_FACILITY={facility}\n    SYSLOG_IDENTIFIER=kernel\n    MESSAGE={KILL}\n"
        )
    };
    for (facility, expected) in [(0, 1), (1, 0), (3, 0)] {
        let [first, last] = json(facility);
        for log in [first, last, export(facility), verbose(facility)] {
            assert_eq!(kills(&log), expected, "{log}");
        }
    }
}
