//! What a watch remembers: samples, growth, forecast, what grew; and snapshots because the host is in trouble.

use crate::common;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use memdoor::host::Host;
use memdoor::parse::pressure::Stall;
use nix::sys::signal::Signal;

use common::host::{TempDir, is_root, works};
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::report::{BELOW, END, Report};
use common::run::{Process, Running, command, memdoor, run, run_command, through, through_shell};
use common::skip;
use common::target::{Victim, victim};

const HISTORY: &str = "##### PROCESS MEMORY HISTORY INFORMATION #####";
const COLUMNS: &str = "SECONDS AGO  RSS kB      ANON kB     SWAP kB     AVAILABLE kB CGROUP kB   FULL %";

/// A snapshot that was asked for now.
fn asked(watch: &mut Running) -> Report {
    watch.signal(Signal::SIGUSR1);
    let report = watch.next_report();
    assert!(report.is_full_snapshot(), "{report:#?}");
    report
}

/// The rows of the table: the columns as numbers, `None` for what is not known.
fn rows(report: &Report) -> Vec<Vec<Option<f64>>> {
    let section = report.section(HISTORY);
    assert_eq!(section.first().map(String::as_str), Some(COLUMNS));
    let is_row = |line: &&String| line.starts_with(|c: char| c.is_ascii_digit());
    let number = |word: &str| word.parse().ok();
    section[1..]
        .iter()
        .take_while(is_row)
        .map(|line| {
            assert!(line.len() <= 80, "{line:?}");
            let row: Vec<_> = line.split_whitespace().map(number).collect();
            assert_eq!(row.len(), 7, "{line:?}");
            row
        })
        .collect()
}

/// kB a second, and R2.
fn growth(report: &Report) -> (f64, f64) {
    let words: Vec<_> = report.value("RSS Growth").split(' ').collect();
    let r2 = words.last().and_then(|word| word.strip_suffix(')'));
    let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("{words:?}"));
    (number(words[0]), number(r2.expect("R2")))
}

// The curve

#[test]
fn a_leak_is_measured_within_a_tenth() {
    let mut target = Victim::start(&["leak", "--wait", "20", "200"]);
    let id = target.id();
    let mut watch = Running::start(memdoor(&["-p", &id, "-m", "99", "-i", "60"]));
    assert!(watch.next_report().is_below());
    target.go();
    target.reaches(60 * 1024);
    let report = asked(&mut watch);
    let (speed, r2) = growth(&report);
    assert!((18_432.0..=22_528.0).contains(&speed), "{speed} kB/s");
    assert!(r2 > 0.95, "{r2}");
    let rows = rows(&report);
    assert!((6..=12).contains(&rows.len()), "{rows:?}");
    let column = |at: usize| rows.iter().map(move |row| row[at].expect("known"));
    assert!(column(0).is_sorted_by(|old, new| old > new), "{rows:?}");
    assert!(column(1).is_sorted(), "{rows:?}");
    assert!(column(4).all(|available| available > 0.0), "{rows:?}");
    let last = column(1).next_back().expect("a row");
    let reported = report.kib("Process RSS Memory Usage");
    assert!(last <= reported as f64 && last >= 50_000.0, "{rows:?}");
    let curve = report.value("RSS Curve");
    let (marks, words) = curve.split_at(40);
    assert!(marks.starts_with('_') && marks.ends_with('#'), "{curve}");
    assert!(marks.bytes().all(|mark| b"_.-:=+*#".contains(&mark)));
    assert!(words.contains(" kB in "), "{curve}");
}

#[test]
fn the_forecast_of_a_groups_limit_comes_true() {
    for mib in [64, 128] {
        let Some(group) = Memcg::or_skip(Some(mib * MIB)) else {
            return;
        };
        let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "20"])));
        let id = target.id();
        // Nothing but the forecast says that it is in danger.
        let mut watch = Running::start(memdoor(&["-p", &id, "-i", "60", "--format", "json"]));
        watch.until_with("\"memdoor.snapshot.end\"");
        target.go();
        target.reaches(mib * 1024 / 2);
        watch.signal(Signal::SIGUSR1);
        let (_, line) = watch.until_with("\"memdoor.snapshot.history\"");
        let line = Json::parse(&line);
        let foreseen = line.number("memdoor.forecast.left_us");
        assert_eq!(line.text("memdoor.forecast.kind"), "cgroup_limit");
        let last = Duration::from_secs(120).as_micros();
        assert!(foreseen > 0 && u128::try_from(foreseen).expect("positive") < last);
        let bytes = line.number("memdoor.growth.bytes_per_second");
        assert!((18 << 20..=22 << 20).contains(&bytes), "{bytes}");
        let at = seconds(&line);
        let ended = watch.end();
        let lines: Vec<_> = ended.out.lines().map(Json::parse).collect();
        let is_death = |line: &&Json| line.text_at("memdoor.snapshot.kind") == Some("death");
        let Some(death) = lines.iter().find(is_death) else {
            panic!("it was not seized: {:?}", lines.last());
        };
        let took = (seconds(death) - at) * 1e6;
        let ratio = foreseen as f64 / took;
        assert!((0.7..=1.3).contains(&ratio), "{foreseen} us, {took} us");
    }
}

