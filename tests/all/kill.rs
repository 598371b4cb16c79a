//! `memdoor kill`: whom it chooses, what it writes before, that it hits nobody else, and how it ends.
//!
//! Every run is confined to the processes of its own test: `--only` has a name that no other process has.

use crate::common;

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::host::{CAP_IPC_LOCK, TempDir, has_capability, is_root, unprivileged, works};
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::run::{Ended, Process, Running, memdoor, poll, run, run_command, through};
use common::skip;
use common::target::{Victim, victim};
use nix::sys::signal::Signal;

/// A name that no other process has, of at most 15 bytes.
pub(crate) fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("mk{}-{number}", std::process::id())
}

/// A tree of `children` + 1 processes of that name, each holding so many MiB.
pub(crate) fn family(name: &str, mib: u64, children: u32) -> Victim {
    Victim::start(&["family", name, &mib.to_string(), &children.to_string()])
}

/// `memdoor kill` that finds memory short whatever there is, and may choose only processes of that name.
pub(crate) fn kill_args<'a>(only: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["kill", "--config", "/dev/null", "--threshold", "0", "--only", only];
    args.extend(more);
    args
}

pub(crate) fn kill(only: &str, more: &[&str]) -> Ended {
    run(&kill_args(only, more))
}

/// The value behind a label of the text.
pub(crate) fn value<'o>(out: &'o str, label: &str) -> &'o str {
    let line = out.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {label} in {out}"))
}

pub(crate) fn kib(out: &str, label: &str) -> u64 {
    let digits = value(out, label).strip_suffix(" kB").expect("kB");
    digits.parse().expect("a number")
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.starts_with(" Z"))
}

#[test]
fn with_enough_memory_nothing_is_done_or_said() {
    let name = name();
    let victim = family(&name, 1, 0);
    let only = format!("^{name}$");
    let ended = run(&["kill", "--config", "/dev/null", "--once", "--threshold", "100", "--only", &only]);
    assert_eq!((ended.code(), ended.out.as_str(), ended.err.as_str()), (0, "", ""));
    assert!(is_alive(victim.pid));
}

