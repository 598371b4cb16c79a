//! What the kernel's log says of one process: its own OOM kill, and those of processes that are related to it.

use core::time::Duration;

use super::counting::CountingCgroup;
use super::victim::{Match, Relationship, Role, SharedMemory, Sizes, Victim, VictimFacts};
use crate::cgroup::Path;
use crate::fixed::Fixed;
use crate::oom_kills::{Report, printed, resident};
use crate::parse::cgroup::Version;
use crate::parse::kmsg::unescape;
use crate::parse::oom_report::kill::{self, Killed};
use crate::parse::oom_report::{Line, line, table};
use crate::sys::system;
use crate::units::Bytes;

/// Faster than a process takes memory: 6 GB/s were measured with four threads.
const GROWTH: u64 = 6 << 30;

/// Sizes of one process differ by this and by a factor of two, whatever else it does in a moment.
const FAR: u64 = 4 << 20;

/// Kills that wait for being asked whose children they are, and those that are remembered because they are related to the target.
const WAITING: usize = 8;
const KIN: usize = 3;

/// The kill that is taken for the target's.
#[derive(Debug)]
struct OwnKill {
    role: Role,
    /// `Killed process N (x) ...`
    line: Fixed<320>,
    /// Between which moments it was logged, and when the log says that it was.
    logged: (Duration, Duration),
    boot_us: u64,
    /// Its report is at its end: what comes is of others.
    is_over: bool,
}

/// What the log has said so far.
#[derive(Debug)]
pub(in super::super) struct LoggedKills {
    pid: u64,
    comm: Fixed<64>,
    by: Match,
    /// The last report; once that names the target it stays.
    report: Report,
    /// The target's own kill, once the log has named it.
    own: Option<OwnKill>,
    /// The thread that shows the memory of a target whose first thread has exited, and its name: the kernel's kill line is of that one.
    thread: Option<(u64, Fixed<64>)>,
    /// `None`: not known, or seen from inside of a cgroup namespace, where paths are others.
    home: Option<CountingCgroup>,
    /// Since when what is taken now may have been logged, and until when.
    logged: (Duration, Duration),
    /// All kills that the log has named since the watch began, and those of them that are not counted in the target's cgroup.
    total: u64,
    elsewhere: u64,
    /// Kills of others that came with this reading.
    waiting: [Option<Victim>; WAITING],
    /// Those that are related to the target, the newest first.
    kin: [Option<Victim>; KIN],
    other: Option<Victim>,
}

impl LoggedKills {
    pub(in super::super) fn new(pid: u64, comm: &[u8], by: Match) -> Self {
        Self {
            pid,
            comm: Fixed::of(comm),
            by,
            report: Report::new((by == Match::Number).then_some(pid)),
            own: None,
            thread: None,
            home: None,
            logged: (Duration::ZERO, Duration::ZERO),
            total: 0,
            elsewhere: 0,
            waiting: [const { None }; WAITING],
            kin: [const { None }; KIN],
            other: None,
        }
    }

    /// What the target is called now: exec() and prctl(2) change that.
    pub(super) fn rename(&mut self, comm: &[u8]) {
        self.comm = Fixed::of(comm);
    }

    /// Which thread shows its memory, where its first thread has exited, and what that is called now.
    pub(super) fn shown_by(&mut self, tid: u64, comm: &[u8]) {
        self.thread = Some((tid, Fixed::of(comm)));
    }

    /// Where it is now.
    pub(super) fn live_in(&mut self, version: Version, path: &[u8]) {
        let is_known = |home: &CountingCgroup| home.version == version && home.path.as_bytes() == path;
        if !self.home.as_ref().is_some_and(is_known) {
            self.home = Some(CountingCgroup { version, path: Path::of(path) });
        }
    }

    /// As a watch tells it, for the tests of verdicts.
    #[cfg(test)]
    pub(in super::super) fn live_in_v2(&mut self, path: &[u8]) {
        self.live_in(Version::V2, path);
    }

    /// As a watch does that knows of nobody.
    #[cfg(test)]
    pub(in super::super) fn settle_alone(&mut self) {
        self.settle(&|_, _| VictimFacts::default());
    }

