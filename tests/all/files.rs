//! Files that memdoor writes, and those that root believes: nobody's file is harmed by a path that was wrong, and what can't be kept is
//! not begun.
//!
//! Devices are nodes of the tests' own, in a directory of their own.

use crate::common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::Command;

use common::host::{TempDir, has_unprivileged, is_root, names, unprivileged, works};
use common::run::{Ended, Running, command, memdoor, poll, run, run_command, through, through_shell};
use common::skip;
use common::target::Victim;
use nix::sys::signal::Signal;

/// The rest of a command line that ends by itself, and its option for a file.
fn writers(victim: &Victim) -> [(&'static str, Vec<String>); 4] {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    [
        (
            "--since-last",
            words(concat!("dmesg ", env!("CARGO_MANIFEST_DIR"), "/fixtures/dmesg/5.10-boot-without-event.log")),
        ),
        ("--prometheus", words("monitor 0.02 1 --config /dev/null --format csv")),
        ("--state", words(&format!("protect -p {} --adj 900", victim.pid))),
        ("--log-file", words("kill --config /dev/null --once --threshold 100 --only ^md-test-nobody$")),
    ]
}

fn ask(option: &str, words: &[String], path: &str) -> Ended {
    let words = words.iter().map(String::as_str).chain([option, path]);
    run(&words.collect::<Vec<_>>())
}

/// One sentence, one hint, exit code 1, and nothing was done before.
fn assert_refused(ended: &Ended, why: &str) {
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{why}: {ended:#?}");
    let lines: Vec<&str> = ended.err.lines().collect();
    let [sentence, hint] = lines[..] else {
        panic!("{why}: one sentence and one hint: {ended:#?}");
    };
    assert!(sentence.starts_with("memdoor: cannot ") && sentence.contains(why), "{why}: {sentence}");
    assert!(hint.starts_with("hint: "), "{hint}");
}

fn adj(victim: &Victim) -> String {
    fs::read_to_string(format!("/proc/{}/oom_score_adj", victim.pid)).expect("oom_score_adj")
}

fn identity(path: &str) -> (u64, u64, u64) {
    let found = fs::symlink_metadata(path).expect("still there");
    (found.ino(), found.rdev(), found.len())
}

#[test]
fn nothing_but_a_regular_file_is_written_to_and_its_kind_is_named() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let before = adj(&victim);
    let file = dir.write("file", b"");
    symlink(&file, dir.join("link")).expect("a link");
    symlink(dir.join("nowhere"), dir.join("dangling")).expect("a link");
    let second = dir.write("second", b"");
    fs::hard_link(&second, dir.join("hard")).expect("a second name");
    fs::create_dir(dir.join("dir")).expect("a directory");
    assert!(works(&["mkfifo", &dir.join("fifo")]));
    let _socket = std::os::unix::net::UnixListener::bind(dir.join("socket")).expect("a socket");
    let mut kinds = vec![
        ("link", "it is a symbolic link, and links are not followed"),
        ("dangling", "it is a symbolic link, and links are not followed"),
        ("hard", "it has 2 names (hard links)"),
        ("dir", "it is a directory"),
        ("dir/", "it is a directory"),
        ("dir/..", "it is a directory"),
        ("fifo", "it is a FIFO"),
        ("socket", "it is a socket"),
    ];
    if works(&["mknod", &dir.join("null"), "c", "1", "3"]) && works(&["mknod", &dir.join("disk"), "b", "7", "200"]) {
        kinds.extend([("null", "it is a character device"), ("disk", "it is a block device")]);
    } else {
        skip("needs CAP_MKNOD for devices");
    }
    let all = names(dir.path());
    for (name, why) in kinds {
        let path = dir.join(name);
        let was = identity(&path);
        for (option, words) in writers(&victim) {
            assert_refused(&ask(option, &words, &path), why);
            assert_eq!(identity(&path), was, "{option} {name}");
            assert_eq!(adj(&victim), before);
            assert_eq!(names(dir.path()), all, "{option} {name}: nothing is left beside it");
        }
    }
    for (option, words) in writers(&victim) {
        for path in ["/proc/self/comm", "/sys/kernel/uevent_seqnum"] {
            if fs::exists(path).expect("looked") {
                assert_refused(&ask(option, &words, path), "it is a file of the kernel's");
            }
        }
        assert_refused(&ask(option, &words, &dir.join("nothing/")), "no such file or directory (ENOENT)");
    }
    assert!(!fs::exists(dir.join("nowhere")).expect("looked"), "what a dangling link leads to is not made");
}

