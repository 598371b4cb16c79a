//! The figures of a decision, by their names in text and JSON.

use core::fmt::Write;

use super::options::Options;
use super::report::{Action, Named, Outcome};
use super::top::Large;
use super::turn;
use super::when::State;
use crate::fixed::Fixed;
use crate::processes::slow::WORTH;
use crate::report::Event::Kill;
use crate::report::escape::Escaped;
use crate::report::{Fact, Name, Value};
use crate::sys::Errno;
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
const GROUP_LIMIT: Name = Name(Kill, "Control Group Memory Limit", "memdoor.cgroup.limit_bytes");
const GROUP_LIMIT_OF: Name = Name(Kill, "Limit Of The Control Group Above It", "memdoor.cgroup.limit_of");
const GROUP_ROOM: Name = Name(Kill, "Available Below That Limit", "memdoor.kill.available_bytes");
const SWAP_TOTAL: Name = Name(Kill, "Total Swap", "memdoor.host.swap_total_bytes");
const SWAP_FREE: Name = Name(Kill, "Free Swap", "memdoor.host.swap_free_bytes");
const PRESSURE: Name = Name(Kill, "Pressure (avg10)", "memdoor.kill.pressure_percent");
pub(super) const LASTING: Name = Name(Kill, "In tmpfs And System V Segments", "");
const LASTING_FILES: Name = Name(Kill, "", "memdoor.lasting.files_bytes");
const LASTING_SEGMENTS: Name = Name(Kill, "", "memdoor.lasting.segments_bytes");
const LASTING_POINT: Name = Name(Kill, "", "memdoor.lasting.fullest.path");
const LASTING_USED: Name = Name(Kill, "", "memdoor.lasting.fullest.used_bytes");
const GROUP: Name = Name(Kill, "Control Group", "memdoor.cgroup.path");
const PID: Name = Name(Kill, "Victim PID", "");
const COMM: Name = Name(Kill, "Victim Command Name", "memdoor.process.comm");
const EXE: Name = Name(Kill, "Victim Executable", "process.executable.path");
const PROCESSES: Name = Name(Kill, "Victim Processes", "memdoor.kill.processes");
const HELD: Name = Name(Kill, "Victim Freeable Memory", "memdoor.kill.held_bytes");
const UNREAD: Name =
    Name(Kill, "Of It Shared Memory That May Stay (smaps Did Not Answer)", "memdoor.kill.unread_bytes");
const LEFT_OUT: Name =
    Name(Kill, "Not In It What Relatives May Map Too (smaps Did Not Answer)", "memdoor.kill.left_out_bytes");
