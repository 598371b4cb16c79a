//! The lines of the kernel's log about an OOM kill, as far as they concern one process.
//!
//! The kernel holds oom_lock from `invoked oom-killer` to the last `Killed process`: reports do not mix. It limits reports to 10 in
//! 5 s, but not kills: a kill line may come alone.

use crate::fixed::Fixed;
use crate::parse::memcg::Limit;
use crate::parse::oom_report::kill::{Killed, Scope, Summary};
use crate::parse::oom_report::{header, kill, memcg, table};
use crate::units::Bytes;

/// Whether the kernel's numbers are those by which the target is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Match {
    /// They are: the kernel logs those of the initial pid namespace.
    Number,
    /// They are another namespace's: only the name can be compared.
    Name,
}

/// What the kernel's log said of the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Role {
    /// It was chosen.
    Chosen,
    /// Another process of its cgroup was, and memory.oom.group let all of them die.
    WithGroup,
}

/// A process that the OOM killer killed.
#[derive(Clone, Debug)]
pub(in super::super) struct Victim {
    pub(in super::super) pid: u64,
    pub(in super::super) comm: Fixed<64>,
    /// When, in microseconds since boot as the log has them.
    pub(in super::super) boot_us: u64,
}

/// The lines, in the log's order; those that did not come are empty.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Lines {
    /// `X invoked oom-killer: gfp_mask=..., order=...`
    header: Fixed<256>,
    /// `memory: usage 65536kB, limit 65536kB, failcnt 12`
    usage: Fixed<128>,
    /// The target's row in the table of tasks.
    row: Fixed<192>,
    /// `oom-kill:constraint=...`, with two paths of cgroups and the name of a cpuset; before Linux 5.0 `Task in A killed as a result of
    /// limit of B`.
    chosen: Fixed<1024>,
    /// `Tasks in P are going to be killed due to memory.oom.group set`
    group: Fixed<512>,
    /// `Killed process N (x) ...`
    killed: Fixed<320>,
}

/// Where the kernel was short of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Short {
    /// In the whole system.
    System,
    /// In the nodes that a cpuset or a memory policy allows.
    Nodes,
    /// In a memory cgroup, at its limit.
    Cgroup,
}

/// What the log has said so far.
#[derive(Debug)]
pub(in super::super) struct Kills {
    pid: u64,
    comm: Fixed<64>,
    by: Match,
    lines: Lines,
    /// The pid that the report's summary names, or the first kill line of one without.
    chosen: Option<u64>,
    scope: Scope,
    /// How many were killed in this report.
    count: u64,
    trigger: Option<u64>,
    role: Option<Role>,
    /// The report that names the target is at its end.
    is_over: bool,
    other: Option<Victim>,
}

impl Kills {
    pub(in super::super) fn new(pid: u64, comm: &[u8], by: Match) -> Self {
        Self {
            pid,
            comm: Fixed::of(comm),
            by,
            lines: Lines::default(),
            chosen: None,
            scope: Scope::Unsaid,
            count: 0,
            trigger: None,
            role: None,
            is_over: false,
            other: None,
        }
    }

    /// Takes what the kernel printed as one record.
    pub(in super::super) fn take(&mut self, text: &[u8], boot_us: u64) {
        if header::header(text).is_some() {
            self.begin();
            self.note(|lines| lines.header = Fixed::of(text));
        } else if let Some(killed) = kill::killed(text) {
            self.kill(text, &killed, boot_us);
        } else if kill::group(text).is_some() {
            self.note(|lines| lines.group = Fixed::of(text));
        } else if self.role.is_none() {
            self.of_report(text);
        }
    }

    /// A new report: what was said before is another's, unless it was the target's.
    fn begin(&mut self) {
        if self.role.is_some() {
            self.is_over = true;
            return;
        }
        self.lines = Lines::default();
        (self.chosen, self.trigger, self.count) = (None, None, 0);
        self.scope = Scope::Unsaid;
    }

    fn note(&mut self, put: impl FnOnce(&mut Lines)) {
        if !self.is_over {
            put(&mut self.lines);
        }
    }

    fn of_report(&mut self, text: &[u8]) {
        if let Some(summary) = kill::summary(text) {
            self.chosen = summary.pid;
            self.lines.chosen = Fixed::of(text);
        } else if let Some(selected) = kill::selected(text) {
            // Before Linux 5.1 it may be a child of this one that is killed.
            (self.chosen, self.scope) = (None, selected.scope);
        } else if memcg::whose(text).is_some() {
            self.lines.chosen = Fixed::of(text);
        } else if memcg::usage(text).is_some_and(|usage| usage.of == memcg::Counter::Memory) {
            self.lines.usage = Fixed::of(text);
        } else if self.by == Match::Number && table::row(text).is_some_and(|row| row.pid == self.pid) {
            self.lines.row = Fixed::of(text);
        } else if let Some(running) = header::running(text) {
            self.trigger = self.trigger.or(Some(running.pid));
        }
    }

