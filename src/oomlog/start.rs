//! Where a log begins, and whether it is one of the kernel's: the time of its first entry, so that nobody takes a log that does not reach
//! back for one without events; and whether the kernel speaks in it at all, so that nobody takes dpkg.log for a kernel log without events.
use super::apart;
use super::event::{Stamp, Text};
use super::form::Forms;
use super::markup;
use super::moment::between;
use super::record::{Origin, Record};
use super::scan::Part;

/// How much of a log is looked at. The first line is enough of a kernel's log. In a syslog of many programs the kernel comes further
/// behind, and all of 64 KiB take 0.3 ms.
const LOOKED_AT: usize = 64 << 10;

/// In what follows only the lines around these words are looked at, by which syslog and the journal name the kernel...
const NAMES: [&[u8]; 2] = [b"kernel: ", b"kernel"];

/// ... as far as this before and behind it, which the fields of an entry of the journal take...
const AROUND: usize = 4 << 10;

/// ... for so many places with each of them in a chunk, so that a log of a program that has them in each line costs no more than 4 ms for
/// each MiB; ...
const PLACES: usize = 16;

/// ... and each chunk's first lines: a console has no names.
const SAMPLE: usize = 4 << 10;

/// Its log has brackets with the seconds since boot as the kernel's has, and tells of no kernel.
const X_SERVER: &[u8] = b"X.Org X Server";

/// What a log begins with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// The first time of day that is written in it; `None` where there are only times since boot, or none.
    pub when: Option<Stamp>,
    /// The machine that it is of, where its first lines say it.
    pub host: Option<Text>,
    /// Whether the kernel speaks in it, at its start or later: what begins a log of packages tells nothing about kernel messages.
    pub of_kernel: bool,
    /// Whether there are NULs in it, which no text has but entries of the journal's export form.
    pub has_nul: bool,
    /// Whether each entry of it has its message left out, as journalctl does with long ones.
    pub has_no_message: bool,
    /// Whether its newest line is the first, as `tac`, `journalctl -r` and exports of log stores have it.
    pub is_backwards: bool,
    /// Whether it is the log of an X server.
    is_of_x: bool,
}

/// So many lines that are earlier than the one before them tell that a log is backwards, with no more than a tenth of them that are later:
/// CPUs and programs write a little out of order, and a few lines may be of anything.
const EARLIER: usize = 8;

/// Whether the times of a log's lines go back.
pub(super) fn is_backwards(text: &[u8]) -> bool {
    let mut last: Option<Stamp> = None;
    let (mut earlier, mut later) = (0, 0);
    lines(text, &mut |record| {
        let now = Stamp::of(&record.when);
        match last.as_ref().and_then(|last| after(last, &now)).map(i64::signum) {
            Some(-1) => earlier += 1,
            Some(1) => later += 1,
            _ => {}
        }
        if after(&now, &now).is_some() {
            last = Some(now);
        }
        Part::Other
    });
    earlier >= EARLIER && later <= earlier / 10
}

/// How long the second is after the first, by the best clock that both have.
fn after(one: &Stamp, other: &Stamp) -> Option<i64> {
    let boots = one.boot_us.zip(other.boot_us);
    let by_wall = || one.wall_us.zip(other.wall_us).map(|(one, other)| other.saturating_sub(one));
    let by_text = || between(one.wall.as_deref()?, other.wall.as_deref()?);
    boots.and_then(|(one, other)| apart::after(one, other)).or_else(by_wall).or_else(by_text)
}

/// Whether it is the journal's JSON, and no message is in it: of a field of more than 4096 bytes journalctl writes null, but with --all.
fn has_no_message(text: &[u8]) -> bool {
    const NAME: &[u8] = b"\"MESSAGE\"";
    let is_null = |at: usize| {
        let value = text[at + NAME.len()..].trim_ascii_start().strip_prefix(b":");
        value.is_some_and(|value| value.trim_ascii_start().starts_with(b"null"))
    };
    let mut messages = memchr::memmem::find_iter(text, NAME).peekable();
    messages.peek().is_some() && messages.all(is_null)
}

