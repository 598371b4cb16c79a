//! The objects of a file, and what is looked at before one is taken for what it says it is.

use core::fmt;

use super::blocks::LONGEST;
use super::file::File;
use super::layout::{Id, le64};
use super::payload::Packing;

/// What is wrong with a place in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is behind the file's end, or reaches beyond it.
    Beyond,
    /// No object begins there: offsets are multiples of 8, and behind the header.
    Place,
    /// There is an object of another type, or none: the type.
    Type(u8),
    /// An object's size can't be that of its type.
    Size,
    /// A list does not go on in the one direction that it can have.
    Order,
    /// A list has ended before all was in it that is said to be.
    Fewer,
    /// A value is not what it was when it was hashed.
    Hash,
    /// A packed payload is not what its packing makes of anything.
    Packed,
    /// An entry has no number or no time, or not the field's value through which it was found.
    Stranger,
    /// read(2) has failed: the error's number.
    Read(i32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Beyond => "it leads behind the end of the file",
            Self::Place => "no object can begin there",
            Self::Type(0) => "there are zeros where an object should be",
            Self::Type(_) => "there is no object of the type that it should be",
            Self::Size => "an object's size can't be right",
            Self::Order => "a list goes back to where it was",
            Self::Fewer => "a list ends too early",
            Self::Hash => "a value is not what was written",
            Self::Packed => "a packed value can't be unpacked",
            Self::Stranger => "an entry is not one, or not of the list that it is in",
            Self::Read(errno) => return write!(f, "{}", std::io::Error::from_raw_os_error(*errno)),
        })
    }
}

/// The types of objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    Data = 1,
    Field = 2,
    Entry = 3,
    DataTable = 4,
    FieldTable = 5,
    EntryArray = 6,
    Tag = 7,
}

impl Kind {
    pub(super) const fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Data,
            2 => Self::Field,
            3 => Self::Entry,
            4 => Self::DataTable,
            5 => Self::FieldTable,
            6 => Self::EntryArray,
            7 => Self::Tag,
            _ => return None,
        })
    }
}

/// The header that all objects have.
pub(super) const HEAD: usize = 16;
/// What is before the payload of a FIELD.
pub(super) const FIELD: usize = 40;
/// What is before the items of an ENTRY.
pub(super) const ENTRY: usize = 64;
/// What is before the items of an ENTRY_ARRAY.
pub(super) const ARRAY: usize = 24;

/// Any object. Its bytes are all there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Object {
    pub(super) at: u64,
    pub(super) size: u64,
    pub(super) number: u8,
    pub(super) flags: u8,
}

impl Object {
    /// Where the next one begins.
    pub(super) const fn end(&self) -> u64 {
        (self.at + self.size).next_multiple_of(8)
    }

    /// How many bytes follow the part that all of its type have.
    const fn rest(&self, fixed: usize) -> Result<u64, Fault> {
        match self.size.checked_sub(fixed as u64) {
            Some(rest) if rest > 0 => Ok(rest),
            _ => Err(Fault::Size),
        }
    }
}

/// A value of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Data {
    pub(super) at: u64,
    pub(super) packing: Packing,
    pub(super) hash: u64,
    /// An older value of the same field.
    pub(super) next: u64,
    /// The first entry that has it.
    pub(super) entry: u64,
    /// The list of the others.
    pub(super) array: u64,
    pub(super) entries: u64,
    /// How long its payload is, packed.
    pub(super) length: u64,
}

/// The name of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    /// Another name in the same place of the table.
    pub(super) next: u64,
    /// Its newest value.
    pub(super) newest: u64,
    pub(super) length: u64,
}

/// An entry without its fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) at: u64,
    pub(super) end: u64,
    pub(super) seqnum: u64,
    pub(super) realtime: u64,
    pub(super) monotonic: u64,
    /// The hashes of its values, of lookup3 whatever the file hashes with, by exclusive or.
    pub(super) xor: u64,
    pub(super) boot: Id,
    pub(super) items: usize,
}

/// A list of entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Array {
    pub(super) at: u64,
    pub(super) next: u64,
    pub(super) items: u64,
}

/// 2100-01-01: no entry is later. A host without a clock begins at 1970.
const LATEST_US: u64 = 4_102_444_800_000_000;

/// The most fields that an entry may have: ENTRY_FIELD_COUNT_MAX of journald. No more of one are read.
pub(super) const ITEMS: usize = 1024;

