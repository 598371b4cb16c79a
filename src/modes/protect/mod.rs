//! `memdoor protect`: whom the kernel should rather not kill, and whom it should, by their oom_score_adj.

mod act;
mod session;
mod show;
mod state;

use core::ffi::CStr;

use super::{Buffers, envelope, fail, open_host, output_exit};
use crate::error::Error;
use crate::exit::Exit;
use crate::host::Host;
use crate::pattern::{Field, Pattern};
use crate::processes::{Depth, Kind, Process, Table};
use crate::report::Format;
use crate::report::json::Envelope;
use crate::sys::out::{Out, Sink, say};
use crate::sys::system;
use crate::target::exe::{LINK_MAX, Link};
use crate::target::{Refusal, Target};
use crate::units::Pid;
use act::{Outcome, Row};
use state::{Entry, State, Unread};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Whom.
    pub whom: Whom<'a>,
    /// Whether it is done.
    pub change: Change,
    /// The file that remembers what was changed.
    pub state: &'a CStr,
    /// How it is written.
    pub format: Format,
}

/// Whose oom_score_adj.
#[derive(Clone, Copy, Debug)]
pub enum Whom<'a> {
    /// A desktop's session, and browsers.
    Session,
    /// One process.
    Pid(Pid, i64),
    /// All that the pattern matches.
    Match(&'a Pattern, i64),
    /// All that was changed before, back to what it was.
    Undo,
}

/// Whether it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is.
    Make,
    /// It is only shown.
    Show,
}

/// Processes that the table has room for; more are said.
const ROOM: usize = 16 * 1024;

/// Room for the state's lines.
const TEXT: usize = 4096;

/// One run.
struct Run<'a, 'b> {
    options: &'a Options<'a>,
    host: &'a Host,
    envelope: &'a Envelope,
    out: Out<'b>,
    state: State,
    count: u64,
    said: show::Said,
    exit: Exit,
}

/// Changes what was asked for, and says what it was and what it is now.
#[must_use]
#[inline(never)]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    let host = match open_host() {
        Ok(host) => host,
        Err(exit) => return exit,
    };
    let room = match options.whom {
        Whom::Session | Whom::Match(..) => ROOM,
        Whom::Pid(..) | Whom::Undo => 1,
    };
    let mut table = Table::arm(room);
    let state = State::load(options.state, host.boot_id(), room, buffers.read);
    let state = match state {
        Ok(state) => state,
        // What is not changed need not be remembered.
        Err(_) if options.change == Change::Show && !matches!(options.whom, Whom::Undo) => State::empty(host.boot_id()),
        Err(why) => return fail(&unread(options.state, &why)),
    };
    let envelope = envelope(&host);
    let mut run = Run {
        options,
        host: &host,
        envelope: &envelope,
        out: Out::new(Sink::Stdout, buffers.out),
        state,
        count: 0,
        said: show::Said::default(),
        exit: Exit::Done,
    };
    let done = match options.whom {
        Whom::Pid(pid, adj) => run.pid(pid, adj),
        Whom::Undo => run.undo(),
        Whom::Session | Whom::Match(..) => run.all(&mut table),
    };
    let exit = done.map_or_else(|exit| exit, |()| run.exit);
    run.end(exit, buffers.read)
}

impl Run<'_, '_> {
    fn pid(&mut self, pid: Pid, adj: i64) -> Result<(), Exit> {
        let mut target = open(self.host, pid)?;
        self.change(&mut target, adj);
        Ok(())
    }

