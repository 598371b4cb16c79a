//! Why the target ended, as the end of a watch says it: one test for each cause, and for what could be mistaken for it.

use crate::common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use common::host::{TempDir, has_unprivileged, is_root, unprivileged, works};
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::run::{MEMDOOR, Process, Running, command, memdoor, poll, run_command, through, through_shell};
use common::skip;
use common::target::{Victim, proc, victim};

/// A watch in JSON from before the target does anything; `words` stand before memdoor: setpriv, unshare.
fn watch(id: &str, options: &[&str], around: impl FnOnce(Command) -> Command) -> Running {
    let args = ["-p", id, "-i", "60", "--format", "json"];
    let mut watch = Running::start(around(memdoor(&[&args[..], options].concat())));
    watch.line().expect("a report");
    watch
}

/// As the machine has it.
fn plain(memdoor: Command) -> Command {
    memdoor
}

/// The end of a watch; its target is gone.
fn end(watch: Running) -> Json {
    let ended = watch.end();
    assert_eq!(ended.code(), 5, "{ended:#?}");
    let last = ended.out.lines().last().expect("an end");
    let last = Json::parse(last);
    assert_eq!(last.text("event_name"), "memdoor.watch.end");
    let evidence = evidence(&last);
    assert!(!evidence.is_empty(), "{}", said(&last));
    last
}

fn evidence<'e>(end: &'e Json) -> Vec<&'e str> {
    let Some(Json::Array(sentences)) = end.get("memdoor.verdict.evidence") else {
        panic!("no evidence: {}", said(end));
    };
    let text = |sentence: &'e Json| match sentence {
        Json::Text(text) => text.as_str(),
        other => panic!("no sentence: {other:?}"),
    };
    sentences.iter().map(text).collect()
}

/// What is of interest when a test fails.
fn said(end: &Json) -> String {
    let parts = ["memdoor.death", "memdoor.verdict"].map(|part| end.get(part));
    format!("{parts:?}")
}

fn cause(end: &Json) -> &str {
    end.text("memdoor.verdict.cause")
}

/// With the exit stop, and without it: the verdict must not need it.
const SEIZED: [&[&str]; 2] = [&["--seize", "always"], &["--seize", "never"]];

/// Linux 6.15 tells the status of a process that somebody else has collected; before, only its tracer knows.
fn is_status_known(end: &Json) -> bool {
    end.text_at("memdoor.death.status").is_some()
}

// The kernel

/// Whether the kernel's log says where memory was short: of more than ten OOM kills in five seconds it only says who was killed.
fn is_reported(end: &Json) -> bool {
    let is = evidence(end).iter().any(|line| line.starts_with("oom-kill:"));
    if !is {
        skip("too many OOM kills in these seconds: the kernel said nothing but who was killed");
    }
    is
}

#[test]
fn an_oom_kill_is_the_cgroups_whose_limit_was_hit() {
    for seize in SEIZED {
        let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
            return;
        };
        let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "200"])));
        let watch = watch(&target.id(), seize, plain);
        target.go();
        let end = end(watch);
        assert_eq!(cause(&end), "cgroup_oom", "{}", said(&end));
        if !is_reported(&end) {
            // Then it is the one that was known to limit it.
            assert!(end.text("memdoor.cgroup.path").ends_with(&group.path()));
            return;
        }
        assert!(end.text("memdoor.verdict.cgroup").ends_with(&group.path()));
        assert_eq!(u64::try_from(end.number("memdoor.verdict.limit_bytes")), Ok(32 * MIB));
        assert!(end.number("memdoor.verdict.usage_bytes") > 0);
    }
}

#[test]
fn a_limit_above_its_own_cgroup_is_named_as_the_one_that_was_hit() {
    let Some(outer) = Memcg::or_skip(Some(32 * MIB)) else {
        return;
    };
    let inner = match outer.below(None) {
        Ok(inner) => inner,
        Err(why) => return skip(&why),
    };
    let mut target = Victim::start_command(inner.inside(&victim(&["leak", "--wait", "200"])));
    let watch = watch(&target.id(), &["--seize", "always"], plain);
    target.go();
    let end = end(watch);
    assert_eq!(cause(&end), "cgroup_oom", "{}", said(&end));
    if is_reported(&end) {
        assert!(end.text("memdoor.verdict.cgroup").ends_with(&outer.path()));
    }
}

