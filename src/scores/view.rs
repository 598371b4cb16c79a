//! What was read, and what follows from it.

use super::rank::{Change, Rules, is_spared};
use super::{Options, Show};
use crate::cgroup::{Memcg, Swap};
use crate::environment::{Unfit, no_room};
use crate::error::{Absent, Error, Source};
use crate::host::{self, Host, Numbers};
use crate::parse::memcg::{Bounds, Victims};
use crate::parse::meminfo::Meminfo;
use crate::parse::version::{self, Version};
use crate::processes::reader::Reader;
use crate::processes::sharing;
use crate::processes::{self, Depth, Groups, Process, Table, descending};
use crate::sys::out::say;
use crate::units::{Bytes, Percent, Pid};

/// Cgroups that are told apart: a node of Kubernetes has 110 pods as a rule, of 3 to 5 cgroups each.
const GROUPS: usize = 4096;

/// All that rankings are made of, read once.
pub(super) struct View<'h> {
    pub(super) host: &'h Host,
    pub(super) table: Table,
    pub(super) groups: Groups,
    pub(super) meminfo: Meminfo,
    init: Option<Pid>,
    /// Why no cgroup could be looked at.
    pub(super) unseen: Option<Absent>,
    /// Whether oom_score tells who is passed over: Linux 5.9.
    pub(super) zero_line: ZeroLine,
}

/// What the score of a process is that holds nothing and is not adjusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ZeroLine {
    /// 0, before Linux 5.9: what is below it is not told apart.
    At0,
    /// 666.
    At666,
}

impl<'h> View<'h> {
    pub(super) fn read(host: &'h Host, meminfo: Meminfo, options: &Options<'_>) -> Result<Self, Unfit> {
        let mut table = Table::arm_for(&host.proc).map_err(no_room)?;
        let unlisted = |errno| Unfit::Failed(Error::new("list", b"/proc", errno));
        table.read(&host.proc, Depth::Weight).map_err(unlisted)?;
        sharing::refine(&host.proc, &mut table, Reader::start(&host.proc).ok().as_ref());
        let first = Pid::new(1);
        let release = version::parse(host.uname.release.as_bytes());
        Ok(Self {
            table,
            groups: Groups::arm(match options.show {
                Show::Ranking => 0,
                Show::Next => GROUPS,
            })
            .map_err(no_room)?,
            meminfo,
            init: first.filter(|_| host.numbers() == Numbers::Initial),
            zero_line: match release {
                Some(release) if release < Version::new(5, 9) => ZeroLine::At0,
                _ => ZeroLine::At666,
            },
            unseen: None,
            host,
        })
    }

    /// Finds the cgroups of all processes and what bounds them.
    pub(super) fn read_groups(&mut self, buf: &mut [u8]) {
        let proc = &self.host.proc;
        self.table.read_groups(proc, &mut self.groups);
        let memcg = Memcg::new(proc, buf);
        // Where the kernel has no memory cgroups no process is in one, and none has a limit.
        self.unseen = memcg.unmounted_of(self.groups.version()).filter(|_| !self.groups.rows().is_empty());
        let swap = Swap {
            total: self.meminfo.swap_total.unwrap_or_default(),
            swappiness: sysctl(self.host, c"sys/vm/swappiness"),
        };
        for at in 0..self.groups.rows().len() {
            let bounds = memcg.bounds(self.groups.version(), self.groups.path(at), swap).unwrap_or_else(|errno| {
                self.unseen = self.unseen.or(Some(errno.into()));
                Bounds::default()
            });
            if let Some(row) = self.groups.rows_mut().get_mut(at) {
                row.bounds = bounds;
            }
        }
        if self.groups.overflow() > 0 {
            say(format_args!("memdoor: warning: more than {GROUPS} cgroups: the rest is left out"));
        }
    }

    /// Whether the scale is known: held against nothing, each adjustment would count for nothing, and the order would be another one.
    pub(super) fn scale_known(&self) -> core::result::Result<(), Absent> {
        host::total(&self.meminfo)?;
        self.meminfo.swap_total.map(drop).ok_or(Source::proc(c"meminfo").lacks("SwapTotal"))
    }

    /// RAM and swap: the scale of the whole system.
    pub(super) fn scale(&self) -> Bytes {
        let swap = self.meminfo.swap_total.unwrap_or_default();
        self.meminfo.total.unwrap_or_default().plus(swap)
    }

    pub(super) fn scale_pages(&self) -> u64 {
        self.scale().0 / self.host.page.0.max(1)
    }

