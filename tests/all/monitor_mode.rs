//! `memdoor monitor` as its users run it.

use crate::common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::host::{TempDir, is_root, works};
use common::json::Json;
use common::run::{Ended, Running, command, memdoor, run, run_command, through, through_shell};
use common::skip;
use common::target::{Victim, path};
use nix::sys::signal::Signal;

/// What a host does beside the tests is no matter of theirs.
const HOST_OFF: [&str; 8] =
    ["--alert", "psi=off", "--alert", "fragmentation=off", "--alert", "memory=off", "--alert", "swap=off"];

/// The document's, letter by letter.
const HEADER: &str =
    "Timestamp,Total_KB,Used_KB,Free_KB,Available_KB,Buffers_KB,Cached_KB,Usage_Percent,Top_Process,Top_Process_Mem";

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(Json::parse).collect()
}

/// In pid and mount namespaces of its own, where nobody else grows: `script` runs first, then memdoor with these arguments.
fn alone(script: &str, args: &[&str]) -> std::process::Command {
    let memdoor = memdoor(args);
    let mut words = vec![memdoor.get_program().to_owned()];
    words.extend(memdoor.get_args().map(ToOwned::to_owned));
    let mut command = command("unshare", &["-mpf", "--mount-proc", "sh", "-c"]);
    command.arg(format!("{script}\nexec \"$@\"")).arg("sh").args(words);
    command.env("VICTIM", path());
    command
}

// Who is named

#[test]
fn a_leak_of_memory_and_of_descriptors_a_zombie_and_a_full_tmpfs_are_named() {
    if !is_root() {
        return skip("only root may make pid and mount namespaces");
    }
    let dir = TempDir::new();
    let script = format!(
        "mount -t tmpfs -o size=64m none {0} || exit 9
        for verb in 'leak 2' 'fds 1 20' zombie; do sleep 100 | $VICTIM $verb >/dev/null & done
        (sleep 4; head -c 30000000 /dev/zero > {0}/filler) &",
        dir.path().display()
    );
    let mut args = vec!["monitor", "--analyze", "--minutes", "0.25", "-i", "1"];
    args.extend(HOST_OFF);
    let ended = run_command(alone(&script, &args));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    // Sentences wrap.
    let out = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let short = &out[..out.find("THE HOST").expect("a table")];
    assert!(short.contains("Growing: victim (PID "), "{short}");
    assert!(short.contains(", 1 of victim (PID "), "{short}");
    assert!(short.contains(" descriptors, "), "{short}");
    let tmpfs = format!("{} (tmpfs) has 28.6 MiB, 28.6 MiB more", dir.path().display());
    assert!(short.contains(&tmpfs), "{short}");
    // 2 MiB/s, within a fifth.
    let growth = ended.out.split("WHO GROWS").nth(1).expect("a table");
    let row = growth.lines().nth(2).expect("a row");
    let figures: Vec<&str> = row.split_whitespace().collect();
    let rate: f64 = figures[5].parse().expect("kB/s");
    assert!((1638.0..=2458.0).contains(&rate), "{row}");
    let r2: f64 = figures[6].parse().expect("R2");
    assert!(r2 > 0.9, "{row}");
    assert!(ended.err.contains("ALERT victim (PID "), "{}", ended.err);
    assert!(ended.out.lines().all(|line| line.len() <= 100), "{}", ended.out);
}

#[test]
fn who_grew_and_has_gone_is_not_nobody() {
    if !is_root() {
        return skip("only root may make pid and mount namespaces");
    }
    let mut args = vec!["monitor", "--analyze", "--minutes", "0.2", "-i", "0.5"];
    args.extend(HOST_OFF);
    let ended = run_command(alone("sleep 100 | timeout -s KILL 8 $VICTIM leak 8 >/dev/null &", &args));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let out = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(ended.err.contains("ALERT victim (PID "), "{}", ended.err);
    assert!(
        out.contains("Nobody grows steadily now (R2 above 0.8) by more than 10.00 % and 16 MiB; victim (PID "),
        "{out}"
    );
    assert!(out.contains(") did before, and has ended or grows no more."), "{out}");
}

