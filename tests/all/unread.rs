//! A standard error that is a full pipe which nobody reads: words are lost, and the work goes on.

use super::common;

use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process::Command;

use common::host::{TempDir, names};
use common::run::{Process, Running, command, memdoor, poll, run_command, through};
use common::target::Victim;

use super::kill::{is_alive, kill_args, name};

/// A pipe that is full; what reads it must live as long as what writes.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let size = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_GETPIPE_SZ).expect("size");
    writer.write_all(&vec![b'x'; usize::try_from(size).expect("small")]).expect("fill");
    (reader, writer)
}

/// Its exit code; 137 when it had to be killed.
fn code(command: Command) -> Option<i32> {
    Process::start(command).wait().code()
}

fn bounded(inner: &Command) -> Command {
    through(&["timeout", "-s", "KILL", "20"], inner)
}

#[test]
fn a_monitor_whose_words_nobody_reads_takes_all_its_samples() {
    let dir = TempDir::new();
    let (mut reader, writer) = full_pipe();
    // It says where its files are, at the end, at the least.
    let args = ["monitor", "0.05", "0.1", "--config", "/dev/null", "--alert", "zombies=0", "-o", &dir.join("")];
    let mut command = bounded(&memdoor(&args));
    command.stderr(writer).stdout(std::process::Stdio::null());
    assert_eq!(code(command), Some(0));
    let memory = names(dir.join("")).into_iter().find(|name| name.ends_with("_memory.log")).expect("a file");
    let rows = fs::read_to_string(dir.join(&memory)).expect("UTF-8").lines().count() - 1;
    assert!(rows >= 15, "3 s of one each 0.1 s: {rows}");
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).expect("read");
    assert!(rest.iter().all(|byte| *byte == b'x'), "nothing was written to a full pipe");
}

#[test]
fn a_kill_whose_words_and_report_nobody_reads_ends_its_victim_and_itself() {
    let name = name();
    let only = format!("^{name}$");
    let victim = Victim::start(&["family", &name, "16", "0"]);
    // Its evidence is in nobody's hands; the second time there is nobody to end.
    for expected in [4, 1] {
        let (_reader, writer) = full_pipe();
        let mut command = bounded(&memdoor(&kill_args(&only, &["--once"])));
        command.stderr(writer.try_clone().expect("a second end")).stdout(writer);
        assert_eq!(code(command), Some(expected));
    }
    poll("the end of the victim", || (!is_alive(victim.pid)).then_some(()));
}

/// `dmesg 2>&1 | less`: who reads late is to have the words, too.
#[test]
fn where_both_outputs_are_one_pipe_a_report_waits_with_its_words() {
    let dir = TempDir::new();
    let gone = dir.join("gone");
    let log = dir.write("log", b"quiet\n");
    let script = "\"$@\" 2>&1 | { sleep 1; cat; }";
    // Much more than a pipe holds.
    let many = vec![gone.as_str(); 3000];
    let inner = memdoor(&[&["dmesg", log.as_str()], &many[..]].concat());
    let mut command = command("sh", &["-c", script, "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    let ended = run_command(command);
    assert_eq!(ended.out.matches("cannot open").count(), many.len());
}

/// What was not written was read all the same, and whoever looks at the exit code is told which it is.
#[test]
fn a_single_kill_whose_evidence_nobody_reads_says_that_it_was_not_written() {
    let name = name();
    let mut victim = Victim::start(&["family", &name, "4", "0"]);
    let (_reader, writer) = full_pipe();
    let only = format!("^{name}$");
    let ended = Running::start_into(memdoor(&kill_args(&only, &["--once"])), writer.into()).end();
    assert_eq!(ended.code(), 4, "{ended:#?}");
    let words = "standard output is not written any more, and nobody reads the evidence\n";
    assert_eq!(ended.err.matches(words).count(), 1, "{ended:#?}");
    assert!(!ended.err.contains("could not be read"), "{ended:#?}");
    victim.wait();
}
