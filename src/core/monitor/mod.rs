//! `memdoor monitor`: how memory goes over time, and who is growing.
//!
//! One engine: it takes a [`sample::Sample`] of the host, looks at every process ([`processes`]) and cgroup ([`groups`]), asks
//! [`alerts`] what has changed, and hands all of it to where it is shown: files of a session, a screen, plain lines, a file for
//! Prometheus. Its [`tables`] are described once for CSV, text and JSON. At its end it sums up ([`analysis`]).

pub mod alerts;
pub mod analysis;
mod arm;
mod clocks;
pub mod files;
pub mod groups;
pub mod kills;
mod mapped;
mod notes;
mod notice;
pub mod options;
pub mod process_table;
pub mod prometheus;
pub mod sample;
mod show;
pub mod tables;
pub mod unread;
pub mod view;

use core::time::Duration;

use crate::cost::Cost;
use crate::cost::SelfReport;
use crate::environment::Others;
use crate::error::{Absent, Error};
use crate::exit::Exit;
use crate::history::trend::BELIEVED;
use crate::host::Host;
use crate::mode::Buffers;
use crate::parse::cgroup::is_below;
use crate::processes;
use crate::processes::reader::Reader;
use crate::refusal::fail;
use crate::report::json::Envelope;
use crate::sys::clock::monotonic;
use crate::sys::signal::{self, Woken};
use crate::tmpfs::Mounts;
use crate::units::Bytes;
use alerts::{Alert, Alerts};
use analysis::HostSummary;
use clocks::Clocks;
use groups::Groups;
use kills::Kills;
use mapped::Mapped;
use notes::Notes;
use options::{Code, Options};
use process_table::{Coverage, Growth, Look, ProcessTable, Row, Swapping};
use sample::{Sample, Sources};
use show::Show;
use unread::Origin;

/// Cgroups that there is room for: 1.5 KiB each.
const GROUPS: usize = 256;

/// Processes whose mappings are remembered from the first sample on.
const MAPPED: usize = 5;

/// All that is opened and taken room for before the first sample.
struct Monitor<'a> {
    sampler: Sampler<'a>,
    show: Show<'a>,
    out: &'a mut [u8],
    buf: &'a mut [u8],
}

/// What the samples so far have seen, and what they are taken with: all that is shown.
struct Sampler<'a> {
    options: Options<'a>,
    host: Host,
    envelope: Envelope,
    others: Others,
    sources: Sources,
    /// Reads what may block.
    reader: Option<Reader>,
    sample: Sample,
    processes: ProcessTable,
    groups: Groups,
    alerts: Alerts,
    kills: Kills,
    clocks: Option<Clocks>,
    notes: Notes,
    summary: HostSummary,
    mapped: Mapped,
    mounts: Mounts,
    /// MemTotal as it was read last: which cgroups are worth a row, where it can't be read now.
    total: Option<Bytes>,
    /// Processes and cgroups that there was no room for.
    unlisted: u64,
    /// When the first sample was taken, on the steady clock.
    since: Duration,
}

/// Runs it.
#[must_use]
#[inline(never)]
pub fn run(options: &Options<'_>, buffers: Buffers<'_>) -> Exit {
    let mut monitor = match Monitor::arm(*options, buffers) {
        Ok(monitor) => monitor,
        Err(exit) => return exit,
    };
    let cost = Cost::so_far();
    let worked = monitor.work();
    if options.self_report == SelfReport::Show {
        cost.report("samples", monitor.sampler.summary.samples);
    }
    if let (Err(error), 0) = (&worked, monitor.sampler.summary.samples) {
        // Nothing was seen, so there is nothing to sum up.
        return fail(error);
    }
    let mut ended = monitor.sampler.others.qualify(monitor.end());
    if monitor.sampler.alerts.has_lost() {
        ended = ended.worse(Exit::Partial);
    }
    match (worked, ended) {
        (Err(error), _) => fail(&error),
        (Ok(()), Exit::Done | Exit::Partial) if options.code == Code::Found && monitor.sampler.summary.alerts > 0 => {
            Exit::Found
        }
        (Ok(()), exit) => exit,
    }
}

