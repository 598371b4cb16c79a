//! From events to what is shown: named, dated, those seen before left out, filtered, counted.
use core::fmt::Write;

use super::filter::{Filter, Unknown, Verdict};
use super::queue::{Placed, Queue, Waiting};
use super::reach::Reach;
use super::trouble::Troubles;
use super::units::Units;
use super::{id, words};
use crate::oomlog::analysis::plural;
use crate::oomlog::event::{Event, Outcome, Position};
use crate::oomlog::moment::{self, Reference};
use crate::oomlog::record::Record;
use crate::oomlog::report::{Found, Lack, Run, Show};
use crate::oomlog::seen::{self, Known, Noted, Seen, Where};
use crate::report::json::Envelope;
use crate::sys::out::{Broken, Out};

/// What is added to the position of a line for each piece of a rotated log: no piece has as many.
const PIECE: Position = 1 << 40;

/// The log that is read: its pieces, oldest first.
#[derive(Default)]
pub(super) struct Log {
    /// Which one of this run it is.
    number: u32,
    pieces: Vec<(Vec<u8>, Reference)>,
    /// The machine, when it is this one.
    pub(super) machine: Option<Envelope>,
}

impl Log {
    /// Another log begins.
    pub(super) fn next(&mut self) {
        self.number += 1;
    }

    /// It has ended.
    pub(super) fn end(&mut self) {
        self.pieces.clear();
        self.machine = None;
    }

    /// The name of its last piece.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.pieces.last().map(|(name, _)| name.as_slice())
    }

    /// Another piece of it begins; what is added to the positions in it.
    pub(super) fn piece(&mut self, name: &[u8], reference: Reference) -> Position {
        self.pieces.push((name.into(), reference));
        self.start()
    }

    /// What is added to the positions in the last piece.
    pub(super) const fn start(&self) -> Position {
        (self.pieces.len() as Position).saturating_sub(1) * PIECE
    }

    /// What its times are held against has changed.
    pub(super) fn date(&mut self, now: Reference) {
        if let Some((_, reference)) = self.pieces.last_mut() {
            *reference = now;
        }
    }

    /// The piece where the event ended. Of lines in pieces before it nothing is kept: they are in another file.
    fn settle(&self, event: &mut Event) -> Option<&(Vec<u8>, Reference)> {
        let lines = &mut event.lines;
        let end = lines.end.unwrap_or(lines.last);
        let index = end / PIECE;
        let here = |at: Position| (at / PIECE == index).then_some(at % PIECE);
        for line in [
            &mut lines.header,
            &mut lines.usage,
            &mut lines.stats,
            &mut lines.machine,
            &mut lines.swap,
            &mut lines.table,
            &mut lines.summary,
            &mut lines.selected,
            &mut lines.end,
        ] {
            *line = line.and_then(here);
        }
        lines.first = here(lines.first).unwrap_or(1);
        lines.last = here(lines.last).unwrap_or(end % PIECE);
        self.pieces.get(usize::try_from(index).ok()?)
    }
}

/// Where events go.
pub(super) struct Sink<'a, 'b> {
    pub(super) filter: Filter<'a>,
    pub(super) show: Box<dyn Show>,
    pub(super) out: Out<'b>,
    pub(super) run: Run,
    pub(super) seen: Seen,
    pub(super) troubles: Troubles,
    pub(super) reach: Reach,
    pub(super) units: Units,
    pub(super) queue: Queue,
    pub(super) placed: Placed,
    /// Logs of which nothing was read because others have to.
    pub(super) unread: u64,
    /// Events that were read, whatever became of them.
    pub(super) events: u64,
    /// Events that were shown.
    pub(super) shown: u64,
    pub(super) flush: Flush,
}

/// When what was shown is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flush {
    /// When there is enough of it.
    Full,
    /// After each event: somebody waits for it.
    Event,
}

impl Sink<'_, '_> {
    /// Looks at a record that may tell of a kill and is none of the kernel's.
    pub(super) fn see(&mut self, record: &Record<'_>, log: &Log) {
        if let Some((source, reference)) = log.pieces.last() {
            self.units.see(record, source, reference);
        }
    }

