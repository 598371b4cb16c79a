//! Stands in until oomlog/report has ways to show events.

use core::fmt::Write;

use crate::oomlog::report::{Found, Run, Show};
use crate::report::Format;
use crate::report::escape::{self, JSON_MAX, Source};
use crate::sys::out::Out;

pub(super) struct Stub {
    pub(super) format: Format,
    pub(super) events: u64,
}

impl Show for Stub {
    fn event(&mut self, found: &Found<'_>, out: &mut Out<'_>) {
        self.events += 1;
        let event = found.event;
        let task = event.victim.as_ref().map(|victim| &victim.task);
        let comm = task.and_then(|task| task.comm.as_deref()).unwrap_or(b"-");
        let pid = task.map_or(0, |task| task.pid);
        match self.format {
            Format::Text => {
                out.put(b"OOM event ");
                escape::text(out, found.id, Source::Raw);
                out.put(b" in ");
                escape::text(out, found.source, Source::Raw);
                let _ = write!(out, ":{}-{}", event.lines.first, event.lines.last);
                let _ = write!(out, " at {:?}: killed {pid} ", found.wall_us);
                escape::text(out, comm, Source::Raw);
                let _ = writeln!(out, " {:?} {:?}", event.outcome, event.missing);
            }
            Format::Json => {
                out.put(b"{\"event_name\":\"memdoor.oom.kill\",\"memdoor\":{\"event\":{\"id\":");
                escape::json(out, found.id, Source::Raw, JSON_MAX);
                out.put(b"},\"source\":{\"path\":");
                escape::json(out, found.source, Source::Raw, JSON_MAX);
                let _ = writeln!(out, "}},\"oom\":{{\"killed\":{{\"pid\":{pid}}}}}}}}}");
            }
        }
    }

    fn end(&mut self, run: &Run, out: &mut Out<'_>) {
        let Run {
            logs,
            bytes,
            repeated,
            left_out,
            failed,
            ..
        } = *run;
        match self.format {
            Format::Text if self.events == 0 => {
                let _ = writeln!(out, "No OOM events found: {logs} logs, {bytes} bytes read");
            }
            Format::Text => {
                let _ = writeln!(
                    out,
                    "{} events, {repeated} repeated, {left_out} left out, {failed} failed",
                    self.events
                );
            }
            Format::Json => {
                let _ = writeln!(
                    out,
                    "{{\"event_name\":\"memdoor.run.summary\",\"logs\":{logs}}}"
                );
            }
        }
    }
}
