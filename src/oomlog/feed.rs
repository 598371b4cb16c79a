//! Bytes in any pieces to lines, while a window is open.

extern crate alloc;

use alloc::vec::Vec;

use super::escape::without_colour;
use super::event::Position;
use super::form::Forms;
use super::scan::{Part, Take, Unit};

/// The longest line. A row of the longest table is far below, and a journal entry as JSON too.
pub const LINE: usize = 64 << 10;

pub(super) struct Feed {
    forms: Forms,
    /// The start of a line whose end has not come yet, and a copy of one to take colours out of.
    line: Vec<u8>,
    /// The line's rest is thrown away.
    skipping: bool,
    cut: u64,
    /// Bytes until the window closes, when nothing of a report comes. `None`: it is closed.
    left: Option<usize>,
    /// Lines that have ended so far, those that were not handed on too, or their bytes.
    passed: Position,
    /// Bytes of the line that has begun.
    started: u64,
    unit: Unit,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            forms: Forms::new(),
            line: Vec::with_capacity(LINE),
            skipping: false,
            cut: 0,
            left: None,
            passed: 0,
            started: 0,
            unit: Unit::Line,
        }
    }

    pub(super) fn reset(&mut self) {
        self.forms.reset();
        self.line.clear();
        self.skipping = false;
        self.cut = 0;
        self.left = None;
        self.passed = 0;
        self.started = 0;
    }

    pub(super) const fn is_open(&self) -> bool {
        self.left.is_some()
    }

    /// Opens the window for so many bytes at least, behind so many lines or bytes.
    pub(super) fn open(&mut self, bytes: usize, passed: Position, unit: Unit) {
        self.forms.reset();
        self.left = Some(bytes);
        self.passed = passed;
        self.unit = unit;
    }

    /// How many lines end before what comes next, or bytes.
    pub(super) const fn passed(&self) -> Position {
        self.passed
    }

    pub(super) const fn cut(&self) -> u64 {
        self.cut
    }

    /// Hands on the lines of `text` and returns how much of it was used: less than all when the window closed. `None`: no more wanted.
    ///
    /// Whatever belongs to a report keeps the window open for some time more.
    pub(super) fn lines(&mut self, text: &[u8], take: &mut Take<'_>) -> Option<usize> {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.keep(rest);
                self.started += rest.len() as u64;
                return Some(text.len());
            };
            at += end + 1;
            let part = self.whole(&rest[..end], take);
            self.passed += match self.unit {
                Unit::Line => 1,
                Unit::Byte => self.started + end as u64 + 1,
            };
            self.started = 0;
            let left = self.left.unwrap_or(0);
            self.left = match part {
                Part::Stop => return None,
                Part::Report => Some(left.max(part.after())),
                Part::End => Some(part.after()),
                Part::Other => left.checked_sub(end + 1),
            };
            if self.left.is_none() {
                break;
            }
        }
        Some(at)
    }

    /// The end of the log, which ends a line too.
    pub(super) fn end(&mut self, take: &mut Take<'_>) {
        if self.is_open() {
            let last = !self.line.is_empty() && !self.skipping;
            if !last || self.whole(b"", take) != Part::Stop {
                self.forms.end(take);
            }
        }
        self.line.clear();
        self.skipping = false;
        self.left = None;
    }

    /// Keeps a line's start until its end comes.
    fn keep(&mut self, start: &[u8]) {
        let room = LINE - self.line.len().min(LINE);
        self.line.extend_from_slice(&start[..start.len().min(room)]);
        if start.len() > room && !self.skipping {
            self.skipping = true;
            self.cut += 1;
        }
    }

    /// A line's end, whose start may have been kept.
    fn whole(&mut self, end: &[u8], take: &mut Take<'_>) -> Part {
        // Lines and bytes are counted from 1.
        let here = self.passed + 1;
        let is_plain = self.line.is_empty() && end.len() <= LINE;
        if is_plain && memchr::memchr2(0x1b, 0xc2, end).is_none() {
            return self.forms.line(end, here, take);
        }
        self.keep(end);
        self.skipping = false;
        let part = self.forms.line(without_colour(&mut self.line), here, take);
        self.line.clear();
        part
    }
}
