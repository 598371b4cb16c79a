//! Starting processes: memdoor, the programs that are watched, and the tools that judge.
//!
//! Whatever a test starts, it starts here. A process has one deadline, from its start, and one bound on what it may print; the one that
//! passes either is killed, and the test that waits for it fails with a sentence that says so. Ctrl-C, nohup and a shell's background
//! jobs leave signals ignored, and a process inherits that: here each begins with the defaults. (Under `nohup scripts/test` a watch that
//! nothing could end any more was read for ever, 13 MB/s into memory.)

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Take, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use memdoor::sys::pidfd::{End, PidFd};
use memdoor::sys::signal::{Until, Woken, wait};
use memdoor::units::Pid;
use nix::sys::signal::{SigHandler, Signal, kill};

use super::report::Report;

/// How long a test waits for what nobody tells of: longer than anything here takes on a loaded machine, reached only when something hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What a process may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From its start to its end.
    pub time: Duration,
    /// Bytes of standard output, and as many of standard error.
    pub output: u64,
}

impl Bounds {
    /// The largest output here is that of 60,000 mappings, 8 MB.
    pub const ORDINARY: Self = Self { time: Duration::from_secs(180), output: 64 << 20 };
    /// A release is built from nothing, on a machine with other work.
    pub const BUILD: Self = Self { time: Duration::from_secs(1800), output: 64 << 20 };
}

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

/// Runs the calling test `name` of the file whose `module_path!()` is `module` again, in a process of its own, as what it does to its
/// process (a limit, all descriptors) would hurt the tests beside it. Whether this is that process.
pub fn is_own_process(module: &str, name: &str) -> bool {
    const ALONE: &str = "MEMDOOR_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut again = command("/proc/self/exe", &[&own_test(module, name), "--exact", "--test-threads=1"]);
    again.env(ALONE, "1");
    let ended = run_command(again);
    assert!(ended.code() == 0 && ended.out.contains("1 passed"), "{ended:#?}");
    false
}

/// Runs memdoor to its end.
pub fn run(args: &[&str]) -> Ended {
    run_command(memdoor(args))
}

/// Runs a command to its end.
pub fn run_command(command: Command) -> Ended {
    Running::start(command).end()
}

/// Runs a program that may be missing: an error, when it can't be started.
pub fn try_run(command: Command) -> io::Result<Ended> {
    try_run_with(command, b"")
}

/// The same, with an input.
pub fn try_run_with(mut command: Command, input: &[u8]) -> io::Result<Ended> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::within(Bounds::ORDINARY, command)?;
    let mut stdin = running.process.input.take().expect("a pipe");
    let input = input.to_owned();
    // By another thread: it may print more than a pipe holds before it has read all.
    std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    Ok(running.end())
}

/// Why the tests killed a process, when they did.
#[derive(Clone, Default)]
struct Verdict(Arc<OnceLock<String>>);

impl Verdict {
    fn kill(&self, pidfd: &PidFd, why: String) {
        let _ = self.0.set(why);
        // ESRCH: it has been collected meanwhile.
        let _ = pidfd.end(End::Force);
    }

    /// Fails the test whose process was killed.
    fn check(&self) {
        if let Some(why) = self.0.get() {
            panic!("killed by the tests: {why}");
        }
    }
}

fn pidfd_of(child: &Child) -> PidFd {
    PidFd::open(Pid::new(child.id().into()).expect("a pid")).expect("a pidfd")
}

/// A process of the calling test with its outputs where the command has them: killed at its deadline, and when dropped.
pub struct Process {
    child: Child,
    name: String,
    pidfd: PidFd,
    verdict: Verdict,
    bounds: Bounds,
    /// Its standard input, when that is a pipe.
    pub input: Option<ChildStdin>,
    /// Its standard output, when that is a pipe which nobody has taken.
    out: Option<BufReader<Take<ChildStdout>>>,
}

