//! One quantity of a thing, stated once: its key in JSON, and where its value is found.
//!
//! Of what kind the value is, and so its unit in each format, says the type of what finds it ([`Get`]): a size can't be given a count.
//! What a mode shows of a quantity is made of its field. JSON has a list of them ([`super::json::line::Line::row`]), a table of text has
//! it as a column ([`Field::column`]), and a sentence names it ([`Field::of`]):
//!
//! ```text
//! const RSS: Field<Seen> = field("process.memory.usage", Mib(|one| one.process.memory.rss));
//!
//! [PID, RSS, SWAP]                                       // members of a line of JSON
//! [PID.column("PID", 8), RSS.column("RSS MiB", 8)]        // columns of text
//! format_args!("limit {} MiB", LIMIT.of(group))           // a sentence
//! ```

use core::fmt::{Display, Formatter};
use core::time::Duration;

use super::columns::{CommandLine, Name};
use super::table::Column;
use super::{Event, Fact, Value};
use crate::report::Severity;
use crate::units::{Bytes, Percent};

/// What has quantities. It may borrow; the type that names it is its own, of those that borrow for ever.
pub trait Rows: 'static {
    /// One thing that has them.
    type Row<'r>;

    /// One line for people, in JSON; empty: what it is a table of.
    fn message<'r>(_: &'r Self::Row<'r>) -> &'r [u8] {
        b""
    }

    /// How bad it is, in JSON.
    fn severity(_: &Self::Row<'_>) -> Severity {
        Severity::Info
    }
}

