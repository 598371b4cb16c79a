//! `memdoor snapshot`: every line of the document, and that each value is the kernel's.

use crate::common;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use common::host::{
    TempDir, has_unprivileged, is_root, may_be_another_user, memtotal_kib, mount_hidepid, unprivileged, works,
};
use common::json::Json;
use common::report::{BANNERS, MAPPINGS, Mapping, Report, SOCKETS};
use common::run::{DEADLINE, Ended, Running, memdoor, run, run_command, through, through_shell};
use common::skip;
use common::target::{Victim, ancestors, path, snapshot, victim};

/// What stands before the first colon of each line.
fn labels(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split(": ").next().unwrap_or(line)).collect()
}

// The document

#[test]
fn every_banner_and_label_stands_where_the_document_has_it() {
    let target = Victim::start(&["idle"]);
    let report = snapshot(&target);
    let lines: Vec<&str> = report.lines.iter().map(String::as_str).collect();
    assert_eq!(labels(&report.lines[..2]), ["Report Time", "Report Time UTC"]);
    assert_eq!(lines[2], BANNERS[0]);
    assert_eq!(
        labels(report.section(BANNERS[0])),
        [
            "PID",
            "Executable Absolute Path",
            "Parent PID",
            "Command Name",
            "State",
            "Effective User ID",
            "Start Time",
            "Threads",
            "Current Working Directory",
            "Control Group",
            "Command Line",
        ]
    );
    let memory = labels(report.section(BANNERS[1]));
    // The document's five, in its order, before all of ours.
    assert_eq!(
        memory[..5],
        [
            "Total System Memory",
            "Process RSS Memory Usage",
            "Process PSS Memory Usage",
            "Process OOM Score",
            "Process OOM Score Adjustment Value",
        ]
    );
    assert_eq!(
        memory[5..20],
        [
            "Process USS Memory Usage",
            "Process Swap Usage",
            "Process Page Tables Usage",
            "Process Anonymous RSS",
            "Process File RSS",
            "Process Shared Memory RSS",
            "Process Peak RSS",
            "Process Locked Memory",
            "Process Hugetlb Memory",
            "Process Address Space",
            "System Available Memory",
            "System Total Swap",
            "System Free Swap",
            "RSS Share Of System Memory",
            "Limiting Control Group",
        ]
    );
    let headers: Vec<&str> = [BANNERS[4], BANNERS[5]].map(|banner| report.section(banner)[0].as_str()).into();
    assert_eq!(headers, [MAPPINGS, SOCKETS]);
    // Each banner has a blank line before it, and none of them comes twice.
    for banner in &BANNERS[1..] {
        let at = lines.iter().position(|line| line == banner).expect("there");
        assert_eq!(lines[at - 1], "");
        assert_eq!(lines.iter().filter(|line| *line == banner).count(), 1);
    }
}

