//! Lines of a kernel's log to OOM events: which lines belong together.
//!
//! The kernel prints a report's parts in one order, but the log may begin, end and lack lines anywhere, and reports of several CPUs
//! may be mixed line by line. A line is given to the one open report that can have it; to none when two can, and both say that
//! something is missing. A kill line that no report can have is an event of its own: the kernel limits the rate of reports, not of
//! kills.
mod around;
mod feed;
mod finish;
mod hole;
mod machine;
mod memcg;
mod net;
mod open;
mod quotes;
mod score;
mod step;
mod tasks;
#[cfg(test)]
mod tests;
mod whose;
mod wrapped;

use std::collections::VecDeque;

use super::escape::lines_of;
use super::event::{Event, Position, Stamp, Text};
use super::record::{Caller, Origin, Record, When};
use super::scan::Part;
use crate::parse::oom_report::anchor::{anchor, names_a_program};
use crate::parse::oom_report::header::Header;
use crate::parse::oom_report::kill::{Killed, Scope};
use crate::parse::oom_report::lost::{Lost, Place, lost};
use crate::parse::oom_report::{self, Line};
use around::Around;
use net::Net;
pub use net::Unplaced;
use open::{Kind, Open};
use quotes::Quotes;
use step::Step;
pub(in crate::oomlog) use step::place;
use whose::{Now, OPEN, Owner, owner};
use wrapped::{Wrapped, is_below};

/// Lines between a person's asking and the report, which another CPU's may stand between.
const SOON: u64 = 100;

/// How many of the last who died are remembered behind their reports: as many as a group has, twice.
const DEAD: usize = 2 * Event::GROUP;

/// Puts events together. Holds eight reports at most.
#[derive(Default)]
pub struct Assembler {
    opens: Vec<Open>,
    /// The number of the last line that is of any report.
    number: u64,
    /// The number of the last line of the kernel.
    all: u64,
    before: Stamp,
    spliced: bool,
    /// Kills without a report that no line about reports that were held back has accounted for.
    bare: u64,
    /// Where SysRq f was: a report that begins soon behind it is of it.
    by_hand: Option<u64>,
    /// Who died in reports that are finished: the reaper may come later.
    dead: VecDeque<u64>,
    wrapped: Wrapped,
    around: Around,
    last: Last,
    quotes: Quotes,
    net: Net,
    kills: Kills,
}

/// The line before this one. Where two programs write one log (rsyslog's imklog beside imjournal), each line is there twice.
#[derive(Clone, Default)]
struct Last {
    text: Vec<u8>,
    stamp: Stamp,
    host: Option<Text>,
    boot_id: Option<Text>,
    /// Two CPUs may print the same words at once.
    caller: Option<Caller>,
    origin: Option<Origin>,
    /// What was said of it.
    part: Option<Part>,
}

impl Last {
    /// Whether this record says again what the one before it has said, at the same time.
    fn is_again(&self, record: &Record<'_>) -> bool {
        let when = &record.when;
        self.part.is_some()
            && self.text == record.text
            && self.stamp.boot_us == when.boot_us
            && self.stamp.wall_us == when.wall_us
            && self.stamp.wall.as_deref() == when.wall
            && self.host.as_deref() == record.host
            && self.boot_id.as_deref() == record.boot_id
            && self.caller == record.caller
    }

    /// The record with the prefix of this one, below whose text it stands.
    fn goes_on_as<'l>(&'l self, record: Record<'l>) -> Record<'l> {
        let when = When { boot_us: self.stamp.boot_us, wall: self.stamp.wall.as_deref(), wall_us: self.stamp.wall_us };
        Record {
            when,
            origin: self.origin.unwrap_or(record.origin),
            caller: self.caller,
            host: self.host.as_deref(),
            boot_id: self.boot_id.as_deref(),
            ..record
        }
    }

    fn note(&mut self, record: &Record<'_>, part: Part) {
        self.text.clear();
        self.text.extend_from_slice(record.text);
        self.stamp = Stamp::of(&record.when);
        self.host = record.host.map(Text::from);
        self.boot_id = record.boot_id.map(Text::from);
        self.caller = record.caller;
        self.origin = Some(record.origin);
        self.part = Some(part);
    }
}

