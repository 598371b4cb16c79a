//! Starting the process that is watched: tests/common/victim.rs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use memdoor::sys::clock::Now;
use nix::sys::signal::{Signal, kill};

use super::report::Report;
use super::run::{MEMDOOR, Process, command, poll, run};

/// Where it is built: `cargo test` builds examples beside the binary.
pub fn path() -> PathBuf {
    let path = Path::new(MEMDOOR).with_file_name("examples/victim");
    assert!(path.exists(), "{path:?} is missing: cargo build --example victim");
    path
}

/// The victim with arguments.
pub fn victim(args: &[&str]) -> Command {
    command(path().to_str().expect("UTF-8"), args)
}

/// A victim that runs; killed when dropped.
pub struct Victim {
    /// The process to watch, as the one who started it numbers it.
    pub pid: u32,
    /// What it printed before `ready`.
    pub said: Vec<String>,
    process: Process,
}

impl Victim {
    /// Starts one and waits until its state is set up.
    pub fn start(args: &[&str]) -> Self {
        Self::start_command(victim(args))
    }

    /// The same through another program, or a copy.
    pub fn start_command(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let name = format!("{command:?}");
        let mut process = Process::start(command);
        let mut said = Vec::new();
        let pid = loop {
            let line = process.line();
            assert!(!line.is_empty(), "{name} ended before it was ready");
            if let Some(pid) = line.strip_prefix("ready ") {
                break pid.trim().parse().expect("a pid");
            }
            said.push(line);
        };
        Self { pid, said, process }
    }

    /// Waits until it does nothing any more: `ready` is said just before it reads its input.
    pub fn settled(self) -> Self {
        poll("a victim that reads its input", || {
            let reads = format!("/proc/{}/syscall", self.pid);
            let call = std::fs::read_to_string(reads).ok()?;
            let mut words = call.split(' ').skip(1);
            (words.next() == Some("0x0")).then_some(())
        });
        self
    }

    /// Its number as text.
    pub fn id(&self) -> String {
        self.pid.to_string()
    }

    /// The number of the process that was started, which is not always the one to watch.
    pub fn started(&self) -> u32 {
        self.process.pid()
    }

    /// Writes the line that `leak --wait` and `exec` wait for.
    pub fn go(&mut self) {
        let stdin = self.process.input.as_mut().expect("not ended");
        stdin.write_all(b"\n").expect("a line");
    }

    /// Waits for the next `ready`: the image after exec() says it again.
    pub fn ready_again(&mut self) {
        let line = self.process.line();
        assert!(line.starts_with("ready "), "{line:?}");
    }

    /// Ends its input, which ends it, and collects it.
    pub fn end(&mut self) {
        self.process.input = None;
        self.process.wait();
    }

    /// Collects it; whoever kills it is somebody else.
    pub fn wait(&mut self) {
        self.process.wait();
    }

    /// Kills it, and does not collect it.
    pub fn kill(&self) {
        let pid = i32::try_from(self.pid).expect("a pid");
        kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).expect("kill");
    }

    /// Waits until it holds so much, and says when that was seen, since boot.
    pub fn reaches(&self, kib: u64) -> Duration {
        poll("a target that grows", || (self.kib("status", "VmRSS") >= kib).then(|| Now::read().boottime))
    }

    /// A file of its `/proc` directory.
    pub fn proc(&self, name: &str) -> String {
        proc(self.pid, name)
    }

    /// `n kB` behind a key of one of these files, as smaps_rollup has it.
    pub fn kib(&self, name: &str, key: &str) -> u64 {
        kib(self.pid, name, key)
    }
}

/// One snapshot of it, with every section and nothing to complain of.
pub fn snapshot(target: &Victim) -> Report {
    let ended = run(&["snapshot", "-p", &target.id()]);
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{ended:#?}");
    let report = ended.report();
    assert!(report.is_full_snapshot(), "{report:#?}");
    report
}

/// A file of a process's `/proc` directory.
pub fn proc(pid: u32, name: &str) -> String {
    let path = format!("/proc/{pid}/{name}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `n kB` behind a key of one of these files.
pub fn kib(pid: u32, name: &str, key: &str) -> u64 {
    proc(pid, name)
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':')?.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or_else(|| panic!("no {key} in {name}"))
}

/// The chain of parents as /proc has it, from the process itself on.
pub fn ancestors(pid: u32) -> Vec<String> {
    let mut chain = Vec::new();
    let mut pid = pid;
    while pid != 0 {
        let stat = proc(pid, "stat");
        let (_, rest) = stat.rsplit_once(')').expect("comm");
        let parent = rest.split_whitespace().nth(1).expect("ppid");
        chain.push(pid.to_string());
        pid = parent.parse().expect("a pid");
    }
    chain
}
