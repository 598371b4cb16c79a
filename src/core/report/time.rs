//! Times as text: ctime(3)'s form and RFC 3339.

use core::time::Duration;

use super::Moment;
use crate::fixed::Fixed;
use crate::sys::clock::{Civil, Now, Zone, civil};

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How many digits behind the seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precision {
    /// Three: for people.
    Millis,
    /// Six: JSON.
    Micros,
}

impl Moment {
    /// The moment when `now` was read.
    #[must_use]
    pub fn now(now: &Now) -> Self {
        Self { local: now.local, utc: now.utc, micros: now.realtime.subsec_micros() }
    }

    /// A moment since 1970.
    #[must_use]
    pub fn at(since_1970: Duration) -> Self {
        Self {
            local: civil(since_1970, Zone::Local),
            utc: civil(since_1970, Zone::Utc),
            micros: since_1970.subsec_micros(),
        }
    }
}

/// `Sun Apr 28 22:44:24 2024`, as the document prints it: the day of the month is padded with a blank.
#[must_use]
pub fn ctime(date: Civil) -> Fixed<32> {
    let name = |names: &'static [&str], index: u8| names.get(usize::from(index)).copied().unwrap_or("???");
    let mut text = Fixed::new();
    text.push(name(&WEEKDAYS, date.weekday).as_bytes()).push(b" ");
    text.push(name(&MONTHS, date.month.wrapping_sub(1)).as_bytes());
    text.push(if date.day < 10 { b"  " } else { b" " }).push_dec(date.day).push(b" ");
    push_clock(&mut text, date);
    text.push(b" ").push_dec(date.year);
    text
}

/// `Apr 28 22:44:24`, as syslog prints it.
#[must_use]
pub fn month_day(date: Civil) -> Fixed<32> {
    let month = MONTHS.get(usize::from(date.month.wrapping_sub(1)));
    let mut text = Fixed::of(month.copied().unwrap_or("???").as_bytes());
    text.push(b" ");
    push_padded(&mut text, date.day.into(), 2);
    text.push(b" ");
    push_clock(&mut text, date);
    text
}

/// `2024-04-28T22:44:24.123Z`.
#[must_use]
pub fn rfc3339(date: Civil, micros: u32, precision: Precision) -> Fixed<32> {
    let mut text = Fixed::new();
    push_date(&mut text, date);
    text.push(b"T");
    push_clock(&mut text, date);
    text.push(b".");
    match precision {
        Precision::Millis => push_padded(&mut text, micros / 1000, 3),
        Precision::Micros => push_padded(&mut text, micros, 6),
    }
    text.push(b"Z");
    text
}

/// The length of a time in [`Precision::Millis`].
pub const MILLIS: usize = 24;

/// Whether a text is a time in [`Precision::Millis`], as what memdoor writes begins with.
#[must_use]
pub fn is_millis(text: &[u8]) -> bool {
    /// With 0 for every digit.
    const FORM: &[u8; MILLIS] = b"0000-00-00T00:00:00.000Z";
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() == MILLIS && text.iter().zip(FORM).all(fits)
}

/// `2024-04-28 22:44:24`, as `--since` and journalctl take it.
#[must_use]
pub fn date_and_clock(date: Civil) -> Fixed<32> {
    let mut text = Fixed::new();
    push_date(&mut text, date);
    text.push(b" ");
    push_clock(&mut text, date);
    text
}

/// `12.345`, seconds with milliseconds.
#[must_use]
pub fn seconds(span: Duration) -> Fixed<32> {
    let mut text = Fixed::new();
    text.push_dec(span.as_secs()).push(b".");
    push_padded(&mut text, span.subsec_millis(), 3);
    text
}

fn push_date(text: &mut Fixed<32>, date: Civil) {
    text.push_dec(date.year).push(b"-");
    push_padded(text, date.month.into(), 2);
    text.push(b"-");
    push_padded(text, date.day.into(), 2);
}

fn push_clock(text: &mut Fixed<32>, date: Civil) {
    push_padded(text, date.hour.into(), 2);
    text.push(b":");
    push_padded(text, date.minute.into(), 2);
    text.push(b":");
    push_padded(text, date.second.into(), 2);
}

fn push_padded(text: &mut Fixed<32>, number: u32, width: u32) {
    for place in (1..width).rev() {
        if number < 10_u32.pow(place) {
            text.push(b"0");
        }
    }
    text.push_dec(number);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: Civil = Civil { year: 2024, month: 4, day: 8, hour: 2, minute: 4, second: 9, weekday: 1 };

    #[test]
    fn both_forms_are_padded_as_their_standards_say() {
        assert_eq!(ctime(DATE).as_bytes(), b"Mon Apr  8 02:04:09 2024");
        assert_eq!(rfc3339(DATE, 7_089, Precision::Micros).as_bytes(), b"2024-04-08T02:04:09.007089Z");
        assert_eq!(rfc3339(DATE, 7_089, Precision::Millis).as_bytes(), b"2024-04-08T02:04:09.007Z");
        assert_eq!(seconds(Duration::from_micros(61_002_900)).as_bytes(), b"61.002");
    }
}
