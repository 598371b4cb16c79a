//! `memdoor kill`: how it acts. Two at once, cgroups, what stands in its evidence, and what keeps it from acting.
//!
//! Every run is confined to the processes of its own test: `--only` has a name that no other process has.

use crate::common;

use std::process::Command;

use common::host::{TempDir, has_unprivileged, is_root, unprivileged};
use common::json::Json;
use common::memcg::{MIB, Memcg};
use common::run::{Running, command, memdoor, poll, run_command, through_shell};
use common::skip;
use common::target::{Victim, victim};
use nix::sys::signal::Signal;

use super::kill::{family, is_alive, kill_args, name, value};

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
fn victim_told(memdoor: u32) -> Option<u64> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "READ", pid, _, start, _] = words[..] else {
            return None;
        };
        let victim = start.parse::<u64>().ok()? & 0xffff_ffff;
        (pid == memdoor.to_string() && victim != 0).then_some(victim)
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
    let ended = run_command(in_group(&group, &format!("^{other_name}$"), &["--grace", "0.2"]));
    holder.signal(Signal::SIGCONT);
    holder.signal(Signal::SIGTERM);
    let _ = holder.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(value(&ended.out, "Waited For").ends_with(" s, in vain"), "{ended:#?}");
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
        l_type: nix::libc::F_RDLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: 0x6d64_6b6c << 32 | i64::from(std::process::id()),
        l_len: 1,
        l_pid: 0,
    };
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETLK(&lock)).expect("a lock");
    let ended = run_command(in_group(&group, &format!("^{name}$"), &["--grace", "0.2"]));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(!ended.out.contains("Waited For"), "{}", ended.out);
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
            2 => assert!(limit < 6 && said.contains("EMFILE"), "{limit}: {ended:#?}"),
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
