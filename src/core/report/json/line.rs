//! One line: the envelope, then facts.
//!
//! Keys and values come as two lists of one length wherever many are alike: a list of facts, each with its key and the kind of its
//! value, takes five times the code to put together.

use super::{Envelope, put_object};
use crate::fixed::Fixed;
use crate::report::time::{Precision, rfc3339};
use crate::report::{Event, Fact, Moment, Name, Value};
use crate::sys::clock::Now;
use crate::sys::out::Out;
use crate::units::Bytes;

/// Facts of one line: an event has at most 48, the envelope 14.
const FACTS_MAX: usize = 65;

/// The texts that every line begins with.
const ENVELOPE: [&str; 12] = [
    "schema",
    "timestamp",
    "event_name",
    "severity_text",
    "message",
    "host.name",
    "host.id",
    "host.arch",
    "host.boot.id",
    "os.type",
    "os.version",
    "memdoor.version",
];

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
        let subject = Subject { event, severity: ("INFO", 9), message: message.as_bytes() };
        Line::new(self.envelope, &self.timestamp, &subject)
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// event_name
    pub event: &'s str,
    /// OpenTelemetry's text and number.
    pub severity: (&'s str, u64),
    /// For people.
    pub message: &'s [u8],
}

impl<'f> Line<'f> {
    /// A line with its envelope.
    #[must_use]
    pub fn new(envelope: &'f Envelope, timestamp: &'f Fixed<32>, subject: &Subject<'f>) -> Self {
        let mut line = Self { all: [Name(Event::Begin, "", "").is(Value::Nothing); FACTS_MAX], length: 0 };
        let values: [&[u8]; 12] = [
            b"memdoor/1",
            timestamp.as_bytes(),
            subject.event.as_bytes(),
            subject.severity.0.as_bytes(),
            subject.message,
            envelope.host.as_bytes(),
            envelope.host_id.as_bytes(),
            envelope.arch.as_bytes(),
            envelope.boot_id.as_bytes(),
            b"linux",
            envelope.release.as_bytes(),
            env!("CARGO_PKG_VERSION").as_bytes(),
        ];
        line.texts(&ENVELOPE, &values);
        line.push("severity_number", Value::Count(subject.severity.1));
        if let Some(why) = envelope.others {
            line.push("processes of other users", Value::Absent(why));
        }
        if let Some(why) = envelope.groups {
            line.push("limits of cgroups", Value::Absent(why));
        }
        line
    }

    /// Appends a fact.
    pub fn push(&mut self, key: &'static str, value: Value<'f>) {
        if let Some(slot) = self.all.get_mut(self.length) {
            *slot = Name(Event::Begin, "", key).is(value);
            self.length += 1;
        }
    }

    /// Appends texts, but those that are empty.
    pub fn texts(&mut self, keys: &[&'static str], values: &[&'f [u8]]) {
        for (key, value) in keys.iter().zip(values).filter(|text| !text.1.is_empty()) {
            self.push(key, Value::Text(value));
        }
    }

    /// Appends numbers, but those that are not known.
    pub fn numbers(&mut self, keys: &[&'static str], values: &[Option<i64>]) {
        for (key, value) in keys.iter().zip(values) {
            if let Some(number) = value {
                self.push(key, Value::Int(*number));
            }
        }
    }

    /// Writes it.
    pub fn put(&self, out: &mut Out<'_>) {
        put_object(out, self.all.get(..self.length).unwrap_or_default());
        out.put(b"\n");
    }
}

/// A size as JSON has it: in bytes.
#[must_use]
pub fn bytes(size: Option<Bytes>) -> Option<i64> {
    i64::try_from(size?.0).ok()
}
