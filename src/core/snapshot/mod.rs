//! Everything about one process, now.
//!
//! One file for each section, which has its [`Section`], the [`Event`]s of its lines and what it reads; [`SECTIONS`] is the order, which is
//! the document's. A new section is a file and a line there (and in `death.rs`, if it is to be of a snapshot at the death).
//! A section that fails says why, and the next one goes on; after each one what was written is flushed.

mod basic;
mod death;
pub mod history;
mod limits;
mod mapped;
mod mappings;
pub(crate) mod memory;
mod network;
pub mod sockets;
mod tree;

use core::time::Duration;

use crate::cgroup::Memcg;
use crate::error::Absent;
use crate::fixed::Fixed;
use crate::history::History;
use crate::history::grown::Sizes;
use crate::host::Host;
use crate::report::{Event, Fact, Head, Name, Report, Section, Value};
use crate::sys::clock::{Now, monotonic};
use crate::sys::ptrace;
use crate::target::Target;
use crate::target::exe::Link;
use crate::units::Bytes;
use sockets::Sockets;

pub(crate) use basic::SECTION as BASIC;
pub use death::{Death, take_at_death};

/// Whether all that there is could be read: the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Completeness {
    /// It could.
    Complete,
    /// All but what had gone, or ran another program meanwhile: that nobody could have read.
    Gone,
    /// Something could not: it stands as `-` with the reason.
    Partial,
    /// The same, and some of it was refused for lack of permission.
    Denied,
}

impl Completeness {
    /// The worse of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Gone | Self::Partial | Self::Denied => "partial",
        }
    }

    /// What remains when something is missing for this reason.
    #[must_use]
    pub const fn after(why: Absent) -> Self {
        match why {
            why if !why.is_loss() => Self::Complete,
            why if why.is_denied() => Self::Denied,
            Absent::Gone | Absent::Changed => Self::Gone,
            _ => Self::Partial,
        }
    }

    /// Partial if any fact is lost.
    #[must_use]
    pub fn of(facts: &[Fact<'_>]) -> Self {
        let losses = facts.iter().filter_map(Fact::absent);
        losses.fold(Self::Complete, |done, why| done.and(Self::after(why)))
    }
}

/// Whether the command line is shown: it may hold secrets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cmdline {
    /// Shown.
    Show,
    /// Left out.
    Hide,
}

/// When a snapshot is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// While the process lives.
    Alive,
    /// Before memdoor ends it, and memory is short: nothing that waits for its mmap_lock is read (mappings, PSS, command line), as
    /// whoever waits for memory may hold that.
    Condemned {
        /// Sections that have not begun by then are left out.
        until: Duration,
    },
    /// While it is held in its exit stop: nothing is opened then.
    Dying {
        /// What is not read by then is left out.
        until: Duration,
    },
}

impl When {
    /// How much time there is.
    fn left(self) -> Duration {
        match self {
            Self::Alive => Duration::MAX,
            Self::Dying { until } | Self::Condemned { until } => until.saturating_sub(monotonic()),
        }
    }

    fn kind(self) -> Value<'static> {
        match self {
            Self::Alive => Value::Nothing,
            Self::Dying { .. } => Value::Text(b"death"),
            Self::Condemned { .. } => Value::Text(b"kill"),
        }
    }
}

/// Why a snapshot is taken of a process that is below its threshold.
#[derive(Clone, Debug)]
pub struct Because {
    /// For JSON.
    pub reason: &'static str,
    /// In words.
    pub words: Fixed<96>,
}

/// What a snapshot is taken of, and with.
pub struct Scene<'a> {
    /// The process.
    pub target: &'a mut Target,
    /// Its machine.
    pub host: &'a mut Host,
    /// Its cgroup.
    pub memcg: &'a mut Memcg,
    /// The table for its sockets.
    pub sockets: &'a mut Sockets,
    /// When.
    pub now: Now,
    /// Alive or at its death.
    pub when: When,
    /// Why, when it is not for the process's own memory.
    pub because: Option<&'a Because>,
    /// Lent for reading: [`BUFFER`] bytes.
    pub buf: &'a mut [u8],
    /// Whether the command line is shown.
    pub cmdline: Cmdline,
    /// Its executable as it was last seen, or why it could not be: in the exit stop links are not read.
    pub exe: Result<&'a Link, Absent>,
    /// Its RSS, once the section on memory has read it.
    pub rss: Option<Bytes>,
    /// The same of all that it has.
    pub sizes: Sizes,
    /// What was seen of it before; `None`: it is looked at once.
    pub past: Option<&'a mut History>,
}

impl<'a> Scene<'a> {
    /// A process now, with nothing known of it before. `buf` is [`BUFFER`] bytes.
    #[must_use]
    pub fn new(
        target: &'a mut Target,
        host: &'a mut Host,
        memcg: &'a mut Memcg,
        sockets: &'a mut Sockets,
        buf: &'a mut [u8],
        when: When,
    ) -> Self {
        Self {
            target,
            host,
            memcg,
            sockets,
            now: Now::read(),
            when,
            because: None,
            buf,
            cmdline: Cmdline::Hide,
            exe: Err(Absent::Late),
            rss: None,
            sizes: Sizes::default(),
            past: None,
        }
    }
}

/// A line of maps may be 16 KiB long (4096 bytes of path, each as four) and the kernel gives 4 KiB a read.
pub const BUFFER: usize = 24 * 1024;

