//! Which parts of a log may be about the OOM killer at all.

use memchr::memmem::Finder;

/// What reports have in them, in all kernels from 2.6.9 on: the first, with one of [`BEHIND`], in their header, in a group's line and in the
/// reaper's; the second in each kill or the line before it; the third in a panic whose report was lost.
///
/// The others are all that is left of a report of before Linux 5.1 whose other lines went with the file before this one. They are looked
/// for where a log starts alone: each pass over a GiB takes 0.02 s of CPU, a tenth of all that a scan takes.
const NEEDLES: [&[u8]; 5] =
    [OOM, b"ut of memory", b"deadlocked on memory", b"Killed process", b"as a result of limit of"];

/// How many of them are looked for everywhere.
const EVERYWHERE: usize = 3;

/// One pass finds three kinds of lines.
const OOM: &[u8] = b"oom";
const BEHIND: [&[u8]; 3] = [b"-kill", b"_reaper: reaped", b".group"];

/// What the first of them is in a report's header.
const HEADER: &[u8] = b"oom-killer";

/// `oom-kill` and the second as journalctl -o json spells a message that holds a control character or is no UTF-8: its bytes as numbers. They
/// are looked for in logs of JSON alone.
const NUMBERS: [&[u8]; 6] = [
    b"111,111,109,45,107,105,108,108",
    b"117,116,32,111,102,32,109,101,109,111,114,121",
    b"111, 111, 109, 45, 107, 105, 108, 108",
    b"117, 116, 32, 111, 102, 32, 109, 101, 109, 111, 114, 121",
    // json-pretty: a number a line.
    b"111,\n\t\t111,\n\t\t109,\n\t\t45,\n\t\t107,\n\t\t105,\n\t\t108,\n\t\t108",
    b"117,\n\t\t116,\n\t\t32,\n\t\t111,\n\t\t102,\n\t\t32,\n\t\t109,\n\t\t101,\n\t\t109,\n\t\t111,\n\t\t114,\n\t\t121",
];

/// [`HEADER`] in those numbers.
const HEADERS: [&[u8]; 3] = [
    b"111,111,109,45,107,105,108,108,101,114",
    b"111, 111, 109, 45, 107, 105, 108, 108, 101, 114",
    b"111,\n\t\t111,\n\t\t109,\n\t\t45,\n\t\t107,\n\t\t105,\n\t\t108,\n\t\t108,\n\t\t101,\n\t\t114",
];

/// The longest of all needles.
pub(super) const LONGEST: usize = 78;

/// Where the first needle is, and whether it begins a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hit {
    pub(super) at: usize,
    pub(super) is_header: bool,
}

/// Which part of a log it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The first chunk.
    Start,
    /// What follows it.
    Further,
}

/// How a log spells its messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spelling {
    Text,
    /// As text, or as numbers.
    Json,
}

impl Spelling {
    /// By the start of the log.
    pub(super) fn of(start: &[u8]) -> Self {
        match start.trim_ascii_start().first() {
            Some(b'{') => Self::Json,
            _ => Self::Text,
        }
    }
}

/// Searches for all needles. Three passes over a chunk that the cache holds cost less than one that knows all three.
pub(super) struct Needles {
    text: [Finder<'static>; 5],
    numbers: [Finder<'static>; 6],
}

impl Needles {
    pub(super) fn new() -> Self {
        Self { text: NEEDLES.map(Finder::new), numbers: NUMBERS.map(Finder::new) }
    }

    /// The first needle in `text`, which is where the log starts or is not.
    pub(super) fn find(&self, text: &[u8], place: Place, spelling: Spelling) -> Option<Hit> {
        let passes = match place {
            Place::Start => NEEDLES.len(),
            Place::Further => EVERYWHERE,
        };
        let numbers = match spelling {
            Spelling::Text => 0,
            Spelling::Json => NUMBERS.len(),
        };
        let finders = self.text[..passes].iter().chain(&self.numbers[..numbers]);
        let mut found = None;
        for finder in finders {
            let before = &text[..found.unwrap_or(text.len())];
            let here = if finder.needle() == OOM {
                let is_ours = |at: &usize| BEHIND.iter().any(|behind| text[at + OOM.len()..].starts_with(behind));
                finder.find_iter(before).find(is_ours)
            } else {
                finder.find(before)
            };
            found = here.or(found);
        }
        let at = found?;
        // `oom-kill` at a chunk's end may go on in the next.
        let begins = |header: &[u8]| header.starts_with(&text[at..text.len().min(at + header.len())]);
        Some(Hit { at, is_header: begins(HEADER) || HEADERS.into_iter().any(begins) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_needle_is_longer_than_the_longest() {
        let all = NEEDLES.iter().chain(&NUMBERS);
        assert_eq!(all.map(|needle| needle.len()).max(), Some(LONGEST));
    }
}