#[test]
fn what_is_there_and_is_not_ours_stays_as_it_is() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let before = adj(&victim);
    let passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n";
    let kern = "Nov 21 10:08:31 host kernel: [ 12.000345] Out of memory: Killed process 7 (java)\n";
    let java = "2026-11-21T10:08:31.123Z INFO [main] com.example.Server: started\n";
    for text in [passwd, kern, java, "\n", "\0", "memdoor", "# HELP node_cpu_seconds_total x\n", "threshold = 80\n"] {
        let path = dir.write("theirs", text.as_bytes());
        for (option, words) in writers(&victim) {
            let ended = ask(option, &words, &path);
            assert_refused(&ended, "what is there is no ");
            assert!(ended.err.contains(", and stays as it is\n") && ended.err.contains(option), "{}", ended.err);
            assert_eq!(fs::read(&path).expect("it"), text.as_bytes(), "{option}");
            assert_eq!((adj(&victim), names(dir.path())), (before.clone(), vec!["theirs".to_owned()]), "{option}");
        }
    }
}

/// Each file of memdoor is one for its own option only.
#[test]
fn a_state_of_one_mode_is_none_of_another() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let all = writers(&victim);
    for (number, (option, words)) in all.iter().enumerate() {
        let path = dir.join(&number.to_string());
        assert_eq!(ask(option, words, &path).code(), 0, "{option}");
        for (other, words) in &all {
            // kill --once has nothing to log: an empty file is nobody's, so that all may take it.
            if other != option && *option != "--log-file" {
                assert_refused(&ask(other, words, &path), "what is there is no ");
            }
        }
        assert_eq!(ask(option, words, &path).code(), 0, "{option}: its own again");
    }
}

