//! The figures of a decision, by their names in text and JSON.

use core::fmt::Write;

use super::options::Act;
use super::report::{Action, Candidate, Outcome, Sentences, objects};
use super::top::LargeProcess;
use super::turn::{self, Waited};
use super::when::{Reading, State};
use super::whole_cgroup::WholeCgroup;
use crate::fixed::Fixed;
use crate::report::escape::Called;
use crate::report::field::Get::{self, Count, Growth, Known, Share, Size, Span, Words};
use crate::report::field::{FactOf, Rows, told};
use crate::report::{Event, Fact, Name, Section, Severity, Value};
use crate::sample::{number, worth};
use crate::sys::Errno;
use crate::target::exe::Link;
use crate::tmpfs::Mount;
use crate::victim::Exclusion;

pub(super) const KILL: &Event = &Event::alone("memdoor.action.kill", "kill", Severity::Warn);

/// Whom memdoor ended, or would have.
pub(super) const SECTION: Section = Section { key: "memdoor.action.kill", banner: "##### KILL INFORMATION #####\n" };

/// A decision, what is said of it in words, and who was near and largest: objects of JSON.
pub(super) struct Decision<'r> {
    pub(super) action: &'r Action,
    pub(super) said: &'r Sentences,
    pub(super) near: &'r [&'r [Fact<'r>]],
    pub(super) top: &'r [&'r [Fact<'r>]],
}

impl Rows for Decision<'static> {
    type Row<'r> = Decision<'r>;
}

const fn kill<R: Rows>(label: &'static str, key: &'static str, get: Get<R>) -> FactOf<R> {
    told(KILL, label, key, get)
}

