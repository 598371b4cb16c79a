//! `memdoor dmesg FILE.journal`: what a file of systemd-journald tells of the OOM killer.

use crate::common;

use std::fs;
use std::path::Path;

use common::host::TempDir;
use common::journal::{BOOTS, LATE_US, Layout, MACHINE, Remote, Told, export, fixture, story};
use common::json::Json;
use common::run::{Ended, memdoor, run_command, through_shell};
use common::skip;

const LAYOUT: Layout = Layout { is_compact: true, is_keyed: true, is_packed: true };

fn dmesg(path: &str) -> Ended {
    let mut command = memdoor(&["dmesg", "--format", "json", path]);
    command.env("TZ", "UTC");
    run_command(command)
}

fn events(ended: &Ended) -> Vec<Json> {
    let lines = ended.out.lines().map(Json::parse);
    lines.filter(|line| line.text("event_name") == "memdoor.oom.kill").collect()
}

/// Of each kill that the kernel has told of in the story: the PID, the moment, and when since boot.
fn kills() -> Vec<[u64; 3]> {
    let is_kernel =
        |told: &&Told| told.field("_TRANSPORT") == Some(b"kernel") && told.field("SYSLOG_FACILITY") == Some(b"0");
    let kill = |told: Told| {
        let text = String::from_utf8_lossy(told.field("MESSAGE")?).into_owned();
        let (_, behind) = text.split_once("Killed process ")?;
        let pid = behind.split(' ').next()?.parse().ok()?;
        Some([pid, told.realtime - LATE_US, told.monotonic - LATE_US])
    };
    story().iter().filter(is_kernel).cloned().filter_map(kill).collect()
}

#[test]
fn the_kernels_kills_of_a_journal_have_their_own_time_and_boot_and_nobody_elses_are_among_them() {
    let dir = TempDir::new();
    let path = dir.write("system.journal", &fixture(LAYOUT));
    let ended = dmesg(&path);
    let found = events(&ended);
    let numbers = |event: &Json| {
        ["memdoor.oom.killed.pid", "memdoor.oom.boot_us"]
            .map(|name| u64::try_from(event.number(name)).expect("a number"))
    };
    let expected = kills();
    assert!(expected.len() > 30);
    let pairs: Vec<[u64; 2]> = expected.iter().map(|[pid, _, boot]| [*pid, *boot]).collect();
    assert_eq!(found.iter().map(numbers).collect::<Vec<_>>(), pairs, "{ended:?}");
    for (event, [_, us, _]) in found.iter().zip(&expected) {
        let seconds = us / 1_000_000 - 1_764_000_000;
        let (day, seconds) = (24 + (57_600 + seconds) / 86_400, (57_600 + seconds) % 86_400);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = format!("2025-11-{day}T{hour:02}:{minute:02}:{second:02}.{:06}Z", us % 1_000_000);
        assert_eq!(event.text("timestamp"), time);
        let boot = BOOTS[usize::from(day == 25)];
        assert_eq!(event.text("host.boot.id"), boot);
    }
    // What was not read is said.
    let warning = format!(
        "memdoor: warning: {path}: not all of this file of systemd-journald could be read, and events may be missing: \
         2 values of more than 64 KiB were not read, 154 messages of the kernel were missed by journald\n"
    );
    assert_eq!((ended.code(), ended.err), (4, warning));
    // The same by standard input, as long as it is a file.
    let words = memdoor(&["dmesg", "--format", "json", "-"]);
    let ended = run_command(through_shell(&format!("\"$@\" < {path}"), &words));
    assert_eq!(events(&ended).len(), expected.len());
    let ended = run_command(through_shell(&format!("cat {path} | \"$@\""), &words));
    assert_eq!((ended.code(), ended.out.as_str()), (4, ""));
    assert!(ended.err.contains("it is a file of systemd-journald: nothing of it was read. Type: "), "{}", ended.err);
}

