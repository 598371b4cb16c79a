//! From what was found to what is concluded: one match, [`conclude`]. Each conclusion has one cause and one sentence.
//!
//! The order of what is believed: how the process ended, as wait(2) would say it; the kernel's log, if it names the process; that the
//! log is whole and does not; the kernel's counts of OOM kills.

use core::fmt::Write;
use core::time::Duration;

use super::super::Words;
use super::super::counts::{OomKillEvidence, Tenths};
use super::super::kmsg::{Match, Relationship, Role, SharedMemory, Victim};
use super::cause::Cause;
use crate::fixed::Fixed;
use crate::host::Numbers;
use crate::oom_kills::Short;
use crate::parse::wait::Ended;
use crate::sys::signal;

/// How the target ended, as far as that alone tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exited {
    /// By itself.
    Code,
    /// A signal that the OOM killer does not send.
    OtherSignal,
    /// The signal that the OOM killer sends, and others may.
    Sigkill,
}

impl Exited {
    pub(super) fn of(ended: Ended) -> Self {
        match ended {
            Ended::Code(_) => Self::Code,
            Ended::Signal { number, .. } if i32::from(number) == signal::KILL => Self::Sigkill,
            Ended::Signal { .. } => Self::OtherSignal,
        }
    }

    const fn cause(self) -> Cause {
        match self {
            Self::Code => Cause::ExitCode,
            Self::OtherSignal => Cause::Signal,
            Self::Sigkill => Cause::Sigkill,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Code => "it exited by itself",
            Self::OtherSignal => "another signal ended it",
            Self::Sigkill => "SIGKILL",
        }
    }
}

/// What the kernel's log says of the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Logged {
    /// The OOM killer killed it: the log has its number.
    Killed(Role, Option<Short>),
    /// The OOM killer killed a process of its name, when one was counted. The log's numbers are of another pid namespace.
    KilledByName(MemorySizes),
    /// The log has all kills that were counted, and none is the target's.
    OnlyOthers,
    /// The same, but its numbers are of another pid namespace; the kill that the target's cgroup counted stands there as another's.
    AsAnother(OtherName),
    /// Kills may be missing in it: it says nothing.
    Incomplete,
}

/// Whether the sizes in a kill line are such as the target can have had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MemorySizes {
    Possible,
    Impossible,
}

/// What the other process of [`Logged::AsAnother`] is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OtherName {
    /// As the target, which has outlived that kill.
    Same,
    Different,
}

/// An OOM kill of somebody else that may be why the target ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beside<'k> {
    Nobody,
    /// Of a process that is related to it.
    Relative(RelatedKill<'k>),
    /// One that its own cgroup counted, at most so long before the end; whose it was is not in the log.
    Counted(Duration),
}

/// The OOM kill of a process that is related to the target.
#[derive(Clone, Copy, Debug)]
pub(super) struct RelatedKill<'k> {
    pub(super) victim: &'k Victim,
    pub(super) relationship: Relationship,
    /// How far it was from the target's end, at most.
    pub(super) within: Duration,
    /// Whose numbers the log has.
    pub(super) by: Match,
}

/// All that a conclusion rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Findings<'k> {
    /// `None`: nobody saw how.
    pub(super) exited: Option<Exited>,
    pub(super) logged: Logged,
    pub(super) beside: Beside<'k>,
    /// What the kernel counted, in the last so many seconds.
    pub(super) counted: OomKillEvidence,
    pub(super) window: Duration,
}

