//! NDJSON, one object a line: nested objects whose path is the OpenTelemetry attribute name, our own things under `memdoor.`.

use super::escape::{self, JSON_MAX, Source};
use super::time::{Precision, rfc3339};
use super::{Event, Fact, Flush, Head, Moment, Relation, Relative, Report, Row, Section, Value};
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::parse::maps::Mapping;
use crate::parse::net::Socket;
use crate::sys::out::Out;

/// Facts of one line: an event has at most 32, the envelope a dozen.
const FACTS_MAX: usize = 48;

/// A mapping's path may be 4096 bytes, each of which the kernel may write as four.
const PATH_MAX: usize = 12 * 1024;

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
        Self {
            out,
            envelope,
            timestamp: Fixed::new(),
            pid: 0,
            comm: Fixed::new(),
            snapshot_id: Fixed::new(),
        }
    }

    /// One line of `event`: the envelope and those of `facts` that belong to it.
    fn line(&mut self, event: Event, facts: &[Fact<'_>]) {
        let mut words = Fixed::<160>::new();
        words
            .push(event.words().as_bytes())
            .push(b" of PID ")
            .push_dec(self.pid);
        if !self.comm.as_bytes().is_empty() {
            words.push(b" (").push(self.comm.as_bytes()).push(b")");
        }
        let own = |key, bytes| {
            Fact::new(
                event,
                "",
                key,
                if <[u8]>::is_empty(bytes) {
                    Value::Nothing
                } else {
                    Value::Text(bytes)
                },
            )
        };
        let (severity, number) = event.severity();
        let head = [
            own("schema", b"memdoor/1"),
            own("timestamp", self.timestamp.as_bytes()),
            own("event_name", event.name().as_bytes()),
            own("severity_text", severity.as_bytes()),
            Fact::new(event, "", "severity_number", Value::Count(number)),
            own("message", words.as_bytes()),
            own("host.name", self.envelope.host.as_bytes()),
            own("host.id", self.envelope.host_id.as_bytes()),
            own("host.arch", self.envelope.arch.as_bytes()),
            own("host.boot.id", self.envelope.boot_id.as_bytes()),
            own("os.type", b"linux"),
            own("os.version", self.envelope.release.as_bytes()),
            own("memdoor.version", env!("CARGO_PKG_VERSION").as_bytes()),
            own(
                "memdoor.snapshot.id",
                if event.is_of_snapshot() {
                    self.snapshot_id.as_bytes()
                } else {
                    b""
                },
            ),
            Fact::new(event, "", "process.pid", Value::Int(self.pid.into())),
        ];
        let mut all = [Fact::new(event, "", "", Value::Nothing); FACTS_MAX];
        let wanted = facts
            .iter()
            .filter(|fact| fact.event == event && !fact.key.is_empty());
        let mut count = 0;
        for (slot, fact) in all.iter_mut().zip(head.iter().chain(wanted)) {
            *slot = *fact;
            count += 1;
        }
        let all = all.get(..count).unwrap_or_default();
        self.out.put(b"{");
        Members {
            all,
            incomplete: all.iter().any(is_incomplete),
        }
        .put(self.out, "");
        self.out.put(b"}\n");
    }

    /// The start of a row, up to the brace of its own object under `memdoor`.
    fn row_head(&mut self, event: Event, pid: i32, object: &str) {
        for (before, text) in [
            (
                &b"{\"schema\":\"memdoor/1\",\"event_name\":\""[..],
                event.name().as_bytes(),
            ),
            (b"\",\"timestamp\":\"", self.timestamp.as_bytes()),
        ] {
            self.out.put(before);
            self.out.put(text);
        }
        self.out.put(b"\",\"process\":{\"pid\":");
        self.out.put_dec(pid);
        self.out.put(b"},\"memdoor\":{\"snapshot\":{\"id\":\"");
        self.out.put(self.snapshot_id.as_bytes());
        self.out.put(b"\"},\"");
        self.out.put(object.as_bytes());
        self.out.put(b"\":{");
    }

    fn mapping(&mut self, mapping: &Mapping<'_>) {
        self.row_head(Event::Mapping, self.pid, "mapping");
        put_fmt(
            self.out,
            format_args!(
                "\"start\":\"{:x}\",\"end\":\"{:x}\"",
                mapping.start, mapping.end
            ),
        );
        put_fmt(
            self.out,
            format_args!(",\"size_bytes\":{},\"perms\":", mapping.size().0),
        );
        escape::json(self.out, mapping.perms, Source::Raw, JSON_MAX);
        put_fmt(
            self.out,
            format_args!(",\"offset\":{},\"device\":", mapping.offset),
        );
        escape::json(self.out, mapping.dev, Source::Raw, JSON_MAX);
        put_fmt(self.out, format_args!(",\"inode\":{}", mapping.inode));
        let mut cut = false;
        if !mapping.path.is_empty() {
            self.out.put(b",\"path\":");
            cut = escape::json(self.out, mapping.path, Source::Kernel, PATH_MAX);
        }
        self.out.put(if cut {
            b"},\"incomplete\":[\"memdoor.mapping.path: cut\"]}}\n"
        } else {
            b"}}}\n"
        });
    }

    fn socket(&mut self, socket: &Socket) {
        self.row_head(Event::Socket, self.pid, "socket");
        put_fmt(
            self.out,
            format_args!(
                "\"protocol\":\"{}\",\"state\":\"{}\"",
                Lower(socket.protocol.name()),
                Lower(socket.state)
            ),
        );
        put_fmt(
            self.out,
            format_args!(
                ",\"local\":\"{}\",\"remote\":\"{}\"",
                socket.local, socket.remote
            ),
        );
        for (key, queue) in [("tx", socket.tx_queue), ("rx", socket.rx_queue)] {
            if let Some(bytes) = queue {
                put_fmt(self.out, format_args!(",\"{key}_queue_bytes\":{}", bytes.0));
            }
        }
        put_fmt(
            self.out,
            format_args!(",\"inode\":{}}}}}}}\n", socket.inode),
        );
    }

    /// A relative is a process with its own pid; its snapshot is the target's.
    fn relative(&mut self, relative: &Relative<'_>) {
        let relation = if relative.relation == Relation::Child {
            "child"
        } else {
            "ancestor"
        };
        self.row_head(Event::Relative, relative.pid.get(), "process");
        put_fmt(self.out, format_args!("\"relation\":\"{relation}\""));
        if let Ok(comm) = relative.comm {
            self.out.put(b",\"comm\":");
            escape::json(self.out, comm, Source::Raw, JSON_MAX);
        }
        for (key, number) in [
            ("oom_score", relative.oom_score),
            ("oom_score_adj", relative.oom_score_adj),
        ] {
            if let Ok(number) = number {
                put_fmt(self.out, format_args!(",\"{key}\":{number}"));
            }
        }
        for (key, size) in [("rss", relative.rss), ("swap", relative.swap)] {
            if let Ok(size) = size {
                put_fmt(self.out, format_args!(",\"{key}_bytes\":{}", size.0));
            }
        }
        self.out.put(b"}}}\n");
    }
}

