//! `memdoor kill`: what its configuration and its patterns may say, and what is said of those that can't mean what they say.

use crate::common;

use std::process::Command;

use common::host::TempDir;
use common::memcg::{MIB, Memcg};
use common::run::{Running, command, memdoor, poll, run, through_shell};
use common::target::Victim;
use nix::sys::signal::Signal;

use super::kill::{family, is_alive, kill, kill_args, name, value};

/// The lines of `--print-config` without where they come from.
fn printed(args: &[&str]) -> Vec<String> {
    let ended = run(&[&["kill", "--print-config"], args].concat());
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let lines = ended.out.lines().map(|line| line.rsplit_once(" # ").map_or(line, |(line, _)| line.trim_end()));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_name_that_is_too_long_for_a_process_is_found_where_what_is_typed_takes_its_place_too() {
    let dir = TempDir::new();
    let file = dir.write("conf", b"[kill]\nonly = a-name-of-nobody\n");
    let said = "--only: 'a-name-of-nobody' is not allowed: it stands for 16 bytes, and comm has 15 bytes at most";
    let ended = run(&["kill", "--config", &file, "--print-config"]);
    assert_eq!(ended.code(), 0, "what holds is only shown");
    let ended = run(&["kill", "--config", &file, "--once", "--dry-run"]);
    assert!(ended.code() == 2 && ended.err.contains(said), "{ended:#?}");
    let ended = run(&["kill", "--config", &file, "--once", "--dry-run", "--only", "browsers"]);
    assert!(ended.code() == 2 && ended.err.starts_with(&format!("memdoor: {file}:2: {said}")), "{ended:#?}");
    // A family may be called so.
    let typed = ["--only", "browsers", "--family", "a-name-of-nobody=^x$"];
    let ended = run(&[&["kill", "--config", &file, "--once", "--dry-run"][..], &typed].concat());
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

#[test]
fn what_counts_several_kills_is_a_usage_error_beside_once_unless_it_stands_in_the_configuration() {
    let dir = TempDir::new();
    for (option, value) in [("cooldown", "3"), ("max-kills", "2/hour")] {
        let typed = format!("--{option}");
        let ended = run(&["kill", "--config", "/dev/null", "--once", "--dry-run", &typed, value]);
        let said = format!("memdoor: --{option} '{value}' and --once: ");
        assert!(ended.code() == 2 && ended.err.starts_with(&said), "{ended:#?}");
        let file = dir.write("conf", format!("[kill]\n{option} = {value}\n").as_bytes());
        let ended = run(&["kill", "--config", &file, "--once", "--dry-run"]);
        assert_eq!(ended.code(), 0, "{ended:#?}");
    }
    let file = dir.write("conf", b"[kill]\nonce = false\n");
    let ended = run(&["kill", "--config", &file, "--cooldown", "3", "--print-config"]);
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

/// Each has a configuration read, and none of the runs that begin comes to its end.
#[test]
fn a_flood_of_sighups_does_not_keep_a_victim_alive() {
    let (name, dir) = (name(), TempDir::new());
    let mut deaf = Victim::start(&["family", "--deaf", &name, "4", "0"]);
    let (only, log) = (format!("^{name}$"), dir.join("log"));
    let more = ["--grace", "1", "--cooldown", "600", "--log-file", &log];
    let mut daemon = Running::start(memdoor(&kill_args(&only, &more)));
    daemon.until(&format!("Victim PID: {}", deaf.pid));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while is_alive(deaf.pid) {
        assert!(std::time::Instant::now() < until, "it is not sent SIGKILL");
        daemon.signal(Signal::SIGHUP);
        std::thread::sleep(std::time::Duration::from_micros(300));
    }
    deaf.wait();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn what_print_config_prints_is_read_as_it_was() {
    let dir = TempDir::new();
    let values = [
        "plain",
        "a # b",
        "a #",
        "^tab\there$",
        "bell\u{7}",
        r#"of ' and " # x"#,
        r#"cmdline:'a' "b""#,
        r#"["a"]|[b]"#,
        r#"['x']|["y"]"#,
        r"back\\slash\d",
        r"'\d' #",
        "cmdline:$'x'",
        r#"cmdline:" #"#,
        "ünïcode",
        "exe:/a\u{1b}31m'\"",
    ];
    let mut typed = vec!["--config", "/dev/null", "--log-file", "/tmp/a\nb'c\"d#"];
    for value in values {
        typed.extend(["--ignore", value]);
    }
    let once = printed(&typed);
    assert_eq!(once.iter().filter(|line| line.starts_with("ignore = ")).count(), values.len(), "{once:#?}");
    let file = dir.write("conf", once.join("\n").as_bytes());
    let again = printed(&["--config", &file]);
    assert_eq!(again, once);
    // It is the same, and not only printed alike: what is typed and what is read are one value, or this would have more.
    let mut both = typed.clone();
    both[1] = &file;
    both.drain(2..4);
    let ignores = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| line.starts_with("ignore = ")).cloned().collect()
    };
    let (read, all) = (ignores(&once), ignores(&printed(&both)));
    assert_eq!(all, [&read[..], &read[..]].concat());
}

#[test]
fn a_typed_family_adds_to_those_of_the_configuration_and_replaces_the_one_of_its_name() {
    let (name, dir) = (name(), TempDir::new());
    let [a, b, c] = ["a", "b", "c"].map(|end| format!("{name}{end}"));
    let victims = [(&a, 12), (&b, 8), (&c, 4)].map(|(name, mib)| family(name, mib, 0));
    let text = format!("[kill]\nthreshold = 0\nonly = mine\nfamily = mine=^{b}$\nfamily = other=^{a}$\n");
    let file = dir.write("conf", text.as_bytes());
    let chosen = |family: &str| {
        let ended = run(&["kill", "--config", &file, "--once", "--dry-run", "--family", family]);
        value(&ended.out, "Victim PID").to_owned()
    };
    assert_eq!(chosen("py=^python"), victims[1].id());
    assert_eq!(chosen(&format!("mine=^{c}$")), victims[2].id());
    let shown = printed(&["--config", &file, "--family", &format!("mine=^{c}$")]);
    let families: Vec<&str> = shown.iter().filter_map(|line| line.strip_prefix("family = ")).collect();
    assert_eq!(families, [format!("other=^{a}$"), format!("mine=^{c}$")]);
}

#[test]
fn a_configuration_that_is_no_text_or_is_named_twice_says_what_it_is() {
    let dir = TempDir::new();
    let said = |args: &[&str]| {
        let ended = run(&[&["kill", "--print-config"], args].concat());
        assert_eq!(ended.code(), 2, "{ended:#?}");
        ended.err
    };
    let file = dir.write("conf", b"a\0 = 1\n");
    assert!(said(&["--config", &file]).contains(":1: a NUL byte stands there"));
    dir.write("conf", b"[kill]\nonly = a\0b\n");
    assert!(said(&["--config", &file]).contains(":2: a NUL byte stands there"));
    let wide: Vec<u8> = "[kill]\n".bytes().flat_map(|byte| [byte, 0]).collect();
    dir.write("conf", &wide);
    assert!(said(&["--config", &file]).contains("it is UTF-16"));
    assert!(said(&["--config", &file, "--config", "/dev/null"]).contains("--config twice: it takes one value"));
}

/// A service that is started by the file alone would not start, and whoever tried the file with options would not know.
#[test]
fn a_wrong_value_of_the_configuration_is_an_error_whatever_is_typed() {
    let dir = TempDir::new();
    for (line, typed, words) in [
        (
            "threshold = bad",
            &["--threshold", "90"][..],
            "--threshold: 'bad' is not allowed: a whole number from 0 to 100, in percent",
        ),
        ("dry-run = maybe", &["--dry-run"], "--dry-run: 'maybe' is not allowed: true or false"),
        (
            "only = .",
            &["--only", "any"],
            "--only: '.' is not allowed: it fits whatever name a process may have, and so every process",
        ),
        ("family = x=.", &["--family", "x=^a$"], "--family: 'x=.' is not allowed: it fits whatever name"),
        ("prefer = (", &["--prefer", "a"], "--prefer: '(' is not allowed: "),
    ] {
        let file = dir.write("conf", format!("# one\n[kill]\n{line}\n").as_bytes());
        for more in [&["--once", "--dry-run"][..], &["--print-config"]] {
            let more: Vec<&str> = more.iter().filter(|word| !typed.contains(word)).copied().collect();
            let ended = run(&[&["kill", "--config", &file], &more[..], typed].concat());
            assert_eq!((ended.code(), ended.out.as_str()), (2, ""), "{line}: {ended:#?}");
            assert!(ended.err.starts_with(&format!("memdoor: {file}:3: {words}")), "{line}: {ended:#?}");
        }
    }
    let file = dir.write("conf", b"[monitor]\nalert = swap=200\n");
    let ended = run(&["monitor", "--config", &file, "--alert", "swap=off", "--print-config"]);
    assert_eq!(ended.code(), 2, "{ended:#?}");
}

#[test]
fn a_path_of_a_cgroup_is_what_the_kernel_shows_of_processes() {
    let shown = |path: &str| run(&["kill", "--config", "/dev/null", "--once", "--cgroup", path]);
    for path in ["/x/./a", "/x/../a", "/..", "x"] {
        let ended = shown(path);
        assert_eq!(ended.code(), 2, "{ended:#?}");
        assert!(ended.err.contains("without . and .. in it"), "{ended:#?}");
    }
    let ended = shown("//no//such/group/");
    assert!(ended.err.contains("cannot find memory cgroup /no/such/group:"), "{ended:#?}");
}

/// A service that ended with 0 would leave the host alone, and no supervisor start it again.
#[test]
fn a_sighup_never_turns_a_service_into_a_single_look_and_may_turn_it_into_a_dry_run() {
    let (name, dir) = (name(), TempDir::new());
    let victim = family(&name, 4, 0);
    let file = dir.write("conf", b"[kill]\nthreshold = 100\n");
    let (only, log) = (format!("^{name}$"), dir.join("log"));
    let args = ["kill", "--config", &file, "--only", &only, "--hard", "0", "--log-file", &log];
    let mut daemon = Running::start(memdoor(&args));
    let logged = |words: &str| {
        poll(words, || std::fs::read_to_string(&log).ok()?.contains(words).then_some(()));
    };
    logged("started: threshold 100 %");
    dir.write("conf", b"[kill]\nthreshold = 0\nonce = true\n");
    daemon.signal(Signal::SIGHUP);
    logged("ERROR SIGHUP: the configuration stays as it was: once = true can't come to hold");
    dir.write("conf", b"[kill]\nthreshold = 0\ndry-run = true\n");
    daemon.signal(Signal::SIGHUP);
    daemon.until_with("none (dry run)");
    assert!(is_alive(victim.pid));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

/// A shell of that name that notes each SIGTERM in a file and goes on.
fn noting(dir: &TempDir, name: &str, heard: &str) -> Victim {
    Victim::start_command(to_note(dir, name, heard))
}

fn to_note(dir: &TempDir, name: &str, heard: &str) -> Command {
    let shell = dir.program(std::path::Path::new("/bin/bash"), name);
    // Without a child: `read` waits.
    let script = format!("trap 'echo heard >>{heard}' TERM; echo ready $$; while :; do read -r -t 0.1 line; done");
    let mut command = command(&shell, &["-c", &script]);
    command.env_remove("BASH_ENV");
    command
}

/// Whoever sees that the wrong one is being ended has the grace period to say so.
#[test]
fn a_victim_that_a_sighup_spares_gets_no_sigkill_and_one_that_it_does_not_spare_gets_it_at_its_time() {
    let (name, dir) = (name(), TempDir::new());
    // To be avoided is to be the last: where there is nobody else that spares nobody.
    for (at, (more, is_spared)) in
        [("avoid = comm:^NAME$", false), ("ignore = comm:^NAME$", true), ("dry-run = true", true), ("", false)]
            .into_iter()
            .enumerate()
    {
        let (heard, log) = (dir.join(&format!("heard{at}")), dir.join(&format!("log{at}")));
        let mut victim = noting(&dir, &name, &heard);
        let conf = |more: &str| {
            let text = format!("[kill]\nthreshold = 0\nhard = 0\ncooldown = 600\ngrace = 3\n{more}\n");
            dir.write("conf", text.as_bytes())
        };
        let only = format!("^{name}$");
        let daemon = Running::start(memdoor(&["kill", "--config", &conf(""), "--only", &only, "--log-file", &log]));
        let logged = |words: &str| {
            poll(words, || std::fs::read_to_string(&log).ok()?.contains(words).then_some(()));
        };
        poll("a SIGTERM", || std::fs::exists(&heard).unwrap_or_default().then_some(()));
        let began = std::time::Instant::now();
        conf(&more.replace("NAME", &name));
        daemon.signal(Signal::SIGHUP);
        logged("SIGHUP: the configuration was read anew");
        if !is_spared {
            logged(&format!("outcome=killed pid={} ", victim.pid));
            victim.wait();
            assert!((2..20).contains(&began.elapsed().as_secs()), "what was left of the grace: {:?}", began.elapsed());
        } else {
            logged(&format!("INFO outcome=pardoned pid={} ", victim.pid));
            logged("reason=\"by the configuration that was read anew it may not be ended\"");
            std::thread::sleep(std::time::Duration::from_secs(3).saturating_sub(began.elapsed()));
            assert!(is_alive(victim.pid), "{more}");
        }
        assert_eq!(std::fs::read_to_string(&heard).expect("heard"), "heard\n", "nobody is asked twice");
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.end().code(), 0);
    }
}

#[test]
fn a_sighup_at_a_moment_when_the_cgroup_is_not_there_ends_no_service() {
    let Some(group) = Memcg::or_skip(Some(64 * MIB)) else { return };
    let (name, dir) = (name(), TempDir::new());
    let (file, log) = (dir.write("conf", b"[kill]\n"), dir.join("log"));
    let only = format!("^{name}$");
    let path = group.path();
    let args = ["kill", "--config", &file, "--only", &only, "--cgroup", &path, "--log-file", &log];
    let words = dir.join("words");
    let daemon = Running::start(through_shell(&format!("exec \"$@\" 2>{words}"), &memdoor(&args)));
    let says = |file: &str, part: &str| {
        poll(part, || std::fs::read_to_string(file).ok()?.contains(part).then_some(()));
    };
    says(&log, "started: threshold");
    drop(group);
    daemon.signal(Signal::SIGHUP);
    says(&words, "nobody is ended until it can be");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn a_pattern_that_spares_nobody_now_is_named_at_the_start_of_a_daemon_and_behind_a_decision() {
    let name = name();
    let victim = family(&name, 4, 0);
    let only = format!("^{name}$");
    let spared =
        ["--ignore", "java db", "--ignore", &only, "--avoid", "exe:/no/such$", "--avoid", "cmdline:--no-such-arg"];
    let words = "fits no process now: --ignore java db, --avoid exe:/no/such$, --avoid cmdline:--no-such-arg\n";
    let ended = kill(&only, &[&["--once", "--dry-run"], &spared[..]].concat());
    assert!(ended.err.contains(words), "{ended:#?}");
    // What --only fits is spared: more of --only would not help.
    assert!(ended.err.contains("hint=\"--ignore fits them: name fewer\""), "{ended:#?}");
    let ended = kill(&only, &["--once", "--dry-run", "--ignore", "no such name", "--avoid", &only]);
    assert!(ended.err.contains("fits no process now: --ignore no such name\n"), "{ended:#?}");
    let dir = TempDir::new();
    let log = dir.join("log");
    let daemon = Running::start(memdoor(&kill_args(&only, &[&spared[..], &["--log-file", &log]].concat())));
    poll("its words", || std::fs::read_to_string(&log).ok()?.contains(words).then_some(()));
    daemon.signal(Signal::SIGTERM);
    daemon.end();
    drop(victim);
}

/// How often those who note it in these files have heard SIGTERM.
fn heard(files: &[String]) -> usize {
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).map(|text| text.lines().count()).sum()
}

#[test]
fn while_a_victim_is_held_over_a_sighup_nobody_else_is_asked_and_its_outcome_is_said_once_at_the_stop() {
    for (at, end) in [Signal::SIGTERM, Signal::SIGINT].into_iter().enumerate() {
        let (name, dir) = (name(), TempDir::new());
        let files = [dir.join("heard0"), dir.join("heard1")];
        let victims = files.each_ref().map(|file| noting(&dir, &name, file));
        let text = b"[kill]\nthreshold = 0\nhard = 0\ncooldown = 0\ngrace = 600\n";
        let (conf, log, only) = (dir.write("conf", text), dir.join("log"), format!("^{name}$"));
        let daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only, "--log-file", &log]));
        let told = || std::fs::read_to_string(&log).unwrap_or_default();
        poll("a SIGTERM", || (heard(&files) == 1).then_some(()));
        for count in 1..=2 {
            daemon.signal(Signal::SIGHUP);
            poll("it was read", || (told().matches("was read anew").count() == count).then_some(()));
        }
        // The last one is asked for together with the end.
        if at == 1 {
            daemon.signal(Signal::SIGHUP);
        }
        daemon.signal(end);
        let ended = daemon.end();
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert_eq!(heard(&files), 1, "{}", told());
        assert!(victims.iter().all(|victim| is_alive(victim.pid)), "{}", told());
        assert_eq!(told().matches("outcome=").count(), 1, "{}", told());
        assert_eq!(told().matches("outcome=interrupted").count(), 1, "{}", told());
    }
}