#[test]
fn who_turned_the_alert_of_growth_off_is_told_who_grows_and_what_is_called_growth() {
    if !is_root() {
        return skip("only root may make pid and mount namespaces");
    }
    let mut args = vec!["monitor", "--analyze", "--minutes", "0.1", "-i", "0.5", "--alert", "growth=off"];
    args.extend(HOST_OFF);
    for (script, said) in [
        ("", "Nobody grows steadily now (R2 above 0.8) by more than 10.00 % and 16 MiB."),
        ("sleep 100 | $VICTIM leak 8 >/dev/null &", "Growing: victim (PID "),
    ] {
        let ended = run_command(alone(script, &args));
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let out = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(out.contains(said), "{out}");
        assert!(!ended.err.contains(" grew by "), "{}", ended.err);
    }
}

#[test]
fn a_quiet_machine_raises_nothing() {
    if !is_root() {
        return skip("only root may make pid and mount namespaces");
    }
    let mut args = vec!["monitor", "0.1", "1", "--format", "json"];
    args.extend(HOST_OFF);
    let ended = run_command(alone("sleep 100 | $VICTIM hold 64 >/dev/null &", &args));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let rows = lines(&ended.out);
    // The kernel's log is everybody's: tests beside this one let it kill in cgroups.
    let is_alert =
        |line: &&Json| line.text("event_name") == "memdoor.alert" && line.text("memdoor.alert.kind") != "oom_kill";
    assert_eq!(rows.iter().filter(is_alert).count(), 0, "{}", ended.out);
    let samples = rows.iter().filter(|line| line.number_at("memdoor.host.used_bytes").is_some());
    assert_eq!(samples.count(), 7);
}

#[test]
fn an_alert_is_said_once_and_is_an_exit_code_if_that_was_asked_for() {
    let args = ["monitor", "0.05", "1", "--alert", "memory=0", "--alert", "growth=off", "--exit-code"];
    let ended = run(&args);
    assert_eq!(ended.code(), 3, "{ended:#?}");
    let alerts = ended.out.lines().filter(|line| line.starts_with("  ALERT memory "));
    assert_eq!(alerts.count(), 1, "{}", ended.out);
}

// Files

#[test]
fn a_session_has_eight_files_and_the_memory_file_is_the_documents() {
    let dir = TempDir::new();
    let session = dir.join("session");
    let ended = run(&["monitor", "0.05", "1", "-o", &session, "--format", "json"]);
    assert_eq!((ended.code(), &*ended.out), (0, ""), "{ended:#?}");
    let mut names: Vec<String> = fs::read_dir(&session)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    let kinds: Vec<&str> = names
        .iter()
        .map(|name| {
            let rest = name.strip_prefix("memory_monitor_").and_then(|name| name.strip_suffix(".log"));
            // The time is 15 characters.
            &rest.expect("its name")[16..]
        })
        .collect();
    assert_eq!(kinds, ["alerts", "cgroups", "fragmentation", "memory", "pressure", "processes", "summary", "swap"]);
    for (name, kind) in names.iter().zip(kinds) {
        let file = format!("{session}/{name}");
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{name}");
        let text = fs::read_to_string(file).expect("UTF-8");
        if kind == "memory" {
            let rows: Vec<&str> = text.lines().collect();
            assert_eq!((rows[0], rows.len()), (HEADER, 5), "{text}");
            assert!(rows[1..].iter().all(|row| row.split(',').count() == 10), "{text}");
        } else {
            // Each line is an object.
            let _ = lines(&text);
        }
    }
    assert!(ended.err.contains("the summary is in "), "{}", ended.err);
}

#[test]
fn sigterm_writes_the_summary_and_sighup_opens_files_anew() {
    let dir = TempDir::new();
    let place = dir.path().to_str().expect("UTF-8").to_owned();
    let running = Running::start(memdoor(&["monitor", "0", "1", "-o", &place]));
    let find = |kind: &str| {
        common::run::poll("the file of a session", || {
            let mut all = fs::read_dir(dir.path()).expect("a directory");
            all.find_map(|entry| {
                let path = entry.expect("an entry").path();
                let is_it = path.to_str().expect("UTF-8").ends_with(&format!("_{kind}.log"));
                (is_it && fs::metadata(&path).expect("a file").len() > 0).then_some(path)
            })
        })
    };
    let memory = find("memory");
    let moved = dir.join("moved");
    fs::rename(&memory, &moved).expect("renamed");
    running.signal(Signal::SIGHUP);
    let again = find("memory");
    assert_eq!(again, memory);
    running.signal(Signal::SIGTERM);
    let ended = running.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let summary = fs::read_to_string(find("summary")).expect("UTF-8");
    assert!(summary.starts_with("IN SHORT "), "{summary}");
    let first = fs::read_to_string(again).expect("UTF-8");
    assert!(first.starts_with(HEADER), "{first}");
}

