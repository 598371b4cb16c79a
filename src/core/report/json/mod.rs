//! NDJSON, one object a line: nested objects whose path is the OpenTelemetry attribute name, our own things under `memdoor.`.

pub mod line;
mod members;
mod rows;

pub use members::put_object;

use super::time::{Precision, rfc3339};
use super::{Event, Fact, Flush, Head, Moment, Name, Part, Report, Row, Section, Severity, Value};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::sys::clock::Now;
use crate::sys::out::Out;
use line::{Line, Subject};

const SOURCE_ERROR: &Event = &Event {
    name: "memdoor.source.error",
    words: "could not read a part of the snapshot",
    severity: Severity::Error,
    part: Part::Snapshot,
};

/// The line that stands for reports which standard output has lost.
pub const LOST: &[u8] = b"{\"schema\":\"memdoor/1\",\"event_name\":\"memdoor.output.lost\"}\n";

/// What every line begins with: of whatever version of memdoor it is.
pub const BEGINNING: &[u8] = b"{\"schema\":\"memdoor/1\",";

/// Who writes: on every line, because lines of many hosts are mixed, sampled and joined later.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// host.name
    pub host: Fixed<66>,
    /// host.id: /etc/machine-id; empty when there is none.
    pub host_id: Fixed<66>,
    /// host.arch
    pub arch: Fixed<66>,
    /// host.boot.id
    pub boot_id: Fixed<66>,
    /// os.version: the kernel's release.
    pub release: Fixed<66>,
    /// Why processes of other users are missing from all that is written, where they are: in `memdoor.incomplete` of each line.
    pub others: Option<Absent>,
    /// The same of the limits of cgroups.
    pub groups: Option<Absent>,
}

/// JSON on an [`Out`].
pub struct Json<'o, 'b> {
    out: &'o mut Out<'b>,
    envelope: &'o Envelope,
    timestamp: Fixed<32>,
    pid: i32,
    comm: Fixed<64>,
    /// Joins the rows of a snapshot to its head.
    snapshot_id: Fixed<64>,
}

impl<'o, 'b> Json<'o, 'b> {
    /// JSON on `out`.
    pub fn new(out: &'o mut Out<'b>, envelope: &'o Envelope) -> Self {
        Self { out, envelope, timestamp: Fixed::new(), pid: 0, comm: Fixed::new(), snapshot_id: Fixed::new() }
    }

    /// One line of `event`: the envelope and those of `facts` that belong to it.
    fn line(&mut self, event: &'static Event, facts: &[Fact<'_>]) {
        let message = self.message(event);
        let subject = Subject { event: event.name, severity: event.severity, message: message.as_bytes() };
        let mut line = Line::new(self.envelope, &self.timestamp, &subject);
        if event.part == Part::Snapshot {
            line.push("memdoor.snapshot.id", Value::text_or_nothing(self.snapshot_id.as_bytes()));
        }
        line.push("process.pid", self.pid());
        for fact in facts.iter().filter(|fact| fact.event.is(event) && !fact.key.is_empty()) {
            line.push(fact.key, fact.value);
        }
        line.put(self.out);
    }

    /// Whose process it is; a report of the whole machine has none.
    fn pid(&self) -> Value<'static> {
        match self.pid {
            0 => Value::Nothing,
            pid => Value::Int(pid.into()),
        }
    }

    /// One line for a person: `snapshot of PID 8893 (leak)`.
    fn message(&self, event: &Event) -> Fixed<160> {
        let mut words = Fixed::of(event.words.as_bytes());
        if self.pid != 0 {
            words.push(b" of PID ").push_dec(self.pid);
        }
        if !self.comm.as_bytes().is_empty() {
            words.push(b" (").push(self.comm.as_bytes()).push(b")");
        }
        words
    }
}

impl Report for Json<'_, '_> {
    fn moment(&mut self, now: &Now) {
        let moment = Moment::now(now);
        self.timestamp = rfc3339(moment.utc, moment.micros, Precision::Micros);
        self.pid = 0;
        self.comm.clear();
    }

    fn head(&mut self, head: &Head<'_>) {
        self.moment(head.now);
        self.pid = head.pid.get();
        self.comm = Fixed::of(head.comm);
        self.snapshot_id.clear();
        let micros = u64::try_from(head.now.realtime.as_micros()).unwrap_or(0);
        self.snapshot_id.push_dec(micros).push(b"-").push_dec(self.pid);
    }

    fn begin(&mut self, _: &Section) {}

    fn facts(&mut self, facts: &[Fact<'_>]) {
        for (at, fact) in facts.iter().enumerate() {
            let is_first = !facts.iter().take(at).any(|earlier| earlier.event.is(fact.event));
            if is_first && facts.iter().any(|other| other.event.is(fact.event) && !other.key.is_empty()) {
                self.line(fact.event, facts);
            }
        }
    }

    fn row(&mut self, row: Row<'_>) {
        match row {
            Row::Mapping(mapping) => self.mapping(mapping),
            Row::Socket(socket) => self.socket(socket),
            Row::Relative(relative) => self.relative(relative),
            Row::Sample(sample) => self.sample(sample),
            Row::Grower(grower) => self.grower(grower),
        }
    }

    fn missing(&mut self, section: &Section, why: Absent) {
        let name = Name(SOURCE_ERROR, "", section.key);
        self.line(SOURCE_ERROR, &[name.is(Value::Absent(why))]);
    }

    fn sentence(&mut self, _: &str) {}

    fn end(&mut self, _: &Section) {}

    fn foot(&mut self) {}

    fn out(&mut self) -> &mut dyn Flush {
        self.out
    }
}
