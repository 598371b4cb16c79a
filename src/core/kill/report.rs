//! What `kill` says of a decision: whom it chose and why, who else was near, and what came of it.

use core::time::Duration;

use super::facts::{DECISION, Decision, LARGE, NEAR, OTHERS, SECTION, large_line, left_out, line};
use super::log::Level;
use super::members::NotEnded;
use super::options::{Act, Options, Scope};
use super::survivor::Survivor;
use super::top::{self, LargeProcess, Top};
use super::turn::Waited;
use super::when::{Reading, ShortageRule, State};
use super::whole_cgroup::{NotWhole, WholeCgroup};
use crate::cgroup::Path;
use crate::error::{Absent, limit};
use crate::fixed::Fixed;
use crate::processes::Comm;
use crate::report::field::facts;
use crate::report::{Fact, Head, Report, Value};
use crate::sys::Errno;
use crate::sys::clock::Now;
use crate::target::exe::Link;
use crate::tmpfs::Lasting;
use crate::units::{Bytes, Pid, Ticks};
use crate::victim::{ExclusionCounts, RankBy, Tree};

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Memory is not short.
    Enough,
    /// How much there is could not be told.
    Unknown,
    /// It is short, and nobody may be chosen.
    Nobody,
    /// It is short because of what lasts whoever ends: [`super::ShortageRule::is_in_files`].
    InFiles,
    /// It is short, and `--max-kills` is used up.
    Spent,
    /// What would have been done: `--dry-run`.
    DryRun,
    /// They have ended after SIGTERM.
    Terminated,
    /// They have ended, some after SIGKILL.
    Killed,
    /// Some have not ended.
    Survived,
    /// It was, and is no more: another memdoor ended somebody, or the shortage went by itself.
    Relieved,
    /// They were asked to end, and have not yet; memory is not short any more.
    Spared,
    /// They were asked to end, and are spared by now: [`Pardon`].
    Pardoned,
    /// They were asked to end, and the configuration is read anew: [`super::pending`]. Never said.
    Pending,
    /// memdoor was asked to end before it had sent a signal.
    Stopped,
    /// The configuration is to be read anew, which came before a signal was sent.
    Reload,
    /// The one chosen was gone, or another, before a signal was sent.
    Vanished,
    /// A signal was not permitted, or could not be sent.
    Failed,
    /// memdoor was asked to end while it waited: nobody was sent SIGKILL.
    Interrupted,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Unknown => "unknown",
            Self::Nobody => "nobody",
            Self::InFiles => "elsewhere",
            Self::Spent => "spent",
            Self::DryRun => "dry_run",
            Self::Terminated => "terminated",
            Self::Killed => "killed",
            Self::Survived => "survived",
            Self::Relieved => "relieved",
            Self::Spared => "spared",
            Self::Pardoned => "pardoned",
            Self::Pending => "pending",
            Self::Stopped => "stopped",
            Self::Reload => "reload",
            Self::Vanished => "vanished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether SIGTERM was sent, and it is known what came of it.
    pub(super) const fn has_sent(self) -> bool {
        self.did_end() || matches!(self, Self::Survived | Self::Spared | Self::Pardoned)
    }

    /// Whether all that were chosen have ended.
    pub(super) const fn did_end(self) -> bool {
        matches!(self, Self::Terminated | Self::Killed)
    }

    /// Whether who was asked to end lives on because that is not wanted any more.
    pub(super) const fn did_spare(self) -> bool {
        matches!(self, Self::Spared | Self::Pardoned)
    }

    /// Whether nothing was done, for a reason that may last: it is not said again at each look.
    pub(super) const fn may_last(self) -> bool {
        matches!(self, Self::Nobody | Self::InFiles | Self::Spent | Self::DryRun)
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Enough => "none: memory is not short",
            Self::Unknown => "none: how much memory is available is not known",
            Self::Nobody => "none: memory is short, and nobody may be chosen",
            Self::InFiles => {
                "none: memory is in files of tmpfs or System V segments, and nobody's end gives it back; below --hard the largest is ended"
            }
            Self::Spent => "none: memory is short, and --max-kills is used up",
            Self::DryRun => "none (dry run): it would get SIGTERM, and what is left of it SIGKILL",
            Self::Terminated => "SIGTERM: the victim has ended",
            Self::Killed => "SIGTERM, then SIGKILL: the victim has ended",
            Self::Survived => "SIGTERM, then SIGKILL: a part of the victim has not ended yet",
            Self::Relieved => "none: memory was short, and is not any more",
            Self::Spared => "SIGTERM: memory is not short any more, and no SIGKILL was sent",
            Self::Pardoned => "SIGTERM: the victim is not to be ended any more, and no SIGKILL was sent",
            Self::Pending => "SIGTERM: the configuration is read anew",
            Self::Stopped => "none: memdoor was stopped before it sent a signal",
            Self::Reload => "none: the configuration is to be read anew, and no signal was sent",
            Self::Vanished => "none: the victim was gone, or another, before a signal was sent",
            Self::Failed => "none: it could not be done",
            Self::Interrupted => "SIGTERM: memdoor was stopped before it sent SIGKILL",
        }
    }

    pub(super) const fn level(self) -> Level {
        match self {
            Self::Enough => Level::Debug,
            Self::Relieved | Self::Spared | Self::Pardoned | Self::Pending | Self::Stopped | Self::Reload => {
                Level::Info
            }
            Self::Vanished | Self::DryRun | Self::Terminated | Self::Killed => Level::Warning,
            Self::Nobody | Self::InFiles | Self::Spent | Self::Unknown | Self::Interrupted => Level::Error,
            Self::Failed | Self::Survived => Level::Critical,
        }
    }
}

