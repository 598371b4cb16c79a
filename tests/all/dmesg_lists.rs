//! What is said about several events, and what their advice rests on: a list that ends says so, and no advice is for another kernel.

use crate::common;

use common::host::TempDir;
use common::json::Json;
use common::run::{memdoor, run_command};

fn ask(log: &str, format: &str) -> String {
    let mut command = memdoor(&["dmesg", "--format", format, log]);
    command.env("TZ", "UTC");
    let ended = run_command(command);
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.out
}

/// A kill in a cgroup that is at its limit.
fn kill(number: u32, cgroup: &str, comm: &str) -> String {
    let lines = [
        format!("{comm} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"),
        "memory: usage 65536kB, limit 65536kB, failcnt 9".to_owned(),
        format!(
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={cgroup},task_memcg={cgroup},task={comm},pid={number},uid=0"
        ),
        format!(
            "Memory cgroup out of memory: Killed process {number} ({comm}) total-vm:90000kB, anon-rss:65000kB, file-rss:0kB, shmem-rss:0kB"
        ),
    ];
    lines.map(|line| format!("[{number:5}.000000] {line}\n")).concat()
}

#[test]
fn a_list_that_ends_before_all_are_named_says_how_many_more_there_are() {
    let dir = TempDir::new();
    for (count, on_screen, advised) in
        [(2, None, 2), (3, Some("and 1 more cgroup: "), 3), (14, Some("and 12 more cgroups: "), 10)]
    {
        let text: String =
            (0..count).map(|number| kill(100 + number * 10, &format!("/shop/{number}"), "app")).collect();
        let log = dir.write("log", text.as_bytes());
        let out = ask(&log, "text");
        assert_eq!(out.contains(" more cgroup"), on_screen.is_some(), "{out}");
        assert!(on_screen.is_none_or(|words| out.contains(words)), "{out}");
        let (_, all) = out.split_once("RECOMMENDATIONS").expect("all advice");
        assert_eq!(all.matches("needs more than its 64.0 MiB").count(), advised, "{all}");
        let rest = count - u32::try_from(advised).expect("few");
        assert_eq!(all.contains(&format!("{rest} more cgroups were at their limits")), rest > 0, "{all}");
        let json = ask(&log, "json");
        let summary = json.lines().last().map(Json::parse).expect("a summary");
        let more = |key: &str| summary.number_at(&format!("memdoor.run.{key}_more")).map(str::to_owned);
        assert_eq!(more("cgroups"), (count > 3).then(|| (count - 3).to_string()), "{json}");
        // There is one for all of them, too: they have no table.
        assert_eq!(more("recommendations"), (count > 5).then(|| (count - 5).to_string()), "{json}");
    }
}

#[test]
fn advice_without_a_command_says_why_there_is_none() {
    let dir = TempDir::new();
    let log = dir.write("log", kill(100, "/shop/\u{1b}x", "app").as_bytes());
    let out = ask(&log, "text").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(out.matches("(no command: a name in it is not safe to type)").count(), 2, "{out}");
    let log = dir.write("log", kill(100, "/shop/x", "app").as_bytes());
    assert!(!ask(&log, "text").contains("no command"));
}

/// vm.oom_dump_tasks is of Linux 2.6.25, and without NUMA no node has a number.
#[test]
fn an_old_kernel_is_told_of_nothing_that_it_does_not_have() {
    let dir = TempDir::new();
    let report = |release: &str| {
        format!(
            "x invoked oom-killer: gfp_mask=0x201d2, order=0, oomkilladj=0\n\
             Pid: 7, comm: x Not tainted {release} #1\n\
             Mem-info:\n\
             Normal free:3000kB min:4000kB low:5000kB high:6000kB present:900000kB all_unreclaimable? yes\n\
             Out of memory: Killed process 7 (x).\n"
        )
    };
    for (release, has_sysctl) in [
        ("2.6.9-42.EL", false),
        ("2.6.18-8.el5", false),
        ("2.6.24", false),
        ("2.6.25", true),
        ("2.6.32-71.el6", true),
        ("3.2.0", true),
    ] {
        let log = dir.write("log", report(release).as_bytes());
        let out = ask(&log, "text");
        assert_eq!(out.contains("vm.oom_dump_tasks"), has_sysctl, "{release}: {out}");
        let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("reclaim had given up (all_unreclaimable) [line 4]"), "{release}: {out}");
    }
}

#[test]
fn a_machine_that_one_log_names_and_another_has_the_address_of_is_one() {
    let dir = TempDir::new();
    let line = |host: &str| {
        let kill = "Out of memory: Killed process 7 (java) total-vm:9kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB";
        format!("2026-11-21T10:00:00.000000+00:00 {host} kernel: {kill}\n")
    };
    for (one, other, count) in [
        ("192.0.2.7", "web1", 1),
        ("web1", "2001:db8::7", 1),
        ("web1", "web1.example.org", 1),
        ("web1", "web2", 2),
        ("192.0.2.7", "192.0.2.8", 2),
    ] {
        let (first, second) = (dir.write("a.log", line(one).as_bytes()), dir.write("b.log", line(other).as_bytes()));
        let ended = run_command(memdoor(&["dmesg", "--format", "json", &first, &second]));
        assert_eq!(ended.out.matches("\"memdoor.oom.kill\"").count(), count, "{one} {other}: {ended:?}");
    }
}
