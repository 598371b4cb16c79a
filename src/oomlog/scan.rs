//! A log to the records that may matter.
//!
//! Most logs have none. Chunks are searched for needles before anything looks at lines; when one is found, the lines from some way
//! before it are handed on, until nothing of a report has been seen for a while.

use super::buffer::Buffer;
use super::event::{BYTES, Position, Stamp};
use super::feed::{Extent, Feed};
use super::json::object_start;
use super::needle::{Hit, LONGEST, Needles, Place, Spelling};
use super::prefix;
use super::record::Record;
use super::source::Source;
use super::start::{self, Start};
use crate::sys::Result;

/// Bytes for each read. On 2026-11-21 an AMD EPYC took 0.21 s of CPU for 1 GiB with this: 0.11 to read, 0.04 to search, 0.05 to count
/// lines; and 0.22 s with half of it. `grep -c` took 0.40 s.
const CHUNK: usize = 512 << 10;

/// How far behind the last line of a report the next may be. Two interleaved reports are this far apart at most.
const AFTER: usize = 128 << 10;

/// The same when every report has its end: what follows is the reaper, and the rest of a group. Looking at lines takes 20 times as
/// long as searching for needles.
const AFTER_END: usize = 16 << 10;

/// How far into a log lines are counted. Counting costs a fifth of searching, and a number above a million is no help to anybody who
/// looks for the line: behind this it is a byte's.
const COUNTED: u64 = 64 << 20;

/// How far before a report's header its record may begin (journal fields in front of the message).
const BEFORE: usize = 16 << 10;

/// What whoever takes the records says of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// It belongs to a report, and one goes on.
    Report,
    /// It belongs to a report, and all have ended.
    End,
    /// It does not.
    Other,
    /// No more, thanks.
    Stop,
}

/// Takes a record, and the number of the line that it is on.
pub type Take<'t> = dyn FnMut(Record<'_>, Position) -> Part + 't;

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Bytes, decompressed.
    pub bytes: u64,
    /// Lines of which no more than [`super::feed::LINE`] was read, or not the start.
    pub cut: u64,
    /// What one of those was that tell of a kill.
    pub lost: Option<Lost>,
    /// What it begins with.
    pub start: Start,
    /// The last time of day in its last 64 KiB.
    pub end: Option<Stamp>,
}

/// A line that is too long, and tells of a kill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// An object of JSON.
    Object,
    /// Any other.
    Line,
}

/// The buffers of a scan; one serves for any number of logs.
pub struct Scan {
    needles: Needles,
    feed: Feed,
    /// This chunk and the one before it, whose tail is handed on when this one has a needle.
    chunks: [Buffer; 2],
    /// How much of the chunk before this one has been handed on.
    handed: usize,
    /// The position of what of that chunk has not been handed on, less one, and how many lines end in it, or its bytes.
    lines: [u64; 2],
    unit: Unit,
    spelling: Spelling,
    /// Whether the chunk before this one is the first.
    is_first: bool,
    tail: Option<Tail>,
    /// Whether a word of a report was found.
    has_hit: bool,
}

/// The longest line that is put together again of two pieces of a log.
const TAIL: usize = 4 << 10;

/// The last line of a log, which has no end, and may have it in the piece behind. It was not handed on yet.
struct Tail {
    text: Vec<u8>,
    /// How the lines before it begin, the last that tells of each kind.
    heads: Vec<Head>,
    /// What is before it.
    passed: Position,
    /// Whether the lines before it were handed on up to it.
    is_wanted: bool,
}

/// How the lines of a log begin: a line that was cut anywhere does not begin so any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Head {
    /// With the time of day, in so many bytes.
    Wall(usize),
    /// With the time since boot.
    Boot,
    /// With an object of JSON.
    Object,
    /// With so many blanks: the rest of a record, below its first line.
    Below(usize),
}

/// The fewest of them: `[    0.000000] `.
const BLANKS: usize = 15;

