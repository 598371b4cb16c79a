//! `memdoor monitor`: all processes over time, and what is worth saying of them.

use crate::common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::host::{TempDir, is_root};
use common::run::{Process, poll};
use common::skip;
use common::target::Victim;
use memdoor::history::trend::R2;
use memdoor::host::Host;
use memdoor::monitor::alerts::{Alert, Alerts, Change, Facts, Kind, Limits};
use memdoor::monitor::options::ReadPss;
use memdoor::monitor::process_table::{Coverage, Look, ProcessTable, Row, SortKey, Swapping, fds};
use memdoor::monitor::unread::Unread;
use memdoor::sys::clock::monotonic;
use memdoor::units::{Bytes, Pid};
use nix::sys::resource::{UsageWho, getrusage};

/// A look that is an ordinary one.
const ORDINARY: Look<'static> =
    Look { reader: None, top: 10, deep: ReadPss::No, coverage: Coverage::Some, swap: Swapping::No };

/// One at everybody.
const ALL: Look<'static> = Look { coverage: Coverage::All, ..ORDINARY };

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Only processes can reach these.
const LIMITS: Limits = Limits::all(Limits::OFF).with(Kind::Fds, 8000).with(Kind::Growth, 1000);

fn host() -> Host {
    Host::open(c"/proc").expect("/proc")
}

fn pid(number: u32) -> Pid {
    Pid::new(number.into()).expect("a pid")
}

fn row(processes: &ProcessTable, number: u32) -> Option<&Row> {
    processes.rows().find(|row| row.pid == pid(number))
}

fn numbers(processes: &ProcessTable) -> Vec<i32> {
    processes.rows().map(|row| row.pid.get()).collect()
}

fn top(processes: &ProcessTable, by: SortKey, count: usize) -> Vec<i32> {
    let mut found = Vec::new();
    processes.each_top(by, count, &mut |row| found.push(row.pid.get()));
    found
}

fn judge(alerts: &mut Alerts, processes: &ProcessTable) -> Vec<Alert> {
    let facts = Facts {
        memory: None,
        swap: None,
        files: None,
        full: None,
        zone: None,
        oom_kills: None,
        seen: &[],
        more: 0,
        unread: &Unread::NONE,
        processes,
    };
    let mut said = Vec::new();
    alerts.judge(&facts, &mut |alert| said.push(alert.clone()));
    said
}

fn words(alert: &Alert) -> &str {
    std::str::from_utf8(alert.words.as_bytes()).expect("UTF-8")
}

// A directory that looks like /proc

/// It, and the processes in it as memdoor sees them.
struct Tree {
    dir: TempDir,
    host: Host,
    at: Duration,
}

impl Tree {
    fn new() -> Self {
        let dir = TempDir::new();
        let host = Host::open(dir.c_str()).expect("the directory");
        Self { dir, host, at: MINUTE }
    }

    /// A process with so many pages.
    fn process(&self, number: u32, started: u64, pages: u64) {
        fs::create_dir_all(self.dir.join(&number.to_string())).expect("a directory");
        self.stat(number, &format!("({number}) S 1 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {started}"));
        self.pages(number, pages);
        self.write(number, "limits", "Max open files            100   4096   files\n");
    }

    fn stat(&self, number: u32, rest: &str) {
        self.write(number, "stat", &format!("{number} {rest} 0 0\n"));
    }

    fn pages(&self, number: u32, pages: u64) {
        self.write(number, "statm", &format!("{} {pages} 1 1 0 1 0\n", pages * 2));
        let kib = pages * 4;
        self.write(number, "status", &format!("Name:\t{number}\nState:\tS (sleeping)\nPPid:\t1\nVmSize:\t{} kB\nVmRSS:\t{kib} kB\nRssAnon:\t{} kB\nRssFile:\t4 kB\nRssShmem:\t0 kB\nVmSwap:\t8 kB\nThreads:\t1\n", kib * 2, kib - 4));
    }

    fn write(&self, number: u32, file: &str, text: &str) {
        self.dir.write(&format!("{number}/{file}"), text.as_bytes());
    }

