//! `memdoor dmesg` of a system: its live log, its journals, its other logs, and which of them are read.

use crate::common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use common::host::{TempDir, has_unprivileged, is_root, unprivileged};
use common::journal::{BOOTS, Layout, MACHINE, Remote, Told, export, fixture};
use common::json::Json;
use common::run::{Ended, command, memdoor, run_command, through};
use common::skip;

const LAYOUT: Layout = Layout { is_compact: true, is_keyed: true, is_packed: true };
const OTHER: &str = "00000000000000000000000000000077";

fn ask(args: &[&str]) -> Ended {
    let mut command = memdoor(&[&["dmesg", "--format", "json"], args].concat());
    command.env("TZ", "UTC");
    run_command(command)
}

fn events(ended: &Ended) -> Vec<Json> {
    let lines = ended.out.lines().map(Json::parse);
    lines.filter(|line| line.text("event_name") == "memdoor.oom.kill").collect()
}

fn pids(ended: &Ended) -> Vec<i64> {
    events(ended).iter().map(|event| event.number("memdoor.oom.killed.pid")).collect()
}

/// A root with a machine's id; where its journal is.
fn system() -> (TempDir, String, String) {
    let dir = TempDir::new();
    let place = format!("var/log/journal/{MACHINE}");
    fs::create_dir_all(dir.path().join(&place)).expect("directories");
    fs::create_dir_all(dir.path().join("etc")).expect("directories");
    dir.write("etc/machine-id", format!("{MACHINE}\n").as_bytes());
    let root = dir.join("");
    (dir, root, place)
}

/// What the kernel says, as journald takes it: so many seconds after boot, and words.
fn entries(host: &str, machine: &str, said: &[(u64, String)]) -> Vec<Told> {
    let entry = |(seconds, words): &(u64, String)| {
        let us = seconds * 1_000_000;
        let fields = [
            ("_BOOT_ID", BOOTS[0]),
            ("_MACHINE_ID", machine),
            ("_HOSTNAME", host),
            ("_TRANSPORT", "kernel"),
            ("SYSLOG_FACILITY", "0"),
            ("SYSLOG_IDENTIFIER", "kernel"),
            ("_SOURCE_MONOTONIC_TIMESTAMP", &us.to_string()),
            ("MESSAGE", words),
        ];
        let fields = fields.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).to_vec();
        Told { realtime: 1_764_000_000_000_000 + us, monotonic: us, fields }
    };
    said.iter().map(entry).collect()
}

fn killed(pid: u64) -> String {
    format!("Out of memory: Killed process {pid} (java) total-vm:{pid}kB, anon-rss:40kB, file-rss:0kB, shmem-rss:0kB")
}

/// The same in kern.log.
fn logged(seconds: u64, pid: u64) -> String {
    format!("2025-11-24T16:00:{seconds:02}+00:00 db1 kernel: [{seconds:5}.000000] {}\n", killed(pid))
}

fn write(remote: &Remote, dir: &TempDir, path: &str, told: &[Told]) {
    // It keeps what it has made of a file for itself: its input lies elsewhere.
    let away = TempDir::new();
    let made = away.path().join("made.journal");
    remote.write(LAYOUT, &export(told), &made);
    let path = dir.path().join(path);
    fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
    fs::copy(&made, &path).expect("a journal");
}

fn remote() -> Option<Remote> {
    let found = Remote::find();
    if found.is_none() {
        skip("needs systemd-journal-remote: apt-get install systemd-journal-remote");
    }
    found
}

#[test]
fn a_systems_journal_is_read_wherever_the_system_or_the_journal_is_named() {
    let (dir, root, place) = system();
    dir.write(&format!("{place}/system.journal"), &fixture(LAYOUT));
    // What nobody may read of a user's processes is none of the kernel's.
    dir.write(&format!("{place}/user-1000.journal"), b"LPKSHHRH");
    let expected = pids(&ask(&[&dir.join(&format!("{place}/system.journal"))]));
    assert!(expected.len() > 30);
    for args in [
        &["--root", &root][..],
        &["--root", &root, "--all-machines"],
        &[&root],
        &[&dir.join("var/log")],
        &[&dir.join("var/log/journal")],
        &[&dir.join(&place)],
    ] {
        let ended = ask(args);
        assert_eq!(pids(&ended), expected, "{args:?} {}", ended.err);
        assert_eq!(ended.err.matches("warning").count(), 1, "{}", ended.err);
    }
    fs::create_dir_all(dir.path().join("run/log")).expect("directories");
    fs::rename(dir.path().join("var/log/journal"), dir.path().join("run/log/journal")).expect("moved");
    assert_eq!(pids(&ask(&["--root", &root])), expected);
}

