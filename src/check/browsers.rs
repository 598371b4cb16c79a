//! What browsers hold, and what belongs to a family that was named: each instance a tree of processes, as `kill` would end it.

use core::ffi::CStr;

use std::collections::BTreeMap;

use super::Options;
use super::view::View;
use crate::environment::{Unfit, no_room};
use crate::families::BROWSERS;
use crate::identity::ProcessIdentity;
use crate::own::{is_helper, own_line};
use crate::pattern::Pattern;
use crate::processes::reader::LONGEST;
use crate::processes::sharing;
use crate::processes::{self, Kind, Process, Table, descending};
use crate::report::columns::{COMMAND_MAX, CommandLine};
use crate::report::field::Get::{About, Command, Count, Mib, Text};
use crate::report::field::{Rows, fields};
use crate::report::json::line::Samples;
use crate::report::table::{Table as Columns, in_text};
use crate::sample::{self, SAMPLE, Seen};
use crate::sys::out::{Out, say};
use crate::units::{Bytes, Pid};
use crate::victim::{self, Node, Rank, RankBy, Tree};

/// Instances together.
#[derive(Clone, Copy, Default)]
struct Sum {
    instances: u32,
    processes: u32,
    rss: Bytes,
    held: Bytes,
    /// What of that, or beside it, was not read.
    unread: Bytes,
}

impl Sum {
    fn add(&mut self, tree: &Tree) {
        self.instances += 1;
        self.processes += tree.processes;
        self.rss = self.rss.plus(tree.rss);
        self.held = self.held.plus(tree.held);
        self.unread = self.unread.plus(tree.unread).plus(tree.left_out);
    }
}

/// A family, all of them, an instance, or a process of one.
#[derive(Clone, Copy, Default)]
pub(super) struct Family<'r> {
    name: &'r str,
    sum: Option<Sum>,
    /// Of the largest in an instance.
    rank: Option<u64>,
    /// The instance's.
    root: Option<Pid>,
    /// Text alone.
    command: CommandLine<'r>,
}

impl Rows for Family<'static> {
    type Row<'r> = Family<'r>;
}

fields! { pub(super) FAMILY of Family<'static> {
    NAME = "memdoor.family.name", Text(|of| of.name.as_bytes());
    INSTANCES = "memdoor.family.instances", Count(|of| Some(of.sum?.instances.into()));
    PROCESSES = "memdoor.family.processes", Count(|of| Some(of.sum?.processes.into()));
    RSS = "memdoor.family.rss_bytes", Mib(|of| Some(of.sum?.rss));
    HELD = "memdoor.family.held_bytes", About(|of| Some((of.sum?.held, of.sum?.unread)));
    UNREAD = "memdoor.family.unread_bytes", Mib(|of| sample::worth(of.sum?.unread));
    RANK = "memdoor.family.rank", Count(|of| of.rank);
    ROOT = "memdoor.family.root_pid", Count(|of| sample::number(of.root?));
} }

static FAMILIES: Columns<Family<'static>> = Columns {
    event: "memdoor.family.sample",
    title: "instances of a family",
    columns: &[
        NAME.column("FAMILY", 18),
        INSTANCES.column("INSTANCES", 9),
        PROCESSES.column("PROCESSES", 9),
        RSS.column("RSS MiB", 8),
        HELD.column("FREEABLE MiB", 12),
    ],
};

static TREES: Columns<Family<'static>> = Columns {
    event: "memdoor.process.sample",
    title: "an instance of a family, or of its largest",
    columns: &[
        ROOT.column("PID", 8),
        PROCESSES.column("PROCESSES", 9),
        RSS.column("RSS MiB", 8),
        HELD.column("FREEABLE MiB", 12),
        in_text("INSTANCE, AND THE LARGEST IN IT", 40, Command(|of| of.command)),
    ],
};

/// The largest of an instance, below it.
static LARGEST: Columns<Seen<'static>> = Columns::of_text(&[
    sample::PID.column("", 8),
    sample::RSS.column("", 18),
    sample::FREEABLE.column("", 12),
    in_text("", 40, Command(|one| one.command())),
]);

