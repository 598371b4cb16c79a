//! A record whose parts come one by one: an object of JSON, an entry of the journal.
//!
//! A message is known by the names that journald, dmesg, Docker and the collectors of clouds give it. Where an object has none of these, or one
//! that says nothing of the kernel's, any other text in it with words of the OOM killer is the message, and from then on all of that name are
//! (Ansible's `stdout`); so are texts that are elements of arrays (its `stdout_lines`), each a line. A message may be an object again.

use super::escape::without_colour;
use super::event::Position;
use super::feed::LINE;
use super::json::{Value, decode, members};
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
    /// As journald has it: what a program writes to /dev/kmsg is of the transport `kernel`, too, and has none of 0, of which the kernel makes 1.
    facility: Option<u64>,
    /// A text with words of the OOM killer under a name that is not known.
    other: Vec<u8>,
    /// The name that such a text had: of the whole log.
    learned: Vec<u8>,
    /// Whether an element of an array had such words.
    has_elements: bool,
    /// Whether a container printed it, and that was a part of a line.
    is_of_stream: bool,
    /// The first parts of such a line.
    partial: Vec<u8>,
}

/// Fields of the journal, whose texts are of other programs: what a process is called and runs, and what is said of it. Splunk's `_raw` and
/// VictoriaLogs' `_msg` begin with `_`, too, and hold lines.
fn is_of_journal(name: &[u8]) -> bool {
    let is_upper = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    name.first().is_some_and(|first| matches!(first, b'_' | b'S')) && name.iter().all(is_upper)
}

/// Objects within messages within objects.
const DEPTH: usize = 3;

/// So long a part of a line is that Docker splits.
const DOCKER: usize = 16 << 10;

/// Whether there are words of the OOM killer in a text, as far as they are in each of its reports.
fn has_words(text: &[u8]) -> bool {
    [&b"ut of memory"[..], b"oom-kill", b"oom_reaper: "].iter().any(|word| memchr::memmem::find(text, word).is_some())
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
        self.facility = None;
        self.other.clear();
        self.has_elements = false;
        self.is_of_stream = false;
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
            "SYSLOG_FACILITY" => self.facility = parse::dec(written),
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
            "stream" => self.is_of_stream = true,
            _ => self.text(name, value, at),
        }
    }

    /// A text whose name says nothing.
    fn text(&mut self, name: &[u8], value: Value<'_>, at: Position) {
        let Value::Text(written) = value else {
            return;
        };
        let is_learned = !self.learned.is_empty() && self.learned == name;
        if !self.other.is_empty() || is_of_journal(name) || !is_learned && !has_words(written) {
            return;
        }
        if self.learned.is_empty() {
            self.learned.extend_from_slice(name);
        }
        decode(value, &mut self.other);
        self.other.truncate(LINE);
        if !self.has_message {
            self.line = at;
        }
    }

    /// A text that is an element of an array: a line.
    pub(super) fn element(&mut self, written: &[u8], take: &mut dyn FnMut(Record<'_>) -> Part) -> Part {
        let mut text = Vec::new();
        decode(Value::Text(written), &mut text);
        self.has_elements |= has_words(&text);
        let length = without_colour(&mut text).len();
        text.truncate(length);
        let mut part = Part::Other;
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            part = part.and(take(prefix::record(line)));
        }
        part
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
                if let Some(us) = prefix::seconds(number) {
                    self.when.source_boot_us = Some(us);
                    self.origin = self.origin.or(Some(Origin::Kernel));
                }
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
        self.has_message || !self.other.is_empty()
    }

    /// Hands on its record, when it has a message; of what somebody printed in several lines each.
    pub(super) fn records(&mut self, take: &mut dyn FnMut(Record<'_>) -> Part) -> Part {
        if self.facility.is_some_and(|facility| facility != 0) && self.named == Some(Origin::Kernel) {
            self.named = Some(Origin::Other);
        }
        self.choose();
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
        let part = self.joined(take);
        part.and(self.lines(DEPTH, take))
    }

    /// Takes the text whose name says nothing for the message, where that says nothing of the kernel's. Of a text that is there as lines, too,
    /// these were enough.
    fn choose(&mut self) {
        if self.named.is_some() || self.other.is_empty() || self.has_message && has_words(&self.message) {
            return;
        }
        if self.has_elements {
            self.other.clear();
            return;
        }
        core::mem::swap(&mut self.message, &mut self.other);
        self.has_message = true;
    }

    /// A line that Docker has split is one again: all parts but the last have no newline.
    fn joined(&mut self, take: &mut dyn FnMut(Record<'_>) -> Part) -> Part {
        if !self.is_of_stream {
            return self.rest(take);
        }
        let is_end = self.message.ends_with(b"\n");
        let mut part = Part::Other;
        if !self.partial.is_empty() {
            let text = self.message.trim_ascii_end();
            let is_bare = prefix::record(text) == bare(prefix::record(text).text);
            if is_bare && (is_end || self.message.len() >= DOCKER) {
                let start = core::mem::take(&mut self.partial);
                self.message.splice(0..0, start);
            } else {
                part = self.rest(take);
            }
        }
        if !is_end && self.message.len() < LINE {
            self.partial = core::mem::take(&mut self.message);
        }
        part
    }

    /// Hands on a part of a line whose rest never came.
    pub(super) fn rest(&mut self, take: &mut dyn FnMut(Record<'_>) -> Part) -> Part {
        if self.partial.is_empty() {
            return Part::Other;
        }
        let message = core::mem::replace(&mut self.message, core::mem::take(&mut self.partial));
        let part = self.lines(DEPTH, take);
        self.message = message;
        part
    }

    /// What a container printed may have any prefix, and a line without one goes on with what is before it.
    fn lines(&self, depth: usize, take: &mut dyn FnMut(Record<'_>) -> Part) -> Part {
        let lines = self.message.split(|byte| matches!(byte, b'\n' | b'\r'));
        let mut last = bare(b"");
        let mut part = Part::Other;
        for line in lines.filter(|line| !line.is_empty()) {
            if let Some(inner) = self.inner(line).filter(|_| depth > 0) {
                part = part.and(inner.lines(depth - 1, take));
                continue;
            }
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

    /// The object that a line of the message is, with what is known of the one around it.
    fn inner(&self, line: &[u8]) -> Option<Self> {
        if !line.starts_with(b"{") || memchr::memchr(b'"', line).is_none() {
            return None;
        }
        let mut inner = Self { line: self.line, ..Self::default() };
        members(line, |name, value| inner.member(name, value, self.line));
        inner.choose();
        if !inner.has_message {
            return None;
        }
        if inner.wall.is_empty() {
            inner.wall.clone_from(&self.wall);
            inner.when.wall_us = self.when.wall_us;
        }
        if inner.host.is_empty() {
            inner.host.clone_from(&self.host);
        }
        inner.named = inner.named.or(self.named);
        Some(inner)
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