/// What is concluded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Conclusion<'k> {
    /// The log names it.
    OomKill(Role, Option<Short>),
    /// The log has one of its name.
    OomKillByName(MemorySizes),
    /// SIGKILL beside the OOM kill of a process whose memory it may have shared: who shares memory is killed together, and the log names
    /// one of them.
    OomKillOfSharedMemory(RelatedKill<'k>),
    /// The log has the kill that its cgroup counted as another's.
    OomKillAsAnother(OtherName, Duration),
    /// It ended otherwise, just when the OOM killer had chosen it.
    EndedWhenChosen(Exited),
    /// It ended otherwise.
    Ended(Exited),
    /// The same, shortly before or after the OOM kill of a relative.
    EndedBeside(Exited, RelatedKill<'k>),
    /// The same, shortly after its cgroup counted an OOM kill.
    EndedBesideCounted(Exited, Duration),
    /// Nobody saw how it ended, and the log has no OOM kill of it.
    NotInLog,
    /// The log says nothing: what the counts tell.
    OfCounts(OomKillEvidence, Duration, Option<Exited>),
}

/// What follows from what was found, the surest first.
pub(super) fn conclude<'k>(findings: &Findings<'k>) -> Conclusion<'k> {
    let &Findings { exited, logged, beside, counted, window } = findings;
    match exited {
        Some(exited @ (Exited::Code | Exited::OtherSignal)) => match (logged, beside) {
            // It was on its way out already: its own status stands.
            (Logged::Killed(..), _) => Conclusion::EndedWhenChosen(exited),
            (Logged::KilledByName(_), _) => Conclusion::Ended(exited),
            (_, Beside::Relative(kill)) => Conclusion::EndedBeside(exited, kill),
            (_, Beside::Counted(within)) => Conclusion::EndedBesideCounted(exited, within),
            (_, Beside::Nobody) => Conclusion::Ended(exited),
        },
        Some(Exited::Sigkill) | None => match (logged, exited) {
            (Logged::Killed(role, short), _) => Conclusion::OomKill(role, short),
            (Logged::KilledByName(sizes), _) => Conclusion::OomKillByName(sizes),
            (Logged::OnlyOthers, Some(exited)) => not_its_own(exited, beside, counted, window),
            (Logged::OnlyOthers, None) => Conclusion::NotInLog,
            (Logged::AsAnother(name), _) => Conclusion::OomKillAsAnother(name, window),
            (Logged::Incomplete, Some(exited)) if counted.is_none() && matches!(beside, Beside::Relative(_)) => {
                not_its_own(exited, beside, counted, window)
            }
            (Logged::Incomplete, exited) => Conclusion::OfCounts(counted, window, exited),
        },
    }
}

/// Of SIGKILL, where the log or the counts say that the target was not chosen.
fn not_its_own<'k>(exited: Exited, beside: Beside<'k>, counted: OomKillEvidence, window: Duration) -> Conclusion<'k> {
    match beside {
        Beside::Relative(kill) if kill.victim.sharing == SharedMemory::No => Conclusion::EndedBeside(exited, kill),
        Beside::Relative(kill) => Conclusion::OomKillOfSharedMemory(kill),
        // Whoever shares the memory of the one that the log names is killed with it, without a line.
        _ if counted == OomKillEvidence::Likely => Conclusion::EndedBesideCounted(exited, window),
        _ => Conclusion::Ended(exited),
    }
}

