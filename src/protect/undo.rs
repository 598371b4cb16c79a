//! Puts back what was changed.

use crate::error::Absent;
use crate::processes::{self, Depth, Kind, Process, Table};
use crate::refusal::say_hint;
use crate::sys::out::say;
use crate::units::plural;

use super::act::{self, Outcome, Row};
use super::state::Entry;
use super::{Opened, Run, SHOWN};

/// Generations of children that are followed up.
const GENERATIONS: usize = 64;

impl Run<'_, '_> {
    /// Puts back what was changed, and keeps in mind what could not be: only who is gone is forgotten.
    pub(super) fn undo(&mut self, table: &mut Table) {
        let entries = core::mem::take(&mut self.state.entries);
        let mut undone = Vec::new();
        for entry in entries {
            let mut target = match self.open(entry.pid) {
                Opened::Target(target) => target,
                Opened::Gone => continue,
                Opened::Refused => {
                    self.state.entries.push(entry);
                    continue;
                }
            };
            if target.started != entry.started {
                continue;
            }
            let row = match act::adj(&mut target) {
                Ok(now) if now != entry.after => Row::of(&mut target, now, now, Outcome::Changed),
                _ => act::set(&mut target, entry.before, self.options.change),
            };
            if row.outcome.failure() == Some(Absent::Gone) {
                continue;
            }
            let is_left = row.outcome.failure().is_some() || row.outcome == Outcome::Would;
            if !is_left && row.outcome != Outcome::Changed {
                undone.push(entry);
            }
            self.show(&row);
            if is_left {
                self.state.entries.push(entry);
            }
        }
        if !undone.is_empty() && table.read(&self.host.proc, Depth::Badness).is_ok() {
            say_heirs(&undone, table.rows());
        }
    }
}

/// Says who has come from those that were put back, and still has what they had: a child begins with its parent's value, and is in no
/// state. Whose parents have ended meanwhile can't be told.
fn say_heirs(undone: &[Entry], rows: &[Process]) {
    let heir_of = |process: &Process| {
        let is_itself = undone.iter().any(|entry| entry.pid == process.pid);
        let parent = |pid| rows.get(processes::find(rows, pid)?)?.parent;
        let mut above = std::iter::successors(process.parent, |pid| parent(*pid)).take(GENERATIONS);
        let entry = above.find_map(|pid| undone.iter().find(|entry| entry.pid == pid))?;
        let has_its = process.oom_score_adj == Some(entry.after) && entry.after != entry.before;
        (has_its && !is_itself && process.kind == Kind::User).then_some(entry)
    };
    let heirs: Vec<(&Process, &Entry)> =
        rows.iter().filter_map(|process| heir_of(process).map(|entry| (process, entry))).collect();
    let Some((first, of)) = heirs.first() else { return };
    let shown: Vec<String> = heirs.iter().take(SHOWN).map(|(process, _)| process.pid.to_string()).collect();
    let (count, more) = (heirs.len() as u64, heirs.len().saturating_sub(SHOWN));
    say(format_args!(
        "memdoor: {count} {} what was set: PID {}{}",
        plural(
            count,
            "process that came from them meanwhile still has",
            "processes that came from them meanwhile still have"
        ),
        shown.join(", "),
        if more > 0 { format!(" and {more} more") } else { String::new() },
    ));
    let hint = format!("for each of them: memdoor protect -p {} --adj {}", first.pid, of.before);
    say_hint(Some(&hint));
}
