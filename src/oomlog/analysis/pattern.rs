//! What several events have in common. What is kept is bounded, however many there are.

use super::advice::{Advice, Grounds, advise};
use super::hog::{Hog, NOTABLE, held};
use super::names::Names;
use super::victim::session_victims;
use super::whole;
use crate::oomlog::event::{Constraint, Event, Outcome, Text};
use crate::parse::cgroup::owner;

/// Programs that are counted whatever they had: a host runs fewer.
const FEW: usize = 512;

/// Cgroups for which there is advice, those that were at their limits most often.
const ADVISED: usize = 10;

/// A cgroup that was at its limit.
#[derive(Clone, Debug, Default)]
pub struct Cgroup {
    /// How often.
    pub count: u64,
    /// The last time, in microseconds.
    last: Option<i64>,
    /// The shortest and the longest time between two of them.
    gaps: Option<(i64, i64)>,
    span: i64,
    timed: i64,
    advice: Option<Advice>,
}

impl Cgroup {
    fn note(&mut self, at: Option<i64>, advice: Option<Advice>) {
        self.count += 1;
        self.advice = advice.or(self.advice.take());
        if let (Some(last), Some(at)) = (self.last, at) {
            let gap = at.saturating_sub(last);
            let (least, most) = self.gaps.unwrap_or((gap, gap));
            self.gaps = Some((least.min(gap), most.max(gap)));
            self.span = self.span.saturating_add(gap);
            self.timed += 1;
        }
        self.last = at.or(self.last);
    }

    /// The time between two events, in seconds, when it is about the same each time.
    #[must_use]
    pub fn period(&self) -> Option<u64> {
        let (least, most) = self.gaps?;
        let mean = self.span.checked_div(self.timed)?;
        let is_even = self.timed >= 2 && least > 0 && least >= mean / 2 && most <= mean.saturating_mul(2);
        let seconds = u64::try_from(mean).ok()? / 1_000_000;
        (is_even && seconds > 0).then_some(seconds)
    }
}

/// What is advised on the same grounds in several events.
#[derive(Clone, Debug)]
struct Known {
    grounds: Grounds,
    latest: Advice,
    count: u64,
}

impl Known {
    fn counted(&self) -> (Advice, u64) {
        (self.latest.clone(), self.count)
    }
}

/// What is said about all events together.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Events.
    pub events: u64,
    /// Processes that were killed, groups included.
    pub killed: u64,
    /// Events that ended in a panic.
    pub panics: u64,
    /// Events in which nobody could be killed.
    pub none_killable: u64,
    /// Events whose end the log does not have.
    pub unknown: u64,
    /// How often each was killed.
    pub victims: Names<u64>,
    /// Who had much memory.
    pub hogs: Names<Hog>,
    /// Events with a table, of which hogs are.
    pub with_table: u64,
    /// Which cgroups were at their limits.
    pub cgroups: Names<Cgroup>,
    /// How many events were of the whole system, a cgroup, a cpuset, a memory policy, and unknown.
    pub constraints: [u64; 5],
    /// The session process that was killed last, and how many were.
    pub session: Option<(Text, u64)>,
    /// In order of the grounds.
    advice: Vec<Known>,
}

impl Summary {
    /// Counts an event. `at`: when, in microseconds, by a clock that is the same for all.
    pub fn add(&mut self, event: &Event, at: Option<i64>) {
        self.events += 1;
        match event.outcome {
            Outcome::Killed => self.killed += 1 + event.group_count,
            Outcome::Panic => self.panics += 1,
            Outcome::NoneKillable => self.none_killable += 1,
            Outcome::Unknown => self.unknown += 1,
        }
        self.constraints[place(event.constraint)] += 1;
        if event.outcome == Outcome::Killed {
            let victim = event.victim.iter().map(|victim| &victim.task);
            for task in victim.chain(&event.group) {
                let comm = task.comm.as_deref().unwrap_or(b"-");
                if let Some(count) = self.victims.of(comm) {
                    *count += 1;
                }
            }
        }
        for comm in session_victims(event) {
            let count = self.session.take().map_or(0, |(_, count)| count);
            self.session = Some((comm.into(), count + 1));
        }
        self.hogs(event);
        let mut of_cgroup = None;
        for (grounds, advice) in advise(event) {
            if grounds == Grounds::CgroupLimit {
                of_cgroup = Some(advice);
                continue;
            }
            self.advise(grounds, advice);
        }
        if let (Constraint::Memcg, Some(path)) = (event.constraint, &event.memcg)
            && let Some(cgroup) = self.cgroups.of(lasting(path))
        {
            cgroup.note(at, of_cgroup);
        }
    }

