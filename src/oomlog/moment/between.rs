//! How far apart two times are that are only text: of one log, whose zone and year need not be known for that.

use super::{DAY, SECOND, Written, time_of_day};
use crate::sys::clock::Zone;

/// Two years, one of which is a leap year: nobody knows which one it was.
const YEARS: [(i32, i64); 2] = [(2023, 365 * DAY), (2024, 366 * DAY)];

/// How long after `one` the other is, in microseconds. Where the words of the date are in no language that is known, a day that differs
/// is the next day when it is about midnight, and one that is far away when it is not. `None`: nothing tells.
#[must_use]
pub fn between(one: &[u8], other: &[u8]) -> Option<i64> {
    if one == other {
        return Some(0);
    }
    if let Some(dated) = Written::of(one).zip(Written::of(other)).and_then(|(one, other)| of_dates(&one, &other)) {
        return Some(dated);
    }
    let (one_date, one) = split(one)?;
    let (other_date, other) = split(other)?;
    let apart = other - one;
    match one_date == other_date {
        true => Some(apart),
        // Half an hour about midnight.
        false if apart + DAY < 1800 * SECOND => Some(apart + DAY),
        false => Some(DAY),
    }
}

fn of_dates(one: &Written, other: &Written) -> Option<i64> {
    let apart = |[one_year, other_year]: [i32; 2]| {
        let us = |written: &Written, year| written.in_year(year, Zone::Utc);
        us(other, other_year)?.checked_sub(us(one, one_year)?)
    };
    if let (Some(one_year), Some(other_year)) = (one.year, other.year) {
        return apart([one_year, other_year]);
    }
    let ways = YEARS.iter().filter_map(|(year, length)| {
        let same = apart([*year; 2])?;
        // New Year's Eve is before New Year's Day.
        Some(if same < -length / 2 { same + length } else { same })
    });
    ways.min_by_key(|us| us.saturating_abs())
}

/// The words of the date, and the time of day in microseconds.
fn split(text: &[u8]) -> Option<(Vec<&[u8]>, i64)> {
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'T');
    let mut clock = None;
    let mut date: Vec<&[u8]> = Vec::new();
    for word in text.split(is_end).filter(|word| !word.is_empty()) {
        match time_of_day(word.strip_suffix(b":").unwrap_or(word)) {
            Some((seconds, micros)) => clock = Some(i64::from(seconds) * SECOND + micros),
            None => date.push(word),
        }
    }
    Some((date, clock?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_one_log_are_held_against_each_other_without_their_year_and_zone() {
        const HOUR: i64 = 3600 * SECOND;
        for (one, other, expected) in [
            ("Nov 21 10:00:00", "Nov 21 10:00:00", Some(0)),
            ("Nov 21 10:00:00", "Nov 21 10:00:03", Some(3 * SECOND)),
            ("Nov 21 10:00:00", "Nov 25 10:00:00", Some(4 * DAY)),
            ("Nov 25 10:00:00", "Nov 21 10:00:00", Some(-4 * DAY)),
            ("Dec 31 23:59:59", "Jan  1 00:00:01", Some(2 * SECOND)),
            ("Feb 28 23:59:59", "Mar  1 00:00:00", Some(SECOND)),
            ("Feb 29 23:59:59", "Mar  1 00:00:00", Some(SECOND)),
            ("Tue Aug 12 03:54:03 2025", "Wed Aug 12 03:54:03 2026", Some(365 * DAY)),
            // In no language that is known.
            ("janv. 21 10:00:00", "janv. 21 11:00:00", Some(HOUR)),
            ("janv. 21 10:00:00", "janv. 25 10:00:00", Some(DAY)),
            ("janv. 21 23:59:50", "janv. 22 00:00:10", Some(20 * SECOND)),
            ("Nov21 09:54", "Nov25 09:54", Some(DAY)),
            ("one", "two", None),
        ] {
            assert_eq!(between(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }
    }
}
