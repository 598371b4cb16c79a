//! Each mode where the environment is incomplete: the true cause and what to type, by a code that is not 0; no clean bill of health from
//! what could not be read, and no death by a signal.
//!
//! The same modes run under each condition; what a mode can do all the same is said here by name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common;

use common::host::{TempDir, has_unprivileged, is_root, mount_hidepid, unprivileged, works};
use common::memcg::Memcg;
use common::run::{Ended, command, is_own_process, memdoor, run_command, through, through_shell};
use common::skip;
use common::target::Victim;
use memdoor::host::Host;
use memdoor::monitor::options::ReadPss;
use memdoor::monitor::process_table::{Coverage, Look, ProcessTable, Swapping};
use memdoor::processes::{Depth, Table};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

/// What all modes are run on.
struct Lab {
    dir: TempDir,
    target: Victim,
}

/// A mode with its arguments; a path begins with `@`, which is the directory of the lab.
const MODES: [(&str, &str); 16] = [
    ("watch", "watch -p PID -m 99 -c 1"),
    ("watch -e", "watch -p PID -e EXE -m 99 -c 1 -i 0.01"),
    ("snapshot", "snapshot -p PID"),
    ("check", "check"),
    ("check --where", "check --where"),
    ("check --browsers", "check --browsers"),
    ("scores", "scores"),
    ("scores --next", "scores --next"),
    ("scores --what-if", "scores --what-if PID=5"),
    ("kill", "kill --config @conf --once --dry-run --threshold 0 --only ^NAME$"),
    ("protect", "protect --match ^NAME$ --adj 10 --dry-run --state @state"),
    ("protect -p", "protect -p PID --adj 10 --dry-run --state @state"),
    ("monitor", "monitor 0.01 0.2 --config @conf"),
    ("monitor --analyze", "monitor --analyze 0.01 0.2 --config @conf"),
    ("dmesg FILE", "dmesg @kernel.log"),
    ("recover", "recover @record"),
];

/// What a mode makes of a condition.
#[derive(Clone, Copy)]
enum Expected {
    /// Code 1, or 3 (UNKNOWN) of `check`; the cause, and the hint.
    Refused(&'static str, &'static str),
    /// Code 4, with both.
    Partial(&'static str, &'static str),
    /// Its own code, 0, as the mode's own work is done; both are said.
    Told(&'static str, &'static str),
    /// Code 5: whom it is told to act on is nobody; both are said.
    Nobody(&'static str, &'static str),
    /// Code 0: the condition is none for this mode.
    Works,
}

use Expected::{Nobody, Partial, Refused, Told, Works};

impl Lab {
    fn new() -> Self {
        let dir = TempDir::new();
        let log = include_bytes!("../../fixtures/dmesg/5.10-none-allocating-task.log");
        dir.write("kernel.log", log);
        dir.write("conf", b"");
        dir.memdoor();
        let name = format!("env-{}", std::process::id() % 100_000);
        let target = Victim::start_command(command(&dir.victim(&name), &["idle"]));
        let out = dir.join("");
        let ended = run_command(memdoor(&["-p", &target.id(), "-m", "99", "-c", "1", "-o", &out]));
        assert_eq!(ended.code(), 0, "{ended:#?}");
        let is_record = |name: &str| name.starts_with("memdoor-") && name.ends_with(".txt");
        let mut files =
            fs::read_dir(dir.path()).expect("a directory").map(|entry| entry.expect("an entry").file_name());
        let record = files.find_map(|name| name.into_string().ok().filter(|name| is_record(name)));
        let bytes = fs::read(dir.join(&record.expect("a record"))).expect("read");
        let record = dir.write("record", &bytes);
        // To be read by a user without rights.
        fs::set_permissions(record, PermissionsExt::from_mode(0o644)).expect("mode");
        Self { dir, target }
    }

    /// A mode's command line where the lab's directory is `root`.
    fn memdoor(&self, root: &str, words: &str) -> Command {
        let exe = fs::read_link(format!("/proc/{}/exe", self.target.pid)).expect("exe");
        let name = exe.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
        let word = |word: &str| {
            let word = word.replace("PID", &self.target.id()).replace("NAME", &name);
            let word = word.replace("EXE", exe.to_str().expect("UTF-8"));
            word.replace('@', &format!("{root}/"))
        };
        let words: Vec<String> = words.split(' ').map(word).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        command(&format!("{root}/memdoor"), &words)
    }

    fn path(&self) -> &str {
        self.dir.path().to_str().expect("UTF-8")
    }

    /// Every mode under a condition.
    fn each(&self, condition: &str, make: impl Fn(&Command) -> Command, expected: impl Fn(&str) -> Expected) {
        self.each_at(self.path(), condition, make, expected);
    }

    fn each_at(
        &self,
        root: &str,
        condition: &str,
        make: impl Fn(&Command) -> Command,
        expected: impl Fn(&str) -> Expected,
    ) {
        for (mode, words) in MODES {
            let ended = run_command(make(&self.memdoor(root, words)));
            let told = format!("{}{}", ended.err, if mode.starts_with("check") { &ended.out } else { "" });
            let (codes, words) = match expected(mode) {
                Refused(cause, hint) => ([if mode.starts_with("check") { 3 } else { 1 }], Some((cause, hint))),
                Partial(cause, hint) => ([4], Some((cause, hint))),
                Told(cause, hint) => ([0], Some((cause, hint))),
                Nobody(cause, hint) => ([5], Some((cause, hint))),
                Works => ([0], None),
            };
            assert!(codes.contains(&ended.code()), "{condition}: {mode}: {ended:#?}");
            if let Some((cause, hint)) = words {
                assert!(told.contains(cause), "{condition}: {mode}: {ended:#?}");
                let has_hint = ended.err.lines().any(|line| line.starts_with("hint: ") && line.contains(hint));
                assert!(has_hint, "{condition}: {mode}: {ended:#?}");
            }
        }
    }
}

