//! `memdoor protect`: whom the kernel should rather not kill, and whom it should, by their oom_score_adj.

mod act;
mod session;
mod show;
mod spared;
mod state;

use core::ffi::CStr;

use crate::environment::{self, FEW, Others};
use crate::error::{Absent, Error};
use crate::essential::Owner;
use crate::exit::Exit;
use crate::files::Unusable;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::identity::{ProcessIdentity, fits_exe};
use crate::mode::{Buffers, envelope, open_host};
use crate::pattern::{Field, Pattern};
use crate::processes::reader::Reader;
use crate::processes::{self, Comm, Depth, Kind, Process, Table};
use crate::refusal::{fail, output_exit, say_hint};
use crate::report::Format;
use crate::report::escape::{Called, Escaped};
use crate::report::json::Envelope;
use crate::sys::Errno;
use crate::sys::ours::{PATIENCE, Refused, Replaced};
use crate::sys::out::{Out, Sink, say};
use crate::sys::system;
use crate::target::exe::Link;
use crate::target::{Refusal, Target};
use crate::units::Pid;
use act::{Outcome, Row};
use session::Adjustment;
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
const HEIRS: usize = 8;

/// One run.
struct Run<'a, 'b> {
    options: &'a Options<'a>,
    host: &'a Host,
    envelope: Envelope,
    out: Out<'b>,
    /// The file that remembers; `None` where nothing is changed.
    kept: Option<Replaced<'a>>,
    state: State,
    /// Who reads arguments, where they are asked for.
    reader: Option<Reader>,
    /// Processes whose arguments, or whose executable, could not be read.
    unread: u64,
    /// Processes that are called as one that a session hangs on, and whose executable is not known to be that.
    namesakes: u64,
    /// A pattern fits one that no pattern changes: [`Spared`].
    is_spared: bool,
    /// Processes that could not be opened: whatever was asked for was not done to them.
    unopened: u64,
    /// Processes of other users that the pattern fits, and the first few of them: they are not this user's to change.
    foreign: (u64, Vec<(Pid, Comm)>),
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
        reader: reader(options, &host),
        unread: 0,
        namesakes: 0,
        is_spared: false,
        unopened: 0,
        foreign: (0, Vec::new()),
        count: 0,
        said: show::Said::default(),
        exit: Exit::Done,
    };
    let done = match options.targets {
        Targets::Pid(pid, adj) => run.pid(pid, adj, buffers.read),
        Targets::Undo => run.undo(&mut table),
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
        let own = system::effective_user();
        let others = Others::say(&self.host.proc, &mut self.envelope);
        if own == 0 {
            // Who is not root changes their own processes only, which are shown.
            self.exit = others.qualify(self.exit);
        }
        let spared = Spared::find(&self.host.proc, table.rows());
        for process in table.rows() {
            if own != 0 && process.user != Some(own) {
                self.note_foreign(process, &spared);
            }
            let is_ours = own == 0 || process.user == Some(own);
            let is_alive = process.kind == Kind::User && process.memory.rss.is_some();
            if is_ours
                && is_alive
                && let Some(before) = process.oom_score_adj
                && let Some(adj) = self.wanted(process, before)
                && let Some(started) = process.started
            {
                if spared.holds(process, self.options.targets) {
                    self.is_spared = true;
                    continue;
                }
                self.state.planned.push(Entry { pid: process.pid, started, before, after: adj });
            }
        }
        let is_of_arguments =
            matches!(self.options.targets, Targets::Match(pattern, _) if pattern.field() == Field::Cmdline);
        if self.unread > 0 {
            say(format_args!(
                "memdoor: {} {} did not let their {}, and are as they were: name them with -p PID",
                self.unread,
                if self.unread == 1 { "process" } else { "processes" },
                if is_of_arguments {
                    "arguments be read, or have 64 KiB of them or more"
                } else {
                    "executables be read"
                },
            ));
            self.exit = self.exit.worse(Exit::Partial);
        }
        if self.namesakes > 0 {
            say(format_args!(
                "memdoor: {} {} called as one that a session hangs on, and as {} executable is not root's, or others may write to it, or it \
                 can't be seen, left as it was",
                self.namesakes,
                if self.namesakes == 1 { "process is" } else { "processes are" },
                if self.namesakes == 1 { "its" } else { "each" },
            ));
        }
        self.say_foreign();
        self.say_nobody();
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
                Some(mut target) if target.started == plan.started => self.change(&mut target, plan.after),
                // It has ended since it was looked at.
                _ if matches!(self.options.targets, Targets::Pid(..)) && self.unopened == 0 => {
                    return Err(crate::refusal::refuse(&Refusal::NoSuchProcess(plan.pid)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A process of this number, if there is one. What is not gone and can't be opened is said, the first with its reason, and is an error:
    /// what was asked for is not done to it.
    fn open(&mut self, pid: Pid) -> Option<Target> {
        match Target::open(&self.host.proc, pid) {
            Ok(target) => Some(target),
            Err(refusal) if refusal.is_gone() => None,
            Err(refusal) => {
                if self.unopened == 0 {
                    crate::refusal::refuse(&refusal);
                }
                self.unopened += 1;
                self.exit = self.exit.worse(Exit::Error);
                None
            }
        }
    }

    /// Another user's process: whether the pattern fits it. Nothing is said of one whose executable may not be seen.
    fn note_foreign(&mut self, process: &Process, spared: &Spared<'_>) {
        let Targets::Match(pattern, _) = self.options.targets else { return };
        if process.kind != Kind::User || process.memory.rss.is_none() || pattern.field() == Field::Exe {
            return;
        }
        let unread = self.unread;
        let fits = self.fits(pattern, process);
        // Whether it is not known of another user's is no matter of this one's.
        self.unread = unread;
        // PID 1 is another user's first of all.
        if fits && (process.pid.get() == 1 || !spared.holds(process, self.options.targets)) {
            self.foreign.0 += 1;
            if self.foreign.1.len() < HEIRS {
                self.foreign.1.push((process.pid, process.comm.clone()));
            }
        }
    }

    /// Says whom the pattern fits that this user may not change. With nobody else to change nothing of what was asked for is done, which is
    /// an error; beside processes of their own it is as it is documented: about those.
    fn say_foreign(&mut self) {
        let (count, first) = &self.foreign;
        if *count == 0 {
            return;
        }
        let shown: Vec<String> =
            first.iter().map(|(pid, comm)| format!("PID {pid} ({})", Called(comm.as_bytes()))).collect();
        let more = count - shown.len() as u64;
        say(format_args!(
            "memdoor: {count} {}: {}{}",
            if *count == 1 {
                "process that the pattern fits is another user's, and stays as it was"
            } else {
                "processes that the pattern fits are other users', and stay as they were"
            },
            shown.join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() },
        ));
        say_hint(Some("another user's process takes root"));
        if self.state.planned.is_empty() {
            self.exit = self.exit.worse(Exit::Error);
        }
    }

    /// Says that a pattern fits nobody who may be changed: as of a PID that is not there, nothing of what was asked for is done. Where some
    /// could not be looked at that is not known, and they have been said.
    fn say_nobody(&mut self) {
        let Targets::Match(pattern, _) = self.options.targets else { return };
        let is_known = self.unread == 0 && self.unopened == 0 && self.foreign.0 == 0;
        if self.state.planned.is_empty() && is_known {
            // Who is not root asks about their own.
            let whose = if system::effective_user() == 0 { "" } else { " of yours" };
            let but = if self.is_spared { " but PID 1 or memdoor's own, which no pattern changes" } else { "" };
            let (prefix, text) = (pattern.prefix(), Escaped(pattern.text().as_bytes()));
            say(format_args!("memdoor: --match {prefix}{text} fits no process{whose}{but}"));
            say_hint(Some(match pattern.field() {
                Field::Comm => {
                    "it is about the name, the first 15 bytes of it (ps -e -o pid,comm); exe:REGEX is about the executable, cmdline:REGEX about the arguments"
                }
                Field::Exe => "it is about the executable: ls -l /proc/PID/exe shows it",
                Field::Cmdline => "it is about the arguments with blanks between them: ps -e -o pid,args shows them",
            }));
            self.exit = self.exit.worse(Exit::Gone);
        }
    }

    /// Whether the pattern fits it.
    fn fits(&mut self, pattern: &Pattern, process: &Process) -> bool {
        match pattern.field() {
            Field::Comm => pattern.is_match(process.comm.as_bytes()),
            Field::Exe => self.runs(process.pid, pattern),
            Field::Cmdline => self.has_arguments(process, pattern),
        }
    }

    /// What its oom_score_adj should be.
    fn wanted(&mut self, process: &Process, before: i64) -> Option<i64> {
        let comm = process.comm.as_bytes();
        match self.options.targets {
            Targets::Session => {
                let target = self.open(process.pid)?;
                let exe = target.exe().ok();
                match session::wanted(comm, exe.as_ref().map(Link::as_bytes), before) {
                    Adjustment::Nothing => None,
                    Adjustment::More(adj) => Some(adj),
                    Adjustment::Less(adj)
                        if Owner::of(target.dir().owner(c"exe").ok(), system::effective_user()) == Owner::Trusted =>
                    {
                        Some(adj)
                    }
                    Adjustment::Less(_) => {
                        self.namesakes += 1;
                        None
                    }
                }
            }
            Targets::Match(pattern, adj) => self.fits(pattern, process).then_some(adj),
            Targets::Pid(..) | Targets::Undo => None,
        }
    }

    /// Whether its executable fits. Of those whose can't be seen that is not known, and is said at the end.
    fn runs(&mut self, pid: Pid, pattern: &Pattern) -> bool {
        match self.open(pid).map(|target| target.exe()) {
            Some(Ok(exe)) => fits_exe(pattern, exe.as_bytes()),
            None | Some(Err(Errno::ESRCH | Errno::ENOENT)) => false,
            // Of PID 1, which is spared whatever fits it, it need not be known.
            Some(Err(_)) if pid.get() == 1 => false,
            Some(Err(_)) => {
                self.unread += 1;
                false
            }
        }
    }

    /// Whether its arguments, with blanks between them, fit. Of those that are not known that is not known, and is said at the end.
    fn has_arguments(&mut self, process: &Process, pattern: &Pattern) -> bool {
        let name = Fixed::<16>::dec(process.pid.get());
        let view = processes::view(&self.host.proc, name.as_bytes(), process.state, process.threads);
        let identity = ProcessIdentity::new(&self.host.proc, view.as_bytes(), process.comm.as_bytes());
        let mut identity = identity.read_by(self.reader.as_ref(), process.pid);
        let (fits, is_unread) = (identity.fits(pattern), identity.is_unread(pattern));
        drop(identity);
        // Who has gone meanwhile is nobody's.
        self.unread += u64::from(is_unread && self.open(process.pid).is_some());
        fits
    }

    /// Puts back what was changed, and keeps in mind what could not be: only who is gone is forgotten.
    fn undo(&mut self, table: &mut Table) -> Result<(), Exit> {
        let entries = core::mem::take(&mut self.state.entries);
        let mut undone = Vec::new();
        for entry in entries {
            let unopened = self.unopened;
            let Some(mut target) = self.open(entry.pid) else {
                if self.unopened > unopened {
                    self.state.entries.push(entry);
                }
                continue;
            };
            if target.started != entry.started {
                continue;
            }
            let row = match act::adj(&mut target) {
                Ok(now) if now != entry.after => Row::of(&mut target, now, now, Outcome::Changed),
                _ => act::set(&mut target, entry.before, self.options.change),
            };
            if row.outcome.failure() == Some(Absent::Gone) {
                continue;
            }
            let is_left = row.outcome.failure().is_some() || row.outcome == Outcome::Would;
            if !is_left && row.outcome != Outcome::Changed {
                undone.push(entry);
            }
            self.show(&row);
            if is_left {
                self.state.entries.push(entry);
            }
        }
        if !undone.is_empty() && table.read(&self.host.proc, Depth::Badness).is_ok() {
            say_heirs(&undone, table.rows());
        }
        Ok(())
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
                if count == 1 { "process" } else { "processes" },
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

/// Says who has come from those that were put back, and still has what they had: a child begins with its parent's value, and is in no
/// state. Whose parents have ended meanwhile can't be told.
fn say_heirs(undone: &[Entry], rows: &[Process]) {
    /// Generations that are followed up.
    const ABOVE: usize = 64;
    let heir_of = |process: &Process| {
        let is_itself = undone.iter().any(|entry| entry.pid == process.pid);
        let parent = |pid: Pid| rows.iter().find(|row| row.pid == pid).and_then(|row| row.parent);
        let mut above = std::iter::successors(process.parent, |pid| parent(*pid)).take(ABOVE);
        let entry = above.find_map(|pid| undone.iter().find(|entry| entry.pid == pid))?;
        let has_its = process.oom_score_adj == Some(entry.after) && entry.after != entry.before;
        (has_its && !is_itself && process.kind == Kind::User).then_some(entry)
    };
    let heirs: Vec<(&Process, &Entry)> =
        rows.iter().filter_map(|process| heir_of(process).map(|entry| (process, entry))).collect();
    let Some((first, of)) = heirs.first() else { return };
    let shown: Vec<String> = heirs.iter().take(HEIRS).map(|(process, _)| process.pid.to_string()).collect();
    let more = heirs.len().saturating_sub(HEIRS);
    say(format_args!(
        "memdoor: {} that came from them meanwhile {} what was set: PID {}{}",
        if heirs.len() == 1 { "1 process".into() } else { format!("{} processes", heirs.len()) },
        if heirs.len() == 1 { "still has" } else { "still have" },
        shown.join(", "),
        if more > 0 { format!(" and {more} more") } else { String::new() },
    ));
    let hint = format!("for each of them: memdoor protect -p {} --adj {}", first.pid, of.before);
    say_hint(Some(&hint));
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
