//! `-o DIR`: the file that a watch leaves, from its name to its last one.

mod names;

use core::ffi::CStr;

use self::names::{Name, name, retain};
use super::member::Evidence;
use super::output::Output;
use crate::error::{Because, Error};
use crate::exit::Exit;
use crate::files::{Unusable, Where};
use crate::fixed::Fixed;
use crate::mode::with_report;
use crate::refusal::fail;
use crate::report::escape::Escaped;
use crate::report::{self, Event, Format, Head, Section, Severity, Value};
use crate::sys::clock::Now;
use crate::sys::file::Dir;
use crate::sys::ours::{At, Missing, Refused, Why, directory, is_free, probe, remove};
use crate::sys::out::{Out, Sink, say};
use crate::sys::record::frame::{Form, Kind};
use crate::sys::record::log::{Lack, MIN, least_for, room_for};
use crate::sys::record::{self, Record, Unfinished};
use crate::sys::{Errno, Result, harden};
use crate::target::Target;
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
pub(super) struct Place<'a> {
    asked: Recording<'a>,
    dir: Dir,
    part: Name,
    name: Name,
}

/// So many watches of one process may begin in one second and directory.
const NUMBERS: u32 = 99;

const PART: &[u8] = b".part";

/// The largest that is chosen unasked, but for one that would not have a whole snapshot.
const SIZE_MAX: usize = 64 << 20;

const RECORD: &Event = &Event::alone("memdoor.record.begin", "record of a watch", Severity::Info);

/// What a file of snapshots is of.
const SECTION: Section = Section { key: "memdoor.record.begin", banner: "##### WATCH RECORD INFORMATION #####\n" };

const HOST: report::Name = report::Name(RECORD, "Host Name", "");
const KERNEL: report::Name = report::Name(RECORD, "Kernel Release", "");
const BOOT: report::Name = report::Name(RECORD, "Boot ID", "");
const VERSION: report::Name = report::Name(RECORD, "Memdoor Version", "");
const COMM: report::Name = report::Name(RECORD, "Command Name", "process.name");
const TYPED: report::Name = report::Name(RECORD, "Watch Command Line", "memdoor.watch.command_line");
const SIZE: report::Name = report::Name(RECORD, "Record Size", "memdoor.record.size_bytes");

impl<'a> Output<'a> {
    /// Makes the file and writes its head.
    pub(super) fn start_record(
        &mut self,
        asked: Recording<'a>,
        evidence: &mut Evidence,
        buf: &mut [u8],
    ) -> core::result::Result<(), Exit> {
        let path = asked.dir.to_bytes();
        let dir = open_dir(asked.dir, Missing::Refuse)?;
        let now = Now::read();
        let comm: Fixed<64> = evidence.target.stat(|stat| Fixed::of(stat.comm)).unwrap_or_default();
        let Sized { size, is_raised } = self.size(asked, &mut evidence.target, buf);
        let mut number = 1;
        let (place, record) = loop {
            let name = name(&now, comm.as_bytes(), evidence.target.pid, number, self.format);
            let mut part = name.clone();
            part.push(PART);
            match create(&dir, &part, &name, size, self.form(), buf) {
                // Another watch of this process in this second.
                Err(Errno::EEXIST) if number < NUMBERS => number += 1,
                Err(errno) => {
                    let mut file = Fixed::<128>::of(path);
                    file.push(b"/").push(part.as_bytes());
                    let hint = if is_raised {
                        "it takes room for all of it at once, and less has no room for a snapshot of this process: -o another DIR"
                    } else {
                        "it takes room for all of it at once: see --record-size, and that DIR can be written to"
                    };
                    return Err(fail(&Error::new("write", file.as_bytes(), errno).hint(hint)));
                }
                Ok(record) => break (Place { asked, dir, part, name }, record),
            }
        };
        // Only now: were there no room for a new one, the old ones would be all that is left of earlier nights.
        if let Some(keep) = asked.keep {
            retain(&place.dir, path, keep);
        }
        if record::is_in_memory(&place.dir) {
            say(format_args!(
                "memdoor: note: {} is in memory (tmpfs): a reboot takes the record with it",
                Escaped(path)
            ));
        }
        self.place = Some(place);
        self.write_head(record, evidence, &now, comm.as_bytes(), size);
        Ok(())
    }

    fn form(&self) -> Form {
        match self.format {
            Format::Text => Form::Text,
            Format::Json => Form::Json,
        }
    }