/// Modes that read one file that is named, and nothing of the machine.
fn is_offline(mode: &str) -> bool {
    matches!(mode, "dmesg FILE" | "recover")
}

/// Sees that a mode does its work or names the cause and what to type, with a code that is not 0, and says nothing of a machine where
/// nobody is.
fn assert_true(condition: &str, mode: &str, ended: &Ended, cause: &str, hint: &str) {
    let code = ended.code();
    if code == 0 {
        return;
    }
    let told = format!("{}{}", ended.err, ended.out);
    assert!(told.contains(cause), "{condition}: {mode}: {ended:#?}");
    let has_hint = ended.err.lines().any(|line| line.starts_with("hint: ") && line.contains(hint));
    assert!(has_hint, "{condition}: {mode}: {ended:#?}");
    assert!(!told.contains("obody may be"), "{condition}: {mode}: {ended:#?}");
    assert!(!told.contains("no process"), "{condition}: {mode}: {ended:#?}");
}

#[test]
fn with_everything_in_place_every_mode_works() {
    let lab = Lab::new();
    lab.each("all in place", |inner| through(&["env"], inner), |_| Works);
}

#[test]
fn without_proc_only_files_are_read_and_the_others_say_how_to_mount_it() {
    if !is_root() || !works(&["chroot", "/", "/bin/true"]) {
        return skip("needs root and chroot");
    }
    let lab = Lab::new();
    let by = |inner: &Command| through(&["chroot", lab.path()], inner);
    let expected = |mode: &str| if is_offline(mode) { Works } else { Refused("/proc", "mount -t proc proc /proc") };
    lab.each_at("", "no /proc", by, expected);
    fs::create_dir(lab.dir.join("proc")).expect("a directory");
    let empty = |mode: &str| match is_offline(mode) {
        true => Works,
        false => Refused("no proc file system is mounted on /proc", "mount -t proc proc /proc"),
    };
    lab.each_at("", "an empty /proc", by, empty);
}

#[test]
fn a_proc_of_another_pid_namespace_is_not_believed() {
    let namespace = ["unshare", "-p", "-f"];
    if !works(&[&namespace[..], &["true"]].concat()) {
        return skip("needs root and unshare, for a pid namespace");
    }
    let lab = Lab::new();
    let expected = |mode: &str| match is_offline(mode) {
        true => Works,
        false => Refused("/proc is of another pid namespace", "unshare --pid --fork --mount-proc memdoor"),
    };
    lab.each("/proc of the outer namespace", |inner| through(&namespace, inner), expected);
}

/// Typed where a namespace shares its host's mounts, that would lie over the host's /proc.
#[test]
fn no_hint_says_to_mount_over_a_proc_that_is_there() {
    if !is_root() || !works(&["unshare", "-m", "-p", "-f", "true"]) {
        return skip("needs root and unshare, for a mount and a pid namespace");
    }
    let lab = Lab::new();
    let empty = lab.dir.write("empty", b"");
    let subset = "mount -t proc -o subset=pid proc /proc";
    let covered = format!("mount --bind '{empty}' /proc/meminfo");
    for (namespace, before) in
        [(&["unshare", "-p", "-f"][..], "true"), (&["unshare", "-m"], &covered), (&["unshare", "-m"], subset)]
    {
        if !works(&[namespace, &["sh", "-c", before]].concat()) {
            skip(&format!("this kernel can't: {before}"));
            continue;
        }
        let script = format!("{before} && exec \"$@\"");
        for (mode, words) in MODES {
            let ended = run_command(through(namespace, &through_shell(&script, &lab.memdoor(lab.path(), words))));
            let hints: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("hint: ")).collect();
            assert!(ended.code() == 0 || !hints.is_empty(), "{before}: {mode}: {ended:#?}");
            // In a mount namespace of its own it harms nobody.
            let is_safe = |hint: &&str| !hint.contains("mount -t proc") || hint.contains("unshare --mount sh -c");
            assert!(hints.iter().all(is_safe), "{before}: {mode}: {ended:#?}");
        }
    }
}

