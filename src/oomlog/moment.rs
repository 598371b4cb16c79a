//! When something was, since 1970: times as logs write them, and as people type them.

mod between;
mod typed;

pub use between::between;
pub use typed::{is_time_of_day, typed};

use super::event::Stamp;
use crate::parse::dec;
use crate::sys::clock::{Civil, Zone, civil, since_1970};
use core::time::Duration;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A moment in microseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When.
    pub us: i64,
    /// How that is known.
    pub by: By,
}

/// What tells a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The log, with year and zone.
    Log,
    /// The log, but for its year or its zone: this machine's zone, and the latest year that can be.
    Guess,
    /// The clocks of the running machine.
    Clock,
}

/// What the times of a log are held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    /// When the log was last written to: it holds nothing later.
    pub latest_us: i64,
    /// When the machine was started: of the live log.
    pub boot_us: Option<i64>,
    /// The zone that the log was written in, as far as is known.
    pub zone: Zone,
}

/// When an event was. `None`: nothing tells.
///
/// Of the live log it is the time since boot on a clock that stands still while the machine sleeps: a sleep since the event makes
/// it too late, as it does in `dmesg -T`.
#[must_use]
pub fn of(stamp: &Stamp, reference: &Reference) -> Option<Moment> {
    let by = |by| move |us| Moment { us, by };
    let since_boot = || {
        let us = i64::try_from(stamp.boot_us?).ok()?;
        reference.boot_us?.checked_add(us)
    };
    let written = || written(stamp.wall.as_deref()?, reference);
    None.or(stamp.wall_us.map(by(By::Log)))
        .or_else(|| since_boot().map(by(By::Clock)))
        .or_else(|| written().map(by(By::Guess)))
}

/// A time as transports write it, without the zone.
struct Written {
    /// The day and the time of day, in no year yet.
    date: Civil,
    year: Option<i32>,
    micros: i64,
}

impl Written {
    /// `Jan  7 03:19:32`, `Tue Aug 12 03:54:03 2025`, `2026-11-21 10:08:31.5`: the words in any order, as transports differ in it.
    fn of(text: &[u8]) -> Option<Self> {
        let mut date = Civil::default();
        let (mut year, mut clock) = (None, None);
        for word in text.split(|byte| matches!(byte, b' ' | b'\t' | b'T')).filter(|word| !word.is_empty()) {
            if let Some(found) = time_of_day(word.strip_suffix(b":").unwrap_or(word)) {
                clock = Some(found);
            } else if let Some((month, number)) = klog_day(word) {
                (date.month, date.day) = (month, number);
            } else if let Some(found) = day(word) {
                (date.month, date.day) = (found.month, found.day);
                year = Some(found.year);
            } else if let Some(number) = dec(word) {
                match word.len() {
                    4 => year = i32::try_from(number).ok(),
                    _ => date.day = u8::try_from(number).ok()?,
                }
            } else if let Some(found) = month(word) {
                date.month = found;
            }
        }
        let (seconds, micros) = clock?;
        Some(Self { date: at(date, seconds), year, micros })
    }

    fn in_year(&self, year: i32, zone: Zone) -> Option<i64> {
        let seconds = since_1970(Civil { year, ..self.date }, zone)?;
        seconds.checked_mul(SECOND)?.checked_add(self.micros)
    }
}

fn written(text: &[u8], reference: &Reference) -> Option<i64> {
    let written = Written::of(text)?;
    let moment = |year| written.in_year(year, reference.zone);
    if written.year.is_some() {
        return moment(written.year?);
    }
    // A log of New Year's Eve that was touched later; a clock that is not quite right; and 29 February is rare.
    let latest = reference.latest_us.saturating_add(DAY);
    let this = civil(since(latest), reference.zone).year;
    (0..=8).filter_map(|back| moment(this - back)).find(|us| *us <= latest)
}

