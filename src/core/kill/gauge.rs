//! Reads how much memory there is: the system's, or a cgroup's against its limit.

extern crate std;

use core::ffi::CStr;
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd};

use super::options::Options;
use super::stalls::Stalls;
use super::when::{MeminfoQuirk, Reading, ShortageRule, State};
use crate::cgroup::{Memcg, Path, Used};
use crate::environment::MOUNT;
use crate::error::{Absent, Error};
use crate::host::Host;
use crate::parse::cgroup::Version;
use crate::parse::meminfo::Meminfo;
use crate::parse::pressure;
use crate::sys::Errno;
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::sys::kept::Kept;
use crate::sys::psi::Trigger;
use crate::trigger::also::Waiting;
use crate::units::{Bytes, Percent};

/// Stalls of this long within 2 s wake memdoor, whatever it waits for.
const STALL_US: u32 = 150_000;

/// How often it is looked whether ZFS was loaded meanwhile.
const ARC_PAUSE: Duration = Duration::from_secs(60);

/// Where figures come from, opened once.
pub(super) struct Gauge {
    /// The cgroup whose limit counts, and its path.
    group: Option<(Memcg, Path)>,
    /// Where its pressure file is, when it is not `/proc`.
    dir: Option<Dir>,
    pressure: Kept,
    waiting: Option<Waiting>,
    /// Handed on to the run that comes.
    pub(super) stalls: Stalls,
    trigger: Option<Trigger>,
    /// What was said last about meminfo.
    pub(super) quirk: MeminfoQuirk,
    /// When ZFS's figures were looked for last.
    looked_for_arc: Duration,
    when: ShortageRule,
}

impl Gauge {
    /// Opens and reads all of it once.
    pub(super) fn arm(options: &Options<'_>, host: &mut Host, buf: &mut [u8], stalls: Stalls) -> Result<Self, Error> {
        let group = match options.cgroup {
            Some(path) => Some((open_group(host, path, buf)?, Path::of(path))),
            None => None,
        };
        let mut gauge = Self {
            group,
            dir: None,
            pressure: Kept::new(c"pressure/memory"),
            waiting: options.when.pressure.map(|bound| bound.of),
            stalls,
            trigger: None,
            quirk: MeminfoQuirk::Nothing,
            looked_for_arc: monotonic(),
            when: options.when,
        };
        gauge.aim(&host.proc);
        // All that it may read later is opened.
        gauge.read_whole(host);
        if let Some(waiting) = gauge.waiting
            && let Err(errno) = gauge.pressure(host, waiting)
        {
            let error = Error::new("read", gauge.pressure.name().to_bytes(), errno);
            let version = gauge.group.as_ref().and_then(|(group, _)| Some(group.path().ok()?.0));
            return Err(error.hint(match version {
                Some(Version::V1) => {
                    "cgroup v1 counts no stalls of a cgroup: leave --psi out, or --cgroup, and the host's count"
                }
                _ => "--psi needs Linux 4.20 with CONFIG_PSI; boot with psi=1",
            }));
        }
        Ok(gauge)
    }

