//! What systemd says of OOM kills in its units: where no kernel log tells of one, no log is clean.

use crate::common;

use common::host::TempDir;
use common::run::{Ended, memdoor, run_command};

const QUIET: &str = "Nov 21 10:00:00 web1 kernel: usb 1-1: new device\n";
const KILLED: &str = "A process of this unit has been killed by the OOM killer.";

fn ask(args: &[&str]) -> Ended {
    let mut command = memdoor(&[&["dmesg"], args].concat());
    command.env("TZ", "UTC");
    run_command(command)
}

fn systemd(time: &str, words: &str) -> String {
    format!("Nov 21 {time} web1 systemd[1]: {words}\n")
}

fn kill(time: &str) -> String {
    format!(
        "Nov 21 {time} web1 kernel: Out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:44kB oom_score_adj:0\n"
    )
}

#[test]
fn a_kill_that_systemd_alone_reports_is_named_once_for_each_unit_and_no_log_is_clean() {
    let dir = TempDir::new();
    let both = [
        systemd("10:08:31", &format!("db.service: {KILLED}")),
        systemd("10:08:32", "db.service: Main process exited, code=killed, status=9/KILL"),
        systemd("10:08:32", "db.service: Failed with result 'oom-kill'."),
        systemd("11:08:32", "web.service: Failed with result 'oom-kill'."),
    ]
    .concat();
    let log = dir.write("syslog", format!("{QUIET}{both}").as_bytes());
    let ended = ask(&[&log]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    for (unit, time) in
        [("db.service", "Nov 21 10:08:31 and last at Nov 21 10:08:32"), ("web.service", "Nov 21 11:08:32")]
    {
        let said = format!(
            "memdoor: warning: {log}: systemd reports an OOM kill in {unit} at {time}, and no log that was read has the kernel's report of it"
        );
        assert_eq!(ended.err.matches(&said).count(), 1, "{}", ended.err);
    }
    assert_eq!(ended.err.matches("hint: ").count(), 1, "{}", ended.err);
    // With the kernel's report of the first, in the same log or in another, the second is left.
    let report = dir.write("kern.log", kill("10:08:30").as_bytes());
    let whole = dir.write("whole", format!("{}{both}", kill("10:08:30")).as_bytes());
    for logs in [&[log.as_str(), report.as_str()][..], &[report.as_str(), log.as_str()], &[whole.as_str()]] {
        let ended = ask(logs);
        assert_eq!(ended.code(), 4, "{ended:?}");
        assert!(!ended.err.contains("db.service") && ended.err.contains("OOM kill in web.service at"), "{}", ended.err);
    }
    // To cron in words once.
    let state = dir.path().join("state");
    let state = state.to_str().expect("UTF-8");
    for said in [2, 0] {
        let ended = ask(&["--since-last", state, &log]);
        assert_eq!((ended.code(), ended.err.matches("systemd reports").count()), (4, said), "{}", ended.err);
    }
}

#[test]
fn no_kill_is_made_of_what_another_says_or_of_what_was_not_asked_for() {
    let dir = TempDir::new();
    for line in [
        systemd("10:08:31", "db.service: Failed with result 'exit-code'."),
        systemd("10:08:31", &format!("db: {KILLED}")),
        format!("Nov 21 10:08:31 web1 app[1]: db.service: {KILLED}\n"),
        // systemd-oomd's have the same result.
        systemd("10:08:31", "db.service: systemd-oomd killed 2 process(es) in this unit.")
            + &systemd("10:08:32", "db.service: Failed with result 'oom-kill'."),
    ] {
        let log = dir.write("syslog", format!("{QUIET}{line}").as_bytes());
        let ended = ask(&[&log]);
        assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{line}");
    }
    let line = systemd("10:08:31", &format!("db.service: {KILLED}"));
    let log = dir.write("syslog", format!("{QUIET}{line}").as_bytes());
    for (args, code) in [
        (["--until", "2020-01-01"], 4), // Its log begins later.
        (["--cgroup", "/system.slice/web.service"], 0),
        (["--cgroup", "/system.slice/db.service"], 4),
    ] {
        let ended = ask(&[&args[..], &[&log]].concat());
        assert_eq!(ended.code(), code, "{args:?} {}", ended.err);
        assert_eq!(ended.err.contains("systemd reports"), args[1].contains("db."), "{args:?} {}", ended.err);
    }
}

#[test]
fn the_journals_forms_have_it_too_and_many_units_are_counted() {
    let dir = TempDir::new();
    let object = format!(
        "{{\"_TRANSPORT\":\"journal\",\"SYSLOG_IDENTIFIER\":\"systemd\",\"__REALTIME_TIMESTAMP\":\"1795255711000000\",\"MESSAGE\":\"db.service: {KILLED}\"}}\n"
    );
    let export = format!(
        "__REALTIME_TIMESTAMP=1795255711000000\nSYSLOG_IDENTIFIER=systemd\n_TRANSPORT=journal\nMESSAGE=db.service: {KILLED}\n\n"
    );
    for text in [object, export] {
        let ended = ask(&[&dir.write("log", text.as_bytes())]);
        assert_eq!(ended.code(), 4, "{ended:?}");
        assert!(ended.err.contains("OOM kill in db.service at 2026-11-21 10:08:31, "), "{}", ended.err);
    }
    let many: String = (0..1000).map(|number| systemd("10:08:31", &format!("app{number}.service: {KILLED}"))).collect();
    let ended = ask(&[&dir.write("log", format!("{QUIET}{many}").as_bytes())]);
    assert_eq!(ended.err.matches("systemd reports").count(), 8, "{}", ended.err);
    assert!(ended.err.contains("the same of at least 248 more units"), "{}", ended.err);
}