/// What it was about, whom it took, and what came of it.
#[rustfmt::skip]
pub(super) static DECISION: [FactOf<Decision<'static>>; 50] = [
    kill("Action", "", Words(|of| of.action.outcome.words().as_bytes())),
    kill("", "memdoor.kill.outcome", Words(|of| of.action.outcome.name().as_bytes())),
    kill("", "memdoor.kill.dry_run", Known(|of| Value::Flag(of.action.terms.act == Act::DryRun))),
    kill("Memory", "", Words(|of| of.said.because.as_bytes())),
    kill("Waited For", "", Words(|of| of.said.waited.as_bytes())),
    kill("", "memdoor.kill.used_percent", Share(|of| of.action.reading.used())),
    kill("", "memdoor.kill.threshold_percent", Count(|of| Some(of.action.terms.when.threshold.into()))),
    kill("Total Memory", "system.memory.limit", Size(|of| of.of_host()?.total)),
    kill("Available Memory", "system.memory.linux.available", Size(|of| of.of_host()?.available)),
    kill("Of It Free On Lists Of CPUs", "memdoor.host.cpu_lists_bytes", Size(|of| worth(of.of_host()?.on_lists?))),
    kill("Control Group Memory Limit", "memdoor.cgroup.limit_bytes", Size(|of| of.of_group()?.total)),
    kill(
        "Limit Of The Control Group Above It", "memdoor.cgroup.limit_of",
        Known(|of| Value::or_nothing(of.limit_of(), Value::Text)),
    ),
    kill("Available Below That Limit", "memdoor.kill.available_bytes", Size(|of| of.of_group()?.available)),
    kill("Total Swap", "memdoor.host.swap_total_bytes", Size(|of| of.action.reading.swap_total)),
    kill("Free Swap", "memdoor.host.swap_free_bytes", Size(|of| of.action.reading.swap_free)),
    kill("Pressure (10 s)", "memdoor.kill.pressure_percent", Share(|of| of.action.reading.pressure)),
    kill("Control Group", "memdoor.cgroup.path", Known(|of| Value::or_nothing(of.action.terms.cgroup(), Value::Text))),
    kill("In tmpfs And System V Segments", "", Words(|of| of.said.lasting.as_bytes())),
    kill("", "memdoor.lasting.files_bytes", Size(|of| Some(of.action.lasting.as_ref()?.files))),
    kill("", "memdoor.lasting.segments_bytes", Known(|of| of.segments())),
    kill("", "memdoor.lasting.fullest.path", Known(|of| text(of.fullest(), |mount| mount.point.as_bytes()))),
    kill("", "memdoor.lasting.fullest.used_bytes", Size(|of| Some(of.fullest()?.used))),
    kill("Victim PID", "", Count(|of| number(of.victim()?.pid))),
    kill("Victim Command Name", "memdoor.process.comm", Known(|of| text(of.victim(), |victim| victim.comm.as_bytes()))),
    kill("Victim Executable", "process.executable.path", Known(|of| text(of.exe(), Link::as_bytes))),
    kill("Victim Processes", "memdoor.kill.processes", Count(|of| Some(of.action.processes(of.victim()?).into()))),
    kill("Victim Freeable Memory", "memdoor.kill.held_bytes", Size(|of| Some(of.victim()?.tree.held))),
    kill(
        "Of It Shared Memory That May Stay (smaps Did Not Answer)", "memdoor.kill.unread_bytes",
        Size(|of| worth(of.victim()?.tree.unread)),
    ),
    kill(
        "Not In It What Relatives May Map Too (smaps Did Not Answer)", "memdoor.kill.left_out_bytes",
        Size(|of| worth(of.victim()?.tree.left_out)),
    ),
    kill("Victim RSS (Counts Shared Pages Again)", "memdoor.kill.rss_bytes", Size(|of| Some(of.victim()?.tree.rss))),
    kill("Victim Chosen Because", "memdoor.kill.because", Words(|of| of.said.chosen.as_bytes())),
    kill("Its Control Group Ends As A Whole", "", Words(|of| of.said.whole.as_bytes())),
    kill("Next", "", Words(|of| of.said.next[0].as_bytes())),
    kill("Next", "", Words(|of| of.said.next[1].as_bytes())),
    kill("Not Candidates", "", Words(|of| of.said.not.as_bytes())),
    kill("Largest On Host", "", Words(|of| of.said.large[0].as_bytes())),
    kill("Largest On Host", "", Words(|of| of.said.large[1].as_bytes())),
    kill("Largest On Host", "", Words(|of| of.said.large[2].as_bytes())),
    kill("Largest On Host", "", Words(|of| of.said.large[3].as_bytes())),
    kill("Largest On Host", "", Words(|of| of.said.large[4].as_bytes())),
    kill("", "memdoor.kill.next", Known(|of| objects(of.near))),
    kill("", "memdoor.kill.top", Known(|of| objects(of.top))),
    kill("Candidates Without Room", "memdoor.kill.overflow", Count(|of| Some(of.action.overflow).filter(|count| *count > 0))),
    kill("Processes Sent SIGKILL", "memdoor.kill.sigkills", Count(|of| of.action.effect.freed.map(|_| of.action.effect.killed))),
    kill("Held By Those Ended", "memdoor.kill.freed_bytes", Size(|of| of.action.effect.freed)),
    kill("Available Memory After", "memdoor.kill.available_after_bytes", Size(|of| of.action.effect.after)),
    kill("Available Memory Rose By", "memdoor.kill.available_rise_bytes", Growth(|of| of.action.effect.risen)),
    kill("", "memdoor.kill.short_after", Known(|of| of.is_short_after())),
    kill("Took", "memdoor.kill.duration_us", Span(|of| of.action.effect.freed.map(|_| of.action.effect.took))),
    // Text has it in a sentence of its own; JSON as what is incomplete.
    kill("", "memdoor.kill.reason", Known(|of| Value::or_nothing(of.action.failure, |failure| Value::Absent(failure.why)))),
];

