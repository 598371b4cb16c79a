//! `memdoor -p PID`: what it takes, what it says, when it reports and how it ends.

use crate::common;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use common::host::{
    TempDir, has_unprivileged, is_root, may_be_another_user, memtotal_kib, unlockable, unprivileged, works,
};
use common::memcg::{MIB, Memcg};
use common::report::{BANNERS, BELOW, END, Report};
use common::run::{Ended, Running, command, memdoor, poll, run, run_command, through, through_shell};
use common::skip;
use common::target::{Victim, path, victim};

/// Sooner than any report that an interval of 60 s brings: what comes within it was not waited for. How loaded the machine is does not matter.
const SOON: Duration = Duration::from_secs(30);

// The command line

#[test]
fn no_arguments_print_version_and_usage() {
    let ended = run(&[]);
    let (first, rest) = ended.out.split_once('\n').expect("two lines");
    assert_eq!(first, concat!("memdoor version ", env!("CARGO_PKG_VERSION")));
    assert!(rest.starts_with("usage: memdoor -p|--pid <target process id>\n"), "{rest}");
    assert!(rest.ends_with("See memdoor --help, and memdoor MODE --help.\n"), "{rest}");
    assert_eq!((ended.code(), ended.err.as_str()), (2, ""));
}

#[test]
fn help_and_version_go_to_standard_output_and_end_with_0() {
    let version = concat!("memdoor version ", env!("CARGO_PKG_VERSION"), "\n");
    for args in [
        &["-h"][..],
        &["--help"],
        &["help"],
        &["watch", "-h"],
        &["-p", "1", "--help"],
        &["snapshot", "-h"],
        &["snapshot", "--help"],
    ] {
        let ended = run(args);
        assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{args:?}");
        assert!(ended.out.starts_with(version), "{args:?}: {}", ended.out);
        assert!(ended.out.contains("\nusage: memdoor "), "{args:?}: {}", ended.out);
    }
    for args in [&["-V"][..], &["--version"], &["watch", "-V"], &["snapshot", "--version"]] {
        let ended = run(args);
        assert_eq!((ended.code(), ended.out.as_str(), ended.err.as_str()), (0, version, ""), "{args:?}");
    }
}

#[test]
fn help_lists_every_option_and_every_exit_code() {
    let help = run(&["--help"]).out;
    for word in [
        "-p, --pid",
        "-e, --exename",
        "-m, --memory-pressure-threshold",
        "--of BASE",
        "-i, --interval",
        "-c, --count",
        "-q, --quiet",
        "-l, --lock-memory",
        "--self-report",
        "--format FORMAT",
        "--cmdline, --no-cmdline",
        "-h, --help",
        "-V, --version",
        "SIGUSR1",
    ] {
        assert!(help.contains(word), "{word} is missing in {help}");
    }
    for code in ["\n  0  ", "\n  1  ", "\n  2  ", "\n  4  ", "\n  5  "] {
        assert!(help.contains(code), "{code:?} is missing in {help}");
    }
}

