//! A file of systemd-journald as records: what the kernel said, and systemd of units whose processes it has killed.
//!
//! Whoever asks journalctl for it gets the same records; what is gone with a damaged index, or was logged by a program that calls itself the
//! kernel, is told apart by [`crate::journal`] alone. A record's number is that of the journal.

use super::entry::Entry;
use super::event::{Position, RECORDS, Text};
use super::form::hand_on;
use super::json::Value;
use super::needle::{Needles, Place, Spelling};
use super::scan::{Part, Take};
use crate::journal::{self, Message, Next, Query, Reader, Salvage, Speaker};
use crate::parse::oom_report::{Line, line};
use std::collections::VecDeque;

/// SD_MESSAGE_UNIT_OUT_OF_MEMORY of sd-messages.h: a process of this unit has been killed by the OOM killer.
const UNIT_OUT_OF_MEMORY: &[u8] = b"fe6faa94e7774663a0da52717891d8ef";

/// "Failed with result 'oom-kill'": its field, since systemd 240.
const OOM_KILL: &[u8] = b"oom-kill";

/// What was read of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// Bytes of messages.
    pub bytes: u64,
    /// When the first and the last of them was said, in microseconds since 1970.
    pub span: Option<[i64; 2]>,
    /// The host that the first is of.
    pub host: Option<Text>,
    /// What is missing, and why.
    pub salvage: Salvage,
}

/// So many entries before a word of a report are read once more, where that is not its first line: what a report of which the start is
/// missing has before its first word. A table of tasks has one for each.
const BEFORE: usize = 4096;

/// So many messages of other parts of the kernel may stand between two of a report.
const STRANGERS: usize = 24;

/// So many before its first line, which an earlier report may end with.
const BEFORE_HEADER: usize = 8;

/// So many messages behind the last part of a report the next may be.
const AFTER: usize = 2048;

/// The same when every report has its end. What may follow (the reaper, the rest of a group) has words of its own.
const AFTER_END: usize = 16;

/// Hands on what matters of a file's entries, in its order.
///
/// Of a hundred messages of the kernel one is of a report. The others are looked at for its words alone, as [`super::scan`] does with text, and
/// nothing else of their entries is read; once there is a word, what was passed over before it is read after all.
pub fn read(file: journal::File, take: &mut Take<'_>) -> Heard {
    let query = Query::kernel().or("MESSAGE_ID", UNIT_OUT_OF_MEMORY).or("UNIT_RESULT", OOM_KILL);
    let mut reader = file.read(query);
    let needles = Needles::new();
    let mut hearing = Hearing::default();
    let mut passed: VecDeque<u64> = VecDeque::new();
    // The first that the kernel has said has the time and the host.
    let (mut left, mut is_first, mut hit) = (0_usize, true, None);
    loop {
        let is_open = left > 0 || is_first;
        let next = reader.next_or_passed(&mut |message| {
            hit = needles.find(message, Place::Start, Spelling::Text);
            is_open || hit.is_some()
        });
        let at = match next {
            None => break,
            Some(Next::Passed { at, length }) => {
                hearing.bytes += length as u64;
                if passed.len() == BEFORE {
                    passed.pop_front();
                }
                passed.push_back(at);
                continue;
            }
            Some(Next::Entry(found)) => found.at,
        };
        let mut part = Part::Other;
        if let Some(hit) = hit.filter(|_| !passed.is_empty()) {
            let before = if hit.is_header { passed.len().min(BEFORE_HEADER) } else { begun(&mut reader, &passed) };
            for before in passed.drain(..).rev().take(before).collect::<Vec<_>>().into_iter().rev() {
                if let Some(found) = reader.load(before) {
                    part = part.and(hearing.hear(found, Counted::Already, take));
                }
            }
            if part != Part::Stop && reader.load(at).is_none() {
                continue;
            }
        }
        if part == Part::Stop {
            break;
        }
        part = part.and(hearing.hear(reader.entry(), Counted::Now, take));
        is_first = hearing.span.is_none();
        left = match part {
            Part::Stop => break,
            Part::Report => AFTER,
            Part::End => AFTER_END,
            Part::Other if hit.is_some() => left.max(AFTER_END),
            Part::Other => left.saturating_sub(1),
        };
        hit = None;
    }
    hearing.ends(&mut reader, passed);
    let Hearing { bytes, span, host, .. } = hearing;
    Heard { bytes, span, host, salvage: *reader.salvage() }
}

