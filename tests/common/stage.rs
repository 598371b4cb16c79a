//! A made-up host for the real binary: `/proc`, `/sys` and `/dev` with contents that are the same on every machine.
//!
//! memdoor runs in namespaces of its own (pid, mount, UTS, IPC, network), where /proc is a real procfs. On it lie the files of the made-up host,
//! as bind mounts: `/proc/meminfo`, and `/proc/PID` of each process of the cast. Behind each is a real process that sleeps, with that number,
//! so that pidfds, signals and ptrace work; memdoor is one of them, so that it sees itself as the stage has it. Files may be written while it
//! runs: memory gets short when a test says so. Other users than root need user namespaces.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::host::{TempDir, is_root, works};
use super::run::{Running, command, poll};
use super::target::children;
use super::terminal::Pty;

/// `/proc/PID/limits` of a service.
pub const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max data size             unlimited            unlimited            bytes     \n\
            Max stack size            8388608              unlimited            bytes     \n\
            Max processes             31204                31204                processes \n\
            Max open files            1024                 524288               files     \n\
            Max locked memory         8388608              8388608              bytes     \n\
            Max address space         unlimited            unlimited            bytes     \n\
            Max msgqueue size         819200               819200               bytes     \n";

/// A process of the cast.
pub struct Actor {
    pub comm: &'static str,
    /// Its parent's number.
    pub parent: u32,
    pub user: u32,
    /// In kB, as `swap`; half as much of files of it is resident beside it, 4 MB at most.
    pub anon: u64,
    pub swap: u64,
    pub adj: i64,
    pub cgroup: &'static str,
    /// Separated by blanks.
    pub cmdline: &'static str,
}

/// PID 1 is the first. The second answers the test, the third is memdoor.
pub const CAST: [Actor; 16] = [
    actor("systemd", 0, 0, 9000, 0, "/init.scope", "/sbin/init"),
    actor("kthreadd", 0, 0, 0, 0, "/", ""),
    // Nobody's child: the helper process that it starts, which no stage can make up, is in no sum of others.
    actor("memdoor", 0, 0, 200, 0, "/", "memdoor"),
    actor("sshd", 1, 0, 1800, -1000, "/system.slice/ssh.service", "sshd: /usr/sbin/sshd -D"),
    actor(
        "postgres",
        1,
        101,
        310_000,
        -900,
        "/system.slice/postgresql.service",
        "/usr/lib/postgresql/16/bin/postgres -D /data",
    ),
    actor("postgres", 5, 101, 160_000, 0, "/system.slice/postgresql.service", "postgres: writer"),
    actor("gnome-shell", 1, 1000, 420_000, 0, "/user.slice/user-1000.slice/session.scope", "/usr/bin/gnome-shell"),
    actor("firefox", 7, 1000, 650_000, 0, "/user.slice/user-1000.slice/app-firefox.scope", "/usr/lib/firefox/firefox"),
    actor(
        "Web Content",
        8,
        1000,
        900_000,
        100,
        "/user.slice/user-1000.slice/app-firefox.scope",
        "/usr/lib/firefox/firefox -contentproc -childID 1 tab",
    ),
    actor(
        "Isolated Web Co",
        8,
        1000,
        520_000,
        167,
        "/user.slice/user-1000.slice/app-firefox.scope",
        "/usr/lib/firefox/firefox -contentproc -childID 2 tab",
    ),
    actor("chrome", 7, 1000, 300_000, 0, "/user.slice/user-1000.slice/app-chrome.scope", "/opt/google/chrome/chrome"),
    actor(
        "chrome",
        11,
        1000,
        280_000,
        300,
        "/user.slice/user-1000.slice/app-chrome.scope",
        "/opt/google/chrome/chrome --type=renderer --lang=en",
    ),
    actor("java", 1, 1001, 1_800_000, 0, "/lab/app", "/usr/bin/java -Xmx2g -jar /srv/app.jar --password=hunter2"),
    actor("a) R (b c", 1, 1002, 40_000, 0, "/", "a\tb \u{1b}[31m"),
    actor("bash", 4, 1000, 3000, 0, "/user.slice/user-1000.slice/session-2.scope", "-bash"),
    actor("python3", 15, 1000, 75_000, 500, "/user.slice/user-1000.slice/session-2.scope", "python3 train.py"),
];