#[test]
fn one_that_is_held_over_a_sighup_counts_for_max_kills_and_cooldown_and_is_told_by_the_lock() {
    let (name, dir) = (name(), TempDir::new());
    let files = [dir.join("heard0"), dir.join("heard1")];
    let _victims = files.each_ref().map(|file| noting(&dir, &name, file));
    let text = b"[kill]\nthreshold = 0\nhard = 0\ncooldown = 0\ngrace = 600\nmax-kills = 1/hour\n";
    let (conf, log, only) = (dir.write("conf", text), dir.join("log"), format!("^{name}$"));
    let daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only, "--log-file", &log]));
    let logged = |words: &str| {
        poll(words, || std::fs::read_to_string(&log).ok()?.contains(words).then_some(()));
    };
    poll("a SIGTERM", || (heard(&files) == 1).then_some(()));
    let victim = super::kill_act::victim_told(daemon.pid());
    assert!(victim.is_some());
    dir.write("conf", b"[kill]\nthreshold = 0\nhard = 0\ncooldown = 0\ngrace = 1\nmax-kills = 1/hour\n");
    daemon.signal(Signal::SIGHUP);
    // A look at the lock at any moment finds it told, until the victim has ended.
    while !std::fs::read_to_string(&log).unwrap_or_default().contains("outcome=") {
        let told = super::kill_act::victim_told(daemon.pid());
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(told == victim || text.contains("outcome=") || told.is_none() && text.contains("read anew"), "{text}");
    }
    logged("outcome=spent");
    assert_eq!(heard(&files), 1);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