/// Of other users' processes nothing is seen: a mode about all of them is done in part (4). `check`'s code is its verdict on memory, of
/// which nothing is hidden; `kill` and `protect` of a user without rights are about that user's own processes, which are all shown.
#[test]
fn what_hidepid_hides_is_said_to_be_hidden() {
    if !is_root() || !has_unprivileged() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root, unshare and setpriv, for a /proc that hides processes");
    }
    let lab = Lab::new();
    for hidepid in ["1", "2", "4"] {
        let Some(script) = mount_hidepid(hidepid) else { continue };
        let script = format!("{script} && exec \"$@\"");
        let by = |inner: &Command| through(&["unshare", "-m"], &through_shell(&script, &unprivileged(inner)));
        lab.each(&format!("hidepid={hidepid}"), by, |mode| match mode {
            "watch" | "watch -e" | "snapshot" | "protect -p" | "scores --what-if" => {
                Refused("is hidden from this user", "/proc is mounted with hidepid: run memdoor as root")
            }
            "scores" | "scores --next" | "monitor" | "monitor --analyze" => Partial("(hidepid)", "run memdoor as root"),
            "check" | "check --browsers" | "kill" => Told("(hidepid)", "run memdoor as root"),
            // It is about the user's own, of which the pattern fits none.
            "protect" => Nobody("(hidepid)", "run memdoor as root"),
            _ => Works,
        });
        // Who keeps what is written, and not what is said, knows it as well.
        for (mode, words) in MODES {
            let tells = match mode {
                "check" | "check --browsers" | "scores" | "scores --next" | "kill" | "monitor --analyze" => true,
                "monitor" => false,
                _ => continue,
            };
            let json = run_command(by(&lab.memdoor(lab.path(), &format!("{words} --format json"))));
            let is_told = |line: &str| line.contains("\"incomplete\":[\"processes of other users: ");
            assert!(!json.out.is_empty() && json.out.lines().all(is_told), "hidepid={hidepid}: {mode}: {json:#?}");
            let text = run_command(by(&lab.memdoor(lab.path(), words)));
            let caveat = text.out.contains("NOT SEEN: processes of other users (hidepid)");
            assert!(caveat || !tells || mode == "kill", "hidepid={hidepid}: {mode}: {text:#?}");
        }
    }
}

/// Something else lies over it: nothing is known of the machine, and nobody looks at that for ever.
#[test]
fn a_meminfo_that_tells_nothing_is_an_error_of_every_mode_that_needs_it() {
    if !works(&["unshare", "-m", "true"]) {
        return skip("needs root and unshare, for a mount namespace");
    }
    let lab = Lab::new();
    for (text, cause) in [
        ("", "cannot read /proc/meminfo: it is empty"),
        ("MemFree: 1 kB\n", "/proc/meminfo gives no MemTotal"),
        ("MemTotal: abc kB\nMemFree: 1 kB\nMemAvailable: 1 kB\n", "/proc/meminfo gives no MemTotal"),
        (
            "MemTotal: 0 kB\nMemFree: 0 kB\nMemAvailable: 0 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
            "/proc/meminfo gives no MemTotal above 0",
        ),
        ("MemTotal: 10 kB\nMemFree: 1 kB\nMemAvailable: 99 kB\n", "/proc/meminfo gives no MemAvailable up to MemTotal"),
    ] {
        let file = lab.dir.write("meminfo", text.as_bytes());
        let script = format!("mount --bind '{file}' /proc/meminfo && exec \"$@\"");
        let by = |inner: &Command| through(&["unshare", "-m"], &through_shell(&script, inner));
        lab.each(&format!("{text:?}"), by, |mode| match mode {
            "protect" | "protect -p" => Works,
            mode if is_offline(mode) => Works,
            // Of a snapshot it is one part. No right would have helped.
            "snapshot" => Partial("part of the evidence could not be read", "what stands behind each - says why"),
            _ => Refused(cause, "umount /proc/meminfo"),
        });
        let ended = run_command(by(&lab.memdoor(lab.path(), "snapshot -p PID --format json")));
        // Absent, and never a figure.
        let is_told = ended.out.contains("\"incomplete\":[\"system.memory.limit: ");
        assert!(ended.code() == 4 && is_told, "{text:?}: {ended:#?}");
    }
}

#[test]
fn whoever_hidepid_hides_is_not_said_to_be_nobody() {
    if !is_root() || !has_unprivileged() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root, unshare and setpriv, for a /proc that hides processes");
    }
    let Some(script) = mount_hidepid("2") else { return };
    let lab = Lab::new();
    let words = "kill --config @conf --once --dry-run --threshold 0 --only any";
    let inner = unprivileged(&lab.memdoor(lab.path(), words));
    let inner = through_shell(&format!("{script} && exec \"$@\""), &inner);
    let ended = run_command(through(&["unshare", "-m"], &inner));
    assert!(!ended.err.contains("nobody else in this pid namespace"), "{ended:#?}");
    // Tests beside this one may have a process of that user's, which is a candidate then.
    let is_nobody = ended.err.contains("outcome=nobody");
    assert!(!is_nobody || ended.err.contains("hint=\"run memdoor as root: /proc hides processes"), "{ended:#?}");
}

/// The /proc that it is started with shows all, and is remounted: in a pid namespace of its own, as before Linux 5.8 that is what a /proc belongs
/// to.
#[test]
fn an_alert_of_whom_a_remounted_proc_hides_is_not_ended_as_of_one_that_has_exited() {
    let namespace = ["unshare", "-p", "-f", "--mount-proc"];
    let remount = "mount -o remount,hidepid=2 /proc";
    if !is_root() || !has_unprivileged() || !works(&[&namespace[..], &["sh", "-c", remount]].concat()) {
        return skip("needs root, unshare and setpriv, for a /proc that is remounted with hidepid");
    }
    let dir = TempDir::new();
    let (copy, out) = (dir.memdoor(), dir.join("out"));
    let args = ["monitor", "--config", "/dev/null", "0.1", "0.2", "--format", "json", "--alert", "threads=1"];
    let watched = through_shell(&format!("exec \"$@\" >{out}"), &unprivileged(&command(&copy, &args)));
    let victim = common::target::path();
    let script = format!(
        "sleep 60 | {} leak --wait --idle 3 1 >/dev/null & \"$@\" & watch=$!; \
         until grep -q '\"raised\"' {out}; do sleep 0.05; done; {remount}; wait $watch",
        victim.display(),
    );
    let ended = run_command(through(&namespace, &through_shell(&script, &watched)));
    let text = std::fs::read_to_string(&out).expect("its output");
    let over = text.lines().filter(|line| line.contains("\"memdoor.alert\"") && line.contains("\"unknown\""));
    let hidden = "it may no longer be seen: /proc hides processes of other users (hidepid)";
    assert!(over.clone().any(|line| line.contains(hidden)), "{ended:#?}\n{text}");
    assert!(!text.contains("has exited"), "{text}");
}

