//! The prefixes that printk's own readers write: /dev/kmsg, extended netconsole, levels, dmesg -x.

use super::word::{blank, digits};
use crate::oomlog::record::{Caller, Origin};
use crate::parse;

/// `T123` or `C1`.
pub(in crate::oomlog) fn caller(text: &[u8]) -> Option<Caller> {
    match text {
        [b'T', id @ ..] => parse::dec(id).map(Caller::Task),
        [b'C', id @ ..] => parse::dec(id).map(Caller::Cpu),
        _ => None,
    }
}

/// ` SUBSYSTEM=acpi`, the lines behind a /dev/kmsg record.
pub(super) fn is_property(line: &[u8]) -> bool {
    let Some(key) = line.strip_prefix(b" ") else {
        return false;
    };
    let is_key = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let length = key.iter().take_while(|byte| is_key(byte)).count();
    length > 0 && key.get(length) == Some(&b'=')
}

/// `<4>`.
pub(super) fn level(line: &[u8]) -> Option<(u64, &[u8])> {
    let text = line.strip_prefix(b"<")?;
    let length = digits(text);
    if !(1..=3).contains(&length) {
        return None;
    }
    let rest = text[length..].strip_prefix(b">")?;
    Some((parse::dec(&text[..length])?, rest))
}

const FACILITIES: [&[u8]; 20] = [
    b"kern",
    b"user",
    b"mail",
    b"daemon",
    b"auth",
    b"syslog",
    b"lpr",
    b"news",
    b"uucp",
    b"cron",
    b"authpriv",
    b"ftp",
    b"local0",
    b"local1",
    b"local2",
    b"local3",
    b"local4",
    b"local5",
    b"local6",
    b"local7",
];
const LEVELS: [&[u8]; 11] =
    [b"emerg", b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug", b"warning", b"error", b"panic"];

/// `kern  :warn  : `: two names padded with blanks.
pub(super) fn facility(line: &[u8]) -> Option<(Origin, &[u8])> {
    let near = &line[..line.len().min(32)];
    let first = near.iter().position(|byte| *byte == b':')?;
    let second = first + 1 + near[first + 1..].iter().position(|byte| *byte == b':')?;
    let origin = names(&line[..first], &line[first + 1..second])?;
    Some((origin, blank(&line[second + 1..])))
}

/// `kern.warn`, as busybox and OpenWrt write it.
pub(super) fn dotted(word: &[u8]) -> Option<Origin> {
    let dot = word.iter().position(|byte| *byte == b'.')?;
    names(&word[..dot], &word[dot + 1..])
}

fn names(facility: &[u8], level: &[u8]) -> Option<Origin> {
    let facility = facility.trim_ascii_end();
    if !FACILITIES.contains(&facility) || !LEVELS.contains(&level.trim_ascii_end()) {
        return None;
    }
    Some(if facility == b"kern" { Origin::Kernel } else { Origin::Other })
}
