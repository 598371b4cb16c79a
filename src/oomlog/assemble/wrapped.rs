//! Lines that a mail has wrapped, or that a newline in a process's name has cut in two: what follows says more of the line before
//! it, or makes one of it.
//!
//! syslog(2) writes each line of a record with the record's prefix, and dmesg those behind the first below its text: as many blanks as the
//! prefix takes. So what comes with the same time since boot, or that far to the right, goes on behind a newline; what a mail has wrapped
//! goes on behind a blank. What may be of a name is for `wrapped/name.rs` first.
mod name;

use super::Assembler;
use super::open::{Open, text};
use crate::oomlog::event::{Event, Position, Stamp, Text};
use crate::oomlog::record::{Caller, Origin, Record, When};
use crate::parse::oom_report::header::Header;
use crate::parse::oom_report::kill::{Killed, Scope, Selected, Summary};
use crate::parse::oom_report::{self, Line};

/// The longest line that is put together again: two paths of cgroups.
const LONGEST: usize = 2048;

/// What a header or a kill line goes on with.
const WORDS: [&[u8]; 13] = [
    b"gfp_mask=",
    b"nodemask=",
    b"order=",
    b"oom_adj=",
    b"oomkilladj=",
    b"oom_score_adj=",
    b"total-vm:",
    b"anon-rss:",
    b"file-rss:",
    b"shmem-rss:",
    b"UID:",
    b"pgtables:",
    b"oom_score_adj:",
];

/// Where the start of a line ends.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum End {
    #[default]
    Words,
    /// In a process's name.
    Name,
    /// It may be all of a name's first line: `X invoked oom-killer` has nothing before the name.
    Start,
}

/// TASK_COMM_LEN less its NUL.
const COMM: usize = 15;

/// The shortest prefix that dmesg writes, `[    0.000000] `, as blanks.
const BLANKS: usize = 15;

/// Whether a line stands below the text of the line before it, as dmesg writes the rest of a record.
pub(super) fn is_below(record: &Record<'_>) -> bool {
    record.text.iter().take_while(|byte| **byte == b' ').count() >= BLANKS && record.is_bare()
}

/// Whether a line of no words that are known may be the start of a name, of which 15 bytes are kept.
fn is_start(record: &Record<'_>) -> bool {
    record.text.len() < COMM && !record.is_bare()
}

/// Whether a line that nobody understands is the start of one that somebody would.
fn is_part(text: &[u8]) -> bool {
    text.ends_with(b"Killed process")
        || text.ends_with(b"Kill process")
        || [&b"Task in"[..], b"CPU: ", b"Pid: "].iter().any(|start| text.starts_with(start))
}

/// The start of a line that may go on, and its prefix.
#[derive(Default)]
pub(super) struct Wrapped {
    text: Vec<u8>,
    /// Whether there is one: it may be the empty first line of a name.
    is_begun: bool,
    /// Whether it ends inside of a process's name.
    end: End,
    /// Where the name begins that its end may be in.
    name_at: Option<usize>,
    /// What was before its text, and how long the line was.
    prefix: Vec<u8>,
    columns: usize,
    /// Where the log's lines have a blank furthest to the right, and where one must be that tells of a name, and of no mail.
    widest: usize,
    needed: usize,
    /// The blanks that were taken off its end.
    blanks: usize,
    /// Whether it was understood without its rest.
    is_known: bool,
    /// Whether a part of a name was put behind it.
    has_joined: bool,
    /// Whether the log has said it twice, as it then says the rest of it.
    is_said_twice: bool,
    when: Stamp,
    host: Option<Text>,
    caller: Option<Caller>,
    is_unverified: bool,
    /// A kill that was begun and names nobody so far: how much of the text that is, and where its line is.
    kill: Option<(Scope, usize, Position)>,
}

/// What a line is together with those before it.
#[derive(Clone, Copy)]
pub(super) enum Joined {
    /// More of a line that was understood.
    More,
    /// A line that was not understood before.
    Whole,
    /// Nothing so far.
    NotYet,
}

impl Wrapped {
    pub(super) const fn new() -> Self {
        Self {
            text: Vec::new(),
            is_begun: false,
            end: End::Words,
            name_at: None,
            prefix: Vec::new(),
            columns: 0,
            widest: 0,
            needed: 0,
            blanks: 0,
            is_known: false,
            has_joined: false,
            is_said_twice: false,
            when: Stamp { boot_us: None, wall: None, wall_us: None },
            host: None,
            caller: None,
            is_unverified: false,
            kill: None,
        }
    }

