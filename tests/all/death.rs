//! The target's death: a snapshot in its exit stop, and nothing else that tracing would change for it or its parent.

use crate::common;

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use common::host::{TempDir, has_unprivileged, is_root, unprivileged, works};
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::report::{BANNERS, Report, cgroup_oom};
use common::run::{Ended, MEMDOOR, Process, Running, command, memdoor, poll, through};
use common::skip;
use common::target::{Victim, path, proc, victim};

const AT: &str = "Snapshot At: its death, in the exit stop";

/// Where memdoor runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Outside,
    Inside,
}

/// Watches from the beginning; ready when this returns.
fn seized(id: &str, options: &[&str]) -> Running {
    let args = ["-p", id, "-m", "99", "-i", "60", "--seize", "always"];
    let mut watch = Running::start(memdoor(&[&args[..], options].concat()));
    let (_, line) = watch.line().expect("a report");
    assert!(!line.is_empty());
    poll("a target that is seized", || (tracer(id) == watch.pid().to_string()).then_some(()));
    watch
}

fn tracer(id: &str) -> String {
    let status = proc(id.parse().expect("a pid"), "status");
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    line.expect("TracerPid").trim().into()
}

fn deaths(ended: &Ended) -> Vec<Report> {
    let mut reports = ended.reports();
    reports.retain(|report| report.lines.iter().any(|line| line == AT));
    reports
}

/// The one snapshot at the death, all of it, and the last report.
fn complete(ended: &Ended) -> (Report, Report) {
    let mut deaths = deaths(ended);
    assert_eq!(deaths.len(), 1, "{ended:#?}");
    let death = deaths.remove(0);
    assert_eq!(death.value("Snapshot"), "complete", "{death:#?}");
    for banner in BANNERS {
        assert!(banner.contains("TREE") || banner.contains("LIMITS") || death.lines.iter().any(|line| line == banner));
    }
    assert!(!death.mappings().is_empty());
    assert!(death.kib("Process PSS Memory Usage") > 0);
    let last = ended.reports().pop().expect("a report");
    assert!(last.is_end(), "{last:#?}");
    assert!(last.value("Exit Stop").starts_with("seen, held for "));
    assert_eq!(last.value("Exit Status"), death.value("Exit Status"));
    (death, last)
}

/// How long the target was held, in ms.
fn held(last: &Report) -> f64 {
    let words = last.value("Exit Stop");
    let millis = words.strip_prefix("seen, held for ").and_then(|words| words.strip_suffix(" ms"));
    millis.expect("ms").parse().expect("a number")
}

// OOM kills

/// So many OOM kills in a group of 32 MiB: every one must leave a complete snapshot.
fn oom_kills(runs: usize, pace: &str, place: Place, options: &[&str]) {
    let mut holds = Vec::new();
    for _ in 0..runs {
        let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
            return;
        };
        let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", pace])));
        let id = target.id();
        let args = ["-p", &id, "--of", "cgroup", "-m", "50", "-i", "60"];
        let watch = memdoor(&[&args[..], &["--self-report"], options].concat());
        let watch = match place {
            Place::Outside => watch,
            Place::Inside => group.inside(&watch),
        };
        let mut watch = Running::start(watch);
        assert!(watch.next_report().is_below());
        target.go();
        let ended = watch.end();
        if place == Place::Inside && ended.status.signal() == Some(9) {
            assert!(group.oom_kills() > 1, "not the kernel: {ended:#?}");
            skip("the kernel killed memdoor too: without CAP_SYS_RESOURCE it can't exempt itself");
            continue;
        }
        assert_eq!(ended.code(), 5);
        let (death, last) = complete(&ended);
        assert_eq!(death.value("Exit Status"), "killed by SIGKILL");
        assert!(death.kib("Process RSS Memory Usage") >= 24 * 1024);
        assert!(last.value("Verdict").starts_with(cgroup_oom()), "{last:#?}");
        assert!(ended.err.contains("allocations 0, minor faults 0, major faults 0,"), "{}", ended.err);
        holds.push(held(&last));
    }
    holds.sort_by(f64::total_cmp);
    let most = holds.last().copied().unwrap_or_default();
    let (complete, mut out) = (holds.len(), std::io::stdout());
    // The figures of README.
    let _ = writeln!(out, "{pace} MiB/s, {place:?}: {complete} of {runs}, held {holds:?} ms");
    assert!(most < 200.0, "{holds:?}");
}

