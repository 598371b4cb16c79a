//! `memdoor scores`: the kernel's own values, in the kernel's own order; and whom it predicts the kernel really kills.

use crate::common;

use std::fs;

use common::host::{TempDir, has_unprivileged, unprivileged};
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::run::{Ended, command, poll, run, run_command};
use common::skip;
use common::target::{Victim, kib, victim};
use memdoor::cgroup::{self as cgroups, Swap};
use memdoor::parse::cgroup::Version;
use memdoor::parse::kmsg::record;
use memdoor::parse::memcg::{Bounds, Victims};
use memdoor::parse::oom_report::kill::killed;
use memdoor::sys::file::Dir;
use memdoor::sys::kmsg::{Kmsg, RECORD, Read};
use memdoor::units::Bytes;

/// A victim with another oom_score_adj: raising takes no right.
fn adjusted(target: &Victim, adj: i64) {
    let path = format!("/proc/{}/oom_score_adj", target.pid);
    fs::write(path, adj.to_string()).expect("raised");
}

fn scores(args: &[&str]) -> Ended {
    let ended = run(&[&["scores"], args].concat());
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{ended:#?}");
    ended
}

fn samples(args: &[&str]) -> Vec<Json> {
    let ended = scores(&[args, &["--format", "json"]].concat());
    ended.out.lines().map(Json::parse).collect()
}

/// Who would be killed in that cgroup, or in the system: the last of both lists with --what-if.
fn ranking(args: &[&str], cgroup: Option<&str>) -> Vec<(u32, i64)> {
    let lines = samples(&[args, &["--next"]].concat());
    let of = |line: &Json| line.text_at("memdoor.cgroup.path").map(str::to_string);
    let mut found = Vec::new();
    for line in lines.iter().filter(|line| of(line).as_deref() == cgroup) {
        match line.number_at("memdoor.oom.rank") {
            None => found.clear(),
            Some(rank) => {
                let pid = u32::try_from(line.number("process.pid")).expect("a pid");
                found.push((pid, line.number("memdoor.oom.badness_bytes")));
                assert_eq!(rank, found.len().to_string());
            }
        }
    }
    found
}

fn number(pid: u32, file: &str) -> i64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).expect(file);
    text.trim().parse().expect("a number")
}

/// The row of a list.
fn row(out: &str, pid: u32) -> Option<Vec<&str>> {
    let mut rows = out.lines().map(|line| line.split_whitespace().collect());
    rows.find(|words: &Vec<&str>| words.first() == Some(&pid.to_string().as_str()))
}

#[test]
fn the_first_victim_is_the_one_with_the_highest_score() {
    let target = Victim::start(&["hold", "30"]).settled();
    adjusted(&target, 1000);
    let out = scores(&[]).out;
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("MOST LIKELY OOM VICTIMS"), "{out}");
    assert!(lines[2].trim_start().starts_with(&target.id()), "{out}");
    let row = row(&out, target.pid).expect("a row");
    assert_eq!(row[1], "victim");
    assert_eq!(row[2], number(target.pid, "oom_score").to_string());
    assert_eq!(row[3], "1000");
    let rss = kib(target.pid, "status", "VmRSS") as f64 / 1024.0;
    assert_eq!(row[4], format!("{rss:.1}"));
    assert!(out.contains("\nPROTECTED (oom_score_adj below 0): "), "{out}");
    assert!(out.contains("666 is the zero line since Linux 5.9"), "{out}");
    // The list is in the order of scores, as far as those tell.
    let listed = lines.iter().skip(2).take_while(|line| !line.is_empty());
    let scores: Vec<i64> = listed.map(|line| line[24..30].trim().parse().expect("a score")).collect();
    assert!(scores.len() > 1 && scores.len() <= 20, "{out}");
    assert!(scores.is_sorted_by(|one, next| one >= next), "{out}");
    for line in out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn so_many_are_listed_as_asked_for() {
    let out = scores(&["-n", "1"]).out;
    let rows = out.lines().skip(2).take_while(|line| !line.is_empty());
    assert_eq!(rows.count(), 1, "{out}");
    assert_eq!(samples(&["--top", "2"]).len(), 2);
}

