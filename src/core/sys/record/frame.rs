//! The lines that hold a record together: readable in a pager, and of a fixed length, so that one can be written over another.
//!
//! ```text
//! ##### MEMDOOR RECORD #####
//! State:            7, end        12345, gap            0            0, open            0, check 00a1b2c3d4e5f607
//! State:            6, end        11111, gap            0            0, open         9999, check 0123456789abcdef
//! Entry:            0 start          812 bytes, check 0123456789abcdef
//! ```
//! In JSON each is an object. A record is written to in two steps: bytes first, then the older of the two State lines says that they
//! count. Whenever it stops, one of the two is whole, and its check tells which.

use super::fields::{Fields, HEX, Line, WIDE, decimal, hex, join, length};

/// How the lines are written: as the reports between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Text.
    Text,
    /// One object a line.
    Json,
}

/// What an entry of a record is. What goes first when the record is full depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The head of the record.
    Start,
    /// A report below the threshold.
    Below,
    /// A snapshot that was asked for by SIGUSR1.
    Asked,
    /// A snapshot above the threshold.
    Above,
    /// A snapshot at the moment of death.
    Death,
    /// The end of the watch.
    Ended,
    /// A report that did not fit, whatever it was: its last lines are missing, and [`Form::cut`] stands in their place.
    Short,
}

/// Five letters each.
const KINDS: [(Kind, &[u8; 5]); 7] = [
    (Kind::Start, b"start"),
    (Kind::Below, b"below"),
    (Kind::Asked, b"asked"),
    (Kind::Above, b"above"),
    (Kind::Death, b"death"),
    (Kind::Ended, b"ended"),
    (Kind::Short, b"short"),
];

impl Kind {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static [u8; 5] {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or(b"start", |(_, name)| name)
    }

    fn of(name: &[u8]) -> Option<Self> {
        let found = KINDS.iter().find(|(_, known)| *known == name);
        found.map(|(kind, _)| *kind)
    }
}

const FRAME: [[&str; 5]; 2] = [
    ["Entry: ", " ", " ", " bytes, check ", "\n"],
    [
        "{\"schema\":\"memdoor/1\",\"event_name\":\"memdoor.record.entry\",\"memdoor\":{\"record\":{\"number\":",
        ",\"kind\":\"",
        "\",\"bytes\":",
        ",\"check\":\"",
        "\"}}}\n",
    ],
];
const FRAME_WIDTHS: [usize; 4] = [WIDE, 5, WIDE, HEX];

const STATE: [[&str; 7]; 2] = [
    ["State: ", ", end ", ", gap ", " ", ", open ", ", check ", "\n"],
    [
        "{\"schema\":\"memdoor/1\",\"event_name\":\"memdoor.record.state\",\"memdoor\":{\"record\":{\"state\":",
        ",\"end\":",
        ",\"gap\":[",
        ",",
        "],\"open\":",
        ",\"check\":\"",
        "\"}}}\n",
    ],
];
const STATE_WIDTHS: [usize; 6] = [WIDE, WIDE, WIDE, WIDE, WIDE, HEX];

impl Form {
    const fn at(self) -> usize {
        match self {
            Self::Text => 0,
            Self::Json => 1,
        }
    }

    /// The first line of a record.
    #[must_use]
    pub const fn magic(self) -> &'static [u8] {
        match self {
            Self::Text => b"##### MEMDOOR RECORD #####\n",
            Self::Json => b"{\"schema\":\"memdoor/1\",\"event_name\":\"memdoor.record.file\"}\n",
        }
    }

    /// What a reader of standard output finds where it did not read in time.
    #[must_use]
    pub const fn lost(self) -> &'static [u8] {
        match self {
            Self::Text => b"[standard output was not read in time: the record has what is missing here]\n",
            Self::Json => b"{\"schema\":\"memdoor/1\",\"event_name\":\"memdoor.record.unread\"}\n",
        }
    }

    /// The last line of an entry that did not fit.
    #[must_use]
    pub const fn cut(self) -> &'static [u8] {
        match self {
            Self::Text => b"[cut: the record has no room for the rest of this report]\n",
            Self::Json => {
                b"{\"schema\":\"memdoor/1\",\"event_name\":\"memdoor.record.cut\",\"memdoor\":{\"incomplete\":\
                  [\"the record has no room for the rest of this report\"]}}\n"
            }
        }
    }

    /// Which form the bytes of a file have; `None` when they are no record.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|form| bytes.starts_with(form.magic()))
    }

    /// Bytes of a [`Frame`]'s line.
    #[must_use]
    pub fn frame_len(self) -> usize {
        length(&FRAME[self.at()], &FRAME_WIDTHS)
    }

    /// Bytes of a [`State`]'s line.
    #[must_use]
    pub fn state_len(self) -> usize {
        length(&STATE[self.at()], &STATE_WIDTHS)
    }

    /// Where the entries begin: behind the first line and the two states.
    #[must_use]
    pub fn start(self) -> usize {
        self.magic().len() + 2 * self.state_len()
    }

    /// What every frame begins with.
    #[must_use]
    pub const fn frame_prefix(self) -> &'static [u8] {
        FRAME[self.at()][0].as_bytes()
    }
}

