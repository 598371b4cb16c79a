//! `memdoor check`: a monitoring plugin's first line and exit code, whatever runs, and figures that are the kernel's.

use crate::common;

use std::fs::{self, File};
use std::process::Stdio;

use common::host::{TempDir, is_root, memtotal_kib, works};
use common::json::Json;
use common::run::{Ended, Running, memdoor, poll, run, run_command, through, through_shell};
use common::skip;
use common::target::{Victim, kib, path};

fn check(args: &[&str]) -> Ended {
    let ended = run(&[&["check"], args].concat());
    assert_eq!(ended.err, "", "{ended:#?}");
    ended
}

/// The first line's words and its figures, as a plugin's caller takes them apart.
fn plugin(ended: &Ended) -> (String, Vec<(String, String)>) {
    let first = ended.out.lines().next().expect("a line");
    let (words, figures) = first.split_once(" | ").expect("figures");
    let pair = |figure: &str| {
        let (label, value) = figure.split_once('=').expect("label=value");
        (label.to_string(), value.to_string())
    };
    (words.into(), figures.split(' ').map(pair).collect())
}

fn samples(args: &[&str]) -> Vec<Json> {
    let ended = check(&[args, &["--format", "json"]].concat());
    ended.out.lines().map(Json::parse).collect()
}

#[test]
fn the_first_line_and_the_exit_code_are_a_plugins() {
    // This machine uses more than 1 % and less than 99 % of its memory.
    for (args, code, word) in [
        (&["-w", "98", "-c", "99"][..], 0, "OK"),
        (&["--warning", "1", "--critical", "99%"], 1, "WARNING"),
        (&["--critical", "1"], 2, "CRITICAL"),
        (&["--threshold", "1%"], 2, "CRITICAL"),
        (&["--threshold", "99"], 0, "OK"),
    ] {
        let ended = check(args);
        assert_eq!(ended.code(), code, "{args:?} {ended:#?}");
        let (words, figures) = plugin(&ended);
        assert!(words.starts_with(&format!("MEMORY {word} - ")), "{words}");
        assert!(words.contains("% used, "), "{words}");
        let value = |label: &str| {
            let found = figures.iter().find(|(known, _)| known == label);
            found.unwrap_or_else(|| panic!("{label}")).1.clone()
        };
        let used = value("used");
        let (percent, bounds) = used.split_once("%;").expect("percent");
        let used: f64 = percent.parse().expect("a number");
        assert!((1.0..99.0).contains(&used), "{used}");
        assert!(bounds.ends_with(";0;100"), "{bounds}");
        let total = memtotal_kib() * 1024;
        assert!(value("available").ends_with(&format!("B;;;0;{total}")));
    }
    let (_, figures) = plugin(&check(&["-w", "70", "-c", "85"]));
    assert!(figures[0].1.ends_with("%;70;85;0;100"), "{figures:?}");
    // Percent signs, and from nothing to all of it.
    let (_, figures) = plugin(&check(&["-w", "0%", "-c", "100%"]));
    assert!(figures[0].1.ends_with("%;0;100;0;100"), "{figures:?}");
    // No default warning above the threshold.
    let (_, figures) = plugin(&check(&["-c", "50"]));
    assert!(figures[0].1.ends_with("%;;50;0;100"), "{figures:?}");
}

#[test]
fn what_can_not_be_told_is_unknown_on_standard_output() {
    for wrong in
        [&["--warning", "101"][..], &["-c", "-1"], &["--nonsense"], &["operand"], &["-w", "95", "-c", "90"], &["--top"]]
    {
        let ended = run(&[&["check"], wrong].concat());
        assert_eq!((ended.code(), &*ended.err), (3, ""), "{ended:#?}");
        assert!(ended.out.starts_with("MEMORY UNKNOWN - "), "{ended:#?}");
        assert_eq!(ended.out.lines().count(), 1);
    }
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and a mount namespace for an empty /proc");
    }
    let inner = through_shell("mount -t tmpfs none /proc; exec \"$@\"", &memdoor(&["check"]));
    let ended = run_command(common::run::through(&["unshare", "-m"], &inner));
    assert_eq!(ended.code(), 3, "{ended:#?}");
    let words = "cannot open /proc/self: no proc file system is mounted on /proc";
    assert_eq!(ended.out, format!("MEMORY UNKNOWN - {words}\n"));
    assert_eq!(ended.err, "hint: mount -t proc proc /proc\n");
}

