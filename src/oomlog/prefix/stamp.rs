//! Wall clock times at the start of a line.

use super::word::{blank, digits, word};
use crate::oomlog::record::When;
use crate::parse;
use crate::sys::clock::{Civil, Zone, since_1970};

/// A time, and whether its form is one that only dmesg writes.
pub(super) struct Stamp<'l> {
    pub(super) when: When<'l>,
    /// dmesg --time-format=iso: a comma before six digits, and the message follows at once.
    pub(super) is_dmesg: bool,
}

/// A time that the line begins with, and what is behind it and one blank.
pub(super) fn wall(line: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    iso(line).or_else(|| unix(line)).or_else(|| month_first(line)).or_else(|| weekday_first(line))
}

/// `2026-11-21T10:08:31.027622+00:00`; a blank for the T, a comma for the point, a zone or none.
fn iso(line: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let date = line.get(..10)?;
    let midnight = midnight(date)?;
    let t = *line.get(10)?;
    let clock = line.get(11..19)?;
    if !matches!(t, b'T' | b' ') || !is_clock(clock) {
        return None;
    }
    let mut rest = &line[19..];
    let (mut fraction, mut comma) = (&rest[..0], false);
    if let [point @ (b'.' | b','), behind @ ..] = rest {
        let length = digits(behind);
        if length > 0 {
            (fraction, comma) = (&behind[..length], *point == b',');
            rest = &behind[length..];
        }
    }
    let (zone, rest) = zone(rest);
    if !matches!(rest.first(), None | Some(b' ' | b'\t' | b':')) {
        return None;
    }
    let written = &line[..line.len() - rest.len()];
    let at = midnight + seconds(clock)?;
    let wall_us = zone.map(|behind| (at - behind) * 1_000_000 + i64::from(micros(fraction)));
    let when = When { boot_us: None, wall: Some(written), wall_us };
    let is_dmesg = comma && t == b'T' && fraction.len() == 6;
    Some((Stamp { when, is_dmesg }, after(rest)))
}

/// `W1121 10:09:02.100000       1 kmsg.go:12] `: the header of klog and glog, which Kubernetes' programs print.
pub(super) fn klog(line: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (day, rest) = word(line);
    let [b'I' | b'W' | b'E' | b'F', month_and_day @ ..] = day else {
        return None;
    };
    let (clock, rest) = word(rest);
    let fraction = clock.get(8..)?.strip_prefix(b".")?;
    let is_time = digits(month_and_day) == 4
        && month_and_day.len() == 4
        && is_clock(&clock[..8])
        && digits(fraction) == fraction.len();
    let written = &line[..day.len() + 1 + clock.len()];
    let (thread, rest) = word(rest.trim_ascii_start());
    let (place, rest) = word(rest);
    let line_number = place.strip_suffix(b"]")?.rsplit(|byte| *byte == b':').next()?;
    let is_place = !line_number.is_empty() && digits(line_number) == line_number.len();
    let is_thread = !thread.is_empty() && digits(thread) == thread.len();
    let when = When { wall: Some(written), ..When::default() };
    (is_time && is_thread && is_place).then_some((Stamp { when, is_dmesg: false }, rest))
}

/// Seconds east of Greenwich, where a zone is given.
fn zone(text: &[u8]) -> (Option<i64>, &[u8]) {
    let (sign, rest) = match text {
        [b'Z' | b'z', rest @ ..] => return (Some(0), rest),
        [b' ', b'U', b'T', b'C', rest @ ..] => return (Some(0), rest),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return (None, text),
    };
    let number = |digits: &[u8]| parse::dec(digits).and_then(|n| i64::try_from(n).ok());
    let (hour, minute, rest) = match rest {
        [a, b, b':', c, d, rest @ ..] => (number(&[*a, *b]), number(&[*c, *d]), rest),
        [a, b, c, d, rest @ ..] if c.is_ascii_digit() => (number(&[*a, *b]), number(&[*c, *d]), rest),
        [a, b, rest @ ..] => (number(&[*a, *b]), Some(0), rest),
        _ => return (None, text),
    };
    match (hour, minute) {
        (Some(hour), Some(minute)) => (Some(sign * (hour * 3600 + minute * 60)), rest),
        _ => (None, text),
    }
}

/// `1763719711.027622`, journalctl -o short-unix.
fn unix(line: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (written, rest) = word(line);
    let whole = digits(written);
    let fraction = written[whole..].strip_prefix(b".")?;
    if !(9..=11).contains(&whole) || fraction.len() < 3 || digits(fraction) != fraction.len() {
        return None;
    }
    let seconds = i64::try_from(parse::dec(&written[..whole])?).ok()?;
    let when =
        When { boot_us: None, wall: Some(written), wall_us: Some(seconds * 1_000_000 + i64::from(micros(fraction))) };
    let is_dmesg = false;
    Some((Stamp { when, is_dmesg }, rest))
}