/// A percentage of the smaller of two is none where one of them was not looked at, and nobody is below no limit.
#[test]
fn where_no_cgroup_hierarchy_is_mounted_whoever_asks_for_limits_is_told_so() {
    if !is_root() || !works(&["unshare", "-m", "umount", "-R", "-l", "/sys/fs/cgroup"]) {
        return skip("needs root, unshare and a hierarchy of cgroups, for a mount namespace without it");
    }
    let lab = Lab::new();
    let script = "umount -R -l /sys/fs/cgroup && exec \"$@\"";
    let asked = |words: &str| {
        let inner = through_shell(script, &lab.memdoor(lab.path(), words));
        run_command(through(&["unshare", "-m"], &inner))
    };
    let mount = "hint: mount it: mount -t cgroup2 ";
    let watch = asked("watch -p PID -m 99 --of auto -c 3 -i 0.01");
    let id = lab.target.id();
    let said = format!(
        "memdoor: PID {id}: the memory limit of its control group can't be read: no memory controller is mounted here: MemTotal \
         stands for it\n{mount}"
    );
    assert_eq!((watch.code(), watch.err.matches(&said).count()), (4, 1), "{watch:#?}");
    let next = asked("scores --next");
    assert!(next.code() == 4 && next.err.contains(mount), "{next:#?}");
    assert!(next.out.contains("NOT SEEN: the limits of cgroups (no memory controller is mounted here)"), "{next:#?}");
    assert!(!next.out.contains("No cgroup with processes"), "{next:#?}");
    let json = asked("scores --next --format json");
    let is_told =
        |line: &str| line.contains("\"incomplete\":[\"limits of cgroups: no memory controller is mounted here\"");
    assert!(json.code() == 4 && !json.out.is_empty() && json.out.lines().all(is_told), "{json:#?}");
    let kill = asked("kill --config @conf --once --dry-run --cgroup /x --only ^NAME$");
    assert!(kill.code() == 1 && kill.err.contains(mount), "{kill:#?}");
    let said = "memdoor: cannot find memory cgroup /x: no memory controller is mounted here\n";
    assert!(kill.err.contains(said), "{kill:#?}");
    let monitor = asked("monitor 0.01 0.2 --config @conf");
    assert!(monitor.out.contains("no cgroup is seen: "), "{monitor:#?}");
}

#[test]
fn an_address_space_that_leaves_no_room_for_locked_memory_is_named_as_the_limit() {
    if !common::host::has_capability(common::host::CAP_IPC_LOCK) {
        return skip("needs CAP_IPC_LOCK, so that the limit of locked memory is not in the way");
    }
    let lab = Lab::new();
    let limits = |limit: u32| {
        let inner = lab.memdoor(lab.path(), "watch -p PID -m 99 -c 1");
        run_command(through_shell(&format!("ulimit -v {limit}; exec \"$@\""), &inner))
    };
    let ended: Vec<Ended> = (3000..20_000).step_by(400).map(limits).collect();
    let unlocked: Vec<&Ended> = ended.iter().filter(|ended| ended.err.contains("cannot lock memory")).collect();
    assert!(!unlocked.is_empty());
    assert!(
        unlocked.iter().all(|one| one.err.contains("ulimit -v unlimited") && !one.err.contains("ulimit -l")),
        "{unlocked:#?}"
    );
}

#[test]
fn what_may_not_be_read_is_named_with_its_errno() {
    if !is_root() || !has_unprivileged() || !works(&["unshare", "-m", "true"]) {
        return skip("needs root, unshare and setpriv, for files that may not be read");
    }
    let lab = Lab::new();
    let secret = lab.dir.write("secret", b"");
    fs::create_dir(lab.dir.join("closed")).expect("a directory");
    let closed = lab.dir.join("closed");
    for path in [&secret, &closed] {
        fs::set_permissions(path, PermissionsExt::from_mode(0o700)).expect("mode");
    }
    for (from, to) in [(&secret, "/proc/meminfo"), (&closed, "/proc")] {
        let script = format!("mount --bind '{from}' {to} && exec \"$@\"");
        let by = |inner: &Command| through(&["unshare", "-m"], &through_shell(&script, &unprivileged(inner)));
        lab.each(to, by, |mode| match is_offline(mode) {
            true => Works,
            false => Refused("cannot read /proc/meminfo: permission denied (EACCES)", "run memdoor as root"),
        });
    }
}

