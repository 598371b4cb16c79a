//! After arming, memdoor takes no memory: no allocation, no page fault, no growth of its address space.

mod common;

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use common::host::{CAP_IPC_LOCK, TempDir, has_capability, is_root, memtotal_kib, works};
use common::run::{Ended, Running, command, is_own_process, memdoor, poll, run_command};
use common::scene::Camera;
use common::skip;
use common::target::{Victim, kib, proc};
use memdoor::error::Absent;
use memdoor::host::Host;
use memdoor::monitor::alerts::{Alerts, Facts, Limits};
use memdoor::monitor::groups::Groups;
use memdoor::monitor::options::ReadPss;
use memdoor::monitor::process_table::{Coverage, Look, ProcessTable, SortKey, Swapping, fds};
use memdoor::monitor::sample::{Sample, Sources};
use memdoor::monitor::unread::{Origin, Unread};
use memdoor::report::Format;
use memdoor::sys::clock::monotonic;
use memdoor::sys::harden::Faults;
use memdoor::sys::heap::{Counting, allocations, seal};
use memdoor::units::{Bytes, Percent, Pid};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;

#[global_allocator]
static HEAP: Counting = Counting(|_| 1);

/// Runs `body` in a process in which nothing else allocates meanwhile: libtest's own threads do, whenever a test ends.
fn alone(test: &str, body: fn()) {
    if is_own_process(module_path!(), test) {
        wait_for_libtest();
        body();
    }
}

/// libtest's main thread allocates twice before it waits for this one's result, which on a loaded machine it does late: it waits when
/// two looks in a row find it in one and the same futex(2).
fn wait_for_libtest() {
    let look = || {
        let main = format!("/proc/self/task/{}", std::process::id());
        let call = std::fs::read_to_string(format!("{main}/syscall")).ok()?;
        let status = std::fs::read_to_string(format!("{main}/status")).ok()?;
        let switches = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?.to_owned();
        (call.split(' ').next() == Some(&libc::SYS_futex.to_string())).then_some((call, switches))
    };
    let mut before = None;
    poll("a libtest that waits", || {
        let now = look();
        let waits = now.is_some() && now == before;
        before = now;
        waits.then_some(())
    });
}

#[test]
fn the_counter_counts_one_allocation_as_one() {
    alone("the_counter_counts_one_allocation_as_one", || {
        let before = allocations();
        let mut held: Vec<u8> = black_box(Vec::with_capacity(100));
        let after_one = allocations();
        held.extend_from_slice(&[1; 200]);
        let after_growth = allocations();
        let sum: usize = black_box([1_usize; 100]).iter().sum();
        assert_eq!((black_box(&held).len(), sum), (200, 100));
        assert_eq!(after_one - before, 1, "a Vec");
        assert_eq!(after_growth - after_one, 1, "its growth");
        assert_eq!(allocations(), after_growth, "arithmetic");
    });
}