#[test]
fn what_version_2_0_0_wrote_is_ours() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let lines = [
        "INFO started: threshold 90 %",
        "WARNING outcome=terminated pid=12 comm=\"chrome\" processes=3",
        "DEBUG used=12.34% short=false",
        "INFO stopped",
        "INFO SIGHUP: the configuration is read anew",
        "WARNING cannot lock memory: out of memory (ENOMEM); it may be slow to wake under pressure",
        "CRITICAL cannot read /proc: too many open files (EMFILE)",
        "WARNING /proc/meminfo has no MemAvailable: MemFree + Buffers + Cached - Shmem stands for it",
        "ERROR standard output is not written any more, and nobody reads the evidence",
    ];
    let logs: Vec<String> = lines.iter().map(|line| format!("2026-11-21T10:08:31.123Z {line}\n")).collect();
    let state = "memdoor dmesg 1\nfloor -\n0123456789abcdef 12000345 1763719711000000L 0000 4d2c v\nend 1\n";
    let protect = "memdoor protect 1\nboot d4750c66-7835-47ab-83c8-05943cae213c\n31486 1244512 0 -500\nend 1\n";
    let page =
        "# HELP memdoor_memory_used_ratio Memory that is not available.\n# TYPE memdoor_memory_used_ratio gauge\n";
    let mut forms = vec![("--since-last", state), ("--state", protect), ("--prometheus", page)];
    forms.extend(logs.iter().map(|log| ("--log-file", log.as_str())));
    for (option, text) in forms {
        let path = dir.write("ours", text.as_bytes());
        let was = identity(&path);
        let words = writers(&victim).into_iter().find(|(other, _)| *other == option).expect("one").1;
        let ended = ask(option, &words, &path);
        assert_eq!(ended.code(), 0, "{option} {text}: {ended:#?}");
        assert!(!ended.err.contains("damaged"), "{}", ended.err);
        let now = fs::read_to_string(&path).expect("it");
        let is_appended = option == "--log-file";
        assert_eq!(identity(&path).0 == was.0, is_appended, "{option}: the rest are replaced");
        assert!(!is_appended || now.starts_with(text), "{now}");
        fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn a_file_gets_the_mode_of_its_kind_whatever_the_umask_is() {
    let dir = TempDir::new();
    for umask in ["000", "077"] {
        // Its oom_score_adj is changed once.
        let victim = Victim::start(&["idle"]);
        for (option, words) in writers(&victim) {
            let path = dir.join(option);
            let words: Vec<&str> = words.iter().map(String::as_str).chain([option, &path]).collect();
            let ended = run_command(through_shell(&format!("umask {umask}; exec \"$@\""), &memdoor(&words)));
            assert_eq!(ended.code(), 0, "{option}: {ended:#?}");
            let mode = fs::metadata(&path).expect("it").mode() & 0o777;
            let expected = match option {
                // node_exporter is another user.
                "--prometheus" => 0o644,
                "--log-file" if umask == "000" => 0o640,
                _ => 0o600,
            };
            assert_eq!(mode, expected, "{option} with umask {umask}: {mode:o}");
            fs::remove_file(&path).expect("removed");
        }
    }
}

#[test]
fn what_belongs_to_another_user_is_refused_also_a_link_on_the_way() {
    if !is_root() {
        return skip("needs root to give files away");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let theirs = dir.write("theirs", b"");
    chown(&theirs, Some(65534), None).expect("given away");
    let inside = dir.join("inside");
    fs::create_dir(&inside).expect("a directory");
    for link in ["way", "own"] {
        symlink("inside", dir.join(link)).expect("a link");
    }
    lchown(dir.join("way"), Some(65534), None).expect("given away");
    for (option, words) in writers(&victim) {
        let ended = ask(option, &words, &theirs);
        assert_refused(&ended, "it belongs to another user (UID 65534)");
        assert!(ended.err.contains(&format!("hint: chown 0 {theirs}\n")), "{}", ended.err);
        let ended = ask(option, &words, &dir.join("way/new"));
        assert_refused(&ended, "a symbolic link of another user (UID 65534) is not followed");
        assert_eq!(names(Path::new(&inside)), [""; 0], "{option}");
        // A control: root's own link on the way is followed.
        assert_eq!(ask(option, &words, &dir.join("own/new")).code(), 0, "{option}");
        fs::remove_file(dir.join("inside/new")).expect("it is there");
    }
    for words in [&["monitor", "0.02", "1", "--config", "/dev/null", "-o"][..], &["-p", &victim.id(), "-c", "1", "-o"]]
    {
        let ended = run(&[words, &[&dir.join("way")]].concat());
        assert_refused(&ended, "a symbolic link of another user (UID 65534) is not followed");
        assert_eq!(names(Path::new(&inside)), [""; 0], "{words:?}");
    }
}

/// Of two options the one that is wrong is found before the other has made anything.
#[test]
fn all_paths_are_looked_at_before_anything_is_made() {
    let dir = TempDir::new();
    let theirs = dir.write("theirs", b"mine");
    let made = dir.join("made");
    let ended = run(&["monitor", "1", "1", "--config", "/dev/null", "-o", &made, "--prometheus", &theirs]);
    assert_refused(&ended, "what is there is no ");
    assert_eq!(names(dir.path()), ["theirs"]);
    let gone = dir.join("gone/x");
    let victim = Victim::start(&["idle"]);
    for (option, words) in writers(&victim) {
        let ended = ask(option, &words, &gone);
        assert_refused(&ended, "no such file or directory (ENOENT)");
        assert!(ended.err.ends_with(&format!("hint: mkdir -p {}\n", dir.join("gone"))), "{}", ended.err);
    }
}

#[test]
fn a_directory_for_files_is_made_for_its_owner_and_only_one() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let id = victim.id();
    let modes = [
        &["monitor", "0.02", "1", "--config", "/dev/null", "-o"][..],
        &["-p", &id, "-m", "99", "-c", "1", "-i", "0.1", "-o"],
    ];
    for (number, words) in modes.iter().enumerate() {
        let made = dir.join(&number.to_string());
        let shell = |path: &str| through_shell("umask 0; exec \"$@\"", &memdoor(&[*words, &[path]].concat()));
        let ended = run_command(shell(&made));
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert_eq!(fs::metadata(&made).expect("made").mode() & 0o7777, 0o700, "{words:?}");
        assert!(!names(Path::new(&made)).is_empty());
        let ended = run_command(shell(&dir.join("a/b")));
        assert_refused(&ended, "no such file or directory (ENOENT)");
        assert!(!fs::exists(dir.join("a")).expect("looked"));
    }
}

#[test]
fn two_watches_of_one_process_in_one_second_both_record() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let id = victim.id();
    let watch = || Running::start(memdoor(&["-p", &id, "-m", "99", "-i", "60", "-o", &dir.join("records")]));
    let mut all = [(); 4].map(|()| watch());
    for one in &mut all {
        one.next_report();
        one.signal(Signal::SIGTERM);
    }
    for one in all {
        assert_eq!(one.end().code(), 0);
    }
    let names = names(Path::new(&dir.join("records")));
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with(".txt")), "{names:?}");
    // A finished one is not replaced by one that begins in the same second.
    let before = names;
    for _ in 0..3 {
        assert_eq!(run(&["-p", &id, "-m", "99", "-c", "1", "-o", &dir.join("records")]).code(), 0);
    }
    let names = self::names(Path::new(&dir.join("records")));
    assert_eq!(names.len(), 7, "{names:?} after {before:?}");
}