/// Which memdoor was waited for, who of the victim lives on, and what is said at the end.
#[rustfmt::skip]
pub(super) static OTHERS: [FactOf<Decision<'static>>; 16] = [
    kill("", "memdoor.kill.waited_for.pid", Count(|of| number(of.memdoor()?.pid))),
    kill("", "memdoor.kill.waited_for.comm", Known(|of| text(of.memdoor(), |one| one.comm.as_bytes()))),
    kill("", "memdoor.kill.waited_for.victim.pid", Count(|of| number(of.its_victim()?.pid))),
    kill("", "memdoor.kill.waited_for.victim.comm", Known(|of| text(of.its_victim(), |one| one.comm.as_bytes()))),
    kill("", "memdoor.kill.waited_for.duration_us", Span(|of| Some(of.waited()?.took))),
    kill("", "memdoor.kill.waited_for.in_vain", Known(|of| Value::or_nothing(of.waited(), |waited| Value::Flag(waited.is_in_vain)))),
    kill("", "memdoor.kill.cgroup_processes", Count(|of| Some(of.in_cgroup()?.into()))),
    kill("", "memdoor.kill.cgroup_kill", Known(|of| Value::or_nothing(of.whole(), |_| Value::Flag(of.action.effect.is_by_cgroup_kill)))),
    kill("", "memdoor.kill.left", Count(|of| Some(of.action.effect.left?.count.into()))),
    kill("", "memdoor.kill.survivor.pid", Count(|of| number(of.action.effect.survivor.as_ref()?.pid))),
    kill("", "memdoor.kill.survivor.state", Words(|of| of.action.effect.survivor.as_ref().map_or(b"", |one| one.stuck.name().as_bytes()))),
    kill("Memory After", "", Words(|of| of.said.after.as_bytes())),
    kill("Not Held And Not Ended", "", Words(|of| of.said.left.as_bytes())),
    kill("Chosen And Let Go", "memdoor.kill.let_go", Count(|of| Some(of.action.effect.let_go.into()).filter(|count| *count > 0))),
    kill("Not Ended Yet", "", Words(|of| of.said.survivor.as_bytes())),
    kill("Reason", "", Words(|of| of.said.why.as_bytes())),
];

impl Rows for Candidate {
    type Row<'r> = Self;
}

/// Somebody who was near, for JSON.
pub(super) static NEAR: [FactOf<Candidate>; 7] = [
    kill("", "pid", Count(|near| number(near.pid))),
    kill("", "comm", Known(|near| Value::Text(near.comm.as_bytes()))),
    kill("", "processes", Count(|near| Some(near.tree.processes.into()))),
    kill("", "held_bytes", Size(|near| Some(near.tree.held))),
    kill("", "unread_bytes", Size(|near| worth(near.tree.unread))),
    kill("", "left_out_bytes", Size(|near| worth(near.tree.left_out))),
    kill("", "rss_bytes", Size(|near| Some(near.tree.rss))),
];

impl Rows for LargeProcess {
    type Row<'r> = Self;
}

/// One of the largest processes of the host, for JSON.
pub(super) static LARGE: [FactOf<LargeProcess>; 6] = [
    kill("", "pid", Count(|one| number(one.pid))),
    kill("", "comm", Known(|one| Value::Text(one.comm.as_bytes()))),
    kill("", "rss_bytes", Size(|one| Some(one.rss))),
    kill("", "swap_bytes", Size(|one| one.swap)),
    kill("", "may_be_ended", Known(|one| Value::Flag(one.why.is_none()))),
    kill("", "reason", Words(|one| one.reason().as_bytes())),
];

impl LargeProcess {
    fn reason(&self) -> &'static str {
        self.why.and_then(|why| name_of(why).2.rsplit('.').next()).unwrap_or_default()
    }
}