/// `Jan  7 03:19:32`, RFC 3164, its month in any language; with a year before or behind the clock time or without, and a fraction.
fn month_first(line: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (first, rest) = word(line);
    if digits(first) == 4 && first.len() == 4 {
        return month_first(rest).map(|(stamp, rest)| (with(stamp, line, rest), rest));
    }
    // `242-Nov` is what grep -n puts before a line, `kern.log-Nov` what grep -H does.
    if !is_name(first) || first.contains(&b'-') {
        return None;
    }
    let (day, rest) = word(rest.trim_ascii_start());
    if !(1..=2).contains(&day.len()) || digits(day) != day.len() {
        return None;
    }
    let (mut clock, mut rest) = word(rest);
    if clock.len() == 4 && digits(clock) == 4 {
        (clock, rest) = word(rest);
    }
    let clock = clock.strip_suffix(b":").unwrap_or(clock);
    let tail = clock.get(8..)?;
    let is_fraction = matches!(tail, [] | [b'.' | b',', ..]) && tail.len() != 1;
    if !is_clock(&clock[..8]) || !is_fraction || digits(tail.get(1..).unwrap_or(tail)) + 1 < tail.len() {
        return None;
    }
    // OpenWrt and ctime(3) put the year behind.
    let (year, behind) = word(rest);
    if year.len() == 4 && digits(year) == 4 && year.starts_with(b"2") && !behind.is_empty() {
        rest = behind;
    }
    let when = When::default();
    let is_dmesg = false;
    Some((with(Stamp { when, is_dmesg }, line, rest), rest))
}

/// Whether it may be a month's or a weekday's name, in any language.
fn is_name(word: &[u8]) -> bool {
    (2..=14).contains(&word.len()) && !word.iter().any(|byte| b":[]<>,;=".contains(byte))
}

/// `Fri Nov 21 10:08:31 2026` and `Sat 2026-11-21 10:08:31 UTC`.
fn weekday_first(line: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (weekday, rest) = word(line);
    let is_behind = |end: &u8| end.is_ascii_digit() || *end == b'.';
    let is_of_grep = weekday.split(|byte| *byte == b'-').rev().skip(1).any(|before| before.iter().any(is_behind));
    if !is_name(weekday) || digits(weekday) == weekday.len() || is_of_grep {
        return None;
    }
    if let Some((stamp, mut rest)) = iso(rest) {
        // journalctl short-full and with-unit name the zone.
        let (zone, behind) = word(rest);
        let is_zone = (2..=5).contains(&zone.len()) && zone.iter().all(u8::is_ascii_uppercase);
        if stamp.when.wall_us.is_none() && is_zone {
            rest = behind;
        }
        return Some((stamp, rest));
    }
    month_first(rest).map(|(stamp, rest)| (with(stamp, line, rest), rest))
}

/// The same time, written from the start of `line` to `rest`.
fn with<'l>(stamp: Stamp<'l>, line: &'l [u8], rest: &[u8]) -> Stamp<'l> {
    let written = line[..line.len() - rest.len()].trim_ascii_end();
    Stamp { when: When { wall: Some(written), ..stamp.when }, ..stamp }
}

/// `10:08:31`.
pub(super) fn is_clock(text: &[u8]) -> bool {
    matches!(text.split_at_checked(5), Some((start, [b':', second @ ..]))
        if is_hour_and_minute(start) && second.len() == 2 && digits(second) == 2)
}

/// `10:08`.
pub(super) fn is_hour_and_minute(text: &[u8]) -> bool {
    matches!(text, [h, h2, b':', m, m2] if [h, h2, m, m2].iter().all(|b| b.is_ascii_digit()))
}

fn seconds(clock: &[u8]) -> Option<i64> {
    let part = |at: usize| parse::dec(clock.get(at..at + 2)?).and_then(|n| i64::try_from(n).ok());
    Some(part(0)? * 3600 + part(3)? * 60 + part(6)?)
}

/// Microseconds of the digits behind the point; more than six are cut.
pub(super) fn micros(fraction: &[u8]) -> u32 {
    (0..6).fold(0, |sum, at| {
        let digit = fraction.get(at).map_or(0, |byte| byte.wrapping_sub(b'0'));
        sum * 10 + u32::from(digit)
    })
}

/// Midnight of `2026-11-21` in seconds since 1970. Any month may have 31 days here: what such a line says counts, and not whether its
/// writer's clock was right.
fn midnight(date: &[u8]) -> Option<i64> {
    let [y @ .., b'-', m, m2, b'-', d, d2] = date else {
        return None;
    };
    let number = |digits: &[u8]| parse::dec(digits).and_then(|number| u8::try_from(number).ok());
    let (month, day) = (number(&[*m, *m2])?, number(&[*d, *d2])?);
    if !(1..=31).contains(&day) {
        return None;
    }
    let first = Civil { year: i32::try_from(parse::dec(y)?).ok()?, month, day: 1, ..Civil::default() };
    Some(since_1970(first, Zone::Utc)? + i64::from(day - 1) * 86_400)
}

/// What follows a time: one blank, or a colon and a blank.
fn after(rest: &[u8]) -> &[u8] {
    match rest {
        [b'\t', rest @ ..] => rest,
        _ => blank(rest.strip_prefix(b":").unwrap_or(rest)),
    }
}
