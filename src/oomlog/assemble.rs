//! Lines of a kernel's log to OOM events: which lines belong together.
//!
//! The kernel prints a report's parts in one order, but the log may begin, end and lack lines anywhere, and reports of several CPUs
//! may be mixed line by line. A line is given to the one open report that can have it; to none when two can, and both say that
//! something is missing. A kill line that no report can have is an event of its own: the kernel limits the rate of reports, not of
//! kills.

extern crate alloc;

mod feed;
mod finish;
mod machine;
mod memcg;
mod open;
mod score;
mod step;
mod tasks;
#[cfg(test)]
mod tests;
mod whose;
mod wrapped;

use alloc::vec::Vec;

use super::escape::lines_of;
use super::event::{Event, Position, Stamp};
use super::record::{Origin, Record};
use super::scan::Part;
use crate::parse::oom_report::{self, Line};
use open::{Kind, Open};
use step::Step;
use whose::{Now, OPEN, Owner, owner};
use wrapped::Wrapped;

/// Lines between a person's asking and the report, which another CPU's may stand between.
const SOON: u64 = 100;

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
    /// Where SysRq f was: a report that begins soon behind it is of it.
    by_hand: Option<u64>,
    wrapped: Wrapped,
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
            by_hand: None,
            wrapped: Wrapped::new(),
        }
    }

    /// Takes a record, of one line or several, and says what it is part of. Events that no later line can change go to `done`, in the
    /// log's order.
    pub fn push(&mut self, record: &Record<'_>, position: Position, done: &mut dyn FnMut(Event)) -> Part {
        // Whoever else uses these words: it did not happen here.
        if record.origin == Origin::Other {
            return Part::Other;
        }
        let before = self.number;
        for part in lines_of(*record) {
            let line = oom_report::line(part.text);
            self.all += 1;
            if line == Line::Other && self.goes_on(&part, position, done) {
                continue;
            }
            self.wrapped.note(&line, &part);
            if line != Line::Other {
                self.number += 1;
                self.take(&line, &part, position, done);
                self.before = Stamp::of(&part.when);
            }
        }
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
                finish::event(self.opens.remove(at)).map(&mut *done);
            } else {
                at += 1;
            }
        }
    }

    /// The log ends here.
    pub fn finish(&mut self, done: &mut dyn FnMut(Event)) {
        for open in self.opens.drain(..) {
            finish::event(open).map(&mut *done);
        }
    }

    fn take(&mut self, line: &Line<'_>, record: &Record<'_>, at: Position, done: &mut dyn FnMut(Event)) {
        if whose::is_back_in_time(&self.opens, &self.before, record) {
            self.spliced = true;
        }
        match line {
            Line::Reaped(pid) => return self.reaped(*pid, record),
            Line::Suppressed(_) => {
                self.number -= 1;
                return;
            }
            Line::Manual => {
                self.number -= 1;
                self.by_hand = Some(self.all);
                return;
            }
            Line::Cut => return self.cut(),
            Line::Boot => return self.boot(record, done),
            Line::Header(_) => return self.begin(Kind::Oom, line, record, at, done),
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
        let owner = owner(&self.opens, record, now, |open| score::score(open, step, line, number));
        match owner {
            Owner::One(index) => self.give(index, step, line, record, at),
            Owner::Many(index, all) => self.share(index, all, step, line, record, at),
            Owner::None => {
                if let Some(kind) = step::alone(line) {
                    self.begin(kind, line, record, at, done);
                } else {
                    // Of no report, and nothing between two lines of one.
                    self.number -= 1;
                }
            }
        }
    }

    fn give(&mut self, index: usize, step: Option<Step>, line: &Line<'_>, record: &Record<'_>, at: Position) {
        let Some(open) = self.opens.get_mut(index) else {
            return;
        };
        open.step = step.unwrap_or(open.step).max(open.step);
        open.touch(record, at, self.number, self.all);
        if let Line::Group(memcg) = line {
            open.event.group_memcg = Some(open::text(memcg));
            return;
        }
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
            self.opens.retain(|open| open.kind != Kind::Maybe || open.caller != record.caller);
        }
        if self.opens.len() >= OPEN {
            let is_empty = |open: &Open| open.kind != Kind::Oom;
            let oldest = self.opens.iter().position(is_empty).unwrap_or(0);
            finish::event(self.opens.remove(oldest)).map(done);
        }
        let mut open = Open::new(kind, record, at, self.number, self.all);
        open.step = step::of(line).unwrap_or(Step::End);
        if matches!(line, Line::Header(_)) {
            let asked = self.by_hand.take();
            open.event.by_hand = asked.is_some_and(|asked| self.all - asked < SOON);
        }
        feed::feed(&mut open, line, at);
        self.opens.push(open);
    }

    /// The machine starts: its reports have ended.
    fn boot(&mut self, record: &Record<'_>, done: &mut dyn FnMut(Event)) {
        self.number -= 1;
        let is_ended = |open: &mut Open| whose::is_before_boot(open, record);
        for open in self.opens.extract_if(.., is_ended) {
            finish::event(open).map(&mut *done);
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

    /// The last one of that pid: pids come again.
    fn reaped(&mut self, pid: u64, record: &Record<'_>) {
        let is_one = |open: &&mut Open| {
            let is_victim = open.victim_pid() == Some(pid);
            let is_dead = is_victim || open.event.group.iter().any(|task| task.pid == pid);
            is_dead && whose::is_of_machine(open, record)
        };
        if let Some(open) = self.opens.iter_mut().rev().find(is_one) {
            open.event.reaped |= open.victim_pid() == Some(pid);
        }
    }
}
