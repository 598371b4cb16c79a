//! `memdoor protect`: whom the kernel should rather not kill, and whom it should, by their oom_score_adj.

mod act;
mod found;
mod judge;
mod session;
mod show;
mod spared;
mod state;
mod undo;

use core::ffi::CStr;

use crate::environment::{self, FEW, Others};
use crate::error::{Absent, Error};
use crate::exit::Exit;
use crate::files::Unusable;
use crate::host::Host;
use crate::mode::{Buffers, envelope, open_host};
use crate::pattern::{Field, Pattern};
use crate::processes::reader::Reader;
use crate::processes::{Depth, Table};
use crate::refusal::{fail, output_exit, say_hint};
use crate::report::Format;
use crate::report::escape::Escaped;
use crate::report::json::Envelope;
use crate::sys::ours::{PATIENCE, Refused, Replaced};
use crate::sys::out::{Out, Sink, say};
use crate::sys::system;
use crate::target::{Refusal, Target};
use crate::units::{Pid, plural};
use act::Outcome;
use found::Found;
use judge::Judge;
use spared::Spared;
use state::{Entry, FILE, Scope, State, Unread};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Whom.
    pub targets: Targets<'a>,
    /// Whether it is done.
    pub change: Change,
    /// The file that remembers what was changed.
    pub state: &'a CStr,
    /// How it is written.
    pub format: Format,
}

/// Whose oom_score_adj.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
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

/// So many PIDs are named in a sentence.
const SHOWN: usize = 8;

/// A process that was looked up by its number.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is not kept")]
enum Opened {
    Target(Target),
    /// There is none.
    Gone,
    /// It can't be opened, which has been said.
    Refused,
}

/// One run.
struct Run<'a, 'b> {
    options: &'a Options<'a>,
    host: &'a Host,
    envelope: Envelope,
    out: Out<'b>,
    /// The file that remembers; `None` where nothing is changed.
    kept: Option<Replaced<'a>>,
    state: State,
    /// Processes that could not be opened: whatever was asked for was not done to them.
    unopened: u64,
    /// How many rows were shown.
    count: u64,
    said: show::Said,
    exit: Exit,
}

/// Changes what was asked for, and says what it was and what it is now.
#[must_use]
#[inline(never)]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    let host = match open_host(FEW) {
        Ok(host) => host,
        Err(exit) => return exit,
    };
    let room = match options.targets {
        Targets::Session | Targets::Match(..) | Targets::Undo => ROOM,
        Targets::Pid(..) => 1,
    };
    let mut table = match Table::arm(room) {
        Ok(table) => table,
        Err(errno) => return environment::fail_no_room(errno),
    };
    let (kept, state) = match remembered(options, &host, room, buffers.read) {
        Ok(remembered) => remembered,
        Err(exit) => return exit,
    };
    let mut run = Run {
        options,
        host: &host,
        envelope: envelope(&host),
        out: Out::new(Sink::Stdout, buffers.out),
        kept,
        state,
        unopened: 0,
        count: 0,
        said: show::Said::default(),
        exit: Exit::Done,
    };
    let done = match options.targets {
        Targets::Pid(pid, adj) => run.pid(pid, adj, buffers.read),
        Targets::Undo => {
            run.undo(&mut table);
            Ok(())
        }
        Targets::Session | Targets::Match(..) => run.all(&mut table, buffers.read),
    };
    let exit = done.map_or_else(|exit| exit, |()| run.exit);
    run.end(exit, buffers.read)
}

/// Who reads arguments: of a process that is stuck nobody else can, see [`Reader`].
fn reader(options: &Options<'_>, host: &Host) -> Option<Reader> {
    match options.targets {
        Targets::Match(pattern, _) if pattern.field() == Field::Cmdline => Reader::start_for_patterns(&host.proc).ok(),
        _ => None,
    }
}