    fn advise(&mut self, grounds: Grounds, latest: Advice) {
        let at = self.advice.partition_point(|known| known.grounds < grounds);
        match self.advice.get_mut(at) {
            Some(known) if known.grounds == grounds => {
                known.latest = latest;
                known.count += 1;
            }
            _ => self.advice.insert(at, Known { grounds, latest, count: 1 }),
        }
    }

    fn hogs(&mut self, event: &Event) {
        let top = &event.table.top;
        // What a person asked for tells nothing about who had too much.
        if top.is_empty() || event.page_size.is_none() || event.by_hand {
            return;
        }
        self.with_table += 1;
        let whole = whole(event).map(|whole| whole.bytes);
        for (at, row) in top.iter().enumerate() {
            let is_first = top.iter().take(at).all(|earlier| earlier.comm != row.comm);
            let Some((bytes, share)) = is_first.then(|| held(event, row, whole)).flatten() else {
                continue;
            };
            // Who had little in one event may have had much in another; names that never do may not take all places.
            if share < NOTABLE && self.hogs.len() >= FEW {
                continue;
            }
            if let Some(hog) = self.hogs.of(&row.comm) {
                hog.note(event, row, bytes, share);
            }
        }
    }

    /// Who had the most memory over all events, the worst first.
    #[must_use]
    pub fn root_causes(&self, most: usize) -> Vec<(&[u8], &Hog)> {
        let mut causes = self.hogs.highest(most, |hog| if hog.is_notable() { hog.sum.0 } else { 0 });
        causes.retain(|(_, hog)| hog.is_notable());
        causes
    }

    /// How many cgroups were at their limits for which there is no advice: the list has its end.
    #[must_use]
    pub fn not_advised(&self) -> u64 {
        self.cgroups.len().saturating_sub(ADVISED) as u64 + self.cgroups.others
    }

    /// What to do, the most urgent first, and in how many events it rests.
    #[must_use]
    pub fn advice(&self) -> Vec<(Advice, u64)> {
        let urgent = |known: &Known| known.grounds < Grounds::CgroupLimit;
        let (first, rest) = self.advice.split_at(self.advice.partition_point(urgent));
        let mut all: Vec<(Advice, u64)> = first.iter().map(Known::counted).collect();
        for (_, cgroup) in self.cgroups.highest(ADVISED, |cgroup| cgroup.count) {
            all.extend(cgroup.advice.clone().map(|advice| (advice, cgroup.count)));
        }
        let of_cgroups = self.constraints[place(Constraint::Memcg)];
        let causes = self.root_causes(4);
        let large = causes.iter().find(|(comm, hog)| hog.is_to_limit(comm));
        if let (true, Some((comm, hog))) = (self.events > of_cgroups, large) {
            all.push((hog.limit(comm), hog.present));
        }
        all.extend(rest.iter().map(Known::counted));
        all
    }
}

/// The part of a cgroup's path that is the same after its container was started anew.
fn lasting(path: &[u8]) -> &[u8] {
    let owner = owner(path);
    if let (Some(pod), Some(container)) = (owner.pod, owner.container)
        && let Some(at) = path.windows(container.len()).position(|part| part == container)
        && let Some(slash) = path[..at].iter().rposition(|byte| *byte == b'/')
        && path[..slash].windows(pod.in_path().len()).any(|part| part == pod.in_path())
    {
        return &path[..slash];
    }
    path
}

/// Its place in [`Summary::constraints`].
#[must_use]
pub(in crate::oomlog) fn place(constraint: Constraint) -> usize {
    match constraint {
        Constraint::None => 0,
        Constraint::Memcg => 1,
        Constraint::Cpuset => 2,
        Constraint::Mempolicy => 3,
        Constraint::Unknown => 4,
    }
}

/// `every 12 minutes`
#[must_use]
pub fn every(seconds: u64) -> String {
    match seconds {
        0..120 => format!("every {seconds} seconds"),
        120..7200 => format!("every {} minutes", (seconds + 30) / 60),
        7200..172_800 => format!("every {} hours", (seconds + 1800) / 3600),
        _ => format!("every {} days", (seconds + 43_200) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_three_times_at_least_and_about_as_long_each_time() {
        let mut cgroup = Cgroup::default();
        for (minute, period) in [(0, None), (10, None), (21, Some(630)), (200, None)] {
            cgroup.note(Some(minute * 60_000_000), None);
            assert_eq!(cgroup.period(), period, "{minute}");
        }
    }

    #[test]
    fn a_pods_cgroup_is_the_same_with_its_next_container() {
        let pod = b"/kubepods/burstable/pod8a6b9a8c-1b2c-4d3e-9f00-112233445566";
        let id = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let path = [&pod[..], b"/", id].concat();
        assert_eq!(lasting(&path), pod);
        assert_eq!(lasting(b"/docker/x"), b"/docker/x");
    }
}
