//! The files of a session: their names, their rotation, a disk that is full, and a logrotate that takes them away.

use crate::common;

use std::ffi::{CStr, CString};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use common::host::{TempDir, is_root, names, works};
use common::json::Json;
use common::monitored::{MIB, Rows, envelope, group, growing, hostile, now, put_rows, row, sample};
use common::run::{Ended, command, own_test, run_command};
use common::skip;
use memdoor::monitor::files::{Files, SessionFile, is_table};
use memdoor::monitor::options::Form;
use memdoor::monitor::tables;
use memdoor::report::table::TableContext;
use memdoor::sys::out::{Out, Sink};
use memdoor::units::Bytes;

fn c(path: &str) -> CString {
    CString::new(path).expect("no NUL")
}

fn files(dir: &CStr, most: u64, keep: u32) -> Files<'_> {
    Files::create(Some(dir), &now(), Bytes(most), keep).unwrap_or_else(|error| panic!("{error}"))
}

/// One sample: a row in each of two files.
fn write(files: &mut Files<'_>, form: Form) {
    let (sample, envelope) = (sample(), envelope());
    let pen = TableContext::new(form, &envelope, &sample.now);
    let mut buf = vec![0; 16 << 10];
    let rows = [row(4243, b"leak", 1024 * MIB)];
    files.write(SessionFile::Memory, &pen, &mut buf, &mut |to| {
        tables::memory(&sample, rows.first(), to);
    });
    files.write(SessionFile::Processes, &pen, &mut buf, &mut |to| {
        tables::processes(&growing(&Rows(&rows)), 10, to);
    });
    files.end_sample();
}

