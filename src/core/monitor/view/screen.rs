//! Lines of a terminal: none is longer than it, and there are no more than it has.

use crate::monitor::options::{Charset, Color};
use crate::sys::out::Out;
use crate::units::Percent;

/// How text looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    Plain,
    Bold,
    Red,
    Green,
}

/// Room for a line before it is cut: four times what the widest terminals have.
pub(super) const LINE: usize = 1024;

/// Where bars begin.
pub(super) const PADDED: usize = 40;

/// What a curve is drawn with, from its lowest point up.
const BLOCKS: [[&str; 8]; 2] = [["_", "_", ".", ".", "-", "-", "^", "^"], ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]];

/// What a bar is drawn with, full and empty.
const BARS: [[&str; 2]; 2] = [["#", "."], ["█", "░"]];

/// A screen that is being written.
pub(super) struct Screen<'o, 'b, 'l> {
    out: &'o mut Out<'b>,
    /// What [`Screen::show`] shows next: everything in it is ours or escaped.
    pub(super) line: Out<'l>,
    columns: usize,
    rows: usize,
    /// Columns left in this line.
    left: usize,
    is_in_line: bool,
    color: Color,
    charset: Charset,
}

impl<'o, 'b, 'l> Screen<'o, 'b, 'l> {
    pub(super) fn begin(
        (columns, rows): (usize, usize),
        color: Color,
        charset: Charset,
        out: &'o mut Out<'b>,
        line: &'l mut [u8],
    ) -> Self {
        out.put(b"\x1b[H");
        Self { out, line: Out::in_memory(line), columns, rows, left: 0, is_in_line: false, color, charset }
    }

    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// How many lines there still may be.
    pub(super) const fn rows_left(&self) -> usize {
        self.rows
    }

    /// Clears what is below the last line.
    pub(super) fn end(self) {
        if self.rows > 0 {
            self.out.put(b"\x1b[J");
        }
        self.out.flush();
    }

    /// Shows a line.
    pub(super) fn show_line(&mut self, style: Style) {
        self.show(style);
        self.end_line();
    }

    /// Shows a part of a line, which begins with it if it is the first.
    pub(super) fn show(&mut self, style: Style) {
        self.begin_part(style);
        let text = core::str::from_utf8(self.line.held()).unwrap_or("?");
        if self.is_in_line {
            for char in text.chars() {
                put(char, self.charset, &mut self.left, self.out);
            }
        }
        self.line.forget();
        self.end_part(style);
    }

    /// The same, and blanks up to where bars begin.
    pub(super) fn show_padded(&mut self) {
        self.show(Style::Plain);
        for _ in 0..PADDED.saturating_sub(self.columns - self.left) {
            self.glyph(" ");
        }
    }

    /// As much of a line as is left.
    pub(super) fn bar(&mut self, style: Style, share: Option<Percent>) {
        let width = self.left.saturating_sub(2);
        if width < 8 {
            return;
        }
        let hundredths = share.unwrap_or_default().hundredths.min(10_000);
        let full = usize::try_from(hundredths).unwrap_or(0) * width / 10_000;
        self.glyph("[");
        self.begin_part(style);
        for at in 0..width {
            self.glyph(BARS[self.charset as usize][usize::from(at >= full)]);
        }
        self.end_part(style);
        self.glyph("]");
    }

    /// Points between `low` and `high`; less than half a percent apart they are a flat line.
    pub(super) fn curve(&mut self, points: &[u16], low: u16, high: u16) {
        let height = usize::from(high - low).max(50);
        for point in points {
            let level = usize::from(*point - low) * 7 / height;
            self.glyph(BLOCKS[self.charset as usize].get(level).unwrap_or(&"?"));
        }
    }

    pub(super) fn end_line(&mut self) {
        if core::mem::take(&mut self.is_in_line) {
            self.rows -= 1;
            if self.rows > 0 {
                self.out.put(b"\r\n");
            }
        }
    }

    fn begin_part(&mut self, style: Style) {
        if !self.is_in_line && self.rows > 0 {
            self.is_in_line = true;
            self.left = self.columns;
            // Before the text: behind the last column it would take the last character away.
            self.out.put(b"\x1b[K");
        }
        self.color(match style {
            Style::Plain => b"",
            Style::Bold => b"\x1b[1m",
            Style::Red => b"\x1b[31m",
            Style::Green => b"\x1b[32m",
        });
    }

    fn end_part(&mut self, style: Style) {
        if style != Style::Plain {
            self.color(b"\x1b[m");
        }
    }

    fn color(&mut self, code: &[u8]) {
        if self.color == Color::Always && self.is_in_line {
            self.out.put(code);
        }
    }

    fn glyph(&mut self, glyph: &str) {
        if self.is_in_line {
            for char in glyph.chars() {
                put(char, self.charset, &mut self.left, self.out);
            }
        }
    }
}

/// Writes a character, if there is room for it. Those of East Asia may take two columns: each is taken for one that does.
fn put(char: char, charset: Charset, left: &mut usize, out: &mut Out<'_>) {
    let char = match charset {
        Charset::Ascii if !char.is_ascii() => '?',
        _ => char,
    };
    let width = match char {
        '\0'..'\u{1100}' | '\u{2000}'..'\u{2e80}' => 1,
        _ => 2,
    };
    if width > *left {
        *left = 0;
        return;
    }
    *left -= width;
    out.put(char.encode_utf8(&mut [0; 4]).as_bytes());
}
