//! What was changed, so that `--undo` can put it back: a file that is replaced as a whole.
//!
//! ```text
//! memdoor protect 1
//! boot d4750c66-7835-47ab-83c8-05943cae213c
//! 31486 1244512 0 -500
//! end 1
//! ```
//! A process is known by its number and its start in that boot; then what its oom_score_adj was, and what it was made.

extern crate alloc;
extern crate std;

use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt::Write;
use std::os::fd::AsFd;

use crate::fixed::Fixed;
use crate::parse::{dec, signed};
use crate::sys::file::File;
use crate::sys::lines::Lines;
use crate::sys::out::{Broken, Out, Sink};
use crate::sys::replace::Replacement;
use crate::sys::{Errno, Result, system};
use crate::units::{Pid, Ticks};

const HEAD: &[u8] = b"memdoor protect 1";

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
}

/// Why there is no state.
pub(super) enum Unread {
    /// It could not be read.
    Failed(Errno),
    /// It is no state of this program, or was cut.
    Damaged,
}

impl State {
    /// Of nothing.
    pub(super) const fn empty(boot: Fixed<66>) -> Self {
        Self { boot, entries: Vec::new() }
    }

    /// What the file at `path` remembers of this boot, with room for `more`; nothing when there is no file.
    pub(super) fn load(
        path: &CStr,
        boot: Fixed<66>,
        more: usize,
        buf: &mut [u8],
    ) -> core::result::Result<Self, Unread> {
        let mut state = Self { boot, entries: Vec::with_capacity(more) };
        let file = match File::open_plain(path) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(state),
            Err(errno) => return Err(Unread::Failed(errno)),
        };
        state.read(Lines::new(&file, buf))?;
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
                (1, Some(b"boot"), Some(id)) => is_this_boot = id == self.boot.as_bytes(),
                (2.., Some(b"end"), Some(_)) => {
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

    /// Replaces the file at `path`.
    pub(super) fn save(&self, path: &CStr, buf: &mut [u8]) -> Result<()> {
        let mut name = Fixed::<4200>::of(path.to_bytes());
        name.push(b".new-").push_dec(system::own_pid());
        let name = name.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
        let file = Replacement::create(name)?;
        let mut out = Out::new(Sink::Fd(file.as_fd()), buf);
        out.put(HEAD);
        out.put(b"\nboot ");
        out.put(self.boot.as_bytes());
        out.put(b"\n");
        for entry in &self.entries {
            let (pid, started) = (entry.pid, entry.started.0);
            let _ = writeln!(out, "{pid} {started} {} {}", entry.before, entry.after);
        }
        let _ = writeln!(out, "end {}", self.entries.len());
        out.flush();
        match out.broken() {
            Some(Broken::Failed(errno)) => Err(errno),
            Some(_) => Err(Errno::EIO),
            None => file.replace(path),
        }
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
