//! Who is a child of the target, or was until a moment ago: the OOM killer takes the largest, and whoever waited for it ends next.

use core::ffi::CStr;

use super::{STAT_MAX, Target};
use crate::fixed::Fixed;
use crate::parse::{dec, stat, words};
use crate::sys::file::Dir;
use crate::sys::kept::Kept;
use crate::units::Pid;

/// Children of one reading; more are not remembered, but are found by their parent while they can still be read.
const ROOM: usize = 64;

/// Room for `/proc/PID/task/TID/children`: up to eight bytes a child.
const LIST: usize = ROOM * 8;

/// A child that may still have the target's memory is looked at so often: between fork(2) and execve(2) it has, or looks as if it had.
const LOOKS: u8 = 3;

/// Parents are followed so far up: a job of a shell of a script of a service.
const GENERATIONS: usize = 8;

/// How a process descends from the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Descent {
    /// The target started it.
    Child,
    /// A child of the target did, or a child of that.
    Descendant,
}

/// The target's children as of the last two readings, one a second: a parent has collected a child by the time that the kernel's log
/// is read. A number is forgotten after that, because it may be another process's.
///
/// The kernel lists children by the thread that started them (Linux 3.5, CONFIG_PROC_CHILDREN). Only the first thread's list is read
/// again and again: to open those of a thousand threads takes 10 ms.
#[derive(Debug)]
pub struct Family {
    pid: u64,
    leader: Option<Dir>,
    list: Kept,
    now: [Child; ROOM],
    before: [Child; ROOM],
}

/// A child as it was listed; `pid` is 0 where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Child {
    pid: u32,
    /// Whether code and stack of it begin elsewhere than the target's, which no two have that share their memory: once it is so it
    /// remains so.
    is_apart: bool,
    /// How often that was looked for.
    looks: u8,
}

impl Family {
    /// Opens the list and reads it once.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        let mut name = Fixed::<32>::of(b"task/");
        name.push_dec(target.pid.get());
        let mut family = Self {
            pid: u64::try_from(target.pid.get()).unwrap_or_default(),
            leader: name.as_c_str().and_then(|name| target.dir().dir(name).ok()),
            list: Kept::new(c"children"),
            now: [Child::default(); ROOM],
            before: [Child::default(); ROOM],
        };
        family.refresh();
        family
    }

    /// Reads who is there now: one pread(2).
    pub fn refresh(&mut self) {
        let Some(leader) = &self.leader else { return };
        let mut buf = [0; LIST];
        let Ok(text) = self.list.once(leader, &mut buf) else {
            return;
        };
        // A blank follows each number: one that is cut has none.
        let whole = text.iter().rposition(|byte| *byte == b' ').unwrap_or(0);
        self.before = core::mem::replace(&mut self.now, [Child::default(); ROOM]);
        let pids = words(&text[..whole]).filter_map(dec).filter_map(|pid| u32::try_from(pid).ok());
        for (slot, pid) in self.now.iter_mut().zip(pids) {
            let known = self.before.iter().find(|child| child.pid == pid);
            *slot = known.copied().unwrap_or(Child { pid, ..Child::default() });
        }
    }

    /// Looks which of the children that came lately have memory of their own: three system calls for each, a few times, and none for
    /// those that are known. What is opened for that takes memory of the kernel's: not while the target is in danger.
    pub fn compare(&mut self, proc: &Dir) {
        let Self { leader: Some(leader), now, .. } = self else { return };
        let is_due = |child: &&mut Child| child.pid != 0 && !child.is_apart && child.looks < LOOKS;
        let mut own = None;
        for child in now.iter_mut().filter(is_due) {
            child.looks += 1;
            let Some(own) = *own.get_or_insert_with(|| image(leader, c"stat")) else { return };
            let mut name = Fixed::<32>::new();
            name.push_dec(child.pid).push(b"/stat");
            let theirs = name.as_c_str().and_then(|name| image(proc, name));
            child.is_apart = theirs.is_some_and(|theirs| theirs != own);
        }
    }

    /// Whether it was a child of the target at one of the last two readings.
    #[must_use]
    pub fn has(&self, pid: u64) -> bool {
        self.listed(pid).next().is_some()
    }

    /// Whether that child was seen with memory of its own.
    #[must_use]
    pub fn is_apart(&self, pid: u64) -> bool {
        self.listed(pid).any(|child| child.is_apart)
    }

    fn listed(&self, pid: u64) -> impl Iterator<Item = &Child> {
        let listed = self.now.iter().chain(&self.before);
        listed.filter(move |child| child.pid != 0 && u64::from(child.pid) == pid)
    }

    /// How the process `pid`, which is dying, descends from the target, by its parents while they can be read; `comm` is
    /// what the kernel calls it. `None`: it does not, or that can't be told any more.
    #[must_use]
    pub fn descent(&self, proc: &Dir, pid: u64, comm: &[u8]) -> Option<Descent> {
        // Its number may be another process's by now, which as a rule has another name.
        let (mut parent, is_same) = parent(proc, pid, comm)?;
        if !is_same {
            return None;
        }
        for generation in 0..GENERATIONS {
            match parent {
                _ if parent == self.pid => {
                    return Some(if generation == 0 { Descent::Child } else { Descent::Descendant });
                }
                0 | 1 => return None,
                _ => parent = self::parent(proc, parent, b"")?.0,
            }
        }
        None
    }
}

/// Where code and stack of a process begin.
fn image(dir: &Dir, name: &CStr) -> Option<u64> {
    let mut buf = [0; STAT_MAX];
    stat::image(dir.read(name, &mut buf).ok()?)
}

/// The parent of a process, and whether that process has this name.
fn parent(proc: &Dir, pid: u64, comm: &[u8]) -> Option<(u64, bool)> {
    let pid = Pid::new(pid)?;
    let mut name = Fixed::<32>::new();
    name.push_dec(pid.get()).push(b"/stat");
    let mut buf = [0; STAT_MAX];
    let stat = stat::parse(proc.read(name.as_c_str()?, &mut buf).ok()?)?;
    Some((stat.ppid, stat.comm == comm))
}
