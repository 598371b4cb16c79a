//! The rest of a process's name that holds newlines: each of them ends a line in a text log.
//!
//! What is behind it is the name's where nothing else can be. The line has the prefix of the line before it byte for byte, or the part of it
//! that syslog wrote; or as many blanks (dmesg, journalctl); or the same time since boot; or no prefix at all, and no mail has wrapped the
//! line before it there: its next word would have fitted, as others have that stand further to the right. And the two are together what the
//! kernel prints, with a name of 15 bytes at most: no line of anybody else's fits into that. All else is no part of a name: it stays unknown,
//! and so do the sizes behind it.

use super::{COMM, Joined, LONGEST, Wrapped, is_below};
use crate::oomlog::assemble::{Assembler, Part};
use crate::oomlog::escape::unescape;
use crate::oomlog::event::{Event, Position};
use crate::oomlog::prefix;
use crate::oomlog::record::{Origin, Record};
use crate::parse::oom_report::kill::{Killed, Selected, Summary};
use crate::parse::oom_report::{self, Line};

/// No mail wraps a line before a word that would have fitted into so many columns: the narrowest have 65.
const NARROW: usize = 60;

/// No mail has a line with a blank so far to the right: RFC 5322 wants 78 columns at most.
const WIDE: usize = 80;

/// Two lines of one record get their times from the clock one after the other, where syslog gives them.
const SOON_US: u64 = 1_000_000;

/// Where the name begins in the start of a line, whose end may be in it.
fn name_at(line: &Line<'_>, text: &[u8]) -> Option<usize> {
    let behind = |text: &[u8], word: &[u8]| memchr::memmem::find(text, word).map(|at| at + word.len());
    let in_brackets = |verb| {
        let pid = behind(text, verb)?;
        Some(pid + behind(&text[pid..], b" (")?)
    };
    match line {
        Line::Killed(killed) if killed.total_vm.is_none() => in_brackets(b"Killed process "),
        Line::Selected(selected) if selected.score.is_none() => in_brackets(b"ill process "),
        Line::Begun(_) => text.ends_with(b" (").then_some(text.len()),
        Line::Summary(summary) if summary.pid.is_none() => behind(text, b",task="),
        Line::Other => behind(text, b" Comm: ").or_else(|| behind(text, b" comm: ")),
        _ => None,
    }
}

/// Whether the kernel has room for that name.
pub(super) fn fits(comm: &[u8]) -> bool {
    unescape(comm, &mut [0; 4 * COMM]).len() <= COMM
}

/// What the lines have in common: what is behind it, or nothing where the line ends with it and a blank was taken off its end.
fn behind<'l>(line: &'l [u8], prefix: &[u8]) -> Option<&'l [u8]> {
    line.strip_prefix(prefix).or_else(|| (line == prefix.trim_ascii_end()).then_some(b""))
}

/// Where the last blank of a line is, at which a mail would have wrapped it.
fn last_blank(record: &Record<'_>) -> usize {
    memchr::memrchr(b' ', record.line.trim_ascii_end()).unwrap_or(0)
}

fn behind_blanks(line: &[u8], count: usize) -> Option<&[u8]> {
    let (blanks, rest) = line.split_at_checked(count)?;
    blanks.iter().all(|byte| *byte == b' ').then_some(rest)
}

/// Where the part of a prefix begins that printk or dmesg wrote: `[   12.345678] [    T1] `.
fn of_printk(prefix: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'[', prefix).find(|at| {
        let record = prefix::record(&prefix[*at..]);
        record.text.is_empty() && record.when.boot_us.is_some() && record.when.wall.is_none()
    })
}

impl Wrapped {
    /// Notes whether the line that was noted ends in a name, or may.
    pub(super) fn note_name(&mut self, line: &Line<'_>, record: &Record<'_>) {
        self.name_at = name_at(line, &self.text);
        self.is_known = !matches!(line, Line::Other | Line::Begun(_));
        self.needed = 0;
        self.note_width(record);
        self.blanks = record.text.len().saturating_sub(self.text.len());
        self.columns = record.line.len();
        self.prefix.clear();
        self.prefix.extend_from_slice(record.line.strip_suffix(record.text).unwrap_or_default());
    }

    /// Whether what has begun tells of a kill.
    const fn is_of_kill(&self) -> bool {
        self.is_known || self.kill.is_some()
    }

    /// Notes how wide the lines of the log are.
    pub(in crate::oomlog::assemble) fn note_width(&mut self, record: &Record<'_>) {
        self.widest = self.widest.max(last_blank(record));
    }