    fn all(&mut self, table: &mut Table) -> Result<(), Exit> {
        table.read(&self.host.proc, Depth::Badness).map_err(|errno| fail(&Error::new("list", b"/proc", errno)))?;
        if table.overflow() > 0 {
            let more = table.overflow();
            say(format_args!("memdoor: warning: {more} processes more than {ROOM} were not looked at"));
        }
        let own = system::effective_user();
        for process in table.rows() {
            let is_ours = own == 0 || process.user == Some(own);
            let is_alive = process.kind == Kind::User && process.memory.rss.is_some();
            if is_ours
                && is_alive
                && let Some(before) = process.oom_score_adj
                && let Some(adj) = self.wanted(process, before)
                && let Ok(mut target) = Target::open(&self.host.proc, process.pid)
                && Some(target.started) == process.started
            {
                self.change(&mut target, adj);
            }
        }
        Ok(())
    }

    /// What its oom_score_adj should be.
    fn wanted(&self, process: &Process, before: i64) -> Option<i64> {
        let comm = process.comm.as_bytes();
        let exe = || {
            let target = Target::open(&self.host.proc, process.pid).ok()?;
            target.exe().ok()
        };
        match self.options.whom {
            Whom::Session => {
                let exe = exe();
                session::wanted(comm, exe.as_ref().map(Link::as_bytes), before)
            }
            Whom::Match(pattern, adj) => {
                let is_match = match pattern.field() {
                    Field::Comm => pattern.is_match(comm),
                    Field::Exe => exe().is_some_and(|exe| pattern.is_match(exe.as_bytes())),
                    Field::Cmdline => act::cmdline(self.host, process.pid, &mut [0; LINK_MAX])
                        .is_some_and(|text| pattern.is_match(text)),
                };
                is_match.then_some(adj)
            }
            Whom::Pid(..) | Whom::Undo => None,
        }
    }

    /// Puts back what was changed, and keeps in mind what could not be.
    fn undo(&mut self) -> Result<(), Exit> {
        let entries = core::mem::take(&mut self.state.entries);
        for entry in entries {
            let Ok(mut target) = Target::open(&self.host.proc, entry.pid) else {
                continue;
            };
            if target.started != entry.started {
                continue;
            }
            let row = match act::adj(&mut target) {
                Ok(now) if now != entry.after => Row::of(&mut target, now, now, Outcome::Changed),
                _ => act::set(&mut target, entry.before, self.options.change),
            };
            let is_left = matches!(row.outcome, Outcome::Refused(_) | Outcome::Would);
            self.show(&row);
            if is_left {
                self.state.entries.push(entry);
            }
        }
        Ok(())
    }

    fn change(&mut self, target: &mut Target, adj: i64) {
        let row = act::set(target, adj, self.options.change);
        if row.outcome == Outcome::Done
            && let Ok(before) = row.before
        {
            self.state.note(Entry { pid: target.pid, started: target.started, before, after: adj });
        }
        self.show(&row);
    }

    /// The file, the last words, and the exit code.
    fn end(&mut self, exit: Exit, buf: &mut [u8]) -> Exit {
        self.foot();
        let mut exit = exit;
        if self.options.change == Change::Make {
            let room = buf.len().min(TEXT);
            let (text, _) = buf.split_at_mut(room);
            if let Err(errno) = self.state.save(self.options.state, text) {
                let error = Error::new("write", self.options.state.to_bytes(), errno);
                exit = exit.worse(fail(&error.hint("what was changed is; --undo won't know of it: see --state FILE")));
            }
        }
        if self.count == 0 && exit == Exit::Done {
            say(format_args!("memdoor: no process to change"));
        }
        self.out.broken().map_or(exit, output_exit)
    }
}

fn open(host: &Host, pid: Pid) -> Result<Target, Exit> {
    Target::open(&host.proc, pid).map_err(|refusal: Refusal| super::refuse(&refusal))
}

fn unread(path: &CStr, why: &Unread) -> Error {
    match why {
        Unread::Failed(errno) => {
            Error::new("read", path.to_bytes(), *errno).hint("name another with --state FILE, or set XDG_RUNTIME_DIR")
        }
        Unread::Damaged => Error::new("read", path.to_bytes(), crate::sys::Errno::EINVAL)
            .hint("it is damaged, or no state of memdoor protect: remove it, or name another with --state"),
    }
}
