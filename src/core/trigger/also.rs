//! When to take a snapshot of a process that is below its threshold: the host is in trouble.

use super::Threshold;
use crate::units::{Bytes, Percent};

/// What else is asked to fire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Also {
    /// Available memory is so little of MemTotal, or less.
    pub available: Option<Threshold>,
    /// So much of the last 10 s was spent waiting for memory, or more.
    pub pressure: Option<Pressure>,
}

/// A bound on PSI's avg10.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pressure {
    /// Whose waiting counts.
    pub of: Waiting,
    /// 0.01 to 100 %.
    pub at: Percent,
}

/// Whose waiting counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// That of any task.
    Some,
    /// Only when all that are not idle do.
    Full,
}

impl Waiting {
    /// The kernel's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Some => "some",
            Self::Full => "full",
        }
    }
}

/// How the host is. What is not known is no trouble.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Host {
    /// MemTotal.
    pub total: Option<Bytes>,
    /// MemAvailable, and what of the ARC of ZFS can shrink.
    pub available: Option<Bytes>,
    /// PSI's `some avg10`, in hundredths of a percent.
    pub some: Option<u64>,
    /// PSI's `full avg10`, in hundredths of a percent.
    pub full: Option<u64>,
}

/// Which bound was reached, and by what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Available memory, as a share of MemTotal.
    Available(Percent),
    /// PSI.
    Pressure(Waiting, Percent),
}

impl Also {
    /// What the host's trouble is, if that was asked for.
    #[must_use]
    pub fn trouble(self, host: Host) -> Option<Trouble> {
        let is_low = |at: Threshold| {
            let share = Percent::of(host.available?, host.total?)?;
            (share.hundredths <= at.hundredths()).then_some(Trouble::Available(share))
        };
        let is_high = |Pressure { of, at }: Pressure| {
            let hundredths = match of {
                Waiting::Some => host.some?,
                Waiting::Full => host.full?,
            };
            let share = Percent { hundredths };
            (share >= at).then_some(Trouble::Pressure(of, share))
        };
        let low = self.available.and_then(is_low);
        low.or_else(|| self.pressure.and_then(is_high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(percent: u64) -> Threshold {
        Threshold::new(percent).expect("1 to 99")
    }

    const fn host(available: u64, some: u64, full: u64) -> Host {
        Host { total: Some(Bytes(100_000)), available: Some(Bytes(available)), some: Some(some), full: Some(full) }
    }

    #[test]
    fn little_available_memory_is_trouble() {
        let also = Also { available: Some(at(10)), pressure: None };
        let share = |hundredths| Some(Trouble::Available(Percent { hundredths }));
        assert_eq!(also.trouble(host(10_010, 0, 0)), None);
        assert_eq!(also.trouble(host(10_000, 0, 0)), share(1000));
        assert_eq!(also.trouble(host(1, 0, 0)), share(0));
        assert_eq!(also.trouble(Host::default()), None, "not known");
    }

    #[test]
    fn waiting_is_trouble_of_the_kind_that_was_asked_for() {
        let also = |of| Also { available: None, pressure: Some(Pressure { of, at: Percent { hundredths: 500 } }) };
        let share = |of, hundredths| Some(Trouble::Pressure(of, Percent { hundredths }));
        let (full, some) = (also(Waiting::Full), also(Waiting::Some));
        assert_eq!(full.trouble(host(0, 9000, 499)), None);
        assert_eq!(full.trouble(host(0, 9000, 500)), share(Waiting::Full, 500));
        assert_eq!(some.trouble(host(0, 9000, 0)), share(Waiting::Some, 9000));
        assert_eq!(full.trouble(Host::default()), None, "no PSI");
    }

    #[test]
    fn nothing_is_trouble_unasked() {
        assert_eq!(Also::default().trouble(host(0, 10_000, 10_000)), None);
    }
}
