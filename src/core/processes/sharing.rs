//! What the end of a process gives back of the memory that it shares: with relatives by fork(2), with who maps the same file.
//!
//! RssShmem and RssAnon tell how much there is, smaps whose it is. smaps takes long and may block, so a [`Reader`] is asked about those
//! who have most, for [`REFINING`] at most; who was not asked has a figure of a relative that was, or a bound.

use core::time::Duration;

use super::freeable::{Basis, Forked, PageKinds, SharedFreed, SharedParts};
use super::kin::Kinship;
use super::reader::{About, Reader};
use super::{Memory, Process, Table};
use crate::parse::smaps;
use crate::parse::vmstat::Vmstat;
use crate::sys::clock::monotonic;
use crate::sys::file::Dir;
use crate::sys::lines::Lines;
use crate::sys::system::page_size;
use crate::units::{Bytes, Pages, Pid, Ticks};

/// So long the few that matter are asked for what of their shared memory ends with them.
pub const REFINING: Duration = Duration::from_millis(50);

/// Shared memory below this decides nothing.
pub const WORTH: Bytes = Bytes(1 << 20);

impl Reader {
    /// Finds out what of their shared memory ends with those for whom `is_asked` holds; how many they were. Of each family one is asked
    /// first, which tells most about all of it, then those who have most: the time may be up before all are.
    ///
    /// `rows` are all of a table, whose relatives [`Kinship::find`] has told. Once nobody is left to be asked, or no time, [`settle`] gives a
    /// figure to those that were not.
    pub fn refine_all(
        &self,
        rows: &mut [Process],
        given_up: GivenUp,
        until: Duration,
        is_asked: &dyn Fn(usize) -> bool,
    ) -> usize {
        let mut count = 0;
        let is_given_up = match given_up {
            GivenUp::Perhaps => may_have_given_up,
            GivenUp::Nothing => |_: &Process| false,
        };
        for is_wanted in [wants_a_look as fn(&Process) -> bool, wants_a_closer_look, is_given_up] {
            while monotonic() < until {
                let wanted = rows.iter().enumerate().filter(|(at, row)| is_wanted(row) && is_asked(*at));
                let Some((at, _)) = wanted.max_by_key(|(_, row)| row.weight()) else { break };
                let Some(row) = rows.get_mut(at) else { break };
                self.refine(row, until);
                count += 1;
                if let Some(kin) = row.kin.filter(|kin| !kin.is_sampled)
                    && row.memory.forked.is_some_and(|forked| forked.basis == Basis::Read)
                {
                    sample(rows, kin.lead);
                }
            }
            // What was found out may bring others to the front, of whom nothing is known: they go first.
            if count > 0 {
                break;
            }
        }
        count
    }

    /// Finds out what of the shared memory of a process ends with it. Without an answer until then `RssShmem` stands for it.
    pub(super) fn refine(&self, process: &mut Process, until: Duration) {
        let shmem = process.memory.shmem.unwrap_or_default();
        let beside = Beside::Pages(process.kin.map(|kin| kin.nearest));
        let (shared_freed, parts) = self.look(process.pid, process.started, shmem, beside, until);
        process.memory.shared_freed = Some(shared_freed);
        process.memory.kinds = Some(parts.as_ref().map_or(PageKinds::Unanswered, |parts| PageKinds::of(parts, shmem)));
        if process.kin.is_some() {
            let nothing = Forked { cow: Bytes(0), share: Bytes(0), basis: Basis::Unanswered };
            process.memory.forked = Some(match parts {
                None => nothing,
                Some(smaps::Totals { is_one_space: true, .. }) => Forked { basis: Basis::OneSpace, ..nothing },
                Some(smaps::Totals { cow, cow_share, .. }) => Forked { cow, share: cow_share, basis: Basis::Read },
            });
        }
    }

