//! An entry, with all of its fields.

use super::file::File;
use super::hash::Hash;
use super::layout::Id;
use super::object::Head;
use super::payload::{Packing, Payload};
use super::query::Query;

/// The most bytes of fields that are held of an entry; what is beyond is as good as too long.
const MOST: usize = 256 << 10;

/// An entry. Its fields are as they were written: bytes of whoever has logged it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// Where it is in its file, which no other entry of the file shares.
    pub at: u64,
    /// Its number: with [`File::sequence`] it tells whether an entry of another file is the same.
    pub seqnum: u64,
    /// When journald has taken it, in microseconds since 1970.
    pub realtime_us: u64,
    /// The same since boot.
    pub monotonic_us: u64,
    /// Which boot.
    pub boot: Id,
    /// How many of its fields could not be read.
    pub lost: u32,
    /// How many of its fields are too long to be read.
    pub too_long: u32,
    /// Whether one of those is its message.
    is_message_too_long: bool,
    bytes: Vec<u8>,
    /// Of each field where its name, its value, and the whole end and begin.
    fields: Vec<[usize; 3]>,
}

/// What an entry says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'e> {
    /// This. It may have several lines, and be no UTF-8.
    Text(&'e [u8]),
    /// Nothing: there is no such field.
    None,
    /// Something of more than 64 KiB.
    TooLong,
    /// It can't be told: a field could not be read, and that may be it.
    Lost,
}

/// Who has written an entry that came from /dev/kmsg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaker {
    /// The kernel.
    Kernel,
    /// journald itself, of what it could not read from /dev/kmsg: so many messages.
    Missed(u64),
    /// Somebody else: a program that has written to /dev/kmsg, or to syslog(3).
    Other,
}

impl Entry {
    /// Reads what is at `head`: whether the values are those that were put together.
    pub(super) fn load(&mut self, file: &mut File, head: &Head, items: &mut Vec<u64>) -> bool {
        let Self { mut bytes, mut fields, .. } = core::mem::take(self);
        bytes.clear();
        fields.clear();
        *self = Self {
            at: head.at,
            seqnum: head.seqnum,
            realtime_us: head.realtime,
            monotonic_us: head.monotonic,
            boot: head.boot,
            bytes,
            fields,
            ..Self::default()
        };
        items.clear();
        match file.items(head) {
            Ok(all) => items.extend(all),
            Err(_) => self.lost += 1,
        }
        for item in &*items {
            match file.data(*item).and_then(|data| file.payload(&data)) {
                Ok(Payload::Whole(payload)) => self.push(payload),
                Ok(Payload::TooLong(start)) => self.long(start),
                Err(_) => self.lost += 1,
            }
        }
        self.lost + self.too_long > 0 || self.is_of(head.xor)
    }

    /// Whether the hashes of its values are what they were together. A value that was logged twice is in it once, and its hashes have
    /// cancelled each other out.
    fn is_of(&self, xor: u64) -> bool {
        let hashes = || self.fields.iter().map(|[start, _, end]| Hash::Jenkins.of(&self.bytes[*start..*end]));
        let left = hashes().fold(xor, |left, hash| left ^ hash);
        left == 0 || hashes().any(|hash| hash == left) || {
            let all: Vec<u64> = hashes().collect();
            all.iter().enumerate().any(|(at, hash)| all[..at].contains(&(hash ^ left)))
        }
    }

    fn push(&mut self, payload: &[u8]) {
        let Some(name) = payload.iter().position(|byte| *byte == b'=').filter(|name| *name > 0) else {
            self.lost += 1;
            return;
        };
        if self.bytes.len() + payload.len() > MOST {
            return self.long(payload);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.fields.push([start, start + name, self.bytes.len()]);
    }

    fn long(&mut self, start: &[u8]) {
        self.too_long += 1;
        self.is_message_too_long |= start.starts_with(b"MESSAGE=");
    }

    /// Names and values, in the order of the entry.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|[start, name, end]| (&self.bytes[*start..*name], &self.bytes[name + 1..*end]))
    }

