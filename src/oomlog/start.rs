//! Where a log begins: the time of its first entry, so that nobody takes a log that does not reach back for one without events.

extern crate alloc;

use super::event::{Stamp, Text};
use super::form::Forms;
use super::record::{Origin, Record};
use super::scan::Part;

/// How much of a log is looked at. The first line is enough of a kernel's log. In a syslog of many programs the kernel comes further
/// behind, and all of 64 KiB take 0.3 ms.
const LOOKED_AT: usize = 64 << 10;

/// What a log begins with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// The first time of day that is written in it; `None` where there are only times since boot, or none.
    pub when: Option<Stamp>,
    /// The machine that it is of, where its first lines say it.
    pub host: Option<Text>,
    /// Whether the kernel speaks in it: what begins a log of packages tells nothing about kernel messages.
    pub of_kernel: bool,
}

impl Start {
    /// Of a log that begins with this text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let mut start = Self::default();
        let text = &text[..text.len().min(LOOKED_AT)];
        let mut forms = Forms::new();
        let mut take = |record: Record<'_>, _| start.note(&record);
        for line in text.split(|byte| *byte == b'\n') {
            if forms.line(line, 0, &mut take) == Part::Stop {
                return start;
            }
        }
        forms.end(&mut take);
        start
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
        self.of_kernel |= record.origin == Origin::Kernel;
        if self.when.is_some() && self.of_kernel { Part::Stop } else { Part::Other }
    }
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
    fn a_log_of_others_is_told_from_one_of_the_kernel() {
        assert!(!start("2026-11-21 10:08:31 startup archives unpack\n").2);
        assert!(!start("2026-11-21T10:08:31+00:00 web1 sshd[7]: a\n").2);
        assert!(start("Nov 21 10:08:31 web1 kernel: a\n").2);
        assert_eq!(Start::of(b""), Start::default());
    }
}