#[test]
fn a_full_disk_is_unknown_and_a_reader_that_goes_is_none() {
    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    let ended = Running::start_into(memdoor(&["check"]), Stdio::from(full)).end();
    assert_eq!(ended.code(), 3, "{ended:#?}");
    assert!(ended.err.contains("ENOSPC"), "{ended:#?}");
    let command = through_shell("\"$@\" | head -1", &memdoor(&["check"]));
    let ended = run_command(command);
    assert_eq!((ended.code(), ended.out.lines().count()), (0, 1));
}

#[test]
fn figures_are_those_of_the_kernel() {
    let out = check(&["--critical", "99"]).out;
    let line = |start: &str| {
        let found = out.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in {out}")).to_string()
    };
    let total = format!(" of {:.1} MiB; ", memtotal_kib() as f64 / 1024.0);
    assert!(line("Used:        ").contains(&total), "{out}");
    let swappiness = fs::read_to_string("/proc/sys/vm/swappiness").expect("swappiness");
    assert!(line("Swappiness:  ").contains(swappiness.trim()), "{out}");
    for start in ["Swap:        ", "Page cache:  ", "tmpfs, shm:  "] {
        line(start);
    }
    if fs::metadata("/proc/pressure/memory").is_ok() {
        assert!(line("Some waited: ").ends_with(" s since boot"), "{out}");
        assert!(line("All waited:  ").contains(" % of 300 s"), "{out}");
    }
    assert!(out.contains("\nTOP 5 BY RSS\n") && out.contains("\nTOP 5 BY FREEABLE MEMORY\n"));
    // But for the plugin's line, which is one by convention.
    for line in out.lines().skip(1) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn every_process_stands_in_its_order_with_its_own_figures() {
    let target = Victim::start(&["hold", "40"]).settled();
    let out = check(&["-n", "100000"]).out;
    let (_, lists) = out.split_once("\nTOP 100000 BY RSS\n").expect("a list");
    let (by_rss, by_own) = lists.split_once("\nTOP 100000 BY FREEABLE MEMORY\n").expect("two");
    let rows = |list: &str, column: usize| -> Vec<f64> {
        let cell = |line: &str| line.split_whitespace().nth(column)?.parse().ok();
        list.lines().filter_map(cell).collect()
    };
    for sizes in [rows(by_rss, 1), rows(by_own, 3)] {
        assert!(sizes.len() > 1);
        assert!(sizes.is_sorted_by(|one, next| one >= next), "{sizes:?}");
    }
    let row = by_own.lines().find(|line| line.split_whitespace().next() == Some(&target.id()));
    let words: Vec<&str> = row.expect("the victim").split_whitespace().collect();
    let mb = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    assert_eq!(words[1], mb(kib(target.pid, "status", "VmRSS")));
    let own = kib(target.pid, "status", "RssAnon") + kib(target.pid, "status", "VmSwap");
    assert_eq!((words[3], words[5]), (&*mb(own), "victim"));
}

#[test]
fn names_and_command_lines_of_others_forge_neither_lines_nor_figures() {
    let target = Victim::start(&["comm", r"a\n|b=1\x1b"]);
    for args in [&["-n", "100000"][..], &["-n", "100000", "--cmdline"], &["--tree", "-n", "100"]] {
        let out = check(args).out;
        let (_, below) = out.split_once('\n').expect("lines");
        assert!(!below.contains(['|', '\x1b']), "{below}");
        let row = below.lines().find(|line| line.split_whitespace().next() == Some(&target.id()));
        let is_shown = row.is_some_and(|row| row.contains(r"a\012\174b=1\033") || row.contains(r"comm a\n\174b=1\x1b"));
        assert!(is_shown || args.contains(&"--tree"), "{row:?}");
    }
}

#[test]
fn a_command_line_is_shown_whole_and_only_when_asked_for() {
    let target = Victim::start(&["hold", "1"]).settled();
    let with = check(&["-n", "100000", "--cmdline"]).out;
    assert!(with.lines().any(|line| line.contains("/victim hold 1 ")), "{with}");
    let lines = samples(&["-n", "100000", "--cmdline"]);
    let of = |line: &&Json| line.number_at("process.pid") == Some(&target.id());
    let line = lines.iter().find(of).expect("the victim");
    assert!(line.text("process.command_line").contains("hold\\0001"));
    let lines = samples(&["-n", "100000"]);
    assert!(lines.iter().all(|line| line.get("process.command_line").is_none()));
    let with = check(&["--tree", "-n", "100", "--cmdline"]).out;
    let own = format!("{}/", std::env::current_exe().expect("a test").parent().expect("its directory").display());
    assert!(with.contains(&own), "the test itself is above its victim: {with}");
}

#[test]
fn json_is_one_host_and_its_largest_processes() {
    let lines = samples(&["-n", "3", "--critical", "99"]);
    let (host, processes) = lines.split_first().expect("a host");
    assert_eq!(host.text("event_name"), "memdoor.host.sample");
    assert!(host.get("process").is_none());
    let total = i64::try_from(memtotal_kib() * 1024).expect("fits");
    assert_eq!(host.number("system.memory.limit"), total);
    let available = host.number("system.memory.linux.available");
    assert_eq!(host.number("memdoor.host.used_bytes"), total - available);
    assert_eq!(host.text("memdoor.check.status"), "ok");
    assert_eq!(host.number("memdoor.check.critical_percent"), 99);
    assert_eq!(processes.len(), 6);
    let ranks: Vec<Option<&str>> = processes.iter().map(|line| line.number_at("memdoor.check.rank_by_rss")).collect();
    assert_eq!(ranks, [Some("1"), Some("2"), Some("3"), None, None, None]);
    for line in &lines {
        assert_eq!(line.text("schema"), "memdoor/1");
        for (path, leaf) in line.leaves() {
            assert!(*leaf != Json::Null, "{path}");
        }
    }
    let ended = run(&["check", "-c", "1", "--format", "json"]);
    assert_eq!(ended.code(), 2);
    assert!(ended.out.contains("\"status\":\"critical\""), "{ended:#?}");
}

#[test]
fn a_family_of_a_browsers_name_is_refused() {
    for name in ["Chrome", "chrome"] {
        let ended = run(&["check", "--family", &format!("{name}=^chrome")]);
        assert_eq!(ended.code(), 3);
        assert!(ended.out.contains("a browser is called so"), "{ended:#?}");
    }
}

/// The sum over `memdoor.where`, the rest left out; and one of its members.
fn whereabouts() -> (i64, i64, Json) {
    let host = samples(&["--where"]).remove(0);
    let Some(Json::Object(members)) = host.get("memdoor.where") else {
        panic!("no memdoor.where in {host:#?}");
    };
    let number = |value: &Json| match value {
        Json::Number(number) => number.parse::<i64>().expect("whole"),
        other => panic!("{other:?}"),
    };
    let rest = host.number("memdoor.where.rest_bytes");
    let sum = members.iter().map(|(_, value)| number(value)).sum::<i64>() - rest;
    (sum, rest, host)
}

#[test]
fn where_is_a_sum_that_is_memtotal_to_the_byte() {
    let (sum, rest, host) = whereabouts();
    assert_eq!(sum + rest, host.number("system.memory.limit"));
    let out = check(&["--where"]).out;
    let (_, table) = out.split_once("\nWHERE THE MEMORY IS").expect("a table");
    for source in [
        "MemFree",
        "/proc/zoneinfo count",
        "AnonPages",
        "Cached + Buffers - Shmem",
        "Shmem",
        "SReclaimable",
        "SUnreclaim",
        "PageTables + SecPageTables",
        "KernelStack",
        "VmallocUsed - KernelStack",
        "Percpu",
        "/proc/net/sockstat mem - SUnreclaim",
        "Hugetlb",
        "/sys/block/zram*/mm_stat",
        "MemTotal - all of these",
        "MemTotal",
    ] {
        assert!(
            table.lines().any(|line| line.ends_with(&format!("  {source}")))
                || (rest < 0 && source.contains(" all of these")),
            "{source}: {table}"
        );
    }
    assert!(out.lines().skip(1).all(|line| line.len() <= 80), "{out}");
    assert!(out.lines().count() <= 22, "{out}");
}

/// Container runtimes lay /dev/null or an empty directory over it.
#[test]
fn segments_that_can_not_be_read_are_not_said_to_be_none() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    for (mount, why) in [
        ("mount --bind /dev/null /proc/sysvipc/shm", "cannot read /proc/sysvipc/shm: it is empty"),
        ("mount -t tmpfs none /proc/sysvipc", "cannot read /proc/sysvipc/shm: no such file or directory (ENOENT)"),
    ] {
        let masked = |args: &[&str]| {
            let inner = through_shell(&format!("{mount} && exec \"$@\""), &memdoor(args));
            run_command(through(&["unshare", "-m"], &inner))
        };
        let ended = masked(&["check", "--where"]);
        assert!(ended.out.contains(&format!(" MiB in tmpfs, - in segments\n({why})\n")), "{ended:#?}");
        let ended = masked(&["check", "--where", "--format", "json"]);
        let line = ended.out.lines().next().unwrap_or_default();
        assert!(line.contains(&format!("\"incomplete\":[\"memory in System V segments: {why}\"")), "{ended:#?}");
        assert!(!line.contains("segments_bytes"), "{ended:#?}");
    }
}