/// Evidence that nobody reads is written for as long as `--evidence-ms` says.
#[test]
fn a_stop_or_a_sighup_that_comes_while_evidence_is_written_holds_sigterm_back() {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    for (call, outcome) in [(Signal::SIGTERM, "outcome=stopped"), (Signal::SIGHUP, "outcome=reload")] {
        let (name, dir) = (name(), TempDir::new());
        let (file, pipe, log) = (dir.join("heard"), dir.join("pipe"), dir.join("log"));
        let victim = noting(&dir, &name, &file);
        nix::unistd::mkfifo(pipe.as_str(), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        let mut full = std::fs::File::options();
        full.read(true).write(true).custom_flags(nix::libc::O_NONBLOCK);
        let mut full = full.open(&pipe).expect("open");
        while full.write(&[b'x'; 4096]).is_ok() {}
        let text = |more: &str| format!("[kill]\nthreshold = 0\nhard = 0\nevidence-ms = 5000\n{more}");
        let conf = dir.write("conf", text("").as_bytes());
        let only = format!("^{name}$");
        let inner = memdoor(&["kill", "--config", &conf, "--only", &only, "--log-file", &log]);
        let daemon = Running::start(through_shell(&format!("exec \"$@\" >{pipe}"), &inner));
        poll("its word", || super::kill_act::victim_told(daemon.pid()));
        dir.write("conf", text(&format!("ignore = ^{name}$\n")).as_bytes());
        daemon.signal(call);
        let told = || std::fs::read_to_string(&log).unwrap_or_default();
        poll(outcome, || told().contains(outcome).then_some(()));
        if call == Signal::SIGHUP {
            poll("the new one", || told().contains("outcome=nobody").then_some(()));
            daemon.signal(Signal::SIGTERM);
        }
        assert_eq!(daemon.end().code(), 0);
        assert!(is_alive(victim.pid) && heard(&[file]) == 0, "{}", told());
        assert!(!told().contains("outcome=terminated") && !told().contains("outcome=interrupted"), "{}", told());
    }
}

#[test]
fn a_held_victim_is_reported_by_what_held_when_it_was_asked_and_judged_by_what_holds_then() {
    let (name, dir) = (name(), TempDir::new());
    let (file, log) = (dir.join("heard"), dir.join("log"));
    let victim = noting(&dir, &name, &file);
    let conf = dir.write("conf", b"[kill]\nthreshold = 1\nhard = 0\ngrace = 600\n");
    let only = format!("^{name}$");
    let mut daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only, "--log-file", &log]));
    poll("a SIGTERM", || std::fs::exists(&file).unwrap_or_default().then_some(()));
    dir.write("conf", b"[kill]\nthreshold = 100\nhard = 0\ngrace = 0.1\n");
    daemon.signal(Signal::SIGHUP);
    let (_, line) = daemon.until("Memory: ");
    assert!(line.ends_with("% used, threshold 1 %: short"), "{line}");
    let (_, line) = daemon.until("Memory After: ");
    assert_eq!(line, "Memory After: not short any more, by the configuration that was read anew (threshold 100 %)");
    poll("spared", || {
        let text = std::fs::read_to_string(&log).ok()?;
        let line = text.lines().find(|line| line.contains("outcome=spared"))?;
        assert!(line.contains("threshold 1 %: short\"") && line.contains(" memory_after=\"not short any more, by the"));
        Some(())
    });
    assert!(is_alive(victim.pid));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn of_a_whole_cgroup_that_was_asked_only_what_the_new_configuration_ends_gets_sigkill_and_the_others_are_counted() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (name, other, dir) = (name(), name(), TempDir::new());
    let files = [dir.join("heard0"), dir.join("heard1")];
    let start = |name: &str, file: &str| Victim::start_command(group.inside(&to_note(&dir, name, file)));
    let (mut victim, companion) = (start(&name, &files[0]), start(&other, &files[1]));
    let conf = dir.write("conf", b"[kill]\nthreshold = 0\nhard = 0\ngrace = 600\nby = cgroup\ncooldown = 600\n");
    let only = format!("^{name}$");
    let mut daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only]));
    poll("two SIGTERMs", || (heard(&files) == 2).then_some(()));
    dir.write("conf", b"[kill]\nthreshold = 0\nhard = 0\ngrace = 0.1\nby = process\ncooldown = 600\n");
    daemon.signal(Signal::SIGHUP);
    let (_, line) = daemon.until("Victim Processes: ");
    assert_eq!(line, "Victim Processes: 1");
    let (_, line) = daemon.until("Its Control Group Ends As A Whole: ");
    assert!(line.contains(": no: 2 processes got SIGTERM; by the configuration that was read anew"), "{line}");
    let (_, line) = daemon.until("Chosen And Let Go: ");
    assert_eq!(line, "Chosen And Let Go: 1");
    victim.wait();
    assert!(is_alive(companion.pid));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn a_victim_that_is_avoided_by_now_is_let_go_where_there_is_somebody_else() {
    let (name, other, dir) = (name(), name(), TempDir::new());
    let (file, log) = (dir.join("heard"), dir.join("log"));
    let (victim, mut second) = (noting(&dir, &name, &file), family(&other, 4, 0));
    let text = "[kill]\nthreshold = 0\nhard = 0\ngrace = 600\ncooldown = 1\n";
    let conf = dir.write("conf", format!("{text}prefer = comm:^{name}$\n").as_bytes());
    let only = format!("^({name}|{other})$");
    let daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only, "--log-file", &log]));
    poll("a SIGTERM", || std::fs::exists(&file).unwrap_or_default().then_some(()));
    dir.write("conf", format!("{text}avoid = comm:^{name}$\n").as_bytes());
    daemon.signal(Signal::SIGHUP);
    poll("let go", || {
        let text = std::fs::read_to_string(&log).ok()?;
        let line = text.lines().find(|line| line.contains(&format!("outcome=pardoned pid={} ", victim.pid)))?;
        assert!(line.contains("--avoid fits it, and there is somebody else\""), "{line}");
        Some(())
    });
    second.wait();
    assert!(is_alive(victim.pid) && heard(&[file]) == 1);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn a_configuration_that_spares_another_one_of_the_cgroup_ends_the_tree_alone_and_asks_nobody_twice() {
    let Some(group) = Memcg::or_skip(None) else { return };
    let (name, other, dir) = (name(), name(), TempDir::new());
    let (files, log) = ([dir.join("heard0"), dir.join("heard1")], dir.join("log"));
    let start = |name: &str, file: &str| Victim::start_command(group.inside(&to_note(&dir, name, file)));
    let (mut victim, companion) = (start(&name, &files[0]), start(&other, &files[1]));
    let text = "[kill]\nthreshold = 0\nhard = 0\nby = cgroup\ncooldown = 600\n";
    let conf = dir.write("conf", format!("{text}grace = 600\n").as_bytes());
    let only = format!("^{name}$");
    let mut daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only, "--log-file", &log]));
    poll("two SIGTERMs", || (heard(&files) == 2).then_some(()));
    dir.write("conf", format!("{text}grace = 0.1\nignore = comm:^{other}$\n").as_bytes());
    daemon.signal(Signal::SIGHUP);
    let (_, line) = daemon.until("Its Control Group Ends As A Whole: ");
    let words =
        "no: its processes got SIGTERM, and by the configuration that was read anew one that may not be ended is in it";
    assert!(line.contains(words), "{line}");
    victim.wait();
    poll("killed", || std::fs::read_to_string(&log).ok()?.contains("outcome=killed").then_some(()));
    assert!(is_alive(companion.pid) && heard(&files) == 2);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn a_victim_that_was_moved_out_of_the_cgroup_is_let_go_for_that_reason() {
    let (Some(group), Some(away)) = (Memcg::or_skip(Some(64 * MIB)), Memcg::or_skip(None)) else { return };
    let (name, dir) = (name(), TempDir::new());
    let file = dir.join("heard");
    let victim = Victim::start_command(group.inside(&to_note(&dir, &name, &file)));
    let (only, path) = (format!("^{name}$"), group.path());
    let args = kill_args(&only, &["--once", "--grace", "2", "--hard", "0", "--cgroup", &path]);
    let memdoor = Running::start(memdoor(&args));
    poll("a SIGTERM", || std::fs::exists(&file).unwrap_or_default().then_some(()));
    away.take(victim.pid);
    let ended = memdoor.end();
    assert_eq!(value(&ended.out, "Reason"), "it is outside of --cgroup by now", "{ended:#?}");
    assert!(is_alive(victim.pid));
}

