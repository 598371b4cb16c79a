//! The harness itself, tests/common/run.rs: what a test starts ends, whatever it does.

use crate::common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::run::{Bounds, Process, Running, command, own_test, run_command, through, try_run, try_run_with};
use nix::sys::signal::Signal;

/// What the failed test says.
fn failure(body: impl FnOnce()) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(body)) else {
        panic!("it does not fail");
    };
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn bounded(time: Duration, output: u64, script: &str) -> Running {
    let mut command = command("sh", &["-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Running::within(Bounds { time, output }, command).expect("sh")
}

const SOON: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_secs(60);

#[test]
fn a_process_that_never_ends_is_ended_and_the_test_says_that_it_ran_too_long() {
    let said = failure(|| drop(bounded(SOON, 1000, "echo begun; exec sleep 1000").end()));
    assert!(said.starts_with("killed by the tests: ") && said.contains("ran for more than 200ms"), "{said}");
    assert!(said.contains("\"begun\""), "what it had printed: {said}");
    // One line after another does not put it off.
    let said = failure(|| drop(bounded(SOON, 1 << 20, "while :; do echo x; sleep 0.01; done").end()));
    assert!(said.contains("ran for more than 200ms"), "{said}");
    // Nor does a process that is stopped, or one that nobody reads from.
    let mut stopped = command("sh", &["-c", "kill -STOP $$"]);
    stopped.stdin(Stdio::null());
    let said = failure(|| {
        let mut stopped = Process::within(Bounds { time: SOON, output: 1000 }, stopped).expect("sh");
        stopped.wait();
    });
    assert!(said.contains("ran for more than 200ms"), "{said}");
}

#[test]
fn a_process_that_prints_for_ever_is_ended_and_the_test_says_that_it_printed_too_much() {
    for (script, whereto) in [
        ("exec yes", "standard output"),
        ("exec yes >&2", "standard error"),
        // Not one newline.
        ("exec cat /dev/zero", "standard output"),
    ] {
        let said = failure(|| drop(bounded(LATE, 100_000, script).end()));
        let expected = format!("printed more than 100000 bytes on {whereto}");
        assert!(said.starts_with("killed by the tests: ") && said.contains(&expected), "{script}: {said}");
        assert!(said.len() < 10_000, "{script}: {} bytes of message", said.len());
    }
    // Control: what is within its bounds.
    let ended = bounded(LATE, 100_000, "head -c 99999 /dev/zero | tr '\\0' x").end();
    assert_eq!((ended.code(), ended.out.len()), (0, 100_000));
}

#[test]
fn a_signal_that_nohup_ignored_ends_what_a_test_starts() {
    const CHILD: &str = "MEMDOOR_HARNESS_CHILD";
    let hang_up = || run_command(command("sh", &["-c", "kill -HUP $$; echo survived"]));
    if std::env::var_os(CHILD).is_some() {
        let ended = hang_up();
        assert_eq!((ended.status.signal(), &*ended.out), (Some(Signal::SIGHUP as i32), ""));
        return;
    }
    let own = std::env::current_exe().expect("this test");
    let test = own_test(module_path!(), "a_signal_that_nohup_ignored_ends_what_a_test_starts");
    let mut itself = command(own.to_str().expect("UTF-8"), &[&test, "--exact", "--nocapture", "--test-threads=1"]);
    itself.env(CHILD, "1");
    let ended = run_command(through(&["nohup"], &itself));
    assert!(ended.out.contains("1 passed"), "{ended:#?}");
    // Control: nohup does make it ignored, when nobody resets it.
    let control = run_command(through(&["nohup"], &command("sh", &["-c", "kill -HUP $$; echo survived"])));
    assert_eq!(control.out, "survived\n");
}

#[test]
fn a_program_that_is_missing_is_an_error_and_one_with_an_input_reads_it() {
    assert!(try_run(command("/nonexistent/memdoor", &[])).is_err());
    let much = "line\n".repeat(50_000);
    let ended = try_run_with(command("cat", &[]), much.as_bytes()).expect("cat");
    assert!(ended.out == much, "{} bytes", ended.out.len());
}

/// Every Rust file below `dir`.
fn sources(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("tests") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            found.push((path.display().to_string(), text));
        }
    }
    found
}

/// Lines that start a process past tests/common/run.rs.
fn starts(text: &str) -> Vec<&str> {
    let parts = [concat!(".spawn", "()"), concat!(".output", "()"), concat!(".status", "()")];
    text.lines().filter(|line| parts.iter().any(|part| line.contains(part))).collect()
}

#[test]
fn every_process_is_started_within_bounds() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let all = sources(&tests);
    assert!(all.len() > 30);
    for (path, text) in all {
        // The victim is no test: what it starts ends with it.
        if !path.ends_with("common/run.rs") && !path.ends_with("common/victim.rs") {
            assert_eq!(starts(&text), Vec::<&str>::new(), "{path}: use tests/common/run.rs");
        }
    }
    // Control.
    assert_eq!(starts(concat!("let a = command.spawn", "();")).len(), 1);
}