/// A session of three samples on a disk without room; what frees some in between stands in `script`.
fn on_a_full_disk(script: &str, args: &[&str]) -> Option<Ended> {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        skip("needs root and a mount namespace for a disk that can be filled");
        return None;
    }
    let script = format!(
        "d=$(mktemp -d) && mount -t tmpfs -o size=256k none $d && cd $d || exit 9; dd if=/dev/zero of=ballast bs=4k 2>/dev/null; {script} \"$@\"; code=$?; wait; umount -l $d; rmdir $d; exit $code"
    );
    Some(run_command(through(&["unshare", "-m", "sh", "-c", &script, "sh"], &memdoor(args))))
}

#[test]
fn a_file_for_prometheus_that_could_never_be_written_is_an_error() {
    let args = ["monitor", "0.03", "1", "--config", "/dev/null", "--format", "csv", "--prometheus", "x.prom"];
    let Some(ended) = on_a_full_disk("", &args) else {
        return;
    };
    assert_eq!(ended.code(), 1, "{ended:#?}");
    let said: Vec<&str> = ended.err.lines().filter(|line| line.contains("x.prom")).collect();
    let expected = [
        "memdoor: cannot write x.prom: no space left on device (ENOSPC); sampling goes on",
        "memdoor: x.prom was never written: none of its samples could be",
    ];
    assert_eq!(said, expected, "{ended:#?}");
    assert!(ended.out.lines().count() >= 3, "the samples stand on standard output: {ended:#?}");
    // The control: there is room again, and the last sample is what counts.
    let ended = on_a_full_disk("(sleep 1.5; rm ballast) &", &args).expect("as before");
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

#[test]
fn a_session_that_lost_rows_says_so_with_its_exit_code() {
    let args = ["monitor", "0.05", "1", "--config", "/dev/null", "-o", "."];
    let Some(ended) = on_a_full_disk("(sleep 1.5; rm ballast) &", &args) else {
        return;
    };
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert!(ended.err.contains("(ENOSPC); sampling goes on"), "{ended:#?}");
    let ended = on_a_full_disk("rm ballast;", &args).expect("as before");
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

#[test]
fn csv_that_can_not_be_written_is_an_error() {
    let words = memdoor(&["monitor", "0.02", "1", "--config", "/dev/null", "--format", "csv"]);
    let ended = run_command(through_shell("\"$@\" > /dev/full", &words));
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(ended.err.contains("cannot write standard output: no space left on device (ENOSPC)"), "{ended:#?}");
}

// The command line

/// A hybrid host where the v1 hierarchy of memory is not mounted: the unified one is, and has no memory controller.
#[test]
fn without_the_memory_controller_there_are_no_cgroups_and_a_note() {
    let script = "umount -l /sys/fs/cgroup/memory && exec \"$@\"";
    let has_unified = std::fs::read_to_string("/proc/self/mountinfo").is_ok_and(|text| text.contains(" - cgroup2 "));
    if !has_unified || !works(&["unshare", "-m", "sh", "-c", "umount -l /sys/fs/cgroup/memory"]) {
        return skip("needs root and a hybrid host, with cgroup v1's memory and cgroup2");
    }
    let without = |words: &[&str]| run_command(through(&["unshare", "-m"], &through_shell(script, &memdoor(words))));
    let ended = without(&["monitor", "0.02", "0.2", "--analyze"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let said = "no cgroup is seen: no hierarchy with the memory controller is mounted here";
    let words: Vec<&str> = ended.out.split_whitespace().collect();
    assert!(words.join(" ").contains(said), "{ended:#?}");
    let ended = without(&["scores", "--next"]);
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert!(ended.err.contains("no memory controller is mounted here"), "{ended:#?}");
}

#[test]
fn a_process_with_more_threads_than_its_limit_is_named() {
    let victim = Victim::start(&["leak", "--wait", "--idle", "40", "0"]);
    let alerts = |limit: &str| {
        let limit = format!("threads={limit}");
        let ended = run(&["monitor", "0.02", "0.4", "--format", "csv", "--alert", &limit]);
        assert_eq!(ended.code(), 0, "{ended:#?}");
        ended.err.contains(&format!("ALERT victim (PID {}) has 41 threads (limit 39)\n", victim.id()))
    };
    assert!(alerts("39"));
    assert!(!alerts("60"));
}

#[test]
fn what_is_wrong_is_said_with_what_is_allowed() {
    let alert = "NAME=PERCENT, zombies=NUMBER, threads=NUMBER or NAME=off, as in memory=80, swap=0, zombies=0, fds=80, growth=10, psi=10, fragmentation=95, threads=10000";
    for (args, expected) in [
        (
            &["monitor", "x"][..],
            "memdoor: --minutes: 'x' is not allowed: minutes from 0.01 to 31536000, fractions allowed; 0 until it is stopped\n".to_owned(),
        ),
        (&["monitor", "1", "2", "3"], "memdoor: unexpected operand '3': see memdoor monitor --help\n".to_owned()),
        (&["monitor", "--alert", "cpu=3"], format!("memdoor: --alert: 'cpu=3' is not allowed: {alert}\n")),
        (&["monitor", "--format", "xml"], "memdoor: --format: 'xml' is not allowed: csv, json or text\n".to_owned()),
    ] {
        let ended = run(args);
        assert_eq!((ended.code(), ended.err), (2, expected));
    }
    let ended = run(&["monitor", "-o", "/proc/none/here", "0.05", "1"]);
    assert_eq!(ended.code(), 1, "{ended:#?}");
    let words = "memdoor: cannot create files in /proc/none/here: /proc/none: no such file or directory (ENOENT)\n";
    assert!(ended.err.starts_with(words), "{}", ended.err);
}

#[test]
fn options_may_stand_in_the_configuration() {
    let dir = TempDir::new();
    let file = dir.join("memdoor.conf");
    fs::write(&file, "[monitor]\ntop = 3\nalert = memory=0\nalert = growth=off\nexit-code = yes\n").expect("written");
    let ended = run(&["monitor", "--config", &file, "--print-config"]);
    let line = format!("top = 3                                  # {file}:2");
    assert!(ended.out.contains(&line), "{}", ended.out);
    let ended = run(&["monitor", "0.05", "1", "--config", &file]);
    assert_eq!(ended.code(), 3, "{ended:#?}");
    fs::write(&file, "[monitor]\nspeed = 3\n").expect("written");
    let ended = run(&["monitor", "--config", &file]);
    assert_eq!(ended.code(), 2);
    assert!(ended.err.starts_with(&format!("memdoor: {file}:2: unknown name 'speed'")), "{}", ended.err);
    // A line that would do nothing is no silent one.
    for (text, told) in [
        ("top = 3\n", "1: 'top = 3' stands above any section, and so is of memdoor kill: type [monitor] above it"),
        ("[watch]\nquiet = yes\n", "1: '[watch]' is no section: they are [kill] and [monitor]"),
    ] {
        fs::write(&file, text).expect("written");
        let ended = run(&["monitor", "--config", &file]);
        assert_eq!(ended.code(), 2);
        assert!(ended.err.starts_with(&format!("memdoor: {file}:{told}")), "{}", ended.err);
    }
}

// What it shows

#[test]
fn one_that_leaks_is_the_largest_and_hostile_names_are_escaped() {
    let target = Victim::start(&["comm", "\\n=cmd|\\x1b[2J"]);
    let ended = run(&["monitor", "0.05", "1", "--format", "csv"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(ended.out.starts_with(HEADER), "{}", ended.out);
    let ended = run(&["monitor", "0.02", "1", "--top", "100"]);
    assert!(!ended.out.contains('\u{1b}'), "{}", ended.out);
    drop(target);
}