#[test]
fn the_end_of_a_terminal_leaves_no_victim_of_once_with_sigterm_alone() {
    let (name, dir) = (name(), TempDir::new());
    let file = dir.join("heard");
    let mut victim = noting(&dir, &name, &file);
    let only = format!("^{name}$");
    let memdoor = Running::start(memdoor(&kill_args(&only, &["--once", "--grace", "1", "--hard", "0"])));
    poll("a SIGTERM", || std::fs::exists(&file).unwrap_or_default().then_some(()));
    memdoor.signal(Signal::SIGHUP);
    let ended = memdoor.end();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    victim.wait();
}

#[test]
fn a_victim_that_has_become_a_program_that_may_not_be_ended_gets_no_sigkill() {
    let dir = TempDir::new();
    for ignore in [false, true] {
        let name = name();
        let shell = dir.program(std::path::Path::new("/bin/bash"), &name);
        let script = "trap 'exec sleep 1000' TERM; echo ready $$; while :; do read -r -t 0.1 line; done";
        let mut command = command(&shell, &["-c", script]);
        command.env_remove("BASH_ENV");
        let victim = Victim::start_command(command);
        // Of others that sleep none is younger than this, nor is any chosen: all are smaller.
        let only = if ignore { format!("^({name}|sleep)$") } else { format!("^{name}$") };
        let spared: &[&str] = if ignore { &["--ignore", "^sleep$"] } else { &[] };
        let ended = kill(&only, &[&["--once", "--grace", "1", "--hard", "0"], spared].concat());
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert_eq!(
            value(&ended.out, "Action"),
            "SIGTERM: the victim is not to be ended any more, and no SIGKILL was sent"
        );
        assert_eq!(
            value(&ended.out, "Reason"),
            "it runs another program by now, or has another name, which may not be ended"
        );
        assert!(is_alive(victim.pid));
    }
}

