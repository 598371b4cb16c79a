//! Bytes in any pieces to lines, while a window is open.
//!
//! A line ends at LF, at CR LF, and at a CR alone, as old captures of terminals have it. No more than [`LINE`] of one is kept. Of a whole
//! log on a line, as compact JSON is, each object is handed on as soon as it has ended; whatever else is cut off is searched for the words
//! of a kill, so that nobody takes it for a log without one.

use super::escape::without_colour;
use super::event::Position;
use super::form::Forms;
use super::needle::{LONGEST, tells_of_a_kill};
use super::scan::{Lost, Part, Take, Unit};

/// The longest line. A row of the longest table is far below, and a journal entry as JSON too.
pub const LINE: usize = 64 << 10;

pub(super) struct Feed {
    forms: Forms,
    /// The start of a line whose end has not come yet, and a copy of one to take colours out of.
    line: Vec<u8>,
    /// What of that line is here.
    extent: Extent,
    /// The end of what was thrown away of it: words may go on in what follows.
    thrown: Vec<u8>,
    /// Whether the last byte was a CR, behind which an LF may come.
    at_cr: bool,
    cut: u64,
    lost: Option<Lost>,
    /// Bytes until the window closes, when nothing of a report comes. `None`: it is closed.
    left: Option<usize>,
    /// Lines that have ended so far, those that were not handed on too, or their bytes.
    passed: Position,
    /// Bytes of the line that has begun.
    started: u64,
    unit: Unit,
}

/// How much of a line is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// All so far.
    Whole,
    /// What it began with is not.
    Torn,
    /// Its rest is thrown away.
    Cut,
}