impl Head {
    fn of(line: &[u8]) -> Option<Self> {
        let when = prefix::record(line).when;
        match when.wall {
            Some(wall) => Some(Self::Wall(wall.len())),
            None if when.boot_us.is_some() => Some(Self::Boot),
            None if line.starts_with(b"{") => Some(Self::Object),
            None => {
                let blanks = line.iter().take_while(|byte| **byte == b' ').count();
                (blanks >= BLANKS).then_some(Self::Below(blanks))
            }
        }
    }

    /// The last one of each kind that the lines of a log begin with.
    fn all(text: &[u8]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for head in text.rsplit(|byte| *byte == b'\n').filter_map(Self::of) {
            if !all.iter().any(|known| core::mem::discriminant(known) == core::mem::discriminant(&head)) {
                all.push(head);
            }
        }
        all
    }
}

impl Part {
    /// What is said of two records together.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stop, _) | (_, Self::Stop) => Self::Stop,
            (Self::Report, _) | (_, Self::Report) => Self::Report,
            (Self::End, _) | (_, Self::End) => Self::End,
            _ => Self::Other,
        }
    }

    /// How long to look on, at least.
    pub(super) const fn after(self) -> usize {
        match self {
            Self::End => AFTER_END,
            _ => AFTER,
        }
    }
}

impl Default for Scan {
    fn default() -> Self {
        Self::new()
    }
}