#[test]
fn a_row_of_the_mappings_is_the_documents_to_the_column() {
    let target = Victim::start(&["idle"]);
    let report = snapshot(&target);
    let row = report.lines.iter().find(|line| line.ends_with("[vdso]"));
    let row = row.expect("every process has a vdso");
    // 00007fffdd787000  8               kB  r-xp  00:00  0          [vdso]
    assert_eq!(&row[16..18], "  ");
    assert_eq!(row[18..34].trim_end().len() + row[18..34].len() - row[18..34].trim_end().len(), 16);
    assert_eq!(&row[34..], "kB  r-xp  00:00  0          [vdso]");
    assert!(row[..16].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    // Nothing behind the blank column: the document's row ends there.
    let heap = report.lines.iter().find(|line| line.ends_with("rw-p  00:00  0          "));
    assert!(heap.is_some(), "an anonymous mapping ends with blanks: {report:#?}");
}

#[test]
fn the_first_line_is_local_time_and_the_second_utc() {
    let target = Victim::start(&["idle"]);
    let seconds = |text: &str| {
        let mut parts = text.split(':').map(|part| part.parse::<i64>().expect("a number"));
        let mut next = || parts.next().expect("three parts");
        next() * 3600 + next() * 60 + next()
    };
    for (zone, hours) in [("UTC0", 0), ("AAA-3", 3), ("BBB+5:30", -5)] {
        let mut command = memdoor(&["snapshot", "-p", &target.id()]);
        command.env("TZ", zone);
        let report = run_command(command).report();
        let local = seconds(report.value("Report Time").split_whitespace().nth(3).expect("a time"));
        let utc = seconds(&report.value("Report Time UTC")[11..19]);
        let offset = (local - utc).rem_euclid(86_400);
        let minutes = if hours < 0 { -30 } else { 0 };
        assert_eq!(offset, (hours * 3600 + minutes * 60_i64).rem_euclid(86_400), "{zone}");
    }
    let report = snapshot(&target);
    let (time, boot) = report.value("Report Time UTC").split_once(" (").expect("two clocks");
    assert_eq!((time.len(), &time[10..11], &time[19..20], &time[23..]), (24, "T", ".", "Z"), "{time}");
    let boot: f64 = boot.strip_suffix(" s since boot)").expect("seconds").parse().expect("a number");
    let uptime = fs::read_to_string("/proc/uptime").expect("uptime");
    let uptime: f64 = uptime.split(' ').next().expect("a word").parse().expect("a number");
    assert!((uptime - boot).abs() < DEADLINE.as_secs_f64(), "{boot} and {uptime}");
}

// The values

/// A victim whose program no other process maps: its PSS is its own.
fn alone(dir: &TempDir, args: &[&str]) -> Victim {
    let mut command = Command::new(dir.victim("alone"));
    command.args(args);
    Victim::start_command(command).settled()
}

#[test]
fn every_value_of_the_first_section_is_the_kernels() {
    let target = Victim::start(&["zombie-leader", "1"]);
    let alone = Victim::start(&["idle"]).settled();
    let report = snapshot(&alone);
    let exe = path();
    assert_eq!(report.value("PID"), alone.id());
    assert_eq!(report.value("Executable Absolute Path"), exe.to_str().expect("UTF-8"));
    assert_eq!(report.value("Parent PID"), std::process::id().to_string());
    assert_eq!(report.value("Command Name"), "victim");
    assert_eq!(report.value("State"), "S");
    let uid = alone.proc("status");
    let uid = uid.lines().find_map(|line| line.strip_prefix("Uid:")).expect("Uid");
    assert_eq!(Some(report.value("Effective User ID")), uid.split_whitespace().nth(1));
    assert_eq!(report.value("Threads"), "1");
    let cwd = std::env::current_dir().expect("cwd");
    assert_eq!(report.value("Current Working Directory"), cwd.to_str().expect("UTF-8"));
    assert_eq!(report.value("Command Line"), format!("{} idle", exe.display()));
    let report = snapshot(&target);
    assert_eq!(report.value("Threads"), "2");
    // That of the thread whose memory is shown: the first one is a zombie.
    assert_ne!(report.value("State"), "Z");
}

#[test]
fn a_start_time_is_that_of_the_process() {
    let before = std::time::SystemTime::now();
    let target = Victim::start(&["idle"]);
    let json = lines(&run(&["snapshot", "-p", &target.id(), "--format", "json"]));
    let time = json[0].text("process.creation.time");
    let since = before.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let seconds: u64 = time[17..19].parse().expect("seconds");
    let apart = (seconds + 60 - since.as_secs() % 60) % 60;
    // stat counts in hundredths, and the boot time is the difference of two clocks.
    assert!(apart <= 5 || apart >= 59, "{time}, started {apart} s later");
}

#[test]
fn memory_figures_are_those_of_status_and_smaps_rollup() {
    let dir = TempDir::new();
    let target = alone(&dir, &["hold", "32"]);
    fs::write(format!("/proc/{}/oom_score_adj", target.pid), "500").expect("adj");
    let report = snapshot(&target);
    let rollup = |key| target.kib("smaps_rollup", key);
    let status = |key| target.kib("status", key);
    assert_eq!(report.kib("Total System Memory"), memtotal_kib());
    assert_eq!(report.kib("Process PSS Memory Usage"), rollup("Pss"));
    assert_eq!(report.kib("Process USS Memory Usage"), rollup("Private_Clean") + rollup("Private_Dirty"));
    assert!(report.kib("Process RSS Memory Usage").abs_diff(rollup("Rss")) <= 1024);
    for (label, key) in [
        ("Process Swap Usage", "VmSwap"),
        ("Process Page Tables Usage", "VmPTE"),
        ("Process Anonymous RSS", "RssAnon"),
        ("Process File RSS", "RssFile"),
        ("Process Shared Memory RSS", "RssShmem"),
        ("Process Peak RSS", "VmHWM"),
        ("Process Locked Memory", "VmLck"),
        ("Process Hugetlb Memory", "HugetlbPages"),
        ("Process Address Space", "VmSize"),
    ] {
        assert!(report.kib(label).abs_diff(status(key)) <= 512, "{label}: {}", report.value(label));
    }
    assert_eq!(report.value("Process OOM Score"), target.proc("oom_score").trim());
    assert_eq!(report.value("Process OOM Score Adjustment Value"), "500");
    let share = f64::from(u32::try_from(report.kib("Process RSS Memory Usage")).expect("small"))
        / f64::from(u32::try_from(memtotal_kib()).expect("small"))
        * 100.0;
    let shown: f64 = report.value("RSS Share Of System Memory").trim_end_matches(" %").parse().expect("a number");
    assert!((share - 0.011..=share).contains(&shown), "{shown}, not {share}");
}

/// The rows that the kernel's own text gives.
fn kernels_mappings(target: &Victim) -> Vec<Mapping> {
    let bytes = fs::read(format!("/proc/{}/maps", target.pid)).expect("maps");
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            let line = escaped(line);
            let mut words = line.splitn(6, ' ');
            let mut next = || words.next().expect("a word").to_owned();
            let (range, perms, _, dev, inode) = (next(), next(), next(), next(), next());
            let path = words.next().unwrap_or_default().trim_start().to_owned();
            let (start, end) = range.split_once('-').expect("a range");
            let hex = |text| u64::from_str_radix(text, 16).expect("hex");
            Mapping {
                start: hex(start),
                kib: (hex(end) - hex(start)) / 1024,
                perms,
                dev,
                inode: inode.parse().expect("an inode"),
                path,
            }
        })
        .collect()
}