const RSS: Name = Name(Kill, "Victim RSS (Counts Shared Pages Again)", "memdoor.kill.rss_bytes");
pub(super) const CHOSEN: Name = Name(Kill, "Victim Chosen Because", "memdoor.kill.because");
pub(super) const NEXT: Name = Name(Kill, "Next", "");
pub(super) const NEXT_JSON: Name = Name(Kill, "", "memdoor.kill.next");
pub(super) const NOT: Name = Name(Kill, "Not Candidates", "");
const OVERFLOW: Name = Name(Kill, "Candidates Without Room", "memdoor.kill.overflow");
const SIGKILLS: Name = Name(Kill, "Processes Sent SIGKILL", "memdoor.kill.sigkills");
const FREED: Name = Name(Kill, "Held By Those Ended", "memdoor.kill.freed_bytes");
const AFTER: Name = Name(Kill, "Available Memory After", "memdoor.kill.available_after_bytes");
const TOOK: Name = Name(Kill, "Took", "memdoor.kill.duration_us");
const RISEN: Name = Name(Kill, "Available Memory Rose By", "memdoor.kill.available_rise_bytes");
const REASON: Name = Name(Kill, "", "memdoor.kill.reason");
pub(super) const WHY: Name = Name(Kill, "Reason", "");
pub(super) const AFTERWARDS: Name = Name(Kill, "Memory After", "");
const SHORT_AFTER: Name = Name(Kill, "", "memdoor.kill.short_after");
pub(super) const WAITED: Name = Name(Kill, "Waited For", "");
const WAITED_PID: Name = Name(Kill, "", "memdoor.kill.waited_for.pid");
const WAITED_COMM: Name = Name(Kill, "", "memdoor.kill.waited_for.comm");
const WAITED_VICTIM: Name = Name(Kill, "", "memdoor.kill.waited_for.victim.pid");
const WAITED_VICTIM_COMM: Name = Name(Kill, "", "memdoor.kill.waited_for.victim.comm");
const WAITED_TIME: Name = Name(Kill, "", "memdoor.kill.waited_for.duration_us");
const WAITED_IN_VAIN: Name = Name(Kill, "", "memdoor.kill.waited_for.in_vain");
pub(super) const WHOLE: Name = Name(Kill, "Its Control Group Ends As A Whole", "");
const WHOLE_COUNT: Name = Name(Kill, "", "memdoor.kill.cgroup_processes");
const BY_CGROUP_KILL: Name = Name(Kill, "", "memdoor.kill.cgroup_kill");
pub(super) const LEFT: Name = Name(Kill, "Not Held And Not Ended", "");
const LEFT_COUNT: Name = Name(Kill, "", "memdoor.kill.left");
pub(super) const SURVIVOR: Name = Name(Kill, "Not Ended Yet", "");
const SURVIVOR_PID: Name = Name(Kill, "", "memdoor.kill.survivor.pid");
const SURVIVOR_STATE: Name = Name(Kill, "", "memdoor.kill.survivor.state");

pub(super) const TOP: Name = Name(Kill, "Largest On Host", "");
pub(super) const TOP_JSON: Name = Name(Kill, "", "memdoor.kill.top");

const TOO_SMALL: Name = Name(Kill, "", "memdoor.kill.excluded.too_small");

/// How those are called that may not be chosen: in JSON below memdoor.kill.excluded, in text with blanks.
pub(super) const EXCLUDED: [(&str, Name); Why::COUNT] = [
    ("kernel threads", Name(Kill, "", "memdoor.kill.excluded.kernel_threads")),
    ("zombies", Name(Kill, "", "memdoor.kill.excluded.zombies")),
    ("PID 1", Name(Kill, "", "memdoor.kill.excluded.init")),
    ("memdoor and above", Name(Kill, "", "memdoor.kill.excluded.own")),
    ("of the system", Name(Kill, "", "memdoor.kill.excluded.essential")),
    ("not --only", Name(Kill, "", "memdoor.kill.excluded.unwanted")),
    ("not read", Name(Kill, "", "memdoor.kill.excluded.unread")),
    ("outside --cgroup", Name(Kill, "", "memdoor.kill.excluded.outside")),
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
        "PID {} ({}): {}{} kB, RSS {} kB, processes {}",
        near.pid,
        Escaped(near.comm.as_bytes()),
        // As `check` and `scores` mark it.
        if tree.unread.plus(tree.left_out) >= WORTH { "~" } else { "" },
        tree.held.kib(),
        tree.rss.kib(),
        tree.processes
    );
    words
}

/// Unless it is too little to matter.
fn if_worth(size: Bytes) -> Option<Value<'static>> {
    (size >= WORTH).then_some(Value::Bytes(size))
}

/// The same for JSON.
pub(super) fn facts(near: &Named) -> [Fact<'_>; 7] {
    let named = |key, value| Name(Kill, "", key).is(value);
    [
        named("pid", Value::Int(near.pid.get().into())),
        named("comm", Value::Text(near.comm.as_bytes())),
        named("processes", Value::Count(near.tree.processes.into())),
        named("held_bytes", Value::Bytes(near.tree.held)),
        named("unread_bytes", if_worth(near.tree.unread).unwrap_or(Value::Nothing)),
        named("left_out_bytes", if_worth(near.tree.left_out).unwrap_or(Value::Nothing)),
        named("rss_bytes", Value::Bytes(near.tree.rss)),
    ]
}