    fn gone(&self, number: u32) {
        fs::remove_dir_all(self.dir.join(&number.to_string())).expect("a process");
    }

    fn read(&mut self, processes: &mut ProcessTable, look: &Look) {
        self.at += SECOND;
        processes.read(&self.host, self.at, look).expect("the tree");
    }
}

#[test]
fn a_limit_of_descriptors_that_is_set_after_the_first_look_is_seen() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    tree.process(5, 7, 100);
    tree.write(5, "limits", "Max open files            20000   20000   files\n");
    fs::create_dir_all(tree.dir.join("5/fd")).expect("a directory");
    (0..3).for_each(|fd| _ = tree.dir.write(&format!("5/fd/{fd}"), b""));
    tree.read(&mut processes, &ALL);
    assert_eq!(row(&processes, 5).expect("5").fds_most, Some(20_000));
    tree.write(5, "limits", "Max open files            100   4096   files\n");
    (0..95).for_each(|fd| _ = tree.dir.write(&format!("5/fd/{fd}"), b""));
    tree.read(&mut processes, &ALL);
    let five = row(&processes, 5).expect("5");
    assert_eq!((five.fds, five.fds_most), (Some(95), Some(100)));
}

#[test]
fn processes_come_and_go_and_stay_in_order() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    for number in [1, 5, 9] {
        tree.process(number, 7, 100);
    }
    tree.read(&mut processes, &ALL);
    assert_eq!(numbers(&processes), [1, 5, 9]);
    tree.gone(5);
    for number in [3, 12, 100] {
        tree.process(number, 8, 50);
    }
    tree.pages(9, 300);
    tree.read(&mut processes, &ORDINARY);
    assert_eq!(numbers(&processes), [1, 3, 9, 12, 100]);
    assert_eq!((processes.exited(), processes.unlisted()), (1, 0));
    let nine = row(&processes, 9).expect("9");
    assert_eq!((nine.rss, nine.vsz), (Bytes(300 * 4096), Bytes(600 * 4096)));
    assert_eq!((nine.first, nine.held()), (Bytes(102 * 4096), Bytes(302 * 4096)));
    assert_eq!((nine.anon(), nine.swap), (Bytes(299 * 4096), Some(Bytes(8192))));
    assert_eq!(nine.fds_most, Some(100));
    for number in [3, 12] {
        tree.pages(number, 40);
    }
    tree.read(&mut processes, &ORDINARY);
    assert_eq!(top(&processes, SortKey::Rss, 3), [9, 1, 100]);
    assert_eq!(top(&processes, SortKey::Vsz, 3), [9, 1, 100]);
    for number in [1, 3, 9, 12, 100] {
        tree.gone(number);
    }
    tree.read(&mut processes, &ORDINARY);
    assert_eq!((numbers(&processes), processes.exited()), (vec![], 6));
    assert_eq!(top(&processes, SortKey::Rss, 3), [0; 0]);
    tree.process(4, 9, 10);
    tree.read(&mut processes, &ORDINARY);
    assert_eq!(numbers(&processes), [4]);
}

#[test]
fn a_number_that_another_process_has_is_another_process() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    for number in [6, 7, 8] {
        tree.process(number, 70, 100);
    }
    tree.read(&mut processes, &ALL);
    // Kept, so that the filesystem does not give the inode out again.
    let old = tree.dir.join("old");
    fs::rename(tree.dir.join("7"), &old).expect("renamed");
    tree.process(7, 71, 500);
    tree.read(&mut processes, &ORDINARY);
    let other = row(&processes, 7).expect("7");
    assert_eq!((other.started.0, other.first), (71, Bytes(502 * 4096)));
    assert_eq!((processes.exited(), numbers(&processes)), (1, vec![6, 7, 8]));
    // What the kernel has dropped from its cache comes back with another inode, and is who it was.
    fs::remove_dir_all(&old).expect("removed");
    fs::rename(tree.dir.join("7"), &old).expect("renamed");
    tree.process(7, 71, 900);
    tree.read(&mut processes, &ORDINARY);
    let same = row(&processes, 7).expect("7");
    assert_eq!((same.first, same.rss), (Bytes(502 * 4096), Bytes(900 * 4096)));
    assert_eq!(processes.exited(), 1);
}

