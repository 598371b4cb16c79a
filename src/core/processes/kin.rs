//! Who came from whom by fork(2), and has not called execve(2) since: only they share anonymous memory.
//!
//! The kernel copies the places of code and stack with the rest of a memory map, and execve(2) draws new ones at random. So those who have
//! the same places are relatives, whatever they are called, whoever their parent is by now, and whether they may be chosen or not. stat
//! shows the places to who may read smaps as well, and takes no lock for it. Where the places are not drawn at random, two processes
//! of one program may look like relatives and are none: then they are asked (smaps), and that tells.

use super::{Process, find, glance, read, view, walk};
use crate::fixed::Fixed;
use crate::parse::stat;
use crate::sys::Result;
use crate::sys::file::Dir;
use crate::sys::reserved::Reserved;
use crate::units::{Bytes, Pid};

/// The relatives of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kin {
    /// The first of them, by number, that is in the table: it stands for all.
    pub lead: Pid,
    /// How many they are, this one and those that are not in the table included.
    pub count: u32,
    /// The one whose memory is most like its own: with it, it is most likely to share.
    pub nearest: Pid,
    /// The most anonymous memory and swap that another of them has.
    pub most: Bytes,
    /// Whether smaps of one of them was read, so that it can be told what they share.
    pub is_sampled: bool,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Relative {
    image: u64,
    pid: Pid,
    parent: Option<Pid>,
    /// Anonymous memory and swap. `None`: it is not in the table, and was not looked at.
    held: Option<Bytes>,
    is_in_table: bool,
}

/// Up to so many relatives each is compared with each other.
const FAMILY: usize = 256;

/// Room to find out.
#[derive(Debug)]
pub struct Kinship(Reserved<Relative>);

impl Kinship {
    /// Room for a table of so many processes, and as many relatives outside of it.
    pub fn arm(room: usize) -> Result<Self> {
        Reserved::new(room * 2 + 512).map(Self)
    }

    /// Tells each row of at least `least` bytes, and all relatives of those, who its relatives are. The rows are in the order of their numbers.
    pub fn find(&mut self, proc: &Dir, rows: &mut [Process], least: Bytes) {
        let all = &mut self.0;
        all.clear();
        let mut buf = [0; super::BUFFER];
        for row in rows.iter_mut() {
            row.kin = None;
            if row.weight() < least || !all.has_room() {
                continue;
            }
            let held = row.memory.anonymous();
            let name = Fixed::<16>::dec(row.pid.get());
            if let Some(image) = image(proc, name.as_bytes(), (row.state, row.threads), &mut buf) {
                let _ =
                    all.push(Relative { image, pid: row.pid, parent: row.parent, held: Some(held), is_in_table: true });
            }
        }
        all.sort_unstable_by_key(|one| (one.image, one.pid));
        let known = all.len();
        let mut missed = 0;
        // What fails is want of descriptors or memory: then who is outside is not known, and it is as if somebody were.
        let is_whole = known == 0 || others(proc, all, known, &mut missed).is_ok();
        let missed = missed + u32::from(!is_whole);
        // Those of the table that hold next to nothing are relatives as well.
        for one in all.iter_mut().skip(known) {
            if let Some(at) = find(rows, one.pid) {
                one.is_in_table = true;
                one.held = rows.get(at).map(|row| row.memory.anonymous());
            }
        }
        all.sort_unstable_by_key(|one| (one.image, one.pid));
        for family in all.chunk_by_mut(|one, other| one.image == other.image) {
            if family.len() > 1 || missed > 0 {
                tell(proc, family, missed, rows, &mut buf);
            }
        }
    }
}

/// The image of a process, or of a thread of it that lives when the first has exited.
fn image(proc: &Dir, name: &[u8], (state, threads): (u8, u64), buf: &mut [u8]) -> Option<u64> {
    let view = view(proc, name, state, threads);
    stat::image(read(proc, view.as_c_str()?, c"stat", buf).ok()?)
}

/// Adds those that are not there yet and have the image of one of the first `known`.
fn others(proc: &Dir, all: &mut Reserved<Relative>, known: usize, missed: &mut u32) -> Result<()> {
    walk(proc, &mut |pid, name, buf| {
        let (state, threads, parent, image) = {
            let text = read(proc, name, c"stat", buf)?;
            let Some(stat) = stat::parse(text) else { return Ok(()) };
            (stat.state, stat.threads, Pid::new(stat.ppid), stat::image(text))
        };
        let has_lost_its_leader = state == b'Z' && !stat::has_exited(state, threads);
        let image = match image {
            None if has_lost_its_leader => self::image(proc, name.to_bytes(), (state, threads), buf),
            image => image,
        };
        let Some(image) = image else { return Ok(()) };
        let rows = all.get(..known).unwrap_or_default();
        let is_relative = rows.binary_search_by_key(&image, |one| one.image).is_ok();
        if !is_relative || rows.binary_search_by_key(&(image, pid), |one| (one.image, one.pid)).is_ok() {
            return Ok(());
        }
        if all.push(Relative { image, pid, parent, held: None, is_in_table: false }).is_err() {
            *missed += 1;
        }
        Ok(())
    })
}

/// Tells those of a family that are in the table of the others.
fn tell(proc: &Dir, family: &mut [Relative], missed: u32, rows: &mut [Process], buf: &mut [u8]) {
    for one in family.iter_mut().filter(|one| one.held.is_none()) {
        let name = Fixed::<16>::dec(one.pid.get());
        let row = name.as_c_str().and_then(|name| glance(proc, one.pid, name, buf).ok());
        // One that has gone meanwhile holds nothing.
        one.held = Some(row.map(|row| row.memory.anonymous()).unwrap_or_default());
    }
    let family = &*family;
    let Some(lead) = family.iter().find(|one| one.is_in_table).map(|one| one.pid) else { return };
    let held = |one: &Relative| one.held.unwrap_or_default();
    let count = u32::try_from(family.len()).unwrap_or(u32::MAX).saturating_add(missed);
    let largest = family.iter().max_by_key(|one| held(one)).map(|one| one.pid);
    let second = family.iter().filter(|one| Some(one.pid) != largest).map(held).max().unwrap_or_default();
    let first = family.iter().map(held).max().unwrap_or_default();
    for one in family.iter().filter(|one| one.is_in_table) {
        let Some(at) = find(rows, one.pid) else { continue };
        let most = if Some(one.pid) == largest { second } else { first };
        // Whoever was missed may have as much.
        let most = if missed > 0 { most.max(held(one)) } else { most };
        let others = || family.iter().filter(|other| other.pid != one.pid);
        let is_parent = |other: &&Relative| Some(other.pid) == one.parent;
        let nearest = if family.len() > FAMILY {
            others().find(is_parent).or_else(|| others().next())
        } else {
            others().min_by_key(|other| (held(other).0.abs_diff(held(one).0), !is_parent(other)))
        };
        let nearest = nearest.map_or(one.pid, |other| other.pid);
        if let Some(row) = rows.get_mut(at) {
            row.kin = Some(Kin { lead, count, nearest, most, is_sampled: false });
        }
    }
}
