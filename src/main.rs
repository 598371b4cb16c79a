//! The binary: a command line to a mode to an exit code. All that it does is in the library, which has no heap.

mod cli;

use std::process::ExitCode;

use cli::Command;
use memdoor::exit::Exit;
use memdoor::history::History;
use memdoor::mode::{Buffers, OUT};
use memdoor::snapshot::BUFFER;
use memdoor::sys::out::wait_with_words;
use memdoor::sys::{heap, helper, start};
use memdoor::{check, dmesg, environment, monitor, once, protect, recover, scores, watch};

#[global_allocator]
static HEAP: heap::Counting = heap::Counting(no_memory);

fn main() -> ExitCode {
    let exit = match environment::settle() {
        Ok(()) => run(),
        Err(unfit) if is_plugin() => check::refuse(&unfit),
        Err(unfit) => unfit.fail(),
    };
    helper::end_all();
    ExitCode::from(exit as u8)
}

/// What ends a monitoring plugin for want of anything is UNKNOWN, and 1 would be WARNING.
fn is_plugin() -> bool {
    start::first_argument() == Some(c"check")
}

fn no_memory(size: usize) -> i32 {
    if is_plugin() { check::no_memory(size) } else { environment::no_memory(size) }
}

/// Apart, so that its frame is no part of the stack before it is known that there is enough.
#[inline(never)]
fn run() -> Exit {
    let mut out = vec![0; OUT];
    let mut read = vec![0; BUFFER];
    let mut past = nothing_remembered();
    let buffers = Buffers { out: &mut out, read: &mut read, past: &mut past };
    let command = cli::parse(std::env::args_os());
    if let Ok(Command::Watch(_) | Command::Monitor(_) | Command::Kill(_)) = command
        && let Err(exit) = environment::deepen()
    {
        return exit;
    }
    if let Ok(Command::Snapshot(_) | Command::Dmesg(_) | Command::Recover(_) | Command::Check(_) | Command::Scores(_)) =
        command
    {
        wait_with_words();
    }
    match command {
        Ok(Command::Watch(options)) => watch::run(&options, buffers),
        Ok(Command::Snapshot(options)) => once::run(&options, buffers),
        Ok(Command::Dmesg(options)) => dmesg::run(&options, buffers),
        Ok(Command::Protect(options)) => protect::run(&options, buffers),
        Ok(Command::Recover(file)) => recover::run(&file, buffers.out),
        Ok(Command::Check(options)) => check::run(&options, buffers),
        Ok(Command::Scores(options)) => scores::run(&options, buffers),
        Ok(Command::Monitor(options)) => monitor::run(&options, buffers),
        Ok(Command::Kill(options)) => cli::kill(options, buffers),
        Ok(Command::Print { text, exit }) => cli::print(&text, exit, buffers.out),
        Err(error) => cli::refuse(&error),
    }
}

/// What a watch remembers, which are no part of the stack. Apart, because it is made on the stack before it is moved to the heap.
#[inline(never)]
fn nothing_remembered() -> Box<History> {
    Box::new(History::new())
}
