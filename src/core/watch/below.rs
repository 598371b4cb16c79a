//! The report while the target is below the threshold.

use super::end::bytes_or_gone;
use super::member::Member;
use super::output::Output;
use crate::report::{Event, Fact, Head, Name, Severity, Value};
use crate::snapshot::{BASIC, Completeness};
use crate::sys::clock::Now;
use crate::sys::record::frame::Kind;

const BELOW: &Event = &Event::alone("memdoor.watch.below", "memory below the threshold", Severity::Info);

/// The document's sentence.
const SENTENCE: &str = "Process memory usage is not equal to or greater than input memory pressure threshold";

impl Member<'_> {
    pub(super) fn report_below(&self, out: &mut Output<'_>) {
        let now = Now::read();
        let pid = self.evidence.target.pid;
        let head = Head { now: &now, pid, comm: b"" };
        let [pid, exe] = self.evidence.identity.facts(pid, BELOW);
        out.note(Completeness::of(&[exe]));
        let percent = self.threshold.percent().map(u64::from);
        let figures = [
            Name(BELOW, "Process RSS Memory Usage", "process.memory.usage").is(bytes_or_gone(self.seen.last_rss)),
            Name(BELOW, "Memory Pressure Threshold", "memdoor.watch.threshold_bytes")
                .is(self.threshold.fires_at().map_or(Value::Nothing, Value::Bytes)),
            Name(BELOW, "", "memdoor.watch.threshold_percent").is(percent.map_or(Value::Nothing, Value::Count)),
        ];
        out.report(Kind::Below, |report| {
            report.head(&head);
            report.begin(&BASIC);
            // JSON gets all of it in one line; text the document's lines first and the figures that it lacks behind them.
            let [rss, fires_at, percent] = figures.map(Fact::json_only);
            report.facts(&[pid, exe, rss, fires_at, percent]);
            report.end(&BASIC);
            report.sentence(SENTENCE);
            report.facts(&figures.map(Fact::text_only));
            report.foot();
        });
    }
}
