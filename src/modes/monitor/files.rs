//! The files of a session.

extern crate std;

mod which;

use core::ffi::CStr;
use std::os::fd::AsFd;

use super::options::Form;
use super::sheet::{Full, Pen, Writer, put_header};
use crate::error::Because;
use crate::fixed::Fixed;
use crate::modes::files::Unusable;
use crate::report::escape::Escaped;
use crate::sys::clock::Now;
use crate::sys::file::Dir;
use crate::sys::logfile::{LogFile, Path};
use crate::sys::ours::{At, Kind, Missing, Refused, Use, Why, directory, remove};
use crate::sys::out::{Out, Sink, say};
use crate::sys::{Errno, Result};
use crate::units::Bytes;

pub use which::Which;

/// Where they go if nobody says otherwise; without the right to, into the directory where memdoor was started.
const DEFAULT: &CStr = c"/var/log/memory-monitor";

/// Room for the longest header of CSV: 240 bytes.
const HEADER: usize = 512;

/// What a file of a session is: memdoor makes them, and their names have the second in them. What has such a name later is what was
/// renamed, or the empty file that logrotate leaves: what is in it tells nothing, as a table may go on in a new file.
static FILE: Kind = Kind {
    name: "file of a session of memdoor monitor",
    option: "-o DIR",
    is_ours: |_| true,
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
    all: [Option<LogFile>; Which::ALL.len()],
    most: Bytes,
    keep: u32,
    trouble: Trouble,
}

