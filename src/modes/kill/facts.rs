//! The figures of a decision, by their names in text and JSON.

use core::fmt::Write;

use super::options::Options;
use super::report::{Action, Named};
use crate::fixed::Fixed;
use crate::report::Event::Kill;
use crate::report::escape::Escaped;
use crate::report::{Fact, Name, Value};
use crate::target::exe::Link;
use crate::units::{Bytes, Percent};
use crate::victim::Why;

pub(super) const ACTION: Name = Name(Kill, "Action", "");
pub(super) const OUTCOME: Name = Name(Kill, "", "memdoor.kill.outcome");
pub(super) const DRY_RUN: Name = Name(Kill, "", "memdoor.kill.dry_run");
pub(super) const BECAUSE: Name = Name(Kill, "Memory", "");
const USED: Name = Name(Kill, "", "memdoor.kill.used_percent");
const THRESHOLD: Name = Name(Kill, "", "memdoor.kill.threshold_percent");
const TOTAL: Name = Name(Kill, "Total Memory", "system.memory.limit");
const AVAILABLE: Name = Name(Kill, "Available Memory", "system.memory.linux.available");
const SWAP_TOTAL: Name = Name(Kill, "Total Swap", "memdoor.host.swap_total_bytes");
const SWAP_FREE: Name = Name(Kill, "Free Swap", "memdoor.host.swap_free_bytes");
const PRESSURE: Name = Name(Kill, "Pressure (avg10)", "memdoor.kill.pressure_percent");
const GROUP: Name = Name(Kill, "Control Group", "memdoor.cgroup.path");
const PID: Name = Name(Kill, "Victim PID", "");
const COMM: Name = Name(Kill, "Victim Command Name", "memdoor.process.comm");
const EXE: Name = Name(Kill, "Victim Executable", "process.executable.path");
const PROCESSES: Name = Name(Kill, "Victim Processes", "memdoor.kill.processes");
const HELD: Name = Name(Kill, "Victim Freeable Memory", "memdoor.kill.held_bytes");
const RSS: Name = Name(Kill, "Victim RSS (Counts Shared Pages Again)", "memdoor.kill.rss_bytes");
pub(super) const CHOSEN: Name = Name(Kill, "Victim Chosen Because", "memdoor.kill.because");
pub(super) const NEXT: Name = Name(Kill, "Next", "");
pub(super) const NEXT_JSON: Name = Name(Kill, "", "memdoor.kill.next");
pub(super) const NOT: Name = Name(Kill, "Not Candidates", "");
const OVERFLOW: Name = Name(Kill, "Candidates Without Room", "memdoor.kill.overflow");
const SIGKILLS: Name = Name(Kill, "Processes Sent SIGKILL", "memdoor.kill.sigkills");
const FREED: Name = Name(Kill, "Freed By Their End", "memdoor.kill.freed_bytes");
const AFTER: Name = Name(Kill, "Available Memory After", "memdoor.kill.available_after_bytes");
const TOOK: Name = Name(Kill, "Took", "memdoor.kill.duration_us");
const REASON: Name = Name(Kill, "Reason", "memdoor.kill.reason");

const TOO_SMALL: Name = Name(Kill, "", "memdoor.kill.excluded.too_small");

/// How those are called that may not be chosen: in JSON below memdoor.kill.excluded, in text with blanks.
pub(super) const EXCLUDED: [(&str, Name); Why::COUNT] = [
    ("kernel threads", Name(Kill, "", "memdoor.kill.excluded.kernel_threads")),
    ("zombies", Name(Kill, "", "memdoor.kill.excluded.zombies")),
    ("PID 1", Name(Kill, "", "memdoor.kill.excluded.init")),
    ("memdoor and above", Name(Kill, "", "memdoor.kill.excluded.own")),
    ("of the system", Name(Kill, "", "memdoor.kill.excluded.essential")),
    ("not --only", Name(Kill, "", "memdoor.kill.excluded.unwanted")),
    ("--ignore", Name(Kill, "", "memdoor.kill.excluded.ignored")),
    ("other users'", Name(Kill, "", "memdoor.kill.excluded.other_users")),
    ("oom_score_adj -1000", Name(Kill, "", "memdoor.kill.excluded.exempt")),
    ("gone", Name(Kill, "", "memdoor.kill.excluded.gone")),
];