#[test]
fn an_event_of_the_journal_and_of_other_logs_is_one_and_its_sources_are_listed() {
    let Some(remote) = remote() else { return };
    let (dir, root, place) = system();
    let journal = format!("{place}/system.journal");
    write(&remote, &dir, &journal, &entries("db1", MACHINE, &[(5, killed(7)), (9, killed(8))]));
    dir.write("var/log/kern.log", (logged(5, 7) + &logged(20, 9)).as_bytes());
    dir.write("var/log/syslog", logged(5, 7).as_bytes());
    let ended = ask(&["--root", &root]);
    assert_eq!((ended.code(), pids(&ended)), (0, vec![7, 8, 9]), "{ended:?}");
    let [first, second, _] = &events(&ended)[..] else { panic!("{ended:?}") };
    assert_eq!(first.text("memdoor.source.path"), dir.join(&journal));
    let others = format!("\"also\":[\"{}\",\"{}\"]", dir.join("var/log/kern.log"), dir.join("var/log/syslog"));
    assert_eq!(ended.out.matches(&others).count(), 1, "{}", ended.out);
    assert!(second.get("memdoor.source.also").is_none());
    let text = run_command(memdoor(&["dmesg", "--root", &root]));
    let words = text.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let also = format!("Also in: {}, {}", dir.join("var/log/kern.log"), dir.join("var/log/syslog"));
    assert!(words.contains(&also) && words.contains("Host: db1"), "{words}");
}

#[test]
fn a_report_that_rotation_of_the_journal_has_split_is_one_event() {
    let Some(remote) = remote() else { return };
    let log =
        fs::read_to_string(format!("{}/fixtures/dmesg/6.12-none-rfc3339-then-memcg.log", env!("CARGO_MANIFEST_DIR")));
    let log = log.expect("a fixture");
    let words = log.lines().filter_map(|line| line.split_once("] ")).map(|(_, words)| words.to_string());
    let said: Vec<(u64, String)> = words.map(|words| (30, words)).collect();
    let told = entries("db1", MACHINE, &said);
    let whole = {
        let (dir, root, place) = system();
        write(&remote, &dir, &format!("{place}/system.journal"), &told);
        ask(&["--root", &root])
    };
    let count = events(&whole).len();
    assert!(count == 2 && whole.code() == 0, "{whole:?}");
    let facts = |ended: &Ended| -> Vec<(i64, i64, bool)> {
        let fact = |event: &Json| {
            let is_whole = event.get("memdoor.oom.complete").is_some_and(|is| *is == Json::Bool(true));
            (event.number("memdoor.oom.killed.pid"), event.number("memdoor.oom.tasks"), is_whole)
        };
        events(ended).iter().map(fact).collect()
    };
    for at in [20, 40, 70] {
        let (dir, root, place) = system();
        let old = format!("{place}/system@{MACHINE}-0000000000000001-0006445a1b2c3d4e.journal");
        write(&remote, &dir, &old, &told[..at]);
        write(&remote, &dir, &format!("{place}/system.journal"), &told[at..]);
        let ended = ask(&["--root", &root]);
        assert_eq!((ended.code(), facts(&ended)), (0, facts(&whole)), "{at}: {ended:?}");
        // As it is when journald was killed in between.
        let dirty = format!("{place}/system@0006445a1b2c3d4e-0123456789abcdef.journal~");
        fs::rename(dir.path().join(&old), dir.path().join(&dirty)).expect("moved");
        assert_eq!(facts(&ask(&["--root", &root])), facts(&whole), "{at}");
    }
}

