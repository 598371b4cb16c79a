//! What `memdoor dmesg` is given to read and is no file: FIFOs with and without a writer, devices, directories. It neither waits nor reads
//! for ever.

use crate::common;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::process::Stdio;
use std::time::Duration;

use common::host::{TempDir, works};
use common::run::{Bounds, Ended, Running, memdoor, run_command, through, through_shell};
use common::skip;

const LOG: &str = "[    5.000000] Out of memory: Killed process 7 (java) total-vm:7kB, anon-rss:40kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:48kB oom_score_adj:0\n";

fn json(path: &str) -> Ended {
    run_command(memdoor(&["dmesg", "--format", "json", path]))
}

fn fifo(dir: &TempDir) -> String {
    let path = dir.join("fifo");
    assert!(works(&["mkfifo", &path]), "mkfifo");
    path
}

fn has_the_event(ended: &Ended) -> bool {
    ended.code() == 0 && ended.err.is_empty() && ended.out.contains("\"killed\":{\"comm\":\"java\",\"pid\":7,")
}

#[test]
fn a_fifo_that_nobody_writes_to_is_said_and_the_others_go_on() {
    let dir = TempDir::new();
    let fifo = fifo(&dir);
    let log = dir.write("log", LOG.as_bytes());
    let ended = run_command(memdoor(&["dmesg", "--format", "json", &fifo, &log]));
    assert_eq!(ended.code(), 4, "{ended:?}");
    assert!(ended.out.contains("\"pid\":7"), "{ended:?}");
    let words = format!(
        "memdoor: cannot read {fifo}: it is a FIFO, and nobody has opened it to write to it for 5 s\nhint: start its writer "
    );
    assert!(ended.err.starts_with(&words), "{ended:?}");
    let ended = json(&fifo);
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:?}");
}

#[test]
fn a_fifo_is_read_whenever_its_writer_comes_and_however_slow_it_is() {
    let dir = TempDir::new();
    let path = fifo(&dir);
    for (before, behind) in [(0, 0), (700, 0), (0, 6_000)] {
        let path = path.clone();
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(Duration::from_millis(before));
                let mut file = OpenOptions::new().write(true).open(path).expect("a reader");
                std::thread::sleep(Duration::from_millis(behind));
                file.write_all(LOG.as_bytes()).expect("write");
            }
        });
        let ended = json(&path);
        writer.join().expect("writer");
        assert!(has_the_event(&ended), "{before} {behind} {ended:?}");
    }
}

#[test]
fn a_process_substitution_is_a_log_and_an_empty_one_is_none() {
    if !works(&["bash", "-c", "true"]) {
        return skip("needs bash");
    }
    let dir = TempDir::new();
    let log = dir.write("log", LOG.as_bytes());
    let ask = |what: &str| {
        let script = format!("\"$@\" <({what})");
        run_command(through(&["bash", "-c", &script, "bash"], &memdoor(&["dmesg", "--format", "json"])))
    };
    assert!(has_the_event(&ask(&format!("cat {log}"))));
    assert!(has_the_event(&ask(&format!("sleep 1; cat {log}"))));
    let ended = ask("true");
    assert_eq!((ended.code(), ended.out.as_str()), (4, ""), "{ended:?}");
    assert!(ended.err.contains("no line of a kernel log was recognised in 1 log, 0 bytes\n"), "{ended:?}");
}

#[test]
fn standard_input_that_does_not_block_is_read_to_its_end() {
    let dir = TempDir::new();
    let path = fifo(&dir);
    // Whoever shares it may have set O_NONBLOCK.
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut file = OpenOptions::new().write(true).open(path).expect("a reader");
            std::thread::sleep(Duration::from_millis(500));
            file.write_all(LOG.as_bytes()).expect("write");
        }
    });
    let mut command = memdoor(&["dmesg", "--format", "json", "-"]);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let stdin = options.open(&path).expect("a FIFO");
    std::thread::sleep(Duration::from_millis(100));
    command.stdin(stdin);
    command.stdout(Stdio::piped());
    let ended = Running::within(Bounds::ORDINARY, command).expect("memdoor").end();
    writer.join().expect("writer");
    assert!(has_the_event(&ended), "{ended:?}");
}