impl Assembler {
    /// Without any line yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            opens: Vec::new(),
            number: 0,
            all: 0,
            before: Stamp { boot_us: None, wall: None, wall_us: None },
            spliced: false,
            bare: 0,
            by_hand: None,
            dead: VecDeque::new(),
            wrapped: Wrapped::new(),
            around: Around::new(),
            last: Last {
                text: Vec::new(),
                stamp: Stamp { boot_us: None, wall: None, wall_us: None },
                host: None,
                boot_id: None,
                caller: None,
                origin: None,
                part: None,
            },
            quotes: Quotes::new(),
            net: Net::new(),
            kills: Kills::new(),
        }
    }

    /// The lines of the OOM killer's own words that belong to no event, since this was asked last.
    pub const fn unplaced(&mut self) -> Option<Unplaced> {
        self.net.take()
    }

    /// Whether a report has begun that is not finished.
    pub fn has_report(&self) -> bool {
        self.opens.iter().any(|open| open.kind == Kind::Oom)
    }

    /// Takes a record, of one line or several, and says what it is part of. Events that no later line can change go to `done`, in the
    /// log's order.
    pub fn push(&mut self, record: &Record<'_>, position: Position, done: &mut dyn FnMut(Event)) -> Part {
        if let Some(part) = self.goes_on_in_name(record, position, done) {
            self.last.note(record, part);
            return part;
        }
        let mut record = *record;
        self.quotes.read(&mut record);
        let record = &record;
        if let Some(lost) = lost_before(record) {
            self.lost(lost, position);
        }
        // Whoever else uses these words: it did not happen here.
        if record.origin == Origin::Other {
            return Part::Other;
        }
        if let Some(part) = self.last.part.filter(|_| self.last.is_again(record)) {
            return part;
        }
        self.wrapped.note_width(record);
        let part = self.lines(record, position, done);
        self.last.note(record, part);
        part
    }

    fn lines(&mut self, record: &Record<'_>, position: Position, done: &mut dyn FnMut(Event)) -> Part {
        let before = self.number;
        for mut part in lines_of(*record) {
            let mut line = oom_report::line(part.text);
            if let Some(text) = self.behind_prefix(part.text, &line) {
                part.text = text;
                part.is_unverified |= part.origin == Origin::Unknown;
                line = oom_report::line(text);
            }
            self.all += 1;
            if let Line::Other | Line::Killed(Killed { scope: Scope::Unknown, .. }) = line
                && let Some(at) = anchor(part.text).filter(|at| *at > 0)
            {
                // Who quotes the kernel says nothing of their own.
                let (prefix, _) = part.text.split_at(at);
                if !names_a_program(prefix) {
                    self.behind_anything(part, at, position, done);
                }
                continue;
            }
            if line == Line::Other && self.goes_on(&part, position, done) {
                continue;
            }
            self.is_cut_off(done);
            if self.goes_on_as_header(&line, &part, position, done) {
                continue;
            }
            // The end of a name that was not put together: no report of a machine without a name.
            let last =
                if matches!(line, Line::Header(_)) && is_below(&part) { self.last.clone() } else { Last::default() };
            if last.origin.is_some() {
                part = last.goes_on_as(part);
            }
            self.wrapped.note(&line, &part, position);
            // Of a line that is cut it is known when the next one does not go on with it.
            match line {
                Line::Other => self.net.see(part.text, position),
                Line::Begun(_) => {}
                _ => self.take_next(&line, &part, position, done),
            }
        }
        self.part(before)
    }

    /// Takes a line of some report.
    fn take_next(&mut self, line: &Line<'_>, part: &Record<'_>, position: Position, done: &mut dyn FnMut(Event)) {
        self.number += 1;
        self.take(line, part, position, done);
        self.before = Stamp::of(&part.when);
    }

    /// A line of the kernel's words at `at`, and nobody knows what stands before them: that is its prefix, and the one of the lines that
    /// begin so. A report whose header has another one does not have it; and a kill that is an event is told once.
    fn behind_anything(&mut self, part: Record<'_>, at: usize, position: Position, done: &mut dyn FnMut(Event)) {
        let (prefix, text) = part.text.split_at(at);
        let is_apart = self.around.differs(prefix);
        self.around.know(prefix);
        let text = self.around.behind(part.text).filter(|behind| text.starts_with(behind)).unwrap_or(text);
        let part = Record { text, is_unverified: true, ..part };
        let line = oom_report::line(text);
        if let Line::Killed(killed) = &line
            && self.kills.has(killed)
        {
            return;
        }
        self.is_cut_off(done);
        self.wrapped.note(&line, &part, position);
        match step::alone(&line).filter(|_| is_apart) {
            // Somebody reaped is known by his pid, whoever says it.
            Some(kind) if !matches!(line, Line::Reaped(_)) => {
                self.number += 1;
                self.begin(kind, &line, &part, position, done);
            }
            _ => self.take_next(&line, &part, position, done),
        }
    }

    /// What a record was of, before which there were so many lines of reports.
    fn part(&self, before: u64) -> Part {
        let goes_on = |open: &Open| open.kind == Kind::Oom && !open.ended;
        match (self.number > before, self.opens.iter().any(goes_on)) {
            (false, _) => Part::Other,
            (true, true) => Part::Report,
            (true, false) => Part::End,
        }
    }

    /// Nothing has come for a while: reports that have their end are finished.
    pub fn settle(&mut self, done: &mut dyn FnMut(Event)) {
        let mut at = 0;
        while let Some(open) = self.opens.get(at) {
            if open.ended {
                let open = self.opens.remove(at);
                self.close(open, done);
            } else {
                at += 1;
            }
        }
    }

    /// The log ends here.
    pub fn finish(&mut self, done: &mut dyn FnMut(Event)) {
        self.is_cut_off(done);
        for open in core::mem::take(&mut self.opens) {
            self.close(open, done);
        }
    }

    fn take(&mut self, line: &Line<'_>, record: &Record<'_>, at: Position, done: &mut dyn FnMut(Event)) {
        if whose::is_back_in_time(&self.opens, &self.before, record) {
            self.spliced = true;
        }
        match line {
            Line::Reaped(reaped) if self.is_reaped(reaped.pid, record) => return self.number -= 1,
            Line::Unreaped(pid) => {
                self.number -= 1;
                if !self.is_reaped_of(*pid, record) {
                    self.net.count(1, at, at);
                }
                return;
            }
            Line::Group(memcg) if self.is_said_again(memcg) => return self.number -= 1,
            Line::Lost(lost) => {
                self.number -= 1;
                return self.lost(*lost, at);
            }
            Line::Manual => {
                self.number -= 1;
                self.by_hand = Some(self.all);
                return;
            }
            Line::Cut => return self.cut(),
            // What journalctl puts between two boots has no prefix: with one, it is of a name.
            Line::Boot if record.origin == Origin::Kernel && record.text.starts_with(b"--") => return self.number -= 1,
            Line::Boot => return self.boot(record, done),
            Line::Header(header) => return self.header(header, record, at, done),
            Line::Foreign => return self.begin(Kind::Foreign, line, record, at, done),
            _ => {}
        }
        let step = step::of(line);
        let number = self.number;
        let now = Now {
            line: self.all,
            spliced: self.spliced,
            is_inside: matches!(line, Line::Counts(_) | Line::Stat(_) | Line::Zone(_) | Line::Reserve(_)),
        };
        let owner = owner(&self.opens, record, now, |open| {
            if hole::is_behind(open, line, record, now.line) {
                return None;
            }
            let near = [whose::is_soon(open, record, now.line), hole::is_at_once(open, record, now.line)];
            score::score(open, step, line, number, near)
        });
        match owner {
            Owner::One(index) => self.give(index, step, line, record, at),
            Owner::Many(index, all) => self.share(index, all, step, line, record, at),
            Owner::None => {
                if let Some(kind) = step::alone(line) {
                    self.begin(kind, line, record, at, done);
                } else {
                    // Of no report, and nothing between two lines of one.
                    self.number -= 1;
                    self.net.see(record.text, at);
                }
            }
        }
    }

    /// A report begins.
    fn header(&mut self, header: &Header<'_>, record: &Record<'_>, at: Position, done: &mut dyn FnMut(Event)) {
        let is_name = header.comm.is_none_or(|comm| self.around.note(comm, self.number));
        let header = Header { comm: header.comm.filter(|_| is_name), ..*header };
        self.begin_anew(&header, record, done);
        self.begin(Kind::Oom, &Line::Header(header), record, at, done);
    }

    /// A line without a prefix that nobody knows, which the report's header has too.
    fn behind_prefix<'l>(&mut self, text: &'l [u8], line: &Line<'_>) -> Option<&'l [u8]> {
        if let Some(text) = self.around.behind(text) {
            return Some(text);
        }
        if *line != Line::Other {
            return None;
        }
        let start = self.around.start;
        let (text, name) = self.around.learn(text)?;
        if let Some(open) = self.opens.iter_mut().find(|open| open.start == start) {
            open.event.trigger.comm = Some(open::text(name));
        }
        Some(text)
    }

    fn give(&mut self, index: usize, step: Option<Step>, line: &Line<'_>, record: &Record<'_>, at: Position) {
        let Some(open) = self.opens.get_mut(index) else {
            return;
        };
        open.step = step.unwrap_or(open.step).max(open.step);
        open.touch(record, at, self.number, self.all);
        open.is_padded |= matches!(line, Line::Columns(_)) && record.text.trim_ascii_end() != record.text;
        feed::feed(open, line, at);
    }

    /// A line that several reports may have. Who died is too much to lose: the first gets it, and none of them keeps what may be
    /// another's. All else is given to none.
    fn share(&mut self, first: usize, all: u8, step: Option<Step>, line: &Line<'_>, record: &Record<'_>, at: Position) {
        let is_deed = matches!(
            line,
            Line::Summary(_) | Line::Selected(_) | Line::Killed(_) | Line::Panic(_) | Line::NoneKillable
        );
        for (index, open) in self.opens.iter_mut().enumerate() {
            if all & (1 << index) != 0 && !step::is_detail(line) {
                open.mixed |= is_deed;
                open.rows_lost |= matches!(line, Line::Row(_));
                open.memory_mixed |= step.is_some_and(|step| step < Step::Title);
                if let Line::Columns(columns) = line {
                    // Two tables of one kernel have the same columns.
                    open.columns.get_or_insert(*columns);
                }
            }
        }
        if is_deed {
            self.give(first, step, line, record, at);
        }
    }

    fn begin(&mut self, kind: Kind, line: &Line<'_>, record: &Record<'_>, at: Position, done: &mut dyn FnMut(Event)) {
        // Parts that nothing followed were of nothing.
        if kind == Kind::Maybe {
            let is_over = |open: &mut Open| open.kind == Kind::Maybe && open.caller == record.caller;
            let over: Vec<Open> = self.opens.extract_if(.., is_over).collect();
            for open in over {
                self.close(open, done);
            }
        }
        self.bare += u64::from(matches!(line, Line::Killed(_) | Line::Selected(_)));
        if self.opens.len() >= OPEN {
            let is_empty = |open: &Open| open.kind != Kind::Oom;
            let oldest = self.opens.iter().position(is_empty).unwrap_or(0);
            let open = self.opens.remove(oldest);
            self.close(open, done);
        }
        let mut open = Open::new(kind, record, at, self.number, self.all);
        open.step = step::of(line).unwrap_or(Step::End);
        // Where panic_on_oom is 2, the panic is all that follows.
        if matches!(line, Line::Header(_) | Line::Panic(_) | Line::NoneKillable) {
            let asked = self.by_hand.take();
            open.event.by_hand = asked.is_some_and(|asked| self.all - asked < SOON);
        }
        // Of a first line that begins in the middle of its time nothing tells which that is.
        let is_bare = record.when.boot_us.is_none() && record.when.wall.is_none();
        let is_time = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
        let time = record.line.iter().take_while(is_time).count();
        let is_torn = time > 0 && record.line.get(time) == Some(&b']') && record.when.wall.is_none();
        if self.all == 1 && (is_bare || is_torn) {
            let is_header = matches!(line, Line::Header(_));
            open.torn = Some(if is_header { self.around.head().into() } else { Text::new() });
            open.last = Stamp::default();
            open.event.when = Stamp::default();
            open.event.host = None;
        }
        open.is_padded = matches!(line, Line::Columns(_)) && record.text.trim_ascii_end() != record.text;
        feed::feed(&mut open, line, at);
        self.opens.push(open);
    }

    /// The same header at the same time: a piece of a log was cut in the middle of a report, and the next piece has it from its start. What the
    /// first has is no part of what comes, and who looks for what was seen before knows both by their beginning.
    fn begin_anew(&mut self, header: &Header<'_>, record: &Record<'_>, done: &mut dyn FnMut(Event)) {
        let stamp = Stamp::of(&record.when);
        let is_it = |open: &Open| {
            let ours = &open.event;
            open.kind == Kind::Oom
                && !open.ended
                && stamp.boot_us.is_some()
                && ours.when == stamp
                && ours.lines.header.is_some()
                && ours.trigger.comm == header.comm.map(open::text)
                && (ours.trigger.gfp_mask, ours.trigger.order) == (header.gfp_mask, header.order)
                && open.caller == record.caller
                && whose::is_of_machine(open, record)
        };
        while let Some(at) = self.opens.iter().position(is_it) {
            let open = self.opens.remove(at);
            self.close(open, done);
        }
    }

    /// The machine starts: its reports have ended.
    fn boot(&mut self, record: &Record<'_>, done: &mut dyn FnMut(Event)) {
        self.number -= 1;
        let is_ended = |open: &mut Open| whose::is_before_boot(open, record);
        let ended: Vec<Open> = self.opens.extract_if(.., is_ended).collect();
        for open in ended {
            self.close(open, done);
        }
    }

    /// Messages are missing.
    fn lost(&mut self, lost: Lost, at: Position) {
        // Of a report that was held back the kill line is there: then it is an event that says what it lacks.
        let told = if lost.place == Place::Reports { lost.count.unwrap_or(0).min(self.bare) } else { 0 };
        self.bare -= told;
        let rest = Lost { count: lost.count.map(|count| count - told), ..lost };
        if rest.count != Some(0) {
            self.net.lost(rest, at);
        }
        for open in &mut self.opens {
            hole::note(open, lost);
        }
    }

    /// Somebody cut lines out here: of a table that has begun, it may be rows.
    fn cut(&mut self) {
        self.number -= 1;
        for open in &mut self.opens {
            let is_table = matches!(open.step, Step::Columns | Step::Rows);
            open.rows_lost |= is_table && !open.ended;
        }
    }

    /// A log that has each line twice has this one twice.
    fn is_said_again(&self, memcg: &[u8]) -> bool {
        let said = |open: &Open| open.event.group_memcg.as_deref() == Some(&*open::text(memcg));
        self.opens.iter().any(said)
    }

    /// Whether it is known that one of that pid has died, the last one: pids come again. Whoever reaps one of whom no line tells has what
    /// is left of a report that was lost.
    fn is_reaped(&mut self, pid: u64, record: &Record<'_>) -> bool {
        let is_known = self.is_reaped_of(pid, record);
        let is_victim = |open: &&mut Open| open.victim_pid() == Some(pid) && whose::is_of_machine(open, record);
        if let Some(open) = self.opens.iter_mut().rev().find(is_victim) {
            open.event.reaped = true;
        }
        is_known
    }

    fn is_reaped_of(&self, pid: u64, record: &Record<'_>) -> bool {
        let is_one = |open: &Open| {
            let is_victim = open.victim_pid() == Some(pid);
            let is_dead = is_victim || open.event.group.iter().any(|task| task.pid == pid);
            is_dead && whose::is_of_machine(open, record)
        };
        let is_full = |open: &Open| open.event.group.len() >= Event::GROUP;
        self.opens.iter().any(is_one) || self.dead.contains(&pid) || self.opens.iter().any(is_full)
    }

    /// Hands an event on, and remembers whom it killed.
    fn close(&mut self, open: Open, done: &mut dyn FnMut(Event)) {
        let (rows, lines) = (open.brief.len() as u64, open.event.lines);
        if let Some(event) = finish::event(open) {
            self.kills.note(&event);
            let victim = event.victim.iter().map(|victim| victim.task.pid);
            for pid in victim.chain(event.group.iter().map(|task| task.pid)) {
                if self.dead.len() >= DEAD {
                    self.dead.pop_front();
                }
                self.dead.push_back(pid);
            }
            done(event);
        } else if rows > 0 {
            // A table that nothing of a report was before or behind.
            self.net.count(rows, lines.first, lines.last);
        }
    }
}