#[test]
fn json_has_the_kernels_values_and_the_formula() {
    let target = Victim::start(&["hold", "20"]).settled();
    adjusted(&target, 999);
    let lines = samples(&[]);
    let line = lines.iter().find(|line| line.number("process.pid") == i64::from(target.pid)).expect("the victim");
    assert_eq!(line.text("event_name"), "memdoor.process.sample");
    assert_eq!(line.text("schema"), "memdoor/1");
    assert_eq!(line.text("memdoor.process.comm"), "victim");
    assert_eq!(line.number("memdoor.process.oom_score_adj"), 999);
    assert_eq!(line.number("memdoor.process.oom_score"), number(target.pid, "oom_score"));
    let kb = |key| i64::try_from(kib(target.pid, "status", key) * 1024).expect("fits");
    assert_eq!(line.number("process.memory.usage"), kb("VmRSS"));
    assert_eq!(line.number("memdoor.process.page_table_bytes"), kb("VmPTE"));
    let badness = line.number("memdoor.oom.badness_bytes");
    // In whole pages: (RAM + swap) / 1000 is rounded down to one.
    let own = kb("VmRSS") + kb("VmSwap") + kb("VmPTE");
    let total = |key: &str| {
        let text = fs::read_to_string("/proc/meminfo").expect("meminfo");
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_suffix(" kB"));
        line.and_then(|number| number.trim().parse::<i64>().ok()).expect(key)
    };
    let pages = (total("MemTotal:") + total("SwapTotal:")) / 4;
    assert_eq!(badness, own + 999 * (pages / 1000) * 4096);
    let path = fs::read_to_string(format!("/proc/{}/cgroup", target.pid)).expect("cgroup");
    assert!(path.contains(line.text("process.linux.cgroup")));
    for line in &lines {
        for (path, leaf) in line.leaves() {
            assert!(*leaf != Json::Null, "{path}");
        }
    }
}

#[test]
fn a_name_forges_no_row() {
    let mut target = Victim::start(&["comm", r"a\x1b[31m\n1 |"]);
    adjusted(&target, 1000);
    let out = scores(&["-n", "3"]).out;
    assert!(!out.contains('\x1b'), "{out}");
    assert!(out.contains(r"a\033[31m\01..."), "{out}");
    target.end();
}

#[test]
fn what_if_shows_both_and_changes_nothing() {
    let target = Victim::start(&["hold", "5"]).settled();
    let change = format!("{}=1000", target.pid);
    let out = scores(&["--what-if", &change]).out;
    let (before, after) = out.split_once("\nWHAT IF ").expect("both");
    let words = format!("victim (PID {}) had oom_score_adj 1000 instead of 0\n", target.pid);
    assert!(after.starts_with(&words), "{out}");
    assert!(before.starts_with("AS IT IS\n"), "{out}");
    let row = row(after, target.pid).expect("first");
    assert_eq!(row[3], "1000");
    assert_eq!(number(target.pid, "oom_score_adj"), 0, "nothing is changed");
    // What the kernel says once it is so.
    adjusted(&target, 1000);
    assert_eq!(row[2], number(target.pid, "oom_score").to_string());
    let never = format!("{}=-1000", target.pid);
    assert!(ranking(&["--what-if", &never], None).iter().all(|(pid, _)| *pid != target.pid));
}

#[test]
fn the_score_of_who_would_be_protected_is_the_one_that_it_would_have() {
    let target = Victim::start(&["hold", "5"]).settled();
    for (adj, least, most) in [("-500", 333, 340), ("-1000", 0, 0)] {
        let change = format!("{}={adj}", target.pid);
        let out = scores(&["--what-if", &change, "-n", "1000"]).out;
        let (_, after) = out.split_once("\nWHAT IF ").expect("both");
        let (_, protected) = after.split_once("\nPROTECTED ").expect("a list");
        let row = row(protected, target.pid).expect("protected");
        let score: i64 = row[2].parse().expect("a score");
        assert!((least..=most).contains(&score) && row[3] == adj, "{row:?}");
    }
}

