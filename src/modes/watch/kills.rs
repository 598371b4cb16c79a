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

/// The counts since the watch began.
pub(super) struct Kills {
    first: Counts,
    /// The oldest first.
    recent: [Counts; REMEMBERED],
}

impl Kills {
    pub(super) const fn new(first: Counts) -> Self {
        Self {
            first,
            recent: [first; REMEMBERED],
        }
    }

    /// Takes a reading; once a second.
    pub(super) fn note(&mut self, counts: Counts) {
        self.recent.rotate_left(1);
        if let Some(last) = self.recent.last_mut() {
            *last = counts;
        }
    }

    /// What the end looked like, given the counts after it.
    pub(super) fn verdict(&self, end: Counts) -> Verdict {
        let [oldest, ..] = self.recent;
        // A target that was moved lately is compared with what its new cgroup had counted when it was first seen in it.
        let newer = self.recent.iter().filter_map(|counts| counts.own_rose(end));
        let own = newer.reduce(|rose, later| rose || later);
        match (own, oldest.system_rose(end)) {
            (Some(true), _) => Verdict::Likely,
            _ if self.first.own_rose(end) == Some(true) => Verdict::PerhapsEarlier,
            // The kernel counts a kill in the victim's cgroup, whoever was short: the system's other kills are others'.
            (Some(false), _) => Verdict::NoneInGroup,
            (None, Some(true)) => Verdict::PerhapsSystem,
            (None, Some(false)) => Verdict::NoneInSystem,
            (None, None) => Verdict::Unknown,
        }
    }
}

/// What an end looked like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
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

impl Verdict {
    /// One line for a person.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Likely => {
                "likely an OOM kill: its control group's count of OOM kills rose in its last seconds"
            }
            Self::PerhapsSystem => {
                "perhaps an OOM kill: the system's count of OOM kills rose in its last seconds"
            }
            Self::PerhapsEarlier => {
                "perhaps an OOM kill: its control group counted one while it was watched, but not in its last seconds"
            }
            Self::NoneInGroup => {
                "no OOM kill: none was counted in its control group while it was watched"
            }
            Self::NoneInSystem => "no OOM kill: none was counted in the system in its last seconds",
            Self::Unknown => "unknown: OOM kills could not be counted",
        }
    }

    /// memdoor.verdict.cause
    pub(super) const fn cause(self) -> &'static str {
        match self {
            Self::Likely => "likely_oom_kill",
            Self::PerhapsSystem | Self::PerhapsEarlier => "perhaps_oom_kill",
            Self::NoneInGroup | Self::NoneInSystem => "no_oom_kill",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn counts(group: u32, own: u64, system: u64) -> Counts {
        Counts {
            own: Ok((group, own)),
            system: Ok(system),
        }
    }

    fn verdict(first: Counts, noted: &[Counts], end: Counts) -> Verdict {
        let mut kills = Kills::new(first);
        noted.iter().for_each(|counts| kills.note(*counts));
        kills.verdict(end)
    }

    #[test]
    fn a_rise_in_the_last_seconds_is_likely_its_own_even_if_a_reading_saw_it_before() {
        let (quiet, killed) = (counts(1, 0, 0), counts(1, 1, 1));
        assert_eq!(verdict(quiet, &[quiet; 9], killed), Verdict::Likely);
        assert_eq!(
            verdict(quiet, &[quiet, quiet, killed, killed], killed),
            Verdict::Likely
        );
    }

    #[test]
    fn a_kill_long_before_the_end_is_perhaps_another_processs() {
        let (quiet, killed) = (counts(1, 0, 0), counts(1, 1, 1));
        assert_eq!(
            verdict(quiet, &[killed; 6], killed),
            Verdict::PerhapsEarlier
        );
    }

    #[test]
    fn a_kill_that_only_the_system_counted_is_perhaps_its_own_where_its_group_is_not_known() {
        let quiet = counts(1, 0, 0);
        let elsewhere = counts(1, 0, 1);
        assert_eq!(verdict(quiet, &[quiet; 9], elsewhere), Verdict::NoneInGroup);
        let unknown = Counts {
            own: Err(Absent::NotSupported),
            system: Ok(1),
        };
        assert_eq!(verdict(quiet, &[quiet; 9], unknown), Verdict::PerhapsSystem);
    }

    #[test]
    fn counts_of_two_groups_are_not_compared() {
        let (here, there) = (counts(1, 0, 7), counts(2, 5, 7));
        assert_eq!(
            verdict(here, &[here, here, there], there),
            Verdict::NoneInGroup
        );
        assert_eq!(verdict(here, &[here; 6], there), Verdict::NoneInSystem);
        assert_eq!(
            verdict(here, &[here, there], counts(2, 6, 8)),
            Verdict::Likely
        );
    }

    #[test]
    fn without_counts_nothing_is_claimed() {
        let none = Counts {
            own: Err(Absent::NotPermitted),
            system: Err(Absent::NotPermitted),
        };
        assert_eq!(verdict(none, &[none; 6], none), Verdict::Unknown);
        assert_eq!(
            verdict(counts(1, 0, 0), &[counts(1, 0, 0); 6], counts(1, 0, 0)),
            Verdict::NoneInGroup
        );
    }
}