#[test]
fn every_oom_kill_of_a_slow_leak_leaves_a_snapshot_at_the_death() {
    oom_kills(10, "20", Place::Outside, &[]);
}

#[test]
fn every_oom_kill_of_a_slow_leak_leaves_a_snapshot_by_a_memdoor_in_the_same_group() {
    oom_kills(10, "20", Place::Inside, &[]);
}

#[test]
fn every_oom_kill_as_fast_as_the_machine_leaves_a_snapshot_at_the_death() {
    oom_kills(10, "0", Place::Outside, &["--seize", "always"]);
}

#[test]
fn every_oom_kill_as_fast_as_the_machine_leaves_a_snapshot_by_a_memdoor_in_the_same_group() {
    oom_kills(10, "0", Place::Inside, &["--seize", "always"]);
}

/// An OOM kill of a target that has so much beside its leak. It is complete if it may take its time, and otherwise says what is left out.
fn crowd(beside: [&str; 2], is_all: impl Fn(&Report) -> bool) {
    for (place, death_ms) in [(Place::Outside, 200), (Place::Outside, 1500), (Place::Inside, 1500)] {
        // What the kernel needs for so much of it is charged to the group, too.
        let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
            return;
        };
        let leak = [&["leak", "--wait"], &beside[..], &["0"]].concat();
        let mut target = Victim::start_command(group.inside(&victim(&leak)));
        let (id, death) = (target.id(), death_ms.to_string());
        let args = ["-p", &id, "-m", "99", "-i", "60", "--seize", "always"];
        let watch = memdoor(&[&args[..], &["--death-ms", &death]].concat());
        let watch = match place {
            Place::Outside => watch,
            Place::Inside => group.inside(&watch),
        };
        let mut watch = Running::start(watch);
        assert!(watch.next_report().is_below());
        target.go();
        let ended = watch.end();
        assert_eq!(ended.code(), 5, "{}", ended.err);
        assert_eq!(group.oom_kills(), 1);
        let death = deaths(&ended).pop().expect("a snapshot");
        let last = ended.reports().pop().expect("a report");
        let (held, complete) = (held(&last), death.value("Snapshot") == "complete");
        let is_left_out = |line: &String| line.contains("(left out: ");
        let mut out = std::io::stdout();
        // The figures of README.
        let _ = writeln!(out, "{beside:?}, {place:?}, {death_ms} ms: {held} ms, {complete}");
        assert!(held < f64::from(death_ms + 100), "{held} ms");
        assert!(complete || death_ms == 200, "{held} ms: not complete");
        assert!(!complete || is_all(&death));
        assert_eq!(complete, !death.lines.iter().any(is_left_out));
    }
}

/// A write to a file takes memory. A full group has none before the target's is free, and the kernel would kill somebody else for it.
#[test]
fn nothing_is_written_of_the_death_before_the_memory_is_free() {
    let target = Victim::start(&["hold", "512"]);
    let mut watch = seized(&target.id(), &[]);
    target.kill();
    watch.until("##### PROCESS DEATH");
    let stat = proc(target.pid, "stat");
    assert!(stat.contains(") Z "), "{stat}");
    complete(&watch.end());
}

#[test]
fn an_oom_kill_of_a_process_with_a_thousand_threads_leaves_a_snapshot() {
    crowd(["--idle", "1000"], |death| {
        // Those that have exited before the stop are not counted any more; their stacks are there.
        death.mappings().len() > 1000
    });
}