/// A tree and who its root is.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) pid: Pid,
    pub(super) started: Ticks,
    pub(super) comm: Comm,
    pub(super) tree: Tree,
}

/// By what a decision was made, and SIGTERM sent: a SIGHUP may change what holds before it is told.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) when: ShortageRule,
    pub(super) by: RankBy,
    pub(super) scope: Scope,
    pub(super) act: Act,
    cgroup: Option<Path>,
}

impl Terms {
    pub(super) fn of(options: &Options<'_>) -> Self {
        let Options { when, scope, act, .. } = *options;
        Self { when, by: options.policy.by, scope, act, cgroup: options.cgroup.map(Path::of) }
    }

    /// The cgroup whose memory it was about.
    pub(super) fn cgroup(&self) -> Option<&[u8]> {
        self.cgroup.as_ref().map(Path::as_bytes)
    }
}

/// Why a victim that was asked to end is sent no SIGKILL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pardon {
    /// By the configuration that was read meanwhile it may not be ended.
    Configuration,
    /// By that `--avoid` fits it, and there is somebody else.
    Avoided,
    /// It runs another program by now, which may not be ended.
    Program,
    /// It has been moved out of `--cgroup`.
    Moved,
}

/// A decision, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) outcome: Outcome,
    pub(super) terms: Terms,
    pub(super) state: State,
    pub(super) reading: Reading,
    /// Who is ended, or would be.
    pub(super) victim: Option<Candidate>,
    /// The next ones.
    pub(super) near: [Option<Candidate>; 2],
    pub(super) trees: u32,
    /// How many of them `--avoid` fits.
    pub(super) avoided: u32,
    pub(super) too_small: u32,
    pub(super) empty: u32,
    pub(super) excluded: ExclusionCounts,
    pub(super) overflow: u64,
    /// `/proc` hides processes of other users: whoever was not found may be among them.
    pub(super) is_hidden: bool,
    pub(super) exe: Option<Link>,
    /// What is in its cgroup, when that is to be ended with it, or why it may not be.
    pub(super) whole: Option<Result<WholeCgroup, NotWhole>>,
    /// The largest processes of the host; `None` when nobody looked.
    pub(super) top: Option<Top>,
    /// What lasts whoever ends; `None` when nobody looked, or there was no answer.
    pub(super) lasting: Option<Lasting>,
    /// The memdoor that was waited for.
    pub(super) waited: Option<Waited>,
    pub(super) failure: Option<Failure>,
    pub(super) effect: Effect,
}

