//! The files of a session.

extern crate std;

mod which;

use core::ffi::CStr;
use std::os::fd::AsFd;

use super::options::Form;
use crate::files::{Unusable, Where};
use crate::fixed::Fixed;
use crate::report::escape::Escaped;
use crate::report::table::{Full, HEADER, TableContext, Writer, put_header};
use crate::sys::clock::Now;
use crate::sys::file::Dir;
use crate::sys::logfile::{LogFile, Path};
use crate::sys::ours::{At, Kind, Missing, Refused, Use, Why, directory, remove};
use crate::sys::out::{Out, Sink, say};
use crate::sys::{Errno, Result};
use crate::units::Bytes;

pub use which::{SessionFile, is_table};

/// Where they go if nobody says otherwise; without the right to, into the directory where memdoor was started.
const DEFAULT: &CStr = c"/var/log/memory-monitor";

/// What a file of a session is: memdoor makes them, and their names have the second in them. What has such a name later is one that was
/// rotated, or the empty file that logrotate leaves; each begins with the header or title of one of its tables, as a table that goes on
/// in another file begins anew there.
static FILE: Kind = Kind {
    name: "file of a session of memdoor monitor",
    option: "-o DIR",
    is_ours: |beginning| SessionFile::ALL.iter().any(|which| is_table(beginning, which.table().0)),
    mode: 0o640,
    use_of_it: Use::Written,
};

/// The files of a session: `memory_monitor_20261121_100831_memory.log` and seven more.
#[derive(Debug)]
pub struct Files<'a> {
    path: &'a CStr,
    /// The same, held open.
    dir: Dir,
    /// The session's local time, and a number when it is not the first of that second.
    stamp: Fixed<32>,
    all: [Option<LogFile>; SessionFile::ALL.len()],
    most: Bytes,
    keep: u32,
    trouble: Trouble,
}

/// What could not be written.
#[derive(Debug, Default)]
struct Trouble {
    /// Of which it was said; until all of them can be written again.
    said: [bool; SessionFile::ALL.len()],
    /// What was said for all of them: a full disk is one trouble, and what is in the place of a file is its own.
    said_of_all: Option<Errno>,
    /// How the last write to each of them went.
    last: [Last; SessionFile::ALL.len()],
    /// Rows that are in no file, since that was said.
    lost: u64,
    /// The same of the whole session.
    lost_ever: u64,
}

/// How the last write to a file went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Last {
    /// Well, or there was none.
    #[default]
    Good,
    /// It failed in this sample: so many bytes.
    FailedNow(usize),
    /// It failed in an earlier sample.
    Failed(usize),
}

