//! `memdoor kill`: who is spared, whatever else holds, and whose memory counts.
//!
//! Every run is confined to the processes of its own test: `--only` has a name that no other process has.

use crate::common;

use std::fs;

use common::host::{TempDir, is_root, may_be_another_user, unprivileged, works};
use common::memcg::{MIB, Memcg};
use common::run::{Ended, MEMDOOR, Running, command, memdoor, poll, run, run_command};
use common::skip;
use common::target::{Victim, victim};
use nix::sys::signal::Signal;

use super::kill::{family, is_alive, kib, kill, kill_args, name, value};

/// An upgrade replaces the file, and until the next start of the server the kernel calls it `(deleted)`.
#[test]
fn a_pattern_about_an_executable_spares_it_when_its_file_was_upgraded_or_deleted_as_well() {
    let (name, dir) = (name(), TempDir::new());
    let path = dir.victim("server");
    let server = Victim::start_command(command(&path, &["family", &name, "12", "0"]));
    let small = family(&name, 4, 0);
    let only = format!("^{name}$");
    let chosen = |more: &[&str]| {
        let ended = kill(&only, &[&["--once", "--dry-run"], more].concat());
        value(&ended.out, "Victim PID").to_owned()
    };
    let exact = format!("exe:^{path}$");
    for _ in 0..2 {
        assert_eq!(chosen(&[]), server.id(), "without a pattern it is the victim");
        for spared in ["exe:/server$", &exact] {
            assert_eq!(chosen(&["--ignore", spared]), small.id(), "{spared}");
            assert_eq!(chosen(&["--avoid", spared]), small.id(), "{spared}");
        }
        let _ = fs::remove_file(&path);
    }
    let only_it = kill("exe:/server$", &["--once", "--dry-run", "--ignore", "exe:/victim$"]);
    assert!(fs::read_link(format!("/proc/{}/exe", server.pid)).expect("a link").ends_with("server (deleted)"));
    assert!(only_it.out.contains(&format!("Victim PID: {}\n", server.pid)), "{only_it:#?}");
}

#[test]
fn a_process_whose_executable_can_not_be_read_is_spared_by_a_pattern_about_it() {
    if !is_root() || !may_be_another_user() {
        return skip("needs root and setpriv, to be another user");
    }
    let (name, dir) = (name(), TempDir::new());
    let (program, memdoor) = (dir.victim("program"), dir.program(MEMDOOR.as_ref(), "memdoor"));
    let start = |more: &[&str], mib: &str| {
        let args = [&["family"], more, &[&name, mib, "0"]].concat();
        Victim::start_command(unprivileged(&command(&program, &args)))
    };
    let (hidden, plain) = (start(&["--undumpable"], "16"), start(&[], "4"));
    let only = format!("^{name}$");
    let as_user = |more: &[&str]| {
        let args = kill_args(&only, &[&["--once", "--dry-run"], more].concat()).join("\n");
        let args: Vec<&str> = args.split('\n').collect();
        run_command(unprivileged(&command(&memdoor, &args)))
    };
    assert_eq!(value(&as_user(&[]).out, "Victim PID"), hidden.id(), "it may be ended");
    let ended = as_user(&["--ignore", "exe:/no/such$"]);
    assert_eq!(value(&ended.out, "Victim PID"), plain.id(), "{ended:#?}");
    assert!(value(&ended.out, "Not Candidates").contains("1 not read"), "{ended:#?}");
    let ended = as_user(&["--avoid", "exe:/no/such$"]);
    assert_eq!(value(&ended.out, "Victim PID"), plain.id(), "{ended:#?}");
    // Root may read it.
    let ended = kill(&only, &["--once", "--dry-run", "--ignore", "exe:/no/such$"]);
    assert_eq!(value(&ended.out, "Victim PID"), hidden.id(), "{ended:#?}");
}

/// `memdoor kill` about a cgroup.
fn of_group(group: &Memcg, only: &str, more: &[&str]) -> Vec<String> {
    let path = group.path();
    let args = ["kill", "--config", "/dev/null", "--hard", "0", "--only", only, "--cgroup", &path];
    args.iter().chain(more).map(|word| word.to_string()).collect()
}