#[test]
fn an_oom_kill_of_a_process_with_60_000_mappings_leaves_a_snapshot() {
    crowd(["--maps", "60000"], |death| death.mappings().len() > 60_000 && death.kib("Process PSS Memory Usage") > 0);
}

#[test]
fn an_oom_kill_of_a_process_with_19_900_sockets_leaves_a_snapshot() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
    if most < 19_950 {
        return skip("needs a hard limit of 19,950 descriptors (ulimit -Hn)");
    }
    crowd(["--sockets", "19900"], |death| death.find("UDP Sockets") == Some("19900"));
}

// Other ends

#[test]
fn a_kill_by_hand_is_seen_and_is_no_oom_kill() {
    let target = Victim::start(&["sockets", "3", "--tcp-listen"]);
    let watch = seized(&target.id(), &["--self-report"]);
    target.kill();
    let ended = watch.end();
    let (death, last) = complete(&ended);
    assert_eq!(death.value("Exit Status"), "killed by SIGKILL");
    assert_eq!(death.value("TCP Sockets"), "3");
    assert!(!last.value("Verdict").starts_with("likely"));
    assert!(ended.err.contains("allocations 0, minor faults 0, major"));
}

#[test]
fn a_crash_is_told_by_its_signal() {
    // Not a victim: Rust's runtime handles the signal.
    let script = "echo ready $$; exec sleep 1000";
    let target = Victim::start_command(command("sh", &["-c", script]));
    let watch = seized(&target.id(), &["--format", "json"]);
    signal(target.pid, Signal::SIGSEGV);
    let ended = watch.end();
    let lines: Vec<Json> = ended.out.lines().map(Json::parse).collect();
    let begin = lines.iter().find(|line| line.text_at("memdoor.snapshot.kind") == Some("death"));
    assert!(begin.is_some(), "{ended:#?}");
    let end = lines.last().expect("an end");
    assert_eq!(end.text("memdoor.death.signal"), "SIGSEGV");
    assert_eq!(end.text("memdoor.death.stop"), "seen");
    assert_eq!(end.text("memdoor.verdict.cause"), "signal");
    assert!(end.number("memdoor.death.held_us") > 0);
}

#[test]
fn the_signals_that_came_before_are_evidence_and_say_who_sent_them() {
    let script = "echo ready $$; while :; do read line || sleep 1000; done";
    let target = Victim::start_command(command("sh", &["-c", script]));
    let watch = seized(&target.id(), &[]);
    for _ in 0..6 {
        signal(target.pid, Signal::SIGURG);
    }
    signal(target.pid, Signal::SIGTERM);
    let (_, last) = complete(&watch.end());
    assert_eq!(last.value("Exit Status"), "killed by SIGTERM");
    let evidence: Vec<&String> = last.lines.iter().filter(|line| line.starts_with("Evidence: SIG")).collect();
    let sender = format!("Evidence: SIGTERM from PID {} came 0.", std::process::id());
    assert!(evidence[0].starts_with(&sender), "{evidence:#?}");
    assert!(evidence[0].ends_with(" s before"));
}

#[test]
fn an_exit_is_told_by_its_code_even_if_that_looks_like_a_signal() {
    for code in [0, 137] {
        let script = format!("echo ready $$; read line; exit {code}");
        let mut target = Victim::start_command(command("sh", &["-c", &script]));
        let watch = seized(&target.id(), &[]);
        target.end();
        let (death, last) = complete(&watch.end());
        assert_eq!(death.value("Exit Status"), format!("exit code {code}"));
        assert_eq!(last.value("Verdict"), "no OOM kill: it exited by itself");
    }
}

#[test]
fn an_exit_by_another_thread_is_the_processs() {
    let mut target = Victim::start(&["leak", "--wait", "20"]);
    let watch = seized(&target.id(), &[]);
    target.go();
    target.end();
    let (death, _) = complete(&watch.end());
    assert_eq!(death.value("Exit Status"), "exit code 0");
}

