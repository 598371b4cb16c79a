//! Values of options: each error quotes what was typed and says what is allowed.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use memdoor::modes::dmesg::Who;
use memdoor::modes::watch::{SIZE_MIN, Seize};
use memdoor::oomlog::moment;
use memdoor::parse::{dec, signed};
use memdoor::pattern::{Invalid, Pattern};
use memdoor::report::Format;
use memdoor::report::escape::Escaped;
use memdoor::sys::clock::{Now, Zone};
use memdoor::trigger::also::{Pressure, Waiting};
use memdoor::trigger::{Base, Threshold};
use memdoor::units::{Bytes, Percent, Pid};

use super::{Result, UsageError};

mod allowed;

use allowed::own;

pub(super) use allowed::allowed;

/// Text as it was typed, in quotes, safe to print: for an error, which quotes no more of it than a terminal has room for. A line of a
/// file that is no configuration may have a megabyte.
pub(super) fn quoted(text: &OsStr) -> String {
    const LONGEST: usize = 240;
    match text.as_bytes().get(..LONGEST) {
        Some(start) if text.len() > LONGEST => {
            format!("{}... ({} bytes)", whole(OsStr::from_bytes(start)), text.len())
        }
        _ => whole(text),
    }
}

/// The same of all of it.
pub(super) fn whole(text: &OsStr) -> String {
    format!("'{}'", Escaped(text.as_bytes()))
}

/// What was typed for `name`, unless that is empty; what it takes is said then.
pub(super) fn given(name: &str, takes: &str, value: OsString) -> Result<OsString> {
    if value.is_empty() { Err(empty(name, takes)) } else { Ok(value) }
}

/// Says that `name` got an empty value, and what it takes.
pub(super) fn empty(name: &str, takes: &str) -> UsageError {
    UsageError(format!("{name}: '' is empty, as a variable that is not set would be: {takes}"))
}

pub(super) fn wrong(name: &str, value: &OsStr) -> UsageError {
    refused(name, value, allowed(name))
}

/// The same of a value whose option takes something else in another mode.
pub(super) fn wrong_in(mode: &str, name: &str, value: &OsStr) -> UsageError {
    refused(name, value, allowed_in(mode, name))
}

/// What an option takes in a mode.
pub(super) fn allowed_in(mode: &str, name: &str) -> &'static str {
    own(&format!("{mode}{name}")).unwrap_or_else(|| allowed(name))
}

fn refused(name: &str, value: &OsStr, allowed: &str) -> UsageError {
    UsageError(format!("{name}: {} is not allowed: {allowed}", quoted(value)))
}

fn number(value: &OsStr) -> Option<u64> {
    dec(value.as_bytes())
}

pub(super) fn pid(name: &str, value: &OsStr) -> Result<Pid> {
    number(value).and_then(Pid::new).ok_or_else(|| wrong(name, value))
}

/// An oom_score_adj.
pub(super) fn adj(name: &str, value: &OsStr) -> Result<i64> {
    signed(value.as_bytes()).filter(|adj| (-1000..=1000).contains(adj)).ok_or_else(|| wrong(name, value))
}

/// A pattern. What is wrong with one, [`Pattern::parse`] says itself, and that it would fit everybody as well.
pub(super) fn pattern(name: &str, value: &OsStr) -> Result<Pattern> {
    let text = value.to_str().ok_or_else(|| wrong(name, value))?;
    Pattern::parse(text).map_err(|why| {
        let hint = match (&why, name) {
            (Invalid::FitsEverybody, "--only") => "\nhint: --only any means every process that is not protected",
            _ => "",
        };
        UsageError(format!("{name}: {} is not allowed: {why}{hint}", quoted(value)))
    })
}

/// A name, and the pattern of what it stands for.
pub(super) fn family<'v>(name: &str, value: &'v OsStr) -> Result<(&'v str, &'v str)> {
    let is_name = |name: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !name.is_empty() && !["browsers", "any"].contains(&name) && name.chars().all(is_part)
    };
    let pair = value.to_str().and_then(|text| text.split_once('='));
    pair.filter(|(family, _)| is_name(family)).ok_or_else(|| wrong(name, value))
}

/// The items of a list with commas, none of which is empty: `1,,2` and `1,` are as wrong as an empty value is.
pub(super) fn list<'v>(name: &str, value: &'v OsStr) -> Result<Vec<&'v OsStr>> {
    let items = value.as_bytes().split(|byte| *byte == b',').map(OsStr::from_bytes);
    items.map(|item| if item.is_empty() { Err(wrong(name, value)) } else { Ok(item) }).collect()
}

/// One process ID, or several with commas.
pub(super) fn pids(name: &str, value: &OsStr) -> Result<Vec<Pid>> {
    list(name, value)?.into_iter().map(|item| pid(name, item)).collect()
}

/// `PID=ADJ`
pub(super) fn change(name: &str, value: &OsStr) -> Result<(Pid, i64)> {
    let parsed = || {
        let text = value.as_bytes();
        let equals = text.iter().position(|byte| *byte == b'=')?;
        let (pid, adj) = (dec(text.get(..equals)?)?, signed(text.get(equals + 1..)?)?);
        Some((Pid::new(pid)?, adj)).filter(|_| (-1000..=1000).contains(&adj))
    };
    parsed().ok_or_else(|| wrong(name, value))
}

pub(super) fn path(name: &str, value: OsString) -> Result<OsString> {
    let is_path = value.as_bytes().starts_with(b"/") && value.len() < 4096;
    if is_path { Ok(value) } else { Err(wrong(name, &value)) }
}

pub(super) fn threshold(name: &str, value: &OsStr) -> Result<Threshold> {
    number(value).and_then(Threshold::new).ok_or_else(|| wrong(name, value))
}