#[test]
fn who_has_no_room_is_counted_and_gets_room_when_another_goes() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::with_room(2, MINUTE, SECOND).expect("room");
    for number in [1, 2, 3, 4] {
        tree.process(number, 7, 100);
    }
    tree.read(&mut processes, &ALL);
    assert_eq!((processes.rows().count(), processes.unlisted()), (2, 2));
    let gone = processes.rows().next().expect("one").pid.get().unsigned_abs();
    tree.gone(gone);
    tree.read(&mut processes, &ALL);
    tree.read(&mut processes, &ALL);
    assert_eq!((processes.rows().count(), processes.unlisted()), (2, 1));
    assert!(row(&processes, gone).is_none());
}

#[test]
fn everybody_is_looked_at_wholly_within_sixteen_samples() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    // Too many to be among the top ones.
    for number in 1..=40 {
        tree.process(number, 7, 1000 - u64::from(number));
    }
    tree.read(&mut processes, &ALL);
    for number in 1..=40 {
        let status = fs::read_to_string(tree.dir.join(&format!("{number}/status"))).expect("status");
        tree.write(number, "status", &status.replace("Threads:\t1", "Threads:\t5"));
    }
    let threads = |processes: &ProcessTable| processes.rows().filter(|row| row.threads == 5).count();
    tree.read(&mut processes, &ORDINARY);
    let first = threads(&processes);
    assert!((10..=13).contains(&first), "the top ones, and a sixteenth: {first}");
    for _ in 1..16 {
        tree.read(&mut processes, &ORDINARY);
    }
    assert_eq!(threads(&processes), 40);
}

#[test]
fn swap_is_read_anew_when_memory_goes_there() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    let look = Look { top: 0, swap: Swapping::Yes, ..ORDINARY };
    for number in 1..=17 {
        tree.process(number, 7, 1000);
    }
    tree.read(&mut processes, &ALL);
    // Half of each goes to swap: status tells both.
    for number in 1..=17 {
        tree.pages(number, 500);
        let status = fs::read_to_string(tree.dir.join(&format!("{number}/status"))).expect("status");
        tree.write(number, "status", &status.replace("VmSwap:\t8", "VmSwap:\t2008"));
    }
    tree.read(&mut processes, &look);
    assert!(processes.rows().all(|row| row.held() == Bytes::from_kib(4008)));
}

#[test]
fn zombies_and_their_parent_are_found() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    tree.process(10, 7, 100);
    for number in [11, 12, 20] {
        tree.process(number, 8, 100);
    }
    tree.read(&mut processes, &ORDINARY);
    assert!(processes.zombies() == 0 && processes.zombie_parent().is_none());
    for (number, parent) in [(11, 10), (12, 10), (20, 1)] {
        tree.write(number, "statm", "0 0 0 0 0 0 0\n");
        tree.write(number, "status", &format!("Name:\tx\nState:\tZ (zombie)\nPPid:\t{parent}\nThreads:\t1\n"));
    }
    tree.read(&mut processes, &ORDINARY);
    assert_eq!(processes.zombies(), 3);
    let found = processes.zombie_parent().expect("a parent");
    assert_eq!((found.pid, found.zombies), (pid(10), 2));
    assert_eq!(found.row.expect("its row").comm.as_bytes(), b"10");
    let zombie = row(&processes, 11).expect("11");
    assert_eq!((zombie.rss, zombie.swap, zombie.fds), (Bytes(0), None, None));
    // One whose other threads live is none, and they show its memory.
    tree.write(11, "status", "Name:\tx\nState:\tZ (zombie)\nPPid:\t10\nThreads:\t3\n");
    fs::create_dir_all(tree.dir.join("11/task/13")).expect("a thread");
    tree.write(11, "task/13/status", "Name:\tx\nVmRSS:\t40 kB\nRssAnon:\t40 kB\n");
    (0..16).for_each(|_| tree.read(&mut processes, &ORDINARY));
    assert_eq!((processes.zombies(), row(&processes, 11).expect("11").rss), (2, Bytes::from_kib(40)));
}

