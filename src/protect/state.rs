//! What was changed, so that `--undo` can put it back: a file that is replaced as a whole.
//!
//! It is locked before anything is looked at, and what is planned is on the disk before the first change: a change that nobody remembers
//! can't be undone. What was refused then is taken out again; until then, and where the disk is full by then, `--undo` leaves it alone
//! because its value is another.
//!
//! ```text
//! memdoor protect 1
//! boot d4750c66-7835-47ab-83c8-05943cae213c pid:[4026531836]
//! 31486 1244512 0 -500
//! end 1
//! ```
//! A process is known by its number, which one pid namespace gave it, and its start in that boot; then what its oom_score_adj was, and what
//! it was made. Seen from another namespace the number is another process's or nobody's, and who is there would be taken for gone: a state
//! that has processes of another one is refused, and stays as it is. Version 2.0.0 did not write the namespace, and
//! reads over it; a state without it is taken for one of here. The kernel gives the number of a namespace that has ended to a later one; then
//! there is none of its processes any more, and the start tells.
use core::fmt::Write;

use crate::fixed::Fixed;
use crate::host::Host;
use crate::parse::{dec, oom_score_adj};
use crate::sys::Errno;
use crate::sys::lines::Lines;
use crate::sys::ours::{Kind, Refused, Replaced, Use};
use crate::sys::out::{Broken, Out, Sink};
use crate::units::{Pid, Ticks};

const HEAD: &[u8] = b"memdoor protect 1";

/// The same without the version.
const START: &[u8] = b"memdoor protect ";

/// What such a file is: by its first line, whatever its version.
pub(super) static FILE: Kind = Kind {
    name: "state of memdoor protect",
    option: "--state FILE",
    is_ours: |beginning| beginning.starts_with(START),
    mode: 0o600,
    use_of_it: Use::Believed,
};

/// A change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) pid: Pid,
    pub(super) started: Ticks,
    pub(super) before: i64,
    pub(super) after: i64,
}

/// Where numbers of processes are of one process each.
#[derive(Clone, Default)]
pub(super) struct Scope {
    boot: Fixed<66>,
    /// `pid:[4026531836]`; empty where it can't be read.
    namespace: Fixed<32>,
}

impl Scope {
    /// That of this `/proc`.
    pub(super) fn of(host: &Host) -> Self {
        Self { boot: host.boot_id(), namespace: host.pid_namespace() }
    }
}

/// All that was changed since boot and not put back.
pub(super) struct State {
    scope: Scope,
    pub(super) entries: Vec<Entry>,
    /// What is to be changed.
    pub(super) planned: Vec<Entry>,
    /// The entries that the file has.
    kept: Vec<Entry>,
}

/// Why there is no state.
#[allow(clippy::large_enum_variant, reason = "there is one, and no heap to put it on")]
pub(super) enum Unread {
    /// It could not be read.
    Refused(Refused),
    /// The same of one of its lines.
    Failed(Errno),
    /// It is no state of this program, or was cut.
    Damaged,
    /// It is one of a version that is not known.
    Version,
    /// Its processes have the numbers of the first of these pid namespaces, and this one is the second.
    Elsewhere(Fixed<32>, Fixed<32>),
}

impl State {
    /// Of nothing, with room for plans.
    pub(super) fn empty(scope: Scope, more: usize) -> Self {
        Self { scope, entries: Vec::new(), planned: Vec::with_capacity(more), kept: Vec::new() }
    }

    /// What the file remembers of this boot, with room for `more`; nothing when there is no file, or an empty one.
    pub(super) fn load(
        file: &Replaced<'_>,
        scope: Scope,
        more: usize,
        buf: &mut [u8],
    ) -> core::result::Result<Self, Unread> {
        let mut state = Self::empty(scope, more);
        if let Some(file) = file.old().map_err(Unread::Refused)?
            && file.size().map_err(Unread::Failed)? > 0
        {
            state.read(Lines::new(&file, buf))?;
            state.kept = state.entries.clone();
        }
        Ok(state)
    }

