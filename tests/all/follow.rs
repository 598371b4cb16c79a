//! `--follow`, and `memdoor watch -e` without `-p`: one watch after the other.

use crate::common;

use std::time::Duration;

use common::host::{TempDir, may_be_another_user, unprivileged};
use common::memcg::{MIB, Memcg};
use common::report::Report;
use common::run::{Ended, Running, command, memdoor, poll, run, through_shell};
use common::skip;
use common::target::Victim;
use nix::sys::signal::Signal;

/// A program of the calling test's own, so that no other test's processes run it.
struct Program {
    _dir: TempDir,
    path: String,
}

impl Program {
    fn new() -> Self {
        let dir = TempDir::new();
        let path = dir.victim("followed");
        Self { _dir: dir, path }
    }

    fn start(&self) -> Victim {
        Victim::start_command(command(&self.path, &["idle"]))
    }
}

fn pids(reports: &[Report]) -> Vec<String> {
    let mut pids: Vec<String> = reports.iter().map(|report| report.value("PID").into()).collect();
    pids.dedup();
    pids
}

/// Stops it once it has reported on a process, and returns all that it said.
fn stop(mut watch: Running) -> Ended {
    watch.next_report();
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(ended.out.contains("SIGTERM received, exiting...\n"));
    ended
}

#[test]
fn the_next_process_of_the_executable_is_watched_when_one_ends() {
    let program = Program::new();
    let mut first = program.start();
    let id = first.id();
    let args = ["-p", &id, "-m", "99", "-i", "60", "--follow"];
    let mut watch = Running::start(memdoor(&args));
    let mut reports = vec![watch.next_report()];
    first.end();
    reports.push(watch.next_report());
    assert!(reports[1].is_end(), "{reports:#?}");
    assert!(reports[1].value("Verdict").starts_with("no OOM kill"));
    let second = program.start();
    reports.push(watch.next_report());
    assert_eq!(pids(&reports), [id, second.id()]);
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let waiting = format!("memdoor: waiting for a process that runs {}", program.path);
    assert!(ended.err.contains(&waiting), "{}", ended.err);
    let watching = format!("memdoor: watching PID {}\n", second.id());
    assert!(ended.err.contains(&watching), "{}", ended.err);
}

#[test]
fn a_process_that_ran_before_it_is_not_the_next_one() {
    let program = Program::new();
    let older = program.start();
    // Start times are counted in 10 ms.
    let mut first = poll("a later start", || {
        let first = program.start();
        (started(first.pid) > started(older.pid)).then_some(first)
    });
    let args = ["-p", &first.id(), "-m", "99", "-i", "60", "--follow"];
    let mut watch = Running::start(memdoor(&args));
    watch.next_report();
    first.end();
    assert!(watch.next_report().is_end());
    let second = program.start();
    assert_eq!(watch.next_report().value("PID"), second.id());
}

fn started(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let behind = stat.rsplit(')').next().expect("fields");
    let field = behind.split_whitespace().nth(19).expect("starttime");
    field.parse().expect("a number")
}

#[test]
fn without_a_pid_the_first_is_waited_for() {
    let program = Program::new();
    let args = ["watch", "-e", &program.path, "-m", "99", "-i", "60"];
    let mut watch = Running::start(memdoor(&args));
    let mut target = program.start();
    let report = watch.next_report();
    assert_eq!(report.value("PID"), target.id());
    assert_eq!(report.value("Executable Absolute Path"), program.path);
    target.end();
    // Without --follow it is the only one.
    assert_eq!(watch.end().code(), 5);
}

#[test]
fn of_several_the_one_that_was_started_first_is_taken_and_the_others_are_counted() {
    let program = Program::new();
    let first = program.start();
    let second = poll("a later start", || {
        let second = program.start();
        (started(second.pid) > started(first.pid)).then_some(second)
    });
    let watch = Running::start(memdoor(&["watch", "-e", &program.path, "-m", "99"]));
    let ended = stop(watch);
    assert_eq!(ended.reports()[0].value("PID"), first.id());
    assert!(ended.err.contains("note: 1 more run it"), "{}", ended.err);
    drop(second);
}

#[test]
fn who_may_not_see_what_others_run_is_told_so() {
    if !may_be_another_user() {
        return;
    }
    let program = Program::new();
    let _roots = program.start();
    let dir = TempDir::new();
    let file = dir.join("said");
    let watch = unprivileged(&memdoor(&["watch", "-e", &program.path, "-m", "99"]));
    let watch = Running::start(through_shell(&format!("exec \"$@\" 2>{file}"), &watch));
    poll("a note", || {
        let said = std::fs::read_to_string(&file).ok()?;
        said.contains("memdoor: note: what other users run may not be seen, and is not found\n").then_some(())
    });
    watch.signal(Signal::SIGTERM);
    assert_eq!(watch.end().code(), 0);
}

