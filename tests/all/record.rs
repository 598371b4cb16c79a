//! `-o DIR` and `memdoor recover`: what a watch leaves on the disk, whatever happens to it, to its output or to its directory.

use crate::common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use common::host::{TempDir, has_unprivileged, is_root, unlockable, unprivileged, works};
use common::json::Json;
use common::report::{BANNERS, Report};
use common::run::{Ended, Process, Running, command, memdoor, poll, run, run_command, through, through_shell};
use common::skip;
use common::target::Victim;
use memdoor::sys::clock::{Zone, civil};
use nix::sys::signal::Signal;

/// An entry of a record in text, or in JSON.
#[derive(Debug, Clone)]
struct Entry {
    number: usize,
    kind: String,
    body: String,
}

/// The entries of what `memdoor recover` printed, or of a finished file.
fn entries(text: &str) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("Entry: ") {
            let mut words = rest.split_whitespace();
            let number = words.next().expect("a number").parse().expect("a number");
            let kind = words.next().expect("a kind").to_string();
            let body = String::new();
            all.push(Entry { number, kind, body });
        } else if let Some(entry) = all.last_mut() {
            entry.body.push_str(line);
        }
    }
    all
}

fn kinds(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| &*entry.kind).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

/// The only file there.
fn only(dir: &Path) -> PathBuf {
    let mut found = files(dir);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("UTF-8")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("UTF-8")
}

fn recover(path: &Path) -> Ended {
    run(&["recover", path.to_str().expect("UTF-8")])
}

/// A directory of its own below `dir`.
fn below(dir: &TempDir) -> String {
    let path = dir.join("records");
    fs::create_dir(&path).expect("a directory");
    path
}

/// Each part of a snapshot ends with a blank line, and each has its banner.
fn is_of_whole_sections(entry: &Entry) -> bool {
    // That much is said in its first line.
    if entry.kind == "short" {
        return entry.body.ends_with('\n');
    }
    let end = if entry.kind == "start" { "\n" } else { "\n\n" };
    entry.body.ends_with(end) && entry.body.starts_with("Report Time: ")
}

#[test]
fn what_does_not_fit_into_the_record_is_whole_on_standard_output() {
    for format in ["text", "json"] {
        let dir = TempDir::new();
        let victim = Victim::start(&["maps", "2000"]);
        let watch = ["-p", &victim.id(), "-i", "0.05", "-c", "3"];
        // Room for the first, and not for three.
        let (size, bytes) = if format == "text" { ("300k", 300 << 10) } else { ("1100k", 1100 << 10) };
        let more = ["--record-size", size, "--format", format, "--seize", "never"];
        let ended = run(&[&watch[..], &more, &["-o", &dir.join("")]].concat());
        // It is not in the record, which is said, with what to type.
        assert_eq!(ended.code(), 4, "{format}: {}", ended.err);
        assert!(!ended.err.contains("too small"), "{}", ended.err);
        assert!(
            ended.err.contains("memdoor: part of the evidence is not in the record: 1 report has"),
            "{}",
            ended.err
        );
        assert!(ended.err.contains("\nhint: --record-size "), "{}", ended.err);
        let recovered = recover(&only(dir.path()));
        assert_eq!(recovered.code(), 4, "{}", recovered.err);
        assert!(recovered.err.contains(": 1 entry is cut (short): "), "{}", recovered.err);
        let mark = if format == "text" { "\n[cut: the record has no room for " } else { "\"memdoor.record.cut\"" };
        assert_eq!(recovered.out.matches(mark).count(), 1, "{format}");
        let (last, rows) = match format {
            "text" => ("\nOther Sockets: ", "p  00:00  "),
            _ => ("memdoor.snapshot.end\"", "memdoor.snapshot.mapping\""),
        };
        assert_eq!(ended.out.matches(last).count(), 3, "{format}: {}", ended.out.len());
        assert!(ended.out.matches(rows).count() >= 3 * 2000, "{format}");
        let record = fs::metadata(only(dir.path())).expect("metadata").len();
        assert!(record <= bytes, "{record}");
        if format == "json" {
            ended.out.lines().for_each(|line| drop(Json::parse(line)));
        }
    }
}

#[test]
fn a_size_without_room_for_one_snapshot_is_made_larger_and_where_there_is_no_room_for_that_nothing_begins() {
    let victim = Victim::start(&["maps", "300"]);
    let id = victim.id();
    for size in ["16k", "24k"] {
        let dir = TempDir::new();
        let watch = ["-p", &id, "-i", "0.05", "-c", "3", "--record-size", size, "-o", &dir.join("")];
        let ended = run(&watch);
        assert!(matches!(ended.code(), 0 | 4), "{ended:#?}");
        let warning =
            format!("memdoor: warning: --record-size {size} is too small: a snapshot of this process takes about ");
        assert!(ended.err.contains(&warning), "{}", ended.err);
        assert!(!ended.err.contains("not in the record"), "{}", ended.err);
        let file = only(dir.path());
        let entries = entries(&text(&file));
        assert_eq!(kinds(&entries), ["start", "above", "above", "above", "ended"]);
        assert_eq!(recover(&file).code(), 0);
    }
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare for a small file system of its own");
    }
    let dir = TempDir::new();
    let script = format!("mount -t tmpfs -o size=64k none {0} && \"$@\"; echo $?; ls -A {0}", dir.join(""));
    let watch = memdoor(&["-p", &id, "-m", "99", "-c", "1", "--record-size", "16k", "-o", &dir.join("")]);
    let ended = run_command(through(&["unshare", "-m"], &through_shell(&script, &watch)));
    assert_eq!(ended.out, "1\n", "{ended:#?}");
    assert!(ended.err.contains("no space left on device (ENOSPC)"), "{}", ended.err);
    assert!(ended.err.contains("less has no room for a snapshot of this process: -o another DIR"), "{}", ended.err);
}