#[test]
fn a_dry_run_names_the_largest_tree_and_who_was_near_and_ends_nobody() {
    let name = name();
    let small = family(&name, 4, 0);
    let large = family(&name, 8, 3);
    let middle = family(&name, 8, 1);
    let other = family(&format!("{name}x"), 8, 0);
    let ended = kill(&format!("^{name}$"), &["--once", "--dry-run"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let out = &ended.out;
    assert_eq!(value(out, "Victim PID"), large.id());
    assert_eq!(value(out, "Victim Processes"), "4");
    let held = kib(out, "Victim Freeable Memory");
    assert!((32 * 1024..36 * 1024).contains(&held), "{out}");
    let near: Vec<&str> = out.lines().filter(|line| line.starts_with("Next: ")).collect();
    assert!(near[0].starts_with(&format!("Next: PID {} (", middle.pid)), "{out}");
    assert!(near[1].starts_with(&format!("Next: PID {} (", small.pid)), "{out}");
    assert!(value(out, "Not Candidates").contains("not --only"));
    assert!(ended.err.contains("outcome=dry_run"), "{}", ended.err);
    for victim in [&small, &large, &middle, &other] {
        assert!(is_alive(victim.pid));
    }
}

#[test]
fn a_dry_run_in_json_is_one_object_with_the_same_figures() {
    let name = name();
    let victim = family(&name, 4, 1);
    let ended = kill(&format!("^{name}$"), &["--once", "--dry-run", "--format", "json"]);
    assert_eq!(ended.out.lines().count(), 1);
    let json = Json::parse(ended.out.trim_end());
    assert_eq!(json.text("event_name"), "memdoor.action.kill");
    assert_eq!(json.number("process.pid"), i64::from(victim.pid));
    assert_eq!(json.text("memdoor.kill.outcome"), "dry_run");
    assert_eq!(json.number("memdoor.kill.processes"), 2);
    assert!(json.number("memdoor.kill.held_bytes") >= 8 << 20);
}

#[test]
fn by_process_the_largest_single_one_is_named() {
    let name = name();
    let _tree = family(&name, 4, 3);
    let single = family(&name, 8, 0);
    let only = format!("^{name}$");
    let by = |by| kill(&only, &["--once", "--dry-run", "--by", by]);
    assert_eq!(value(&by("process").out, "Victim PID"), single.id());
    assert_ne!(value(&by("tree").out, "Victim PID"), single.id());
    assert_eq!(value(&by("score").out, "Victim Processes"), "1");
}

#[test]
fn prefer_avoid_ignore_and_a_least_size_count_before_the_size() {
    let name = name();
    let names = ["a", "b", "c"].map(|end| format!("{name}{end}"));
    let [a, b, c] = [(&names[0], 12), (&names[1], 8), (&names[2], 4)].map(|(name, mib)| family(name, mib, 0));
    let only = format!("^{name}");
    let chosen = |more: &[&str]| {
        let ended = kill(&only, &[&["--once", "--dry-run"], more].concat());
        value(&ended.out, "Victim PID").to_owned()
    };
    assert_eq!(chosen(&[]), a.id());
    assert_eq!(chosen(&["--avoid", &names[0]]), b.id());
    assert_eq!(chosen(&["--prefer", &names[2]]), c.id());
    assert_eq!(chosen(&["--ignore", &names[0], "--ignore", &names[1]]), c.id());
    assert_eq!(chosen(&["--prefer", &names[2], "--min-size", "6M"]), a.id());
    assert_eq!(chosen(&["--prefer", &format!("cmdline:family {}", names[1])]), b.id());
    assert_eq!(chosen(&["--avoid", "exe:/no/such"]), a.id());
    let family = format!("mine=^{}$", names[1]);
    let ended = run(&[
        "kill",
        "--config",
        "/dev/null",
        "--once",
        "--dry-run",
        "--threshold",
        "0",
        "--family",
        &family,
        "--only",
        "mine",
    ]);
    assert_eq!(value(&ended.out, "Victim PID"), b.id());
}

/// A JVM's class path stands before its main class: who was to be spared by that was ended, and `$` fitted where the text was cut.
#[test]
fn a_pattern_about_arguments_sees_them_whole_or_not_at_all() {
    let (dir, last) = (TempDir::new(), name());
    let path = dir.victim("longish");
    let start = |bytes: usize| {
        let argument = format!("x{} {last}", "a".repeat(bytes));
        Victim::start_command(common::run::command(&path, &["comm", &argument]))
    };
    let only = format!("cmdline:^{path} comm x");
    let dry = |only: &str, more: &[&str]| kill(only, &[&["--once", "--dry-run"], more].concat());
    let found = |only: &str, more: &[&str]| {
        let out = dry(only, more).out;
        out.contains("Victim PID: ").then(|| value(&out, "Victim PID").to_owned())
    };
    let middle = start(20_000);
    assert_eq!(found(&only, &[]), Some(middle.id()), "{:#?}", dry(&only, &[]));
    assert_eq!(found(&format!("cmdline:aaaa {last}$"), &[]), Some(middle.id()));
    assert_eq!(found(&only, &["--ignore", &format!("cmdline: {last}$")]), None);
    // Nothing ends where a read does.
    assert_eq!(found(&format!("cmdline:^{path} comm xa*$"), &[]), None);
    drop(middle);
    let longest = start(100_000);
    let ended = dry(&only, &[]);
    assert!(!ended.out.contains("Victim PID: "), "what is cut is not known, and fits no --only: {ended:#?}");
    assert!(value(&ended.out, "Not Candidates").contains(" not read"), "{ended:#?}");
    // Nor is it known that it need not be spared.
    let comm = format!("exe:^{path}$");
    assert_eq!(found(&comm, &[]), Some(longest.id()));
    let ended = dry(&comm, &["--ignore", "cmdline:^no such$"]);
    assert!(value(&ended.out, "Not Candidates").contains(" not read"), "{ended:#?}");
    assert!(!ended.out.contains("Victim PID: "), "{ended:#?}");
}

#[test]
fn memory_is_short_and_nobody_may_be_chosen_is_an_error() {
    let ended = kill(&format!("^{}$", name()), &["--once"]);
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(value(&ended.out, "Action"), "none: memory is short, and nobody may be chosen");
    assert!(ended.err.contains("outcome=nobody"));
}

#[test]
fn the_largest_tree_dies_the_others_live_and_what_is_freed_is_what_it_held() {
    let name = name();
    let small = family(&name, 4, 0);
    let mut large = family(&name, 16, 3);
    let middle = family(&name, 8, 1);
    let ended = kill(&format!("^{name}$"), &["--once"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    large.wait();
    let out = &ended.out;
    assert_eq!(value(out, "Victim PID"), large.id());
    assert_eq!(value(out, "Action"), "SIGTERM: the victim has ended");
    assert!((64..70).contains(&(kib(out, "Held By Those Ended") / 1024)), "{out}");
    assert!(is_alive(small.pid) && is_alive(middle.pid));
    // The evidence came first.
    let evidence = out.find("##### PROCESS BASIC INFORMATION #####").expect("evidence");
    assert!(evidence < out.find("##### KILL INFORMATION #####").expect("the action"));
    assert!(out.contains("##### PROCESS MEMORY INFORMATION #####"));
    // Nothing that waits for the victim's mmap_lock.
    assert!(!out.contains("PSS") && !out.contains("MAPPING"), "{out}");
}

/// Runs a script as PID 1 of a pid namespace of its own, in which `--only any` can end nobody else.
fn alone(script: &str) -> Option<Ended> {
    let unshare = ["unshare", "-m", "-p", "-f", "--mount-proc"];
    if !works(&[&unshare[..], &["true"]].concat()) {
        skip("needs root for a pid namespace");
        return None;
    }
    Some(run_command(through(&unshare, &common::run::command("bash", &["-c", script]))))
}

/// Starts what the arguments say in the background, with an input that does not end.
const BACKGROUND: &str = r#"
bg() { sleep 60 | "$@" >/dev/null & }
# So many hogs are there and have their memory.
hogs() {
    for try in $(seq 300); do
        found=$(awk '/^Name:/ { is = $2 == "hog" } /^VmRSS:/ && is && $2 > 8000 { n++ } END { print n + 0 }' /proc/[0-9]*/status 2>/dev/null)
        [ "$found" -ge "$1" ] && return
        sleep 0.1
    done
}
kill_any() { sleep 0.4; "$MEMDOOR" kill --config /dev/null --threshold 0 --only any --once "$@"; }
"#;

fn script(dir: &TempDir, lines: &str) -> String {
    let victim = dir.victim("hog");
    format!("MEMDOOR={}\nHOG={victim}\n{BACKGROUND}\n{lines}", common::run::MEMDOOR)
}

#[test]
fn only_any_ends_the_hog_and_never_what_the_system_hangs_on() {
    let dir = TempDir::new();
    let [sshd, shim, bus] = ["sshd", "containerd-shim", "dbus-daemon"].map(|name| dir.victim(name));
    let lines = format!("bg {sshd} hold 40; bg {shim} hold 36; bg {bus} hold 32; bg $HOG hold 16; hogs 1; kill_any");
    let Some(ended) = alone(&script(&dir, &lines)) else { return };
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(value(&ended.out, "Victim Command Name"), "hog");
    assert!(value(&ended.out, "Not Candidates").contains("3 of the system"), "{}", ended.out);
}

#[test]
fn whoever_only_calls_itself_sshd_is_a_hog_like_any_other() {
    let dir = TempDir::new();
    let Some(ended) = alone(&script(&dir, "bg $HOG hold 8; bg $HOG family sshd 24 0; kill_any --dry-run")) else {
        return;
    };
    assert_eq!(value(&ended.out, "Victim Command Name"), "sshd", "{ended:#?}");
}

/// Else the largest tree of a server was that of its administrator's shell.
#[test]
fn a_login_shell_is_no_victim_because_of_its_children() {
    let dir = TempDir::new();
    let lines = r#"
        bg bash -c 'exec -a -bash bash -c "\$0 hold 40; true" "$0"' $HOG
        bg setsid script -qc "bash --norc --noprofile" /dev/null < <(echo "$HOG hold 30"; sleep 60)
        hogs 2; kill_any --dry-run"#;
    let Some(ended) = alone(&script(&dir, lines)) else { return };
    assert_eq!(value(&ended.out, "Victim Command Name"), "hog", "{ended:#?}");
    assert_eq!(value(&ended.out, "Victim Processes"), "1", "{ended:#?}");
}

#[test]
fn a_tree_ends_where_another_service_begins() {
    let name = name();
    let Some(group) = Memcg::or_skip(None) else { return };
    let parent = family(&name, 4, 2);
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", parent.pid)).expect("children");
    let child: u32 = children.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a child");
    let only = format!("^{name}$");
    let whole = kill(&only, &["--once", "--dry-run"]);
    assert_eq!(value(&whole.out, "Victim Processes"), "3");
    group.take(child);
    let apart = kill(&only, &["--once", "--dry-run"]);
    assert_eq!(value(&apart.out, "Victim PID"), parent.id());
    assert_eq!(value(&apart.out, "Victim Processes"), "2");
    assert!(apart.out.contains(&format!("Next: PID {child} (")), "{}", apart.out);
}

#[test]
fn a_daemon_that_may_end_nobody_says_so_when_it_starts_and_what_to_type() {
    let only = format!("^{}$", name());
    let _other = Victim::start(&["idle"]);
    let mut daemon = Running::start(memdoor(&kill_args(&only, &[])));
    daemon.until_with("nobody may be chosen");
    daemon.signal(Signal::SIGTERM);
    let ended = daemon.end();
    let start = "memdoor: WARNING nobody who runs now may be ended: ";
    let said = ended.err.lines().find(|line| line.starts_with(start)).expect("a warning at the start");
    assert!(said.contains(" not --only") && said.contains("hint: --only any"), "{said}");
    // And when memory is short.
    assert!(ended.err.contains("outcome=nobody") && ended.err.contains(" hint=\"--only any"), "{}", ended.err);
}

/// RssAnon of the one is 0.2 MB, and it was the other that was ended.
#[test]
fn whoever_leaks_shared_memory_is_ended_and_an_innocent_one_lives() {
    for kind in ["anon", "memfd"] {
        let name = name();
        let innocent = family(&name, 12, 0);
        let mut leaker = Victim::start(&["shared", &name, kind, "40"]);
        let ended = kill(&format!("^{name}$"), &["--once"]);
        assert_eq!(ended.code(), 0, "{ended:#?}");
        leaker.wait();
        assert_eq!(value(&ended.out, "Victim PID"), leaker.id());
        assert!((40..42).contains(&(kib(&ended.out, "Held By Those Ended") / 1024)), "{}", ended.out);
        assert!(is_alive(innocent.pid));
    }
}

/// They survive whoever maps them, so that its end gives nothing back.
#[test]
fn named_files_of_tmpfs_and_segments_of_system_v_are_not_freeable() {
    let Some(dir) = TempDir::in_memory() else { return skip("needs /dev/shm") };
    if !works(&["unshare", "-i", "true"]) {
        return skip("needs root for an IPC namespace, which takes its segments with it");
    }
    let name = name();
    let file = Victim::start(&["shared", &name, &dir.join("pool"), "40"]);
    let deleted = Victim::start(&["shared", &name, &format!("deleted:{}", dir.join("gone")), "16"]);
    let segment = Victim::start_command(through(&["unshare", "-i"], &victim(&["shared", &name, "sysv", "40"])));
    let ended = kill(&format!("^{name}$"), &["--once", "--dry-run"]);
    let out = &ended.out;
    assert_eq!(value(out, "Victim PID"), deleted.id(), "{out}");
    assert!((16..18).contains(&(kib(out, "Victim Freeable Memory") / 1024)), "{out}");
    for survivor in [&file, &segment] {
        let near = out.lines().find(|line| line.starts_with(&format!("Next: PID {} ({name}): ", survivor.pid)));
        let held = near.and_then(|line| line.split(": ").nth(2)?.split(' ').next()?.parse::<u64>().ok());
        assert!(held.is_some_and(|kib| kib < 2048), "{out}");
    }
}

/// The processes that read for memdoor, which it started.
fn readers(daemon: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{daemon}/task/{daemon}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// As when a process is stuck whose smaps, or whose arguments, they were asked for.
#[test]
fn readers_that_do_not_answer_hold_nobody_up_and_end_with_memdoor() {
    let name = name();
    let only = format!("^{name}$");
    let mut daemon = Running::start(memdoor(&kill_args(&only, &["--cooldown", "0.3"])));
    daemon.until_with("nobody may be chosen");
    let readers = readers(daemon.pid());
    assert_eq!(readers.len(), 2);
    for reader in &readers {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(*reader).expect("a pid"));
        nix::sys::signal::kill(pid, Signal::SIGSTOP).expect("SIGSTOP");
    }
    // Without an answer RssShmem stands for what of it is freeable.
    let mut leaker = Victim::start(&["shared", &name, "anon", "24"]);
    let (_, line) = daemon.until("Victim PID: ");
    assert_eq!(line, format!("Victim PID: {}", leaker.pid));
    leaker.wait();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    poll("the end of both", || readers.iter().all(|reader| !is_alive(*reader)).then_some(()));
}

/// It can't be told whether it is one of those.
#[test]
fn a_process_whose_arguments_can_not_be_read_is_spared_by_ignore() {
    let name = name();
    let (only, ignore) = (format!("^{name}$"), "cmdline:no such argument");
    let mut daemon = Running::start(memdoor(&kill_args(&only, &["--cooldown", "0.3", "--ignore", ignore])));
    daemon.until_with("nobody may be chosen");
    for reader in readers(daemon.pid()) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(reader).expect("a pid"));
        nix::sys::signal::kill(pid, Signal::SIGSTOP).expect("SIGSTOP");
    }
    let victim = family(&name, 8, 0);
    std::thread::sleep(Duration::from_secs(2));
    assert!(is_alive(victim.pid));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    assert!(is_alive(victim.pid));
}

#[test]
fn what_the_processes_of_a_tree_share_counts_once() {
    let name = name();
    let sharers = Victim::start(&["shared", &name, "memfd", "16", "3"]);
    let larger = family(&name, 24, 0);
    let ended = kill(&format!("^{name}$"), &["--once", "--dry-run"]);
    assert_eq!(value(&ended.out, "Victim PID"), larger.id());
    let near = ended.out.lines().find(|line| line.starts_with("Next: ")).expect("who is near");
    let start = format!("Next: PID {} ({name}): ", sharers.pid);
    let held = near.strip_prefix(&start).and_then(|rest| rest.split(' ').next()).expect("a size");
    let held: u64 = held.parse().expect("a number");
    assert!((16 << 10..20 << 10).contains(&held), "{near}");
    assert!(near.ends_with("processes 4"), "{near}");
}

/// pthread_exit(3) in main() leaves a process in state Z that holds all of its memory.
#[test]
fn a_hog_whose_first_thread_has_exited_is_ended_and_an_innocent_one_lives() {
    let name = name();
    let innocent = family(&name, 8, 0);
    let mut hog = Victim::start(&["zombie-leader", "--comm", &name, "32"]);
    let only = format!("^{name}$");
    let ended = kill(&only, &["--once"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    hog.wait();
    let out = &ended.out;
    assert_eq!(value(out, "Victim PID"), hog.id());
    assert!((32..34).contains(&(kib(out, "Held By Those Ended") / 1024)), "{out}");
    assert!(is_alive(innocent.pid));
    // The evidence is of the thread that lives.
    assert!(kib(out, "Process RSS Memory Usage") >= 32 << 10, "{out}");
}

#[test]
fn a_process_whose_first_thread_has_exited_is_known_by_executable_arguments_and_cgroup_too() {
    let name = name();
    let group = Memcg::or_skip(Some(64 * MIB));
    let mut hog = Victim::start(&["zombie-leader", "--wait", "--comm", &name, "4"]);
    if let Some(group) = &group {
        group.take(hog.pid);
    }
    hog.go();
    hog.ready_again();
    for by in ["exe:/victim$", &format!("cmdline: --comm {name} ")] {
        let ended = kill(by, &["--once", "--dry-run", "--prefer", &format!("^{name}$")]);
        assert_eq!(value(&ended.out, "Victim PID"), hog.id(), "{ended:#?}");
    }
    let Some(group) = group else { return };
    let cgroup = group.path();
    let ended = kill(&format!("^{name}$"), &["--once", "--dry-run", "--cgroup", &cgroup]);
    assert_eq!(value(&ended.out, "Victim PID"), hog.id(), "{ended:#?}");
}

#[test]
fn who_does_not_hear_sigterm_gets_sigkill_after_the_grace() {
    let name = name();
    let mut deaf = Victim::start(&["family", "--deaf", &name, "4", "3"]);
    let before = Instant::now();
    let ended = kill(&format!("^{name}$"), &["--once", "--grace", "0.5", "--hard", "0"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(before.elapsed() >= Duration::from_millis(500));
    deaf.wait();
    assert_eq!(value(&ended.out, "Action"), "SIGTERM, then SIGKILL: the victim has ended");
    // The children die with their parent, and may have done so before it was their turn.
    let sent: u32 = value(&ended.out, "Processes Sent SIGKILL").parse().expect("a number");
    assert!((1..=4).contains(&sent));
    assert!((16..20).contains(&(kib(&ended.out, "Held By Those Ended") / 1024)));
}

#[test]
fn below_the_hard_bound_nobody_is_waited_for() {
    let name = name();
    let mut deaf = Victim::start(&["family", "--deaf", &name, "4", "0"]);
    let before = Instant::now();
    let ended = kill(&format!("^{name}$"), &["--once", "--grace", "600", "--hard", "100"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(before.elapsed() < Duration::from_secs(30));
    deaf.wait();
    assert_eq!(value(&ended.out, "Processes Sent SIGKILL"), "1");
}

/// A shell that starts a process each 10 ms, none of which hears SIGTERM or ends with it.
#[test]
fn children_started_after_the_choice_die_with_the_tree() {
    let (name, dir) = (name(), TempDir::new());
    let copy = |program: &str, name: &str| dir.program(std::path::Path::new(program), name);
    let (shell, child) = (copy("/bin/bash", &name), copy("/bin/sleep", &format!("{name}s")));
    let script = r#"trap "" TERM; for n in $(seq 150); do "$0" 60 & sleep 0.01; done; wait"#;
    let _growing = Running::start(common::run::command(&shell, &["-c", script, &child]));
    let only = format!("^{name}");
    let found = || {
        let tried = kill(&only, &["--once", "--dry-run"]);
        let is_there = tried.out.contains("Victim Processes: ");
        is_there.then(|| value(&tried.out, "Victim Processes").parse::<u32>().expect("a number"))
    };
    let before = poll("a tree", || found().filter(|count| *count > 2));
    let ended = kill(&only, &["--once", "--grace", "1", "--hard", "0"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let sent: u32 = value(&ended.out, "Processes Sent SIGKILL").parse().expect("a number");
    assert!(sent > before + 3, "{before}: {}", ended.out);
    assert_eq!(found(), None);
}

/// Of its tree each process is as it was, or has ended: nothing stands still for ever because memdoor was killed.
#[test]
fn a_memdoor_that_is_killed_while_it_kills_leaves_nobody_stopped() {
    let name = name();
    let only = format!("^{name}$");
    let args = kill_args(&only, &["--once", "--grace", "0", "--hard", "0", "--evidence-ms", "0"]);
    let state = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('X')
    };
    for _ in 0..8 {
        let tree = Victim::start(&["family", "--deaf", &name, "1", "60"]);
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", tree.pid)).unwrap_or_default();
        let pids: Vec<u32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        let mut command = memdoor(&args);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut killer = Process::start(command);
        // The first thing that happens to the root.
        let since = Instant::now();
        while !"TZX".contains(state(&tree.pid)) {
            assert!(since.elapsed() < Duration::from_secs(60), "waited in vain for its kill");
        }
        killer.kill();
        killer.wait();
        let states: Vec<char> = pids.iter().chain([&tree.pid]).map(state).collect();
        assert!(!states.contains(&'T'), "{states:?}");
    }
}

#[test]
fn hostile_names_reach_neither_terminal_nor_json_as_they_are() {
    let name = name();
    let hostile = format!(r#"{name}"\x1b[2J\n\xff"#);
    let _victim = Victim::start(&["family", &hostile, "2", "0"]);
    let only = format!("^{name}\"");
    let ended = kill(&only, &["--once", "--dry-run"]);
    let is_plain = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    assert!(is_plain(&ended.out) && is_plain(&ended.err), "{ended:#?}");
    assert!(value(&ended.out, "Victim Command Name").contains(r"\033"), "{}", ended.out);
    // No name ends its field in the log.
    assert!(ended.err.contains(&format!(r#" comm="{name}\"\\033[2J"#)), "{}", ended.err);
    let ended = kill(&only, &["--once", "--dry-run", "--format", "json"]);
    let json = Json::parse(ended.out.trim_end());
    assert!(json.text("memdoor.process.comm").starts_with(&name));
    // What is no UTF-8 is matched as a question mark.
    let ended = kill(&format!("^{name}.*\\?$"), &["--once", "--dry-run"]);
    assert!(ended.out.contains("Victim PID") || ended.out.contains("nobody"));
}

#[test]
fn memdoor_and_its_ancestors_are_never_chosen() {
    // A shell is memdoor's parent, and nothing else is called so.
    let (name, dir) = (name(), TempDir::new());
    let shell = dir.program(std::path::Path::new("/bin/bash"), &name);
    let inner = memdoor(&kill_args(&format!("cmdline:^{shell} "), &["--once", "--dry-run"]));
    let mut command = through(&[&shell, "-c", "\"$@\"; exit", "sh"], &inner);
    command.stdin(std::process::Stdio::null());
    let ended = run_command(command);
    assert_eq!(value(&ended.out, "Action"), "none: memory is short, and nobody may be chosen");
    assert!(value(&ended.out, "Not Candidates").contains("memdoor and above"));
}

#[test]
fn another_users_processes_are_not_for_an_ordinary_user() {
    if !is_root() {
        return skip("needs root, to be another user");
    }
    let name = name();
    let victim = family(&name, 2, 0);
    let dir = TempDir::new();
    let copy = dir.program(std::path::Path::new(common::run::MEMDOOR), "memdoor");
    let only = format!("^{name}$");
    let command = common::run::command(&copy, &kill_args(&only, &["--once"]));
    let ended = run_command(unprivileged(&command));
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(value(&ended.out, "Not Candidates").contains("1 other users'"), "{}", ended.out);
    assert!(is_alive(victim.pid));
}

#[test]
fn root_without_cap_kill_ends_its_own_processes_and_chooses_nobody_elses() {
    let stripped = ["setpriv", "--bounding-set=-kill", "--inh-caps=-kill"];
    if !is_root() || !common::host::has_unprivileged() || !common::host::works(&[&stripped[..], &["true"]].concat()) {
        return skip("needs root and setpriv, for root without CAP_KILL");
    }
    let (name, dir) = (name(), TempDir::new());
    let program = dir.program(&common::target::path(), "victim");
    let theirs = Victim::start_command(unprivileged(&common::run::command(&program, &["family", &name, "16", "1"])));
    let only = format!("^{name}$");
    for (more, code) in [(&["--once"][..], 1), (&["--once", "--dry-run"], 0)] {
        let ended = run_command(through(&stripped, &memdoor(&kill_args(&only, more))));
        assert_eq!(ended.code(), code, "{ended:#?}");
        assert!(ended.out.contains("Action: none: memory is short, and nobody may be chosen"), "{ended:#?}");
        assert!(value(&ended.out, "Not Candidates").contains("2 other users'"), "{ended:#?}");
        let told = format!("{}{}", ended.out, ended.err);
        assert!(!told.contains("run memdoor as root"), "{told}");
    }
    let mut own = family(&name, 4, 0);
    let ended = run_command(through(&stripped, &memdoor(&kill_args(&only, &["--once"]))));
    assert_eq!(value(&ended.out, "Victim PID"), own.id(), "{ended:#?}");
    own.wait();
    assert!(is_alive(theirs.pid));
}

#[test]
fn an_exempt_process_is_spared() {
    if !is_root() {
        return skip("needs root, to exempt a process from the OOM killer");
    }
    let name = name();
    let victim = family(&name, 2, 0);
    if std::fs::write(format!("/proc/{}/oom_score_adj", victim.pid), "-1000").is_err() {
        return skip("needs CAP_SYS_RESOURCE");
    }
    let ended = kill(&format!("^{name}$"), &["--once"]);
    assert_eq!(ended.code(), 1);
    assert!(value(&ended.out, "Not Candidates").contains("1 oom_score_adj -1000"));
    assert!(is_alive(victim.pid));
}

/// In a pid namespace of its own, where numbers can be handed out again: the victim dies while memdoor holds its pidfd and waits
/// for a reader of the evidence, and another process of the same name gets its number, which must live; or nobody does.
#[test]
fn a_process_that_got_the_number_of_the_victim_is_not_signalled() {
    let namespace = ["unshare", "-p", "-f", "--mount-proc"];
    if !is_root() || !works(&[&namespace[..], &["true"]].concat()) {
        return skip("needs root and unshare, for a pid namespace");
    }
    let script = r#"
        set -e
        cd "$2"
        mkfifo out in
        exec 3<>out 4<>in
        "$0" family "$3" 2 0 <in >first & victim=$!
        until grep -q ready first; do :; done
        # Full, so that the evidence has to wait.
        dd if=/dev/zero of=out bs=4096 count=16 oflag=nonblock 2>/dev/null || :
        "$1" kill --config /dev/null --once --threshold 0 --only "^$3\$" --evidence-ms 10000 --hard 0 --grace 1 >out 2>err & memdoor=$!
        until ls -l /proc/$memdoor/fd 2>/dev/null | grep -q pidfd; do :; done
        kill -9 $victim
        wait $victim || :
        if [ "$4" = reused ]; then
            echo $((victim - 1)) >/proc/sys/kernel/ns_last_pid
            "$0" family "$3" 2 0 <in >second & other=$!
            [ $other = $victim ] || { echo "no such number: $other"; exit 9; }
            until grep -q ready second; do :; done
        else
            other=$victim
        fi
        cat <&3 >/dev/null & reader=$!
        code=0
        wait $memdoor || code=$?
        state=$(sed 's/.*) //; s/ .*//' /proc/$other/stat 2>/dev/null || echo gone)
        kill $reader
        echo "code $code state $state"
        cat err
    "#;
    for (number, state) in [("reused", "S"), ("free", "gone")] {
        let (name, dir) = (name(), TempDir::new());
        let mut command = common::run::command("bash", &["-c", script]);
        command.arg(common::target::path());
        command.args([common::run::MEMDOOR, &dir.join(""), &name, number]);
        let ended = run_command(through(&namespace, &command));
        let expected = format!("code 5 state {state}");
        assert!(ended.out.contains(&expected), "{ended:#?}");
        assert!(ended.out.contains("outcome=vanished"), "{ended:#?}");
    }
}

/// What a replaced /proc/meminfo says; other files of /proc are as they are.
pub(crate) fn with_meminfo(text: &str, inner: &Command, dir: &TempDir) -> Ended {
    let file = dir.write("meminfo", text.as_bytes());
    let script = format!("mount --bind '{file}' /proc/meminfo && exec \"$@\"");
    let inner = common::run::through_shell(&script, inner);
    run_command(through(&["unshare", "-m"], &inner))
}

#[test]
fn odd_figures_are_a_warning_and_no_end() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    let (name, dir) = (name(), TempDir::new());
    let victim = family(&name, 2, 0);
    let only = format!("^{name}$");
    let kill = |text: &str| {
        let args = ["kill", "--config", "/dev/null", "--once", "--dry-run", "--only", &only, "--swap-free", "10"];
        with_meminfo(text, &memdoor(&args), &dir)
    };
    let rest = "SwapTotal: 10 kB\nSwapFree: 0 kB\n";
    let old = kill(&format!("MemTotal: 1000 kB\nMemFree: 20 kB\nBuffers: 0 kB\nCached: 10 kB\n{rest}"));
    assert!(old.err.contains("has no MemAvailable"), "{old:#?}");
    assert_eq!(value(&old.out, "Victim PID"), victim.id());
    let wrapped = kill("MemTotal: 1000 kB\nMemAvailable: 20 kB\nSwapTotal: 10 kB\nSwapFree: 18446744073709551600 kB\n");
    assert!(wrapped.err.contains("SwapFree can't be true, it is above SwapTotal"), "{wrapped:#?}");
    let none = kill("MemTotal: 1000 kB\nMemAvailable: 20 kB\n");
    assert!(none.err.contains("/proc/meminfo has no SwapTotal or no SwapFree"), "{none:#?}");
    assert_eq!(value(&wrapped.out, "Victim PID"), victim.id());
    // Nothing can be judged by these: that is an error, and no daemon that looks for ever.
    for (garbage, cause) in [
        ("", "memdoor: cannot read /proc/meminfo: it is empty\nhint: "),
        ("x\n", "memdoor: /proc/meminfo gives no MemTotal\nhint: "),
        ("MemTotal: 9 kB\nMemFree: 1 kB\nCached: 1 kB\n", "memdoor: /proc/meminfo gives no MemAvailable"),
        ("MemTotal: 0 kB\nMemAvailable: 0 kB\n", "memdoor: /proc/meminfo gives no MemTotal above 0\nhint: "),
        (
            "MemTotal: 10 kB\nMemAvailable: 99 kB\n",
            "memdoor: /proc/meminfo gives no MemAvailable up to MemTotal\nhint: ",
        ),
    ] {
        let ended = kill(garbage);
        assert_eq!(ended.code(), 1, "{garbage:?}: {ended:#?}");
        assert!(ended.err.contains(cause), "{garbage:?}: {ended:#?}");
        let daemon = memdoor(&["kill", "--config", "/dev/null", "--dry-run", "--only", &only]);
        let ended = with_meminfo(garbage, &daemon, &dir);
        assert_eq!(ended.code(), 1, "{garbage:?}: {ended:#?}");
        assert!(ended.err.contains(cause), "{garbage:?}: {ended:#?}");
    }
}

/// The kernel takes them before it calls memory short.
#[test]
fn free_pages_on_the_lists_of_cpus_are_available_and_nobody_is_ended_while_they_are_enough() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    let (name, dir) = (name(), TempDir::new());
    let victim = family(&name, 2, 0);
    let only = format!("^{name}$");
    let swap = "SwapTotal: 0 kB\nSwapFree: 0 kB\n";
    let meminfo =
        dir.write("meminfo", format!("MemTotal: 400000 kB\nMemFree: 9 kB\nMemAvailable: 20000 kB\n{swap}").as_bytes());
    let page_kib = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).expect("a size").expect("one") / 1024;
    let on = |managed: i64, inner: &Command| {
        let text = format!(
            "Node 0, zone   Normal\n  pages free     3840\n        managed  {}\n  pagesets\n    cpu: 0\n              count:    {}\n    cpu: 1\n              count:    {}\n",
            managed / page_kib,
            40_000 / page_kib,
            40_000 / page_kib
        );
        let zoneinfo = dir.write("zoneinfo", text.as_bytes());
        let script = format!(
            "mount --bind '{meminfo}' /proc/meminfo && mount --bind '{zoneinfo}' /proc/zoneinfo && exec \"$@\""
        );
        run_command(through(&["unshare", "-m"], &common::run::through_shell(&script, inner)))
    };
    let dry = memdoor(&["kill", "--config", "/dev/null", "--once", "--dry-run", "--only", &only]);
    let enough = on(400_000, &dry);
    assert_eq!(value(&enough.out, "Action"), "none: memory is not short", "{enough:#?}");
    assert_eq!(value(&enough.out, "Available Memory"), "100000 kB", "{enough:#?}");
    assert_eq!(value(&enough.out, "Of It Free On Lists Of CPUs"), "80000 kB", "{enough:#?}");
    let check = on(400_000, &memdoor(&["check"]));
    assert!(
        check.code() == 0 && check.out.contains("CPUs' lists: 78.1 MiB are free there, and count as available"),
        "{check:#?}"
    );
    // A container's meminfo (lxcfs) beside the zones of the machine.
    let others = on(8_000_000, &dry);
    assert_eq!(value(&others.out, "Memory"), "95.00 % used, threshold 90 %: short", "{others:#?}");
    assert!(is_alive(victim.pid));
    assert_eq!(on(8_000_000, &memdoor(&["check"])).code(), 2);
}

/// As earlyoom would end the innocent one, and what fills memory stays.
#[test]
fn nobody_is_ended_for_what_a_tmpfs_holds_until_the_kernel_would() {
    let Some(dir) = TempDir::in_memory() else { return skip("needs /dev/shm") };
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    dir.write("full", &vec![1; 40 << 20]);
    let (name, meminfos) = (name(), TempDir::new());
    let mut innocent = family(&name, 6, 0);
    let only = format!("^{name}$");
    let kill = |available_kib: u32, more: &[&str]| {
        let args = ["kill", "--config", "/dev/null", "--once", "--threshold", "90", "--hard", "5", "--only", &only];
        let text = format!(
            "MemTotal: 400000 kB\nMemAvailable: {available_kib} kB\nShmem: 40960 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
        );
        with_meminfo(&text, &memdoor(&[&args[..], more].concat()), &meminfos)
    };
    let spared = kill(30_000, &[]);
    assert_eq!(spared.code(), 1, "{spared:#?}");
    assert!(is_alive(innocent.pid));
    assert!(value(&spared.out, "Action").starts_with("none: memory is in files of tmpfs"), "{}", spared.out);
    let there = value(&spared.out, "In tmpfs And System V Segments");
    assert!(there.starts_with("40960 kB, 10.24 % of memory, "), "{there}");
    assert!(
        there.ends_with(" kB of it in /dev/shm; stays until it is deleted and closed: df -t tmpfs; lsof +L1; ipcs -m"),
        "{there}"
    );
    assert!(spared.out.contains(&format!("\nNext: PID {} ({name}): ", innocent.pid)), "{}", spared.out);
    assert!(!spared.out.contains("Victim"), "there is none: {}", spared.out);
    assert!(spared.err.contains("ERROR outcome=elsewhere memory=\"92.50 % used"), "{}", spared.err);
    assert!(spared.err.contains(" lasting=\"40960 kB, 10.24 % of memory, "), "{}", spared.err);
    let dry = kill(30_000, &["--dry-run", "--format", "json"]);
    assert_eq!(dry.code(), 0, "{dry:#?}");
    let action = Json::parse(dry.out.lines().last().expect("a line"));
    assert_eq!(action.text("memdoor.kill.outcome"), "elsewhere");
    assert_eq!(action.text("memdoor.lasting.fullest.path"), "/dev/shm");
    assert!(action.number("memdoor.lasting.files_bytes") >= 40 << 20);
    // One that holds more than a fourth of it is worth it; and so is anybody once the kernel would act.
    let larger = family(&name, 12, 0);
    assert_eq!(value(&kill(30_000, &["--dry-run"]).out, "Victim PID"), larger.id());
    drop(larger);
    let last = kill(19_000, &[]);
    assert_eq!(value(&last.out, "Victim PID"), innocent.id(), "{}", last.out);
    innocent.wait();
    assert!(last.out.contains("\nIn tmpfs And System V Segments: 40960 kB"), "{}", last.out);
}

#[test]
fn in_a_control_group_its_own_limit_and_processes_count() {
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let name = name();
    let start =
        |mib: &str, children: &str| Victim::start_command(group.inside(&victim(&["family", &name, mib, children])));
    let small = start("8", "1");
    let mut large = start("24", "3");
    let middle = start("16", "1");
    let outside = family(&name, 48, 3);
    let path = group.path();
    let only = format!("^{name}$");
    let at = |threshold: &str, more: &[&str]| {
        let args =
            ["kill", "--config", "/dev/null", "--only", &only, "--cgroup", &path, "--threshold", threshold, "--once"];
        run(&[&args[..], more].concat())
    };
    assert_eq!(at("95", &[]).out, "", "144 of 256 MiB are no 95 %");
    let before = group.usage();
    let ended = at("50", &[]);
    large.wait();
    let after = group.usage();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(value(&ended.out, "Victim PID"), large.id());
    assert_eq!(value(&ended.out, "Control Group Memory Limit"), "262144 kB");
    let (freed, truth) = (kib(&ended.out, "Held By Those Ended") * 1024, before - after);
    assert!(freed.abs_diff(truth) * 10 <= truth, "{freed} of {truth}");
    for victim in [&small, &middle, &outside] {
        assert!(is_alive(victim.pid));
    }
}

/// What `--self-report` says behind a word.
fn figure(err: &str, name: &str) -> u64 {
    let line = err.lines().find_map(|line| line.strip_prefix("memdoor: self-report: "));
    let parts = line.unwrap_or_else(|| panic!("no self-report: {err}")).split(", ");
    let mut figures = parts.filter_map(|part| part.strip_prefix(name));
    figures.next().and_then(|figure| figure.trim().parse().ok()).expect("a figure")
}

#[test]
fn a_daemon_ends_one_after_the_other_and_neither_allocates_nor_faults() {
    let name = name();
    let mut trees = [family(&name, 16, 1), family(&name, 4, 1), Victim::start(&["family", "--deaf", &name, "8", "2"])];
    let args = ["--cooldown", "0.2", "--grace", "0.3", "--hard", "0", "--self-report"];
    let only = format!("^{name}$");
    let mut daemon = Running::start(memdoor(&kill_args(&only, &args)));
    for at in [0, 2, 1] {
        let (_, line) = daemon.until("Victim PID: ");
        assert_eq!(line, format!("Victim PID: {}", trees[at].pid));
        trees[at].wait();
    }
    daemon.until_with("nobody may be chosen");
    daemon.signal(Signal::SIGTERM);
    let ended = daemon.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(figure(&ended.err, "allocations "), 0, "{}", ended.err);
    if has_capability(CAP_IPC_LOCK) {
        assert_eq!(figure(&ended.err, "major faults "), 0, "{}", ended.err);
        assert_eq!(figure(&ended.err, "minor faults "), 0, "{}", ended.err);
    } else {
        skip("needs CAP_IPC_LOCK: page faults were not counted");
    }
}

#[test]
fn a_daemon_reads_its_configuration_anew_on_sighup_and_keeps_the_old_one_when_it_is_wrong() {
    let (name, dir) = (name(), TempDir::new());
    let mut victim = family(&name, 4, 0);
    let file = dir.write("conf", b"[kill]\nthreshold = 100\n");
    let (only, log) = (format!("^{name}$"), dir.join("log"));
    let inner = memdoor(&["kill", "--config", &file, "--only", &only, "--hard", "0"]);
    let script = format!("exec \"$@\" 2>'{log}'");
    let mut daemon = Running::start(common::run::through_shell(&script, &inner));
    let logged = |words: &str| {
        poll(words, || {
            let text = std::fs::read_to_string(&log).ok()?;
            text.contains(words).then_some(())
        });
    };
    logged("started: threshold 100 %");
    dir.write("conf", b"[kill]\nfrob = 1\nthreshold = 0\n");
    daemon.signal(Signal::SIGHUP);
    logged(":2: unknown name 'frob'");
    logged("memdoor: ERROR SIGHUP: the configuration stays as it was: ");
    assert!(is_alive(victim.pid));
    dir.write("conf", &too_large("[kill]\nthreshold = 0"));
    daemon.signal(Signal::SIGHUP);
    logged("it is larger than 256 KiB");
    assert!(is_alive(victim.pid));
    // Valid, and nothing that can be done.
    dir.write("conf", b"[kill]\nthreshold = 0\ncgroup = /no/such/group\n");
    daemon.signal(Signal::SIGHUP);
    logged("stays as it was: what the new one asks for can't be done");
    assert!(is_alive(victim.pid));
    dir.write("conf", b"[kill]\nthreshold = 0\n");
    daemon.signal(Signal::SIGHUP);
    daemon.until(&format!("Victim PID: {}", victim.pid));
    victim.wait();
    daemon.signal(Signal::SIGTERM);
    let ended = daemon.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

/// A configuration that begins so, with a comment before the number that the first 256 KiB end in: `threshold = 95` is 9 there.
fn too_large(start: &str) -> Vec<u8> {
    let (start, end) = (format!("{start}\n#"), "\nthreshold = 95\ndry-run = true\n");
    let kept = "\nthreshold = 9".len();
    let comment = "x".repeat((256 << 10) - start.len() - kept);
    [start.as_bytes(), comment.as_bytes(), end.as_bytes()].concat()
}

#[test]
fn a_configuration_that_cannot_be_read_whole_is_refused_and_no_error_quotes_a_line_of_a_megabyte() {
    let dir = TempDir::new();
    let file = dir.write("conf", &too_large("[kill]"));
    let ended = run(&["kill", "--config", &file, "--print-config"]);
    assert_eq!(ended.code(), 2, "{ended:#?}");
    assert!(ended.err.starts_with(&format!("memdoor: cannot read {file}: it is larger than 256 KiB")), "{}", ended.err);
    // As long as it may be, it is read to its end.
    let text = too_large("[kill]");
    let file = dir.write("conf", &text[..256 << 10]);
    let ended = run(&["kill", "--config", &file, "--print-config"]);
    assert!(ended.code() == 0 && ended.out.contains("threshold = 9 "), "{ended:#?}");
    for text in [format!("[kill]\n{}\n", "x".repeat(250_000)), format!("[kill]\nonly = {}\n", "x".repeat(250_000))] {
        let file = dir.write("conf", text.as_bytes());
        let ended = run(&["kill", "--config", &file]);
        assert!(ended.code() == 2 && ended.err.len() < 1024, "{}", ended.err.len());
        assert!(ended.err.contains("xxx'... (250000 bytes)"), "{}", ended.err);
    }
}

#[test]
fn a_pattern_of_a_configuration_is_its_bytes_and_one_that_is_no_utf_8_is_refused_as_it_is_when_typed() {
    let dir = TempDir::new();
    let file = dir.write("conf", b"[kill]\nignore = ^stfgr\xf6sse\n");
    let ended = run(&["kill", "--config", &file, "--once"]);
    let expected = format!(
        "memdoor: {file}:2: --ignore: '^stfgr\\366sse' is not allowed: it is no UTF-8: type . for each byte that is none\n"
    );
    assert_eq!((ended.code(), ended.err), (2, expected));
    // A path may have any byte.
    let file = dir.write("conf", b"[kill]\nlog-file = /tmp/gr\xf6sse # gr\xf6sse\n");
    let ended = run(&["kill", "--config", &file, "--print-config"]);
    assert!(ended.code() == 0 && ended.out.contains("'/tmp/gr\\366sse'"), "{ended:#?}");
    for bytes in [&b"\xff\xfe[\0k\0]\0"[..], b"\xfe\xff\0[\0k\0]", b"[\0k\0]\0", b"\0[\0k\0]"] {
        let file = dir.write("conf", bytes);
        let ended = run(&["kill", "--config", &file, "--once"]);
        let expected = format!("memdoor: cannot read {file}: it is UTF-16, and a configuration is UTF-8\nhint: ");
        assert!(ended.code() == 2 && ended.err.starts_with(&expected), "{ended:#?}");
    }
}

#[test]
fn a_sighup_with_a_log_file_that_cannot_be_used_changes_nothing_and_the_old_log_says_so() {
    let (name, dir) = (name(), TempDir::new());
    let mut victim = family(&name, 4, 0);
    let (only, old, err) = (format!("^{name}$"), dir.join("old.log"), dir.join("err"));
    let foreign = dir.write("foreign", b"root:x:0:0\n");
    let conf = |threshold: u32, log: &str| {
        dir.write("conf", format!("threshold = {threshold}\nlog-file = {log}\n").as_bytes())
    };
    let file = conf(100, &old);
    let inner = memdoor(&["kill", "--config", &file, "--only", &only, "--hard", "0"]);
    let mut daemon = Running::start(common::run::through_shell(&format!("exec \"$@\" 2>'{err}'"), &inner));
    let lines = |path: &str, words: &str| {
        std::fs::read_to_string(path).unwrap_or_default().lines().filter(|line| line.contains(words)).count()
    };
    let until = |path: &str, words: &str, count| poll(words, || (lines(path, words) >= count).then_some(()));
    until(&old, "started: threshold 100 %", 1);
    for (round, (log, why)) in [
        (foreign.clone(), "what is there is no log of memdoor kill"),
        (dir.join("none/x"), "no such file or directory (ENOENT)"),
    ]
    .into_iter()
    .enumerate()
    {
        conf(0, &log);
        daemon.signal(Signal::SIGHUP);
        until(&old, "SIGHUP: the configuration stays as it was", round + 1);
        assert_eq!(lines(&err, why), 1, "{}", std::fs::read_to_string(&err).expect("it"));
        assert!(lines(&err, "memdoor: the configuration stays as it was") > round);
        assert!(is_alive(victim.pid));
    }
    assert_eq!(std::fs::read_to_string(&foreign).expect("it"), "root:x:0:0\n");
    let new = dir.join("new.log");
    conf(0, &new);
    daemon.signal(Signal::SIGHUP);
    daemon.until(&format!("Victim PID: {}", victim.pid));
    victim.wait();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    assert_eq!(lines(&new, "SIGHUP: the configuration was read anew: threshold 0 %"), 1);
}

#[test]
fn the_configuration_has_the_names_of_the_options_and_says_where_each_comes_from() {
    let dir = TempDir::new();
    let file = dir
        .write("conf", b"memory_threshold_percent: 70\n[kill]\nkill-timeout-seconds = 12\nonly = \"a b\"\nonly = c\n");
    let ended = run(&["kill", "--config", &file, "--hard", "3", "--print-config"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let line = |name: &str| {
        let lines = ended.out.lines().filter(|line| line.starts_with(&format!("{name} =")));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(line("threshold"), [format!("threshold = 70 # {file}:1")]);
    assert_eq!(line("grace"), [format!("grace = 12 # {file}:3")]);
    assert_eq!(line("only"), [format!("only = \"a b\" # {file}:4"), format!("only = c # {file}:5")]);
    assert_eq!(line("hard"), ["hard = 3 # command line"]);
    assert_eq!(line("cooldown"), ["cooldown = 5 # default"]);
    // What it prints is a configuration itself.
    let printed = dir.write("printed", ended.out.as_bytes());
    let again = run(&["kill", "--config", &printed, "--print-config"]);
    let values = |out: &str| {
        out.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&again.out), values(&ended.out));
}

/// One typed `--ignore` took a database off the list of those that are never ended.
#[test]
fn who_is_spared_by_the_configuration_is_spared_whatever_is_typed() {
    let (name, dir) = (name(), TempDir::new());
    let names = ["a", "b", "c"].map(|end| format!("{name}{end}"));
    let [_a, _b, c] = [(&names[0], 12), (&names[1], 8), (&names[2], 4)].map(|(name, mib)| family(name, mib, 0));
    let file = dir.write("conf", format!("[kill]\nignore = {}\nprefer = {}\n", names[0], names[1]).as_bytes());
    let only = format!("^{name}");
    let args = ["kill", "--config", &file, "--threshold", "0", "--only", &only, "--once", "--dry-run"];
    let ended = run(&[&args[..], &["--ignore", &names[1], "--prefer", &names[0]]].concat());
    assert_eq!(value(&ended.out, "Victim PID"), c.id(), "{ended:#?}");
    let shown = run(&["kill", "--config", &file, "--ignore", "x", "--prefer", "y", "--print-config"]).out;
    let count = |start: &str| shown.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((count("ignore = "), count("prefer = ")), (2, 1), "{shown}");
}

#[test]
fn what_is_wrong_in_the_configuration_is_named_with_file_and_line() {
    let dir = TempDir::new();
    for (text, expected) in [
        ("[kill]\nfrob = 1\n", ":2: unknown name 'frob': memdoor kill --print-config lists them"),
        ("\nthreshold = 101\n", ":2: --threshold: '101' is not allowed: a whole number from 0 to 100"),
        ("[kill]\nany = 1\n", ":2: --any: '1' is not allowed: true or false"),
        ("[kill]\nprefer = (\n", ":2: --prefer: '(' is not allowed: found open group"),
        (
            "[kill]\nignore = user:postgres\n",
            ":2: --ignore: 'user:postgres' is not allowed: no pattern is about user: ",
        ),
        ("[kill]\nignore = ^postgres_exporter$\n", ": it stands for 17 bytes, and comm has 15 bytes at most"),
        (
            "[kill]\nonly = no-family-of-this-name\n",
            "--only: 'no-family-of-this-name' is not allowed: it stands for 22 bytes",
        ),
        ("[kil]\n", ":1: '[kil]' is no section"),
        ("[kill]\n= true\n", ":2: '= true' has no name before its value"),
        ("= true\n", ":1: '= true' has no name before its value"),
        ("[kill]\n: 5\n", ":2: ': 5' has no name before its value"),
        (
            "[kill]\nonly = [java]\n",
            ":2: --only: '[java]' is not allowed: brackets stand for one of the letters in them",
        ),
        (
            "only: [java postgres]\n",
            ":1: --only: '[java postgres]' is not allowed: brackets stand for one of the letters",
        ),
        ("[kill]\nignore = /usr/sbin/nginx\n", ":2: --ignore: '/usr/sbin/nginx' is not allowed: a name is no path"),
    ] {
        let file = dir.write("conf", text.as_bytes());
        let ended = run(&["kill", "--config", &file]);
        assert_eq!(ended.code(), 2, "{ended:#?}");
        let at = if expected.starts_with(':') && !expected.starts_with(": ") { file.as_str() } else { "" };
        assert!(ended.err.contains(&format!("{at}{expected}")), "{expected}: {}", ended.err);
    }
    // What stands in it is wrong: 2. It can't be read: 1.
    let ended = run(&["kill", "--config", &dir.join("none")]);
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains(&format!("cannot read {}: ", dir.join("none"))), "{}", ended.err);
}

#[test]
fn a_cgroup_that_is_not_there_or_has_no_limit_is_an_error_with_a_hint() {
    let ended = kill("^x$", &["--once", "--cgroup", "/no/such/group"]);
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(
        ended.err.contains("cannot find memory cgroup /no/such/group") && ended.err.contains("hint: "),
        "{}",
        ended.err
    );
}

#[test]
fn the_log_file_is_rotated_by_size_and_count_and_reopened_on_sighup() {
    let (name, dir) = (name(), TempDir::new());
    let file = dir.join("log");
    let only = format!("^{name}$");
    let more = [
        "--log-file",
        &file,
        "--log-max-bytes",
        "600",
        "--log-backup-count",
        "2",
        "--log-level",
        "debug",
        "--cooldown",
        "0.05",
    ];
    let daemon = Running::start(memdoor(&kill_args(&only, &more)));
    let text = |end: &str| std::fs::read_to_string(format!("{file}{end}")).ok();
    poll("the second old file", || text(".2"));
    daemon.signal(Signal::SIGHUP);
    poll("its word", || {
        let all = ["", ".1", ".2"].map(|end| text(end).unwrap_or_default()).concat();
        all.contains("SIGHUP").then_some(())
    });
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    assert!(text("").is_some() && text(".1").is_some() && text(".3").is_none());
    for end in ["", ".1", ".2"] {
        let text = text(end).expect("there");
        assert!(text.len() <= 600, "{text}");
        assert!(text.lines().all(|line| line.starts_with("20") && line.contains("Z ")), "{text}");
    }
}

/// Whoever reads the log alone saw "is read anew" and "started" there.
#[test]
fn the_log_says_whether_the_new_configuration_holds_and_why_not() {
    let (name, dir) = (name(), TempDir::new());
    let (conf, log) = (dir.write("conf", b"[kill]\nthreshold = 100\n"), dir.join("log"));
    let only = format!("^{name}$");
    let daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only, "--log-file", &log]));
    let logged = |words: &str| {
        poll(words, || std::fs::read_to_string(&log).ok().filter(|text| text.contains(words)));
    };
    logged("started: threshold 100 %");
    dir.write("conf", b"[kill]\nthreshold = 101\n");
    daemon.signal(Signal::SIGHUP);
    logged(&format!(" ERROR SIGHUP: the configuration stays as it was: {conf}:2: --threshold: '101' is not allowed"));
    dir.write("conf", b"[kill]\nthreshold = 99\n");
    daemon.signal(Signal::SIGHUP);
    logged(" INFO SIGHUP: the configuration was read anew: threshold 99 %");
    let text = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(text.matches("started: ").count(), 1, "{text}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

/// In a mount namespace where the test's own socket is in the place of journald's, and of syslogd's.
#[test]
fn the_journal_and_syslog_get_a_datagram_for_each_decision() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    let (name, dir) = (name(), TempDir::new());
    let victim = family(&name, 2, 0);
    let socket = std::os::unix::net::UnixDatagram::bind(dir.join("socket")).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let script = r#"
        mount -t tmpfs none /run && mkdir -p /run/systemd/journal && touch /run/systemd/journal/socket &&
        mount --bind "$0" /run/systemd/journal/socket &&
        mount -t tmpfs none /dev && touch /dev/log /dev/null && mount --bind "$0" /dev/log && exec "$@"
    "#;
    let only = format!("^{name}$");
    for (to, start) in
        [("journal", "SYSLOG_IDENTIFIER=memdoor\nPRIORITY=4\nMESSAGE=outcome=dry_run"), ("syslog", "<28>memdoor[")]
    {
        let inner = memdoor(&kill_args(&only, &["--once", "--dry-run", "--log", to]));
        let mut command = common::run::command("sh", &["-c", script, &dir.join("socket")]);
        command.arg(inner.get_program()).args(inner.get_args());
        let ended = run_command(through(&["unshare", "-m"], &command));
        assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{ended:#?}");
        let mut bytes = [0; 2048];
        let length = socket.recv(&mut bytes).expect("a datagram");
        let text = String::from_utf8_lossy(&bytes[..length]);
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains(&format!("pid={}", victim.pid)), "{text}");
    }
    let ended = kill(&only, &["--once", "--log", "syslog"]);
    // Where nobody logs that is an error with a hint; where somebody does, it is done.
    assert!(ended.code() == 0 || ended.err.contains("hint: "), "{ended:#?}");
}

/// A kernel that lacks these system calls, as far as memdoor can tell.
fn without(calls: &str, inner: &Command) -> Command {
    let inject = format!("inject={calls}:error=ENOSYS");
    let trace = format!("trace={calls}");
    through(&["strace", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject], inner)
}

#[test]
fn without_pidfds_nobody_is_signalled_unless_the_race_is_allowed() {
    if !works(&["strace", "-o", "/dev/null", "true"]) {
        return skip("needs strace, to take a system call away");
    }
    let name = name();
    let mut deaf = Victim::start(&["family", "--deaf", &name, "4", "1"]);
    let only = format!("^{name}$");
    let kill = |calls: &str, more: &[&str]| {
        let args = [&["--once", "--grace", "0.2", "--hard", "0"], more].concat();
        run_command(without(calls, &memdoor(&kill_args(&only, &args))))
    };
    for more in [&[][..], &["--dry-run"]] {
        let ended = kill("pidfd_open", more);
        assert_eq!((ended.code(), &*ended.out), (1, ""), "{ended:#?}");
        assert!(ended.err.contains("cannot open a pidfd"), "{ended:#?}");
        assert!(ended.err.contains("--allow-pid-race"), "{ended:#?}");
    }
    assert!(is_alive(deaf.pid));
    let ended = kill("pidfd_open", &["--allow-pid-race"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let action = "SIGTERM, then SIGKILL: the victim has ended";
    assert_eq!(value(&ended.out, "Action"), action);
    deaf.wait();
    // Before Linux 5.15 the memory of who was killed is free a little later.
    let mut deaf = Victim::start(&["family", "--deaf", &name, "4", "1"]);
    let ended = kill("process_mrelease", &[]);
    assert_eq!(value(&ended.out, "Action"), action, "{ended:#?}");
    deaf.wait();
}

/// Whether pressure can be made up here.
fn may_stall() -> Result<(), &'static str> {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return Err("needs root and unshare, for a mount namespace");
    }
    std::fs::metadata("/proc/pressure/memory").map(drop).map_err(|_| "this kernel has no PSI")
}

/// memdoor on a host whose pressure is what stands in the file.
fn stalled_as(file: &str, args: &[&str]) -> std::process::Command {
    // Read-only: what a trigger writes is not to become what is read.
    let script = format!(
        "mount --bind '{file}' /proc/pressure/memory && mount -o remount,ro,bind /proc/pressure/memory && exec \"$@\""
    );
    through(&["unshare", "-m"], &common::run::through_shell(&script, &memdoor(args)))
}

#[test]
fn pressure_alone_can_be_what_memory_is_short_of() {
    if let Err(why) = may_stall() {
        return skip(why);
    }
    let (name, dir) = (name(), TempDir::new());
    let victim = family(&name, 2, 0);
    let only = format!("^{name}$");
    let kill = |threshold: &str, more: &[&str]| {
        let text =
            "some avg10=40.00 avg60=1.00 avg300=0.10 total=99\nfull avg10=20.00 avg60=1.00 avg300=0.10 total=9\n";
        let file = dir.write("memory", text.as_bytes());
        let args = ["kill", "--config", "/dev/null", "--once", "--dry-run"];
        let args = [&args[..], &["--threshold", threshold, "--only", &only], more].concat();
        run_command(stalled_as(&file, &args))
    };
    for (threshold, more, is_short) in [
        ("0", &["--psi", "some=40"][..], true),
        ("0", &["--psi", "some=40.01"], false),
        ("0", &["--psi", "full=20"], true),
        ("0", &["--psi", "full=21"], false),
        ("100", &["--psi", "some=1"], false),
        ("100", &["--psi", "some=1", "--any"], true),
    ] {
        let ended = kill(threshold, more);
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let memory = value(&ended.out, "Memory");
        let word = if is_short { ": short" } else { ": not short" };
        assert!(memory.ends_with(word), "{more:?}: {memory}");
        let of = if more[1].starts_with("some") { "40.00 %" } else { "20.00 %" };
        assert_eq!(value(&ended.out, "Pressure (10 s)"), of);
    }
    assert!(is_alive(victim.pid));
}

/// A stall that goes on until that one has ended: one that stands still is over with the end of any other test's victim. `write` is given how
/// many microseconds that are.
fn stall_until_gone(pid: u32, total: &mut u64, write: &dyn Fn(u64)) {
    poll("an end", || {
        // What is written behind its end is another stall.
        if is_alive(pid) {
            *total += 4_000_000;
            write(*total);
            std::thread::sleep(Duration::from_millis(200));
            return None;
        }
        Some(())
    });
}

/// A daemon that ends one of `--only` for a stall.
const STALL_DAEMON: [&str; 12] = [
    "kill",
    "--config",
    "/dev/null",
    "--threshold",
    "100",
    "--hard",
    "0",
    "--psi",
    "some=10",
    "--any",
    "--cooldown",
    "0.05",
];

/// Makes a pressure file of a host that has stalled for so many microseconds in all.
fn stalled(dir: &TempDir, total: u64) -> String {
    let line = format!("avg10=60.00 avg60=1.00 avg300=0.10 total={total}");
    dir.write("memory", format!("some {line}\nfull {line}\n").as_bytes())
}

/// avg10 stays high for 20 s after a stall has ended, and nobody is ended for what the first one's end has ended.
#[test]
fn a_stall_that_a_victims_end_has_ended_ends_nobody_else() {
    if let Err(why) = may_stall() {
        return skip(why);
    }
    let (name, dir) = (name(), TempDir::new());
    let (mut first, mut second) = (family(&name, 8, 0), family(&name, 4, 0));
    let write = |total: u64| _ = stalled(&dir, total);
    let mut total = 5_000_000;
    let (file, only) = (stalled(&dir, total), format!("^{name}$"));
    let args = [&STALL_DAEMON[..], &["--only", &only]].concat();
    let mut daemon = Running::start(stalled_as(&file, &args));
    stall_until_gone(first.pid, &mut total, &write);
    daemon.until(&format!("Victim PID: {}", first.pid));
    daemon.until("Memory After: ");
    first.wait();
    std::thread::sleep(Duration::from_secs(3));
    assert!(is_alive(second.pid), "its like had ended the stall");
    stall_until_gone(second.pid, &mut total, &write);
    daemon.until(&format!("Victim PID: {}", second.pid));
    second.wait();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

/// The other has waited for nobody: it was started, or looked, when that victim had ended.
#[test]
fn a_stall_that_another_memdoors_victim_has_ended_ends_nobody_else() {
    if let Err(why) = may_stall() {
        return skip(why);
    }
    let (name, dir) = (name(), TempDir::new());
    let (mut first, mut second) = (family(&name, 8, 0), family(&name, 4, 0));
    let write = |total: u64| _ = stalled(&dir, total);
    let mut total = 5_000_000;
    let (file, only) = (stalled(&dir, total), format!("^{name}$"));
    let args = [&STALL_DAEMON[..], &["--only", &only]].concat();
    let mut one = Running::start(stalled_as(&file, &args));
    stall_until_gone(first.pid, &mut total, &write);
    one.until(&format!("Victim PID: {}", first.pid));
    one.until("Memory After: ");
    first.wait();
    let mut other = Running::start(stalled_as(&file, &args));
    other.until("Action: none: memory was short, and is not any more");
    std::thread::sleep(Duration::from_secs(2));
    assert!(is_alive(second.pid), "its like had ended the stall");
    // One that goes on is a reason.
    stall_until_gone(second.pid, &mut total, &write);
    second.wait();
    for daemon in [one, other] {
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.end().code(), 0);
    }
}

#[test]
fn a_budget_of_kills_is_kept_and_said() {
    let name = name();
    let (mut large, small) = (family(&name, 16, 0), family(&name, 4, 0));
    let only = format!("^{name}$");
    let more = ["--max-kills", "1/hour", "--cooldown", "0.05"];
    let mut daemon = Running::start(memdoor(&kill_args(&only, &more)));
    daemon.until(&format!("Victim PID: {}", large.pid));
    large.wait();
    daemon.until_with("--max-kills is used up");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    assert!(is_alive(small.pid));
}

/// Not even when the configuration is read anew meanwhile, which makes it look at once.
#[test]
fn after_a_kill_nobody_else_is_ended_until_the_cooldown_is_over() {
    let (name, dir) = (name(), TempDir::new());
    let (mut large, small) = (family(&name, 16, 0), family(&name, 4, 0));
    let (only, log) = (format!("^{name}$"), dir.join("log"));
    let more = ["--cooldown", "600", "--log-level", "debug", "--log-file", &log];
    let mut daemon = Running::start(memdoor(&kill_args(&only, &more)));
    daemon.until(&format!("Victim PID: {}", large.pid));
    large.wait();
    let looks = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let (_, behind) = text.split_once("SIGHUP")?;
        (behind.matches("short=true").count() > 0).then_some(())
    };
    daemon.signal(Signal::SIGHUP);
    poll("a look after SIGHUP", looks);
    daemon.signal(Signal::SIGTERM);
    let ended = daemon.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(ended.out.matches("Victim PID: ").count(), 1, "{ended:#?}");
    assert!(is_alive(small.pid));
}

#[test]
fn the_whole_configuration_of_oom_tracker_is_understood() {
    let dir = TempDir::new();
    let text = "memory_threshold_percent: 85        # Kill browsers when memory exceeds this %
kill_timeout_seconds: 20            # Wait time before forcing SIGKILL
log_level: WARNING                  # DEBUG, INFO, WARNING, ERROR, CRITICAL
log_max_bytes: 1048576            # log file size before rotation
log_backup_count: 3                # Keep backup log files
dry_run: true                     # Set to true to test without killing
";
    let file = dir.write("config.yaml", text.as_bytes());
    let ended = run(&["kill", "--config", &file, "--print-config"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    for (line, expected) in [
        "threshold = 85",
        "grace = 20",
        "log-level = WARNING",
        "log-max-bytes = 1048576",
        "log-backup-count = 3",
        "dry-run = true",
    ]
    .into_iter()
    .zip(1..)
    .map(|(value, line)| (line, value))
    {
        let origin = format!("# {file}:{line}");
        let mut lines = ended.out.lines();
        let is_there = lines.any(|line| line.starts_with(expected) && line.ends_with(&origin));
        assert!(is_there, "{expected} {origin}: {}", ended.out);
    }
    assert!(ended.out.contains("\nonly = browsers "), "{}", ended.out);
}

#[test]
fn an_ordinary_user_ends_processes_of_their_own() {
    if !is_root() || !common::host::has_unprivileged() {
        return skip("needs root and setpriv, to be another user");
    }
    let (name, dir) = (name(), TempDir::new());
    let copy = |program: &std::path::Path, name: &str| dir.program(program, name);
    let (memdoor, program) =
        (copy(std::path::Path::new(common::run::MEMDOOR), "memdoor"), copy(&common::target::path(), "victim"));
    let start = |mib: &str| {
        let command = common::run::command(&program, &["family", &name, mib, "1"]);
        Victim::start_command(unprivileged(&command))
    };
    let (small, mut large) = (start("4"), start("8"));
    let roots = family(&name, 16, 1);
    let only = format!("^{name}$");
    let command = common::run::command(&memdoor, &kill_args(&only, &["--once"]));
    let ended = run_command(unprivileged(&command));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    large.wait();
    assert_eq!(value(&ended.out, "Victim PID"), large.id());
    assert!(value(&ended.out, "Not Candidates").contains("2 other users'"));
    assert!(is_alive(small.pid) && is_alive(roots.pid));
}

#[test]
fn hostile_paths_and_arguments_are_matched_and_shown_escaped() {
    let (name, dir) = (name(), TempDir::new());
    let program = dir.program(&common::target::path(), "a\x1b[2J\nOutcome: none");
    let argument = format!("{name}\x1b]0;x\x07\nVictim PID: 1");
    let command = common::run::command(&program, &["family", &name, "2", "0"]);
    let mut by_argument = common::run::command("bash", &["-c", "exec -a \"$0\" sleep 60"]);
    by_argument.arg(&argument);
    let _victim = Victim::start_command(command);
    let sleeping = Running::start(by_argument);
    let is_plain = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    let only = format!("exe:^{}/a", dir.path().display());
    let ended = kill(&only, &["--once", "--dry-run"]);
    assert!(is_plain(&ended.out) && is_plain(&ended.err), "{ended:#?}");
    let exe = value(&ended.out, "Victim Executable");
    assert!(exe.ends_with(r"/a\033[2J\012Outcome: none"), "{exe}");
    let only = format!("cmdline:^{name}.*Victim PID: 1");
    // In a regex a dot is no newline, unless (?s) says so.
    let found = |only: &str| kill(only, &["--once", "--dry-run"]).out;
    let all = poll("its arguments", || {
        let out = found(&format!("cmdline:(?s)^{name}.*Victim PID: 1"));
        out.contains("Victim PID: ").then_some(out)
    });
    assert_eq!(value(&all, "Victim PID"), sleeping.pid().to_string());
    assert!(!found(&only).contains("Victim PID: "));
    drop(sleeping);
}

/// One with this user's effective number, and the real and saved one of root: kill(2) refuses it, and `--once` chose it each time.
#[test]
fn who_only_acts_as_a_user_is_no_process_of_theirs() {
    if !is_root() || !common::host::has_unprivileged() {
        return skip("needs root and setpriv, to be another user");
    }
    let (name, dir) = (name(), TempDir::new());
    let program = dir.program(std::path::Path::new(common::run::MEMDOOR), "memdoor");
    let victim_program = dir.program(&common::target::path(), "victim");
    let own = common::run::command(&victim_program, &["family", &name, "4", "0"]);
    let own = Victim::start_command(unprivileged(&own));
    let status = std::fs::read_to_string(format!("/proc/{}/status", own.pid)).expect("status");
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:\t")?.split('\t').next()).expect("a user");
    let other = Victim::start(&["family", "--acts-as", user, &name, "16", "0"]);
    let command = common::run::command(&program, &kill_args(&format!("^{name}$"), &["--once", "--dry-run"]));
    let ended = run_command(unprivileged(&command));
    assert_eq!(value(&ended.out, "Victim PID"), own.id(), "{ended:#?}");
    assert!(value(&ended.out, "Not Candidates").contains("1 other users'"), "{ended:#?}");
    drop(other);
}

#[test]
fn a_wrong_option_names_the_help_of_its_mode() {
    for (mode, code) in [("kill", 2), ("scores", 2), ("protect", 2), ("check", 3)] {
        let ended = run(&[mode, "--frob"]);
        assert_eq!(ended.code(), code, "{ended:#?}");
        let words = format!("unknown option '--frob': see memdoor {mode} --help\n");
        let said = [ended.out, ended.err].concat();
        assert!(said.ends_with(&words), "{said}");
    }
}
