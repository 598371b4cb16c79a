//! What a kill leaves behind: the victim's snapshot, which is written out before anything happens to it, the report of what came of it, and
//! whether anybody reads them.

use core::time::Duration;

use super::log::{Level, Log};
use super::options::Run;
use super::report::{Action, Candidate};
use crate::cgroup::Memcg;
use crate::exit::Exit;
use crate::host::Host;
use crate::mode::with_report;
use crate::refusal::output_exit;
use crate::report::Format;
use crate::report::json::Envelope;
use crate::snapshot::sockets::Sockets;
use crate::snapshot::{self, Completeness, Scene, When};
use crate::sys::clock::monotonic;
use crate::sys::out::{Broken, Out, Sink};
use crate::target::Target;

/// A report that nobody reads is given up: the next victim does not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether standard output is written and read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Output {
    Read,
    /// Its pipe is full.
    Unread,
    /// It can't be written any more.
    Broken,
}

/// Takes and writes it, with memory that was there when all was armed.
pub(super) struct Evidence<'a> {
    format: Format,
    pub(super) envelope: Envelope,
    /// The victim's own.
    pub(super) memcg: Memcg,
    sockets: Sockets,
    out: &'a mut [u8],
    buf: &'a mut [u8],
    pub(super) completeness: Completeness,
    pub(super) output: Output,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(
        format: Format,
        envelope: Envelope,
        memcg: Memcg,
        sockets: Sockets,
        (out, buf): (&'a mut [u8], &'a mut [u8]),
        completeness: Completeness,
    ) -> Self {
        Self { format, envelope, memcg, sockets, out, buf, completeness, output: Output::Read }
    }

    /// Takes a snapshot of the victim and writes it out, until then at the longest.
    pub(super) fn snapshot(&mut self, host: &mut Host, victim: &Candidate, until: Duration) -> Option<Broken> {
        let Some(mut target) = Target::open_same(&host.proc, victim.pid, victim.started) else {
            self.completeness = self.completeness.and(Completeness::Gone);
            return None;
        };
        let mut out = Out::new(Sink::Stdout, self.out);
        out.give_up_at(until);
        // The last victim's cgroup is not this one's.
        self.memcg.forget();
        let mut scene =
            Scene::new(&mut target, host, &mut self.memcg, &mut self.sockets, self.buf, When::Condemned { until });
        let taken = with_report(self.format, &mut out, &self.envelope, |report| snapshot::take(&mut scene, report));
        // What nobody reads is late as well, and was not unread by memdoor.
        if out.broken().is_none() {
            self.completeness = self.completeness.and(taken);
        }
        // Up to 128 descriptors, which the members of the tree may need.
        self.memcg.forget();
        out.broken()
    }

    /// Writes the report of a decision and of what came of it.
    pub(super) fn report(&mut self, action: &Action) -> Option<Broken> {
        let mut out = Out::new(Sink::Stdout, self.out);
        out.give_up_at(monotonic().saturating_add(PATIENCE));
        with_report(self.format, &mut out, &self.envelope, |report| {
            action.report(report);
        });
        out.flush();
        out.broken()
    }

    /// The same two into nowhere, with memdoor itself as the victim: what they touch is there afterwards.
    pub(super) fn rehearse(&mut self, host: &mut Host, own: Option<Target>, action: &Action) {
        let mut out = Out::new(Sink::Nowhere, self.out);
        with_report(self.format, &mut out, &self.envelope, |report| {
            action.report(report);
        });
        let Some(mut target) = own else { return };
        let until = Duration::MAX;
        let mut scene =
            Scene::new(&mut target, host, &mut self.memcg, &mut self.sockets, self.buf, When::Condemned { until });
        with_report(self.format, &mut out, &self.envelope, |report| snapshot::take(&mut scene, report));
    }

    /// Standard output may break under a daemon, which goes on, and nobody may read that of either: the log says so, once.
    pub(super) fn note(&mut self, broken: Option<Broken>, run: Run, log: &mut Log<'_>) {
        let Some(broken) = broken.filter(|_| self.output == Output::Read) else { return };
        let has_failed = output_exit(broken) != Exit::Done;
        self.output = match (run, broken) {
            (Run::Once, Broken::Stopped) => Output::Unread,
            (Run::Daemon, _) => Output::Broken,
            (Run::Once, _) if has_failed => Output::Broken,
            (Run::Once, _) => Output::Read,
        };
        if run == Run::Daemon || self.output == Output::Unread {
            log.line(
                Level::Error,
                format_args!("standard output is not written any more, and nobody reads the evidence"),
            );
        }
    }
}