    /// What is taken from here on was logged between these moments.
    pub(in super::super) const fn at(&mut self, logged: (Duration, Duration)) {
        self.logged = logged;
    }

    /// Asks of each kill that has come whose child it was, given what is known of it; then those that are related to the target are
    /// remembered.
    pub(super) fn settle(&mut self, ask: &dyn Fn(&Victim, &[u8]) -> VictimFacts) {
        for slot in 0..WAITING {
            let waiting = self.waiting.get_mut(slot).and_then(Option::take);
            let Some(mut victim) = waiting else { continue };
            if self.by == Match::Number {
                let known = ask(&victim, victim.comm.as_bytes());
                victim.kin = known.kin.or(victim.kin);
                if known.is_apart {
                    victim.sharing = SharedMemory::No;
                }
            }
            self.remember(victim);
        }
    }

    fn remember(&mut self, mut victim: Victim) {
        victim.kin = victim.kin.or((victim.sharing == SharedMemory::Likely).then_some(Relationship::Sizes));
        if victim.kin.is_some() {
            self.kin.rotate_right(1);
            self.kin[0] = Some(victim);
        }
    }

    /// Takes what the kernel printed as one record.
    pub(in super::super) fn take(&mut self, text: &[u8], boot_us: u64) {
        let line = line(text);
        self.total += u64::from(matches!(line, Line::Killed(_)));
        if let Some(own) = &mut self.own {
            own.is_over |= self.report.ends_before(&line);
            if own.is_over {
                return;
            }
        }
        self.report.take(text, &line);
        if let Line::Killed(killed) = &line {
            self.kill(text, killed, boot_us);
        }
    }

    fn kill(&mut self, text: &[u8], killed: &Killed<'_>, boot_us: u64) {
        // A leader that has exited has no memory: the line then names a thread that has, and the summary the process.
        let is_named = self.is_target(killed.pid, killed.comm);
        let is_summed_up = match self.by {
            Match::Number => self.report.chosen() == Some(self.pid),
            Match::Name => self.report.summed_up().is_some_and(|comm| self.is_called(comm)),
        };
        let is_chosen = !self.report.is_of_group() && (is_named || is_summed_up);
        let known = self.own.as_ref().map(|own| own.role);
        let role = match (is_chosen, is_named, known) {
            (true, ..) => Role::Chosen,
            (false, true, known) => known.unwrap_or(Role::WithGroup),
            (false, false, None) => return self.note_other(killed, boot_us),
            (false, false, Some(_)) => return,
        };
        match &mut self.own {
            Some(own) => own.role = role,
            None => {
                let (line, logged) = (Fixed::of(text), self.logged);
                self.own = Some(OwnKill { role, line, logged, boot_us, is_over: false });
            }
        }
    }