#[test]
fn a_pid_that_nobody_has_is_said_and_a_wrong_change_too() {
    let ended = run(&["scores", "--what-if", "4194304=5"]);
    assert_eq!(ended.code(), 5, "{ended:#?}");
    assert_eq!(ended.err, "ERROR: PID 4194304 is not accessible: No such process\n");
    for wrong in ["5", "5=", "=5", "5=1001", "5=-1001", "x=1", "0=1"] {
        let ended = run(&["scores", "--what-if", wrong]);
        assert_eq!(ended.code(), 2, "{ended:#?}");
        assert!(ended.err.contains("--what-if: '"), "{ended:#?}");
    }
    let own = format!("{}=1000", std::process::id());
    let ended =
        run(&["scores", "--what-if", &own, "--what-if", "1=5", "--what-if", &format!("{}=-1000", std::process::id())]);
    assert_eq!(ended.code(), 2, "{ended:#?}");
    assert!(ended.err.contains(&format!("--what-if twice of PID {}: ", std::process::id())), "{ended:#?}");
}

#[test]
fn a_thread_and_a_kernel_thread_are_no_victims_and_the_hint_names_the_option_that_was_typed() {
    let target = Victim::start(&["zombie-leader", "1"]);
    let tasks = std::fs::read_dir(format!("/proc/{}/task", target.pid)).expect("tasks");
    let thread = tasks
        .filter_map(|task| task.ok()?.file_name().into_string().ok())
        .find(|name| *name != target.id())
        .expect("a thread");
    let ended = run(&["scores", "--what-if", &format!("{thread}=-500")]);
    let id = target.id();
    let expected = format!("memdoor: PID {thread} is a thread of process {id}: use --what-if {id}=-500\n");
    assert_eq!((ended.code(), ended.out.as_str(), ended.words()), (1, "", expected));
    let is_kthreadd = std::fs::read_to_string("/proc/2/comm").is_ok_and(|comm| comm == "kthreadd\n");
    if !is_kthreadd {
        return skip("kernel threads are in the initial pid namespace only");
    }
    let ended = run(&["scores", "--what-if", "2=1000"]);
    let expected = "memdoor: PID 2 (kthreadd) is a kernel thread: it has no memory of its own\n";
    assert_eq!((ended.code(), ended.out.as_str(), ended.words().as_str()), (1, "", expected));
}

#[test]
fn any_user_may_ask() {
    if !has_unprivileged() {
        return skip("needs setpriv to become another user");
    }
    let directory = TempDir::new();
    let copy = directory.memdoor();
    let ended = run_command(unprivileged(&command(&copy, &["scores", "--next"])));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(ended.out.contains("  victim: "), "{ended:#?}");
}

/// What each holds, in MiB, and its adjustment: 62 MiB with what processes are beside, of 64.
const CAST: [(&str, i64); 4] = [("20", 0), ("14", 0), ("16", 100), ("4", 0)];

/// Lets a leaker fill the group until the kernel kills one of the cast, and says which. Where the memory of that one comes back late the
/// kernel kills a second: the log tells which was first.
fn killed_of(group: &Memcg, cast: &[Victim]) -> usize {
    let log = Kmsg::open(c"/dev/kmsg").expect("the kernel's log");
    log.skip().expect("its end");
    // Whoever is killed gives back enough for all that it wants.
    let room = (64 * MIB - group.usage()) / MIB + 3;
    let leaker = group.inside(&victim(&["leak", "0", &room.to_string()]));
    let _leaker = Victim::start_command(leaker);
    let is_dead = |target: &Victim| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", target.pid));
        stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    poll("an OOM kill", || cast.iter().position(is_dead));
    let mut buf = [0; RECORD];
    while let Read::Record(text) = log.next(&mut buf).expect("a record") {
        let killed = record(text).and_then(|record| killed(record.text)).map(|killed| killed.pid);
        let of_cast = cast.iter().position(|target| Some(u64::from(target.pid)) == killed);
        if let Some(of_cast) = of_cast {
            return of_cast;
        }
    }
    panic!("the kernel's log names nobody of the cast");
}