#[test]
fn a_record_is_a_head_and_what_standard_output_got() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let watch = ["-p", &victim.id(), "-m", "99", "-i", "0.05", "-c", "3"];
    let ended = run(&[&watch[..], &["-o", &dir.join("")]].concat());
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let file = only(dir.path());
    assert_eq!(file.metadata().expect("metadata").mode() & 0o7777, 0o600);
    let known = format!("memdoor-victim-{}-20", victim.id());
    assert!(name(&file).starts_with(&known) && name(&file).ends_with("Z.txt"), "{file:?}");
    let text = text(&file);
    let entries = entries(&text);
    assert_eq!(kinds(&entries), ["start", "below", "below", "below", "ended"]);
    let head = &entries[0].body;
    for line in [
        format!("PID: {}\n", victim.id()),
        format!("Memdoor Version: {}\n", env!("CARGO_PKG_VERSION")),
        format!("Watch Command Line: {} -o {}\n", watch.join(" "), dir.join("")),
        "Command Name: victim\n".into(),
    ] {
        assert!(head.contains(&line), "{line}: {head}");
    }
    for label in ["Host Name: ", "Kernel Release: ", "Boot ID: ", "Report Time UTC: "] {
        assert!(head.contains(label), "{head}");
    }
    let rest: String = entries[1..].iter().map(|entry| &*entry.body).collect();
    assert_eq!(rest, ended.out);
    assert!(entries[4].body.contains("Watch Ended Because: the count of reports was reached\n"));
    // Nothing is cut of it.
    let again = recover(&file);
    assert_eq!((again.code(), &*again.err), (0, ""));
    assert!(text.ends_with(&again.out[again.out.find("Entry:").expect("entries")..]));
}

#[test]
fn in_json_every_line_is_an_object() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let id = victim.id();
    let watch = ["-p", &id, "-i", "0.05", "-c", "2", "--format", "json", "-o"];
    let ended = run(&[&watch[..], &[&dir.join("")]].concat());
    assert!(matches!(ended.code(), 0 | 4), "{ended:#?}");
    let file = only(dir.path());
    assert!(name(&file).ends_with("Z.ndjson"), "{file:?}");
    let recovered = recover(&file);
    assert_eq!((recovered.code(), &*recovered.err), (0, ""));
    for text in [text(&file), recovered.out] {
        let lines: Vec<Json> = text.lines().map(Json::parse).collect();
        let of = |name: &str| lines.iter().filter(|line| line.text("event_name") == name).count();
        assert_eq!(of("memdoor.record.file"), 1);
        assert_eq!(of("memdoor.record.entry"), 4);
        assert_eq!(of("memdoor.record.begin"), 1);
        assert_eq!(of("memdoor.snapshot.begin"), 2);
        assert_eq!(of("memdoor.watch.end"), 1);
        let plain: String =
            text.lines().filter(|line| !line.contains("\"memdoor.record.")).map(|line| format!("{line}\n")).collect();
        assert_eq!(plain, ended.out);
    }
}

#[test]
fn a_full_record_keeps_the_first_crossing_and_the_last_snapshot() {
    let dir = TempDir::new();
    // Two snapshots fit, however many processes this one descends from.
    let victim = Victim::start(&["maps", "30"]);
    let watch = ["-p", &victim.id(), "-i", "0.02", "-c", "30", "--record-size", "32k"];
    let ended = run(&[&watch[..], &["-o", &dir.join("")]].concat());
    assert!(matches!(ended.code(), 0 | 4), "{ended:#?}");
    let file = only(dir.path());
    assert!(file.metadata().expect("metadata").len() <= 32 << 10);
    let entries = entries(&text(&file));
    let numbers: Vec<usize> = entries.iter().map(|entry| entry.number).collect();
    assert!(numbers.len() < 12, "{numbers:?}");
    assert_eq!(numbers[..2], [0, 1]);
    assert_eq!(numbers[numbers.len() - 2..], [30, 31]);
    assert_eq!(kinds(&entries)[1], "above");
    let reports = ended.reports();
    assert_eq!(entries[1].body, lines(&reports[0]));
    assert_eq!(entries[numbers.len() - 2].body, lines(&reports[29]));
    assert_eq!(recover(&file).code(), 0);
}