fn bytes(size: Option<Bytes>) -> Value<'static> {
    size.map_or(Value::Nothing, Value::Bytes)
}

fn percent(share: Option<Percent>) -> Value<'static> {
    share.map_or(Value::Nothing, Value::Percent)
}

/// In neither format.
pub(super) const fn left_out() -> Fact<'static> {
    Name(Kill, "", "").is(Value::Nothing)
}

/// Somebody who was near, in a line.
pub(super) fn line(near: &Named) -> Fixed<160> {
    let mut words = Fixed::new();
    let tree = &near.tree;
    let _ = write!(
        words,
        "PID {} ({}): {} kB, RSS {} kB, processes {}",
        near.pid,
        Escaped(near.comm.as_bytes()),
        tree.held.kib(),
        tree.rss.kib(),
        tree.processes
    );
    words
}

/// The same for JSON.
pub(super) fn facts(near: &Named) -> [Fact<'_>; 5] {
    let named = |key, value| Name(Kill, "", key).is(value);
    [
        named("pid", Value::Int(near.pid.get().into())),
        named("comm", Value::Text(near.comm.as_bytes())),
        named("processes", Value::Count(near.tree.processes.into())),
        named("held_bytes", Value::Bytes(near.tree.held)),
        named("rss_bytes", Value::Bytes(near.tree.rss)),
    ]
}

impl Action {
    pub(super) fn figures<'a>(&self, options: &Options<'a>) -> [Fact<'a>; 8] {
        let reading = &self.reading;
        [
            USED.is(percent(reading.used())),
            THRESHOLD.is(Value::Count(options.when.threshold.into())),
            TOTAL.is(bytes(reading.total)),
            AVAILABLE.is(bytes(reading.available)),
            SWAP_TOTAL.is(bytes(reading.swap_total)),
            SWAP_FREE.is(bytes(reading.swap_free)),
            PRESSURE.is(percent(reading.pressure)),
            GROUP.is(options.cgroup.map_or(Value::Nothing, Value::Text)),
        ]
    }

    pub(super) fn victim(&self) -> [Fact<'_>; 6] {
        let Some(victim) = &self.best[0] else {
            return [left_out(); 6];
        };
        let exe = self.exe.as_ref().map(Link::as_bytes);
        [
            PID.is(Value::Int(victim.pid.get().into())),
            COMM.is(Value::Text(victim.comm.as_bytes())),
            EXE.is(exe.map_or(Value::Nothing, Value::Text)),
            PROCESSES.is(Value::Count(victim.tree.processes.into())),
            HELD.is(Value::Bytes(victim.tree.held)),
            RSS.is(Value::Bytes(victim.tree.rss)),
        ]
    }

    pub(super) fn results(&self) -> [Fact<'static>; 6] {
        let was_sent = self.freed.is_some();
        [
            OVERFLOW.is(match self.overflow {
                0 => Value::Nothing,
                count => Value::Count(count),
            }),
            SIGKILLS.is(if was_sent { Value::Count(self.killed) } else { Value::Nothing }),
            FREED.is(bytes(self.freed)),
            AFTER.is(bytes(self.after)),
            TOOK.is(if was_sent { Value::Span(self.took) } else { Value::Nothing }),
            // Text has it in a line of its own; JSON as what is incomplete.
            REASON.is(self.errno.map_or(Value::Nothing, Value::Absent)),
        ]
    }

    /// How many may not be chosen, for JSON.
    pub(super) fn excluded(&self) -> [Fact<'static>; Why::COUNT + 1] {
        let mut all = [left_out(); Why::COUNT + 1];
        let counts = EXCLUDED.iter().zip(self.excluded);
        for (slot, ((_, name), count)) in all.iter_mut().zip(counts) {
            if self.trees > 0 || self.excluded.iter().any(|count| *count > 0) {
                *slot = name.is(Value::Count(count.into()));
            }
        }
        if self.too_small > 0 {
            all[Why::COUNT] = TOO_SMALL.is(Value::Count(self.too_small.into()));
        }
        all
    }
}