/// The control of all tests that run memdoor: built as they are, it does not survive an allocation after arming.
#[test]
fn an_allocation_after_arming_aborts_a_build_with_debug_assertions() {
    const NAME: &str = "an_allocation_after_arming_aborts_a_build_with_debug_assertions";
    const ARMED: &str = "MEMDOOR_TEST_ARMED";
    if std::env::var_os(ARMED).is_some() {
        // Before and behind it allocating is allowed.
        drop(seal());
        black_box(Vec::<u8>::with_capacity(50));
        let _sealed = seal();
        black_box(Vec::<u8>::with_capacity(100));
        return;
    }
    let mut again = command("/proc/self/exe", &[NAME, "--exact", "--test-threads=1", "--nocapture"]);
    again.env(ARMED, "1");
    let ended = run_command(again);
    assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{ended:#?}");
    assert!(ended.err.contains("memdoor: 100 bytes were allocated after arming"), "{ended:#?}");
}

#[test]
fn the_counter_of_page_faults_counts() {
    let before = Faults::so_far();
    // 4 MiB are a mapping of their own, 1024 pages of 4 KiB or 64 of 64 KiB.
    black_box(vec![1_u8; 4 << 20]);
    assert!(Faults::so_far().since(before).minor >= 64);
}

#[test]
fn a_snapshot_allocates_nothing() {
    alone("a_snapshot_allocates_nothing", || {
        let victim = Victim::start(&["sockets", "20", "--tcp-pairs"]);
        let mut camera = Camera::aim(c"/proc", victim.pid.into()).expect("the victim");
        let dir = TempDir::new();
        for format in [Format::Text, Format::Json] {
            let file = dir.file("report");
            let before = allocations();
            // Twice: the first opens what the second finds open.
            for _ in 0..2 {
                camera.take(format, &file);
            }
            let spent = allocations() - before;
            let len = file.metadata().expect("its size").len();
            assert!(len > 2000, "two reports are written: {len} bytes");
            assert_eq!(spent, 0, "{format:?}");
        }
    });
}

#[test]
fn a_sample_of_the_host_and_its_cgroups_allocates_nothing() {
    alone("a_sample_of_the_host_and_its_cgroups_allocates_nothing", || {
        let mut host = Host::open(c"/proc").expect("/proc");
        let mut sources = Sources::arm(&mut host);
        // Too few for all that there are, and room for all.
        let mut rooms = [Groups::arm(&host, 1).expect("room"), Groups::arm(&host, 512).expect("room")];
        let mut sample = Sample::new();
        let before = allocations();
        for _ in 0..3 {
            sources.read(&mut host, &mut sample);
            for groups in &mut rooms {
                groups.read(Some(Bytes(1)));
            }
        }
        assert_eq!(allocations() - before, 0);
        assert!(sample.meminfo.total.is_some());
    });
}

#[test]
fn matching_a_pattern_allocates_nothing() {
    alone("matching_a_pattern_allocates_nothing", || {
        let texts = [
            "^chrome$",
            "(a|b|c|d|e|f)+x{2,5}(y|z)?$",
            "exe:^/opt/(google|brave)/.*chrome",
            "cmdline:--type=(renderer|gpu-process|utility) .*--lang=[a-z]{2}(-[A-Z]{2})?",
            "^((a*)*b?)*c",
            r"[\w.-]+@(?i:Example)\.(com|org)\b",
        ];
        let long = "abcdef-/x@Example.org --type=renderer x --lang=de-DE ".repeat(70);
        let looked_at = [&b""[..], b"chrome", b"abcabcxxxy", b"\xff\xfe\xc3(", long.as_bytes()];
        let patterns = texts.map(|text| memdoor::pattern::Pattern::parse(text).expect("valid"));
        let before = allocations();
        let mut found = 0;
        for pattern in &patterns {
            found += looked_at.iter().filter(|text| pattern.is_match(text)).count();
        }
        assert_eq!(allocations() - before, 0);
        assert!(found >= 4, "{found}");
    });
}

#[test]
fn following_all_processes_allocates_nothing() {
    alone("following_all_processes_allocates_nothing", || {
        let host = Host::open(c"/proc").expect("/proc");
        let _leaker = Victim::start(&["leak", "200", "400"]);
        let mut alerts = Alerts::new(Limits::all(0));
        let second = Duration::from_secs(1);
        let mut processes = ProcessTable::arm(&host, 40 * second, second).expect("room");
        let (mut at, mut said) = (monotonic(), 0);
        let before = allocations();
        for round in 0..80 {
            at += second;
            let look = Look {
                reader: None,
                top: 10,
                deep: if round == 0 { ReadPss::Yes } else { ReadPss::No },
                coverage: if round % 40 == 0 { Coverage::All } else { Coverage::Some },
                swap: Swapping::Yes,
            };
            processes.read(&host, at, &look).expect("/proc");
            // It comes and goes.
            let mut unread = Unread::NONE;
            unread.note(Origin::Meminfo, (round % 2 == 1).then_some(Absent::Malformed));
            let facts = Facts {
                memory: Some((Bytes(round), Bytes(100))),
                swap: Some((Bytes(round), Bytes(100))),
                files: Some((round, 100)),
                full: Some(Percent { hundredths: round }),
                zone: None,
                oom_kills: Some(round),
                seen: &[],
                more: 0,
                unread: &unread,
                processes: &processes,
            };
            alerts.judge(&facts, &mut |alert| {
                black_box(alert);
                said += 1;
            });
            processes.each_top(SortKey::Growth, 3, &mut |row| {
                black_box(processes.growth(row));
            });
        }
        let own = Pid::new(std::process::id().into()).expect("a pid");
        let kinds = fds::kinds(&host, own).expect("its own");
        assert_eq!(allocations() - before, 0);
        assert!(said > 20 && kinds.looked_at() >= 3, "{said} {kinds:?}");
    });
}

/// What `--self-report` says.
fn self_report(ended: &Ended) -> &str {
    let lines = ended.err.lines();
    let found: Vec<_> = lines.filter_map(|line| line.strip_prefix("memdoor: self-report: ")).collect();
    assert_eq!(found.len(), 1, "{:?}", ended.err);
    found[0]
}

fn figure(report: &str, name: &str) -> u64 {
    let value = report.split(", ").find_map(|part| part.strip_prefix(name));
    let digits = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
    digits.unwrap_or_else(|| panic!("no {name} in {report:?}"))
}

/// Memory that a debug build locks, generously (1.3 MiB); an ordinary user may lock 8 MiB since Linux 5.16.
const LOCKED: u64 = 4 << 20;

fn can_lock() -> bool {
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    has_capability(CAP_IPC_LOCK) || limit >= LOCKED
}

/// MiB that take a victim over 1 % of MemTotal, the least that `-m` can say.
fn mib_over_one_percent() -> u64 {
    memtotal_kib() / 1024 / 100 + 16
}

/// What the run below needs of this machine; the reason, when it lacks it.
fn obstacle() -> Option<String> {
    let mib = mib_over_one_percent();
    if !can_lock() {
        return Some(format!("needs CAP_IPC_LOCK or RLIMIT_MEMLOCK of {} MiB", LOCKED >> 20));
    }
    (mib > 2048).then(|| format!("1 % of this machine's memory is {mib} MiB, too much to leak for a test"))
}

/// The words by which a report is known, in each format.
struct Words {
    format: &'static str,
    below: &'static str,
    snapshot: &'static str,
    end: &'static str,
}

const TEXT: Words = Words {
    format: "text",
    below: "Process memory usage is not equal to or greater than",
    snapshot: "##### PROCESS BASIC INFORMATION #####",
    end: "##### PROCESS NETWORK CONNECTION INFORMATION #####",
};

const JSON: Words = Words {
    format: "json",
    below: "\"memdoor.watch.below\"",
    snapshot: "\"memdoor.snapshot.begin\"",
    end: "\"memdoor.snapshot.end\"",
};

/// Watches a victim below the threshold, by SIGUSR1, across the threshold and above it, then stops. `armed` is called with
/// memdoor's PID when it has armed.
fn watch_through(words: &Words, more: &[&str], armed: impl FnOnce(u32)) -> Ended {
    let max = mib_over_one_percent().to_string();
    let mut victim = Victim::start(&["leak", "--wait", "0", &max]);
    let id = victim.id();
    let watch = ["-p", &id, "-m", "1", "-i", "0.1", "--self-report", "--format", words.format];
    let mut watch = Running::start(memdoor(&[&watch[..], more].concat()));
    watch.until_with(words.below);
    armed(watch.pid());
    for _ in 0..3 {
        watch.until_with(words.below);
    }
    watch.signal(Signal::SIGUSR1);
    watch.until_with(words.end);
    watch.until_with(words.below);
    victim.go();
    for _ in 0..3 {
        watch.until_with(words.snapshot);
        watch.until_with(words.end);
    }
    watch.signal(Signal::SIGTERM);
    watch.end()
}

/// Exit 0, or 4 where the machine hides a part of the evidence from a process that is not root.
fn ends_well(ended: &Ended) {
    let code = ended.code();
    assert!(code == 0 || (code == 4 && !is_root()), "{ended:#?}");
}

fn costs_nothing(words: &Words) {
    if let Some(reason) = obstacle() {
        return skip(&reason);
    }
    let ended = watch_through(words, &[], |_| {});
    is_free(&ended);
}

/// No allocation and no page fault, through samples and snapshots.
fn is_free(ended: &Ended) {
    ends_well(ended);
    let report = self_report(ended);
    assert!(figure(report, "ticks ") >= 8, "{report}");
    assert!(figure(report, "snapshots ") >= 4, "{report}");
    assert!(report.starts_with("allocations 0, minor faults 0, major faults 0, "), "{report}");
}

#[test]
fn a_watch_in_text_neither_allocates_nor_faults() {
    costs_nothing(&TEXT);
}

#[test]
fn a_watch_in_json_neither_allocates_nor_faults() {
    costs_nothing(&JSON);
}

#[test]
fn a_watch_with_a_record_neither_allocates_nor_faults() {
    if let Some(reason) = obstacle() {
        return skip(&reason);
    }
    let Some(dir) = TempDir::in_memory() else {
        return skip("/dev/shm is not there, or not writable");
    };
    for words in [&TEXT, &JSON] {
        // So small that it is full, and what is in it moves; three snapshots fit.
        let size = if words.format == "json" { "128k" } else { "64k" };
        let more = ["-o", &dir.join(""), "--record-size", size];
        is_free(&watch_through(words, &more, |_| {}));
    }
}

/// There the kernel write-protects each page that it has written back, so that the next store to it is a fault: without I/O, as the
/// page is locked.
#[test]
fn a_watch_with_a_record_on_a_disk_allocates_nothing_and_waits_for_no_page() {
    if let Some(reason) = obstacle() {
        return skip(&reason);
    }
    let dir = TempDir::new();
    let ended = watch_through(&TEXT, &["-o", &dir.join("")], |_| {});
    ends_well(&ended);
    let report = self_report(&ended);
    assert!(report.starts_with("allocations 0, "), "{report}");
    assert!(report.contains("major faults 0, "), "{report}");
    assert!(figure(report, "minor faults ") < 64, "{report}");
}

/// With its address space pinned to what it has, an allocation inside libc fails too, which no counter of ours sees.
fn needs_no_address_space(words: &Words) {
    if let Some(reason) = obstacle() {
        return skip(&reason);
    }
    if !works(&["prlimit", "--version"]) {
        return skip("prlimit (util-linux) is not installed");
    }
    let ended = watch_through(words, &[], |pid| {
        let size = kib(pid, "status", "VmSize") * 1024;
        let limit = format!("--as={size}:{size}");
        let done = run_command(command("prlimit", &["--pid", &pid.to_string(), &limit]));
        assert_eq!(done.code(), 0, "{done:?}");
        let limits = proc(pid, "limits");
        let line = limits.lines().find(|line| line.starts_with("Max address space"));
        assert!(line.expect("a line").contains(&size.to_string()), "control: {limits}");
    });
    ends_well(&ended);
    assert!(figure(self_report(&ended), "snapshots ") >= 4);
}

#[test]
fn a_watch_in_text_goes_on_with_its_address_space_pinned() {
    needs_no_address_space(&TEXT);
}

#[test]
fn a_watch_in_json_goes_on_with_its_address_space_pinned() {
    needs_no_address_space(&JSON);
}

#[test]
fn what_monitor_writes_and_shows_allocates_nothing() {
    alone("what_monitor_writes_and_shows_allocates_nothing", || {
        use common::monitored::{Rows, envelope, facts, growing, hostile, put_rows};
        use memdoor::monitor::files::{Files, SessionFile};
        use memdoor::monitor::options::{Charset, Color, Form};
        use memdoor::monitor::prometheus;
        use memdoor::monitor::view::{Past, View, draw};
        use memdoor::report::table::TableContext;
        use memdoor::sys::ours::Replaced;
        use memdoor::sys::out::{Out, Sink};

        let dir = TempDir::new();
        let (path, page) = (dir.c_str(), dir.join("page.prom"));
        let page = std::ffi::CString::new(page).expect("no NUL");
        let (sample, rows, groups, alerts) = hostile();
        let raised: Vec<_> = alerts.iter().cloned().map(Some).collect();
        let all = Rows(&rows);
        let envelope = envelope();
        let limits = Limits::default();
        let mut buf = vec![0; 16 << 10];
        let screen = dir.file("screen");
        let (mut past, most) = (Past::new(), memdoor::units::Bytes(20_000));
        let mut files = Files::create(Some(path), &sample.now, most, 3).expect("files");
        let mut page = Replaced::open(&page, &prometheus::FILE).expect("a new file");
        let before = allocations();
        for number in 0..30 {
            for form in [Form::Csv, Form::Text, Form::Json] {
                let pen = TableContext::new(form, &envelope, &sample.now);
                for which in SessionFile::ALL {
                    files.write(which, &pen, &mut buf, &mut |to| {
                        put_rows(which, &sample, &rows, &groups, &alerts, to);
                    });
                }
            }
            files.end_sample();
            if number % 10 == 0 {
                files.reopen();
            }
            let facts = facts(&sample, &groups);
            prometheus::publish(&mut page, &facts, &mut buf).expect("a page");
            past.push(sample.used_percent(), monotonic());
            let view = View {
                host: b"host",
                sample: &sample,
                past: &past,
                interval: std::time::Duration::from_secs(1),
                limits: &limits,
                processes: growing(&all),
                groups: &groups,
                alerts: &raised,
                hidden_alerts: 3,
            };
            let mut out = Out::new(Sink::Fd(std::os::fd::AsFd::as_fd(&screen)), &mut buf);
            draw(&view, (80, 24), Color::Always, Charset::Utf8, &mut out);
        }
        let spent = allocations() - before;
        assert!(screen.metadata().expect("its size").len() > 10_000);
        let count = std::fs::read_dir(dir.path()).expect("it").count();
        assert!(count > 20, "they were rotated: {count}");
        assert_eq!(spent, 0);
    });
}
