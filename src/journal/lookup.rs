//! A field's name and value to the DATA object that has them: the table of fields, and each field's list of values.

use super::file::File;
use super::layout::{Id, State, le64};
use super::object::{Data, FIELD, Fault, Field, HEAD, Head, Kind};
use super::payload::Payload;

/// An item of a hash table: the first and the last object of a place in it.
const ITEM: usize = 16;

/// A value of a field, and where it was first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// It, without the field's name.
    pub bytes: Vec<u8>,
    /// How many entries have it.
    pub entries: u64,
    /// When the first of them was written, in microseconds since 1970.
    pub first_us: Option<u64>,
}

impl File {
    /// The DATA object that is so, `FIELD=value`; none where the file has no such value.
    pub(super) fn lookup(&mut self, term: &[u8]) -> Result<Option<Data>, Fault> {
        let name = term.iter().position(|byte| *byte == b'=').map_or(term, |at| &term[..at]);
        let Some(field) = self.lookup_field(name)? else {
            return Ok(None);
        };
        let mut values = Values::of(&field);
        while let Some(data) = values.next(self)? {
            if self.is_value(&data, term)? {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Hands on all values of a field that can be read, the newest first: of `_BOOT_ID` the boots. After an error what was before it was
    /// handed on.
    pub fn values(&mut self, name: &[u8], take: &mut dyn FnMut(Value)) -> Result<(), Fault> {
        let Some(field) = self.lookup_field(name)? else {
            return Ok(());
        };
        let mut values = Values::of(&field);
        while let Some(data) = values.next(self)? {
            if let Payload::Whole(bytes) = self.payload(&data)?
                && let Some(bytes) = bytes.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"="))
            {
                let bytes = bytes.to_vec();
                let first = self.head(data.entry).ok();
                take(Value { bytes, entries: data.entries, first_us: first.map(|head: Head| head.realtime) });
            }
        }
        Ok(())
    }

    /// The boots of a file, the oldest first, with the time of their first entry.
    pub fn boots(&mut self) -> Result<Vec<(Id, Option<u64>)>, Fault> {
        let mut boots = Vec::new();
        let done = self.values(b"_BOOT_ID", &mut |value| {
            boots.extend(Id::parse(&value.bytes).map(|id| (id, value.first_us)));
        });
        boots.reverse();
        done.map(|()| boots)
    }

    /// The FIELD object of a name. There are no more of them than its header counts: where the table has fewer, and not this one, the table
    /// is damaged.
    fn lookup_field(&mut self, name: &[u8]) -> Result<Option<Field>, Fault> {
        let [start, length] = self.header.fields;
        let table = start.checked_sub(HEAD as u64).ok_or(Fault::Place)?;
        let object = self.object(table)?;
        if object.number != Kind::FieldTable as u8 {
            return Err(Fault::Type(object.number));
        }
        if object.size - HEAD as u64 != length || !length.is_multiple_of(ITEM as u64) {
            return Err(Fault::Size);
        }
        let mut left = self.blocks.size() / FIELD as u64;
        let mut seen = 0;
        for item in 0..length / ITEM as u64 {
            let mut at = le64(self.blocks.get(start + item * ITEM as u64, ITEM)?, 0);
            while at != 0 {
                left = left.checked_sub(1).ok_or(Fault::Order)?;
                seen += 1;
                let field = self.field(at)?;
                if field.length == name.len() as u64 && self.behind(at, FIELD, field.length)? == name {
                    return Ok(Some(field));
                }
                if field.next != 0 && field.next <= at {
                    return Err(Fault::Order);
                }
                at = field.next;
            }
        }
        match self.header.fields_in_all {
            Some(all) if seen < all => Err(Fault::Fewer),
            _ => Ok(None),
        }
    }
}

/// A field's values. A new one is put before the others, so that offsets fall.
struct Values {
    at: u64,
    before: u64,
}

impl Values {
    const fn of(field: &Field) -> Self {
        Self { at: field.newest, before: u64::MAX }
    }

    fn next(&mut self, file: &mut File) -> Result<Option<Data>, Fault> {
        if self.at == 0 {
            return Ok(None);
        }
        if self.at >= self.before {
            return Err(Fault::Order);
        }
        let data = file.data(self.at)?;
        // In a file that is written to a value may have no entry yet. In any other the second half of it was zeroed.
        if data.next == 0 && data.entry == 0 && data.entries == 0 && file.state() != State::Online {
            return Err(Fault::Fewer);
        }
        self.before = self.at;
        self.at = data.next;
        Ok(Some(data))
    }
}