impl<'a> Files<'a> {
    /// Makes them in `dir`, which is made as well, for its owner only, if its parent is there.
    pub fn create(
        dir: Option<&'a CStr>,
        now: &Now,
        most: Bytes,
        keep: u32,
    ) -> core::result::Result<Self, Unusable<'a>> {
        let create = |path| Self::create_in(path, now, most, keep);
        let may_be_elsewhere = |why| {
            let errnos = [Errno::EACCES, Errno::EPERM, Errno::EROFS, Errno::ENOENT];
            matches!(why, Why::Failed(errno) if errnos.contains(&errno))
        };
        match create(dir.unwrap_or(DEFAULT)) {
            Err(unusable) if dir.is_none() && may_be_elsewhere(unusable.refused.why) => create(c"."),
            created => created,
        }
    }

    fn create_in(path: &'a CStr, now: &Now, most: Bytes, keep: u32) -> core::result::Result<Self, Unusable<'a>> {
        let unusable = |refused| Unusable::of(&FILE, "create files in", path, refused);
        let mut files = Self {
            path,
            dir: directory(path, Missing::Make).map_err(unusable)?,
            stamp: Fixed::new(),
            all: [const { None }; SessionFile::ALL.len()],
            most,
            keep,
            trouble: Trouble::default(),
        };
        files.create_all(now).map_err(|why| unusable(Refused { at: Fixed::of(path.to_bytes()), why }))?;
        Ok(files)
    }

    /// All of them, or none.
    fn create_all(&mut self, now: &Now) -> core::result::Result<(), Why> {
        let mut number = 1;
        for which in SessionFile::ALL {
            let made = loop {
                self.stamp = stamp(now, number);
                match self.open(which, LogFile::create).map_err(|refused| refused.why) {
                    // Another session of this second; once the first file is there the others are its own.
                    Err(Why::Failed(Errno::EEXIST)) if which == SessionFile::Memory && number < 99 => number += 1,
                    made => break made,
                }
            };
            match (made, self.all.get_mut(which as usize)) {
                (Ok(made), Some(slot)) => *slot = Some(made),
                (Ok(_), None) => {}
                (Err(why), _) => {
                    self.remove_all();
                    return Err(why);
                }
            }
        }
        Ok(())
    }

    /// Takes back what was made so far.
    fn remove_all(&mut self) {
        for which in SessionFile::ALL {
            let made = self.all.get_mut(which as usize).and_then(Option::take);
            if let (Some(_), Some(name)) = (made, self.name(which).as_c_str()) {
                // They are empty, and why there is no session is told already.
                let _ = remove(&self.dir, name);
            }
        }
    }

    /// The directory where they are, as it was named.
    #[must_use]
    pub const fn dir(&self) -> &CStr {
        self.path
    }

    /// Where that is now.
    pub fn dir_now<'p>(&'p self, proc: &Dir, buf: &'p mut [u8]) -> Where<'p> {
        Where::of(&self.dir, self.path, proc, buf)
    }

    /// What the names of this session's files begin with.
    #[must_use]
    pub fn stamp(&self) -> &[u8] {
        self.stamp.as_bytes()
    }

    /// The path of one, as its directory was named.
    #[must_use]
    pub fn path(&self, which: SessionFile) -> Path {
        let mut path = Path::of(self.path.to_bytes());
        path.push(b"/").push(self.name(which).as_bytes());
        path
    }

    /// The name of one.
    #[must_use]
    pub fn name(&self, which: SessionFile) -> Fixed<256> {
        let mut name = Fixed::of(b"memory_monitor_");
        name.push(self.stamp.as_bytes()).push(b"_").push(which.table().1.as_bytes()).push(b".log");
        name
    }

    fn open(&self, which: SessionFile, how: Opening) -> core::result::Result<LogFile, Refused> {
        let name = self.name(which);
        let name = name.as_c_str().ok_or_else(unknown)?;
        how(At { dir: &self.dir, name }, &FILE, self.most.0, self.keep)
    }

    /// Where words go that are no table: the summary, at the end.
    #[must_use]
    pub fn sink(&self, which: SessionFile) -> Sink<'_> {
        let file = self.all.get(which as usize).and_then(Option::as_ref);
        file.map_or(Sink::Nowhere, |file| Sink::Fd(file.as_fd()))
    }

    /// Appends rows to one: with one write(2) when they fit into `buf`. What fails is said once of each file, and tried again the next time.
    pub fn write(
        &mut self,
        which: SessionFile,
        context: &TableContext<'_>,
        buf: &mut [u8],
        rows: &mut dyn FnMut(&mut Writer<'_, '_>),
    ) {
        let form = match which {
            SessionFile::Memory => Form::Csv,
            // A dozen tables in one of CSV are read by nobody.
            SessionFile::Summary if context.form == Form::Csv => Form::Text,
            _ => context.form,
        };
        let mut out = Out::in_memory(buf);
        let mut one = One { files: self, which, form };
        let mut writer = Writer::new(context, form, which.table().0, &mut out, Some(&mut one));
        rows(&mut writer);
        let count = writer.finish();
        one.take(&mut out, count);
    }

    /// Whether this one could not be written the last time.
    #[must_use]
    pub fn is_failing(&self, which: SessionFile) -> bool {
        self.trouble.last.get(which as usize).is_some_and(|last| *last != Last::Good)
    }

    /// Whether rows of this session are in no file.
    #[must_use]
    pub const fn has_lost(&self) -> bool {
        self.trouble.lost_ever > 0
    }

    /// After each sample: says that all can be written again, once that is so. Where a file that failed had nothing to take in this
    /// sample, it is looked at what is in its place now.
    pub fn end_sample(&mut self) {
        if !self.trouble.said.contains(&true) {
            return;
        }
        for which in SessionFile::ALL {
            let now = match self.trouble.last.get(which as usize).copied() {
                Some(Last::FailedNow(length)) => Last::Failed(length),
                Some(Last::Failed(length)) if self.make_room(which, length).is_err() => continue,
                _ => Last::Good,
            };
            self.note(which, now);
        }
        if self.trouble.last == [Last::Good; SessionFile::ALL.len()] {
            let (dir, lost) = (Escaped(self.path.to_bytes()), self.trouble.lost);
            say(format_args!("memdoor: files in {dir} can be written again; {lost} rows were lost"));
            self.trouble = Trouble { lost_ever: self.trouble.lost_ever, ..Trouble::default() };
        }
    }

    /// Goes on in files of the same names: somebody has renamed those that there were.
    pub fn reopen(&mut self) {
        self.all = [const { None }; SessionFile::ALL.len()];
        self.look_for_dir();
        for which in SessionFile::ALL {
            if let Err(refused) = self.slot(which).map(drop) {
                self.failed(which, &refused, 0, 0);
            }
        }
    }

    /// The directory may have been renamed, or removed and made anew.
    fn look_for_dir(&mut self) {
        if let Ok(dir) = directory(self.path, Missing::Refuse) {
            self.dir = dir;
        }
    }

    /// The file, opened if it could not be before.
    fn slot(&mut self, which: SessionFile) -> core::result::Result<&mut LogFile, Refused> {
        let is_open = matches!(self.all.get(which as usize), Some(Some(_)));
        let opened = match is_open {
            true => None,
            false => Some(self.open(which, LogFile::reopen)?),
        };
        let slot = self.all.get_mut(which as usize).ok_or_else(unknown)?;
        if opened.is_some() {
            *slot = opened;
        }
        slot.as_mut().ok_or_else(unknown)
    }

    fn append(&mut self, which: SessionFile, form: Form, bytes: &[u8]) -> core::result::Result<(), Refused> {
        let is_gone = |why| matches!(why, Why::Failed(Errno::ENOENT | Errno::ESTALE));
        let room = match self.make_room(which, bytes.len()) {
            Err(refused) if is_gone(refused.why) => {
                self.look_for_dir();
                self.make_room(which, bytes.len())
            }
            room => room,
        };
        let size = room?;
        let file = self.slot(which)?;
        let mut write = || -> Result<()> {
            if size == 0 && form == Form::Csv {
                let mut buf = [0; HEADER];
                let mut header = Out::in_memory(&mut buf);
                put_header(which.table().0, &mut header);
                file.write(header.held())?;
            }
            file.write(bytes)
        };
        write().map_err(|errno| Refused { at: Fixed::of(self.name(which).as_bytes()), why: errno.into() })
    }

    /// Opens the file if it is not, and rotates it if it is full. How many bytes there are in it.
    fn make_room(&mut self, which: SessionFile, length: usize) -> core::result::Result<u64, Refused> {
        let name = self.name(which);
        let name = name.as_c_str().ok_or_else(unknown)?;
        self.slot(which)?;
        let Self { dir, all, .. } = self;
        let file = all.get_mut(which as usize).and_then(Option::as_mut).ok_or_else(unknown)?;
        file.make_room(At { dir, name }, length)
    }

    fn succeeded(&mut self, which: SessionFile) {
        if !matches!(self.trouble.last.get(which as usize), Some(Last::FailedNow(_))) {
            self.note(which, Last::Good);
        }
    }

    fn note(&mut self, which: SessionFile, now: Last) {
        if let Some(last) = self.trouble.last.get_mut(which as usize) {
            *last = now;
        }
    }

    #[cold]
    fn failed(&mut self, which: SessionFile, refused: &Refused, length: usize, rows: u64) {
        self.note(which, Last::FailedNow(length));
        self.trouble.lost += rows;
        self.trouble.lost_ever += rows;
        let said = self.trouble.said.get_mut(which as usize);
        if said.is_none_or(|said| core::mem::replace(said, true)) {
            return;
        }
        let of_all = of_all(refused.why);
        if of_all.is_some() && core::mem::replace(&mut self.trouble.said_of_all, of_all) == of_all {
            return;
        }
        let path = self.path(which);
        let mut at = Path::of(self.path.to_bytes());
        at.push(b"/").push(refused.at.as_bytes());
        let refused = Refused { at: Fixed::of(at.as_bytes()), why: refused.why };
        let is_in_the_way = !matches!(refused.why, Why::Failed(_));
        let unusable =
            Unusable { doing: "write", path: path.as_bytes(), name: FILE.name, option: FILE.option, refused };
        say(format_args!("memdoor: warning: {unusable}; sampling goes on"));
        if is_in_the_way {
            let at = Escaped(at.as_bytes());
            say(format_args!("hint: move {at} away: it is tried again with each sample"));
        }
    }
}

