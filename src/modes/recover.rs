//! `memdoor recover FILE`: what a record holds that was not finished: complete sections only, on standard output.

extern crate alloc;

use alloc::vec::Vec;
use core::ffi::CStr;

use super::{fail, output_exit};
use crate::error::Error;
use crate::exit::Exit;
use crate::report::escape::Escaped;
use crate::sys::file::File;
use crate::sys::out::{Broken, Out, Sink, say};
use crate::sys::record::frame::{Form, Kind};
use crate::sys::record::read::{Found, read};
use crate::sys::{Errno, Result};

/// No record is larger, and a file that says so is none.
const MAX: usize = 1 << 30;

/// What was not whole.
#[derive(Default)]
struct Told {
    entries: usize,
    lost: usize,
    open: Option<usize>,
    last: Option<Kind>,
}

/// Writes the record at `path` to standard output. `lent` is for that.
#[must_use]
#[inline(never)]
pub fn run(path: &CStr, lent: &mut [u8]) -> Exit {
    let name = path.to_bytes();
    let mut bytes = match load(path) {
        Ok(bytes) => bytes,
        Err(errno) => return fail(&Error::new("read", name, errno)),
    };
    let Some(form) = Form::of(&bytes) else {
        say(format_args!(
            "memdoor: {} is no record of memdoor: they are written by memdoor -p PID -o DIR",
            Escaped(name)
        ));
        return Exit::Error;
    };
    let mut out = Out::new(Sink::Stdout, lent);
    let mut told = Told::default();
    out.put(form.magic());
    read(&mut bytes, &mut |found| told.take(form, &found, &mut out));
    out.flush();
    match out.broken() {
        Some(broken @ Broken::Failed(_)) => output_exit(broken),
        _ => told.say(name),
    }
}

fn load(path: &CStr) -> Result<Vec<u8>> {
    const PIECE: usize = 1 << 16;
    let file = File::open_plain(path)?;
    let mut bytes = Vec::new();
    loop {
        let length = bytes.len();
        bytes.resize(length + PIECE, 0);
        let more = file.read_at(bytes.get_mut(length..).unwrap_or_default(), length as u64)?;
        bytes.truncate(length + more);
        // What does not begin as a record need not be read to its end.
        if more == 0 || Form::of(&bytes).is_none() {
            return Ok(bytes);
        }
        if bytes.len() > MAX {
            return Err(Errno::EFBIG);
        }
    }
}

impl Told {
    fn take(&mut self, form: Form, found: &Found<'_>, out: &mut Out<'_>) {
        let (frame, body) = match found {
            Found::Lost(count) => {
                self.lost += count;
                return;
            }
            Found::Open(frame, body) => {
                self.open = Some(frame.number);
                (frame, body)
            }
            Found::Entry(frame, body) => (frame, body),
        };
        self.entries += 1;
        self.last = Some(frame.kind);
        out.put(found.line(form).as_bytes());
        out.put(body);
    }

    fn say(&self, name: &[u8]) -> Exit {
        let name = Escaped(name);
        if let Some(number) = self.open {
            say(format_args!(
                "memdoor: {name}: entry {number} was being written: its sections so far"
            ));
        }
        if self.lost > 0 {
            say(format_args!(
                "memdoor: {name}: {} bytes are left out: they are no complete entry",
                self.lost
            ));
        }
        if self.last != Some(Kind::Ended) {
            say(format_args!(
                "memdoor: {name}: {} entries; the end of the watch is not among them: it was cut off, or still goes on",
                self.entries
            ));
        }
        if self.lost == 0 && self.open.is_none() {
            Exit::Done
        } else {
            Exit::Partial
        }
    }
}
