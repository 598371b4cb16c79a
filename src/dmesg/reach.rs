//! How far back the logs that were read reach, held against the time that was asked for.
//!
//! "No OOM events since yesterday" is no fact of a ring buffer that begins this morning. So the first entry of each log is noted, and
//! what nobody tells of is said ([`Lack`]).
//!
//! 1. Logs of one machine stand for each other: of kern.log, syslog and dmesg the one that begins first counts. Which machine a log is of
//!    its first lines say. Where all that say it name the same, the others are of it, too.
//! 2. Where the kernel speaks in some logs, the others say nothing about it: dpkg.log may begin a year before kern.log.
//!    Where the last line of a machine's logs is more than a day older than all that was asked for, no line of that time was read: what writes them may have
//!    stopped ([`Extent::Ended`]). A log in which others speak, too, goes on to its last line, whoever that is of: a kernel may be silent
//!    for days, and what writes of both would have written of it. So does a piece of one that was rotated, in which the kernel says
//!    nothing. A log of programs alone (auth.log) tells nothing of the kernel's: it is written when nothing writes that any more. The
//!    live log never ends.
//! 3. A log whose beginning nothing dates (times since boot alone) tells nothing, and nothing is said of it.

use super::filter::Filter;
use crate::oomlog::places::is_one_log;
use crate::oomlog::report::{Extent, Lack};
use crate::report::escape::Escaped;

/// The end of a log that goes on.
pub(super) const ALWAYS: Option<i64> = Some(i64::MAX);

/// The beginning of one log, and its end.
struct Begun {
    source: Vec<u8>,
    host: Option<Vec<u8>>,
    /// `None`: nothing dates it.
    begins_us: Option<i64>,
    /// `None`: nothing dates its end.
    ends_us: Option<i64>,
    of_kernel: bool,
    /// The first of its events, which is older where logs were put together in another order, and the last.
    event_us: Option<i64>,
    last_event_us: Option<i64>,
}

impl Begun {
    fn begins(&self) -> Option<i64> {
        let begins = self.begins_us?;
        Some(self.event_us.map_or(begins, |event| begins.min(event)))
    }

    fn ends(&self) -> Option<i64> {
        self.ends_us.max(self.last_event_us)
    }
}

/// The beginnings of all logs that were read.
#[derive(Default)]
pub(super) struct Reach(Vec<Begun>);

impl Reach {
    /// A log, or a piece of one, is read from now on.
    pub(super) fn begin(&mut self, source: &[u8]) {
        self.0.push(Begun {
            source: source.into(),
            host: None,
            begins_us: None,
            ends_us: None,
            of_kernel: false,
            event_us: None,
            last_event_us: None,
        });
    }

    /// The first entry of the last one is of that time.
    pub(super) fn note(&mut self, host: Option<&[u8]>, begins_us: Option<i64>, of_kernel: bool) {
        if let Some(begun) = self.0.last_mut() {
            begun.host = host.map(Vec::from);
            begun.begins_us = begins_us;
            begun.of_kernel |= of_kernel;
        }
    }

    /// The kernel speaks in that log, and did at this time.
    pub(super) fn note_event(&mut self, source: &[u8], at_us: Option<i64>) {
        if let Some(begun) = self.0.iter_mut().rev().find(|begun| begun.source == source) {
            begun.of_kernel = true;
            begun.event_us = begun.event_us.min(at_us).or(begun.event_us).or(at_us);
            begun.last_event_us = begun.last_event_us.max(at_us);
        }
    }

    /// The last entry of the last one is of that time; the live log goes on, which is [`ALWAYS`].
    pub(super) fn note_end(&mut self, ends_us: Option<i64>) {
        if let Some(begun) = self.0.last_mut() {
            begun.ends_us = ends_us;
        }
    }

    /// In how many logs the kernel speaks. Where that is none, "no OOM events" is no fact: no log was searched that could have one.
    pub(super) fn heard(&self) -> usize {
        self.0.iter().filter(|begun| begun.of_kernel).count()
    }