fn read(dir: &str, name: &str) -> String {
    fs::read_to_string(format!("{dir}/{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

const MEMORY: &str = "memory_monitor_20261121_100831_memory.log";
const PROCESSES: &str = "memory_monitor_20261121_100831_processes.log";

#[test]
fn a_session_has_eight_files_for_its_owner_and_its_group() {
    let dir = TempDir::new();
    let made = dir.join("made");
    let path = c(&made);
    let mut files = files(&path, 1 << 20, 5);
    write(&mut files, Form::Csv);
    let expected = ["alerts", "cgroups", "fragmentation", "memory", "pressure", "processes", "summary", "swap"]
        .map(|name| format!("memory_monitor_20261121_100831_{name}.log"));
    assert_eq!(names(&made), expected);
    let mode = |path: &str| fs::metadata(path).expect("metadata").mode() & 0o777;
    // The umask may take more away, and nothing may be added.
    assert_eq!(mode(&made) & !0o700, 0);
    for name in expected {
        assert_eq!(mode(&format!("{made}/{name}")) & !0o640, 0, "{name}");
    }
    assert_eq!(read(&made, MEMORY).lines().count(), 2, "a header and a row");
    assert!(read(&made, MEMORY).starts_with("Timestamp,Total_KB,"));
    assert!(read(&made, PROCESSES).starts_with("Timestamp,PID,"));
    assert_eq!(files.stamp(), b"20261121_100831");
}

#[test]
fn the_memory_file_is_csv_whatever_is_asked_for() {
    for form in [Form::Json, Form::Text] {
        let dir = TempDir::new();
        let path = dir.c_str();
        let mut files = files(path, 1 << 20, 5);
        write(&mut files, form);
        let dir = dir.join("");
        assert!(read(&dir, MEMORY).starts_with("Timestamp,Total_KB,"));
        match form {
            Form::Json => assert_eq!(Json::parse(read(&dir, PROCESSES).trim_end()).number("process.pid"), 4243),
            _ => assert!(read(&dir, PROCESSES).starts_with("THE LARGEST PROCESSES 2026-11-21T10:08:31.123Z\n")),
        }
    }
}

#[test]
fn a_second_session_of_the_same_second_has_names_of_its_own() {
    let dir = TempDir::new();
    let path = dir.c_str();
    let (mut first, mut second) = (files(path, 1 << 20, 5), files(path, 1 << 20, 5));
    write(&mut first, Form::Csv);
    write(&mut second, Form::Csv);
    assert_eq!(second.stamp(), b"20261121_100831-2");
    let dir = dir.join("");
    assert_eq!(names(&dir).len(), 16);
    assert_eq!(read(&dir, MEMORY).lines().count(), 2);
    assert_eq!(read(&dir, "memory_monitor_20261121_100831-2_memory.log").lines().count(), 2);
}

#[test]
fn what_is_there_is_neither_followed_nor_written_over() {
    let dir = TempDir::new();
    let elsewhere = dir.write("elsewhere", b"mine");
    let inside = dir.join("logs");
    fs::create_dir(&inside).expect("a directory");
    symlink(&elsewhere, format!("{inside}/{PROCESSES}")).expect("a link");
    let path = c(&inside);
    let error = Files::create(Some(&path), &now(), Bytes(1 << 20), 5).expect_err("there is one");
    let words = error.to_string();
    assert_eq!(words, format!("cannot create files in {inside}: file exists (EEXIST)"));
    assert_eq!(fs::read(&elsewhere).expect("it"), b"mine");
    let missing = c(&dir.join("no/parent"));
    let error = Files::create(Some(&missing), &now(), Bytes(1 << 20), 5).expect_err("no parent");
    assert!(error.to_string().ends_with("(ENOENT)"), "{error}");
}

#[test]
fn a_full_file_is_rotated_between_rows_and_each_has_the_header() {
    let dir = TempDir::new();
    let path = dir.c_str();
    let most = 700;
    let mut session = files(path, most, 2);
    for _ in 0..20 {
        write(&mut session, Form::Csv);
    }
    let dir = dir.join("");
    for name in [MEMORY, PROCESSES] {
        let parts = [format!("{name}.2"), format!("{name}.1"), name.to_string()];
        for part in &parts {
            let text = read(&dir, part);
            assert!(text.len() as u64 <= most, "{part} has {} bytes", text.len());
            let mut lines = text.lines();
            assert!(lines.next().expect("a header").starts_with("Timestamp,"), "{part}: {text}");
            let mut rows = 0;
            for line in lines {
                assert!(line.starts_with("2026-11-21T10:08:31.123Z,"), "{part}: {line}");
                rows += 1;
            }
            assert!(rows > 0, "{part}");
            assert!(text.ends_with('\n'));
        }
        let count = names(&dir).iter().filter(|other| other.starts_with(name)).count();
        assert_eq!(count, 3, "two old ones are kept");
    }
}

#[test]
fn without_old_ones_to_keep_a_file_begins_anew() {
    let dir = TempDir::new();
    let mut session = files(dir.c_str(), 700, 0);
    for _ in 0..20 {
        write(&mut session, Form::Json);
    }
    let dir = dir.join("");
    assert_eq!(names(&dir).len(), 8);
    let text = read(&dir, PROCESSES);
    assert_eq!(text.lines().count(), 1, "{text}");
    Json::parse(text.trim_end());
}

#[test]
fn a_table_that_does_not_fit_into_memory_is_written_in_pieces_of_whole_rows() {
    let (sample, rows, groups, alerts) = hostile();
    let envelope = envelope();
    for form in [Form::Csv, Form::Text, Form::Json] {
        let dir = TempDir::new();
        let mut session = files(dir.c_str(), 3000, 50);
        let pen = TableContext::new(form, &envelope, &sample.now);
        // Room for two or three rows.
        let mut buf = vec![0; 1500];
        for which in SessionFile::ALL {
            session.write(which, &pen, &mut buf, &mut |to| {
                put_rows(which, &sample, &rows, &groups, &alerts, to);
            });
        }
        session.end_sample();
        let path = dir.join("");
        let of_processes = |name: &&String| name.starts_with(PROCESSES);
        let mut count = 0;
        for name in names(&path).iter().filter(of_processes) {
            let text = read(&path, name);
            assert!(text.ends_with('\n'));
            count += match form {
                Form::Json => text.lines().filter(|line| Json::parse(line).number("process.pid") > 0).count(),
                Form::Csv => text.lines().count() - 1,
                Form::Text => text.lines().filter(|line| line.starts_with("   10")).count(),
            };
        }
        assert_eq!(count, rows.len(), "{form:?}");
    }
}

#[test]
fn what_logrotate_has_renamed_is_begun_anew_and_what_was_removed_too() {
    let dir = TempDir::new();
    let path = dir.c_str();
    let mut session = files(path, 1 << 20, 5);
    write(&mut session, Form::Csv);
    let dir = dir.join("");
    let moved = format!("{MEMORY}-20261121");
    fs::rename(format!("{dir}/{MEMORY}"), format!("{dir}/{moved}")).expect("rename");
    write(&mut session, Form::Csv);
    assert_eq!(read(&dir, &moved).lines().count(), 3, "before the signal it goes on there");
    session.reopen();
    write(&mut session, Form::Csv);
    assert_eq!(read(&dir, &moved).lines().count(), 3);
    assert_eq!(read(&dir, MEMORY).lines().count(), 2, "with a header again");
    assert_eq!(read(&dir, PROCESSES).lines().count(), 4, "which the one that was not renamed has already");
    // Somebody needs room: a file without a name would take it till the end.
    fs::remove_file(format!("{dir}/{MEMORY}")).expect("remove");
    write(&mut session, Form::Csv);
    assert_eq!(read(&dir, MEMORY).lines().count(), 2);
    // copytruncate
    fs::File::options().write(true).open(format!("{dir}/{MEMORY}")).and_then(|file| file.set_len(0)).expect("cut");
    write(&mut session, Form::Csv);
    assert_eq!(read(&dir, MEMORY).lines().count(), 2);
}

#[test]
fn words_of_any_length_go_to_the_summary() {
    let dir = TempDir::new();
    let session = files(dir.c_str(), 1 << 20, 5);
    let mut buf = [0; 64];
    let mut out = Out::new(session.sink(SessionFile::Summary), &mut buf);
    let text = "a line of the summary\n".repeat(1000);
    out.put(text.as_bytes());
    out.flush();
    assert_eq!(out.broken(), None);
    assert_eq!(read(&dir.join(""), "memory_monitor_20261121_100831_summary.log"), text);
    assert!(!matches!(session.sink(SessionFile::Summary), Sink::Nowhere));
}

/// Runs `body` in a process of its own, through `words` (unshare, a shell): the same test, told by its environment.
fn in_child(test: &str, words: &[&str], body: fn()) -> Option<Ended> {
    const CHILD: &str = "MEMDOOR_CHILD";
    if std::env::var_os(CHILD).is_some() {
        body();
        return None;
    }
    let own = std::env::current_exe().expect("the test itself");
    let mut child = command(words[0], &words[1..]);
    child.arg(own).arg(own_test(module_path!(), test)).args(["--exact", "--test-threads=1", "--nocapture"]);
    child.env(CHILD, "1");
    let ended = run_command(child);
    assert!(ended.out.contains("1 passed"), "{}", ended.err);
    Some(ended)
}

#[test]
fn a_full_disk_is_one_warning_and_no_half_row_and_one_note_when_there_is_room_again() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and a mount namespace for a disk that can be filled");
    }
    let script = "d=$(mktemp -d) && mount -t tmpfs -o size=64k none $d && cd $d || exit 9; \"$@\"; code=$?; umount -l $d; rmdir $d; exit $code";
    let test = "a_full_disk_is_one_warning_and_no_half_row_and_one_note_when_there_is_room_again";
    let words = ["unshare", "-m", "sh", "-c", script, "sh"];
    let Some(ended) = in_child(test, &words, fill_the_disk) else {
        return;
    };
    let said: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("memdoor: ")).collect();
    let [warning, note] = said[..] else {
        panic!("one of each: {said:#?}");
    };
    assert!(
        warning.starts_with("memdoor: warning: cannot write ./memory_monitor_20261121_100831_")
            && warning.ends_with(".log: no space left on device (ENOSPC); sampling goes on"),
        "{warning}"
    );
    let lost: u32 = note
        .strip_prefix("memdoor: files in . can be written again; ")
        .and_then(|rest| rest.strip_suffix(" rows were lost")?.parse().ok())
        .unwrap_or_else(|| panic!("{note}"));
    let seen = ended.out.lines().find_map(|line| line.strip_prefix("lost ")).expect("what is missing");
    assert_eq!(seen, lost.to_string(), "what was said is what is missing");
}

