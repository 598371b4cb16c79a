//! Which parts of a log may be about the OOM killer at all.

use memchr::memmem::Finder;

/// What reports of all kernels from 2.6.9 on have in them: a word that is looked for, and what stands right before or behind it.
///
/// Each pass over a GiB takes 0.03 to 0.04 s of CPU, a sixth of what the kernel takes to read it. This is why there are two words and not
/// one for each kind of line. The third is systemd's, of a kill that the log has no report of.
const EVERYWHERE: [Word; 4] = [
    // A report's header, the reaper, a group's line.
    Word { needle: b"oom", before: &[b""], behind: &[b"-kill", b"_reaper: ", b".group", b"_kill_process: "] },
    // Each kill or the line before it, and a panic whose report was lost.
    Word { needle: b" memory", before: &[b"ut of", b"deadlocked on"], behind: &[b""] },
    Word { needle: b"OOM kille", before: &[b""], behind: &[b"r.", b"d process "] },
    // Who says that lines are missing.
    Word { needle: LOST, before: &[b""], behind: &[b""] },
];

/// What is left of a report of before Linux 5.1 whose other lines went with the file before this one: looked for where a log starts alone.
const AT_START: [Word; 4] = [
    // A table of tasks that nothing else was left of.
    Word { needle: b"total_vm ", before: &[b"tgid "], behind: &[b" "] },
    // Of a kill line that was torn.
    Word { needle: b"total-vm:", before: &[b" "], behind: &[b""] },
    Word { needle: b"Killed process", before: &[b""], behind: &[b""] },
    Word { needle: b"as a result of limit of", before: &[b""], behind: &[b""] },
];

/// The word of who says that lines of the kernel are missing.
const LOST: &[u8] = b" messages";

/// Whether those are the words of [`crate::parse::oom_report::lost`], as far as they are around this one.
fn says_that_messages_are_lost(before: &[u8], behind: &[u8]) -> bool {
    let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let counted = &before[..before.len() - digits];
    let is_of_journald = before.ends_with(b" kernel") || before.ends_with(b"overrun, some");
    let is_of_imkmsg = digits > 0 && counted.ends_with(b"imkmsg: lost ");
    let is_of_printk = digits > 0 && counted.ends_with(b"printk: ") && behind.starts_with(b" suppressed");
    is_of_journald || is_of_imkmsg || is_of_printk || before.ends_with(b" printk") && behind.starts_with(b" dropped **")
}

/// How much is searched for all of them before what follows it: the second word finds it in the first level of the cache.
const BLOCK: usize = 32 << 10;

/// What the first of them is in a report's header.
const HEADER: &[u8] = b"oom-killer";

/// `oom-kill` and `ut of memory` as journalctl -o json spells a message that holds a control character or is no UTF-8: its bytes as numbers. They
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

/// What tells of a kill or a report in a line that was cut, beyond doubt: a program's own long line may say that memory was short.
const OF_A_KILL: [&[u8]; 5] = [b"invoked oom-killer", b"oom-kill:", b"Killed process ", b"Kill process ", NUMBERS[0]];

/// Whether a line that was cut has such words.
pub(super) fn tells_of_a_kill(text: &[u8]) -> bool {
    OF_A_KILL.into_iter().any(|words| memchr::memmem::find(text, words).is_some())
}

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
        let start = start.strip_prefix(b"\x1e").or(start.strip_prefix(b"data: ")).unwrap_or(start).trim_ascii_start();
        match start.strip_prefix(b"[").unwrap_or(start).trim_ascii_start().first() {
            Some(b'{') => Self::Json,
            _ => Self::Text,
        }
    }
}

/// A word of a report.
struct Word {
    needle: &'static [u8],
    /// One of these is right before it...
    before: &'static [&'static [u8]],
    /// ... and one of these right behind it.
    behind: &'static [&'static [u8]],
}

