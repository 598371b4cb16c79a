//! Whether memory is short, and when to look again: pure functions of numbers.

use core::time::Duration;

use crate::cgroup::LimitOwner;
use crate::parse::meminfo::{Meminfo, Use};
use crate::trigger::also::Pressure;
use crate::units::{Bytes, Percent};

/// When to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShortageRule {
    /// So much of memory is used, in percent: 0 to 100. What is used is all but MemAvailable and what of ZFS's cache can shrink.
    pub threshold: u8,
    /// So little of swap is free, in percent: 0 to 100. Without swap that holds, but where one condition is enough: there it would be met
    /// always.
    pub swap_free: Option<u8>,
    /// Processes stall for so much of the last 10 s.
    pub pressure: Option<Pressure>,
    /// How these are joined.
    pub join: Join,
    /// Below so much available memory, in percent, nobody is waited for: 0 to 100.
    pub hard: u8,
}

/// `threshold 90 % and free swap 10 %`; what is `--hard` alone is not in it.
impl core::fmt::Display for ShortageRule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let join = match self.join {
            Join::All => "and",
            Join::Any => "or",
        };
        write!(f, "threshold {} %", self.threshold)?;
        if let Some(free) = self.swap_free {
            write!(f, " {join} free swap {free} %")?;
        }
        if let Some(Pressure { of, at }) = self.pressure {
            write!(f, " {join} stalls ({}) {at} %", of.name())?;
        }
        Ok(())
    }
}

/// How conditions are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Join {
    /// All that are given must hold, as with earlyoom.
    #[default]
    All,
    /// One is enough.
    Any,
}

/// Memory, as it was read. What is not known, or can't be true, is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Reading {
    /// MemTotal, or the cgroup's limit.
    pub total: Option<Bytes>,
    /// MemAvailable, or what the cgroup's own memory leaves below the limit.
    pub available: Option<Bytes>,
    /// Of that, what is on the lists of CPUs, where it was asked for.
    pub on_lists: Option<Bytes>,
    /// SwapTotal.
    pub swap_total: Option<Bytes>,
    /// SwapFree.
    pub swap_free: Option<Bytes>,
    /// avg10 of the stalls that were asked for.
    pub pressure: Option<Percent>,
    /// Shmem: no more than this lasts whoever ends. Of a cgroup it is not known.
    pub shmem: Option<Bytes>,
    /// Of a cgroup, whose limit `total` is.
    pub whose: LimitOwner,
}

/// What is odd about a meminfo: containers' replacements of it (lxcfs), and old kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum MeminfoQuirk {
    /// Nothing.
    #[default]
    Nothing,
    /// There is no MemAvailable (before Linux 3.14): it is estimated.
    Estimated,
    /// No MemTotal, or nothing that tells what is available, or more available than there is.
    NoMemory,
    /// The cgroup is not there any more.
    NoGroup,
    /// Neither the cgroup nor one above it has a limit any more.
    NoLimit,
    /// More swap is free than there is.
    UntrueSwap,
    /// There is no SwapTotal or no SwapFree, or they are no numbers.
    NoSwap,
}

impl MeminfoQuirk {
    /// A sentence; empty for nothing.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Estimated => "/proc/meminfo has no MemAvailable: MemFree + Buffers + Cached - Shmem stands for it",
            Self::NoMemory => "/proc/meminfo does not tell how much memory is available: nobody is ended because of it",
            Self::NoGroup => {
                "the cgroup of --cgroup is not there, or its memory is not counted: nobody is ended until it is"
            }
            Self::NoLimit => "the cgroup of --cgroup has no memory limit any more: nobody is ended until it has one",
            Self::UntrueSwap => {
                "/proc/meminfo's SwapFree can't be true, it is above SwapTotal: swap counts neither for nor against"
            }
            Self::NoSwap => "/proc/meminfo has no SwapTotal or no SwapFree: swap counts neither for nor against",
        }
    }
}

