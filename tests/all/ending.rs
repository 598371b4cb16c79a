//! How a watch ends: whose OOM kill was beside the target's end, what is said at a stop and at `-c`, on standard error and by the exit code.

use crate::common;

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use common::host::TempDir;
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::report::END;
use common::run::{Ended, Running, command, memdoor, poll, run};
use common::target::{Victim, path, victim};

/// A watch in JSON that is ready.
fn watch(id: &str, options: &[&str]) -> Running {
    let args = ["-p", id, "-i", "60", "--format", "json", "--seize", "always"];
    let mut watch = Running::start(memdoor(&[&args[..], options].concat()));
    watch.line().expect("a report");
    watch
}

fn last(ended: &Ended) -> Json {
    let last = Json::parse(ended.out.lines().last().expect("an end"));
    assert_eq!(last.text("event_name"), "memdoor.watch.end");
    last
}

fn summary(end: &Json) -> &str {
    end.text("memdoor.verdict.summary")
}

fn evidence(end: &Json) -> Vec<&str> {
    let Some(Json::Array(sentences)) = end.get("memdoor.verdict.evidence") else {
        panic!("no evidence: {:?}", end.get("memdoor"));
    };
    sentences
        .iter()
        .map(|sentence| match sentence {
            Json::Text(text) => text.as_str(),
            other => panic!("no sentence: {other:?}"),
        })
        .collect()
}

/// What stands beside the end: who, and what it was to the target.
fn beside(end: &Json) -> Option<(u32, &str, &str)> {
    let pid = end.number_at("memdoor.verdict.beside.pid")?.parse().expect("a pid");
    Some((pid, end.text("memdoor.verdict.beside.name"), end.text("memdoor.verdict.beside.relation")))
}

/// A shell that does this once it is told to: `$0` is the victim's program.
fn shell(script: &str) -> Command {
    let script = format!("echo ready $$; read line; {script}");
    command("sh", &["-c", &script, path().to_str().expect("UTF-8")])
}

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("kill");
}

/// Tries again when the kernel left the report of the kill out: it prints 10 in 5 s, whoever's they are, and of others the kill line
/// alone, which names no cgroup.
fn with_its_report(mut attempt: impl FnMut() -> Option<(Vec<Json>, u32)>) -> Option<(Vec<Json>, u32)> {
    for _ in 0..6 {
        let (ends, pid) = attempt()?;
        if beside(&ends[0]).is_some()
            || !evidence(&ends[0]).iter().any(|line| line.contains(": not this process, last"))
        {
            return Some((ends, pid));
        }
        std::thread::sleep(std::time::Duration::from_millis(5100));
    }
    panic!("the kernel left six reports out");
}

// The kernel's log

#[test]
fn an_exit_beside_the_oom_kill_of_a_child_says_which_child() {
    let Some(group) = Memcg::or_skip(Some(48 * MIB)) else { return };
    // It lives for two seconds, as the jobs of scripts do; its parent is told 137 and collects it at once.
    let mut target = Victim::start_command(group.inside(&shell("\"$0\" leak 20 >/dev/null; exit $?")));
    let watch = watch(&target.id(), &[]);
    target.go();
    target.wait();
    let ended = watch.end();
    let end = last(&ended);
    assert!(group.oom_kills() >= 1);
    assert_eq!(end.text("memdoor.verdict.cause"), "exit_code");
    assert_eq!(end.number("memdoor.death.exit_code"), 137);
    let (pid, name, relation) = beside(&end).expect("a child");
    assert_eq!((name, relation), ("victim", "child"), "{:?}", evidence(&end));
    let whom = format!("PID {pid} (victim), a child of it");
    assert!(summary(&end).starts_with("no OOM kill of its own: it exited by itself, within "), "{}", summary(&end));
    assert!(summary(&end).ends_with(&format!(" s of the OOM kill of {whom}")), "{}", summary(&end));
    let said = format!("the kernel's log: {whom}, was OOM-killed at ");
    assert!(evidence(&end).iter().any(|line| line.starts_with(&said)), "{:?}", evidence(&end));
    assert!(ended.err.contains(&format!("memdoor: PID {}: {}\n", target.id(), summary(&end))), "{}", ended.err);
}

#[test]
fn a_child_in_another_control_group_is_a_child_all_the_same() {
    let Some(jobs) = Memcg::or_skip(Some(48 * MIB)) else { return };
    let inner = jobs.inside(&victim(&["leak", "20"]));
    let words: Vec<_> = inner.get_args().filter_map(|word| word.to_str()).collect();
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
    let mut target = Victim::start_command(shell(&format!("sh {} >/dev/null; exit 1", quoted.join(" "))));
    let watch = watch(&target.id(), &[]);
    target.go();
    target.wait();
    let end = last(&watch.end());
    assert!(jobs.oom_kills() >= 1);
    assert_eq!(end.number("memdoor.death.exit_code"), 1);
    assert_eq!(beside(&end).map(|(_, name, relation)| (name, relation)), Some(("victim", "child")));
}