impl Word {
    fn is_at(&self, text: &[u8], at: usize) -> bool {
        let (before, behind) = (&text[..at], &text[at + self.needle.len()..]);
        if self.needle == LOST {
            return says_that_messages_are_lost(before, behind);
        }
        self.before.iter().any(|end| before.ends_with(end)) && self.behind.iter().any(|start| behind.starts_with(start))
    }

    fn finder(self) -> (Self, Finder<'static>) {
        let finder = Finder::new(self.needle);
        (self, finder)
    }
}

/// Searches for all needles. A pass for each over what the cache holds costs less than one that knows all.
pub(super) struct Needles {
    everywhere: [(Word, Finder<'static>); 4],
    at_start: [(Word, Finder<'static>); 4],
    numbers: [Finder<'static>; 6],
}

impl Needles {
    pub(super) fn new() -> Self {
        Self {
            everywhere: EVERYWHERE.map(Word::finder),
            at_start: AT_START.map(Word::finder),
            numbers: NUMBERS.map(Finder::new),
        }
    }

    /// The first needle in `text`, which is where the log starts or is not.
    pub(super) fn find(&self, text: &[u8], place: Place, spelling: Spelling) -> Option<Hit> {
        let at = (0..text.len()).step_by(BLOCK).find_map(|from| {
            // A needle that begins in this block, and what must be before it.
            let (start, end) = (from.saturating_sub(LONGEST), text.len().min(from + BLOCK + LONGEST));
            let at = start + self.first(&text[start..end], place, spelling)?;
            (at < from + BLOCK).then_some(at)
        })?;
        // `oom-kill` at a chunk's end may go on in the next.
        let begins = |header: &[u8]| header.starts_with(&text[at..text.len().min(at + header.len())]);
        Some(Hit { at, is_header: begins(HEADER) || HEADERS.into_iter().any(begins) })
    }

    fn first(&self, text: &[u8], place: Place, spelling: Spelling) -> Option<usize> {
        let at_start: &[_] = if place == Place::Start { &self.at_start } else { &[] };
        let numbers: &[_] = if spelling == Spelling::Json { &self.numbers } else { &[] };
        let mut found: Option<usize> = None;
        for (word, finder) in self.everywhere.iter().chain(at_start) {
            let until = &text[..found.unwrap_or(text.len())];
            // Not find_iter(), which begins with a copy of the finder: the journal has a text for each message.
            let mut from = 0;
            while let Some(at) = finder.find(&until[from..]).map(|at| from + at) {
                if word.is_at(text, at) {
                    found = Some(at);
                    break;
                }
                from = at + 1;
            }
        }
        for finder in numbers {
            found = finder.find(&text[..found.unwrap_or(text.len())]).or(found);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_needle_is_longer_than_the_longest() {
        let longest = |parts: &[&[u8]]| parts.iter().map(|part| part.len()).max().unwrap_or_default();
        let words = EVERYWHERE.into_iter().chain(AT_START);
        let words = words.map(|word| longest(word.before) + word.needle.len() + longest(word.behind));
        assert_eq!(words.chain(NUMBERS.map(<[u8]>::len)).max(), Some(LONGEST));
    }

    #[test]
    fn the_first_needle_is_found_wherever_a_block_ends() {
        let needles = Needles::new();
        for (needle, is_header) in [
            ("Out of memory: Killed", false),
            ("deadlocked on memory", false),
            ("oom-killer", true),
            ("oom_reaper: reaped", false),
        ] {
            for end in (0..2 * BLOCK).step_by(BLOCK) {
                for at in end.saturating_sub(LONGEST)..=end + LONGEST {
                    let mut text = Vec::new();
                    text.resize(at, b'o');
                    text.extend_from_slice(needle.as_bytes());
                    text.extend_from_slice(b" oom-killer Out of memory");
                    let hit = needles.find(&text, Place::Further, Spelling::Text).expect("it is there");
                    assert!((at..at + needle.len()).contains(&hit.at), "{needle} at {at}: {hit:?}");
                    assert_eq!(hit.is_header, is_header, "{needle} at {at}");
                    text.truncate(at);
                    assert_eq!(needles.find(&text, Place::Further, Spelling::Text), None);
                }
            }
        }
    }
}