/// What is typed, and the one line on standard error after `memdoor: `.
const REFUSED: &[(&[&str], &str)] = &[
    (&["-p", "0"], "-p: '0' is not allowed: a process ID, 1 or more"),
    (&["-p", "-1"], "-p: '-1' is not allowed: a process ID, 1 or more"),
    (&["-p", "4294967297"], "-p: '4294967297' is not allowed: a process ID, 1 or more"),
    (&["-p", "2147483648"], "-p: '2147483648' is not allowed: a process ID, 1 or more"),
    (&["-p", "1abc"], "-p: '1abc' is not allowed: a process ID, 1 or more"),
    (&["-p", ""], "-p: '' is empty, as a variable that is not set would be: a process ID, 1 or more"),
    (&["-p", " 1"], "-p: ' 1' is not allowed: a process ID, 1 or more"),
    (&["-p", "+1"], "-p: '+1' is not allowed: a process ID, 1 or more"),
    (&["--pid", "0x1"], "--pid: '0x1' is not allowed: a process ID, 1 or more"),
    (&["--pid=1.0"], "--pid: '1.0' is not allowed: a process ID, 1 or more"),
    (&["-p", "\u{1b}[2J"], r"-p: '\033[2J' is not allowed: a process ID, 1 or more"),
    (&["-p", "1\n2"], r"-p: '1\0122' is not allowed: a process ID, 1 or more"),
    (&["-p"], "-p needs a value: a process ID, 1 or more"),
    (&["-p", "1", "-m", "0"], "-m: '0' is not allowed: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-m", "100"], "-m: '100' is not allowed: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-m", "50.9x"], "-m: '50.9x' is not allowed: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-m", "50.9"], "-m: '50.9' is not allowed: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-m", "abc"], "-m: 'abc' is not allowed: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-m", "-5"], "-m: '-5' is not allowed: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-m", "306"], "-m: '306' is not allowed: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-m"], "-m needs a value: a whole number from 1 to 99, in percent"),
    (&["-p", "1", "-i", "0"], "-i: '0' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
    (&["-p", "1", "-i", "-1"], "-i: '-1' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
    (&["-p", "1", "-i", "1zz"], "-i: '1zz' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
    (&["-p", "1", "-i", "0.001"], "-i: '0.001' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
    (
        &["-p", "1", "-i", "18446744073709551616"],
        "-i: '18446744073709551616' is not allowed: seconds from 0.01 to 31536000, fractions allowed",
    ),
    (&["-p", "1", "-i", "nan"], "-i: 'nan' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
    (&["-p", "1", "-i", "."], "-i: '.' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
    (&["-p", "1", "-c", "0"], "-c: '0' is not allowed: a whole number from 1 to 18446744073709551615"),
    (&["-p", "1", "-c", "3x"], "-c: '3x' is not allowed: a whole number from 1 to 18446744073709551615"),
    (&["-p", "1", "-e", "oom"], "-e: 'oom' is not allowed: the full path of the target's executable, from /"),
    (
        &["-p", "1", "-e", ""],
        "-e: '' is empty, as a variable that is not set would be: the full path of the target's executable, from /",
    ),
    (&["-p", "1", "-e"], "-e needs a value: the full path of the target's executable, from /"),
    (&["-p", "1", "--of", "swap"], "--of: 'swap' is not allowed: memtotal, cgroup or auto"),
    (&["-p", "1", "--format", "xml"], "--format: 'xml' is not allowed: text or json"),
    (&["-p", "1", "--frob"], "unknown option '--frob': see memdoor --help"),
    (&["-p", "1", "-x"], "unknown option '-x': see memdoor --help"),
    (&["-p", "1", "extra"], "unexpected operand 'extra': memdoor takes options only"),
    (&["watch", "-p", "1", "extra"], "unexpected operand 'extra': memdoor takes options only"),
    (&["-p", "1", "--", "-q"], "unexpected operand '-q': memdoor takes options only"),
    (&["-m", "50"], "-p PID is missing: the process to watch"),
    (&["watch"], "-p PID is missing: the process to watch, or -e PATH: the first that runs PATH"),
    (
        &["frob"],
        "unknown mode 'frob': the modes are watch, snapshot, check, scores, monitor, protect, kill, dmesg and recover",
    ),
    (
        &["a\u{1b}\nb"],
        r"unknown mode 'a\033\012b': the modes are watch, snapshot, check, scores, monitor, protect, kill, dmesg and recover",
    ),
    (&["snapshot"], "-p PID is missing: the process to take a snapshot of"),
    (&["snapshot", "-p", "1,"], "-p: '1,' is not allowed: a process ID, 1 or more"),
    (&["snapshot", "-p", "1,x"], "-p: 'x' is not allowed: a process ID, 1 or more"),
    (&["snapshot", "-p", "1", "-m", "5"], "unknown option '-m': see memdoor snapshot --help"),
    (&["snapshot", "7"], "unexpected operand '7': memdoor takes options only"),
];

#[test]
fn a_wrong_command_line_is_one_line_that_quotes_it_and_exit_2() {
    for (args, sentence) in REFUSED {
        let ended = run(args);
        assert_eq!(ended.err, format!("memdoor: {sentence}\n"), "{args:?}");
        assert_eq!((ended.code(), ended.out.as_str()), (2, ""), "{args:?}");
    }
}

#[test]
fn a_path_longer_than_any_is_refused_in_one_line() {
    let long = format!("/{}", "a".repeat(100_000));
    let ended = run(&["-p", "1", "-e", &long]);
    assert_eq!((ended.code(), ended.out.as_str()), (2, ""));
    assert!(ended.err.starts_with("memdoor: -e: '/aaaa"), "{}", ended.err);
    let end = "aaa'... (100001 bytes) is not allowed: the full path of the target's executable, from /\n";
    assert!(ended.err.ends_with(end) && ended.err.len() < 1024, "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1);
}

#[test]
fn a_process_that_is_not_there_is_said_as_the_original_says_it() {
    // One above the largest number that the kernel gives.
    let most = std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("pid_max");
    let pid = most.trim();
    for args in [&["-p", pid][..], &["-p", pid, "-e", "/bin/sh"], &["snapshot", "-p", pid]] {
        let ended = run(args);
        let expected = format!("ERROR: PID {pid} is not accessible: No such process\n");
        assert_eq!((ended.code(), ended.out.as_str(), ended.err), (5, "", expected));
    }
}

#[test]
fn each_exit_code_is_seen() {
    let target = Victim::start(&["idle"]);
    let id = target.id();
    assert_eq!(run(&["-p", &id, "-c", "1"]).code(), 0);
    let full = Running::start_into(memdoor(&["-p", &id, "-c", "1"]), full());
    assert_eq!(full.end().code(), 1);
    assert_eq!(run(&["-p", &id, "-c", "0"]).code(), 2);
    assert_eq!(run(&["-p", &id, "-e", "/no/such/program"]).code(), 5);
    // Exit code 4.
    if !may_be_another_user() {
        return;
    }
    let dir = TempDir::new();
    let ended = run_command(unprivileged(&command(&dir.memdoor(), &["-p", &id, "-c", "1"])));
    assert_eq!(ended.code(), 4, "{ended:?}");
}

// Reports

/// More than 1 % of MemTotal: the document's base without a control group.
fn mib_above_one_percent() -> u64 {
    memtotal_kib() / 100 / 1024 + 8
}

#[test]
fn a_report_below_the_threshold_has_the_documents_lines() {
    let target = Victim::start(&["hold", "3"]);
    let exe = path();
    let ended = run(&["-p", &target.id(), "-e", exe.to_str().expect("UTF-8"), "-m", "99", "-i", "1", "-c", "1"]);
    assert_eq!((ended.code(), ended.words().as_str()), (0, ""));
    let report = ended.report();
    let lines: Vec<&str> = report.lines.iter().map(String::as_str).collect();
    assert!(is_ctime(lines[0].strip_prefix("Report Time: ").expect("the time")), "{}", lines[0]);
    assert!(lines[1].starts_with("Report Time UTC: 20") && lines[1].ends_with(" s since boot)"), "{}", lines[1]);
    assert_eq!(lines[2], BANNERS[0]);
    assert_eq!(lines[3], format!("PID: {}", target.pid));
    assert_eq!(lines[4], format!("Executable Absolute Path: {}", exe.display()));
    assert_eq!(lines[5], "");
    assert_eq!(lines[6], BELOW);
    let rss = report.kib("Process RSS Memory Usage");
    assert!((3 * 1024..8 * 1024).contains(&rss), "{rss} kB");
    // The threshold is the smallest number of bytes that reaches it.
    assert_eq!(report.kib("Memory Pressure Threshold"), memtotal_kib() * 99 / 100);
    assert_eq!(lines[9], "");
    assert_eq!(lines.len(), 10, "{lines:#?}");
}

/// `Sun Apr 28 22:44:24 2024`
fn is_ctime(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            'a'..='z' => 'a',
            other => other,
        })
        .collect();
    shape == "Aaa Aaa 99 99:99:99 9999" || shape == "Aaa Aaa  9 99:99:99 9999"
}

#[test]
fn a_crossing_in_the_middle_of_a_long_interval_is_reported_at_once() {
    let mib = mib_above_one_percent();
    if mib > 1024 {
        return skip("1 % of this machine's memory is too much to leak in a test");
    }
    let mut target = Victim::start(&["leak", "--wait", "0", &mib.to_string()]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "1", "-i", "60"]));
    assert!(watch.next_report().is_below());
    target.go();
    let crossed = target.reaches(memtotal_kib() / 100);
    let report = watch.next_report();
    assert!(report.is_full_snapshot(), "{report:#?}");
    assert!(report.kib("Process RSS Memory Usage") >= memtotal_kib() / 100);
    let late = report.since_boot().saturating_sub(crossed);
    assert!(late < SOON, "{late:?}");
}

#[test]
fn a_snapshot_follows_a_slow_crossing_before_the_interval_is_over_and_then_every_interval() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0", "40"])));
    let id = target.id();
    let args = ["-p", &id, "-m", "50", "--of", "cgroup", "-i", "4"];
    let mut watch = Running::start(memdoor(&args));
    let below = watch.next_report();
    assert!(below.is_below(), "{below:#?}");
    assert_eq!(below.kib("Memory Pressure Threshold"), 32 * 1024);
    target.go();
    let crossed = target.reaches(32 * 1024);
    let reports = [watch.next_report(), watch.next_report()];
    assert!(reports.iter().all(Report::is_full_snapshot), "{reports:#?}");
    // Before the interval is over; and none of the two is left out.
    let late = reports[0].since_boot().saturating_sub(crossed);
    assert!(late < Duration::from_secs(4), "the crossing was reported after {late:?}");
    let gap = (reports[1].since_boot() - reports[0].since_boot()).as_millis();
    assert!((3800..8000).contains(&gap), "{gap} ms");
    watch.signal(Signal::SIGTERM);
    assert_eq!(watch.end().code(), 0);
}

#[test]
fn without_a_threshold_every_report_is_a_snapshot_and_a_count_ends_them() {
    let target = Victim::start(&["idle"]);
    let ended = run(&["-p", &target.id(), "-i", "0.05", "-c", "3"]);
    assert_eq!((ended.code(), ended.words().as_str()), (0, ""));
    let reports = ended.reports();
    assert_eq!(reports.len(), 3);
    assert!(reports.iter().all(Report::is_full_snapshot), "{reports:#?}");
}

#[test]
fn quiet_leaves_out_what_is_below_but_counts_it() {
    let target = Victim::start(&["idle"]);
    let ended = run(&["-p", &target.id(), "-m", "99", "-i", "0.05", "-c", "3", "-q"]);
    assert_eq!((ended.code(), ended.reports().len(), ended.words().as_str()), (0, 0, ""));
    assert_eq!(ended.end_of_watch().value("Snapshots"), "0");
    let ended = run(&["-p", &target.id(), "-i", "0.05", "-c", "2", "--quiet"]);
    assert_eq!((ended.code(), ended.reports().len()), (0, 2), "{ended:#?}");
}

#[test]
fn an_interval_may_be_a_fraction_of_a_second() {
    let target = Victim::start(&["idle"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "0.2", "-c", "6"]));
    let times: Vec<Duration> = (0..6).map(|_| watch.next_report().since_boot()).collect();
    assert!(watch.next_report().is_end_of_watch());
    let took = (times[5] - times[0]).as_millis();
    // Of whole seconds they would take five.
    assert!((900..4500).contains(&took), "five intervals of 200 ms took {took} ms");
    assert_eq!(watch.end().code(), 0);
}

