use super::*;

#[test]
fn summaries_of_every_generation() {
    let full = summary(b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=a,b,mems_allowed=0,2-4,oom_memcg=/a,b,task_memcg=/a,b/c,task=x,pid=7,uid=-2").expect("one");
    assert_eq!(full.constraint, Some(&b"CONSTRAINT_MEMCG"[..]));
    assert_eq!(full.nodemask, Some(&b"(null)"[..]));
    assert_eq!(full.memcg, Some(&b"/a,b"[..]));
    assert_eq!(full.task_memcg, Some(&b"/a,b/c"[..]));
    assert_eq!((full.comm, full.pid), (Some(&b"x"[..]), Some(7)));
    assert_eq!(full.uid, Some(4_294_967_294));
    let bare = summary(b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=0,2-3,task=sh,pid=1,uid=0").expect("one");
    assert_eq!(bare.nodemask, Some(&b"0,2-3"[..]));
    assert_eq!((bare.memcg, bare.task_memcg), (None, None));
    assert_eq!(bare.comm, Some(&b"sh"[..]));
}

#[test]
fn a_name_in_a_summary_may_hold_its_words() {
    for name in ["a,task=b", ",pid=1,uid=2", ",task=,pid=3", "a,task=b,pid=1"] {
        let mut buf = [0; 128];
        let parts = ["oom-kill:constraint=C,nodemask=(null),global_oom,task_memcg=/,task=", name, ",pid=9,uid=8"];
        let mut len = 0;
        for part in parts {
            buf[len..len + part.len()].copy_from_slice(part.as_bytes());
            len += part.len();
        }
        let line = summary(&buf[..len]).expect("one");
        assert_eq!(line.comm, Some(name.as_bytes()));
        assert_eq!((line.pid, line.uid), (Some(9), Some(8)));
        assert_eq!(line.task_memcg, Some(&b"/"[..]));
    }
}

#[test]
fn a_summary_that_was_cut_keeps_what_is_whole() {
    let text = b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/b,task=x,pi";
    let line = summary(text).expect("one");
    assert_eq!(line.constraint, Some(&b"CONSTRAINT_MEMCG"[..]));
    assert_eq!(line.memcg, Some(&b"/a"[..]));
    assert_eq!((line.comm, line.pid, line.uid), (None, None, None));
    assert_eq!(summary(b"oom-kill:constraint=CONSTR").expect("one").constraint, None);
}

#[test]
fn kill_lines_of_every_generation() {
    let kib = |kib| Some(Bytes::from_kib(kib));
    for (text, scope, uid, total_vm, shmem) in [
        (&b"Out of Memory: Killed process 933 (a) b)."[..], Scope::Global, None, None, None),
        (b"Killed process 933 (a) b)", Scope::Unsaid, None, None, None),
        (b"Killed process 933, UID 500, (a) b) total-vm:8kB, anon-rss:4kB, file-rss:0kB", Scope::Unsaid, Some(500), kib(8), None),
        (b"Killed process 933 (a) b), UID 1000, total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:4kB", Scope::Unsaid, Some(1000), kib(8), kib(4)),
        (b"Killed process 933 (a) b) total-vm:8kB, anon-rss:4kB, file-rss:0kB", Scope::Unsaid, None, kib(8), None),
        (b"Memory cgroup out of memory: Killed process 933 (a) b) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:4kB", Scope::Memcg, None, kib(8), kib(4)),
        (b"Out of memory (oom_kill_allocating_task): Killed process 933 (a) b) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:4kB, UID:7 pgtables:48kB oom_score_adj:-5", Scope::Global, Some(7), kib(8), kib(4)),
    ] {
        let line = killed(text).expect("a kill line");
        assert_eq!((line.pid, line.comm), (933, Some(&b"a) b"[..])));
        assert_eq!((line.scope, line.uid), (scope, uid));
        assert_eq!((line.total_vm, line.shmem_rss), (total_vm, shmem));
        let is_newest = text.ends_with(b"-5");
        assert_eq!(line.page_tables, if is_newest { kib(48) } else { None });
        assert_eq!(line.adj, is_newest.then_some(-5));
    }
}

#[test]
fn selected_lines_of_every_generation() {
    for text in [
        &b"Out of Memory: Kill process 7 (a) score 1) score 94 and children."[..],
        b"Out of memory: kill process 7 (a) score 1) score 94 or a child",
        b"Memory cgroup out of memory: Kill process 7 (a) score 1) score 94 or sacrifice child",
        b"No available memory in cpuset: kill process 7 (a) score 1) score 94 or a child",
    ] {
        let line = selected(text).expect("one");
        assert_eq!((line.pid, line.comm, line.score), (7, Some(&b"a) score 1"[..]), Some(94)));
    }
    assert_eq!(selected(b"Kill process 7 (x) sharing same memory"), None);
    assert_eq!(selected(b"Out of memory: Kill process 7 (x) sharing same memory"), None);
    assert_eq!(selected(b"skill process 7 (x) score 1"), None);
}

#[test]
fn a_kill_line_that_was_cut_has_no_half_a_name_or_number() {
    let line = killed(b"Out of memory: Killed process 7 (half a na").expect("one");
    assert_eq!((line.pid, line.comm), (7, None));
    let line = killed(b"Out of memory: Killed process 7 (x) total-vm:12").expect("one");
    assert_eq!((line.comm, line.total_vm), (Some(&b"x"[..]), None));
    assert_eq!(killed(b"Out of memory: Killed process 7"), None);
    assert_eq!(killed(b"somebody: said: Killed process 7 (x) total-vm:1kB"), None);
    assert_eq!(killed(b"app: Killed process 7 (x)"), None);
}

#[test]
fn what_follows_a_kill() {
    assert_eq!(group(b"Tasks in /a b are going to be killed due to memory.oom.group set"), Some(&b"/a b"[..]));
    assert_eq!(
        reaped(b"oom_reaper: reaped process 12 (x), now anon-rss:0kB"),
        Some(Reaped { pid: 12, comm: Some(b"x") })
    );
    assert_eq!(reaped(b"oom_reaper: reaped process 12 (half a na"), Some(Reaped { pid: 12, comm: None }));
    assert_eq!(reaped(b"oom_reaper: unable to reap pid:12 (x)"), None);
    assert_eq!(
        panic(b"Kernel panic - not syncing: System is deadlocked on memory"),
        Some(&b"System is deadlocked on memory"[..])
    );
    assert_eq!(panic(b"Kernel panic - not syncing: Fatal exception"), None);
}

#[test]
fn kill_lines_of_other_vendors_and_of_the_kernels_between_have_their_victim() {
    let kib = |kib| Some(Bytes::from_kib(kib));
    for (text, total_vm) in [
        (&b"Out of memory in UB 123: OOM killed process 7 (a) b) score 0 vm:8kB, rss:4kB, swap:0kB"[..], kib(8)),
        (b"OOM killed process 7 (a) b) vm=8, rss=4, swap=0", None),
        (b"OOM killed process 7 (a) b)", None),
        (b"Killed process 7 (a) b) in VE \"101\" total-vm:8kB, anon-rss:4kB, file-rss:0kB", kib(8)),
        (b"Killed process 7 (a) b) vsz:8kB, anon-rss:4kB, file-rss:0kB", kib(8)),
    ] {
        let line = killed(text).expect("a kill line");
        assert_eq!((line.pid, line.comm, line.total_vm), (7, Some(&b"a) b"[..]), total_vm));
        assert_eq!(line.scope, Scope::Unsaid);
    }
    assert_eq!(killed(b"the OOM killed process 7 (x)"), None);
}