    /// The logs that were read, by name; of many the first few.
    pub(super) fn names(&self) -> String {
        /// So many are named.
        const NAMED: usize = 8;
        let mut names: Vec<&[u8]> = Vec::new();
        for begun in &self.0 {
            if !names.contains(&begun.source.as_slice()) {
                names.push(&begun.source);
            }
        }
        let shown = names.iter().take(NAMED).map(|name| Escaped(name).to_string());
        let mut words = shown.collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMED);
        if more > 0 {
            words += &format!(" and {more} more");
        }
        words
    }

    /// What of the time that `filter` asks for is before all logs of a machine; one for each of them.
    pub(super) fn lacks(&self, filter: &Filter<'_>) -> Vec<Lack> {
        let any_of_kernel = self.0.iter().any(|begun| begun.of_kernel);
        let counts = |begun: &&Begun| begun.of_kernel || !any_of_kernel;
        let mut hosts: Vec<&[u8]> = Vec::new();
        for host in self.0.iter().filter(counts).filter_map(|begun| begun.host.as_deref()) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let is_one = hosts.len() <= 1;
        let of = |host: Option<&[u8]>| {
            let same = self.0.iter().filter(counts).filter(move |begun| is_one || begun.host.as_deref() == host);
            same.filter_map(|begun| Some((begun.begins()?, begun))).min_by_key(|(begins, _)| *begins)
        };
        let all = hosts.iter().map(|host| Some(*host)).chain([None]);
        let last_of = |host: Option<&[u8]>| {
            let of_kernels = |begun: &&Begun| {
                let is_piece = |other: &Begun| other.of_kernel && is_one_log(&other.source, &begun.source);
                counts(begun) || self.0.iter().any(is_piece)
            };
            let same = self.0.iter().filter(of_kernels);
            let same = same.filter(move |begun| is_one || begun.host.as_deref() == host);
            same.filter_map(|begun| Some((begun.ends()?, begun))).max_by_key(|(ends, _)| *ends)
        };
        let all = all.take(if is_one { 1 } else { usize::MAX });
        let mut lacks = Vec::new();
        for host in all {
            let begins = of(host).and_then(|(begins, begun)| lack(filter, begins, &begun.source));
            lacks.extend(begins);
            lacks.extend(last_of(host).and_then(|(ends, begun)| ended(filter, ends, &begun.source)));
        }
        lacks
    }
}

fn lack(filter: &Filter<'_>, begins_us: i64, source: &[u8]) -> Option<Lack> {
    let extent = match (filter.since_us, filter.until_us) {
        (_, Some(until)) if begins_us > until => Extent::All,
        (Some(since), _) if begins_us > since => Extent::Before,
        _ => return None,
    };
    Some(Lack { source: source.into(), at_us: begins_us, since_us: filter.since_us, extent })
}

/// A kernel that is silent for less than this before the time that was asked for is nothing to speak of: a host that is well logs nothing
/// for hours.
const SILENT_US: i64 = 86_400_000_000;

