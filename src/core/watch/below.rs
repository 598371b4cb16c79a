//! The report while the target is below the threshold.

use super::Armed;
use super::end::bytes_or_gone;
use crate::error::Absent;
use crate::mode::with_report;
use crate::report::{Event, Fact, Head, Name, Severity, Value};
use crate::snapshot::{BASIC, Completeness};
use crate::sys::clock::Now;
use crate::sys::record::frame::Kind;
use crate::target::exe::Link;
use crate::units::Pid;

const BELOW: &Event = &Event::alone("memdoor.watch.below", "memory below the threshold", Severity::Info);

/// The document's sentence.
const SENTENCE: &str = "Process memory usage is not equal to or greater than input memory pressure threshold";

impl Armed<'_> {
    pub(super) fn report_below(&mut self) {
        let now = Now::read();
        let head = Head { now: &now, pid: self.target.pid, comm: b"" };
        let [pid, exe] = identity(self.target.pid, self.exe.as_ref(), BELOW);
        self.completeness = self.completeness.and(Completeness::of(&[exe]));
        let percent = self.threshold.percent().map(u64::from);
        let figures = [
            Name(BELOW, "Process RSS Memory Usage", "process.memory.usage").is(bytes_or_gone(self.seen.last_rss)),
            Name(BELOW, "Memory Pressure Threshold", "memdoor.watch.threshold_bytes")
                .is(self.threshold.fires_at().map_or(Value::Nothing, Value::Bytes)),
            Name(BELOW, "", "memdoor.watch.threshold_percent").is(percent.map_or(Value::Nothing, Value::Count)),
        ];
        self.out.begin(Kind::Below);
        with_report(self.options.format, &mut self.out, &self.envelope, |report| {
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
        self.out.seal();
    }
}

/// PID and executable, as every report of the document begins.
pub(super) fn identity<'f>(pid: Pid, exe: Result<&'f Link, &Absent>, event: &'static Event) -> [Fact<'f>; 2] {
    let pid = Name(event, "PID", "").is(Value::Int(pid.get().into()));
    let path = exe.map(Link::as_bytes).map_err(|why| *why);
    let name = Name(event, "Executable Absolute Path", "process.executable.path");
    [pid, name.is(Value::of(path, Value::Text))]
}
