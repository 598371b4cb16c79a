//! A file of systemd-journald as records: what the kernel said, and systemd of units whose processes it has killed.
//!
//! Whoever asks journalctl for it gets the same records; what is gone with a damaged index, or was logged by a program that calls itself the
//! kernel, is told apart by [`crate::journal`] alone. A record's number is that of the journal.

use super::entry::Entry;
use super::event::{Position, RECORDS, Text};
use super::form::hand_on;
use super::json::Value;
use super::scan::{Part, Take};
use crate::journal::{self, Message, Query, Salvage, Speaker};

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

/// Hands on what matters of a file's entries, in its order.
pub fn read(file: journal::File, take: &mut Take<'_>) -> Heard {
    let query = Query::kernel().or("MESSAGE_ID", UNIT_OUT_OF_MEMORY).or("UNIT_RESULT", OOM_KILL);
    let mut reader = file.read(query);
    let (mut bytes, mut span, mut host) = (0, None, None);
    let mut entry = Entry::default();
    while let Some(found) = reader.next() {
        let (Message::Text(message), Some(origin)) = (found.message(), origin(found)) else {
            continue;
        };
        bytes += message.len() as u64;
        let us = i64::try_from(found.event_us()).unwrap_or(i64::MAX);
        let [first, _] = span.get_or_insert([us, us]);
        span = Some([*first, us]);
        host = host.or_else(|| found.host().map(Text::from));
        if fill(&mut entry, found, origin, take) == Part::Stop {
            break;
        }
    }
    Heard { bytes, span, host, salvage: *reader.salvage() }
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