    /// The value of a field; of several the first.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
    }

    fn number(&self, name: &str) -> Option<u64> {
        number(self.field(name)?)
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> Message<'_> {
        match self.field("MESSAGE") {
            Some(text) => Message::Text(text),
            None if self.is_message_too_long => Message::TooLong,
            None if self.lost > 0 => Message::Lost,
            None => Message::None,
        }
    }

    /// syslog's level, 0 to 7.
    #[must_use]
    pub fn priority(&self) -> Option<u8> {
        self.number("PRIORITY").filter(|level| *level < 8).and_then(|level| u8::try_from(level).ok())
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        self.field("_HOSTNAME")
    }

    /// The machine that it was logged on, which need not be the one that the file is on.
    #[must_use]
    pub fn machine(&self) -> Option<Id> {
        Id::parse(self.field("_MACHINE_ID")?)
    }

    /// When it was said, in microseconds since boot: for the kernel what printk has put before it. Since systemd 257 there is the same number
    /// as `_SOURCE_BOOTTIME_TIMESTAMP`, whose clock goes on while the machine sleeps.
    #[must_use]
    pub fn source_us(&self) -> Option<u64> {
        self.number("_SOURCE_BOOTTIME_TIMESTAMP").or_else(|| self.number("_SOURCE_MONOTONIC_TIMESTAMP"))
    }

    /// When it was said, in microseconds since 1970. Where memory is short journald reads what the kernel has said seconds to minutes later:
    /// that is taken off. Nothing is said after it was read, so that a source whose clock is another's tells nothing.
    #[must_use]
    pub fn event_us(&self) -> u64 {
        let late = self.source_us().and_then(|source| self.monotonic_us.checked_sub(source));
        late.and_then(|late| self.realtime_us.checked_sub(late)).unwrap_or(self.realtime_us)
    }

    /// Who has written it.
    ///
    /// What a program writes to /dev/kmsg is of the transport `kernel`, too, with whatever identifier it likes. What it can't have is the
    /// facility 0: the kernel makes 1 of that (devkmsg_write() in kernel/printk/printk.c). Where there is no facility an identifier other
    /// than `kernel` tells of somebody else.
    #[must_use]
    pub fn speaker(&self) -> Speaker {
        match self.field("_TRANSPORT") {
            Some(b"kernel") => match (self.field("SYSLOG_FACILITY"), self.field("SYSLOG_IDENTIFIER")) {
                (Some(b"0"), _) | (None, None | Some(b"kernel")) => Speaker::Kernel,
                _ => Speaker::Other,
            },
            Some(b"driver") if self.field("MESSAGE_ID") == Some(Query::MISSED) => {
                // "Missed 12 kernel messages": journald-kmsg.c.
                let words = self.field("MESSAGE").and_then(|text| text.strip_prefix(b"Missed "));
                let digits = words.map(|words| &words[..words.iter().take_while(|byte| byte.is_ascii_digit()).count()]);
                Speaker::Missed(digits.and_then(number).unwrap_or(1))
            }
            _ => Speaker::Other,
        }
    }
}

impl File {
    /// The message of an entry, where that can be read, and nothing else of it. Values are in the order of their places, and what is the
    /// entry's own was written with it: it is among the last.
    pub(super) fn message(&mut self, head: &Head, items: &mut Vec<u64>) -> Option<&[u8]> {
        const NAME: &[u8] = b"MESSAGE=";
        items.clear();
        items.extend(self.items(head).ok()?);
        let mut found = None;
        for item in items.iter().rev() {
            let data = self.data(*item).ok()?;
            let is_it = match data.packing {
                Packing::Plain => {
                    self.behind(data.at, self.header.layout.payload(), (NAME.len() as u64).min(data.length))
                }
                _ => match self.payload(&data).ok()? {
                    Payload::Whole(bytes) => Ok(bytes),
                    Payload::TooLong(_) => return None,
                },
            };
            if is_it.ok()?.starts_with(NAME) {
                found = Some(data);
                break;
            }
        }
        match self.payload(&found?).ok()? {
            Payload::Whole(bytes) => bytes.get(NAME.len()..),
            Payload::TooLong(_) => None,
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}
