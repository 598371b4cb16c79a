//! A binary value of the export form: its length in eight bytes, and that many bytes, newlines among them.

use crate::oomlog::entry::Entry;
use crate::oomlog::event::Position;

/// The longest value that is believed: a length beyond it is damage, or the line of another log. What is longer (a core dump) is no
/// kernel's message, and lines are looked for in it.
const LONGEST: u64 = 1 << 20;

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Binary {
    is_message: bool,
    /// Where it begins.
    line: Position,
    /// The eight bytes of the length, and how many of them are here.
    length: [u8; 8],
    have: usize,
    /// What is missing of the value.
    left: u64,
}

/// What follows a line.
pub(super) enum Next {
    /// More of the value.
    Binary(Binary),
    /// The next field.
    Export,
    /// It was no binary value: this line is one like any other.
    Lines,
}

impl Binary {
    /// Behind its name.
    pub(super) fn new(name: &[u8], line: Position) -> Self {
        Self { is_message: name == b"MESSAGE", line, length: [0; 8], have: 0, left: 0 }
    }

    /// The next line of it: the value may hold newlines, and so may its length.
    pub(super) fn line(mut self, line: &[u8], entry: &mut Entry) -> Next {
        let mut rest = line;
        let mut is_ended = false;
        while self.have < 8 {
            let Some((byte, behind)) = rest.split_first() else {
                if is_ended {
                    return Next::Binary(self);
                }
                // The newline that this line lost is one of the eight bytes.
                is_ended = true;
                self.length[self.have] = b'\n';
                self.have += 1;
                continue;
            };
            self.length[self.have] = *byte;
            self.have += 1;
            rest = behind;
        }
        if self.left == 0 {
            self.left = u64::from_le_bytes(self.length);
        }
        if self.left > LONGEST {
            return Next::Lines;
        }
        if is_ended {
            return Next::Binary(self);
        }
        self.value(rest, entry)
    }

    fn value(mut self, rest: &[u8], entry: &mut Entry) -> Next {
        if self.is_message {
            entry.append(rest, self.line);
        }
        match self.left.checked_sub(rest.len() as u64 + 1) {
            // One byte more than the rest: the newline belongs to the value.
            Some(left) if left > 0 => {
                if self.is_message {
                    entry.append(b"\n", self.line);
                }
                self.left = left;
                Next::Binary(self)
            }
            _ => Next::Export,
        }
    }
}