/// 400 samples, in the middle of which the disk is full.
fn fill_the_disk() {
    let dir = c(".");
    let mut session = files(&dir, 1 << 20, 5);
    for number in 0..400 {
        write(&mut session, Form::Csv);
        if number == 50 {
            // As much as there is, and a little less than a page in the files of the session.
            let _ = fs::write("ballast", vec![0; 64 << 10]);
        }
        if number == 300 {
            fs::remove_file("ballast").expect("remove");
        }
    }
    let mut rows = 0;
    for name in [MEMORY, PROCESSES] {
        let text = read(".", name);
        let columns = text.lines().next().expect("a header").matches(',').count();
        for line in text.lines() {
            assert_eq!(line.matches(',').count(), columns, "a half row: {line}");
        }
        assert!(text.ends_with('\n'));
        rows += text.lines().count() - 1;
    }
    assert!((200..799).contains(&rows), "some were lost, and not all: {rows}");
    let lost = format!("\nlost {}\n", 800 - rows);
    std::io::stdout().write_all(lost.as_bytes()).expect("written");
}

#[test]
fn a_limit_of_the_size_of_files_is_said_and_survived() {
    let test = "a_limit_of_the_size_of_files_is_said_and_survived";
    let script = "ulimit -f 4; trap '' XFSZ; exec \"$@\"";
    let Some(ended) = in_child(test, &["bash", "-c", script, "bash"], reach_the_limit) else {
        return;
    };
    let said: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("memdoor: ")).collect();
    assert!(matches!(said[..], [one] if one.contains("(EFBIG)")), "{said:#?}");
}