    /// The prefix of the line's start, for what the line says.
    pub(super) fn record(&self) -> Record<'_> {
        let is_bare = self.when.boot_us.is_none() && self.when.wall.is_none();
        Record {
            text: &self.text,
            line: &self.text,
            when: When { boot_us: self.when.boot_us, wall: self.when.wall.as_deref(), wall_us: self.when.wall_us },
            origin: if is_bare { Origin::Unknown } else { Origin::Kernel },
            caller: self.caller,
            host: self.host.as_deref(),
            boot_id: None,
            behind: None,
            of_systemd: false,
            is_unverified: self.is_unverified,
        }
    }

    /// Notes a line that may go on; forgets the one before it.
    pub(super) fn note(&mut self, line: &Line<'_>, record: &Record<'_>, at: Position) {
        self.text.clear();
        self.kill = None;
        self.is_begun = false;
        self.name_at = None;
        self.has_joined = false;
        self.is_said_twice = false;
        let end = record.text.trim_ascii_end();
        let is_in_name = match line {
            Line::Killed(killed) => killed.comm.is_none(),
            Line::Summary(summary) => summary.pid.is_none(),
            Line::Selected(selected) => selected.comm.is_none(),
            _ => false,
        };
        let goes_on = match line {
            _ if is_in_name => true,
            Line::Header(_) => end.ends_with(b",") || end.ends_with(b":"),
            Line::Killed(killed) => end.ends_with(b",") || killed.total_vm.is_none(),
            Line::Begun(_) => true,
            Line::Other => is_part(end) || is_start(record),
            Line::Boot => is_start(record),
            _ => false,
        };
        if goes_on && end.len() <= LONGEST {
            self.text.extend_from_slice(end);
            // Of a name that begins with a newline the blank before it is left.
            if end.ends_with(b"omm:") {
                self.text.push(b' ');
            }
            self.is_begun = true;
            self.kill = match line {
                Line::Begun(scope) => Some((*scope, end.len(), at)),
                _ => None,
            };
            self.end = match line {
                Line::Boot => End::Start,
                Line::Other if !is_part(end) => End::Start,
                // `Comm: ab`, and its rest comes.
                Line::Other if end.windows(6).any(|word| word == b" Comm:" || word == b" comm:") => End::Name,
                _ if is_in_name => End::Name,
                _ => End::Words,
            };
            self.when = Stamp::of(&record.when);
            self.host = record.host.map(Vec::from);
            self.caller = record.caller;
            self.is_unverified = record.is_unverified;
            self.note_name(line, record);
        }
    }

    /// The header whose name has begun on the line before it, or on several.
    pub(super) fn join_header(&mut self, line: &Line<'_>, record: &Record<'_>) -> bool {
        let Line::Header(Header { comm: Some(_), .. }) = line else {
            return false;
        };
        if self.end != End::Start || self.is_over() {
            return false;
        }
        let Some(rest) = self.rest_of_start(record) else {
            return false;
        };
        self.push_behind_newline(rest);
        let is_one =
            matches!(oom_report::line(&self.text), Line::Header(Header { comm: Some(comm), .. }) if name::fits(comm));
        self.end = End::Words;
        is_one
    }

    /// Whether the line is more of the record whose start is here.
    const fn is_over(&self) -> bool {
        !self.is_begun
    }

    /// What the lines are together, when that is something. A line with a prefix of its own begins anew.
    pub(super) fn join(&mut self, record: &Record<'_>) -> Option<Joined> {
        if self.is_over() {
            return None;
        }
        if self.end == End::Start {
            // A name of three lines, or nothing of anybody's.
            let rest = self.rest_of_start(record)?;
            let goes_on = self.text.len() + self.blanks + 1 + rest.len() < COMM;
            self.push_behind_newline(rest);
            self.is_begun &= goes_on;
            return goes_on.then_some(Joined::NotYet);
        }
        let text = record.text.trim_ascii();
        let is_bare = record.origin == Origin::Unknown && record.when.wall.is_none();
        if !is_bare || text.is_empty() || self.text.len() + text.len() > LONGEST {
            return None;
        }
        let was_known = !matches!(oom_report::line(&self.text), Line::Other | Line::Begun(_));
        let says_more = WORDS.iter().any(|word| text.starts_with(word));
        // A mail wraps at a blank.
        if !self.text.ends_with(b" ") {
            self.text.push(b' ');
        }
        self.text.extend_from_slice(text);
        match oom_report::line(&self.text) {
            Line::Killed(Killed { comm: Some(_), .. })
            | Line::Selected(Selected { comm: Some(_), .. })
            | Line::Summary(Summary { pid: Some(_), .. })
                if self.end == End::Name && self.is_known =>
            {
                Some(Joined::More)
            }
            Line::Header(_) | Line::Killed(_) if was_known => says_more.then_some(Joined::More),
            Line::Killed(_) | Line::Selected(_) | Line::Whose(_) | Line::Running(_) => Some(Joined::Whole),
            Line::Other | Line::Begun(_) => Some(Joined::NotYet),
            _ => None,
        }
    }
}

