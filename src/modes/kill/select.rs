//! Reads all processes, keeps those that may be chosen, and chooses.

extern crate alloc;

use alloc::vec::Vec;
use core::ffi::CStr;

use super::fits::Looks;
use super::options::Whom;
use crate::fixed::Fixed;
use crate::parse::stat;
use crate::processes::{Depth, Process, Table};
use crate::sys::file::Dir;
use crate::sys::{Result, system};
use crate::units::Pid;
use crate::victim::{self, By, Choice, Node, Why};

/// Processes above memdoor that are looked for: 32 pid namespaces may be nested, and shells in them.
const OWN_MAX: usize = 64;

/// Those who may be chosen, as they were when last looked at.
pub(super) struct Selection {
    table: Table,
    /// One for each row of the table.
    nodes: Vec<Node>,
    /// memdoor's user, unless that is root.
    user: Option<u32>,
    /// How many may not be chosen, for each reason.
    pub(super) excluded: [u32; Why::COUNT],
}

impl Selection {
    /// With room for so many that may be chosen.
    pub(super) fn arm(room: usize) -> Self {
        Self {
            table: Table::arm(room),
            nodes: Vec::with_capacity(room),
            user: Some(system::own_user()).filter(|user| *user != 0),
            excluded: [0; Why::COUNT],
        }
    }

    /// Looks at all processes and chooses. What is not called as asked for costs one read.
    pub(super) fn choose(
        &mut self,
        proc: &Dir,
        whom: &Whom<'_>,
        group: Option<&[u8]>,
    ) -> Result<Choice> {
        let own = own_line(proc);
        let own = own.get(..).unwrap_or_default();
        let depth = match whom.by {
            By::Score => Depth::Badness,
            By::Tree | By::Process => Depth::Adjustment,
        };
        let Self {
            table,
            nodes,
            user,
            excluded,
        } = self;
        nodes.clear();
        *excluded = [0; Why::COUNT];
        let mut wanted = |name: &CStr, process: &Process| {
            let judged = match victim::objection(process, own.iter().as_slice()) {
                Some(why) => Err(why),
                None => {
                    Looks::new(proc, name.to_bytes(), process.comm.as_bytes()).judge(whom, group)
                }
            };
            match judged {
                Ok(rank) => {
                    if nodes.len() < nodes.capacity() {
                        nodes.push(Node::new(rank));
                    }
                    Some(depth)
                }
                Err(why) => {
                    excluded[why as usize] += 1;
                    None
                }
            }
        };
        table.read_some(proc, &mut wanted)?;
        // Row and node go together.
        let mut at = 0;
        nodes.truncate(table.rows().len());
        let rows = table.rows();
        let later = |row: &Process| victim::later_objection(row, *user);
        nodes.retain(|_| {
            at += 1;
            rows.get(at - 1).and_then(later).is_none()
        });
        table.retain(|row| match later(row) {
            Some(why) => {
                excluded[why as usize] += 1;
                false
            }
            None => true,
        });
        Ok(victim::choose(table.rows(), nodes, whom.by, whom.least))
    }

    /// Those who may be chosen.
    pub(super) fn rows(&self) -> &[Process] {
        self.table.rows()
    }

    /// How many of them had no room.
    pub(super) const fn overflow(&self) -> u64 {
        self.table.overflow()
    }

    /// The processes of a tree, its root first.
    pub(super) fn members(&self, tree: &victim::Tree) -> impl Iterator<Item = &Process> {
        let rows = self.table.rows();
        victim::members(&self.nodes, tree).filter_map(|at| rows.get(at))
    }

    /// memdoor's user, unless that is root.
    pub(super) const fn user(&self) -> Option<u32> {
        self.user
    }
}

/// memdoor and all that it descends from, up to where this `/proc` ends. Its own number fills what is left.
fn own_line(proc: &Dir) -> [Pid; OWN_MAX] {
    let own = Pid::new(system::own_pid()).or_else(|| Pid::new(1));
    // There is no number that is not positive.
    let Some(own) = own else { unreachable!() };
    let mut line = [own; OWN_MAX];
    let mut buf = [0; crate::target::STAT_MAX];
    for at in 1..OWN_MAX {
        let mut path = Fixed::<32>::new();
        path.push_dec(line[at - 1].get()).push(b"/stat");
        let text = proc.read(path.as_c_str().unwrap_or_default(), &mut buf);
        let parent = text.ok().and_then(stat::parse);
        match parent.and_then(|stat| Pid::new(stat.ppid)) {
            Some(parent) => line[at] = parent,
            None => break,
        }
    }
    line
}