/// To root without capabilities "run memdoor as root" says nothing.
#[test]
fn to_root_a_hint_names_the_capability_that_it_lacks() {
    let stripped = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    if !is_root()
        || !has_unprivileged()
        || !works(&[&stripped[..], &["true"]].concat())
        || !works(&["unshare", "-m", "true"])
    {
        return skip("needs root, unshare and setpriv, for root without capabilities");
    }
    let lab = Lab::new();
    let stranger = Victim::start_command(unprivileged(&command(&lab.dir.victim("stranger"), &["idle"])));
    // hidepid=1 and 2 hide nothing from who is in group 0.
    let script = "mount -t proc -o hidepid=4 proc /proc && exec \"$@\"";
    if !works(&["unshare", "-m", "sh", "-c", script, "sh", "true"]) {
        return skip("this kernel has no hidepid=4");
    }
    let mut told = Vec::new();
    for (mode, words) in MODES.into_iter().chain([("dmesg", "dmesg")]) {
        let words = words.replace("PID", &stranger.id());
        let inner = through(&stripped, &lab.memdoor(lab.path(), &words));
        let ended = run_command(through(&["unshare", "-m"], &through_shell(script, &inner)));
        assert!(!ended.err.contains("run memdoor as root"), "{mode}: {ended:#?}");
        let hints = ended.err.lines().filter(|line| line.starts_with("hint: "));
        told.extend(hints.filter(|line| line.contains("CAP_")).map(|_| mode));
    }
    for mode in ["watch", "snapshot", "scores", "scores --what-if", "protect -p", "monitor", "check"] {
        assert!(told.contains(&mode), "{mode}: {told:?}");
    }
}

/// Below 12 nothing is looked at; `kill` and `monitor`, which keep their files open, want 36. In between a watch and a snapshot may lack
/// some of their evidence (4), and say why.
#[test]
fn with_few_descriptors_the_limit_is_named_and_never_nobody() {
    if !works(&["prlimit", "--version"]) {
        return skip("needs prlimit");
    }
    let lab = Lab::new();
    let too_many = Refused("too many open files (EMFILE)", "ulimit -n 1024");
    let limited = |most: u32| {
        let limit = format!("--nofile={most}:{most}");
        move |inner: &Command| through(&["prlimit", &limit], inner)
    };
    for most in 3..=10 {
        let expected = |mode: &str| match is_offline(mode) && most >= 7 {
            true => Works,
            false => too_many,
        };
        lab.each(&format!("{most} descriptors"), limited(most), expected);
    }
    for most in [14, 16, 20, 24, 30, 40, 48] {
        for (mode, words) in MODES {
            let ended = run_command(limited(most)(&lab.memdoor(lab.path(), words)));
            let condition = format!("{most} descriptors");
            assert_true(&condition, mode, &ended, "too many open files (EMFILE)", "ulimit -n 1024");
            let is_refused = (mode.starts_with("kill") || mode.starts_with("monitor")) && most < 35;
            assert_eq!(ended.code() == 1, is_refused, "{condition}: {mode}: {ended:#?}");
            if mode == "check" {
                assert!(ended.out.contains("BY RSS\n     PID  RSS MiB"), "{condition}: {ended:#?}");
                assert!(ended.out.lines().count() > 10, "{condition}: {ended:#?}");
            }
        }
    }
}

#[test]
fn with_few_descriptors_a_limit_of_the_control_group_is_unread_and_not_missing_and_is_not_waited_for() {
    if !works(&["prlimit", "--version"]) {
        return skip("needs prlimit");
    }
    let Some(group) = Memcg::or_skip(Some(256 << 20)) else {
        return;
    };
    let dir = TempDir::new();
    let program = dir.victim("limited");
    let target = Victim::start_command(group.inside(&command(&program, &["idle"])));
    let id = target.id();
    let mut refused = 0;
    for most in 12..=26 {
        let limit = format!("--nofile={most}:{most}");
        for named in [
            &["-p", &id, "-c", "1"][..],
            &["-e", &program, "-c", "1", "-i", "0.01"],
            &["-e", &program, "--follow", "-c", "1", "-i", "0.01"],
        ] {
            let words = [&["watch", "-m", "99", "--of", "cgroup", "-q"], named].concat();
            // A wait that has no end is ended by timeout(1), by 124.
            let ended = run_command(through(&["timeout", "20", "prlimit", &limit], &memdoor(&words)));
            let condition = format!("{most} descriptors, {named:?}: {ended:#?}");
            assert!(!ended.err.contains("is in no control group"), "{condition}");
            assert!(matches!(ended.code(), 0 | 1 | 4), "{condition}");
            if ended.code() == 1 {
                refused += 1;
                assert!(ended.err.contains("too many open files (EMFILE)"), "{condition}");
                assert!(ended.err.contains("hint: raise the limit of open files: ulimit -n 1024"), "{condition}");
            }
        }
    }
    assert!(refused >= 3, "{refused}");
}