/// All processes of the families, arranged in trees.
pub(super) struct Browsers<'a> {
    view: &'a View<'a>,
    table: Table,
    /// Which family each is of.
    families: BTreeMap<Pid, usize>,
    nodes: Vec<Node>,
    /// The instances, the largest first.
    trees: Vec<Tree>,
}

impl<'a> Browsers<'a> {
    /// Looks at all processes.
    pub(super) fn read(view: &'a View<'a>) -> Result<Self, Unfit> {
        let View { host, options, reader, .. } = view;
        let reader = reader.as_ref();
        let mut table = Table::arm_for(&host.proc).map_err(no_room)?;
        let own = own_line(&host.proc);
        let mut unread = 0;
        let mut families = BTreeMap::new();
        let mut wanted = |name: &CStr, process: &mut Process| {
            // The pattern stands in memdoor's own arguments, and in those of its readers.
            if process.pid == own[0] || is_helper(process, &own) {
                return false;
            }
            let process_view = processes::view(&host.proc, name.to_bytes(), process.state, process.threads);
            let identity = ProcessIdentity::new(&host.proc, process_view.as_bytes(), process.comm.as_bytes());
            let mut identity = identity.read_by(reader, process.pid);
            let family = family(&mut identity, options, own.contains(&process.pid));
            let mut asked = options.families.iter();
            // A kernel thread has neither arguments nor an executable.
            let is_unread = process.kind == Kind::User && asked.any(|(_, pattern)| identity.is_unread(pattern));
            unread += u64::from(family.is_none() && is_unread && host.proc.dir(name).is_ok());
            families.extend(family.map(|family| (process.pid, usize::from(family))));
            family.is_some()
        };
        // Without processes there are no browsers.
        let _ = table.read_wanted(&host.proc, &mut wanted);
        say_unread(unread);
        let _ = table.look_closer(&host.proc, &mut |_, _| true);
        sharing::refine(&host.proc, &mut table, reader);
        // Who has ended holds nothing.
        table.retain(|row| row.user.is_some() && row.memory.rss.is_some());
        let rows = table.rows();
        let mut nodes = vec![Node::new(Rank::Ordinary); rows.len()];
        victim::arrange(rows, &mut nodes, RankBy::Tree);
        let tree = |at: usize| victim::tree(rows, &nodes, at);
        let order = order(rows.len(), usize::MAX, &|at| Some(tree(at)?.held));
        let trees = order.into_iter().filter_map(tree).collect();
        Ok(Self { view, table, families, nodes, trees })
    }

    fn family_of(&self, row: &Process) -> Option<usize> {
        self.families.get(&row.pid).copied()
    }

    fn row(&self, at: usize) -> &Process {
        &self.table.rows()[at]
    }

    /// Of one family, or of all.
    fn sum(&self, family: Option<usize>) -> Sum {
        let mut sum = Sum::default();
        for tree in &self.trees {
            if family.is_none_or(|family| Some(family) == self.family_of(self.row(tree.root))) {
                sum.add(tree);
            }
        }
        sum
    }

    /// The families that are here, the largest first.
    fn each_family(&self, each: &mut dyn FnMut(&Family<'_>)) {
        let count = self.view.options.families.len() + BROWSERS.len();
        let held = |at: usize| {
            let sum = self.sum(Some(at));
            (sum.instances > 0).then_some(sum.held)
        };
        for at in order(count, count, &held) {
            each(&Family { name: self.name(at), sum: Some(self.sum(Some(at))), ..Family::default() });
        }
    }

    /// All of them as one.
    pub(super) fn all(&self) -> Family<'static> {
        Family { sum: Some(self.sum(None)), ..Family::default() }
    }