fn since(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

/// A date with a time of day in seconds.
fn at(date: Civil, seconds: u32) -> Civil {
    let part = |number: u32| u8::try_from(number).unwrap_or(0);
    Civil { hour: part(seconds / 3600), minute: part(seconds / 60 % 60), second: part(seconds % 60), ..date }
}

/// `Jan`, or the month's whole name.
fn month(word: &[u8]) -> Option<u8> {
    const MONTHS: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let is_it =
        |name: &&[u8]| word.len() >= 3 && name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let index = MONTHS.iter().position(is_it)?;
    u8::try_from(index + 1).ok()
}

/// `W1121`: a level, the month, the day.
fn klog_day(word: &[u8]) -> Option<(u8, u8)> {
    let [b'I' | b'W' | b'E' | b'F', m, m2, d, d2] = word else {
        return None;
    };
    let number = |digits: [u8; 2]| dec(&digits).and_then(|number| u8::try_from(number).ok());
    Some((number([*m, *m2])?, number([*d, *d2])?))
}

/// `2026-11-21`.
fn day(text: &[u8]) -> Option<Civil> {
    let [y @ .., b'-', m, m2, b'-', d, d2] = text else {
        return None;
    };
    if y.len() != 4 {
        return None;
    }
    Some(Civil {
        year: i32::try_from(dec(y)?).ok()?,
        month: u8::try_from(dec(&[*m, *m2])?).ok()?,
        day: u8::try_from(dec(&[*d, *d2])?).ok()?,
        ..Civil::default()
    })
}

/// `10:08`, `10:08:31`, `10:08:31.027622`: seconds and microseconds.
fn time_of_day(text: &[u8]) -> Option<(u32, i64)> {
    let point = text.iter().position(|byte| matches!(byte, b'.' | b','));
    let (clock, fraction) = text.split_at(point.unwrap_or(text.len()));
    let (hour, minute, second) = match clock {
        [h, h2, b':', m, m2] if fraction.is_empty() => ([h, h2], [m, m2], [&b'0', &b'0']),
        [h, h2, b':', m, m2, b':', s, s2] => ([h, h2], [m, m2], [s, s2]),
        _ => return None,
    };
    let number = |[tens, ones]: [&u8; 2], most: u64| {
        let number = dec(&[*tens, *ones]).filter(|number| *number <= most)?;
        u32::try_from(number).ok()
    };
    let seconds = number(hour, 23)? * 3600 + number(minute, 59)? * 60 + number(second, 60)?.min(59);
    Some((seconds, micros(fraction)?))
}

/// Of a point and digits; more than six are cut.
fn micros(fraction: &[u8]) -> Option<i64> {
    let [_, digits @ ..] = fraction else {
        return Some(0);
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((0..6).fold(0, |sum, place| sum * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 14:15:05 UTC, a Saturday.
    const NOW: i64 = 1_795_270_505 * SECOND;

    fn wall(text: &str) -> Option<i64> {
        let stamp = Stamp { wall: Some(text.into()), ..Stamp::default() };
        let reference = Reference { latest_us: NOW, boot_us: None, zone: Zone::Utc };
        of(&stamp, &reference).map(|moment| moment.us)
    }

    fn now(text: &str) -> Option<i64> {
        super::typed(text.as_bytes(), NOW, Zone::Utc)
    }

    #[test]
    fn each_way_of_writing_a_time_is_the_same_moment() {
        let expected = now("2026-01-07T03:19:32Z");
        assert_eq!(expected, Some(1_767_755_972 * SECOND));
        for text in [
            "Jan  7 03:19:32",
            "2026 Jan 7 03:19:32",
            "Jan 7 2026 03:19:32",
            "Jan  7 03:19:32 2026",
            "Wed Jan  7 03:19:32 2026",
            "January 7 03:19:32:",
            "2026-01-07 03:19:32",
            "2026-01-07T03:19:32",
            "Wed 2026-01-07 03:19:32 UTC",
            "2026-01-07T03:19:32.000000",
            "2026-01-07T03:19:32,000",
            "W0107 03:19:32.000000",
        ] {
            assert_eq!(wall(text), expected, "{text}");
        }
        assert_eq!(wall("Jan  7 03:19:32.25"), expected.map(|us| us + 250_000));
    }

    #[test]
    fn a_year_that_is_not_said_is_the_latest_that_can_be() {
        assert_eq!(wall("Nov 22 10:00:00"), now("2026-11-22 10:00"));
        assert_eq!(wall("Nov 23 10:00:00"), now("2025-11-23 10:00"));
        assert_eq!(wall("Feb 29 10:00:00"), now("2024-02-29 10:00"));
    }

    #[test]
    fn what_can_not_be_read_is_no_time() {
        for text in [
            "",
            "Jan 7",
            "03:19:32",
            "Foo  7 03:19:32",
            "Jan 32 03:19:32",
            "Jan 7 25:19:32",
            "Jan 7 03:19:3x",
            "Jan 99999999999999999999 03:19:32",
            "janv. 7 03:19:32",
        ] {
            assert_eq!(wall(text), None, "{text}");
        }
    }

    #[test]
    fn the_live_log_counts_from_the_start_of_the_machine() {
        let stamp = Stamp { boot_us: Some(5), ..Stamp::default() };
        let mut reference = Reference { latest_us: NOW, boot_us: Some(100), zone: Zone::Utc };
        let by = By::Clock;
        assert_eq!(of(&stamp, &reference), Some(Moment { us: 105, by }));
        reference.boot_us = None;
        assert_eq!(of(&stamp, &reference), None);
    }
}
