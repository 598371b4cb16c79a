//! Which processes run an executable.

use super::exe::{LINK_MAX, Link};
use super::{STATUS_MAX, Target};
use crate::fixed::Fixed;
use crate::parse::{dec, status};
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::{Errno, Result, system};
use crate::units::{Pid, Ticks};

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The path of its executable, as the user wrote it or as `/proc/PID/exe` showed it.
    pub exe: &'a [u8],
    /// Whose it is, by effective user id; `None`: anybody's.
    pub user: Option<u64>,
    /// It was not started earlier than this: 10 ms are one moment.
    pub after: Option<Ticks>,
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// The one that was started first.
    pub pid: Pid,
    /// How many others there are.
    pub others: u64,
}

/// How a search ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Search {
    /// `None`: none of those that could be looked at runs it.
    pub found: Option<Found>,
    /// Whether the executables of some may not be read.
    pub has_unseen: bool,
}

/// Looks at every process of `proc`: one readlink(2) each, and more only for those whose executable is called as the wanted one.
/// Processes of other users can be told only with the right to ptrace them.
pub fn find(proc: &Dir, wanted: &Wanted<'_>) -> Result<Search> {
    let mut real = [0; LINK_MAX];
    let path = Link::of(wanted.exe);
    let root = Dir::open(c"/");
    let real = match (&root, path.as_c_str()) {
        (Ok(root), Some(path)) => root.realpath_in_root(path, &mut real).unwrap_or_default(),
        _ => b"",
    };
    let names = [name(wanted.exe), name(real)];
    let own = system::own_pid();
    let listing = proc.listing(c".")?;
    let mut entries = Entries::new(&listing)?;
    let (mut first, mut count, mut has_unseen) = (None, 0, false);
    while let Some(entry) = entries.next() {
        let number = dec(entry?.to_bytes()).filter(|pid| *pid != own);
        let Some(pid) = number.and_then(Pid::new) else {
            continue;
        };
        match is_called(proc, pid, names) {
            Ok(true) => {}
            Err(Errno::EACCES | Errno::EPERM) => {
                has_unseen = true;
                continue;
            }
            Ok(false) | Err(_) => continue,
        }
        if let Some(started) = look(proc, pid, wanted) {
            count += 1;
            if first.is_none_or(|(earliest, _)| started < earliest) {
                first = Some((started, pid));
            }
        }
    }
    Ok(Search { found: first.map(|(_, pid)| Found { pid, others: count - 1 }), has_unseen })
}

/// Whether its executable has one of these names.
fn is_called(proc: &Dir, pid: Pid, names: [&[u8]; 2]) -> Result<bool> {
    let mut path = Fixed::<32>::new();
    path.push_dec(pid.get()).push(b"/exe");
    let mut buf = [0; LINK_MAX];
    let link = proc.link(path.as_c_str().unwrap_or_default(), &mut buf)?;
    Ok(names.contains(&name(super::exe::present(link))))
}

/// When it was started, if it is what is wanted.
fn look(proc: &Dir, pid: Pid, wanted: &Wanted<'_>) -> Option<Ticks> {
    let target = Target::open(proc, pid).ok()?;
    let link = target.exe().ok()?;
    let is_later = wanted.after.is_none_or(|after| target.started >= after);
    let is_theirs = wanted.user.is_none_or(|user| target.user() == Some(user));
    (is_later && is_theirs && target.runs(&link, wanted.exe)).then_some(target.started)
}

impl Target {
    /// Whose it is: the effective user id.
    #[must_use]
    pub fn user(&self) -> Option<u64> {
        let mut buf = [0; STATUS_MAX];
        let text = self.dir().read(c"status", &mut buf).ok()?;
        status::parse(text).euid
    }
}

fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