const fn actor(
    comm: &'static str,
    parent: u32,
    user: u32,
    anon: u64,
    adj: i64,
    cgroup: &'static str,
    cmdline: &'static str,
) -> Actor {
    Actor { comm, parent, user, anon, swap: anon / 16, adj, cgroup, cmdline }
}

/// The number of the process of the cast that is memdoor.
pub const MEMDOOR: u32 = 3;
/// java, the largest.
pub const JAVA: u32 = 13;

/// MemTotal in kB.
const TOTAL: u64 = 8_000_000;

/// A made-up host on which nothing runs yet.
pub struct Stage {
    dir: TempDir,
}

/// How namespaces are entered here, or why they can't be.
fn namespaces() -> Result<Vec<&'static str>, &'static str> {
    static CAN: OnceLock<bool> = OnceLock::new();
    let words = ["unshare", "-m", "-p", "-f", "-u", "-i", "-n", "--kill-child", "--mount-proc"];
    let mut words = words.to_vec();
    if !is_root() {
        words.insert(1, "-r");
    }
    // What is mounted over must be there: not every kernel has all of it.
    let there = "test -e /proc/pressure/memory && test -e /proc/slabinfo && test -e /proc/buddyinfo && test -d /sys && hostname x";
    let can = *CAN.get_or_init(|| works(&[&words[..], &["sh", "-c", there]].concat()));
    can.then_some(words)
        .ok_or("needs namespaces (root, or user namespaces), and a kernel with PSI, slabinfo and buddyinfo")
}

