//! Programs that had much memory when it ran out.

use super::advice::Advice;
use super::advice::limit::{is_of_guest, unit_property};
use super::victim::is_session;
use super::{Mib, size};
use crate::oomlog::event::{Event, Row, Text};
use crate::parse::cgroup::owner;
use crate::report::escape::Called;
use crate::shell::{argument, word};
use crate::units::{Bytes, Percent};

/// Below this share of what there is, in hundredths of a percent, nobody is a cause.
pub(super) const NOTABLE: u64 = 200;

/// Who has this share has most of it.
const MOST: u64 = 5000;

/// From this share on a limit for one program would have changed something.
const LARGE: u64 = 1000;

/// A program that had much memory when it ran out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hog {
    /// In how many events it was among the largest, with however much.
    pub present: u64,
    /// Its RSS in all of them, of its largest tasks.
    pub sum: Bytes,
    /// The largest share that it had of what there is, in hundredths of a percent; 0 where that is not known.
    most: u64,
    /// What it had in the first event and in the last.
    first: Option<Bytes>,
    last: Bytes,
    /// What to do about it, when it was the victim of a service of its own.
    unit: Option<Text>,
    /// What sets a unit's limit where it was last.
    property: &'static str,
}

impl Hog {
    /// Takes what a program had in an event.
    pub(super) fn note(&mut self, event: &Event, row: &Row, bytes: Bytes, share: u64) {
        self.present += 1;
        self.sum = self.sum.plus(bytes);
        self.most = self.most.max(share);
        self.first.get_or_insert(bytes);
        self.last = bytes;
        self.property = unit_property(event);
        if let Some(unit) = unit_of(event, row) {
            self.unit = Some(unit.into());
        }
    }

    /// Whether it had so much in some event that it may be a cause.
    pub(super) const fn is_notable(&self) -> bool {
        self.most >= NOTABLE
    }

    /// Whether it had most of what there was, or grew by half from the first event to the last: the others were only there.
    #[must_use]
    pub fn is_cause(&self) -> bool {
        let first = self.first.unwrap_or_default();
        let has_grown = self.present > 1 && self.last.0 > first.0.saturating_add(first.0 / 2);
        self.most >= MOST || has_grown && self.most >= LARGE
    }

    /// Whether a limit for it would have changed something, and would not end a session.
    pub(super) fn is_to_limit(&self, comm: &[u8]) -> bool {
        self.most >= LARGE && !is_session(comm)
    }

    /// What to do about it.
    pub(super) fn limit(&self, comm: &[u8]) -> Advice {
        let (name, property) = (Called(comm), self.property);
        let average = self.average();
        let limit = average.0.div_ceil(1 << 20).max(1);
        let command = match &self.unit {
            Some(unit) => argument(unit).map(|unit| format!("systemctl set-property {unit} {property}={limit}M")),
            // A name is no command: its unit has to be looked up.
            None => word(comm)
                .map(|name| format!("ps -o pid,rss,unit -C {name}; systemctl set-property UNIT {property}={limit}M")),
        };
        Advice {
            words: format!("limit {name}, so that it alone is hit, or give the machine more memory"),
            command,
            evidence: format!("{name} had {} on average", Mib(average)),
        }
    }

    /// In each event where it was present.
    #[must_use]
    pub fn average(&self) -> Bytes {
        Bytes(self.sum.0.checked_div(self.present).unwrap_or(0))
    }
}

/// What the largest tasks of that name had together, and which share of what there is in hundredths of a percent.
pub(super) fn held(event: &Event, row: &Row, whole: Option<Bytes>) -> Option<(Bytes, u64)> {
    let of_comm = event.table.top.iter().filter(|other| other.comm == row.comm);
    let pages = of_comm.fold(0, |sum: u64, row| sum.saturating_add(row.rss));
    let bytes = size(event, pages)?;
    let share = whole.and_then(|whole| Percent::of(bytes, whole));
    let share = share.map_or(0, |share| share.hundredths);
    Some((bytes, share))
}

/// The unit of a task, when the report says it: only the victim's cgroup is printed.
fn unit_of<'e>(event: &'e Event, row: &Row) -> Option<&'e [u8]> {
    let is_victim = event.victim.as_ref()?.task.pid == row.pid;
    let path = event.task_memcg.as_deref().filter(|_| is_victim)?;
    let is_user = path.windows(6).any(|part| part == b"/user@");
    owner(path).unit.filter(|unit| !is_user && !is_of_guest(path) && unit.ends_with(b".service"))
}