impl Start {
    /// Of a log that begins with this text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let mut start = Self::default();
        let text = &text[..text.len().min(LOOKED_AT)];
        start.has_nul = memchr::memchr(0, text).is_some();
        start.is_backwards = is_backwards(text);
        start.has_no_message = has_no_message(text);
        start.is_of_x = memchr::memmem::find(text, X_SERVER).is_some();
        lines(text, &mut |record| start.note(record));
        start
    }

    /// Looks for the kernel in what follows, a chunk at a time, until it was seen.
    pub(super) fn goes_on(&mut self, chunk: &[u8]) {
        if self.of_kernel || self.is_of_x {
            return;
        }
        let mut heard = |text: &[u8]| {
            lines(text, &mut |record| {
                self.of_kernel |= record.origin == Origin::Kernel;
                if self.of_kernel { Part::Stop } else { Part::Other }
            });
            self.of_kernel
        };
        if heard(behind_newline(&chunk[..chunk.len().min(SAMPLE)])) {
            return;
        }
        for name in NAMES {
            let mut at = 0;
            for _ in 0..PLACES {
                let Some(found) = memchr::memmem::find(&chunk[at..], name) else {
                    break;
                };
                let found = at + found;
                let from = found.saturating_sub(AROUND).max(at);
                let behind = (found + AROUND).min(chunk.len());
                let end = memchr::memrchr(b'\n', &chunk[found..behind]).map_or(behind, |end| found + end);
                let text = if from == at { &chunk[from..end] } else { behind_newline(&chunk[from..end]) };
                if heard(text) {
                    return;
                }
                at = end;
            }
        }
    }

    /// Takes one of the first records; the wall clock is what other logs can be held against.
    fn note(&mut self, record: &Record<'_>) -> Part {
        let has_date = record.when.wall.is_some() || record.when.wall_us.is_some();
        if self.when.is_none() && has_date {
            self.when = Some(Stamp::of(&record.when));
        }
        if self.host.is_none() {
            self.host = record.host.map(Text::from);
        }
        self.of_kernel |= record.origin == Origin::Kernel && !self.is_of_x;
        if self.when.is_some() && self.of_kernel { Part::Stop } else { Part::Other }
    }
}

/// The last time of day that is written in the end of a log: so much of it is looked at as of its start. `is_start` is whether that is all.
pub(super) fn last(end: &[u8], is_start: bool) -> Option<Stamp> {
    let from = end.len().saturating_sub(LOOKED_AT);
    let text = if is_start && from == 0 { end } else { behind_newline(&end[from..]) };
    let mut last = None;
    lines(text, &mut |record| {
        if record.when.wall.is_some() || record.when.wall_us.is_some() {
            last = Some(Stamp::of(&record.when));
        }
        Part::Other
    });
    last
}