#[test]
fn a_death_that_was_not_seized_says_why_and_how_it_ended() {
    for (options, why) in [
        (&["--seize", "never"][..], "--seize never"),
        (&["-m", "99"], "it was below the threshold at the last reading"),
        (&["-c", "9"], "its end was not foreseen within 10 s (--seize always)"),
    ] {
        let mut target = Victim::start(&["idle"]);
        let args = ["-p", &target.id(), "-i", "60"];
        let mut watch = Running::start(memdoor(&[&args[..], options].concat()));
        watch.next_report();
        target.kill();
        target.wait();
        let last = watch.end().reports().pop().expect("a report");
        assert_eq!(last.value("No Exit Stop"), why);
        // Linux 6.15 tells a status without a tracer.
        let status = last.value("Exit Status");
        assert!(["killed by SIGKILL", "- (not seen: only its parent and a tracer are told)"].contains(&status));
    }
}

#[test]
fn root_without_the_capability_to_trace_says_so() {
    let without = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"];
    if !is_root() || !works(&[&without[..], &["true"]].concat()) {
        return skip("needs root and setpriv, to give a capability away");
    }
    let target = Victim::start(&["idle"]);
    let args = ["-p", &target.id(), "-m", "99", "-i", "60"];
    let watch = memdoor(&[&args[..], &["--seize", "always"]].concat());
    let mut watch = Running::start(through(&without, &watch));
    assert!(watch.next_report().is_below());
    target.kill();
    let last = watch.end().reports().pop().expect("a report");
    let why = "not permitted (root needs CAP_SYS_PTRACE; kernel.yama.ptrace_scope)";
    assert_eq!(last.value("No Exit Stop"), why);
}

#[test]
fn who_may_not_trace_it_says_so() {
    if !is_root() || !has_unprivileged() {
        return skip("needs root and setpriv, for a target of another user");
    }
    let mut target = Victim::start(&["idle"]);
    let dir = TempDir::new();
    let copy = Command::new(dir.program(MEMDOOR.as_ref(), "memdoor"));
    let mut watch = unprivileged(&copy);
    watch.args(["-p", &target.id(), "-m", "99", "-i", "60", "--seize", "always"]);
    let mut watch = Running::start(watch);
    watch.next_report();
    target.kill();
    target.wait();
    let last = watch.end().reports().pop().expect("a report");
    let why = "not permitted (run as root; kernel.yama.ptrace_scope)";
    assert_eq!(last.value("No Exit Stop"), why);
}

// What the target and its parent see

fn signal(pid: u32, signal: Signal) {
    kill(raw(pid), signal).expect("kill");
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a pid"))
}

/// Whether the target of a test is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Watched {
    Alone,
    Seized,
}

/// Stops, continues and ends a child, and says what its parent is told.
fn job_control(watched: Watched) -> Vec<WaitStatus> {
    let script = "trap 'exit 3' TERM; trap 'echo usr1' USR1; echo ready; \
        while :; do sleep 0.01; done";
    let mut child = start(command("sh", &["-c", script]));
    let id = child.pid().to_string();
    let watch = (watched == Watched::Seized).then(|| seized(&id, &[]));
    let mut told = Vec::new();
    let all = WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
    let tell = |told: &mut Vec<WaitStatus>| {
        // Its number is another each time.
        let status = waitpid(raw(child.pid()), Some(all)).expect("waitpid");
        told.push(match status {
            WaitStatus::Stopped(_, signal) => WaitStatus::Stopped(raw(1), signal),
            WaitStatus::Continued(_) => WaitStatus::Continued(raw(1)),
            WaitStatus::Exited(_, code) => WaitStatus::Exited(raw(1), code),
            WaitStatus::Signaled(_, signal, core) => WaitStatus::Signaled(raw(1), signal, core),
            other => other,
        });
    };
    for stop in [Signal::SIGSTOP, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGSTOP] {
        signal(child.pid(), stop);
        tell(&mut told);
        signal(child.pid(), Signal::SIGUSR1);
        signal(child.pid(), Signal::SIGCONT);
        tell(&mut told);
    }
    signal(child.pid(), Signal::SIGTERM);
    tell(&mut told);
    if let Some(watch) = watch {
        let (death, _) = complete(&watch.end());
        assert_eq!(death.value("Exit Status"), "exit code 3");
    }
    let said = child.rest();
    assert!(said.contains("usr1"), "{said:?}");
    told
}

