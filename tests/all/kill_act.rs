//! `memdoor kill`: how it acts. Two at once, cgroups, what stands in its evidence, and what keeps it from acting.
//!
//! Every run is confined to the processes of its own test: `--only` has a name that no other process has.

use crate::common;

use std::process::Command;

use common::host::{TempDir, has_unprivileged, is_root, unprivileged, works};
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::run::{MEMDOOR, Running, command, memdoor, poll, run_command, through, through_shell};
use common::skip;
use common::target::{Victim, victim};
use nix::sys::signal::Signal;

use super::kill::{family, is_alive, kib, kill_args, name, value};

/// `memdoor kill --once` in a cgroup of 256 MiB, of which 70 % may be used.
fn in_group(group: &Memcg, only: &str, more: &[&str]) -> Command {
    let path = group.path();
    let args = ["kill", "--config", "/dev/null", "--once", "--threshold", "70", "--hard", "0", "--cgroup", &path];
    memdoor(&[&args[..], &["--only", only], more].concat())
}

/// A process of so many MiB in it, who does not hear SIGTERM.
fn deaf(group: &Memcg, name: &str, mib: &str) -> Victim {
    Victim::start_command(group.inside(&victim(&["family", "--deaf", name, mib, "0"])))
}

/// Whom the memdoor of this number says that it ends: the low half of the number that its read lock begins at.
pub(crate) fn victim_told(memdoor: u32) -> Option<u64> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "READ", pid, _, start, _] = words[..] else {
            return None;
        };
        let start = start.parse::<u64>().ok()?;
        // Once a victim has ended the same lock tells when: "mdke".
        let (is_an_end, victim) = (start >> 32 == 0x6d64_6b65, start & 0xffff_ffff);
        (pid == memdoor.to_string() && victim != 0 && !is_an_end).then_some(victim)
    })
}

#[test]
fn two_memdoors_end_one_victim_where_one_is_enough_and_the_second_says_whom_it_waited_for() {
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let name = name();
    let victims = [(); 3].map(|()| deaf(&group, &name, "70"));
    let only = format!("^{name}$");
    let start = || Running::start(in_group(&group, &only, &["--grace", "1", "--format", "json"]));
    let (one, other) = (start(), start());
    let pids = [one.pid(), other.pid()];
    let ended = [one.end(), other.end()];
    for ended in &ended {
        assert_eq!(ended.code(), 0, "{ended:#?}");
    }
    let reports = ended.each_ref().map(|ended| Json::parse(ended.out.lines().last().expect("a line")));
    let outcomes = reports.each_ref().map(|report| report.text("memdoor.kill.outcome").to_owned());
    let killer = outcomes.iter().position(|outcome| outcome == "killed").expect("one that killed");
    let waiter = 1 - killer;
    assert_eq!(outcomes[waiter], "relieved", "{ended:#?}");
    let alive: Vec<bool> = victims.iter().map(|victim| is_alive(victim.pid)).collect();
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 2, "{ended:#?}");
    let waited = |key: &str| reports[waiter].number(&format!("memdoor.kill.waited_for.{key}"));
    assert_eq!(waited("pid"), i64::from(pids[killer]));
    assert_eq!(waited("victim.pid"), reports[killer].number("process.pid"));
    assert!(waited("duration_us") > 500_000);
    let line = format!(r#"waited_for="PID {} (memdoor), which ends PID "#, pids[killer]);
    assert!(ended[waiter].err.contains(&line), "{}", ended[waiter].err);
}