#[test]
fn processes_of_real_kernels_are_read_whatever_they_are_called() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/process");
    let put = |number: u32, name: &str| {
        fs::create_dir(tree.dir.join(&number.to_string())).expect("a directory");
        for file in ["stat", "statm", "status", "limits"] {
            let text = fs::read(fixtures.join(name).join(file)).unwrap_or_default();
            tree.dir.write(&format!("{number}/{file}"), &text);
        }
    };
    for (number, name) in [
        (1, "comm-hostile"),
        (2, "comm-forges-fields"),
        (3, "kernel-thread"),
        (4, "zombie"),
        (5, "plain-6.18"),
        (6, "plain-5.10"),
    ] {
        put(number, name);
    }
    for _ in 0..20 {
        tree.read(&mut processes, &ORDINARY);
    }
    let comms: Vec<&[u8]> = processes.rows().map(|row| row.comm.as_bytes()).collect();
    assert_eq!(comms[0], b"a) R (b c\n)".as_slice());
    assert_eq!((comms[1], comms[2]), (&b") Z 0 1 2 3 4 5"[..], &b"kthreadd"[..]));
    assert_eq!(processes.zombies(), 1);
    let plain = row(&processes, 5).expect("5");
    assert_eq!(plain.anon(), Bytes::from_kib(8264));
    assert_eq!(plain.fds_most, Some(20_000));
    assert_eq!(row(&processes, 4).expect("4").fds_most, None);
    assert_eq!(row(&processes, 3).expect("3").rss, Bytes(0));
    assert_eq!(processes.growth(row(&processes, 3).expect("3")), None, "a kernel thread has none");
    assert_eq!(processes.growth(plain).expect("a line").gained, 0);
}

#[test]
fn a_kernel_thread_costs_one_look_and_may_become_a_program() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    tree.process(2, 7, 100);
    tree.stat(2, "(kworker/u8:1) S 1 0 0 0 -1 2097152 0 0 0 0 0 0 0 0 20 0 1 0 7");
    tree.read(&mut processes, &ORDINARY);
    assert_eq!(row(&processes, 2).expect("2").rss, Bytes(0));
    tree.stat(2, "(modprobe) S 1 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 7");
    (0..16).for_each(|_| tree.read(&mut processes, &ORDINARY));
    let program = row(&processes, 2).expect("2");
    assert_eq!((program.rss, processes.exited()), (Bytes(409_600), 0));
}

#[test]
fn where_the_kernel_does_not_count_descriptors_those_of_the_top_are_counted() {
    let mut tree = Tree::new();
    let mut processes = ProcessTable::arm(&tree.host, MINUTE, SECOND).expect("room");
    for number in [1, 2] {
        tree.process(number, 7, 100 * u64::from(number));
        fs::create_dir(tree.dir.join(&format!("{number}/fd"))).expect("a directory");
        for fd in 0..7 {
            tree.write(number, &format!("fd/{fd}"), "");
        }
    }
    let one = Look { top: 1, ..ORDINARY };
    tree.read(&mut processes, &one);
    assert_eq!(row(&processes, 1).expect("1").fds, None);
    assert_eq!(row(&processes, 2).expect("2").fds, Some(7));
    for fd in 7..90 {
        tree.write(2, &format!("fd/{fd}"), "");
    }
    let mut alerts = Alerts::new(LIMITS);
    assert!(judge(&mut alerts, &processes).is_empty());
    tree.read(&mut processes, &one);
    let two = row(&processes, 2).expect("2");
    assert_eq!((two.fds, two.fds_gained()), (Some(90), Some((83, SECOND))));
    let said = judge(&mut alerts, &processes);
    assert_eq!(said.len(), 1);
    assert_eq!(words(&said[0]), "2 (PID 2) has 90 of 100 descriptors, 90.00 % (limit 80.00 %)");
    tree.gone(2);
    tree.read(&mut processes, &one);
    let said = judge(&mut alerts, &processes);
    assert_eq!((said[0].change, words(&said[0])), (Change::Cleared, "2 (PID 2) has exited"));
}