/// Starts a child that this test waits for itself, once it has said a line.
fn start(mut command: Command) -> Process {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    // Not an orphaned process group, in which SIGTSTP and SIGTTIN do nothing.
    command.process_group(0);
    let mut child = Process::start(command);
    assert!(child.line().starts_with("ready"));
    child
}

#[test]
fn job_control_looks_to_the_parent_as_if_nobody_traced() {
    let alone = job_control(Watched::Alone);
    assert_eq!(alone.len(), 9, "{alone:?}");
    assert_eq!(job_control(Watched::Seized), alone);
}

#[test]
fn the_parent_is_told_the_same_end() {
    for ending in [Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGTERM, Signal::SIGUSR2] {
        let told = [Watched::Alone, Watched::Seized].map(|watched| {
            let mut child = start(command("sh", &["-c", "echo ready; exec sleep 1000"]));
            let watch = (watched == Watched::Seized).then(|| seized(&child.pid().to_string(), &[]));
            signal(child.pid(), ending);
            let status = child.wait();
            drop(watch);
            status
        });
        assert_eq!(told[0], told[1], "{ending}");
    }
}

#[test]
fn exec_keeps_it_seized() {
    let image = path();
    let image = image.to_str().expect("UTF-8");
    let mut target = Victim::start(&["exec", image, "hold", "2"]);
    let watch = seized(&target.id(), &[]);
    target.go();
    target.ready_again();
    assert_eq!(tracer(&target.id()), watch.pid().to_string());
    // What was open is of the image before: a second later all is looked at anew.
    std::thread::sleep(Duration::from_millis(1500));
    target.kill();
    let (death, _) = complete(&watch.end());
    assert!(death.kib("Process RSS Memory Usage") >= 2048);
}

#[test]
fn a_target_that_became_another_program_is_let_go_when_the_next_one_is_waited_for() {
    let dir = TempDir::new();
    let (before, after) = (dir.victim("before"), dir.victim("after"));
    let mut target = Victim::start_command(command(&before, &["exec", &after, "idle"]));
    let id = target.id();
    let mut watch = seized(&id, &["-e", &before, "--follow"]);
    target.go();
    target.ready_again();
    let end = watch.one_of_next(2, Report::is_end);
    assert_eq!(end.value("Watch Ended Because"), "it runs another executable now");
    poll("a target that is traced no more", || (tracer(&id) == "0").then_some(()));
    // Who waits for the next one would not answer its stops.
    target.kill();
    target.wait();
    let next = Victim::start_command(command(&before, &["idle"]));
    assert_eq!(watch.next_report().value("PID"), next.id());
    poll("the next one, seized", || (tracer(&next.id()) == watch.pid().to_string()).then_some(()));
}

#[test]
fn a_process_whose_first_thread_has_exited_is_seized_by_another() {
    let target = Victim::start(&["zombie-leader", "4"]);
    let args = ["-p", &target.id(), "-m", "99", "-i", "60", "--seize", "always"];
    let mut watch = Running::start(memdoor(&args));
    watch.next_report();
    target.kill();
    let (death, _) = complete(&watch.end());
    assert!(death.kib("Process RSS Memory Usage") >= 4096);
}

