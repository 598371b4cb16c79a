//! OOM kills: each is said once.

use core::fmt::Write;

use super::{Alert, Alerts, Change, Facts, Kind, Words, push_name};
use crate::host::Numbers;
use crate::processes::Comm;
use crate::report::columns::Mib;
use crate::report::escape::{Called, Escaped};
use crate::units::Pid;

/// The end of a cgroup's path that is shown: the words have room for it even if each byte is escaped in part.
const PATH: usize = 100;

impl Alerts {
    pub(super) fn judge_kills(&mut self, facts: &Facts<'_>, each: &mut dyn FnMut(&Alert)) {
        for kill in facts.seen {
            let mut words = Words::new();
            words.push(b"OOM kill: ");
            let (pid, comm) = (Pid::new(kill.pid), Comm::of(kill.comm.as_bytes()));
            match (pid, kill.numbers) {
                (Some(pid), Numbers::Initial) => push_name(&mut words, pid, &comm),
                (Some(pid), Numbers::Other) => {
                    let _ = write!(words, "{} (PID {pid} {})", Called(comm.as_bytes()), Numbers::OF_INITIAL);
                }
                (None, _) => _ = write!(words, "{}", Called(comm.as_bytes())),
            }
            if let Some(rss) = kill.rss {
                let _ = write!(words, ", {} MiB", Mib(rss));
            }
            let group = kill.cgroup.as_bytes();
            if !group.is_empty() {
                let tail = group.len().saturating_sub(PATH);
                let (dots, group) = (if tail > 0 { "..." } else { "" }, group.get(tail..));
                let _ = write!(words, ", in {dots}{}", Escaped(group.unwrap_or_default()));
            }
            let process = pid.map(|pid| (pid, comm));
            let numbers = kill.numbers;
            each(&Alert { process, numbers, ..Alert::of_host(Kind::OomKill, Change::Raised, None, words) });
        }
        if facts.more > 0 {
            let mut words = Words::new();
            let _ = write!(words, "OOM kills: and {} more: memdoor dmesg", facts.more);
            let value = Some(facts.more);
            each(&Alert { value, ..Alert::of_host(Kind::OomKill, Change::Raised, None, words) });
        }
        // The kernel counts at one moment and logs at another: a name may come with the next sample. What was not counted at the first
        // sample, or while the counts could not be read, the next counts have: they are since those that were read last.
        let named = i64::try_from(facts.seen.len()).unwrap_or(i64::MAX).saturating_add_unsigned(facts.more);
        let counted = facts.oom_kills.unwrap_or(0).cast_signed();
        let unnamed = self.unnamed.saturating_add(counted).saturating_sub(named);
        let late = match unnamed {
            1.. => unnamed.min(self.unnamed).max(0),
            _ if facts.oom_kills.is_none() => 0,
            _ => unnamed.max(self.unnamed).min(0),
        };
        self.unnamed = unnamed - late;
        if late > 0 {
            let mut words = Words::new();
            let _ = write!(words, "OOM kills: {late} whose victims are not known");
            let value = Some(late.unsigned_abs());
            each(&Alert { value, ..Alert::of_host(Kind::OomKill, Change::Raised, None, words) });
        }
    }
}
