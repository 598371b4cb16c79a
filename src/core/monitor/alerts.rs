//! What is worth saying: once when it begins, once when it ends.
//!
//! Something begins when its value is above its limit, and ends when it is below 95 % of it: one that stays near its limit is said once.
//! It ends as well when what it is about is not there any more (swap was turned off, a process has exited, no zone has free memory), and
//! then that is said. Where it can't be told any more whether it is so, as what tells it can't be read, it is neither raised nor over: that
//! is said once as well ([`Change::Unknown`]), and once it can be told again it may begin anew.

mod kills;
mod rules;
mod sources;

pub use rules::{ALLOWED, HELP, Kind, Limits, Unit};

pub(super) use rules::grows;

use core::fmt::Write;

use super::kills::Kill;
use super::process_table::{NameAndPid, ProcessTable, Row};
use super::sample::{Sample, Zone};
use super::unread::{Origin, Unread, Why};
use crate::error::Because;
use crate::fixed::Fixed;
use crate::host::Numbers;
use crate::processes::Comm;
use crate::units::{Bytes, Percent, Pid, Ticks};
use rules::{Judge, Measure};

/// Whether it begins or ends, or can't be told any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Change {
    Raised,
    Cleared,
    Unknown,
}

impl Change {
    /// What CSV and JSON call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Unknown => "unknown",
        }
    }
}

/// What is said of it.
pub type Words = Fixed<256>;

/// An alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// What it is about.
    pub kind: Kind,
    /// Whether it begins, ends, or can't be told any more. An OOM kill never ends.
    pub change: Change,
    /// Its value, in [`Kind::unit`], where there is one.
    pub value: Option<u64>,
    /// Above which it is raised.
    pub limit: Option<u64>,
    /// Which source can't be read, or can be again.
    pub source: Option<Origin>,
    /// Of whom, if it is about a process: its name as it is, not escaped.
    pub process: Option<(Pid, Comm)>,
    /// Which number that is: who was OOM-killed may have one of the kernel's log alone.
    pub numbers: Numbers,
    /// A whole sentence: what it is about, the value, the limit and who it is, names escaped. Whoever shows it says none of that again;
    /// in a table and in JSON kind and process have fields of their own beside it, to be searched by:
    /// `memory 83.20 % used (limit 80.00 %): 20377.6 of 24576.0 MiB; largest: java (PID 4242), 12390.4 MiB`.
    pub words: Words,
}

impl Alert {
    /// One that is about no process and has no value.
    #[must_use]
    pub const fn of_host(kind: Kind, change: Change, limit: Option<u64>, words: Words) -> Self {
        Self { kind, change, value: None, limit, source: None, process: None, numbers: Numbers::Initial, words }
    }

    /// What its value and its limit are in; empty where it has neither.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        if self.value.is_none() && self.limit.is_none() { "" } else { self.kind.unit().name() }
    }
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Used memory, and all there is.
    pub memory: Option<(Bytes, Bytes)>,
    /// Used swap, and all there is.
    pub swap: Option<(Bytes, Bytes)>,
    /// Open files of the system, and how many there may be.
    pub files: Option<(u64, u64)>,
    /// PSI full avg10.
    pub full: Option<Percent>,
    /// The zone whose free memory is in the smallest pieces.
    pub zone: Option<&'a Zone>,
    /// OOM kills since the sample before, as the kernel counts them.
    pub oom_kills: Option<u64>,
    /// Those of them whose victims are known.
    pub seen: &'a [Kill],
    /// How many more are in the log, for which there was no room.
    pub more: u64,
    /// Why what tells this could not be read.
    pub unread: &'a Unread,
    /// The processes.
    pub processes: &'a ProcessTable,
}