// The machine itself

/// Reads until a process has a line through so much time, at the pace of [`poll`] but not more often than each 50 ms.
fn read_for(processes: &mut ProcessTable, host: &Host, number: u32, span: Duration) {
    let mut last = Duration::ZERO;
    poll("a line", || {
        let now = monotonic();
        if now - last >= Duration::from_millis(50) {
            last = now;
            processes.read(host, now, &ORDINARY).expect("/proc");
        }
        let growth = processes.growth(row(processes, number)?)?;
        (growth.span >= span).then_some(())
    });
}

#[test]
fn who_leaks_is_the_top_grower_and_who_is_quiet_raises_nothing() {
    let (leaker, quiet) = (Victim::start(&["leak", "2"]), Victim::start(&["hold", "64"]));
    let host = host();
    let mut processes = ProcessTable::arm(&host, Duration::from_secs(10), Duration::from_millis(50)).expect("room");
    read_for(&mut processes, &host, leaker.pid, Duration::from_secs(4));
    let growth = processes.growth(row(&processes, leaker.pid).expect("a row")).expect("a line");
    let pace = growth.per_second as f64 / f64::from(2 << 20);
    assert!((0.8..=1.2).contains(&pace) && growth.r2 > R2(950), "{growth:?}");
    // Others on this machine may grow as well.
    let growing = top(&processes, SortKey::Growth, usize::MAX);
    assert!(growing.contains(&leaker.pid.cast_signed()), "{growing:?}");
    assert!(!growing.contains(&quiet.pid.cast_signed()), "{growing:?}");
    let still = processes.growth(row(&processes, quiet.pid).expect("a row")).expect("a line");
    // A page that it touched, or that the kernel counts late, is not growth.
    assert!(still.gained.abs() <= 64 << 10, "{still:?}");
    let mut alerts = Alerts::new(LIMITS);
    let said = judge(&mut alerts, &processes);
    assert!(said.iter().all(|alert| !is_about(alert, &quiet)), "{said:?}");
    // 8 MiB are not worth it.
    assert!(said.iter().all(|alert| !is_about(alert, &leaker)), "{said:?}");
}

fn is_about(alert: &Alert, victim: &Victim) -> bool {
    alert.process.as_ref().is_some_and(|(of, _)| *of == pid(victim.pid))
}

#[test]
fn a_fast_leak_is_said_once_and_its_end_once() {
    let mut leaker = Victim::start(&["leak", "20"]);
    let host = host();
    let mut processes = ProcessTable::arm(&host, Duration::from_secs(10), Duration::from_millis(50)).expect("room");
    read_for(&mut processes, &host, leaker.pid, Duration::from_secs(2));
    let mut alerts = Alerts::new(LIMITS);
    let mut of_it = |processes: &ProcessTable| {
        let said = judge(&mut alerts, processes);
        said.into_iter().filter(|alert| is_about(alert, &leaker)).collect::<Vec<_>>()
    };
    let said = of_it(&processes);
    let [alert] = &said[..] else { panic!("{said:?}") };
    assert_eq!((alert.kind, alert.change), (Kind::Growth, Change::Raised));
    assert!(words(alert).starts_with(&format!("victim (PID {}) grew by ", leaker.pid)), "{said:?}");
    processes.read(&host, monotonic(), &ORDINARY).expect("/proc");
    assert_eq!(of_it(&processes).len(), 0);
    leaker.end();
    processes.read(&host, monotonic(), &ORDINARY).expect("/proc");
    let facts = judge(&mut alerts, &processes);
    let ended = facts.iter().filter(|alert| is_about(alert, &leaker));
    assert_eq!(ended.map(|alert| alert.change).collect::<Vec<_>>(), [Change::Cleared]);
}