    /// An instance.
    fn instance(&self, tree: &Tree) -> Family<'static> {
        let mut sum = Sum::default();
        sum.add(tree);
        let root = self.row(tree.root);
        Family {
            name: self.family_of(root).map_or("", |family| self.name(family)),
            sum: Some(sum),
            root: Some(root.pid),
            ..Family::default()
        }
    }

    fn name(&self, family: usize) -> &'static str {
        let named = self.view.options.families;
        match named.get(family) {
            Some((name, _)) => name,
            None => BROWSERS.get(family - named.len()).map_or("", |family| family.name),
        }
    }

    /// The largest processes of an instance.
    fn each_largest(&self, tree: &Tree, each: &mut dyn FnMut(&Process)) {
        let own = |at: usize| {
            let is_in = victim::is_in(&self.nodes, at, tree);
            is_in.then(|| self.row(at).memory.freeable())?
        };
        for at in order(self.nodes.len(), self.view.options.count, &own) {
            each(self.row(at));
        }
    }

    /// For people.
    pub(super) fn put(&self, out: &mut Out<'_>) {
        if self.trees.is_empty() {
            return out.put(b"No browser runs, nor what --family names.\n");
        }
        FAMILIES.put_labels(out);
        self.each_family(&mut |family| FAMILIES.put(family, out));
        FAMILIES.put(&Family { name: "in all", ..self.all() }, out);
        out.put(b"\n");
        TREES.put_labels(out);
        for tree in &self.trees {
            let mut buf = [0; COMMAND_MAX];
            let instance = self.instance(tree);
            let before = [instance.name, ": "].concat();
            let seen = Seen { before: before.as_bytes(), ..self.view.seen(self.row(tree.root), &mut buf) };
            TREES.put(&Family { command: seen.command(), ..instance }, out);
            if tree.processes > 1 {
                self.each_largest(tree, &mut |process| {
                    let seen = Seen { before: b"  ", ..self.view.seen(process, &mut buf) };
                    LARGEST.put(&seen, out);
                });
            }
        }
    }

    /// As NDJSON: each family, then each instance with the largest processes in it.
    pub(super) fn put_json(&self, samples: &Samples<'_>, out: &mut Out<'_>) {
        self.each_family(&mut |family| {
            let mut line = samples.line(FAMILIES.event, FAMILIES.title);
            line.row(FAMILY, family);
            line.put(out);
        });
        for tree in &self.trees {
            let instance = self.instance(tree);
            let mut put = |process: &Process, family: &Family<'_>| {
                let mut buf = [0; COMMAND_MAX];
                let seen = self.view.seen(process, &mut buf);
                let mut line = samples.line(TREES.event, TREES.title);
                line.row(SAMPLE, &seen);
                line.row(FAMILY, family);
                line.put(out);
            };
            put(self.row(tree.root), &instance);
            let mut ranks = 1..;
            self.each_largest(tree, &mut |process| {
                put(process, &Family { sum: None, rank: ranks.next(), ..instance });
            });
        }
    }
}

/// Says that there may be more in a family than is shown. The verdict is about memory as a whole, and stays.
fn say_unread(count: u64) {
    if count > 0 {
        say(format_args!(
            "memdoor: {count} {} did not let their arguments (or, for exe:, their executables) be read, or have {} KiB of arguments or more: no --family by cmdline: or exe: has them",
            if count == 1 { "process" } else { "processes" },
            LONGEST >> 10,
        ));
    }
}

/// The number of the family that a process belongs to: those that were named come first. `is_above`: memdoor descends from it. A shell or
/// sudo that was told to run memdoor has the pattern in its arguments, and is none of the family for that.
fn family(identity: &mut ProcessIdentity<'_>, options: &Options, is_above: bool) -> Option<u16> {
    let mut named = options.families.iter();
    let mut fits = |pattern: &Pattern| identity.fits(pattern) && !(is_above && identity.has_in_arguments(pattern));
    let at = named.position(|(_, pattern)| fits(pattern)).or_else(|| {
        let browser = identity.browser()?;
        let at = BROWSERS.iter().position(|known| core::ptr::eq(known, browser));
        Some(options.families.len() + at?)
    });
    u16::try_from(at?).ok()
}

/// The first `most` of `count` by size.
fn order(count: usize, most: usize, size: &dyn Fn(usize) -> Option<Bytes>) -> Vec<usize> {
    let key = |at: usize| Some((i64::try_from(size(at)?.0).ok()?, 0));
    descending(count, &key).take(most).collect()
}