/// The file that remembers, locked, and what is in it: before a process is looked at. What is only shown needs no memory.
fn remembered<'a>(
    options: &Options<'a>,
    host: &Host,
    room: usize,
    buf: &mut [u8],
) -> Result<(Option<Replaced<'a>>, State), Exit> {
    let path = options.state;
    let refused = |refused| refuse("write", path, refused);
    if matches!(options.targets, Targets::Undo) {
        must_be_there(path)?;
    }
    let kept = match (options.change, options.targets) {
        (Change::Make, _) => {
            let mut kept = Replaced::open(path, &FILE).map_err(refused)?;
            kept.lock(PATIENCE).map_err(refused)?;
            Some(kept)
        }
        (Change::Show, Targets::Undo) => Some(Replaced::look(path, &FILE).map_err(|why| refuse("read", path, why))?),
        (Change::Show, _) => None,
    };
    let state = match &kept {
        None => Ok(State::empty(Scope::of(host), room)),
        Some(kept) => State::load(kept, Scope::of(host), room, buf),
    };
    Ok((kept, state.map_err(|why| unread(path, why))?))
}

/// What is put back is what a state remembers: where there is none, it may be another that was used, and none is made.
fn must_be_there(path: &CStr) -> Result<(), Exit> {
    let old = Replaced::look(path, &FILE).and_then(|kept| kept.old());
    match old.map_err(|refused| refuse("read", path, refused))? {
        Some(_) => Ok(()),
        None => {
            let path = Escaped(path.to_bytes());
            say(format_args!(
                "memdoor: cannot undo: the state {path} is not there: nothing was changed with it, or it was removed"
            ));
            say_hint(Some("name the one that was used: --state FILE"));
            Err(Exit::Error)
        }
    }
}

fn refuse(doing: &'static str, path: &CStr, refused: Refused) -> Exit {
    Unusable::of(&FILE, doing, path, refused).say()
}

impl Run<'_, '_> {
    fn pid(&mut self, pid: Pid, adj: i64, buf: &mut [u8]) -> Result<(), Exit> {
        let mut target = open(self.host, pid)?;
        let started = target.started;
        let before = act::adj(&mut target).map_err(|why| unknown(pid, why))?;
        self.state.planned.push(Entry { pid, started, before, after: adj });
        self.carry_out(buf)
    }

    fn all(&mut self, table: &mut Table, buf: &mut [u8]) -> Result<(), Exit> {
        table.read(&self.host.proc, Depth::Badness).map_err(|errno| fail(&Error::new("list", b"/proc", errno)))?;
        if table.overflow() > 0 {
            let more = table.overflow();
            say(format_args!("memdoor: warning: {more} processes more than {ROOM} were not looked at"));
        }
        let (targets, user) = (self.options.targets, system::effective_user());
        let others = Others::say(&self.host.proc, &mut self.envelope);
        if user == 0 {
            // Who is not root changes their own processes only, which are shown.
            self.exit = others.qualify(self.exit);
        }
        let (spared, reader) = (Spared::find(&self.host.proc), reader(self.options, self.host));
        let judge = Judge { targets, host: self.host, spared, reader, user };
        let mut found = Found::default();
        for process in table.rows() {
            found.note(process, judge.judge(process));
        }
        for refusal in &found.unopened {
            self.note_unopened(refusal);
        }
        self.exit = self.exit.worse(found.say(targets, user));
        self.state.planned = found.planned;
        self.carry_out(buf)
    }