impl Report for Json<'_, '_> {
    fn head(&mut self, head: &Head<'_>) {
        let moment = Moment::now(head.now);
        self.timestamp = rfc3339(moment.utc, moment.micros, Precision::Micros);
        self.pid = head.pid.get();
        self.comm = Fixed::of(head.comm);
        self.snapshot_id.clear();
        let micros = u64::try_from(head.now.realtime.as_micros()).unwrap_or(0);
        self.snapshot_id
            .push_dec(micros)
            .push(b"-")
            .push_dec(self.pid);
    }

    fn begin(&mut self, _: Section) {}

    fn facts(&mut self, facts: &[Fact<'_>]) {
        for (at, fact) in facts.iter().enumerate() {
            let is_first = !facts
                .iter()
                .take(at)
                .any(|earlier| earlier.event == fact.event);
            if is_first
                && facts
                    .iter()
                    .any(|other| other.event == fact.event && !other.key.is_empty())
            {
                self.line(fact.event, facts);
            }
        }
    }

    fn row(&mut self, row: Row<'_>) {
        match row {
            Row::Mapping(mapping) => self.mapping(mapping),
            Row::Socket(socket) => self.socket(socket),
            Row::Relative(relative) => self.relative(relative),
        }
    }

    fn missing(&mut self, section: Section, why: Absent) {
        let key = match section {
            Section::Basic => "process",
            Section::Memory => "memdoor.snapshot.memory",
            Section::Tree => "memdoor.snapshot.ancestor",
            Section::Mappings => "memdoor.snapshot.mapping",
            Section::Network => "memdoor.snapshot.socket",
            Section::End => "memdoor.watch.end",
        };
        self.line(
            Event::SourceError,
            &[Fact::new(Event::SourceError, "", key, Value::Absent(why))],
        );
    }

    fn sentence(&mut self, _: &str) {}

    fn end(&mut self, _: Section) {}

    fn foot(&mut self) {}

    fn out(&mut self) -> &mut dyn Flush {
        self.out
    }
}

impl Event {
    /// event_name
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Below => "memdoor.watch.below",
            Self::Begin => "memdoor.snapshot.begin",
            Self::Memory => "memdoor.snapshot.memory",
            Self::Oom => "memdoor.snapshot.oom",
            Self::Cgroup => "memdoor.snapshot.cgroup",
            Self::System => "memdoor.snapshot.system",
            Self::Relative => "memdoor.snapshot.ancestor",
            Self::Mapping => "memdoor.snapshot.mapping",
            Self::Socket => "memdoor.snapshot.socket",
            Self::Network => "memdoor.snapshot.network",
            Self::End => "memdoor.snapshot.end",
            Self::WatchEnd => "memdoor.watch.end",
            Self::SourceError => "memdoor.source.error",
        }
    }

    /// The human line: "... of PID 8893 (comm)".
    const fn words(self) -> &'static str {
        match self {
            Self::Below => "memory below the threshold",
            Self::Begin => "snapshot",
            Self::Memory => "memory figures",
            Self::Oom => "OOM score",
            Self::Cgroup => "control group",
            Self::System => "system memory at the snapshot",
            Self::Relative => "process tree",
            Self::Mapping => "mapping",
            Self::Socket => "socket",
            Self::Network => "socket counts",
            Self::End => "end of the snapshot",
            Self::WatchEnd => "end of the watch",
            Self::SourceError => "could not read a part of the snapshot",
        }
    }

    /// OpenTelemetry's text and number.
    const fn severity(self) -> (&'static str, u64) {
        match self {
            Self::WatchEnd => ("WARN", 13),
            Self::SourceError => ("ERROR", 17),
            _ => ("INFO", 9),
        }
    }

    const fn is_of_snapshot(self) -> bool {
        !matches!(self, Self::Below | Self::WatchEnd)
    }
}

