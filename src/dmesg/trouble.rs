//! What is wrong with logs: said by name, and by `--since-last` once for each state of a file.

use super::words;
use crate::oomlog::seen::number;
use crate::oomlog::source::{Command, Packing, Trouble};
use crate::shell;
use crate::sys::Result;
use crate::sys::input::Input;

/// Troubles that are remembered, the latest.
const MOST: usize = 256;

/// A state of a file: whoever writes to it changes one of the two.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    size: u64,
    modified_us: i64,
}

impl State {
    /// Of a file that is about to be read.
    pub(super) fn of(input: &Input) -> Result<Self> {
        Ok(Self { size: input.left()?, modified_us: input.modified_us()? })
    }
}

/// The troubles of this run and, with `--since-last`, of earlier ones.
#[derive(Default)]
pub(super) struct Troubles {
    /// A number for each file, its state and what is wrong.
    marks: Vec<u64>,
    /// So many of them are of earlier runs.
    earlier: usize,
}

/// Whether somebody has heard of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    Said,
    Known,
}

impl Troubles {
    /// One of an earlier run.
    pub(super) fn remember(&mut self, mark: u64) {
        self.marks.push(mark);
        self.earlier = self.marks.len();
    }

    /// All of them that are kept, the oldest first.
    pub(super) fn marks(&self) -> &[u64] {
        &self.marks[self.marks.len().saturating_sub(MOST)..]
    }

    /// Notes something that is said once for all runs: whether it is to be said in this one.
    pub(super) fn note(&mut self, mark: u64) -> News {
        if self.marks[..self.earlier].contains(&mark) {
            return News::Known;
        }
        // Of a file that is named twice one is enough; and a run of many files needs no more memory than one of a few.
        if !self.marks.contains(&mark) && self.marks.len() < self.earlier + MOST {
            self.marks.push(mark);
        }
        News::Said
    }

    /// Says what is wrong with a log, unless an earlier run has. Said or not, it was not read: that is for the exit code of each run.
    pub(super) fn say(&mut self, name: &[u8], state: Option<State>, trouble: Trouble, packing: Packing) {
        if let Some(state) = state {
            let what = format!("{trouble}");
            let (size, modified) = (state.size.to_le_bytes(), state.modified_us.to_le_bytes());
            let mark = number(&[name, &size, &modified, what.as_bytes()]);
            if self.note(mark) == News::Known {
                return;
            }
        }
        match trouble.command() {
            Some(what) => {
                let command = command(what, packing, name);
                words::warn(name, format_args!("{trouble}. Type: {command}"));
            }
            None => words::warn(name, format_args!("{trouble}")),
        }
    }
}

/// `lz4cat 'a b.lz4' | memdoor dmesg -`, `zcat <a.gz | sed 's/^x//' | memdoor dmesg -`
fn command(what: Command, packing: Packing, path: &[u8]) -> String {
    // What came by standard input has a name that memdoor does not know.
    let path = if path == b"-" { "FILE".into() } else { shell::Path(path).to_string() };
    let log = match (what, packing) {
        (Command::Unpack([before, behind]), _) => format!("{before}{path}{behind}"),
        (Command::Instead(command), _) => command.into(),
        (Command::Filter(filter), Packing::Plain) => format!("{filter} {path}"),
        // By standard input it need not be named .gz.
        (Command::Filter(filter), packing) => format!("{} <{path} | {filter}", packing.cat()),
    };
    format!("{log} | memdoor dmesg -")
}
