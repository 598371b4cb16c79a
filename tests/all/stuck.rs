//! A process whose mmap_lock is really held: cmdline, maps and smaps of it do not answer, for as long as it likes.

use super::common;

use common::host::{TempDir, is_root, works};
use common::run::{Ended, memdoor, run_command, through};
use common::skip;
use common::target::{Victim, victim};

/// One that is stuck until it is dropped.
fn stuck(dir: &TempDir) -> Option<Victim> {
    let has_fuse = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse").is_ok();
    if !(is_root() && has_fuse && works(&["unshare", "-m", "true"])) {
        skip("needs root, FUSE and a mount namespace");
        return None;
    }
    let place = dir.join("mapped");
    std::fs::write(&place, "").expect("a file");
    let command = through(&["unshare", "-m"], &victim(&["stuck", &place]));
    Some(Victim::start_command(command))
}

fn run_on(args: &[&str]) -> Ended {
    run_command(memdoor(args))
}

#[test]
fn of_a_stuck_process_a_snapshot_says_what_did_not_answer_and_has_all_the_rest() {
    let dir = TempDir::new();
    let Some(target) = stuck(&dir) else { return };
    let ended = run_on(&["snapshot", "-p", &target.id()]);
    assert_eq!(ended.code(), 4, "{ended:#?}");
    let text = &ended.out;
    for label in ["Command Line", "Process PSS Memory Usage", "Process USS Memory Usage"] {
        let line = text.lines().find(|line| line.starts_with(label)).expect(label);
        assert!(line.contains(": - (did not answer in 2") && line.ends_with(" ms)"), "{line}: {text}");
    }
    assert!(text.contains("Process RSS Memory Usage: ") && text.contains("NETWORK"), "{text}");
}

#[test]
fn a_watch_of_a_stuck_process_goes_on_and_takes_its_snapshots() {
    let dir = TempDir::new();
    let Some(target) = stuck(&dir) else { return };
    let ended = run_on(&["-p", &target.id(), "-i", "1", "-c", "3"]);
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert_eq!(ended.out.matches("Process PSS Memory Usage: - (did not answer in ").count(), 3, "{ended:#?}");
}

#[test]
fn the_death_of_a_stuck_process_is_seen_and_its_exit_stop_is_not_longer_for_it() {
    let dir = TempDir::new();
    let Some(target) = stuck(&dir) else { return };
    let mut watch = common::run::Running::start(memdoor(&["-p", &target.id(), "-i", "1", "--seize", "always"]));
    watch.until_with("did not answer");
    // Its server ends, so that the kernel can end it.
    drop(target);
    let ended = watch.end();
    assert_eq!(ended.code(), 5, "{ended:#?}");
    assert!(ended.out.contains("SIGKILL"), "{ended:#?}");
}

#[test]
fn stuck_processes_keep_kill_and_check_from_nobody_else_and_are_not_said_to_be_others() {
    let dirs = [TempDir::new(), TempDir::new(), TempDir::new()];
    let stuck: Vec<Victim> = dirs.iter().filter_map(stuck).collect();
    if stuck.len() < dirs.len() {
        return;
    }
    let copy = dirs[0].victim(&format!("stk{}", std::process::id() % 100_000));
    let hog = Victim::start_command(common::run::command(&copy, &["hold", "20"]));
    let kill = |only: &str| {
        run_on(&["kill", "--config", "/dev/null", "--threshold", "0", "--only", only, "--once", "--dry-run"])
    };
    let ended = kill(&format!("cmdline:^{copy} hold"));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(ended.out.contains(&format!("Victim PID: {}\n", hog.id())), "{ended:#?}");
    let ended = run_on(&["check", "--cmdline", "-n", "100000"]);
    assert!(ended.out.contains(&format!("{copy} hold")), "{ended:#?}");
    let ended = kill("cmdline:^no such arguments$");
    assert!(ended.out.contains(" not read") && ended.err.contains("did not answer in 200 ms"), "{ended:#?}");
}

/// In many a container nobody collects what is left behind, and each zombie takes one of the numbers that pids.max counts.
#[test]
fn no_mode_leaves_a_reader_behind() {
    let unshare = ["unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child"];
    if !works(&[&unshare[..], &["true"]].concat()) {
        return skip("needs root for a pid namespace");
    }
    // PID 1 of the namespace waits for its own children alone, by their numbers.
    let script = r#"
sleep 60 & target=$!
for words in "check" "check --where" "scores --next" "snapshot -p $target" "kill --config /dev/null --once --only ^nobody$" \
    "monitor --analyze 0.1 0.2" "-p $target -i 0.1 -c 2" "protect --match cmdline:^nobody --adj 5 --dry-run"; do
    "$MEMDOOR" $words >/dev/null 2>&1
done
left() { grep -l "^Name:.memdoor" /proc/[0-9]*/status; }
# Who was told to end may take a moment on a busy machine.
for try in $(seq 100); do left >/dev/null || break; sleep 0.1; done
left
kill $target"#;
    let mut inner = victim(&["init", "bash", "-c", script]);
    inner.env("MEMDOOR", common::run::MEMDOOR);
    let ended = run_command(through(&unshare, &inner));
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{ended:#?}");
}