impl Conclusion<'_> {
    pub(super) const fn cause(&self) -> Cause {
        use OomKillEvidence as Rose;
        match self {
            Self::OomKill(Role::WithGroup, _) => Cause::OomGroup,
            Self::OomKill(Role::Chosen, Some(Short::Cgroup)) => Cause::CgroupOom,
            Self::OomKill(Role::Chosen, Some(Short::System | Short::Nodes)) => Cause::GlobalOom,
            Self::OomKill(Role::Chosen, None) => Cause::OomKill,
            Self::OomKillByName(MemorySizes::Possible) => Cause::LikelyOomKill,
            Self::OomKillByName(MemorySizes::Impossible) | Self::OomKillAsAnother(..) => Cause::PerhapsOomKill,
            Self::OomKillOfSharedMemory(kill) => match kill.victim.sharing {
                SharedMemory::Likely => Cause::LikelyOomKill,
                SharedMemory::No | SharedMemory::Untold => Cause::PerhapsOomKill,
            },
            Self::EndedWhenChosen(exited)
            | Self::Ended(exited)
            | Self::EndedBeside(exited, _)
            | Self::EndedBesideCounted(exited, _) => exited.cause(),
            Self::NotInLog => Cause::Unknown,
            Self::OfCounts(Rose::Likely, ..) => Cause::LikelyOomKill,
            Self::OfCounts(Rose::PerhapsUnseen | Rose::PerhapsSystem | Rose::PerhapsEarlier, ..) => {
                Cause::PerhapsOomKill
            }
            Self::OfCounts(counted, _, Some(Exited::Sigkill)) if counted.is_none() => Cause::Sigkill,
            Self::OfCounts(..) => Cause::Unknown,
        }
    }

    /// One line for a person.
    pub(super) fn words(&self) -> Words {
        let mut words = Words::new();
        // A Fixed never returns an error: it cuts.
        let _ = match self {
            Self::OomKill(role, short) => words.write_str(oom_kill(*role, *short)),
            Self::OomKillByName(MemorySizes::Possible) => {
                words.write_str("likely an OOM kill: the kernel's log has one of this name")
            }
            Self::OomKillByName(MemorySizes::Impossible) => words
                .write_str("perhaps an OOM kill: the kernel's log has one of this name, whose memory had other sizes"),
            Self::OomKillOfSharedMemory(kill) => return shared_memory(kill),
            Self::OomKillAsAnother(name, window) => {
                let whose = match name {
                    OtherName::Same => "of another process of this name",
                    OtherName::Different => "under another name",
                };
                let of = Tenths(*window);
                write!(
                    words,
                    "perhaps an OOM kill: its control group counted one in its last {of} s, which the kernel's log has {whose}"
                )
            }
            Self::EndedWhenChosen(exited) => {
                write!(words, "{}, just when the OOM killer had chosen it", exited.words())
            }
            Self::Ended(Exited::Sigkill) => {
                words.write_str("no OOM kill: SIGKILL, and not from the kernel's OOM killer")
            }
            Self::Ended(exited) => write!(words, "no OOM kill: {}", exited.words()),
            Self::EndedBeside(exited, kill) => {
                let _ = write!(words, "no OOM kill of its own: {}, ", exited.words());
                push_kill(kill, &mut words);
                write!(words, ", {}", kill.relationship.words())
            }
            Self::EndedBesideCounted(Exited::Sigkill, _) => {
                words.write_str("no OOM kill of its own, but SIGKILL beside another one in its control group")
            }
            Self::EndedBesideCounted(exited, within) => {
                let (exited, within) = (exited.words(), Tenths(*within));
                write!(
                    words,
                    "no OOM kill of its own: {exited}, within {within} s of one that its control group counted"
                )
            }
            Self::NotInLog => words.write_str("no OOM kill of it in the kernel's log; how it ended is not known"),
            Self::OfCounts(counted, window, _) => {
                words = counted.words(*window);
                let is_unknown = self.cause() == Cause::Unknown && counted.is_none();
                words.write_str(if is_unknown { "; how it ended is not known" } else { "" })
            }
        };
        words
    }
}

const fn oom_kill(role: Role, short: Option<Short>) -> &'static str {
    match (role, short) {
        (Role::WithGroup, _) => "OOM kill of its whole control group (oom.group): another was chosen",
        (Role::Chosen, Some(Short::Cgroup)) => "OOM kill: a control group was at its memory limit",
        (Role::Chosen, Some(Short::System)) => "OOM kill: the whole system was out of memory",
        (Role::Chosen, Some(Short::Nodes)) => "OOM kill: the nodes of a cpuset or memory policy were out of memory",
        (Role::Chosen, None) => "OOM kill: where memory was short is not in the kernel's log",
    }
}

fn shared_memory(kill: &RelatedKill<'_>) -> Words {
    let (begin, end) = match kill.victim.sharing {
        SharedMemory::Likely => {
            ("likely an OOM kill", "; of both the log has the same sizes: who shares memory dies together")
        }
        SharedMemory::No | SharedMemory::Untold => {
            ("perhaps an OOM kill", "; whether they shared their memory is not known")
        }
    };
    let mut words = Words::of(begin.as_bytes());
    words.push(b": SIGKILL, ");
    push_kill(kill, &mut words);
    // The end says it of those that only their sizes relate.
    if kill.relationship != Relationship::Sizes {
        words.push(b", ").push(kill.relationship.words().as_bytes());
    }
    words.push(end.as_bytes());
    words
}

/// `within 0.2 s of the OOM kill of PID 812 (worker)`
fn push_kill(kill: &RelatedKill<'_>, words: &mut Words) {
    // A Fixed never returns an error: it cuts.
    let _ = write!(words, "within {} s of the OOM kill of ", Tenths(kill.within));
    push_name(kill.victim, kill.by, words);
}

/// `PID 812 (worker)`; where that number is none of those that the rest of the report has, it says so.
pub(super) fn push_name<const N: usize>(victim: &Victim, by: Match, words: &mut Fixed<N>) {
    let _ = match by {
        Match::Number => write!(words, "PID {} (", victim.pid),
        Match::Name => write!(words, "PID {} {} (", victim.pid, Numbers::OF_INITIAL),
    };
    let comm = victim.comm.as_bytes();
    words.push(if comm.is_empty() { b"-" } else { comm }).push(b")");
}
