//! What texts mean as values of `kill`'s options; `None` for what is not allowed.

use std::time::Duration;

use memdoor::modes::kill::{KILLS_MAX, Level, Scope, To};
use memdoor::parse::dec;
use memdoor::trigger::also::Pressure;
use memdoor::units::Bytes;
use memdoor::victim::By;

use crate::cli::values;

/// What is compared, and how much is ended: `cgroup` compares trees and ends the whole cgroup of the one chosen.
pub(super) fn by(text: &str) -> Option<(By, Scope)> {
    match text {
        "tree" => Some((By::Tree, Scope::Tree)),
        "process" => Some((By::Process, Scope::Tree)),
        "score" => Some((By::Score, Scope::Tree)),
        "cgroup" => Some((By::Tree, Scope::Cgroup)),
        _ => None,
    }
}

pub(super) fn kills(text: &str) -> Option<u64> {
    let number = dec(text.strip_suffix("/hour")?.as_bytes())?;
    let most = u64::try_from(KILLS_MAX).ok()?;
    (1..=most).contains(&number).then_some(number)
}

pub(super) fn to(text: &str) -> Option<To> {
    match text {
        "stderr" => Some(To::Stderr),
        "journal" => Some(To::Journal),
        "syslog" => Some(To::Syslog),
        _ => None,
    }
}

/// As many as there is a number for in a file name that people look at.
pub(in crate::cli) fn backups(text: &str) -> Option<u32> {
    let number = u32::try_from(dec(text.as_bytes())?).ok()?;
    (number <= 1000).then_some(number)
}

pub(super) fn percent(text: &str) -> Option<u8> {
    let number = u8::try_from(dec(text.as_bytes())?).ok()?;
    (number <= 100).then_some(number)
}

pub(super) fn pressure(text: &str) -> Option<Pressure> {
    values::pressure("", text.as_ref()).ok()
}

pub(in crate::cli) fn size(text: &str) -> Option<Bytes> {
    let digits = text.trim_end_matches(['k', 'K', 'M', 'G']);
    let unit = match text.get(digits.len()..)? {
        "" => 1,
        "k" | "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    dec(digits.as_bytes())?.checked_mul(unit).map(Bytes)
}

pub(super) fn millis(text: &str) -> Option<Duration> {
    let millis = dec(text.as_bytes()).filter(|millis| *millis <= 10_000);
    millis.map(Duration::from_millis)
}

pub(in crate::cli) fn seconds(text: &str) -> Option<Duration> {
    match text {
        "0" => Some(Duration::ZERO),
        text => values::interval("", text.as_ref()).ok(),
    }
}

pub(super) fn level(text: &str) -> Option<Level> {
    use Level::{Critical, Debug, Error, Info, Warning};
    let all = [Debug, Info, Warning, Error, Critical];
    all.into_iter().find(|level| level.name().eq_ignore_ascii_case(text))
}