#[test]
fn rotation_touches_nothing_but_logs_of_memdoor() {
    let dir = TempDir::new();
    let log = dir.join("log");
    let kill = |keep| {
        let only = "^md-test-nobody$";
        let words = ["kill", "--config", "/dev/null", "--only", only, "--threshold", "0", "--log-level", "debug"];
        let more = ["--cooldown", "0.05", "--log-file", &log, "--log-max-bytes", "1500", "--log-backup-count", keep];
        memdoor(&[&words[..], &more].concat())
    };
    let theirs = dir.write("log.2", b"my notes\n");
    let ended = run_command(kill("3"));
    assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:#?}");
    assert!(ended.err.contains(&format!("{theirs}: what is there is no log of memdoor kill")), "{}", ended.err);
    assert_eq!(names(dir.path()), ["log.2"]);
    // What comes later stays as well: the log is not rotated, and it is said once why it is not written.
    fs::remove_file(&theirs).expect("removed");
    let said = dir.join("said");
    let daemon = Running::start(through_shell(&format!("exec \"$@\" 2>{said}"), &kill("1")));
    poll("the first line", || fs::read_to_string(&log).ok().filter(|text| text.contains("started")));
    // In the one moment in which there may be a log.1 already it is an old log.
    fs::rename(dir.write("mine", b"my notes\n"), dir.join("log.1")).expect("renamed");
    poll("its words", || {
        let told = format!("cannot write {log}: {log}.1: what is there is no log of memdoor kill, and stays as it is");
        fs::read_to_string(&said).ok().filter(|text| text.contains(&told))
    });
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    assert_eq!(fs::read(dir.join("log.1")).expect("it"), b"my notes\n");
    assert_eq!(names(dir.path()), ["log", "log.1", "said"]);
}

#[test]
fn in_a_working_directory_that_was_removed_that_is_the_cause_and_no_right_is() {
    let dir = TempDir::new();
    let log = dir.write("log", b"");
    for (words, option) in [
        (vec!["dmesg", "--since-last", "st", &log], "--since-last FILE"),
        (vec!["protect", "--state", "st", "-p", "1", "--adj", "5"], "--state FILE"),
        (vec!["monitor", "0.01", "0.1", "--config", "/dev/null", "--prometheus", "st"], "--prometheus FILE"),
    ] {
        let gone = dir.join("gone");
        let script = format!("mkdir {gone} && cd {gone} && rmdir {gone} && exec \"$@\"");
        let ended = run_command(through_shell(&script, &memdoor(&words)));
        let expected = format!(
            "memdoor: cannot write st: the working directory was removed: no such file or directory (ENOENT)\nhint: cd to another \
             directory, or name a path that begins with /: {option}\n"
        );
        assert_eq!((ended.code(), ended.err), (1, expected), "{words:?}");
    }
}