fn ended(filter: &Filter<'_>, ends_us: i64, source: &[u8]) -> Option<Lack> {
    let is_before = filter.since_us.is_some_and(|since| ends_us < since.saturating_sub(SILENT_US));
    is_before.then(|| Lack { source: source.into(), at_us: ends_us, since_us: filter.since_us, extent: Extent::Ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(since_us: Option<i64>, until_us: Option<i64>) -> Filter<'static> {
        Filter { since_us, until_us, ..Filter::default() }
    }

    fn note(reach: &mut Reach, source: &[u8], host: Option<&[u8]>, begins_us: Option<i64>, of_kernel: bool) {
        reach.begin(source);
        reach.note(host, begins_us, of_kernel);
    }

    /// The names of logs that begin too late.
    fn late(reach: &Reach, since_us: i64) -> Vec<Vec<u8>> {
        reach.lacks(&asked(Some(since_us), None)).into_iter().map(|lack| lack.source).collect()
    }

    #[test]
    fn a_log_that_begins_later_than_was_asked_for_lacks_what_was_before() {
        let mut reach = Reach::default();
        note(&mut reach, b"kern.log", Some(b"a"), Some(100), true);
        let extent = |since, until| reach.lacks(&asked(since, until)).first().map(|lack| lack.extent);
        assert_eq!(extent(Some(99), None), Some(Extent::Before));
        assert_eq!(extent(Some(99), Some(100)), Some(Extent::Before));
        assert_eq!(extent(Some(98), Some(99)), Some(Extent::All));
        assert_eq!(extent(None, Some(99)), Some(Extent::All));
        // All that there is, up to then.
        assert_eq!(extent(None, Some(100)), None);
        assert_eq!(extent(Some(100), None), None);
        assert_eq!(extent(None, None), None);
    }

    #[test]
    fn of_one_machine_the_log_that_begins_first_counts_and_of_two_each() {
        let mut reach = Reach::default();
        note(&mut reach, b"dmesg", None, Some(100), true);
        note(&mut reach, b"kern.log", Some(b"a"), Some(50), true);
        assert_eq!(late(&reach, 60), [b""; 0]);
        assert_eq!(late(&reach, 40), [b"kern.log"]);
        note(&mut reach, b"b.log", Some(b"b"), Some(100), true);
        assert_eq!(late(&reach, 60), [b"b.log".to_vec(), b"dmesg".to_vec()]);
    }

    #[test]
    fn a_log_of_packages_says_nothing_about_the_kernel() {
        let mut reach = Reach::default();
        note(&mut reach, b"dpkg.log", None, Some(1), false);
        note(&mut reach, b"kern.log", Some(b"a"), Some(100), true);
        assert_eq!(late(&reach, 60), [b"kern.log"]);
        // An event tells that it is of the kernel's after all, and may be older than the first line.
        reach.note_event(b"dpkg.log", Some(0));
        assert_eq!(late(&reach, 60), [b""; 0]);
    }

    #[test]
    fn logs_that_all_end_before_what_was_asked_for_may_have_stopped() {
        let mut reach = Reach::default();
        note(&mut reach, b"kern.log", Some(b"a"), Some(10), true);
        reach.note_end(Some(50));
        let found = reach.lacks(&asked(Some(51 + SILENT_US), None));
        assert_eq!(found.iter().map(|lack| (lack.extent, lack.at_us)).collect::<Vec<_>>(), [(Extent::Ended, 50)]);
        assert_eq!(late(&reach, 50 + SILENT_US), [b""; 0]);
        // A log of others that names no machine, and one that is of this.
        note(&mut reach, b"dpkg.log", None, Some(10), false);
        reach.note_end(Some(99));
        assert_eq!(late(&reach, 60 + SILENT_US), [b"kern.log"]);
        note(&mut reach, b"auth.log", Some(b"a"), Some(10), false);
        reach.note_end(Some(70));
        assert_eq!(late(&reach, 60 + SILENT_US), [b"kern.log"]);
        // One of both, whose last piece has nothing of the kernel.
        note(&mut reach, b"syslog.1", Some(b"a"), Some(10), true);
        reach.note_end(Some(55));
        assert_eq!(late(&reach, 60 + SILENT_US), [b"syslog.1"]);
        note(&mut reach, b"syslog", Some(b"a"), Some(55), false);
        reach.note_end(Some(70));
        assert_eq!(late(&reach, 60 + SILENT_US), [b""; 0]);
        // Of two machines one; the running one goes on.
        note(&mut reach, b"b.log", Some(b"b"), Some(10), true);
        reach.note_end(Some(55));
        assert_eq!(late(&reach, 60 + SILENT_US), [b"b.log"]);
        let mut live = Reach::default();
        note(&mut live, b"live", None, Some(10), true);
        live.note_end(ALWAYS);
        assert_eq!(late(&live, 60 + SILENT_US), [b""; 0]);
    }

    #[test]
    fn where_nothing_dates_the_beginning_nothing_is_said() {
        let mut reach = Reach::default();
        note(&mut reach, b"dmesg", None, None, true);
        assert_eq!(late(&reach, 60), [b""; 0]);
        reach.note_event(b"dmesg", Some(100));
        assert_eq!(late(&reach, 60), [b""; 0]);
    }
}
