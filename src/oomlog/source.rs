//! Where a log's bytes come from, and what went wrong on the way.
mod foreign;
mod framed;

use super::assemble::Unplaced;
use super::event::Mark;
use super::order;
use super::scan::Lost;
use super::unpack::{self, Unpack};
use crate::journal::{Refusal, Salvage};
use crate::sys::Result;
use crate::sys::input::{Input, Kind};
pub use foreign::Foreign;
use framed::Framed;

/// Why a log may hold more than was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It is packed, and ends inside of a member. What was before it has been read.
    CutOff(Packing),
    /// It is packed, and its bytes are not what their checksum or their code says.
    Damaged(Packing),
    /// It is packed, and something that is no member follows the last one.
    Trailing(Packing),
    /// It is packed with a window of more than 64 MiB, and nothing behind that was read.
    Window(Packing),
    /// A plain file that ended before the size that it had at first.
    Shrunk,
    /// It is packed, or no text: nothing of it has been read.
    Foreign(Foreign),
    /// It is of the journal, of a later systemd: these of its incompatible flags are not known.
    Later(u32),
    /// It is of the journal, and a part of it can not be read.
    Salvaged(Salvage),
    /// A line is longer than what is read of one, and tells of a kill: who has read all of it says so.
    Long(Lost),
    /// Lines of the OOM killer's own words belong to no event: who has read all of it says so.
    Unplaced(Unplaced),
    /// Its newest line is the first, and there is something of the OOM killer in it: who has read all of it says so.
    Backwards,
    /// It is the journal's JSON, and each message in it is null: who has read all of it says so.
    NoMessage,
    /// It is no text of any form that is known, and no kernel line was seen in it: who has read all of it says so.
    NoText,
}

impl core::fmt::Display for Trouble {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Shrunk => "the file has shrunk while it was read: what it still held was read",
            Self::Foreign(foreign) => {
                return write!(f, "it is a file of {}: nothing of it was read", foreign.name());
            }
            Self::Unplaced(Unplaced { count, first, last }) => {
                write!(f, "{count}: {}", Mark::of(*first))?;
                if first != last {
                    write!(f, " to {}", Mark::of(*last))?;
                }
                return f.write_str(". There may be events in it that are not listed");
            }
            Self::Later(flags) => return write!(f, "{}", Refusal::Unknown(*flags)),
            Self::Salvaged(salvage) => {
                return write!(f, "not all of this file of systemd-journald could be read, and events may be missing: {salvage}");
            }
            Self::Long(_) => {
                "a line of more than 64 KiB tells of the OOM killer, and was not read whole: an event may be missing, or a part of one"
            }
            Self::Backwards => {
                "its newest line is the first, so that no report in it can be put together: events may be missing or in parts"
            }
            Self::NoMessage => {
                "each \"MESSAGE\" at its start is null, which journalctl writes for a field that is too long: what the kernel said is not in it"
            }
            Self::NoText => "it is no text, and no line of a kernel log was recognised in it",
            Self::CutOff(packing) => {
                return write!(f, "the {} file is cut off: what it holds was read", packing.name());
            }
            Self::Damaged(packing) => {
                return write!(f, "the {} file is damaged: what is before the damage was read", packing.name());
            }
            Self::Trailing(packing) => {
                return write!(f, "something else follows the {} data: it was not read", packing.name());
            }
            Self::Window(packing) => {
                let name = packing.name();
                return write!(f, "the {name} file takes more than 64 MiB of memory to be unpacked: it was not read");
            }
        })
    }
}

impl Trouble {
    /// What makes a log of it that can be read.
    #[must_use]
    pub const fn command(self) -> Option<Command> {
        match self {
            Self::Foreign(foreign) => Some(Command::Unpack(foreign.command())),
            Self::Window(Packing::Zstd) => Some(Command::Unpack(["zstdcat --long=31 ", ""])),
            Self::Window(_) => Some(Command::Unpack(["xzcat ", ""])),
            Self::Later(_) => Some(Command::Unpack(Foreign::Journal.command())),
            Self::Backwards => Some(Command::Filter("tac")),
            Self::NoMessage => Some(Command::Instead("journalctl -o json --all _TRANSPORT=kernel")),
            // The texts in it, whatever holds them, with the newlines that are spelled there.
            Self::Long(Lost::Object) => Some(Command::Filter("jq -r '.. | strings'")),
            Self::Long(Lost::Line) => {
                Some(Command::Filter("grep -aoE '(Out of memory|Memory cgroup out of memory): Kill.{0,400}'"))
            }
            _ => None,
        }
    }
}

