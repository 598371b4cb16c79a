//! Reads all processes, keeps those that may be chosen, and chooses.

extern crate alloc;

use alloc::vec::Vec;
use core::ffi::CStr;

use super::options::Whom;
use crate::fixed::Fixed;
use crate::modes::looks::Looks;
use crate::parse::stat;
use crate::processes::{Depth, Process, Table};
use crate::sys::file::Dir;
use crate::sys::{Result, system};
use crate::units::Pid;
use crate::victim::{self, By, Choice, Node, Rank, Why};

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
        let mut wanted = |name: &CStr, process: &mut Process| {
            let judged = match victim::objection(process, own.iter().as_slice()) {
                Some(why) => Err(why),
                None => {
                    Looks::new(proc, name.to_bytes(), process.comm.as_bytes()).judge(whom, group)
                }
            };
            match judged {
                Ok(rank) => process.mark = rank as u16,
                Err(why) => excluded[why as usize] += 1,
            }
            judged.is_ok()
        };
        table.read_some(proc, depth, &mut wanted)?;
        table.retain(|row| match victim::later_objection(row, *user) {
            Some(why) => {
                excluded[why as usize] += 1;
                false
            }
            None => true,
        });
        let room = nodes.capacity();
        let ranks = table.rows().iter().map(|row| Rank::of(row.mark));
        nodes.extend(ranks.take(room).map(Node::new));
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::modes::kill::options::Only;
    use crate::pattern::Pattern;
    use crate::units::Bytes;
    use std::ffi::CString;
    use std::path::{Path, PathBuf};
    use std::string::String;
    use std::vec;
    use std::{env, format, fs};

    /// A directory like /proc, gone when dropped.
    struct Made(PathBuf);

    impl Made {
        fn new(name: &str) -> Self {
            let dir = env::temp_dir().join(format!("memdoor-{name}-{}", std::process::id()));
            fs::create_dir_all(&dir).expect("a directory");
            Self(dir)
        }

        /// A process of so many kB; without an adj it goes while it is looked at.
        fn process(&self, pid: u32, comm: &str, kib: u64, adj: Option<i64>) {
            let dir = self.0.join(format!("{pid}"));
            fs::create_dir_all(&dir).expect("a directory");
            let write = |name: &str, text: String| fs::write(dir.join(name), text).expect(name);
            let zeros = "0 ".repeat(16);
            write("stat", format!("{pid} ({comm}) S 1 {zeros}{pid} 0 0\n"));
            write(
                "status",
                format!(
                    "Name:\t{comm}\nState:\tS (sleeping)\nPPid:\t1\nUid:\t0\t0\t0\t0\nVmRSS:\t{kib} kB\nRssAnon:\t{kib} kB\nThreads:\t1\n"
                ),
            );
            if let Some(adj) = adj {
                write("oom_score_adj", format!("{adj}\n"));
            }
        }

        fn open(&self) -> Dir {
            let path: &Path = &self.0;
            let path = CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
            Dir::open(&path).expect("a directory")
        }
    }

    impl Drop for Made {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn patterns(text: &str) -> Vec<Pattern> {
        vec![Pattern::parse(text).expect("valid")]
    }

    #[test]
    fn one_that_goes_while_it_is_looked_at_changes_nobody_elses_rank() {
        let made = Made::new("ranks");
        for at in 0..20 {
            // Those that stay and those that go, in turns: whatever the order of the directory.
            made.process(100 + at, "goes", 10, None);
            made.process(200 + at, "spared", 1000, Some(0));
        }
        made.process(300, "plain", 500, Some(0));
        let (only, avoid) = ([Only::Fits(patterns(".").remove(0))], patterns("^spared$"));
        let whom = Whom {
            only: &only,
            prefer: &[],
            avoid: &avoid,
            ignore: &[],
            by: By::Process,
            least: Bytes(0),
        };
        let mut selection = Selection::arm(100);
        let choice = selection.choose(&made.open(), &whom, None).expect("read");
        let chosen = choice.best[0].expect("one");
        assert_eq!(selection.rows()[chosen.root].pid.get(), 300);
    }
}