    fn kill(&mut self, text: &[u8], killed: &Killed<'_>, boot_us: u64) {
        if self.is_over {
            return;
        }
        let is_report = !self.lines.header.as_bytes().is_empty() || self.chosen.is_some();
        let is_of_group = !self.lines.group.as_bytes().is_empty();
        let is_first = is_report && self.count == 0;
        // With memory.oom.group the chosen one is logged twice.
        if !is_first && !is_of_group {
            if self.role.is_some() {
                self.is_over = true;
                return;
            }
            self.begin();
        }
        self.count += 1;
        if killed.scope != Scope::Unsaid {
            self.scope = killed.scope;
        }
        // A leader that has exited has no memory: the line then names a thread that has, and the summary the process.
        let is_named = self.is_target(killed.pid, killed.comm);
        let is_chosen = !is_of_group && (is_named || (self.by == Match::Number && self.chosen == Some(self.pid)));
        self.chosen = self.chosen.or(Some(killed.pid));
        match (is_chosen, is_named) {
            (true, _) => self.role = Some(Role::Chosen),
            (false, true) => self.role = self.role.or(Some(Role::WithGroup)),
            (false, false) => {
                if self.role.is_none() {
                    self.other =
                        Some(Victim { pid: killed.pid, comm: Fixed::of(killed.comm.unwrap_or_default()), boot_us });
                }
                return;
            }
        }
        if self.lines.killed.as_bytes().is_empty() {
            self.lines.killed = Fixed::of(text);
        }
    }

    fn is_target(&self, pid: u64, comm: Option<&[u8]>) -> bool {
        match self.by {
            Match::Number => pid == self.pid,
            Match::Name => comm == Some(self.comm.as_bytes()),
        }
    }

    /// The kill was another process's, which has the same name: the target lives on.
    pub(super) fn disown(&mut self, boot_us: u64) {
        let killed = kill::killed(self.lines.killed.as_bytes());
        self.other = killed.map(|killed| Victim { pid: killed.pid, comm: self.comm.clone(), boot_us });
        (self.role, self.is_over) = (None, false);
        self.begin();
    }

    /// What became of the target, once the log has said so.
    pub(in super::super) const fn role(&self) -> Option<Role> {
        self.role
    }

    /// How it was found.
    pub(in super::super) const fn by(&self) -> Match {
        self.by
    }

    /// Who was killed last, other than the target.
    pub(in super::super) const fn other(&self) -> Option<&Victim> {
        self.other.as_ref()
    }

    /// Who asked for the memory: the number of a thread.
    pub(in super::super) const fn trigger(&self) -> Option<u64> {
        self.trigger
    }

    /// Where memory was short, in the report that names the target.
    pub(in super::super) fn short(&self) -> Option<Short> {
        let constraint = self.summary().and_then(|summary| summary.constraint);
        match (constraint, self.scope) {
            (Some(b"CONSTRAINT_MEMCG"), _) | (None, Scope::Memcg) => Some(Short::Cgroup),
            (Some(b"CONSTRAINT_NONE"), _) | (None, Scope::Global) => Some(Short::System),
            (Some(b"CONSTRAINT_CPUSET" | b"CONSTRAINT_MEMORY_POLICY"), _)
            | (None, Scope::Cpuset | Scope::Mempolicy) => Some(Short::Nodes),
            _ => None,
        }
    }

