//! What scripts/build makes: one static file, the same bytes from every checkout, small, and without a trace of who built it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use common::elf::{self, Elf};
use common::host::{CAP_IPC_LOCK, TempDir, has_capability, has_unprivileged, is_root, unlockable};
use common::run::{Bounds, Ended, Running, command, run_command, through_shell, try_run};
use common::skip;
use common::target::{Victim, kib};
use nix::sys::signal::Signal;

const AARCH64: &str = "aarch64-unknown-linux-musl";

/// With all modes and documents. The original, static and with one of these modes, has 972 kB.
const FILE_MAX: usize = 5 << 19;
/// What a watch may have in memory beside its file, locked or not.
const BESIDE_FILE_KB: u64 = 400;

/// The most that a watch may have resident.
fn rss_max() -> u64 {
    fs::metadata(memdoor()).expect("the binary").len() / 1024 + BESIDE_FILE_KB
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// scripts/build of a checkout. What cargo tells the test of its own build is not handed on.
fn build(checkout: &Path, target_dir: Option<&Path>, arguments: &[&str]) -> Ended {
    let mut command = Command::new(checkout.join("scripts/build"));
    command.args(arguments).env_remove("CARGO_TARGET_DIR");
    if let Some(dir) = target_dir {
        command.env("CARGO_TARGET_DIR", dir);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Running::within(Bounds::BUILD, command).expect("scripts/build starts").end()
}

fn path_of(done: &Ended) -> PathBuf {
    assert!(done.status.success(), "{}", done.err);
    assert_eq!(done.out.lines().count(), 1, "the path is the only line: {}", done.out);
    PathBuf::from(done.out.trim_end())
}

fn target_dir() -> PathBuf {
    root().join("target/tests-build")
}

/// The release binary, built once for all tests, or before them by scripts/test.
fn memdoor() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os("MEMDOOR_RELEASE") {
        Some(built) => built.into(),
        None => path_of(&build(root(), Some(&target_dir()), &[])),
    })
}

fn assert_static(path: &Path, machine: u16) {
    let elf = Elf::parse(&fs::read(path).expect("the binary")).expect("an ELF file");
    assert_eq!(elf.machine, machine);
    assert!(matches!(elf.kind, elf::ET_EXEC | elf::ET_DYN), "{elf:?}");
    assert!(!elf.has_interpreter && elf.needed == 0, "{elf:?}");
}

#[test]
fn the_binary_is_static() {
    // Whatever the machine that builds it.
    assert_static(memdoor(), elf::EM_X86_64);
}

#[test]
fn a_dynamic_binary_is_told_from_a_static_one() {
    let dynamic = Elf::parse(&elf::made_up(true)).expect("ELF");
    assert!(dynamic.has_interpreter);
    assert_eq!(dynamic.needed, 2);
    let fixed = Elf::parse(&elf::made_up(false)).expect("ELF");
    assert!(!fixed.has_interpreter);
    assert_eq!((fixed.needed, fixed.kind, fixed.machine), (0, elf::ET_DYN, elf::EM_X86_64));
    assert_eq!(Elf::parse(b"#!/bin/sh\n"), None);
    assert_eq!(Elf::parse(&elf::made_up(true)[..200]), None, "cut");
}

/// Paths of this machine that the file at `path` holds.
fn paths_inside(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).expect("the binary");
    let variable = |name| std::env::var(name).ok();
    let sysroot = try_run(command("rustc", &["--print", "sysroot"])).map(|done| done.out.trim().to_string());
    let candidates = [
        Some(root().display().to_string()),
        // What is in it: "/root" alone is also the end of one text and the beginning of the next, `/proc/` and `root needs ...`.
        variable("HOME").map(|home| format!("{}/", home.trim_end_matches('/'))),
        variable("CARGO_HOME"),
        variable("RUSTUP_HOME"),
        sysroot.ok(),
        // Where cargo keeps its crates, whatever the variables say.
        Some("/.cargo/registry".into()),
        Some("/.rustup/toolchains".into()),
    ];
    let mut found: Vec<String> = candidates.into_iter().flatten().collect();
    // HOME may be `/`, which is in any binary.
    found.retain(|path| path.len() > 1);
    // What is inside is a file below it; `/proc` + `/root needs CAP_SYSLOG` are two texts that happen to lie beside each other.
    let is_inside = |path: &str| bytes.windows(path.len() + 1).any(|part| part == format!("{path}/").as_bytes());
    found.retain(|path| is_inside(path.trim_end_matches('/')));
    found
}

