//! Numbers that carry their unit.
//!
//! `/proc` mixes pages, "kB" (which is KiB), clock ticks and bytes. Inside memdoor a bare number never means a size.

use core::num::NonZeroI32;
use core::time::Duration;

/// A size in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Bytes(pub u64);

impl Bytes {
    /// From what `/proc` calls "kB": 1024 bytes. Saturates: a kernel never counts 16 EiB, a hostile fixture does.
    #[must_use]
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1024))
    }

    /// Whole KiB, rounded down, as `/proc` prints them after "kB".
    #[must_use]
    pub const fn kib(self) -> u64 {
        self.0 / 1024
    }

    /// The sum, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// A count of pages of the running kernel: 4, 16 or 64 KiB each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Pages(pub u64);

impl Pages {
    /// The size of that many pages, saturating.
    #[must_use]
    pub const fn bytes(self, page: PageSize) -> Bytes {
        Bytes(self.0.saturating_mul(page.0))
    }
}

/// Bytes in a page, from `sysconf(_SC_PAGESIZE)`; 65536 on some aarch64 and ppc64 kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageSize(pub u64);

/// Clock ticks since boot, the unit of `/proc/PID/stat`'s starttime.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Ticks(pub u64);

impl Ticks {
    /// `USER_HZ`: 100 on every architecture that memdoor builds for (include/asm-generic/param.h).
    pub const PER_SECOND: u64 = 100;

    /// Microseconds since boot, saturating.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0.saturating_mul(1_000_000 / Self::PER_SECOND)
    }
}

/// A ratio in hundredths of a percent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Percent {
    /// 10000 is 100 %; more is possible (RSS of shared pages against a cgroup's limit).
    pub hundredths: u64,
}

impl Percent {
    /// `part` of `whole`, rounded down; `None` when there is no whole to take a part of.
    #[must_use]
    pub fn of(part: Bytes, whole: Bytes) -> Option<Self> {
        if whole.0 == 0 {
            return None;
        }
        let hundredths = u128::from(part.0) * 10_000 / u128::from(whole.0);
        Some(Self { hundredths: u64::try_from(hundredths).unwrap_or(u64::MAX) })
    }
}

/// `12.30`
impl core::fmt::Display for Percent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{:02}", self.hundredths / 100, self.hundredths % 100)
    }
}

/// A process id: 1 to 4194304 (`PID_MAX_LIMIT`) on 64-bit kernels.
///
/// It is a number, not a process: the process may go and another may get the number. [`crate::target::Target`] is a process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// Nobody's: more than `PID_MAX_LIMIT`.
    pub const MAX: Self = Self(NonZeroI32::MAX);

    /// `None` for 0, negative numbers and what does not fit a `pid_t`.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        let number = i32::try_from(number).ok()?;
        NonZeroI32::new(number).map(Self)
    }

    /// The `pid_t`.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0.get()
    }
}

impl core::fmt::Display for Pid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// Microseconds, in 64 bits: numbers of 128 are 1 kB of code to print.
#[must_use]
pub const fn micros(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000).saturating_add(span.subsec_micros() as u64)
}

/// `1 page`, `4 pages`
#[must_use]
pub const fn plural<'w>(count: u64, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_positive_and_fits_a_pid_t() {
        assert_eq!(Pid::new(0), None);
        assert_eq!(Pid::new(1).map(Pid::get), Some(1));
        assert_eq!(Pid::new(4_294_967_297), None, "the original watched PID 1 for it");
    }

    #[test]
    fn a_percentage_neither_overflows_nor_divides_by_zero() {
        assert_eq!(Percent::of(Bytes(1), Bytes(0)), None);
        assert_eq!(Percent::of(Bytes(1), Bytes(3)), Some(Percent { hundredths: 3333 }));
        assert_eq!(Percent::of(Bytes(u64::MAX), Bytes(u64::MAX)), Some(Percent { hundredths: 10_000 }));
        assert_eq!(Percent::of(Bytes(u64::MAX), Bytes(1)), Some(Percent { hundredths: u64::MAX }));
    }
}