impl<'r> Decision<'r> {
    fn victim(&self) -> Option<&'r Candidate> {
        self.action.victim.as_ref()
    }

    fn exe(&self) -> Option<&'r Link> {
        self.action.exe.as_ref().filter(|_| self.victim().is_some())
    }

    /// What was read of the host's memory, unless a cgroup's counts.
    fn of_host(&self) -> Option<&'r Reading> {
        self.action.terms.cgroup().is_none().then_some(&self.action.reading)
    }

    fn of_group(&self) -> Option<&'r Reading> {
        self.action.terms.cgroup().is_some().then_some(&self.action.reading)
    }

    fn limit_of(&self) -> Option<&'r [u8]> {
        self.of_group()?.limit_of(self.action.terms.cgroup()?)
    }

    fn fullest(&self) -> Option<&'r Mount> {
        self.action.lasting.as_ref()?.fullest.as_ref()
    }

    fn segments(&self) -> Value<'static> {
        match self.action.lasting.as_ref().map(|lasting| lasting.segments) {
            Some(Ok(size)) => Value::Bytes(size),
            Some(Err(why)) => Value::Absent(why),
            None => Value::Nothing,
        }
    }

    fn waited(&self) -> Option<&'r Waited> {
        self.action.waited.as_ref()
    }

    fn memdoor(&self) -> Option<&'r turn::Named> {
        self.waited()?.whom.memdoor.as_ref()
    }

    /// The victim of the memdoor that was waited for.
    fn its_victim(&self) -> Option<&'r turn::Named> {
        self.waited()?.whom.victim.as_ref()
    }

    fn whole(&self) -> Option<WholeCgroup> {
        self.action.whole.and_then(Result::ok)
    }

    /// How many processes are in the cgroup that is ended, those that are spared included.
    fn in_cgroup(&self) -> Option<u32> {
        let WholeCgroup { processes, exempt, .. } = self.whole()?;
        let held = self.action.effect.held.filter(|_| !self.action.effect.is_narrowed);
        Some(held.map_or(processes, |held| held.saturating_add(exempt)))
    }

    fn is_short_after(&self) -> Value<'static> {
        match self.action.effect.state_after {
            None | Some(State::Unknown) => Value::Nothing,
            Some(state) => Value::Flag(state == State::Short),
        }
    }
}

/// A text, be it empty.
fn text<'r, T>(of: Option<&'r T>, text: impl FnOnce(&'r T) -> &'r [u8]) -> Value<'r> {
    Value::or_nothing(of, |of| Value::Text(text(of)))
}

const TOO_SMALL: Name = Name(KILL, "", "memdoor.kill.excluded.too_small");
const EMPTY: Name = Name(KILL, "", "memdoor.kill.excluded.empty");

/// How those are called that may not be chosen, in text.
pub(super) const fn words_of(why: Exclusion) -> &'static str {
    match why {
        Exclusion::KernelThread => "kernel threads",
        Exclusion::Zombie => "zombies",
        Exclusion::Init => "PID 1",
        Exclusion::Own => "memdoor and above",
        Exclusion::Essential => "of the system",
        Exclusion::Unwanted => "not --only",
        Exclusion::Unread => "not read",
        Exclusion::Outside => "outside --cgroup",
        Exclusion::Ignored => "--ignore",
        Exclusion::OthersProcess => "other users'",
        Exclusion::Exempt => "oom_score_adj -1000",
        Exclusion::Gone => "gone",
    }
}

/// Their number in JSON.
const fn name_of(why: Exclusion) -> Name {
    Name(
        KILL,
        "",
        match why {
            Exclusion::KernelThread => "memdoor.kill.excluded.kernel_threads",
            Exclusion::Zombie => "memdoor.kill.excluded.zombies",
            Exclusion::Init => "memdoor.kill.excluded.init",
            Exclusion::Own => "memdoor.kill.excluded.own",
            Exclusion::Essential => "memdoor.kill.excluded.essential",
            Exclusion::Unwanted => "memdoor.kill.excluded.unwanted",
            Exclusion::Unread => "memdoor.kill.excluded.unread",
            Exclusion::Outside => "memdoor.kill.excluded.outside",
            Exclusion::Ignored => "memdoor.kill.excluded.ignored",
            Exclusion::OthersProcess => "memdoor.kill.excluded.other_users",
            Exclusion::Exempt => "memdoor.kill.excluded.exempt",
            Exclusion::Gone => "memdoor.kill.excluded.gone",
        },
    )
}

