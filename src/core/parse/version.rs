//! The kernel's release, `6.1.0-18-amd64`, as uname(2) gives it.

use super::dec;

/// Major and minor number: comparable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// `6` of 6.1.
    pub major: u64,
    /// `1` of 6.1.
    pub minor: u64,
}

/// Parses a release, whatever a distribution put behind it.
#[must_use]
pub fn parse(release: &[u8]) -> Option<Version> {
    let mut numbers = release.split(|byte| !byte.is_ascii_digit());
    Some(Version { major: dec(numbers.next()?)?, minor: dec(numbers.next()?)? })
}

/// How exact `/proc/PID/statm` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statm {
    /// Before 6.2: threads add to the counters in batches (SPLIT_RSS_COUNTING).
    PerThread,
    /// 6.2 (f1a7941243c1) to 6.15: per-CPU counters that are not summed.
    PerCpu,
    /// From 6.16 on they are summed.
    Exact,
}

impl Version {
    /// As people say it: `Version::new(4, 5)` is Linux 4.5.
    #[must_use]
    pub const fn new(major: u64, minor: u64) -> Self {
        Self { major, minor }
    }

    /// How exact statm is in this version.
    #[must_use]
    pub fn statm(self) -> Statm {
        match (self.major, self.minor) {
            (..=5, _) | (6, ..=1) => Statm::PerThread,
            (6, ..=15) => Statm::PerCpu,
            _ => Statm::Exact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_put_anything_behind_the_numbers() {
        assert_eq!(parse(b"6.12.107+deb13-cloud-amd64"), Some(Version { major: 6, minor: 12 }));
        assert_eq!(parse(b"3.10.0-1160.el7.x86_64"), Some(Version { major: 3, minor: 10 }));
        assert_eq!(parse(b"7.0-rc1"), Some(Version { major: 7, minor: 0 }));
        assert_eq!(parse(b"linux"), None);
    }

    #[test]
    fn statm_was_inexact_in_two_ways() {
        let statm = |release: &[u8]| parse(release).map(Version::statm);
        assert_eq!(statm(b"5.10.0"), Some(Statm::PerThread));
        assert_eq!(statm(b"6.1.0"), Some(Statm::PerThread));
        assert_eq!(statm(b"6.2.0"), Some(Statm::PerCpu));
        assert_eq!(statm(b"6.15.9"), Some(Statm::PerCpu));
        assert_eq!(statm(b"6.18.44"), Some(Statm::Exact));
        assert_eq!(statm(b"7.2.13"), Some(Statm::Exact));
    }
}