#[test]
fn an_end_beside_the_oom_kill_of_a_neighbour_in_its_control_group_says_which() {
    // It exits; a service manager stops what is left of a service; it is killed by hand.
    for (signal, cause, how) in [
        (None, "exit_code", "it exited by itself"),
        (Some(Signal::SIGTERM), "signal", "another signal ended it"),
        (Some(Signal::SIGKILL), "sigkill", "SIGKILL"),
    ] {
        let attempt = || {
            let group = Memcg::or_skip(Some(48 * MIB))?;
            let mut target = Victim::start_command(group.inside(&shell("exit 3")));
            let mut neighbour = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0"])));
            let watch = watch(&target.id(), &[]);
            neighbour.go();
            neighbour.wait();
            match signal {
                Some(signal) => send(target.pid, signal),
                None => target.go(),
            }
            target.wait();
            Some((vec![last(&watch.end())], neighbour.pid))
        };
        let Some((ends, neighbour)) = with_its_report(attempt) else { return };
        let end = &ends[0];
        assert_eq!(end.text("memdoor.verdict.cause"), cause, "{}", summary(end));
        assert_eq!(beside(end), Some((neighbour, "victim", "cgroup")), "{:?}", evidence(end));
        let start = format!("no OOM kill of its own: {how}, within ");
        assert!(summary(end).starts_with(&start), "{}", summary(end));
        assert!(summary(end).ends_with(&format!("PID {neighbour} (victim), in its control group")));
    }
}

#[test]
fn of_two_of_one_name_the_one_that_was_killed_by_hand_is_not_the_kernels_victim() {
    let attempt = || {
        let group = Memcg::or_skip(Some(48 * MIB))?;
        let target = Victim::start_command(group.inside(&victim(&["hold", "4"])));
        let mut namesake = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0"])));
        let watches = [watch(&target.id(), &[]), watch(&namesake.id(), &[])];
        namesake.go();
        namesake.wait();
        let pid = namesake.pid;
        target.kill();
        Some((watches.map(|watch| last(&watch.end())).into(), pid))
    };
    let Some((ends, namesake)) = with_its_report(attempt) else { return };
    assert_eq!(ends[0].text("memdoor.verdict.cause"), "sigkill");
    assert_eq!(beside(&ends[0]).map(|(pid, ..)| pid), Some(namesake));
    assert_eq!(ends[1].text("memdoor.verdict.cause"), "cgroup_oom");
    assert_eq!(beside(&ends[1]), None);
}

#[test]
fn an_oom_kill_elsewhere_on_the_host_is_no_evidence() {
    let Some(group) = Memcg::or_skip(Some(48 * MIB)) else { return };
    let Some(elsewhere) = Memcg::or_skip(Some(32 * MIB)) else { return };
    let mut target = Victim::start_command(group.inside(&shell("exit 137")));
    let watch = watch(&target.id(), &[]);
    let mut other = Victim::start_command(elsewhere.inside(&victim(&["leak", "--wait", "0"])));
    other.go();
    other.wait();
    target.go();
    target.wait();
    let end = last(&watch.end());
    assert_eq!(summary(&end), "no OOM kill: it exited by itself");
    assert_eq!(beside(&end), None, "{:?}", evidence(&end));
}

// Stops

/// The labels of a report's facts.
fn labels(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| Some(line.split_once(": ")?.0)).collect()
}

#[test]
fn a_stop_gives_the_documents_sentence_and_then_the_whole_end_report() {
    let target = Victim::start(&["hold", "8"]);
    for (signal, name) in [(Signal::SIGINT, "SIGINT"), (Signal::SIGTERM, "SIGTERM"), (Signal::SIGHUP, "SIGHUP")] {
        let dir = TempDir::new();
        let mut watch = Running::start(memdoor(&["-p", &target.id(), "-i", "0.2", "-o", &dir.join("")]));
        watch.next_report();
        watch.next_report();
        watch.signal(signal);
        let ended = watch.end();
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let sentence = format!("\n{name} received, exiting...\nReport Time: ");
        assert_eq!(ended.out.matches(&sentence).count(), 1, "{}", ended.out);
        let last = ended.end_of_watch();
        assert_eq!(last.value("Watch Ended Because"), name);
        assert_eq!(last.find("Verdict"), None);
        assert!(last.kib("Peak RSS Seen") >= 8 * 1024);
        assert!(last.lines.iter().any(|line| line == "##### PROCESS MEMORY HISTORY INFORMATION #####"));
        assert!(labels(&last.lines).contains(&"RSS Growth"), "{last:#?}");
        // The record has it, too, and standard error says where that is.
        let file = std::fs::read_dir(dir.path()).expect("read").next().expect("a record").expect("entry").path();
        let text = std::fs::read_to_string(&file).expect("UTF-8");
        let end = ended.out.find(&sentence[1..]).expect("the sentence");
        assert!(text.contains(&ended.out[end..]), "{text}");
        assert!(ended.err.ends_with(&format!("memdoor: the record is {}\n", file.display())), "{}", ended.err);
    }
}

