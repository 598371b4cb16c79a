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
    Some(Version {
        major: dec(numbers.next()?)?,
        minor: dec(numbers.next()?)?,
    })
}

impl Version {
    /// Whether `/proc/PID/statm` is unsummed per-CPU counters: from f1a7941243c1 (6.2) until 6.16 sums them again.
    #[must_use]
    pub fn has_coarse_statm(self) -> bool {
        (Self { major: 6, minor: 2 }..=Self {
            major: 6,
            minor: 15,
        })
            .contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_put_anything_behind_the_numbers() {
        assert_eq!(
            parse(b"6.12.107+deb13-cloud-amd64"),
            Some(Version {
                major: 6,
                minor: 12
            })
        );
        assert_eq!(
            parse(b"3.10.0-1160.el7.x86_64"),
            Some(Version {
                major: 3,
                minor: 10
            })
        );
        assert_eq!(parse(b"7.0-rc1"), Some(Version { major: 7, minor: 0 }));
        assert_eq!(parse(b"linux"), None);
    }

    #[test]
    fn statm_is_coarse_from_6_2_to_6_15() {
        let coarse = |release: &[u8]| parse(release).map(Version::has_coarse_statm);
        assert_eq!(coarse(b"6.1.0"), Some(false));
        assert_eq!(coarse(b"6.2.0"), Some(true));
        assert_eq!(coarse(b"6.15.9"), Some(true));
        assert_eq!(coarse(b"6.18.44"), Some(false));
        assert_eq!(coarse(b"5.10.0"), Some(false));
    }
}
