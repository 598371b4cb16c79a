//! Freeable memory: every mode says the same of a process, and it is what its end really gives back.

use std::collections::BTreeMap;

use crate::common::host::TempDir;
use crate::common::json::Json;
use crate::common::run::{command, poll, run};
use crate::common::skip;
use crate::common::target::Victim;
use crate::kill::{family, is_alive, kib, kill, name, value};

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
