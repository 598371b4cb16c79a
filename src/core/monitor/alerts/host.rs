//! What is said of the machine.

use core::fmt::Write;

use super::{Alert, Alerts, Change, Facts, Kind, Level, Words, push_name};
use crate::monitor::crowd::{By, Negligent, Row};
use crate::processes::Comm;
use crate::report::columns::{Mb, OrDash, in_mb};
use crate::report::escape::Escaped;
use crate::units::{Bytes, Percent};

/// What an alert is about, at one sample.
enum Subject {
    /// It could not be read: an alert that was raised is neither so nor over.
    Unknown,
    /// It is not there any more, which ends an alert: what is said then.
    Gone(&'static str),
    /// It is there, with this value.
    At(u64),
}

impl Alerts {
    pub(super) fn judge_host(&mut self, facts: &Facts<'_>, each: &mut dyn FnMut(&Alert)) {
        let limits = &self.limits;
        // A share of what is hardly used is 0, which is not none.
        let share = |(part, whole): (Bytes, Bytes)| {
            let share = Percent::of(part, whole)?.hundredths;
            Some(share.max(u64::from(part.0 > 0)))
        };
        let zombies = facts.crowd.zombies();
        let unusable = facts.zone.and_then(|zone| zone.unusable);
        let files = facts.files.map(|(open, most)| (Bytes(open), Bytes(most)));
        let hundredths = |share: Option<Percent>| share.map(|share| share.hundredths);
        let of = |value: Option<u64>| value.map_or(Subject::Unknown, Subject::At);
        let swap = match facts.swap {
            Some((_, Bytes(0))) => Subject::Gone("swap: it was turned off, there is none any more"),
            swap => of(swap.and_then(share)),
        };
        let free = match facts.zone {
            // Of those that have free memory it is the one with the smallest pieces: no zone has any.
            Some(zone) if zone.unusable.is_none() => {
                Subject::Gone("free memory: no zone has any that could be in pieces")
            }
            _ => of(hundredths(unusable)),
        };
        let values = [
            (Kind::Memory, of(facts.memory.and_then(share)), limits.memory.hundredths),
            (Kind::Swap, swap, limits.swap.hundredths),
            (Kind::Zombies, Subject::At(zombies), limits.zombies),
            (Kind::SystemFds, of(files.and_then(share)), limits.fds.hundredths),
            (Kind::Pressure, of(hundredths(facts.full)), limits.pressure.hundredths),
            (Kind::Fragmentation, free, limits.fragmentation.hundredths),
        ];
        let were_zombies = self.were_zombies;
        self.were_zombies = zombies > limits.zombies;
        for (kind, value, limit) in values {
            let raised = &mut self.raised[kind as usize];
            let value = match value {
                Subject::Unknown => continue,
                Subject::Gone(words) => {
                    if core::mem::take(raised) {
                        let words = Words::of(words.as_bytes());
                        each(&Alert { kind, change: Change::Cleared, process: None, words });
                    }
                    continue;
                }
                Subject::At(value) => value,
            };
            let change = match (Level::of(value, limit), *raised) {
                (Level::Above, false) if kind == Kind::Zombies && !were_zombies => continue,
                (Level::Above, false) => Change::Raised,
                (Level::Below, true) => Change::Cleared,
                _ => continue,
            };
            *raised = change == Change::Raised;
            each(&of_host(kind, change, facts, value, limit));
        }
    }
}

impl<'a> Facts<'a> {
    /// Who has most of it.
    fn first(&self, by: By) -> Option<&'a Row> {
        let mut first = None;
        self.crowd.each_top(by, 1, &mut |row| first = Some(row));
        first
    }
}

fn of_host(kind: Kind, change: Change, facts: &Facts<'_>, value: u64, limit: u64) -> Alert {
    let (mut words, mut process) = (Words::new(), None);
    let [share, most] = [value, limit].map(|hundredths| Percent { hundredths });
    let of = |pair: Option<(Bytes, Bytes)>| {
        let (part, whole) = pair.unzip();
        (in_mb(part), in_mb(whole))
    };
    let (used, total) = of(facts.memory);
    let (swapped, swap) = of(facts.swap);
    let (open, openable) = facts.files.unzip();
    let (open, openable) = (OrDash(open), OrDash(openable));
    // A Fixed never returns an error: it cuts.
    let _ = match kind {
        Kind::Memory => write!(words, "memory {share} % used (limit {most} %): {used} of {total} MB"),
        Kind::Swap => write!(words, "swap {share} % used (limit {most} %): {swapped} of {swap} MB"),
        Kind::SystemFds => {
            write!(words, "open files: {share} % of the system's (limit {most} %), {open} of {openable}")
        }
        Kind::Pressure => write!(words, "memory: everybody waited {share} % of 10 s (limit {most} %)"),
        Kind::Zombies => write!(words, "zombies: {value} (limit {limit})"),
        _ => write!(words, "free memory: {share} % in pieces below 2 MiB (limit {most} %)"),
    };
    let named = match kind {
        Kind::Memory | Kind::Pressure => Some(("; largest: ", By::Rss)),
        Kind::Swap => Some(("; most of it: ", By::Swap)),
        Kind::SystemFds => Some(("; most: ", By::Fds)),
        _ => None,
    };
    if let Some((before, by)) = named
        && let Some(row) = facts.first(by)
    {
        words.push(before.as_bytes());
        push_name(&mut words, row.pid, &row.comm);
        let _ = match by {
            By::Fds => write!(words, ", {}", by.of(row)),
            _ => write!(words, ", {} MB", Mb(Bytes(by.of(row)))),
        };
    }
    if kind == Kind::Zombies
        && let Some(Negligent { pid, row, zombies }) = facts.crowd.negligent()
    {
        let comm = row.map_or(Comm::new(), |row| row.comm.clone());
        let _ = write!(words, ", {zombies} not reaped by ");
        push_name(&mut words, pid, &comm);
        process = Some((pid, comm));
    }
    if kind == Kind::Fragmentation
        && let Some(zone) = facts.zone
    {
        let name = Escaped(zone.name.as_bytes());
        let _ = write!(words, " in zone {name} of node {}", zone.node);
    }
    Alert { kind, change, process, words }
}