/// Of the minute, when a line was written.
fn seconds(line: &Json) -> f64 {
    let time = line.text("timestamp");
    let (minutes, seconds) = (&time[14..16], &time[17..26]);
    let minutes: f64 = minutes.parse().expect("minutes");
    minutes * 60.0 + seconds.parse::<f64>().expect("seconds")
}

#[test]
fn a_process_that_stays_as_it_is_has_no_end_of_its_own() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let target = Victim::start_command(group.inside(&victim(&["hold", "32"]))).settled();
    let id = target.id();
    let ended = run(&["-p", &id, "-i", "0.2", "-c", "8"]);
    let report = ended.reports().pop().expect("a report");
    // A page more or less.
    assert!(growth(&report).0.abs() < 16.0, "{report:#?}");
    // The system's memory is other processes', which may take it meanwhile.
    let forecast = report.value("Forecast");
    let is_none = forecast == "none (flat)" || forecast.starts_with("no memory available");
    assert!(is_none, "{forecast}");
    let grown = report.value("Anonymous RSS Grown Since First Snapshot");
    assert_eq!(grown, "0 kB");
    assert!(rows(&report).iter().all(|row| row[5].is_some()), "cgroup");
}

#[test]
fn the_first_report_knows_too_little_and_says_so() {
    let target = Victim::start(&["idle"]);
    let report = run(&["-p", &target.id(), "-c", "1"]).report();
    assert_eq!(report.value("RSS Growth"), "none (too few samples yet)");
    assert_eq!(report.value("Forecast"), "none (too few samples yet)");
    assert_eq!(report.find("RSS Grown Since First Snapshot"), None);
    assert!(!rows(&report).is_empty());
}

#[test]
fn the_last_report_has_the_curve_where_it_has_an_end() {
    let target = Victim::start(&["hold", "8"]);
    let id = target.id();
    let mut watch = Running::start(memdoor(&["-p", &id, "-m", "99", "-i", "0.1"]));
    watch.until(BELOW);
    watch.until(BELOW);
    target.kill();
    let ended = watch.end();
    let reports = ended.reports();
    let last = reports.last().expect("a report");
    assert_eq!(last.value("Forecast"), "none (it is gone)");
    assert!(last.value("RSS Curve").contains(" kB in "));
    let at = |banner: &str| last.lines.iter().position(|line| line == banner);
    assert!(at(HISTORY) < at(END), "{last:#?}");
    // A report below the threshold stays as short as it was.
    assert!(reports[0].is_below() && reports[0].find("Forecast").is_none());
}

#[test]
fn json_has_a_line_for_each_sample_that_joins_its_snapshot() {
    let target = Victim::start(&["hold", "8"]);
    let ended = run(&["-p", &target.id(), "-i", "0.2", "-c", "3", "--format", "json"]);
    let lines: Vec<_> = ended.out.lines().map(Json::parse).collect();
    let named = |name: &'static str| {
        let is_it = move |line: &&Json| line.text("event_name") == name;
        lines.iter().filter(is_it)
    };
    let begin = named("memdoor.snapshot.begin").next_back().expect("a snapshot");
    let id = begin.text("memdoor.snapshot.id");
    let samples: Vec<_> =
        named("memdoor.process.sample").filter(|line| line.text("memdoor.snapshot.id") == id).collect();
    assert!((2..=12).contains(&samples.len()), "{samples:?}");
    let mut times = samples.iter().map(|line| line.text("timestamp"));
    assert!(times.clone().is_sorted(), "{samples:?}");
    // Not before it: both are whole milliseconds.
    assert!(times.next_back() <= Some(begin.text("timestamp")));
    for line in &samples {
        assert!(line.number("process.memory.usage") >= 8 << 20);
        assert!(line.number("memdoor.process.anon_bytes") >= 8 << 20);
        assert!(line.number("system.memory.linux.available") > 0);
        assert_eq!(line.number("process.pid"), i64::from(target.pid));
        assert_eq!(line.text("schema"), "memdoor/1");
    }
    let history: Vec<_> = named("memdoor.snapshot.history").collect();
    assert_eq!(history.len(), 4, "of three snapshots and the end");
    assert_eq!(history[0].number_at("memdoor.grown.rss_bytes"), None);
    assert_eq!(history[2].number("memdoor.grown.rss_bytes"), 0);
    let mapped = named("memdoor.snapshot.mapped").next().expect("a line");
    assert!(mapped.number("memdoor.mapped.anon_bytes") >= 8 << 20);
    assert!(mapped.number("memdoor.mapped.stack_bytes") > 0);
}