fn lines(report: &Report) -> String {
    report.lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn killed_at_any_moment_it_leaves_whole_sections_and_the_first_crossing() {
    let victim = Victim::start(&["maps", "60"]);
    let mut open = 0;
    let mut full = 0;
    for round in 0..40_u64 {
        let dir = TempDir::new();
        let watch = ["-p", &victim.id(), "-i", "0.01", "--record-size", "40k"];
        let watch = memdoor(&[&watch[..], &["-o", &dir.join("")]].concat());
        let watch = Running::start_into(watch, Stdio::null());
        let file = poll("a record", || files(dir.path()).pop());
        // Any number that has nothing to do with the interval.
        std::thread::sleep(Duration::from_micros(round * 79_190 % 300_000));
        watch.signal(Signal::SIGKILL);
        watch.wait();
        assert!(name(&file).ends_with(".part"), "{file:?}");
        let ended = recover(&file);
        if !text(&file).starts_with("#####") {
            // Killed before it was a record.
            assert_eq!(ended.code(), 1, "{ended:#?}");
            continue;
        }
        assert!(matches!(ended.code(), 0 | 4), "{ended:#?}");
        assert!(!ended.err.contains("bytes are left out"), "{ended:#?}");
        open += usize::from(ended.err.contains("was being written"));
        let entries = entries(&ended.out);
        for entry in &entries {
            assert!(is_of_whole_sections(entry), "{entry:#?}");
        }
        if entries.len() > 1 {
            assert_eq!((entries[0].number, entries[1].number), (0, 1));
            assert_eq!(entries[1].kind, "above");
        }
        full += usize::from(entries.iter().any(|entry| entry.number > 4));
    }
    assert!(full > 5, "control: {full} were full, {open} in the middle of an entry");
}

#[test]
fn a_damaged_entry_is_left_out_and_no_other() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let watch = ["-p", &victim.id(), "-m", "99", "-i", "0.02", "-c", "4", "-o"];
    assert_eq!(run(&[&watch[..], &[&dir.join("")]].concat()).code(), 0);
    let file = only(dir.path());
    let mut bytes = fs::read(&file).expect("bytes");
    let text = text(&file);
    let third = text.match_indices("Process RSS").nth(2).expect("three").0;
    bytes[third] ^= 1;
    fs::write(&file, &bytes).expect("written");
    let ended = recover(&file);
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert!(ended.err.contains("bytes are left out: they are no complete entry"), "{}", ended.err);
    let numbers: Vec<usize> = entries(&ended.out).iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [0, 1, 2, 4, 5]);
    // A disk that has not got the end.
    fs::write(&file, &text.as_bytes()[..text.len() - 30]).expect("written");
    let ended = recover(&file);
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert!(ended.err.contains("5 entries; the end of the watch is not among them"), "{}", ended.err);
}

/// Files that were put together, and whatever else came behind the end of a record.
#[test]
fn records_behind_each_other_are_all_recovered_and_what_is_none_is_counted() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    for format in ["text", "json"] {
        let records = dir.join(format);
        let id = victim.id();
        let ended = run(&["-p", &id, "-i", "0.05", "-c", "2", "-o", &records, "--format", format]);
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let file = only(Path::new(&records));
        let one = fs::read(&file).expect("it");
        let alone = recover(&file);
        assert_eq!((alone.code(), alone.err.as_str()), (0, ""), "{alone:#?}");
        let both = dir.join("both");
        fs::write(&both, [&one[..], &one].concat()).expect("written");
        let twice = recover(Path::new(&both));
        assert_eq!((twice.code(), twice.err.as_str()), (0, ""), "{format}");
        assert_eq!(twice.out, alone.out.repeat(2), "{format}");
        // What was recovered can be recovered again.
        fs::write(&both, &twice.out).expect("written");
        assert_eq!(recover(Path::new(&both)).out, twice.out, "{format}");
        fs::write(&both, [&one[..], b"what is this\n", &one[..one.len() - 9]].concat()).expect("written");
        let ended = recover(Path::new(&both));
        assert_eq!(ended.code(), 4, "{ended:#?}");
        assert!(ended.out.starts_with(&alone.out) && ended.out.len() > alone.out.len(), "{format}");
        let first = format!(
            "memdoor: {both}, record 1: 12 bytes behind the end are left out: they are no record, and none of this one\n"
        );
        assert!(ended.err.starts_with(&first), "{ended:#?}");
        let second = format!("memdoor: {both}, record 2: ");
        assert!(
            ended.err.contains(&second) && ended.err.contains("the end of the watch is not among them"),
            "{ended:#?}"
        );
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let dir = TempDir::new();
    let other = dir.write("other", b"##### MEMDOOR RECOR");
    let link = dir.join("link");
    symlink(&other, &link).expect("a link");
    for (path, words) in [
        ("/etc/passwd", "/etc/passwd is no record of memdoor"),
        (&other, "is no record of memdoor"),
        ("/dev/null", "cannot read /dev/null"),
        ("/dev/zero", "cannot read /dev/zero"),
        ("/nowhere", "cannot read /nowhere: no such file or directory (ENOENT)"),
        (&dir.join(""), "it is a directory, and no regular file"),
        (&link, "it is a symbolic link, and links are not followed"),
    ] {
        let ended = run(&["recover", path]);
        assert_eq!((ended.code(), &*ended.out), (1, ""), "{path}: {ended:#?}");
        assert!(ended.err.contains(words), "{path}: {}", ended.err);
    }
    for args in [&["recover"][..], &["recover", "a", "b"], &["recover", "--x"]] {
        assert_eq!(run(args).code(), 2, "{args:?}");
    }
}

/// All names that a record of `comm` could get within the next seconds.
fn names_to_come(comm: &str, pid: &str) -> Vec<String> {
    let now = memdoor::sys::clock::Now::read().realtime;
    let name = |second| {
        let date = civil(now + Duration::from_secs(second), Zone::Utc);
        format!(
            "memdoor-{comm}-{pid}-{}{:02}{:02}T{:02}{:02}{:02}Z.txt",
            date.year, date.month, date.day, date.hour, date.minute, date.second
        )
    };
    (0..30).map(name).collect()
}