impl File {
    /// Whatever object is there.
    pub(super) fn object(&mut self, at: u64) -> Result<Object, Fault> {
        if !at.is_multiple_of(8) || at < self.header.size {
            return Err(Fault::Place);
        }
        let head = self.blocks.get(at, HEAD)?;
        let object = Object { at, size: le64(head, 8), number: head[0], flags: head[1] };
        if object.number == 0 {
            return Err(Fault::Type(0));
        }
        if object.size < HEAD as u64 {
            return Err(Fault::Size);
        }
        // Its end may be no multiple of 8: that of the next one is.
        match at.checked_add(object.size) {
            Some(end) if end <= self.blocks.size() => Ok(object),
            _ => Err(Fault::Beyond),
        }
    }

    fn of_kind(&mut self, at: u64, kind: Kind) -> Result<Object, Fault> {
        let object = self.object(at)?;
        if object.number == kind as u8 { Ok(object) } else { Err(Fault::Type(object.number)) }
    }

    pub(super) fn data(&mut self, at: u64) -> Result<Data, Fault> {
        let object = self.of_kind(at, Kind::Data)?;
        let fixed = self.header.layout.payload();
        let length = object.rest(fixed)?;
        let packing = Packing::of(object.flags).ok_or(Fault::Packed)?;
        let bytes = self.blocks.get(at, fixed)?;
        let [hash, next, entry, array, entries] = [16, 32, 40, 48, 56].map(|at| le64(bytes, at));
        Ok(Data { at, packing, hash, next, entry, array, entries, length })
    }

    pub(super) fn field(&mut self, at: u64) -> Result<Field, Fault> {
        let object = self.of_kind(at, Kind::Field)?;
        let length = object.rest(FIELD)?;
        let bytes = self.blocks.get(at, FIELD)?;
        Ok(Field { next: le64(bytes, 24), newest: le64(bytes, 32), length })
    }

    pub(super) fn head(&mut self, at: u64) -> Result<Head, Fault> {
        let object = self.of_kind(at, Kind::Entry)?;
        let item = self.header.layout.entry_item();
        let rest = object.rest(ENTRY)?;
        if !rest.is_multiple_of(item as u64) {
            return Err(Fault::Size);
        }
        let items = usize::try_from(rest / item as u64).ok().filter(|items| *items <= ITEMS).ok_or(Fault::Size)?;
        let bytes = self.blocks.get(at, ENTRY)?;
        let [seqnum, realtime, monotonic, xor] = [16, 24, 32, 56].map(|at| le64(bytes, at));
        if seqnum == 0 || realtime == 0 || realtime >= LATEST_US {
            return Err(Fault::Stranger);
        }
        let mut boot = Id::default();
        boot.0.copy_from_slice(&bytes[40..56]);
        Ok(Head { at, end: object.end(), seqnum, realtime, monotonic, xor, boot, items })
    }

    /// Where the values of an entry are.
    pub(super) fn items(&mut self, head: &Head) -> Result<impl Iterator<Item = u64> + '_, Fault> {
        let layout = self.header.layout;
        let bytes = self.blocks.get(head.at + ENTRY as u64, head.items * layout.entry_item())?;
        Ok(bytes.chunks_exact(layout.entry_item()).map(move |item| layout.offset(item)))
    }

    pub(super) fn array(&mut self, at: u64) -> Result<Array, Fault> {
        let object = self.of_kind(at, Kind::EntryArray)?;
        let item = self.header.layout.array_item() as u64;
        let rest = object.rest(ARRAY)?;
        if rest % item != 0 {
            return Err(Fault::Size);
        }
        let next = le64(self.blocks.get(at, ARRAY)?, 16);
        Ok(Array { at, next, items: rest / item })
    }

    /// The offset at that place of a list.
    pub(super) fn slot(&mut self, array: &Array, slot: u64) -> Result<u64, Fault> {
        let layout = self.header.layout;
        let item = layout.array_item();
        let bytes = self.blocks.get(array.at + ARRAY as u64 + slot * item as u64, item)?;
        Ok(layout.offset(bytes))
    }

    /// The bytes of an object behind `skip` of them; no more than are read at once.
    pub(super) fn behind(&mut self, at: u64, skip: usize, length: u64) -> Result<&[u8], Fault> {
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST).ok_or(Fault::Size)?;
        self.blocks.get(at + skip as u64, length)
    }
}