    pub(super) fn event(&mut self, mut event: Event, log: &Log) {
        let Some((source, reference)) = log.settle(&mut event) else {
            return;
        };
        // The live log does not say it, and all else does.
        if let (None, Some(machine)) = (&event.boot_id, &log.machine) {
            let boot_id = machine.boot_id.as_bytes();
            event.boot_id = (!boot_id.is_empty()).then(|| boot_id.into());
        }
        let wall = moment::of(&event.when, reference);
        self.reach.note_event(source, wall.map(|wall| wall.us));
        self.events += 1;
        self.units.know(wall.map(|wall| wall.us));
        let waiting = Waiting {
            source: source.clone(),
            also: Vec::new(),
            wall,
            at_us: self.placed.next(log.number, &event, wall),
            latest_us: reference.latest_us,
            machine: log.machine.clone(),
            numbers: Vec::new(),
            event,
        };
        self.wait(waiting, Where::Log(log.number));
        // Who follows the live log waits for each event, and no other log comes.
        while let Some(waiting) = if self.flush == Flush::Event { self.queue.last() } else { self.queue.next() } {
            self.judge(&waiting);
        }
    }

    /// Lets an event wait for what other logs know of it, unless it is known.
    fn wait(&mut self, mut waiting: Waiting, place: Where) {
        let print = seen::print(&waiting.event, waiting.wall);
        let noted = self.seen.note(print, place);
        waiting.numbers.push(noted.number);
        if noted.known != Known::New {
            return self.known(noted, waiting);
        }
        let Some(beginning) = seen::beginning(&waiting.event, waiting.wall) else {
            return self.queue.push(waiting);
        };
        let noted = self.seen.note(beginning, place);
        // Where an earlier run has shown the beginning, its end is news.
        let is_whole = waiting.event.outcome != Outcome::Unknown;
        if noted.known != Known::Earlier {
            waiting.numbers.push(noted.number);
        }
        match noted.known {
            Known::New => self.queue.push(waiting),
            Known::Earlier if is_whole => self.queue.push(waiting),
            Known::Repeated if is_whole && !self.queue.has(noted.number) => self.queue.push(waiting),
            Known::Repeated | Known::Earlier => self.known(noted, waiting),
        }
    }

    /// Counts an event that is known, and takes over what it says besides.
    fn known(&mut self, noted: Noted, waiting: Waiting) {
        if noted.known == Known::Earlier {
            self.run.left_out += 1;
            return;
        }
        self.run.repeated += 1;
        self.queue.learn(noted.number, waiting);
    }

    /// Shows an event, or leaves it out: then it is not remembered for later runs, which may ask for it.
    fn judge(&mut self, waiting: &Waiting) {
        match self.filter.judge(&waiting.event, waiting.wall, waiting.latest_us) {
            Verdict::LeftOut => {
                self.run.left_out += 1;
                for number in &waiting.numbers {
                    self.seen.leave_out(*number, waiting.wall);
                }
            }
            Verdict::Shown(Unknown { time, victim, cgroup }) => {
                self.run.undated += u64::from(time);
                self.run.victim_unknown += u64::from(victim);
                self.run.cgroup_unknown += u64::from(cgroup);
                self.show(waiting);
            }
        }
    }

    fn show(&mut self, waiting: &Waiting) {
        self.shown += 1;
        let found = Found {
            event: &waiting.event,
            source: &waiting.source,
            also: &waiting.also,
            id: &id::of(&waiting.event),
            wall_us: waiting.wall.map(|wall| wall.us),
            at_us: waiting.at_us,
            machine: waiting.machine.as_ref(),
        };
        self.show.event(&found, &mut self.out);
        if self.flush == Flush::Event {
            self.out.flush();
        }
    }

    /// All logs have been read: nothing waits any longer.
    pub(super) fn release(&mut self) {
        while let Some(waiting) = self.queue.last() {
            self.judge(&waiting);
        }
    }

    /// Nothing more can be written: there is no use in reading on.
    pub(super) const fn broken(&self) -> Option<Broken> {
        self.out.broken()
    }

    /// There are no more events.
    pub(super) fn end(&mut self, lacks: &[Lack]) {
        for (count, what) in [
            (self.run.undated, "whose time nothing tells: the log has only times since boot, or none"),
            (self.run.victim_unknown, "whose victim the log does not name: it ends before the kill, or in the name"),
            (self.run.cgroup_unknown, "whose control group the log does not name: a kill line alone has none"),
        ] {
            if count > 0 {
                words::line(|out| {
                    let _ = write!(out, "{count} {} shown {what}", plural(count, "event", "events"));
                });
            }
        }
        self.show.end(&self.run, lacks, &mut self.out);
        self.out.flush();
    }
}
