//! One OOM report of the running kernel, put together line by line.
//!
//! The kernel holds oom_lock from `invoked oom-killer` to the last `Killed process`, so that reports do not mix (mm/oom_kill.c). It limits
//! reports to 10 in 5 s, but not kills: a kill line may come alone, and then has nothing of the report before it. With memory.oom.group
//! (Linux 4.19) several kill lines belong to one report.

use crate::fixed::Fixed;
use crate::parse::memcg::Limit;
use crate::parse::oom_report::kill::{Killed, Scope, Summary};
use crate::parse::oom_report::table::Row;
use crate::parse::oom_report::{Line, kill, memcg, table};
use crate::units::Bytes;

/// Where the kernel was short of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Short {
    /// In the whole system.
    System,
    /// In the nodes that a cpuset or a memory policy allows.
    Nodes,
    /// In a memory cgroup, at its limit.
    Cgroup,
}

/// The lines of a report that are kept, as the device has them (with its escapes); those that did not come are empty.
#[derive(Clone, Debug, Default)]
struct Lines {
    /// `X invoked oom-killer: gfp_mask=..., order=...`
    header: Fixed<256>,
    /// `memory: usage 65536kB, limit 65536kB, failcnt 12`
    usage: Fixed<128>,
    /// One row of the table of tasks.
    row: Fixed<192>,
    /// `oom-kill:constraint=...`, with two paths of cgroups and the name of a cpuset; before Linux 5.0 `Task in A killed as a result of
    /// limit of B`.
    chosen: Fixed<1024>,
    /// `Tasks in P are going to be killed due to memory.oom.group set`
    group: Fixed<512>,
}

/// The report that the kernel printed last, as far as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Whose row of the table of tasks is kept.
    kept: Option<u64>,
    lines: Lines,
    /// The process that the summary names, or the first kill line of a report without one.
    chosen: Option<u64>,
    /// Before Linux 5.1: the process that was selected, of which a child may be killed instead.
    selected: Option<u64>,
    scope: Scope,
    trigger: Option<u64>,
    /// How many were killed in this report.
    kills: u64,
}

impl Report {
    /// Nothing was read yet. `kept` is the process whose row of the table of tasks is kept, by the initial pid namespace's number.
    pub(crate) fn new(kept: Option<u64>) -> Self {
        let (chosen, selected, trigger) = (None, None, None);
        Self { kept, lines: Lines::default(), chosen, selected, scope: Scope::Unsaid, trigger, kills: 0 }
    }

    /// Forgets what was read: a new report begins.
    pub(crate) fn begin(&mut self) {
        *self = Self::new(self.kept);
    }

    /// Whether `line` belongs to another report than the lines before it.
    pub(crate) fn ends_before(&self, line: &Line<'_>) -> bool {
        match line {
            Line::Header(_) => true,
            // The header may be lost; what stands before a kill never stands behind it.
            Line::Summary(_) | Line::Selected(_) | Line::Whose(_) | Line::Usage(_) | Line::Row(_) => self.kills > 0,
            // With memory.oom.group the process that was chosen is logged twice, and then the others.
            Line::Killed(_) => !self.is_of_group() && (self.kills > 0 || !self.is_begun()),
            _ => false,
        }
    }

    /// Takes what the kernel printed as one record; `line` is what `text` was told to be.
    pub(crate) fn take(&mut self, text: &[u8], line: &Line<'_>) {
        if self.ends_before(line) {
            self.begin();
        }
        match line {
            Line::Header(_) => self.lines.header = Fixed::of(text),
            Line::Summary(summary) => {
                self.chosen = summary.pid;
                self.lines.chosen = Fixed::of(text);
            }
            Line::Selected(selected) => {
                // It may be a child of this one that is killed.
                (self.chosen, self.scope) = (None, selected.scope);
                self.selected = Some(selected.pid);
            }
            Line::Whose(_) => self.lines.chosen = Fixed::of(text),
            Line::Usage(usage) if usage.of == memcg::Counter::Memory => self.lines.usage = Fixed::of(text),
            Line::Row(row) if Some(row.pid) == self.kept => self.lines.row = Fixed::of(text),
            // Anybody's warning has such a line, too: behind the kills it is not this report's.
            Line::Running(running) if self.kills == 0 => self.trigger = self.trigger.or(Some(running.pid)),
            Line::Group(_) => self.lines.group = Fixed::of(text),
            Line::Killed(killed) => {
                self.kills += 1;
                if killed.scope != Scope::Unsaid {
                    self.scope = killed.scope;
                }
                self.chosen = self.chosen.or(Some(killed.pid));
            }
            _ => {}
        }
    }

    fn is_begun(&self) -> bool {
        !self.lines.header.as_bytes().is_empty() || self.chosen.is_some()
    }

