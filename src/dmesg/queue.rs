//! Events that may be the start of one that another log has whole: they are shown when nothing better came.
//!
//! What follows such an event waits, too: events are shown in the order of the logs.
use std::collections::VecDeque;

use crate::oomlog::event::Event;
use crate::report::json::Envelope;

/// Events that wait at most: each may take 64 KiB, for the names of a group.
const MOST: usize = 32;

/// An event that is to be shown.
pub(super) struct Waiting {
    pub(super) event: Event,
    pub(super) source: Vec<u8>,
    pub(super) wall_us: Option<i64>,
    pub(super) machine: Option<Envelope>,
    pub(super) end: End,
}

/// What is known of an event's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// All that there will be.
    Known,
    /// Another log may have it, of the report that begins like this.
    Elsewhere(u64),
}

/// Those that wait, in their order.
#[derive(Default)]
pub(super) struct Queue(VecDeque<Waiting>);

impl Queue {
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.0.push_back(waiting);
    }

    /// The next one, when nothing holds it back.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        let first = self.0.front()?;
        if first.end != End::Known && self.0.len() <= MOST {
            return None;
        }
        self.0.pop_front()
    }

    /// The next one: no more logs come.
    pub(super) fn last(&mut self) -> Option<Waiting> {
        self.0.pop_front()
    }

    /// Forgets what begins like this, because the whole of it has come; says how many that were.
    pub(super) fn forget(&mut self, beginning: u64) -> u64 {
        let before = self.0.len();
        self.0.retain(|waiting| waiting.end != End::Elsewhere(beginning));
        (before - self.0.len()) as u64
    }
}