impl Reading {
    /// The system's memory, and what is odd about it.
    pub(super) fn of(meminfo: &Meminfo) -> (Self, MeminfoQuirk) {
        let estimate = || {
            // Without the caches it would be known to be little, and somebody be ended for it.
            let cached = meminfo.free?.plus(meminfo.uses.of(Use::Buffers)?).plus(meminfo.uses.of(Use::Cached)?);
            let shmem = meminfo.uses.of(Use::Shmem).unwrap_or_default();
            let more = meminfo.arc_reclaimable().plus(meminfo.on_lists.unwrap_or_default());
            let estimate = Bytes(cached.0.saturating_sub(shmem.0)).plus(more);
            Some(estimate.min(meminfo.total?))
        };
        let total = meminfo.total.filter(|total| total.0 > 0);
        let available = meminfo.available.or_else(estimate);
        let available = available.filter(|available| Some(*available) <= total);
        let quirk = match available {
            None => MeminfoQuirk::NoMemory,
            _ if meminfo.available.is_none() => MeminfoQuirk::Estimated,
            _ if meminfo.is_swap_untrue => MeminfoQuirk::UntrueSwap,
            _ if meminfo.swap_used().is_none() => MeminfoQuirk::NoSwap,
            _ => MeminfoQuirk::Nothing,
        };
        let shmem = meminfo.uses.of(Use::Shmem);
        let reading = Self {
            total,
            available,
            on_lists: meminfo.on_lists,
            swap_total: meminfo.swap_total,
            swap_free: meminfo.swap_free.filter(|_| meminfo.swap_total.is_some()),
            pressure: None,
            shmem,
            whose: LimitOwner::Own,
        };
        (reading, quirk)
    }

    /// Of which cgroup above that of `path` the limit is; `None`: it is its own, or that of one that has no path here.
    pub(super) fn limit_of<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        match self.whose {
            LimitOwner::Own | LimitOwner::Hidden => None,
            LimitOwner::Above(0) => Some(b"/"),
            LimitOwner::Above(end) => path.get(..end),
        }
    }

    /// What is not available.
    pub(super) fn used(&self) -> Option<Percent> {
        let (total, available) = (self.total?, self.available?);
        Percent::of(Bytes(total.0.saturating_sub(available.0)), total)
    }

    /// Free swap; of none, nothing is free.
    fn free_swap(&self) -> Option<Percent> {
        match self.swap_total? {
            Bytes(0) => Some(Percent { hundredths: 0 }),
            total => Percent::of(self.swap_free?, total),
        }
    }

    fn available_percent(&self) -> Option<Percent> {
        Percent::of(self.available?, self.total?)
    }
}

/// Whether memory is short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It is not.
    Enough,
    /// It is: somebody is to be ended.
    Short,
    /// It could not be told. Nobody is ended on a guess.
    Unknown,
}

/// What lasts is so many times what the largest holds: then that one is not what fills memory. Of a database with a segment of 60 % of
/// memory, beside which another process leaks, it is not so from a leak of 15 % on.
const MANY_TIMES: u64 = 4;

impl ShortageRule {
    pub(super) fn judge(&self, reading: &Reading) -> State {
        let memory = reading.used().map(|used| used.hundredths >= u64::from(self.threshold) * 100);
        let is_moot = self.join == Join::Any && reading.swap_total == Some(Bytes(0));
        let swap = self.swap_free.filter(|_| !is_moot).map(|least| {
            let free = reading.free_swap();
            free.map(|free| free.hundredths <= u64::from(least) * 100)
        });
        let pressure = self.pressure.map(|bound| reading.pressure.map(|now| now >= bound.at));
        let others = [swap, pressure].into_iter().flatten();
        let holds = match self.join {
            // What is not known of the others does not stand in the way: swap's figures are wrong in many a container.
            Join::All => memory.map(|holds| holds && others.flatten().all(|holds| holds)),
            Join::Any => core::iter::once(memory).chain(others).flatten().reduce(|a, b| a || b),
        };
        match holds {
            Some(true) => State::Short,
            Some(false) => State::Enough,
            None => State::Unknown,
        }
    }

