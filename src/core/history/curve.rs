//! A history to look at: a line of characters, and few rows.

use core::time::Duration;

use super::{Sample, Stamp};
use crate::units::Bytes;

/// Eight heights in ASCII: serial consoles and rescue systems have no font for more.
const RAMP: &[u8; 8] = b"_.-:=+*#";

/// Characters of the line.
pub const WIDTH: usize = 40;

/// Rows of the table.
pub const ROWS: usize = 12;

/// RSS over the whole time, each character the same span of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Curve {
    text: [u8; WIDTH],
    /// The least RSS.
    pub least: Bytes,
    /// The most.
    pub most: Bytes,
    /// From the first sample to the last.
    pub span: Duration,
}

impl Curve {
    /// The line of `samples`, the oldest first; `None` when RSS was never known.
    #[must_use]
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let known = || samples.iter().filter_map(|sample| sample.rss.get());
        let (least, most) = (known().min()?, known().max()?);
        let (first, last) = (samples.first()?.at, samples.last()?.at);
        let span = first.until(last);
        let mut text = [b' '; WIDTH];
        for (column, mark) in text.iter_mut().enumerate() {
            // The column's end, so that the last one is now.
            let until = u64::from(span) * (column as u64 + 1) / WIDTH as u64;
            if let Some(rss) = rss_at(samples, first, until) {
                *mark = level(rss, least, most);
            }
        }
        Some(Self { text, least, most, span: Duration::from_millis(span.into()) })
    }

    /// The characters.
    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.text).unwrap_or_default()
    }
}

/// RSS as it was last known so many milliseconds behind the first sample.
fn rss_at(samples: &[Sample], first: Stamp, millis: u64) -> Option<Bytes> {
    let known = samples.iter().take_while(|sample| u64::from(first.until(sample.at)) <= millis);
    known.filter_map(|sample| sample.rss.get()).last()
}

fn level(rss: Bytes, least: Bytes, most: Bytes) -> u8 {
    let (above, range) = (rss.0.saturating_sub(least.0), most.0.saturating_sub(least.0));
    // Eight bands of equal height; what stays has the lowest.
    let band = (u128::from(above) * 8).checked_div(range.into()).unwrap_or(0);
    let band = usize::try_from(band).unwrap_or(7).min(7);
    RAMP.get(band).copied().unwrap_or(b' ')
}

/// The samples for a table: the first, the last, and some between, which lie closer together the younger they are, as samples do.
pub fn rows(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    let steps = ROWS.min(samples.len()).saturating_sub(1);
    let last = samples.len().saturating_sub(1);
    (0..=steps).filter_map(move |step| samples.get((last * step).checked_div(steps).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::tests::{MIB, sample};
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_leak_rises_from_the_lowest_mark_to_the_highest() {
        let samples: Vec<_> = (0..=80).map(|n| sample(n * 100, n * MIB)).collect();
        let curve = Curve::of(&samples).expect("a curve");
        let (least, most) = (curve.least, curve.most);
        assert_eq!((least, most), (Bytes(0), Bytes(80 * MIB)));
        assert_eq!(curve.span, Duration::from_secs(8));
        let text = curve.text();
        assert!(text.starts_with('_') && text.ends_with('#'), "{text}");
        let heights: Vec<_> =
            text.bytes().map(|mark| RAMP.iter().position(|other| *other == mark).expect("a mark")).collect();
        assert!(heights.is_sorted(), "{text}");
        let mut seen = heights.clone();
        seen.dedup();
        assert_eq!(seen.len(), 8, "{text}");
    }

    #[test]
    fn each_character_is_the_same_span_whatever_the_samples_are() {
        // Ten seconds low in two samples, ten high in many.
        let mut samples = std::vec![sample(0, 0), sample(10_000, 0)];
        samples.extend((0..60).map(|n| sample(10_100 + n * 168, MIB)));
        let text = Curve::of(&samples).expect("a curve").text().len();
        assert_eq!(text, WIDTH);
        let curve = Curve::of(&samples).expect("a curve");
        let low = curve.text().bytes().filter(|mark| *mark == b'_').count();
        assert!((18..=22).contains(&low), "{}", curve.text());
    }

    #[test]
    fn what_stays_is_low_and_what_is_unknown_no_curve() {
        let samples: Vec<_> = (0..9).map(|n| sample(n * 100, MIB)).collect();
        assert!(Curve::of(&samples).expect("a curve").text().bytes().all(|mark| mark == b'_'));
        assert_eq!(Curve::of(&[Sample::unknown(Stamp::of(Duration::ZERO))]), None);
        assert_eq!(Curve::of(&[]), None);
        assert!(Curve::of(&[sample(5, MIB)]).is_some());
    }

    #[test]
    fn a_table_has_the_first_and_the_last_and_no_more_rows_than_there_is_room() {
        let samples: Vec<_> = (0..90).map(|n| sample(n, n)).collect();
        let picked: Vec<_> = rows(&samples).map(|sample| sample.at).collect();
        assert_eq!(picked.len(), ROWS);
        assert_eq!(picked.first(), samples.first().map(|sample| &sample.at));
        assert_eq!(picked.last(), samples.last().map(|sample| &sample.at));
        assert_eq!(rows(&samples[..5]).count(), 5);
        assert_eq!(rows(&samples[..1]).count(), 1);
        assert_eq!(rows(&[]).count(), 0);
    }
}
