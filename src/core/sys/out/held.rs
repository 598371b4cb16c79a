//! Output that stays in memory: what is said while a process is held.

use super::{Out, Sink};
use crate::fixed::copy;

/// Room for what follows a cut: each time a third of it.
pub(super) const RESERVE: usize = 6 * 1024;

impl<'b> Out<'b> {
    /// A writer that keeps what it is given: as much as fits, cut after the last whole line.
    #[must_use]
    pub fn in_memory(buf: &'b mut [u8]) -> Self {
        let mut out = Self::new(Sink::Memory, buf);
        out.reserve = 0;
        out
    }

    /// What the buffer holds.
    #[must_use]
    pub fn held(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or_default()
    }

    /// From here on what is put stays in the buffer: what is said while a process is held, and nothing may wait. What does not fit is
    /// cut after the last whole line.
    pub fn hold(&mut self) {
        self.flush();
        self.sink = Sink::Memory;
        (self.reserve, self.is_cut) = (RESERVE, false);
    }

    /// Ends [`Out::hold`]; what was held is the next to be written.
    pub fn release(&mut self) {
        self.sink = self.later;
    }

    /// Forgets what the buffer holds.
    pub fn forget(&mut self) {
        self.len = 0;
    }

    /// Appends to what stays in memory.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let limit = self.buf.len().saturating_sub(self.reserve);
        let end = self.len.saturating_add(bytes.len());
        match self.buf.get_mut(self.len..end) {
            _ if self.is_cut => {}
            Some(room) if end <= limit => {
                copy(room, bytes);
                self.len = end;
            }
            _ => {
                let newline = self.held().iter().rposition(|byte| *byte == b'\n');
                self.len = newline.map_or(0, |at| at + 1);
                self.is_cut = true;
            }
        }
    }

    /// Whether something was cut since the last call. What comes then has some room again.
    pub fn take_cut(&mut self) -> bool {
        if self.is_cut {
            self.reserve = self.reserve.saturating_sub(RESERVE / 3);
        }
        core::mem::take(&mut self.is_cut)
    }
}