    fn read(&mut self, mut lines: Lines<'_, '_>) -> core::result::Result<(), Unread> {
        let mut number = 0;
        let mut is_this_boot = false;
        let mut namespace = Fixed::new();
        while let Some(line) = lines.next() {
            let line = line.map_err(Unread::Failed)?;
            let mut words = line.split(|byte| *byte == b' ');
            match (number, words.next(), words.next()) {
                (0, ..) if line == HEAD => {}
                (0, ..) if line.strip_prefix(START).and_then(dec).is_some() => return Err(Unread::Version),
                (1, Some(b"boot"), Some(id)) => {
                    is_this_boot = id == self.scope.boot.as_bytes();
                    namespace = Fixed::of(words.next().unwrap_or_default());
                }
                // Lines that are missing are changes that nobody would put back.
                (2.., Some(b"end"), Some(count)) => {
                    let is_all = dec(count) == Some(self.entries.len() as u64);
                    if !is_all || lines.next().is_some() {
                        return Err(Unread::Damaged);
                    }
                    if !is_this_boot {
                        self.entries.clear();
                    }
                    let here = &self.scope.namespace;
                    let is_known = !namespace.as_bytes().is_empty() && !here.as_bytes().is_empty();
                    if is_known && namespace.as_bytes() != here.as_bytes() && !self.entries.is_empty() {
                        return Err(Unread::Elsewhere(namespace, here.clone()));
                    }
                    return Ok(());
                }
                (2.., ..) => self.entries.push(entry(line).ok_or(Unread::Damaged)?),
                _ => return Err(Unread::Damaged),
            }
            number += 1;
        }
        Err(Unread::Damaged)
    }

    /// Notes a change: of one that was changed before, what it was at first stays, unless it is not any more what it was made then: what
    /// somebody else has made it since is what they want back.
    pub(super) fn note(&mut self, new: Entry) {
        let is_it = |old: &&mut Entry| old.pid == new.pid && old.started == new.started;
        match self.entries.iter_mut().find(is_it) {
            Some(old) => {
                if new.before != old.after {
                    old.before = new.before;
                }
                old.after = new.after;
            }
            None => self.entries.push(new),
        }
    }

    /// Puts what is planned among the entries in the file before it is done; the entries themselves stay what was done.
    pub(super) fn remember(&mut self, file: &mut Replaced<'_>, buf: &mut [u8]) -> core::result::Result<(), Refused> {
        let done = self.entries.clone();
        let planned = core::mem::take(&mut self.planned);
        for entry in planned.iter().filter(|entry| entry.before != entry.after) {
            self.note(*entry);
        }
        let saved = self.save(file, buf);
        (self.entries, self.planned) = (done, planned);
        saved
    }

    /// Replaces the file, unless it has just these entries.
    pub(super) fn save(&mut self, file: &mut Replaced<'_>, buf: &mut [u8]) -> core::result::Result<(), Refused> {
        if self.kept == self.entries {
            return Ok(());
        }
        file.replace(|file| {
            let mut out = Out::new(Sink::Fd(file), buf);
            self.write(&mut out);
            out.flush();
            match out.broken() {
                Some(Broken::Failed(errno)) => Err(errno),
                Some(_) => Err(Errno::EIO),
                None => Ok(()),
            }
        })?;
        self.kept.clone_from(&self.entries);
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>) {
        out.put(HEAD);
        out.put(b"\nboot ");
        out.put(self.scope.boot.as_bytes());
        if !self.scope.namespace.as_bytes().is_empty() {
            out.put(b" ");
            out.put(self.scope.namespace.as_bytes());
        }
        out.put(b"\n");
        for entry in &self.entries {
            let (pid, started) = (entry.pid, entry.started.0);
            let _ = writeln!(out, "{pid} {started} {} {}", entry.before, entry.after);
        }
        let _ = writeln!(out, "end {}", self.entries.len());
    }
}

fn entry(line: &[u8]) -> Option<Entry> {
    let mut words = line.split(|byte| *byte == b' ');
    let mut word = || words.next();
    let entry = Entry {
        pid: Pid::new(dec(word()?)?)?,
        started: Ticks(dec(word()?)?),
        // What no oom_score_adj is can't have been one.
        before: oom_score_adj(word()?)?,
        after: oom_score_adj(word()?)?,
    };
    word().is_none().then_some(entry)
}
