//! What the kernel's counts of OOM kills say of the target's end: no more than they do.

use core::fmt::Write;
use core::time::Duration;

use super::Words;
use crate::cgroup::Sight;
use crate::error::Absent;
use crate::units::micros;

/// How many readings, one a second, are remembered: a large process takes seconds to exit after it was killed.
const REMEMBERED: usize = 5;

/// What is older than this was not in the last seconds: the remembered readings, and as much again for a machine that thrashes.
pub(super) const LAST_SECONDS: Duration = Duration::from_secs(10);

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

/// A reading of the counts, and when it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reading {
    pub(super) at: Duration,
    pub(super) counts: Counts,
}

/// How a count went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OomKillCountTrend {
    /// When the watch began.
    pub(super) first: Option<u64>,
    /// Some seconds ago, and how long ago that was; `None` where that was the start.
    pub(super) before: Option<(u64, Duration)>,
    /// After the end.
    pub(super) now: u64,
}

impl OomKillCountTrend {
    /// How many were counted since the watch began; `None` where it did not begin with this cgroup.
    pub(super) fn since_the_start(self) -> Option<u64> {
        self.now.checked_sub(self.first?)
    }
}

/// The counts since the watch began.
pub(super) struct OomKillCounts {
    first: Reading,
    /// The oldest first.
    recent: [Reading; REMEMBERED],
}

impl OomKillCounts {
    pub(super) const fn new(first: Reading) -> Self {
        Self { first, recent: [first; REMEMBERED] }
    }

    /// Takes a reading; once a second.
    pub(super) fn note(&mut self, reading: Reading) {
        self.recent.rotate_left(1);
        if let Some(last) = self.recent.last_mut() {
            *last = reading;
        }
    }

    /// The readings of the last seconds, the oldest first. When memdoor itself did not run (SIGSTOP, a machine that was suspended)
    /// there is none of these: then it is the last one that there is, however old.
    fn late(&self, end: Reading) -> impl Iterator<Item = &Reading> {
        let is_late = move |reading: &&Reading| end.at.saturating_sub(reading.at) <= LAST_SECONDS;
        let last = self.recent.last().filter(|last| !is_late(last));
        last.into_iter().chain(self.recent.iter().filter(is_late))
    }

    /// The counts of the target's own cgroup; those of a time when it was in another are not known.
    pub(super) fn own(&self, end: Reading) -> Result<OomKillCountTrend, Absent> {
        let (group, now) = end.counts.own?;
        let of_group = |reading: &Reading| match reading.counts.own {
            Ok((same, count)) if same == group => Some(count),
            _ => None,
        };
        let before = self.late(end).find_map(|reading| Some((of_group(reading)?, reading.at)));
        Ok(OomKillCountTrend { first: of_group(&self.first), before: self.ago(before, end), now })
    }

    /// The same of the system's.
    pub(super) fn system(&self, end: Reading) -> Result<OomKillCountTrend, Absent> {
        let before = self.late(end).find_map(|reading| Some((reading.counts.system.ok()?, reading.at)));
        Ok(OomKillCountTrend {
            first: self.first.counts.system.ok(),
            before: self.ago(before, end),
            now: end.counts.system?,
        })
    }

    fn ago(&self, before: Option<(u64, Duration)>, end: Reading) -> Option<(u64, Duration)> {
        let (count, at) = before.filter(|(_, at)| *at != self.first.at)?;
        Some((count, end.at.saturating_sub(at)))
    }

    /// Which count rose before the end, given the counts after it and whether the cgroup is that of its end, and how long before that it
    /// had not risen yet.
    pub(super) fn rise(&self, end: Reading, sight: Sight) -> (OomKillEvidence, Duration) {
        let window = self.late(end).next().map_or(Duration::ZERO, |oldest| end.at.saturating_sub(oldest.at));
        (self.which_rose(end, window, sight), window)
    }

    /// How long before `end` the count of the target's own cgroup had not yet reached what it is then, at most: `None` when it did not
    /// rise in the last seconds.
    pub(super) fn own_rose_within(&self, end: Reading) -> Option<Duration> {
        let lower = self.late(end).filter(|reading| reading.counts.own_rose(end.counts) == Some(true));
        let ago = lower.map(|reading| end.at.saturating_sub(reading.at)).min()?;
        (ago <= LAST_SECONDS).then_some(ago)
    }

