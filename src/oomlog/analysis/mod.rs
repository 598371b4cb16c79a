//! What follows from an event: why memory ran out, why that victim, where the memory was. The log's numbers in, sentences out, each
//! with the line that it rests on; what the log does not say is left out, never assumed.
mod account;
mod advice;
mod hog;
mod names;
mod pattern;
mod shortage;
mod victim;
mod zones;

pub use account::{Share, account, lru};
pub use advice::{Advice, Grounds, advise};
use core::fmt::{Display, Formatter};
pub use hog::Hog;
pub use names::Names;
pub use pattern::{Cgroup, Summary, every};
pub(in crate::oomlog) use shortage::{meaning, nodes};
pub use shortage::{shortage, swap_state};
pub use victim::{Freed, freed, is_session, victim};

use super::event::{Constraint, Event, Position, Row, Task, Zone};
use crate::fixed::Fixed;
use crate::parse::cgroup::{PodUid, owner};
use crate::report::columns;
use crate::report::escape::{Called, Escaped};
pub use crate::units::plural;
use crate::units::{Bytes, Pages};

/// A sentence, its names escaped, and the line of the log that it rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Without a full stop.
    pub words: String,
    /// The line; `None` when it follows from the event as a whole.
    pub line: Option<Position>,
}

impl Finding {
    fn new(words: &dyn Display, line: Option<Position>) -> Self {
        let words = format!("{words}");
        Self { words, line }
    }

    /// Adds it to those before.
    fn add(all: &mut Vec<Self>, words: &dyn Display, line: Option<Position>) {
        all.push(Self::new(words, line));
    }
}

/// A size in the lines that the founding document has, in MiB that it calls MB: `Freed 6835.9 MB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mb(pub Bytes);

impl Display for Mb {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} MB", columns::Mib(self.0))
    }
}

/// A size in all other lines: `6835.9 MiB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mib(pub Bytes);

impl Display for Mib {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} MiB", columns::Mib(self.0))
    }
}

/// `chrome (PID 892044)`
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Its name, unless that was cut.
    pub comm: Option<&'a [u8]>,
    /// Its pid.
    pub pid: Option<u64>,
}

impl<'a> Who<'a> {
    /// Of a task.
    #[must_use]
    pub fn task(task: &'a Task) -> Self {
        Self { comm: task.comm.as_deref(), pid: Some(task.pid) }
    }

    /// Of a row.
    #[must_use]
    pub fn row(row: &'a Row) -> Self {
        Self { comm: Some(&row.comm), pid: Some(row.pid) }
    }
}

impl Display for Who<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        match self.comm {
            Some(comm) => Called(comm).fmt(f)?,
            None => f.write_str("-")?,
        }
        match self.pid {
            Some(pid) => write!(f, " (PID {pid})"),
            None => f.write_str(" (PID -)"),
        }
    }
}

/// A cgroup as people call it: the pod, the container, the unit; else its path.
#[must_use]
pub fn cgroup_label(path: &[u8]) -> String {
    let owner = owner(path);
    let short = |id: &[u8]| format!("{}", Escaped(id.get(..12).unwrap_or(id)));
    let pod = owner.pod.map(PodUid::text);
    match (pod.as_ref().map(Fixed::as_bytes), owner.container, owner.unit) {
        (Some(pod), Some(container), _) => {
            format!("pod {}, container {}", Escaped(pod), short(container))
        }
        (Some(pod), None, _) => format!("pod {}", Escaped(pod)),
        (None, Some(container), _) => format!("container {}", short(container)),
        (None, None, Some(unit)) => format!("{}", Escaped(unit)),
        (None, None, None) => format!("cgroup {}", Escaped(path)),
    }
}

/// The size of so many pages, where the log tells how large they are.
#[must_use]
pub fn size(event: &Event, pages: u64) -> Option<Bytes> {
    event.page_size.map(|page| Pages(pages).bytes(page))
}

/// `6835.9 MB`, or `1750000 pages` where nothing tells how large they are.
#[must_use]
pub fn in_mib(event: &Event, pages: u64) -> String {
    size(event, pages).map_or_else(|| format!("{pages} pages"), |bytes| format!("{}", Mib(bytes)))
}

/// The memory that could be had at all: what percentages are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whole {
    /// How much.
    pub bytes: Bytes,
    /// Of what.
    pub what: &'static str,
    /// The line that says so.
    pub line: Option<Position>,
}

/// The limit of the cgroup, or the machine's RAM.
#[must_use]
pub fn whole(event: &Event) -> Option<Whole> {
    if event.constraint == Constraint::Memcg {
        let limit = event.counters.memory?.limited_to()?;
        return (limit.0 > 0).then_some(Whole { bytes: limit, what: "the cgroup's limit", line: event.lines.usage });
    }
    let machine = &event.machine;
    let is_limited = matches!(event.constraint, Constraint::Cpuset | Constraint::Mempolicy);
    if let (true, Some(nodes)) = (is_limited, shortage::nodes(event)) {
        let nodes = zones::Nodes(Some(nodes));
        let of_nodes = |zone: &&Zone| zone.node.is_some_and(|node| nodes.has(node));
        let managed = machine.zones.iter().filter(of_nodes).map(|zone| zone.managed);
        let sum = managed.reduce(|sum, zone| Some(sum?.plus(zone?))).flatten()?;
        return Some(Whole { bytes: sum, what: "those nodes' RAM", line: event.lines.machine });
    }
    let pages = machine.ram_pages?;
    let usable = pages.checked_sub(machine.reserved_pages.unwrap_or(0))?;
    Some(Whole { bytes: size(event, usable)?, what: "RAM", line: event.lines.machine })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_a_tenth_as_the_document_prints_them() {
        assert_eq!(Mb(Bytes::from_kib(16_000_000)).to_string(), "15625.0 MB");
        assert_eq!(Mb(Bytes::from_kib(394_035)).to_string(), "384.8 MB");
        assert_eq!(Mb(Bytes(0)).to_string(), "0.0 MB");
        assert_eq!(Mb(Bytes(u64::MAX)).to_string(), "17592186044416.0 MB");
    }

    #[test]
    fn names_in_sentences_are_escaped() {
        let who = Who { comm: Some(b"a\x1b[2J"), pid: Some(7) };
        assert_eq!(who.to_string(), "a\\033[2J (PID 7)");
    }
}
