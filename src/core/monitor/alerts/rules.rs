//! Every alert: a row each, from which its limit on the command line, its help, its name in every output and its sentence follow.
//!
//! A new one is a new row of [`Kind`], and nothing else: what of [`Facts`] or of a process it is about, and how that is told.

use core::fmt::Write;
use core::time::Duration;

use super::{Facts, Level, Subject, Words, push_name};
use crate::history::trend::R2;
use crate::monitor::process_table::{ProcessTable, Row, SortKey, ZombieParent};
use crate::monitor::unread::Origin;
use crate::processes::Comm;
use crate::report::Value;
use crate::report::columns::{Mib, OrDash, in_mib};
use crate::report::escape::Escaped;
use crate::units::{Bytes, Percent, Pid};

/// What the value of an alert, and its limit, are in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Hundredths of a percent: 0 to 10,000.
    Percent,
    /// A number of something.
    Count,
}

impl Unit {
    /// A value of it.
    #[must_use]
    pub const fn value(self, number: u64) -> Value<'static> {
        match self {
            Self::Percent => Value::Percent(Percent { hundredths: number }),
            Self::Count => Value::Count(number),
        }
    }

    /// What JSON and CSV call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Count => "count",
        }
    }
}

/// From which value on an alert is raised.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// None is needed: that it happens is enough.
    Any,
    /// `--alert NAME=VALUE`, and what it is without that, in percent or as a number.
    Own(&'static str, u16),
    /// That of another alert.
    Of(Kind),
}

