//! A control group that is ended as a whole (`--by cgroup`): whether it may be, and how.

use core::time::Duration;

use super::member::{Eligibility, Member, Part, Sent, running};
use super::members::Members;
use super::options::Policy;
use crate::badness;
use crate::cgroup::{Memcg, Path};
use crate::fixed::Fixed;
use crate::identity::ProcessIdentity;
use crate::parse;
use crate::processes::{self, Place, Process};
use crate::sys::Result;
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::target::Target;
use crate::units::Pid;
use crate::victim::{Exclusion, Rank};

/// Who joins a cgroup while that is ended has so long between SIGTERM and SIGKILL, at least.
const LATE: Duration = Duration::from_secs(1);

/// The victim's own cgroup, which is ended with it if [`judge_cgroup`] finds nothing against that.
#[derive(Debug)]
pub(super) struct CgroupToEnd {
    pub(super) dir: Dir,
    path: Path,
    terms: CompanionTerms,
}

/// What all that end with the victim must have in common with it.
///
/// A cgroup of the memory controller is no service or login by itself. Where systemd divides by a hierarchy of its own (v1), the one that
/// memory is counted in may be `/user.slice`, with the logins of all users in it.
#[derive(Clone, Copy, Debug)]
struct CompanionTerms {
    place: Place,
    user: Option<u32>,
    /// How much the victim is wanted. Only where there is nobody else do those go with it that `--avoid` fits.
    rank: Rank,
}

impl CgroupToEnd {
    /// That of a victim. `None`: it can't be found.
    pub(super) fn of(proc: &Dir, memcg: &mut Memcg, victim: &Process, rank: Rank) -> Option<Self> {
        let mut target = Target::open_same(proc, victim.pid, victim.started?)?;
        memcg.forget();
        memcg.refresh(&mut target);
        let path = Path::of(memcg.path().ok()?.1);
        let dir = memcg.dir()?.dir(c".").ok();
        memcg.forget();
        Some(Self {
            dir: dir?,
            path,
            terms: CompanionTerms { place: victim.whereabouts(proc), user: victim.user, rank },
        })
    }

    /// Whether it is that of all processes, which is never ended.
    pub(super) fn is_root(&self) -> bool {
        self.path.as_bytes() == b"/"
    }

    pub(super) const fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a process that `--only` does not fit ends with it.
    pub(super) fn takes(&self, identity: &mut ProcessIdentity<'_>, policy: &Policy<'_>) -> bool {
        identity.is_at(self.path.as_bytes()) && identity.objection_as_companion(policy, self.terms.rank).is_none()
    }
}

impl CompanionTerms {
    /// Why one that is in it is not ended with it: it is not of the victim's service or login, or not of its user.
    fn objection(&self, proc: &Dir, row: &Process) -> Option<NotWhole> {
        let place = row.whereabouts(proc);
        // Where one of the two is not known it is not known that they are the same.
        let is_here = place.unit.is_some() && place.unit == self.place.unit && !place.is_apart(&self.place);
        match () {
            () if row.user != self.user => Some(NotWhole::OthersProcess),
            () if !is_here => Some(NotWhole::Apart),
            () => None,
        }
    }
}

impl ProcessIdentity<'_> {
    /// Why one that is ended with another of its cgroup, whether `--only` fits it or not, may not be.
    fn objection_as_companion(&mut self, policy: &Policy<'_>, rank: Rank) -> Option<NotWhole> {
        match () {
            () if self.may_fit_any(policy.ignore) => Some(NotWhole::Protected),
            // sshd and the shell that somebody is logged in with are in many a service's cgroup, and no --only is about them. What is
            // PID 1 of a container (tini, dumb-init) goes with the container.
            () if !policy.only.iter().any(|only| self.is_named(only))
                && self.is_essential()
                && !self.is_init_of_a_container() =>
            {
                Some(NotWhole::Protected)
            }
            () if rank != Rank::Avoided && self.may_fit_any(policy.avoid) => Some(NotWhole::Avoided),
            () => None,
        }
    }
}

/// Why a cgroup is not ended as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotWhole {
    /// It is the root of the hierarchy, or can't be found.
    Root,
    /// memdoor, or a process that it descends from, is in it.
    Own,
    /// PID 1 is in it.
    Init,
    /// A process that `--ignore` fits, or that may never be ended, is in it.
    Protected,
    /// A process that `--avoid` fits is in it, and there is somebody else.
    Avoided,
    /// A process of another service or login is in it.
    Apart,
    /// Another user's process is in it.
    OthersProcess,
    /// A process of another pid namespace is in it.
    Unseen,
    /// Its processes can't be read.
    Unread,
}

impl NotWhole {
    /// For JSON and the evidence.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Root => "it is the root of the hierarchy, or is not to be found",
            Self::Own => "memdoor, or what it descends from, is in it",
            Self::Init => "PID 1 is in it",
            Self::Protected => "one that may not be ended is in it",
            Self::Avoided => "one that --avoid fits is in it",
            Self::Apart => "a process of another service or login is in it",
            Self::OthersProcess => "another user's process is in it",
            Self::Unseen => "a process that this /proc does not show is in it",
            Self::Unread => "its processes could not be read",
        }
    }
}

/// What is in a cgroup that may be ended as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WholeCgroup {
    pub(super) processes: u32,
    /// How many of them are spared because the kernel spares them, too (oom_score_adj -1000).
    pub(super) exempt: u32,
    /// Whether there may be others that this pid namespace has no numbers for: cgroup.procs of v1 leaves them out, that of v2 has a 0.
    pub(super) may_have_others: bool,
}