fn reach_the_limit() {
    let dir = TempDir::new();
    let mut session = files(dir.c_str(), 1 << 20, 5);
    for _ in 0..100 {
        write(&mut session, Form::Csv);
    }
    let text = read(&dir.join(""), MEMORY);
    assert!((3900..=4096).contains(&text.len()), "{}", text.len());
    assert!(text.ends_with(",leak,1048576\n"), "no half row: {text}");
}

#[test]
fn a_directory_that_may_not_be_written_is_an_error_with_its_name() {
    if is_root() {
        return skip("root may write everywhere");
    }
    let dir = TempDir::new();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o500)).expect("mode");
    let error = Files::create(Some(dir.c_str()), &now(), Bytes(1), 1).expect_err("not permitted");
    assert!(error.to_string().contains("(EACCES)"), "{error}");
}

#[test]
fn groups_of_a_session_have_a_file() {
    let dir = TempDir::new();
    let mut session = files(dir.c_str(), 1 << 20, 5);
    let envelope = envelope();
    let pen = TableContext::new(Form::Text, &envelope, &now());
    let groups = [group(b"/a", 3 * MIB, None)];
    session.write(SessionFile::Cgroups, &pen, &mut vec![0; 4096], &mut |to| tables::cgroups(&groups, to));
    let text = read(&dir.join(""), "memory_monitor_20261121_100831_cgroups.log");
    assert!(text.starts_with("CGROUPS 2026-11-21T10:08:31.123Z\nPath "), "{text}");
}

const OLD_PROCESSES: &str = "memory_monitor_20261121_100831_processes.log.1";

/// A foreign file stands where an old one is to go, then it is moved away.
fn rotate_onto_a_foreign_file() {
    let dir = TempDir::new();
    let mut session = files(dir.c_str(), 700, 2);
    let foreign = dir.write(OLD_PROCESSES, b"my notes\n");
    for _ in 0..20 {
        write(&mut session, Form::Csv);
    }
    assert_eq!(fs::read(&foreign).expect("it"), b"my notes\n");
    assert!(!fs::exists(dir.join("memory_monitor_20261121_100831_processes.log.2")).expect("looked"));
    assert!(session.is_failing(SessionFile::Processes) && !session.is_failing(SessionFile::Memory));
    assert!(fs::exists(dir.join("memory_monitor_20261121_100831_memory.log.2")).expect("looked"), "that one goes on");
    fs::rename(&foreign, dir.join("notes")).expect("renamed");
    write(&mut session, Form::Csv);
    assert!(!session.is_failing(SessionFile::Processes) && session.has_lost());
    assert!(read(&dir.join(""), OLD_PROCESSES).starts_with("Timestamp,PID,"));
}

#[test]
fn a_foreign_file_where_an_old_one_goes_stays_as_it_is_and_is_named() {
    let test = "a_foreign_file_where_an_old_one_goes_stays_as_it_is_and_is_named";
    let Some(ended) = in_child(test, &["env"], rotate_onto_a_foreign_file) else {
        return;
    };
    let said: Vec<&str> =
        ended.err.lines().filter(|line| line.starts_with("memdoor: ") || line.starts_with("hint: ")).collect();
    let [warning, hint, note] = said[..] else {
        panic!("a warning, a hint, and once that it is over: {said:#?}");
    };
    let why = format!(
        "/{OLD_PROCESSES}: what is there is no file of a session of memdoor monitor, and stays as it is; sampling goes on"
    );
    assert!(warning.starts_with("memdoor: warning: cannot write ") && warning.ends_with(&why), "{warning}");
    assert!(hint.starts_with("hint: move ") && hint.contains(OLD_PROCESSES), "{hint}");
    assert!(note.contains("can be written again"), "{note}");
}

