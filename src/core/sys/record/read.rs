//! A record read back, whatever happened to who wrote it: killed at any moment, or a disk that holds a part of the last writes.

use super::fields::Line;
use super::frame::{Form, Frame, Kind, State, check};

/// What was found.
#[derive(Clone, Copy, Debug)]
pub enum Found<'b> {
    /// An entry, guarded by its check.
    Entry(Frame, &'b [u8]),
    /// The same, but its number is not the next one, or that of an entry before it: the line above it is damaged, which no check guards.
    Misnumbered(Frame, &'b [u8]),
    /// The entry that was being written: its sections so far.
    Open(Frame, &'b [u8]),
    /// So many bytes that are no entry.
    Lost(usize),
    /// So many bytes behind the end of the watch that are neither an entry nor another record.
    Behind(usize),
}

impl Found<'_> {
    /// The line to put above it.
    #[must_use]
    pub fn line(&self, form: Form) -> Line {
        match self {
            Self::Entry(frame, _) | Self::Misnumbered(frame, _) => frame.line(form),
            Self::Open(frame, bytes) => Frame { bytes: bytes.len(), check: check(bytes), ..*frame }.line(form),
            Self::Lost(_) | Self::Behind(_) => Line::new(),
        }
    }
}

/// Hands each entry of a record to `each`, oldest first. The bytes are those of the file; those of a gap are closed up in them. Returned
/// is what begins with another record, as where files were put together, or nothing. `None` when they are no record.
///
/// Whoever finished a record cut it behind its end. What stands there all the same came to it later, and is none of its entries,
/// whatever it looks like: another record is read by itself, and the rest is counted. Where the end was never written, there may be
/// what was there before.
pub fn read<'b>(bytes: &'b mut [u8], each: &mut dyn FnMut(Found<'_>)) -> Option<&'b mut [u8]> {
    let form = Form::of(bytes)?;
    let state = State::newest(form, bytes);
    let start = state.map_or(form.magic().len(), |_| form.start());
    let has_state = state.is_some();
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
            // The first is never dropped, and has the number 0.
            let is_next = frame.number >= next && (frame.kind != Kind::Start || frame.number == 0);
            // Behind the end there may be what was there before.
            if is_next {
                each(Found::Entry(frame, body));
                next = frame.number + 1;
            } else if at < state.end {
                each(Found::Misnumbered(frame, body));
            }
            at += form.frame_len() + frame.bytes;
            // Without a State line that is whole its end is all there is.
            if frame.kind == Kind::Ended && (at >= state.end || !has_state) {
                let behind = bytes.get(at..).unwrap_or_default();
                let record = until(behind, &|rest| Form::of(rest).is_some());
                let count = written(behind.get(..record).unwrap_or_default());
                if count > 0 {
                    each(Found::Behind(count));
                }
                at += record;
                break;
            }
        } else if Form::of(rest).is_some() {
            break;
        } else if let (Some(frame), true) = (frame, at == state.open) {
            let length = state.end.saturating_sub(at + form.frame_len());
            let body = written_part(behind.get(..length).unwrap_or(behind));
            if !body.is_empty() {
                each(Found::Open(frame, body));
                next = frame.number + 1;
            }
            at = state.end.max(at + form.frame_len());
        } else {
            let skipped = until_entry(form, rest);
            let count = written(bytes.get(at..(at + skipped).min(state.end)).unwrap_or_default());
            if count > 0 {
                each(Found::Lost(count));
            }
            at += skipped;
        }
    }
    Some(bytes.get_mut(at..).unwrap_or_default())
}

fn close_gap(bytes: &mut [u8], (from, to): (usize, usize), start: usize) -> &mut [u8] {
    let length = bytes.len();
    if from >= to || from < start || to > length {
        return bytes;
    }
    bytes.copy_within(to.., from);
    bytes.get_mut(..length - (to - from)).unwrap_or_default()
}

/// Bytes to the next line that may be a frame, or the first of another record.
fn until_entry(form: Form, bytes: &[u8]) -> usize {
    until_line(bytes, &|rest| rest.starts_with(form.frame_prefix()) || Form::of(rest).is_some())
}

/// Bytes to where `is_it` holds: at the start, or behind a newline.
fn until(bytes: &[u8], is_it: &dyn Fn(&[u8]) -> bool) -> usize {
    if is_it(bytes) { 0 } else { until_line(bytes, is_it) }
}

/// The same behind a newline.
fn until_line(bytes: &[u8], is_it: &dyn Fn(&[u8]) -> bool) -> usize {
    let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let mut behind = newlines.map(|(at, _)| at + 1);
    behind.find(|at| bytes.get(*at..).is_some_and(is_it)).unwrap_or(bytes.len())
}

/// How many of the bytes are more than the room that a record takes.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !matches!(byte, b'\n' | b'\0')).count()
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