#[test]
fn who_leaks_descriptors_is_found_and_of_what_kind_they_are() {
    let leaker = Victim::start(&["fds", "2", "100"]);
    let host = host();
    let mut processes = ProcessTable::arm(&host, MINUTE, SECOND).expect("room");
    processes.read(&host, monotonic(), &ALL).expect("/proc");
    let (gained, span) = poll("a leak of descriptors", || {
        processes.read(&host, monotonic(), &ALL).expect("/proc");
        let found = row(&processes, leaker.pid)?.fds_gained()?;
        (found.0 >= 200).then_some(found)
    });
    let pace = gained as f64 / span.as_secs_f64();
    assert!((80.0..120.0).contains(&pace), "{pace}");
    let kinds = fds::kinds(&host, pid(leaker.pid)).expect("its descriptors");
    assert!(kinds.anon_inode >= 200, "{kinds:?}");
    let row = row(&processes, leaker.pid).expect("a row");
    assert!(kinds.looked_at() >= row.fds.expect("counted"), "{kinds:?}");
    assert_eq!((kinds.socket, kinds.memfd, kinds.deleted), (2, 2, 2), "{kinds:?}");
    assert_eq!((kinds.memfd_size, kinds.deleted_size), (Bytes(2 << 20), Bytes(2 << 20)));
    // Its standard streams are pipes, or what the tests have.
    assert!(kinds.device >= 2 && kinds.file >= 2 && kinds.pipe >= 6, "{kinds:?}");
    assert_eq!((kinds.other, kinds.unreadable), (0, 0), "{kinds:?}");
}

#[test]
fn a_zombie_is_found_with_its_parent() {
    let victim = Victim::start(&["zombie"]);
    let host = host();
    let mut processes = ProcessTable::arm(&host, MINUTE, SECOND).expect("room");
    processes.read(&host, monotonic(), &ORDINARY).expect("/proc");
    let zombie = row(&processes, victim.pid).expect("the zombie");
    assert!(zombie.is_zombie() && zombie.parent == Some(pid(victim.started())));
    let mut alerts = Alerts::new(LIMITS.with(Kind::Zombies, 0));
    // Of zombies: of this machine's other processes there may be more to say.
    let is_any = judge(&mut alerts, &processes).iter().any(|alert| alert.kind == Kind::Zombies);
    assert!(!is_any, "one that is about to be reaped is none");
    processes.read(&host, monotonic(), &ORDINARY).expect("/proc");
    let said = judge(&mut alerts, &processes);
    let said = said.iter().find(|alert| alert.kind == Kind::Zombies).expect("an alert");
    assert!(words(said).contains(" not reaped by "), "{}", words(said));
}

#[test]
fn pss_and_uss_of_the_top_are_read_when_asked_for() {
    let victim = Victim::start(&["hold", "300"]);
    let host = host();
    let mut processes = ProcessTable::arm(&host, MINUTE, SECOND).expect("room");
    let deep = Look { deep: ReadPss::Yes, ..ORDINARY };
    processes.read(&host, monotonic(), &deep).expect("/proc");
    if !top(&processes, SortKey::Rss, deep.top).contains(&victim.pid.cast_signed()) {
        return skip("ten processes of this machine are larger than 300 MiB");
    }
    let row = row(&processes, victim.pid).expect("a row");
    assert!(row.pss >= row.uss && row.uss >= Some(Bytes(300 << 20)), "{row:?}");
}