/// A link stands where a file was, which has nothing to take in the samples after that.
fn block_a_file_by_a_link() {
    let dir = TempDir::new();
    let mut session = files(dir.c_str(), 1 << 20, 2);
    write(&mut session, Form::Csv);
    let alerts = dir.join("memory_monitor_20261121_100831_alerts.log");
    fs::remove_file(&alerts).expect("removed");
    symlink(dir.join("elsewhere"), &alerts).expect("a link");
    session.reopen();
    for _ in 0..3 {
        write(&mut session, Form::Csv);
    }
    std::io::stderr().write_all(b"memdoor: [the link goes]\n").expect("standard error");
    fs::remove_file(&alerts).expect("removed");
    write(&mut session, Form::Csv);
    assert!(!fs::exists(dir.join("elsewhere")).expect("looked"));
    assert!(fs::symlink_metadata(&alerts).expect("made").is_file());
}

#[test]
fn that_files_can_be_written_again_is_said_when_that_is_so_and_not_before() {
    let test = "that_files_can_be_written_again_is_said_when_that_is_so_and_not_before";
    let Some(ended) = in_child(test, &["env"], block_a_file_by_a_link) else {
        return;
    };
    let said: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("memdoor: ")).collect();
    let [warning, "memdoor: [the link goes]", note] = said[..] else {
        panic!("{said:#?}");
    };
    assert!(warning.contains("alerts.log: it is a symbolic link, and links are not followed; sampling"), "{warning}");
    assert!(note.ends_with("can be written again; 0 rows were lost"), "{note}");
}

/// Somebody else's text stands where two files were.
fn block_two_files() {
    let dir = TempDir::new();
    let mut session = files(dir.c_str(), 1 << 20, 2);
    write(&mut session, Form::Csv);
    for name in [MEMORY, PROCESSES] {
        fs::rename(dir.join(name), dir.join(&format!("moved-{name}"))).expect("renamed");
        dir.write(name, b"my notes\n");
    }
    session.reopen();
    for _ in 0..3 {
        write(&mut session, Form::Csv);
    }
    for name in [MEMORY, PROCESSES] {
        assert_eq!(read(&dir.join(""), name), "my notes\n");
        fs::remove_file(dir.join(name)).expect("removed");
    }
    write(&mut session, Form::Csv);
}

#[test]
fn each_file_of_a_session_that_something_is_in_the_way_of_is_named_once() {
    let test = "each_file_of_a_session_that_something_is_in_the_way_of_is_named_once";
    let Some(ended) = in_child(test, &["env"], block_two_files) else {
        return;
    };
    for name in [MEMORY, PROCESSES] {
        for line in ["memdoor: warning: cannot write ", "hint: move "] {
            let said = ended.err.lines().filter(|said| said.starts_with(line) && said.contains(name));
            assert_eq!(said.count(), 1, "{line} {name}: {}", ended.err);
        }
    }
    assert_eq!(ended.err.matches("can be written again").count(), 1, "{}", ended.err);
}

#[test]
fn what_a_file_of_a_session_begins_with_is_told_from_what_others_write() {
    let (sample, envelope) = (sample(), envelope());
    for form in [Form::Csv, Form::Text, Form::Json] {
        let dir = TempDir::new();
        let mut session = files(dir.c_str(), 1 << 20, 2);
        let pen = TableContext::new(form, &envelope, &sample.now);
        let (_, rows, groups, alerts) = hostile();
        for which in SessionFile::ALL {
            session.write(which, &pen, &mut vec![0; 64 << 10], &mut |to| {
                put_rows(which, &sample, &rows, &groups, &alerts, to);
            });
            let name = session.path(which);
            let name = std::str::from_utf8(name.as_bytes()).expect("UTF-8");
            let text = fs::read(name).expect("it");
            // What hostile() has nothing for is empty.
            let is_one = |text: &[u8]| {
                SessionFile::ALL.iter().any(|which| is_table(&text[..text.len().min(256)], which.table().0))
            };
            assert!(text.is_empty() || is_one(&text), "{form:?} {which:?}");
            assert!(!is_one(&text[text.len().min(1)..]), "{form:?} {which:?}");
        }
    }
    for others in
        ["Timestamp,mine\n1,2\n", "T", "CGROUPS\n", "CGROUPS of today\n", "cgroups 2026-11-21T10:08:31.123Z\n", "{}"]
    {
        let is_one = SessionFile::ALL.iter().any(|which| is_table(others.as_bytes(), which.table().0));
        assert!(!is_one, "{others}");
    }
}