/// The cast in a group of its own, each with its adjustment.
fn cast(group: &Memcg, adjs: [i64; 4]) -> Vec<Victim> {
    let start = |(mib, _): (&str, i64)| Victim::start_command(group.inside(&victim(&["hold", mib]))).settled();
    let cast: Vec<Victim> = CAST.into_iter().map(start).collect();
    for (target, adj) in cast.iter().zip(adjs) {
        adjusted(target, adj);
    }
    cast
}

/// The kernel's choice among four processes is the one predicted, whatever made it so.
fn prediction_holds(adjs: [i64; 4], expected: [usize; 3]) {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let cast = cast(&group, adjs);
    let path = group.path();
    let ranking = ranking(&[], Some(&path));
    let pids: Vec<u32> = ranking.iter().map(|(pid, _)| *pid).collect();
    assert_eq!(pids, expected.map(|at| cast[at].pid), "{ranking:?}");
    // The text tells the same.
    let out = scores(&["--next"]).out;
    let (_, text) = out.split_once(&format!("\n{path}\n")).expect("the group");
    let victim =
        format!("  victim: victim (PID {}), badness {} KiB, adj {}", pids[0], ranking[0].1 / 1024, adjs[expected[0]]);
    assert_eq!(text.lines().nth(1), Some(&*victim), "{out}");
    assert!(text.starts_with("  limit 64.0 MiB, "), "{out}");
    assert_eq!(group.oom_kills(), 0);
    assert_eq!(killed_of(&group, &cast), expected[0]);
    // The kernel may go on to the leaker, who is not of the cast, when the victim's memory comes back late.
    assert!(group.oom_kills() >= 1);
}

#[test]
fn the_largest_is_predicted_and_killed() {
    prediction_holds([0, 0, 0, 0], [0, 2, 1]);
}

#[test]
fn a_smaller_one_with_a_higher_adjustment_is_predicted_and_killed() {
    // 14 MiB + 400 / 1000 * 64 MiB are 39.6 MiB, more than the 20 of the largest.
    prediction_holds([0, 400, 100, 0], [1, 2, 0]);
}

#[test]
fn the_smallest_is_predicted_and_killed_when_its_adjustment_is_1000() {
    prediction_holds([100, 100, 0, 1000], [3, 0, 1]);
}

/// In a v1 hierarchy an exited first thread is in the root cgroup.
#[test]
fn a_process_whose_first_thread_has_exited_is_predicted_in_its_cgroup() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let hog = Victim::start_command(group.inside(&victim(&["leak", "--leaderless", "--from", "30", "0", "30"])));
    let small = Victim::start_command(group.inside(&victim(&["hold", "8"]))).settled();
    // It says that it is ready before it has touched all.
    poll("both, the hog first", || {
        let pids: Vec<u32> = ranking(&[], Some(&group.path())).iter().map(|(pid, _)| *pid).collect();
        (pids == [hog.pid, small.pid]).then_some(())
    });
    let out = scores(&["--next"]).out;
    let (_, text) = out.split_once(&format!("\n{}\n", group.path())).expect("the group");
    assert!(text.lines().nth(1).is_some_and(|line| line.contains(&format!("(PID {}), badness", hog.pid))), "{out}");
}

#[test]
fn what_if_predicts_whom_the_kernel_kills_once_it_is_so() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let cast = cast(&group, [0; 4]);
    let path = group.path();
    let change = format!("{}=500", cast[2].pid);
    let ranking = ranking(&["--what-if", &change], Some(&path));
    assert_eq!(ranking[0].0, cast[2].pid);
    adjusted(&cast[2], 500);
    assert_eq!(killed_of(&group, &cast), 2);
}

#[test]
fn a_limit_above_counts_all_cgroups_below_it() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let below = match group.below(None) {
        Ok(below) => below,
        Err(why) => return skip(&why),
    };
    if group.version() == 2 {
        return skip("version 2 allows no processes beside a cgroup below");
    }
    let cast = cast(&group, [0; 4]);
    below.take(cast[0].pid);
    let ranking = ranking(&[], Some(&group.path()));
    assert_eq!(ranking[0].0, cast[0].pid);
    assert_eq!(killed_of(&group, &cast), 0);
    assert_eq!(below.oom_kills(), 1, "counted where the victim was");
    drop(cast);
    drop(below);
}

