//! Events to bytes: what each was, why it was, what all of them have in common, and what to do about it.
pub mod json;
pub mod text;
use core::fmt::{Display, Formatter, Result};
use core::time::Duration;

use super::event::Event;
use crate::parse::oom_report::gfp;
use crate::report::escape::Escaped;
use crate::report::json::Envelope;
use crate::report::time::date_and_clock;
use crate::sys::clock::{Zone, civil};
use crate::sys::out::Out;

/// An event that is to be shown, with what the log it is from adds to it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What the log says.
    pub event: &'a Event,
    /// The log: its path as it was given or found, `-` for standard input, `/dev/kmsg`, `syslog(2)`.
    pub source: &'a [u8],
    /// Other logs that have it as well.
    pub also: &'a [Vec<u8>],
    /// The same whenever and wherever this event is read.
    pub id: &'a [u8],
    /// When, since 1970 in microseconds: of the log, or worked out from what it says. `None`: nothing tells.
    pub wall_us: Option<i64>,
    /// Where it stands among the others, in the same unit: its wall clock, or that of what its log has before it.
    pub at_us: Option<i64>,
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
    /// Events whose victim the log does not name, shown although one was asked for.
    pub victim_unknown: u64,
    /// Events whose cgroup the log does not name, shown although one was asked for.
    pub cgroup_unknown: u64,
    /// How often records of the live log were overwritten before they could be read.
    pub overwritten: u64,
}

/// A part of the time that was asked for of which a log knows nothing, because it begins later: a ring buffer that went round, a reboot,
/// a piece that was rotated away. Where that is so, "no events" is no fact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// The log.
    pub source: Vec<u8>,
    /// When its first entry is of, in microseconds since 1970.
    pub at_us: i64,
    /// From when on it was asked for; `None`: from any time on.
    pub since_us: Option<i64>,
    /// What part of the time is missing.
    pub extent: Extent,
}

/// How much of what was asked for is not in a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// What was before its first entry.
    Before,
    /// It begins behind the end of what was asked for.
    All,
    /// It ends before the start of what was asked for: what writes it may have stopped.
    Ended,
}

impl Display for Lack {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let verb = if self.extent == Extent::Ended { "ends" } else { "begins" };
        write!(f, "{} {verb} at {}", Escaped(&self.source), Typed(self.at_us))?;
        match (self.extent, self.since_us) {
            (Extent::All, _) => f.write_str(", after the time that was asked for: nothing of that time is in it"),
            (Extent::Ended, _) => f.write_str(
                ", before the time that was asked for: no line of that time was read, and what writes it may have stopped",
            ),
            (Extent::Before, Some(since)) => {
                write!(f, ": what happened between {} and then is not in it", Typed(since))
            }
            (Extent::Before, None) => f.write_str(": what happened before is not in it"),
        }
    }
}

/// A time as `--since` and journalctl take it, in the local zone: microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Typed(pub i64);

impl Display for Typed {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let since_1970 = Duration::from_micros(u64::try_from(self.0).unwrap_or(0));
        let text = date_and_clock(civil(since_1970, Zone::Local));
        f.write_str(core::str::from_utf8(text.as_bytes()).unwrap_or_default())
    }
}

/// A way to show events. They come one by one, the earliest first as far as memory holds those of several logs
/// ([`Found::at_us`]); what it keeps of them is bounded.
pub trait Show {
    /// The next event.
    fn event(&mut self, found: &Found<'_>, out: &mut Out<'_>);
    /// There are no more, and of this there may have been some.
    fn end(&mut self, run: &Run, lacks: &[Lack], out: &mut Out<'_>);
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