/// The records of whole lines, until no more are wanted.
fn lines(text: &[u8], note: &mut dyn FnMut(&Record<'_>) -> Part) {
    let mut forms = Forms::new();
    if markup::is_in(text) {
        forms.begin(text);
    }
    let mut take = |record: Record<'_>, _| note(&record);
    for line in text.split(|byte| *byte == b'\n') {
        if forms.line(line, 0, &mut take) == Part::Stop {
            return;
        }
    }
    forms.end(&mut take);
}

/// The text behind its first newline: what is before that is a line's end. Nothing where there is none.
fn behind_newline(text: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', text).map_or(b"", |at| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> (Option<i64>, Option<Text>, bool) {
        let start = Start::of(text.as_bytes());
        (start.when.and_then(|when| when.wall_us), start.host, start.of_kernel)
    }

    #[test]
    fn a_log_begins_with_its_first_time_of_day_in_whatever_form() {
        let first = 1_795_255_711_000_000;
        for text in [
            "2026-11-21T10:08:31+00:00 web1 kernel: a\n2026-11-22T10:08:31+00:00 web1 kernel: b\n",
            // Cut lines, and what has no time.
            "cut\n[    5.000000] a\n2026-11-21T10:08:31.000000+00:00 web1 kernel: [    6.000000] b",
            "2026-11-21T10:08:31+00:00 web1 sshd[7]: a\n2026-11-21T11:00:00+00:00 web1 kernel: b\n",
            "{\"__REALTIME_TIMESTAMP\":\"1795255711000000\",\"_HOSTNAME\":\"web1\",\"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"a\"}\n",
            "__REALTIME_TIMESTAMP=1795255711000000\n_HOSTNAME=web1\n_TRANSPORT=kernel\nMESSAGE=a\n",
        ] {
            assert_eq!(start(text), (Some(first), Some(b"web1".into()), true), "{text}");
        }
    }

    #[test]
    fn a_log_ends_with_the_last_time_of_day_in_it() {
        let line = |second: u32| format!("2026-11-21T10:08:{second}+00:00 web1 kernel: a\n");
        let us = |text: &str, is_start| last(text.as_bytes(), is_start).and_then(|when| when.wall_us);
        let whole = [line(31), line(32), "no time\n".into()].concat();
        assert_eq!(us(&whole, true), Some(1_795_255_712_000_000));
        // What is behind another chunk begins in the middle of a line.
        assert_eq!(us(&line(31), true), Some(1_795_255_711_000_000));
        assert_eq!(us(&line(31), false), None);
        assert_eq!(us("[    5.000000] a\n", true), None);
        assert_eq!(us(&[line(30).repeat(5000), line(33)].concat(), true), Some(1_795_255_713_000_000));
    }

    #[test]
    fn a_log_whose_newest_line_is_the_first_is_told_from_one_that_is_a_little_out_of_order() {
        let of = |times: &[u32]| -> bool {
            let line = |second: &u32| format!("2026-11-21T10:08:{second:02}+00:00 web1 kernel: a\n");
            Start::of(times.iter().map(line).collect::<String>().as_bytes()).is_backwards
        };
        let forward: Vec<u32> = (0..30).collect();
        let backward: Vec<u32> = (0..30).rev().collect();
        assert!(of(&backward) && !of(&forward) && !of(&backward[..8]) && of(&backward[..9]));
        assert!(!of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3]) && !of(&[9; 30]));
        let swapped: Vec<u32> = forward.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        assert!(!of(&swapped));
    }

    #[test]
    fn a_log_of_others_is_told_from_one_of_the_kernel() {
        assert!(!start("2026-11-21 10:08:31 startup archives unpack\n").2);
        assert!(!start("2026-11-21T10:08:31+00:00 web1 sshd[7]: a\n").2);
        assert!(start("Nov 21 10:08:31 web1 kernel: a\n").2);
        assert!(!start("[    24.303] \nX.Org X Server 1.21.1.11\n[    24.304] (II) Loading\n").2);
        assert_eq!(Start::of(b""), Start::default());
    }

    #[test]
    fn the_kernel_may_speak_late_in_a_log_and_is_heard_by_its_name_alone() {
        let others = "2026-11-21T10:08:31+00:00 web1 sshd[7]: the kernel says nothing\n".repeat(10);
        for (last, expected) in [
            ("2026-11-21T10:08:31+00:00 web1 kernel: a\n", true),
            ("__REALTIME_TIMESTAMP=1795255711000000\n_TRANSPORT=kernel\nMESSAGE=a\n\n", true),
            ("2026-11-21T10:08:31+00:00 web1 sshd[7]: kernel: a\n", false),
            ("linux-image-6.12 kernel\n", false),
        ] {
            let chunk: String = [others.as_str(), last, "x"].concat();
            let mut start = Start::of(others.as_bytes());
            assert!(!start.of_kernel);
            start.goes_on(chunk.as_bytes());
            assert_eq!(start.of_kernel, expected, "{last}");
        }
    }
}