/// A cgroup that is full lends no page for a file: what is opened at a death waits for memory that only this death will free, for 2 s.
#[test]
fn nothing_is_opened_or_listed_while_the_dying_are_held_with_or_without_their_first_thread() {
    let can_trace = works(&["strace", "-V"]);
    let own = memdoor::units::Pid::new(std::process::id().into()).expect("a pid");
    let has_thread_pidfds = memdoor::sys::pidfd::PidFd::open_thread(own).is_ok();
    for leader in [&[][..], &["--leaderless"]] {
        if !leader.is_empty() && !has_thread_pidfds {
            skip("needs pidfds of threads: Linux 6.9");
            continue;
        }
        let target = Victim::start(&[&["leak", "--sockets", "3"][..], leader, &["1"]].concat());
        let dir = TempDir::new();
        let log = dir.join("trace");
        let id = target.id();
        let inner = memdoor(&["-p", &id, "-m", "99", "-i", "60", "--seize", "always"]);
        let mut watch = Running::start(match can_trace {
            true => through(&["strace", "-o", &log], &inner),
            false => inner,
        });
        watch.next_report();
        let task = format!("/proc/{id}/task");
        poll("a thread that is seized", || {
            let tids = std::fs::read_dir(&task).ok()?.flatten();
            let mut tids = tids.filter_map(|tid| tid.file_name().into_string().ok());
            tids.find(|tid| tracer(tid) != "0")
        });
        target.kill();
        let (death, _) = complete(&watch.end());
        assert_eq!(death.value("UDP Sockets"), "3");
        assert_eq!(death.value("Sockets Read By"), "pidfd_getfd", "{leader:?}");
        if !can_trace {
            skip("needs strace");
            continue;
        }
        let trace = std::fs::read_to_string(&log).expect("a trace");
        let (_, held) = trace.split_once("PTRACE_EVENT_EXIT").expect("an exit stop");
        let (held, _) = held.split_once("PTRACE_CONT").expect("that is ended");
        assert!(held.contains("pread64("), "it is what was done meanwhile: {held}");
        let opened =
            held.lines().filter(|line| ["open", "getdents", "readlink"].iter().any(|call| line.starts_with(call)));
        assert_eq!(opened.collect::<Vec<_>>(), [""; 0], "{leader:?}");
    }
}

#[test]
fn when_the_seized_thread_exits_alone_another_is_seized() {
    let mut target = Victim::start(&["zombie-leader", "--wait", "4"]);
    let watch = seized(&target.id(), &[]);
    target.go();
    let task = format!("/proc/{}/task", target.pid);
    poll("another thread that is seized", || {
        let tids = std::fs::read_dir(&task).ok()?.flatten();
        let mut tids = tids.filter_map(|tid| tid.file_name().into_string().ok());
        tids.find(|tid| *tid != target.id() && tracer(tid) == watch.pid().to_string())
    });
    target.kill();
    let ended = watch.end();
    let (death, _) = complete(&ended);
    assert_eq!(death.value("Exit Status"), "killed by SIGKILL");
    assert!(death.kib("Process RSS Memory Usage") >= 4096);
}

#[test]
fn what_another_traces_is_left_alone() {
    let mut target = Victim::start(&["idle"]);
    let first = seized(&target.id(), &[]);
    let args = ["-p", &target.id(), "-m", "99", "-i", "60", "--seize", "always"];
    let mut second = Running::start(memdoor(&args));
    assert!(second.next_report().is_below());
    target.kill();
    target.wait();
    complete(&first.end());
    let tracer = {
        let last = second.end().reports().pop().expect("a report");
        last.value("No Exit Stop").to_owned()
    };
    assert!(tracer.starts_with("PID ") && tracer.ends_with(" traces it"), "{tracer}");
}

