//! Freeable memory: every mode says the same of a process, and it is what its end really gives back.

use std::collections::BTreeMap;

use crate::common::host::{TempDir, is_root, works};
use crate::common::json::Json;
use crate::common::memcg::Memcg;
use crate::common::run::{command, memdoor, poll, run};
use crate::common::skip;
use crate::common::target::{Victim, children, victim};
use crate::kill::{family, is_alive, kib, kill, name, value, with_meminfo};

const MIB: i64 = 1 << 20;

/// What a mode says of each process, in MiB. Those that are wanted are the largest of most machines, and not of all.
fn said(args: &[&str]) -> BTreeMap<i64, i64> {
    let ended = run(&[args, &["--format", "json"]].concat());
    let lines = ended.out.lines().map(Json::parse);
    let of = |line: Json| {
        // monitor's rows have the number where the others have it.
        let freeable = line.number_at("memdoor.process.freeable_bytes")?.parse::<i64>().ok()?;
        Some((line.number("process.pid"), freeable / MIB))
    };
    lines.filter_map(of).collect()
}

/// Until this is so of what two modes say of a process, in MiB: what takes more than 50 ms is not looked at, as on a busy machine.
fn is_said_of(victim: &Victim, expected: core::ops::Range<i64>) {
    for mode in [&["check", "-n", "500"][..], &["scores", "-n", "10000"]] {
        poll("that figure", || {
            let said = said(mode).get(&i64::from(victim.pid)).copied();
            said.is_some_and(|mib| expected.contains(&mib)).then_some(())
        });
    }
}

/// MemAvailable has it already, and so has what a cgroup can give back.
#[test]
fn what_was_given_up_with_madv_free_is_nothing_that_a_process_is_ended_for() {
    let name = name();
    let given_up = Victim::start(&["given-up", &name, "60"]);
    let hog = family(&name, 12, 0);
    let lazy: u64 = crate::common::target::kib(given_up.pid, "smaps_rollup", "LazyFree");
    if lazy < 50 << 10 {
        return skip("needs memory that stays given up (the machine is short of it, or Linux before 4.12)");
    }
    is_said_of(&given_up, 0..2);
    poll("the hog as the victim", || {
        let out = kill(&format!("^{name}$"), &["--once", "--dry-run"]).out;
        (value(&out, "Victim PID") == hog.id() && next(&out, given_up.pid) < 2048).then_some(())
    });
}

/// Nobody can take them back as long as it lives, and so they count as used.
#[test]
fn files_that_a_process_has_locked_are_freeable_and_files_of_a_tmpfs_are_not() {
    let (dir, name, other) = (TempDir::new(), name(), name());
    if !is_root() {
        return skip("needs root, to lock 40 MiB");
    }
    let locks = Victim::start(&["locked", &name, &dir.join("index"), "40"]);
    let hog = family(&other, 12, 0);
    is_said_of(&locks, 40..43);
    let only = format!("^({name}|{other})$");
    let out = kill(&only, &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), locks.id(), "{out}");
    assert!((40..43).contains(&(kib(&out, "Victim Freeable Memory") / 1024)), "{out}");
    drop(locks);
    let Some(dir) = TempDir::in_memory() else { return skip("needs /dev/shm") };
    let locks = Victim::start(&["locked", &name, &dir.join("index"), "40"]);
    is_said_of(&locks, 0..2);
    let out = kill(&only, &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), hog.id(), "{out}");
}

/// A file of tmpfs with a name stays, a memfd ends, and of one that four processes map none ends with one of them.
#[test]
fn check_scores_monitor_and_kill_say_the_same_of_shared_memory() {
    let Some(dir) = TempDir::in_memory() else { return skip("needs /dev/shm") };
    let name = name();
    let stays = Victim::start(&["shared", &name, &dir.join("pool"), "40"]);
    let ends = Victim::start(&["shared", &name, "memfd", "40"]);
    let among_four = Victim::start(&["shared", &name, "memfd", "40", "3"]);
    let all = [(stays.pid, 0..2), (ends.pid, 40..42), (among_four.pid, 0..2)];
    for mode in [
        &["check", "-n", "500"][..],
        &["scores", "-n", "10000"],
        &["monitor", "0.01", "0.5", "-n", "100"],
        // A process at a time, or its tree: kill names three.
    ] {
        // What takes more than 50 ms is RssShmem's figure: on a busy machine all may.
        poll("the same figure", || {
            let said = said(mode);
            let is = |(pid, expected): &(u32, core::ops::Range<i64>)| {
                said.get(&i64::from(*pid)).is_some_and(|mib| expected.contains(mib))
            };
            all.iter().all(is).then_some(())
        });
    }
    let out = kill(&format!("^{name}$"), &["--once", "--dry-run", "--by", "process"]).out;
    assert_eq!(value(&out, "Victim PID"), ends.id(), "{out}");
    assert!((40..42).contains(&(kib(&out, "Victim Freeable Memory") / 1024)), "{out}");
}