/// As Python's logging has it, from which the options come.
#[test]
fn a_log_of_which_no_old_one_is_kept_or_whose_size_has_no_bound_is_never_rotated() {
    for more in
        [["--log-max-bytes", "100", "--log-backup-count", "0"], ["--log-max-bytes", "0", "--log-backup-count", "2"]]
    {
        let dir = TempDir::new();
        let log = dir.join("log");
        let only = "^md-test-nobody$";
        let words = [
            "kill",
            "--config",
            "/dev/null",
            "--once",
            "--dry-run",
            "--only",
            only,
            "--threshold",
            "0",
            "--log-file",
            &log,
        ];
        for _ in 0..3 {
            run(&[&words[..], &more].concat());
        }
        let text = fs::read_to_string(&log).expect("a log");
        assert!(text.matches("outcome=nobody").count() == 3, "{more:?}: {text}");
        assert_eq!(names(dir.path()), ["log"], "{more:?}");
    }
}

#[test]
fn a_log_that_can_not_be_written_is_named_with_its_path_and_why() {
    let dir = TempDir::new();
    let there = dir.path().display();
    let only = "^md-test-nobody$";
    let log = dir.join("kill.log");
    let words = ["kill", "--config", "/dev/null", "--once", "--only", only, "--threshold", "0", "--log-file", &log];
    let full =
        format!("mount -t tmpfs -o size=16k none {there} && {{ head -c 16384 /dev/zero > {there}/full; true; }}");
    let Some(ended) = apart(&full, &memdoor(&words)) else { return };
    let told =
        format!("memdoor: ERROR cannot write {log}: no space left on device (ENOSPC); tried again with each line");
    assert_eq!(ended.err.lines().filter(|line| *line == told).count(), 1, "{ended:#?}");
    assert!(!ended.err.contains("cannot write the log"), "{ended:#?}");
}

