//! Whose the words and the colon are that stand before all that printk wrote: `web1: [   12.345678] ...`.
//!
//! pdsh, clush and their like put a host's name there, and programs that print what they have read their own. A program quotes a line that
//! matters to it; whoever has collected a log has the report's first line, too. So a report's header behind such words makes hosts' names of
//! them, and from then on their lines are the kernel's. A kill behind others is no event, and is named: no log in which one stands is clean.

use crate::oomlog::event::Position;
use crate::oomlog::record::{Origin, Record};
use crate::parse::oom_report::{self, Line};

/// So many names are known: of more hosts than this lines are named as if nothing told whose they are.
const MOST: usize = 256;

/// The names that reports have begun behind, and what could not be read.
pub(super) struct Quotes {
    hosts: Vec<Vec<u8>>,
    /// The first kill behind a name that is not known.
    pub(super) lost: Option<Position>,
}

impl Default for Quotes {
    fn default() -> Self {
        Self::new()
    }
}

impl Quotes {
    pub(super) const fn new() -> Self {
        Self { hosts: Vec::new(), lost: None }
    }

    /// Makes a line behind a host's name one of that host's kernel.
    pub(super) fn read(&mut self, record: &mut Record<'_>, at: Position) {
        let Some(words) = record.behind else {
            return self.inside(record);
        };
        let is_known = self.hosts.iter().any(|host| host == words);
        if !is_known {
            match oom_report::line(record.text) {
                Line::Header(_) if self.hosts.len() < MOST => self.hosts.push(words.into()),
                Line::Header(_) | Line::Summary(_) | Line::Selected(_) | Line::Killed(_) => {
                    self.lost.get_or_insert(at);
                    return;
                }
                _ => return,
            }
        }
        of_host(record, words);
    }

    /// A line inside of a record of several has no bracket, and only the name before it.
    fn inside(&self, record: &mut Record<'_>) {
        if record.origin != Origin::Unknown || record.when.wall.is_some() {
            return;
        }
        let length = |host: &Vec<u8>| record.text.strip_prefix(host.as_slice()).map(|_| host.len());
        if let Some(length) = self.hosts.iter().find_map(length) {
            let (words, text) = record.text.split_at(length);
            record.text = text.strip_prefix(b" ").unwrap_or(text);
            of_host(record, words);
        }
    }
}

fn of_host<'l>(record: &mut Record<'l>, words: &'l [u8]) {
    record.origin = Origin::Kernel;
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

    /// The hosts of its events, and the first line that may be one.
    fn read(lines: &[String]) -> (Vec<Option<Vec<u8>>>, Option<u64>) {
        let (mut assembler, mut hosts) = (Assembler::new(), Vec::new());
        for (line, at) in lines.iter().zip(1..) {
            assembler.push(&record(line.as_bytes()), at, &mut |event| hosts.push(event.host));
        }
        assembler.finish(&mut |event| hosts.push(event.host));
        (hosts, assembler.quoted())
    }

    #[test]
    fn a_report_behind_a_name_is_of_the_host_of_that_name() {
        for form in ["", "kern  :warn  : "] {
            let of = |host: &str, line: &str| format!("{host}: {form}{line}");
            let one = [of("web1", HEADER), of("web1", KILL)];
            assert_eq!(read(&one), (vec![Some(b"web1".to_vec())], None), "{form}");
            // Of two hosts at the same time since boot.
            let two = [of("web1", HEADER), of("web1", KILL), of("web2", HEADER), of("web2", KILL)];
            let (hosts, lost) = read(&two);
            assert_eq!((hosts, lost), (vec![Some(b"web1".to_vec()), Some(b"web2".to_vec())], None), "{form}");
        }
    }

    #[test]
    fn a_kill_behind_a_name_that_no_report_begins_behind_is_no_event_and_is_named() {
        let of = |name: &str, line: &str| format!("{name}: {line}");
        assert_eq!(read(&[of("app", "[    5.000000] quiet"), of("app", KILL)]), (vec![], Some(2)));
        let other = [of("web1", HEADER), of("web1", KILL), of("app", KILL)];
        assert_eq!(read(&other), (vec![Some(b"web1".to_vec())], Some(3)));
        // A syslog says who it is.
        assert_eq!(read(&[format!("Jan  7 03:19:32 host app[1]: {KILL}")]), (vec![], None));
    }
}