/// In cgroup v2 only: whoever is killed because another member of the group was chosen.
#[test]
fn a_bystander_of_a_group_that_is_killed_as_one_is_no_victim_of_its_own() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    if group.version() != 2 {
        return skip("memory.oom.group is cgroup v2's, and the memory controller is v1's here");
    }
    group.set_oom_group();
    let bystander = Victim::start_command(group.inside(&victim(&["idle"])));
    let mut leaker = Victim::start_command(group.inside(&victim(&["leak", "--wait", "200"])));
    let watch = watch(&bystander.id(), &["--seize", "always"], plain);
    leaker.go();
    let end = end(watch);
    assert_eq!(cause(&end), "oom_group", "{}", said(&end));
}

#[test]
fn an_oom_kill_is_told_without_the_kernels_log() {
    if !works(&["unshare", "-m", "true"]) {
        return skip("needs unshare, to hide /dev/kmsg");
    }
    let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
        return;
    };
    let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "200"])));
    let hide = "mount --bind /dev/kmsg /dev/kmsg && mount -o remount,bind,nodev /dev/kmsg && \
        ! cat /dev/kmsg 2>/dev/null && exec \"$@\"";
    let hidden = |memdoor| through(&["unshare", "-m"], &through_shell(hide, &memdoor));
    let watch = watch(&target.id(), &["--seize", "always"], hidden);
    target.go();
    let end = end(watch);
    // By the counts alone: no more is claimed than they say.
    assert_eq!(cause(&end), "likely_oom_kill", "{}", said(&end));
    assert_eq!(evidence(&end)[0], "the kernel's log: not read (permission denied (EACCES))");
    assert!(end.text("memdoor.cgroup.path").ends_with(&group.path()));
    assert!(end.number("memdoor.cgroup.limit_bytes") > 0);
}

#[test]
fn without_the_log_a_kill_that_its_group_counted_is_told_of_a_target_that_exited_just_then() {
    if !works(&["unshare", "-m", "true"]) {
        return skip("needs unshare, to hide /dev/kmsg");
    }
    let hide = "mount --bind /dev/null /dev/kmsg && exec \"$@\"";
    let hidden = |memdoor| through(&["unshare", "-m"], &through_shell(hide, &memdoor));
    for (middle, kills, words) in [
        (GREEDY_CHILD, 1, "no OOM kill of its own: it exited by itself, within "),
        // Control: where none was counted, none is told.
        ("sleep 1", 0, "no OOM kill: it exited by itself"),
    ] {
        let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
            return;
        };
        let script = format!("echo ready $$; read line; {middle}; exit 137");
        let mut target = Victim::start_command(group.inside(&command("sh", &["-c", &script])));
        let watch = watch(&target.id(), &["--seize", "always"], hidden);
        target.end();
        let end = end(watch);
        assert_eq!((group.oom_kills(), cause(&end)), (kills, "exit_code"), "{}", said(&end));
        let summary = end.text("memdoor.verdict.summary");
        let tail = " s of one that its control group counted";
        assert!(summary.starts_with(words) && summary.ends_with(tail) == (kills == 1), "{}", said(&end));
    }
}

#[test]
fn an_oom_kill_in_the_second_in_which_it_was_moved_is_never_said_to_be_none() {
    if !works(&["unshare", "-m", "true"]) {
        return skip("needs unshare, to hide /dev/kmsg");
    }
    let hide = "mount --bind /dev/null /dev/kmsg && exec \"$@\"";
    let hidden = |memdoor| through(&["unshare", "-m"], &through_shell(hide, &memdoor));
    for seize in SEIZED {
        let (Some(wide), Some(narrow)) = (Memcg::or_skip(Some(256 * MIB)), Memcg::or_skip(Some(16 * MIB))) else {
            return;
        };
        let mut target = Victim::start_command(wide.inside(&victim(&["leak", "--wait", "0", "64"])));
        let watch = watch(&target.id(), seize, hidden);
        narrow.take(target.pid);
        target.go();
        let end = end(watch);
        target.wait();
        assert_eq!((wide.oom_kills(), narrow.oom_kills()), (0, 1));
        // The look of each second may have come just in between.
        assert!(["likely_oom_kill", "perhaps_oom_kill", "unknown"].contains(&cause(&end)), "{}", said(&end));
        assert!(!end.text("memdoor.verdict.summary").contains("no OOM kill"), "{}", said(&end));
    }
}

