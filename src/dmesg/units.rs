//! Units in which systemd has seen an OOM kill that no kernel log tells of: the kernel's ring went round, its log was rotated away, or a
//! part of the journal was exported. That there was none is no fact then, and of the kill nothing is known but this.

use crate::oomlog::event::Stamp;
use crate::oomlog::moment::{self, Reference};
use crate::oomlog::record::Record;
use crate::oomlog::report::Typed;
use crate::oomlog::unit::{self, By};
use crate::report::escape::Escaped;

use super::filter::Filter;
use super::trouble::{News, Troubles};
use super::words;
use crate::oomlog::seen::number;

/// So many units are known, and of each so many times: of more nothing is said.
const MOST: usize = 256;
const TIMES: usize = 64;
/// So many units are named; the rest is counted.
const SHOWN: usize = 8;

/// systemd sees the kill by its cgroup, at once or when all processes of the unit have ended, for which it waits 90 s.
const NEAR_US: u64 = 120_000_000;

/// So many times of events are kept, in 512 KiB.
const EVENTS: usize = 65_536;

/// One that was said.
struct Said {
    at_us: Option<i64>,
    written: Vec<u8>,
}

/// A unit, and when an OOM kill in it was said.
struct Unit {
    name: Vec<u8>,
    source: Vec<u8>,
    kills: Vec<Said>,
}

/// What systemd has said, and the events that it may have said it of.
#[derive(Default)]
pub(super) struct Units {
    units: Vec<Unit>,
    /// When systemd-oomd ended somebody, and when events were.
    known: Vec<i64>,
    /// Whether nothing dates an event: it may be any of these.
    is_undated: bool,
    /// Some of their times were not kept.
    is_full: bool,
}

impl Units {
    /// Looks whether systemd says it.
    pub(super) fn see(&mut self, record: &Record<'_>, source: &[u8], reference: &Reference) {
        let Some(said) = unit::said(record) else {
            return;
        };
        let stamp = Stamp::of(&record.when);
        let at_us = moment::of(&stamp, reference).map(|at| at.us);
        if said.by == By::Oomd {
            return self.know(at_us);
        }
        let is_it = |unit: &&mut Unit| unit.name == said.unit && unit.source == source;
        // The journal counts from 1970.
        let written = match (at_us, stamp.wall) {
            (Some(at), Some(wall)) if wall.iter().all(u8::is_ascii_digit) => Typed(at).to_string().into_bytes(),
            (_, wall) => wall.unwrap_or_default(),
        };
        let kill = Said { at_us, written };
        let has_room = self.units.len() < MOST;
        match self.units.iter_mut().find(is_it) {
            Some(unit) if unit.kills.len() < TIMES => unit.kills.push(kill),
            None if has_room => {
                self.units.push(Unit { name: said.unit.into(), source: source.into(), kills: vec![kill] });
            }
            _ => {}
        }
    }

    /// There is an event of that time, in whatever log.
    pub(super) fn know(&mut self, at_us: Option<i64>) {
        match at_us {
            Some(at) if self.known.len() < EVENTS => self.known.push(at),
            Some(_) => self.is_full = true,
            None => self.is_undated = true,
        }
    }

    /// Whether that kill was asked for, and no event is near it.
    fn is_left(&self, kill: &Said, filter: &Filter<'_>) -> bool {
        let Some(at) = kill.at_us else {
            // Where there are events, it may be one of them.
            return self.known.is_empty();
        };
        let first = self.known.partition_point(|known| *known < at && known.abs_diff(at) > NEAR_US);
        let is_known = self.known.get(first).is_some_and(|known| known.abs_diff(at) <= NEAR_US);
        let is_asked =
            filter.since_us.is_none_or(|since| at >= since) && filter.until_us.is_none_or(|until| at <= until);
        is_asked && !is_known
    }

    /// Says of which units no event was found that systemd may mean; whether there are any. To cron in words once. `has_hint`: what to type has been
    /// said.
    pub(super) fn say(&mut self, filter: &Filter<'_>, troubles: &mut Troubles, is_cron: bool, has_hint: bool) -> bool {
        // Which of them is of which kill nothing tells.
        if self.is_undated || self.is_full {
            return false;
        }
        self.known.sort_unstable();
        let is_left = |kill: &&Said| self.is_left(kill, filter);
        let (mut found, mut said) = (0_usize, 0_usize);
        for unit in &self.units {
            let is_of_cgroup = filter
                .cgroup
                .is_none_or(|cgroup| cgroup.split(|byte| *byte == b'/').any(|part| part == unit.name.as_slice()));
            let mut left = unit.kills.iter().filter(is_left);
            let Some(first) = left.next().filter(|_| is_of_cgroup) else {
                continue;
            };
            found += 1;
            let last = left.next_back().filter(|last| last.written != first.written);
            let mark = number(&[&unit.source, &unit.name, &last.unwrap_or(first).written, b"OOM kill of a unit"]);
            if is_cron && troubles.note(mark) == News::Known {
                continue;
            }
            said += 1;
            if said <= SHOWN {
                let name = Escaped(&unit.name);
                let first = When(&first.written, " at ");
                let last = last.map(|last| &last.written[..]).unwrap_or_default();
                let last = When(last, " and last at ");
                words::warn(
                    &unit.source,
                    format_args!(
                        "systemd reports an OOM kill in {name}{first}{last}, and no log that was read has the kernel's report of it: who was killed and why is not known"
                    ),
                );
            }
        }
        // Others came when there was no room for them.
        let least = if self.units.len() >= MOST { "at least " } else { "" };
        if said > SHOWN {
            words::line(|out| {
                let _ = core::fmt::Write::write_fmt(
                    out,
                    format_args!("warning: the same of {least}{} more units", said - SHOWN),
                );
            });
        }
        if said > 0 && !has_hint {
            crate::refusal::say_hint(Some(
                "the journal may have it: journalctl _TRANSPORT=kernel -o short-iso | memdoor dmesg -",
            ));
        }
        found > 0
    }
}

/// A time as the log writes it, and the word before it; nothing where it has none.
struct When<'t>(&'t [u8], &'static str);

impl core::fmt::Display for When<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "{}{}", self.1, Escaped(self.0))
    }
}
