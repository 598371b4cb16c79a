//! A record read back, whatever happened to who wrote it: killed at any moment, or a disk that holds a part of the last writes.

use super::fields::Line;
use super::frame::{Form, Frame, State, check};

/// What was found.
#[derive(Clone, Copy, Debug)]
pub enum Found<'b> {
    /// An entry, guarded by its check.
    Entry(Frame, &'b [u8]),
    /// The entry that was being written: its sections so far.
    Open(Frame, &'b [u8]),
    /// So many bytes that are no entry.
    Lost(usize),
}

impl Found<'_> {
    /// The line to put above it.
    #[must_use]
    pub fn line(&self, form: Form) -> Line {
        match self {
            Self::Entry(frame, _) => frame.line(form),
            Self::Open(frame, bytes) => Frame { bytes: bytes.len(), check: check(bytes), ..*frame }.line(form),
            Self::Lost(_) => Line::new(),
        }
    }
}

/// Hands each entry of a record to `each`, oldest first. The bytes are those of the file; those of a gap are closed up in them.
/// `None` when they are no record.
pub fn read(bytes: &mut [u8], each: &mut dyn FnMut(Found<'_>)) -> Option<Form> {
    let form = Form::of(bytes)?;
    let state = State::newest(form, bytes);
    let start = state.map_or(form.magic().len(), |_| form.start());
    let state = state.unwrap_or(State { end: bytes.len(), ..State::default() });
    let bytes = close_gap(bytes, state.gap, start);
    let (mut at, mut next) = (start, 0);
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let frame = Frame::read(form, rest);
        let behind = rest.get(form.frame_len()..).unwrap_or_default();
        let whole = frame.and_then(|frame| {
            let body = behind.get(..frame.bytes)?;
            (check(body) == frame.check).then_some((frame, body))
        });
        if let Some((frame, body)) = whole {
            // Behind the end there may be what was there before.
            if frame.number >= next {
                each(Found::Entry(frame, body));
                next = frame.number + 1;
            }
            at += form.frame_len() + frame.bytes;
        } else if let (Some(frame), true) = (frame, at == state.open) {
            let written = state.end.saturating_sub(at + form.frame_len());
            let body = written_part(behind.get(..written).unwrap_or(behind));
            if !body.is_empty() {
                each(Found::Open(frame, body));
                next = frame.number + 1;
            }
            at = state.end.max(at + form.frame_len());
        } else {
            let skipped = until_frame(form, rest);
            lost(bytes, at, (at + skipped).min(state.end), each);
            at += skipped;
        }
    }
    Some(form)
}

fn close_gap(bytes: &mut [u8], (from, to): (usize, usize), start: usize) -> &[u8] {
    let length = bytes.len();
    if from >= to || from < start || to > length {
        return bytes;
    }
    bytes.copy_within(to.., from);
    bytes.get(..length - (to - from)).unwrap_or_default()
}

/// Bytes to the next line that may be a frame.
fn until_frame(form: Form, bytes: &[u8]) -> usize {
    let prefix = form.frame_prefix();
    let is_frame = |at: usize| bytes.get(at..).is_some_and(|rest| rest.starts_with(prefix));
    let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let mut behind = newlines.map(|(at, _)| at + 1);
    behind.find(|at| is_frame(*at)).unwrap_or(bytes.len())
}

fn lost(bytes: &[u8], from: usize, to: usize, each: &mut dyn FnMut(Found<'_>)) {
    let skipped = bytes.get(from..to).unwrap_or_default();
    let is_written = |byte: &&u8| !matches!(byte, b'\n' | b'\0');
    let count = skipped.iter().filter(is_written).count();
    if count > 0 {
        each(Found::Lost(count));
    }
}

/// A disk may have the State and not yet the bytes: then there is what was there at first. No report has so many newlines on end.
fn written_part(bytes: &[u8]) -> &[u8] {
    const HOLE: usize = 32;
    let is_hole = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'\n' | b'\0'));
    let hole = bytes.windows(HOLE).position(is_hole);
    let written = bytes.get(..hole.unwrap_or(bytes.len())).unwrap_or_default();
    match (hole, written.iter().rposition(|byte| *byte == b'\n')) {
        (None, _) => bytes,
        (Some(_), Some(newline)) => written.get(..=newline).unwrap_or_default(),
        (Some(_), None) => &[],
    }
}