impl<'a> Facts<'a> {
    /// What a sample tells.
    #[must_use]
    pub fn of(sample: &'a Sample, processes: &'a ProcessTable, (seen, more): (&'a [Kill], u64)) -> Self {
        let full = sample.pressure.full.map(|stall| Percent { hundredths: stall.avg10() });
        Self {
            memory: sample.meminfo.used().zip(sample.meminfo.total),
            swap: sample.meminfo.swap_used().zip(sample.meminfo.swap_total),
            files: sample.files,
            full,
            zone: sample.most_fragmented(),
            oom_kills: sample.delta.oom_kills,
            seen,
            more,
            unread: &sample.unread,
            processes,
        }
    }
}

/// So many processes may be known to grow, or to run out of descriptors; of more nothing is said.
const ROOM: usize = 64;

/// So many alerts may come with one sample: of each kind that is the host's one; of each process that is remembered one that is over,
/// and as many that begin in the places of those; each kill that has a name, and the two sentences about kills without; and each source.
pub(super) const MOST: usize = Kind::COUNT + 2 * ROOM + super::kills::ROOM + 2 + Origin::COUNT;

/// Whom something was said of.
#[derive(Clone, Debug)]
struct RaisedOfProcess {
    kind: Kind,
    pid: Pid,
    started: Ticks,
    comm: Comm,
    /// Whether it was there at this sample.
    is_there: bool,
}

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Level {
    /// Below 95 % of its limit.
    Below,
    /// Neither, or not known.
    Near,
    /// Above its limit.
    Above,
}

impl Level {
    fn of(value: u64, limit: u64) -> Self {
        match value {
            _ if value > limit => Self::Above,
            _ if u128::from(value) * 100 <= u128::from(limit) * 95 => Self::Below,
            _ => Self::Near,
        }
    }
}

/// What an alert of the host is about, at one sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    /// What tells it could not be read: an alert that was raised is neither so nor over.
    Unknown(Origin),
    /// It is not there any more, which ends an alert: what is said then.
    Gone(&'static str),
    /// It is there, with this value.
    At(u64),
}

/// What was said, and is still so.
#[derive(Debug)]
pub struct Alerts {
    limits: Limits,
    /// By [`Kind`].
    raised: [bool; Kind::COUNT],
    known: [Option<RaisedOfProcess>; ROOM],
    /// Whether it was too much at the sample before.
    was_above: [bool; Kind::COUNT],
    /// By [`Origin`].
    sources: [sources::SourceState; Origin::COUNT],
    /// Whether one of them could not be read any more, at whatever sample.
    has_lost: bool,
    /// OOM kills that the kernel has counted, and that nobody has been named for.
    unnamed: i64,
    total: u64,
    unlisted: u64,
}

impl Alerts {
    /// Nothing was said.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            raised: [false; Kind::COUNT],
            known: [const { None }; ROOM],
            was_above: [false; Kind::COUNT],
            sources: [sources::SourceState::NONE; Origin::COUNT],
            has_lost: false,
            unnamed: 0,
            total: 0,
            unlisted: 0,
        }
    }

    /// How many alerts were raised.
    #[must_use]
    pub const fn raised(&self) -> u64 {
        self.total
    }

    /// Whether part of what there was to be seen could not be read, at whatever sample.
    #[must_use]
    pub const fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// How often there was no room to remember a process, and so nothing was said of it.
    #[must_use]
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Says what has begun and what has ended.
    pub fn judge(&mut self, facts: &Facts<'_>, each: &mut dyn FnMut(&Alert)) {
        let mut raised = 0;
        let each = &mut |alert: &Alert| {
            raised += u64::from(alert.change == Change::Raised);
            each(alert);
        };
        // First, as it is why others can't be told.
        self.judge_sources(facts, each);
        self.judge_host(facts, each);
        self.judge_processes(facts, each);
        self.judge_kills(facts, each);
        self.total += raised;
    }

    fn judge_host(&mut self, facts: &Facts<'_>, each: &mut dyn FnMut(&Alert)) {
        for kind in Kind::ALL {
            let (value, say, lasts) = match kind.rule().judge {
                Judge::Host(value, say) => (value, say, false),
                Judge::Lasting(value, say) => (value, say, true),
                Judge::Process(..) | Judge::Kills | Judge::Sources => continue,
            };
            let (raised, was_above) = (&mut self.raised[kind as usize], &mut self.was_above[kind as usize]);
            let limit = self.limits.of(kind);
            let value = match value(facts) {
                Subject::Unknown(origin) => {
                    *was_above = false;
                    if core::mem::take(raised) {
                        let words = untold(kind, origin, facts);
                        each(&Alert::of_host(kind, Change::Unknown, Some(limit), words));
                    }
                    continue;
                }
                Subject::Gone(words) => {
                    if core::mem::take(raised) {
                        let words = Words::of(words.as_bytes());
                        each(&Alert::of_host(kind, Change::Cleared, Some(limit), words));
                    }
                    continue;
                }
                Subject::At(value) => value,
            };
            let level = Level::of(value, limit);
            let is_new = !core::mem::replace(was_above, level == Level::Above);
            let change = match (level, *raised) {
                (Level::Above, false) if lasts && is_new => continue,
                (Level::Above, false) => Change::Raised,
                (Level::Below, true) => Change::Cleared,
                _ => continue,
            };
            *raised = change == Change::Raised;
            let mut words = Words::new();
            let process = say(&mut words, facts, value, limit);
            each(&Alert { value: Some(value), process, ..Alert::of_host(kind, change, Some(limit), words) });
        }
    }

    fn judge_processes(&mut self, facts: &Facts<'_>, each: &mut dyn FnMut(&Alert)) {
        let mut is_any_known = false;
        for known in self.known.iter_mut().flatten() {
            (known.is_there, is_any_known) = (false, true);
        }
        // Who has exited and waits to be reaped has neither memory nor descriptors: it is as gone as one that has no row any more.
        for row in facts.processes.rows().filter(|row| !row.is_zombie()) {
            for kind in Kind::ALL {
                let Judge::Process(measure, _) = kind.rule().judge else { continue };
                let measure = match row.unread {
                    None => measure(row, facts.processes, self.limits.of(kind)),
                    // What stands in its row is of a sample before: it tells nothing.
                    Some(_) => Measure { level: Level::Near, value: None },
                };
                if measure.level == Level::Above || is_any_known {
                    self.judge_process(kind, measure, row, facts.processes, each);
                }
            }
        }
        for place in &mut self.known {
            if let Some(gone) = place.take_if(|known| !known.is_there) {
                let mut words = Words::new();
                push_name(&mut words, gone.pid, &gone.comm);
                let change = if facts.processes.may_hide(gone.pid) { Change::Unknown } else { Change::Cleared };
                words.push(match change {
                    Change::Unknown => b": it may no longer be seen: /proc hides processes of other users (hidepid)",
                    Change::Raised | Change::Cleared => b" has exited".as_slice(),
                });
                let (kind, limit) = (gone.kind, Some(self.limits.of(gone.kind)));
                let process = Some((gone.pid, gone.comm));
                each(&Alert { process, ..Alert::of_host(kind, change, limit, words) });
            }
        }
    }

    fn judge_process(
        &mut self,
        kind: Kind,
        measure: Measure,
        row: &Row,
        processes: &ProcessTable,
        each: &mut dyn FnMut(&Alert),
    ) {
        let is_it = |known: &Option<RaisedOfProcess>| {
            let known = known.as_ref();
            known.is_some_and(|known| (known.kind, known.pid, known.started) == (kind, row.pid, row.started))
        };
        let mut places = self.known.iter_mut();
        let change = match (measure.level, places.find(|place| is_it(place))) {
            (Level::Below, Some(place)) => {
                *place = None;
                Change::Cleared
            }
            (Level::Near, Some(place)) if measure.value.is_none() => {
                *place = None;
                Change::Unknown
            }
            (_, Some(Some(known))) => {
                known.is_there = true;
                return;
            }
            (Level::Above, _) => {
                let Some(place) = self.known.iter_mut().find(|place| place.is_none()) else {
                    self.unlisted += 1;
                    return;
                };
                *place = Some(RaisedOfProcess {
                    kind,
                    pid: row.pid,
                    started: row.started,
                    comm: row.comm.clone(),
                    is_there: true,
                });
                Change::Raised
            }
            _ => return,
        };
        let limit = self.limits.of(kind);
        let mut words = Words::new();
        push_name(&mut words, row.pid, &row.comm);
        match kind.rule().judge {
            _ if change == Change::Unknown => {
                // A Fixed never returns an error: it cuts.
                let _ = write!(words, ": {}: it can't be told any more", kind.name());
                if let Some(errno) = row.unread {
                    let _ = write!(words, ": cannot read /proc/{}: {}", row.pid, Because(errno));
                }
            }
            Judge::Process(_, say) => say(&mut words, row, processes, change == Change::Raised, limit),
            _ => {}
        }
        let process = Some((row.pid, row.comm.clone()));
        each(&Alert { value: measure.value, process, ..Alert::of_host(kind, change, Some(limit), words) });
    }
}