    /// How much memory is missing until the threshold is not reached any more; 0 when it is not.
    fn missing(&self, reading: &Reading) -> Option<Bytes> {
        let (total, available) = (reading.total?, reading.available?);
        let kept = u128::from(total.0) * u128::from(100 - self.threshold.min(100)) / 100;
        Some(Bytes(u64::try_from(kept).unwrap_or(u64::MAX).saturating_sub(available.0)))
    }

    /// Whether memory is short because of what lasts whoever ends, and nobody's end is worth it: `lasting` alone is more than what is
    /// missing, and [`MANY_TIMES`] what the largest that may be ended would give back, `most`.
    ///
    /// earlyoom and nohang know nothing of this and end the largest, and then the next, while what fills memory stays. But to
    /// end nobody is no answer either once the kernel would: below [`ShortageRule::hard`] the largest is ended as ever. So whom this spares is spared
    /// for as long as there is a choice, and for good when what fills a tmpfs stops in between. Where other conditions than memory's make it
    /// short (swap, pressure), this does not hold.
    pub(super) fn is_in_files(&self, reading: &Reading, lasting: Bytes, most: Bytes) -> bool {
        let is_cause = self.missing(reading).is_some_and(|missing| lasting > missing && missing.0 > 0);
        is_cause && !self.is_hard(reading) && lasting.0 / MANY_TIMES >= most.0
    }

    /// Whether so little is left that nobody is waited for.
    pub(super) fn is_hard(&self, reading: &Reading) -> bool {
        let available = reading.available_percent();
        available.is_some_and(|left| left.hundredths < u64::from(self.hard) * 100)
    }
}

/// How often to look: never later than the memory that is left could be taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The fastest that memory was seen to be taken, bytes a second.
    fastest: u64,
    last: Option<(Duration, Bytes)>,
}

/// What earlyoom assumes: `stress -m 4 --vm-bytes 4G` takes 6,000 MiB/s, and a bomb on zram swaps 800.
const MEMORY_RATE: u64 = 6000 << 20;
const SWAP_RATE: u64 = 800 << 20;

/// 20 looks a second are 0.05 % of a CPU.
const SHORTEST: Duration = Duration::from_millis(50);
/// Whatever is left.
const LONGEST: Duration = Duration::from_secs(10);
/// The kernel works avg10 out anew every 2 s.
const OF_PRESSURE: Duration = Duration::from_secs(1);

impl Pace {
    pub(super) const fn new() -> Self {
        Self { fastest: MEMORY_RATE, last: None }
    }

    /// How long nothing can have happened.
    pub(super) fn next(&mut self, now: Duration, when: &ShortageRule, reading: &Reading) -> Duration {
        let (Some(total), Some(available)) = (reading.total, reading.available) else {
            return OF_PRESSURE;
        };
        self.learn(now, available);
        let kept = u128::from(total.0) * u128::from(100 - when.threshold.min(100)) / 100;
        let left = available.0.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX));
        let mut wait = time(left, self.fastest);
        if let (Some(least), Some(free), Some(total)) = (when.swap_free, reading.swap_free, reading.swap_total) {
            let kept = total.0 / 100 * u64::from(least);
            wait = self.join(when.join, wait, time(free.0.saturating_sub(kept), SWAP_RATE));
        }
        if let (Some(bound), Some(pressure)) = (when.pressure, reading.pressure)
            && pressure < bound.at
        {
            wait = self.join(when.join, wait, OF_PRESSURE);
        }
        wait.clamp(SHORTEST, LONGEST)
    }

    /// When all must hold, the last to hold decides.
    fn join(&self, join: Join, one: Duration, other: Duration) -> Duration {
        match join {
            Join::All => one.max(other),
            Join::Any => one.min(other),
        }
    }

    fn learn(&mut self, now: Duration, available: Bytes) {
        let (then, before) = *self.last.get_or_insert((now, available));
        let elapsed = now.saturating_sub(then);
        // Of shorter times the figure is mostly noise.
        if elapsed >= SHORTEST / 2 {
            let taken = u128::from(before.0.saturating_sub(available.0));
            let rate = taken * 1_000_000 / elapsed.as_micros();
            self.fastest = self.fastest.max(u64::try_from(rate).unwrap_or(u64::MAX));
            self.last = Some((now, available));
        }
    }
}

