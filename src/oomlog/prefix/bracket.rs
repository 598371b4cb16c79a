//! What stands in brackets: printk's time and caller, dmesg's times.

use super::kmsg::caller;
use super::stamp;
use super::word::{blank, digits};
use crate::oomlog::record::{Caller, When};
use crate::parse;

/// A bracket that is a prefix. `[ 1234]`, a row of the task table, is none.
pub(super) enum Bracket<'l> {
    /// `[  123.456789]`, and dmesg -d's `[    8.419382 <    0.000000>]`.
    Boot(u64),
    /// dmesg -e after its first line: `[  +0.000926]`; dmesg -t -d: `[<    0.000926>]`.
    Delta,
    /// dmesg's human times: `[Sat Nov 21 10:05:20 2026]`, `[Nov21 09:54]`, with -d `[Sat Nov 21 10:05:20 2026 <    0.000926>]`.
    Dmesg(When<'l>),
    /// `[ T1778]`, `[C1]`.
    Caller(Caller),
    /// Somebody's `[2026-11-21T10:08:31Z]`.
    Stamp(When<'l>),
    /// kubectl's `[pod/name/container]`.
    Pod,
}

/// The longest bracket that is one: kubectl's, of two names of 253 bytes at most.
const LONGEST: usize = 600;

/// The bracket that the line begins with, and what is behind it and one blank.
pub(super) fn bracket(line: &[u8]) -> Option<(Bracket<'_>, &[u8])> {
    let inside = line.strip_prefix(b"[")?;
    let near = &inside[..inside.len().min(LONGEST)];
    let end = near.iter().position(|byte| *byte == b']')?;
    let (inside, rest) = (near[..end].trim_ascii_start(), &inside[end + 1..]);
    let inside = without_delta(inside);
    let bracket = match *inside.first().unwrap_or(&b'<') {
        b'<' if inside.is_empty() && near[..end].ends_with(b">") => Bracket::Delta,
        b'0'..=b'9' => boot(inside)
            .map(Bracket::Boot)
            .or_else(|| human(inside).map(Bracket::Dmesg))
            .or_else(|| whole_stamp(inside).map(Bracket::Stamp))?,
        b'+' => boot(&inside[1..]).map(|_| Bracket::Delta)?,
        b'p' if inside.starts_with(b"pod/") => Bracket::Pod,
        _ => caller(inside).map(Bracket::Caller).or_else(|| human(inside).map(Bracket::Dmesg))?,
    };
    Some((bracket, blank(rest)))
}

/// `[0:           java: 1234] `: the CPU, the task and its pid, which kernels of Samsung's print behind the time, and a blank more before it.
pub(super) fn task(text: &[u8]) -> Option<(Caller, &[u8])> {
    let inside = text.strip_prefix(b" ").unwrap_or(text).strip_prefix(b"[")?;
    let near = &inside[..inside.len().min(64)];
    let (end, _) = near
        .iter()
        .enumerate()
        .find(|(at, byte)| **byte == b']' && near[..*at].last().is_some_and(u8::is_ascii_digit))?;
    let (inside, rest) = (&near[..end], &inside[end + 1..]);
    let cpu = digits(inside);
    let name = inside[cpu..].strip_prefix(b":").filter(|_| cpu > 0)?;
    let colon = name.iter().rposition(|byte| *byte == b':')?;
    let pid = parse::dec(name[colon + 1..].trim_ascii_start())?;
    (colon > 0).then_some((Caller::Task(pid), blank(rest)))
}

/// `12.345678] `: the first bracket was lost, and what was before it.
pub(super) fn torn(line: &[u8]) -> Option<(u64, &[u8])> {
    let time = line.trim_ascii_start();
    let end = time.iter().take(20).position(|byte| *byte == b']')?;
    let fraction = time[..end].split(|byte| *byte == b'.').nth(1)?;
    let rest = time[end + 1..].strip_prefix(b" ")?;
    (fraction.len() == 6).then(|| boot(&time[..end]))?.map(|us| (us, rest))
}

/// Without the time since the last line that dmesg -d puts behind all others: ` <    0.000926>`.
fn without_delta(inside: &[u8]) -> &[u8] {
    let delta = inside.strip_suffix(b">").and_then(|rest| {
        let open = rest.iter().rposition(|byte| *byte == b'<')?;
        boot(rest[open + 1..].trim_ascii_start()).map(|_| inside[..open].trim_ascii_end())
    });
    delta.unwrap_or(inside)
}

/// `123.456789`, with a delta behind it or not; some vendors' kernels put the CPU there: `123.456789@0`.
pub(super) fn boot(inside: &[u8]) -> Option<u64> {
    let time = match inside.iter().position(|byte| *byte == b'<') {
        Some(at) if inside.ends_with(b">") => inside[..at].trim_ascii_end(),
        Some(_) => return None,
        None => match inside.iter().position(|byte| matches!(byte, b'@' | b',')) {
            Some(at) if digits(&inside[at + 1..]) + at + 1 == inside.len() => &inside[..at],
            _ => inside,
        },
    };
    let whole = digits(time);
    let fraction = time[whole..].strip_prefix(b".")?;
    if whole == 0 || fraction.is_empty() || digits(fraction) != fraction.len() {
        return None;
    }
    let seconds = parse::dec(&time[..whole])?;
    seconds.checked_mul(1_000_000)?.checked_add(stamp::micros(fraction).into())
}

/// ctime's form in any language, and `Nov21 09:54` of dmesg -e.
fn human(inside: &[u8]) -> Option<When<'_>> {
    if inside.len() > 80 {
        return None;
    }
    let last = inside.rsplit(|byte| *byte == b' ').next()?;
    let before = inside[..inside.len() - last.len()].trim_ascii_end();
    let is_ctime =
        digits(last) == 4 && last.len() == 4 && before.rsplit(|byte| *byte == b' ').next().is_some_and(stamp::is_clock);
    let is_short = last.len() == 5 && stamp::is_hour_and_minute(last) && before.len() >= 3;
    (is_ctime || is_short).then_some(When { wall: Some(inside), ..When::default() })
}

fn whole_stamp(inside: &[u8]) -> Option<When<'_>> {
    let is_fraction = |text: &[u8]| matches!(text, [] | [b'.' | b',', b'0'..=b'9', ..]);
    let clock = inside.split_at_checked(8);
    if clock.is_some_and(|(clock, behind)| stamp::is_clock(clock) && is_fraction(behind)) {
        return Some(When { wall: Some(inside), ..When::default() });
    }
    let (stamp, rest) = stamp::wall(inside)?;
    rest.is_empty().then_some(stamp.when)
}
