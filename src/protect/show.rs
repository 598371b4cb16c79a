//! What was done, for people and as JSON.

use core::fmt::Write;

use super::act::{Outcome, Row, Unit};
use super::{Change, Run};
use crate::error::limit;
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::mode::with_report;
use crate::refusal::say_hint;
use crate::report::escape::Called;
use crate::report::{Event, Format, Head, Name, Severity, Value};
use crate::shell::argument;
use crate::sys::Errno;
use crate::sys::clock::Now;
use crate::sys::out::say;

const PROTECT: &Event = &Event::alone("memdoor.action.protect", "oom_score_adj", Severity::Info);

const COMM: Name = Name(PROTECT, "", "memdoor.process.comm");
const BEFORE: Name = Name(PROTECT, "", "memdoor.protect.before");
const AFTER: Name = Name(PROTECT, "", "memdoor.protect.after");
const RESULT: Name = Name(PROTECT, "", "memdoor.protect.result");

/// What was said once and need not be said again.
#[derive(Default)]
pub(super) struct Said {
    unit: Unit,
    refused: Option<Errno>,
}

impl Run<'_, '_> {
    pub(super) fn show(&mut self, row: &Row) {
        if self.count == 0 && self.options.format == Format::Text {
            self.out.put(b"PID      COMM             BEFORE  AFTER  RESULT\n");
        }
        self.count += 1;
        if let Some(why) = row.outcome.failure() {
            self.exit = Exit::Error;
            self.said.refused = why.errno();
        }
        match self.options.format {
            Format::Text => self.text(row),
            Format::Json => self.json(row),
        }
    }

    fn text(&mut self, row: &Row) {
        let mut comm = Fixed::<80>::new();
        // Neither Fixed nor Out returns an error: the one cuts, the other remembers.
        let _ = write!(comm, "{}", Called(row.comm.as_bytes()));
        let comm = core::str::from_utf8(comm.as_bytes()).unwrap_or_default();
        let mut before = Fixed::<24>::new();
        let _ = match row.before {
            Ok(adj) => write!(before, "{adj}"),
            Err(_) => write!(before, "-"),
        };
        let before = core::str::from_utf8(before.as_bytes()).unwrap_or_default();
        let (pid, after, outcome) = (row.pid.get(), row.after, row.outcome);
        let _ = writeln!(self.out, "{pid:<8} {comm:<15} {before:>7} {after:>6}  {outcome}");
        let is_news =
            matches!(outcome, Outcome::Done | Outcome::Would) && self.said.unit.as_bytes() != row.unit.as_bytes();
        if is_news && let Some(unit) = argument(row.unit.as_bytes()) {
            self.said.unit = row.unit.clone();
            let _ = writeln!(
                self.out,
                "         until it ends; for good: systemctl edit {unit}\n           [Service]\n           OOMScoreAdjust={after}"
            );
        }
    }

    fn json(&mut self, row: &Row) {
        let head = Head { now: &Now::read(), pid: row.pid, comm: row.comm.as_bytes() };
        let mut result = Fixed::<96>::new();
        let _ = write!(result, "{}", row.outcome);
        let result = core::str::from_utf8(result.as_bytes()).unwrap_or_default();
        let facts = [
            COMM.is(Value::Text(row.comm.as_bytes())),
            Name(PROTECT, "", "service.name").is(Value::text_or_nothing(row.unit.as_bytes())),
            BEFORE.is(Value::of(row.before, Value::Int)),
            AFTER.is(Value::Int(row.after)),
            RESULT.is(Value::Words(result)),
        ];
        with_report(self.options.format, &mut self.out, &self.envelope, |report| {
            report.head(&head);
            report.facts(&facts);
        });
    }

    /// What there is to say when all is done.
    pub(super) fn foot(&mut self) {
        self.out.flush();
        if self.options.change == Change::Show && self.count > 0 {
            say(format_args!("memdoor: nothing was changed (--dry-run)"));
        }
        if let Some(hint) = self.said.refused.and_then(limit) {
            say_hint(Some(hint));
        } else if let Some(Errno::EACCES | Errno::EPERM) = self.said.refused {
            say_hint(Some(
                "another user's process takes root; to lower oom_score_adj takes CAP_SYS_RESOURCE, which root has on a host, and \
                 not in a container",
            ));
        }
    }
}