/// Writes facts as nested objects: `host.name` and `host.id` become `"host":{"name":...,"id":...}` wherever they stand.
struct Members<'f, 'v> {
    all: &'f [Fact<'v>],
    incomplete: bool,
}

impl Members<'_, '_> {
    /// The members below `prefix`, which is empty or ends with a dot.
    fn put(&self, out: &mut Out<'_>, prefix: &str) {
        let mut comma = false;
        for (at, fact) in self.all.iter().enumerate() {
            let Some(rest) = present_below(fact, prefix) else {
                continue;
            };
            let name = rest.split('.').next().unwrap_or(rest);
            let below = |key: &str| {
                key.strip_prefix(name)
                    .is_some_and(|end| end.is_empty() || end.starts_with('.'))
            };
            if self
                .all
                .iter()
                .take(at)
                .filter_map(|earlier| present_below(earlier, prefix))
                .any(below)
            {
                continue;
            }
            out.put(if comma { b",\"" } else { b"\"" });
            comma = true;
            out.put(name.as_bytes());
            out.put(b"\":");
            if rest.len() == name.len() {
                put_value(out, fact.value);
            } else {
                out.put(b"{");
                let deeper = fact
                    .key
                    .get(..prefix.len() + name.len() + 1)
                    .unwrap_or(fact.key);
                self.put(out, deeper);
                out.put(b"}");
            }
        }
        if prefix == "memdoor." && self.incomplete {
            self.put_incomplete(out);
        }
    }

    fn put_incomplete(&self, out: &mut Out<'_>) {
        out.put(b",\"incomplete\":[");
        for (index, fact) in self
            .all
            .iter()
            .filter(|fact| is_incomplete(fact))
            .enumerate()
        {
            out.put(if index == 0 { b"\"" } else { b",\"" });
            match fact.value {
                Value::Absent(why) => put_fmt(out, format_args!("{}: {why}\"", fact.key)),
                _ => put_fmt(out, format_args!("{}: cut\"", fact.key)),
            }
        }
        out.put(b"]");
    }
}

/// What follows `prefix` in the fact's key, when the fact has a value at all.
fn present_below<'k>(fact: &Fact<'k>, prefix: &str) -> Option<&'k str> {
    let is_present = !matches!(fact.value, Value::Nothing | Value::Absent(_));
    fact.key.strip_prefix(prefix).filter(|_| is_present)
}

fn is_incomplete(fact: &Fact<'_>) -> bool {
    match fact.value {
        Value::Absent(why) => why.is_loss(),
        Value::Text(bytes) => escape::is_cut_in_json(bytes),
        _ => false,
    }
}

fn put_value(out: &mut Out<'_>, value: Value<'_>) {
    match value {
        Value::Bytes(size) => out.put_dec(size.0),
        Value::Count(count) => out.put_dec(count),
        Value::Int(number) => out.put_dec(number),
        Value::Text(bytes) => drop(escape::json(out, bytes, Source::Raw, JSON_MAX)),
        Value::Percent(percent) => put_fmt(
            out,
            format_args!(
                "{}.{:02}",
                percent.hundredths / 100,
                percent.hundredths % 100
            ),
        ),
        Value::Span(span) => put_fmt(out, format_args!("{}", span.as_micros())),
        Value::Moment(moment) => {
            out.put(b"\"");
            out.put(rfc3339(moment.utc, moment.micros, Precision::Micros).as_bytes());
            out.put(b"\"");
        }
        Value::Nothing | Value::Absent(_) => out.put(b"null"),
    }
}

/// An enum's printed name in lower case, as the schema wants enums.
struct Lower<T>(T);

impl<T: core::fmt::Display> core::fmt::Display for Lower<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut name = Fixed::<32>::new();
        put_fmt(&mut name, format_args!("{}", self.0));
        name.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{}", char::from(byte.to_ascii_lowercase())))
    }
}

fn put_fmt(to: &mut impl core::fmt::Write, words: core::fmt::Arguments<'_>) {
    // Neither Out nor Fixed ever returns an error: the one remembers it, the other cuts.
    let _ = to.write_fmt(words);
}