/// Where in a row a value is, and of what kind it is.
pub enum Get<R: Rows> {
    /// A size in kB: [`Value::Bytes`].
    Size(for<'r> fn(&'r R::Row<'r>) -> Option<Bytes>),
    /// A [`Value::Mib`].
    Mib(for<'r> fn(&'r R::Row<'r>) -> Option<Bytes>),
    /// The same of which so much was not read: [`Value::About`].
    About(for<'r> fn(&'r R::Row<'r>) -> Option<(Bytes, Bytes)>),
    /// A [`Value::Growth`].
    Growth(for<'r> fn(&'r R::Row<'r>) -> Option<i64>),
    /// A [`Value::Rate`].
    Rate(for<'r> fn(&'r R::Row<'r>) -> Option<i64>),
    /// A [`Value::Count`].
    Count(for<'r> fn(&'r R::Row<'r>) -> Option<u64>),
    /// A [`Value::Int`].
    Int(for<'r> fn(&'r R::Row<'r>) -> Option<i64>),
    /// A share with two digits: [`Value::Percent`].
    Share(for<'r> fn(&'r R::Row<'r>) -> Option<Percent>),
    /// A [`Value::Tenths`].
    Tenths(for<'r> fn(&'r R::Row<'r>) -> Option<Percent>),
    /// [`Value::Thousandths`].
    Thousandths(for<'r> fn(&'r R::Row<'r>) -> Option<u16>),
    /// A [`Value::Span`].
    Span(for<'r> fn(&'r R::Row<'r>) -> Option<Duration>),
    /// A [`Value::Text`], of which the start stays when it is too long; empty, it is not known.
    Text(for<'r> fn(&'r R::Row<'r>) -> &'r [u8]),
    /// The same, of which the end stays: a path.
    Path(for<'r> fn(&'r R::Row<'r>) -> &'r [u8]),
    /// The same of ours and as long as it is: [`Value::Words`]; empty, there are none.
    Words(for<'r> fn(&'r R::Row<'r>) -> &'r [u8]),
    /// A [`Value::Command`].
    Command(for<'r> fn(&'r R::Row<'r>) -> CommandLine<'r>),
    /// Any value: one that has a reason where it is missing.
    Known(for<'r> fn(&'r R::Row<'r>) -> Value<'r>),
}

impl<R: Rows> Get<R> {
    /// What is found in a row.
    pub fn value<'r>(&self, row: &'r R::Row<'r>) -> Value<'r> {
        let text = |text: &'r [u8], value: fn(&'r [u8]) -> Value<'r>| match text {
            b"" => Value::Nothing,
            text => value(text),
        };
        match self {
            Self::Size(get) => Value::or_nothing(get(row), Value::Bytes),
            Self::Mib(get) => Value::or_nothing(get(row), Value::Mib),
            Self::About(get) => Value::or_nothing(get(row), |(size, unread)| Value::About(size, unread)),
            Self::Growth(get) => Value::or_nothing(get(row), Value::Growth),
            Self::Rate(get) => Value::or_nothing(get(row), Value::Rate),
            Self::Count(get) => Value::or_nothing(get(row), Value::Count),
            Self::Int(get) => Value::or_nothing(get(row), Value::Int),
            Self::Share(get) => Value::or_nothing(get(row), Value::Percent),
            Self::Tenths(get) => Value::or_nothing(get(row), Value::Tenths),
            Self::Thousandths(get) => Value::or_nothing(get(row), Value::Thousandths),
            Self::Span(get) => Value::or_nothing(get(row), Value::Span),
            Self::Text(get) | Self::Path(get) => text(get(row), Value::Text),
            Self::Words(get) => text(get(row), |words| Value::Words(core::str::from_utf8(words).unwrap_or_default())),
            Self::Command(get) => Value::Command(get(row)),
            Self::Known(get) => get(row),
        }
    }
}

/// One quantity of an `R`.
pub struct Field<R: Rows> {
    /// Its path in JSON, `process.memory.usage`; empty: it is not in JSON.
    pub key: &'static str,
    /// Where its value is.
    pub get: Get<R>,
}

/// Names fields, and makes the list of them that JSON has, in its order.
#[doc(hidden)]
#[macro_export]
macro_rules! __fields {
    ($vis:vis $list:ident of $of:ty { $($(#[$doc:meta])* $name:ident = $key:literal, $get:expr;)* }) => {
        $($(#[$doc])* #[allow(missing_docs, reason = "the key says it")] $vis const $name: $crate::report::field::Field<$of> = $crate::report::field::field($key, $get);)*
        #[allow(missing_docs, reason = "the keys of its fields say it")]
        $vis static $list: &[$crate::report::field::Field<$of>] = &[$($name),*];
    };
}
pub use __fields as fields;

/// A quantity.
#[must_use]
pub const fn field<R: Rows>(key: &'static str, get: Get<R>) -> Field<R> {
    Field { key, get }
}

impl<R: Rows> Field<R> {
    /// Its value in a row: as a sentence has it, in the unit that is its kind's and without its name.
    pub fn of<'r>(&self, row: &'r R::Row<'r>) -> Value<'r> {
        self.get.value(row)
    }

    /// The column of it in text that is called `label`, and so wide; 0: it is in JSON alone.
    #[must_use]
    pub const fn column(self, label: &'static str, width: usize) -> Column<R> {
        Column::new("", label, width, self)
    }
}

/// One quantity that a [`super::Report`] says as a fact of an `R`.
pub struct FactOf<R: Rows> {
    name: super::Name,
    get: Get<R>,
}

/// What is `label: value` in text and has its key in JSON, where the line of `event` has it; either may be empty.
#[must_use]
pub const fn told<R: Rows>(event: &'static Event, label: &'static str, key: &'static str, get: Get<R>) -> FactOf<R> {
    FactOf { name: super::Name(event, label, key), get }
}

/// The facts of a row.
pub fn facts<'r, R: Rows, const N: usize>(told: &[FactOf<R>; N], row: &'r R::Row<'r>) -> [Fact<'r>; N] {
    told.each_ref().map(|one| one.name.is(one.get.value(row)))
}

/// As a sentence has it: a figure without its unit, a name escaped, `-` where it is not known.
impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Text(name) | Self::Cut(name) => Name(name).fmt(f),
            Self::Words(words) => f.write_str(words),
            _ => match core::str::from_utf8(self.figure().as_bytes()) {
                Ok("") | Err(_) => f.write_str("-"),
                Ok(figure) => f.write_str(figure),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::report::columns::tests::written;
    use crate::report::json::put_object;
    use crate::report::table::{Table, in_text};
    use std::string::ToString;

    const ANY: &Event = &Event::of_snapshot("", "");

    struct Room {
        name: &'static [u8],
        size: Option<Bytes>,
        unread: Bytes,
    }

    impl Rows for Room {
        type Row<'r> = Self;
    }

    fields! { ROOM of Room {
        NAME = "room.name", Get::Text(|room| room.name);
        SIZE = "room.size_bytes", Get::About(|room| Some((room.size?, room.unread)));
    } }

    static ROOMS: Table<Room> = Table::of_text(&[
        SIZE.column("SIZE MiB", 9),
        in_text("%", 6, Get::Tenths(|room| Percent::of(room.size?, Bytes(8 << 20)))),
        NAME.column("NAME", 10),
    ]);

    static TOLD: [FactOf<Room>; 1] = [told(ANY, "Room", "room.size_bytes", Get::Size(|room| room.size))];

    #[test]
    fn a_field_is_a_sentence_a_column_and_a_member_of_json() {
        let room = Room { name: b"a|b", size: Some(Bytes(3 << 20)), unread: Bytes(1 << 20) };
        assert_eq!([NAME, SIZE].map(|field| field.of(&room).to_string()), ["a\\174b", "~3.0"]);
        assert_eq!(written(|out| ROOMS.put_labels(out)), " SIZE MiB      % NAME\n");
        assert_eq!(written(|out| ROOMS.put(&room, out)), "     ~3.0   37.5 a\\174b\n");
        let facts = [NAME, SIZE].map(|field| super::super::Name(ANY, "", field.key).is(field.of(&room)));
        assert_eq!(ROOM.len(), facts.len());
        assert_eq!(written(|out| put_object(out, &facts)), r#"{"room":{"name":"a|b","size_bytes":3145728}}"#);
    }

    #[test]
    fn what_is_not_known_is_a_dash_and_no_member_of_json() {
        let room = Room { name: b"", size: None, unread: Bytes(0) };
        assert_eq!([NAME, SIZE].map(|field| field.of(&room).to_string()), ["-", "-"]);
        assert_eq!(written(|out| ROOMS.put(&room, out)), "        -      - -\n");
        assert_eq!(written(|out| put_object(out, &facts(&TOLD, &room))), "{}");
    }
}
