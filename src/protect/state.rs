//! What was changed, so that `--undo` can put it back: a file that is replaced as a whole.
//!
//! It is locked before anything is looked at, and what is planned is on the disk before the first change: a change that nobody remembers
//! can't be undone. What was refused then is taken out again; until then, and where the disk is full by then, `--undo` leaves it alone
//! because its value is another.
//!
//! ```text
//! memdoor protect 1
//! boot d4750c66-7835-47ab-83c8-05943cae213c
//! 31486 1244512 0 -500
//! end 1
//! ```
//! A process is known by its number and its start in that boot; then what its oom_score_adj was, and what it was made.
use core::fmt::Write;

use crate::fixed::Fixed;
use crate::parse::{dec, signed};
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

/// All that was changed since boot and not put back.
pub(super) struct State {
    boot: Fixed<66>,
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
}

impl State {
    /// Of nothing, with room for plans.
    pub(super) fn empty(boot: Fixed<66>, more: usize) -> Self {
        Self { boot, entries: Vec::new(), planned: Vec::with_capacity(more), kept: Vec::new() }
    }

    /// What the file remembers of this boot, with room for `more`; nothing when there is no file, or an empty one.
    pub(super) fn load(
        file: &Replaced<'_>,
        boot: Fixed<66>,
        more: usize,
        buf: &mut [u8],
    ) -> core::result::Result<Self, Unread> {
        let mut state = Self::empty(boot, more);
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
        while let Some(line) = lines.next() {
            let line = line.map_err(Unread::Failed)?;
            let mut words = line.split(|byte| *byte == b' ');
            match (number, words.next(), words.next()) {
                (0, ..) if line == HEAD => {}
                (0, ..) if line.strip_prefix(START).and_then(dec).is_some() => return Err(Unread::Version),
                (1, Some(b"boot"), Some(id)) => is_this_boot = id == self.boot.as_bytes(),
                // Lines that are missing are changes that nobody would put back.
                (2.., Some(b"end"), Some(count)) => {
                    let is_all = dec(count) == Some(self.entries.len() as u64);
                    if !is_all || lines.next().is_some() {
                        return Err(Unread::Damaged);
                    }
                    if !is_this_boot {
                        self.entries.clear();
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

    /// Notes a change: of one that was changed before, what it was at first stays.
    pub(super) fn note(&mut self, new: Entry) {
        let is_it = |old: &&mut Entry| old.pid == new.pid && old.started == new.started;
        match self.entries.iter_mut().find(is_it) {
            Some(old) => old.after = new.after,
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
        out.put(self.boot.as_bytes());
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
        before: signed(word()?)?,
        after: signed(word()?)?,
    };
    word().is_none().then_some(entry)
}