/// That it can't be told any more, and why, where that is known.
fn untold(kind: Kind, origin: Origin, facts: &Facts<'_>) -> Words {
    let mut words = Words::new();
    // A Fixed never returns an error: it cuts.
    let _ = write!(words, "{}: it can't be told any more", kind.name());
    if let Some(why) = facts.unread.of(origin) {
        let _ = write!(words, ": {}", Why(origin, why));
    }
    words
}

fn push_name(words: &mut Words, pid: Pid, comm: &Comm) {
    let _ = write!(words, "{}", NameAndPid(pid, comm));
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::process_table::{Row, SortKey, row_for_tests as row};
    use super::*;
    use crate::error::{Absent, Source};
    use crate::sys::Errno;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const GIB: u64 = 1 << 30;

    static ALL_READ: Unread = Unread::NONE;

    const fn percent(number: u64) -> Percent {
        Percent { hundredths: number * 100 }
    }

    fn quiet(processes: &ProcessTable) -> Facts<'_> {
        Facts {
            memory: Some((Bytes(GIB), Bytes(10 * GIB))),
            swap: Some((Bytes(0), Bytes(GIB))),
            files: Some((10, 1000)),
            full: Some(percent(0)),
            zone: None,
            oom_kills: Some(0),
            seen: &[],
            more: 0,
            unread: &ALL_READ,
            processes,
        }
    }

    /// `+` and what was raised, `-` and what was cleared.
    fn said(alerts: &mut Alerts, facts: &Facts<'_>) -> Vec<String> {
        let mut all = Vec::new();
        alerts.judge(facts, &mut |alert| {
            let mut line = String::from(match alert.change {
                Change::Raised => "+",
                Change::Cleared => "-",
                Change::Unknown => "?",
            });
            line.push_str(core::str::from_utf8(alert.words.as_bytes()).expect("UTF-8"));
            all.push(line);
        });
        all
    }

    #[test]
    fn what_stays_near_its_limit_is_said_once() {
        let processes = ProcessTable::of(&[row(4242, 0)], 3, |_| 12 << 20);
        let mut alerts = Alerts::new(Limits::default());
        let mut at = |used: u64| {
            let memory = Some((Bytes(used * GIB / 100), Bytes(GIB)));
            let facts = Facts { memory, ..quiet(&processes) };
            said(&mut alerts, &facts)
        };
        assert_eq!(at(80), [""; 0], "not above it");
        let raised = at(83);
        assert_eq!(
            raised,
            ["+memory 82.99 % used (limit 80.00 %): 849.9 of 1024.0 MiB; largest: java (PID 4242), 12.0 MiB"]
        );
        for used in [79, 81, 78, 99, 77] {
            assert_eq!(at(used), [""; 0], "{used}");
        }
        let cleared = at(75);
        assert!(cleared.len() == 1 && cleared[0].starts_with("-memory 75.00 % used"), "{cleared:?}");
        assert_eq!(at(75), [""; 0]);
        assert_eq!(alerts.raised(), 1);
    }

    #[test]
    fn what_can_not_be_told_any_more_is_neither_raised_nor_over_and_may_begin_anew() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let mut alerts = Alerts::new(Limits::default());
        let swapping = Facts {
            // A share of 0.00 % is not none.
            swap: Some((Bytes(4096), Bytes(100 * GIB))),
            ..quiet(&processes)
        };
        assert_eq!(said(&mut alerts, &swapping), ["+swap 0.01 % used (limit 0.00 %): 0.0 of 102400.0 MiB"]);
        let mut unread = Unread::NONE;
        unread.note(Origin::Meminfo, Some(Source::proc(c"meminfo").empty()));
        let unknown = Facts { swap: None, memory: None, unread: &unread, ..quiet(&processes) };
        let words = [
            "+cannot read /proc/meminfo: it is empty: how much memory and swap are used is not known until it can be read",
            "?swap: it can't be told any more: cannot read /proc/meminfo: it is empty",
        ];
        assert_eq!(said(&mut alerts, &unknown), words);
        assert_eq!(said(&mut alerts, &unknown), [""; 0], "said once");
        assert_eq!(said(&mut alerts, &quiet(&processes)), ["-/proc/meminfo can be read again"], "none is used");
        assert_eq!(said(&mut alerts, &swapping).len(), 1);
        assert!(alerts.has_lost());
    }

    #[test]
    fn another_cause_is_said_anew_and_what_was_never_read_is_not_lost() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let mut unread = Unread::NONE;
        unread.note(Origin::Pressure, Some(Source::proc(c"pressure/memory").failed(Errno::ENOENT)));
        let mut alerts = Alerts::new(Limits::default());
        let mut at = |why: Option<Absent>| {
            unread.note(Origin::Log, why);
            said(&mut alerts, &Facts { full: None, unread: &unread, ..quiet(&processes) })
        };
        assert_eq!(at(None), [""; 0]);
        let words = "OOM kills are counted, and have no names until it can be read";
        assert_eq!(
            at(Some(Absent::Failed(Errno::EIO))),
            [std::format!("+cannot read /dev/kmsg: I/O error (EIO): {words}")]
        );
        assert_eq!(at(Some(Absent::Failed(Errno::EIO))), [""; 0]);
        let other = [std::format!("+cannot read /dev/kmsg: operation not permitted (EPERM): {words}")];
        assert_eq!(at(Some(Absent::Failed(Errno::EPERM))), other);
    }

    #[test]
    fn a_process_that_can_not_be_read_neither_grows_nor_has_exited() {
        let mut processes = ProcessTable::of(&[row(7, 0)], 20, |second| (100 + 2 * second) << 20);
        let mut alerts = Alerts::new(Limits::default());
        assert_eq!(said(&mut alerts, &quiet(&processes)).len(), 1);
        processes.change(|row| row.unread = Some(Errno::EMFILE));
        let words =
            "?java (PID 7): growth: it can't be told any more: cannot read /proc/7: too many open files (EMFILE)";
        assert_eq!(said(&mut alerts, &quiet(&processes)), [words]);
        assert_eq!(said(&mut alerts, &quiet(&processes)), [""; 0]);
        let mut top = 0;
        processes.each_top(SortKey::Rss, 9, &mut |_| top += 1);
        assert_eq!(top, 0, "what it had once is not what it has");
        processes.change(|row| row.unread = None);
        assert_eq!(said(&mut alerts, &quiet(&processes)).len(), 1);
    }

    #[test]
    fn an_alert_ends_when_what_it_is_about_is_gone() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let zone = |unusable| Zone { node: 0, name: Fixed::of(b"Normal"), free: [0; 11], unusable };
        let (broken, empty) = (zone(Some(percent(97))), zone(None));
        let mut alerts = Alerts::new(Limits::default());
        let swapping = Facts { swap: Some((Bytes(GIB), Bytes(2 * GIB))), zone: Some(&broken), ..quiet(&processes) };
        assert_eq!(said(&mut alerts, &swapping).len(), 2);
        let gone = Facts { swap: Some((Bytes(0), Bytes(0))), zone: Some(&empty), ..quiet(&processes) };
        assert_eq!(
            said(&mut alerts, &gone),
            [
                "-swap: it was turned off, there is none any more",
                "-free memory: no zone has any that could be in pieces",
            ]
        );
        assert_eq!(said(&mut alerts, &gone), [""; 0], "once");
        assert_eq!(said(&mut alerts, &swapping).len(), 2, "and they may begin again");
        let unread = Facts { swap: None, zone: None, memory: None, files: None, full: None, ..quiet(&processes) };
        let words = ["?swap: it can't be told any more", "?fragmentation: it can't be told any more"];
        assert_eq!(said(&mut alerts, &unread), words, "what was not read is not gone");
    }

    #[test]
    fn who_waits_to_be_reaped_has_exited() {
        let mut processes = ProcessTable::of(&[row(7, 0), row(8, 0)], 20, |second| (100 + 2 * second) << 20);
        let limits = Limits::default().with(Kind::Zombies, 9);
        let mut alerts = Alerts::new(limits);
        processes.change(|row| (row.fds, row.fds_most) = (Some(90), Some(100)));
        assert_eq!(said(&mut alerts, &quiet(&processes)).len(), 4, "both grow, and have many descriptors");
        processes.change(|row| (row.state, row.fds) = (b'Z', None));
        let said = said(&mut alerts, &quiet(&processes));
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said.iter().all(|line| line.ends_with(" has exited")), "{said:?}");
    }

    #[test]
    fn pressure_files_and_fragments_are_said_with_their_limits() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let zone = Zone { node: 0, name: Fixed::of(b"Normal"), free: [0; 11], unusable: Some(percent(97)) };
        let facts = Facts { full: Some(percent(12)), files: Some((900, 1000)), zone: Some(&zone), ..quiet(&processes) };
        assert_eq!(
            said(&mut Alerts::new(Limits::default()), &facts),
            [
                "+open files: 90.00 % of the system's (limit 80.00 %), 900 of 1000",
                "+memory: everybody waited 12.00 % of 10 s (limit 10.00 %)",
                "+free memory: 97.00 % in pieces below 2 MiB (limit 95.00 %) in zone Normal of node 0",
            ]
        );
    }

    #[test]
    fn growth_is_said_once_until_it_ends() {
        let mut processes = ProcessTable::of(&[row(7, 0)], 20, |second| (100 + 2 * second) << 20);
        let mut alerts = Alerts::new(Limits::default());
        let raised = said(&mut alerts, &quiet(&processes));
        assert_eq!(
            raised,
            ["+java (PID 7) grew by 40.0 MiB in 20 s, 40.00 % (limit 10.00 %): 2048 KiB/s, R2 1.00; it has 140.0 MiB"]
        );
        assert_eq!(said(&mut alerts, &quiet(&processes)), [""; 0]);
        (21..50).for_each(|second| processes.have(second, 140 << 20));
        assert_eq!(said(&mut alerts, &quiet(&processes)), ["-java (PID 7) grows no more: it has 140.0 MiB"]);
    }

    #[test]
    fn who_exits_grows_no_more() {
        let mut processes = ProcessTable::of(&[row(7, 0), row(8, 0)], 20, |second| (100 + 2 * second) << 20);
        let mut alerts = Alerts::new(Limits::default());
        assert_eq!(said(&mut alerts, &quiet(&processes)).len(), 2);
        processes.lose_the_first();
        assert_eq!(said(&mut alerts, &quiet(&processes)), ["-java (PID 7) has exited"]);
    }

    #[test]
    fn little_growth_and_a_start_are_none() {
        let sizes: [fn(u64) -> u64; 3] = [
            // 15 MiB.
            |second| (20 << 20) + (second << 20) * 3 / 4,
            // 9 %.
            |second| (1000 + second * 9 / 2) << 20,
            // No line.
            |second| (100 + second % 2 * 100) << 20,
        ];
        for (at, size) in sizes.into_iter().enumerate() {
            let processes = ProcessTable::of(&[row(7, 0)], 20, size);
            let said = said(&mut Alerts::new(Limits::default()), &quiet(&processes));
            assert_eq!(said, [""; 0], "{at}");
        }
        // Four seconds of an hour.
        let mut processes =
            ProcessTable::with_room(1, core::time::Duration::from_secs(3600), core::time::Duration::from_secs(1))
                .expect("room");
        processes.begin_with(row(7, 0));
        (0..5).for_each(|second| processes.have(second, second << 30));
        assert!(processes.rows().all(Row::is_growing));
        assert_eq!(said(&mut Alerts::new(Limits::default()), &quiet(&processes)), [""; 0]);
    }

    #[test]
    fn growth_takes_ten_samples_or_a_minute() {
        let said_after = |seconds| {
            let processes = ProcessTable::of(&[row(7, 0)], seconds, |second| (100 + 10 * second) << 20);
            said(&mut Alerts::new(Limits::default()), &quiet(&processes)).len()
        };
        assert_eq!([said_after(9), said_after(10)], [0, 1]);
        let mut slow =
            ProcessTable::with_room(1, core::time::Duration::from_secs(300), core::time::Duration::from_secs(15))
                .expect("room");
        slow.begin_with(row(7, 0));
        let mut alerts = Alerts::new(Limits::default());
        let mut at = |step: u64| {
            slow.have(15 * step, (100 + 20 * step) << 20);
            said(&mut alerts, &quiet(&slow)).len()
        };
        assert_eq!([0, 1, 2, 3, 4].map(&mut at), [0, 0, 0, 0, 1], "a minute is over before ten samples");
    }

    #[test]
    fn an_alert_has_its_value_and_its_limit_beside_its_words() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let mut alerts = Alerts::new(Limits::default().with(Kind::Pressure, 500));
        let facts = Facts { full: Some(percent(12)), ..quiet(&processes) };
        let mut all = Vec::new();
        alerts.judge(&facts, &mut |alert| all.push((alert.kind, alert.value, alert.limit, alert.unit())));
        assert_eq!(all, [(Kind::Pressure, Some(1200), Some(500), "percent")]);
    }

    #[test]
    fn no_sample_brings_more_alerts_than_there_is_room_for() {
        let rows = |from: u64| (from..from + ROOM as u64 + 3).map(|pid| row(pid, 0)).collect::<Vec<Row>>();
        let growing = |rows: &[Row]| ProcessTable::of(rows, 20, |second| (100 + 2 * second) << 20);
        let (before, after) = (growing(&rows(1)), growing(&rows(1000)));
        let kill = Kill { pid: 5, numbers: Numbers::Initial, comm: Fixed::of(b"a"), cgroup: Fixed::new(), rss: None };
        let seen = std::vec![kill; crate::monitor::kills::ROOM];
        let mut alerts = Alerts::new(Limits::default());
        said(&mut alerts, &quiet(&before));
        let counted = Some(seen.len() as u64 + 7);
        // Counted without a name: said with the next sample.
        said(&mut alerts, &Facts { oom_kills: Some(3), ..quiet(&before) });
        let burst = Facts {
            memory: Some((Bytes(99 * GIB), Bytes(100 * GIB))),
            swap: Some((Bytes(GIB), Bytes(GIB))),
            files: Some((999, 1000)),
            full: Some(percent(99)),
            oom_kills: counted,
            seen: &seen,
            more: 2,
            ..quiet(&after)
        };
        let all = said(&mut alerts, &burst);
        assert!((seen.len() + ROOM..=MOST).contains(&all.len()), "{} of {MOST}", all.len());
        assert!(all.contains(&"+OOM kills: and 2 more: memdoor dmesg".to_string()), "{:?}", all.last());
    }

    #[test]
    fn more_than_there_is_room_for_is_counted() {
        let rows: Vec<Row> = (1..=ROOM as u64 + 3).map(|pid| row(pid, 0)).collect();
        let processes = ProcessTable::of(&rows, 20, |second| (100 + 2 * second) << 20);
        let mut alerts = Alerts::new(Limits::default());
        assert_eq!(said(&mut alerts, &quiet(&processes)).len(), ROOM);
        assert_eq!(alerts.unlisted(), 3);
        assert_eq!(said(&mut alerts, &quiet(&processes)), [""; 0]);
    }

    #[test]
    fn a_zombie_that_is_about_to_be_reaped_is_none() {
        let mut zombie = row(9, 0);
        (zombie.state, zombie.parent) = (b'Z', Pid::new(7));
        let processes = ProcessTable::of(&[row(7, 0), zombie], 0, |_| 0);
        let none = ProcessTable::of(&[row(7, 0)], 0, |_| 0);
        let mut alerts = Alerts::new(Limits::default());
        assert_eq!(said(&mut alerts, &quiet(&processes)), [""; 0]);
        assert_eq!(said(&mut alerts, &quiet(&none)), [""; 0]);
        assert_eq!(said(&mut alerts, &quiet(&processes)), [""; 0]);
        assert_eq!(said(&mut alerts, &quiet(&processes)), ["+zombies: 1 (limit 0), 1 not reaped by java (PID 7)"]);
        assert_eq!(said(&mut alerts, &quiet(&none)), ["-zombies: 0 (limit 0)"]);
    }

    #[test]
    fn each_oom_kill_is_said_once_whether_it_is_counted_or_logged_first() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let mut alerts = Alerts::new(Limits::default());
        let seen = [Kill {
            pid: 5,
            numbers: Numbers::Initial,
            comm: Fixed::of(b"a\x1b[2Jb"),
            cgroup: Fixed::of(b"/kubepods/pod\n1"),
            rss: Some(Bytes(3 << 20)),
        }];
        let mut kills = |counted: Option<u64>, seen: &[Kill]| {
            said(&mut alerts, &Facts { oom_kills: counted, seen, ..quiet(&processes) })
        };
        let named = ["+OOM kill: a\\033[2Jb (PID 5), 3.0 MiB, in /kubepods/pod\\0121".to_string()];
        assert_eq!(kills(Some(1), &seen), named);
        // Counted first.
        assert_eq!(kills(Some(1), &[]), [""; 0]);
        assert_eq!(kills(Some(0), &seen), named);
        // Logged first.
        assert_eq!(kills(Some(0), &seen), named);
        assert_eq!(kills(Some(1), &[]), [""; 0]);
        // Never logged.
        assert_eq!(kills(Some(2), &[]), [""; 0]);
        assert_eq!(kills(Some(0), &[]), ["+OOM kills: 2 whose victims are not known"]);
        assert_eq!(kills(None, &[]), [""; 0]);
        // Never counted: the next one is not taken for it.
        assert_eq!(kills(None, &seen), named);
        assert_eq!(kills(Some(0), &[]), [""; 0]);
        assert_eq!(kills(Some(1), &[]), [""; 0]);
        assert_eq!(kills(Some(0), &[]), ["+OOM kills: 1 whose victims are not known"]);
    }

    #[test]
    fn a_kill_that_is_named_before_there_are_counts_is_not_counted_as_another_one_by_the_next() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let seen = [Kill { pid: 5, numbers: Numbers::Initial, comm: Fixed::of(b"a"), cgroup: Fixed::new(), rss: None }];
        let named = ["+OOM kill: a (PID 5)"];
        let mut alerts = Alerts::new(Limits::default());
        let mut kills = |counted: Option<u64>, seen: &[Kill]| {
            said(&mut alerts, &Facts { oom_kills: counted, seen, ..quiet(&processes) })
        };
        // Just after the start: the first sample has counts, and nothing that they are compared with.
        assert_eq!(kills(None, &seen), named);
        assert_eq!(kills(Some(1), &[]), [""; 0]);
        assert_eq!(kills(Some(0), &[]), [""; 0]);
        // vmstat can't be read for three samples; what comes then is since the last that was.
        assert_eq!(kills(None, &seen), named);
        assert_eq!(kills(None, &seen), named);
        assert_eq!(kills(None, &[]), [""; 0]);
        assert_eq!(kills(Some(3), &[]), [""; 0]);
        assert_eq!(kills(Some(0), &[]), ["+OOM kills: 1 whose victims are not known"]);
        assert_eq!(kills(Some(0), &[]), [""; 0]);
    }

    #[test]
    fn oom_kills_beyond_the_room_for_names_are_said_to_be_more_and_not_unknown() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let mut alerts = Alerts::new(Limits::default());
        let seen = [Kill { pid: 5, numbers: Numbers::Initial, comm: Fixed::of(b"a"), cgroup: Fixed::new(), rss: None }];
        let facts = Facts { oom_kills: Some(12), seen: &seen, more: 11, ..quiet(&processes) };
        assert_eq!(said(&mut alerts, &facts), ["+OOM kill: a (PID 5)", "+OOM kills: and 11 more: memdoor dmesg"]);
        assert_eq!(said(&mut alerts, &Facts { oom_kills: Some(0), ..quiet(&processes) }), [""; 0]);
    }

    #[test]
    fn who_has_no_name_is_a_dash_and_leaves_no_hole() {
        let mut zombie = row(9, 0);
        (zombie.state, zombie.parent) = (b'Z', Pid::new(7));
        let mut parent = row(7, 0);
        parent.comm = Comm::new();
        let processes = ProcessTable::of(&[parent, zombie], 0, |_| 0);
        let mut alerts = Alerts::new(Limits::default());
        assert_eq!(said(&mut alerts, &quiet(&processes)), [""; 0]);
        assert_eq!(said(&mut alerts, &quiet(&processes)), ["+zombies: 1 (limit 0), 1 not reaped by - (PID 7)"]);
    }

    #[test]
    fn a_number_of_the_kernels_log_that_means_another_process_here_is_said_to_be_of_the_initial_pid_namespace() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let seen = [Kill {
            pid: 5,
            numbers: Numbers::Other,
            comm: Fixed::of(b"a"),
            cgroup: Fixed::of(b"/shop"),
            rss: Some(Bytes(3 << 20)),
        }];
        let facts = Facts { oom_kills: Some(1), seen: &seen, ..quiet(&processes) };
        let words = "+OOM kill: a (PID 5 of the initial pid namespace), 3.0 MiB, in /shop";
        assert_eq!(said(&mut Alerts::new(Limits::default()), &facts), [words]);
    }

    #[test]
    fn the_longest_words_are_not_cut() {
        let processes = ProcessTable::of(&[], 0, |_| 0);
        let path = [b'x'; 300];
        let seen = [Kill {
            pid: 4_194_304,
            numbers: Numbers::Other,
            comm: Fixed::of(b"\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07"),
            cgroup: Fixed::of(&path),
            rss: Some(Bytes(u64::MAX)),
        }];
        let facts = Facts { seen: &seen, ..quiet(&processes) };
        Alerts::new(Limits::default()).judge(&facts, &mut |alert| {
            assert!(!alert.words.is_cut(), "{:?}", alert.words);
        });
    }
}
