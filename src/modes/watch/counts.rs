//! What the kernel's counts of OOM kills say of the target's end: no more than they do.

use crate::error::Absent;

/// How many readings, one a second, are remembered: a large process takes seconds to exit after it was killed.
const REMEMBERED: usize = 5;

/// The counts at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Counts {
    /// OOM kills in the target's own cgroup, and which cgroup that was: counts of two cgroups say nothing of each other.
    pub(super) own: Result<(u32, u64), Absent>,
    /// OOM kills in the whole system.
    pub(super) system: Result<u64, Absent>,
}

impl Counts {
    fn own_rose(self, until: Self) -> Option<bool> {
        match (self.own, until.own) {
            (Ok((group, before)), Ok((same, after))) if group == same => Some(after > before),
            _ => None,
        }
    }

    fn system_rose(self, until: Self) -> Option<bool> {
        Some(until.system.ok()? > self.system.ok()?)
    }
}

/// How a count went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Course {
    /// When the watch began.
    pub(super) first: Option<u64>,
    /// Some seconds ago.
    pub(super) before: Option<u64>,
    /// After the end.
    pub(super) now: u64,
}

/// The counts since the watch began.
pub(super) struct Counted {
    first: Counts,
    /// The oldest first.
    recent: [Counts; REMEMBERED],
}

impl Counted {
    pub(super) const fn new(first: Counts) -> Self {
        Self { first, recent: [first; REMEMBERED] }
    }

    /// Takes a reading; once a second.
    pub(super) fn note(&mut self, counts: Counts) {
        self.recent.rotate_left(1);
        if let Some(last) = self.recent.last_mut() {
            *last = counts;
        }
    }

    /// The counts of the target's own cgroup; those of a time when it was in another are not known.
    pub(super) fn own(&self, end: Counts) -> Result<Course, Absent> {
        let (group, now) = end.own?;
        let of_group = |counts: &Counts| match counts.own {
            Ok((same, count)) if same == group => Some(count),
            _ => None,
        };
        Ok(Course { first: of_group(&self.first), before: self.recent.iter().find_map(of_group), now })
    }

    /// The same of the system's.
    pub(super) fn system(&self, end: Counts) -> Result<Course, Absent> {
        let [oldest, ..] = self.recent;
        Ok(Course { first: self.first.system.ok(), before: oldest.system.ok(), now: end.system? })
    }

    /// Which count rose before the end, given the counts after it.
    pub(super) fn rise(&self, end: Counts) -> Rise {
        let [oldest, ..] = self.recent;
        // A target that was moved lately is compared with what its new cgroup had counted when it was first seen in it.
        let newer = self.recent.iter().filter_map(|counts| counts.own_rose(end));
        let own = newer.reduce(|rose, later| rose || later);
        match (own, oldest.system_rose(end)) {
            (Some(true), _) => Rise::Likely,
            _ if self.first.own_rose(end) == Some(true) => Rise::PerhapsEarlier,
            // The kernel counts a kill in the victim's cgroup, whoever was short: the system's other kills are others'.
            (Some(false), _) => Rise::NoneInGroup,
            (None, Some(true)) => Rise::PerhapsSystem,
            (None, Some(false)) => Rise::NoneInSystem,
            (None, None) => Rise::Unknown,
        }
    }
}

/// Which count of OOM kills rose, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rise {
    /// The count of its own cgroup rose in its last seconds.
    Likely,
    /// The system's did; its own cgroup's is not known.
    PerhapsSystem,
    /// The count of its own cgroup rose while it was watched, but not lately: somebody else's kill, or a slow death.
    PerhapsEarlier,
    /// Its cgroup counted none.
    NoneInGroup,
    /// The system counted none; its cgroup's count is not known.
    NoneInSystem,
    /// Nothing could be counted.
    Unknown,
}

impl Rise {
    /// One line for a person.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Likely => "likely an OOM kill: its control group counted one in its last seconds",
            Self::PerhapsSystem => "perhaps an OOM kill: the system counted one in its last seconds",
            Self::PerhapsEarlier => "perhaps an OOM kill: its control group counted one, but not lately",
            Self::NoneInGroup => "no OOM kill: its control group counted none while it was watched",
            Self::NoneInSystem => "no OOM kill: none was counted in the system in its last seconds",
            Self::Unknown => "unknown: OOM kills could not be counted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn counts(group: u32, own: u64, system: u64) -> Counts {
        Counts { own: Ok((group, own)), system: Ok(system) }
    }

    fn rise(first: Counts, noted: &[Counts], end: Counts) -> Rise {
        let mut counted = Counted::new(first);
        noted.iter().for_each(|counts| counted.note(*counts));
        counted.rise(end)
    }

    #[test]
    fn a_rise_in_the_last_seconds_is_likely_its_own_even_if_a_reading_saw_it_before() {
        let (quiet, killed) = (counts(1, 0, 0), counts(1, 1, 1));
        assert_eq!(rise(quiet, &[quiet; 9], killed), Rise::Likely);
        assert_eq!(rise(quiet, &[quiet, quiet, killed, killed], killed), Rise::Likely);
    }

    #[test]
    fn a_kill_long_before_the_end_is_perhaps_another_processs() {
        let (quiet, killed) = (counts(1, 0, 0), counts(1, 1, 1));
        assert_eq!(rise(quiet, &[killed; 6], killed), Rise::PerhapsEarlier);
    }

    #[test]
    fn a_kill_that_only_the_system_counted_is_perhaps_its_own_where_its_group_is_not_known() {
        let quiet = counts(1, 0, 0);
        let elsewhere = counts(1, 0, 1);
        assert_eq!(rise(quiet, &[quiet; 9], elsewhere), Rise::NoneInGroup);
        let unknown = Counts { own: Err(Absent::NotMounted), system: Ok(1) };
        assert_eq!(rise(quiet, &[quiet; 9], unknown), Rise::PerhapsSystem);
    }

    #[test]
    fn counts_of_two_groups_are_not_compared() {
        let (here, there) = (counts(1, 0, 7), counts(2, 5, 7));
        assert_eq!(rise(here, &[here, here, there], there), Rise::NoneInGroup);
        assert_eq!(rise(here, &[here; 6], there), Rise::NoneInSystem);
        assert_eq!(rise(here, &[here, there], counts(2, 6, 8)), Rise::Likely);
    }

    #[test]
    fn without_counts_nothing_is_claimed() {
        let none = Counts { own: Err(Absent::NotMounted), system: Err(Absent::Malformed) };
        assert_eq!(rise(none, &[none; 6], none), Rise::Unknown);
        assert_eq!(rise(counts(1, 0, 0), &[counts(1, 0, 0); 6], counts(1, 0, 0)), Rise::NoneInGroup);
    }
}
