//! `/proc/pressure/memory` and a cgroup's `memory.pressure`: Documentation/accounting/psi.rst (Linux 4.20).
//!
//! `some avg10=0.00 avg60=0.00 avg300=0.00 total=12496112`

use super::{dec, lines, words};

/// How much tasks waited for memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pressure {
    /// Some task did.
    pub some: Option<Stall>,
    /// All that were not idle did.
    pub full: Option<Stall>,
}

/// One line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stall {
    /// Shares of the last 10, 60 and 300 s in hundredths of a percent, 0 to 10000.
    pub average: [u64; 3],
    /// In all, in microseconds.
    pub total: u64,
}

impl Stall {
    /// The share of the last 10 s.
    #[must_use]
    pub const fn avg10(self) -> u64 {
        self.average[0]
    }
}

/// Parses the whole file.
#[must_use]
pub fn parse(text: &[u8]) -> Pressure {
    let mut pressure = Pressure::default();
    for line in lines(text) {
        match line.split_at_checked(5) {
            Some((b"some ", rest)) => pressure.some = stall(rest),
            Some((b"full ", rest)) => pressure.full = stall(rest),
            _ => {}
        }
    }
    pressure
}

fn stall(rest: &[u8]) -> Option<Stall> {
    let mut words = words(rest);
    let mut average = [0; 3];
    for (key, slot) in [&b"avg10="[..], b"avg60=", b"avg300="].iter().zip(&mut average) {
        *slot = hundredths(words.next()?.strip_prefix(*key)?)?;
    }
    let total = dec(words.next()?.strip_prefix(b"total=")?)?;
    Some(Stall { average, total })
}

/// `1.23`: always two digits behind the point.
fn hundredths(number: &[u8]) -> Option<u64> {
    let (whole, rest) = number.split_at(number.iter().position(|byte| *byte == b'.')?);
    let fraction = rest.get(1..).filter(|digits| digits.len() == 2)?;
    dec(whole)?.checked_mul(100)?.checked_add(dec(fraction)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_read_in_hundredths() {
        let text = b"some avg10=12.34 avg60=0.05 avg300=100.00 total=42377708\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        let pressure = parse(text);
        let some = pressure.some.expect("some");
        assert_eq!((some.average, some.total), ([1234, 5, 10_000], 42_377_708));
        assert_eq!(pressure.full.expect("full").average, [0; 3]);
    }

    #[test]
    fn what_is_missing_or_odd_is_not_known() {
        assert_eq!(parse(b""), Pressure::default());
        for odd in [
            &b"full avg10=1 avg60=0.00 avg300=0.00 total=1"[..],
            b"full avg10=1.2 avg60=0.00 avg300=0.00 total=1",
            b"full avg60=1.20 avg300=0.00 total=1",
            b"full avg10=-1.20 avg60=0.00 avg300=0.00 total=1",
            b"full avg10=18446744073709551615.00 avg60=0.00 avg300=0.00 total=1",
            b"full avg10=1.20 avg60=0.00 avg300=0.00",
            b"full",
        ] {
            assert_eq!(parse(odd).full, None, "{}", odd.escape_ascii());
        }
    }
}
