//! The header, and the two ways in which objects are laid out: journal-def.h of systemd 257.

use core::fmt;

use super::hash::Hash;

/// What each file begins with.
pub const MAGIC: &[u8; 8] = b"LPKSHHRH";

/// The header of the oldest files; what came later is at its end.
pub(super) const OLDEST: u64 = 208;

/// The longest header that is believed: that of systemd 257 has 272 bytes.
const LONGEST: u64 = 4096;

/// HEADER_INCOMPATIBLE_: XZ, LZ4, KEYED_HASH, ZSTD, COMPACT. What is not here changes what is read in ways that nobody could tell.
const KNOWN: u32 = 0b1_1111;
const KEYED_HASH: u32 = 1 << 2;
const COMPACT: u32 = 1 << 4;

/// 128 bits that name a machine, a boot, a file or a run of sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// As journalctl writes it, or with the hyphens that /proc/sys/kernel/random/boot_id has.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut digits = text.iter().filter(|byte| **byte != b'-');
        let mut id = [0; 16];
        for byte in &mut id {
            let mut digit = || char::from(*digits.next()?).to_digit(16);
            *byte = u8::try_from(digit()? << 4 | digit()?).ok()?;
        }
        digits.next().is_none().then_some(Self(id))
    }

    fn at(bytes: &[u8], at: usize) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[at..at + 16]);
        Self(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the writer of a file has last said of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It was closed.
    Offline,
    /// Somebody has it open to write to it, or has not closed it: the host has crashed.
    Online,
    /// It was closed, and another has taken its place.
    Archived,
    /// Something that is not known.
    Other(u8),
}

/// How wide offsets are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// 64 bits, as they always were.
    Regular,
    /// 32 bits: systemd 252, and files of 4 GiB at most.
    Compact,
}

impl Layout {
    /// An item of an ENTRY: the offset of a DATA object, and in regular files its hash.
    pub(super) const fn entry_item(self) -> usize {
        match self {
            Self::Regular => 16,
            Self::Compact => 4,
        }
    }

    /// An item of an ENTRY_ARRAY: the offset of an ENTRY.
    pub(super) const fn array_item(self) -> usize {
        match self {
            Self::Regular => 8,
            Self::Compact => 4,
        }
    }

    /// Where the payload of a DATA object begins.
    pub(super) const fn payload(self) -> usize {
        match self {
            Self::Regular => 64,
            Self::Compact => 72,
        }
    }

    /// The offset that an item begins with.
    pub(super) fn offset(self, item: &[u8]) -> u64 {
        match self {
            Self::Regular => le64(item, 0),
            Self::Compact => u64::from(le32(item, 0)),
        }
    }
}

/// What is read of a file's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) hash: Hash,
    pub(super) state: State,
    pub(super) machine: Id,
    pub(super) sequence: Id,
    /// Where objects begin.
    pub(super) size: u64,
    pub(super) arena: u64,
    /// Where the items of the table of fields are, and how many bytes.
    pub(super) fields: [u64; 2],
    pub(super) tail_object: u64,
    pub(super) entries: u64,
    /// The list of all entries.
    pub(super) entry_array: u64,
    pub(super) head_realtime: u64,
    pub(super) tail_realtime: u64,
    /// How many fields there are: since systemd 187.
    pub(super) fields_in_all: Option<u64>,
}

/// Why a header is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unreadable {
    NoJournal,
    Short,
    Flags(u32),
}

impl Header {
    /// Of the first bytes of a file: [`OLDEST`] of them at least, or there are no more.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Unreadable> {
        if !bytes.starts_with(MAGIC) {
            return Err(Unreadable::NoJournal);
        }
        if (bytes.len() as u64) < OLDEST {
            return Err(Unreadable::Short);
        }
        let flags = le32(bytes, 12);
        if flags & !KNOWN != 0 {
            return Err(Unreadable::Flags(flags & !KNOWN));
        }
        let said = le64(bytes, 88);
        let is_sound = (OLDEST..=LONGEST).contains(&said) && said.is_multiple_of(8);
        Ok(Self {
            layout: if flags & COMPACT == 0 { Layout::Regular } else { Layout::Compact },
            hash: if flags & KEYED_HASH == 0 { Hash::Jenkins } else { Hash::Siphash(Id::at(bytes, 24)) },
            state: match bytes[16] {
                0 => State::Offline,
                1 => State::Online,
                2 => State::Archived,
                other => State::Other(other),
            },
            machine: Id::at(bytes, 40),
            sequence: Id::at(bytes, 72),
            // Whoever walks from there finds the first object, wherever it is.
            size: if is_sound { said } else { OLDEST },
            arena: le64(bytes, 96),
            fields: [le64(bytes, 120), le64(bytes, 128)],
            tail_object: le64(bytes, 136),
            entries: le64(bytes, 152),
            entry_array: le64(bytes, 176),
            head_realtime: le64(bytes, 184),
            tail_realtime: le64(bytes, 192),
            fields_in_all: (is_sound && said >= 224 && bytes.len() >= 224).then(|| le64(bytes, 216)),
        })
    }
}

/// A number of a header or an object, whose length was looked at.
pub(super) fn le64(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

pub(super) fn le32(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}
