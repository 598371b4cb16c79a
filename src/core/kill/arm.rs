//! Everything that may fail loudly, allocate or take its time, before memory is looked at.

use core::fmt::Write;

use super::evidence::Evidence;
use super::gauge::Gauge;
use super::log::{Level, Log};
use super::member::Eligibility;
use super::members::{self, Members};
use super::options::{Act, Logging, Options, Run, Unpinned};
use super::report::Action;
use super::select::Selection;
use super::when::{MeminfoQuirk, Pace, Reading};
use super::{History, Killer};
use crate::cgroup::{LimitOwner, Memcg};
use crate::environment::{self, MANY, Others, fail_no_room};
use crate::error::{Because, Error};
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::host::Host;
use crate::mode::{Buffers, envelope, open_host, open_self};
use crate::parse::meminfo::Meminfo;
use crate::processes::reader::{self, Reader};
use crate::processes::sharing::REFINING;
use crate::refusal::fail;
use crate::report::columns::Mib;
use crate::report::escape::Escaped;
use crate::snapshot::Completeness;
use crate::snapshot::sockets::Sockets;
use crate::sys::clock::monotonic;
use crate::sys::harden;
use crate::sys::pidfd::PidFd;
use crate::sys::reserved::Reserved;
use crate::sys::{self, Errno, signal, system};
use crate::units::Pid;

/// Candidates that there is room for when memory is not locked: what is not used takes none.
const ROOM: usize = 32 * 1024;
/// When it is locked: 240 bytes each. Those without room are counted, and have theirs at the next look.
const LOCKED_ROOM: usize = members::ROOM;
/// Descriptors of a victim that its snapshot expects; the sockets of more are shown, too, once for each descriptor.
const DESCRIPTORS: usize = 256;

/// The machine, of which it is known how much memory is available, or will be of the cgroup.
fn open_machine(options: &Options<'_>) -> Result<Host, Exit> {
    let mut host = open_host(MANY)?;
    let is_enough = |meminfo: &Meminfo| options.cgroup.is_some() || Reading::of(meminfo).1 != MeminfoQuirk::NoMemory;
    environment::memory(&mut host, is_enough).map_err(|unfit| unfit.fail())?;
    Ok(host)
}

impl<'a> Killer<'a> {
    /// Opens, reads and checks everything once; a daemon rehearses and locks what that has touched.
    #[inline(never)]
    pub(super) fn arm(
        options: Options<'a>,
        history: &'a mut History,
        reader: Option<&'a Reader>,
        buffers: Buffers<'a>,
    ) -> Result<Self, Exit> {
        let Buffers { out, read, .. } = buffers;
        // Before anything else: a path that is wrong is better known at once.
        let log = open_log(options.log, history)?;
        let mut host = open_machine(&options)?;
        check_pidfds(options.unpinned)?;
        let gauge = Gauge::arm(&options, &mut host, read, history.stalls).map_err(|error| fail(&error))?;
        let mut envelope = envelope(&host);
        let memcg = Memcg::new(&host.proc, read);
        let sockets = Sockets::arm(DESCRIPTORS)
            .map_err(|errno| fail(&Error::new("map", b"memory for the table of sockets", errno)))?;
        signal::install().map_err(|errno| fail(&Error::new("handle", b"signals", errno)))?;
        if options.run == Run::Once {
            // It ends by itself, and soon: a terminal that is closed meanwhile leaves no victim with SIGTERM alone.
            signal::ignore_hangup();
        }
        // Who is not root, or has not CAP_KILL, ends their own processes only, which are shown.
        let completeness = match (Others::say(&host.proc, &mut envelope), system::signals_only()) {
            (Others::Hidden, None) => Completeness::Denied,
            _ => Completeness::Complete,
        };
        let room = match options.run {
            Run::Once => ROOM,
            Run::Daemon => LOCKED_ROOM,
        };
        let locked = history.turn.arm(&host.proc);
        let mut killer = Self {
            options,
            history,
            host,
            gauge,
            selection: Selection::arm(room).map_err(fail_no_room)?.with_reader(reader),
            reader,
            members: Members::arm().map_err(fail_no_room)?,
            evidence: Evidence::new(options.format, envelope, memcg, sockets, (out, read), completeness),
            log,
            pace: Pace::new(),
            began: monotonic(),
            has_ended_avoided: false,
            looks: 0,
            quirk: MeminfoQuirk::Nothing,
        };
        killer.say_if_unlocked(locked);
        if options.run == Run::Daemon {
            killer.settle()?;
            killer.say_what_surprises();
        }
        Ok(killer)
    }

    /// Without a lock it goes on.
    fn say_if_unlocked(&mut self, locked: sys::Result<()>) {
        if let (Err(errno), Act::Kill) = (locked, self.options.act) {
            self.log.line(
                Level::Warning,
                format_args!("cannot lock: {}; another memdoor may end somebody at the same time", Because(errno)),
            );
        }
    }

    /// What a daemon does to be quick when it matters.
    fn settle(&mut self) -> Result<(), Exit> {
        signal::reload_on_hup().map_err(|errno| fail(&Error::new("handle", b"SIGHUP", errno)))?;
        harden::touch_stack();
        self.rehearse();
        if let Err(errno) = environment::lock(environment::Locked::All) {
            self.log.line(
                Level::Warning,
                format_args!(
                    "cannot lock memory: {}; it may be slow to wake under pressure ({})",
                    Because(errno),
                    environment::unlocked(errno)
                ),
            );
        }
        // Both are best effort, and without them memdoor still works: a container has neither right.
        let _ = harden::exempt_from_oom_killer(&self.host.proc);
        let _ = harden::raise_priority();
        Ok(())
    }

