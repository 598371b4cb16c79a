//! Lines that were split on their way, and records that share a line.

use super::event::Position;
use super::feed::LINE;
use super::prefix;
use super::record::{Origin, Record, When};
use crate::parse::oom_report::{Line, line};

/// How far into a line the Container Runtime Interface may say that it is a part of one: `TIME stdout P `.
const NEAR: usize = 64;

/// A line of a container that its runtime has written in parts: all but the last are marked with P.
#[derive(Default)]
pub(super) struct Split {
    text: Vec<u8>,
    at: Position,
}

/// What there is to read now: what has begun before and has no end, and this line or all of its parts.
pub(super) type Ready = [Option<(Vec<u8>, Position)>; 2];

impl Split {
    pub(super) fn clear(&mut self) {
        self.text.clear();
    }

    /// `None`: the line is one as it is, and nothing waits.
    pub(super) fn next(&mut self, line: &[u8], at: Position) -> Option<Ready> {
        let part = part(line);
        if self.text.is_empty() {
            let Some((_, true)) = part else {
                return None;
            };
            self.at = at;
            self.text.extend_from_slice(line);
            return Some([None, None]);
        }
        match part {
            Some((text, goes_on)) if self.text.len() + text.len() < LINE => {
                self.text.extend_from_slice(text);
                Some([None, if goes_on { None } else { self.end() }])
            }
            _ => Some([self.end(), Some((line.to_vec(), at))]),
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) -> Option<(Vec<u8>, Position)> {
        (!self.text.is_empty()).then(|| (core::mem::take(&mut self.text), self.at))
    }
}

/// The text of a line that a runtime has marked, and whether it is a part that others follow.
fn part(line: &[u8]) -> Option<(&[u8], bool)> {
    let near = &line[..line.len().min(NEAR)];
    let at = memchr::memmem::find(near, b" std")?;
    let rest = line[at + 4..].strip_prefix(b"out ").or_else(|| line[at + 4..].strip_prefix(b"err "))?;
    match rest {
        [b'P', b' ', text @ ..] => Some((text, true)),
        [b'F', b' ', text @ ..] => Some((text, false)),
        _ => None,
    }
}

/// Two records on one line, as a console has them that lost the newline between: the second begins with a time since boot of its own, and both
/// are lines of a report.
pub(super) fn second<'l>(record: &Record<'l>) -> Option<(Record<'l>, Record<'l>)> {
    let first = record.when.boot_us.filter(|_| record.origin == Origin::Kernel)?;
    let text = record.text;
    memchr::memchr_iter(b'[', text).filter(|at| *at > 0).find_map(|at| {
        let (before, behind) = text.split_at(at);
        let next = prefix::record(behind);
        let us = next.when.boot_us.filter(|us| *us >= first)?;
        let are_lines =
            !matches!(line(before), Line::Other | Line::Begun(_)) && !matches!(line(next.text), Line::Other);
        are_lines.then_some((
            Record { text: before, ..*record },
            Record { text: next.text, when: When { boot_us: Some(us), ..record.when }, caller: next.caller, ..*record },
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_line_of_a_container_are_one_line() {
        let mut split = Split::default();
        let mut next = |line: &str, at| split.next(line.as_bytes(), at);
        assert_eq!(next("2026-02-03T04:05:06Z stdout F a", 1), None);
        assert_eq!(next("2026-02-03T04:05:06Z stdout P Out of ", 2), Some([None, None]));
        let whole = b"2026-02-03T04:05:06Z stdout P Out of memory".to_vec();
        assert_eq!(next("2026-02-03T04:05:06Z stdout F memory", 3), Some([None, Some((whole, 2))]));
        assert_eq!(next("2026-02-03T04:05:06Z stderr P a", 4), Some([None, None]));
        let rest = [Some((b"2026-02-03T04:05:06Z stderr P a".to_vec(), 4)), Some((b"b".to_vec(), 5))];
        assert_eq!(next("b", 5), Some(rest));
    }

    #[test]
    fn two_records_on_a_line_are_two_and_a_name_is_none() {
        let kill = "Out of memory: Killed process 7 (x) total-vm:4kB, anon-rss:4kB";
        let reaper = "oom_reaper: reaped process 7 (x), now anon-rss:0kB";
        let both = format!("[    5.000000] {kill}[    5.000001] {reaper}");
        let (first, other) = second(&prefix::record(both.as_bytes())).expect("two");
        assert_eq!((first.text, other.text), (kill.as_bytes(), reaper.as_bytes()));
        assert_eq!(other.when.boot_us, Some(5_000_001));
        for one in [
            "[    5.000000] Out of memory: Killed process 7 ([    5.000000] a) total-vm:4kB, anon-rss:4kB",
            "[    5.000000] [    7]     0     7     1 2 3 [    5.000000] x",
            kill,
        ] {
            assert!(second(&prefix::record(one.as_bytes())).is_none(), "{one}");
        }
    }
}