#[test]
fn among_lines_that_tell_nothing_a_report_of_which_the_first_line_was_missed_is_as_whole_as_in_a_text() {
    let Some(remote) = remote() else { return };
    let fixture = format!("{}/fixtures/dmesg/6.12-none-rfc3339-then-memcg.log", env!("CARGO_MANIFEST_DIR"));
    let log = fs::read_to_string(fixture).expect("a fixture");
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("invoked oom-killer")).collect();
    let noise = |at: u64| (at, format!("IPv6: ADDRCONF(NETDEV_CHANGE): veth{at}: link becomes ready"));
    let words = lines.iter().filter_map(|line| line.split_once("] ")).map(|(_, words)| words.to_string());
    let report = words.map(|words| (300, words));
    let said: Vec<(u64, String)> = (0..200).map(noise).chain(report).chain((400..600).map(noise)).collect();
    let (dir, root, place) = system();
    write(&remote, &dir, &format!("{place}/system.journal"), &entries("db1", MACHINE, &said));
    let text: String = said.iter().map(|(at, words)| format!("[{at:5}.000000] {words}\n")).collect();
    let text = ask(&[&dir.write("plain.log", text.as_bytes())]);
    let facts = |ended: &Ended| -> Vec<[i64; 3]> {
        let numbers = ["memdoor.oom.killed.pid", "memdoor.oom.tasks", "memdoor.oom.boot_us"];
        events(ended).iter().map(|event| numbers.map(|name| event.number(name))).collect()
    };
    let found = ask(&["--root", &root]);
    assert!(facts(&text).len() == 2 && facts(&text)[0][1] > 10, "{text:?}");
    assert_eq!(facts(&found), facts(&text), "{found:?}");
    // From the first to the last line that the kernel has said.
    let late = ask(&["--root", &root, "--since", "2025-11-24 16:20"]);
    assert!(late.code() == 0 && events(&late).is_empty(), "{late:?}");
}

#[test]
fn journals_of_other_machines_are_named_and_read_with_their_hosts_when_that_is_asked_for() {
    let Some(remote) = remote() else { return };
    let (dir, root, place) = system();
    write(&remote, &dir, &format!("{place}/system.journal"), &entries("db1", MACHINE, &[(5, killed(7))]));
    let other = format!("var/log/journal/{OTHER}/system.journal");
    write(&remote, &dir, &other, &entries("web9", OTHER, &[(6, killed(8))]));
    let ended = ask(&["--root", &root]);
    let note = format!(
        "memdoor: note: {}: there is a journal of 1 other machine, not read: --all-machines reads all of them\n",
        dir.join("var/log/journal")
    );
    assert_eq!((ended.code(), pids(&ended), ended.err), (0, vec![7], note));
    let ended = ask(&["--root", &root, "--all-machines"]);
    let hosts: Vec<String> = events(&ended).iter().map(|event| event.text("host.name").to_string()).collect();
    assert_eq!((pids(&ended), hosts), (vec![7, 8], vec!["db1".to_string(), "web9".into()]), "{ended:?}");
    assert_eq!(ended.err, "");
    // Where the system does not say who it is, all may be it.
    fs::remove_file(dir.path().join("etc/machine-id")).expect("a file");
    assert_eq!(pids(&ask(&["--root", &root])), [7, 8]);
}

#[test]
fn a_boot_is_asked_for_by_its_id_or_counted_back_from_the_last() {
    let (dir, root, place) = system();
    dir.write(&format!("{place}/system.journal"), &fixture(LAYOUT));
    let all = ask(&["--root", &root]);
    let of = |boot: &str| -> Vec<i64> {
        let events = events(&all);
        let its = events.iter().filter(|event| event.text("host.boot.id") == boot);
        its.map(|event| event.number("memdoor.oom.killed.pid")).collect()
    };
    for (asked, boot) in [("0", BOOTS[1]), ("-1", BOOTS[0]), (BOOTS[0], BOOTS[0]), (BOOTS[1], BOOTS[1])] {
        let found = pids(&ask(&["--root", &root, "--boot", asked]));
        assert!(!found.is_empty() && found == of(boot), "{asked}: {found:?}");
    }
    let ended = ask(&["--root", &root, "--boot", "-2"]);
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""));
    assert!(ended.err.contains(" has that boot\nhint: --boot takes one of these: 0 is b002"), "{}", ended.err);
    // A log that names no boot has it by its time.
    dir.write("var/log/kern.log", (logged(3, 9991) + &logged(8, 9992).replace("11-24", "11-25")).as_bytes());
    let found = pids(&ask(&["--root", &root, "--boot", "-1"]));
    assert!(!found.contains(&9992), "{found:?}");
    let log = dir.join("var/log/kern.log");
    for (args, words) in [
        (&["--boot", "-1", &log][..], "boots are counted in the journals of a machine"),
        (&["--all", &log], "--all is of the logs of this machine"),
        (&["--all-machines", &log], "--all-machines is of --root and this machine"),
        (&["--boot", "soon"], "0 for the last boot"),
        (&["--boot", "0", "--follow"], "--follow is of the live log and nothing else"),
    ] {
        let ended = ask(args);
        assert!(ended.code() == 2 && ended.err.contains(words), "{args:?} {ended:?}");
    }
}