/// What is judged at each sample, and what is said of it.
pub(super) enum Judge {
    /// The host, at once.
    Host(fn(&Facts<'_>) -> Subject, Say),
    /// The host, if it is so at two samples in a row.
    Lasting(fn(&Facts<'_>) -> Subject, Say),
    /// Each process.
    Process(fn(&Row, &ProcessTable, u64) -> Measure, SayProcess),
    /// OOM kills, which begin and never end: see `kills.rs`.
    Kills,
    /// What can't be read any more: see `sources.rs`.
    Sources,
}

/// Appends the sentence of a value and its limit; whom it is about, if it is one process.
type Say = fn(&mut Words, &Facts<'_>, u64, u64) -> Option<(Pid, Comm)>;

/// Appends what is behind the name of a process in the sentence; the second number is the limit.
type SayProcess = fn(&mut Words, &Row, &ProcessTable, bool, u64);

/// How much of something a process has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Measure {
    /// Whether it is too much.
    pub(super) level: Level,
    /// `None`: it is not known.
    pub(super) value: Option<u64>,
}

/// An alert, described.
pub(super) struct Rule {
    name: &'static str,
    unit: Unit,
    limit: Limit,
    pub(super) judge: Judge,
}

macro_rules! alerts {
    ($($kind:ident: $name:literal, $unit:ident, $limit:expr, $judge:expr;)*) => {
        /// What an alert is about.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum Kind {
            $($kind),*
        }

        impl Kind {
            /// How many there are.
            pub const COUNT: usize = RULES.len();

            /// All of them, in their order.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$kind),*];
        }

        const RULES: &[Rule] = &[$(Rule { name: $name, unit: Unit::$unit, limit: $limit, judge: $judge }),*];
    };
}

alerts! {
    Memory: "memory", Percent, Limit::Own("memory", 80), Judge::Host(|of| share(of.memory, Origin::Meminfo), |words, of, value, limit| {
        let (share, limit) = (percent(value), percent(limit));
        let (used, total) = in_mbs(of.memory);
        let _ = write!(words, "memory {share} % used (limit {limit} %): {used} of {total} MiB");
        push_first(words, of, "; largest: ", SortKey::Rss);
        None
    });
    Swap: "swap", Percent, Limit::Own("swap", 0), Judge::Host(
        |of| match of.swap {
            Some((_, Bytes(0))) => Subject::Gone("swap: it was turned off, there is none any more"),
            swap => share(swap, Origin::Meminfo),
        },
        |words, of, value, limit| {
            let (share, limit) = (percent(value), percent(limit));
            let (used, total) = in_mbs(of.swap);
            let _ = write!(words, "swap {share} % used (limit {limit} %): {used} of {total} MiB");
            push_first(words, of, "; most of it: ", SortKey::Swap);
            None
        });
    // A zombie that is seen in one sample only is about to be reaped: it does not count.
    Zombies: "zombies", Count, Limit::Own("zombies", 0), Judge::Lasting(
        |of| Subject::At(of.processes.zombies()),
        |words, of, value, limit| {
            let _ = write!(words, "zombies: {value} (limit {limit})");
            let ZombieParent { pid, row, zombies } = of.processes.zombie_parent()?;
            let comm = row.map_or(Comm::new(), |row| row.comm.clone());
            let _ = write!(words, ", {zombies} not reaped by ");
            push_name(words, pid, &comm);
            Some((pid, comm))
        });
    Fds: "fds", Percent, Limit::Own("fds", 80), Judge::Process(
        |row, _, limit| {
            let value = row.fds_share().map(|share| share.hundredths);
            Measure { level: value.map_or(Level::Near, |value| Level::of(value, limit)), value }
        },
        |words, row, _, _, limit| {
            let (fds, most, share) = (OrDash(row.fds), OrDash(row.fds_most), OrDash(row.fds_share()));
            let _ = write!(words, " has {fds} of {most} descriptors, {share} % (limit {} %)", percent(limit));
        });
    SystemFds: "system_fds", Percent, Limit::Of(Kind::Fds), Judge::Host(
        |of| share(of.files.map(|(open, most)| (Bytes(open), Bytes(most))), Origin::FileNr),
        |words, of, value, limit| {
            let (open, most) = of.files.unzip();
            let (share, limit, open, most) = (percent(value), percent(limit), OrDash(open), OrDash(most));
            let _ = write!(words, "open files: {share} % of the system's (limit {limit} %), {open} of {most}");
            push_first(words, of, "; most: ", SortKey::Fds);
            None
        });
    Growth: "growth", Percent, Limit::Own("growth", 10), Judge::Process(growth, |words, row, processes, begins, limit| {
        let positive = |number: i64| u64::try_from(number).ok();
        let held = Mib(row.held());
        let _ = match processes.growth(row).filter(|_| begins) {
            Some(growth) => {
                let by = OrDash(positive(growth.gained).map(|gained| Mib(Bytes(gained))));
                let share = OrDash(positive(growth.percent).map(percent));
                let rate = OrDash(positive(growth.per_second / 1024));
                let (seconds, limit) = (growth.span.as_secs(), percent(limit));
                let r2 = percent(u64::from(growth.r2.0) / 10);
                write!(
                    words,
                    " grew by {by} MiB in {seconds} s, {share} % (limit {limit} %): {rate} KiB/s, R2 {r2}; it has {held} MiB"
                )
            }
            None => write!(words, " grows no more: it has {held} MiB"),
        };
    });
    Pressure: "pressure", Percent, Limit::Own("psi", 10), Judge::Host(
        |of| of.full.map_or(Subject::Unknown(Origin::Pressure), |full| Subject::At(full.hundredths)),
        |words, of, value, limit| {
            let (share, limit) = (percent(value), percent(limit));
            let _ = write!(words, "memory: everybody waited {share} % of 10 s (limit {limit} %)");
            push_first(words, of, "; largest: ", SortKey::Rss);
            None
        });
    OomKill: "oom_kill", Count, Limit::Any, Judge::Kills;
    Fragmentation: "fragmentation", Percent, Limit::Own("fragmentation", 95), Judge::Host(
        |of| match of.zone {
            None => Subject::Unknown(Origin::Buddyinfo),
            Some(zone) => match zone.unusable {
                Some(share) => Subject::At(share.hundredths),
                // Of those that have free memory it is the one with the smallest pieces: no zone has any.
                None => Subject::Gone("free memory: no zone has any that could be in pieces"),
            },
        },
        |words, of, value, limit| {
            let (share, limit) = (percent(value), percent(limit));
            let _ = write!(words, "free memory: {share} % in pieces below 2 MiB (limit {limit} %)");
            if let Some(zone) = of.zone {
                let _ = write!(words, " in zone {} of node {}", Escaped(zone.name.as_bytes()), zone.node);
            }
            None
        });
    // Each has a stack, and the kernel's own of 16 KiB.
    Threads: "threads", Count, Limit::Own("threads", 10_000), Judge::Process(
        |row, _, limit| Measure { level: Level::of(row.threads, limit), value: Some(row.threads) },
        |words, row, _, _, limit| _ = write!(words, " has {} threads (limit {limit})", row.threads));
    // A source of the samples can't be read any more.
    Unread: "unread", Count, Limit::Any, Judge::Sources;
}

impl Kind {
    pub(super) const fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }

    /// What CSV, JSON, Prometheus and the screen call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.rule().name
    }

    /// What its value and its limit are in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.rule().unit
    }
}