#[test]
fn the_mode_may_be_named() {
    let target = Victim::start(&["idle"]);
    let ended = run(&["watch", "--pid", &target.id(), "--memory-pressure-threshold=99", "--count=1"]);
    assert_eq!(ended.code(), 0);
    assert!(ended.report().is_below());
}

// The base of the threshold

#[test]
fn the_threshold_may_be_a_percentage_of_the_control_groups_limit() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let target = Victim::start_command(group.inside(&victim(&["hold", "40"])));
    let id = target.id();
    let once = |of: &str| run(&["-p", &id, "-m", "50", "--of", of, "-c", "1"]).report();
    for of in ["cgroup", "auto"] {
        let report = once(of);
        assert!(report.is_full_snapshot(), "--of {of}: {report:#?}");
        assert_eq!(report.value("Limiting Control Group"), group.path());
        assert_eq!(report.value("Control Group"), group.path());
        assert_eq!(report.kib("Control Group Memory Limit"), 64 * 1024);
        assert!(report.kib("Control Group Memory Usage") >= 40 * 1024, "{report:#?}");
    }
    assert!(once("memtotal").is_below());
}

#[test]
fn a_limit_in_an_ancestor_counts_and_the_smallest_one_wins() {
    let Some(parent) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let child = parent.below(Some(512 * MIB)).expect("a group below");
    let target = Victim::start_command(child.inside(&victim(&["hold", "40"])));
    let report = run(&["-p", &target.id(), "-m", "50", "--of", "cgroup", "-c", "1"]).report();
    assert!(report.is_full_snapshot(), "{report:#?}");
    assert_eq!(report.value("Limiting Control Group"), parent.path());
    assert_eq!(report.value("Control Group"), child.path());
    let share = report.value("RSS Share Of Control Group Limit");
    let rss = report.kib("Process RSS Memory Usage");
    let percent: f64 = share.trim_end_matches(" %").parse().expect("a number");
    let exact = f64::from(u32::try_from(rss).expect("small")) / 655.36;
    assert!((exact - 0.02..=exact).contains(&percent), "{share}, not {exact}");
}

#[test]
fn a_limit_that_is_changed_moves_the_threshold() {
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let target = Victim::start_command(group.inside(&victim(&["hold", "40"])));
    let id = target.id();
    let args = ["-p", &id, "-m", "50", "--of", "cgroup", "-i", "0.1"];
    let mut watch = Running::start(memdoor(&args));
    assert!(watch.next_report().is_below());
    group.set_limit(64 * MIB);
    while watch.next_report().is_below() {}
}

#[test]
fn a_limit_that_is_removed_leaves_memtotal_as_the_reference_and_one_line_says_so() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    if !group.is_at_root() {
        return skip("its control group lies below others, which may have a limit");
    }
    let target = Victim::start_command(group.inside(&victim(&["hold", "40"])));
    let id = target.id();
    let half = memtotal_kib() / 2;
    for of in ["cgroup", "auto"] {
        let mut watch = Running::start(memdoor(&["-p", &id, "-m", "50", "--of", of, "-i", "0.1"]));
        assert!(watch.next_report().is_full_snapshot());
        group.remove_limit();
        let below = watch.one_of_next(100, Report::is_below);
        assert_eq!(below.kib("Memory Pressure Threshold"), half, "--of {of}: {below:#?}");
        group.set_limit(64 * MIB);
        let _ = watch.one_of_next(100, Report::is_full_snapshot);
        watch.signal(Signal::SIGTERM);
        let said = format!(
            "memdoor: PID {id}: its control group has no memory limit any more: from here on the threshold is 50 % of MemTotal, {half} kB\n\
             memdoor: PID {id}: its control group has a memory limit now: from here on the threshold is 50 % of that limit, 32768 kB\n"
        );
        assert_eq!(watch.end().words(), said, "--of {of}");
    }
}

#[test]
fn a_limit_that_is_raised_where_memdoor_does_not_see_it_moves_the_threshold() {
    if !works(&["unshare", "-m", "true"]) {
        return skip("needs unshare, to show a part of the hierarchy only");
    }
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    if group.version() == 2 {
        return skip("version 2 does not tell of limits above what is shown");
    }
    let below = group.below(None).expect("a group below");
    let target = Victim::start_command(below.inside(&victim(&["hold", "40"])));
    let id = target.id();
    let hide = format!("mount --bind '{}' '{}' && exec \"$@\"", below.dir().display(), below.mount().display());
    let inner = memdoor(&["-p", &id, "-m", "50", "--of", "cgroup", "-i", "0.1"]);
    let mut watch = Running::start(through(&["unshare", "-m"], &through_shell(&hide, &inner)));
    assert!(watch.next_report().is_full_snapshot());
    group.set_limit(256 * MIB);
    let report = watch.one_of_next(100, Report::is_below);
    assert_eq!(report.kib("Memory Pressure Threshold"), 128 * 1024);
}

