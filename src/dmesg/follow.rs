//! `--follow`: the live log as it is written, an event as soon as it is over.
use core::time::Duration;
use std::os::fd::AsFd;

use super::machine::{live_reference, machine};
use super::read::{Reader, wanted};
use super::words;
use crate::oomlog::event::Position;
use crate::oomlog::live::drain;
use crate::oomlog::record::Record;
use crate::oomlog::scan::Part;
use crate::parse::oom_report::{Line, line};
use crate::sys::Result;
use crate::sys::clock::monotonic;
use crate::sys::kmsg::Kmsg;
use crate::sys::signal::{Until, Woken, stop_requested, wait};

/// After the line that ends a report come the members of its group, and that the victim's memory was taken back.
const AFTER: Duration = Duration::from_secs(1);
/// Where one report ends after the other nobody waits for longer.
const LONGEST: Duration = Duration::from_secs(5);

/// When the reports that have ended are finished.
#[derive(Default)]
struct Due {
    first: Option<Duration>,
    last: Option<Duration>,
}

impl Due {
    /// A report has ended now.
    fn end(&mut self, now: Duration) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    fn at(&self) -> Option<Duration> {
        let (first, last) = self.first.zip(self.last)?;
        Some((last + AFTER).min(first + LONGEST))
    }
}

impl Reader<'_, '_, '_> {
    /// Shows what comes until a signal ends it or nobody reads any more.
    pub(super) fn follow(&mut self) -> Result<()> {
        let kmsg = Kmsg::open(c"/dev/kmsg")?;
        kmsg.skip()?;
        self.log.next();
        self.log.machine = Some(machine());
        let start = self.log.piece(b"/dev/kmsg", live_reference());
        self.sink.run.logs += 1;
        let mut due = Due::default();
        while stop_requested().is_none() && self.sink.broken().is_none() {
            let left = due.at().map(|at| at.saturating_sub(monotonic()));
            let woken = wait(Some((kmsg.as_fd(), Until::Readable)), left)?;
            if woken == Woken::Ready && self.news(&kmsg, start, &mut due)? == News::None {
                // Whatever says that it can be read, and then has nothing, is not asked all the time.
                wait(None, Some(AFTER))?;
            }
            if due.at().is_some_and(|at| at <= monotonic()) {
                due = Due::default();
                self.settle();
            }
        }
        self.finish();
        Ok(())
    }

    fn news(&mut self, kmsg: &Kmsg, start: Position, due: &mut Due) -> Result<News> {
        // The clock may have been set, and the machine may have slept.
        self.log.date(live_reference());
        let (assembler, log, sink) = self.parts();
        let (mut bytes, mut news) = (0, News::None);
        let gaps = drain(kmsg, &mut |record: Record<'_>, number: Position| {
            news = News::Some;
            bytes += record.text.len() as u64;
            let part = assembler.push(&record, start + number, &mut |event| sink.event(event, log));
            if part != Part::Other && is_end(&line(record.text)) {
                due.end(monotonic());
            }
            wanted(sink, Part::Other)
        })?;
        sink.run.bytes += bytes;
        sink.run.overwritten += gaps.lost;
        for _ in 0..gaps.lost {
            news = News::Some;
            words::line(|out| {
                out.put(b"warning: the kernel has overwritten records of its log before they could be read");
            });
        }
        Ok(news)
    }
}

/// Whether there was anything to read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    Some,
    None,
}

/// The lines that end a report, and those that may follow it.
const fn is_end(line: &Line<'_>) -> bool {
    matches!(line, Line::Killed(_) | Line::NoneKillable | Line::Panic(_) | Line::Group(_) | Line::Reaped(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_shown_a_second_after_its_end_and_never_much_later() {
        let mut due = Due::default();
        assert_eq!(due.at(), None);
        due.end(Duration::from_secs(10));
        assert_eq!(due.at(), Some(Duration::from_secs(11)));
        for second in 11..100 {
            due.end(Duration::from_secs(second));
        }
        assert_eq!(due.at(), Some(Duration::from_secs(15)));
    }
}