#[test]
fn another_users_process_is_not_the_next_one() {
    if !may_be_another_user() {
        return;
    }
    let program = Program::new();
    let mut first = program.start();
    let mut watch = Running::start(memdoor(&["-p", &first.id(), "-m", "99", "--follow"]));
    watch.next_report();
    first.end();
    while !watch.next_report().is_end() {}
    let _nobodys = Victim::start_command(unprivileged(&command(&program.path, &["idle"])));
    let second = program.start();
    let ended = stop(watch);
    let last = ended.reports();
    assert_eq!(last.last().expect("a report").value("PID"), second.id());
    assert!(ended.err.contains(" as user 0\n"), "{}", ended.err);
}

#[test]
fn a_count_is_of_all_reports() {
    let program = Program::new();
    let mut first = program.start();
    let args = ["-p", &first.id(), "-m", "99", "-i", "60", "-c", "2", "--follow"];
    let mut watch = Running::start(memdoor(&args));
    watch.next_report();
    first.end();
    assert!(watch.next_report().is_end());
    let second = program.start();
    let ended = watch.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(ended.reports().len(), 3);
    drop(second);
}

#[test]
fn a_pid_that_is_wrong_is_an_error_whatever_follows() {
    let program = Program::new();
    let mut gone = program.start();
    gone.end();
    let ended = run(&["-p", &gone.id(), "-e", &program.path, "--follow"]);
    assert_eq!(ended.code(), 5, "{ended:#?}");
    let ended = run(&["-e", &program.path, "-m", "50"]);
    assert_eq!(ended.code(), 2);
    assert!(ended.err.contains("memdoor watch -e PATH"), "{}", ended.err);
}

#[test]
fn the_next_process_that_is_in_no_limited_cgroup_yet_is_waited_for_until_its_supervisor_has_moved_it() {
    let (Some(none), Some(group)) = (Memcg::or_skip(None), Memcg::or_skip(Some(256 * MIB))) else {
        return;
    };
    if !none.is_at_root() {
        return skip("its control group lies below others, which may have a limit");
    }
    let program = Program::new();
    let start = || Victim::start_command(none.inside(&command(&program.path, &["idle"])));
    let args = ["watch", "-e", &program.path, "-m", "99", "--of", "cgroup", "-i", "60", "--follow"];
    let mut watch = Running::start(memdoor(&args));
    // One that is never moved is no reason to end.
    let mut lone = start();
    std::thread::sleep(Duration::from_millis(1500));
    lone.end();
    let second = start();
    std::thread::sleep(Duration::from_millis(1500));
    group.take(second.pid);
    assert_eq!(watch.next_report().value("PID"), second.id());
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    for (id, words) in [
        (lone.id(), "is in no control group with a memory limit that can be read yet: waiting for one"),
        (lone.id(), "has ended, and was in no such control group: it was not watched"),
        (second.id(), "is in a control group with a memory limit now: watching it"),
    ] {
        assert!(ended.err.contains(&format!("memdoor: PID {id} {words}\n")), "{}", ended.err);
    }
}

fn wait_for_handler(watch: &Running, signal: Signal) {
    let status = format!("/proc/{}/status", watch.pid());
    // Bit N - 1 of SigCgt is signal N.
    poll("handlers", || {
        let status = std::fs::read_to_string(&status).ok()?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"))?;
        let caught = u64::from_str_radix(caught, 16).ok()?;
        (caught >> (signal as u32 - 1) & 1 == 1).then_some(())
    });
}

#[test]
fn a_wait_ends_in_good_order() {
    let program = Program::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let watch = Running::start(memdoor(&["watch", "-e", &program.path]));
        wait_for_handler(&watch, signal);
        watch.signal(signal);
        let ended = watch.end();
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert_eq!(ended.out, format!("{signal} received, exiting...\n"));
    }
}

#[test]
fn what_can_not_run_is_said_before_it_is_waited_for() {
    let dir = TempDir::new();
    let script = dir.write("script", b"#!/bin/sh\n");
    for (path, words) in [
        (dir.join("nothing"), "there is no such file here now"),
        (dir.join(""), "it is a directory"),
        (script, "it is a script"),
    ] {
        let watch = Running::start(memdoor(&["watch", "-e", &path]));
        wait_for_handler(&watch, Signal::SIGTERM);
        watch.signal(Signal::SIGTERM);
        let ended = watch.end();
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert!(ended.err.contains(words), "{}", ended.err);
    }
}