#[test]
fn a_lock_that_its_holder_does_not_let_go_of_is_waited_for_no_longer_than_the_grace() {
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let (name, other_name) = (name(), name());
    let (_first, _second) = (deaf(&group, &name, "110"), deaf(&group, &other_name, "90"));
    let holder = Running::start(in_group(&group, &format!("^{name}$"), &["--grace", "300", "--evidence-ms", "0"]));
    poll("a holder that has chosen", || victim_told(holder.pid()));
    holder.signal(Signal::SIGSTOP);
    let began = std::time::Instant::now();
    let ended = run_command(in_group(&group, &format!("^{other_name}$"), &["--grace", "0.2"]));
    let took = began.elapsed().as_secs_f64();
    holder.signal(Signal::SIGCONT);
    holder.signal(Signal::SIGTERM);
    let _ = holder.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let waited = value(&ended.out, "Waited For");
    assert!(waited.ends_with(" s, in vain"), "{ended:#?}");
    // --grace and 5 s, in all its rounds together, and all of it is told.
    let told = waited.rsplit(' ').nth(3).and_then(|seconds| seconds.parse::<f64>().ok()).expect("seconds");
    assert!((5.0..6.0).contains(&told) && took < 15.0, "{told} s of {took} s: {ended:#?}");
    assert_eq!(value(&ended.out, "Action"), "SIGTERM, then SIGKILL: the victim has ended");
}

/// A user's memdoor and root's, whoever comes first.
#[test]
fn roots_memdoor_and_a_users_end_one_victim_where_one_is_enough() {
    if !is_root() || !has_unprivileged() {
        return skip("needs root and setpriv, to be another user");
    }
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let dir = TempDir::new();
    let (memdoor, program) = (dir.memdoor(), dir.victim("victim"));
    for is_users_first in [false, true] {
        let (roots, users) = (name(), name());
        let mine = deaf(&group, &roots, "90");
        let theirs = command(&program, &["family", "--deaf", &users, "110", "0"]);
        let theirs = Victim::start_command(group.inside(&unprivileged(&theirs)));
        let by_root = in_group(&group, &format!("^{roots}$"), &["--grace", "1"]);
        let by_user = in_group(&group, &format!("^{users}$"), &["--grace", "1"]);
        let args: Vec<&str> = by_user.get_args().map(|arg| arg.to_str().expect("UTF-8")).collect();
        let by_user = unprivileged(&command(&memdoor, &args));
        let (first, second) = if is_users_first { (by_user, by_root) } else { (by_root, by_user) };
        let first = Running::start(first);
        poll("the first one's word", || victim_told(first.pid()));
        let second = run_command(second);
        let first = first.end();
        assert_eq!(first.code(), 0, "{first:#?}");
        assert_eq!(second.code(), 0, "{second:#?}");
        assert_eq!(value(&second.out, "Action"), "none: memory was short, and is not any more", "{second:#?}");
        assert_eq!([is_alive(mine.pid), is_alive(theirs.pid)], [is_users_first, !is_users_first], "{second:#?}");
    }
}

/// Anybody can take a read lock on a file of theirs with the range that memdoor's have.
#[test]
fn the_word_of_somebody_who_can_not_have_the_lock_holds_nobody_up() {
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let name = name();
    let (_one, _other) = (deaf(&group, &name, "110"), deaf(&group, &name, "90"));
    let dir = TempDir::new();
    let file = dir.file("lock");
    let lock = nix::libc::flock {
        l_type: i16::try_from(nix::libc::F_RDLCK).expect("small"),
        l_whence: i16::try_from(nix::libc::SEEK_SET).expect("small"),
        l_start: 0x6d64_6b6c << 32 | i64::from(std::process::id()),
        l_len: 1,
        l_pid: 0,
    };
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETLK(&lock)).expect("a lock");
    let ended = run_command(in_group(&group, &format!("^{name}$"), &["--grace", "0.2"]));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    // Of the memdoors of other tests it may have waited for one that was just choosing.
    let own = format!("PID {}", std::process::id());
    let waited = ended.out.lines().find(|line| line.starts_with("Waited For"));
    assert!(waited.is_none_or(|line| !line.contains(&own)), "{}", ended.out);
    drop(file);
}