/// What could not be written.
#[derive(Debug, Default)]
struct Trouble {
    /// It was said; until a whole sample could be written again.
    is_said: bool,
    /// Something failed in this sample.
    is_now: bool,
    /// Rows that are in no file.
    lost: u64,
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
            all: [const { None }; Which::ALL.len()],
            most,
            keep,
            trouble: Trouble::default(),
        };
        files
            .create_all(now)
            .map_err(|errno| unusable(Refused { at: Fixed::of(path.to_bytes()), why: Why::Failed(errno) }))?;
        Ok(files)
    }

    /// All of them, or none.
    fn create_all(&mut self, now: &Now) -> Result<()> {
        let mut number = 1;
        for which in Which::ALL {
            let made = loop {
                self.stamp = stamp(now, number);
                match self.open(which, LogFile::create) {
                    // Another session of this second; once the first file is there the others are its own.
                    Err(Errno::EEXIST) if which == Which::Memory && number < 99 => number += 1,
                    made => break made,
                }
            };
            match (made, self.all.get_mut(which as usize)) {
                (Ok(made), Some(slot)) => *slot = Some(made),
                (Ok(_), None) => {}
                (Err(errno), _) => {
                    self.remove_all();
                    return Err(errno);
                }
            }
        }
        Ok(())
    }

    /// Takes back what was made so far.
    fn remove_all(&mut self) {
        for which in Which::ALL {
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

    /// What the names of this session's files begin with.
    #[must_use]
    pub fn stamp(&self) -> &[u8] {
        self.stamp.as_bytes()
    }

    /// The path of one.
    #[must_use]
    pub fn path(&self, which: Which) -> Path {
        let mut path = Path::of(self.path.to_bytes());
        path.push(b"/").push(self.name(which).as_bytes());
        path
    }

    fn name(&self, which: Which) -> Fixed<256> {
        let mut name = Fixed::of(b"memory_monitor_");
        name.push(self.stamp.as_bytes()).push(b"_").push(which.table().1.as_bytes()).push(b".log");
        name
    }

    fn open(&self, which: Which, how: fn(At<'_>, &'static Kind, u64, u32) -> Result<LogFile>) -> Result<LogFile> {
        let name = self.name(which);
        let name = name.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
        how(At { dir: &self.dir, name }, &FILE, self.most.0, self.keep)
    }

    /// Where words go that are no table: the summary, at the end.
    #[must_use]
    pub fn sink(&self, which: Which) -> Sink<'_> {
        let file = self.all.get(which as usize).and_then(Option::as_ref);
        file.map_or(Sink::Nowhere, |file| Sink::Fd(file.as_fd()))
    }

    /// Appends rows to one: with one write(2) when they fit into `buf`. What fails is said once, and tried again the next time.
    pub fn write(&mut self, which: Which, pen: &Pen<'_>, buf: &mut [u8], rows: &mut dyn FnMut(&mut Writer<'_, '_>)) {
        let form = match which {
            Which::Memory => Form::Csv,
            // A dozen tables in one of CSV are read by nobody.
            Which::Summary if pen.form == Form::Csv => Form::Text,
            _ => pen.form,
        };
        let mut out = Out::in_memory(buf);
        let mut one = One { files: self, which, form };
        let mut writer = Writer::new(pen, form, which.table().0, &mut out, Some(&mut one));
        rows(&mut writer);
        let count = writer.finish();
        one.take(&mut out, count);
    }

    /// Whether something could not be written since the last [`Files::end_sample`].
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.trouble.is_now
    }

    /// After each sample: says that all can be written again.
    pub fn end_sample(&mut self) {
        let is_now = core::mem::take(&mut self.trouble.is_now);
        if self.trouble.is_said && !is_now {
            let (dir, lost) = (Escaped(self.path.to_bytes()), self.trouble.lost);
            say(format_args!("memdoor: files in {dir} can be written again; {lost} rows were lost"));
            self.trouble = Trouble::default();
        }
    }

    /// Goes on in files of the same names: somebody has renamed those that there were.
    pub fn reopen(&mut self) {
        self.all = [const { None }; Which::ALL.len()];
        self.look_for_dir();
        for which in Which::ALL {
            let opened = self.slot(which).map(drop);
            if let Err(errno) = opened {
                self.failed(which, errno, 0);
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
    fn slot(&mut self, which: Which) -> Result<&mut LogFile> {
        let is_open = matches!(self.all.get(which as usize), Some(Some(_)));
        let opened = match is_open {
            true => None,
            false => Some(self.open(which, LogFile::reopen)?),
        };
        let slot = self.all.get_mut(which as usize).ok_or(Errno::EBADF)?;
        if opened.is_some() {
            *slot = opened;
        }
        slot.as_mut().ok_or(Errno::EBADF)
    }

    fn append(&mut self, which: Which, form: Form, bytes: &[u8]) -> Result<()> {
        self.append_below(which, form, bytes).or_else(|errno| match errno {
            Errno::ENOENT | Errno::ESTALE => {
                self.look_for_dir();
                self.append_below(which, form, bytes)
            }
            errno => Err(errno),
        })
    }

    fn append_below(&mut self, which: Which, form: Form, bytes: &[u8]) -> Result<()> {
        let name = self.name(which);
        let name = name.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
        self.slot(which)?;
        let Self { dir, all, .. } = self;
        let file = all.get_mut(which as usize).and_then(Option::as_mut).ok_or(Errno::EBADF)?;
        let size = file.make_room(At { dir, name }, bytes.len())?;
        if size == 0 && form == Form::Csv {
            let mut buf = [0; HEADER];
            let mut header = Out::in_memory(&mut buf);
            put_header(which.table().0, &mut header);
            file.write(header.held())?;
        }
        file.write(bytes)
    }

    #[cold]
    fn failed(&mut self, which: Which, errno: Errno, rows: u64) {
        self.trouble.is_now = true;
        self.trouble.lost += rows;
        if !core::mem::replace(&mut self.trouble.is_said, true) {
            let path = self.path(which);
            let (path, why) = (Escaped(path.as_bytes()), Because(errno));
            say(format_args!("memdoor: warning: cannot write {path}: {why}; sampling goes on"));
        }
    }
}

/// One of them, which takes what does not fit into memory.
struct One<'f, 'a> {
    files: &'f mut Files<'a>,
    which: Which,
    form: Form,
}

impl Full for One<'_, '_> {
    fn take(&mut self, out: &mut Out<'_>, rows: u64) {
        if !out.held().is_empty()
            && let Err(errno) = self.files.append(self.which, self.form, out.held())
        {
            self.files.failed(self.which, errno, rows);
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
