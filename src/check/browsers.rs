//! What browsers hold, and what belongs to a family that was named: each instance a tree of processes, as `kill` would end it.
use core::ffi::CStr;

use super::json::command_line;
use super::{Options, refuse, text};
use crate::environment::no_room;
use crate::families::BROWSERS;
use crate::host::Host;
use crate::looks::Looks;
use crate::own::{is_helper, own_line};
use crate::pattern::Pattern;
use crate::processes::slow::{self, LONGEST, Reader, WORTH};
use crate::processes::{self, Kind, Process, Table, descending};
use crate::report::columns::{Keep, about_mb, blanks, left, mb, number};
use crate::report::json::line::{Line, Samples, bytes};
use crate::sample;
use crate::sys::out::{Out, say};
use crate::units::Bytes;
use crate::victim::{self, By, Node, Rank, Tree};

const FAMILIES: &[u8] = b"FAMILY             INSTANCES PROCESSES   RSS MB  FREEABLE MB\n";
const INSTANCES: &[u8] = b"\n     PID PROCESSES   RSS MB  FREEABLE MB INSTANCE, AND THE LARGEST IN IT\n";

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

/// All processes of the families, arranged in trees.
pub(super) struct Browsers<'a> {
    host: &'a Host,
    reader: Option<&'a Reader>,
    options: &'a Options,
    table: Table,
    nodes: Vec<Node>,
    /// The instances, the largest first.
    trees: Vec<Tree>,
}

impl<'a> Browsers<'a> {
    /// Looks at all processes.
    pub(super) fn read(host: &'a Host, reader: Option<&'a Reader>, options: &'a Options) -> Self {
        // As for any other allocation that fails: nothing has been written yet.
        let refused = |errno| std::process::exit(refuse(&no_room(errno)) as i32);
        let mut table = Table::arm_for(&host.proc).unwrap_or_else(refused);
        let own = own_line(&host.proc);
        let mut unread = 0;
        let mut wanted = |name: &CStr, process: &mut Process| {
            // The pattern stands in memdoor's own arguments, and in those of its readers.
            if process.pid == own[0] || is_helper(process, &own) {
                return false;
            }
            let view = processes::view(&host.proc, name.to_bytes(), process.state, process.threads);
            let looks = Looks::new(&host.proc, view.as_bytes(), process.comm.as_bytes());
            let mut looks = looks.read_by(reader, process.pid);
            let family = family(&mut looks, options, own.contains(&process.pid));
            let mut asked = options.families.iter();
            // A kernel thread has neither arguments nor an executable.
            let is_unread = process.kind == Kind::User && asked.any(|(_, pattern)| looks.is_unread(pattern));
            unread += u64::from(family.is_none() && is_unread && host.proc.dir(name).is_ok());
            process.mark = family.unwrap_or_default();
            family.is_some()
        };
        // Without processes there are no browsers.
        let _ = table.read_wanted(&host.proc, &mut wanted);
        say_unread(unread);
        let _ = table.look_closer(&host.proc, &mut |_, _| true);
        slow::refine(&host.proc, &mut table, reader);
        // Who has ended holds nothing.
        table.retain(|row| row.user.is_some() && row.memory.rss.is_some());
        let rows = table.rows();
        let mut nodes = vec![Node::new(Rank::Ordinary); rows.len()];
        victim::arrange(rows, &mut nodes, By::Tree);
        let tree = |at: usize| victim::tree(rows, &nodes, at);
        let order = order(rows.len(), usize::MAX, &|at| Some(tree(at)?.held));
        let trees = order.into_iter().filter_map(tree).collect();
        Self { host, reader, options, table, nodes, trees }
    }

    fn row(&self, at: usize) -> &Process {
        &self.table.rows()[at]
    }

    /// Of one family, or of all.
    fn sum(&self, family: Option<usize>) -> Sum {
        let mut sum = Sum::default();
        for tree in &self.trees {
            if family.is_none_or(|family| family == usize::from(self.row(tree.root).mark)) {
                sum.add(tree);
            }
        }
        sum
    }

    /// The families that are here, the largest first.
    fn each_family(&self, each: &mut dyn FnMut(&'static str, &Sum)) {
        let count = self.options.families.len() + BROWSERS.len();
        let held = |at: usize| {
            let sum = self.sum(Some(at));
            (sum.instances > 0).then_some(sum.held)
        };
        for at in order(count, count, &held) {
            each(self.name(at), &self.sum(Some(at)));
        }
    }

    fn name(&self, family: usize) -> &'static str {
        let named = self.options.families;
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
        for at in order(self.nodes.len(), self.options.count, &own) {
            each(self.row(at));
        }
    }

