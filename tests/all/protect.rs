//! `memdoor protect`: what the kernel should rather not kill.

use crate::common;

use common::host::{CAP_SYS_RESOURCE, TempDir, has_capability, may_be_another_user, unprivileged, works};
use common::json::Json;
use common::run::{Ended, command, memdoor, run, run_command, through};
use common::skip;
use common::target::Victim;

fn adj(target: &Victim) -> String {
    let path = format!("/proc/{}/oom_score_adj", target.pid);
    let text = std::fs::read_to_string(path).expect("oom_score_adj");
    text.trim().to_owned()
}

/// Runs it with a state of the test's own.
fn protect(dir: &TempDir, words: &[&str]) -> Ended {
    let state = dir.join("state");
    run(&[&["protect", "--state", &state], words].concat())
}

#[test]
fn ones_own_process_is_raised_and_put_back() {
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    let before = adj(&target);
    let ended = protect(&dir, &["-p", &target.id(), "--adj", "700"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let row = format!("{:<8} {:<15} {before:>7} {:>6}  done", target.id(), "victim", 700);
    assert!(ended.out.contains(&row), "{}", ended.out);
    assert_eq!(adj(&target), "700");
    let again = protect(&dir, &["-p", &target.id(), "--adj", "700"]);
    assert!(again.out.contains("so already"), "{}", again.out);
    // Changed twice, it goes back to what it was at first.
    assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", "800"]).code(), 0);
    let undone = protect(&dir, &["--undo"]);
    assert_eq!(undone.code(), 0, "{undone:#?}");
    assert_eq!(adj(&target), before);
    let nothing = protect(&dir, &["--undo"]);
    assert_eq!((nothing.code(), nothing.out.as_str()), (0, ""));
}

#[test]
fn a_dry_run_changes_nothing() {
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    let before = adj(&target);
    let ended = protect(&dir, &["-p", &target.id(), "--adj", "700", "--dry-run"]);
    assert_eq!(ended.code(), 0);
    assert!(ended.out.contains("would be done"), "{}", ended.out);
    assert!(ended.err.contains("nothing was changed"), "{}", ended.err);
    assert_eq!(adj(&target), before);
    assert!(!std::path::Path::new(&dir.join("state")).exists());
}

#[test]
fn what_somebody_else_changed_since_is_left_alone() {
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", "700"]).code(), 0);
    let path = format!("/proc/{}/oom_score_adj", target.pid);
    std::fs::write(path, "900").expect("raised");
    let undone = protect(&dir, &["--undo"]);
    assert!(undone.out.contains("left: changed since"), "{}", undone.out);
    assert_eq!(adj(&target), "900");
}

#[test]
fn all_that_match_are_changed_and_no_others() {
    let dir = TempDir::new();
    let (path, other) = (dir.victim("guarded"), Victim::start(&["idle"]));
    let targets = [1, 2].map(|_| Victim::start_command(command(&path, &["idle"])));
    for pattern in ["^guarded$".to_owned(), format!("exe:^{path}$"), format!("cmdline:^{path} idle$")] {
        let ended = protect(&dir, &["--match", &pattern, "--adj", "600", "--format", "json"]);
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let lines: Vec<Json> = ended.out.lines().map(Json::parse).collect();
        assert_eq!(lines.len(), 2, "{pattern}: {}", ended.out);
        for line in &lines {
            assert_eq!(line.text("event_name"), "memdoor.action.protect");
            assert_eq!(line.number("memdoor.protect.after"), 600);
            assert_eq!(line.text("memdoor.protect.result"), "done");
        }
        assert_eq!(protect(&dir, &["--undo"]).code(), 0);
    }
    assert!(targets.iter().all(|target| adj(target) == adj(&other)));
}

#[test]
fn lowering_without_the_capability_is_refused_with_a_hint() {
    if has_capability(CAP_SYS_RESOURCE) {
        return skip("this user has CAP_SYS_RESOURCE");
    }
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    let before = adj(&target);
    let ended = protect(&dir, &["-p", &target.id(), "--adj", "-500"]);
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert!(ended.out.contains("refused: permission denied (EACCES)"));
    assert!(ended.err.contains("CAP_SYS_RESOURCE"), "{}", ended.err);
    assert_eq!(adj(&target), before);
}

#[test]
fn another_users_process_is_neither_matched_nor_changed() {
    if !may_be_another_user() {
        return;
    }
    let dir = TempDir::new();
    let path = dir.victim("guarded2");
    let target = Victim::start_command(command(&path, &["idle"]));
    let copy = dir.memdoor();
    let run_as_nobody = |words: &[&str]| {
        let state = "/tmp/memdoor-test-none/state";
        let words = [&["protect", "--state", state], words].concat();
        run_command(unprivileged(&command(&copy, &words)))
    };
    let matched = run_as_nobody(&["--match", "^guarded2$", "--adj", "600", "--dry-run"]);
    assert!(matched.err.contains("no process to change"), "{matched:#?}");
    let refused = run_as_nobody(&["-p", &target.id(), "--adj", "600", "--dry-run"]);
    assert_eq!(refused.code(), 1, "{refused:#?}");
    assert!(refused.err.contains("another user's"), "{refused:#?}");
    assert_eq!(adj(&target), "0");
}

#[test]
fn a_session_is_shown_in_a_namespace_of_its_own() {
    let unshare = ["unshare", "-p", "-f", "--mount-proc"];
    if !works(&[&unshare[..], &["true"]].concat()) {
        return skip("needs root for a pid namespace");
    }
    let dir = TempDir::new();
    let (shell, firefox) = (dir.victim("gnome-shell"), dir.victim("firefox"));
    let script = format!(
        "sleep 60 | {shell} idle & sleep 60 | {firefox} idle & sleep 0.2; {} protect session --dry-run --state {}",
        common::run::MEMDOOR,
        dir.join("state")
    );
    let ended = run_command(through(&unshare, &command("sh", &["-c", &script])));
    assert!(ended.out.contains("gnome-shell           0   -500  would be done"), "{ended:#?}");
    assert!(ended.out.contains("firefox               0    300  would be done"), "{ended:#?}");
    assert_eq!(ended.out.matches("would be done").count(), 2);
}

#[test]
fn what_is_typed_must_be_one_thing() {
    for words in [
        &["protect"][..],
        &["protect", "session", "--undo"],
        &["protect", "-p", "1"],
        &["protect", "-p", "1", "--adj", "1001"],
        &["protect", "--match", "(", "--adj", "1"],
        &["protect", "x"],
    ] {
        let ended = run_command(memdoor(words));
        assert_eq!(ended.code(), 2, "{words:?}: {ended:#?}");
    }
}