/// A record is not among what a watch leaves out: it has the descriptors for all of it, or says at once how many that are.
#[test]
fn a_watch_with_a_record_has_all_the_descriptors_that_it_will_want_or_says_how_many_before_it_is_armed() {
    if !works(&["prlimit", "--version"]) {
        return skip("needs prlimit");
    }
    let dir = TempDir::new();
    let victim = Victim::start(&["idle"]);
    let pid = victim.pid.to_string();
    let place = dir.join("");
    let words = ["watch", "-p", &pid, "-m", "99", "-i", "0.05", "-c", "1", "-q", "-o", &place];
    let limited = |most: usize, words: &[&str]| {
        let limit = format!("--nofile={most}:{most}");
        run_command(through(&["prlimit", &limit], &memdoor(words)))
    };
    let refused = limited(14, &words);
    let enough = refused.err.split_once("cannot keep ").and_then(|(_, rest)| rest.split_once(" files open"));
    let enough = enough.and_then(|(count, _)| count.parse().ok()).unwrap_or_else(|| panic!("{refused:#?}"));
    for most in (14..enough).step_by(3).chain([enough - 1]) {
        let ended = limited(most, &words);
        assert_eq!((ended.code(), ended.out.as_str()), (1, ""), "{most}: {ended:#?}");
        let said = format!(
            "memdoor: cannot keep {enough} files open, as a watch with a record does: too many open files (EMFILE)\n\
             hint: raise the limit of open files: ulimit -n 1024 (in a unit: LimitNOFILE=1024)\n"
        );
        assert_eq!(ended.err, said, "{most}");
    }
    // With a snapshot, and with a thread that is seized: nothing of it is missing.
    for more in [&["-m", "99"][..], &["--seize", "always"]] {
        let words = [&["watch", "-p", &pid, "-i", "0.05", "-c", "2", "-q", "-o", &place], more].concat();
        let ended = limited(enough, &words);
        assert_eq!(ended.code(), 0, "{enough}: {ended:#?}");
        assert!(ended.err.contains("memdoor: the record is "), "{ended:#?}");
    }
}

/// The lowest limit, in steps of 4, under which there is a program at all: below it the kernel's execve(2) ends the process, by SIGSEGV
/// or SIGKILL. Any other signal is the program's own.
fn lowest(option: &str, most: u32) -> u32 {
    let starts = |limit: u32| {
        let script = format!("ulimit {option} {limit} && exec \"$@\"");
        let status = run_command(through_shell(&script, &memdoor(&["--version"]))).status;
        let by_kernel = [Signal::SIGSEGV, Signal::SIGKILL].map(|signal| Some(signal as i32));
        !by_kernel.contains(&status.signal()) && status.code().is_none_or(|code| code < 126)
    };
    let (mut low, mut high) = (0, most);
    while high - low > 4 {
        let middle = low.midpoint(high);
        if starts(middle) { high = middle } else { low = middle }
    }
    high
}

/// From the first word of std's own start on, which takes memory before main(), to where all is done.
#[test]
fn a_small_address_space_or_data_segment_is_named_and_nothing_aborts() {
    /// They look at nothing, and say no less.
    const WORDS_ONLY: [(&str, &str); 3] =
        [("--help", "--help"), ("--version", "--version"), ("protect --help", "protect --help")];
    let lab = Lab::new();
    for (option, most) in [("-v", 65_536), ("-d", 4096)] {
        let lowest = lowest(option, most);
        for more in [0, 4, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512, 1024, 2048, 4096, 6144, 8192, 12_288, 32_768] {
            let limit = lowest + more;
            let condition = format!("ulimit {option} {limit}");
            let script = format!("{condition} && exec \"$@\"");
            for (mode, words) in MODES.into_iter().chain(WORDS_ONLY) {
                let ended = run_command(through_shell(&script, &lab.memdoor(lab.path(), words)));
                let hint = format!("ulimit {option} unlimited");
                assert_true(&condition, mode, &ended, "out of memory (ENOMEM)", &hint);
            }
            if more == 0 {
                let ended = run_command(through_shell(&script, &lab.memdoor(lab.path(), "check")));
                assert_eq!(ended.code(), 3, "{condition}: {ended:#?}");
                assert!(ended.out.starts_with("MEMORY UNKNOWN - "), "{condition}: {ended:#?}");
            }
        }
    }
}

/// What of these is not there is not needed, or it is the output's: then that is the error.
#[test]
fn limits_of_locked_memory_processes_and_files_end_nothing_by_a_signal() {
    if !works(&["prlimit", "--version"]) {
        return skip("needs prlimit");
    }
    let lab = Lab::new();
    let dir = lab.dir.join("out");
    fs::create_dir(&dir).expect("a directory");
    fs::set_permissions(&dir, PermissionsExt::from_mode(0o777)).expect("mode");
    let as_other = is_root() && has_unprivileged();
    let limits = [("--memlock=0", "ulimit -l unlimited"), ("--nproc=0", "ulimit -u unlimited"), ("--fsize=0", "")];
    for (limit, hint) in limits {
        let by = |inner: &Command| through(&["prlimit", limit], inner);
        lab.each(limit, by, |_| Works);
        if as_other {
            // A user without rights, whose limits count.
            for (mode, words) in MODES.iter().filter(|(mode, _)| matches!(*mode, "kill" | "check" | "monitor")) {
                let ended = run_command(unprivileged(&by(&lab.memdoor(lab.path(), words))));
                assert_eq!(ended.code(), 0, "{limit}: {mode}: {ended:#?}");
                let warns = ended.err.contains("warning: cannot ");
                // Of a debug build more is mapped than may be locked as a rule.
                let hint = if ended.err.contains("cannot lock memory") { "ulimit -l unlimited" } else { hint };
                assert!(!warns || ended.err.contains(hint), "{limit}: {mode}: {ended:#?}");
                assert!(mode != &"kill" || limit != "--nproc=0" || warns, "{limit}: {mode}: {ended:#?}");
            }
        }
    }
    for (mode, words) in MODES {
        let script = format!("ulimit -f 0 && exec \"$@\" >'{dir}/file'");
        let ended = run_command(through_shell(&script, &lab.memdoor(lab.path(), words)));
        assert_eq!(ended.code(), if mode.starts_with("check") { 3 } else { 1 }, "{mode}: {ended:#?}");
        assert_true("ulimit -f 0", mode, &ended, "standard output: file too large (EFBIG)", "ulimit -f unlimited");
    }
}

