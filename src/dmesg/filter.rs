//! Which events are shown.

use super::boots::Span;
use crate::journal::Id;
use crate::oomlog::event::{Constraint, Event, Outcome, Task};
use crate::oomlog::moment::Moment;
use crate::parse::cgroup::is_below;

/// What was asked for. `None` is anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Not before, in microseconds since 1970.
    pub since_us: Option<i64>,
    /// Not after.
    pub until_us: Option<i64>,
    /// Who was killed.
    pub victim: Option<Who<'a>>,
    /// In which cgroup, or below it.
    pub cgroup: Option<&'a [u8]>,
    /// In which boot.
    pub boot: Option<Span>,
}

/// A process as it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who<'a> {
    /// Its whole name.
    Name(&'a [u8]),
    /// What its name begins with.
    Start(&'a [u8]),
    /// Its pid; a name may be a number, too.
    Number(u64, &'a [u8]),
}

/// TASK_COMM_LEN without its NUL: the kernel keeps no more of a name.
const COMM: usize = 15;

/// What becomes of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is shown. What was asked for and is not known of it is no reason to hide it: it is shown, counted and said.
    Shown(Unknown),
    LeftOut,
}

/// What was asked for and the log does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Unknown {
    /// Nothing tells whether it is of that time.
    pub(super) time: bool,
    /// Nothing tells whether the victim is that one: its name or all of it was cut off.
    pub(super) victim: bool,
    /// Nothing tells whether it was in that cgroup: the kernel limits reports to 10 in 5 s, and a kill line alone names none.
    pub(super) cgroup: bool,
}

/// Whether an event is what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fits {
    Yes,
    No,
    Unknown,
}

impl Filter<'_> {
    /// What becomes of an event that was at `wall`; in any case not after the log was last written to.
    pub(super) fn judge(&self, event: &Event, wall: Option<Moment>, latest_us: i64) -> Verdict {
        let victim = self.victim.map_or(Fits::Yes, |who| is_victim(who, event));
        let cgroup = self.cgroup.map_or(Fits::Yes, |path| is_of(path, event));
        let boot = self.boot.map_or(Fits::Yes, |boot| is_of_boot(&boot, event, wall));
        // Of what no boot is known only a time would tell.
        let time = match (self.is_time(wall, latest_us), boot) {
            (Fits::No, _) | (_, Fits::No) => Fits::No,
            (Fits::Yes, Fits::Yes) => Fits::Yes,
            _ => Fits::Unknown,
        };
        let all = [time, victim, cgroup];
        if all.contains(&Fits::No) {
            return Verdict::LeftOut;
        }
        let [time, victim, cgroup] = all.map(|fits| fits == Fits::Unknown);
        Verdict::Shown(Unknown { time, victim, cgroup })
    }

    fn is_time(&self, wall: Option<Moment>, latest_us: i64) -> Fits {
        let asks = self.since_us.or(self.until_us).is_some();
        match wall {
            None if self.since_us.is_some_and(|since| latest_us < since) => Fits::No,
            None if asks => Fits::Unknown,
            Some(wall)
                if self.since_us.is_some_and(|since| wall.us < since)
                    || self.until_us.is_some_and(|until| wall.us > until) =>
            {
                Fits::No
            }
            _ => Fits::Yes,
        }
    }
}

/// A text log names no boot, and its times tell.
fn is_of_boot(boot: &Span, event: &Event, wall: Option<Moment>) -> Fits {
    if let Some(id) = event.boot_id.as_deref().and_then(Id::parse) {
        return if id == boot.id { Fits::Yes } else { Fits::No };
    }
    let Some(wall) = wall.filter(|_| boot.from_us.is_some()) else {
        return Fits::Unknown;
    };
    let is_its = boot.from_us.is_none_or(|from| wall.us >= from) && boot.until_us.is_none_or(|until| wall.us < until);
    if is_its { Fits::Yes } else { Fits::No }
}