/// One of the largest processes of the host, for JSON.
pub(super) fn large(one: &Large) -> [Fact<'_>; 6] {
    let named = |key, value| Name(Kill, "", key).is(value);
    let reason = one.why.and_then(|why| EXCLUDED.get(why as usize)?.1.2.rsplit('.').next());
    [
        named("pid", Value::Int(one.pid.get().into())),
        named("comm", Value::Text(one.comm.as_bytes())),
        named("rss_bytes", Value::Bytes(one.rss)),
        named("swap_bytes", bytes(one.swap)),
        named("may_be_ended", Value::Flag(one.why.is_none())),
        named("reason", reason.map_or(Value::Nothing, Value::Words)),
    ]
}

/// The same in a line.
pub(super) fn large_line(one: &Large) -> Fixed<160> {
    let mut words = Fixed::new();
    let _ = write!(words, "PID {} ({}): RSS {} kB", one.pid, Escaped(one.comm.as_bytes()), one.rss.kib());
    if let Some(swap) = one.swap {
        let _ = write!(words, ", swap {} kB", swap.kib());
    }
    let _ = match one.why.and_then(|why| EXCLUDED.get(why as usize)) {
        Some((why, _)) => write!(words, ", may not be ended: {why}"),
        None => write!(words, ", may be ended"),
    };
    words
}

