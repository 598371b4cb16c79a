//! Who is first by something, and who does not reap.

use super::look::RowReader;
use super::{Look, ProcessTable, Row};
use crate::monitor::options::ReadPss;
use crate::processes::descending;
use crate::processes::sharing::REFINING;
use crate::sys::clock::monotonic;
use crate::units::Pid;

/// What decides who comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SortKey {
    /// RSS.
    Rss,
    /// VmSize.
    Vsz,
    /// Swap.
    Swap,
    /// How fast it grows: those that do, on a line.
    Growth,
    /// Descriptors.
    Fds,
}

impl SortKey {
    /// How much of it a process has: in bytes, in bytes a second, or how many.
    #[must_use]
    pub fn of(self, row: &Row) -> u64 {
        match self {
            Self::Rss => row.rss.0,
            Self::Vsz => row.vsz.0,
            Self::Swap => row.swap.unwrap_or_default().0,
            Self::Growth => row.slope,
            Self::Fds => row.fds.unwrap_or(0),
        }
    }
}

/// A parent of zombies.
#[derive(Clone, Copy, Debug)]
pub struct ZombieParent<'c> {
    /// Its number.
    pub pid: Pid,
    /// What is known of it.
    pub row: Option<&'c Row>,
    /// How many zombies it does not reap.
    pub zombies: u64,
}

/// So many zombies are asked for their parents.
const PARENTS: usize = 512;

/// What decides, and then the place.
type Rank = (i64, usize);

fn rank(rows: &[Row], by: SortKey, at: usize) -> Option<Rank> {
    let row = rows.get(at).filter(|row| row.unread.is_none())?;
    let key = by.of(row);
    (key > 0).then_some((key.cast_signed(), at))
}

impl ProcessTable {
    /// The first `count` by something; those that have none of it are left out.
    pub fn each_top<'c>(&'c self, by: SortKey, count: usize, each: &mut dyn FnMut(&'c Row)) {
        let key = |at: usize| Some((rank(&self.rows, by, at)?.0, 0));
        let first = descending(self.rows.len(), &key).take(count);
        first.filter_map(|at| self.rows.get(at)).for_each(each);
    }

    /// What it takes to be one of them: the rank of the last.
    fn bar(&self, by: SortKey, count: usize) -> Option<Rank> {
        let key = |at: usize| Some((rank(&self.rows, by, at)?.0, 0));
        let last = descending(self.rows.len(), &key).take(count).last()?;
        rank(&self.rows, by, last)
    }

    /// A whole look at the largest and the fastest growing.
    pub(super) fn look_at_the_top(&mut self, reader: &mut RowReader<'_>, look: &Look<'_>) {
        let until = monotonic().saturating_add(REFINING);
        for by in [SortKey::Rss, SortKey::Growth] {
            let bar = self.bar(by, look.top);
            for at in 0..self.rows.len() {
                if bar.is_none() || rank(&self.rows, by, at) < bar {
                    continue;
                }
                if let Some(row) = self.rows.get_mut(at) {
                    // Who has gone meanwhile is found to have at the next sample.
                    let _ = reader.top(row);
                    if monotonic() < until {
                        reader.shared_freed(row, until);
                    }
                    if by == SortKey::Rss && look.deep == ReadPss::Yes {
                        reader.deep(row);
                    }
                }
            }
        }
    }

    /// How many wait to be reaped.
    #[must_use]
    pub fn zombies(&self) -> u64 {
        self.rows().map(|row| u64::from(row.is_zombie())).sum()
    }

    /// Who has most of them.
    #[must_use]
    pub fn zombie_parent(&self) -> Option<ZombieParent<'_>> {
        let zombies = || self.rows().filter(|row| row.is_zombie());
        let (mut most, mut last) = (None, None);
        for parent in zombies().take(PARENTS).filter_map(|row| row.parent) {
            // Those of one parent are mostly neighbours.
            if last.replace(parent) != Some(parent) {
                let all = zombies().filter(|row| row.parent == Some(parent));
                most = most.max(Some((all.count() as u64, parent)));
            }
        }
        let (zombies, pid) = most?;
        Some(ZombieParent { pid, row: self.rows().find(|row| row.pid == pid), zombies })
    }
}
