//! Rows: one of many mappings, sockets or processes. They carry only what joins them to their snapshot.

use super::{BEGINNING, Json, put_object};
use crate::fixed::Fixed;
use crate::parse::maps::Mapping;
use crate::parse::net::{Socket, State};
use crate::report::escape::{self, JSON_MAX, Source};
use crate::report::time::{Precision, rfc3339};
use crate::report::{Event, Grower, Moment, Name, Relation, Relative, Sample, Value, put_fmt};
use crate::units::Bytes;

/// A mapping's path may be 4096 bytes, each of which the kernel may write as four.
const PATH_MAX: usize = 12 * 1024;

const SAMPLE: &Event = &Event::of_snapshot("memdoor.process.sample", "sample");

impl Json<'_, '_> {
    /// The start of a row, up to the brace of its own object under `memdoor`.
    fn row_head(&mut self, event: &str, pid: i32, object: &str) {
        self.out.put(BEGINNING);
        for (before, text) in
            [(&b"\"event_name\":\""[..], event.as_bytes()), (b"\",\"timestamp\":\"", self.timestamp.as_bytes())]
        {
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

    pub(super) fn mapping(&mut self, mapping: &Mapping<'_>) {
        self.row_head("memdoor.snapshot.mapping", self.pid, "mapping");
        put_fmt(self.out, format_args!("\"start\":\"{:x}\",\"end\":\"{:x}\"", mapping.start, mapping.end));
        put_fmt(self.out, format_args!(",\"size_bytes\":{},\"perms\":", mapping.size().0));
        escape::json(self.out, mapping.perms, Source::Raw, JSON_MAX);
        put_fmt(self.out, format_args!(",\"offset\":{},\"device\":", mapping.offset));
        escape::json(self.out, mapping.dev, Source::Raw, JSON_MAX);
        put_fmt(self.out, format_args!(",\"inode\":{}", mapping.inode));
        let mut cut = false;
        if !mapping.path.is_empty() {
            self.out.put(b",\"path\":");
            cut = escape::json(self.out, mapping.path, Source::Kernel, PATH_MAX);
        }
        self.out.put(if cut { b"},\"incomplete\":[\"memdoor.mapping.path: cut\"]}}\n" } else { b"}}}\n" });
    }

    /// A mapping's row has its path.
    pub(super) fn grower(&mut self, grower: &Grower) {
        self.row_head("memdoor.snapshot.grown", self.pid, "mapping");
        let Grower { start, end, kind, by } = grower;
        let size = end - start;
        put_fmt(
            self.out,
            format_args!(
                "\"start\":\"{start:x}\",\"end\":\"{end:x}\",\"size_bytes\":{size},\"kind\":\"{kind}\",\"grown_bytes\":{}}}}}}}\n",
                by.0
            ),
        );
    }

    pub(super) fn socket(&mut self, socket: &Socket) {
        self.row_head("memdoor.snapshot.socket", self.pid, "socket");
        put_fmt(
            self.out,
            format_args!("\"protocol\":\"{}\",\"state\":\"{}\"", Lower(socket.protocol.name()), Lower(socket.state)),
        );
        put_fmt(self.out, format_args!(",\"local\":\"{}\",\"remote\":\"{}\"", socket.local, socket.remote));
        // Of a listening socket the two are connections: how many may wait and how many do.
        let keys = match socket.state {
            State::Listen => ["backlog_limit", "backlog"],
            _ => ["tx_queue_bytes", "rx_queue_bytes"],
        };
        for (key, queue) in keys.into_iter().zip([socket.tx_queue, socket.rx_queue]) {
            if let Some(Bytes(number)) = queue {
                put_fmt(self.out, format_args!(",\"{key}\":{number}"));
            }
        }
        put_fmt(self.out, format_args!(",\"inode\":{}}}}}}}\n", socket.inode));
    }

    /// A sample has a time of its own: when it was taken.
    pub(super) fn sample(&mut self, sample: &Sample) {
        let moment = Moment::at(sample.time);
        let time = rfc3339(moment.utc, moment.micros, Precision::Micros);
        let fact = |key, value| Name(SAMPLE, "", key).is(value);
        let text = |key, text| fact(key, Value::Text(text));
        let size = |key, size: Option<_>| fact(key, size.map_or(Value::Nothing, Value::Bytes));
        let share = |key, part: Option<_>| fact(key, part.map_or(Value::Nothing, Value::Percent));
        let facts = [
            text("schema", b"memdoor/1"),
            text("event_name", SAMPLE.name.as_bytes()),
            text("timestamp", time.as_bytes()),
            fact("process.pid", Value::Int(self.pid.into())),
            size("process.memory.usage", sample.rss),
            size("system.memory.linux.available", sample.available),
            text("memdoor.snapshot.id", self.snapshot_id.as_bytes()),
            size("memdoor.process.anon_bytes", sample.anon),
            size("memdoor.process.swap_bytes", sample.swap),
            size("memdoor.cgroup.usage_bytes", sample.usage),
            share("memdoor.psi.memory.some.avg10", sample.some),
            share("memdoor.psi.memory.full.avg10", sample.full),
        ];
        put_object(self.out, &facts);
        self.out.put(b"\n");
    }

    /// A relative is a process with its own pid; its snapshot is the target's.
    pub(super) fn relative(&mut self, relative: &Relative<'_>) {
        let relation = if relative.relation == Relation::Child { "child" } else { "ancestor" };
        self.row_head("memdoor.snapshot.ancestor", relative.pid.get(), "process");
        put_fmt(self.out, format_args!("\"relation\":\"{relation}\""));
        if let Ok(comm) = relative.comm {
            self.out.put(b",\"comm\":");
            escape::json(self.out, comm, Source::Raw, JSON_MAX);
        }
        for (key, number) in [("oom_score", relative.oom_score), ("oom_score_adj", relative.oom_score_adj)] {
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

/// An enum's printed name in lower case, as the schema wants enums.
struct Lower<T>(T);

impl<T: core::fmt::Display> core::fmt::Display for Lower<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut name = Fixed::<32>::new();
        put_fmt(&mut name, format_args!("{}", self.0));
        name.as_bytes().iter().try_for_each(|byte| write!(f, "{}", char::from(byte.to_ascii_lowercase())))
    }
}