#[test]
fn an_oom_kill_is_told_by_who_may_neither_trace_the_target_nor_read_the_log() {
    if !is_root() || !has_unprivileged() {
        return skip("needs root and setpriv, for a target of another user");
    }
    let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
        return;
    };
    let mut target = Victim::start_command(group.inside(&victim(&["leak", "--wait", "200"])));
    let dir = TempDir::new();
    let copy = dir.memdoor();
    let other = |memdoor: Command| {
        let args: Vec<_> = memdoor.get_args().filter_map(|arg| arg.to_str()).collect();
        unprivileged(&command(&copy, &args))
    };
    let watch = watch(&target.id(), &["--seize", "always"], other);
    target.go();
    let end = end(watch);
    assert_eq!(end.text("memdoor.death.stop"), "not_seen");
    // Where everybody may read the log it says so.
    let is_log_read = std::fs::read_to_string("/proc/sys/kernel/dmesg_restrict").is_ok_and(|text| text == "0\n");
    let expected = if is_log_read { "cgroup_oom" } else { "likely_oom_kill" };
    assert_eq!(cause(&end), expected, "{}", said(&end));
}

#[test]
fn an_oom_kill_of_a_namesake_is_not_the_targets_where_only_names_can_be_compared() {
    let unshare = ["unshare", "-p", "-f", "--mount-proc"];
    if !works(&[&unshare[..], &["true"]].concat()) {
        return skip("needs root for a pid namespace");
    }
    let Some(group) = Memcg::or_skip(Some(48 * MIB)) else {
        return;
    };
    // No other test has processes of this name, whose OOM kills would stand in the same log.
    let (dir, name) = (TempDir::new(), format!("same-{}", std::process::id()));
    let (program, out) = (dir.victim(&name), dir.join("out"));
    // The namesake is killed seconds before the target, which is killed by hand.
    let script = format!(
        "sleep 60 | {program} hold 5 >/dev/null & target=$!; sleep 0.5
         {MEMDOOR} -p $target --seize never -m 99 -i 60 --format json >{out} 2>/dev/null & watch=$!
         sleep 0.5; sleep 60 | {program} leak 200 >/dev/null & sleep 9
         kill -9 $target; wait $watch"
    );
    let inner = group.inside(&command("sh", &["-c", &script]));
    let _ = run_command(through(&unshare, &inner));
    assert!(group.oom_kills() >= 1);
    let text = std::fs::read_to_string(&out).expect("output");
    let end = Json::parse(text.lines().last().expect("an end"));
    assert_eq!(cause(&end), "perhaps_oom_kill", "{}", said(&end));
    let lines = evidence(&end);
    // The same words as of a neighbour with another name. What else was killed on this machine meanwhile may stand there, too.
    let told = format!(" ({name}), in its control group, was OOM-killed at ");
    assert!(lines.iter().any(|line| line.contains(&told)) || is_alone(lines[0]), "{lines:#?}");
    let is_counted = |line: &&str| line.contains("at the start 0,") && line.ends_with(" s ago 1, now 1");
    assert!(lines.iter().any(is_counted), "{lines:#?}");
}

/// Whether this is the sentence of a kill line that came without its report, which has the control group.
fn is_alone(sentence: &str) -> bool {
    let is = sentence.starts_with("the kernel's log: not this process, last PID ");
    if is {
        skip("too many OOM kills in these seconds: the kernel said nothing but who was killed");
    }
    is
}