/// How many of those that were passed over last are of a report whose first line is missing: they end where so many are of none.
fn begun(reader: &mut Reader, passed: &VecDeque<u64>) -> usize {
    let (mut count, mut strangers) = (0, 0);
    for (number, at) in passed.iter().rev().enumerate() {
        let found = reader.load(*at).map(journal::Entry::message);
        let is_of_report = matches!(found, Some(Message::Text(text)) if line(text) != Line::Other);
        if is_of_report {
            (count, strangers) = (number + 1, 0);
        } else {
            strangers += 1;
        }
        if strangers > STRANGERS {
            break;
        }
    }
    count
}

/// Whether the bytes of an entry's message were counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    Now,
    Already,
}

/// What was heard so far.
#[derive(Default)]
struct Hearing {
    bytes: u64,
    span: Option<[i64; 2]>,
    host: Option<Text>,
    entry: Entry,
}

impl Hearing {
    /// The last that the kernel has said, which may have been passed over, is when the file ends.
    fn ends(&mut self, reader: &mut Reader, passed: VecDeque<u64>) {
        for at in passed.into_iter().rev() {
            let us = reader.load(at).filter(|found| origin(found).is_some()).map(event_us);
            if let Some(us) = us {
                self.span = self.span.map(|[first, last]| [first, last.max(us)]);
                return;
            }
        }
    }

    /// Hands on an entry, if it is of those who are asked.
    fn hear(&mut self, found: &journal::Entry, counted: Counted, take: &mut Take<'_>) -> Part {
        let Message::Text(message) = found.message() else {
            return Part::Other;
        };
        let Some(origin) = origin(found) else {
            return Part::Other;
        };
        if counted == Counted::Now {
            self.bytes += message.len() as u64;
        }
        let us = event_us(found);
        let [first, _] = self.span.get_or_insert([us, us]);
        self.span = Some([*first, us]);
        if self.host.is_none() {
            self.host = found.host().map(Text::from);
        }
        fill(&mut self.entry, found, origin, take)
    }
}

fn event_us(found: &journal::Entry) -> i64 {
    i64::try_from(found.event_us()).unwrap_or(i64::MAX)
}

/// As whose words they count: the transport and the identifier. None: they are nobody's who is asked.
fn origin(found: &journal::Entry) -> Option<[&'static [u8]; 2]> {
    match found.speaker() {
        Speaker::Kernel => Some([b"kernel", b"kernel"]),
        Speaker::Missed(_) => None,
        // The identifier is what a program says of itself; the name of its process is what journald has seen.
        Speaker::Other => {
            let is_systemd = found.field("_COMM") == Some(b"systemd");
            let is_asked =
                found.field("MESSAGE_ID") == Some(UNIT_OUT_OF_MEMORY) || found.field("UNIT_RESULT") == Some(OOM_KILL);
            (is_systemd && is_asked).then_some([b"journal", b"systemd"])
        }
    }
}

fn fill(entry: &mut Entry, found: &journal::Entry, [transport, identifier]: [&[u8]; 2], take: &mut Take<'_>) -> Part {
    let at: Position = RECORDS | found.seqnum & (RECORDS - 1);
    entry.clear();
    let mut add = |name: &[u8], value: &[u8]| entry.member(name, Value::Bare(value), at);
    // When it was said, not when it was read: without the second clock nothing is taken off twice.
    add(b"__REALTIME_TIMESTAMP", found.event_us().to_string().as_bytes());
    let boot_us = found.source_us().unwrap_or(found.monotonic_us);
    add(b"_SOURCE_MONOTONIC_TIMESTAMP", boot_us.to_string().as_bytes());
    add(b"_BOOT_ID", found.boot.to_string().as_bytes());
    add(b"_TRANSPORT", transport);
    add(b"SYSLOG_IDENTIFIER", identifier);
    if let Some(host) = found.host() {
        add(b"_HOSTNAME", host);
    }
    if let Message::Text(message) = found.message() {
        entry.append(message, at);
    }
    entry.records(&mut |record| hand_on(record, at, take))
}