#[test]
fn the_evidence_names_each_victims_own_cgroup_and_its_limit() {
    let (Some(one), Some(other)) = (Memcg::or_skip(Some(96 * MIB)), Memcg::or_skip(None)) else {
        return;
    };
    let name = name();
    let start = |group: &Memcg, mib: &str| Victim::start_command(group.inside(&victim(&["family", &name, mib, "0"])));
    let mut victims = [start(&one, "16"), start(&other, "8")];
    let args = ["--cooldown", "0.05", "--grace", "5", "--hard", "0"];
    let only = format!("^{name}$");
    let mut daemon = Running::start(memdoor(&kill_args(&only, &args)));
    for (at, group) in [&one, &other].into_iter().enumerate() {
        let (_, line) = daemon.until("Control Group: ");
        assert_eq!(line, format!("Control Group: {}", group.path()));
        let (_, line) = daemon.until("Limiting Control Group: ");
        // Above the tests' own cgroup there may be a limit.
        if at == 0 {
            assert_eq!(line, format!("Limiting Control Group: {}", group.path()));
            let (_, line) = daemon.until("Control Group Memory Limit: ");
            assert_eq!(line, "Control Group Memory Limit: 98304 kB");
        } else if group.is_at_root() {
            assert_eq!(line, "Limiting Control Group: none");
        }
        daemon.until("Victim PID: ");
        victims[at].wait();
    }
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn with_few_descriptors_it_does_its_work_or_names_the_cause_and_what_to_type() {
    let name = name();
    let only = format!("^{name}$");
    let mut victim = family(&name, 4, 1);
    let mut is_done = false;
    for limit in 4..64 {
        if !is_alive(victim.pid) {
            is_done = true;
            victim.wait();
            victim = family(&name, 4, 1);
        }
        let inner = memdoor(&kill_args(&only, &["--once"]));
        let ended = run_command(through_shell(&format!("ulimit -n {limit}; exec \"$@\""), &inner));
        let said = [&*ended.out, &*ended.err].concat();
        match ended.code() {
            0 | 4 => assert!(said.contains("SIGTERM: the victim has ended"), "{limit}: {ended:#?}"),
            // The configuration can't even be read.
            1 if limit < 6 => assert!(said.contains("EMFILE"), "{limit}: {ended:#?}"),
            1 => {
                assert!(said.contains("EMFILE") && said.contains("ulimit -n"), "{limit}: {ended:#?}");
                assert!(!said.contains("nobody may be chosen"), "{limit}: {ended:#?}");
            }
            code => panic!("{limit}: {code}: {ended:#?}"),
        }
        assert!(!said.contains("does not tell how much memory"), "{limit}: {ended:#?}");
    }
    assert!(is_done);
}

#[test]
fn an_address_space_that_is_too_small_is_said_and_no_abort() {
    use std::os::unix::process::ExitStatusExt;
    let only = format!("^{}$", name());
    let mut codes = Vec::new();
    for mib in 4..48 {
        let inner = memdoor(&kill_args(&only, &["--once", "--dry-run"]));
        let ended = run_command(through_shell(&format!("ulimit -v {}; exec \"$@\"", mib << 10), &inner));
        match ended.status.signal() {
            // Less than the program itself: exec() fails when the old one has gone.
            Some(signal) => assert!(signal != Signal::SIGABRT as i32 && codes.is_empty(), "{mib}: {ended:#?}"),
            None => codes.push(ended.code()),
        }
        if ended.status.code() == Some(1) {
            assert!(ended.err.contains("ENOMEM") && ended.err.contains("hint: "), "{mib}: {ended:#?}");
        }
    }
    codes.dedup();
    assert_eq!(codes, [1, 0], "it fails below some size, and works from there on");
}

#[test]
fn no_sigkill_is_sent_when_memory_is_not_short_any_more_at_the_end_of_the_grace() {
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let name = name();
    let victim = deaf(&group, &name, "200");
    let memdoor = Running::start(in_group(&group, &format!("^{name}$"), &["--grace", "2"]));
    poll("its word", || victim_told(memdoor.pid()));
    group.set_limit(1024 * MIB);
    let ended = memdoor.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    // Before its first signal it looked at memory once more: then not even SIGTERM was sent.
    let action = value(&ended.out, "Action");
    let spared = [
        "SIGTERM: memory is not short any more, and no SIGKILL was sent",
        "none: memory was short, and is not any more",
    ];
    assert!(spared.contains(&action), "{ended:#?}");
    assert!(is_alive(victim.pid));
    if action.starts_with("SIGTERM") {
        assert_eq!(value(&ended.out, "Held By Those Ended"), "0 kB", "{ended:#?}");
    }
}

/// cgroup v1's freezer lets no signal through, while process_mrelease(2) takes the memory all the same.
#[test]
fn a_frozen_victim_gives_its_memory_back_and_is_said_to_be_frozen() {
    let Some(group) = Memcg::or_skip(Some(256 * MIB)) else {
        return;
    };
    let dir = std::path::PathBuf::from(format!("/sys/fs/cgroup/freezer/memdoor-test-{}", std::process::id()));
    if std::fs::create_dir(&dir).is_err() || !dir.join("freezer.state").exists() {
        let _ = std::fs::remove_dir(&dir);
        return skip("needs cgroup v1's freezer");
    }
    let name = name();
    let (mut victim, other) = (deaf(&group, &name, "120"), deaf(&group, &name, "80"));
    std::fs::write(dir.join("cgroup.procs"), victim.id()).expect("moved");
    std::fs::write(dir.join("freezer.state"), "FROZEN").expect("frozen");
    let before = group.usage();
    let ended = run_command(in_group(&group, &format!("^{name}$"), &["--grace", "0.2"]));
    let after = group.usage();
    std::fs::write(dir.join("freezer.state"), "THAWED").expect("thawed");
    victim.wait();
    std::fs::remove_dir(&dir).expect("empty");
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(value(&ended.out, "Not Ended Yet").contains(": it is frozen, and SIGKILL takes effect when it is thawed"));
    // Linux 5.15; before that it holds what it held, and nothing is said to be free.
    let freed = kib(&ended.out, "Held By Those Ended") * 1024;
    let truth = before.saturating_sub(after);
    assert!(freed.abs_diff(truth) < 12 * MIB, "{freed} of {truth}: {ended:#?}");
    assert!(is_alive(other.pid));
}

#[test]
fn by_cgroup_all_of_the_victims_cgroup_ends_but_not_the_one_that_memdoor_is_in() {
    let (Some(group), Some(beside)) = (Memcg::or_skip(None), Memcg::or_skip(None)) else {
        return;
    };
    let (name, other) = (name(), name());
    let start = |group: &Memcg, deaf: &[&str], name: &str, children: &str| {
        let args = [&["family"], deaf, &[name, "4", children]].concat();
        Victim::start_command(group.inside(&victim(&args)))
    };
    let args = ["--once", "--by", "cgroup", "--hard", "0", "--grace", "0.3"];
    let only = format!("^{name}$");
    // All are asked to end, and those that do not hear it are ended, children that come meanwhile included.
    for deaf in [&[][..], &["--deaf", "--grow", "60"]] {
        let mut inside = [start(&group, deaf, &name, "2"), start(&group, deaf, &other, "1")];
        let outside = start(&beside, &[], &name, "0");
        let dry = run_command(memdoor(&kill_args(&only, &[&args[..], &["--dry-run"]].concat())));
        assert!(value(&dry.out, "Its Control Group Ends As A Whole").starts_with("yes: "), "{dry:#?}");
        let ended = run_command(memdoor(&kill_args(&only, &args)));
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert_eq!(value(&ended.out, "Victim PID"), inside[0].id());
        let count: u64 = value(&ended.out, "Victim Processes").parse().expect("a number");
        assert!(count >= 5, "those that were ended, and not the tree alone: {ended:#?}");
        assert!(ended.err.contains(&format!(" processes={count} ")), "{ended:#?}");
        for victim in &mut inside {
            victim.wait();
        }
        poll("an empty cgroup", || group.processes().is_empty().then_some(()));
        assert!(is_alive(outside.pid));
    }
    let mut victim = start(&group, &[], &name, "1");
    let companion = start(&group, &[], &other, "0");
    let ended = run_command(group.inside(&memdoor(&kill_args(&only, &args))));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let whole = value(&ended.out, "Its Control Group Ends As A Whole");
    assert_eq!(whole, "no: memdoor, or what it descends from, is in it; only its tree");
    victim.wait();
    assert!(is_alive(companion.pid));
    // Nor where somebody is in it who may never be ended.
    let mut victim = start(&group, &[], &name, "1");
    let more = [&args[..], &["--ignore", &other]].concat();
    let ended = run_command(memdoor(&kill_args(&only, &more)));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(ended.out.contains("no: one that may not be ended is in it; only its tree"), "{ended:#?}");
    victim.wait();
    assert!(is_alive(companion.pid));
}

/// As whoever is started into a service while that is being ended.
#[test]
fn by_cgroup_who_joins_late_hears_sigterm_first_and_is_counted() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (name, dir) = (name(), TempDir::new());
    let mut first = deaf(&group, &name, "8");
    let args = ["--once", "--by", "cgroup", "--hard", "0", "--grace", "1.5"];
    let running = Running::start(memdoor(&kill_args(&format!("^{name}$"), &args)));
    poll("its word", || victim_told(running.pid()));
    let began = std::time::Instant::now();
    let heard = dir.join("heard");
    let script =
        format!("trap 'echo heard >>{heard}; exit 0' TERM; echo ready $$; while :; do read -r -t 0.1 line; done");
    let mut late = Victim::start_command(group.inside(&command("bash", &["-c", &script])));
    let mut deaf = deaf(&group, "late", "4");
    let ended = running.end();
    let took = began.elapsed();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    [&mut first, &mut late, &mut deaf].into_iter().for_each(Victim::wait);
    assert_eq!(std::fs::read_to_string(&heard).unwrap_or_default(), "heard\n", "{ended:#?}");
    assert!(took.as_millis() >= 1000, "{took:?}");
    assert_eq!(value(&ended.out, "Victim Processes"), "3", "{ended:#?}");
    let whole = value(&ended.out, "Its Control Group Ends As A Whole");
    assert!(whole.starts_with("yes: 3 processes"), "{ended:#?}");
}

