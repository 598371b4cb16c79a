//! What is to be done with one process: nothing is counted or said here.

use crate::essential::Owner;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::identity::{ProcessIdentity, fits_exe};
use crate::pattern::{Field, Pattern};
use crate::processes::reader::Reader;
use crate::processes::{self, Kind, Process};
use crate::sys::{Errno, system};
use crate::target::exe::Link;
use crate::target::{Refusal, Target};

use super::Targets;
use super::session::{self, Adjustment};
use super::spared::{Spared, SparedAs};

/// What was found of a process.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is not kept")]
pub(super) enum Judged {
    /// It is none of those that were asked for.
    Unwanted,
    /// Its oom_score_adj is to be this.
    Wanted(i64),
    /// It is one of them, and no pattern changes it.
    Spared(SparedAs),
    /// It is one of them, and another user's.
    OthersProcess,
    /// Its arguments, or its executable, could not be read: whether it is one of them is not known.
    Unread,
    /// It is called as one that a session hangs on, and its executable is not known to be that.
    Namesake,
    /// It could not be opened.
    Unopened(Refusal),
}

/// Whether a pattern fits.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is not kept")]
enum Fit {
    No,
    Yes,
    Unread,
    Unopened(Refusal),
}

/// What is asked of all processes.
pub(super) struct Judge<'a> {
    pub(super) targets: Targets<'a>,
    pub(super) host: &'a Host,
    pub(super) spared: Spared<'a>,
    /// Who reads arguments, where they are asked for.
    pub(super) reader: Option<Reader>,
    /// memdoor's user: root changes anybody's.
    pub(super) user: u32,
}

impl Judge<'_> {
    pub(super) fn judge(&self, process: &Process) -> Judged {
        if process.kind != Kind::User || process.memory.rss.is_none() {
            return Judged::Unwanted;
        }
        let is_ours = self.user == 0 || process.user == Some(self.user);
        if !is_ours {
            return self.judge_others(process);
        }
        let (Some(before), Some(_)) = (process.oom_score_adj, process.started) else { return Judged::Unwanted };
        match self.targets {
            Targets::Session => self.judge_for_session(process, before),
            Targets::Match(pattern, adj) => match self.fit(pattern, process) {
                Fit::No => Judged::Unwanted,
                Fit::Yes => self.unless_spared(process, adj),
                Fit::Unread => Judged::Unread,
                Fit::Unopened(refusal) => Judged::Unopened(refusal),
            },
            Targets::Pid(..) | Targets::Undo => Judged::Unwanted,
        }
    }

    /// Of another user's process: whether a pattern fits it. What can't be read of it is no matter of this user's, and its executable never
    /// can.
    fn judge_others(&self, process: &Process) -> Judged {
        match self.targets {
            Targets::Match(pattern, _) if pattern.field() != Field::Exe => match self.fit(pattern, process) {
                // PID 1 is another user's first of all.
                Fit::Yes if self.spared.of(process, self.targets) != Some(SparedAs::Own) => Judged::OthersProcess,
                _ => Judged::Unwanted,
            },
            _ => Judged::Unwanted,
        }
    }

    fn judge_for_session(&self, process: &Process, before: i64) -> Judged {
        let target = match Target::open(&self.host.proc, process.pid) {
            Ok(target) => target,
            Err(refusal) if refusal.is_gone() => return Judged::Unwanted,
            Err(refusal) => return Judged::Unopened(refusal),
        };
        let exe = target.exe().ok();
        let is_trusted = || Owner::of(target.dir().owner(c"exe").ok(), system::effective_user()) == Owner::Trusted;
        match session::wanted(process.comm.as_bytes(), exe.as_ref().map(Link::as_bytes), before) {
            Adjustment::Nothing => Judged::Unwanted,
            Adjustment::More(adj) => self.unless_spared(process, adj),
            Adjustment::Less(adj) if is_trusted() => self.unless_spared(process, adj),
            Adjustment::Less(_) => Judged::Namesake,
        }
    }

    fn unless_spared(&self, process: &Process, adj: i64) -> Judged {
        self.spared.of(process, self.targets).map_or(Judged::Wanted(adj), Judged::Spared)
    }

    fn fit(&self, pattern: &Pattern, process: &Process) -> Fit {
        match pattern.field() {
            Field::Comm if pattern.is_match(process.comm.as_bytes()) => Fit::Yes,
            Field::Comm => Fit::No,
            Field::Exe => self.fit_exe(process, pattern),
            Field::Cmdline => self.fit_arguments(process, pattern),
        }
    }

    fn fit_exe(&self, process: &Process, pattern: &Pattern) -> Fit {
        let target = match Target::open(&self.host.proc, process.pid) {
            Ok(target) => target,
            Err(refusal) if refusal.is_gone() => return Fit::No,
            Err(refusal) => return Fit::Unopened(refusal),
        };
        match target.exe() {
            Ok(exe) if fits_exe(pattern, exe.as_bytes()) => Fit::Yes,
            Ok(_) | Err(Errno::ESRCH | Errno::ENOENT) => Fit::No,
            // Of PID 1, which is spared whatever fits it, it need not be known.
            Err(_) if process.pid.get() == 1 => Fit::No,
            Err(_) => Fit::Unread,
        }
    }

    /// The arguments have blanks between them.
    fn fit_arguments(&self, process: &Process, pattern: &Pattern) -> Fit {
        let name = Fixed::<16>::dec(process.pid.get());
        let view = processes::view(&self.host.proc, name.as_bytes(), process.state, process.threads);
        let identity = ProcessIdentity::new(&self.host.proc, view.as_bytes(), process.comm.as_bytes());
        let mut identity = identity.read_by(self.reader.as_ref(), process.pid);
        match (identity.fits(pattern), identity.is_unread(pattern)) {
            (true, _) => Fit::Yes,
            (false, false) => Fit::No,
            (false, true) => match Target::open(&self.host.proc, process.pid) {
                Ok(_) => Fit::Unread,
                // Who has gone meanwhile is nobody's.
                Err(refusal) if refusal.is_gone() => Fit::No,
                Err(refusal) => Fit::Unopened(refusal),
            },
        }
    }
}
