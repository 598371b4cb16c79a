//! One line: the envelope, then facts.

use super::{Envelope, put_object};
use crate::fixed::Fixed;
use crate::report::field::{Field, Rows};
use crate::report::time::{Precision, rfc3339};
use crate::report::{Event, Fact, Moment, Name, Severity, Value};
use crate::sys::clock::Now;
use crate::sys::out::Out;

/// Facts of one line: an event has at most 48, the envelope 14.
const FACTS_MAX: usize = 65;

/// Which line a fact is of is settled by then.
const ANY: &Event = &Event::of_snapshot("", "");
const NONE: Fact<'static> = Name(ANY, "", "").is(Value::Nothing);

/// Facts that have a value or a reason, as many as there is room for.
pub struct Line<'f> {
    all: [Fact<'f>; FACTS_MAX],
    length: usize,
}

/// What all lines of one moment have.
#[derive(Debug)]
pub struct Samples<'e> {
    envelope: &'e Envelope,
    timestamp: Fixed<32>,
}

impl<'e> Samples<'e> {
    /// Those of `now`.
    #[must_use]
    pub fn at(envelope: &'e Envelope, now: &Now) -> Self {
        let moment = Moment::now(now);
        Self { envelope, timestamp: rfc3339(moment.utc, moment.micros, Precision::Micros) }
    }

    /// A line of information.
    #[must_use]
    pub fn line<'s>(&'s self, event: &'s str, message: &'s str) -> Line<'s> {
        self.line_of(&Subject { event, severity: Severity::Info, message: message.as_bytes() })
    }

    /// A line.
    #[must_use]
    pub fn line_of<'s>(&'s self, subject: &Subject<'s>) -> Line<'s> {
        Line::new(self.envelope, &self.timestamp, subject)
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// event_name
    pub event: &'s str,
    /// How bad it is.
    pub severity: Severity,
    /// For people.
    pub message: &'s [u8],
}

impl<'f> Line<'f> {
    /// A line with its envelope.
    #[must_use]
    pub(super) fn new(envelope: &'f Envelope, timestamp: &'f Fixed<32>, subject: &Subject<'f>) -> Self {
        let mut line = Self { all: [NONE; FACTS_MAX], length: 0 };
        for (key, text) in [
            ("schema", &b"memdoor/1"[..]),
            ("timestamp", timestamp.as_bytes()),
            ("event_name", subject.event.as_bytes()),
            ("severity_text", subject.severity.text().as_bytes()),
            ("message", subject.message),
            ("host.name", envelope.host.as_bytes()),
            ("host.id", envelope.host_id.as_bytes()),
            ("host.arch", envelope.arch.as_bytes()),
            ("host.boot.id", envelope.boot_id.as_bytes()),
            ("os.type", b"linux"),
            ("os.version", envelope.release.as_bytes()),
            ("memdoor.version", env!("CARGO_PKG_VERSION").as_bytes()),
        ] {
            line.push(key, Value::text_or_nothing(text));
        }
        line.push("severity_number", Value::Count(subject.severity.number()));
        if let Some(why) = envelope.others {
            line.push("processes of other users", Value::Absent(why));
        }
        if let Some(why) = envelope.groups {
            line.push("limits of cgroups", Value::Absent(why));
        }
        line
    }

    /// Appends a fact, unless it has no key or is known to be none.
    pub fn push(&mut self, key: &'static str, value: Value<'f>) {
        let is_there = !key.is_empty() && !matches!(value, Value::Nothing);
        if let (true, Some(slot)) = (is_there, self.all.get_mut(self.length)) {
            *slot = Name(ANY, "", key).is(value);
            self.length += 1;
        }
    }

    /// Appends what a row has of `fields`.
    pub fn row<R: Rows>(&mut self, fields: &[Field<R>], row: &'f R::Row<'f>) {
        for field in fields {
            self.push(field.key, field.of(row));
        }
    }

    /// Writes it.
    pub fn put(&self, out: &mut Out<'_>) {
        put_object(out, self.all.get(..self.length).unwrap_or_default());
        out.put(b"\n");
    }
}
