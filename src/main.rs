//! The binary: a command line to a mode to an exit code. All that it does is in the library, which has no heap.

mod cli;

use std::process::ExitCode;

use cli::Command;
use memdoor::exit::Exit;
use memdoor::history::History;
use memdoor::modes::{Buffers, OUT};
use memdoor::modes::{check, dmesg, monitor, protect, recover, scores, snapshot, watch};
use memdoor::snapshot::BUFFER;

#[global_allocator]
static HEAP: memdoor::sys::heap::Counting = memdoor::sys::heap::Counting;

fn main() -> ExitCode {
    ExitCode::from(run() as u8)
}

fn run() -> Exit {
    let mut out = vec![0; OUT];
    let mut read = vec![0; BUFFER];
    let mut past = History::new();
    let buffers = Buffers { out: &mut out, read: &mut read, past: &mut past };
    match cli::parse(std::env::args_os()) {
        Ok(Command::Watch(options)) => watch::run(&options.borrow(), buffers),
        Ok(Command::Snapshot(options)) => snapshot::run(&options.borrow(), buffers),
        Ok(Command::Dmesg(options)) => dmesg::run(&options.borrow(), buffers),
        Ok(Command::Protect(options)) => protect::run(&options.borrow(), buffers),
        Ok(Command::Recover(file)) => recover::run(&file, buffers.out),
        Ok(Command::Check(options)) => check::run(&options, buffers),
        Ok(Command::Scores(options)) => scores::run(&options.borrow(), buffers),
        Ok(Command::Monitor(options)) => monitor::run(&options.borrow(), buffers),
        Ok(Command::Kill(options)) => cli::kill(options, buffers),
        Ok(Command::Print { text, exit }) => cli::print(&text, exit, buffers.out),
        Err(error) => cli::refuse(&error),
    }
}