/// Anonymous memory and the page cache are what the rest of the machine moves all the time; shared memory it leaves alone.
#[test]
fn a_file_in_memory_is_found_where_it_went() {
    const MIB: i64 = 1 << 20;
    if TempDir::in_memory().is_none() {
        return skip("needs /dev/shm");
    }
    let shmem = || whereabouts().2.number("memdoor.where.shmem_bytes");
    poll("64 MiB of shared memory", || {
        let before = shmem();
        let dir = TempDir::in_memory()?;
        dir.write("file", &vec![1; 64 << 20]);
        ((shmem() - before - 64 * MIB).abs() < 8 * MIB).then_some(())
    });
}

#[test]
fn a_tree_shows_who_started_the_largest() {
    let parent = Victim::start(&["children", "1"]).settled();
    let out = check(&["--tree", "-n", "100000"]).out;
    let column = |pid: &str| {
        let mut rows = out.lines();
        let row = rows.find(|line| line.split_whitespace().next() == Some(pid));
        row.map(|row| row.rfind("  ").expect("blanks before its name"))
    };
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", parent.pid));
    let Ok(children) = children else {
        return skip("this kernel has no /proc/PID/task/TID/children");
    };
    let (above, below) = (column(&parent.id()), column(children.trim()));
    // Room for 256: on a machine with more processes they may be left out.
    if let (Some(above), Some(below)) = (above, below) {
        assert_eq!(below, above + 2, "{out}");
    } else {
        assert!(out.lines().count() >= 250, "{out}");
    }
}