    /// What of the line is behind the newline, where it may be of the record that has begun.
    fn behind_newline<'l>(&self, record: &Record<'l>) -> Option<&'l [u8]> {
        let prefix = self.prefix.as_slice();
        if !prefix.is_empty() {
            let same = behind(record.line, prefix).or_else(|| behind_blanks(record.line, prefix.len()));
            if same.is_some() {
                return same;
            }
            if let Some(at) = of_printk(prefix).filter(|at| *at > 0)
                && let Some(rest) = behind(record.line, &prefix[..at])
            {
                return behind_blanks(rest, prefix.len() - at).or(Some(rest));
            }
        }
        if is_below(record) {
            return Some(record.text.trim_ascii_start());
        }
        if self.is_at_once(record) {
            return Some(record.text);
        }
        None
    }

    /// Whether both lines were printed at once by one kernel, as far as their prefixes tell, whatever these look like.
    fn is_at_once(&self, record: &Record<'_>) -> bool {
        let near = |(one, other): (i64, i64)| one.abs_diff(other) <= SOON_US;
        let is_one = match (self.when.boot_us, record.when.boot_us) {
            (None, None) => self.when.wall_us.zip(record.when.wall_us).is_some_and(near),
            (one, other) => one == other,
        };
        is_one && record.origin == Origin::Kernel && self.host.as_deref() == record.host && self.caller == record.caller
    }

    /// What of the line is behind the newline, where it may be of the name that `invoked oom-killer` is behind. Nothing tells where that
    /// begins: any short line of the kernel may be before it, unless it has the same time since boot, or this one has no prefix.
    pub(super) fn rest_of_start<'l>(&self, record: &Record<'l>) -> Option<&'l [u8]> {
        if self.when.boot_us.is_none() && !record.is_bare() {
            return None;
        }
        self.behind_newline(record).or_else(|| record.is_bare().then_some(record.text))
    }

    pub(super) fn push_behind_newline(&mut self, rest: &[u8]) {
        let blanks = core::mem::take(&mut self.blanks);
        self.text.extend(core::iter::repeat_n(b' ', blanks));
        self.text.push(b'\n');
        self.text.extend_from_slice(rest);
    }

    /// What the lines are together with this one behind a newline in the name, when that is something.
    fn join_name(&mut self, record: &Record<'_>) -> Option<Joined> {
        let name = self.name_at?;
        let rest = match self.behind_newline(record) {
            Some(rest) => rest,
            // Without a prefix it is as good as the words in it.
            None if self.is_of_kill() && record.is_bare() && oom_report::line(record.text) == Line::Other => {
                let word = record.text.split(|byte| *byte == b' ').next().unwrap_or_default();
                self.needed = self.needed.max((self.columns + 1 + word.len()).min(WIDE));
                record.text
            }
            None => return None,
        };
        if self.text.len() + rest.len() > LONGEST {
            return None;
        }
        let is_open = !matches!(
            oom_report::line(&self.text),
            Line::Killed(Killed { comm: Some(_), .. }) | Line::Selected(Selected { comm: Some(_), .. })
        );
        let (length, blanks) = (self.text.len(), self.blanks);
        self.push_behind_newline(rest);
        let comm = match oom_report::line(&self.text) {
            Line::Killed(Killed { comm, .. }) | Line::Selected(Selected { comm, .. }) => comm,
            Line::Summary(Summary { pid: Some(_), comm, .. }) => comm,
            Line::Running(running) => Some(running.comm),
            _ => None,
        };
        let widest = self.widest.max(NARROW).max(last_blank(record));
        let joined = match comm {
            Some(comm) if fits(comm) && self.needed <= widest => {
                self.name_at = None;
                Some(if self.is_known { Joined::More } else { Joined::Whole })
            }
            None if is_open && fits(&self.text[name..]) => Some(Joined::NotYet),
            _ => None,
        };
        if joined.is_none() {
            self.text.truncate(length);
            self.blanks = blanks;
            // A part of a name was taken for what it is not.
            self.is_begun &= !self.has_joined;
        }
        joined
    }
}

impl Assembler {
    /// Takes a line that begins behind a newline in a process's name, whatever it looks like.
    pub(in crate::oomlog::assemble) fn goes_on_in_name(
        &mut self,
        record: &Record<'_>,
        position: Position,
        done: &mut dyn FnMut(Event),
    ) -> Option<Part> {
        let is_again = self.last.is_again(record);
        self.wrapped.is_said_twice |= is_again && !self.wrapped.has_joined;
        if self.wrapped.is_over() || is_again && self.wrapped.is_said_twice {
            return None;
        }
        let mut wrapped = core::mem::take(&mut self.wrapped);
        let joined = wrapped.join_name(record);
        wrapped.has_joined |= joined.is_some();
        self.wrapped = wrapped;
        let before = self.number;
        self.take_joined(joined?, position, done);
        self.all += 1;
        Some(self.part(before))
    }
}