#[test]
fn a_link_in_the_place_of_the_record_is_not_followed() {
    let dir = TempDir::new();
    let records = below(&dir);
    let precious = dir.write("precious", b"precious");
    let victim = Victim::start(&["hold", "1"]);
    let id = victim.id();
    for name in names_to_come("victim", &id) {
        symlink(&precious, format!("{records}/{name}.part")).expect("a link");
    }
    let ended = run(&["-p", &id, "-c", "1", "-o", &records]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let made = files(Path::new(&records)).into_iter().filter(|file| !file.is_symlink());
    let made: Vec<PathBuf> = made.collect();
    assert!(matches!(&made[..], [one] if name(one).ends_with("Z-2.txt")), "another name: {made:?}");
    assert_eq!(fs::read(&precious).expect("read"), b"precious");
}

#[test]
fn what_has_the_name_of_the_finished_record_is_not_replaced() {
    let dir = TempDir::new();
    let records = below(&dir);
    let victim = Victim::start(&["hold", "1"]);
    let id = victim.id();
    for name in names_to_come("victim", &id) {
        fs::write(format!("{records}/{name}"), "precious").expect("a file");
    }
    let ended = run(&["-p", &id, "-m", "99", "-c", "1", "-o", &records]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let all = files(Path::new(&records));
    let (made, rest): (Vec<_>, Vec<_>) = all.iter().partition(|path| name(path).ends_with("Z-2.txt"));
    assert_eq!(made.len(), 1);
    assert!(rest.iter().all(|path| text(path) == "precious"));
    assert_eq!(recover(made[0]).code(), 0);
}

/// A watch that has written a report, and its open record.
fn recording(victim: &Victim, records: &str) -> (Running, PathBuf) {
    let mut watch = Running::start(memdoor(&["-p", &victim.id(), "-m", "99", "-i", "0.05", "-o", records]));
    watch.next_report();
    (watch, only(Path::new(records)))
}

#[test]
fn what_has_got_the_name_of_the_record_meanwhile_is_not_replaced() {
    let dir = TempDir::new();
    let records = below(&dir);
    let victim = Victim::start(&["hold", "1"]);
    let (watch, part) = recording(&victim, &records);
    let finished = part.with_extension("");
    fs::write(&finished, "precious").expect("a file");
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(ended.err.contains("cannot complete") && ended.err.contains("hint: "), "{}", ended.err);
    assert_eq!(text(&finished), "precious");
    assert_eq!(recover(&part).code(), 0);
}

#[test]
fn another_file_in_the_place_of_an_open_record_gets_no_name_and_the_record_stays_where_it_was_moved_to() {
    let dir = TempDir::new();
    let records = below(&dir);
    let victim = Victim::start(&["hold", "1"]);
    let (watch, part) = recording(&victim, &records);
    let moved = Path::new(&records).join("moved");
    fs::rename(&part, &moved).expect("moved away");
    fs::write(&part, "precious").expect("a file");
    let inode = fs::metadata(&moved).expect("it").ino();
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(ended.err.contains("the record was moved away, and what is there is another file"), "{}", ended.err);
    assert!(ended.err.contains(&format!("hint: find {records} -inum {inode} ")), "{}", ended.err);
    assert_eq!(text(&part), "precious");
    assert!(!fs::exists(part.with_extension("")).expect("looked"), "nothing has its final name");
    let recovered = recover(&moved);
    assert_eq!(recovered.code(), 0, "{recovered:#?}");
    // With nothing in its place.
    let (watch, part) = recording(&victim, &dir.join("others"));
    fs::rename(&part, part.with_file_name("moved")).expect("moved away");
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 1, "{ended:#?}");
    let said = "the record was moved away, and stays as it is\nhint: find ";
    assert!(ended.err.contains(said), "{}", ended.err);
}

#[test]
fn what_is_no_regular_file_is_named_as_what_it_is_and_never_recovered() {
    let dir = TempDir::new();
    let fifo = dir.join("fifo");
    assert!(works(&["mkfifo", &fifo]));
    let link = dir.join("link");
    symlink(&fifo, &link).expect("a link");
    for (path, what) in [
        ("/dev/null", "it is a character device, and no regular file"),
        ("/dev/zero", "it is a character device, and no regular file"),
        (&fifo, "it is a FIFO, and no regular file"),
        (&dir.join(""), "it is a directory, and no regular file"),
        (&link, "it is a symbolic link, and links are not followed"),
    ] {
        let ended = run(&["recover", path]);
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:#?}");
        let expected = format!("memdoor: cannot read {path}: {what}\nhint: name ");
        assert!(ended.err.starts_with(&expected), "{}", ended.err);
    }
}

#[test]
fn a_pipe_without_a_name_is_called_that_and_nobody_is_told_to_look_where_its_link_leads() {
    for (script, what) in
        [("true | \"$@\" /dev/stdin", "/dev/stdin"), ("true | \"$@\" /proc/self/fd/0", "/proc/self/fd/0")]
    {
        let ended = run_command(through_shell(script, &memdoor(&["recover"])));
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:#?}");
        let expected = format!(
            "memdoor: cannot read {what}: it is a pipe, and no regular file\n\
             hint: write what comes through it to a file (command >FILE), and name that: memdoor recover FILE\n"
        );
        assert_eq!(ended.err, expected);
    }
}

/// readlink(1) would show what its own standard input is.
#[test]
fn a_file_that_is_named_by_a_descriptor_is_to_be_named_itself() {
    let dir = TempDir::new();
    let file = dir.write("record", b"x");
    for name in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let ended = run_command(through_shell(&format!("\"$@\" {name} <{file}"), &memdoor(&["recover"])));
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:#?}");
        let hint = "\nhint: name the file itself, and not the descriptor that it is open as: memdoor recover FILE\n";
        assert!(ended.err.ends_with(hint), "{name}: {ended:#?}");
    }
}

#[test]
fn a_directory_that_goes_away_ends_no_watch_but_is_told() {
    let dir = TempDir::new();
    let records = below(&dir);
    let victim = Victim::start(&["hold", "1"]);
    let watch = ["-p", &victim.id(), "-m", "99", "-i", "0.05", "-o", &records];
    let mut watch = Running::start(memdoor(&watch));
    watch.next_report();
    fs::remove_dir_all(&records).expect("removed");
    for _ in 0..5 {
        assert!(watch.next_report().is_below());
    }
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(ended.err.contains("cannot complete"), "{}", ended.err);
    let said = "the record was deleted while the watch ran, and what it held is lost\nhint: ";
    assert!(ended.err.contains(said), "{}", ended.err);
}