    fn which_rose(&self, end: Reading, window: Duration, sight: Sight) -> OomKillEvidence {
        // A target that was moved lately is compared with what its new cgroup had counted when it was first seen in it.
        let newer = self.late(end).filter_map(|reading| reading.counts.own_rose(end.counts));
        let own = newer.reduce(|rose, later| rose || later);
        let system = self.late(end).next().and_then(|oldest| oldest.counts.system_rose(end.counts));
        let since_the_start = self.first.counts.own_rose(end.counts);
        match (own, system) {
            (Some(true), _) if window <= LAST_SECONDS => OomKillEvidence::Likely,
            // Nobody looked for longer than that: it may have been somebody else's, long before.
            (Some(true), _) => OomKillEvidence::PerhapsUnseen,
            _ if since_the_start == Some(true) => OomKillEvidence::PerhapsEarlier,
            // It may have been moved since its cgroup was looked at, up to a second before: its kill is then another cgroup's, and one of
            // the system's.
            (Some(false), Some(false)) if sight == Sight::Before => OomKillEvidence::NoneInSystem,
            (Some(false), _) if sight == Sight::Before => OomKillEvidence::Untold,
            // The kernel counts a kill in the victim's cgroup, whoever was short: the system's other kills are others'.
            (Some(false), _) if since_the_start.is_none() => OomKillEvidence::NoneSinceMoved,
            (Some(false), _) => OomKillEvidence::NoneInGroup,
            (None, Some(true)) => OomKillEvidence::PerhapsSystem,
            (None, Some(false)) => OomKillEvidence::NoneInSystem,
            (None, None) => OomKillEvidence::Unknown,
        }
    }
}

/// Which count of OOM kills rose, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OomKillEvidence {
    /// The count of its own cgroup rose in its last seconds.
    Likely,
    /// The count of its own cgroup rose while memdoor did not run, for longer than that.
    PerhapsUnseen,
    /// The system's did; its own cgroup's is not known.
    PerhapsSystem,
    /// The count of its own cgroup rose while it was watched, but not lately: somebody else's kill, or a slow death.
    PerhapsEarlier,
    /// Its cgroup counted none.
    NoneInGroup,
    /// Its cgroup counted none since it was moved there.
    NoneSinceMoved,
    /// The system counted none; its cgroup's count is not known.
    NoneInSystem,
    /// The cgroup where it was seen last counted none, but others did, and it may have been moved to one of them.
    Untold,
    /// Nothing could be counted.
    Unknown,
}

impl OomKillEvidence {
    /// Whether nothing was counted where the target's own would have been.
    pub(super) const fn is_none(self) -> bool {
        matches!(self, Self::NoneInGroup | Self::NoneSinceMoved | Self::NoneInSystem)
    }

    /// One line for a person; the rise was seen within `window`.
    pub(super) fn words(self, window: Duration) -> Words {
        let mut words = Words::new();
        let of = Tenths(window);
        // A Fixed never returns an error: it cuts.
        let _ = match self {
            Self::Likely => write!(words, "likely an OOM kill: its control group counted one in its last {of} s"),
            Self::PerhapsUnseen => write!(
                words,
                "perhaps an OOM kill: its control group counted one in its last {of} s, in which memdoor did not run"
            ),
            Self::PerhapsSystem => {
                write!(words, "perhaps an OOM kill: the system counted one in its last {of} s")
            }
            Self::PerhapsEarlier => {
                write!(words, "perhaps an OOM kill: its control group counted one, but not in its last {of} s")
            }
            Self::NoneInGroup => write!(words, "no OOM kill: its control group counted none while it was watched"),
            Self::NoneSinceMoved => {
                write!(words, "no OOM kill: its control group counted none since it was moved there")
            }
            Self::NoneInSystem => write!(words, "no OOM kill: none was counted in the system in its last {of} s"),
            Self::Untold => write!(
                words,
                "it can't be told whether it was an OOM kill: which control group it was in at its end could not be read"
            ),
            Self::Unknown => write!(words, "unknown: OOM kills could not be counted"),
        };
        words
    }
}

/// `12.3`: seconds, rounded up, so that "within" stays true.
pub(super) struct Tenths(pub(super) Duration);

impl core::fmt::Display for Tenths {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let tenths = micros(self.0).div_ceil(100_000);
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn counts(group: u32, own: u64, system: u64) -> Counts {
        Counts { own: Ok((group, own)), system: Ok(system) }
    }

    const fn at(seconds: u64, counts: Counts) -> Reading {
        Reading { at: Duration::from_secs(seconds), counts }
    }

    /// One reading a second, the end a second after the last.
    fn course(first: Counts, noted: &[Counts], end: Counts) -> (OomKillCounts, Reading) {
        let mut counted = OomKillCounts::new(at(0, first));
        let mut seconds = 0;
        for counts in noted {
            seconds += 1;
            counted.note(at(seconds, *counts));
        }
        (counted, at(seconds + 1, end))
    }

