//! `memdoor-COMM-PID-UTC.txt`: what a record is called, and which of the older ones go.

use crate::error::Because;
use crate::fixed::Fixed;
use crate::report::Format;
use crate::report::escape::Escaped;
use crate::sys::clock::Now;
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::ours::{At, remove};
use crate::sys::out::say;
use crate::sys::record;
use crate::sys::{Errno, Result};
use crate::units::Pid;

const PREFIX: &[u8] = b"memdoor-";

/// The name of a record.
pub(super) type Name = Fixed<160>;

/// `memdoor-COMM-PID-20261121T134452Z.txt`, and from the second of that name on `...Z-2.txt`.
pub(super) fn name(now: &Now, comm: &[u8], pid: Pid, number: u32, format: Format) -> Name {
    let mut name = Fixed::of(PREFIX);
    for byte in comm {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+');
        name.push(&[if is_plain { *byte } else { b'_' }]);
    }
    name.push(b"-").push_dec(pid.get()).push(b"-");
    let utc = now.utc;
    let date = [utc.month, utc.day].map(two);
    let time = [utc.hour, utc.minute, utc.second].map(two);
    name.push_dec(utc.year).push(date.as_flattened());
    name.push(b"T").push(time.as_flattened()).push(b"Z");
    if number > 1 {
        name.push(b"-").push_dec(number);
    }
    name.push(match format {
        Format::Text => b".txt",
        Format::Json => b".ndjson",
    });
    name
}

fn two(number: u8) -> [u8; 2] {
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

/// The time in the name of a finished record; `None` for any other name.
fn time_of(name: &[u8]) -> Option<&[u8]> {
    let stem = name.strip_suffix(b".txt").or_else(|| name.strip_suffix(b".ndjson"))?;
    let stem = stem.strip_prefix(PREFIX)?;
    let stem = match stem.iter().rposition(|byte| *byte == b'-').map(|dash| stem.split_at(dash)) {
        Some((first, [_, digits @ ..])) if first.ends_with(b"Z") && digits.iter().all(u8::is_ascii_digit) => first,
        _ => stem,
    };
    let (rest, time) = stem.split_at_checked(stem.len().checked_sub(16)?)?;
    let is_time = time.iter().enumerate().all(|(at, byte)| match at {
        8 => *byte == b'T',
        15 => *byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    let mut words = rest.strip_suffix(b"-")?.rsplitn(2, |byte| *byte == b'-');
    let pid = words.next()?;
    let is_pid = !pid.is_empty() && pid.iter().all(u8::is_ascii_digit);
    // Whoever calls itself "" is a process as well (PR_SET_NAME), and its records count.
    let has_comm = words.next().is_some();
    (is_time && is_pid && has_comm).then_some(time)
}

/// Removes the oldest records, so that there is room for one more.
pub(super) fn retain(dir: &Dir, path: &[u8], keep: u64) {
    let done = loop {
        match oldest(dir) {
            Ok((count, Some(name))) if count >= keep.max(1) => {
                let removed = name.as_c_str().ok_or(Errno::ENAMETOOLONG);
                if let Err(errno) = removed.and_then(|name| remove(dir, name)) {
                    break Err(errno);
                }
            }
            found => break found.map(drop),
        }
    };
    if let Err(errno) = done {
        say(format_args!("memdoor: warning: cannot remove old records of {}: {}", Escaped(path), Because(errno)));
    }
}

/// How many records there are, and the one that was finished first: its name has when the watch began, and the watch of a month that ends
/// with an OOM kill is the newest evidence of all.
fn oldest(dir: &Dir) -> Result<(u64, Option<Fixed<256>>)> {
    let listing = dir.listing(c".")?;
    let mut entries = Entries::new(&listing)?;
    let (mut count, mut oldest) = (0, None::<(i128, Fixed<256>)>);
    while let Some(name) = entries.next() {
        let name = name?;
        let bytes = name.to_bytes();
        let Some(time) = time_of(bytes).filter(|_| record::is_record(At { dir, name })) else {
            continue;
        };
        // One that has just gone is none any more.
        let Ok(finished) = dir.modified(name) else { continue };
        count += 1;
        // Of the same moment, as far as the file system's clock tells: by when their watches began.
        let is_older =
            oldest.as_ref().is_none_or(|(first, oldest)| (finished, Some(time)) < (*first, time_of(oldest.as_bytes())));
        if is_older {
            oldest = Some((finished, Fixed::of(bytes)));
        }
    }
    Ok((count, oldest.map(|(_, name)| name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_finished_records_are_records() {
        let time = time_of(b"memdoor-java-12-20261121T134452Z.txt");
        assert_eq!(time, Some(&b"20261121T134452Z"[..]));
        assert_eq!(time_of(b"memdoor--12-20261121T134452Z.txt"), time);
        assert!(time_of(b"memdoor-a-b-c-12-20261121T134452Z.ndjson").is_some());
        assert_eq!(time_of(b"memdoor-java-12-20261121T134452Z-2.txt"), time);
        for name in [
            "memdoor-java-12-20261121T134452Z.txt.part",
            "memdoor-java-12-20261121T134452Z.log",
            "memdoor-java-12-20261121T134452Z-x.txt",
            "memdoor-java--20261121T134452Z.txt",
            "memdoor-12-20261121T134452Z.txt",
            "memdoor-java-x-20261121T134452Z.txt",
            "memdoor-java-12-20261121x134452Z.txt",
            "memdoor.txt",
            "x-memdoor-java-12-20261121T134452Z.txt",
        ] {
            assert_eq!(time_of(name.as_bytes()), None, "{name}");
        }
    }
}