/// memory.stat alone tells of it, in a container.
#[test]
fn where_a_limit_above_what_is_shown_cannot_be_read_there_is_not_said_to_be_none() {
    if !works(&["unshare", "-m", "true"]) || !works(&["prlimit", "--version"]) {
        return skip("needs unshare, to show a part of the hierarchy only, and prlimit");
    }
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    if group.version() == 2 {
        return skip("version 2 does not tell of limits above what is shown");
    }
    let below = group.below(None).expect("a group below");
    let target = Victim::start_command(below.inside(&victim(&["idle"])));
    let id = target.id();
    let dir = TempDir::new();
    dir.write("empty", b"");
    let (mount, empty) = (below.mount(), dir.join("empty"));
    let hide = format!("mount --bind '{}' '{}'", below.dir().display(), mount.display());
    let inner = memdoor(&["-p", &id, "-m", "99", "--of", "cgroup", "-c", "1", "-q"]);
    let over = format!("{hide} && mount --bind '{empty}' '{}/memory.stat' && exec \"$@\"", mount.display());
    let ended = run_command(through(&["unshare", "-m"], &through_shell(&over, &inner)));
    let why = "memory.stat of the control group gives no hierarchical_memory_limit";
    assert!(ended.code() == 1 && ended.err.contains(why), "{ended:#?}");
    let mut refused = 0;
    for most in 12..=26 {
        let few = format!("{hide} && exec prlimit --nofile={most}:{most} \"$@\"");
        let ended = run_command(through(&["unshare", "-m"], &through_shell(&few, &inner)));
        assert!(matches!(ended.code(), 0 | 1 | 4), "{most}: {ended:#?}");
        assert!(
            !ended.err.contains("no memory limit") && !ended.err.contains("no control group"),
            "{most}: {ended:#?}"
        );
        if ended.code() == 1 {
            refused += 1;
            assert!(ended.err.contains("too many open files (EMFILE)"), "{most}: {ended:#?}");
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_process_that_moves_to_another_group_is_followed() {
    let Some(wide) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let Some(narrow) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let target = Victim::start_command(wide.inside(&victim(&["hold", "40"])));
    let id = target.id();
    let args = ["-p", &id, "-m", "50", "--of", "cgroup", "-i", "0.1"];
    let mut watch = Running::start(memdoor(&args));
    assert!(watch.next_report().is_below());
    narrow.take(target.pid);
    let report = loop {
        let report = watch.next_report();
        if !report.is_below() {
            break report;
        }
    };
    assert_eq!(report.value("Limiting Control Group"), narrow.path());
}

#[test]
fn without_a_limit_a_percentage_of_it_is_refused_and_auto_falls_back() {
    let Some(group) = Memcg::or_skip(None) else {
        return;
    };
    if !group.is_at_root() {
        return skip("its control group lies below others, which may have a limit");
    }
    let target = Victim::start_command(group.inside(&victim(&["idle"])));
    let id = target.id();
    let ended = run(&["-p", &id, "-m", "50", "--of", "cgroup", "-c", "1"]);
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""));
    let said = format!(
        "memdoor: PID {id} is in no control group with a memory limit that can be read\nhint: leave --of out: the threshold is then a percentage of MemTotal\n"
    );
    assert_eq!(ended.words(), said);
    let auto = run(&["-p", &id, "-m", "99", "--of", "auto", "-c", "1"]);
    assert_eq!(auto.report().kib("Memory Pressure Threshold"), memtotal_kib() * 99 / 100);
}

// -e

/// An idle copy of the victim.
fn idle(copy: &str) -> Command {
    command(copy, &["idle"])
}

/// One report of a copy of the victim with -e.
fn watched_as(target: &Victim, exe: &str) -> Ended {
    run(&["-p", &target.id(), "-e", exe, "-m", "99", "-c", "1"])
}

fn is_accepted(target: &Victim, exe: &str) {
    let ended = watched_as(target, exe);
    assert_eq!((ended.code(), ended.words().as_str()), (0, ""), "-e {exe}: {ended:#?}");
    assert!(ended.report().is_below());
}

fn is_refused(target: &Victim, exe: &str) {
    let ended = watched_as(target, exe);
    let runs = std::fs::read_link(format!("/proc/{}/exe", target.pid)).expect("exe");
    let expected = format!(
        "ERROR: PID {} does not match the executable name {exe}\nhint: it runs {}\n",
        target.pid,
        runs.display()
    );
    assert_eq!((ended.code(), ended.out.as_str(), ended.words()), (5, "", expected));
}

#[test]
fn the_executable_may_be_named_by_link_or_by_any_name_that_leads_to_it() {
    let dir = TempDir::new();
    std::fs::create_dir_all(dir.join("usr/bin")).expect("usr/bin");
    let copy = dir.victim("usr/bin/my victim");
    std::os::unix::fs::symlink("usr/bin", dir.join("bin")).expect("bin");
    std::os::unix::fs::symlink("my victim", dir.join("usr/bin/alias")).expect("alias");
    let target = Victim::start_command(idle(&copy));
    is_accepted(&target, &copy);
    // As /bin/x is /usr/bin/x on a merged-/usr system.
    is_accepted(&target, &dir.join("bin/my victim"));
    is_accepted(&target, &dir.join("bin/alias"));
    is_accepted(&target, &dir.join("usr/../bin/./my victim"));
    is_refused(&target, &dir.join("usr/bin"));
    is_refused(&target, &dir.join("usr/bin/my"));
    is_refused(&target, &dir.join("usr/bin/my victim/"));
    is_refused(&target, "/bin/sh");
    is_refused(&target, "/");
}

#[test]
fn a_deleted_executable_is_accepted_with_and_without_the_kernels_word_for_it() {
    let dir = TempDir::new();
    let copy = dir.victim("app");
    std::os::unix::fs::symlink(dir.path(), dir.join("link")).expect("link");
    let target = Victim::start_command(idle(&copy));
    std::fs::remove_file(&copy).expect("remove");
    is_accepted(&target, &copy);
    is_accepted(&target, &format!("{copy} (deleted)"));
    is_accepted(&target, &dir.join("link/app"));
    is_refused(&target, &dir.join("ap"));
    let snapshot = run(&["snapshot", "-p", &target.id()]).report();
    assert_eq!(snapshot.value("Executable Absolute Path"), format!("{copy} (deleted)"));
}

#[test]
fn an_upgraded_executable_is_still_the_one_named() {
    let dir = TempDir::new();
    let copy = dir.victim("app");
    let target = Victim::start_command(idle(&copy));
    let new = dir.victim("app.new");
    std::fs::rename(&new, &copy).expect("rename");
    is_accepted(&target, &copy);
    is_accepted(&target, &format!("{copy} (deleted)"));
}

#[test]
fn an_executable_whose_real_name_ends_with_deleted_is_told_apart() {
    let dir = TempDir::new();
    let copy = dir.victim("app (deleted)");
    let target = Victim::start_command(idle(&copy));
    is_accepted(&target, &copy);
}

#[test]
fn an_exec_is_noticed_within_seconds_whatever_the_interval() {
    let dir = TempDir::new();
    let (before, after) = (dir.victim("before"), dir.victim("after"));
    let mut target = Victim::start_command(command(&before, &["exec", &after, "idle"]));
    let id = target.id();
    let mut watch = Running::start(memdoor(&["-p", &id, "-e", &before, "-m", "99", "-i", "600"]));
    assert!(watch.next_report().is_below());
    target.go();
    target.ready_again();
    assert!(watch.next_report().is_end());
    assert_eq!(watch.end().code(), 5);
}

#[test]
fn a_watch_is_of_one_process() {
    let ended = run(&["-p", "1", "-p", "2"]);
    assert_eq!(ended.code(), 2);
    assert!(ended.words().contains("memdoor snapshot"), "{}", ended.words());
}

#[test]
fn an_exec_of_another_program_ends_the_watch_of_the_one_named() {
    let dir = TempDir::new();
    let (before, after) = (dir.victim("before"), dir.victim("after"));
    let mut target = Victim::start_command(command(&before, &["exec", &after, "idle"]));
    let id = target.id();
    let mut watch = Running::start(memdoor(&["-p", &id, "-e", &before, "-m", "99", "-i", "0.1"]));
    assert!(watch.next_report().is_below());
    target.go();
    target.ready_again();
    let last = loop {
        let report = watch.next_report();
        if !report.is_below() {
            break report;
        }
    };
    assert!(last.is_end(), "{last:#?}");
    assert_eq!(last.value("Executable Absolute Path"), after);
    assert_eq!(last.value("Watch Ended Because"), "it runs another executable now");
    let ended = watch.end();
    let expected = format!("ERROR: PID {id} does not match the executable name {before}\nhint: it runs {after}\n");
    assert_eq!((ended.code(), ended.words()), (5, expected));
}

#[test]
fn without_a_name_the_watch_goes_on_after_an_exec_and_shows_the_new_image() {
    let dir = TempDir::new();
    let (before, after) = (dir.victim("before"), dir.victim("after"));
    let mut target = Victim::start_command(command(&before, &["exec", &after, "hold", "5"]));
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-i", "0.1"]));
    let names = |report: &Report| {
        let mut names: Vec<String> = report.mappings().into_iter().map(|row| row.path).collect();
        names.retain(|path| path.starts_with('/'));
        names.dedup();
        names
    };
    assert_eq!(names(&watch.next_report()), [before.as_str()]);
    target.go();
    target.ready_again();
    // Some may have been on their way before it: of the image before, and of the new one that had not filled its memory.
    let report = watch.one_of_next(1000, |report| {
        report.value("Executable Absolute Path") == after && report.kib("Process PSS Memory Usage") >= 5 * 1024
    });
    assert!(report.is_full_snapshot(), "{report:#?}");
    assert_eq!(names(&report), [after.as_str()]);
    assert!(report.kib("Process RSS Memory Usage") >= 5 * 1024);
    watch.signal(Signal::SIGINT);
    assert_eq!(watch.end().code(), 0);
}

// Signals

#[test]
fn a_stop_signal_ends_it_with_a_sentence_and_0() {
    let target = Victim::start(&["idle"]);
    for (signal, name) in [(Signal::SIGINT, "SIGINT"), (Signal::SIGTERM, "SIGTERM"), (Signal::SIGHUP, "SIGHUP")] {
        let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "60"]));
        watch.next_report();
        let sent = Instant::now();
        watch.signal(signal);
        let (at, line) = watch.line().expect("a sentence");
        assert_eq!(line, format!("{name} received, exiting..."));
        assert!(at - sent < SOON);
        let ended = watch.end();
        assert_eq!((ended.code(), ended.words().as_str()), (0, ""));
        assert_eq!(ended.end_of_watch().value("Watch Ended Because"), name);
    }
}