// What grew

/// The growers of a snapshot after it grew: kind and kB.
fn growers(report: &Report) -> Vec<(String, u64)> {
    let label = "Mapping Grown Since First Snapshot: ";
    let lines = report.lines.iter();
    lines
        .filter_map(|line| line.strip_prefix(label))
        .map(|words| {
            let (range, rest) = words.split_once(' ').expect("a range");
            assert_eq!(range.len(), 33, "{words}");
            let (kind, rest) = rest.split_once(", ").expect("a kind");
            let (_, by) = rest.split_once(" kB, by ").expect("a size");
            let by = by.strip_suffix(" kB").expect("kB").parse();
            (kind.to_string(), by.expect("a number"))
        })
        .collect()
}

/// The size of a kind of mappings.
fn size_of(report: &Report, kind: &str) -> u64 {
    let label = match kind {
        "heap" => "Mapped Heap (SIZE)",
        "anon" => "Mapped Anonymous Memory (SIZE)",
        _ => "Mapped Shared Memory (SIZE)",
    };
    report.kib(label)
}

#[test]
fn new_mappings_and_shared_memory_are_named() {
    for kind in ["anon", "shm"] {
        let mut target = Victim::start(&["grow", kind, "32"]);
        let mut watch = Running::start(memdoor(&["-p", &target.id(), "-i", "60"]));
        let first = watch.next_report();
        target.go();
        target.ready_again();
        let second = asked(&mut watch);
        let growers = growers(&second);
        let (found, by) = growers.first().expect("one has grown");
        assert_eq!((found.as_str(), *by >= 32 * 1024 - 4), (kind, true), "{growers:?}");
        let more = size_of(&second, kind) - size_of(&first, kind);
        assert!((32_768..34_000).contains(&more), "{more} kB");
    }
}

#[test]
fn a_heap_that_grows_is_named() {
    if !works(&["awk", "BEGIN {}"]) {
        return skip("needs awk, whose arrays grow the heap");
    }
    // A line is waited for by a shell: awk itself reads its input ahead.
    let fill = "BEGIN { for (i = 0; i < 20000; i++) a[i] = i \"x\"; print \"ready\"; fflush(); \
        system(\"read line\"); for (; i < 400000; i++) a[i] = i \"x\"; print \"grown\"; fflush(); \
        system(\"read line\") }";
    // Not every awk knows its number, and the shell that becomes it does.
    let script = format!("echo ready $$; exec awk '{fill}'");
    let mut shell = command("sh", &["-c", &script]);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut awk = Process::start(shell);
    let id = awk.line().trim_start_matches("ready ").trim().to_string();
    assert!(awk.line().starts_with("ready"));
    let mut watch = Running::start(memdoor(&["-p", &id, "-i", "60"]));
    let first = watch.next_report();
    std::io::Write::write_all(awk.input.as_mut().expect("a pipe"), b"\n").expect("a line");
    assert_eq!(awk.line(), "grown\n");
    let second = asked(&mut watch);
    let (before, after) = (size_of(&first, "heap"), size_of(&second, "heap"));
    if after < before + 4096 {
        return skip("this awk does not grow its heap");
    }
    let growers = growers(&second);
    let (kind, by) = growers.first().expect("one has grown");
    assert_eq!(kind, "heap", "{growers:?}");
    assert!(by.abs_diff(after - before) < 2048, "{growers:?}, {before}, {after}");
    assert!(second.kib("RSS Grown Since First Snapshot") > 4096);
}

// The host in trouble

#[test]
fn little_available_memory_takes_a_snapshot_at_once() {
    let target = Victim::start(&["idle"]);
    let id = target.id();
    let args = ["-p", &id, "-m", "99", "-c", "1", "--also-available"];
    let report = run(&[&args[..], &["1"]].concat()).report();
    if !report.is_below() {
        return skip("1 % or less of this machine's memory is available");
    }
    let report = run(&[&args[..], &["99"]].concat()).report();
    if report.is_below() {
        return skip("more than 99 % of this machine's memory is available");
    }
    assert!(report.is_full_snapshot(), "{report:#?}");
    let words = report.value("Snapshot Because");
    assert!(words.starts_with("available memory is "), "{words}");
    assert!(words.ends_with(" % of MemTotal (--also-available 99)"));
    let ended = run(&[&args[..], &["99", "--format", "json"]].concat());
    let begin = Json::parse(ended.out.lines().next().expect("a line"));
    assert_eq!(begin.text("memdoor.snapshot.reason"), "available");
}

