//! Whose the words and the colon are that stand before all that printk wrote: `web1: [   12.345678] ...`.
//!
//! pdsh, clush and their like put a host's name there, and programs that print what they have read their own. A program quotes a line that
//! matters to it; whoever has collected a log has the report's first line, too. So a report's header behind such words makes hosts' names of
//! them, and from then on their lines are the kernel's. A kill behind others is an event, too, and its source is unverified.

use crate::oomlog::record::{Origin, Record};
use crate::parse::oom_report::{self, Line};

/// So many names are known: of more hosts than this a report is in pieces.
const MOST: usize = 256;

/// A name that the kernel's words were behind.
struct Known {
    words: Vec<u8>,
    /// Whether a report has begun behind it.
    is_host: bool,
}

/// The names that the kernel's words were behind.
#[derive(Default)]
pub(super) struct Quotes {
    known: Vec<Known>,
}

impl Quotes {
    pub(super) const fn new() -> Self {
        Self { known: Vec::new() }
    }

    /// Makes a line behind a host's name one of that host's kernel.
    pub(super) fn read(&mut self, record: &mut Record<'_>) {
        let Some(words) = record.behind else {
            return self.inside(record);
        };
        let at = self.known.iter().position(|known| known.words == words);
        let line = oom_report::line(record.text);
        let is_header = matches!(line, Line::Header(_));
        let is_deed = matches!(
            line,
            Line::Whose(_)
                | Line::Stats(_)
                | Line::Title
                | Line::Summary(_)
                | Line::Selected(_)
                | Line::Killed(_)
                | Line::Group(_)
                | Line::Reaped(_)
                | Line::NoneKillable
                | Line::Panic(_)
        );
        let is_host = match at.and_then(|at| self.known.get_mut(at)) {
            Some(known) => {
                known.is_host |= is_header;
                known.is_host
            }
            None if is_header || is_deed => {
                if self.known.len() < MOST {
                    self.known.push(Known { words: words.into(), is_host: is_header });
                }
                is_header
            }
            None => return,
        };
        of_host(record, words, is_host);
    }

    /// A line inside of a record of several has no bracket, and only the name before it.
    fn inside(&self, record: &mut Record<'_>) {
        if record.origin != Origin::Unknown || record.when.wall.is_some() {
            return;
        }
        let found = self.known.iter().find(|known| record.text.starts_with(&known.words));
        if let Some(known) = found {
            let (words, text) = record.text.split_at(known.words.len());
            record.text = text.strip_prefix(b" ").unwrap_or(text);
            of_host(record, words, known.is_host);
        }
    }
}

fn of_host<'l>(record: &mut Record<'l>, words: &'l [u8], is_host: bool) {
    record.origin = Origin::Kernel;
    record.is_unverified |= !is_host;
    let name = words.strip_suffix(b":").unwrap_or(words);
    if record.host.is_none() && !name.contains(&b' ') {
        record.host = Some(name);
    }
}

#[cfg(test)]
mod tests {
    use crate::oomlog::assemble::Assembler;
    use crate::oomlog::prefix::record;

    const HEADER: &str = "[    5.678901] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
    const KILL: &str = "[    5.678902] Out of memory: Killed process 12 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB";

    /// The hosts of its events, and whether nothing verifies them.
    fn read(lines: &[String]) -> Vec<(Option<Vec<u8>>, bool)> {
        let (mut assembler, mut found) = (Assembler::new(), Vec::new());
        let mut done = |event: crate::oomlog::event::Event| found.push((event.host, event.is_unverified));
        for (line, at) in lines.iter().zip(1..) {
            assembler.push(&record(line.as_bytes()), at, &mut done);
        }
        assembler.finish(&mut done);
        found
    }

    fn host(name: &str) -> Option<Vec<u8>> {
        Some(name.as_bytes().to_vec())
    }

    #[test]
    fn a_report_behind_a_name_is_of_the_host_of_that_name() {
        for form in ["", "kern  :warn  : "] {
            let of = |host: &str, line: &str| format!("{host}: {form}{line}");
            let one = [of("web1", HEADER), of("web1", KILL)];
            assert_eq!(read(&one), vec![(host("web1"), false)], "{form}");
            // Of two hosts at the same time since boot.
            let two = [of("web1", HEADER), of("web1", KILL), of("web2", HEADER), of("web2", KILL)];
            assert_eq!(read(&two), vec![(host("web1"), false), (host("web2"), false)], "{form}");
        }
    }

    #[test]
    fn a_kill_behind_a_name_that_no_report_begins_behind_is_an_event_of_an_unverified_source() {
        let of = |name: &str, line: &str| format!("{name}: {line}");
        assert_eq!(read(&[of("app", "[    5.000000] quiet"), of("app", KILL)]), vec![(host("app"), true)]);
        let other = [of("web1", HEADER), of("web1", KILL), of("app", KILL)];
        assert_eq!(read(&other), vec![(host("web1"), false), (host("app"), true)]);
        // A syslog says who it is.
        assert_eq!(read(&[format!("Jan  7 03:19:32 host app[1]: {KILL}")]), vec![]);
    }
}
