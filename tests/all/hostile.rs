//! Hostile input: no bytes make a parser panic, and no process, however it is named, forges, hides or hangs a report.

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::host::TempDir;
use common::json::{self, Json};
use common::report::BANNERS;
use common::scene::Camera;
use common::stage::LIMITS;
use memdoor::oomlog::assemble::Assembler;
use memdoor::oomlog::{escape, prefix};
use memdoor::parse::net::others::Table;
use memdoor::parse::net::{Protocol, diag, inet, sockstat};
use memdoor::parse::oom_report::{self, Line};
use memdoor::parse::{
    self, arcstats, buddyinfo, cgroup, file_nr, kmsg, limits, maps, memcg, meminfo, mm_stat, mountinfo,
};
use memdoor::parse::{pressure, slabinfo, smaps_rollup, stat, statm, status, swaps, sysvipc, version, vmstat};
use memdoor::report::Format;
use memdoor::snapshot::Completeness;
use memdoor::units::PageSize;
use nix::sys::stat::Mode;

// Parsers

type Parser = (&'static str, fn(&[u8]));

/// Every parser, handed any bytes at all. What they find is dropped: it is not to panic, that is all.
const PARSERS: &[Parser] = &[
    ("stat", |text| {
        let _ = stat::parse(text);
    }),
    ("statm", |text| {
        let _ = statm::parse(text);
    }),
    ("status", |text| {
        let _ = (status::parse(text), status::name(text));
    }),
    ("meminfo", |text| {
        let _ = meminfo::parse(text);
    }),
    ("arcstats", |text| {
        let mut seen = arcstats::Lines::default();
        seen.add(text);
        let _ = seen.arc().map(arcstats::ZfsCache::reclaimable);
    }),
    ("pressure", |text| {
        let _ = pressure::parse(text);
    }),
    ("swaps", |text| {
        let _ = swaps::line(text).map(|swap| parse::unescape(swap.name, &mut |_| ()));
    }),
    ("vmstat", |text| {
        let found = vmstat::parse(text);
        let _ = (found.since(vmstat::parse(b"pswpin 1")), vmstat::parse(b"pswpin 1").since(found));
    }),
    ("buddyinfo", |text| {
        let zone = buddyinfo::line(text);
        let _ = zone.map(|zone| [0, 9, 200].map(|order| buddyinfo::unusable(&zone.free, order)));
    }),
    ("slabinfo", |text| {
        let _ = [4096, u64::MAX].map(|page| slabinfo::line(text, PageSize(page)));
    }),
    ("file_nr", |text| {
        let _ = file_nr::parse(text);
    }),
    ("sysvipc", |text| {
        let _ = sysvipc::segment(text);
    }),
    ("mm_stat", |text| {
        let _ = mm_stat::parse(text);
    }),
    ("version", |text| {
        let _ = version::parse(text).map(version::Version::statm);
    }),
    ("maps", |text| {
        let _ = maps::line(text).map(|mapping| mapping.size());
    }),
    ("mountinfo", |text| drop(mountinfo::cgroup_mount(text))),
    ("smaps_rollup", |text| {
        let mut rollup = smaps_rollup::Rollup::default();
        rollup.add(text);
        parse::lines(text).for_each(|line| rollup.add(line));
        let _ = rollup.uss();
    }),
    ("net/inet", |text| {
        for protocol in [Protocol::Tcp, Protocol::Tcp6, Protocol::Udp, Protocol::UdpLite6] {
            let row = inet::line(text, protocol);
            assert!(row.is_none_or(|row| !row.state.to_string().is_empty()));
        }
    }),
    ("net/diag", |bytes| {
        let _ = diag::message(bytes, Protocol::Tcp6);
        let _ = diag::message(bytes, Protocol::Udp);
    }),
    ("net/sockstat", |text| {
        let _ = (sockstat::visited(text), sockstat::memory(text));
    }),
    ("net/others", |text| {
        for table in [Table::Unix, Table::Netlink, Table::Packet, Table::Raw] {
            let _ = table.inode(text);
        }
    }),
    ("kmsg", |text| {
        let _ = kmsg::record(text).map(|record| record.is_kernel());
    }),
    ("pressure", |text| {
        let _ = pressure::parse(text);
    }),
    ("memcg cache", |text| {
        let _ = (memcg::reclaimable(text), memcg::stat(text));
    }),
    ("memcg limit", |text| {
        let _ = memcg::limit(text);
    }),
    ("memcg event", |text| {
        let _ = (memcg::event(text, b"oom_kill"), memcg::event(text, b""));
    }),
    ("oom_report", |text| {
        let _ = match oom_report::line(text) {
            Line::Row(row) => row.by(&oom_report::table::Columns::FIRST).is_some(),
            Line::Counts(pairs) => pairs.count() > 0,
            Line::Stats(stats) => stats.values.count() > 0,
            _ => false,
        };
    }),
    ("oomlog::prefix", |text| {
        let _ = prefix::record(text);
    }),
    ("cgroup", |text| {
        let _ = cgroup::memory_cgroup(text).map(|(_, path)| cgroup::owner(path));
        let _ = cgroup::owner(text);
    }),
    ("numbers", |text| {
        let _ = (parse::dec(text), parse::hex(text), parse::signed(text));
        let _ = (parse::one_number(text), parse::kib(text));
        let _ = limits::open_files(text);
        let _ = (parse::key_value(text), parse::words(text).count());
    }),
];

/// Runs all parsers on `text` as it is. Panics with the parser and the bytes when one of them does.
fn survive(parsers: &[Parser], text: &[u8]) {
    for (name, parser) in parsers {
        if catch_unwind(AssertUnwindSafe(|| parser(text))).is_err() {
            panic!("{name} panics at {:?}", text.escape_ascii().to_string());
        }
    }
}

/// The same, and on each line of it, for the parsers that take lines.
fn survive_by_line(parsers: &[Parser], text: &[u8]) {
    survive(parsers, text);
    if text.contains(&b'\n') {
        parse::lines(text).for_each(|line| survive(parsers, line));
    }
}

/// Does all of it on as many threads as the machine can run at once. A panic in one of them is the caller's.
fn in_threads<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let some = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(one);
        }
    };
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(some)).collect();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
}