impl Stage {
    /// The host, or why it can't be had here.
    pub fn set() -> Result<Self, &'static str> {
        namespaces()?;
        let this = Self { dir: TempDir::new() };
        this.host();
        for (at, actor) in CAST.iter().enumerate() {
            this.process(number(at), actor);
        }
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        this.own_mounts();
        copy_files(&fixtures.join("cgroup/v2-limit-in-ancestor-7.2/lab"), &this.path("sys/fs/cgroup/lab"));
        for (from, to) in [
            ("vmstat/6.12.txt", "proc/vmstat"),
            ("buddyinfo/7.2.txt", "proc/buddyinfo"),
            ("slabinfo/5.10.txt", "proc/slabinfo"),
        ] {
            this.put(to, &fs::read(fixtures.join(from)).expect("a fixture"));
        }
        // What a group without a limit has, for all that the cast is in, and for those above.
        let unlimited = fixtures.join("cgroup/v2-limit-in-ancestor-7.2/lab/app");
        for group in
            CAST.iter().flat_map(|actor| Path::new(actor.cgroup).ancestors()).filter(|group| group.parent().is_some())
        {
            let dir = this.path("sys/fs/cgroup").join(group.strip_prefix("/").expect("absolute"));
            if !dir.join("memory.max").exists() {
                copy_files(&unlimited, &dir);
            }
        }
        for (name, text) in
            [("max", "2500000000\n"), ("high", "max\n"), ("current", "1980000000\n"), ("peak", "1990000000\n")]
        {
            this.put(&format!("sys/fs/cgroup/lab/memory.{name}"), text.as_bytes());
        }
        Ok(this)
    }

    /// A path below the stage.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file in place: a reader that has it open sees what is new.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, bytes).expect("written");
    }

    /// Changes the host while memdoor is stopped, so that it sees all of it or nothing.
    pub fn at_once(&self, play: &Running, change: impl FnOnce(&Self)) {
        let number = memdoor_outside(play);
        let state = || {
            let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
        };
        self.order(&format!("kill -STOP {MEMDOOR}"));
        poll("a memdoor that is stopped", || (state() == Some('T')).then_some(()));
        change(self);
        self.order(&format!("kill -CONT {MEMDOOR}"));
    }

    fn link(&self, name: &str, to: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        symlink(to, path).expect("a link");
    }

    /// So much memory is available, in percent of all.
    pub fn available(&self, percent: u64) {
        let available = TOTAL / 100 * percent;
        let free = available / 4;
        let lines = [
            ("MemTotal", TOTAL),
            ("MemFree", free),
            ("MemAvailable", available),
            ("Buffers", 120_000),
            ("Cached", 1_100_000),
            ("SwapCached", 12_000),
            ("Active(anon)", 3_000_000),
            ("Inactive(anon)", 1_900_000),
            ("Active(file)", 400_000),
            ("Inactive(file)", 500_000),
            ("Unevictable", 300),
            ("Mlocked", 300),
            ("SwapTotal", 2_000_000),
            ("SwapFree", 1_200_000),
            ("Dirty", 64),
            ("Writeback", 0),
            ("AnonPages", 4_700_000),
            ("Mapped", 250_000),
            ("Shmem", 200_000),
            ("KReclaimable", 160_000),
            ("Slab", 240_000),
            ("SReclaimable", 160_000),
            ("SUnreclaim", 80_000),
            ("KernelStack", 12_000),
            ("PageTables", 48_000),
            ("SecPageTables", 0),
            ("CommitLimit", 6_000_000),
            ("Committed_AS", 9_500_000),
            ("VmallocTotal", 34_359_738_367),
            ("VmallocUsed", 40_000),
            ("Percpu", 4_000),
            ("HardwareCorrupted", 0),
            ("AnonHugePages", 1_024_000),
            ("ShmemHugePages", 0),
            ("FileHugePages", 0),
            ("Hugetlb", 0),
        ];
        let mut text = String::new();
        for (name, kib) in lines {
            let _ = writeln!(text, "{:<15} {kib:>8} kB", format!("{name}:"));
        }
        self.put("proc/meminfo", text.as_bytes());
    }

    fn host(&self) {
        self.available(25);
        for (name, text) in [
            (
                "pressure/memory",
                "some avg10=1.25 avg60=0.50 avg300=0.10 total=4049000\nfull avg10=0.75 avg60=0.25 avg300=0.05 total=1791000\n",
            ),
            (
                "swaps",
                "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/vda3                               partition\t2000000\t\t800000\t\t-2\n",
            ),
            ("stat", "cpu  100 0 100 9000 0 0 0 0 0 0\nbtime 1795255711\nprocesses 400\n"),
            ("sys/vm/swappiness", "60\n"),
            ("sys/vm/panic_on_oom", "0\n"),
            ("sys/vm/oom_kill_allocating_task", "0\n"),
            ("sys/vm/overcommit_memory", "0\n"),
            ("sys/fs/file-nr", "2048\t0\t800000\n"),
            ("sys/kernel/random/boot_id", "01234567-89ab-cdef-0123-456789abcdef\n"),
            (
                "sysvipc/shm",
                "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n",
            ),
        ] {
            self.put(&format!("proc/{name}"), text.as_bytes());
        }
        for group in ["", "/system.slice", "/user.slice"] {
            self.put(&format!("sys/fs/cgroup{group}/cgroup.controllers"), b"memory pids\n");
        }
        fs::create_dir_all(self.path("sys/block")).expect("a directory");
        fs::create_dir_all(self.path("dev/shm")).expect("a directory");
        self.put("dev/null", b"");
        self.put("etc/machine-id", b"0123456789abcdef0123456789abcdef\n");
        fs::create_dir_all(self.path("run")).expect("a directory");
    }

    /// What memdoor finds of the mounts.
    fn own_mounts(&self) {
        let mounts = "21 1 0:19 / /proc rw,relatime - proc proc rw\n\
            22 1 0:20 / /sys rw,relatime - sysfs sysfs rw\n\
            24 1 0:27 / /dev/shm rw,nosuid - tmpfs tmpfs rw\n\
            29 22 0:26 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n";
        self.put(&format!("proc/{MEMDOOR}/mountinfo"), mounts.as_bytes());
    }

    /// Writes how much a process holds.
    pub fn holds(&self, pid: u32, anon: u64, swap: u64, adj: i64) {
        let file = (anon / 2).min(4096);
        let (rss, tables) = (anon + file, 20 + anon / 500);
        let points = (rss + swap + tables) / 4 * 1000 / (TOTAL / 4 + 2_000_000 / 4);
        let score = if adj == -1000 { 0 } else { (1000 + i64::try_from(points).expect("small") + adj) * 2 / 3 };
        let statm = format!("{} {} {} 9 0 {} 0\n", (rss + swap) / 4 + 900, rss / 4, file / 4, anon / 4 + 30);
        let rollup = format!(
            "1000-7ffe0a21c000 ---p 00000000 00:00 0                          [rollup]\nRss: {rss} kB\nPss: {} kB\nPss_Anon: {anon} kB\n\
             Pss_File: {} kB\nPss_Shmem: 0 kB\nShared_Clean: {file} kB\nShared_Dirty: 0 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: {anon} kB\n\
             Anonymous: {anon} kB\nSwap: {swap} kB\nSwapPss: {swap} kB\nLocked: 0 kB\n",
            anon + file / 2,
            file / 2,
        );
        let actor = &CAST[usize::try_from(pid - 1).expect("small")];
        let memory = if anon == 0 {
            String::new()
        } else {
            format!(
                "VmPeak:\t{0:>8} kB\nVmSize:\t{0:>8} kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\nVmHWM:\t{1:>8} kB\nVmRSS:\t{2:>8} kB\nRssAnon:\t{anon:>8} kB\n\
                 RssFile:\t{file:>8} kB\nRssShmem:\t       0 kB\nVmData:\t{0:>8} kB\nVmStk:\t     132 kB\nVmExe:\t     412 kB\nVmLib:\t       8 kB\n\
                 VmPTE:\t{tables:>8} kB\nVmSwap:\t{swap:>8} kB\nHugetlbPages:\t       0 kB\n",
                rss + swap + 3600,
                rss + 512,
                rss,
            )
        };
        let user = actor.user;
        let status = format!(
            "Name:\t{}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{}\nTracerPid:\t0\n\
             Uid:\t{user}\t{user}\t{user}\t{user}\nGid:\t{user}\t{user}\t{user}\t{user}\nFDSize:\t256\nGroups:\t \nNStgid:\t{pid}\nNSpid:\t{pid}\n\
             {memory}Threads:\t1\nSigQ:\t0/31000\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\n\
             SigIgn:\t0000000000001000\nSigCgt:\t0000000000000440\nCapEff:\t0000000000000000\nvoluntary_ctxt_switches:\t2\nnonvoluntary_ctxt_switches:\t1\n",
            actor.comm, actor.parent,
        );
        for (name, text) in [
            ("statm", statm),
            ("smaps_rollup", rollup),
            ("status", status),
            ("oom_score", format!("{score}\n")),
            ("oom_score_adj", format!("{adj}\n")),
        ] {
            self.put(&format!("proc/{pid}/{name}"), text.as_bytes());
        }
    }

    fn process(&self, pid: u32, actor: &Actor) {
        let file = |name: &str| format!("proc/{pid}/{name}");
        let is_kernel = actor.anon == 0;
        let rss = (actor.anon + (actor.anon / 2).min(4096)) / 4;
        // Field 22 is when it was started, in ticks since boot, 24 its RSS in pages.
        let flags = if is_kernel { 2_129_984 } else { 4_194_304 };
        let stat = format!(
            "{pid} ({}) S {} {pid} {pid} 0 -1 {flags} 2201 0 12 0 70 30 0 0 20 0 1 0 {} 9199616 {rss} 18446744073709551615 1 1 0 0 0 0 0 4096 1088 1 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
            actor.comm,
            actor.parent,
            100 + pid,
        );
        let children: String = CAST
            .iter()
            .enumerate()
            .filter(|(_, child)| child.parent == pid)
            .map(|(at, _)| format!("{} ", number(at)))
            .collect();
        let exe = actor.cmdline.split(' ').next().unwrap_or_default().trim_end_matches(':').to_owned();
        let exe = if exe.starts_with('/') { exe } else { format!("/usr/bin/{}", actor.comm) };
        let maps = if is_kernel {
            String::new()
        } else {
            format!(
                "555588cb8000-555588cb9000 r-xp 00000000 fe:00 14319618                   {exe}\n\
                 555588cb9000-{:x} rw-p 00000000 00:00 0                          [heap]\n\
                 7f8200751000-7f8200758000 r--p 00000000 fe:00 14319700                   /usr/lib/libc.so.6\n\
                 7f8200758000-7f820075a000 rw-p 00000000 00:00 0 \n\
                 7f820075a000-7f820075c000 r-xp 00000000 00:00 0                          [vdso]\n\
                 7ffe0a1fb000-7ffe0a21c000 rw-p 00000000 00:00 0                          [stack]\n",
                0x5555_88cb_9000_u64 + actor.anon * 1024,
            )
        };
        for (name, text) in [
            ("stat", stat.as_str()),
            (&format!("task/{pid}/stat"), &stat),
            (&format!("task/{pid}/children"), &children),
            ("comm", &format!("{}\n", actor.comm)),
            ("cgroup", &format!("0::{}\n", actor.cgroup)),
            ("cmdline", &actor.cmdline.split_inclusive(' ').map(|word| word.replace(' ', "\0")).collect::<String>()),
            ("maps", &maps),
            ("limits", LIMITS),
            ("net/sockstat", "sockets: used 22\nTCP: inuse 7 orphan 0 tw 0 alloc 12 mem 3\nUDP: inuse 2 mem 0\n"),
        ] {
            self.put(&file(name), text.as_bytes());
        }
        if !is_kernel {
            self.link(&file("exe"), &exe);
            self.link(&file("cwd"), "/");
            self.link(&file("root"), "/");
        }
        self.link(&file("ns/net"), "net:[4026531840]");
        self.link(&file("ns/pid"), "pid:[4026531836]");
        fs::create_dir_all(self.path(&file("fd"))).expect("a directory");
        self.holds(pid, actor.anon, actor.swap, actor.adj);
    }

    /// memdoor on this host, ready to be started: the binary, with its directory of work below the stage.
    fn command(&self, words: &[&str]) -> Command {
        let mut arguments = namespaces().expect("asked before");
        arguments.extend(["sh", "-c", PLAY, "sh"]);
        let (program, arguments) = arguments.split_first().expect("a program");
        let mut command = command(program, arguments);
        command.arg(self.dir.path()).arg(CAST.len().to_string()).arg(super::run::MEMDOOR).args(words);
        command.current_dir(self.path("work")).env("TZ", "UTC").env("LC_ALL", "C");
        for name in ["COLUMNS", "LINES", "TERM", "XDG_RUNTIME_DIR", "NO_COLOR"] {
            command.env_remove(name);
        }
        command
    }

    /// Starts memdoor on it.
    pub fn start(&self, words: &[&str]) -> Running {
        self.prepare();
        Running::start(self.command(words))
    }

    /// The same on a terminal, which gets what it writes.
    pub fn start_on(&self, pty: &Pty, words: &[&str]) -> Running {
        self.prepare();
        let mut command = self.command(words);
        command.env("TERM", "xterm");
        Running::start_into(command, pty.stdout())
    }

    fn prepare(&self) {
        fs::create_dir_all(self.path("work")).expect("a directory");
        for fifo in ["control", "go"] {
            let _ = fs::remove_file(self.path(fifo));
            nix::unistd::mkfifo(&self.path(fifo), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        }
    }

    /// Waits until memdoor traces one of the cast.
    pub fn seized(&self, play: &Running) {
        let is_traced = |pid: u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("TracerPid:") && line != "TracerPid:\t0")
        };
        poll("a process that is seized", || {
            let shell = *children(play.pid()).first()?;
            children(shell).into_iter().any(is_traced).then_some(())
        });
    }

    /// Says a line of shell to the second process: `kill -9 13`.
    pub fn order(&self, line: &str) {
        fs::write(self.path("control"), format!("{line}\n")).expect("the second process reads");
    }
}