    /// What all of them map of files of a tmpfs that were deleted: each its part, and of whom there is no answer until then all that it may be.
    #[must_use]
    pub fn deleted_files(&self, rows: &[Process], until: Duration) -> Bytes {
        let of = |row: &Process| {
            let shmem = row.memory.shmem.filter(|shmem| *shmem >= WORTH)?;
            if let Some(SharedFreed::Parts(SharedParts { files, .. })) = row.memory.shared_freed {
                return Some(files);
            }
            let ask = |what| self.ask_parts((row.pid, row.started), what, until);
            // maps says of most that they have none.
            let most = ask(About::Size).map_or(shmem, |shared_freed| shared_freed.file_size.min(shmem));
            let files = if most.0 > 0 { ask(About::Share(None)).map(|totals| totals.files) } else { None };
            Some(files.unwrap_or(most))
        };
        rows.iter().filter_map(of).fold(Bytes(0), Bytes::plus)
    }

    /// What of the shared memory of a process ends with it, of which it has `shmem`.
    #[must_use]
    pub fn shared_freed(&self, pid: Pid, started: Option<Ticks>, shmem: Bytes, until: Duration) -> SharedFreed {
        self.look(pid, started, shmem, Beside::Nothing, until).0
    }

    /// The same, and what smaps showed of it.
    fn look(
        &self,
        pid: Pid,
        started: Option<Ticks>,
        shmem: Bytes,
        beside: Beside,
        until: Duration,
    ) -> (SharedFreed, Option<smaps::Totals>) {
        let ask = |what| self.ask_parts((pid, started), what, until);
        // maps says at once that there is none, and how much there may be if smaps takes too long: 83 ms at 8 GiB.
        let wants_all = matches!(beside, Beside::Pages(_));
        let size = if wants_all && shmem < WORTH { None } else { ask(About::Size).map(|totals| totals.size) };
        let parts = match beside {
            Beside::Pages(relative) => ask(About::Share(relative)),
            Beside::Nothing if size.is_some_and(|size| size.0 > 0) => ask(About::Share(None)),
            Beside::Nothing => None,
        };
        let shared_freed = match (parts, size) {
            (Some(parts), _) => SharedFreed::of(&parts).at_most(shmem),
            // There is nothing to divide.
            (None, Some(Bytes(0))) => SharedFreed::of(&smaps::Totals::default()),
            (None, Some(size)) => SharedFreed::AtMost(size.min(shmem)),
            (None, None) => SharedFreed::AtMost(shmem),
        };
        (shared_freed, parts)
    }
}

/// What is asked beside how much of its shared memory ends with a process.
#[derive(Clone, Copy)]
enum Beside {
    /// Nothing: of who has no such memory smaps is not read.
    Nothing,
    /// Which pages count otherwise ([`PageKinds`]), and what it shares with this relative.
    Pages(Option<Pid>),
}

/// Whether anybody may have memory that was given up with MADV_FREE, and that smaps tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GivenUp {
    /// No: nothing was since boot, or it was taken, or the kernel has no such thing (before Linux 4.12).
    Nothing,
    /// Yes, or it is not known.
    Perhaps,
}

impl GivenUp {
    /// What /proc/vmstat counts of it: most machines have no program that does it, and there smaps is read of fewer.
    #[must_use]
    pub fn read(proc: &Dir) -> Self {
        let mut counters = Vmstat::default();
        let mut buf = [0; 4096];
        let file = proc.file(c"vmstat");
        let read = file.and_then(|file| Lines::new(&file, &mut buf).each(&mut |line| counters.add(line)));
        let Vmstat { given_up, given_up_taken, .. } = counters;
        let left = given_up.unwrap_or(0).saturating_sub(given_up_taken.unwrap_or(0));
        let left = Pages(left).bytes(page_size());
        if read.is_ok() && left < WORTH { Self::Nothing } else { Self::Perhaps }
    }
}