#[test]
fn a_snapshot_for_the_threshold_gives_no_other_reason() {
    let target = Victim::start(&["idle"]);
    let report = run(&["-p", &target.id(), "-c", "1"]).report();
    assert_eq!(report.find("Snapshot Because"), None);
}

#[test]
fn pressure_is_read_and_a_bound_that_is_not_reached_takes_no_snapshot() {
    let target = Victim::start(&["idle"]);
    let bound = "full=99";
    let ended = run(&["-p", &target.id(), "-m", "99", "-c", "1", "--also-psi", bound]);
    if fs::read_to_string("/proc/pressure/memory").is_err() {
        assert_eq!(ended.code(), 1, "{ended:#?}");
        return;
    }
    // A machine that waits for memory 99 % of the time runs no tests.
    assert!(ended.report().is_below(), "{ended:#?}");
    let dir = TempDir::new();
    fs::create_dir(dir.join("pressure")).expect("a directory");
    let text = "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\n\
        full avg10=7.05 avg60=0.00 avg300=0.00 total=1\n";
    dir.write("pressure/memory", text.as_bytes());
    let mut host = Host::open(dir.c_str()).expect("a directory");
    let pressure = host.pressure().expect("pressure");
    let averages = [pressure.some, pressure.full].map(|stall| stall.map(Stall::avg10));
    assert_eq!(averages, [Some(1234), Some(705)]);
}

#[test]
fn without_pressure_stall_information_it_says_what_to_do() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, to hide /proc/pressure");
    }
    if fs::metadata("/proc/pressure").is_err() {
        return skip("this kernel has no /proc/pressure to hide");
    }
    let target = Victim::start(&["idle"]);
    let args = ["-p", &target.id(), "-m", "99", "-c", "1", "--also-psi", "some=5"];
    let script = "mount -t tmpfs none /proc/pressure && exec \"$@\"";
    let inner = through_shell(script, &memdoor(&args));
    let ended = run_command(through(&["unshare", "-m"], &inner));
    let expected = "memdoor: cannot read /proc/pressure/memory: no such file or directory (ENOENT)\n\
        hint: boot with psi=1 (a kernel with CONFIG_PSI, Linux 4.20), or leave --also-psi out\n";
    assert_eq!((ended.code(), ended.out.as_str(), ended.words().as_str()), (1, "", expected));
    // Unasked, the column is not known, and nothing is amiss.
    let inner = through_shell(script, &memdoor(&args[..2]));
    let mut command = through(&["unshare", "-m"], &inner);
    command.args(["-c", "1"]);
    let ended = run_command(command);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(rows(&ended.report()).iter().all(|row| row[6].is_none()));
}

#[test]
fn what_the_host_is_asked_is_checked_as_it_is_typed() {
    let psi = "full=N or some=N, N from 0.01 to 100, in percent of time";
    for value in ["5", "full", "full=", "full=0.00", "full=100.01", "half=5", "full=1.505", "full=1.", "full=.5"] {
        let ended = run(&["-p", "1", "-m", "5", "--also-psi", value]);
        let expected = format!("memdoor: --also-psi: '{value}' is not allowed: {psi}\n");
        assert_eq!((ended.code(), ended.err), (2, expected));
    }
    let ended = run(&["-p", "1", "-m", "5", "--also-available", "0"]);
    let allowed = "a whole number from 1 to 99, in percent of MemTotal";
    let expected = format!("memdoor: --also-available: '0' is not allowed: {allowed}\n");
    assert_eq!((ended.code(), ended.err), (2, expected));
    for (name, value) in [("--also-available", "5"), ("--also-psi", "full=5")] {
        let ended = run(&["-p", "1", name, value]);
        let expected = format!("memdoor: {name} without -m PERCENT: every report is a snapshot then\n");
        assert_eq!((ended.code(), ended.err), (2, expected));
    }
}

// The pace

#[test]
fn a_leak_is_looked_at_more_often_than_a_process_that_stays() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "20"])));
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "60"]));
    watch.next_report();
    target.go();
    let ended = watch.end();
    let last = ended.reports().pop().expect("a report");
    let samples: f64 = last.value("Samples").parse().expect("a number");
    let watched: f64 =
        last.value("Watched").strip_suffix(" s").and_then(|seconds| seconds.parse().ok()).expect("seconds");
    // Every 50 ms would be 20 a second.
    assert!(samples / watched > 30.0, "{samples} in {watched} s");
}