/// With cgroup v1 and systemd all logins may be in one memory cgroup: only systemd's own hierarchy tells them apart.
#[test]
fn by_cgroup_only_the_tree_ends_where_another_user_or_service_is_in_the_cgroup() {
    let Some(group) = Memcg::or_skip(None) else { return };
    if !is_root() || !has_unprivileged() {
        return skip("needs root and setpriv, to be another user");
    }
    let (name, other, dir) = (name(), name(), TempDir::new());
    let program = dir.program(&common::target::path(), "victim");
    let theirs = command(&program, &["family", &other, "4", "0"]);
    let companion = Victim::start_command(group.inside(&unprivileged(&theirs)));
    let mut victim = Victim::start_command(group.inside(&victim_of(&name)));
    let only = format!("^{name}$");
    let ended = run_command(memdoor(&kill_args(&only, &["--once", "--by", "cgroup"])));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let whole = value(&ended.out, "Its Control Group Ends As A Whole");
    assert_eq!(whole, "no: another user's process is in it; only its tree");
    assert_eq!(value(&ended.out, "Victim Processes"), "1");
    victim.wait();
    assert!(is_alive(companion.pid));
    drop(companion);
    // Another terminal is another login, where no hierarchy tells it.
    let script = format!("script -qc '{program} family {other} 4 0 < /dev/zero' /dev/null");
    let mut line = command("sh", &["-c", &format!("sleep 60 | {script} >/dev/null & exec \"$@\""), "sh"]);
    let inner = victim_of(&name);
    line.arg(inner.get_program()).args(inner.get_args());
    let mut victim = Victim::start_command(group.inside(&line));
    let find = || {
        let found = group.processes().into_iter().find(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == other)
        });
        found.and_then(|pid| pid.parse::<u32>().ok())
    };
    let companion = poll("one at a terminal", find);
    let ended = run_command(memdoor(&kill_args(&only, &["--once", "--by", "cgroup"])));
    let whole = value(&ended.out, "Its Control Group Ends As A Whole");
    assert_eq!(whole, "no: a process of another service or login is in it; only its tree");
    victim.wait();
    assert!(is_alive(companion));
}