/// Its number stays, and a zombie takes every signal.
#[test]
fn a_victim_that_dies_while_its_evidence_is_written_has_vanished() {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let (name, dir) = (name(), TempDir::new());
    let (pipe, log) = (dir.join("pipe"), dir.join("log"));
    let victim = family(&name, 4, 0);
    nix::unistd::mkfifo(pipe.as_str(), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    let mut full = std::fs::File::options();
    full.read(true).write(true).custom_flags(nix::libc::O_NONBLOCK);
    let mut full = full.open(&pipe).expect("open");
    while full.write(&[b'x'; 4096]).is_ok() {}
    let only = format!("^{name}$");
    let args = kill_args(&only, &["--once", "--evidence-ms", "2000", "--hard", "0", "--log-file", &log]);
    let memdoor = Running::start(through_shell(&format!("exec \"$@\" >{pipe}"), &memdoor(&args)));
    poll("its word", || super::kill_act::victim_told(memdoor.pid()));
    let number = i32::try_from(victim.pid).expect("a number");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(number), Signal::SIGKILL).expect("signalled");
    let ended = memdoor.end();
    let told = std::fs::read_to_string(&log).expect("a log");
    assert!(ended.code() == 5 && told.contains("outcome=vanished"), "{told}: {ended:#?}");
}