/// None of them alone would give it back, and all together do.
#[test]
fn a_tree_is_ranked_by_what_its_processes_hold_together() {
    let target = Victim::start(&["forks", "sharers", "shared", "150", "2"]);
    let out = check(&["--tree", "-n", "3"]).out;
    let row = out
        .lines()
        .find(|line| line.split_whitespace().next() == Some(&target.id()))
        .unwrap_or_else(|| panic!("{out}"));
    let freeable: f64 =
        row.split_whitespace().nth(2).and_then(|size| size.trim_start_matches('~').parse().ok()).expect("MiB");
    assert!(freeable > 140.0, "{out}");
    assert!(out.contains(" more, which hold "), "{out}");
}

/// A name that no other process has, of at most 15 bytes.
fn name(end: &str) -> String {
    format!("mc{}{end}", std::process::id())
}

/// A tree of `children` + 1 processes of that name, each holding so many MiB.
fn family(name: &str, mib: &str, children: &str) -> Victim {
    Victim::start(&["family", name, mib, children])
}

/// The words of the first line that begins with these.
fn row<'o>(out: &'o str, start: &[&str]) -> Vec<&'o str> {
    let words = |line: &'o str| line.split_whitespace().collect::<Vec<_>>();
    let mut rows = out.lines().map(words);
    let found = rows.find(|row| row.starts_with(start));
    found.unwrap_or_else(|| panic!("no {start:?} in {out}"))
}

