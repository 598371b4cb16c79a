//! What was found of all processes, and how that is said.

use crate::exit::Exit;
use crate::pattern::{Field, Pattern};
use crate::processes::{Comm, Process};
use crate::refusal::say_hint;
use crate::report::escape::{Called, Escaped};
use crate::sys::out::say;
use crate::target::Refusal;
use crate::units::{Pid, plural};

use super::judge::Judged;
use super::spared::SparedAs;
use super::state::Entry;
use super::{SHOWN, Targets};

/// Processes by what is to be done with them; of those that no more than a sentence is about, how many.
#[derive(Default)]
pub(super) struct Found {
    pub(super) planned: Vec<Entry>,
    pub(super) unopened: Vec<Refusal>,
    init: Option<Comm>,
    is_own_spared: bool,
    unread: u64,
    namesakes: u64,
    others: u64,
    /// The first few of those.
    first_others: Vec<(Pid, Comm)>,
}

impl Found {
    pub(super) fn note(&mut self, process: &Process, judged: Judged) {
        match judged {
            Judged::Unwanted => {}
            Judged::Wanted(after) => {
                let known = process.started.zip(process.oom_score_adj);
                self.planned.extend(known.map(|(started, before)| Entry { pid: process.pid, started, before, after }));
            }
            Judged::Spared(SparedAs::Init) => self.init = Some(process.comm.clone()),
            Judged::Spared(SparedAs::Own) => self.is_own_spared = true,
            Judged::OthersProcess => {
                self.others += 1;
                if self.first_others.len() < SHOWN {
                    self.first_others.push((process.pid, process.comm.clone()));
                }
            }
            Judged::Unread => self.unread += 1,
            Judged::Namesake => self.namesakes += 1,
            Judged::Unopened(refusal) => self.unopened.push(refusal),
        }
    }

    /// Says who is left as it was, and why; what that does to the exit code.
    pub(super) fn say(&self, targets: Targets<'_>, user: u32) -> Exit {
        if let Some(comm) = &self.init {
            // Somebody may have meant it.
            say(format_args!("memdoor: PID 1 ({}) fits, too, and is left as it is", Called(comm.as_bytes())));
            say_hint(Some("memdoor protect -p 1 --adj N changes it"));
        }
        let mut exit = self.say_unread(targets);
        self.say_namesakes();
        exit = exit.worse(self.say_others());
        match targets {
            Targets::Match(pattern, _) => exit.worse(self.say_nobody(pattern, user)),
            _ => exit,
        }
    }

    fn say_unread(&self, targets: Targets<'_>) -> Exit {
        if self.unread == 0 {
            return Exit::Done;
        }
        let is_of_arguments = matches!(targets, Targets::Match(pattern, _) if pattern.field() == Field::Cmdline);
        say(format_args!(
            "memdoor: {} {} did not let their {}, and are as they were: name them with -p PID",
            self.unread,
            plural(self.unread, "process", "processes"),
            if is_of_arguments { "arguments be read, or have 64 KiB of them or more" } else { "executables be read" },
        ));
        Exit::Partial
    }

    fn say_namesakes(&self) {
        if self.namesakes > 0 {
            say(format_args!(
                "memdoor: {} {} left as before: named like a program that a session hangs on, but {} is not root's, may be \
                 written to by others, or can't be seen",
                self.namesakes,
                plural(self.namesakes, "process is", "processes are"),
                plural(self.namesakes, "its executable", "the executable of each"),
            ));
        }
    }

    /// Whom the pattern fits and this user may not change. With nobody else to change nothing of what was asked for is done, which is an
    /// error; beside processes of their own it is as it is documented: about those.
    fn say_others(&self) -> Exit {
        if self.others == 0 {
            return Exit::Done;
        }
        let first = self.first_others.iter();
        let shown: Vec<String> = first.map(|(pid, comm)| format!("PID {pid} ({})", Called(comm.as_bytes()))).collect();
        let more = self.others - shown.len() as u64;
        say(format_args!(
            "memdoor: {} {}: {}{}",
            self.others,
            plural(
                self.others,
                "process that the pattern fits is another user's, and stays as it was",
                "processes that the pattern fits are other users', and stay as they were"
            ),
            shown.join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() },
        ));
        say_hint(Some("another user's process takes root"));
        if self.planned.is_empty() { Exit::Error } else { Exit::Done }
    }

    /// Says that a pattern fits nobody who may be changed: as of a PID that is not there, nothing of what was asked for is done. Where some
    /// could not be looked at that is not known, and they have been said.
    fn say_nobody(&self, pattern: &Pattern, user: u32) -> Exit {
        let is_known = self.unread == 0 && self.unopened.is_empty() && self.others == 0;
        if !self.planned.is_empty() || !is_known {
            return Exit::Done;
        }
        // Who is not root asks about their own.
        let whose = if user == 0 { "" } else { " of yours" };
        let but = if self.init.is_some() || self.is_own_spared {
            " but PID 1 or memdoor's own, which no pattern changes"
        } else {
            ""
        };
        let (prefix, text) = (pattern.prefix(), Escaped(pattern.text().as_bytes()));
        say(format_args!("memdoor: --match {prefix}{text} fits no process{whose}{but}"));
        say_hint(Some(match pattern.field() {
            Field::Comm => {
                "it is about the name, the first 15 bytes of it (ps -e -o pid,comm); exe:REGEX is about the executable, cmdline:REGEX about the arguments"
            }
            Field::Exe => "it is about the executable: ls -l /proc/PID/exe shows it",
            Field::Cmdline => "it is about the arguments with blanks between them: ps -e -o pid,args shows them",
        }));
        Exit::Gone
    }
}