/// The limit counts what is mapped and not what is touched, so that it may be met after memory was locked: by a table, or by the stack.
#[test]
fn whatever_may_be_locked_a_mode_runs_unlocked_or_locked_and_the_limit_that_it_meets_is_named() {
    if !is_root() || !has_unprivileged() || !works(&["prlimit", "--version"]) {
        return skip("needs root, setpriv and prlimit: the limit does not count for CAP_IPC_LOCK");
    }
    // Without CAP_SYS_RESOURCE nobody has more.
    let (_, most) = getrlimit(Resource::RLIMIT_MEMLOCK).expect("a limit");
    let lab = Lab::new();
    let modes = [
        ("watch", "watch -p PID -m 99 -c 2 -i 0.01"),
        ("watch -l", "watch -p PID -m 99 -c 2 -i 0.01 -l"),
        ("monitor", "monitor 0.01 0.1 --config @conf"),
        ("monitor --analyze", "monitor --analyze 0.01 0.1 --config @conf"),
        ("kill", "kill --config @conf --dry-run --threshold 100 --only ^NAME$"),
    ];
    for (mode, words) in modes {
        let (mut locked, mut not_locked) = (0, 0);
        // Debug builds map more than ten times as much.
        for kib in std::iter::successors(Some(400_u64), |kib| Some(kib * 119 / 100)).take_while(|kib| *kib < 80_000) {
            let limit = kib * 1024;
            if limit > most {
                skip(&format!("no more than {most} bytes may be locked here: above that {mode} was not tried"));
                break;
            }
            let limit = format!("--memlock={limit}");
            let inner = lab.memdoor(lab.path(), words);
            let inner = match mode {
                "kill" => through(&["timeout", "--preserve-status", "-s", "TERM", "0.3"], &inner),
                _ => inner,
            };
            let ended = run_command(through(&["prlimit", &limit], &unprivileged(&inner)));
            let is_told = ended.err.contains("cannot lock memory: out of memory (ENOMEM)");
            let is_named = !is_told || ended.err.contains("ulimit -l unlimited");
            assert!(is_named && ended.status.signal().is_none(), "{kib} KiB: {mode}: {ended:#?}");
            assert!(!ended.err.contains("cannot allocate"), "{kib} KiB: {mode}: {ended:#?}");
            // A user may not see all of the target (4).
            let codes = if is_told && mode == "watch -l" { [1, 1] } else { [0, 4] };
            assert!(codes.contains(&ended.code()), "{kib} KiB: {mode}: {ended:#?}");
            assert!(codes[0] == 0 || !ended.err.contains("ulimit -v"), "{kib} KiB: {mode}: {ended:#?}");
            *(if is_told { &mut not_locked } else { &mut locked }) += 1;
        }
        let is_enough = most > 64 << 20 || !cfg!(debug_assertions);
        assert!((locked > 0 || !is_enough) && not_locked > 0, "{mode}: {locked}, {not_locked}");
    }
}

#[test]
fn a_small_stack_is_refused_with_a_sentence() {
    let lab = Lab::new();
    // The kernel moves the start of a stack by up to 8 kB.
    let lowest = lowest("-s", 2048) + 16;
    assert!(lowest < 128, "{lowest}");
    for limit in [lowest, 64, 96, 128, 192, 256, 320, 384, 512, 768, 1024, 8192] {
        let script = format!("ulimit -s {limit} && exec \"$@\"");
        for (mode, words) in MODES {
            let ended = run_command(through_shell(&script, &lab.memdoor(lab.path(), words)));
            let condition = format!("ulimit -s {limit}");
            assert_true(&condition, mode, &ended, "cannot grow the stack to ", "ulimit -s 8192");
            assert!(ended.code() == 0 || limit < 1024, "{condition}: {mode}: {ended:#?}");
        }
    }
    // What is needed is said, it is more than the limit, and it is enough, each time: the start of the stack is random.
    for limit in (112..=160).step_by(8).chain((256..=352).step_by(8)).chain([800, 832]) {
        for (mode, words) in MODES.into_iter().filter(|(mode, _)| matches!(*mode, "check" | "snapshot" | "monitor")) {
            let codes = [(); 6].map(|()| {
                let script = format!("ulimit -s {limit} && exec env -i \"$@\"");
                let ended = run_command(through_shell(&script, &lab.memdoor(lab.path(), words)));
                let told = format!("{}{}", ended.err, ended.out);
                let number = |after: &str| {
                    let rest = told.split_once(after)?.1;
                    rest.split_once(" KiB")?.0.parse::<u32>().ok()
                };
                if ended.code() != 0 {
                    let (needed, its) = (number("cannot grow the stack to "), number("its limit is "));
                    assert!(its == Some(limit) && needed > its, "{limit}: {mode}: {told}");
                }
                ended.code()
            });
            assert!(codes.iter().all(|code| *code == codes[0]), "ulimit -s {limit}: {mode}: {codes:?}");
        }
    }
    // The soft limit alone is raised.
    for (mode, words) in MODES {
        let ended = run_command(through_shell("ulimit -S -s 64 && exec \"$@\"", &lab.memdoor(lab.path(), words)));
        assert_eq!(ended.code(), 0, "{mode}: {ended:#?}");
    }
}

