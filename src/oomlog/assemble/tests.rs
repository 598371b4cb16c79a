use super::*;
use crate::oomlog::event::{Constraint, Missing, Outcome, PageTables};
use crate::oomlog::prefix::record;
use crate::parse::cgroup::Version;
use crate::units::{Bytes, PageSize};

fn events(text: &str) -> Vec<Event> {
    let mut assembler = Assembler::new();
    let mut found = Vec::new();
    for (position, line) in (1..).zip(text.lines()) {
        assembler.push(&record(line.as_bytes()), position, &mut |event| found.push(event));
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
    assert_eq!(found[0].victim.as_ref().map(|victim| victim.task.pid), Some(11));
    assert_eq!(found[0].selected.as_ref().map(|task| task.pid), Some(10));
    assert_eq!(found[1].victim.as_ref().map(|victim| victim.task.pid), Some(12));
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
                0 => format!("{name} {words}"),
                2 => format!("{}{name}", words.replace('7', pid)),
                3 => format!("{words}{pid} ({name}) total-vm:8kB, anon-rss:4kB, file-rss:0kB"),
                _ => std::string::String::from(*words),
            };
            text.push_str(&format!("[    1.00000{number}][ {caller}] {line}\n"));
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
            text.push_str(&format!("Nov 21 10:03:56 {name} kernel: {words}\n"));
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

const GLOBAL: &str = "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
CPU: 0 PID: 9 Comm: x Not tainted 6.12.0 #1
Mem-Info:
active_anon:1 inactive_anon:2 shmem:0
Node 0 active_anon:4kB inactive_anon:8kB kernel_stack:1536kB pagetables:8kB all_unreclaimable? yes
Node 0 DMA free:4kB boost:0kB min:1kB low:2kB high:3kB present:4000kB managed:4000kB
lowmem_reserve[]: 0 184 184
Node 0 DMA32 free:40kB min:1kB low:2kB high:3kB present:396000kB managed:360000kB
lowmem_reserve[]: 0 0 0
Node 0 DMA: 1*4kB (U) 0*8kB = 4kB
Node 0 DMA32: 2*4kB (UM) 4*8kB (M) = 40kB
0 pages in swap cache
Free swap  = 0kB
Total swap = 40000kB
100000 pages RAM
0 pages HighMem/MovableOnly
10000 pages reserved
Memory allocations:
    48.9 MiB    12544 mm/memory.c:1234 func:do_anonymous_page
     1.0 MiB      256 mm/slub.c:1 func:alloc_slab_page
Unreclaimable slab info:
Name                      Used          Total
dentry                    13KB         20KB
kmalloc-2k             59164KB      59168KB
Tasks state (memory values in pages):
[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
[      7]     0     7     2719      100    45056        5             0 a
[      8]     0     8     2719       50    45056      500             0 b
[      9]     0     9     2719       10    45056        0           100 c
[     10]     0    10     2719      999    45056        0         -1000 d
oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=c,pid=9,uid=0
Out of memory: Killed process 9 (c) total-vm:10876kB, anon-rss:40kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:44kB oom_score_adj:100";

#[test]
fn what_holds_memory_is_told_in_all_its_orders() {
    let found = events(GLOBAL);
    assert_eq!(found.len(), 1);
    let event = &found[0];
    let pids = |rows: &[crate::oomlog::event::Row]| -> Vec<u64> { rows.iter().map(|row| row.pid).collect() };
    assert!(event.is_complete(), "{:?}", event.missing);
    assert_eq!(pids(&event.table.top), [10, 7, 8, 9]);
    assert_eq!(pids(&event.table.top_with_swap), [10, 8, 7, 9]);
    let worst = event.table.worst.iter();
    let worst: Vec<_> = worst.map(|one| (one.row.pid, one.badness)).collect();
    // 45056 bytes are 11 pages; (100000 - 10000 + 10000) / 1000 * 100 is 10000.
    assert_eq!(worst, [(9, 10 + 11 + 10_000), (8, 561), (7, 116)]);
    let table = &event.table;
    assert_eq!((table.unkillable, table.unkillable_pages), (1, 999));
    let tables = table.top[0].page_tables;
    assert_eq!(tables, Some(PageTables::Bytes(Bytes(45_056))));
    let scale = event.scale.expect("a scale");
    assert_eq!((scale.pages, scale.is_exact), (100_000, true));
}

#[test]
fn the_machines_parts_are_found_with_their_lines() {
    let event = &events(GLOBAL)[0];
    let machine = &event.machine;
    assert_eq!(machine.nodes.len(), 1);
    assert_eq!(machine.nodes[0].all_unreclaimable, Some(true));
    assert_eq!(machine.nodes[0].kernel_stack, Some(Bytes::from_kib(1536)));
    let zones = machine.zones.iter();
    let zones: Vec<_> = zones
        .map(|zone| (zone.line, zone.lowmem_reserve, zone.blocks.expect("blocks")))
        .map(|(line, reserve, blocks)| (line, reserve, [blocks[0], blocks[1]]))
        .collect();
    let first = (6, Some([0, 184, 184, 0, 0, 0]), [1, 0]);
    assert_eq!(zones, [first, (8, Some([0; 6]), [2, 4])]);
    assert_eq!(machine.slabs[0].name, b"kmalloc-2k");
    assert_eq!(machine.slabs.len(), 2);
    assert_eq!(machine.allocations[0].size, Bytes(51_275_366));
    assert_eq!(machine.allocations.len(), 2);
    assert_eq!((event.lines.machine, event.lines.swap), (Some(3), Some(14)));
    assert_eq!(event.page_size, Some(PageSize(4096)));
}

#[test]
fn adjusted_tasks_are_not_ranked_by_a_scale_that_nobody_knows() {
    let lost = GLOBAL.replace("100000 pages RAM\n", "");
    assert_eq!(events(&lost)[0].scale, None);
    assert!(events(&lost)[0].table.worst.is_empty());
    let alike = lost.replace("           100 c", "             0 c");
    assert_eq!(events(&alike)[0].table.worst.len(), 3);
    let cpuset = GLOBAL.replace("CONSTRAINT_NONE", "CONSTRAINT_CPUSET");
    assert!(events(&cpuset)[0].table.worst.is_empty());
}

#[test]
fn the_worst_of_a_long_table_are_the_worst_of_all_of_it() {
    let head = GLOBAL.find("[      7]").expect("a row");
    let tail = GLOBAL.find("oom-kill:").expect("a summary");
    let mut text = std::string::String::from(&GLOBAL[..head]);
    for pid in 100..1000 {
        let adj = if pid % 100 == 7 { 10 } else { 0 };
        let rss = pid * 7919 % 1000;
        text.push_str(&format!("[{pid:7}]     0 {pid}     2719      {rss}    4096        0             {adj} p\n"));
    }
    text.push_str(&GLOBAL[tail..]);
    let event = &events(&text)[0];
    let worst: Vec<u64> = event.table.worst.iter().map(|one| one.row.pid).collect();
    let mut all: Vec<(i64, u64)> = (100..1000u64)
        .map(|pid| {
            let adj = if pid % 100 == 7 { 10 * 100 } else { 0 };
            (-(adj + i64::try_from(pid * 7919 % 1000).expect("small") + 1), pid)
        })
        .collect();
    all.sort();
    let expected: Vec<u64> = all.iter().take(Event::TOP).map(|(_, pid)| *pid).collect();
    assert_eq!(worst, expected);
}

#[test]
fn the_kind_of_a_cgroup_is_told_by_what_is_printed_of_it() {
    const LIMIT: &str = "limit 9007199254740988kB, failcnt 0";
    let with = |release: &str, lines: &str| {
        let text = format!(
            "x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
CPU: 0 PID: 5 Comm: x Not tainted {release} #1
memory: usage 4000kB, limit 4000kB, failcnt 1
{lines}
Memory cgroup out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
        );
        let found = events(&text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].constraint, Constraint::Memcg);
        found[0].counters.version
    };
    let both = |usage: u64| format!("memory+swap: usage {usage}kB, {LIMIT}");
    let swap = format!("swap: usage 0kB, {LIMIT}");
    for (release, lines, version) in [
        ("6.1.0", swap.as_str(), Some(Version::V2)),
        ("5.10.0", &both(0), Some(Version::V1)),
        ("4.18.0", &both(0), None),
        ("4.18.0", &both(4000), Some(Version::V1)),
        ("3.10.0", &both(0), Some(Version::V1)),
        ("5.10.0", "Memory cgroup stats for /a:\nanon 4\nfile 4", None),
        ("6.12.0", "Memory cgroup stats for /a:\nanon 4\nfile 4", Some(Version::V2)),
        ("6.12.0", "Memory cgroup stats for /a:\ncache 4\nrss 4", Some(Version::V1)),
    ] {
        assert_eq!(with(release, lines), version, "{release} {lines}");
    }
}

/// As v1 prints it where only memory and swap together are limited.
#[test]
fn a_cgroup_whose_memory_alone_has_no_limit_has_none_in_json_and_text() {
    let found = events(
        "x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
CPU: 0 PID: 5 Comm: x Not tainted 5.10.0 #1
memory: usage 4000kB, limit 9007199254740988kB, failcnt 0
memory+swap: usage 8000kB, limit 8000kB, failcnt 9
Memory cgroup out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
    );
    let counters = &found[0].counters;
    assert_eq!(counters.memory.expect("a counter").limited_to(), None);
    assert_eq!(counters.memory_swap.expect("a counter").limited_to(), Some(Bytes::from_kib(8000)));
    let why = crate::oomlog::analysis::shortage(&found[0]);
    assert!(why[0].words.contains("memory+swap limit: 8000 of 8000 kB"), "{}", why[0].words);
    assert!(why.iter().all(|finding| !finding.words.contains("9007199254740988")));
}

#[test]
fn a_cgroups_report_of_before_linux_3_9_has_mem_info_too() {
    let found = events(
        "x invoked oom-killer: gfp_mask=0xd0, order=0, oom_adj=0, oom_score_adj=0
x cpuset=/ mems_allowed=0
Pid: 7, comm: x Not tainted 2.6.32-431.el6.x86_64 #1
Task in /a killed as a result of limit of /a
memory: usage 4000kB, limit 4000kB, failcnt 1
memory+swap: usage 4000kB, limit 8000kB, failcnt 0
Mem-Info:
active_anon:1 inactive_anon:2 isolated_anon:0
Node 0 DMA free:4kB min:1kB low:2kB high:3kB present:4000kB kernel_stack:16kB all_unreclaimable? yes
lowmem_reserve[]: 0 184 184 184
Node 0 DMA: 1*4kB 0*8kB = 4kB
Total swap = 400kB
1000 pages RAM
100 pages reserved
[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name
[    7]     0     7     2719      100   0       0             0 x
Memory cgroup out of memory: Kill process 7 (x) score 900 or sacrifice child
Killed process 7, UID 0, (x) total-vm:10876kB, anon-rss:400kB, file-rss:0kB",
    );
    assert_eq!(found.len(), 1);
    let event = &found[0];
    assert_eq!(event.constraint, Constraint::Memcg);
    assert_eq!(event.missing, [] as [Missing; 0]);
    assert_eq!(event.machine.nodes[0].kernel_stack, Some(Bytes::from_kib(16)));
    assert_eq!(event.machine.ram_pages, Some(1000));
    let scale = event.scale.expect("a scale");
    assert_eq!((scale.pages, scale.is_exact), (1100, true));
}

const OLD_TABLE: &str = "[    1.000000] x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
[    1.000001] [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name
[    1.000002] [    7]     0     7     2719        1      13        5             0 a
MARK
[    1.000003] Out of memory: Kill process 8 (b) score 900 or sacrifice child
[    1.000004] Killed process 8 (b) total-vm:8kB, anon-rss:4kB, file-rss:0kB";

#[test]
fn a_row_that_was_lost_or_cut_out_may_be_the_victims() {
    let lost = events(&OLD_TABLE.replace("MARK\n", ""));
    let cut = events(&OLD_TABLE.replace("MARK", "[...]"));
    for found in [&lost, &cut] {
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].trigger.comm.as_deref(), Some(&b"x"[..]));
        let victim = found[0].victim.as_ref().expect("a victim");
        assert_eq!(victim.task.pid, 8);
    }
    assert!(cut[0].missing.contains(&Missing::Rows));
}

#[test]
fn a_kill_before_linux_2_6_25_needs_no_table() {
    let found = events(
        "x invoked oom-killer: gfp_mask=0xd0, order=0, oomkilladj=0
WARNING: at kernel/x.c
Pid: 99, comm: y Not tainted 2.6.18 #1
Mem-info:
DMA free:4kB min:1kB low:2kB high:3kB
y: page allocation failure. order:0, mode:0x20
Out of memory: Killed process 7 (z).",
    );
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].trigger.comm.as_deref(), Some(&b"x"[..]));
    assert_eq!(found[0].trigger.pid, None);
}

