//! A record whose parts come one by one: an object of JSON, an entry of the journal.

use super::escape::without_colour;
use super::event::Position;
use super::feed::LINE;
use super::json::{Value, decode};
use super::prefix;
use super::record::{Caller, Origin, Record, When};
use super::scan::Part;
use crate::parse;

/// What is known of it so far.
#[derive(Default)]
pub(super) struct Entry {
    message: Vec<u8>,
    has_message: bool,
    last: Last,
    /// The line that its message begins on.
    line: Position,
    wall: Vec<u8>,
    host: Vec<u8>,
    boot_id: Vec<u8>,
    when: Times,
    origin: Option<Origin>,
    /// The identifier or the transport, which outrank a level.
    named: Option<Origin>,
    caller: Option<Caller>,
    of_systemd: bool,
}

/// The last member that came.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Last {
    /// The message in numbers, more of which may be on the next lines.
    Numbers,
    #[default]
    Other,
}

#[derive(Default)]
struct Times {
    source_boot_us: Option<u64>,
    boot_us: Option<u64>,
    wall_us: Option<i64>,
}

impl Entry {
    pub(super) fn clear(&mut self) {
        self.message.clear();
        self.has_message = false;
        self.last = Last::Other;
        self.wall.clear();
        self.host.clear();
        self.boot_id.clear();
        self.when = Times::default();
        self.origin = None;
        self.named = None;
        self.caller = None;
        self.of_systemd = false;
    }

    /// What the head of an entry says: the time as it is written, and the boot.
    pub(super) fn begun(&mut self, time: &[u8], boot_id: &[u8]) {
        self.written(time);
        self.when.wall_us = prefix::wall_us(time);
        short(&mut self.boot_id, Value::Bare(boot_id));
    }

    /// More of a message that comes in pieces.
    pub(super) fn append(&mut self, bytes: &[u8], at: Position) {
        if !self.has_message {
            self.line = at;
        }
        let room = LINE.saturating_sub(self.message.len());
        self.message.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.has_message = true;
    }

    /// A member by the names that journald, dmesg, Docker and the collectors of clouds give them.
    pub(super) fn member(&mut self, name: &[u8], value: Value<'_>, at: Position) {
        self.last = Last::Other;
        let (Value::Text(written) | Value::Array(written) | Value::Bare(written)) = value;
        if name == b"SYSLOG_IDENTIFIER" {
            self.of_systemd = written == b"systemd";
        }
        match parse::ascii(name) {
            "MESSAGE" | "msg" | "message" | "log" | "line" | "textPayload" if !self.has_message => {
                decode(value, &mut self.message);
                self.message.truncate(LINE);
                self.line = at;
                self.has_message = true;
                if let Value::Array(_) = value {
                    self.last = Last::Numbers;
                }
            }
            "_TRANSPORT" => {
                self.named = Some(kernel_if(written == b"kernel"));
            }
            "SYSLOG_IDENTIFIER" if self.named.is_none() => {
                self.named = Some(kernel_if(written == b"kernel"));
            }
            "fac" => self.named = Some(kernel_if(written == b"kern")),
            "pri" => {
                if let Some(priority) = parse::dec(written) {
                    self.origin = Some(kernel_if(priority < 8));
                }
            }
            "caller" => self.caller = prefix::caller(written),
            "_SOURCE_MONOTONIC_TIMESTAMP" => self.when.source_boot_us = parse::dec(written),
            "__MONOTONIC_TIMESTAMP" => self.when.boot_us = parse::dec(written),
            "__REALTIME_TIMESTAMP" => {
                self.when.wall_us = parse::dec(written).and_then(|us| i64::try_from(us).ok());
                self.written(written);
            }
            "_HOSTNAME" => short(&mut self.host, value),
            "_BOOT_ID" => short(&mut self.boot_id, value),
            "time" | "timestamp" | "@timestamp" => self.time(value),
            _ => {}
        }
    }