/// Waits until memdoor waits, so that it has looked once and said what there is to say: two looks in a row find it in the same ppoll(2).
pub fn settled(play: &Running) {
    let number = memdoor_outside(play);
    let look = || {
        let call = fs::read_to_string(format!("/proc/{number}/syscall")).ok()?;
        let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
        let switches = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?.to_owned();
        (call.split(' ').next() == Some(&libc::SYS_ppoll.to_string())).then_some((call, switches))
    };
    let mut before = None;
    poll("a memdoor that waits", || {
        let now = look();
        let waits = now.is_some() && now == before;
        before = now;
        waits.then_some(())
    });
}

/// The number that memdoor has outside: the grandchild that runs it.
fn memdoor_outside(play: &Running) -> u32 {
    poll("memdoor to be started", || {
        let shell = *children(play.pid()).first()?;
        let is_it = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "memdoor\n");
        children(shell).into_iter().find(is_it)
    })
}

/// As PID 1: starts the cast, lays the made-up files over the real ones, lets memdoor begin, and ends as it does.
const PLAY: &str = r#"
stage=$1 cast=$2
shift 2
( exec <>"$stage/control"; while read -r line; do eval "$line"; done ) &
( read -r go <"$stage/go"; exec "$@" ) &
memdoor=$!
number=3
while [ $number -lt $cast ]; do
    sleep 100000 >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    number=$!
