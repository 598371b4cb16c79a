//! `memdoor recover FILE`: what a record holds that was not finished: complete sections only, on standard output.

use core::ffi::CStr;

use crate::error::Error;
use crate::exit::Exit;
use crate::files::Unusable;
use crate::fixed::Fixed;
use crate::refusal::{fail, output_exit};
use crate::report::escape::Escaped;
use crate::sys::file::File;
use crate::sys::map::Region;
use crate::sys::ours::{Refused, Why, other_than_a_file};
use crate::sys::out::{Broken, Out, Sink, say};
use crate::sys::record;
use crate::sys::record::frame::{Form, Kind, State};
use crate::sys::record::read::{Found, read};
use crate::sys::{Errno, Result};
use crate::units::plural;

/// No record is larger, and a file that says so is none.
const MAX: usize = 1 << 30;

/// What was not whole.
#[derive(Default)]
struct Damage {
    entries: usize,
    lost: usize,
    /// Entries that are whole, and whose numbers can't be true.
    misnumbered: usize,
    open: Option<usize>,
    short: usize,
    last: Option<Kind>,
    /// One of the lines is damaged that tell what counts.
    is_state_damaged: bool,
    /// Bytes behind the end of the watch.
    behind: usize,
}

/// Writes the record at `path` to standard output. `lent` is for that.
#[must_use]
#[inline(never)]
pub fn run(path: &CStr, lent: &mut [u8]) -> Exit {
    let name = path.to_bytes();
    if let Some(other) = other_than_a_file(path) {
        let refused = Refused { at: Fixed::of(name), why: Why::Is(other) };
        let option = "memdoor recover FILE";
        return Unusable { doing: "read", path: name, name: record::FILE.name, option, refused }.say();
    }
    let mut out = Out::new(Sink::Stdout, lent);
    match copy(path, &mut out) {
        Ok(Some(records)) => match out.broken() {
            Some(broken @ Broken::Failed(_)) => output_exit(broken),
            _ => say_of_all(&records, name),
        },
        Ok(None) => {
            say(format_args!(
                "memdoor: {} is no record of memdoor: they are written by memdoor -p PID -o DIR",
                Escaped(name)
            ));
            Exit::Error
        }
        Err(errno) => fail(&Error::new("read", name, errno)),
    }
}

/// Writes all records of the file, one behind the other as files that were put together have them, each in its own form. What was not
/// whole of each; `None` when it begins with none.
fn copy(path: &CStr, out: &mut Out<'_>) -> Result<Option<Vec<Damage>>> {
    let file = File::open_plain(path)?;
    if Form::of(file.once(&mut [0; 128])?).is_none() {
        return Ok(None);
    }
    let size = file.size()?;
    if size > MAX {
        return Err(Errno::EFBIG);
    }
    let mut memory = Region::new(size)?;
    let bytes = memory.as_bytes();
    let length = file.fill(bytes)?.len();
    let mut records = Vec::new();
    let mut rest = bytes.get_mut(..length).unwrap_or_default();
    while let Some(form) = Form::of(rest) {
        out.put(form.magic());
        let mut damage = Damage { is_state_damaged: State::is_one_damaged(form, rest), ..Damage::default() };
        rest = read(rest, &mut |found| damage.take(form, &found, out)).unwrap_or_default();
        records.push(damage);
    }
    out.flush();
    Ok(Some(records))
}

/// Says what was not whole, and of which record where there are several.
fn say_of_all(records: &[Damage], name: &[u8]) -> Exit {
    let mut exit = Exit::Done;
    for (number, damage) in (1..).zip(records) {
        let name = Escaped(name);
        let name = if records.len() > 1 { format!("{name}, record {number}") } else { name.to_string() };
        exit = exit.worse(damage.say(&name));
    }
    exit
}

impl Damage {
    fn take(&mut self, form: Form, found: &Found<'_>, out: &mut Out<'_>) {
        let (frame, body) = match found {
            Found::Lost(count) => {
                self.lost += count;
                return;
            }
            Found::Behind(count) => {
                self.behind = *count;
                return;
            }
            Found::Open(frame, body) => {
                self.open = Some(frame.number);
                (frame, body)
            }
            Found::Misnumbered(frame, body) => {
                self.misnumbered += 1;
                (frame, body)
            }
            Found::Entry(frame, body) => (frame, body),
        };
        self.entries += 1;
        self.short += usize::from(frame.kind == Kind::Short);
        self.last = Some(frame.kind);
        out.put(found.line(form).as_bytes());
        out.put(body);
    }

    fn say(&self, name: &str) -> Exit {
        if let Some(number) = self.open {
            say(format_args!("memdoor: {name}: entry {number} was being written: its sections so far"));
        }
        if self.lost > 0 {
            say(format_args!("memdoor: {name}: {} bytes are left out: they are no complete entry", self.lost));
        }
        if self.misnumbered > 0 {
            let are = plural(self.misnumbered as u64, "entry is out of its order", "entries are out of their order");
            say(format_args!("memdoor: {name}: {} {are}: a number in a line `Entry:` is damaged", self.misnumbered));
        }
        if self.behind > 0 {
            say(format_args!(
                "memdoor: {name}: {} bytes behind the end are left out: they are no record, and none of this one",
                self.behind
            ));
        }
        if self.short > 0 {
            let entries = if self.short == 1 { "entry is" } else { "entries are" };
            say(format_args!(
                "memdoor: {name}: {} {entries} cut (short): the record had no room for the rest",
                self.short
            ));
        }
        if self.is_state_damaged {
            say(format_args!(
                "memdoor: {name}: a State line is damaged: what was written last may be missing, or be what was there before"
            ));
        }
        if self.last != Some(Kind::Ended) {
            say(format_args!(
                "memdoor: {name}: {} entries; the end of the watch is not among them: it was cut off, or still goes on",
                self.entries
            ));
        }
        let is_whole = self.lost + self.behind + self.misnumbered == 0
            && self.open.is_none()
            && self.short == 0
            && !self.is_state_damaged;
        if is_whole { Exit::Done } else { Exit::Partial }
    }
}