#[test]
fn a_hangup_that_nohup_ignores_stays_ignored() {
    let target = Victim::start(&["idle"]);
    let mut watch = Running::start(through(&["nohup"], &memdoor(&["-p", &target.id(), "-m", "99", "-i", "0.1"])));
    watch.next_report();
    watch.signal(Signal::SIGHUP);
    for _ in 0..3 {
        assert!(watch.next_report().is_below());
    }
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 0);
    assert_eq!(ended.end_of_watch().value("Watch Ended Because"), "SIGTERM");
}

#[test]
fn sigint_ends_it_even_where_a_shell_ignores_it_for_background_jobs() {
    let target = Victim::start(&["idle"]);
    let inner = memdoor(&["-p", &target.id(), "-m", "99", "-i", "60"]);
    let mut watch = Running::start(through_shell("trap '' INT; exec \"$@\"", &inner));
    watch.next_report();
    watch.signal(Signal::SIGINT);
    assert_eq!(watch.end().code(), 0);
}

#[test]
fn sigusr1_takes_a_snapshot_now_and_the_watch_goes_on() {
    let target = Victim::start(&["idle"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "60"]));
    assert!(watch.next_report().is_below());
    for _ in 0..2 {
        let asked = Instant::now();
        watch.signal(Signal::SIGUSR1);
        let report = watch.next_report();
        assert!(report.is_full_snapshot(), "{report:#?}");
        assert!(report.at - asked < SOON);
    }
    watch.signal(Signal::SIGINT);
    assert_eq!(watch.end().code(), 0);
}

// The end of the target

#[test]
fn a_killed_target_is_noticed_at_once_and_the_last_report_says_what_was_seen() {
    let mut target = Victim::start(&["hold", "20"]);
    let id = target.id();
    let mut watch = Running::start(memdoor(&["-p", &id, "-m", "99", "-i", "60"]));
    assert!(watch.next_report().is_below());
    let killed = Instant::now();
    target.kill();
    let last = watch.next_report();
    assert!(last.at - killed < SOON, "{:?}", last.at - killed);
    assert!(last.is_end(), "{last:#?}");
    assert!(last.lines[0].starts_with("Report Time: ") && last.lines[1].starts_with("Report Time UTC: "));
    assert_eq!(last.value("PID"), id);
    assert_eq!(last.value("Executable Absolute Path"), path().to_str().expect("UTF-8"));
    assert!((20 * 1024..30 * 1024).contains(&last.kib("Last RSS")), "{last:#?}");
    assert!(last.kib("Peak RSS Seen") >= last.kib("Last RSS"));
    assert!(is_ctime(last.value("Last RSS Seen")));
    assert!(last.value("Watched").ends_with(" s"));
    assert!(last.value("Verdict").starts_with("no OOM kill"), "{last:#?}");
    let ended = watch.end();
    let verdict = last.value("Verdict");
    let expected = format!("ERROR: PID {id} is not accessible: No such process\nmemdoor: PID {id}: {verdict}\n");
    assert_eq!((ended.code(), ended.words()), (5, expected));
    target.end();
}

#[test]
fn a_target_that_exits_by_itself_ends_the_watch_too() {
    let mut target = Victim::start(&["idle"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "60"]));
    watch.next_report();
    target.end();
    assert!(watch.next_report().is_end());
    assert_eq!(watch.end().code(), 5);
}

#[test]
fn peak_rss_and_the_time_watched_are_those_of_the_watch() {
    let mut target = Victim::start(&["leak", "--wait", "0", "60"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "0.1"]));
    let before = watch.next_report().kib("Process RSS Memory Usage");
    target.go();
    while watch.next_report().kib("Process RSS Memory Usage") < 60 * 1024 {}
    target.kill();
    let last = loop {
        let report = watch.next_report();
        if report.is_end() {
            break report;
        }
    };
    assert!(before < 10 * 1024, "{before} kB");
    assert!(last.kib("Peak RSS Seen") >= 60 * 1024, "{last:#?}");
}

// Where the output goes

fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full").into()
}

#[test]
fn a_full_disk_is_an_error_with_a_text() {
    let target = Victim::start(&["idle"]);
    let id = target.id();
    for args in [&["snapshot", "-p", &id][..], &["--help"], &[]] {
        let ended = Running::start_into(memdoor(args), full()).end();
        let expected =
            format!("memdoor: cannot write standard output: no space left on device (ENOSPC)\nhint: {FULL}\n");
        assert_eq!((ended.code(), ended.words()), (1, expected), "{args:?}");
    }
}

/// What is to be typed where standard output is full, and where there is none.
const FULL: &str = "what it goes to is full: make room (df shows how much there is), or send it elsewhere: >FILE";
const CLOSED: &str = "it is closed, or not open for writing: give memdoor one: >FILE (in a unit: StandardOutput=)";

/// What a watch says that goes on without its standard output.
const GOES_ON: &str = "memdoor: the watch goes on; its reports are lost until standard output can be written\n";