/// In neither format.
pub(super) const fn left_out() -> Fact<'static> {
    Name(KILL, "", "").is(Value::Nothing)
}

/// Somebody who was near, in a line.
pub(super) fn line(near: &Candidate) -> Fixed<160> {
    let mut words = Fixed::new();
    let tree = &near.tree;
    let _ = write!(
        words,
        "PID {} ({}): {}{} kB, RSS {} kB, processes {}",
        near.pid,
        Called(near.comm.as_bytes()),
        // As `check` and `scores` mark it.
        if worth(tree.unread.plus(tree.left_out)).is_some() { "~" } else { "" },
        tree.held.kib(),
        tree.rss.kib(),
        tree.processes
    );
    words
}

/// The same in a line.
pub(super) fn large_line(one: &LargeProcess) -> Fixed<160> {
    let mut words = Fixed::new();
    let _ = write!(words, "PID {} ({}): RSS {} kB", one.pid, Called(one.comm.as_bytes()), one.rss.kib());
    if let Some(swap) = one.swap {
        let _ = write!(words, ", swap {} kB", swap.kib());
    }
    let _ = match one.why {
        Some(why) => write!(words, ", may not be ended: {}", words_of(why)),
        None => write!(words, ", may be ended"),
    };
    words
}

impl Action {
    /// Whether the victim may not be signalled.
    pub(super) fn is_refused(&self) -> bool {
        self.outcome == Outcome::Failed && self.failure.is_some_and(|failure| failure.why.errno() == Some(Errno::EPERM))
    }

    /// How many processes are ended: those that were, or would be.
    pub(super) fn processes(&self, victim: &Candidate) -> u32 {
        let whole = self.whole.and_then(Result::ok).map(|whole| whole.processes.saturating_sub(whole.exempt));
        self.effect.held.or(whole).unwrap_or(victim.tree.processes)
    }

    /// How many may not be chosen, for JSON.
    pub(super) fn excluded(&self) -> [Fact<'static>; Exclusion::COUNT + 2] {
        let is_told = self.trees > 0 || !self.excluded.is_empty();
        let is_any = |count: u32| (count > 0).then_some(Value::Count(count.into()));
        let mut all = [left_out(); Exclusion::COUNT + 2];
        let [by_why @ .., too_small, empty] = &mut all;
        for (slot, why) in by_why.iter_mut().zip(Exclusion::ALL).filter(|_| is_told) {
            *slot = name_of(why).is(Value::Count(self.excluded.of(why).into()));
        }
        *too_small = TOO_SMALL.if_any(is_any(self.too_small));
        *empty = EMPTY.if_any(is_any(self.empty));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::Comm;
    use crate::units::{Bytes, Pid, Ticks};
    use crate::victim::{Rank, Tree};

    #[test]
    fn who_was_near_has_the_mark_of_what_was_not_read() {
        let near = |unread: u64, left_out: u64| {
            let [held, unread, left_out, rss] = [40, unread, left_out, 50].map(|mib| Bytes(mib << 20));
            let tree = Tree { root: 0, held, unread, left_out, rss, processes: 2, rank: Rank::Ordinary, score: 0 };
            let pid = Pid::new(7).expect("a pid");
            line(&Candidate { pid, started: Ticks(0), comm: Comm::of(b"db"), tree })
        };
        assert_eq!(near(0, 0).as_bytes(), b"PID 7 (db): 40960 kB, RSS 51200 kB, processes 2");
        for size in [near(8, 0), near(0, 8)] {
            assert_eq!(size.as_bytes(), b"PID 7 (db): ~40960 kB, RSS 51200 kB, processes 2");
        }
    }
}