/// The end of a snapshot.
const END: &Event = &Event::of_snapshot("memdoor.snapshot.end", "end of the snapshot");

/// So many sections a snapshot may have.
const MOST: usize = 16;

type Take = fn(&mut Scene<'_>, &mut dyn Report) -> Result<Completeness, Absent>;

/// The document's order. Within it, what takes the target's mmap_lock (PSS, mappings) comes after what was flushed before.
const SECTIONS: &[(&Section, Take)] = &[
    (&basic::SECTION, basic::take),
    (&memory::SECTION, memory::take),
    (&history::SECTION, history::take),
    (&tree::SECTION, tree::take),
    (&limits::SECTION, limits::take),
    (&mappings::SECTION, mappings::take),
    (&network::SECTION, network::take),
];

/// Takes a snapshot.
pub fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Completeness {
    let started = monotonic();
    head(scene, report);
    let mut losses = Losses::new();
    for (section, take) in SECTIONS {
        // The target is held until this ends: a snapshot at its death is better than the rest of this one.
        let take = if ptrace::is_holding() {
            dying
        } else if scene.when.left().is_zero() {
            late
        } else if **section == mappings::SECTION && matches!(scene.when, When::Condemned { .. }) {
            continue;
        } else {
            *take
        };
        losses.one(section, take, scene, report);
    }
    losses.foot(monotonic().saturating_sub(started), report)
}

fn dying(_: &mut Scene<'_>, _: &mut dyn Report) -> Result<Completeness, Absent> {
    Err(Absent::Dying)
}

fn late(_: &mut Scene<'_>, _: &mut dyn Report) -> Result<Completeness, Absent> {
    Err(Absent::Late)
}

fn head(scene: &mut Scene<'_>, report: &mut dyn Report) {
    let comm: Fixed<64> = scene.target.stat(|stat| Fixed::of(stat.comm)).unwrap_or_default();
    report.head(&Head { now: &scene.now, pid: scene.target.pid, comm: comm.as_bytes() });
}

/// What is lost of the sections that were taken.
struct Losses {
    /// A fact for each of which something is: it says why.
    facts: [Fact<'static>; MOST],
    count: usize,
    /// Whether all are there.
    all: Completeness,
}

impl Losses {
    const fn new() -> Self {
        Self { facts: [Name(END, "", "").is(Value::Nothing); MOST], count: 0, all: Completeness::Complete }
    }

    /// Takes a section.
    fn one(&mut self, section: &'static Section, take: Take, scene: &mut Scene<'_>, report: &mut dyn Report) {
        if *section == history::SECTION && scene.past.is_none() {
            return;
        }
        report.begin(section);
        let mut done = take(scene, report);
        if report.out().take_cut() {
            done = Err(Absent::NoRoom);
        }
        if let Err(why) = done {
            report.missing(section, why);
        }
        report.end(section);
        report.out().flush();
        let lost = match done {
            Ok(Completeness::Complete) => None,
            Ok(_) => Some(Absent::InPart),
            Err(why) => Some(why).filter(|why| why.is_loss()),
        };
        if let (Some(why), Some(slot)) = (lost, self.facts.get_mut(self.count)) {
            *slot = Name(END, "", section.key).is(Value::Absent(why));
            self.count += 1;
        }
        self.all = self.all.and(done.unwrap_or_else(Completeness::after));
    }

    /// The end: whether all is there, how long it took, and what is lost.
    fn foot(&self, took: Duration, report: &mut dyn Report) -> Completeness {
        let mut facts = [Name(END, "", "").is(Value::Nothing); MOST + 2];
        facts[0] = Name(END, "", "memdoor.snapshot.status").is(Value::Text(self.all.name().as_bytes()));
        facts[1] = Name(END, "", "memdoor.snapshot.duration_us").is(Value::Span(took));
        facts[2..].copy_from_slice(&self.facts);
        report.facts(&facts);
        report.foot();
        report.out().flush();
        self.all
    }
}

/// Takes `len` bytes of a lent buffer; fewer when there are no more.
fn carve<'b>(buf: &mut &'b mut [u8], len: usize) -> &'b mut [u8] {
    let all = core::mem::take(buf);
    let (taken, rest) = all.split_at_mut(len.min(all.len()));
    *buf = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::{Absent, Completeness};
    use crate::error::Source;
    use crate::sys::Errno;

    #[test]
    fn a_right_is_missing_only_of_what_was_denied_and_never_of_what_has_gone() {
        let file = Source::target(c"smaps_rollup");
        for why in [Absent::Gone, Absent::Changed] {
            assert_eq!(Completeness::after(why), Completeness::Gone, "{why}");
        }
        for why in [Absent::Late, file.failed(Errno::EBADF), file.empty()] {
            assert_eq!(Completeness::after(why), Completeness::Partial, "{why}");
        }
        for why in [file.failed(Errno::EACCES), Absent::from(Errno::EPERM), Absent::Hidepid] {
            assert_eq!(Completeness::after(why), Completeness::Denied, "{why}");
            let all = [Absent::Gone, why, Absent::Changed].map(Completeness::after);
            assert_eq!(all.into_iter().fold(Completeness::Complete, Completeness::and), Completeness::Denied);
        }
        assert_eq!(Completeness::after(Absent::NotMounted), Completeness::Complete);
    }
}
