//! Events that wait until all logs are read: another log may have the same one, and know more of it.
//!
//! dmesg has times since boot alone and syslog the time of day; a kill line that stands alone names no cgroup and the report in another
//! log does; a log that was cut ends before the kill. Which log comes first is no reason to know less. So what is asked for is held
//! against an event when it leaves, and not when it comes.
//!
//! They leave by the wall clock, the earliest first, whichever log was read first: what is said last is the latest. So far as there is room
//! for all of them, this is the order of all; beyond it, those that stay are the latest. What nothing dates comes before all that has a
//! time, in the order in which it was read ([`Placed`]).
use std::collections::VecDeque;

use crate::oomlog::event::{Event, Outcome, Row, Text, Trigger, Zone};
use crate::oomlog::moment::{By, Moment};
use crate::report::json::Envelope;

/// What those that wait take at most, in bytes: then the oldest leaves. One takes 2 to 10 KB, or 128 KiB with the names of a group.
const MOST: usize = 2 << 20;
/// The same where there is one log, which has an event twice near to each other.
const MOST_OF_ONE: usize = 128 << 10;

/// So many other logs that have an event are named, with so many bytes at most: a line of JSON is no longer than 16 KiB.
const ALSO: usize = 4;
const ALSO_LENGTH: usize = 512;

/// An event that is to be shown.
pub(super) struct Waiting {
    pub(super) event: Event,
    pub(super) source: Vec<u8>,
    /// Other logs that have it, the first few of them.
    pub(super) also: Vec<Vec<u8>>,
    pub(super) wall: Option<Moment>,
    /// Where it stands among the others: its wall clock, or that of what its log has before it.
    pub(super) at_us: Option<i64>,
    /// When the log was last written to: it holds nothing later.
    pub(super) latest_us: i64,
    pub(super) machine: Option<Envelope>,
    /// Under which numbers it, its beginning, and what other logs have of it are remembered.
    pub(super) numbers: Vec<u32>,
}

/// The event that a log had before, for where its next one stands.
#[derive(Default)]
pub(super) struct Placed {
    log: u32,
    host: Option<Text>,
    boot_us: Option<u64>,
    at_us: Option<i64>,
}

/// So far a wall clock goes back while the machine runs on: the end of summer time, and a clock that was set right.
const SET_BACK_US: i64 = 2 * 3_600_000_000;

impl Placed {
    /// Where the next event of a log stands: at its wall clock. What has none stands behind the one before it in its log, and so does one
    /// that was later by the time since boot, and not by a wall clock that was set back in between.
    pub(super) fn next(&mut self, log: u32, event: &Event, wall: Option<Moment>) -> Option<i64> {
        let wall_us = wall.map(|wall| wall.us);
        let before = self.at_us.filter(|_| self.log == log && self.host == event.host);
        let is_later = self.boot_us.zip(event.when.boot_us).is_some_and(|(one, other)| one <= other);
        let at_us = match (before, wall_us) {
            (Some(before), Some(now)) if is_later && now < before && before - now <= SET_BACK_US => Some(before),
            (before, None) => before,
            (_, now) => now,
        };
        *self = Self { log, host: event.host.clone(), boot_us: event.when.boot_us, at_us };
        at_us
    }
}

/// Those that wait, the earliest first.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    logs: Logs,
}

/// How many logs there are to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Logs {
    #[default]
    One,
    Several,
}