/// As three others map all of it, and live on.
#[test]
fn what_others_map_who_live_on_is_neither_a_reason_nor_said_to_be_freed() {
    let name = name();
    let sharers = Victim::start(&["shared", &name, "memfd", "40", "3"]);
    let mut hog = family(&name, 12, 0);
    let ended = kill(&format!("^{name}$"), &["--once", "--by", "process"]);
    assert_eq!(value(&ended.out, "Victim PID"), hog.id(), "{}", ended.out);
    hog.wait();
    // Now one of the four is the largest that there is.
    let ended = kill(&format!("^{name}$"), &["--once", "--by", "process"]);
    assert!(kib(&ended.out, "Held By Those Ended") < 2048, "{}", ended.out);
    let one: u32 = value(&ended.out, "Victim PID").parse().expect("a number");
    assert!(!is_alive(one));
    drop(sharers);
}

/// A shell and its subshells, which have called fork(2) and no exec(): RssAnon has the same memory of each.
#[test]
fn a_server_and_its_forks_hold_once_what_they_share_and_the_leak_is_the_larger_one() {
    let dir = TempDir::new();
    let (name, leak) = (name(), format!("{}l", name()));
    let shell = dir.program(std::path::Path::new("/bin/bash"), &name);
    let script = "x=$(head -c 20000000 /dev/zero | tr '\\0' a); for i in 1 2 3 4 5 6; do (read -r line) <&0 & done; echo ready $$; read -r line";
    let mut command = command(&shell, &["-c", script]);
    command.env_remove("BASH_ENV");
    let server = Victim::start_command(command);
    let hog = family(&leak, 90, 0);
    let kill = || kill(&format!("^({name}|{leak})$"), &["--once", "--dry-run"]).out;
    // What takes more than 50 ms is RssAnon's figure: on a busy machine all may.
    let out = poll("the leak as the larger one", || {
        let out = kill();
        (value(&out, "Victim PID") == hog.id()).then_some(out)
    });
    let next = value(&out, "Next");
    assert!(next.starts_with(&format!("PID {} ({name}): ", server.pid)), "{out}");
    let held: u64 = next.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).expect(next).parse().expect("kB");
    let each = crate::common::target::kib(server.pid, "status", "RssAnon");
    assert!((each..each * 2).contains(&held), "{each} kB of each of 7, and not {held}: {out}");
}

/// `forks`, in a cgroup that tells what all of them really hold.
fn forks(group: &Memcg, args: &[&str]) -> Victim {
    Victim::start_command(group.inside(&victim(&[&["forks"], args].concat())))
}

/// What a report says of the one next to the victim, kB.
fn next(out: &str, pid: u32) -> u64 {
    let line = out.lines().find(|line| line.starts_with(&format!("Next: PID {pid} (")));
    let line = line.unwrap_or_else(|| panic!("no next {pid} in {out}"));
    let size = line.split(": ").nth(2).and_then(|rest| rest.split(' ').next());
    size.and_then(|size| size.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

/// As 40 times 60 MiB are 2.4 GB, which nobody holds.
#[test]
fn a_server_of_forty_forks_is_not_ended_in_place_of_the_hog() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (server_name, hog_name) = (name(), name());
    let server = forks(&group, &[&server_name, "anon", "60", "40"]);
    let held = group.usage() >> 10;
    let hog = family(&hog_name, 150, 0);
    let out = kill(&format!("^({server_name}|{hog_name})$"), &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), hog.id(), "{out}");
    let said = next(&out, server.pid);
    // The cgroup is charged for page tables and stacks of the kernel as well.
    assert!((held / 2..held + 8192).contains(&said), "{said} kB of {held}: {out}");
    let family = format!("forty=^{server_name}$");
    let line = run(&["check", "--family", &family, "--format", "json"]).out;
    let sums = line.lines().map(Json::parse).filter(|line| line.text_at("memdoor.family.name") == Some("forty"));
    let sum = sums.filter_map(|line| line.number_at("memdoor.family.held_bytes")?.parse::<u64>().ok()).max();
    assert!(sum.is_some_and(|sum| (held / 2..held + 8192).contains(&(sum >> 10))), "{sum:?} of {held} kB: {line}");
}

/// A server that forks early, and whose children take what they need by themselves.
#[test]
fn what_forks_took_after_the_fork_counts_for_each_of_them() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (server_name, hog_name) = (name(), name());
    let server = forks(&group, &[&server_name, "anon", "10", "30", &server_name, "6"]);
    let held = group.usage() >> 10;
    let _hog = family(&hog_name, 100, 0);
    let out = kill(&format!("^({server_name}|{hog_name})$"), &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), server.id(), "{out}");
    let said = kib(&out, "Victim Freeable Memory");
    assert!((held / 2..held + 8192).contains(&said), "{said} kB of {held}: {out}");
}

/// The parent is no candidate: its end is not asked for, and what the child shares with it stays.
#[test]
fn what_a_process_shares_with_a_relative_that_is_spared_is_not_freeable() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (parent_name, child_name, other_name) = (name(), name(), name());
    let parent = forks(&group, &[&parent_name, "anon", "60", "1", &child_name]);
    let other = family(&other_name, 30, 0);
    let only = format!("^({child_name}|{other_name})$");
    let out = kill(&only, &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), other.id(), "{out}");
    let child = children(parent.pid)[0];
    assert!(next(&out, child) < 2048, "{out}");
    // So it is when the parent is in the tree and the child is spared.
    let only = format!("^({parent_name}|{other_name})$");
    let out = kill(&only, &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), other.id(), "{out}");
    assert!(next(&out, parent.pid) < 4096, "{out}");
}