#[test]
fn a_watch_goes_on_where_standard_output_can_not_be_written_and_says_once_that_and_at_the_end_how_many_reports_were_lost()
 {
    for (target, why, hint) in
        [(">/dev/full", "no space left on device (ENOSPC)", FULL), (">&-", "bad file number (EBADF)", CLOSED)]
    {
        let mut victim = Victim::start(&["idle"]);
        let id = victim.id();
        let mut watch =
            through_shell(&format!("exec \"$@\" {target}"), &memdoor(&["-p", &id, "-m", "99", "-i", "0.1"]));
        watch.stderr(Stdio::piped());
        let watch = Running::start(watch);
        // Long enough for several reports.
        std::thread::sleep(Duration::from_secs(1));
        assert!(Path::new(&format!("/proc/{}", watch.pid())).exists(), "{target}: it goes on");
        victim.end();
        let ended = watch.end();
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{target}: {ended:#?}");
        let begin = format!("memdoor: cannot write standard output: {why}\nhint: {hint}\n{GOES_ON}");
        assert!(ended.words().starts_with(&begin), "{target}: {}", ended.err);
        assert_eq!(ended.err.matches("cannot write").count(), 1, "{target}: {}", ended.err);
        assert!(ended.err.contains(&format!("memdoor: PID {id}: no OOM kill: ")), "{target}: {}", ended.err);
        let lost = ended.err.lines().find_map(|line| {
            line.strip_prefix("memdoor: ")?.strip_suffix(" reports were lost: standard output could not be written")
        });
        let lost: u64 = lost.expect("a count").parse().expect("a number");
        assert!((3..100).contains(&lost), "{target}: {}", ended.err);
    }
}

#[test]
fn standard_output_that_can_be_written_again_gets_whole_reports_and_a_line_that_some_are_missing() {
    let victim = Victim::start(&["maps", "3000"]);
    let dir = TempDir::new();
    let path = dir.join("out");
    // A limit that is raised is a disk that has room again.
    let script = format!("ulimit -S -f 8; exec \"$@\" >> '{path}'");
    let inner = memdoor(&["-p", &victim.id(), "-i", "0.1"]);
    let watch = Running::start(through_shell(&script, &inner));
    poll("a full file", || (std::fs::metadata(&path).ok()?.len() >= 4096).then_some(()));
    std::thread::sleep(Duration::from_millis(500));
    let raised = run_command(command("prlimit", &["--pid", &watch.pid().to_string(), "--fsize=unlimited"]));
    assert_eq!(raised.code(), 0, "{raised:#?}");
    let note = "\n[standard output could not be written: reports are missing here]\n";
    poll("a report", || {
        let text = std::fs::read_to_string(&path).ok()?;
        let (_, behind) = text.split_once(note)?;
        behind.contains(BANNERS[1]).then_some(())
    });
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(ended.err.matches("memdoor: standard output can be written again\n").count(), 1, "{}", ended.err);
    let text = std::fs::read_to_string(&path).expect("UTF-8");
    assert_eq!(text.matches(note).count(), 1, "once");
    assert!(text.contains("SIGTERM received, exiting...\n"), "{text}");
}

#[test]
fn a_closed_standard_output_is_an_error_with_a_text() {
    let target = Victim::start(&["idle"]);
    let id = target.id();
    for args in [&["snapshot", "-p", &id][..], &["--version"]] {
        let ended = run_command(through_shell("exec \"$@\" >&-", &memdoor(args)));
        let expected = format!("memdoor: cannot write standard output: bad file number (EBADF)\nhint: {CLOSED}\n");
        assert_eq!((ended.code(), ended.words()), (1, expected), "{args:?}");
    }
}

#[test]
fn a_file_size_limit_is_an_error_with_a_text() {
    let target = Victim::start(&["maps", "3000"]);
    let dir = TempDir::new();
    let inner = memdoor(&["-p", &target.id(), "-i", "0.05", "-c", "1"]);
    let script = format!("ulimit -f 8; exec \"$@\" > '{}'", dir.join("out"));
    let ended = run_command(through_shell(&script, &inner));
    let expected = format!(
        "memdoor: cannot write standard output: file too large (EFBIG)\n\
         hint: raise the limit of a file's size: ulimit -f unlimited (in a unit: LimitFSIZE=infinity)\n\
         {GOES_ON}memdoor: 2 reports were lost: standard output could not be written\n"
    );
    assert_eq!((ended.code(), ended.words()), (1, expected));
    let written = std::fs::read_to_string(dir.join("out")).expect("UTF-8");
    assert!(written.contains(BANNERS[1]), "what fits is there: {written}");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let target = Victim::start(&["maps", "3000"]);
    let id = target.id();
    for args in [&["-p", &id, "-i", "0.05"][..], &["snapshot", "-p", &id], &["snapshot", "-p", &id, "--format", "json"]]
    {
        let inner = memdoor(args);
        let script = "{ \"$@\"; echo \"exit $?\" >&2; } | head -1";
        let ended = run_command(through_shell(script, &inner));
        assert_eq!(ended.words(), "exit 0\n", "{args:?}");
        assert_eq!(ended.out.lines().count(), 1);
    }
}

#[test]
fn a_reader_that_does_not_read_can_not_hold_up_a_stop() {
    let target = Victim::start(&["idle"]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
        let size = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_GETPIPE_SZ).expect("size");
        writer.write_all(&vec![b'x'; usize::try_from(size).expect("small")]).expect("fill");
        let watch = Running::start_into(memdoor(&["-p", &target.id(), "-i", "60"]), writer.into());
        let pid = watch.pid();
        poll("memdoor blocked in ppoll", || is_waiting_for_room(pid).then_some(()));
        watch.signal(signal);
        let ended = watch.end();
        let expected = "memdoor: standard output was not read: the last report is cut\n";
        assert_eq!((ended.code(), ended.words().as_str()), (4, expected));
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("read");
        assert!(rest.iter().all(|byte| *byte == b'x'), "nothing was written to a full pipe");
    }
}

/// Whether its signal handlers stand and it sleeps.
fn is_waiting_for_room(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
    // SIGUSR1, the last one that is installed, is bit 9.
    status.contains("\nState:\tS") && caught.is_some_and(|caught| caught & (1 << 9) != 0)
}

#[test]
fn a_watch_goes_on_when_its_reader_reads_again() {
    let target = Victim::start(&["idle"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let size = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_GETPIPE_SZ).expect("size");
    let mut filler = writer.try_clone().expect("a second end");
    filler.write_all(&vec![b'\n'; usize::try_from(size).expect("small")]).expect("fill");
    drop(filler);
    let watch = Running::start_into(memdoor(&["-p", &target.id(), "-i", "0.05", "-c", "2"]), writer.into());
    let pid = watch.pid();
    poll("memdoor blocked in ppoll", || is_waiting_for_room(pid).then_some(()));
    let mut text = String::new();
    { reader }.read_to_string(&mut text).expect("UTF-8");
    assert_eq!(watch.end().code(), 0);
    let reports = Report::all(text.trim_start());
    assert_eq!(reports.len(), 3);
    assert!(reports[..2].iter().all(Report::is_full_snapshot) && reports[2].is_end_of_watch());
}

// Limits and rights

/// memdoor and its target as a user without rights.
fn as_nobody(dir: &TempDir) -> Option<(Victim, String)> {
    if !has_unprivileged() {
        skip("needs setpriv to become a user without rights");
        return None;
    }
    let copy = dir.victim("victim");
    let target = Victim::start_command(unprivileged(&idle(&copy)));
    Some((target, dir.memdoor()))
}

/// With so little lockable memory.
fn run_unlockable(program: &str, args: &[&str]) -> Ended {
    run_command(unlockable(&command(program, args)))
}

#[test]
fn memory_that_can_not_be_locked_is_a_warning_and_with_l_the_end() {
    let dir = TempDir::new();
    let Some((target, program)) = as_nobody(&dir) else {
        return;
    };
    let id = target.id();
    let hint = "run as root or with CAP_IPC_LOCK, or raise the limit: ulimit -l unlimited";
    let ended = run_unlockable(&program, &["-p", &id, "-l", "-c", "1"]);
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""));
    let (first, second) = ended.err.split_once('\n').expect("two lines");
    assert!(first.starts_with("memdoor: cannot lock memory: "), "{first}");
    assert_eq!(second, format!("hint: {hint}\n"));
    let ended = run_unlockable(&program, &["-p", &id, "-c", "1"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("memdoor: warning: cannot lock memory: "), "{}", ended.err);
    assert!(ended.report().is_full_snapshot());
}