fn time(bytes: u64, rate: u64) -> Duration {
    let micros = u128::from(bytes) * 1_000_000 / u128::from(rate.max(1));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::parse::meminfo;
    use crate::trigger::also::Waiting;

    const WHEN: ShortageRule =
        ShortageRule { threshold: 90, swap_free: None, pressure: None, join: Join::All, hard: 5 };
    const GIB: u64 = 1 << 30;

    fn reading(available_percent: u64, swap_free_percent: u64) -> Reading {
        Reading {
            total: Some(Bytes(100 * GIB)),
            available: Some(Bytes(available_percent * GIB)),
            swap_total: Some(Bytes(100 * GIB)),
            swap_free: Some(Bytes(swap_free_percent * GIB)),
            ..Reading::default()
        }
    }

    #[test]
    fn memory_is_short_from_the_threshold_on() {
        assert_eq!(WHEN.judge(&reading(11, 100)), State::Enough);
        assert_eq!(WHEN.judge(&reading(10, 100)), State::Short);
        assert_eq!(ShortageRule { threshold: 0, ..WHEN }.judge(&reading(100, 0)), State::Short);
        assert_eq!(ShortageRule { threshold: 100, ..WHEN }.judge(&reading(1, 0)), State::Enough);
        assert_eq!(WHEN.judge(&Reading::default()), State::Unknown);
    }

    #[test]
    fn with_swap_both_must_hold_and_with_any_one_is_enough() {
        let all = ShortageRule { swap_free: Some(20), ..WHEN };
        let any = ShortageRule { join: Join::Any, ..all };
        for (memory, swap, both, either) in [
            (50, 50, State::Enough, State::Enough),
            (5, 50, State::Enough, State::Short),
            (50, 20, State::Enough, State::Short),
            (5, 20, State::Short, State::Short),
        ] {
            assert_eq!(all.judge(&reading(memory, swap)), both, "{memory} {swap}");
            assert_eq!(any.judge(&reading(memory, swap)), either, "{memory} {swap}");
        }
        let none = Reading { swap_total: Some(Bytes(0)), swap_free: Some(Bytes(0)), ..reading(5, 0) };
        assert_eq!(all.judge(&none), State::Short, "without swap, none is free");
        assert_eq!(any.judge(&none), State::Short, "memory is short");
        let none = Reading { available: Some(Bytes(96 * GIB)), ..none };
        assert_eq!(any.judge(&none), State::Enough, "a host without swap is not short for that");
        let unknown = Reading { swap_free: None, ..reading(5, 0) };
        assert_eq!(all.judge(&unknown), State::Short);
        let unknown = Reading { swap_free: None, ..reading(50, 0) };
        assert_eq!(any.judge(&unknown), State::Enough);
    }

    #[test]
    fn pressure_counts_from_its_bound_on() {
        let bound = Pressure { of: Waiting::Some, at: Percent { hundredths: 2000 } };
        let all = ShortageRule { pressure: Some(bound), ..WHEN };
        let at = |memory, hundredths| Reading { pressure: Some(Percent { hundredths }), ..reading(memory, 100) };
        assert_eq!(all.judge(&at(5, 1999)), State::Enough);
        assert_eq!(all.judge(&at(5, 2000)), State::Short);
        let any = ShortageRule { join: Join::Any, ..all };
        assert_eq!(any.judge(&at(50, 2000)), State::Short);
    }

    #[test]
    fn what_can_not_be_true_is_not_known() {
        let of = |text: &str| Reading::of(&meminfo::parse(text.as_bytes()));
        let (good, quirk) = of("MemTotal: 100 kB\nMemAvailable: 40 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
        assert_eq!((good.used().map(|used| used.hundredths), quirk), (Some(6000), MeminfoQuirk::Nothing));
        let (old, quirk) = of(
            "MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 30 kB\nShmem: 15 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        );
        assert_eq!((old.available, quirk), (Some(Bytes(30 << 10)), MeminfoQuirk::Estimated));
        // What of the caches is not told may be all: memory is not known to be short.
        for text in ["MemTotal: 100 kB\nMemFree: 1 kB\n", "MemTotal: 100 kB\nMemFree: 1 kB\nBuffers: 5 kB\n"] {
            let (unknown, quirk) = of(text);
            assert_eq!((unknown.available, quirk), (None, MeminfoQuirk::NoMemory));
        }
        let wrapped = "MemTotal: 100 kB\nMemAvailable: 40 kB\nSwapTotal: 50 kB\nSwapFree: 18446744073709551580 kB\n";
        let (wrapped, quirk) = of(wrapped);
        assert_eq!((wrapped.swap_free, quirk), (None, MeminfoQuirk::UntrueSwap));
        for none in ["", "SwapTotal: 5 kB\n", "SwapFree: 5 kB\n"] {
            let (none, quirk) = of(&std::format!("MemTotal: 100 kB\nMemAvailable: 40 kB\n{none}"));
            assert_eq!((none.swap_free, quirk), (None, MeminfoQuirk::NoSwap));
        }
        assert_eq!(wrapped.used().map(|used| used.hundredths), Some(6000));
        for garbage in
            ["", "\u{0}\u{0}", "MemTotal: x kB\nMemAvailable: -1 kB\n", "MemTotal: 10 kB\nMemAvailable: 11 kB\n"]
        {
            let (reading, quirk) = of(garbage);
            assert_eq!((WHEN.judge(&reading), quirk), (State::Unknown, MeminfoQuirk::NoMemory), "{garbage:?}");
        }
    }

    #[test]
    fn the_next_look_is_never_later_than_memory_could_be_taken() {
        let mut pace = Pace::new();
        let now = Duration::from_secs(1);
        // 90 GiB until the threshold at 6,000 MiB/s are 15 s; the longest is 10.
        assert_eq!(pace.next(now, &WHEN, &reading(100, 100)), LONGEST);
        let wait = pace.next(now, &WHEN, &reading(40, 100));
        assert!(wait <= LONGEST && wait > Duration::from_secs(1), "{wait:?}");
        assert_eq!(pace.next(now, &WHEN, &reading(10, 100)), SHORTEST);
        let mut slow = Pace::new();
        let _ = slow.next(now, &WHEN, &reading(30, 0));
        let wait = slow.next(now + Duration::from_millis(500), &WHEN, &reading(20, 0));
        // 20 GiB/s, 10 GiB left.
        assert!(wait <= Duration::from_millis(501), "{wait:?}");
    }

    #[test]
    fn while_swap_is_plenty_memory_alone_wakes_nobody() {
        let when = ShortageRule { swap_free: Some(10), ..WHEN };
        let wait = Pace::new().next(Duration::ZERO, &when, &reading(5, 100));
        assert_eq!(wait, LONGEST);
        let any = ShortageRule { join: Join::Any, ..when };
        assert_eq!(Pace::new().next(Duration::ZERO, &any, &reading(5, 100)), SHORTEST);
    }

    #[test]
    fn nobody_is_worth_ending_for_what_is_in_files_until_the_kernel_would() {
        let is = |available, lasting, most| {
            WHEN.is_in_files(&reading(available, 100), Bytes(lasting * GIB), Bytes(most * GIB))
        };
        assert!(is(8, 70, 11), "a tmpfs of 70 %, and the largest process has 11");
        assert!(!is(4, 70, 11), "the kernel is next to act");
        assert!(!is(8, 70, 18), "one that has a fourth of that is worth it");
        assert!(!is(8, 1, 0), "without those files memory would be short, too");
        assert!(!is(30, 70, 11), "memory is not what made it act");
        assert!(!WHEN.is_in_files(&Reading::default(), Bytes(GIB), Bytes(0)), "how much is missing is not known");
        // Other conditions are not about memory alone.
        assert!(!ShortageRule { threshold: 100, ..WHEN }.is_in_files(&reading(1, 0), Bytes(70 * GIB), Bytes(0)));
    }

    #[test]
    fn below_the_hard_bound_nobody_is_waited_for() {
        assert!(!WHEN.is_hard(&reading(5, 0)));
        assert!(WHEN.is_hard(&reading(4, 0)));
        assert!(!WHEN.is_hard(&Reading::default()));
    }
}
