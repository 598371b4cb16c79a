//! `memdoor protect`: what the kernel should rather not kill.

use crate::common;

use common::host::{CAP_SYS_RESOURCE, TempDir, has_capability, is_root, may_be_another_user, unprivileged, works};
use common::json::Json;
use common::run::{Ended, Running, command, memdoor, run, run_command, through, through_shell};
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
fn an_undo_of_a_state_that_is_not_there_is_an_error_and_makes_none() {
    let dir = TempDir::new();
    let state = dir.join("state");
    for more in [&["--undo"][..], &["--undo", "--dry-run"]] {
        let ended = protect(&dir, more);
        let expected = format!(
            "memdoor: cannot undo: the state {state} is not there: nothing was changed with it, or it was removed\nhint: name \
             the one that was used: --state FILE\n"
        );
        assert_eq!((ended.code(), ended.out.as_str(), ended.err), (1, "", expected));
        assert!(!std::path::Path::new(&state).exists());
    }
}

#[test]
fn a_state_of_another_version_is_not_called_damaged() {
    let dir = TempDir::new();
    let state = dir.join("state");
    for (text, what) in [
        ("memdoor protect 2\nwhat it has\n", "it is of another version of memdoor"),
        ("memdoor protect 1\nboot x\n", "it is damaged"),
        ("memdoor protect x\n", "it is damaged"),
        ("memdoor protect 1\nboot x\n1 2 3 4\nend 2\n", "it is damaged"),
        ("memdoor protect 1\nboot x\nend 0\n1 2 3 4\n", "it is damaged"),
        ("memdoor protect 1\nboot x\n1 2 -1001 4\nend 1\n", "it is damaged"),
        ("memdoor protect 1\nboot x\n1 2 3 1001\nend 1\n", "it is damaged"),
    ] {
        dir.write("state", text.as_bytes());
        let ended = protect(&dir, &["--undo"]);
        let expected = format!("memdoor: cannot read {state}: {what}\nhint: ");
        assert!(ended.code() == 1 && ended.err.starts_with(&expected), "{ended:#?}");
        assert_eq!(std::fs::read_to_string(&state).expect("it"), text);
    }
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
fn where_somebody_else_had_changed_it_before_a_second_change_an_undo_puts_theirs_back() {
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", "650"]).code(), 0);
    std::fs::write(format!("/proc/{}/oom_score_adj", target.pid), "700").expect("raised");
    for made in ["800", "850"] {
        assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", made]).code(), 0);
    }
    // Lowering takes a right that raising does not.
    let shown = protect(&dir, &["--undo", "--dry-run"]);
    assert!(shown.out.contains("    850    700  "), "{shown:#?}");
    if has_capability(CAP_SYS_RESOURCE) {
        assert_eq!(protect(&dir, &["--undo"]).code(), 0);
        assert_eq!(adj(&target), "700");
    }
}

const NAMESPACE: [&str; 4] = ["unshare", "-p", "-f", "--mount-proc"];

/// A state says that something can be put back.
#[test]
fn where_nothing_was_changed_no_state_is_left_behind() {
    let dir = TempDir::new();
    let state = dir.join("state");
    let target = Victim::start(&["idle"]);
    let as_it_is = adj(&target);
    let mut nothing = vec![
        (vec!["-p".to_owned(), target.id(), "--adj".into(), as_it_is.clone()], 0),
        (["--match", "^no-such-name$", "--adj", "600"].map(str::to_owned).to_vec(), 5),
    ];
    if !has_capability(CAP_SYS_RESOURCE) {
        nothing.push((vec!["-p".to_owned(), target.id(), "--adj".into(), "-900".into()], 1));
    }
    for (words, code) in nothing {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ended = protect(&dir, &words);
        assert_eq!(ended.code(), code, "{ended:#?}");
        assert!(!std::path::Path::new(&state).exists(), "{words:?}");
        assert_eq!(protect(&dir, &["--undo"]).code(), 1, "there is none");
    }
    // One that was there stays, whatever is in it.
    assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", "700"]).code(), 0);
    assert_eq!(protect(&dir, &["--undo"]).code(), 0);
    assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", &as_it_is]).code(), 0);
    assert!(std::path::Path::new(&state).exists());
}

/// The plans are in the file before the kernel is asked.
#[test]
fn where_the_kernel_refuses_all_changes_no_state_is_left_behind() {
    let words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    if !works(&[&words[..], &["true"]].concat()) {
        return skip("needs setpriv(1) and the right to give capabilities up");
    }
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    let state = dir.join("state");
    let inner = memdoor(&["protect", "--state", &state, "-p", &target.id(), "--adj", "-900"]);
    let ended = run_command(through(&words, &inner));
    assert!(ended.code() == 1 && ended.out.contains("refused: "), "{ended:#?}");
    assert!(!std::path::Path::new(&state).exists());
}

#[test]
fn a_pattern_that_fits_nobody_is_said_and_is_as_a_process_that_is_gone() {
    let dir = TempDir::new();
    for (pattern, about) in [
        ("^no-such-name$", "it is about the name, "),
        ("exe:/no/such/executable$", "it is about the executable: "),
        ("cmdline:--no-such-argument", "it is about the arguments "),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let ended = protect(&dir, &[&["--match", pattern, "--adj", "600"], more].concat());
            let said = format!("memdoor: --match {pattern} fits no process");
            assert_eq!((ended.code(), ended.out.as_str()), (5, ""), "{ended:#?}");
            assert!(ended.err.contains(&said) && ended.err.contains(&format!("hint: {about}")), "{ended:#?}");
        }
    }
}