/// Whether nothing is known yet of memory that it may share or have locked, neither its own smaps nor that of a relative.
fn wants_a_look(process: &Process) -> bool {
    let Memory { shared_freed, forked, shmem, kinds, .. } = process.memory;
    let is_forked = process.kin.is_some() && process.memory.anonymous() >= WORTH;
    let may_be_locked = kinds.is_none() && process.memory.may_be_locked() >= WORTH;
    is_forked && forked.is_none() || shared_freed.is_none() && shmem >= Some(WORTH) || may_be_locked
}

/// Whether it may have given up memory, and nobody has looked.
fn may_have_given_up(process: &Process) -> bool {
    process.memory.kinds.is_none() && process.memory.anonymous() >= WORTH
}

/// Whether only a relative was looked at.
fn wants_a_closer_look(process: &Process) -> bool {
    process.memory.forked.is_some_and(|forked| forked.basis == Basis::Sampled)
}

/// What a relative that was looked at shares is taken for what each of its family does that was not.
fn sample(rows: &mut [Process], lead: Pid) {
    let is_of = |row: &Process| row.kin.is_some_and(|kin| kin.lead == lead);
    let read = |row: &Process| row.memory.forked.filter(|forked| forked.basis == Basis::Read).map(|forked| forked.cow);
    let Some(most) = rows.iter().filter(|row| is_of(row)).filter_map(read).max() else { return };
    for row in rows.iter_mut().filter(|row| is_of(row)) {
        let Some(kin) = &mut row.kin else { continue };
        kin.is_sampled = true;
        if row.memory.forked.is_none_or(|forked| !matches!(forked.basis, Basis::Read | Basis::OneSpace)) {
            row.memory.forked = Some(guess(most, kin.count, &row.memory, Basis::Sampled));
        }
    }
}

/// That it shares no more than `most` with all its relatives, of which they are `count`.
fn guess(most: Bytes, count: u32, memory: &Memory, basis: Basis) -> Forked {
    let cow = most.min(memory.anonymous());
    Forked { cow, share: Bytes(cow.0.div_ceil(u64::from(count.max(1)))), basis }
}

/// Gives a figure to those whose smaps was not read and who may share memory, once there is nobody to ask any more, or no time.
pub fn settle(rows: &mut [Process]) {
    for row in rows.iter_mut() {
        let Some(kin) = row.kin else { continue };
        if row.memory.forked.is_none_or(|forked| forked.basis == Basis::Unanswered) {
            row.memory.forked = Some(guess(kin.most, kin.count, &row.memory, Basis::Bounded));
        }
    }
    // An address space of several: each has a part of all that is in it.
    for at in 0..rows.len() {
        let is_one = |row: &Process| row.memory.forked.is_some_and(|forked| forked.basis == Basis::OneSpace);
        let Some(kin) = rows.get(at).filter(|row| is_one(row)).and_then(|row| row.kin) else { continue };
        let is_of = |row: &&Process| is_one(row) && row.kin.is_some_and(|other| other.lead == kin.lead);
        // There are two at least, though one may not be in the table.
        let count = (rows.iter().filter(is_of).count() as u64).max(2);
        if let Some(row) = rows.get_mut(at) {
            share_all(&mut row.memory, count);
        }
    }
}

/// All that a process has is of so many, with one address space.
fn share_all(memory: &mut Memory, count: u64) {
    let all = memory.anonymous();
    memory.forked = Some(Forked { cow: all, share: Bytes(all.0.div_ceil(count)), basis: Basis::OneSpace });
    // What is locked in it is so as long as one of them lives, and counts for none.
    if let Some(PageKinds::Read { locked, .. }) = &mut memory.kinds {
        *locked = Bytes(0);
    }
    if let Some(SharedFreed::Parts(SharedParts { private, share, shared, inherited, .. })) = &mut memory.shared_freed
        && private.0 > 0
    {
        *share = Bytes(private.plus(*share).0.div_ceil(count));
        *shared = private.plus(*shared);
        (*private, *inherited) = (Bytes(0), Bytes(0));
    }
}

