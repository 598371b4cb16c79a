//! `/proc/pressure/memory` and a cgroup's `memory.pressure`: Documentation/accounting/psi.rst, Linux 4.20.

use super::{dec, lines, words};

/// Whose stalls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stalled {
    /// Some processes wait for memory.
    Some,
    /// All that have something to do wait for memory.
    Full,
}

/// The share of the last 10 s that was lost, in hundredths of a percent: 146 of `some avg10=1.46 avg60=...`.
#[must_use]
pub fn avg10(text: &[u8], stalled: Stalled) -> Option<u64> {
    let kind: &[u8] = match stalled {
        Stalled::Some => b"some",
        Stalled::Full => b"full",
    };
    lines(text).find_map(|line| {
        let mut words = words(line);
        let figure = words
            .next()
            .filter(|word| *word == kind)
            .and(words.next())?;
        let figure = figure.strip_prefix(b"avg10=")?;
        let point = figure.iter().position(|byte| *byte == b'.')?;
        let (whole, part) = figure.split_at(point);
        let part = part.get(1..).filter(|part| part.len() == 2)?;
        dec(whole)?.checked_mul(100)?.checked_add(dec(part)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_10_s_is_in_hundredths() {
        let text = b"some avg10=1.46 avg60=2.45 avg300=2.88 total=69133477\nfull avg10=0.07 avg60=2.11 avg300=2.26 total=48334461\n";
        assert_eq!(avg10(text, Stalled::Some), Some(146));
        assert_eq!(avg10(text, Stalled::Full), Some(7));
        assert_eq!(avg10(b"some avg10=100.00 x", Stalled::Some), Some(10_000));
        for wrong in [
            &b""[..],
            b"some",
            b"some avg10=",
            b"some avg10=1",
            b"some avg10=1.5 ",
            b"full avg10=1.00",
        ] {
            assert_eq!(avg10(wrong, Stalled::Some), None);
        }
    }
}
