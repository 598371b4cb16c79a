//! What of a file is wanted.

use super::layout::Id;

/// A field's name, `=` and its value, as the journal holds them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term(pub(super) Vec<u8>);

impl Term {
    /// `_PID` and `4242`.
    #[must_use]
    pub fn new(field: &str, value: &[u8]) -> Self {
        Self([field.as_bytes(), b"=", value].concat())
    }
}

/// Which entries are wanted: those that have any of the terms, and all where there is none; of these, those of a time and of a boot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    pub(super) any: Vec<Term>,
    pub(super) since_us: Option<u64>,
    pub(super) until_us: Option<u64>,
    pub(super) boot: Option<Id>,
}

impl Query {
    /// SD_MESSAGE_JOURNAL_MISSED of sd-messages.h: journald was too slow for the kernel's ring buffer.
    pub(super) const MISSED: &[u8] = b"e9bf28e6e834481bb6f48f548ad13606";

    /// All entries.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The entries of which a field has a value.
    #[must_use]
    pub fn of(field: &str, value: &[u8]) -> Self {
        Self::default().or(field, value)
    }

    /// What came from /dev/kmsg, and what journald says of what it could not read there. Not all of that is the kernel's: see
    /// [`super::Entry::speaker`].
    #[must_use]
    pub fn kernel() -> Self {
        Self::of("_TRANSPORT", b"kernel").or("MESSAGE_ID", Self::MISSED)
    }

    /// Those, too, of which another field has a value.
    #[must_use]
    pub fn or(mut self, field: &str, value: &[u8]) -> Self {
        self.any.push(Term::new(field, value));
        self
    }

    /// No event before that, in microseconds since 1970.
    #[must_use]
    pub const fn since(mut self, us: u64) -> Self {
        self.since_us = Some(us);
        self
    }

    /// No event behind that.
    #[must_use]
    pub const fn until(mut self, us: u64) -> Self {
        self.until_us = Some(us);
        self
    }

    /// Of one boot alone.
    #[must_use]
    pub const fn boot(mut self, id: Id) -> Self {
        self.boot = Some(id);
        self
    }
}