impl Monitor<'_> {
    /// Samples until the time is up or somebody ends it.
    fn work(&mut self) -> Result<(), Error> {
        self.sampler.since = monotonic();
        let end = self.sampler.since.saturating_add(self.sampler.options.length);
        let mut next = self.sampler.since;
        loop {
            let now = monotonic();
            let is_last = next >= end;
            self.take(now, is_last)?;
            if is_last || self.show.is_broken() {
                return Ok(());
            }
            // After a wait that was too long (a stopped process) those that were missed are not made up for.
            while next <= now {
                next = next.saturating_add(self.sampler.options.interval);
            }
            // The last one is at the end, whatever the interval is.
            next = next.min(end);
            if self.wait(next).is_none() {
                return self.take(monotonic(), true);
            }
        }
    }

    /// Waits for the next sample; `None`: it is to end. SIGUSR1 asks for a sample now.
    fn wait(&mut self, next: Duration) -> Option<()> {
        loop {
            let left = next.saturating_sub(monotonic());
            if left.is_zero() {
                return Some(());
            }
            let woken = signal::wait(None, Some(left));
            if signal::stop_requested().is_some() {
                return None;
            }
            if signal::take_reload_request() {
                self.show.reopen();
            }
            // A screen of another size is drawn anew.
            let is_resized = woken == Ok(Woken::Signal) && self.show.is_screen();
            if signal::take_snapshot_request() || is_resized || woken == Ok(Woken::Timeout) {
                return Some(());
            }
        }
    }

    /// One sample.
    fn take(&mut self, now: Duration, is_last: bool) -> Result<(), Error> {
        self.sampler.take(now, is_last, self.buf)?;
        self.judge();
        self.show.show(&self.sampler, self.out);
        Ok(())
    }

    fn judge(&mut self) {
        let Sampler { alerts, sample, processes, summary, notes, kills, .. } = &mut self.sampler;
        let show = &mut self.show;
        let facts = alerts::Facts::of(sample, processes, kills.seen());
        alerts.judge(&facts, &mut |alert: &Alert| {
            // That something can't be read is no finding about memory: the exit code says it in its own way.
            if alert.change == alerts::Change::Raised && alert.kind != alerts::Kind::Unread {
                summary.alerts += 1;
                if alert.kind == alerts::Kind::Growth {
                    summary.growers = (summary.growers.0 + 1, alert.process.clone());
                }
            }
            show.note(alert);
            notes.alert(&sample.now, alert);
        });
    }
}

impl Sampler<'_> {
    /// Takes a sample.
    fn take(&mut self, now: Duration, is_last: bool, buf: &mut [u8]) -> Result<(), Error> {
        let is_first = self.summary.samples == 0;
        self.sources.read(&mut self.host, &mut self.sample);
        let swaps = self.sample.meminfo.swap_used().is_none_or(|used| used.0 > 0);
        let look = Look {
            reader: self.reader.as_ref(),
            top: self.options.top,
            deep: self.options.deep,
            coverage: if is_first || is_last { Coverage::All } else { Coverage::Some },
            swap: if swaps { Swapping::Yes } else { Swapping::No },
        };
        self.processes.read(&self.host, now, &look).map_err(|errno| Error::new("list", b"/proc", errno))?;
        self.total = self.sample.meminfo.total.or(self.total);
        self.groups.read(self.total);
        self.kills.read(buf);
        let unread = &mut self.sample.unread;
        unread.note(Origin::Processes, self.processes.failed().map(Absent::Failed));
        unread.note(Origin::Cgroups, self.groups.failed().map(Absent::Failed));
        unread.note(Origin::Log, self.kills.unread().map(Absent::Failed));
        self.summary.add(&self.sample);
        self.summary.span = now.saturating_sub(self.since);
        self.look_at_clocks();
        self.say_what_is_missing(is_first);
        self.remember_mappings(is_first);
        Ok(())
    }

    /// How long memory lasts, or what the limits of its cgroups leave, if a process grows on like that.
    fn left(&self, row: &Row, growth: &Growth) -> Option<Duration> {
        // Samples that fit no line are not extrapolated.
        let is_steady = growth.r2 >= BELIEVED;
        let rate = u64::try_from(growth.per_second).ok().filter(|rate| *rate > 0 && is_steady)?;
        let mut buf = [0; 4096];
        let own = processes::group_of(&self.host.proc, row.pid, (row.state, row.threads), &mut buf);
        let own = own.map_or(&b""[..], |(_, path)| path);
        let rooms = self.groups.rows().iter().filter_map(|limiting| {
            let room = limiting.limit?.0.saturating_sub(limiting.usage?.0);
            is_below(own, limiting.path.as_bytes()).then_some(Bytes(room))
        });
        let room = rooms.chain(self.sample.meminfo.available).min()?;
        Some(Duration::from_secs(room.0 / rate))
    }
}
