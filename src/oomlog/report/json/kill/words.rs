//! The words of an event: what its enums are called, and one line for a person.

use crate::oomlog::analysis::Who;
use crate::oomlog::event::{Constraint, Event, Missing, Outcome};
use crate::report::Severity;

/// One line for a person.
pub(super) fn headline(event: &Event) -> String {
    let by = Who { comm: event.trigger.comm.as_deref(), pid: event.trigger.pid };
    match (&event.victim, event.outcome) {
        (Some(victim), Outcome::Killed) => {
            format!("Out of memory: killed {}", Who::task(&victim.task))
        }
        (_, Outcome::Panic) => "Out of memory: the kernel panicked".into(),
        (_, Outcome::NoneKillable) => "Out of memory: nobody could be killed".into(),
        (Some(victim), _) if event.reaped => {
            format!("Out of memory: {} was reaped, its kill is missing", Who::task(&victim.task))
        }
        (Some(victim), _) => format!("Out of memory: {} was selected, the end is missing", Who::task(&victim.task)),
        (None, _) if event.selected.is_some() => {
            let selected = event.selected.as_ref().map(Who::task);
            format!("Out of memory: {} was selected, the end is missing", selected.unwrap_or(by))
        }
        (None, _) => format!("Out of memory: triggered by {by}, the end is missing"),
    }
}

pub(super) fn severity(event: &Event) -> Severity {
    match event.outcome {
        Outcome::Panic => Severity::Fatal,
        Outcome::Unknown => Severity::Warn,
        _ => Severity::Error,
    }
}

pub(super) fn constraint(constraint: Constraint) -> &'static str {
    match constraint {
        Constraint::None => "none",
        Constraint::Memcg => "memcg",
        Constraint::Cpuset => "cpuset",
        Constraint::Mempolicy => "mempolicy",
        Constraint::Unknown => "unknown",
    }
}

pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Killed => "killed",
        Outcome::Panic => "panic",
        Outcome::NoneKillable => "none_killable",
        Outcome::Unknown => "unknown",
    }
}

pub(super) fn missing(event: &Event) -> Vec<&'static str> {
    let word = |missing: &Missing| match missing {
        Missing::Header => "header",
        Missing::Mixed => "mixed",
        Missing::Memory => "memory",
        Missing::Table => "table",
        Missing::Columns => "columns",
        Missing::Rows => "rows",
        Missing::Lines => "lines",
        Missing::Counts => "counts",
        Missing::End => "end",
        Missing::Sizes => "sizes",
    };
    event.missing.iter().map(word).collect()
}