fn is_victim(who: Who<'_>, event: &Event) -> Fits {
    let first = event.victim.as_ref().map(|victim| &victim.task);
    let fits = first.into_iter().chain(&event.selected).chain(&event.group).map(|task| is_it(who, task));
    let rest = match event.outcome {
        // Whoever it was, the log ends before it.
        Outcome::Unknown if first.is_none() => Fits::Unknown,
        // More of a group than are kept.
        _ if event.group_count > event.group.len() as u64 => Fits::Unknown,
        _ => Fits::No,
    };
    any(fits.chain([rest]))
}

/// The cgroup of the limit counts, and that of the task, which is the same or below it; where a log says neither it may be any.
fn is_of(path: &[u8], event: &Event) -> Fits {
    let said = [&event.memcg, &event.task_memcg].into_iter().flatten();
    let is_nobody = matches!(event.outcome, Outcome::Panic | Outcome::NoneKillable);
    let unsaid = match (&event.task_memcg, &event.memcg) {
        // All are in `/`.
        _ if path == b"/" => Fits::Yes,
        (Some(_), _) => Fits::No,
        (None, Some(limit)) if is_below(path, limit) => Fits::Unknown,
        (None, Some(_)) => Fits::No,
        // Nobody died, and no cgroup was short.
        (None, None) if is_nobody && event.constraint == Constraint::None => Fits::No,
        (None, None) => Fits::Unknown,
    };
    any(said.map(|memcg| if is_below(memcg, path) { Fits::Yes } else { Fits::No }).chain([unsaid]))
}

fn any(fits: impl Iterator<Item = Fits>) -> Fits {
    fits.fold(Fits::No, |all, one| match (all, one) {
        (Fits::Yes, _) | (_, Fits::Yes) => Fits::Yes,
        (Fits::Unknown, _) | (_, Fits::Unknown) => Fits::Unknown,
        (Fits::No, Fits::No) => Fits::No,
    })
}