/// Why one file can't be written where it is why none of its directory can.
const fn of_all(why: Why) -> Option<Errno> {
    match why {
        Why::Failed(
            errno @ (Errno::ENOSPC
            | Errno::EDQUOT
            | Errno::EROFS
            | Errno::EIO
            | Errno::EFBIG
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::ENOMEM
            | Errno::ENOENT
            | Errno::ESTALE),
        ) => Some(errno),
        _ => None,
    }
}

/// How a file of a session is opened.
type Opening = fn(At<'_>, &'static Kind, u64, u32) -> core::result::Result<LogFile, Refused>;

/// None of these files has another number or a name that is too long.
const fn unknown() -> Refused {
    Refused { at: Fixed::new(), why: Why::Failed(Errno::EBADF) }
}

/// One of them, which takes what does not fit into memory.
struct One<'f, 'a> {
    files: &'f mut Files<'a>,
    which: SessionFile,
    form: Form,
}

impl Full for One<'_, '_> {
    fn take(&mut self, out: &mut Out<'_>, rows: u64) {
        if !out.held().is_empty() {
            match self.files.append(self.which, self.form, out.held()) {
                // Of several pieces in one sample none may be lost.
                Ok(()) => self.files.succeeded(self.which),
                Err(refused) => self.files.failed(self.which, &refused, out.held().len(), rows),
            }
        }
        out.forget();
    }
}

/// `20261121_100831`, or with `-2` behind it.
fn stamp(now: &Now, number: u8) -> Fixed<32> {
    let date = now.local;
    let mut text = Fixed::new();
    let day = date.year * 10_000 + i32::from(date.month) * 100 + i32::from(date.day);
    text.push_dec(day).push(b"_");
    // A one in front keeps the zeros.
    let time = 1_000_000 + u32::from(date.hour) * 10_000 + u32::from(date.minute) * 100 + u32::from(date.second);
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(time).as_bytes();
    text.push(digits.get(1..).unwrap_or_default());
    if number > 1 {
        text.push(b"-").push_dec(number);
    }
    text
}