impl Queue {
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.bytes();
        // Of one time they stay as they came.
        let at = self.waiting.partition_point(|other| other.at_us <= waiting.at_us);
        self.waiting.insert(at, waiting);
    }

    /// There is more than one log to read.
    pub(super) const fn expect_several(&mut self) {
        self.logs = Logs::Several;
    }

    /// The next one, when there is no room for all of them.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        let most = match self.logs {
            Logs::One => MOST_OF_ONE,
            Logs::Several => MOST,
        };
        if self.bytes <= most { None } else { self.last() }
    }

    /// The next one: no more logs come.
    pub(super) fn last(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.bytes();
        Some(first)
    }

    /// Whether the event that is remembered under this number is still here.
    pub(super) fn has(&self, number: u32) -> bool {
        self.waiting.iter().any(|one| one.numbers.contains(&number))
    }

    /// Takes over what another log says of the event that is remembered under this number, unless that has left.
    pub(super) fn learn(&mut self, number: u32, again: Waiting) {
        let Some(at) = self.waiting.iter().position(|one| one.numbers.contains(&number)) else {
            return;
        };
        let Some(mut one) = self.waiting.remove(at) else {
            return;
        };
        self.bytes -= one.bytes();
        one.learn(again);
        self.push(one);
    }
}

impl Waiting {
    /// About what it takes.
    fn bytes(&self) -> usize {
        /// Of a name or a path on the heap.
        const TEXT: usize = 64;
        let event = &self.event;
        let (table, machine) = (&event.table, &event.machine);
        let rows = table.top.len() + table.top_with_swap.len() + table.worst.len();
        let counts =
            machine.counts.len() + event.counters.stats.len() + machine.slabs.len() + machine.allocations.len();
        size_of::<Self>()
            + rows * (size_of::<Row>() + TEXT)
            + machine.zones.len() * (size_of::<Zone>() + TEXT)
            + (event.group.len() + counts + machine.nodes.len()) * 2 * TEXT
            + self.also.iter().map(Vec::len).sum::<usize>()
            + [&event.memcg, &event.task_memcg].into_iter().flatten().map(Vec::len).sum::<usize>()
    }

    /// Takes over what another log says of the same event. The one that lacks less stays, with its log and its lines; the other gives what
    /// that one does not say, but for what rests on lines of its own.
    fn learn(&mut self, mut again: Self) {
        if again.lacks() < self.lacks() {
            core::mem::swap(self, &mut again);
        }
        self.numbers.append(&mut again.numbers);
        for source in core::iter::once(again.source).chain(again.also) {
            if self.also.len() < ALSO
                && source.len() <= ALSO_LENGTH
                && source != self.source
                && !self.also.contains(&source)
            {
                self.also.push(source);
            }
        }
        let wall = surer(self.wall, again.wall);
        // dmesg without the time of day stands where syslog has it.
        self.at_us = if wall == self.wall { self.at_us.or(again.at_us) } else { again.at_us.or(self.at_us) };
        self.wall = wall;
        self.latest_us = self.latest_us.min(again.latest_us);
        self.machine = self.machine.take().or(again.machine);
        let (ours, theirs) = (&mut self.event, again.event);
        ours.when.boot_us = ours.when.boot_us.or(theirs.when.boot_us);
        ours.host = ours.host.take().or(theirs.host);
        ours.boot_id = ours.boot_id.take().or(theirs.boot_id);
        ours.release = ours.release.take().or(theirs.release);
        if ours.memcg.is_none() && ours.task_memcg.is_none() {
            (ours.memcg, ours.task_memcg) = (theirs.memcg, theirs.task_memcg);
        }
        if ours.known_by.is_none() {
            (ours.constraint, ours.known_by) = (theirs.constraint, theirs.known_by);
        }
        if ours.trigger == Trigger::default() {
            ours.trigger = theirs.trigger;
        }
        ours.reaped |= theirs.reaped;
    }

    /// How much it does not say.
    fn lacks(&self) -> (bool, usize) {
        (self.event.outcome == Outcome::Unknown, self.event.missing.len())
    }
}

/// The moment that is known better: a log with year and zone, then the clocks of the machine that it is of.
fn surer(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    let doubt = |moment: &Moment| match moment.by {
        By::Log => 0,
        By::Clock => 1,
        By::Guess => 2,
    };
    // Of two that are as good it is the first.
    one.into_iter().chain(other).min_by_key(doubt)
}