// What rows have in common. A Fixed never returns an error: it cuts.

const fn percent(hundredths: u64) -> Percent {
    Percent { hundredths }
}

/// A share of what is hardly used is 0, which is not none.
fn share(pair: Option<(Bytes, Bytes)>, origin: Origin) -> Subject {
    let share = pair.and_then(|(part, whole)| Some((part, Percent::of(part, whole)?.hundredths)));
    share.map_or(Subject::Unknown(origin), |(part, share)| Subject::At(share.max(u64::from(part.0 > 0))))
}

fn in_mbs(pair: Option<(Bytes, Bytes)>) -> (impl core::fmt::Display, impl core::fmt::Display) {
    let (part, whole) = pair.unzip();
    (in_mib(part), in_mib(whole))
}

/// Who has most of it.
fn push_first(words: &mut Words, of: &Facts<'_>, before: &str, by: SortKey) {
    let mut first = None;
    of.processes.each_top(by, 1, &mut |row| first = Some(row));
    if let Some(row) = first {
        words.push(before.as_bytes());
        push_name(words, row.pid, &row.comm);
        let _ = match by {
            SortKey::Fds => write!(words, ", {}", by.of(row)),
            _ => write!(words, ", {} MiB", Mib(Bytes(by.of(row)))),
        };
    }
}

/// Less is no growth.
const GAINED: u64 = 16 << 20;

/// Samples that fit a line worse than that (R squared 0.8) are no growth.
const STEADY: R2 = R2(800);

/// Growth lasts at least so long, or ten samples where those are shorter, and a tenth of the window: what starts grows for a moment.
const LONG: Duration = Duration::from_secs(60);
const SAMPLES: u32 = 10;

fn growth(row: &Row, processes: &ProcessTable, limit: u64) -> Measure {
    let Some(growth) = processes.growth(row).filter(|_| row.is_growing()) else {
        return Measure { level: Level::Below, value: None };
    };
    let is_long = growth.span * 10 >= processes.window() && growth.span >= LONG.min(processes.interval() * SAMPLES);
    let percent = u64::try_from(growth.percent).unwrap_or(0);
    let levels = [
        Level::of(percent, limit),
        Level::of(growth.r2.0.into(), STEADY.0.into()),
        Level::of(u64::try_from(growth.gained).unwrap_or(0), GAINED),
    ];
    let level = levels.into_iter().min().unwrap_or(Level::Below);
    Measure { level: if is_long { level } else { level.min(Level::Near) }, value: Some(percent) }
}

/// Whether a process grows by so much and so steadily that it is worth saying.
pub(in crate::monitor) fn grows(row: &Row, processes: &ProcessTable, limits: &Limits) -> bool {
    growth(row, processes, limits.shown(Kind::Growth).hundredths).level == Level::Above
}