#[test]
fn a_shorter_cooldown_that_is_read_anew_holds_for_the_rest_that_goes_on() {
    let (name, dir) = (name(), TempDir::new());
    let (mut first, mut second) = (family(&name, 8, 0), family(&name, 4, 0));
    let conf = dir.write("conf", b"[kill]\nthreshold = 0\ncooldown = 600\n");
    let only = format!("^{name}$");
    let mut daemon = Running::start(memdoor(&["kill", "--config", &conf, "--only", &only]));
    daemon.until(&format!("Victim PID: {}", first.pid));
    first.wait();
    assert!(is_alive(second.pid));
    dir.write("conf", b"[kill]\nthreshold = 0\ncooldown = 0.1\n");
    daemon.signal(Signal::SIGHUP);
    daemon.until(&format!("Victim PID: {}", second.pid));
    second.wait();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), 0);
}

#[test]
fn who_was_chosen_and_is_spared_when_sigkill_is_due_is_counted_and_nobody_was_killed() {
    let (name, dir) = (name(), TempDir::new());
    let shell = dir.program(std::path::Path::new("/bin/bash"), &name);
    // The child is another program as soon as its parent has ended.
    let script = "(while [ -e /proc/$$/exe ]; do read -r -t 0.05 line; done; exec sleep 1000) & child=$!
        trap 'exit 0' TERM; echo ready $$; echo $child >\"$1\"; while :; do read -r -t 0.1 line; done";
    let file = dir.join("child");
    let mut command = command(&shell, &["-c", script, &name, &file]);
    command.env_remove("BASH_ENV");
    let mut victim = Victim::start_command(command);
    let child: u32 = poll("a child", || std::fs::read_to_string(&file).ok()?.trim().parse().ok());
    let ended = kill(&format!("^{name}$"), &["--once", "--grace", "5", "--hard", "0", "--ignore", "^sleep$"]);
    victim.wait();
    assert_eq!(value(&ended.out, "Action"), "SIGTERM: the victim has ended", "{ended:#?}");
    assert_eq!(value(&ended.out, "Processes Sent SIGKILL"), "0");
    assert_eq!(value(&ended.out, "Victim Processes"), "2");
    assert_eq!(value(&ended.out, "Chosen And Let Go"), "1");
    assert!(is_alive(child));
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(child).expect("a PID")), Signal::SIGKILL);
}