/// What came of sending signals; nothing where none was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Effect {
    /// Processes that were sent SIGKILL.
    pub(super) killed: u64,
    /// What those held that have ended.
    pub(super) freed: Option<Bytes>,
    /// How many were held, and sent signals: with the whole cgroup, or newcomers, more than the tree had.
    pub(super) held: Option<u32>,
    /// Processes of the tree that could not be held.
    pub(super) left: Option<NotEnded>,
    /// Whether a whole cgroup was asked to end, and by the configuration that was read meanwhile no more than the tree, or the process, is.
    pub(super) is_narrowed: bool,
    /// Processes that were chosen, and that nobody waits for any more: what holds by now spares them.
    pub(super) let_go: u32,
    pub(super) pardon: Option<Pardon>,
    /// One that has not ended.
    pub(super) survivor: Option<Survivor>,
    /// Memory that was available afterwards.
    pub(super) after: Option<Bytes>,
    /// By how much more than before the first signal.
    pub(super) risen: Option<i64>,
    /// By what that was judged, where a configuration was read meanwhile that says something else of when memory is short.
    pub(super) judged_anew: Option<ShortageRule>,
    /// Whether memory is still short.
    pub(super) state_after: Option<State>,
    /// Whether cgroup.kill ended it.
    pub(super) is_by_cgroup_kill: bool,
    pub(super) took: Duration,
}

/// What could not be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// The verb and its object: "read /proc".
    pub(super) doing: &'static str,
    pub(super) why: Absent,
}

impl Failure {
    pub(super) fn new(doing: &'static str, errno: Errno) -> Self {
        Self { doing, why: Absent::from(errno) }
    }

    /// The hint that goes with the reason; empty where there is none.
    pub(super) fn hint(self) -> &'static str {
        match self.why.errno() {
            Some(Errno::EACCES | Errno::EPERM) => "run memdoor as root, or with CAP_KILL",
            Some(errno) => limit(errno).unwrap_or_default(),
            None => "",
        }
    }
}

/// What a decision says in words: facts borrow them.
pub(super) struct Sentences {
    pub(super) because: Fixed<256>,
    pub(super) waited: Fixed<256>,
    pub(super) lasting: Fixed<256>,
    pub(super) chosen: Fixed<192>,
    pub(super) whole: Fixed<256>,
    pub(super) next: [Fixed<160>; 2],
    pub(super) not: Fixed<256>,
    pub(super) large: [Fixed<160>; top::COUNT],
    pub(super) after: Fixed<128>,
    pub(super) left: Fixed<160>,
    pub(super) survivor: Fixed<256>,
    pub(super) why: Fixed<256>,
}

impl Action {
    fn sentences(&self) -> Sentences {
        Sentences {
            because: self.because(),
            waited: self.waited(),
            lasting: self.lasting(),
            chosen: self.chosen(),
            whole: self.whole(),
            next: self.near.each_ref().map(|near| near.as_ref().map(line).unwrap_or_default()),
            not: self.not_candidates(),
            large: self.large().map(|one| one.map(large_line).unwrap_or_default()),
            after: self.afterwards(),
            left: self.left(),
            survivor: self.survivor(),
            why: self.why(),
        }
    }

    /// The largest of the host.
    fn large(&self) -> [Option<&LargeProcess>; top::COUNT] {
        core::array::from_fn(|at| self.top.as_ref()?.all.get(at)?.as_ref())
    }

    /// Writes the decision as a report.
    pub(super) fn report(&self, report: &mut dyn Report) {
        let now = Now::read();
        match &self.victim {
            Some(victim) => report.head(&Head { now: &now, pid: victim.pid, comm: victim.comm.as_bytes() }),
            None => report.moment(&now),
        }
        report.begin(&SECTION);
        let near = self.near.each_ref().map(|near| near.as_ref().map(|near| facts(&NEAR, near)));
        let near = near.each_ref().map(|facts| facts.as_ref().map_or(&[][..], |facts| facts));
        let top = self.large().map(|one| one.map(|one| facts(&LARGE, one)));
        let top = top.each_ref().map(|facts| facts.as_ref().map_or(&[][..], |facts| facts));
        let decision = Decision { action: self, said: &self.sentences(), near: &near, top: &top };
        let (first, excluded, others) = (facts(&DECISION, &decision), self.excluded(), facts(&OTHERS, &decision));
        let parts = first.iter().chain(&excluded).chain(&others);
        let mut all = [left_out(); 96];
        // What there is nothing of is left out in text, too.
        let known = parts.filter(|fact| !matches!(fact.value, Value::Nothing));
        for (slot, fact) in all.iter_mut().zip(known) {
            *slot = *fact;
        }
        report.facts(&all);
        report.end(&SECTION);
        report.foot();
    }
}

/// Those of which something is known come first.
pub(super) const fn objects<'a>(all: &'a [&'a [Fact<'a>]]) -> Value<'a> {
    let mut count = 0;
    while count < all.len() && !all[count].is_empty() {
        count += 1;
    }
    match count {
        0 => Value::Nothing,
        _ => Value::Objects(all.split_at(count).0),
    }
}