/// What is asked for is enough: with next to nothing above the stack, and with as much as it is asked for.
#[test]
fn every_mode_works_with_the_stack_that_it_asks_for() {
    const MORE: [(&str, &str); 5] = [
        ("watch above", "watch -p PID -c 2 -i 0.01"),
        ("watch above, JSON", "watch -p PID -c 2 -i 0.01 --seize always --format json"),
        ("snapshot, JSON", "snapshot -p PID --format json"),
        ("check --tree", "check --tree"),
        ("kill any", "kill --config @conf --once --dry-run --threshold 0 --only any"),
    ];
    let lab = Lab::new();
    let lowest = lowest("-s", 2048) + 16;
    for (mode, words) in MODES.into_iter().chain(MORE) {
        for room in ["", &"x".repeat(4000)] {
            let with = |limit: u32| {
                let script = format!("ulimit -s {limit} && exec env -i ROOM={room} \"$@\"");
                run_command(through_shell(&script, &lab.memdoor(lab.path(), words)))
            };
            // A mode that stays asks a second time, for more.
            let mut limit = lowest;
            let ended = loop {
                let ended = with(limit);
                let told = format!("{}{}", ended.err, ended.out);
                let Some((_, rest)) = told.split_once("cannot grow the stack to ") else { break ended };
                let needed: u32 =
                    rest.split_once(" KiB").and_then(|(needed, _)| needed.parse().ok()).expect("a number");
                assert!(needed > limit, "{limit}: {mode}: {told}");
                limit = needed;
            };
            assert!(limit > lowest, "control: {mode} needs more than {lowest}");
            assert_eq!(ended.code(), 0, "ulimit -s {limit}: {mode}: {ended:#?}");
        }
    }
}

#[test]
fn an_empty_environment_and_no_name_of_its_own_change_nothing() {
    let lab = Lab::new();
    lab.each("env -i", |inner| through(&["env", "-i"], inner), |_| Works);
    if !works(&["bash", "-c", "exec -a '' true"]) {
        return skip("needs bash, to leave out argv[0]");
    }
    let nameless = |inner: &Command| {
        let mut command = command("bash", &["-c", "exec -a '' \"$@\"", "bash"]);
        command.arg(inner.get_program()).args(inner.get_args());
        command
    };
    lab.each("no argv[0]", nameless, |_| Works);
}

/// Closed standard output is an error of whoever has something to say there; nothing else that is closed matters, not even where
/// there is no /dev/null to put in its place, as in a chroot.
#[test]
fn closed_standard_streams_lose_no_evidence_in_silence() {
    let lab = Lab::new();
    for closed in ["<&-", "2>&-", "<&- 2>&-"] {
        let script = format!("exec \"$@\" {closed}");
        lab.each(closed, |inner| through_shell(&script, inner), |_| Works);
    }
    for closed in [">&-", "<&- >&-"] {
        let script = format!("exec \"$@\" {closed}");
        for (mode, words) in MODES {
            let ended = run_command(through_shell(&script, &lab.memdoor(lab.path(), words)));
            let code = if mode.starts_with("check") { 3 } else { 1 };
            assert_eq!(ended.code(), code, "{closed}: {mode}: {ended:#?}");
            assert!(ended.err.contains("standard output: bad file number (EBADF)"), "{closed}: {mode}: {ended:#?}");
        }
    }
    if !is_root() || !works(&["chroot", "/", "/bin/true"]) || !Path::new("/bin/busybox").exists() {
        return skip("needs root, chroot and busybox, for a system without /dev/null");
    }
    lab.dir.program(Path::new("/bin/busybox"), "sh");
    for closed in ["<&-", "2>&-", ">&-", "<&- >&- 2>&-"] {
        let script = format!("exec \"$@\" {closed}");
        for (mode, words) in MODES.iter().filter(|(mode, _)| is_offline(mode)) {
            let mut command = command("chroot", &[lab.path(), "/sh", "-c", &script, "sh"]);
            let inner = lab.memdoor("", words);
            command.arg(inner.get_program()).args(inner.get_args());
            let ended = run_command(command);
            assert_eq!(
                ended.code(),
                i32::from(closed.contains(" >&-") || closed == ">&-"),
                "{closed}: {mode}: {ended:#?}"
            );
        }
    }
}

/// In a process of its own: the limit is that of all threads.
#[test]
fn a_table_that_no_process_can_be_read_for_is_an_error_and_not_empty() {
    const NAME: &str = "a_table_that_no_process_can_be_read_for_is_an_error_and_not_empty";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let host = Host::open(c"/proc").expect("/proc");
    let mut table = Table::arm(64).expect("room");
    let mut processes = ProcessTable::with_room(64, Duration::from_secs(60), Duration::from_secs(1)).expect("room");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).expect("limited");
    let mut files = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        files.push(file);
    }
    // One is enough for the listing of /proc, and too few for what is in it.
    files.pop();
    let weighed = table.read(&host.proc, Depth::Weight);
    let examined = table.read(&host.proc, Depth::Badness);
    let chosen = table.read_wanted(&host.proc, &mut |_, _| true);
    let look = Look { reader: None, top: 1, deep: ReadPss::No, coverage: Coverage::All, swap: Swapping::No };
    let seen = processes.read(&host, Duration::from_secs(1), &look);
    drop(files);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("as before");
    for read in [weighed, examined, chosen, seen] {
        assert_eq!(read, Err(Errno::EMFILE));
    }
}