impl Process {
    /// Starts a program that is there.
    pub fn start(command: Command) -> Self {
        let name = format!("{command:?}");
        Self::within(Bounds::ORDINARY, command).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Starts a program within these bounds; an error, when it can't be started.
    #[allow(unsafe_code)]
    pub fn within(bounds: Bounds, mut command: Command) -> io::Result<Self> {
        let name = format!("{command:?}");
        let defaults = || {
            for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
                // SAFETY: no handler is installed, and signal(2) is async-signal-safe.
                unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
            }
            // What the tests themselves were started with is not handed on, beyond the three streams. Before Linux 5.11: EINVAL.
            // SAFETY: three integers and no memory.
            let _ = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
            Ok(())
        };
        // SAFETY: between fork() and exec() it makes system calls alone, which are async-signal-safe.
        unsafe { command.pre_exec(defaults) };
        // A copy made just now may still be open for writing in a child that another test is about to start.
        let mut child = poll("its file to be closed", || match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => None,
            done => Some(done),
        })?;
        let verdict = Verdict::default();
        let late = format!("{name} ran for more than {:?}", bounds.time);
        kill_at(bounds.time, pidfd_of(&child), verdict.clone(), late);
        let input = child.stdin.take();
        let out = child.stdout.take().map(|out| BufReader::new(out.take(bounds.output)));
        Ok(Self { pidfd: pidfd_of(&child), child, name, verdict, bounds, input, out })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output with its newline; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.as_mut().expect("a pipe").read_line(&mut line).expect("UTF-8");
        if line.is_empty() {
            self.verdict.check();
        }
        line
    }

    /// The rest of standard output.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        let out = self.out.as_mut().expect("a pipe");
        out.read_to_string(&mut text).expect("UTF-8");
        assert!(out.get_ref().limit() > 0, "{} printed more than {} bytes", self.name, self.bounds.output);
        self.verdict.check();
        text
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a pid");
        kill(nix::unistd::Pid::from_raw(pid), signal).expect("kill");
    }

    /// Kills it, and does not collect it.
    pub fn kill(&self) {
        let _ = self.pidfd.end(End::Force);
    }

    /// Whether it has exited.
    pub fn has_exited(&self) -> bool {
        self.pidfd.has_exited()
    }

    /// Waits until it has exited, and does not collect it.
    pub fn exited(&self) {
        // Its deadline is enforced elsewhere; this one is for a process that SIGKILL does not end.
        let woken = wait(Some((self.pidfd.as_fd(), Until::Readable)), Some(self.bounds.time + DEADLINE));
        self.verdict.check();
        assert_eq!(woken, Ok(Woken::Ready), "{} does not end", self.name);
    }

    /// What is done when it has printed too much there.
    fn too_much(&self, whereto: &str) -> impl FnOnce() + use<> {
        let why = format!("{} printed more than {} bytes on {whereto}", self.name, self.bounds.output);
        let (pidfd, verdict) = (pidfd_of(&self.child), self.verdict.clone());
        move || verdict.kill(&pidfd, why)
    }

    /// Waits for its end and collects it.
    pub fn wait(&mut self) -> ExitStatus {
        self.exited();
        self.child.wait().expect("wait")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // By pidfd: a test may have collected it by its number, which then is free for another. Both fail when it has been waited for.
        self.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process that has not exited in time.
fn kill_at(time: Duration, pidfd: PidFd, verdict: Verdict, why: String) {
    let both = Arc::new(Barrier::new(2));
    let begun = Arc::clone(&both);
    let watchdog = move || {
        begun.wait();
        if wait(Some((pidfd.as_fd(), Until::Readable)), Some(time)) != Ok(Woken::Ready) {
            verdict.kill(&pidfd, why);
        }
    };
    std::thread::Builder::new().stack_size(64 << 10).spawn(watchdog).expect("a thread");
    // What a thread allocates when it begins is allocated before the caller counts: tests/no_heap.rs.
    both.wait();
}

/// A program that runs, with its lines as they come; killed when dropped.
pub struct Running {
    process: Process,
    lines: Receiver<(Instant, String)>,
    err: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts it with both outputs read.
    pub fn start(command: Command) -> Self {
        Self::start_into(command, Stdio::piped())
    }

    /// Starts it with its standard output somewhere else.
    pub fn start_into(mut command: Command, stdout: Stdio) -> Self {
        let name = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(stdout);
        Self::within(Bounds::ORDINARY, command).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Starts it within these bounds, its other streams as the command has them; an error, when it can't be started.
    pub fn within(bounds: Bounds, mut command: Command) -> io::Result<Self> {
        command.stderr(Stdio::piped());
        let mut process = Process::within(bounds, command)?;
        let (send, lines) = channel();
        if let Some(mut out) = process.out.take() {
            let too_much = process.too_much("standard output");
            std::thread::spawn(move || {
                let mut line = String::new();
                while out.read_line(&mut line).expect("UTF-8 on standard output") > 0 {
                    if out.get_ref().limit() == 0 {
                        return too_much();
                    }
                    let text = line.strip_suffix('\n').unwrap_or(&line);
                    if send.send((Instant::now(), text.to_owned())).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
        let (send, err) = channel();
        if let Some(err) = process.child.stderr.take() {
            let too_much = process.too_much("standard error");
            let mut err = err.take(bounds.output);
            std::thread::spawn(move || {
                let mut text = String::new();
                err.read_to_string(&mut text).expect("UTF-8 on standard error");
                if err.limit() == 0 {
                    too_much();
                }
                let _ = send.send(text);
            });
        }
        Ok(Self { process, lines, err, seen: Vec::new() })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The command that it was started with.
    pub fn name(&self) -> &str {
        &self.process.name
    }

    /// The next line of standard output and when it came; `None` at its end.
    pub fn line(&mut self) -> Option<(Instant, String)> {
        // At its deadline it is killed, which ends its output, if no child of it has that open, too.
        match self.lines.recv_timeout(self.process.bounds.time + DEADLINE) {
            Ok((at, line)) => {
                self.seen.push(line.clone());
                Some((at, line))
            }
            Err(end) => {
                self.check();
                assert_eq!(end, RecvTimeoutError::Disconnected, "{} left its output open", self.process.name);
                None
            }
        }
    }

    /// Fails the test when it was the tests that killed it; what it printed first and last says where it was.
    fn check(&self) {
        if let Some(why) = self.process.verdict.0.get() {
            let said = &self.seen[self.seen.len().saturating_sub(20)..];
            panic!("killed by the tests: {why}; {} lines, the last ones {said:#?}", self.seen.len());
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
                let said = self.err.recv_timeout(DEADLINE);
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

    /// The first of the next `count` reports that `is_it`: a test that waits for one which never comes ends with the last of them.
    pub fn one_of_next(&mut self, count: usize, is_it: impl Fn(&Report) -> bool) -> Report {
        let mut report = self.next_report();
        for _ in 1..count {
            if is_it(&report) {
                break;
            }
            report = self.next_report();
        }
        assert!(is_it(&report), "not within {count} reports: {report:#?}");
        report
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        while self.line().is_some() {}
        self.wait();
        let err = self.err.recv_timeout(DEADLINE);
        self.check();
        let status = self.process.wait();
        let out = self.seen.iter().map(|line| format!("{line}\n")).collect();
        Ended { status, out, err: err.unwrap_or_else(|_| panic!("{} left its errors open", self.process.name)) }
    }

    /// Waits until it has exited.
    pub fn wait(&self) {
        self.process.exited();
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
