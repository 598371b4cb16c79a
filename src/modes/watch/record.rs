//! `-o DIR`: the file that a watch leaves, from its name to its last one.

mod names;

use core::ffi::CStr;

use self::names::{name, retain};
use super::Armed;
use super::below::identity;
use crate::error::{Because, Error};
use crate::exit::Exit;
use crate::fixed::Fixed;
use crate::modes::{fail, with_report};
use crate::report::escape::Escaped;
use crate::report::{Event, Format, Head, Name, Section, Value};
use crate::sys::clock::Now;
use crate::sys::file::Dir;
use crate::sys::out::{Out, Sink, say};
use crate::sys::record::frame::{Form, Kind};
use crate::sys::record::log::MIN;
use crate::sys::record::{self, Record};
use crate::sys::{Errno, Result, harden};
use crate::units::Bytes;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a> {
    /// Where the file goes.
    pub dir: &'a CStr,
    /// Its size; `None`: as the target needs it.
    pub size: Option<Bytes>,
    /// How many records that directory may have afterwards; `None`: any number.
    pub keep: Option<u64>,
    /// The command line, for the head of the record.
    pub typed: &'a [u8],
}

/// Where the record is, and what it will be called.
pub(super) struct Place {
    dir: Dir,
    part: Fixed<160>,
    name: Fixed<160>,
}

const PART: &[u8] = b".part";

/// The largest that is chosen unasked.
const SIZE_MAX: usize = 64 << 20;

const HOST: Name = Name(Event::Record, "Host Name", "");
const KERNEL: Name = Name(Event::Record, "Kernel Release", "");
const BOOT: Name = Name(Event::Record, "Boot ID", "");
const VERSION: Name = Name(Event::Record, "Memdoor Version", "");
const COMM: Name = Name(Event::Record, "Command Name", "process.name");
const TYPED: Name = Name(Event::Record, "Watch Command Line", "memdoor.watch.command_line");
const SIZE: Name = Name(Event::Record, "Record Size", "memdoor.record.size_bytes");