/// Where a line ends.
enum End {
    Lf,
    Cr,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            forms: Forms::new(),
            line: Vec::with_capacity(LINE),
            extent: Extent::Whole,
            thrown: Vec::new(),
            at_cr: false,
            cut: 0,
            lost: None,
            left: None,
            passed: 0,
            started: 0,
            unit: Unit::Line,
        }
    }

    /// Another log begins with this text.
    pub(super) fn begin(&mut self, start: &[u8]) {
        self.forms.begin(start);
        // Words that tell of a report may be cut, too: all of it is looked at.
        if self.forms.is_cut_at_a_width() {
            self.open(usize::MAX, 0, Unit::Line, Extent::Whole);
        }
    }

    pub(super) fn reset(&mut self) {
        self.forms.reset();
        self.begin_line();
        self.cut = 0;
        self.lost = None;
        self.left = None;
        self.passed = 0;
        self.started = 0;
    }

    fn begin_line(&mut self) {
        self.line.clear();
        self.extent = Extent::Whole;
        self.thrown.clear();
        self.at_cr = false;
    }

    pub(super) const fn is_open(&self) -> bool {
        self.left.is_some()
    }

    /// Opens the window for so many bytes at least, behind so many lines or bytes. `extent` is that of the line which comes first.
    pub(super) fn open(&mut self, bytes: usize, passed: Position, unit: Unit, extent: Extent) {
        self.forms.reset();
        self.left = Some(bytes);
        self.passed = passed;
        self.unit = unit;
        self.extent = extent;
    }

    /// How many lines end before what comes next, or bytes.
    pub(super) const fn passed(&self) -> Position {
        self.passed
    }

    pub(super) const fn cut(&self) -> u64 {
        self.cut
    }

    /// What the first of those lines was that tell of a kill in a part that is not here.
    pub(super) const fn lost(&self) -> Option<Lost> {
        self.lost
    }

    /// Hands on the lines of `text` and returns how much of it was used: less than all when the window closed. `None`: no more wanted.
    ///
    /// Whatever belongs to a report keeps the window open for some time more.
    pub(super) fn lines(&mut self, text: &[u8], take: &mut Take<'_>) -> Option<usize> {
        let mut at = 0;
        if self.at_cr && !matches!(text.first(), Some(b'\n' | b'\r')) && self.forms.ends_at_cr() {
            self.ends(b"", 0, &End::Cr, take)?;
        }
        while at < text.len() && self.is_open() {
            let rest = &text[at..];
            let Some((length, used, end)) = line_end(rest, self.forms.ends_at_cr()) else {
                if self.keep(rest, take) == Part::Stop {
                    return None;
                }
                self.at_cr = rest.ends_with(b"\r");
                self.started += rest.len() as u64;
                return Some(text.len());
            };
            self.ends(&rest[..length], used, &end, take)?;
            at += used;
        }
        Some(at)
    }

    /// A line ends, which takes so many bytes more. `None`: no more wanted.
    fn ends(&mut self, rest: &[u8], used: usize, end: &End, take: &mut Take<'_>) -> Option<()> {
        let part = self.whole(rest, take);
        self.passed += match (self.unit, end) {
            (Unit::Line, End::Lf) => 1,
            // Nobody who looks for a line by its number counts these.
            (Unit::Line, End::Cr) => 0,
            (Unit::Byte, _) => self.started + used as u64,
        };
        self.started = 0;
        let left = self.left.unwrap_or(0);
        self.left = match part {
            Part::Stop => return None,
            Part::Report => Some(left.max(part.after())),
            Part::End => Some(part.after()),
            Part::Other => left.checked_sub(used),
        };
        Some(())
    }

    /// The line that has begun is not handed on here.
    pub(super) fn forget_line(&mut self) {
        self.begin_line();
    }

    /// Whether lines are put together that a terminal has cut.
    pub(super) fn is_cut_at_a_width(&self) -> bool {
        self.forms.is_cut_at_a_width()
    }

    /// The end of the log, which ends a line too.
    pub(super) fn end(&mut self, take: &mut Take<'_>) {
        if self.is_open() && (self.line.is_empty() || self.whole(b"", take) != Part::Stop) {
            self.forms.end(take);
        }
        self.begin_line();
        self.left = None;
    }

    /// Keeps what a line goes on with, as far as there is room. Whole objects of JSON are handed on to make some.
    fn keep(&mut self, text: &[u8], take: &mut Take<'_>) -> Part {
        let mut text = text;
        let mut all = Part::Other;
        // A crash leaves blocks of NULs in a file, and what follows them is a line's start.
        if self.line.is_empty() && self.extent != Extent::Cut && text.first() == Some(&0) && self.forms.ends_at_cr() {
            let length = text.iter().take_while(|byte| **byte == 0).count();
            text = &text[length..];
            self.extent = Extent::Whole;
        }
        loop {
            let room = LINE - self.line.len().min(LINE);
            let (now, behind) = text.split_at(text.len().min(room));
            self.line.extend_from_slice(now);
            if behind.is_empty() {
                return all;
            }
            if self.extent == Extent::Cut {
                self.throw(behind);
                return all;
            }
            let (part, used) = self.forms.objects(&self.line, self.passed + 1, take);
            all = all.and(part);
            if part == Part::Stop {
                return part;
            }
            if used == 0 {
                self.cut += 1;
                self.extent = Extent::Cut;
                if tells_of_a_kill(&self.line) {
                    self.lose();
                }
                let end = self.line.len().saturating_sub(LONGEST);
                self.thrown.extend_from_slice(&self.line[end..]);
            }
            let is_between = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
            let between = self.line[used..].iter().take_while(|byte| is_between(byte)).count();
            self.line.drain(..if used == 0 { 0 } else { used + between });
            text = behind;
        }
    }

    /// Throws a part of a line away that has no room, but not what it tells.
    fn throw(&mut self, text: &[u8]) {
        self.thrown.extend_from_slice(&text[..text.len().min(LONGEST)]);
        if tells_of_a_kill(&self.thrown) || tells_of_a_kill(text) {
            self.lose();
        }
        let kept = if text.len() >= LONGEST { text } else { self.thrown.as_slice() };
        let end = kept[kept.len().saturating_sub(LONGEST)..].to_vec();
        self.thrown = end;
    }

    fn lose(&mut self) {
        let what = if self.forms.is_json(&self.line) { Lost::Object } else { Lost::Line };
        self.lost.get_or_insert(what);
    }

    /// A line's end, whose start may have been kept.
    fn whole(&mut self, end: &[u8], take: &mut Take<'_>) -> Part {
        // Lines and bytes are counted from 1.
        let here = self.passed + 1;
        let is_plain = self.line.is_empty() && end.len() <= LINE && self.extent == Extent::Whole;
        if is_plain && memchr::memchr2(0x1b, 0xc2, end).is_none() {
            self.at_cr = false;
            return self.forms.line(end, here, take);
        }
        let part = self.keep(end, take);
        if part == Part::Stop {
            return part;
        }
        if self.extent == Extent::Torn && tells_of_a_kill(&self.line) {
            self.cut += 1;
            self.lose();
        }
        let part = part.and(self.forms.line(without_colour(&mut self.line), here, take));
        self.begin_line();
        part
    }
}

/// Where the first line ends, how much it takes with what ends it, and which that is. `None`: it does not end here, or nobody knows yet
/// whether a CR is alone.
fn line_end(text: &[u8], ends_at_cr: bool) -> Option<(usize, usize, End)> {
    if !ends_at_cr {
        return memchr::memchr(b'\n', text).map(|at| (at, at + 1, End::Lf));
    }
    let at = memchr::memchr2(b'\n', b'\r', text)?;
    let behind = at + text[at..].iter().take_while(|byte| **byte == b'\r').count();
    match text.get(behind)? {
        b'\n' => Some((behind, behind + 1, End::Lf)),
        _ => Some((at, behind, End::Cr)),
    }
}