    /// More numbers of an array: journalctl -o json-pretty writes one a line.
    pub(super) fn numbers(&mut self, line: &[u8]) {
        if self.last == Last::Numbers {
            decode(Value::Array(line), &mut self.message);
            self.message.truncate(LINE);
        }
    }

    fn time(&mut self, value: Value<'_>) {
        match value {
            // dmesg: seconds since boot, and then it is the kernel's whole log.
            Value::Bare(number) => {
                self.when.source_boot_us = prefix::seconds(number);
                self.origin = self.origin.or(Some(Origin::Kernel));
            }
            Value::Text(text) => {
                self.when.wall_us = self.when.wall_us.or(prefix::wall_us(text));
                self.written(text);
            }
            Value::Array(_) => {}
        }
    }

    fn written(&mut self, time: &[u8]) {
        self.wall.clear();
        self.wall.extend_from_slice(&time[..time.len().min(64)]);
    }

    pub(super) const fn line(&self) -> Position {
        self.line
    }

    /// Whether there is anything to hand on.
    pub(super) const fn has_message(&self) -> bool {
        self.has_message
    }

    /// Hands on its record, when it has a message; of what somebody printed in several lines each.
    pub(super) fn records(&mut self, take: &mut dyn FnMut(Record<'_>) -> Part) -> Part {
        if !self.has_message {
            return Part::Other;
        }
        let length = without_colour(&mut self.message).len();
        self.message.truncate(length);
        // What the kernel said itself has no prefix left, and its newlines are its own.
        if self.named.or(self.origin) == Some(Origin::Kernel) {
            let text = self.message.strip_suffix(b"\n").unwrap_or(&self.message);
            return take(self.around(bare(text)));
        }
        // What a container printed may have any prefix, and a line without one goes on with what is before it.
        let lines = self.message.split(|byte| matches!(byte, b'\n' | b'\r'));
        let mut last = bare(b"");
        let mut part = Part::Other;
        for line in lines.filter(|line| !line.is_empty()) {
            let record = prefix::record(line);
            let is_bare = record == bare(record.text);
            last = if is_bare { Record { text: record.text, line: record.line, ..last } } else { record };
            part = part.and(take(self.around(last)));
            if part == Part::Stop {
                break;
            }
        }
        part
    }

    /// The record of a message, or of a line of it, with what is known of the entry.
    fn around<'l>(&'l self, mut record: Record<'l>) -> Record<'l> {
        let origin = self.named.or(self.origin);
        let boot_us = self.when.source_boot_us.or(self.when.boot_us);
        record.origin = origin.unwrap_or(record.origin);
        record.of_systemd |= self.of_systemd && record.origin == Origin::Other;
        record.when.boot_us = record.when.boot_us.or(boot_us);
        if record.when.wall_us.is_none() && !self.wall.is_empty() {
            record.when.wall = Some(&self.wall);
            record.when.wall_us = self.when.wall_us;
        }
        record.caller = record.caller.or(self.caller);
        if !self.host.is_empty() {
            record.host = Some(&self.host);
        }
        if !self.boot_id.is_empty() {
            record.boot_id = Some(&self.boot_id);
        }
        record
    }
}

/// Text of which nothing else is known.
fn bare(text: &[u8]) -> Record<'_> {
    Record {
        text,
        line: text,
        when: When::default(),
        origin: Origin::Unknown,
        caller: None,
        host: None,
        boot_id: None,
        behind: None,
        of_systemd: false,
        is_unverified: false,
    }
}

/// A host's name and a boot's number are 64 bytes at most.
fn short(to: &mut Vec<u8>, value: Value<'_>) {
    to.clear();
    decode(value, to);
    to.truncate(64);
}

const fn kernel_if(is_kernel: bool) -> Origin {
    if is_kernel { Origin::Kernel } else { Origin::Other }
}