#[test]
fn a_record_that_was_deleted_is_lost_and_nobody_is_told_to_look_for_it() {
    let dir = TempDir::new();
    let records = below(&dir);
    let victim = Victim::start(&["hold", "1"]);
    for replaced in [false, true] {
        let (watch, part) = recording(&victim, &records);
        fs::remove_file(&part).expect("deleted");
        if replaced {
            fs::write(&part, "precious").expect("another");
        }
        watch.signal(Signal::SIGTERM);
        let ended = watch.end();
        assert_eq!(ended.code(), 1, "{ended:#?}");
        let said = format!(
            "memdoor: cannot complete {}: the record was deleted while the watch ran, and what it held is lost\nhint: ",
            part.display()
        );
        assert!(ended.err.contains(&said) && !ended.err.contains("-inum"), "{}", ended.err);
        assert!(!replaced || text(&part) == "precious");
        let _ = fs::remove_file(&part);
    }
}

#[test]
fn a_directory_that_goes_away_costs_the_death_nothing_on_standard_output() {
    let dir = TempDir::new();
    let records = below(&dir);
    let victim = Victim::start(&["hold", "1"]);
    let id = victim.id();
    let watch = ["-p", &id, "-m", "99", "-i", "60", "--seize", "always", "-o"];
    let mut watch = Running::start(memdoor(&[&watch[..], &[&records]].concat()));
    watch.next_report();
    fs::remove_dir_all(&records).expect("removed");
    victim.kill();
    let ended = watch.end();
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(ended.err.contains("cannot complete"), "{}", ended.err);
    assert!(ended.out.contains("\nSnapshot: complete\n"), "{ended:#?}");
    assert!(ended.reports().pop().expect("reports").is_end());
}

