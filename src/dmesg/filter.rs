//! Which events are shown.

use crate::oomlog::event::{Event, Task};
use crate::oomlog::moment::Moment;

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
    Shown,
    /// It is shown although nothing tells whether it is of the time that was asked for.
    Undated,
    LeftOut,
}

impl Filter<'_> {
    /// What becomes of an event that was at `wall`; in any case not after the log was last written to.
    pub(super) fn judge(&self, event: &Event, wall: Option<Moment>, latest_us: i64) -> Verdict {
        let is_victim = self.victim.is_none_or(|who| victims(event).any(|task| is_it(who, task)));
        let is_cgroup = self.cgroup.is_none_or(|path| {
            let of = [&event.memcg, &event.task_memcg];
            of.into_iter().flatten().any(|memcg| is_in(path, memcg))
        });
        if !is_victim || !is_cgroup {
            return Verdict::LeftOut;
        }
        let asks = self.since_us.or(self.until_us).is_some();
        match wall {
            None if self.since_us.is_some_and(|since| latest_us < since) => Verdict::LeftOut,
            None if asks => Verdict::Undated,
            Some(wall)
                if self.since_us.is_some_and(|since| wall.us < since)
                    || self.until_us.is_some_and(|until| wall.us > until) =>
            {
                Verdict::LeftOut
            }
            _ => Verdict::Shown,
        }
    }
}

fn victims(event: &Event) -> impl Iterator<Item = &Task> {
    let first = event.victim.as_ref().map(|victim| &victim.task);
    first.into_iter().chain(&event.selected).chain(&event.group)
}

fn is_it(who: Who<'_>, task: &Task) -> bool {
    let comm = task.comm.as_deref();
    let is_name = |name: &[u8]| comm.is_some_and(|comm| comm == name || name.get(..COMM) == Some(comm));
    match who {
        Who::Name(name) => is_name(name),
        Who::Start(start) => comm.is_some_and(|comm| comm.starts_with(start)),
        Who::Number(pid, name) => task.pid == pid || is_name(name),
    }
}

/// `/a` and `/a/b` are in `/a`, `/ab` is not; all are in `/`.
fn is_in(path: &[u8], memcg: &[u8]) -> bool {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    matches!(memcg.strip_prefix(path), Some([] | [b'/', ..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::event::Victim;
    use crate::oomlog::moment::By;

    fn task(comm: &str, pid: u64) -> Task {
        Task { comm: Some(comm.into()), pid }
    }

    fn event() -> Event {
        Event {
            victim: Some(Victim::of(task("java", 7))),
            group: [task("a-rather-long-n", 8)].into(),
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
            (Who::Name(b"java"), Verdict::Shown),
            (Who::Name(b"jav"), Verdict::LeftOut),
            (Who::Start(b"jav"), Verdict::Shown),
            (Who::Start(b""), Verdict::Shown),
            (Who::Number(7, b"7"), Verdict::Shown),
            (Who::Number(8, b"8"), Verdict::Shown),
            (Who::Number(9, b"9"), Verdict::LeftOut),
            // The kernel cuts names.
            (Who::Name(b"a-rather-long-name"), Verdict::Shown),
        ] {
            let filter = Filter { victim: Some(who), ..Filter::default() };
            assert_eq!(shows(filter, None), expected, "{who:?}");
        }
    }

    #[test]
    fn a_cgroup_has_those_below_it() {
        for (path, expected) in [
            (&b"/pods/a"[..], Verdict::Shown),
            (b"/pods/a/b", Verdict::Shown),
            (b"/pods/a/b/", Verdict::Shown),
            (b"/pods", Verdict::Shown),
            (b"/", Verdict::Shown),
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
            (Some(10), Verdict::Shown),
            (Some(20), Verdict::Shown),
            (Some(21), Verdict::LeftOut),
            (None, Verdict::Undated),
        ] {
            assert_eq!(shows(filter, us), expected, "{us:?}");
        }
        assert_eq!(shows(Filter::default(), None), Verdict::Shown);
        // But not when nothing has been written to its log since.
        let filter = Filter { since_us: Some(16), ..Filter::default() };
        assert_eq!(shows(filter, None), Verdict::LeftOut);
    }
}
