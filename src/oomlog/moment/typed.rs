//! Times as people type them.

use super::{DAY, SECOND, at, day, since, time_of_day};
use crate::parse::ascii;
use crate::parse::dec;
use crate::sys::clock::{Civil, Zone, civil, since_1970};

/// A time as it is typed: RFC 3339; `2026-11-21`, `2026-11-21 10:08[:31]` and `10:08[:31]` (today) in the local zone; `now`,
/// `today`, `yesterday`; `2h`, `-2h`, `2 hours ago`; `@1763719711`. A date is its midnight.
#[must_use]
pub fn typed(text: &[u8], now_us: i64, zone: Zone) -> Option<i64> {
    let text = text.trim_ascii();
    let today = Civil { hour: 0, minute: 0, second: 0, ..civil(since(now_us), zone) };
    let start_of = |date| since_1970(date, zone)?.checked_mul(SECOND);
    match ascii(text) {
        "now" => return Some(now_us),
        "today" => return start_of(today),
        // The date before, whether that day had 23 hours or 25.
        "yesterday" => return start_of(today.day_before()?),
        _ => {}
    }
    if let Some(seconds) = text.strip_prefix(b"@") {
        return i64::try_from(dec(seconds)?).ok()?.checked_mul(SECOND);
    }
    if let Some((seconds, micros)) = time_of_day(text) {
        return start_of(at(today, seconds))?.checked_add(micros);
    }
    if let Some(ago) = span(text) {
        return now_us.checked_sub(ago);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let date = day(date)?;
    match rest {
        [] => start_of(date),
        [b' ' | b'T' | b't', rest @ ..] => {
            let (clock, offset) = zone_of(rest)?;
            let (seconds, micros) = time_of_day(clock)?;
            let date = at(date, seconds);
            let us = match offset {
                None => start_of(date)?,
                Some(east) => (since_1970(date, Zone::Utc)? - east).checked_mul(SECOND)?,
            };
            us.checked_add(micros)
        }
        _ => None,
    }
}

/// Whether it is a time of day, of which there is one each day.
#[must_use]
pub fn is_time_of_day(text: &[u8]) -> bool {
    time_of_day(text.trim_ascii()).is_some()
}

/// Splits a zone off a time of day: `Z`, `+01:00`, `-0330`; seconds east of Greenwich.
fn zone_of(text: &[u8]) -> Option<(&[u8], Option<i64>)> {
    if let [clock @ .., b'Z' | b'z'] = text {
        return Some((clock, Some(0)));
    }
    let Some(sign) = text.iter().position(|byte| matches!(byte, b'+' | b'-')) else {
        return Some((text, None));
    };
    let (clock, zone) = text.split_at(sign);
    let (hour, minute) = match zone {
        [_, h, h2] => ([*h, *h2], [b'0', b'0']),
        [_, h, h2, m, m2] | [_, h, h2, b':', m, m2] => ([*h, *h2], [*m, *m2]),
        _ => return None,
    };
    let number = |digits: [u8; 2], most| {
        let number = dec(&digits).filter(|number| *number <= most)?;
        i64::try_from(number).ok()
    };
    let east = number(hour, 23)? * 3600 + number(minute, 59)? * 60;
    let is_west = zone.first() == Some(&b'-');
    Some((clock.trim_ascii_end(), Some(if is_west { -east } else { east })))
}

/// `2h`, `1d 12h`, `-30m`, `2 hours ago` in microseconds.
fn span(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = text.strip_suffix(b"ago").unwrap_or(text).trim_ascii();
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_i64;
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, behind) = rest.split_at(digits);
        let behind = behind.trim_ascii_start();
        let letters = behind.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (unit, behind) = behind.split_at(letters);
        let number = i64::try_from(dec(number)?).ok()?;
        sum = sum.checked_add(number.checked_mul(unit_of(unit)?)?)?;
        rest = behind.trim_ascii_start();
    }
    Some(sum)
}

fn unit_of(word: &[u8]) -> Option<i64> {
    Some(match ascii(word) {
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hour" | "hours" => 3600 * SECOND,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 14:15:05 UTC, a Saturday.
    const NOW: i64 = 1_795_270_505 * SECOND;

    fn now(text: &str) -> Option<i64> {
        typed(text.as_bytes(), NOW, Zone::Utc)
    }

    #[test]
    fn times_are_typed_in_many_ways() {
        for (text, expected) in [
            ("now", 1_795_270_505),
            ("today", 1_795_219_200),
            ("yesterday", 1_795_132_800),
            ("2026-11-21", 1_795_219_200),
            ("2026-11-21 10:08", 1_795_255_680),
            ("2026-11-21 10:08:31", 1_795_255_711),
            ("2026-11-21T10:08:31Z", 1_795_255_711),
            ("2026-11-21T10:08:31.000+01:00", 1_795_252_111),
            ("2026-11-21 10:08:31-0330", 1_795_268_311),
            ("2026-11-21 10:08:31 +01", 1_795_252_111),
            ("10:08", 1_795_255_680),
            ("10:08:31", 1_795_255_711),
            ("2h", 1_795_263_305),
            ("-2h", 1_795_263_305),
            ("2h ago", 1_795_263_305),
            ("2 hours ago", 1_795_263_305),
            ("1h 60min", 1_795_263_305),
            ("1h60m", 1_795_263_305),
            ("30m", 1_795_268_705),
            ("90s", 1_795_270_415),
            ("7d", 1_794_665_705),
            ("1w", 1_794_665_705),
            ("@12", 12),
        ] {
            assert_eq!(now(text), Some(expected * SECOND), "{text}");
        }
        assert_eq!(now("10:08:31.5"), Some(1_795_255_711_500_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "-",
            "ago",
            "2",
            "2x",
            "h",
            "@",
            "@-1",
            "tomorrow",
            "2026",
            "2026-13-01",
            "2026-02-30",
            "2026-11-21 25:00",
            "24:00",
            "10:60",
            "2026-11-21Z",
            "2026-11-21 10:08+1",
            "99999999999999999999s",
            "9223372036854775807w",
            "2026-11-21 10:08:31.x",
            "\u{1b}[2J",
        ] {
            assert_eq!(now(text), None, "{text}");
        }
    }
}
