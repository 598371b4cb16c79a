//! The file for node_exporter: what Prometheus's own tools say of it.

use crate::common;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::{Command, Stdio};

use common::host::{TempDir, works};
use common::monitored::{MIB, empty, facts, group, hostile, sample, written};
use common::run::{Process, command, poll, try_run_with};
use common::skip;
use memdoor::monitor::groups::Group;
use memdoor::monitor::prometheus::{FILE, publish, put};
use memdoor::monitor::sample::Sample;
use memdoor::sys::ours::Replaced;

fn page(sample: &Sample, groups: &[Group]) -> String {
    let bytes = written(|out| put(&facts(sample, groups), out));
    String::from_utf8(bytes).expect("UTF-8")
}

/// Each series with its value.
fn series(page: &str) -> BTreeMap<&str, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        (name, value.parse().expect("a number"))
    });
    let all: Vec<_> = pairs.collect();
    let map: BTreeMap<_, _> = all.iter().copied().collect();
    assert_eq!(map.len(), all.len(), "one series twice: node_exporter would refuse it");
    map
}

#[test]
fn values_have_base_units() {
    let sample = sample();
    let groups = [group(b"/system.slice/db.service", 100 * MIB, Some(200 * MIB))];
    let page = page(&sample, &groups);
    let series = series(&page);
    for (name, value) in [
        ("memdoor_memory_used_ratio", 0.52),
        ("memdoor_memory_size_bytes", 16_777_216_000.0),
        ("memdoor_memory_available_bytes", 8_053_063_680.0),
        ("memdoor_swap_used_bytes", 1_073_741_824.0),
        ("memdoor_pressure_ratio{kind=\"some\",window=\"10s\"}", 0.0123),
        ("memdoor_pressure_ratio{kind=\"some\",window=\"1m\"}", 0.0045),
        ("memdoor_pressure_ratio{kind=\"full\",window=\"5m\"}", 1.0),
        ("memdoor_pressure_seconds_total{kind=\"some\"}", 12.496_112),
        ("memdoor_pressure_seconds_total{kind=\"full\"}", 0.5),
        ("memdoor_reclaim_scanned_bytes_total", 4_096_000_000.0),
        ("memdoor_allocation_stalls_total", 3000.0),
        ("memdoor_swapped_out_bytes_total", 32_768_000.0),
        ("memdoor_oom_kills_total", 1000.0),
        ("memdoor_processes", 321.0),
        ("memdoor_zombies", 2.0),
        ("memdoor_top_process_bytes", 1_073_741_824.0),
        ("memdoor_open_files", 3296.0),
        ("memdoor_open_files_limit", 9_223_372.0),
        ("memdoor_zone_unusable_ratio{node=\"0\",zone=\"Normal\"}", 0.9931),
        ("memdoor_cgroup_usage_bytes{cgroup=\"/system.slice/db.service\"}", 104_857_600.0),
        ("memdoor_cgroup_limit_bytes{cgroup=\"/system.slice/db.service\"}", 209_715_200.0),
        ("memdoor_cgroup_peak_bytes{cgroup=\"/system.slice/db.service\"}", 105_906_176.0),
        ("memdoor_cgroup_oom_kills_total{cgroup=\"/system.slice/db.service\"}", 2.0),
        ("memdoor_alerts_total{kind=\"memory\"}", 1.0),
        ("memdoor_alerts_total{kind=\"growth\"}", 3.0),
        ("memdoor_build_info{version=\"2.0.0\"}", 1.0),
        ("memdoor_last_sample_timestamp_seconds", 1_795_255_711.123_456),
    ] {
        let found = series.get(name).unwrap_or_else(|| panic!("no {name} in {page}"));
        assert!((found - value).abs() < 1e-6, "{name} is {found}");
    }
    assert_eq!(series.get("memdoor_compaction_failures_total"), None, "not known is not there");
    assert!(!page.contains("pid") && !page.contains("comm"), "a series a process");
}

#[test]
fn every_family_has_its_help_and_its_type_and_stands_together() {
    let sample = sample();
    let groups = [group(b"/a", 1, Some(2)), group(b"/b", 1, None)];
    let page = page(&sample, &groups);
    let mut seen: Vec<&str> = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("help");
            assert!(!seen.contains(&name) && help.ends_with('.'), "{line}");
            seen.push(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(Some(&name), seen.last());
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let name = line.split(['{', ' ']).next().expect("a name");
            assert_eq!(Some(&name), seen.last(), "{line}");
        }
    }
    assert_eq!(seen.len(), 29, "all but one, which is not known: {seen:?}");
}

#[test]
fn hostile_labels_are_escaped_and_no_series_stands_twice() {
    let (sample, _, mut groups, _) = hostile();
    // Cut paths end alike.
    let long = [&b"/"[..], &[b'x'; 400]].concat();
    groups.push(group(&long, 1, None));
    groups.push(group(&long, 2, None));
    let page = page(&sample, &groups);
    series(&page);
    assert!(page.contains("{cgroup=\"/x.slice/a\\\"b\"}"), "{page}");
    assert!(page.contains("{cgroup=\"/x.slice/two\\\\012lines\"}"), "{page}");
    assert!(!page.chars().any(|char| char.is_control() && char != '\n'));
}

/// Whether promtool takes the page.
fn promtool(page: &str) -> Option<(bool, String)> {
    let done = try_run_with(command("promtool", &["check", "metrics"]), page.as_bytes()).ok()?;
    Some((done.status.success(), done.out + &done.err))
}