/// When alerts are raised: above these, in hundredths of a percent or as numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits([u64; Kind::COUNT]);

impl Limits {
    /// No value is above it.
    pub const OFF: u64 = u64::MAX;

    /// That of an alert.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> u64 {
        match kind.rule().limit {
            Limit::Of(other) => self.0[other as usize],
            Limit::Own(..) | Limit::Any => self.0[kind as usize],
        }
    }

    /// That of an alert whose values are shares.
    #[must_use]
    pub const fn percent(&self, kind: Kind) -> Percent {
        Percent { hundredths: self.of(kind) }
    }

    /// By which a screen or a summary judges shares: who turned the alert off did not say that nothing is much.
    #[must_use]
    pub fn shown(&self, kind: Kind) -> Percent {
        match self.percent(kind) {
            Percent { hundredths: Self::OFF } => Self::default().percent(kind),
            limit => limit,
        }
    }

    /// With another limit of an alert; it may be [`Limits::OFF`].
    #[must_use]
    pub const fn with(mut self, kind: Kind, limit: u64) -> Self {
        self.0[kind as usize] = limit;
        self
    }

    /// The same for all of them.
    #[must_use]
    pub const fn all(limit: u64) -> Self {
        Self([limit; Kind::COUNT])
    }

    /// Which alert `--alert NAME=VALUE` sets the limit of.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| matches!(kind.rule().limit, Limit::Own(own, _) if own == name))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self(Kind::ALL.map(|kind| match (kind.rule().limit, kind.unit()) {
            (Limit::Own(_, percent), Unit::Percent) => u64::from(percent) * 100,
            (Limit::Own(_, number), Unit::Count) => number.into(),
            (Limit::Any | Limit::Of(_), _) => 0,
        }))
    }
}

/// What `--alert` is for.
pub const HELP: &str = {
    static TEXT: Text = Text::EMPTY
        .push(b"when to raise an alert, in percent (")
        .push_counts(b"", b", ")
        .push(b": a number), or off: ")
        .push_defaults();
    TEXT.as_str()
};

/// What it takes.
pub const ALLOWED: &str = {
    static TEXT: Text = Text::EMPTY
        .push(b"NAME=PERCENT, ")
        .push_counts(b"=NUMBER", b", ")
        .push(b" or NAME=off, as in ")
        .push_defaults();
    TEXT.as_str()
};

/// A text that is put together of [`RULES`] when memdoor is compiled.
struct Text {
    bytes: [u8; 256],
    length: usize,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; 256], length: 0 };

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => panic!("names and digits are ASCII"),
        }
    }

    const fn push(mut self, part: &[u8]) -> Self {
        let mut at = 0;
        while at < part.len() {
            self.bytes[self.length] = part[at];
            self.length += 1;
            at += 1;
        }
        self
    }

    /// The alerts whose limits are numbers: `zombies, threads`.
    const fn push_counts(mut self, behind: &[u8], between: &[u8]) -> Self {
        let start = self.length;
        let mut at = 0;
        while at < RULES.len() {
            if let (Limit::Own(name, _), Unit::Count) = (RULES[at].limit, RULES[at].unit) {
                let separator = if self.length > start { between } else { b"" };
                self = self.push(separator).push(name.as_bytes()).push(behind);
            }
            at += 1;
        }
        self
    }

    /// All limits as they are without an option: `memory=80, swap=0`.
    const fn push_defaults(mut self) -> Self {
        let start = self.length;
        let mut at = 0;
        while at < RULES.len() {
            if let Limit::Own(name, limit) = RULES[at].limit {
                let separator: &[u8] = if self.length > start { b", " } else { b"" };
                self = self.push(separator).push(name.as_bytes()).push(b"=").push_dec(limit);
            }
            at += 1;
        }
        self
    }

    const fn push_dec(mut self, number: u16) -> Self {
        if number >= 10 {
            self = self.push_dec(number / 10);
        }
        self.push(&[b'0' + (number % 10).to_le_bytes()[0]])
    }
}