#[test]
fn a_disk_that_is_full_by_then_has_the_death_all_the_same() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare for a small file system of its own");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let id = victim.id();
    // What is written to the full disk by somebody else must fail.
    let script = format!(
        "mount -t tmpfs -o size=256k none {0} || exit 9
        \"$@\" >/dev/null 2>&1 & watch=$!
        until grep -qs below {0}/*.part; do sleep 0.01; done
        dd if=/dev/zero of={0}/fill 2>/dev/null
        echo more 2>/dev/null >{0}/more && exit 8
        kill -KILL {id}
        wait $watch; echo \"exit $?\"; ls {0}; cat {0}/memdoor-*",
        dir.join("")
    );
    let watch = ["-p", &id, "-m", "99", "-i", "60", "--seize", "always"];
    let record = ["--record-size", "64k", "-o", &dir.join("")];
    let watch = memdoor(&[&watch[..], &record].concat());
    let ended = run_command(through(&["unshare", "-m"], &through_shell(&script, &watch)));
    assert!(ended.out.starts_with("exit 5\n"), "{ended:#?}");
    assert!(!ended.out.contains(".part\n"), "{ended:#?}");
    let entries = entries(&ended.out);
    assert_eq!(kinds(&entries), ["start", "below", "death", "ended"]);
    assert!(entries[2].body.contains("\nSnapshot: complete\n"));
}

#[test]
fn a_directory_without_a_parent_is_an_error_with_a_hint() {
    let victim = Victim::start(&["hold", "1"]);
    for (path, words) in [
        (
            "/nowhere/at/all",
            "create a record in /nowhere/at/all: /nowhere: no such file or directory (ENOENT)\nhint: mkdir -p /nowhere/at\n",
        ),
        (
            "/etc/passwd",
            "create a record in /etc/passwd: not a directory (ENOTDIR)\nhint: name another place: -o DIR\n",
        ),
    ] {
        let ended = run(&["-p", &victim.id(), "-o", path]);
        assert_eq!((ended.code(), &*ended.out), (1, ""), "{ended:#?}");
        assert!(ended.err.contains(words), "{}", ended.err);
    }
}

#[test]
fn a_full_disk_is_an_error_and_nothing_is_left() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare for a small file system of its own");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let script = format!("mount -t tmpfs -o size=64k none {0} && \"$@\"; echo $?; ls -A {0}", dir.join(""));
    let watch = |size| {
        let watch = ["-p", &victim.id(), "-m", "99", "-c", "1", "--record-size", size, "-o"];
        let watch = memdoor(&[&watch[..], &[&dir.join("")]].concat());
        run_command(through(&["unshare", "-m"], &through_shell(&script, &watch)))
    };
    let ended = watch("1M");
    assert_eq!(ended.out, "1\n", "{ended:#?}");
    assert!(ended.err.contains("no space left on device (ENOSPC)"), "{}", ended.err);
    assert!(ended.err.contains("hint: ") && ended.err.contains("--record-size"), "{}", ended.err);
    // Control: with room for it, it works, and it is told that it will not last.
    let ended = watch("32k");
    assert!(ended.out.contains("\n0\nmemdoor-victim-"), "{ended:#?}");
    assert!(ended.err.contains("is in memory (tmpfs)"), "{}", ended.err);
}

#[test]
fn a_directory_that_may_not_be_written_to_is_an_error() {
    if !is_root() || !has_unprivileged() {
        return skip("needs root and setpriv to be another user");
    }
    let dir = TempDir::new();
    let program = dir.memdoor();
    let records = below(&dir);
    let victim = Victim::start(&["hold", "1"]);
    let mut watch = std::process::Command::new(program);
    watch.args(["-p", &victim.id(), "-m", "99", "-c", "1", "-o", &records]);
    let ended = run_command(unprivileged(&watch));
    assert_eq!((ended.code(), &*ended.out), (1, ""), "{ended:#?}");
    assert!(ended.err.contains("permission denied (EACCES)"), "{}", ended.err);
    // Control: where it may.
    fs::set_permissions(&records, fs::Permissions::from_mode(0o777)).expect("mode");
    let ended = run_command(unprivileged(&watch));
    assert!(matches!(ended.code(), 0 | 4), "{ended:#?}");
    // Without the right to lock memory it says so, and goes on.
    fs::remove_file(only(Path::new(&records))).expect("removed");
    let ended = run_command(unlockable(&watch));
    assert!(ended.err.contains("cannot lock memory"), "{}", ended.err);
    assert!(matches!(ended.code(), 0 | 4), "{ended:#?}");
    assert!(files(Path::new(&records)).iter().all(|file| name(file).ends_with(".txt")));
}

#[test]
fn a_record_larger_than_what_may_be_locked_is_made_all_the_same() {
    if !has_unprivileged() || !works(&["prlimit", "--version"]) {
        return skip("needs setpriv and prlimit");
    }
    let dir = TempDir::new();
    let program = dir.memdoor();
    let records = below(&dir);
    fs::set_permissions(&records, fs::Permissions::from_mode(0o777)).expect("mode");
    let victim = Victim::start(&["hold", "1"]);
    let mut watch = std::process::Command::new(program);
    watch.args(["-p", &victim.id(), "-m", "99", "-c", "1", "--record-size", "16M", "-o", &records]);
    let limited = through(&["prlimit", "--memlock=8388608:8388608"], &unprivileged(&watch));
    let ended = run_command(limited);
    assert!(matches!(ended.code(), 0 | 4), "{ended:#?}");
    assert!(ended.err.contains("cannot lock the memory of the record"), "{}", ended.err);
    assert_eq!(kinds(&entries(&text(&only(Path::new(&records))))), ["start", "below", "ended"]);
}

#[test]
fn the_oldest_finished_records_go_and_an_empty_file_is_none() {
    let dir = TempDir::new();
    let records = below(&dir);
    let old = |day: u8| format!("memdoor-z{}-1-202001{day:02}T000000Z.txt", 9 - day);
    for day in 1..=5 {
        let text = if day == 1 { "" } else { "##### MEMDOOR RECORD #####\n" };
        fs::write(format!("{records}/{}", old(day)), text).expect("a file");
    }
    let others =
        ["memdoor-a-1-20200101T000000Z.txt.part", "memdoor-a-1-20200101T000000Z.log", "memdoor.txt", "notes.txt"];
    for other in others {
        fs::write(format!("{records}/{other}"), "").expect("a file");
    }
    let foreign = "memdoor-b-1-20200101T000000Z.txt";
    fs::write(format!("{records}/{foreign}"), "my notes on memdoor").expect("a file");
    let target = dir.write("target", b"");
    let link = format!("{records}/memdoor-a-1-20200101T000001Z.txt");
    symlink(&target, &link).expect("a link");
    let directory = format!("{records}/memdoor-a-1-20200101T000002Z.ndjson");
    fs::create_dir(&directory).expect("a directory");
    let victim = Victim::start(&["hold", "1"]);
    let ended = run(&["-p", &victim.id(), "-m", "99", "-c", "1", "-o", &records, "--keep", "3"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let all = files(Path::new(&records));
    let mut names: Vec<&str> = all.iter().map(|path| name(path)).collect();
    for kept in others.iter().copied().chain([foreign, name(Path::new(&link)), name(Path::new(&directory))]) {
        assert!(names.contains(&kept), "{kept}: {names:?}");
        names.retain(|name| *name != kept);
    }
    names.retain(|name| !name.starts_with("memdoor-victim-"));
    assert_eq!(names, [old(5), old(4), old(1)]);
    assert!(Path::new(&target).exists());
    assert_eq!(all.len(), 11);
}

#[test]
fn the_record_of_a_long_watch_that_was_finished_last_is_the_newest() {
    let dir = TempDir::new();
    let records = below(&dir);
    let written = |name: &str, age: u64| {
        let file = fs::File::create(format!("{records}/{name}")).expect("a file");
        fs::write(format!("{records}/{name}"), "##### MEMDOOR RECORD #####\n").expect("written");
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("its time");
    };
    let long = "memdoor-db-1-20200101T000000Z.txt";
    written(long, 10);
    written("memdoor-a-2-20210101T000000Z.txt", 3000);
    // Of one second: the higher number is the later one.
    written("memdoor-b-3-20220101T000000Z.txt", 2000);
    written("memdoor-b-3-20220101T000000Z-2.txt", 1000);
    let victim = Victim::start(&["hold", "1"]);
    let ended = run(&["-p", &victim.id(), "-m", "99", "-c", "1", "-o", &records, "--keep", "3"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let all = files(Path::new(&records));
    let mut names: Vec<&str> = all.iter().map(|path| name(path)).collect();
    names.retain(|name| !name.starts_with("memdoor-victim-"));
    assert_eq!(names, ["memdoor-b-3-20220101T000000Z-2.txt", long]);
}

#[test]
fn records_of_a_process_with_an_empty_name_are_kept_no_longer_than_others() {
    let dir = TempDir::new();
    let records = below(&dir);
    let victim = Victim::start(&["comm", ""]);
    let before = format!("{records}/memdoor--1-20200101T000000Z.txt");
    fs::write(&before, "##### MEMDOOR RECORD #####\n").expect("a file");
    let ended = run(&["-p", &victim.id(), "-m", "99", "-c", "1", "-o", &records, "--keep", "1"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let expected = format!("memdoor--{}-", victim.id());
    assert!(name(&only(Path::new(&records))).starts_with(&expected), "{:?}", files(Path::new(&records)));
}

#[test]
fn a_directory_that_was_moved_is_named_where_it_is() {
    let dir = TempDir::new();
    let (records, moved) = (below(&dir), dir.join("moved"));
    let victim = Victim::start(&["hold", "1"]);
    let (watch, _) = recording(&victim, &records);
    fs::rename(&records, &moved).expect("moved");
    fs::create_dir(&records).expect("another one");
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let record = only(Path::new(&moved));
    let expected = format!("memdoor: the record is {}: {records} was moved", record.display());
    assert!(ended.err.contains(&expected), "{}", ended.err);
}

/// The verdict is on standard error, and the record has all of it, whatever happens to standard output.
#[test]
fn where_standard_output_can_not_be_written_the_verdict_is_said_and_is_the_exit_code_of_who_has_a_record() {
    for (target, code) in [(">/dev/full", "ENOSPC"), (">&-", "EBADF")] {
        for (options, exits) in
            [(&["-q", "--exit-code", "-o", "@"][..], 7), (&["-q", "-o", "@"], 1), (&["-q", "--exit-code"], 1)]
        {
            let dir = TempDir::new();
            let victim = Victim::start(&["hold", "1"]);
            let (id, records) = (victim.id(), dir.join(""));
            let options = options.iter().map(|word| if *word == "@" { records.as_str() } else { word });
            let words: Vec<&str> = ["-p", &id, "-m", "99", "--seize", "always"].into_iter().chain(options).collect();
            let script = format!("(sleep 1; kill -9 {id}) & exec \"$@\" {target}");
            let ended = run_command(through_shell(&script, &memdoor(&words)));
            assert_eq!(ended.code(), exits, "{target}: {words:?}: {ended:#?}");
            assert!(ended.err.contains(code), "{target}: {ended:#?}");
            assert_eq!(ended.err.matches("cannot write standard output").count(), 1, "{target}: {ended:#?}");
            // The death and the end.
            let count = "memdoor: 2 reports were lost: standard output could not be written\n";
            assert!(ended.err.contains(count), "{target}: {words:?}: {ended:#?}");
            let has_record = words.contains(&"-o");
            assert!(ended.err.contains(&format!("memdoor: PID {id}: no OOM kill: SIGKILL")), "{ended:#?}");
            if has_record {
                assert_eq!(kinds(&entries(&text(&only(dir.path())))).last(), Some(&"ended"));
            }
        }
    }
}

#[test]
fn with_a_record_standard_output_that_can_be_written_again_gets_reports_and_a_line_that_some_are_missing() {
    let victim = Victim::start(&["maps", "3000"]);
    let dir = TempDir::new();
    let (out, records) = (dir.join("out"), dir.join("records"));
    let inner = memdoor(&["-p", &victim.id(), "-i", "0.1", "-o", &records]);
    let watch = Running::start(through_shell(&format!("exec \"$@\" >> '{out}'"), &inner));
    let limit = |most: &str| {
        let limited = run_command(command("prlimit", &["--pid", &watch.pid().to_string(), most]));
        assert_eq!(limited.code(), 0, "{limited:#?}");
    };
    poll("a report", || (fs::metadata(&out).ok()?.len() >= 4096).then_some(()));
    limit("--fsize=100000:unlimited");
    std::thread::sleep(Duration::from_millis(700));
    limit("--fsize=unlimited");
    let note = "\n[standard output could not be written: reports are missing here]\n";
    poll("a report behind the note", || {
        let text = fs::read_to_string(&out).ok()?;
        text.split_once(note)?.1.contains(BANNERS[1]).then_some(())
    });
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(ended.err.matches("memdoor: standard output can be written again\n").count(), 1, "{}", ended.err);
    assert!(ended.err.contains(" lost: standard output could not be written\n"), "{}", ended.err);
    let record = text(&only(Path::new(&records)));
    assert!(entries(&record).len() > 5 && !record.contains(note), "the record has all");
}

#[test]
fn a_hostile_name_stays_in_its_directory() {
    for (comm, safe) in [("../../x", ".._.._x"), ("a\\nb/c", "a_b_c"), ("-\\x1b[2J", "___2J")] {
        let dir = TempDir::new();
        let victim = Victim::start(&["comm", comm]);
        let ended = run(&["-p", &victim.id(), "-m", "99", "-c", "1", "-o", &dir.join("")]);
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let file = only(dir.path());
        let expected = format!("memdoor-{safe}-{}-", victim.id());
        assert!(name(&file).starts_with(&expected), "{file:?}");
    }
}

#[test]
fn a_reader_that_does_not_read_costs_the_record_nothing() {
    let dir = TempDir::new();
    let victim = Victim::start(&["maps", "3000"]);
    let watch = ["-p", &victim.id(), "-i", "0.05", "-c", "8", "-o"];
    let mut watch = memdoor(&[&watch[..], &[&dir.join("")]].concat());
    watch.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut watch = Process::start(watch);
    // Nobody reads the pipe.
    let status = watch.wait();
    assert!(matches!(status.code(), Some(0 | 4)), "{status:?}");
    let entries = entries(&text(&only(dir.path())));
    let above = entries.iter().filter(|entry| entry.kind == "above");
    assert!(above.clone().count() >= 4, "{:?}", kinds(&entries));
    for entry in above {
        assert!(entry.body.contains("\nMappings: 30"), "{}", entry.number);
    }
    let got = watch.rest();
    assert!(got.starts_with("Report Time: ") && got.ends_with('\n'), "whole lines");
}

#[test]
fn a_reader_that_goes_away_ends_no_watch_that_has_a_record() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let watch = ["-p", &victim.id(), "-m", "99", "-i", "0.02", "-c", "10", "-o"];
    let watch = memdoor(&[&watch[..], &[&dir.join("")]].concat());
    let ended = run_command(through_shell("\"$@\" | head -1", &watch));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let file = poll("the end of it", || {
        let file = only(dir.path());
        name(&file).ends_with(".txt").then_some(file)
    });
    assert_eq!(entries(&text(&file)).len(), 12);
}

#[test]
fn a_new_record_without_room_takes_no_old_one_with_it() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let records = dir.join("records");
    let watch = ["-p", &victim.id(), "-m", "99", "-c", "1", "-o", &records];
    assert_eq!(run(&watch).code(), 0);
    let before = files(Path::new(&records));
    assert_eq!(before.len(), 1);
    // In blocks of 512 or 1024 bytes: less than a record takes.
    let inner = memdoor(&[&watch[..], &["--keep", "1", "--record-size", "10M"]].concat());
    let ended = run_command(through_shell("ulimit -f 40; exec \"$@\"", &inner));
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(files(Path::new(&records)), before, "{ended:#?}");
    assert_eq!(run(&[&watch[..], &["--keep", "1"]].concat()).code(), 0);
    let after = files(Path::new(&records));
    assert!(after.len() == 1 && after != before, "{after:?}");
}

#[test]
fn options_of_a_record_need_one_and_sizes_are_checked() {
    for (line, words) in [
        ("-p 1 --keep 3", "--keep without -o DIR"),
        ("-p 1 --record-size 1M", "--record-size without -o DIR"),
        ("-p 1 -o /tmp --record-size 1k", "--record-size: '1k' is not allowed: bytes, or with k or M"),
        ("-p 1 -o /tmp --record-size 2000M", "is not allowed"),
        ("-p 1 -o /tmp --record-size M", "is not allowed"),
        ("-p 1 -o /tmp --keep 0", "--keep: '0' is not allowed"),
        ("-p 1 -o", "-o needs a value: a directory"),
    ] {
        let words_typed: Vec<&str> = line.split(' ').collect();
        let ended = run(&words_typed);
        assert_eq!(ended.code(), 2, "{line}: {ended:#?}");
        assert!(ended.err.contains(words), "{line}: {}", ended.err);
    }
}

#[test]
fn a_process_that_dies_has_its_end_in_the_record() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let watch = ["-p", &victim.id(), "-i", "0.1", "-o", &dir.join("")];
    let mut watch = Running::start(memdoor(&watch));
    watch.next_report();
    victim.kill();
    assert_eq!(watch.end().code(), 5);
    let entries = entries(&text(&only(dir.path())));
    let last = entries.last().expect("entries");
    assert_eq!(last.kind, "ended");
    assert!(last.body.contains("\nVerdict: "), "{last:#?}");
}

#[test]
fn an_entry_whose_number_is_damaged_is_not_dropped_and_the_record_is_no_whole_one() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let mut watch =
        Running::start(memdoor(&["-p", &victim.id(), "-i", "0.1", "-c", "3", "-m", "1", "-o", &dir.join("")]));
    while watch.line().is_some() {}
    assert_eq!(watch.end().code(), 0);
    let file = only(dir.path());
    let whole = text(&file);
    assert_eq!(recover(&file).code(), 0);
    let (line, number) =
        whole.lines().filter_map(|line| Some((line, line.strip_prefix("Entry: ")?))).next_back().expect("the end");
    assert!(number.trim_start().starts_with("4 ended"), "{line}");
    for other in ["1", "0", "9"] {
        let path = dir.join("damaged");
        std::fs::write(&path, whole.replace(line, &line.replacen("4 ended", &format!("{other} ended"), 1)))
            .expect("written");
        let ended = recover(Path::new(&path));
        assert!(ended.out.contains("\nWatch Ended Because: "), "{ended:#?}");
        let is_told = ended.code() == 4 && ended.err.contains("1 entry is out of its order");
        // A number that is only larger could be true: others may have been dropped before it.
        assert!(is_told || other == "9", "{other}: {ended:#?}");
    }
    let damaged = whole.replacen("0 start", "6 start", 1);
    let path = dir.join("first");
    std::fs::write(&path, damaged).expect("written");
    assert_eq!(recover(Path::new(&path)).code(), 4);
}

#[test]
fn a_record_one_of_whose_state_lines_is_damaged_is_recovered_in_part() {
    let dir = TempDir::new();
    let victim = Victim::start(&["hold", "1"]);
    let id = victim.id();
    let mut watch = Running::start(memdoor(&["-p", &id, "-i", "0.05", "-o", &dir.join("")]));
    watch.until("PID");
    watch.signal(nix::sys::signal::Signal::SIGKILL);
    let _ = watch.end();
    let file = only(dir.path());
    let whole = std::fs::read(&file).expect("it");
    let lines: Vec<usize> =
        whole.windows(7).enumerate().filter(|(_, part)| part == b"State: ").map(|(at, _)| at).collect();
    // Behind them one is of a report.
    assert!(lines.len() >= 2 && lines[1] < 1024);
    for at in lines.into_iter().take(2) {
        let mut torn = whole.clone();
        torn[at + 8..at + 20].fill(b'\n');
        let path = dir.join("torn");
        std::fs::write(&path, &torn).expect("written");
        let ended = recover(Path::new(&path));
        assert_eq!(ended.code(), 4, "{ended:#?}");
        assert!(ended.err.contains("a State line is damaged: what was written last may be missing"), "{ended:#?}");
    }
}