/// logrotate's `create` may give it away, and then sends SIGHUP: a daemon that guards memory goes on.
#[test]
fn a_log_that_is_not_ours_any_more_ends_no_daemon_that_runs() {
    let dir = TempDir::new();
    let (log, said) = (dir.join("log"), dir.join("said"));
    let only = "^md-test-nobody$";
    let words = ["kill", "--config", "/dev/null", "--only", only, "--threshold", "100", "--log-file", &log];
    let daemon = Running::start(through_shell(&format!("exec \"$@\" 2>{said}"), &memdoor(&words)));
    poll("the first line", || fs::read_to_string(&log).ok().filter(|text| text.contains("started")));
    fs::rename(dir.write("mine", b"my notes\n"), &log).expect("renamed");
    daemon.signal(Signal::SIGHUP);
    let again = |text: &String| text.contains("SIGHUP: the configuration stays as it was");
    let text = poll("the second start", || fs::read_to_string(&said).ok().filter(again));
    assert!(text.contains("what is there is no log of memdoor kill, and stays as it is"), "{text}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
    assert_eq!(fs::read(&log).expect("it"), b"my notes\n");
}

#[test]
fn a_replacement_is_on_the_disk_before_it_has_the_name() {
    if !works(&["strace", "-o", "/dev/null", "true"]) {
        return skip("needs strace");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    for (option, words) in writers(&victim).into_iter().take(3) {
        let (path, trace) = (dir.join(option), dir.join("trace"));
        let words: Vec<&str> = words.iter().map(String::as_str).chain([option, &path]).collect();
        // Of the end of memdoor's readers the trace says nothing.
        let strace = [
            "strace",
            "-qq",
            "-o",
            &trace,
            "-e",
            "signal=none",
            "-e",
            "trace=fsync,fdatasync,rename,renameat,renameat2",
        ];
        assert_eq!(run_command(through(&strace, &memdoor(&words))).code(), 0, "{option}");
        let text = fs::read_to_string(&trace).expect("a trace");
        let calls: Vec<&str> = text.lines().map(|line| line.split('(').next().unwrap_or_default()).collect();
        let steps = calls.chunks(3).all(|step| matches!(step, ["fsync", "renameat" | "renameat2" | "rename", "fsync"]));
        assert!(!calls.is_empty() && steps, "{option}: the file, its name, the directory: {text}");
    }
}

// What root believes

/// A configuration that memdoor has read, or why not.
fn configured(path: &str) -> Ended {
    run(&["kill", "--config", path, "--print-config"])
}

#[test]
fn as_root_a_configuration_that_others_may_write_is_refused_with_what_to_type() {
    if !is_root() {
        return skip("anybody but root is believed");
    }
    let dir = TempDir::new();
    fs::create_dir(dir.join("conf")).expect("a directory");
    let file = dir.write("conf/memdoor.conf", b"threshold = 81\n");
    symlink(&file, dir.join("link")).expect("a link");
    let link = dir.join("link");
    let above = dir.join("conf");
    let is_read = |ended: &Ended| ended.code() == 0 && ended.out.contains("threshold = 81");
    assert!(is_read(&configured(&file)) && is_read(&configured(&link)));
    type Spoil<'a> = Box<dyn Fn() + 'a>;
    let mode = |path: &'static str, mode| -> Spoil<'_> {
        let path = dir.join(path);
        Box::new(move || fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode"))
    };
    let give = |path: &'static str| -> Spoil<'_> {
        let path = dir.join(path);
        Box::new(move || lchown(&path, Some(65534), None).expect("given away"))
    };
    let cases: [(Spoil<'_>, &str, &str); 6] = [
        (mode("conf/memdoor.conf", 0o666), "others than its owner may write to it (mode 0666)", "chmod go-w "),
        (mode("conf/memdoor.conf", 0o620), "others than its owner may write to it (mode 0620)", "chmod go-w "),
        (give("conf/memdoor.conf"), "it belongs to another user (UID 65534)", "chown 0 "),
        (mode("conf", 0o777), "others than its owner may write to it (mode 0777)", "chmod go-w "),
        (mode("conf", 0o775), "others than its owner may write to it (mode 0775)", "chmod go-w "),
        (give("conf"), "it belongs to another user (UID 65534)", "chown 0 "),
    ];
    for (spoil, why, typed) in cases {
        spoil();
        for path in [&file, &link] {
            let ended = configured(path);
            assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{ended:#?}");
            assert!(ended.err.starts_with(&format!("memdoor: cannot read {path}: ")), "{}", ended.err);
            assert!(ended.err.contains(why), "{}", ended.err);
        }
        let ended = configured(&file);
        let hint = ended.err.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint");
        assert!(hint.starts_with(typed) && (hint.ends_with(&file) || hint.ends_with(&above)), "{hint}");
        assert!(works(&["sh", "-c", hint]), "{hint}");
        assert!(is_read(&configured(&file)), "what was hinted helps: {hint}");
    }
    lchown(&link, Some(65534), None).expect("given away");
    let ended = configured(&link);
    assert!(ended.err.contains("a symbolic link of another user"), "{ended:#?}");
    // With the sticky bit nobody may put another file in its place.
    fs::set_permissions(&above, Permissions::from_mode(0o1777)).expect("mode");
    assert!(is_read(&configured(&file)));
    for mode in ["monitor", "kill"] {
        fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("mode");
        assert_eq!(run(&[mode, "--config", &file, "--print-config"]).code(), 1, "{mode}");
    }
}

#[test]
fn what_can_not_be_written_by_anybody_needs_no_permissions_taken_away() {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root and a mount namespace");
    }
    // As a volume of Kubernetes is: 0777, with a link to the file, and mounted read-only.
    let dir = TempDir::new();
    let script = format!(
        "mount -t tmpfs -o mode=0777 none {0} && mkdir -m 0777 {0}/..data && echo threshold = 81 > {0}/..data/memdoor.conf &&
        ln -s ..data/memdoor.conf {0}/memdoor.conf && {{ \"$@\" >/dev/null 2>&1 && exit 9; mount -o remount,ro {0}; }} && exec \"$@\"",
        dir.path().display()
    );
    let inner = memdoor(&["kill", "--config", &dir.join("memdoor.conf"), "--print-config"]);
    let ended = run_command(through(&["unshare", "-m"], &through_shell(&script, &inner)));
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(ended.out.contains("threshold = 81"), "{ended:#?}");
}

#[test]
fn anybody_but_root_knows_what_they_name() {
    if !is_root() || !has_unprivileged() {
        return skip("needs root to become somebody else");
    }
    let dir = TempDir::new();
    let program = dir.memdoor();
    let file = dir.write("memdoor.conf", b"threshold = 81\n");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("mode");
    let ended = run_command(unprivileged(&command(&program, &["kill", "--config", &file, "--print-config"])));
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

#[test]
fn as_root_a_state_that_others_may_write_is_not_acted_by() {
    if !is_root() {
        return skip("anybody but root is believed");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let state = dir.join("state");
    let protect = |words: &[&str]| run(&[&["protect", "--state", &state], words].concat());
    assert_eq!(protect(&["-p", &victim.id(), "--adj", "700"]).code(), 0);
    fs::set_permissions(&state, Permissions::from_mode(0o666)).expect("mode");
    assert_refused(&protect(&["--undo"]), "others than its owner may write to it (mode 0666)");
    assert_eq!(adj(&victim).trim(), "700");
    fs::set_permissions(&state, Permissions::from_mode(0o600)).expect("mode");
    assert_eq!(protect(&["--undo"]).code(), 0);
    assert_ne!(adj(&victim).trim(), "700");
}

// What can be undone is remembered first

/// `script`, then memdoor with the words, in a mount namespace; nothing of the machine is changed.
fn apart(script: &str, inner: &Command) -> Option<Ended> {
    if !is_root() || !works(&["unshare", "-m", "true"]) {
        skip("needs root and a mount namespace");
        return None;
    }
    Some(run_command(through(&["unshare", "-m"], &through_shell(&format!("{script} && exec \"$@\""), inner))))
}

#[test]
fn protect_changes_nothing_that_it_can_not_remember() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let before = adj(&victim);
    let there = dir.path().display();
    let state = dir.join("state");
    let words = |state: &str| memdoor(&["protect", "-p", &victim.id(), "--adj", "900", "--state", state]);
    for (script, inner, why) in [
        (format!("mount -t tmpfs -o ro none {there}"), words(&state), "read-only file system (EROFS)"),
        (
            format!("mount -t tmpfs -o size=16k none {there} && {{ head -c 16384 /dev/zero > {there}/full; true; }}"),
            words(&state),
            "no space left on device (ENOSPC)",
        ),
        // The default, on a host that has no /run.
        (
            "mount -t tmpfs -o ro none /run".into(),
            memdoor(&["protect", "-p", &victim.id(), "--adj", "900"]),
            "read-only file system (EROFS)",
        ),
    ] {
        let Some(ended) = apart(&script, &inner) else { return };
        assert_refused(&ended, why);
        assert_eq!(adj(&victim), before, "{script}");
    }
    // No directory can be made there: to say so would be a hint that fails.
    let script = format!("mount -t tmpfs -o ro none {there}");
    if let Some(ended) = apart(&script, &words(&dir.join("none/state"))) {
        assert_refused(&ended, "no such file or directory (ENOENT)");
        let hint = "hint: name a place on a file system that can be written to: --state FILE\n";
        assert!(ended.err.ends_with(hint), "{}", ended.err);
    }
    // What is only shown needs no state.
    let shown = memdoor(&["protect", "-p", &victim.id(), "--adj", "900", "--dry-run", "--state", &state]);
    if let Some(ended) = apart(&script, &shown) {
        assert_eq!(ended.code(), 0, "{ended:#?}");
    }
    // A control: with a state it is done.
    assert_eq!(run_command(words(&state)).code(), 0);
    assert_eq!(adj(&victim).trim(), "900");
}

#[test]
fn without_a_directory_for_it_nobody_else_than_root_changes_anything() {
    if !is_root() || !has_unprivileged() {
        return skip("needs root to become somebody else");
    }
    let dir = TempDir::new();
    let program = dir.memdoor();
    let mut idle = Command::new(dir.victim("idler"));
    idle.arg("idle");
    let victim = Victim::start_command(unprivileged(&idle));
    let before = adj(&victim);
    let inner = command(&program, &["protect", "-p", &victim.id(), "--adj", "900"]);
    let mut inner = unprivileged(&inner);
    inner.env_remove("XDG_RUNTIME_DIR");
    let ended = run_command(inner);
    assert_refused(&ended, "cannot write /run/memdoor-protect.state: permission denied (EACCES)");
    assert_eq!(adj(&victim), before);
}

#[test]
fn a_change_is_in_the_state_before_it_is_made() {
    if !works(&["strace", "-o", "/dev/null", "true"]) {
        return skip("needs strace");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let (state, trace) = (dir.join("state"), dir.join("trace"));
    let strace = ["strace", "-qq", "-y", "-o", &trace, "-e", "trace=write,renameat,fsync,flock"];
    let inner = memdoor(&["protect", "-p", &victim.id(), "--adj", "900", "--state", &state]);
    assert_eq!(run_command(through(&strace, &inner)).code(), 0);
    let text = fs::read_to_string(&trace).expect("a trace");
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
    let changed = at("oom_score_adj>, \"900\"");
    assert!(at("flock(") < at("memdoor protect 1") && at("memdoor protect 1") < changed, "{text}");
    assert!(at("renameat(") < changed && text[..changed].matches("fsync(").count() == 2, "{text}");
}

#[test]
fn two_runs_of_protect_do_not_write_over_what_the_other_remembers() {
    let dir = TempDir::new();
    let state = dir.join("state");
    let victims = [(); 6].map(|()| Victim::start(&["idle"]));
    let before = adj(&victims[0]);
    let all = victims
        .each_ref()
        .map(|victim| Running::start(memdoor(&["protect", "-p", &victim.id(), "--adj", "900", "--state", &state])));
    for one in all {
        let ended = one.end();
        assert_eq!(ended.code(), 0, "{ended:#?}");
    }
    assert!(victims.iter().all(|victim| adj(victim).trim() == "900"));
    assert_eq!(run(&["protect", "--undo", "--state", &state]).code(), 0);
    assert!(victims.iter().all(|victim| adj(victim) == before), "all six were remembered");
}

#[test]
fn a_state_that_another_holds_is_waited_for_and_then_nothing_is_changed() {
    if !works(&["flock", "--version"]) {
        return skip("needs flock(1)");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let before = adj(&victim);
    let state = dir.write("state", b"");
    let inner = memdoor(&["protect", "-p", &victim.id(), "--adj", "900", "--state", &state]);
    let ended = run_command(through(&["flock", &state], &inner));
    assert_refused(&ended, "another memdoor is using it");
    assert_eq!(adj(&victim), before);
}

/// What was refused is no change: it is not undone later.
#[test]
fn what_was_refused_is_not_remembered() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let state = dir.join("state");
    let protect = |words: &[&str]| run(&[&["protect", "--state", &state], words].concat());
    assert_eq!(protect(&["-p", &victim.id(), "--adj", "700"]).code(), 0);
    let kept = fs::read_to_string(&state).expect("a state");
    if protect(&["-p", &victim.id(), "--adj", "-900"]).code() == 0 {
        return skip("this user has CAP_SYS_RESOURCE: nothing is refused");
    }
    assert_eq!(fs::read_to_string(&state).expect("a state"), kept);
    assert_eq!(protect(&["--undo"]).code(), 0);
    assert_ne!(adj(&victim).trim(), "700");
}

#[test]
fn a_directory_is_made_under_its_own_name_and_never_where_a_link_leads() {
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let pid = victim.pid.to_string();
    let (link, target) = (dir.join("link"), dir.join("nowhere"));
    symlink("nowhere", &link).expect("a link");
    let watch = |to: &str| run(&["watch", "-p", &pid, "-m", "99", "-i", "0.05", "-c", "1", "-q", "-o", to]);
    let monitor = |to: &str| run(&["monitor", "0.02", "1", "--config", "/dev/null", "-o", to]);
    let why = "link: it is a symbolic link to what is not there, and nothing is made where a link leads";
    for ended in [watch(&link), monitor(&link)] {
        assert_refused(&ended, why);
        assert!(
            ended.err.contains(&format!("hint: make the directory that it leads to: readlink -m {link}")),
            "{ended:#?}"
        );
        assert!(!fs::exists(&target).expect("looked"), "what it leads to is not made");
    }
    // The control: one that leads to a directory is followed, and what is below a link is made.
    fs::create_dir(&target).expect("a directory");
    assert_eq!(watch(&link).code(), 0);
    assert_eq!(names(&target).len(), 1);
    assert_eq!(monitor(&format!("{link}/made")).code(), 0);
    assert_eq!(names(dir.path().join("nowhere/made")).len(), 8);
}