    pub(super) fn rules<'a>(&self, changes: &'a [Change]) -> Rules<'a> {
        Rules { page: self.host.page, init: self.init, changes }
    }

    /// The victims in `scope`, the first one first, each with its badness and its score.
    pub(super) fn victims(&self, rules: Rules<'_>, scope: Scope, most: usize, each: &mut dyn FnMut(&Victim<'_>)) {
        let scale = match scope {
            Scope::System => self.scale(),
            Scope::Group(group) => self.scale_of(group),
        };
        let rows = self.table.rows();
        let key = |at: usize| {
            let process = rows.get(at).filter(|row| self.is_within(row, scope))?;
            // Of equals the kernel takes the one that it finds last: the youngest, which has the highest number as a rule.
            Some((rules.badness(process, scale)?, 0))
        };
        let mut left = most;
        for at in descending(rows.len(), &key) {
            let Some((process, badness)) = rows.get(at).zip(key(at)) else {
                continue;
            };
            let score = processes::number(&self.host.proc, process.pid, c"oom_score");
            if self.zero_line == ZeroLine::At666 && is_spared(score, process.oom_score_adj) {
                continue;
            }
            if left == 0 {
                return;
            }
            left -= 1;
            each(&Victim { process, adj: rules.adj(process), badness: badness.0, score });
        }
    }

    /// Its path; empty for the whole system.
    pub(super) fn path_of(&self, scope: Scope) -> &[u8] {
        match scope {
            Scope::System => b"",
            Scope::Group(group) => self.groups.path(group),
        }
    }

    fn scale_of(&self, group: usize) -> Bytes {
        let bounds = self.groups.rows().get(group).map(|row| row.bounds);
        bounds.map_or(Bytes(0), |bounds| bounds.limit.unwrap_or_default().plus(bounds.swap))
    }

    fn is_within(&self, process: &Process, scope: Scope) -> bool {
        match (scope, process.group) {
            (Scope::System, _) => true,
            (Scope::Group(_), None) => false,
            (Scope::Group(group), Some(own)) => self.groups.upwards(own).any(|at| at == group),
        }
    }

    /// Cgroups with a limit, the fullest first.
    pub(super) fn each_limited(&self, each: &mut dyn FnMut(usize, &Bounds)) {
        let rows = self.groups.rows();
        let fullness = |at: usize| {
            let bounds = rows.get(at)?.bounds;
            let (limit, usage) = (bounds.limit?, bounds.usage.unwrap_or_default());
            let share = Percent::of(usage, limit).map_or(u64::MAX, |share| share.hundredths);
            Some((i64::try_from(share).unwrap_or(i64::MAX), 0))
        };
        for at in descending(rows.len(), &fullness) {
            if let Some(row) = rows.get(at) {
                each(at, &row.bounds);
            }
        }
    }

    /// The cgroup that dies as a whole when `victim` is chosen in `scope`: the topmost with memory.oom.group between the two.
    pub(super) fn dies_with(&self, victim: &Process, scope: Scope) -> Option<usize> {
        let top = match scope {
            Scope::System => None,
            Scope::Group(group) => Some(group),
        };
        let mut found = None;
        for at in self.groups.upwards(victim.group?) {
            if self.groups.rows().get(at)?.bounds.victims == Victims::All {
                found = Some(at);
            }
            if Some(at) == top {
                break;
            }
        }
        found
    }

    /// How many processes of a cgroup die with it: all but those that are never chosen.
    pub(super) fn members(&self, group: usize, rules: Rules<'_>) -> u64 {
        let scope = Scope::Group(group);
        let rows = self.table.rows().iter();
        let killed = rows.filter(|row| self.is_within(row, scope) && rules.badness(row, Bytes(0)).is_some());
        u64::try_from(killed.count()).unwrap_or(u64::MAX)
    }
}

/// Where memory is short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    System,
    Group(usize),
}

/// One that may be chosen.
pub(super) struct Victim<'v> {
    pub(super) process: &'v Process,
    pub(super) adj: Option<i64>,
    /// In pages.
    pub(super) badness: i64,
    /// What the kernel says now, whatever is assumed.
    pub(super) score: Option<i64>,
}

pub(super) fn is_set(host: &Host, name: &core::ffi::CStr) -> bool {
    sysctl(host, name).is_some_and(|value| value > 0)
}

pub(super) fn sysctl(host: &Host, name: &core::ffi::CStr) -> Option<u64> {
    let mut buf = [0; 64];
    let number = crate::parse::one_number(host.proc.read(name, &mut buf).ok()?)?;
    u64::try_from(number).ok()
}