/// Names the first row that differs, and not all 60,000.
fn assert_same(rows: &[Mapping], kernels: &[Mapping]) {
    for (row, kernels) in rows.iter().zip(kernels) {
        assert_eq!(row, kernels);
    }
    assert_eq!(rows.len(), kernels.len());
}

/// Control characters as three octal digits; the rest of these tests' names is ASCII.
fn escaped(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte).to_string(),
            other => format!("\\{other:03o}"),
        })
        .collect()
}

#[test]
fn every_mapping_is_listed_as_the_kernel_lists_it() {
    let target = Victim::start(&["maps", "3000"]).settled();
    let report = snapshot(&target);
    let rows = report.mappings();
    assert!(rows.len() >= 3000);
    assert_same(&rows, &kernels_mappings(&target));
    assert_eq!(report.value("Mappings"), rows.len().to_string());
    let size: u64 = rows.iter().map(|row| row.kib).sum();
    assert_eq!(report.kib("Mapped Address Space (SIZE, Not RSS)"), size);
}

#[test]
fn hostile_paths_are_whole_and_can_not_write_to_the_terminal() {
    let dir = TempDir::new();
    let names = [
        "a b  c.so",
        "new\nline",
        "\u{1b}]52;c;cHduZWQ=\u{7}",
        "tab\tand\rreturn",
        "ends with (deleted)",
        "\n##### PROCESS NETWORK CONNECTION INFORMATION #####\n",
        "back\\slash",
        " leads",
        "trails ",
    ];
    let mut paths: Vec<String> = names.iter().map(|name| dir.write(name, b"x")).collect();
    let gone = dir.write("gone later", b"x");
    paths.push(gone.clone());
    // Fifteen directories of 255 newlines: the kernel writes each as four characters, 15 KiB in one line.
    let mut deep = dir.path().to_path_buf();
    for _ in 0..15 {
        deep.push("\n".repeat(250));
        fs::create_dir(&deep).expect("a directory");
    }
    let deep = deep.join("end").to_str().expect("UTF-8").to_owned();
    fs::write(&deep, b"x").expect("a deep file");
    paths.push(deep.clone());
    let args: Vec<&str> = ["map-file"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let target = Victim::start(&args).settled();
    fs::remove_file(&gone).expect("remove");
    let ended = run(&["snapshot", "-p", &target.id(), "--no-cmdline"]);
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""));
    assert!(!ended.out.contains(|c: char| c.is_control() && c != '\n'), "a control character got out");
    let report = ended.report();
    assert!(report.is_full_snapshot());
    let rows = report.mappings();
    assert_same(&rows, &kernels_mappings(&target));
    let has = |path: &str| rows.iter().any(|row| row.path == path);
    for path in paths.iter().filter(|path| **path != gone) {
        assert!(has(&escaped(path.as_bytes())), "{path:?} is missing");
    }
    assert!(has(&format!("{gone} (deleted)")));
    assert!(escaped(deep.as_bytes()).len() > 15_000);
}