    fn rise(first: Counts, noted: &[Counts], end: Counts) -> OomKillEvidence {
        let (counted, end) = course(first, noted, end);
        counted.rise(end, Sight::Now).0
    }

    #[test]
    fn a_rise_in_the_last_seconds_is_likely_its_own_even_if_a_reading_saw_it_before() {
        let (quiet, killed) = (counts(1, 0, 0), counts(1, 1, 1));
        assert_eq!(rise(quiet, &[quiet; 9], killed), OomKillEvidence::Likely);
        assert_eq!(rise(quiet, &[quiet, quiet, killed, killed], killed), OomKillEvidence::Likely);
    }

    #[test]
    fn a_kill_long_before_the_end_is_perhaps_another_processs() {
        let (quiet, killed) = (counts(1, 0, 0), counts(1, 1, 1));
        assert_eq!(rise(quiet, &[killed; 6], killed), OomKillEvidence::PerhapsEarlier);
    }

    #[test]
    fn a_kill_that_only_the_system_counted_is_perhaps_its_own_where_its_group_is_not_known() {
        let quiet = counts(1, 0, 0);
        let elsewhere = counts(1, 0, 1);
        assert_eq!(rise(quiet, &[quiet; 9], elsewhere), OomKillEvidence::NoneInGroup);
        let unknown = Counts { own: Err(Absent::NotMounted), system: Ok(1) };
        assert_eq!(rise(quiet, &[quiet; 9], unknown), OomKillEvidence::PerhapsSystem);
    }

    #[test]
    fn a_group_that_may_not_be_that_of_its_end_says_nothing_of_a_kill_that_the_system_counted() {
        let quiet = counts(1, 0, 0);
        let seen_before = |end| {
            let (counted, end) = course(quiet, &[quiet; 9], end);
            counted.rise(end, Sight::Before).0
        };
        assert_eq!(seen_before(counts(1, 0, 1)), OomKillEvidence::Untold);
        assert_eq!(seen_before(Counts { own: Ok((1, 0)), system: Err(Absent::Hidden) }), OomKillEvidence::Untold);
        assert_eq!(seen_before(counts(1, 0, 0)), OomKillEvidence::NoneInSystem);
        assert_eq!(seen_before(counts(1, 1, 1)), OomKillEvidence::Likely);
        // It was moved, and that was seen after its end.
        assert_eq!(rise(quiet, &[quiet; 9], counts(2, 1, 1)), OomKillEvidence::PerhapsSystem);
    }

    #[test]
    fn counts_of_two_groups_are_not_compared() {
        let (here, there) = (counts(1, 0, 7), counts(2, 5, 7));
        assert_eq!(rise(here, &[here, here, there], there), OomKillEvidence::NoneSinceMoved);
        assert_eq!(rise(here, &[here; 6], there), OomKillEvidence::NoneInSystem);
        assert_eq!(rise(here, &[here, there], counts(2, 6, 8)), OomKillEvidence::Likely);
    }

    #[test]
    fn without_counts_nothing_is_claimed() {
        let none = Counts { own: Err(Absent::NotMounted), system: Err(Absent::Malformed) };
        assert_eq!(rise(none, &[none; 6], none), OomKillEvidence::Unknown);
        assert_eq!(rise(counts(1, 0, 0), &[counts(1, 0, 0); 6], counts(1, 0, 0)), OomKillEvidence::NoneInGroup);
    }

    #[test]
    fn what_was_counted_while_memdoor_was_stopped_is_not_said_to_be_of_the_last_seconds() {
        let (quiet, killed) = (counts(1, 0, 0), counts(1, 1, 1));
        let (counted, _) = course(quiet, &[quiet; 6], killed);
        let end = at(66, killed);
        let (rise, window) = counted.rise(end, Sight::Now);
        assert_eq!(rise, OomKillEvidence::PerhapsUnseen);
        assert_eq!(
            rise.words(window).as_bytes(),
            b"perhaps an OOM kill: its control group counted one in its last 60.0 s, in which memdoor did not run"
        );
        let course = counted.own(end).expect("counted");
        assert_eq!(course.before, Some((0, Duration::from_secs(60))));
    }

    #[test]
    fn an_age_is_that_of_the_reading_and_the_start_is_said_once() {
        let quiet = counts(1, 0, 0);
        let (counted, end) = course(quiet, &[quiet; 2], quiet);
        let start = OomKillCountTrend { first: Some(0), before: None, now: 0 };
        assert_eq!(counted.own(end), Ok(start));
        let (counted, end) = course(quiet, &[quiet; 9], quiet);
        let before = Some((0, Duration::from_secs(5)));
        assert_eq!(counted.own(end), Ok(OomKillCountTrend { before, ..start }));
    }
}