    /// The size that was asked for, or what four snapshots take, and some reports below, twice as long as they would be now. One that has
    /// not even one snapshot would lose the last, which is the one that counts: then it is not what was asked for, and that is said.
    fn size(&self, asked: Recording<'_>, target: &mut Target, buf: &mut [u8]) -> Sized {
        let (one, twice) = self.snapshot_sizes(target, buf);
        // The command line stands in the head.
        let least = least_for(self.form(), 2048 + asked.typed.len(), one);
        let needed = room_for(twice).min(SIZE_MAX).max(least);
        let typed = asked.size.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX));
        match typed {
            None => Sized { size: needed, is_raised: false },
            Some(size) if size >= least => Sized { size, is_raised: false },
            Some(size) => {
                say(format_args!(
                    "memdoor: warning: --record-size {}k is too small: a snapshot of this process takes about {}k, and the first and \
                     the last must fit; the record takes {}k",
                    size / 1024,
                    one.div_ceil(1024),
                    needed / 1024
                ));
                Sized { size: needed, is_raised: true }
            }
        }
    }

    /// About how many bytes a snapshot takes: with the mappings and descriptors that there are now, and with twice as many.
    fn snapshot_sizes(&self, target: &mut Target, buf: &mut [u8]) -> (usize, usize) {
        let mut mappings = 0;
        let (view, files) = target.view_and_files();
        // What can't be read takes no room either.
        if let Ok(mut lines) = files.maps.lines(view, buf) {
            while let Some(Ok(_)) = lines.next() {
                mappings += 1;
            }
        }
        let sockets = target.descriptors();
        // What has no rows of its own, and rows: as long as they are on the whole, and as they may be.
        let (now, twice) = match self.format {
            Format::Text => ((4096, 90, 80), (6144, 130, 110)),
            Format::Json => ((12_288, 370, 430), (24_576, 720, 860)),
        };
        let sum = |(whole, mapping, socket): (usize, usize, usize)| whole + mapping * mappings + socket * sockets;
        (sum(now), sum(twice))
    }

    /// Who writes, of whom and how: into the record alone.
    fn write_head(&mut self, record: Record, evidence: &Evidence, now: &Now, comm: &[u8], size: usize) {
        let mut buf = [0; 512];
        let mut out = Out::new(Sink::Nowhere, &mut buf);
        out.record_to(Some(record));
        out.begin(Kind::Start);
        let pid = evidence.target.pid;
        let head = Head { now, pid, comm };
        let typed = self.place.as_ref().map_or(&b""[..], |place| place.asked.typed);
        let [pid, exe] = evidence.identity.facts(pid, RECORD);
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
        with_report(self.format, &mut out, &self.envelope, |report| {
            report.head(&head);
            report.begin(&SECTION);
            report.facts(&facts);
            report.end(&SECTION);
            report.foot();
        });
        out.seal();
        self.to.record_to(out.take_record());
    }

    /// The record is complete: it gets its length and its name. What it had no room for is handed back.
    pub(super) fn finish_record(&mut self) -> core::result::Result<Option<Lack>, Exit> {
        let (Some(mut record), Some(place)) = (self.to.take_record(), &self.place) else {
            return Ok(None);
        };
        let lack = record.lack();
        let (part, name) = (place.part.as_c_str(), place.name.as_c_str());
        let (part, name) = (part.unwrap_or_default(), name.unwrap_or_default());
        record.finish(&place.dir, part, name).map(|()| lack).map_err(|why| {
            let (dir, part) = (Escaped(place.asked.dir.to_bytes()), Escaped(part.to_bytes()));
            match why {
                Unfinished::Failed(errno) => {
                    say(format_args!("memdoor: cannot complete {dir}/{part}: {}", Because(errno)));
                    say(format_args!("hint: what it holds: memdoor recover on that file"));
                }
                Unfinished::Deleted => {
                    say(format_args!(
                        "memdoor: cannot complete {dir}/{part}: the record was deleted while the watch ran, and what it held is lost"
                    ));
                    say(format_args!("hint: what clears that directory must leave *.part alone, or: -o another DIR"));
                }
                Unfinished::MovedAway { inode, is_taken } => {
                    let words = match is_taken {
                        true => ", and what is there is another file: both stay as they are",
                        false => ", and stays as it is",
                    };
                    say(format_args!("memdoor: cannot complete {dir}/{part}: the record was moved away{words}"));
                    say(format_args!("hint: find {dir} -inum {inode} finds it below that; then memdoor recover on it"));
                }
            }
            Exit::Error
        })
    }
}