#[test]
fn where_no_kernel_log_could_be_searched_what_was_searched_is_named() {
    let (dir, root, place) = system();
    dir.write("var/log/messages", b"2026-11-21 10:08:31 startup archives unpack\n");
    let journal = dir.write(&format!("{place}/system.journal"), b"LPKSHHRH");
    let ended = ask(&["--root", &root]);
    assert_eq!((ended.code(), ended.out.as_str()), (4, ""));
    let messages = dir.join("var/log/messages");
    for words in [
        format!(
            "{journal}: it is a file of systemd-journald: nothing of it was read. Type: journalctl --file {journal} "
        ),
        format!("no kernel log was found in {root}: "),
        format!("memdoor: searched: {journal}, {messages}\n"),
    ] {
        assert!(ended.err.contains(&words), "{words}: {}", ended.err);
    }
}

#[test]
fn a_journal_that_may_not_be_read_is_named_once_with_what_to_do() {
    if !has_unprivileged() {
        return skip("needs setpriv to become a user who may not read all");
    }
    let (dir, root, place) = system();
    for name in ["system@0006445a1b2c3d4e-0123456789abcdef.journal~", "system.journal"] {
        let path = dir.write(&format!("{place}/{name}"), &fixture(LAYOUT));
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("mode");
    }
    dir.write("var/log/kern.log", logged(5, 7).as_bytes());
    let bin = TempDir::new();
    let inner = |args: &[&str]| command(&bin.memdoor(), &[&["dmesg", "--format", "json"], args].concat());
    let ended = run_command(unprivileged(&inner(&["--root", &root])));
    let expected = format!(
        "memdoor: cannot open {} and 1 more file of the journal: permission denied (EACCES)\n\
         hint: run memdoor as root, or as a member of the group systemd-journal or adm\n",
        dir.join(&format!("{place}/system.journal"))
    );
    assert_eq!((ended.code(), pids(&ended), ended.err), (4, vec![7], expected));
    let machine = dir.path().join(&place);
    fs::set_permissions(&machine, fs::Permissions::from_mode(0o000)).expect("mode");
    let ended = run_command(unprivileged(&inner(&["--root", &root])));
    fs::set_permissions(&machine, fs::Permissions::from_mode(0o755)).expect("mode");
    let expected = format!("memdoor: cannot open {}: permission denied (EACCES)\n", dir.join(&place));
    assert_eq!((ended.code(), pids(&ended), ended.err), (4, vec![7], expected));
}

/// In a root of its own, whose logs are this machine's there.
fn own(dir: &TempDir, args: &[&str]) -> Ended {
    let inner: Command = command("/memdoor", &[&["dmesg", "--format", "json"], args].concat());
    let mut words = vec!["chroot", dir.path().to_str().expect("UTF-8")];
    if !is_root() {
        words.splice(0..0, ["unshare", "-r"]);
    }
    run_command(through(&words, &inner))
}

#[test]
fn without_a_file_a_time_or_a_boot_is_looked_for_in_all_logs_of_this_machine() {
    let (dir, _, place) = system();
    dir.memdoor();
    dir.write(&format!("{place}/system.journal"), &fixture(LAYOUT));
    dir.write("var/log/kern.log", logged(59, 9999).as_bytes());
    let live = own(&dir, &[]);
    if live.status.code() != Some(0) {
        return skip(&format!("needs chroot and the live log: {}", live.err));
    }
    for args in [
        &["--all"][..],
        &["--since", "2025-11-01"],
        &["--until", "2025-12-24"],
        &["--days", "3650"],
        &["--analyze-oom", "3650"],
    ] {
        let found = pids(&own(&dir, args));
        let is_there = |pid: i64| found.contains(&pid);
        assert!(is_there(9999) && is_there(1001), "{args:?} {found:?}");
    }
    let ended = own(&dir, &["--boot", BOOTS[0]]);
    let found = pids(&ended);
    assert!(found.contains(&1) && !found.contains(&1001), "{ended:?}");
    // The document's name for it.
    let inner = command("/memdoor", &["--analyze-oom", "3650"]);
    let ended = run_command(through(&["chroot", dir.path().to_str().expect("UTF-8")], &inner));
    assert!(ended.out.contains("SYSTEM OOM ANALYSIS - last 3650 days, the logs of this machine"), "{ended:?}");
}
