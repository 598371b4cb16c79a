//! The resource limits of the process that are about memory, descriptors and processes: getrlimit(2), `/proc/PID/limits`.

use super::{Completeness, Scene};
use crate::error::{Absent, Source};
use crate::fixed::Fixed;
use crate::parse::limits::{Limit, limit};
use crate::report::{Event, Name, Report, Section, Value};
use crate::units::Bytes;

const LIMITS: &Event = &Event::of_snapshot("memdoor.snapshot.limits", "resource limits");

/// Its resource limits.
pub(super) const SECTION: Section =
    Section { key: "memdoor.snapshot.limits", banner: "##### PROCESS LIMITS INFORMATION #####\n" };

/// What a limit counts.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Count,
}

/// What the kernel calls it, what it counts, and its keys in JSON: soft and hard. An unlimited one is not in JSON.
const ROWS: [(&str, Unit, &str, &str); 7] = [
    (
        "Max address space",
        Unit::Bytes,
        "memdoor.limit.address_space.soft_bytes",
        "memdoor.limit.address_space.hard_bytes",
    ),
    ("Max data size", Unit::Bytes, "memdoor.limit.data.soft_bytes", "memdoor.limit.data.hard_bytes"),
    ("Max stack size", Unit::Bytes, "memdoor.limit.stack.soft_bytes", "memdoor.limit.stack.hard_bytes"),
    ("Max locked memory", Unit::Bytes, "memdoor.limit.locked.soft_bytes", "memdoor.limit.locked.hard_bytes"),
    (
        "Max msgqueue size",
        Unit::Bytes,
        "memdoor.limit.message_queues.soft_bytes",
        "memdoor.limit.message_queues.hard_bytes",
    ),
    ("Max open files", Unit::Count, "memdoor.limit.open_files.soft", "memdoor.limit.open_files.hard"),
    ("Max processes", Unit::Count, "memdoor.limit.processes.soft", "memdoor.limit.processes.hard"),
];

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    let source = Source::process(scene.target.pid, c"limits");
    let text = match scene.target.dir().read(c"limits", scene.buf) {
        Ok(b"") => return Err(scene.target.unsaid(c"limits", true)),
        Ok(text) => text,
        Err(errno) => return Err(scene.target.absent(c"limits", errno)),
    };
    let rows = ROWS.map(|row| {
        let found = limit(text, row.0).ok_or(source.lacks(row.0));
        (row, found, found.map(|(soft, hard)| words(row.1, soft, hard)))
    });
    let facts = rows.each_ref().map(|((name, unit, soft, hard), found, words)| {
        let words = words.as_ref().map_err(|why| *why);
        [
            Name(LIMITS, name, "").is(Value::of(words, |words| Value::Text(words.as_bytes()))),
            Name(LIMITS, "", soft).is(Value::of(*found, |(soft, _)| figure(*unit, soft))),
            Name(LIMITS, "", hard).is(found.map_or(Value::Nothing, |(_, hard)| figure(*unit, hard))),
        ]
    });
    let facts = facts.as_flattened();
    report.facts(facts);
    Ok(Completeness::of(facts))
}

/// `1024, hard 524288`
fn words(unit: Unit, soft: Limit, hard: Limit) -> Fixed<64> {
    let mut words = Fixed::new();
    for (before, limit) in [("", soft), (", hard ", hard)] {
        words.push(before.as_bytes());
        match (limit, unit) {
            (Limit::Unlimited, _) => words.push(b"unlimited"),
            (Limit::At(size), Unit::Bytes) => words.push_dec(Bytes(size).kib()).push(b" kB"),
            (Limit::At(count), Unit::Count) => words.push_dec(count),
        };
    }
    words
}

const fn figure(unit: Unit, limit: Limit) -> Value<'static> {
    match (limit, unit) {
        (Limit::Unlimited, _) => Value::Nothing,
        (Limit::At(size), Unit::Bytes) => Value::Bytes(Bytes(size)),
        (Limit::At(count), Unit::Count) => Value::Count(count),
    }
}