/// The size of a record, and whether that is more than was asked for.
struct Sized {
    size: usize,
    is_raised: bool,
}

/// Says that some of it is missing, and what to type the next time.
fn say_lack(lack: Lack) {
    let reports = if lack.entries == 1 { "report has" } else { "reports have" };
    say(format_args!(
        "memdoor: part of the evidence is not in the record: {} {reports} no room in it and stand cut (short), or not at all",
        lack.entries
    ));
    say(format_args!("hint: --record-size {}k", lack.needed.div_ceil(1024)));
}

impl Output<'_> {
    /// On standard error, once it is complete: where it is, and what it had no room for.
    pub(super) fn say_of_the_record(&self, lack: Option<Lack>, proc: &Dir) -> Exit {
        self.say_where_the_record_is(proc);
        lack.map_or(Exit::Done, |lack| {
            say_lack(lack);
            Exit::Partial
        })
    }

    fn say_where_the_record_is(&self, proc: &Dir) {
        if let Some(place) = &self.place {
            let asked = place.asked;
            let name = Escaped(place.name.as_bytes());
            let mut buf = [0; 1024];
            match Where::of(&place.dir, asked.dir, proc, &mut buf) {
                Where::AsTyped(dir) => say(format_args!("memdoor: the record is {}/{name}", Escaped(dir))),
                Where::Moved(dir) => say(format_args!(
                    "memdoor: the record is {}/{name}: {} was moved, or is another directory now",
                    Escaped(dir),
                    Escaped(asked.dir.to_bytes())
                )),
                Where::Unknown => say(format_args!(
                    "memdoor: the record is {name}, in the directory that was {} when the watch began, and was moved",
                    Escaped(asked.dir.to_bytes())
                )),
            }
        }
    }
}

/// Opens the directory of `-o`, and makes it if that is asked for. Why that can't be has been said.
fn open_dir(path: &CStr, missing: Missing) -> core::result::Result<Dir, Exit> {
    directory(path, missing).map_err(|refused| refuse_dir(path, refused))
}

fn refuse_dir(path: &CStr, refused: Refused) -> Exit {
    Unusable::of(&record::FILE, "create a record in", path, refused).say()
}

/// Before anything else is done: makes the directory of `-o` and sees whether a file can be made there.
pub(super) fn check(asked: &Recording<'_>) -> core::result::Result<(), Exit> {
    let dir = open_dir(asked.dir, Missing::Make)?;
    let refused = |errno| Refused { at: Fixed::of(asked.dir.to_bytes()), why: Why::Failed(errno) };
    probe(&dir).map_err(|errno| refuse_dir(asked.dir, refused(errno)))
}

/// The file; EEXIST when something has its name, or the one that it will get.
fn create(dir: &Dir, part: &Name, name: &Name, size: usize, form: Form, lent: &mut [u8]) -> Result<Record> {
    let names = [part, name].map(|name| name.as_c_str().ok_or(Errno::ENAMETOOLONG));
    let [part, name] = [names[0]?, names[1]?];
    let at = At { dir, name: part };
    if !is_free(At { dir, name }) {
        return Err(Errno::EEXIST);
    }
    let record = create_part(at, size, form, lent)?;
    // Only who has the part makes the name: what has it by now is of a watch that ended between the two looks.
    if !is_free(At { dir, name }) {
        remove(dir, part)?;
        return Err(Errno::EEXIST);
    }
    Ok(record)
}

/// When the memory of the file may not be locked, that is said, and it is as it is.
fn create_part(at: At<'_>, size: usize, form: Form, lent: &mut [u8]) -> Result<Record> {
    match Record::create(at, size, form, lent) {
        // Every mapping is locked since arming, and this one is over RLIMIT_MEMLOCK.
        Err(errno @ (Errno::EAGAIN | Errno::EPERM)) if harden::lock_no_more().is_ok() => {
            say(format_args!(
                "memdoor: warning: cannot lock the memory of the record: {}; it may be lost under pressure (run as root or with \
                 CAP_IPC_LOCK, raise the limit: ulimit -l unlimited, or give a smaller --record-size)",
                Because(errno)
            ));
            Record::create(at, size, form, lent)
        }
        done => done,
    }
}

/// The least that `--record-size` may say.
pub const SIZE_MIN: Bytes = Bytes(MIN as u64);