    fn summary(&self) -> Option<Summary<'_>> {
        kill::summary(self.lines.chosen.as_bytes())
    }

    /// The cgroup at whose limit it was: `None` when that was not printed, or not whole.
    pub(in super::super) fn cgroup(&self) -> Option<&[u8]> {
        let text = self.lines.chosen.as_bytes();
        let whose = || memcg::whose(text).map(|whose| whose.memcg);
        self.summary().map_or_else(whose, |summary| summary.memcg)
    }

    /// That cgroup's usage and limit.
    pub(in super::super) fn usage(&self) -> (Option<Bytes>, Option<Bytes>) {
        memcg::usage(self.lines.usage.as_bytes()).map_or((None, None), |of| (of.usage, of.limit.and_then(Limit::size)))
    }

    /// Who was chosen, where the target was killed with its group.
    pub(in super::super) fn chosen(&self) -> Option<u64> {
        self.chosen
    }

    /// The lines that there are, in the log's order.
    pub(in super::super) fn lines(&self) -> [&[u8]; 6] {
        let lines = &self.lines;
        [
            lines.header.as_bytes(),
            lines.usage.as_bytes(),
            lines.row.as_bytes(),
            lines.chosen.as_bytes(),
            lines.group.as_bytes(),
            lines.killed.as_bytes(),
        ]
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    const REPORT: &str = "\
leak invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
CPU: 1 UID: 0 PID: 91 Comm: leak Not tainted 6.18.44 #1
memory: usage 65536kB, limit 65536kB, failcnt 31
swap: usage 0kB, limit 0kB, failcnt 0
[     70]     0    70    16500    16384    16000      384         0   167936        0             0 other
[     77]     0    77    16500    16384    16000      384         0   167936        0             0 leak
oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop,task_memcg=/shop/a,task=leak,pid=77,uid=0
Memory cgroup out of memory: Killed process 77 (leak) total-vm:66000kB, anon-rss:65000kB, file-rss:500kB, shmem-rss:0kB, UID:0 pgtables:164kB oom_score_adj:0";

    fn read(pid: u64, comm: &str, by: Match, text: &str) -> Kills {
        let mut kills = Kills::new(pid, comm.as_bytes(), by);
        for line in text.lines() {
            kills.take(line.as_bytes(), 5);
        }
        kills
    }

    fn said(kills: &Kills) -> std::vec::Vec<&str> {
        let lines = kills.lines().map(|line| core::str::from_utf8(line).expect("text"));
        lines.into_iter().filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn a_report_that_names_the_target_is_kept_and_others_are_not() {
        let kills = read(77, "leak", Match::Number, REPORT);
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert_eq!(kills.short(), Some(Short::Cgroup));
        assert_eq!(kills.cgroup(), Some(&b"/shop"[..]));
        let size = Some(Bytes(64 << 20));
        assert_eq!(kills.usage(), (size, size));
        assert_eq!(kills.trigger(), Some(91));
        assert_eq!(said(&kills).len(), 5, "{:#?}", said(&kills));
        let later = REPORT.replace("77", "78");
        let both = [REPORT, &later].join("\n");
        assert_eq!(said(&read(77, "leak", Match::Number, &both)), said(&kills));
        let kills = read(70, "other", Match::Number, &both);
        assert_eq!(kills.role(), None);
        assert_eq!(kills.other().map(|other| other.pid), Some(78));
    }

    #[test]
    fn a_kill_line_alone_is_a_kill_and_has_nothing_of_the_report_before_it() {
        let alone = "Memory cgroup out of memory: Killed process 80 (leak) total-vm:1kB, anon-rss:1kB";
        let kills = read(80, "leak", Match::Number, &[REPORT, alone].join("\n"));
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert_eq!(said(&kills), [alone]);
        assert_eq!(kills.short(), Some(Short::Cgroup));
        assert_eq!(kills.cgroup(), None);
    }

    #[test]
    fn who_dies_with_its_group_was_not_chosen() {
        let group = "\
Tasks in /shop are going to be killed due to memory.oom.group set
Memory cgroup out of memory: Killed process 77 (leak) total-vm:66000kB, anon-rss:65000kB
Memory cgroup out of memory: Killed process 70 (other) total-vm:66000kB, anon-rss:65000kB";
        let text = [REPORT, group].join("\n");
        let kills = read(70, "other", Match::Number, &text);
        assert_eq!(kills.role(), Some(Role::WithGroup));
        assert_eq!(kills.chosen(), Some(77));
        assert!(said(&kills).iter().any(|line| line.starts_with("Tasks in")));
        assert!(said(&kills).last().expect("a line").contains("process 70"));
        let kills = read(77, "leak", Match::Number, &text);
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert!(said(&kills).iter().any(|line| line.starts_with("Tasks in")));
        // Without a report, the first kill line is the chosen one's.
        let first = REPORT.lines().last().expect("a line");
        let kills = read(70, "other", Match::Number, &[first, group].join("\n"));
        assert_eq!((kills.role(), kills.chosen()), (Some(Role::WithGroup), Some(77)));
    }

    #[test]
    fn a_leader_that_has_exited_is_named_by_the_summary_alone() {
        let text = REPORT.replace("Killed process 77", "Killed process 79");
        let kills = read(77, "leak", Match::Number, &text);
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert!(said(&kills).last().expect("a line").contains("process 79"));
    }

    #[test]
    fn numbers_of_another_namespace_are_not_compared() {
        assert_eq!(read(77, "x", Match::Name, REPORT).role(), None);
        let kills = read(5, "leak", Match::Name, REPORT);
        assert_eq!(kills.role(), Some(Role::Chosen));
    }

    #[test]
    fn kernels_before_5_say_it_in_other_lines() {
        let text = "\
leak invoked oom-killer: gfp_mask=0x6000c0(GFP_KERNEL), nodemask=(null), order=0, oom_score_adj=0
Task in /shop/a killed as a result of limit of /shop
memory: usage 65536kB, limit 65536kB, failcnt 31
Memory cgroup out of memory: Kill process 76 (leak) score 999 or sacrifice child
Killed process 77 (leak) total-vm:66000kB, anon-rss:65000kB, file-rss:500kB, shmem-rss:0kB";
        let kills = read(77, "leak", Match::Number, text);
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert_eq!(kills.short(), Some(Short::Cgroup));
        assert_eq!(kills.cgroup(), Some(&b"/shop"[..]));
    }

    #[test]
    fn a_whole_system_that_is_short_is_no_cgroup() {
        let text = REPORT
            .replace("CONSTRAINT_MEMCG", "CONSTRAINT_NONE")
            .replace("oom_memcg=/shop,", "global_oom,")
            .replace("Memory cgroup out of memory", "Out of memory");
        let kills = read(77, "leak", Match::Number, &text);
        assert_eq!(kills.short(), Some(Short::System));
        assert_eq!(kills.cgroup(), None);
    }
}