#[test]
fn a_watch_works_as_a_user_without_rights() {
    let dir = TempDir::new();
    let Some((target, program)) = as_nobody(&dir) else {
        return;
    };
    let exe = dir.join("victim");
    let inner = command(&program, &["-p", &target.id(), "-e", &exe, "-c", "2", "-i", "0.05"]);
    let ended = run_command(unprivileged(&inner));
    assert_eq!((ended.code(), ended.words().as_str()), (0, ""), "{ended:#?}");
    assert!(ended.reports().iter().all(Report::is_full_snapshot));
}

#[test]
fn the_process_of_another_user_shows_what_is_readable_and_ends_with_4() {
    if !may_be_another_user() {
        return;
    }
    let dir = TempDir::new();
    let target = Victim::start(&["hold", "5"]);
    let id = target.id();
    let inner = command(&dir.memdoor(), &["snapshot", "-p", &id]);
    let ended = run_command(unprivileged(&inner));
    assert_eq!(ended.code(), 4);
    let said: Vec<&str> = ended.err.lines().collect();
    assert_eq!(
        said,
        [
            "memdoor: part of the evidence could not be read: it stands as - with the reason",
            "hint: where permission was denied: run memdoor as root",
        ]
    );
    let report = ended.report();
    assert!(report.is_full_snapshot(), "{report:#?}");
    assert!(report.kib("Process RSS Memory Usage") >= 5 * 1024);
    let denied = |file: &str| format!("- (cannot read /proc/{id}/{file}: permission denied (EACCES))");
    for (label, file) in [
        ("Executable Absolute Path", "exe"),
        ("Process PSS Memory Usage", "smaps_rollup"),
        ("Process USS Memory Usage", "smaps_rollup"),
    ] {
        assert_eq!(report.value(label), denied(file));
    }
    assert_eq!(report.section(BANNERS[4])[1], denied("maps"));
    assert_eq!(report.value("Process OOM Score Adjustment Value"), "0");
    // The name can't be checked, so a watch by name is refused with what to do.
    let inner = command(&dir.memdoor(), &["-p", &id, "-e", "/bin/sh", "-c", "1"]);
    let ended = run_command(unprivileged(&inner));
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""));
    assert!(
        ended.words().starts_with(&format!("memdoor: cannot read /proc/{id}/exe: permission denied (EACCES)\nhint: ")),
        "{ended:?}"
    );
}

#[test]
fn sixteen_descriptors_are_too_few_for_all_and_the_report_says_so() {
    let mut target = Victim::start(&["idle"]);
    let id = target.id();
    let inner = memdoor(&["-p", &id, "-i", "0.1"]);
    let mut watch = Running::start(through_shell("ulimit -n 16; exec \"$@\"", &inner));
    for _ in 0..3 {
        let report = watch.next_report();
        assert!(report.is_full_snapshot(), "{report:#?}");
        assert!(report.kib("Process RSS Memory Usage") > 0);
        let lost = report.lines.iter().filter(|line| line.contains("- ("));
        assert!(lost.clone().all(|line| line.contains("too many open files (EMFILE)")), "{report:#?}");
    }
    target.end();
    let ended = watch.end();
    assert_eq!(ended.code(), 5, "{ended:#?}");
    assert!(ended.out.contains(END));
}

// Kinds of targets

#[test]
fn a_zombie_is_named_as_one_with_the_parent_that_has_not_collected_it() {
    let target = Victim::start(&["zombie"]);
    let (id, parent) = (target.id(), target.started());
    for args in [&["-p", &id][..], &["snapshot", "-p", &id]] {
        let ended = run(args);
        let expected =
            format!("memdoor: PID {id} (exe) is a zombie: it has exited, and PID {parent} has not collected it\n");
        assert_eq!((ended.code(), ended.out.as_str(), ended.words()), (5, "", expected));
    }
}