/// Words that stand in such files, and some that never should.
const VOCABULARY: &[&[u8]] = &[
    b"",
    b"1",
    b"-1",
    b"18446744073709551616",
    b"ffffffffffffffff",
    b"(",
    b") S",
    b"\n",
    b"\t",
    b"\0",
    b"\xff\xe2\x80",
    b"\\012",
    b"VmRSS:",
    b"kB",
    b"1000-2000",
    b"r--p",
    b"00:1a3",
    b"0::/",
    b"memory,",
    b"- cgroup2",
    b"Node 0, zone",
    b"a 1 2 3 4 5 : tunables ",
    b" : slabdata",
    b"kubepods-pod",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

#[test]
fn no_sentence_of_four_hostile_words_makes_a_parser_panic() {
    let sentences = AtomicUsize::new(0);
    in_threads(VOCABULARY, |a| {
        for b in VOCABULARY {
            for c in VOCABULARY {
                for (number, d) in VOCABULARY.iter().enumerate() {
                    // With blanks and without: both are somebody's separator.
                    let blank: &[u8] = if number % 2 == 0 { b" " } else { b"" };
                    survive_by_line(PARSERS, &[*a, b, c, d].join(blank));
                    sentences.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    assert_eq!(sentences.into_inner(), VOCABULARY.len().pow(4));
}

/// Real bytes: of this machine, and of all the fixtures there are.
fn real_texts() -> Vec<(PathBuf, Vec<u8>)> {
    let own = ["stat", "statm", "status", "maps", "smaps_rollup", "cgroup", "mountinfo", "limits"];
    let of_self = own.iter().map(|name| Path::new("/proc/self").join(name));
    let of_system =
        ["meminfo", "vmstat", "buddyinfo", "swaps", "sysvipc/shm", "sys/fs/file-nr", "sys/kernel/osrelease"];
    let of_system = of_system.iter().map(|name| Path::new("/proc").join(name));
    let mut paths: Vec<PathBuf> = of_self.chain(of_system).collect();
    fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut paths);
    let texts: Vec<_> = paths.into_iter().filter_map(|path| fs::read(&path).ok().map(|text| (path, text))).collect();
    assert!(texts.len() >= 9, "/proc/self can be read: {}", texts.len());
    texts
}

fn fixtures(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => fixtures(&path, found),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

/// Kernel logs with a byte changed in each line, another one each time: no events make the assembler panic.
#[test]
fn no_changed_bytes_of_a_kernel_log_make_the_assembler_panic() {
    const BYTES: &[u8] = b"\0\n\t ()-:,=/\\079T[]\x1b\xff";
    let mut paths = Vec::new();
    fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dmesg"), &mut paths);
    let logs: Vec<Vec<u8>> = paths.iter().filter_map(|path| fs::read(path).ok()).collect();
    assert!(!logs.is_empty());
    in_threads(&logs, |log| {
        for round in 0..60 {
            let mut assembler = Assembler::new();
            for (number, line) in log.split(|byte| *byte == b'\n').enumerate() {
                let mut line = line.to_vec();
                let length = line.len().max(1);
                if let Some(byte) = line.get_mut((number * 31 + round * 17) % length) {
                    *byte = BYTES[(number + round) % BYTES.len()];
                }
                let line = escape::without_colour(&mut line);
                assembler.push(&prefix::record(line), number as u64, &mut |_| ());
            }
            assembler.finish(&mut |_| ());
        }
    });
}

/// Files and lines up to this length are cut at every byte. Longer files are lists of lines to their parsers.
const WHOLE: usize = 1600;

/// Longer lines are cut so near to their ends, and at every 97th byte between.
const NEAR: usize = 512;

fn cuts(len: usize) -> impl Iterator<Item = usize> {
    let near = if len <= WHOLE { len } else { NEAR };
    (0..=len).filter(move |at| *at <= near || len - at < near || at % 97 == 0)
}

#[test]
fn no_truncation_of_real_text_makes_a_parser_panic() {
    let texts: BTreeSet<Vec<u8>> = real_texts().into_iter().map(|(_, text)| text).collect();
    let texts = Vec::from_iter(texts);
    in_threads(&texts, |text| {
        survive(PARSERS, text);
        if text.len() <= WHOLE {
            // As it is: the lines before the cut are whole, and the one with the cut in it is among those below.
            (0..text.len()).for_each(|at| survive(PARSERS, &text[..at]));
        }
    });
    let lines: BTreeSet<&[u8]> = texts.iter().flat_map(|text| parse::lines(text)).collect();
    in_threads(&Vec::from_iter(lines), |line| {
        cuts(line.len()).for_each(|at| survive(PARSERS, &line[..at]));
        // The kernel's text is cut at its front too, when a process changes between two reads.
        cuts(line.len()).for_each(|at| survive(PARSERS, &line[at..]));
    });
}

#[test]
fn no_changed_byte_of_real_text_makes_a_parser_panic() {
    const BYTES: &[u8] = b"\0\n\t ()-:/\\79\xff";
    let lines: BTreeSet<Vec<u8>> = real_texts()
        .iter()
        .flat_map(|(_, text)| parse::lines(text))
        .map(|line| line[..line.len().min(160)].to_vec())
        .collect();
    in_threads(&Vec::from_iter(lines), |line| {
        let mut changed = line.clone();
        for at in 0..line.len() {
            for byte in BYTES {
                changed[at] = *byte;
                survive_by_line(PARSERS, &changed);
            }
            changed[at] = line[at];
        }
    });
}

#[test]
fn a_parser_that_panics_is_caught() {
    let bad: &[Parser] = &[("bad", |text| assert!(text != b"ab", "boom"))];
    let words = |text: &'static [u8]| catch_unwind(|| survive(bad, text)).err();
    assert!(words(b"a").is_none());
    let told = words(b"ab").and_then(|panic| panic.downcast::<String>().ok());
    assert_eq!(told.expect("a panic").as_str(), "bad panics at \"ab\"");

    let in_a_line = catch_unwind(|| survive_by_line(bad, b"a\nab\nb"));
    assert!(in_a_line.is_err());
    let in_a_thread = catch_unwind(|| in_threads(&["a", "ab"], |text| survive(bad, text.as_bytes())));
    assert!(in_a_thread.is_err());
    let in_none = catch_unwind(|| in_threads(&["a", "b"], |text| survive(bad, text.as_bytes())));
    assert!(in_none.is_ok());
}

#[test]
fn the_json_reader_is_strict() {
    for good in ["{}", "[1, -0.5, 1e9, 0]", r#"{"a":{"b":"\\033 \u0041"},"c":[null,true]}"#] {
        assert!(json::parse(good).is_ok(), "{good}: {:?}", json::parse(good));
    }
    for bad in [
        "",
        "{",
        "{}x",
        "{}{}",
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,}"#,
        "[1,]",
        "[01]",
        "[1.]",
        "[.5]",
        "[+1]",
        "[-]",
        "[nul]",
        "\"a",
        "\"\t\"",
        r#""\x41""#,
        r#""\ud800""#,
        r#"{"a" 1}"#,
        "{a:1}",
        "['a']",
        "[NaN]",
    ] {
        assert!(json::parse(bad).is_err(), "{bad}");
    }
    let value = json::parse(r#"{"a":{"b":"x"},"c":7}"#).expect("JSON");
    assert_eq!((value.text_at("a.b"), value.number_at("c")), (Some("x"), Some("7")));
    assert_eq!(value.leaves().len(), 2);
}

// A made-up /proc

const PID: u64 = 4242;

/// A directory that looks like `/proc`, with processes in it.
struct Proc {
    dir: TempDir,
}

impl Proc {
    /// A machine with PID 1 and an ordinary process.
    fn new() -> Self {
        let this = Self { dir: TempDir::new() };
        this.write(
            "meminfo",
            b"MemTotal: 8000000 kB\nMemFree: 100000 kB\nMemAvailable: 5000000 kB\nSwapTotal: 1000 kB\nSwapFree: 900 kB\n",
        );
        // No cgroup is mounted, which is known; a mountinfo that can't be read would be a loss.
        fs::create_dir(this.dir.path().join("self")).expect("a directory");
        this.write("self/mountinfo", b"");
        this.process(1, b"init", "0", 1);
        this.process(PID, b"victim", "1", 1000);
        this
    }

    fn process(&self, pid: u64, comm: &[u8], ppid: &str, started: u64) {
        let stat = [
            format!("{pid} (").as_bytes(),
            comm,
            format!(") S {ppid} 7 7 0 -1 4194304 1 1 1 1 1 1 1 1 20 3 3 1 {started} 9 9 9\n").as_bytes(),
        ]
        .concat();
        fs::create_dir_all(self.path(pid, "task").join(pid.to_string())).expect("directories");
        fs::create_dir_all(self.path(pid, "fd")).expect("a directory");
        let status = format!(
            "Name:\tx\nTgid:\t{pid}\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t{pid}\nVmSize:\t900 kB\nVmLck:\t4 kB\nVmHWM:\t500 kB\nVmRSS:\t400 kB\n\
             RssAnon:\t300 kB\nRssFile:\t96 kB\nRssShmem:\t4 kB\nVmPTE:\t44 kB\nVmSwap:\t8 kB\nHugetlbPages:\t2048 kB\n"
        );
        let files: [(&str, &[u8]); 11] = [
            ("stat", &stat),
            ("statm", b"225 100 24 9 0 75 0\n"),
            ("status", status.as_bytes()),
            ("oom_score", b"667\n"),
            ("oom_score_adj", b"-17\n"),
            ("cgroup", b"0::/app.slice/app.service\n"),
            ("cmdline", b"/opt/victim\0--leak\0"),
            ("maps", b"1000-3000 r-xp 00000000 fe:00 7                          /opt/victim\n"),
            ("smaps_rollup", b"1000-3000 ---p 00000000 00:00 0    [rollup]\nRss: 400 kB\nPss: 380 kB\nPrivate_Clean: 60 kB\nPrivate_Dirty: 300 kB\n"),
            ("limits", LIMITS.as_bytes()),
            ("task/TID/children", b""),
        ];
        for (name, text) in files {
            self.put(pid, &name.replace("TID", &pid.to_string()), text);
        }
        for (name, to) in [("exe", "/opt/victim"), ("cwd", "/opt"), ("root", "/")] {
            self.link(pid, name, to.as_bytes());
        }
    }

    fn path(&self, pid: u64, name: &str) -> PathBuf {
        self.dir.path().join(pid.to_string()).join(name)
    }

    fn write(&self, name: &str, text: &[u8]) {
        fs::write(self.dir.path().join(name), text).expect("written");
    }

    fn put(&self, pid: u64, name: &str, text: &[u8]) {
        fs::write(self.path(pid, name), text).expect("written");
    }

    fn remove(&self, pid: u64, name: &str) {
        let path = self.path(pid, name);
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).expect("removed");
        } else {
            fs::remove_file(path).expect("removed");
        }
    }

    fn link(&self, pid: u64, name: &str, to: &[u8]) {
        let _ = fs::remove_file(self.path(pid, name));
        symlink(std::ffi::OsStr::from_bytes(to), self.path(pid, name)).expect("a link");
    }

    fn fifo(&self, pid: u64, name: &str) {
        self.remove(pid, name);
        nix::unistd::mkfifo(&self.path(pid, name), Mode::S_IRWXU).expect("a FIFO");
    }

    /// Takes a snapshot of the ordinary process in both formats, and checks what holds for every report.
    fn take(&self) -> Taken {
        let (text, completeness) = self.written(Format::Text);
        check_text(&text);
        let (lines, of_json) = self.written(Format::Json);
        assert_eq!(completeness, of_json, "a format changes nothing of what could be read");
        Taken { events: check_json(&lines), text, completeness }
    }

    /// Takes a snapshot in another thread: one that hangs is found, and not only when somebody stops the tests.
    fn written(&self, format: Format) -> (String, Completeness) {
        let (proc, file) = (self.dir.c_str(), self.dir.file("report"));
        let (done, wait) = mpsc::channel();
        thread::spawn(move || {
            let taken = Camera::aim(proc, PID).map(|mut camera| camera.take(format, &file));
            let _ = done.send(taken);
        });
        let taken = wait.recv_timeout(Duration::from_secs(20)).expect("the snapshot hangs or panics");
        let completeness = taken.expect("a process to look at");
        let mut bytes = Vec::new();
        let mut file = fs::File::open(self.dir.path().join("report")).expect("the report");
        file.read_to_end(&mut bytes).expect("read");
        (String::from_utf8(bytes).expect("a report is UTF-8"), completeness)
    }
}

struct Taken {
    text: String,
    events: Vec<Json>,
    completeness: Completeness,
}

impl Taken {
    /// The event of that name; it is there once.
    fn event(&self, name: &str) -> &Json {
        let mut found = self.events(name);
        assert_eq!(found.len(), 1, "{name}");
        found.remove(0)
    }

    fn events(&self, name: &str) -> Vec<&Json> {
        let is_it = |event: &&Json| event.text_at("event_name") == Some(name);
        self.events.iter().filter(is_it).collect()
    }

    /// The value of the line with that label, in text.
    fn line(&self, label: &str) -> &str {
        let start = format!("{label}: ");
        let mut found = self.text.lines().filter_map(|line| line.strip_prefix(&*start));
        let value = found.next().unwrap_or_else(|| panic!("{label} is missing in\n{}", self.text));
        assert_eq!(found.next(), None, "{label} is there once");
        value
    }

    fn is_partial(&self) -> bool {
        self.completeness != Completeness::Complete
    }
}

/// A report on a terminal: no control character but newline, each banner once and in the document's order.
fn check_text(text: &str) {
    let control = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{text}");
    let banners: Vec<&str> = text.lines().filter(|line| line.starts_with("#####")).collect();
    assert_eq!(banners, BANNERS, "{text}");
}

/// NDJSON: each line is an object under 16 KiB with its envelope and without null.
fn check_json(lines: &str) -> Vec<Json> {
    assert!(lines.ends_with('\n'));
    let control = lines.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{lines}");
    lines.lines().map(check_json_line).collect()
}

fn check_json_line(line: &str) -> Json {
    assert!(line.len() < 16 * 1024, "{} bytes: {line}", line.len());
    let event = json::parse(line).unwrap_or_else(|why| panic!("{why} in {line}"));
    assert_eq!(event.text_at("schema"), Some("memdoor/1"), "{line}");
    let name = event.text_at("event_name").unwrap_or_default();
    assert!(name.starts_with("memdoor."), "{line}");
    let time = event.text_at("timestamp").unwrap_or_default();
    assert!(time.len() == 27 && time.ends_with('Z'), "{line}");
    for (path, leaf) in event.leaves() {
        // An empty comm or command line is known to be empty; any other value that is empty is not known.
        let may_be_empty = matches!(&*path, "memdoor.process.comm" | "process.command_line");
        let is_empty = *leaf == Json::Text(String::new()) && !may_be_empty;
        assert!(*leaf != Json::Null && !is_empty, "{path} in {line}");
    }
    event
}

#[test]
fn the_checks_of_a_report_find_fault_with_bad_ones() {
    let fails = |check: fn(&str), text: &str| {
        let text = text.to_string();
        assert!(catch_unwind(move || check(&text)).is_err());
    };
    let good = BANNERS.join("\nPID: 1\n");
    check_text(&good);
    fails(check_text, &format!("{good}\x1b[31m"));
    fails(check_text, &format!("{good}\n{}", BANNERS[0]));
    fails(check_text, &BANNERS[..5].join("\n"));
    fails(check_text, &BANNERS.map(String::from).iter().rev().cloned().collect::<Vec<_>>().join("\n"));
    let line = r#"{"schema":"memdoor/1","event_name":"memdoor.x","timestamp":"2026-01-01T00:00:00.000000Z"}"#;
    let check: fn(&str) = |text| drop(check_json(text));
    check(&format!("{line}\n"));
    for bad in [
        line.replace("memdoor/1", "memdoor/2"),
        line.replace("Z\"", "\""),
        line.replace('}', ",\"a\":null}"),
        line.replace('}', ",\"a\":{\"b\":\"\"}}"),
        line.replace('}', ",\"schema\":1}"),
        line.replace('}', &format!(",\"a\":\"{}\"}}", "x".repeat(16 * 1024))),
    ] {
        fails(check, &format!("{bad}\n"));
    }
}

#[test]
fn an_ordinary_process_is_reported_whole() {
    let taken = Proc::new().take();
    assert_eq!(taken.line("Process RSS Memory Usage"), "400 kB");
    assert_eq!(taken.line("Process PSS Memory Usage"), "380 kB");
    assert_eq!(taken.line("Process OOM Score"), "667");
    assert_eq!(taken.line("Command Line"), "/opt/victim --leak");
    let memory = taken.event("memdoor.snapshot.memory");
    assert_eq!(memory.number_at("process.memory.usage"), Some("409600"));
    assert_eq!(memory.get("memdoor.incomplete"), None);
    assert_eq!(taken.completeness, Completeness::Complete);
}

#[test]
fn a_comm_forges_neither_fields_nor_lines_nor_colours() {
    let long = [b'k'; 64];
    for (comm, shown) in [
        (&b"my proc"[..], "my proc"),
        (b"a) R 1 (b", "a) R 1 (b"),
        (b"x y 4242", "x y 4242"),
        (b"a\n##### PROCESS", "a\\012##### PROCESS"),
        (b"\x1b[2J\x07\r", "\\033[2J\\007\\015"),
        (b"\xff\xc2\x9b31m", "\\377\\302\\23331m"),
        (b"\\012", "\\134012"),
        (b"\"},{\"", "\"},{\""),
        (b"", ""),
        (&long, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"),
    ] {
        let proc = Proc::new();
        proc.process(PID, comm, "1", 1000);
        let taken = proc.take();
        assert_eq!(taken.line("Command Name"), shown);
        assert_eq!(taken.line("Parent PID"), "1");
        assert!(taken.text.contains(&format!("\n{PID} ({shown}) - OOM score: 667")), "{}", taken.text);
        assert!(taken.text.contains("\n1 (init) - OOM score"), "{}", taken.text);
        let begin = taken.event("memdoor.snapshot.begin");
        let comm = begin.text_at("memdoor.process.comm");
        assert_eq!(comm.unwrap_or_default(), shown);
    }
}

#[test]
fn paths_links_and_command_lines_forge_nothing_either() {
    let proc = Proc::new();
    let forged = b"/tmp/a\n##### PROCESS END INFORMATION #####\n\x1b]52;c;AAAA\x07\xfe\"\\";
    proc.link(PID, "exe", forged);
    proc.link(PID, "cwd", forged);
    proc.put(PID, "cmdline", &[&forged[..], b"\0", &[b'\n'; 5000]].concat());
    proc.put(PID, "cgroup", &[b"0::/", &forged[5..], b"\n"].concat());
    let taken = proc.take();
    let shown = "/tmp/a\\012##### PROCESS END INFORMATION #####\\012\\033]52;c;AAAA\\007\\376\"\\";
    assert_eq!(taken.line("Executable Absolute Path"), shown);
    assert_eq!(taken.line("Current Working Directory"), shown);
    let begin = taken.event("memdoor.snapshot.begin");
    assert_eq!(begin.text_at("process.executable.path"), Some(shown));
    assert!(taken.line("Command Line").starts_with(shown));
}

#[test]
fn a_line_of_json_stays_short_whatever_the_process_is_called() {
    // The longest that a kernel can say, in bytes that each take five: \\033 in JSON.
    let part = [b"/"[..].to_vec(), vec![0x1b; 255]].concat();
    let path = part.repeat(15);
    let proc = Proc::new();
    proc.process(PID, &[0x1b; 63], "1", 1000);
    proc.link(PID, "exe", &path);
    proc.link(PID, "cwd", &path);
    proc.put(PID, "cmdline", &[0x1b; 4096]);
    let pod = b"/kubepods-pod8a6b9a8c_1b2c_4d3e_9f00_112233445566.slice/cri-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/";
    let unit = [&[0x1b; 247][..], b".service"].concat();
    proc.put(PID, "cgroup", &[b"0::", &part[..], &part[..], &pod[..], &unit[..], b"\n"].concat());
    let taken = proc.take();
    let begin = taken.event("memdoor.snapshot.begin");
    let Some(Json::Array(reasons)) = begin.get("memdoor.incomplete") else {
        panic!("what was cut is not listed");
    };
    assert!(reasons.contains(&Json::Text("process.executable.path: cut".into())), "{reasons:?}");
}

#[test]
fn a_process_that_is_its_own_parent_ends_the_tree() {
    let proc = Proc::new();
    proc.process(PID, b"own parent", "4242", 1000);
    let taken = proc.take();
    assert_eq!(taken.events("memdoor.snapshot.ancestor").len(), 1);
}

#[test]
fn a_circle_of_parents_is_left() {
    let proc = Proc::new();
    for started in [[1000, 1000], [1000, 999]] {
        proc.process(PID, b"a", "77", started[0]);
        proc.process(77, b"b", &PID.to_string(), started[1]);
        let taken = proc.take();
        let rows = taken.events("memdoor.snapshot.ancestor").len();
        assert!((2..=128).contains(&rows), "{rows}");
        assert!(taken.is_partial(), "a tree that does not end at PID 1 is no whole tree");
        assert_eq!(taken.events("memdoor.source.error").len(), 1);
    }
}

#[test]
fn a_parent_that_is_no_number_is_not_made_up() {
    for ppid in ["99999999999999999999", "-1", "", "0x1", "4294967297", "2147483647"] {
        let proc = Proc::new();
        proc.process(PID, b"a", "1", 1000);
        let stat = fs::read_to_string(proc.path(PID, "stat")).expect("stat");
        proc.process(60, b"b", ppid, 900);
        // The target itself must have a stat that parses: its parent is the one with the odd parent.
        proc.put(PID, "stat", stat.replace("S 1 7", "S 60 7").as_bytes());
        let taken = proc.take();
        let rows = taken.events("memdoor.snapshot.ancestor").len();
        // A number beyond pid_t is nobody's and ends the tree as 0 does; what is malformed or gone is said.
        assert_eq!(rows, 2, "{ppid}: {}", taken.text);
        let says_so = taken.events("memdoor.source.error").len() == 1 && taken.is_partial();
        assert_eq!(says_so, ppid != "4294967297", "{ppid}: {}", taken.text);
    }
}

#[test]
fn absurd_numbers_are_printed_or_absent_and_never_wrap() {
    let proc = Proc::new();
    let huge = "18446744073709551615";
    proc.put(PID, "statm", format!("{huge} {huge} 0 0 0 0 0\n").as_bytes());
    proc.put(PID, "oom_score", b"99999999999999999999\n");
    proc.put(PID, "oom_score_adj", b"-9223372036854775808\n");
    proc.put(PID, "maps", b"0-ffffffffffffffff rwxp ffffffffffffffff ffff:ffff 18446744073709551615 /x\n0-ffffffffffffffff rwxp 0 0:0 0\n");
    proc.put(PID, "smaps_rollup", format!("Rss: {huge} kB\nRss: {huge} kB\nPss: {huge}0 kB\nPss: 5 kB\n").as_bytes());
    proc.write("meminfo", format!("MemTotal: {huge} kB\nMemAvailable: -1 kB\n").as_bytes());
    let taken = proc.take();
    assert_eq!(taken.line("Process RSS Memory Usage"), "18014398509481983 kB");
    assert_eq!(taken.line("Process OOM Score"), "- (the kernel's text is malformed)");
    assert_eq!(taken.line("System Available Memory"), "- (/proc/meminfo gives no MemAvailable)");
    assert_eq!(taken.line("Process PSS Memory Usage"), "5 kB");
    assert_eq!(taken.line("Mappings"), "2");
    assert!(taken.event("memdoor.snapshot.oom").get("memdoor.process.oom_score").is_none());
    assert!(taken.is_partial());
}

#[test]
fn a_missing_file_costs_its_values_and_no_others() {
    // Each file, and what is missing without it: a label of the text, an event and a key of the JSON.
    let losses = BTreeMap::from([
        ("oom_score", ("Process OOM Score", "oom", "memdoor.process.oom_score")),
        ("oom_score_adj", ("Process OOM Score Adjustment Value", "oom", "memdoor.process.oom_score_adj")),
        ("smaps_rollup", ("Process PSS Memory Usage", "memory", "memdoor.process.pss_bytes")),
        ("exe", ("Executable Absolute Path", "begin", "process.executable.path")),
        ("cwd", ("Current Working Directory", "begin", "process.working_directory")),
        ("cgroup", ("Control Group", "begin", "process.linux.cgroup")),
        ("cmdline", ("Command Line", "begin", "process.command_line")),
    ]);
    let whole = Proc::new().take();
    for (file, (label, event, key)) in &losses {
        let proc = Proc::new();
        proc.remove(PID, file);
        let taken = proc.take();
        assert!(taken.line(label).starts_with("- ("), "{file}: {}", taken.line(label));
        assert_eq!(taken.event(&format!("memdoor.snapshot.{event}")).get(key), None, "{file}");
        for (other, (label, ..)) in &losses {
            if other != file && !(*file == "smaps_rollup" || *other == "smaps_rollup") {
                assert_eq!(taken.line(label), whole.line(label), "without {file}");
            }
        }
    }
}

#[test]
fn an_empty_file_of_a_process_that_lives_is_unread_and_the_process_not_gone() {
    for (file, label) in [
        ("status", "Process Swap Usage"),
        ("oom_score", "Process OOM Score"),
        ("oom_score_adj", "Process OOM Score Adjustment Value"),
    ] {
        let proc = Proc::new();
        proc.put(PID, file, b"");
        let taken = proc.take();
        assert_eq!(taken.line(label), format!("- (cannot read /proc/{PID}/{file}: it is empty)"));
        assert!(taken.is_partial(), "{file}");
        assert!(!taken.text.contains("the process is gone"), "{file}: {}", taken.text);
    }
    let proc = Proc::new();
    proc.put(PID, "statm", b"");
    proc.remove(PID, "smaps_rollup");
    let rss = format!("- (cannot read /proc/{PID}/statm: it is empty)");
    assert_eq!(proc.take().line("Process RSS Memory Usage"), rss);
    let proc = Proc::new();
    proc.put(PID, "limits", b"");
    let taken = proc.take();
    assert!(
        taken.text.contains(&format!("LIMITS INFORMATION #####\n- (cannot read /proc/{PID}/limits: it is empty)\n"))
    );
    assert!(taken.is_partial());
    let proc = Proc::new();
    proc.write("meminfo", b"");
    assert_eq!(proc.take().line("System Available Memory"), "- (cannot read /proc/meminfo: it is empty)");
}

#[test]
fn a_process_whose_stat_is_empty_is_refused_for_that_and_not_for_an_errno_that_no_call_returned() {
    let proc = Proc::new();
    proc.put(PID, "stat", b"");
    let dir = memdoor::sys::file::Dir::open(
        &std::ffi::CString::new(proc.dir.path().to_str().expect("UTF-8")).expect("a path"),
    );
    let pid = memdoor::units::Pid::new(PID).expect("a pid");
    let refused = memdoor::target::Target::open(&dir.expect("a directory"), pid).expect_err("a refusal");
    let words = refused.in_words(memdoor::target::NamedBy::Pid).to_string();
    assert_eq!(words, format!("memdoor: cannot read /proc/{PID}/stat: it is empty"));
}

#[test]
fn rss_is_the_walks_or_else_statms() {
    let rss = |removed: &[&str]| {
        let proc = Proc::new();
        proc.put(PID, "statm", b"225 90 24 9 0 75 0\n");
        removed.iter().for_each(|name| proc.remove(PID, name));
        proc.take().line("Process RSS Memory Usage").to_string()
    };
    assert_eq!(rss(&[]), "400 kB");
    assert_eq!(rss(&["statm"]), "400 kB");
    assert_eq!(rss(&["smaps_rollup"]), "360 kB");
    assert!(rss(&["statm", "smaps_rollup"]).starts_with("- ("));
}

#[test]
fn without_any_file_but_stat_and_status_nothing_is_null_or_nought() {
    let proc = Proc::new();
    for name in [
        "statm",
        "oom_score",
        "oom_score_adj",
        "cgroup",
        "cmdline",
        "maps",
        "smaps_rollup",
        "exe",
        "cwd",
        "root",
        "task",
        "fd",
    ] {
        proc.remove(PID, name);
    }
    proc.put(PID, "status", b"Tgid:\t4242\n");
    fs::remove_file(proc.dir.path().join("meminfo")).expect("removed");
    let taken = proc.take();
    for event in &taken.events {
        for (path, leaf) in event.leaves() {
            let is_measured = path != "memdoor.snapshot.duration_us";
            assert!(!(is_measured && *leaf == Json::Number("0".into())), "{path} in {event:?}");
        }
    }
    assert!(!taken.text.lines().any(|line| line.ends_with(": 0") || line.ends_with(" 0 kB")), "{}", taken.text);
}

#[test]
fn a_denied_or_broken_file_makes_the_report_partial_and_says_why() {
    // A directory in place of a file: EISDIR even for root, whom no permission stops.
    for (name, label) in [
        ("oom_score", "Process OOM Score"),
        ("smaps_rollup", "Process PSS Memory Usage"),
        ("cmdline", "Command Line"),
        ("cgroup", "Control Group"),
    ] {
        let proc = Proc::new();
        proc.remove(PID, name);
        fs::create_dir(proc.path(PID, name)).expect("a directory");
        let taken = proc.take();
        assert!(taken.line(label).contains("(EISDIR)"), "{name}: {}", taken.line(label));
        assert!(taken.is_partial(), "{name}");
        let incomplete = taken.events.iter().filter(|event| event.get("memdoor.incomplete").is_some());
        assert!(incomplete.count() > 0, "{name}");
    }
}

#[test]
fn a_fifo_in_place_of_a_file_holds_no_report_up() {
    for name in ["cmdline", "smaps_rollup", "maps", "oom_score", "cgroup", "task/4242/children"] {
        let proc = Proc::new();
        proc.fifo(PID, name);
        let taken = proc.take();
        assert!(taken.is_partial(), "{name}\n{}", taken.text);
        assert!(taken.text.contains("(ESPIPE)"), "{name}\n{}", taken.text);
    }
    // Without these there is no target at all: refused, and at once.
    for name in ["stat", "status"] {
        let proc = Proc::new();
        proc.fifo(PID, name);
        let (path, (done, wait)) = (proc.dir.c_str(), mpsc::channel());
        thread::spawn(move || done.send(Camera::aim(path, PID).err()));
        let refusal = wait.recv_timeout(Duration::from_secs(20)).expect("it hangs");
        assert!(refusal.expect("refused").contains("(ESPIPE)"), "{name}");
    }
}

#[test]
fn a_mapping_keeps_its_whole_path_and_its_device() {
    let long = b"\\012".repeat(3800);
    let maps = [
        &b"1000-2000 r--p 00000000 103:02 7                         /opt/My App/lib.so (deleted)\n"[..],
        b"2000-3000 rw-s 00001000 00:1a3 8                          /tmp/a\\012##### PROCESS END INFORMATION #####\n",
        b"3000-4000 rw-p 00000000 00:00 0                          /tmp/\x1b[31mred\xff\n",
        b"4000-5000 r--p 00000000 fe:00 9                          /",
        &long,
        b"\n5000-6000 rw-p 00000000 00:00 0 \nnot a mapping\n",
    ]
    .concat();
    let proc = Proc::new();
    proc.put(PID, "maps", &maps);
    let taken = proc.take();
    assert!(long.len() > 15_000);
    for row in [
        "0000000000001000  4               kB  r--p  103:02 7          /opt/My App/lib.so (deleted)",
        "0000000000002000  4               kB  rw-s  00:1a3 8          /tmp/a\\012##### PROCESS END INFORMATION #####",
        "0000000000003000  4               kB  rw-p  00:00  0          /tmp/\\033[31mred\\377",
    ] {
        assert!(taken.text.lines().any(|line| line == row), "{row}\n{}", taken.text);
    }
    let whole = format!(
        "0000000000004000  4               kB  r--p  fe:00  9          /{}",
        String::from_utf8(long).expect("ASCII")
    );
    assert!(taken.text.lines().any(|line| line == whole), "the long path is whole");
    assert_eq!(taken.line("Mappings"), "5");
    assert!(taken.line("Mappings Not Understood").starts_with("- ("));
    assert!(taken.is_partial());
    let rows = taken.events("memdoor.snapshot.mapping");
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0].text_at("memdoor.mapping.device"), Some("103:02"));
    assert_eq!(
        rows[3].get("memdoor.incomplete"),
        Some(&Json::Array(vec![Json::Text("memdoor.mapping.path: cut".into())]))
    );
    assert_eq!(rows[4].get("memdoor.mapping.path"), None);
}

#[test]
fn a_line_of_maps_without_an_end_is_cut_and_the_next_is_read() {
    let proc = Proc::new();
    let line = b"1000-2000 r--p 00000000 fe:00 7                          /";
    let after = b"\n2000-3000 r--p 00000000 fe:00 7                          /after\n";
    proc.put(PID, "maps", &[&line[..], &vec![b'x'; 100_000], after].concat());
    let taken = proc.take();
    assert_eq!(taken.line("Mappings"), "2");
    assert!(taken.text.contains("/after\n"));
    assert!(taken.is_partial(), "a path that was cut is not whole");
}

#[test]
fn empty_files_are_malformed_or_gone_and_not_nought() {
    let proc = Proc::new();
    for name in ["statm", "oom_score", "oom_score_adj", "smaps_rollup", "maps", "cgroup", "cmdline"] {
        proc.put(PID, name, b"");
    }
    let taken = proc.take();
    for label in ["Process RSS Memory Usage", "Process OOM Score", "Process PSS Memory Usage"] {
        assert!(taken.line(label).starts_with("- ("), "{label}: {}", taken.line(label));
    }
    assert!(taken.is_partial());
    assert_eq!(taken.events("memdoor.snapshot.mapping").len(), 0);
}

/// A memory cgroup hierarchy with one cgroup, `/a`, mounted where the process's mountinfo says.
fn with_cgroup(proc: &Proc, path: &str) -> PathBuf {
    let mount = proc.dir.path().join("cgroup mount");
    fs::create_dir_all(mount.join("a")).expect("directories");
    let point = mount.display().to_string().replace(' ', "\\040");
    let line = format!("30 25 0:26 / {point} rw,nosuid - cgroup2 cgroup2 rw\n");
    proc.write("self/mountinfo", line.as_bytes());
    proc.put(PID, "cgroup", format!("0::{path}\n").as_bytes());
    mount.join("a")
}

#[test]
fn the_limit_of_a_cgroup_is_a_number_or_not_known() {
    for (limit, shown) in [
        (&b"1048576\n"[..], Some("1024 kB")),
        (b"max\n", None),
        (b"-1\n", None),
        (b"99999999999999999999999\n", None),
        (b"\x1b[31m", None),
        (b"", None),
    ] {
        let proc = Proc::new();
        let dir = with_cgroup(&proc, "/a");
        fs::write(dir.join("memory.max"), limit).expect("written");
        fs::write(dir.join("memory.current"), b"524288\n").expect("written");
        let taken = proc.take();
        let cgroup = taken.event("memdoor.snapshot.cgroup");
        let bytes = shown.map(|_| "1048576");
        assert_eq!(cgroup.number_at("memdoor.cgroup.limit_bytes"), bytes, "{}", limit.escape_ascii());
        if let Some(shown) = shown {
            assert_eq!(taken.line("Control Group Memory Limit"), shown);
            assert_eq!(taken.line("Control Group Memory Usage"), "512 kB");
            assert_eq!(taken.line("RSS Share Of Control Group Limit"), "39.06 %");
        }
    }
}

#[test]
fn a_fifo_among_the_cgroups_files_holds_no_report_up() {
    for name in ["memory.max", "memory.current", "memory.peak", "memory.events"] {
        let proc = Proc::new();
        let dir = with_cgroup(&proc, "/a");
        fs::write(dir.join("memory.max"), b"1048576\n").expect("written");
        let _ = fs::remove_file(dir.join(name));
        nix::unistd::mkfifo(&dir.join(name), Mode::S_IRWXU).expect("a FIFO");
        proc.take();
    }
}

#[test]
fn a_cgroup_outside_of_the_mount_is_named_and_not_followed() {
    for path in ["/../../../etc", "/a/../..", "/\x1b[31m/..", "relative", "/a/gone"] {
        let proc = Proc::new();
        let dir = with_cgroup(&proc, path);
        // Reached only by who follows the path upwards.
        fs::write(dir.join("memory.max"), b"1048576\n").expect("written");
        let taken = proc.take();
        assert!(!taken.text.contains("1024 kB"), "{path}: {}", taken.text);
        assert_eq!(taken.line("Control Group"), path.replace('\x1b', "\\033"));
    }
}

/// A name has 15 bytes, printk does not escape it, and each line of a record has the record's prefix in a text log (record_print_text of
/// kernel/printk/printk.c): behind a newline there are 14 bytes at the start of a line, and then the kernel's own words.
#[test]
fn no_name_with_a_newline_in_it_has_room_for_an_event_of_its_own_in_a_text_log() {
    let starts = [
        "Killed process 1 (x) total-vm:1kB",
        "Out of memory: Killed process 7 (x)",
        "Memory cgroup out of memory: Killed process 7 (x)",
        "oom-kill:constraint=CONSTRAINT_NONE,task=x,pid=7",
        "Kernel panic - not syncing: Out of memory",
        "Tasks in /a are going to be killed due to memory.oom.group set",
        "Task in /a killed as a result of limit of /a",
        "oom_reaper: reaped process 7 (x)",
        "VM: killing process x",
        "[7] 0 7 9 9 9 x",
        "[pid] name",
        "[pid] uid name",
        "Mem-Info:",
        "Tasks state (memory values in pages):",
        "memory: usage 1kB, limit 1kB, failcnt 1",
        "Memory cgroup stats for /a:",
        "Node 0 DMA free:1kB min:1kB",
        "Total swap = 0kB",
        "0 pages RAM",
    ];
    let ends = [
        ") total-vm:1kB, anon-rss:1kB, file-rss:0kB",
        ",pid=7,uid=0",
        "[7]: segfault at 0 ip 0 sp 0 error 4 in x[0+0]",
        ":7 blocked for more than 120 seconds.",
        " Not tainted 6.1 #1",
        " (7) used greatest stack depth: 1 bytes left",
        " (7): drop_caches: 3",
        "), adj 0",
        "",
    ];
    let mut log = String::new();
    for (number, (start, end)) in starts.iter().flat_map(|start| ends.map(|end| (start, end))).enumerate() {
        for length in 1..=14.min(start.len()) {
            log += &format!("[{number:5}.0000{length:02}] a\n[{number:5}.0000{length:02}] {}{end}\n", &start[..length]);
        }
    }
    let dir = TempDir::new();
    let events = |log: &str| {
        let ended = common::run::run(&["dmesg", "--format", "json", &dir.write("log", log.as_bytes())]);
        ended.out.matches("\"memdoor.oom.kill\"").count()
    };
    assert_eq!(events(&log), 0);
    // The control: with a byte more than a name has, there would be one.
    assert_eq!(events(&format!("{log}[99999.000000] {}\n", starts[0])), 1);
}