fn is_it(who: Who<'_>, task: &Task) -> Fits {
    let is_pid = matches!(who, Who::Number(pid, _) if pid == task.pid);
    let Some(comm) = task.comm.as_deref() else {
        // Its name was cut off.
        return match who {
            _ if is_pid => Fits::Yes,
            Who::Number(..) => Fits::No,
            Who::Name(_) | Who::Start(_) => Fits::Unknown,
        };
    };
    let is_it = match who {
        Who::Name(name) | Who::Number(_, name) => comm == name || name.get(..COMM) == Some(comm),
        Who::Start(start) => comm.starts_with(start),
    };
    if is_it || is_pid { Fits::Yes } else { Fits::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::event::Victim;
    use crate::oomlog::moment::By;

    const KNOWN: Unknown = Unknown { time: false, victim: false, cgroup: false };
    const SHOWN: Verdict = Verdict::Shown(KNOWN);
    const UNDATED: Verdict = Verdict::Shown(Unknown { time: true, ..KNOWN });

    fn task(comm: &str, pid: u64) -> Task {
        Task { comm: Some(comm.into()), pid }
    }

    fn event() -> Event {
        Event {
            outcome: Outcome::Killed,
            victim: Some(Victim::of(task("java", 7))),
            group: [task("a-rather-long-n", 8)].into(),
            group_count: 1,
            memcg: Some(b"/pods/a".into()),
            task_memcg: Some(b"/pods/a/b".into()),
            ..Event::default()
        }
    }

    fn shows(filter: Filter<'_>, us: Option<i64>) -> Verdict {
        let by = By::Log;
        filter.judge(&event(), us.map(|us| Moment { us, by }), 15)
    }

    #[test]
    fn a_victim_is_asked_for_by_name_or_number() {
        for (who, expected) in [
            (Who::Name(b"java"), SHOWN),
            (Who::Name(b"jav"), Verdict::LeftOut),
            (Who::Start(b"jav"), SHOWN),
            (Who::Start(b""), SHOWN),
            (Who::Number(7, b"7"), SHOWN),
            (Who::Number(8, b"8"), SHOWN),
            (Who::Number(9, b"9"), Verdict::LeftOut),
            // The kernel cuts names.
            (Who::Name(b"a-rather-long-name"), SHOWN),
        ] {
            let filter = Filter { victim: Some(who), ..Filter::default() };
            assert_eq!(shows(filter, None), expected, "{who:?}");
        }
    }

    #[test]
    fn a_cgroup_has_those_below_it() {
        for (path, expected) in [
            (&b"/pods/a"[..], SHOWN),
            (b"/pods/a/b", SHOWN),
            (b"/pods/a/b/", SHOWN),
            (b"/pods", SHOWN),
            (b"/", SHOWN),
            (b"/pod", Verdict::LeftOut),
            (b"/pods/a/b/c", Verdict::LeftOut),
        ] {
            let filter = Filter { cgroup: Some(path), ..Filter::default() };
            assert_eq!(shows(filter, None), expected, "{path:?}");
        }
    }

    #[test]
    fn an_event_of_no_known_time_is_shown() {
        let filter = Filter { since_us: Some(10), until_us: Some(20), ..Filter::default() };
        for (us, expected) in [
            (Some(9), Verdict::LeftOut),
            (Some(10), SHOWN),
            (Some(20), SHOWN),
            (Some(21), Verdict::LeftOut),
            (None, UNDATED),
        ] {
            assert_eq!(shows(filter, us), expected, "{us:?}");
        }
        assert_eq!(shows(Filter::default(), None), SHOWN);
        // But not when nothing has been written to its log since.
        let filter = Filter { since_us: Some(16), ..Filter::default() };
        assert_eq!(shows(filter, None), Verdict::LeftOut);
    }

    #[test]
    fn what_the_log_does_not_name_is_shown_and_said() {
        let of_victim = Verdict::Shown(Unknown { victim: true, ..KNOWN });
        let of_cgroup = Verdict::Shown(Unknown { cgroup: true, ..KNOWN });
        let judged = |filter: Filter<'_>, event: Event| filter.judge(&event, None, 15);
        let cgroup = |path: &'static str| Filter { cgroup: Some(path.as_bytes()), ..Filter::default() };
        let victim = |who| Filter { victim: Some(who), ..Filter::default() };
        let bare = || Event { memcg: None, task_memcg: None, ..event() };
        assert_eq!(judged(cgroup("/pods/a"), bare()), of_cgroup);
        assert_eq!(judged(cgroup("/"), bare()), SHOWN);
        let limit = || Event { task_memcg: None, ..event() };
        assert_eq!(judged(cgroup("/pods/a/c"), limit()), of_cgroup, "it is below the limit's, and may be that one");
        assert_eq!(judged(cgroup("/pods/c"), limit()), Verdict::LeftOut);
        let nobody = Event { outcome: Outcome::NoneKillable, constraint: Constraint::None, victim: None, ..bare() };
        assert_eq!(judged(cgroup("/pods/a"), nobody), Verdict::LeftOut);

        let no_end = || Event { outcome: Outcome::Unknown, victim: None, group: Vec::new(), group_count: 0, ..event() };
        assert_eq!(judged(victim(Who::Name(b"java")), no_end()), of_victim);
        let panic = Event { outcome: Outcome::Panic, ..no_end() };
        assert_eq!(judged(victim(Who::Name(b"java")), panic), Verdict::LeftOut);
        let nameless = || Event { victim: Some(Victim::of(Task { comm: None, pid: 9 })), ..event() };
        assert_eq!(judged(victim(Who::Start(b"x")), nameless()), of_victim);
        assert_eq!(judged(victim(Who::Number(9, b"9")), nameless()), SHOWN);
        assert_eq!(judged(victim(Who::Number(6, b"6")), nameless()), Verdict::LeftOut);
        let large = Event { group_count: 5000, ..event() };
        assert_eq!(judged(victim(Who::Name(b"x")), large), of_victim);
    }
}