#[test]
fn a_device_without_end_is_no_log() {
    for device in ["/dev/zero", "/dev/null", "/dev/urandom"] {
        let expected = |name: &str| {
            format!("memdoor: cannot read {name}: it is a character device, and no log\nhint: name a log, ")
        };
        let ended = json(device);
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(ended.err.starts_with(&expected(device)), "{ended:?}");
        let words = memdoor(&["dmesg", "-"]);
        let ended = run_command(through_shell(&format!("\"$@\" < {device}"), &words));
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(ended.err.starts_with(&expected("-")), "{ended:?}");
    }
    // By a link, too.
    let dir = TempDir::new();
    symlink("/dev/zero", dir.path().join("link")).expect("a link");
    assert_eq!(json(&dir.join("link")).code(), 1);
}

#[test]
fn a_directory_as_standard_input_is_to_be_named() {
    let dir = TempDir::new();
    dir.write("log", LOG.as_bytes());
    let words = memdoor(&["dmesg", "-"]);
    let ended = run_command(through_shell(&format!("\"$@\" < {}", dir.join("")), &words));
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.starts_with("memdoor: cannot read -: it is a directory\nhint: name it: "), "{ended:?}");
    assert!(has_the_event(&json(&dir.join(""))));
}

/// The control of all that is refused: a file is a file, by whatever name.
#[test]
fn a_file_that_standard_input_is_may_be_named_by_its_descriptor() {
    let dir = TempDir::new();
    let log = dir.write("log", LOG.as_bytes());
    for script in [format!("\"$@\" /dev/stdin < {log}"), format!("cat {log} | \"$@\" /dev/stdin")] {
        let ended = run_command(through_shell(&script, &memdoor(&["dmesg", "--format", "json"])));
        assert!(has_the_event(&ended), "{script} {ended:?}");
    }
}

#[test]
fn a_directory_that_can_not_be_looked_into_is_an_error_each_time() {
    let dir = TempDir::new();
    fs::create_dir(dir.join("logs")).expect("a directory");
    fs::create_dir(dir.join("logs/web1")).expect("a directory");
    let line = "Nov 21 10:00:00 web1 kernel: Out of memory: Killed process 7 (java) total-vm:9kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB";
    dir.write("logs/web1/kern.log", format!("{line}\n").as_bytes());
    let (logs, state) = (dir.join("logs"), dir.join("state"));
    let with = |fds: u32, args: &[&str]| {
        let words = memdoor(&[&["dmesg", "--fail-on-oom"], args].concat());
        run_command(through_shell(&format!("ulimit -n {fds}; exec \"$@\""), &words))
    };
    // Whatever it lacks room for: it has seen the event, or it says what it has not read.
    let (mut refused, mut found) = (0, 0);
    for beside in [false, true] {
        if beside {
            dir.write("logs/kern.log", b"Nov 21 09:00:00 h kernel: usb 1-1: new device\n");
        }
        for fds in 4..24 {
            let _ = fs::remove_file(&state);
            for _ in 0..2 {
                let ended = with(fds, &["--since-last", &state, &logs]);
                let is_refused = matches!(ended.code(), 1 | 4) && ended.err.contains("EMFILE");
                assert!(is_refused || ended.code() == 3 || found > 0 && ended.code() == 0, "{fds}: {ended:?}");
                assert!(!ended.err.contains("there is no log to read"), "{fds}: {ended:?}");
                refused += u32::from(is_refused);
                found += u32::from(ended.code() == 3);
            }
        }
    }
    assert!(refused > 0 && found > 0);
}

#[test]
fn a_name_that_begins_as_an_option_stands_in_the_command_to_type() {
    let dir = TempDir::new();
    dir.write("-k.lz4", b"\x04\x22\x4d\x18");
    let mut command = memdoor(&["dmesg", "--", "-k.lz4"]);
    command.current_dir(dir.join(""));
    let ended = run_command(command);
    assert!(ended.err.contains("Type: lz4cat './-k.lz4' | memdoor dmesg -"), "{ended:?}");
}