#[test]
fn no_path_of_the_building_machine_is_inside() {
    assert_eq!(paths_inside(memdoor()), Vec::<String>::new());
    let debug = paths_inside(Path::new(env!("CARGO_BIN_EXE_memdoor")));
    assert!(!debug.is_empty(), "control: a debug build holds them");
}

#[test]
fn the_binary_is_small() {
    let len = fs::read(memdoor()).expect("the binary").len();
    assert!(len <= FILE_MAX, "{len} bytes");
}

/// Starts a watch that has nothing to report, and hands its PID over when it waits.
fn idle(mut command: Command, ends_with: i32, look: impl FnOnce(u32)) {
    let victim = Victim::start(&["idle"]);
    command.args(["-p", &victim.id(), "-m", "99", "-i", "600"]);
    let mut watch = Running::start(command);
    watch.until_with("not equal to or greater than");
    watch.until_with("Memory Pressure Threshold");
    look(watch.pid());
    watch.signal(Signal::SIGTERM);
    assert_eq!(watch.end().code(), ends_with);
}

#[test]
fn idle_and_unlocked_it_takes_450_kb_at_most() {
    if !has_unprivileged() {
        return skip("needs setpriv: root can always lock memory");
    }
    let dir = TempDir::new();
    let copy = Command::new(dir.program(memdoor(), "memdoor"));
    // Another user's executable is not for this one to see.
    let ends_with = if is_root() { 4 } else { 0 };
    idle(unlockable(&copy), ends_with, |pid| {
        assert_eq!(kib(pid, "status", "VmLck"), 0, "control: nothing is locked");
        let rss = kib(pid, "status", "VmRSS");
        assert!((50..=rss_max()).contains(&rss), "{rss} kB");
    });
}

#[test]
fn idle_and_locked_it_takes_700_kb_at_most() {
    if !has_capability(CAP_IPC_LOCK) {
        return skip("needs CAP_IPC_LOCK");
    }
    idle(Command::new(memdoor()), 0, |pid| {
        assert!(kib(pid, "status", "VmLck") > 0, "control: memory is locked");
        let rss = kib(pid, "status", "VmRSS");
        assert!((50..=rss_max()).contains(&rss), "{rss} kB");
    });
}

/// What README says that they want. The release build's own frames: those of the test build are larger.
#[test]
fn every_mode_works_with_the_stack_that_readme_names() {
    const LOOK: u32 = 128;
    const STAY: u32 = 288;
    let target = Victim::start(&["idle"]);
    let (pid, dir) = (target.id(), TempDir::new());
    dir.write("conf", b"");
    let (conf, log) = (dir.join("conf"), root().join("fixtures/dmesg/5.10-none-allocating-task.log"));
    let modes = [
        (LOOK, format!("snapshot -p {pid}")),
        (LOOK, format!("snapshot -p {pid} --format json")),
        (LOOK, "check --warning 100 --critical 100".into()),
        (LOOK, "check --warning 100 --critical 100 --tree".into()),
        (LOOK, "check --warning 100 --critical 100 --where".into()),
        (LOOK, "check --warning 100 --critical 100 --browsers --format json".into()),
        (LOOK, "scores".into()),
        (LOOK, "scores --next --format json".into()),
        (LOOK, format!("protect -p {pid} --adj 10 --dry-run --state {}", dir.join("state"))),
        (LOOK, format!("dmesg {}", log.display())),
        (STAY, format!("watch -p {pid} -c 2 -i 0.01 --seize always --format json -o {}", dir.join(""))),
        (STAY, format!("monitor 0.01 0.2 --deep --config {conf} -o {}", dir.join("monitored"))),
        (STAY, format!("monitor --analyze 0.01 0.2 --config {conf}")),
        (STAY, format!("kill --config {conf} --once --dry-run --threshold 0 --only any")),
    ];
    for (limit, words) in modes {
        let with = |limit: u32| {
            let script = format!("ulimit -s {limit} && exec env -i \"$@\"");
            let words: Vec<&str> = words.split(' ').collect();
            run_command(through_shell(&script, &command(memdoor().to_str().expect("UTF-8"), &words)))
        };
        // The start of a stack is random.
        for _ in 0..5 {
            let ended = with(limit);
            assert!(matches!(ended.status.code(), Some(0 | 4)), "ulimit -s {limit}: {words}: {ended:#?}");
        }
        let ended = with(limit - 32);
        let told = format!("{}{}", ended.err, ended.out);
        assert!(told.contains("cannot grow the stack to "), "control: {words}: {told}");
    }
}