    /// A kill of somebody else.
    fn note_other(&mut self, killed: &Killed<'_>, boot_us: u64) {
        let (kin, is_elsewhere) = self.relation(killed.pid);
        self.elsewhere += u64::from(is_elsewhere);
        // A leader that has exited stands in the summary, and a thread of it in the kill line.
        let pid = self.report.chosen().filter(|_| !self.report.is_of_group()).unwrap_or(killed.pid);
        let (comm, sharing) = (printed(killed.comm.unwrap_or_default()), self.sharing(killed));
        let victim = Victim { pid, comm, boot_us, kin, sharing, logged: self.logged };
        self.other = Some(victim.clone());
        match self.waiting.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(victim),
            // So many at once that nobody asks whose children they were.
            None => self.remember(victim),
        }
    }

    /// What the report says of a victim that is not the target: its cgroup, and whose limit was hit.
    fn relation(&self, pid: u64) -> (Option<Relationship>, bool) {
        let look = |of, at| self.home.as_ref().map_or((None, false), |home| home.look(of, at));
        if let Some(group) = self.report.group() {
            // A member of that cgroup or of one below: which, the log does not say.
            return (look(Some(group), Some(group)).0, false);
        }
        // Before Linux 5.1 a child may be killed instead of who was selected, and the report is of the latter.
        if let Some(selected) = self.report.selected().filter(|selected| *selected != pid) {
            let is_target = self.by == Match::Number && selected == self.pid;
            return (is_target.then_some(Relationship::Child), false);
        }
        look(self.report.task_cgroup(), self.report.limit())
    }

    /// Compares the target's row in the table of tasks with the line of the kill: the kernel prints both within milliseconds, of whatever
    /// memory each has then. The kernel's counters are exact to 64 pages for each processor, and other threads run meanwhile.
    fn sharing(&self, killed: &Killed<'_>) -> SharedMemory {
        const EXACT: u64 = 256 << 10;
        let row = self.report.row().and_then(|row| row.by(&table::Columns::FIRST));
        let page = system::page_size();
        let of_target = row.and_then(|task| Some((task.total_vm?, task.rss?)));
        let (Some((pages, resident_pages)), Some(Bytes(mapped)), Some(Bytes(resident))) =
            (of_target, killed.total_vm, resident(killed))
        else {
            return SharedMemory::Untold;
        };
        let [own_mapped, own_resident] = [pages, resident_pages].map(|pages| pages.saturating_mul(page.0));
        let differ = |one: u64, other: u64| one.abs_diff(other) > one.max(other) / 16 + (1 << 20);
        if own_mapped == mapped && own_resident.abs_diff(resident) <= EXACT {
            SharedMemory::Likely
        } else if differ(own_mapped, mapped) || differ(own_resident, resident) {
            SharedMemory::No
        } else {
            SharedMemory::Untold
        }
    }

    fn is_target(&self, pid: u64, comm: Option<&[u8]>) -> bool {
        match self.by {
            Match::Number => pid == self.pid || self.thread.as_ref().is_some_and(|(tid, _)| *tid == pid),
            Match::Name => comm.is_some_and(|comm| self.is_called(comm)),
        }
    }

    /// Whether the device's word is its name, or that of the thread which shows its memory.
    fn is_called(&self, comm: &[u8]) -> bool {
        let mut buf = [0; 64];
        self.has_name(unescape(comm, &mut buf))
    }

    fn has_name(&self, comm: &[u8]) -> bool {
        comm == self.comm.as_bytes() || self.thread.as_ref().is_some_and(|(_, name)| name.as_bytes() == comm)
    }

    /// The kill that a name made the target's was another process's, which has that name as well: the target lives on, or ended in
    /// another way. It then is to the target what a kill under any other name would be, and no evidence of the target's own. A kill that
    /// was found by its number stays the target's.
    pub(in super::super) fn disown(&mut self) {
        let Some(OwnKill { line, logged, boot_us, .. }) = self.own.take_if(|_| self.by == Match::Name) else { return };
        if let Some(killed) = kill::killed(line.as_bytes()) {
            let (pid, comm) = (killed.pid, printed(killed.comm.unwrap_or_default()));
            let (kin, is_elsewhere) = self.relation(pid);
            self.elsewhere += u64::from(is_elsewhere);
            // Its numbers are another namespace's, so that the target has no row to compare it with.
            let victim = Victim { pid, comm, boot_us, kin, sharing: SharedMemory::Untold, logged };
            self.other = Some(victim.clone());
            self.remember(victim);
        }
        self.report.begin();
    }

    /// Whether the kill that is taken for the target's has sizes that the target can't have had, by the last that were seen of it: it is
    /// then another's of its name. Before the line it may still have grown, as fast as memory is taken. A sample from after the line says
    /// nothing of memory, which is being freed then; an address space stays as it is to the end, and is then compared both ways.
    pub(in super::super) fn is_of_other_size(&self, last: Sizes) -> bool {
        let is_far = |more: u64, less: u64| more > less.saturating_mul(2).saturating_add(FAR);
        let Some(own) = &self.own else { return false };
        let Some(killed) = kill::killed(own.line.as_bytes()) else { return false };
        let is_larger = match own.logged.1.checked_sub(last.at) {
            Some(since) => {
                let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
                let grown = millis.saturating_mul(GROWTH / 1000);
                resident(&killed).is_some_and(|rss| is_far(rss.0.saturating_sub(grown), last.rss.0))
            }
            None => killed.total_vm.is_some_and(|total| is_far(total.0, last.total.0)),
        };
        is_larger || killed.total_vm.is_some_and(|total| is_far(last.total.0, total.0))
    }

    /// Whether a kill is the target's by a name alone, and sizes of this moment are from before it: those of just after it tell more.
    pub(in super::super) fn wants_sizes(&self, last: Option<Sizes>) -> bool {
        let is_before = |by: Duration| last.is_none_or(|last| last.at <= by);
        self.by == Match::Name && self.own.as_ref().is_some_and(|own| is_before(own.logged.1))
    }

    /// Whether one of those who were killed, other than the target, has its name: a relation of it, or the last one.
    pub(in super::super) fn is_other_a_namesake(&self) -> bool {
        let mut others = self.kin.iter().flatten().chain(&self.other);
        others.any(|other| self.has_name(other.comm.as_bytes()))
    }

    /// Whether a report has begun, and nobody was killed in it yet.
    pub(super) fn is_report_open(&self) -> bool {
        self.own.is_none() && self.report.is_open()
    }

    /// How many kills the log has named since the watch began.
    pub(in super::super) const fn total(&self) -> u64 {
        self.total
    }

    /// How many of them may have been counted in the target's own cgroup.
    pub(in super::super) const fn perhaps_own(&self) -> u64 {
        self.total.saturating_sub(self.elsewhere)
    }

    /// Those who were killed and are related to the target, the newest first.
    pub(in super::super) fn kin(&self) -> impl Iterator<Item = (&Victim, Relationship)> {
        self.kin.iter().flatten().filter_map(|victim| Some((victim, victim.kin?)))
    }

    /// What became of the target, once the log has said so.
    pub(in super::super) fn role(&self) -> Option<Role> {
        self.own.as_ref().map(|own| own.role)
    }

    /// How it was found.
    pub(in super::super) const fn by(&self) -> Match {
        self.by
    }

    /// Who was killed last, other than the target.
    pub(in super::super) const fn other(&self) -> Option<&Victim> {
        self.other.as_ref()
    }

    /// The report of the target's kill, once that was found.
    pub(in super::super) const fn report(&self) -> &Report {
        &self.report
    }

    /// The lines about the target's kill, in the log's order, as the device has them. Those that did not come are empty.
    pub(in super::super) fn lines(&self) -> [&[u8]; 6] {
        let [header, usage, row, chosen, group] = self.report.lines();
        [header, usage, row, chosen, group, self.own.as_ref().map_or(b"", |own| own.line.as_bytes())]
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::oom_kills::Short;

    const REPORT: &str = "\
leak invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
CPU: 1 UID: 0 PID: 91 Comm: leak Not tainted 6.18.44 #1
memory: usage 65536kB, limit 65536kB, failcnt 31
swap: usage 0kB, limit 0kB, failcnt 0
[     70]     0    70    16500    16384    16000      384         0   167936        0             0 other
[     77]     0    77    16500    16384    16000      384         0   167936        0             0 leak
oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop,task_memcg=/shop/a,task=leak,pid=77,uid=0
Memory cgroup out of memory: Killed process 77 (leak) total-vm:66000kB, anon-rss:65000kB, file-rss:500kB, shmem-rss:0kB, UID:0 pgtables:164kB oom_score_adj:0";

    fn read(pid: u64, comm: &str, by: Match, text: &str) -> LoggedKills {
        let mut kills = LoggedKills::new(pid, comm.as_bytes(), by);
        for line in text.lines() {
            kills.take(line.as_bytes(), 5);
        }
        kills
    }

    fn said(kills: &LoggedKills) -> std::vec::Vec<&str> {
        let lines = kills.lines().map(|line| core::str::from_utf8(line).expect("text"));
        lines.into_iter().filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn a_report_that_names_the_target_is_kept_and_others_are_not() {
        let kills = read(77, "leak", Match::Number, REPORT);
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert_eq!(kills.report().short(), Some(Short::Cgroup));
        assert_eq!(kills.report().limit(), Some(&b"/shop"[..]));
        let size = Some(Bytes(64 << 20));
        assert_eq!(kills.report().usage(), (size, size));
        assert_eq!(kills.report().trigger(), Some(91));
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
        assert_eq!(kills.report().short(), Some(Short::Cgroup));
        assert_eq!(kills.report().limit(), None);
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
        assert_eq!(kills.report().chosen(), Some(77));
        assert!(said(&kills).iter().any(|line| line.starts_with("Tasks in")));
        assert!(said(&kills).last().expect("a line").contains("process 70"));
        let kills = read(77, "leak", Match::Number, &text);
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert!(said(&kills).iter().any(|line| line.starts_with("Tasks in")));
        // Without a report, the first kill line is the chosen one's.
        let first = REPORT.lines().last().expect("a line");
        let kills = read(70, "other", Match::Number, &[first, group].join("\n"));
        assert_eq!((kills.role(), kills.report().chosen()), (Some(Role::WithGroup), Some(77)));
    }

    #[test]
    fn a_leader_that_has_exited_is_named_by_the_summary_alone() {
        let text = REPORT.replace("Killed process 77", "Killed process 79");
        let kills = read(77, "leak", Match::Number, &text);
        assert_eq!(kills.role(), Some(Role::Chosen));
        assert!(said(&kills).last().expect("a line").contains("process 79"));
    }

    /// Who is related to the target, of a log that is read by one who lives in `home`.
    fn kin(home: &str, version: Version, text: &str) -> (Option<(u64, Relationship)>, u64) {
        let mut kills = LoggedKills::new(5, b"sh", Match::Number);
        kills.live_in(version, home.as_bytes());
        text.lines().for_each(|line| kills.take(line.as_bytes(), 5));
        kills.settle(&|_, _| VictimFacts::default());
        let newest = kills.kin().next().map(|(victim, kin)| (victim.pid, kin));
        (newest, kills.perhaps_own())
    }

    #[test]
    fn a_victim_is_related_by_its_control_group_or_by_the_limit_and_not_by_the_root() {
        let (v1, v2) = (Version::V1, Version::V2);
        assert_eq!(kin("/shop/a", v2, REPORT), (Some((77, Relationship::Group)), 1));
        assert_eq!(kin("/shop", v2, REPORT), (Some((77, Relationship::Group)), 1));
        // v1 counts a kill in the victim's own cgroup alone.
        assert_eq!(kin("/shop", v1, REPORT), (Some((77, Relationship::Group)), 0));
        assert_eq!(kin("/shop/b", v2, REPORT), (Some((77, Relationship::Limit)), 0));
        assert_eq!(kin("/shop/ab", v2, REPORT), (Some((77, Relationship::Limit)), 0));
        assert_eq!(kin("/shopping/a", v2, REPORT), (None, 0));
        assert_eq!(kin("/", v2, REPORT), (None, 1));
        // Of a kill line alone nobody knows where it was.
        let alone = REPORT.lines().last().expect("a line");
        assert_eq!(kin("/shop/a", v2, alone), (None, 1));
    }

    #[test]
    fn who_had_the_memory_of_the_victim_is_told_by_the_sizes_of_one_report() {
        let kill = |target: &str| {
            let text = REPORT
                .replace("16500    16384    16000      384         0   167936        0             0 other", target);
            let kills = read(70, "other", Match::Number, &text);
            kills.other().map(|victim| victim.sharing)
        };
        // 66000 kB of address space, and 65500 kB resident.
        assert_eq!(
            kill("16500    16375    16000      384         0   167936        0             0 other"),
            Some(SharedMemory::Likely)
        );
        assert_eq!(
            kill("16500    15500    16000      384         0   167936        0             0 other"),
            Some(SharedMemory::Untold)
        );
        assert_eq!(
            kill("16500     8000    16000      384         0   167936        0             0 other"),
            Some(SharedMemory::No)
        );
        assert_eq!(
            kill("  700      500    16000      384         0   167936        0             0 other"),
            Some(SharedMemory::No)
        );
        // Without the report nothing can be compared.
        let alone = REPORT.lines().last().expect("a line");
        assert_eq!(
            read(70, "other", Match::Number, alone).other().map(|victim| victim.sharing),
            Some(SharedMemory::Untold)
        );
    }

    #[test]
    fn a_path_is_compared_as_it_is_and_not_as_the_device_escapes_it() {
        let text = REPORT.replace("/shop", "/machine-qemu\\x5cx2d1.scope");
        assert_eq!(kin("/machine-qemu\\x2d1.scope/a", Version::V2, &text), (Some((77, Relationship::Group)), 1));
    }

    #[test]
    fn a_lone_kill_line_that_names_a_thread_of_a_target_without_its_leader_is_the_targets() {
        let alone = b"Memory cgroup out of memory: Killed process 79 (leak) total-vm:1kB, anon-rss:1kB";
        let mut kills = LoggedKills::new(77, b"leak", Match::Number);
        kills.shown_by(79, b"worker");
        kills.take(alone, 5);
        assert_eq!(kills.role(), Some(Role::Chosen));
    }

    #[test]
    fn where_only_names_tell_a_target_without_its_leader_is_found_by_the_leaders_and_by_the_threads() {
        // The summary has the leader's name, and the kill line the thread's.
        let text = REPORT.replace("Killed process 77 (leak)", "Killed process 79 (worker)");
        let alone = text.lines().last().expect("a line");
        let role = |thread: Option<&[u8]>, text: &str| {
            let mut kills = LoggedKills::new(5, b"leak", Match::Name);
            thread.into_iter().for_each(|comm| kills.shown_by(6, comm));
            text.lines().for_each(|line| kills.take(line.as_bytes(), 5));
            kills.role()
        };
        assert_eq!(role(None, &text), Some(Role::Chosen));
        assert_eq!(role(Some(b"worker"), alone), Some(Role::Chosen));
        assert_eq!((role(None, alone), role(Some(b"other"), alone)), (None, None));
        let another = text.replace("task=leak", "task=other");
        assert_eq!((role(None, &another), role(Some(b"worker"), &another)), (None, Some(Role::Chosen)));
    }

    #[test]
    fn a_target_that_was_renamed_is_found_by_its_new_name_and_by_any_bytes() {
        let text = REPORT.replace("leak", "donn\\xc3\\xa9es");
        let mut kills = LoggedKills::new(5, b"sh", Match::Name);
        kills.rename("donn\u{e9}es".as_bytes());
        text.lines().for_each(|line| kills.take(line.as_bytes(), 5));
        assert_eq!(kills.role(), Some(Role::Chosen));
    }

    #[test]
    fn a_child_that_is_sacrificed_for_the_target_is_told_as_its_child() {
        let text = "\
leak invoked oom-killer: gfp_mask=0x6000c0(GFP_KERNEL), nodemask=(null), order=0, oom_score_adj=0
Task in /shop/a killed as a result of limit of /shop
Memory cgroup out of memory: Kill process 5 (sh) score 999 or sacrifice child
Killed process 77 (leak) total-vm:66000kB, anon-rss:65000kB, file-rss:500kB, shmem-rss:0kB";
        assert_eq!(kin("/", Version::V1, text).0, Some((77, Relationship::Child)));
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
        assert_eq!(kills.report().short(), Some(Short::Cgroup));
        assert_eq!(kills.report().limit(), Some(&b"/shop"[..]));
    }

    #[test]
    fn a_whole_system_that_is_short_is_no_cgroup() {
        let text = REPORT
            .replace("CONSTRAINT_MEMCG", "CONSTRAINT_NONE")
            .replace("oom_memcg=/shop,", "global_oom,")
            .replace("Memory cgroup out of memory", "Out of memory");
        let kills = read(77, "leak", Match::Number, &text);
        assert_eq!(kills.report().short(), Some(Short::System));
        assert_eq!(kills.report().limit(), None);
    }
}