#[test]
fn browsers_are_summed_up_by_family_and_by_instance() {
    let name = name("b");
    let small = family(&name, "4", "1");
    let large = family(&name, "8", "3");
    let single = family(&name, "2", "0");
    let of = format!("mine=^{name}$");
    let out = check(&["--browsers", "--family", &of, "-n", "2"]).out;
    let mib = |word: &str| word.parse::<f64>().expect("a number").floor();
    let sum = row(&out, &["mine"]);
    assert_eq!((sum[1], sum[2]), ("3", "7"), "{out}");
    assert_eq!(mib(sum[4]), 42.0, "{out}");
    let all = row(&out, &["in", "all"]);
    assert!(mib(all[5]) >= 42.0 && mib(all[4]) >= 42.0, "{out}");
    let at = |victim: &Victim| {
        let start = format!("{:>8} ", victim.pid);
        let mut lines = out.lines();
        lines.position(|line| line.starts_with(&start) && line.contains(" mine: "))
    };
    let places = [&large, &small, &single].map(|victim| at(victim).expect("an instance"));
    assert!(places.is_sorted(), "{out}");
    // The two largest of a tree of several; one alone is its instance.
    assert_eq!(places[1] - places[0], 3, "{out}");
    let root = row(&out, &[&large.id()]);
    assert_eq!((root[1], mib(root[3]), root[4]), ("4", 32.0, "mine:"));
    let member = out.lines().nth(places[0] + 1).expect("a member");
    let member: Vec<&str> = member.split_whitespace().collect();
    assert_eq!((mib(member[2]), member[3]), (8.0, &*name), "{out}");
    for line in out.lines().skip(1) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    // What kill would end is the same tree.
    let only = format!("^{name}$");
    let args = ["kill", "--config", "/dev/null", "--once", "--dry-run"];
    let killed = run(&[&args[..], &["--threshold", "0", "--only", &only]].concat()).out;
    for line in [format!("Victim PID: {}", large.pid), "Victim Processes: 4".into()] {
        assert!(killed.lines().any(|known| known == line), "{killed}");
    }
}

/// The pattern stands in the arguments of memdoor, of its readers, and of whoever was told to run it.
#[test]
fn a_family_by_arguments_has_neither_memdoor_nor_who_was_told_to_run_it() {
    let (needle, start) = (name("needle"), "No browser runs, nor what --family names.");
    let of = format!("x=cmdline:{needle}");
    let out = check(&["--browsers", "--family", &of]).out;
    assert!(out.contains(start) || !out.contains("x: "), "{out}");
    let inner = memdoor(&["check", "--family", &of]);
    let told = run_command(common::run::through_shell("\"$@\"; exit $?", &inner)).out;
    assert!(told.contains("used") && !told.contains("x: "), "{told}");
    let mut found = common::run::command("bash", &["-c", "exec -a \"$0\" sleep 60", &needle]);
    found.stdin(std::process::Stdio::null());
    let sleeping = common::run::Running::start(found);
    common::run::poll("its arguments", || {
        let out = check(&["--family", &of]).out;
        out.contains(&format!("{} ", sleeping.pid())).then_some(())
    });
}

#[test]
fn json_has_each_family_its_instances_and_their_largest() {
    let name = name("j");
    let tree = family(&name, "4", "2");
    let of = format!("mine=^{name}$");
    let lines = samples(&["--family", &of, "-n", "2"]);
    assert_eq!(lines[0].text("event_name"), "memdoor.host.sample");
    assert!(lines[0].number("memdoor.family.processes") >= 3);
    let of_mine = |line: &&Json| line.text_at("memdoor.family.name") == Some("mine");
    let mine: Vec<&Json> = lines.iter().filter(of_mine).collect();
    let events: Vec<&str> = mine.iter().map(|line| line.text("event_name")).collect();
    let process = "memdoor.process.sample";
    assert_eq!(events, ["memdoor.family.sample", process, process, process]);
    let (sum, root) = (mine[0], mine[1]);
    for line in [sum, root] {
        assert_eq!(line.number("memdoor.family.instances"), 1);
        assert_eq!(line.number("memdoor.family.processes"), 3);
        let held = line.number("memdoor.family.held_bytes");
        assert!((12 << 20..15 << 20).contains(&held), "{held}");
        assert!(line.number("memdoor.family.rss_bytes") >= held);
    }
    assert_eq!(root.number("process.pid"), i64::from(tree.pid));
    for (line, rank) in mine[2..].iter().zip(1..) {
        assert_eq!(line.number("memdoor.family.rank"), rank);
        assert_eq!(line.number("memdoor.family.root_pid"), i64::from(tree.pid));
        assert_eq!(line.text("memdoor.process.comm"), name);
    }
}