fn run_of_group(group: &Memcg, only: &str, more: &[&str]) -> Ended {
    let args = of_group(group, only, more);
    run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A figure of memory.stat, of the group and those below it.
fn stat(group: &Memcg, key: &str) -> u64 {
    let text = fs::read_to_string(group.dir().join("memory.stat")).expect("memory.stat");
    let prefix = if group.version() == 1 { "total_" } else { "" };
    let found = text.lines().find_map(|line| line.strip_prefix(prefix)?.strip_prefix(key)?.strip_prefix(' '));
    found.and_then(|figure| figure.parse().ok()).expect(key)
}

/// A file that was read twice is on the active list, and the kernel drops it all the same before it kills.
#[test]
fn page_cache_that_is_used_is_nothing_that_somebody_is_ended_for_and_a_leak_is() {
    let Some(group) = Memcg::or_skip(Some(128 * MIB)) else {
        return;
    };
    let (name, dir) = (name(), TempDir::new());
    let only = format!("^{name}$");
    let file = dir.join("file");
    let innocent = Victim::start_command(group.inside(&victim(&["family", &name, "16", "0"])));
    let script = format!(
        "head -c 94371840 /dev/zero >'{file}'; sync '{file}'; for n in 1 2 3; do cat '{file}'; done >/dev/null"
    );
    let ended = run_command(group.inside(&command("sh", &["-c", &script])));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    if stat(&group, "active_file") < 60 * MIB {
        return skip("the page cache of a file that is read three times is not active here");
    }
    let ended = run_of_group(&group, &only, &["--once", "--threshold", "50"]);
    assert_eq!((ended.code(), ended.out.as_str()), (0, ""), "{ended:#?}");
    let ended = run_of_group(&group, &only, &["--once", "--threshold", "50", "--dry-run"]);
    assert!(kib(&ended.out, "Available Below That Limit") > 96 << 10, "{ended:#?}");
    // What is not dropped is ended, before the kernel kills.
    let (program, log) = (dir.victim("leaker"), dir.join("log"));
    let leakers = format!("exe:^{program}$");
    let more = ["--only", &leakers, "--threshold", "80", "--grace", "2", "--evidence-ms", "0", "--log-file", &log];
    let args = of_group(&group, &only, &more);
    let mut daemon = Running::start(memdoor(&args.iter().map(String::as_str).collect::<Vec<_>>()));
    poll("its start", || fs::read_to_string(&log).ok()?.contains("started: ").then_some(()));
    let mut leaker = Victim::start_command(group.inside(&command(&program, &["leak", "--wait", "60", "300"])));
    leaker.go();
    daemon.until(&format!("Victim PID: {}", leaker.pid));
    leaker.wait();
    assert!(is_alive(innocent.pid));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    assert_eq!(group.oom_kills(), 0);
}

#[test]
fn what_others_use_below_an_ancestors_limit_is_nothing_that_a_member_is_ended_for() {
    let Some(above) = Memcg::or_skip(Some(128 * MIB)) else {
        return;
    };
    if above.version() == 2 {
        return skip("a cgroup of v2 that has others below it has no processes of its own");
    }
    let own = above.below(None).expect("a group below");
    let name = name();
    let only = format!("^{name}$");
    let innocent = Victim::start_command(own.inside(&victim(&["family", &name, "8", "0"])));
    let beside = Victim::start_command(above.inside(&victim(&["hold", "100"])));
    let ended = run_of_group(&own, &only, &["--once", "--threshold", "50"]);
    assert_eq!((ended.code(), ended.out.as_str(), ended.err.as_str()), (0, "", ""), "{ended:#?}");
    let ended = run_of_group(&own, &only, &["--once", "--threshold", "50", "--dry-run"]);
    let out = &ended.out;
    assert_eq!(value(out, "Control Group Memory Limit"), "131072 kB", "{out}");
    assert_eq!(value(out, "Limit Of The Control Group Above It"), above.path(), "{out}");
    assert!(kib(out, "Available Below That Limit") > 110 << 10, "{out}");
    let hint = format!("hint: --cgroup {} counts all of it", above.path());
    assert!(ended.err.contains(&hint), "{ended:#?}");
    // Of the ancestor all of it counts.
    let ended = run_of_group(&above, &only, &["--once", "--threshold", "50", "--dry-run"]);
    assert_eq!(value(&ended.out, "Victim PID"), innocent.id(), "{ended:#?}");
    assert!(!ended.err.contains("hint: --cgroup"), "{ended:#?}");
    drop(beside);
    // And of its own what it uses.
    let mut hog = Victim::start_command(own.inside(&victim(&["family", &name, "64", "0"])));
    let ended = run_of_group(&own, &only, &["--once", "--threshold", "50"]);
    assert_eq!(value(&ended.out, "Victim PID"), hog.id(), "{ended:#?}");
    hog.wait();
    assert!(is_alive(innocent.pid));
}

const WHOLE: &str = "Its Control Group Ends As A Whole";

#[test]
fn by_cgroup_one_that_is_avoided_spares_its_whole_cgroup_as_long_as_there_is_another() {
    let (Some(one), Some(other)) = (Memcg::or_skip(None), Memcg::or_skip(None)) else {
        return;
    };
    let (name, avoided) = (name(), name());
    let start = |group: &Memcg, name: &str, mib: &str| {
        Victim::start_command(group.inside(&victim(&["family", name, mib, "0"])))
    };
    let (mut large, mut companion) = (start(&one, &name, "24"), start(&one, &avoided, "2"));
    let only = format!("^{name}$");
    let args = ["--once", "--by", "cgroup", "--avoid", &avoided, "--grace", "2"];
    let dry = |more: &[&str]| kill(&only, &[&args[..], &["--dry-run"], more].concat()).out;
    assert!(value(&dry(&[]), WHOLE).starts_with("yes: 2"), "there is nobody else");
    let small = start(&other, &name, "4");
    assert_eq!(value(&dry(&[]), "Victim PID"), small.id());
    // Those of a cgroup that is not ended as a whole are not avoided for it.
    let out = dry(&["--ignore", &avoided]);
    assert_eq!(value(&out, "Victim PID"), large.id(), "{out}");
    assert_eq!(value(&out, WHOLE), "no: one that may not be ended is in it; only its tree");
    drop(small);
    let ended = kill(&only, &args);
    assert_eq!((ended.code(), value(&ended.out, "Victim PID")), (0, large.id().as_str()), "{ended:#?}");
    large.wait();
    companion.wait();
}

#[test]
fn by_cgroup_what_the_system_hangs_on_spares_its_cgroup_whatever_only_is_unless_that_names_it() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (name, dir) = (name(), TempDir::new());
    let sshd = dir.victim("sshd");
    let companion = Victim::start_command(group.inside(&command(&sshd, &["idle"])));
    let mut hog = Victim::start_command(group.inside(&victim(&["family", "--deaf", &name, "8", "1"])));
    let only = format!("^{name}$");
    let args = ["--once", "--by", "cgroup", "--grace", "0.2", "--hard", "0"];
    let named = format!("exe:^{sshd}$");
    let ended = kill(&only, &[&args[..], &["--dry-run", "--only", &named]].concat());
    assert!(value(&ended.out, WHOLE).starts_with("yes: 3"), "{ended:#?}");
    let ended = kill(&only, &args);
    assert_eq!(value(&ended.out, WHOLE), "no: one that may not be ended is in it; only its tree", "{ended:#?}");
    assert_eq!(value(&ended.out, "Victim Processes"), "2", "{ended:#?}");
    hog.wait();
    assert!(is_alive(companion.pid));
}

#[test]
fn by_cgroup_the_init_of_a_container_goes_with_its_container() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (name, dir) = (name(), TempDir::new());
    let tini = dir.victim("tini");
    let args = ["--pid", "--fork", "--kill-child", &tini, "idle"];
    if !works(&["unshare", "--pid", "--fork", "true"]) {
        return skip("unshare(1) makes no pid namespace here");
    }
    let init = Victim::start_command(group.inside(&command("unshare", &args)));
    let hog = Victim::start_command(group.inside(&victim(&["family", &name, "8", "0"])));
    let ended = kill(&format!("^{name}$"), &["--once", "--dry-run", "--by", "cgroup"]);
    // unshare(1), which waits for the container, is in its cgroup as well.
    assert!(value(&ended.out, WHOLE).starts_with("yes: 3"), "{ended:#?}");
    drop((init, hog));
}