#[test]
fn a_target_under_gdb_is_left_to_it() {
    if !works(&["gdb", "--version"]) {
        return skip("needs gdb");
    }
    let mut target = Victim::start(&["idle"]);
    let attach = ["-nx", "-q", "-p", &target.id()];
    let mut gdb = command("gdb", &attach);
    gdb.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut gdb = Process::start(gdb);
    let mut typed = gdb.input.take().expect("a pipe");
    typed.write_all(b"continue\n").expect("typed");
    poll("a target that gdb lets run", || {
        let is_traced = tracer(&target.id()) == gdb.pid().to_string();
        let runs = proc(target.pid, "stat").contains(") S ");
        (is_traced && runs).then_some(())
    });
    let args = ["-p", &target.id(), "-m", "99", "-i", "60"];
    let mut watch = Running::start(memdoor(&[&args[..], &["--seize", "always"]].concat()));
    assert!(watch.next_report().is_below());
    assert_eq!(tracer(&target.id()), gdb.pid().to_string());
    target.kill();
    let last = watch.end().reports().pop().expect("a report");
    let why = format!("PID {} traces it", gdb.pid());
    assert_eq!(last.value("No Exit Stop"), why);
    drop(typed);
    gdb.wait();
    target.wait();
}

// What is left when memdoor ends

#[test]
fn a_memdoor_that_ends_lets_go() {
    for ending in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGKILL] {
        let mut target = Victim::start(&["leak", "--wait", "20", "4"]);
        let watch = seized(&target.id(), &[]);
        watch.signal(ending);
        watch.wait();
        poll("a target that is let go", || (tracer(&target.id()) == "0").then_some(()));
        // It works on.
        target.go();
        target.reaches(4096);
        let state = proc(target.pid, "stat");
        assert!(!state.contains(") t ") && !state.contains(") T "), "{state}");
    }
}

#[test]
fn a_memdoor_that_is_killed_while_it_holds_the_target_lets_it_die() {
    let mut child = start(command("sh", &["-c", "echo ready; exec sleep 1000"]));
    let watch = seized(&child.pid().to_string(), &[]);
    watch.signal(Signal::SIGSTOP);
    signal(child.pid(), Signal::SIGKILL);
    poll("a target in its exit stop", || proc(child.pid(), "stat").contains(") t ").then_some(()));
    assert!(!child.has_exited(), "it is held");
    watch.signal(Signal::SIGKILL);
    assert_eq!(child.wait().signal(), Some(9));
}

#[test]
fn a_memdoor_that_is_killed_while_it_holds_the_kernels_victim_lets_its_memory_go() {
    let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
        return;
    };
    let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0"])));
    let watch = seized(&target.id(), &[]);
    watch.signal(Signal::SIGSTOP);
    target.go();
    poll("a target in its exit stop", || proc(target.pid, "stat").contains(") t ").then_some(()));
    assert_eq!(group.oom_kills(), 1);
    watch.signal(Signal::SIGKILL);
    target.wait();
    assert!(group.usage() < 8 * MIB, "{}", group.usage());
}

#[test]
fn a_target_that_is_below_the_threshold_only_for_its_swap_stays_seized() {
    let swaps = std::fs::read_to_string("/proc/swaps").expect("swaps");
    if swaps.lines().count() < 2 {
        return skip("needs swap");
    }
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    group.allow_swap(256 * MIB);
    let target = Victim::start_command(group.inside(&victim(&["hold", "50"])));
    let args = ["-p", &target.id(), "-m", "50", "--of", "cgroup", "-i", "60"];
    let mut watch = Running::start(memdoor(&args));
    assert!(watch.next_report().is_full_snapshot());
    poll("a target that is seized", || (tracer(&target.id()) == watch.pid().to_string()).then_some(()));
    // Somebody else in the group pushes it out.
    let _other = Victim::start_command(group.inside(&victim(&["hold", "60"])));
    poll("a target that is swapped out", || (target.kib("status", "VmRSS") < 32 * 1024).then_some(()));
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(tracer(&target.id()), watch.pid().to_string());
    target.kill();
    complete(&watch.end());
}

