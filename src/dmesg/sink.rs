//! From events to what is shown: named, dated, those seen before left out, filtered, counted.

use super::filter::{Filter, Verdict};
use super::queue::{End, Queue, Waiting};
use super::reach::Reach;
use super::trouble::Troubles;
use super::{id, words};
use crate::oomlog::event::{Event, Outcome, Position};
use crate::oomlog::moment::{self, Moment, Reference};
use crate::oomlog::report::{Found, Lack, Run, Show};
use crate::oomlog::seen::{self, Known, Seen, Where};
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
        (self.pieces.len() as Position - 1) * PIECE
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
    pub(super) queue: Queue,
    /// Logs of which nothing was read because others have to.
    pub(super) unread: u64,
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
        let verdict = self.filter.judge(&event, wall, reference.latest_us);
        let Some(end) = self.news(&event, wall, log.number, verdict) else {
            return;
        };
        match verdict {
            Verdict::Shown => {}
            Verdict::Undated => self.run.undated += 1,
            Verdict::LeftOut => {
                self.run.left_out += 1;
                return;
            }
        }
        self.queue.push(Waiting {
            event,
            source: source.clone(),
            wall_us: wall.map(|wall| wall.us),
            machine: log.machine.clone(),
            end,
        });
        while let Some(waiting) = self.queue.next() {
            self.show(&waiting);
        }
    }

    /// `None` for an event that is known, or whose end is. One that is left out is not remembered for later runs: they may ask for it.
    fn news(&mut self, event: &Event, wall: Option<Moment>, log: u32, verdict: Verdict) -> Option<End> {
        let note = match verdict {
            Verdict::LeftOut => Seen::note_left_out,
            Verdict::Shown | Verdict::Undated => Seen::note,
        };
        let known = note(&mut self.seen, seen::print(event, wall), Where::Log(log));
        self.count_known(known)?;
        let Some(beginning) = seen::beginning(event, wall) else {
            return Some(End::Known);
        };
        let known = note(&mut self.seen, beginning, Where::Log(log));
        if event.outcome != Outcome::Unknown {
            self.run.repeated += self.queue.forget(beginning.who);
            return Some(End::Known);
        }
        self.count_known(known)?;
        // Who follows the live log waits for it, and for no other.
        Some(match self.flush {
            Flush::Event => End::Known,
            Flush::Full => End::Elsewhere(beginning.who),
        })
    }

    /// Counts an event that is known.
    const fn count_known(&mut self, known: Known) -> Option<()> {
        match known {
            Known::New => return Some(()),
            Known::Repeated => self.run.repeated += 1,
            Known::Earlier => self.run.left_out += 1,
        }
        None
    }

    fn show(&mut self, waiting: &Waiting) {
        self.shown += 1;
        let found = Found {
            event: &waiting.event,
            source: &waiting.source,
            id: &id::of(&waiting.event),
            wall_us: waiting.wall_us,
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
            self.show(&waiting);
        }
    }

    /// Nothing more can be written: there is no use in reading on.
    pub(super) const fn broken(&self) -> Option<Broken> {
        self.out.broken()
    }

    /// There are no more events.
    pub(super) fn end(&mut self, lacks: &[Lack]) {
        if self.run.undated > 0 {
            let count = self.run.undated;
            words::line(|out| {
                out.put_dec(count);
                out.put(if count == 1 { b" event" } else { b" events" });
                out.put(b" shown whose time nothing tells: the log has only times since boot, or none");
            });
        }
        self.show.end(&self.run, lacks, &mut self.out);
        self.out.flush();
    }
}
