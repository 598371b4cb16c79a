//! What is concluded from a log: each conclusion rests on a line, and what the log does not say is not said.

use crate::common;

use common::host::TempDir;
use common::json::Json;
use common::run::{memdoor, run_command};

const FIELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oom-field");

fn ask(log: &str, format: &str) -> String {
    let mut command = memdoor(&["dmesg", "--format", format, log]);
    command.env("TZ", "UTC");
    run_command(command).out
}

/// The text's words on one line.
fn words(log: &str) -> String {
    ask(log, "text").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn field(name: &str) -> String {
    words(&format!("{FIELD}/{name}.log"))
}

fn events(log: &str) -> Vec<Json> {
    ask(log, "json").lines().map(Json::parse).filter(|line| line.text("event_name") == "memdoor.oom.kill").collect()
}

fn one(name: &str) -> Json {
    let [event] = events(&format!("{FIELD}/{name}.log")).try_into().unwrap_or_else(|all| panic!("{name}: {all:?}"));
    event
}

#[test]
fn half_a_free_list_is_put_together_before_anything_is_concluded_from_it() {
    let text = field("03-mail-wrapped-free-list");
    assert!(
        text.contains("Normal is fragmented: 48024 kB free, but no block of 32 kB or more (8 pages in a row, order 3)"),
        "{text}"
    );
    assert!(!text.contains("memory was freed in between"), "{text}");
}

#[test]
fn pages_in_a_row_without_a_free_list_are_not_said_to_have_been_there() {
    let dir = TempDir::new();
    let log = "[   88.1] x invoked oom-killer: gfp_mask=0xd0, order=3, oom_score_adj=0\n\
        [   88.2] Mem-Info:\n\
        [   88.3] Normal free:48024kB min:2000kB low:2500kB high:3000kB present:260000kB\n";
    let text = words(&dir.write("log", log.as_bytes()));
    assert!(text.contains("is not said: its free list is not in the log"), "{text}");
    assert!(!text.contains("compact_memory"), "{text}");
}

#[test]
fn what_is_reserved_for_atomic_allocations_is_taken_off_and_named() {
    let text = field("05-reserved-highatomic");
    let expected = "Node 0 Normal had 1000000 kB free, 810000 of it reserved for atomic allocations: 190000 kB are left, below its min watermark of 200000 kB";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_cgroups_limit_is_known_by_the_call_trace_and_without_it_the_scope_is_not_said() {
    let event = one("09-memcg-by-call-trace");
    assert_eq!(event.text("memdoor.oom.constraint"), "memcg");
    let text = field("09-memcg-by-call-trace");
    assert!(
        text.contains("Scope: a cgroup, by the call trace (mem_cgroup_out_of_memory); which is not said"),
        "{text}"
    );
    let dir = TempDir::new();
    let log = "[   88.1] x invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0\n";
    let text = words(&dir.write("log", log.as_bytes()));
    assert!(text.contains("Scope: not said") && !text.contains("whole system or cpuset"), "{text}");
}

#[test]
fn a_total_that_is_not_in_the_log_makes_nobody_a_cause() {
    let text = field("11-table-only-tiny-victim");
    assert!(!text.contains("Root cause") && !text.contains("MemoryMax") && !text.contains("Largest:"), "{text}");
    assert!(text.contains("what no count of the report accounts for had 97."), "{text}");
}

#[test]
fn a_thread_whose_leader_has_exited_is_of_its_process() {
    let event = one("13-leader-has-exited");
    assert_eq!((event.number("memdoor.oom.killed.pid"), event.number("memdoor.oom.killed.process")), (5102, 5100));
    let text = field("13-leader-has-exited");
    assert!(text.contains("it has the highest badness") && !text.contains("in its place"), "{text}");
    assert!(text.contains("renderd (PID 5102), a thread of process 5100"), "{text}");
}

#[test]
fn no_advice_contradicts_the_log() {
    let text = field("14-protected-session-victim");
    assert!(!text.contains("choom"), "{text}");
    assert!(
        text.contains("it was killed although its oom_score_adj is -900: nothing that could be killed weighed more"),
        "{text}"
    );
    let text = field("15-compaction-disabled");
    assert!(!text.contains("compact_memory"), "{text}");
    let text = field("16-sysrq-then-panic");
    assert!(text.contains("asked for by hand (SysRq f)") && !text.contains("panic_on_oom=0"), "{text}");
}

#[test]
fn a_cgroup_full_of_cache_that_is_not_on_disk_is_one_that_writes_too_fast() {
    let text = field("18-memcg-full-of-written-cache");
    assert!(
        text.contains(
            "246.1 MiB of it is page cache, 244.1 MiB of that not yet on disk: who writes is faster than the disk"
        ),
        "{text}"
    );
    assert!(text.contains("memory.high"), "{text}");
}

#[test]
fn a_kill_line_that_somebody_has_shortened_has_its_victim() {
    let event = one("20-victim-line-shortened");
    assert_eq!(
        (event.text("memdoor.oom.killed.comm"), event.number("memdoor.oom.anon_rss_bytes")),
        ("python", 1_100_000 << 10)
    );
    assert!(field("20-victim-line-shortened").contains("Freed at least 1074.2 MB"));
}

#[test]
fn the_first_screen_is_about_the_last_kill_and_says_that_one_more_had_begun() {
    let text = field("22-last-event-has-no-end");
    let screen = text.split("TIMELINE").next().expect("a screen");
    assert!(screen.contains("Most recent: Mar 05 05:24:41. Killed: agent (PID 45002)"), "{screen}");
    assert!(screen.contains("one more had begun at Mar 05 05:40:23; how it ended is not in the log"), "{screen}");
}

#[test]
fn each_request_for_which_nobody_could_be_killed_is_an_event_however_soon_they_follow() {
    let dir = TempDir::new();
    let line = |us: u32| format!("[   12.{us:06}] Out of memory and no killable processes...\n");
    let log = dir.write("log", (1..=3).map(line).collect::<String>().as_bytes());
    let all = events(&log);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().all(|event| event.text("memdoor.oom.outcome") == "none_killable"), "{all:?}");
}

#[test]
fn a_score_that_no_process_can_have_is_not_believed() {
    let dir = TempDir::new();
    let kill = "Out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:8kB oom_score_adj:";
    for (adj, is_one) in [("1000", true), ("-1000", true), ("1001", false), ("9000", false), ("-1001", false)] {
        let [event] = events(&dir.write("log", format!("[   12.1] {kill}{adj}\n").as_bytes())).try_into().expect("one");
        assert_eq!(event.get("memdoor.oom.oom_score_adj").is_some(), is_one, "{adj} {event:?}");
    }
}

#[test]
fn kills_of_which_the_log_has_too_little_are_said_to_recur() {
    let dir = TempDir::new();
    let kill = |pid: u32| {
        format!(
            "[   12.{pid:06}] Out of memory: Killed process {pid} (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB\n"
        )
    };
    let text = words(&dir.write("log", (1..=8).map(kill).collect::<String>().as_bytes()));
    assert!(text.contains("It recurs: 8 events") && text.contains("journalctl -k"), "{text}");
    assert!(!text.contains("None: nothing in the log"), "{text}");
}

#[test]
fn a_cgroup_at_the_limit_of_its_kernel_memory_is_not_said_to_be_at_that_of_its_memory() {
    let dir = TempDir::new();
    let log = "[  100.000000] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n\
        [  100.000001] memory: usage 102400kB, limit 204800kB, failcnt 0\n\
        [  100.000002] memory+swap: usage 102400kB, limit 9007199254740988kB, failcnt 0\n\
        [  100.000003] kmem: usage 51200kB, limit 51200kB, failcnt 9\n\
        [  100.000004] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=java,pid=100,uid=0\n\
        [  100.000005] Memory cgroup out of memory: Killed process 100 (java) total-vm:200000kB, anon-rss:102000kB, file-rss:400kB, shmem-rss:0kB, UID:0 pgtables:234kB oom_score_adj:0\n";
    let ended = run_command(memdoor(&["dmesg", &dir.write("log", log.as_bytes())]));
    assert!(ended.out.contains("its kernel memory was at its limit of 51200 kB"), "{}", ended.out);
    assert!(ended.out.contains("echo 75M >/sys/fs/cgroup/memory/a/memory.kmem.limit_in_bytes"), "{}", ended.out);
    assert!(!ended.out.contains("limit of 204800 kB"), "{}", ended.out);
}