/// What a record says is missing before it, and is no line of the kernel's: the console's words before another message's prefix, and what who
/// reads the kernel's log says of it, by its identifier or a member of JSON.
fn lost_before(record: &Record<'_>) -> Option<Lost> {
    let before = &record.line[..record.line.len().saturating_sub(record.text.len())];
    if before.starts_with(b"** ") {
        return lost(before);
    }
    let is_reader = || {
        let is_in = |word: &[u8]| memchr::memmem::find(before, word).is_some();
        before.is_empty() || is_in(b"journald") || is_in(b"rsyslogd")
    };
    lost(record.text).filter(|lost| record.origin == Origin::Other && lost.place == Place::Here && is_reader())
}

/// So many kills are known again.
const KILLS: usize = 64;

/// Kills of events that are over, by who died and what that one had: who relays the kernel's words tells of the same.
#[derive(Default)]
struct Kills(VecDeque<(u64, Option<Text>, Option<crate::units::Bytes>)>);

impl Kills {
    const fn new() -> Self {
        Self(VecDeque::new())
    }

    fn note(&mut self, event: &Event) {
        let Some(victim) = event.victim.as_ref() else {
            return;
        };
        if self.0.len() >= KILLS {
            self.0.pop_front();
        }
        self.0.push_back((victim.task.pid, victim.task.comm.clone(), victim.total_vm));
    }

    fn has(&self, killed: &Killed<'_>) -> bool {
        let comm = killed.comm.map(open::text);
        let is_it = |(pid, name, space): &(u64, Option<Text>, Option<crate::units::Bytes>)| {
            *pid == killed.pid && *name == comm && *space == killed.total_vm
        };
        killed.total_vm.is_some() && self.0.iter().any(is_it)
    }
}