    /// What holds and may not have been meant: said once, by a daemon at its start, and else with the decision.
    pub(super) fn say_what_surprises(&mut self) {
        self.say_whose_limit();
        self.say_what_fits_nobody();
    }

    /// Which of the patterns that spare somebody fit nobody who runs now: a mistake in one is noticed when somebody has been ended.
    fn say_what_fits_nobody(&mut self) {
        let policy = self.options.policy;
        // Whom it fitted may have been ended for want of anybody else.
        let avoid = if self.has_ended_avoided { &[] } else { policy.avoid };
        let lists = [("--ignore", policy.ignore), ("--avoid", avoid)];
        let count = lists.iter().map(|(_, patterns)| patterns.len()).sum();
        if count == 0 {
            return;
        }
        let Ok(mut found) = Reserved::<bool>::new(count) else { return };
        found.extend(lists.iter().flat_map(|(_, patterns)| patterns.iter()).map(|_| false));
        if self.selection.find_fitting(&self.host.proc, &lists.map(|(_, patterns)| patterns), &mut found).is_err() {
            return;
        }
        let mut words = Fixed::<1000>::new();
        let all = lists.iter().flat_map(|(option, patterns)| patterns.iter().map(move |pattern| (option, pattern)));
        for ((option, pattern), _) in all.zip(found.iter()).filter(|(_, is_found)| !**is_found) {
            let comma = if words.as_bytes().is_empty() { "" } else { ", " };
            let _ = write!(words, "{comma}{option} {}{}", pattern.prefix(), Escaped(pattern.text().as_bytes()));
        }
        if !words.as_bytes().is_empty() {
            let words = core::str::from_utf8(words.as_bytes()).unwrap_or_default();
            self.log.line(Level::Warning, format_args!("fits no process now: {words}"));
        }
    }

    fn say_whose_limit(&mut self) {
        let Some(path) = self.options.cgroup else { return };
        let reading = self.gauge.read(&mut self.host);
        let limit = Mib(reading.total.unwrap_or_default());
        match (reading.limit_of(path), reading.whose) {
            (Some(above), _) => {
                let above = Escaped(above);
                self.log.line(
                    Level::Warning,
                    format_args!(
                        "--cgroup {} has the limit of {above}, {limit} MiB, and counts its own memory alone, not that of the others in {above}; hint: --cgroup {above} counts all of it",
                        Escaped(path),
                    ),
                );
            }
            (None, LimitOwner::Hidden) => self.log.line(
                Level::Warning,
                format_args!(
                    "--cgroup {} has the limit of a cgroup above what is mounted here, {limit} MiB, and counts its own memory alone; hint: --cgroup / counts all that is seen here",
                    Escaped(path),
                ),
            ),
            _ => {}
        }
    }

    /// A daemon for nobody is a mistake that is noticed when memory is short, unless it is said before.
    fn say_if_nobody_fits(&mut self, action: &Action) {
        if action.victim.is_some() {
            return;
        }
        let not = action.not_candidates();
        let not = core::str::from_utf8(not.as_bytes()).unwrap_or_default();
        let hint = action.nobody(&self.options.policy);
        self.log.line(Level::Warning, format_args!("nobody who runs now may be ended: {not}; hint: {hint}"));
    }

    /// All that a kill takes but for the signals, into nowhere, with memdoor itself as the victim.
    fn rehearse(&mut self) {
        let (policy, group) = (self.options.policy, self.options.cgroup);
        self.selection.rehearse_reader(&self.host.proc);
        let reading = self.gauge.read(&mut self.host);
        let Ok(choice) = self.selection.choose(&self.host.proc, &policy, group) else {
            return;
        };
        let check = Eligibility::of(&self.options, &policy, self.selection.user(), self.reader);
        if let Some(tree) = &choice.best[0] {
            let rows = self.selection.members(tree);
            let _ = self.members.hold(&self.host.proc, rows, &check);
            self.members.clear();
        }
        let mut action = self.action(self.options.when.judge(&reading), reading, &choice);
        action.top = self.the_largest();
        action.lasting = reader::lasting(self.reader, &self.host.proc, REFINING);
        self.say_if_nobody_fits(&action);
        action.log(&self.options, &mut Log::silent(self.options.log));
        let own = open_self(&self.host);
        self.evidence.rehearse(&mut self.host, own, &action);
        let _ = self.pace.next(monotonic(), &self.options.when, &reading);
        self.pace = Pace::new();
    }
}

/// A new configuration's log was tried before ([`super::can_be_logged`]). After SIGHUP a file that can't be used any more is no reason to
/// leave the host alone: that was said, and lines go where else they go.
fn open_log<'a>(options: Logging<'a>, history: &mut History) -> Result<Log<'a>, Exit> {
    match Log::open(options) {
        Err(_) if history.is_going_on && options.file.is_some() => Log::open(Logging { file: None, ..options }),
        opened => {
            history.is_going_on |= opened.is_ok();
            opened
        }
    }
}

/// Whether signals reach who they are meant for: through pidfds. That the numbers of `/proc` are memdoor's own, [`open_host`] has seen.
fn check_pidfds(unpinned: Unpinned) -> Result<(), Exit> {
    let own = Pid::new(system::own_pid()).map(PidFd::open);
    match (own, unpinned) {
        (Some(Err(Errno::ENOSYS)), Unpinned::Allow) | (Some(Ok(_)) | None, _) => Ok(()),
        (Some(Err(errno)), _) => {
            let error = Error::new("open", b"a pidfd of memdoor itself", errno);
            Err(fail(&error.hint(
                "signals could hit another process that got the number: Linux 5.3 has pidfds; --allow-pid-race takes that risk",
            )))
        }
    }
}