impl Armed<'_> {
    /// Makes the file and writes its head, when it was asked for.
    #[inline(never)]
    pub(super) fn start_record(&mut self) -> core::result::Result<(), Exit> {
        let Some(asked) = self.options.record else {
            return Ok(());
        };
        let path = asked.dir.to_bytes();
        let dir = Dir::open(asked.dir).map_err(|errno| fail(&no_dir(path, errno)))?;
        if let Some(keep) = asked.keep {
            retain(&dir, path, keep);
        }
        let now = Now::read();
        let comm: Fixed<64> = self.target.stat(|stat| Fixed::of(stat.comm)).unwrap_or_default();
        let name = name(&now, comm.as_bytes(), self.target.pid, self.options.format);
        let mut part = name.clone();
        part.push(PART);
        let place = Place { dir, part, name };
        let size = asked.size.map_or_else(|| self.size_needed(), |size| usize::try_from(size.0).unwrap_or(usize::MAX));
        let record = create(&place, size, self.form(), self.buf).map_err(|errno| {
            let mut file = Fixed::<128>::of(path);
            file.push(b"/").push(place.part.as_bytes());
            let hint = "it takes room for all of it at once: see --record-size, and that DIR can be written to";
            fail(&Error::new("write", file.as_bytes(), errno).hint(hint))
        })?;
        if record::is_in_memory(&place.dir) {
            say(format_args!(
                "memdoor: note: {} is in memory (tmpfs): a reboot takes the record with it",
                Escaped(path)
            ));
        }
        self.place = Some(place);
        self.write_head(record, &now, comm.as_bytes(), size);
        Ok(())
    }

    fn form(&self) -> Form {
        match self.options.format {
            Format::Text => Form::Text,
            Format::Json => Form::Json,
        }
    }

    /// What four snapshots take, and some reports below: of rows as long as they usually are, twice as many as there are now.
    #[inline(never)]
    fn size_needed(&mut self) -> usize {
        let mut mappings = 0;
        let (view, files) = self.target.view_and_files();
        // What can't be read takes no room either.
        if let Ok(mut lines) = files.maps.lines(view, self.buf) {
            while let Some(Ok(_)) = lines.next() {
                mappings += 1;
            }
        }
        let sockets = self.target.descriptors();
        let (whole, mapping, socket) = match self.options.format {
            Format::Text => (6144, 130, 110),
            Format::Json => (24576, 720, 860),
        };
        let snapshot = whole + mapping * mappings + socket * sockets;
        (65_536 + 4 * snapshot).min(SIZE_MAX).next_multiple_of(4096)
    }

    /// Who writes, of whom and how: into the record alone.
    #[inline(never)]
    fn write_head(&mut self, record: Record, now: &Now, comm: &[u8], size: usize) {
        let mut buf = [0; 512];
        let mut out = Out::new(Sink::Nowhere, &mut buf);
        out.record_to(Some(record));
        out.begin(Kind::Start);
        let head = Head { now, pid: self.target.pid, comm };
        let typed = self.options.record.map_or(&b""[..], |asked| asked.typed);
        let [pid, exe] = identity(self.target.pid, self.exe.as_ref(), Event::Record);
        let facts = [
            HOST.is(Value::Text(self.envelope.host.as_bytes())),
            KERNEL.is(Value::Text(self.envelope.release.as_bytes())),
            BOOT.is(Value::text_or_nothing(self.envelope.boot_id.as_bytes())),
            VERSION.is(Value::Text(env!("CARGO_PKG_VERSION").as_bytes())),
            pid,
            COMM.is(Value::Text(comm)),
            exe,
            TYPED.is(Value::Text(typed)),
            SIZE.is(Value::Bytes(Bytes(size as u64))),
        ];
        with_report(self.options.format, &mut out, &self.envelope, |report| {
            report.head(&head);
            report.begin(Section::Record);
            report.facts(&facts);
            report.end(Section::Record);
            report.foot();
        });
        out.seal();
        self.out.record_to(out.take_record());
    }

    /// The record is complete: it gets its length and its name.
    #[inline(never)]
    pub(super) fn finish_record(&mut self) -> core::result::Result<(), Exit> {
        let (Some(mut record), Some(place)) = (self.out.take_record(), &self.place) else {
            return Ok(());
        };
        let (part, name) = (place.part.as_c_str(), place.name.as_c_str());
        let (part, name) = (part.unwrap_or_default(), name.unwrap_or_default());
        record.finish(&place.dir, part, name).map_err(|errno| {
            let path = self.options.record.map_or(c"", |asked| asked.dir);
            say(format_args!(
                "memdoor: cannot complete {}/{}: {}",
                Escaped(path.to_bytes()),
                Escaped(part.to_bytes()),
                Because(errno)
            ));
            if errno != Errno::ENOENT {
                say(format_args!("hint: what it holds: memdoor recover on that file"));
            }
            Exit::Error
        })
    }
}

impl Armed<'_> {
    /// On standard error, once it is complete.
    pub(super) fn say_where_the_record_is(&self) {
        if let (Some(asked), Some(place)) = (self.options.record, &self.place) {
            let (dir, name) = (asked.dir.to_bytes(), place.name.as_bytes());
            let dir = dir.strip_suffix(b"/").unwrap_or(dir);
            say(format_args!("memdoor: the record is {}/{}", Escaped(dir), Escaped(name)));
        }
    }
}

fn no_dir(path: &[u8], errno: Errno) -> Error {
    Error::new("open", path, errno).hint("-o takes a directory that is there: mkdir -p it first")
}

/// The file; when its memory may not be locked, that is said, and it is as it is.
#[inline(never)]
fn create(place: &Place, size: usize, form: Form, lent: &mut [u8]) -> Result<Record> {
    let part = place.part.as_c_str().ok_or(Errno::ENAMETOOLONG)?;
    match Record::create(&place.dir, part, size, form, lent) {
        // Every mapping is locked since arming, and this one is over RLIMIT_MEMLOCK.
        Err(errno @ (Errno::EAGAIN | Errno::EPERM)) if harden::lock_no_more().is_ok() => {
            say(format_args!(
                "memdoor: warning: cannot lock the memory of the record: {}; it may be lost under pressure (run as root or with \
                 CAP_IPC_LOCK, raise the limit: ulimit -l unlimited, or give a smaller --record-size)",
                Because(errno)
            ));
            Record::create(&place.dir, part, size, form, lent)
        }
        done => done,
    }
}

/// The least that `--record-size` may say.
pub const SIZE_MIN: Bytes = Bytes(MIN as u64);