/// There is room for 512 at a time.
#[test]
fn a_tree_of_600_that_does_not_hear_sigterm_is_ended_as_a_whole_and_counted_once() {
    let (name, dir) = (name(), TempDir::new());
    let shell = dir.program(std::path::Path::new("/bin/bash"), &name);
    let script =
        "mkfifo \"$1\"; trap '' TERM; for i in {1..600}; do (read -r line <>\"$1\") & done; echo ready $$; wait";
    let mut command = command(&shell, &["-c", script, &name, &dir.join("fifo")]);
    command.env_remove("BASH_ENV");
    let mut victim = Victim::start_command(command);
    let only = format!("^{name}$");
    let planned = kill(&only, &["--once", "--dry-run"]);
    assert_eq!(value(&planned.out, "Victim Processes"), "601", "{planned:#?}");
    let ended = kill(&only, &["--once", "--grace", "0.1", "--hard", "0"]);
    victim.wait();
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(value(&ended.out, "Victim Processes"), "601");
    assert_eq!(value(&ended.out, "Processes Sent SIGKILL"), "601");
    assert!(!ended.out.contains("Not Held And Not Ended"), "{ended:#?}");
    assert!(value(&kill(&only, &["--once", "--dry-run"]).out, "Action").starts_with("none"));
}