/// What stands above an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// They are counted, in order.
    pub number: usize,
    /// What it is.
    pub kind: Kind,
    /// Its length, this line left out.
    pub bytes: usize,
    /// [`check`] of its bytes.
    pub check: u64,
}

impl Frame {
    /// As a line.
    #[must_use]
    pub fn line(&self, form: Form) -> Line {
        let (number, bytes) = (decimal(self.number), decimal(self.bytes));
        let fields: [&[u8]; 4] = [&number, self.kind.name(), &bytes, &hex(self.check)];
        join(&FRAME[form.at()], &fields)
    }

    /// The line at the start of `bytes`.
    #[must_use]
    pub fn read(form: Form, bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(&FRAME[form.at()], &FRAME_WIDTHS, bytes)?;
        Some(Self {
            number: fields.number()?,
            kind: Kind::of(fields.next()?)?,
            bytes: fields.number()?,
            check: fields.hex()?,
        })
    }
}

/// What of a record counts. Offsets are as if the gap were not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// They are counted: the higher one is the newer.
    pub number: usize,
    /// The end of what counts.
    pub end: usize,
    /// From where to where the bytes do not count: what is above is on its way down.
    pub gap: (usize, usize),
    /// Where the frame of an entry stands that is still being written; 0 for none.
    pub open: usize,
}

impl State {
    fn fields(&self) -> [[u8; WIDE]; 5] {
        let (from, to) = self.gap;
        [self.number, self.end, from, to, self.open].map(decimal)
    }

    /// As a line.
    #[must_use]
    pub fn line(&self, form: Form) -> Line {
        let fields = self.fields();
        let hex = hex(check(fields.as_flattened()));
        let [number, end, from, to, open] = &fields;
        join(&STATE[form.at()], &[number, end, from, to, open, &hex])
    }

    /// The line at the start of `bytes`, when it is whole.
    #[must_use]
    pub fn read(form: Form, bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(&STATE[form.at()], &STATE_WIDTHS, bytes)?;
        let state = Self {
            number: fields.number()?,
            end: fields.number()?,
            gap: (fields.number()?, fields.number()?),
            open: fields.number()?,
        };
        let is_whole = fields.hex()? == check(state.fields().as_flattened());
        is_whole.then_some(state)
    }

    /// The newer of the two states of a record.
    #[must_use]
    pub fn newest(form: Form, bytes: &[u8]) -> Option<Self> {
        Self::both(form, bytes).into_iter().flatten().max_by_key(|state| state.number)
    }

    /// Whether one of the two is damaged. Both are whole from the start on, and which of them it was is not known: the newer may have
    /// counted entries that the other does not.
    #[must_use]
    pub fn is_one_damaged(form: Form, bytes: &[u8]) -> bool {
        let [first, second] = Self::both(form, bytes);
        first.is_some() != second.is_some()
    }

    fn both(form: Form, bytes: &[u8]) -> [Option<Self>; 2] {
        let first = form.magic().len();
        [first, first + form.state_len()].map(|at| Self::read(form, bytes.get(at..)?))
    }
}

/// Tells bytes of a disk that were written from others: FNV-1a, eight bytes at a time.
#[must_use]
pub fn check(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(PRIME).rotate_left(23);
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
    mix(hash, bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_and_torn_it_is_none() {
        for form in [Form::Text, Form::Json] {
            let frame = Frame { number: 12, kind: Kind::Above, bytes: 34_567, check: check(b"abc") };
            let line = frame.line(form);
            assert_eq!(line.as_bytes().len(), form.frame_len());
            assert!(line.as_bytes().starts_with(form.frame_prefix()));
            assert_eq!(Frame::read(form, line.as_bytes()), Some(frame));
            assert_eq!(Frame::read(form, &line.as_bytes()[1..]), None);
            assert_eq!(Frame::read(form, &line.as_bytes()[..20]), None);
        }
    }

    #[test]
    fn of_two_states_the_newer_whole_one_counts() {
        for form in [Form::Text, Form::Json] {
            let old = State { number: 8, end: 999, gap: (1, 2), open: 77 };
            let new = State { number: 9, end: 1_000, ..old };
            let mut bytes = [0; 1024];
            let (first, length) = (form.magic().len(), form.state_len());
            bytes[..first].copy_from_slice(form.magic());
            bytes[first..first + length].copy_from_slice(old.line(form).as_bytes());
            bytes[first + length..][..length].copy_from_slice(new.line(form).as_bytes());
            assert_eq!(Form::of(&bytes), Some(form));
            assert_eq!(State::newest(form, &bytes), Some(new));
            // Half of it is of the one before.
            for torn in 1..length {
                let mut bytes = bytes;
                bytes[first + length..][..torn].copy_from_slice(&old.line(form).as_bytes()[..torn]);
                let found = State::newest(form, &bytes);
                assert!(found == Some(old) || found == Some(new), "{torn}: {found:?}");
            }
        }
    }

    #[test]
    fn a_check_tells_lengths_and_single_bytes_apart() {
        assert_ne!(check(b""), check(b"\0"));
        assert_ne!(check(b"12345678"), check(b"12345678\0"));
        assert_ne!(check(b"1234567890"), check(b"1234567891"));
        assert_ne!(check(b"1234567890123456"), check(b"9012345612345678"));
    }
}