done
hostname golden || exit 99
for file in meminfo vmstat buddyinfo slabinfo swaps stat pressure/memory sysvipc/shm sys/vm/swappiness sys/vm/panic_on_oom \
    sys/vm/oom_kill_allocating_task sys/vm/overcommit_memory sys/fs/file-nr sys/kernel/random/boot_id; do
    mount --bind "$stage/proc/$file" "/proc/$file" || exit 99
done
number=1
while [ $number -le $cast ]; do
    # Its own descriptors memdoor must see as they are. How many others have is the size of this directory: no file system has its like.
    if [ $number != 3 ]; then
        fds=$number
        [ $fds -gt 3 ] || fds=4
        [ -e "$stage/proc/$number/sockets" ] || mount --bind "/proc/$fds/fd" "$stage/proc/$number/fd" || exit 99
        mount --rbind "$stage/proc/$number" "/proc/$number" || exit 99
    fi
    number=$((number + 1))
done
for file in stat statm status smaps_rollup cgroup cmdline comm mountinfo oom_score oom_score_adj limits maps; do
    mount --bind "$stage/proc/3/$file" "/proc/3/$file" || exit 99
done
# The host has one pid namespace, however often it is entered. That of the network is memdoor's own.
ln -sfn "$(readlink /proc/3/ns/net)" "$stage/proc/3/ns/net" && mount --bind "$stage/proc/3/ns" /proc/3/ns || exit 99
mount --bind /dev/null "$stage/dev/null" && mount -t tmpfs none "$stage/dev/shm" || exit 99
exec 4<>"$stage/go"
for dir in sys dev run etc; do
    mount --rbind "$stage/$dir" /$dir || exit 99
done
# Executables that a session hangs on are believed only if they are root's. From here on no other program is there.
mount -t tmpfs -o mode=755 none /usr/bin || exit 99
umask 022
for exe in sshd gnome-shell; do
    : >/usr/bin/$exe
done
echo go >&4
# What the shell says of a memdoor that is killed is not memdoor's.
exec 2>/dev/null
wait $memdoor
"#;

fn number(at: usize) -> u32 {
    u32::try_from(at + 1).expect("small")
}

/// The files of a directory, and not those below.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("an entry");
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}