    /// Finds the pressure that belongs to the memory that is looked at.
    fn aim(&mut self, proc: &Dir) {
        self.dir = self.group.as_ref().and_then(|(group, _)| group.dir()?.dir(c".").ok());
        let file: &'static CStr = match self.dir {
            Some(_) => c"memory.pressure",
            None => c"pressure/memory",
        };
        self.pressure = Kept::new(file);
        self.trigger = Trigger::arm(self.dir.as_ref().unwrap_or(proc), file, STALL_US).ok();
    }

    /// What the cgroup uses, and its limit. A service that is started anew has a new cgroup of the same path: what was opened of the
    /// old one gives ENODEV for ever, so that it is opened anew.
    fn read_group(&mut self, proc: &Dir) -> Option<Used> {
        let (group, path) = self.group.as_mut()?;
        let mut used = group.used();
        if used.is_err() {
            // Its trigger would be ready at once from now on.
            self.trigger = None;
            if group.look_at(path.as_bytes()).is_ok() {
                used = group.used();
                self.aim(proc);
            }
        }
        self.quirk = match used {
            Ok(Some(_)) => MeminfoQuirk::Nothing,
            Ok(None) => MeminfoQuirk::NoLimit,
            Err(_) => MeminfoQuirk::NoGroup,
        };
        used.ok().flatten()
    }

    /// How much there is now. What lies on the lists of CPUs is asked for where memory would be short without it: nobody is ended for memory
    /// that is free.
    pub(super) fn read(&mut self, host: &mut Host) -> Reading {
        let meminfo = host.meminfo().unwrap_or_default();
        let reading = self.reading(host, &meminfo);
        let matters = self.when.judge(&reading) == State::Short || self.when.is_hard(&reading);
        if matters && self.group.is_none() { self.with_lists(host, &meminfo, reading) } else { reading }
    }

    /// The same with those lists whatever it is: behind a kill, which puts pages there, and for figures that are compared.
    pub(super) fn read_whole(&mut self, host: &mut Host) -> Reading {
        let meminfo = host.meminfo().unwrap_or_default();
        let reading = self.reading(host, &meminfo);
        if self.group.is_none() { self.with_lists(host, &meminfo, reading) } else { reading }
    }

    fn with_lists(&self, host: &mut Host, meminfo: &Meminfo, reading: Reading) -> Reading {
        let (whole, _) = Reading::of(&host.with_lists(*meminfo));
        Reading { available: whole.available, on_lists: whole.on_lists, ..reading }
    }

    fn reading(&mut self, host: &mut Host, meminfo: &Meminfo) -> Reading {
        let (mut reading, quirk) = Reading::of(meminfo);
        self.look_for_arc(host, meminfo);
        match self.group {
            Some(_) => {
                let used = self.read_group(&host.proc);
                reading.shmem = None;
                reading.total = used.map(|of| of.limit);
                reading.available = used.map(|of| Bytes(of.limit.0.saturating_sub(of.used.0)));
                reading.whose = used.map(|of| of.whose).unwrap_or_default();
            }
            None => self.quirk = quirk,
        }
        reading.pressure = self.waiting.and_then(|waiting| self.pressure(host, waiting).ok());
        reading
    }

    /// The share of the last 10 s of the stalls that were asked for; ENODATA where the file has no such line.
    fn pressure(&mut self, host: &Host, waiting: Waiting) -> Result<Percent, Errno> {
        let mut buf = [0; 256];
        let dir = self.dir.as_ref().unwrap_or(&host.proc);
        let pressure = pressure::parse(self.pressure.once(dir, &mut buf)?);
        let stall = match waiting {
            Waiting::Some => pressure.some,
            Waiting::Full => pressure.full,
        };
        Ok(self.stalls.share(monotonic(), stall.ok_or(Errno::ENODATA)?))
    }

    /// Looks once a minute whether ZFS was loaded: without its figures its cache counts as used, and somebody would be ended for it.
    fn look_for_arc(&mut self, host: &mut Host, meminfo: &Meminfo) {
        let now = monotonic();
        if meminfo.arc.is_none() && now.saturating_sub(self.looked_for_arc) >= ARC_PAUSE {
            self.looked_for_arc = now;
            host.look_for_arc();
        }
    }

    /// What wakes memdoor when processes stall; `None` where the kernel has no triggers.
    pub(super) fn trigger(&self) -> Option<BorrowedFd<'_>> {
        self.trigger.as_ref().map(AsFd::as_fd)
    }

    /// Its cgroup has gone, or the kernel has no use for it: without it memdoor looks as often as time alone tells.
    pub(super) fn drop_trigger(&mut self) {
        self.trigger = None;
    }
}

fn open_group(host: &Host, path: &[u8], buf: &mut [u8]) -> Result<Memcg, Error> {
    let mut group = Memcg::new(&host.proc, buf);
    // What has no errno of its own (no hierarchy is mounted, or this mount does not show the path) is said in its own words: the first of
    // them is by no fault of the path.
    let is_mounted = group.unmounted() != Some(Absent::NotMounted);
    let failed = |why: Absent| {
        let error =
            Error::new("find memory cgroup", path, why.errno().unwrap_or(Errno::ENOENT)).hint(match is_mounted {
                true => "its path is as /proc/PID/cgroup shows it: cat /proc/PID/cgroup",
                false => MOUNT,
            });
        match is_mounted {
            true if why.errno().is_some() => error,
            true => error.because(why),
            false => error.because(Absent::NotMounted),
        }
    };
    group.look_at(path).map_err(failed)?;
    let used = group.used();
    match used {
        Ok(Some(_)) => Ok(group),
        Ok(None) => Err(Error::new("use memory cgroup", path, Errno::ENODATA).hint(match group.path() {
            Ok((_, b"/")) => {
                "it is the root cgroup, which has no limit: leave --cgroup out, and the host's memory counts"
            }
            Ok((Version::V1, _)) => "neither it nor a cgroup above it has a memory limit: set memory.limit_in_bytes",
            _ => "neither it nor a cgroup above it has a memory limit: set memory.max",
        })),
        // It is there. v2 counts memory where the controller is turned on, and what is below with it.
        Err(why) => {
            let error = Error::new("read the memory of cgroup", path, why.errno().unwrap_or(Errno::ENODATA));
            Err(match why.errno() {
                Some(Errno::ENOENT) => error.hint(
                    "its memory is counted with that of a cgroup above it: name that one, or write +memory to cgroup.subtree_control of it",
                ),
                _ => error,
            })
        }
    }
}