impl Assembler {
    /// Takes a header whose name has begun on the line before it.
    pub(super) fn goes_on_as_header(
        &mut self,
        line: &Line<'_>,
        part: &Record<'_>,
        position: Position,
        done: &mut dyn FnMut(Event),
    ) -> bool {
        let mut wrapped = core::mem::take(&mut self.wrapped);
        let is_one = wrapped.join_header(line, part);
        if is_one {
            let whole = wrapped.record();
            self.number += 1;
            self.take(&oom_report::line(whole.text), &whole, position, done);
            self.before = Stamp::of(&whole.when);
        }
        self.wrapped = wrapped;
        is_one
    }

    /// Whether this is the rest of a line that a mail has wrapped.
    pub(super) fn goes_on(&mut self, part: &Record<'_>, position: Position, done: &mut dyn FnMut(Event)) -> bool {
        if self.wrapped.is_over() {
            return false;
        }
        let mut wrapped = core::mem::take(&mut self.wrapped);
        let joined = wrapped.join(part);
        self.wrapped = wrapped;
        if let Some(joined) = joined {
            self.take_joined(joined, position, done);
        }
        joined.is_some()
    }

    /// Takes what the lines are together.
    fn take_joined(&mut self, joined: Joined, position: Position, done: &mut dyn FnMut(Event)) {
        let mut wrapped = core::mem::take(&mut self.wrapped);
        let whole = wrapped.record();
        let line = oom_report::line(whole.text);
        match joined {
            Joined::More => {
                let number = self.number;
                let last = self.opens.iter_mut().find(|open| open.touched == number);
                if let Some(open) = last {
                    more(open, &line);
                }
            }
            Joined::Whole => {
                self.number += 1;
                self.take(&line, &whole, position, done);
                wrapped.kill = None;
            }
            Joined::NotYet => {}
        }
        self.wrapped = wrapped;
    }
}

impl Assembler {
    /// A kill that was begun on the line before this one, and does not go on here: somebody was killed, and nobody knows who.
    pub(super) fn is_cut_off(&mut self, done: &mut dyn FnMut(Event)) {
        let Some((scope, length, at)) = self.wrapped.kill.take() else {
            return;
        };
        let wrapped = core::mem::take(&mut self.wrapped);
        let record = Record { text: &wrapped.text[..length], ..wrapped.record() };
        // A program's line without a prefix may end with these words.
        if scope != Scope::Unsaid || record.origin == Origin::Kernel {
            self.number += 1;
            self.take(&Line::Begun(scope), &record, at, done);
            self.before = Stamp::of(&record.when);
        }
        self.wrapped = wrapped;
    }
}

/// Takes over what the rest of a line says.
pub(super) fn more(open: &mut Open, line: &Line<'_>) {
    match line {
        Line::Header(header) => more_of_header(open, header),
        Line::Killed(killed) => more_of_kill(open, killed),
        Line::Summary(_) | Line::Selected(_) => {
            let at = open.event.lines.last;
            super::feed::feed(open, line, at);
        }
        _ => {}
    }
}

fn more_of_header(open: &mut Open, line: &Header<'_>) {
    let trigger = &mut open.event.trigger;
    trigger.gfp_mask = trigger.gfp_mask.or(line.gfp_mask);
    trigger.order = trigger.order.or(line.order);
    trigger.adj = trigger.adj.or(line.adj);
    if trigger.gfp_flags.is_none() {
        trigger.gfp_flags = line.gfp_flags.map(text);
    }
    if trigger.nodemask.is_none() {
        trigger.nodemask = line.nodemask.map(text);
    }
}

fn more_of_kill(open: &mut Open, line: &Killed<'_>) {
    if let Some(task) = open.event.group.iter_mut().find(|task| task.pid == line.pid) {
        task.comm = line.comm.map(text).or(task.comm.take());
    }
    let Some(victim) = open.killed.as_mut().filter(|victim| victim.task.pid == line.pid) else {
        return;
    };
    victim.uid = victim.uid.or(line.uid);
    victim.total_vm = victim.total_vm.or(line.total_vm);
    victim.anon_rss = victim.anon_rss.or(line.anon_rss);
    victim.file_rss = victim.file_rss.or(line.file_rss);
    victim.shmem_rss = victim.shmem_rss.or(line.shmem_rss);
    victim.page_tables = victim.page_tables.or(line.page_tables);
    victim.adj = victim.adj.or(line.adj);
    victim.lacks_rss = line.is_cut;
    // The first line of a name may end with a bracket, and look like all of it.
    victim.task.comm = line.comm.map(text).or(victim.task.comm.take());
}
