//! Lines that a mail has wrapped, or that a newline in a process's name has cut in two: what follows says more of the line before
//! it, or makes one of it.
//!
//! syslog(2) writes each line of a record with the record's prefix, and dmesg those behind the first below its text: as many blanks as the
//! prefix takes. So what comes with the same time since boot, or that far to the right, goes on behind a newline; what a mail has wrapped
//! goes on behind a blank.

use super::Assembler;
use super::open::{Open, text};
use crate::oomlog::event::{Event, Position, Stamp, Text};
use crate::oomlog::record::{Caller, Origin, Record, When};
use crate::parse::oom_report::header::Header;
use crate::parse::oom_report::kill::{Killed, Scope, Summary};
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
fn is_below(record: &Record<'_>) -> bool {
    record.text.iter().take_while(|byte| **byte == b' ').count() >= BLANKS && is_bare(record)
}

/// Whether a line of no words that are known may be the start of a name, of which 15 bytes are kept.
const fn is_start(record: &Record<'_>) -> bool {
    record.when.boot_us.is_some() && record.text.len() < COMM
}

/// Whether a line that nobody understands is the start of one that somebody would.
fn is_part(text: &[u8]) -> bool {
    text.ends_with(b"Killed process")
        || text.ends_with(b"Kill process")
        || [&b"Task in"[..], b"CPU: ", b"Pid: "].iter().any(|start| text.starts_with(start))
}

fn is_bare(record: &Record<'_>) -> bool {
    record.origin == Origin::Unknown && record.when.wall.is_none() && record.when.boot_us.is_none()
}

/// The start of a line that may go on, and its prefix.
#[derive(Default)]
pub(super) struct Wrapped {
    text: Vec<u8>,
    /// Whether there is one: it may be the empty first line of a name.
    is_begun: bool,
    /// Whether it ends inside of a process's name.
    end: End,
    when: Stamp,
    host: Option<Text>,
    caller: Option<Caller>,
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
            when: Stamp { boot_us: None, wall: None, wall_us: None },
            host: None,
            caller: None,
            kill: None,
        }
    }

    /// The prefix of the line's start, for what the line says.
    pub(super) fn record(&self) -> Record<'_> {
        let is_bare = self.when.boot_us.is_none() && self.when.wall.is_none();
        Record {
            text: &self.text,
            when: When { boot_us: self.when.boot_us, wall: self.when.wall.as_deref(), wall_us: self.when.wall_us },
            origin: if is_bare { Origin::Unknown } else { Origin::Kernel },
            caller: self.caller,
            host: self.host.as_deref(),
            boot_id: None,
            behind: None,
        }
    }

    /// Notes a line that may go on; forgets the one before it.
    pub(super) fn note(&mut self, line: &Line<'_>, record: &Record<'_>, at: Position) {
        self.text.clear();
        self.kill = None;
        self.is_begun = false;
        let end = record.text.trim_ascii_end();
        let is_in_name = match line {
            Line::Killed(killed) => killed.comm.is_none(),
            Line::Summary(summary) => summary.pid.is_none(),
            _ => false,
        };
        let goes_on = match line {
            _ if is_in_name => true,
            Line::Header(_) => end.ends_with(b",") || end.ends_with(b":"),
            Line::Killed(killed) => end.ends_with(b",") || killed.total_vm.is_none(),
            Line::Begun(_) => true,
            Line::Other => is_part(end) || is_start(record),
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
                Line::Other if !is_part(end) => End::Start,
                // `Comm: ab`, and its rest comes.
                Line::Other if end.windows(6).any(|word| word == b" Comm:" || word == b" comm:") => End::Name,
                _ if is_in_name => End::Name,
                _ => End::Words,
            };
            self.when = Stamp::of(&record.when);
            self.host = record.host.map(Vec::from);
            self.caller = record.caller;
        }
    }

    /// The header whose name has begun on the line before it, or on several.
    pub(super) fn join_header(&mut self, line: &Line<'_>, record: &Record<'_>) -> bool {
        let Line::Header(Header { comm: Some(comm), .. }) = line else {
            return false;
        };
        if self.end != End::Start || self.is_over() || self.text.len() + 1 + comm.len() > COMM || !self.is_next(record)
        {
            return false;
        }
        self.text.push(b'\n');
        self.text.extend_from_slice(if is_below(record) { record.text.trim_ascii_start() } else { record.text });
        self.end = End::Words;
        true
    }

    /// Whether the line is more of the record whose start is here.
    const fn is_over(&self) -> bool {
        !self.is_begun
    }

    fn is_next(&self, record: &Record<'_>) -> bool {
        let is_same = self.when.boot_us.is_some() && Stamp::of(&record.when) == self.when;
        is_same && self.host.as_deref() == record.host && self.caller == record.caller || is_below(record)
    }

    /// What the lines are together, when that is something. A line with a prefix of its own begins anew.
    pub(super) fn join(&mut self, record: &Record<'_>) -> Option<Joined> {
        let text = record.text.trim_ascii();
        let is_bare = record.origin == Origin::Unknown && record.when.wall.is_none();
        let is_next = self.end != End::Words && self.is_next(record);
        if self.is_over() || !(is_bare || is_next) || text.is_empty() || self.text.len() + text.len() > LONGEST {
            return None;
        }
        if self.end == End::Start {
            // A name of three lines, or nothing of anybody's.
            let goes_on = is_next && self.text.len() + 1 + text.len() < COMM;
            self.text.push(b'\n');
            self.text.extend_from_slice(text);
            self.is_begun &= goes_on;
            return goes_on.then_some(Joined::NotYet);
        }
        let was_known = !matches!(oom_report::line(&self.text), Line::Other | Line::Begun(_));
        let says_more = WORDS.iter().any(|word| text.starts_with(word));
        // A mail wraps at a blank.
        if is_next {
            self.text.push(b'\n');
        } else if !self.text.ends_with(b" ") {
            self.text.push(b' ');
        }
        self.text.extend_from_slice(text);
        match oom_report::line(&self.text) {
            Line::Killed(Killed { comm: Some(_), .. }) | Line::Summary(Summary { pid: Some(_), .. })
                if self.end == End::Name =>
            {
                Some(Joined::More)
            }
            // A name of three lines.
            Line::Killed(Killed { comm: None, .. }) | Line::Summary(Summary { pid: None, .. }) if is_next => {
                Some(Joined::NotYet)
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
        let whole = wrapped.record();
        let line = oom_report::line(whole.text);
        match joined {
            Some(Joined::More) => {
                let number = self.number;
                let last = self.opens.iter_mut().find(|open| open.touched == number);
                if let Some(open) = last {
                    more(open, &line);
                }
            }
            Some(Joined::Whole) => {
                self.number += 1;
                self.take(&line, &whole, position, done);
            }
            Some(Joined::NotYet) | None => {}
        }
        if matches!(joined, Some(Joined::Whole)) {
            wrapped.kill = None;
        }
        self.wrapped = wrapped;
        joined.is_some()
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
        Line::Summary(_) => {
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
    if victim.task.comm.is_none() {
        victim.task.comm = line.comm.map(text);
    }
}