/// A hierarchy of the test's own in plain files, with the mount table that shows it.
fn bounds_of(version: Version, files: &[(&str, &str)], swappiness: u64) -> Bounds {
    let dir = TempDir::new();
    let point = dir.join("hierarchy");
    fs::create_dir_all(format!("{point}/shop")).expect("a cgroup");
    fs::create_dir(dir.join("self")).expect("self");
    let mount = match version {
        Version::V1 => format!("33 25 0:29 / {point} rw - cgroup cgroup rw,memory\n"),
        Version::V2 => format!("36 25 0:32 / {point} rw - cgroup2 none rw\n"),
    };
    dir.write("self/mountinfo", mount.as_bytes());
    for (name, text) in files {
        dir.write(&format!("hierarchy/shop/{name}"), text.as_bytes());
    }
    let proc = Dir::open(dir.c_str()).expect("a directory");
    let swap = Swap { total: Bytes(1000 * MIB), swappiness: Some(swappiness) };
    cgroups::Memcg::new(&proc, &mut vec![0; 65_536]).bounds(version, b"/shop", swap).expect("bounds")
}

#[test]
fn the_scale_of_a_cgroup_is_its_limit_and_the_swap_that_it_may_use() {
    let v2 = [("memory.max", "67108864\n"), ("memory.current", "4096\n")];
    let bounds = bounds_of(Version::V2, &v2, 60);
    assert_eq!(bounds.limit, Some(Bytes(64 * MIB)));
    assert_eq!(bounds.usage, Some(Bytes(4096)));
    assert_eq!((bounds.swap, bounds.victims), (Bytes(1000 * MIB), Victims::One));
    assert_eq!(bounds.swap_limit, None, "what the system has is no limit of the cgroup's");
    let with = |more: &[(&'static str, &'static str)]| [&v2[..], more].concat();
    let little = with(&[("memory.swap.max", "1048576\n"), ("memory.oom.group", "1\n")]);
    let bounds = bounds_of(Version::V2, &little, 60);
    assert_eq!((bounds.swap, bounds.victims), (Bytes(MIB), Victims::All));
    assert_eq!(bounds.swap_limit, Some(Bytes(MIB)));
    // What is not swapped is no part of the scale.
    assert_eq!(bounds_of(Version::V2, &little, 0).swap, Bytes(0));
    let group = [("memory.max", "max\n"), ("memory.oom.group", "1\n")];
    let bounds = bounds_of(Version::V2, &group, 60);
    assert_eq!((bounds.limit, bounds.victims), (None, Victims::All));

    let v1 = [
        ("memory.limit_in_bytes", "67108864\n"),
        ("memory.usage_in_bytes", "8192\n"),
        ("memory.memsw.limit_in_bytes", "68157440\n"),
        ("memory.swappiness", "60\n"),
        ("memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n"),
    ];
    let bounds = bounds_of(Version::V1, &v1, 0);
    assert_eq!(bounds.usage, Some(Bytes(8192)));
    assert_eq!((bounds.swap, bounds.victims), (Bytes(MIB), Victims::Nobody));
    assert_eq!(bounds.swap_limit, Some(Bytes(MIB)));
    let memory_alone = [v1[0], ("memory.memsw.limit_in_bytes", "9223372036854771712\n"), v1[3]];
    assert_eq!(bounds_of(Version::V1, &memory_alone, 60).swap_limit, None);
    let never = [v1[0], ("memory.swappiness", "0\n")];
    assert_eq!(bounds_of(Version::V1, &never, 60).swap, Bytes(0));
    assert_eq!(bounds_of(Version::V1, &v1[..1], 60).swap, Bytes(1000 * MIB));
    let unlimited = [("memory.limit_in_bytes", "9223372036854771712\n")];
    assert_eq!(bounds_of(Version::V1, &unlimited, 60), Bounds::default());
}
