//! What the mappings add up to, by kind, and which of them have grown since the first snapshot.

use crate::history::grown::{First, Grower, Growers, Kind, Largest, SMALLEST};
use crate::parse::maps::Mapping;
use crate::report::{self, Event, Name, Report, Row, Value};
use crate::units::Bytes;

const MAPPED: &Event = &Event::of_snapshot("memdoor.snapshot.mapped", "mappings by kind");

/// What the mappings of a kind are called together.
const fn name(kind: Kind) -> Name {
    let (label, key) = match kind {
        Kind::Heap => ("Mapped Heap (SIZE)", "memdoor.mapped.heap_bytes"),
        Kind::Anon => ("Mapped Anonymous Memory (SIZE)", "memdoor.mapped.anon_bytes"),
        Kind::Stack => ("Mapped Stack (SIZE)", "memdoor.mapped.stack_bytes"),
        Kind::File => ("Mapped Files (SIZE)", "memdoor.mapped.file_bytes"),
        Kind::Shm => ("Mapped Shared Memory (SIZE)", "memdoor.mapped.shm_bytes"),
        Kind::Other => ("Mapped Otherwise (SIZE)", "memdoor.mapped.other_bytes"),
    };
    Name(MAPPED, label, key)
}

/// What has been added up so far.
pub(super) struct Tally {
    sizes: [Bytes; Kind::COUNT],
    seen: Comparison,
    /// Of the first snapshot.
    largest: Largest,
    /// Of a later one.
    growers: Growers,
}

/// Whether there was a snapshot before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// One process is looked at once.
    Once,
    /// This is the first one.
    First,
    /// There was.
    Since,
}

impl Tally {
    pub(super) const fn new(first: Option<&First>) -> Self {
        Self {
            sizes: [Bytes(0); Kind::COUNT],
            seen: match first {
                None => Comparison::Once,
                Some(First { mappings: None, .. }) => Comparison::First,
                Some(_) => Comparison::Since,
            },
            largest: Largest::new(),
            growers: Growers::none(),
        }
    }

    /// Adds one, of which there may be 65,530.
    pub(super) fn add(&mut self, mapping: &Mapping<'_>, first: Option<&First>) {
        let kind = Kind::of(mapping.path);
        if let Some(sum) = self.sizes.get_mut(kind as usize) {
            *sum = sum.plus(mapping.size());
        }
        match self.seen {
            Comparison::First => self.largest.note(mapping.start, mapping.end),
            Comparison::Since if mapping.size().0 >= SMALLEST => {
                let then = first.and_then(|first| first.mappings.as_ref());
                let by = then.map_or(0, |then| then.growth(mapping.start, mapping.end));
                if by > 0 {
                    self.growers.note(Grower { start: mapping.start, end: mapping.end, kind, by: Bytes(by) });
                }
            }
            _ => {}
        }
    }

    /// All mappings were added.
    pub(super) fn report(&self, first: Option<&mut First>, report: &mut dyn Report) {
        report.facts(&Kind::ALL.map(|kind| name(kind).is(Value::Bytes(self.sizes[kind as usize]))));
        for grower in self.growers.all().iter().flatten() {
            report.row(Row::Grower(&report::Grower {
                start: grower.start,
                end: grower.end,
                kind: grower.kind.name(),
                by: grower.by,
            }));
        }
        if let (Comparison::First, Some(first)) = (self.seen, first) {
            first.mappings = Some(self.largest);
        }
    }
}
