extern crate std;

use super::*;
use crate::oomlog::event::Constraint;
use crate::oomlog::prefix::record;

fn events(text: &str) -> Vec<Event> {
    let mut assembler = Assembler::new();
    let mut found = Vec::new();
    for (position, line) in (1..).zip(text.lines()) {
        assembler.push(&record(line.as_bytes()), position, &mut |event| {
            found.push(event)
        });
    }
    assembler.finish(&mut |event| found.push(event));
    found
}

#[test]
fn a_child_is_killed_in_place_of_the_selected() {
    let found = events(
        "[    1.000000] x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
[    1.000001] Out of memory: Kill process 10 (parent) score 900 or sacrifice child
[    1.000002] Killed process 11 (child) total-vm:8kB, anon-rss:4kB, file-rss:0kB
[    2.000000] Memory cgroup out of memory: Kill process 12 (y) score 900 or sacrifice child
[    2.000002] Killed process 12 (y) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
    );
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0].victim.as_ref().map(|victim| victim.task.pid),
        Some(11)
    );
    assert_eq!(found[0].selected.as_ref().map(|task| task.pid), Some(10));
    assert_eq!(
        found[1].victim.as_ref().map(|victim| victim.task.pid),
        Some(12)
    );
    assert_eq!(found[1].selected, None);
    assert_eq!(found[1].constraint, Constraint::Memcg);
}

#[test]
fn callers_tell_two_cpus_apart() {
    let mut text = std::string::String::new();
    for (number, words) in [
        "invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        "[      7]     0     7     2719        1    45056        5             0 ",
        "Memory cgroup out of memory: Killed process ",
    ]
    .iter()
    .enumerate()
    {
        for (caller, name, pid) in [("T1", "a", "7"), ("T2", "b", "8")] {
            let line = match number {
                0 => std::format!("{name} {words}"),
                2 => std::format!("{}{name}", words.replace('7', pid)),
                3 => std::format!("{words}{pid} ({name}) total-vm:8kB, anon-rss:4kB, file-rss:0kB"),
                _ => std::string::String::from(*words),
            };
            text.push_str(&std::format!("[    1.00000{number}][ {caller}] {line}\n"));
        }
    }
    let found = events(&text);
    assert_eq!(found.len(), 2);
    for (event, name) in found.iter().zip(["a", "b"]) {
        assert_eq!(event.trigger.comm.as_deref(), Some(name.as_bytes()));
        assert_eq!(event.table.rows, 1);
        assert_eq!(event.table.top[0].comm, name.as_bytes());
        let victim = event.victim.as_ref().expect("a victim");
        assert_eq!(victim.task.comm.as_deref(), Some(name.as_bytes()));
    }
}

#[test]
fn the_report_of_a_failed_allocation_is_no_event() {
    let found = events(
        "[    1.000000] x: page allocation failure: order:4, mode:0xd0
[    1.000001] CPU: 1 PID: 5 Comm: x Not tainted 4.4.0
[    1.000002] Mem-Info:
[    1.000003] active_anon:1 inactive_anon:2
[    1.000004] 4096 pages RAM",
    );
    assert!(found.is_empty());
}

#[test]
fn lines_of_two_hosts_are_never_of_one_report() {
    let mut text = std::string::String::new();
    for words in [
        "NAME invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        "[      7]     0     7     2719        1    45056        5             0 NAME",
        "Out of memory: Killed process 7 (NAME) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
    ] {
        for name in ["one", "two"] {
            let words = words.replace("NAME", name);
            text.push_str(&std::format!("Nov 21 10:03:56 {name} kernel: {words}\n"));
        }
    }
    let found = events(&text);
    assert_eq!(found.len(), 2);
    for (event, name) in found.iter().zip(["one", "two"]) {
        let victim = event.victim.as_ref().expect("a victim");
        for said in [&event.trigger.comm, &event.host, &victim.task.comm] {
            assert_eq!(said.as_deref(), Some(name.as_bytes()));
        }
        assert_eq!(event.table.rows, 1);
        assert_eq!(event.boot_id, None);
    }
}