#[test]
fn of_two_mixed_reports_none_has_the_cgroup_of_the_other() {
    let mut text = std::string::String::new();
    for words in [
        "NAME invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0",
        "Task in /NAME killed as a result of limit of /NAME",
        "memory: usage 4000kB, limit 4000kB, failcnt 1",
        "Memory cgroup out of memory: Kill process PID (NAME) score 900 or sacrifice child",
        "Killed process PID (NAME) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
    ] {
        for (name, pid) in [("one", "7"), ("two", "8")] {
            let words = words.replace("NAME", name).replace("PID", pid);
            text.push_str(&format!("[    1.000000] {words}\n"));
        }
    }
    let found = events(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    for event in &found {
        assert_eq!((&event.trigger.comm, &event.memcg, &event.task_memcg), (&None, &None, &None));
        assert!(event.missing.contains(&Missing::Mixed));
    }
}

#[test]
fn a_row_is_of_the_table_that_has_begun() {
    let found = events(
        "[    1.000000] x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
[    1.000001] [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name
[    1.000002] y invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
[    1.000003] [    7]     0     7     2719        1      13        5             0 a
[    1.000004] Mem-Info:
[    1.000005] Out of memory: Kill process 7 (a) score 900 or sacrifice child
[    1.000006] Killed process 7 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
    );
    let killed = found.iter().find(|event| event.victim.is_some());
    let killed = killed.expect("a victim");
    assert_eq!(killed.trigger.comm.as_deref(), Some(&b"x"[..]));
}

#[test]
fn what_a_mail_has_wrapped_is_put_together_again() {
    let found = events(
        "[    1.000000] x invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE),
order=3, oom_score_adj=-5
[    1.000000] CPU: 0 PID: 9 Comm:
x Not tainted 5.0.0 #1
[    1.000001] Task in /a
killed as a result of limit of /b
[    1.000002] Memory cgroup out of memory: Kill process
1234567 (y z) score 9 or sacrifice child
[    1.000003] Memory cgroup out of memory: Killed process 1234567 (y
z) total-vm:8kB, anon-rss:4kB,
file-rss:12kB, shmem-rss:0kB
[    2.000000] y invoked oom-killer: gfp_mask=0xd0,
[    2.000001] order=4 of something else",
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    let event = &found[0];
    let trigger = &event.trigger;
    assert_eq!(trigger.pid, Some(9));
    assert_eq!((trigger.gfp_mask, trigger.order, trigger.adj), (Some(0x10_0cca), Some(3), Some(-5)));
    assert_eq!((event.memcg.as_deref(), event.task_memcg.as_deref()), (Some(&b"/b"[..]), Some(&b"/a"[..])));
    let victim = event.victim.as_ref().expect("a victim");
    assert_eq!(victim.task.comm.as_deref(), Some(&b"y z"[..]));
    assert_eq!((victim.total_vm, victim.file_rss), (Some(Bytes(8192)), Some(Bytes(12_288))));
    assert_eq!(event.selected, None);
    assert_eq!(found[1].trigger.order, None);
}

#[test]
fn no_report_goes_on_behind_a_boot() {
    let found = events(
        "Nov 21 10:03:56 h kernel: x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
Nov 21 10:03:56 h kernel: Linux version 5.10.0 (x@y)
Nov 21 10:03:56 h kernel: Out of memory: Killed process 7 (y) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
    );
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].victim, None);
    assert_eq!(found[1].trigger.comm, None);
    let other = events(
        "Nov 21 10:03:56 h kernel: x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
Nov 21 10:03:56 i kernel: Linux version 5.10.0 (x@y)
Nov 21 10:03:56 h kernel: Out of memory: Killed process 7 (y) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
    );
    assert_eq!(other.len(), 1);
}

#[test]
fn a_newline_in_a_name_does_not_end_its_line() {
    let found = events(
        "[    1.000000] x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
[    1.000001] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=y
[    1.000001] z,pid=7,uid=5
[    1.000002] Memory cgroup out of memory: Killed process 7 (y
[    1.000002] z) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:5 pgtables:44kB oom_score_adj:0
[    1.000003] Out of memory: Killed process 9 (cut
[    1.000004] something else",
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    let victim = found[0].victim.as_ref().expect("a victim");
    assert_eq!((victim.task.pid, victim.task.comm.as_deref()), (7, Some(&b"y\nz"[..])));
    assert_eq!((victim.uid, victim.anon_rss), (Some(5), Some(Bytes(4096))));
    assert_eq!(found[0].memcg.as_deref(), Some(&b"/a"[..]));
    assert_eq!(found[0].selected, None);
    let victim = found[1].victim.as_ref().expect("a victim");
    assert_eq!((victim.task.pid, &victim.task.comm), (9, &None));
}

#[test]
fn all_members_of_a_group_are_counted_and_the_first_are_kept() {
    let mut text = std::string::String::from(
        "[    1.000000] Memory cgroup out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB
[    1.000000] Tasks in /a are going to be killed due to memory.oom.group set\n",
    );
    for pid in 7..3007 {
        text.push_str(&format!(
            "[    1.000000] Memory cgroup out of memory: Killed process {pid} (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB\n"
        ));
    }
    let found = events(&text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].group_count, 2999);
    assert_eq!(found[0].group.len(), Event::GROUP);
}

#[test]
fn what_is_left_of_a_lost_report_is_an_event_that_says_what_is_missing() {
    let all = [Missing::Header, Missing::Memory, Missing::Table, Missing::End];
    for (line, outcome, missing) in [
        ("Kernel panic - not syncing: System is deadlocked on memory", Outcome::Panic, &all[..3]),
        ("oom_reaper: reaped process 7 (x), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB", Outcome::Unknown, &all),
        ("Tasks in /a/b are going to be killed due to memory.oom.group set", Outcome::Unknown, &all),
        ("Task in /a/b killed as a result of limit of /a", Outcome::Unknown, &all),
    ] {
        let found = events(&format!("[    5.000000] {line}"));
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!((found[0].outcome, found[0].missing.as_slice()), (outcome, missing), "{line}");
    }
}

#[test]
fn a_reaper_that_comes_late_and_a_line_that_is_there_twice_are_no_events() {
    let kill = |pid: u64| format!("[    1.0] Out of memory: Killed process {pid} (x) total-vm:8kB, anon-rss:4kB\n");
    let reaped = |pid: u64| format!("[    1.1] oom_reaper: reaped process {pid} (x), now anon-rss:0kB\n");
    let text = (1..=20).map(kill).chain((1..=20).map(reaped)).collect::<std::string::String>();
    assert_eq!(events(&text).len(), 20);
    let group = "[    1.0] Tasks in /a are going to be killed due to memory.oom.group set\n".repeat(2);
    let found = events(&(group + &kill(7) + &kill(8)));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].victim.as_ref().map(|victim| victim.task.pid), Some(7));
    assert_eq!(found[0].group_count, 1);
}