#[test]
fn hostile_paths_are_strict_json_too() {
    let dir = TempDir::new();
    let deep = dir.path().join("\n".repeat(200));
    fs::create_dir(&deep).expect("a directory");
    let paths = [
        dir.write("a \"quoted\" \\ name", b"x"),
        dir.write("\u{1b}[2J\n", b"x"),
        deep.join("x").to_str().expect("UTF-8").to_owned(),
    ];
    fs::write(&paths[2], b"x").expect("a file");
    let args: Vec<&str> = ["map-file"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let target = Victim::start(&args).settled();
    let all = lines(&run(&["snapshot", "-p", &target.id(), "--format", "json"]));
    let found: Vec<&str> = all
        .iter()
        .filter(|line| line.text("event_name") == "memdoor.snapshot.mapping")
        .filter(|line| line.get("memdoor.mapping.path").is_some())
        .map(|line| line.text("memdoor.mapping.path"))
        .collect();
    for path in &paths {
        let expected = escaped(path.as_bytes());
        assert!(found.contains(&expected.as_str()), "{expected} is missing in {found:#?}");
    }
}

#[test]
fn sixty_thousand_mappings_are_listed_in_the_memory_of_one() {
    let most = fs::read_to_string("/proc/sys/vm/max_map_count").expect("max_map_count");
    if most.trim().parse::<u64>().expect("a number") < 65_530 {
        return skip("vm.max_map_count is below 65530");
    }
    // Now, exactly, and at most, from counts that each CPU keeps for itself: 32 pages of four kinds (percpu_counter_batch).
    let kib = |watch: &Running, file: &str, key: &str| {
        let text = fs::read_to_string(format!("/proc/{}/{file}", watch.pid())).expect(file);
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let size = line.expect(key).trim().trim_end_matches(" kB");
        size.parse::<u64>().expect("a number")
    };
    let resident = |watch: &Running| {
        let now = kib(watch, "smaps_rollup", "Rss:");
        (now, kib(watch, "status", "VmHWM:"))
    };
    let small = Victim::start(&["idle"]);
    // Without memory for a snapshot at its death, which is as large as this one.
    let once = ["-i", "60", "--seize", "never", "-p"];
    let mut watch = Running::start(memdoor(&[&once[..], &[&small.id()]].concat()));
    watch.next_report();
    let least = resident(&watch);
    drop(watch);
    let target = Victim::start(&["maps", "60000"]).settled();
    let mut watch = Running::start(memdoor(&[&once[..], &[&target.id()]].concat()));
    let report = watch.next_report();
    assert!(report.is_full_snapshot());
    let rows = report.mappings();
    assert!(rows.len() >= 60_000);
    assert_same(&rows, &kernels_mappings(&target));
    let most = resident(&watch);
    // 60,000 rows that were kept would be 2,800 kB.
    assert!(
        most.0 <= least.0 + 64 && most.1 <= least.1 + 1024,
        "{least:?} kB for a small target, {most:?} kB for this one"
    );
    if cfg!(not(debug_assertions)) {
        assert!(most.1 < 700, "{most:?} kB");
    }
}

// The tree

#[test]
fn the_tree_leads_from_the_target_to_the_first_process() {
    let target = Victim::start(&["idle"]);
    let report = snapshot(&target);
    let rows = report.tree();
    assert_eq!(report.tree_pids(), ancestors(target.pid));
    let score = target.proc("oom_score");
    let start = format!("{} (victim) - OOM score: {} - OOM adjustment score: 0 - RSS: ", target.pid, score.trim());
    assert!(rows[0].starts_with(&start), "{}", rows[0]);
    assert!(rows[0].ends_with(" kB - Swap: 0 kB"), "{}", rows[0]);
    assert_eq!(report.value("Child Processes"), "0");
}

#[test]
fn children_are_listed_below_and_all_are_counted() {
    let target = Victim::start(&["children", "5"]);
    let report = snapshot(&target);
    let rows: Vec<&str> = report.tree().into_iter().filter(|row| row.starts_with("Child: ")).collect();
    let list = target.proc(&format!("task/{}/children", target.pid));
    let pids: Vec<&str> = list.split_whitespace().collect();
    assert_eq!(rows.len(), 5);
    for (row, pid) in rows.iter().zip(pids) {
        assert!(row.starts_with(&format!("Child: {pid} (exe) - OOM score: ")), "{row}");
        assert!(!row.contains("- ("), "something is missing: {row}");
    }
    assert_eq!(report.value("Child Processes"), "5");
}

#[test]
fn more_children_than_fit_the_buffer_are_all_counted_and_the_first_64_listed() {
    let target = Victim::start(&["children", "700"]);
    let report = snapshot(&target);
    let rows = report.tree().into_iter().filter(|row| row.starts_with("Child: ")).count();
    assert_eq!((rows, report.value("Child Processes")), (64, "700"));
}

#[test]
fn a_zombie_child_has_no_memory_and_that_is_no_loss() {
    let child = Victim::start(&["zombie"]);
    let parent = child.started();
    let ended = run(&["snapshot", "-p", &parent.to_string()]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let report = ended.report();
    let row = report.tree().into_iter().find(|row| row.starts_with("Child: ")).map(str::to_owned);
    let row = row.expect("the zombie");
    assert!(row.starts_with(&format!("Child: {} (exe) - OOM score: ", child.pid)), "{row}");
    assert!(row.contains(" - RSS: - ("), "{row}");
}

#[test]
fn ancestors_that_hidepid_hides_are_said_to_be_hidden() {
    if !(is_root() && has_unprivileged() && works(&["unshare", "-m", "true"])) {
        return skip("needs root, unshare and setpriv");
    }
    let dir = TempDir::new();
    let copy = dir.victim("victim");
    let mut idle = Command::new(&copy);
    idle.arg("idle");
    let target = Victim::start_command(unprivileged(&idle));
    let mut inner = Command::new(dir.memdoor());
    inner.args(["snapshot", "-p", &target.id()]);
    for hidepid in ["1", "2", "4"] {
        let Some(script) = mount_hidepid(hidepid) else { continue };
        let script = format!("{script} && exec \"$@\"");
        let inner = through_shell(&script, &unprivileged(&inner));
        let ended = run_command(through(&["unshare", "-m"], &inner));
        assert_eq!(ended.code(), 4, "{ended:#?}");
        let report = ended.report();
        let tree = report.section(BANNERS[2]);
        let own = std::process::id();
        let why = match hidepid {
            "1" => format!("cannot read /proc/{own}/stat: operation not permitted (EPERM)"),
            _ => "hidden from this user (hidepid)".into(),
        };
        let hidden = format!("{own} (- ({why})) - ");
        assert!(tree[0].starts_with(&format!("{} (victim) - OOM score: ", target.pid)));
        assert!(tree[1].starts_with(&hidden), "hidepid={hidepid}: {tree:#?}");
        assert_eq!(report.value("Child Processes"), "0");
        assert!(report.mappings().len() > 5);
    }
}

/// Something that lies over a part of /proc is not hidepid, and no exec().
#[test]
fn what_lies_over_a_process_in_proc_is_neither_hidepid_nor_another_program() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    let target = Victim::start(&["idle"]);
    let (id, own) = (target.id(), std::process::id());
    let dir = TempDir::new();
    let (nothing, empty) = (dir.join("nothing"), dir.write("empty", b""));
    std::fs::create_dir(&nothing).expect("a directory");
    let over = |what: &str, place: String| {
        let script = format!("mount --bind {what} {place} || exit 9; exec \"$@\"");
        let inner = through_shell(&script, &memdoor(&["snapshot", "-p", &id]));
        run_command(through(&["unshare", "-m"], &inner))
    };
    let ended = over(&nothing, format!("/proc/{id}"));
    assert_eq!((ended.code(), &*ended.out), (1, ""), "{ended:#?}");
    assert!(
        ended.err.contains(&format!("memdoor: PID {id} exists, but /proc/{id} does not show it\nhint: ")),
        "{ended:#?}"
    );
    assert!(!ended.err.contains("hidepid") && !ended.err.contains("this user"), "{}", ended.err);
    let ended = over(&nothing, format!("/proc/{own}"));
    let why = "there is such a process, but /proc does not show it";
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert!(ended.out.contains(&format!("\n{own} (- ({why})) - ")), "{}", ended.out);
    assert!(!ended.out.contains("hidepid"), "{}", ended.out);
    let ended = over(&empty, format!("/proc/{id}/maps"));
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert!(ended.out.contains(&format!("cannot read /proc/{id}/maps: it is empty")), "{}", ended.out);
    assert!(!ended.out.contains("another program"), "{}", ended.out);
}

// Several

#[test]
fn several_processes_are_reported_in_the_order_typed() {
    let targets = [Victim::start(&["idle"]), Victim::start(&["hold", "2"]), Victim::start(&["idle"])];
    let [a, b, c] = targets.each_ref().map(Victim::id);
    let pair = format!("{b},{a}");
    let ended = run(&["snapshot", "-p", &pair, "--pid", &c]);
    assert_eq!(ended.code(), 0);
    let reports = ended.reports();
    let pids: Vec<&str> = reports.iter().map(|report| report.value("PID")).collect();
    assert_eq!(pids, [b.as_str(), &a, &c]);
    assert!(reports.iter().all(Report::is_full_snapshot));
}

#[test]
fn a_process_that_has_gone_does_not_keep_the_others_from_being_reported() {
    let targets = [Victim::start(&["idle"]), Victim::start(&["idle"])];
    let mut gone = Victim::start(&["idle"]);
    gone.end();
    let [a, b] = targets.each_ref().map(Victim::id);
    let ended = run(&["snapshot", "-p", &format!("{a},{},{b}", gone.pid)]);
    let expected = format!("ERROR: PID {} is not accessible: No such process\n", gone.pid);
    assert_eq!((ended.code(), ended.err.clone()), (5, expected));
    let reports = ended.reports();
    let pids: Vec<&str> = reports.iter().map(|report| report.value("PID")).collect();
    assert_eq!(pids, [a.as_str(), &b]);
}

// Command lines and JSON

#[test]
fn a_command_line_can_be_left_out() {
    let target = Victim::start(&["comm", "secret-token"]);
    let id = target.id();
    let shown = run(&["snapshot", "-p", &id]);
    assert_eq!(shown.report().value("Command Line"), format!("{} comm secret-token", path().display()));
    let hidden = run(&["snapshot", "-p", &id, "--no-cmdline"]).report();
    assert_eq!(hidden.find("Command Line"), None);
    assert_eq!(labels(hidden.section(BANNERS[0])).len(), 10);
    let hidden = run(&["-p", &id, "-c", "1", "--no-cmdline"]).report();
    assert_eq!(hidden.find("Command Line"), None);
}

/// Standard output as JSON.
fn lines(ended: &Ended) -> Vec<Json> {
    ended.out.lines().map(Json::parse).collect()
}

#[test]
fn json_holds_no_command_line_unless_it_is_asked_for() {
    let dir = TempDir::new();
    let copy = dir.victim("app");
    let mut command = Command::new(&copy);
    command.args(["map-file", "/proc/self/exe", &dir.write("password=hunter2", b"x")]);
    let target = Victim::start_command(command);
    let id = target.id();
    let hidden = run(&["snapshot", "-p", &id, "--format", "json"]);
    let begins = |ended: &Ended| lines(ended).remove(0);
    assert_eq!(begins(&hidden).get("process.command_line"), None);
    assert!(!hidden.out.contains("map-file"), "{}", hidden.out);
    let watched = run(&["-p", &id, "-c", "1", "--format=json"]);
    assert!(!watched.out.contains("map-file"), "{}", watched.out);
    let shown = run(&["snapshot", "-p", &id, "--format", "json", "--cmdline"]);
    assert!(begins(&shown).text("process.command_line").starts_with(&format!("{copy} map-file ")));
}

/// Keys that every line but the rows has.
const ENVELOPE: [&str; 13] = [
    "schema",
    "timestamp",
    "event_name",
    "severity_text",
    "severity_number",
    "message",
    "host.name",
    "host.arch",
    "host.boot.id",
    "os.type",
    "os.version",
    "memdoor.version",
    "process.pid",
];

/// event_name, and keys that its lines must have.
const KEYS: [(&str, &[&str]); 5] = [
    (
        "memdoor.snapshot.begin",
        &[
            "process.executable.name",
            "process.executable.path",
            "process.parent_pid",
            "memdoor.process.comm",
            "process.state",
            "process.user.id",
            "process.vpid",
            "process.creation.time",
            "process.thread.count",
            "process.working_directory",
            "process.linux.cgroup",
        ],
    ),
    (
        "memdoor.snapshot.memory",
        &[
            "process.memory.usage",
            "process.memory.virtual",
            "memdoor.process.pss_bytes",
            "memdoor.process.uss_bytes",
            "memdoor.process.swap_bytes",
            "memdoor.process.page_table_bytes",
            "memdoor.process.anon_bytes",
            "memdoor.process.file_bytes",
            "memdoor.process.shmem_bytes",
            "memdoor.process.peak_rss_bytes",
            "memdoor.process.locked_bytes",
            "memdoor.process.hugetlb_bytes",
        ],
    ),
    ("memdoor.snapshot.oom", &["memdoor.process.oom_score", "memdoor.process.oom_score_adj"]),
    (
        "memdoor.snapshot.system",
        &[
            "system.memory.limit",
            "system.memory.linux.available",
            "memdoor.host.free_bytes",
            "memdoor.host.swap_free_bytes",
            "memdoor.host.swap_total_bytes",
        ],
    ),
    ("memdoor.snapshot.end", &["memdoor.snapshot.status", "memdoor.snapshot.duration_us"]),
];

#[test]
fn json_is_one_object_a_line_with_the_schemas_keys() {
    let dir = TempDir::new();
    let target = alone(&dir, &["hold", "4"]);
    let ended = run(&["snapshot", "-p", &target.id(), "--format", "json"]);
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""));
    assert!(ended.out.lines().all(|line| line.len() < 16 * 1024));
    let all = lines(&ended);
    let named = |name: &str| all.iter().filter(|line| line.text("event_name") == name).collect::<Vec<_>>();
    for (name, keys) in KEYS {
        let [line] = named(name)[..] else { panic!("{name} is not there once: {all:#?}") };
        for key in ENVELOPE.iter().chain(keys) {
            assert!(line.get(key).is_some(), "{name} lacks {key}: {line:#?}");
        }
        assert_eq!(line.text("schema"), "memdoor/1");
        assert_eq!(line.number("process.pid"), i64::from(target.pid));
        assert_eq!(line.get("memdoor.incomplete"), None);
    }
    let id = all[0].text("memdoor.snapshot.id");
    for line in &all {
        assert_eq!(line.text("memdoor.snapshot.id"), id);
        let time = line.text("timestamp");
        assert_eq!((time.len(), &time[19..20], &time[26..]), (27, ".", "Z"), "{time}");
    }
    assert_eq!(all[0].text("event_name"), "memdoor.snapshot.begin");
    assert_eq!(all.last().expect("lines").text("memdoor.snapshot.status"), "complete");
    let rollup = named("memdoor.snapshot.memory")[0];
    let pss = i64::try_from(target.kib("smaps_rollup", "Pss") * 1024).expect("fits");
    assert_eq!(rollup.number("memdoor.process.pss_bytes"), pss);
    let rows = named("memdoor.snapshot.mapping");
    let kernels = kernels_mappings(&target);
    assert_eq!(rows.len(), kernels.len());
    for (row, kernels) in rows.iter().zip(kernels) {
        assert_eq!(row.text("memdoor.mapping.start"), format!("{:x}", kernels.start));
        assert_eq!(row.text("memdoor.mapping.end"), format!("{:x}", kernels.start.wrapping_add(kernels.kib * 1024)));
        assert_eq!(row.number("memdoor.mapping.size_bytes"), i64::try_from(kernels.kib * 1024).expect("fits"));
        assert_eq!(row.text("memdoor.mapping.perms"), kernels.perms);
        assert_eq!(row.text("memdoor.mapping.device"), kernels.dev);
        assert_eq!(row.number("memdoor.mapping.inode"), i64::try_from(kernels.inode).expect("fits"));
        assert!(row.get("memdoor.mapping.offset").is_some());
        assert_eq!(row.get("memdoor.mapping.path").is_some(), !kernels.path.is_empty());
    }
    let tree = named("memdoor.snapshot.ancestor");
    let pids: Vec<String> = tree.iter().map(|row| row.number("process.pid").to_string()).collect();
    assert_eq!(pids, ancestors(target.pid));
}

