//! What the mappings add up to, by kind, and which of them have grown since the first snapshot.

use core::fmt::Write;

use crate::fixed::Fixed;
use crate::history::grown::{First, Grower, Growers, KINDS, Kind, Largest, SHOWN, SMALLEST};
use crate::parse::maps::Mapping;
use crate::report::Event::Mapped;
use crate::report::{Fact, Name, Report, Value};
use crate::units::Bytes;

const BY_KIND: Name = Name(Mapped, "Mappings By Kind (SIZE)", "");
const GROWN: Name = Name(Mapped, "Mapping Grown Since First Snapshot", "");
const GROWERS: Name = Name(Mapped, "", "memdoor.grown.mappings");
const START: Name = Name(Mapped, "", "start");
const END: Name = Name(Mapped, "", "end");
const KIND: Name = Name(Mapped, "", "kind");
const SIZE: Name = Name(Mapped, "", "size_bytes");
const BY: Name = Name(Mapped, "", "grown_bytes");

const ALL: [(Kind, Name); KINDS] = [
    (Kind::Heap, Name(Mapped, "", "memdoor.mapped.heap_bytes")),
    (Kind::Anon, Name(Mapped, "", "memdoor.mapped.anon_bytes")),
    (Kind::Stack, Name(Mapped, "", "memdoor.mapped.stack_bytes")),
    (Kind::File, Name(Mapped, "", "memdoor.mapped.file_bytes")),
    (Kind::Shm, Name(Mapped, "", "memdoor.mapped.shm_bytes")),
    (Kind::Other, Name(Mapped, "", "memdoor.mapped.other_bytes")),
];

/// What has been added up so far.
pub(super) struct Tally {
    sizes: [Bytes; KINDS],
    seen: Seen,
    /// Of the first snapshot.
    largest: Largest,
    /// Of a later one.
    growers: Growers,
}

/// Whether there was a snapshot before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
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
            sizes: [Bytes(0); KINDS],
            seen: match first {
                None => Seen::Once,
                Some(First { mappings: None, .. }) => Seen::First,
                Some(_) => Seen::Since,
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
            Seen::First => self.largest.note(mapping.start, mapping.end),
            Seen::Since if mapping.size().0 >= SMALLEST => {
                let then = first.and_then(|first| first.mappings.as_ref());
                let by = then.map_or(0, |then| then.growth(mapping.start, mapping.end));
                if by > 0 {
                    self.growers.note(Grower {
                        start: mapping.start,
                        end: mapping.end,
                        kind,
                        by: Bytes(by),
                    });
                }
            }
            _ => {}
        }
    }

    /// All mappings were added.
    pub(super) fn report(&self, first: Option<&mut First>, report: &mut dyn Report) {
        let sizes = ALL.map(|(kind, name)| {
            let size = self.sizes.get(kind as usize).copied();
            name.is(size.map_or(Value::Nothing, Value::Bytes))
        });
        let mut words = Fixed::<192>::new();
        for ((kind, _), size) in ALL.into_iter().zip(self.sizes) {
            let comma = if words.as_bytes().is_empty() {
                ""
            } else {
                ", "
            };
            // A Fixed never returns an error: it cuts.
            let _ = write!(words, "{comma}{} {} kB", kind.name(), size.kib());
        }
        put(Value::Text(words.as_bytes()), sizes, &self.growers, report);
        if let (Seen::First, Some(first)) = (self.seen, first) {
            first.mappings = Some(self.largest);
        }
    }
}

fn put(words: Value<'_>, sizes: [Fact<'_>; KINDS], growers: &Growers, report: &mut dyn Report) {
    let shown = growers.all();
    let addresses = shown.map(|grower| {
        let hex = |address: Option<u64>| {
            let mut text = Fixed::<20>::new();
            let _ = write!(text, "{:x}", address.unwrap_or(0));
            text
        };
        [
            hex(grower.map(|grower| grower.start)),
            hex(grower.map(|grower| grower.end)),
        ]
    });
    let texts = shown.map(|grower| grower.as_ref().map(line).unwrap_or_default());
    let mut objects = [[KIND.is(Value::Nothing); 5]; SHOWN];
    let mut count = 0;
    for ((object, grower), [start, end]) in objects.iter_mut().zip(shown).zip(&addresses) {
        let Some(grower) = grower else { break };
        *object = [
            START.is(Value::Text(start.as_bytes())),
            END.is(Value::Text(end.as_bytes())),
            KIND.is(Value::Words(grower.kind.name())),
            SIZE.is(Value::Bytes(Bytes(grower.end - grower.start))),
            BY.is(Value::Bytes(grower.by)),
        ];
        count += 1;
    }
    let lists = objects.each_ref().map(<[_; 5]>::as_slice);
    let list = match lists.get(..count) {
        Some(list) if count > 0 => Value::Objects(list),
        _ => Value::Nothing,
    };
    let [heap, anon, stack, file, shm, other] = sizes;
    let facts = [
        BY_KIND.is(words),
        heap,
        anon,
        stack,
        file,
        shm,
        other,
        GROWERS.is(list),
    ];
    report.facts(&facts);
    for text in texts.iter().take(count) {
        report.facts(&[GROWN.is(Value::Text(text.as_bytes()))]);
    }
}

/// `00007f3b39e01000-00007f3b3de02000 anon, 65540 kB, by 61444 kB`
fn line(grower: &Grower) -> Fixed<96> {
    let (start, end) = (grower.start, grower.end);
    let (kind, size) = (grower.kind.name(), Bytes(end - start).kib());
    let mut words = Fixed::new();
    let _ = write!(
        words,
        "{start:016x}-{end:016x} {kind}, {size} kB, by {} kB",
        grower.by.kib()
    );
    words
}