#[test]
fn a_damaged_journal_gives_what_it_holds_and_one_of_a_later_systemd_is_no_all_clear() {
    let dir = TempDir::new();
    let mut file = fixture(LAYOUT);
    let path = dir.write("cut.journal", &file[..file.len() / 8]);
    let ended = dmesg(&path);
    let found = events(&ended).len();
    assert!(ended.code() == 4 && found > 0 && found < kills().len(), "{found}: {ended:?}");
    assert!(
        ended.err.contains(" bytes are cut off at its end, ") && ended.err.contains(" entries are missing"),
        "{}",
        ended.err
    );
    file[13] = 1;
    let path = dir.write("later.journal", &file);
    let ended = dmesg(&path);
    let warning = format!(
        "memdoor: warning: {path}: it was written by a later systemd in a way that is not known here (incompatible flags \
         0x100): nothing of it was read. Type: journalctl --file {path} _TRANSPORT=kernel -o short-iso | memdoor dmesg -\n"
    );
    assert_eq!((ended.code(), ended.out.as_str(), ended.err), (4, "", warning));
}

/// Each record of a log of the kernel's ring buffer as journald would have taken it; None where lines have other prefixes.
fn entries(log: &str) -> Option<Vec<Told>> {
    let mut all: Vec<(u64, String)> = Vec::new();
    for line in log.lines() {
        match line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
            Some((time, text)) => {
                let (seconds, micros) = time.trim().split_once('.')?;
                let us = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
                all.push((us, text.into()));
            }
            // A further line of a record, as far to the right as its first.
            None => {
                let text = &mut all.last_mut()?.1;
                text.push('\n');
                text.push_str(line.strip_prefix("               ")?);
            }
        }
    }
    let entry = |(us, text): (u64, String)| {
        let fields = [
            ("_BOOT_ID", BOOTS[0]),
            ("_MACHINE_ID", MACHINE),
            ("_HOSTNAME", "db1"),
            ("_TRANSPORT", "kernel"),
            ("SYSLOG_FACILITY", "0"),
            ("SYSLOG_IDENTIFIER", "kernel"),
            ("_SOURCE_MONOTONIC_TIMESTAMP", &us.to_string()),
            ("MESSAGE", &text),
        ];
        let fields = fields.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).to_vec();
        Told { realtime: 1_764_000_000_000_000 + us + LATE_US, monotonic: us + LATE_US, fields }
    };
    Some(all.into_iter().map(entry).collect())
}

/// What is said of a kill, but for what the journal alone knows.
fn facts(event: &Json) -> Vec<(String, Json)> {
    let is_same = |path: &str| {
        let is_place = path.ends_with(".line") || path.ends_with(".record");
        path.starts_with("memdoor.oom.") && path != "memdoor.oom.log_time" && !is_place
    };
    let leaves = event.leaves().into_iter().map(|(path, leaf)| (path, leaf.clone()));
    leaves.filter(|(path, _)| is_same(path)).collect()
}

#[test]
fn a_log_of_the_kernel_says_the_same_as_a_journal() {
    let Some(remote) = Remote::find() else {
        return skip("needs systemd-journal-remote: apt-get install systemd-journal-remote");
    };
    let dir = TempDir::new();
    let mut count = 0;
    for log in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dmesg")).expect("fixtures") {
        let log = log.expect("a fixture").path();
        let text = fs::read_to_string(&log).unwrap_or_default();
        let Some(entries) = entries(&text) else {
            continue;
        };
        count += 1;
        let journal = dir.path().join(format!("{count}.journal"));
        remote.write(LAYOUT, &export(&entries), &journal);
        let plain = events(&dmesg(log.to_str().expect("UTF-8")));
        let ended = dmesg(journal.to_str().expect("UTF-8"));
        assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{}", log.display());
        let found = events(&ended);
        assert_eq!(found.len(), plain.len(), "{}", log.display());
        for (found, plain) in found.iter().zip(&plain) {
            let (found, plain) = (facts(found), facts(plain));
            let differ = found
                .iter()
                .filter(|fact| !plain.contains(fact))
                .chain(plain.iter().filter(|fact| !found.contains(fact)));
            assert_eq!(differ.collect::<Vec<_>>(), Vec::<&(String, Json)>::new(), "{}", log.display());
        }
    }
    assert!(count > 3, "{count}");
}