#[test]
fn json_of_a_watch_tells_below_from_above_and_how_it_ended() {
    let mut target = Victim::start(&["idle"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "60", "--format", "json"]));
    let (_, line) = watch.line().expect("a line");
    let below = Json::parse(&line);
    assert_eq!(below.text("event_name"), "memdoor.watch.below");
    assert_eq!(below.number("memdoor.watch.threshold_percent"), 99);
    let bytes = i64::try_from(memtotal_kib() * 1024).expect("fits");
    assert_eq!(below.number("memdoor.watch.threshold_bytes"), (bytes * 99 + 99) / 100);
    assert!(below.number("process.memory.usage") > 0);
    assert_eq!(below.get("memdoor.snapshot.id"), None);
    target.end();
    let ended = watch.end();
    assert_eq!(ended.code(), 5);
    let last = lines(&ended).pop().expect("a line");
    assert_eq!(last.text("event_name"), "memdoor.watch.end");
    for key in ENVELOPE {
        assert!(last.get(key).is_some(), "{key} is missing: {last:#?}");
    }
    assert!(last.text("memdoor.verdict.summary").starts_with("no OOM kill"));
    assert!(last.number("memdoor.watch.samples") > 0);
    assert_eq!(last.number("memdoor.watch.snapshots"), 0);
}