/// Firefox calls some of its processes as others do, too: their executable decides.
#[test]
fn a_browser_is_known_by_its_name_and_its_helper_by_its_executable() {
    let dir = TempDir::new();
    let firefox = dir.program(&path(), "firefox");
    let start =
        |program: &str, comm: &str| Victim::start_command(common::run::command(program, &["family", comm, "1", "0"]));
    let victim = path();
    let victim = victim.to_str().expect("UTF-8");
    let chrome = start(victim, "chrome");
    let helper = start(&firefox, "Web Content");
    let other = start(victim, "Web Content");
    let out = check(&["--browsers", "-n", "100000"]).out;
    assert_eq!(row(&out, &[&chrome.id()])[4..], ["Chrome:", "chrome"]);
    let shown = row(&out, &[&helper.id()])[4..].join(" ");
    assert_eq!(shown, "Firefox: Web Content");
    let id = format!("{:>8} ", other.pid);
    assert!(!out.lines().any(|line| line.starts_with(&id)), "{out}");
}

#[test]
fn hostile_names_of_a_family_forge_neither_lines_nor_json() {
    let name = name("h");
    let hostile = format!(r"{name}|\x1b[2J\n\xff");
    let victim = family(&hostile, "1", "1");
    let of = format!("mine=^{name}");
    for args in [&["--family", &of][..], &["--family", &of, "--cmdline"]] {
        let out = check(args).out;
        let (_, below) = out.split_once('\n').expect("lines");
        let is_plain = |c: char| c == '\n' || (!c.is_control() && c != '|');
        assert!(below.chars().all(is_plain), "{below}");
        assert_eq!(row(&out, &[&victim.id()])[4], "mine:");
    }
    // On a busy machine a command line may come too late, which is said.
    poll("the command line", || {
        let lines = samples(&["--family", &of, "--cmdline"]);
        let samples_of = lines.iter().filter(|line| line.text("event_name") == "memdoor.process.sample");
        let told: Vec<_> = samples_of.map(|line| line.text_at("process.command_line")).collect();
        let is_told = !told.is_empty() && told.iter().all(|line| line.is_some_and(|line| line.contains("family")));
        is_told.then_some(())
    });
    let lines = samples(&["--family", &of]);
    let comm = |line: &Json| line.text_at("memdoor.process.comm").map(str::to_string);
    let found = lines.iter().filter_map(comm).find(|comm| comm.starts_with(&name));
    assert!(found.is_some_and(|comm| comm.contains(r"\033")), "{lines:#?}");
}

#[test]
fn without_a_browser_check_says_so_and_a_wrong_family_is_unknown() {
    for (wrong, why) in [("x", "NAME=REGEX"), ("=x", "NAME=REGEX"), ("a=(", "group")] {
        let ended = run(&["check", "--family", wrong]);
        assert_eq!((ended.code(), &*ended.err), (3, ""), "{ended:#?}");
        let start = "MEMORY UNKNOWN - --family: ";
        assert!(ended.out.starts_with(start) && ended.out.contains(why), "{ended:#?}");
    }
    let namespace = ["unshare", "-p", "-f", "--mount-proc"];
    if !is_root() || !works(&[&namespace[..], &["true"]].concat()) {
        return skip("needs root and unshare, for a pid namespace without a browser");
    }
    let ended = run_command(common::run::through(&namespace, &memdoor(&["check", "--browsers"])));
    assert!(ended.out.ends_with("\nNo browser runs, nor what --family names.\n"), "{ended:#?}");
}