    /// Does what is planned, once the file has it.
    fn carry_out(&mut self, buf: &mut [u8]) -> Result<(), Exit> {
        if let Some(kept) = &mut self.kept {
            let remembered = self.state.remember(kept, buf);
            remembered.map_err(|refused| refuse("write", self.options.state, refused))?;
        }
        for plan in core::mem::take(&mut self.state.planned) {
            match self.open(plan.pid) {
                Opened::Target(mut target) if target.started == plan.started => self.change(&mut target, plan.after),
                Opened::Refused => {}
                // It has ended since it was looked at.
                Opened::Target(_) | Opened::Gone => {
                    if let Targets::Pid(..) = self.options.targets {
                        return Err(crate::refusal::refuse(&Refusal::NoSuchProcess(plan.pid)));
                    }
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, pid: Pid) -> Opened {
        match Target::open(&self.host.proc, pid) {
            Ok(target) => Opened::Target(target),
            Err(refusal) if refusal.is_gone() => Opened::Gone,
            Err(refusal) => {
                self.note_unopened(&refusal);
                Opened::Refused
            }
        }
    }

    /// What is not gone and can't be opened is said, the first with its reason, and is an error: what was asked for is not done to it.
    fn note_unopened(&mut self, refusal: &Refusal) {
        if self.unopened == 0 {
            crate::refusal::refuse(refusal);
        }
        self.unopened += 1;
        self.exit = self.exit.worse(Exit::Error);
    }

    fn change(&mut self, target: &mut Target, adj: i64) {
        let row = act::set(target, adj, self.options.change);
        if matches!(row.outcome, Outcome::Done | Outcome::Unsure(_))
            && let Ok(before) = row.before
        {
            self.state.note(Entry { pid: target.pid, started: target.started, before, after: adj });
        }
        self.show(&row);
    }

    /// The file, the last words, and the exit code.
    fn end(&mut self, exit: Exit, buf: &mut [u8]) -> Exit {
        self.foot();
        if self.unopened > 0 {
            let (count, is_undo) = (self.unopened, matches!(self.options.targets, Targets::Undo));
            say(format_args!(
                "memdoor: {count} {} could not be opened, and {}",
                plural(count, "process", "processes"),
                match (is_undo, count) {
                    (true, 1) => "stays in the state: undo again",
                    (true, _) => "stay in the state: undo again",
                    (false, 1) => "is as it was",
                    (false, _) => "are as they were",
                }
            ));
        }
        let mut exit = exit;
        let saved = match (&mut self.kept, self.options.change) {
            (Some(kept), Change::Make) => self.state.save(kept, buf),
            _ => Ok(()),
        };
        if let Err(refused) = saved {
            exit = exit.worse(refuse("write", self.options.state, refused));
            let state = crate::shell::Path(self.options.state.to_bytes());
            match (self.options.targets, self.state.entries.is_empty()) {
                (Targets::Undo, true) => say(format_args!(
                    "memdoor: all that it has is put back, and nothing is left to undo: when there is room again: rm {state}"
                )),
                (Targets::Undo, false) => say(format_args!(
                    "memdoor: it has what was put back as well, which does no harm: memdoor protect --undo --state {state} tries the rest again"
                )),
                _ => say(format_args!(
                    "memdoor: it has what was planned: memdoor protect --undo --state {state} puts back what was changed"
                )),
            }
        } else if self.state.entries.is_empty()
            && let Some(kept) = self.kept.take()
        {
            // Where nothing was changed nothing is left to undo, and a state that is made for it would say that there was.
            kept.take_away();
        }
        if self.count == 0 && exit == Exit::Done {
            // Who is not root asks about their own.
            let whose = if system::effective_user() == 0 { "" } else { " of yours" };
            say(format_args!("memdoor: no process{whose} to change"));
        }
        self.out.broken().map_or(exit, output_exit)
    }
}

fn open(host: &Host, pid: Pid) -> Result<Target, Exit> {
    Target::open(&host.proc, pid).map_err(|refusal: Refusal| crate::refusal::refuse(&refusal))
}

fn unread(path: &CStr, why: Unread) -> Exit {
    match why {
        Unread::Refused(refused) => refuse("read", path, refused),
        Unread::Failed(errno) => fail(&Error::new("read", path.to_bytes(), errno).hint("name another: --state FILE")),
        Unread::Damaged => unusable(path, "it is damaged", "remove it, or name another: --state FILE"),
        Unread::Version => unusable(
            path,
            "it is of another version of memdoor",
            "undo with that version what it has changed, or name another: --state FILE",
        ),
        Unread::Elsewhere(there, here) => {
            let (there, here) = (Escaped(there.as_bytes()), Escaped(here.as_bytes()));
            unusable(
                path,
                &format!(
                    "its processes have the numbers of another pid namespace ({there}; this one is {here}): nothing was changed"
                ),
                "type it where they were changed, on the host or in that container; name a state of this one: --state FILE; or remove it, if that container is gone",
            )
        }
    }
}

fn unusable(path: &CStr, why: &str, hint: &str) -> Exit {
    say(format_args!("memdoor: cannot read {}: {why}", Escaped(path.to_bytes())));
    say_hint(Some(hint));
    Exit::Error
}

/// What is not known can't be put back.
fn unknown(pid: Pid, why: Absent) -> Exit {
    say(format_args!("memdoor: cannot read /proc/{pid}/oom_score_adj: {why}"));
    if why == Absent::Gone { Exit::Gone } else { Exit::Error }
}
