//! `/proc/pressure/memory`: Documentation/accounting/psi.rst (Linux 4.20).
//!
//! `some avg10=0.00 avg60=0.00 avg300=0.00 total=12496112`

use super::{dec, lines, words};

/// Shares of the last 10 s in hundredths of a percent, 0 to 10000.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pressure {
    /// In which some task waited for memory.
    pub some: Option<u64>,
    /// In which all that were not idle did.
    pub full: Option<u64>,
}

/// Parses the whole file.
#[must_use]
pub fn parse(text: &[u8]) -> Pressure {
    let mut pressure = Pressure::default();
    for line in lines(text) {
        let mut words = words(line);
        let (of, average) = (words.next(), words.next().and_then(avg10));
        match of {
            Some(b"some") => pressure.some = average,
            Some(b"full") => pressure.full = average,
            _ => {}
        }
    }
    pressure
}

/// `avg10=1.23`: always two digits behind the point.
fn avg10(word: &[u8]) -> Option<u64> {
    let number = word.strip_prefix(b"avg10=")?;
    let point = number.iter().position(|byte| *byte == b'.')?;
    let (whole, rest) = number.split_at(point);
    let fraction = rest.get(1..).filter(|digits| digits.len() == 2)?;
    dec(whole)?.checked_mul(100)?.checked_add(dec(fraction)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_ten_seconds_is_read_in_hundredths() {
        let text = b"some avg10=12.34 avg60=0.00 avg300=0.00 total=1\nfull avg10=100.00 avg60=0.00 avg300=0.00 total=7\n";
        let expected = Pressure {
            some: Some(1234),
            full: Some(10_000),
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn what_is_missing_or_odd_is_not_known() {
        assert_eq!(parse(b""), Pressure::default());
        for odd in [
            &b"full avg10=1 avg60=0.00"[..],
            b"full avg10=1.2 avg60=0.00",
            b"full avg60=1.20",
            b"full avg10=-1.20",
            b"full avg10=18446744073709551615.00",
        ] {
            assert_eq!(parse(odd).full, None, "{}", odd.escape_ascii());
        }
    }
}
