//! Running memdoor, or anything else, with a deadline, and reading its lines as they come.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use memdoor::sys::pidfd::PidFd;
use memdoor::sys::signal::{Until, Woken, wait};
use memdoor::units::Pid;
use nix::sys::signal::{Signal, kill};

use super::report::Report;

/// Longer than anything here takes on a loaded machine; reached only when something hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Where the binary is that is tested.
pub const MEMDOOR: &str = env!("CARGO_BIN_EXE_memdoor");

/// A program with arguments.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// memdoor with arguments.
pub fn memdoor(args: &[&str]) -> Command {
    command(MEMDOOR, args)
}

/// `sh -c SCRIPT` in which `"$@"` is the command given: for limits, redirections and cgroups.
pub fn through_shell(script: &str, inner: &Command) -> Command {
    let mut command = command("sh", &["-c", script, "sh"]);
    append(&mut command, inner);
    command
}

/// `PROGRAM ARGS... inner`: setpriv, unshare, nohup.
pub fn through(words: &[&str], inner: &Command) -> Command {
    let (program, args) = words.split_first().expect("a program");
    let mut command = command(program, args);
    append(&mut command, inner);
    command
}

fn append(command: &mut Command, inner: &Command) {
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// The exit code; a death by signal is a failed test.
    pub fn code(&self) -> i32 {
        let signal = self.status.signal();
        self.status.code().unwrap_or_else(|| panic!("killed by signal {signal:?}: {self:?}"))
    }

    /// Standard error without the warning of a machine where memory can't be locked.
    pub fn words(&self) -> String {
        let is_said = |line: &&str| !line.starts_with("memdoor: warning: cannot lock memory");
        self.err.lines().filter(is_said).map(|line| format!("{line}\n")).collect()
    }

    /// Standard output as reports on the target, without what a watch that ends before it says at its own end.
    pub fn reports(&self) -> Vec<Report> {
        let mut reports = Report::all(&self.out);
        reports.retain(|report| !report.is_end_of_watch());
        reports
    }

    /// What a watch that ended before its target said at its own end.
    pub fn end_of_watch(&self) -> Report {
        let last = Report::all(&self.out).pop().expect("a report");
        assert!(last.is_end_of_watch() && last.is_end(), "{self:#?}");
        last
    }

    /// The one report that standard output is.
    pub fn report(&self) -> Report {
        let mut reports = self.reports();
        assert_eq!(reports.len(), 1, "{self:#?}");
        reports.remove(0)
    }
}

/// What this test program calls the test `name` of the file whose `module_path!()` is `module`.
pub fn own_test(module: &str, name: &str) -> String {
    match module.split_once("::") {
        Some((_, file)) => format!("{file}::{name}"),
        None => name.into(),
    }
}

/// Runs memdoor to its end.
pub fn run(args: &[&str]) -> Ended {
    run_command(memdoor(args))
}

/// Runs a command to its end.
pub fn run_command(command: Command) -> Ended {
    Running::start(command).end()
}

/// Starts a program. A copy made just now may still be open for writing in a child that another test is about to start: ETXTBSY.
pub fn spawn(command: &mut Command) -> Child {
    poll("its file to be closed", || match command.spawn() {
        Ok(child) => Some(child),
        Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => None,
        Err(error) => panic!("{command:?}: {error}"),
    })
}

/// A program that runs; killed when dropped.
pub struct Running {
    child: Child,
    pidfd: PidFd,
    lines: Receiver<(Instant, String)>,
    err: Option<JoinHandle<String>>,
    seen: Vec<String>,
}

impl Running {
    /// Starts it with both outputs read.
    pub fn start(command: Command) -> Self {
        Self::start_into(command, Stdio::piped())
    }

    /// Starts it with its standard output somewhere else.
    pub fn start_into(mut command: Command, stdout: Stdio) -> Self {
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = spawn(&mut command);
        let pid = Pid::new(child.id().into()).expect("a pid");
        let pidfd = PidFd::open(pid).expect("a pidfd");
        let (send, lines) = channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines() {
                    let line = line.expect("UTF-8 on standard output");
                    if send.send((Instant::now(), line)).is_err() {
                        return;
                    }
                }
            });
        }
        let err = child.stderr.take().map(|mut err| {
            std::thread::spawn(move || {
                let mut text = String::new();
                err.read_to_string(&mut text).expect("UTF-8 on standard error");
                text
            })
        });
        Self { child, pidfd, lines, err, seen: Vec::new() }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output and when it came; `None` at its end.
    pub fn line(&mut self) -> Option<(Instant, String)> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok((at, line)) => {
                self.seen.push(line.clone());
                Some((at, line))
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line in time after {:#?}", self.seen),
        }
    }

    /// The next line that begins so; those before it are passed over.
    pub fn until(&mut self, start: &str) -> (Instant, String) {
        self.until_one(start, |line| line.starts_with(start))
    }

    /// The next line with this somewhere in it; those before it are passed over.
    pub fn until_with(&mut self, part: &str) -> (Instant, String) {
        self.until_one(part, |line| line.contains(part))
    }

    fn until_one(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> (Instant, String) {
        loop {
            let Some((at, line)) = self.line() else {
                // What it said on standard error is why.
                let said = self.err.take().map(JoinHandle::join);
                panic!("no line with `{what}` in {:#?}, {said:?}", self.seen);
            };
            if is_it(&line) {
                return (at, line);
            }
        }
    }

    /// The next whole report; `None` at the end of the output.
    pub fn report(&mut self) -> Option<Report> {
        let mut lines = Vec::new();
        let mut first = None;
        while let Some((at, line)) = self.line() {
            first.get_or_insert(at);
            lines.push(line);
            if Report::is_whole(&lines) {
                break;
            }
        }
        first.map(|at| Report { at, lines })
    }

    /// The next report, which must be there.
    pub fn next_report(&mut self) -> Report {
        self.report().unwrap_or_else(|| panic!("no report after {:#?}", self.seen))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a pid");
        kill(nix::unistd::Pid::from_raw(pid), signal).expect("kill");
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        while self.line().is_some() {}
        self.wait();
        let status = self.child.wait().expect("wait");
        let err = self.err.take().expect("once").join().expect("reader");
        let out = self.seen.iter().map(|line| format!("{line}\n")).collect();
        Ended { status, out, err }
    }

    /// Waits until it has exited.
    pub fn wait(&self) {
        let woken = wait(Some((self.pidfd.as_fd(), Until::Readable)), Some(DEADLINE));
        assert_eq!(woken, Ok(Woken::Ready), "it does not end: {:#?}", self.seen);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// For what nobody tells of: looks until `found` gives something.
pub fn poll<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