/// What a watch in a pid namespace of its own says of `$target`, which `script` starts and which is in the same small group.
fn in_a_pid_namespace(script: &str) -> Option<(i32, Json)> {
    let unshare = ["unshare", "-p", "-f", "--mount-proc"];
    if !works(&[&unshare[..], &["true"]].concat()) {
        skip("needs root for a pid namespace");
        return None;
    }
    let group = Memcg::or_skip(Some(64 * MIB))?;
    let dir = TempDir::new();
    let out = dir.join("out");
    let script = format!(
        "watch() {{ {MEMDOOR} watch -p $target --seize always -q -m 90 --of cgroup --exit-code --format json \
         >{out} 2>/dev/null; }}
         {script}"
    );
    let inner = group.inside(&command("sh", &["-c", &script]));
    let ended = run_command(through(&unshare, &inner));
    assert_eq!(group.oom_kills(), 1, "{ended:#?}");
    let text = std::fs::read_to_string(&out).expect("output");
    Some((ended.code(), Json::parse(text.lines().last().expect("an end"))))
}

/// In a shell: a child of its name takes all memory.
const GREEDY_CHILD: &str = r#"(x=$(tr "\0" x </dev/zero))"#;

#[test]
fn an_oom_kill_of_a_child_of_the_same_name_is_none_of_a_target_whose_exit_status_says_so() {
    for (end, code, cause_of_it, words) in [
        ("exit 137", 8, "exit_code", "it exited by itself"),
        ("kill -TERM $$; sleep 9", 7, "signal", "another signal ended it"),
    ] {
        let script = format!("sh -c 'sleep 1.2; {GREEDY_CHILD}; {end}' & target=$!; watch");
        let Some((exit, end)) = in_a_pid_namespace(&script) else {
            return;
        };
        assert_eq!((exit, cause(&end)), (code, cause_of_it), "{}", said(&end));
        let expected = format!("no OOM kill of its own: {words}, within ");
        let summary = end.text("memdoor.verdict.summary");
        assert!(summary.starts_with(&expected), "{}", said(&end));
        // Nothing of it is evidence of its own.
        assert!(end.get("memdoor.oom").is_none() && end.get("memdoor.verdict.cgroup").is_none(), "{}", said(&end));
        let lines = evidence(&end);
        if is_alone(lines[0]) {
            continue;
        }
        assert!(lines[0].starts_with("the kernel's log: PID "), "{lines:#?}");
        assert!(summary.contains(" of the initial pid namespace (sh), in its control group"), "{}", said(&end));
        assert_eq!(end.text("memdoor.verdict.beside.relation"), "cgroup");
        assert_eq!(end.text("memdoor.verdict.beside.pid_namespace"), "initial");
    }
}

#[test]
fn a_count_that_the_log_has_under_another_name_makes_no_sigkill_a_likely_oom_kill() {
    let script = format!("sleep 1000 & target=$!; (sleep 1; {GREEDY_CHILD}; sleep 1; kill -9 $target) & watch");
    let Some((exit, end)) = in_a_pid_namespace(&script) else {
        return;
    };
    assert_eq!((exit, cause(&end)), (7, "perhaps_oom_kill"), "{}", said(&end));
    let summary = end.text("memdoor.verdict.summary");
    assert!(summary.ends_with(" s, which the kernel's log has under another name"), "{}", said(&end));
}

/// The kernel sends SIGKILL before it logs it: who runs on after the line was not meant.
#[test]
fn a_target_that_runs_on_after_the_kill_line_of_its_name_is_not_the_one_that_was_killed() {
    // No other test has processes of this name, whose OOM kills would stand in the same log.
    let dir = TempDir::new();
    let sh = dir.program(Path::new("/bin/sh"), &format!("out-{}", std::process::id()));
    let script = format!(
        "{sh} -c 'while :; do sleep 0.1; done' & target=$!
         (sleep 1.2; {sh} -c '{GREEDY_CHILD}'; sleep 1.5; kill -9 $target) & watch"
    );
    let Some((exit, end)) = in_a_pid_namespace(&script) else {
        return;
    };
    assert_eq!((exit, cause(&end)), (7, "perhaps_oom_kill"), "{}", said(&end));
    let summary = end.text("memdoor.verdict.summary");
    assert!(summary.ends_with(" s, which the kernel's log has of another process of this name"), "{}", said(&end));
}