#[test]
fn what_can_not_be_read_is_absent_in_json_and_listed_with_its_reason() {
    if !may_be_another_user() {
        return;
    }
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    let mut inner = Command::new(dir.memdoor());
    inner.args(["snapshot", "-p", &target.id(), "--format", "json"]);
    let ended = run_command(unprivileged(&inner));
    assert_eq!(ended.code(), 4);
    let all = lines(&ended);
    let named = |name: &str| all.iter().find(|line| line.text("event_name") == name).expect("the line");
    let memory = named("memdoor.snapshot.memory");
    assert_eq!(memory.get("memdoor.process.pss_bytes"), None);
    let Some(Json::Array(reasons)) = memory.get("memdoor.incomplete") else { panic!("{memory:#?}") };
    let why = format!("cannot read /proc/{}/smaps_rollup: permission denied (EACCES)", target.pid);
    let why = Json::Text(format!("memdoor.process.pss_bytes: {why}"));
    assert!(reasons.contains(&why), "{reasons:?}");
    assert_eq!(named("memdoor.snapshot.end").text("memdoor.snapshot.status"), "partial");
    assert_eq!(named("memdoor.source.error").text("severity_text"), "ERROR");
}

#[test]
fn a_comm_with_anything_in_it_is_shown_escaped() {
    for (comm, shown) in [
        (r"a b) R 1 (c", "a b) R 1 (c"),
        (r"\x1b[31m\n", "\\033[31m\\012"),
        (r"\xff\xfe", "\\377\\376"),
        ("x) - OOM score", "x) - OOM score"),
        ("", ""),
    ] {
        let target = Victim::start_command(victim(&["comm", comm]));
        let ended = run(&["snapshot", "-p", &target.id(), "--no-cmdline"]);
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let report = ended.report();
        assert_eq!(report.value("Command Name"), shown);
        assert!(
            report.tree()[0].starts_with(&format!("{} ({shown}) - OOM score: ", target.pid)),
            "{:?}",
            report.tree()
        );
        assert_eq!(report.value("Parent PID"), std::process::id().to_string());
        let json = lines(&run(&["snapshot", "-p", &target.id(), "--format", "json"]));
        assert_eq!(json[0].text("memdoor.process.comm"), shown);
    }
}