    /// For people.
    pub(super) fn put(&self, out: &mut Out<'_>) {
        if self.trees.is_empty() {
            return out.put(b"No browser runs, nor what --family names.\n");
        }
        out.put(FAMILIES);
        let mut put_family = |name: &str, sum: &Sum| {
            left(out, name.as_bytes(), 18, Keep::Start);
            number(out, Some(sum.instances.into()), 9);
            put_sizes(out, Some(sum.processes), sum.rss, (sum.held, sum.unread));
            out.put(b"\n");
        };
        self.each_family(&mut put_family);
        put_family("in all", &self.sum(None));
        out.put(INSTANCES);
        for tree in &self.trees {
            let root = self.row(tree.root);
            number(out, Some(root.pid.get().into()), 7);
            put_sizes(out, Some(tree.processes), tree.rss, (tree.held, tree.unread.plus(tree.left_out)));
            out.put(b" ");
            out.put(self.name(root.mark.into()).as_bytes());
            out.put(b": ");
            text::put_command((self.host, self.reader), self.options, root, out);
            if tree.processes > 1 {
                self.each_largest(tree, &mut |process| self.put_process(process, out));
            }
        }
    }

    fn put_process(&self, process: &Process, out: &mut Out<'_>) {
        let memory = &process.memory;
        number(out, Some(process.pid.get().into()), 7);
        let held = memory.freeable().unwrap_or_default();
        put_sizes(out, None, memory.rss.unwrap_or_default(), (held, memory.unread()));
        out.put(b"   ");
        text::put_command((self.host, self.reader), self.options, process, out);
    }

    /// As NDJSON: each family, then each instance with the largest processes in it.
    pub(super) fn put_json(&self, samples: &Samples<'_>, out: &mut Out<'_>) {
        self.each_family(&mut |name, sum| {
            let mut line = samples.line("memdoor.family.sample", "instances of a family");
            push(&mut line, name, sum);
            line.put(out);
        });
        for tree in &self.trees {
            let root = self.row(tree.root);
            let name = self.name(root.mark.into());
            let mut sum = Sum::default();
            sum.add(tree);
            let mut rank = 0;
            let mut put = |process: &Process| {
                let event = "memdoor.process.sample";
                let mut line = samples.line(event, "an instance of a family, or of its largest");
                sample::process(&mut line, process);
                let mut buf = [0; 4096];
                let who = (self.host, self.reader);
                line.texts(&["process.command_line"], &[command_line(who, self.options, process, &mut buf)]);
                if rank == 0 {
                    push(&mut line, name, &sum);
                } else {
                    line.texts(&["memdoor.family.name"], &[name.as_bytes()]);
                    line.numbers(&["memdoor.family.rank"], &[Some(rank)]);
                }
                let pid = Some(root.pid.get().into());
                line.numbers(&["memdoor.family.root_pid"], &[pid]);
                line.put(out);
                rank += 1;
            };
            put(root);
            self.each_largest(tree, &mut put);
        }
    }

    /// What all of them hold.
    pub(super) fn push_all(&self, line: &mut Line<'_>) {
        push(line, "", &self.sum(None));
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
fn family(looks: &mut Looks<'_>, options: &Options, is_above: bool) -> Option<u16> {
    let mut named = options.families.iter();
    let mut fits = |pattern: &Pattern| looks.fits(pattern) && !(is_above && looks.has_in_arguments(pattern));
    let at = named.position(|(_, pattern)| fits(pattern)).or_else(|| {
        let browser = looks.browser()?;
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

fn put_sizes(out: &mut Out<'_>, processes: Option<u32>, rss: Bytes, (held, unread): (Bytes, Bytes)) {
    match processes {
        Some(count) => number(out, Some(count.into()), 9),
        None => blanks(out, 10),
    }
    mb(out, Some(rss), 8);
    about_mb(out, Some(held), unread, 12);
}

fn push<'l>(line: &mut Line<'l>, name: &'l str, sum: &Sum) {
    line.texts(&["memdoor.family.name"], &[name.as_bytes()]);
    line.numbers(
        &[
            "memdoor.family.instances",
            "memdoor.family.processes",
            "memdoor.family.rss_bytes",
            "memdoor.family.held_bytes",
            "memdoor.family.unread_bytes",
        ],
        &[
            Some(sum.instances.into()),
            Some(sum.processes.into()),
            bytes(Some(sum.rss)),
            bytes(Some(sum.held)),
            bytes(Some(sum.unread).filter(|unread| *unread >= WORTH)),
        ],
    );
}