/// A namesake is OOM-killed elsewhere on the host, and the target by hand, whose parent collects it before its control group can be read.
#[test]
fn what_can_not_be_told_has_the_exit_code_of_what_is_not_known() {
    let Some(other) = Memcg::or_skip(Some(16 * MIB)) else {
        return;
    };
    let Some(own) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    let unshare = ["unshare", "-p", "-f", "--mount-proc"];
    if !works(&[&unshare[..], &["true"]].concat()) {
        return skip("needs root for a pid namespace");
    }
    let dir = TempDir::new();
    let (procs, out) = (other.dir().join("cgroup.procs"), dir.join("out"));
    let script = format!(
        "sh -c 'sleep 1000; :' & target=$!
         (sleep 1.2; sh -c 'echo $$ >{procs}; {GREEDY_CHILD}'; kill -9 $target) &
         {MEMDOOR} watch -p $target --seize never -q -m 90 --exit-code --format json >{out} 2>/dev/null",
        procs = procs.display()
    );
    let ended = run_command(through(&unshare, &own.inside(&command("sh", &["-c", &script]))));
    assert_eq!((other.oom_kills(), own.oom_kills()), (1, 0), "{ended:#?}");
    let text = std::fs::read_to_string(&out).expect("output");
    let end = Json::parse(text.lines().last().expect("an end"));
    let summary = end.text("memdoor.verdict.summary");
    if !summary.starts_with("it can't be told ") {
        return skip(&format!("its control group was read before its parent had collected it: {summary}"));
    }
    assert_eq!((ended.code(), cause(&end)), (5, "unknown"), "{}", said(&end));
}

/// The kernel kills all that share the memory of its victim, and logs one of them.
#[test]
fn who_dies_because_it_shares_the_memory_of_an_oom_victim_is_not_said_to_have_had_no_oom_kill() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else {
        return;
    };
    for seize in SEIZED {
        let kills = group.oom_kills();
        let mut hog = Victim::start_command(group.inside(&victim(&["forks", "hog", "space", "40", "1"])));
        let beside =
            poll("a process with the same memory", || group.processes().into_iter().find(|pid| *pid != hog.id()));
        let mut greedy = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0", "45"])));
        // Which of the two is chosen is the kernel's business.
        let watches = [hog.id(), beside].map(|pid| {
            let args = ["-p", &pid, "-i", "60", "--format", "json", "--exit-code"];
            let mut watch = Running::start(memdoor(&[&args[..], seize].concat()));
            watch.line().expect("a report");
            watch
        });
        greedy.go();
        hog.wait();
        greedy.kill();
        greedy.wait();
        // Before their memory is free the kernel may kill the greedy one as well.
        assert!(group.oom_kills() > kills, "control");
        let ends = watches.map(|watch| {
            let ended = watch.end();
            let end = Json::parse(ended.out.lines().last().expect("an end"));
            (ended.code(), end)
        });
        let is_own = |end: &Json| matches!(cause(end), "cgroup_oom" | "oom_kill");
        assert_eq!(ends.iter().filter(|(_, end)| is_own(end)).count(), 1, "control: one is named in the log");
        let (code, end) = ends.iter().find(|(_, end)| !is_own(end)).expect("the other");
        assert!(!end.text("memdoor.verdict.summary").contains("no OOM kill"), "{}", said(end));
        if cause(end) == "perhaps_oom_kill" && !ends.iter().any(|(_, end)| is_reported(end)) {
            continue;
        }
        if is_status_known(end) {
            assert_eq!((*code, cause(end)), (6, "likely_oom_kill"), "{}", said(end));
        }
    }
}

// People and programs

#[test]
fn a_sigkill_by_hand_is_no_oom_kill() {
    for seize in SEIZED {
        let mut target = Victim::start(&["hold", "4"]);
        let watch = watch(&target.id(), seize, plain);
        target.kill();
        target.wait();
        let end = end(watch);
        if is_status_known(&end) {
            assert_eq!(cause(&end), "sigkill", "{}", said(&end));
        }
    }
}

#[test]
fn a_sigkill_by_hand_after_an_oom_kill_of_a_neighbour_is_no_oom_kill() {
    let Some(group) = Memcg::or_skip(Some(32 * MIB)) else {
        return;
    };
    let mut target = Victim::start_command(group.inside(&victim(&["hold", "4"])));
    let mut neighbour = Victim::start_command(group.inside(&victim(&["leak", "--wait", "0"])));
    let watch = watch(&target.id(), &["--seize", "always"], plain);
    neighbour.go();
    neighbour.wait();
    assert_eq!(group.oom_kills(), 1);
    target.kill();
    target.wait();
    let end = end(watch);
    assert_eq!(cause(&end), "sigkill", "{}", said(&end));
}