/// Of 31 relatives 30 may be ended, and the last one keeps all that they share.
#[test]
fn one_relative_that_is_spared_keeps_what_all_others_share() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (parent_name, child_name, other_name) = (name(), name(), name());
    let parent = forks(&group, &[&parent_name, "anon", "60", "30", &child_name]);
    let other = family(&other_name, 30, 0);
    let only = format!("^({parent_name}|{child_name}|{other_name})$");
    let spared = children(parent.pid)[3];
    if std::fs::write(format!("/proc/{spared}/oom_score_adj"), "-1000").is_err() {
        return skip("needs CAP_SYS_RESOURCE");
    }
    let out = kill(&only, &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), other.id(), "{out}");
}

#[test]
fn shared_memory_that_a_living_child_has_mapped_and_not_touched_is_not_freeable() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (name, other_name) = (name(), name());
    let parent = forks(&group, &[&name, "shared", "40", "1"]);
    let other = family(&other_name, 12, 0);
    let only = format!("^({name}|{other_name})$");
    let out = kill(&only, &["--once", "--dry-run", "--by", "process"]).out;
    assert_eq!(value(&out, "Victim PID"), other.id(), "{out}");
    // Both together give it back.
    let out = kill(&only, &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), parent.id(), "{out}");
    assert!((40..44).contains(&(kib(&out, "Victim Freeable Memory") / 1024)), "{out}");
}

#[test]
fn an_address_space_of_two_processes_counts_once_and_of_one_of_them_not_at_all() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (name, other_name) = (name(), name());
    let both = forks(&group, &[&name, "space", "40", "1"]);
    let other = family(&other_name, 12, 0);
    let only = format!("^({name}|{other_name})$");
    let out = kill(&only, &["--once", "--dry-run"]).out;
    assert_eq!(value(&out, "Victim PID"), both.id(), "{out}");
    assert!((40..44).contains(&(kib(&out, "Victim Freeable Memory") / 1024)), "{out}");
    let out = kill(&only, &["--once", "--dry-run", "--by", "process"]).out;
    assert_eq!(value(&out, "Victim PID"), other.id(), "{out}");
}

/// Of two with one address space the end of either alone gives back nothing.
#[test]
fn nobody_is_ended_whose_end_would_give_back_nothing() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let name = name();
    let both = forks(&group, &[&name, "space", "40", "1"]);
    let ended = kill(&format!("^{name}$"), &["--once", "--by", "process"]);
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(value(&ended.out, "Action"), "none: memory is short, and nobody may be chosen", "{ended:#?}");
    assert!(value(&ended.out, "Not Candidates").ends_with("2 with nothing to give back"), "{ended:#?}");
    let hint = "hint=\"nobody who may be ended holds memory that their end would give back: ";
    assert!(ended.err.contains(hint), "{ended:#?}");
    assert!(is_alive(both.pid) && is_alive(children(both.pid)[0]));
}

#[test]
fn of_two_that_share_memory_since_a_fork_both_have_the_same_figure() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let parent = forks(&group, &[&name(), "anon", "40", "1"]);
    let both = [parent.pid, children(parent.pid)[0]];
    for mode in [&["check", "-n", "500"][..], &["scores", "-n", "10000"]] {
        for _ in 0..3 {
            let said = said(mode);
            let figures = both.map(|pid| said.get(&i64::from(pid)).copied());
            assert!(figures.iter().flatten().all(|mib| *mib < 3), "{figures:?}");
            assert!(figures[0].is_some() || mode[0] == "check", "{figures:?}");
        }
    }
}

/// Seven hogs that each map a file of their own: the end of each gives it back.
#[test]
fn deleted_files_that_processes_map_are_no_reason_to_end_nobody() {
    let Some(dir) = TempDir::in_memory() else { return skip("needs /dev/shm") };
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    let (name, meminfos) = (name(), TempDir::new());
    let path = |at: u32| format!("deleted:{}", dir.join(&format!("hog{at}")));
    let hogs: Vec<Victim> = (0..7).map(|at| Victim::start(&["shared", &name, &path(at), "24"])).collect();
    let only = format!("^{name}$");
    let args =
        ["kill", "--config", "/dev/null", "--once", "--dry-run", "--threshold", "90", "--hard", "5", "--only", &only];
    let shmem = 7 * 24 * 1024;
    let text =
        format!("MemTotal: 400000 kB\nMemAvailable: 30000 kB\nShmem: {shmem} kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    let ended = with_meminfo(&text, &memdoor(&args), &meminfos);
    let chosen = value(&ended.out, "Victim PID");
    assert!(hogs.iter().any(|hog| hog.id() == chosen), "{ended:#?}");
    assert!((24..26).contains(&(kib(&ended.out, "Victim Freeable Memory") / 1024)), "{}", ended.out);
}
