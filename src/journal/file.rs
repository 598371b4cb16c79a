//! A file of the journal, opened.

use core::fmt;
use std::io;
use std::path::Path;

use super::blocks::Blocks;
use super::layout::{Header, Id, OLDEST, State, Unreadable};
use super::payload::Unpacker;
use super::query::Query;
use super::reader::Reader;

/// A file whose header was read.
pub struct File {
    pub(super) blocks: Blocks,
    pub(super) header: Header,
    pub(super) unpacker: Unpacker,
}

/// Why a file is not read.
#[derive(Debug)]
pub enum Refusal {
    /// It can't be opened, or not be read.
    Io(io::Error),
    /// It does not begin as files of the journal do.
    NoJournal,
    /// It ends inside of its header.
    Short,
    /// It has incompatible features that are not known: these bits.
    Unknown(u32),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NoJournal => f.write_str("it is no file of systemd-journald"),
            Self::Short => {
                f.write_str("the file of systemd-journald ends inside of its header: there is nothing in it")
            }
            Self::Unknown(flags) => write!(
                f,
                "it was written by a later systemd in a way that is not known here (incompatible flags {flags:#x}): nothing of it was read"
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl File {
    /// Opens what is at a path.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        Self::of(std::fs::File::open(path)?)
    }

    /// What is open already; a regular file, since it is read in any order.
    pub fn of(file: std::fs::File) -> Result<Self, Refusal> {
        let mut blocks = Blocks::new(file)?;
        let header = header(&mut blocks)?;
        Ok(Self { blocks, header, unpacker: Unpacker::default() })
    }

    /// Its entries that a query is about.
    #[must_use]
    pub fn read(self, query: Query) -> Reader {
        Reader::new(self, query)
    }

    /// What its writer has last said of it.
    #[must_use]
    pub const fn state(&self) -> State {
        self.header.state
    }

    /// The machine that wrote it.
    #[must_use]
    pub const fn machine(&self) -> Id {
        self.header.machine
    }

    /// What its sequence numbers are of: entries of two files with the same one and the same number are one entry.
    #[must_use]
    pub const fn sequence(&self) -> Id {
        self.header.sequence
    }

    /// How many entries there are in it, as its header says.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.header.entries
    }

    /// When its first and its last entry were written, in microseconds since 1970, as its header says. None where there is no entry.
    #[must_use]
    pub fn span(&self) -> Option<[u64; 2]> {
        let span = [self.header.head_realtime, self.header.tail_realtime];
        (span[0] > 0 && span[0] <= span[1]).then_some(span)
    }

    /// How many bytes there should be beyond its end: what it says that it has written there.
    pub(super) const fn cut_off(&self) -> u64 {
        let size = self.blocks.size();
        let said = self.header.size.saturating_add(self.header.arena);
        // Room that was allocated for what comes is no loss.
        if self.header.tail_object >= size { said.saturating_sub(size) } else { 0 }
    }

    /// Looks at the file anew, which somebody writes to.
    pub(super) fn refresh(&mut self) -> Result<(), Refusal> {
        self.blocks.refresh()?;
        self.header = header(&mut self.blocks)?;
        Ok(())
    }
}

fn header(blocks: &mut Blocks) -> Result<Header, Refusal> {
    /// What is read of the longest.
    const ENOUGH: u64 = 224;
    let length = blocks.size().min(ENOUGH);
    let bytes = blocks.get(0, usize::try_from(length).unwrap_or(0)).map_err(|_| io::Error::other("it can't be read"));
    Header::of(bytes?).map_err(|why| match why {
        Unreadable::NoJournal => Refusal::NoJournal,
        Unreadable::Short => Refusal::Short,
        Unreadable::Flags(flags) => Refusal::Unknown(flags),
    })
}

const _: () = assert!(OLDEST < 224, "the number of fields is behind the oldest header");