#[test]
fn another_signal_is_told_as_what_it_is() {
    for (signal, name) in [(Signal::SIGSEGV, "SIGSEGV"), (Signal::SIGTERM, "SIGTERM")] {
        for seize in SEIZED {
            // Not a victim: Rust's runtime handles SIGSEGV.
            let script = "echo ready $$; exec sleep 1000";
            let mut target = Victim::start_command(command("sh", &["-c", script]));
            let watch = watch(&target.id(), seize, plain);
            send(target.pid, signal);
            target.wait();
            let end = end(watch);
            if is_status_known(&end) {
                assert_eq!(cause(&end), "signal", "{}", said(&end));
                assert_eq!(end.text("memdoor.death.signal"), name);
            }
        }
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).expect("a pid");
    kill(Pid::from_raw(pid), signal).expect("kill");
}

#[test]
fn an_exit_is_its_own_even_with_the_code_that_shells_give_a_sigkill() {
    for code in [0, 137] {
        for seize in SEIZED {
            let script = format!("echo ready $$; read line; exit {code}");
            let mut target = Victim::start_command(command("sh", &["-c", &script]));
            let watch = watch(&target.id(), seize, plain);
            target.end();
            let end = end(watch);
            if is_status_known(&end) {
                assert_eq!(cause(&end), "exit_code", "{}", said(&end));
                assert_eq!(end.number("memdoor.death.exit_code"), code);
            }
        }
    }
}

/// A victim and earlyoom in a pid namespace of their own: it sees and kills nobody else.
struct Confined {
    namespace: Process,
    dir: TempDir,
    /// The victim's number outside.
    pid: u32,
}

impl Confined {
    /// It kills when the line of `go` comes: no machine has 99 % of its memory free.
    fn start(thresholds: &str) -> Self {
        let dir = TempDir::new();
        // Its input stays open for as long as the namespace is there.
        let script = format!(
            "sleep 1000 | {} hold 32 & read line; \
                exec earlyoom -r 0 --prefer '^victim$' --avoid '^(sh|sleep)$' -m {thresholds} -s 100,100 2>'{}'",
            common::target::path().display(),
            dir.join("said"),
        );
        let words = ["-p", "-f", "--mount-proc", "--kill-child", "sh", "-c"];
        let mut unshare = command("unshare", &[&words[..], &[&script]].concat());
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut namespace = Process::start(unshare);
        let line = namespace.line();
        assert!(line.starts_with("ready "), "{line:?}");
        let pid = poll("the victim's number outside", || {
            let init = *common::target::children(namespace.pid()).first()?;
            common::target::children(init).into_iter().find(|pid| proc(*pid, "comm") == "victim\n")
        });
        Self { namespace, dir, pid }
    }

    fn go(&mut self) {
        let stdin = self.namespace.input.as_mut().expect("a pipe");
        stdin.write_all(b"\n").expect("a line");
    }

    /// What earlyoom says.
    fn said(&self) -> String {
        std::fs::read_to_string(self.dir.join("said")).expect("UTF-8")
    }
}

#[test]
fn a_kill_by_earlyoom_is_no_oom_kill_by_the_kernel() {
    if !is_root() {
        return skip("needs root for a pid namespace, in which earlyoom can kill nobody else");
    }
    if !works(&["earlyoom", "-v"]) {
        return skip("needs earlyoom");
    }
    // The second number is where it sends SIGKILL, not SIGTERM.
    for (thresholds, signal, expected) in [("99,99", "SIGKILL", "sigkill"), ("99,1", "SIGTERM", "signal")] {
        let mut confined = Confined::start(thresholds);
        let watch = watch(&confined.pid.to_string(), &["--seize", "always"], plain);
        confined.go();
        let end = end(watch);
        let sent = format!("sending {signal} to process");
        assert!(confined.said().contains(&sent), "{}", confined.said());
        assert_eq!(cause(&end), expected, "{}", said(&end));
        assert_eq!(end.text("memdoor.death.signal"), signal);
    }
}
