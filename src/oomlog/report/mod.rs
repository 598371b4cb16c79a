//! Events to bytes: what each was, why it was, what all of them have in common, and what to do about it.

use super::event::Event;
use crate::sys::out::Out;

/// An event that is to be shown, with what the log it is from adds to it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What the log says.
    pub event: &'a Event,
    /// The log: its path as it was given or found, `-` for standard input, `/dev/kmsg`, `syslog(2)`.
    pub source: &'a [u8],
    /// The same whenever and wherever this event is read.
    pub id: &'a [u8],
    /// When, since 1970 in microseconds: of the log, or worked out from what it says. `None`: nothing tells.
    pub wall_us: Option<i64>,
}

/// What a run has read and left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// Logs that were read.
    pub logs: u64,
    /// Bytes of them, decompressed.
    pub bytes: u64,
    /// Logs that could not be read, or not to their end.
    pub failed: u64,
    /// Events that another log has, too.
    pub repeated: u64,
    /// Events that a filter left out.
    pub left_out: u64,
    /// Events whose time nothing tells, shown although a time was asked for.
    pub undated: u64,
    /// How often records of the live log were overwritten before they could be read.
    pub overwritten: u64,
}

/// A way to show events. They come one by one, in the order of the logs; what it keeps of them is bounded.
pub trait Show {
    /// The next event.
    fn event(&mut self, found: &Found<'_>, out: &mut Out<'_>);
    /// There are no more.
    fn end(&mut self, run: &Run, out: &mut Out<'_>);
}
