//! `TZ` as glibc takes it, where musl takes it otherwise.
//!
//! POSIX leaves to the system what a `TZ` means that names daylight time and no rule for it: `EST5EDT`, `CET-1CEST`. glibc, busybox and
//! tzcode look for a zone of that whole name, and else take the rule of the United States; musl takes a rule of zeros, by which November
//! is one hour off. Of what POSIX does not have at all (`AAA99999999`) musl makes the year 2051: here it is UTC. So `TZ` is changed to
//! what musl takes as they do, before libc reads it.

use core::ffi::CStr;

use nix::unistd::{AccessFlags, access};

use crate::fixed::Fixed;

/// Where musl looks for zones.
const ZONES: [&[u8]; 3] = [b"/usr/share/zoneinfo/", b"/share/zoneinfo/", b"/etc/zoneinfo/"];

/// What glibc and tzcode take where there is no rule.
const RULE: &[u8] = b",M3.2.0,M11.1.0";

/// Longer is no zone.
type Text = Fixed<256>;

/// Makes libc take `TZ` so. Before the first look at a local time, and before there is a second thread.
pub fn settle() {
    // nix has nothing of the environment, and std's copies are on the heap.
    // SAFETY: the name ends with a NUL.
    let value = unsafe { libc::getenv(c"TZ".as_ptr()) };
    if value.is_null() {
        return;
    }
    // SAFETY: it is not null, and ends with a NUL as all of the environment does.
    let value = unsafe { CStr::from_ptr(value) };
    let Some(new) = instead(value.to_bytes(), &is_there) else {
        return;
    };
    if let Some(new) = new.as_c_str() {
        // SAFETY: both end with a NUL, libc copies them, and memdoor has one thread by now.
        unsafe { libc::setenv(c"TZ".as_ptr(), new.as_ptr(), 1) };
    }
}

fn is_there(name: &[u8]) -> bool {
    ZONES.iter().any(|dir| {
        let mut path = Text::of(dir);
        path.push(name);
        path.as_c_str().is_some_and(|path| access(path, AccessFlags::R_OK).is_ok())
    })
}

/// What `TZ` is to be in its place; `None`: musl takes it as others do. `is_zone`: whether there is a file of that name.
fn instead(value: &[u8], is_zone: &dyn Fn(&[u8]) -> bool) -> Option<Text> {
    // What libc takes as the name of a file.
    if !is_posix(value) {
        return None;
    }
    let mut new = Text::new();
    match zone(value) {
        None => new.push(b"UTC0"),
        Some(Rule::Missing) if is_zone(value) => new.push(b":").push(value),
        Some(Rule::Missing) => new.push(value).push(RULE),
        Some(Rule::Known) => return None,
    };
    (!new.is_cut()).then_some(new)
}

/// Whether musl takes it as POSIX's form: a name and what a number may begin with, or the names of UTC.
fn is_posix(value: &[u8]) -> bool {
    let Some((name, rest)) = name(value) else {
        return false;
    };
    name == b"UTC" || name == b"GMT" || rest.first().is_some_and(|byte| byte.is_ascii_digit() || b"+-".contains(byte))
}

/// Whether there is a rule for daylight time, if that is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// It is given, or there is nothing that it would be for.
    Known,
    /// There is none.
    Missing,
}

/// `std offset [dst [offset] [,start[/time],end[/time]]]`; `None`: it is not of that form.
fn zone(value: &[u8]) -> Option<Rule> {
    let (_, rest) = name(value)?;
    if rest.is_empty() {
        return Some(Rule::Known);
    }
    let rest = time(rest, 24)?;
    if rest.is_empty() {
        return Some(Rule::Known);
    }
    let (_, mut rest) = name(rest)?;
    if rest.first().is_some_and(|byte| *byte != b',') {
        rest = time(rest, 24)?;
    }
    if rest.is_empty() {
        return Some(Rule::Missing);
    }
    let rest = day(day(rest)?)?;
    rest.is_empty().then_some(Rule::Known)
}

/// Letters, or any in angle brackets, and what follows.
fn name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (from, to) = match text.strip_prefix(b"<") {
        Some(inner) => (1, inner.iter().position(|byte| *byte == b'>')? + 2),
        None => (0, text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()),
    };
    let name = text.get(from..to - from)?;
    (!name.is_empty()).then_some((name, text.get(to..)?))
}

/// `[+-]hh[:mm[:ss]]`, with no more hours than `most`: what follows it.
fn time(text: &[u8], most: u32) -> Option<&[u8]> {
    let text = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let mut rest = number(text, 0, most)?;
    for _ in 0..2 {
        if let Some(more) = rest.strip_prefix(b":") {
            rest = number(more, 0, 59)?;
        }
    }
    Some(rest)
}

/// `,Mm.w.d[/time]`, `,Jn[/time]` or `,n[/time]`: what follows it.
fn day(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b",")?;
    let rest = if let Some(month) = text.strip_prefix(b"M") {
        let week = number(month, 1, 12)?.strip_prefix(b".")?;
        number(number(week, 1, 5)?.strip_prefix(b".")?, 0, 6)?
    } else if let Some(day) = text.strip_prefix(b"J") {
        number(day, 1, 365)?
    } else {
        number(text, 0, 365)?
    };
    match rest.strip_prefix(b"/") {
        // RFC 8536 allows a week.
        Some(at) => time(at, 167),
        None => Some(rest),
    }
}

/// A number from `least` to `most`: what follows it.
fn number(text: &[u8], least: u32, most: u32) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let shift = |value: u32, digit: &u8| value.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
    let value = text.get(..digits)?.iter().fold(0, shift);
    (least..=most).contains(&value).then(|| text.get(digits..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daylight_time_without_a_rule_is_the_zone_of_that_name_or_has_the_rule_that_others_take() {
        let instead = |value: &[u8]| instead(value, &|name| name == b"EST5EDT").map(|new| new.as_bytes().to_vec());
        assert_eq!(instead(b"EST5EDT").as_deref(), Some(&b":EST5EDT"[..]));
        assert_eq!(instead(b"CET-1CEST").as_deref(), Some(&b"CET-1CEST,M3.2.0,M11.1.0"[..]));
        assert_eq!(instead(b"AEST-10AEDT-11").as_deref(), Some(&b"AEST-10AEDT-11,M3.2.0,M11.1.0"[..]));
        assert_eq!(instead(b"<-03>3<-02>").as_deref(), Some(&b"<-03>3<-02>,M3.2.0,M11.1.0"[..]));
        for nonsense in
            [&b"AAA99999999"[..], b"AAA25", b"AAA1:60", b"AAA1BBB99", b"AAA1BBB,", b"AAA1BBB,M13.1.0,M1.1.0", b"AAA1+"]
        {
            assert_eq!(instead(nonsense).as_deref(), Some(&b"UTC0"[..]));
        }
        let plain: [&[u8]; 12] = [
            b"",
            b"UTC",
            b"UTC0",
            b"GMT",
            b"CET",
            b":EST5EDT",
            b"Europe/Berlin",
            b"Etc/GMT+5",
            b"/etc/localtime",
            b"<+0530>-5:30",
            b"CET-1CEST,M3.5.0,M10.5.0/3",
            b"EST5EDT4,J60/2:30:00,365",
        ];
        for value in plain {
            assert_eq!(instead(value), None, "{}", value.escape_ascii());
        }
    }
}