impl Scan {
    /// Takes 1.2 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self {
            needles: Needles::new(),
            feed: Feed::new(),
            chunks: [(); 2].map(|()| Buffer::new(CHUNK)),
            handed: 0,
            lines: [0; 2],
            unit: Unit::Line,
            spelling: Spelling::Text,
            is_first: false,
            tail: None,
            has_hit: false,
        }
    }

    /// Hands the records that may matter to `take`, in their order.
    ///
    /// After an error what was read before it has been handed on.
    pub fn run(&mut self, source: &mut Source, take: &mut Take<'_>) -> Result<Tally> {
        let mut tally = Tally::default();
        let (mut now, mut before) = (0, 0_usize);
        self.feed.reset();
        self.has_hit = false;
        self.handed = 0;
        self.lines = [0; 2];
        self.unit = Unit::Line;
        let done = loop {
            let length = match fill(source, &mut self.chunks[now]) {
                Ok(0) => break Ok(()),
                Ok(length) => length,
                Err(errno) => break Err(errno),
            };
            if self.unit == Unit::Line && tally.bytes >= COUNTED && !self.feed.is_open() {
                self.unit = Unit::Byte;
                let kept = before.saturating_sub(self.handed) as u64;
                self.lines = [BYTES | (tally.bytes - kept - source.prepended()), kept];
            }
            if tally.bytes == 0 {
                self.spelling = Spelling::of(&self.chunks[now][..length]);
                tally.start = Start::of(&self.chunks[now][..length]);
                self.feed.begin(&self.chunks[now][..length]);
            }
            tally.start.goes_on(&self.chunks[now][..length]);
            tally.bytes += length as u64;
            if !self.chunk(now, [length, before], take) {
                break Ok(());
            }
            self.is_first = before == 0;
            before = length;
            now = 1 - now;
        };
        tally.end = self.last([1 - now, now], before, tally.bytes);
        self.tail = self.unended([1 - now, now], before, tally.bytes);
        if self.tail.is_some() {
            self.feed.forget_line();
        }
        self.feed.end(take);
        // That was read with the piece before.
        tally.bytes -= source.prepended().min(tally.bytes);
        tally.cut = self.feed.cut();
        tally.start.is_backwards &= self.has_hit;
        // Where the line begins too far before its words, the log's start tells what it is.
        let is_json = self.spelling == Spelling::Json;
        tally.lost = self.feed.lost().map(|lost| if is_json { Lost::Object } else { lost });
        done.map(|()| tally)
    }

    /// The line that a log's last chunk ends with, where its end may be in another piece of the log.
    fn unended(&self, [last, earlier]: [usize; 2], length: usize, all: u64) -> Option<Tail> {
        let text = &self.chunks[last][..length];
        let is_start = length as u64 == all || length > 2 * TAIL;
        let before = if is_start { &[] } else { &self.chunks[earlier][CHUNK - 2 * TAIL..] };
        let chunk = &[before, text].concat()[..];
        let start = memchr::memrchr(b'\n', chunk).map_or(0, |at| at + 1);
        let text = &chunk[start..];
        if text.is_empty() || text.len() > TAIL || self.feed.is_cut_at_a_width() {
            return None;
        }
        let from = start.saturating_sub(2 * TAIL);
        let is_whole = from == 0 && length as u64 == all;
        let before = &chunk[from..start];
        // What begins in the middle of a line tells nothing.
        let first = if is_whole { 0 } else { memchr::memchr(b'\n', before)? + 1 };
        let before = &before[first..];
        let heads = Head::all(before);
        if heads.is_empty() && start > 0 {
            return None;
        }
        let is_wanted = self.feed.is_open();
        let started = if is_wanted || self.unit == Unit::Line { 0 } else { text.len() as u64 };
        let passed = self.lines[0] + self.lines[1] - started;
        Some(Tail { text: text.into(), heads, passed, is_wanted })
    }

    /// What the log before this one has ended with, where the next piece of it, which begins with this text, has the rest of the line.
    pub fn goes_on_in(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let tail = self.tail.as_ref()?;
        let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
        let both = [&tail.text, line].concat();
        // Where there is no line before it, any will do; and the first that is below another may be this one.
        let is_below = |head: &Head| matches!(head, Head::Below(_));
        let is_new = |head: &Head| is_below(head) && !tail.heads.iter().any(is_below);
        let fits = |head: Option<Head>| {
            head.is_some_and(|head| tail.heads.is_empty() || tail.heads.contains(&head) || is_new(&head))
        };
        let goes_on = !fits(Head::of(line)) && fits(Head::of(&both));
        goes_on.then(|| self.tail.take().map(|tail| tail.text))?
    }

    /// Hands on the line without an end that the log has ended with: nothing goes on with it.
    pub fn let_go(&mut self, take: &mut Take<'_>) {
        let Some(tail) = self.tail.take() else {
            return;
        };
        if tail.is_wanted || self.needles.find(&tail.text, Place::Start, self.spelling).is_some() {
            self.feed.open(AFTER, tail.passed, self.unit, Extent::Whole);
            self.feed.lines(&tail.text, take);
            self.feed.end(take);
        }
    }

    /// The last time in the last chunk, which is that long; it goes on from the one before it, if that was not all.
    fn last(&self, [last, earlier]: [usize; 2], length: usize, all: u64) -> Option<Stamp> {
        let text = &self.chunks[last][..length];
        let is_start = length as u64 == all;
        if is_start || length >= CHUNK {
            return start::last(text, is_start);
        }
        // Whatever was before it is as long as a chunk, but where a read failed: then this is of a line that has no time.
        let both = [&self.chunks[earlier][CHUNK / 2..], text].concat();
        start::last(&both, false)
    }

    /// `false` when no more is wanted.
    fn chunk(&mut self, now: usize, [length, before]: [usize; 2], take: &mut Take<'_>) -> bool {
        let [first, second] = &self.chunks;
        let (text, last) = if now == 0 { (first, second) } else { (second, first) };
        let pair = Pair {
            last: &last[self.handed..before],
            last_is_start: self.handed > 0 || self.is_first || before == 0,
            text: &text[..length],
            place: if before == 0 { Place::Start } else { Place::Further },
            spelling: self.spelling,
        };
        self.handed = 0;
        let mut at = 0;
        // Before `at`.
        let mut lines = self.lines[0] + self.lines[1];
        while at < length {
            if !self.feed.is_open() {
                let Some(hit) = pair.find(&self.needles, at) else {
                    break;
                };
                self.has_hit = true;
                let (start, text, extent) = pair.from(hit, at);
                let before = if start.is_empty() {
                    lines + self.unit.count(&pair.text[at..text])
                } else {
                    lines - self.unit.count(start)
                };
                let bytes = start.len() + hit.at.saturating_sub(text) + AFTER;
                self.feed.open(bytes, before, self.unit, extent);
                if self.feed.lines(start, take).is_none() {
                    return false;
                }
                at = text;
            }
            match self.feed.lines(&pair.text[at..], take) {
                Some(read) => at += read,
                None => return false,
            }
            self.handed = at;
            lines = self.feed.passed();
        }
        self.lines = [lines, self.unit.count(&pair.text[at..])];
        true
    }
}