/// `full=10`
pub(super) fn pressure(name: &str, value: &OsStr) -> Result<Pressure> {
    let parsed = || {
        let text = value.as_bytes();
        let (of, number) = match text.strip_prefix(b"full=") {
            Some(number) => (Waiting::Full, number),
            None => (Waiting::Some, text.strip_prefix(b"some=")?),
        };
        let point = number.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = number.split_at(point.unwrap_or(number.len()));
        let fraction = match fraction {
            [] => 0,
            [_, tenths] => dec(&[*tenths])? * 10,
            [_, hundredths @ ..] => dec(hundredths).filter(|_| hundredths.len() == 2)?,
        };
        let hundredths = dec(whole)?.checked_mul(100)?.checked_add(fraction)?;
        let at = Percent { hundredths };
        (1..=10_000).contains(&hundredths).then_some(Pressure { of, at })
    };
    parsed().ok_or_else(|| wrong(name, value))
}

/// The same, with or without `%` behind it.
pub(super) fn percent(name: &str, value: &OsStr) -> Result<Threshold> {
    let text = value.as_bytes();
    dec(text.strip_suffix(b"%").unwrap_or(text)).and_then(Threshold::new).ok_or_else(|| wrong(name, value))
}

pub(super) fn count(name: &str, value: &OsStr) -> Result<u64> {
    number(value).filter(|count| *count > 0).ok_or_else(|| wrong(name, value))
}

/// Bytes, KiB or MiB.
pub(super) fn size(name: &str, value: &OsStr) -> Result<Bytes> {
    let parsed = || {
        let text = value.as_bytes();
        let (digits, unit) = match text.split_last()? {
            (b'k' | b'K', digits) => (digits, 1 << 10),
            (b'M', digits) => (digits, 1 << 20),
            _ => (text, 1),
        };
        let size = Bytes(dec(digits)?.checked_mul(unit)?);
        (SIZE_MIN..=Bytes(1 << 30)).contains(&size).then_some(size)
    };
    parsed().ok_or_else(|| wrong(name, value))
}

/// Seconds: digits, and up to nine more behind a point.
pub(super) fn interval(name: &str, value: &OsStr) -> Result<Duration> {
    let parsed = || {
        let text = value.as_bytes();
        let point = text.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = text.split_at(point.unwrap_or(text.len()));
        let seconds = if whole.is_empty() { 0 } else { dec(whole)? };
        let nanos = match fraction.get(1..) {
            None => 0,
            Some(digits) if digits.len() <= 9 => dec(digits)? * 10_u64.pow(9 - u32::try_from(digits.len()).ok()?),
            Some(_) => return None,
        };
        let interval = Duration::new(seconds, u32::try_from(nanos).ok()?);
        let range = Duration::from_millis(10)..=Duration::from_secs(31_536_000);
        range.contains(&interval).then_some(interval)
    };
    parsed().ok_or_else(|| wrong(name, value))
}

pub(super) fn base(name: &str, value: &OsStr) -> Result<Base> {
    match value.as_bytes() {
        b"memtotal" => Ok(Base::Memtotal),
        b"cgroup" => Ok(Base::Cgroup),
        b"auto" => Ok(Base::Auto),
        _ => Err(wrong(name, value)),
    }
}

pub(super) fn seize(name: &str, value: &OsStr) -> Result<Seize> {
    match value.as_bytes() {
        b"danger" => Ok(Seize::Danger),
        b"always" => Ok(Seize::Always),
        b"never" => Ok(Seize::Never),
        _ => Err(wrong(name, value)),
    }
}

/// After 2 s the kernel's oom_reaper takes what the snapshot shows.
pub(super) fn death(name: &str, value: &OsStr) -> Result<Duration> {
    number(value)
        .filter(|millis| (10..=1500).contains(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| wrong(name, value))
}

pub(super) fn format(name: &str, value: &OsStr) -> Result<Format> {
    match value.as_bytes() {
        b"text" => Ok(Format::Text),
        b"json" => Ok(Format::Json),
        _ => Err(wrong(name, value)),
    }
}

/// Now, in microseconds since 1970.
pub(super) fn now_us() -> i64 {
    i64::try_from(Now::read().realtime.as_micros()).unwrap_or(i64::MAX)
}

/// A moment in microseconds since 1970.
pub(super) fn time(name: &str, value: &OsStr, now_us: i64) -> Result<i64> {
    moment::typed(value.as_bytes(), now_us, Zone::Local).ok_or_else(|| wrong(name, value))
}

/// The moment so many days ago.
pub(super) fn days(name: &str, value: &OsStr, now_us: i64) -> Result<i64> {
    const DAY_US: i64 = 86_400_000_000;
    number(value)
        .filter(|days| (1..=36_500).contains(days))
        .and_then(|days| Some(now_us - i64::try_from(days).ok()? * DAY_US))
        .ok_or_else(|| wrong(name, value))
}

/// A victim's name, the start of one, or its number. `*` alone is the start of every name, and what is left of
/// "$NAME*" when NAME is not set.
pub(super) fn victim(name: &str, value: OsString) -> Result<OsString> {
    if value == "*" { Err(wrong(name, &value)) } else { Ok(value) }
}

/// What [`victim`] let pass, as the mode takes it.
pub(super) fn who(value: &OsStr) -> Who<'_> {
    let text = value.as_bytes();
    match (number(value), text.strip_suffix(b"*")) {
        (Some(pid), _) => Who::Number(pid, text),
        (None, Some(start)) => Who::Start(start),
        (None, None) => Who::Name(text),
    }
}

/// A path, from / or not. No argument holds a NUL.
pub(super) fn file(name: &str, value: &OsStr) -> Result<CString> {
    CString::new(value.as_bytes()).map_err(|_| wrong(name, value))
}