#[test]
fn the_last_of_c_reports_is_followed_by_the_whole_end_report_in_either_format() {
    let target = Victim::start(&["hold", "8"]);
    let text = run(&["-p", &target.id(), "-i", "0.1", "-c", "2", "-m", "99"]);
    assert_eq!((text.code(), text.words().as_str(), text.reports().len()), (0, "", 2));
    let end = text.end_of_watch();
    assert_eq!(end.value("Watch Ended Because"), "the count of reports was reached");
    let json = run(&["-p", &target.id(), "-i", "0.1", "-c", "2", "-m", "99", "--format", "json"]);
    let line = last(&json);
    assert_eq!(summary(&line), end.value("Watch Ended Because"));
    assert_eq!(line.text("memdoor.verdict.cause"), "count_reached");
    assert_eq!(line.number("memdoor.watch.samples").to_string().is_empty(), end.value("Samples").is_empty());
    assert!(line.number("memdoor.process.peak_rss_bytes") >= 8 << 20);
    assert!(json.out.contains("\"memdoor.snapshot.history\""), "{}", json.out);
}

#[test]
fn a_target_that_has_ended_when_the_stop_comes_is_told_as_what_it_is() {
    let mut target = Victim::start(&["hold", "4"]);
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "60", "--exit-code"]));
    watch.next_report();
    // A service manager ends both at once; memdoor is stopped so that it sees both at once.
    watch.signal(Signal::SIGSTOP);
    let pid = watch.pid();
    poll("a stopped memdoor", || common::target::proc(pid, "stat").contains(") T ").then_some(()));
    target.kill();
    target.wait();
    watch.signal(Signal::SIGTERM);
    watch.signal(Signal::SIGCONT);
    let ended = watch.end();
    assert!(matches!(ended.code(), 5 | 7), "{ended:#?}");
    let last = ended.reports().pop().expect("a report");
    assert!(last.lines.iter().any(|line| line == END), "{last:#?}");
    assert!(last.value("Verdict").starts_with("no OOM kill"), "{last:#?}");
    assert!(ended.out.contains("\nSIGTERM received, exiting...\n"), "{}", ended.out);
    assert!(ended.err.contains("is not accessible: No such process"), "{}", ended.err);
}

#[test]
fn an_oom_kill_while_memdoor_is_stopped_is_told_and_how_late_its_exit_stop_was_seen() {
    let Some(group) = Memcg::or_skip(Some(32 * MIB)) else { return };
    let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0"])));
    let mut watch = Running::start(memdoor(&["-p", &target.id(), "-m", "99", "-i", "60", "--seize", "always"]));
    watch.next_report();
    watch.signal(Signal::SIGSTOP);
    let pid = watch.pid();
    poll("a stopped memdoor", || common::target::proc(pid, "stat").contains(") T ").then_some(()));
    target.go();
    poll("an OOM kill", || (group.oom_kills() > 0).then_some(()));
    std::thread::sleep(Duration::from_millis(1500));
    watch.signal(Signal::SIGCONT);
    let ended = watch.end();
    let last = ended.reports().pop().expect("a report");
    // Whose limit it was the kernel leaves out when it has printed ten reports within five seconds.
    assert!(last.value("Verdict").starts_with("OOM kill: "), "{last:#?}");
    let late = last.value("Exit Stop Seen Late By Up To").strip_suffix(" s").expect("seconds");
    assert!(late.parse::<f64>().expect("a number") > 1.0, "{late}");
}

// Standard error and the exit code

#[test]
fn the_exit_code_says_how_the_target_ended_when_that_is_asked_for() {
    let told = |target: &mut Victim, end: &dyn Fn(&mut Victim), options: &[&str]| {
        let watch = watch(&target.id(), options);
        end(target);
        target.wait();
        let ended = watch.end();
        let end = last(&ended);
        let expected = format!(
            "ERROR: PID {0} is not accessible: No such process\nmemdoor: PID {0}: {1}\n",
            target.id(),
            summary(&end)
        );
        assert_eq!(ended.words(), expected);
        ended.code()
    };
    let code: &[&str] = &["--exit-code"];
    for (options, expected) in [(code, [7, 7, 8]), (&[][..], [5, 5, 5])] {
        let kill = |target: &mut Victim| target.kill();
        let term = |target: &mut Victim| send(target.pid, Signal::SIGTERM);
        let exit = |target: &mut Victim| target.go();
        let start = || Victim::start_command(shell("exit 137"));
        let codes = [
            told(&mut start(), &kill, options),
            told(&mut start(), &term, options),
            told(&mut start(), &exit, options),
        ];
        assert_eq!(codes, expected, "{options:?}");
    }
    for (options, expected) in [(code, 6), (&[][..], 5)] {
        let Some(group) = Memcg::or_skip(Some(32 * MIB)) else { return };
        let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0"])));
        assert_eq!(told(&mut target, &|target| target.go(), options), expected);
    }
}