/// Finds out what of the shared memory ends with whom, as far as that takes no longer than a moment: for modes that look once.
pub fn refine(proc: &Dir, table: &mut Table, reader: Option<&Reader>) {
    let rows = table.rows_mut();
    if let Ok(mut kinship) = Kinship::arm(rows.len()) {
        kinship.find(proc, rows, WORTH);
    }
    let until = monotonic().saturating_add(REFINING);
    if let Some(reader) = reader {
        let given_up = GivenUp::read(proc);
        while reader.refine_all(rows, given_up, until, &|_| true) > 0 {}
    }
    settle(rows);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::processes;
    use crate::processes::kin::Kin;
    use std::vec::Vec;

    const MIB: u64 = 1 << 20;

    /// Relatives, the first of whom stands for all, with so much anonymous memory each.
    fn family(anonymous: &[u64]) -> Vec<Process> {
        let proc = Dir::open(c"/proc").expect("/proc");
        let own = processes::look(&proc, Pid::new(std::process::id().into()).expect("a pid")).expect("this process");
        let (count, most) =
            (u32::try_from(anonymous.len()).expect("few"), anonymous.iter().max().map_or(0, |most| most * MIB));
        let kin = Kin { lead: own.pid, count, nearest: own.pid, most: Bytes(most), is_sampled: false };
        let row = |mib: &u64| {
            let memory = Memory { anon: Some(Bytes(mib * MIB)), rss: Some(Bytes(mib * MIB)), ..Memory::default() };
            Process { memory, kin: Some(kin), ..own.clone() }
        };
        anonymous.iter().map(row).collect()
    }

    fn forked(row: &Process) -> (u64, u64, Basis) {
        let forked = row.memory.forked.expect("a figure");
        (forked.cow.0 / MIB, forked.share.0 / MIB, forked.basis)
    }

    #[test]
    fn of_relatives_that_nobody_looked_at_each_shares_at_most_what_another_has() {
        let mut rows = family(&[60, 30]);
        settle(&mut rows);
        assert_eq!(rows.iter().map(forked).collect::<Vec<_>>(), [(60, 30, Basis::Bounded), (30, 15, Basis::Bounded)]);
    }

    #[test]
    fn what_one_relative_was_seen_to_share_is_taken_for_what_each_of_them_does() {
        let mut rows = family(&[60, 30, 9]);
        rows[0].memory.forked = Some(Forked { cow: Bytes(24 * MIB), share: Bytes(8 * MIB), basis: Basis::Read });
        let lead = rows[0].pid;
        sample(&mut rows, lead);
        settle(&mut rows);
        let found: Vec<_> = rows.iter().map(forked).collect();
        assert_eq!(found, [(24, 8, Basis::Read), (24, 8, Basis::Sampled), (9, 3, Basis::Sampled)]);
    }

    #[test]
    fn each_of_those_with_one_address_space_has_a_part_of_all_that_is_in_it() {
        let one_space = Some(Forked { cow: Bytes(0), share: Bytes(0), basis: Basis::OneSpace });
        let mut rows = family(&[60, 60]);
        rows.iter_mut().for_each(|row| row.memory.forked = one_space);
        settle(&mut rows);
        assert!(rows.iter().all(|row| forked(row) == (60, 30, Basis::OneSpace)));
        // One of them that is alone in the table shares with somebody all the same.
        rows.truncate(1);
        rows[0].memory.forked = one_space;
        settle(&mut rows);
        assert_eq!(forked(&rows[0]), (60, 30, Basis::OneSpace));
    }

    #[test]
    fn who_has_too_little_to_share_is_not_asked_about_and_who_was_sampled_is_asked_later() {
        let [mut small, mut large]: [Process; 2] = family(&[0, 2]).try_into().expect("two");
        for row in [&mut small, &mut large] {
            row.memory.kinds = Some(PageKinds::Unanswered);
        }
        assert!(!wants_a_look(&small) && wants_a_look(&large));
        large.memory.forked = Some(Forked { cow: Bytes(0), share: Bytes(0), basis: Basis::Sampled });
        assert!(!wants_a_look(&large) && wants_a_closer_look(&large));
    }
}
