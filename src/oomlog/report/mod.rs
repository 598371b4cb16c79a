//! Events to bytes: what each was, why it was, what all of them have in common, and what to do about it.

extern crate alloc;

pub mod json;
pub mod text;

use alloc::format;
use alloc::string::String;

use super::event::Event;
use crate::parse::oom_report::gfp;
use crate::report::escape::Escaped;
use crate::report::json::Envelope;
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
    /// The machine that the log is of, when it is this one.
    pub machine: Option<&'a Envelope>,
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

impl Found<'_> {
    /// When, in microseconds by whatever clock the log has: for the time between events of one log.
    fn at(&self) -> Option<i64> {
        let boot_us = self.event.when.boot_us.and_then(|us| i64::try_from(us).ok());
        self.wall_us.or(boot_us)
    }
}

/// The flags of the allocation by name: as they are printed, or as that kernel's bits say.
fn gfp_names(event: &Event) -> Option<String> {
    if let Some(names) = &event.trigger.gfp_flags {
        return Some(format!("{}", Escaped(names)));
    }
    let names = gfp::names(event.trigger.gfp_mask?, event.release.as_deref())?;
    Some(format!("{names}"))
}