#[test]
fn a_zombie_leader_with_live_threads_shows_their_memory_and_ends_with_them() {
    let mut target = Victim::start(&["zombie-leader", "30"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-i", "0.2"]));
    for _ in 0..2 {
        let report = watch.next_report();
        assert!(report.is_full_snapshot(), "{report:#?}");
        assert!(report.kib("Process RSS Memory Usage") >= 30 * 1024);
        assert!(report.kib("Process PSS Memory Usage") >= 30 * 1024);
        assert!(report.mappings().len() > 5);
    }
    target.end();
    let ended = watch.end();
    assert_eq!(ended.code(), 5, "{ended:#?}");
    assert!(ended.out.contains(END));
}

#[test]
fn a_kernel_thread_is_refused_as_one() {
    if std::fs::read_to_string("/proc/2/comm").ok().as_deref() != Some("kthreadd\n") {
        return skip("PID 2 is no kernel thread here");
    }
    for args in [&["-p", "2"][..], &["snapshot", "-p", "2"]] {
        let ended = run(args);
        let expected = "memdoor: PID 2 (kthreadd) is a kernel thread: it has no memory of its own\n";
        assert_eq!((ended.code(), ended.out.as_str(), ended.words().as_str()), (1, "", expected));
    }
}

#[test]
fn a_threads_number_is_refused_with_that_of_its_process() {
    let target = Victim::start(&["zombie-leader", "1"]);
    let id = target.id();
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("tasks");
    let thread = tasks
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|tid| *tid != id)
        .expect("a second thread");
    let ended = run(&["-p", &thread]);
    let expected = format!("memdoor: PID {thread} is a thread of process {id}: use -p {id}\n");
    assert_eq!((ended.code(), ended.out.as_str(), ended.words()), (1, "", expected));
}

// Other views of /proc

fn has_namespaces() -> bool {
    let has = is_root() && works(&["unshare", "-m", "-p", "-f", "true"]) && has_unprivileged();
    if !has {
        skip("needs root, unshare and setpriv");
    }
    has
}

#[test]
fn hidepid_is_told_from_a_process_that_is_not_there() {
    if !has_namespaces() {
        return;
    }
    let dir = TempDir::new();
    let program = dir.memdoor();
    let target = Victim::start(&["idle"]);
    let id = target.id();
    for hidepid in ["1", "2"] {
        let inner = command(&program, &["-p", &id]);
        let script = format!("mount -t proc -o hidepid={hidepid} proc /proc && exec \"$@\"");
        let inner = through_shell(&script, &unprivileged(&inner));
        let ended = run_command(through(&["unshare", "-m"], &inner));
        let expected = format!(
            "memdoor: PID {id} exists, but /proc/{id} is hidden from this user\nhint: /proc is mounted with hidepid: run memdoor as root\n"
        );
        assert_eq!((ended.code(), ended.out.as_str(), ended.words()), (1, "", expected), "hidepid={hidepid}");
    }
}

#[test]
fn a_system_without_proc_is_told_how_to_get_it() {
    if !is_root() {
        return skip("needs root for chroot");
    }
    let dir = TempDir::new();
    dir.memdoor();
    let root = dir.path().to_str().expect("UTF-8");
    let enter = |args: &[&str]| run_command(command("chroot", &[&[root, "/memdoor"], args].concat()));
    for args in [&["-p", "1"][..], &["snapshot", "-p", "1"]] {
        let ended = enter(args);
        let expected =
            "memdoor: cannot open /proc: no such file or directory (ENOENT)\nhint: mount -t proc proc /proc\n";
        assert_eq!((ended.code(), ended.out.as_str(), ended.words().as_str()), (1, "", expected));
    }
    std::fs::create_dir(dir.join("proc")).expect("proc");
    let ended = enter(&["-p", "1"]);
    let expected =
        "memdoor: cannot open /proc/self: no proc file system is mounted on /proc\nhint: mount -t proc proc /proc\n";
    assert_eq!((ended.code(), ended.out.as_str(), ended.words().as_str()), (1, "", expected));
}

/// The only child of a process.
fn child_of(pid: u32) -> String {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let list = std::fs::read_to_string(&path).expect("children");
    list.trim().to_owned()
}

#[test]
fn a_target_in_other_namespaces_is_watched_by_its_number_out_here() {
    if !has_namespaces() {
        return;
    }
    let dir = TempDir::new();
    let copy = dir.victim("app");
    let inner = command(&copy, &["hold", "10"]);
    let mut target =
        Victim::start_command(through(&["unshare", "-p", "-f", "-m", "-n", "--mount-proc", "--kill-child"], &inner));
    assert_eq!(target.pid, 1, "it is the first process of its own namespace");
    let id = child_of(target.started());
    let mut watch = Running::start(memdoor(&["-p", &id, "-e", &copy, "-i", "60"]));
    let report = watch.next_report();
    assert!(report.is_full_snapshot(), "{report:#?}");
    assert_eq!(report.value("Executable Absolute Path"), copy);
    assert!(report.kib("Process RSS Memory Usage") >= 10 * 1024);
    assert_eq!(report.value("Parent PID"), target.started().to_string());
    assert!(report.tree().len() >= 3, "its ancestors out here: {:#?}", report.tree());
    let json = run(&["snapshot", "-p", &id, "--format", "json"]);
    let begin = common::json::Json::parse(json.out.lines().next().expect("a line"));
    assert_eq!(begin.number("process.vpid"), 1);
    let killed = Instant::now();
    target.end();
    let last = watch.next_report();
    assert!(last.is_end() && last.at - killed < SOON, "{last:#?}");
    assert_eq!(watch.end().code(), 5);
}

#[test]
fn a_target_in_another_root_is_named_as_it_is_named_there() {
    if !has_namespaces() {
        return;
    }
    let dir = TempDir::new();
    dir.victim("app");
    std::os::unix::fs::symlink("app", dir.join("link")).expect("link");
    std::os::unix::fs::symlink("/", dir.join("bin")).expect("bin");
    std::fs::create_dir(dir.join("proc")).expect("proc");
    let inner = command(dir.path().to_str().expect("UTF-8"), &["/app", "idle"]);
    // A mount of its own, so that the kernel shows paths as they are in there.
    let script = "mount --bind \"$1\" \"$1\" && mount -t proc proc \"$1/proc\" && exec chroot \"$@\"";
    let target = Victim::start_command(through(&["unshare", "-m"], &through_shell(script, &inner)));
    for name in ["/app", "/link", "/bin/app", "/bin/link"] {
        is_accepted(&target, name);
    }
    is_refused(&target, "/bin/sh");
}

#[test]
fn with_the_proc_of_another_pid_namespace_nobody_is_watched_by_a_number_that_means_another() {
    if !has_namespaces() {
        return;
    }
    // memdoor is PID 1 of a new namespace, /proc is still the old one's: there PID 1 is the host's.
    let apart = ["unshare", "-p", "-f", "--kill-child"];
    let target = Victim::start(&["idle"]);
    for args in [&["snapshot", "-p", "1"][..], &["-p", &target.id(), "-i", "60"]] {
        let ended = run_command(through(&apart, &memdoor(args)));
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:#?}");
        assert!(ended.err.starts_with("memdoor: /proc is of another pid namespace"), "{}", ended.err);
        assert!(ended.err.contains("\nhint: start memdoor with a /proc of its own"), "{}", ended.err);
    }
}

#[test]
fn what_would_have_no_effect_is_a_usage_error_and_so_is_a_value_that_is_typed_twice() {
    for (args, expected) in [
        (&["-p", "1", "-i", "1", "-i", "2"][..], "memdoor: -i twice: it takes one value"),
        (&["-p", "1", "-p", "2"], "memdoor: -p twice: a watch is of one process; for several: memdoor snapshot"),
        (&["-p", "1", "--keep", "3"], "memdoor: --keep without -o DIR: it is about the record in that directory"),
        (&["monitor", "--keep", "3"], "memdoor: --keep without -o [DIR]: it is about the files of a session"),
        (
            &["monitor", "--max-bytes", "1M"],
            "memdoor: --max-bytes without -o [DIR]: it is about the files of a session",
        ),
        (&["kill", "--log-max-bytes", "1M"], "memdoor: --log-max-bytes without --log-file PATH: it is about that file"),
        (
            &["kill", "--log-backup-count", "2"],
            "memdoor: --log-backup-count without --log-file PATH: it is about that file",
        ),
        (
            &["check", "--where", "--tree"],
            "MEMORY UNKNOWN - --where and --tree: each is shown instead of the other; one a call",
        ),
        (&["check", "--tree", "--format", "json"], "MEMORY UNKNOWN - --tree and --format 'json': in JSON each process"),
        (&["check", "--where", "-n", "3"], "MEMORY UNKNOWN - --where and -n '3': a sum names no processes"),
        (&["monitor", "5", "--minutes", "6"], "memdoor: --minutes twice: it takes one value"),
        (&["monitor", "--deep", "--analyze", "-n", "3", "--top", "4"], "memdoor: --top twice: it takes one value"),
        (&["kill", "--grace", "1", "--grace", "2"], "memdoor: --grace twice: it takes one value"),
        (
            &["kill", "--cgroup", "/a", "--swap-free", "5"],
            "memdoor: --swap-free '5' and --cgroup '/a': swap is the system's",
        ),
        (&["protect", "--undo", "--adj", "5"], "memdoor: --undo and --adj '5': what is put back is what it was before"),
        (&["dmesg", "--since", "1h", "--since", "2h"], "memdoor: --since twice: it takes one value"),
    ] {
        let ended = run(args);
        let said = if args[0] == "check" { &ended.out } else { &ended.err };
        assert!(said.starts_with(expected), "{args:?}: {ended:#?}");
        assert_eq!(ended.code(), if args[0] == "check" { 3 } else { 2 }, "{args:?}");
    }
}