#[test]
fn promtool_finds_no_fault_in_it() {
    let (plain, quiet) = (sample(), empty());
    let (hostile_sample, _, hostile_groups, _) = hostile();
    let groups = [group(b"/system.slice/db.service", 100 * MIB, Some(200 * MIB))];
    for (sample, groups) in [(&plain, &groups[..]), (&quiet, &[]), (&hostile_sample, &hostile_groups)] {
        let page = page(sample, groups);
        let Some((is_good, words)) = promtool(&page) else {
            return skip("needs promtool (Debian package prometheus)");
        };
        assert!(is_good && words.trim().is_empty(), "{words}\n{page}");
    }
    let bad = promtool("memdoor_swap_kB 1\nmemdoor_swap_kB 1\n").expect("promtool");
    assert!(!bad.0, "a control: {}", bad.1);
}

#[test]
fn a_page_takes_the_place_of_the_one_before_and_all_may_read_it() {
    let dir = TempDir::new();
    let path = dir.join("memdoor.prom");
    let c = CString::new(path.clone()).expect("no NUL");
    let (sample, mut buf) = (sample(), vec![0; 512]);
    dir.write("memdoor.prom", b"# HELP memdoor_x old\n");
    let old = fs::File::open(&path).expect("the old one");
    publish(&mut open(&c), &facts(&sample, &[]), &mut buf).expect("published");
    let text = fs::read_to_string(&path).expect("it");
    assert_eq!(text, page(&sample, &[]));
    assert_eq!(fs::metadata(&path).expect("it").mode() & 0o777, 0o644, "node_exporter is another user");
    let mut before = String::new();
    (&old).read_to_string(&mut before).expect("the old one");
    assert_eq!(before, "# HELP memdoor_x old\n", "who has opened it goes on in what it was");
    let left: Vec<_> = fs::read_dir(dir.path()).expect("it").collect();
    assert_eq!(left.len(), 1, "nothing else is left: {left:?}");
}

#[test]
fn what_has_taken_the_place_of_the_page_meanwhile_stays() {
    let dir = TempDir::new();
    let path = dir.join("memdoor.prom");
    let c = CString::new(path.clone()).expect("no NUL");
    let (sample, mut buf) = (sample(), vec![0; 512]);
    let mut file = open(&c);
    publish(&mut file, &facts(&sample, &[]), &mut buf).expect("published");
    let victim = dir.write("victim", b"mine");
    fs::remove_file(&path).expect("remove");
    symlink(&victim, &path).expect("a link");
    publish(&mut file, &facts(&sample, &[]), &mut buf).expect_err("a link");
    assert_eq!(fs::read(&victim).expect("it"), b"mine");
    assert!(fs::symlink_metadata(&path).expect("it").is_symlink());
    fs::remove_file(&path).expect("remove");
    fs::create_dir(&path).expect("a directory");
    publish(&mut file, &facts(&sample, &[]), &mut buf).expect_err("a directory");
    fs::remove_dir(&path).expect("remove");
    dir.write("memdoor.prom", b"mine");
    publish(&mut file, &facts(&sample, &[]), &mut buf).expect_err("somebody's notes");
    assert_eq!(fs::read(&path).expect("it"), b"mine");
    assert_eq!(fs::read_dir(dir.path()).expect("it").count(), 2, "nothing else is left");
    // A control: when it is gone, there is one again.
    fs::remove_file(&path).expect("remove");
    publish(&mut file, &facts(&sample, &[]), &mut buf).expect("published");
}

fn open(path: &CStr) -> Replaced<'_> {
    Replaced::open(path, &FILE).unwrap_or_else(|refused| panic!("{refused:?}"))
}

#[test]
fn node_exporter_reads_it() {
    let program = "prometheus-node-exporter";
    if !works(&[program, "--version"]) {
        return skip("needs prometheus-node-exporter (Debian package of that name)");
    }
    let dir = TempDir::new();
    let (sample, _, groups, _) = hostile();
    let path = CString::new(dir.join("memdoor.prom")).expect("no NUL");
    publish(&mut open(&path), &facts(&sample, &groups), &mut [0; 4096]).expect("published");
    // What is left of a run that was killed in between is not read.
    dir.write("memdoor.prom.new-1", b"torn{");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = port.expect("a free port").to_string();
    let mut command = Command::new(program);
    command.args(["--collector.disable-defaults", "--collector.textfile", "--web.disable-exporter-metrics"]);
    command.arg(format!("--collector.textfile.directory={}", dir.join("")));
    command.arg(format!("--web.listen-address={address}"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _exporter = Process::start(command);
    let answer = poll("node_exporter to answer", || {
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    });
    assert!(answer.contains("\nnode_textfile_scrape_error 0\n"), "{answer}");
    for line in [
        "# TYPE memdoor_memory_used_ratio gauge",
        "# TYPE memdoor_pressure_seconds_total counter",
        "memdoor_pressure_seconds_total{kind=\"full\"} 0.5",
        "memdoor_cgroup_oom_kills_total{cgroup=\"/x.slice/a\\\"b\"} 2",
        "memdoor_cgroup_usage_bytes{cgroup=\"/x.slice/\\\\377\\\\376\\\\200\"} 1.4680064e+07",
    ] {
        assert!(answer.lines().any(|found| found == line), "no {line} in {answer}");
    }
}