/// The claim that identity rests on: the inode of a number in `/proc` is the process's.
#[test]
fn a_number_that_the_kernel_gives_out_again_is_another_process() {
    if !is_root() {
        return skip("needs root to choose the next PID");
    }
    let host = host();
    let mut processes = ProcessTable::arm(&host, MINUTE, SECOND).expect("room");
    // Somebody else may take the number first.
    for _ in 0..50 {
        let mut first = Victim::start(&["hold", "50"]);
        processes.read(&host, monotonic(), &ORDINARY).expect("/proc");
        let (number, exited) = (first.pid, processes.exited());
        let old = row(&processes, number).expect("the first").started;
        first.end();
        // The start is in ticks of 10 ms: two may not fall into one.
        poll("the next tick", || {
            (Duration::from_micros(old.micros()) + Duration::from_millis(20) < uptime()).then_some(())
        });
        if fs::write("/proc/sys/kernel/ns_last_pid", (number - 1).to_string()).is_err() {
            return skip("needs CONFIG_CHECKPOINT_RESTORE");
        }
        let second = Victim::start(&["idle"]);
        if second.pid != number {
            continue;
        }
        processes.read(&host, monotonic(), &ORDINARY).expect("/proc");
        let new = row(&processes, number).expect("the second");
        assert!(new.started > old && processes.exited() > exited, "{new:?}");
        assert!(new.first < Bytes(50 << 20), "{new:?}");
        assert_eq!(processes.growth(new), None);
        return;
    }
    skip("somebody always took the number first");
}

fn uptime() -> Duration {
    memdoor::sys::clock::Now::read().boottime
}

// Costs

/// CPU time so far, of this process or of those that it has waited for.
fn cpu(who: UsageWho) -> Duration {
    let usage = getrusage(who).expect("usage");
    let times = [usage.user_time(), usage.system_time()];
    let micros: i64 = times.map(|time| time.tv_sec() * 1_000_000 + time.tv_usec()).iter().sum();
    Duration::from_micros(micros.try_into().expect("positive"))
}

/// The least of five: what others do meanwhile only adds to it.
fn cost(who: UsageWho, mut once: impl FnMut()) -> Duration {
    let costs = (0..5).map(|_| {
        let before = cpu(who);
        once();
        cpu(who) - before
    });
    costs.min().expect("five")
}

/// What a look at 2,000 processes costs. By hand, as it takes a quiet machine and an optimized build:
/// `MEMDOOR_COST=2000 cargo test --release --test all monitor::costs -- --nocapture`
#[test]
fn an_ordinary_sample_costs_less_than_ps_and_top() {
    let Some(count) = std::env::var("MEMDOOR_COST").ok() else {
        return skip("MEMDOOR_COST=2000 was not given");
    };
    let _crowd = Victim::start(&["children", &count]);
    let host = host();
    let mut processes = ProcessTable::arm(&host, MINUTE, Duration::from_secs(1)).expect("room");
    let before = rss();
    let mut at = monotonic();
    let mut read = |processes: &mut ProcessTable, look: &Look| {
        at += Duration::from_secs(1);
        processes.read(&host, at, look).expect("/proc");
    };
    let all = Look { coverage: Coverage::All, ..ORDINARY };
    let first = cost(UsageWho::RUSAGE_SELF, || read(&mut processes, &all));
    let swapping = Look { swap: Swapping::Yes, ..ORDINARY };
    let mut mean = |look: &Look| cost(UsageWho::RUSAGE_SELF, || (0..16).for_each(|_| read(&mut processes, look))) / 16;
    let ordinary = mean(&ORDINARY);
    let swapping = mean(&swapping);
    let deep = mean(&Look { deep: ReadPss::Yes, ..ORDINARY });
    let rows = processes.rows().count();
    let of = |words: &[&str]| {
        cost(UsageWho::RUSAGE_CHILDREN, || {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).stdout(Stdio::null());
            assert!(Process::start(command).wait().success());
        })
    };
    let (ps, top) = (of(&["ps", "aux"]), of(&["top", "-b", "-n1"]));
    let ratio = |to: Duration| ordinary.as_secs_f64() / to.as_secs_f64();
    let costs = format!(
        "{rows} processes: ordinary {ordinary:?}: {:.2} of ps aux {ps:?}, {:.2} of top -b -n1 {top:?}; swapping {swapping:?}, deep {deep:?}, all {first:?}; {} kB of memory\n",
        ratio(ps),
        ratio(top),
        rss() - before
    );
    std::io::stderr().write_all(costs.as_bytes()).expect("words");
    assert!(ratio(ps) <= 0.5 && ratio(top) <= 0.2, "{costs}");
}

/// This process's own.
fn rss() -> u64 {
    common::target::kib(std::process::id(), "status", "VmRSS")
}