#[test]
fn what_is_no_oom_score_adj_is_said_as_what_was_read() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a file over another");
    }
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    let file = dir.join("over");
    for (text, said) in
        [("", ": it is empty"), ("x\n", " gives no number from -1000 to 1000"), ("1001\n", " gives no number from ")]
    {
        dir.write("over", text.as_bytes());
        let path = format!("/proc/{}/oom_score_adj", target.pid);
        let inner = memdoor(&["protect", "--state", &dir.join("state"), "-p", &target.id(), "--adj", "600"]);
        let script = format!("mount --bind {file} {path} && exec \"$@\"");
        let ended = run_command(through(&["unshare", "-m"], &through_shell(&script, &inner)));
        assert!(ended.code() == 1 && ended.err.contains(&format!("{path}{said}")), "{ended:#?}");
    }
}

/// Those that are in it have other numbers there, or none, and would be taken for gone.
#[test]
fn a_state_with_processes_of_another_pid_namespace_is_refused_there_and_stays_as_it_is() {
    if !works(&[&NAMESPACE[..], &["true"]].concat()) {
        return skip("needs root and unshare, for a pid namespace");
    }
    let dir = TempDir::new();
    let state = dir.join("state");
    let target = Victim::start(&["idle"]);
    let before = adj(&target);
    let text = || std::fs::read_to_string(&state).expect("a state");
    let inside =
        |words: &[&str]| run_command(through(&NAMESPACE, &memdoor(&[&["protect", "--state", &state], words].concat())));
    let is_refused = |ended: &Ended, known: &str| {
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:#?}");
        assert!(
            ended.err.starts_with(&format!(
                "memdoor: cannot read {state}: its processes have the numbers of another pid namespace (pid:["
            )) && ended.err.contains("): nothing was changed\nhint: type it where they were changed, "),
            "{ended:#?}"
        );
        assert_eq!(text(), known);
    };
    assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", "600"]).code(), 0);
    let known = text();
    for words in [&["--undo"][..], &["--undo", "--dry-run"], &["-p", "1", "--adj", "600"]] {
        is_refused(&inside(words), &known);
    }
    assert_eq!(protect(&dir, &["--undo"]).code(), 0);
    assert_eq!(adj(&target), before);
    // One that has nothing in it is of any namespace; and the other way round.
    assert_eq!(inside(&["-p", "1", "--adj", "600"]).code(), 0);
    is_refused(&protect(&dir, &["--undo"]), &text());
    std::fs::remove_file(&state).expect("removed");
    // Version 2.0.0 did not write it.
    assert_eq!(protect(&dir, &["-p", &target.id(), "--adj", "600"]).code(), 0);
    let (first, rest) = text().split_once(" pid:[").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a namespace");
    std::fs::write(&state, format!("{first}\n{}", rest.split_once('\n').expect("more").1)).expect("written");
    assert_eq!(protect(&dir, &["--undo"]).code(), 0);
    assert_eq!(adj(&target), before);
}