#[test]
fn a_snapshot_changes_nothing_of_its_target() {
    let target = Victim::start(&["hold", "3"]).settled();
    let state = || {
        let fds = fs::read_dir(format!("/proc/{}/fd", target.pid)).expect("fds").count();
        (fds, target.proc("oom_score_adj"), target.proc("maps"))
    };
    let before = state();
    snapshot(&target);
    assert_eq!(state(), before);
    assert!(Path::new(&format!("/proc/{}", target.pid)).exists());
}

#[test]
fn a_list_of_mappings_that_death_cuts_short_is_never_called_whole() {
    let mut cut = 0;
    for _ in 0..20 {
        let target = Victim::start(&["maps", "60000"]);
        let id = target.id();
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let watch = Running::start_into(memdoor(&["snapshot", "-p", &id]), writer.into());
        // The first 64 KiB of rows are in the pipe, and memdoor waits for room in the middle of the list.
        let mut out = vec![0; 16 * 1024];
        reader.read_exact(&mut out).expect("rows");
        target.kill();
        reader.read_to_end(&mut out).expect("the rest");
        let code = watch.end().code();
        let text = String::from_utf8(out).expect("UTF-8");
        let rows = text.lines().filter(|line| line.contains("kB  ")).count();
        if rows < 60_000 {
            cut += 1;
            assert_eq!(code, 5, "{rows} rows");
            assert!(text.contains("\n- (the process is gone)\n"), "{rows} rows");
        }
        if cut == 3 {
            return;
        }
    }
    panic!("no list was cut short in 20 runs");
}

#[test]
fn a_zombies_row_says_that_it_is_one() {
    let target = Victim::start(&["zombie"]);
    let parent = target.started().to_string();
    let report = run(&["snapshot", "-p", &parent]).report();
    let row = report.tree().into_iter().find(|row| row.starts_with("Child: "));
    let row = row.expect("the zombie").to_string();
    assert!(row.contains("RSS: - (a zombie has none)"), "{row}");
}

#[test]
fn a_signal_that_is_for_a_watch_does_not_end_a_snapshot() {
    let target = Victim::start(&["maps", "10000"]);
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let taken = Running::start_into(memdoor(&["snapshot", "-p", &target.id()]), writer.into());
    let mut out = vec![0; 1024];
    reader.read_exact(&mut out).expect("rows");
    taken.signal(nix::sys::signal::Signal::SIGUSR1);
    reader.read_to_end(&mut out).expect("the rest");
    assert_eq!(taken.end().code(), 0);
    let text = String::from_utf8(out).expect("UTF-8");
    assert!(text.contains("NETWORK CONNECTION INFORMATION"));
}