#[test]
fn a_target_that_falls_back_below_the_threshold_is_let_go() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let target = Victim::start_command(group.inside(&victim(&["hold", "40"])));
    let args = ["-p", &target.id(), "-m", "50", "--of", "cgroup", "-i", "60"];
    let mut watch = Running::start(memdoor(&args));
    assert!(watch.next_report().is_full_snapshot());
    poll("a target that is seized", || (tracer(&target.id()) == watch.pid().to_string()).then_some(()));
    group.set_limit(640 * MIB);
    poll("a target that is let go", || (tracer(&target.id()) == "0").then_some(()));
    group.set_limit(64 * MIB);
    poll("a target that is seized again", || (tracer(&target.id()) == watch.pid().to_string()).then_some(()));
    target.kill();
    complete(&watch.end());
}

/// stat of a zombie has what waitpid(2) will say, for whoever may ptrace(2) it, on every kernel.
#[test]
fn how_a_process_ended_that_was_not_seized_is_known_until_its_parent_collects_it() {
    if !is_root() {
        return skip("needs root");
    }
    let target = Victim::start(&["idle"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-i", "60", "--seize", "never", "--exit-code"]));
    watch.next_report();
    target.kill();
    let ended = watch.end();
    assert_eq!(ended.code(), 7, "{ended:#?}");
    assert_eq!(ended.reports().pop().expect("a report").value("Exit Status"), "killed by SIGKILL");
}

#[test]
fn a_target_does_not_wait_for_a_reader_that_does_not_read() {
    let mut target = Victim::start(&["maps", "2000"]);
    // No threshold: a snapshot of 130 kB at once, twice what a pipe holds.
    let mut watch = memdoor(&["-p", &target.id(), "--seize", "always"]);
    watch.stdin(Stdio::null()).stdout(Stdio::piped());
    let watch = Process::start(watch);
    poll("a target that is seized", || (tracer(&target.id()) == watch.pid().to_string()).then_some(()));
    let waits_for_its_reader = || {
        poll("a memdoor that waits for its reader", || {
            let call = std::fs::read_to_string(format!("/proc/{}/syscall", watch.pid())).ok()?;
            call.starts_with("271 ").then_some(())
        });
    };
    waits_for_its_reader();
    signal(target.pid, Signal::SIGCONT);
    target.kill();
    // It ends while memdoor still waits for the same reader, and not because that has read.
    target.wait();
    waits_for_its_reader();
}

#[test]
fn a_target_is_held_no_longer_than_it_may_be() {
    let target = Victim::start(&["maps", "30000"]);
    let watch = seized(&target.id(), &["--death-ms", "10"]);
    target.kill();
    let ended = watch.end();
    let death = deaths(&ended).pop().expect("a snapshot");
    assert_eq!(death.value("Snapshot"), "partial");
    let late = "- (left out: the time for it was up)";
    assert!(death.lines.iter().any(|line| line == late), "{:#?}", death.lines);
    let last = ended.reports().pop().expect("a report");
    assert!(held(&last) < 100.0, "{}", held(&last));
}

#[test]
fn a_first_process_of_a_namespace_is_seized_only_when_asked() {
    if !is_root() {
        return skip("needs root for a pid namespace");
    }
    for (options, is_seized) in [(&["-m", "1"][..], false), (&["--seize", "always"], true)] {
        let unshare = ["-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", "echo ready; cat"];
        let mut unshare = command("unshare", &unshare);
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Process::start(unshare);
        assert_eq!(child.line(), "ready\n");
        let children = format!("/proc/{0}/task/{0}/children", child.pid());
        let id = std::fs::read_to_string(children).expect("children");
        let args = ["-p", id.trim(), "-i", "60"];
        let mut watch = Running::start(memdoor(&[&args[..], options].concat()));
        watch.line();
        if is_seized {
            poll("a target that is seized", || (tracer(id.trim()) == watch.pid().to_string()).then_some(()));
        } else {
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(tracer(id.trim()), "0");
        }
    }
}