fn victim_of(name: &str) -> Command {
    victim(&["family", name, "8", "0"])
}

/// A service that is started anew has a new cgroup of the same path.
#[test]
fn a_daemon_finds_its_cgroup_again_when_that_was_made_anew() {
    let Some(group) = Memcg::or_skip(Some(128 * MIB)) else {
        return;
    };
    let (name, dir) = (name(), TempDir::new());
    let (path, log, only) = (group.path(), dir.join("log"), format!("^{name}$"));
    let args =
        ["kill", "--config", "/dev/null", "--threshold", "70", "--hard", "0", "--only", &only, "--cgroup", &path];
    let mut daemon = Running::start(memdoor(&[&args[..], &["--log-file", &log]].concat()));
    let logged = |words: &str| {
        poll(words, || std::fs::read_to_string(&log).ok()?.contains(words).then_some(()));
    };
    logged("started: threshold 70 %");
    let group = group.made_anew(128 * MIB, || logged("the cgroup of --cgroup is not there"));
    let mut victim = Victim::start_command(group.inside(&victim(&["family", &name, "100", "0"])));
    daemon.until(&format!("Victim PID: {}", victim.pid));
    victim.wait();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

/// In a pid namespace of its own, where nobody else is large.
#[test]
fn the_evidence_has_the_largest_of_the_host_and_why_they_may_not_be_ended() {
    let namespace = ["unshare", "-m", "-p", "-f", "--mount-proc"];
    if !is_root() || !works(&[&namespace[..], &["true"]].concat()) {
        return skip("needs root and unshare, for a pid namespace");
    }
    let (name, dir) = (name(), TempDir::new());
    let script = r#"
        cd "$2"
        mkfifo in
        exec 4<>in
        "$0" family "$3" 48 0 <in >one & "$0" family other 96 0 <in >two & "$0" family spared 24 0 <in >three &
        until grep -q ready one && grep -q ready two && grep -q ready three; do :; done
        "$1" kill --config /dev/null --once --dry-run --threshold 0 --only "^$3\$" --only spared --ignore spared --format "$4"
    "#;
    let run = |format: &str| {
        let mut inner = command("bash", &["-c", script]);
        inner.arg(common::target::path());
        inner.args([MEMDOOR, &dir.join(""), &name, format]);
        let ended = run_command(through(&namespace, &inner));
        assert_eq!(ended.code(), 0, "{ended:#?}");
        std::fs::remove_file(dir.join("in")).expect("the pipe");
        ended.out
    };
    let text = run("text");
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("Largest On Host: PID ")).collect();
    assert_eq!(lines.len(), 5, "{text}");
    for (line, (comm, end)) in lines.iter().zip([
        ("other", "may not be ended: not --only"),
        (name.as_str(), "may be ended"),
        ("spared", "may not be ended: --ignore"),
    ]) {
        assert!(line.contains(&format!("({comm}): RSS ")) && line.ends_with(end), "{line}: {text}");
    }
    assert!(lines[3..].iter().any(|line| line.ends_with("may not be ended: PID 1")), "{text}");
    let json = Json::parse(run("json").trim_end());
    let Some(Json::Array(top)) = json.get("memdoor.kill.top") else {
        panic!("no top in {json:?}");
    };
    let reasons: Vec<Option<&str>> = top.iter().map(|one| one.text_at("reason")).take(3).collect();
    assert_eq!(reasons, [Some("unwanted"), None, Some("ignored")]);
    assert_eq!(top[1].get("may_be_ended"), Some(&Json::Bool(true)));
    assert!(top[0].number("rss_bytes") > 96 << 20 && top[0].number("pid") > 1);
}

/// SIGTERM waits for a stopped process to go on, and that for the whole grace.
#[test]
fn a_stopped_victim_hears_sigterm() {
    let name = name();
    let mut victim = family(&name, 4, 0);
    let pid = i32::try_from(victim.pid).expect("a pid");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGSTOP).expect("stopped");
    let ended = run_command(memdoor(&kill_args(&format!("^{name}$"), &["--once", "--grace", "50", "--hard", "0"])));
    assert_eq!(value(&ended.out, "Action"), "SIGTERM: the victim has ended", "{ended:#?}");
    victim.wait();
}
