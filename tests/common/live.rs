//! A victim to watch and a memdoor that watches it: both end with their owner.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing that is waited for takes this long, on any machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A process that is watched, tests/common/victim.rs.
pub struct Victim {
    child: Child,
    input: Option<ChildStdin>,
    pub pid: u64,
}

impl Victim {
    /// Starts it and waits until it says that it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        let bin = PathBuf::from(env!("CARGO_BIN_EXE_memdoor"));
        let path = bin.with_file_name("examples").join("victim");
        let mut command = Command::new(&path);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|why| panic!("{}: {why}; cargo test builds it", path.display()));
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("its first line");
        let pid = line
            .trim()
            .strip_prefix("ready ")
            .and_then(|pid| pid.parse().ok());
        Self {
            input: child.stdin.take(),
            pid: pid.unwrap_or_else(|| panic!("victim says {line:?}")),
            child,
        }
    }

    /// The line on its standard input that it waits for.
    pub fn go(&mut self) {
        let input = self.input.as_mut().expect("its input");
        input.write_all(b"\n").expect("it reads");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running memdoor, whose lines are read as they come.
pub struct Watch {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

/// How a memdoor ended.
pub struct Ended {
    pub status: ExitStatus,
    /// The lines that [`Watch::wait_for`] had not read.
    pub out: Vec<String>,
    pub err: Vec<String>,
}

impl Watch {
    pub fn start(arguments: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_memdoor")).args(arguments))
    }

    pub fn spawn(command: &mut Command) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("memdoor starts");
        let lines = lines_of(child.stdout.take().expect("a pipe"));
        let errors = lines_of(child.stderr.take().expect("a pipe"));
        Self {
            child,
            lines,
            errors,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads standard output until a line holds `part`.
    pub fn wait_for(&mut self, part: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("memdoor never says {part:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    let errors: Vec<String> = self.errors.iter().collect();
                    panic!("memdoor ends without {part:?}: {errors:?}");
                }
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("it lives");
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let (out, err) = (self.lines.iter().collect(), self.errors.iter().collect());
        let status = self.child.wait().expect("its status");
        Ended { status, out, err }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// `Key: value` of a process's status file, in kB.
pub fn status_kb(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kb = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok());
    kb.unwrap_or_else(|| panic!("no {key} in {status}"))
}

/// linux/capability.h
pub const CAP_IPC_LOCK: u32 = 14;

/// Root in a container lacks most of what root may.
pub fn has_capability(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.expect("CapEff") >> number & 1 == 1
}

pub fn is_root() -> bool {
    let own = std::fs::metadata("/proc/self").expect("/proc/self");
    std::os::unix::fs::MetadataExt::uid(&own) == 0
}