/// What is typed to have the text of a log on standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// It takes the file as it is: what stands before its name and behind it.
    Unpack([&'static str; 2]),
    /// It takes the log's text, which a packed file does not have.
    Filter(&'static str),
    /// The file does not have it.
    Instead(&'static str),
}

/// How the file holds a log's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// As it is.
    Plain,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
}

impl Packing {
    /// By a file's first bytes: its name says nothing.
    pub(super) fn of(first: &[u8]) -> Self {
        match first {
            // RFC 1952, 2.3.1.
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // RFC 8878: a frame, and one that is skipped, with which pzstd begins.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }

    /// What unpacks a file of any name that it has as its standard input.
    #[must_use]
    pub const fn cat(self) -> &'static str {
        match self {
            Self::Plain => "cat",
            Self::Gzip => "zcat",
            Self::Xz => "xzcat",
            Self::Zstd => "zstdcat",
            Self::Bzip2 => "bzcat",
        }
    }
}

/// A log as plain bytes, compressed or not.
pub struct Source {
    input: Input,
    coding: Coding,
    /// What was looked at before it is read, and what comes before the first byte.
    ahead: Vec<u8>,
    prepended: u64,
    framing: Framing,
    /// The whole of a log that was turned round, and how many lines it has.
    turned: Option<u64>,
}

/// Whether what comes are lines.
enum Framing {
    /// Nothing was read yet.
    Unknown,
    Lines,
    Frames(Framed),
}

/// Whoever asks for less than this of frames gets it from a read of this.
const SMALL: usize = 64;

/// So much is looked at for the first line.
const AHEAD: usize = 4 << 10;

enum Coding {
    /// Nothing was read yet.
    Unknown,
    /// What should still come, 0 where nothing tells.
    Plain(u64),
    /// A plain file that has ended too early.
    Shrunk,
    /// A log that was read whole, and how much of it was handed on.
    Whole(Vec<u8>, usize, Option<Trouble>),
    Packed(Box<dyn Unpack>),
    Foreign(Foreign),
}

impl Source {
    /// Reads from `input`, whose first bytes tell what it is: a log's name says nothing.
    #[must_use]
    pub const fn new(input: Input) -> Self {
        Self {
            input,
            coding: Coding::Unknown,
            ahead: Vec::new(),
            prepended: 0,
            framing: Framing::Unknown,
            turned: None,
        }
    }

    /// What went wrong so far.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match &self.coding {
            Coding::Packed(packed) => packed.trouble(),
            Coding::Shrunk => Some(Trouble::Shrunk),
            Coding::Whole(_, _, trouble) => *trouble,
            Coding::Foreign(foreign) => Some(Trouble::Foreign(*foreign)),
            Coding::Unknown | Coding::Plain(_) => None,
        }
    }

    /// How the file holds its text, as far as was read.
    #[must_use]
    pub fn packing(&self) -> Packing {
        match &self.coding {
            Coding::Packed(packed) => packed.packing(),
            _ => Packing::Plain,
        }
    }

    /// The text that it begins with: of its first line 4 KiB.
    pub fn begins(&mut self) -> Result<&[u8]> {
        let mut buf = vec![0; AHEAD];
        while self.ahead.len() < AHEAD && memchr::memchr(b'\n', &self.ahead).is_none() {
            match self.decode(&mut buf)? {
                0 => break,
                length => self.ahead.extend_from_slice(&buf[..length]),
            }
        }
        Ok(&self.ahead)
    }

    /// Turns the log round if its newest line is the first, so that it is read as any other. One that is too large for that stays as it is.
    pub fn turn(&mut self) -> Result<()> {
        if self.prepended > 0 {
            return Ok(());
        }
        let mut buf = vec![0; order::LOOKED_AT / 4];
        let mut text = core::mem::take(&mut self.ahead);
        let mut is_end = false;
        while text.len() < order::LOOKED_AT && !is_end {
            let length = match self.decode(&mut buf) {
                Ok(length) => length,
                // What was read is read first.
                Err(_) if !text.is_empty() => 0,
                Err(errno) => return Err(errno),
            };
            is_end = length == 0;
            text.extend_from_slice(&buf[..length]);
        }
        let start = &text[..text.len().min(order::LOOKED_AT)];
        if !order::is_reversed(start) || !order::are_lines(start) {
            self.ahead = text;
            return Ok(());
        }
        while !is_end && text.len() <= order::MOST {
            let length = self.decode(&mut buf).unwrap_or(0);
            is_end = length == 0;
            text.extend_from_slice(&buf[..length]);
        }
        if !is_end {
            self.ahead = text;
            return Ok(());
        }
        self.turned = Some(memchr::memchr_iter(b'\n', &text).count() as u64 + u64::from(!text.ends_with(b"\n")));
        let trouble = self.trouble();
        self.coding = Coding::Whole(order::turned(&text), 0, trouble);
        self.framing = Framing::Lines;
        Ok(())
    }

    /// How many lines a log has that was turned round.
    #[must_use]
    pub const fn turned(&self) -> Option<u64> {
        self.turned
    }

    /// Puts the start of a line before it, whose rest it begins with.
    pub fn put_before(&mut self, text: &[u8]) {
        self.ahead.splice(0..0, text.iter().copied());
        self.prepended = text.len() as u64;
    }

    /// How much was put before it.
    #[must_use]
    pub const fn prepended(&self) -> u64 {
        self.prepended
    }

    /// Fills `buf` as far as one read goes; 0 is the end.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        if self.ahead.is_empty() {
            return self.decode(buf);
        }
        let length = buf.len().min(self.ahead.len());
        buf[..length].copy_from_slice(&self.ahead[..length]);
        if length == self.ahead.len() {
            self.ahead = Vec::new();
        } else {
            self.ahead.drain(..length);
        }
        Ok(length)
    }

    fn decode(&mut self, buf: &mut [u8]) -> Result<usize> {
        if let Framing::Unknown = self.framing
            && buf.len() >= SMALL
        {
            let length = self.look(buf)?;
            if length > 0 || buf.is_empty() {
                return Ok(length);
            }
        }
        if !matches!(self.framing, Framing::Frames(_)) {
            return self.bytes(buf);
        }
        // The end of a frame takes a byte more than was read.
        if buf.len() < SMALL {
            let mut more = [0; SMALL];
            let length = self.decode(&mut more)?;
            let (now, later) = more[..length].split_at(length.min(buf.len()));
            buf[..now.len()].copy_from_slice(now);
            self.ahead.extend_from_slice(later);
            return Ok(now.len());
        }
        // Of a read that ends in a length there is nothing yet.
        loop {
            let length = self.bytes(&mut buf[1..])?;
            let Framing::Frames(framed) = &mut self.framing else {
                return Ok(length);
            };
            let lines = framed.lines(&mut buf[..=length]);
            if lines > 0 || length == 0 {
                return Ok(lines);
            }
        }
    }

    /// Reads the start, and looks whether it is made of frames: so much of it that there may be one whole.
    fn look(&mut self, buf: &mut [u8]) -> Result<usize> {
        // A byte before it is left for the end of a frame.
        let mut length = self.bytes(&mut buf[1..])?;
        // An archive begins with the name of a file, and no newline for 512 bytes.
        loop {
            let start = &buf[1..=length];
            let is_framed = Framed::may_be(start) && length < AHEAD.min(buf.len() - 1);
            let is_archive = length < foreign::HEADER.min(buf.len() - 1) && memchr::memchr(b'\n', start).is_none();
            if !is_framed && !is_archive {
                break;
            }
            match self.bytes(&mut buf[1 + length..])? {
                0 => break,
                more => length += more,
            }
        }
        if Foreign::is_tar(&buf[1..=length]) {
            self.coding = Coding::Foreign(Foreign::Tar);
            self.framing = Framing::Lines;
            return Ok(0);
        }
        match Framed::of(&buf[1..=length]) {
            Some(mut framed) => {
                length = framed.lines(&mut buf[..=length]);
                self.framing = Framing::Frames(framed);
            }
            None => {
                buf.copy_within(1..=length, 0);
                self.framing = Framing::Lines;
            }
        }
        Ok(length)
    }

    /// What the file holds, unpacked.
    fn bytes(&mut self, buf: &mut [u8]) -> Result<usize> {
        match &mut self.coding {
            Coding::Plain(left) => {
                let length = self.input.read(buf)?;
                if length == 0 && *left > 0 {
                    self.coding = Coding::Shrunk;
                } else {
                    *left = left.saturating_sub(length as u64);
                }
                Ok(length)
            }
            Coding::Packed(packed) => packed.read(&self.input, buf),
            Coding::Shrunk | Coding::Foreign(_) => Ok(0),
            Coding::Whole(text, at, _) => {
                let length = buf.len().min(text.len() - *at);
                buf[..length].copy_from_slice(&text[*at..*at + length]);
                *at += length;
                Ok(length)
            }
            Coding::Unknown => self.first(buf),
        }
    }

    fn first(&mut self, buf: &mut [u8]) -> Result<usize> {
        let size = match self.input.kind() {
            Ok(Kind::File) => self.input.left().unwrap_or(0),
            _ => 0,
        };
        // A pipe may give one byte at a time.
        let mut first = [0; foreign::LONGEST];
        let room = buf.len().min(first.len());
        let mut length = 0;
        while length < room {
            match self.input.read(&mut first[length..room])? {
                0 => break,
                more => length += more,
            }
        }
        let first = &first[..length];
        if let Some(packed) = unpack::of(Packing::of(first), first) {
            self.coding = Coding::Packed(packed);
            return self.bytes(buf);
        }
        if let Some(foreign) = Foreign::of(first) {
            self.coding = Coding::Foreign(foreign);
            return Ok(0);
        }
        self.coding = Coding::Plain(size.saturating_sub(length as u64));
        if length == 0 {
            return self.bytes(buf);
        }
        buf[..length].copy_from_slice(first);
        Ok(length)
    }
}