/// A child has what its parent had when it was born, and is in no state.
#[test]
fn an_undo_says_who_was_born_meanwhile_and_still_has_what_was_set() {
    let dir = TempDir::new();
    let go = dir.join("go");
    let script = format!("echo ready; until [ -e {go} ]; do sleep 0.05; done; sleep 60 & echo $!; wait");
    let mut parent = Running::start(command("sh", &["-c", &script]));
    parent.line().expect("ready");
    let id = parent.pid().to_string();
    assert_eq!(protect(&dir, &["-p", &id, "--adj", "650"]).code(), 0);
    dir.write("go", b"");
    let child = parent.line().expect("a child").1.trim().to_owned();
    let ended = protect(&dir, &["--undo"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let expected = format!(
        "memdoor: 1 process that came from them meanwhile still has what was set: PID {child}\nhint: for each of them: memdoor protect -p {child} --adj "
    );
    assert!(ended.err.contains(&expected), "{}", ended.err);
    let _ = run_command(command("kill", &["-9", &child]));
    parent.signal(nix::sys::signal::Signal::SIGKILL);
    parent.end();
}

/// Anybody may call a file of theirs `sshd`.
#[test]
fn a_session_protects_nobody_whose_executable_is_not_roots_or_may_be_written_to_by_others() {
    use std::os::unix::fs::{PermissionsExt, chown};
    if !is_root() {
        return skip("needs root, for a file of another user");
    }
    let dir = TempDir::new();
    let start = |owner: u32, mode: u32| {
        let path = dir.victim(if mode == 0o755 { "gnome-shell" } else { "sway" });
        chown(&path, Some(owner), None).expect("another owner");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        let target = Victim::start_command(command(&path, &["idle"]));
        std::fs::remove_file(&path).expect("removed");
        target
    };
    let targets = [start(65534, 0o755), start(0, 0o757), start(0, 0o755)];
    let ended = protect(&dir, &["session", "--dry-run"]);
    let is_meant =
        targets.each_ref().map(|target| ended.out.lines().any(|line| line.starts_with(&format!("{} ", target.id()))));
    assert_eq!(is_meant, [false, false, true], "{ended:#?}");
    assert!(ended.err.contains(" named like a program that a session hangs on, but "), "{}", ended.err);
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
fn a_pattern_about_arguments_fits_behind_the_first_page_and_says_what_is_too_long() {
    let dir = TempDir::new();
    let path = dir.victim("longish");
    let start = |bytes: usize, last: &str| {
        // Read as a comm, and kept as an argument.
        let name = format!("longish{}{last}", "a".repeat(bytes));
        Victim::start_command(command(&path, &["comm", &name]))
    };
    let target = start(20_000, "needle");
    let before = adj(&target);
    let pattern = format!("cmdline:^{path} .*aaneedle$");
    let ended = protect(&dir, &["--match", &pattern, "--adj", "600"]);
    assert_eq!((ended.code(), adj(&target).as_str()), (0, "600"), "{ended:#?}");
    assert_eq!(protect(&dir, &["--undo"]).code(), 0);
    // As the text was cut, this fitted it.
    let ended = protect(&dir, &["--match", &format!("cmdline:^{path} .*aaaa$"), "--adj", "600"]);
    assert_eq!((ended.code(), adj(&target)), (5, before), "{ended:#?}");
    let longer = start(100_000, "needle");
    let ended = protect(&dir, &["--match", &pattern, "--adj", "600"]);
    assert_eq!(ended.code(), 4, "{ended:#?}");
    assert!(ended.err.contains("did not let their arguments be read, or have 64 KiB of them or more"), "{ended:#?}");
    assert_ne!(adj(&longer), "600");
    assert_eq!(protect(&dir, &["--undo"]).code(), 0);
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
fn another_users_process_that_a_pattern_fits_is_named_and_not_changed() {
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
    assert_eq!(matched.code(), 1, "nothing of what was asked for is done: {matched:#?}");
    let named =
        format!("the pattern fits is another user's, and stays as it was: PID {} (guarded2)\nhint: ", target.id());
    assert!(matched.err.contains(&named), "{matched:#?}");
    let none = run_as_nobody(&["--match", "^guarded3$", "--adj", "600", "--dry-run"]);
    let said = "memdoor: --match ^guarded3$ fits no process of yours\nhint: it is about the name, ";
    assert!(none.code() == 5 && none.words().starts_with(said), "{none:#?}");
    let own = Victim::start_command(unprivileged(&command(&path, &["idle"])));
    let both = run_as_nobody(&["--match", "^guarded2$", "--adj", "600", "--dry-run"]);
    assert_eq!(both.code(), 0, "their own is what it is about: {both:#?}");
    assert!(both.out.contains(&own.id()) && both.err.contains(&named), "{both:#?}");
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

/// A shell whose command line has the pattern in it starts memdoor; another memdoor watches; a process that is meant is there as well.
#[test]
fn a_pattern_never_fits_memdoor_itself_nor_who_was_told_to_run_it() {
    let dir = TempDir::new();
    let target = Victim::start(&["idle"]);
    let name = format!("marker-{}", std::process::id());
    let meant = Victim::start_command(command(&dir.victim(&name), &["idle"]));
    let watch = Running::start(memdoor(&["-p", &target.id(), "-i", "60"]));
    let words = |pattern: &str| {
        let state = dir.join("state");
        memdoor(&["protect", "--state", &state, "--dry-run", "--adj", "600", "--match", pattern])
    };
    let inner = words(&format!("cmdline:{name}"));
    let script = format!("\"$@\"; : {name}");
    let ended = run_command(through_shell(&script, &inner));
    let changed: Vec<&str> = ended.out.lines().skip(1).filter_map(|row| row.split(' ').next()).collect();
    assert_eq!(changed, [meant.id()], "{ended:#?}");
    // The shell that runs it is meant as any other when a name is asked for.
    let ended = run_command(words("^memdoor$"));
    assert_eq!((ended.code(), ended.out.as_str()), (5, ""), "watch {}: {ended:#?}", watch.pid());
    let said = "memdoor: --match ^memdoor$ fits no process but PID 1 or memdoor's own, which no pattern changes\n";
    assert!(ended.err.starts_with(said), "{ended:#?}");
}

#[test]
fn pid_1_is_changed_by_its_number_only() {
    let namespace = ["unshare", "-p", "-f", "--mount-proc"];
    if !works(&[&namespace[..], &["true"]].concat()) {
        return skip("needs root and unshare, for a pid namespace");
    }
    let dir = TempDir::new();
    let by = |words: &[&str]| {
        // Each namespace has its own.
        let state = dir.join(&format!("state{}", words.len() + words[0].len()));
        let words = [&["protect", "--state", &state, "--adj", "600"], words].concat();
        // A shell is PID 1 there, and has another of the same name beside it. That one starts nobody: a child would have its name, too,
        // from fork(2) to exec(2).
        run_command(through(&namespace, &through_shell("sh -c 'kill -STOP $$' & \"$@\"; exit $?", &memdoor(&words))))
    };
    let ended = by(&["--match", "^sh$"]);
    assert_eq!((ended.code(), ended.out.lines().count()), (0, 2), "{ended:#?}");
    assert!(!ended.out.contains("\n1 "), "{ended:#?}");
    let said = "memdoor: PID 1 (sh) fits, too, and is left as it is\nhint: memdoor protect -p 1 --adj N changes it\n";
    assert!(ended.err.contains(said), "{ended:#?}");
    let ended = by(&["-p", "1"]);
    assert!(ended.code() == 0 && ended.out.contains("\n1        sh "), "{ended:#?}");
}

#[test]
fn want_of_descriptors_is_an_error_with_its_cause_and_an_undo_forgets_nobody() {
    let dir = TempDir::new();
    let path = dir.victim("unopened");
    let target = Victim::start_command(command(&path, &["idle"]));
    let before = adj(&target);
    let with = |limit: u32, words: &[&str]| {
        let state = dir.join("state");
        let inner = memdoor(&[&["protect", "--state", &state], words].concat());
        run_command(through_shell(&format!("ulimit -n {limit}; exec \"$@\""), &inner))
    };
    let id = target.id();
    let by_exe = format!("exe:^{path}$");
    let by_arguments = format!("cmdline:^{path} idle$");
    let mut failed = 0;
    for limit in 5..32 {
        for whom in [&["-p", &id][..], &["--match", &by_exe], &["--match", &by_arguments], &["--match", "^unopened$"]] {
            let ended = with(limit, &[whom, &["--adj", "600"]].concat());
            let is_changed = adj(&target) == "600";
            assert_eq!(ended.code(), i32::from(!is_changed), "{limit}: {whom:?}: {ended:#?}");
            assert!(!ended.err.contains("no process to change"), "{limit}: {whom:?}: {ended:#?}");
            if !is_changed {
                failed += 1;
                assert!(
                    [&ended.out, &ended.err].iter().any(|said| said.contains("(EMFILE)"))
                        && ended.err.contains("ulimit -n"),
                    "{limit}: {whom:?}: {ended:#?}"
                );
                assert_eq!(protect(&dir, &["-p", &id, "--adj", "600"]).code(), 0);
            }
            let undone = with(limit, &["--undo"]);
            assert_eq!(undone.code(), i32::from(adj(&target) != before), "{limit}: {undone:#?}");
            assert_eq!(protect(&dir, &["--undo"]).code(), 0);
            assert_eq!(adj(&target), before, "{limit}: {undone:#?}");
        }
    }
    assert!(failed > 0);
}

#[test]
fn where_all_is_put_back_and_the_state_cannot_be_written_nobody_is_told_to_undo_again() {
    if !is_root() || !works(&["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]) {
        return skip("needs root and unshare, for a file system that is full");
    }
    let target = Victim::start(&["idle"]);
    let before = adj(&target);
    let id = target.id();
    let script =
        "mount -t tmpfs -o size=64k none /mnt && \"$0\" protect -p PID --adj 700 --state /mnt/größe >/dev/null && \
                  ! cat /dev/zero >/mnt/full 2>/dev/null; \"$0\" protect --undo --state /mnt/größe"
            .replace("PID", &id);
    let ended = run_command(through(&["unshare", "-m"], &command("sh", &["-c", &script, common::run::MEMDOOR])));
    assert_eq!((ended.code(), adj(&target)), (1, before), "{ended:#?}");
    assert!(
        ended.err.contains("(ENOSPC)")
            && ended.err.contains("nothing is left to undo: when there is room again: rm '/mnt/größe'\n"),
        "{ended:#?}"
    );
}