/// Whether a cgroup may be ended as a whole: all in it are of the victim's service or login and of its user, and nobody is in it who may
/// never be ended ([`crate::essential`], whatever `--only` is, but for whom that itself names), or who is avoided. `own` is memdoor and
/// what it descends from.
pub(super) fn judge_cgroup(
    proc: &Dir,
    cgroup: &CgroupToEnd,
    own: &[Pid],
    check: &Eligibility<'_>,
) -> core::result::Result<WholeCgroup, NotWhole> {
    let mut whole = WholeCgroup { processes: 0, exempt: 0, may_have_others: false };
    let mixed = each_in_cgroup(&cgroup.dir, &mut |pid| {
        // Opened before the look, so that both are of one process.
        let dir = &proc.dir(Fixed::<16>::dec(pid.get()).as_c_str()?).ok()?;
        let row = &running(proc, pid)?;
        whole.processes += 1;
        whole.exempt += u32::from(row.oom_score_adj == Some(badness::NEVER));
        let view = processes::view(dir, b"", row.state, row.threads);
        let mut identity =
            ProcessIdentity::new(dir, view.as_bytes(), row.comm.as_bytes()).read_by(check.reader, row.pid);
        // Asked first: of one that --only does not fit, the judgement says only that.
        let objection = identity.objection_as_companion(check.policy, cgroup.terms.rank);
        match (row.pid.get(), identity.judge(check.policy, check.group)) {
            (1, _) => Some(NotWhole::Init),
            _ if own.contains(&row.pid) => Some(NotWhole::Own),
            _ if objection == Some(NotWhole::Protected) => objection,
            (_, Err(why)) if !matches!(why, Exclusion::Unwanted | Exclusion::Unread) => Some(NotWhole::Protected),
            _ if row.is_others(check.user) => Some(NotWhole::OthersProcess),
            // Last: where it is the only reason, the victim is another one ([`super::select::Selection::choose`]).
            _ => cgroup.terms.objection(proc, row).or(objection),
        }
    });
    match mixed {
        Ok(Some(mixed)) => Err(mixed),
        Ok(None) => Ok(whole),
        Err(_) => Err(NotWhole::Unread),
    }
}

/// Hands the number of each process of a cgroup to `take`, until that gives something.
fn each_in_cgroup(cgroup: &Dir, take: &mut dyn FnMut(Pid) -> Option<NotWhole>) -> Result<Option<NotWhole>> {
    let file = cgroup.file(c"cgroup.procs")?;
    let mut buf = [0; 4096];
    let mut lines = Lines::new(&file, &mut buf);
    while let Some(line) = lines.next() {
        let Some(pid) = parse::dec(line?).and_then(Pid::new) else {
            // 0 stands for who has no number in this pid namespace.
            return Ok(Some(NotWhole::Unseen));
        };
        if let Some(mixed) = take(pid) {
            return Ok(Some(mixed));
        }
    }
    Ok(None)
}

impl Members {
    /// Holds all processes of a cgroup as well, but those that the kernel spares, too.
    pub(super) fn hold_cgroup(&mut self, proc: &Dir, cgroup: &CgroupToEnd, check: &Eligibility<'_>) -> Result<()> {
        each_in_cgroup(&cgroup.dir, &mut |pid| {
            let row = if self.has(pid) { None } else { running(proc, pid) };
            if let Some(row) = row {
                let is_another = cgroup.terms.objection(proc, &row).is_some();
                if row.oom_score_adj != Some(badness::NEVER) && !is_another {
                    let from = self.all.len();
                    let _ = self.hold(proc, core::iter::once(&row), check);
                    if let Some(member) = self.all.get_mut(from) {
                        member.part = Part::Companion;
                    }
                }
            }
            None
        })
        .map(drop)
    }

    /// Holds those that have joined the cgroup since the others were asked to end, and asks them. Nobody is sent SIGKILL without SIGTERM
    /// and [`LATE`] before it, but for children that one of those has started: they are of what is ended already.
    pub(super) fn join_cgroup(&mut self, proc: &Dir, cgroup: &CgroupToEnd, check: &Eligibility<'_>) {
        let from = self.all.len();
        let _ = self.hold_cgroup(proc, cgroup, check);
        for at in from..self.all.len() {
            let parent = self.all.get(at).and_then(Member::parent);
            let is_child = self.all.iter().any(|member| Some(member.pid) == parent);
            if let Some(member) = self.all.get_mut(at) {
                let _ = member.terminate();
                if !is_child {
                    member.kill_not_before = monotonic().saturating_add(LATE);
                }
            }
        }
    }

    /// SIGKILL to all of a cgroup in one step, with those that joined it since: cgroup.kill of v2, Linux 5.14. Not where there are
    /// cgroups below it, whose processes nobody has looked at. How many there were; `None`: it is to be done one by one.
    pub(super) fn kill_cgroup(&mut self, cgroup: &Dir) -> Option<u64> {
        let has_none_below = matches!(cgroup.node(), Ok((_, 2)));
        if !has_none_below {
            return None;
        }
        for member in self.all.iter_mut() {
            let _ = member.weigh();
        }
        let alive = self.alive_count();
        cgroup.write(c"cgroup.kill", b"1").ok()?;
        for member in self.all.iter_mut() {
            member.sent = Sent::Sigkill;
        }
        self.reap_memory();
        u64::try_from(alive).ok()
    }
}