impl Action {
    pub(super) fn figures<'a>(&self, options: &Options<'a>) -> [Fact<'a>; 9] {
        let reading = &self.reading;
        let (total, available) = match options.cgroup {
            Some(_) => (GROUP_LIMIT, GROUP_ROOM),
            None => (TOTAL, AVAILABLE),
        };
        [
            USED.is(percent(reading.used())),
            THRESHOLD.is(Value::Count(options.when.threshold.into())),
            total.is(bytes(reading.total)),
            GROUP_LIMIT_OF
                .is(options.cgroup.and_then(|path| reading.limit_of(path)).map_or(Value::Nothing, Value::Text)),
            available.is(bytes(reading.available)),
            SWAP_TOTAL.is(bytes(reading.swap_total)),
            SWAP_FREE.is(bytes(reading.swap_free)),
            PRESSURE.is(percent(reading.pressure)),
            GROUP.is(options.cgroup.map_or(Value::Nothing, Value::Text)),
        ]
    }

    /// What lasts whoever ends, for JSON.
    pub(super) fn lasting_facts(&self) -> [Fact<'_>; 4] {
        let lasting = self.lasting.as_ref();
        let fullest = lasting.and_then(|lasting| lasting.fullest.as_ref());
        [
            LASTING_FILES.is(bytes(lasting.map(|lasting| lasting.files))),
            LASTING_SEGMENTS.is(bytes(lasting.map(|lasting| lasting.segments))),
            LASTING_POINT.is(fullest.map_or(Value::Nothing, |mount| Value::Text(mount.point.as_bytes()))),
            LASTING_USED.is(bytes(fullest.map(|mount| mount.used))),
        ]
    }

    /// Whether the victim may not be signalled.
    pub(super) fn is_refused(&self) -> bool {
        self.outcome == Outcome::Failed && self.failure.is_some_and(|failure| failure.why.errno() == Some(Errno::EPERM))
    }

    /// How many processes are ended: those that were, or would be.
    pub(super) fn processes(&self, victim: &Named) -> u32 {
        let whole = self.whole.and_then(Result::ok).map(|whole| whole.processes.saturating_sub(whole.exempt));
        self.held.or(whole).unwrap_or(victim.tree.processes)
    }

    pub(super) fn victim(&self) -> [Fact<'_>; 8] {
        let Some(victim) = &self.best[0] else {
            return [left_out(); 8];
        };
        let exe = self.exe.as_ref().map(Link::as_bytes);
        [
            PID.is(Value::Int(victim.pid.get().into())),
            COMM.is(Value::Text(victim.comm.as_bytes())),
            EXE.is(exe.map_or(Value::Nothing, Value::Text)),
            PROCESSES.is(Value::Count(self.processes(victim).into())),
            HELD.is(Value::Bytes(victim.tree.held)),
            UNREAD.if_any(if_worth(victim.tree.unread)),
            LEFT_OUT.if_any(if_worth(victim.tree.left_out)),
            RSS.is(Value::Bytes(victim.tree.rss)),
        ]
    }

    pub(super) fn results(&self) -> [Fact<'static>; 8] {
        let was_sent = self.freed.is_some();
        let is_short = self.state_after.filter(|state| *state != State::Unknown).map(|state| state == State::Short);
        [
            OVERFLOW.is(match self.overflow {
                0 => Value::Nothing,
                count => Value::Count(count),
            }),
            SIGKILLS.is(if was_sent { Value::Count(self.killed) } else { Value::Nothing }),
            FREED.is(bytes(self.freed)),
            AFTER.is(bytes(self.after)),
            RISEN.is(self.risen.map_or(Value::Nothing, Value::Growth)),
            SHORT_AFTER.is(is_short.map_or(Value::Nothing, Value::Flag)),
            TOOK.is(if was_sent { Value::Span(self.took) } else { Value::Nothing }),
            // Text has it in a sentence of its own; JSON as what is incomplete.
            REASON.is(self.failure.map_or(Value::Nothing, |failure| Value::Absent(failure.why))),
        ]
    }

    /// For JSON: which memdoor was waited for, and who of the victim lives on.
    pub(super) fn others(&self) -> [Fact<'_>; 11] {
        let whole = self.whole.and_then(Result::ok);
        let waited = self.waited.as_ref();
        let memdoor = waited.and_then(|waited| waited.whom.memdoor.as_ref());
        let victim = waited.and_then(|waited| waited.whom.victim.as_ref());
        let pid = |one: Option<&turn::Named>| one.map_or(Value::Nothing, |one| Value::Int(one.pid.get().into()));
        fn comm(one: Option<&turn::Named>) -> Value<'_> {
            one.map_or(Value::Nothing, |one| Value::Text(one.comm.as_bytes()))
        }
        let survivor = self.survivor.as_ref();
        [
            WAITED_PID.is(pid(memdoor)),
            WAITED_COMM.is(comm(memdoor)),
            WAITED_VICTIM.is(pid(victim)),
            WAITED_VICTIM_COMM.is(comm(victim)),
            WAITED_TIME.is(waited.map_or(Value::Nothing, |waited| Value::Span(waited.took))),
            WAITED_IN_VAIN.is(waited.map_or(Value::Nothing, |waited| Value::Flag(waited.is_in_vain))),
            WHOLE_COUNT.is(whole.map_or(Value::Nothing, |whole| Value::Count(whole.processes.into()))),
            BY_CGROUP_KILL.is(whole.map_or(Value::Nothing, |_| Value::Flag(self.is_by_cgroup_kill))),
            LEFT_COUNT.is(self.left.map_or(Value::Nothing, |left| Value::Count(left.count.into()))),
            SURVIVOR_PID.is(survivor.map_or(Value::Nothing, |one| Value::Int(one.pid.get().into()))),
            SURVIVOR_STATE.is(survivor.map_or(Value::Nothing, |one| Value::Words(one.stuck.name()))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::Comm;
    use crate::units::{Pid, Ticks};
    use crate::victim::{Rank, Tree};

    #[test]
    fn who_was_near_has_the_mark_of_what_was_not_read() {
        let near = |unread: u64, left_out: u64| {
            let [held, unread, left_out, rss] = [40, unread, left_out, 50].map(|mib| Bytes(mib << 20));
            let tree = Tree { root: 0, held, unread, left_out, rss, processes: 2, rank: Rank::Ordinary, score: 0 };
            let pid = Pid::new(7).expect("a pid");
            line(&Named { pid, started: Ticks(0), comm: Comm::of(b"db"), tree })
        };
        assert_eq!(near(0, 0).as_bytes(), b"PID 7 (db): 40960 kB, RSS 51200 kB, processes 2");
        for size in [near(8, 0), near(0, 8)] {
            assert_eq!(size.as_bytes(), b"PID 7 (db): ~40960 kB, RSS 51200 kB, processes 2");
        }
    }
}