/// Copies what git knows of, and what it would know of after `git add`.
fn check_out(to: &Path) -> Result<(), String> {
    let mut git = command("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    git.current_dir(root());
    let listed = try_run(git).map_err(|why| format!("git: {why}"))?;
    if !listed.status.success() || listed.out.is_empty() {
        let why = listed.err.lines().next().unwrap_or("git lists no files");
        return Err(format!("this is no checkout of git's: {why}"));
    }
    for name in listed.out.trim_end().split_terminator('\0') {
        let (from, copy) = (root().join(name), to.join(name));
        if !from.is_file() {
            continue;
        }
        fs::create_dir_all(copy.parent().expect("a parent")).expect("directories");
        fs::copy(&from, &copy).expect("copied");
    }
    Ok(())
}

#[test]
fn two_checkouts_give_the_same_bytes() {
    let dirs = [TempDir::new(), TempDir::new()];
    let checkouts = [dirs[0].path().join("a"), dirs[1].path().join("a longer path/with a blank")];
    for checkout in &checkouts {
        if let Err(reason) = check_out(checkout) {
            return skip(&reason);
        }
    }
    let built = std::thread::scope(|scope| {
        let builds = checkouts.each_ref().map(|checkout| scope.spawn(|| path_of(&build(checkout, None, &[]))));
        builds.map(|build| build.join().expect("it builds"))
    });
    for (path, checkout) in built.iter().zip(&checkouts) {
        assert!(path.starts_with(checkout), "{}", path.display());
    }
    let bytes = built.map(|path| fs::read(path).expect("the binary"));
    assert!(bytes[0] == bytes[1], "{} and {} bytes differ", bytes[0].len(), bytes[1].len());
    let ours = fs::read(memdoor()).expect("the binary");
    assert!(bytes[0] == ours, "this checkout's differs from a fresh one's");
}

#[test]
fn it_builds_for_aarch64_and_runs_there() {
    let done = build(root(), Some(&target_dir()), &["--target", AARCH64]);
    if !done.status.success() && done.err.contains("is missing and could not be added") {
        return skip("the Rust target aarch64-unknown-linux-musl can't be had here");
    }
    let path = path_of(&done);
    assert_static(&path, elf::EM_AARCH64);
    assert_eq!(paths_inside(&path), Vec::<String>::new());
    let emulator = "qemu-aarch64-static";
    match try_run(command(emulator, &[path.to_str().expect("UTF-8"), "--version"])) {
        Ok(ran) => assert_prints_version(&ran),
        Err(_) => skip("qemu-aarch64-static is not installed: the aarch64 binary was built and not run"),
    }
}

fn assert_prints_version(ran: &Ended) {
    let version = concat!("memdoor version ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((ran.code(), &*ran.out, &*ran.err), (0, version, ""));
}

#[test]
fn it_runs_without_an_environment() {
    let mut command = Command::new(memdoor());
    command.arg("--version").env_clear().current_dir("/");
    assert_prints_version(&run_command(command));
}

#[test]
fn it_runs_alone_in_an_empty_root() {
    let dir = TempDir::new();
    dir.program(memdoor(), "memdoor");
    let mut command = Command::new("chroot");
    command.arg(dir.path()).args(["/memdoor", "--version"]).env_clear();
    // Where chroot(8) itself is: without an environment nobody looks for it.
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    match try_run(command) {
        Ok(ran) if ran.status.code() == Some(125) => skip(ran.err.trim_end()),
        Ok(ran) => assert_prints_version(&ran),
        Err(why) => skip(&format!("chroot: {why}")),
    }
}

#[test]
fn what_can_not_be_built_is_refused_with_words() {
    let done = build(root(), Some(&target_dir()), &["--tarjet"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(done.out.is_empty());
    assert!(done.err.contains("'--tarjet'"));
}