/// This chunk, and what of the one before it has not been handed on.
struct Pair<'c> {
    last: &'c [u8],
    /// Whether `last` begins where a line does.
    last_is_start: bool,
    text: &'c [u8],
    place: Place,
    spelling: Spelling,
}

impl<'c> Pair<'c> {
    /// The first needle from `at` on; one that begins in the last chunk is as good as one at the start of this one.
    fn find(&self, needles: &Needles, at: usize) -> Option<Hit> {
        if at == 0
            && let Some(hit) = self.seam(needles)
        {
            return Some(hit);
        }
        let hit = needles.find(&self.text[at..], self.place, self.spelling)?;
        Some(Hit { at: at + hit.at, ..hit })
    }

    fn seam(&self, needles: &Needles) -> Option<Hit> {
        let tail = &self.last[self.last.len().saturating_sub(LONGEST - 1)..];
        let head = &self.text[..self.text.len().min(LONGEST - 1)];
        let mut both = [0; 2 * LONGEST];
        let end = tail.len() + head.len();
        both[..tail.len()].copy_from_slice(tail);
        both[tail.len()..end].copy_from_slice(head);
        let hit = needles.find(&both[..end], self.place, self.spelling)?;
        Some(Hit { at: 0, is_header: hit.is_header })
    }

    /// Where to begin, for a hit: a part of the last chunk, and a place in this one; and whether a line begins there.
    ///
    /// A kill without its header was cut from what may be anywhere before it. Nothing before `at` is handed on twice.
    fn from(&self, hit: Hit, at: usize) -> (&'c [u8], usize, Extent) {
        let wanted = if hit.is_header { BEFORE } else { usize::MAX };
        let here = hit.at - at;
        if here > wanted {
            let from = hit.at - wanted;
            let (start, extent) = line_start(&self.text[from..hit.at]);
            return (&[], from + start, extent);
        }
        if at > 0 {
            return (&[], at, Extent::Whole);
        }
        let from = self.last.len().saturating_sub(wanted - here);
        let text = &self.last[from..];
        let (start, extent) = if from > 0 || !self.last_is_start { line_start(text) } else { (0, Extent::Whole) };
        (&text[start..], 0, extent)
    }
}

/// What positions count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    Line,
    Byte,
}

impl Unit {
    /// By how much a position grows over that text.
    fn count(self, text: &[u8]) -> u64 {
        match self {
            Self::Line => memchr::memchr_iter(b'\n', text).count() as u64,
            Self::Byte => text.len() as u64,
        }
    }
}

/// Behind the first newline; where there is none, an object of JSON may begin, or a line is too long to be begun where it begins.
fn line_start(text: &[u8]) -> (usize, Extent) {
    let newline = memchr::memchr2(b'\n', b'\r', text).map(|at| at + 1);
    match newline.or_else(|| object_start(text)) {
        Some(at) => (at, Extent::Whole),
        None => (0, Extent::Torn),
    }
}

/// Reads until the buffer is full or the source ends: pipes and gzip give less at a time.
fn fill(source: &mut Source, buf: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    while length < buf.len() {
        match source.read(&mut buf[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(_) if length > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(length)
}
