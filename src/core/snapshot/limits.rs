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
    let rows = ROWS.map(|row| (row, limit(text, row.0).ok_or(source.lacks(row.0))));
    let words = rows.map(|((_, unit, ..), found)| found.map(|(soft, hard)| words(unit, soft, hard)));
    let mut facts = [Name(LIMITS, "", "").is(Value::Nothing); 3 * ROWS.len()];
    for ((facts, words), ((name, unit, soft, hard), found)) in facts.chunks_exact_mut(3).zip(&words).zip(rows) {
        let of = |pick: fn((Limit, Limit)) -> Limit| found.map_or(Value::Nothing, |found| figure(unit, pick(found)));
        let text = words.as_ref().map_or_else(|why| Value::Absent(*why), |words| Value::Text(words.as_bytes()));
        let named = [
            Name(LIMITS, name, "").is(text),
            Name(LIMITS, "", soft).is(found.err().map_or_else(|| of(|(soft, _)| soft), Value::Absent)),
            Name(LIMITS, "", hard).is(of(|(_, hard)| hard)),
        ];
        facts.copy_from_slice(&named);
    }
    report.facts(&facts);
    Ok(Completeness::of(&facts))
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