    /// Whether its header was read and nobody was killed yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.lines.header.as_bytes().is_empty() && self.kills == 0
    }

    /// Whether all tasks of a cgroup are killed, because of its memory.oom.group.
    pub(crate) fn is_of_group(&self) -> bool {
        !self.lines.group.as_bytes().is_empty()
    }

    /// The cgroup whose tasks are all killed.
    pub(crate) fn group(&self) -> Option<&[u8]> {
        kill::group(self.lines.group.as_bytes())
    }

    /// The process that was chosen. One whose first thread has exited stands here, and a thread of it in the kill line.
    pub(crate) const fn chosen(&self) -> Option<u64> {
        self.chosen
    }

    /// The name of the process that the summary names, as the device has it.
    pub(crate) fn summed_up(&self) -> Option<&[u8]> {
        kill::summary(self.lines.chosen.as_bytes())?.comm
    }

    /// Before Linux 5.1: the process that was selected, of which a child may have been killed instead.
    pub(crate) const fn selected(&self) -> Option<u64> {
        self.selected
    }

    /// Who asked for the memory: the number of a thread.
    pub(crate) const fn trigger(&self) -> Option<u64> {
        self.trigger
    }

    /// Where memory was short.
    pub(crate) fn short(&self) -> Option<Short> {
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

    /// The cgroup at whose limit it was, as the device has it: `None` when that was not printed, or not whole.
    pub(crate) fn limit(&self) -> Option<&[u8]> {
        let text = self.lines.chosen.as_bytes();
        self.summary().map_or_else(|| memcg::whose(text).map(|whose| whose.memcg), |summary| summary.memcg)
    }

    /// The cgroup of the task that was chosen, likewise.
    pub(crate) fn task_cgroup(&self) -> Option<&[u8]> {
        let text = self.lines.chosen.as_bytes();
        self.summary().map_or_else(|| memcg::whose(text).map(|whose| whose.task_memcg), |summary| summary.task_memcg)
    }

    /// The usage of the cgroup at whose limit it was, and that limit.
    pub(crate) fn usage(&self) -> (Option<Bytes>, Option<Bytes>) {
        memcg::usage(self.lines.usage.as_bytes()).map_or((None, None), |of| (of.usage, of.limit.and_then(Limit::size)))
    }

    /// The row of the table of tasks that is kept.
    pub(crate) fn row(&self) -> Option<Row<'_>> {
        table::row(self.lines.row.as_bytes())
    }

    /// The lines that are kept, in the log's order, as the device has them. Those that did not come are empty.
    pub(crate) fn lines(&self) -> [&[u8]; 5] {
        let Lines { header, usage, row, chosen, group } = &self.lines;
        [header.as_bytes(), usage.as_bytes(), row.as_bytes(), chosen.as_bytes(), group.as_bytes()]
    }
}

/// What a process had in memory when it was killed, by its kill line.
pub(crate) fn resident(killed: &Killed<'_>) -> Option<Bytes> {
    let others = killed.file_rss.unwrap_or_default().plus(killed.shmem_rss.unwrap_or_default());
    killed.anon_rss.map(|anon| anon.plus(others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::oom_report::line;

    const HEADER: &str = "leak invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
    const SUMMARY: &str = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop,task_memcg=/shop/a,task=leak,pid=7,uid=0";
    const KILLED: &str =
        "Memory cgroup out of memory: Killed process 7 (leak) total-vm:4kB, anon-rss:2kB, file-rss:1kB, shmem-rss:1kB";
    const ALONE: &str =
        "Memory cgroup out of memory: Killed process 8 (leak) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB";
    const GROUP: &str = "Tasks in /shop are going to be killed due to memory.oom.group set";

    fn read(lines: &[&str]) -> Report {
        let mut report = Report::new(None);
        lines.iter().for_each(|text| report.take(text.as_bytes(), &line(text.as_bytes())));
        report
    }

    #[test]
    fn a_report_names_the_cgroup_at_its_limit_and_the_process_that_was_chosen() {
        let report = read(&[HEADER, SUMMARY, KILLED]);
        assert_eq!((report.limit(), report.task_cgroup()), (Some(&b"/shop"[..]), Some(&b"/shop/a"[..])));
        assert_eq!((report.chosen(), report.short()), (Some(7), Some(Short::Cgroup)));
    }

    #[test]
    fn a_kill_alone_has_nothing_of_the_report_before_it_unless_its_group_dies() {
        assert_eq!(read(&[HEADER, SUMMARY, KILLED, ALONE]).limit(), None);
        assert_eq!(read(&[HEADER, SUMMARY, KILLED, GROUP, ALONE]).limit(), Some(&b"/shop"[..]));
    }

    #[test]
    fn what_stands_before_a_kill_begins_a_report_when_it_stands_behind_one() {
        let other = SUMMARY.replace("/shop", "/depot").replace("pid=7", "pid=8");
        let report = read(&[HEADER, SUMMARY, KILLED, &other, ALONE]);
        assert_eq!((report.limit(), report.chosen()), (Some(&b"/depot"[..]), Some(8)));
        assert_eq!(report.lines()[0], b"", "the header is the first report's");
    }

    #[test]
    fn what_a_process_had_in_memory_is_the_sum_of_its_kill_line() {
        let Line::Killed(killed) = line(KILLED.as_bytes()) else { panic!("no kill line") };
        assert_eq!(resident(&killed), Some(Bytes(4096)));
    }
}
